//! Whether a state, and what a receipt tells, are what the model holds.

use std::collections::BTreeMap;

use ledger::account::Account as LedgerAccount;
use ledger::command::IdempotencyKey;
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::movement::Movement as LedgerMovement;
use ledger::party::Party as LedgerParty;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{Account, Key, Model, Movement, Posting};
use crate::scribe::key;

type Figures = (i128, i128, i128);

impl Model {
    /// Compares everything that the model knows with a state.
    ///
    /// # Errors
    /// The first object that differs, as it is in both.
    pub fn compare(&self, state: &State) -> Result<(), String> {
        let recorded_at = state.recorded_at().map_or(0, Timestamp::millis);
        same("records and time", (self.length, self.recorded_at), (state.length(), recorded_at))?;
        self.compare_parties(state)?;
        let assets =
            state.assets().map(|it| (it.id.to_string(), (it.decimals.into(), it.suspended, it.changed_seq)));
        let expected =
            self.assets.iter().map(|(id, it)| (id.clone(), (it.decimals, it.suspended, it.changed)));
        same_each("asset", expected, assets)?;
        let expected = self.accounts.iter().map(|(id, account)| (id.clone(), self.show_account(id, account)));
        let accounts = state.accounts().map(|it| (it.id.to_string(), show_ledger_account(it)));
        same_each("account", expected, accounts)?;
        let expected =
            self.movements.iter().map(|(id, it)| (id.clone(), show_movement(it, self.recorded_at)));
        let movements = state.movements().map(|it| (it.id.to_string(), show_ledger_movement(it)));
        same_each("movement", expected, movements)?;
        self.compare_held(state)?;
        self.compare_keys_held(state)
    }

    fn compare_parties(&self, state: &State) -> Result<(), String> {
        let expected = self.parties.iter().map(|(id, party)| {
            let keys = party.keys.iter();
            let keys = keys.map(|Key { name, added, revoked, .. }| {
                (key(name).public().id().to_string(), *added, *revoked)
            });
            (id.clone(), (party.role.to_owned(), party.suspended, keys.collect::<Vec<_>>(), party.changed))
        });
        let show = |it: &LedgerParty| {
            let keys =
                it.keys.iter().map(|key| (key.public.id().to_string(), key.added_seq, key.revoked_seq));
            (it.role.to_string(), it.suspended, keys.collect::<Vec<_>>(), it.changed_seq)
        };
        same_each("party", expected, state.parties().map(|it| (it.id.to_string(), show(it))))
    }

    /// Each idempotency key is held by the record whose command has not expired, or by none.
    fn compare_keys_held(&self, state: &State) -> Result<(), String> {
        let at = state.recorded_at().unwrap_or_else(Timestamp::epoch);
        for used in &self.used {
            let alive = |other: &&super::Used| {
                other.author == used.author && other.key == used.key && other.expires_at > at.millis()
            };
            let expected = self.used.iter().find(alive).map(|holder| holder.seq);
            let author = PartyId::parse(&used.author).map_err(|error| error.to_string())?;
            let key = IdempotencyKey::parse(&used.key).ok_or("the workload makes good keys")?;
            let got = state.key_held(&author, &key, at).map(|(seq, _)| seq);
            same(&format!("who holds {} of {}", used.key, used.author), expected, got)?;
        }
        Ok(())
    }

    /// Compares what a receipt tells of accounts and movements with the model after the record, and all
    /// that the record changed with what is told.
    ///
    /// # Errors
    /// What differs.
    pub fn compare_effects(&self, effects: &[u8]) -> Result<(), String> {
        let told = ledger::json::read(effects).map_err(|error| error.to_string())?;
        let told = told.as_array().ok_or("effects are a list")?;
        let text = |object: &Json, name: &str| {
            object.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
        };
        // An object may change twice in a record: by its time, and by what was asked. The last counts.
        let mut last: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for object in told {
            let members = ["settled", "pending_in", "pending_out", "status"].map(|name| text(object, name));
            last.insert((text(object, "kind"), text(object, "id")), members.to_vec());
        }
        let seq = self.length - 1;
        let changed = self.accounts.iter().filter(|(_, account)| account.changed == seq);
        for (id, account) in changed {
            let expected = self.print_figures(id, account);
            let got = last.get(&("account".to_owned(), id.clone())).map(|members| members[..3].to_vec());
            same(&format!("what the receipt of record {seq} tells of account {id}"), Some(expected), got)?;
        }
        for (id, movement) in self.movements.iter().filter(|(_, movement)| movement.changed == seq) {
            let expected = movement.status(self.recorded_at).to_owned();
            let got = last.get(&("movement".to_owned(), id.clone())).map(|members| members[3].clone());
            same(&format!("what the receipt of record {seq} tells of movement {id}"), Some(expected), got)?;
        }
        self.compare_told(&last)?;
        for (kind, id) in last.keys() {
            let known = match kind.as_str() {
                "account" | "movement" | "party" | "asset" => self.changed(id) == Some(seq),
                // Documents and the ledger itself have no record that changed them last.
                _ => ["approval", "document", "ledger", "policy"].contains(&kind.as_str()),
            };
            if !known {
                return Err(format!(
                    "the receipt of record {seq} tells of {kind} {id}, which it did not change"
                ));
            }
        }
        Ok(())
    }

