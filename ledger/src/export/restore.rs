//! Filling an empty store from an export: each record through the same `apply`, its effects made again,
//! and the log's files from its leaves.
//!
//! Nothing is signed: the log's key is not in the file. The directory is not yet proven good; whoever
//! restores verifies it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::file::{ExportFile, stored};
use super::split_record;
use crate::checkpoint::Checkpoint;
use crate::note::Note;
use crate::replay::{self, ReplayError};
use crate::state::State;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Batch, Store as _, StoreError, StoreReader as _, StoredDocument};
use crate::verify::{Made, Tree};

/// Records that become durable together.
const TOGETHER: usize = 256;

/// Bytes of documents that do, so that memory is bounded.
const DOCUMENTS_TOGETHER: usize = 16 << 20;

/// Why a store was not filled.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Bodies are missing: nothing can be replayed.
    #[error("the export is of scope {scope}: only a full one can be restored")]
    NotFull {
        /// Its scope.
        scope: String,
    },
    /// A record cannot be taken up.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The store, or the export.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record's frame is none.
    #[error("record {seq}: the frame holds no record")]
    Record {
        /// Its place.
        seq: u64,
    },
    /// A file of the log.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

/// Fills the directory, which holds no ledger, with the first `length` records of an export and the
/// log's files. The checkpoint is written if it covers exactly them.
///
/// # Errors
/// [`RestoreError`]: what was written until then is no ledger that opens as this one.
pub fn restore(
    export: &ExportFile,
    dir: &Path,
    length: u64,
    progress: &dyn Fn(u64, u64),
) -> Result<State, RestoreError> {
    if !export.is_full() {
        return Err(RestoreError::NotFull { scope: export.header().scope.to_string() });
    }
    let origin = &export.header().ledger;
    EmbeddedStore::create(dir, origin, export.header().created_at)?;
    let (mut store, _) = EmbeddedStore::open(dir, origin, EmbeddedOptions::default())?;
    let mut state = State::new(origin);
    let mut log = Log { root: &dir.join("log"), tree: Tree::default() };
    let mut batch = Batch { first_seq: 0, documents: Vec::new(), records: Vec::new() };
    for (seq, frame) in (0..length).zip(export.frames_from(0)?) {
        let frame = frame?;
        let none = RestoreError::Record { seq };
        let Some(mut record) = stored(&frame) else { return Err(none) };
        let Some((leaf, _)) = split_record(&frame.bytes) else { return Err(none) };
        let read = replay::read(seq, &record)?;
        for (_, digest) in read.command.body.documents() {
            let is_new = state.document(&digest).is_none()
                && batch.documents.iter().all(|document| document.digest != digest);
            if is_new && let Some(bytes) = export.document(&digest)? {
                batch.documents.push(StoredDocument { digest, bytes });
            }
        }
        let effects = replay::apply_read(&mut state, &read, export)?;
        record.effects = Arc::from(effects.into_bytes());
        batch.records.push(record);
        log.push(leaf)?;
        let bytes: usize = batch.documents.iter().map(|document| document.bytes.len()).sum();
        if batch.records.len() == TOGETHER || bytes >= DOCUMENTS_TOGETHER {
            append(&mut store, &mut batch)?;
            progress(seq + 1, length);
        }
    }
    append(&mut store, &mut batch)?;
    drop(store);
    log.finish(export.checkpoint())?;
    progress(length, length);
    Ok(state)
}

fn append(store: &mut EmbeddedStore, batch: &mut Batch) -> Result<(), StoreError> {
    if batch.records.is_empty() {
        return Ok(());
    }
    store.append(batch)?;
    batch.first_seq += batch.records.len() as u64;
    batch.records.clear();
    batch.documents.clear();
    Ok(())
}

/// The log's files, made from leaves.
struct Log<'a> {
    root: &'a Path,
    tree: Tree,
}

impl Log<'_> {
    fn push(&mut self, leaf: &str) -> Result<(), RestoreError> {
        self.tree.push(leaf.as_bytes()).iter().try_for_each(|made| self.write_tile(made))
    }

    fn finish(&self, checkpoint: &str) -> Result<(), RestoreError> {
        let claimed = Note::parse(checkpoint).ok();
        let claimed = claimed.and_then(|note| Checkpoint::parse(note.text()).ok());
        if claimed.is_none_or(|claimed| claimed.head().size != self.tree.size()) {
            return Ok(());
        }
        self.tree.partials().iter().try_for_each(|made| self.write_tile(made))?;
        self.write("checkpoints", format!("{checkpoint}\n").as_bytes())?;
        self.write("checkpoint", checkpoint.as_bytes())
    }

    fn write_tile(&self, made: &Made) -> Result<(), RestoreError> {
        self.write(&made.path.to_string(), &made.bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        let path = self.root.join(name);
        let failed = |source| RestoreError::File { path: path.display().to_string(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file = File::create(&path).map_err(failed)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
    }
}
