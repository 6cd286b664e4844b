//! `pledger verify` on real ledgers, whole and harmed: what is whole is proven good, what was changed
//! is proven bad by record, and what is only missing is neither.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::client::Draft;
use api::verify::answer;
use ledger::apply::Documents;
use ledger::checkpoint::SignedCheckpoint;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::intake;
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::merkle::TreeHead;
use ledger::note::{KeyName, LogSigner, VerifierKey};
use ledger::opening::{LogKeys, open};
use ledger::policy::Policy;
use ledger::record::Record;
use ledger::sequencer::{Clock, Handle, Outcome, Request};
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::store::{Batch, Store, StoredDocument, StoredRecord};
use ledger::time::Timestamp;
use ledger::verify::{
    CheckId, CheckResult, Fetched, Options, ProofOptions, Report, Verdict, directory, proof, public,
};
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "ledger.example/verified";
const LOG_SEED: [u8; 32] = [1; 32];
const START_MS: u64 = 1_790_000_000_000;
const SEGMENT_BYTES: u32 = 24 << 10;

/// The sequencer looks at the clock once when it starts, and the first command finds the same time; every
/// other is recorded a second after the one before.
struct Ticking(std::sync::atomic::AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let ticks = self.0.fetch_add(1_000, std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_millis(START_MS + ticks.saturating_sub(1_000)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

fn log_signer() -> LogSigner {
    LogSigner::new(KeyName::new(ORIGIN).unwrap(), &LOG_SEED)
}

fn vkey() -> VerifierKey {
    log_signer().verifier().clone()
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn sign(n: usize, author: &str, type_name: &str, body: Json, keys: &[&SecretKey]) -> Envelope {
    let draft = Draft {
        type_name,
        ledger: ORIGIN,
        author,
        idempotency_key: &format!("key-of-command-number-{n:04}"),
        expires_at: Timestamp::from_millis(START_MS + 86_400_000).unwrap(),
        effective_at: None,
    };
    Envelope::sign(Purpose::Command, &draft.payload(body), keys)
}

fn new_key(key: &SecretKey) -> [(&'static str, Json); 2] {
    let uses = ["approval", "command", "session"].map(Json::text);
    [("public_key", Json::text(key.public().to_base64())), ("uses", Json::array(uses))]
}

fn submit(handle: &Handle, runtime: &tokio::runtime::Runtime, envelope: &Envelope, documents: &[&[u8]]) {
    let state = handle.published().state.clone();
    let signed = intake::take_in(envelope.to_string().as_bytes(), &state).unwrap();
    let mut named = Documents::default();
    let bytes: Vec<StoredDocument> = documents
        .iter()
        .map(|bytes| StoredDocument { digest: Digest::of(bytes), bytes: Arc::from(*bytes) })
        .collect();
    for document in bytes.iter().filter(|document| state.document(&document.digest).is_none()) {
        named.fresh.insert(document.digest, document.bytes.len() as u64);
    }
    let outcome = runtime.block_on(handle.submit(Request { signed, documents: named, bytes })).unwrap();
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
}

/// A ledger of `records` records: opening, a party, a key changed, and documents. The large one, if
/// asked for, has a file of its own. Gives the receipt of record 2.
pub(crate) fn build(dir: &Path, records: usize, large: bool, segment_bytes: u32) -> String {
    let options = EmbeddedOptions { segment_bytes, ..EmbeddedOptions::default() };
    let created = Timestamp::from_millis(START_MS).unwrap();
    EmbeddedStore::create_with(dir, ORIGIN, created, options).unwrap();
    let (store, _) = EmbeddedStore::open(dir, ORIGIN, options).unwrap();
    let log_dir = dir.join("log");
    let keys = LogKeys { directory: &log_dir, seed: &LOG_SEED };
    let opened = open(ORIGIN, Box::new(store), &keys, Box::new(Ticking(0.into()))).unwrap();
    let (handle, log) = (opened.handle, opened.log);
    let sequencer = opened.sequencer;
    let thread = std::thread::spawn(move || sequencer.run());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let policy = format!("log {}\nquorum none\n", vkey());
    let mut body = vec![
        ("operator", Json::text("pb")),
        ("legal_name", Json::text("Prime Broker")),
        ("log_vkey", Json::text(vkey().to_string())),
        ("witness_policy", Json::text(Digest::of(policy.as_bytes()).tagged())),
    ];
    body.extend(new_key(&key(2)));
    let open_command = sign(0, "pb", "ledger.open", Json::object(body), &[&key(2)]);
    submit(&handle, &runtime, &open_command, &[policy.as_bytes()]);
    let mut body = vec![
        ("party", Json::text("client")),
        ("role", Json::text("client")),
        ("legal_name", Json::text("A Client")),
    ];
    body.extend(new_key(&key(3)));
    let register = sign(1, "pb", "party.register", Json::object(body), &[&key(2), &key(3)]);
    submit(&handle, &runtime, &register, &[]);
    let [public_key, _] = new_key(&key(4));
    let body = [("old_key", Json::text(key(2).public().id().to_string())), public_key];
    let rotate = sign(2, "pb", "key.rotate", Json::object(body), &[&key(2), &key(4)]);
    submit(&handle, &runtime, &rotate, &[]);
    for n in 3..records {
        let document = match n {
            3 if large => vec![7; (8 << 20) + 1],
            _ => format!("document {}", n % 5).into_bytes(),
        };
        let body = Json::object([
            ("digest", Json::text(Digest::of(&document).tagged())),
            ("media_type", Json::text("text/plain")),
            ("size", Json::text(document.len().to_string())),
            ("purpose", Json::text("other")),
        ]);
        let (author, key) = if n % 2 == 0 { ("pb", key(4)) } else { ("client", key(3)) };
        submit(&handle, &runtime, &sign(n, author, "document.put", body, &[&key]), &[&document]);
    }
    let leaf = Record::of(2, &handle.store().record(2).unwrap().unwrap()).leaf();
    let receipt = log.tlog_proof(2, &leaf).unwrap().to_string();
    drop((handle, log));
    thread.join().unwrap().unwrap();
    receipt
}

pub(crate) fn verify(dir: &Path) -> Report {
    directory(dir, &Options { answer: Some(&answer), ..Options::default() })
}

fn failed(report: &Report) -> Vec<(CheckId, Option<u64>)> {
    let failed = report.checks.iter().filter(|check| check.result == CheckResult::Fail);
    failed.map(|check| (check.id, check.finding.as_ref().and_then(|finding| finding.first_seq))).collect()
}

/// Every file by its path, but for the index.
pub(crate) fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

pub(crate) fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for (path, bytes) in files(from) {
        let target = to.path().join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
    to
}

#[test]
fn a_whole_ledger_is_good_and_stays_as_it_is() {
    for (records, large) in [(3, false), (8, true), (300, false)] {
        let dir = tempfile::tempdir().unwrap();
        build(dir.path(), records, large, SEGMENT_BYTES);
        let before = files(dir.path());
        let report = verify(dir.path());
        assert_eq!(report.verdict(), Verdict::Good, "{report}");
        assert_eq!(report.head.unwrap().size, records as u64);
        assert_eq!(report.check(CheckId::SignatureAtSeq).unwrap().count, records as u64);
        assert!(files(dir.path()) == before, "verify changes nothing");
        let json = report.to_json();
        assert_eq!(json.get("result").and_then(Json::as_str), Some("good"));
        assert_eq!(json.get("checks").and_then(Json::as_array).unwrap().len(), 28);
        assert!(report.to_string().ends_with(&format!(
            "RESULT good origin={ORIGIN} size={records} root={}\n",
            report.head.unwrap().root
        )));
    }
}

#[test]
fn the_record_is_named() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 300, false, SEGMENT_BYTES);
    let bytes = fs::read(built.path().join("journal/0000000000.seg")).unwrap();
    let frames: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, w)| w == b"PLFR").map(|(at, _)| at).collect();
    let copied = copy(built.path());
    let path = copied.path().join("journal/0000000000.seg");
    for (seq, at) in frames.iter().enumerate().step_by(2) {
        let mut harmed = bytes.clone();
        harmed[at + 300] ^= 1;
        fs::write(&path, harmed).unwrap();
        let report = verify(copied.path());
        assert_eq!(failed(&report), [(CheckId::Frames, Some(seq as u64))], "{report}");
    }
    fs::write(&path, bytes).unwrap();
    for (name, at, want) in [
        ("log/tile/0/000", 32 * 77 + 5, 77),
        ("log/tile/0/001.p/44", 32 * 3 + 5, 259),
        ("log/tile/1/000.p/1", 9, 0),
    ] {
        let path = copied.path().join(name);
        let whole = fs::read(&path).unwrap();
        let mut harmed = whole.clone();
        harmed[at] ^= 1;
        fs::write(&path, harmed).unwrap();
        assert_eq!(failed(&verify(copied.path())), [(CheckId::Tiles, Some(want))], "{name}");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn what_is_missing_or_spare_is_not_called_bad() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 300, true, SEGMENT_BYTES);
    let large: PathBuf = files(&built.path().join("documents")).into_keys().next().unwrap();
    let large = large.strip_prefix(built.path()).unwrap().to_owned();
    let undecidable = [
        ("log/tile/0/000", CheckId::Tiles),
        ("log/tile/entries/000", CheckId::Tiles),
        ("log/tile/0/001.p/44", CheckId::Tiles),
        ("log/checkpoint", CheckId::Tiles),
        ("log/checkpoints", CheckId::LogSignature),
        ("journal/0000000001.seg", CheckId::Frames),
        (large.to_str().unwrap(), CheckId::Documents),
        ("ledger.toml", CheckId::Frames),
    ];
    for (name, id) in undecidable {
        let copied = copy(built.path());
        let path = copied.path().join(name);
        let whole = fs::read(&path).unwrap();
        for cut in [None, Some(whole.len() / 2), Some(whole.len() - 1)] {
            if name == "ledger.toml" && cut.is_some() {
                continue;
            }
            match cut {
                None => fs::remove_file(&path).unwrap(),
                Some(cut) => fs::write(&path, &whole[..cut]).unwrap(),
            }
            let report = verify(copied.path());
            assert_eq!(report.verdict(), Verdict::Undecidable, "{name} {cut:?}\n{report}");
            let result = report.check(id).unwrap().result;
            assert!(cut.is_some() || result == CheckResult::NotChecked, "{name}\n{report}");
        }
    }
    // Kept checkpoints cut away where a note ends, down to none at all.
    let copied = copy(built.path());
    let path = copied.path().join("log/checkpoints");
    let whole = fs::read_to_string(&path).unwrap();
    let last = whole.rfind(&format!("\n\n{ORIGIN}\n")).unwrap() + 2;
    for cut in [0, last] {
        fs::write(&path, &whole[..cut]).unwrap();
        let report = verify(copied.path());
        assert_eq!(report.verdict(), Verdict::Undecidable, "{cut}\n{report}");
        let form = report.check(CheckId::CheckpointForm).unwrap();
        assert_eq!(form.result, CheckResult::NotChecked, "{cut}\n{report}");
    }
    // What no record rests on.
    for name in ["lock", "journal/acknowledged", "index/conf", "index.state"] {
        let copied = copy(built.path());
        fs::remove_file(copied.path().join(name)).unwrap();
        let report = verify(copied.path());
        assert_eq!(report.verdict(), Verdict::Good, "without {name}\n{report}");
    }
    let copied = copy(built.path());
    let path = copied.path().join(&large);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_000_000] ^= 1;
    fs::write(path, bytes).unwrap();
    assert_eq!(failed(&verify(copied.path())), [(CheckId::Documents, Some(3))]);
}

