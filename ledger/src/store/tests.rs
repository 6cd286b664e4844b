//! Both engines through the contract: identity, lock, index, snapshots, copies.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::embedded::{EmbeddedOptions, EmbeddedStore, IndexReport, OpenReport};
use super::simulated::{Disk, Rng, SimulatedStore};
use super::*;

const ORIGIN: &str = "ledger.example/one";

fn options() -> EmbeddedOptions {
    EmbeddedOptions { segment_bytes: 16 << 10, ..EmbeddedOptions::default() }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap()
}

fn create(dir: &Path) {
    EmbeddedStore::create_with(dir, ORIGIN, now(), options()).unwrap();
}

fn open(dir: &Path) -> (EmbeddedStore, OpenReport) {
    EmbeddedStore::open(dir, ORIGIN, options()).unwrap()
}

fn command_id(seq: u64) -> Digest {
    Digest::of(&seq.to_be_bytes())
}

fn document(seq: u64) -> StoredDocument {
    let bytes = format!("document of {seq}").repeat(20).into_bytes();
    StoredDocument { digest: Digest::of(&bytes), bytes: bytes.into() }
}

/// The batch that always follows `first_seq` records: 1 to 5 records, each third with a document.
fn batch(first_seq: u64) -> Batch {
    let records = (first_seq..=first_seq + first_seq % 5).map(|seq| StoredRecord {
        recorded_at: now().plus_millis(seq).unwrap(),
        command_id: command_id(seq),
        envelope: format!("{{\"payload\":\"{seq}\"}}").into_bytes().into(),
        effects: format!("[{seq}]").into_bytes().into(),
    });
    let records = records.collect();
    let documents = if first_seq.is_multiple_of(3) { vec![document(first_seq)] } else { vec![] };
    Batch { first_seq, documents, records }
}

fn fill(store: &mut dyn Store, batches: u64) {
    for _ in 0..batches {
        let next = batch(store.reader().length());
        store.append(&next).unwrap();
    }
}

/// Everything that was appended can be found, in each way.
fn assert_complete(reader: &dyn StoreReader) {
    let mut length = 0;
    for read in reader.batches(0) {
        let want = batch(length);
        assert_eq!(read.unwrap(), want);
        for document in &want.documents {
            assert_eq!(reader.document(&document.digest).unwrap().as_ref(), Some(&document.bytes));
        }
        for (seq, record) in (length..).zip(&want.records) {
            assert_eq!(reader.seq_of_command(&record.command_id).unwrap(), Some(seq));
            assert_eq!(reader.record(seq).unwrap().as_ref(), Some(record));
        }
        length += want.records.len() as u64;
    }
    assert_eq!(reader.length(), length);
    assert_eq!(reader.seq_of_command(&command_id(length)).unwrap(), None);
    assert_eq!(reader.document(&Digest::of(b"none")).unwrap(), None);
}

fn behind(report: &OpenReport) -> Option<u64> {
    match report.index.as_ref()? {
        IndexReport::Kept { behind } => Some(*behind),
        IndexReport::Rebuilt { .. } => None,
    }
}

fn rebuilt(report: &OpenReport) -> String {
    match report.index.as_ref().unwrap() {
        IndexReport::Kept { .. } => panic!("the index was believed"),
        IndexReport::Rebuilt { reason } => reason.clone(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to.to_owned());
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // sled may move a file on at any moment; then the copy is without it, as after a crash.
            let _ = fs::copy(entry.path(), target);
        }
    }
}

#[test]
fn a_ledger_is_made_once_and_opened_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let refused = EmbeddedStore::open(dir.path(), ORIGIN, options()).map(drop);
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "nothing there: {refused:?}");
    create(dir.path());
    let again = EmbeddedStore::create(dir.path(), ORIGIN, now());
    assert!(matches!(again, Err(StoreError::Damaged { .. })), "{again:?}");
    let other = EmbeddedStore::open(dir.path(), "ledger.example/two", options()).map(drop);
    assert!(other.unwrap_err().to_string().contains("the ledger is ledger.example/one"));
    let (store, report) = open(dir.path());
    assert_eq!((report.created_at, report.tail.length, behind(&report)), (now(), 0, Some(0)));
    assert_complete(&*store.reader());
}

