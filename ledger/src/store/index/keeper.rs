//! The thread that brings entries from memory to sled, and rebuilds sled when it broke.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::believe::{CLEAN, DIR, boot_id, note_state, open_believable, replace};
use super::lock;
use super::pending::Pending;
use super::shelf::{Broken, Shelf, Watermark};
use crate::store::medium::failed;
use crate::store::segment::{Check, FrameEntries, JournalReader, Marker};
use crate::store::{StoreError, StoredSnapshot};

/// Entries written to sled at once, about.
const CHUNK_ENTRIES: usize = 8_192;

/// How often the journal's mark is brought up to date.
const MARK_PERIOD: Duration = Duration::from_secs(1);

/// How long to wait before a rebuild that failed is tried again.
const REBUILD_PAUSE: Duration = Duration::from_secs(30);

/// How long closing may go on writing what waits; the rest is read from the journal at the next
/// opening.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// What opening the index found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IndexReport {
    /// It fits the journal.
    Kept {
        /// Records that it did not have yet.
        behind: u64,
    },
    /// It is rebuilt from the journal.
    Rebuilt {
        /// Why.
        reason: String,
    },
}

struct State {
    pending: Pending,
    shelf: Result<Shelf, Broken>,
    watermark: Watermark,
    /// Since when.
    closing: Option<Instant>,
}

