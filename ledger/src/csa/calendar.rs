//! Days that count, and what their clocks show: calendars as documents.
//!
//! A calendar carries its own UTC offsets and says how far it reaches, so that no machine's time-zone
//! table decides a default and nothing is guessed past its end.

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::error::{Faults, Section, TermsError};
use super::reader::{Node, Shape, check_strict};
use crate::json::Json;
use crate::time::Timestamp;

const MINUTE_MS: u64 = 60_000;
/// Offsets go up to 14 hours; 18 is what ISO 8601 readers agree on.
const OFFSET_MINUTES_MAX: i16 = 18 * 60;

/// A business calendar.
///
/// Invariant: `valid_from` is not after `valid_to`; offsets are in ascending order of their start.
///
/// Source: specs/calls.md §5, Clocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Calendar {
    id: String,
    weekend: Vec<Weekday>,
    holidays: Vec<Date>,
    valid_from: Date,
    valid_to: Date,
    utc_offsets: Vec<(Timestamp, i16)>,
}

/// A day or an instant that a calendar says nothing about.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("calendar {calendar} does not reach {what}: name a calendar that does")]
pub struct CalendarOutOfRange {
    /// The calendar's id.
    pub calendar: String,
    /// The day or instant.
    pub what: String,
}

impl Calendar {
    /// The calendar's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether business is done on `day`.
    ///
    /// # Errors
    /// [`CalendarOutOfRange`] outside its validity.
    pub fn is_good(&self, day: Date) -> Result<bool, CalendarOutOfRange> {
        if day < self.valid_from || day > self.valid_to {
            return Err(self.out_of_range(day));
        }
        Ok(!self.weekend.contains(&day.weekday()) && !self.holidays.contains(&day))
    }

    /// What the clock on the wall shows at `instant`.
    ///
    /// # Errors
    /// [`CalendarOutOfRange`] before the first known offset.
    pub fn local(&self, instant: Timestamp) -> Result<DateTime, CalendarOutOfRange> {
        let offset = self.offset_at(instant).ok_or_else(|| self.out_of_range(instant))?;
        shift(instant, offset).ok_or_else(|| self.out_of_range(instant))
    }

    /// The instant at which the clock on the wall shows `local`.
    ///
    /// Where the clock goes back it shows it twice, and the first time counts; where it goes forward
    /// over it, the clock before the change is read on.
    ///
    /// # Errors
    /// [`CalendarOutOfRange`] before the first known offset or outside the years of [`Timestamp`].
    pub fn instant(&self, local: DateTime) -> Result<Timestamp, CalendarOutOfRange> {
        let reached = self.utc_offsets.iter().filter_map(|(from, offset)| {
            let instant = unshift(local, *offset)?;
            (instant >= *from).then_some((instant, *offset))
        });
        let (shown, skipped): (Vec<_>, Vec<_>) =
            reached.partition(|(instant, offset)| self.offset_at(*instant) == Some(*offset));
        let first_shown = shown.iter().min().map(|(instant, _)| *instant);
        first_shown
            .or_else(|| skipped.last().map(|(instant, _)| *instant))
            .ok_or_else(|| self.out_of_range(local))
    }

    fn offset_at(&self, instant: Timestamp) -> Option<i16> {
        let (_, offset) = self.utc_offsets.iter().rev().find(|(from, _)| *from <= instant)?;
        Some(*offset)
    }

    fn out_of_range(&self, what: impl ToString) -> CalendarOutOfRange {
        CalendarOutOfRange { calendar: self.id.clone(), what: what.to_string() }
    }

    /// Reads a calendar document.
    ///
    /// # Errors
    /// [`TermsError`], the first by precedence.
    pub fn read(json: &Json) -> Result<Self, TermsError> {
        let faults = Faults::default();
        check_strict(json, "", &faults);
        let read = Self::at(&Node::root(json, "", Section { field: 0, value: 0 }, &faults));
        faults.settle(read)
    }

    pub(crate) fn at(node: &Node) -> Option<Self> {
        let object = node.object(&Shape {
            required: &["id", "weekend", "holidays", "valid_from", "valid_to", "utc_offsets"],
            optional: &[],
        })?;
        let id = object.need("id", Node::id);
        let weekend = object
            .need("weekend", |n| n.each(|day| day.parse("mon, tue, wed, thu, fri, sat or sun", weekday)));
        let holidays = object.need("holidays", |n| n.each(Node::date));
        let valid_from = object.need("valid_from", Node::date);
        let valid_to = object.need("valid_to", Node::date);
        let utc_offsets = object.need("utc_offsets", |n| n.each(offset_entry));
        let (valid_from, valid_to, utc_offsets) = (valid_from?, valid_to?, utc_offsets?);
        if valid_from > valid_to {
            return node.bad("a valid_to that is not before valid_from");
        }
        if !utc_offsets.is_sorted_by(|(x, _), (y, _)| x < y) {
            return node.bad("utc_offsets in ascending order of their start");
        }
        Some(Self { id: id?, weekend: weekend?, holidays: holidays?, valid_from, valid_to, utc_offsets })
    }
}

