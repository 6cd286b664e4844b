//! Custodians' statements, reconciliations, and observations of chains.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::command::Provenance;
use ledger::evidence::{CustodyStatement, Observation, Reconciliation};
use ledger::id::{CustodyStatementId, ObservationId, ReconciliationId};
use ledger::json::Json;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, maybe, read_own, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::session::Principal;

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
    list_own(state, &principal, state.reconciliations(), of_reconciliation, |one| {
        reconciliation_json(state, one)
    })
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
    let print = |one: &Reconciliation| reconciliation_json(state, one);
    read_own(state, &principal, found, of_reconciliation, ("reconciliation", print))
}

fn of_reconciliation(one: &Reconciliation) -> Object<'_> {
    Object::Reconciliation(&one.statements)
}

fn reconciliation_json(state: &LedgerState, one: &Reconciliation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("as_of", one.as_of.to_string()),
        ("digest", one.digest.tagged()),
        ("fingerprint", one.fingerprint.to_string()),
        ("breaks", one.breaks.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]);
    maybe(&mut members, "provenance", provenance(state, &one.statements));
    let compared = one.statements.iter().map(|id| Json::text(id.as_str()));
    members.push(("statements", Json::array(compared)));
    Json::object(members)
}

/// The weaker word of all that something rests on: `relayed` if any statement was.
pub(super) fn provenance<'a>(
    state: &LedgerState,
    statements: impl IntoIterator<Item = &'a CustodyStatementId>,
) -> Option<Provenance> {
    statements.into_iter().filter_map(|id| state.custody_statement(id)).map(|one| one.provenance).max()
}

/// `GET /v1/custody/observations`.
pub async fn observations(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let print = |one: &Observation| observation_json(state, &principal, one);
    list_own(state, &principal, state.observations(), Object::Observation, print)
}

/// `GET /v1/custody/observations/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn observation(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = ObservationId::parse(&id).ok().and_then(|id| state.observation(&id));
    let print = |one: &Observation| observation_json(state, &principal, one);
    read_own(state, &principal, found, Object::Observation, ("observation", print))
}

/// With those of the same height that the reader may see and that found another block there: sources in
/// conflict are shown, never averaged.
fn observation_json(state: &LedgerState, reader: &Principal, one: &Observation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("chain", one.chain.clone()),
        ("height", one.height.to_string()),
        ("block_hash", one.block_hash.clone()),
        ("digest", one.digest.tagged()),
        ("recorded_at", one.recorded_at.to_string()),
        ("seq", one.seq.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
        ("status", if one.voided_by.is_some() { "void" } else { "stands" }.to_owned()),
    ]);
    if let Some(by) = &one.voided_by {
        members.extend(texts([("void_reason", "chain_reorg"), ("voided_by", by.as_str())]));
    }
    let conflicts = state.observed_at(&one.chain, one.height).filter(|other| {
        other.block_hash != one.block_hash
            && other.voided_by.is_none()
            && may_read(reader, Object::Observation(other), state)
    });
    members.push(("conflicts_with", Json::array(conflicts.map(|other| Json::text(other.id.as_str())))));
    Json::object(members)
}
