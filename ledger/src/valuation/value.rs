//! What is computed: amounts of the base currency, exact to eighteen decimals.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};
use serde::{Deserialize, Serialize};

use crate::decimal::{DecimalError, DecimalText, Exact, print_scaled, ten_to};

/// Digits after the point that an input may have and that sums keep.
pub const VALUE_PLACES: usize = 18;
/// Significant digits that an input may have.
pub const DIGITS_MAX: usize = 28;
/// Digits after the point that a product is cut to.
const PRODUCT_PLACES: usize = 8;
/// A market value or a total reaches its limit at 10 to this power.
const LIMIT_EXPONENT: usize = 20;

/// An amount of an agreement's base currency, in 10^-18 of it.
///
/// Sums and differences are exact and cannot overflow; a product becomes a value only through
/// [`Value::truncated`], once. Which currency it is stands in the agreement.
///
/// Source: specs/calls.md §2.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value(BigInt);

/// A snapshot's own text: sums may have more digits than an input.
impl TryFrom<String> for Value {
    type Error = DecimalError;
    fn try_from(text: String) -> Result<Self, DecimalError> {
        DecimalText::parse(&text)?.scaled(VALUE_PLACES).map(Self)
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.to_string()
    }
}

impl Value {
    /// Nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self(BigInt::zero())
    }

    /// Reads a canonical decimal, which may be negative.
    ///
    /// # Errors
    /// [`DecimalError::Malformed`]; [`DecimalError::Precision`] over 18 decimals;
    /// [`DecimalError::TooLarge`] over 28 significant digits.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let decimal = DecimalText::parse(text)?;
        if decimal.significant_digits() > DIGITS_MAX {
            return Err(DecimalError::TooLarge);
        }
        decimal.scaled(VALUE_PLACES).map(Self)
    }

    /// Reads a canonical decimal of zero or more.
    ///
    /// # Errors
    /// As [`Value::parse`], and [`DecimalError::Negative`].
    pub fn parse_quantity(text: &str) -> Result<Self, DecimalError> {
        let value = Self::parse(text)?;
        if value.0.is_negative() { Err(DecimalError::Negative) } else { Ok(value) }
    }

    /// A whole number of the currency.
    #[must_use]
    pub fn whole(units: u64) -> Self {
        Self(BigInt::from(units) * ten_to(VALUE_PLACES))
    }

    /// An exact figure, rounded up to eight decimals: for what must be covered.
    #[must_use]
    pub fn rounded_up(figure: &Exact) -> Self {
        let down = Self::truncated(figure);
        let step = Self(BigInt::one() * ten_to(VALUE_PLACES - PRODUCT_PLACES));
        if down.exact() < *figure { &down + &step } else { down }
    }

    /// An exact product, cut toward zero to eight decimals: the one rounding of a product.
    #[must_use]
    pub fn truncated(product: &Exact) -> Self {
        let units = (product.numer() * ten_to(PRODUCT_PLACES)) / product.denom();
        Self(units * ten_to(VALUE_PLACES - PRODUCT_PLACES))
    }

    /// The same number, for products.
    #[must_use]
    pub fn exact(&self) -> Exact {
        Exact::new(self.0.clone(), ten_to(VALUE_PLACES))
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is above zero.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.0.is_positive()
    }

    /// This, or zero if it is negative.
    #[must_use]
    pub fn floored(self) -> Self {
        if self.0.is_negative() { Self::zero() } else { self }
    }

    /// What is left over a whole number of `multiple`, which is not zero; zero or more if this is.
    pub(crate) fn over_multiple(&self, multiple: &Self) -> Self {
        Self(&self.0 % &multiple.0)
    }

    /// Whether it is 10^20 or more, where eight decimals no longer fit in 28 digits.
    #[must_use]
    pub fn overflows(&self) -> bool {
        self.0.abs() >= ten_to(LIMIT_EXPONENT + VALUE_PLACES)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&print_scaled(&self.0, VALUE_PLACES))
    }
}

impl Add for &Value {
    type Output = Value;
    fn add(self, other: Self) -> Value {
        Value(&self.0 + &other.0)
    }
}

impl Sub for &Value {
    type Output = Value;
    fn sub(self, other: Self) -> Value {
        Value(&self.0 - &other.0)
    }
}

impl Neg for &Value {
    type Output = Value;
    fn neg(self) -> Value {
        Value(-&self.0)
    }
}

impl<'a> Sum<&'a Value> for Value {
    fn sum<I: Iterator<Item = &'a Value>>(values: I) -> Value {
        values.fold(Value::zero(), |sum, value| &sum + value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inputs_have_limits_and_sums_have_none() {
        for (text, want) in [
            ("1234567890.123456789012345678", Ok(())),
            ("12345678901.123456789012345678", Err(DecimalError::TooLarge)),
            ("9999999999999999999999999999", Ok(())),
            ("10000000000000000000000000000", Err(DecimalError::TooLarge)),
            ("0.0000000000000000001", Err(DecimalError::Precision)),
            ("1.0", Err(DecimalError::Malformed)),
        ] {
            assert_eq!(Value::parse(text).map(|_| ()), want, "{text}");
        }
        assert_eq!(Value::parse_quantity("-1"), Err(DecimalError::Negative));
        let largest = Value::parse("9999999999999999999999999999").unwrap();
        assert_eq!((&largest + &largest).to_string(), "19999999999999999999999999998");
    }

    #[test]
    fn products_are_cut_toward_zero_once() {
        let third = |sign: i32| Exact::new(BigInt::from(sign), BigInt::from(3));
        assert_eq!(Value::truncated(&third(2)).to_string(), "0.66666666");
        assert_eq!(Value::truncated(&third(-2)).to_string(), "-0.66666666");
    }

    #[test]
    fn the_limit_is_ten_to_twenty() {
        assert!(!Value::parse("99999999999999999999.99999999").unwrap().overflows());
        assert!(Value::parse("100000000000000000000").unwrap().overflows());
    }

    proptest! {
        #[test]
        fn parse_print_roundtrip(units in any::<i64>(), cut in 0_usize..10) {
            let text = print_scaled(&BigInt::from(units), cut);
            prop_assert_eq!(Value::parse(&text).unwrap().to_string(), text);
        }
    }
}
