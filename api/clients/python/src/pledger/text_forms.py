"""One spelling each: base64, hex, decimals, hashes and ids.

Source: audit specification, "Notation".
"""

from __future__ import annotations

import base64
import binascii
import re

from .verdict import Malformed

HASH_BYTES = 32
U63_MAX = 2**63 - 1
U128_MAX = 2**128 - 1

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,38})\Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")


def decode_base64(text: str) -> bytes:
    """Standard alphabet, padded, zero spare bits.

    Raises Malformed for every other spelling.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if encode_base64(data) != text:
        raise Malformed("base64 in another spelling")
    return data


def decode_base64_of_either_alphabet(text: str) -> bytes:
    """As `decode_base64`, in the standard or the URL-safe alphabet, but not in a mix of both."""
    if ("-" in text or "_" in text) and "+" not in text and "/" not in text:
        text = text.replace("-", "+").replace("_", "/")
    return decode_base64(text)


def encode_base64(data: bytes) -> str:
    """Standard alphabet, padded."""
    return base64.b64encode(data).decode("ascii")


def decode_hex(text: str, length: int) -> bytes:
    """Lower-case hex of so many bytes. Raises Malformed."""
    if len(text) != 2 * length or not _HEX.match(text):
        raise Malformed(f"not {length} bytes in lower-case hex")
    return bytes.fromhex(text)


def parse_decimal(text: str, largest: int = U63_MAX) -> int:
    """No sign, no leading zero, at most `largest`. Raises Malformed."""
    if not _DECIMAL.match(text) or int(text) > largest:
        raise Malformed(f"{text[:50]!r} is no decimal up to {largest}")
    return int(text)


def parse_hash(text: str) -> bytes:
    """32 bytes in base64. Raises Malformed."""
    data = decode_base64(text)
    if len(data) != HASH_BYTES:
        raise Malformed(f"a hash of {len(data)} bytes")
    return data


def parse_id(text: str) -> str:
    """An id as authors choose them (API specification, conventions). Raises Malformed."""
    if not _ID.match(text):
        raise Malformed(f"{text[:70]!r} is no id")
    return text


def utf8(data: bytes) -> str:
    """Text of bytes. Raises Malformed."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
