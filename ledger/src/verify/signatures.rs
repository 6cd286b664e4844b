//! Signatures on all cores, each under the keys as they were at its sequence.
//!
//! The replay goes on alone and hands each envelope over with the state before it: cheap, because
//! states share what they have in common. What waits is bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::report::{CheckId, Finding};
use super::tally::Tallies;
use crate::command::CommandError;
use crate::intake::{self, IntakeError};
use crate::state::State;
use crate::store::StoredRecord;

/// Records handed over at once.
const CHUNK: usize = 64;

/// A recorded envelope, with what was known before it.
pub(super) struct Job {
    pub(super) seq: u64,
    pub(super) stored: StoredRecord,
    pub(super) before: State,
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
    let Job { seq, stored, before } = job;
    for id in [CheckId::SignatureAtSeq, CheckId::Canonical, CheckId::CommandId] {
        found.count(id, 1);
    }
    match intake::take_in(&stored.envelope, before) {
        Ok(signed) => {
            if signed.envelope[..] != stored.envelope[..] {
                let finding = Finding::at(*seq, "the stored envelope is not its canonical form");
                found.fail(CheckId::Canonical, finding);
            }
            if signed.id != stored.command_id {
                let finding = Finding::at(*seq, "the command id is not SHA-256 of the signed bytes");
                found.fail(CheckId::CommandId, finding.with(signed.id, stored.command_id));
            }
        }
        Err(error) => {
            let finding = Finding::at(*seq, error.to_string());
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
    }
}
