//! Parties, their keys, and assets.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::asset::{Asset, AssetKind};
use ledger::id::{AgreementId, AssetId, PartyId};
use ledger::json::Json;
use ledger::party::{Party, Role, Scope};
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};
use crate::session::Principal;

impl Resource for Party {
    const NAME: &'static str = "party";
    const FILTERS: &'static [Filter] =
        &[Filter::word("role", |text| Role::parse(text).is_some()), Filter::word("suspended", is_truth)];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.parties())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        PartyId::parse(id).ok().and_then(|id| state.party(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Party(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    /// A recovered key becomes active without a record.
    fn tag(&self, at: Timestamp) -> String {
        let active = self.keys.iter().filter(|key| key.stands_at(at)).count();
        format!("{}-{active}", self.changed_seq)
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "role" => self.role.as_str() == value,
            "suspended" => self.suspended.to_string() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        party_json(&view.principal, self, view.at)
    }
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

impl Resource for Asset {
    const NAME: &'static str = "asset";
    const FILTERS: &'static [Filter] =
        &[Filter::word("kind", |text| AssetKind::parse(text).is_some()), Filter::word("suspended", is_truth)];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.assets())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        AssetId::parse(id).ok().and_then(|id| state.asset(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Reference
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "kind" => self.kind.as_str() == value,
            "suspended" => self.suspended.to_string() == value,
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        asset_json(self)
    }
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

fn is_truth(text: &str) -> bool {
    text.parse::<bool>().is_ok()
}
