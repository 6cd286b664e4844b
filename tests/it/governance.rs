//! The ledger's own terms: witnesses, log key, rules version, clock, end; and where they are read.

use api::home;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::note::{KeyMaterial, KeyName, VerifierKey};
use tests::driver::Driver;
use tests::scribe::key;
use tests::served::TestLedger;
use tests::world;

use crate::flow::play_on;

fn vkey(origin: &str, name: &str) -> String {
    home::vkey(origin, &key(name)).unwrap()
}

fn witness(name: &str) -> String {
    let origin = KeyName::new(&format!("{name}.example")).unwrap();
    VerifierKey::new(origin, KeyMaterial::CosignatureV1(key(name).public())).to_string()
}

/// A policy over three witnesses, `threshold` of which cosign.
fn policy(log: &str, threshold: usize) -> String {
    let [one, two, three] = ["w1", "w2", "w3"].map(witness);
    format!(
        "log {log}\nwitness w1 {one}\nwitness w2 {two}\nwitness w3 {three}\n\
         group g {threshold} w1 w2 w3\nquorum g\n"
    )
}

#[test]
fn the_quorum_is_changed_and_never_weak() {
    let mut driver = Driver::with_world(false);
    let own = vkey(world::ORIGIN, "log");
    driver.play(&format!("pb ledger.log_key log_vkey={own} from_size=1000"));
    for (name, text) in [
        ("none", format!("log {own}\nquorum none\n")),
        ("weak", policy(&own, 1)),
        ("good", policy(&own, 2)),
        ("all", policy(&own, 3)),
        ("foreign", policy(&vkey("ledger.example/other", "log"), 2)),
        ("unread", "quorum\n".to_owned()),
    ] {
        driver.scribe.name_document(name, &text);
    }
    play_on(
        &mut driver,
        "
        acme ledger.witness_policy policy=doc:good => not_authorised
        pb ledger.witness_policy policy=digest:good => unknown_reference
        pb ledger.witness_policy policy=doc:foreign => evidence_mismatch
        pb ledger.witness_policy policy=doc:unread => document_digest
        pb ledger.witness_policy policy=doc:weak => quorum_unsafe
        pb ledger.witness_policy policy=doc:none => quorum_unsafe
        pb ledger.witness_policy policy=doc:good
        pb ledger.witness_policy policy=doc:good => wrong_state
        pb ledger.witness_policy policy=doc:all
        ",
    );
    let opened = driver.state.opened().unwrap();
    assert_eq!(opened.witness_policy, Digest::of(policy(&own, 3).as_bytes()));
}

#[test]
fn a_log_key_is_announced() {
    let mut driver = Driver::with_world(false);
    let [next, other] = [vkey(world::ORIGIN, "next"), vkey("ledger.example/other", "next")];
    let [partys, cosigner] = [vkey(world::ORIGIN, "acme"), witness("w1")];
    let here = driver.state.length() + 1;
    play_on(
        &mut driver,
        &format!(
            "
            pb ledger.log_key log_vkey=none from_size=1000 => body_schema
            pb ledger.log_key log_vkey={cosigner} from_size=1000 => body_schema
            acme ledger.log_key log_vkey={next} from_size=1000 => not_authorised
            pb ledger.log_key log_vkey={partys} from_size=1000 => id_taken
            pb ledger.log_key log_vkey={next} from_size={here} => amount_out_of_range
            pb ledger.log_key log_vkey={other} from_size=1000 => evidence_mismatch
            pb ledger.log_key log_vkey={next} from_size=1000
            pb ledger.log_key log_vkey={next} from_size=2000 => id_taken
            "
        ),
    );
    let keys = &driver.state.opened().unwrap().log_keys;
    assert_eq!(
        keys.iter().map(|key| (key.vkey.as_str(), key.from_size)).collect::<Vec<_>>(),
        [(next.as_str(), 1_000)]
    );
}

#[test]
fn rules_clock_and_end() {
    let mut driver = Driver::with_world(false);
    let here = driver.state.length();
    play_on(
        &mut driver,
        &format!(
            "
            acme ledger.rules version=1 from=1000 => not_authorised
            pb ledger.rules version=2 from=1000 => unknown_reference
            pb ledger.rules version=1 from={here} => amount_out_of_range
            pb ledger.rules version=1 from=1000
            acme ledger.confirm_clock reason=ntp => not_authorised
            pb ledger.confirm_clock reason=ntp
            acme ledger.close reason=done => not_authorised
            pb ledger.close reason=done successor=ledger.example/tests => evidence_mismatch
            pb ledger.close reason=done successor=ledger.example/next
            # role and references first, then that it is closed
            acme ledger.close reason=done => not_authorised
            acme movement.void movement=nothing reason=x => unknown_reference
            acme movement.instruct movement=m mode=two_phase postings=ext.btc>acme.btc:1:BTC => wrong_state
            pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC => wrong_state
            pb ledger.confirm_clock reason=ntp => wrong_state
            pb ledger.close reason=done => wrong_state
            pb key.add public_key=key:new uses=command => wrong_state
            "
        ),
    );
    let opened = driver.state.opened().unwrap();
    let confirmed = opened.clock_confirmed.as_ref().unwrap();
    assert_eq!((confirmed.recorded_at, confirmed.reason.as_str()), (driver.now, "ntp"));
    assert_eq!(opened.closed.as_ref().unwrap().successor.as_deref(), Some("ledger.example/next"));
}

/// `GET /v1/ledger` tells what is in force, `GET /v1/pools` at which level each pool stands.
#[test]
fn terms_and_levels_are_read_over_http() {
    let mut ledger = TestLedger::with_world();
    let next = vkey(world::ORIGIN, "next");
    let before = ledger.http().get("/v1/ledger").json();
    let own = before.get("vkey").and_then(Json::as_str).unwrap().to_owned();
    let good = policy(&own, 2);
    ledger.scribe.name_document("good", &good);
    ledger.play(&format!(
        "pb ledger.witness_policy policy=doc:good
         pb ledger.log_key log_vkey={next} from_size=1000
         pb regime.adopt regime=book digest=doc:book from=-0
         pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0,0.015,1,1,0 reasons=peg"
    ));
    let told = ledger.http().get("/v1/ledger").json();
    let vkeys: Vec<_> =
        told.get("vkeys").and_then(Json::as_array).unwrap().iter().filter_map(Json::as_str).collect();
    assert_eq!(vkeys, [own.as_str(), next.as_str()]);
    assert_eq!(told.pointer("/witness_policy/text").and_then(Json::as_str), Some(good.as_str()));
    assert_eq!(told.get("rules").and_then(Json::as_str), Some("1"));
    assert_eq!(told.get("closed"), None);
    let pool = ledger.client("acme").get("/v1/pools/book").unwrap();
    for (pointer, value) in [
        ("/pool/level", "guarded"),
        ("/pool/theta_factor", "0.5"),
        ("/pool/signals/peg", "0.015"),
        ("/pool/reasons/0", "peg"),
        ("/pool/effects/withdrawals", "delayed by 1 cycles"),
    ] {
        assert_eq!(pool.pointer(pointer).and_then(Json::as_str), Some(value), "{pointer}");
    }
    ledger.play("pb ledger.close reason=moved successor=ledger.example/next");
    ledger.restart();
    let told = ledger.http().get("/v1/ledger").json();
    assert_eq!(told.pointer("/closed/successor").and_then(Json::as_str), Some("ledger.example/next"));
    let refused = ledger.line("pb ledger.confirm_clock reason=x");
    assert_eq!((refused.status, refused.text("code").as_str()), (409, "wrong_state"));
}
