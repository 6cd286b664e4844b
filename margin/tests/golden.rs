//! The published cases: each one that this version computes must come out, and which ones it does
//! not compute is known by name.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads its golden files")]

use std::collections::BTreeSet;

use margin::vectors::{self, Outcome, Report, Verdict};

/// Cases of `price`, `coverage` and `backtest`, of rule books not computed, and of books with
/// options whose arrays are not given.
const NOT_YET: &str = "
cboe2007-ibm-long-straddle-portfolio cboe2007-ibm-long-vertical-call-portfolio
cboe2007-ibm-protective-put-portfolio cboe2007-ibm-short-call-portfolio
cboe2007-ibm-synthetic-long-portfolio cboe2007-spx-collar-spdr-portfolio
cboe2007-spx-covered-call-spdr-portfolio cboe2007-spx-risk-reversal-portfolio
cboe2007-spx-short-put-portfolio crr-american-a deribit-spm-btc-doc error-implied-vol
harmonized-cross-hedges haug-02 haug-04 haug-05 haug-07 haug-09 haug-10 haug-12 haug-14 haug-15
haug-17 haug-19 haug-20 haug-22 haug-24 haug-25 haug-27 haug-29 haug-30 haug-32 haug-34 haug-35
haug-37 haug-39 haug-40 haug-42 haug-greek-delta-call haug-greek-rho-call haug-greek-vega-call
implied-vol-black76 ladder-cross-hedges py-vollib-black76 py-vollib-bs-01 py-vollib-bs-03
py-vollib-bs-05 py-vollib-bs-06 py-vollib-bs-08 py-vollib-bs-10 py-vollib-bs-11 py-vollib-bs-13
py-vollib-bs-15 py-vollib-bs-16 py-vollib-bs-18 py-vollib-normalised-black
span-calendar-inter-short-call tims-group-offset";

fn report(file: &str) -> Report {
    let path = format!("{}/../tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let report = vectors::run(&std::fs::read(path).unwrap()).unwrap();
    let failed: Vec<String> = of(&report, Verdict::Fail).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    report
}

fn of(report: &Report, verdict: Verdict) -> impl Iterator<Item = &Outcome> {
    report.outcomes().iter().filter(move |outcome| outcome.verdict == verdict)
}

#[test]
fn published_cases_pass_or_are_not_yet_by_name() {
    let report = report("margin.json");
    let not_yet: BTreeSet<&str> = of(&report, Verdict::NotYet).map(|outcome| outcome.name.as_str()).collect();
    let known: BTreeSet<&str> = NOT_YET.split_ascii_whitespace().collect();
    assert_eq!(not_yet, known);
    assert_eq!(report.count(Verdict::Pass), 169);
}

/// Books of linear instruments, computed by another program in another language: to the cent.
#[test]
fn independent_figures_are_the_same_to_the_cent() {
    let report = report("margin-linear.json");
    assert_eq!(report.count(Verdict::NotYet), 0);
    assert!(report.count(Verdict::Pass) > 250);
}
