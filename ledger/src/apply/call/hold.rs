//! Calls for initial margin in a halt: computed and shown, and due when the halt lifts.

use std::sync::Arc;

use crate::apply::Entry;
use crate::apply::breaker::agreements_of;
use crate::call::{CallKind, CallLeg, CallTimes};
use crate::call_record::{CallHold, CallMargin, CallRecord};
use crate::id::RegimeId;
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::time::Timestamp;

/// Takes the times off the open calls for initial margin of a pool that are not yet due.
pub(in crate::apply) fn halt(state: &State, entry: &Entry, pool: &RegimeId) -> Vec<Change> {
    let at = entry.recorded_at;
    let agreements: Vec<_> = agreements_of(state, pool, at).map(|(agreement, _)| &agreement.id).collect();
    let open = |call: &&Arc<CallRecord>| {
        agreements.contains(&&call.agreement)
            && call.held.is_none()
            && !call.call.is_terminal()
            && call.call.times().due_at > at
    };
    state
        .calls()
        .filter(open)
        .filter(|call| waits(call))
        .map(|call| {
            let mut call = CallRecord { changed_seq: entry.seq, ..CallRecord::clone(call) };
            hold(&mut call, pool, at);
            Change::Call(Arc::new(call))
        })
        .collect()
}

/// Gives held calls their times back, later by as long as they were held.
pub(in crate::apply) fn resume(
    state: &State,
    entry: &Entry,
    pool: &RegimeId,
) -> Result<Vec<Change>, Rejection> {
    let mut changes = Vec::new();
    for call in state.calls() {
        let Some(held) = call.held.as_ref().filter(|held| held.pool == *pool) else { continue };
        let lasted = entry.recorded_at.millis_since(held.since).unwrap_or(0);
        let overflow = || Rejection::AmountOverflow { what: format!("the times of call {}", call.id) };
        let times = held.times.later_by(lasted).ok_or_else(overflow)?;
        let call = CallRecord {
            call: call.call.timed(times),
            held: None,
            changed_seq: entry.seq,
            ..CallRecord::clone(call)
        };
        changes.push(Change::Call(Arc::new(call)));
    }
    Ok(changes)
}

/// Whether a halt takes the times off a call: a demand for initial margin.
pub(super) fn waits(call: &CallRecord) -> bool {
    let terms = call.call.terms();
    call.margin == CallMargin::Initial && terms.leg == CallLeg::Delivery && terms.kind == CallKind::Demand
}

/// Puts a call's times aside: until the halt lifts nothing is due, in grace or too late.
pub(super) fn hold(call: &mut CallRecord, pool: &RegimeId, since: Timestamp) {
    let times = call.call.times();
    call.held = Some(CallHold { pool: pool.clone(), since, times });
    call.call = call.call.timed(CallTimes::never());
}
