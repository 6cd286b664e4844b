//! What can be wrong with a movement.

use std::collections::BTreeMap;

use super::judge::Wrong;
use super::{Account, Ask, Leg, Model, Movement, Posting, is_taken};

impl Model {
    pub(super) fn wrong_with_instruction(
        &self,
        ask: &Ask,
        movement: &str,
        immediate: bool,
        legs: &[Leg],
        expires: Option<u64>,
        at: u64,
    ) -> Wrong {
        let mut wrong = if immediate {
            self.wrong_with_immediate(movement, legs, at)
        } else {
            let (mut wrong, postings) = self.wrong_with_legs(movement, legs);
            wrong.when(same_class_broken(self, legs), "class_mismatch");
            wrong.when(self.is_short_to_reserve(&postings, at), "insufficient_available");
            wrong.when(self.crosses_custodians(legs), "evidence_missing");
            wrong
        };
        wrong.when(expires.is_some_and(|expires| expires <= at), "too_late");
        let by_client = self.parties.get(&ask.author).is_some_and(|party| party.role == "client");
        if by_client {
            for (from, to) in self.pairs(legs) {
                let own = |account: &Account| account.owner == ask.author && account.book == "available";
                // Another's looks like what is not there.
                wrong.unknown |= from.owner != ask.author && !from.is_external();
                wrong.not_for_author |= !(own(from) || from.is_external() && own(to));
            }
        }
        wrong
    }

    /// What takes effect at once, within one class.
    pub(super) fn wrong_with_immediate(&self, movement: &str, legs: &[Leg], at: u64) -> Wrong {
        let (mut wrong, postings) = self.wrong_with_legs(movement, legs);
        wrong.when(same_class_broken(self, legs), "class_mismatch");
        wrong.when(self.is_short_to_move(&postings, at), "insufficient_available");
        wrong.when(self.crosses_custodians(legs), "evidence_missing");
        let crosses = self.pairs(legs).any(|(from, to)| from.is_external() || to.is_external());
        wrong.when(crosses, "evidence_missing");
        wrong
    }

    pub(super) fn wrong_with_new_class(
        &self,
        movement: &str,
        legs: &[Leg],
        (from_class, to_class): (&str, &str),
        at: u64,
    ) -> Wrong {
        let (mut wrong, postings) = self.wrong_with_legs(movement, legs);
        for (from, to) in self.pairs(legs) {
            let named = from.class == from_class && to.class == to_class && from.class != to.class;
            wrong.when(!named, "class_mismatch");
            let stays = from.owner == to.owner && from.book == to.book && !from.is_external();
            wrong.when(!stays, "evidence_mismatch");
        }
        wrong.when(self.is_short_to_move(&postings, at), "insufficient_available");
        wrong.when(self.crosses_custodians(legs), "evidence_missing");
        wrong
    }

    pub(super) fn wrong_with_settlement(
        &self,
        ask: &Ask,
        movement: &str,
        amounts: Option<&[String]>,
        at: u64,
    ) -> Wrong {
        let mut wrong = Wrong::default();
        let Some(movement) = self.movements.get(movement) else {
            wrong.unknown = true;
            return wrong;
        };
        // The postings of a batch are in its document: what is kept of it touches no account.
        let touched = movement.postings.iter().filter(|_| !movement.is_batch);
        let keeps =
            |id: &String| self.accounts.get(id).is_some_and(|account| account.custodian == ask.author);
        let foreign = touched.into_iter().any(|posting| !keeps(&posting.from) || !keeps(&posting.to));
        // The operator needs a custodian's recorded statement, and here none is ever recorded.
        if self.parties.get(&ask.author).is_some_and(|party| party.role == "operator") {
            wrong.when(foreign, "evidence_missing");
        } else {
            wrong.not_for_author = foreign;
        }
        wrong.when(movement.status(at) != "pending", "wrong_state");
        let one_each = amounts.is_none_or(|amounts| amounts.len() == movement.postings.len());
        wrong.when(!one_each, "amount_out_of_range");
        let parts = self.parts(movement, amounts);
        for (posting, part) in movement.postings.iter().zip(&parts) {
            wrong.when(part.is_err(), "amount_precision");
            let rest = posting.units - posting.settled;
            wrong.when(part.is_ok_and(|part| part > rest), "amount_out_of_range");
        }
        wrong.when(parts.iter().all(|part| *part == Ok(0)), "amount_zero");
        let moved =
            movement.postings.iter().zip(&parts).filter_map(|(posting, part)| {
                Some(Posting { units: part.ok()?, settled: 0, ..posting.clone() })
            });
        // What goes was reserved; only the custodian's side can hold too little.
        wrong.when(self.empties_external(&moved.collect::<Vec<_>>()), "insufficient_available");
        wrong
    }

