//! Exact signed quantities of an asset, wider than any decimal type of fixed size.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

use ledger::decimal::{DecimalText, print_scaled};
use num_bigint::{BigInt, Sign};

/// Digits after the point that are kept.
const SCALE: usize = 30;
/// Digits of one stated amount (MT 93F has thirty).
const STATED_DIGITS_MAX: usize = 30;
/// Digits before the point of any amount: a `u128` has 39.
const WHOLE_DIGITS_MAX: usize = 48;

/// A signed number of units of an asset (`1.5` BTC), exact.
///
/// A wide integer of 10^-30 units: sums never overflow and never round. The asset stands beside
/// it; two assets are never added because pools are by asset.
///
/// ```
/// use custody::quantity::Quantity;
/// let stated = Quantity::parse_stated("99999999999.000000000000000001")?;
/// assert_eq!((&stated - &Quantity::parse("100000000000")?).to_string(), "-0.999999999999999999");
/// # Ok::<(), custody::quantity::QuantityError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Quantity(BigInt);

/// A text is not the one spelling of an amount, or it has too many digits.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an amount: {reason}")]
pub struct QuantityError {
    /// What is wrong, for a person.
    pub reason: String,
}

impl Quantity {
    /// Reads a canonical decimal with at most 48 digits before and 30 after the point.
    ///
    /// # Errors
    /// [`QuantityError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let decimal =
            DecimalText::parse(text).map_err(|error| QuantityError { reason: error.to_string() })?;
        if decimal.whole_digits() > WHOLE_DIGITS_MAX || decimal.fraction_digits() > SCALE {
            return Err(QuantityError { reason: "too many digits".into() });
        }
        let scaled = decimal.scaled(SCALE).map_err(|error| QuantityError { reason: error.to_string() })?;
        Ok(Self(scaled))
    }

    /// Reads an amount that a statement states: as [`Quantity::parse`], at most 30 digits in all.
    ///
    /// # Errors
    /// [`QuantityError`] for any other text.
    pub fn parse_stated(text: &str) -> Result<Self, QuantityError> {
        let quantity = Self::parse(text)?;
        let digits = DecimalText::parse(text).map_or(0, |decimal| decimal.significant_digits());
        if digits <= STATED_DIGITS_MAX {
            Ok(quantity)
        } else {
            Err(QuantityError { reason: format!("{digits} digits, at most {STATED_DIGITS_MAX} are stated") })
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn magnitude(&self) -> Self {
        Self(BigInt::from(self.0.magnitude().clone()))
    }

    /// Minus, zero or plus.
    #[must_use]
    pub fn sign(&self) -> Sign {
        self.0.sign()
    }

    /// Whether nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.sign() == Sign::NoSign
    }

    /// Digits after the point that it needs.
    #[must_use]
    pub fn decimals(&self) -> usize {
        self.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len())
    }

    /// The quantity taken `times`.
    #[must_use]
    pub fn times(&self, times: usize) -> Self {
        Self(&self.0 * BigInt::from(times))
    }
}

/// The canonical spelling that [`Quantity::parse`] reads.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&print_scaled(&self.0, SCALE))
    }
}

impl Add for &Quantity {
    type Output = Quantity;
    fn add(self, other: Self) -> Quantity {
        Quantity(&self.0 + &other.0)
    }
}

impl Sub for &Quantity {
    type Output = Quantity;
    fn sub(self, other: Self) -> Quantity {
        Quantity(&self.0 - &other.0)
    }
}

impl Neg for &Quantity {
    type Output = Quantity;
    fn neg(self) -> Quantity {
        Quantity(-&self.0)
    }
}

impl<'a> Sum<&'a Quantity> for Quantity {
    fn sum<I: Iterator<Item = &'a Quantity>>(quantities: I) -> Quantity {
        quantities.fold(Quantity::default(), |sum, quantity| &sum + quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_limited_where_they_are_stated() {
        let thirty = "1".repeat(30);
        for (text, stated, wide) in [
            ("0", true, true),
            ("-1.5", true, true),
            (thirty.as_str(), true, true),
            (&format!("{thirty}.1"), false, true),
            ("0.000000000000000000000000000001", true, true),
            ("0.0000000000000000000000000000001", false, false), // finer than is kept
            (&"9".repeat(48), false, true),
            (&"9".repeat(49), false, false),
            ("1,5", false, false),
            ("1e3", false, false),
            ("1.50", false, false),
            ("-0", false, false),
            ("", false, false),
        ] {
            assert_eq!(Quantity::parse_stated(text).is_ok(), stated, "{text}");
            assert_eq!(Quantity::parse(text).is_ok(), wide, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_print_roundtrip(a in any::<i128>(), b in any::<i64>()) {
            let sum = &Quantity(BigInt::from(a)) + &Quantity(BigInt::from(b));
            prop_assert_eq!(Quantity::parse(&sum.to_string()).unwrap(), sum);
        }
    }
}
