//! The reference model: what a ledger must answer, naive, obviously right, slow.
//!
//! It shares nothing with `apply`: it has no running balances, no pending figures, no expiry queues and
//! nothing that time changes. It keeps what happened (who registered which key, which movement was
//! instructed and how much of it settled) and adds up from the beginning each time it is asked. A refusal is found by
//! writing down everything that is wrong and taking what stands first in the specification's order.
//!
//! Source: API specification §2 and §3, audit specification §1.

mod approvals;
mod ask;
mod compare;
mod judge;
mod movements;
mod record;

pub use ask::{Ask, Deed, Leg, Paper};
pub use compare::spell;

use std::collections::{BTreeMap, BTreeSet};

use ledger::digest::Digest;

/// A key and when it was one.
#[derive(Clone, Debug)]
struct Key {
    name: String,
    /// Whether it signs approvals besides commands.
    approves: bool,
    /// The key whose place it took.
    follows: Option<String>,
    added: u64,
    revoked: Option<u64>,
}

#[derive(Clone, Debug)]
struct Party {
    role: &'static str,
    suspended: bool,
    keys: Vec<Key>,
    changed: u64,
}

#[derive(Clone, Debug)]
struct Asset {
    decimals: u32,
    suspended: bool,
    changed: u64,
}

#[derive(Clone, Debug)]
struct Account {
    owner: String,
    asset: String,
    custodian: String,
    book: &'static str,
    class: &'static str,
    status: &'static str,
    changed: u64,
}

impl Account {
    fn is_external(&self) -> bool {
        self.book == "external"
    }
}

/// A posting and how much of it has happened.
#[derive(Clone, Debug)]
struct Posting {
    from: String,
    to: String,
    asset: String,
    units: i128,
    settled: i128,
}

#[derive(Clone, Debug)]
struct Movement {
    author: String,
    postings: Vec<Posting>,
    is_batch: bool,
    expires: Option<u64>,
    voided: bool,
    reversed_by: Option<String>,
    changed: u64,
}

impl Movement {
    fn is_settled(&self) -> bool {
        self.postings.iter().all(|posting| posting.settled == posting.units)
    }

    /// Where it stands at an instant: nothing has to happen for it to expire.
    fn status(&self, at: u64) -> &'static str {
        if self.voided {
            "voided"
        } else if self.is_settled() {
            "settled"
        } else if self.expires.is_some_and(|expires| expires <= at) {
            "expired"
        } else {
            "pending"
        }
    }
}

/// A command that used an idempotency key.
#[derive(Clone, Debug)]
struct Used {
    author: String,
    key: String,
    expires_at: u64,
    seq: u64,
}

/// What the ledger must hold.
#[derive(Clone, Debug, Default)]
pub struct Model {
    length: u64,
    recorded_at: u64,
    parties: BTreeMap<String, Party>,
    assets: BTreeMap<String, Asset>,
    accounts: BTreeMap<String, Account>,
    movements: BTreeMap<String, Movement>,
    papers: BTreeSet<String>,
    policy: Option<approvals::Policy>,
    held: BTreeMap<Digest, approvals::Held>,
    used: Vec<Used>,
}

impl Model {
    /// Records so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When the last was recorded, in milliseconds of the epoch; 0 before the first.
    #[must_use]
    pub fn recorded_at(&self) -> u64 {
        self.recorded_at
    }

    /// Whether a key of that name was ever the party's: only then can a signature be found good.
    #[must_use]
    pub fn ever_had(&self, party: &str, key: &str) -> bool {
        self.parties.get(party).is_some_and(|party| party.keys.iter().any(|had| had.name == key))
    }

    /// What has settled in an account, `external` below zero: the sum of all that ever happened to it.
    fn settled(&self, account: &str) -> i128 {
        let postings = self.movements.values().flat_map(|movement| &movement.postings);
        postings
            .map(|posting| {
                let into = if posting.to == account { posting.settled } else { 0 };
                let out = if posting.from == account { posting.settled } else { 0 };
                into - out
            })
            .sum()
    }

