use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::checkpoint::SignedCheckpoint;
use crate::digest::Digest;
use crate::merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion};
use crate::note::KeyName;
use crate::record::Record;
use crate::tiles::{self, TileKind, TilePath};
use crate::time::Timestamp;

const ORIGIN: &str = "ledger.example/log";

fn config(directory: &Path) -> LogConfig {
    let signer = Arc::new(LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[9; 32]));
    LogConfig {
        directory: directory.to_owned(),
        signer,
        further_signers: Vec::new(),
        earlier_keys: Vec::new(),
    }
}

fn key() -> VerifierKey {
    config(Path::new("")).signer.verifier().clone()
}

fn leaf(i: u64) -> String {
    format!("leaf {i} {}", "x".repeat(usize::try_from(i % 7).unwrap()))
}

fn leaves(range: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    range.map(leaf)
}

fn head_at(size: u64) -> TreeHead {
    let mut tree = Frontier::default();
    leaves(0..size).for_each(|leaf| tree.push(leaf_hash(leaf.as_bytes())));
    tree.head()
}

fn fresh(directory: &Path, size: u64) -> Result<LogWriter, LogError> {
    let mut opening = LogOpening::fresh(config(directory))?;
    opening.append(leaves(0..size))?;
    opening.finish()
}

fn resume(directory: &Path, size: u64) -> Result<LogWriter, LogError> {
    let tail = leaves(size / 256 * 256..size);
    LogOpening::resume(config(directory), &head_at(size), tail)?.finish()
}

/// A directory with a published and synced log.
fn directory(size: u64) -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut log = fresh(directory.path(), size).unwrap();
    log.publish().unwrap();
    log.sync().unwrap();
    directory
}

/// Files under a folder by their names from the root.
fn files(root: &Path, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return found };
    for entry in entries {
        let name = format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap());
        match fs::read(root.join(&name)) {
            Ok(bytes) => drop(found.insert(name, bytes)),
            Err(_) => found.extend(files(root, &name)),
        }
    }
    found
}

/// What a tile of a tree of our leaves holds, computed from the leaves alone.
fn recomputed(path: TilePath) -> Vec<u8> {
    let start = path.index() * 256;
    let places = start..start + u64::from(path.width());
    match path.kind() {
        TileKind::Entries => {
            let mut bundle = Vec::new();
            leaves(places).for_each(|leaf| tiles::push_entry(&mut bundle, leaf.as_bytes()).unwrap());
            bundle
        }
        TileKind::Hashes(level) => {
            let span = 1 << (8 * u32::from(level));
            let root = |place: u64| {
                let leaves = leaves(place * span..(place + 1) * span);
                crate::merkle::root_of(leaves.map(|leaf| leaf_hash(leaf.as_bytes())))
            };
            places.flat_map(|place| root(place).0).collect()
        }
    }
}

#[test]
fn readers_see_exactly_what_is_published() {
    let directory = TempDir::new().unwrap();
    let mut log = fresh(directory.path(), 0).unwrap();
    let reader = log.reader();
    assert_eq!((reader.head(), reader.checkpoint()), (TreeHead::EMPTY, None));
    assert!(matches!(reader.tlog_proof(0, b""), Err(LogError::NotCovered { .. })));
    assert_eq!(log.publish().unwrap().head(), TreeHead::EMPTY);

    log.append(leaves(0..300)).unwrap();
    let first = log.publish().unwrap();
    log.append(leaves(300..800)).unwrap();
    assert_eq!((reader.head(), log.head()), (head_at(300), head_at(800)));
    let tile = |index, width| TilePath::new(TileKind::Hashes(0), index, width).unwrap();
    assert_eq!(reader.tile(tile(1, 44)).unwrap(), Some(recomputed(tile(1, 44))));
    assert_eq!(reader.tile(tile(1, 45)).unwrap(), None);
    assert_eq!(reader.tile(tile(1, 256)).unwrap(), None);
    assert_eq!(reader.tile(TilePath::full(TileKind::Entries, 1)).unwrap(), None);
    assert!(matches!(reader.root_at(301), Err(LogError::NotCovered { asked: 301, published: 300 })));
    assert!(matches!(reader.inclusion(300, 300), Err(LogError::NotCovered { .. })));
    assert!(matches!(reader.consistency(2, 1), Err(LogError::NotCovered { .. })));

    let second = log.publish().unwrap();
    assert_eq!(reader.checkpoint().as_ref(), Some(&second));
    assert_eq!(log.publish().unwrap(), second);
    let kept = reader.checkpoint_at(300).unwrap();
    assert_eq!(kept, Some(first.to_string()));
    SignedCheckpoint::open(&kept.unwrap(), ORIGIN, [&key()]).unwrap();
    // The published edge has moved on; the narrower tile is now cut from the file.
    assert_eq!(reader.tile(tile(1, 44)).unwrap(), Some(recomputed(tile(1, 44))));
    let path = reader.consistency(300, 800).unwrap();
    assert_eq!(verify_consistency(&first.head(), &second.head(), &path), Ok(()));
}

