//! How fast a ledger opens: with its index and snapshot, and with nothing but its journal.
//!
//! The files are in the system's cache, as after a process that ended and was started again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ledger::movement::MovementStatus;
use ledger::opening::SystemClock;
use ledger::state::State;
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::store::{Store as _, TailReport};

use super::book::{Book, ORIGIN, RECORDS_MIN};
use super::figures::{Figures, Section, median, millis, per_second};
use super::memory::{Kind, bytes_of_one};
use super::{limits, making};

/// What to run.
pub struct Options {
    /// Records of the ledger.
    pub records: u64,
    /// Whatever makes it another one.
    pub seed: u64,
    /// Openings of each kind.
    pub runs: u32,
    /// Where the ledger is made, or is since an earlier run.
    pub dir: PathBuf,
    /// This program, to measure memory in processes of its own.
    pub program: PathBuf,
}

/// Makes the ledger if it is not there, and opens it again and again.
///
/// # Errors
/// What went wrong, for a person.
pub fn run(options: &Options) -> Result<Figures, String> {
    if options.records < RECORDS_MIN || options.runs == 0 {
        return Err(format!("at least {RECORDS_MIN} records and one run"));
    }
    let load_before = limits::load();
    let Options { dir, records, .. } = options;
    let book = Book::new(options.seed, *records)?;
    if !dir.join("ledger.toml").exists() {
        making::make(dir, &book, *records)?;
    }
    // Whatever an earlier run left: a whole index, and a snapshot of the end.
    let opened = making::open(dir, &book, Box::new(SystemClock::default()))?;
    if opened.report.records != *records {
        return Err(format!("{} holds {} records", dir.display(), opened.report.records));
    }
    making::run_out(opened)?;
    let limits = limits::measure(dir).map_err(told(dir))?;
    let open = open_again_and_again(options, &book)?;
    let mut figures = Figures::default();
    figures.add("", head(options, &open.tail));
    figures.add("machine", machine(load_before));
    figures.add("limits", limits);
    figures.add("open", open.figures);
    figures.add("size", open.sizes);
    figures.add("memory", memory(options)?);
    figures.add("state", open.state);
    Ok(figures)
}

