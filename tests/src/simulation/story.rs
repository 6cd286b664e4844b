//! What a run tells: counts, and if something is wrong, what and how it came to that.

use std::collections::BTreeMap;
use std::fmt;

/// What was looked at when something was found wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Check {
    /// Each command is answered as the model says.
    Answers,
    /// A receipt tells what was recorded and changed, and the same each time.
    Receipts,
    /// No answer leaves before what it rests on is durable.
    CommitPoint,
    /// The ledger goes on while nothing is wrong with the machine.
    Service,
    /// The ledger opens after a crash that damaged nothing durable.
    Opening,
    /// Every acknowledged record is there, byte for byte.
    Durability,
    /// Nothing is recorded that was refused or never asked, and a batch is there whole or not at all.
    Recorded,
    /// Every document that a record names is there.
    Documents,
    /// The state is the model's.
    State,
    /// The invariants that the state alone can show.
    Audit,
    /// The log's tree is that of the records, and extends every tree that was published.
    Tree,
    /// Without its snapshots, or with damaged ones, the ledger is the same.
    Snapshots,
    /// Damage is found and never served.
    Damage,
    /// Nothing panics.
    Panic,
}

/// Counts of a run, by what was counted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Totals(pub BTreeMap<&'static str, u64>);

impl Totals {
    /// Adds to a count.
    pub fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// Adds one.
    pub fn one(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// A count.
    #[must_use]
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds another run's counts.
    pub fn join(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.add(what, *count);
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counts = self.0.iter().map(|(what, count)| format!("{what} {count}"));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// Something is wrong.
#[derive(Debug)]
pub struct Failure {
    /// The run that shows it.
    pub seed: u64,
    /// What was looked at.
    pub check: Check,
    /// What was found.
    pub what: String,
    /// What happened before, in order.
    pub story: Vec<String>,
}

/// Events told before a failure; the seed tells the rest.
const TOLD: usize = 40;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { seed, check, what, story } = self;
        let untold = story.len().saturating_sub(TOLD);
        if untold > 0 {
            writeln!(f, "  … {untold} events before")?;
        }
        for event in &story[untold..] {
            writeln!(f, "  {event}")?;
        }
        write!(f, "seed {seed}: {check:?}: {what}")
    }
}
