//! The allow-list of addresses.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::address::{Address, AddressStage};
use ledger::json::Json;
use ledger::state::State as LedgerState;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};
use crate::session::Principal;

/// Each at the stage it has reached at the read's time.
impl Resource for Address {
    const NAME: &'static str = "address";
    const FILTERS: &'static [Filter] = &[
        Filter::id("owner"),
        Filter::id("chain"),
        Filter::word("state", |text| AddressStage::parse(text).is_some()),
    ];

    fn all(state: &LedgerState, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.addresses())
    }

    fn find<'a>(state: &'a LedgerState, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        let (text, _) = id.split_once('\0')?;
        state.addresses().skip_while(|one| one.address.as_str() < text).find(|address| address.id() == id)
    }

    fn object<'a>(&'a self, _: &'a LedgerState) -> Object<'a> {
        Object::Address(self)
    }

    /// Several owners may write the same text: the record that added it tells them apart.
    fn id(&self) -> Cow<'_, str> {
        format!("{}\0{:020}", self.address, self.added_seq).into()
    }

    fn tag(&self, at: Timestamp) -> String {
        format!("{}-{}", self.changed_seq, self.stage_at(at))
    }

    fn passes(&self, filter: &str, value: &str, view: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "owner" => self.owner.as_str() == value,
            "chain" => self.chain.to_string() == value,
            "state" => self.stage_at(view.at).as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        address_json(&view.principal, view.state(), self, view.at)
    }
}

/// An address as a reader sees it at an instant, with the active ones that it could be taken for.
#[must_use]
pub fn address_json(principal: &Principal, state: &LedgerState, address: &Address, at: Timestamp) -> Json {
    let mut members = texts([
        ("address", address.address.clone()),
        ("chain", address.chain.to_string()),
        ("owner", address.owner.to_string()),
        ("state", address.stage_at(at).to_string()),
        ("added_by", address.added_by.to_string()),
        ("added_seq", address.added_seq.to_string()),
    ]);
    maybe(&mut members, "custodian", address.custodian.as_ref());
    if let Some(proof) = &address.proof {
        let told = [
            ("document", proof.document.tagged()),
            ("account", proof.account.to_string()),
            ("expires", proof.expires.to_string()),
            ("seq", proof.seq.to_string()),
        ];
        members.push(("proof", Json::object(texts(told))));
    }
    if let Some(allowed) = &address.allowed {
        let told = [("from", allowed.from.to_string()), ("by", allowed.by.to_string())];
        let seq = [("seq", allowed.seq.to_string())];
        members.push(("allowed", Json::object(texts(told.into_iter().chain(seq)))));
    }
    if let Some(removed) = &address.removed {
        let told = [("reason", removed.reason.clone()), ("seq", removed.seq.to_string())];
        members.push(("removed", Json::object(texts(told))));
    }
    members.push(("looks_like", looks_like(principal, state, address, at)));
    members.push(("changed_seq", Json::text(address.changed_seq.to_string())));
    Json::object(members)
}

/// The active addresses that this one could be taken for, of those that the reader may see.
fn looks_like(principal: &Principal, state: &LedgerState, address: &Address, at: Timestamp) -> Json {
    let alike = state.addresses().filter(|other| {
        other.is_taken_for(&address.address, at) && may_read(principal, Object::Address(other), state)
    });
    Json::array(alike.map(|other| Json::text(&other.address)))
}
