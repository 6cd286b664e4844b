"""Tiles and entry bundles: their paths and their bytes.

Source: audit specification, section 6; C2SP tlog-tiles v0.1.0. Tile `index` of level `level` holds the roots
of up to 256 complete subtrees of 256^level leaves.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from .text_forms import HASH_BYTES, U63_MAX
from .verdict import Malformed

WIDTH = 256
LEVEL_MAX = 63
ENTRIES = "entries"

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z", re.ASCII)


@dataclass(frozen=True)
class TilePath:
    """Which tile, cut to which width; level None is a bundle of entries."""

    level: Optional[int]
    index: int
    width: int = WIDTH

    @classmethod
    def parse(cls, text: str) -> "TilePath":
        """Reads the one spelling. Raises Malformed."""
        found = _PATH.match(text)
        if found is None:
            raise Malformed(f"{text[:100]!r} is no tile")
        level, groups, last, width = found.groups()
        path = cls(
            None if level == ENTRIES else int(level),
            int(groups.replace("x", "").replace("/", "") + last),
            WIDTH if width is None else int(width),
        )
        if str(path) != text or (path.level or 0) > LEVEL_MAX or path.index > U63_MAX:
            raise Malformed(f"{text[:100]!r} is no tile")
        return path

    def __str__(self) -> str:
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = ENTRIES if self.level is None else self.level
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")


def hashes_at(level: int, size: int) -> int:
    """How many hashes a tree of `size` leaves has at a level of tiles."""
    return size >> 8 * level


def tiles_of(level: Optional[int], size: int) -> Iterable[TilePath]:
    """The full tiles of a level, then the partial one; for None the bundles."""
    count = hashes_at(level or 0, size)
    for index in range(count // WIDTH):
        yield TilePath(level, index)
    if count % WIDTH:
        yield TilePath(level, count // WIDTH, count % WIDTH)


def read_hashes(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile of that width. Raises Malformed."""
    if len(data) != width * HASH_BYTES:
        raise Malformed(f"{len(data)} bytes for {width} hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def read_entries(data: bytes, width: int) -> list[bytes]:
    """The leaves of a bundle of that width: each a big-endian u16 length and its bytes. Raises Malformed."""
    entries, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise Malformed("a bundle that ends inside a length")
        (length,) = struct.unpack_from(">H", data, at)
        at += 2
        if at + length > len(data):
            raise Malformed("a bundle that ends inside an entry")
        entries.append(data[at : at + length])
        at += length
    if len(entries) != width:
        raise Malformed(f"{len(entries)} entries, not {width}")
    return entries


def print_entries(leaves: Iterable[bytes]) -> bytes:
    """The bundle of these leaves, each of less than 64 KiB."""
    return b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in leaves)
