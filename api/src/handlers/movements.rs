//! Movements.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::amount::print_units;
use ledger::id::MovementId;
use ledger::json::Json;
use ledger::movement::Movement;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, maybe, read_own, texts};
use crate::app::Reader;
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/movements`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.movements(), Object::Movement, |movement| {
        movement_json(state, movement)
    })
}

/// `GET /v1/movements/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = MovementId::parse(&id).ok().and_then(|id| state.movement(&id));
    read_own(
        state,
        &principal,
        found,
        Object::Movement,
        ("movement", |movement| movement_json(state, movement)),
    )
}

fn movement_json(state: &LedgerState, movement: &Movement) -> Json {
    let postings = movement.postings.iter().map(|posting| {
        let decimals = state.asset(&posting.asset).map_or(0, |asset| asset.decimals);
        Json::object(texts([
            ("from", posting.from.to_string()),
            ("to", posting.to.to_string()),
            ("asset", posting.asset.to_string()),
            ("amount", print_units(posting.units, decimals)),
            ("settled", print_units(posting.settled, decimals)),
        ]))
    });
    let mut members = texts([
        ("id", movement.id.to_string()),
        ("author", movement.author.to_string()),
        ("status", movement.status.to_string()),
        ("instructed_seq", movement.instructed_seq.to_string()),
        ("changed_seq", movement.changed_seq.to_string()),
    ]);
    maybe(&mut members, "batch", movement.batch.map(|digest| digest.tagged()));
    maybe(&mut members, "expires", movement.expires);
    maybe(&mut members, "call", movement.call.as_ref());
    maybe(&mut members, "effective_at", movement.effective_at);
    maybe(&mut members, "evidence", movement.evidence.map(|digest| digest.tagged()));
    maybe(&mut members, "reason", movement.reason.as_ref());
    maybe(&mut members, "reverses", movement.reverses.as_ref());
    maybe(&mut members, "reversed_by", movement.reversed_by.as_ref());
    if !movement.holds.is_empty() {
        let holds = movement.holds.iter().map(|hold| {
            let until = ("until_cycle", hold.until_cycle.to_string());
            Json::object(texts([("pool", hold.pool.to_string()), until]))
        });
        members.push(("holds", Json::array(holds)));
    }
    members.push(("postings", Json::array(postings)));
    Json::object(members)
}
