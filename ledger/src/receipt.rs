//! What a caller is told of a recorded command, the same for ever.
//!
//! The effects are kept in the journal beside the record, so that a repetition years later is
//! answered with the very bytes; a replay makes them again and compares.

use std::sync::Arc;

use crate::account::{Account, Book};
use crate::amount::print_units;
use crate::approval::HeldStatus;
use crate::break_record::{Break, BreakState};
use crate::json::{self, Json};
use crate::overrides::Override;
use crate::pool::Pool;
use crate::record::Record;
use crate::state::{Change, Effects, State};
use crate::store::{StoreError, StoreReader};

/// A recorded command and what it changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The record.
    pub record: Record,
    /// A JSON array: each object that changed, as it is after the record.
    pub effects: Arc<[u8]>,
}

impl Receipt {
    /// `applied`, or `awaiting_approval` if a policy held the command back.
    #[must_use]
    pub fn status(&self) -> &'static str {
        let own = Json::text(self.record.command_id.to_string());
        let held = HeldStatus::Awaiting.as_str();
        let effects = json::read(&self.effects).ok();
        let waits = effects.as_ref().and_then(Json::as_array).unwrap_or_default().iter().any(|effect| {
            effect.get("kind").and_then(Json::as_str) == Some("approval")
                && effect.get("id") == Some(&own)
                && effect.get("status").and_then(Json::as_str) == Some(held)
        });
        if waits { held } else { "applied" }
    }
}

/// The receipt of an earlier record.
///
/// # Errors
/// [`StoreError`] if the record cannot be read back.
pub fn read_back(reader: &dyn StoreReader, seq: u64) -> Result<Receipt, StoreError> {
    let stored = reader.record(seq)?.ok_or_else(|| StoreError::Damaged {
        place: format!("record {seq}"),
        reason: "the index names it and the journal does not hold it".to_owned(),
    })?;
    Ok(Receipt { record: Record::of(seq, &stored), effects: stored.effects })
}

/// Accounts whose balances a receipt tells one by one; of more it tells how many there are.
const ACCOUNTS_TOLD_MAX: usize = 64;

/// Prints effects as the receipt tells them: canonical JSON, balances in units of the asset.
#[must_use]
pub fn print_effects(after: &State, effects: &Effects) -> String {
    let is_account = |change: &&Change| matches!(change, Change::Account(_));
    let accounts = effects.0.iter().filter(is_account).count();
    if accounts <= ACCOUNTS_TOLD_MAX {
        return Json::array(effects.0.iter().map(|change| print_change(after, change))).to_jcs();
    }
    let count = [("kind", "accounts".to_owned()), ("count", accounts.to_string())];
    let summary = Json::object(count.map(|(name, text)| (name, Json::text(text))));
    let others = effects.0.iter().filter(|change| !is_account(change));
    Json::array([summary].into_iter().chain(others.map(|change| print_change(after, change)))).to_jcs()
}

