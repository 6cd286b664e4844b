//! Seals: one Merkle sum tree over the balances of a custodian, property class and asset.
//!
//! The root commits to every balance and to their sum. Both children's sums are hashed into each
//! node: over the total alone, 10 could be shown for 10 + 7 (IACR eprint 2018/1139). Knows no
//! state: who has which balance is the caller's.
//!
//! Source: specs/audit.md §11.

mod balance_proof;
mod line;
mod trees;

pub use balance_proof::{
    BalanceProof, BalanceProofError, HEADER as BALANCE_PROOF, SealPayloadError, SealSaid,
};
pub use line::{SealList, TreeLine};
pub use trees::{SaltKey, SealTrees, salt};

use data_encoding::HEXLOWER;

use crate::digest::Digest;

/// The book that mirrors the custodian: an asset of the ledger, nobody's balance.
const EXTERNAL: &str = "external";

/// Why there is no tree or no line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// A name with a space or none at all, the book `external`, or a text of another spelling.
    #[error("not a value that can stand here")]
    BadValue,
    /// A sum of 2^128 or more.
    #[error("the sum is 2^128 or more")]
    Overflow,
    /// The same account and book twice, or two leaves of one hash.
    #[error("an account and book stand twice")]
    DuplicateId,
    /// No leaf: then there is no line.
    #[error("a tree without leaves has no line")]
    EmptyTree,
    /// The leaf asked for is not in the tree.
    #[error("no such leaf")]
    LeafUnknown,
}

impl SealError {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BadValue => "bad_value",
            Self::Overflow => "overflow",
            Self::DuplicateId => "duplicate_id",
            Self::EmptyTree => "empty_tree",
            Self::LeafUnknown => "leaf_unknown",
        }
    }
}

/// An account's balance as the tree holds it.
///
/// Invariant: account and book are printable ASCII without spaces, the book is not `external`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leaf {
    account: String,
    book: String,
    units: u128,
    salt: [u8; 16],
}

impl Leaf {
    /// The balance of `account` in its `book`, in smallest units, with the salt of this seal.
    ///
    /// # Errors
    /// [`SealError::BadValue`] for a name that cannot stand on a line, or the book `external`.
    pub fn new(account: &str, book: &str, units: u128, salt: [u8; 16]) -> Result<Self, SealError> {
        if is_name(account) && is_name(book) && book != EXTERNAL {
            Ok(Self { account: account.into(), book: book.into(), units, salt })
        } else {
            Err(SealError::BadValue)
        }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Its book.
    #[must_use]
    pub fn book(&self) -> &str {
        &self.book
    }

    /// The balance in smallest units.
    #[must_use]
    pub fn units(&self) -> u128 {
        self.units
    }

    /// The salt, which keeps neighbours from guessing.
    #[must_use]
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// SHA-256 of the leaf's five lines.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let salt = HEXLOWER.encode(&self.salt);
        let text = format!("pledger/sum-leaf/v1\n{}\n{}\n{}\n{salt}\n", self.account, self.book, self.units);
        Digest::of(text.as_bytes())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A subtree: its hash and the sum of its leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SumNode {
    /// Leaf hash, or hash over both children and their sums.
    pub hash: Digest,
    /// Smallest units.
    pub sum: u128,
}

impl SumNode {
    /// The node over two.
    ///
    /// # Errors
    /// [`SealError::Overflow`].
    pub fn over(left: Self, right: Self) -> Result<Self, SealError> {
        let sum = left.sum.checked_add(right.sum).ok_or(SealError::Overflow)?;
        let hash = Digest::of_parts(&[
            &[1],
            left.hash.as_bytes(),
            &left.sum.to_be_bytes(),
            right.hash.as_bytes(),
            &right.sum.to_be_bytes(),
        ]);
        Ok(Self { hash, sum })
    }
}

/// A sum tree over at least one leaf.
///
/// Invariant: leaves ascend by hash; level 0 holds their nodes, each next level the pairs of the
/// one below (an odd last node goes up as it is), the last the root alone. That is the shape of
/// RFC 6962.
#[derive(Clone, Debug)]
pub struct SumTree {
    leaves: Vec<Leaf>,
    levels: Vec<Vec<SumNode>>,
}

impl SumTree {
    /// The tree over `leaves`, in any order.
    ///
    /// # Errors
    /// [`SealError::EmptyTree`], [`SealError::DuplicateId`], [`SealError::Overflow`].
    pub fn over(leaves: Vec<Leaf>) -> Result<Self, SealError> {
        if leaves.is_empty() {
            return Err(SealError::EmptyTree);
        }
        let mut ids: Vec<_> = leaves.iter().map(|leaf| (leaf.account(), leaf.book())).collect();
        ids.sort_unstable();
        let is_twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
        let mut hashed: Vec<(Digest, Leaf)> = leaves.into_iter().map(|leaf| (leaf.hash(), leaf)).collect();
        hashed.sort_unstable_by_key(|(hash, _)| *hash);
        if is_twice || hashed.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(SealError::DuplicateId);
        }

        let mut level: Vec<_> =
            hashed.iter().map(|(hash, leaf)| SumNode { hash: *hash, sum: leaf.units }).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| match *pair {
                [left, right] => SumNode::over(left, right),
                [last] => Ok(last),
                _ => unreachable!("chunks of two"),
            });
            let above = above.collect::<Result<_, _>>()?;
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        let leaves = hashed.into_iter().map(|(_, leaf)| leaf).collect();
        Ok(Self { leaves, levels })
    }