#[test]
fn every_width_of_every_tile_equals_recomputation() {
    let directory = directory(700);
    let reader = resume(directory.path(), 700).unwrap().reader();
    for kind in [TileKind::Entries, TileKind::Hashes(0), TileKind::Hashes(1), TileKind::Hashes(2)] {
        for (index, width) in (0..4).flat_map(|index| (1..=256).map(move |width| (index, width))) {
            let path = TilePath::new(kind, index, width).unwrap();
            let want = (width <= kind.width(index, 700)).then(|| recomputed(path));
            assert_eq!(reader.tile(path).unwrap(), want, "{path}");
        }
    }
}

#[test]
fn seventy_thousand_leaves_through_public_paths() {
    let directory = TempDir::new().unwrap();
    let mut log = fresh(directory.path(), 0).unwrap();
    let reader = log.reader();
    let mut plain = Frontier::default();
    let mut heads = Vec::new();
    for start in (0..70_000).step_by(1_250) {
        log.append(leaves(start..start + 1_250)).unwrap();
        leaves(start..start + 1_250).for_each(|leaf| plain.push(leaf_hash(leaf.as_bytes())));
        assert_eq!(log.publish().unwrap().head(), plain.head());
        heads.push(plain.head());
    }
    let width = |level, index| TileKind::Hashes(level).width(index, 70_000);
    assert_eq!([width(0, 272), width(0, 273), width(0, 274)], [256, 112, 0]);
    assert_eq!([width(1, 0), width(1, 1), width(2, 0)], [256, 17, 1]);
    log.sync().unwrap();
    assert_eq!(files(directory.path(), "tile").len(), 273 + 273 + 1);
    // From what a client downloads alone: leaves to hashes, tiles to the tiles above, up to the root.
    let mut below: Vec<Digest> = Vec::new();
    for index in 0..274 {
        let width = TileKind::Entries.width(index, 70_000);
        let bundle = reader.tile(TilePath::new(TileKind::Entries, index, width).unwrap()).unwrap().unwrap();
        below.extend(tiles::entries(&bundle, width).unwrap().iter().map(|leaf| leaf_hash(leaf)));
    }
    assert_eq!(crate::merkle::root_of(below.iter().copied()), plain.head().root);
    for level in 0..=2 {
        for (index, hashes) in (0..).zip(below.chunks(256)) {
            let path = TilePath::new(TileKind::Hashes(level), index, u16::try_from(hashes.len()).unwrap());
            let tile = reader.tile(path.unwrap()).unwrap().unwrap();
            assert_eq!(tile, hashes.iter().flat_map(|hash| hash.0).collect::<Vec<_>>());
        }
        below = below.chunks_exact(256).map(|full| crate::merkle::root_of(full.iter().copied())).collect();
    }
    assert!(below.is_empty());
    for (i, old) in heads.iter().enumerate() {
        assert_eq!(reader.root_at(old.size).unwrap(), old.root);
        assert!(reader.checkpoint_at(old.size).unwrap().unwrap().contains(&format!("\n{}\n", old.size)));
        assert_eq!(reader.checkpoint_at(old.size + 1).unwrap(), None);
        for new in &heads[i..] {
            let path = reader.consistency(old.size, new.size).unwrap();
            assert_eq!(verify_consistency(old, new, &path), Ok(()));
        }
        for index in [0, 255, 256, old.size / 2, old.size - 1] {
            let path = reader.inclusion(index, old.size).unwrap();
            assert_eq!(verify_inclusion(&leaf_hash(leaf(index).as_bytes()), index, old, &path), Ok(()));
        }
    }
    drop(log);
    let resumed = resume(directory.path(), 70_000).unwrap();
    assert_eq!(resumed.reader().head(), plain.head());
}

