//! What left each owner's accounts of late, by the minute: what velocity limits count.
//!
//! A movement counts from the record that instructs it. What is voided or expires before it settles
//! is taken off the minute it was counted in; a reversal takes nothing off.

use serde::{Deserialize, Serialize};

use imbl::{OrdMap, OrdSet};

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
    sums: OrdMap<(PartyId, AssetId, Minute), u128>,
    minutes: OrdSet<(Minute, PartyId, AssetId)>,
}

impl Flows {
    fn add(&mut self, owner: &PartyId, asset: &AssetId, minute: Minute, units: u128) {
        let key = (owner.clone(), asset.clone(), minute);
        let before = self.sums.get(&key).copied().unwrap_or_default();
        let sum = before.checked_add(units).expect("the policy step refuses what would overflow");
        self.sums.insert(key, sum);
        self.minutes.insert((minute, owner.clone(), asset.clone()));
    }

    /// A minute that was forgotten has nothing left to take off.
    fn take(&mut self, owner: &PartyId, asset: &AssetId, minute: Minute, units: u128) {
        let key = (owner.clone(), asset.clone(), minute);
        if let Some(sum) = self.sums.get_mut(&key) {
            *sum = sum.checked_sub(units).expect("what is taken off was counted");
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
    /// What left an owner's accounts, by asset, in the window that ends at `at`: `None` beyond 2^128.
    /// The window's first minute counts whole.
    pub(crate) fn flowed(
        &self,
        owner: &PartyId,
        asset: &AssetId,
        at: Timestamp,
        window_ms: u64,
    ) -> Option<u128> {
        let first = at.millis().saturating_sub(window_ms) / MINUTE_MS;
        let from = (owner.clone(), asset.clone(), first);
        let until = (owner.clone(), asset.clone(), Minute::MAX);
        self.flows.sums.range(from..=until).try_fold(0, |sum: u128, (_, units)| sum.checked_add(*units))
    }

    /// Counts what a movement takes out of its owners, and no longer what of it was given up.
    pub(super) fn count_flows(&mut self, movement: &Movement) {
        let minute = movement.instructed_at.millis() / MINUTE_MS;
        let before = self.movements.get(&movement.id).map(|before| before.status);
        let ended = matches!(movement.status, MovementStatus::Voided | MovementStatus::Expired);
        if before.is_none() {
            for outflow in &movement.outflows {
                self.flows.add(&outflow.owner, &outflow.asset, minute, outflow.units);
            }
        } else if before == Some(MovementStatus::Pending) && ended {
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
