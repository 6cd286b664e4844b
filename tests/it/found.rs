//! What a hostile reading of the ledger found: each test opens with its story.

use tests::driver::{Driver, Refused};
use tests::served::TestLedger;

fn code(result: &Result<ledger::digest::Digest, Refused>) -> &'static str {
    result.as_ref().err().map_or("ok", Refused::code)
}

/// A client announced two deposits of 2^128 − 1 units, from two mirrors of the custodian, in one
/// movement. Each account could hold its own; the check that postings conserve value added them up in
/// 128 bits and panicked, which ended the sequencer for everybody.
#[test]
fn sums_over_a_record_may_pass_128_bits() {
    let mut driver = Driver::with_world(false);
    let most = "340282366.920938463463374607431768211455";
    driver.play(&format!(
        "acme movement.instruct movement=m1 mode=two_phase \
         postings=ext.tok>acme.tok:{most}:TOK,ext2.tok>acme.tok2:{most}:TOK
         bank movement.settle movement=m1 evidence=doc:e1"
    ));
    assert_eq!(driver.replayed(), driver.state);
    // One unit more is one too many, and a refusal.
    let line = "acme movement.instruct movement=m2 mode=immediate \
                postings=acme.tok>acme.tok2:0.000000000000000000000000000001:TOK";
    assert_eq!(code(&driver.line(line)), "amount_overflow");
}

/// A thief who held a client's key registered it as a second key of a party whose name sorts first.
/// The operator's revocation then found that party's copy, and a second try found it revoked already:
/// the stolen key could not be revoked any more. A key belongs to one party.
#[test]
fn a_key_belongs_to_one_party() {
    let mut driver = Driver::with_world(false);
    assert_eq!(code(&driver.line("acme key.add public_key=key:zeta uses=command")), "id_taken");
    let register = "pb party.register party=aaa role=client public_key=key:zeta";
    assert_eq!(code(&driver.line(register)), "id_taken");
    let rotate = "acme key.rotate old_key=key:acme public_key=key:zeta";
    assert_eq!(code(&driver.line(rotate)), "id_taken");
    driver.play("pb key.revoke keyid=key:zeta reason=stolen");
}

/// `key.rotate` asked for `uses`, which the body of the specification does not have, so a rotation as
/// specified was refused; and one that gave them could widen what the key was registered for.
#[test]
fn a_rotated_key_takes_over_the_uses_of_the_old_one() {
    let mut driver = Driver::with_world(false);
    driver.play(
        "pb key.add public_key=key:feed uses=price
         pb key.rotate old_key=key:feed public_key=key:feed2
         pb/feed2 prices set=p2 BTC=49000",
    );
    assert_eq!(code(&driver.line("pb/feed prices set=p3 BTC=49000")), "key_not_active");
    assert_eq!(code(&driver.line("pb/feed2 asset.define asset=X kind=token decimals=0")), "use_not_allowed");
    let widened = "pb key.rotate old_key=key:feed2 public_key=key:feed3 uses=command";
    assert_eq!(code(&driver.line(widened)), "body_schema");
}

/// The last key that could command was revoked while a price key stood: the operator's ledger could
/// never be commanded again.
#[test]
fn the_operator_keeps_a_key_that_commands() {
    let mut driver = Driver::with_world(false);
    driver.play("pb key.add public_key=key:feed uses=price");
    assert_eq!(code(&driver.line("pb key.revoke keyid=key:pb reason=over")), "wrong_state");
    driver.play(
        "pb key.add public_key=key:pb2 uses=command
         pb key.revoke keyid=key:pb reason=over",
    );
}

const HALVES: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.usdc>acme.usdc:500000:USDC
    bank movement.settle movement=rich evidence=doc:rich
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
";

