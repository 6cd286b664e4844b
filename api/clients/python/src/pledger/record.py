"""The log's leaves: five lines.

Source: audit specification, section 3. A leaf shows order, time and commitments; names, amounts and types
are in bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

from .text_forms import decode_hex, parse_decimal, utf8
from .times import parse_time, print_time
from .verdict import Malformed

_VERSION = "pledger/record/v1"


@dataclass(frozen=True)
class Record:
    """One leaf: its number, when it was recorded (milliseconds since 1970), and two digests of 32 bytes."""

    seq: int
    recorded_at: int
    command_id: bytes
    envelope_sha256: bytes

    @classmethod
    def parse(cls, data: bytes) -> "Record":
        """Reads exactly the five lines. Raises Malformed."""
        lines = utf8(data).split("\n")
        if len(lines) != 6 or lines[0] != _VERSION or lines[5] != "":
            raise Malformed(f"not five lines of {_VERSION}")
        return cls(parse_decimal(lines[1]), parse_time(lines[2]), decode_hex(lines[3], 32), decode_hex(lines[4], 32))

    def __bytes__(self) -> bytes:
        return (
            f"{_VERSION}\n{self.seq}\n{print_time(self.recorded_at)}\n"
            f"{self.command_id.hex()}\n{self.envelope_sha256.hex()}\n"
        ).encode()
