//! Seals, made beside the sequencer: at a cadence and at close of day, from a published state.
//!
//! A seal is a command like any other, signed by a key of the operator that is registered for seals
//! alone; the sequencer judges it. Its trees are made on a thread of their own, so no command waits. What
//! goes wrong is told in the log and in the figures, and never stops the server.
//!
//! Source: audit specification §11.

mod schedule;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::intake::{self, IntakeError};
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::seal::{SealError, SealTrees};
use ledger::seal_record::SealKind;
use ledger::sequencer::{Outcome, QueueError};
use ledger::state::State;
use ledger::store::{StoreError, StoredDocument};

pub use schedule::{Schedule, Times};

use crate::app::{App, now};
use crate::balance::{BalanceError, SealAtHand};
use crate::client::{Draft, default_expiry, fresh_idempotency_key};
use crate::home::{HomeError, read_key};

/// The longest wait before the clock is looked at again: it may have been set.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// What a server seals with, and when.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// The file of the operator's key for seals. It is read for each seal.
    pub key_file: PathBuf,
    /// When.
    pub times: Times,
}

/// How many seals this process made and could not make.
#[derive(Debug, Default)]
pub struct SealFigures {
    made: AtomicU64,
    failed: AtomicU64,
    last_made_ms: AtomicU64,
}

impl SealFigures {
    /// Seals recorded.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Seals that were due and not recorded.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// When the last one was made, in milliseconds since 1970; 0 before the first.
    #[must_use]
    pub fn last_made_ms(&self) -> u64 {
        self.last_made_ms.load(Ordering::Relaxed)
    }
}

/// Why a seal was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The key file.
    #[error(transparent)]
    Key(#[from] HomeError),
    /// No randomness for the secret of the salts.
    #[error("the system gave no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The trees.
    #[error(transparent)]
    Trees(#[from] SealError),
    /// The command is not one that the ledger takes: another key than one of the operator's.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The state refuses it.
    #[error("{code}: {reason}")]
    Refused {
        /// The refusal's code.
        code: &'static str,
        /// The refusal.
        reason: String,
    },
    /// It was not recorded now: no room, or the clock is not believed.
    #[error("not recorded: {0}")]
    NotNow(&'static str),
    /// The sequencer.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The ledger has no record yet.
    #[error("the ledger is not open")]
    NotOpen,
    /// A document could not be held or read back.
    #[error("a document of the seal could not be kept: {0}")]
    Document(String),
    /// The thread that made it panicked.
    #[error("the seal's thread panicked")]
    Panicked,
}

impl From<StoreError> for SealingError {
    fn from(error: StoreError) -> Self {
        Self::Document(error.to_string())
    }
}

impl From<BalanceError> for SealingError {
    fn from(error: BalanceError) -> Self {
        Self::Document(error.to_string())
    }
}

/// Makes seals for as long as the server runs.
pub async fn run(app: Arc<App>, sealing: Sealing) {
    let last_close = {
        let state = &app.published().state;
        let closes = state.seals().filter(|seal| seal.kind == SealKind::CloseOfDay);
        closes.map(|seal| seal.recorded_at).max()
    };
    let mut schedule = Schedule::new(sealing.times, now(), last_close, draw());
    while let Some((at, kind)) = schedule.next() {
        if let Some(wait) = at.millis_since(now()).filter(|wait| *wait > 0) {
            tokio::time::sleep(Duration::from_millis(wait).min(LOOK_MAX)).await;
            continue;
        }
        match put(&app, &sealing, kind).await {
            Ok(seq) => {
                app.seal_figures.made.fetch_add(u64::from(seq.is_some()), Ordering::Relaxed);
                if let Some(seq) = seq {
                    app.seal_figures.last_made_ms.store(now().millis(), Ordering::Relaxed);
                    tracing::info!(seq, %kind, "sealed");
                }
                schedule.made(kind, now(), draw());
            }
            Err(error) => {
                app.seal_figures.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, %kind, key_file = %sealing.key_file.display(), "no seal was made");
                schedule.failed(kind, now(), draw());
            }
        }
    }
}

/// Chance where the system has some; a seal's secret never rests on this.
fn draw() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// Seals the published state and gives the seal's record; `None` if nothing but seals was recorded since
/// the last one and no day closes.
async fn put(app: &Arc<App>, sealing: &Sealing, kind: SealKind) -> Result<Option<u64>, SealingError> {
    let published = app.published();
    let is_new = published.state.last_seal().is_none_or(|last| last.seq + 1 < published.state.length());
    if !is_new && kind == SealKind::Cadence {
        return Ok(None);
    }
    let (making, key_file) = (Arc::clone(&published), sealing.key_file.clone());
    let made = tokio::task::spawn_blocking(move || make(&making.state, &read_key(&key_file)?, kind));
    let Made { envelope, trees, documents } = made.await.map_err(|_| SealingError::Panicked)??;
    for document in documents {
        let held = app.held().hold(document, now());
        held.map_err(|error| SealingError::Document(error.to_string()))?;
    }
    let signed = intake::take_in(envelope.to_string().as_bytes(), &published.state)?;
    let request = app.resolve(signed)?;
    let fresh: Vec<Digest> = request.documents.fresh.keys().copied().collect();
    let outcome = app.ledger.submit(request).await;
    fresh.iter().for_each(|digest| app.held().release(digest));
    let receipt = match outcome? {
        Outcome::Accepted(receipt) | Outcome::Repeated(receipt) => receipt,
        Outcome::Rejected(rejection) => {
            return Err(SealingError::Refused { code: rejection.code(), reason: rejection.to_string() });
        }
        Outcome::StorageFull => return Err(SealingError::NotNow("the disk is full")),
        Outcome::ClockUnsound => return Err(SealingError::NotNow("the clock has jumped")),
    };
    let seq = receipt.record.seq;
    // The trees are at hand, so its proofs need not wait for them.
    if let Some(seal) = app.published().state.seal(&seq) {
        let at_hand = SealAtHand::with(trees, seal, app.ledger.store().as_ref())?;
        app.newest_seal.keep(&Arc::new(at_hand));
    }
    Ok(Some(seq))
}

struct Made {
    envelope: Envelope,
    trees: SealTrees,
    documents: [StoredDocument; 2],
}

/// Makes the trees, the documents and the signed command.
fn make(state: &State, key: &SecretKey, kind: SealKind) -> Result<Made, SealingError> {
    let (Some(opened), Some(as_of)) = (state.opened(), state.recorded_at()) else {
        return Err(SealingError::NotOpen);
    };
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let trees = state.seal_trees(&secret)?;
    let list = trees.list()?;
    let documents = [list.to_string().into_bytes(), secret.to_vec()]
        .map(|bytes| StoredDocument { digest: Digest::of(&bytes), bytes: bytes.into() });
    let body = [
        ("as_of", as_of.to_string()),
        ("kind", kind.to_string()),
        ("list", documents[0].digest.tagged()),
        ("root", list.root().to_string()),
        ("salts", documents[1].digest.tagged()),
        ("size", state.length().to_string()),
        ("trees", list.trees().to_string()),
    ];
    let draft = Draft {
        type_name: "seal.put",
        ledger: state.origin(),
        author: opened.operator.as_str(),
        idempotency_key: &fresh_idempotency_key()?,
        expires_at: default_expiry(),
        effective_at: None,
    };
    let payload = draft.payload(Json::object(body.map(|(name, text)| (name, Json::text(text)))));
    let envelope = Envelope::sign(Purpose::Command, &payload, &[key]);
    Ok(Made { envelope, trees, documents })
}
