"""An outsider's audit of a public log: every tile and bundle against the root, every leaf's form and order.

Source: audit specification, section 12, mode `--url`. Memory does not grow with the log: the right edge of
the tree is kept, at most one tile a level, and the command ids seen lie in a temporary file.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .checkpoint import Checkpoint
from .leaf_order import LeafOrder
from .log_reader import LogReader
from .merkle import RightEdge, leaf_hash, root_of, verify_consistency, verify_inclusion
from .policy import CosignedCheckpoint, Policy
from .report import Report
from .tiles import WIDTH, TilePath, tiles_of
from .times import now
from .verdict import Contradiction, Malformed, PledgerError, ProvenBad, QuorumNotMet, Undecidable, WrongHash

CHECKS = (
    "checkpoint_form",
    "log_signature",
    "tiles",
    "entries_root",
    "leaf_form",
    "sequence",
    "time_order",
    "command_id_once",
    "inclusion",
)
SAMPLES = 16
COSIGNATURE_AGE_MAX_SECONDS = 15 * 60
"""An unchanged tree is witnessed again every ten minutes; the ledger stops after fifteen without a quorum."""
CLOCK_SKEW_MAX_SECONDS = 5 * 60
"""How far a witness's clock may be ahead of ours (audit specification, section 8)."""


class CosignaturesTooOld(Undecidable):
    """The quorum is there, but so old that the log may have gone on without us; or of a time yet to come."""


def audit_log(reader: LogReader, policy: Policy, old: Sequence[str] = ()) -> Report:
    """Verifies all that a log serves, and that it goes on from each earlier checkpoint in `old`.

    With a policy of witnesses its quorum and the cosignatures' age are asked for. Never raises for
    foreign bytes: what was found is in the report.
    """
    with_quorum = ("quorum", "cosignature_age") if policy.quorum else ()
    report = Report(asked=CHECKS + with_quorum + (("old_consistency",) if old else ()))
    audit = _Audit(reader, policy, report)
    if audit.open_checkpoint():
        audit.open_old(old)
        audit.read_everything()
        audit.sample_inclusion()
        audit.check_old_consistency()
    return report


