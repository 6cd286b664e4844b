"""Keys of signed notes: names, key ids and the `name+hex8+base64` spelling.

Source: audit specification, section 5; C2SP signed-note v1.0.0 and tlog-cosignature v1.0.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Optional

from .ed25519 import PublicKey, public_key
from .text_forms import decode_base64, decode_hex, encode_base64
from .verdict import Malformed

_ML_DSA_44_BYTES = 1_312


class KeyType(IntEnum):
    """The byte before the public key."""

    LOG_ED25519 = 0x01
    COSIGNATURE_V1 = 0x04
    ML_DSA_44 = 0x06


def check_key_name(name: str) -> str:
    """A key's name: not empty, no Unicode space, no `+`. Raises Malformed."""
    if not name or "+" in name or any(c.isspace() for c in name):
        raise Malformed(f"{name[:80]!r} is no key name")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """A name and a public key of one type. ML-DSA-44 keys are read, and verify nothing here."""

    name: str
    type: KeyType
    encoded: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Reads a vkey, whose id must be its key's. Raises Malformed."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise Malformed("a vkey is name+hash+key")
        name, id_, material = check_key_name(parts[0]), decode_hex(parts[1], 4), decode_base64(parts[2])
        try:
            type_ = KeyType(material[0])
        except (IndexError, ValueError):
            raise Malformed("a vkey of an unknown type") from None
        key = cls(name, type_, material[1:])
        if type_ is KeyType.ML_DSA_44:
            if len(key.encoded) != _ML_DSA_44_BYTES:
                raise Malformed("an ML-DSA-44 key of another length")
        else:
            public_key(key.encoded)
        if key.id != id_:
            raise Malformed("a vkey with the id of another key")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode_base64(bytes([self.type]) + self.encoded)}"

    @property
    def id(self) -> bytes:
        """The first 4 bytes of `H(name ‖ 0x0A ‖ type ‖ public key)`."""
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.encoded
        return hashlib.sha256(named).digest()[:4]

    @property
    def public(self) -> Optional[PublicKey]:
        """Its Ed25519 key, if it is one."""
        return None if self.type is KeyType.ML_DSA_44 else public_key(self.encoded)
