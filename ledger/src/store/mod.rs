//! Where records become durable: a small contract, and its engines.
//!
//! A store knows bytes and offsets, not meanings. Only [`Store::append`] makes anything durable;
//! everything else it keeps can be rebuilt from the journal.

mod documents;
pub mod embedded;
mod index;
mod medium;
mod reader;
mod scan;
mod segment;
pub mod simulated;
mod snapshots;
#[cfg(test)]
mod tests;

pub use documents::{HELD_AGE_MAX_MS, HeldDocuments, HeldError, HeldLimits};
pub use scan::Unindexed;
pub use segment::{
    DocumentFault, FaultKind, JournalFault, JournalPart, MarkReport, Survey, TailReport, TornTail,
};

use std::sync::Arc;

use crate::digest::Digest;
use crate::id::AccountId;
use crate::time::Timestamp;

/// A record as the journal keeps it; its sequence number is its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRecord {
    /// The recorded time.
    pub recorded_at: Timestamp,
    /// SHA-256 of the signed bytes (PAE). Kept beside the envelope so that a store can index what
    /// it cannot read; whoever replays derives it again and compares.
    pub command_id: Digest,
    /// The envelope's canonical (JCS) bytes.
    pub envelope: Arc<[u8]>,
    /// What the record changed, as its receipt told; whoever replays makes it again and compares.
    pub effects: Arc<[u8]>,
}

/// A document's bytes under their digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDocument {
    /// SHA-256 of `bytes`.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Records that become durable together, with the documents they are the first to cite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// Sequence number of the first record; the store's length before the batch.
    pub first_seq: u64,
    /// Documents not durable before.
    pub documents: Vec<StoredDocument>,
    /// At least one record.
    pub records: Vec<StoredRecord>,
}

/// A state at a sequence number, as bytes that only `snapshot` understands. A cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSnapshot {
    /// Records applied.
    pub length: u64,
    /// The state's bytes.
    pub bytes: Vec<u8>,
}

/// The one writer's side.
pub trait Store: Send {
    /// Appends the batch at `batch.first_seq` and returns once it is durable.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::NotTheEnd`] leave the store as it was; after any other
    /// error nothing may be appended any more: the process stops and a restart replays.
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// A handle for readers on other threads; it sees what is durable.
    fn reader(&self) -> Arc<dyn StoreReader>;

    /// Keeps a snapshot beside the journal; older ones may go.
    ///
    /// # Errors
    /// Any; a snapshot that could not be kept loses nothing but time.
    fn put_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), StoreError>;
}

/// The readers' side: only what is durable.
pub trait StoreReader: Send + Sync {
    /// Durable records.
    fn length(&self) -> u64;

    /// Durable batches from the one that holds `seq` on, in order. The iterator ends at the length
    /// seen when it was made.
    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_>;

    /// One record, or `None` beyond the length.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read back.
    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError>;

    /// A durable document.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read back.
    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// Where a command was recorded.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read.
    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError>;

    /// Records that may have changed the account, at most `most` of them in the order asked for. Of
    /// those that did none is passed over; of the others some may be among them.
    ///
    /// Without an index every record is read.
    ///
    /// # Errors
    /// [`StoreError`] if index or journal cannot be read.
    fn account_seqs(&self, account: &AccountId, along: Along, most: usize) -> Result<Vec<u64>, StoreError> {
        scan::account_seqs(self, account, along, most)
    }

    /// The last durable record that was recorded no later than `at`.
    ///
    /// # Errors
    /// [`StoreError`] if index or journal cannot be read.
    fn seq_at(&self, at: Timestamp) -> Result<Option<u64>, StoreError> {
        scan::seq_at(self, at)
    }

    /// The newest snapshot of at most the durable length, if there is one.
    ///
    /// # Errors
    /// None stops an opening: a snapshot that cannot be read is as good as none.
    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError>;

    /// The newest snapshot of at most `length` records, if there is one.
    ///
    /// # Errors
    /// As [`StoreReader::snapshot`].
    fn snapshot_within(&self, length: u64) -> Result<Option<StoredSnapshot>, StoreError> {
        Ok(self.snapshot()?.filter(|snapshot| snapshot.length <= length))
    }
}

/// From which record on, and which way, records are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Along {
    /// Up to the end, oldest first.
    UpFrom(u64),
    /// Down to the beginning, newest first.
    DownFrom(u64),
}

impl Along {
    pub(crate) fn range(self) -> std::ops::RangeInclusive<u64> {
        match self {
            Self::UpFrom(seq) => seq..=u64::MAX,
            Self::DownFrom(seq) => 0..=seq,
        }
    }

    /// The first `most` of them, each once.
    pub(crate) fn order(self, mut seqs: Vec<u64>, most: usize) -> Vec<u64> {
        seqs.sort_unstable();
        seqs.dedup();
        match self {
            Self::UpFrom(_) => {}
            Self::DownFrom(_) => seqs.reverse(),
        }
        seqs.truncate(most);
        seqs
    }
}

/// Why a store refused or broke.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room. Nothing was written; reads go on.
    #[error("no space left for the journal: nothing was recorded")]
    Full,
    /// Another writer appended: the store is at `length`, not where the batch starts.
    #[error("the journal is at {length}, the batch at {expected}: another writer appended")]
    NotTheEnd {
        /// Where the batch starts.
        expected: u64,
        /// Where the journal ends.
        length: u64,
    },
    /// Bytes that were durable are no longer what was written.
    #[error("damaged: {place}: {reason}")]
    Damaged {
        /// File and offset, or record.
        place: String,
        /// What did not hold.
        reason: String,
    },
    /// The medium failed.
    #[error("storage failed: {context}")]
    Io {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}
