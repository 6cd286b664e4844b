//! Evidence that a log showed two histories: two signed texts that no honest log can both sign.
//!
//! Source: audit specification §15. A consistency proof that fails is no evidence: its sender may
//! have erred. Two trees of one size, or two leaves at one index, are.

use std::fmt;

use data_encoding::BASE64;

use crate::base64;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::digest::Digest;
use crate::note::VerifierKey;
use crate::proof::{ReceiptError, TlogProof};

const HEADER: &str = "pledger/fork-evidence/v1";

/// Two texts that are said to contradict each other. Its `Display` is the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForkEvidence {
    kind: ForkKind,
    a: String,
    b: String,
}

/// What the texts are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForkKind {
    /// Two notes of one size.
    SameSize,
    /// Two tlog-proofs, with their leaves, of one index.
    SameIndex,
}

/// What the log signed twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fork {
    /// Two roots for one size.
    SameSize {
        /// The size.
        size: u64,
        /// The roots, in the evidence's order.
        roots: [Digest; 2],
    },
    /// Two leaves at one index.
    SameIndex {
        /// The index.
        index: u64,
        /// The leaves' bytes, in the evidence's order.
        leaves: [Vec<u8>; 2],
    },
}

/// Why evidence shows no fork.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ForkError {
    /// The text is no evidence: it decides nothing.
    #[error("not fork evidence: {reason}")]
    Malformed {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// One of the two texts shows nothing of this log: it decides nothing.
    #[error("one side shows nothing of the log: {0}")]
    Side(#[from] ReceiptError),
    /// Both texts are the log's and don't contradict each other.
    #[error("no fork: {reason}")]
    NoFork {
        /// What they have in common, or have not.
        reason: &'static str,
    },
}

impl From<CheckpointError> for ForkError {
    fn from(error: CheckpointError) -> Self {
        Self::Side(error.into())
    }
}

impl ForkEvidence {
    /// Evidence from two notes or two tlog-proofs, not yet judged.
    #[must_use]
    pub fn new(kind: ForkKind, a: String, b: String) -> Self {
        Self { kind, a, b }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ForkError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ForkError> {
        let malformed = |reason| ForkError::Malformed { reason };
        let lines: Vec<&str> = text.split('\n').collect();
        let [HEADER, kind, a, b, ""] = lines[..] else {
            return Err(malformed("not the four lines of pledger/fork-evidence/v1"));
        };
        let kind = match kind {
            "kind same_size" => ForkKind::SameSize,
            "kind same_index" => ForkKind::SameIndex,
            _ => return Err(malformed("an unknown kind")),
        };
        let side = |line: &str, prefix| {
            let bytes = base64::decode(line.strip_prefix(prefix)?)?;
            String::from_utf8(bytes).ok()
        };
        let (a, b) = side(a, "a ").zip(side(b, "b ")).ok_or(malformed("a side is not base64 of a text"))?;
        Ok(Self { kind, a, b })
    }

    /// Judges the evidence against a log.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn verify<'a>(
        &self,
        origin: &str,
        log_keys: impl IntoIterator<Item = &'a VerifierKey> + Clone,
    ) -> Result<Fork, ForkError> {
        match self.kind {
            ForkKind::SameSize => {
                let open = |note| SignedCheckpoint::open(note, origin, log_keys.clone());
                let (a, b) = (open(&self.a)?.head(), open(&self.b)?.head());
                if a.size != b.size {
                    return Err(ForkError::NoFork { reason: "the checkpoints have two sizes" });
                }
                if a.root == b.root {
                    return Err(ForkError::NoFork { reason: "the checkpoints have one root" });
                }
                Ok(Fork::SameSize { size: a.size, roots: [a.root, b.root] })
            }
            ForkKind::SameIndex => {
                let open = |proof| included_leaf(proof, origin, log_keys.clone());
                let ((a_index, a_leaf), (b_index, b_leaf)) = (open(&self.a)?, open(&self.b)?);
                if a_index != b_index {
                    return Err(ForkError::NoFork { reason: "the leaves stand at two indices" });
                }
                if a_leaf == b_leaf {
                    return Err(ForkError::NoFork { reason: "the leaves are one" });
                }
                Ok(Fork::SameIndex { index: a_index, leaves: [a_leaf, b_leaf] })
            }
        }
    }
}

/// Index and bytes of a leaf in a tree that the log signed; what the leaf says does not matter.
fn included_leaf<'a>(
    proof: &str,
    origin: &str,
    log_keys: impl IntoIterator<Item = &'a VerifierKey> + Clone,
) -> Result<(u64, Vec<u8>), ReceiptError> {
    let proof = TlogProof::parse(proof)?;
    let checkpoint = SignedCheckpoint::open(&proof.checkpoint, origin, log_keys)?;
    let leaf = proof.extra.as_deref().ok_or(ReceiptError::NoRecord)?;
    proof.shows(leaf, &checkpoint.head())?;
    Ok((proof.index, leaf.to_vec()))
}

