//! The journal over the simulated disk: bytes, tails, flips, full disks, crashes.

mod power;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::store::medium::Medium;
use crate::store::simulated::{Disk, Rng};
use crate::store::{Batch, StoredDocument, StoredRecord};
use crate::time::Timestamp;

const SEGMENT_BYTES: u32 = 8 << 10;
const OPTIONS: JournalOptions =
    JournalOptions { segment_bytes: SEGMENT_BYTES, filling: Filling::WhenNeeded, least_length: 0 };

fn origin() -> Digest {
    Digest::of(b"ledger.example/one")
}

fn medium(disk: &Disk) -> Arc<dyn Medium> {
    Arc::new(disk.clone())
}

fn create(disk: &Disk) {
    Journal::create(disk, origin(), SEGMENT_BYTES).unwrap();
}

fn open(disk: &Disk) -> Result<(Journal, Marker, TailReport), StoreError> {
    Journal::open(&medium(disk), origin(), OPTIONS)
}

fn record(seq: u64, bytes: usize) -> StoredRecord {
    let text = format!("{{\"payload\":\"{seq}\"}}");
    let mut envelope = text.into_bytes();
    envelope.resize(envelope.len().max(bytes), b'x');
    StoredRecord {
        recorded_at: Timestamp::from_millis(1_700_000_000_000 + seq % 1_000_000).unwrap(),
        command_id: Digest::of(&seq.to_be_bytes()),
        envelope: envelope.into(),
        effects: format!("[{seq}]").into_bytes().into(),
    }
}

fn document(bytes: Vec<u8>) -> StoredDocument {
    StoredDocument { digest: Digest::of(&bytes), bytes: bytes.into() }
}

fn batch(first_seq: u64, records: u64, documents: Vec<StoredDocument>) -> Batch {
    let records = (first_seq..first_seq + records).map(|seq| record(seq, 0)).collect();
    Batch { first_seq, documents, records }
}

fn random_batch(rng: &mut Rng, first_seq: u64) -> Batch {
    let records = (0..1 + rng.below(4)).map(|place| {
        let bytes = usize::try_from(rng.below(700)).unwrap();
        record(first_seq + place, bytes)
    });
    let records = records.collect();
    let documents = (0..rng.below(3)).map(|_| {
        let bytes = usize::try_from(rng.below(1_500)).unwrap();
        // Runs of zeros, as real documents have, are where a torn sector could hide.
        let fill = if rng.percent(30) { 0 } else { 7 };
        document([&rng.bits().to_be_bytes()[..], &vec![fill; bytes]].concat())
    });
    let documents = documents.collect();
    Batch { first_seq, documents, records }
}

fn batches(journal: &Arc<JournalReader>) -> Result<Vec<Batch>, StoreError> {
    journal.walk(0, Check::Whole).collect()
}

/// Batches of 1, 2 and 3 records, the second with two documents, the third with one of zeros.
fn three() -> Vec<Batch> {
    vec![
        batch(0, 1, vec![]),
        batch(1, 2, vec![document(b"a statement".to_vec()), document(vec![0xab; 600])]),
        batch(3, 3, vec![document(vec![0; 1_200])]),
    ]
}

fn small_journal(disk: &Disk, marked: bool) -> Vec<Batch> {
    create(disk);
    let (mut journal, mut marker, _) = open(disk).unwrap();
    for batch in three() {
        journal.append(&batch).unwrap();
    }
    if marked {
        marker.mark().unwrap();
    }
    three()
}

const FIRST: &str = "journal/0000000000.seg";

#[test]
fn bytes_are_golden() {
    let disk = Disk::new(0);
    small_journal(&disk, true);
    for (file, golden) in [
        (FIRST, include_str!("../../../../tests/golden/journal-segment.hex")),
        ("journal/acknowledged", include_str!("../../../../tests/golden/journal-mark.hex")),
    ] {
        let bytes = disk.read(file).unwrap();
        let lines = bytes.chunks(32).enumerate().filter(|(_, line)| !layout::is_zero(line));
        let text: String = lines
            .map(|(place, line)| format!("{:06x} {}\n", place * 32, data_encoding::HEXLOWER.encode(line)))
            .collect();
        assert_eq!(text, golden, "{file}: another layout is another format version");
    }
}

#[test]
fn what_was_appended_is_read_back() {
    let disk = Disk::new(0);
    let want = small_journal(&disk, false);
    let (journal, _, report) = open(&disk).unwrap();
    let reader = journal.reader();
    assert_eq!(batches(&reader).unwrap(), want);
    assert_eq!((report.length, report.frames, report.torn), (6, 3, None));
    for (seq, record) in (0..).zip(want.iter().flat_map(|batch| &batch.records)) {
        assert_eq!(reader.record(seq).unwrap().as_ref(), Some(record));
    }
    assert_eq!(reader.record(6).unwrap(), None);
    let from_middle: Result<Vec<_>, _> = reader.walk(4, Check::Whole).collect();
    assert_eq!(from_middle.unwrap(), want[2..]);
    for length in 0..=6 {
        let ends_a_frame = [0, 1, 3, 6].contains(&length);
        assert_eq!(reader.chain_after(length).unwrap().is_some(), ends_a_frame, "{length}");
    }
}

