//! Where a command was recorded, where a document is, which records changed an account, which were
//! recorded when, the newest snapshots: all of it can be rebuilt from the journal, and is whenever
//! there is a doubt.
//!
//! Entries are in memory from the acknowledgement until a thread has written them to sled, so
//! nothing recorded is ever missed; how many may wait is bounded. **Invariant:** an answer comes from
//! an index that covers the whole durable journal, or it is an error.

mod believe;
mod copy;
mod keeper;
mod pending;
mod shelf;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pending::Pending;

use super::segment::{DocumentPlace, FrameEntries, JournalReader, Marker};
use super::{Along, StoreError, StoredSnapshot, snapshots};
use crate::digest::Digest;
use crate::id::AccountId;
use crate::time::Timestamp;

pub(crate) use copy::snapshot_of_copy;
pub use keeper::IndexReport;

/// An index; which kind depends on the engine.
pub(crate) enum Index {
    /// In memory alone.
    Memory(Memory),
    /// In memory first, then in sled.
    Kept(keeper::Keeper),
}

/// All entries, and sealed snapshots.
#[derive(Default)]
pub(crate) struct Memory {
    pending: Mutex<Pending>,
    /// By length, shortest first.
    sealed: Mutex<Vec<Vec<u8>>>,
}

impl Index {
    /// An index of the whole journal, in memory. Reads, and so checks, every byte of every frame;
    /// `each` may check what else a frame names.
    pub(crate) fn in_memory(
        journal: &JournalReader,
        sealed: Vec<Vec<u8>>,
        mut each: impl FnMut(&FrameEntries) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut pending = Pending::default();
        let mut walk = journal.walk(0, super::segment::Check::Whole);
        while let Some(frame) = walk.next_entries() {
            let frame = frame?;
            each(&frame)?;
            pending.push(frame.without_changes());
        }
        Ok(Self::Memory(Memory { pending: Mutex::new(pending), sealed: Mutex::new(sealed) }))
    }

    /// The index under `root`, rebuilt if it cannot be believed. The marker is kept up to date on
    /// the index's thread.
    pub(crate) fn open(
        root: &Path,
        journal: Arc<JournalReader>,
        marker: Marker,
        lag_max: usize,
    ) -> Result<(Self, IndexReport), StoreError> {
        let (keeper, report) = keeper::Keeper::open(root, journal, marker, lag_max)?;
        Ok((Self::Kept(keeper), report))
    }

    /// Adds a durable frame.
    pub(crate) fn push(&self, frame: FrameEntries) {
        match self {
            Self::Memory(memory) => lock(&memory.pending).push(frame.without_changes()),
            Self::Kept(keeper) => keeper.push(frame),
        }
    }

    pub(crate) fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(lock(&memory.pending).seq_of_command(command_id)),
            Self::Kept(keeper) => {
                keeper.look_up(|p| p.seq_of_command(command_id), |s| s.seq_of_command(command_id))
            }
        }
    }

    pub(crate) fn place_of_document(&self, digest: &Digest) -> Result<Option<DocumentPlace>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(lock(&memory.pending).place_of_document(digest)),
            Self::Kept(keeper) => {
                keeper.look_up(|p| p.place_of_document(digest), |s| s.place_of_document(digest))
            }
        }
    }

    /// The first `most` records along the way that may have changed the account; `None` where that is
    /// not indexed.
    pub(crate) fn account_seqs(
        &self,
        account: &AccountId,
        along: Along,
        most: usize,
    ) -> Result<Option<Vec<u64>>, StoreError> {
        let Self::Kept(keeper) = self else { return Ok(None) };
        let account = account.as_str();
        let gathered = keeper.gather(|frames, shelf| {
            let mut seqs = shelf.account_seqs(account, along, most)?;
            let range = along.range();
            let waiting = frames.iter().flat_map(|frame| frame.touched());
            let own = waiting.filter(|(seq, touched)| range.contains(seq) && touched.may_be(account));
            seqs.extend(own.map(|(seq, _)| seq));
            Ok(along.order(seqs, most))
        })?;
        Ok(Some(gathered))
    }

    /// The first record of the last frame that begins no later than `at`, if one does; `None` where
    /// that is not indexed.
    pub(crate) fn frame_at(&self, at: Timestamp) -> Result<Option<Option<u64>>, StoreError> {
        let Self::Kept(keeper) = self else { return Ok(None) };
        let gathered = keeper.gather(|frames, shelf| {
            let waiting = frames.iter().rev().find(|frame| frame.recorded_at <= at);
            let waiting = waiting.map(|frame| frame.first_seq);
            Ok(shelf.frame_at(at)?.max(waiting))
        })?;
        Ok(Some(gathered))
    }

    /// Keeps a sealed snapshot of that many records.
    pub(crate) fn put_snapshot(&self, length: u64, sealed: Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Memory(memory) => {
                lock(&memory.sealed).push(sealed);
                Ok(())
            }
            Self::Kept(keeper) => keeper.put_snapshot(length, sealed),
        }
    }

    /// The newest snapshot of at most `length` records that is whole and of this journal. One that is
    /// not is as good as none.
    pub(crate) fn snapshot(&self, journal: &JournalReader, length: u64) -> Option<StoredSnapshot> {
        let unseal = |sealed: &[u8]| snapshots::unseal(journal, sealed);
        match self {
            Self::Memory(memory) => {
                let sealed = lock(&memory.sealed);
                let mut unsealed = sealed.iter().rev().filter_map(|sealed| unseal(sealed.as_slice()));
                unsealed.find(|snapshot| snapshot.length <= length)
            }
            Self::Kept(keeper) => keeper.snapshot(length, unseal),
        }
    }

    /// Says that the index told something wrong: it is rebuilt. Returns what to answer meanwhile.
    pub(crate) fn distrust(&self, reason: &str) -> StoreError {
        match self {
            Self::Memory(_) => StoreError::Damaged { place: "index".into(), reason: reason.into() },
            Self::Kept(keeper) => keeper.distrust(reason),
        }
    }

    /// Writes what waits and ends the thread; lookups fail from then on.
    pub(crate) fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Kept(keeper) => keeper.close(),
        }
    }
}

/// What a panic elsewhere left is still whole: every change is one push or one removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
