//! Taking records up again: the same [`apply`], the same order, every derived byte compared.

use std::sync::Arc;

use crate::apply::{self, Content, Documents, Entry};
use crate::command::Body;
use crate::digest::Digest;
use crate::intake::{self, IntakeError, Signed};
use crate::receipt;
use crate::record::Record;
use crate::rejection::Rejection;
use crate::state::State;
use crate::store::{StoreError, StoreReader, StoredRecord};

/// Why a record cannot be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Bytes could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is recorded is not a command, or not one this program knows.
    #[error("record {seq}: {error}")]
    Unreadable {
        /// The record.
        seq: u64,
        /// What is wrong.
        error: IntakeError,
    },
    /// Something kept beside the record is not what the record gives.
    #[error("record {seq}: {what} is {got}, the record gives {expected}")]
    Differs {
        /// The record.
        seq: u64,
        /// What differs.
        what: &'static str,
        /// What the record gives.
        expected: String,
        /// What was kept.
        got: String,
    },
    /// The rules refuse what was recorded.
    #[error("record {seq}: the rules refuse it: {}: {rejection}", rejection.code())]
    Rejected {
        /// The record.
        seq: u64,
        /// The refusal.
        rejection: Box<Rejection>,
    },
}

impl ReplayError {
    /// The record it speaks of, if it is about one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Store(_) => None,
            Self::Unreadable { seq, .. } | Self::Differs { seq, .. } | Self::Rejected { seq, .. } => {
                Some(*seq)
            }
        }
    }
}

/// A record taken up again.
#[derive(Debug)]
pub struct Replayed {
    /// The record.
    pub record: Record,
    /// The command in it.
    pub signed: Signed,
    /// The state after it.
    pub state: State,
}

/// Takes one stored record up at the end of `state`.
///
/// Signatures are not checked here: at an opening the journal's own chain vouches for the bytes, and
/// `verify` checks them with [`intake::check_recorded`].
///
/// # Errors
/// [`ReplayError`].
pub fn take_up(
    state: &State,
    stored: &StoredRecord,
    reader: &dyn StoreReader,
) -> Result<Replayed, ReplayError> {
    let seq = state.length();
    let signed =
        intake::take_back(&stored.envelope).map_err(|error| ReplayError::Unreadable { seq, error })?;
    compare(seq, "the command id", &signed.id.to_string(), &stored.command_id.to_string())?;
    let documents = resolve(state, &signed, reader)?;
    let entry = Entry {
        seq,
        recorded_at: stored.recorded_at,
        command_id: signed.id,
        signer: signed.signer,
        command: &signed.command,
        payload: &signed.payload,
        documents: &documents,
    };
    if let Some(last) = state.recorded_at().filter(|last| *last > stored.recorded_at) {
        let (expected, got) = (format!("{last} or later"), stored.recorded_at.to_string());
        return Err(ReplayError::Differs { seq, what: "the recorded time", expected, got });
    }
    let (next, effects) = apply::transition(state, &entry)
        .map_err(|rejection| ReplayError::Rejected { seq, rejection: Box::new(rejection) })?;
    let effects = receipt::print_effects(&next, &effects);
    compare(seq, "its effects", &effects, &String::from_utf8_lossy(&stored.effects))?;
    Ok(Replayed { record: Record::of(seq, stored), signed, state: next })
}

fn compare(seq: u64, what: &'static str, expected: &str, got: &str) -> Result<(), ReplayError> {
    if expected == got {
        return Ok(());
    }
    Err(ReplayError::Differs { seq, what, expected: expected.to_owned(), got: got.to_owned() })
}

/// What was fresh then is what no earlier record names.
fn resolve(state: &State, signed: &Signed, reader: &dyn StoreReader) -> Result<Documents, StoreError> {
    let mut documents = Documents::default();
    let read = |digest: &Digest| -> Result<Option<Arc<[u8]>>, StoreError> { reader.document(digest) };
    for (_, digest) in signed.command.body.documents() {
        if state.document(&digest).is_none()
            && let Some(bytes) = read(&digest)?
        {
            documents.fresh.insert(digest, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }
    documents.content = content(state, &signed.command.body, read)?;
    Ok(documents)
}

/// The document from which the state follows once the command is applied, if there is one.
#[must_use]
pub fn content_document(state: &State, body: &Body) -> Option<Digest> {
    if let Body::PriceSet(set) = body {
        return Some(set.digest);
    }
    if let Body::AgreementPropose(propose) = body {
        return Some(propose.document);
    }
    if let Body::MovementBatch(batch) = body {
        return Some(batch.document);
    }
    if let Body::PolicySet(set) = body {
        return Some(set.rules);
    }
    if let Body::RegimeAdopt(adopt) = body {
        return Some(adopt.digest);
    }
    if let Body::LedgerWitnessPolicy(set) = body {
        return Some(set.policy);
    }
    if let Body::SealPut(put) = body {
        return Some(put.list);
    }
    if let Body::BreakOpen(open) = body {
        // The reconciliation that found it names its result.
        return state.reconciliation(&open.reconciliation).map(|found_by| found_by.digest);
    }
    None
}

/// The meaning of the document that changes state, if the command has one.
///
/// `state` is one in which what the command names is known, or any later one.
///
/// # Errors
/// Whatever reading it gives.
pub fn content<E>(
    state: &State,
    body: &Body,
    mut read: impl FnMut(&Digest) -> Result<Option<Arc<[u8]>>, E>,
) -> Result<Content, E> {
    let of_approved = apply::judged_body(state, body);
    let body = of_approved.as_ref().unwrap_or(body);
    let Some(digest) = content_document(state, body) else { return Ok(Content::None) };
    let bytes = read(&digest)?;
    let bytes = bytes.as_deref();
    Ok(if matches!(body, Body::PriceSet(_)) {
        Content::read_prices(bytes)
    } else if matches!(body, Body::AgreementPropose(_)) {
        Content::read_agreement(bytes)
    } else if matches!(body, Body::MovementBatch(_)) {
        Content::read_batch(bytes)
    } else if matches!(body, Body::PolicySet(_)) {
        Content::read_policy(bytes)
    } else if matches!(body, Body::RegimeAdopt(_)) {
        Content::read_rule_book(bytes)
    } else if matches!(body, Body::LedgerWitnessPolicy(_)) {
        Content::read_witness_policy(bytes)
    } else if matches!(body, Body::SealPut(_)) {
        Content::read_seal(bytes)
    } else {
        Content::read_result(bytes)
    })
}
