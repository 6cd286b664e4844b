//! Runs worked cases: what a file says must come out, against what does.
//!
//! A case that needs a part not built yet is counted apart, never as passed.
//!
//! Source: specs/custody.md §6.

use std::fmt;

use ledger::json::Json;

use crate::coverage::Coverage;
use crate::refusal::{Refusal, RefusalCode, error_json};
use crate::shape::{self, INPUT_BYTES_MAX};
use crate::statement::{Outcome, read_typed};
use crate::{LedgerExtract, ReconcileError, reconcile, reserves, sla, statement};

/// The format that a vectors file names.
pub const FORMAT: &str = "pledger/vectors/custody/v1";

/// How a case went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// What was expected came out.
    Pass,
    /// Something else did.
    Fail,
    /// The part it needs is not built.
    NotYet,
}

/// One case and how it went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// The case's name.
    pub name: String,
    /// What the file expects, `{"ok"}` or `{"error"}`.
    pub expected: Json,
    /// What came out, in the same form; nothing where the part is not built.
    pub got: Option<Json>,
    /// How it went.
    pub verdict: Verdict,
}

/// All cases of one or several files. `Display` prints one line each and the counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// In the order of the files.
    pub cases: Vec<Case>,
}

impl Report {
    /// How many cases went that way.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }
}

/// One line per case, then what is not built yet if anything, last `N of M pass`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for Case { name, expected, got, verdict } in &self.cases {
            match (verdict, got) {
                (Verdict::NotYet, _) | (_, None) => writeln!(f, "{name}: expected {expected}, not yet")?,
                (Verdict::Pass, Some(got)) => writeln!(f, "{name}: expected {expected}, got {got}, pass")?,
                (Verdict::Fail, Some(got)) => writeln!(f, "{name}: expected {expected}, got {got}, FAIL")?,
            }
        }
        let (pass, fail) = (self.count(Verdict::Pass), self.count(Verdict::Fail));
        let not_yet = self.count(Verdict::NotYet);
        if not_yet > 0 {
            writeln!(f, "{not_yet} not yet")?;
        }
        writeln!(f, "{pass} of {} pass", pass + fail)
    }
}

/// Whether a file says that it holds these vectors.
#[must_use]
pub fn is_vectors_file(bytes: &[u8]) -> bool {
    shape::tree(bytes).is_ok_and(|tree| tree.get("format").and_then(Json::as_str) == Some(FORMAT))
}

/// Runs all cases of a file.
///
/// # Errors
/// [`Refusal`] if it is no vectors file: not JSON, another format, or a case without a name, an
/// operation, an input or exactly one expectation.
pub fn run(bytes: &[u8]) -> Result<Report, Refusal> {
    let tree = shape::tree(bytes)?;
    if tree.get("format").and_then(Json::as_str) != Some(FORMAT) {
        let message = format!("not of the format {FORMAT}");
        return Err(Refusal::new(RefusalCode::UnsupportedFormat, "/format", message));
    }
    let vectors = tree.get("vectors").and_then(Json::as_array);
    let vectors =
        vectors.ok_or_else(|| Refusal::new(RefusalCode::MissingField, "/vectors", "an array is needed"))?;
    let cases = vectors.iter().enumerate().map(|(place, vector)| {
        case(vector).ok_or_else(|| {
            let message = "a case has name, op, input and expect with ok or error";
            Refusal::new(RefusalCode::SchemaInvalid, format!("/vectors/{place}"), message)
        })
    });
    Ok(Report { cases: cases.collect::<Result<_, _>>()? })
}

fn case(vector: &Json) -> Option<Case> {
    let name = vector.get("name")?.as_str()?.to_owned();
    let op = vector.get("op")?.as_str()?;
    let (input, expected) = (vector.get("input")?, vector.get("expect")?);
    if expected.get("ok").is_some() == expected.get("error").is_some() {
        return None;
    }
    let Some(outcome) = answer(op, input) else {
        return Some(Case { name, expected: expected.clone(), got: None, verdict: Verdict::NotYet });
    };
    let got = match outcome {
        Ok(ok) => Json::object([("ok", ok)]),
        Err(error) => Json::object([("error", error)]),
    };
    let verdict = if is_subset(expected, &got) { Verdict::Pass } else { Verdict::Fail };
    Some(Case { name, expected: expected.clone(), got: Some(got), verdict })
}

