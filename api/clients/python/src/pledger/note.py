"""Signed notes, with log signatures (0x01) and cosignatures (0x04).

Source: audit specification, sections 5 and 7; C2SP signed-note v1.0.0 and tlog-cosignature v1.0.1. An
unknown (name, key id) is skipped, whatever its length; a known one that is wrong condemns the note.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from .ed25519 import SIGNATURE_BYTES, SecretKey
from .text_forms import U63_MAX, decode_base64, encode_base64
from .verdict import BadSignature, Malformed, UnknownSigner
from .vkey import KeyType, VerifierKey, check_key_name

SIGNATURES_MAX = 100
NOTE_MAX = 64 * 1024
_DASH = "\u2014 "
_ID_BYTES = 4


@dataclass(frozen=True)
class SignatureLine:
    """`— <name> <base64(key id ‖ signature)>`."""

    name: str
    id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> "SignatureLine":
        """Reads a line without its line feed. Raises Malformed."""
        name, space, blob = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise Malformed("not a signature line")
        data = decode_base64(blob)
        if len(data) <= _ID_BYTES:
            raise Malformed("a signature line without a signature")
        return cls(check_key_name(name), data[:_ID_BYTES], data[_ID_BYTES:])

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.id + self.signature)}\n"


@dataclass(frozen=True)
class GoodSignature:
    """A line that a known key made; `time` is the cosignature's, in seconds since 1970."""

    key: VerifierKey
    time: Optional[int]


@dataclass(frozen=True)
class Note:
    """A text that ends in a line feed, and who signed it."""

    text: str
    signatures: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, text: str) -> "Note":
        """Reads a whole note of at most 64 KiB and 100 signatures. Raises Malformed."""
        if len(text) > NOTE_MAX:
            raise Malformed(f"a note of more than {NOTE_MAX} characters")
        if any(c != "\n" and unicodedata.category(c) in ("Cc", "Cs") for c in text):
            raise Malformed("a control character in a note")
        split = text.rfind("\n\n")
        if split < 0 or not text.endswith("\n"):
            raise Malformed("no empty line before signatures, or no last line feed")
        lines = text[split + 2 : -1].split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise Malformed(f"more than {SIGNATURES_MAX} signatures")
        return cls(text[: split + 1], tuple(SignatureLine.parse(line) for line in lines))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))

    def verify(self, keys: Iterable[VerifierKey]) -> list[GoodSignature]:
        """The good lines of known keys, in the note's order.

        Raises BadSignature if a known one is wrong, UnknownSigner if none is known. A line of an
        ML-DSA-44 key cannot be judged here and counts as unknown.
        """
        known = {(key.name, key.id): key for key in keys if key.type is not KeyType.ML_DSA_44}
        good = []
        for line in self.signatures:
            key = known.get((line.name, line.id))
            if key is not None:
                good.append(_verified(key, line, self.text))
        if not good:
            raise UnknownSigner("no signature by a known key")
        return good


def _verified(key: VerifierKey, line: SignatureLine, text: str) -> GoodSignature:
    signature, message, time = line.signature, text.encode(), None
    if key.type is KeyType.COSIGNATURE_V1 and len(signature) == 8 + SIGNATURE_BYTES:
        (time,) = struct.unpack(">Q", signature[:8])
        signature, message = signature[8:], cosigned_bytes(text, time)
    public = key.public
    if public is None or (time is not None and time > U63_MAX) or not public.verifies(message, signature):
        raise BadSignature(f"the signature of {key.name} is wrong")
    if key.type is KeyType.COSIGNATURE_V1 and time is None:
        raise BadSignature(f"the cosignature of {key.name} has no time")
    return GoodSignature(key, time)


def cosigned_bytes(text: str, seconds: int) -> bytes:
    """What a cosignature signs: its time, in seconds since 1970, and the whole note text."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@dataclass(frozen=True)
class NoteSigner:
    """A key that signs notes under a name."""

    name: str
    type: KeyType
    key: SecretKey

    @property
    def verifier(self) -> VerifierKey:
        """The vkey that others need."""
        return VerifierKey(check_key_name(self.name), self.type, bytes(self.key.public))

    def line(self, text: str, seconds: int = 0) -> SignatureLine:
        """Signs a note's text: as a log, or, with the time, as a cosigner. Raises Malformed for other types."""
        if self.type is KeyType.LOG_ED25519:
            signature = self.key.sign(text.encode())
        elif self.type is KeyType.COSIGNATURE_V1:
            signature = struct.pack(">Q", seconds) + self.key.sign(cosigned_bytes(text, seconds))
        else:
            raise Malformed("this package signs no notes with ML-DSA-44")
        return SignatureLine(self.name, self.verifier.id, signature)
