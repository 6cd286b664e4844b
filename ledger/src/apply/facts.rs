//! What a command moves, as far as a policy asks.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::postings::{Classes, resolve};
use super::{Content, Entry};
use crate::account::{Account, Book, PropertyClass};
use crate::command::Body;
use crate::id::{AssetId, PartyId};
use crate::movement::{Outflow, Posting};
use crate::rejection::Rejection;
use crate::state::{Change, Effects, State};

/// What a command moves.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Of each asset, in smallest units, all postings together.
    pub(super) moved: BTreeMap<AssetId, BigUint>,
    /// The classes it moves from and to.
    pub(super) classes: BTreeSet<PropertyClass>,
    /// What leaves each owner.
    pub(super) outflows: Vec<Outflow>,
    /// Whether something leaves a custodian.
    pub(super) leaves: bool,
    /// Whether it names an address on the allow-list; one that is not active was refused before.
    pub(super) destination: bool,
}

impl Facts {
    /// What a command that holds would move.
    ///
    /// # Errors
    /// None: a batch that holds resolves again.
    pub(super) fn of(state: &State, entry: &Entry, effects: &Effects) -> Result<Self, Rejection> {
        let mut facts = Self::default();
        for change in &effects.0 {
            let Change::Movement(movement) = change else { continue };
            if movement.instructed_seq == entry.seq {
                facts.add(state, &movement.postings);
                facts.outflows.extend(movement.outflows.iter().cloned());
                facts.destination |= movement.destination.is_some();
            }
        }
        // A batch keeps its postings in its document.
        if let (Body::MovementBatch(_), Content::Batch(texts)) =
            (&entry.command.body, &entry.documents.content)
        {
            facts.add(state, &resolve(state, texts, Classes::Same)?);
        }
        Ok(facts)
    }

    fn add(&mut self, state: &State, postings: &[Posting]) {
        for posting in postings {
            *self.moved.entry(posting.asset.clone()).or_default() += posting.units;
            for account in [&posting.from, &posting.to].into_iter().filter_map(|id| state.account(id)) {
                self.classes.insert(account.class);
            }
            self.leaves |= state.account(&posting.to).is_some_and(|to| to.book == Book::External);
        }
    }
}

/// What postings take out of each owner's accounts.
pub(super) fn outflows(state: &State, postings: &[Posting]) -> Vec<Outflow> {
    let mut sums: BTreeMap<(&PartyId, &AssetId), BigUint> = BTreeMap::new();
    for posting in postings {
        let ends = state.account(&posting.from).zip(state.account(&posting.to));
        let Some((from, _)) = ends.filter(|(from, to)| leaves_owner(from, to)) else { continue };
        *sums.entry((&from.owner, &posting.asset)).or_default() += posting.units;
    }
    let outflow = |((owner, asset), units): ((&PartyId, &AssetId), BigUint)| Outflow {
        owner: owner.clone(),
        asset: asset.clone(),
        units,
    };
    sums.into_iter().map(outflow).collect()
}

/// To another owner, or out of the custodian.
pub(crate) fn leaves_owner(from: &Account, to: &Account) -> bool {
    from.book != Book::External && (from.owner != to.owner || to.book == Book::External)
}
