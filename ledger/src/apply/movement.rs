//! Movements: immediate, or pending until the custodian settles them.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::address::check_destination;
use super::breaker::{self, Timing};
use super::facts::outflows;
use super::overrides::Waivers;
use super::postings::{Classes, Working, check_accounts, check_custodians, resolve};
use super::{Entry, all_or_first, check_free, collateral, earlier, told};
use crate::account::{Account, Book};
use crate::amount::print_units;
use crate::command::{
    MovementInstruct, MovementMode, MovementSettle, MovementVoid, PostingText, QuantityText,
};
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::id::CallId;
use crate::movement::{Movement, MovementStatus, MovementStep, Posting};
use crate::party::{Party, Role};
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn instruct(
    state: &State,
    entry: &Entry,
    instruct: &MovementInstruct,
) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    check_accounts(state, &instruct.postings)?;
    if author.role == Role::Client {
        for (place, text) in instruct.postings.iter().enumerate() {
            check_visible(state, author, text, place)?;
        }
    }
    if let Some(call) = &instruct.call {
        let call = state.need_call(call, "/body/call")?;
        if author.role == Role::Client && ![&call.secured, &call.pledgor].contains(&&author.id) {
            // Another's looks like what is not there.
            return Err(Rejection::UnknownReference {
                pointer: "/body/call".to_owned(),
                what: format!("no call {}", call.id),
            });
        }
    }
    if author.role == Role::Client {
        instruct.postings.iter().try_for_each(|text| check_own(state, author, text))?;
    }
    check_free(state, "movement", instruct.movement.as_str())?;
    if let Some(expires) = instruct.expires.filter(|expires| *expires <= entry.recorded_at) {
        return Err(Rejection::TooLate { until: expires });
    }
    let postings = resolve(state, &instruct.postings, Classes::Same)?;
    let mut movement = pending(state, entry, instruct.movement.clone(), postings, instruct.call.clone());
    movement.expires = instruct.expires;

    let mut working = Working::new(state, entry.seq);
    for posting in &movement.postings {
        match instruct.mode {
            MovementMode::Immediate => working.shift(posting)?,
            MovementMode::TwoPhase => working.reserve(posting)?,
        }
    }
    let mut waivers = Waivers::new(state, entry);
    collateral::guard_release(&working, entry, &movement.postings, &mut waivers)?;
    check_custodians(state, &movement.postings)?;
    let timing = match instruct.mode {
        MovementMode::Immediate => {
            check_inside(state, &movement.postings)?;
            Timing::AtOnce
        }
        MovementMode::TwoPhase => Timing::Pending,
    };
    movement.holds = breaker::guard(state, entry, &movement.postings, timing, &mut waivers)?;
    if timing == Timing::AtOnce {
        settle_whole(&mut movement);
    }
    if let Some(destination) = &instruct.destination {
        movement.destination = Some(check_destination(state, entry, destination, &movement.postings)?);
    }
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(movement)));
    changes.extend(waivers.into_changes());
    Ok(changes)
}

/// A movement as it is instructed.
pub(super) fn pending(
    state: &State,
    entry: &Entry,
    id: crate::id::MovementId,
    postings: Vec<Posting>,
    call: Option<CallId>,
) -> Movement {
    let step = MovementStep {
        seq: entry.seq,
        status: MovementStatus::Pending,
        amounts: postings.iter().map(|posting| posting.units).collect(),
        effective_at: entry.command.effective_at,
    };
    Movement {
        id,
        author: entry.command.author.clone(),
        status: MovementStatus::Pending,
        outflows: outflows(state, &postings),
        steps: smallvec![step],
        postings: postings.into_iter().collect(),
        batch: None,
        expires: None,
        call,
        destination: None,
        holds: Vec::new(),
        effective_at: entry.command.effective_at,
        evidence: None,
        reason: None,
        reverses: None,
        reversed_by: None,
        instructed_seq: entry.seq,
        instructed_at: entry.recorded_at,
        changed_seq: entry.seq,
    }
}

/// What is not the author's looks like what is not there.
fn check_visible(state: &State, author: &Party, text: &PostingText, place: usize) -> Result<(), Rejection> {
    let pointer = format!("/body/postings/{place}/from");
    let from = state.need_account(&text.from, &pointer)?;
    if from.owner == author.id || from.book == Book::External {
        return Ok(());
    }
    Err(Rejection::UnknownReference { pointer, what: format!("no account {}", from.id) })
}

