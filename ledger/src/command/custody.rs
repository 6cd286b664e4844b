//! Custodians' statements, reconciliations and breaks.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, QuantityText, ReadText};
use crate::digest::Digest;
use crate::id::{BreakId, CustodyStatementId, PartyId, ReconciliationId};
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// Whose word a statement is.
    pub enum Provenance {
        /// The custodian signed the statement or the command that brings it.
        Signed = "signed",
        /// The operator relays what a custodian that signs nothing has sent.
        Relayed = "relayed",
    }
}

/// `custody.statement`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustodyStatementPut {
    /// The statement.
    pub statement: CustodyStatementId,
    /// The custodian it comes from.
    pub custodian: PartyId,
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
}

impl Ask for CustodyStatementPut {
    fn read(fields: &mut Fields) -> Option<Self> {
        let statement = fields.parsed("statement");
        let custodian = fields.parsed("custodian");
        let format = fields.text("format");
        let as_of = fields.parsed("as_of");
        let digest = fields.parsed("digest");
        let provenance = fields.parsed("provenance");
        let supersedes = fields.parsed_optional("supersedes");
        Some(Self {
            statement: statement?,
            custodian: custodian?,
            format: format?,
            as_of: as_of?,
            digest: digest?,
            provenance: provenance?,
            supersedes: supersedes?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Party(self.custodian.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

impl ReadText for Provenance {
    const HELP: &'static str = "signed or relayed";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// `recon.record`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReconciliationRecord {
    /// The reconciliation.
    pub reconciliation: ReconciliationId,
    /// The statements it compared.
    pub statements: Vec<CustodyStatementId>,
    /// The instant it speaks of.
    pub as_of: Timestamp,
    /// The result document.
    pub digest: Digest,
    /// The result's fingerprint.
    pub fingerprint: Digest,
    /// How many breaks it found.
    pub breaks: u64,
}

impl Ask for ReconciliationRecord {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reconciliation = fields.parsed("reconciliation");
        let statements = fields.set("statements");
        let as_of = fields.parsed("as_of");
        let digest = fields.parsed("digest");
        let fingerprint = fields
            .required("fingerprint", "64 lower-case hex digits", |value| Digest::parse_hex(value.as_str()?));
        let breaks = fields.parsed("breaks");
        Some(Self {
            reconciliation: reconciliation?,
            statements: statements?,
            as_of: as_of?,
            digest: digest?,
            fingerprint: fingerprint?,
            breaks: breaks?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

/// `break.open`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakOpen {
    /// The break: 16 hex digits made from what differs, not from the amount.
    pub id: BreakId,
    /// The reconciliation that found it.
    pub reconciliation: ReconciliationId,
    /// Which line of the result it is.
    pub line: String,
    /// By how much, with its sign given by the line's type.
    pub amount: QuantityText,
    /// Whether the amount is negative.
    pub negative: bool,
}

impl Ask for BreakOpen {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let reconciliation = fields.parsed("reconciliation");
        let line = fields.text("line");
        let amount = fields.required("amount", "a signed quantity as -12.5", |value| {
            let text = value.as_str()?;
            let magnitude = text.strip_prefix('-').unwrap_or(text);
            crate::decimal::DecimalText::parse(text).ok()?;
            Some((QuantityText::read_text(magnitude)?, magnitude.len() != text.len()))
        });
        let (amount, negative) = amount?;
        Some(Self { id: id?, reconciliation: reconciliation?, line: line?, amount, negative })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }
}
