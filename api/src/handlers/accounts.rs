//! Accounts.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::account::{Account, AccountStatus, Book, PropertyClass};
use ledger::id::AccountId;
use ledger::json::Json;
use ledger::receipt::balances;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

impl Resource for Account {
    const NAME: &'static str = "account";
    const FILTERS: &'static [Filter] = &[
        Filter::id("owner"),
        Filter::id("asset"),
        Filter::id("custodian"),
        Filter::word("book", |text| Book::parse(text).is_some()),
        Filter::word("class", |text| PropertyClass::parse(text).is_some()),
        Filter::word("status", |text| AccountStatus::parse(text).is_some()),
    ];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.accounts())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        AccountId::parse(id).ok().and_then(|id| state.account(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Account(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "owner" => self.owner.as_str() == value,
            "asset" => self.asset.as_str() == value,
            "custodian" => self.custodian.as_str() == value,
            "book" => self.book.as_str() == value,
            "class" => self.class.as_str() == value,
            "status" => self.status.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        account_json(view.state(), self)
    }
}

fn account_json(state: &State, account: &Account) -> Json {
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
