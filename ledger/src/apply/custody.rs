//! Custodians' statements, reconciliations and breaks.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::command::{BreakOpen, CustodyStatementPut, Provenance, ReconciliationRecord};
use crate::evidence::{Break, CustodyStatement, Reconciliation};
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

pub(super) fn open_break(state: &State, entry: &Entry, open: &BreakOpen) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let found_by = state.need_reconciliation(&open.reconciliation, "/body/reconciliation")?;
    if author.role == Role::Custodian && found_by.author != author.id {
        return Err(Rejection::NotAuthorised { who_may: "whoever recorded the reconciliation" });
    }
    check_free(state, "break", open.id.as_str())?;
    let sign = if open.negative { "-" } else { "" };
    let found = Break {
        id: open.id.clone(),
        reconciliation: open.reconciliation.clone(),
        line: open.line.clone(),
        amount: format!("{sign}{}", open.amount.as_str()),
        author: author.id.clone(),
        opened_at: entry.recorded_at,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Break(Arc::new(found))])
}
