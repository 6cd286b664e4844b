//! What the ledger itself runs under: its witnesses, its log key, its rules, its clock, its end.
//!
//! All of them are the operator's, and all need a second principal where a policy says so.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::digest::Digest;
use crate::note::{KeyMaterial, KeyName, VerifierKey};

/// `ledger.witness_policy`: another quorum, from this record on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessPolicySet {
    /// The document: a policy in `tlog-policy` form that names this ledger's log.
    pub policy: Digest,
}

impl Ask for WitnessPolicySet {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { policy: fields.parsed("policy")? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/policy", self.policy)]
    }
}

/// `ledger.log_key`: announces the key that will sign checkpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogKeyAnnounce {
    /// The key: a C2SP vkey of type 01 whose name is the ledger's origin.
    pub log_vkey: VerifierKey,
    /// The size of the log, in records, from which it signs: above the size with this record.
    pub from_size: u64,
}

impl Ask for LogKeyAnnounce {
    fn read(fields: &mut Fields) -> Option<Self> {
        let log_vkey = fields.parsed("log_vkey");
        let from_size = fields.parsed("from_size");
        Some(Self { log_vkey: log_vkey?, from_size: from_size? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}

/// A vkey of a log: weak keys are none.
impl ReadText for VerifierKey {
    const HELP: &'static str = "a C2SP vkey of type 01, as name+hex8+base64, of a sound Ed25519 key";
    fn read_text(text: &str) -> Option<Self> {
        let key = Self::parse(text).ok()?;
        matches!(key.material(), KeyMaterial::Ed25519(_)).then_some(key)
    }
}

/// `ledger.rules`: the rules version of later records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulesSet {
    /// The version: one that the program has.
    pub version: u64,
    /// The first record that is judged by it, by its sequence number: later than this one.
    pub from: u64,
}

impl Ask for RulesSet {
    fn read(fields: &mut Fields) -> Option<Self> {
        let version = fields.parsed("version");
        let from = fields.parsed("from");
        Some(Self { version: version?, from: from? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}

/// `ledger.confirm_clock`: the clock is right. The one command that is taken while the clock is not
/// believed; its own recorded time is the time that it confirms.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClockConfirm {
    /// Why, and how it was checked.
    pub reason: String,
}

impl Ask for ClockConfirm {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { reason: fields.text("reason")? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}

/// `ledger.close`: the last record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerClose {
    /// Why.
    pub reason: String,
    /// The origin of the ledger that follows, if one does.
    pub successor: Option<String>,
}

impl Ask for LedgerClose {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reason = fields.text("reason");
        let successor = fields.optional("successor", "an origin: a schema-less URL", |value| {
            value.as_str().filter(|origin| KeyName::new(origin).is_ok()).map(str::to_owned)
        });
        Some(Self { reason: reason?, successor: successor? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}
