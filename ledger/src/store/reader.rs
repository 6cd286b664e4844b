//! The one reader over a journal and an index, whatever engine keeps them.

use std::sync::Arc;

use super::index::Index;
use super::segment::{Check, JournalReader};
use super::{Along, Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot, scan};
use crate::digest::Digest;
use crate::id::AccountId;
use crate::time::Timestamp;

/// Reads the journal; asks the index where, and believes it only as far as the journal agrees.
pub(crate) struct Reader {
    pub(crate) journal: Arc<JournalReader>,
    pub(crate) index: Arc<Index>,
}

impl StoreReader for Reader {
    fn length(&self) -> u64 {
        self.journal.end().length
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        Box::new(self.journal.walk(seq, Check::Whole))
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        self.journal.record(seq)
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        let Some(place) = self.index.place_of_document(digest)? else { return Ok(None) };
        if let Some(bytes) = self.journal.document_at(digest, place)? {
            return Ok(Some(bytes));
        }
        let found = self.journal.find_document(digest)?;
        self.index.distrust("a document is not where it says");
        Ok(found)
    }

    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        let Some(seq) = self.index.seq_of_command(command_id)? else { return Ok(None) };
        if self.journal.is_command(seq, command_id)? {
            return Ok(Some(seq));
        }
        Err(self.index.distrust("a command is not where it says"))
    }

    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        self.snapshot_within(u64::MAX)
    }

    fn snapshot_within(&self, length: u64) -> Result<Option<StoredSnapshot>, StoreError> {
        Ok(self.index.snapshot(&self.journal, length))
    }

    fn account_seqs(&self, account: &AccountId, along: Along, most: usize) -> Result<Vec<u64>, StoreError> {
        match self.index.account_seqs(account, along, most)? {
            Some(seqs) => Ok(seqs),
            None => scan::account_seqs(self, account, along, most),
        }
    }

    fn seq_at(&self, at: Timestamp) -> Result<Option<u64>, StoreError> {
        let Some(first_seq) = self.index.frame_at(at)? else { return scan::seq_at(self, at) };
        let Some(first_seq) = first_seq else { return Ok(None) };
        let mut walk = self.journal.walk(first_seq, Check::Chain);
        let mut found = None;
        // The frame that the index names, and any that became durable while it was asked.
        while let Some(frame) = walk.next_records().transpose()? {
            let within = frame.records.partition_point(|record| record.recorded_at <= at) as u64;
            found = (frame.first_seq + within).checked_sub(1).filter(|_| within > 0).or(found);
            if within < frame.records.len() as u64 {
                break;
            }
        }
        if found.is_none() {
            tracing::warn!(%at, first_seq, "the index named a frame that begins later: the journal is asked");
            return scan::seq_at(self, at);
        }
        Ok(found)
    }
}
