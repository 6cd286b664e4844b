//! The life of a break, and what is seen of a chain.

use ledger::json::Json;
use tests::driver::Driver;
use tests::served::TestLedger;
use tests::world;

use crate::flow::play_on;

/// A result of a reconciliation with these breaks: id, account, asset and amount.
fn result(breaks: &[[&str; 4]]) -> String {
    let names = ["id", "account", "asset", "amount"];
    let breaks = breaks
        .iter()
        .map(|one| Json::object(names.into_iter().zip(one.iter().map(|text| Json::text(*text)))));
    Json::object([("breaks", Json::array(breaks))]).to_jcs()
}

const STAGE: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.usdc>acme.usdc:100:USDC
    bank movement.settle movement=rich evidence=doc:rich
    pb account.open account=pb.adj owner=pb asset=BTC custodian=bank book=reserved class=uncleared
    pb account.open account=pb.adj2 owner=pb asset=BTC custodian=bank book=reserved class=uncleared
    pb account.open account=pb.adj.usdc owner=pb asset=USDC custodian=bank book=reserved class=uncleared
    pb account.open account=pb.own owner=pb asset=BTC custodian=bank book=available class=uncleared
    pb account.open account=acme.own owner=acme asset=BTC custodian=bank book=reserved class=uncleared
    bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
    vault custody.statement statement=k2 custodian=vault format=csv as_of=-0 digest=doc:k2 provenance=signed
    pb movement.instruct movement=early mode=immediate postings=acme.btc>pb.adj:0.5:BTC
    pb recon.record reconciliation=r1 statements=k1 as_of=-0 digest=doc:result fingerprint=doc:result breaks=3
    pb recon.record reconciliation=r2 statements=k1,k2 as_of=-0 digest=doc:free_form fingerprint=doc:free_form breaks=1
";

fn found() -> Driver {
    let mut driver = Driver::with_world(false);
    let breaks = [
        ["short", "acme.btc", "BTC", "-0.5"],
        ["over", "acme.btc", "BTC", "0.25"],
        ["fine", "acme.btc", "BTC", "-0.000000001"],
    ];
    driver.scribe.name_document("result", &result(&breaks));
    driver.scribe.name_document("half", &result(&[["short", "acme.btc", "BTC", "-0.2"]]));
    driver.play(STAGE);
    driver.play(world::FOUR_EYES);
    driver
}

/// Every refusal of opening and of each step, in the order of precedence.
#[test]
fn breaks_are_worked_in_order() {
    play_on(
        &mut found(),
        "
        # what the result says is what is opened
        acme break.open break=short reconciliation=r1 line=1 amount=-0.5 => not_authorised
        bank break.open break=short reconciliation=r1 line=1 amount=-0.5 => not_authorised
        pb break.open break=short reconciliation=r9 line=1 amount=-0.5 => unknown_reference
        pb break.open break=other reconciliation=r1 line=1 amount=-0.5 => evidence_mismatch
        pb break.open break=short reconciliation=r1 line=1 amount=0.5 => evidence_mismatch
        pb break.open break=short reconciliation=r1 line=1 amount=-0.5
        pb break.open break=short reconciliation=r1 line=1 amount=-0.4 => id_taken
        pb break.open break=Short reconciliation=r2 line=1 amount=-0.5 => id_taken
        = break short open nobody 1

        # an owner
        acme break.assign break=short to=pb => not_authorised
        pb break.assign break=none to=pb => unknown_reference
        vault break.assign break=short to=vault => unknown_reference
        pb break.assign break=short to=nobody => unknown_reference
        pb break.assign break=short to=acme => unknown_reference
        pb break.assign break=short to=vault => unknown_reference
        pb break.explain break=short reason=fee => wrong_state
        bank break.assign break=short to=bank
        = break short assigned bank 2
        pb break.assign break=short to=pb
        = break short assigned pb 3

        # an explanation, which counts up to its time
        acme break.explain break=short reason=fee => not_authorised
        vault break.explain break=short reason=fee => unknown_reference
        pb break.explain break=short reason=because expected_by=-1 => too_late
        pb break.explain break=short reason=because => reason_unknown
        bank break.explain break=short reason=timing expected_by=+1000
        = break short explained pb 4
        wait 1000
        = break short explained pb 4
        wait 1
        = break short assigned pb 4
        pb break.write_off break=short movement=early => wrong_state
        pb break.explain break=short reason=ledger_error
        = break short explained pb 5

        # evidence
        acme break.resolve break=short evidence=doc:letter => not_authorised
        pb break.resolve break=short evidence=digest:letter => unknown_reference
        vault break.resolve break=short evidence=doc:letter => unknown_reference
        pb break.resolve break=short evidence=doc:letter expect=short@0 => expectation_failed
        bank break.resolve break=short evidence=doc:letter
        = break short resolved pb 6
        pb break.resolve break=short evidence=doc:letter => wrong_state
        pb break.assign break=short to=pb => wrong_state
        pb break.explain break=short reason=fee => wrong_state
        pb break.write_off break=short movement=early => wrong_state

        # the same difference found by a later run is the same break, of a new age
        pb break.open break=short reconciliation=r1 line=1 amount=-0.5 => id_taken
        pb recon.record reconciliation=r3 statements=k1 as_of=-0 digest=doc:result fingerprint=doc:result breaks=3
        pb recon.record reconciliation=r4 statements=k2 as_of=-0 digest=doc:result fingerprint=doc:result breaks=3
        pb break.open break=short reconciliation=r4 line=1 amount=-0.5 => id_taken
        pb break.open break=short reconciliation=r3 line=1 amount=-0.5
        = break short open nobody 7

        # half repaired it is the same break, with its age and owner
        pb break.assign break=short to=bank
        pb recon.record reconciliation=r5 statements=k1 as_of=-0 digest=doc:half fingerprint=doc:half breaks=1
        pb break.open break=short reconciliation=r3 line=1 amount=-0.5 => id_taken
        pb break.open break=short reconciliation=r5 line=1 amount=-0.3 => evidence_mismatch
        pb break.open break=short reconciliation=r5 line=1 amount=-0.2
        = break short assigned bank 9
        pb break.open break=short reconciliation=r5 line=1 amount=-0.2 => id_taken
    ",
    );
}

