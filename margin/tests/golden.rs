//! The published cases: each one that this version computes must come out, and which ones it does
//! not compute is known by name.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads its golden files")]

use std::collections::BTreeSet;

use margin::vectors::{self, Outcome, Report, Verdict};

/// Cases of `coverage` and `backtest`, and of rule books not computed.
const NOT_YET: &str = "
backtest-two-underlyings broker-collar broker-reverse-conversion broker-spread-bear-call
broker-spread-bull-put broker-spread-short-put-butterfly cboe2007-ibm-long-straddle-strategy
cboe2007-ibm-long-vertical-call-strategy cboe2007-ibm-protective-put-strategy
cboe2007-ibm-short-call-strategy cboe2007-ibm-synthetic-long-strategy
cboe2007-spx-collar-spdr-strategy cboe2007-spx-covered-call-spdr-strategy
cboe2007-spx-risk-reversal-strategy cboe2007-spx-short-put-strategy coverage-none
coverage-twenty-in-252 finra-09-53-leveraged-long regt-naked-call regt-naked-put-209
regt-naked-put-gm regt-pairing-covered-and-spread regt-pairing-naked-cheaper-than-spread
regt-put-credit-spread regt-short-butterfly regt-short-combination";

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
    assert_eq!(report.count(Verdict::Pass), 299);
}

/// Books of linear instruments, computed by another program in another language: to the cent.
#[test]
fn independent_figures_are_the_same_to_the_cent() {
    let report = report("margin-linear.json");
    assert_eq!(report.count(Verdict::NotYet), 0);
    assert!(report.count(Verdict::Pass) > 250);
}
