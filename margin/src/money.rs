//! Money and quantities as whole numbers, so that a sum has one value on every platform.
//!
//! Three grains: a [`Figure`] is money in 1e-8 of a currency, a [`Quantity`] is contracts in 1e-9,
//! a [`Fine`] is a sum of their products in 1e-17. Anything between is an exact rational
//! ([`Exact`]), rounded once, and the rounding is named where it happens.

use ledger::decimal::{Exact, print_scaled, ten_to};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

/// Digits after the point of a [`Figure`].
const FIGURE_DECIMALS: usize = 8;
/// [`Fine`] units in one [`Figure`] unit.
const FINE_PER_FIGURE: i128 = 1_000_000_000;

/// A sum or product left the range of 128 bits. It is an error of the input, never a wrap.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a figure does not fit in 128 bits")]
pub struct Overflow;

/// Money in 1e-8 units of the reporting currency.
///
/// ```
/// use margin::Figure;
/// let third = ledger::decimal::Exact::new(1.into(), 3.into());
/// assert_eq!(Figure::up(&third)?.to_string(), "0.33333334");
/// assert_eq!(Figure::down(&third)?.to_string(), "0.33333333");
/// # Ok::<(), margin::Overflow>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Figure(i128);

impl Figure {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// That many 1e-8 units.
    #[must_use]
    pub fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// In 1e-8 units.
    #[must_use]
    pub fn units(self) -> i128 {
        self.0
    }

    /// The least figure that is not below `value`: how requirements round.
    ///
    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn up(value: &Exact) -> Result<Self, Overflow> {
        narrow((value * ten_to(FIGURE_DECIMALS)).ceil().to_integer()).map(Self)
    }

    /// The greatest figure that is not above `value`: how credits and collateral round.
    ///
    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn down(value: &Exact) -> Result<Self, Overflow> {
        narrow((value * ten_to(FIGURE_DECIMALS)).floor().to_integer()).map(Self)
    }

    /// The nearest figure, half to even: how values of one contract round.
    ///
    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn nearest(value: &Exact) -> Result<Self, Overflow> {
        narrow(half_even(&(value * ten_to(FIGURE_DECIMALS)))).map(Self)
    }

    /// The exact number of currency units.
    #[must_use]
    pub fn exact(self) -> Exact {
        Exact::new(self.0.into(), ten_to(FIGURE_DECIMALS))
    }

    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// # Errors
    /// [`Overflow`] if it does not fit.
    pub fn total(figures: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        figures.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// Itself, or zero if it is below.
    #[must_use]
    pub fn floored(self) -> Self {
        self.max(Self::ZERO)
    }
}

/// Canonical decimal text, up to eight decimals.
impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&print_scaled(&self.0.into(), FIGURE_DECIMALS))
    }
}

/// Contracts in 1e-9, negative for a short position.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Quantity(i128);

impl Quantity {
    /// From a decimal of at most nine digits after the point.
    pub(crate) fn from_exact(value: &Exact) -> Result<Self, Overflow> {
        narrow((value * ten_to(9)).to_integer()).map(Self)
    }

    pub(crate) fn exact(self) -> Exact {
        Exact::new(self.0.into(), ten_to(9))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn is_short(self) -> bool {
        self.0 < 0
    }

    pub(crate) fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// Quantity × value of one contract, exact.
    pub(crate) fn times(self, one: Figure) -> Result<Fine, Overflow> {
        self.0.checked_mul(one.0).map(Fine).ok_or(Overflow)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&print_scaled(&self.0.into(), 9))
    }
}

/// A sum of quantity × figure, in 1e-17: exact, so it never depends on the order of positions.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Fine(i128);

impl Fine {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    pub(crate) fn negated(self) -> Result<Self, Overflow> {
        self.0.checked_neg().map(Self).ok_or(Overflow)
    }

    /// A share of it, toward −∞: how gains count in part.
    pub(crate) fn share_down(self, share: &Exact) -> Result<Self, Overflow> {
        narrow((share * BigInt::from(self.0)).floor().to_integer()).map(Self)
    }

    /// Toward +∞.
    pub(crate) fn up(self) -> Figure {
        Figure(Integer::div_ceil(&self.0, &FINE_PER_FIGURE))
    }

    /// Toward −∞.
    pub(crate) fn down(self) -> Figure {
        Figure(self.0.div_euclid(FINE_PER_FIGURE))
    }

    pub(crate) fn exact(self) -> Exact {
        Exact::new(self.0.into(), ten_to(17))
    }
}

/// What figures are reported in: its code, and how many decimals its printed money has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Currency {
    code: String,
    decimals: usize,
}

impl Currency {
    /// Cents for a currency of ISO 4217, eight decimals for anything else, which is a coin.
    #[must_use]
    pub fn new(code: &str) -> Self {
        let decimals = if is_iso_4217(code) { 2 } else { FIGURE_DECIMALS };
        Self { code: code.to_owned(), decimals }
    }

