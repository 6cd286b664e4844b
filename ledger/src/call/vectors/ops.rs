//! What each op of a file of vectors does with its input.

use std::collections::BTreeSet;

use super::super::{Actor, Call, CallCommand, CallKind, CallLeg, CallRefusal, CallTerms, Verb, step};
use crate::csa::reader::{Node, Object, Shape, check_strict};
use crate::csa::{
    Calendars, Clock, Faults, Multiple, RateTerms, RoundingMode, Section, TermsCode, compute_json,
    effective_rate, error_json, read_clock,
};
use crate::json::Json;
use crate::time::Timestamp;
use crate::valuation::{AssetKind, ItemState, StatementFigure, Value, release};

const HERE: Section = Section { field: 0, value: 0 };

/// Runs one op on an input, or on the text of one that is meant to be unreadable. An error is the
/// whole `{"error":{…}}`.
pub(super) fn run(op: &str, input: Result<&Json, &str>) -> Result<Json, Json> {
    let json = match (op, input) {
        ("compute", input) => {
            let bytes = input.map_or_else(str::to_owned, ToString::to_string);
            return compute_json(bytes.as_bytes()).map_err(|error| error_json(&error));
        }
        (_, Ok(json)) => json,
        (_, Err(_)) => return Err(refusal(TermsCode::BadJson.as_str(), "", "give an input")),
    };
    match op {
        "round" => round(json),
        "spread" => spread(json),
        "clock" => clock(json),
        "release" => release_op(json),
        "lifecycle" => lifecycle(json),
        _ => Err(refusal("unknown_op", "/op", "use an op of specs/calls.md")),
    }
}

fn refusal(code: &str, path: &str, message: &str) -> Json {
    let members = [("code", code), ("path", path), ("message", message)];
    Json::object([("error", Json::object(members.map(|(key, text)| (key, Json::text(text)))))])
}

/// Reads an input strictly.
fn read<T>(json: &Json, read: impl FnOnce(&Node) -> Option<T>) -> Result<T, Json> {
    let faults = Faults::default();
    check_strict(json, "", &faults);
    let read = read(&Node::root(json, "", HERE, &faults));
    faults.settle(read).map_err(|error| error_json(&error))
}

fn round(json: &Json) -> Result<Json, Json> {
    let rounded = read(json, |node| {
        let object = node.object(&Shape { required: &["amount", "unit", "mode"], optional: &[] })?;
        let amount = object.need("amount", Node::quantity);
        let unit = object.need("unit", Node::positive).and_then(Multiple::new);
        let mode = object.need("mode", |n| n.word(RoundingMode::ALL, RoundingMode::parse));
        Some(unit?.round(&amount?, mode?))
    })?;
    Ok(Json::object([("rounded", Json::text(rounded.to_string()))]))
}

fn spread(json: &Json) -> Result<Json, Json> {
    let rate = read(json, |node| {
        let object = node.object(&Shape {
            required: &["rate", "spread", "negative_interest", "compressible_spread"],
            optional: &[],
        })?;
        let rate = object.need("rate", Node::value);
        let spread = object.need("spread", Node::value);
        let negative_interest = object.need("negative_interest", Node::flag);
        let compressible_spread = object.need("compressible_spread", Node::flag);
        let terms =
            RateTerms { negative_interest: negative_interest?, compressible_spread: compressible_spread? };
        Some(effective_rate(&rate?, &spread?, terms))
    })?;
    Ok(Json::object([("rate", Json::text(rate.to_string()))]))
}

/// Days of a dispute are counted from `disputed_at`, or from the last instant to dispute; those that
/// no calendar reaches are left out, because the deadlines themselves stand.
fn clock(json: &Json) -> Result<Json, Json> {
    let (clock, kind, received_at, disputed_at) = read(json, |node| {
        let object =
            node.object(&Shape { required: &["clock", "received_at"], optional: &["kind", "disputed_at"] })?;
        let clock = object.need("clock", read_clock);
        let kind = object.or("kind", AssetKind::Cash, |n| n.word(AssetKind::ALL, AssetKind::parse));
        let received_at = object.need("received_at", Node::timestamp);
        let disputed_at = object.maybe("disputed_at", Node::timestamp);
        Some((clock?, kind?, received_at?, disputed_at?))
    })?;
    let none = Calendars::new();
    let deadlines = clock
        .deadlines(kind, &none, received_at)
        .map_err(|error| refusal(error.code(), "/clock", &error.to_string()))?;
    let mut members = Vec::new();
    if let Some(day) = deadlines.demand_day {
        members.push(("demand_day", day.to_string()));
    }
    members.push(("due_at", deadlines.due_at.to_string()));
    members.push(("dispute_by", deadlines.dispute_by.to_string()));
    members.push(("grace_end", deadlines.grace_end.to_string()));
    if let Clock::BusinessDay(clock) = &clock
        && let Ok(days) = clock.dispute_days(&none, disputed_at.unwrap_or(deadlines.dispute_by))
    {
        members.push(("process_by", days.process_by.to_string()));
        members.push(("report_by", days.report_by.to_string()));
    }
    Ok(Json::object(members.into_iter().map(|(key, text)| (key, Json::text(text)))))
}

