//! A client's balance proof: checked with nothing but the log's key, or a policy.

use super::proof::{Judged, ProofOptions, judge_receipt};
use super::report::{CheckId, Finding, ProvenBalance};
use crate::record::Record;
use crate::seal::{BalanceProof, NotIncluded, SealPayloadError, SealSaid};

/// Help for proofs that contradict themselves.
const KEEP: &str = "keep the file: either it was changed, or the ledger gave a proof that does not hold";

/// Checks the sums to the seal's root, the seal to its record, and the record to a signed tree.
pub(super) fn balance_proof(text: &str, options: &ProofOptions, judged: &mut Judged) {
    let proof = match BalanceProof::parse(text) {
        Ok(proof) => proof,
        Err(error) => {
            let help = "fetch it again from /v1/seals/latest/balance-proof?account=ID";
            judged.found.undecided(CheckId::Inclusion, Finding::new(error.to_string()).help(help));
            return;
        }
    };
    judged.found.skip(CheckId::SealsRecomputed, "it needs every balance: an auditor's replay makes it again");
    judge_receipt(&proof.receipt, options, judged);
    check_sum(&proof, judged);
    let Some(said) = check_seal(&proof, judged) else { return };
    if let Err(error) = proof.check_line(&said.put) {
        let reason = format!("the tree's line is not under the seal's root: {error}");
        judged.found.fail(CheckId::Inclusion, Finding::new(reason).help(KEEP));
    }
    judged.found.count(CheckId::Inclusion, 1);
    let leaf = &proof.sum.leaf;
    judged.balance = Some(ProvenBalance {
        account: leaf.account().to_owned(),
        book: leaf.book().to_owned(),
        tree: proof.line.names().map(str::to_owned),
        units: leaf.units(),
        as_of: said.put.as_of,
        size: said.put.size,
    });
}

fn check_sum(proof: &BalanceProof, judged: &mut Judged) {
    judged.found.count(CheckId::Inclusion, 1);
    if let Err(error) = proof.check_sum() {
        let finding = Finding::new(format!("the balance is not under the tree's line: {error}")).help(KEEP);
        let finding = match error {
            NotIncluded::SumMismatch | NotIncluded::RootMismatch => {
                let root = proof.line.root();
                finding.with(format!("sum {} root {}", root.sum, root.hash), "another")
            }
            NotIncluded::LineMismatch
            | NotIncluded::IndexOutOfRange
            | NotIncluded::PathLength
            | NotIncluded::HashLength
            | NotIncluded::Overflow => finding,
        };
        judged.found.fail(CheckId::Inclusion, finding);
    }
}

/// Reads the seal and binds it to the record that the receipt shows.
fn check_seal(proof: &BalanceProof, judged: &mut Judged) -> Option<SealSaid> {
    let found = &mut judged.found;
    let said = match proof.seal() {
        Ok(said) => said,
        Err(error) => {
            let finding = Finding::new(format!("the seal: {error}"));
            match error {
                SealPayloadError::NotASeal { .. } => found.fail(CheckId::Canonical, finding.help(KEEP)),
                SealPayloadError::Profile(_) | SealPayloadError::Command(_) => {
                    found.undecided(CheckId::Canonical, finding.help(super::NEWER));
                }
            }
            return None;
        }
    };
    found.count(CheckId::Canonical, 1);
    if let Some(origin) = judged.origin.as_ref().filter(|origin| **origin != said.ledger) {
        let finding = Finding::new("the seal is of another ledger than the checkpoint");
        found.fail(CheckId::CheckpointForm, finding.with(origin, &said.ledger).help(KEEP));
    }
    if let Some(record) = judged.record {
        bind(&said, &record, judged);
    }
    Some(said)
}

fn bind(said: &SealSaid, record: &Record, judged: &mut Judged) {
    judged.found.count(CheckId::CommandId, 1);
    if said.command_id != record.command_id {
        let finding = Finding::at(record.seq, "the record is of another command than the seal");
        let finding = finding.with(said.command_id, record.command_id).help(KEEP);
        judged.found.fail(CheckId::CommandId, finding);
    }
    if said.put.size > record.seq {
        let finding = Finding::at(record.seq, "the seal speaks of records after its own");
        let finding = finding.with(format!("at most {}", record.seq), said.put.size);
        judged.found.fail(CheckId::Sequence, finding.help(KEEP));
    }
}
