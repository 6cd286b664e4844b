//! Who must resolve a break, and until when.
//!
//! Source: specs/custody.md §2, SLA.

use ledger::json::Json;
use ledger::time::Timestamp;

use crate::label::Label;
use crate::quantity::Quantity;
use crate::refusal::{Refusal, RefusalCode};
use crate::shape::{self, Fault, Faults, Members};

const DAY_MS: u64 = 86_400_000;

/// A rule of the house: large **or** old breaks go to this owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Name of the rule.
    pub id: Label,
    /// From this value on.
    pub min_value: Quantity,
    /// From this age on, milliseconds.
    pub min_age_ms: u64,
    /// Who answers for it.
    pub owner: Label,
    /// Time to resolve, from the break's beginning, milliseconds.
    pub resolve_within_ms: u64,
}

/// A break as far as its deadline is concerned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Aging {
    /// The break.
    pub id: Label,
    /// What it is worth; a shortfall weighs as much as a surplus.
    pub value: Quantity,
    /// When it first showed.
    pub since: Timestamp,
}

/// Owner and deadline of a break.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due<'a> {
    /// The first policy that applies.
    pub policy: &'a Policy,
    /// Beginning of the break and the time to resolve it.
    pub due_at: Timestamp,
    /// Whether that has passed; at the instant itself it has not.
    pub late: bool,
}

/// Applies the first policy with value ≥ `min_value` or age ≥ `min_age`.
///
/// `None` if no policy applies. A deadline after the year 9999 is the last instant of it.
#[must_use]
pub fn due<'a>(policies: &'a [Policy], aging: &Aging, now: Timestamp) -> Option<Due<'a>> {
    let (value, age) = (aging.value.magnitude(), age_ms(aging, now));
    let policy = policies.iter().find(|policy| value >= policy.min_value || age >= policy.min_age_ms)?;
    let due_at = aging.since.plus_millis(policy.resolve_within_ms).unwrap_or_else(last_instant);
    Some(Due { policy, due_at, late: now > due_at })
}

/// A break that begins later than now is new.
fn age_ms(aging: &Aging, now: Timestamp) -> u64 {
    now.millis_since(aging.since).unwrap_or(0)
}

fn last_instant() -> Timestamp {
    Timestamp::parse("9999-12-31T23:59:59.999Z").expect("the last instant there is")
}

/// Name of the age bucket of so many whole days.
#[must_use]
pub fn bucket(age_days: u64) -> &'static str {
    match age_days {
        0..=1 => "0-1",
        2..=3 => "2-3",
        4..=7 => "4-7",
        8.. => ">7",
    }
}

/// Milliseconds of an ISO 8601 duration in weeks, or days, hours, minutes and seconds.
///
/// Whole numbers only; months and years have no fixed length and are none.
///
/// ```
/// use custody::sla::parse_duration;
/// assert_eq!(parse_duration("P1DT12H"), Some(129_600_000));
/// assert_eq!(parse_duration("P1M"), None);
/// ```
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    let body = text.strip_prefix('P')?;
    if let Some(weeks) = body.strip_suffix('W') {
        return whole(weeks)?.checked_mul(7 * DAY_MS);
    }
    let (date, time) = match body.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if body.is_empty() => return None,
        None => (body, ""),
    };
    let (days, rest) = part(date, 'D', DAY_MS)?;
    let (hours, time) = part(time, 'H', 3_600_000)?;
    let (minutes, time) = part(time, 'M', 60_000)?;
    let (seconds, time) = part(time, 'S', 1_000)?;
    let complete = rest.is_empty() && time.is_empty();
    let sum = days.checked_add(hours)?.checked_add(minutes)?.checked_add(seconds)?;
    complete.then_some(sum)
}

/// `<number><unit>` at the beginning, if that unit stands there, and what follows.
fn part(text: &str, unit: char, unit_ms: u64) -> Option<(u64, &str)> {
    match text.split_once(unit) {
        Some((number, rest)) => Some((whole(number)?.checked_mul(unit_ms)?, rest)),
        None => Some((0, text)),
    }
}

