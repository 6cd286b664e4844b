//! Batches: thousands of postings in a document, all or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use num_bigint::BigInt;

use super::breaker::{self, Timing};
use super::overrides::Waivers;
use super::postings::{Classes, Working, check_accounts, check_custodians, resolve};
use super::{Content, Entry, check_free, collateral, movement};
use crate::command::MovementBatch;
use crate::decimal::print_scaled;
use crate::id::AssetId;
use crate::movement::Posting;
use crate::rejection::Rejection;
use crate::state::{Change, State};

/// The state keeps that a batch was, by its document; its postings stay in the document.
pub(super) fn apply(state: &State, entry: &Entry, batch: &MovementBatch) -> Result<Vec<Change>, Rejection> {
    let unreadable =
        |reason: &str| Rejection::DocumentDigest { digest: batch.document, reason: reason.to_owned() };
    let content = &entry.documents.content;
    let texts = if let Content::Batch(texts) = content {
        check_accounts(state, texts)?;
        Ok(texts)
    } else {
        Err(unreadable(content.fault("not a document of postings")))
    };
    check_free(state, "movement", batch.movement.as_str())?;
    let texts = texts?;
    let postings = resolve(state, texts, Classes::Same)?;
    let mut working = Working::new(state, entry.seq);
    for posting in &postings {
        working.shift(posting)?;
    }
    let mut waivers = Waivers::new(state, entry);
    collateral::guard_release(&working, entry, &postings, &mut waivers)?;
    check_custodians(state, &postings)?;
    movement::check_inside(state, &postings)?;
    check_totals(state, batch, &postings)?;
    breaker::guard(state, entry, &postings, Timing::AtOnce, &mut waivers)?;
    if u64::try_from(texts.len()) != Ok(batch.count) {
        return Err(unreadable(&format!("it has {} postings, not {}", texts.len(), batch.count)));
    }
    let mut moved = movement::pending(state, entry, batch.movement.clone(), postings, None);
    moved.postings = SmallVec::new();
    moved.batch = Some(batch.document);
    movement::settle_whole(&mut moved);
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(moved)));
    changes.extend(waivers.into_changes());
    Ok(changes)
}

/// Each asset once, each with its sum.
fn check_totals(state: &State, batch: &MovementBatch, postings: &[Posting]) -> Result<(), Rejection> {
    let mut sums: BTreeMap<&AssetId, BigInt> = BTreeMap::new();
    for posting in postings {
        *sums.entry(&posting.asset).or_default() += posting.units;
    }
    let print = |asset: &AssetId, sum: &BigInt| {
        let decimals = state.asset(asset).map_or(0, |asset| asset.decimals);
        format!("{} {asset}", print_scaled(sum, decimals.into()))
    };
    let mut expected: Vec<_> = sums.iter().map(|(asset, sum)| print(asset, sum)).collect();
    let mut got: Vec<_> =
        batch.totals.iter().map(|total| format!("{} {}", total.amount.as_str(), total.asset)).collect();
    expected.sort();
    got.sort();
    if expected == got {
        return Ok(());
    }
    Err(Rejection::EvidenceMismatch { expected: expected.join(", "), got: got.join(", ") })
}
