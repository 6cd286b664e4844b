//! What a level means, in words that results and screens repeat.

use super::{BreakerState, Level};

/// What a pool's level lets through, in the words of the specification's second table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Effects {
    /// What is left of the credit between classes.
    pub cross_class_credit: String,
    /// What becomes of withdrawals of excess.
    pub withdrawals: String,
    /// Which new positions are allowed. Nothing on the ledger instructs them, so this is for whoever does.
    pub new_risk: &'static str,
    /// Which calls are due.
    pub calls: &'static str,
}

impl Effects {
    /// The effects of a state, with withdrawals delayed by so many cycles where they are.
    ///
    /// Source: margin specification §8.3, second table.
    #[must_use]
    pub fn of(state: &BreakerState, delay_cycles: u32) -> Self {
        let delayed = format!("delayed by {delay_cycles} cycles");
        let (withdrawals, new_risk, calls) = match state.level {
            Level::Normal => ("at once".to_owned(), "allowed", "normal"),
            Level::Guarded => (delayed, "only if it does not raise the requirement", "normal"),
            Level::NoCredit => (
                format!("{delayed}; none while any class is short"),
                "only if it lowers the requirement",
                "normal, credit withdrawal shown as its own line",
            ),
            Level::Halt => (
                "refused".to_owned(),
                "refused",
                "variation margin only; initial margin is due when the halt lifts",
            ),
        };
        let cross_class_credit = match state.level {
            Level::Normal | Level::Guarded | Level::NoCredit => format!("theta x {}", state.theta_factor),
            Level::Halt => format!("theta x {}, frozen", state.theta_factor),
        };
        Self { cross_class_credit, withdrawals, new_risk, calls }
    }

    /// Names and words.
    #[must_use]
    pub fn members(&self) -> [(&'static str, &str); 4] {
        [
            ("cross_class_credit", self.cross_class_credit.as_str()),
            ("withdrawals", self.withdrawals.as_str()),
            ("new_risk", self.new_risk),
            ("calls", self.calls),
        ]
    }
}