class _Audit:
    def __init__(self, reader: LogReader, policy: Policy, report: Report) -> None:
        self._reader = reader
        self._policy = policy
        self._report = report
        self._head = Checkpoint("", 0, b"")
        self._old: list[Checkpoint] = []
        self._old_roots: dict[int, bytes] = {}

    def open_checkpoint(self) -> bool:
        """Whether there is a root to check anything against."""
        report, opened = self._report, None
        with report.checking("log_signature"):
            opened = self._policy.open(self._reader.checkpoint())
            self._head = opened.checkpoint
        if opened is None:
            return False
        with report.checking("checkpoint_form"):
            if self._head.extensions:
                raise Malformed("extension lines, which this ledger never writes")
        report.checkpoint = CosignedCheckpoint(opened, ())
        if self._policy.quorum is not None:
            with report.checking("quorum"):
                report.checkpoint = self._policy.require_quorum(opened)
            with report.checking("cosignature_age"):
                self._check_age(report.checkpoint)
        return True

    def _check_age(self, cosigned: CosignedCheckpoint) -> None:
        if not cosigned.cosigned_by:
            raise QuorumNotMet("no cosignature whose age could be told")
        seconds = now() // 1000
        earliest, latest = seconds - COSIGNATURE_AGE_MAX_SECONDS, seconds + CLOCK_SKEW_MAX_SECONDS
        fresh = [name for name, time in cosigned.cosigned_by if earliest <= time <= latest]
        if not self._policy.is_met_by(fresh):
            raise CosignaturesTooOld(f"no quorum within {COSIGNATURE_AGE_MAX_SECONDS} seconds")

    def open_old(self, notes: Sequence[str]) -> None:
        """Reads the earlier checkpoints, whose roots are to be met on the way."""
        for note in notes:
            with self._report.checking("old_consistency"):
                old = self._policy.open(note).checkpoint
                if old.origin != self._head.origin:
                    raise Undecidable(f"an earlier checkpoint of {old.origin!r}")
                if old.size > self._head.size:
                    raise Contradiction(f"rolled back from {old.size} to {self._head.size}")
                self._old.append(old)
            self._old_roots.update({old.size: b"" for old in self._old})

    def read_everything(self) -> None:
        """Walks the bundles once: the root from the entries, the tiles from them, each leaf in order."""
        size, edge, order = self._head.size, RightEdge(), LeafOrder(self._report)
        levels = _TileLevels(self._reader, self._report)
        self._note_root(edge)
        unread: PledgerError | None = None
        try:
            for path in tiles_of(None, size):
                for leaf in self._reader.entries(path):
                    order.read(edge.size, leaf)
                    hash_ = leaf_hash(leaf)
                    edge.push(hash_)
                    levels.push(0, hash_)
                    self._note_root(edge)
            levels.finish()
        except PledgerError as error:
            # Kept below: whatever could not be read leaves the checks open that rest on it.
            unread = error
        order.finish(size if unread is None else None)
        with self._report.checking("entries_root"):
            if unread is not None:
                raise unread
            if edge.root() != self._head.root:
                raise WrongHash("the entries have another root than the log signed")
            self._report.proven.append(f"the {size} entries are what the log signed")
        order.judge_leaves(self._report.check("entries_root").result == "pass")

    def _note_root(self, edge: RightEdge) -> None:
        if edge.size in self._old_roots:
            self._old_roots[edge.size] = edge.root()

    def sample_inclusion(self) -> None:
        """Proofs of leaves that nobody could foresee, from the tiles; a wrong leaf must fail."""
        size = self._head.size
        for _ in range(min(SAMPLES, size)):
            index = random.SystemRandom().randrange(size)
            with self._report.checking("inclusion", index):
                path = self._reader.inclusion_path(index, size)
                bundle = TilePath(None, index // WIDTH, min(WIDTH, size - index // WIDTH * WIDTH))
                leaf = self._reader.entries(bundle)[index % WIDTH]
                verify_inclusion(leaf_hash(leaf), index, size, self._head.root, path)
                self._must_fail(leaf_hash(leaf + b"\n"), index, path)
        if size == 0:
            with self._report.checking("inclusion"):
                self._must_fail(leaf_hash(b""), 0, [])

    def _must_fail(self, wrong: bytes, index: int, path: list[bytes]) -> None:
        try:
            verify_inclusion(wrong, index, self._head.size, self._head.root, path)
        except ProvenBad:
            return
        raise Contradiction("a wrong leaf passes for included")

    def check_old_consistency(self) -> None:
        """Twice: the root that the entries had at that size, and a proof from the tiles."""
        for old in self._old:
            with self._report.checking("old_consistency"):
                path = self._reader.consistency_path(old.size, self._head.size)
                verify_consistency(old.size, old.root, self._head.size, self._head.root, path)
                root = self._old_roots[old.size]
                if root and root != old.root:
                    raise WrongHash(f"the first {old.size} entries have another root than the log signed then")


class _TileLevels:
    """The tiles that the entries make, each compared with the one that is served."""

    def __init__(self, reader: LogReader, report: Report) -> None:
        self._reader = reader
        self._report = report
        self._levels: list[tuple[int, list[bytes]]] = []

    def push(self, level: int, hash_: bytes) -> None:
        if level == len(self._levels):
            self._levels.append((0, []))
        index, hashes = self._levels[level]
        hashes.append(hash_)
        if len(hashes) == WIDTH:
            self._compare(TilePath(level, index), hashes)
            self._levels[level] = (index + 1, [])
            self.push(level + 1, root_of(hashes))

    def finish(self) -> None:
        for level, (index, hashes) in enumerate(self._levels):
            if hashes:
                self._compare(TilePath(level, index, len(hashes)), hashes)
        if not self._levels:
            # An empty log has no tile.
            self._report.check("tiles").count = 1

    def _compare(self, path: TilePath, hashes: list[bytes]) -> None:
        with self._report.checking("tiles"):
            if self._reader.tile(path) != hashes:
                raise WrongHash(f"{path} is not what the entries make")
