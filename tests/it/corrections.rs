//! Flows of what is stopped, settled in parts, undone, reclassified, and moved in batches.

use tests::driver::Driver;

use crate::flow::{play, play_on};

/// What is stopped takes nothing new; what was on its way may still arrive.
#[test]
fn parties_accounts_and_assets_are_stopped_and_started() {
    play(
        "
        # parties
        acme party.suspend party=zeta reason=late => not_authorised
        pb party.suspend party=nobody reason=late => unknown_reference
        pb party.suspend party=pb reason=late => wrong_state
        pb party.resume party=acme reason=paid => wrong_state
        pb party.suspend party=acme reason=late
        pb party.suspend party=acme reason=late => wrong_state
        acme document.put digest=doc:d media_type=text size=1 purpose=x => author_suspended
        acme movement.instruct movement=m0 mode=immediate postings=nobody>acme.btc.p:1:BTC => author_suspended
        pb party.resume party=acme reason=paid

        # accounts
        pb movement.instruct movement=in mode=two_phase postings=ext.btc>acme.btc:2:BTC
        acme account.freeze account=acme.btc reason=x => not_authorised
        vault account.freeze account=acme.btc reason=x => not_authorised
        bank account.freeze account=nobody reason=x => unknown_reference
        pb account.unfreeze account=acme.btc => wrong_state
        pb account.close account=acme.btc => wrong_state
        bank account.freeze account=acme.btc reason=court
        bank account.freeze account=acme.btc reason=court => wrong_state
        bank movement.settle movement=in evidence=doc:e1
        = account acme.btc 2 0 0
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC => account_frozen
        pb movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC => account_frozen
        bank account.unfreeze account=acme.btc => not_authorised
        pb account.unfreeze account=acme.btc
        acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb account.close account=acme.btc => wrong_state
        pb account.close account=acme.usdc.p
        pb account.close account=acme.usdc.p => account_closed
        pb account.freeze account=acme.usdc.p => wrong_state
        acme movement.instruct movement=m2 mode=immediate postings=acme.usdc>acme.usdc.p:1:USDC => account_closed
        pb account.open account=acme.usdc.p owner=acme asset=USDC custodian=bank book=posted class=uncleared => id_taken

        # assets
        acme asset.suspend asset=BTC reason=x => not_authorised
        pb asset.suspend asset=GOLD reason=x => unknown_reference
        pb asset.suspend asset=BTC reason=depeg
        pb asset.suspend asset=BTC reason=depeg => wrong_state
        acme movement.instruct movement=m3 mode=immediate postings=acme.btc>acme.btc.p:1:BTC => asset_suspended
        pb account.open account=new owner=acme asset=BTC custodian=bank book=posted class=uncleared => asset_suspended
        ",
    );
}

/// What arrives in parts counts as it arrives; what does not arrive is free again.
#[test]
fn movements_settle_in_parts() {
    play(
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:5:BTC,ext.usdc>acme.usdc:100:USDC
        bank movement.settle movement=d amounts=1 evidence=doc:e1 => amount_out_of_range
        bank movement.settle movement=d amounts=6,1 evidence=doc:e1 => amount_out_of_range
        bank movement.settle movement=d amounts=0,0 evidence=doc:e1 => amount_zero
        bank movement.settle movement=d amounts=0.123456789,0 evidence=doc:e1 => amount_precision
        bank movement.settle movement=d amounts=2,0 evidence=doc:e1
        = account acme.btc 2 3 0
        = account acme.usdc 0 100 0
        = movement d pending
        bank movement.settle movement=d amounts=4,0 evidence=doc:e2 => amount_out_of_range
        bank movement.settle movement=d amounts=1,100 evidence=doc:e2
        = account ext.btc -3 0 2
        pb movement.void movement=d reason=late
        = movement d voided
        = account acme.btc 3 0 0
        = account ext.btc -3 0 0
        # what had settled before the rest was voided can be undone; the rest never moved
        pb movement.reverse movement=rd reverses=d reason=wrong
        = account acme.btc 0 0 0
        = account acme.usdc 0 0 0
        = account ext.btc 0 0 0
        pb movement.reverse movement=rd2 reverses=d reason=wrong => wrong_state

        pb movement.instruct movement=d2 mode=two_phase expires=+1000 postings=ext.btc>acme.btc:5:BTC
        bank movement.settle movement=d2 amounts=4 evidence=doc:e3
        wait 1000
        bank movement.settle movement=d2 evidence=doc:e3 => wrong_state
        acme document.put digest=doc:d media_type=text size=10 purpose=x => document_digest
        pb party.suspend party=zeta reason=x
        = movement d2 expired
        = account acme.btc 4 0 0
        ",
    );
}

