//! The tree over all records: hashes, roots, and the two proofs that outsiders check.
//!
//! Source: RFC 6962 §2.1 and RFC 9162 §2.1.3–2.1.4; audit specification §4. The verifiers are
//! strict: a path with one hash too few or too many is refused, whatever it hashes to.
//!
//! Knows hashes and positions, not where they are kept: proofs are generated over any source of
//! subtree hashes, so that the log's writer, its readers and an auditor with downloaded tiles run
//! the same code.

use std::ops::Range;

use crate::digest::Digest;

/// The root of the tree without leaves, SHA-256 of nothing.
pub const EMPTY_ROOT: Digest = Digest([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Hashes that the longest path holds: trees have at most 2^63 − 1 leaves.
pub const PATH_MAX: usize = 63;

/// Hash of a leaf's bytes, `H(0x00 ‖ leaf)`.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of_parts(&[&[0], leaf])
}

/// Hash of an inner node, `H(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    Digest::of(&bytes)
}

/// A tree by its number of leaves and its root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Digest,
}

impl TreeHead {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY_ROOT };
}

/// A complete subtree: the leaves `index << level .. (index + 1) << level`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Subtree {
    /// Its height; 0 is a leaf. At most 63.
    pub level: u32,
    /// Its place among the subtrees of its height, from the left.
    pub index: u64,
}

/// Why a proof shows nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size.
    #[error("leaf {index} is not in a tree of {size}")]
    IndexBeyondSize {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("a tree of {new} cannot extend one of {old}")]
    SizeFell {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// More or fewer hashes than the shape of the tree asks for.
    #[error("the path has the wrong number of hashes")]
    PathLength,
    /// A root that the path does not lead to.
    #[error("the path does not lead to the root")]
    RootMismatch,
}

/// Checks that the leaf with hash `leaf` stands at `index` in the tree `head`.
///
/// # Errors
/// [`ProofError::IndexBeyondSize`], [`ProofError::PathLength`], [`ProofError::RootMismatch`].
///
/// Source: RFC 9162 §2.1.3.2; audit specification §4.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    head: &TreeHead,
    path: &[Digest],
) -> Result<(), ProofError> {
    if index >= head.size {
        return Err(ProofError::IndexBeyondSize { index, size: head.size });
    }
    let mut walk = Walk { node: index, last: head.size - 1 };
    let mut root = *leaf;
    for hash in path {
        root = match walk.up()? {
            Side::Left => node_hash(hash, &root),
            Side::Right => node_hash(&root, hash),
        };
    }
    walk.end()?;
    if root == head.root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Checks that the tree `new` holds the leaves of `old`, in their places, and then its own.
///
/// Every tree extends the empty one, by an empty path; a tree of size 0 whose root is not
/// [`EMPTY_ROOT`] extends and is extended by nothing.
///
/// # Errors
/// [`ProofError::SizeFell`], [`ProofError::PathLength`], [`ProofError::RootMismatch`].
///
/// Source: RFC 9162 §2.1.4.2; audit specification §4.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, path: &[Digest]) -> Result<(), ProofError> {
    if old.size > new.size {
        return Err(ProofError::SizeFell { old: old.size, new: new.size });
    }
    if old.size == 0 && old.root != EMPTY_ROOT {
        return Err(ProofError::RootMismatch);
    }
    if old.size == 0 || old.size == new.size {
        if !path.is_empty() {
            return Err(ProofError::PathLength);
        }
        let same = old.size != new.size || old.root == new.root;
        return if same { Ok(()) } else { Err(ProofError::RootMismatch) };
    }
    let (first, rest) = match path.split_first() {
        None => return Err(ProofError::PathLength),
        // The old tree is itself a subtree of the new one: its root is where the path starts.
        Some(_) if old.size.is_power_of_two() => (&old.root, path),
        Some((first, rest)) => (first, rest),
    };
    let low = (old.size - 1).trailing_ones();
    let mut walk = Walk { node: (old.size - 1) >> low, last: (new.size - 1) >> low };
    let (mut old_root, mut new_root) = (*first, *first);
    for hash in rest {
        match walk.up()? {
            Side::Left => {
                old_root = node_hash(hash, &old_root);
                new_root = node_hash(hash, &new_root);
            }
            Side::Right => new_root = node_hash(&new_root, hash),
        }
    }
    walk.end()?;
    if old_root == old.root && new_root == new.root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Which side of the walker a sibling stands on.
enum Side {
    Left,
    Right,
}

/// The climb from a node to the root; `last` is the right-most node of the same level (the
/// standard's `fn` and `sn`).
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    fn up(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::PathLength);
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            // A right-most left child has no sibling on these levels; it climbs without a hash.
            while self.node != 0 && self.node.is_multiple_of(2) {
                self.halve();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.halve();
        Ok(side)
    }

    fn halve(&mut self) {
        self.node /= 2;
        self.last /= 2;
    }

    fn end(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::PathLength) }
    }
}

