//! One thread owns the state: it orders commands, makes them durable, publishes them, and only then
//! answers.
//!
//! ```text
//! queue ── judge (apply) ── stage ── next … ── Store::append ══ COMMIT POINT ══ log, checkpoint ── answers
//! ```
//!
//! Refusals leave only after the batch that they may rest on is durable. A failed append is never
//! tried again: the thread ends with the error, the process stops, and a restart replays.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use crate::apply::{self, Documents, Entry};
use crate::command::Body;
use crate::digest::Digest;
use crate::intake::Signed;
use crate::log::{LogError, LogWriter};
use crate::past::Past;
pub use crate::past::Published;
use crate::receipt::{self, Receipt};
use crate::record::Record;
use crate::rejection::Rejection;
use crate::snapshot;
use crate::state::State;
use crate::store::{Batch, Store, StoreError, StoreReader, StoredDocument, StoredRecord};
use crate::watch::Watch;

pub use crate::watch::Clock;

/// Commands that wait for the sequencer; more are refused at once.
pub const QUEUE_MAX: usize = 8_192;

/// Commands judged before one append.
const BATCH_MAX: usize = 1_024;

/// Bytes of documents and envelopes judged before one append.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Records between snapshots of the state.
const SNAPSHOT_EVERY: u64 = 20_000;

/// A command on its way, with the documents it names.
#[derive(Debug)]
pub struct Request {
    /// The command.
    pub signed: Signed,
    /// Its documents, resolved.
    pub documents: Documents,
    /// The bytes of the fresh ones.
    pub bytes: Vec<StoredDocument>,
}

/// What became of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Recorded now, and published.
    Accepted(Receipt),
    /// The same bytes were recorded before: the first receipt.
    Repeated(Receipt),
    /// Refused by the state.
    Rejected(Rejection),
    /// Not recorded: no room.
    StorageFull,
    /// Not recorded: the clock has jumped.
    ClockUnsound,
}

/// Why a command was not taken into the queue, or is without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// Too many wait already. Not recorded.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The sequencer is gone. Whether it was recorded is unknown.
    #[error("the ledger has stopped: send the same bytes again to learn what became of them")]
    Stopped,
}

/// Why the sequencer stopped: nothing may be appended any more, and a restart replays.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

type Waiting = (Request, oneshot::Sender<Outcome>);

enum Message {
    Command(Box<Waiting>),
    Stop,
}

/// The callers' side of the sequencer.
#[derive(Clone)]
pub struct Handle {
    queue: mpsc::Sender<Message>,
    past: Arc<Past>,
    length: watch::Receiver<u64>,
    reader: Arc<dyn StoreReader>,
    clock_sound: Arc<AtomicBool>,
}

impl Handle {
    /// Puts a command in the queue and waits for what becomes of it.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn submit(&self, request: Request) -> Result<Outcome, QueueError> {
        let (answer, outcome) = oneshot::channel();
        let message = Message::Command(Box::new((request, answer)));
        self.queue.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => QueueError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => QueueError::Stopped,
        })?;
        outcome.await.map_err(|_| QueueError::Stopped)
    }

    /// Asks the sequencer to take nothing more, finish what waits and end.
    pub async fn stop(&self) {
        // If it is gone already, there is nothing to stop.
        let _ = self.queue.send(Message::Stop).await;
    }

    /// What is published now.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.past.newest()
    }

    /// What was published before.
    #[must_use]
    pub fn past(&self) -> &Arc<Past> {
        &self.past
    }

    /// Tells each new published length.
    #[must_use]
    pub fn lengths(&self) -> watch::Receiver<u64> {
        self.length.clone()
    }

    /// The durable records and documents.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn StoreReader> {
        &self.reader
    }

    /// Whether the sequencer is gone.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.queue.is_closed()
    }

    /// Whether the clock is believed; if it is not, nothing but its confirmation is recorded.
    #[must_use]
    pub fn is_clock_sound(&self) -> bool {
        self.clock_sound.load(Ordering::Relaxed)
    }

    /// How many commands wait.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