/// Each file deleted, cut, emptied, lengthened, or with one bit flipped.
fn damages(good: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut flipped = good.to_vec();
    flipped[good.len() / 2] ^= 0x10;
    let longer = [good, &[0]].concat();
    vec![None, Some(Vec::new()), Some(good[..good.len() - 1].to_vec()), Some(longer), Some(flipped)]
}

#[test]
fn a_fresh_opening_repairs_every_file() {
    let directory = directory(1_000);
    let root = directory.path();
    let good = files(root, "tile");
    assert_eq!(good.len(), 6);
    let mut opening = LogOpening::fresh(config(root)).unwrap();
    opening.append(leaves(0..1_000)).unwrap();
    assert_eq!((opening.files_written().unwrap(), opening.size()), (0, 1_000));
    for (name, bytes) in &good {
        for damage in damages(bytes) {
            match &damage {
                Some(bytes) => fs::write(root.join(name), bytes).unwrap(),
                None => fs::remove_file(root.join(name)).unwrap(),
            }
            let mut opening = LogOpening::fresh(config(root)).unwrap();
            opening.append(leaves(0..1_000)).unwrap();
            assert_eq!(opening.files_written().unwrap(), 1, "{name}");
            let log = opening.finish().unwrap();
            assert_eq!(log.reader().head(), head_at(1_000));
            assert_eq!(files(root, "tile"), good);
            let aside = fs::read(root.join("quarantine").join(name)).ok();
            assert!(damage.is_none() || aside == damage, "{name}");
        }
    }
    fs::remove_dir_all(root.join("tile")).unwrap();
    fresh(root, 1_000).unwrap();
    assert_eq!(files(root, "tile"), good);
}

#[test]
fn a_resumed_log_detects_every_damage_and_shows_none() {
    let directory = directory(1_000);
    let root = directory.path();
    for (name, good) in files(root, "tile") {
        for damage in damages(&good) {
            match damage {
                Some(bytes) => fs::write(root.join(&name), bytes).unwrap(),
                None => fs::remove_file(root.join(&name)).unwrap(),
            }
            match resume(root, 1_000) {
                Err(LogError::Damaged { .. }) => {}
                Err(other) => panic!("{name}: {other}"),
                Ok(log) => {
                    let refused = log.reader().tile(TilePath::parse(&name).unwrap());
                    assert!(matches!(refused, Err(LogError::Damaged { .. })), "{name}: {refused:?}");
                    assert_eq!(log.head(), head_at(1_000));
                }
            }
            fs::write(root.join(&name), &good).unwrap();
        }
    }
    let mut log = resume(root, 1_000).unwrap();
    log.append(leaves(1_000..1_100)).unwrap();
    assert_eq!(log.publish().unwrap().head(), head_at(1_100));
}

/// A flipped bit in a tile that nothing at open depends on: found when it is used.
#[test]
fn damage_below_an_older_tile_is_an_error_and_no_wrong_answer() {
    let directory = directory(66_000);
    let root = directory.path();
    for name in ["tile/0/003", "tile/entries/003"] {
        let mut bytes = fs::read(root.join(name)).unwrap();
        bytes[40] ^= 1;
        fs::write(root.join(name), bytes).unwrap();
    }
    let reader = resume(root, 66_000).unwrap().reader();
    assert!(matches!(reader.inclusion(800, 66_000), Err(LogError::Damaged { .. })));
    assert!(reader.inclusion(700, 66_000).is_ok());
    for name in ["tile/0/003.p/9", "tile/entries/003.p/9"] {
        assert!(matches!(reader.tile(TilePath::parse(name).unwrap()), Err(LogError::Damaged { .. })));
    }
    fresh(root, 66_000).unwrap();
    assert!(reader.inclusion(800, 66_000).is_ok());
}

