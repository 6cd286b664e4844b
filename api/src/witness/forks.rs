//! Proof that a log forked, kept in files beside the state.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::digest::Digest;
use ledger::fork::ForkEvidence;

/// Files that are kept: one is proof enough, and a log that forks may not fill the disk.
const KEPT_MAX: u64 = 64;

/// The folder of evidence.
#[derive(Debug)]
pub(super) struct Forks {
    folder: PathBuf,
    count: AtomicU64,
}

impl Forks {
    /// The folder as an earlier run left it.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let count = AtomicU64::new(fs::read_dir(&folder)?.count().try_into().unwrap_or(u64::MAX));
        Ok(Self { folder, count })
    }

    /// Forks seen, over all runs.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Keeps evidence, once, and says in the log where.
    pub(super) fn keep(&self, origin: &str, evidence: &ForkEvidence) {
        let text = evidence.to_string();
        let path = self.folder.join(format!("{}.fork", Digest::of(text.as_bytes())));
        if path.exists() {
            return;
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::error!(origin, count, file = %path.display(), "the log FORKED: it signed two trees of one size; send this file to everyone");
        if count > KEPT_MAX {
            tracing::error!(origin, %evidence, "no more files are kept");
            return;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let kept = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        if let Err(error) = kept {
            tracing::error!(origin, %error, %evidence, "the evidence could not be kept in its file");
        }
    }
}
