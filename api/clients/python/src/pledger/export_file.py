"""Exports: one stream that proves itself, up to the replay, which takes the ledger's own rules.

Source: audit specification, sections 12 and 14. Memory does not grow with the file, but for the keys of the
parties; a document is hashed as it passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Optional

from .canonical import Tree, read_canonical, read_payload
from .ed25519 import PublicKey, public_key
from .envelope import Envelope
from .leaf_order import CHECKS as LEAF_CHECKS
from .leaf_order import LeafOrder
from .merkle import RightEdge, leaf_hash
from .note import NOTE_MAX
from .pae import APPROVAL, COMMAND, pae
from .policy import CosignedCheckpoint, Policy
from .record import Record
from .report import Report
from .text_forms import decode_base64, decode_hex, parse_decimal, utf8
from .verdict import BadSignature, Contradiction, Malformed, WrongHash

HEADER = b"pledger/export/v1\n"
DOCUMENT_MAX = 64 * 1024 * 1024
FRAME_MAX = 64 * 1024
_LINE_MAX = 128
_KINDS = ("header", "policy", "document", "record", "leaf", "checkpoint", "end")
_LEAF_LINES = 5

ASKED = ("frames", "checkpoint_form", "log_signature", "entries_root", *LEAF_CHECKS)
ASKED_OF_BODIES = ("envelope_digest", "command_id", "canonical")
ASKED_OF_REPLAY = ("signature_at_seq", "expiry", "idempotency", "approvals", "replay", "invariants")


@dataclass(frozen=True)
class Frame:
    """One frame, and the digest of all bytes of the file before its line."""

    kind: str
    data: bytes
    sha256_before: bytes


def read_frames(stream: BinaryIO) -> Iterator[Frame]:
    """The frames up to `end`, each with its digest found right.

    Raises Malformed for what is no export, is cut short, or goes on after its end; WrongHash for bytes
    that are not what their frame says.
    """
    passed = hashlib.sha256(HEADER)
    if stream.read(len(HEADER)) != HEADER:
        raise Malformed("not a pledger/export/v1")
    while True:
        line = stream.readline(_LINE_MAX)
        words = utf8(line).split(" ")
        if len(words) != 3 or not line.endswith(b"\n") or words[0] not in _KINDS:
            raise Malformed("a frame of an unknown kind, or a file that is cut short")
        kind, length = (
            words[0],
            parse_decimal(words[1], DOCUMENT_MAX if words[0] == "document" else FRAME_MAX),
        )
        digest, before = decode_hex(words[2][:-1], 32), passed.digest()
        data = stream.read(length + 1)
        if len(data) != length + 1 or data[-1:] != b"\n":
            raise Malformed(f"a frame {kind!r} that is cut short")
        passed.update(line + data)
        if hashlib.sha256(data[:-1]).digest() != digest:
            raise WrongHash(f"a frame {kind!r} with other bytes than its digest")
        yield Frame(kind, data[:-1], before)
        if kind == "end":
            break
    if stream.read(1):
        raise Malformed("bytes after the end")


def verify_export(stream: BinaryIO, policy: Policy, without_replay: bool = False) -> Report:
    """Verifies frames, tree, leaves, digests, canonical bytes, and that its author's key made each signature.

    Never raises for foreign bytes. Nothing here replays, so without `without_replay` the best that can
    come out is undecidable.
    """
    quorum = ("quorum",) if policy.quorum else ()
    report = Report(asked=ASKED + quorum + (() if without_replay else ASKED_OF_REPLAY))
    _ExportAudit(policy, report).read(stream)
    for id_ in ASKED_OF_REPLAY:
        if not report.check(id_).failed:
            report.skip(id_, "this program does not replay")
    return report


class _ExportAudit:
    def __init__(self, policy: Policy, report: Report) -> None:
        self._policy = policy
        self._report = report
        self._edge = RightEdge()
        self._order = LeafOrder(report)
        self._keys = _PartyKeys()
        self._counts = {"document": 0, "record": 0, "leaf": 0}
        self._header: dict[str, Tree] = {}
        self._checkpoint: Optional[str] = None
        self._whole = False

    def read(self, stream: BinaryIO) -> None:
        """All of the file, then what follows from all of it."""
        with self._report.checking("frames"):
            last = ""
            for frame in read_frames(stream):
                self._take(frame, last)
                last = frame.kind
            self._whole = True
        self._order.finish(self._edge.size if self._whole else None)
        self._judge_tree()
        if self._counts["record"]:
            self._report.asked += ASKED_OF_BODIES

    def _take(self, frame: Frame, last: str) -> None:
        due = {"": ("header",), "header": ("policy",), "checkpoint": ("end",)}
        allowed = due.get(last, ("document", "record", "leaf", "checkpoint"))
        if frame.kind not in allowed:
            raise Malformed(f"a frame {frame.kind!r} after {last!r}")
        if frame.kind in self._counts:
            self._counts[frame.kind] += 1
        if frame.kind == "header":
            self._header = read_canonical(frame.data)
        elif frame.kind == "checkpoint":
            self._checkpoint = utf8(frame.data)
        elif frame.kind == "leaf":
            self._leaf(frame.data)
        elif frame.kind == "record":
            self._record(frame.data)
        elif frame.kind == "end":
            self._end(read_canonical(frame.data), frame.sha256_before)

    def _leaf(self, leaf: bytes) -> tuple[int, Optional[Record]]:
        seq = self._edge.size
        self._edge.push(leaf_hash(leaf))
        return seq, self._order.read(seq, leaf)

    def _record(self, data: bytes) -> None:
        lines = data.split(b"\n", _LEAF_LINES)
        if len(lines) != _LEAF_LINES + 1:
            raise Malformed("a record without its leaf")
        leaf, body = data[: len(data) - len(lines[-1])], lines[-1]
        seq, record = self._leaf(leaf)
        if record is None:
            return
        report = self._report
        with report.checking("envelope_digest", seq):
            if hashlib.sha256(body).digest() != record.envelope_sha256:
                raise WrongHash(f"record {seq} has another envelope than its leaf says")
        envelope: Optional[Envelope] = None
        with report.checking("command_id", seq):
            envelope = Envelope.parse(body)
            if envelope.id != record.command_id:
                raise Contradiction(f"record {seq} is another command than its leaf says")
        if envelope is None:
            return
        with report.checking("canonical", seq):
            if bytes(envelope) != body or envelope.payload_type not in (COMMAND, APPROVAL):
                raise Contradiction(f"record {seq} has an envelope in another form than is stored")
            try:
                tree = read_payload(envelope.payload, envelope.payload_type)
            except Malformed as error:
                raise Contradiction(f"record {seq}: {error}") from None
            with report.checking("signature_at_seq", seq):
                self._keys.check(tree, envelope)

    def _end(self, end: dict[str, Tree], sha256: bytes) -> None:
        told = {"documents": self._counts["document"], "records": self._edge.size}
        for name, count in told.items():
            if end.get(name) != str(count):
                raise Contradiction(f"the end tells other {name} than there are")
        if end.get("sha256") != sha256.hex():
            raise WrongHash("the end has another digest of the file")

    def _judge_tree(self) -> None:
        report, opened = self._report, None
        with report.checking("log_signature"):
            if self._checkpoint is None or len(self._checkpoint) > NOTE_MAX:
                raise Malformed("no checkpoint")
            opened = self._policy.open(self._checkpoint)
        if opened is not None:
            head = opened.checkpoint
            report.checkpoint = CosignedCheckpoint(opened, ())
            with report.checking("checkpoint_form"):
                if head.extensions or self._header.get("size") != str(head.size):
                    raise Malformed("extension lines, or another size than the header's")
                if self._header.get("ledger") != head.origin:
                    raise Contradiction("the header names another ledger")
            if self._policy.quorum is not None:
                with report.checking("quorum"):
                    report.checkpoint = self._policy.require_quorum(opened)
        with report.checking("entries_root"):
            if opened is None or not self._whole:
                raise Malformed("no signed root, or not all the leaves")
            head = opened.checkpoint
            if (head.size, head.root) != (self._edge.size, self._edge.root()):
                raise WrongHash("the leaves have another root than the log signed")
        self._order.judge_leaves(report.check("entries_root").result == "pass")


class _PartyKeys:
    """Each party's keys, from the commands that brought them; which was active when takes a replay."""

    def __init__(self) -> None:
        self._keys: dict[str, list[PublicKey]] = {}

    def check(self, tree: dict[str, Tree], envelope: Envelope) -> None:
        """That keys of the author's and, where there is one, the new key made the signatures.

        Raises BadSignature, Malformed.
        """
        author, body = tree.get("author"), tree.get("body")
        if not isinstance(author, str) or not isinstance(body, dict):
            raise Malformed("a command without an author or a body")
        owner, brought = _brought(tree.get("type"), author, body)
        if tree.get("type") == "ledger.open" and brought is not None:
            self._keys.setdefault(owner, []).append(brought)
        message, first = pae(envelope.payload_type, envelope.payload), envelope.signatures[0]
        by_author = (key for key in self._keys.get(author, ()) if key.keyid == first.keyid)
        if not any(key.verifies(message, first.sig) for key in by_author):
            raise BadSignature(f"no key of {author} made the signature")
        if len(envelope.signatures) == 2 and brought is not None:
            second = envelope.signatures[1]
            if second.keyid != brought.keyid or not brought.verifies(message, second.sig):
                raise BadSignature("the new key did not sign")
        if brought is not None:
            self._keys.setdefault(owner, []).append(brought)


def _brought(kind: Optional[Tree], author: str, body: dict[str, Tree]) -> tuple[str, Optional[PublicKey]]:
    """Whose key a command brings, and which."""
    if kind not in ("ledger.open", "party.register", "key.add", "key.rotate", "key.recover"):
        return author, None
    party, encoded = body.get("party", author), body.get("public_key")
    if not isinstance(party, str) or not isinstance(encoded, str):
        raise Malformed(f"{kind} without a key")
    return party, public_key(decode_base64(encoded))
