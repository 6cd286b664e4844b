//! Attested holdings against the liabilities that seals commit to.
//!
//! Lines never net: a surplus in one class, asset or custodian covers nothing elsewhere.
//!
//! Source: specs/custody.md §5.

use std::collections::BTreeMap;

use ledger::decimal::{DecimalError, DecimalText};
use ledger::json::Json;
use ledger::time::Timestamp;
use num_bigint::BigInt;

use crate::label::Label;
use crate::refusal::{Refusal, error_json};
use crate::shape::{self, Faults, Members};

/// What no report of reserves can prove; it stands on every one.
pub const LIMITS: [&str; 7] = [
    "that no account was left out that nobody checks",
    "that assets were not borrowed for the hour, or are not pledged elsewhere",
    "that the custodian's statement is true",
    "that liabilities outside this ledger do not exist",
    "ownership in law",
    "anything between two seals",
    "insolvency-remoteness",
];

/// Custodian, property class and asset.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LineId {
    /// The custodian.
    pub custodian: Label,
    /// The customer-property class.
    pub class: Label,
    /// The asset.
    pub asset: Label,
}

/// Why there is no report.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CoverageError {
    /// Not of the shape of the input.
    #[error(transparent)]
    Malformed(#[from] Refusal),
    /// An amount that is no count of smallest units.
    #[error("not a count of smallest units: decimal digits without sign or leading zero")]
    BadValue {
        /// Where.
        path: String,
    },
    /// An amount of 2^128 or more.
    #[error("the amount is 2^128 or more")]
    Overflow {
        /// Where.
        path: String,
    },
    /// The same line twice: added up, one holding could be shown as two.
    #[error("this custodian, class and asset stand twice")]
    DuplicateId {
        /// Where.
        path: String,
    },
}

impl CoverageError {
    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(refusal) => refusal.code.code(),
            Self::BadValue { .. } => "bad_value",
            Self::Overflow { .. } => "overflow",
            Self::DuplicateId { .. } => "duplicate_id",
        }
    }

    /// `{"code","path","message"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Malformed(refusal) => refusal.to_json(),
            Self::BadValue { path } | Self::Overflow { path } | Self::DuplicateId { path } => {
                error_json(self.code(), path, &self.to_string())
            }
        }
    }
}

/// Whether a line is covered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CoverageStatus {
    /// Attested is at least what is owed.
    Covered,
    /// It is less.
    Short,
    /// Nothing is attested.
    NoEvidence,
    /// What is attested is so at another instant.
    AsOfMismatch,
}

impl CoverageStatus {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Short => "short",
            Self::NoEvidence => "no_evidence",
            Self::AsOfMismatch => "as_of_mismatch",
        }
    }
}

/// Liabilities of the lines and what is attested for them, in smallest units.
#[derive(Clone, Debug)]
pub struct Coverage {
    as_of: Timestamp,
    roots: Vec<(LineId, u128)>,
    attested: BTreeMap<LineId, (u128, Timestamp)>,
}

impl Coverage {
    /// Reads `{as_of, roots, attested}`.
    ///
    /// # Errors
    /// [`CoverageError`], by variant.
    pub fn read(bytes: &[u8]) -> Result<Self, CoverageError> {
        Self::from_json(&shape::tree(bytes)?)
    }

    /// As [`Coverage::read`], from a tree.
    ///
    /// # Errors
    /// As [`Coverage::read`].
    pub fn from_json(input: &Json) -> Result<Self, CoverageError> {
        let mut faults = Faults::default();
        let read = read(input, &mut faults);
        let (as_of, roots, attested) = faults.finish(read)?;
        let mut lines = BTreeMap::new();
        let mut liabilities = Vec::with_capacity(roots.len());
        for (place, (id, text)) in roots.into_iter().enumerate() {
            let total = units(&text, || format!("/roots/{place}/total"))?;
            if lines.insert(id.clone(), ()).is_some() {
                return Err(CoverageError::DuplicateId { path: format!("/roots/{place}") });
            }
            liabilities.push((id, total));
        }
        let mut evidence = BTreeMap::new();
        for (place, (id, text, at)) in attested.into_iter().enumerate() {
            let amount = units(&text, || format!("/attested/{place}/amount"))?;
            if evidence.insert(id, (amount, at)).is_some() {
                return Err(CoverageError::DuplicateId { path: format!("/attested/{place}") });
            }
        }
        Ok(Self { as_of, roots: liabilities, attested: evidence })
    }

    /// Whether every line is covered.
    #[must_use]
    pub fn all_covered(&self) -> bool {
        self.roots.iter().all(|(id, total)| self.status(id, *total) == CoverageStatus::Covered)
    }