/// The thread's own side.
pub struct Sequencer {
    queue: mpsc::Receiver<Message>,
    past: Arc<Past>,
    length: watch::Sender<u64>,
    state: State,
    store: Box<dyn Store>,
    reader: Arc<dyn StoreReader>,
    log: LogWriter,
    watch: Watch,
    snapshot_length: u64,
}

/// Commands judged and not yet durable.
#[derive(Default)]
struct Staged {
    records: Vec<StoredRecord>,
    documents: Vec<StoredDocument>,
    leaves: Vec<Vec<u8>>,
    places: HashMap<Digest, usize>,
    receipts: Vec<Receipt>,
    bytes: usize,
}

/// What a command of the batch will be answered, once the batch is durable.
enum Verdict {
    Staged(usize),
    /// The same bytes earlier in this batch.
    Twin(usize),
    Settled(Outcome),
}

impl Sequencer {
    /// A sequencer over an opened ledger.
    #[must_use]
    pub fn new(state: State, store: Box<dyn Store>, log: LogWriter, clock: Box<dyn Clock>) -> (Self, Handle) {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let (length, lengths) = watch::channel(state.length());
        let reader = store.reader();
        let past = Arc::new(Past::new(state.clone(), Arc::clone(&reader)));
        let watch = Watch::start(clock, state.recorded_at());
        let handle = Handle {
            queue: sender,
            past: Arc::clone(&past),
            length: lengths,
            reader: Arc::clone(&reader),
            clock_sound: Arc::clone(&watch.sound),
        };
        let snapshot_length = state.length();
        let sequencer = Self { queue, past, length, state, store, reader, log, watch, snapshot_length };
        (sequencer, handle)
    }

    /// Runs until it is told to stop or every handle is gone, then keeps a snapshot.
    ///
    /// # Errors
    /// The failure after which nothing may be appended any more.
    pub fn run(mut self) -> Result<(), Stopped> {
        while let Some(first) = self.queue.blocking_recv() {
            let mut waiting = Vec::new();
            self.take(first, &mut waiting);
            while waiting.len() < BATCH_MAX
                && let Ok(next) = self.queue.try_recv()
            {
                self.take(next, &mut waiting);
            }
            let mut waiting = waiting.into_iter().peekable();
            while waiting.peek().is_some() {
                self.run_batch(&mut waiting)?;
            }
            if self.state.length() >= self.snapshot_length + SNAPSHOT_EVERY {
                self.keep_snapshot();
            }
        }
        self.keep_snapshot();
        Ok(())
    }

    /// A stop closes the queue: what is in it is still judged, nothing more comes in.
    fn take(&mut self, message: Message, waiting: &mut Vec<Waiting>) {
        match message {
            Message::Command(command) => waiting.push(*command),
            Message::Stop => self.queue.close(),
        }
    }

