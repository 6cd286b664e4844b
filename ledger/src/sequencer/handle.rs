//! The callers' side: what is asked, what it is answered, and what readers see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use crate::apply::Documents;
use crate::intake::Signed;
use crate::past::{Past, Published};
use crate::receipt::Receipt;
use crate::rejection::Rejection;
use crate::store::{StoreReader, StoredDocument};

/// Commands that wait for the sequencer; more are refused at once.
pub const QUEUE_MAX: usize = 8_192;

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

pub(super) type Waiting = (Request, oneshot::Sender<Outcome>);

pub(super) enum Message {
    Command(Box<Waiting>),
    Stop,
}

/// The callers' side of the sequencer.
#[derive(Clone)]
pub struct Handle {
    pub(super) queue: mpsc::Sender<Message>,
    pub(super) past: Arc<Past>,
    pub(super) length: watch::Receiver<u64>,
    pub(super) reader: Arc<dyn StoreReader>,
    pub(super) clock_sound: Arc<AtomicBool>,
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
