//! When a call is due, until when it may be disputed, and when grace ends.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};

use super::calendar::{Calendar, CalendarOutOfRange, clock_time};
use super::reader::{Node, Shape};
use crate::digest::Digest;
use crate::json::Json;
use crate::period::Duration;
use crate::time::Timestamp;
use crate::valuation::AssetKind;

/// Good days after a dispute until it is a task, and until it may have to be reported.
///
/// Source: EMIR RTS 149/2013, Art. 15.
const PROCESS_DAYS: u32 = 5;
const REPORT_DAYS: u32 = 15;
/// The most days that a term may count.
const DAYS_MAX: u32 = 366;

/// How an agreement counts time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Clock {
    /// Nights and holidays count.
    Continuous(ContinuousClock),
    /// Good days of calendars count.
    BusinessDay(BusinessDayClock),
    /// A clock for each kind of asset a call is paid in.
    PerKind(BTreeMap<AssetKind, Clock>),
}

/// Durations from receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContinuousClock {
    /// From receipt until due.
    pub settle: Duration,
    /// From receipt until it is too late to dispute.
    pub dispute: Duration,
    /// From due until default may be declared.
    pub grace: Duration,
}

/// Days of one or more calendars.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BusinessDayClock {
    /// A day is good only if good in all; the first gives local time. Never empty.
    pub calendars: Vec<CalendarTerm>,
    /// The latest local time at which a demand still has its own day.
    pub notification_time: Time,
    /// Good days from the demand day to the due day.
    pub settlement_days: u32,
    /// The local time on the due day.
    pub settle_by: Time,
    /// Good days from the due day until it is too late to dispute.
    pub dispute_days: u32,
    /// Good days from the due day until default may be declared.
    pub grace_days: u32,
}

/// A calendar in an agreement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CalendarTerm {
    /// Written out.
    Inline(Calendar),
    /// A document of its own, so that next year's calendar needs no new agreement.
    Document(Digest),
}

/// The times that are fixed when a call is issued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deadlines {
    /// The day the demand counts for, by a business-day clock.
    pub demand_day: Option<Date>,
    /// When it is due.
    pub due_at: Timestamp,
    /// The last instant at which it may be disputed.
    pub dispute_by: Timestamp,
    /// After this, default may be declared.
    pub grace_end: Timestamp,
}

/// When an open dispute becomes a task, and when it may have to be reported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DisputeDays {
    /// Five good days on.
    pub process_by: Date,
    /// Fifteen good days on.
    pub report_by: Date,
}

/// Why a clock gives no times.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClockError {
    /// A calendar does not reach.
    #[error(transparent)]
    OutOfRange(#[from] CalendarOutOfRange),
    /// The calendar document is not among those given.
    #[error("store the calendar document {digest}")]
    CalendarUnknown {
        /// Its digest.
        digest: Digest,
    },
    /// The agreement has no clock for that kind of asset.
    #[error("the agreement has no clock for {kind}")]
    KindWithoutClock {
        /// The kind.
        kind: AssetKind,
    },
    /// The time would be past the year 9999.
    #[error("the time is past the year 9999")]
    TooLate,
}

impl ClockError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange(_) | Self::TooLate => "calendar_out_of_range",
            Self::CalendarUnknown { .. } | Self::KindWithoutClock { .. } => "unknown_reference",
        }
    }
}

/// Calendar documents by digest.
pub type Calendars = BTreeMap<Digest, Calendar>;

impl Clock {
    /// The times of a call received at `received_at` and paid in `kind`.
    ///
    /// A call paid in several kinds has times for each: it is due at the later for that part only.
    ///
    /// # Errors
    /// [`ClockError`], by variant.
    pub fn deadlines(
        &self,
        kind: AssetKind,
        calendars: &Calendars,
        received_at: Timestamp,
    ) -> Result<Deadlines, ClockError> {
        match self {
            Self::Continuous(clock) => clock.deadlines(received_at),
            Self::BusinessDay(clock) => clock.deadlines(calendars, received_at),
            Self::PerKind(clocks) => clocks
                .get(&kind)
                .ok_or(ClockError::KindWithoutClock { kind })?
                .deadlines(kind, calendars, received_at),
        }
    }
}

