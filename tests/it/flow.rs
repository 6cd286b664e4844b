//! Flows as text: one row for each command, one row for each refusal, in the order of precedence.
//!
//! `author type member=value… => code` (without a code it holds) · `wait ms` · `= object figures`.

use ledger::amount::print_units;
use ledger::digest::Digest;
use ledger::id::{AccountId, AgreementId, BreakId, CallId, MovementId, OverrideId, PartyId, RegimeId};
use ledger::json::Json;
use ledger::receipt;
use ledger::snapshot;
use tests::driver::Driver;
use tests::served::TestLedger;
use tests::world;

/// Plays a flow on the stage of [`world`], then makes the state again from its records.
pub fn play(text: &str) -> Driver {
    let mut driver = Driver::with_world(false);
    play_on(&mut driver, text);
    driver
}

/// Plays a flow on, where a driver stands.
pub fn play_on(driver: &mut Driver, text: &str) {
    for row in world::lines(text) {
        if let Some(ms) = row.strip_prefix("wait ") {
            driver.wait(ms.parse().expect("wait is in milliseconds"));
        } else if let Some(expected) = row.strip_prefix("= ") {
            assert_eq!(told(driver, expected), expected, "after record {}", driver.state.length() - 1);
        } else {
            play_row(driver, row);
        }
    }
    assert_eq!(driver.replayed(), driver.state, "replay equals live");
    let (root, state) = (Digest::of(b"root"), driver.state.clone());
    let kept = snapshot::load(&snapshot::store(&state, root), world::ORIGIN);
    assert_eq!(kept, Some((state, root)), "a snapshot is the state");
}

fn play_row(driver: &mut Driver, row: &str) {
    let (line, expected) = row.split_once(" => ").unwrap_or((row, "ok"));
    let before = driver.state.clone();
    let refused = driver.line(line).err();
    let got = refused.as_ref().map_or("ok", tests::driver::Refused::code);
    assert_eq!(got, expected, "{line}: {refused:?}");
    if refused.is_some() {
        assert_eq!(driver.state, before, "a refusal changes nothing: {line}");
    }
}

/// What the state says of an object, in the words of a row.
fn told(driver: &Driver, row: &str) -> String {
    let mut words = row.split_whitespace();
    let (kind, id) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let state = &driver.state;
    let figures = match kind {
        "account" => {
            let account = state.account(&AccountId::parse(id).expect("an id")).expect("an account");
            let figures = receipt::balances(state, account);
            figures.into_iter().take(3).map(|(_, figure)| figure).collect::<Vec<_>>().join(" ")
        }
        "movement" => {
            let movement = state.movement(&MovementId::parse(id).expect("an id"));
            movement.map_or_else(|| "none".to_owned(), |movement| movement.status.to_string())
        }
        "call" => {
            let call = state.call(&CallId::parse(id).expect("an id")).expect("a call");
            format!("{} {}", call.state(), call.amount())
        }
        "held" => {
            let held = driver.scribe.command(id).and_then(|id| state.held_command(&id).cloned());
            held.map_or_else(|| "none".to_owned(), |held| format!("{} {}", held.status, held.approvals.len()))
        }
        "address" => {
            let stages = state.addresses_written(id).map(|address| address.stage_at(driver.now).to_string());
            stages.collect::<Vec<_>>().join(" ")
        }
        "recoveries" => {
            let party = state.party(&PartyId::parse(id).expect("an id")).expect("a party");
            let stages = party.recoveries().map(|(_, recovery)| recovery.stage_at(driver.now).to_string());
            stages.collect::<Vec<_>>().join(" ")
        }
        "due" => {
            let call = state.call(&CallId::parse(id).expect("an id")).expect("a call");
            let reading = call.call.reading(driver.now);
            let reading = reading.map_or_else(|| "nothing".to_owned(), |reading| reading.to_string());
            if call.held.is_some() {
                format!("held {}", call.margin)
            } else {
                format!("{reading} {}", call.margin)
            }
        }
        "pool" => {
            let pool = state.pool(&RegimeId::parse(id).expect("an id")).expect("a pool");
            format!("{} {} {}", pool.level(), pool.state.theta_factor, pool.state.calm)
        }
        "override" => {
            let granted = state.one_override(&OverrideId::parse(id).expect("an id")).expect("an override");
            let live = if granted.is_live(driver.now) { "live" } else { "over" };
            format!("{} {live}", print_units(granted.remaining(), 8))
        }
        "agreement" => {
            let agreement = state.agreement(&AgreementId::parse(id).expect("an id")).expect("an agreement");
            agreement.versions.len().to_string()
        }
        "break" => {
            let found = state.open_break(&BreakId::parse(id).expect("an id")).expect("a break");
            let owner = found.owner.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            format!("{} {owner} {}", found.state_at(driver.now), found.timeline.len())
        }
        _ => panic!("{row}"),
    };
    format!("{kind} {id} {figures}")
}

