//! Bytes that must not change under one version, in both directions: what is written today is what was
//! written then, and what was written then is read today.
//!
//! `tests/golden/formats/` was written once. A test that fails here tells of a change of format: it
//! needs a new version of that format (and, where a ledger replays it, of the rules), beside the old
//! one, which is still read. Only then are the files written anew, by
//! `PLEDGER_GOLDEN=write cargo test -p tests --test it golden::`.
//!
//! | format | where |
//! |---|---|
//! | commands, envelopes, record leaves, effects | `formats/records.txt`; `audit.json` |
//! | price, position, agreement and batch documents | `formats/documents/` |
//! | `ledger.toml`, segments, mark, checkpoints, tiles, bundles | `formats/ledger/`; `ledger/tests/golden/` |
//! | notes, vkeys, receipts, fork evidence, sum trees, policies | `audit.json` |
//! | the verification's report | `formats/verify-report.json` |
//! | key files | here |
//! | snapshots (a cache: only its version must rise) | `formats/snapshot.txt` |
//!
//! The index is a cache without a version: it is compared with the journal and made again.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::command::Command;
use ledger::digest::Digest;
use ledger::envelope::Envelope;
use ledger::json::{self, Json};
use ledger::key::SecretKey;
use ledger::profile::{self, Tree};
use ledger::record::Record;
use ledger::replay;
use ledger::snapshot;
use ledger::state::State;
use ledger::store::StoredRecord;
use ledger::time::Timestamp;
use ledger::verify::Verdict;
use tests::driver::Driver;
use tests::world;

use crate::verify::{build, copy, files, verify};

const WHAT_TO_DO: &str = "the format changed: it needs a new version, and the old one must still be read";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/formats").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares with the golden file; the first line that differs is told.
fn assert_golden(name: &str, bytes: &[u8]) {
    if std::env::var("PLEDGER_GOLDEN").as_deref() == Ok("write") {
        fs::create_dir_all(path(name).parent().expect("a folder")).expect("a folder");
        fs::write(path(name), bytes).expect("a golden file");
    }
    let golden = read(name);
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (was, is) = (lines(&golden), lines(bytes));
    for (place, (was, is)) in was.iter().zip(&is).enumerate() {
        assert_eq!(is, was, "{name}, line {}: {WHAT_TO_DO}", place + 1);
    }
    assert!(golden == bytes, "{name}: {WHAT_TO_DO}");
}

/// A day with a command of each family. What it brings is golden, too.
const DAY: &str = "
    pb party.register party=acme role=client public_key=key:acme
    pb party.register party=bank role=custodian public_key=key:bank
    pb asset.define asset=BTC kind=crypto decimals=8
    pb asset.define asset=USDC kind=stablecoin decimals=6
    pb account.open account=ext.btc owner=pb asset=BTC custodian=bank book=external class=uncleared
    pb account.open account=acme.btc owner=acme asset=BTC custodian=bank book=available class=uncleared
    pb account.open account=acme.btc.p owner=acme asset=BTC custodian=bank book=posted class=uncleared
    pb agreement.propose document=doc:agreement.json
    acme agreement.accept digest=digest:agreement.json
    pb price.set set=p1 digest=doc:prices.json as_of=2026-01-05T08:00:00.000Z source=close count=2
    pb regime.adopt regime=r1 digest=doc:rules from=+0
    acme key.add public_key=key:acme2 uses=command
    acme key.rotate old_key=key:acme2 public_key=key:acme3
    acme key.revoke keyid=key:acme3 reason=lost
    acme document.put digest=doc:paper media_type=text/plain size=5 purpose=other
    acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:10:BTC
    bank movement.settle movement=d1 evidence=doc:e1
    pb movement.batch movement=b1 document=doc:batch.ndjson count=2 totals=BTC:1.50000001
    acme movement.instruct movement=m1 mode=two_phase postings=acme.btc>acme.btc.p:1:BTC
    acme movement.void movement=m1 reason=changed
    pb position.report portfolio=P digest=doc:positions.json as_of=-0 count=1
    bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
    pb account.freeze account=acme.btc.p reason=asked
    pb party.suspend party=acme reason=asked
";

const DOCUMENTS: [&str; 4] = ["agreement.json", "prices.json", "batch.ndjson", "positions.json"];

fn day() -> Driver {
    let mut driver = Driver::open(false);
    for name in DOCUMENTS {
        let text = String::from_utf8(read(&format!("documents/{name}"))).expect("golden documents are text");
        driver.scribe.name_document(name, &text);
    }
    for line in world::lines(DAY) {
        driver.wait(1_000);
        driver.play(line);
    }
    driver
}

fn print(records: &[StoredRecord]) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("canonical JSON");
    let print = |(seq, stored): (u64, &StoredRecord)| {
        let record = Record::of(seq, stored);
        format!("{record}{}\n{}\n", text(&stored.envelope), text(&stored.effects))
    };
    (0..).zip(records).map(print).collect()
}

/// The records of a printed text: a leaf's five lines, the envelope, the effects.
fn parse(text: &str) -> Vec<StoredRecord> {
    let lines: Vec<&str> = text.lines().collect();
    let parse = |(seq, lines): (u64, &[&str])| {
        let [leaf @ .., envelope, effects] = lines else { panic!("seven lines a record") };
        let record = Record::parse(&format!("{}\n", leaf.join("\n"))).expect("a golden leaf is read");
        let stored = StoredRecord {
            recorded_at: record.recorded_at,
            command_id: record.command_id,
            envelope: envelope.as_bytes().into(),
            effects: effects.as_bytes().into(),
        };
        assert_eq!(Record::of(seq, &stored), record, "the leaf is of these bytes");
        stored
    };
    (0..).zip(lines.chunks(7)).map(parse).collect()
}

