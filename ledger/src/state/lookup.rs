//! Reading the state: by id, or all of a kind in the order of ids.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{DocumentEntry, KeyHolder, State};
use crate::account::Account;
use crate::agreement::Agreement;
use crate::approval::{HeldCommand, Policy, Scope};
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
use crate::party::{Party, Role};
use crate::pool::Pool;
use crate::rejection::Rejection;
use crate::seal_record::Seal;
use crate::time::Timestamp;
use crate::webhook::Webhook;

macro_rules! lookups {
    ($($field:ident, $one:ident, $id:ty, $object:ty, $what:literal;)+) => {
        impl State {
            $(
                #[doc = concat!("The ", $what, " of that id.")]
                #[must_use]
                pub fn $one(&self, id: &$id) -> Option<&Arc<$object>> {
                    self.$field.get(id)
                }

                #[doc = concat!("Every ", $what, ", in the order of ids.")]
                pub fn $field(&self) -> impl Iterator<Item = &Arc<$object>> {
                    self.$field.values()
                }
            )+
        }
    };
}

lookups! {
    parties, party, PartyId, Party, "party";
    assets, asset, AssetId, Asset, "asset";
    accounts, account, AccountId, Account, "account";
    agreements, agreement, AgreementId, Agreement, "agreement";
    documents, document, Digest, DocumentEntry, "document";
    portfolios, portfolio, PortfolioId, Portfolio, "portfolio";
    statements, statement, StatementId, MarginStatement, "margin statement";
    movements, movement, MovementId, Movement, "movement";
    calls, call, CallId, CallRecord, "call";
    custody_statements, custody_statement, CustodyStatementId, CustodyStatement, "custody statement";
    reconciliations, reconciliation, ReconciliationId, Reconciliation, "reconciliation";
    breaks, open_break, BreakId, Break, "break";
    policies, policy, PolicyId, Policy, "policy";
    held, held_command, Digest, HeldCommand, "held command";
    pools, pool, RegimeId, Pool, "pool";
    overrides, one_override, OverrideId, Override, "override";
    observations, observation, ObservationId, Observation, "observation";
    seals, seal, u64, Seal, "seal";
    attestations, attestation, AttestationId, Attestation, "attestation";
    webhooks, webhook, WebhookId, Webhook, "webhook";
}

/// Lookups of what a command names: absence is a refusal that says where it was named.
macro_rules! references {
    ($($need:ident, $one:ident, $id:ty, $object:ty, $what:literal;)+) => {
        impl State {
            $(
                pub(crate) fn $need(
                    &self,
                    id: &$id,
                    pointer: impl fmt::Display,
                ) -> Result<&Arc<$object>, Rejection> {
                    self.$one(id).ok_or_else(|| Rejection::UnknownReference {
                        pointer: pointer.to_string(),
                        what: format!(concat!("no ", $what, " {}"), id),
                    })
                }
            )+
        }
    };
}

references! {
    need_party, party, PartyId, Party, "party";
    need_asset, asset, AssetId, Asset, "asset";
    need_account, account, AccountId, Account, "account";
    need_agreement, agreement, AgreementId, Agreement, "agreement";
    need_portfolio, portfolio, PortfolioId, Portfolio, "portfolio";
    need_statement, statement, StatementId, MarginStatement, "margin statement";
    need_movement, movement, MovementId, Movement, "movement";
    need_call, call, CallId, CallRecord, "call";
    need_custody_statement, custody_statement, CustodyStatementId, CustodyStatement, "custody statement";
    need_reconciliation, reconciliation, ReconciliationId, Reconciliation, "reconciliation";
    need_override, one_override, OverrideId, Override, "override";
    need_break, open_break, BreakId, Break, "break";
}

impl State {
    pub(crate) fn need_custodian(&self, id: &PartyId, pointer: &str) -> Result<&Arc<Party>, Rejection> {
        let party = self.need_party(id, pointer)?;
        if party.role == Role::Custodian {
            return Ok(party);
        }
        Err(Rejection::UnknownReference {
            pointer: pointer.to_owned(),
            what: format!("{} is registered as {}, not as custodian", party.id, party.role),
        })
    }

    /// The prices in force.
    #[must_use]
    pub fn prices(&self) -> Option<&Arc<Prices>> {
        self.prices.as_ref()
    }

    /// Whether the document is reference data: prices that were set, or a rule book that was adopted.
    #[must_use]
    pub fn is_reference(&self, digest: &Digest) -> bool {
        let mut adopted = self.regimes.values().flat_map(|versions| versions.values());
        self.price_sets.values().any(|set| set == digest) || adopted.any(|adopted| adopted.digest == *digest)
    }

    /// The seal that was made last.
    #[must_use]
    pub fn last_seal(&self) -> Option<&Arc<Seal>> {
        self.seals.get_max().map(|(_, seal)| seal)
    }

    /// What was seen of a block's height on a chain, in the order of ids.
    pub fn observed_at(&self, chain: &str, height: u64) -> impl Iterator<Item = &Arc<Observation>> {
        let ids = self.observed.get(&(chain.to_owned(), height)).into_iter().flatten();
        ids.filter_map(|id| self.observations.get(id))
    }

    /// Whether the price set's id was used.
    #[must_use]
    pub fn has_price_set(&self, id: &PriceSetId) -> bool {
        self.price_sets.contains_key(id)
    }