fn head(options: &Options, tail: &TailReport) -> Section {
    vec![
        ("format", "pledger.bench.recovery.v1".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("seed", options.seed.to_string()),
        ("records", options.records.to_string()),
        ("frames", tail.frames.to_string()),
        ("runs", options.runs.to_string()),
    ]
}

fn machine(load_before: String) -> Section {
    vec![
        ("cores", limits::cores()),
        ("memory_kib", limits::memory_kib()),
        ("load_before", load_before),
        ("load_after", limits::load()),
    ]
}

/// One opening: the store, all of it, and what came out.
struct Opening {
    store: Duration,
    all: Duration,
    cpu: Duration,
    state: State,
    tail: TailReport,
}

impl Opening {
    fn times(&self) -> [Duration; 3] {
        [self.all, self.cpu, self.store]
    }
}

struct Openings {
    figures: Section,
    sizes: Section,
    state: Section,
    tail: TailReport,
}

fn open_again_and_again(options: &Options, book: &Book) -> Result<Openings, String> {
    let Options { dir, runs, records, .. } = options;
    let first = open_once(dir, book)?;
    let (mut resumed, mut replayed) = (vec![first.times()], vec![]);
    let mut agree = true;
    for _ in 1..*runs {
        let next = open_once(dir, book)?;
        agree &= next.state == first.state;
        resumed.push(next.times());
    }
    let snapshot_bytes = snapshot_bytes(dir)?;
    for _ in 0..*runs {
        remove_index(dir).map_err(told(dir))?;
        let next = open_once(dir, book)?;
        agree &= next.state == first.state;
        replayed.push(next.times());
    }
    let mut indexed = Vec::new();
    for _ in 0..*runs {
        remove_index(dir).map_err(told(dir))?;
        indexed.push(index_once(dir)?);
    }
    let index_bytes = limits::size_of(&dir.join("index")).map_err(told(dir))? + snapshot_bytes;
    let of = |times: &[[Duration; 3]], which: usize| median(times.iter().map(|times| times[which]).collect());
    let all = of(&replayed, 0);
    let index = median(indexed).as_nanos() * 1_000_000 / u128::from(*records);
    let journal_bytes = first.tail.bytes;
    let figures = vec![
        ("snapshot_ms", millis(of(&resumed, 0))),
        ("snapshot_cpu_ms", millis(of(&resumed, 1))),
        ("replay_ms", millis(all)),
        ("replay_cpu_ms", millis(of(&replayed, 1))),
        ("replay_store_ms", millis(of(&replayed, 2))),
        ("replay_records_per_s", per_second(*records, all)),
        ("index_ms_per_million", millis(Duration::from_nanos(u64::try_from(index).unwrap_or(u64::MAX)))),
    ];
    let sizes = vec![
        ("journal_bytes", journal_bytes.to_string()),
        ("journal_bytes_per_record", (journal_bytes / records).to_string()),
        ("snapshot_bytes", snapshot_bytes.to_string()),
        ("index_bytes", index_bytes.to_string()),
    ];
    Ok(Openings { figures, sizes, state: told_of(&first.state, agree), tail: first.tail })
}

fn open_once(dir: &Path, book: &Book) -> Result<Opening, String> {
    let (start, cpu) = (Instant::now(), limits::cpu_time());
    let opened = EmbeddedStore::open(dir, ORIGIN, EmbeddedOptions::default());
    let (store, report) = opened.map_err(|error| error.to_string())?;
    let store_open = start.elapsed();
    let opened = making::open_over(dir, store, book, Box::new(SystemClock::default()))?;
    let all = start.elapsed();
    let cpu = limits::cpu_time().saturating_sub(cpu);
    let state = opened.handle.published().state.clone();
    Ok(Opening { store: store_open, all, cpu, state, tail: report.tail })
}

/// Until the rebuilt index holds every entry.
fn index_once(dir: &Path) -> Result<Duration, String> {
    let start = Instant::now();
    let opened = EmbeddedStore::open(dir, ORIGIN, EmbeddedOptions::default());
    let (store, _) = opened.map_err(|error| error.to_string())?;
    store.wait_for_index().map_err(|error| error.to_string())?;
    Ok(start.elapsed())
}

fn snapshot_bytes(dir: &Path) -> Result<u64, String> {
    let opened = EmbeddedStore::open(dir, ORIGIN, EmbeddedOptions::default());
    let (store, _) = opened.map_err(|error| error.to_string())?;
    let snapshot = store.reader().snapshot().map_err(|error| error.to_string())?;
    Ok(snapshot.map_or(0, |snapshot| snapshot.bytes.len() as u64))
}

fn told_of(state: &State, agree: bool) -> Section {
    let open = state.movements().filter(|movement| movement.status == MovementStatus::Pending).count();
    vec![
        ("accounts", state.accounts().count().to_string()),
        ("movements", state.movements().count().to_string()),
        ("open_movements", open.to_string()),
        ("agree", agree.to_string()),
    ]
}

fn memory(options: &Options) -> Result<Section, String> {
    let objects = (options.records / 5).min(200_000);
    let mut section = Section::new();
    for (key, kind) in [
        ("account_bytes", Kind::Accounts),
        ("open_movement_bytes", Kind::OpenMovements),
        ("settled_movement_bytes", Kind::SettledMovements),
        ("idempotency_key_bytes", Kind::IdempotencyKeys),
    ] {
        let bytes = bytes_of_one(&options.program, kind, objects)?;
        section.push((key, bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string())));
    }
    Ok(section)
}

/// The index and the snapshots in it, gone.
fn remove_index(dir: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir.join("index"))?;
    fs::remove_file(dir.join("index.state"))
}

fn told(dir: &Path) -> impl Fn(io::Error) -> String {
    let dir = dir.display().to_string();
    move |error| format!("{dir}: {error}")
}
