//! The five passes that find which movement of the ledger is which line of a statement.
//!
//! Matching never leaves one account and one asset, so each pool of both is worked off alone.
//!
//! Source: specs/custody.md §2.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use num_bigint::Sign;

use super::extract::{LedgerExtract, LedgerMovement, MovementState, Rules};
use super::group::{self, Budget};
use crate::day::days_between;
use crate::label::Label;
use crate::quantity::Quantity;
use crate::statement::{Movement, MovementStatus, Statement};

/// Which pass found a match, in their order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MatchRule {
    /// Same reference and amount.
    ExactReference,
    /// Same amount, value dates within the window.
    ExactAmount,
    /// Amounts apart by no more than the agreed tolerance.
    Tolerance,
    /// One movement, several lines.
    OneToMany,
    /// Several movements, one line.
    ManyToOne,
}

impl MatchRule {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExactReference => "exact_reference",
            Self::ExactAmount => "exact_amount",
            Self::Tolerance => "tolerance",
            Self::OneToMany => "one_to_many",
            Self::ManyToOne => "many_to_one",
        }
    }
}

/// A line of a statement that takes part: booked or pending.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// `<statement id>/<position>`.
    pub(super) id: String,
    pub(super) movement: &'a Movement,
}

impl Line<'_> {
    pub(super) fn is_booked(&self) -> bool {
        self.movement.status == MovementStatus::Booked
    }

    /// Day of value, else of booking.
    fn day(&self) -> Option<Date> {
        self.movement.value_on.or(self.movement.booked_on)
    }
}

/// One account and one asset, both sides in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Pool<'a> {
    pub(super) ledger: Vec<&'a LedgerMovement>,
    pub(super) lines: Vec<Line<'a>>,
    pub(super) matches: Vec<Match>,
    ledger_used: Vec<bool>,
    lines_used: Vec<bool>,
}

/// A match, by places in its pool.
#[derive(Debug)]
pub(super) struct Match {
    pub(super) rule: MatchRule,
    pub(super) ledger: Vec<usize>,
    pub(super) lines: Vec<usize>,
}

/// Sorts both sides into pools by account and asset.
pub(super) fn pools<'a>(
    extract: &'a LedgerExtract,
    statements: &'a [Statement],
) -> BTreeMap<(&'a Label, &'a Label), Pool<'a>> {
    let mut pools: BTreeMap<_, Pool> = BTreeMap::new();
    for movement in &extract.movements {
        pools.entry((&movement.account, &movement.asset)).or_default().ledger.push(movement);
    }
    let mut sorted: Vec<&Statement> = statements.iter().collect();
    sorted.sort_by_key(|statement| &statement.id);
    for statement in sorted {
        for (place, movement) in statement.movements.iter().enumerate() {
            let takes_part = match movement.status {
                MovementStatus::Booked | MovementStatus::Pending => true,
                MovementStatus::Info | MovementStatus::Future => false,
            };
            if takes_part {
                let line = Line { id: format!("{}/{place}", statement.id), movement };
                pools.entry((&statement.account, &movement.asset)).or_default().lines.push(line);
            }
        }
    }
    for pool in pools.values_mut() {
        pool.ledger.sort_by_key(|movement| &movement.id);
        pool.ledger_used = vec![false; pool.ledger.len()];
        pool.lines_used = vec![false; pool.lines.len()];
    }
    pools
}

