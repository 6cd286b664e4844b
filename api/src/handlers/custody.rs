//! Custodians' statements, reconciliations and breaks.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::evidence::{Break, CustodyStatement, Reconciliation};
use ledger::id::{BreakId, CustodyStatementId, ReconciliationId};
use ledger::json::Json;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, maybe, read_own, texts};
use crate::app::Reader;
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/custody/statements`.
pub async fn statements(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.custody_statements(), Object::CustodyStatement, statement_json)
}

/// `GET /v1/custody/statements/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn statement(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = CustodyStatementId::parse(&id).ok().and_then(|id| state.custody_statement(&id));
    read_own(state, &principal, found, Object::CustodyStatement, ("statement", statement_json))
}

fn statement_json(statement: &CustodyStatement) -> Json {
    let mut members = texts([
        ("id", statement.id.to_string()),
        ("custodian", statement.custodian.to_string()),
        ("author", statement.author.to_string()),
        ("format", statement.format.clone()),
        ("as_of", statement.as_of.to_string()),
        ("digest", statement.digest.tagged()),
        ("provenance", statement.provenance.to_string()),
        ("changed_seq", statement.changed_seq.to_string()),
    ]);
    maybe(&mut members, "supersedes", statement.supersedes.as_ref());
    Json::object(members)
}

/// `GET /v1/custody/reconciliations`.
pub async fn reconciliations(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.reconciliations(), of_reconciliation, reconciliation_json)
}

/// `GET /v1/custody/reconciliations/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn reconciliation(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = ReconciliationId::parse(&id).ok().and_then(|id| state.reconciliation(&id));
    read_own(state, &principal, found, of_reconciliation, ("reconciliation", reconciliation_json))
}

fn of_reconciliation(one: &Reconciliation) -> Object<'_> {
    Object::Reconciliation(&one.statements)
}

fn reconciliation_json(one: &Reconciliation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("as_of", one.as_of.to_string()),
        ("digest", one.digest.tagged()),
        ("fingerprint", one.fingerprint.to_string()),
        ("breaks", one.breaks.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]);
    let compared = one.statements.iter().map(|id| Json::text(id.as_str()));
    members.push(("statements", Json::array(compared)));
    Json::object(members)
}

/// `GET /v1/custody/breaks`.
pub async fn breaks(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.breaks(), |one| of_break(state, one), break_json)
}

/// `GET /v1/custody/breaks/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one_break(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = BreakId::parse(&id).ok().and_then(|id| state.open_break(&id));
    read_own(state, &principal, found, |one| of_break(state, one), ("break", break_json))
}

/// A break is read by whoever reads the reconciliation that found it.
fn of_break<'a>(state: &'a LedgerState, one: &Break) -> Object<'a> {
    let found_by = state.reconciliation(&one.reconciliation);
    Object::Reconciliation(found_by.map_or(&[], |found_by| &found_by.statements))
}

fn break_json(one: &Break) -> Json {
    Json::object(texts([
        ("id", one.id.to_string()),
        ("reconciliation", one.reconciliation.to_string()),
        ("line", one.line.clone()),
        ("amount", one.amount.clone()),
        ("author", one.author.to_string()),
        ("opened_at", one.opened_at.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]))
}
