"""Command bytes: the RFC 8785 form under the ledger's profile, and the order in which they are refused.

Source: audit specification, section 1. Under the profile the only escapes are `\\"` and `\\\\`, and byte
order of keys is code-point order, so the canonical form is: keys sorted, no space, non-ASCII left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Union

from .json_text import JsonObject, JsonValue, NotJson, read_json
from .pae import pae
from .verdict import Malformed

Tree = Union[str, bool, "list[Tree]", "dict[str, Tree]"]
TreeInput = Union[str, bool, "Sequence[TreeInput]", "Mapping[str, TreeInput]"]

PAE_MAX = 4_096
DEPTH_MAX = 6
MEMBERS_MAX = 64
CODE_POINTS_MAX = 256

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_FORBIDDEN = re.compile("[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class PayloadRefused(Malformed):
    """A payload that the ledger would not take; `code` is the problem code it would answer with."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


def read_payload(payload: bytes, payload_type: str) -> dict[str, Tree]:
    """The members of a payload that is canonical under the profile.

    Raises PayloadRefused with, in this order, `payload_too_large`, `payload_not_json`,
    `payload_profile` or `payload_not_canonical`.
    """
    if len(pae(payload_type, payload)) > PAE_MAX:
        raise PayloadRefused("payload_too_large", f"a PAE of more than {PAE_MAX} bytes")
    return read_canonical(payload)


def read_canonical(text: bytes) -> dict[str, Tree]:
    """The members of a canonical text of any size. Raises as `read_payload`, but for the size."""
    try:
        value = read_json(text)
    except NotJson as error:
        raise PayloadRefused("payload_not_json", str(error)) from None
    if not isinstance(value, JsonObject):
        raise PayloadRefused("payload_profile", "the top is no object")
    tree = _profiled_object(value, 1)
    if _print(tree).encode() != text:
        raise PayloadRefused("payload_not_canonical", "printed again, it is another text")
    return tree


def canonical(value: Mapping[str, TreeInput]) -> bytes:
    """The canonical bytes of an object. Raises PayloadRefused (`payload_profile`) if it has none."""
    printed = _print(value).encode("utf-8", "surrogatepass")
    try:
        read = read_json(printed)
    except NotJson as error:
        raise PayloadRefused("payload_profile", str(error)) from None
    if not isinstance(read, JsonObject):
        raise PayloadRefused("payload_profile", "the top is no object")
    _profiled_object(read, 1)
    return printed


def _profiled(value: JsonValue, depth: int) -> Tree:
    if isinstance(value, str):
        return _profiled_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, JsonObject):
        return _profiled_object(value, depth)
    if isinstance(value, tuple):
        _check_depth(depth)
        return [_profiled(item, depth + 1) for item in value]
    raise PayloadRefused("payload_profile", "a number or null")


def _profiled_object(value: JsonObject, depth: int) -> dict[str, Tree]:
    _check_depth(depth)
    if len(value.members) > MEMBERS_MAX:
        raise PayloadRefused("payload_profile", f"more than {MEMBERS_MAX} members")
    tree: dict[str, Tree] = {}
    for key, item in value.members:
        if not _KEY.match(key):
            raise PayloadRefused("payload_profile", f"the key {key[:50]!r}")
        if key in tree:
            raise PayloadRefused("payload_profile", f"the key {key!r} twice")
        tree[key] = _profiled(item, depth + 1)
    return tree


def _profiled_text(text: str) -> str:
    if len(text) > CODE_POINTS_MAX:
        raise PayloadRefused("payload_profile", f"a string of more than {CODE_POINTS_MAX} code points")
    if _FORBIDDEN.search(text):
        raise PayloadRefused("payload_profile", "a control or direction character")
    if not unicodedata.is_normalized("NFC", text):
        raise PayloadRefused("payload_profile", "a string that is not NFC")
    return text


def _check_depth(depth: int) -> None:
    if depth > DEPTH_MAX:
        raise PayloadRefused("payload_profile", f"nested deeper than {DEPTH_MAX}")


def _print(value: TreeInput) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        members = sorted(value.items())
        return "{" + ",".join(f"{_print(key)}:{_print(item)}" for key, item in members) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return "[" + ",".join(_print(item) for item in value) + "]"
    raise PayloadRefused("payload_profile", f"{type(value).__name__} is no value of the profile")
