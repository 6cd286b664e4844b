//! Calls.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::amount::print_units;
use ledger::call::{CallKind, CallLeg, CallState, CallTimes};
use ledger::call_record::{CallEvent, CallHold, CallRecord};
use ledger::id::CallId;
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

impl Resource for CallRecord {
    const NAME: &'static str = "call";
    const FILTERS: &'static [Filter] = &[
        Filter::id("agreement"),
        Filter::id("pledgor"),
        Filter::id("secured"),
        Filter::id("statement"),
        Filter::word("state", |text| CallState::parse(text).is_some()),
        Filter::word("leg", |text| CallLeg::parse(text).is_some()),
        Filter::word("kind", |text| CallKind::parse(text).is_some()),
    ];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.calls())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        CallId::parse(id).ok().and_then(|id| state.call(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Call(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, at: Timestamp) -> String {
        // Overdue comes by time alone, without a record.
        match self.call.reading(at) {
            Some(reading) => format!("{}-{reading}", self.changed_seq),
            None => self.changed_seq.to_string(),
        }
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "agreement" => self.agreement.as_str() == value,
            "pledgor" => self.pledgor.as_str() == value,
            "secured" => self.secured.as_str() == value,
            "statement" => self.statement.as_str() == value,
            "state" => self.state().as_str() == value,
            "leg" => self.call.terms().leg.as_str() == value,
            "kind" => self.call.terms().kind.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        call_json(view, self)
    }
}

fn call_json(view: &View, call: &CallRecord) -> Json {
    let state = view.state();
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
            maybe(&mut members, "reading", call.call.reading(view.at));
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
