//! What one contract gains or loses in a scenario, rounded once.
//!
//! Linear and inverse contracts are exact: price times move. Roots are exact too.
#![allow(clippy::float_arithmetic, reason = "option formulas; no float leaves this module unrounded")]

mod number;
mod root;

pub(crate) use number::{figure, nearest};
pub(crate) use root::root_up;

use ledger::decimal::Exact;
use num_traits::ToPrimitive;

use crate::money::{Figure, Overflow};
use crate::scenario::Scenario;

/// Whether an option buys or sells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Right {
    Call,
    Put,
}

/// When an option may be exercised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    European,
    American,
}

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
