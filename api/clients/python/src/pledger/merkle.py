"""RFC 6962 trees: roots, and proofs of inclusion and of consistency, made and verified.

Source: audit specification, section 4, whose steps these are; RFC 6962, section 2.1. Hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from .text_forms import HASH_BYTES
from .verdict import Contradiction, Malformed, WrongHash

EMPTY_ROOT = hashlib.sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""The root of the complete subtree number `index` of 2^`level` leaves: `subtree(level, index)`."""


def leaf_hash(leaf: bytes) -> bytes:
    """`H(0x00 ‖ leaf)`."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """`H(0x01 ‖ left ‖ right)`."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class RightEdge:
    """A growing tree, of which only the roots of its complete subtrees are kept."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def push(self, leaf: bytes) -> None:
        """Adds a leaf's hash."""
        place, hash_ = self.size, leaf
        while place & 1:
            hash_ = node_hash(self._subtrees.pop(), hash_)
            place >>= 1
        self._subtrees.append(hash_)
        self.size += 1

    def root(self) -> bytes:
        """The root of what was pushed."""
        if not self._subtrees:
            return EMPTY_ROOT
        root = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over hashes of leaves."""
    edge = RightEdge()
    for hash_ in leaf_hashes:
        edge.push(hash_)
    return edge.root()


def _check_lengths(*hashes: bytes) -> None:
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise Malformed("a hash that is not 32 bytes")


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """That the leaf with this hash stands at `index` in the tree of `size` leaves with this root.

    Raises Contradiction for numbers that no tree has, WrongHash for a path of another length or
    another root, Malformed for hashes of another length.
    """
    _check_lengths(leaf, root, *path)
    if not 0 <= index < size:
        raise Contradiction(f"leaf {index} of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise WrongHash("a path that is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise WrongHash("a path that is too short")
    if r != root:
        raise WrongHash("the path leads to another root")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """That the tree of `old_size` leaves is the beginning of the tree of `size`.

    Raises as `verify_inclusion`. From the empty tree everything follows, without a path.
    """
    _check_lengths(old_root, root, *path)
    if not 0 <= old_size <= size:
        raise Contradiction(f"from {old_size} to {size}")
    if old_size in (0, size):
        if path:
            raise WrongHash("a path where none is needed")
        if old_size == 0 and old_root != EMPTY_ROOT or old_size == size and old_root != root:
            raise WrongHash("another root at the same size")
        return
    if not path:
        raise WrongHash("no path")
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for c in hashes[1:]:
        if sn == 0:
            raise WrongHash("a path that is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise WrongHash("a path that is too short")
    if fr != old_root or sr != root:
        raise WrongHash("the path leads to another root")


def _range_root(begin: int, end: int, subtree: Subtree) -> bytes:
    """The root over leaves begin … end-1, where begin is a multiple of the next power of two."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return subtree(level, begin >> level)
    split = begin + (1 << (count - 1).bit_length() - 1)
    return node_hash(_range_root(begin, split, subtree), _range_root(split, end, subtree))


def tree_root(size: int, subtree: Subtree) -> bytes:
    """The root of a tree of so many leaves, from complete subtrees."""
    return _range_root(0, size, subtree) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1: the sibling of the leaf first. Needs `index < size`."""
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < split:
            path.append(_range_root(split, end, subtree))
            end = split
        else:
            path.append(_range_root(begin, split, subtree))
            begin = split
    return path[::-1]


def consistency_path(old_size: int, size: int, subtree: Subtree) -> list[bytes]:
    """PROOF of RFC 6962, section 2.1.2. Needs `old_size <= size`; empty for 0 and for equal sizes."""
    path: list[bytes] = []
    begin, end, whole = 0, size, True
    if old_size in (0, size):
        return path
    while old_size != end:
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if old_size <= split:
            path.append(_range_root(split, end, subtree))
            end = split
        else:
            path.append(_range_root(begin, split, subtree))
            begin, whole = split, False
    if not whole:
        path.append(_range_root(begin, end, subtree))
    return path[::-1]


def subtrees_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    """A source of subtrees over leaves in memory."""

    def subtree(level: int, index: int) -> bytes:
        return root_of(leaf_hashes[index << level : index + 1 << level])

    return subtree
