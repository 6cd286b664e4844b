//! When a posted item may go back: the release guard.

use super::Value;
use crate::period::Duration;
use crate::time::Timestamp;

/// What the last margin statement that counts asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementFigure {
    /// What must stay covered.
    pub requirement: Value,
    /// When the statement was recorded.
    pub recorded_at: Timestamp,
}

/// What a permitted release leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Released {
    /// Counted value of what stays.
    pub covered_after: Value,
    /// How much of that is above the requirement.
    pub headroom_after: Value,
}

/// Why nothing may be released, in order of precedence.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReleaseRefusal {
    /// The statement is too old, or not yet recorded: nobody knows what is required.
    #[error("record a margin statement first: the last one is of {recorded_at}")]
    StatementStale {
        /// When the last one was recorded.
        recorded_at: Timestamp,
    },
    /// What remains would be worth less than the requirement.
    #[error("what stays held would count {covered_after}, short of the requirement by {short_by}")]
    ReleaseUncovers {
        /// Counted value of what would stay.
        covered_after: Value,
        /// What lacks.
        short_by: Value,
    },
}

impl ReleaseRefusal {
    /// The stable code of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::StatementStale { .. } => "statement_stale",
            Self::ReleaseUncovers { .. } => "release_uncovers",
        }
    }
}

/// Whether posted items may go, given the counted value of the **held** items that stay.
///
/// In-transit deliveries do not count here, though they do in a call: what goes out is gone, what
/// comes in may fail. A statement exactly `statement_max_age` old is fresh; equality covers.
///
/// # Errors
/// [`ReleaseRefusal`], the first that holds.
///
/// Source: specs/calls.md §6.
pub fn release(
    covered_after: Value,
    statement: &StatementFigure,
    statement_max_age: Duration,
    at: Timestamp,
) -> Result<Released, ReleaseRefusal> {
    let recorded_at = statement.recorded_at;
    let age = at.millis_since(recorded_at).ok_or(ReleaseRefusal::StatementStale { recorded_at })?;
    if age > statement_max_age.millis() {
        return Err(ReleaseRefusal::StatementStale { recorded_at });
    }
    if covered_after < statement.requirement {
        let short_by = &statement.requirement - &covered_after;
        return Err(ReleaseRefusal::ReleaseUncovers { covered_after, short_by });
    }
    let headroom_after = &covered_after - &statement.requirement;
    Ok(Released { covered_after, headroom_after })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn statement(requirement: u64) -> StatementFigure {
        StatementFigure {
            requirement: Value::whole(requirement),
            recorded_at: at("2026-09-01T00:00:00.000Z"),
        }
    }

    #[test]
    fn equality_is_enough_and_age_is_inclusive() {
        for (covered, now, want) in [
            (1_000, "2026-09-02T00:00:00.000Z", None),
            (999, "2026-09-02T00:00:00.000Z", Some("release_uncovers")),
            (9_999, "2026-09-02T00:00:00.001Z", Some("statement_stale")),
            (9_999, "2026-08-31T23:59:59.999Z", Some("statement_stale")),
        ] {
            let got = release(Value::whole(covered), &statement(1_000), Duration::DAY, at(now));
            assert_eq!(got.err().map(|refusal| refusal.code()), want, "{covered} {now}");
        }
    }

    proptest! {
        /// Whatever is asked for in whatever order, what stays covers the requirement.
        #[test]
        fn no_sequence_releases_below_requirement(
            values in prop::collection::vec(0_u64..1_000, 0..12),
            asks in prop::collection::vec(0_usize..12, 0..40),
            requirement in 0_u64..3_000,
        ) {
            let mut held = values;
            let covered: u64 = held.iter().sum();
            prop_assume!(covered >= requirement);
            for ask in asks {
                if ask >= held.len() {
                    continue;
                }
                let left: u64 = held.iter().sum::<u64>() - held[ask];
                let now = at("2026-09-01T12:00:00.000Z");
                if release(Value::whole(left), &statement(requirement), Duration::DAY, now).is_ok() {
                    held.remove(ask);
                }
                prop_assert!(held.iter().sum::<u64>() >= requirement);
            }
        }
    }
}
