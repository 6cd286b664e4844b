"""The tree of RFC 6962 and its two proofs.

Source: audit specification, section 4. A proof that does not hold raises `ProofError`.
"""

import hashlib

EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofError(Exception):
    """A path has the wrong length, or leads elsewhere."""


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    """The largest power of two below a size of two or more."""
    return 1 << (size - 1).bit_length() - 1


class Tree:
    """All complete subtrees over a list of leaf hashes: `rows[k][i]` covers leaves from i * 2^k on."""

    def __init__(self, leaf_hashes):
        self.rows = [list(leaf_hashes)]
        while len(self.rows[-1]) > 1:
            below = self.rows[-1]
            self.rows.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def __len__(self):
        return len(self.rows[0])

    def _range(self, start, end):
        size = end - start
        if size & (size - 1) == 0 and start % size == 0:
            return self.rows[size.bit_length() - 1][start // size]
        middle = start + split(size)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def root(self, size):
        return self._range(0, size) if size else EMPTY_ROOT

    def subtree(self, height, index):
        """Root of the complete subtree of 2^height leaves, as the `index`-th of its row."""
        return self.rows[height][index]

    def inclusion(self, index, size):
        path, start, end = [], 0, size
        while end - start > 1:
            middle = start + split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old, new):
        if old in (0, new):
            return []
        path, start, end = [], 0, new
        while end != old:
            middle = start + split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        if start:
            path.append(self._range(start, end))
        return path[::-1]


def _need(holds, why):
    if not holds:
        raise ProofError(why)


def verify_inclusion(index, size, hash_of_leaf, path, root):
    _need(0 <= index < size, "the index is not in the tree")
    _need(all(len(h) == 32 for h in (hash_of_leaf, root, *path)), "a hash is not of 32 bytes")
    fn, sn, r = index, size - 1, hash_of_leaf
    for p in path:
        _need(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    _need(sn == 0, "the path is too short")
    _need(r == root, "the path leads to another root")


def verify_consistency(old_size, old_root, new_size, new_root, path):
    _need(0 <= old_size <= new_size, "the size fell")
    _need(all(len(h) == 32 for h in (old_root, new_root, *path)), "a hash is not of 32 bytes")
    if old_size == 0:
        _need(old_root == EMPTY_ROOT, "size 0 goes with the empty root only")
    if old_size in (0, new_size):
        _need(not path, "a path where none belongs")
        _need(old_size != new_size or old_root == new_root, "one size, two roots")
        return
    _need(path, "no path")
    if old_size & (old_size - 1) == 0:
        path = [old_root, *path]
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        _need(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    _need(sn == 0, "the path is too short")
    _need(fr == old_root, "the path leads to another old root")
    _need(sr == new_root, "the path leads to another new root")
