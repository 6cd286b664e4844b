//! Runs seeds of the simulator until one fails.
//!
//! `cargo run --release -p tests --bin simulate -- --seeds 2000 --start 0`

use std::process::ExitCode;

use tests::simulation::{self, Totals};

/// Seeds between two lines of progress.
const TOLD_EVERY: u64 = 100;

const USAGE: &str = "simulate --seeds N [--start S]";

fn main() -> ExitCode {
    let Some((seeds, start)) = arguments() else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    println!("seeds {start} to {}", start.saturating_add(seeds).saturating_sub(1));
    let mut totals = Totals::default();
    for (done, seed) in (1..).zip(start..start.saturating_add(seeds)) {
        match simulation::run(seed) {
            Ok(counted) => totals.join(&counted),
            Err(failure) => {
                println!("{failure}");
                println!("again: simulate --seeds 1 --start {seed}");
                println!("simulation: {} passed, 1 failed", done - 1);
                return ExitCode::FAILURE;
            }
        }
        if done % TOLD_EVERY == 0 {
            println!(
                "{done} seeds, {} commands, {} power cuts",
                totals.of("commands"),
                totals.of("power cuts")
            );
        }
    }
    println!("{totals}");
    println!("simulation: {seeds} passed, 0 failed");
    ExitCode::SUCCESS
}

/// How many seeds, and the first.
fn arguments() -> Option<(u64, u64)> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let (mut seeds, mut start) = (None, 0);
    for pair in given.chunks(2) {
        let [name, value] = pair else { return None };
        let value = value.parse().ok()?;
        match name.as_str() {
            "--seeds" => seeds = Some(value),
            "--start" => start = value,
            _ => return None,
        }
    }
    Some((seeds?, start))
}
