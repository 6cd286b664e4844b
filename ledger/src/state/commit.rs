//! The one place where the state changes: what `apply` found is put in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DocumentEntry, KeyHolder, Opened, State};
use crate::account::{Account, Book};
use crate::address::Address;
use crate::agreement::Agreement;
use crate::apply::Entry;
use crate::approval::{HeldCommand, HeldStatus, Policy};
use crate::asset::Asset;
use crate::break_record::Break;
use crate::call_record::CallRecord;
use crate::digest::Digest;
use crate::evidence::{Attestation, CustodyStatement, Observation, Reconciliation};
use crate::fault::{Fault, is_planted};
use crate::id::{AssetId, PartyId};
use crate::market::{AdoptedRegime, MarginStatement, Portfolio, Prices};
use crate::movement::{Movement, MovementStatus};
use crate::overrides::Override;
use crate::party::Party;
use crate::pool::Pool;
use crate::seal_record::Seal;
use crate::time::Timestamp;
use crate::webhook::Webhook;

/// One object as it is after the record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The ledger's own terms.
    Opened(Arc<Opened>),
    /// A party or its keys.
    Party(Arc<Party>),
    /// An asset.
    Asset(Arc<Asset>),
    /// An account and its balance.
    Account(Arc<Account>),
    /// An agreement.
    Agreement(Arc<Agreement>),
    /// An address on the allow-list.
    Address(Arc<Address>),
    /// A document and who may read it.
    Document(Digest, Arc<DocumentEntry>),
    /// The prices in force.
    Prices(Arc<Prices>),
    /// A rule book adopted.
    Regime(Arc<AdoptedRegime>),
    /// A portfolio.
    Portfolio(Arc<Portfolio>),
    /// A margin statement.
    Statement(Arc<MarginStatement>),
    /// A movement.
    Movement(Arc<Movement>),
    /// A call.
    Call(Arc<CallRecord>),
    /// A custodian's statement.
    CustodyStatement(Arc<CustodyStatement>),
    /// A reconciliation.
    Reconciliation(Arc<Reconciliation>),
    /// A break.
    Break(Arc<Break>),
    /// A policy.
    Policy(Arc<Policy>),
    /// A command that waits for others, or waited.
    Held(Arc<HeldCommand>),
    /// A pool and its level.
    Pool(Arc<Pool>),
    /// An override: granted, used or revoked.
    Override(Arc<Override>),
    /// An observation of a chain.
    Observation(Arc<Observation>),
    /// A seal.
    Seal(Arc<Seal>),
    /// An auditor's attestation.
    Attestation(Arc<Attestation>),
    /// A webhook.
    Webhook(Arc<Webhook>),
}

/// What a record changes: objects with their values afterwards, in the order to be told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Effects(pub Vec<Change>);

impl State {
    /// Takes up one record with what [`crate::apply::apply`] found of it.
    ///
    /// # Panics
    /// If the effects break an invariant: the sum per asset, the order of records, or time. Then
    /// our own reasoning is false, and going on would make it the ledger's.
    pub fn commit(&mut self, entry: &Entry, effects: &Effects) {
        assert_eq!(entry.seq, self.length, "records have no gap");
        assert!(self.recorded_at.is_none_or(|last| last <= entry.recorded_at), "recorded time never falls");
        self.assert_balanced(effects);
        let forgotten = usize::from(is_planted(Fault::ChangeForgotten));
        for change in effects.0.iter().rev().skip(forgotten).rev() {
            self.put(change);
        }
        let command = entry.command;
        self.drop_expired_keys(entry.recorded_at);
        self.forget_flows(entry.recorded_at);
        self.drop_expired_held(&command.author, entry.recorded_at);
        let holder =
            KeyHolder { command_id: entry.command_id, seq: entry.seq, expires_at: command.expires_at };
        let key = (command.idempotency_key.clone(), command.author.clone());
        self.key_expiries.insert((command.expires_at, entry.seq), key.clone());
        self.keys.insert(key, holder);
        self.length += 1;
        self.recorded_at = Some(entry.recorded_at);
    }