    fn figures(&self, id: &str) -> Figures {
        let (out, into) = self.pending(id, self.recorded_at);
        (self.settled(id), into, out)
    }

    fn print_figures(&self, id: &str, account: &Account) -> Vec<String> {
        let decimals = self.assets[&account.asset].decimals;
        let (settled, into, out) = self.figures(id);
        [settled, into, out].map(|units| print(units, decimals)).to_vec()
    }

    fn show_account(&self, id: &str, account: &Account) -> (String, Figures, u64) {
        let Account { owner, asset, custodian, book, class, status, changed } = account;
        let terms = format!("{owner} {asset} {custodian} {book} {class} {status}");
        (terms, self.figures(id), *changed)
    }
}

fn show_ledger_account(it: &LedgerAccount) -> (String, Figures, u64) {
    let LedgerAccount { owner, asset, custodian, book, class, status, .. } = it;
    let terms = format!("{owner} {asset} {custodian} {book} {class} {status}");
    let signed = |units: u128| i128::try_from(units).unwrap_or(i128::MAX);
    let sign = if book.as_str() == "external" { -1 } else { 1 };
    (terms, (sign * signed(it.settled), signed(it.pending_in), signed(it.pending_out)), it.changed_seq)
}

type Shown = (String, Vec<String>, Option<String>, u64);

/// A batch's postings are in its document, not in the state.
fn show_movement(it: &Movement, at: u64) -> Shown {
    let show = |posting: &Posting| {
        let Posting { from, to, asset, units, settled } = posting;
        format!("{from}>{to} {settled} of {units} {asset}")
    };
    let postings = it.postings.iter().filter(|_| !it.is_batch).map(show).collect();
    (format!("{} by {}", it.status(at), it.author), postings, it.reversed_by.clone(), it.changed)
}

fn show_ledger_movement(it: &LedgerMovement) -> Shown {
    let show = |posting: &ledger::movement::Posting| {
        let ledger::movement::Posting { from, to, asset, units, settled } = posting;
        format!("{from}>{to} {settled} of {units} {asset}")
    };
    let reversed_by = it.reversed_by.as_ref().map(ToString::to_string);
    let postings = it.postings.iter().map(show).collect();
    (format!("{} by {}", it.status, it.author), postings, reversed_by, it.changed_seq)
}

/// An amount as an author spells it.
#[must_use]
pub fn spell(units: u128, decimals: u32) -> String {
    print(units.cast_signed(), decimals)
}

/// Units as a decimal without zeros at its end.
fn print(units: i128, decimals: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let scale = 10_i128.pow(decimals);
    let (whole, rest) = (units.abs() / scale, units.abs() % scale);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{rest:0width$}", width = decimals as usize);
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

pub(super) fn same<T: std::fmt::Debug + PartialEq>(what: &str, expected: T, got: T) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{what}: {got:?}, the model has {expected:?}")) }
}

pub(super) fn same_each<T: std::fmt::Debug + PartialEq>(
    kind: &str,
    expected: impl Iterator<Item = (String, T)>,
    got: impl Iterator<Item = (String, T)>,
) -> Result<(), String> {
    let (expected, mut got): (BTreeMap<_, _>, BTreeMap<_, _>) = (expected.collect(), got.collect());
    for (id, expected) in expected {
        same(&format!("{kind} {id}"), Some(expected), got.remove(&id))?;
    }
    match got.into_iter().next() {
        Some((id, got)) => Err(format!("{kind} {id}: {got:?}, the model has none")),
        None => Ok(()),
    }
}
