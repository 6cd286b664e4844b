//! The circuit breaker of a pool: at which level it stands, and how much credit between classes is left.
//!
//! A pure function, [`step`]: state and signals in, state out. It is here and not where margin is
//! computed because [`crate::apply`] checks each step and refuses what a level refuses. It knows
//! neither prices nor calls: signals are given, and who gives them signs them. Numbers are exact.
//!
//! Source: margin specification §8.3.

mod effects;
mod parameters;

pub use effects::Effects;
pub use parameters::{Parameters, ParametersError};

use num_bigint::BigInt;
use num_rational::Ratio;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::command::fields::ReadText as _;
use crate::decimal::{DecimalText, Exact, print_scaled};
use crate::words::words;

words! {
    /// How far a pool has closed, in ascending order.
    pub enum Level {
        /// Everything is open.
        Normal = "normal",
        /// Credit between classes ramps down to a part; withdrawals are delayed.
        Guarded = "guarded",
        /// Credit ramps down to nothing; no withdrawal while any class is short.
        NoCredit = "no_credit",
        /// Credit stands still; withdrawals are refused, only variation margin is due.
        Halt = "halt",
    }
}

words! {
    /// What is watched, in the order in which reasons are told.
    pub enum Signal {
        /// How far the index fell since the last close, as a share of it; negative if it rose.
        IndexFall = "index_fall",
        /// The largest deviation of a stablecoin from par.
        Peg = "peg",
        /// What the price source says of its own confidence.
        Confidence = "confidence",
        /// The rolling correlation on which credit was granted.
        Correlation = "correlation",
        /// Calls issued in this cycle as a share of the pool's requirement.
        CallShare = "call_share",
    }
}

/// What was seen in one cycle: a number for each [`Signal`], all of them shares of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// See [`Signal::IndexFall`].
    pub index_fall: Decimal,
    /// See [`Signal::Peg`].
    pub peg: Decimal,
    /// See [`Signal::Confidence`].
    pub confidence: Decimal,
    /// See [`Signal::Correlation`].
    pub correlation: Decimal,
    /// See [`Signal::CallShare`].
    pub call_share: Decimal,
}

impl Signals {
    /// Reads them from the text of each: canonical decimals of at most 28 digits.
    ///
    /// # Errors
    /// The first signal whose text is missing or none.
    pub fn parse<'a>(text: impl Fn(Signal) -> Option<&'a str>) -> Result<Self, Signal> {
        let read = |signal| text(signal).and_then(Decimal::read_text).ok_or(signal);
        Ok(Self {
            index_fall: read(Signal::IndexFall)?,
            peg: read(Signal::Peg)?,
            confidence: read(Signal::Confidence)?,
            correlation: read(Signal::Correlation)?,
            call_share: read(Signal::CallShare)?,
        })
    }

    /// The number seen for a signal.
    #[must_use]
    pub fn get(&self, signal: Signal) -> Decimal {
        match signal {
            Signal::IndexFall => self.index_fall,
            Signal::Peg => self.peg,
            Signal::Confidence => self.confidence,
            Signal::Correlation => self.correlation,
            Signal::CallShare => self.call_share,
        }
    }
}

/// The part of the granted credit between classes that is left, in units of 1e-8.
///
/// Invariant: `0..=100_000_000`, so 50,000,000 is one half.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Factor(u32);

impl Factor {
    /// All of it.
    pub const ONE: Self = Self(100_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    const DECIMALS: usize = 8;

    /// Reads a decimal from 0 to 1 with at most eight decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let scaled = DecimalText::parse_quantity(text).ok()?.scaled(Self::DECIMALS).ok()?;
        u32::try_from(scaled).ok()?.try_into().ok()
    }

    /// The number it is.
    #[must_use]
    pub fn exact(self) -> Exact {
        Ratio::new(self.0.into(), Self::ONE.0.into())
    }

    /// Toward `goal` by at most 1 / `cycles`, rounded down, so that it is never more.
    fn toward(self, goal: Self, cycles: u32) -> Self {
        let most = Self::ONE.0 / cycles;
        if goal >= self {
            Self(self.0.saturating_add(most).min(goal.0))
        } else {
            Self(self.0.saturating_sub(most).max(goal.0))
        }
    }
}

impl TryFrom<u32> for Factor {
    type Error = &'static str;
    fn try_from(units: u32) -> Result<Self, Self::Error> {
        if units <= Self::ONE.0 { Ok(Self(units)) } else { Err("a factor above one") }
    }
}

impl From<Factor> for u32 {
    fn from(factor: Factor) -> Self {
        factor.0
    }
}

impl std::fmt::Display for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&print_scaled(&BigInt::from(self.0), Self::DECIMALS))
    }
}