/// A client moves out of its own `available`, or announces a deposit into it.
fn check_own(state: &State, author: &Party, text: &PostingText) -> Result<(), Rejection> {
    let from = state.need_account(&text.from, "")?;
    let to = state.need_account(&text.to, "")?;
    let own = |account: &Account| account.owner == author.id && account.book == Book::Available;
    if own(from) || (from.book == Book::External && own(to)) {
        Ok(())
    } else {
        Err(Rejection::NotAuthorised { who_may: "the operator, or the client whose `available` it is" })
    }
}

/// What crosses the custodian's border does so by its evidence alone.
pub(super) fn check_inside(state: &State, postings: &[Posting]) -> Result<(), Rejection> {
    let external = |id| state.account(id).is_some_and(|account| account.book == Book::External);
    let crosses = postings.iter().any(|posting| external(&posting.from) || external(&posting.to));
    if crosses && !is_planted(Fault::CreditedWithoutEvidence) {
        let needed = "the custodian's evidence: instruct it as two_phase, the custodian settles it";
        return Err(Rejection::EvidenceMissing { needed });
    }
    Ok(())
}

pub(super) fn settle(
    state: &State,
    entry: &Entry,
    settle: &MovementSettle,
) -> Result<Vec<Change>, Rejection> {
    let movement = state.need_movement(&settle.movement, "/body/movement")?;
    let author = state.need_party(&entry.command.author, "/author")?;
    if author.role != Role::Operator {
        check_keeper(state, entry, movement)?;
    }
    check_pending(movement, "movement.settle, movement.void")?;
    check_no_transfer(state, movement)?;
    let parts = match &settle.amounts {
        None => movement.postings.iter().map(Posting::remaining).collect(),
        Some(amounts) => parts(state, movement, amounts)?,
    };
    let changes = settled(state, entry, movement, &parts, settle.evidence);
    let by_operator = author.role == Role::Operator;
    let stated = if by_operator { check_statement(state, movement, settle.evidence) } else { Ok(()) };
    match (changes, stated) {
        (Err(one), Err(other)) => Err(earlier(one, other)),
        (changes, stated) => stated.and(changes),
    }
}

/// How much of each posting settles now: at most what remains, and not nothing of all.
fn parts(state: &State, movement: &Movement, amounts: &[QuantityText]) -> Result<Vec<u128>, Rejection> {
    let postings = &movement.postings;
    let one_each = if amounts.len() == postings.len() {
        Ok(())
    } else {
        Err(Rejection::AmountOutOfRange {
            expected: format!("{} amounts, one for each posting", postings.len()),
            got: amounts.len().to_string(),
        })
    };
    let part = |(place, (posting, amount)): (usize, (&Posting, &QuantityText))| {
        let decimals = state.need_asset(&posting.asset, "")?.decimals;
        let pointer = format!("/body/amounts/{place}");
        let part = amount.units(decimals).map_err(|error| Rejection::of_amount(error, &pointer, decimals))?;
        if part > posting.remaining() && !is_planted(Fault::SettledBeyondPending) {
            return Err(Rejection::AmountOutOfRange {
                expected: format!("at most {}", print_units(posting.remaining(), decimals)),
                got: amount.as_str().to_owned(),
            });
        }
        Ok(part)
    };
    let parts: Vec<_> = postings.iter().zip(amounts).enumerate().map(part).collect();
    let moves = if parts.iter().all(|part| *part == Ok(0)) {
        Err(Rejection::AmountZero { pointer: "/body/amounts".to_owned() })
    } else {
        Ok(())
    };
    all_or_first(parts.iter().map(told).chain([moves, one_each]))?;
    all_or_first(parts)
}

/// The accounts and the movement once parts of it have settled.
pub(super) fn settled(
    state: &State,
    entry: &Entry,
    movement: &Movement,
    parts: &[u128],
    evidence: Digest,
) -> Result<Vec<Change>, Rejection> {
    let pairs = movement.postings.iter().zip(parts).filter(|(_, part)| **part > 0);
    let moved: Vec<_> = pairs.map(|(posting, part)| posting.part(*part)).collect();
    let mut waivers = Waivers::new(state, entry);
    breaker::check_holds(state, movement, &moved, &mut waivers)?;
    let mut movement = Movement { evidence: Some(evidence), changed_seq: entry.seq, ..movement.clone() };
    let mut working = Working::new(state, entry.seq);
    for (posting, part) in movement.postings.iter_mut().zip(parts).filter(|(_, part)| **part > 0) {
        let moved = posting.part(*part);
        working.unreserve(&moved);
        working.shift(&moved)?;
        posting.settled += part;
    }
    movement.steps.push(MovementStep {
        seq: entry.seq,
        status: MovementStatus::Settled,
        amounts: SmallVec::from_slice(parts),
        effective_at: entry.command.effective_at,
    });
    if movement.postings.iter().all(|posting| posting.remaining() == 0) {
        movement.status = MovementStatus::Settled;
    }
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(movement)));
    changes.extend(waivers.into_changes());
    Ok(changes)
}

