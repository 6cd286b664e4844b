//! Ledger against statements: what matches, what is under way, and what breaks.
//!
//! Pure: two sides in, one result out, and the same result for the same inputs in any order, so
//! that anyone can refold its fingerprint. A surplus is as much a break as a shortfall.
//!
//! Source: specs/custody.md §2.

mod breaks;
mod extract;
mod group;
mod holdings;
mod matching;

use std::collections::{BTreeMap, BTreeSet};

use ledger::digest::Digest;
use ledger::json::Json;
use ledger::time::Timestamp;

use crate::label::Label;
use crate::quantity::Quantity;
use crate::refusal::{Refusal, error_json};
use crate::statement::Statement;

pub use breaks::{Break, BreakId, BreakType};
pub use extract::{LedgerExtract, LedgerHolding, LedgerMovement, MovementState, Rules};
pub use holdings::{Holding, HoldingStatus};
pub use matching::MatchRule;

use group::Budget;
use matching::Pool;

/// Why nothing was compared.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReconcileError {
    /// A statement speaks of another day than the ledger extract.
    #[error("the statement speaks of {stated}, the ledger of {wanted}")]
    AsOfMismatch {
        /// Pointer to the statement's `as_of`.
        path: String,
        /// The statement's day.
        stated: String,
        /// The ledger's day.
        wanted: String,
    },
    /// A statement cannot be relied on: not read, a check fails, given twice, another
    /// custodian's, or contradicted by another.
    #[error("{reason}")]
    StatementNotAccepted {
        /// Pointer to the statement.
        path: String,
        /// Why, for a person.
        reason: String,
    },
}

impl ReconcileError {
    /// A statement that was not read is not accepted either; `place` is its place among all.
    #[must_use]
    pub fn unread(place: usize, refusal: &Refusal) -> Self {
        Self::StatementNotAccepted { path: statement_path(place), reason: refusal.to_string() }
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AsOfMismatch { .. } => "as_of_mismatch",
            Self::StatementNotAccepted { .. } => "statement_not_accepted",
        }
    }

    /// `{"code","path","message"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let path = match self {
            Self::AsOfMismatch { path, .. } | Self::StatementNotAccepted { path, .. } => path,
        };
        error_json(self.code(), path, &self.to_string())
    }
}

/// What came of comparing.
///
/// Invariant: holdings by account and asset, matches by pass and id, breaks by type, account,
/// asset and id; the fingerprint is that of the rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reconciliation {
    as_of: Timestamp,
    custodian: Label,
    holdings: Vec<Holding>,
    matches: Vec<Matched>,
    in_flight: Vec<String>,
    breaks: Vec<Break>,
    fingerprint: Digest,
}

/// Movements and statement lines that are the same thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Matched {
    /// Which pass found it.
    pub rule: MatchRule,
    /// Ids of the ledger's movements.
    pub ledger: Vec<String>,
    /// Ids of the statement's lines, `<statement id>/<position>`.
    pub statement: Vec<String>,
    /// Statement − ledger.
    pub difference: Quantity,
}

/// Compares the ledger's mirror of a custodian with the custodian's statements of that day.
///
/// # Errors
/// [`ReconcileError::AsOfMismatch`] before [`ReconcileError::StatementNotAccepted`]; nothing is
/// compared in part.
pub fn reconcile(
    extract: &LedgerExtract,
    statements: &[Statement],
) -> Result<Reconciliation, ReconcileError> {
    check_statements(extract, statements)?;
    let mut pools = matching::pools(extract, statements);
    let mut budget = Budget::for_run();
    for ((_, asset), pool) in &mut pools {
        pool.run(&extract.rules, &extract.rules.tolerance(asset), &mut budget);
    }

    let explained: BTreeMap<_, _> = pools.iter().map(|(place, pool)| (*place, pool.explained())).collect();
    let (holdings, mut breaks) = holdings::compare(extract, statements, &explained)?;
    let mut in_flight = Vec::new();
    for ((account, asset), pool) in &pools {
        left_over(account, asset, pool, &mut breaks, &mut in_flight);
    }
    breaks.sort_by(|a, b| a.order().cmp(&b.order()));
    in_flight.sort();

    let mut result = Reconciliation {
        as_of: extract.as_of,
        custodian: extract.custodian.clone(),
        holdings,
        matches: matches(pools.values()),
        in_flight,
        breaks,
        fingerprint: Digest([0; 32]),
    };
    result.fingerprint = Digest::of(Json::object(result.members()).to_jcs().as_bytes());
    Ok(result)
}

fn check_statements(extract: &LedgerExtract, statements: &[Statement]) -> Result<(), ReconcileError> {
    let day = extract.as_of.date();
    for (place, statement) in statements.iter().enumerate() {
        if statement.as_of.day() != day {
            return Err(ReconcileError::AsOfMismatch {
                path: format!("{}/as_of", statement_path(place)),
                stated: statement.as_of.to_string(),
                wanted: day.to_string(),
            });
        }
    }
    let mut ids = BTreeSet::new();
    for (place, statement) in statements.iter().enumerate() {
        let reason = if !statement.is_accepted() {
            "a check within the statement fails"
        } else if statement.custodian.as_ref().is_some_and(|custodian| *custodian != extract.custodian) {
            "the statement is another custodian's"
        } else if !ids.insert(&statement.id) {
            "a statement of this id is already given"
        } else {
            continue;
        };
        let path = statement_path(place);
        return Err(ReconcileError::StatementNotAccepted { path, reason: reason.into() });
    }
    Ok(())
}

