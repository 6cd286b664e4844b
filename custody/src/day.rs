//! Calendar days and the two ways a statement says when it speaks.

use std::fmt;

use jiff::civil::Date;
use ledger::time::Timestamp;

/// Reads `YYYY-MM-DD`, a real day of the years 1970 to 9999.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    Timestamp::parse(&format!("{text}T00:00:00.000Z")).map(Timestamp::date)
}

/// Days from the earlier to the later of two days.
#[must_use]
pub fn days_between(a: Date, b: Date) -> u32 {
    a.until(b).map_or(u32::MAX, |span| span.get_days().unsigned_abs())
}

/// When a statement speaks: at the end of a day, or at an instant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AsOf {
    /// End of that day, as the custodian counts days.
    Day(Date),
    /// That instant.
    Instant(Timestamp),
}

impl AsOf {
    /// Reads `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    ///
    /// ```
    /// use custody::day::AsOf;
    /// let day = AsOf::parse("2026-09-01").unwrap();
    /// let instant = AsOf::parse("2026-09-01T23:59:59.999Z").unwrap();
    /// assert_eq!(day.day(), instant.day());
    /// assert!(AsOf::parse("2026-02-30").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_day(text).map(Self::Day).or_else(|| Timestamp::parse(text).map(Self::Instant))
    }

    /// The day it falls on, UTC.
    #[must_use]
    pub fn day(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Instant(instant) => instant.date(),
        }
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Instant(instant) => write!(f, "{instant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_days_in_one_spelling() {
        for good in ["1970-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(parse_day(good).unwrap().to_string(), good);
        }
        for bad in ["2025-02-29", "2026-9-1", "20260901", "2026-09-01 ", "", "2026-13-01", "+2026-09-01"] {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
        let (a, b) = (parse_day("2026-02-27").unwrap(), parse_day("2026-03-01").unwrap());
        assert_eq!((days_between(a, b), days_between(b, a)), (2, 2));
    }
}
