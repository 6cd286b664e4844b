//! `pledger watch`: a client that remembers what it acted on.

use std::fs;
use std::path::{Path, PathBuf};

use api::cli::verify::{VerifyArgs, verify};
use api::cli::watch::{WatchArgs, look};
use api::cosigning::settings::ServeSettings;
use ledger::verify::{Verdict, Watched};
use tests::served::TestLedger;
use tests::world::ORIGIN;

use crate::witnessed::{HONEST, honest, lines, policy, put_in_force, vkey};

fn args(url: &str, vkey: &str, save: &Path) -> WatchArgs {
    WatchArgs {
        url: url.to_owned(),
        vkey: Some(vkey.to_owned()),
        policy: None,
        save: save.to_owned(),
        every: 1,
        once: true,
    }
}

fn watch(ledger: &TestLedger, vkey: &str, save: &Path) -> Watched {
    look(&args(ledger.url(), vkey, save)).expect("its own files can be read")
}

fn asset(ledger: &mut TestLedger, asset: &str) -> String {
    let answer = ledger.line(&format!("pb asset.define asset={asset} kind=token decimals=2"));
    assert_eq!(answer.status, 201);
    answer.text("seq")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// What `verify --proof` says of the one piece of evidence.
fn judged(folder: &Path, vkey: &str) -> (Verdict, String) {
    let evidence = files(folder, "fork");
    assert_eq!(evidence.len(), 1, "{evidence:?}");
    let args =
        VerifyArgs { proof: Some(evidence[0].clone()), vkey: Some(vkey.to_owned()), ..VerifyArgs::default() };
    let report = verify(&args).expect("it can be read");
    (report.verdict(), report.to_string())
}

#[test]
fn each_new_checkpoint_is_compared_and_kept() {
    let mut ledger = TestLedger::open();
    let (vkey, save) = (vkey(&ledger), tempfile::tempdir().expect("a folder"));
    for round in 0..3_usize {
        let watched = watch(&ledger, &vkey, save.path());
        assert_eq!(watched.verdict, Verdict::Good, "{watched:?}");
        assert_eq!(watched.told.len(), round, "one line for each kept checkpoint");
        assert_eq!(files(save.path(), "checkpoint").len(), round + 1);
        let seq = asset(&mut ledger, &format!("A{round}"));
        let proof = ledger.http().get(&format!("/v1/records/{seq}/proof"));
        if round == 2 {
            fs::write(save.path().join(format!("{seq}.tlog-proof")), proof.body).expect("a receipt");
        }
    }
    let watched = watch(&ledger, &vkey, save.path());
    assert!(watched.told.iter().any(|told| told.contains("record 3 is in the log")), "{watched:?}");
    // A file that is none decides nothing, and nothing is acted on.
    fs::write(save.path().join("9.checkpoint"), "torn").expect("a file");
    let watched = watch(&ledger, &vkey, save.path());
    assert_eq!((watched.verdict, watched.newest), (Verdict::Undecidable, None));
}

#[test]
fn a_fork_at_one_size_is_seen_and_proven() {
    let mut ledger = TestLedger::open();
    let (vkey, save) = (vkey(&ledger), tempfile::tempdir().expect("a folder"));
    let mut forked = ledger.copied(ServeSettings::default());
    asset(&mut ledger, "A");
    asset(&mut forked, "B");
    assert_eq!(watch(&ledger, &vkey, save.path()).verdict, Verdict::Good);
    // At the very size; and after it, when the log is asked what it signed for the kept size.
    for more in ["C", "D"] {
        let watched = watch(&forked, &vkey, save.path());
        assert_eq!((watched.verdict, watched.evidence.len()), (Verdict::Bad, 1));
        assert!(watched.told[0].contains("FORKED"), "{watched:?}");
        let (verdict, told) = judged(save.path(), &vkey);
        assert_eq!(verdict, Verdict::Bad);
        assert!(told.contains("the log forked: it signed two trees of 2 records"), "{told}");
        fs::remove_file(&files(save.path(), "fork")[0]).expect("a file");
        asset(&mut forked, more);
    }
    assert_eq!(files(save.path(), "checkpoint").len(), 1, "what is bad is not kept");
}

#[test]
fn a_receipt_proves_a_fork_that_was_seen_at_another_size() {
    let mut ledger = TestLedger::open();
    let (vkey, save) = (vkey(&ledger), tempfile::tempdir().expect("a folder"));
    let mut forked = ledger.copied(ServeSettings::default());
    let seq = asset(&mut ledger, "A");
    let proof = ledger.http().get(&format!("/v1/records/{seq}/proof"));
    let receipt = save.path().join("mine.tlog-proof");
    fs::write(&receipt, proof.body).expect("a receipt");
    let early = watch(&forked, &vkey, save.path());
    assert_eq!(early.verdict, Verdict::Undecidable, "not covered yet: {early:?}");
    for name in ["B", "C", "D"] {
        asset(&mut forked, name);
    }
    let watched = watch(&forked, &vkey, save.path());
    assert!(watched.verdict == Verdict::Bad && watched.newest.is_none(), "{watched:?}");
    let (verdict, told) = judged(save.path(), &vkey);
    assert_eq!(verdict, Verdict::Bad);
    assert!(told.contains("the log forked: it signed two records with one number"), "{told}");
}

#[test]
fn a_log_that_went_back_is_bad_and_one_that_is_away_is_not() {
    let mut ledger = TestLedger::open();
    let (vkey, save) = (vkey(&ledger), tempfile::tempdir().expect("a folder"));
    let old = ledger.copied(ServeSettings::default());
    asset(&mut ledger, "A");
    assert_eq!(watch(&ledger, &vkey, save.path()).verdict, Verdict::Good);
    let back = watch(&old, &vkey, save.path());
    assert_eq!(back.verdict, Verdict::Bad);
    assert!(back.told[0].contains("it rolled back, or serves stale copies"), "{back:?}");
    let url = old.url().to_owned();
    drop(old);
    let away = look(&args(&url, &vkey, save.path())).expect("its own files can be read");
    assert_eq!(away.verdict, Verdict::Undecidable);
    let stranger = tests::witnessing::cosigner("stranger.example").verifier().to_string();
    assert_eq!(watch(&ledger, &stranger, save.path()).verdict, Verdict::Undecidable);
}

#[test]
fn with_a_policy_only_what_its_quorum_cosigned_is_acted_on() {
    let mut ledger = TestLedger::open();
    let (vkey, save) = (vkey(&ledger), tempfile::tempdir().expect("a folder"));
    let witnesses = honest(&ledger, &HONEST);
    let policy = policy(&ledger, &lines(&witnesses), "2");
    let file = save.path().join("policy");
    fs::write(&file, &policy).expect("a file");
    let with_policy = |ledger: &TestLedger| {
        let args = args(ledger.url(), &vkey, save.path());
        let args = WatchArgs { vkey: None, policy: Some(file.clone()), ..args };
        look(&args).expect("its own files can be read")
    };
    let early = with_policy(&ledger);
    assert!(early.verdict == Verdict::Undecidable && early.newest.is_none(), "{early:?}");
    assert!(early.told[0].contains("the quorum is not met"), "{early:?}");
    put_in_force(&mut ledger, &policy);
    let line = "pb asset.define asset=A kind=token decimals=2";
    assert_eq!(ledger.send(line, "?wait=witnessed").text("stage"), "witnessed");
    let watched = with_policy(&ledger);
    assert_eq!(watched.verdict, Verdict::Good, "{watched:?}");
    let kept = fs::read_to_string(save.path().join("3.checkpoint")).expect("kept");
    assert!(kept.starts_with(ORIGIN));
}
