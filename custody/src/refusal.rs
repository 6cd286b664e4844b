//! Why an input is not read: one code, where, and a sentence for a person.

use ledger::json::Json;

/// Why an input was refused, in order of precedence: of several faults the first of these is
/// reported, wherever it stands.
///
/// Source: specs/custody.md §1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each variant is its code, and the specification lists them")]
pub enum RefusalCode {
    TooLarge,
    BadEncoding,
    DtdRefused,
    BadXml,
    UnsupportedFormat,
    BadMapping,
    BadRow,
    BadAmount,
    BadDate,
    AmountNotString,
    SchemaInvalid,
    Incomplete,
    ActivityConflict,
    BadIdentifier,
    DuplicateRow,
    UnknownCurrency,
    PrecisionExceeded,
    CurrencyMismatch,
    MissingField,
    BalanceMissing,
}

impl RefusalCode {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::BadEncoding => "bad_encoding",
            Self::DtdRefused => "dtd_refused",
            Self::BadXml => "bad_xml",
            Self::UnsupportedFormat => "unsupported_format",
            Self::BadMapping => "bad_mapping",
            Self::BadRow => "bad_row",
            Self::BadAmount => "bad_amount",
            Self::BadDate => "bad_date",
            Self::AmountNotString => "amount_not_string",
            Self::SchemaInvalid => "schema_invalid",
            Self::Incomplete => "incomplete",
            Self::ActivityConflict => "activity_conflict",
            Self::BadIdentifier => "bad_identifier",
            Self::DuplicateRow => "duplicate_row",
            Self::UnknownCurrency => "unknown_currency",
            Self::PrecisionExceeded => "precision_exceeded",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::MissingField => "missing_field",
            Self::BalanceMissing => "balance_missing",
        }
    }
}

/// An input that was not read, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} at {path:?}: {message}", code.code())]
pub struct Refusal {
    /// The first of the reasons, in the order of [`RefusalCode`].
    pub code: RefusalCode,
    /// Where: an RFC 6901 pointer in JSON, `""` for the whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Refusal {
    /// A refusal of what stands at `path`.
    pub fn new(code: RefusalCode, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }

    /// `{"code","path","message"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        error_json(self.code.code(), &self.path, &self.message)
    }
}

/// The error object of every answer.
pub(crate) fn error_json(code: &str, path: &str, message: &str) -> Json {
    Json::object([("code", Json::text(code)), ("path", Json::text(path)), ("message", Json::text(message))])
}
