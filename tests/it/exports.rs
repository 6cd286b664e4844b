//! Exports: golden bytes both ways, each byte flipped, cut anywhere, served by scope, restored.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use api::home::{HomeError, open_home};
use api::restoring::{MARK, RestoringError, backup, export_directory, restore};
use api::verify::answer;
use data_encoding::BASE64;
use ledger::export::{ExportFile, Scope, Source, write};
use ledger::json::Json;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger::verify::{CheckId, CheckResult, Options, Report, Verdict, export};
use tempfile::TempDir;
use tests::fuzz::corpus::AUDIT;
use tests::served::TestLedger;

use crate::seals::{SEALERS, SECRET, seal_row};
use crate::verify::{build, verify};

fn golden() -> Vec<u8> {
    let text = AUDIT.get("export_b64").and_then(Json::as_str).expect("a golden export");
    BASE64.decode(text.as_bytes()).expect("base64")
}

fn golden_policy() -> Policy {
    let text = AUDIT.pointer("/golden_chain/policy/text").and_then(Json::as_str).expect("a policy");
    Policy::parse(text).expect("a policy")
}

fn judge(path: &Path) -> Report {
    export(path, &Options { answer: Some(&answer), ..Options::default() })
}

fn nothing(_: u64, _: u64) {}

#[test]
fn the_golden_export_is_read_and_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, golden, policy) = (dir.path().join("golden"), golden(), golden_policy());
    fs::write(&path, &golden).expect("a file");
    let options = Options { policy: Some(&policy), answer: Some(&answer), ..Options::default() };
    let report = export(&path, &options);
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    assert_eq!((report.head.expect("a head").size, report.cosigned_by.len()), (3, 2));
    for id in
        [CheckId::Frames, CheckId::SignatureAtSeq, CheckId::Replay, CheckId::EntriesRoot, CheckId::Quorum]
    {
        assert_eq!(report.check(id).expect("a check").result, CheckResult::Pass, "{report}");
    }

    let file = ExportFile::scan(&path, &mut |_| {}).expect("it is whole");
    let mut written = Vec::new();
    let source = Source {
        store: &file,
        header: file.header(),
        policy: file.policy(),
        checkpoint: file.checkpoint(),
        records: &|_| true,
        documents: &|_| true,
        progress: None,
    };
    write(&source, &mut written).expect("it is written");
    assert!(written == golden, "{}", String::from_utf8_lossy(&written));
}

/// A byte of another value, a byte less: never good; and what is only cut short is never called bad.
#[test]
fn no_flipped_byte_and_no_cut_is_good() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, golden) = (dir.path().join("flipped"), golden());
    for at in 0..golden.len() {
        let mut bytes = golden.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).expect("a file");
        let report = judge(&path);
        assert_ne!(report.verdict(), Verdict::Good, "byte {at}: {report}");
        if at % 7 == 0 {
            fs::write(&path, &golden[..at]).expect("a file");
            let report = judge(&path);
            assert_eq!(report.verdict(), Verdict::Undecidable, "cut at {at}: {report}");
            let finding =
                report.check(CheckId::Frames).and_then(|check| check.finding.clone()).expect("a finding");
            assert!(finding.reason.contains(&format!("cut off at byte {at}")), "{at}: {}", finding.reason);
        }
    }
    fs::write(&path, [&golden[..], b"x"].concat()).expect("a file");
    assert_eq!(judge(&path).verdict(), Verdict::Undecidable, "bytes after the end");
}

