//! Live overrides: every exception that could be used now.

use axum::extract::State;
use axum::response::Response;
use ledger::amount::print_units;
use ledger::json::Json;
use ledger::overrides::Override;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, texts};
use crate::app::{Reader, now};
use crate::may::Object;

/// `GET /v1/overrides`: those not revoked, not over and not used up.
pub async fn live(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let at = now();
    let live = state.overrides().filter(|granted| granted.is_live(at));
    list_own(state, &principal, live, Object::Override, |granted| override_json(state, granted))
}

fn override_json(state: &LedgerState, granted: &Override) -> Json {
    let asset = state.account(&granted.account).and_then(|account| state.asset(&account.asset));
    let print = |units| print_units(units, asset.map_or(0, |asset| asset.decimals));
    let mut members = texts([
        ("id", granted.id.to_string()),
        ("rule", granted.rule.to_string()),
        ("object", granted.account.to_string()),
        ("limit", print(granted.limit)),
        ("remaining", print(granted.remaining())),
        ("asset", asset.map_or_else(String::new, |asset| asset.id.to_string())),
        ("reason", granted.reason.clone()),
        ("until", granted.until.to_string()),
        ("author", granted.author.to_string()),
        ("granted_seq", granted.granted_seq.to_string()),
        ("granted_at", granted.granted_at.to_string()),
        ("changed_seq", granted.changed_seq.to_string()),
    ]);
    let uses = granted
        .uses
        .iter()
        .map(|used| Json::object(texts([("seq", used.seq.to_string()), ("amount", print(used.units))])));
    members.push(("uses", Json::array(uses)));
    Json::object(members)
}
