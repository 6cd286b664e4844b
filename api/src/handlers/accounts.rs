//! Accounts and balances.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::account::Account;
use ledger::id::AccountId;
use ledger::json::Json;
use ledger::receipt::balances;
use ledger::state::State as LedgerState;

use super::{Shared, list_own, maybe, read, read_own, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};
use crate::problem::Problem;

/// `GET /v1/accounts`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.accounts(), Object::Account, |account| account_json(state, account))
}

/// `GET /v1/accounts/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = AccountId::parse(&id).ok().and_then(|id| state.account(&id));
    read_own(state, &principal, found, Object::Account, ("account", |account| account_json(state, account)))
}

/// `GET /v1/accounts/{id}/balances`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn balance(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let account = AccountId::parse(&id).ok().and_then(|id| state.account(&id));
    let account = account.filter(|account| may_read(&principal, Object::Account(account), state));
    let account = account.ok_or_else(Problem::not_found)?;
    let mut members = texts([("account", account.id.to_string()), ("asset", account.asset.to_string())]);
    members.extend(texts(balances(state, account)));
    Ok(read(state, members))
}

fn account_json(state: &LedgerState, account: &Account) -> Json {
    let mut members = texts([
        ("id", account.id.to_string()),
        ("owner", account.owner.to_string()),
        ("asset", account.asset.to_string()),
        ("custodian", account.custodian.to_string()),
        ("book", account.book.to_string()),
        ("class", account.class.to_string()),
        ("status", account.status.to_string()),
    ]);
    maybe(&mut members, "custodian_account", account.custodian_account.as_ref());
    members.extend(texts(balances(state, account)));
    members.push(("changed_seq", Json::text(account.changed_seq.to_string())));
    Json::object(members)
}
