//! Quantities: whole numbers of an asset's smallest unit.

use std::fmt::Write as _;

use crate::decimal::set_point;

/// Prints a number of smallest units of an asset with `decimals` digits after the point.
///
/// ```
/// assert_eq!(ledger::amount::print_units(1_250_000_000, 8), "12.5");
/// ```
#[must_use]
pub fn print_units(units: u128, decimals: u8) -> String {
    let mut text = String::new();
    write_units(&mut text, units, decimals);
    text
}

/// [`print_units`] at the end of a text.
pub(crate) fn write_units(text: &mut String, units: u128, decimals: u8) {
    let start = text.len();
    // Most quantities are short, and printing those is quicker.
    let written = match u64::try_from(units) {
        Ok(units) => write!(text, "{units}"),
        Err(_) => write!(text, "{units}"),
    };
    written.expect("a text takes whatever is written");
    set_point(text, start, decimals.into());
}
