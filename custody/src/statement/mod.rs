//! What a custodian says, in one form whatever it said it in.
//!
//! Nothing downstream knows the format. Amounts are exact; instruments are named as the custodian
//! names them, because mapping them to ledger assets is the asset registry's work.

mod identifier;
pub mod json;
mod names;
mod outcome;
mod typed;

use jiff::civil::Date;

use crate::day::AsOf;
use crate::label::Label;
use crate::quantity::Quantity;

pub use identifier::{IdentifierError, check_instrument};
pub use names::{BalanceKind, Basis, MovementStatus, Unit};
pub use outcome::Outcome;
pub use typed::{read_all, read_typed};

/// One statement of one account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The format it was read from, `camt.053.001.08`.
    pub format: Label,
    /// The custodian's id of the statement.
    pub id: Label,
    /// The account at the custodian, as the custodian names it.
    pub account: Label,
    /// Who states it, where the format says so.
    pub custodian: Option<Label>,
    /// When it speaks.
    pub as_of: AsOf,
    /// Its number in the custodian's gap-free sequence, where the format has one.
    pub sequence: Option<u64>,
    /// What makes an entry count.
    pub basis: Basis,
    /// Balances and holdings, in the statement's order.
    pub balances: Vec<Balance>,
    /// Entries, in the statement's order; their places are part of their ids.
    pub movements: Vec<Movement>,
    /// The chain's state behind it, where an adapter gives one.
    pub observed: Option<Observed>,
    /// What was checked within the statement.
    pub checks: Vec<Check>,
}

/// An amount held, of one kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Balance {
    /// The asset, as the custodian names it.
    pub asset: Label,
    /// Which balance.
    pub kind: BalanceKind,
    /// What a holding counts; cash has none.
    pub unit: Option<Unit>,
    /// Signed units of the asset.
    pub amount: Quantity,
}

/// An entry on the account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Movement {
    /// The custodian's reference, if it gives one.
    pub reference: Option<Label>,
    /// The asset, as the custodian names it.
    pub asset: Label,
    /// Signed units: what comes in is positive.
    pub amount: Quantity,
    /// How far the custodian has got with it.
    pub status: MovementStatus,
    /// Day of booking.
    pub booked_on: Option<Date>,
    /// Day of value.
    pub value_on: Option<Date>,
    /// Marked as undoing an earlier entry. The amount already has the right sign.
    pub reversal: bool,
}

/// The block an adapter's balances were read at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observed {
    /// Block height, decimal.
    pub height: Label,
    /// Block hash, if given.
    pub hash: Option<Label>,
}

/// A figure that follows from others of the same statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// Which rule.
    pub name: Label,
    /// What the statement says.
    pub expected: Quantity,
    /// What follows from the rest of it.
    pub got: Quantity,
    /// Whether the rule holds.
    pub ok: bool,
}

impl Statement {
    /// Whether every check holds: only then is it compared with anything.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// What the statement says is held of `asset`: the sum of its closing balances; without them of
    /// its aggregates; without those, available and not available together.
    ///
    /// Where a holding is counted in several units (face and amortised), one of them is taken.
    /// `None` if the statement does not speak of the asset.
    #[must_use]
    pub fn holding(&self, asset: &Label) -> Option<Quantity> {
        let totals: [&[BalanceKind]; 3] = [
            &[BalanceKind::Closing],
            &[BalanceKind::Aggregate],
            &[BalanceKind::Available, BalanceKind::NotAvailable],
        ];
        totals.iter().find_map(|kinds| self.total(asset, kinds))
    }

    /// The opening balance, if there is exactly one.
    pub(crate) fn opening(&self, asset: &Label) -> Option<&Quantity> {
        let is_opening = |kind: &BalanceKind| {
            matches!(
                kind,
                BalanceKind::Opening | BalanceKind::OpeningPrevious | BalanceKind::OpeningIntermediate
            )
        };
        let mut openings = self.balances.iter().filter(|b| b.asset == *asset && is_opening(&b.kind));
        match (openings.next(), openings.next()) {
            (Some(only), None) => Some(&only.amount),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }

    fn total(&self, asset: &Label, kinds: &[BalanceKind]) -> Option<Quantity> {
        let units = [None, Some(Unit::Face), Some(Unit::Unit), Some(Unit::TokenUnit), Some(Unit::Amortised)];
        let of_kind = |b: &&Balance| b.asset == *asset && kinds.contains(&b.kind);
        let unit =
            units.iter().find(|unit| self.balances.iter().filter(of_kind).any(|b| b.unit == **unit))?;
        Some(self.balances.iter().filter(of_kind).filter(|b| b.unit == *unit).map(|b| &b.amount).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holding_is_the_most_complete_figure_given() {
        for (balances, want) in [
            ("closing::5 available::4", Some("5")),
            ("aggregate:face:9 available:face:6 not_available:face:3", Some("9")),
            ("available:face:6 not_available:face:3", Some("9")),
            ("aggregate:face:9 aggregate:face:1", Some("10")), // two safekeeping places
            ("aggregate:amortised:8 aggregate:face:9", Some("9")), // one holding in two units
            ("opening::5 pled::1", None),
            ("", None),
        ] {
            let statement = statement(balances);
            let got = statement.holding(&Label::parse("X").unwrap()).map(|holding| holding.to_string());
            assert_eq!(got.as_deref(), want, "{balances}");
        }
    }

    fn statement(balances: &str) -> Statement {
        let label = |text| Label::parse(text).unwrap();
        let balance = |text: &str| {
            let parts: Vec<_> = text.split(':').collect();
            Balance {
                asset: label("X"),
                kind: BalanceKind::parse(parts[0]).unwrap(),
                unit: Unit::parse(parts[1]),
                amount: Quantity::parse(parts[2]).unwrap(),
            }
        };
        Statement {
            format: label("f"),
            id: label("S"),
            account: label("A"),
            custodian: None,
            as_of: AsOf::parse("2026-09-01").unwrap(),
            sequence: None,
            basis: Basis::Settled,
            balances: balances.split_whitespace().map(balance).collect(),
            movements: Vec::new(),
            observed: None,
            checks: Vec::new(),
        }
    }
}
