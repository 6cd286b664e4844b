//! Margin statements and portfolios.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::id::StatementId;
use ledger::json::Json;
use ledger::market::MarginStatement;

use super::{Shared, list_own, read_own, texts};
use crate::app::Reader;
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/margin-statements`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.statements(), Object::Statement, statement_json)
}

/// `GET /v1/margin-statements/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = StatementId::parse(&id).ok().and_then(|id| state.statement(&id));
    read_own(state, &principal, found, Object::Statement, ("margin_statement", statement_json))
}

fn statement_json(statement: &MarginStatement) -> Json {
    Json::object(texts([
        ("id", statement.id.to_string()),
        ("author", statement.author.to_string()),
        ("portfolio", statement.portfolio.to_string()),
        ("agreement", statement.agreement.to_string()),
        ("pledgor", statement.pledgor.to_string()),
        ("as_of", statement.as_of.to_string()),
        ("state_size", statement.state_size.to_string()),
        ("positions", statement.positions.tagged()),
        ("prices", statement.prices.tagged()),
        ("regime", statement.regime.tagged()),
        ("engine", statement.engine.clone()),
        ("exposure", statement.exposure.to_string()),
        ("requirement", statement.requirement.to_string()),
        ("collateral_value", statement.collateral_value.to_string()),
        ("excess", statement.excess.to_string()),
        ("report", statement.report.tagged()),
        ("recorded_at", statement.recorded_at.to_string()),
        ("changed_seq", statement.changed_seq.to_string()),
    ]))
}

/// `GET /v1/portfolios`.
pub async fn portfolios(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.portfolios(), Object::Portfolio, |portfolio| {
        Json::object(texts([
            ("id", portfolio.id.to_string()),
            ("positions", portfolio.digest.tagged()),
            ("as_of", portfolio.as_of.to_string()),
            ("count", portfolio.count.to_string()),
            ("author", portfolio.author.to_string()),
            ("changed_seq", portfolio.changed_seq.to_string()),
        ]))
    })
}
