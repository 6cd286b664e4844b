"""The verification's report: what was checked, how often, and what came of it.

Source: audit specification, section 12. What was not checked is listed, never silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Optional

from .policy import CosignedCheckpoint
from .times import print_time
from .verdict import PledgerError, ProvenBad, Result

CHECK_IDS = (
    "frames checkpoint_form log_signature quorum cosignature_age tiles entries_root leaf_form sequence time_order "
    "old_consistency inclusion envelope_digest command_id command_id_once canonical signature_at_seq expiry "
    "idempotency approvals replay invariants documents margin_recomputed seals_recomputed overrides snapshots "
    "store_chain"
).split()
"""All that a verification may speak of, in the report's order."""
NOT_ASKED = "not part of what was asked for, or of what this program checks"


@dataclass
class Check:
    """One check: how many times it held, and the first thing that did not."""

    id: str
    count: int = 0
    failed: bool = False
    undecided: bool = False
    first_seq: Optional[int] = None
    reason: str = ""

    @property
    def result(self) -> str:
        """`pass`, `fail` or `not_checked`."""
        if self.failed:
            return "fail"
        return "not_checked" if self.undecided or not self.count else "pass"


@dataclass
class Report:
    """Checks in the order in which they were begun; those in `asked` must have been made for a good result."""

    asked: tuple[str, ...]
    checks: dict[str, Check] = field(default_factory=dict)
    checkpoint: Optional[CosignedCheckpoint] = None
    recorded_at: Optional[tuple[int, int]] = None
    proven: list[str] = field(default_factory=list)

    def check(self, id_: str) -> Check:
        """The check of that id."""
        return self.checks.setdefault(id_, Check(id_))

    @contextmanager
    def checking(self, id_: str, seq: Optional[int] = None) -> Iterator[None]:
        """Counts what holds inside, and keeps the first thing that does not; nothing is raised further."""
        check = self.check(id_)
        try:
            yield
        except ProvenBad as error:
            if not check.failed:
                check.first_seq, check.reason = seq, str(error)
            check.failed = True
        except PledgerError as error:
            if not check.failed and not check.undecided:
                check.first_seq, check.reason = seq, str(error)
            check.undecided = True
        else:
            check.count += 1

    def skip(self, id_: str, reason: str) -> None:
        """Lists what is not checked, and why."""
        check = self.check(id_)
        check.undecided, check.reason = True, reason

    @property
    def result(self) -> Result:
        """One failed check is bad whatever else is open; one that was asked for and not made is undecidable."""
        if any(check.failed for check in self.checks.values()):
            return Result.BAD
        if all(id_ in self.checks and self.checks[id_].result == "pass" for id_ in self.asked):
            return Result.GOOD
        return Result.UNDECIDABLE

    def listed(self) -> list[Check]:
        """Every check there is: what was not made is told, too."""
        return [self.checks.get(id_) or Check(id_, undecided=True, reason=NOT_ASKED) for id_ in CHECK_IDS]

    def to_json(self) -> str:
        """One object of strings; what is not known is left out."""
        members: dict[str, object] = {"format": "pledger/verify-report/v1", "result": str(self.result)}
        if self.checkpoint is not None:
            opened = self.checkpoint.opened
            members["origin"] = opened.checkpoint.origin
            members["size"] = str(opened.checkpoint.size)
            members["root"] = opened.checkpoint.root.hex()
            members["checkpoint"] = opened.sha256.hex()
        members["cosigned_by"] = [name for name, _ in self.checkpoint.cosigned_by] if self.checkpoint else []
        if self.recorded_at is not None:
            first, last = map(print_time, self.recorded_at)
            members["recorded_at"] = {"first": first, "last": last}
        members["checks"] = [_check_json(check) for check in self.listed()]
        return json.dumps(members, ensure_ascii=False)

    def __str__(self) -> str:
        lines = [
            f"{check.result:<12}{check.id} {check.count}" + (f": {check.reason}" if check.reason else "")
            for check in self.listed()
        ]
        lines += self.proven
        origin = size = root = "unknown"
        if self.checkpoint is not None:
            checkpoint = self.checkpoint.opened.checkpoint
            origin, size, root = checkpoint.origin, str(checkpoint.size), checkpoint.root.hex()
        lines.append(f"RESULT {self.result} origin={origin} size={size} root={root}")
        return "\n".join(lines)


def _check_json(check: Check) -> dict[str, str]:
    members = {"id": check.id, "result": check.result, "count": str(check.count)}
    if check.first_seq is not None:
        members["first_seq"] = str(check.first_seq)
    if check.reason:
        members["reason"] = check.reason
    return members
