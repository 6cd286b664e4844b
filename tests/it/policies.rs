//! Flows of four eyes: what a policy holds back, who decides it, and how much may leave in a time.

use ledger::json::Json;
use ledger::key::KeyId;
use ledger::verify::{CheckId, Verdict};
use tests::driver::Driver;
use tests::http::Http;
use tests::process;
use tests::scribe::key;
use tests::served::TestLedger;

use crate::flow::play_on;

fn id(name: &str) -> KeyId {
    key(name).public().id()
}

/// Alice, Bob and Carol of the broker, each with a key of their own; acme as a whole.
const PRINCIPALS: &str = r#"[
    {"principal":"alice","party":"pb","keys":["ALICE"]},
    {"principal":"bob","party":"pb","keys":["BOB"]},
    {"principal":"carol","party":"pb","keys":["CAROL"]},
    {"principal":"svc","party":"pb","keys":["PB"]},
    {"principal":"acme","party":"acme"}]"#;

fn policy(covers: &str, groups: &str, change: &str, limits: &str, rules: &str) -> String {
    let limits = if limits.is_empty() { String::new() } else { format!(r#""limits":[{limits}],"#) };
    let mut text = format!(
        r#"{{"schema":"pledger.policy.v1","covers":[{covers}],"principals":{PRINCIPALS},
        "groups":[{groups}],"change":{change},{limits}"rules":[{rules},{{"rule":"rest","result":"refuse"}}]}}"#
    );
    for (name, key) in [("ALICE", "alice"), ("BOB", "bob"), ("CAROL", "carol"), ("\"PB\"", "pb")] {
        let id = id(key).to_string();
        text = text.replace(name, &if name.starts_with('"') { format!("\"{id}\"") } else { id });
    }
    text
}

const OFFICERS: &str = r#"{"group":"officers","members":["alice","bob","carol"]}"#;
const TWO: &str = r#"{"k":"2","group":"officers"}"#;
const ONE: &str = r#"{"k":"1","group":"officers"}"#;

/// The stage with three more keys of the broker, named documents, and some bitcoin.
pub fn stage(documents: &[(&str, String)]) -> Driver {
    let mut driver = Driver::with_world(false);
    for (name, text) in documents {
        driver.scribe.name_document(name, text);
    }
    play_on(
        &mut driver,
        "
        pb key.add public_key=key:alice uses=approval,command
        pb key.add public_key=key:bob uses=approval,command
        pb key.add public_key=key:carol uses=approval
        pb movement.instruct movement=in mode=two_phase postings=ext.btc>acme.btc:100:BTC,ext.usdc>acme.usdc:1000:USDC
        bank movement.settle movement=in evidence=doc:e0
        ",
    );
    driver
}

/// Assets need two officers, small movements of the broker none, larger ones one.
fn broker_policy() -> String {
    policy(
        r#""asset.*","movement.*""#,
        OFFICERS,
        TWO,
        "",
        &format!(
            r#"{{"rule":"small","types":["movement.*"],"amounts":[{{"asset":"BTC","most":"1"}}],"result":"allow"}},
            {{"rule":"large","types":["movement.instruct"],"result":"approve",{}}},
            {{"rule":"assets","types":["asset.define"],"result":"approve",{}}}"#,
            &ONE[1..ONE.len() - 1],
            &TWO[1..TWO.len() - 1]
        ),
    )
}