    /// The leaves, ascending by hash.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Root hash and the sum of all leaves.
    #[must_use]
    pub fn root(&self) -> SumNode {
        self.levels[self.levels.len() - 1][0]
    }

    /// The line that a seal commits to.
    ///
    /// # Errors
    /// [`SealError::BadValue`] for names that cannot stand in a line.
    pub fn line(&self, custodian: &str, class: &str, asset: &str) -> Result<TreeLine, SealError> {
        let count = u64::try_from(self.leaves.len()).map_err(|_| SealError::Overflow)?;
        TreeLine::new([custodian, class, asset], count, self.root())
    }

    /// The path of the leaf of `account` and `book`.
    ///
    /// # Errors
    /// [`SealError::LeafUnknown`] if there is none.
    pub fn prove(&self, account: &str, book: &str) -> Result<SumProof, SealError> {
        let place = self.leaves.iter().position(|leaf| leaf.account == account && leaf.book == book);
        let place = place.ok_or(SealError::LeafUnknown)?;
        let beside = |(height, level): (usize, &Vec<SumNode>)| {
            let node = level.get((place >> height) ^ 1)?;
            Some(SumStep { hash: node.hash.as_bytes().to_vec(), sum: node.sum })
        };
        let steps = self.levels.iter().enumerate().filter_map(beside).collect();
        let index = u64::try_from(place).map_err(|_| SealError::Overflow)?;
        Ok(SumProof { leaf: self.leaves[place].clone(), index, steps })
    }
}

/// A leaf and the neighbours that lead from it to the root, its own sibling first. As others may
/// have written it: nothing about it is trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SumProof {
    /// The balance it is about.
    pub leaf: Leaf,
    /// The leaf's place in the tree.
    pub index: u64,
    /// Neighbours, from the leaf up.
    pub steps: Vec<SumStep>,
}

/// One neighbour on the way up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SumStep {
    /// Its hash: 32 bytes, which [`SumProof::check`] makes sure of.
    pub hash: Vec<u8>,
    /// Its sum in smallest units.
    pub sum: u128,
}

/// Why a proof shows nothing, in order of precedence.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum NotIncluded {
    /// The proof is for another line than the one that is trusted.
    #[error("the proof is for another line")]
    LineMismatch,
    /// The tree has no leaf at this place.
    #[error("the tree has no leaf at this place")]
    IndexOutOfRange,
    /// The number of steps does not follow from place and count.
    #[error("the number of steps does not follow from place and count")]
    PathLength,
    /// A hash has not 32 bytes.
    #[error("a hash has not 32 bytes")]
    HashLength,
    /// A partial sum is 2^128 or more.
    #[error("a partial sum is 2^128 or more")]
    Overflow,
    /// The path leads to another root.
    #[error("the path leads to another root")]
    RootMismatch,
    /// The path leads to another sum.
    #[error("the path leads to another sum")]
    SumMismatch,
}

impl NotIncluded {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::LineMismatch => "line_mismatch",
            Self::IndexOutOfRange => "index_out_of_range",
            Self::PathLength => "path_length",
            Self::HashLength => "hash_length",
            Self::Overflow => "overflow",
            Self::RootMismatch => "root_mismatch",
            Self::SumMismatch => "sum_mismatch",
        }
    }
}

impl SumProof {
    /// Whether the leaf is in the tree of `line`.
    ///
    /// # Errors
    /// [`NotIncluded`], the first that holds.
    pub fn check(&self, line: &TreeLine) -> Result<(), NotIncluded> {
        if self.index >= line.count() {
            return Err(NotIncluded::IndexOutOfRange);
        }
        let sides = sides(self.index, line.count());
        if sides.len() != self.steps.len() {
            return Err(NotIncluded::PathLength);
        }
        let steps = self.steps.iter().map(|step| {
            let hash = step.hash.as_slice().try_into().map_err(|_| NotIncluded::HashLength)?;
            Ok(SumNode { hash: Digest(hash), sum: step.sum })
        });
        let steps = steps.collect::<Result<Vec<_>, _>>()?;

        let mut node = SumNode { hash: self.leaf.hash(), sum: self.leaf.units };
        for (side, step) in sides.into_iter().zip(steps) {
            let joined = match side {
                Side::Left => SumNode::over(step, node),
                Side::Right => SumNode::over(node, step),
            };
            node = joined.map_err(|_| NotIncluded::Overflow)?;
        }
        if node.hash != line.root().hash {
            Err(NotIncluded::RootMismatch)
        } else if node.sum != line.root().sum {
            Err(NotIncluded::SumMismatch)
        } else {
            Ok(())
        }
    }
}

/// On which side of the way up a neighbour stands.
enum Side {
    Left,
    Right,
}

/// The neighbours' sides on the way up, which place and count decide alone.
fn sides(mut index: u64, mut count: u64) -> Vec<Side> {
    let mut sides = Vec::new();
    while count > 1 {
        if index % 2 == 1 {
            sides.push(Side::Left);
        } else if index + 1 < count {
            sides.push(Side::Right);
        }
        index /= 2;
        count = count.div_ceil(2);
    }
    sides
}

#[cfg(test)]
mod tests;
