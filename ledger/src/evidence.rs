//! Custodians' evidence as the ledger knows it: statements, reconciliations, breaks.

use serde::{Deserialize, Serialize};

use crate::command::Provenance;
use crate::digest::Digest;
use crate::id::{BreakId, CustodyStatementId, PartyId, ReconciliationId};
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

/// A difference between ledger and statement, kept until it is resolved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Break {
    /// Its id: made from what differs, so that the same break keeps its age.
    pub id: BreakId,
    /// The reconciliation that found it.
    pub reconciliation: ReconciliationId,
    /// Which line of the result it is.
    pub line: String,
    /// By how much, signed, in units of the asset.
    pub amount: String,
    /// Who opened it.
    pub author: PartyId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The record.
    pub changed_seq: u64,
}
