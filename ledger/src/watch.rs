//! Whether the clock is believed.
//!
//! Recorded time never falls, so a clock that is ahead by a week would, with one record, expire every
//! command in flight and stay. What passed on a clock that nobody can set is the measure: a jump ahead of
//! it by more than five minutes ends belief, and only the operator's signed word restores it. After a
//! restart that measure is lost, and the last record's time is all there is: a gap in which every
//! command would have expired is not believed either. Source: audit specification §13.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::time::{EXPIRY_MAX_MS, Timestamp};

/// A jump ahead of the time that passed, beyond which it is not believed.
const JUMP_MAX: Duration = Duration::from_secs(300);

/// Where recorded time comes from.
pub trait Clock: Send {
    /// The system's time of day.
    fn now(&self) -> Timestamp;

    /// Time that passed since the clock was made, whatever the time of day was set to.
    fn elapsed(&self) -> Duration;
}

/// The clock, and what it showed when it was last believed.
pub(crate) struct Watch {
    clock: Box<dyn Clock>,
    believed: (Timestamp, Duration),
    /// Told to readers; written by the watch alone.
    pub(crate) sound: Arc<AtomicBool>,
}

/// What the clock shows.
pub(crate) struct Reading {
    pub(crate) now: Timestamp,
    elapsed: Duration,
    /// Whether it is believed.
    pub(crate) sound: bool,
}

/// Where the watch stood.
pub(crate) struct Mark {
    believed: (Timestamp, Duration),
    sound: bool,
}

impl Watch {
    /// Watches a clock from now on, over a ledger whose last record has the time `last`.
    pub(crate) fn start(clock: Box<dyn Clock>, last: Option<Timestamp>) -> Self {
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let gap = last.and_then(|last| now.millis_since(last)).unwrap_or(0);
        let sound = gap <= EXPIRY_MAX_MS;
        if !sound {
            tracing::error!(%now, last = ?last, "the clock is more than 7 days after the last record: nothing is recorded until ledger.confirm_clock");
        }
        Self { clock, believed: (now, elapsed), sound: Arc::new(AtomicBool::new(sound)) }
    }

    /// Reads the clock. Once it has jumped it is not believed again, not even if it is set right: what
    /// set it is what the operator has to look into.
    pub(crate) fn read(&mut self) -> Reading {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let (then, at) = self.believed;
        let moved = Duration::from_millis(now.millis_since(then).unwrap_or(0));
        let jumped = moved > elapsed.saturating_sub(at).saturating_add(JUMP_MAX);
        let sound = self.is_sound() && !jumped;
        if sound {
            self.believed = (now, elapsed);
        } else if self.is_sound() {
            tracing::error!(%now, believed = %then, "the clock jumped ahead: nothing is recorded until ledger.confirm_clock");
            self.tell(false);
        }
        Reading { now, elapsed, sound }
    }

    /// The operator vouches for a reading.
    pub(crate) fn believe(&mut self, read: &Reading) {
        self.believed = (read.now, read.elapsed);
        self.tell(true);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { believed: self.believed, sound: self.is_sound() }
    }

    /// What was believed on a word that did not become durable is not believed.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        if !mark.sound {
            self.believed = mark.believed;
            self.tell(false);
        }
    }

    fn is_sound(&self) -> bool {
        self.sound.load(Ordering::Relaxed)
    }

    fn tell(&self, sound: bool) {
        self.sound.store(sound, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What it shows, in seconds: time of day and time passed.
    struct Shown(Arc<Mutex<(u64, u64)>>);

    impl Clock for Shown {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.lock().unwrap().0 * 1_000).unwrap()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.lock().unwrap().1)
        }
    }

    #[test]
    fn a_jump_ends_belief_and_only_a_word_restores_it() {
        let shown = Arc::new(Mutex::new((1_000, 0)));
        let mut watch = Watch::start(Box::new(Shown(Arc::clone(&shown))), None);
        let at = |watch: &mut Watch, now, elapsed| {
            *shown.lock().unwrap() = (now, elapsed);
            watch.read()
        };
        for (now, elapsed, sound) in [
            (1_010, 10, true),
            (1_400, 100, true),            // 300 s ahead of the time that passed
            (1_300, 110, true),            // back: recorded time is held, not the clock
            (1_000_000, 1_000_000, true),  // a long time without a command
            (1_000_400, 1_000_099, false), // 301 s ahead
            (1_000_100, 1_000_100, false), // set right, and still not believed
            (1_000_400, 1_000_400, false), // nor by waiting
        ] {
            assert_eq!(at(&mut watch, now, elapsed).sound, sound, "{now} {elapsed}");
        }
        let read = at(&mut watch, 1_000_800, 1_000_401);
        let mark = watch.mark();
        watch.believe(&read);
        assert!(at(&mut watch, 1_000_801, 1_000_402).sound);
        watch.back_to(mark);
        assert!(!at(&mut watch, 1_000_802, 1_000_403).sound, "the word did not become durable");
    }

    #[test]
    fn a_start_far_after_the_last_record_needs_a_word() {
        let week = EXPIRY_MAX_MS / 1_000;
        for (now, sound) in [(week, true), (week + 1, false)] {
            let clock = Shown(Arc::new(Mutex::new((now, 0))));
            assert_eq!(Watch::start(Box::new(clock), Some(Timestamp::epoch())).read().sound, sound);
        }
    }
}
