//! A command that waits for others.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::principal::{Lineage, Principal};
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::id::PartyId;
use crate::key::KeyId;
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// Where a held command stands.
    pub enum HeldStatus {
        /// Others must approve it, until it expires.
        Awaiting = "awaiting_approval",
        /// Approved, and applied at the record that completed the quorum.
        Applied = "applied",
        /// One whose approval was needed refused it.
        Refused = "refused",
        /// Its maker took it back.
        Withdrawn = "withdrawn",
    }
}

/// A command that a policy holds back.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct HeldCommand {
    /// Its command id: what approvers sign.
    pub id: Digest,
    /// The record that holds it.
    pub seq: u64,
    /// Its maker.
    pub author: PartyId,
    /// The maker's key.
    pub signer: KeyId,
    /// Its type.
    pub type_name: String,
    /// Its payload, byte for byte, until it is decided.
    pub payload: Option<Arc<[u8]>>,
    /// From then on it can no longer be approved.
    pub expires_at: Timestamp,
    /// What it waits for, as last judged: all of these.
    pub needs: Vec<Need>,
    /// Who approved, in the order of the log.
    pub approvals: Vec<Approval>,
    /// Where it stands.
    pub status: HeldStatus,
    /// Why it was refused or taken back.
    pub reason: Option<String>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

/// *k* of these principals. The maker is not among them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The policy and rule that ask it.
    pub by: String,
    /// How many.
    pub k: u64,
    /// Of whom.
    pub of: Vec<Principal>,
}

/// One approval.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// By whom.
    pub party: PartyId,
    /// With which key.
    pub keyid: KeyId,
    /// The record.
    pub seq: u64,
}

impl Need {
    /// Whether enough of them approved.
    ///
    /// Two names that one key can stand for count once: no more principals than approvals.
    #[must_use]
    pub fn is_met(&self, approvals: &[Lineage]) -> bool {
        let mut distinct = 0_u64;
        let mut counted: BTreeSet<&str> = BTreeSet::new();
        for lineage in approvals {
            let fresh = self.of.iter().filter(|one| one.holds(lineage)).map(|one| one.name.as_str());
            let fresh: Vec<&str> = fresh.collect();
            if !fresh.is_empty() && fresh.iter().all(|name| !counted.contains(name)) {
                distinct += 1;
            }
            counted.extend(fresh);
        }
        distinct + u64::from(is_planted(Fault::QuorumShort)) >= self.k
    }
}

impl HeldCommand {
    /// Whether it can still be approved at `at`.
    #[must_use]
    pub fn is_awaiting(&self, at: Timestamp) -> bool {
        self.status == HeldStatus::Awaiting && self.expires_at > at
    }

    /// Whether the key is of one whose approval is asked.
    #[must_use]
    pub fn asks(&self, lineage: &Lineage) -> bool {
        self.needs.iter().any(|need| need.of.iter().any(|principal| principal.holds(lineage)))
    }
}
