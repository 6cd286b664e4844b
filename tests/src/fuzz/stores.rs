//! What lies in a ledger's directory: a copy may come from anywhere.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::digest::Digest;
use ledger::snapshot;
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::store::{Batch, Store as _, StoredDocument, StoredRecord, StoredSnapshot, Survey};
use ledger::time::Timestamp;
use tempfile::TempDir;

use super::corpus::examples;
use super::{Cost, Form, Reading, Target};
use crate::driver::Driver;
use crate::world;

pub(super) const TARGETS: [Target; 4] = [
    Target { name: "segment", form: Form::Bytes, cost: Cost::Middle, corpus: segments, read: read_segment },
    Target { name: "mark", form: Form::Bytes, cost: Cost::Middle, corpus: marks, read: read_mark },
    Target {
        name: "ledger_toml",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: identities,
        read: read_identity,
    },
    Target {
        name: "snapshot",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: snapshots,
        read: load_snapshot,
    },
];

const SECTOR: usize = 512;
const SEGMENT: &str = "journal/0000000000.seg";
const MARK: &str = "journal/acknowledged";
const IDENTITY: &str = "ledger.toml";

/// A ledger of two frames and three documents, whose bytes mean nothing.
struct Home {
    dir: TempDir,
}

impl Home {
    fn make() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = EmbeddedOptions { segment_bytes: 6 << 10, ..EmbeddedOptions::default() };
        let made = EmbeddedStore::create_with(dir.path(), world::ORIGIN, Timestamp::epoch(), options);
        made.expect("a ledger is made");
        let (mut store, _) = EmbeddedStore::open(dir.path(), world::ORIGIN, options).expect("it opens");
        let document = |text: &str| StoredDocument {
            digest: Digest::of(text.as_bytes()),
            bytes: Arc::from(text.as_bytes()),
        };
        let record = |n: u64| StoredRecord {
            recorded_at: Timestamp::from_millis(n).expect("a time"),
            command_id: Digest::of(&n.to_be_bytes()),
            envelope: Arc::from(format!("envelope {n}").as_bytes()),
            effects: Arc::from(*b"[]"),
        };
        let zeros = "\0".repeat(1_200);
        let batches = [
            Batch {
                first_seq: 0,
                documents: vec![document("a"), document(&zeros)],
                records: vec![record(0)],
            },
            Batch { first_seq: 1, documents: vec![document("b")], records: vec![record(1), record(2)] },
        ];
        batches.iter().for_each(|batch| store.append(batch).expect("it is appended"));
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file of the ledger")
    }

    /// What a look through the directory says with other bytes in one of its files. Whatever is said
    /// to be sound can be read, and is taken at opening.
    fn survey(&self, name: &str, bytes: &[u8]) -> Option<Survey> {
        let whole = self.file(name);
        fs::write(self.path(name), bytes).expect("a file of the ledger");
        let surveyed = EmbeddedStore::survey(self.dir.path());
        let opened = EmbeddedStore::open_read_only(self.dir.path(), world::ORIGIN);
        fs::write(self.path(name), whole).expect("a file of the ledger");
        let (origin, reader, survey) = surveyed.ok()?;
        let read: u64 = reader.batches(0).map_while(Result::ok).map(|batch| batch.records.len() as u64).sum();
        assert_eq!(read, survey.length, "every record before the first damage can be read");
        if name == SEGMENT {
            let sound =
                survey.faults.is_empty() && survey.document_faults.is_empty() && origin == world::ORIGIN;
            match opened {
                Ok((opened, report)) => {
                    assert!(sound || report.tail.torn.is_some() || opened.length() == survey.length);
                }
                Err(error) => assert!(!sound, "sound, and yet not opened: {error}"),
            }
        }
        Some(survey)
    }
}

thread_local! {
    static HOME: Home = Home::make();
}

fn segments() -> Vec<Vec<u8>> {
    vec![HOME.with(|home| home.file(SEGMENT))]
}

/// As it is, and with every checksum made right again, so that what lies behind them is reached.
fn read_segment(bytes: &[u8]) -> Reading {
    HOME.with(|home| {
        let is_sound = |bytes: &[u8]| {
            home.survey(SEGMENT, bytes).is_some_and(|survey| {
                survey.faults.is_empty() && survey.document_faults.is_empty() && survey.length == 3
            })
        };
        let raw = is_sound(bytes);
        assert!(!raw || bytes == home.file(SEGMENT), "changed bytes are found");
        let sealed = is_sound(&sealed(bytes));
        if raw || sealed { Reading::Accepted } else { Reading::Refused }
    })
}

fn marks() -> Vec<Vec<u8>> {
    vec![HOME.with(|home| home.file(MARK))]
}

fn read_mark(bytes: &[u8]) -> Reading {
    HOME.with(|home| {
        let mut resealed = bytes.to_vec();
        resealed.chunks_exact_mut(SECTOR).for_each(|sector| seal(sector, SECTOR - 4));
        let surveys = [home.survey(MARK, bytes), home.survey(MARK, &resealed)];
        let sound = surveys.iter().flatten().any(|survey| survey.faults.is_empty());
        if sound { Reading::Accepted } else { Reading::Refused }
    })
}

