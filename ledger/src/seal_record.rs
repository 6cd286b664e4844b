//! Seals as the ledger knows them.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// Why a seal was made.
    pub enum SealKind {
        /// Its time had come.
        Cadence = "cadence",
        /// The day was over.
        CloseOfDay = "close_of_day",
        /// The ledger's last.
        Final = "final",
    }
}

/// A commitment to every balance after a number of records.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// The record that made it: its name.
    pub seq: u64,
    /// When that was recorded.
    pub recorded_at: Timestamp,
    /// Why it was made.
    pub kind: SealKind,
    /// The records it speaks of: 0 to `size` − 1.
    pub size: u64,
    /// When the last of them was recorded.
    pub as_of: Timestamp,
    /// How many trees.
    pub trees: u64,
    /// The RFC 6962 root over the lines.
    pub root: Digest,
    /// The document with the lines.
    pub list: Digest,
    /// The document with the secret of the salts.
    pub salts: Digest,
}
