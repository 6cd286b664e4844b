//! Seals and attestations.
//!
//! `apply` checks form and monotony; the trees are recomputed by `verify` and by every auditor, from
//! the state at the seal's size. Only where that state is the present one, because nothing was recorded
//! since, are counts and sums compared here too.
//!
//! Source: audit specification §11, §17.

use std::sync::Arc;

use super::{Content, Entry, check_free};
use crate::command::{AttestationPut, SealPut};
use crate::evidence::Attestation;
use crate::note::SignatureLine;
use crate::rejection::Rejection;
use crate::seal::SealList;
use crate::seal_record::{Seal, SealKind};
use crate::state::{Change, Sealed, State};

/// Bytes of the secret of a seal's salts.
const SECRET_BYTES: u64 = 32;

pub(super) fn put(state: &State, entry: &Entry, put: &SealPut) -> Result<Vec<Change>, Rejection> {
    let last = state.last_seal();
    if last.is_some_and(|last| last.kind == SealKind::Final) {
        let fits = "nothing: the final seal is the last".to_owned();
        return Err(Rejection::WrongState { state: SealKind::Final.to_string(), fits });
    }
    let least = last.map_or(1, |last| last.size);
    check_size(put.size, least, entry.seq)?;
    check_as_of(state, put, last)?;
    let content = &entry.documents.content;
    if let Content::Unreadable(reason) = content {
        return Err(Rejection::DocumentDigest { digest: put.list, reason: reason.clone() });
    }
    let Content::Seal(list) = content else {
        let (pointer, what) = ("/body/list".to_owned(), "it is not at hand".to_owned());
        return Err(Rejection::UnknownReference { pointer, what });
    };
    if list.root() != put.root {
        let (expected, got) = (list.root().to_string(), put.root.to_string());
        return Err(Rejection::EvidenceMismatch { expected, got });
    }
    check_documents(entry, put, list)?;
    if put.size == state.length() {
        check_sums(state, list)?;
    }
    let seal = Seal {
        seq: entry.seq,
        recorded_at: entry.recorded_at,
        kind: put.kind,
        size: put.size,
        as_of: put.as_of,
        trees: put.trees,
        root: put.root,
        list: put.list,
        salts: put.salts,
    };
    Ok(vec![Change::Seal(Arc::new(seal))])
}

/// Within the log, and not below what was said before.
fn check_size(size: u64, least: u64, seq: u64) -> Result<(), Rejection> {
    if (least..=seq).contains(&size) {
        return Ok(());
    }
    let expected = format!("a size from {least} to {seq}");
    Err(Rejection::AmountOutOfRange { expected, got: size.to_string() })
}

/// The present state tells the time of its last record alone; of an earlier one, only between which
/// times it lies.
fn check_as_of(state: &State, put: &SealPut, last: Option<&Arc<Seal>>) -> Result<(), Rejection> {
    let mismatch =
        |expected: String| Err(Rejection::EvidenceMismatch { expected, got: put.as_of.to_string() });
    if let Some(last) = last.filter(|last| last.size == put.size && last.as_of != put.as_of) {
        return mismatch(last.as_of.to_string());
    }
    let Some(now) = state.recorded_at() else { return Ok(()) };
    if put.size == state.length() && put.as_of != now {
        return mismatch(now.to_string());
    }
    if put.as_of > now {
        return mismatch(format!("at most {now}"));
    }
    match last.filter(|last| put.as_of < last.as_of) {
        Some(last) => mismatch(format!("at least {}", last.as_of)),
        None => Ok(()),
    }
}

fn check_documents(entry: &Entry, put: &SealPut, list: &SealList) -> Result<(), Rejection> {
    let refuse = |digest, reason: String| Err(Rejection::DocumentDigest { digest, reason });
    if list.trees() != put.trees {
        return refuse(put.list, format!("it has {} lines, not {}", list.trees(), put.trees));
    }
    // Whoever knew the salts of an earlier seal, or of another document, could guess balances.
    match entry.documents.fresh.get(&put.salts) {
        Some(&SECRET_BYTES) => Ok(()),
        Some(size) => refuse(put.salts, format!("it has {size} bytes, not {SECRET_BYTES}")),
        None => refuse(put.salts, "it was named before: each seal has a secret of its own".to_owned()),
    }
}

/// Each tree of this state has its line, and no other has.
fn check_sums(state: &State, list: &SealList) -> Result<(), Rejection> {
    let told = |tree: Option<(&[&str; 3], &Sealed)>| match tree {
        None => "no further tree".to_owned(),
        Some((names, Sealed { count, sum })) => {
            let sum = sum.map_or_else(|| "2^128 or more".to_owned(), |sum| sum.to_string());
            format!("{} {count} {sum}", names.join(" "))
        }
    };
    let sealed = state.sealed();
    let mut trees =
        sealed.iter().map(|((custodian, class, asset), tree)| ([*custodian, *class, *asset], *tree));
    let mut lines = list
        .lines()
        .iter()
        .map(|line| (line.names(), Sealed { count: line.count(), sum: Some(line.root().sum) }));
    loop {
        let (tree, line) = (trees.next(), lines.next());
        if tree != line {
            let of =
                |one: &Option<([&str; 3], Sealed)>| told(one.as_ref().map(|(names, tree)| (names, tree)));
            return Err(Rejection::AmountsDoNotSum { expected: of(&tree), got: of(&line) });
        }
        if tree.is_none() {
            return Ok(());
        }
    }
}

/// The root at that size is in the log, not in the state: whoever reads the attestation compares them.
pub(super) fn attest(state: &State, entry: &Entry, put: &AttestationPut) -> Result<Vec<Change>, Rejection> {
    check_free(state, "attestation", put.attestation.as_str())?;
    check_size(put.size, 1, entry.seq)?;
    check_own_key(state, entry, &put.line)?;
    let attestation = Attestation {
        id: put.attestation.clone(),
        author: entry.command.author.clone(),
        size: put.size,
        root: put.root,
        line: put.line.clone(),
        statement: put.statement.clone(),
        report: put.report,
        recorded_at: entry.recorded_at,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Attestation(Arc::new(attestation))])
}

/// Under a key's name and id that another auditor has used, a wrong line would make everyone who knows
/// that key refuse the checkpoint it stands under.
fn check_own_key(state: &State, entry: &Entry, line: &str) -> Result<(), Rejection> {
    let key = |line: &str| {
        let line = SignatureLine::parse(&format!("{line}\n")).ok()?;
        Some((line.name().clone(), line.id()))
    };
    let own = key(line);
    let mut others = state.attestations().filter(|one| one.author != entry.command.author);
    match others.find(|one| key(&one.line) == own) {
        None => Ok(()),
        Some(other) => Err(Rejection::EvidenceMismatch {
            expected: "a line by a key of the author's own".to_owned(),
            got: format!("one by the key of attestation {}", other.id),
        }),
    }
}