    /// How much of each posting that has an amount.
    pub(super) fn parts(&self, movement: &Movement, amounts: Option<&[String]>) -> Vec<Result<i128, ()>> {
        let Some(amounts) = amounts else {
            return movement.postings.iter().map(|it| Ok(it.units - it.settled)).collect();
        };
        let part = |(posting, text): (&Posting, &String)| self.units(text, &posting.asset).ok_or(());
        movement.postings.iter().zip(amounts).map(part).collect()
    }

    pub(super) fn wrong_with_voiding(&self, ask: &Ask, movement: &str, at: u64) -> Wrong {
        let mut wrong = Wrong::default();
        let Some(movement) = self.movements.get(movement) else {
            wrong.unknown = true;
            return wrong;
        };
        let by_operator = self.parties.get(&ask.author).is_some_and(|party| party.role == "operator");
        if !by_operator && movement.author != ask.author {
            let own = |id: &String| self.accounts.get(id).is_some_and(|account| account.owner == ask.author);
            let touched = movement.postings.iter().filter(|_| !movement.is_batch);
            wrong.unknown = !touched.into_iter().any(|posting| own(&posting.from) || own(&posting.to));
            wrong.not_for_author = true;
        }
        wrong.when(movement.status(at) != "pending", "wrong_state");
        wrong
    }

    pub(super) fn wrong_with_reversal(&self, movement: &str, reverses: &str, at: u64) -> Wrong {
        let mut wrong = Wrong::default();
        let Some(undone) = self.movements.get(reverses) else {
            wrong.unknown = true;
            return wrong;
        };
        wrong.when(is_taken(&self.movements, movement), "id_taken");
        let moved = undone.postings.iter().any(|posting| posting.settled > 0);
        let over = undone.status(at) != "pending" && moved && !undone.is_batch;
        wrong.when(!over || undone.reversed_by.is_some(), "wrong_state");
        let postings = backwards(undone);
        for posting in &postings {
            for id in [&posting.from, &posting.to] {
                let Some(account) = self.accounts.get(id) else { continue };
                wrong.when(account.status == "closed", "account_closed");
                wrong.when(account.status == "frozen", "account_frozen");
            }
            let suspended = self.assets.get(&posting.asset).is_some_and(|asset| asset.suspended);
            wrong.when(suspended, "asset_suspended");
            let from = self.accounts.get(&posting.from);
            wrong.when(from.is_some_and(Account::is_external), "evidence_missing");
        }
        wrong.when(self.is_short_to_move(&postings, at), "insufficient_available");
        wrong
    }

