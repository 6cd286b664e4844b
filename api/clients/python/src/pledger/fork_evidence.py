"""Fork evidence: two statements of one log that cannot both be true of one history.

Source: audit specification, section 15. A failed consistency proof alone proves nothing, for the sender may
have erred; two signatures of the log's own do.
"""

from __future__ import annotations

from dataclasses import dataclass

from .checkpoint import open_checkpoint
from .merkle import leaf_hash, verify_inclusion
from .policy import Policy
from .text_forms import decode_base64, encode_base64, utf8
from .tlog_proof import TlogProof
from .verdict import Malformed, PledgerError, Undecidable

HEADER = "pledger/fork-evidence/v1"
SAME_SIZE = "same_size"
SAME_INDEX = "same_index"


class NoFork(Undecidable):
    """Both statements can be true of one history."""


class SideUnproven(Undecidable):
    """One of the two is not shown to be the log's."""


@dataclass(frozen=True)
class Fork:
    """A fork that was shown: where, and the two roots or leaf hashes there."""

    kind: str
    origin: str
    at: int
    a: bytes
    b: bytes


@dataclass(frozen=True)
class ForkEvidence:
    """The text's three members; `a` and `b` are notes or tlog-proofs."""

    kind: str
    a: str
    b: str

    @classmethod
    def parse(cls, text: str) -> "ForkEvidence":
        """Raises Malformed."""
        lines = text.split("\n")
        if len(lines) != 5 or lines[0] != HEADER or lines[4] != "":
            raise Malformed(f"not a {HEADER}")
        kind = lines[1].removeprefix("kind ")
        if not lines[1].startswith("kind ") or kind not in (SAME_SIZE, SAME_INDEX):
            raise Malformed("a fork of an unknown kind")
        if not lines[2].startswith("a ") or not lines[3].startswith("b "):
            raise Malformed("not a line a and a line b")
        a, b = (utf8(decode_base64(line[2:])) for line in lines[2:4])
        return cls(kind, a, b)

    def __str__(self) -> str:
        a, b = (encode_base64(side.encode()) for side in (self.a, self.b))
        return f"{HEADER}\nkind {self.kind}\na {a}\nb {b}\n"

    def verify(self, policy: Policy) -> Fork:
        """The fork, under the log's key alone: a split view needs no quorum to be one.

        Raises NoFork and SideUnproven.
        """
        judge = _signed_root if self.kind == SAME_SIZE else _included_leaf
        try:
            (origin, at, a), (other_origin, other_at, b) = judge(self.a, policy), judge(self.b, policy)
        except PledgerError as error:
            raise SideUnproven(str(error)) from None
        if origin != other_origin or at != other_at:
            raise NoFork("of two logs, sizes or places")
        if a == b:
            raise NoFork("both say the same")
        return Fork(self.kind, origin, at, a, b)


def _signed_root(note: str, policy: Policy) -> tuple[str, int, bytes]:
    checkpoint = open_checkpoint(note, policy.logs).checkpoint
    return checkpoint.origin, checkpoint.size, checkpoint.root


def _included_leaf(text: str, policy: Policy) -> tuple[str, int, bytes]:
    proof = TlogProof.parse(text)
    if proof.extra is None:
        raise Malformed("a proof without its leaf")
    checkpoint = open_checkpoint(proof.checkpoint, policy.logs).checkpoint
    leaf = leaf_hash(proof.extra)
    verify_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.path)
    return checkpoint.origin, proof.index, leaf