impl ContinuousClock {
    fn deadlines(&self, received_at: Timestamp) -> Result<Deadlines, ClockError> {
        let after = |start: Timestamp, duration: Duration| {
            start.plus_millis(duration.millis()).ok_or(ClockError::TooLate)
        };
        let due_at = after(received_at, self.settle)?;
        Ok(Deadlines {
            demand_day: None,
            due_at,
            dispute_by: after(received_at, self.dispute)?,
            grace_end: after(due_at, self.grace)?,
        })
    }
}

impl BusinessDayClock {
    fn deadlines(&self, documents: &Calendars, received_at: Timestamp) -> Result<Deadlines, ClockError> {
        let calendars = self.resolve(documents)?;
        let [first, ..] = calendars.as_slice() else { return Err(ClockError::TooLate) };
        let local = first.local(received_at)?;
        let today = local.date();
        let demand_day = if is_good(&calendars, today)? && local.time() <= self.notification_time {
            today
        } else {
            good_days_after(&calendars, today, 1)?
        };
        let due_day = good_days_after(&calendars, demand_day, self.settlement_days)?;
        let at_settle_by = |days| -> Result<Timestamp, ClockError> {
            let day = good_days_after(&calendars, due_day, days)?;
            Ok(first.instant(day.to_datetime(self.settle_by))?)
        };
        Ok(Deadlines {
            demand_day: Some(demand_day),
            due_at: at_settle_by(0)?,
            dispute_by: at_settle_by(self.dispute_days)?,
            grace_end: at_settle_by(self.grace_days)?,
        })
    }

    /// The days that an open dispute runs into, counted from the local day it was made on.
    ///
    /// # Errors
    /// [`ClockError`], by variant.
    pub fn dispute_days(
        &self,
        documents: &Calendars,
        disputed_at: Timestamp,
    ) -> Result<DisputeDays, ClockError> {
        let calendars = self.resolve(documents)?;
        let [first, ..] = calendars.as_slice() else { return Err(ClockError::TooLate) };
        let day = first.local(disputed_at)?.date();
        Ok(DisputeDays {
            process_by: good_days_after(&calendars, day, PROCESS_DAYS)?,
            report_by: good_days_after(&calendars, day, REPORT_DAYS)?,
        })
    }

    fn resolve<'a>(&'a self, documents: &'a Calendars) -> Result<Vec<&'a Calendar>, ClockError> {
        let one = |term: &'a CalendarTerm| match term {
            CalendarTerm::Inline(calendar) => Ok(calendar),
            CalendarTerm::Document(digest) => {
                documents.get(digest).ok_or(ClockError::CalendarUnknown { digest: *digest })
            }
        };
        self.calendars.iter().map(one).collect()
    }
}

fn is_good(calendars: &[&Calendar], day: Date) -> Result<bool, CalendarOutOfRange> {
    let mut good = true;
    for calendar in calendars {
        good &= calendar.is_good(day)?;
    }
    Ok(good)
}

/// The `count`th good day after `day`; `day` itself for none.
fn good_days_after(calendars: &[&Calendar], day: Date, count: u32) -> Result<Date, ClockError> {
    let mut day = day;
    let mut left = count;
    while left > 0 {
        day = day.tomorrow().map_err(|_| ClockError::TooLate)?;
        if is_good(calendars, day)? {
            left -= 1;
        }
    }
    Ok(day)
}

/// Reads a clock: `{kind: continuous, settle, dispute, grace}`, `{kind: business_day, calendars, …}`,
/// or `{kind: per_kind, clocks: {<asset kind>: clock}}`.
pub(crate) fn read_clock(node: &Node) -> Option<Clock> {
    match node.json().get("kind").and_then(Json::as_str) {
        Some("continuous") => read_continuous(node).map(Clock::Continuous),
        Some("business_day") => read_business_day(node).map(Clock::BusinessDay),
        Some("per_kind") => read_per_kind(node).map(Clock::PerKind),
        Some(_) | None => {
            let object = node.map()?;
            match object.get("kind") {
                Some(kind) => kind.bad("one of: continuous, business_day, per_kind"),
                None => {
                    object.missing("kind");
                    None
                }
            }
        }
    }
}

