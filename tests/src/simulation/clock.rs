//! Time as the simulator sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::sequencer::Clock;
use ledger::time::Timestamp;

/// A time of day that is set at will, and the time that passed; clones are the same clock.
#[derive(Clone)]
pub struct SimulatedClock(Arc<(AtomicU64, AtomicU64)>);

impl SimulatedClock {
    /// A clock that shows an instant, in milliseconds of the epoch.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self(Arc::new((AtomicU64::new(now), AtomicU64::new(0))))
    }

    /// The time of day.
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// The time that passed.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }

    /// Lets time pass.
    pub fn wait(&self, ms: u64) {
        self.0.0.fetch_add(ms, Ordering::Relaxed);
        self.0.1.fetch_add(ms, Ordering::Relaxed);
    }

    /// Sets the time of day; no time passes by that.
    pub fn set(&self, now: u64) {
        self.0.0.store(now, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.shown()).expect("simulations end before the year 9999")
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.passed())
    }
}
