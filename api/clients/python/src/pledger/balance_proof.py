"""Balance proofs: that a balance is part of a total that the ledger sealed.

Source: audit specification, section 11.
"""

from __future__ import annotations

from dataclasses import dataclass

from .canonical import Tree, read_payload
from .merkle import verify_inclusion
from .pae import COMMAND, command_id
from .policy import Policy
from .receipt import VerifiedReceipt, included_record
from .sum_tree import SALT_BYTES, SumNode, TreeLine, parse_word, sum_leaf, verify_sum_inclusion
from .text_forms import U128_MAX, decode_hex, encode_base64, parse_decimal, parse_hash, parse_id
from .times import parse_time
from .verdict import Contradiction, Malformed, ProvenBad

HEADER = "pledger/balance-proof/v1"
_PATH_MAX = 63


class SealMalformed(ProvenBad):
    """A seal that the log committed to and that is none."""


@dataclass(frozen=True)
class BalanceProof:
    """The bundle as it is written; `amount` is in smallest units of the asset."""

    account: str
    book: str
    amount: int
    salt: bytes
    leaf: int
    steps: tuple[SumNode, ...]
    tree: TreeLine
    line: int
    up: tuple[bytes, ...]
    seal: str
    receipt: str

    @classmethod
    def parse(cls, text: str) -> "BalanceProof":
        """Reads the members in their one order. Raises Malformed."""
        head, empty_line, receipt = text.partition("\n\n")
        if not empty_line:
            raise Malformed("no receipt")
        lines = _Lines(head.split("\n"))
        lines.header()
        return cls(
            account=parse_id(lines.one("account")),
            book=parse_word(lines.one("book")),
            amount=parse_decimal(lines.one("amount"), U128_MAX),
            salt=decode_hex(lines.one("salt"), SALT_BYTES),
            leaf=parse_decimal(lines.one("leaf")),
            steps=tuple(_parse_step(step) for step in lines.some("step")),
            tree=TreeLine.parse(lines.one("tree")),
            line=parse_decimal(lines.one("line")),
            up=tuple(parse_hash(hash_) for hash_ in lines.some("up")),
            seal=lines.last("seal"),
            receipt=receipt,
        )

    def __str__(self) -> str:
        steps = [f"step {encode_base64(step.hash)} {step.sum}" for step in self.steps]
        return "\n".join(
            [
                HEADER,
                f"account {self.account}",
                f"book {self.book}",
                f"amount {self.amount}",
                f"salt {self.salt.hex()}",
                f"leaf {self.leaf}",
                *steps,
                f"tree {self.tree}",
                f"line {self.line}",
                *(f"up {encode_base64(hash_)}" for hash_ in self.up),
                f"seal {self.seal}",
                "",
                self.receipt,
            ]
        )


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def header(self) -> None:
        if self._lines.pop(0) != HEADER:
            raise Malformed(f"not a {HEADER}")

    def one(self, name: str) -> str:
        if not self._lines or not self._lines[0].startswith(f"{name} "):
            raise Malformed(f"no line {name!r} where it belongs")
        return self._lines.pop(0)[len(name) + 1 :]

    def some(self, name: str) -> list[str]:
        found = []
        while self._lines and self._lines[0].startswith(f"{name} "):
            found.append(self.one(name))
        if len(found) > _PATH_MAX:
            raise Malformed(f"more than {_PATH_MAX} lines {name!r}")
        return found

    def last(self, name: str) -> str:
        text = self.one(name)
        if self._lines:
            raise Malformed(f"lines after {name!r}")
        return text


def _parse_step(text: str) -> SumNode:
    hash_, _, total = text.partition(" ")
    return SumNode(parse_hash(hash_), parse_decimal(total, U128_MAX))


@dataclass(frozen=True)
class Seal:
    """A `seal.put` as far as a proof rests on it; `as_of` is milliseconds since 1970."""

    ledger: str
    as_of: int
    kind: str
    root: bytes
    size: int
    trees: int

    @classmethod
    def parse(cls, payload: bytes) -> "Seal":
        """Reads canonical bytes. Raises Malformed."""
        top = read_payload(payload, COMMAND)
        body = top.get("body")
        if top.get("type") != "seal.put" or not isinstance(body, dict):
            raise Malformed("the command is no seal")
        return cls(
            ledger=_text(top, "ledger"),
            as_of=parse_time(_text(body, "as_of")),
            kind=_text(body, "kind"),
            root=decode_hex(_text(body, "root"), 32),
            size=parse_decimal(_text(body, "size")),
            trees=parse_decimal(_text(body, "trees")),
        )


def _text(members: dict[str, Tree], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise Malformed(f"a seal without {name!r}")
    return value


@dataclass(frozen=True)
class VerifiedBalance:
    """What was proven: the bundle, its seal, and the receipt that it hangs on."""

    proof: BalanceProof
    seal: Seal
    receipt: VerifiedReceipt


def verify_balance_proof(text: str, policy: Policy) -> VerifiedBalance:
    """Checks a bundle off-line, from the account's leaf to the checkpoint's signatures.

    Raises as `verify_receipt`, and SealMalformed.
    """
    proof = BalanceProof.parse(text)
    leaf = sum_leaf(proof.account, proof.book, proof.amount, proof.salt)
    verify_sum_inclusion(leaf, proof.leaf, proof.tree, proof.steps)
    record, opened = included_record(proof.receipt, policy)
    payload = proof.seal.encode()
    if command_id(COMMAND, payload) != record.command_id:
        raise Contradiction("the seal is not the command at that record")
    try:
        seal = Seal.parse(payload)
    except Malformed as error:
        raise SealMalformed(f"record {record.seq}: {error}") from None
    if seal.ledger != opened.checkpoint.origin:
        raise Contradiction(f"a seal of {seal.ledger!r} in the log of {opened.checkpoint.origin!r}")
    if seal.size > record.seq:
        raise Contradiction("a seal of a state after its own record")
    verify_inclusion(proof.tree.entry_hash(), proof.line, seal.trees, seal.root, proof.up)
    return VerifiedBalance(proof, seal, VerifiedReceipt(record, policy.require_quorum(opened)))