fn read_continuous(node: &Node) -> Option<ContinuousClock> {
    let object = node.object(&Shape { required: &["kind", "settle", "dispute", "grace"], optional: &[] })?;
    let settle = object.need("settle", Node::duration);
    let dispute = object.need("dispute", Node::duration);
    let grace = object.need("grace", Node::duration);
    Some(ContinuousClock { settle: settle?, dispute: dispute?, grace: grace? })
}

fn read_business_day(node: &Node) -> Option<BusinessDayClock> {
    let object = node.object(&Shape {
        required: &[
            "kind",
            "calendars",
            "notification_time",
            "settlement_days",
            "settle_by",
            "dispute_days",
            "grace_days",
        ],
        optional: &[],
    })?;
    let time = |node: &Node| node.parse("a time of day as 17:00", clock_time);
    let days = |node: &Node| node.count(DAYS_MAX);
    let calendars = object.need("calendars", |n| match n.each(read_calendar_term) {
        Some(none) if none.is_empty() => n.bad("at least one calendar"),
        read => read,
    });
    let notification_time = object.need("notification_time", time);
    let settlement_days = object.need("settlement_days", days);
    let settle_by = object.need("settle_by", time);
    let dispute_days = object.need("dispute_days", days);
    let grace_days = object.need("grace_days", days);
    Some(BusinessDayClock {
        calendars: calendars?,
        notification_time: notification_time?,
        settlement_days: settlement_days?,
        settle_by: settle_by?,
        dispute_days: dispute_days?,
        grace_days: grace_days?,
    })
}

fn read_calendar_term(node: &Node) -> Option<CalendarTerm> {
    if node.json().as_object().is_some() {
        return Calendar::at(node).map(CalendarTerm::Inline);
    }
    node.parse("a calendar, or the digest of one as sha256:…", Digest::parse_tagged)
        .map(CalendarTerm::Document)
}

fn read_per_kind(node: &Node) -> Option<BTreeMap<AssetKind, Clock>> {
    let object = node.object(&Shape { required: &["kind", "clocks"], optional: &[] })?;
    object.need("clocks", |clocks| {
        let clocks = clocks.object(&Shape {
            required: &[],
            optional: &["cash", "security", "stablecoin", "crypto", "token"],
        })?;
        let read: Vec<Option<(AssetKind, Clock)>> = AssetKind::ALL
            .iter()
            .filter_map(|kind| Some((*kind, clocks.get(kind.as_str())?)))
            .map(|(kind, node)| Some((kind, read_plain_clock(&node)?)))
            .collect();
        read.into_iter().collect()
    })
}

