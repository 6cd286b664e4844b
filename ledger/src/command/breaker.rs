//! Steps of a pool's circuit breaker.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::breaker::{Factor, Level, Signal, Signals};
use crate::id::RegimeId;
use crate::profile::Tree;

/// `breaker.step`: one cycle of a pool. The ledger makes the step again from the signals and refuses
/// another result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakerStep {
    /// The pool: the name of the rule book that its agreements name.
    pub pool: RegimeId,
    /// The level after the step.
    pub level: Level,
    /// What is left of the credit between classes after it, from 0 to 1, at most eight decimals.
    pub theta_factor: Factor,
    /// Cycles in a row, this one included, whose target was below the level.
    pub calm: u64,
    /// What was seen in this cycle: shares of one, as decimals.
    pub signals: Signals,
    /// The signals that ask for more than normal, in the order of the table; none if all is calm.
    pub reasons: Vec<Signal>,
}

impl Ask for BreakerStep {
    fn read(fields: &mut Fields) -> Option<Self> {
        let pool = fields.parsed("pool");
        let level = fields.parsed("level");
        let theta_factor = fields.parsed("theta_factor");
        let calm = fields.parsed("calm");
        let signals = fields.nested("signals", read_signals);
        let reasons = fields.required("reasons", "an array of signals, in the order of the table", |value| {
            let word = |word: &Tree| Signal::parse(word.as_str()?);
            value.as_array()?.iter().map(word).collect()
        });
        Some(Self {
            pool: pool?,
            level: level?,
            theta_factor: theta_factor?,
            calm: calm?,
            signals: signals?,
            reasons: reasons?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}

fn read_signals(fields: &mut Fields) -> Option<Signals> {
    let index_fall = fields.parsed("index_fall");
    let peg = fields.parsed("peg");
    let confidence = fields.parsed("confidence");
    let correlation = fields.parsed("correlation");
    let call_share = fields.parsed("call_share");
    Some(Signals {
        index_fall: index_fall?,
        peg: peg?,
        confidence: confidence?,
        correlation: correlation?,
        call_share: call_share?,
    })
}

impl ReadText for Level {
    const HELP: &'static str = "normal, guarded, no_credit or halt";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ReadText for Factor {
    const HELP: &'static str = "a factor from 0 to 1 with at most eight decimals, as 0.8";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
