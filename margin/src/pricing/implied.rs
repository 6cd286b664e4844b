//! The volatility that a price implies: the least at which the value reaches it.
//!
//! Source: margin specification, section 4, implied volatility.

/// The bracket.
const VOL_MIN: f64 = 1e-4;
const VOL_MAX: f64 = 5.0;
/// How far apart the two ends of the bracket are when it is done.
const VOL_TOLERANCE: f64 = 1e-12;
/// How far a price may lie outside the values of the bracket.
const PRICE_TOLERANCE: f64 = 1e-9;

/// Why there is none, and what to do.
pub(crate) const VOL_NOT_FOUND: &str =
    "no volatility from 0.0001 to 5 gives this price; correct the price, the terms or the rates, or give vol";

/// The smallest volatility at which the value reaches the price, to 1e-12; `None` if the price lies
/// outside the values from 0.0001 to 5.
///
/// By bisection, because it needs nothing of the value but that it never falls as volatility rises:
/// where an American option is exercised at once, the value does not rise at all.
pub(super) fn least_vol(price: f64, value: impl Fn(f64) -> f64) -> Option<f64> {
    let (lowest, highest) = (value(VOL_MIN), value(VOL_MAX));
    let within = price >= lowest - PRICE_TOLERANCE && price <= highest + PRICE_TOLERANCE;
    if !within {
        return None;
    }
    if lowest >= price {
        return Some(VOL_MIN);
    }
    let (mut below, mut reached) = (VOL_MIN, VOL_MAX);
    while reached - below > VOL_TOLERANCE {
        let middle = below + (reached - below) / 2.0;
        if value(middle) >= price {
            reached = middle;
        } else {
            below = middle;
        }
    }
    Some(reached)
}