/// Where a pool stands between two cycles.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BreakerState {
    /// Its level.
    pub level: Level,
    /// What is left of the credit between classes.
    pub theta_factor: Factor,
    /// Cycles in a row whose target was below the level.
    pub calm: u32,
}

impl BreakerState {
    /// Where every pool starts.
    pub const OPEN: Self = Self { level: Level::Normal, theta_factor: Factor::ONE, calm: 0 };
}

/// What one cycle did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Where the pool stands after it.
    pub state: BreakerState,
    /// The highest level that any signal asked for.
    pub target: Level,
    /// The signals that asked for more than normal, in the order of [`Signal`].
    pub reasons: Vec<Signal>,
}

/// One cycle.
///
/// Up at once, to the target. Down by one level after `calm_cycles` cycles in a row with a target
/// below the level. The factor moves toward its goal (1, `guarded_factor`, 0) by at most
/// 1 / `ramp_cycles`, both ways; in [`Level::Halt`] it stands still.
///
/// ```
/// use ledger::breaker::{BreakerState, Level, Parameters, Signals, step};
/// let rules = Parameters::of_rule_book(br#"
///     [breaker]
///     index_moves = ["0.07", "0.13", "0.2"]
///     peg_deviation = "0.01"
///     min_confidence = "0.55"
///     min_correlation = "0.5"
///     call_share = "0.1"
///     guarded_factor = "0.5"
///     ramp_cycles = "5"
///     calm_cycles = "5"
///     withdrawal_delay_cycles = "1"
/// "#)?.ok_or("no table [breaker]")?;
/// let decimal = rust_decimal::Decimal::from_str_exact;
/// let seen = Signals {
///     index_fall: decimal("0.08")?, peg: decimal("0.001")?, confidence: decimal("0.9")?,
///     correlation: decimal("0.7")?, call_share: decimal("0.02")?,
/// };
/// let after = step(&BreakerState::OPEN, &seen, &rules).state;
/// assert_eq!((after.level, after.theta_factor.to_string().as_str()), (Level::Guarded, "0.8"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn step(state: &BreakerState, signals: &Signals, rules: &Parameters) -> Step {
    let asked = |signal: &Signal| asked_for(*signal, signals.get(*signal), rules);
    let reasons: Vec<_> =
        Signal::ALL.iter().filter(|signal| asked(signal) > Level::Normal).copied().collect();
    let target = reasons.iter().map(asked).max().unwrap_or(Level::Normal);
    let calm = state.calm.saturating_add(1);
    let (level, calm) = if target >= state.level {
        (target, 0)
    } else if calm >= rules.calm_cycles() {
        (below(state.level), 0)
    } else {
        (state.level, calm)
    };
    let goal = match level {
        Level::Normal => Factor::ONE,
        Level::Guarded => rules.guarded_factor(),
        Level::NoCredit => Factor::ZERO,
        Level::Halt => state.theta_factor,
    };
    let theta_factor = state.theta_factor.toward(goal, rules.ramp_cycles());
    Step { state: BreakerState { level, theta_factor, calm }, target, reasons }
}

/// The level that one signal asks for.
///
/// Source: margin specification §8.3, first table.
fn asked_for(signal: Signal, seen: Decimal, rules: &Parameters) -> Level {
    let seen = exact(seen);
    let above = |threshold: Decimal, factor: u32| seen > exact(threshold) * BigInt::from(factor);
    match signal {
        Signal::IndexFall => {
            let [guarded, no_credit, halt] = rules.index_moves().map(|threshold| seen >= exact(threshold));
            highest([(halt, Level::Halt), (no_credit, Level::NoCredit), (guarded, Level::Guarded)])
        }
        Signal::Peg => highest([
            (above(rules.peg_deviation(), 2), Level::NoCredit),
            (above(rules.peg_deviation(), 1), Level::Guarded),
        ]),
        Signal::Confidence => highest([(seen < exact(rules.min_confidence()), Level::NoCredit)]),
        Signal::Correlation => highest([(seen < exact(rules.min_correlation()), Level::Guarded)]),
        Signal::CallShare => highest([
            (above(rules.call_share(), 3), Level::NoCredit),
            (above(rules.call_share(), 1), Level::Guarded),
        ]),
    }
}

/// The first whose condition holds.
fn highest<const N: usize>(levels: [(bool, Level); N]) -> Level {
    levels.into_iter().find(|(holds, _)| *holds).map_or(Level::Normal, |(_, level)| level)
}

fn below(level: Level) -> Level {
    match level {
        Level::Normal | Level::Guarded => Level::Normal,
        Level::NoCredit => Level::Guarded,
        Level::Halt => Level::NoCredit,
    }
}

fn exact(decimal: Decimal) -> Exact {
    Ratio::new(BigInt::from(decimal.mantissa()), BigInt::from(10).pow(decimal.scale()))
}

#[cfg(test)]
mod tests;
