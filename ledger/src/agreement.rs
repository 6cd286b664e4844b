//! Agreements as the ledger knows them: versions that both parties signed, and those proposed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::csa;
use crate::digest::Digest;
use crate::id::{AgreementId, PartyId};
use crate::json;
use crate::time::Timestamp;
use crate::valuation::Side;

/// The terms of one version with the bytes they were signed in.
///
/// Invariant: `terms` is what [`csa::Agreement::read`] makes of `text`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignedTerms {
    text: Arc<str>,
    terms: Arc<csa::Agreement>,
}

impl SignedTerms {
    /// Reads an agreement document.
    ///
    /// # Errors
    /// What is wrong and where, for a person.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let tree = json::read(bytes).map_err(|error| error.to_string())?;
        let terms = csa::Agreement::read(&tree).map_err(|error| error.to_string())?;
        Ok(Self { text: text.into(), terms: Arc::new(terms) })
    }

    /// The terms.
    #[must_use]
    pub fn terms(&self) -> &csa::Agreement {
        &self.terms
    }

    /// The document's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The parties `a` and `b`, if their ids are ids of parties.
    #[must_use]
    pub fn party_ids(&self) -> Vec<PartyId> {
        let parties = self.terms.parties();
        [Side::A, Side::B].into_iter().filter_map(|side| PartyId::parse(parties.get(side)).ok()).collect()
    }
}

impl TryFrom<String> for SignedTerms {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::read(text.as_bytes())
    }
}

impl From<SignedTerms> for String {
    fn from(signed: SignedTerms) -> Self {
        signed.text.as_ref().to_owned()
    }
}

/// A version that one party proposed or both signed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AgreementVersion {
    /// Its number, from 1.
    pub version: u64,
    /// The document.
    pub digest: Digest,
    /// Its terms.
    pub signed: SignedTerms,
    /// From when it is in force, once accepted.
    pub effective_from: Timestamp,
    /// Who proposed it.
    pub proposed_by: PartyId,
    /// The record that did.
    pub proposed_seq: u64,
    /// The record by which the other side accepted it.
    pub accepted_seq: Option<u64>,
}

/// The end of an agreement, as one of its parties gave notice of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Termination {
    /// From when no version follows and what is left runs off.
    pub from: Timestamp,
    /// Who ended it.
    pub by: PartyId,
    /// The record that did.
    pub seq: u64,
}

/// An agreement between two parties.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// `a` and `b`, in that order.
    pub parties: Vec<PartyId>,
    /// Accepted versions, ascending: number n stands at n − 1.
    pub versions: Vec<AgreementVersion>,
    /// The version that waits for the other side.
    pub proposal: Option<AgreementVersion>,
    /// Its end, if notice was given.
    pub termination: Option<Termination>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Agreement {
    /// The end, if it has come by an instant.
    #[must_use]
    pub fn ended_at(&self, at: Timestamp) -> Option<&Termination> {
        self.termination.as_ref().filter(|termination| termination.from <= at)
    }

    /// The version in force at an instant: the last accepted that is effective. Under an agreement that
    /// has ended it is the one that what is left runs off under.
    #[must_use]
    pub fn in_force(&self, at: Timestamp) -> Option<&AgreementVersion> {
        self.versions.iter().rev().find(|version| version.effective_from <= at)
    }

    /// Which side a party is.
    #[must_use]
    pub fn side_of(&self, party: &PartyId) -> Option<Side> {
        let place = self.parties.iter().position(|id| id == party)?;
        Some(if place == 0 { Side::A } else { Side::B })
    }

    /// The party on a side.
    #[must_use]
    pub fn party(&self, side: Side) -> &PartyId {
        match side {
            Side::A => &self.parties[0],
            Side::B => &self.parties[1],
        }
    }
}