#[test]
fn a_deposit_counts_once_the_custodian_settles_it() {
    play("
        # settled, pending in, pending out
        acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:2.5:BTC
        = account acme.btc 0 2.5 0
        = account ext.btc 0 0 2.5
        # what is announced cannot be spent
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC => insufficient_available
        # in the order of precedence: role, reference, whose accounts, stage
        pb movement.settle movement=d1 evidence=doc:e1 => evidence_missing
        acme movement.settle movement=d1 evidence=doc:e1 => not_authorised
        bank movement.settle movement=d1 evidence=digest:e1 => unknown_reference
        bank movement.settle movement=d9 evidence=doc:e1 => unknown_reference
        vault movement.settle movement=d1 evidence=doc:e1 => not_authorised
        bank movement.settle movement=d1 evidence=doc:e1
        = movement d1 settled
        = account acme.btc 2.5 0 0
        = account ext.btc -2.5 0 0
        bank movement.settle movement=d1 evidence=doc:e1 => wrong_state
        # nobody credits without the custodian
        acme movement.instruct movement=d2 mode=immediate postings=ext.btc>acme.btc:1:BTC => evidence_missing
        pb movement.instruct movement=d2 mode=immediate postings=ext.btc>acme.btc:1:BTC => evidence_missing
        bank movement.instruct movement=d2 mode=two_phase postings=ext.btc>acme.btc:1:BTC => not_authorised
        # and nothing goes out without it
        acme movement.instruct movement=w1 mode=immediate postings=acme.btc>ext.btc:1:BTC => evidence_missing
        acme movement.instruct movement=w1 mode=two_phase postings=acme.btc>ext.btc:1:BTC
        = account acme.btc 2.5 0 1
        bank movement.settle movement=w1 evidence=doc:e2
        = account acme.btc 1.5 0 0
        = account ext.btc -1.5 0 0
    ");
}

const RICH: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.usdc>acme.usdc:500000:USDC,ext.btc>zeta.btc:10:BTC
    bank movement.settle movement=rich evidence=doc:rich
";

fn rich() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(RICH);
    driver
}

