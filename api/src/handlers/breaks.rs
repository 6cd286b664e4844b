//! Breaks: where ledger and statement disagree, how old that is, and who answers for it.

use std::borrow::Cow;
use std::sync::Arc;

use custody::sla;
use ledger::break_record::{Break, BreakEnd, BreakEvent, BreakState, BreakStep, Explanation};
use ledger::id::BreakId;
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::custody::provenance;
use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

/// Its age and whether its explanation still counts are readings of the time.
impl Resource for Break {
    const NAME: &'static str = "break";
    const FILTERS: &'static [Filter] = &[
        Filter::id("reconciliation"),
        Filter::id("author"),
        Filter::id("owner"),
        Filter::word("state", |text| BreakState::parse(text).is_some()),
    ];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.breaks())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        BreakId::parse(id).ok().and_then(|id| state.open_break(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Break(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, at: Timestamp) -> String {
        format!("{}-{}-{}", self.changed_seq, self.state_at(at), self.age_days(at))
    }

    fn passes(&self, filter: &str, value: &str, view: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "reconciliation" => self.reconciliation.as_str() == value,
            "author" => self.author.as_str() == value,
            "owner" => self.owner.as_ref().is_some_and(|owner| owner.as_str() == value),
            "state" => self.state_at(view.at).as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        break_json(view.state(), self, view.at)
    }
}

/// The break as it stands at an instant: its age and whether its explanation still counts are readings
/// of the time.
fn break_json(state: &State, one: &Break, at: Timestamp) -> Json {
    let age_days = one.age_days(at);
    let mut members = texts([
        ("id", one.id.to_string()),
        ("state", one.state_at(at).to_string()),
        ("reconciliation", one.reconciliation.to_string()),
        ("line", one.line.clone()),
        ("amount", one.amount.clone()),
        ("author", one.author.to_string()),
        ("opened_at", one.opened_at.to_string()),
        ("age_days", age_days.to_string()),
        ("age", sla::bucket(age_days).to_owned()),
        ("changed_seq", one.changed_seq.to_string()),
    ]);
    let compared = state.reconciliation(&one.reconciliation).map(|found_by| &found_by.statements);
    maybe(&mut members, "provenance", compared.and_then(|compared| provenance(state, compared)));
    maybe(&mut members, "custodian", state.break_custodian(one));
    if let Some(place) = &one.place {
        members.extend(texts([("account", &place.account), ("asset", &place.asset)]));
    }
    maybe(&mut members, "owner", one.owner.as_ref());
    if let Some(explanation) = &one.explanation {
        let mut told = explained(explanation);
        told.push(("counts", Json::Bool(explanation.counts_at(at))));
        members.push(("explanation", Json::object(told)));
    }
    members.extend(one.end.as_ref().map(ended));
    members.push(("timeline", Json::array(one.timeline.iter().map(event_json))));
    Json::object(members)
}

fn explained(explanation: &Explanation) -> Vec<(&'static str, Json)> {
    let mut members = texts([("reason", explanation.reason)]);
    maybe(&mut members, "expected_by", explanation.expected_by);
    members
}

fn ended(end: &BreakEnd) -> (&'static str, Json) {
    match end {
        BreakEnd::Resolved { evidence } => ("evidence", Json::text(evidence.tagged())),
        BreakEnd::WrittenOff { movement } => ("movement", Json::text(movement.as_str())),
    }
}

fn event_json(event: &BreakEvent) -> Json {
    let mut members = texts([
        ("seq", event.seq.to_string()),
        ("recorded_at", event.recorded_at.to_string()),
        ("type", event.type_name.clone()),
        ("author", event.author.to_string()),
        ("command_id", event.command_id.to_string()),
    ]);
    match &event.step {
        BreakStep::Opened { reconciliation, amount } => {
            members.extend(texts([("reconciliation", reconciliation.as_str()), ("amount", amount)]));
        }
        BreakStep::Assigned { to } => members.extend(texts([("to", to)])),
        BreakStep::Explained(explanation) => members.extend(explained(explanation)),
        BreakStep::Ended(end) => members.push(ended(end)),
        BreakStep::Reinstated { by } => members.extend(texts([("reinstated_by", by)])),
    }
    Json::object(members)
}