/// One who changes a record and makes every digest of the file again does not come through either.
#[test]
fn a_file_whose_digests_were_made_again_is_bad() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("golden");
    fs::write(&path, golden()).expect("a file");
    let file = ExportFile::scan(&path, &mut |_| {}).expect("it is whole");
    for (what, header, checkpoint, want) in [
        ("nothing", file.header().clone(), file.checkpoint().to_owned(), Verdict::Good),
        (
            "another ledger",
            ledger::export::Header { ledger: "ledger.example/other".to_owned(), ..file.header().clone() },
            file.checkpoint().to_owned(),
            Verdict::Bad,
        ),
        ("another root", file.header().clone(), file.checkpoint().replace("4CIng5", "4CIng6"), Verdict::Bad),
    ] {
        let mut written = Vec::new();
        let source = Source {
            store: &file,
            header: &header,
            policy: file.policy(),
            checkpoint: &checkpoint,
            records: &|_| true,
            documents: &|_| true,
            progress: None,
        };
        write(&source, &mut written).expect("it is written");
        let made = dir.path().join("made");
        fs::write(&made, written).expect("a file");
        assert_eq!(judge(&made).verdict(), want, "{what}: {}", judge(&made));
    }
    // A body left out of a full export is missing, not wrong.
    let mut written = Vec::new();
    let source = Source {
        store: &file,
        header: file.header(),
        policy: file.policy(),
        checkpoint: file.checkpoint(),
        records: &|command| command.body.type_name() != "party.register",
        documents: &|_| true,
        progress: None,
    };
    write(&source, &mut written).expect("it is written");
    let made = dir.path().join("leaf");
    fs::write(&made, written).expect("a file");
    assert_eq!(judge(&made).verdict(), Verdict::Undecidable, "{}", judge(&made));
}

/// A ledger's directory, its export, and another directory restored from it.
fn restored(records: usize, segment_bytes: u32) -> (TempDir, TempDir) {
    let (ledger, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    build(ledger.path(), records, false, segment_bytes);
    let out = other.path().join("backup");
    let report = backup(ledger.path(), &out, &Options::default(), &nothing).expect("a backup");
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let report = restore(&out, &other.path().join("new"), None, &Options::default(), &nothing);
    let report = report.expect("a restore");
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    (ledger, other)
}

#[test]
fn a_restored_ledger_has_the_same_root() {
    let (ledger, other) = restored(600, 24 << 10);
    let (before, after) = (verify(ledger.path()), verify(&other.path().join("new")));
    assert_eq!((before.verdict(), after.verdict()), (Verdict::Good, Verdict::Good));
    assert_eq!(before.head, after.head);
    assert_eq!(before.checkpoint, after.checkpoint);
    assert!(!other.path().join("new").join(MARK).exists());
    let again =
        restore(&other.path().join("backup"), &other.path().join("new"), None, &Options::default(), &nothing);
    assert!(matches!(again, Err(RestoringError::NotEmpty(_))));
}

/// Whatever stops a restore leaves a directory that is not served.
#[test]
fn a_restore_that_is_not_good_is_not_served() {
    let (ledger, other) = restored(12, 3 << 10);
    let out = other.path().join("backup");
    let bytes = fs::read(&out).expect("a backup");
    let cut = other.path().join("cut");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("a file");
    let told = restore(&cut, &other.path().join("a"), None, &Options::default(), &nothing);
    let told = told.expect_err("it is cut off").to_string();
    assert!(told.contains(&format!("cut off at byte {}", bytes.len() / 2)), "{told}");
    assert!(!other.path().join("a").exists(), "nothing was made of it");

    // Up to a record alone: no checkpoint covers exactly that.
    let part = other.path().join("part");
    let report = restore(&out, &part, Some(6), &Options::default(), &nothing).expect("a restore");
    assert_eq!(report.verdict(), Verdict::Undecidable, "{report}");
    assert_eq!(report.head.expect("a head").size, 7);
    assert!(matches!(open_home(&part), Err(HomeError::Unusable { .. })));

    // Another log's key is asked for: then it is not proven good.
    let stranger = "ledger.example/golden+487885c4+AbUGFuu6qSeoiAMCSoppTsrlOhSJJcX374ffx22d81rm";
    let stranger = VerifierKey::parse(stranger).expect("a vkey");
    let options = Options { vkey: Some(&stranger), ..Options::default() };
    let foreign = other.path().join("foreign");
    assert_ne!(
        restore(&out, &foreign, None, &options, &nothing).expect("a restore").verdict(),
        Verdict::Good
    );
    assert!(foreign.join(MARK).exists());
    let none = other.path().join("none");
    assert_ne!(backup(ledger.path(), &none, &options, &nothing).expect("a backup").verdict(), Verdict::Good);
    assert!(!none.exists(), "what was not proven good has no name");
}

/// The clients, the custodian and the auditor each get what they may read; the tree is whole in each.
#[test]
fn exports_are_served_by_scope() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    let row = seal_row(&mut ledger, SECRET);
    ledger.play(&row);
    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    let vkey = VerifierKey::parse(&ledger.http().get("/v1/ledger").text("vkey")).expect("a vkey");
    let dir = tempfile::tempdir().expect("a folder");
    let root = ledger.http().get("/v1/ledger").text("root");
    for (party, scope, want) in [
        ("aud", "full", Some(Verdict::Good)),
        // The secret of the salts is for auditors alone.
        ("pb", "full", Some(Verdict::Undecidable)),
        ("acme", "party:acme", Some(Verdict::Good)),
        ("bank", "party:bank", Some(Verdict::Good)),
        ("pb", "party:zeta", Some(Verdict::Good)),
        ("acme", "full", None),
        ("acme", "party:zeta", None),
        ("bank", "full", None),
    ] {
        let (status, mut body) =
            ledger.client(party).stream(&format!("/v1/export?scope={scope}")).expect("an answer");
        let Some(want) = want else {
            assert_eq!(status, 404, "{party} {scope}");
            continue;
        };
        assert_eq!(status, 200, "{party} {scope}");
        let (path, mut bytes) = (dir.path().join(party), Vec::new());
        body.read_to_end(&mut bytes).expect("the whole stream");
        fs::write(&path, &bytes).expect("a file");
        let options = Options { vkey: Some(&vkey), answer: Some(&answer), ..Options::default() };
        let report = export(&path, &options);
        assert_eq!(report.verdict(), want, "{party} {scope}: {report}");
        assert_eq!(report.head.expect("a head").root.to_string(), root, "{party} {scope}");
        if party == "acme" {
            assert_eq!(report.check(CheckId::Replay).expect("a check").result, CheckResult::NotChecked);
            assert!(!bytes.windows(4).any(|window| window == b"zeta"), "nothing of another client's");
        }
    }
    for path in ["/v1/export?scope=all", "/v1/export?what=full", "/v1/export?scope=full&scope=full"] {
        assert_eq!(ledger.read("aud", path).status, 400, "{path}");
    }
    assert_eq!(ledger.http().get("/v1/export").status, 401);
}

