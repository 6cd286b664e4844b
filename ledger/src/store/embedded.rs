//! The default engine: one directory, one process, no server.
//!
//! ```text
//! ledger.toml            origin, format version, created_at: written last, so it says the rest is there
//! lock                   held by the one process that writes
//! journal/               segments, and the mark of acknowledged frames: the truth
//! documents/ab/cdef…     documents too large for a frame
//! index/ index.state     sled: rebuilt from the journal whenever there is a doubt
//! quarantine/            what was moved aside, with the reason
//! ```
//!
//! `log/` beside them is not the store's.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::index::Index;
use super::medium::{Files, Medium, failed, is_full, write_whole};
use super::reader::Reader;
use super::segment::{
    DocumentPlace, FORMAT_VERSION, Filling, FrameEntries, Journal, JournalOptions, TailReport,
    open_read_only, survey,
};
use super::{Batch, Store, StoreError, StoreReader, StoredSnapshot, Survey, snapshots};
use crate::digest::Digest;
use crate::time::Timestamp;

pub use super::index::IndexReport;

const IDENTITY_FILE: &str = "ledger.toml";
const LOCK_FILE: &str = "lock";

/// How the store is kept.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedOptions {
    /// Size in bytes of a new segment of the journal.
    pub segment_bytes: u32,
    /// Records known to be durable from elsewhere (a kept checkpoint, a witness): a store that has
    /// fewer is refused before anything is changed. 0 if nothing is known.
    pub least_length: u64,
    /// Index entries that may wait in memory, about 100 bytes each; beyond, appending waits.
    pub index_lag_max: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, least_length: 0, index_lag_max: 1 << 20 }
    }
}

/// What opening found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenReport {
    /// When the ledger was created.
    pub created_at: Timestamp,
    /// The journal and its end.
    pub tail: TailReport,
    /// The index; `None` where it was not looked at.
    pub index: Option<IndexReport>,
}

/// A ledger's directory, open for appending.
pub struct EmbeddedStore {
    journal: Journal,
    reader: Arc<Reader>,
    _lock: Lock,
}

/// What `ledger.toml` says.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format_version: u32,
    origin: String,
    created_at: String,
}

impl EmbeddedStore {
    /// The origin of the ledger in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if there is none, or its identity cannot be read.
    pub fn origin(dir: &Path) -> Result<String, StoreError> {
        read_identity(dir).map(|identity| identity.origin)
    }

    /// Makes an empty ledger in `dir`, which may exist but holds no ledger. With segments of the
    /// default size; [`EmbeddedStore::create_with`] says otherwise.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if there is a ledger or a journal with records; else
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub fn create(dir: &Path, origin: &str, created_at: Timestamp) -> Result<(), StoreError> {
        Self::create_with(dir, origin, created_at, EmbeddedOptions::default())
    }

    /// [`EmbeddedStore::create`] with options.
    ///
    /// # Errors
    /// As there.
    pub fn create_with(
        dir: &Path,
        origin: &str,
        created_at: Timestamp,
        options: EmbeddedOptions,
    ) -> Result<(), StoreError> {
        let shown = dir.display().to_string();
        fs::create_dir_all(dir).map_err(failed("making", &shown))?;
        let _lock = take_lock(dir)?;
        let medium: Arc<dyn Medium> = Arc::new(Files::new(dir));
        let refused = |reason: &str| StoreError::Damaged { place: shown.clone(), reason: reason.into() };
        if dir.join(IDENTITY_FILE).exists() {
            return Err(refused("there is a ledger already: open it, or choose another directory"));
        }
        // A creation that stopped half-way left at most a journal without records.
        let begun = medium.list(super::segment::DIR).map_err(failed("listing", &shown))?;
        if begun.iter().any(|name| name.ends_with(".seg")) {
            let (_, report) = open_read_only(Arc::clone(&medium), Digest::of(origin.as_bytes()))?;
            if report.length > 0 {
                return Err(refused("there is a journal but no ledger.toml: restore it from a copy"));
            }
        }
        Journal::create(&*medium, Digest::of(origin.as_bytes()), options.segment_bytes)?;
        let (origin, created_at) = (origin.to_owned(), created_at.to_string());
        let identity = Identity { format_version: FORMAT_VERSION, origin, created_at };
        let text = toml::to_string(&identity).expect("three plain fields make a TOML text");
        let written = write_whole(&*medium, ".", IDENTITY_FILE, text.as_bytes());
        written.map_err(|error| {
            if is_full(&error) { StoreError::Full } else { failed("writing", IDENTITY_FILE)(error) }
        })
    }

