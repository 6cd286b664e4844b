//! What carries a call over: the pledge that reserves items, and the movement that delivers them.

use std::sync::Arc;

use super::value;
use crate::account::{Account, Book};
use crate::apply::breaker::{self, Timing};
use crate::apply::overrides::Waivers;
use crate::apply::postings::{Classes, Working, check_custodians, check_not_suspended, check_open, resolve};
use crate::apply::{Entry, all_or_first, collateral, movement, told};
use crate::call::{CallLeg, CallState};
use crate::call_record::{CallRecord, ReservedItem};
use crate::command::{PledgedItem, PostingText};
use crate::digest::Digest;
use crate::id::MovementId;
use crate::movement::{Movement, MovementStatus, Posting};
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::valuation::{Item, Side, Value};

/// What is pledged, the accounts in which it is reserved, and what it is worth.
pub(super) struct Reserved {
    items: Vec<ReservedItem>,
    accounts: Vec<Change>,
    worth: Value,
}

/// Reserves and values what will be delivered or returned.
///
/// # Errors
/// The earliest of all items' refusals: which item it is in does not decide.
pub(super) fn reserve(
    state: &State,
    entry: &Entry,
    record: &CallRecord,
    items: &[PledgedItem],
) -> Result<Reserved, Rejection> {
    let mut read = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let account = state.need_account(&item.from, format_args!("/body/items/{place}/from"))?;
        read.push(reserve_text(state, place, item, account));
    }
    let items = all_or_first(read)?;
    let mut working = Working::new(state, entry.seq);
    let held = items.iter().try_for_each(|item| working.hold(item));
    let worth = worth(state, entry, record, &items);
    all_or_first([held, told(&worth)])?;
    Ok(Reserved { items, accounts: working.into_changes(), worth: worth? })
}

/// Names what is reserved as what meets the call.
///
/// The value that the pledgor signs may not be more than what the ledger makes of the items now.
pub(super) fn pledge(
    entry: &Entry,
    record: &mut CallRecord,
    reserved: Reserved,
    claimed: rust_decimal::Decimal,
) -> Result<Vec<Change>, Rejection> {
    let claimed = value(claimed);
    if claimed > reserved.worth {
        return Err(insufficient(&reserved.worth, &claimed));
    }
    record.items = reserved.items;
    record.pledge = Some(entry.command_id);
    Ok(reserved.accounts)
}

/// Items come out of accounts of the pledgor, in the book that the leg takes from.
pub(super) fn check_sources(
    state: &State,
    record: &CallRecord,
    items: &[PledgedItem],
) -> Result<(), Rejection> {
    let book = source_book(record);
    for (place, item) in items.iter().enumerate() {
        let pointer = format!("/body/items/{place}/from");
        let account = state.need_account(&item.from, &pointer)?;
        if account.owner != record.pledgor || account.book != book {
            let what = format!("no {book} account {} of {}", item.from, record.pledgor);
            return Err(Rejection::UnknownReference { pointer, what });
        }
        state.need_asset(&item.asset, format_args!("/body/items/{place}/asset"))?;
    }
    Ok(())
}

/// Transfers go into accounts of the pledgor, in the book that the leg brings to.
pub(super) fn check_targets(
    state: &State,
    record: &CallRecord,
    postings: &[PostingText],
) -> Result<(), Rejection> {
    let target = match record.call.terms().leg {
        CallLeg::Delivery => Book::Posted,
        CallLeg::Return => Book::Available,
    };
    for (place, posting) in postings.iter().enumerate() {
        let pointer = format!("/body/postings/{place}/to");
        let to = state.need_account(&posting.to, &pointer)?;
        if to.owner != record.pledgor || to.book != target {
            let what = format!("no {target} account {} of {}", posting.to, record.pledgor);
            return Err(Rejection::UnknownReference { pointer, what });
        }
    }
    Ok(())
}

/// Deliveries come out of `available`, returns out of `posted`.
fn source_book(record: &CallRecord) -> Book {
    match record.call.terms().leg {
        CallLeg::Delivery => Book::Available,
        CallLeg::Return => Book::Posted,
    }
}

fn reserve_text(
    state: &State,
    place: usize,
    item: &PledgedItem,
    account: &Account,
) -> Result<ReservedItem, Rejection> {
    let asset = state.need_asset(&item.asset, "/body/items")?;
    check_open(account)?;
    check_not_suspended(asset)?;
    if account.asset != item.asset {
        return Err(Rejection::AssetMismatch { account: account.id.clone(), holds: account.asset.clone() });
    }
    let pointer = format!("/body/items/{place}/amount");
    let units = item.amount.units(asset.decimals);
    let units = units.map_err(|error| Rejection::of_amount(error, &pointer, asset.decimals))?;
    if units == 0 {
        return Err(Rejection::AmountZero { pointer });
    }
    Ok(ReservedItem { from: item.from.clone(), asset: item.asset.clone(), units })
}

