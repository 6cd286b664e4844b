//! The ledger's own terms: witnesses, log key, rules version, clock, end.

use std::sync::Arc;

use super::{Content, Entry, RULES_VERSION};
use crate::command::{ClockConfirm, LedgerClose, LogKeyAnnounce, RulesSet, WitnessPolicySet};
use crate::note::{KeyMaterial, VerifierKey};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::state::{Change, ClockConfirmed, Closed, LogKey, Opened, RulesChange, State};

/// Refuses everything once the ledger is closed.
pub(super) fn check_not_closed(state: &State) -> Result<(), Rejection> {
    match state.opened().and_then(|opened| opened.closed.as_ref()) {
        None => Ok(()),
        Some(closed) => Err(Rejection::WrongState {
            state: format!("closed by record {}", closed.seq),
            fits: match &closed.successor {
                Some(successor) => format!("reads; commands go to {successor}"),
                None => "reads".to_owned(),
            },
        }),
    }
}

/// The quorum of every later checkpoint. A policy of which two quorums may be disjoint is refused, and
/// so is one that asks nobody: a ledger that was opened without witnesses may gain them, never lose them.
pub(super) fn set_witness_policy(
    state: &State,
    entry: &Entry,
    set: &WitnessPolicySet,
) -> Result<Vec<Change>, Rejection> {
    let opened = need_opened(state)?;
    if opened.witness_policy == set.policy {
        return Err(Rejection::WrongState {
            state: "the policy in force".to_owned(),
            fits: "ledger.witness_policy with another document".to_owned(),
        });
    }
    let unreadable =
        |reason: &str| Rejection::DocumentDigest { digest: set.policy, reason: reason.to_owned() };
    let content = &entry.documents.content;
    let Content::WitnessPolicy(text) = content else {
        return Err(unreadable(content.fault("not a policy")));
    };
    let policy = Policy::parse(text).map_err(|error| unreadable(&error.to_string()))?;
    check_log(opened, &policy)?;
    if policy.split_view_cost() == 0 {
        let reason = "two quorums that share no witness could vouch for two histories".to_owned();
        return Err(Rejection::QuorumUnsafe { reason });
    }
    Ok(changed(Opened { witness_policy: set.policy, ..opened.clone() }))
}

/// No checkpoint of this ledger could meet a policy that does not name its log.
fn check_log(opened: &Opened, policy: &Policy) -> Result<(), Rejection> {
    let announced = opened.log_keys.iter().map(|key| &key.vkey);
    let own: Vec<&String> = [&opened.log_vkey].into_iter().chain(announced).collect();
    let named: Vec<String> = policy.logs().iter().map(|log| log.key.to_string()).collect();
    if named.iter().any(|vkey| own.contains(&vkey)) {
        return Ok(());
    }
    Err(Rejection::EvidenceMismatch {
        expected: format!("a line: log {}", opened.log_vkey),
        got: if named.is_empty() { "no log line".to_owned() } else { named.join(", ") },
    })
}

/// A key that signs from a later size on. A key has one row: it is no party's and was no log key.
pub(super) fn announce_log_key(
    state: &State,
    entry: &Entry,
    announce: &LogKeyAnnounce,
) -> Result<Vec<Change>, Rejection> {
    let opened = need_opened(state)?;
    let vkey = announce.log_vkey.to_string();
    let mut logs = opened.log_keys.iter().map(|key| &key.vkey).chain([&opened.log_vkey]);
    if logs.any(|known| *known == vkey) || is_partys(state, &announce.log_vkey) {
        return Err(Rejection::IdTaken { id: vkey });
    }
    // This record makes the size `seq + 1`.
    if announce.from_size <= entry.seq + 1 {
        return Err(Rejection::AmountOutOfRange {
            expected: format!("a size above {}", entry.seq + 1),
            got: announce.from_size.to_string(),
        });
    }
    let name = announce.log_vkey.name().as_str();
    if name != state.origin() {
        return Err(Rejection::EvidenceMismatch {
            expected: format!("a key named {}", state.origin()),
            got: name.to_owned(),
        });
    }
    let mut opened = opened.clone();
    opened.log_keys.push(LogKey { vkey, from_size: announce.from_size, seq: entry.seq });
    Ok(changed(opened))
}

fn is_partys(state: &State, vkey: &VerifierKey) -> bool {
    let KeyMaterial::Ed25519(public) = vkey.material() else { return false };
    state.parties().any(|party| party.key(public.id()).is_some())
}

/// Only a version that this program has: a record is never judged by rules that are not at hand.
pub(super) fn set_rules(state: &State, entry: &Entry, set: &RulesSet) -> Result<Vec<Change>, Rejection> {
    let opened = need_opened(state)?;
    if set.version != RULES_VERSION {
        return Err(Rejection::UnknownReference {
            pointer: "/body/version".to_owned(),
            what: format!("rules version {} is not at hand, this program has {RULES_VERSION}", set.version),
        });
    }
    if set.from <= entry.seq {
        return Err(Rejection::AmountOutOfRange {
            expected: format!("a record after {}", entry.seq),
            got: set.from.to_string(),
        });
    }
    let mut opened = opened.clone();
    opened.rules_changes.push(RulesChange { version: set.version, from: set.from, seq: entry.seq });
    Ok(changed(opened))
}

/// What lets time pass again is the sequencer's; the record says who vouched for which time.
pub(super) fn confirm_clock(
    state: &State,
    entry: &Entry,
    confirm: &ClockConfirm,
) -> Result<Vec<Change>, Rejection> {
    let clock_confirmed =
        ClockConfirmed { seq: entry.seq, recorded_at: entry.recorded_at, reason: confirm.reason.clone() };
    Ok(changed(Opened { clock_confirmed: Some(clock_confirmed), ..need_opened(state)?.clone() }))
}

pub(super) fn close(state: &State, entry: &Entry, close: &LedgerClose) -> Result<Vec<Change>, Rejection> {
    if close.successor.as_deref() == Some(state.origin()) {
        return Err(Rejection::EvidenceMismatch {
            expected: "the origin of another ledger".to_owned(),
            got: state.origin().to_owned(),
        });
    }
    let closed = Closed { seq: entry.seq, reason: close.reason.clone(), successor: close.successor.clone() };
    Ok(changed(Opened { closed: Some(closed), ..need_opened(state)?.clone() }))
}

/// Before record 0 no author is known, so none of these commands gets here without it.
fn need_opened(state: &State) -> Result<&Opened, Rejection> {
    state
        .opened()
        .ok_or_else(|| Rejection::WrongState { state: "not open".to_owned(), fits: "ledger.open".to_owned() })
}

fn changed(opened: Opened) -> Vec<Change> {
    vec![Change::Opened(Arc::new(opened))]
}