fn print_change(after: &State, change: &Change) -> Json {
    let (kind, id, more): (&str, String, Vec<(&str, String)>) = match change {
        Change::Opened(_) => ("ledger", after.origin().to_owned(), Vec::new()),
        Change::Party(party) => ("party", party.id.to_string(), vec![("role", party.role.to_string())]),
        Change::Asset(asset) => ("asset", asset.id.to_string(), Vec::new()),
        Change::Account(account) => ("account", account.id.to_string(), balances(after, account)),
        Change::Agreement(agreement) => {
            let mut told = vec![("versions", agreement.versions.len().to_string())];
            told.extend(agreement.termination.as_ref().map(|end| ("ends", end.from.to_string())));
            ("agreement", agreement.id.to_string(), told)
        }
        Change::Address(address) => {
            let of = vec![("chain", address.chain.to_string()), ("owner", address.owner.to_string())];
            ("address", address.address.clone(), of)
        }
        Change::Document(digest, entry) => {
            let erased = entry.erased.as_ref().map(|_| ("status", "erased".to_owned()));
            ("document", digest.tagged(), erased.into_iter().collect())
        }
        Change::Prices(prices) => ("price_set", prices.id.to_string(), Vec::new()),
        Change::Regime(adopted) => ("regime", adopted.id.to_string(), Vec::new()),
        Change::Portfolio(portfolio) => ("portfolio", portfolio.id.to_string(), Vec::new()),
        Change::Statement(statement) => {
            let figures = vec![
                ("requirement", statement.requirement.to_string()),
                ("excess", statement.excess.to_string()),
            ];
            ("margin_statement", statement.id.to_string(), figures)
        }
        Change::Movement(movement) => {
            ("movement", movement.id.to_string(), vec![("status", movement.status.to_string())])
        }
        Change::Call(call) => {
            let figures = vec![("state", call.state().to_string()), ("amount", call.amount().to_string())];
            ("call", call.id.to_string(), figures)
        }
        Change::CustodyStatement(statement) => ("custody_statement", statement.id.to_string(), Vec::new()),
        Change::Reconciliation(reconciliation) => {
            let breaks = vec![("breaks", reconciliation.breaks.to_string())];
            ("reconciliation", reconciliation.id.to_string(), breaks)
        }
        Change::Policy(policy) => {
            ("policy", policy.id.to_string(), vec![("version", policy.version.to_string())])
        }
        Change::Held(held) => ("approval", held.id.to_string(), vec![("status", held.status.to_string())]),
        Change::Pool(pool) => ("pool", pool.id.to_string(), level(pool)),
        Change::Override(granted) => ("override", granted.id.to_string(), allowance(after, granted)),
        Change::Break(found) => ("break", found.id.to_string(), told_of_break(after, found)),
        Change::Observation(observation) => {
            let voided = observation.voided_by.as_ref().map(|by| ("voided_by", by.to_string()));
            ("observation", observation.id.to_string(), voided.into_iter().collect())
        }
        Change::Seal(seal) => ("seal", seal.seq.to_string(), vec![("size", seal.size.to_string())]),
        Change::Attestation(attestation) => {
            ("attestation", attestation.id.to_string(), vec![("size", attestation.size.to_string())])
        }
        Change::Webhook(webhook) => {
            let status = if webhook.removed { "removed" } else { "set" };
            ("webhook", webhook.id.to_string(), vec![("status", status.to_owned())])
        }
    };
    let head = [("kind", kind.to_owned()), ("id", id)];
    Json::object(head.into_iter().chain(more).map(|(name, text)| (name, Json::text(text))))
}

fn level(pool: &Pool) -> Vec<(&'static str, String)> {
    vec![
        ("level", pool.level().to_string()),
        ("theta_factor", pool.state.theta_factor.to_string()),
        ("calm", pool.state.calm.to_string()),
        ("cycle", pool.cycle.to_string()),
    ]
}

/// Which rule is lifted where, what of it this record used, and what is left.
fn allowance(after: &State, granted: &Override) -> Vec<(&'static str, String)> {
    let account = after.account(&granted.account);
    let decimals = account.and_then(|account| after.asset(&account.asset)).map_or(0, |asset| asset.decimals);
    let mut members = vec![("rule", granted.rule.to_string()), ("account", granted.account.to_string())];
    if let Some(used) = granted.uses.last().filter(|used| used.seq == granted.changed_seq) {
        members.push(("allowed", print_units(used.units, decimals)));
    }
    if granted.revoked.is_some() {
        members.push(("state", "revoked".to_owned()));
    }
    members.push(("remaining", print_units(granted.remaining(), decimals)));
    members
}

/// Its amount, and where it stands at the time of the record that changed it.
fn told_of_break(after: &State, found: &Break) -> Vec<(&'static str, String)> {
    let at = found.timeline.last().map(|event| event.recorded_at).or(after.recorded_at());
    let state = at.map(|at| found.state_at(at)).filter(|state| *state != BreakState::Open);
    let state = state.map(|state| ("state", state.to_string()));
    [("amount", found.amount.clone())].into_iter().chain(state).collect()
}

/// An account's figures in units of its asset, signed: `external` mirrors, so its figure is negative.
#[must_use]
pub fn balances(state: &State, account: &Account) -> Vec<(&'static str, String)> {
    let decimals = state.asset(&account.asset).map_or(0, |asset| asset.decimals);
    let print = |units| print_units(units, decimals);
    let settled = print(account.settled);
    let settled =
        if account.book == Book::External && account.settled > 0 { format!("-{settled}") } else { settled };
    let mut figures = vec![
        ("settled", settled),
        ("pending_in", print(account.pending_in)),
        ("pending_out", print(account.pending_out)),
    ];
    if account.book != Book::External {
        figures.push(("available", print(account.available())));
    }
    figures
}
