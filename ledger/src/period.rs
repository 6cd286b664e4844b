//! Lengths of time as agreements write them (ISO 8601), in the two kinds that must not be mixed.
//!
//! A [`Duration`] is always as many milliseconds, so a deadline can be told without a calendar. A
//! [`Period`] follows the calendar: a year from 29 February ends on the 28th.

use std::fmt;

use jiff::civil::Date;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const WEEK_MS: u64 = 7 * DAY_MS;

/// A fixed length of time: weeks, days of 24 hours, hours, minutes, seconds.
///
/// Years and months are refused: how long they are depends on when they start.
///
/// ```
/// use ledger::period::Duration;
/// assert_eq!(Duration::parse("P1DT4H").map(Duration::millis), Some(100_800_000));
/// for bad in ["P", "PT", "P1M", "1D", "P1D ", "PT4", "P-1D", "P01D", "PT1.5H", "PT1H1D"] {
///     assert_eq!(Duration::parse(bad), None, "{bad}");
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Duration(u64);

impl Duration {
    /// One day of 24 hours.
    pub const DAY: Self = Self(DAY_MS);
    /// One hour.
    pub const HOUR: Self = Self(HOUR_MS);

    /// Whole hours.
    #[must_use]
    pub const fn hours(hours: u32) -> Self {
        Self(hours as u64 * HOUR_MS)
    }

    /// Reads `P[nW][nD][T[nH][nM][nS]]`, at least one part, each a whole number of at most nine digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None if rest.is_empty() => return None,
            None => (rest, ""),
        };
        let [weeks, days] = scan(date, ['W', 'D'])?;
        let [hours, minutes, seconds] = scan(time, ['H', 'M', 'S'])?;
        // Nine digits of weeks are 6 × 10^17 ms, so the sum stays below 2^63.
        Some(Self(
            u64::from(weeks) * WEEK_MS
                + u64::from(days) * DAY_MS
                + u64::from(hours) * HOUR_MS
                + u64::from(minutes) * MINUTE_MS
                + u64::from(seconds) * SECOND_MS,
        ))
    }

    /// Milliseconds.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let seconds = self.0 / SECOND_MS;
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        f.write_str("P")?;
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if days > 0 && rest == 0 {
            return Ok(());
        }
        f.write_str("T")?;
        let parts = [(rest / 3_600, 'H'), (rest / 60 % 60, 'M'), (rest % 60, 'S')];
        for (count, unit) in parts {
            if count > 0 || (rest == 0 && unit == 'S') {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// A length by the calendar: years, months, weeks, days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
}

impl Period {
    /// Reads `P[nY][nM][nW][nD]`, at least one part, each a whole number of at most nine digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
        let [years, months, weeks, days] = scan(rest, ['Y', 'M', 'W', 'D'])?;
        Some(Self { years, months, weeks, days })
    }

    /// The date this long after `start`: years and months first, the day clipped to the end of that
    /// month, then weeks and days. `None` after the year 9999.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use ledger::period::Period;
    /// let after = |text, start| Period::parse(text).and_then(|period| period.after(start));
    /// assert_eq!(after("P1M", date(2026, 1, 31)), Some(date(2026, 2, 28)));
    /// assert_eq!(after("P1Y", date(2028, 2, 29)), Some(date(2029, 2, 28)));
    /// assert_eq!(after("P1M1D", date(2026, 1, 31)), Some(date(2026, 3, 1)));
    /// ```
    #[must_use]
    pub fn after(self, start: Date) -> Option<Date> {
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        let days = i64::from(self.weeks) * 7 + i64::from(self.days);
        let month_span = jiff::Span::new().try_months(months).ok()?;
        let day_span = jiff::Span::new().try_days(days).ok()?;
        start.checked_add(month_span).ok()?.checked_add(day_span).ok()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("P")?;
        let parts = [(self.years, 'Y'), (self.months, 'M'), (self.weeks, 'W'), (self.days, 'D')];
        let nothing = parts.iter().all(|(count, _)| *count == 0);
        for (count, unit) in parts {
            if count > 0 || (nothing && unit == 'D') {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Numbers before `units`, each unit at most once and in this order; absent ones are 0.
fn scan<const N: usize>(text: &str, units: [char; N]) -> Option<[u32; N]> {
    let mut rest = text;
    let mut counts = [0; N];
    for (count, unit) in counts.iter_mut().zip(units) {
        let Some((digits, after)) = rest.split_once(unit) else { continue };
        let canonical = (1..=9).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        if !canonical {
            return None;
        }
        *count = digits.parse().ok()?;
        rest = after;
    }
    rest.is_empty().then_some(counts)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_fixed_lengths() {
        for (text, ms) in [
            ("PT0S", 0),
            ("P0D", 0),
            ("PT4H", 14_400_000),
            ("PT90M", 5_400_000),
            ("P1D", 86_400_000),
            ("P2W", 1_209_600_000),
            ("P1W2DT3H4M5S", 788_645_000),
        ] {
            assert_eq!(Duration::parse(text).map(Duration::millis), Some(ms), "{text}");
        }
        for bad in ["", "P1Y", "PT1H30", "PT1S1H", "P1DT", "p1d", "PT+1H", "P1234567890D", "P1D2W", "PTD"] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn periods_clip_at_month_ends() {
        let after = |text, start| Period::parse(text).unwrap().after(start);
        for (text, start, want) in [
            ("P0D", date(2026, 9, 1), date(2026, 9, 1)),
            ("P1M", date(2028, 1, 31), date(2028, 2, 29)),
            ("P1Y1M", date(2027, 1, 30), date(2028, 2, 29)),
            ("P6M", date(2026, 8, 31), date(2027, 2, 28)),
            ("P12M", date(2028, 2, 29), date(2029, 2, 28)),
            ("P4Y", date(2028, 2, 29), date(2032, 2, 29)),
            ("P1W1D", date(2026, 12, 28), date(2027, 1, 5)),
        ] {
            assert_eq!(after(text, start), Some(want), "{text}");
        }
        assert_eq!(after("P999999999Y", date(2026, 9, 1)), None);
        assert_eq!(after("P999999999D", date(2026, 9, 1)), None);
        assert_eq!(after("P8000Y", date(2026, 9, 1)), None);
        for bad in ["", "P", "PT1H", "P1", "P1D1Y", "P-1Y", "P1.5Y", "P1YT"] {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn durations_print_what_they_read(seconds in 0_u64..10_000_000) {
            let duration = Duration(seconds * SECOND_MS);
            prop_assert_eq!(Duration::parse(&duration.to_string()), Some(duration));
        }

        #[test]
        fn periods_print_what_they_read(years in 0_u32..99, months in 0_u32..99, weeks in 0_u32..9, days in 0_u32..400) {
            let period = Period { years, months, weeks, days };
            prop_assert_eq!(Period::parse(&period.to_string()), Some(period));
        }

        #[test]
        fn no_text_panics(text in "P?[0-9YMWDTHS.\\-]{0,12}", days in 0_i64..100_000) {
            let _ = Duration::parse(&text);
            let start = date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let _ = Period::parse(&text).and_then(|period| period.after(start));
        }
    }
}
