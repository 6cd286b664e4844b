//! What is wrong with an agreement or an input, and which of several faults is told.

use std::cell::RefCell;

use crate::words::words;

words! {
    /// What is wrong, in order of precedence: the first that applies is told.
    pub enum TermsCode {
        /// Not JSON.
        BadJson = "bad_json",
        /// A number, a null, or a member given twice.
        NotStrict = "not_strict",
        /// A member that nothing reads.
        UnknownField = "unknown_field",
        /// A member that must be there.
        MissingField = "missing_field",
        /// Not the canonical spelling, not one of the words, or out of range.
        BadValue = "bad_value",
        /// Two of a list with one id.
        DuplicateId = "duplicate_id",
        /// Two terms, or a term and the flavour, that cannot both hold.
        TermsConflict = "terms_conflict",
        /// An id that names nothing.
        UnknownReference = "unknown_reference",
        /// More decimals than the asset has.
        PrecisionExceeded = "precision_exceeded",
        /// No price.
        PriceMissing = "price_missing",
        /// A price from the future.
        PriceAfterAsOf = "price_after_as_of",
        /// A price too old.
        PriceStale = "price_stale",
        /// No exchange rate.
        FxMissing = "fx_missing",
        /// A market value or total of 10^20 or more.
        Overflow = "overflow",
    }
}

/// Why a document or an input cannot be used, and what to change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{code} at {path:?}: {message}")]
pub struct TermsError {
    /// What is wrong.
    pub code: TermsCode,
    /// JSON pointer to where; `""` is the whole.
    pub path: String,
    /// What to change, for a person.
    pub message: String,
}

/// Where in the order of precedence a section of a document stands, within one code: for members
/// that are unknown or missing, and for values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) field: u8,
    pub(crate) value: u8,
}

/// Faults found so far. Reading goes on after a fault, because a later one may take precedence.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<(TermsError, u8)>>);

impl Faults {
    /// Notes a fault; `place` orders faults of one code.
    pub(crate) fn note(
        &self,
        code: TermsCode,
        place: u8,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        let error = TermsError { code, path: path.into(), message: message.into() };
        self.0.borrow_mut().push((error, place));
    }

    /// The fault to tell: by code, then place, then as found.
    pub(crate) fn first(&self) -> Option<TermsError> {
        let faults = self.0.borrow();
        faults.iter().min_by_key(|(error, place)| (error.code, *place)).map(|(error, _)| error.clone())
    }

    /// What was read, if nothing was at fault.
    pub(crate) fn settle<T>(&self, read: Option<T>) -> Result<T, TermsError> {
        match (self.first(), read) {
            (None, Some(read)) => Ok(read),
            (Some(fault), _) => Err(fault),
            (None, None) => {
                debug_assert!(false, "a reader that answers nothing has noted why");
                let message = "write the document as specs/calls.md says".to_owned();
                Err(TermsError { code: TermsCode::BadValue, path: String::new(), message })
            }
        }
    }
}