/// Assets need two of the three officers.
pub fn two_of_three() -> String {
    let rule = format!(r#"{{"rule":"assets","result":"approve",{}}}"#, &TWO[1..TWO.len() - 1]);
    policy(r#""asset.*""#, OFFICERS, TWO, "", &rule)
}

fn with_broker_policy() -> Driver {
    let mut driver = stage(&[("p1", broker_policy())]);
    play_on(
        &mut driver,
        "
        pb policy.set policy=main scope=pb rules=doc:p1 version=1
        pb/alice approval.give command_id=@main
        pb/bob approval.give command_id=@main
        = held main applied 2
        ",
    );
    driver
}

/// The first policy needs its own quorum, so that there is one; a change needs the old one's too.
#[test]
fn a_policy_is_set_and_changed_by_its_quorum() {
    let one = |k: &str| {
        policy(
            r#""asset.define""#,
            OFFICERS,
            k,
            "",
            r#"{"rule":"a","types":["asset.define"],"result":"allow"}"#,
        )
    };
    let mut driver = stage(&[("p1", broker_policy()), ("p2", one(ONE)), ("bad", "{}".to_owned())]);
    play_on(
        &mut driver,
        "
        acme policy.set policy=main scope=pb rules=doc:p1 version=1 => not_authorised
        acme policy.set policy=main scope=* rules=doc:p1 version=1 => not_authorised
        pb policy.set policy=main scope=pb rules=digest:p1 version=1 => unknown_reference
        pb policy.set policy=main scope=pb rules=doc:bad version=1 => document_digest
        pb policy.set policy=main scope=pb rules=doc:p1 version=2 => wrong_state
        pb policy.set policy=main scope=pb rules=doc:p1 version=1
        = held main awaiting_approval 0
        pb asset.define asset=ETH kind=crypto decimals=18
        pb approval.give command_id=@main => maker_may_not_approve
        acme approval.give command_id=@main => unknown_reference
        zeta approval.give command_id=@main => unknown_reference
        pb/alice approval.give command_id=@main
        pb/alice approval.give command_id=@main => already_approved
        = held main awaiting_approval 1
        pb/bob approval.give command_id=@main
        = held main applied 2
        pb/carol approval.give command_id=@main => already_decided
        pb/carol movement.void movement=in reason=x => use_not_allowed

        # whom it did not ask is told so before what became of it; who approved, that it has
        acme approval.give command_id=@main => not_authorised
        pb/alice approval.give command_id=@main => already_approved
        pb approval.give command_id=@main => maker_may_not_approve
        zeta approval.give command_id=@main => unknown_reference

        # now it holds assets back; a laxer one needs both quorums
        pb asset.define asset=SOL kind=crypto decimals=9
        = held SOL awaiting_approval 0
        pb policy.set policy=other scope=pb rules=doc:p2 version=1 => wrong_state
        pb policy.set policy=main scope=pb rules=doc:p2 version=1 => wrong_state
        pb policy.set policy=main scope=pb rules=doc:p2 version=2
        pb/carol approval.give command_id=@main
        = held main awaiting_approval 1
        pb/alice approval.give command_id=@main
        = held main applied 2

        # what waited is judged by the policy of now: one approval, and its own is no longer needed
        pb/bob approval.give command_id=@SOL
        = held SOL applied 1
        pb asset.define asset=SOL kind=crypto decimals=9 => id_taken
        ",
    );
}

#[test]
fn what_is_held_is_applied_by_the_last_approval_against_the_state_then() {
    let mut driver = with_broker_policy();
    play_on(
        &mut driver,
        "
        # small ones go; larger ones wait, and what does not fit now is refused now
        pb movement.instruct movement=s1 mode=immediate postings=acme.btc>zeta.btc:1:BTC
        = movement s1 settled
        pb movement.instruct movement=l0 mode=immediate postings=acme.btc>zeta.btc:1000:BTC => insufficient_available
        pb movement.instruct movement=l1 mode=immediate postings=acme.btc>zeta.btc:60:BTC
        = held l1 awaiting_approval 0
        = movement l1 none
        = account acme.btc 99 0 0
        pb movement.instruct movement=l2 mode=immediate postings=acme.btc>zeta.btc:60:BTC
        pb/alice approval.give command_id=@l1
        = movement l1 settled
        = account acme.btc 39 0 0
        # the second no longer fits: that approval is refused, and the command waits on
        pb/bob approval.give command_id=@l2 => insufficient_available
        = held l2 awaiting_approval 0
        pb movement.instruct movement=back mode=immediate postings=zeta.btc>acme.btc:60:BTC
        pb/alice approval.give command_id=@back
        pb/bob approval.give command_id=@l2
        = held l2 applied 1
        # what no rule names is refused
        pb movement.reverse movement=r reverses=l2 reason=x => policy_refused
        pb asset.suspend asset=TOK reason=x => policy_refused
        # the author of another party is not in its scope
        acme movement.instruct movement=a1 mode=immediate postings=acme.btc>acme.btc.p:2:BTC
        ",
    );
}

#[test]
fn the_maker_never_counts_and_keys_are_their_holders() {
    let mut driver = with_broker_policy();
    play_on(
        &mut driver,
        "
        # alice makes it: her approval is none, neither is one with the key that takes her key's place
        pb/alice movement.instruct movement=m1 mode=immediate postings=acme.btc>zeta.btc:2:BTC
        pb/alice approval.give command_id=@m1 => maker_may_not_approve
        pb/alice key.rotate old_key=key:alice public_key=key:alice2
        pb/alice2 approval.give command_id=@m1 => maker_may_not_approve
        pb/alice approval.give command_id=@m1 => key_not_active
        pb/bob approval.give command_id=@m1
        = held m1 applied 1

        # her new key is hers for others' commands too, once
        pb asset.define asset=ETH kind=crypto decimals=18
        pb/alice2 approval.give command_id=@ETH
        pb/alice2 key.rotate old_key=key:alice2 public_key=key:alice3
        pb/alice3 approval.give command_id=@ETH => already_approved
        = held ETH awaiting_approval 1
        # a key that was taken away takes its approval with it
        pb key.revoke keyid=key:alice3 reason=stolen
        pb/bob approval.give command_id=@ETH
        = held ETH awaiting_approval 2
        pb/carol approval.give command_id=@ETH
        = held ETH applied 3

        # a key that the policy does not name may be anybody's of the broker: nobody of it is another
        pb key.add public_key=key:dan uses=approval,command
        pb/dan movement.instruct movement=m2 mode=immediate postings=acme.btc>zeta.btc:2:BTC => policy_refused
        pb asset.define asset=SOL kind=crypto decimals=9
        pb/dan approval.give command_id=@SOL => maker_may_not_approve

        # a maker whose key was taken away makes nothing any more
        pb movement.instruct movement=m3 mode=immediate postings=acme.btc>zeta.btc:2:BTC
        pb/bob key.add public_key=key:pb9 uses=command
        pb/bob key.revoke keyid=key:pb reason=stolen
        pb/bob approval.give command_id=@m3 => key_not_active
        ",
    );
}

#[test]
fn a_held_command_ends_by_refusal_withdrawal_or_time() {
    let mut driver = with_broker_policy();
    play_on(
        &mut driver,
        "
        pb asset.define asset=A1 kind=crypto decimals=1
        acme approval.refuse command_id=@A1 => not_authorised
        pb/alice approval.give command_id=@A1
        pb/bob approval.refuse command_id=@A1 reason=no
        = held A1 refused 1
        pb/carol approval.give command_id=@A1 => already_decided

        pb asset.define asset=A2 kind=crypto decimals=1
        pb/alice approval.give command_id=@A2
        pb/carol approval.withdraw command_id=@A2
        = held A2 withdrawn 1
        pb asset.define asset=A3 kind=crypto decimals=1
        pb/alice approval.give command_id=@A3
        pb/alice approval.withdraw command_id=@A3
        = held A3 awaiting_approval 0
        pb/bob approval.give command_id=@A3
        = held A3 awaiting_approval 1
        acme approval.withdraw command_id=@A3 => not_authorised
        zeta approval.withdraw command_id=@A3 => unknown_reference
        pb/alice approval.give command_id=@A3
        = held A3 applied 2

        pb asset.define asset=A4 kind=crypto decimals=1
        wait 599999
        pb/alice approval.give command_id=@A4
        wait 1
        pb/bob approval.give command_id=@A4 => expired
        pb/bob approval.refuse command_id=@A4 => expired
        pb/bob approval.give command_id=@nothing => unknown_reference
        ",
    );
    let maker = ledger::id::PartyId::parse("pb").expect("an id");
    assert_eq!(driver.state.awaiting(&maker, driver.now), 0);
}

/// Over all accounts of one owner, whoever signs, by asset and by value together.
#[test]
fn what_leaves_in_a_time_is_limited() {
    let rule = r#"{"rule":"all","types":["movement.*"],"result":"allow"}"#;
    let limits = r#"{"limit":"coins","window":"PT1H","amounts":[{"asset":"BTC","most":"10"}]},
        {"limit":"worth","window":"P1D","value":{"currency":"USD","most":"700000","price_age":"P2D"}}"#;
    let desk = r#"{"group":"desk","members":["alice"]},"#.to_owned() + OFFICERS;
    let document = policy(r#""movement.*""#, &desk, ONE, limits, rule);
    let mut driver = stage(&[("p1", document)]);
    play_on(
        &mut driver,
        "
        pb policy.set policy=all scope=* rules=doc:p1 version=1
        pb/alice approval.give command_id=@all

        # between one's own accounts nothing leaves
        acme movement.instruct movement=own mode=immediate postings=acme.btc>acme.btc.p:50:BTC
        pb movement.instruct movement=m1 mode=immediate postings=acme.btc>zeta.btc:6:BTC
        acme movement.instruct movement=m2 mode=two_phase postings=acme.btc>ext.btc:5:BTC => velocity_exceeded
        acme movement.instruct movement=m2 mode=two_phase postings=acme.btc>ext.btc:4:BTC
        acme movement.instruct movement=m3 mode=two_phase postings=acme.btc>ext.btc:0.00000001:BTC => velocity_exceeded
        # another asset is not among these coins, yet counts by its worth: 500,000 so far
        acme movement.instruct movement=m4 mode=two_phase postings=acme.usdc>ext.usdc:1000:USDC
        pb movement.instruct movement=z1 mode=immediate postings=zeta.btc>acme.btc:6:BTC

        # what is given up is free again
        acme movement.void movement=m2 reason=later
        acme movement.instruct movement=m5 mode=two_phase postings=acme.btc>ext.btc:4:BTC
        bank movement.settle movement=m5 amounts=1 evidence=doc:e1
        acme movement.void movement=m5 reason=rest
        acme movement.instruct movement=m6 mode=two_phase postings=acme.btc>ext.btc:3:BTC
        acme movement.instruct movement=m7 mode=two_phase postings=acme.btc>ext.btc:1:BTC => velocity_exceeded

        # an hour later the coins are free; by worth the day counts: 10 coins and 1,000 so far
        wait 3660000
        acme movement.instruct movement=m8 mode=two_phase postings=acme.btc>ext.btc:4:BTC => velocity_exceeded
        acme movement.instruct movement=m8 mode=two_phase postings=acme.btc>ext.btc:3.98:BTC
        wait 86460000
        acme movement.instruct movement=m9 mode=two_phase postings=acme.btc>ext.btc:10:BTC
        # prices that are too old give no worth
        wait 172800000
        acme movement.instruct movement=m10 mode=two_phase postings=acme.btc>ext.btc:1:BTC => price_stale
        ",
    );
}

/// A batch counts as what it moves, and its document is read again when it is applied.
#[test]
fn a_batch_waits_like_any_other() {
    let mut driver = with_broker_policy();
    let line = |amount: &str| {
        format!(r#"{{"amount":"{amount}","asset":"BTC","from":"acme.btc","to":"zeta.btc"}}"#) + "\n"
    };
    let rule = policy(
        r#""movement.*""#,
        OFFICERS,
        TWO,
        "",
        &format!(
            r#"{{"rule":"small","amounts":[{{"asset":"BTC","most":"1"}}],"result":"allow"}},
            {{"rule":"large","result":"approve",{}}}"#,
            &ONE[1..ONE.len() - 1]
        ),
    );
    driver.scribe.name_document("p2", &rule);
    driver.scribe.name_document("b1", &line("0.5").repeat(2));
    driver.scribe.name_document("b2", &line("0.5").repeat(3));
    play_on(
        &mut driver,
        "
        pb policy.set policy=main scope=pb rules=doc:p2 version=2
        pb/alice approval.give command_id=@main
        pb/bob approval.give command_id=@main
        pb movement.batch movement=b1 document=doc:b1 count=2 totals=BTC:1
        = movement b1 settled
        pb movement.batch movement=b2 document=doc:b2 count=3 totals=BTC:1.5
        = movement b2 none
        pb/alice approval.give command_id=@b2
        = movement b2 settled
        = account zeta.btc 2.5 0 0
        ",
    );
}

/// What a rule asks besides amounts: hours, classes, assets, where it goes, what left before.
#[test]
fn the_first_rule_whose_conditions_hold_decides() {
    let rules = r#"
        {"rule":"night","types":["movement.instruct"],"hours":{"from":"22:00","until":"06:00"},"result":"refuse"},
        {"rule":"futures","types":["movement.instruct"],"classes":["cftc_4d_futures"],"result":"allow"},
        {"rule":"stable","types":["movement.instruct"],"assets":["USDC"],"value":{"currency":"USD","most":"100","price_age":"P1D"},"result":"allow"},
        {"rule":"drip","types":["movement.instruct"],"assets":["BTC"],"destination":"inside","rolling":{"window":"P1D","amounts":[{"asset":"BTC","most":"3"}]},"result":"allow"},
        {"rule":"else","types":["movement.instruct"],"result":"approve","k":"1","group":"officers"}"#;
    let mut driver = stage(&[("p1", policy(r#""movement.*""#, OFFICERS, ONE, "", rules))]);
    play_on(
        &mut driver,
        "
        pb policy.set policy=main scope=pb rules=doc:p1 version=1
        pb/alice approval.give command_id=@main
        pb movement.instruct movement=s1 mode=two_phase postings=acme.usdc>ext.usdc:100:USDC
        = movement s1 pending
        pb movement.instruct movement=s2 mode=two_phase postings=acme.usdc>ext.usdc:100.01:USDC
        = held s2 awaiting_approval 0
        pb movement.instruct movement=d1 mode=immediate postings=acme.btc>zeta.btc:2:BTC
        = movement d1 settled
        pb movement.instruct movement=d2 mode=immediate postings=acme.btc>zeta.btc:1.1:BTC
        = held d2 awaiting_approval 0
        pb movement.instruct movement=d3 mode=immediate postings=acme.btc>zeta.btc:1:BTC
        = movement d3 settled
        pb movement.instruct movement=d4 mode=two_phase postings=zeta.btc>ext.btc:1:BTC
        = held d4 awaiting_approval 0
        pb movement.instruct movement=mix mode=immediate postings=acme.btc>acme.btc.p:1:BTC,acme.usdc>acme.usdc.p:1:USDC
        = held mix awaiting_approval 0
        # half past nine at night: a quarter to ten at the latest
        wait 46740000
        pb movement.instruct movement=n1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        = movement n1 settled
        wait 60000
        pb movement.instruct movement=n2 mode=immediate postings=acme.btc>acme.btc.p:1:BTC => policy_refused
        ",
    );
}

/// The operator settles by a custodian's statement; by one that it relays itself, not alone.
#[test]
fn the_operator_settles_by_the_custodians_word() {
    let rule = format!(
        r#"{{"rule":"s","types":["movement.settle"],"result":"approve",{}}}"#,
        &ONE[1..ONE.len() - 1]
    );
    let mut driver = stage(&[("p1", policy(r#""movement.settle""#, OFFICERS, ONE, "", &rule))]);
    play_on(
        &mut driver,
        "
        pb movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:1:BTC
        pb movement.instruct movement=d2 mode=two_phase postings=ext.btc>acme.btc:2:BTC
        acme movement.settle movement=d1 evidence=doc:k1 => not_authorised
        vault movement.settle movement=d1 evidence=doc:k1 => not_authorised
        pb movement.settle movement=d1 evidence=doc:k1 => evidence_missing
        vault custody.statement statement=v1 custodian=vault format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb movement.settle movement=d1 evidence=doc:k1 => evidence_missing
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb movement.settle movement=d1 evidence=doc:k1
        = account acme.btc 101 2 0
        bank custody.statement statement=k2 custodian=bank format=csv as_of=-0 digest=doc:k2 provenance=signed supersedes=k1
        pb movement.settle movement=d2 evidence=doc:k1 => evidence_missing
        pb custody.statement statement=k3 custodian=bank format=csv as_of=-0 digest=doc:k3 provenance=relayed
        pb movement.settle movement=d2 evidence=doc:k3 => policy_refused
        pb policy.set policy=main scope=pb rules=doc:p1 version=1
        pb/alice approval.give command_id=@main
        pb movement.settle movement=d2 evidence=doc:k3
        = held d2 awaiting_approval 0
        pb/bob approval.give command_id=@d2
        = account acme.btc 103 0 0
        ",
    );
}

/// Over HTTP: the receipt says that it waits, who may decide reads the very bytes, and of two last
/// approvals at once one applies it.
#[test]
fn four_eyes_over_http() {
    let mut ledger = TestLedger::with_world();
    ledger.scribe.name_document("p1", &broker_policy());
    ledger.play(
        "
        pb key.add public_key=key:alice uses=approval,command,session
        pb key.add public_key=key:bob uses=approval,command,session
        pb key.add public_key=key:carol uses=approval,command,session
        pb policy.set policy=main scope=pb rules=doc:p1 version=1
        pb/alice approval.give command_id=@main
        pb/bob approval.give command_id=@main
        ",
    );
    let answer = ledger.line("pb asset.define asset=ETH kind=crypto decimals=18");
    assert_eq!(
        (answer.status, answer.json().pointer("/status").and_then(Json::as_str)),
        (201, Some("awaiting_approval"))
    );
    let id = ledger.scribe.command("ETH").expect("it was recorded").to_string();
    let text = |json: &Json, pointer: &str| {
        json.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
    };

    let waits = ledger.fresh_client("pb", "alice").get("/v1/approvals").expect("what waits");
    assert_eq!(text(&waits, "/items/0/command_id"), id);
    assert!(text(&waits, "/items/0/payload").contains(r#""asset":"ETH""#));
    assert_eq!(text(&waits, "/items/0/needs/0/k"), "2");
    let none = ledger.client("acme").get("/v1/approvals").expect("a list");
    assert_eq!(none.pointer("/items").and_then(Json::as_array).map(<[_]>::len), Some(0));
    let refused = ledger.client("acme").get(&format!("/v1/approvals/{id}")).expect_err("not its own");
    assert_eq!(refused.code(), Some("not_found"));
    assert_eq!(text(&ledger.client("pb").get("/v1/policies/main").expect("its own"), "/policy/version"), "1");

    // The command line shows the bytes and signs the id.
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("alice.pem");
    api::home::write_key(&file, &key("alice")).expect("a key file");
    let approve = || {
        let arguments = ["approve", &id, "--url", ledger.url(), "--party", "pb", "--yes", "--key"];
        let output = std::process::Command::new(process::pledger()).args(arguments).arg(&file).output();
        output.expect("it runs")
    };
    let output = approve();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("asset: ETH") && shown.contains(&id[..8]), "{shown}");
    assert_eq!(approve().status.code(), Some(5), "already approved is a conflict");

    // Two last approvals at once, signed before either is sent.
    let last = ["bob", "carol"].map(|name| {
        let asked = ledger.scribe.read(&format!("pb/{name} approval.give command_id=@ETH"), api::app::now());
        ledger.scribe.sign(&asked, api::app::now()).to_string()
    });
    let url = ledger.url().to_owned();
    let race = last.map(|envelope| {
        let url = url.clone();
        std::thread::spawn(move || Http::new(&url).send("POST", "/v1/commands", &[], envelope.as_bytes()))
    });
    let mut statuses = race.map(|thread| thread.join().expect("an answer").status);
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(
        text(&ledger.client("pb").get(&format!("/v1/approvals/{id}")).expect("decided"), "/approval/status"),
        "applied"
    );
    let assets = ledger.client("acme").get("/v1/assets").expect("assets").to_string();
    assert!(assets.contains("\"ETH\""), "{assets}");

    // A restart takes the whole up again, and the auditor finds it good.
    ledger.restart();
    let again = ledger.client("pb").get(&format!("/v1/approvals/{id}")).expect("still known");
    assert_eq!(text(&again, "/approval/status"), "applied");
    let report = ledger.verified();
    assert_eq!(report.verdict(), Verdict::Good, "{report:?}");
    let approvals = report.checks.iter().find(|check| check.id == CheckId::Approvals).expect("it is listed");
    assert_eq!(approvals.count, 4);
}
