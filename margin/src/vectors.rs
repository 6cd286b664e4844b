//! Worked cases: inputs with the figures that must come out.
//!
//! A case that needs a part not built yet is counted apart: never passed, and no failure.

use std::fmt;

use ledger::decimal::{DecimalText, Exact};
use ledger::json::Json;
use num_traits::Signed;

use crate::error::{Code, Failure, InputError, Part};
use crate::regime::{Regime, RegimeRef};

/// The schema that a vectors file names.
const VECTORS_SCHEMA: &str = "pledger.margin.vectors.v1";

/// How an expectation came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The figure is within its tolerance, or the error is the one expected.
    Pass,
    /// It is not.
    Fail,
    /// A part that it needs is not built.
    NotYet,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotYet => "not yet",
        })
    }
}

/// One expectation of one case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The case.
    pub name: String,
    /// JSON Pointer into the result; empty for an expected error.
    pub at: String,
    /// The expected figure or error code.
    pub expected: String,
    /// What came out.
    pub got: String,
    /// Whether that is right.
    pub verdict: Verdict,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { name, at, expected, got, verdict } = self;
        let at = if at.is_empty() { "error" } else { at };
        write!(f, "{name} {at} expected {expected} got {got} {verdict}")
    }
}

/// Every expectation of a vectors file, in file order.
#[derive(Clone, Debug)]
pub struct Report {
    outcomes: Vec<Outcome>,
}

impl Report {
    /// Every expectation.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// How many expectations came out that way.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }
}

/// One line per expectation, then the counts.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for outcome in &self.outcomes {
            writeln!(f, "{outcome}")?;
        }
        let count = |verdict| self.count(verdict);
        let (passed, failed, not_yet) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::NotYet));
        writeln!(f, "{passed} passed, {failed} failed, {not_yet} not yet")
    }
}

/// Runs the cases of a vectors file.
///
/// # Errors
/// [`InputError`] if the file itself is not a vectors file.
pub fn run(bytes: &[u8]) -> Result<Report, InputError> {
    let file = crate::input::parse(bytes)?;
    let cases = cases(&file)?;
    let mut outcomes = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        outcomes.extend(run_case(&format!("/vectors/{place}"), case)?);
    }
    Ok(Report { outcomes })
}

fn cases(file: &Json) -> Result<&[Json], InputError> {
    if file.get("schema").and_then(Json::as_str) != Some(VECTORS_SCHEMA) {
        return Err(refused(Code::UnsupportedSchema, "/schema", format!("must be {VECTORS_SCHEMA:?}")));
    }
    let cases = file.get("vectors").and_then(Json::as_array);
    cases.ok_or_else(|| refused(Code::MissingField, "/vectors", "must be an array of cases".to_owned()))
}

/// The whole answer to each case of a vectors file, by name: the printed result, or the printed error.
///
/// # Errors
/// [`InputError`] if the file itself is not a vectors file.
pub fn answers(bytes: &[u8]) -> Result<Vec<(String, Json)>, InputError> {
    let answer = |case: &Json| {
        let text = |key: &str| case.get(key).and_then(Json::as_str).unwrap_or_default();
        let answer = compute(text("command"), case).unwrap_or_else(|failure| failure.to_json());
        (text("name").to_owned(), answer)
    };
    Ok(cases(&crate::input::parse(bytes)?)?.iter().map(answer).collect())
}

fn refused(code: Code, path: &str, message: String) -> InputError {
    InputError { code, path: path.to_owned(), message }
}

fn run_case(path: &str, case: &Json) -> Result<Vec<Outcome>, InputError> {
    let text = |key: &str| {
        let message = || format!("{key} must be a string");
        case.get(key)
            .and_then(Json::as_str)
            .ok_or_else(|| refused(Code::BadField, &format!("{path}/{key}"), message()))
    };
    let name = text("name")?;
    let result = compute(text("command")?, case);
    if let Some(expected) = case.get("expect_error").and_then(Json::as_str) {
        let outcome = judge_error(name, expected, &result);
        return Ok(vec![outcome]);
    }
    let Some(expectations) = case.get("expect").and_then(Json::as_array) else {
        let message = "a case must have expect or expect_error".to_owned();
        return Err(refused(Code::MissingField, &format!("{path}/expect"), message));
    };
    let judged = expectations.iter().enumerate().map(|(place, expectation)| {
        judge(name, expectation, &result).ok_or_else(|| {
            let message = "must have at and value, and decimals for abs and rel".to_owned();
            refused(Code::BadField, &format!("{path}/expect/{place}"), message)
        })
    });
    judged.collect()
}

