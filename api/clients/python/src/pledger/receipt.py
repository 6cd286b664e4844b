"""Receipts: proof that a record stands at its place in the log.

Source: audit specification, section 10. The leaf travels in `extra`, which the format does not
authenticate; so its form, its number and its hash under the checkpoint are all recomputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .checkpoint import OpenedCheckpoint
from .envelope import Envelope
from .json_text import JsonObject, NotJson, read_json
from .merkle import leaf_hash, verify_inclusion
from .pae import APPROVAL, COMMAND, command_id
from .policy import CosignedCheckpoint, Policy
from .record import Record
from .tlog_proof import TlogProof
from .verdict import Contradiction, Malformed, ProvenBad


class IncludedButMalformed(ProvenBad):
    """A leaf that the log committed to and that is none of this ledger's."""


@dataclass(frozen=True)
class VerifiedReceipt:
    """The record, and the checkpoint that covers it."""

    record: Record
    cosigned: CosignedCheckpoint


def verify_receipt(text: str, policy: Policy, signed: Optional[bytes] = None) -> VerifiedReceipt:
    """Verifies a `.tlog-proof` under a policy, and with `signed` that it is the receipt for those bytes.

    `signed` is the author's payload or the whole envelope; with an envelope, its digest is compared,
    too. Raises Malformed, UnknownSigner, QuorumNotMet (undecidable); BadSignature, WrongHash,
    Contradiction, IncludedButMalformed (proven bad).
    """
    record, opened = included_record(text, policy)
    if signed is not None:
        _check_binding(record, signed)
    # Last, because a missing witness leaves open what a wrong hash decides.
    return VerifiedReceipt(record, policy.require_quorum(opened))


def included_record(text: str, policy: Policy) -> tuple[Record, OpenedCheckpoint]:
    """The record of a receipt under the log's signed checkpoint, whether or not the quorum is met.

    Raises as `verify_receipt`, but for QuorumNotMet.
    """
    proof = TlogProof.parse(text)
    if proof.extra is None:
        raise Malformed("a receipt without its leaf")
    opened = policy.open(proof.checkpoint)
    checkpoint = opened.checkpoint
    included = (leaf_hash(proof.extra), proof.index, checkpoint.size, checkpoint.root, proof.path)
    try:
        record = Record.parse(proof.extra)
    except Malformed as error:
        # Only a leaf that is included says something about the log.
        try:
            verify_inclusion(*included)
        except ProvenBad:
            raise error from None
        raise IncludedButMalformed(f"leaf {proof.index}: {error}") from None
    verify_inclusion(*included)
    if record.seq != proof.index:
        raise Contradiction(f"the leaf says {record.seq} and stands at {proof.index}")
    return record, opened


def _check_binding(record: Record, signed: bytes) -> None:
    if _is_envelope(signed):
        envelope = Envelope.parse(signed)
        if envelope.id != record.command_id:
            raise Contradiction("the receipt is for another command")
        if envelope.sha256 != record.envelope_sha256:
            raise Contradiction("the same command, in an envelope signed otherwise")
    elif record.command_id not in (command_id(COMMAND, signed), command_id(APPROVAL, signed)):
        raise Contradiction("the receipt is for another command")


def _is_envelope(data: bytes) -> bool:
    try:
        value = read_json(data)
    except NotJson:
        return False
    return isinstance(value, JsonObject) and value.get("payloadType") is not None
