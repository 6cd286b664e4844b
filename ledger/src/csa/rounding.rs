//! Rounding of what is due to a multiple.

use serde::{Deserialize, Serialize};

use crate::valuation::Value;
use crate::words::words;

words! {
    /// Which multiple an amount goes to.
    pub enum RoundingMode {
        /// The next one above, unless it is one already.
        Up = "up",
        /// The next one below, unless it is one already.
        Down = "down",
        /// The nearer one; half goes up.
        Nearest = "nearest",
        /// None: the amount stays as it is.
        None = "none",
    }
}

/// What amounts are rounded to multiples of. Invariant: above zero.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Multiple(Value);

impl TryFrom<Value> for Multiple {
    type Error = &'static str;
    fn try_from(value: Value) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a multiple is above zero")
    }
}

impl Multiple {
    /// Checks that it is above zero.
    #[must_use]
    pub fn new(value: Value) -> Option<Self> {
        value.is_positive().then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Rounds an amount of zero or more.
    ///
    /// ```
    /// use ledger::csa::{Multiple, RoundingMode};
    /// use ledger::valuation::Value;
    /// let fifty = Multiple::new(Value::whole(50)).unwrap();
    /// assert_eq!(fifty.round(&Value::whole(101), RoundingMode::Up), Value::whole(150));
    /// assert_eq!(fifty.round(&Value::whole(75), RoundingMode::Nearest), Value::whole(100));
    /// ```
    #[must_use]
    pub fn round(&self, amount: &Value, mode: RoundingMode) -> Value {
        let over = amount.over_multiple(&self.0);
        let down = amount - &over;
        let up = || if over.is_zero() { down.clone() } else { &down + &self.0 };
        match mode {
            RoundingMode::Up => up(),
            RoundingMode::Down => down,
            RoundingMode::Nearest if &over + &over >= self.0 => up(),
            RoundingMode::Nearest => down,
            RoundingMode::None => amount.clone(),
        }
    }
}

/// How an agreement rounds what is due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rounding {
    /// The multiple.
    pub multiple: Multiple,
    /// For deliveries; up unless elected otherwise.
    pub delivery: RoundingMode,
    /// For returns; down unless elected otherwise.
    pub returns: RoundingMode,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(amount: &str, multiple: &str, mode: RoundingMode) -> String {
        let multiple = Multiple::new(Value::parse(multiple).unwrap()).unwrap();
        multiple.round(&Value::parse(amount).unwrap(), mode).to_string()
    }

    #[test]
    fn modes() {
        for (amount, multiple, mode, want) in [
            ("1234567.89", "10000", RoundingMode::Up, "1240000"),
            ("1000000", "10000", RoundingMode::Up, "1000000"),
            ("149", "50", RoundingMode::Down, "100"),
            ("49999.999999999999999999", "100000", RoundingMode::Nearest, "0"),
            ("50000", "100000", RoundingMode::Nearest, "100000"),
            ("0.05", "0.1", RoundingMode::Nearest, "0.1"),
            ("0.000000000000000001", "0.01", RoundingMode::Up, "0.01"),
            ("12.345", "10", RoundingMode::None, "12.345"),
            ("0", "10", RoundingMode::Up, "0"),
        ] {
            assert_eq!(round(amount, multiple, mode), want, "{amount} {multiple} {mode}");
        }
        assert_eq!(Multiple::new(Value::zero()), None);
    }

    proptest! {
        #[test]
        fn rounding_moves_less_than_a_multiple(amount in 0_u64..1_000_000, multiple in 1_u64..10_000) {
            let unit = Multiple::new(Value::whole(multiple)).unwrap();
            let amount = Value::whole(amount);
            let up = unit.round(&amount, RoundingMode::Up);
            let down = unit.round(&amount, RoundingMode::Down);
            prop_assert!(down <= amount && amount <= up);
            prop_assert!(&up - &down <= *unit.value());
            prop_assert_eq!(unit.round(&up, RoundingMode::Up), up);
        }
    }
}