/// A write-off rests on a movement that settled, moves exactly the amount, and does so against an account
/// of the operator's own.
#[test]
fn breaks_are_written_off_by_a_movement() {
    play_on(&mut found(), "
        pb break.open break=short reconciliation=r1 line=1 amount=-0.5
        pb break.assign break=short to=pb
        pb break.open break=over reconciliation=r1 line=2 amount=0.25
        pb break.assign break=over to=bank
        pb movement.instruct movement=m mode=immediate postings=acme.btc>pb.adj:0.5:BTC
        acme break.write_off break=short movement=m => not_authorised
        vault break.write_off break=short movement=m => unknown_reference
        pb break.write_off break=none movement=m => unknown_reference
        pb break.write_off break=short movement=none => unknown_reference
        pb break.write_off break=short movement=m => wrong_state
        pb break.explain break=short reason=fee
        pb break.explain break=over reason=unidentified

        # a movement that has not settled, or not to the end
        pb movement.instruct movement=pending mode=two_phase postings=acme.btc>pb.adj:0.5:BTC
        pb break.write_off break=short movement=pending => wrong_state
        pb movement.void movement=pending reason=x
        pb break.write_off break=short movement=pending => wrong_state
        pb movement.instruct movement=undone mode=immediate postings=acme.btc>pb.adj:0.5:BTC
        pb movement.reverse movement=undoing reverses=undone reason=x
        pb break.write_off break=short movement=undone => wrong_state
        # another asset, another time, other accounts
        pb movement.instruct movement=usdc mode=immediate postings=acme.usdc>pb.adj.usdc:0.5:USDC
        pb break.write_off break=short movement=usdc => asset_mismatch
        pb break.write_off break=short movement=early => evidence_mismatch
        pb movement.instruct movement=own mode=immediate postings=acme.btc>pb.own:0.5:BTC
        pb break.write_off break=short movement=own => evidence_mismatch
        pb movement.instruct movement=theirs mode=immediate postings=acme.btc>acme.own:0.5:BTC
        pb break.write_off break=short movement=theirs => evidence_mismatch
        pb movement.instruct movement=two mode=immediate postings=acme.btc>pb.adj:0.25:BTC,acme.btc>pb.adj2:0.25:BTC
        pb break.write_off break=short movement=two => evidence_mismatch
        pb movement.instruct movement=inside mode=immediate postings=pb.adj>pb.adj2:0.1:BTC
        pb break.write_off break=short movement=inside => evidence_mismatch
        # another amount, another direction
        pb movement.instruct movement=less mode=immediate postings=acme.btc>pb.adj:0.4:BTC
        pb break.write_off break=short movement=less => amounts_do_not_sum
        pb movement.instruct movement=back mode=immediate postings=pb.adj>acme.btc:0.5:BTC
        pb break.write_off break=short movement=back => amounts_do_not_sum
        pb break.write_off break=short movement=m & acme
        = break short written_off pb 4
        pb break.write_off break=short movement=m => wrong_state
        pb break.write_off break=over movement=m => wrong_state

        # what comes in sums up over postings
        pb movement.instruct movement=in mode=immediate postings=pb.adj>acme.btc:0.3:BTC,acme.btc>pb.adj:0.05:BTC
        bank break.write_off break=over movement=in & pb
        = break over written_off bank 4

        # the movement undone, the break stands as before
        pb movement.reverse movement=unwind reverses=m reason=wrong
        = break short explained pb 5
        pb break.write_off break=short movement=m => wrong_state

        # finer than the asset: no movement is that much
        pb break.open break=fine reconciliation=r1 line=3 amount=-0.000000001
        pb break.assign break=fine to=pb
        pb break.explain break=fine reason=rounding
        pb movement.instruct movement=m2 mode=immediate postings=acme.btc>pb.adj:0.00000001:BTC
        pb break.write_off break=fine movement=m2 => amounts_do_not_sum

        # a result in another form does not say where the break is
        pb break.open break=free reconciliation=r2 line=1 amount=-0.00000001
        bank break.assign break=free to=bank => unknown_reference
        pb break.assign break=free to=pb
        pb break.explain break=free reason=fx
        pb break.write_off break=free movement=m2 => evidence_missing
        pb break.resolve break=free evidence=doc:letter
    ");
}

/// Another block at a height that one has looked at is a reorganisation; another's look is not.
#[test]
fn observations_of_chains() {
    let [a, b] = ["a", "b"].map(|digit| digit.repeat(64));
    let mut driver = Driver::with_world(false);
    play_on(&mut driver, &format!("
        acme custody.observe observation=o1 chain=bitcoin height=900000 block_hash={a} digest=doc:o1 => not_authorised
        pb custody.observe observation=o1 chain=Bitcoin height=900000 block_hash={a} digest=doc:o1 => body_schema
        pb custody.observe observation=o1 chain=bitcoin height=-1 block_hash={a} digest=doc:o1 => body_schema
        pb custody.observe observation=o1 chain=bitcoin height=900000 block_hash=abc digest=doc:o1 => body_schema
        pb custody.observe observation=o1 chain=bitcoin height=900000 block_hash={a} digest=digest:o1 => unknown_reference
        pb custody.observe observation=o1 chain=bitcoin height=900000 block_hash={a} digest=doc:o1
        pb custody.observe observation=O1 chain=bitcoin height=900000 block_hash={a} digest=doc:o1 => id_taken
        pb custody.observe observation=o2 chain=bitcoin height=900001 block_hash={b} digest=doc:o2
        pb custody.observe observation=o3 chain=ethereum height=900000 block_hash=0x{b} digest=doc:o3
        bank custody.observe observation=o4 chain=bitcoin height=900000 block_hash={b} digest=doc:o4
    "));
    let voided = |driver: &Driver| -> Vec<String> {
        let voided = driver.state.observations().filter(|one| one.voided_by.is_some());
        voided.map(|one| one.id.to_string()).collect()
    };
    assert!(voided(&driver).is_empty());
    play_on(
        &mut driver,
        &format!(
            "
        pb custody.observe observation=o5 chain=bitcoin height=900000 block_hash={b} digest=doc:o5
        pb custody.observe observation=o6 chain=bitcoin height=900000 block_hash={b} digest=doc:o6
    "
        ),
    );
    assert_eq!(voided(&driver), ["o1"]);
}

/// What is read of a break, by whom, and that a relayed statement is called relayed in what rests on it.
#[test]
fn breaks_are_read_by_whom_they_concern() {
    let mut ledger = TestLedger::with_world();
    let breaks = [["short", "acme.btc", "BTC", "-0.5"], ["usdc", "omnibus", "USDC", "1"]];
    ledger.scribe.name_document("result", &result(&breaks));
    ledger.play("
        pb account.open account=acme.omni owner=acme asset=USDC custodian=bank book=posted class=uncleared custodian_account=omnibus
        pb account.open account=zeta.omni owner=zeta asset=USDC custodian=bank book=posted class=uncleared custodian_account=omnibus
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb custody.statement statement=k2 custodian=bank format=csv as_of=-0 digest=doc:k2 provenance=relayed
        pb recon.record reconciliation=r1 statements=k1,k2 as_of=-0 digest=doc:result fingerprint=doc:result breaks=2
        pb recon.record reconciliation=r2 statements=k1 as_of=-0 digest=doc:result fingerprint=doc:result breaks=2
        pb break.open break=short reconciliation=r1 line=1 amount=-0.5
        pb break.open break=usdc reconciliation=r2 line=2 amount=1
        pb break.assign break=short to=bank
        bank break.explain break=short reason=fee expected_by=+600000
        bank break.resolve break=short evidence=doc:letter
    ");
    ledger.restart();
    let read = ledger.read("pb", "/v1/custody/breaks/short");
    for (pointer, want) in [
        ("/break/state", "resolved"),
        ("/break/owner", "bank"),
        ("/break/age", "0-1"),
        ("/break/age_days", "0"),
        ("/break/account", "acme.btc"),
        ("/break/asset", "BTC"),
        ("/break/custodian", "bank"),
        ("/break/provenance", "relayed"),
        ("/break/explanation/reason", "fee"),
        ("/break/timeline/0/type", "break.open"),
        ("/break/timeline/1/to", "bank"),
        ("/break/timeline/2/reason", "fee"),
        ("/break/timeline/2/author", "bank"),
        ("/break/timeline/3/type", "break.resolve"),
    ] {
        assert_eq!(read.at(pointer), want, "{pointer}");
    }
    let other = ledger.read("pb", "/v1/custody/breaks/usdc");
    assert_eq!((other.at("/break/state"), other.at("/break/provenance")), ("open".into(), "signed".into()));
    for (id, want) in [("r1", "relayed"), ("r2", "signed")] {
        let read = ledger.read("bank", &format!("/v1/custody/reconciliations/{id}"));
        assert_eq!(read.at("/reconciliation/provenance"), want, "{id}");
    }
    for (party, short, usdc, listed) in [
        ("pb", 200, 200, 2),
        ("aud", 200, 200, 2),
        ("bank", 200, 200, 2),
        ("acme", 200, 404, 1), // what is kept for several is nobody's own
        ("zeta", 404, 404, 0),
        ("vault", 404, 404, 0),
    ] {
        assert_eq!(ledger.read(party, "/v1/custody/breaks/short").status, short, "{party}");
        assert_eq!(ledger.read(party, "/v1/custody/breaks/usdc").status, usdc, "{party}");
        assert_eq!(ledger.read(party, "/v1/custody/breaks").items(), listed, "{party}");
    }
    // The evidence is read by whom the break concerns.
    let letter = format!("/v1/documents/{}", ledger::digest::Digest::of(b"letter"));
    for (party, want) in [("acme", 200), ("bank", 200), ("zeta", 404), ("vault", 404)] {
        assert_eq!(ledger.read(party, &letter).status, want, "{party}");
    }
}

/// Sources in conflict are shown to who may see both.
#[test]
fn observations_are_read_by_who_made_them() {
    let mut ledger = TestLedger::with_world();
    let [a, b] = ["a", "b"].map(|digit| digit.repeat(64));
    ledger.play(&format!(
        "
        bank custody.observe observation=o1 chain=bitcoin height=1 block_hash={a} digest=doc:o1
        pb custody.observe observation=o2 chain=bitcoin height=1 block_hash={b} digest=doc:o2
        bank custody.observe observation=o3 chain=bitcoin height=2 block_hash={a} digest=doc:o3
        bank custody.observe observation=o4 chain=bitcoin height=2 block_hash={b} digest=doc:o4
    "
    ));
    let read = ledger.read("pb", "/v1/custody/observations/o1");
    assert_eq!(read.at("/observation/conflicts_with/0"), "o2");
    assert_eq!(read.at("/observation/status"), "stands");
    let read = ledger.read("bank", "/v1/custody/observations/o1");
    assert_eq!(read.at("/observation/conflicts_with/0"), "");
    let read = ledger.read("bank", "/v1/custody/observations/o3");
    assert_eq!(read.at("/observation/void_reason"), "chain_reorg");
    assert_eq!(read.at("/observation/voided_by"), "o4");
    for (party, listed) in [("pb", 4), ("aud", 4), ("bank", 3), ("vault", 0), ("acme", 0)] {
        assert_eq!(ledger.read(party, "/v1/custody/observations").items(), listed, "{party}");
    }
}