    /// The statement of a custodian whose bytes have that digest, unless a later one corrects it.
    #[must_use]
    pub fn statement_in_force(&self, digest: &Digest, custodian: &PartyId) -> Option<&Arc<CustodyStatement>> {
        let corrected = |one: &CustodyStatement| {
            self.custody_statements().any(|later| later.supersedes.as_ref() == Some(&one.id))
        };
        let mut stated = self.custody_statements();
        stated.find(|one| one.digest == *digest && one.custodian == *custodian && !corrected(one))
    }

    /// The policy of a scope.
    #[must_use]
    pub fn policy_of(&self, scope: &Scope) -> Option<&Arc<Policy>> {
        self.policies().find(|policy| policy.scope == *scope)
    }

    /// How many commands of a maker wait for others at `at`.
    #[must_use]
    pub fn awaiting(&self, maker: &PartyId, at: Timestamp) -> usize {
        let waits = self.awaiting.get(maker).into_iter().flatten();
        waits.filter(|(expires, _)| *expires > at).count()
    }

    /// The rule book of that name in force at an instant.
    #[must_use]
    pub fn regime_at(&self, id: &RegimeId, at: Timestamp) -> Option<&Arc<AdoptedRegime>> {
        self.regimes.get(id)?.range(..=at).next_back().map(|(_, adopted)| adopted)
    }

    /// Every rule book in force at an instant, in the order of names.
    pub fn regimes_at(&self, at: Timestamp) -> impl Iterator<Item = &Arc<AdoptedRegime>> {
        self.regimes.keys().filter_map(move |id| self.regime_at(id, at))
    }

    /// The last statement that a party made of a pledgor's portfolio under an agreement.
    #[must_use]
    pub fn last_statement(
        &self,
        agreement: &AgreementId,
        pledgor: &PartyId,
        author: &PartyId,
    ) -> Option<&Arc<MarginStatement>> {
        let id = self.binding.get(&(agreement.clone(), pledgor.clone(), author.clone()))?;
        self.statements.get(id)
    }

    /// Whether an id of that kind was used, in any case.
    pub(crate) fn is_taken(&self, kind: &str, id: &str) -> bool {
        let has_capitals = id.bytes().any(|byte| byte.is_ascii_uppercase());
        let small = if has_capitals { Cow::Owned(id.to_ascii_lowercase()) } else { Cow::Borrowed(id) };
        self.is_held(kind, &small) == Some(true)
            || self.names.get(kind).is_some_and(|names| names.contains(&*small))
    }

    /// Whether the map of that kind has exactly this id; `None` of a kind that only `names` tells.
    pub(super) fn is_held(&self, kind: &str, id: &str) -> Option<bool> {
        Some(match kind {
            "party" => self.parties.contains_key(id),
            "asset" => self.assets.contains_key(id),
            "account" => self.accounts.contains_key(id),
            "agreement" => self.agreements.contains_key(id),
            "price set" => self.price_sets.contains_key(id),
            "portfolio" => self.portfolios.contains_key(id),
            "margin statement" => self.statements.contains_key(id),
            "movement" => self.movements.contains_key(id),
            "call" => self.calls.contains_key(id),
            "custody statement" => self.custody_statements.contains_key(id),
            "reconciliation" => self.reconciliations.contains_key(id),
            "break" => self.breaks.contains_key(id),
            "policy" => self.policies.contains_key(id),
            "override" => self.overrides.contains_key(id),
            "observation" => self.observations.contains_key(id),
            "attestation" => self.attestations.contains_key(id),
            "webhook" => self.webhooks.contains_key(id),
            _ => return None,
        })
    }

    /// Who holds the author's idempotency key at time `at`.
    pub(crate) fn key_holder(
        &self,
        author: &PartyId,
        key: &IdempotencyKey,
        at: Timestamp,
    ) -> Option<&KeyHolder> {
        self.keys.get(&(key.clone(), author.clone())).filter(|holder| holder.expires_at > at)
    }

    /// The record that holds the author's idempotency key, if its command has not expired at `at`,
    /// with that command's id.
    #[must_use]
    pub fn key_held(&self, author: &PartyId, key: &IdempotencyKey, at: Timestamp) -> Option<(u64, Digest)> {
        self.key_holder(author, key, at).map(|holder| (holder.seq, holder.command_id))
    }

    /// The record that changed an object last: the newest of all kinds that have one of that id.
    #[must_use]
    pub fn changed_seq(&self, id: &str) -> Option<u64> {
        macro_rules! newest {
            ($($map:ident: $id:ty),+) => {
                [$(<$id>::parse(id).ok().and_then(|id| self.$map.get(&id)).map(|object| object.changed_seq)),+]
                    .into_iter()
                    .flatten()
                    .max()
            };
        }
        let addresses = self.addresses_written(id).map(|address| address.changed_seq).max();
        addresses.max(newest!(
            parties: PartyId, assets: AssetId, accounts: AccountId, agreements: AgreementId,
            portfolios: PortfolioId, statements: StatementId, movements: MovementId, calls: CallId,
            custody_statements: CustodyStatementId, reconciliations: ReconciliationId, breaks: BreakId,
            policies: PolicyId, pools: RegimeId, overrides: OverrideId, observations: ObservationId,
            attestations: AttestationId, webhooks: WebhookId
        ))
    }
}