#[test]
fn a_creation_that_stopped_half_way_can_be_done_again_unless_records_are_there() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    fs::remove_file(dir.path().join("ledger.toml")).unwrap();
    create(dir.path());
    fill(&mut open(dir.path()).0, 1);
    fs::remove_file(dir.path().join("ledger.toml")).unwrap();
    let refused = EmbeddedStore::create(dir.path(), ORIGIN, now());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}

#[test]
fn a_second_writer_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let first = open(dir.path());
    match EmbeddedStore::open(dir.path(), ORIGIN, options()).map(drop) {
        Err(StoreError::Io { context, source }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::WouldBlock);
            assert!(context.contains("another process has this ledger open"), "{context}");
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    open(dir.path());
}

#[test]
fn everything_is_found_while_writing_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    for round in 0..3 {
        let (mut store, report) = open(dir.path());
        assert_eq!(behind(&report), Some(0), "closed well");
        assert_eq!(report.tail.mark.length, report.tail.length);
        let reader = store.reader();
        assert_complete(&*reader);
        fill(&mut store, 60);
        assert_complete(&*reader);
        drop(store);
        // Readers may outlive the store: the journal still answers, the index says that it is closed.
        assert!(reader.record(round).unwrap().is_some());
        assert!(reader.seq_of_command(&command_id(0)).is_err());
    }
    assert!(open(dir.path()).1.tail.segments > 2);
}

#[test]
fn an_index_that_is_gone_garbled_or_anothers_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let (mut store, _) = open(dir.path());
    fill(&mut store, 20);
    drop(store);
    let early = tempfile::tempdir().unwrap();
    copy(dir.path(), early.path());
    fill(&mut open(dir.path()).0, 20);

    let index = dir.path().join("index");
    let garble = |file: &str| {
        let path = index.join(file);
        let garbage = vec![0x5a; usize::try_from(fs::metadata(&path).unwrap().len()).unwrap().max(64)];
        fs::write(path, garbage).unwrap();
    };
    let replace_by = |from: &Path| {
        fs::remove_dir_all(&index).unwrap();
        copy(&from.join("index"), &index);
    };
    let other = tempfile::tempdir().unwrap();
    EmbeddedStore::create_with(other.path(), "ledger.example/two", now(), options()).unwrap();
    fill(&mut EmbeddedStore::open(other.path(), "ledger.example/two", options()).unwrap().0, 20);

    type Harm<'a> = (&'a str, &'a dyn Fn());
    let harms: [Harm; 4] = [
        ("gone", &|| fs::remove_dir_all(&index).unwrap()),
        ("conf garbled", &|| garble("conf")),
        ("db garbled", &|| garble("db")),
        ("another ledger's", &|| replace_by(other.path())),
    ];
    for (name, harm) in harms {
        harm();
        let (store, report) = open(dir.path());
        let reason = rebuilt(&report);
        assert_complete(&*store.reader());
        let moved = dir.path().join("quarantine");
        let kept = fs::read_to_string(moved.join("index-0.reason"));
        fs::create_dir_all(&moved).unwrap();
        fs::remove_dir_all(moved).unwrap();
        assert_eq!(kept.is_ok(), reason != "it was empty", "{name}: {reason}");
    }
    // An old one is right as far as it goes.
    replace_by(early.path());
    let (store, report) = open(dir.path());
    assert!(behind(&report).is_some_and(|behind| behind > 0), "{report:?}");
    assert_complete(&*store.reader());
}