impl fmt::Display for ForkEvidence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = match self.kind {
            ForkKind::SameSize => "same_size",
            ForkKind::SameIndex => "same_index",
        };
        let [a, b] = [&self.a, &self.b].map(|side| BASE64.encode(side.as_bytes()));
        write!(f, "{HEADER}\nkind {kind}\na {a}\nb {b}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{TreeHead, leaf_hash};
    use crate::note::{KeyName, LogSigner};

    const ORIGIN: &str = "ledger.example/f";

    fn signer(seed: u8) -> LogSigner {
        LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[seed; 32])
    }

    fn note(seed: u8, size: u64, root: &str) -> String {
        let head = TreeHead { size, root: leaf_hash(root.as_bytes()) };
        SignedCheckpoint::sign(ORIGIN, [&signer(seed)], head).unwrap().to_string()
    }

    /// A proof for one leaf at the left of `size` leaves, all others empty.
    fn proof(size: u64, index: u64, leaf: &str) -> String {
        let leaves = (0..size).map(|i| leaf_hash(if i == index { leaf.as_bytes() } else { b"" }));
        let leaves: Vec<Digest> = leaves.collect();
        let mut source = |node: crate::merkle::Subtree| {
            let at = |i: u64| usize::try_from(i << node.level).unwrap();
            Ok::<_, ()>(crate::merkle::root_of(leaves[at(node.index)..at(node.index + 1)].iter().copied()))
        };
        let path = crate::merkle::inclusion_path(index, size, &mut source).unwrap();
        let head = TreeHead { size, root: crate::merkle::root_of(leaves.iter().copied()) };
        let checkpoint = SignedCheckpoint::sign(ORIGIN, [&signer(1)], head).unwrap().to_string();
        TlogProof { extra: Some(leaf.into()), index, path, checkpoint }.to_string()
    }

    #[test]
    fn only_contradictions_that_the_log_signed_are_forks() {
        let (size, index) = (ForkKind::SameSize, ForkKind::SameIndex);
        let wrong_leaf = proof(3, 1, "x").replace("extra eA==", "extra eQ==");
        let bare = proof(3, 1, "x").replace("extra eA==\n", "");
        for (kind, a, b, want) in [
            (size, note(1, 3, "x"), note(1, 3, "y"), "fork"),
            (size, note(1, 3, "x"), note(1, 3, "x"), "no fork"),
            (size, note(1, 3, "x"), note(1, 4, "y"), "no fork"),
            (size, note(1, 3, "x"), note(2, 3, "y"), "nothing"),
            (size, note(1, 3, "x"), proof(3, 1, "x"), "nothing"),
            (index, proof(3, 1, "x"), proof(3, 1, "y"), "fork"),
            (index, proof(3, 1, "x"), proof(5, 1, "y"), "fork"),
            (index, proof(3, 1, "x"), proof(5, 1, "x"), "no fork"),
            (index, proof(3, 1, "x"), proof(5, 2, "y"), "no fork"),
            (index, proof(3, 1, "x"), wrong_leaf, "nothing"),
            (index, proof(3, 1, "y"), bare, "nothing"),
        ] {
            for evidence in [ForkEvidence::new(kind, a.clone(), b.clone()), ForkEvidence::new(kind, b, a)] {
                let evidence = ForkEvidence::parse(&evidence.to_string()).unwrap();
                let found = match evidence.verify(ORIGIN, [signer(1).verifier()]) {
                    Ok(_) => "fork",
                    Err(ForkError::NoFork { .. }) => "no fork",
                    Err(ForkError::Side(_)) => "nothing",
                    Err(ForkError::Malformed { reason }) => reason,
                };
                assert_eq!(found, want, "{evidence}");
            }
            let other = ForkEvidence::new(kind, note(1, 3, "x"), note(1, 3, "y"));
            assert!(matches!(other.verify("another", [signer(1).verifier()]), Err(ForkError::Side(_))));
        }
    }
}
