#![allow(clippy::disallowed_methods, reason = "a test reads its golden file")]
//! The published cases: every one that this version can compute must come out.

use std::collections::BTreeSet;

use margin::vectors::{self, Report, Verdict};

fn report() -> Report {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/margin.json");
    vectors::run(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_case_passes_or_is_not_yet() {
    let report = report();
    let failed: Vec<String> = report
        .outcomes()
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::Fail)
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    println!("{}", report.to_string().lines().last().unwrap());
}
