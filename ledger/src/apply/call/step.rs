//! One signed step of a call's life: who may, what it names, and what it moves.

use std::sync::Arc;

use super::carriage::{
    check_sources, check_targets, fail, free_items, instruct, insufficient, pledge, reserve, settle,
};
use super::{event, value};
use crate::apply::postings::check_accounts;
use crate::apply::{Entry, all_or_first, check_free, movement, told};
use crate::call::{
    Actor, Call, CallCommand, CallRefusal, DisputeReason, FailReason, RejectReason, RetractReason, Step,
    Verb, step as call_step,
};
use crate::call_record::CallRecord;
use crate::command::CallStep;
use crate::id::CallId;
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(in crate::apply) fn step(
    state: &State,
    entry: &Entry,
    id: &CallId,
    asked: &CallStep,
) -> Result<Vec<Change>, Rejection> {
    let record = state.need_call(id, "/body/call")?;
    let actor = actor(state, entry, record)?;
    check_references(state, record, asked)?;
    let stepped = call_step(&record.call, &command(asked), actor, entry.recorded_at)
        .map_err(|refusal| of_refusal(refusal, asked));
    let reserved = match asked {
        CallStep::Pledge { items, .. } => reserve(state, entry, record, items).map(Some),
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::Retract { .. }
        | CallStep::Supersede { .. }
        | CallStep::AcceptPledge { .. }
        | CallStep::RejectPledge { .. }
        | CallStep::Instruct { .. }
        | CallStep::Settle { .. }
        | CallStep::Fail { .. } => Ok(None),
    };
    all_or_first([check_new(state, asked), told(&stepped), told(&reserved)])?;
    let (Step { call, halves }, reserved) = (stepped?, reserved?);
    let mut next = CallRecord { call, changed_seq: entry.seq, ..CallRecord::clone(record) };
    next.timeline.push(event(entry));
    let mut changes = match asked {
        CallStep::Pledge { value, .. } => {
            let reserved = reserved.expect("a pledge reserves its items");
            pledge(entry, &mut next, reserved, *value)?
        }
        CallStep::RejectPledge { .. } | CallStep::Retract { .. } | CallStep::Supersede { .. } => {
            free_items(state, entry, &mut next)
        }
        CallStep::Instruct { movement, postings } => instruct(state, entry, &mut next, movement, postings)?,
        CallStep::Settle { movement, evidence, .. } => settle(state, entry, &next, movement, *evidence)?,
        CallStep::Fail { movement, reason } => fail(state, entry, &mut next, movement, reason)?,
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::AcceptPledge { .. } => Vec::new(),
    };
    for half in halves.into_iter().flat_map(|halves| *halves) {
        changes.push(Change::Call(Arc::new(half_record(state, entry, &next, half)?)));
    }
    changes.push(Change::Call(Arc::new(next)));
    Ok(changes)
}

/// What a step names besides the call is what the call is tied to.
fn check_references(state: &State, record: &CallRecord, asked: &CallStep) -> Result<(), Rejection> {
    let unknown =
        |pointer: &str, what: String| Err(Rejection::UnknownReference { pointer: pointer.to_owned(), what });
    match asked {
        CallStep::AcceptPledge { pledge } | CallStep::RejectPledge { pledge, .. }
            if record.pledge != Some(*pledge) =>
        {
            unknown("/body/pledge", format!("{pledge} is not the pledge that meets this call now"))
        }
        CallStep::Settle { movement, .. } | CallStep::Fail { movement, .. }
            if record.movement.as_ref() != Some(movement) =>
        {
            unknown("/body/movement", format!("{movement} does not carry this call over"))
        }
        CallStep::Supersede { by } => {
            let by = state.need_call(by, "/body/by")?;
            if by.agreement == record.agreement && by.id != record.id {
                Ok(())
            } else {
                unknown("/body/by", format!("{} is not another call under {}", by.id, record.agreement))
            }
        }
        CallStep::Pledge { items, .. } => check_sources(state, record, items),
        CallStep::Instruct { postings, .. } => {
            check_accounts(state, postings)?;
            check_targets(state, record, postings)
        }
        CallStep::AcceptPledge { .. }
        | CallStep::RejectPledge { .. }
        | CallStep::Settle { .. }
        | CallStep::Fail { .. }
        | CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::Retract { .. } => Ok(()),
    }
}

/// The id that a step brings.
fn check_new(state: &State, asked: &CallStep) -> Result<(), Rejection> {
    match asked {
        CallStep::Instruct { movement, .. } => check_free(state, "movement", movement.as_str()),
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::Retract { .. }
        | CallStep::Supersede { .. }
        | CallStep::Pledge { .. }
        | CallStep::AcceptPledge { .. }
        | CallStep::RejectPledge { .. }
        | CallStep::Settle { .. }
        | CallStep::Fail { .. } => Ok(()),
    }
}