fn whole(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Answers `{now, policies, breaks}` with owner, deadline and age of each break, in their order.
///
/// # Errors
/// [`Refusal`] if the input is not of that shape.
pub fn answer(input: &Json) -> Result<Json, Refusal> {
    let mut faults = Faults::default();
    let read = read(input, &mut faults);
    let (now, policies, breaks) = faults.finish(read)?;
    let lines = breaks.iter().map(|aging| {
        let age_days = age_ms(aging, now) / DAY_MS;
        let mut members = vec![
            ("id", Json::text(aging.id.as_str())),
            ("age_days", Json::text(age_days.to_string())),
            ("bucket", Json::text(bucket(age_days))),
        ];
        if let Some(due) = due(&policies, aging, now) {
            members.push(("rule", Json::text(due.policy.id.as_str())));
            members.push(("owner", Json::text(due.policy.owner.as_str())));
            members.push(("due_at", Json::text(due.due_at.to_string())));
            members.push(("late", Json::Bool(due.late)));
        }
        Json::object(members)
    });
    Ok(Json::object([("breaks", Json::array(lines))]))
}

fn read(input: &Json, faults: &mut Faults) -> Option<(Timestamp, Vec<Policy>, Vec<Aging>)> {
    let members = Members::open(input, String::new(), &["now", "policies", "breaks"], faults)?;
    let now = members.text("now", faults, shape::instant);
    let policies = members.each("policies", faults, policy);
    let breaks = members.each("breaks", faults, aging);
    Some((now?, policies?, breaks?))
}

fn policy(json: &Json, path: String, faults: &mut Faults) -> Option<Policy> {
    let known = ["id", "min_value", "min_age", "owner", "resolve_within"];
    let members = Members::open(json, path, &known, faults)?;
    let id = members.label("id", faults);
    let min_value = members.amount("min_value", faults, shape::wide);
    let min_age_ms = members.text("min_age", faults, duration);
    let owner = members.label("owner", faults);
    let resolve_within_ms = members.text("resolve_within", faults, duration);
    Some(Policy {
        id: id?,
        min_value: min_value?,
        min_age_ms: min_age_ms?,
        owner: owner?,
        resolve_within_ms: resolve_within_ms?,
    })
}

fn aging(json: &Json, path: String, faults: &mut Faults) -> Option<Aging> {
    let members = Members::open(json, path, &["id", "value", "since"], faults)?;
    let id = members.label("id", faults);
    let value = members.amount("value", faults, shape::wide);
    let since = members.text("since", faults, shape::instant);
    Some(Aging { id: id?, value: value?, since: since? })
}

fn duration(text: &str) -> Result<u64, Fault> {
    parse_duration(text).ok_or_else(|| (RefusalCode::BadDate, "not a duration such as P1D or PT4H".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_fixed_length() {
        for (text, want) in [
            ("PT0S", Some(0)),
            ("P3D", Some(3 * DAY_MS)),
            ("P2W", Some(14 * DAY_MS)),
            ("PT36H", Some(129_600_000)),
            ("P1DT1H1M1S", Some(90_061_000)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("P1Y", None),
            ("P1M", None),
            ("PT1.5H", None),
            ("P-1D", None),
            ("PT1S1M", None),
            ("1D", None),
            ("P99999999999999999999D", None),
            ("P18446744073709551615D", None),
        ] {
            assert_eq!(parse_duration(text), want, "{text}");
        }
    }

    #[test]
    fn value_or_age_and_the_first_rule_wins() {
        let instant = |text: &str| Timestamp::parse(&format!("2026-09-{text}:00.000Z")).unwrap();
        let policy = |id: &str, min_value: &str, min_age: &str, within: &str| Policy {
            id: Label::parse(id).unwrap(),
            min_value: Quantity::parse(min_value).unwrap(),
            min_age_ms: parse_duration(min_age).unwrap(),
            owner: Label::parse("ops").unwrap(),
            resolve_within_ms: parse_duration(within).unwrap(),
        };
        let policies = [policy("big", "1000", "P3D", "PT4H"), policy("mid", "10", "P1D", "P1D")];
        let now = instant("05T00:00");
        for (value, since, want) in [
            ("1000", "04T20:00", Some(("big", false))), // due now is in time
            ("-1000", "04T19:59", Some(("big", true))), // a shortfall weighs as much
            ("999", "04T23:00", Some(("mid", false))),
            ("1", "02T00:00", Some(("big", true))), // age alone, inclusive
            ("1", "02T00:01", Some(("mid", true))),
            ("1", "04T00:01", None),
            ("1", "06T00:00", None), // begins later
        ] {
            let value = Quantity::parse(value).unwrap();
            let aging = Aging { id: Label::parse("b").unwrap(), value, since: instant(since) };
            let got = due(&policies, &aging, now).map(|due| (due.policy.id.as_str(), due.late));
            assert_eq!(got, want, "{aging:?}");
        }
        let days = [0, 1, 2, 3, 4, 7, 8].map(bucket);
        assert_eq!(days, ["0-1", "0-1", "2-3", "2-3", "4-7", "4-7", ">7"]);
    }
}
