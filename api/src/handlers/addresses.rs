//! The allow-list of addresses.

use axum::extract::State;
use axum::response::Response;
use ledger::address::Address;
use ledger::json::Json;
use ledger::state::State as LedgerState;
use ledger::time::Timestamp;

use super::{Shared, list_own, maybe, texts};
use crate::app::{Reader, now};
use crate::may::{Object, may_read};
use crate::session::Principal;

/// `GET /v1/addresses`: each at the stage it has reached now.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let (state, at) = (&app.published().state, now());
    list_own(state, &principal, state.addresses(), Object::Address, |address| {
        address_json(&principal, state, address, at)
    })
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
