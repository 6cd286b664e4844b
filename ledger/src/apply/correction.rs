//! Corrections: what was settled is never edited, it is undone by a new movement or moved to another
//! customer-property class by a command that names both.

use std::sync::Arc;

use super::breaker::{self, Timing};
use super::overrides::Waivers;
use super::postings::{
    Classes, Working, check_accounts, check_custodians, check_not_suspended, check_open, resolve,
};
use super::{Entry, all_or_first, breaks, check_free, collateral, movement};
use crate::account::Book;
use crate::command::{MovementReclassify, MovementReverse};
use crate::movement::{Movement, MovementStatus, Posting};
use crate::rejection::Rejection;
use crate::state::{Change, State};

/// A movement that undoes another, posting by posting.
///
/// What came in through `external` may go out again by it; what went out cannot come back by the
/// operator's word: that is a deposit, with the custodian's evidence.
pub(super) fn reverse(
    state: &State,
    entry: &Entry,
    reverse: &MovementReverse,
) -> Result<Vec<Change>, Rejection> {
    let undone = state.need_movement(&reverse.reverses, "/body/reverses")?;
    check_free(state, "movement", reverse.movement.as_str())?;
    check_reversible(undone)?;
    let postings: Vec<_> = undone
        .postings
        .iter()
        .filter(|posting| posting.settled > 0)
        .map(|posting| {
            let Posting { from, to, asset, settled, .. } = posting.clone();
            Posting { from: to, to: from, asset, units: settled, settled: 0 }
        })
        .collect();
    all_or_first(postings.iter().flat_map(|posting| {
        let open = |id| check_open(state.need_account(id, "/body/reverses")?);
        let asset = state.need_asset(&posting.asset, "/body/reverses");
        [open(&posting.from), open(&posting.to), asset.and_then(|asset| check_not_suspended(asset))]
    }))?;
    let mut working = Working::new(state, entry.seq);
    for posting in &postings {
        working.shift(posting)?;
    }
    let mut waivers = Waivers::new(state, entry);
    collateral::guard_release(&working.after(), entry, &postings, &mut waivers)?;
    check_no_credit(state, &postings)?;
    breaker::guard(state, entry, &postings, Timing::AtOnce, &mut waivers)?;
    let mut reversal = movement::pending(state, entry, reverse.movement.clone(), postings, None);
    reversal.reverses = Some(undone.id.clone());
    reversal.reason = Some(reverse.reason.clone());
    movement::settle_whole(&mut reversal);
    let reinstated = breaks::reinstated(state, entry, &undone.id, &reverse.movement);
    let undone = Movement {
        reversed_by: Some(reverse.movement.clone()),
        changed_seq: entry.seq,
        ..Movement::clone(undone)
    };
    let mut changes = working.into_changes();
    changes.extend([Change::Movement(Arc::new(undone)), Change::Movement(Arc::new(reversal))]);
    changes.extend(waivers.into_changes());
    changes.extend(reinstated);
    Ok(changes)
}

fn check_reversible(undone: &Movement) -> Result<(), Rejection> {
    let wrong = |state: String, fits: &str| Err(Rejection::WrongState { state, fits: fits.to_owned() });
    if let Some(by) = &undone.reversed_by {
        return wrong(format!("reversed by {by}"), "nothing: reverse the reversal, if need be");
    }
    match undone.status {
        MovementStatus::Settled if undone.batch.is_some() => {
            wrong("a batch".to_owned(), "movement.batch with the postings that undo it")
        }
        MovementStatus::Settled => Ok(()),
        // What had settled before the rest was given up has moved.
        MovementStatus::Voided | MovementStatus::Expired
            if undone.postings.iter().any(|posting| posting.settled > 0) =>
        {
            Ok(())
        }
        MovementStatus::Pending => wrong(undone.status.to_string(), "movement.void, movement.settle"),
        MovementStatus::Voided | MovementStatus::Expired => {
            wrong(undone.status.to_string(), "nothing: none of it had settled")
        }
    }
}

/// Nothing is credited out of `external` but by the custodian's settlement.
fn check_no_credit(state: &State, postings: &[Posting]) -> Result<(), Rejection> {
    let external = |posting: &&Posting| {
        state.account(&posting.from).is_some_and(|account| account.book == Book::External)
    };
    match postings.iter().find(external) {
        None => Ok(()),
        Some(_) => Err(Rejection::EvidenceMissing {
            needed: "the custodian's evidence: what came back is a deposit, two_phase, that it settles",
        }),
    }
}

/// Between two accounts of one owner at one custodian, in the same book, of the classes it names.
pub(super) fn reclassify(
    state: &State,
    entry: &Entry,
    reclassify: &MovementReclassify,
) -> Result<Vec<Change>, Rejection> {
    check_accounts(state, &reclassify.postings)?;
    check_free(state, "movement", reclassify.movement.as_str())?;
    let classes = Classes::Named(reclassify.from_class, reclassify.to_class);
    let postings = resolve(state, &reclassify.postings, classes)?;
    let mut working = Working::new(state, entry.seq);
    for posting in &postings {
        working.shift(posting)?;
    }
    let mut waivers = Waivers::new(state, entry);
    collateral::guard_release(&working.after(), entry, &postings, &mut waivers)?;
    check_custodians(state, &postings)?;
    for posting in &postings {
        let from = state.need_account(&posting.from, "/body/postings")?;
        let to = state.need_account(&posting.to, "/body/postings")?;
        if from.owner != to.owner || from.book != to.book || from.book == Book::External {
            return Err(Rejection::EvidenceMismatch {
                expected: "accounts of one owner in one book, not external".to_owned(),
                got: format!("{} {} to {} {}", from.owner, from.book, to.owner, to.book),
            });
        }
    }
    breaker::guard(state, entry, &postings, Timing::AtOnce, &mut waivers)?;
    let mut moved = movement::pending(state, entry, reclassify.movement.clone(), postings, None);
    moved.reason = Some(format!("{} ({})", reclassify.reason, reclassify.basis));
    movement::settle_whole(&mut moved);
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(moved)));
    changes.extend(waivers.into_changes());
    Ok(changes)
}
