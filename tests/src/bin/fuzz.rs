//! The long run of the parsers' laws: `cargo run --release -p tests --bin fuzz -- --iterations 100000`.
//!
//! `--target NAME` runs one target, `--seed S` another sequence of inputs; the same seed tries the same
//! inputs. An input that breaks a law is made as short as it can be and printed; exit code 1. An input
//! that takes longer than ten seconds is printed while it is being read.

use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tests::fuzz::{Target, targets};

/// How long an input may take before it is shown.
const SLOW: Duration = Duration::from_secs(10);

struct Asked {
    target: Option<String>,
    iterations: u64,
    seed: u64,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { target: None, iterations: 100_000, seed: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{name} {value}: {error}"));
        match name.as_str() {
            "--target" => asked.target = Some(value),
            "--iterations" => asked.iterations = number()?,
            "--seed" => asked.seed = number()?,
            _ => return Err(format!("{name}: give --target NAME, --iterations N or --seed S")),
        }
    }
    Ok(asked)
}

/// The input being read, and since when.
type Current = Arc<Mutex<(Instant, Vec<u8>)>>;

/// Runs a target and prints what it tried; whether every law held.
fn run(target: &Target, asked: &Asked) -> bool {
    let current: Current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let (done, waiting) = channel::<()>();
    let watched = Arc::clone(&current);
    let name = target.name;
    let watch = std::thread::spawn(move || {
        while waiting.recv_timeout(SLOW) == Err(RecvTimeoutError::Timeout) {
            let (since, input) = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if since.elapsed() >= SLOW {
                println!("{name}: {} s so far: b\"{}\"", since.elapsed().as_secs(), input.escape_ascii());
            }
        }
    });
    let mut slowest = (Duration::ZERO, 0);
    let outcome = target.run(asked.seed, target.share(asked.iterations), |input| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        slowest = slowest.max((current.0.elapsed(), current.1.len()));
        *current = (Instant::now(), input.to_vec());
    });
    drop(done);
    let watched = watch.join();
    let (longest, bytes) = slowest;
    let held = match outcome {
        Ok(tally) => {
            let tests::fuzz::Tally { examples, examples_accepted, tried, accepted } = tally;
            println!(
                "{name:16} examples {examples_accepted:4} of {examples:4} accepted, changed {accepted:8} of \
                 {tried:8}; slowest {:6} us, {bytes} bytes",
                longest.as_micros()
            );
            true
        }
        Err(broken) => {
            std::panic::set_hook(Box::new(|_| {}));
            print!("{}", target.shrink(*broken));
            let _ = std::panic::take_hook();
            false
        }
    };
    held && watched.is_ok()
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let targets = targets();
    let wanted: Vec<&Target> = targets
        .iter()
        .filter(|target| asked.target.as_deref().is_none_or(|name| name == target.name))
        .collect();
    if wanted.is_empty() {
        let names: Vec<&str> = targets.iter().map(|target| target.name).collect();
        eprintln!("no such target; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let held = wanted.iter().filter(|target| run(target, &asked)).count();
    println!("{held} of {} targets held, seed {}", wanted.len(), asked.seed);
    ExitCode::from(u8::from(held < wanted.len()))
}
