//! Custodians' statements, reconciliations, and observations of chains.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::command::{CustodyObserve, CustodyStatementPut, Provenance, ReconciliationRecord};
use crate::evidence::{CustodyStatement, Observation, Reconciliation};
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn put_statement(
    state: &State,
    entry: &Entry,
    put: &CustodyStatementPut,
) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let custodian = state.need_party(&put.custodian, "/body/custodian")?;
    if custodian.role != Role::Custodian {
        return Err(Rejection::UnknownReference {
            pointer: "/body/custodian".to_owned(),
            what: format!("{} is registered as {}, not as custodian", custodian.id, custodian.role),
        });
    }
    let corrected = put.supersedes.as_ref();
    let corrected = corrected.map(|id| state.need_custody_statement(id, "/body/supersedes")).transpose()?;
    let relays = author.role == Role::Operator;
    if !relays && author.id != put.custodian {
        return Err(Rejection::NotAuthorised { who_may: "the custodian whose statement it is" });
    }
    check_free(state, "custody statement", put.statement.as_str())?;
    if let Some(corrected) = corrected.filter(|corrected| corrected.custodian != put.custodian) {
        return Err(Rejection::EvidenceMismatch {
            expected: format!("a statement of {}", put.custodian),
            got: format!("one of {}", corrected.custodian),
        });
    }
    // Only the custodian's own signature, which its command carries, makes a statement `signed`.
    let provenance = if relays { Provenance::Relayed } else { Provenance::Signed };
    if put.provenance != provenance {
        return Err(Rejection::EvidenceMismatch {
            expected: provenance.to_string(),
            got: put.provenance.to_string(),
        });
    }
    let statement = CustodyStatement {
        id: put.statement.clone(),
        custodian: put.custodian.clone(),
        author: author.id.clone(),
        format: put.format.clone(),
        as_of: put.as_of,
        digest: put.digest,
        provenance,
        supersedes: put.supersedes.clone(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::CustodyStatement(Arc::new(statement))])
}

pub(super) fn record_reconciliation(
    state: &State,
    entry: &Entry,
    record: &ReconciliationRecord,
) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let named = record.statements.iter().map(|id| state.need_custody_statement(id, "/body/statements"));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    if author.role == Role::Custodian && named.iter().any(|statement| statement.custodian != author.id) {
        return Err(Rejection::NotAuthorised { who_may: "the custodian whose statements it compares" });
    }
    check_free(state, "reconciliation", record.reconciliation.as_str())?;
    let reconciliation = Reconciliation {
        id: record.reconciliation.clone(),
        author: author.id.clone(),
        statements: record.statements.clone(),
        as_of: record.as_of,
        digest: record.digest,
        fingerprint: record.fingerprint,
        breaks: record.breaks,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Reconciliation(Arc::new(reconciliation))])
}

/// The same author who finds another block at a height it has looked at says that the chain has been
/// reorganised: what it saw there before is void. Another's word only contradicts, and is shown so.
pub(super) fn observe(
    state: &State,
    entry: &Entry,
    observe: &CustodyObserve,
) -> Result<Vec<Change>, Rejection> {
    check_free(state, "observation", observe.observation.as_str())?;
    let author = &entry.command.author;
    let reorganised = state.observed_at(&observe.chain, observe.height).filter(|earlier| {
        earlier.author == *author && earlier.block_hash != observe.block_hash && earlier.voided_by.is_none()
    });
    let mut changes: Vec<Change> = reorganised
        .map(|earlier| {
            let voided_by = Some(observe.observation.clone());
            let voided = Observation { voided_by, changed_seq: entry.seq, ..Observation::clone(earlier) };
            Change::Observation(Arc::new(voided))
        })
        .collect();
    let observation = Observation {
        id: observe.observation.clone(),
        author: author.clone(),
        chain: observe.chain.clone(),
        height: observe.height,
        block_hash: observe.block_hash.clone(),
        digest: observe.digest,
        voided_by: None,
        recorded_at: entry.recorded_at,
        seq: entry.seq,
        changed_seq: entry.seq,
    };
    changes.push(Change::Observation(Arc::new(observation)));
    Ok(changes)
}