#[test]
fn an_index_from_before_a_power_cut_is_summed_up_first() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    fill(&mut open(dir.path()).0, 40);
    let remove_one = || {
        let db = sled::open(dir.path().join("index")).unwrap();
        let key = [b"c", command_id(3).as_bytes().as_slice()].concat();
        db.open_tree("entries").unwrap().remove(key).unwrap().unwrap();
    };
    // Whole, though not closed well in this boot of the machine: believed.
    fs::write(dir.path().join("index.state"), "boot of another day\n").unwrap();
    assert_eq!(behind(&open(dir.path()).1), Some(0));
    remove_one();
    fs::write(dir.path().join("index.state"), "boot of another day\n").unwrap();
    let (store, report) = open(dir.path());
    assert_eq!(rebuilt(&report), "entries were lost when the machine stopped");
    assert_complete(&*store.reader());
}

#[test]
fn an_index_found_wrong_while_running_is_rebuilt_behind_the_answers() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    fill(&mut open(dir.path()).0, 40);
    {
        let db = sled::open(dir.path().join("index")).unwrap();
        let entries = db.open_tree("entries").unwrap();
        let key = |kind: &[u8], digest: Digest| [kind, digest.as_bytes().as_slice()].concat();
        entries.insert(key(b"c", command_id(3)), &9_u64.to_be_bytes()).unwrap();
        let place = [0_u32, 512, 20].map(u32::to_be_bytes).concat();
        entries.insert(key(b"d", document(0).digest), place).unwrap();
    }
    let (mut store, _) = open(dir.path());
    let reader = store.reader();
    // The document is found by reading the journal; the command's answer has to wait.
    assert_eq!(reader.document(&document(0).digest).unwrap(), Some(document(0).bytes));
    fill(&mut store, 5);
    let patience = Instant::now() + Duration::from_secs(20);
    while reader.seq_of_command(&command_id(3)).is_err() {
        assert!(Instant::now() < patience, "the index was not rebuilt");
        std::thread::sleep(Duration::from_millis(5));
    }
    fill(&mut store, 5);
    assert_complete(&*reader);
    drop(store);
    assert_eq!(behind(&open(dir.path()).1), Some(0));
}

#[test]
fn what_sled_left_half_made_stops_no_start() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    fill(&mut open(dir.path()).0, 10);
    fs::write(dir.path().join("index/snap.0000000000000000.generating"), [0xff; 4_096]).unwrap();
    fs::write(dir.path().join("index/snap.00000000FFFFFFFF.generating"), []).unwrap();
    let (store, report) = open(dir.path());
    assert_eq!(behind(&report), Some(0));
    assert_complete(&*store.reader());
}

#[test]
fn snapshots_are_kept_checked_and_bound_to_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let (mut store, _) = open(dir.path());
    let snapshot = |length: u64| StoredSnapshot { length, bytes: vec![7; 100_000] };
    assert_eq!(store.reader().snapshot().unwrap(), None);
    let mut lengths = vec![];
    for _ in 0..4 {
        fill(&mut store, 3);
        lengths.push(store.reader().length());
        store.put_snapshot(&snapshot(store.reader().length())).unwrap();
    }
    assert_eq!(store.reader().snapshot().unwrap(), Some(snapshot(lengths[3])));
    let refused = store.put_snapshot(&snapshot(lengths[3] + 1));
    assert!(matches!(refused, Err(StoreError::NotTheEnd { .. })), "of records that are not there");
    drop(store);

    let damage = |newest: bool| {
        let db = sled::open(dir.path().join("index")).unwrap();
        let snapshots = db.open_tree("snapshots").unwrap();
        assert_eq!(snapshots.len(), 2, "older ones went");
        let (key, value) = if newest { snapshots.last() } else { snapshots.first() }.unwrap().unwrap();
        let mut value = value.to_vec();
        value[50_000] ^= 1;
        snapshots.insert(key, value).unwrap();
    };
    damage(true);
    assert_eq!(open(dir.path()).0.reader().snapshot().unwrap(), Some(snapshot(lengths[2])));
    damage(false);
    assert_eq!(open(dir.path()).0.reader().snapshot().unwrap(), None);
}

