//! Opening accounts.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::account::Account;
use crate::command::AccountOpen;
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn open(state: &State, entry: &Entry, open: &AccountOpen) -> Result<Vec<Change>, Rejection> {
    state.need_party(&open.owner, "/body/owner")?;
    state.need_asset(&open.asset, "/body/asset")?;
    let custodian = state.need_party(&open.custodian, "/body/custodian")?;
    if custodian.role != Role::Custodian {
        return Err(Rejection::UnknownReference {
            pointer: "/body/custodian".to_owned(),
            what: format!("{} is registered as {}, not as custodian", custodian.id, custodian.role),
        });
    }
    check_free(state, "account", open.account.as_str())?;
    let account = Account {
        id: open.account.clone(),
        owner: open.owner.clone(),
        asset: open.asset.clone(),
        custodian: open.custodian.clone(),
        book: open.book,
        class: open.class,
        custodian_account: open.custodian_account.clone(),
        settled: 0,
        pending_in: 0,
        pending_out: 0,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Account(Arc::new(account))])
}
