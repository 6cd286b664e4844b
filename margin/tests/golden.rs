//! The published cases: each must come out.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads its golden files")]

use margin::vectors::{self, Report, Verdict};

fn report(file: &str) -> Report {
    let path = format!("{}/../tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let report = vectors::run(&std::fs::read(path).unwrap()).unwrap();
    let passes = |verdict: Verdict| verdict == Verdict::Pass;
    let failed = report.outcomes().iter().filter(|outcome| !passes(outcome.verdict));
    let failed: Vec<String> = failed.map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    report
}

#[test]
fn published_cases_pass() {
    assert_eq!(report("margin.json").count(Verdict::Pass), 404);
}

/// Books of linear instruments, computed by another program in another language: to the cent.
#[test]
fn independent_figures_are_the_same_to_the_cent() {
    assert!(report("margin-linear.json").count(Verdict::Pass) > 250);
}