/// Beside a running server: what it records meanwhile is not in the backup, and harms it nowhere.
#[test]
fn a_backup_of_a_running_ledger_restores_and_is_served() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    ledger.restart();
    let other = tempfile::tempdir().expect("a folder");
    let out = other.path().join("backup");
    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    let options = Options { answer: Some(&answer), ..Options::default() };
    let report = backup(&ledger.home(), &out, &options, &nothing).expect("a backup");
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let home = other.path().join("new");
    assert_eq!(restore(&out, &home, None, &options, &nothing).expect("a restore").verdict(), Verdict::Good);
    // The log's key comes by its own ceremony.
    assert!(open_home(&home).is_err());
    fs::create_dir_all(home.join("keys")).expect("a folder");
    fs::copy(ledger.home().join("keys/log.pem"), home.join("keys/log.pem")).expect("the key");
    let opened = open_home(&home).expect("it opens");
    assert_eq!(opened.handle.published().state.length(), report.head.expect("a head").size);
    drop(opened);
    let scoped = other.path().join("scoped");
    let party = Scope::parse("party:acme").expect("a scope");
    export_directory(&ledger.home(), &party, &scoped, &nothing).expect("an export");
    assert_eq!(ExportFile::scan(&scoped, &mut |_| {}).expect("whole").header().scope, party);
}
