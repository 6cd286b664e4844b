//! The log key is rotated: announced, then both sign for thirty days, then the new one alone; each old
//! checkpoint still verifies, and so does the directory.

use std::sync::Arc;

use ledger::log_keys::in_force;
use ledger::note::{KeyName, LogSigner, Note, VerifierKey};
use ledger::opening::Rotation;
use ledger::store::embedded::EmbeddedStore;
use ledger::time::Timestamp;
use ledger::verify::Verdict;
use tests::scribe::{Scribe, key};
use tests::world::ORIGIN;

use crate::clocks::{Hands, Running};

const DAY: u64 = 86_400_000;

fn signer(name: &str) -> LogSigner {
    LogSigner::new(KeyName::new(ORIGIN).unwrap(), &key(name).seed())
}

fn rotation() -> Rotation {
    Rotation { further: vec![Arc::new(signer("log2"))], earlier: Vec::new() }
}

/// Who of the two signed the newest checkpoint, in the order of the lines.
fn signed_by(ledger: &Running) -> Vec<&'static str> {
    let note = Note::parse(&ledger.log.checkpoint().unwrap().to_string()).unwrap();
    let keys: [(&str, VerifierKey); 2] = ["log", "log2"].map(|name| (name, signer(name).verifier().clone()));
    let good = note.verify(keys.iter().map(|(_, key)| key)).unwrap();
    assert_eq!(good.len(), note.signatures().len());
    let name = |found: &VerifierKey| keys.iter().find(|(_, key)| key == found).unwrap().0;
    good.iter().map(|found| name(found.key)).collect()
}

#[test]
fn a_new_key_takes_over_within_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("ledger");
    let start = Timestamp::parse("2026-01-05T09:00:00.000Z").unwrap();
    EmbeddedStore::create(&home, ORIGIN, start).unwrap();
    let mut scribe = Scribe::new(ORIGIN, "rotation");
    let hands = Hands::at(start.millis());
    let mut ledger = Running::start_with(&home, &hands, rotation());
    let [old, new] = ["log", "log2"].map(|name| signer(name).verifier().to_string());
    scribe.name_document("policy", &format!("log {old}\nquorum none\n"));
    let first = format!(
        "pb ledger.open operator=pb legal_name=pb public_key=key:pb uses=command log_vkey={old} witness_policy=doc:policy"
    );
    assert_eq!(ledger.code(&mut scribe, &first), "ok");
    let announce = format!("pb ledger.log_key log_vkey={new} from_size=4");
    assert_eq!(ledger.code(&mut scribe, &announce), "ok");
    assert_eq!(signed_by(&ledger), ["log"], "announced, and not in force");
    let mut named = 0;
    let mut put = |ledger: &Running| {
        named += 1;
        let line = format!("pb key.add public_key=key:k{named} uses=session");
        assert_eq!(ledger.code(&mut scribe, &line), "ok");
    };
    for (days, want) in [
        (1, &["log"][..]),
        (1, &["log2", "log"]),
        (6, &["log2", "log"]),
        (6, &["log2", "log"]),
        (6, &["log2", "log"]),
        (6, &["log2", "log"]),
        (6, &["log2", "log"]), // the thirtieth day
        (1, &["log2"]),
    ] {
        hands.pass(days * DAY);
        put(&ledger);
        assert_eq!(signed_by(&ledger), want);
        // A restart signs as it would have.
        ledger.end();
        ledger = Running::start_with(&home, &hands, rotation());
        assert_eq!(signed_by(&ledger), want);
    }
    let opened = ledger.handle.published().state.opened().unwrap().clone();
    assert_eq!((in_force(&opened, 3), in_force(&opened, 4)), (old.as_str(), new.as_str()));
    ledger.end();
    let stranger = LogSigner::new(KeyName::new(ORIGIN).unwrap(), &key("other").seed());
    for (vkey, verdict) in [
        (None, Verdict::Good),
        (Some(signer("log").verifier()), Verdict::Good),
        (Some(signer("log2").verifier()), Verdict::Good),
        (Some(stranger.verifier()), Verdict::Undecidable),
    ] {
        let options =
            ledger::verify::Options { vkey, answer: Some(&api::verify::answer), ..Default::default() };
        let report = ledger::verify::directory(&home, &options);
        assert_eq!(report.verdict(), verdict, "{report}");
    }
}

/// The announced key's file is not there when its size comes: the old key goes on alone, and says so.
#[test]
fn a_key_that_is_not_at_hand_is_missed_and_does_not_stop_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("ledger");
    let start = Timestamp::parse("2026-01-05T09:00:00.000Z").unwrap();
    EmbeddedStore::create(&home, ORIGIN, start).unwrap();
    let mut scribe = Scribe::new(ORIGIN, "rotation");
    let hands = Hands::at(start.millis());
    let ledger = Running::start_with(&home, &hands, Rotation::default());
    let [old, new] = ["log", "log2"].map(|name| signer(name).verifier().to_string());
    scribe.name_document("policy", &format!("log {old}\nquorum none\n"));
    for line in [
        format!(
            "pb ledger.open operator=pb legal_name=pb public_key=key:pb uses=command log_vkey={old} witness_policy=doc:policy"
        ),
        format!("pb ledger.log_key log_vkey={new} from_size=3"),
        "pb key.add public_key=key:k1 uses=session".to_owned(),
    ] {
        assert_eq!(ledger.code(&mut scribe, &line), "ok");
    }
    assert_eq!(signed_by(&ledger), ["log"]);
    ledger.end();
    let ledger = Running::start_with(&home, &hands, rotation());
    assert_eq!(ledger.code(&mut scribe, "pb key.add public_key=key:k2 uses=session"), "ok");
    assert_eq!(signed_by(&ledger), ["log2", "log"]);
    ledger.end();
}
