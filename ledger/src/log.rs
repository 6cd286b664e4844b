//! The log: the tree over all records, as tiles that any file server can serve.
//!
//! Source: audit specification §§5, 6, 13; storage specification, directory `log/`.
//!
//! One thread owns the [`LogWriter`], and one writer the directory (the ledger's `lock` file sees to
//! that, not this module); any number hold [`LogReader`]s, which see only what the newest
//! published checkpoint covers. Memory does not grow with the log's length: full tiles and bundles
//! are files, the right edge is in memory, and readers share a cache of bounded size.
//!
//! The module knows leaves as bytes; it never asks what a record means, and it has no clock.
//!
//! # The directory
//!
//! ```text
//! tile/<L>/<N>            full tiles, written soon after their last hash is appended
//! tile/entries/<N>        full bundles, likewise
//! tile/…/<N>.p/<W>        partial ones of the newest static checkpoint  (sync_static)
//! checkpoint              that checkpoint, replaced after them          (sync_static)
//! checkpoints             every published checkpoint, oldest first      (publish)
//! witnessed               the newest one that a quorum cosigned         (show_witnessed)
//! quarantine/…            files that differed from the records, moved aside when they were repaired
//! writing                 a file being written; meaningless after a crash
//! ```
//!
//! # What is durable when
//!
//! Nothing here is a commit point: the records are durable in the store *before* their leaves are
//! appended, and every file can be made again from them.
//!
//! | after | in memory | given to the system | safe from a power cut |
//! |---|---|---|---|
//! | `append` | the edge, full tiles and bundles | these soon, by a thread | nothing |
//! | `publish` | the signed checkpoint | its note in `checkpoints` | nothing |
//! | `sync_static` | | partial tiles, then `checkpoint` | nothing |
//! | `sync` | | the rest of them | all full tiles and bundles, `checkpoints` |
//!
//! A state snapshot may therefore name a tree head to [`LogOpening::resume`] from only if `sync` had
//! returned for a size at or above it. Signing is safe without an fsync because the same records give
//! the same tree: a note that a crash lost is signed again over the same root.
//!
//! # Opening
//!
//! [`LogOpening::fresh`] takes every leaf from 0 on, compares each file with what it must hold and
//! writes those that differ, moving the others aside: deleted, cut or altered files are repaired. [`LogOpening::resume`] takes
//! the edge from the files and a trusted head; any damage it meets is [`LogError::Damaged`], and the
//! caller falls back to `fresh`. Both end in [`LogOpening::finish`], which compares the tree with the
//! last kept checkpoint and signs nothing, so that witnesses can be asked first.
//!
//! Readers trust the edge alone: a tile or bundle from a file is checked against the hash above it
//! before a byte of it is used, so damage after opening is an error and never a wrong answer.

mod edge;
mod files;
mod kept;
mod nodes;
mod reader;
mod shown;
mod spool;
mod unsynced;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::CheckpointError;
use crate::merkle::TreeHead;
use crate::note::{LogSigner, VerifierKey};
use crate::tiles::BundleError;

pub use self::reader::LogReader;
pub use self::unsynced::Unsynced;
pub use self::writer::{LogOpening, LogWriter};

/// Where a log lives and who signs it.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The directory; made if it is not there.
    pub directory: PathBuf,
    /// The key that signs checkpoints; its name is the origin.
    pub signer: Arc<LogSigner>,
    /// Further keys at hand. Their lines follow its line, unless [`LogWriter::sign_by`] says who signs.
    pub further_signers: Vec<Arc<LogSigner>>,
    /// Keys that signed before: the last kept checkpoint may be one of theirs.
    pub earlier_keys: Vec<VerifierKey>,
}

/// Why the log stopped or gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file could not be read or written.
    #[error("cannot {what}")]
    Io {
        /// What was tried on which file.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what the tree says it must. A fresh opening repairs tiles and bundles.
    #[error("damaged: {file}: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What did not hold.
        reason: String,
    },
    /// The records give another tree than the last kept checkpoint: the process must stop.
    #[error("history_mismatch: {} leaves with root {} were published, the records give {} with root {}",
        kept.size, kept.root, rebuilt.size, rebuilt.root)]
    HistoryMismatch {
        /// What the last kept checkpoint says.
        kept: TreeHead,
        /// The rebuilt tree at that size, or the whole of it if it is smaller.
        rebuilt: TreeHead,
    },
    /// A leaf that fits in no bundle.
    #[error(transparent)]
    Leaf(#[from] BundleError),
    /// The signer's name is no origin.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A size or index that the newest published checkpoint does not cover, or sizes in the wrong
    /// order.
    #[error("{asked} is not covered by the published size {published}")]
    NotCovered {
        /// The size that the question needs.
        asked: u64,
        /// The published size.
        published: u64,
    },
    /// The leaf is not the one that stands there.
    #[error("leaf {seq} of the tree is another one")]
    NotTheLeaf {
        /// Its index.
        seq: u64,
    },
    /// None of the keys that the ledger announced for this size is at hand: put its file beside the others.
    #[error("none of the log keys {vkeys} is at hand")]
    NoLogKey {
        /// The keys that may sign.
        vkeys: String,
    },
    /// Nothing was ever signed, and nothing may be.
    #[error("the log signs nothing: a witness knows a larger tree")]
    Halted,
    /// An earlier call failed, so the files are behind the tree: the log must be opened again.
    #[error("the log stopped at an earlier error")]
    Stopped,
}

impl LogError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let what = format!("{what} {}", path.display());
        move |source| Self::Io { what, source }
    }
}

#[cfg(test)]
mod tests;
