//! Live overrides: every exception that could be used now.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::amount::print_units;
use ledger::id::OverrideId;
use ledger::json::Json;
use ledger::overrides::{OverridableRule, Override};
use ledger::state::State;
use ledger::time::Timestamp;

use super::texts;
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

/// The list holds those not revoked, not over and not used up.
impl Resource for Override {
    const NAME: &'static str = "override";
    const FILTERS: &'static [Filter] =
        &[Filter::id("object"), Filter::word("rule", |text| OverridableRule::parse(text).is_some())];

    fn all(state: &State, at: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.overrides().filter(move |granted| granted.is_live(at)))
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        OverrideId::parse(id).ok().and_then(|id| state.one_override(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Override(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, at: Timestamp) -> String {
        format!("{}-{}", self.changed_seq, self.is_live(at))
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "object" => self.account.as_str() == value,
            "rule" => self.rule.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        override_json(view.state(), self)
    }
}

fn override_json(state: &State, granted: &Override) -> Json {
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
