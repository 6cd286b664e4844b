//! The next segment, zero-filled before it is needed.
//!
//! Writing zeros first gives the file its blocks and its size, so that a later `fdatasync` of a
//! frame writes data alone; and a full disk is met here, not in the middle of a frame.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::DIR;
use crate::store::medium::{Medium, MediumFile};

const FILL_STEP: usize = 1 << 20;

/// Who fills the next segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filling {
    /// A thread, ahead of need.
    Ahead,
    /// The writer, when it needs one: for simulation, which has one thread.
    WhenNeeded,
}

/// A file of zeros that lasts, but whose name need not.
pub(super) struct Spare {
    pub(super) file: Box<dyn MediumFile>,
    pub(super) size: u64,
}

/// The file's name until it becomes a segment; one that a crash left is removed at opening.
pub(super) const NAME: &str = "spare.next";

pub(super) fn path() -> String {
    format!("{DIR}/{NAME}")
}

/// Makes a spare. On failure the space is given back as far as possible.
pub(super) fn fill(medium: &dyn Medium, size: u64) -> io::Result<Spare> {
    let made = medium.create(&path()).and_then(|file| {
        let zeros = vec![0; FILL_STEP];
        let mut at = 0;
        while at < size {
            let step = usize::try_from(size - at).unwrap_or(FILL_STEP).min(FILL_STEP);
            file.write_at(at, &zeros[..step])?;
            at += step as u64;
        }
        file.sync()?;
        Ok(Spare { file, size })
    });
    if made.is_err() {
        // The first failure is the one to report.
        let _ = medium.remove(&path());
    }
    made
}

enum State {
    /// Nobody asked.
    Idle,
    /// A spare of that size is asked for.
    Asked(u64),
    Filling,
    Ready(Spare),
    Failed(io::Error),
    Closed,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// Where the writer gets its next segment.
pub(super) enum Spares {
    Ahead(Filler),
    WhenNeeded(Arc<dyn Medium>),
}

/// The thread that fills, and what it and the writer tell each other.
pub(super) struct Filler {
    shared: Shared,
    thread: Option<JoinHandle<()>>,
}

impl Spares {
    pub(super) fn new(medium: Arc<dyn Medium>, filling: Filling) -> io::Result<Self> {
        match filling {
            Filling::WhenNeeded => Ok(Self::WhenNeeded(medium)),
            Filling::Ahead => {
                let shared: Shared = Arc::new((Mutex::new(State::Idle), Condvar::new()));
                let seen = Arc::clone(&shared);
                let thread = std::thread::Builder::new()
                    .name("journal-fill".into())
                    .spawn(move || fill_ahead(&*medium, &seen))?;
                Ok(Self::Ahead(Filler { shared, thread: Some(thread) }))
            }
        }
    }

    /// Asks for a spare, without waiting for it. The last one taken must have its final name.
    pub(super) fn ask(&self, size: u64) {
        let Self::Ahead(Filler { shared, .. }) = self else { return };
        let mut state = lock(&shared.0);
        if matches!(*state, State::Idle | State::Failed(_)) {
            *state = State::Asked(size);
            shared.1.notify_all();
        }
    }

    /// A spare of at least `size` bytes; waits for it. A failure met ahead of need is old news: it
    /// is tried again once.
    pub(super) fn take(&self, size: u64) -> io::Result<Spare> {
        let shared = match self {
            Self::WhenNeeded(medium) => return fill(&**medium, size),
            Self::Ahead(Filler { shared, .. }) => shared,
        };
        let mut state = lock(&shared.0);
        let mut asked = false;
        loop {
            let next = match std::mem::replace(&mut *state, State::Idle) {
                State::Ready(spare) if spare.size >= size => return Ok(spare),
                State::Failed(error) if asked => return Err(error),
                State::Closed => return Err(io::Error::other("the thread that fills segments is gone")),
                State::Idle | State::Ready(_) | State::Failed(_) => {
                    asked = true;
                    State::Asked(size)
                }
                waiting @ (State::Asked(_) | State::Filling) => waiting,
            };
            *state = next;
            shared.1.notify_all();
            state = shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        *lock(&self.shared.0) = State::Closed;
        self.shared.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic there was reported there.
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fill_ahead(medium: &dyn Medium, shared: &(Mutex<State>, Condvar)) {
    let mut state = lock(&shared.0);
    loop {
        match *state {
            State::Closed => return,
            State::Asked(size) => {
                *state = State::Filling;
                drop(state);
                let filled = fill(medium, size);
                state = lock(&shared.0);
                if let State::Closed = *state {
                    return;
                }
                *state = match filled {
                    Ok(spare) => State::Ready(spare),
                    Err(error) => State::Failed(error),
                };
                shared.1.notify_all();
            }
            State::Idle | State::Filling | State::Ready(_) | State::Failed(_) => {
                state = shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