fn release_op(json: &Json) -> Result<Json, Json> {
    let (at, max_age, statement, items, going) = read(json, |node| {
        let object = node.object(&Shape {
            required: &["at", "max_statement_age", "statement", "items", "release"],
            optional: &[],
        })?;
        let at = object.need("at", Node::timestamp);
        let max_age = object.need("max_statement_age", Node::duration);
        let statement = object.need("statement", read_statement);
        let items = object.need("items", |n| n.each_with_id("id", read_valued));
        let going = object.need("release", |n| read_going(n, items.as_ref()?));
        Some((at?, max_age?, statement?, items?, going?))
    })?;
    let stays = items
        .iter()
        .filter(|(id, _, state)| *state == ItemState::Held && !going.contains(id))
        .map(|(_, value, _)| value)
        .sum();
    let released = release(stays, &statement, max_age, at)
        .map_err(|error| refusal(error.code(), "/release", &error.to_string()))?;
    Ok(Json::object([
        ("allowed", Json::Bool(true)),
        ("covered_after", Json::text(released.covered_after.to_string())),
        ("headroom_after", Json::text(released.headroom_after.to_string())),
    ]))
}

fn read_statement(node: &Node) -> Option<StatementFigure> {
    let object = node.object(&Shape { required: &["requirement", "as_of"], optional: &[] })?;
    let requirement = object.need("requirement", Node::quantity);
    let recorded_at = object.need("as_of", Node::timestamp);
    Some(StatementFigure { requirement: requirement?, recorded_at: recorded_at? })
}

fn read_valued(node: &Node) -> Option<(String, Value, ItemState)> {
    let object = node.object(&Shape { required: &["id", "value", "state"], optional: &[] })?;
    let id = object.need("id", Node::id);
    let value = object.need("value", Node::quantity);
    let state = object.need("state", |n| n.word(ItemState::ALL, ItemState::parse));
    Some((id?, value?, state?))
}

/// Only what is held can be released.
fn read_going(node: &Node, items: &[(String, Value, ItemState)]) -> Option<BTreeSet<String>> {
    let ids = node.each(|element| {
        let id = element.id()?;
        let held = items.iter().any(|(item, _, state)| *item == id && *state == ItemState::Held);
        if !held {
            element.fault(TermsCode::UnknownReference, "name an item that is held");
        }
        Some(id)
    })?;
    Some(ids.into_iter().collect())
}

struct Event {
    at: Timestamp,
    by: Actor,
    verb: Option<Verb>,
    call: String,
    body: Body,
}

#[derive(Default)]
struct Body {
    amount: Option<Value>,
    value: Option<Value>,
    reason: Option<String>,
    by: Option<String>,
}

fn lifecycle(json: &Json) -> Result<Json, Json> {
    let (call, events) = read(json, |node| {
        let object = node.object(&Shape { required: &["call", "events"], optional: &[] })?;
        let call = object.need("call", read_call);
        let events = object.need("events", |n| n.each(read_event));
        Some((call?, events?))
    })?;
    let mut calls = vec![call];
    let mut refusals = Vec::new();
    for (place, event) in events.iter().enumerate() {
        if let Err(code) = take(&mut calls, event) {
            let members = [("event", Json::text(place.to_string())), ("code", Json::text(code))];
            refusals.push(Json::object(members));
        }
    }
    let rows = calls.iter().map(|call| {
        Json::object([
            ("id", Json::text(call.id())),
            ("state", Json::text(call.state().as_str())),
            ("amount", Json::text(call.amount().to_string())),
        ])
    });
    Ok(Json::object([("calls", Json::array(rows)), ("refusals", Json::array(refusals))]))
}

