//! Receipts: a record, its path, and the checkpoint that covers it, in one text for ever.
//!
//! Source: C2SP tlog-proof; audit specification §10. The format does not authenticate `extra`, so
//! a receipt's record is believed only after its own hash has been found in the tree.

use std::fmt;

use data_encoding::BASE64;

use crate::base64;
use crate::checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal, parse_hash};
use crate::digest::Digest;
use crate::merkle::{self, PATH_MAX, ProofError, TreeHead, leaf_hash};
use crate::note::VerifierKey;
use crate::policy::{Policy, Unmet};
use crate::record::Record;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a receipt shows nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReceiptError {
    /// The text is no tlog-proof.
    #[error("not a tlog-proof: {reason}")]
    Malformed {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// The checkpoint in it is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint in it does not meet the policy.
    #[error(transparent)]
    Unmet(#[from] Unmet),
    /// It has no record to show.
    #[error("the proof carries no record")]
    NoRecord,
    /// The leaf is not in the tree.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
    /// The leaf is in the tree and is no record.
    #[error("the leaf in the tree is no record")]
    NotARecord,
    /// The record says another place than it stands at.
    #[error("record {seq} stands at {index}")]
    WrongPlace {
        /// What the record says.
        seq: u64,
        /// Where it is.
        index: u64,
    },
}

/// A tlog-proof, not yet believed. Its `Display` is the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlogProof {
    /// In our receipts the record leaf.
    pub extra: Option<Vec<u8>>,
    /// The leaf's index; below 2^63.
    pub index: u64,
    /// Siblings from the leaf's up; at most 63.
    pub path: Vec<Digest>,
    /// The checkpoint's note, verbatim; not empty.
    pub checkpoint: String,
}

/// A record that a believed checkpoint covers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The record.
    pub record: Record,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// Who cosigned it and when (seconds since 1970), where a policy named them.
    pub cosigned: Vec<(String, u64)>,
}