fn compute(command: &str, case: &Json) -> Result<Json, Failure> {
    let empty = Json::Object(Vec::new());
    let input = case.get("input").unwrap_or(&empty);
    match command {
        "run" => {
            let named: Option<Vec<&str>> = case
                .get("regimes")
                .and_then(Json::as_array)
                .map(|ids| ids.iter().filter_map(Json::as_str).collect());
            let ids = named.unwrap_or_else(|| Regime::built_ids().collect());
            let regimes: Vec<RegimeRef> = ids.into_iter().map(RegimeRef::Named).collect();
            Ok(crate::run_tree(input, &regimes)?.to_json())
        }
        "price" => crate::price_tree(input),
        "compare" => Ok(crate::compare_tree(input)?.to_json()),
        "coverage" => Ok(crate::coverage_tree(input)?),
        "backtest" => {
            let history = crate::History::from_rows(case.get("history").unwrap_or(&empty))?;
            let ids = case.get("regimes").and_then(Json::as_array).unwrap_or_default();
            let regimes: Vec<RegimeRef> = ids.iter().filter_map(Json::as_str).map(RegimeRef::Named).collect();
            Ok(crate::backtest_tree(input, &history, &regimes)?.to_json())
        }
        other => Err(Failure::NotYet(Part::Command { name: other.to_owned() })),
    }
}

fn judge_error(name: &str, expected: &str, result: &Result<Json, Failure>) -> Outcome {
    let (got, verdict) = match result {
        Ok(_) => ("a result".to_owned(), Verdict::Fail),
        Err(Failure::NotYet(part)) => (format!("({part})"), Verdict::NotYet),
        Err(Failure::Input(error)) => {
            let code = error.code.as_str();
            (code.to_owned(), if code == expected { Verdict::Pass } else { Verdict::Fail })
        }
    };
    Outcome { name: name.to_owned(), at: String::new(), expected: expected.to_owned(), got, verdict }
}

/// One expectation against the result; `None` if the expectation itself is malformed.
fn judge(name: &str, expectation: &Json, result: &Result<Json, Failure>) -> Option<Outcome> {
    let at = expectation.get("at")?.as_str()?;
    let expected = expectation.get("value")?.as_str()?;
    let tolerance = |key: &str| match expectation.get(key) {
        None => Some(Exact::default()),
        Some(json) => decimal(json.as_str()?),
    };
    let (abs, rel) = (tolerance("abs")?, tolerance("rel")?);
    let (got, verdict) = match result {
        Err(Failure::NotYet(part)) => (format!("({part})"), Verdict::NotYet),
        Err(Failure::Input(error)) => (error.code.as_str().to_owned(), Verdict::Fail),
        Ok(json) => {
            let got = json.pointer(at).map_or_else(|| "nothing".to_owned(), printed);
            let verdict = if within(expected, &got, &abs, &rel) { Verdict::Pass } else { Verdict::Fail };
            (got, verdict)
        }
    };
    Some(Outcome { name: name.to_owned(), at: at.to_owned(), expected: expected.to_owned(), got, verdict })
}

fn printed(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn decimal(text: &str) -> Option<Exact> {
    DecimalText::parse(text).ok().map(|decimal| decimal.exact())
}

/// |got − expected| ≤ abs + rel·|expected|; texts that are no decimals must be the same.
fn within(expected: &str, got: &str, abs: &Exact, rel: &Exact) -> bool {
    match (decimal(expected), decimal(got)) {
        (Some(expected), Some(got)) => (&got - &expected).abs() <= abs + rel * expected.abs(),
        (None, _) | (_, None) => expected == got,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_inclusive_and_exact() {
        let exact = |text: &str| decimal(text).unwrap();
        for (expected, got, abs, rel, want) in [
            ("100", "100.05", "0.05", "0", true),
            ("100", "100.050000001", "0.05", "0", false),
            ("-200", "-198", "0", "0.01", true),
            ("-200", "-197.99", "0", "0.01", false),
            ("0", "0", "0", "0", true),
            ("us-tims", "us-tims", "0", "0", true),
            ("1", "nothing", "1000", "1", false),
        ] {
            assert_eq!(within(expected, got, &exact(abs), &exact(rel)), want, "{expected} {got}");
        }
    }

    #[test]
    fn what_is_no_vectors_file_is_refused() {
        for (text, code) in [
            ("{", Code::MalformedJson),
            ("{}", Code::UnsupportedSchema),
            (r#"{"schema":"pledger.margin.vectors.v1"}"#, Code::MissingField),
            (r#"{"schema":"pledger.margin.vectors.v1","vectors":[{}]}"#, Code::BadField),
            (
                r#"{"schema":"pledger.margin.vectors.v1","vectors":[{"name":"a","command":"run"}]}"#,
                Code::MissingField,
            ),
        ] {
            assert_eq!(run(text.as_bytes()).unwrap_err().code, code, "{text}");
        }
    }
}
