//! What a crash leaves standing: the disk, the log's directory, the clock.
//!
//! The journal, its mark and the snapshots live on the simulated disk. The log's static files are real
//! files in a temporary directory: the log appends, renames and removes folders through the operating
//! system and has a thread for it, which the disk's contract has no words for, and none of those files
//! is a commit point. What a power cut may do to those that `sync` had not reached is done to them here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ledger::log::LogReader;
use ledger::opening::{self, LogKeys, OpenError, OpenReport};
use ledger::sequencer::{Handle, Sequencer};
use ledger::store::TailReport;
use ledger::store::simulated::{Disk, Rng, SimulatedStore};
use tempfile::TempDir;

use super::clock::SimulatedClock;
use crate::world::ORIGIN;

const LOG_SEED: [u8; 32] = [7; 32];

/// How the ledger is kept; by seed.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Bytes of a segment.
    pub segment_bytes: u32,
    /// Batches between marks of what is acknowledged.
    pub mark_every: u64,
    /// Records between snapshots.
    pub snapshot_every: u64,
}

/// One computer.
pub struct Machine {
    /// Journal and snapshots.
    pub disk: Disk,
    /// Its clock.
    pub clock: SimulatedClock,
    keeping: Keeping,
    log: TempDir,
    synced: Synced,
}

/// What of the log's files a power cut leaves alone.
#[derive(Default)]
struct Synced {
    snapshots: usize,
    checkpoints: u64,
    tiles: BTreeSet<PathBuf>,
}

/// A ledger that runs on it.
pub struct Running {
    /// Stepped by the simulator.
    pub sequencer: Sequencer,
    /// The clients' side.
    pub handle: Handle,
    /// The public log.
    pub log: LogReader,
    /// What the opening did.
    pub report: OpenReport,
    /// What the journal's end was.
    pub tail: TailReport,
}

impl Machine {
    /// A machine with an empty ledger.
    ///
    /// # Panics
    /// If there is no room for a temporary directory.
    #[must_use]
    pub fn new(seed: u64, keeping: Keeping, clock: SimulatedClock) -> Self {
        let disk = Disk::new(seed);
        SimulatedStore::create(&disk, ORIGIN, keeping.segment_bytes).expect("an empty disk takes a ledger");
        let log = tempfile::tempdir().expect("a temporary directory");
        Self { disk, clock, keeping, log, synced: Synced::default() }
    }

    /// The log key's public half, as record 0 names it.
    ///
    /// # Panics
    /// Never: the origin is a name.
    #[must_use]
    pub fn log_vkey(&self) -> String {
        self.keys().vkey(ORIGIN).expect("the origin is a key's name").to_string()
    }

    /// Bytes of a segment.
    #[must_use]
    pub fn segment_bytes(&self) -> u32 {
        self.keeping.segment_bytes
    }

    fn keys(&self) -> LogKeys<'_> {
        LogKeys { directory: self.log.path(), seed: &LOG_SEED }
    }

    /// Starts the ledger, which must hold so many records at least.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn start(&self, least_length: u64) -> Result<Running, OpenError> {
        let Keeping { segment_bytes, mark_every, snapshot_every } = self.keeping;
        let (mut store, tail) = SimulatedStore::open(&self.disk, ORIGIN, segment_bytes, least_length)?;
        store.mark_every(mark_every);
        let clock = Box::new(self.clock.clone());
        let opened = opening::open(ORIGIN, Box::new(store), &self.keys(), clock)?;
        let opening::OpenLedger { mut sequencer, handle, log, report } = opened;
        sequencer.keep_snapshots_every(snapshot_every);
        Ok(Running { sequencer, handle, log, report, tail })
    }

    /// Another machine with a copy of the disk, the same clock and an empty directory for the log.
    ///
    /// # Panics
    /// If there is no room for a temporary directory.
    #[must_use]
    pub fn twin(&self) -> Self {
        let log = tempfile::tempdir().expect("a temporary directory");
        let (disk, clock) = (self.disk.copy(), self.clock.clone());
        Self { disk, clock, keeping: self.keeping, log, synced: Synced::default() }
    }

    /// Files of the disk under a directory.
    #[must_use]
    pub fn files_in(&self, dir: &str) -> Vec<String> {
        let files = self.disk.files().into_iter().map(|(name, _)| name);
        files.filter(|name| name.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))).collect()
    }

    /// A snapshot is kept only after the log's files were synced: a new one says that they were.
    pub fn note_synced(&mut self) {
        let snapshots = self.files_in("snapshots").iter().filter(|name| !name.ends_with(".tmp")).count();
        if snapshots > self.synced.snapshots {
            let checkpoints = size(&self.checkpoints());
            // Partial tiles are for file servers alone, and never synced.
            let is_full = |tile: &PathBuf| !tile.to_string_lossy().contains(".p/");
            let tiles = self.tiles().into_iter().filter(is_full).collect();
            self.synced = Synced { snapshots, checkpoints, tiles };
        }
    }

    /// The power fails: the disk forgets what it may, and so do the log's files.
    ///
    /// # Panics
    /// If the temporary directory cannot be changed.
    pub fn lose_power(&mut self, rng: &mut Rng) {
        self.disk.crash();
        self.disk.calm();
        let checkpoints = self.checkpoints();
        let unsynced = size(&checkpoints).saturating_sub(self.synced.checkpoints);
        if unsynced > 0 {
            let kept = self.synced.checkpoints + rng.below(unsynced + 1);
            cut(&checkpoints, kept);
        }
        for tile in self.tiles() {
            if !self.synced.tiles.contains(&tile) {
                damage_unsynced(&tile, rng);
            }
        }
        // Written under another name and renamed, but never synced.
        let shown = self.log.path().join("checkpoint");
        if shown.exists() && rng.percent(20) {
            cut(&shown, rng.below(size(&shown) + 1));
        }
        self.synced.snapshots = self.files_in("snapshots").len();
    }

    /// Flips a bit in a tile, if there is one.
    ///
    /// # Panics
    /// If the temporary directory cannot be changed.
    pub fn rot_tile(&self, rng: &mut Rng) -> bool {
        let tiles = self.tiles();
        let Some(tile) = pick(rng, &tiles) else { return false };
        let mut bytes = fs::read(tile).expect("a tile is read");
        let at = usize::try_from(rng.below(bytes.len() as u64)).expect("tiles are small");
        bytes[at] ^= 1 << rng.below(8);
        fs::write(tile, bytes).expect("a tile is written");
        true
    }

    fn checkpoints(&self) -> PathBuf {
        self.log.path().join("checkpoints")
    }

    /// Full tiles and bundles, and partial ones.
    fn tiles(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files_under(&self.log.path().join("tile"), &mut found);
        found.sort();
        found
    }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    let place = usize::try_from(rng.below(from.len().max(1) as u64)).ok()?;
    from.get(place)
}

fn files_under(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn cut(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).expect("a file of the log");
    file.set_len(length).expect("a file is cut");
}

/// There, gone, short or full of zeros: what a power cut makes of a file that was not synced.
fn damage_unsynced(tile: &Path, rng: &mut Rng) {
    match rng.below(4) {
        0 => {}
        1 => fs::remove_file(tile).expect("a tile is removed"),
        2 => cut(tile, rng.below(size(tile) + 1)),
        _ => fs::write(tile, vec![0; usize::try_from(size(tile)).expect("tiles are small")])
            .expect("a tile is written"),
    }
}
