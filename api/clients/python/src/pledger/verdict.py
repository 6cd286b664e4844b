"""The two ways in which something is not proven good, as exceptions.

An operator's slip must never be called a forgery, nor a forgery a slip: what is well-formed and
contradicts something signed or computed is *proven bad*; what cannot be read, reached or attributed
is *undecidable*. Source: audit specification, section 12.
"""

from __future__ import annotations

from enum import Enum


class Result(Enum):
    """The three results; the value is the exit code."""

    GOOD = 0
    BAD = 1
    UNDECIDABLE = 2

    def __str__(self) -> str:
        return self.name.lower()


class PledgerError(Exception):
    """What this package raises about foreign bytes and answers."""


class ProvenBad(PledgerError):
    """Something well-formed contradicts something signed or computed."""


class BadSignature(ProvenBad):
    """A signature by a known key does not verify."""


class WrongHash(ProvenBad):
    """A hash, path or root is not the one that was committed to."""


class Contradiction(ProvenBad):
    """Two statements that must agree do not: numbers, ids, times, figures."""


class Undecidable(PledgerError):
    """Nothing was shown either way."""


class Malformed(Undecidable):
    """Bytes that are not of the format, or of a version that this package does not know."""


class UnknownSigner(Undecidable):
    """Nothing at hand was signed by a key that is known."""


class QuorumNotMet(Undecidable):
    """The policy's quorum is not among the good cosignatures."""


class Unreachable(Undecidable):
    """Nobody answered, or not with what was asked, or with more than is read."""


def result_of(error: PledgerError) -> Result:
    """Which of the results an exception stands for."""
    return Result.BAD if isinstance(error, ProvenBad) else Result.UNDECIDABLE
