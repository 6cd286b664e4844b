//! What an auditor takes away, and what it leaves: the pack of a period with its receipts, and a signature
//! over what it replayed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use api::auditing::pack::{Period, write};
use api::auditing::{AttestingError, attest};
use api::offline::Offline;
use api::restoring::export_directory;
use api::session::Principal;
use api::verify::answer;
use ledger::digest::Digest;
use ledger::export::Scope;
use ledger::id::PartyId;
use ledger::json::{Json, read};
use ledger::key::SecretKey;
use ledger::note::{Note, VerifierKey};
use ledger::party::Role;
use ledger::time::Timestamp;
use ledger::verify::{Options, ProofOptions, Verdict, proof};
use tests::fuzz::corpus::AUDIT;
use tests::served::TestLedger;

use crate::seals::SEALERS;

fn golden_text(pointer: &str) -> &'static str {
    AUDIT.pointer(pointer).and_then(Json::as_str).expect("text")
}

/// The auditor's golden line, made again from the golden export, and nothing where that was changed.
#[test]
fn the_golden_auditor_line_is_made_after_a_good_replay_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("export");
    let bytes = data_encoding::BASE64.decode(golden_text("/export_b64").as_bytes()).expect("base64");
    fs::write(&file, &bytes).expect("a file");
    let keys = AUDIT.pointer("/golden_chain/keys").and_then(Json::as_array).expect("keys");
    let text = |key: &Json, name: &str| key.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let key =
        keys.iter().find(|key| text(key, "name").ends_with("/pledger-replay")).expect("the auditor's key");
    let seed = data_encoding::HEXLOWER.decode(text(key, "seed_hex").as_bytes()).expect("hex");
    let secret = SecretKey::from_seed(seed.as_slice().first_chunk().expect("32 bytes"));
    let name = text(key, "name");
    let auditor = name.strip_suffix("/pledger-replay").expect("an auditor");
    let line = golden_text("/golden_chain/auditor_cosignature_line").trim_end();
    let blob = line.rsplit(' ').next().expect("base64");
    let blob = data_encoding::BASE64.decode(blob.as_bytes()).expect("base64");
    let seconds = u64::from_be_bytes(*blob[4..].first_chunk().expect("a time"));
    let at = Timestamp::from_millis(seconds * 1_000).expect("a time");
    let options = Options { answer: Some(&answer), ..Options::default() };
    let made = attest(&file, auditor, &secret, "att-1", &options, at).expect("it is good");
    assert_eq!(made.body.get("line").and_then(Json::as_str), Some(line));
    assert_eq!(made.vkey, text(key, "vkey"));
    let report = read(&made.report).expect("JSON");
    assert_eq!(report.get("result").and_then(Json::as_str), Some("good"));
    assert_eq!(made.body.get("report").and_then(Json::as_str), Some(&*Digest::of(&made.report).tagged()));

    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&file, &changed).expect("a file");
    let refused = attest(&file, auditor, &secret, "att-1", &options, at);
    assert!(matches!(refused, Err(AttestingError::NotGood { report }) if report.verdict() != Verdict::Good));
}

/// From an export to `attestation.put`, and back under the checkpoint for everybody.
#[test]
fn an_attestation_goes_on_the_ledger_and_is_served() {
    let mut ledger = TestLedger::with_world();
    ledger.restart();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("export");
    export_directory(&ledger.home(), &Scope::Full, &file, &|_, _| {}).expect("an export");
    let options = Options { answer: Some(&answer), ..Options::default() };
    let secret = SecretKey::from_seed(&[7; 32]);
    let made = attest(&file, "aud", &secret, "a1", &options, api::app::now()).expect("it is good");
    let text = |name: &str| made.body.get(name).and_then(Json::as_str).expect("text").replace(' ', "~");
    let report = String::from_utf8(made.report.clone()).expect("text");
    ledger.scribe.name_document("report", &report);
    ledger.play(&format!(
        "aud attestation.put attestation=a1 size={} root={} line={} statement={} report=doc:report",
        text("size"),
        text("root"),
        text("line"),
        text("statement")
    ));
    let served = ledger.http().get("/v1/attestations");
    assert_eq!(served.at("/items/0/line"), text("line").replace('~', " "));
    let note = ledger.http().get(&format!("/v1/checkpoints/{}", text("size"))).body;
    let note = Note::parse(std::str::from_utf8(&note).expect("text")).expect("a note");
    let vkey = VerifierKey::parse(&made.vkey).expect("a vkey");
    assert_eq!(note.verify([&vkey]).expect("the auditor's line is good").len(), 1);

    // Of a part of the ledger nothing is attested.
    let part = dir.path().join("part");
    let scope = Scope::parse("party:acme").expect("a scope");
    export_directory(&ledger.home(), &scope, &part, &|_, _| {}).expect("an export");
    let log = VerifierKey::parse(&ledger.http().get("/v1/ledger").text("vkey")).expect("a vkey");
    let options = Options { vkey: Some(&log), ..options };
    let refused = attest(&part, "aud", &secret, "a2", &options, api::app::now());
    assert!(matches!(refused, Err(AttestingError::NotGood { .. })));
}