    /// Opens the ledger of that origin to append to it. A torn end of the journal is kept aside and
    /// cut off; an index that cannot be believed is rebuilt. Both are reported.
    ///
    /// # Errors
    /// [`StoreError::Io`] of kind `WouldBlock` if another process has it open;
    /// [`StoreError::Damaged`] if acknowledged bytes are missing or changed, or it is another
    /// ledger's: then nothing was changed.
    pub fn open(
        dir: &Path,
        origin: &str,
        options: EmbeddedOptions,
    ) -> Result<(Self, OpenReport), StoreError> {
        let created_at = check_identity(dir, origin)?;
        let lock = take_lock(dir)?;
        let medium: Arc<dyn Medium> = Arc::new(Files::new(dir));
        let EmbeddedOptions { segment_bytes, least_length, index_lag_max } = options;
        let journal_options = JournalOptions { segment_bytes, filling: Filling::Ahead, least_length };
        let (journal, marker, tail) = Journal::open(&medium, Digest::of(origin.as_bytes()), journal_options)?;
        let (index, index_report) = Index::open(dir, journal.reader(), marker, index_lag_max)?;
        let reader = Arc::new(Reader { journal: journal.reader(), index: Arc::new(index) });
        let report = OpenReport { created_at, tail, index: Some(index_report) };
        Ok((Self { journal, reader, _lock: lock }, report))
    }

    /// Opens a closed ledger, or a copy of one, to read it: no lock is taken, nothing is written,
    /// cut or rebuilt. Every byte of journal and cited documents is checked first.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`], without the lock.
    pub fn open_read_only(
        dir: &Path,
        origin: &str,
    ) -> Result<(Arc<dyn StoreReader>, OpenReport), StoreError> {
        let created_at = check_identity(dir, origin)?;
        let medium: Arc<dyn Medium> = Arc::new(Files::new(dir));
        let (journal, tail) = open_read_only(medium, Digest::of(origin.as_bytes()))?;
        let check_files = |frame: &FrameEntries| {
            for (digest, place) in &frame.documents {
                match place {
                    DocumentPlace::Frame { .. } => {}
                    DocumentPlace::File { .. } => drop(journal.document_at(digest, *place)?),
                }
            }
            Ok(())
        };
        let index = Arc::new(Index::in_memory(&journal, Vec::new(), check_files)?);
        Ok((Arc::new(Reader { journal, index }), OpenReport { created_at, tail, index: None }))
    }

    /// Waits until the index on disk has every entry of the journal as it is now.
    ///
    /// # Errors
    /// Any of reading the journal.
    pub fn wait_for_index(&self) -> Result<(), StoreError> {
        self.reader.index.wait_until_written()
    }

    /// Looks through the directory of a closed ledger, or a copy of one, whatever state it is in:
    /// what is sound can be read, and what is not is said. No lock is taken, nothing is written.
    ///
    /// # Errors
    /// If `ledger.toml` cannot be read: then nothing says whose journal it is.
    pub fn survey(dir: &Path) -> Result<(String, Arc<dyn StoreReader>, Survey), StoreError> {
        let origin = read_identity(dir)?.origin;
        let (reader, survey) = survey(Arc::new(Files::new(dir)), dir, Digest::of(origin.as_bytes()));
        Ok((origin, reader, survey))
    }
}

impl Store for EmbeddedStore {
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let entries = self.journal.append(batch)?;
        self.reader.index.push(entries);
        Ok(())
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::clone(&self.reader) as Arc<dyn StoreReader>
    }

    fn put_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), StoreError> {
        let sealed = snapshots::seal(&self.reader.journal, snapshot)?;
        self.reader.index.put_snapshot(snapshot.length, sealed)
    }
}

impl Drop for EmbeddedStore {
    /// Readers may outlive the store; the index is closed all the same, while the lock is held.
    fn drop(&mut self) {
        self.reader.index.close();
    }
}

/// The advisory lock, held by one process.
struct Lock(File);

impl Drop for Lock {
    /// Said, not left to closing: a child process that is about to start may have the file open.
    fn drop(&mut self) {
        // Closing follows at once.
        let _ = self.0.unlock();
    }
}

fn take_lock(dir: &Path) -> Result<Lock, StoreError> {
    let path = dir.join(LOCK_FILE).display().to_string();
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(failed("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Io {
            context: format!("another process has this ledger open and holds {path}"),
            source: io::ErrorKind::WouldBlock.into(),
        }),
        Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
    }
}

fn damaged(dir: &Path, reason: String) -> StoreError {
    StoreError::Damaged { place: dir.join(IDENTITY_FILE).display().to_string(), reason }
}

fn read_identity(dir: &Path) -> Result<Identity, StoreError> {
    let path = dir.join(IDENTITY_FILE).display().to_string();
    let damaged = |reason| damaged(dir, reason);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged("there is no ledger here: create one, or check the directory".into()));
        }
        Err(error) => return Err(failed("reading", &path)(error)),
    };
    let identity: Identity =
        toml::from_str(&text).map_err(|error| damaged(format!("{error}; restore it from a copy")))?;
    if identity.format_version != FORMAT_VERSION {
        let version = identity.format_version;
        return Err(damaged(format!("format version {version}, this program knows {FORMAT_VERSION}")));
    }
    Ok(identity)
}

fn check_identity(dir: &Path, origin: &str) -> Result<Timestamp, StoreError> {
    let identity = read_identity(dir)?;
    let damaged = |reason| damaged(dir, reason);
    if identity.origin != origin {
        return Err(damaged(format!("the ledger is {}, not {origin}: check the directory", identity.origin)));
    }
    let created_at = Timestamp::parse(&identity.created_at);
    created_at.ok_or_else(|| damaged("created_at is no time; restore it from a copy".into()))
}
