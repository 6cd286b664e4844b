//! Agreements and rule books.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::agreement::{Agreement, AgreementVersion};
use ledger::id::{AgreementId, RegimeId};
use ledger::json::{self, Json};
use ledger::market::AdoptedRegime;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

impl Resource for Agreement {
    const NAME: &'static str = "agreement";
    const FILTERS: &'static [Filter] = &[Filter::id("party")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.agreements())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        AgreementId::parse(id).ok().and_then(|id| state.agreement(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Agreement(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "party" => self.parties.iter().any(|party| party.as_str() == value),
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        agreement_json(self)
    }
}

fn agreement_json(agreement: &Agreement) -> Json {
    let mut members = texts([("id", agreement.id.to_string())]);
    let parties = agreement.parties.iter().map(|party| Json::text(party.as_str()));
    members.push(("parties", Json::array(parties)));
    members.push(("versions", Json::array(agreement.versions.iter().map(version_json))));
    members.extend(agreement.proposal.as_ref().map(|proposal| ("proposal", version_json(proposal))));
    members.extend(agreement.termination.as_ref().map(|end| {
        let told = [("from", end.from.to_string()), ("by", end.by.to_string()), ("seq", end.seq.to_string())];
        ("termination", Json::object(texts(told)))
    }));
    members.push(("changed_seq", Json::text(agreement.changed_seq.to_string())));
    Json::object(members)
}

fn version_json(version: &AgreementVersion) -> Json {
    let mut members = texts([
        ("version", version.version.to_string()),
        ("digest", version.digest.tagged()),
        ("effective_from", version.effective_from.to_string()),
        ("proposed_by", version.proposed_by.to_string()),
        ("proposed_seq", version.proposed_seq.to_string()),
    ]);
    maybe(&mut members, "accepted_seq", version.accepted_seq);
    let terms = json::read(version.signed.text().as_bytes()).expect("signed terms were read from this text");
    members.push(("terms", terms));
    Json::object(members)
}

/// Those in force at the instant of the read.
impl Resource for AdoptedRegime {
    const NAME: &'static str = "regime";
    const FILTERS: &'static [Filter] = &[];

    fn all(state: &State, at: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.regimes_at(at))
    }

    fn find<'a>(state: &'a State, id: &str, at: Timestamp) -> Option<&'a Arc<Self>> {
        RegimeId::parse(id).ok().and_then(|id| state.regime_at(&id, at))
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

    fn passes(&self, _: &str, _: &str, _: &View) -> Result<bool, Problem> {
        Ok(false)
    }

    fn json(&self, _: &View) -> Json {
        Json::object(texts([
            ("id", self.id.to_string()),
            ("digest", self.digest.tagged()),
            ("from", self.from.to_string()),
            ("changed_seq", self.changed_seq.to_string()),
        ]))
    }
}
