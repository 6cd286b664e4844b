//! Pools as the ledger knows them: what is margined under one adopted rule book stands and falls together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::breaker::{BreakerState, Level, Parameters, Signal, Signals};
use crate::digest::Digest;
use crate::id::RegimeId;
use crate::time::Timestamp;

/// A pool: the agreements in force that name one rule book, under one breaker.
///
/// It comes to be by its first step and has its rule book's name.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The rule book's name, and the pool's.
    pub id: RegimeId,
    /// The bytes of the rule book that the last step was made under.
    pub regime: Digest,
    /// That rule book's parameters.
    pub parameters: Arc<Parameters>,
    /// Where it stood before the last step: with the signals, what that step is made from.
    pub stood: BreakerState,
    /// Where it stands.
    pub state: BreakerState,
    /// What was seen in the last cycle.
    pub signals: Signals,
    /// The signals that asked for more than normal.
    pub reasons: Vec<Signal>,
    /// Steps so far: one is one cycle.
    pub cycle: u64,
    /// When the last one was recorded.
    pub recorded_at: Timestamp,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Pool {
    /// Its level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.state.level
    }
}

/// What keeps a pending withdrawal from settling.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// The pool whose level delays it.
    pub pool: RegimeId,
    /// The cycle of the pool from which on it may settle.
    pub until_cycle: u64,
}

impl Hold {
    /// Whether it still holds: until its cycle while the pool is above normal, and through a halt.
    #[must_use]
    pub fn holds(&self, pool: &Pool) -> bool {
        match pool.level() {
            Level::Normal => false,
            Level::Guarded | Level::NoCredit => pool.cycle < self.until_cycle,
            Level::Halt => true,
        }
    }
}