#[test]
fn reading_only_writes_nothing_and_checks_everything() {
    fn tree(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(tree(&path))
            } else {
                files.push((path.clone(), fs::read(path).unwrap()))
            }
        }
        files.sort();
        files
    }
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let (mut store, _) = open(dir.path());
    let bytes: std::sync::Arc<[u8]> = vec![3; (8 << 20) + 1].into();
    let large = StoredDocument { digest: Digest::of(&bytes), bytes };
    store.append(&Batch { documents: vec![large.clone()], ..batch(0) }).unwrap();
    fill(&mut store, 30);
    drop(store);
    let before = tree(dir.path());
    let (reader, report) = EmbeddedStore::open_read_only(dir.path(), ORIGIN).unwrap();
    assert_eq!((report.index, report.tail.torn.is_some()), (None, false));
    assert_eq!(reader.document(&large.digest).unwrap(), Some(large.bytes));
    assert_eq!(reader.seq_of_command(&command_id(7)).unwrap(), Some(7));
    assert_eq!(tree(dir.path()), before);

    for (path, mut bytes) in before {
        let name = path.display().to_string();
        if name.contains("documents/") || name.ends_with(".seg") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let opened = EmbeddedStore::open_read_only(dir.path(), ORIGIN).map(|(_, report)| report);
            assert!(opened.is_err() || opened.unwrap().tail.torn.is_some(), "{name} passed");
            bytes[middle] ^= 1;
            fs::write(&path, &bytes).unwrap();
        }
    }
}

#[test]
fn a_journal_behind_its_mark_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    fill(&mut open(dir.path()).0, 1);
    let old = fs::read(dir.path().join("journal/0000000000.seg")).unwrap();
    fill(&mut open(dir.path()).0, 1);
    fs::write(dir.path().join("journal/0000000000.seg"), old).unwrap();
    let refused = EmbeddedStore::open(dir.path(), ORIGIN, options()).map(drop).unwrap_err().to_string();
    assert!(refused.contains("acknowledged records are lost"), "{refused}");
    // A journal brought back without its mark is refused by who knows more.
    fs::remove_file(dir.path().join("journal/acknowledged")).unwrap();
    let known = EmbeddedOptions { least_length: 2, ..options() };
    let refused = EmbeddedStore::open(dir.path(), ORIGIN, known).map(drop).unwrap_err().to_string();
    assert!(refused.contains("2 records were known to be durable"), "{refused}");
    open(dir.path());
}

#[test]
fn copied_while_it_runs_opens_with_all_that_was_acknowledged_before() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let (mut store, _) = open(dir.path());
    for round in 0..10 {
        fill(&mut store, 7);
        let acknowledged = store.reader().length();
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let (store, report) = open(copied.path());
        assert!(report.tail.length >= acknowledged, "round {round}");
        assert_complete(&*store.reader());
    }
}