fn take(calls: &mut Vec<Call>, event: &Event) -> Result<(), &'static str> {
    let verb = event.verb.ok_or("unknown_command")?;
    let place = calls.iter().position(|call| call.id() == event.call).ok_or("unknown_reference")?;
    let command = command(verb, &event.body);
    let step =
        step(&calls[place], &command, event.by, event.at).map_err(|refusal: CallRefusal| refusal.code())?;
    calls[place] = step.call;
    if let Some(halves) = step.halves {
        calls.extend(*halves);
    }
    Ok(())
}

fn command(verb: Verb, body: &Body) -> CallCommand {
    let (amount, reason) = (body.amount.clone(), body.reason.clone());
    match verb {
        Verb::Issue => CallCommand::Issue,
        Verb::Acknowledge => CallCommand::Acknowledge,
        Verb::Agree => CallCommand::Agree { amount },
        Verb::Dispute => CallCommand::Dispute { amount, reason },
        Verb::ResolveDispute => CallCommand::ResolveDispute { amount },
        Verb::Pledge => CallCommand::Pledge { value: body.value.clone() },
        Verb::AcceptPledge => CallCommand::AcceptPledge,
        Verb::RejectPledge => CallCommand::RejectPledge { reason },
        Verb::Instruct => CallCommand::Instruct,
        Verb::Settle => CallCommand::Settle { amount },
        Verb::Fail => CallCommand::Fail { reason },
        Verb::Retract => CallCommand::Retract { reason },
        Verb::Supersede => CallCommand::Supersede { by: body.by.clone() },
        Verb::DeclareDefault => CallCommand::DeclareDefault,
        Verb::WaiveDefault => CallCommand::WaiveDefault,
        Verb::CloseoutStart => CallCommand::CloseoutStart,
        Verb::CloseoutStep => CallCommand::CloseoutStep,
        Verb::CloseoutFinish => CallCommand::CloseoutFinish,
    }
}

fn read_call(node: &Node) -> Option<Call> {
    let object = node.object(&Shape {
        required: &["id", "amount", "mta", "rounding", "dispute_by", "due_at", "grace_end"],
        optional: &["raw", "kind", "leg", "mode"],
    })?;
    let id = object.need("id", Node::id);
    let amount = object.need("amount", Node::quantity);
    let raw = object.maybe("raw", Node::quantity);
    let mta = object.need("mta", Node::quantity);
    let multiple = object.need("rounding", Node::positive).and_then(Multiple::new);
    let leg = object.or("leg", CallLeg::Delivery, |n| n.word(CallLeg::ALL, CallLeg::parse));
    let kind = object.or("kind", CallKind::Demand, |n| n.word(CallKind::ALL, CallKind::parse));
    let elected = object.maybe("mode", |n| n.word(RoundingMode::ALL, RoundingMode::parse));
    let dispute_by = object.need("dispute_by", Node::timestamp);
    let due_at = object.need("due_at", Node::timestamp);
    let grace_end = object.need("grace_end", Node::timestamp);
    let (amount, leg) = (amount?, leg?);
    let mode = elected?.unwrap_or(match leg {
        CallLeg::Delivery => RoundingMode::Up,
        CallLeg::Return => RoundingMode::Down,
    });
    let terms = CallTerms {
        id: id?,
        leg,
        kind: kind?,
        raw: raw?.unwrap_or_else(|| amount.clone()),
        mta: mta?,
        multiple: multiple?,
        mode,
        due_at: due_at?,
        dispute_by: dispute_by?,
        grace_end: grace_end?,
    };
    Some(Call::issue(terms, amount))
}

fn read_event(node: &Node) -> Option<Event> {
    let object = node.object(&Shape { required: &["at", "by", "do", "call"], optional: &["with"] })?;
    let at = object.need("at", Node::timestamp);
    let by = object.need("by", |n| n.word(Actor::ALL, Actor::parse));
    let verb = object.need("do", Node::text).map(Verb::parse);
    let call = object.need("call", Node::id);
    let body = object.or("with", Body::default(), |n| read_body(&n.map()?));
    Some(Event { at: at?, by: by?, verb: verb?, call: call?, body: body? })
}

/// Members that no command of a call's life reads (items, evidence …) are other rules' business.
fn read_body(with: &Object) -> Option<Body> {
    let text = |key| with.maybe(key, |n| n.text().map(str::to_owned));
    let amount = with.maybe("amount", Node::value);
    let value = with.maybe("value", Node::value);
    let (reason, by) = (text("reason"), text("by"));
    Some(Body { amount: amount?, value: value?, reason: reason?, by: by? })
}
