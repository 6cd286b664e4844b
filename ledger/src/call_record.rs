//! Calls as the ledger knows them: the life of [`crate::call`], with what it is tied to.

use serde::{Deserialize, Serialize};

use crate::call::{Call, CallState, CallTimes};
use crate::digest::Digest;
use crate::id::{AccountId, AgreementId, AssetId, CallId, MovementId, PartyId, RegimeId, StatementId};
use crate::time::Timestamp;
use crate::valuation::Value;
use crate::words::words;

words! {
    /// What a call asks for.
    pub enum CallMargin {
        /// What was lost: exposure alone.
        Variation = "variation",
        /// What might be lost: an amount that rests on a requirement.
        Initial = "initial",
    }
}

/// That a halt has taken the times off a call.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CallHold {
    /// The pool that is halted.
    pub pool: RegimeId,
    /// Since when.
    pub since: Timestamp,
    /// The times it had, which it gets back later by as long as it was held.
    pub times: CallTimes,
}

/// One asset that was pledged to meet a call, reserved where it comes from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ReservedItem {
    /// Where it comes from.
    pub from: AccountId,
    /// The asset.
    pub asset: AssetId,
    /// How much, in smallest units.
    pub units: u128,
}

/// One signed step of a call's life.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
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
}

/// A call on the ledger.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Its id.
    pub id: CallId,
    /// The call it is a half of.
    pub parent: Option<CallId>,
    /// The agreement it was made under.
    pub agreement: AgreementId,
    /// The version it was computed under, for ever.
    pub version: u64,
    /// The margin statement it rests on.
    pub statement: StatementId,
    /// Who holds or may demand collateral.
    pub secured: PartyId,
    /// Who gives it.
    pub pledgor: PartyId,
    /// The currency of its amounts.
    pub currency: String,
    /// Where it stands.
    pub call: Call,
    /// What it asks for.
    pub margin: CallMargin,
    /// That it is not due until a halt lifts.
    pub held: Option<CallHold>,
    /// What is pledged to meet it.
    pub items: Vec<ReservedItem>,
    /// The command that pledged it.
    pub pledge: Option<Digest>,
    /// The movement that carries it over.
    pub movement: Option<MovementId>,
    /// Every signed step.
    pub timeline: Vec<CallEvent>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl CallRecord {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> CallState {
        self.call.state()
    }

    /// What it asks, in its currency.
    #[must_use]
    pub fn amount(&self) -> &Value {
        self.call.amount()
    }
}
