//! The life of a break.
//!
//! Source: custody specification §2, *Working a break*.

use std::sync::Arc;

use num_bigint::BigInt;

use super::{Content, Entry, check_free};
use crate::account::{Account, Book};
use crate::break_record::{
    Break, BreakEnd, BreakEvent, BreakPlace, BreakReason, BreakState, BreakStep, Explanation, ResultLine,
};
use crate::command::{BreakAssign, BreakExplain, BreakOpen, BreakResolve, BreakWriteOff};
use crate::decimal::print_scaled;
use crate::evidence::Reconciliation;
use crate::id::{AccountId, BreakId, MovementId};
use crate::movement::{Movement, MovementStatus, Posting};
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

/// Opens a break, or takes up again one that a later reconciliation of the same custodian finds: if it had
/// ended, with a new age; if it had not, with its new amount, its age and its owner. Its id is made from
/// what differs, so no other would be the same break.
pub(super) fn open(state: &State, entry: &Entry, open: &BreakOpen) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let found_by = state.need_reconciliation(&open.reconciliation, "/body/reconciliation")?;
    if author.role == Role::Custodian && found_by.author != author.id {
        return Err(Rejection::NotAuthorised { who_may: "whoever recorded the reconciliation" });
    }
    let line = result_line(entry, open)?;
    let amount = open.signed_amount();
    let before = state.open_break(&open.id);
    match before {
        None => check_free(state, "break", open.id.as_str())?,
        Some(before) => check_found_again(state, before, found_by, &amount)?,
    }
    let place = line.map(|line| check_line(line, &amount)).transpose()?;
    let step = BreakStep::Opened { reconciliation: open.reconciliation.clone(), amount: amount.clone() };
    let lasting = before.filter(|before| before.end.is_none());
    let mut timeline = before.map_or_else(Vec::new, |before| before.timeline.clone());
    timeline.push(event(entry, step));
    let opened = Break {
        id: open.id.clone(),
        reconciliation: open.reconciliation.clone(),
        line: open.line.clone(),
        amount,
        place,
        author: author.id.clone(),
        opened_at: lasting.map_or(entry.recorded_at, |before| before.opened_at),
        opened_seq: lasting.map_or(entry.seq, |before| before.opened_seq),
        owner: lasting.and_then(|before| before.owner.clone()),
        explanation: lasting.and_then(|before| before.explanation.clone()),
        end: None,
        timeline,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Break(Arc::new(opened))])
}

/// A run that was recorded after the break was last found or ended, of the same custodian, and that has
/// something new to say. A run over the same inputs opens nothing twice.
fn check_found_again(
    state: &State,
    before: &Break,
    found_by: &Reconciliation,
    amount: &str,
) -> Result<(), Rejection> {
    let found_or_ended = before.timeline.iter().rev().find(|event| match event.step {
        BreakStep::Opened { .. } | BreakStep::Ended(_) | BreakStep::Reinstated { .. } => true,
        BreakStep::Assigned { .. } | BreakStep::Explained(_) => false,
    });
    let later = found_or_ended.is_none_or(|event| event.seq < found_by.changed_seq);
    let same_custodian = state.compared_custodian(found_by) == state.break_custodian(before);
    let news = before.end.is_some() || before.amount != amount;
    if later && same_custodian && news {
        Ok(())
    } else {
        Err(Rejection::IdTaken { id: before.id.to_string() })
    }
}

/// The break in the reconciliation's result; none if the result is in another form than ours.
fn result_line<'a>(entry: &Entry<'a>, open: &BreakOpen) -> Result<Option<&'a ResultLine>, Rejection> {
    let content = &entry.documents.content;
    if let Content::Result(lines) = content {
        let line = lines.iter().find(|line| line.id == open.id.as_str());
        return line.map(Some).ok_or_else(|| Rejection::EvidenceMismatch {
            expected: "a break of the reconciliation's result".to_owned(),
            got: open.id.to_string(),
        });
    }
    if let Content::Unreadable(_) = content {
        return Ok(None);
    }
    Err(Rejection::UnknownReference {
        pointer: "/body/reconciliation".to_owned(),
        what: "its result is not at hand yet: wait until it is published".to_owned(),
    })
}

fn check_line(line: &ResultLine, amount: &str) -> Result<BreakPlace, Rejection> {
    if line.amount == amount {
        return Ok(line.place.clone());
    }
    Err(Rejection::EvidenceMismatch { expected: line.amount.clone(), got: amount.to_owned() })
}

fn event(entry: &Entry, step: BreakStep) -> BreakEvent {
    BreakEvent {
        seq: entry.seq,
        recorded_at: entry.recorded_at,
        author: entry.command.author.clone(),
        type_name: entry.command.body.type_name().to_owned(),
        command_id: entry.command_id,
        step,
    }
}