/// The author's part in the call. A stranger learns no more than that there is none of its own.
fn actor(state: &State, entry: &Entry, record: &CallRecord) -> Result<Actor, Rejection> {
    let author = &entry.command.author;
    if *author == record.secured {
        return Ok(Actor::Secured);
    }
    if *author == record.pledgor {
        return Ok(Actor::Pledgor);
    }
    let custodian = state.party(author).is_some_and(|party| party.role == Role::Custodian);
    let carries = record.movement.as_ref().and_then(|id| state.movement(id));
    match carries.filter(|_| custodian) {
        Some(movement) => movement::check_keeper(state, entry, movement).map(|()| Actor::Custodian),
        None => Err(Rejection::UnknownReference {
            pointer: "/body/call".to_owned(),
            what: format!("no call {}", record.id),
        }),
    }
}

fn command(asked: &CallStep) -> CallCommand {
    match asked {
        CallStep::Acknowledge => CallCommand::Acknowledge,
        CallStep::Agree { amount } => CallCommand::Agree { amount: Some(value(*amount)) },
        CallStep::Dispute { amount, reason, .. } => {
            CallCommand::Dispute { amount: Some(value(*amount)), reason: Some(reason.clone()) }
        }
        CallStep::Retract { reason } => CallCommand::Retract { reason: Some(reason.clone()) },
        CallStep::Supersede { by } => CallCommand::Supersede { by: Some(by.to_string()) },
        CallStep::Pledge { value: worth, .. } => CallCommand::Pledge { value: Some(value(*worth)) },
        CallStep::AcceptPledge { .. } => CallCommand::AcceptPledge,
        CallStep::RejectPledge { reason, .. } => CallCommand::RejectPledge { reason: Some(reason.clone()) },
        CallStep::Instruct { .. } => CallCommand::Instruct,
        CallStep::Settle { amount, .. } => CallCommand::Settle { amount: Some(value(*amount)) },
        CallStep::Fail { reason, .. } => CallCommand::Fail { reason: Some(reason.clone()) },
    }
}

fn of_refusal(refusal: CallRefusal, asked: &CallStep) -> Rejection {
    match refusal {
        CallRefusal::NotAuthorised { author, .. } => Rejection::NotAuthorised { who_may: author.as_str() },
        CallRefusal::KindNotDue { kind } => Rejection::KindNotDue { kind: kind.as_str() },
        CallRefusal::WrongState { state, fitting } => {
            let fits: Vec<_> = fitting.iter().map(|verb: &Verb| verb.as_str()).collect();
            Rejection::WrongState { state: state.to_string(), fits: fits.join(", ") }
        }
        CallRefusal::TooLate { dispute_by } => Rejection::TooLate { until: dispute_by },
        CallRefusal::TooEarly { grace_end } => Rejection::TooEarly { after: grace_end },
        CallRefusal::AmountOutOfRange { least, most } => {
            let got = match asked {
                CallStep::Agree { amount }
                | CallStep::Dispute { amount, .. }
                | CallStep::Settle { amount, .. } => amount.to_string(),
                CallStep::Acknowledge
                | CallStep::Retract { .. }
                | CallStep::Supersede { .. }
                | CallStep::Pledge { .. }
                | CallStep::AcceptPledge { .. }
                | CallStep::RejectPledge { .. }
                | CallStep::Instruct { .. }
                | CallStep::Fail { .. } => String::new(),
            };
            let expected = if least == most { most.to_string() } else { format!("{least} to {most}") };
            Rejection::AmountOutOfRange { expected, got }
        }
        CallRefusal::InsufficientValue { value, needed } => insufficient(&value, &needed),
        CallRefusal::ReasonUnknown { .. } | CallRefusal::MissingField { .. } => {
            Rejection::ReasonUnknown { known: known_reasons(asked) }
        }
    }
}

fn known_reasons(asked: &CallStep) -> String {
    let words: Vec<&str> = match asked {
        CallStep::Dispute { .. } => DisputeReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::RejectPledge { .. } => RejectReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Retract { .. } => RetractReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Fail { .. } => FailReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Supersede { .. }
        | CallStep::Pledge { .. }
        | CallStep::AcceptPledge { .. }
        | CallStep::Instruct { .. }
        | CallStep::Settle { .. } => Vec::new(),
    };
    words.join(", ")
}

fn half_record(
    state: &State,
    entry: &Entry,
    parent: &CallRecord,
    half: Call,
) -> Result<CallRecord, Rejection> {
    let taken = || Rejection::IdTaken { id: half.id().to_owned() };
    let id = CallId::parse(half.id()).map_err(|_| taken())?;
    check_free(state, "call", id.as_str())?;
    Ok(CallRecord {
        id,
        parent: Some(parent.id.clone()),
        call: half,
        timeline: vec![event(entry)],
        ..parent.clone()
    })
}
