//! Circuit breakers: steps that are made again, and what each level does not let through.

use tests::driver::Driver;
use tests::world;

use crate::flow::play_on;

const RICH: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
    bank movement.settle movement=rich evidence=doc:rich
";

fn pooled() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(RICH);
    driver.play(world::POOL);
    driver
}

const GUARDED: &str =
    "pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall";
const NO_CREDIT: &str =
    "pb breaker.step pool=book level=no_credit theta_factor=0.5 calm=0 signals=0,0.03,1,1,0 reasons=peg";
const HALT: &str =
    "pb breaker.step pool=book level=halt theta_factor=1 calm=0 signals=0.2,0,1,1,0 reasons=index_fall";

#[test]
fn a_step_is_the_one_that_the_rules_make() {
    let mut driver = pooled();
    let worse = world::BOOK.replace("[breaker]", "[other]");
    driver.scribe.name_document("without", &worse);
    driver.scribe.name_document("broken", &world::BOOK.replace("ramp_cycles = \"2\"", "ramp_cycles = \"0\""));
    play_on(
        &mut driver,
        "
        # form, role, references
        pb breaker.step pool=book level=shut theta_factor=1 calm=0 signals=0,0,1,1,0 reasons= => body_schema
        pb breaker.step pool=book level=normal theta_factor=1.1 calm=0 signals=0,0,1,1,0 reasons= => body_schema
        pb breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0,0,1,1 reasons= => body_schema
        pb breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons=mood => body_schema
        acme breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons= => not_authorised
        pb breaker.step pool=other level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons= => unknown_reference
        pb regime.adopt regime=without digest=doc:without from=-0
        pb breaker.step pool=without level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons= => unknown_reference
        pb regime.adopt regime=later digest=doc:book from=+1000
        pb breaker.step pool=later level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons= => unknown_reference
        pb regime.adopt regime=broken digest=doc:broken from=-0 => document_digest
        # what the rules do not make
        pb breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0.08,0,1,1,0 reasons= => amount_out_of_range
        pb breaker.step pool=book level=guarded theta_factor=0.4 calm=0 signals=0.08,0,1,1,0 reasons=index_fall => amount_out_of_range
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=1 signals=0.08,0,1,1,0 reasons=index_fall => amount_out_of_range
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons= => amount_out_of_range
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall,peg => amount_out_of_range
        pb breaker.step pool=book level=halt theta_factor=1 calm=0 signals=0.08,0,1,1,0 reasons=index_fall => amount_out_of_range
        # what they do
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
        = pool book guarded 0.5 0
        pb breaker.step pool=book level=no_credit theta_factor=0 calm=0 signals=0.08,0.03,0.5,1,0 reasons=index_fall,peg,confidence
        pb breaker.step pool=book level=halt theta_factor=0 calm=0 signals=0.2,0,1,1,0 reasons=index_fall expect=book@0 => expectation_failed
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0,0,1,1,0 reasons=
        pb breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons=
        = pool book normal 1 0
        ",
    );
}

/// Above normal, what leaves waits a cycle; what comes in, and what is posted, does not.
#[test]
fn guarded_delays_withdrawals() {
    let mut driver = pooled();
    driver.play(GUARDED);
    play_on(
        &mut driver,
        "
        acme movement.instruct movement=w1 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        pb movement.instruct movement=w2 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => breaker_open
        pb movement.instruct movement=w2 mode=two_phase postings=acme.btc.p>acme.btc:1:BTC
        pb movement.instruct movement=w3 mode=immediate postings=acme.btc>zeta.btc:1:BTC => breaker_open
        pb movement.instruct movement=w3 mode=immediate postings=acme.btc>acme.vault:1:BTC => evidence_missing
        bank movement.settle movement=w1 evidence=doc:e1 => breaker_open
        bank movement.settle movement=w1 amounts=0.5 evidence=doc:e1 => breaker_open
        # not a withdrawal, or not of this pool
        acme movement.instruct movement=more mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb movement.instruct movement=in mode=two_phase postings=ext.btc>acme.btc:1:BTC
        bank movement.settle movement=in evidence=doc:e1
        pb movement.instruct movement=inz mode=two_phase postings=ext.btc>zeta.btc:2:BTC
        bank movement.settle movement=inz evidence=doc:e1
        pb movement.instruct movement=z mode=two_phase postings=zeta.btc>ext.btc:1:BTC
        bank movement.settle movement=z evidence=doc:e1
        # undoing and reclassifying take effect at once
        pb movement.reverse movement=r reverses=in reason=wrong => breaker_open
        # one cycle later
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
        bank movement.settle movement=w1 amounts=0.5 evidence=doc:e1
        bank movement.settle movement=w1 evidence=doc:e1
        bank movement.settle movement=w2 evidence=doc:e1
        = movement w1 settled
        = movement w2 settled
        # what was delayed and finds the pool open again waits no more
        acme movement.instruct movement=w4 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        bank movement.settle movement=w4 evidence=doc:e1 => breaker_open
        pb breaker.step pool=book level=normal theta_factor=1 calm=0 signals=0,0,1,1,0 reasons=
        bank movement.settle movement=w4 evidence=doc:e1
        pb movement.instruct movement=w5 mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        ",
    );
}

/// Without credit, a shortfall anywhere in the pool closes the door for all of it.
#[test]
fn no_credit_refuses_while_one_is_short() {
    let mut driver = pooled();
    driver.play(NO_CREDIT);
    play_on(
        &mut driver,
        "
        acme movement.instruct movement=w1 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=160001 collateral_value=160000 regime=doc:book
        acme movement.instruct movement=w2 mode=two_phase postings=acme.btc>ext.btc:1:BTC => breaker_open
        acme movement.instruct movement=more mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=160000 collateral_value=160000 regime=doc:book
        acme movement.instruct movement=w2 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        bank movement.settle movement=w2 evidence=doc:e1 => breaker_open
        ",
    );
}

