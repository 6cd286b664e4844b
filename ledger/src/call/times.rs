//! The times of a call, which a halt takes off it and gives back.

use serde::{Deserialize, Serialize};

use super::step::{Call, CallTerms};
use crate::time::Timestamp;

/// When a call is due and what ends with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CallTimes {
    /// When it is due.
    pub due_at: Timestamp,
    /// The last instant at which it may be disputed.
    pub dispute_by: Timestamp,
    /// After this, default may be declared.
    pub grace_end: Timestamp,
}

impl CallTimes {
    /// Times that never come.
    #[must_use]
    pub fn never() -> Self {
        let latest = Timestamp::latest();
        Self { due_at: latest, dispute_by: latest, grace_end: latest }
    }

    /// Each of them that much later; `None` after the year 9999.
    #[must_use]
    pub fn later_by(self, ms: u64) -> Option<Self> {
        Some(Self {
            due_at: self.due_at.plus_millis(ms)?,
            dispute_by: self.dispute_by.plus_millis(ms)?,
            grace_end: self.grace_end.plus_millis(ms)?,
        })
    }
}

impl Call {
    /// Its times.
    #[must_use]
    pub fn times(&self) -> CallTimes {
        let CallTerms { due_at, dispute_by, grace_end, .. } = *self.terms();
        CallTimes { due_at, dispute_by, grace_end }
    }

    /// The same call at other times.
    #[must_use]
    pub fn timed(&self, times: CallTimes) -> Self {
        let CallTimes { due_at, dispute_by, grace_end } = times;
        self.with_terms(CallTerms { due_at, dispute_by, grace_end, ..self.terms().clone() })
    }
}
