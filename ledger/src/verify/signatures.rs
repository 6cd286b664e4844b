//! Signatures on all cores, each under the keys as they were at its sequence.
//!
//! The replay goes on alone and hands each envelope over with what it has read from it, and with its
//! author as the state before the record knew it: so nothing is read twice. What waits is bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::report::{CheckId, Finding};
use super::tally::Tallies;
use crate::command::CommandError;
use crate::envelope::Envelope;
use crate::intake::{self, IntakeError};
use crate::party::Party;
use crate::replay::ReadRecord;
use crate::state::State;
use crate::store::StoredRecord;

/// Records handed over at once.
const CHUNK: usize = 64;

/// A recorded envelope, with what was known before it.
pub(super) struct Job {
    pub(super) seq: u64,
    pub(super) stored: StoredRecord,
    pub(super) known: Known,
}

/// What its signatures are judged by.
pub(super) enum Known {
    /// The command that was read from it, and its author as the state before the record had it.
    Read(Box<ReadRecord>, Option<Arc<Party>>),
    /// The state before the record, where it could not be read.
    Before(Box<State>),
}

/// Hands jobs over in chunks.
pub(super) struct Jobs {
    waiting: Vec<Job>,
    chunks: SyncSender<Vec<Job>>,
}

impl Jobs {
    pub(super) fn push(&mut self, job: Job) {
        self.waiting.push(job);
        if self.waiting.len() == CHUNK {
            self.send();
        }
    }

    fn send(&mut self) {
        // The workers listen for as long as this sender lives.
        let _ = self.chunks.send(std::mem::take(&mut self.waiting));
    }
}

/// Runs `feed`, which pushes jobs, while workers check them; gives what both found.
pub(super) fn beside<T>(feed: impl FnOnce(&mut Jobs) -> T) -> (T, Tallies) {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let (chunks, receiver) = sync_channel(2 * threads);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&receiver))).collect();
        let mut jobs = Jobs { waiting: Vec::new(), chunks };
        let fed = feed(&mut jobs);
        jobs.send();
        drop(jobs);
        let mut found = Tallies::default();
        for worker in workers {
            found.merge(worker.join().expect("checking a signature does not panic"));
        }
        (fed, found)
    })
}

fn work(chunks: &Mutex<Receiver<Vec<Job>>>) -> Tallies {
    let mut found = Tallies::default();
    loop {
        let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(chunk) = next else { return found };
        chunk.iter().for_each(|job| check(job, &mut found));
    }
}

/// Takes the stored envelope in once more, as if it had just arrived.
fn check(job: &Job, found: &mut Tallies) {
    let Job { seq, stored, known } = job;
    for id in [CheckId::SignatureAtSeq, CheckId::Canonical, CheckId::CommandId] {
        found.count(id, 1);
    }
    let checked = match known {
        Known::Read(read, author) => check_read(stored, read, author.as_deref()),
        Known::Before(state) => intake::take_in(&stored.envelope, state.as_ref())
            .map(|signed| signed.envelope[..] == stored.envelope[..]),
    };
    match checked {
        Ok(true) => {}
        Ok(false) => {
            let finding = Finding::at(*seq, "the stored envelope is not its canonical form");
            found.fail(CheckId::Canonical, finding);
        }
        Err(error) => tell(*seq, &error, found),
    }
}

/// The replay has read command and id from it: left are its form and its signatures. Gives whether it
/// is stored in its canonical form.
fn check_read(stored: &StoredRecord, read: &ReadRecord, author: Option<&Party>) -> Result<bool, IntakeError> {
    let envelope = Envelope::parse(&stored.envelope).map_err(IntakeError::Envelope)?;
    let keys = author.map(|party| party.keys.iter().map(|key| key.public).collect());
    intake::check_read(&envelope, &read.command, keys)?;
    Ok(envelope.to_string().as_bytes() == &stored.envelope[..])
}

fn tell(seq: u64, error: &IntakeError, found: &mut Tallies) {
    let finding = Finding::at(seq, error.to_string());
    match error {
        IntakeError::SignatureCount { .. }
        | IntakeError::KeyUnknown { .. }
        | IntakeError::SignatureInvalid { .. }
        | IntakeError::KeyidMismatch { .. } => found.fail(CheckId::SignatureAtSeq, finding),
        IntakeError::Envelope(_)
        | IntakeError::PayloadTooLarge { .. }
        | IntakeError::PayloadTypeUnknown { .. }
        | IntakeError::Profile(_)
        | IntakeError::Command(CommandError::Schema(_) | CommandError::WeakKey) => {
            found.fail(CheckId::Canonical, finding);
        }
        IntakeError::Command(CommandError::TypeUnknown { .. }) => {
            found.undecided(CheckId::Replay, finding.help(super::NEWER));
        }
    }
}
