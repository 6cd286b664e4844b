//! What the machine gives at best, in the same run as the figures it limits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use ledger::digest::Digest;

use super::figures::{Section, per_second};

const HASHED_BYTES: usize = 64 << 20;
const SYNCS: u64 = 400;
const BLOCK: usize = 4 << 10;

/// SHA-256 on one core, `fdatasync` of 4 KiB one after the other, and the journal read once.
pub(super) fn measure(dir: &Path) -> io::Result<Section> {
    let hashed = sha256();
    let path = dir.join("limits.tmp");
    let synced = sync_blocks(&path)?;
    fs::remove_file(&path)?;
    let start = Instant::now();
    let read = read_files(&dir.join("journal"))?;
    let reading = start.elapsed();
    Ok(vec![
        hashed,
        ("fdatasync_per_s", per_second(SYNCS, synced)),
        ("read_bytes_per_s", per_second(read, reading)),
    ])
}

/// SHA-256 on one core.
pub(super) fn sha256() -> (&'static str, String) {
    let bytes = vec![0xa5; HASHED_BYTES];
    let start = Instant::now();
    let digest = Digest::of(&bytes);
    let hashed = start.elapsed();
    // The digest is looked at, so that it is made.
    assert_ne!(digest, Digest([0; 32]));
    ("sha256_bytes_per_s", per_second(HASHED_BYTES as u64, hashed))
}

/// Over zeros that are there, as the journal writes.
fn sync_blocks(path: &Path) -> io::Result<Duration> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    let block = [0x5a; BLOCK];
    (&file).write_all(&vec![0; BLOCK * usize::try_from(SYNCS).map_err(io::Error::other)?])?;
    file.sync_all()?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    let start = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    Ok(start.elapsed())
}

fn read_files(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    let mut buffer = vec![0; 1 << 20];
    for entry in fs::read_dir(dir)? {
        let mut file = File::open(entry?.path())?;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            sum += count as u64;
        }
    }
    Ok(sum)
}

/// Bytes of all files under a directory.
pub(super) fn size_of(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

/// What this process has had of the cores, all threads together, in steps of 10 ms; nothing where the
/// system does not tell. On a busy machine it says more than the time that passed.
pub(super) fn cpu_time() -> Duration {
    let told = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, which may hold anything, ends with the last parenthesis.
    let fields = told.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    // Own and system time, in hundredths of a second on every Linux.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Cores that this process may use.
pub(super) fn cores() -> String {
    std::thread::available_parallelism().map_or_else(|_| String::new(), |cores| cores.to_string())
}

/// Memory of the machine in KiB, as Linux tells it.
pub(super) fn memory_kib() -> String {
    let told = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or_default().to_owned()
}

/// The mean load over the last minute, as Linux tells it.
pub(super) fn load() -> String {
    let told = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split_whitespace().next().unwrap_or_default().to_owned()
}