    /// What is instructed to go out and to come in and has done neither, at an instant.
    fn pending(&self, account: &str, at: u64) -> (i128, i128) {
        let pending = self.movements.values().filter(|movement| movement.status(at) == "pending");
        let rests = pending.flat_map(|movement| &movement.postings).map(|posting| {
            let rest = posting.units - posting.settled;
            (if posting.from == account { rest } else { 0 }, if posting.to == account { rest } else { 0 })
        });
        rests.fold((0, 0), |(out, into), (more_out, more_in)| (out + more_out, into + more_in))
    }

    /// The record that changed an object last.
    #[must_use]
    pub fn changed(&self, id: &str) -> Option<u64> {
        let party = self.parties.get(id).map(|party| party.changed);
        let asset = self.assets.get(id).map(|asset| asset.changed);
        let account = self.accounts.get(id).map(|account| account.changed);
        let movement = self.movements.get(id).map(|movement| movement.changed);
        [party, asset, account, movement].into_iter().flatten().max()
    }
}

impl Model {
    /// The record that changed an object last, as the next record sees it at that instant: what time has
    /// changed since the last one, the next one changes.
    fn changed_by(&self, id: &str, at: u64) -> Option<u64> {
        let mut expiring = self.movements.iter().filter(|(_, movement)| self.expires_by(movement, at));
        let touches = |(name, movement): (&String, &Movement)| {
            let mut open = movement.postings.iter().filter(|posting| posting.settled < posting.units);
            name == id || open.any(|posting| posting.from == id || posting.to == id)
        };
        if expiring.any(touches) { Some(self.length) } else { self.changed(id) }
    }

    /// Whether a movement's time passes between the last record and that instant.
    fn expires_by(&self, movement: &Movement, at: u64) -> bool {
        movement.status(self.recorded_at) == "pending" && movement.status(at) == "expired"
    }
}

/// Case alone makes no new id.
fn is_taken<T>(objects: &BTreeMap<String, T>, id: &str) -> bool {
    objects.keys().any(|taken| taken.eq_ignore_ascii_case(id))
}

/// Ids by which the workload finds something to ask about.
impl Model {
    /// Accounts of a status.
    #[must_use]
    pub fn accounts_that_are(&self, status: &str) -> Vec<String> {
        self.accounts.iter().filter(|(_, it)| it.status == status).map(|(id, _)| id.clone()).collect()
    }

    /// Movements of a status now.
    #[must_use]
    pub fn movements_that_are(&self, status: &str) -> Vec<String> {
        let fits = self.movements.iter().filter(|(_, it)| it.status(self.recorded_at) == status);
        fits.map(|(id, _)| id.clone()).collect()
    }

    /// The custodian that keeps a movement's accounts, its postings' decimals and what is left of each.
    #[must_use]
    pub fn rests(&self, movement: &str) -> Vec<(String, u32, u128)> {
        let postings = self.movements.get(movement).map(|it| it.postings.as_slice()).unwrap_or_default();
        let rest = |posting: &Posting| {
            let custodian =
                self.accounts.get(&posting.from).map(|it| it.custodian.clone()).unwrap_or_default();
            let decimals = self.assets.get(&posting.asset).map_or(0, |asset| asset.decimals);
            (custodian, decimals, (posting.units - posting.settled).unsigned_abs())
        };
        postings.iter().map(rest).collect()
    }

    /// Who instructed a movement.
    #[must_use]
    pub fn author_of(&self, movement: &str) -> Option<String> {
        self.movements.get(movement).map(|it| it.author.clone())
    }

    /// Keys of a party: those that sign, and those that were revoked.
    #[must_use]
    pub fn keys_of(&self, party: &str) -> (Vec<String>, Vec<String>) {
        let keys = self.parties.get(party).map(|party| party.keys.as_slice()).unwrap_or_default();
        let names = |revoked: bool| {
            keys.iter().filter(|key| key.revoked.is_some() == revoked).map(|key| key.name.clone()).collect()
        };
        (names(false), names(true))
    }

    /// What an account has free, in smallest units; 0 for `external` and for what is not there.
    #[must_use]
    pub fn free(&self, account: &str) -> u128 {
        let free = self.settled(account) - self.pending(account, self.recorded_at).0;
        u128::try_from(free).unwrap_or(0)
    }

    /// An amount as an author spells it.
    #[must_use]
    pub fn spell(&self, units: u128, asset: &str) -> String {
        let decimals = self.assets.get(asset).map_or(0, |asset| asset.decimals);
        spell(units, decimals)
    }
}
