//! Breaks as the ledger knows them: where ledger and statement disagree, who answers for it, and how it
//! ended.
//!
//! Source: custody specification §2.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{BreakId, MovementId, PartyId, ReconciliationId};
use crate::json::{self, Json};
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// Why ledger and statement differ.
    pub enum BreakReason {
        /// Booked on one side, under way on the other.
        Timing = "timing",
        /// A fee that only the custodian has booked.
        Fee = "fee",
        /// Digits that one side does not carry.
        Rounding = "rounding",
        /// A rate of exchange.
        Fx = "fx",
        /// Prices of different days.
        PriceDate = "price_date",
        /// Booked twice.
        Duplicate = "duplicate",
        /// The custodian is wrong.
        CustodianError = "custodian_error",
        /// The ledger is wrong.
        LedgerError = "ledger_error",
        /// Nobody knows yet.
        Unidentified = "unidentified",
        /// The block that the evidence rests on is no longer in the chain.
        ChainReorg = "chain_reorg",
    }
}

words! {
    /// Where a break stands.
    pub enum BreakState {
        /// Nobody answers for it.
        Open = "open",
        /// It has an owner, and no explanation that counts.
        Assigned = "assigned",
        /// It has one that counts.
        Explained = "explained",
        /// Ended: both sides agree again.
        Resolved = "resolved",
        /// Ended: adjusted by a movement.
        WrittenOff = "written_off",
    }
}

/// Why both sides differ, as somebody said.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The coded reason.
    pub reason: BreakReason,
    /// When it is expected to be gone.
    pub expected_by: Option<Timestamp>,
}

impl Explanation {
    /// Whether it counts at an instant: up to `expected_by`, which is in time itself.
    #[must_use]
    pub fn counts_at(&self, at: Timestamp) -> bool {
        self.expected_by.is_none_or(|by| at <= by)
    }
}

/// How a break ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum BreakEnd {
    /// By evidence.
    Resolved {
        /// The document.
        evidence: Digest,
    },
    /// By an adjusting movement.
    WrittenOff {
        /// The movement.
        movement: MovementId,
    },
}

/// What one record did to a break.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum BreakStep {
    /// Found, for the first time or again after it had ended.
    Opened {
        /// By which reconciliation.
        reconciliation: ReconciliationId,
        /// By how much, signed, in units of the asset.
        amount: String,
    },
    /// Given to who answers for it.
    Assigned {
        /// Its owner from then on.
        to: PartyId,
    },
    /// Explained.
    Explained(Explanation),
    /// Ended.
    Ended(BreakEnd),
    /// The movement that had adjusted it was reversed, so it stands as before.
    Reinstated {
        /// The reversal.
        by: MovementId,
    },
}

/// One signed step of a break's life.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BreakEvent {
    /// The record.
    pub seq: u64,
    /// Its time.
    pub recorded_at: Timestamp,
    /// Who signed it.
    pub author: PartyId,
    /// Its type.
    pub type_name: String,
    /// Its command id.
    pub command_id: Digest,
    /// What it did.
    pub step: BreakStep,
}

/// Where a break is, as the result of the reconciliation that found it says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BreakPlace {
    /// The account's number or address at the custodian.
    pub account: String,
    /// The asset.
    pub asset: String,
}

/// A difference between ledger and statement, kept for ever.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Break {
    /// Its id: made from what differs, so that the same break keeps its age.
    pub id: BreakId,
    /// The reconciliation that found it.
    pub reconciliation: ReconciliationId,
    /// Which line of the result it is.
    pub line: String,
    /// By how much, signed, in units of the asset: statement less ledger.
    pub amount: String,
    /// Where it is; none if the reconciliation's result is not in the form that the ledger reads.
    pub place: Option<BreakPlace>,
    /// Who opened it.
    pub author: PartyId,
    /// When it was opened, for the last time.
    pub opened_at: Timestamp,
    /// The record that opened it, the last time.
    pub opened_seq: u64,
    /// Who answers for it.
    pub owner: Option<PartyId>,
    /// The last explanation, whether it still counts or not.
    pub explanation: Option<Explanation>,
    /// How it ended, if it did.
    pub end: Option<BreakEnd>,
    /// Every step since it was first opened.
    pub timeline: Vec<BreakEvent>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

const DAY_MS: u64 = 86_400_000;

impl Break {
    /// Where it stands at an instant: an explanation whose time has passed counts as none.
    #[must_use]
    pub fn state_at(&self, at: Timestamp) -> BreakState {
        match (&self.end, &self.explanation, &self.owner) {
            (Some(BreakEnd::Resolved { .. }), ..) => BreakState::Resolved,
            (Some(BreakEnd::WrittenOff { .. }), ..) => BreakState::WrittenOff,
            (None, Some(explanation), _) if explanation.counts_at(at) => BreakState::Explained,
            (None, _, Some(_)) => BreakState::Assigned,
            (None, _, None) => BreakState::Open,
        }
    }

    /// Whole days from its opening to its end, or to `at` while it has none.
    #[must_use]
    pub fn age_days(&self, at: Timestamp) -> u64 {
        let ended = self.timeline.last().filter(|_| self.end.is_some()).map(|event| event.recorded_at);
        ended.unwrap_or(at).millis_since(self.opened_at).unwrap_or(0) / DAY_MS
    }
}

/// A break in the result of a reconciliation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResultLine {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub place: BreakPlace,
    /// Statement less ledger, in units of the asset.
    pub amount: String,
}

/// Reads the breaks of a reconciliation's result: `breaks`, each with `id`, `account`, `asset` and
/// `amount`. What else the document holds is not looked at.
///
/// # Errors
/// What keeps it from being such a result.
pub fn read_result(bytes: &[u8]) -> Result<Vec<ResultLine>, String> {
    let tree = json::read(bytes).map_err(|error| error.to_string())?;
    let breaks = tree.get("breaks").and_then(Json::as_array).ok_or("it has no list of breaks")?;
    let lines = breaks.iter().enumerate().map(|(place, one)| {
        let text = |name: &str| {
            let text = one.get(name).and_then(Json::as_str);
            text.map(str::to_owned).ok_or_else(|| format!("/breaks/{place} has no {name}"))
        };
        let at = BreakPlace { account: text("account")?, asset: text("asset")? };
        Ok(ResultLine { id: text("id")?, place: at, amount: text("amount")? })
    });
    lines.collect()
}
