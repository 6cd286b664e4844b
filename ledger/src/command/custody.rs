//! Custodians' statements, observations of chains, and reconciliations.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::digest::Digest;
use crate::id::{CustodyStatementId, ObservationId, PartyId, ReconciliationId};
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

/// `custody.observe`: evidence of a chain's state at one block, read from the outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustodyObserve {
    /// The observation.
    pub observation: ObservationId,
    /// The chain, 1 to 32 of `a-z 0-9 -`.
    pub chain: String,
    /// The block's height.
    pub height: u64,
    /// The block's hash: 64 lower-case hex digits, after `0x` where the chain writes it so.
    pub block_hash: String,
    /// The document with address, asset, amount, policy and what was answered.
    pub digest: Digest,
}

impl Ask for CustodyObserve {
    fn read(fields: &mut Fields) -> Option<Self> {
        let observation = fields.parsed("observation");
        let chain = fields.required("chain", "a chain's name: 1 to 32 of a-z 0-9 -", |value| {
            value.as_str().filter(|text| is_chain(text)).map(str::to_owned)
        });
        let height = fields.parsed("height");
        let block_hash =
            fields.required("block_hash", "64 lower-case hex digits, with or without 0x", |value| {
                let text = value.as_str()?;
                Digest::parse_hex(text.strip_prefix("0x").unwrap_or(text)).map(|_| text.to_owned())
            });
        let digest = fields.parsed("digest");
        Some(Self {
            observation: observation?,
            chain: chain?,
            height: height?,
            block_hash: block_hash?,
            digest: digest?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

fn is_chain(text: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(alphabet)
}
