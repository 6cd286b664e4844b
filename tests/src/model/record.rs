//! What a recorded command leaves behind.

use ledger::digest::Digest;

use super::movements::backwards;
use super::{Account, Ask, Asset, Deed, Key, Leg, Model, Movement, Party, Posting, Used};

impl Model {
    /// Takes note of a command that was recorded at that instant as the next record.
    ///
    /// # Panics
    /// If it names what is not there: it was to be judged first.
    pub fn record(&mut self, ask: &Ask, id: Digest, at: u64) {
        let seq = self.length;
        self.note_expired(at, seq);
        let needs = self.needs(ask);
        if let Deed::Say { verb, command } = &ask.deed {
            self.say(ask, verb, command, at);
        } else if needs.is_empty() {
            self.do_deed(ask, seq);
        } else {
            self.hold(ask, id, needs, seq);
        }
        if let Some(paper) = ask.paper() {
            self.papers.insert(paper.name);
        }
        self.used.push(Used {
            author: ask.author.clone(),
            key: ask.idempotency_key.clone(),
            expires_at: ask.expires_at,
            seq,
        });
        self.length += 1;
        self.recorded_at = at;
    }

    /// Nothing has to be done for a movement to expire; that it was changed is known by this record.
    fn note_expired(&mut self, at: u64, seq: u64) {
        let before = self.recorded_at;
        let expired = |movement: &&mut Movement| {
            movement.status(before) == "pending" && movement.status(at) == "expired"
        };
        for movement in self.movements.values_mut().filter(expired) {
            movement.changed = seq;
            let open = movement.postings.iter().filter(|posting| posting.settled < posting.units);
            for id in open.flat_map(|posting| [&posting.from, &posting.to]) {
                self.accounts.get_mut(id).expect("accounts stay").changed = seq;
            }
        }
    }

    pub(super) fn do_deed(&mut self, ask: &Ask, seq: u64) {
        match &ask.deed {
            Deed::OpenLedger { .. } => self.add_party("pb", "operator", "pb", seq),
            Deed::Register { party, role, key } => self.add_party(party, role, key, seq),
            Deed::AddKey { key } => self.add_key(&ask.author, key, false, None, seq),
            Deed::RotateKey { old, new } => {
                let approves = self.parties.values().flat_map(|party| &party.keys);
                let approves = approves.into_iter().any(|key| key.name == *old && key.approves);
                self.revoke(old, seq);
                self.add_key(&ask.author, new, approves, Some(old.clone()), seq);
            }
            Deed::RevokeKey { key } => self.revoke(key, seq),
            Deed::Suspend { party } => self.set_standing(party, true, seq),
            Deed::Resume { party } => self.set_standing(party, false, seq),
            Deed::DefineAsset { asset, decimals } => {
                let new = Asset { decimals: *decimals, suspended: false, changed: seq };
                self.assets.insert(asset.clone(), new);
            }
            Deed::SuspendAsset { asset } => {
                let asset = self.assets.get_mut(asset).expect("judged");
                (asset.suspended, asset.changed) = (true, seq);
            }
            Deed::OpenAccount { account, owner, asset, custodian, book, class } => {
                let (owner, asset, custodian) = (owner.clone(), asset.clone(), custodian.clone());
                let new = Account { owner, asset, custodian, book, class, status: "open", changed: seq };
                self.accounts.insert(account.clone(), new);
            }
            Deed::Close { account } => self.set_status(account, "closed", seq),
            Deed::Freeze { account } => self.set_status(account, "frozen", seq),
            Deed::Unfreeze { account } => self.set_status(account, "open", seq),
            Deed::PutDocument { .. } | Deed::Say { .. } => {}
            Deed::SetPolicy { version, strict } => self.set_policy(*version, *strict),
            Deed::Instruct { movement, immediate, legs, expires } => {
                let postings = self.postings(legs, *immediate);
                self.add_movement(ask, movement, postings, *expires, seq);
            }
            Deed::Settle { movement, amounts, .. } => self.settle(movement, amounts.as_deref(), seq),
            Deed::Void { movement } => self.void(movement, seq),
            Deed::Reverse { movement, reverses } => {
                let undone = self.movements.get_mut(reverses).expect("judged");
                let mut postings = backwards(undone);
                postings.iter_mut().for_each(|posting| posting.settled = posting.units);
                (undone.reversed_by, undone.changed) = (Some(movement.clone()), seq);
                self.add_movement(ask, movement, postings, None, seq);
            }
            Deed::Batch { movement, legs, .. } => {
                let postings = self.postings(legs, true);
                self.add_movement(ask, movement, postings, None, seq);
                self.movements.get_mut(movement).expect("just added").is_batch = true;
            }
            Deed::Reclassify { movement, legs, .. } => {
                let postings = self.postings(legs, true);
                self.add_movement(ask, movement, postings, None, seq);
            }
        }
    }

