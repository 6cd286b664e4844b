"""tlog-proofs: a leaf's place under a checkpoint, in one text.

Source: audit specification, section 10; C2SP tlog-proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .text_forms import decode_base64, encode_base64, parse_decimal, parse_hash
from .verdict import Malformed

HEADER = "c2sp.org/tlog-proof@v1"
_PATH_MAX = 63


@dataclass(frozen=True)
class TlogProof:
    """The format alone: `extra` is not authenticated by it, and the checkpoint is not read yet."""

    extra: Optional[bytes]
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> "TlogProof":
        """Raises Malformed."""
        head, empty_line, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not empty_line or not checkpoint or lines.pop(0) != HEADER:
            raise Malformed(f"not a {HEADER}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0)[len("extra ") :])
        if not lines or not lines[0].startswith("index "):
            raise Malformed("a proof without an index")
        index = parse_decimal(lines.pop(0)[len("index ") :])
        if len(lines) > _PATH_MAX:
            raise Malformed(f"more than {_PATH_MAX} hashes")
        return cls(extra, index, tuple(map(parse_hash, lines)), checkpoint)

    def __str__(self) -> str:
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(encode_base64, self.path), "", ""]
        return "\n".join(lines) + self.checkpoint
