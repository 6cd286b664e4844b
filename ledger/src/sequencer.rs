//! One thread owns the state: it orders commands, makes them durable, publishes them, and only then
//! answers.
//!
//! ```text
//! queue ── judge (apply) ── stage ── next … ── Store::append ══ COMMIT POINT ══ log, checkpoint ── answers
//! ```
//!
//! Refusals leave only after the batch that they may rest on is durable. A failed append is never
//! tried again: the thread ends with the error, the process stops, and a restart replays.

mod handle;

pub use handle::{Handle, Outcome, QUEUE_MAX, QueueError, Request};

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use self::handle::{Message, Waiting};
use crate::apply::{self, Content, Entry};
use crate::command::Body;
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::intake::Signed;
use crate::log::{LogError, LogWriter};
use crate::log_keys;
use crate::past::Past;
pub use crate::past::Published;
use crate::receipt::{self, Receipt};
use crate::record::Record;
use crate::replay;
use crate::snapshot;
use crate::state::State;
use crate::store::{Batch, Store, StoreError, StoreReader, StoredDocument, StoredRecord};
use crate::watch::Watch;

pub use crate::watch::Clock;

/// Commands judged before one append.
const BATCH_MAX: usize = 1_024;

/// Bytes of documents and envelopes judged before one append.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Records between snapshots of the state.
const SNAPSHOT_EVERY: u64 = 20_000;

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
    snapshot_every: u64,
}

/// What a [`Sequencer::step`] found to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Commands waited and are answered.
    Worked,
    /// None waited.
    Idle,
    /// None waits and none can come any more.
    Ended,
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

