//! When a seal is due: at a cadence, regular or not, and at close of day.

use ledger::seal_record::SealKind;
use ledger::time::Timestamp;

const DAY_MS: u64 = 86_400_000;

/// How long until a seal that was not made is tried again.
const RETRY_MS: u64 = 60_000;

/// When seals are made. A day and its close are UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Times {
    /// From one seal to the next, in milliseconds.
    pub every_ms: Option<u64>,
    /// Each interval is drawn from half to one and a half of it, so that nobody knows the next.
    pub is_irregular: bool,
    /// Milliseconds from midnight to the close of the day.
    pub close_ms: Option<u64>,
}

/// The next seals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    times: Times,
    cadence: Option<Timestamp>,
    close: Option<Timestamp>,
}

impl Schedule {
    /// From `now` on. A close that passed since the last one was sealed is due at once; `last_close` is
    /// when that was recorded. `draw` is 64 random bits.
    #[must_use]
    pub fn new(times: Times, now: Timestamp, last_close: Option<Timestamp>, draw: u64) -> Self {
        let mut schedule = Self { times, cadence: None, close: None };
        schedule.cadence = schedule.cadence_after(now, draw);
        schedule.close = times.close_ms.and_then(|of_day| {
            let next = close_after(now, of_day)?;
            let passed = next.millis().checked_sub(DAY_MS).and_then(Timestamp::from_millis);
            let is_late = last_close.zip(passed).is_some_and(|(last, passed)| last < passed);
            Some(if is_late { now } else { next })
        });
        schedule
    }

    /// The next seal and its kind; at one instant the close of the day comes first.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, SealKind)> {
        match (self.close, self.cadence) {
            (Some(close), Some(cadence)) if cadence < close => Some((cadence, SealKind::Cadence)),
            (Some(close), _) => Some((close, SealKind::CloseOfDay)),
            (None, Some(cadence)) => Some((cadence, SealKind::Cadence)),
            (None, None) => None,
        }
    }

    /// After a seal of that kind was made at `now`, or there was nothing new to seal.
    pub fn made(&mut self, kind: SealKind, now: Timestamp, draw: u64) {
        match kind {
            SealKind::CloseOfDay => {
                self.close = self.times.close_ms.and_then(|of_day| close_after(now, of_day));
            }
            SealKind::Cadence | SealKind::Final => self.cadence = self.cadence_after(now, draw),
        }
    }

    /// After one could not be made: a close is tried again in a minute, a cadence at its next time.
    pub fn failed(&mut self, kind: SealKind, now: Timestamp, draw: u64) {
        match kind {
            SealKind::CloseOfDay => self.close = now.plus_millis(RETRY_MS),
            SealKind::Cadence | SealKind::Final => self.cadence = self.cadence_after(now, draw),
        }
    }

    fn cadence_after(&self, now: Timestamp, draw: u64) -> Option<Timestamp> {
        let every = self.times.every_ms?.max(1);
        let wait = if self.times.is_irregular { every / 2 + draw % every } else { every };
        now.plus_millis(wait.max(1))
    }
}

/// The first close after `now`.
fn close_after(now: Timestamp, of_day: u64) -> Option<Timestamp> {
    let midnight = now.millis() - now.millis() % DAY_MS;
    let today = Timestamp::from_millis(midnight)?.plus_millis(of_day % DAY_MS)?;
    if today > now { Some(today) } else { today.plus_millis(DAY_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-01-{text}.000Z")).unwrap()
    }

    #[test]
    fn the_close_of_a_day_comes_once_a_day_and_is_caught_up() {
        let times = Times { close_ms: Some(22 * 3_600_000), ..Times::default() };
        for (now, last, want) in [
            ("05T10:00:00", None, "05T22:00:00"),
            ("05T22:00:00", None, "06T22:00:00"),
            ("05T23:00:00", Some("05T22:00:01"), "06T22:00:00"),
            ("05T23:00:00", Some("04T22:00:01"), "05T23:00:00"), // missed while it did not run
        ] {
            let schedule = Schedule::new(times, at(now), last.map(at), 0);
            assert_eq!(schedule.next(), Some((at(want), SealKind::CloseOfDay)), "{now} {last:?}");
        }
        let mut schedule = Schedule::new(times, at("05T10:00:00"), None, 0);
        schedule.failed(SealKind::CloseOfDay, at("05T22:00:00"), 0);
        assert_eq!(schedule.next(), Some((at("05T22:01:00"), SealKind::CloseOfDay)));
        schedule.made(SealKind::CloseOfDay, at("05T22:01:00"), 0);
        assert_eq!(schedule.next(), Some((at("06T22:00:00"), SealKind::CloseOfDay)));
    }

    #[test]
    fn a_cadence_goes_on_whatever_becomes_of_a_seal_and_may_be_irregular() {
        let times = Times { every_ms: Some(3_600_000), ..Times::default() };
        let mut schedule = Schedule::new(times, at("05T10:00:00"), None, 7);
        assert_eq!(schedule.next(), Some((at("05T11:00:00"), SealKind::Cadence)));
        schedule.failed(SealKind::Cadence, at("05T11:00:00"), 7);
        assert_eq!(schedule.next(), Some((at("05T12:00:00"), SealKind::Cadence)));
        let irregular = Times { is_irregular: true, ..times };
        for draw in [0, 1, 3_599_999, u64::MAX] {
            let (next, _) = Schedule::new(irregular, at("05T10:00:00"), None, draw).next().unwrap();
            assert!((at("05T10:30:00")..at("05T11:30:00")).contains(&next), "{draw}");
        }
        assert_eq!(Schedule::new(Times::default(), at("05T10:00:00"), None, 0).next(), None);
    }
}