    fn add_party(&mut self, party: &str, role: &'static str, key: &str, seq: u64) {
        let new = Party { role, suspended: false, keys: Vec::new(), changed: seq };
        self.parties.insert(party.to_owned(), new);
        self.add_key(party, key, true, None, seq);
    }

    fn add_key(&mut self, party: &str, key: &str, approves: bool, follows: Option<String>, seq: u64) {
        let party = self.parties.get_mut(party).expect("judged");
        party.keys.push(Key { name: key.to_owned(), approves, follows, added: seq, revoked: None });
        party.changed = seq;
    }

    fn revoke(&mut self, key: &str, seq: u64) {
        for party in self.parties.values_mut() {
            if let Some(key) = party.keys.iter_mut().find(|had| had.name == key) {
                key.revoked = Some(seq);
                party.changed = seq;
            }
        }
    }

    fn set_standing(&mut self, party: &str, suspended: bool, seq: u64) {
        let party = self.parties.get_mut(party).expect("judged");
        (party.suspended, party.changed) = (suspended, seq);
    }

    fn set_status(&mut self, account: &str, status: &'static str, seq: u64) {
        let account = self.accounts.get_mut(account).expect("judged");
        (account.status, account.changed) = (status, seq);
    }

    fn postings(&self, legs: &[Leg], done: bool) -> Vec<Posting> {
        let posting = |leg: &Leg| {
            let units = self.units(&leg.amount, &leg.asset).expect("judged");
            let (from, to, asset) = (leg.from.clone(), leg.to.clone(), leg.asset.clone());
            Posting { from, to, asset, units, settled: if done { units } else { 0 } }
        };
        legs.iter().map(posting).collect()
    }

    fn add_movement(&mut self, ask: &Ask, id: &str, postings: Vec<Posting>, expires: Option<u64>, seq: u64) {
        self.touch(&postings, seq);
        let author = ask.author.clone();
        let (voided, is_batch, reversed_by) = (false, false, None);
        let new = Movement { author, postings, is_batch, expires, voided, reversed_by, changed: seq };
        self.movements.insert(id.to_owned(), new);
    }

    fn settle(&mut self, id: &str, amounts: Option<&[String]>, seq: u64) {
        let movement = &self.movements[id];
        let parts = self.parts(movement, amounts);
        let moved = movement.postings.iter().zip(&parts).filter(|(_, part)| **part != Ok(0));
        let moved: Vec<Posting> = moved.map(|(posting, _)| posting.clone()).collect();
        self.touch(&moved, seq);
        let movement = self.movements.get_mut(id).expect("judged");
        for (posting, part) in movement.postings.iter_mut().zip(parts) {
            posting.settled += part.expect("judged");
        }
        movement.changed = seq;
    }

    fn void(&mut self, id: &str, seq: u64) {
        let open = self.movements[id].postings.iter().filter(|posting| posting.settled < posting.units);
        let open: Vec<Posting> = open.cloned().collect();
        self.touch(&open, seq);
        let movement = self.movements.get_mut(id).expect("judged");
        (movement.voided, movement.changed) = (true, seq);
    }

    fn touch(&mut self, postings: &[Posting], seq: u64) {
        for id in postings.iter().flat_map(|posting| [&posting.from, &posting.to]) {
            self.accounts.get_mut(id).expect("judged").changed = seq;
        }
    }
}