impl TlogProof {
    /// Reads the text; the checkpoint is kept as it stands.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let malformed = |reason| ReceiptError::Malformed { reason };
        let (head, checkpoint) = text.split_once("\n\n").ok_or(malformed("no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| base64::decode(&line["extra ".len()..]).ok_or(malformed("extra is not base64")));
        let index = lines.next().and_then(|line| parse_decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(malformed("no index, or no decimal below 2^63"))?;
        let path: Option<Vec<_>> = lines.take(PATH_MAX + 1).map(parse_hash).collect();
        let path = path.ok_or(malformed("a hash is not base64 of 32 bytes"))?;
        if path.len() > PATH_MAX {
            return Err(malformed("more than 63 hashes"));
        }
        if checkpoint.is_empty() {
            return Err(malformed("no checkpoint"));
        }
        Ok(Self { extra: extra.transpose()?, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Whether the leaf with these bytes stands at the index in the tree.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn shows(&self, leaf: &[u8], head: &TreeHead) -> Result<(), ProofError> {
        merkle::verify_inclusion(&leaf_hash(leaf), self.index, head, &self.path)
    }

    /// Believes the receipt on the word of one of the log's keys.
    ///
    /// # Errors
    /// [`ReceiptError`], in the order of its variants.
    pub fn verify<'a>(
        &self,
        origin: &str,
        log_keys: impl IntoIterator<Item = &'a VerifierKey> + Clone,
    ) -> Result<Receipt, ReceiptError> {
        let checkpoint = SignedCheckpoint::open(&self.checkpoint, origin, log_keys)?;
        let record = self.record(&checkpoint.head())?;
        Ok(Receipt { record, checkpoint, cosigned: Vec::new() })
    }

    /// Believes the receipt if its checkpoint meets the policy.
    ///
    /// # Errors
    /// [`ReceiptError`], in the order of its variants.
    pub fn verify_policy(&self, policy: &Policy) -> Result<Receipt, ReceiptError> {
        let witnessed = policy.check(&self.checkpoint)?;
        let record = self.record(&witnessed.checkpoint.head())?;
        Ok(Receipt { record, checkpoint: witnessed.checkpoint, cosigned: witnessed.cosigned })
    }

    /// The record in `extra`, once its hash is found under the head.
    fn record(&self, head: &TreeHead) -> Result<Record, ReceiptError> {
        let leaf = self.extra.as_ref().ok_or(ReceiptError::NoRecord)?;
        self.shows(leaf, head)?;
        let record = std::str::from_utf8(leaf).ok().and_then(Record::parse);
        let record = record.ok_or(ReceiptError::NotARecord)?;
        if record.seq != self.index {
            return Err(ReceiptError::WrongPlace { seq: record.seq, index: self.index });
        }
        Ok(record)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    use crate::merkle::{EMPTY_ROOT, root_of};
    use crate::note::{KeyName, LogSigner};
    use crate::time::Timestamp;

    const ORIGIN: &str = "ledger.example/r";

    fn signer() -> LogSigner {
        LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[5; 32])
    }

    /// A receipt for the second of two leaves.
    fn receipt(leaf: &[u8]) -> TlogProof {
        let first = leaf_hash(b"first");
        let head = TreeHead { size: 2, root: root_of([first, leaf_hash(leaf)]) };
        let checkpoint = SignedCheckpoint::sign(ORIGIN, [&signer()], head).unwrap().to_string();
        TlogProof { extra: Some(leaf.to_vec()), index: 1, path: vec![first], checkpoint }
    }

    fn record(seq: u64) -> Record {
        let recorded_at = Timestamp::from_millis(1).unwrap();
        Record { seq, recorded_at, command_id: EMPTY_ROOT, envelope_sha256: EMPTY_ROOT }
    }

    fn verify(proof: &TlogProof) -> Result<Record, ReceiptError> {
        let again = TlogProof::parse(&proof.to_string()).unwrap();
        assert_eq!(&again, proof);
        Ok(again.verify(ORIGIN, [signer().verifier()])?.record)
    }

    #[test]
    fn only_the_record_that_stands_there_is_believed() {
        let good = receipt(&record(1).leaf());
        assert_eq!(verify(&good), Ok(record(1)));
        let other = TlogProof { extra: Some(record(2).leaf()), ..good.clone() };
        assert_eq!(verify(&other), Err(ProofError::RootMismatch.into()));
        assert_eq!(verify(&TlogProof { extra: None, ..good.clone() }), Err(ReceiptError::NoRecord));
        assert_eq!(verify(&receipt(b"anything")), Err(ReceiptError::NotARecord));
        assert_eq!(verify(&receipt(b"\xff")), Err(ReceiptError::NotARecord));
        let moved = receipt(&record(0).leaf());
        assert_eq!(verify(&moved), Err(ReceiptError::WrongPlace { seq: 0, index: 1 }));
        let beyond = TlogProof { index: 2, ..good };
        assert_eq!(verify(&beyond), Err(ProofError::IndexBeyondSize { index: 2, size: 2 }.into()));
    }

    #[test]
    fn shapes_that_are_no_proof() {
        let good = "c2sp.org/tlog-proof@v1\nextra YQ==\nindex 5\n\ncheckpoint\n";
        assert_eq!(TlogProof::parse(good).unwrap().to_string(), good);
        for bad in [
            "",
            "c2sp.org/tlog-proof@v1\nindex 5\n",
            "c2sp.org/tlog-proof@v1\nindex 5\n\n",
            "c2sp.org/tlog-proof@v2\nindex 5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 05\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex +5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx\n",
            "c2sp.org/tlog-proof@v1\nextra YR==\nindex 5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 5\nextra YQ==\n\nx\n",
            "c2sp.org/tlog-proof@v1\nextra YQ==\nextra YQ==\nindex 5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 5\nYQ==\n\nx\n",
            "c2sp.org/tlog-proof@v1\r\nindex 5\r\n\r\nx\r\n",
        ] {
            assert!(matches!(TlogProof::parse(bad), Err(ReceiptError::Malformed { .. })), "{bad:?}");
        }
        let mut long = receipt(b"x");
        long.path = vec![EMPTY_ROOT; 64];
        assert!(TlogProof::parse(&long.to_string()).is_err());
        long.path.pop();
        assert!(TlogProof::parse(&long.to_string()).is_ok());
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(pick: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = receipt(&record(1).leaf()).to_string().into_bytes();
            let place = pick.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            let proof = String::from_utf8(bytes).ok().and_then(|text| TlogProof::parse(&text).ok());
            if let Some(proof) = proof {
                prop_assert!(proof.verify(ORIGIN, [signer().verifier()]).is_err());
            }
        }

        #[test]
        fn parse_print_roundtrip(
            extra in prop::option::of(prop::collection::vec(any::<u8>(), 0..50)),
            index in 0_u64..1 << 63,
            path in prop::collection::vec(any::<[u8; 32]>().prop_map(Digest), 0..=63),
            checkpoint in "\\PC{1,20}\n\n?",
        ) {
            let proof = TlogProof { extra, index, path, checkpoint };
            prop_assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
        }
    }
}
