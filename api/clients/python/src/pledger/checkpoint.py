"""Checkpoints: how long the log is and what its root is, signed.

Source: audit specification, section 5; C2SP tlog-checkpoint v1.0.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from .merkle import EMPTY_ROOT
from .note import GoodSignature, Note
from .text_forms import encode_base64, parse_decimal, parse_hash
from .verdict import Contradiction, Malformed, ProvenBad, UnknownSigner
from .vkey import KeyType, VerifierKey


@dataclass(frozen=True)
class Checkpoint:
    """Origin, number of leaves and root (32 bytes), with the lines that others may add."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Reads a note's text. Raises Malformed."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
            raise Malformed("a checkpoint is three lines that are not empty, and extensions")
        checkpoint = cls(lines[0], parse_decimal(lines[1]), parse_hash(lines[2]), tuple(lines[3:-1]))
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise Malformed("size 0 goes with the empty root only")
        return checkpoint

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A checkpoint that its log signed, as it was written, with its good signatures."""

    checkpoint: Checkpoint
    text: str
    good: tuple[GoodSignature, ...]

    @property
    def sha256(self) -> bytes:
        """The digest of the whole note."""
        return hashlib.sha256(self.text.encode()).digest()


def open_checkpoint(
    text: str, log_keys: Iterable[VerifierKey], cosigner_keys: Iterable[VerifierKey] = ()
) -> OpenedCheckpoint:
    """Reads a note of a log's checkpoint and verifies every line of a known key.

    The origin is the log keys' name. Raises Malformed, BadSignature, UnknownSigner (no good line of
    the log's) and Contradiction (the log signed for another origin).
    """
    log_keys = [key for key in log_keys if key.type is not KeyType.COSIGNATURE_V1]
    note = Note.parse(text)
    good = note.verify([*log_keys, *cosigner_keys])
    signers = {item.key.name for item in good if item.key in log_keys}
    if not signers:
        raise UnknownSigner("not signed by the log")
    try:
        checkpoint = Checkpoint.parse(note.text)
    except Malformed as error:
        raise SignedNonsense(f"the log signed what is no checkpoint: {error}") from None
    if {checkpoint.origin} != signers:
        raise Contradiction(f"signed by {sorted(signers)} for {checkpoint.origin!r}")
    return OpenedCheckpoint(checkpoint, text, tuple(good))


class SignedNonsense(ProvenBad):
    """A log's good signature under bytes that it may never sign."""