#[test]
fn movements_are_refused_in_order() {
    let mut driver = rich();
    play_on(&mut driver, "
        aud movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC => not_authorised
        acme movement.instruct movement=m1 mode=immediate postings=nobody>acme.btc.p:1:BTC => unknown_reference
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>nobody:1:BTC => unknown_reference
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:GOLD => unknown_reference
        acme movement.instruct movement=m1 mode=immediate call=c9 postings=acme.btc>acme.btc.p:1:BTC => unknown_reference
        acme movement.instruct movement=m1 mode=immediate postings=zeta.btc>acme.btc:1:BTC => unknown_reference
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => not_authorised
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC,zeta.btc>acme.btc:1:BTC => unknown_reference
        acme movement.instruct movement=rich mode=immediate postings=acme.btc>acme.btc.p:1:BTC => id_taken
        acme movement.instruct movement=RICH mode=immediate postings=acme.btc>acme.btc.p:1:BTC => id_taken
        acme movement.instruct movement=m1 mode=immediate expect=acme.btc@0 postings=acme.btc>acme.btc.p:1:BTC => expectation_failed
        acme movement.instruct movement=m1 mode=immediate expect=nobody@0 postings=acme.btc>acme.btc.p:1:BTC => expectation_failed
        acme movement.instruct movement=m1 mode=two_phase expires=+0 postings=acme.btc>acme.btc.p:1:BTC => too_late
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.usdc.p:1:BTC => asset_mismatch
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:USDC => asset_mismatch
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.fut:1:BTC => class_mismatch
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:0:BTC => amount_zero
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:0.123456789:BTC => amount_precision
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:340282366920938463463374607431768211456:BTC => amount_overflow
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:10.00000001:BTC => insufficient_available
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:6:BTC,acme.btc>acme.btc.p:6:BTC => insufficient_available
        acme movement.instruct movement=m1 mode=two_phase postings=acme.btc>acme.btc.p:6:BTC,acme.btc>acme.btc.p:6:BTC => insufficient_available
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.vault:1:BTC => evidence_missing
        = account acme.btc 10 0 0
        # all or nothing, in the order given: what one posting brings the next may take
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:3:BTC,acme.usdc>acme.usdc.p:5:USDC
        = account acme.btc 7 0 0
        = account acme.btc.p 3 0 0
        = account acme.usdc.p 5 0 0
        # to itself nothing moves: it is no posting
        acme movement.instruct movement=m2 mode=immediate postings=acme.btc>acme.btc:7:BTC => body_schema
        acme movement.instruct movement=m2 mode=two_phase postings=acme.btc>acme.btc:7:BTC => body_schema
        # a payment to another client is the owner's to give
        acme movement.instruct movement=m5 mode=immediate postings=acme.btc>zeta.btc:1:BTC
        = account zeta.btc 11 0 0
        acme movement.instruct movement=m6 mode=immediate postings=acme.btc>acme.btc.p:1:BTC expect=m5@30
    ");
}

#[test]
fn pending_until_settled_voided_or_expired() {
    let mut driver = rich();
    play_on(&mut driver, "
        acme movement.instruct movement=v1 mode=two_phase postings=acme.btc>ext.btc:4:BTC
        = account acme.btc 10 0 4
        zeta movement.void movement=v1 reason=mine => unknown_reference
        bank movement.void movement=v1 reason=mine => not_authorised
        acme movement.void movement=v9 reason=mistake => unknown_reference
        acme movement.void movement=v1 reason=mistake
        = movement v1 voided
        = account acme.btc 10 0 0
        acme movement.void movement=v1 reason=mistake => wrong_state
        bank movement.settle movement=v1 evidence=doc:e1 => wrong_state
        # by the operator too
        acme movement.instruct movement=v2 mode=two_phase postings=acme.btc>ext.btc:4:BTC
        pb movement.void movement=v2 reason=closing
        # time alone ends the next, at the instant, whatever is recorded then
        acme movement.instruct movement=v3 mode=two_phase expires=+1000 postings=acme.btc>ext.btc:9:BTC
        wait 999
        acme movement.instruct movement=v4 mode=immediate postings=acme.btc>acme.btc.p:2:BTC => insufficient_available
        wait 1
        bank movement.settle movement=v3 evidence=doc:e3 => wrong_state
        # a refusal records nothing, so the reservation still shows
        = movement v3 pending
        acme movement.instruct movement=v4 mode=immediate postings=acme.btc>acme.btc.p:2:BTC
        = movement v3 expired
        = account acme.btc 8 0 0
        = account ext.btc -20 0 0
    ");
}

#[test]
fn agreements_need_both_sides() {
    play("
        = agreement CSA-1 1
        zeta agreement.propose document=doc:csa1v2 => not_authorised
        aud agreement.propose document=doc:csa1v2 => not_authorised
        pb agreement.propose document=doc:csa1v3 => document_digest
        pb agreement.propose document=doc:csa1 => document_digest
        pb agreement.propose document=digest:csa1v2 => unknown_reference
        pb agreement.propose document=doc:not_json => document_digest
        acme agreement.propose document=doc:csa1v2
        = agreement CSA-1 1
        pb agreement.propose document=doc:csa1v2 => wrong_state
        acme agreement.accept digest=digest:csa1v2 => not_authorised
        zeta agreement.accept digest=digest:csa1v2 => not_authorised
        zeta agreement.reject digest=digest:csa1v2 reason=no => not_authorised
        pb agreement.accept digest=digest:csa1v3 => unknown_reference
        pb agreement.reject digest=digest:csa1v2 reason=price
        pb agreement.accept digest=digest:csa1v2 => unknown_reference
        acme agreement.propose document=doc:csa1v2
        acme agreement.reject digest=digest:csa1v2 reason=withdrawn
        acme agreement.propose document=doc:csa1v2
        pb agreement.accept digest=digest:csa1v2
        = agreement CSA-1 2
        # calls name the version in force
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => wrong_state
        pb call.issue call=c1 agreement=CSA-1 version=2 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
    ");
}

#[test]
fn prices_positions_and_statements() {
    play("
        acme prices set=p2 BTC=1 => use_not_allowed
        pb prices set=p1 BTC=1 => id_taken
        pb prices set=P1 BTC=1 => id_taken
        pb prices set=p2 GOLD=1 => unknown_reference
        pb prices set=p2 BTC=1 as_of=+1 => price_stale
        wait 10
        pb prices set=p2 BTC=51000 USDC=1
        pb prices set=p3 BTC=1 as_of=-1 => price_stale
        pb price.set set=p3 digest=doc:junk as_of=-0 source=close count=1 => document_digest
        bank position.report portfolio=P digest=doc:positions as_of=-0 count=1 => not_authorised
        acme positions portfolio=P digest=doc:positions as_of=+1 => price_stale
        acme positions portfolio=P digest=doc:positions
        zeta positions portfolio=P digest=doc:zetas => unknown_reference
        zeta positions portfolio=p digest=doc:zetas => id_taken
        pb positions portfolio=P digest=doc:positions2
        # role, references, side, stage, amounts
        bank margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 => not_authorised
        pb margin statement=s1 portfolio=Q agreement=CSA-1 requirement=1 => unknown_reference
        pb margin statement=s1 portfolio=P agreement=CSA-9 requirement=1 => unknown_reference
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 positions=digest:positions => unknown_reference
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 prices=doc:unset => unknown_reference
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 state_size=1000 => unknown_reference
        zeta margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 => not_authorised
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 as_of=+1 => too_early
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 excess=1 => amounts_do_not_sum
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=-1 => amount_out_of_range
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1000 exposure=-20.5 collateral_value=3
        acme margin statement=s1 portfolio=P agreement=CSA-1 requirement=1 => id_taken
        acme margin statement=s2 portfolio=P agreement=CSA-1 requirement=1
        # a rule book that was adopted is the one to be named
        pb regime.adopt regime=us digest=doc:us from=-0
        acme regime.adopt regime=us digest=doc:us2 from=-0 => not_authorised
    ");
}

/// Margin of 100,000 is stated, nothing is posted.
const SHORT: &str = "
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
";
const ISSUE: &str = "pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0";

fn short() -> Driver {
    let mut driver = rich();
    driver.play(SHORT);
    driver
}

fn called() -> Driver {
    let mut driver = short();
    driver.play(ISSUE);
    driver
}

#[test]
fn a_call_from_issue_to_settlement() {
    let mut driver = short();
    play_on(&mut driver, "
        bank call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => not_authorised
        pb call.issue call=c1 agreement=CSA-9 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => unknown_reference
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s9 leg=delivery kind=demand amount=100000 currency=USD due=+0 => unknown_reference
        acme call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => not_authorised
        zeta call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => not_authorised
        pb call.issue call=c1 agreement=CSA-1 version=2 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => wrong_state
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=99999 currency=USD due=+0 => amount_out_of_range
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=EUR due=+0 => evidence_mismatch
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
        pb call.issue call=C1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0 => id_taken
        = call c1 issued 100000
        zeta call.acknowledge call=c1 => unknown_reference
        bank call.acknowledge call=c1 => unknown_reference
        pb call.acknowledge call=c1 => not_authorised
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000 => wrong_state
        acme call.acknowledge call=c1
        acme call.acknowledge call=c1 => wrong_state
        acme call.agree call=c1 amount=99999 => amount_out_of_range
        acme call.agree call=c1 amount=100000
        = call c1 agreed 100000
        # items: whose, where, how much, worth what
        acme call.pledge call=c1 items=nobody:2.5:BTC value=100000 => unknown_reference
        acme call.pledge call=c1 items=zeta.btc:2.5:BTC value=100000 => unknown_reference
        acme call.pledge call=c1 items=ext.btc:2.5:BTC value=100000 => unknown_reference
        acme call.pledge call=c1 items=acme.btc.p:2.5:BTC value=100000 => unknown_reference
        pb call.pledge call=c1 items=acme.btc:2.5:BTC value=100000 => not_authorised
        acme call.pledge call=c1 items=acme.btc:2.5:USDC value=100000 => asset_mismatch
        acme call.pledge call=c1 items=acme.btc:0:BTC value=100000 => amount_zero
        acme call.pledge call=c1 items=acme.btc:0.123456789:BTC value=100000 => amount_precision
        acme call.pledge call=c1 items=acme.btc:11:BTC value=100000 => insufficient_available
        acme call.pledge call=c1 items=acme.btc:6:BTC,acme.btc:6:BTC value=100000 => insufficient_available
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=99999 => insufficient_value
        acme call.pledge call=c1 items=acme.btc:2.49999999:BTC value=100000 => insufficient_value
        = account acme.btc 10 0 0
        acme call.pledge call=c1 items=acme.btc:1.5:BTC,acme.btc:1:BTC value=100000
        = call c1 pledged 100000
        = account acme.btc 10 0 2.5
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>zeta.btc:8:BTC => insufficient_available
        acme call.accept_pledge call=c1 pledge=@ => not_authorised
        pb call.accept_pledge call=c1 pledge=0000000000000000000000000000000000000000000000000000000000000000 => unknown_reference
        pb call.accept_pledge call=c1 pledge=@
        pb transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC => not_authorised
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC => evidence_mismatch
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.usdc.p:1.5:BTC,acme.btc>acme.btc.p:1:BTC => asset_mismatch
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>zeta.btc.p:1.5:BTC,acme.btc>acme.btc.p:1:BTC => unknown_reference
        acme transfer.instruct call=c1 movement=rich postings=acme.btc>acme.btc.p:1.5:BTC,acme.btc>acme.btc.p:1:BTC => id_taken
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:1.5:BTC,acme.btc>acme.btc.p:1:BTC
        = call c1 in_transit 100000
        = account acme.btc 10 0 2.5
        = account acme.btc.p 0 2.5 0
        # the call's own movement ends with its call
        bank movement.settle movement=t1 evidence=doc:e1 => wrong_state
        acme movement.void movement=t1 reason=no => wrong_state
        pb call.retract call=c1 reason=newer_calculation => wrong_state
        acme transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1 => not_authorised
        pb transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1 => not_authorised
        vault transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1 => not_authorised
        bank transfer.settle call=c1 movement=t9 amount=100000 evidence=doc:e1 => unknown_reference
        bank transfer.settle call=c1 movement=t1 amount=99999 evidence=doc:e1 => amount_out_of_range
        bank transfer.settle call=c1 movement=t1 amount=100001 evidence=doc:e1 => amount_out_of_range
        bank transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1
        = call c1 settled 100000
        = movement t1 settled
        = account acme.btc 7.5 0 0
        = account acme.btc.p 2.5 0 0
        bank transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1 => wrong_state
    ");
}

#[test]
fn a_pledge_is_free_again_when_it_is_rejected_or_its_call_goes() {
    let mut driver = called();
    play_on(&mut driver, "
        acme call.agree call=c1 amount=100000
        acme call.pledge call=c1 items=acme.btc:10:BTC value=400000
        = account acme.btc 10 0 10
        pb call.reject_pledge call=c1 pledge=@ reason=ugly => reason_unknown
        acme call.reject_pledge call=c1 pledge=@ reason=not_eligible => not_authorised
        pb call.reject_pledge call=c1 pledge=@ reason=not_eligible
        = call c1 agreed 100000
        = account acme.btc 10 0 0
        pb call.accept_pledge call=c1 pledge=@ => unknown_reference
        acme call.pledge call=c1 items=acme.btc:10:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        # the old pledge is no more
        pb call.retract call=c1 reason=whim => reason_unknown
        acme call.retract call=c1 reason=newer_calculation => not_authorised
        pb call.retract call=c1 reason=newer_calculation
        = call c1 retracted 100000
        = account acme.btc 10 0 0
        acme call.agree call=c1 amount=100000 => wrong_state
        # superseded while pledged
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
        pb call.issue call=c3 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
        acme call.agree call=c2 amount=100000
        acme call.pledge call=c2 items=acme.usdc:100000:USDC value=100000
        pb call.supersede call=c2 by=c9 => unknown_reference
        pb call.supersede call=c2 by=c2 => unknown_reference
        pb call.supersede call=c2 by=c3
        = call c2 superseded 100000
        = account acme.usdc 500000 0 0
    ");
}

#[test]
fn a_transfer_that_fails_is_pledged_anew() {
    let mut driver = called();
    play_on(
        &mut driver,
        "
        acme call.agree call=c1 amount=100000
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC
        bank transfer.fail call=c1 movement=t1 reason=bored => reason_unknown
        acme transfer.fail call=c1 movement=t1 reason=chain_dropped => not_authorised
        bank transfer.fail call=c1 movement=t1 reason=chain_dropped
        = call c1 agreed 100000
        = movement t1 voided
        = account acme.btc 10 0 0
        = account acme.btc.p 0 0 0
        bank transfer.fail call=c1 movement=t1 reason=chain_dropped => unknown_reference
        acme call.pledge call=c1 items=acme.usdc:100000:USDC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t1 postings=acme.usdc>acme.usdc.p:100000:USDC => id_taken
        acme transfer.instruct call=c1 movement=t2 postings=acme.usdc>acme.usdc.p:100000:USDC
        bank transfer.settle call=c1 movement=t2 amount=100000 evidence=doc:e2
        = call c1 settled 100000
        = account acme.usdc.p 100000 0 0
    ",
    );
}

#[test]
fn a_dispute_splits_what_is_undisputed_off() {
    let mut driver = called();
    play_on(&mut driver, "
        pb call.dispute call=c1 amount=30000 reason=price => not_authorised
        acme call.dispute call=c1 amount=0 reason=price => amount_out_of_range
        acme call.dispute call=c1 amount=100001 reason=price => amount_out_of_range
        acme call.dispute call=c1 amount=30000 reason=weather => reason_unknown
        acme call.dispute call=c1 amount=30000 reason=price evidence=digest:none => unknown_reference
        acme call.dispute call=c1 amount=30000 reason=price evidence=doc:quotes
        = call c1 split 100000
        = call c1.u agreed 70000
        = call c1.d disputed 30000
        acme call.agree call=c1 amount=100000 => wrong_state
        acme call.pledge call=c1.u items=acme.usdc:70000:USDC value=70000
        pb call.retract call=c1.d reason=newer_calculation
        = call c1.d retracted 30000
        # a smaller rest than the minimum transfer amount is disputed whole
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=30000 currency=USD due=+0
        acme call.dispute call=c2 amount=29500 reason=price
        = call c2 disputed 30000
        pb call.issue call=c3 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=expected amount=30000 currency=USD due=+0
        acme call.agree call=c3 amount=30000 => kind_not_due
        acme call.acknowledge call=c3
        pb call.issue call=c4 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=30000 currency=USD due=+0
        wait 3600001
        acme call.dispute call=c4 amount=30000 reason=price => too_late
    ");
}

#[test]
fn what_remains_must_cover_the_last_fresh_statement() {
    let mut driver = rich();
    play_on(&mut driver, "
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:3:BTC
        # under an agreement, nothing goes before margin is stated
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => statement_stale
        acme positions portfolio=P digest=doc:positions
        # 3 BTC count 120,000
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=70000 exposure=10000
        # an unsettled loss is required too: 80,000 must stay, 2 BTC are enough, to the satoshi
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1.00000001:BTC => release_uncovers
        pb movement.instruct movement=r1 mode=two_phase postings=acme.btc.p>acme.btc:1.00000001:BTC => release_uncovers
        pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC,acme.btc.p>acme.btc:0.6:BTC => release_uncovers
        # what is on its way in does not cover
        acme movement.instruct movement=m2 mode=two_phase postings=acme.btc>acme.btc.p:5:BTC
        pb movement.instruct movement=r2 mode=immediate postings=acme.btc.p>acme.btc:2:BTC => release_uncovers
        pb movement.instruct movement=r2 mode=two_phase postings=acme.btc.p>acme.btc:1:BTC
        # what is on its way out is gone
        pb movement.instruct movement=r3 mode=immediate postings=acme.btc.p>acme.btc:0.00000001:BTC => release_uncovers
        pb movement.void movement=r2 reason=mistake
        pb movement.instruct movement=r3 mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        = account acme.btc.p 2 5 0
        # the newer statement binds
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=0
        pb movement.instruct movement=r4 mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        # the client's own does not, while the valuation agent states
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=40000
        acme margin statement=s4 portfolio=P agreement=CSA-1 requirement=0
        pb movement.instruct movement=r5 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => release_uncovers
        # and an old one does not either
        wait 86400001
        pb movement.instruct movement=r5 mode=immediate postings=acme.btc.p>acme.btc:0.1:BTC => statement_stale
        # silence locks nobody: after a day and four hours the client's newer one counts
        wait 14400000
        acme margin statement=s5 portfolio=P agreement=CSA-1 requirement=0
        pb movement.instruct movement=r5 mode=immediate postings=acme.btc.p>acme.btc:0.1:BTC => price_stale
        pb prices set=p2 BTC=50000 USDC=1
        pb movement.instruct movement=r5 mode=immediate postings=acme.btc.p>acme.btc:0.1:BTC
    ");
}

#[test]
fn the_release_guard_tells_its_figures() {
    let mut driver = rich();
    driver.play(
        "
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:3:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
    ",
    );
    let refused =
        driver.line("pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:1:BTC");
    let Err(tests::driver::Refused::Rejected(rejection)) = refused else { panic!("{refused:?}") };
    let expected = ledger::rejection::Rejection::ReleaseUncovers {
        statement: "s1".to_owned(),
        required: "100000".to_owned(),
        remaining: "80000".to_owned(),
        currency: "USD".to_owned(),
    };
    assert_eq!(*rejection, expected);
}

#[test]
fn a_return_is_a_call_the_other_way() {
    let mut driver = rich();
    play_on(&mut driver, "
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:3:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=80000
        pb call.issue call=r1 agreement=CSA-1 version=1 statement=s1 leg=return kind=demand amount=40000 currency=USD due=+0 => not_authorised
        acme call.issue call=r1 agreement=CSA-1 version=1 statement=s1 leg=return kind=demand amount=40000 currency=USD due=+0
        acme call.agree call=r1 amount=40000 => not_authorised
        pb call.agree call=r1 amount=40000
        pb call.pledge call=r1 items=acme.btc:1:BTC value=40000 => unknown_reference
        pb call.pledge call=r1 items=acme.btc.p:1:BTC value=40000
        = account acme.btc.p 3 0 1
        acme call.accept_pledge call=r1 pledge=@
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.btc:1:BTC
        bank transfer.settle call=r1 movement=t1 amount=40000 evidence=doc:e1
        = call r1 settled 40000
        = account acme.btc.p 2 0 0
        = account acme.btc 8 0 0
    ");
}

#[test]
fn custodians_evidence() {
    play("
        acme custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed => not_authorised
        bank custody.statement statement=k1 custodian=acme format=csv as_of=-0 digest=doc:k1 provenance=signed => unknown_reference
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=digest:k1 provenance=signed => unknown_reference
        vault custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed => not_authorised
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed => evidence_mismatch
        pb custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed => evidence_mismatch
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb custody.statement statement=k2 custodian=vault format=csv as_of=-0 digest=doc:k2 provenance=relayed
        bank custody.statement statement=K1 custodian=bank format=csv as_of=-0 digest=doc:k3 provenance=signed => id_taken
        bank custody.statement statement=k3 custodian=bank format=csv as_of=-0 digest=doc:k3 provenance=signed supersedes=k2 => evidence_mismatch
        bank custody.statement statement=k3 custodian=bank format=csv as_of=-0 digest=doc:k3 provenance=signed supersedes=k1
        bank recon.record reconciliation=r1 statements=k1,k2 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => not_authorised
        bank recon.record reconciliation=r1 statements=k9 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => unknown_reference
        pb recon.record reconciliation=r1 statements=k1,k2 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1
        pb recon.record reconciliation=r1 statements=k1,k2 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => id_taken
        vault break.open break=0123456789abcdef reconciliation=r1 line=1 amount=-1.5 => not_authorised
        pb break.open break=0123456789abcdef reconciliation=r9 line=1 amount=-1.5 => unknown_reference
        pb break.open break=0123456789abcdef reconciliation=r1 line=1 amount=-1.5
        pb break.open break=0123456789abcdef reconciliation=r1 line=1 amount=-1.5 => id_taken
    ");
}

#[test]
fn keys_come_and_go_by_record() {
    play(
        "
        acme key.add public_key=key:acme2 uses=command
        acme/acme2 movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:1:BTC
        acme key.add public_key=key:acme2 uses=command => id_taken
        acme key.add party=zeta public_key=key:acme3 uses=command => not_authorised
        zeta/acme2 movement.void movement=d1 reason=no => signature_invalid
        # not for prices, and not before it is there
        acme/acme3 movement.void movement=d1 reason=no => signature_invalid
        pb key.add public_key=key:feed uses=price
        pb/feed prices set=p2 BTC=49000
        pb/feed movement.void movement=d1 reason=no => use_not_allowed
        zeta key.revoke keyid=key:acme2 reason=mine => unknown_reference
        acme key.revoke keyid=key:acme2 reason=lost
        acme/acme2 movement.void movement=d1 reason=no => key_not_active
        acme key.revoke keyid=key:acme2 reason=lost => wrong_state
        acme key.add public_key=key:acme2 uses=command => id_taken
        pb key.revoke keyid=key:zeta reason=stolen
        zeta movement.void movement=d1 reason=no => key_not_active
        pb key.revoke keyid=key:feed reason=over
        pb key.revoke keyid=key:pb reason=over => wrong_state
        # case makes no other author
        Acme movement.void movement=d1 reason=no => key_unknown
        pb party.register party=ACME role=client public_key=key:other => id_taken
    ",
    );
}

/// The whole way over HTTP, each step signed by who must, read back by who may.
#[test]
fn a_call_over_http() {
    let mut ledger = TestLedger::with_world();
    ledger.play(RICH);
    ledger.play(SHORT);
    ledger.play(ISSUE);
    ledger.play(
        "
        acme call.acknowledge call=c1
        acme call.agree call=c1 amount=100000
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC
        bank transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e1
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb recon.record reconciliation=r1 statements=k1 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1
        pb break.open break=0123456789abcdef reconciliation=r1 line=1 amount=-1.5
        pb key.rotate old_key=key:pb public_key=key:pb2
    ",
    );
    let text = |json: &Json, pointer: &str| {
        json.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    ledger.restart();
    let call = ledger.client("acme").get("/v1/calls/c1").expect("its own call");
    assert_eq!(text(&call, "/call/state"), "settled");
    let timeline = call.pointer("/call/timeline").and_then(Json::as_array).expect("a timeline");
    let types: Vec<String> = timeline.iter().map(|event| text(event, "/type")).collect();
    let steps = [
        "call.issue",
        "call.acknowledge",
        "call.agree",
        "call.pledge",
        "call.accept_pledge",
        "transfer.instruct",
        "transfer.settle",
    ];
    assert_eq!(types, steps);
    let balances = ledger.client("bank").get("/v1/accounts/acme.btc.p/balances").expect("it keeps it");
    assert_eq!(text(&balances, "/settled"), "2.5");
    let breaks = ledger.fresh_client("pb", "pb2").get("/v1/custody/breaks").expect("breaks");
    assert_eq!(text(&breaks, "/items/0/amount"), "-1.5");
    for (path, by_custodian) in [
        ("/v1/custody/statements/k1", true),
        ("/v1/custody/reconciliations/r1", true),
        ("/v1/custody/breaks/0123456789abcdef", true),
        ("/v1/custody/breaks/fedcba9876543210", false),
        ("/v1/custody/statements/k2", false),
        ("/v1/custody/reconciliations/r2", false),
    ] {
        assert_eq!(ledger.client("bank").get(path).is_ok(), by_custodian, "{path}");
        for stranger in ["vault", "acme"] {
            let refused = ledger.client(stranger).get(path).expect_err("not its own");
            assert_eq!(refused.code(), Some("not_found"), "{stranger} {path}");
        }
    }
    assert_eq!(ledger.line("pb asset.define asset=NEW kind=token decimals=0").status, 401);
    assert_eq!(ledger.line("pb/pb2 asset.define asset=NEW kind=token decimals=0").status, 201);
}
