//! Seals, and auditors' attestations.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::digest::Digest;
use crate::id::AttestationId;
use crate::note::SignatureLine;
use crate::seal_record::SealKind;
use crate::time::Timestamp;

/// `seal.put`: the state after records 0 to `size` − 1, by the root of the lines of its sum trees.
///
/// Signed by a key of the operator that is registered for seals, and for nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealPut {
    /// The recorded time of record `size` − 1.
    pub as_of: Timestamp,
    /// Why it is made.
    pub kind: SealKind,
    /// The document with the lines, one a tree, each with its line feed.
    pub list: Digest,
    /// The RFC 6962 root over the lines.
    pub root: Digest,
    /// The document with the secret of the salts: 32 bytes that no other seal has used.
    pub salts: Digest,
    /// How many records it speaks of.
    pub size: u64,
    /// How many lines.
    pub trees: u64,
}

impl Ask for SealPut {
    fn read(fields: &mut Fields) -> Option<Self> {
        let as_of = fields.parsed("as_of");
        let kind = fields.parsed("kind");
        let list = fields.parsed("list");
        let root = read_root(fields);
        let salts = fields.parsed("salts");
        let size = fields.parsed("size");
        let trees = fields.parsed("trees");
        Some(Self {
            as_of: as_of?,
            kind: kind?,
            list: list?,
            root: root?,
            salts: salts?,
            size: size?,
            trees: trees?,
        })
    }

    /// Digests and sizes tell nobody's business, and whoever checks a balance proof reads them.
    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/list", self.list), ("/body/salts", self.salts)]
    }
}

fn read_root(fields: &mut Fields) -> Option<Digest> {
    fields.required("root", "64 lower-case hex digits", |value| Digest::parse_hex(value.as_str()?))
}

impl ReadText for SealKind {
    const HELP: &'static str = "cadence, close_of_day or final";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// What an auditor's cosigning key is called, after the auditor.
const REPLAY_KEY: &str = "/pledger-replay";

/// Bytes of a cosignature: the time in seconds since 1970, and Ed25519.
const COSIGNATURE_BYTES: usize = 8 + 64;

/// `attestation.put`: an auditor's word that it replayed the log and found it good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttestationPut {
    /// The attestation.
    pub attestation: AttestationId,
    /// Records replayed.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// The cosignature line of the key `<auditor>/pledger-replay`, without its line feed.
    ///
    /// It is read for its form alone: the key that made it is not on the ledger, so whoever has it
    /// checks the signature.
    pub line: String,
    /// What is attested, in words.
    pub statement: String,
    /// The auditor's report.
    pub report: Digest,
}

impl Ask for AttestationPut {
    fn read(fields: &mut Fields) -> Option<Self> {
        let attestation = fields.parsed("attestation");
        let size = fields.parsed("size");
        let root = read_root(fields);
        let line = fields.required(
            "line",
            "— <auditor>/pledger-replay <base64 of key id, time and signature>",
            |value| value.as_str().filter(|text| is_replay_line(text)).map(str::to_owned),
        );
        let statement = fields.required("statement", "text, not empty", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        });
        let report = fields.parsed("report");
        Some(Self {
            attestation: attestation?,
            size: size?,
            root: root?,
            line: line?,
            statement: statement?,
            report: report?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/report", self.report)]
    }
}

fn is_replay_line(text: &str) -> bool {
    let line = SignatureLine::parse(&format!("{text}\n"));
    line.is_ok_and(|line| {
        let auditor = line.name().as_str().strip_suffix(REPLAY_KEY);
        auditor.is_some_and(|auditor| !auditor.is_empty()) && line.signature().len() == COSIGNATURE_BYTES
    })
}
