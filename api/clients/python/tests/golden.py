"""Worked bytes: the committed groups, and those of public files, which are read where they lie and not copied."""

from __future__ import annotations

import functools
import json
import os
import unittest
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[4]
_COMMITTED = REPOSITORY / "tests" / "golden" / "audit.json"
_SHARED = REPOSITORY.parent / "shared" / "vectors" / "audit.json"
ABSENT = "../shared not present"


@functools.lru_cache(maxsize=None)
def _read(path: Path) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        groups: dict[str, Any] = json.load(file)
    return groups


def golden(group: str) -> Any:
    """A group of our own formats."""
    return _read(_COMMITTED)[group]


@functools.lru_cache(maxsize=None)
def _tell_once() -> None:
    os.write(1, f"skipped: {ABSENT}\n".encode())


def shared(group: str) -> Any:
    """A group of public vectors; skips the test where they are not at hand."""
    if not _SHARED.exists():
        _tell_once()
        raise unittest.SkipTest(ABSENT)
    return _read(_SHARED)[group]


def golden_key(seed_text: str) -> bytes:
    """A seed of the golden chain, by the end of its text."""
    keys = golden("golden_chain")["keys"]
    return bytes.fromhex(next(key["seed_hex"] for key in keys if key["seed_text"].endswith(seed_text)))