/// The records and documents of a ledger.
fn contents(dir: &Path) -> (Vec<StoredRecord>, Vec<StoredDocument>) {
    let (reader, _) = EmbeddedStore::open_read_only(dir, ORIGIN).unwrap();
    let (mut records, mut documents) = (Vec::new(), Vec::new());
    for batch in reader.batches(0) {
        let batch = batch.unwrap();
        records.extend(batch.records);
        documents.extend(batch.documents);
    }
    (records, documents)
}

/// A ledger's directory with another journal, sound in itself: what whoever owns the disk can make.
fn forge(built: &Path, records: Vec<StoredRecord>, documents: Vec<StoredDocument>) -> TempDir {
    let forged = copy(built);
    fs::remove_dir_all(forged.path().join("journal")).unwrap();
    fs::remove_file(forged.path().join("ledger.toml")).unwrap();
    let options = EmbeddedOptions { segment_bytes: SEGMENT_BYTES, ..EmbeddedOptions::default() };
    EmbeddedStore::create_with(forged.path(), ORIGIN, Timestamp::epoch(), options).unwrap();
    let (mut store, _) = EmbeddedStore::open(forged.path(), ORIGIN, options).unwrap();
    let mut documents = documents;
    for (first_seq, record) in (0..).zip(records) {
        let documents = std::mem::take(&mut documents);
        store.append(&Batch { first_seq, documents, records: vec![record] }).unwrap();
    }
    drop(store);
    forged
}

