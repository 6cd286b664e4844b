//! Commands that wait for others, and the policies that hold them back.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::approval::{HeldCommand, HeldStatus, Need, Policy, Scope};
use ledger::digest::Digest;
use ledger::id::PolicyId;
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

/// The list holds what waits; one is found also after it was decided.
impl Resource for HeldCommand {
    const NAME: &'static str = "approval";
    const FILTERS: &'static [Filter] = &[Filter::id("author"), Filter::id("type")];

    fn all(state: &State, at: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.held().filter(move |held| held.is_awaiting(at)))
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        Digest::parse_hex(id).and_then(|id| state.held_command(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Held(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.to_string().into()
    }

    /// It expires without a record.
    fn tag(&self, at: Timestamp) -> String {
        format!("{}-{}", self.changed_seq, status(self, at))
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "author" => self.author.as_str() == value,
            "type" => self.type_name == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        held_json(self, view.at)
    }
}

fn status(held: &HeldCommand, at: Timestamp) -> &'static str {
    let expired = held.status == HeldStatus::Awaiting && !held.is_awaiting(at);
    if expired { "expired" } else { held.status.as_str() }
}

fn held_json(held: &HeldCommand, at: Timestamp) -> Json {
    let mut members = texts([
        ("command_id", held.id.to_string()),
        ("seq", held.seq.to_string()),
        ("type", held.type_name.clone()),
        ("author", held.author.to_string()),
        ("keyid", held.signer.to_string()),
        ("expires_at", held.expires_at.to_string()),
        ("status", status(held, at).to_owned()),
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

impl Resource for Policy {
    const NAME: &'static str = "policy";
    const FILTERS: &'static [Filter] = &[Filter::word("scope", |text| Scope::parse(text).is_some())];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.policies())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        PolicyId::parse(id).ok().and_then(|id| state.policy(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Policy(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(filter == "scope" && self.scope.to_string() == value)
    }

    fn json(&self, _: &View) -> Json {
        policy_json(self)
    }
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