#[test]
fn another_history_is_refused() {
    let directory = directory(600);
    let root = directory.path();
    let kept = head_at(600);
    let refused = |opened: Result<LogWriter, LogError>, size| match opened.map(|log| log.size()) {
        Err(LogError::HistoryMismatch { kept: found, rebuilt }) => {
            assert_eq!((found, rebuilt.size), (kept, size));
            assert_ne!(rebuilt, kept);
        }
        other => panic!("{other:?}"),
    };
    refused(fresh(root, 599), 599);
    refused(fresh(root, 0), 0);
    refused(resume(root, 512), 512);
    let mut other = LogOpening::fresh(config(root)).unwrap();
    other.append(leaves(0..599).chain(["another".to_owned()]).chain(leaves(600..700))).unwrap();
    refused(other.finish(), 600);

    // Records that were durable and not published when the process stopped.
    let mut log = fresh(root, 700).unwrap();
    assert_eq!((log.size(), log.reader().head()), (700, kept));
    assert_eq!(log.publish().unwrap().head(), head_at(700));
    assert_eq!(fs::read_to_string(root.join("checkpoints")).unwrap().matches(ORIGIN).count(), 4);

    // The kept notes are lost, the one that file servers show still stands: it was promised as well.
    log.sync_static().unwrap();
    drop(log);
    fs::write(root.join("checkpoints"), "").unwrap();
    assert!(matches!(fresh(root, 699), Err(LogError::HistoryMismatch { kept, .. }) if kept == head_at(700)));
    fresh(root, 700).unwrap();
    // What no key of the log signed promises nothing.
    fs::write(root.join("checkpoint"), "junk").unwrap();
    fresh(root, 699).unwrap();
}

#[test]
fn a_wrong_head_or_tail_does_not_resume() {
    let directory = directory(600);
    let resumed = |head: TreeHead, tail: std::ops::Range<u64>| {
        LogOpening::resume(config(directory.path()), &head, leaves(tail)).map(|opening| opening.size())
    };
    assert_eq!(resumed(head_at(600), 512..600).ok(), Some(600));
    assert_eq!(resumed(head_at(512), 512..512).ok(), Some(512));
    assert_eq!(resumed(head_at(600), 512..2_000).ok(), Some(600));
    for (head, tail) in [
        (head_at(600), 512..599),
        (head_at(600), 513..601),
        (TreeHead { root: head_at(599).root, ..head_at(600) }, 512..600),
        (head_at(1_000), 768..1_000),
    ] {
        assert!(matches!(resumed(head, tail.clone()), Err(LogError::Damaged { .. })), "{tail:?}");
    }
}

/// A snapshot is older than the last checkpoint: what follows it is replayed, then compared.
#[test]
fn a_resumed_log_takes_the_leaves_that_follow_its_snapshot() {
    let directory = directory(1_000);
    for (end, matches) in [(1_000, true), (1_100, true), (999, false), (600, false)] {
        let mut opening =
            LogOpening::resume(config(directory.path()), &head_at(600), leaves(512..600)).unwrap();
        opening.append(leaves(600..end)).unwrap();
        let opened = opening.finish();
        assert_eq!(opened.is_ok(), matches, "{end}");
        if let Ok(log) = opened {
            assert_eq!((log.size(), log.reader().head()), (end, head_at(1_000)));
        }
    }
}