    /// Its code, as the input wrote it.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Digits after the point of printed money.
    #[must_use]
    pub fn decimals(&self) -> usize {
        self.decimals
    }

    /// Whether it is a coin rather than a state's currency.
    #[must_use]
    pub fn is_coin(&self) -> bool {
        self.decimals == FIGURE_DECIMALS
    }

    /// Printed money: rounded once, toward +∞.
    #[must_use]
    pub fn print(&self, figure: Figure) -> String {
        self.print_minor(&self.minor_up(&figure.exact()))
    }

    pub(crate) fn print_fine(&self, fine: Fine) -> String {
        self.print_minor(&self.minor_up(&fine.exact()))
    }

    /// Whole cents (or 1e-8 of a coin), toward +∞.
    pub(crate) fn minor_up(&self, value: &Exact) -> BigInt {
        (value * ten_to(self.decimals)).ceil().to_integer()
    }

    /// Whole cents (or 1e-8 of a coin), toward −∞.
    pub(crate) fn minor_down(&self, value: &Exact) -> BigInt {
        (value * ten_to(self.decimals)).floor().to_integer()
    }

    pub(crate) fn print_minor(&self, minor: &BigInt) -> String {
        print_scaled(minor, self.decimals)
    }
}

/// The larger of a number and zero.
pub(crate) fn positive_part(value: Exact) -> Exact {
    if value.is_negative() { Exact::zero() } else { value }
}

/// The nearest whole number, half to even.
pub(crate) fn half_even(value: &Exact) -> BigInt {
    let floor = value.floor().to_integer();
    let twice_rest = (value - Exact::from(floor.clone())) * BigInt::from(2);
    let one = Exact::from(BigInt::from(1));
    if twice_rest > one || (twice_rest == one && floor.is_odd()) { floor + 1 } else { floor }
}

/// A number rounded to `decimals` places, half to even.
pub(crate) fn rounded(value: &Exact, decimals: usize) -> Exact {
    Exact::new(half_even(&(value * ten_to(decimals))), ten_to(decimals))
}

/// The decimal text of a number; one without a finite text is cut, half to even, at 18 decimals.
pub(crate) fn print_exact(value: &Exact) -> String {
    print_scaled(&half_even(&(value * ten_to(18))), 18)
}

fn narrow(wide: BigInt) -> Result<i128, Overflow> {
    i128::try_from(wide).map_err(|_| Overflow)
}

fn is_iso_4217(code: &str) -> bool {
    ISO_4217.split_ascii_whitespace().any(|known| known == code)
}

/// Active currencies of ISO 4217, without funds, metals and test codes.
const ISO_4217: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD \
    BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD \
    KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK \
    NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP \
    STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF \
    XPF YER ZAR ZMW ZWG";

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        ledger::decimal::DecimalText::parse(text).unwrap().exact()
    }

    #[test]
    fn each_rounding_goes_its_way() {
        for (value, up, down, nearest) in [
            ("0.000000001", "0.00000001", "0", "0"),
            ("-0.000000001", "0", "-0.00000001", "0"),
            ("0.000000005", "0.00000001", "0", "0"),
            ("0.000000015", "0.00000002", "0.00000001", "0.00000002"),
            ("-0.000000015", "-0.00000001", "-0.00000002", "-0.00000002"),
            ("12.5", "12.5", "12.5", "12.5"),
        ] {
            let value = exact(value);
            assert_eq!(Figure::up(&value).unwrap().to_string(), up);
            assert_eq!(Figure::down(&value).unwrap().to_string(), down);
            assert_eq!(Figure::nearest(&value).unwrap().to_string(), nearest);
        }
    }

    #[test]
    fn a_fine_sum_rounds_as_its_exact_value() {
        for units in [-1_500_000_000_i128, -1, 0, 1, 999_999_999, 1_000_000_000] {
            let fine = Fine(units);
            assert_eq!(Ok(fine.up()), Figure::up(&fine.exact()));
            assert_eq!(Ok(fine.down()), Figure::down(&fine.exact()));
        }
    }

    #[test]
    fn coins_print_eight_decimals_and_money_two() {
        let figure = Figure::from_units(123_456_789);
        assert_eq!(Currency::new("USD").print(figure), "1.24");
        assert_eq!(Currency::new("BTC").print(figure), "1.23456789");
        assert_eq!(Currency::new("USD").print(Figure::from_units(-123_456_789)), "-1.23");
    }

    #[test]
    fn overflow_is_an_error() {
        assert_eq!(Figure::from_units(i128::MAX).plus(Figure::from_units(1)), Err(Overflow));
        assert_eq!(Quantity(i128::MAX).times(Figure::from_units(2)), Err(Overflow));
        assert_eq!(Figure::up(&Exact::from(ten_to(40))), Err(Overflow));
    }
}