impl Verdict {
    fn outcome(self, receipts: &[Receipt]) -> Outcome {
        match self {
            Self::Staged(place) => Outcome::Accepted(receipts[place].clone()),
            Self::Twin(place) => Outcome::Repeated(receipts[place].clone()),
            Self::Settled(outcome) => outcome,
        }
    }
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
        let sequencer = Self {
            queue,
            past,
            length,
            state,
            store,
            reader,
            log,
            watch,
            snapshot_length,
            snapshot_every: SNAPSHOT_EVERY,
        };
        (sequencer, handle)
    }

    /// Keeps a snapshot of the state each `records` records.
    pub fn keep_snapshots_every(&mut self, records: u64) {
        self.snapshot_every = records;
    }

    /// Runs until it is told to stop or every handle is gone, then keeps a snapshot.
    ///
    /// # Errors
    /// The failure after which nothing may be appended any more.
    pub fn run(mut self) -> Result<(), Stopped> {
        while let Some(first) = self.queue.blocking_recv() {
            self.work_off(first)?;
        }
        self.keep_snapshot();
        Ok(())
    }

    /// Works off what waits now, as [`Sequencer::run`] does each time, and does not wait for more: for
    /// whoever has one thread and decides itself when it is the sequencer's turn.
    ///
    /// # Errors
    /// The failure after which nothing may be appended any more.
    pub fn step(&mut self) -> Result<Step, Stopped> {
        match self.queue.try_recv() {
            Ok(first) => self.work_off(first).map(|()| Step::Worked),
            Err(mpsc::error::TryRecvError::Empty) => Ok(Step::Idle),
            Err(mpsc::error::TryRecvError::Disconnected) => Ok(Step::Ended),
        }
    }

    /// Answers the first message and what waits behind it, a batch at a time.
    fn work_off(&mut self, first: Message) -> Result<(), Stopped> {
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
        if self.state.length() >= self.snapshot_length + self.snapshot_every {
            self.keep_snapshot();
        }
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
        if is_planted(Fault::AnswerBeforeSync) {
            let answers = std::mem::take(&mut verdicts);
            answer_all(answers, |verdict| verdict.outcome(&staged.receipts));
        }
        if !staged.records.is_empty() {
            if is_planted(Fault::PublishBeforeSync) {
                self.log.append(staged.leaves.drain(..))?;
                self.log.publish()?;
            }
            let batch = Batch {
                first_seq: before.length(),
                documents: std::mem::take(&mut staged.documents),
                records: std::mem::take(&mut staged.records),
            };
            match self.store.append(&batch) {
                // ═ COMMIT POINT ═ no answer leaves before it.
                Ok(()) => {}
                Err(StoreError::Full) => {
                    if !is_planted(Fault::FullDiskForgotten) {
                        self.state = before;
                        self.watch.back_to(watched);
                    }
                    answer_all(verdicts, |_| Outcome::StorageFull);
                    return Ok(());
                }
                Err(
                    error @ (StoreError::NotTheEnd { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::Io { .. }),
                ) => return Err(error.into()),
            }
            if is_planted(Fault::LeavesSwapped) {
                staged.leaves.reverse();
            }
            self.log.append(staged.leaves.iter().map(Vec::as_slice))?;
            log_keys::take_up(&mut self.log, &self.state, self.reader.as_ref())?;
            self.log.publish()?;
            self.past.publish(&self.state);
            self.length.send_replace(self.state.length());
        }
        if is_planted(Fault::ReceiptOfAnother) && !staged.receipts.is_empty() {
            staged.receipts.rotate_left(1);
        }
        answer_all(verdicts, |verdict| verdict.outcome(&staged.receipts));
        Ok(())
    }

    fn judge(&mut self, request: Request, staged: &mut Staged) -> Result<Verdict, Stopped> {
        let Request { signed, mut documents, bytes } = request;
        if let Some(place) = staged.places.get(&signed.id) {
            return Ok(Verdict::Twin(*place));
        }
        if let Some(seq) = self.reader.seq_of_command(&signed.id)?
            && !is_planted(Fault::RepetitionJudged)
        {
            let first = receipt::read_back(self.reader.as_ref(), seq)?;
            return Ok(Verdict::Settled(Outcome::Repeated(first)));
        }
        let read = self.watch.read();
        if !read.sound && !self.confirms_clock(&signed) && !is_planted(Fault::ClockJumpBelieved) {
            return Ok(Verdict::Settled(Outcome::ClockUnsound));
        }
        let least = self.state.recorded_at().filter(|_| !is_planted(Fault::TimeFalls));
        let recorded_at = least.map_or(read.now, |last| last.max(read.now));
        // What another command made durable in the meantime is fresh no more.
        documents.fresh.retain(|digest, _| self.state.document(digest).is_none());
        if documents.content == Content::None {
            documents.content = self.late_content(&signed, staged)?;
        }
        let entry = Entry {
            seq: self.state.length(),
            recorded_at,
            command_id: signed.id,
            signer: signed.signer,
            command: &signed.command,
            payload: &signed.payload,
            documents: &documents,
        };
        let effects = match apply::advance(&mut self.state, &entry) {
            Ok(effects) => effects,
            Err(rejection) => return Ok(Verdict::Settled(Outcome::Rejected(rejection))),
        };
        // What counts is the effect: a command that waits for approval has vouched for nothing.
        let confirmed = self.state.opened().and_then(|opened| opened.clock_confirmed.as_ref());
        if confirmed.is_some_and(|confirmed| confirmed.seq == entry.seq) {
            self.watch.believe(&read);
        }
        let record = Record {
            seq: entry.seq,
            recorded_at,
            command_id: signed.id,
            envelope_sha256: Digest::of(&signed.envelope),
        };
        let mut effects: Arc<[u8]> = receipt::print_effects(&self.state, &effects).into_bytes().into();
        if is_planted(Fault::EffectsOfAnother)
            && let Some(before) = staged.receipts.last()
        {
            effects = Arc::clone(&before.effects);
        }
        staged.bytes += signed.envelope.len() + effects.len();
        for document in bytes.into_iter().filter(|document| documents.fresh.contains_key(&document.digest)) {
            staged.bytes += document.bytes.len();
            if !is_planted(Fault::DocumentLost) {
                staged.documents.push(document);
            }
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
        Ok(Verdict::Staged(place))
    }

    /// What a command rests on may have come in its very batch: a document, or the command it approves.
    fn late_content(&self, signed: &Signed, staged: &Staged) -> Result<Content, StoreError> {
        let staged = |digest: &Digest| staged.documents.iter().find(|document| document.digest == *digest);
        replay::content(&self.state, &signed.command.body, |digest| match staged(digest) {
            Some(document) => Ok(Some(Arc::clone(&document.bytes))),
            None => self.reader.document(digest),
        })
    }

    /// The operator's word for the clock, and what others say of it where a policy asks them.
    fn confirms_clock(&self, signed: &Signed) -> bool {
        let confirms = |body: &Body| matches!(body, Body::LedgerConfirmClock(_));
        let body = &signed.command.body;
        confirms(body) || apply::judged_body(&self.state, body).as_ref().is_some_and(confirms)
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
