//! What the outside holds: what it sent, what it was answered, which checkpoints it has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ledger::apply::Documents;
use ledger::digest::Digest;
use ledger::envelope::Envelope;
use ledger::intake;
use ledger::receipt::Receipt;
use ledger::replay;
use ledger::sequencer::{Handle, Outcome, QueueError, Request};
use ledger::store::{StoreError, StoredDocument};
use ledger::time::Timestamp;

use crate::model::Ask;
use crate::scribe::Scribe;
use crate::world::ORIGIN;

/// A signed command.
pub(super) struct Sent {
    pub(super) ask: Ask,
    pub(super) id: Digest,
    /// As it is stored if it is recorded.
    pub(super) envelope: String,
    pub(super) documents: Vec<Arc<[u8]>>,
}

/// A command that is on record.
pub(super) struct Recorded {
    pub(super) sent: usize,
    pub(super) at: u64,
    pub(super) receipt: Option<Receipt>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Outcome, QueueError>>>>;

/// A command that waits for its answer.
pub(super) struct Waiting {
    pub(super) sent: usize,
    /// `None` if the client went away.
    pub(super) answer: Option<Answer>,
}

/// All clients together.
pub(super) struct Clients {
    scribe: Scribe,
    pub(super) sent: Vec<Sent>,
    /// In the order of the log: what the outside knows to be on record.
    pub(super) recorded: Vec<Recorded>,
    pub(super) seq_of: BTreeMap<Digest, u64>,
    pub(super) documents: BTreeSet<Digest>,
    /// Roots of published trees by their sizes.
    pub(super) heads: BTreeMap<u64, Digest>,
}

impl Clients {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            scribe: Scribe::new(ORIGIN, &format!("simulation {seed}")),
            sent: Vec::new(),
            recorded: Vec::new(),
            seq_of: BTreeMap::new(),
            documents: BTreeSet::new(),
            heads: BTreeMap::new(),
        }
    }

    /// Signs an ask and remembers it.
    pub(super) fn sign(&mut self, ask: Ask, now: u64) -> usize {
        if let (Some(text), Some(paper)) = (ask.document_text(), ask.paper()) {
            self.scribe.name_document(&paper.name, &text);
        }
        let now = Timestamp::from_millis(now).expect("simulations end before the year 9999");
        let asked = self.scribe.read(&ask.line(), now);
        let envelope: Envelope = self.scribe.sign(&asked, now);
        let documents = asked.documents.iter().map(|bytes| bytes.as_slice().into()).collect();
        self.sent.push(Sent { ask, id: envelope.id(), envelope: envelope.to_string(), documents });
        self.sent.len() - 1
    }

    /// Takes note of a record.
    pub(super) fn note(&mut self, sent: usize, at: u64, receipt: Option<Receipt>) {
        let seq = self.recorded.len() as u64;
        self.seq_of.insert(self.sent[sent].id, seq);
        self.documents.extend(self.sent[sent].documents.iter().map(|bytes| Digest::of(bytes)));
        self.recorded.push(Recorded { sent, at, receipt });
    }

    /// Records that the outside knows.
    pub(super) fn known(&self) -> u64 {
        self.recorded.len() as u64
    }

    /// What the outside knows of a record.
    pub(super) fn recorded(&self, seq: u64) -> &Recorded {
        &self.recorded[usize::try_from(seq).expect("runs are short")]
    }

    /// Keeps the receipt of a record.
    pub(super) fn keep_receipt(&mut self, seq: u64, receipt: Receipt) {
        self.recorded[usize::try_from(seq).expect("runs are short")].receipt = Some(receipt);
    }

    /// Takes back what was noted after so many records.
    pub(super) fn forget_after(&mut self, known: usize) {
        let forgotten = self.recorded.split_off(known);
        for Recorded { sent, .. } in forgotten {
            self.seq_of.remove(&self.sent[sent].id);
        }
        let brought = self.recorded.iter().flat_map(|recorded| &self.sent[recorded.sent].documents);
        self.documents = brought.map(|bytes| Digest::of(bytes)).collect();
    }

    /// Puts a command before the door; if it comes through, it is in the queue.
    pub(super) fn send(&self, handle: &Handle, sent: usize) -> Result<Answer, String> {
        let request = self.request(handle, &self.sent[sent])?;
        let handle = handle.clone();
        let mut answer: Answer = Box::pin(async move { handle.submit(request).await });
        match poll(&mut answer) {
            None => Ok(answer),
            Some(early) => Err(format!("answered before the sequencer had its turn: {early:?}")),
        }
    }

    /// What the door does: everything that needs no state but a list of keys.
    fn request(&self, handle: &Handle, sent: &Sent) -> Result<Request, String> {
        let published = handle.published();
        let signed =
            intake::take_in(sent.envelope.as_bytes(), &published.state).map_err(|error| error.to_string())?;
        let held: BTreeMap<Digest, &Arc<[u8]>> =
            sent.documents.iter().map(|bytes| (Digest::of(bytes), bytes)).collect();
        let mut documents = Documents::default();
        let mut bytes = Vec::new();
        for (_, digest) in signed.command.body.documents() {
            if let Some(held) = held.get(&digest).filter(|_| published.state.document(&digest).is_none()) {
                documents.fresh.insert(digest, held.len() as u64);
                bytes.push(StoredDocument { digest, bytes: Arc::clone(held) });
            }
        }
        let find = |digest: &Digest| match held.get(digest) {
            Some(held) => Ok(Some(Arc::clone(held))),
            None => handle.store().document(digest),
        };
        documents.content = replay::content(&published.state, &signed.command.body, find)
            .map_err(|error: StoreError| format!("a document could not be read: {error}"))?;
        Ok(Request { signed, documents, bytes })
    }
}

/// Asks a future once whether it is done.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
