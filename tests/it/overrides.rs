//! Overrides: one rule, one account, a quantity and an end; each use leaves its trace.

use ledger::json::{self, Json};
use ledger::receipt;
use tests::driver::Driver;
use tests::served::TestLedger;
use tests::world;

use crate::flow::play_on;

const POSTED: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
    bank movement.settle movement=rich evidence=doc:rich
    acme movement.instruct movement=post mode=immediate postings=acme.btc>acme.btc.p:4:BTC
";

fn posted() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(POSTED);
    driver.play(world::FOUR_EYES);
    driver
}

#[test]
fn granting_and_revoking() {
    play_on(
        &mut posted(),
        "
        # form, role, references, id, times, amounts
        pb override.grant override=o1 rule=insufficient_available object=acme.btc.p limit=1 reason=x until=+1000 => body_schema
        pb override.grant override=o1 rule=evidence_missing object=acme.btc.p limit=1 reason=x until=+1000 => body_schema
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=1 reason= until=+1000 => body_schema
        acme override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=+1000 => not_authorised
        pb override.grant override=o1 rule=release_uncovers object=nobody limit=1 reason=x until=+1000 => unknown_reference
        pb override.grant override=o0 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=+1000 & acme
        pb override.grant override=O0 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=+1000 => id_taken
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=-0 => too_late
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=0 reason=x until=+604800001 => amount_zero
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=0.123456789 reason=x until=+1000 => amount_precision
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=+604800001 => amount_out_of_range
        pb override.grant override=o1 rule=release_uncovers object=acme.btc.p limit=1 reason=x until=+604800000 & acme
        = override o1 1 live
        acme override.revoke override=o1 reason=x => not_authorised
        pb override.revoke override=o9 reason=x => unknown_reference
        pb override.revoke override=o1 reason=x expect=o1@0 => expectation_failed
        pb override.revoke override=o1 reason=x
        = override o1 1 over
        pb override.revoke override=o1 reason=x => wrong_state
        wait 1000
        = override o0 1 live
        wait 1
        = override o0 1 over
        pb override.revoke override=o0 reason=x => wrong_state
        ",
    );
}

/// A rule that refuses is lifted for the account, up to the limit, until the end, and not a unit beyond.
#[test]
fn releases_past_the_guard() {
    let mut driver = posted();
    play_on(
        &mut driver,
        "
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => statement_stale
        # another rule, another account, too little
        pb override.grant override=rule rule=release_uncovers object=acme.btc.p limit=4 reason=x until=+3600000 & acme
        pb override.grant override=account rule=statement_stale object=acme.btc limit=4 reason=x until=+3600000 & acme
        pb override.grant override=little rule=statement_stale object=acme.btc.p limit=0.99999999 reason=x until=+3600000 & acme
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => statement_stale
        pb override.grant override=stale rule=statement_stale object=acme.btc.p limit=2.5 reason=x until=+3600000 & acme
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC,acme.btc.p>acme.btc:0.5:BTC
        = override stale 1.5 live
        = override little 0.99999999 live
        = override rule 4 live
        # what is refused for another reason uses nothing up
        pb movement.instruct movement=r2 mode=immediate postings=acme.btc.p>acme.vault:1:BTC => evidence_missing
        = override stale 1.5 live
        # no rule lifts what is not there
        pb override.grant override=much rule=statement_stale object=acme.btc.p limit=1000 reason=x until=+3600000 & acme
        pb movement.instruct movement=r2 mode=immediate postings=acme.btc.p>acme.btc:3.00000001:BTC => insufficient_available
        # a statement that covers asks for none
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=80000
        pb movement.instruct movement=r2 mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        = override rule 4 live
        pb movement.instruct movement=r3 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC
        = override rule 3.5 live
        # a stale statement that still binds needs both
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=80000
        wait 3600000
        pb movement.instruct movement=r4 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC
        = override rule 3 live
        wait 1
        pb movement.instruct movement=r5 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC => release_uncovers
        = override rule 3 over
        ",
    );
    let granted = driver.state.overrides().find(|granted| granted.id.as_str() == "rule").unwrap();
    let uses: Vec<_> = granted.uses.iter().map(|used| used.units).collect();
    assert_eq!(uses, [50_000_000, 50_000_000]);
}

