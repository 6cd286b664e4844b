//! The allow-list: which addresses collateral may be sent to.
//!
//! Source: custody specification §4.

use std::sync::Arc;

use super::{Entry, all_or_first};
use crate::account::Book;
use crate::address::{Address, AddressStage, Allowance, COOLING_OFF_MIN_MS, ControlProof, Removal};
use crate::command::{AddressAdd, AddressAllow, AddressNamed, AddressProve, AddressRemove, AddressText};
use crate::movement::Posting;
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn add(state: &State, entry: &Entry, add: &AddressAdd) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    if author.role != Role::Operator && author.id != add.owner {
        return Err(Rejection::NotAuthorised { who_may: "the operator, or the owner that it names" });
    }
    state.need_party(&add.owner, "/body/owner")?;
    if let Some(custodian) = &add.custodian {
        state.need_custodian(custodian, "/body/custodian")?;
    }
    let address = Address {
        address: add.address.clone(),
        chain: add.chain.clone(),
        owner: add.owner.clone(),
        custodian: add.custodian.clone(),
        added_by: author.id.clone(),
        added_seq: entry.seq,
        proof: None,
        allowed: None,
        removed: None,
        changed_seq: entry.seq,
    };
    let known = state.addresses_written(&add.address).find(|known| known.is_same(&address));
    if known.is_some_and(|known| known.removed.is_none()) {
        return Err(Rejection::IdTaken { id: address.address });
    }
    Ok(changed(address))
}

/// What the state knows of a challenge is checked here: ledger, account, time and single use. That its
/// root is that of the checkpoint, and that the key signed, is for the document's readers.
pub(super) fn prove(state: &State, entry: &Entry, prove: &AddressProve) -> Result<Vec<Change>, Rejection> {
    let address = find(state, entry, &prove.named)?;
    let challenge = &prove.challenge;
    let account = state.account(&challenge.account).filter(|account| account.owner == address.owner);
    if account.is_none() {
        return Err(Rejection::UnknownReference {
            pointer: "/body/challenge/account".to_owned(),
            what: format!("no account {} of {}", challenge.account, address.owner),
        });
    }
    if state.is_nonce_used(&challenge.nonce) {
        return Err(Rejection::IdTaken { id: challenge.nonce.clone() });
    }
    check_standing(address)?;
    if challenge.expires < entry.recorded_at {
        return Err(Rejection::TooLate { until: challenge.expires });
    }
    let mismatch =
        |expected: String, got: &str| Err(Rejection::EvidenceMismatch { expected, got: got.to_owned() });
    if challenge.ledger != state.origin() {
        return mismatch(format!("a challenge for {}", state.origin()), &challenge.ledger);
    }
    if address.chain.normal(challenge.address.as_str()).as_ref() != Ok(&address.address) {
        return mismatch(format!("a challenge for {}", address.address), challenge.address.as_str());
    }
    if challenge.size == 0 || challenge.size > state.length() {
        let expected = format!("a checkpoint of 1 to {} records", state.length());
        return mismatch(expected, &challenge.size.to_string());
    }
    let proof = ControlProof {
        document: prove.proof,
        account: challenge.account.clone(),
        nonce: challenge.nonce.clone(),
        expires: challenge.expires,
        seq: entry.seq,
    };
    Ok(changed(Address { proof: Some(proof), changed_seq: entry.seq, ..Address::clone(address) }))
}

pub(super) fn allow(state: &State, entry: &Entry, allow: &AddressAllow) -> Result<Vec<Change>, Rejection> {
    let address = find(state, entry, &allow.named)?;
    check_standing(address)?;
    let fits = match address.stage_at(entry.recorded_at) {
        AddressStage::Proved => None,
        AddressStage::Added => Some("address.prove"),
        AddressStage::CoolingOff | AddressStage::Active | AddressStage::Removed => Some("address.remove"),
    };
    if let Some(fits) = fits {
        let state = address.stage_at(entry.recorded_at).to_string();
        return Err(Rejection::WrongState { state, fits: fits.to_owned() });
    }
    if allow.from.millis_since(entry.recorded_at).is_none_or(|rest| rest < COOLING_OFF_MIN_MS) {
        let rested = entry.recorded_at.plus_millis(COOLING_OFF_MIN_MS);
        return Err(Rejection::TooEarly { after: rested.unwrap_or(entry.recorded_at) });
    }
    let allowed = Allowance { from: allow.from, by: entry.command.author.clone(), seq: entry.seq };
    Ok(changed(Address { allowed: Some(allowed), changed_seq: entry.seq, ..Address::clone(address) }))
}

