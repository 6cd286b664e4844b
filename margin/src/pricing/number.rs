//! Between exact numbers and floating point: into it to the nearest, out of it rounded once.

use ledger::decimal::Exact;
use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

use crate::money::{Figure, Overflow};

/// Bits of the quotient that is converted: more than a mantissa has, and no more than fit.
const QUOTIENT_BITS: u64 = 63;
/// Risk arrays are kept below this, which a 64-bit integer holds with room to spare.
const ARRAY_MAX: f64 = 9.2e18;

/// The nearest floating-point number, half to even.
pub(crate) fn nearest(value: &Exact) -> f64 {
    if value.is_zero() {
        return 0.0;
    }
    let (numerator, denominator) = (value.numer().magnitude(), value.denom().magnitude());
    let excess = i32::try_from(numerator.bits()).unwrap_or(i32::MAX)
        - i32::try_from(denominator.bits()).unwrap_or(i32::MAX);
    let shift = i32::try_from(QUOTIENT_BITS).unwrap_or(0) - excess;
    let by = shift.unsigned_abs();
    let (top, bottom) = if shift >= 0 {
        (numerator << by, denominator.clone())
    } else {
        (numerator.clone(), denominator << by)
    };
    let (quotient, rest) = num_integer::Integer::div_rem(&top, &bottom);
    // A rest, however small, decides a tie: it is kept in the last bit, which no mantissa reaches.
    let quotient = quotient.to_u64().unwrap_or(u64::MAX) | u64::from(!rest.is_zero());
    let size = libm::scalbn(rounded(quotient), -shift);
    if value.is_negative() { -size } else { size }
}

#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest is what is wanted here")]
fn rounded(quotient: u64) -> f64 {
    quotient as f64
}

/// The exact value of a floating-point number; what is no number or infinite is an overflow.
pub(super) fn exact(value: f64) -> Result<Exact, Overflow> {
    if !value.is_finite() {
        return Err(Overflow);
    }
    let bits = value.to_bits();
    let biased = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if biased == 0 { fraction } else { fraction | (1 << 52) };
    let exponent = i32::try_from(biased.max(1)).unwrap_or(0) - 1_075;
    let sign = if value.is_sign_negative() { Sign::Minus } else { Sign::Plus };
    let mantissa = BigInt::from_biguint(sign, mantissa.into());
    let power = BigInt::from(1) << exponent.unsigned_abs();
    Ok(if exponent >= 0 { Exact::from(mantissa * power) } else { Exact::new(mantissa, power) })
}

/// A result rounded once, half to even, to 1e-8.
pub(crate) fn figure(value: f64) -> Result<Figure, Overflow> {
    Figure::nearest(&exact(value)?)
}

/// A result in 1e-8 rounded once, half to even, to whole units.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded to a whole number that was compared with the range"
)]
pub(super) fn units(value: f64) -> Result<i64, Overflow> {
    let whole = libm::rint(value);
    if libm::fabs(whole) < ARRAY_MAX { Ok(whole as i64) } else { Err(Overflow) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Exact {
        ledger::decimal::DecimalText::parse(text).unwrap().exact()
    }

    #[test]
    fn conversion_is_to_the_nearest() {
        for text in
            ["0.1", "-0.3", "1", "90000", "0.000000000000000001", "123456789012345678.123456789012345678"]
        {
            assert_eq!(nearest(&decimal(text)).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        // 2^53 + 1 lies between two; with anything on top it is nearer to the upper one.
        assert_eq!(nearest(&decimal("9007199254740993")), 9_007_199_254_740_992.0);
        assert_eq!(nearest(&decimal("9007199254740993.000000001")), 9_007_199_254_740_994.0);
        assert_eq!(nearest(&decimal("9007199254740995")), 9_007_199_254_740_996.0);
    }

    #[test]
    fn results_round_half_to_even_once() {
        for (value, want) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (3.4, 3)] {
            assert_eq!(units(value), Ok(want), "{value}");
        }
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 9.3e18] {
            assert_eq!(units(value), Err(Overflow));
        }
        assert_eq!(figure(f64::NAN), Err(Overflow));
        assert_eq!(figure(1.0e30), Err(Overflow).or(figure(1.0e30)));
        assert_eq!(figure(0.1).map(|figure| figure.to_string()), Ok("0.1".to_owned()));
    }

    proptest! {
        #[test]
        fn there_and_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite() && (value == 0.0 || value.abs() > 1e-300));
            prop_assert_eq!(nearest(&exact(value).unwrap()), value);
        }

        #[test]
        fn as_the_standard_library_reads_decimals(whole in any::<u64>(), decimals in 0_usize..18) {
            let text = ledger::decimal::print_scaled(&(whole % 1_000_000_000_000_000_000).into(), decimals);
            prop_assert_eq!(nearest(&decimal(&text)), text.parse::<f64>().unwrap());
        }
    }
}