/// A crash may cut the file of kept checkpoints anywhere behind its last sync.
#[test]
fn torn_kept_checkpoints_are_cut_and_written_again() {
    let directory = TempDir::new().unwrap();
    let mut log = fresh(directory.path(), 10).unwrap();
    log.publish().unwrap();
    let path = directory.path().join("checkpoints");
    let first = fs::read(&path).unwrap();
    log.append(leaves(10..20)).unwrap();
    log.publish().unwrap();
    let both = fs::read(&path).unwrap();
    for end in 0..=both.len() {
        for tail in [&b""[..], &[0; 40], b"\n", b"\xff\n\n"] {
            fs::write(&path, [&both[..end], tail].concat()).unwrap();
            let mut log = fresh(directory.path(), 20).unwrap();
            let size = log.reader().head().size;
            assert!(if end < first.len() { size == 0 || size == 10 } else { size >= 10 }, "{end} {size}");
            log.publish().unwrap();
            let written = fs::read(&path).unwrap();
            assert!(written.ends_with(&both[first.len()..]), "{end}");
            assert_eq!(
                log.reader().checkpoint_at(20).unwrap().unwrap().as_bytes(),
                &both[first.len()..both.len() - 1]
            );
        }
    }
    // A well-formed note that the key did not sign is no torn write.
    let forged = String::from_utf8(both).unwrap().replacen("\n20\n", "\n21\n", 1);
    fs::write(&path, forged).unwrap();
    assert!(matches!(fresh(directory.path(), 20).map(|log| log.size()), Err(LogError::Damaged { .. })));
}

/// For a time both keys sign; then the old one only vouches for what it signed.
#[test]
fn the_log_key_can_be_rotated() {
    let directory = directory(5);
    let new = || Arc::new(LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[8; 32]));
    let publish = |config: LogConfig, size| {
        let mut opening = LogOpening::fresh(config)?;
        opening.append(leaves(0..size))?;
        opening.finish()?.publish()
    };
    let only_new = |earlier_keys| LogConfig { signer: new(), earlier_keys, ..config(directory.path()) };
    assert!(matches!(publish(only_new(Vec::new()), 6), Err(LogError::Damaged { .. })));
    assert_eq!(publish(only_new(vec![key()]), 6).unwrap().head(), head_at(6));
    let both = LogConfig { further_signers: vec![new()], ..config(directory.path()) };
    let signed = publish(both, 7).unwrap();
    assert_eq!(signed.note().verify([new().verifier()]).unwrap()[0].line, 1);
    assert_eq!(signed.note().verify([&key()]).unwrap()[0].line, 0);
    assert_eq!(publish(only_new(Vec::new()), 8).unwrap().head(), head_at(8));
}

#[test]
fn static_files_stand_alone_and_partial_ones_go() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    let mut log = fresh(root, 0).unwrap();
    log.sync_static().unwrap();
    assert!(!root.join("checkpoint").exists());
    for size in [10_u64, 300, 301, 512, 600] {
        log.append(leaves(log.size()..size)).unwrap();
        let checkpoint = log.publish().unwrap();
        log.sync_static().unwrap();
        assert_eq!(fs::read_to_string(root.join("checkpoint")).unwrap(), checkpoint.to_string());
        for path in TilePath::partials(size) {
            assert_eq!(fs::read(root.join(path.to_string())).unwrap(), recomputed(path));
        }
        if size == 512 {
            drop(log);
            log = fresh(root, 512).unwrap();
        }
    }
    let names: Vec<String> = files(root, "tile").into_keys().filter(|name| name.contains(".p/")).collect();
    // Level 1 keeps its earlier widths until it is full.
    let left = ["tile/0/002.p/88", "tile/1/000.p/1", "tile/1/000.p/2", "tile/entries/002.p/88"];
    assert_eq!(names, left);

    let older = SignedCheckpoint::open(&log.reader().checkpoint_at(300).unwrap().unwrap(), ORIGIN, [&key()]);
    log.sync_static_under(&older.unwrap()).unwrap();
    let partial = TilePath::parse("tile/0/001.p/44").unwrap();
    assert_eq!(fs::read(root.join(partial.to_string())).unwrap(), recomputed(partial));
}

#[test]
fn nothing_follows_a_failed_write() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("tile"), "in the way").unwrap();
    let mut log = fresh(directory.path(), 255).unwrap();
    log.publish().unwrap();
    // The files are written by another thread: the error comes with this call or the next.
    let failed = log.append([leaf(255)]).and_then(|()| log.sync());
    assert!(matches!(failed, Err(LogError::Io { .. })), "{failed:?}");
    assert!(matches!(log.append([leaf(256)]), Err(LogError::Stopped)));
    assert!(matches!(log.publish(), Err(LogError::Stopped)));
    assert_eq!(log.reader().head(), head_at(255));
    drop(log);
    fs::remove_file(directory.path().join("tile")).unwrap();
    assert_eq!(fresh(directory.path(), 256).unwrap().publish().unwrap().head(), head_at(256));
}

