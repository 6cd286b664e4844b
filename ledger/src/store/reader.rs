//! The one reader over a journal and an index, whatever engine keeps them.

use std::iter;
use std::sync::Arc;

use super::index::Index;
use super::segment::{Check, JournalReader};
use super::{Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot};
use crate::digest::Digest;

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
        let mut walk = self.journal.walk(seq, Check::Whole);
        Box::new(iter::from_fn(move || {
            let next = walk.next_indexed()?;
            Some(next.map(|(entries, batch)| {
                self.index.offer(entries);
                batch
            }))
        }))
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
        Ok(self.index.snapshot(&self.journal))
    }
}