/// The receipt of what went through says by which override, how much, and what is left of it.
#[test]
fn a_use_is_an_effect() {
    let mut driver = posted();
    play_on(
        &mut driver,
        "
        pb override.grant override=o1 rule=statement_stale object=acme.btc.p limit=2.5 reason=x until=+1000 & acme
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        ",
    );
    let effects = receipt::print_effects(&driver.state, &driver.effects);
    let effects = json::read(effects.as_bytes()).unwrap();
    let kind = |effect: &&Json| effect.get("kind").and_then(Json::as_str) == Some("override");
    let told = effects.as_array().unwrap().iter().find(kind).unwrap().to_jcs();
    assert_eq!(
        told,
        r#"{"account":"acme.btc.p","allowed":"1","id":"o1","kind":"override","remaining":"1.5","rule":"statement_stale"}"#
    );
}

/// What a level refuses or delays goes through at once, and what was delayed settles.
#[test]
fn withdrawals_past_the_breaker() {
    let mut driver = Driver::with_world(false);
    driver.play(
        "pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
         bank movement.settle movement=rich evidence=doc:rich",
    );
    driver.play(world::FOUR_EYES);
    driver.play(world::POOL);
    play_on(
        &mut driver,
        "
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
        acme movement.instruct movement=delayed mode=two_phase postings=acme.btc>ext.btc:1:BTC
        pb breaker.step pool=book level=halt theta_factor=0.5 calm=0 signals=0.2,0,1,1,0 reasons=index_fall
        bank movement.settle movement=delayed evidence=doc:e1 => breaker_open
        acme movement.instruct movement=w mode=two_phase postings=acme.btc>ext.btc:1:BTC => breaker_open
        pb override.grant override=o1 rule=breaker_open object=acme.btc limit=2 reason=payroll until=+1000 & acme
        acme movement.instruct movement=w mode=two_phase postings=acme.btc>ext.btc:1:BTC
        = override o1 1 live
        bank movement.settle movement=w evidence=doc:e1
        = override o1 1 live
        bank movement.settle movement=delayed amounts=0.25 evidence=doc:e1
        = override o1 0.75 live
        bank movement.settle movement=delayed evidence=doc:e1
        = override o1 0 over
        # the breaker's override lifts nothing else
        pb override.grant override=o2 rule=breaker_open object=acme.btc.p limit=4 reason=x until=+1000 & acme
        pb movement.instruct movement=r mode=immediate postings=acme.btc.p>acme.btc:4:BTC => release_uncovers
        pb movement.instruct movement=r mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        = override o2 3 live
        ",
    );
}

/// Everyone sees the exceptions that touch it, the operator and auditors all of them, and nobody others'.
#[test]
fn live_ones_are_listed_to_whom_they_touch() {
    let mut ledger = TestLedger::with_world();
    ledger.play(world::FOUR_EYES);
    ledger.play(
        "pb override.grant override=a rule=breaker_open object=acme.btc limit=2 reason=payroll until=+600000 & acme
         pb override.grant override=gone rule=breaker_open object=acme.btc limit=2 reason=payroll until=+600000 & acme
         pb override.revoke override=gone reason=done
         pb override.grant override=v rule=breaker_open object=acme.vault limit=1.5 reason=x until=+600000 & acme",
    );
    for (reader, seen) in [
        ("pb", &["a", "v"][..]),
        ("aud", &["a", "v"]),
        ("acme", &["a", "v"]),
        ("bank", &["a"]),
        ("vault", &["v"]),
        ("zeta", &[]),
    ] {
        let answer = ledger.client(reader).get("/v1/overrides").unwrap();
        let items = answer.get("items").and_then(Json::as_array).unwrap();
        let ids: Vec<_> = items.iter().filter_map(|item| item.get("id")?.as_str()).collect();
        assert_eq!(ids, seen, "{reader}");
    }
    let answer = ledger.client("vault").get("/v1/overrides").unwrap();
    let one = &answer.get("items").and_then(Json::as_array).unwrap()[0];
    for (name, value) in
        [("rule", "breaker_open"), ("object", "acme.vault"), ("asset", "BTC"), ("remaining", "1.5")]
    {
        assert_eq!(one.get(name).and_then(Json::as_str), Some(value), "{name}");
    }
}
