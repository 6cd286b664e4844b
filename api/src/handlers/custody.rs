//! Custodians' statements, reconciliations and breaks.

use axum::extract::State;
use axum::response::Response;
use ledger::json::Json;

use super::{Shared, list, maybe, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};

/// `GET /v1/custody/statements`.
pub async fn statements(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let own =
        state.custody_statements().filter(|one| may_read(&principal, Object::CustodyStatement(one), state));
    list(
        state,
        own.map(|statement| {
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
        }),
    )
}

/// `GET /v1/custody/reconciliations`.
pub async fn reconciliations(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let own = state
        .reconciliations()
        .filter(|one| may_read(&principal, Object::Reconciliation(&one.statements), state));
    list(
        state,
        own.map(|one| {
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
        }),
    )
}

/// `GET /v1/custody/breaks`.
pub async fn breaks(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let own = state.breaks().filter(|one| {
        state
            .reconciliation(&one.reconciliation)
            .is_some_and(|found_by| may_read(&principal, Object::Reconciliation(&found_by.statements), state))
    });
    list(
        state,
        own.map(|one| {
            Json::object(texts([
                ("id", one.id.to_string()),
                ("reconciliation", one.reconciliation.to_string()),
                ("line", one.line.clone()),
                ("amount", one.amount.clone()),
                ("author", one.author.to_string()),
                ("opened_at", one.opened_at.to_string()),
                ("changed_seq", one.changed_seq.to_string()),
            ]))
        }),
    )
}
