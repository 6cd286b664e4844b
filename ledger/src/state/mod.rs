//! Everything the ledger knows after a number of records.
//!
//! A value: cloning is cheap (persistent maps share what they have in common), so readers hold the
//! state they were given while the sequencer makes the next. Only [`State::commit`] changes it.

mod addresses;
mod audit;
mod commit;
mod concerned;
mod flows;
mod lookup;
mod opened;
mod sealed;

pub use commit::{Change, Effects};
pub use opened::{ClockConfirmed, Closed, LogKey, Opened, RulesChange};
pub use sealed::Sealed;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::address::Address;
use crate::agreement::Agreement;
use crate::approval::{HeldCommand, Policy};
use crate::asset::Asset;
use crate::break_record::Break;
use crate::call_record::CallRecord;
use crate::command::IdempotencyKey;
use crate::digest::Digest;
use crate::evidence::{Attestation, CustodyStatement, Observation, Reconciliation};
use crate::id::{
    AccountId, AgreementId, AssetId, AttestationId, BreakId, CallId, CustodyStatementId, MovementId,
    ObservationId, OverrideId, PartyId, PolicyId, PortfolioId, PriceSetId, ReconciliationId, RegimeId,
    StatementId, WebhookId,
};
use crate::market::{AdoptedRegime, MarginStatement, Portfolio, Prices};
use crate::movement::Movement;
use crate::overrides::Override;
use crate::party::Party;
use crate::pool::Pool;
use crate::seal_record::Seal;
use crate::time::Timestamp;
use crate::webhook::Webhook;

/// Who holds an idempotency key, until the command expires.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyHolder {
    pub(crate) command_id: Digest,
    pub(crate) seq: u64,
    pub(crate) expires_at: Timestamp,
}

/// A document that a record names.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DocumentEntry {
    /// Bytes.
    pub size: u64,
    /// The first record that named it.
    pub seq: u64,
    /// Who may read it besides operator and auditors.
    pub readers: OrdSet<PartyId>,
    /// What it is to the ledger, which decides who may ever read it and whether it can be erased.
    pub part: DocumentPart,
    /// Since when it is served to nobody.
    pub erased: Option<Arc<Erasure>>,
}

/// What a document is to the ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum DocumentPart {
    /// It is named; nothing in the state follows from what it holds.
    Named,
    /// The state follows from it: without it no later record can be replayed.
    Replayed,
    /// The secret of a seal's salts: auditors alone read it.
    Salts,
}

