//! Parties, their keys, and assets.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::asset::Asset;
use ledger::id::{AgreementId, PartyId};
use ledger::json::Json;
use ledger::party::{Party, Role, Scope};
use ledger::time::Timestamp;

use super::{Shared, list, maybe, read, texts};
use crate::app::{Reader, now};
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::session::Principal;

/// `GET /v1/parties`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let known = state.parties().filter(|party| may_read(&principal, Object::Party(party), state));
    list(state, known.map(|party| party_json(&principal, party, now())))
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
    Ok(read(state, [("party", party_json(&principal, party, now()))]))
}

/// One's own keys with their history; of others, those that are active. A recovery is everyone's to see.
#[must_use]
pub fn party_json(principal: &Principal, party: &Party, at: Timestamp) -> Json {
    let whole = principal.party == party.id || matches!(principal.role, Role::Operator | Role::Auditor);
    let keys = party.keys.iter().filter(|key| whole || key.stands_at(at)).map(|key| {
        let mut members = texts([
            ("keyid", key.public.id().to_string()),
            ("public_key", key.public.to_base64()),
            ("added_seq", key.added_seq.to_string()),
        ]);
        maybe(&mut members, "revoked_seq", key.revoked_seq);
        maybe(&mut members, "compromised_from", key.compromised_from);
        maybe(&mut members, "active_from", key.recovery.as_ref().map(|recovery| recovery.active_from));
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
    // Who else is a client here is no counterparty's business.
    maybe(
        &mut members,
        "recovery",
        party.recovery.as_ref().filter(|contact| whole || **contact == principal.party),
    );
    if let Scope::Only { parties, agreements } = &party.scope {
        let ids = parties.iter().map(PartyId::as_str).chain(agreements.iter().map(AgreementId::as_str));
        members.push(("scope", Json::array(ids.map(Json::text))));
    } else if party.role == Role::Auditor {
        members.push(("scope", Json::text("all")));
    }
    members.push(("keys", Json::array(keys)));
    members.push(("recoveries", recoveries_json(party, at)));
    members.push(("changed_seq", Json::text(party.changed_seq.to_string())));
    Json::object(members)
}

/// The mark of a party that was given a key because it had lost its own.
fn recoveries_json(party: &Party, at: Timestamp) -> Json {
    Json::array(party.recoveries().map(|(key, recovery)| {
        Json::object(texts([
            ("keyid", key.public.id().to_string()),
            ("seq", key.added_seq.to_string()),
            ("state", recovery.stage_at(at).to_string()),
            ("active_from", recovery.active_from.to_string()),
            ("evidence", recovery.evidence.tagged()),
        ]))
    }))
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
