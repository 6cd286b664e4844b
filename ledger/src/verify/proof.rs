//! One file that somebody was given: a receipt, a balance proof, or evidence of a fork.

use std::collections::BTreeSet;

use super::balance;
use super::directory::judge_quorum;
use super::notes::{self, Keeper, Signed};
use super::report::{CheckId, Finding, ProvenBalance, Report};
use super::tally::Tallies;
use crate::checkpoint::Checkpoint;
use crate::digest::Digest;
use crate::envelope::{Envelope, Purpose, pae};
use crate::fork::{Fork, ForkError, ForkEvidence};
use crate::merkle::TreeHead;
use crate::note::{Note, VerifierKey};
use crate::policy::Policy;
use crate::proof::TlogProof;
use crate::record::Record;
use crate::seal::BALANCE_PROOF;

const RECEIPT: &str = "c2sp.org/tlog-proof@v1";
const EVIDENCE: &str = "pledger/fork-evidence/v1";

/// Why checks are not made here.
const ELSEWHERE: &str = "one file does not show it";

/// Help for files whose signer is not known.
const GIVE_KEY: &str = "give --vkey, or --policy with a line for this log";

/// What a proof rests on besides its own bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProofOptions<'a> {
    /// The log's key, known from elsewhere.
    pub vkey: Option<&'a VerifierKey>,
    /// Whose cosignatures are asked for, and by which logs.
    pub policy: Option<&'a Policy>,
    /// The author's own bytes: the payload, or the envelope.
    pub payload: Option<&'a [u8]>,
}

impl ProofOptions<'_> {
    fn keys(&self) -> Vec<&VerifierKey> {
        let of_policy = self.policy.into_iter().flat_map(Policy::logs).map(|log| &log.key);
        self.vkey.into_iter().chain(of_policy).collect()
    }
}

/// Verifies a file that is told apart by its first line.
#[must_use]
pub fn proof(bytes: &[u8], options: &ProofOptions) -> Report {
    let mut judged = Judged::default();
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.lines().next().unwrap_or_default() {
            RECEIPT => receipt(text, options, &mut judged),
            EVIDENCE => evidence(text, options, &mut judged.found),
            BALANCE_PROOF => balance::balance_proof(text, options, &mut judged),
            _ => unknown(&mut judged.found),
        },
        Err(_) => unknown(&mut judged.found),
    }
    let Judged { found, origin, head, checkpoint, cosigned_by, record, balance } = judged;
    let recorded_at = record.map(|record| (record.recorded_at, record.recorded_at));
    let checks = found.finish(ELSEWHERE);
    Report { origin, head, checkpoint, cosigned_by, recorded_at, balance, checks }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) found: Tallies,
    pub(super) origin: Option<String>,
    head: Option<TreeHead>,
    checkpoint: Option<Digest>,
    cosigned_by: Vec<String>,
    /// The record, once the tree was found to hold it.
    pub(super) record: Option<Record>,
    pub(super) balance: Option<ProvenBalance>,
}

fn unknown(found: &mut Tallies) {
    let reason = "no receipt (tlog-proof), balance proof or fork evidence, by its first line";
    found.undecided(CheckId::Inclusion, Finding::new(reason));
}

fn receipt(text: &str, options: &ProofOptions, judged: &mut Judged) {
    match TlogProof::parse(text) {
        Ok(proof) => {
            judge_receipt(&proof, options, judged);
            if let Some(record) = &judged.record {
                bind(record, options.payload, &mut judged.found);
            }
        }
        Err(error) => {
            let help = "fetch the receipt again from /v1/records/{seq}/proof";
            judged.found.undecided(CheckId::Inclusion, Finding::new(error.to_string()).help(help));
        }
    }
}

/// Checks signature, quorum and inclusion, and keeps the record that is shown.
pub(super) fn judge_receipt(proof: &TlogProof, options: &ProofOptions, judged: &mut Judged) {
    let found = &mut judged.found;
    let claimed = Note::parse(&proof.checkpoint).ok();
    let claimed = claimed.and_then(|note| Checkpoint::parse(note.text()).ok());
    judged.origin = claimed.as_ref().map(|checkpoint| checkpoint.origin().to_owned());
    let signed = signed_checkpoint(&proof.checkpoint, claimed.as_ref(), options, found);
    if let (Some(policy), Some(signed)) = (options.policy, &signed) {
        judged.cosigned_by = judge_quorum(policy, signed, found);
    } else {
        found.skip(CheckId::Quorum, "no --policy was given");
    }
    judged.checkpoint = signed.as_ref().map(Signed::digest);
    // An unsigned checkpoint binds nobody; what does not even fit it is wrong all the same.
    let Some(head) = claimed.map(|checkpoint| checkpoint.head()) else { return };
    judged.head = Some(head);
    let Some(leaf) = &proof.extra else {
        found.undecided(CheckId::LeafForm, Finding::new("the receipt carries no record"));
        return;
    };
    found.count(CheckId::Inclusion, 1);
    if let Err(error) = proof.shows(leaf, &head) {
        let finding = Finding::at(proof.index, format!("the leaf is not in the tree: {error}"));
        found.fail(CheckId::Inclusion, finding);
        return;
    }
    judged.record = record(leaf, proof.index, found);
}

