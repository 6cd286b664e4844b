//! Documents that are erased: served to nobody from the record on, cited by nothing new, and never one
//! that replay reads.

use ledger::digest::Digest;
use ledger::verify::Verdict;
use tests::driver::Driver;
use tests::served::TestLedger;

use crate::flow::play_on;

#[test]
fn documents_are_erased_in_order() {
    let mut driver = Driver::with_world(false);
    driver.scribe.name_document(
        "batch",
        "{\"amount\":\"1\",\"asset\":\"BTC\",\"from\":\"acme.btc\",\"to\":\"acme.btc.p\"}\n",
    );
    driver.scribe.name_document("result", "{\"breaks\":[]}");
    play_on(
        &mut driver,
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:5:BTC
        bank movement.settle movement=d evidence=doc:evidence
        pb movement.batch movement=b document=doc:batch count=1 totals=BTC:1
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb recon.record reconciliation=r1 statements=k1 as_of=-0 digest=doc:result fingerprint=doc:result breaks=0
        acme document.erase digest=digest:evidence reason=mine => not_authorised
        pb document.erase digest=digest:evidence reason= => body_schema
        pb document.erase digest=digest:nothing reason=order => unknown_reference
        # what the state follows from is not erased: terms, batches, results that breaks are opened from
        pb document.erase digest=digest:csa1 reason=order => wrong_state
        pb document.erase digest=digest:batch reason=order => wrong_state
        pb document.erase digest=digest:result reason=order => wrong_state
        pb document.erase digest=digest:evidence reason=order
        pb document.erase digest=digest:evidence reason=order => wrong_state
        # and nothing new cites it, even if somebody has it still
        acme document.put digest=digest:evidence media_type=x size=8 purpose=x => unknown_reference
        acme document.put digest=doc:evidence media_type=x size=8 purpose=x => unknown_reference
        pb movement.instruct movement=d2 mode=two_phase postings=ext.btc>acme.btc:5:BTC
        bank movement.settle movement=d2 evidence=doc:evidence => unknown_reference
        pb document.erase digest=digest:k1 reason=order
        ",
    );
    let prices = driver.state.prices().expect("prices are set").digest;
    let line = format!("pb document.erase digest={} reason=order", prices.tagged());
    play_on(&mut driver, &format!("{line} => wrong_state"));
}

/// Who could read it is told why it cannot any more; to others it looks as it did before.
#[test]
fn what_is_erased_is_served_to_nobody() {
    let mut ledger = TestLedger::with_world();
    let path = format!("/v1/documents/{}", Digest::of(b"photo"));
    ledger.play("acme document.put digest=doc:photo media_type=x size=5 purpose=x readers=bank");
    let readers =
        [("pb", true), ("aud", true), ("acme", true), ("bank", true), ("zeta", false), ("vault", false)];
    for (party, may) in readers {
        assert_eq!(ledger.read(party, &path).status, if may { 200 } else { 404 }, "{party}");
    }
    let erased = ledger.line("pb document.erase digest=digest:photo reason=court~order~7");
    assert_eq!((erased.status, erased.at("/effects/0/status")), (201, "erased".to_owned()));
    for restarted in [false, true] {
        for (party, may) in readers {
            let answer = ledger.read(party, &path);
            assert_eq!((answer.status, answer.text("code").as_str()), (404, "not_found"), "{party}");
            let reason = if may { "court order 7" } else { "" };
            assert_eq!(answer.at("/erased/reason"), reason, "{party}");
            let seq = if may { erased.text("seq") } else { String::new() };
            assert_eq!(answer.at("/erased/seq"), seq, "{party}");
        }
        if !restarted {
            ledger.restart();
        }
    }
    // The bytes are still in the journal, so every record is proven as before.
    assert_eq!(ledger.verified().verdict(), Verdict::Good);
}
