//! Documents that commands name: whether they are there, what they mean, and who may read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Entry;
use crate::agreement::SignedTerms;
use crate::approval::{PolicyDocument, PolicyFault};
use crate::break_record::{self, ResultLine};
use crate::breaker::Parameters;
use crate::command::{self, Body, PostingText};
use crate::digest::Digest;
use crate::id::PartyId;
use crate::market::PriceDocument;
use crate::party::{Role, Scope};
use crate::rejection::Rejection;
use crate::replay;
use crate::seal::SealList;
use crate::state::{Change, DocumentEntry, DocumentPart, State};

/// Documents that a command names, resolved before it is judged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Documents {
    /// Those no earlier record names, with their sizes: durable together with this one.
    pub fresh: BTreeMap<Digest, u64>,
    /// What is in the one that changes state.
    pub content: Content,
}

/// A document's meaning, where the command changes state by it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Content {
    /// None is needed, or none is there.
    #[default]
    None,
    /// Prices.
    Prices(PriceDocument),
    /// Terms of an agreement.
    Agreement(Box<SignedTerms>),
    /// A policy.
    Policy(Box<Result<PolicyDocument, PolicyFault>>),
    /// The parameters of a rule book's circuit breaker, if it has one.
    RuleBook(Option<Arc<Parameters>>),
    /// The text of a witness policy.
    WitnessPolicy(String),
    /// Postings of a batch.
    Batch(Vec<PostingText>),
    /// Breaks that a reconciliation found.
    Result(Vec<ResultLine>),
    /// Lines of a seal.
    Seal(SealList),
    /// Not what the command needs it to be.
    Unreadable(String),
}

impl Content {
    /// What is wrong with it: that it could not be read, or `otherwise`.
    pub(super) fn fault<'a>(&'a self, otherwise: &'a str) -> &'a str {
        if let Self::Unreadable(reason) = self { reason } else { otherwise }
    }

    /// Reads a price document, if it is at hand.
    #[must_use]
    pub fn read_prices(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match PriceDocument::read(bytes) {
            Ok(document) => Self::Prices(document),
            Err(reason) => Self::Unreadable(reason),
        })
    }

    /// Reads a policy, if it is at hand.
    #[must_use]
    pub fn read_policy(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| Self::Policy(Box::new(PolicyDocument::read(bytes))))
    }

    /// Reads a batch's document, if it is at hand.
    #[must_use]
    pub fn read_batch(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match command::read_batch(bytes) {
            Ok(postings) => Self::Batch(postings),
            Err(reason) => Self::Unreadable(reason),
        })
    }

    /// Reads what the ledger needs of a rule book, if it is at hand.
    #[must_use]
    pub fn read_rule_book(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match Parameters::of_rule_book(bytes) {
            Ok(parameters) => Self::RuleBook(parameters.map(Arc::new)),
            Err(error) => Self::Unreadable(error.to_string()),
        })
    }

    /// Reads a witness policy's text, if it is at hand.
    #[must_use]
    pub fn read_witness_policy(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match std::str::from_utf8(bytes) {
            Ok(text) => Self::WitnessPolicy(text.to_owned()),
            Err(error) => Self::Unreadable(error.to_string()),
        })
    }

    /// Reads a reconciliation's result, if it is at hand.
    #[must_use]
    pub fn read_result(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match break_record::read_result(bytes) {
            Ok(lines) => Self::Result(lines),
            Err(reason) => Self::Unreadable(reason),
        })
    }

    /// Reads a seal's list, if it is at hand.
    #[must_use]
    pub fn read_seal(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match SealList::read(bytes) {
            Ok(list) => Self::Seal(list),
            Err(reason) => Self::Unreadable(reason),
        })
    }

    /// Reads an agreement document, if it is at hand.
    #[must_use]
    pub fn read_agreement(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::None, |bytes| match SignedTerms::read(bytes) {
            Ok(signed) => Self::Agreement(Box::new(signed)),
            Err(reason) => Self::Unreadable(reason),
        })
    }
}

/// The body whose documents a command is judged by: its own, or that of the command it approves.
#[must_use]
pub fn judged_body(state: &State, body: &Body) -> Option<Body> {
    let Body::ApprovalGive(say) = body else { return None };
    let held = state.held_command(&say.command_id)?;
    held.payload.as_ref().map(|_| super::approval::held_command(held).body)
}

/// Every document that the command names is held or was named before, and not erased since.
pub(super) fn check(state: &State, entry: &Entry) -> Result<(), Rejection> {
    for (pointer, digest) in entry.command.body.documents() {
        let known = state.document(&digest);
        let what = match known.and_then(|known| known.erased.as_ref()) {
            Some(erased) => format!("document {digest} was erased by record {}", erased.seq),
            None if known.is_none() && !entry.documents.fresh.contains_key(&digest) => {
                format!("no document {digest}: upload it first")
            }
            None => continue,
        };
        return Err(Rejection::UnknownReference { pointer: pointer.to_owned(), what });
    }
    Ok(())
}

/// What a document becomes to the ledger by being named here.
fn part(state: &State, body: &Body, digest: Digest) -> DocumentPart {
    let salts = matches!(body, Body::SealPut(put) if put.salts == digest);
    let result = matches!(body, Body::Reconciliation(record) if record.digest == digest);
    if salts {
        DocumentPart::Salts
    } else if result || replay::content_document(state, body) == Some(digest) {
        DocumentPart::Replayed
    } else {
        DocumentPart::Named
    }
}

/// The documents named here for the first time, and who may read them from now on.
///
/// Naming a document that others brought opens it to nobody: only who may read it lets others read it.
pub(super) fn changes(state: &State, entry: &Entry, others: imbl::OrdSet<PartyId>) -> Vec<Change> {
    let command = entry.command;
    let mut readers = imbl::OrdSet::unit(command.author.clone());
    readers.extend(others);
    readers.extend(counterparties(state, entry));
    let reads_all = state.party(&command.author).is_some_and(|author| match author.role {
        Role::Operator => true,
        // One who sees a part does not come to the rest by naming it.
        Role::Auditor => author.scope == Scope::All,
        Role::Client | Role::Custodian | Role::Witness => false,
    });
    let mut changes = Vec::new();
    for (_, digest) in command.body.documents() {
        let known = state.document(&digest);
        let named = part(state, &command.body, digest);
        let size = entry.documents.fresh.get(&digest).copied();
        let before = match (known, size) {
            (Some(known), _) => DocumentEntry::clone(known),
            (None, Some(size)) => {
                let readers = imbl::OrdSet::new();
                DocumentEntry { size, seq: entry.seq, readers, part: named, erased: None }
            }
            (None, None) => continue,
        };
        let mut after = before.clone();
        let opens = known.is_none_or(|known| reads_all || known.readers.contains(&command.author));
        // Of the secret of salts nobody becomes a reader, not even who made it.
        if opens && before.part != DocumentPart::Salts {
            after.readers = before.readers.clone().union(readers.clone());
        }
        if named == DocumentPart::Replayed {
            after.part = named;
        }
        if known.is_none() || after != before {
            changes.push(Change::Document(digest, Arc::new(after)));
        }
    }
    changes
}

/// Those whom a command concerns besides its author: they may read what it names.
fn counterparties(state: &State, entry: &Entry) -> Vec<PartyId> {
    // Nobody knows the parties of a proposal but its document.
    if let Content::Agreement(signed) = &entry.documents.content {
        return signed.party_ids();
    }
    entry.command.body.concerns().iter().flat_map(|concern| state.concerned(concern)).collect()
}