/// Operations whose parts are not built.
const NOT_YET: [&str; 4] = ["observe_bitcoin", "observe_ethereum", "control_hash", "control"];

/// What our own code says to the case; `None` if the part is not built.
fn answer(op: &str, input: &Json) -> Option<Result<Json, Json>> {
    match op {
        "parse" => parse(input),
        "reconcile" => Some(run_reconcile(input)),
        "sla" => Some(sla::answer(input).map_err(|refusal| refusal.to_json())),
        "sum_tree" => Some(reserves::sum_tree(input).map_err(|error| error.to_json())),
        "inclusion_prove" => Some(reserves::inclusion_prove(input).map_err(|error| error.to_json())),
        "inclusion_verify" => Some(reserves::inclusion_verify(input).map_err(|error| error.to_json())),
        "coverage" => Some(Coverage::from_json(input).map(|c| c.to_json()).map_err(|error| error.to_json())),
        _ if NOT_YET.contains(&op) => None,
        _ => Some(Err(error_json("unknown_op", "/op", "no such operation"))),
    }
}

/// Only the signed form is built. `content` is taken `repeat` times, if that is given.
fn parse(input: &Json) -> Option<Result<Json, Json>> {
    if input.get("format").and_then(Json::as_str) != Some(statement::json::FORMAT) {
        return None;
    }
    let content = input.get("content")?.as_str()?;
    let repeat = match input.get("repeat") {
        Some(repeat) => repeat.as_str()?.parse().ok()?,
        None => 1_usize,
    };
    // One byte above the limit is as much too large as any more.
    let repeat = repeat.min(INPUT_BYTES_MAX / content.len().max(1) + 1);
    Some(match Outcome::from(statement::json::read(content.repeat(repeat).as_bytes())) {
        Outcome::Refused(refusal) => Err(refusal.to_json()),
        read @ Outcome::Read(_) => Ok(read.to_json()),
    })
}

fn run_reconcile(input: &Json) -> Result<Json, Json> {
    let missing = |key: &str| error_json("missing_field", &format!("/{key}"), "this member is needed");
    let extract = input.get("ledger").ok_or_else(|| missing("ledger"))?;
    let extract = LedgerExtract::from_json(extract).map_err(|refusal| refusal.to_json())?;
    let typed = input.get("statements").and_then(Json::as_array).ok_or_else(|| missing("statements"))?;
    let read = typed.iter().enumerate().map(|(place, json)| {
        read_typed(json).map_err(|refusal| ReconcileError::unread(place, &refusal).to_json())
    });
    let statements = read.collect::<Result<Vec<_>, _>>()?;
    reconcile(&extract, &statements).map(|result| result.to_json()).map_err(|error| error.to_json())
}

