//! The deterministic simulator: one seed, one thread, the whole ledger and everything that can happen to
//! it.
//!
//! A run is several lives of one ledger. In each life clients send commands through the real intake into
//! the real sequencer's queue, the sequencer is stepped, and every answer is compared with what the
//! [model](crate::model) says. Meanwhile clocks jump, disks fill, syncs fail and the power goes at any
//! operation of the disk, also while the ledger opens. After each crash the ledger is opened by the real
//! recovery and compared, record by record, with what was acknowledged; copies of its disk are damaged,
//! and the damage has to be found.
//!
//! - `workload` makes what clients ask, by chance and by what the model knows.
//! - `clients` holds what the outside has in hand: what was sent, which answers came.
//! - `machine` is what a crash leaves standing; `clock` its time.
//! - `life` is one life, `answers` compares what it gives, `recovery` what follows it, `damage` what is done to copies, `ending` the last act.
//! - `story` is what is told.

mod answers;
mod clients;
mod clock;
mod damage;
mod ending;
mod life;
mod machine;
mod recovery;
#[cfg(test)]
mod stories;
mod story;
mod tree;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ledger::store::simulated::Rng;

pub use story::{Check, Failure, Totals};

use crate::model::Model;
use clients::Clients;
use clock::SimulatedClock;
use machine::{Keeping, Machine};
use workload::Workload;

/// 2026-01-05T09:00:00.000Z.
const START: u64 = 1_767_603_600_000;

/// What was found wrong; the run adds seed and story.
type Found = (Check, String);

/// One run.
struct Run {
    rng: Rng,
    machine: Machine,
    workload: Workload,
    clients: Clients,
    model: Model,
    /// Steps of a life, about.
    steps_max: u64,
    /// Commands that arrive together, at most.
    crowd: u64,
    /// The clock's last reading that the sequencer of this life believed: time of day, time passed.
    believed: Option<(u64, u64)>,
    totals: Totals,
    story: Vec<String>,
}

/// Runs a seed.
///
/// # Errors
/// [`Failure`]: what was found wrong, and the story of it.
pub fn run(seed: u64) -> Result<Totals, Box<Failure>> {
    told(seed).0
}

/// Runs a seed and tells what happened, also if nothing is wrong.
pub fn told(seed: u64) -> (Result<Totals, Box<Failure>>, Vec<String>) {
    let mut run = Run::new(seed);
    let found = match catch_unwind(AssertUnwindSafe(|| run.all())) {
        Ok(Ok(())) => return (Ok(run.totals), run.story),
        Ok(Err(found)) => found,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            (Check::Panic, text.unwrap_or_else(|| "a panic without words".to_owned()))
        }
    };
    let (check, what) = found;
    (Err(Box::new(Failure { seed, check, what, story: run.story.clone() })), run.story)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let keeping = Keeping {
            segment_bytes: [8, 16, 64][usize::try_from(rng.below(3)).expect("small")] << 10,
            mark_every: 1 + rng.below(12),
            snapshot_every: 1 + rng.below(120),
        };
        let clock = SimulatedClock::new(START);
        let machine = Machine::new(rng.bits(), keeping, clock);
        // A full tile has 256 leaves: some runs get that far.
        let (steps_max, crowd) = if rng.percent(8) { (90, 24) } else { (45, 4) };
        Self {
            steps_max,
            crowd,
            workload: Workload::new(seed),
            clients: Clients::new(seed),
            rng,
            machine,
            model: Model::default(),
            believed: None,
            totals: Totals::default(),
            story: Vec::new(),
        }
    }

    fn all(&mut self) -> Result<(), Found> {
        self.totals.one("seeds");
        let mut running = self.recover()?;
        self.set_the_stage(&mut running)?;
        let lives = 2 + self.rng.below(4);
        for life in 1..=lives {
            self.tell(format!("life {life}"));
            running = self.live(running)?;
        }
        self.end(running)
    }

    fn tell(&mut self, event: String) {
        self.story.push(event);
    }
}