    /// Pending movements whose time has passed at `at`.
    pub(crate) fn movements_due(&self, at: Timestamp) -> Vec<Arc<Movement>> {
        self.movement_expiries
            .iter()
            .take_while(|(expires, _)| *expires <= at)
            .filter_map(|(_, id)| self.movements.get(id).cloned())
            .collect()
    }

    /// Puts a change in before a record is judged: what time alone has changed.
    pub(crate) fn put(&mut self, change: &Change) {
        macro_rules! named {
            ($kind:literal, $map:ident, $object:expr) => {{
                self.name($kind, $object.id.as_str());
                self.$map.insert($object.id.clone(), Arc::clone($object));
            }};
        }
        match change {
            Change::Opened(opened) => self.opened = Some(Arc::clone(opened)),
            Change::Party(party) => named!("party", parties, party),
            Change::Asset(asset) => named!("asset", assets, asset),
            Change::Account(account) => named!("account", accounts, account),
            Change::Agreement(agreement) => named!("agreement", agreements, agreement),
            Change::Address(address) => self.put_address(address),
            Change::Document(digest, entry) => {
                self.documents.insert(*digest, Arc::clone(entry));
            }
            Change::Prices(prices) => {
                self.name("price set", prices.id.as_str());
                self.price_sets.insert(prices.id.clone(), prices.digest);
                self.prices = Some(Arc::clone(prices));
            }
            Change::Regime(adopted) => {
                let mut versions = self.regimes.get(&adopted.id).cloned().unwrap_or_default();
                versions.insert(adopted.from, Arc::clone(adopted));
                self.regimes.insert(adopted.id.clone(), versions);
            }
            Change::Portfolio(portfolio) => named!("portfolio", portfolios, portfolio),
            Change::Statement(statement) => self.put_statement(statement),
            Change::Movement(movement) => self.put_movement(movement),
            Change::Call(call) => named!("call", calls, call),
            Change::CustodyStatement(statement) => named!("custody statement", custody_statements, statement),
            Change::Reconciliation(reconciliation) => {
                named!("reconciliation", reconciliations, reconciliation)
            }
            Change::Break(found) => named!("break", breaks, found),
            Change::Policy(policy) => named!("policy", policies, policy),
            Change::Held(held) => self.put_held(held),
            Change::Pool(pool) => {
                self.pools.insert(pool.id.clone(), Arc::clone(pool));
            }
            Change::Override(granted) => named!("override", overrides, granted),
            Change::Observation(observation) => self.put_observation(observation),
            Change::Seal(seal) => {
                self.seals.insert(seal.seq, Arc::clone(seal));
            }
            Change::Attestation(attestation) => named!("attestation", attestations, attestation),
            Change::Webhook(webhook) => named!("webhook", webhooks, webhook),
        }
    }

    fn put_observation(&mut self, observation: &Arc<Observation>) {
        self.name("observation", observation.id.as_str());
        let block = (observation.chain.clone(), observation.height);
        let mut there = self.observed.get(&block).cloned().unwrap_or_default();
        there.insert(observation.id.clone());
        self.observed.insert(block, there);
        self.observations.insert(observation.id.clone(), Arc::clone(observation));
    }

    fn put_statement(&mut self, statement: &Arc<MarginStatement>) {
        self.name("margin statement", statement.id.as_str());
        let of = (statement.agreement.clone(), statement.pledgor.clone(), statement.author.clone());
        self.binding.insert(of, statement.id.clone());
        self.statements.insert(statement.id.clone(), Arc::clone(statement));
    }

    fn put_held(&mut self, held: &Arc<HeldCommand>) {
        let mut waits = self.awaiting.get(&held.author).cloned().unwrap_or_default();
        let place = (held.expires_at, held.id);
        if held.status == HeldStatus::Awaiting {
            waits.insert(place)
        } else {
            waits.remove(&place)
        };
        self.awaiting.insert(held.author.clone(), waits);
        self.held.insert(held.id, Arc::clone(held));
    }