    /// The report, lines in the order of the roots.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let lines = self.roots.iter().map(|(id, total)| self.line(id, *total));
        Json::object([
            ("as_of", Json::text(self.as_of.to_string())),
            ("lines", Json::array(lines)),
            ("all_covered", Json::Bool(self.all_covered())),
            ("cannot_prove", Json::array(LIMITS.map(Json::text))),
        ])
    }

    fn status(&self, id: &LineId, total: u128) -> CoverageStatus {
        match self.attested.get(id) {
            None => CoverageStatus::NoEvidence,
            Some((_, at)) if *at != self.as_of => CoverageStatus::AsOfMismatch,
            Some((amount, _)) if *amount >= total => CoverageStatus::Covered,
            Some(_) => CoverageStatus::Short,
        }
    }

    fn line(&self, id: &LineId, total: u128) -> Json {
        let status = self.status(id, total);
        let attested = self.attested.get(id).map(|(amount, _)| *amount);
        // Evidence of another instant shows no difference; no evidence covers nothing.
        let difference = match status {
            CoverageStatus::Covered | CoverageStatus::Short | CoverageStatus::NoEvidence => {
                Some(BigInt::from(attested.unwrap_or(0)) - BigInt::from(total))
            }
            CoverageStatus::AsOfMismatch => None,
        };
        let mut members = vec![
            ("custodian", Json::text(id.custodian.as_str())),
            ("class", Json::text(id.class.as_str())),
            ("asset", Json::text(id.asset.as_str())),
            ("liabilities", Json::text(total.to_string())),
        ];
        members.extend(attested.map(|amount| ("attested", Json::text(amount.to_string()))));
        members.extend(difference.map(|difference| ("difference", Json::text(difference.to_string()))));
        members.push(("status", Json::text(status.name())));
        Json::object(members)
    }
}

type Read = (Timestamp, Vec<(LineId, String)>, Vec<(LineId, String, Timestamp)>);

fn read(input: &Json, faults: &mut Faults) -> Option<Read> {
    let members = Members::open(input, String::new(), &["as_of", "roots", "attested"], faults)?;
    let as_of = members.text("as_of", faults, shape::instant);
    let roots = members.each("roots", faults, |json, path, faults| {
        let members = Members::open(json, path, &["custodian", "class", "asset", "total"], faults)?;
        let (id, total) = (line_id(&members, faults), members.text("total", faults, any));
        Some((id?, total?))
    });
    let attested = members.each("attested", faults, |json, path, faults| {
        let known = ["custodian", "class", "asset", "amount", "as_of"];
        let members = Members::open(json, path, &known, faults)?;
        let (id, amount) = (line_id(&members, faults), members.text("amount", faults, any));
        let as_of = members.text("as_of", faults, shape::instant);
        Some((id?, amount?, as_of?))
    });
    Some((as_of?, roots?, attested?))
}

fn line_id(members: &Members, faults: &mut Faults) -> Option<LineId> {
    let custodian = members.label("custodian", faults);
    let class = members.label("class", faults);
    let asset = members.label("asset", faults);
    Some(LineId { custodian: custodian?, class: class?, asset: asset? })
}

fn any(text: &str) -> Result<String, shape::Fault> {
    Ok(text.to_owned())
}

fn units(text: &str, path: impl Fn() -> String) -> Result<u128, CoverageError> {
    smallest_units(text).map_err(|error| match error {
        DecimalError::TooLarge => CoverageError::Overflow { path: path() },
        DecimalError::Malformed | DecimalError::Negative | DecimalError::Precision => {
            CoverageError::BadValue { path: path() }
        }
    })
}

/// A count of smallest units below 2^128.
pub(crate) fn smallest_units(text: &str) -> Result<u128, DecimalError> {
    DecimalText::parse_quantity(text)?.units(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_count_smallest_units_and_lines_stand_once() {
        let row = |amount: &str| {
            format!(
                r#"{{"custodian":"C","class":"k","asset":"A","amount":"{amount}","as_of":"2026-09-01T00:00:00.000Z"}}"#
            )
        };
        let root = r#"{"custodian":"C","class":"k","asset":"A","total":"5"}"#;
        let code = |roots: &str, attested: &str| {
            let text = format!(
                r#"{{"as_of":"2026-09-01T00:00:00.000Z","roots":[{roots}],"attested":[{attested}]}}"#
            );
            Coverage::read(text.as_bytes()).map(|coverage| coverage.all_covered()).map_err(|e| e.code())
        };
        let over = "340282366920938463463374607431768211456";
        for (amount, want) in [
            ("5", Ok(true)),
            ("4", Ok(false)),
            ("5.0", Err("bad_value")),
            ("0.5", Err("bad_value")),
            ("-5", Err("bad_value")),
            ("05", Err("bad_value")),
            ("", Err("bad_value")),
            (over, Err("overflow")),
        ] {
            assert_eq!(code(root, &row(amount)), want, "{amount}");
        }
        assert_eq!(code(root, &format!("{},{}", row("3"), row("2"))), Err("duplicate_id"));
        assert_eq!(code(&format!("{root},{root}"), &row("9")), Err("duplicate_id"));
        assert_eq!(code("{}", ""), Err("missing_field"));
        assert_eq!(code("", ""), Ok(true));
    }
}
