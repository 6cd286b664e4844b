//! Why a command on a call is refused.

use super::command::Verb;
use super::state::{Actor, CallKind, CallState};
use crate::time::Timestamp;
use crate::valuation::Value;

/// Why a command on a call is refused, in order of precedence. Before all of these stand
/// `unknown_command` and `unknown_reference`, which the caller knows.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallRefusal {
    /// Somebody else gives this command.
    #[error("{verb} is for: {author}")]
    NotAuthorised {
        /// The command.
        verb: Verb,
        /// Who may.
        author: Actor,
    },
    /// The call asks for nothing.
    #[error("a call of kind {kind} can only be acknowledged, retracted or superseded")]
    KindNotDue {
        /// Its kind.
        kind: CallKind,
    },
    /// The command does not fit where the call stands.
    #[error("the call is {state}; now fit: {}", list(.fitting))]
    WrongState {
        /// Where it stands.
        state: CallState,
        /// The commands that fit there.
        fitting: Vec<Verb>,
    },
    /// The time to dispute is over.
    #[error("a dispute had to be recorded by {dispute_by}")]
    TooLate {
        /// When it was over.
        dispute_by: Timestamp,
    },
    /// Grace is not over.
    #[error("default may be declared after {grace_end}")]
    TooEarly {
        /// When it is over.
        grace_end: Timestamp,
    },
    /// The amount is not within bounds, or not the call's own where that is repeated.
    #[error("give an amount from {least} to {most}")]
    AmountOutOfRange {
        /// The lower bound.
        least: Value,
        /// The upper bound.
        most: Value,
    },
    /// The items are worth less than is owed.
    #[error("pledge items worth {needed}, not {value}")]
    InsufficientValue {
        /// What they are worth.
        value: Value,
        /// What is owed.
        needed: Value,
    },
    /// The reason is not one of its list.
    #[error("{reason} is not a reason for this: see the list of codes")]
    ReasonUnknown {
        /// The reason given.
        reason: String,
    },
    /// The body lacks something.
    #[error("add the member {field}")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
}

fn list(verbs: &[Verb]) -> String {
    if verbs.is_empty() {
        return "none".to_owned();
    }
    verbs.iter().map(|verb| verb.as_str()).collect::<Vec<_>>().join(", ")
}

impl CallRefusal {
    /// The stable code of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAuthorised { .. } => "not_authorised",
            Self::KindNotDue { .. } => "kind_not_due",
            Self::WrongState { .. } => "wrong_state",
            Self::TooLate { .. } => "too_late",
            Self::TooEarly { .. } => "too_early",
            Self::AmountOutOfRange { .. } => "amount_out_of_range",
            Self::InsufficientValue { .. } => "insufficient_value",
            Self::ReasonUnknown { .. } => "reason_unknown",
            Self::MissingField { .. } => "missing_field",
        }
    }
}
