//! Addresses outside the custodians' books, to which collateral may be sent: added, proved, allowed,
//! cooled off, and only then active.
//!
//! Source: custody specification §4, allow-list.

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, look_alike};
use crate::digest::Digest;
use crate::id::{AccountId, PartyId};
use crate::time::Timestamp;
use crate::words::words;

/// From its allowance to its first use an address rests for a day at least; a policy may ask for more.
pub const COOLING_OFF_MIN_MS: u64 = 86_400_000;

words! {
    /// Where an address stands at an instant.
    pub enum AddressStage {
        /// Named, and nothing else.
        Added = "added",
        /// Its owner has shown control of it.
        Proved = "proved",
        /// Allowed from a later instant on.
        CoolingOff = "cooling_off",
        /// May be sent to.
        Active = "active",
        /// Taken off the list: at once.
        Removed = "removed",
    }
}

/// What showed control of an address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ControlProof {
    /// The document: challenge and signature, checked in full by whoever reads it.
    pub document: Digest,
    /// The account that the challenge names.
    pub account: AccountId,
    /// The challenge's number, in hex, never used again.
    pub nonce: String,
    /// Until when the challenge could be answered.
    pub expires: Timestamp,
    /// The record that brought it.
    pub seq: u64,
}

/// Who allowed an address, and from when it may be used.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Allowance {
    /// The end of the cooling-off.
    pub from: Timestamp,
    /// Who allowed it.
    pub by: PartyId,
    /// The record that did.
    pub seq: u64,
}

/// Why an address was taken off the list.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// The reason given.
    pub reason: String,
    /// The record that did.
    pub seq: u64,
}

/// An address of one owner on one chain, for use from one custodian or from all.
///
/// Invariant: `address` is the chain's normal form. Another owner, custodian or memo is another address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// Its text, with the memo if the chain asks for one.
    pub address: String,
    /// The chain.
    pub chain: Chain,
    /// Whose it is.
    pub owner: PartyId,
    /// The custodian it may be reached from; any, if none is named.
    pub custodian: Option<PartyId>,
    /// Who added it.
    pub added_by: PartyId,
    /// The record that did.
    pub added_seq: u64,
    /// The last proof of control.
    pub proof: Option<ControlProof>,
    /// Its allowance.
    pub allowed: Option<Allowance>,
    /// Its removal.
    pub removed: Option<Removal>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Address {
    /// Where it stands at an instant: allowed, it is active from `from` on.
    #[must_use]
    pub fn stage_at(&self, at: Timestamp) -> AddressStage {
        match (&self.removed, &self.allowed, &self.proof) {
            (Some(_), _, _) => AddressStage::Removed,
            (None, Some(allowed), _) if allowed.from <= at => AddressStage::Active,
            (None, Some(_), _) => AddressStage::CoolingOff,
            (None, None, Some(_)) => AddressStage::Proved,
            (None, None, None) => AddressStage::Added,
        }
    }

    /// Whether both are the same address of the same owner for the same use.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.address, &self.chain, &self.owner, &self.custodian)
            == (&other.address, &other.chain, &other.owner, &other.custodian)
    }

    /// Whether it is active and this text could be taken for it.
    #[must_use]
    pub fn is_taken_for(&self, text: &str, at: Timestamp) -> bool {
        self.stage_at(at) == AddressStage::Active && look_alike(&self.address, text)
    }
}
