//! Four eyes: which commands wait for whom.
//!
//! A [`PolicyDocument`] says what an author's signature alone may do and what needs *k* of a group
//! besides. Distinct principals count, never keys or signatures, and never the maker. Here is what a
//! policy says and what a held command is; `apply` decides by them.
//!
//! Source: API specification §2, "Policies and four eyes".

mod document;
mod held;
mod principal;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use document::fits;
pub use document::{
    AssetMost, Condition, DestinationRule, FLOW_WINDOW_MAX, Group, Hours, Limit, LimitMeasure,
    PolicyDocument, PolicyFault, Quorum, Rolling, Rule, RuleResult, ValueMost,
};
pub use held::{Approval, HeldCommand, HeldStatus, Need};
pub use principal::{Lineage, Principal};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{PartyId, PolicyId};

/// Whose commands a policy speaks of.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Scope {
    /// Everybody's: `*`. The operator sets it.
    Everyone,
    /// One party's own: its id. That party sets it.
    Party(PartyId),
}

impl Scope {
    /// Reads `*` or a party's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" { Some(Self::Everyone) } else { PartyId::parse(text).ok().map(Self::Party) }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Everyone => f.write_str("*"),
            Self::Party(party) => f.write_str(party.as_str()),
        }
    }
}

/// A policy in force.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Whose commands it speaks of.
    pub scope: Scope,
    /// 1, and one more with each change.
    pub version: u64,
    /// Its bytes.
    pub digest: Digest,
    /// Its rules.
    pub document: PolicyDocument,
    /// The record that changed it last.
    pub changed_seq: u64,
}