fn identities() -> Vec<Vec<u8>> {
    let mut all = examples([
        "format_version = 1\norigin = \"ledger.example/tests\"\ncreated_at = \"x\"\n",
        "format_version = 2\n",
    ]);
    all.push(HOME.with(|home| home.file(IDENTITY)));
    all
}

fn read_identity(bytes: &[u8]) -> Reading {
    HOME.with(|home| {
        let whole = home.file(IDENTITY);
        fs::write(home.path(IDENTITY), bytes).expect("a file of the ledger");
        let origin = EmbeddedStore::origin(home.dir.path());
        fs::write(home.path(IDENTITY), whole).expect("a file of the ledger");
        let survey = home.survey(IDENTITY, bytes);
        let known = origin.as_deref().is_ok_and(|origin| origin == world::ORIGIN);
        let sound = survey.is_some_and(|survey| survey.faults.is_empty());
        assert_eq!(known, sound, "only its own origin makes a journal sound: {origin:?}");
        Reading::of(&origin)
    })
}

thread_local! {
    static SNAPSHOTS: Vec<Vec<u8>> = made_snapshots();
}

fn snapshots() -> Vec<Vec<u8>> {
    SNAPSHOTS.with(Clone::clone)
}

fn made_snapshots() -> Vec<Vec<u8>> {
    let root = Digest::of(b"root");
    let driver = Driver::with_world(false);
    vec![snapshot::store(&Driver::open(false).state, root).bytes, snapshot::store(&driver.state, root).bytes]
}

/// What follows the head of this very version is covered by the digest that the store keeps with it and
/// is not foreign: only whole examples are read to the end.
fn load_snapshot(bytes: &[u8]) -> Reading {
    let examples = SNAPSHOTS.with(Clone::clone);
    let head = &examples[0][..7];
    if bytes.starts_with(head) && !examples.iter().any(|example| example == bytes) {
        return Reading::Refused;
    }
    let length_of_world = 1 + u64::try_from(world::lines(world::STAGE).count()).expect("few");
    let loads = [1, length_of_world]
        .map(|length| snapshot::load(&StoredSnapshot { length, bytes: bytes.to_vec() }, world::ORIGIN));
    let mut reading = Reading::Refused;
    for (state, root) in loads.into_iter().flatten() {
        let again = snapshot::load(&snapshot::store(&state, root), world::ORIGIN);
        assert!(again == Some((state, root)), "what is kept is loaded");
        reading = Reading::Accepted;
    }
    reading
}

/// Writes the CRC-32C of what stands before `at` there.
fn seal(bytes: &mut [u8], at: usize) {
    let crc = crc32c::crc32c(&bytes[..at]);
    bytes[at..at + 4].copy_from_slice(&crc.to_be_bytes());
}

/// A segment with its size, checksums and chain values made right, frame by frame, as far as frames
/// follow each other.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < SECTOR {
        return bytes;
    }
    let size = bytes.len() as u64;
    bytes[56..64].copy_from_slice(&size.to_be_bytes());
    seal(&mut bytes[..SECTOR], SECTOR - 4);
    let mut chain: [u8; 32] = bytes[64..96].try_into().expect("32 bytes");
    let mut at = SECTOR;
    while let Some(frame) =
        bytes.get_mut(at..).filter(|rest| rest.starts_with(b"PLFR") && rest.len() >= SECTOR)
    {
        frame[28..60].copy_from_slice(&chain);
        seal(frame, 60);
        let Some((length, value)) = chain_value(frame) else { break };
        let chain_at = length - 32;
        frame[chain_at..length].copy_from_slice(&value);
        chain = value;
        at += length.next_multiple_of(SECTOR);
    }
    bytes
}

/// A frame's length up to the end of its chain value, and that value, if what its header says fits.
fn chain_value(frame: &[u8]) -> Option<(usize, [u8; 32])> {
    let number = |at: usize| Some(u32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?) as usize);
    let (payload, documents) = (number(4)?, number(20)?);
    let chain_at = payload.checked_add(64)?;
    let table_end = documents.checked_mul(48)?.checked_add(64).filter(|end| *end <= chain_at)?;
    frame.get(..chain_at.checked_add(32)?)?;
    let mut records_at = table_end;
    for entry in frame[64..table_end].chunks_exact(48) {
        let (length, kept) = entry[32..].split_at(8);
        if kept == [0; 8] {
            let length = u64::from_be_bytes(length.try_into().ok()?);
            records_at = records_at.checked_add(usize::try_from(length).ok()?)?;
        }
    }
    let records = frame.get(records_at..chain_at)?;
    let value = Digest::of_parts(&[b"pledger/journal/frame/v1\n", &frame[..table_end], records]);
    Some((chain_at + 32, value.0))
}
