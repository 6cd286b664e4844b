"""Merkle trees whose nodes commit to sums, as seals make them.

Source: audit specification, section 11. Both children's sums are hashed: a node over the total alone
lets 10 be shown for 10 + 7.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .merkle import leaf_hash
from .text_forms import U63_MAX, U128_MAX, decode_hex, parse_decimal, parse_id
from .verdict import Contradiction, Malformed, WrongHash

SALT_BYTES = 16
_WORD = re.compile(r"[a-z0-9][a-z0-9_]{0,63}\Z")


def parse_word(text: str) -> str:
    """A name of a fixed list, such as a book or a class. Raises Malformed."""
    if not _WORD.match(text):
        raise Malformed(f"{text[:70]!r} is no word")
    return text


@dataclass(frozen=True)
class SumNode:
    """A hash of 32 bytes and the sum below it, in smallest units, below 2^128."""

    hash: bytes
    sum: int


def salt_of(secret: bytes, account: str) -> bytes:
    """An account's salt of 16 bytes under a seal's secret of 32."""
    return hmac.new(secret, account.encode(), hashlib.sha256).digest()[:SALT_BYTES]


def sum_leaf(account: str, book: str, amount: int, salt: bytes) -> SumNode:
    """The leaf of an account."""
    text = f"pledger/sum-leaf/v1\n{account}\n{book}\n{amount}\n{salt.hex()}\n"
    return SumNode(hashlib.sha256(text.encode()).digest(), amount)


def sum_node(left: SumNode, right: SumNode) -> SumNode:
    """The parent of two. Raises Contradiction if the sum is 2^128 or more."""
    total = left.sum + right.sum
    if total > U128_MAX:
        raise Contradiction("a sum of 2^128 or more")
    left_sum, right_sum = left.sum.to_bytes(16, "big"), right.sum.to_bytes(16, "big")
    digest = hashlib.sha256(b"\x01" + left.hash + left_sum + right.hash + right_sum).digest()
    return SumNode(digest, total)


def sum_root(leaves: Sequence[SumNode]) -> SumNode:
    """The root over leaves, which it sorts by hash. Raises Contradiction for equal hashes and for none."""
    ordered = sorted(leaves, key=lambda leaf: leaf.hash)
    if not ordered or any(a.hash == b.hash for a, b in zip(ordered, ordered[1:])):
        raise Contradiction("no leaf, or two equal ones")
    level = ordered
    while len(level) > 1:
        parents = [sum_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = parents + level[len(parents) * 2 :]
    return level[0]


@dataclass(frozen=True)
class TreeLine:
    """`<custodian> <class> <asset> <count> <sum> <root hex>`: one tree of a seal."""

    custodian: str
    class_: str
    asset: str
    count: int
    root: SumNode

    @classmethod
    def parse(cls, text: str) -> "TreeLine":
        """Raises Malformed."""
        words = text.split(" ")
        if len(words) != 6:
            raise Malformed("a tree line has six words")
        root = SumNode(decode_hex(words[5], 32), parse_decimal(words[4], U128_MAX))
        count = parse_decimal(words[3], U63_MAX)
        return cls(parse_id(words[0]), parse_word(words[1]), parse_id(words[2]), count, root)

    def __str__(self) -> str:
        root = f"{self.root.sum} {self.root.hash.hex()}"
        return f"{self.custodian} {self.class_} {self.asset} {self.count} {root}"

    def entry_hash(self) -> bytes:
        """Its leaf hash in the tree of lines."""
        return leaf_hash(f"pledger/sum-tree/v1\n{self}\n".encode())


def verify_sum_inclusion(leaf: SumNode, index: int, line: TreeLine, steps: Sequence[SumNode]) -> None:
    """That the leaf stands at `index` of the line's tree; the algorithm of `merkle.verify_inclusion`, with sums.

    Raises Contradiction, WrongHash.
    """
    if not 0 <= index < line.count:
        raise Contradiction(f"leaf {index} of {line.count}")
    fn, sn, r = index, line.count - 1, leaf
    for step in steps:
        if sn == 0:
            raise WrongHash("a path that is too long")
        if fn & 1 or fn == sn:
            r = sum_node(step, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sum_node(r, step)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise WrongHash("a path that is too short")
    if r != line.root:
        raise WrongHash("the path leads to another root or sum")
