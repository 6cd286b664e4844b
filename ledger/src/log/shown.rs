//! Which checkpoint the public is shown, and whether the log still signs.
//!
//! Where the ledger's policy asks for witnesses, `/log/checkpoint` and the file `checkpoint` are the
//! newest one that they have cosigned; it never moves without them. Source: audit specification §§5, 8, 13.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::checkpoint::SignedCheckpoint;

use super::{LogError, LogReader};

/// The file of the newest witnessed checkpoint. It is no commit point: a lost one is asked for again.
pub(super) const WITNESSED: &str = "witnessed";

/// What it is written under before it is renamed.
const WRITING: &str = "witnessed.writing";

/// What all readers share.
pub(super) struct Shown {
    what: ArcSwap<What>,
    /// Held by whoever changes what is shown: it never goes back.
    changing: Mutex<()>,
    halted: AtomicBool,
    /// The one that an earlier run left.
    kept: Option<Arc<SignedCheckpoint>>,
}

enum What {
    Signed,
    Witnessed(Option<Arc<SignedCheckpoint>>),
}

impl Shown {
    pub(super) fn new(kept: Option<SignedCheckpoint>) -> Self {
        Self {
            what: ArcSwap::from_pointee(What::Signed),
            changing: Mutex::new(()),
            halted: AtomicBool::new(false),
            kept: kept.map(Arc::new),
        }
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::SeqCst)
    }
}

impl LogReader {
    /// The checkpoint that the public is shown: the newest signed one, or where witnesses are asked for
    /// the newest that they cosigned; `None` before the first.
    #[must_use]
    pub fn shown(&self) -> Option<Arc<SignedCheckpoint>> {
        match &**self.shown.what.load() {
            What::Signed => self.checkpoint(),
            What::Witnessed(checkpoint) => checkpoint.clone(),
        }
    }

    /// The newest one that witnesses cosigned; `None` also where nobody asks for them.
    #[must_use]
    pub fn witnessed(&self) -> Option<Arc<SignedCheckpoint>> {
        match &**self.shown.what.load() {
            What::Signed => None,
            What::Witnessed(checkpoint) => checkpoint.clone(),
        }
    }

    /// The witnessed checkpoint that an earlier run left.
    #[must_use]
    pub fn kept_witnessed(&self) -> Option<Arc<SignedCheckpoint>> {
        self.shown.kept.clone()
    }

    /// From now on the public is shown what witnesses cosigned, and until then what `until_then` is.
    pub fn ask_for_witnesses(&self, until_then: Option<Arc<SignedCheckpoint>>) {
        self.shown.what.store(Arc::new(What::Witnessed(until_then)));
    }

    /// Shows a checkpoint that witnesses cosigned, and keeps it for the next start. One that is
    /// older than what is shown, or has fewer lines, changes nothing.
    ///
    /// # Errors
    /// [`LogError::NotCovered`]; [`LogError::HistoryMismatch`] if it is of another tree; [`LogError::Io`],
    /// [`LogError::Damaged`]: it is shown all the same if only keeping it failed.
    pub fn show_witnessed(&self, checkpoint: Arc<SignedCheckpoint>) -> Result<(), LogError> {
        let head = checkpoint.head();
        let rebuilt = crate::merkle::TreeHead { size: head.size, root: self.root_at(head.size)? };
        if rebuilt != head {
            return Err(LogError::HistoryMismatch { kept: head, rebuilt });
        }
        let changing = self.shown.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = checkpoint.note().signatures().len();
        let is_older = |shown: Arc<SignedCheckpoint>| {
            let (size, had) = (shown.head().size, shown.note().signatures().len());
            size > head.size || (size == head.size && had > lines)
        };
        if self.witnessed().is_some_and(is_older) {
            return Ok(());
        }
        self.shown.what.store(Arc::new(What::Witnessed(Some(Arc::clone(&checkpoint)))));
        let (path, writing) = (self.tiles.files.path(WITNESSED), self.tiles.files.path(WRITING));
        fs::write(&writing, checkpoint.to_string()).map_err(LogError::io("write", &writing))?;
        fs::rename(&writing, &path).map_err(LogError::io("rename to", &path))?;
        drop(changing);
        Ok(())
    }

    /// Ends signing until the next start: somebody knows a larger tree than this one.
    pub fn halt_signing(&self) {
        self.shown.halted.store(true, Ordering::SeqCst);
    }

    /// Whether signing has ended.
    #[must_use]
    pub fn is_signing_halted(&self) -> bool {
        self.shown.is_halted()
    }
}
