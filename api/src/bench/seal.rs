//! How long a seal takes, and what a client's proof of it costs.
//!
//! One custodian, class and asset hold almost every account, so the proof is as long as it gets. The
//! receipt is of a log of 2^20 records, unless told, with three cosignatures; its leaves are made up, its signatures
//! are not. Everything runs on one core.

use std::time::{Duration, Instant};

use ledger::account::Account;
use ledger::checkpoint::Checkpoint;
use ledger::cosignature::Cosigner;
use ledger::digest::Digest;
use ledger::envelope::{Purpose, pae};
use ledger::json::Json;
use ledger::merkle::{self, Subtree, TreeHead, leaf_hash};
use ledger::note::{KeyName, LogSigner, Note};
use ledger::policy::Policy;
use ledger::proof::TlogProof;
use ledger::record::Record;
use ledger::seal::{BalanceProof, SealList, SealTrees};
use ledger::state::State;
use ledger::verify::{ProofOptions, Verdict, proof};

use super::book::{Book, ORIGIN};
use super::figures::{Figures, Section, median, millis};
use super::limits;
use super::memory::state_with_accounts;
use crate::client::Draft;

/// What to run.
pub struct Options {
    /// Accounts that are sealed.
    pub accounts: u64,
    /// Seals, and proofs of each; figures are medians.
    pub runs: u32,
    /// Records of the log that the seal stands in.
    pub log_records: u64,
}