/// The break as it is after one more step.
fn stepped(entry: &Entry, found: &Break, step: BreakStep) -> Break {
    let mut next = Break { changed_seq: entry.seq, ..found.clone() };
    next.timeline.push(event(entry, step));
    next
}

/// The break, for the operator or the custodian whose statements it comes from. Another's looks like
/// what is not there.
fn own<'a>(state: &'a State, entry: &Entry, id: &BreakId) -> Result<&'a Arc<Break>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let found = state.need_break(id, "/body/break")?;
    if author.role == Role::Custodian && state.break_custodian(found) != Some(&author.id) {
        return Err(Rejection::UnknownReference {
            pointer: "/body/break".to_owned(),
            what: format!("no break {id}"),
        });
    }
    Ok(found)
}

fn check_not_ended(found: &Break, entry: &Entry) -> Result<(), Rejection> {
    if found.end.is_none() {
        return Ok(());
    }
    Err(Rejection::WrongState {
        state: found.state_at(entry.recorded_at).to_string(),
        fits: "break.open, if a later reconciliation finds it again".to_owned(),
    })
}

/// To the operator, or to the custodian whose statements it comes from.
pub(super) fn assign(state: &State, entry: &Entry, assign: &BreakAssign) -> Result<Vec<Change>, Rejection> {
    let found = own(state, entry, &assign.id)?;
    let to = state.need_party(&assign.to, "/body/to")?;
    if to.role != Role::Operator && state.break_custodian(found) != Some(&to.id) {
        return Err(Rejection::UnknownReference {
            pointer: "/body/to".to_owned(),
            what: format!("{} is neither the operator nor the custodian concerned", to.id),
        });
    }
    check_not_ended(found, entry)?;
    let mut next = stepped(entry, found, BreakStep::Assigned { to: to.id.clone() });
    next.owner = Some(to.id.clone());
    Ok(vec![Change::Break(Arc::new(next))])
}

/// By whoever may; what nobody answers for is not explained.
pub(super) fn explain(
    state: &State,
    entry: &Entry,
    explain: &BreakExplain,
) -> Result<Vec<Change>, Rejection> {
    let found = own(state, entry, &explain.id)?;
    check_not_ended(found, entry)?;
    if found.owner.is_none() {
        let state = found.state_at(entry.recorded_at).to_string();
        return Err(Rejection::WrongState { state, fits: "break.assign, break.resolve".to_owned() });
    }
    if let Some(until) = explain.expected_by.filter(|by| *by < entry.recorded_at) {
        return Err(Rejection::TooLate { until });
    }
    let reason = BreakReason::parse(&explain.reason).ok_or_else(|| Rejection::ReasonUnknown {
        known: BreakReason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", "),
    })?;
    let explanation = Explanation { reason, expected_by: explain.expected_by };
    let mut next = stepped(entry, found, BreakStep::Explained(explanation.clone()));
    next.explanation = Some(explanation);
    Ok(vec![Change::Break(Arc::new(next))])
}

/// Whatever its stage: a later run that no longer shows it needs no explanation of why it did.
pub(super) fn resolve(
    state: &State,
    entry: &Entry,
    resolve: &BreakResolve,
) -> Result<Vec<Change>, Rejection> {
    let found = own(state, entry, &resolve.id)?;
    check_not_ended(found, entry)?;
    Ok(ended(entry, found, BreakEnd::Resolved { evidence: resolve.evidence }))
}

fn ended(entry: &Entry, found: &Break, end: BreakEnd) -> Vec<Change> {
    let mut next = stepped(entry, found, BreakStep::Ended(end.clone()));
    next.end = Some(end);
    vec![Change::Break(Arc::new(next))]
}

/// Only what is explained, by an explanation that counts now, is written off.
pub(super) fn write_off(
    state: &State,
    entry: &Entry,
    write_off: &BreakWriteOff,
) -> Result<Vec<Change>, Rejection> {
    let found = own(state, entry, &write_off.id)?;
    let movement = seen_movement(state, entry, &write_off.movement)?;
    check_not_ended(found, entry)?;
    let stage = found.state_at(entry.recorded_at);
    if stage != BreakState::Explained {
        let fits = "break.explain, break.resolve".to_owned();
        return Err(Rejection::WrongState { state: stage.to_string(), fits });
    }
    check_adjusts_once(state, movement)?;
    let place = found.place.as_ref().ok_or(Rejection::EvidenceMissing {
        needed: "a result of a reconciliation that says where the break is: record one, open it again",
    })?;
    let other = movement.postings.iter().find(|posting| posting.asset.as_str() != place.asset);
    if let Some(other) = other {
        let (account, holds) = (other.from.clone(), other.asset.clone());
        return Err(Rejection::AssetMismatch { account, holds });
    }
    if movement.instructed_seq < found.opened_seq {
        return Err(Rejection::EvidenceMismatch {
            expected: format!("a movement instructed after record {}", found.opened_seq),
            got: movement.instructed_seq.to_string(),
        });
    }
    let moved = adjusted(state, found, movement)?;
    let decimals = movement.postings.first().and_then(|posting| state.asset(&posting.asset));
    let moved = print_scaled(&moved, decimals.map_or(0, |asset| asset.decimals).into());
    if moved != found.amount {
        return Err(Rejection::AmountsDoNotSum { expected: found.amount.clone(), got: moved });
    }
    Ok(ended(entry, found, BreakEnd::WrittenOff { movement: movement.id.clone() }))
}