#[test]
fn the_simulated_store_is_a_store_and_the_same_each_time() {
    let run = |seed: u64| {
        let disk = Disk::new(seed);
        SimulatedStore::create(&disk, ORIGIN, 16 << 10).unwrap();
        let mut rng = Rng::new(seed);
        let mut acknowledged = 0;
        for _ in 0..5 {
            disk.fail_power_after(20 + rng.below(60));
            if let Ok((mut store, _)) = SimulatedStore::open(&disk, ORIGIN, 16 << 10, acknowledged) {
                loop {
                    let next = batch(store.reader().length());
                    if store.append(&next).is_err() {
                        break;
                    }
                    acknowledged = store.reader().length();
                    let length = acknowledged;
                    let noted = match rng.below(8) {
                        0 => store.put_snapshot(&StoredSnapshot { length, bytes: vec![7; 999] }),
                        1 => store.mark(),
                        _ => Ok(()),
                    };
                    if noted.is_err() {
                        break;
                    }
                }
            }
            disk.crash();
            let (store, _) = SimulatedStore::open(&disk, ORIGIN, 16 << 10, acknowledged)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_complete(&*store.reader());
            acknowledged = store.reader().length();
            if let Some(snapshot) = store.reader().snapshot().unwrap() {
                assert!(snapshot.length <= acknowledged && snapshot.bytes == [7; 999], "seed {seed}");
            }
        }
        disk.files().into_iter().map(|(name, _)| Digest::of(&disk.read(&name).unwrap())).collect::<Vec<_>>()
    };
    for seed in 0..40 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

/// Effects as receipts tell them: accounts by name, or counted with a document beside that names them.
fn history_batch(first_seq: u64) -> Batch {
    let mut documents = Vec::new();
    let records = (first_seq..=first_seq + first_seq % 4).map(|seq| {
        let effects = match seq % 7 {
            0 => {
                let line = |to: u64| {
                    format!(
                        "{{\"amount\":\"1\",\"asset\":\"X\",\"from\":\"a{}\",\"to\":\"b{to}\"}}\n",
                        seq % 5
                    )
                };
                let bytes = (seq..seq + 70).map(line).collect::<String>().into_bytes();
                let digest = Digest::of(&bytes);
                // Of every other one the document is elsewhere.
                if seq % 2 == 0 {
                    documents.push(StoredDocument { digest, bytes: bytes.into() });
                }
                format!(
                    "[{{\"count\":\"71\",\"kind\":\"accounts\"}},{{\"id\":\"{}\",\"kind\":\"document\"}}]",
                    digest.tagged()
                )
            }
            1 => "[]".to_owned(),
            _ => format!(
                "[{{\"id\":\"a{}\",\"kind\":\"account\"}},{{\"id\":\"b{}\",\"kind\":\"account\"}}]",
                seq % 5,
                seq % 90
            ),
        };
        StoredRecord {
            // Several frames share a time, and some times have no record.
            recorded_at: now().plus_millis(seq / 6 * 10).unwrap(),
            command_id: command_id(seq),
            envelope: b"{}".as_slice().into(),
            effects: effects.into_bytes().into(),
        }
    });
    let records = records.collect();
    Batch { first_seq, documents, records }
}

/// What the index answers is what reading every record answers.
fn assert_history(reader: &dyn StoreReader) {
    use super::Along::{DownFrom, UpFrom};
    let length = reader.length();
    for account in ["a0", "a4", "b3", "b30", "none"] {
        let account = crate::id::AccountId::parse(account).unwrap();
        for along in [
            UpFrom(0),
            UpFrom(length / 2),
            UpFrom(length),
            DownFrom(0),
            DownFrom(length / 3),
            DownFrom(length),
        ] {
            for most in [1, 7, 10_000] {
                let want = super::scan::account_seqs(reader, &account, along, most).unwrap();
                assert_eq!(
                    reader.account_seqs(&account, along, most).unwrap(),
                    want,
                    "{account} {along:?} {most}"
                );
            }
        }
    }
    for ms in (0..length * 2).step_by(5) {
        let at = now().plus_millis(ms).unwrap();
        assert_eq!(reader.seq_at(at).unwrap(), super::scan::seq_at(reader, at).unwrap(), "{at}");
    }
    let before = Timestamp::from_millis(now().millis() - 1).unwrap();
    assert_eq!(reader.seq_at(before).unwrap(), None);
}

#[test]
fn histories_are_found_with_the_index_behind_gone_or_of_another_kind() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let fill = |store: &mut EmbeddedStore| {
        for _ in 0..40 {
            let next = history_batch(store.reader().length());
            store.append(&next).unwrap();
        }
    };
    let (mut store, _) = open(dir.path());
    fill(&mut store);
    assert_history(&*store.reader());
    drop(store);
    assert_history(&*open(dir.path()).0.reader());

    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (mut store, report) = open(dir.path());
    assert_eq!(rebuilt(&report), "it was empty");
    fill(&mut store);
    assert_history(&*store.reader());
    drop(store);

    // An index from before there were accounts and times in it.
    {
        let db = sled::open(dir.path().join("index")).unwrap();
        let entries = db.open_tree("entries").unwrap();
        let watermark = entries.get(b"w").unwrap().unwrap();
        entries.insert(b"w", &watermark[1..]).unwrap();
    }
    let (store, report) = open(dir.path());
    assert_eq!(rebuilt(&report), "it is of another kind");
    assert_history(&*store.reader());
}
