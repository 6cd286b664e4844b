//! Parties, their keys, and assets.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::asset::Asset;
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::party::{Party, Role};

use super::{Shared, list, maybe, read, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::session::Principal;

/// `GET /v1/parties`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let known = state.parties().filter(|party| may_read(&principal, Object::Party(party), state));
    list(state, known.map(|party| party_json(&principal, party)))
}

/// `GET /v1/parties/{id}`.
///
/// # Errors
/// `not_found`, also for who is no counterparty of the reader.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let party = PartyId::parse(&id).ok().and_then(|id| state.party(&id));
    let party = party.filter(|party| may_read(&principal, Object::Party(party), state));
    let party = party.ok_or_else(Problem::not_found)?;
    Ok(read(state, [("party", party_json(&principal, party))]))
}

/// One's own keys with their history; of others, those that are active.
fn party_json(principal: &Principal, party: &Party) -> Json {
    let whole = principal.party == party.id || matches!(principal.role, Role::Operator | Role::Auditor);
    let keys = party.keys.iter().filter(|key| whole || key.revoked_seq.is_none()).map(|key| {
        let mut members = texts([
            ("keyid", key.public.id().to_string()),
            ("public_key", key.public.to_base64()),
            ("added_seq", key.added_seq.to_string()),
        ]);
        maybe(&mut members, "revoked_seq", key.revoked_seq);
        maybe(&mut members, "compromised_from", key.compromised_from);
        members.push(("uses", Json::array(key.uses.iter().map(|word| Json::text(word.as_str())))));
        Json::object(members)
    });
    let mut members = texts([
        ("id", party.id.to_string()),
        ("role", party.role.to_string()),
        ("legal_name", party.legal_name.clone()),
    ]);
    maybe(&mut members, "lei", party.lei.as_ref());
    members.push(("suspended", Json::Bool(party.suspended)));
    members.push(("keys", Json::array(keys)));
    members.push(("changed_seq", Json::text(party.changed_seq.to_string())));
    Json::object(members)
}

/// `GET /v1/assets`.
pub async fn assets(State(app): Shared, _: Reader) -> Response {
    let state = &app.published().state;
    list(state, state.assets().map(|asset| asset_json(asset)))
}

fn asset_json(asset: &Asset) -> Json {
    let text = |text: &String| Json::text(text);
    let mut members: Vec<(String, Json)> =
        asset.traits.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    if !asset.ratings.is_empty() {
        let ratings = asset.ratings.iter().map(|(agency, rating)| (agency.clone(), text(rating)));
        members.push(("ratings".to_owned(), Json::object(ratings)));
    }
    let head = [
        ("id", asset.id.to_string()),
        ("kind", asset.kind.to_string()),
        ("decimals", asset.decimals.to_string()),
        ("changed_seq", asset.changed_seq.to_string()),
    ];
    let head = head.map(|(name, value)| (name.to_owned(), Json::text(value)));
    members.push(("suspended".to_owned(), Json::Bool(asset.suspended)));
    Json::object(head.into_iter().chain(members))
}
