//! Calls.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::amount::print_units;
use ledger::call::CallTimes;
use ledger::call_record::{CallEvent, CallHold, CallRecord};
use ledger::id::CallId;
use ledger::json::Json;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, maybe, read_own, texts};
use crate::app::{Reader, now};
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/calls`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.calls(), Object::Call, |call| call_json(state, call))
}

/// `GET /v1/calls/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = CallId::parse(&id).ok().and_then(|id| state.call(&id));
    read_own(state, &principal, found, Object::Call, ("call", |call| call_json(state, call)))
}

fn call_json(state: &LedgerState, call: &CallRecord) -> Json {
    let terms = call.call.terms();
    let mut members = texts([
        ("id", call.id.to_string()),
        ("state", call.state().to_string()),
        ("agreement", call.agreement.to_string()),
        ("version", call.version.to_string()),
        ("statement", call.statement.to_string()),
        ("secured", call.secured.to_string()),
        ("pledgor", call.pledgor.to_string()),
        ("leg", terms.leg.to_string()),
        ("kind", terms.kind.to_string()),
        ("amount", call.amount().to_string()),
        ("raw", terms.raw.to_string()),
        ("currency", call.currency.clone()),
        ("pledged", call.call.pledged().to_string()),
        ("settled", call.call.settled().to_string()),
        ("margin", call.margin.to_string()),
    ]);
    match &call.held {
        // Its times are not known before the halt lifts.
        Some(held) => members.push(("held", held_json(held))),
        None => {
            members.extend(times(call.call.times()));
            // Overdue is a reading of the time, not a state.
            maybe(&mut members, "reading", call.call.reading(now()));
        }
    }
    maybe(&mut members, "parent", call.parent.as_ref());
    maybe(&mut members, "pledge", call.pledge);
    maybe(&mut members, "movement", call.movement.as_ref());
    let items = call.items.iter().map(|item| {
        let decimals = state.asset(&item.asset).map_or(0, |asset| asset.decimals);
        Json::object(texts([
            ("from", item.from.to_string()),
            ("asset", item.asset.to_string()),
            ("amount", print_units(item.units, decimals)),
        ]))
    });
    members.push(("items", Json::array(items)));
    members.push(("timeline", Json::array(call.timeline.iter().map(event_json))));
    members.push(("changed_seq", Json::text(call.changed_seq.to_string())));
    Json::object(members)
}

fn times(times: CallTimes) -> Vec<(&'static str, Json)> {
    texts([("due_at", times.due_at), ("dispute_by", times.dispute_by), ("grace_end", times.grace_end)])
}

/// That it is due when a halt lifts: its former times, later by as long as it was held.
fn held_json(held: &CallHold) -> Json {
    let mut members = texts([("pool", held.pool.to_string()), ("since", held.since.to_string())]);
    members.extend(times(held.times));
    Json::object(members)
}

fn event_json(event: &CallEvent) -> Json {
    Json::object(texts([
        ("seq", event.seq.to_string()),
        ("recorded_at", event.recorded_at.to_string()),
        ("type", event.type_name.clone()),
        ("author", event.author.to_string()),
        ("command_id", event.command_id.to_string()),
    ]))
}