    fn run_batch(&mut self, waiting: &mut impl Iterator<Item = Waiting>) -> Result<(), Stopped> {
        let before = self.state.clone();
        let watched = self.watch.mark();
        let mut staged = Staged::default();
        let mut verdicts = Vec::new();
        while staged.bytes < BATCH_BYTES_MAX
            && let Some((request, answer)) = waiting.next()
        {
            verdicts.push((answer, self.judge(request, &mut staged)?));
        }
        if !staged.records.is_empty() {
            let batch = Batch {
                first_seq: before.length(),
                documents: std::mem::take(&mut staged.documents),
                records: std::mem::take(&mut staged.records),
            };
            match self.store.append(&batch) {
                // ═ COMMIT POINT ═ no answer leaves before it.
                Ok(()) => {}
                Err(StoreError::Full) => {
                    self.state = before;
                    self.watch.back_to(watched);
                    answer_all(verdicts, |_| Outcome::StorageFull);
                    return Ok(());
                }
                Err(
                    error @ (StoreError::NotTheEnd { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::Io { .. }),
                ) => return Err(error.into()),
            }
            self.log.append(staged.leaves.iter().map(Vec::as_slice))?;
            self.log.publish()?;
            self.past.publish(&self.state);
            self.length.send_replace(self.state.length());
        }
        answer_all(verdicts, |verdict| match verdict {
            Verdict::Staged(place) => Outcome::Accepted(staged.receipts[place].clone()),
            Verdict::Twin(place) => Outcome::Repeated(staged.receipts[place].clone()),
            Verdict::Settled(outcome) => outcome,
        });
        Ok(())
    }

    fn judge(&mut self, request: Request, staged: &mut Staged) -> Result<Verdict, Stopped> {
        let Request { signed, mut documents, bytes } = request;
        if let Some(place) = staged.places.get(&signed.id) {
            return Ok(Verdict::Twin(*place));
        }
        if let Some(seq) = self.reader.seq_of_command(&signed.id)? {
            let first = receipt::read_back(self.reader.as_ref(), seq)?;
            return Ok(Verdict::Settled(Outcome::Repeated(first)));
        }
        let confirms = matches!(signed.command.body, Body::LedgerConfirmClock(_));
        let read = self.watch.read();
        if !read.sound && !confirms {
            return Ok(Verdict::Settled(Outcome::ClockUnsound));
        }
        let recorded_at = self.state.recorded_at().map_or(read.now, |last| last.max(read.now));
        // What another command made durable in the meantime is fresh no more.
        documents.fresh.retain(|digest, _| self.state.document(digest).is_none());
        let entry = Entry {
            seq: self.state.length(),
            recorded_at,
            command_id: signed.id,
            signer: signed.signer,
            command: &signed.command,
            payload: &signed.payload,
            documents: &documents,
        };
        let (next, effects) = match apply::transition(&self.state, &entry) {
            Ok(done) => done,
            Err(rejection) => return Ok(Verdict::Settled(Outcome::Rejected(rejection))),
        };
        // What counts is the effect: a command that waits for approval has vouched for nothing.
        let confirmed = next.opened().and_then(|opened| opened.clock_confirmed.as_ref());
        if confirmed.is_some_and(|confirmed| confirmed.seq == entry.seq) {
            self.watch.believe(&read);
        }
        let record = Record {
            seq: entry.seq,
            recorded_at,
            command_id: signed.id,
            envelope_sha256: Digest::of(&signed.envelope),
        };
        let effects: Arc<[u8]> = receipt::print_effects(&next, &effects).into_bytes().into();
        staged.bytes += signed.envelope.len() + effects.len();
        for document in bytes.into_iter().filter(|document| documents.fresh.contains_key(&document.digest)) {
            staged.bytes += document.bytes.len();
            staged.documents.push(document);
        }
        let place = staged.receipts.len();
        staged.places.insert(signed.id, place);
        staged.receipts.push(Receipt { record, effects: Arc::clone(&effects) });
        staged.leaves.push(record.leaf());
        staged.records.push(StoredRecord {
            recorded_at,
            command_id: signed.id,
            envelope: signed.envelope.into(),
            effects,
        });
        self.state = next;
        Ok(Verdict::Staged(place))
    }

    /// A snapshot is a cache: one that cannot be kept costs time at the next start, nothing else.
    fn keep_snapshot(&mut self) {
        self.snapshot_length = self.state.length();
        let snapshot = snapshot::store(&self.state, self.log.head().root);
        let synced = self.log.sync_static().and_then(|()| self.log.sync()).map_err(Stopped::from);
        let kept = synced.and_then(|()| Ok(self.store.put_snapshot(&snapshot)?));
        if let Err(error) = kept {
            tracing::warn!(%error, "the state's snapshot was not kept");
        }
    }
}

fn answer_all(verdicts: Vec<(oneshot::Sender<Outcome>, Verdict)>, outcome: impl Fn(Verdict) -> Outcome) {
    for (answer, verdict) in verdicts {
        // The caller may be gone; the record stands all the same.
        let _ = answer.send(outcome(verdict));
    }
}