#[test]
fn documents_are_found_where_the_entries_say() {
    let disk = Disk::new(0);
    create(&disk);
    let (mut journal, _, _) = open(&disk).unwrap();
    let large = document(vec![9; frame::INLINE_BYTES_MAX + 1]);
    let with_large =
        Batch { documents: vec![large.clone(), document(b"small".to_vec())], ..batch(0, 2, vec![]) };
    let entries = journal.append(&with_large).unwrap();
    let reader = journal.reader();
    assert_eq!(reader.walk(0, Check::Whole).next_entries().unwrap().unwrap(), entries);
    assert_eq!(reader.walk(0, Check::Whole).next().unwrap().unwrap(), with_large);
    for (digest, place) in &entries.documents {
        let found = reader.document_at(digest, *place).unwrap().unwrap();
        assert_eq!(Digest::of(&found), *digest);
        assert_eq!(reader.find_document(digest).unwrap(), Some(found));
    }
    let hex = large.digest.to_string();
    let path = format!("documents/{}/{}", &hex[..2], &hex[2..]);
    disk.flip(&path, 77, 1);
    let (digest, place) = entries.documents[0];
    assert!(matches!(reader.document_at(&digest, place), Err(StoreError::Damaged { .. })));
    assert_eq!(reader.find_document(&Digest::of(b"none")).unwrap(), None);
}

#[test]
fn segments_follow_each_other() {
    let disk = Disk::new(0);
    create(&disk);
    let (mut journal, _, _) = open(&disk).unwrap();
    let mut want = Vec::new();
    let mut rng = Rng::new(7);
    for _ in 0..40 {
        let next = random_batch(&mut rng, journal.reader().end().length);
        journal.append(&next).unwrap();
        want.push(next);
    }
    // A frame larger than a segment gets a segment of its size.
    let large = batch(journal.reader().end().length, 1, vec![document(vec![5; 20_000])]);
    journal.append(&large).unwrap();
    want.push(large);
    let (journal, _, report) = open(&disk).unwrap();
    assert!(report.segments > 3, "{report:?}");
    assert_eq!(batches(&journal.reader()).unwrap(), want);
    drop(journal);

    disk.remove("journal/0000000001.seg").unwrap();
    let Err(StoreError::Damaged { place, .. }) = open(&disk) else { panic!("a segment is missing") };
    assert_eq!(place, "journal/0000000001.seg");
}

#[test]
fn a_batch_elsewhere_than_at_the_end_is_refused() {
    let disk = Disk::new(0);
    small_journal(&disk, false);
    let (mut journal, _, _) = open(&disk).unwrap();
    for first_seq in [0, 5, 7] {
        let refused = journal.append(&batch(first_seq, 1, vec![]));
        assert!(matches!(refused, Err(StoreError::NotTheEnd { length: 6, .. })), "{refused:?}");
    }
    journal.append(&batch(6, 1, vec![])).unwrap();
}

