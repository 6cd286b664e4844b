//! Seals made beside the sequencer: at a cadence, with a key for seals alone, and said where they fail.

use api::sealing::Times;
use ledger::note::VerifierKey;
use ledger::verify::{CheckId, ProofOptions, Verdict, proof};
use tests::served::TestLedger;

use crate::seals::SEALERS;

/// What a figure of `/metrics` says, asked until it is above zero.
fn counted(ledger: &TestLedger, name: &str) -> u64 {
    loop {
        let told = String::from_utf8(ledger.http().get("/metrics").body).expect("text");
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = line.and_then(|value| value.parse().ok()).expect("a figure");
        if value > 0 {
            return value;
        }
    }
}

#[test]
fn a_cadence_seals_what_is_new_and_its_proofs_hold() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    ledger.restart_sealing("sealer", Times { every_ms: Some(20), is_irregular: true, close_ms: None });
    counted(&ledger, "pledger_seals_total");
    let seals = ledger.read("pb", "/v1/seals");
    assert_eq!(seals.at("/items/0/kind"), "cadence");
    assert_eq!(seals.items(), 1, "nothing new came since");
    let vkey = VerifierKey::parse(&ledger.http().get("/v1/ledger").text("vkey")).expect("a vkey");
    let served = ledger.read("acme", "/v1/seals/latest/balance-proof?account=acme.btc");
    let report = proof(&served.body, &ProofOptions { vkey: Some(&vkey), ..ProofOptions::default() });
    assert_eq!(report.verdict(), Verdict::Good, "{report}");

    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    while ledger.read("pb", "/v1/seals").items() < 2 {}
    let report = ledger.verified();
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let seals = report.check(CheckId::SealsRecomputed).expect("asked");
    assert!(seals.count >= 2, "{report}");
}

/// A close that passed while the server did not run is sealed when it starts.
#[test]
fn a_close_of_day_is_sealed_even_if_nothing_is_new() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    let close = |ledger: &mut TestLedger| {
        let seals = ledger.read("pb", "/v1/seals");
        let items = seals.items();
        (0..items).filter(|place| seals.at(&format!("/items/{place}/kind")) == "close_of_day").count()
    };
    assert_eq!(close(&mut ledger), 0);
    let now = api::app::now().millis() % 86_400_000;
    // The close is a moment away, so that it comes while the test asks.
    let soon = Times { every_ms: None, is_irregular: false, close_ms: Some((now + 500) % 86_400_000) };
    ledger.restart_sealing("sealer", soon);
    counted(&ledger, "pledger_seals_total");
    assert_eq!(close(&mut ledger), 1);
}

/// A key that may not seal, or that is not there, is said and stops nothing.
#[test]
fn a_key_that_does_not_seal_is_said() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    ledger.restart_sealing("pb", Times { every_ms: Some(20), is_irregular: false, close_ms: None });
    counted(&ledger, "pledger_seal_failures_total");
    assert_eq!(ledger.read("pb", "/v1/seals").items(), 0);
    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    let key_file = ledger.home().parent().expect("a folder").join("pb.pem");
    ledger.restart_after(|_| std::fs::remove_file(key_file).expect("the key's file is removed"));
    counted(&ledger, "pledger_seal_failures_total");
    ledger.play("acme movement.instruct movement=m2 mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    assert_eq!(ledger.verified().verdict(), Verdict::Good);
}