#[test]
fn a_forged_journal_is_bad_by_rule_and_record() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 6, false, SEGMENT_BYTES);
    let (records, documents) = contents(built.path());
    assert_eq!(
        verify(forge(built.path(), records.clone(), documents.clone()).path()).verdict(),
        Verdict::Good
    );
    type Forge<'a> = (&'a str, CheckId, u64, &'a dyn Fn(&mut Vec<StoredRecord>));
    let resigned = |records: &mut Vec<StoredRecord>, seq: usize, seed: u8| {
        let mut envelope = Envelope::parse(&records[seq].envelope).unwrap();
        let keyid = envelope.signatures[0].keyid.clone();
        let payload = envelope.payload.clone();
        envelope.signatures = Envelope::sign(Purpose::Command, &payload, &[&key(seed)]).signatures;
        envelope.signatures[0].keyid = keyid;
        records[seq].envelope = envelope.to_string().into_bytes().into();
    };
    let forgeries: [Forge; 9] = [
        ("other effects", CheckId::Replay, 4, &|records| {
            records[4].effects = Arc::clone(&records[5].effects);
        }),
        ("another's signature", CheckId::SignatureAtSeq, 4, &|records| resigned(records, 4, 9)),
        ("a revoked key", CheckId::SignatureAtSeq, 4, &|records| {
            let mut envelope = Envelope::parse(&records[4].envelope).unwrap();
            let payload = envelope.payload.clone();
            envelope.signatures = Envelope::sign(Purpose::Command, &payload, &[&key(2)]).signatures;
            records[4].envelope = envelope.to_string().into_bytes().into();
        }),
        ("no possession of the new key", CheckId::SignatureAtSeq, 1, &|records| {
            let mut envelope = Envelope::parse(&records[1].envelope).unwrap();
            envelope.signatures[1] = envelope.signatures[0].clone();
            records[1].envelope = envelope.to_string().into_bytes().into();
        }),
        ("another spelling", CheckId::Canonical, 3, &|records| {
            let text = String::from_utf8(records[3].envelope.to_vec()).unwrap();
            records[3].envelope = text.replace(",\"payloadType\"", ", \"payloadType\"").into_bytes().into();
        }),
        ("another id", CheckId::CommandId, 3, &|records| records[3].command_id = records[4].command_id),
        ("time falls", CheckId::TimeOrder, 4, &|records| {
            records[4].recorded_at = records[2].recorded_at;
        }),
        ("recorded too late", CheckId::Expiry, 5, &|records| {
            records[5].recorded_at = Timestamp::from_millis(START_MS + 86_400_000).unwrap();
        }),
        ("recorded twice", CheckId::Idempotency, 6, &|records| records.push(records[5].clone())),
    ];
    for (name, id, seq, harm) in forgeries {
        let mut harmed = records.clone();
        harm(&mut harmed);
        let forged = forge(built.path(), harmed, documents.clone());
        let report = verify(forged.path());
        let failed = failed(&report);
        assert!(failed.contains(&(id, Some(seq))), "{name}: {report}");
        assert_eq!(report.verdict(), Verdict::Bad, "{name}");
    }
    let mut reordered = records.clone();
    reordered.swap(4, 5);
    let (a, b) = (reordered[4].recorded_at, reordered[5].recorded_at);
    (reordered[4].recorded_at, reordered[5].recorded_at) = (b, a);
    let report = verify(forge(built.path(), reordered, documents.clone()).path());
    let failed = failed(&report);
    assert!(failed.contains(&(CheckId::EntriesRoot, Some(4))), "{report}");
    assert!(failed.contains(&(CheckId::Tiles, Some(4))), "{report}");

    let shorter = verify(forge(built.path(), records[..4].to_vec(), documents).path());
    assert_eq!(shorter.verdict(), Verdict::Undecidable, "an old copy beside a newer log\n{shorter}");
}