/// Whether all that `expected` names stands in `got`: members by name, elements one by one and
/// equally many, texts equal.
fn is_subset(expected: &Json, got: &Json) -> bool {
    match (expected, got) {
        (Json::Object(members), Json::Object(_)) => {
            members.iter().all(|(key, want)| got.get(key).is_some_and(|got| is_subset(want, got)))
        }
        (Json::Array(wanted), Json::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(want, got)| is_subset(want, got))
        }
        (expected, got) => expected == got,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &[u8] = include_bytes!("../../tests/golden/custody.json");

    /// Cases of the golden file whose part is not built: readers of formats, chains, control.
    fn waits(case: &Json) -> bool {
        let op = case.get("op").and_then(Json::as_str).unwrap();
        op == "parse" || NOT_YET.contains(&op)
    }

    #[test]
    fn golden_cases_pass_and_the_others_are_named() {
        let report = run(GOLDEN).unwrap();
        let failed: Vec<_> = report.cases.iter().filter(|case| case.verdict == Verdict::Fail).collect();
        assert_eq!(failed, [] as [&Case; 0]);
        let tree = ledger::json::read(GOLDEN).unwrap();
        let vectors = tree.get("vectors").and_then(Json::as_array).unwrap();
        for (case, vector) in report.cases.iter().zip(vectors) {
            assert_eq!(case.verdict == Verdict::NotYet, waits(vector), "{}", case.name);
        }
        let counts = [Verdict::Pass, Verdict::NotYet].map(|verdict| report.count(verdict));
        assert_eq!(counts, [30, 53]);
        assert!(report.to_string().ends_with("53 not yet\n30 of 30 pass\n"));
    }

    #[test]
    fn expectations_are_subsets() {
        for (expected, got, want) in [
            (r#"{"error":{}}"#, r#"{"error":{"code":"x"}}"#, true),
            (r#"{"error":{}}"#, r#"{"ok":{}}"#, false),
            (r#"{"ok":{"a":[{"b":"1"}]}}"#, r#"{"ok":{"a":[{"b":"1","c":"2"}],"d":"3"}}"#, true),
            (r#"{"ok":{"a":[]}}"#, r#"{"ok":{"a":["1"]}}"#, false),
            (r#"{"ok":{"a":"1"}}"#, r#"{"ok":{"a":"01"}}"#, false),
            (r#"{"ok":{"a":true}}"#, r#"{"ok":{"a":"true"}}"#, false),
            (r#"{"ok":{"a":"1"}}"#, r#"{"ok":{}}"#, false),
        ] {
            let read = |text: &str| ledger::json::read(text.as_bytes()).unwrap();
            assert_eq!(is_subset(&read(expected), &read(got)), want, "{expected} {got}");
        }
    }

    #[test]
    fn what_is_no_vectors_file_is_refused() {
        for (text, code) in [
            ("", "schema_invalid"),
            ("[]", "unsupported_format"),
            (r#"{"format":"pledger/vectors/calls/v1","vectors":[]}"#, "unsupported_format"),
            (r#"{"format":"pledger/vectors/custody/v1"}"#, "missing_field"),
            (r#"{"format":"pledger/vectors/custody/v1","vectors":[{}]}"#, "schema_invalid"),
        ] {
            assert_eq!(run(text.as_bytes()).unwrap_err().code.code(), code, "{text}");
            assert!(text.contains("custody") || !is_vectors_file(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_goes_wrong_is_a_failure_and_what_is_unknown_too() {
        let run = |op: &str, expect: &str| {
            let text = format!(
                r#"{{"format":"{FORMAT}","vectors":[{{"name":"n","op":"{op}","input":{{}},"expect":{expect}}}]}}"#
            );
            super::run(text.as_bytes()).unwrap()
        };
        assert_eq!(run("sum_tree", r#"{"error":{}}"#).count(Verdict::Pass), 1);
        assert_eq!(run("sum_tree", r#"{"ok":{}}"#).count(Verdict::Fail), 1);
        assert_eq!(run("sum_tre", r#"{"ok":{}}"#).count(Verdict::Fail), 1);
        assert_eq!(run("control", r#"{"ok":{}}"#).count(Verdict::NotYet), 1);
        let report = run("reconcile", r#"{"ok":{}}"#).to_string();
        assert!(
            report.starts_with(r#"n: expected {"ok":{}}, got {"error":{"code":"missing_field""#),
            "{report}"
        );
        assert!(report.ends_with("FAIL\n0 of 1 pass\n"), "{report}");
    }

    #[test]
    fn signed_statements_are_parsed_however_often_repeated() {
        let vector = |content: &str, repeat: &str| {
            let text = format!(r#"{{"format":"custodian_json","content":"{content}","repeat":"{repeat}"}}"#);
            parse(&ledger::json::read(text.as_bytes()).unwrap())
        };
        let code = |answer: Option<Result<Json, Json>>| {
            answer.unwrap().unwrap_err().get("code").and_then(Json::as_str).unwrap().to_owned()
        };
        assert_eq!(code(vector("[]", "18446744073709551615")), "too_large");
        assert_eq!(code(vector("[]", "1")), "schema_invalid");
        assert_eq!(code(vector("", "9")), "schema_invalid");
    }
}