/// A halt refuses what is new and keeps what was delayed; what was instructed before any delay is the
/// custodian's fact.
#[test]
fn halt_refuses_withdrawals() {
    let mut driver = pooled();
    play_on(
        &mut driver,
        "
        acme movement.instruct movement=before mode=two_phase postings=acme.btc>ext.btc:1:BTC
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
        acme movement.instruct movement=delayed mode=two_phase postings=acme.btc>ext.btc:1:BTC
        pb breaker.step pool=book level=halt theta_factor=0.5 calm=0 signals=0.2,0,1,1,0 reasons=index_fall
        acme movement.instruct movement=w mode=two_phase postings=acme.btc>ext.btc:1:BTC => breaker_open
        pb movement.instruct movement=w mode=immediate postings=acme.btc.p>acme.btc:1:BTC => breaker_open
        pb movement.instruct movement=w mode=immediate postings=acme.btc.p>acme.btc:4:BTC => release_uncovers
        pb movement.reclassify movement=w from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:1:BTC
        bank movement.settle movement=before evidence=doc:e1
        bank movement.settle movement=delayed evidence=doc:e1 => breaker_open
        acme movement.void movement=delayed reason=never
        acme movement.instruct movement=more mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb breaker.step pool=book level=no_credit theta_factor=0 calm=0 signals=0,0,1,1,0 reasons=
        acme movement.instruct movement=w2 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        ",
    );
}

/// A batch takes effect at once, so a delay refuses it.
#[test]
fn batches_wait_for_nothing() {
    let mut driver = pooled();
    let line = "{\"amount\":\"1\",\"asset\":\"BTC\",\"from\":\"acme.btc\",\"to\":\"zeta.btc\"}\n";
    driver.scribe.name_document("out", line);
    driver.scribe.name_document("in", &line.replace("zeta.btc", "acme.btc.p"));
    driver.play(GUARDED);
    play_on(
        &mut driver,
        "
        pb movement.batch movement=b document=doc:out count=1 totals=BTC:1 => breaker_open
        pb movement.batch movement=b document=doc:in count=1 totals=BTC:1
        ",
    );
}

/// In a halt only variation margin is due: a call for initial margin is computed, shown, and due when the
/// halt lifts, with as much time as it had.
#[test]
fn halt_takes_the_times_off_calls_for_initial_margin() {
    let mut driver = pooled();
    play_on(
        &mut driver,
        "
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=100000 exposure=170000 collateral_value=160000 regime=doc:book
        pb call.issue call=c1 agreement=CSA-1 version=2 statement=s2 leg=delivery kind=demand amount=110000 currency=USD due=+0
        acme call.agree call=c1 amount=110000
        = due c1 due initial
        wait 3600000
        ",
    );
    driver.play(HALT);
    play_on(
        &mut driver,
        "
        = due c1 held initial
        wait 86400000
        pb prices set=p2 BTC=50000 USDC=1
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=100000 exposure=170000 collateral_value=160000 regime=doc:book
        = due c1 held initial
        # the whole was agreed: nothing is left to demand, and only the exposure could be due
        pb call.issue call=c2 agreement=CSA-1 version=2 statement=s3 leg=delivery kind=demand amount=10000 currency=USD due=+0 => amount_out_of_range
        pb call.retract call=c1 reason=newer_calculation
        pb call.issue call=c2 agreement=CSA-1 version=2 statement=s3 leg=delivery kind=demand amount=10001 currency=USD due=+0 => amount_out_of_range
        pb call.issue call=c2 agreement=CSA-1 version=2 statement=s3 leg=delivery kind=demand amount=10000 currency=USD due=+0
        acme call.agree call=c2 amount=10000
        = due c2 due variation
        pb call.issue call=c3 agreement=CSA-1 version=2 statement=s3 leg=delivery kind=demand amount=100000 currency=USD due=+0
        acme call.agree call=c3 amount=100000
        = due c3 held initial
        wait 14400001
        = due c2 in_grace variation
        = due c3 held initial
        pb breaker.step pool=book level=halt theta_factor=1 calm=0 signals=0.2,0,1,1,0 reasons=index_fall
        = due c3 held initial
        pb breaker.step pool=book level=no_credit theta_factor=0.5 calm=0 signals=0,0,1,1,0 reasons=
        = due c3 due initial
        = due c2 in_grace variation
        wait 14400000
        = due c3 due initial
        wait 1
        = due c3 in_grace initial
        ",
    );
}

/// What is returned to the pledgor is a withdrawal too: it is on its way a cycle longer.
#[test]
fn returns_wait_like_other_withdrawals() {
    let mut driver = pooled();
    driver.play(GUARDED);
    play_on(
        &mut driver,
        "
        acme call.issue call=r1 agreement=CSA-1 version=2 statement=s1 leg=return kind=demand amount=159000 currency=USD due=+0
        pb call.agree call=r1 amount=159000
        pb call.pledge call=r1 items=acme.btc.p:3.975:BTC value=159000
        acme call.accept_pledge call=r1 pledge=@
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.btc:3.975:BTC
        bank transfer.settle call=r1 movement=t1 amount=159000 evidence=doc:e1 => breaker_open
        pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
        bank transfer.settle call=r1 movement=t1 amount=159000 evidence=doc:e1
        = call r1 settled 159000
        ",
    );
}