#[test]
fn a_snapshot_is_compared_and_one_that_cannot_be_read_is_none() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 6, false, SEGMENT_BYTES);
    let dir = built.path();
    let snapshots = |report: &Report| {
        let check = report.check(CheckId::Snapshots).unwrap();
        (check.result, check.count)
    };
    assert_eq!(snapshots(&verify(dir)), (CheckResult::Pass, 1));

    let harmed = copy(dir);
    let (mut store, _) = EmbeddedStore::open(harmed.path(), ORIGIN, EmbeddedOptions::default()).unwrap();
    let kept = store.reader().snapshot().unwrap().unwrap();
    let (state, _) = ledger::snapshot::load(&kept, ORIGIN).unwrap();
    store.put_snapshot(&ledger::snapshot::store(&state, Digest::of(b"another tree"))).unwrap();
    drop(store);
    let report = verify(harmed.path());
    assert_eq!(failed(&report), [(CheckId::Snapshots, Some(5))], "{report}");

    let harmed = copy(dir);
    let database = harmed.path().join("index/db");
    let length = fs::metadata(&database).unwrap().len();
    fs::write(database, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    let report = verify(harmed.path());
    assert_eq!((report.verdict(), snapshots(&report)), (Verdict::Good, (CheckResult::Pass, 0)), "{report}");
}