    /// What a maker's expired commands said is needed no more.
    fn drop_expired_held(&mut self, maker: &PartyId, at: Timestamp) {
        let Some(mut waits) = self.awaiting.get(maker).cloned() else { return };
        while let Some(first) = waits.get_min().filter(|(expires, _)| *expires <= at).copied() {
            waits.remove(&first);
            if let Some(held) = self.held.get_mut(&first.1) {
                Arc::make_mut(held).payload = None;
            }
        }
        self.awaiting.insert(maker.clone(), waits);
    }

    fn put_movement(&mut self, movement: &Arc<Movement>) {
        self.count_flows(movement);
        self.name("movement", movement.id.as_str());
        if let Some(expires) = movement.expires {
            let due = (expires, movement.id.clone());
            if movement.status == MovementStatus::Pending {
                self.movement_expiries.insert(due);
            } else {
                self.movement_expiries.remove(&due);
            }
        }
        self.movements.insert(movement.id.clone(), Arc::clone(movement));
    }

    /// An id without capitals stands for itself in the map of its kind.
    fn name(&mut self, kind: &str, id: &str) {
        debug_assert!(self.is_held(kind, id).is_some(), "{kind}: a kind without a map of its own");
        if id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.names.entry(kind.to_owned()).or_default().insert(id.to_ascii_lowercase());
        }
    }

    fn drop_expired_keys(&mut self, at: Timestamp) {
        let is_over = |expires: Timestamp| expires <= at || is_planted(Fault::KeysDroppedEarly);
        while let Some((place, pair)) =
            self.key_expiries.get_min().filter(|((expires, _), _)| is_over(*expires))
        {
            let (place, pair) = (*place, pair.clone());
            self.key_expiries.remove(&place);
            // The key may have been taken anew since, with a later expiry.
            if self.keys.get(&pair).is_some_and(|holder| holder.expires_at == place.0) {
                self.keys.remove(&pair);
            }
        }
    }

    /// Per asset, what the accounts gain and lose sums to zero.
    fn assert_balanced(&self, effects: &Effects) {
        let mut gained: BTreeMap<&AssetId, Sum> = BTreeMap::new();
        for change in &effects.0 {
            let Change::Account(after) = change else { continue };
            let before = self.accounts.get(&after.id).map_or(0, |account| account.settled);
            let sum = gained.entry(&after.asset).or_default();
            // An external account mirrors: its figure stands for its negative.
            let (more, less) =
                if after.book == Book::External { (before, after.settled) } else { (after.settled, before) };
            sum.add(more);
            sum.subtract(less);
        }
        for (asset, sum) in gained {
            assert_eq!(sum, Sum::default(), "{asset}: postings conserve value");
        }
    }
}

/// A sum of units, exact: one account holds less than 2^128 of them, several may not.
#[derive(Debug, Default, Eq, PartialEq)]
struct Sum {
    /// Modulo 2^128.
    low: u128,
    /// Times 2^128; effects are far fewer than its numbers.
    high: i64,
}

impl Sum {
    fn add(&mut self, units: u128) {
        let (low, carries) = self.low.overflowing_add(units);
        *self = Self { low, high: self.high + i64::from(carries) };
    }

    fn subtract(&mut self, units: u128) {
        let (low, borrows) = self.low.overflowing_sub(units);
        *self = Self { low, high: self.high - i64::from(borrows) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_beyond_128_bits() {
        let mut sum = Sum::default();
        for _ in 0..3 {
            sum.add(u128::MAX);
        }
        assert_ne!(sum, Sum::default());
        sum.subtract(5);
        for _ in 0..3 {
            sum.subtract(u128::MAX);
        }
        assert_ne!(sum, Sum::default());
        sum.add(5);
        assert_eq!(sum, Sum::default());
    }
}
