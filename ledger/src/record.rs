//! One accepted, ordered event: the Merkle leaf's exact bytes.
//!
//! Source: audit specification §3. The leaf shows order, time and commitments to content and
//! signatures, and nobody's business.

use std::fmt;

use crate::digest::Digest;
use crate::store::StoredRecord;
use crate::time::Timestamp;

const VERSION_LINE: &str = "pledger/record/v1";

/// Sequence numbers and sizes go up to 2^63 − 1.
pub const SEQ_MAX: u64 = (1 << 63) - 1;

/// What the public log holds of a command.
///
/// Its `Display` is the leaf: five lines, each ended by a line feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// Place in the log, from 0; equals the leaf's index in the tree.
    pub seq: u64,
    /// When the sequencer ordered it; never falls from one record to the next.
    pub recorded_at: Timestamp,
    /// SHA-256 of the signed bytes (PAE): the command id.
    pub command_id: Digest,
    /// SHA-256 of the stored envelope.
    pub envelope_sha256: Digest,
}

impl Record {
    /// Reads a leaf; anything but its one spelling is `None`.
    ///
    /// ```
    /// use ledger::record::Record;
    /// let digest = "ab".repeat(32);
    /// let leaf = format!("pledger/record/v1\n2\n2026-01-02T03:04:05.912Z\n{digest}\n{digest}\n");
    /// assert_eq!(Record::parse(&leaf).unwrap().to_string(), leaf);
    /// assert!(Record::parse(leaf.trim_end()).is_none());
    /// ```
    #[must_use]
    pub fn parse(leaf: &str) -> Option<Self> {
        let mut lines = leaf.strip_suffix('\n')?.split('\n');
        let version = lines.next()?;
        let record = Self {
            seq: lines.next()?.parse().ok()?,
            recorded_at: Timestamp::parse(lines.next()?)?,
            command_id: Digest::parse_hex(lines.next()?)?,
            envelope_sha256: Digest::parse_hex(lines.next()?)?,
        };
        (version == VERSION_LINE && record.seq <= SEQ_MAX && record.to_string() == leaf).then_some(record)
    }

    /// The record that a stored one is at its place.
    #[must_use]
    pub fn of(seq: u64, stored: &StoredRecord) -> Self {
        Self {
            seq,
            recorded_at: stored.recorded_at,
            command_id: stored.command_id,
            envelope_sha256: Digest::of(&stored.envelope),
        }
    }

    /// The leaf's bytes.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { seq, recorded_at, command_id, envelope_sha256 } = self;
        write!(f, "{VERSION_LINE}\n{seq}\n{recorded_at}\n{command_id}\n{envelope_sha256}\n")
    }
}
