//! Any single byte of journal, documents and public log, changed: `pledger verify --dir` never finds the
//! ledger good again.
//!
//! Each byte of a small ledger's files is changed in turn, and the whole verification run on the
//! result. One bit is flipped, another one from byte to byte; every 32nd byte is inverted too. What
//! must come of it:
//!
//! | place | verdict |
//! |---|---|
//! | header and frames of a segment, zeros after the frames of a full one | bad |
//! | the first sector of zeros after the last frame | bad: no write that stopped half-way leaves it so |
//! | zeros after that | undecidable: a torn write can leave them so |
//! | the mark of acknowledged frames | undecidable: it only knows less |
//! | a document in a file of its own | bad |
//! | tiles, entries, checkpoints | bad |
//!
//! The spare segment is no part of the journal before it has a segment's name, and is made again at opening.
//! `ledger.toml` only says whose journal it is, and index and snapshots are made again from the
//! journal: nothing rests on them, so they are not among these files.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::verify::Verdict;

use crate::verify::{ORIGIN, build, copy, files, verify};

/// What a disk writes whole or not at all; frames begin on these.
const SECTOR: usize = 512;

/// What will be the next segment. It has no name yet, and one that is found is made again at opening.
const SPARE: &str = "journal/spare.next";

/// One change of one byte, and what must come of it.
struct Flip {
    file: String,
    at: usize,
    mask: u8,
    want: Verdict,
}

/// Flips of the places, one bit each; every 32nd byte is inverted too.
fn flips(file: &str, places: impl Iterator<Item = usize>, want: impl Fn(usize) -> Verdict) -> Vec<Flip> {
    let of = |at: usize| {
        let masks = [Some(1 << (at % 8)), at.is_multiple_of(32).then_some(0xff)];
        let want = want(at);
        masks.into_iter().flatten().map(move |mask| Flip { file: file.to_owned(), at, mask, want })
    };
    places.flat_map(of).collect()
}

/// The files of the ledger with their bytes, by their paths in it.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let named = files(dir).into_iter();
    named.map(|(path, bytes)| (path.strip_prefix(dir).unwrap().display().to_string(), bytes)).collect()
}

/// Tries each flip on one of two copies of the ledger.
fn try_all(ledger: &Path, flips: &[Flip]) {
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers = [(); 2].map(|()| scope.spawn(|| try_some(ledger, flips, &next)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} flips: {wrong:#?}", wrong.len(), flips.len());
}

fn try_some(ledger: &Path, flips: &[Flip], next: &AtomicUsize) -> Vec<String> {
    let copied = copy(ledger);
    let mut wrong = Vec::new();
    while let Some(Flip { file, at, mask, want }) = flips.get(next.fetch_add(1, Ordering::Relaxed)) {
        let open = File::options().read(true).write(true).open(copied.path().join(file)).unwrap();
        let (mut byte, offset) = ([0], u64::try_from(*at).unwrap());
        open.read_exact_at(&mut byte, offset).unwrap();
        open.write_all_at(&[byte[0] ^ mask], offset).unwrap();
        let verdict = verify(copied.path()).verdict();
        if verdict != *want {
            wrong.push(format!("{file}, byte {at} ^ {mask:#04x}: {verdict:?}, not {want:?}"));
        }
        open.write_all_at(&byte, offset).unwrap();
    }
    assert_eq!(verify(copied.path()).verdict(), Verdict::Good, "each byte was put back");
    wrong
}

/// Its index can be rebuilt, and copying it for each verification would take longer than all the rest.
fn without_index(dir: &Path) {
    fs::remove_dir_all(dir.join("index")).unwrap();
}

#[test]
fn every_byte_of_journal_and_log() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 4, false, 3 << 10);
    without_index(built.path());
    let all = contents(built.path());
    let segments = all.iter().filter(|(name, _)| name.ends_with(".seg"));
    let last = segments.clone().next_back().unwrap().0.clone();
    assert!(segments.count() > 1, "a full segment and one that is written to");
    let mut tried = Vec::new();
    for (name, bytes) in &all {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        let torn_from = used.next_multiple_of(SECTOR) + SECTOR;
        let want = |at: usize| match name.as_str() {
            "journal/acknowledged" => Verdict::Undecidable,
            _ if *name == last && at >= torn_from => Verdict::Undecidable,
            _ => Verdict::Bad,
        };
        match name.as_str() {
            "ledger.toml" | "lock" | "index.state" | SPARE => {}
            _ => tried.extend(flips(name, 0..bytes.len(), want)),
        }
    }
    for place in ["journal/0000000000.seg", "journal/acknowledged", "log/tile/0/000.p/4", "log/checkpoints"] {
        assert!(tried.iter().any(|flip| flip.file == place), "{place} is among them");
    }
    try_all(built.path(), &tried);
    println!("{} flips in {} files", tried.len(), all.len() - 4);

    fs::write(built.path().join(SPARE), [0x5a; 700]).unwrap();
    assert_eq!(verify(built.path()).verdict(), Verdict::Good);
    drop(EmbeddedStore::open(built.path(), ORIGIN, EmbeddedOptions::default()).unwrap());
    assert!(!fs::read(built.path().join(SPARE)).unwrap().contains(&0x5a), "made again");
}

/// A document above 8 MiB is hashed whole for each flip, so here it is each byte of its first and
/// last 64 and one in each 512 KiB between, where its size ends and where a reader's step ends; each
/// byte of a small document's file is flipped beside the code that reads it. Its entry in the journal
/// says where it is: each byte of that too.
#[test]
fn a_document_in_a_file_of_its_own() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 4, true, 24 << 10);
    without_index(built.path());
    let all = contents(built.path());
    let (name, bytes) = all.iter().find(|(name, _)| name.starts_with("documents/")).unwrap();
    let end = bytes.len();
    let places = (0..64).chain((64..end - 64).step_by((512 << 10) - 1)).chain(end - 64..end);
    let mut tried = flips(name, places, |_| Verdict::Bad);

    let (segment, journal) = all.iter().find(|(name, _)| name.ends_with("0.seg")).unwrap();
    let frame = journal.windows(4).rposition(|window| window == b"PLFR").unwrap();
    tried.extend(flips(segment, frame..frame + 64 + 48, |_| Verdict::Bad));
    try_all(built.path(), &tried);
    println!("{} flips", tried.len());
}