/// What was instructed before is on its way: its custodian settles or voids it.
pub(super) fn remove(state: &State, entry: &Entry, remove: &AddressRemove) -> Result<Vec<Change>, Rejection> {
    let address = find(state, entry, &remove.named)?;
    check_standing(address)?;
    let removed = Removal { reason: remove.reason.clone(), seq: entry.seq };
    Ok(changed(Address { removed: Some(removed), changed_seq: entry.seq, ..Address::clone(address) }))
}

fn changed(address: Address) -> Vec<Change> {
    vec![Change::Address(Arc::new(address))]
}

/// The one address that is meant: of those that stand before those that were removed, and where no
/// custodian is named, the one for all custodians before those for one. To who neither owns it nor
/// operates, another's looks like what is not there.
fn find<'a>(state: &'a State, entry: &Entry, named: &'a AddressNamed) -> Result<&'a Arc<Address>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let own = |address: &&Arc<Address>| author.role == Role::Operator || address.owner == author.id;
    let (standing, removed): (Vec<_>, Vec<_>) =
        state.addresses_named(named).filter(own).partition(|address| address.removed.is_none());
    let mut found = if standing.is_empty() { removed } else { standing };
    if named.custodian.is_none() && found.iter().any(|address| address.custodian.is_none()) {
        found.retain(|address| address.custodian.is_none());
    }
    let unknown = |what: String| Rejection::UnknownReference { pointer: "/body/address".to_owned(), what };
    match found.as_slice() {
        [] => Err(unknown(format!("no address {}", named.address.as_str()))),
        [one] => Ok(one),
        [_, _, ..] => Err(unknown(format!(
            "{} addresses are written {}: name chain, owner or custodian",
            found.len(),
            named.address.as_str()
        ))),
    }
}

fn check_standing(address: &Address) -> Result<(), Rejection> {
    match address.removed {
        None => Ok(()),
        Some(_) => Err(Rejection::WrongState { state: "removed".to_owned(), fits: "address.add".to_owned() }),
    }
}

/// The destination in its normal form, if everything that leaves the custodians' books may go there now.
pub(super) fn check_destination(
    state: &State,
    entry: &Entry,
    destination: &AddressText,
    postings: &[Posting],
) -> Result<String, Rejection> {
    let text = destination.as_str();
    let not_allowed = |why: String| Rejection::DestinationNotAllowed { destination: text.to_owned(), why };
    let mut normal = None;
    let mut checks: Vec<Result<(), Rejection>> = Vec::new();
    for posting in postings {
        let from = state.need_account(&posting.from, "/body/postings")?;
        let to = state.need_account(&posting.to, "/body/postings")?;
        if to.book != Book::External {
            continue;
        }
        let mut rests_until = None;
        let mut active = None;
        for address in state.destinations(text, &from.owner, &to.custodian, &posting.asset) {
            match address.stage_at(entry.recorded_at) {
                AddressStage::Active => active = Some(address),
                AddressStage::CoolingOff => {
                    rests_until = address.allowed.as_ref().map(|allowed| allowed.from)
                }
                AddressStage::Added | AddressStage::Proved | AddressStage::Removed => {}
            }
        }
        match (active, rests_until) {
            (Some(address), _) => normal = Some(address.address.clone()),
            (None, Some(from)) => {
                checks.push(Err(Rejection::DestinationCoolingOff { destination: text.to_owned(), from }));
            }
            (None, None) => checks.push(Err(not_allowed(format!(
                "no active address of {} for {} from {}",
                from.owner, posting.asset, to.custodian
            )))),
        }
    }
    all_or_first(checks)?;
    normal.ok_or_else(|| not_allowed("no posting goes to an external account".to_owned()))
}
