//! How fast an export is verified, beside what Ed25519 and SHA-256 give on the same cores.
//!
//! The ledger is that of the recovery benchmark. The raw limit is `verify_strict` of the records' own
//! signatures, message by message, on every core at once: no verification that checks each signature by
//! itself can be faster. Signatures are not checked in batches: a batch asks another equation than
//! `verify_strict`, and would take what that refuses.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ledger::envelope::Envelope;
use ledger::intake::KeyBook as _;
use ledger::key::PublicKey;
use ledger::opening::SystemClock;
use ledger::store::StoreReader;
use ledger::verify::{Options as VerifyOptions, Report, Verdict, export};

use super::book::{Book, RECORDS_MIN};
use super::figures::{Figures, Section, median, millis, per_second};
use super::{limits, making};
use crate::restoring::export_directory;
use crate::verify::answer;

/// Signatures that the raw limit is measured over.
const RAW: u64 = 40_000;

/// What to run.
pub struct Options {
    /// Records of the ledger.
    pub records: u64,
    /// Whatever makes it another one.
    pub seed: u64,
    /// Verifications; figures are medians.
    pub runs: u32,
    /// Where ledger and export are made, or are since an earlier run.
    pub dir: PathBuf,
}

/// Makes the ledger and its export if they are not there, and verifies it again and again.
///
/// # Errors
/// What went wrong, for a person.
pub fn run(options: &Options) -> Result<Figures, String> {
    if options.records < RECORDS_MIN || options.runs == 0 {
        return Err(format!("at least {RECORDS_MIN} records and one run"));
    }
    let load_before = limits::load();
    let (ledger, file) = (options.dir.join("ledger"), options.dir.join("export"));
    let book = Book::new(options.seed, options.records)?;
    if !ledger.join("ledger.toml").exists() {
        making::make(&ledger, &book, options.records)?;
    }
    let opened = making::open(&ledger, &book, Box::new(SystemClock::default()))?;
    if opened.report.records != options.records {
        return Err(format!("{} holds {} records", ledger.display(), opened.report.records));
    }
    let checks = signatures(opened.handle.store().as_ref(), &book)?;
    making::run_out(opened)?;
    if !file.exists() {
        let scope = ledger::export::Scope::Full;
        export_directory(&ledger, &scope, &file, &|_, _| {}).map_err(|error| error.to_string())?;
    }
    let (mut raw, mut full, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..options.runs {
        raw.push(verify_raw(&checks)?);
        let (start, before) = (Instant::now(), limits::cpu_time());
        let report = verify(&file)?;
        full.push(start.elapsed());
        cpu.push(limits::cpu_time().saturating_sub(before));
        last = Some(report);
    }
    let report = last.ok_or("no run")?;
    let mut figures = Figures::default();
    figures.add("", head(options));
    figures.add("machine", machine(load_before));
    figures.add("limits", limits_of(&checks, &raw));
    figures.add("verify", told(options, &checks, &report, [&raw, &full, &cpu], &file)?);
    Ok(figures)
}

fn head(options: &Options) -> Section {
    vec![
        ("format", "pledger.bench.verify.v1".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("seed", options.seed.to_string()),
        ("records", options.records.to_string()),
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

/// A signature with its message and key.
struct Signature {
    key: PublicKey,
    message: Vec<u8>,
    signature: [u8; 64],
}

/// The author's signatures of the last records, whose setting is behind them.
fn signatures(store: &dyn StoreReader, book: &Book) -> Result<Vec<Signature>, String> {
    let mut checks = Vec::new();
    for batch in store.batches(store.length().saturating_sub(RAW)) {
        for stored in batch.map_err(|error| error.to_string())?.records {
            let envelope = Envelope::parse(&stored.envelope).map_err(|error| error.to_string())?;
            let read = ledger::intake::take_back(&stored.envelope).map_err(|error| error.to_string())?;
            let keys = book.keys_of(&read.command.author).ok_or("an author without a key")?;
            let signature = envelope.signatures.first().ok_or("an envelope without a signature")?;
            let key = *keys.first().ok_or("an author without a key")?;
            checks.push(Signature { key, message: envelope.pae(), signature: signature.sig });
        }
    }
    Ok(checks)
}

/// All of them, on every core.
fn verify_raw(checks: &[Signature]) -> Result<Duration, String> {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let start = Instant::now();
    let all = thread::scope(|scope| {
        let chunks = checks.chunks(checks.len().div_ceil(threads).max(1));
        let good =
            |chunk: &[Signature]| chunk.iter().all(|one| one.key.verifies(&one.message, &one.signature));
        let running: Vec<_> = chunks.map(|chunk| scope.spawn(move || good(chunk))).collect();
        running.into_iter().all(|thread| thread.join().unwrap_or(false))
    });
    if all { Ok(start.elapsed()) } else { Err("a signature of the benchmark is wrong".to_owned()) }
}

fn verify(file: &Path) -> Result<Report, String> {
    let report = export(file, &VerifyOptions { answer: Some(&answer), ..VerifyOptions::default() });
    if report.verdict() == Verdict::Good { Ok(report) } else { Err(report.to_string()) }
}

fn limits_of(checks: &[Signature], raw: &[Duration]) -> Section {
    vec![limits::sha256(), ("verify_strict_per_s", per_second(checks.len() as u64, median(raw.to_vec())))]
}

fn told(
    options: &Options,
    checks: &[Signature],
    report: &Report,
    [raw, full, cpu]: [&[Duration]; 3],
    file: &Path,
) -> Result<Section, String> {
    let of = |times: &[Duration]| median(times.to_vec());
    let signatures = report.check(ledger::verify::CheckId::SignatureAtSeq).map_or(0, |check| check.count);
    let rate = |count: u64, time: Duration| u128::from(count) * 1_000_000_000 / time.as_nanos().max(1);
    let limit = rate(checks.len() as u64, of(raw));
    let reached = rate(signatures, of(full)) * 1_000 / limit.max(1);
    let bytes = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    Ok(vec![
        ("full_ms", millis(of(full))),
        ("full_cpu_ms", millis(of(cpu))),
        ("records_per_s", per_second(options.records, of(full))),
        ("signatures_per_s", per_second(signatures, of(full))),
        ("of_the_limit_percent", ledger::amount::print_units(reached, 1)),
        ("bytes_per_s", per_second(bytes, of(full))),
        ("export_bytes", bytes.to_string()),
        ("verdict", report.verdict().to_string()),
    ])
}
