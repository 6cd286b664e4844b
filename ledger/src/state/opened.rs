//! The ledger's own terms: what record 0 said of it, as later records changed it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::PartyId;
use crate::time::Timestamp;

/// What the ledger is opened with and runs under.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The prime broker.
    pub operator: PartyId,
    /// The key that signs checkpoints, as a vkey: record 0's.
    pub log_vkey: String,
    /// Keys announced since, that sign from a size on.
    pub log_keys: Vec<LogKey>,
    /// The witness policy document in force.
    pub witness_policy: Digest,
    /// The rules version the ledger opened under.
    pub rules: u64,
    /// Changes of the rules version, in the order of records.
    pub rules_changes: Vec<RulesChange>,
    /// The last time that the operator confirmed the clock.
    pub clock_confirmed: Option<ClockConfirmed>,
    /// That nothing more is recorded.
    pub closed: Option<Closed>,
    /// Whether prices and statements may be of the past.
    pub sandbox: bool,
}

/// A log key that was announced.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LogKey {
    /// The key, as a vkey under the ledger's origin.
    pub vkey: String,
    /// The size of the log from which it signs.
    pub from_size: u64,
    /// The record that announced it.
    pub seq: u64,
}

/// A change of the rules version.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RulesChange {
    /// The version.
    pub version: u64,
    /// The first record that is judged by it.
    pub from: u64,
    /// The record that said so.
    pub seq: u64,
}

/// That the operator confirmed the clock.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ClockConfirmed {
    /// The record, whose time is the one confirmed.
    pub seq: u64,
    /// That time.
    pub recorded_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// That the ledger was closed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// The last record.
    pub seq: u64,
    /// Why.
    pub reason: String,
    /// The origin of the ledger that follows it.
    pub successor: Option<String>,
}

impl Opened {
    /// The rules version that judges a record.
    ///
    /// ```
    /// # use ledger::state::{Opened, RulesChange};
    /// # let opened = |rules_changes| Opened {
    /// #     operator: ledger::id::PartyId::parse("pb").unwrap(), log_vkey: String::new(),
    /// #     log_keys: vec![], witness_policy: ledger::digest::Digest::of(b""), rules: 1,
    /// #     rules_changes, clock_confirmed: None, closed: None, sandbox: false };
    /// let opened = opened(vec![RulesChange { version: 2, from: 10, seq: 7 }]);
    /// assert_eq!([7, 9, 10, 11].map(|seq| opened.rules_at(seq)), [1, 1, 2, 2]);
    /// ```
    #[must_use]
    pub fn rules_at(&self, seq: u64) -> u64 {
        let changes = self.rules_changes.iter().filter(|change| change.from <= seq);
        // Of two that are in force, the one that was recorded later.
        changes.max_by_key(|change| change.seq).map_or(self.rules, |change| change.version)
    }
}
