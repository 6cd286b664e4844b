//! What posted collateral is worth, and when it may go back.
//!
//! Pure: prices, terms and time come in, values go out; every product is exact and cut once. Knows
//! nothing of what is required (that is `csa`, and `margin` beyond it), of files, or of the ledger's
//! state, so that `apply`, the command line and the counterparty compute the same digits.
//!
//! Source: specs/calls.md §3 and §6.

mod asset;
mod limit;
mod market;
mod matching;
mod rating;
mod release;
mod schedule;
mod side;
mod value;
pub use asset::{AgencyRating, Asset, AssetKind, Item, ItemState, PropertyClass};
pub use limit::{Cap, CapBase, Counting, Limit, LimitScope, apply_limits};
pub use market::{FxRate, Market, Price, ValuationError};
pub use matching::{Match, MaturityBand, RatingBand, RatingChoice, Subject};
pub use rating::Rating;
pub use release::{ReleaseRefusal, Released, StatementFigure, release};
pub use schedule::{
    Eligibility, Fraction, FxHaircut, HaircutUnit, Row, RowEffect, Schedule, ValuationFactor,
};
pub use side::{BySide, Side};
pub use value::{DIGITS_MAX, VALUE_PLACES, Value};

use crate::decimal::{Exact, ten_to};

/// What one item is worth, before concentration limits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Appraisal {
    /// What it would sell for, cut to eight decimals.
    pub market_value: Value,
    /// What of that the schedule lets count.
    pub value: Value,
    /// By which row, or why not.
    pub eligibility: Eligibility,
}

/// Values each item by the schedule, in the order of `items`.
///
/// `groups` are the issuer groups affiliated with each party. An ineligible item is worth zero; that
/// is no error.
///
/// # Errors
/// All that stands in the way of a value, by precedence ([`ValuationError`]); never an empty list.
pub fn value_items(
    schedule: &Schedule,
    groups: &BySide<Vec<String>>,
    market: &Market,
    items: &[Item],
) -> Result<Vec<Appraisal>, Vec<ValuationError>> {
    let mut errors = Vec::new();
    let mut appraisals = Vec::with_capacity(items.len());
    for item in items {
        let (asset, exact) = match market.value(item) {
            Ok(valued) => valued,
            Err(more) => {
                errors.extend(more);
                continue;
            }
        };
        let subject =
            Subject { asset, as_of: market.as_of.date(), poster_groups: groups.get(item.posted_by) };
        let (value, eligibility) = schedule.value(item, subject, &exact);
        appraisals.push(Appraisal { market_value: Value::truncated(&exact), value, eligibility });
    }
    if errors.is_empty() {
        Ok(appraisals)
    } else {
        errors.sort();
        Err(errors)
    }
}

/// A quantity of smallest units as the number that [`Item::amount`] holds.
#[must_use]
pub fn quantity(units: u128, decimals: u8) -> Exact {
    Exact::new(units.into(), ten_to(decimals.into()))
}
