//! What left each owner's accounts of late, by the minute: what velocity limits count.
//!
//! A movement counts from the record that instructs it. What is voided or expires before it settles
//! is taken off the minute it was counted in; a reversal takes nothing off.

use serde::{Deserialize, Serialize};

use imbl::{OrdMap, OrdSet};
use num_bigint::BigUint;

use super::State;
use crate::apply::leaves_owner;
use crate::approval::FLOW_WINDOW_MAX;
use crate::id::{AssetId, PartyId};
use crate::movement::{Movement, MovementStatus};
use crate::time::Timestamp;

/// A minute since 1970.
type Minute = u64;

const MINUTE_MS: u64 = 60_000;

/// Sums by owner, asset and minute.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Flows {
    sums: OrdMap<(PartyId, AssetId, Minute), BigUint>,
    minutes: OrdSet<(Minute, PartyId, AssetId)>,
}

impl Flows {
    fn add(&mut self, owner: &PartyId, asset: &AssetId, minute: Minute, units: &BigUint) {
        *self.sums.entry((owner.clone(), asset.clone(), minute)).or_default() += units;
        self.minutes.insert((minute, owner.clone(), asset.clone()));
    }

    /// A minute that was forgotten has nothing left to take off.
    fn take(&mut self, owner: &PartyId, asset: &AssetId, minute: Minute, units: u128) {
        let key = (owner.clone(), asset.clone(), minute);
        if let Some(sum) = self.sums.get_mut(&key) {
            assert!(*sum >= BigUint::from(units), "what is taken off was counted");
            *sum -= units;
        }
    }

    /// Forgets minutes that no window reaches any more.
    fn forget(&mut self, before: Minute) {
        while let Some(first) = self.minutes.get_min().filter(|(minute, ..)| *minute < before).cloned() {
            self.minutes.remove(&first);
            let (minute, owner, asset) = first;
            self.sums.remove(&(owner, asset, minute));
        }
    }
}

impl State {
    /// What of an asset left an owner's accounts in the window that ends at `at`. The window's first
    /// minute counts whole.
    pub(crate) fn flowed(&self, owner: &PartyId, asset: &AssetId, at: Timestamp, window_ms: u64) -> BigUint {
        let first = at.millis().saturating_sub(window_ms) / MINUTE_MS;
        let from = (owner.clone(), asset.clone(), first);
        let until = (owner.clone(), asset.clone(), Minute::MAX);
        self.flows.sums.range(from..=until).map(|(_, units)| units).sum()
    }

    /// Counts what a movement takes out of its owners, and no longer what of it was given up.
    pub(super) fn count_flows(&mut self, movement: &Movement) {
        let minute = movement.instructed_at.millis() / MINUTE_MS;
        let ended = matches!(movement.status, MovementStatus::Voided | MovementStatus::Expired);
        let before = || self.movements.get(&movement.id).map(|before| before.status);
        if movement.changed_seq == movement.instructed_seq {
            for outflow in &movement.outflows {
                self.flows.add(&outflow.owner, &outflow.asset, minute, &outflow.units);
            }
        } else if ended && before() == Some(MovementStatus::Pending) {
            for posting in &movement.postings {
                let ends = self.accounts.get(&posting.from).zip(self.accounts.get(&posting.to));
                if let Some((from, _)) = ends.filter(|(from, to)| leaves_owner(from, to)) {
                    let owner = from.owner.clone();
                    self.flows.take(&owner, &posting.asset, minute, posting.remaining());
                }
            }
        }
    }

    pub(super) fn forget_flows(&mut self, at: Timestamp) {
        self.flows.forget(at.millis().saturating_sub(FLOW_WINDOW_MAX) / MINUTE_MS);
    }
}