/// The secured party chose ids so that its calls could not be split: one of 64 characters, whose halves
/// would have none, or one whose half it had issued before. A dispute that leaves something undisputed
/// was then refused as `id_taken`, for ever.
#[test]
fn a_call_leaves_room_for_its_halves() {
    let mut driver = Driver::with_world(false);
    driver.play(HALVES);
    let issue = |id: &str| {
        format!(
            "pb call.issue call={id} agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand \
             amount=100000 currency=USD due=+0"
        )
    };
    for (id, want) in [
        ("c".repeat(63), "body_schema"),
        ("c1.u".to_owned(), "body_schema"),
        ("c1.D".to_owned(), "body_schema"),
        ("c".repeat(62), "ok"),
        ("c1".to_owned(), "ok"),
    ] {
        assert_eq!(code(&driver.line(&issue(&id))), want, "{id}");
    }
    driver.play("acme call.dispute call=c1 amount=30000 reason=price");
    driver.play(&format!("acme call.dispute call={} amount=30000 reason=price", "c".repeat(62)));
}

/// Collateral value, requirement and exposure were subtracted in 28 digits, which round silently: a
/// statement of wrong figures was taken on record because its sum rounded to what was claimed.
#[test]
fn figures_add_up_exactly() {
    let mut driver = Driver::with_world(false);
    driver.play("acme positions portfolio=P digest=doc:positions");
    let line = "pb margin statement=s1 portfolio=P agreement=CSA-1 \
                collateral_value=1000000000000000000000000000 \
                requirement=0.0000000000000000000000000001 excess=1000000000000000000000000000";
    assert_eq!(code(&driver.line(line)), "amounts_do_not_sum");
}

/// The broker reported positions that no statement had tied to their client yet. Another client with an
/// agreement of its own stated margin for them, and the portfolio was that client's from then on.
#[test]
fn nobody_claims_a_portfolio_by_stating_margin() {
    let mut driver = Driver::with_world(false);
    driver.play(
        "pb agreement.propose document=doc:csa2
         zeta agreement.accept digest=digest:csa2
         pb positions portfolio=P digest=doc:positions",
    );
    let hijack = "zeta margin statement=s1 portfolio=P agreement=CSA-2 requirement=0";
    assert_eq!(code(&driver.line(hijack)), "unknown_reference");
    driver.play(
        "pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1
         acme margin statement=s2 portfolio=P agreement=CSA-1 requirement=0",
    );
    assert_eq!(code(&driver.line(hijack)), "unknown_reference");
}

/// A client asked for a statement on another's portfolio with any digest at all; the refusal told the
/// digest of the positions. It then named that digest in a `document.put` of its own, which made it a
/// reader, and read the other client's positions.
#[test]
fn naming_a_document_does_not_open_it() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "pb agreement.propose document=doc:csa2
         zeta agreement.accept digest=digest:csa2
         acme positions portfolio=P digest=doc:positions_of_acme",
    );
    let probe = "zeta margin statement=s1 portfolio=P agreement=CSA-2 requirement=0 positions=doc:bogus";
    let answer = ledger.line(probe);
    let digest = ledger::digest::Digest::of(b"positions_of_acme");
    assert_eq!(answer.text("code"), "unknown_reference");
    assert!(!answer.text("detail").contains(&digest.to_string()), "{}", answer.text("detail"));

    let path = format!("/v1/documents/{digest}");
    assert_eq!(ledger.client("acme").send("GET", &path, None).expect("an answer").status, 200);
    // Knowing the digest by other ways is not being entitled.
    ledger.play(
        "zeta document.put digest=digest:positions_of_acme media_type=text/csv size=17 purpose=theft readers=zeta",
    );
    assert_eq!(ledger.client("zeta").send("GET", &path, None).expect("an answer").status, 404);
    // Its owner opens it to whom it will.
    ledger.play(
        "acme document.put digest=digest:positions_of_acme media_type=text/csv size=17 purpose=gift readers=zeta",
    );
    assert_eq!(ledger.client("zeta").send("GET", &path, None).expect("an answer").status, 200);
}

/// The prices that every call rests on could be read by the operator alone, until a statement named
/// them: a client could not check the first call made on it.
#[test]
fn every_party_reads_prices_and_rule_books() {
    let mut ledger = TestLedger::with_world();
    ledger.play("pb regime.adopt regime=us digest=doc:us_rules from=-0");
    let rules = ledger::digest::Digest::of(b"us_rules");
    let prices = ledger.line("pb prices set=p2 BTC=1");
    let effects = prices.json();
    let id = effects.pointer("/effects").and_then(ledger::json::Json::as_array).expect("effects");
    let document = id
        .iter()
        .filter(|effect| effect.get("kind").and_then(ledger::json::Json::as_str) == Some("document"))
        .find_map(|effect| effect.get("id").and_then(ledger::json::Json::as_str))
        .expect("a document");
    let prices = document.trim_start_matches("sha256:").to_owned();
    for path in [format!("/v1/documents/{rules}"), format!("/v1/documents/{prices}")] {
        for party in ["zeta", "bank"] {
            let answer = ledger.client(party).send("GET", &path, None).expect("an answer");
            assert_eq!(answer.status, 200, "{party} {path}");
        }
    }
}