#[test]
fn the_last_frame_cut_anywhere_is_torn_or_refused_never_half_there() {
    let whole = Disk::new(0);
    let want = small_journal(&whole, false);
    let (journal, _, report) = open(&whole).unwrap();
    let end = usize::try_from(journal.reader().end().offset).unwrap();
    let bytes = whole.read(FIRST).unwrap();
    let last = bytes[..end].windows(4).rposition(|window| window == b"PLFR").unwrap();
    let last_byte = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    assert_eq!(report.torn, None);
    for cut in last..=last_byte {
        let disk = Disk::new(0);
        small_journal(&disk, false);
        for (at, byte) in bytes.iter().enumerate().take(end).skip(cut) {
            disk.flip(FIRST, at, *byte);
        }
        match open(&disk) {
            // A disk writes sectors whole, so only a cut at their edges is a torn write.
            Ok((mut journal, _, report)) => {
                assert_eq!(batches(&journal.reader()).unwrap(), want[..2], "cut at {cut}");
                assert_eq!(report.length, 3);
                assert_eq!(report.torn.is_some(), cut > last, "cut at {cut}");
                journal.append(&want[2]).unwrap();
                assert_eq!(batches(&journal.reader()).unwrap(), want);
            }
            Err(StoreError::Damaged { place, .. }) => {
                assert!(cut % 512 != 0, "cut at {cut}");
                assert_eq!(place, format!("{FIRST}, byte {last}, record 3"));
            }
            Err(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn any_mix_of_the_last_frames_sectors_is_torn_and_kept_aside() {
    let whole = Disk::new(0);
    let want = small_journal(&whole, false);
    let bytes = whole.read(FIRST).unwrap();
    let (journal, _, _) = open(&whole).unwrap();
    let end = usize::try_from(journal.reader().end().offset).unwrap();
    let last = bytes[..end].windows(4).rposition(|window| window == b"PLFR").unwrap();
    let sectors = (end - last) / 512;
    for lost in 1..1_u32 << sectors {
        let disk = Disk::new(0);
        small_journal(&disk, false);
        let mut changed = false;
        for sector in (0..sectors).filter(|sector| lost >> sector & 1 == 1) {
            for (at, byte) in bytes.iter().enumerate().skip(last + sector * 512).take(512) {
                changed |= *byte != 0;
                disk.flip(FIRST, at, *byte);
            }
        }
        let left = disk.read(FIRST).unwrap()[last..].to_vec();
        let (journal, _, report) = open(&disk).unwrap();
        let held = batches(&journal.reader()).unwrap();
        assert_eq!(held, want[..if changed { 2 } else { 3 }], "lost {lost:b}");
        if let Some(torn) = report.torn {
            let kept = disk.read(&torn.kept_as.unwrap()).unwrap();
            assert!(left.starts_with(&kept) && layout::is_zero(&left[kept.len()..]));
            assert!(layout::is_zero(&disk.read(FIRST).unwrap()[last..]));
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let size = SEGMENT_BYTES as usize;
    for marked in [true, false] {
        let disk = Disk::new(0);
        let want = small_journal(&disk, marked);
        let end = disk.read(FIRST).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
        for (at, mask) in (0..size).flat_map(|at| [1_u8, 0x80].map(|mask| (at, mask))) {
            disk.flip(FIRST, at, mask);
            let opened = open_read_only(medium(&disk), origin());
            let opened = opened.and_then(|(reader, report)| Ok((batches(&reader)?, report)));
            match opened {
                Err(StoreError::Damaged { place, .. }) => assert!(place.starts_with("journal"), "{place}"),
                Err(other) => panic!("byte {at}: {other}"),
                // Beyond the frames it is told, whatever it was; within, it is refused.
                Ok((held, report)) => {
                    assert!(report.torn.is_some(), "byte {at} passed");
                    assert_eq!(held, want);
                    assert!(at > end, "byte {at} of a frame was taken for a torn write");
                }
            }
            disk.flip(FIRST, at, mask);
        }
        open_read_only(medium(&disk), origin()).unwrap();
    }
}

#[test]
fn a_flipped_byte_in_an_older_segment_is_found() {
    let disk = Disk::new(0);
    create(&disk);
    let (mut journal, _, _) = open(&disk).unwrap();
    for seq in 0..30 {
        journal.append(&batch(seq, 1, vec![])).unwrap();
    }
    drop(journal);
    for at in 0..SEGMENT_BYTES as usize {
        disk.flip(FIRST, at, 4);
        let read = open_read_only(medium(&disk), origin()).and_then(|(reader, _)| batches(&reader));
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "byte {at}");
        disk.flip(FIRST, at, 4);
    }
}

#[test]
fn zeros_in_place_of_an_older_frames_sector_are_damage() {
    let disk = Disk::new(0);
    small_journal(&disk, false);
    let bytes = disk.read(FIRST).unwrap();
    let starts = (0..bytes.len()).step_by(512).filter(|at| bytes[*at..].starts_with(b"PLFR"));
    let starts: Vec<usize> = starts.collect();
    assert_eq!(starts.len(), 3);
    for sector in (starts[0]..starts[2]).step_by(512) {
        let clear = || (sector..sector + 512).for_each(|at| disk.flip(FIRST, at, bytes[at]));
        clear();
        let read = open_read_only(medium(&disk), origin()).and_then(|(reader, _)| batches(&reader));
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "sector at {sector}");
        clear();
    }
}

#[test]
fn a_frame_that_was_marked_is_not_taken_for_torn() {
    for marked in [false, true] {
        let disk = Disk::new(0);
        small_journal(&disk, marked);
        let bytes = disk.read(FIRST).unwrap();
        let last = bytes.windows(4).rposition(|window| window == b"PLFR").unwrap();
        for (at, byte) in bytes.iter().enumerate().skip(last).take(512) {
            disk.flip(FIRST, at, *byte);
        }
        let opened = open(&disk).map(|(_, _, report)| report.torn.is_some());
        match opened {
            Ok(torn) => assert!(torn && !marked),
            Err(error) => assert!(marked, "{error}"),
        }
    }
    let disk = Disk::new(0);
    small_journal(&disk, false);
    let options = JournalOptions { least_length: 7, ..OPTIONS };
    let refused = Journal::open(&medium(&disk), origin(), options).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
}

#[test]
fn a_damaged_mark_is_told_and_stops_nothing() {
    let disk = Disk::new(0);
    small_journal(&disk, true);
    for at in 0..1_024 {
        disk.flip("journal/acknowledged", at, 2);
        let (_, report) = open_read_only(medium(&disk), origin()).unwrap();
        assert_eq!(report.mark.unreadable_sectors, 1, "byte {at}");
        disk.flip("journal/acknowledged", at, 2);
    }
}

#[test]
fn another_ledgers_journal_is_refused() {
    let disk = Disk::new(0);
    small_journal(&disk, true);
    let refused = open_read_only(medium(&disk), Digest::of(b"ledger.example/two")).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
}

#[test]
fn reading_only_changes_nothing() {
    let disk = Disk::new(0);
    small_journal(&disk, false);
    disk.flip(FIRST, SEGMENT_BYTES as usize - 1, 1);
    let before = (disk.operations(), disk.read(FIRST));
    let (reader, report) = open_read_only(medium(&disk), origin()).unwrap();
    assert_eq!(batches(&reader).unwrap(), three());
    assert_eq!(report.torn.unwrap().kept_as, None);
    assert_eq!((disk.operations(), disk.read(FIRST)), before);
}

#[test]
fn a_full_disk_leaves_all_as_it_was() {
    for filling in [Filling::WhenNeeded, Filling::Ahead] {
        let disk = Disk::new(0);
        create(&disk);
        // The segment, the mark, and less than another segment.
        disk.set_capacity(u64::from(SEGMENT_BYTES) + 4_096);
        let options = JournalOptions { filling, ..OPTIONS };
        let (journal, _, _) = Journal::open(&medium(&disk), origin(), options).unwrap();
        meets_a_full_disk(&disk, journal);
    }
}

fn meets_a_full_disk(disk: &Disk, mut journal: Journal) {
    let mut length = 0;
    let refused = loop {
        match journal.append(&batch(length, 1, vec![])) {
            Ok(_) => length += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    assert_eq!(journal.reader().end().length, length);
    let names: Vec<String> = disk.files().into_iter().map(|(name, _)| name).collect();
    assert!(!names.iter().any(|name| name.ends_with(".next")), "the half-made segment gave its room back");
    assert!(matches!(journal.append(&batch(length, 1, vec![])), Err(StoreError::Full)));
    // A document too large for a frame meets it too.
    disk.set_capacity(u64::MAX);
    journal.append(&batch(length, 1, vec![])).unwrap();
    disk.set_capacity(1);
    let large = document(vec![1; frame::INLINE_BYTES_MAX + 1]);
    let refused = journal.append(&batch(length + 1, 1, vec![large]));
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    disk.set_capacity(u64::MAX);
    journal.append(&batch(length + 1, 1, vec![])).unwrap();
    assert_eq!(batches(&journal.reader()).unwrap().len() as u64, length + 2);
}

#[test]
fn a_failed_sync_ends_appending_for_ever_and_what_it_left_is_written_again() {
    let disk = Disk::new(0);
    create(&disk);
    let (mut journal, _, _) = open(&disk).unwrap();
    journal.append(&batch(0, 1, vec![])).unwrap();
    disk.fail_next_sync();
    assert!(matches!(journal.append(&batch(1, 1, vec![])), Err(StoreError::Io { .. })));
    let length = journal.reader().end().length;
    assert_eq!(length, 1, "readers never see what was not durable");
    assert!(matches!(journal.append(&batch(1, 1, vec![])), Err(StoreError::Io { .. })));
    drop(journal);
    // Without a crash between, the frame can be read though the disk never took it.
    let (mut journal, _, report) = open(&disk).unwrap();
    assert_eq!(report.length, 2);
    journal.append(&batch(2, 1, vec![])).unwrap();
    disk.crash();
    assert_eq!(open(&disk).unwrap().2.length, 3);
}

proptest! {
    #[test]
    fn frames_say_what_batches_say(seed: u64, first_seq in 0..u64::MAX / 4) {
        let batch = random_batch(&mut Rng::new(seed), first_seq);
        let plan = frame::Plan::of(&batch);
        let mut bytes = Vec::new();
        let chain = frame::encode(&batch, &plan, origin(), &mut bytes);
        prop_assert_eq!(bytes.len(), plan.frame_bytes());
        let frame = frame::Frame::check(&bytes, Check::Whole).unwrap();
        prop_assert_eq!(frame.chain, chain);
        prop_assert_eq!(frame.records().unwrap(), batch.records);
        let documents: Vec<_> = frame.documents.iter().map(|(e, range)| frame.inline(e, range)).collect();
        prop_assert_eq!(documents, batch.documents);
        prop_assert!(!frame::is_torn(&frame.header, &bytes));
    }
}
