//! Answers of an index, without one: every record is read, or as many as a search by halves takes.

use std::sync::Arc;

use super::{Along, Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot};
use crate::digest::Digest;
use crate::id::AccountId;
use crate::time::Timestamp;
use crate::touched::Touched;

pub(super) fn account_seqs<R: StoreReader + ?Sized>(
    reader: &R,
    account: &AccountId,
    along: Along,
    most: usize,
) -> Result<Vec<u64>, StoreError> {
    let range = along.range();
    let mut seqs = Vec::new();
    for batch in reader.batches(*range.start()) {
        let batch = batch?;
        if batch.first_seq > *range.end() {
            break;
        }
        let document = |digest: &Digest| {
            let held = batch.documents.iter().find(|held| held.digest == *digest);
            held.map(|held| &*held.bytes)
        };
        for (seq, record) in (batch.first_seq..).zip(&batch.records) {
            if range.contains(&seq) && Touched::read(&record.effects, document).may_be(account.as_str()) {
                seqs.push(seq);
            }
        }
    }
    Ok(along.order(seqs, most))
}

pub(super) fn seq_at<R: StoreReader + ?Sized>(reader: &R, at: Timestamp) -> Result<Option<u64>, StoreError> {
    // Recorded time never falls: below `low` it is no later, from `high` on it is.
    let (mut low, mut high) = (0, reader.length());
    while low < high {
        let middle = low + (high - low) / 2;
        let record = reader.record(middle)?.ok_or_else(|| StoreError::Damaged {
            place: format!("record {middle}"),
            reason: "the journal does not hold it".to_owned(),
        })?;
        if record.recorded_at <= at { low = middle + 1 } else { high = middle }
    }
    Ok(low.checked_sub(1))
}

/// A reader that asks no index for histories: slow, and right whatever the index says.
pub struct Unindexed<'a>(pub &'a dyn StoreReader);

impl StoreReader for Unindexed<'_> {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        self.0.batches(seq)
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        self.0.record(seq)
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.0.document(digest)
    }

    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        self.0.seq_of_command(command_id)
    }

    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        self.0.snapshot()
    }
}