fn rows(dir: &Path, table: &str) -> Vec<BTreeMap<String, String>> {
    let json = read(&fs::read(dir.join(format!("{table}.json"))).expect("a table")).expect("JSON");
    let rows = json.as_array().expect("rows").iter().map(|row| {
        let cells = row.as_object().expect("a row").iter();
        cells.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect()
    });
    rows.collect()
}

#[test]
fn a_pack_holds_the_period_with_its_receipts() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    ledger.play(
        "acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1.5:BTC
         pb account.freeze account=acme.btc.p reason==asked",
    );
    let vkey = VerifierKey::parse(&ledger.http().get("/v1/ledger").text("vkey")).expect("a vkey");
    ledger.restart();
    let today = api::app::now().to_string()[..10].to_owned();
    let period = Period { from: today.clone(), to: today };
    let dir = tempfile::tempdir().expect("a folder");
    let offline = Offline::open(&ledger.home()).expect("it opens");
    let out = dir.path().join("pack");
    let manifest = write(&offline, &period, None, &out).expect("a pack");
    assert!(rows(&out, "opening").is_empty(), "the ledger was opened today");
    let closing = rows(&out, "closing");
    let of = |id: &str| closing.iter().find(|row| row["account"] == id).expect("an account").clone();
    assert_eq!((of("acme.btc")["settled"].as_str(), of("acme.btc.p")["settled"].as_str()), ("8.5", "1.5"));
    assert_eq!(of("ext.btc")["side"], "debit");
    let moved = rows(&out, "movements");
    let moved: Vec<_> = moved.iter().filter(|row| row["movement"] == "m1").collect();
    assert_eq!(moved.len(), 1);
    assert_eq!((moved[0]["amount"].as_str(), moved[0]["to"].as_str()), ("1.5", "acme.btc.p"));
    let exceptions = rows(&out, "exceptions");
    assert!(exceptions.iter().any(|row| row["type"] == "account.freeze"), "{exceptions:?}");
    let csv = fs::read_to_string(out.join("exceptions.csv")).expect("a table");
    assert!(csv.contains(",'=asked,"), "a formula is text: {csv}");

    // Each file is what the manifest says, and each line's receipt holds.
    let files = manifest.get("files").and_then(Json::as_array).expect("files");
    for file in files {
        let text = |name: &str| file.get(name).and_then(Json::as_str).expect("text").to_owned();
        let bytes = fs::read(out.join(text("name"))).expect("a file");
        assert_eq!(Digest::of(&bytes).to_string(), text("sha256"), "{}", text("name"));
    }
    for row in moved.into_iter().chain(&exceptions).chain(&closing) {
        let receipt = fs::read(out.join(&row["receipt"])).expect("a receipt");
        let report = proof(&receipt, &ProofOptions { vkey: Some(&vkey), ..ProofOptions::default() });
        assert_eq!(report.verdict(), Verdict::Good, "{report}");
    }
    assert!(write(&offline, &period, None, &out).is_err(), "a pack is not written over");

    // For eyes of a part: another client's balances are not in it. From an export it is the same.
    let zeta = Principal { party: PartyId::parse("zeta").expect("an id"), role: Role::Client };
    let part = dir.path().join("part");
    write(&offline, &period, Some(&zeta), &part).expect("a pack");
    assert!(rows(&part, "closing").iter().all(|row| row["owner"] == "zeta"));
    assert!(rows(&part, "exceptions").is_empty());
    let (file, again) = (dir.path().join("export"), dir.path().join("again"));
    export_directory(&ledger.home(), &Scope::Full, &file, &|_, _| {}).expect("an export");
    write(&Offline::of_export(&file).expect("an export"), &period, None, &again).expect("a pack");
    assert_eq!(
        fs::read(again.join("manifest.json")).expect("it"),
        fs::read(out.join("manifest.json")).expect("it")
    );

    let nothing = Period { from: "2020-01-01".to_owned(), to: "2020-01-31".to_owned() };
    let empty = dir.path().join("empty");
    let manifest = write(&offline, &nothing, None, &empty).expect("a pack");
    assert_eq!(manifest.get("closing_size").and_then(Json::as_str), Some("0"));
    for (from, to) in [("2026-02-30", "2026-03-01"), ("2026-03-02", "2026-03-01"), ("x", "y")] {
        let period = Period { from: from.to_owned(), to: to.to_owned() };
        assert!(write(&offline, &period, None, &dir.path().join("bad")).is_err(), "{from} {to}");
    }
}
