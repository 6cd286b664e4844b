//! Evidence as the ledger knows it: custodians' statements, reconciliations, observations of chains,
//! auditors' attestations.

use serde::{Deserialize, Serialize};

use crate::command::Provenance;
use crate::digest::Digest;
use crate::id::{AttestationId, CustodyStatementId, ObservationId, PartyId, ReconciliationId};
use crate::time::Timestamp;

/// A custodian's statement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CustodyStatement {
    /// Its id.
    pub id: CustodyStatementId,
    /// The custodian.
    pub custodian: PartyId,
    /// Who brought it.
    pub author: PartyId,
    /// Its format.
    pub format: String,
    /// The instant it speaks of.
    pub as_of: Timestamp,
    /// The raw bytes.
    pub digest: Digest,
    /// Whose word it is.
    pub provenance: Provenance,
    /// The statement it corrects.
    pub supersedes: Option<CustodyStatementId>,
    /// The record.
    pub changed_seq: u64,
}

/// A reconciliation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Its id.
    pub id: ReconciliationId,
    /// Who recorded it.
    pub author: PartyId,
    /// What it compared.
    pub statements: Vec<CustodyStatementId>,
    /// The instant it speaks of.
    pub as_of: Timestamp,
    /// The result document.
    pub digest: Digest,
    /// The result's fingerprint.
    pub fingerprint: Digest,
    /// How many breaks it found.
    pub breaks: u64,
    /// The record.
    pub changed_seq: u64,
}

/// What was seen of a chain at one block.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Its id.
    pub id: ObservationId,
    /// Who looked.
    pub author: PartyId,
    /// The chain.
    pub chain: String,
    /// The block's height.
    pub height: u64,
    /// The block's hash.
    pub block_hash: String,
    /// The document.
    pub digest: Digest,
    /// The later observation by the same author that found another block at this height: a
    /// reorganisation of the chain, after which this one is no evidence any more.
    pub voided_by: Option<ObservationId>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The record that made it.
    pub seq: u64,
    /// The record that changed it last.
    pub changed_seq: u64,
}

/// An auditor's word that it replayed the log up to a size and found it good.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Attestation {
    /// Its id.
    pub id: AttestationId,
    /// The auditor.
    pub author: PartyId,
    /// Records replayed.
    pub size: u64,
    /// The tree's root at that size, as the auditor found it.
    pub root: Digest,
    /// The auditor's cosignature line, without its line feed.
    pub line: String,
    /// What it says in words.
    pub statement: String,
    /// Its report.
    pub report: Digest,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The record.
    pub changed_seq: u64,
}
