//! Calls: what may be demanded is computed here, and each step of a call's life is one transition of
//! [`crate::call::step`] with what it moves.
//!
//! Source: calls specification §2 and §5.

mod carriage;
mod figure;
mod hold;
mod step;

use std::sync::Arc;

pub(super) use hold::{halt, resume};
pub(super) use step::step;

use super::breaker::halted_pool;
use super::collateral::{self, exact};
use super::{Entry, all_or_first, check_free, told};
use crate::agreement::{Agreement, AgreementVersion};
use crate::call::{Call, CallLeg, CallTerms};
use crate::call_record::{CallEvent, CallRecord};
use crate::command::CallIssue;
use crate::csa::{self, Deadlines};
use crate::market::MarginStatement;
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::valuation::{Side, Value};
use figure::{Figure, deadlines, figure};

pub(super) fn issue(state: &State, entry: &Entry, issue: &CallIssue) -> Result<Vec<Change>, Rejection> {
    let agreement = state.need_agreement(&issue.agreement, "/body/agreement")?;
    let statement = state.need_statement(&issue.statement, "/body/statement")?;
    if statement.agreement != agreement.id {
        return Err(Rejection::UnknownReference {
            pointer: "/body/statement".to_owned(),
            what: format!("statement {} is under agreement {}", statement.id, statement.agreement),
        });
    }
    let pledgor_side = agreement.side_of(&statement.pledgor).unwrap_or(Side::B);
    let secured = agreement.party(pledgor_side.other());
    let demands = match issue.leg {
        CallLeg::Delivery => secured,
        CallLeg::Return => &statement.pledgor,
    };
    if entry.command.author != *demands {
        let who_may = "the secured party for a delivery, the pledgor for a return";
        return Err(Rejection::NotAuthorised { who_may });
    }
    let free = check_free(state, "call", issue.call.as_str());
    let version = match agreement.in_force(entry.recorded_at) {
        Some(version) => version,
        None => return Err(free.err().unwrap_or_else(no_version)),
    };
    // Each can be told without the others, so that the earliest is.
    let figure = figure(state, entry, agreement, version, statement, issue);
    let deadlines = deadlines(version.signed.terms(), entry, issue);
    all_or_first([
        free,
        check_number(version, issue),
        told(&deadlines),
        told(&figure),
        check_binding(state, entry, agreement, version, statement, issue.leg),
        check_currency(version, issue),
    ])?;
    let (figure, deadlines) = (figure?, deadlines?);
    let terms = version.signed.terms();
    let mut record = CallRecord {
        id: issue.call.clone(),
        parent: None,
        agreement: agreement.id.clone(),
        version: version.version,
        statement: statement.id.clone(),
        secured: secured.clone(),
        pledgor: statement.pledgor.clone(),
        currency: issue.currency.clone(),
        margin: figure.margin,
        call: demanded(terms, issue, figure, &deadlines),
        held: None,
        items: Vec::new(),
        pledge: None,
        movement: None,
        timeline: vec![event(entry)],
        changed_seq: entry.seq,
    };
    if let Some(pool) = halted_pool(state, terms).filter(|_| hold::waits(&record)) {
        hold::hold(&mut record, &pool.id, entry.recorded_at);
    }
    Ok(vec![Change::Call(Arc::new(record))])
}

/// The call as it begins.
fn demanded(terms: &csa::Agreement, issue: &CallIssue, figure: Figure, deadlines: &Deadlines) -> Call {
    Call::issue(
        CallTerms {
            id: issue.call.to_string(),
            leg: issue.leg,
            kind: issue.kind,
            raw: figure.raw,
            mta: figure.mta,
            multiple: terms.rounding().multiple.clone(),
            mode: match issue.leg {
                CallLeg::Delivery => terms.rounding().delivery,
                CallLeg::Return => terms.rounding().returns,
            },
            due_at: deadlines.due_at.max(issue.due),
            dispute_by: deadlines.dispute_by,
            grace_end: deadlines.grace_end.max(issue.due),
        },
        figure.amount,
    )
}

fn no_version() -> Rejection {
    Rejection::WrongState {
        state: "an agreement without a version in force".to_owned(),
        fits: "agreement.accept".to_owned(),
    }
}

/// A call rests on the statement that binds, while it is fresh. Once nothing is owed under an agreement
/// that has ended, it rests on the statement that said so, however old, and only a return is left.
fn check_binding(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
    leg: CallLeg,
) -> Result<(), Rejection> {
    let at = entry.recorded_at;
    let discharge = collateral::discharge(state, agreement, &statement.pledgor, at);
    if discharge.is_some() && leg == CallLeg::Delivery {
        return Err(Rejection::WrongState {
            state: format!("ended, and {} owes nothing more", statement.pledgor),
            fits: "call.issue of a return".to_owned(),
        });
    }
    let binding = discharge
        .or_else(|| collateral::binding_statement(state, agreement, version, &statement.pledgor, at));
    if binding.is_none_or(|binding| binding.id != statement.id) {
        return Err(Rejection::StatementStale { statement: binding.map(|binding| binding.id.to_string()) });
    }
    match discharge {
        Some(_) => Ok(()),
        None => collateral::check_fresh(state, version.signed.terms(), statement, at),
    }
}

fn check_currency(version: &AgreementVersion, issue: &CallIssue) -> Result<(), Rejection> {
    let currency = version.signed.terms().base_currency();
    if issue.currency == currency {
        return Ok(());
    }
    Err(Rejection::EvidenceMismatch {
        expected: format!("amounts in {currency}"),
        got: issue.currency.clone(),
    })
}

fn check_number(version: &AgreementVersion, issue: &CallIssue) -> Result<(), Rejection> {
    if version.version == issue.version {
        return Ok(());
    }
    Err(Rejection::WrongState {
        state: format!("version {} in force", version.version),
        fits: format!("call.issue under version {}", version.version),
    })
}

fn event(entry: &Entry) -> CallEvent {
    CallEvent {
        seq: entry.seq,
        recorded_at: entry.recorded_at,
        author: entry.command.author.clone(),
        type_name: entry.command.body.type_name().to_owned(),
        command_id: entry.command_id,
    }
}

/// A body's decimal as a value of the agreement's currency.
fn value(decimal: rust_decimal::Decimal) -> Value {
    Value::truncated(&exact(decimal))
}
