//! Interest on cash collateral: the rate that counts.

use crate::valuation::Value;

/// How spread and floor work on a rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateTerms {
    /// The spread is not added to a negative rate.
    pub compressible_spread: bool,
    /// The rate may be below zero.
    pub negative_interest: bool,
}

/// The rate of one day: the published rate plus the spread.
///
/// Source: specs/calls.md §7; sign table of the FINOS CDM collateral model.
#[must_use]
pub fn effective_rate(rate: &Value, spread: &Value, terms: RateTerms) -> Value {
    let negative = *rate < Value::zero();
    let sum = if negative && terms.compressible_spread { rate.clone() } else { rate + spread };
    if terms.negative_interest { sum } else { sum.floored() }
}
