//! Square roots of the add-ons, rounded up to 1e-8.
//!
//! By whole numbers: the least n with n² ≥ x·1e16, so the answer is the same on each platform and
//! never one unit too low.

use ledger::decimal::{Exact, ten_to};
use num_bigint::BigInt;
use num_traits::Signed;

use crate::money::{Figure, Overflow};

/// √`square`, toward +∞ at 1e-8; the root of a negative number counts as zero.
pub(crate) fn root_up(square: &Exact) -> Result<Figure, Overflow> {
    if !square.is_positive() {
        return Ok(Figure::ZERO);
    }
    let scaled: BigInt = (square * ten_to(16)).ceil().to_integer();
    let floor = scaled.sqrt();
    let root = if &floor * &floor < scaled { floor + 1 } else { floor };
    Figure::up(&Exact::new(root, ten_to(8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_roots() {
        for (square, want) in [
            ("0", "0"),
            ("1", "1"),
            ("1.44", "1.2"),
            ("2", "1.41421357"),
            ("0.0000000000000001", "0.00000001"),
            ("0.000000000000000001", "0.00000001"),
            ("-4", "0"),
        ] {
            let square = ledger::decimal::DecimalText::parse(square).unwrap().exact();
            assert_eq!(root_up(&square).unwrap().to_string(), want);
        }
    }

    proptest! {
        #[test]
        fn the_least_figure_whose_square_reaches(numerator in 1_i64..i64::MAX, denominator in 1_i64..1_000_000_000) {
            let square = Exact::new(numerator.into(), denominator.into());
            let root = root_up(&square).unwrap();
            prop_assert!(root.exact() * root.exact() >= square);
            let below = root.minus(Figure::from_units(1)).unwrap().exact();
            prop_assert!(&below * &below < square);
        }
    }
}
