//! A witness's ladder: what it refuses, in which order, and what it cosigns.

use crate::checkpoint::Checkpoint;
use crate::cosignature::Cosigner;
use crate::fork::{ForkEvidence, ForkKind};
use crate::merkle::{EMPTY_ROOT, TreeHead, verify_consistency};
use crate::note::{KeyMaterial, Note, NoteError, SignatureLine, VerifierKey};

use super::memory::{Memory, Seen};
use super::request::{AddCheckpoint, RequestError};

/// A log that the witness's owner added by hand.
///
/// Invariant: at least one key, each of type 01: lines by others are never checked, so they would admit
/// nobody.
#[derive(Clone, Debug)]
pub struct TrustedLog {
    origin: String,
    keys: Vec<VerifierKey>,
}

/// Why a log cannot be trusted as configured.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustedLogError {
    /// It has no keys.
    #[error("{origin} has no key: name the vkeys that sign its checkpoints")]
    NoKey {
        /// The log.
        origin: String,
    },
    /// A key that signs no checkpoints here.
    #[error("{vkey} is no key of type 01")]
    NotALogKey {
        /// The key.
        vkey: String,
    },
    /// The origin is none.
    #[error("{origin:?} is no origin")]
    Origin {
        /// As configured.
        origin: String,
    },
}

impl TrustedLog {
    /// # Errors
    /// [`TrustedLogError`].
    pub fn new(origin: &str, keys: Vec<VerifierKey>) -> Result<Self, TrustedLogError> {
        let origin = origin.to_owned();
        if Checkpoint::new(&origin, TreeHead::EMPTY).is_err() {
            return Err(TrustedLogError::Origin { origin });
        }
        if keys.is_empty() {
            return Err(TrustedLogError::NoKey { origin });
        }
        match keys.iter().find(|key| !matches!(key.material(), KeyMaterial::Ed25519(_))) {
            Some(key) => Err(TrustedLogError::NotALogKey { vkey: key.to_string() }),
            None => Ok(Self { origin, keys }),
        }
    }

    /// The first line of its checkpoints.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// What is to be remembered, durably, before the answer leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The log.
    pub origin: String,
    /// What was seen of it, with our cosignature.
    pub seen: Seen,
    /// The answer's body: our line.
    pub answer: SignatureLine,
}

/// Why a witness does not cosign, in the order in which it looks.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The body is no request (400).
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Nobody added this log (404).
    #[error("unknown log: {origin}")]
    UnknownLog {
        /// The note's first line.
        origin: String,
    },
    /// The note is malformed, or not signed as it must be (403).
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// The signed text is no checkpoint, or older than what it is said to follow (400).
    #[error("bad checkpoint: {reason}")]
    Checkpoint {
        /// The first rule that does not hold.
        reason: String,
    },
    /// The log is to start from the size that was seen last (409).
    #[error("the last size seen is {seen}")]
    Stale {
        /// That size.
        seen: u64,
        /// The log signed another tree of the very size that was seen.
        fork: Option<ForkEvidence>,
    },
    /// The tree does not extend the one that was seen (422).
    #[error("the consistency proof shows nothing: {reason}")]
    Inconsistent {
        /// Why not.
        reason: String,
        /// The log signed another tree of the very size that was seen.
        fork: Option<ForkEvidence>,
    },
}

impl Refusal {
    /// Proof that the log forked, if the request is one.
    #[must_use]
    pub fn fork(&self) -> Option<&ForkEvidence> {
        match self {
            Self::Stale { fork, .. } | Self::Inconsistent { fork, .. } => fork.as_ref(),
            Self::Request(_) | Self::UnknownLog { .. } | Self::Signature(_) | Self::Checkpoint { .. } => None,
        }
    }
}

/// Judges a request by what is remembered. `now` is in seconds since 1970.
///
/// The caller makes [`Accepted::seen`] durable, under one lock with this call, before the answer leaves;
/// if it cannot, it gives no signature.
///
/// # Errors
/// [`Refusal`]: the first in its order that holds. Source: audit specification §9.
pub fn decide(
    logs: &[TrustedLog],
    cosigner: &Cosigner,
    memory: &Memory,
    body: &[u8],
    now: u64,
) -> Result<Accepted, Refusal> {
    let request = AddCheckpoint::parse(body)?;
    let log = logs.iter().find(|log| log.origin == request.origin());
    let log = log.ok_or_else(|| Refusal::UnknownLog { origin: request.origin().to_owned() })?;
    let note = Note::parse(&request.note)?;
    let good: Vec<usize> = note.verify(&log.keys)?.iter().map(|found| found.line).collect();

    let bad = |reason: String| Refusal::Checkpoint { reason };
    let (_, head) = Checkpoint::parse_lines(note.text()).map_err(|error| bad(error.to_string()))?;
    if request.old > head.size {
        return Err(bad(format!("old {} is above the size {}", request.old, head.size)));
    }
    let seen = memory.seen(&log.origin);
    let last = seen.map_or(TreeHead::EMPTY, Seen::head);
    let fork =
        || seen.filter(|_| last.size == head.size && last.root != head.root).map(|s| evidence(s, &request));
    if request.old != last.size {
        return Err(Refusal::Stale { seen: last.size, fork: fork() });
    }
    let inconsistent = |reason: String| Refusal::Inconsistent { reason, fork: fork() };
    if head.size == 0 && head.root != EMPTY_ROOT {
        return Err(inconsistent("size 0 goes with the empty root".to_owned()));
    }
    verify_consistency(&last, &head, &request.path).map_err(|error| inconsistent(error.to_string()))?;

    // Nothing is refused below this line.
    let time = now.max(memory.last_time());
    let line = cosigner.cosign(note.text(), time);
    let lines = good.iter().map(|place| note.signatures()[*place].clone());
    let seen = Seen::new(note.text(), head, lines.chain([line.clone()]).collect(), time);
    Ok(Accepted { origin: log.origin.clone(), seen, answer: line })
}

fn evidence(seen: &Seen, request: &AddCheckpoint) -> ForkEvidence {
    ForkEvidence::new(ForkKind::SameSize, seen.note().to_string(), request.note.clone())
}