/// The root of the first `size` leaves, from the hashes of complete subtrees within them.
///
/// # Errors
/// Whatever `nodes` fails with.
pub fn root_at<E>(size: u64, nodes: &mut impl FnMut(Subtree) -> Result<Digest, E>) -> Result<Digest, E> {
    if size == 0 { Ok(EMPTY_ROOT) } else { range_hash(0..size, nodes) }
}

/// Siblings from the leaf's up, as [`verify_inclusion`] takes them.
///
/// `nodes` is asked only for complete subtrees within the first `size` leaves.
///
/// # Errors
/// Whatever `nodes` fails with.
///
/// # Panics
/// If `index >= size`.
pub fn inclusion_path<E>(
    index: u64,
    size: u64,
    nodes: &mut impl FnMut(Subtree) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(index < size, "leaf {index} is not in a tree of {size}");
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let (left, right) = split(&range);
        let sibling = if index < right.start {
            range = left;
            right
        } else {
            range = right;
            left
        };
        path.push(range_hash(sibling, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Hashes that show the tree of `new` leaves to extend that of `old`, as [`verify_consistency`]
/// takes them; none if `old` is 0 or `new`.
///
/// `nodes` is asked only for complete subtrees within the first `new` leaves.
///
/// # Errors
/// Whatever `nodes` fails with.
///
/// # Panics
/// If `old > new`.
pub fn consistency_path<E>(
    old: u64,
    new: u64,
    nodes: &mut impl FnMut(Subtree) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(old <= new, "a tree of {new} cannot extend one of {old}");
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let mut range = 0..new;
    while range.end != old {
        let (left, right) = split(&range);
        let sibling = if old <= left.end {
            range = left;
            right
        } else {
            range = right;
            left
        };
        path.push(range_hash(sibling, nodes)?);
    }
    // A range that starts at 0 is the old tree, whose root the verifier has.
    if range.start != 0 {
        path.push(range_hash(range, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Splits a subtree of more than one leaf at the largest power of two below its size.
fn split(range: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let size = range.end - range.start;
    let middle = range.start + (1 << (size - 1).ilog2());
    (range.start..middle, middle..range.end)
}

/// Hash of a subtree of at least one leaf, folded from the complete subtrees it is made of.
fn range_hash<E>(
    range: Range<u64>,
    nodes: &mut impl FnMut(Subtree) -> Result<Digest, E>,
) -> Result<Digest, E> {
    let mut hash = None;
    let mut end = range.end;
    while end > range.start {
        // The smallest complete subtree at the right end comes first.
        let level = (end - range.start).trailing_zeros();
        end -= 1 << level;
        let node = nodes(Subtree { level, index: end >> level })?;
        hash = Some(hash.map_or(node, |right| node_hash(&node, &right)));
    }
    Ok(hash.expect("callers pass ranges of at least one leaf"))
}

/// A growing tree that remembers only what its root needs: a hash per set bit of its size.
///
/// ```
/// use ledger::merkle::{EMPTY_ROOT, Frontier, leaf_hash, node_hash};
/// let mut tree = Frontier::default();
/// assert_eq!(tree.head().root, EMPTY_ROOT);
/// tree.push(leaf_hash(b"a"));
/// tree.push(leaf_hash(b"b"));
/// assert_eq!(tree.head().root, node_hash(&leaf_hash(b"a"), &leaf_hash(b"b")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, the largest first.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// Adds a leaf by its hash.
    ///
    /// # Panics
    /// If the tree already holds 2^64 − 1 leaves.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a peak per set bit of the size");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size = self.size.checked_add(1).expect("a log has at most 2^63 − 1 leaves");
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        TreeHead { size: self.size, root: root.unwrap_or(EMPTY_ROOT) }
    }
}

/// The root over leaf hashes.
#[must_use]
pub fn root_of(leaf_hashes: impl IntoIterator<Item = Digest>) -> Digest {
    let mut tree = Frontier::default();
    leaf_hashes.into_iter().for_each(|leaf| tree.push(leaf));
    tree.head().root
}

#[cfg(test)]
mod tests;