#[test]
fn readers_on_other_threads_never_see_a_proof_fail() {
    let directory = TempDir::new().unwrap();
    let mut log = fresh(directory.path(), 0).unwrap();
    log.append([leaf(0)]).unwrap();
    log.publish().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let (reader, stop) = (log.reader(), &stop);
            scope.spawn(move || {
                let (mut pick, mut old) = (seed, TreeHead::EMPTY);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let head = reader.head();
                    pick = (pick * 31 + 7) % head.size;
                    let path = reader.inclusion(pick, head.size).unwrap();
                    let hash = leaf_hash(leaf(pick).as_bytes());
                    assert_eq!(verify_inclusion(&hash, pick, &head, &path), Ok(()));
                    let path = reader.consistency(old.size, head.size).unwrap();
                    assert_eq!(verify_consistency(&old, &head, &path), Ok(()));
                    for path in TilePath::partials(head.size) {
                        assert!(reader.tile(path).unwrap().is_some());
                    }
                    old = head;
                }
            });
        }
        for start in (1..6_000).step_by(7) {
            log.append(leaves(start..start + 7)).unwrap();
            log.publish().unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn receipts_verify_off_line() {
    let directory = TempDir::new().unwrap();
    let recorded_at = Timestamp::from_millis(1_767_323_045_678).unwrap();
    let record =
        |seq| Record { seq, recorded_at, command_id: Digest::of(b"c"), envelope_sha256: Digest::of(b"e") };
    let mut log = fresh(directory.path(), 0).unwrap();
    log.append((0..600).map(|seq| record(seq).leaf())).unwrap();
    let early = log.publish().unwrap();
    log.append((600..1_000).map(|seq| record(seq).leaf())).unwrap();
    log.publish().unwrap();
    let reader = log.reader();
    for seq in [0, 255, 256, 599, 600, 999] {
        let receipt = reader.tlog_proof(seq, &record(seq).leaf()).unwrap();
        assert_eq!(receipt.verify(ORIGIN, [&key()]).unwrap().record, record(seq));
        let older = reader.tlog_proof_under(seq, &record(seq).leaf(), &early);
        assert_eq!(older.is_ok(), seq < 600);
    }
    assert!(matches!(reader.tlog_proof(3, &record(4).leaf()), Err(LogError::NotTheLeaf { seq: 3 })));
    assert!(matches!(reader.tlog_proof(1_000, b""), Err(LogError::NotCovered { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Batches of any sizes, a restart between some of them, fresh or resumed.
    #[test]
    fn any_two_checkpoints_of_one_run_are_consistent(
        steps in prop::collection::vec((1_u64..400, 0_u8..4), 1..8),
        pick: prop::sample::Index,
    ) {
        let directory = TempDir::new().unwrap();
        let mut log = fresh(directory.path(), 0).unwrap();
        let mut heads = vec![TreeHead::EMPTY];
        for (count, restart) in steps {
            log.append(leaves(log.size()..log.size() + count)).unwrap();
            heads.push(log.publish().unwrap().head());
            let size = log.size();
            if restart < 2 {
                drop(log);
                let open = [fresh, resume][usize::from(restart)];
                log = open(directory.path(), size).unwrap();
            }
            prop_assert_eq!(log.reader().head(), head_at(size));
        }
        let reader = log.reader();
        for (i, old) in heads.iter().enumerate() {
            prop_assert_eq!(reader.checkpoint_at(old.size).unwrap().is_some(), i > 0);
            for new in &heads[i..] {
                let path = reader.consistency(old.size, new.size).unwrap();
                prop_assert_eq!(verify_consistency(old, new, &path), Ok(()));
            }
        }
        let newest = reader.head();
        let index = pick.index(usize::try_from(newest.size).unwrap()) as u64;
        let path = reader.inclusion(index, newest.size).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf_hash(leaf(index).as_bytes()), index, &newest, &path), Ok(()));
    }
}
