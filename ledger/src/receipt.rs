//! What a caller is told of a recorded command, the same for ever.
//!
//! The effects are kept in the journal beside the record, so that a repetition years later is
//! answered with the very bytes; a replay makes them again and compares.

use std::sync::Arc;

use crate::account::{Account, Book};
use crate::amount::{print_units, write_units};
use crate::approval::HeldStatus;
use crate::break_record::{Break, BreakState};
use crate::json::{self, Json, write_string};
use crate::movement::Movement;
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
    let is_account = |change: &Change| matches!(change, Change::Account(_));
    let accounts = effects.0.iter().filter(|change| is_account(change)).count();
    let mut out = String::with_capacity(512);
    out.push('[');
    if accounts > ACCOUNTS_TOLD_MAX {
        print_members(&mut out, vec![("kind", "accounts".to_owned()), ("count", accounts.to_string())]);
    }
    for change in effects.0.iter().filter(|change| accounts <= ACCOUNTS_TOLD_MAX || !is_account(change)) {
        if out.len() > 1 {
            out.push(',');
        }
        print_change(&mut out, after, change);
    }
    out.push(']');
    out
}

/// A movement as it is told, in canonical form: an id and a status hold nothing that is escaped.
fn print_movement(out: &mut String, movement: &Movement) {
    print_plain(out, '{', "id", movement.id.as_str());
    print_plain(out, ',', "kind", "movement");
    print_plain(out, ',', "status", movement.status.as_str());
    out.push('}');
}

/// An account with its balances, in canonical form.
fn print_account(out: &mut String, after: &State, account: &Account) {
    let decimals = after.asset(&account.asset).map_or(0, |asset| asset.decimals);
    let print = |out: &mut String, key: &str, sign: &str, units: u128| {
        print_plain(out, ',', key, sign);
        // The digits come before the closing quote.
        out.pop();
        write_units(out, units, decimals);
        out.push('"');
    };
    let is_external = account.book == Book::External;
    let start = out.len();
    if !is_external {
        print(out, "available", "", account.available());
    }
    print_plain(out, ',', "id", account.id.as_str());
    print_plain(out, ',', "kind", "account");
    print(out, "pending_in", "", account.pending_in);
    print(out, "pending_out", "", account.pending_out);
    print(out, "settled", if is_external && account.settled > 0 { "-" } else { "" }, account.settled);
    out.replace_range(start..=start, "{");
    out.push('}');
}

/// A member whose text needs no escape.
fn print_plain(out: &mut String, before: char, key: &str, text: &str) {
    out.push(before);
    out.push('"');
    out.push_str(key);
    out.push_str("\":\"");
    out.push_str(text);
    out.push('"');
}

/// An object of texts, its members in canonical order.
fn print_members(out: &mut String, mut members: Vec<(&str, String)>) {
    members.sort_unstable();
    let mut before = '{';
    for (key, text) in members {
        out.push(before);
        write_string(out, key);
        out.push(':');
        write_string(out, &text);
        before = ',';
    }
    out.push('}');
}

fn print_change(out: &mut String, after: &State, change: &Change) {
    let (kind, id, mut members): (&str, String, Vec<(&str, String)>) = match change {
        Change::Opened(_) => ("ledger", after.origin().to_owned(), Vec::new()),
        Change::Party(party) => ("party", party.id.to_string(), vec![("role", party.role.to_string())]),
        Change::Asset(asset) => ("asset", asset.id.to_string(), Vec::new()),
        Change::Account(account) => return print_account(out, after, account),
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
        Change::Movement(movement) => return print_movement(out, movement),
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
    members.extend([("kind", kind.to_owned()), ("id", id)]);
    print_members(out, members);
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
