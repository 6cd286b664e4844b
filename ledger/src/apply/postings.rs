//! Postings worked out on copies of the accounts they touch, all or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::all_or_first;
use crate::account::{Account, AccountStatus, Book, PropertyClass};
use crate::amount::print_units;
use crate::asset::Asset;
use crate::call_record::ReservedItem;
use crate::command::PostingText;
use crate::fault::{Fault, is_planted};
use crate::id::{AccountId, AssetId};
use crate::movement::Posting;
use crate::rejection::Rejection;
use crate::state::{Change, State};

/// Which property classes a posting may join.
#[derive(Clone, Copy)]
pub(super) enum Classes {
    /// The one it leaves.
    Same,
    /// Out of the first, into the second, as the command names them.
    Named(PropertyClass, PropertyClass),
}

/// Reads postings against the accounts they name: open, and holding the posting's asset.
pub(super) fn resolve(
    state: &State,
    texts: &[PostingText],
    classes: Classes,
) -> Result<Vec<Posting>, Rejection> {
    check_accounts(state, texts)?;
    all_or_first(texts.iter().enumerate().map(|(place, text)| resolve_one(state, place, text, classes)))
}

/// Everything that postings name is there.
pub(super) fn check_accounts(state: &State, texts: &[PostingText]) -> Result<(), Rejection> {
    for (place, text) in texts.iter().enumerate() {
        let at = |member: &str| format!("/body/postings/{place}/{member}");
        state.need_account(&text.from, &at("from"))?;
        state.need_account(&text.to, &at("to"))?;
        state.need_asset(&text.asset, &at("asset"))?;
    }
    Ok(())
}

fn resolve_one(
    state: &State,
    place: usize,
    text: &PostingText,
    classes: Classes,
) -> Result<Posting, Rejection> {
    let from = state.need_account(&text.from, "")?;
    let to = state.need_account(&text.to, "")?;
    let asset = state.need_asset(&text.asset, "")?;
    all_or_first([check_open(from), check_open(to), check_not_suspended(asset)])?;
    if let Some(other) = [from, to].into_iter().find(|account| account.asset != text.asset) {
        return Err(Rejection::AssetMismatch { account: other.id.clone(), holds: other.asset.clone() });
    }
    let fits = match classes {
        Classes::Same => from.class == to.class || is_planted(Fault::ClassIgnored),
        Classes::Named(out, into) => from.class == out && to.class == into && out != into,
    };
    if !fits {
        return Err(Rejection::ClassMismatch { from: from.class.as_str(), to: to.class.as_str() });
    }
    let pointer = format!("/body/postings/{place}/amount");
    let units = text
        .amount
        .units(asset.decimals)
        .map_err(|error| Rejection::of_amount(error, &pointer, asset.decimals))?;
    if units == 0 {
        return Err(Rejection::AmountZero { pointer });
    }
    Ok(Posting { from: from.id.clone(), to: to.id.clone(), asset: asset.id.clone(), units, settled: 0 })
}

/// An account that may be instructed.
pub(super) fn check_open(account: &Account) -> Result<(), Rejection> {
    let account_id = || account.id.clone();
    match account.status {
        AccountStatus::Open => Ok(()),
        AccountStatus::Frozen if is_planted(Fault::FrozenMoves) => Ok(()),
        AccountStatus::Frozen => Err(Rejection::AccountFrozen { account: account_id() }),
        AccountStatus::Closed => Err(Rejection::AccountClosed { account: account_id() }),
    }
}

/// An asset that may be instructed.
pub(super) fn check_not_suspended(asset: &Asset) -> Result<(), Rejection> {
    if asset.suspended { Err(Rejection::AssetSuspended { asset: asset.id.clone() }) } else { Ok(()) }
}

/// No posting jumps from one custodian to another: what leaves one and enters another crosses
/// `external` at both, each with its own evidence.
pub(super) fn check_custodians(state: &State, postings: &[Posting]) -> Result<(), Rejection> {
    let crosses = postings.iter().any(|posting| {
        let custodian = |id| state.account(id).map(|account| &account.custodian);
        custodian(&posting.from) != custodian(&posting.to)
    });
    if crosses {
        let needed = "the accounts are kept by different custodians: move out through `external` of one, \
                      in through `external` of the other";
        return Err(Rejection::EvidenceMissing { needed });
    }
    Ok(())
}

/// The accounts that postings touch, as they become.
pub(super) struct Working<'a> {
    state: &'a State,
    seq: u64,
    touched: BTreeMap<AccountId, Account>,
}

