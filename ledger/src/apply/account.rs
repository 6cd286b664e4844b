//! Opening accounts.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::account::{Account, AccountStatus};
use crate::command::{AccountOpen, AccountStanding};
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn open(state: &State, entry: &Entry, open: &AccountOpen) -> Result<Vec<Change>, Rejection> {
    state.need_party(&open.owner, "/body/owner")?;
    let asset = state.need_asset(&open.asset, "/body/asset")?;
    state.need_custodian(&open.custodian, "/body/custodian")?;
    check_free(state, "account", open.account.as_str())?;
    if asset.suspended {
        return Err(Rejection::AssetSuspended { asset: asset.id.clone() });
    }
    let account = Account {
        id: open.account.clone(),
        owner: open.owner.clone(),
        asset: open.asset.clone(),
        custodian: open.custodian.clone(),
        book: open.book,
        class: open.class,
        custodian_account: open.custodian_account.clone(),
        status: AccountStatus::Open,
        settled: 0,
        pending_in: 0,
        pending_out: 0,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Account(Arc::new(account))])
}

/// An account with anything in it or on its way stays open.
pub(super) fn close(
    state: &State,
    entry: &Entry,
    standing: &AccountStanding,
) -> Result<Vec<Change>, Rejection> {
    let account = state.need_account(&standing.account, "/body/account")?;
    let is_empty = account.settled == 0 && account.pending_in == 0 && account.pending_out == 0;
    match account.status {
        AccountStatus::Closed => Err(Rejection::AccountClosed { account: account.id.clone() }),
        AccountStatus::Open | AccountStatus::Frozen if is_empty => {
            Ok(set_status(account, entry, AccountStatus::Closed))
        }
        AccountStatus::Open | AccountStatus::Frozen => Err(Rejection::WrongState {
            state: "not empty".to_owned(),
            fits: "movements that empty it, account.freeze".to_owned(),
        }),
    }
}

/// By the operator, or by the custodian that keeps it.
pub(super) fn freeze(
    state: &State,
    entry: &Entry,
    standing: &AccountStanding,
) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let account = state.need_account(&standing.account, "/body/account")?;
    if author.role == Role::Custodian && account.custodian != author.id {
        return Err(Rejection::NotAuthorised { who_may: "the operator, or the custodian that keeps it" });
    }
    match account.status {
        AccountStatus::Open => Ok(set_status(account, entry, AccountStatus::Frozen)),
        AccountStatus::Frozen | AccountStatus::Closed => Err(wrong_status(account)),
    }
}

pub(super) fn unfreeze(
    state: &State,
    entry: &Entry,
    standing: &AccountStanding,
) -> Result<Vec<Change>, Rejection> {
    let account = state.need_account(&standing.account, "/body/account")?;
    match account.status {
        AccountStatus::Frozen => Ok(set_status(account, entry, AccountStatus::Open)),
        AccountStatus::Open | AccountStatus::Closed => Err(wrong_status(account)),
    }
}

fn set_status(account: &Account, entry: &Entry, status: AccountStatus) -> Vec<Change> {
    let account = Account { status, changed_seq: entry.seq, ..account.clone() };
    vec![Change::Account(Arc::new(account))]
}

fn wrong_status(account: &Account) -> Rejection {
    let fits = match account.status {
        AccountStatus::Open => "account.freeze, account.close",
        AccountStatus::Frozen => "account.unfreeze, account.close",
        AccountStatus::Closed => "nothing: a closed account stays closed",
    };
    Rejection::WrongState { state: account.status.to_string(), fits: fits.to_owned() }
}
