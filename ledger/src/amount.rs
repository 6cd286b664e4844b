//! Quantities: whole numbers of an asset's smallest unit.

use crate::decimal::print_digits;

/// Prints a number of smallest units of an asset with `decimals` digits after the point.
///
/// ```
/// assert_eq!(ledger::amount::print_units(1_250_000_000, 8), "12.5");
/// ```
#[must_use]
pub fn print_units(units: u128, decimals: u8) -> String {
    print_digits(&units.to_string(), decimals.into())
}