fn offset_entry(node: &Node) -> Option<(Timestamp, i16)> {
    let object = node.object(&Shape { required: &["from", "offset"], optional: &[] })?;
    let from = object.need("from", Node::timestamp);
    let offset = object.need("offset", |n| n.parse("an offset as -05:00", offset_minutes));
    Some((from?, offset?))
}

fn weekday(text: &str) -> Option<Weekday> {
    let days = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    days.into_iter().find(|(name, _)| *name == text).map(|(_, day)| day)
}

/// Reads `±HH:MM`.
fn offset_minutes(text: &str) -> Option<i16> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let time = clock_time(rest)?;
    let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
    (minutes <= OFFSET_MINUTES_MAX).then_some(sign * minutes)
}

/// Reads `HH:MM`.
pub(crate) fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn shift(instant: Timestamp, offset: i16) -> Option<DateTime> {
    let ms = u64::from(offset.unsigned_abs()) * MINUTE_MS;
    let local = if offset < 0 { instant.millis().checked_sub(ms)? } else { instant.millis() + ms };
    let text = Timestamp::from_millis(local)?.to_string();
    text.strip_suffix('Z')?.parse().ok()
}

fn unshift(local: DateTime, offset: i16) -> Option<Timestamp> {
    let as_utc =
        Timestamp::parse(&format!("{}.{:03}Z", local.strftime("%Y-%m-%dT%H:%M:%S"), local.millisecond()))?;
    let ms = u64::from(offset.unsigned_abs()) * MINUTE_MS;
    if offset < 0 { as_utc.plus_millis(ms) } else { Timestamp::from_millis(as_utc.millis().checked_sub(ms)?) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::json::read;

    fn new_york() -> Calendar {
        let text = r#"{"id":"USNY","weekend":["sat","sun"],"holidays":["2026-09-07"],"valid_from":"2026-01-01",
            "valid_to":"2026-12-31","utc_offsets":[{"from":"2025-11-02T06:00:00.000Z","offset":"-05:00"},
            {"from":"2026-03-08T07:00:00.000Z","offset":"-04:00"},{"from":"2026-11-01T06:00:00.000Z","offset":"-05:00"}]}"#;
        Calendar::read(&read(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn wall_clocks_around_the_changes() {
        let calendar = new_york();
        for (instant, local) in [
            ("2026-03-08T06:59:59.999Z", "2026-03-08T01:59:59.999"),
            ("2026-03-08T07:00:00.000Z", "2026-03-08T03:00:00"),
            ("2026-11-01T05:30:00.000Z", "2026-11-01T01:30:00"), // the first of two
            ("2026-11-01T07:00:00.000Z", "2026-11-01T02:00:00"),
        ] {
            let (instant, local) = (Timestamp::parse(instant).unwrap(), local.parse::<DateTime>().unwrap());
            assert_eq!(calendar.local(instant), Ok(local));
            assert_eq!(calendar.instant(local), Ok(instant));
        }
        // 02:30 does not exist on that day: the old clock read on.
        let skipped = date(2026, 3, 8).at(2, 30, 0, 0);
        assert_eq!(calendar.instant(skipped).unwrap().to_string(), "2026-03-08T07:30:00.000Z");
        let early = Timestamp::parse("2025-11-02T05:59:59.999Z").unwrap();
        assert!(calendar.local(early).is_err());
        assert!(calendar.instant(date(2025, 6, 1).at(0, 0, 0, 0)).is_err());
    }

    #[test]
    fn days_beyond_validity_are_not_guessed() {
        let calendar = new_york();
        for (day, want) in [
            (date(2026, 9, 4), Some(true)),
            (date(2026, 9, 5), Some(false)),
            (date(2026, 9, 7), Some(false)),
            (date(2026, 12, 31), Some(true)),
            (date(2027, 1, 1), None),
            (date(2025, 12, 31), None),
        ] {
            assert_eq!(calendar.is_good(day).ok(), want, "{day}");
        }
    }

    #[test]
    fn malformed_calendars_are_refused() {
        for (from, to) in [
            ("\"sat\"", "\"Sat\""),
            ("\"2026-09-07\"", "\"2026-9-7\""),
            ("-05:00", "-5:00"),
            ("-05:00", "05:00"),
            ("-05:00", "-19:00"),
            ("\"valid_to\":\"2026-12-31\"", "\"valid_to\":\"2025-12-31\""),
            ("2025-11-02T06:00:00.000Z", "2026-11-02T06:00:00.000Z"),
            ("\"id\":\"USNY\",", ""),
        ] {
            let good = r#"{"id":"USNY","weekend":["sat"],"holidays":["2026-09-07"],"valid_from":"2026-01-01","valid_to":"2026-12-31","utc_offsets":[{"from":"2025-11-02T06:00:00.000Z","offset":"-05:00"},{"from":"2026-03-08T07:00:00.000Z","offset":"-04:00"}]}"#;
            assert!(Calendar::read(&read(good.as_bytes()).unwrap()).is_ok());
            assert!(Calendar::read(&read(good.replace(from, to).as_bytes()).unwrap()).is_err(), "{to}");
        }
    }
}