/// Seals a state, makes a proof of it and checks the proof, again and again.
///
/// # Errors
/// What went wrong, for a person.
pub fn run(options: &Options) -> Result<Figures, String> {
    if options.accounts == 0 || options.runs == 0 || options.log_records < 8 {
        return Err("at least one account, one run and eight records".to_owned());
    }
    let load_before = limits::load();
    let hashed = limits::sha256();
    let state = state_with_accounts(options.accounts)?;
    let (mut sealed, mut cpu) = (Vec::new(), Vec::new());
    let mut last = None;
    for run in 0..options.runs {
        let secret = Digest::of(&run.to_be_bytes()).0;
        let (start, before) = (Instant::now(), limits::cpu_time());
        let trees = state.seal_trees(&secret).map_err(|error| error.to_string())?;
        let list = trees.list().map_err(|error| error.to_string())?;
        sealed.push(start.elapsed());
        cpu.push(limits::cpu_time().saturating_sub(before));
        last = Some((trees, list));
    }
    let (trees, list) = last.ok_or("no run")?;
    let proofs = prove(&state, &trees, &list, options)?;
    let mut figures = Figures::default();
    figures.add(
        "",
        vec![
            ("format", "pledger.bench.seal.v1".to_owned()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("accounts", options.accounts.to_string()),
            ("runs", options.runs.to_string()),
            ("log_records", options.log_records.to_string()),
        ],
    );
    figures.add(
        "machine",
        vec![("cores", limits::cores()), ("load_before", load_before), ("load_after", limits::load())],
    );
    figures.add("limits", vec![hashed]);
    let largest = list.lines().iter().map(|line| line.count()).max().unwrap_or_default();
    figures.add(
        "seal",
        vec![
            ("trees", list.trees().to_string()),
            ("largest_tree", largest.to_string()),
            ("seal_ms", millis(median(sealed))),
            ("seal_cpu_ms", millis(median(cpu))),
        ],
    );
    figures.add("proof", proofs);
    Ok(figures)
}

fn prove(state: &State, trees: &SealTrees, list: &SealList, options: &Options) -> Result<Section, String> {
    let sealed = sealed(state, list, options.log_records)?;
    let policy = Policy::parse(&sealed.policy).map_err(|error| error.to_string())?;
    let mut largest: Vec<&Account> = state.accounts().map(AsRef::as_ref).collect();
    largest.sort_by_key(|account| {
        let names = [account.custodian.as_str(), account.class.as_str(), account.asset.as_str()];
        std::cmp::Reverse(trees.tree(names).map_or(0, |tree| tree.leaves().len()))
    });
    let is_sealed = |account: &&&Account| account.book != ledger::account::Book::External;
    let account = largest.iter().find(is_sealed).ok_or("no account is sealed")?;
    let names = [account.custodian.as_str(), account.class.as_str(), account.asset.as_str()];
    let tree = trees.tree(names).ok_or("no tree")?;
    let (mut made, mut checked, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..options.runs {
        let start = Instant::now();
        let proof_text = BalanceProof::make(
            account.id.as_str(),
            account.book.as_str(),
            tree,
            names,
            list,
            sealed.payload.clone(),
            sealed.receipt.clone(),
        );
        let proof_text = proof_text.map_err(|error| error.to_string())?.to_string();
        made.push(start.elapsed());
        bytes = proof_text.len();
        checked.push(check(&proof_text, &policy)?);
    }
    Ok(vec![
        ("bytes", bytes.to_string()),
        ("make_ms", millis(median(made))),
        ("verify_ms", millis(median(checked))),
    ])
}

fn check(text: &str, policy: &Policy) -> Result<Duration, String> {
    let start = Instant::now();
    let report = proof(text.as_bytes(), &ProofOptions { policy: Some(policy), ..ProofOptions::default() });
    let took = start.elapsed();
    if report.verdict() == Verdict::Good { Ok(took) } else { Err(report.to_string()) }
}

/// A seal in a log.
struct InLog {
    payload: String,
    receipt: TlogProof,
    policy: String,
}

fn sealed(state: &State, list: &SealList, records: u64) -> Result<InLog, String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    let as_of = state.recorded_at().ok_or("an empty state")?;
    let seq = records - 5;
    let body = [
        ("as_of", as_of.to_string()),
        ("kind", "close_of_day".to_owned()),
        ("list", Digest::of(list.to_string().as_bytes()).tagged()),
        ("root", list.root().to_string()),
        ("salts", Digest::of(b"a secret").tagged()),
        ("size", state.length().min(seq).to_string()),
        ("trees", list.trees().to_string()),
    ];
    let draft = Draft {
        type_name: "seal.put",
        ledger: ORIGIN,
        author: "harbor",
        idempotency_key: "benchmark-of-the-seal-1",
        expires_at: as_of.plus_millis(600_000).unwrap_or(as_of),
        effective_at: None,
    };
    let payload = draft.payload(Json::object(body.map(|(name, text)| (name, Json::text(text)))));
    let command_id = Digest::of(&pae(Purpose::Command.payload_type(), &payload));
    let record = Record { seq, recorded_at: as_of, command_id, envelope_sha256: Digest::of(b"an envelope") };
    let leaves = (0..records)
        .map(|at| if at == seq { leaf_hash(&record.leaf()) } else { Digest::of(&at.to_be_bytes()) });
    let leaves: Vec<Digest> = leaves.collect();
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let mut node = |node: Subtree| -> Result<Digest, String> {
        let range = place(node.index << node.level)..place((node.index + 1) << node.level);
        Ok(merkle::root_of(leaves[range].iter().copied()))
    };
    let path = merkle::inclusion_path(seq, records, &mut node)?;
    let head = TreeHead { size: records, root: merkle::root_of(leaves.iter().copied()) };
    let name = KeyName::new(ORIGIN).map_err(|error| told(&error))?;
    let signer = LogSigner::new(name, &Book::new(1, 0)?.log_key().seed());
    let text = Checkpoint::new(ORIGIN, head).map_err(|error| told(&error))?.to_string();
    let mut policy = format!("log {}\n", signer.verifier());
    let mut note = Note::new(&text, vec![signer.line(&text)]).map_err(|error| told(&error))?;
    for place in 1..=3_u8 {
        let name = KeyName::new(&format!("witness.example/w{place}")).map_err(|error| told(&error))?;
        let cosigner = Cosigner::new(name, &[place; 32]);
        policy += &format!("witness w{place} {}\n", cosigner.verifier());
        note = note.sign(cosigner.cosign(&text, 1_767_600_000)).map_err(|error| told(&error))?;
    }
    policy += "group all all w1 w2 w3\nquorum all\n";
    let checkpoint = note.to_string();
    let receipt = TlogProof { extra: Some(record.leaf()), index: seq, path, checkpoint };
    let payload = String::from_utf8(payload).map_err(|error| told(&error))?;
    Ok(InLog { payload, receipt, policy })
}
