//! Agreements: proposed by one party, in force once the other accepts.

use std::sync::Arc;

use super::{Content, Entry, check_free};
use crate::agreement::{Agreement, AgreementVersion, SignedTerms, Termination};
use crate::command::{AgreementAccept, AgreementPropose, AgreementReject, AgreementTerminate};
use crate::digest::Digest;
use crate::id::{AgreementId, PartyId};
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn propose(
    state: &State,
    entry: &Entry,
    propose: &AgreementPropose,
) -> Result<Vec<Change>, Rejection> {
    let content = &entry.documents.content;
    let Content::Agreement(signed) = content else {
        return Err(unreadable(propose.document, content.fault("not an agreement document")));
    };
    let (id, parties) = read_parties(state, propose.document, signed)?;
    if !parties.contains(&entry.command.author) {
        return Err(Rejection::NotAuthorised { who_may: "the parties of the agreement" });
    }
    let known = state.agreement(&id);
    match known {
        None => check_free(state, "agreement", id.as_str())?,
        Some(known) if known.parties != parties => return Err(Rejection::IdTaken { id: id.to_string() }),
        Some(known) => {
            check_going_on(known, entry)?;
            check_no_proposal(known)?;
        }
    }
    let versions = known.map(|known| known.versions.clone()).unwrap_or_default();
    let next = u64::try_from(versions.len()).map_or(u64::MAX, |accepted| accepted + 1);
    let version = u64::from(signed.terms().version());
    if version != next {
        return Err(unreadable(propose.document, &format!("version {version} is given, {next} is next")));
    }
    let proposal = AgreementVersion {
        version,
        digest: propose.document,
        signed: SignedTerms::clone(signed),
        effective_from: signed.terms().effective_from().unwrap_or(entry.recorded_at),
        proposed_by: entry.command.author.clone(),
        proposed_seq: entry.seq,
        accepted_seq: None,
    };
    let termination = known.and_then(|known| known.termination.clone());
    let proposal = Some(proposal);
    let agreement = Agreement { id, parties, versions, proposal, termination, changed_seq: entry.seq };
    Ok(vec![Change::Agreement(Arc::new(agreement))])
}

/// The agreement's id and its parties, who must be registered.
fn read_parties(
    state: &State,
    digest: Digest,
    signed: &SignedTerms,
) -> Result<(AgreementId, Vec<PartyId>), Rejection> {
    let id = AgreementId::parse(signed.terms().id())
        .map_err(|error| unreadable(digest, &format!("/id: {error}")))?;
    let parties = signed.party_ids();
    if parties.len() != 2 || parties[0] == parties[1] {
        return Err(unreadable(digest, "/parties: two different party ids"));
    }
    for party in &parties {
        state.need_party(party, "/body/document")?;
    }
    Ok((id, parties))
}

fn check_no_proposal(known: &Agreement) -> Result<(), Rejection> {
    match &known.proposal {
        None => Ok(()),
        Some(proposal) => Err(Rejection::WrongState {
            state: format!("waiting for an answer to version {}", proposal.version),
            fits: "agreement.accept, agreement.reject".to_owned(),
        }),
    }
}

pub(super) fn accept(
    state: &State,
    entry: &Entry,
    accept: &AgreementAccept,
) -> Result<Vec<Change>, Rejection> {
    let (mut agreement, mut proposal) = proposed(state, accept.digest)?;
    check_other_side(entry, &agreement, &proposal)?;
    check_going_on(&agreement, entry)?;
    proposal.accepted_seq = Some(entry.seq);
    // Nothing takes effect before both have signed it.
    proposal.effective_from = proposal.effective_from.max(entry.recorded_at);
    agreement.versions.push(proposal);
    agreement.changed_seq = entry.seq;
    Ok(vec![Change::Agreement(Arc::new(agreement))])
}

/// By the other side; by the proposer itself it is a withdrawal.
pub(super) fn reject(
    state: &State,
    entry: &Entry,
    reject: &AgreementReject,
) -> Result<Vec<Change>, Rejection> {
    let (mut agreement, _) = proposed(state, reject.digest)?;
    if !agreement.parties.contains(&entry.command.author) {
        return Err(Rejection::NotAuthorised { who_may: "the parties of the agreement" });
    }
    agreement.changed_seq = entry.seq;
    Ok(vec![Change::Agreement(Arc::new(agreement))])
}

/// The agreement without its proposal, and the proposal of that digest.
fn proposed(state: &State, digest: Digest) -> Result<(Agreement, AgreementVersion), Rejection> {
    let waiting = |agreement: &&Arc<Agreement>| {
        agreement.proposal.as_ref().is_some_and(|proposal| proposal.digest == digest)
    };
    let found = state.agreements().find(waiting).ok_or_else(|| Rejection::UnknownReference {
        pointer: "/body/digest".to_owned(),
        what: format!("no proposal {digest} waits for an answer"),
    })?;
    let mut agreement = Agreement::clone(found);
    let proposal = agreement.proposal.take().expect("it was found by its proposal");
    Ok((agreement, proposal))
}

fn check_other_side(
    entry: &Entry,
    agreement: &Agreement,
    proposal: &AgreementVersion,
) -> Result<(), Rejection> {
    let author = &entry.command.author;
    if agreement.parties.contains(author) && *author != proposal.proposed_by {
        Ok(())
    } else {
        Err(Rejection::NotAuthorised { who_may: "the party that did not propose it" })
    }
}

fn unreadable(digest: Digest, reason: &str) -> Rejection {
    Rejection::DocumentDigest { digest, reason: reason.to_owned() }
}

/// Notice by either side; a later one may bring the end forward, never put it off.
pub(super) fn terminate(
    state: &State,
    entry: &Entry,
    terminate: &AgreementTerminate,
) -> Result<Vec<Change>, Rejection> {
    let known = state.need_agreement(&terminate.agreement, "/body/agreement")?;
    if !known.parties.contains(&entry.command.author) {
        return Err(Rejection::NotAuthorised { who_may: "the parties of the agreement" });
    }
    if known.versions.is_empty() {
        return Err(Rejection::WrongState {
            state: "an agreement without an accepted version".to_owned(),
            fits: "agreement.accept, agreement.reject".to_owned(),
        });
    }
    if let Some(standing) = known.termination.as_ref().filter(|standing| standing.from <= terminate.from) {
        return Err(Rejection::WrongState {
            state: format!("ending at {}", standing.from),
            fits: "agreement.terminate from an earlier instant".to_owned(),
        });
    }
    if terminate.from < entry.recorded_at {
        return Err(Rejection::TooLate { until: terminate.from });
    }
    let by = entry.command.author.clone();
    let termination = Some(Termination { from: terminate.from, by, seq: entry.seq });
    let agreement = Agreement { termination, changed_seq: entry.seq, ..Agreement::clone(known) };
    Ok(vec![Change::Agreement(Arc::new(agreement))])
}

/// No version follows an end.
fn check_going_on(agreement: &Agreement, entry: &Entry) -> Result<(), Rejection> {
    match agreement.ended_at(entry.recorded_at) {
        None => Ok(()),
        Some(ended) => Err(Rejection::WrongState {
            state: format!("ended at {}", ended.from),
            fits: "agreement.propose of another agreement".to_owned(),
        }),
    }
}
