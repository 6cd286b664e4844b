//! Hostile bytes for every parser that takes bytes from outside.
//!
//! A [`Target`] is one parser with a corpus of good and bad examples and the laws of what it makes of
//! them. The corpus comes from the golden files and from what this program prints itself; [`mutate`]
//! changes it by a seed, so that each run of one seed tries the same inputs. What must hold of every
//! target:
//!
//! - it never panics, and it ends;
//! - what it accepts, it prints back: to the same bytes where the format has one spelling, else to
//!   something that it reads as the same thing;
//! - a list it reads has no more items than the input has room for.
//!
//! How long an input takes is no law, because a clock is no judge: the long run shows the slowest.
//!
//! The bounded run is a test (`tests/it/fuzz.rs`), the long one a program (`tests/src/bin/fuzz.rs`).
//! An input that breaks a law becomes a test of its own, beside the parser.

pub mod corpus;
mod custody;
mod disturb;
mod documents;
mod http;
mod log;
mod margin;
mod mutate;
mod rules;
mod signed;
mod stores;
mod texts;
mod witness;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ledger::store::simulated::Rng;

pub use mutate::mutate;

/// The longest input that is tried, in bytes.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// What a parser made of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// It took them, and the laws of what it takes hold.
    Accepted,
    /// It refused them.
    Refused,
}

impl Reading {
    fn of<T, E>(read: &Result<T, E>) -> Self {
        if read.is_ok() { Self::Accepted } else { Self::Refused }
    }
}

/// How inputs are changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As bytes.
    Bytes,
    /// As bytes, and as a JSON tree that is printed in its canonical form again.
    Json,
}

/// What one reading costs, so that all targets take their share of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cost {
    /// Microseconds.
    Light,
    /// A tenth as many inputs are tried.
    Middle,
    /// A fiftieth.
    Heavy,
}

/// A parser, its examples, and the laws of what it accepts.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// How its inputs are changed.
    pub form: Form,
    /// What one reading costs.
    pub cost: Cost,
    /// Examples; at least one is accepted.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// Reads bytes, and asserts what must hold of what was read.
    pub read: fn(&[u8]) -> Reading,
}

/// Every target.
#[must_use]
pub fn targets() -> Vec<Target> {
    let groups: [&[Target]; 10] = [
        &texts::TARGETS,
        &signed::TARGETS,
        &log::TARGETS,
        &documents::TARGETS,
        &rules::TARGETS,
        &custody::TARGETS,
        &margin::TARGETS,
        &stores::TARGETS,
        &http::TARGETS,
        &witness::TARGETS,
    ];
    groups.concat()
}

/// What a run of one target tried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Examples of the corpus.
    pub examples: u64,
    /// Those that were accepted.
    pub examples_accepted: u64,
    /// Changed inputs.
    pub tried: u64,
    /// Those that were accepted.
    pub accepted: u64,
}

/// An input that broke a law.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// The target.
    pub target: &'static str,
    /// The input.
    pub input: Vec<u8>,
    /// What the panic said.
    pub message: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { target, input, message } = self;
        writeln!(f, "{target}: {message}")?;
        writeln!(f, "{} bytes: b\"{}\"", input.len(), input.escape_ascii())
    }
}

impl Target {
    /// How many changed inputs of a run that tries `iterations` of the cheapest target.
    #[must_use]
    pub fn share(&self, iterations: u64) -> u64 {
        match self.cost {
            Cost::Light => iterations,
            Cost::Middle => iterations.div_ceil(10),
            Cost::Heavy => iterations.div_ceil(50),
        }
    }

    /// Reads the whole corpus, then changed inputs. `before` is shown each input before it is read.
    ///
    /// # Errors
    /// The first input that broke a law.
    pub fn run(
        &self,
        seed: u64,
        iterations: u64,
        mut before: impl FnMut(&[u8]),
    ) -> Result<Tally, Box<Broken>> {
        let corpus = (self.corpus)();
        let mut tally = Tally::default();
        for example in &corpus {
            before(example);
            tally.examples += 1;
            tally.examples_accepted += u64::from(self.try_one(example)? == Reading::Accepted);
        }
        let named = self.name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
        let mut rng = Rng::new(named);
        for _ in 0..iterations {
            let input = mutate(&corpus, self.form, &mut rng);
            before(&input);
            tally.tried += 1;
            tally.accepted += u64::from(self.try_one(&input)? == Reading::Accepted);
        }
        Ok(tally)
    }

    /// Reads one input.
    ///
    /// # Errors
    /// If it broke a law.
    pub fn try_one(&self, input: &[u8]) -> Result<Reading, Box<Broken>> {
        catch_unwind(AssertUnwindSafe(|| (self.read)(input))).map_err(|panic| {
            Box::new(Broken { target: self.name, input: input.to_vec(), message: said(&*panic) })
        })
    }

    /// The input with every piece taken out that it takes not to break a law.
    #[must_use]
    pub fn shrink(&self, broken: Broken) -> Broken {
        let mut least = broken;
        let mut step = least.input.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < least.input.len() {
                let end = (at + step).min(least.input.len());
                let shorter = [&least.input[..at], &least.input[end..]].concat();
                match self.try_one(&shorter) {
                    Err(still) => least = *still,
                    Ok(_) => at = end,
                }
            }
            if step == 1 {
                return least;
            }
            step = step.div_ceil(2);
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