#[test]
fn records_are_written_as_they_were() {
    assert_golden("records.txt", print(&day().kept.records).as_bytes());
}

#[test]
fn records_written_then_are_read_and_replayed() {
    let records = parse(&String::from_utf8(read("records.txt")).expect("text"));
    let driver = day();
    let mut state = State::new(world::ORIGIN);
    for stored in &records {
        let envelope = Envelope::parse(&stored.envelope).expect("a golden envelope is read");
        assert_eq!(envelope.to_string().as_bytes(), &*stored.envelope, "{WHAT_TO_DO}");
        assert_eq!(envelope.id(), stored.command_id);
        let tree = profile::read(&envelope.payload).expect("a golden payload is canonical");
        let command = Command::read(&tree).expect("a golden command is read");
        assert_eq!(tree.get("type").and_then(Tree::as_str), Some(command.body.type_name()));
        let read = replay::read(state.length(), stored);
        if let Err(error) = read.and_then(|read| replay::take_up(&mut state, &read, &driver.kept)) {
            panic!("record {}: {error}; {WHAT_TO_DO}", state.length());
        }
    }
    assert_eq!(state, driver.state);
}

/// The bytes of a state change with what it holds: then `VERSION` in `ledger/src/snapshot.rs` must rise, or
/// an older snapshot would be read as something else. Postcard names no members.
#[test]
fn a_snapshot_of_this_version() {
    let stored = snapshot::store(&day().state, Digest::of(b"root"));
    let (length, bytes, digest) = (stored.length, stored.bytes.len(), Digest::of(&stored.bytes));
    let version = stored.bytes[0];
    assert_golden(
        "snapshot.txt",
        format!("version {version}\n{length} records, {bytes} bytes\n{digest}\n").as_bytes(),
    );
}

#[test]
fn key_files_and_their_names() {
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
                       MC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n\
                       -----END PRIVATE KEY-----\n";
    /// PKCS #8 version 2, as files were written once: OpenSSL does not read them, the ledger does.
    const VERSION_2: &str = "-----BEGIN PRIVATE KEY-----\n\
                             MFECAQEwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n\
                             gSEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n\
                             -----END PRIVATE KEY-----\n";
    let key = SecretKey::from_seed(&[7; 32]);
    assert_eq!(key.to_pem().as_str(), PEM, "{WHAT_TO_DO}");
    for pem in [PEM, VERSION_2] {
        let read = SecretKey::from_pem(pem).expect("a key file is read");
        assert_eq!(read.seed()[..], [7; 32]);
        assert_eq!(read.public().to_base64(), "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=");
        assert_eq!(read.public().id(), key.public().id());
    }
}

/// What of a directory is a format: no cache, no lock, no spare segment.
fn lasting(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let named = files(dir).into_iter();
    let named =
        named.map(|(path, bytes)| (path.strip_prefix(dir).expect("inside").display().to_string(), bytes));
    let passing = ["lock", "index.state", "journal/spare.next"];
    named.filter(|(name, _)| !passing.contains(&name.as_str()) && !name.starts_with("index/")).collect()
}

/// The mark is written from time to time, so its turn is another each time: its bytes are golden beside
/// the code that writes them.
const MARK: &str = "journal/acknowledged";

#[test]
fn a_directory_is_written_as_it_was() {
    let built = tempfile::tempdir().expect("a folder");
    build(built.path(), 5, false, 3 << 10);
    let mut names = Vec::new();
    for (name, bytes) in lasting(built.path()) {
        if name != MARK || !path(&format!("ledger/{name}")).exists() {
            assert_golden(&format!("ledger/{name}"), &bytes);
        }
        names.push(name);
    }
    let golden: Vec<String> = lasting(&path("ledger")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, golden, "{WHAT_TO_DO}");
}

#[test]
fn a_directory_written_then_is_good_and_goes_on() {
    use ledger::opening::{LogKeys, SystemClock, open};
    use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};

    let copied = copy(&path("ledger"));
    let report = verify(copied.path());
    assert_eq!(report.verdict(), Verdict::Good, "{WHAT_TO_DO}\n{report}");
    let told = report.to_json();
    let summary = ["format", "result", "origin", "size", "root", "checkpoint", "recorded_at"];
    let mut members: Vec<(&str, Json)> =
        summary.into_iter().filter_map(|name| Some((name, told.get(name)?.clone()))).collect();
    let checks = told.get("checks").and_then(Json::as_array).expect("checks").iter();
    let checks = checks.map(|check| {
        Json::object(
            ["id", "result", "count"].map(|name| (name, check.get(name).cloned().expect("a member"))),
        )
    });
    members.push(("checks", Json::array(checks)));
    let printed = Json::object(members).to_string().replace("},", "},\n");
    assert_golden("verify-report.json", format!("{printed}\n").as_bytes());
    assert!(json::read(&read("verify-report.json")).is_ok());

    let origin = EmbeddedStore::origin(copied.path()).expect("ledger.toml is read");
    let (store, _) =
        EmbeddedStore::open(copied.path(), &origin, EmbeddedOptions::default()).expect("it opens");
    let log = copied.path().join("log");
    let keys = LogKeys { directory: &log, seed: &[1; 32] };
    let opened = open(&origin, Box::new(store), &keys, Box::new(SystemClock::default())).expect("it replays");
    assert_eq!(opened.handle.published().state.length(), 5);
    let first = opened.handle.store().record(0).expect("it is read").expect("it is there");
    assert_eq!(first.recorded_at, Timestamp::from_millis(1_790_000_000_000).expect("a time"));
    drop(opened);
    assert_eq!(verify(copied.path()).verdict(), Verdict::Good, "opening changed nothing that counts");
}