/// Nothing is edited: a correction is a movement that names what it undoes, and undoes it once.
#[test]
fn movements_are_reversed() {
    play(
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:5:BTC
        pb movement.reverse movement=r reverses=d reason=wrong => wrong_state
        bank movement.settle movement=d evidence=doc:e1
        acme movement.reverse movement=r reverses=d reason=wrong => not_authorised
        pb movement.reverse movement=r reverses=nothing reason=wrong => unknown_reference
        pb movement.instruct movement=v mode=two_phase postings=ext.btc>acme.btc:1:BTC
        pb movement.void movement=v reason=late
        pb movement.reverse movement=r reverses=v reason=wrong => wrong_state
        pb movement.reverse movement=d reverses=d reason=wrong => id_taken
        acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:4:BTC
        pb movement.reverse movement=r reverses=d reason=wrong => insufficient_available
        pb movement.reverse movement=rm reverses=m reason=wrong => statement_stale
        acme positions portfolio=P digest=doc:book
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1000
        pb movement.reverse movement=rm reverses=m reason=wrong => release_uncovers
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=0
        pb movement.reverse movement=rm reverses=m reason=wrong
        = account acme.btc 5 0 0
        pb movement.reverse movement=rm2 reverses=m reason=again => wrong_state
        pb movement.reverse movement=r reverses=d reason=wrong
        = account acme.btc 0 0 0
        = account ext.btc 0 0 0
        pb movement.reverse movement=rr reverses=r reason=right => evidence_missing
        ",
    );
}

/// Collateral changes class only by a command that names both, and the release guard looks on.
#[test]
fn classes_change_by_name() {
    play(
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:5:BTC
        bank movement.settle movement=d evidence=doc:e1
        acme movement.reclassify movement=c from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:1:BTC => not_authorised
        pb movement.reclassify movement=c from_class=uncleared to_class=sec_15c3_3 reason=x basis=y postings=acme.btc>acme.fut:1:BTC => class_mismatch
        pb movement.reclassify movement=c from_class=uncleared to_class=uncleared reason=x basis=y postings=acme.btc>acme.btc.p:1:BTC => class_mismatch
        pb movement.reclassify movement=c from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:6:BTC => insufficient_available
        pb movement.reclassify movement=c from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:1:BTC
        = account acme.btc 4 0 0
        = account acme.fut 1 0 0
        ",
    );
}

