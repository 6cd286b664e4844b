"""The audit of a public log: honest ones of every shape, and each way of lying."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Optional

from golden import golden_key

from pledger.checkpoint import Checkpoint
from pledger.ed25519 import SecretKey
from pledger.log_audit import audit_log
from pledger.log_reader import LogReader
from pledger.merkle import leaf_hash, root_of
from pledger.note import Note, NoteSigner
from pledger.policy import Policy, policy_of
from pledger.record import Record
from pledger.report import Report
from pledger.tiles import WIDTH, TilePath, print_entries
from pledger.times import now
from pledger.transport import Answer
from pledger.verdict import Result, Unreachable
from pledger.vkey import KeyType

_LOG = NoteSigner("ledger.example/audit", KeyType.LOG_ED25519, SecretKey(golden_key("/log")))
_WITNESS = NoteSigner("w.example/w", KeyType.COSIGNATURE_V1, SecretKey(golden_key("/witness-1")))
_POLICY = policy_of(_LOG.verifier)
_WITNESSED = Policy.parse(f"log {_LOG.verifier}\nwitness w {_WITNESS.verifier}\nquorum w\n")


def _leaf(seq: int, at: Optional[int] = None, command: Optional[int] = None) -> bytes:
    number = seq if command is None else command
    return bytes(Record(seq, 1_000_000 + (seq if at is None else at), number.to_bytes(32, "big"), bytes(32)))


class MemoryLog:
    """A log in memory, served path by path; what is asked for is counted, and answers may be changed."""

    def __init__(self, leaves: list[bytes], signed_at: Optional[int] = None) -> None:
        self.leaves = leaves
        self.signed_at = signed_at
        self.changed: dict[str, Callable[[Answer], Answer]] = {}
        self.asked: list[str] = []
        self._levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(self._levels[-1]) >= WIDTH:
            below = self._levels[-1]
            self._levels.append([root_of(below[at : at + WIDTH]) for at in range(0, len(below) - WIDTH + 1, WIDTH)])

    def checkpoint(self, size: Optional[int] = None) -> str:
        size = len(self.leaves) if size is None else size
        text = str(Checkpoint(_LOG.name, size, root_of(self._levels[0][:size])))
        lines = [_LOG.line(text)]
        if self.signed_at is not None:
            lines.append(_WITNESS.line(text, self.signed_at))
        return str(Note(text, tuple(lines)))

    def fetch(self, path: str, limit: int) -> Answer:
        self.asked.append(path)
        answer = Answer(200, {}, self._body(path))
        answer = self.changed[path](answer) if path in self.changed else answer
        if len(answer.body) > limit:
            raise Unreachable("too much")
        return answer

    def _body(self, path: str) -> bytes:
        if path == "checkpoint":
            return self.checkpoint().encode()
        tile = TilePath.parse(path)
        part = slice(tile.index * WIDTH, tile.index * WIDTH + tile.width)
        if tile.level is None:
            return print_entries(self.leaves[part])
        return b"".join(self._levels[tile.level][part])

    def audit(self, policy: Policy = _POLICY, old: tuple[str, ...] = ()) -> Report:
        return audit_log(LogReader(self.fetch), policy, old)


def _honest(size: int) -> MemoryLog:
    return MemoryLog([_leaf(seq) for seq in range(size)])


class HonestLogs(unittest.TestCase):
    def test_of_every_shape(self) -> None:
        for size in (0, 1, 2, 255, 256, 257, 700):
            with self.subTest(size):
                log = _honest(size)
                old = tuple(log.checkpoint(earlier) for earlier in {0, 1, size // 2, size} if earlier <= size)
                report = log.audit(old=old)
                self.assertIs(report.result, Result.GOOD, str(report))

    def test_beyond_two_levels_of_tiles(self) -> None:
        log = _honest(WIDTH * WIDTH + 3)
        report = log.audit(old=(log.checkpoint(WIDTH * WIDTH - 1),))
        self.assertIs(report.result, Result.GOOD, str(report))
        self.assertEqual(report.check("tiles").count, WIDTH + 1 + 1 + 1)

    def test_a_mirror_that_keeps_full_tiles_alone(self) -> None:
        log = _honest(300)
        old = log.checkpoint(100)
        reader = LogReader(log.fetch)
        full = reader.tile(TilePath(0, 0))
        log.changed["tile/0/000.p/100"] = lambda answer: Answer(404, {}, b"")
        self.assertEqual(LogReader(log.fetch).tile(TilePath(0, 0, 100)), full[:100])
        self.assertIs(log.audit(old=(old,)).result, Result.GOOD)

    def test_a_quorum_and_its_age(self) -> None:
        seconds = now() // 1000
        for signed_at, result in (
            (seconds, Result.GOOD),
            (seconds - 3_600, Result.UNDECIDABLE),
            (seconds + 3_600, Result.UNDECIDABLE),
            (None, Result.UNDECIDABLE),
        ):
            log = MemoryLog([_leaf(0)], signed_at)
            self.assertIs(log.audit(_WITNESSED).result, result)
            self.assertIs(log.audit().result, Result.GOOD)


class Lies(unittest.TestCase):
    def assert_fails(self, report: Report, *ids: str) -> None:
        self.assertIs(report.result, Result.BAD, str(report))
        failed = {check.id for check in report.listed() if check.result == "fail"}
        self.assertTrue(set(ids) <= failed, f"{failed} without {ids}")

    def test_each_rule_of_leaves(self) -> None:
        good = [_leaf(seq) for seq in range(4)]
        for place, leaf, id_ in (
            (2, b"hello", "leaf_form"),
            (2, _leaf(3), "sequence"),
            (2, _leaf(2, at=0), "time_order"),
            (2, _leaf(2, command=0), "command_id_once"),
        ):
            with self.subTest(id_):
                leaves = [*good[:place], leaf, *good[place + 1 :]]
                report = MemoryLog(leaves).audit()
                self.assert_fails(report, id_)
                self.assertEqual(report.check(id_).first_seq, place)

    def test_entries_and_tiles_that_are_not_what_was_signed(self) -> None:
        for path, id_ in (
            ("tile/entries/000", "entries_root"),
            ("tile/entries/001.p/44", "entries_root"),
            ("tile/0/000", "tiles"),
            ("tile/0/001.p/44", "tiles"),
            ("tile/1/000.p/1", "tiles"),
        ):
            with self.subTest(path):
                log = _honest(300)
                log.changed[path] = lambda answer: Answer(200, {}, answer.body[:-1] + bytes([answer.body[-1] ^ 1]))
                # The last byte of a bundle is a line feed, without which the leaf is none.
                self.assert_fails(log.audit(), id_)

    def test_forks_rollbacks_and_wrong_old_checkpoints(self) -> None:
        log = _honest(300)
        for other in (MemoryLog([_leaf(9)] * 100), MemoryLog([_leaf(9)] * 300), _honest(301)):
            self.assert_fails(log.audit(old=(other.checkpoint(),)), "old_consistency")
        stranger = MemoryLog([_leaf(0)]).checkpoint().replace("audit", "other")
        self.assertIs(log.audit(old=(stranger,)).result, Result.UNDECIDABLE)

    def test_a_wrong_signature(self) -> None:
        log = _honest(3)
        log.changed["checkpoint"] = lambda answer: Answer(200, {}, answer.body.replace(b"\n3\n", b"\n2\n"))
        self.assert_fails(log.audit(), "log_signature")


class WhatCannotBeRead(unittest.TestCase):
    def test_is_undecidable(self) -> None:
        def status(answer: Answer) -> Answer:
            return Answer(503, {}, b"later")

        def short(answer: Answer) -> Answer:
            return Answer(200, {}, answer.body[:-1])

        def page(answer: Answer) -> Answer:
            return Answer(200, {}, b"<html>welcome to this network</html>")

        for path in (
            "checkpoint",
            "tile/entries/000",
            "tile/0/000",
            "tile/entries/001.p/44",
            "tile/1/000.p/1",
        ):
            for change in (status, short, page):
                with self.subTest(path, change=change.__name__):
                    log = _honest(300)
                    log.changed[path] = change
                    self.assertIs(log.audit().result, Result.UNDECIDABLE)

    def test_what_failed_decides_whatever_could_not_be_read(self) -> None:
        log = MemoryLog([_leaf(0), _leaf(5), *(_leaf(seq) for seq in range(2, 300))])
        log.changed["tile/entries/001.p/44"] = lambda answer: Answer(404, {}, b"")
        report = log.audit()
        self.assertEqual(report.check("sequence").result, "fail")


if __name__ == "__main__":
    unittest.main()