impl State {
    fn is_closing(&self) -> bool {
        self.closing.is_some()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    journal: Arc<JournalReader>,
    root: PathBuf,
    lag_max: usize,
}

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    pub(super) fn open(
        root: &Path,
        journal: Arc<JournalReader>,
        marker: Marker,
        lag_max: usize,
    ) -> Result<(Self, IndexReport), StoreError> {
        let start = Watermark::start(journal.origin());
        let (opened, report) = match open_believable(root, &journal)? {
            Ok((shelf, watermark)) if watermark.length > 0 || journal.end().length == 0 => {
                let behind = journal.end().length - watermark.length;
                (Ok((shelf, watermark)), IndexReport::Kept { behind })
            }
            Ok((shelf, watermark)) => {
                (Ok((shelf, watermark)), IndexReport::Rebuilt { reason: "it was empty".into() })
            }
            Err(reason) => (replace(root, &journal, &reason), IndexReport::Rebuilt { reason }),
        };
        note_state(root, &boot_id());
        let (shelf, watermark) = match opened {
            Ok((shelf, watermark)) => (Ok(shelf), watermark),
            Err(reason) => (Err(reason), start),
        };
        let state = State { pending: Pending::default(), shelf, watermark, closing: None };
        let root = root.to_owned();
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), journal, root, lag_max };
        let shared = Arc::new(shared);
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("ledger-index".into());
        let thread = thread.spawn(move || keep(&seen, marker)).map_err(failed("starting", "the index"))?;
        let keeper = Self { shared, thread: Mutex::new(Some(thread)) };
        keeper.catch_up(watermark.length)?;
        Ok((keeper, report))
    }

    /// Adds the journal's frames from `seq` on.
    fn catch_up(&self, seq: u64) -> Result<(), StoreError> {
        let mut walk = self.shared.journal.walk(seq, Check::Whole);
        while let Some(frame) = walk.next_entries() {
            match frame {
                Ok(frame) => self.push(frame),
                Err(error) => {
                    self.close();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Adds a durable frame; waits only if far too many entries wait already.
    pub(super) fn push(&self, frame: FrameEntries) {
        let mut state = lock(&self.shared.state);
        // While it is rebuilt, the frame comes from the journal; at its end it may come twice.
        if state.shelf.is_err() || frame.length() <= state.watermark.length {
            return;
        }
        state.pending.push(frame);
        self.shared.changed.notify_all();
        while state.pending.entries() > self.shared.lag_max && state.shelf.is_ok() && !state.is_closing() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Asks memory, then sled.
    pub(super) fn look_up<T>(
        &self,
        pending: impl FnOnce(&mut Pending) -> Option<T>,
        shelf: impl FnOnce(&Shelf) -> Result<Option<T>, Broken>,
    ) -> Result<Option<T>, StoreError> {
        let mut state = lock(&self.shared.state);
        if let Some(found) = pending(&mut state.pending) {
            return Ok(Some(found));
        }
        // An entry is in sled before it leaves memory, so asking in this order misses none.
        let open = match &state.shelf {
            Ok(open) => open.clone(),
            Err(reason) => return Err(unavailable(reason)),
        };
        drop(state);
        shelf(&open).map_err(|reason| self.distrust(&reason))
    }

    /// Asks memory and sled together; what memory let go of while it was asked is in sled.
    pub(super) fn gather<T>(
        &self,
        ask: impl FnOnce(&[Arc<FrameEntries>], &Shelf) -> Result<T, Broken>,
    ) -> Result<T, StoreError> {
        let state = lock(&self.shared.state);
        let open = state.shelf.clone().map_err(|reason| unavailable(&reason))?;
        let frames = state.pending.frames();
        drop(state);
        ask(&frames, &open).map_err(|reason| self.distrust(&reason))
    }

    pub(super) fn put_snapshot(&self, length: u64, sealed: Vec<u8>) -> Result<(), StoreError> {
        let open = lock(&self.shared.state).shelf.clone().map_err(|reason| unavailable(&reason))?;
        open.put_snapshot(length, sealed).map_err(|reason| self.distrust(&reason))
    }

    pub(super) fn snapshot(
        &self,
        length: u64,
        unseal: impl Fn(&[u8]) -> Option<StoredSnapshot>,
    ) -> Option<StoredSnapshot> {
        let open = lock(&self.shared.state).shelf.clone().ok()?;
        match open.snapshot(length, unseal) {
            Ok((found, passed)) => {
                if passed > 0 {
                    tracing::warn!(passed, "snapshots that are damaged or of another journal were not used");
                }
                found
            }
            Err(reason) => {
                self.distrust(&reason);
                None
            }
        }
    }

    /// From now on nothing of it is believed until the thread has rebuilt it.
    pub(super) fn distrust(&self, reason: &str) -> StoreError {
        self.shared.distrust(reason);
        unavailable(reason)
    }

    pub(super) fn close(&self) {
        lock(&self.shared.state).closing.get_or_insert_with(Instant::now);
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // It ends by itself; a panic there was reported there.
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

fn unavailable(reason: &str) -> StoreError {
    let context = "asking the index, which is being rebuilt: ask again later".into();
    StoreError::Io { context, source: std::io::Error::other(reason.to_owned()) }
}

enum Work {
    Write(Shelf, Watermark, Vec<Arc<FrameEntries>>),
    Rebuild(Broken),
    Nothing,
    Close,
}

impl Shared {
    fn distrust(&self, reason: &str) {
        let mut state = lock(&self.state);
        if state.shelf.is_ok() {
            state.shelf = Err(reason.to_owned());
            state.pending = Pending::default();
        }
        self.changed.notify_all();
    }

    /// Waits for work, for `patience` at most.
    fn work(&self, patience: Duration) -> Work {
        let mut state = lock(&self.state);
        loop {
            match &state.shelf {
                Err(reason) if !state.is_closing() => return Work::Rebuild(reason.clone()),
                Err(_) => return Work::Close,
                Ok(shelf) => {
                    let frames = state.pending.oldest(CHUNK_ENTRIES);
                    let has_time = state.closing.is_none_or(|since| since.elapsed() < CLOSE_PATIENCE);
                    if has_time && !frames.is_empty() {
                        return Work::Write(shelf.clone(), state.watermark, frames);
                    }
                }
            }
            if state.is_closing() {
                return Work::Close;
            }
            let waited = self.changed.wait_timeout(state, patience);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return Work::Nothing;
            }
            state = woken;
        }
    }

    fn write(&self, shelf: &Shelf, watermark: Watermark, frames: &[Arc<FrameEntries>]) {
        match shelf.write(watermark, frames.iter().map(|frame| &**frame)) {
            Ok(watermark) => {
                let mut state = lock(&self.state);
                // Distrusted meanwhile: nothing waits any more.
                if state.shelf.is_ok() {
                    state.pending.release(frames.len());
                    state.watermark = watermark;
                }
                self.changed.notify_all();
            }
            Err(reason) => self.distrust(&reason),
        }
    }

    /// A new index of the whole journal; it answers again once it has reached the journal's end.
    fn rebuild(&self, reason: &str) -> Result<(), Broken> {
        let (shelf, watermark) = replace(&self.root, &self.journal, reason)?;
        self.fill(shelf, watermark).inspect_err(|_| {
            // Half an index tells nothing that the reason does not; if it stays, it is set aside.
            let _ = fs::remove_dir_all(self.root.join(DIR));
        })
    }

    fn fill(&self, shelf: Shelf, mut watermark: Watermark) -> Result<(), Broken> {
        loop {
            let mut walk = self.journal.walk(watermark.length, Check::Whole);
            let mut frames = Pending::default();
            loop {
                let next = walk.next_entries().transpose().map_err(|error| error.to_string())?;
                let ended = next.is_none();
                next.into_iter().for_each(|frame| frames.push(frame));
                if frames.entries() >= CHUNK_ENTRIES || ended {
                    let taken = std::mem::take(&mut frames).oldest(usize::MAX);
                    watermark = shelf.write(watermark, taken.iter().map(|frame| &**frame))?;
                }
                if ended || lock(&self.state).is_closing() {
                    break;
                }
            }
            let mut state = lock(&self.state);
            if watermark.length == self.journal.end().length {
                state.shelf = Ok(shelf);
                state.watermark = watermark;
                return Ok(());
            }
            if state.is_closing() {
                return Err("the store is closed".into());
            }
        }
    }
}

fn keep(shared: &Shared, marker: Marker) {
    let mut marker = Some(marker);
    let mut marked = Instant::now();
    loop {
        match shared.work(MARK_PERIOD) {
            Work::Write(shelf, watermark, frames) => shared.write(&shelf, watermark, &frames),
            Work::Rebuild(reason) => {
                if let Err(error) = shared.rebuild(&reason) {
                    tracing::warn!(error, "the index cannot be rebuilt now; this is tried again");
                    pause(shared);
                }
            }
            Work::Nothing => {}
            Work::Close => break,
        }
        if marked.elapsed() >= MARK_PERIOD {
            mark(&mut marker);
            marked = Instant::now();
        }
    }
    mark(&mut marker);
    let shelf = std::mem::replace(&mut lock(&shared.state).shelf, Err("the store is closed".into()));
    if let Ok(shelf) = shelf {
        match shelf.close(&shared.root.join(DIR)) {
            Ok(()) => note_state(&shared.root, CLEAN),
            Err(reason) => tracing::warn!(reason, "the index was not closed well"),
        }
    }
}

/// Brings the journal's mark up to date. It only adds certainty, so a failure ends marking, not
/// service; a sync that failed is not tried again.
fn mark(marker: &mut Option<Marker>) {
    if let Some(Err(error)) = marker.as_mut().map(Marker::mark) {
        tracing::warn!(%error, "the journal's mark cannot be written; frames are acknowledged without it");
        *marker = None;
    }
}

fn pause(shared: &Shared) {
    let state = lock(&shared.state);
    // Woken early or late makes no difference.
    let _ = shared.changed.wait_timeout_while(state, REBUILD_PAUSE, |state| !state.is_closing());
}