fn old(dir: &Path, size: u64, root: Digest, signer: &LogSigner) -> Report {
    let note = SignedCheckpoint::sign(ORIGIN, [signer], TreeHead { size, root }).unwrap().to_string();
    let old = [("old".to_owned(), note.into_bytes())];
    directory(dir, &Options { old: &old, ..Options::default() })
}

#[test]
fn older_checkpoints_and_keys_known_from_elsewhere() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 6, false, SEGMENT_BYTES);
    let dir = built.path();
    let (records, _) = contents(dir);
    let root_at = |size: usize| {
        let leaves = records[..size]
            .iter()
            .enumerate()
            .map(|(i, stored)| ledger::merkle::leaf_hash(&Record::of(i as u64, stored).leaf()));
        ledger::merkle::root_of(leaves)
    };
    let stranger = LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[8; 32]);
    let other = Digest::of(b"another tree");
    for (name, size, root, signer, want) in [
        ("the same history", 4, root_at(4), &log_signer(), Verdict::Good),
        ("nothing yet", 0, root_at(0), &log_signer(), Verdict::Good),
        ("a fork", 4, other, &log_signer(), Verdict::Bad),
        ("a fork at its size", 6, other, &log_signer(), Verdict::Bad),
        ("newer than the copy", 9, other, &log_signer(), Verdict::Undecidable),
        ("of nobody known", 4, other, &stranger, Verdict::Undecidable),
    ] {
        let report = old(dir, size, root, signer);
        assert_eq!(report.verdict(), want, "{name}: {report}");
        let result = report.check(CheckId::OldConsistency).unwrap().result;
        assert_eq!(result == CheckResult::Fail, want == Verdict::Bad, "{name}");
    }
    let with_key = |key: &VerifierKey| directory(dir, &Options { vkey: Some(key), ..Options::default() });
    assert_eq!(with_key(&vkey()).verdict(), Verdict::Good);
    assert_eq!(with_key(stranger.verifier()).verdict(), Verdict::Undecidable);
    // Who asks for witnesses where nobody cosigned is not told that all is well.
    let witness = VerifierKey::new(
        KeyName::new("witness.example/w").unwrap(),
        ledger::note::KeyMaterial::CosignatureV1(key(7).public()),
    );
    let policy = Policy::parse(&format!("log {}\nwitness w {witness}\nquorum w\n", vkey())).unwrap();
    let report = directory(dir, &Options { policy: Some(&policy), ..Options::default() });
    assert_eq!(report.verdict(), Verdict::Undecidable, "{report}");
    assert_eq!(report.check(CheckId::Quorum).unwrap().result, CheckResult::NotChecked);
}

