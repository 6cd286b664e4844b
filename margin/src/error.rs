//! Why there is no figure: the input is wrong, or a part is not built.
//!
//! A run gives every figure or one error. The first error by the order of [`Code`] wins, and
//! within one code the first in document order, so the same wrong input always gets the same
//! answer however the checks are arranged.

use ledger::json::Json;

use crate::money::Overflow;

/// What is wrong with an input. The order is the order of precedence.
///
/// Source: margin specification, section 3.1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "the names are the documentation; the codes are API")]
pub enum Code {
    MalformedJson,
    UnknownField,
    BadDecimal,
    BadTime,
    UnsupportedSchema,
    DuplicateId,
    UnknownRegime,
    BadRegime,
    UnknownOverride,
    UnknownInstrument,
    MissingField,
    BadField,
    Unclassified,
    InconsistentClassification,
    UnknownRiskClass,
    ExpiredInstrument,
    PriceMissing,
    PriceStale,
    FxMissing,
    ImpliedVolNotFound,
    MixedMultiplier,
    TooManyLegs,
    TooLittleHistory,
    AsynchronousCloses,
    Overflow,
}

impl Code {
    /// The stable name in printed errors.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::UnknownField => "unknown_field",
            Self::BadDecimal => "bad_decimal",
            Self::BadTime => "bad_time",
            Self::UnsupportedSchema => "unsupported_schema",
            Self::DuplicateId => "duplicate_id",
            Self::UnknownRegime => "unknown_regime",
            Self::BadRegime => "bad_regime",
            Self::UnknownOverride => "unknown_override",
            Self::UnknownInstrument => "unknown_instrument",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::Unclassified => "unclassified",
            Self::InconsistentClassification => "inconsistent_classification",
            Self::UnknownRiskClass => "unknown_risk_class",
            Self::ExpiredInstrument => "expired_instrument",
            Self::PriceMissing => "price_missing",
            Self::PriceStale => "price_stale",
            Self::FxMissing => "fx_missing",
            Self::ImpliedVolNotFound => "implied_vol_not_found",
            Self::MixedMultiplier => "mixed_multiplier",
            Self::TooManyLegs => "too_many_legs",
            Self::TooLittleHistory => "too_little_history",
            Self::AsynchronousCloses => "asynchronous_closes",
            Self::Overflow => "overflow",
        }
    }
}

/// One refusal of an input.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct InputError {
    /// What kind of mistake it is.
    pub code: Code,
    /// JSON Pointer into the input; for a rule book of its own, into the rule book.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A part that a later version builds. An answer that needs it is refused, never guessed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Part {
    /// A rule book whose method is not computed.
    #[error("the method of the rule book {id}")]
    RuleBook {
        /// The rule book.
        id: String,
    },
    /// A command of a vectors file.
    #[error("the command {name}")]
    Command {
        /// The command.
        name: String,
    },
}

/// Why there is no result.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The input is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The input is sound, and needs a part that is not built.
    #[error("not yet: {0}")]
    NotYet(Part),
}

impl Failure {
    /// The printed error: `{"error":{"code","path","message"}}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let (code, path, message) = match self {
            Self::Input(error) => (error.code.as_str(), error.path.as_str(), error.message.clone()),
            Self::NotYet(part) => ("not_yet", "", format!("this version does not have {part}")),
        };
        let error =
            [("code", Json::text(code)), ("path", Json::text(path)), ("message", Json::text(message))];
        Json::object([("error", Json::object(error))])
    }
}

/// Why a computation on checked input stops.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    Overflow,
    NotYet(Part),
}

impl From<Overflow> for Stop {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Overflow => Self::Input(InputError {
                code: Code::Overflow,
                path: "/book".to_owned(),
                message: "a figure does not fit in 128 bits; use smaller quantities or prices".to_owned(),
            }),
            Stop::NotYet(part) => Self::NotYet(part),
        }
    }
}