/// A clock that is not itself one per kind.
fn read_plain_clock(node: &Node) -> Option<Clock> {
    match read_clock(node)? {
        Clock::PerKind(_) => node.bad("a continuous or business_day clock"),
        clock @ (Clock::Continuous(_) | Clock::BusinessDay(_)) => Some(clock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csa::error::{Faults, Section};
    use crate::json::read;

    const CALENDAR: &str = r#"{"id":"USNY","weekend":["sat","sun"],"holidays":["2026-09-07"],
        "valid_from":"2026-01-01","valid_to":"2026-12-31","utc_offsets":[
        {"from":"2025-11-02T06:00:00.000Z","offset":"-05:00"},{"from":"2026-03-08T07:00:00.000Z","offset":"-04:00"},
        {"from":"2026-11-01T06:00:00.000Z","offset":"-05:00"}]}"#;

    fn clock(text: &str) -> Option<Clock> {
        let json = read(text.as_bytes()).unwrap();
        let faults = Faults::default();
        let read = read_clock(&Node::root(&json, "", Section { field: 0, value: 0 }, &faults));
        faults.settle(read).ok()
    }

    fn business_day(calendar: &str) -> String {
        format!(
            r#"{{"kind":"business_day","calendars":[{calendar}],"notification_time":"10:00","settlement_days":"1",
            "settle_by":"17:00","dispute_days":"1","grace_days":"2"}}"#
        )
    }

    #[test]
    fn business_days_by_table() {
        let clock = clock(&business_day(CALENDAR)).unwrap();
        for (received, demand_day, due_at, dispute_by, grace_end) in [
            // Friday, at the minute; then the weekend and Labor Day.
            ("2026-09-04T14:00:00.000Z", "2026-09-04", "2026-09-08", "2026-09-09", "2026-09-10"),
            ("2026-09-04T14:00:00.001Z", "2026-09-08", "2026-09-09", "2026-09-10", "2026-09-11"),
            // Still the evening of the first in New York, after notification time.
            ("2026-09-02T03:59:59.999Z", "2026-09-02", "2026-09-03", "2026-09-04", "2026-09-08"),
            // The morning of the second there.
            ("2026-09-02T04:00:00.000Z", "2026-09-02", "2026-09-03", "2026-09-04", "2026-09-08"),
        ] {
            let at = Timestamp::parse(received).unwrap();
            let got = clock.deadlines(AssetKind::Cash, &Calendars::new(), at).unwrap();
            let day = |at: Timestamp| at.date().to_string();
            assert_eq!(got.demand_day.unwrap().to_string(), demand_day, "{received}");
            assert_eq!(
                [day(got.due_at), day(got.dispute_by), day(got.grace_end)],
                [due_at, dispute_by, grace_end]
            );
        }
        // The offset changes between the demand and the due time.
        let at = Timestamp::parse("2026-10-30T13:00:00.000Z").unwrap();
        let got = clock.deadlines(AssetKind::Cash, &Calendars::new(), at).unwrap();
        assert_eq!(got.due_at.to_string(), "2026-11-02T22:00:00.000Z");
    }

    #[test]
    fn disputes_run_into_good_days() {
        let Some(Clock::BusinessDay(clock)) = clock(&business_day(CALENDAR)) else { panic!() };
        let at = Timestamp::parse("2026-09-04T14:00:00.000Z").unwrap();
        let days = clock.dispute_days(&Calendars::new(), at).unwrap();
        assert_eq!([days.process_by.to_string(), days.report_by.to_string()], ["2026-09-14", "2026-09-28"]);
        let late = Timestamp::parse("2026-12-20T14:00:00.000Z").unwrap();
        assert_eq!(clock.dispute_days(&Calendars::new(), late).unwrap_err().code(), "calendar_out_of_range");
    }

    #[test]
    fn calendars_may_stand_in_documents_of_their_own() {
        let json = read(CALENDAR.as_bytes()).unwrap();
        let digest = Digest::of(json.to_jcs().as_bytes());
        let clock = clock(&business_day(&format!("\"{}\"", digest.tagged()))).unwrap();
        let at = Timestamp::parse("2026-09-01T14:00:00.000Z").unwrap();
        let unknown = clock.deadlines(AssetKind::Cash, &Calendars::new(), at).unwrap_err();
        assert_eq!(unknown.code(), "unknown_reference");
        let documents = Calendars::from([(digest, Calendar::read(&json).unwrap())]);
        assert!(clock.deadlines(AssetKind::Cash, &documents, at).is_ok());
    }

    #[test]
    fn a_mixed_agreement_has_a_clock_for_each_kind() {
        let continuous = r#"{"kind":"continuous","settle":"PT4H","dispute":"PT1H","grace":"PT2H"}"#;
        let text = format!(
            r#"{{"kind":"per_kind","clocks":{{"crypto":{continuous},"cash":{}}}}}"#,
            business_day(CALENDAR)
        );
        let clock = clock(&text).unwrap();
        let at = Timestamp::parse("2026-09-05T12:00:00.000Z").unwrap();
        let due = |kind| clock.deadlines(kind, &Calendars::new(), at).map(|times| times.due_at.to_string());
        assert_eq!(due(AssetKind::Crypto).unwrap(), "2026-09-05T16:00:00.000Z");
        assert_eq!(due(AssetKind::Cash).unwrap(), "2026-09-09T21:00:00.000Z");
        assert!(due(AssetKind::Token).is_err());
    }

    #[test]
    fn malformed_clocks_are_refused() {
        for text in [
            "{}",
            r#"{"kind":"lunar"}"#,
            r#"{"kind":"continuous","settle":"P1M","dispute":"PT1H","grace":"PT2H"}"#,
            r#"{"kind":"per_kind","clocks":{"gold":{}}}"#,
            r#"{"kind":"per_kind","clocks":{"cash":{"kind":"per_kind","clocks":{}}}}"#,
            r#"{"kind":"business_day","calendars":[],"notification_time":"10:00","settlement_days":"1","settle_by":"17:00","dispute_days":"0","grace_days":"1"}"#,
        ] {
            assert_eq!(clock(text), None, "{text}");
        }
    }
}