impl Pool<'_> {
    /// Runs the passes over this pool.
    pub(super) fn run(&mut self, rules: &Rules, tolerance: &Quantity, budget: &mut Budget) {
        self.exact_reference();
        let by_amount = self.lines_by_amount();
        self.exact_amount(rules, &by_amount);
        if !tolerance.is_zero() {
            self.within_tolerance(rules, tolerance, &by_amount);
        }
        self.one_to_many(rules, budget);
        self.many_to_one(rules, budget);
    }

    /// Places of the movements that no match used.
    pub(super) fn ledger_left(&self) -> impl Iterator<Item = usize> {
        (0..self.ledger.len()).filter(|place| !self.ledger_used[*place])
    }

    /// Places of the lines that no match used.
    pub(super) fn lines_left(&self) -> impl Iterator<Item = usize> {
        (0..self.lines.len()).filter(|place| !self.lines_used[*place])
    }

    /// References that a match carries, on either side.
    pub(super) fn references_matched(&self) -> BTreeSet<&Label> {
        let ledger = self.matches.iter().flat_map(|found| &found.ledger);
        let lines = self.matches.iter().flat_map(|found| &found.lines);
        ledger
            .filter_map(|place| self.ledger[*place].reference.as_ref())
            .chain(lines.filter_map(|place| self.lines[*place].movement.reference.as_ref()))
            .collect()
    }

    /// Statement − ledger over a match.
    pub(super) fn difference(&self, found: &Match) -> Quantity {
        let stated: Quantity = found.lines.iter().map(|place| &self.lines[*place].movement.amount).sum();
        let held: Quantity = found.ledger.iter().map(|place| &self.ledger[*place].amount).sum();
        &stated - &held
    }

    /// Booked at the custodian − settled in the ledger, over the matches: timing both sides know.
    pub(super) fn explained(&self) -> Quantity {
        let lines = self.matches.iter().flat_map(|found| &found.lines).map(|place| &self.lines[*place]);
        let ledger = self.matches.iter().flat_map(|found| &found.ledger).map(|place| self.ledger[*place]);
        let booked: Quantity = lines.filter(|line| line.is_booked()).map(|line| &line.movement.amount).sum();
        let settled: Quantity =
            ledger.filter(|m| m.state == MovementState::Settled).map(|movement| &movement.amount).sum();
        &booked - &settled
    }

    fn take(&mut self, rule: MatchRule, ledger: Vec<usize>, lines: Vec<usize>) {
        for place in &ledger {
            assert!(!std::mem::replace(&mut self.ledger_used[*place], true), "a movement is matched once");
        }
        for place in &lines {
            assert!(!std::mem::replace(&mut self.lines_used[*place], true), "a line is matched once");
        }
        self.matches.push(Match { rule, ledger, lines });
    }

    fn exact_reference(&mut self) {
        let mut open: BTreeMap<(Label, Quantity), Vec<usize>> = BTreeMap::new();
        for (place, line) in self.lines.iter().enumerate().rev() {
            if let Some(reference) = &line.movement.reference {
                open.entry((reference.clone(), line.movement.amount.clone())).or_default().push(place);
            }
        }
        for place in 0..self.ledger.len() {
            let Some(reference) = &self.ledger[place].reference else { continue };
            let key = (reference.clone(), self.ledger[place].amount.clone());
            // Lowest id last, so that it is the one popped.
            if let Some(line) = open.get_mut(&key).and_then(Vec::pop) {
                self.take(MatchRule::ExactReference, vec![place], vec![line]);
            }
        }
    }

    fn lines_by_amount(&self) -> BTreeMap<Quantity, Vec<usize>> {
        let mut by_amount: BTreeMap<Quantity, Vec<usize>> = BTreeMap::new();
        for place in self.lines_left() {
            by_amount.entry(self.lines[place].movement.amount.clone()).or_default().push(place);
        }
        by_amount
    }

    fn exact_amount(&mut self, rules: &Rules, by_amount: &BTreeMap<Quantity, Vec<usize>>) {
        let references = self.open_references();
        for place in self.ledger_left().collect::<Vec<_>>() {
            let movement = self.ledger[place];
            let awaits_its_own = movement.reference.as_ref().is_some_and(|own| {
                references.get(own).is_some_and(|lines| lines.iter().any(|line| !self.lines_used[*line]))
            });
            if awaits_its_own {
                continue;
            }
            let candidates = by_amount.get(&movement.amount).into_iter().flatten();
            if let Some(line) = self.nearest(movement, candidates, rules) {
                self.take(MatchRule::ExactAmount, vec![place], vec![line]);
            }
        }
    }

    /// The open line nearest in days, of equally near ones the first.
    fn nearest<'l>(
        &self,
        movement: &LedgerMovement,
        lines: impl Iterator<Item = &'l usize>,
        rules: &Rules,
    ) -> Option<usize> {
        let mut nearest = None;
        for line in lines.filter(|line| !self.lines_used[**line]) {
            let Some(days) = self.days_apart(movement, *line, rules) else { continue };
            if nearest.is_none_or(|(least, _)| days < least) {
                nearest = Some((days, *line));
            }
            if days == 0 {
                break;
            }
        }
        nearest.map(|(_, line)| line)
    }

    fn within_tolerance(
        &mut self,
        rules: &Rules,
        tolerance: &Quantity,
        by_amount: &BTreeMap<Quantity, Vec<usize>>,
    ) {
        let references = self.open_references();
        for place in self.ledger_left().collect::<Vec<_>>() {
            let movement = self.ledger[place];
            let own: Vec<usize> = movement
                .reference
                .as_ref()
                .and_then(|own| references.get(own))
                .into_iter()
                .flatten()
                .copied()
                .filter(|line| !self.lines_used[*line])
                .collect();
            let (least, most) = (&movement.amount - tolerance, &movement.amount + tolerance);
            let closest = by_amount
                .range(least..=most)
                .filter(|(amount, _)| **amount != movement.amount)
                .filter_map(|(amount, lines)| {
                    let fits = |line: &&usize| {
                        !self.lines_used[**line]
                            // A line with the movement's own reference comes before any without.
                            && (own.is_empty() || own.contains(line))
                            && !self.is_in_conflict(movement, **line)
                            && self.days_apart(movement, **line, rules).is_some()
                    };
                    Some(((amount - &movement.amount).magnitude(), *lines.iter().find(fits)?))
                })
                .min();
            if let Some((_, line)) = closest {
                self.take(MatchRule::Tolerance, vec![place], vec![line]);
            }
        }
    }

    fn one_to_many(&mut self, rules: &Rules, budget: &mut Budget) {
        for place in self.ledger_left().collect::<Vec<_>>() {
            if !budget.afford(self.lines_left().count()) {
                return;
            }
            let movement = self.ledger[place];
            let parts: Vec<usize> = self
                .lines_left()
                .filter(|line| self.lines[*line].movement.amount.sign() == movement.amount.sign())
                .filter(|line| self.days_apart(movement, *line, rules).is_some())
                .collect();
            let amounts = parts.iter().map(|line| self.lines[*line].movement.amount.magnitude()).collect();
            if let Some(chosen) = group_of(&movement.amount, amounts, rules, budget) {
                let lines = chosen.into_iter().map(|chosen| parts[chosen]).collect();
                self.take(MatchRule::OneToMany, vec![place], lines);
            }
        }
    }

    fn many_to_one(&mut self, rules: &Rules, budget: &mut Budget) {
        for line in self.lines_left().collect::<Vec<_>>() {
            if !budget.afford(self.ledger_left().count()) {
                return;
            }
            let amount = &self.lines[line].movement.amount;
            let parts: Vec<usize> = self
                .ledger_left()
                .filter(|place| self.ledger[*place].amount.sign() == amount.sign())
                .filter(|place| self.days_apart(self.ledger[*place], line, rules).is_some())
                .collect();
            let amounts = parts.iter().map(|place| self.ledger[*place].amount.magnitude()).collect();
            if let Some(chosen) = group_of(amount, amounts, rules, budget) {
                let ledger = chosen.into_iter().map(|chosen| parts[chosen]).collect();
                self.take(MatchRule::ManyToOne, ledger, vec![line]);
            }
        }
    }

    /// Open lines by the reference they carry.
    fn open_references(&self) -> BTreeMap<Label, Vec<usize>> {
        let mut references: BTreeMap<Label, Vec<usize>> = BTreeMap::new();
        for place in self.lines_left() {
            if let Some(reference) = &self.lines[place].movement.reference {
                references.entry(reference.clone()).or_default().push(place);
            }
        }
        references
    }

    /// Days between the value dates, if within the window. A line without a day is in none.
    fn days_apart(&self, movement: &LedgerMovement, line: usize, rules: &Rules) -> Option<u32> {
        let days = days_between(movement.value_on, self.lines[line].day()?);
        (days <= rules.date_window_days).then_some(days)
    }

    /// Both carry a reference, and not the same; or one comes in where the other goes out.
    fn is_in_conflict(&self, movement: &LedgerMovement, line: usize) -> bool {
        let stated = self.lines[line].movement;
        let references = match (&movement.reference, &stated.reference) {
            (Some(ours), Some(theirs)) => ours != theirs,
            (None, _) | (_, None) => false,
        };
        let signs = [movement.amount.sign(), stated.amount.sign()];
        references || (signs.contains(&Sign::Plus) && signs.contains(&Sign::Minus))
    }
}

fn group_of(
    whole: &Quantity,
    parts: Vec<Quantity>,
    rules: &Rules,
    budget: &mut Budget,
) -> Option<Vec<usize>> {
    if whole.is_zero() { None } else { group::find(&whole.magnitude(), &parts, rules.max_group, budget) }
}
