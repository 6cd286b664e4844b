//! Hostile bytes, a bounded run of each target of [`tests::fuzz`], always the same inputs.
//!
//! The long run is a program: `cargo run --release -p tests --bin fuzz`.

use std::collections::BTreeSet;

use tests::fuzz::{Target, targets};

const SEED: u64 = 1;

/// Changed inputs of the cheapest targets.
const ITERATIONS: u64 = 2_000;

/// Runs every other target, so that two tests share the work.
fn run_half(first: usize) {
    for target in targets().iter().skip(first).step_by(2) {
        match target.run(SEED, target.share(ITERATIONS), |_| {}) {
            Ok(tally) => {
                println!("{}: {tally:?}", target.name);
                assert!(tally.examples_accepted > 0, "{}: no example is accepted", target.name);
            }
            Err(broken) => panic!("{broken}"),
        }
    }
}

#[test]
fn every_other_target_holds() {
    run_half(0);
}

#[test]
fn the_other_targets_hold() {
    run_half(1);
}

#[test]
fn names_are_unique_and_one_seed_tries_the_same() {
    let targets = targets();
    let names: BTreeSet<&str> = targets.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), targets.len());
    let decimal: Vec<&Target> = targets.iter().filter(|target| target.name == "decimal").collect();
    let seen = |seed: u64| {
        let mut inputs = Vec::new();
        decimal[0].run(seed, 50, |input| inputs.push(input.to_vec())).expect("decimals hold");
        inputs
    };
    assert!(seen(1) == seen(1) && seen(1) != seen(2));
}
