"""Files that prove something, told apart by their first line: receipts, balance proofs, fork evidence.

Source: audit specification, section 12, mode `--proof`.
"""

from __future__ import annotations

from typing import Optional

from . import balance_proof, fork_evidence, tlog_proof
from .balance_proof import verify_balance_proof
from .fork_evidence import ForkEvidence
from .policy import Policy
from .receipt import VerifiedReceipt, verify_receipt
from .report import Report
from .text_forms import utf8
from .times import print_time
from .verdict import Malformed, ProvenBad, Result

PROOF_MAX = 1024 * 1024
"""Bytes of the longest proof that is read."""


class TheLogForked(ProvenBad):
    """Fork evidence that holds: the log signed two histories."""


def verify_proof_file(data: bytes, policy: Policy, signed: Optional[bytes] = None) -> Report:
    """Verifies one file; `signed` binds a receipt to the author's own bytes. Never raises for foreign bytes."""
    report = Report(asked=("frames",))
    with report.checking("frames"):
        text, header = _read(data, signed)
    if report.result is not Result.GOOD:
        return report
    # A fork is two statements of one log that do not go together.
    id_ = "old_consistency" if header == fork_evidence.HEADER else "inclusion"
    report.asked += (id_,)
    with report.checking(id_):
        if header == tlog_proof.HEADER:
            _receipt(text, policy, signed, report)
        elif header == balance_proof.HEADER:
            _balance(text, policy, report)
        else:
            fork = ForkEvidence.parse(text).verify(policy)
            raise TheLogForked(f"the log forked: {fork.origin} signed two histories ({fork.kind} {fork.at})")
    return report


def _read(data: bytes, signed: Optional[bytes]) -> tuple[str, str]:
    if len(data) > PROOF_MAX:
        raise Malformed(f"more than {PROOF_MAX} bytes")
    text = utf8(data)
    header = text.split("\n", 1)[0]
    if header not in (tlog_proof.HEADER, balance_proof.HEADER, fork_evidence.HEADER):
        raise Malformed("a file or version that this program does not read")
    if signed is not None and header != tlog_proof.HEADER:
        raise Malformed("only a receipt is bound to an author's bytes")
    return text, header


def _covered(receipt: VerifiedReceipt, report: Report) -> None:
    report.checkpoint = receipt.cosigned
    report.recorded_at = (receipt.record.recorded_at, receipt.record.recorded_at)
    for name, seconds in receipt.cosigned.cosigned_by:
        report.proven.append(f"cosigned by {name} at {print_time(seconds * 1000)}")


def _receipt(text: str, policy: Policy, signed: Optional[bytes], report: Report) -> None:
    receipt = verify_receipt(text, policy, signed)
    record = receipt.record
    _covered(receipt, report)
    bound = "the command at hand" if signed is not None else f"command {record.command_id.hex()}"
    report.proven.append(f"record {record.seq} of {print_time(record.recorded_at)} is {bound}")


def _balance(text: str, policy: Policy, report: Report) -> None:
    balance = verify_balance_proof(text, policy)
    _covered(balance.receipt, report)
    proof, seal = balance.proof, balance.seal
    report.proven.append(
        f"account {proof.account} book {proof.book} held {proof.amount} smallest units of {proof.tree.asset}"
        f" as of {print_time(seal.as_of)}, of {proof.tree.root.sum} at {proof.tree.custodian}"
    )
