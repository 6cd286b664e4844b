//! Taking records up again: the same [`apply`], the same order, every derived byte compared.

use std::sync::Arc;

use crate::apply::{self, Content, Documents, Entry};
use crate::command::{Body, Command};
use crate::digest::Digest;
use crate::intake::{self, IntakeError, Recorded};
use crate::key::KeyId;
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

/// A stored record with all that it says by itself: read without a state, so ahead of it and elsewhere.
///
/// Its documents are not read yet: which ones an approval or a break is judged by, only the state before
/// it tells.
#[derive(Debug)]
pub struct ReadRecord {
    /// The record.
    pub record: Record,
    /// The command in it.
    pub command: Command,
    signer: KeyId,
    payload: Vec<u8>,
    effects: Arc<[u8]>,
}

/// Reads the stored record of that number.
///
/// Signatures are not checked here: at an opening the journal's own chain vouches for the bytes, and
/// `verify` checks them with [`intake::check_recorded`].
///
/// # Errors
/// [`ReplayError::Unreadable`], [`ReplayError::Differs`].
pub fn read(seq: u64, stored: &StoredRecord) -> Result<ReadRecord, ReplayError> {
    let recorded =
        intake::take_back(&stored.envelope).map_err(|error| ReplayError::Unreadable { seq, error })?;
    if recorded.id != stored.command_id {
        let (expected, got) = (recorded.id.to_string(), stored.command_id.to_string());
        return Err(ReplayError::Differs { seq, what: "the command id", expected, got });
    }
    let Recorded { command, signer, payload, .. } = recorded;
    let effects = Arc::clone(&stored.effects);
    Ok(ReadRecord { record: Record::of(seq, stored), command, signer, payload, effects })
}

/// Takes a record that was read up at the end of `state`. After an error the state is that before the
/// record or, if only the kept effects differ, that after it.
///
/// # Errors
/// [`ReplayError`].
pub fn take_up(state: &mut State, read: &ReadRecord, reader: &dyn StoreReader) -> Result<(), ReplayError> {
    let seq = state.length();
    let expected = apply_read(state, read, reader)?;
    if expected.as_bytes() == &read.effects[..] {
        return Ok(());
    }
    let got = String::from_utf8_lossy(&read.effects).into_owned();
    Err(ReplayError::Differs { seq, what: "its effects", expected, got })
}

/// Takes a record up whose effects were not kept, and gives them as its receipt tells them. After an
/// error the state is that before the record.
///
/// # Errors
/// [`ReplayError`].
pub fn apply_read(
    state: &mut State,
    read: &ReadRecord,
    reader: &dyn StoreReader,
) -> Result<String, ReplayError> {
    let ReadRecord { record, command, signer, payload, .. } = read;
    let seq = state.length();
    let documents = resolve(state, command, reader)?;
    let entry = Entry {
        seq,
        recorded_at: record.recorded_at,
        command_id: record.command_id,
        signer: *signer,
        command,
        payload,
        documents: &documents,
    };
    if let Some(last) = state.recorded_at().filter(|last| *last > record.recorded_at) {
        let (expected, got) = (format!("{last} or later"), record.recorded_at.to_string());
        return Err(ReplayError::Differs { seq, what: "the recorded time", expected, got });
    }
    let changed = apply::advance(state, &entry)
        .map_err(|rejection| ReplayError::Rejected { seq, rejection: Box::new(rejection) })?;
    Ok(receipt::print_effects(state, &changed))
}

/// What was fresh then is what no earlier record names.
fn resolve(state: &State, command: &Command, reader: &dyn StoreReader) -> Result<Documents, StoreError> {
    let mut documents = Documents::default();
    let read = |digest: &Digest| -> Result<Option<Arc<[u8]>>, StoreError> { reader.document(digest) };
    for (_, digest) in command.body.documents() {
        if state.document(&digest).is_none()
            && let Some(bytes) = read(&digest)?
        {
            documents.fresh.insert(digest, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }
    documents.content = content(state, &command.body, read)?;
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
