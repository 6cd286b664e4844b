//! The store that lies, tears and forgets, for tests: the real journal over a disk in memory.
//!
//! One thread, one seed, the same run each time. Its index is in memory alone; snapshots are files of
//! the disk, and damaged like them.

mod disk;

use std::sync::Arc;

use super::index::Index;
use super::medium::{Medium, failed, read_whole, write_whole};
use super::reader::Reader;
use super::segment::{Filling, Journal, JournalOptions, Marker, TailReport};
use super::{Batch, Store, StoreError, StoreReader, StoredSnapshot, snapshots};
use crate::digest::Digest;

pub use disk::{Disk, Rng};

const SNAPSHOT_DIR: &str = "snapshots";

/// A ledger on a simulated disk.
pub struct SimulatedStore {
    disk: Disk,
    journal: Journal,
    marker: Marker,
    reader: Arc<Reader>,
    appended: u64,
    mark_every: Option<u64>,
}

impl SimulatedStore {
    /// Makes an empty ledger on the disk, with segments of that many bytes.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails.
    pub fn create(disk: &Disk, origin: &str, segment_bytes: u32) -> Result<(), StoreError> {
        Journal::create(disk, Digest::of(origin.as_bytes()), segment_bytes)
    }

    /// Opens the ledger, as after a restart. It must hold at least `least_length` records.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails, or lost what was acknowledged.
    pub fn open(
        disk: &Disk,
        origin: &str,
        segment_bytes: u32,
        least_length: u64,
    ) -> Result<(Self, TailReport), StoreError> {
        let medium: Arc<dyn Medium> = Arc::new(disk.clone());
        let options = JournalOptions { segment_bytes, filling: Filling::WhenNeeded, least_length };
        let (journal, marker, report) = Journal::open(&medium, Digest::of(origin.as_bytes()), options)?;
        let mut sealed = Vec::new();
        for name in disk.list(SNAPSHOT_DIR).map_err(failed("listing", SNAPSHOT_DIR))? {
            let path = format!("{SNAPSHOT_DIR}/{name}");
            sealed.push(read_whole(disk, &path).map_err(failed("reading", &path))?);
        }
        let index = Arc::new(Index::in_memory(&journal.reader(), sealed, |_| Ok(()))?);
        let reader = Arc::new(Reader { journal: journal.reader(), index });
        let disk = disk.clone();
        Ok((Self { disk, journal, marker, reader, appended: 0, mark_every: None }, report))
    }

    /// Marks after each `batches` appended ones, where the embedded store's thread goes by time. As
    /// there, a mark that cannot be written ends marking and nothing else.
    pub fn mark_every(&mut self, batches: u64) {
        self.mark_every = Some(batches);
    }

    /// Brings the mark of acknowledged frames up to date, as the embedded store does each second and
    /// when it is closed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk fails.
    pub fn mark(&mut self) -> Result<(), StoreError> {
        self.marker.mark().map_err(failed("writing", "the journal's mark"))
    }
}

impl Store for SimulatedStore {
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let entries = self.journal.append(batch)?;
        self.reader.index.push(entries);
        self.appended += 1;
        if self.mark_every.is_some_and(|every| self.appended.is_multiple_of(every)) && self.mark().is_err() {
            self.mark_every = None;
        }
        Ok(())
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::clone(&self.reader) as Arc<dyn StoreReader>
    }

    fn put_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), StoreError> {
        let sealed = snapshots::seal(&self.reader.journal, snapshot)?;
        let name = format!("{:020}", snapshot.length);
        let written = write_whole(&self.disk, SNAPSHOT_DIR, &name, &sealed);
        written.map_err(failed("writing a snapshot in", SNAPSHOT_DIR))?;
        self.reader.index.put_snapshot(snapshot.length, sealed)
    }
}
