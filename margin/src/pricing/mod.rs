//! What one contract is worth, and what it gains or loses in a scenario, rounded once.
//!
//! Linear and inverse contracts are exact: price times move. Options need logarithms and the normal
//! distribution, so this is the one module with floating point: 64 bits, functions of the `libm`
//! crate alone, no fused multiply-add, each result rounded once, half to even, to 1e-8. The same
//! operations in the same order give the same bits on every platform and at every level of
//! optimisation, because each is one that IEEE 754 defines.
#![allow(clippy::float_arithmetic, reason = "option formulas; no float leaves this module unrounded")]

mod european;
mod implied;
mod number;
mod option;
mod root;
mod surface;
mod tree;

pub(crate) use implied::VOL_NOT_FOUND;
pub(crate) use number::{figure, nearest};
pub(crate) use option::{Model, OptionTerms, Priced, Pricer, Right, Shock, Style, Volatility};
pub(crate) use root::root_up;
pub(crate) use surface::{Surface, SurfacePoint};

use ledger::decimal::Exact;
use num_traits::{One, ToPrimitive};

use crate::money::{Figure, Overflow};
use crate::scenario::Scenario;

/// One entry of a risk array: P&L of one long contract in 1e-8, half to even.
pub(crate) fn array_value(value: &Exact) -> Result<i64, Overflow> {
    Figure::nearest(value)?.units().to_i64().ok_or(Overflow)
}

/// P&L of one long contract in each scenario: exposure × move × cover.
///
/// Source: margin specification, sections 4 (linear, inverse) and 5.
pub(crate) fn linear_array(exposure: &Exact, grid: &[Scenario]) -> Result<Vec<i64>, Overflow> {
    grid.iter().map(|scenario| array_value(&(exposure * &scenario.move_by * &scenario.cover))).collect()
}

/// P&L in its coin of one long inverse contract in each scenario: notional × x/(1 + x) × cover.
/// A coin that loses all its value leaves no bound to the loss, so that is an overflow.
///
/// Source: margin specification, section 4, inverse in coin.
pub(crate) fn inverse_array(notional: &Exact, grid: &[Scenario]) -> Result<Vec<i64>, Overflow> {
    let value = |scenario: &Scenario| {
        let left = Exact::one() + &scenario.move_by;
        if left <= Exact::default() {
            return Err(Overflow);
        }
        array_value(&(notional * &scenario.move_by / left * &scenario.cover))
    };
    grid.iter().map(value).collect()
}
