//! Makes the benchmark's ledger: signed, taken in with every check, and recorded by the sequencer.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ledger::apply::Documents;
use ledger::digest::Digest;
use ledger::intake;
use ledger::log::LogReader;
use ledger::opening::{self, LogKeys, OpenLedger};
use ledger::sequencer::{Clock, Handle, Outcome, Request};
use ledger::store::StoredDocument;
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::time::Timestamp;
use tokio::task::JoinSet;

use super::book::{Book, ORIGIN, STEP_MS};
use crate::home;

/// Commands sent before their answers are waited for: about what one batch holds under load.
const TOGETHER: u64 = 256;

/// Threads that make and check signatures.
const SIGNING: u64 = 2;

/// Each look at it is a step later: the records' times rest on their numbers alone.
struct StepClock {
    looked: AtomicU64,
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        let steps = self.looked.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Book::start().plus_millis(steps * STEP_MS);
        now.expect("a benchmark ends before the year 9999")
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.looked.load(Ordering::Relaxed) * STEP_MS)
    }
}

/// Makes a ledger of so many records in a directory that holds none.
///
/// # Errors
/// What went wrong, for a person.
pub(super) fn make(dir: &Path, book: &Book, records: u64) -> Result<(), String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    EmbeddedStore::create(dir, ORIGIN, Book::start()).map_err(|error| told(&error))?;
    home::write_key(&home::log_key_path(dir), &book.log_key()).map_err(|error| told(&error))?;
    let opened = open(dir, book, Box::new(StepClock { looked: AtomicU64::new(0) }))?;
    let OpenLedger { sequencer, handle, .. } = opened;
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..SIGNING).map(|_| sync_channel(4)).unzip();
        for (first, sender) in (0..).zip(senders) {
            scope.spawn(move || sign(book, records, first, &sender));
        }
        let running = scope.spawn(move || sequencer.run());
        let sent = submit(&handle, records, &receivers);
        // Whoever still signs finds nobody to take it, and ends.
        drop((handle, receivers));
        let ended = running.join().map_err(|_| "the sequencer panicked".to_owned())?;
        ended.map_err(|error| error.to_string()).and(sent)
    })
}

/// Opens the benchmark's ledger.
///
/// # Errors
/// What went wrong, for a person.
pub(super) fn open(dir: &Path, book: &Book, clock: Box<dyn Clock>) -> Result<OpenLedger, String> {
    let opened = EmbeddedStore::open(dir, ORIGIN, EmbeddedOptions::default());
    let (store, _) = opened.map_err(|error| error.to_string())?;
    open_over(dir, store, book, clock)
}

/// Opens the benchmark's ledger over its store.
///
/// # Errors
/// What went wrong, for a person.
pub(super) fn open_over(
    dir: &Path,
    store: EmbeddedStore,
    book: &Book,
    clock: Box<dyn Clock>,
) -> Result<OpenLedger, String> {
    let (directory, seed) = (dir.join("log"), book.log_key().seed());
    let keys = LogKeys { directory: &directory, seed: &seed };
    opening::open(ORIGIN, Box::new(store), &keys, clock).map_err(|error| error.to_string())
}

/// Runs a ledger to its end, which keeps a snapshot.
///
/// # Errors
/// What went wrong, for a person.
pub(super) fn run_out(opened: OpenLedger) -> Result<LogReader, String> {
    let OpenLedger { sequencer, handle, log, .. } = opened;
    drop(handle);
    sequencer.run().map_err(|error| error.to_string())?;
    Ok(log)
}

/// Every [`SIGNING`]th group of commands, in order, until nobody takes them any more.
fn sign(book: &Book, records: u64, first: u64, sender: &SyncSender<Result<Vec<Request>, String>>) {
    let mut from = first * TOGETHER;
    while from < records {
        let group = (from..records.min(from + TOGETHER)).map(|seq| request(book, seq)).collect();
        if sender.send(group).is_err() {
            return;
        }
        from += SIGNING * TOGETHER;
    }
}

fn request(book: &Book, seq: u64) -> Result<Request, String> {
    let (envelope, document) = book.envelope(seq);
    let signed = intake::take_in(envelope.to_string().as_bytes(), book);
    let signed = signed.map_err(|error| format!("command {seq}: {error}"))?;
    let mut request = Request { signed, documents: Documents::default(), bytes: Vec::new() };
    if let Some(document) = document {
        let digest = Digest::of(&document);
        request.documents.fresh.insert(digest, document.len() as u64);
        request.bytes.push(StoredDocument { digest, bytes: document.into() });
    }
    Ok(request)
}

fn submit(
    handle: &Handle,
    records: u64,
    receivers: &[Receiver<Result<Vec<Request>, String>>],
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let groups = records.div_ceil(TOGETHER);
    for (_, receiver) in (0..groups).zip(receivers.iter().cycle()) {
        let group = receiver.recv().map_err(|_| "a signing thread ended".to_owned())??;
        runtime.block_on(async {
            let mut answers = JoinSet::new();
            for request in group {
                let handle = handle.clone();
                answers.spawn(async move { handle.submit(request).await });
            }
            while let Some(answer) = answers.join_next().await {
                match answer.map_err(|error| error.to_string())?.map_err(|error| error.to_string())? {
                    Outcome::Accepted(_) => {}
                    Outcome::Rejected(refusal) => return Err(format!("{}: {refusal}", refusal.code())),
                    Outcome::Repeated(_) => return Err("a command was made twice".to_owned()),
                    Outcome::StorageFull => return Err("the disk is full".to_owned()),
                    Outcome::ClockUnsound => return Err("the benchmark's clock jumped".to_owned()),
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}