/// A movement that takes effect at once.
pub(super) fn settle_whole(movement: &mut Movement) {
    movement.status = MovementStatus::Settled;
    for step in &mut movement.steps {
        step.status = MovementStatus::Settled;
    }
    for posting in &mut movement.postings {
        posting.settled = posting.units;
    }
}

/// The accounts and the movement once it is given up.
pub(super) fn given_up(
    state: &State,
    movement: &Movement,
    seq: u64,
    status: MovementStatus,
    reason: Option<String>,
) -> Vec<Change> {
    let mut working = Working::new(state, seq);
    for posting in movement.postings.iter().filter(|posting| posting.remaining() > 0) {
        if !is_planted(Fault::ReservationKept) {
            working.unreserve(&posting.part(posting.remaining()));
        }
    }
    let mut given_up = Movement { status, reason, changed_seq: seq, ..movement.clone() };
    let amounts = movement.postings.iter().map(Posting::remaining).collect();
    given_up.steps.push(MovementStep { seq, status, amounts, effective_at: None });
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(given_up)));
    changes
}

/// What a movement's time alone changes.
pub(super) fn expire(state: &State, movement: &Movement, seq: u64) -> Vec<Change> {
    given_up(state, movement, seq, MovementStatus::Expired, None)
}

/// By who instructed it, or the operator.
pub(super) fn void(state: &State, entry: &Entry, void: &MovementVoid) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let movement = state.need_movement(&void.movement, "/body/movement")?;
    if author.role != Role::Operator && movement.author != author.id {
        let own = |id| state.account(id).is_some_and(|account| account.owner == author.id);
        if !movement.postings.iter().any(|posting| own(&posting.from) || own(&posting.to)) {
            // Another's looks like what is not there.
            return Err(Rejection::UnknownReference {
                pointer: "/body/movement".to_owned(),
                what: format!("no movement {}", movement.id),
            });
        }
        return Err(Rejection::NotAuthorised { who_may: "the operator or who instructed it" });
    }
    check_pending(movement, "movement.settle, movement.void")?;
    check_no_transfer(state, movement)?;
    Ok(given_up(state, movement, entry.seq, MovementStatus::Voided, Some(void.reason.clone())))
}

/// A call's own movement ends with its call.
fn check_no_transfer(state: &State, movement: &Movement) -> Result<(), Rejection> {
    let call = movement.call.as_ref().and_then(|call| state.call(call));
    if call.is_some_and(|call| call.movement.as_ref() == Some(&movement.id)) {
        return Err(Rejection::WrongState {
            state: "the transfer of a call".to_owned(),
            fits: "transfer.settle, transfer.fail".to_owned(),
        });
    }
    Ok(())
}

/// Only the custodian of every account it touches settles or fails a movement.
pub(super) fn check_keeper(state: &State, entry: &Entry, movement: &Movement) -> Result<(), Rejection> {
    let keeps = |custodian: &crate::id::PartyId| {
        *custodian == entry.command.author || is_planted(Fault::ForeignCustodian)
    };
    if custodians(state, movement).all(keeps) {
        Ok(())
    } else {
        Err(Rejection::NotAuthorised { who_may: "the custodian that keeps the accounts" })
    }
}

/// The operator settles with a statement of the custodian.
fn check_statement(state: &State, movement: &Movement, evidence: Digest) -> Result<(), Rejection> {
    if custodians(state, movement).all(|one| state.statement_in_force(&evidence, one).is_some()) {
        return Ok(());
    }
    let needed = "a recorded statement of the custodian that keeps the accounts, not superseded";
    Err(Rejection::EvidenceMissing { needed })
}

fn custodians<'a>(state: &'a State, movement: &'a Movement) -> impl Iterator<Item = &'a crate::id::PartyId> {
    let accounts = movement.postings.iter().flat_map(|posting| [&posting.from, &posting.to]);
    accounts.filter_map(|id| state.account(id)).map(|account| &account.custodian)
}

pub(super) fn check_pending(movement: &Movement, fits: &str) -> Result<(), Rejection> {
    match movement.status {
        MovementStatus::Pending => Ok(()),
        status @ (MovementStatus::Settled | MovementStatus::Voided | MovementStatus::Expired) => {
            Err(Rejection::WrongState {
                state: status.to_string(),
                fits: format!("nothing ({fits} fit pending)"),
            })
        }
    }
}
