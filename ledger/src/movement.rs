//! Movements as the ledger knows them.

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::digest::Digest;
use crate::id::{AccountId, AssetId, CallId, MovementId, PartyId};
use crate::pool::Hold;
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// Where a movement stands.
    pub enum MovementStatus {
        /// Instructed: what goes out is reserved.
        Pending = "pending",
        /// Done.
        Settled = "settled",
        /// Given up by who instructed it, or failed at the custodian.
        Voided = "voided",
        /// Its time passed before it settled.
        Expired = "expired",
    }
}

/// One debit–credit pair in one asset, in its smallest units.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it goes out.
    pub from: AccountId,
    /// Where it comes in.
    pub to: AccountId,
    /// The asset.
    pub asset: AssetId,
    /// How much, in smallest units; never zero.
    pub units: u128,
    /// How much of it has settled.
    pub settled: u128,
}

impl Posting {
    /// What has not settled.
    #[must_use]
    pub fn remaining(&self) -> u128 {
        self.units - self.settled
    }

    /// A part of it, as a posting of its own.
    #[must_use]
    pub fn part(&self, units: u128) -> Self {
        Self { units, settled: 0, ..self.clone() }
    }
}

/// What leaves one owner's accounts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Outflow {
    /// Whose accounts.
    pub owner: PartyId,
    /// In which asset.
    pub asset: AssetId,
    /// How much, in smallest units: several postings may pass 128 bits together.
    pub units: BigUint,
}

/// What one record did to a movement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MovementStep {
    /// The record.
    pub seq: u64,
    /// What became of the amounts: reserved (`pending`), moved (`settled`), or freed again.
    pub status: MovementStatus,
    /// How much of each posting, in smallest units; empty where the postings are in a document.
    pub amounts: SmallVec<[u128; 1]>,
    /// The business date that the record's command gives.
    pub effective_at: Option<Timestamp>,
}

/// A movement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    /// Its id.
    pub id: MovementId,
    /// Who instructed it.
    pub author: PartyId,
    /// Where it stands.
    pub status: MovementStatus,
    /// What it moves, all or nothing.
    pub postings: SmallVec<[Posting; 1]>,
    /// The document with its postings, if it is a batch; then `postings` is empty.
    pub batch: Option<Digest>,
    /// Until when it may settle.
    pub expires: Option<Timestamp>,
    /// The call it serves.
    pub call: Option<CallId>,
    /// The address that what leaves the custodians' books is sent to, in its chain's normal form.
    pub destination: Option<String>,
    /// What keeps it from settling: a pool's level delayed it when it was instructed.
    pub holds: Vec<Hold>,
    /// The business date, where it differs.
    pub effective_at: Option<Timestamp>,
    /// The custodian's evidence, once settled.
    pub evidence: Option<Digest>,
    /// Why it was voided, reversed or reclassified.
    pub reason: Option<String>,
    /// The movement it undoes.
    pub reverses: Option<MovementId>,
    /// The movement that undoes it.
    pub reversed_by: Option<MovementId>,
    /// What leaves each owner's accounts by it: to another owner, or out of the custodian.
    pub outflows: Vec<Outflow>,
    /// What became of it, record by record.
    pub steps: SmallVec<[MovementStep; 2]>,
    /// The record that instructed it.
    pub instructed_seq: u64,
    /// When that was.
    pub instructed_at: Timestamp,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Movement {
    /// What that record did to it.
    #[must_use]
    pub fn step(&self, seq: u64) -> Option<&MovementStep> {
        self.steps.iter().find(|step| step.seq == seq)
    }
}