fn statement_path(place: usize) -> String {
    format!("/statements/{place}")
}

/// Names what no match used: breaks, and what is merely under way.
fn left_over(
    account: &Label,
    asset: &Label,
    pool: &Pool,
    breaks: &mut Vec<Break>,
    in_flight: &mut Vec<String>,
) {
    let mut by_reference: BTreeMap<&Label, Vec<usize>> = BTreeMap::new();
    for place in pool.lines_left().collect::<Vec<_>>().into_iter().rev() {
        if let Some(reference) = &pool.lines[place].movement.reference {
            by_reference.entry(reference).or_default().push(place);
        }
    }
    let mut paired = BTreeSet::new();
    for place in pool.ledger_left() {
        let movement = pool.ledger[place];
        let own = movement.reference.as_ref().and_then(|own| by_reference.get_mut(own)?.pop());
        let id = movement.id.to_string();
        if let Some(line) = own {
            paired.insert(line);
            let line = &pool.lines[line];
            let amount = &line.movement.amount - &movement.amount;
            breaks.push(Break::new(
                BreakType::AmountDiffers,
                account,
                asset,
                amount,
                vec![id, line.id.clone()],
            ));
        } else if movement.state == MovementState::Settled {
            let amount = -&movement.amount;
            breaks.push(Break::new(BreakType::MissingAtCustodian, account, asset, amount, vec![id]));
        } else {
            in_flight.push(id);
        }
    }
    let matched = pool.references_matched();
    for line in pool.lines_left().filter(|line| !paired.contains(line)).map(|line| &pool.lines[line]) {
        if !line.is_booked() {
            in_flight.push(line.id.clone());
            continue;
        }
        let again = line.movement.reference.as_ref().is_some_and(|own| matched.contains(own));
        let kind = if again { BreakType::DuplicateAtCustodian } else { BreakType::MissingInLedger };
        breaks.push(Break::new(kind, account, asset, line.movement.amount.clone(), vec![line.id.clone()]));
    }
}

/// All matches, pass by pass, within a pass in the order in which it goes through its side.
fn matches<'a>(pools: impl Iterator<Item = &'a Pool<'a>>) -> Vec<Matched> {
    let mut matches = Vec::new();
    for pool in pools {
        for found in &pool.matches {
            matches.push(Matched {
                rule: found.rule,
                ledger: found.ledger.iter().map(|place| pool.ledger[*place].id.to_string()).collect(),
                statement: found.lines.iter().map(|place| pool.lines[*place].id.clone()).collect(),
                difference: pool.difference(found),
            });
        }
    }
    matches.sort_by(|a, b| a.order().cmp(&b.order()));
    matches
}

impl Matched {
    /// The pass, then the side it goes through.
    fn order(&self) -> (MatchRule, &[String], &[String]) {
        match self.rule {
            MatchRule::ExactReference
            | MatchRule::ExactAmount
            | MatchRule::Tolerance
            | MatchRule::OneToMany => (self.rule, &self.ledger, &self.statement),
            MatchRule::ManyToOne => (self.rule, &self.statement, &self.ledger),
        }
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("rule", Json::text(self.rule.name())),
            ("ledger", Json::array(self.ledger.iter().map(Json::text))),
            ("statement", Json::array(self.statement.iter().map(Json::text))),
            ("difference", Json::text(self.difference.to_string())),
        ])
    }
}

impl Reconciliation {
    /// Holdings that both sides speak of.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// What matched.
    #[must_use]
    pub fn matches(&self) -> &[Matched] {
        &self.matches
    }

    /// Movements and lines under way, unmatched and no break.
    #[must_use]
    pub fn in_flight(&self) -> &[String] {
        &self.in_flight
    }

    /// Where both sides disagree.
    #[must_use]
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// SHA-256 of the JCS form of the rest.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The result as specs/custody.md §2 shows it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = self.members();
        members.push(("fingerprint", Json::text(self.fingerprint.to_string())));
        Json::object(members)
    }

    fn members(&self) -> Vec<(&'static str, Json)> {
        vec![
            ("as_of", Json::text(self.as_of.to_string())),
            ("custodian", Json::text(self.custodian.as_str())),
            ("holdings", Json::array(self.holdings.iter().map(Holding::to_json))),
            ("matches", Json::array(self.matches.iter().map(Matched::to_json))),
            ("in_flight", Json::array(self.in_flight.iter().map(Json::text))),
            ("breaks", Json::array(self.breaks.iter().map(Break::to_json))),
        ]
    }
}

#[cfg(test)]
mod tests;
