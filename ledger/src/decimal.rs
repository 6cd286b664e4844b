//! Canonical decimal text: one spelling for each number, read without rounding.
//!
//! `(0|[1-9][0-9]*)(\.[0-9]*[1-9])?`, with an optional leading `-` where a value may be negative
//! (never `-0`). Limits on digits belong to the place a number stands in, so callers pass them.

use num_bigint::BigInt;
use num_rational::Ratio;
use num_traits::{Signed, Zero};

/// An exact number: what sums and products that a rule calls exact are done in.
pub type Exact = Ratio<BigInt>;

/// Why a text is not the canonical decimal that its place asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecimalError {
    /// Not the canonical spelling: exponent, sign, leading or trailing zero, other characters.
    #[error("not a canonical decimal: digits, optionally a point and digits not ending in 0")]
    Malformed,
    /// A minus where only quantities (zero or more) stand.
    #[error("a negative number where only zero or more is allowed")]
    Negative,
    /// More digits after the point than the place or the asset has.
    #[error("more decimals than allowed here")]
    Precision,
    /// More digits, or a larger number, than the place holds.
    #[error("the number is too large")]
    TooLarge,
}

/// A canonical decimal, borrowed from the text it was read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DecimalText<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> DecimalText<'a> {
    /// Reads a value, which may be negative.
    ///
    /// # Errors
    /// [`DecimalError::Malformed`] for any spelling but the canonical one.
    ///
    /// ```
    /// use ledger::decimal::DecimalText;
    /// assert!(DecimalText::parse("-12.5").is_ok());
    /// for bad in ["-0", "+1", "01", "12.50", "1e3", ".5", "5.", "1_000", ""] {
    ///     assert!(DecimalText::parse(bad).is_err(), "{bad}");
    /// }
    /// ```
    pub fn parse(text: &'a str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::Malformed),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = !whole.is_empty()
            && is_digits(whole)
            && is_digits(fraction)
            && (whole == "0" || !whole.starts_with('0'))
            && !fraction.ends_with('0')
            && !(negative && whole == "0" && fraction.is_empty());
        if canonical { Ok(Self { negative, whole, fraction }) } else { Err(DecimalError::Malformed) }
    }

    /// Reads a quantity: zero or more.
    ///
    /// # Errors
    /// As [`DecimalText::parse`], and [`DecimalError::Negative`].
    pub fn parse_quantity(text: &'a str) -> Result<Self, DecimalError> {
        let decimal = Self::parse(text)?;
        if decimal.negative { Err(DecimalError::Negative) } else { Ok(decimal) }
    }

    /// Whether a minus stands before it.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Digits before the point.
    #[must_use]
    pub fn whole_digits(&self) -> usize {
        self.whole.len()
    }

    /// Digits after the point.
    #[must_use]
    pub fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    /// Significant digits: all but leading zeros.
    #[must_use]
    pub fn significant_digits(&self) -> usize {
        let whole = self.whole.trim_start_matches('0').len();
        if whole > 0 { whole + self.fraction.len() } else { self.fraction.trim_start_matches('0').len() }
    }

    /// The number × 10^`decimals`, which must be whole.
    ///
    /// # Errors
    /// [`DecimalError::Precision`] if it has more than `decimals` digits after the point.
    pub fn scaled(&self, decimals: usize) -> Result<BigInt, DecimalError> {
        if self.fraction.len() > decimals {
            return Err(DecimalError::Precision);
        }
        let digits = format!("{}{}{}", self.whole, self.fraction, "0".repeat(decimals - self.fraction.len()));
        let magnitude: BigInt = digits.parse().map_err(|_| DecimalError::Malformed)?;
        Ok(if self.negative { -magnitude } else { magnitude })
    }

    /// A quantity in smallest units of an asset with `decimals` digits after the point.
    ///
    /// # Errors
    /// [`DecimalError::Negative`], [`DecimalError::Precision`], or [`DecimalError::TooLarge`] from
    /// 2^128 on.
    pub fn units(&self, decimals: u8) -> Result<u128, DecimalError> {
        if self.negative {
            return Err(DecimalError::Negative);
        }
        let zeros = usize::from(decimals).checked_sub(self.fraction.len()).ok_or(DecimalError::Precision)?;
        let digits = self.whole.bytes().chain(self.fraction.bytes()).chain(std::iter::repeat_n(b'0', zeros));
        let sum = |units: u128, digit: u8| units.checked_mul(10)?.checked_add(u128::from(digit - b'0'));
        digits.into_iter().try_fold(0, sum).ok_or(DecimalError::TooLarge)
    }

    /// The exact number.
    #[must_use]
    pub fn exact(&self) -> Exact {
        let scaled = self.scaled(self.fraction.len()).unwrap_or_else(|_| BigInt::zero());
        Exact::new(scaled, ten_to(self.fraction.len()))
    }
}

/// 10^`exponent`.
#[must_use]
pub fn ten_to(exponent: usize) -> BigInt {
    num_traits::pow(BigInt::from(10), exponent)
}

/// Prints `scaled` / 10^`decimals` in the canonical spelling.
///
/// ```
/// use ledger::decimal::print_scaled;
/// assert_eq!(print_scaled(&(-1_250).into(), 2), "-12.5");
/// assert_eq!(print_scaled(&0.into(), 8), "0");
/// ```
#[must_use]
pub fn print_scaled(scaled: &BigInt, decimals: usize) -> String {
    let sign = if scaled.is_negative() { "-" } else { "" };
    format!("{sign}{}", print_digits(&scaled.abs().to_string(), decimals))
}

/// Sets the point `decimals` from the right of a whole number's digits.
pub(crate) fn print_digits(digits: &str, decimals: usize) -> String {
    let mut text = String::with_capacity(digits.len().max(decimals) + 2);
    text.push_str(digits);
    set_point(&mut text, 0, decimals);
    text
}

/// Sets the point `decimals` from the right of the whole number that stands at the end of a text from
/// `start` on, and takes off the zeros that then say nothing.
pub(crate) fn set_point(text: &mut String, start: usize, decimals: usize) {
    if decimals == 0 {
        return;
    }
    for _ in text.len() - start..=decimals {
        text.insert(start, '0');
    }
    text.insert(text.len() - decimals, '.');
    let kept = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_know_the_scale_of_their_asset() {
        let units = |text, decimals| DecimalText::parse(text).unwrap().units(decimals);
        assert_eq!(units("12.5", 8), Ok(1_250_000_000));
        assert_eq!(units("0.000000000000000001", 18), Ok(1));
        assert_eq!(units("0.1", 0), Err(DecimalError::Precision));
        assert_eq!(units("-1", 0), Err(DecimalError::Negative));
        assert_eq!(units("340282366920938463463374607431768211455", 0), Ok(u128::MAX));
        assert_eq!(units("340282366920938463463374607431768211456", 0), Err(DecimalError::TooLarge));
        assert_eq!(units("1", 30), Ok(10_u128.pow(30)));
    }

    #[test]
    fn significant_digits_ignore_leading_zeros() {
        for (text, want) in [("0", 0), ("0.001", 1), ("10", 2), ("100.5", 4), ("0.0105", 3)] {
            assert_eq!(DecimalText::parse(text).unwrap().significant_digits(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_print_roundtrip(scaled in any::<i128>(), decimals in 0_usize..40) {
            let scaled = BigInt::from(scaled);
            let text = print_scaled(&scaled, decimals);
            prop_assert_eq!(DecimalText::parse(&text).unwrap().scaled(decimals).unwrap(), scaled);
        }
    }
}
