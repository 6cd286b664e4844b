//! Worked cases: a file of inputs and what must come out of them.
//!
//! Expected answers are compared as a subset: each expected member present and equal, arrays of the
//! same length element by element. A case that needs a part not built yet says so, is counted apart,
//! and is no failure.
//!
//! Source: specs/calls.md §4.

mod ops;

use crate::json::{Json, read};

/// The format that a file must name.
pub const FORMAT: &str = "pledger/vectors/calls/v1";

/// Ops whose part is not built yet.
const NOT_YET: [&str; 7] =
    ["interest", "reuse", "day_sheet", "weekly_digital", "waterfall", "allocate", "import"];

/// How a case came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// As expected.
    Pass,
    /// Otherwise.
    Fail,
    /// Its part is not built.
    NotYet,
}

/// One case, run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// What was expected, as canonical JSON.
    pub expected: String,
    /// What came out, as canonical JSON cut to the members expected, or `not yet`.
    pub got: String,
    /// How it came out.
    pub outcome: Outcome,
}

/// All cases of a file, run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// In the order of the file.
    pub cases: Vec<CaseResult>,
}

/// The file is not a file of vectors.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a file of format {FORMAT}: {reason}")]
pub struct VectorsError {
    /// What is wrong with it.
    pub reason: String,
}

impl Report {
    /// How many came out so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }

    /// One line for each case: name, expected, got, outcome, separated by tabs; then the counts.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            let outcome = match case.outcome {
                Outcome::Pass => "pass",
                Outcome::Fail => "FAIL",
                Outcome::NotYet => "not yet",
            };
            text.push_str(&format!("{}\t{}\t{}\t{outcome}\n", case.name, case.expected, case.got));
        }
        let (pass, fail) = (self.count(Outcome::Pass), self.count(Outcome::Fail));
        let not_yet = match self.count(Outcome::NotYet) {
            0 => String::new(),
            count => format!(", {count} not yet"),
        };
        text.push_str(&format!("{pass} of {} pass{not_yet}\n", pass + fail));
        text
    }
}

/// Runs every case of a file.
///
/// # Errors
/// [`VectorsError`] if it is not JSON, names another format, or a case lacks its name, op, input or
/// expectation.
pub fn run(bytes: &[u8]) -> Result<Report, VectorsError> {
    let broken = |reason: &str| VectorsError { reason: reason.to_owned() };
    let file = read(bytes).map_err(|error| broken(&error.to_string()))?;
    if file.get("format").and_then(Json::as_str) != Some(FORMAT) {
        return Err(broken("its member format says otherwise"));
    }
    let vectors = file.get("vectors").and_then(Json::as_array).ok_or_else(|| broken("no member vectors"))?;
    let run_one = |(place, vector): (usize, &Json)| {
        run_case(vector).ok_or_else(|| broken(&format!("vector {place} lacks name, op, input or expect")))
    };
    Ok(Report { cases: vectors.iter().enumerate().map(run_one).collect::<Result<_, _>>()? })
}

fn run_case(vector: &Json) -> Option<CaseResult> {
    let text = |key| vector.get(key).and_then(Json::as_str);
    let (name, op) = (text("name")?.to_owned(), text("op")?);
    let expected = vector.get("expect").filter(|expect| expect.as_object().is_some())?;
    let input = match (vector.get("input"), text("input_text")) {
        (Some(input), _) => Ok(input),
        (None, Some(text)) => Err(text),
        (None, None) => return None,
    };
    if NOT_YET.contains(&op) {
        let (expected, got) = (expected.to_jcs(), "not yet".to_owned());
        return Some(CaseResult { name, expected, got, outcome: Outcome::NotYet });
    }
    let got = match ops::run(op, input) {
        Ok(answer) => Json::object([("ok", answer)]),
        Err(error) => error,
    };
    let outcome = if covers(&got, expected) { Outcome::Pass } else { Outcome::Fail };
    Some(CaseResult { name, expected: expected.to_jcs(), got: cut(&got, expected).to_jcs(), outcome })
}

/// Whether `got` has everything that is expected.
fn covers(got: &Json, expected: &Json) -> bool {
    match (got, expected) {
        (Json::Object(_), Json::Object(members)) => {
            members.iter().all(|(key, value)| got.get(key).is_some_and(|got| covers(got, value)))
        }
        (Json::Array(got), Json::Array(expected)) => {
            got.len() == expected.len()
                && got.iter().zip(expected).all(|(got, expected)| covers(got, expected))
        }
        _ => got == expected,
    }
}

/// `got`, without the members that nothing is expected of. What differs in kind is kept whole.
fn cut(got: &Json, expected: &Json) -> Json {
    match (got, expected) {
        (Json::Object(members), Json::Object(wanted))
            if wanted.iter().any(|(key, _)| got.get(key).is_some()) =>
        {
            Json::object(members.iter().filter_map(|(key, value)| {
                expected.get(key).map(|expected| (key.clone(), cut(value, expected)))
            }))
        }
        (Json::Array(got), Json::Array(expected)) if got.len() == expected.len() => {
            Json::array(got.iter().zip(expected).map(|(got, expected)| cut(got, expected)))
        }
        _ => got.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_subsets() {
        let tree = |text: &str| read(text.as_bytes()).unwrap();
        for (got, expected, want) in [
            (r#"{"a":"1","b":"2"}"#, r#"{"a":"1"}"#, true),
            (r#"{"b":"2"}"#, r#"{"a":"1"}"#, false),
            (r#"[{"a":"1","b":"2"}]"#, r#"[{"b":"2"}]"#, true),
            (r#"["1","2"]"#, r#"["1"]"#, false),
            (r#"{"error":{"code":"x"}}"#, r#"{"error":{}}"#, true),
            (r#"{"ok":"1"}"#, r#"{"error":{}}"#, false),
            (r#""1""#, "true", false),
        ] {
            assert_eq!(covers(&tree(got), &tree(expected)), want, "{got} {expected}");
        }
    }

    #[test]
    fn unreadable_files_are_told_apart_from_failing_ones() {
        assert!(run(b"{").is_err());
        assert!(run(br#"{"format":"other","vectors":[]}"#).is_err());
        assert!(run(br#"{"format":"pledger/vectors/calls/v1","vectors":[{"name":"x"}]}"#).is_err());
        let report = run(
            br#"{"format":"pledger/vectors/calls/v1","vectors":[
            {"name":"good","op":"round","input":{"amount":"1","unit":"1","mode":"up"},"expect":{"ok":{"rounded":"1"}}},
            {"name":"bad","op":"round","input":{"amount":"1","unit":"0","mode":"up"},"expect":{"ok":{"rounded":"1"}}},
            {"name":"odd","op":"fly","input":{},"expect":{"ok":{}}},
            {"name":"late","op":"reuse","input":{},"expect":{"ok":{}}}]}"#,
        )
        .unwrap();
        let outcomes: Vec<Outcome> = report.cases.iter().map(|case| case.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail, Outcome::Fail, Outcome::NotYet]);
        assert!(report.to_text().ends_with("1 of 3 pass, 1 not yet\n"));
    }
}