#[test]
fn receipts() {
    let built = tempfile::tempdir().unwrap();
    let receipt = build(built.path(), 6, false, SEGMENT_BYTES);
    let (records, _) = contents(built.path());
    let envelope = records[2].envelope.clone();
    let payload = Envelope::parse(&envelope).unwrap().payload;
    let (key, stranger) = (vkey(), LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[8; 32]));
    let judge = |text: &str, vkey: Option<&VerifierKey>, payload: Option<&[u8]>| {
        proof(text.as_bytes(), &ProofOptions { vkey, payload, policy: None }).verdict()
    };
    let line = |n: usize| receipt.lines().nth(n).unwrap().to_owned();
    let changed = |n: usize| {
        // Another letter in the middle of a line's base64 keeps it base64.
        let was = line(n);
        let at = was.len() / 2;
        let letter = if was.as_bytes()[at] == b'A' { "B" } else { "A" };
        receipt.replacen(&was, &format!("{}{letter}{}", &was[..at], &was[at + 1..]), 1)
    };
    let lines = receipt.lines().count();
    for (name, text, vkey, payload, want) in [
        ("good", receipt.clone(), Some(&key), None, Verdict::Good),
        ("with its payload", receipt.clone(), Some(&key), Some(&payload[..]), Verdict::Good),
        ("with its envelope", receipt.clone(), Some(&key), Some(&envelope[..]), Verdict::Good),
        ("with another's", receipt.clone(), Some(&key), Some(&records[3].envelope[..]), Verdict::Bad),
        ("another leaf", changed(1), Some(&key), None, Verdict::Bad),
        ("another index", receipt.replace("index 2", "index 3"), Some(&key), None, Verdict::Bad),
        ("another hash", changed(3), Some(&key), None, Verdict::Bad),
        ("another root", changed(lines - 3), Some(&key), None, Verdict::Bad),
        ("another signature", changed(lines - 1), Some(&key), None, Verdict::Bad),
        ("a hash less", receipt.replacen(&format!("{}\n", line(3)), "", 1), Some(&key), None, Verdict::Bad),
        ("nobody known", receipt.clone(), None, None, Verdict::Undecidable),
        ("another key", receipt.clone(), Some(stranger.verifier()), None, Verdict::Undecidable),
        ("cut", receipt[..100].to_owned(), Some(&key), None, Verdict::Undecidable),
        ("a balance proof", "pledger/balance-proof/v1\n".to_owned(), Some(&key), None, Verdict::Undecidable),
        ("anything", "hello\n".to_owned(), Some(&key), None, Verdict::Undecidable),
    ] {
        assert_eq!(judge(&text, vkey, payload), want, "{name}\n{text}");
    }
    for at in 0..receipt.len() {
        let mut bytes = receipt.clone().into_bytes();
        bytes[at] ^= 1;
        let options = ProofOptions { vkey: Some(&key), ..ProofOptions::default() };
        assert_ne!(proof(&bytes, &options).verdict(), Verdict::Good, "byte {at}");
    }
}