/// A receipt told every account that the record changed: a client that paid another one unit read the
/// other's whole balance, and whoever happened to send the next command after a movement expired was
/// told of it.
#[test]
fn a_receipt_tells_its_author_only_what_it_may_read() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.btc>zeta.btc:77:BTC
         bank movement.settle movement=rich evidence=doc:rich",
    );
    let line = "acme movement.instruct movement=m1 mode=immediate postings=acme.btc>zeta.btc:1:BTC";
    let answer = ledger.line(line);
    assert_eq!(answer.status, 201);
    let told = String::from_utf8(answer.body.clone()).expect("text");
    assert!(told.contains("acme.btc") && told.contains("\"m1\""), "{told}");
    assert!(!told.contains("\"78\"") && !told.contains("zeta.btc"), "{told}");
    // The record and the receipt that are read later tell no more.
    let seq = answer.text("seq");
    for path in [format!("/v1/records/{seq}"), format!("/v1/receipts/{}", answer.text("command_id"))] {
        let read = ledger.client("acme").send("GET", &path, None).expect("an answer");
        let read = String::from_utf8(read.body).expect("text");
        assert!(read.contains("acme.btc") && !read.contains("\"78\""), "{path}: {read}");
        let read = ledger.client("zeta").send("GET", &path, None).expect("an answer");
        let read = String::from_utf8(read.body).expect("text");
        assert!(!read.contains("\"settled\":\"9\""), "{path}: {read}");
    }
}

/// Accounts of a step in the life of a call were looked up after its stage, and the movement's id after
/// its amounts: the answer was not the first refusal that held.
#[test]
fn steps_of_a_call_are_refused_in_order() {
    let mut driver = Driver::with_world(false);
    driver.play(HALVES);
    driver.play(
        "pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0",
    );
    for (line, want) in [
        ("acme call.pledge call=c1 items=nobody:1:USDC value=1", "unknown_reference"),
        ("acme transfer.instruct call=c1 movement=m1 postings=nobody>acme.usdc:1:USDC", "unknown_reference"),
        ("acme transfer.instruct call=c1 movement=rich postings=acme.usdc>acme.usdc.p:0:USDC", "id_taken"),
        ("acme call.pledge call=c1 items=acme.usdc:1:USDC value=1", "wrong_state"),
        // A stranger learns no more than that there is no call of its own.
        ("zeta call.accept_pledge call=c1 pledge=@", "unknown_reference"),
    ] {
        assert_eq!(code(&driver.line(line)), want, "{line}");
    }
    let told = |driver: &mut Driver, line: &str| match driver.line(line) {
        Err(Refused::Rejected(rejection)) => rejection.to_string().replace("c1", "…").replace("c2", "…"),
        other => panic!("{other:?}"),
    };
    let there = told(&mut driver, "zeta call.accept_pledge call=c1 pledge=@");
    let absent = told(&mut driver, "zeta call.accept_pledge call=c2 pledge=@");
    assert_eq!(there, absent, "what is another's looks like what is not there");
}

/// A client named another's call in a movement of its own: the answer told whether there was one, and
/// the movement was shown as serving it.
#[test]
fn a_movement_serves_no_strangers_call() {
    let mut driver = Driver::with_world(false);
    driver.play(HALVES);
    driver.play(
        "pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0",
    );
    let line = "movement.instruct movement=m1 mode=two_phase call=c1 postings=ext.btc>";
    assert_eq!(code(&driver.line(&format!("zeta {line}zeta.btc:1:BTC"))), "unknown_reference");
    assert_eq!(code(&driver.line(&format!("acme {line}acme.btc:1:BTC"))), "ok");
}
