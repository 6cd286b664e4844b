//! Instants as the ledger writes them: UTC, milliseconds, one spelling.

use std::fmt;

use jiff::civil::{Date, DateTime, date};
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00.000Z, within the years 1970 to 9999.
///
/// Printed and read only as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
///
/// ```
/// use ledger::time::Timestamp;
/// let text = "2024-08-05T20:00:00.000Z";
/// assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
/// assert!(Timestamp::parse("2024-08-05T20:00:00Z").is_none());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59.999Z.
const LAST_MS: u64 = 253_402_300_799_999;

/// The latest that a command may expire after it is recorded: seven days.
pub const EXPIRY_MAX_MS: u64 = 604_800_000;

const DAY_MS: u64 = 86_400_000;
const EPOCH: Date = date(1970, 1, 1);
const TEMPLATE: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

impl Timestamp {
    /// The instant that many milliseconds after the epoch; `None` after the year 9999.
    #[must_use]
    pub fn from_millis(ms: u64) -> Option<Self> {
        (ms <= LAST_MS).then_some(Self(ms))
    }

    /// 1970-01-01T00:00:00.000Z.
    #[must_use]
    pub fn epoch() -> Self {
        Self(0)
    }

    /// 9999-12-31T23:59:59.999Z: what comes after every record.
    #[must_use]
    pub fn latest() -> Self {
        Self(LAST_MS)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0
    }

    /// Reads the one spelling; leap seconds and hour 24 are none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == TEMPLATE.len()
            && bytes.iter().zip(TEMPLATE).all(
                |(byte, t)| {
                    if *t == b'0' { byte.is_ascii_digit() } else { byte == t }
                },
            );
        if !shaped || &text[17..19] == "60" {
            return None;
        }
        let civil: DateTime = text.strip_suffix('Z')?.parse().ok()?;
        let days = u64::try_from(EPOCH.until(civil.date()).ok()?.get_days()).ok()?;
        let time = civil.time();
        let seconds = [time.hour(), time.minute(), time.second()]
            .into_iter()
            .try_fold(0, |sum: u64, part| Some(sum * 60 + u64::try_from(part).ok()?))?;
        let read =
            Self::from_millis(days * DAY_MS + seconds * 1_000 + u64::try_from(time.millisecond()).ok()?)?;
        (read.to_string() == text).then_some(read)
    }

    /// The instant `ms` later; `None` after the year 9999.
    #[must_use]
    pub fn plus_millis(self, ms: u64) -> Option<Self> {
        Self::from_millis(self.0.checked_add(ms)?)
    }

    /// Milliseconds from `earlier` to this; `None` if `earlier` is later.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// The calendar date in UTC.
    #[must_use]
    pub fn date(self) -> Date {
        let days = i64::try_from(self.0 / DAY_MS).expect("LAST_MS is under 2^63");
        EPOCH.checked_add(jiff::Span::new().days(days)).expect("LAST_MS is in the year 9999")
    }
}

impl TryFrom<u64> for Timestamp {
    type Error = &'static str;
    fn try_from(ms: u64) -> Result<Self, Self::Error> {
        Self::from_millis(ms).ok_or("an instant after the year 9999")
    }
}

impl From<Timestamp> for u64 {
    fn from(instant: Timestamp) -> Self {
        instant.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let ms = self.0 % DAY_MS;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}.{:03}Z", self.date(), ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        for good in ["1970-01-01T00:00:00.000Z", "2024-02-29T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(Timestamp::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.678901Z",
            "2026-01-02T03:04:05.678+00:00",
            "2026-01-02t03:04:05.678z",
            "2025-02-29T00:00:00.000Z",
            "2026-01-02T24:00:00.000Z",
            "2026-12-31T23:59:60.000Z",
            "+002026-01-02T03:04:05.678Z",
            "1969-12-31T23:59:59.999Z",
            "２026-01-02T03:04:05.67Z",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }
}