/// What the items would count under the call's own version, on top of nothing else.
fn worth(
    state: &State,
    entry: &Entry,
    record: &CallRecord,
    reserved: &[ReservedItem],
) -> Result<Value, Rejection> {
    let agreement = state.need_agreement(&record.agreement, "/body/call")?;
    let side = agreement.side_of(&record.pledgor).unwrap_or(Side::B);
    let version = agreement.versions.iter().find(|version| version.version == record.version);
    let Some(version) = version else { return Ok(Value::zero()) };
    let terms = version.signed.terms();
    let items: Vec<_> = reserved
        .iter()
        .enumerate()
        .filter_map(|(place, reserved)| {
            let account = state.account(&reserved.from)?;
            let item = collateral::item(state, account, reserved.units, side);
            Some(Item { id: format!("{place}"), ..item })
        })
        .collect();
    let market = collateral::market(state, terms, entry.recorded_at);
    let appraisals = crate::valuation::value_items(terms.schedule(), terms.groups(), &market, &items);
    let appraisals = appraisals.map_err(|errors| collateral::of_valuations(state, &errors))?;
    Ok(appraisals.iter().map(|appraisal| &appraisal.value).sum())
}

/// Frees what was reserved for the call.
pub(super) fn free_items(state: &State, entry: &Entry, record: &mut CallRecord) -> Vec<Change> {
    let mut working = Working::new(state, entry.seq);
    for item in &record.items {
        working.unhold(item);
    }
    record.items.clear();
    record.pledge = None;
    working.into_changes()
}

/// The pending movement: exactly what was pledged, to where it then belongs.
pub(super) fn instruct(
    state: &State,
    entry: &Entry,
    record: &mut CallRecord,
    id: &MovementId,
    texts: &[PostingText],
) -> Result<Vec<Change>, Rejection> {
    let postings = resolve(state, texts, Classes::Same)?;
    let pending = movement::pending(state, entry, id.clone(), postings, Some(record.id.clone()));
    let postings = &pending.postings;
    let mut working = Working::new(state, entry.seq);
    for item in &record.items {
        working.unhold(item);
    }
    for posting in postings {
        working.reserve(posting)?;
    }
    let mut waivers = Waivers::new(state, entry);
    collateral::guard_release(&working, entry, postings, &mut waivers)?;
    check_custodians(state, postings)?;
    check_same_items(state, record, postings)?;
    let holds = breaker::guard(state, entry, postings, Timing::Pending, &mut waivers)?;
    record.movement = Some(id.clone());
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(Movement { holds, ..pending })));
    changes.extend(waivers.into_changes());
    Ok(changes)
}

fn check_same_items(state: &State, record: &CallRecord, postings: &[Posting]) -> Result<(), Rejection> {
    let mut moved: Vec<_> = postings
        .iter()
        .map(|posting| ReservedItem {
            from: posting.from.clone(),
            asset: posting.asset.clone(),
            units: posting.units,
        })
        .collect();
    let mut pledged = record.items.clone();
    moved.sort();
    pledged.sort();
    if moved == pledged {
        return Ok(());
    }
    let print = |items: &[ReservedItem]| {
        let each = items.iter().map(|item| {
            let quantity = collateral::print_quantity(state, &item.asset, item.units);
            format!("{quantity} {} from {}", item.asset, item.from)
        });
        each.collect::<Vec<_>>().join(", ")
    };
    Err(Rejection::EvidenceMismatch { expected: print(&pledged), got: print(&moved) })
}

/// In this version a transfer settles whole.
pub(super) fn settle(
    state: &State,
    entry: &Entry,
    record: &CallRecord,
    id: &MovementId,
    evidence: Digest,
) -> Result<Vec<Change>, Rejection> {
    let pending = state.need_movement(id, "/body/movement")?;
    movement::check_keeper(state, entry, pending)?;
    movement::check_pending(pending, "transfer.settle, transfer.fail")?;
    if record.state() != CallState::Settled {
        return Err(Rejection::AmountOutOfRange {
            expected: format!("{}, the whole", record.amount()),
            got: record.call.settled().to_string(),
        });
    }
    let whole: Vec<_> = pending.postings.iter().map(Posting::remaining).collect();
    movement::settled(state, entry, pending, &whole, evidence)
}

pub(super) fn fail(
    state: &State,
    entry: &Entry,
    record: &mut CallRecord,
    id: &MovementId,
    reason: &str,
) -> Result<Vec<Change>, Rejection> {
    let pending = state.need_movement(id, "/body/movement")?;
    movement::check_keeper(state, entry, pending)?;
    movement::check_pending(pending, "transfer.settle, transfer.fail")?;
    record.items.clear();
    record.pledge = None;
    record.movement = None;
    Ok(movement::given_up(state, pending, entry.seq, MovementStatus::Voided, Some(reason.to_owned())))
}

pub(super) fn insufficient(value: &Value, needed: &Value) -> Rejection {
    Rejection::InsufficientValue {
        needed: collateral::decimal(needed).unwrap_or(rust_decimal::Decimal::MAX),
        value: value.to_string(),
    }
}