fn batch_line(from: &str, to: &str, asset: &str, amount: &str) -> String {
    format!("{{\"amount\":\"{amount}\",\"asset\":\"{asset}\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
}

/// A batch moves all of its postings or none, and says beforehand what it moves.
#[test]
fn batches_are_all_or_nothing() {
    let mut driver = Driver::with_world(false);
    let one = batch_line("acme.btc", "acme.btc.p", "BTC", "0.001");
    let many = one.repeat(8_190);
    let short = format!("{}{}", one.repeat(2), batch_line("acme.btc", "acme.btc.p", "BTC", "90"));
    let across = batch_line("acme.btc", "acme.fut", "BTC", "1");
    for (name, text) in [
        ("many", many.clone()),
        ("too-many", many.clone() + &one),
        ("short", short),
        ("across", across),
        ("outside", batch_line("ext.btc", "acme.btc", "BTC", "1")),
        ("spaced", one.replace(':', ": ")),
        ("cut", one.trim_end().to_owned()),
        ("stranger", batch_line("nobody", "acme.btc.p", "BTC", "1")),
        ("member", one.replace("amount", "sum")),
    ] {
        driver.scribe.name_document(name, &text);
    }
    play_on(
        &mut driver,
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:10:BTC
        bank movement.settle movement=d evidence=doc:e1
        acme movement.batch movement=b document=doc:many count=8190 totals=BTC:8.19 => not_authorised
        pb movement.batch movement=b document=digest:many count=8190 totals=BTC:8.19 => unknown_reference
        pb movement.batch movement=b document=doc:stranger count=1 totals=BTC:1 => unknown_reference
        pb movement.batch movement=d document=doc:many count=8190 totals=BTC:8.19 => id_taken
        pb movement.batch movement=b document=doc:across count=1 totals=BTC:1 => class_mismatch
        pb movement.batch movement=b document=doc:short count=3 totals=BTC:90.002 => insufficient_available
        pb movement.batch movement=b document=doc:outside count=1 totals=BTC:1 => evidence_missing
        pb movement.batch movement=b document=doc:many count=8190 totals=BTC:8 => evidence_mismatch
        pb movement.batch movement=b document=doc:many count=8190 totals=BTC:8.19,USDC:1 => evidence_mismatch
        pb movement.batch movement=b document=doc:many count=8189 totals=BTC:8.19 => document_digest
        pb movement.batch movement=b document=doc:too-many count=8191 totals=BTC:8.191 => document_digest
        pb movement.batch movement=b document=doc:spaced count=1 totals=BTC:0.001 => document_digest
        pb movement.batch movement=b document=doc:cut count=1 totals=BTC:0.001 => document_digest
        pb movement.batch movement=b document=doc:member count=1 totals=BTC:0.001 => document_digest
        = account acme.btc 10 0 0
        pb movement.batch movement=b document=doc:many count=8190 totals=BTC:8.19
        = account acme.btc 1.81 0 0
        = account acme.btc.p 8.19 0 0
        = movement b settled
        pb movement.reverse movement=r reverses=b reason=wrong => wrong_state
        ",
    );
}

/// The first simulated runs were answered otherwise than the specification's order says: a movement of
/// several postings was refused for what was wrong with its first posting, even where a later one was
/// wrong in a way that stands before it; and an id that was taken was told before a reference that is
/// not there, or after an amount.
#[test]
fn of_several_refusals_the_first_of_the_order_is_given() {
    let mut driver = Driver::with_world(false);
    driver.scribe.name_document("far", &batch_line("acme.btc", "zeta.btc", "BTC", "1000"));
    play_on(
        &mut driver,
        "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:5:BTC,ext.btc>zeta.btc:5:BTC
        # of several postings
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:0:BTC,acme.btc>acme.fut:1:BTC => class_mismatch
        bank account.freeze account=zeta.btc reason=court
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.fut:1:BTC,zeta.btc>acme.btc:1:BTC => account_frozen
        pb account.close account=acme.usdc
        pb movement.instruct movement=m mode=immediate postings=zeta.btc>acme.usdc:1:BTC => account_closed
        # of several amounts
        bank movement.settle movement=d amounts=6,0.000000001 evidence=doc:e => amount_precision
        # references before the author's side, and both before the id
        acme movement.instruct movement=m mode=immediate postings=acme.btc.p>zeta.btc:1:BTC,acme.btc>nowhere:1:BTC => unknown_reference
        pb movement.instruct movement=d mode=immediate postings=acme.btc>acme.btc.p:1:GOLD => unknown_reference
        # the id before amounts and rules
        pb movement.reclassify movement=d from_class=uncleared to_class=proprietary reason=x basis=y postings=acme.btc>acme.fut:0:BTC => id_taken
        pb movement.reclassify movement=m from_class=uncleared to_class=proprietary reason=x basis=y postings=acme.btc>acme.fut:0:BTC => class_mismatch
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>acme.fut:9:BTC => insufficient_available
        # what a batch's document says of itself comes last
        pb movement.batch movement=d document=doc:far count=2 totals=BTC:1000 => id_taken
        pb movement.batch movement=m document=doc:far count=2 totals=BTC:1000 => account_frozen
        pb account.unfreeze account=zeta.btc
        pb movement.batch movement=m document=doc:far count=2 totals=BTC:1 => insufficient_available
        ",
    );
}
