//! Overrides as the ledger knows them: signed, reasoned, dated exceptions to one rule, for one account,
//! up to a quantity.
//!
//! Only a rule that protects a party's cover can be overridden. That balances are not below zero,
//! that postings sum to zero, that credits need the custodian's evidence and that every command is
//! signed are no rules of this list: no command lifts them.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, OverrideId, PartyId};
use crate::time::Timestamp;
use crate::words::words;

/// The longest an override may last: seven days.
pub const OVERRIDE_MAX_MS: u64 = 604_800_000;

words! {
    /// A rule that an override can lift, by the code of its refusal.
    pub enum OverridableRule {
        /// What remains posted need not cover what is required.
        ReleaseUncovers = "release_uncovers",
        /// No fresh margin statement is needed to release.
        StatementStale = "statement_stale",
        /// A withdrawal that the pool's level refuses or delays goes through.
        BreakerOpen = "breaker_open",
    }
}

/// One use of an override.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OverrideUse {
    /// The record that it let through.
    pub seq: u64,
    /// What went out of the account, in smallest units.
    pub units: u128,
}

/// An override.
///
/// Invariant: its uses sum to at most its limit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// Its id.
    pub id: OverrideId,
    /// The rule that it lifts.
    pub rule: OverridableRule,
    /// The account that collateral may go out of.
    pub account: AccountId,
    /// How much in all, in smallest units of the account's asset.
    pub limit: u128,
    /// Why.
    pub reason: String,
    /// The last instant at which it may be used.
    pub until: Timestamp,
    /// Who granted it.
    pub author: PartyId,
    /// The record that did.
    pub granted_seq: u64,
    /// When it was recorded.
    pub granted_at: Timestamp,
    /// The record that revoked it, and why.
    pub revoked: Option<(u64, String)>,
    /// Every use, in order.
    pub uses: Vec<OverrideUse>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Override {
    /// What it still lets out, in smallest units.
    ///
    /// # Panics
    /// If it was used beyond its limit, which [`crate::apply`] never does.
    #[must_use]
    pub fn remaining(&self) -> u128 {
        let left = |left: u128, used: &OverrideUse| left.checked_sub(used.units);
        self.uses.iter().try_fold(self.limit, left).expect("uses sum to at most the limit")
    }

    /// Whether it can be used at an instant: not revoked, not lapsed, not used up.
    #[must_use]
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.revoked.is_none() && at <= self.until && self.remaining() > 0
    }
}