/// The movement, if the author may see it: a custodian sees those of accounts that it keeps.
fn seen_movement<'a>(
    state: &'a State,
    entry: &Entry,
    id: &MovementId,
) -> Result<&'a Arc<Movement>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let movement = state.need_movement(id, "/body/movement")?;
    let kept = |id: &AccountId| state.account(id).is_some_and(|account| account.custodian == author.id);
    let keeps = movement.postings.iter().any(|posting| kept(&posting.from) || kept(&posting.to));
    if author.role == Role::Operator || keeps {
        return Ok(movement);
    }
    Err(Rejection::UnknownReference {
        pointer: "/body/movement".to_owned(),
        what: format!("no movement {id}"),
    })
}

/// It has settled, it stands, and no other break was written off by it.
fn check_adjusts_once(state: &State, movement: &Movement) -> Result<(), Rejection> {
    let wrong = |state: String, fits: &str| Err(Rejection::WrongState { state, fits: fits.to_owned() });
    match movement.status {
        MovementStatus::Pending => return wrong(movement.status.to_string(), "movement.settle first"),
        MovementStatus::Voided | MovementStatus::Expired => {
            return wrong(movement.status.to_string(), "break.write_off with a movement that settled");
        }
        MovementStatus::Settled => {}
    }
    if let Some(by) = &movement.reversed_by {
        return wrong(format!("reversed by {by}"), "break.write_off with a movement that stands");
    }
    match written_off_by(state, &movement.id) {
        None => Ok(()),
        Some(other) => wrong(
            format!("break {} was written off by it", other.id),
            "break.write_off with its own movement",
        ),
    }
}

fn written_off_by<'a>(state: &'a State, movement: &MovementId) -> Option<&'a Arc<Break>> {
    let end = BreakEnd::WrittenOff { movement: movement.clone() };
    state.breaks().find(|found| found.end.as_ref() == Some(&end))
}

/// What the movement moves into the break's accounts, less what it moves out of them, in smallest
/// units: statement less ledger, if it mends the break.
fn adjusted(state: &State, found: &Break, movement: &Movement) -> Result<BigInt, Rejection> {
    let in_break: Vec<&AccountId> = state.break_accounts(found).map(|account| &account.id).collect();
    let adjusting = |id: &AccountId| state.account(id).filter(|account| is_adjusting(state, account));
    let mut sum = BigInt::ZERO;
    let mut against: Option<&AccountId> = None;
    for Posting { from, to, units, .. } in &movement.postings {
        let (into, other) = (in_break.contains(&to), if in_break.contains(&to) { from } else { to });
        let ends = [from, to].into_iter().filter(|id| in_break.contains(id)).count();
        if ends != 1 || adjusting(other).is_none() || against.is_some_and(|account| account != other) {
            return Err(not_adjusting(format!("{from} to {to}")));
        }
        against = Some(other);
        if into { sum += BigInt::from(*units) } else { sum -= BigInt::from(*units) }
    }
    // A batch keeps no postings, so nothing shows what it moved.
    against.map(|_| sum).ok_or_else(|| not_adjusting("a batch".to_owned()))
}

/// An adjusting account is the operator's own, of the book `reserved`.
fn is_adjusting(state: &State, account: &Account) -> bool {
    let operator = state.opened().map(|opened| &opened.operator);
    account.book == Book::Reserved && Some(&account.owner) == operator
}

fn not_adjusting(got: String) -> Rejection {
    Rejection::EvidenceMismatch {
        expected: "postings between the break's account and one account of the operator's, book `reserved`"
            .to_owned(),
        got,
    }
}

/// What had been written off by a movement that is reversed stands again, as it did before.
pub(super) fn reinstated(
    state: &State,
    entry: &Entry,
    undone: &MovementId,
    by: &MovementId,
) -> Option<Change> {
    let found = written_off_by(state, undone)?;
    let mut next = stepped(entry, found, BreakStep::Reinstated { by: by.clone() });
    next.end = None;
    Some(Change::Break(Arc::new(next)))
}