    /// What is wrong with postings whatever becomes of them, and what they come to.
    fn wrong_with_legs(&self, movement: &str, legs: &[Leg]) -> (Wrong, Vec<Posting>) {
        let mut wrong = Wrong::default();
        wrong.when(is_taken(&self.movements, movement), "id_taken");
        let mut postings = Vec::new();
        for leg in legs {
            let (from, to) = (self.accounts.get(&leg.from), self.accounts.get(&leg.to));
            let (Some(from), Some(to), Some(asset)) = (from, to, self.assets.get(&leg.asset)) else {
                wrong.unknown = true;
                continue;
            };
            for account in [from, to] {
                wrong.when(account.status == "closed", "account_closed");
                wrong.when(account.status == "frozen", "account_frozen");
                wrong.when(account.asset != leg.asset, "asset_mismatch");
            }
            wrong.when(asset.suspended, "asset_suspended");
            let units = self.units(&leg.amount, &leg.asset);
            wrong.when(units.is_none(), "amount_precision");
            wrong.when(units == Some(0), "amount_zero");
            let (from, to, asset) = (leg.from.clone(), leg.to.clone(), leg.asset.clone());
            postings.push(Posting { from, to, asset, units: units.unwrap_or(0), settled: 0 });
        }
        (wrong, postings)
    }

    /// The accounts that legs name, where both are there.
    fn pairs<'a>(&'a self, legs: &'a [Leg]) -> impl Iterator<Item = (&'a Account, &'a Account)> {
        legs.iter().filter_map(|leg| self.accounts.get(&leg.from).zip(self.accounts.get(&leg.to)))
    }

    fn crosses_custodians(&self, legs: &[Leg]) -> bool {
        self.pairs(legs).any(|(from, to)| from.custodian != to.custodian)
    }

    /// Whether some account would not have what is to go out of it, one posting after the other.
    fn is_short_to_move(&self, postings: &[Posting], at: u64) -> bool {
        let mut moved: BTreeMap<&str, i128> = BTreeMap::new();
        for posting in postings {
            let free = self.settled(&posting.from) - self.pending(&posting.from, at).0;
            let now = moved.entry(&posting.from).or_default();
            if !self.is_external(&posting.from) && free + *now < posting.units {
                return true;
            }
            *now -= posting.units;
            let now = moved.entry(&posting.to).or_default();
            *now += posting.units;
            if self.is_external(&posting.to) && self.settled(&posting.to) + *now > 0 {
                return true;
            }
        }
        false
    }

    /// The same for what is only reserved: nothing comes in yet.
    fn is_short_to_reserve(&self, postings: &[Posting], at: u64) -> bool {
        let mut reserved: BTreeMap<&str, i128> = BTreeMap::new();
        postings.iter().any(|posting| {
            let free = self.settled(&posting.from) - self.pending(&posting.from, at).0;
            let now = reserved.entry(&posting.from).or_default();
            *now += posting.units;
            !self.is_external(&posting.from) && free < *now
        })
    }

    /// Whether the custodian is said to hold less than goes out to it.
    fn empties_external(&self, postings: &[Posting]) -> bool {
        let mut moved: BTreeMap<&str, i128> = BTreeMap::new();
        for posting in postings {
            *moved.entry(&posting.from).or_default() -= posting.units;
            let now = moved.entry(&posting.to).or_default();
            *now += posting.units;
            if self.is_external(&posting.to) && self.settled(&posting.to) + *now > 0 {
                return true;
            }
        }
        false
    }

    fn is_external(&self, id: &str) -> bool {
        self.accounts.get(id).is_some_and(Account::is_external)
    }

    /// An amount in the asset's smallest units; `None` if it has more decimals than the asset.
    pub(super) fn units(&self, text: &str, asset: &str) -> Option<i128> {
        let decimals = self.assets.get(asset)?.decimals as usize;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let zeros = decimals.checked_sub(fraction.len())?;
        format!("{whole}{fraction}{}", "0".repeat(zeros)).parse().ok()
    }
}

/// The postings that undo what has moved.
pub(super) fn backwards(undone: &Movement) -> Vec<Posting> {
    let moved = undone.postings.iter().filter(|posting| posting.settled > 0);
    let back = moved.map(|posting| Posting {
        from: posting.to.clone(),
        to: posting.from.clone(),
        asset: posting.asset.clone(),
        units: posting.settled,
        settled: 0,
    });
    back.collect()
}

fn same_class_broken(model: &Model, legs: &[Leg]) -> bool {
    model.pairs(legs).any(|(from, to)| from.class != to.class)
}
