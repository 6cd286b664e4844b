"""Rules that hold from leaf to leaf: form, number, time, and no command twice.

Source: audit specification, sections 3 and 12. The command ids seen lie in a temporary file, so that memory
does not grow with the log.
"""

from __future__ import annotations

import sqlite3

from .record import Record
from .report import Report
from .verdict import Contradiction, Malformed, ProvenBad

CHECKS = ("leaf_form", "sequence", "time_order", "command_id_once")
_MALFORMED_KEPT = 256


class IncludedNotRecord(ProvenBad):
    """A leaf under the signed root that is none of this ledger's."""


class LeafOrder:
    """What each leaf says, in order; what is found goes into the report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._first: int | None = None
        self._last = 0
        self._malformed: list[tuple[int, Malformed]] = []
        # An empty name is a temporary database on disk, removed when it is closed.
        self._ids = sqlite3.connect("")
        self._ids.execute("PRAGMA journal_mode = OFF")
        self._ids.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, seq INTEGER) WITHOUT ROWID")

    def read(self, seq: int, leaf: bytes) -> Record | None:
        """Takes the next leaf; gives its record, if it is one."""
        report = self._report
        try:
            record = Record.parse(leaf)
        except Malformed as error:
            if len(self._malformed) < _MALFORMED_KEPT:
                self._malformed.append((seq, error))
            return None
        report.check("leaf_form").count += 1
        with report.checking("sequence", seq):
            if record.seq != seq:
                raise Contradiction(f"leaf {seq} says {record.seq}")
        with report.checking("time_order", seq):
            if record.recorded_at < self._last:
                raise Contradiction(f"leaf {seq} was recorded before the one before it")
        with report.checking("command_id_once", seq):
            try:
                self._ids.execute("INSERT INTO seen VALUES (?, ?)", (record.command_id, seq))
            except sqlite3.IntegrityError:
                raise Contradiction(f"leaf {seq} is a command recorded before") from None
        self._first = record.recorded_at if self._first is None else self._first
        self._last = max(self._last, record.recorded_at)
        return record

    def finish(self, size: int | None) -> None:
        """Ends the reading. An empty log has passed what is asked of each of its leaves."""
        self._ids.close()
        if self._first is not None:
            self._report.recorded_at = (self._first, self._last)
        for id_ in CHECKS:
            if size is None:
                self._report.skip(id_, "not every entry could be read")
            elif size == 0:
                self._report.check(id_).count = 1

    def judge_leaves(self, included: bool) -> None:
        """A malformed leaf is proven bad only if the signed root covers it."""
        for seq, error in self._malformed:
            with self._report.checking("leaf_form", seq):
                raise IncludedNotRecord(str(error)) if included else error