/// The checkpoint, if a key that is known for its origin signed it.
fn signed_checkpoint(
    note: &str,
    claimed: Option<&Checkpoint>,
    options: &ProofOptions,
    found: &mut Tallies,
) -> Option<Signed> {
    let keys = options.keys();
    let of_origin =
        claimed.and_then(|claimed| keys.iter().find(|key| key.name().as_str() == claimed.origin()));
    match of_origin.or(keys.first()) {
        Some(key) => {
            let same_log = keys.iter().filter(|known| known.name() == key.name());
            let known: Vec<_> = same_log.map(|known| (*known).clone()).collect();
            notes::judge("the receipt's checkpoint", note.as_bytes(), Keeper::Other, &known, found)
        }
        None => {
            let finding = Finding::new("nobody's key is known").help(GIVE_KEY);
            found.undecided(CheckId::LogSignature, finding);
            None
        }
    }
}

fn record(leaf: &[u8], index: u64, found: &mut Tallies) -> Option<Record> {
    found.count(CheckId::LeafForm, 1);
    let Some(record) = std::str::from_utf8(leaf).ok().and_then(Record::parse) else {
        let finding = Finding::at(index, "the leaf is in the tree and is no record");
        found.fail(CheckId::LeafForm, finding);
        return None;
    };
    found.count(CheckId::Sequence, 1);
    if record.seq != index {
        let finding = Finding::at(index, "the record names another place than it stands at");
        found.fail(CheckId::Sequence, finding.with(index, record.seq));
    }
    Some(record)
}

/// Compares the record with the author's own bytes.
fn bind(record: &Record, payload: Option<&[u8]>, found: &mut Tallies) {
    let Some(payload) = payload else {
        for id in [CheckId::CommandId, CheckId::EnvelopeDigest] {
            found.skip(id, "no --payload was given");
        }
        return;
    };
    let envelope = Envelope::parse(payload).ok();
    let id = match &envelope {
        Some(envelope) => envelope.id(),
        None => Digest::of(&pae(Purpose::Command.payload_type(), payload)),
    };
    let differs = |expected: Digest, got: Digest, what: &str| {
        let finding = Finding::at(record.seq, format!("the record is of {what} than the one given"));
        finding.with(expected, got).help("is it the file that was signed and sent for this record?")
    };
    found.count(CheckId::CommandId, 1);
    if id != record.command_id {
        found.fail(CheckId::CommandId, differs(id, record.command_id, "another command"));
    }
    let Some(envelope) = envelope else {
        found.skip(CheckId::EnvelopeDigest, "--payload is no envelope: the signatures were not given");
        return;
    };
    found.count(CheckId::EnvelopeDigest, 1);
    let digest = Digest::of(envelope.to_string().as_bytes());
    if digest != record.envelope_sha256 {
        found.fail(CheckId::EnvelopeDigest, differs(digest, record.envelope_sha256, "another envelope"));
    }
}

/// Evidence that holds proves the log bad; evidence that does not, proves nothing.
fn evidence(text: &str, options: &ProofOptions, found: &mut Tallies) {
    let id = CheckId::OldConsistency;
    let evidence = match ForkEvidence::parse(text) {
        Ok(evidence) => evidence,
        Err(error) => {
            found.undecided(id, Finding::new(error.to_string()));
            return;
        }
    };
    let keys = options.keys();
    if keys.is_empty() {
        found.undecided(CheckId::LogSignature, Finding::new("nobody's key is known").help(GIVE_KEY));
    }
    let logs: BTreeSet<&str> = keys.iter().map(|key| key.name().as_str()).collect();
    for origin in logs {
        // While a log key is rotated, the two sides may be signed by two keys.
        let of_log = keys.iter().copied().filter(|key| key.name().as_str() == origin);
        match evidence.verify(origin, of_log) {
            Ok(fork) => found.fail(id, forked(&fork)),
            Err(error @ (ForkError::Malformed { .. } | ForkError::Side(_) | ForkError::NoFork { .. })) => {
                found.undecided(id, Finding::new(error.to_string()));
            }
        }
    }
}

fn forked(fork: &Fork) -> Finding {
    let help = "send this file to every party and every witness";
    let finding = match fork {
        Fork::SameSize { size, roots: [a, b] } => {
            let reason = format!("the log forked: it signed two trees of {size} records");
            Finding { first_seq: size.checked_sub(1), ..Finding::new(reason) }.with(a, b)
        }
        Fork::SameIndex { index, leaves: [a, b] } => {
            let show = |leaf: &[u8]| String::from_utf8_lossy(leaf).trim_end().replace('\n', " ");
            let reason = "the log forked: it signed two records with one number";
            Finding::at(*index, reason).with(show(a), show(b))
        }
    };
    finding.help(help)
}
