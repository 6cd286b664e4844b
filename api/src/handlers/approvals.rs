//! Commands that wait for others, and the policies that hold them back.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::approval::{HeldCommand, HeldStatus, Need, Policy};
use ledger::digest::Digest;
use ledger::id::PolicyId;
use ledger::json::Json;
use ledger::time::Timestamp;

use super::{Shared, list, list_own, maybe, read_own, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};
use crate::problem::Problem;

/// `GET /v1/approvals`: what waits for whom.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let at = state.recorded_at().unwrap_or_else(Timestamp::epoch);
    let waits = state.held().filter(|held| held.is_awaiting(at));
    let own = waits.filter(|held| may_read(&principal, Object::Held(held), state));
    list(state, own.map(|held| held_json(held, at)))
}

/// `GET /v1/approvals/{command_id}`: also after it was decided.
///
/// # Errors
/// `not_found`.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let at = state.recorded_at().unwrap_or_else(Timestamp::epoch);
    let found = Digest::parse_hex(&id).and_then(|id| state.held_command(&id));
    read_own(state, &principal, found, Object::Held, ("approval", |held| held_json(held, at)))
}

fn held_json(held: &HeldCommand, at: Timestamp) -> Json {
    let expired = held.status == HeldStatus::Awaiting && !held.is_awaiting(at);
    let status = if expired { "expired" } else { held.status.as_str() };
    let mut members = texts([
        ("command_id", held.id.to_string()),
        ("seq", held.seq.to_string()),
        ("type", held.type_name.clone()),
        ("author", held.author.to_string()),
        ("keyid", held.signer.to_string()),
        ("expires_at", held.expires_at.to_string()),
        ("status", status.to_owned()),
        ("changed_seq", held.changed_seq.to_string()),
    ]);
    maybe(&mut members, "reason", held.reason.as_ref());
    members.push(("needs", Json::array(held.needs.iter().map(need_json))));
    let approvals = held.approvals.iter().map(|given| {
        Json::object(texts([
            ("party", given.party.to_string()),
            ("keyid", given.keyid.to_string()),
            ("seq", given.seq.to_string()),
        ]))
    });
    members.push(("approvals", Json::array(approvals)));
    // What the approver signs is shown from its bytes, not from a form.
    let payload = held.payload.as_deref().and_then(|payload| std::str::from_utf8(payload).ok());
    maybe(&mut members, "payload", payload);
    Json::object(members)
}

fn need_json(need: &Need) -> Json {
    let of = need.of.iter().map(|principal| {
        Json::object(texts([("principal", principal.name.clone()), ("party", principal.party.to_string())]))
    });
    let mut members = texts([("by", need.by.clone()), ("k", need.k.to_string())]);
    members.push(("of", Json::array(of)));
    Json::object(members)
}

/// `GET /v1/policies`.
pub async fn policies(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.policies(), Object::Policy, policy_json)
}

/// `GET /v1/policies/{id}`.
///
/// # Errors
/// `not_found`.
pub async fn policy(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = PolicyId::parse(&id).ok().and_then(|id| state.policy(&id));
    read_own(state, &principal, found, Object::Policy, ("policy", policy_json))
}

/// The rules themselves are the document of that digest.
fn policy_json(policy: &Policy) -> Json {
    let document = &policy.document;
    let mut members = texts([
        ("id", policy.id.to_string()),
        ("scope", policy.scope.to_string()),
        ("version", policy.version.to_string()),
        ("rules", policy.digest.tagged()),
        ("changed_seq", policy.changed_seq.to_string()),
    ]);
    members.push(("covers", Json::array(document.covers().iter().map(Json::text))));
    Json::object(members)
}