impl<'a> Working<'a> {
    pub(super) fn new(state: &'a State, seq: u64) -> Self {
        Self { state, seq, touched: BTreeMap::new() }
    }

    /// Reserves what goes out, announces what comes in.
    pub(super) fn reserve(&mut self, posting: &Posting) -> Result<(), Rejection> {
        if is_planted(Fault::ReservationSkipped) {
            return Ok(());
        }
        let from = self.account(&posting.from);
        let covered = from.available() >= posting.units || is_planted(Fault::Overdraft);
        if from.book != Book::External && !covered {
            return Err(self.short(posting));
        }
        from.pending_out = add(from.pending_out, posting.units, &posting.from)?;
        let to = self.account(&posting.to);
        to.pending_in = add(to.pending_in, posting.units, &posting.to)?;
        Ok(())
    }

    /// Undoes [`Working::reserve`].
    pub(super) fn unreserve(&mut self, posting: &Posting) {
        let from = self.account(&posting.from);
        from.pending_out = from.pending_out.checked_sub(posting.units).expect("what is pending was reserved");
        let to = self.account(&posting.to);
        to.pending_in = to.pending_in.checked_sub(posting.units).expect("what is pending was announced");
    }

    /// Moves what is free.
    pub(super) fn shift(&mut self, posting: &Posting) -> Result<(), Rejection> {
        if is_planted(Fault::AppliedTwice) {
            self.shift_once(posting)?;
        }
        self.shift_once(posting)
    }

    fn shift_once(&mut self, posting: &Posting) -> Result<(), Rejection> {
        let from = self.account(&posting.from);
        if from.book != Book::External && from.available() < posting.units {
            return Err(self.short(posting));
        }
        if from.book == Book::External {
            from.settled = add(from.settled, posting.units, &posting.from)?;
        } else {
            from.settled -= posting.units;
        }
        let to = self.account(&posting.to);
        if to.book == Book::External {
            // The custodian is said to hold less than goes out.
            let Some(rest) = to.settled.checked_sub(posting.units) else {
                let (id, held) = (to.id.clone(), to.settled);
                return Err(self.insufficient(&id, &posting.asset, posting.units, held));
            };
            self.account(&posting.to).settled = rest;
        } else {
            to.settled = add(to.settled, posting.units, &posting.to)?;
        }
        Ok(())
    }

    /// Reserves what is pledged, before it is known where it goes.
    pub(super) fn hold(&mut self, item: &ReservedItem) -> Result<(), Rejection> {
        let from = self.account(&item.from);
        let available = from.available();
        if available < item.units {
            return Err(self.insufficient(&item.from, &item.asset, item.units, available));
        }
        from.pending_out = add(from.pending_out, item.units, &item.from)?;
        Ok(())
    }

    /// Undoes [`Working::hold`].
    pub(super) fn unhold(&mut self, item: &ReservedItem) {
        let from = self.account(&item.from);
        from.pending_out = from.pending_out.checked_sub(item.units).expect("what is pledged was reserved");
    }

    /// The state with every touched account as it is now.
    pub(super) fn after(&self) -> State {
        let mut after = self.state.clone();
        for account in self.touched.values() {
            after.put(&Change::Account(Arc::new(account.clone())));
        }
        after
    }

    /// Every touched account, as it ends.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.touched.into_values().map(|account| Change::Account(Arc::new(account))).collect()
    }

    /// A copy of the account to work on.
    pub(super) fn account(&mut self, id: &AccountId) -> &mut Account {
        self.touched.entry(id.clone()).or_insert_with(|| {
            let account = self.state.account(id).expect("postings are resolved before they are worked out");
            Account { changed_seq: self.seq, ..Account::clone(account) }
        })
    }

    fn short(&mut self, posting: &Posting) -> Rejection {
        let available = self.account(&posting.from).available();
        self.insufficient(&posting.from, &posting.asset, posting.units, available)
    }

    fn insufficient(&self, account: &AccountId, asset: &AssetId, units: u128, available: u128) -> Rejection {
        let decimals = self.state.asset(asset).map_or(0, |asset| asset.decimals);
        Rejection::InsufficientAvailable {
            account: account.clone(),
            needed: print_units(units, decimals),
            available: print_units(available, decimals),
        }
    }
}

fn add(sum: u128, units: u128, account: &AccountId) -> Result<u128, Rejection> {
    sum.checked_add(units).ok_or_else(|| Rejection::AmountOverflow { what: format!("account {account}") })
}