#[test]
fn evidence_of_a_fork_is_bad_and_evidence_of_nothing_is_not() {
    use ledger::fork::{ForkEvidence, ForkKind};
    let note = |text: &[u8]| {
        let head = TreeHead { size: 3, root: Digest::of(text) };
        SignedCheckpoint::sign(ORIGIN, [&log_signer()], head).unwrap().to_string()
    };
    let (key, none) = (vkey(), None);
    for (b, vkey, want) in [
        (note(b"b"), Some(&key), Verdict::Bad),
        (note(b"a"), Some(&key), Verdict::Undecidable),
        (note(b"b"), none, Verdict::Undecidable),
    ] {
        let evidence = ForkEvidence::new(ForkKind::SameSize, note(b"a"), b).to_string();
        let report = proof(evidence.as_bytes(), &ProofOptions { vkey, ..ProofOptions::default() });
        assert_eq!(report.verdict(), want, "{report}");
        assert_eq!(report.to_string().contains("the log forked"), want == Verdict::Bad);
    }
}

/// The public log as a plain file server gives it, with one path changed by `harm`.
fn outsider(dir: &Path, options: &Options, harm: &dyn Fn(&str, Vec<u8>) -> Fetched) -> Report {
    let fetch = |path: &str| match fs::read(dir.join("log").join(path)) {
        Ok(bytes) => harm(path, bytes),
        Err(_) => Fetched::Missing,
    };
    public(&fetch, options).0
}

#[test]
fn an_outsider_believes_only_what_the_signed_root_covers() {
    let built = tempfile::tempdir().unwrap();
    build(built.path(), 300, false, SEGMENT_BYTES);
    let key = vkey();
    let options = Options { vkey: Some(&key), ..Options::default() };
    let report = outsider(built.path(), &options, &|_, bytes| Fetched::Bytes(bytes));
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    for (id, count) in [(CheckId::LeafForm, 300), (CheckId::CommandIdOnce, 300), (CheckId::Inclusion, 16)] {
        assert_eq!(report.check(id).unwrap().count, count, "{report}");
    }
    for (path, at, id, seq) in [
        ("tile/entries/000", 2_000, CheckId::EntriesRoot, None),
        ("tile/entries/001.p/44", 300, CheckId::EntriesRoot, None),
        ("tile/0/000", 32 * 9, CheckId::Tiles, Some(9)),
        ("tile/0/001.p/44", 32 * 9, CheckId::Tiles, Some(265)),
        ("tile/1/000.p/1", 0, CheckId::Tiles, Some(0)),
        ("checkpoint", 70, CheckId::LogSignature, None),
    ] {
        let flipped = outsider(built.path(), &options, &|asked, mut bytes| {
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= u8::from(asked == path);
            Fetched::Bytes(bytes)
        });
        assert_eq!(flipped.verdict(), Verdict::Bad, "{path}: {flipped}");
        let found = failed(&flipped);
        assert!(
            found.iter().any(|(failed, at)| *failed == id && seq.is_none_or(|_| *at == seq)),
            "{flipped}"
        );
        for gone in [Fetched::Missing, Fetched::Failed("no answer".to_owned())] {
            let silent = outsider(built.path(), &options, &|asked, bytes| {
                if asked == path { gone.clone() } else { Fetched::Bytes(bytes) }
            });
            assert_eq!(silent.verdict(), Verdict::Undecidable, "{path}: {silent}");
        }
    }
    let stranger = LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[8; 32]);
    for (name, size, signer, want) in [
        ("a fork", 7, &log_signer(), Verdict::Bad),
        ("rolled back", 301, &log_signer(), Verdict::Bad),
        ("of nobody known", 7, &stranger, Verdict::Undecidable),
    ] {
        let head = TreeHead { size, root: Digest::of(b"another tree") };
        let note = SignedCheckpoint::sign(ORIGIN, [signer], head).unwrap().to_string();
        let old = [(name.to_owned(), note.into_bytes())];
        let options = Options { vkey: Some(&key), old: &old, ..Options::default() };
        let report = outsider(built.path(), &options, &|_, bytes| Fetched::Bytes(bytes));
        assert_eq!(report.verdict(), want, "{name}: {report}");
    }
}