/// Why a document is served to nobody any more.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// The record that erased it.
    pub seq: u64,
    /// When that was.
    pub recorded_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// The state after [`State::length`] records.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct State {
    origin: String,
    length: u64,
    recorded_at: Option<Timestamp>,
    opened: Option<Arc<Opened>>,
    parties: OrdMap<PartyId, Arc<Party>>,
    assets: OrdMap<AssetId, Arc<Asset>>,
    accounts: OrdMap<AccountId, Arc<Account>>,
    agreements: OrdMap<AgreementId, Arc<Agreement>>,
    /// By their text in normal form; under one text in the order of adding.
    addresses: OrdMap<String, Vec<Arc<Address>>>,
    /// The numbers of proofs of control: each is good once.
    nonces: OrdSet<String>,
    documents: OrdMap<Digest, Arc<DocumentEntry>>,
    prices: Option<Arc<Prices>>,
    price_sets: OrdMap<PriceSetId, Digest>,
    regimes: OrdMap<RegimeId, OrdMap<Timestamp, Arc<AdoptedRegime>>>,
    portfolios: OrdMap<PortfolioId, Arc<Portfolio>>,
    statements: OrdMap<StatementId, Arc<MarginStatement>>,
    /// The last statement of each author for each agreement's pledgor.
    binding: OrdMap<(AgreementId, PartyId, PartyId), StatementId>,
    movements: OrdMap<MovementId, Arc<Movement>>,
    calls: OrdMap<CallId, Arc<CallRecord>>,
    custody_statements: OrdMap<CustodyStatementId, Arc<CustodyStatement>>,
    reconciliations: OrdMap<ReconciliationId, Arc<Reconciliation>>,
    breaks: OrdMap<BreakId, Arc<Break>>,
    pools: OrdMap<RegimeId, Arc<Pool>>,
    overrides: OrdMap<OverrideId, Arc<Override>>,
    observations: OrdMap<ObservationId, Arc<Observation>>,
    /// Observations by chain and height, where a reorganisation shows.
    observed: OrdMap<(String, u64), OrdSet<ObservationId>>,
    /// Seals by the record that made them.
    seals: OrdMap<u64, Arc<Seal>>,
    attestations: OrdMap<AttestationId, Arc<Attestation>>,
    webhooks: OrdMap<WebhookId, Arc<Webhook>>,
    /// Ids with capitals, in lower case by kind: case alone makes no new id.
    names: OrdMap<String, OrdSet<String>>,
    /// By the key before the author: keys differ in their first bytes, authors seldom.
    keys: OrdMap<(IdempotencyKey, PartyId), KeyHolder>,
    /// When a key is free again, with the record that took it.
    key_expiries: OrdMap<(Timestamp, u64), (IdempotencyKey, PartyId)>,
    movement_expiries: OrdSet<(Timestamp, MovementId)>,
    policies: OrdMap<PolicyId, Arc<Policy>>,
    held: OrdMap<Digest, Arc<HeldCommand>>,
    /// What waits, by maker: until it is decided, or its maker is heard of after it expired.
    awaiting: OrdMap<PartyId, OrdSet<(Timestamp, Digest)>>,
    flows: flows::Flows,
}

impl State {
    /// The state of a ledger before its first record.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            length: 0,
            recorded_at: None,
            opened: None,
            parties: OrdMap::new(),
            assets: OrdMap::new(),
            accounts: OrdMap::new(),
            agreements: OrdMap::new(),
            addresses: OrdMap::new(),
            nonces: OrdSet::new(),
            documents: OrdMap::new(),
            prices: None,
            price_sets: OrdMap::new(),
            regimes: OrdMap::new(),
            portfolios: OrdMap::new(),
            statements: OrdMap::new(),
            binding: OrdMap::new(),
            movements: OrdMap::new(),
            calls: OrdMap::new(),
            custody_statements: OrdMap::new(),
            reconciliations: OrdMap::new(),
            breaks: OrdMap::new(),
            pools: OrdMap::new(),
            overrides: OrdMap::new(),
            observations: OrdMap::new(),
            observed: OrdMap::new(),
            seals: OrdMap::new(),
            attestations: OrdMap::new(),
            webhooks: OrdMap::new(),
            names: OrdMap::new(),
            keys: OrdMap::new(),
            key_expiries: OrdMap::new(),
            movement_expiries: OrdSet::new(),
            policies: OrdMap::new(),
            held: OrdMap::new(),
            awaiting: OrdMap::new(),
            flows: flows::Flows::default(),
        }
    }

    /// The ledger's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Takes the movements out, which are by far the most of a snapshot.
    pub(crate) fn take_movements(&mut self) -> OrdMap<MovementId, Arc<Movement>> {
        std::mem::take(&mut self.movements)
    }

    /// Puts them back, in the order of ids.
    pub(crate) fn put_movements(&mut self, movements: impl IntoIterator<Item = Arc<Movement>>) {
        self.movements.extend(movements.into_iter().map(|movement| (movement.id.clone(), movement)));
    }

    /// Records applied.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When the last record was recorded.
    #[must_use]
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// The ledger's own terms; `None` before record 0.
    #[must_use]
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_deref()
    }

    /// Whether prices and statements may be of the past.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.opened().is_some_and(|opened| opened.sandbox)
    }
}
