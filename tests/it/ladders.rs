//! The ladder of each type: a row for each refusal of its own that `api/docs/commands.md` lists, in that
//! order. Where two faults can stand in one command they do, and the earlier is given.

use ledger::digest::Digest;
use tests::driver::Driver;
use tests::world;

use crate::flow::play_on;
use crate::seals::replay_line;

/// 2^128 smallest units of an asset of 8 decimals: one too many.
const OVER: &str = "3402823669209384634633746074317.68211456";

/// Ten bitcoin and half a million dollars of acme's, ten bitcoin of zeta's.
const RICH: &str = "
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.usdc>acme.usdc:500000:USDC,ext.btc>zeta.btc:10:BTC
    bank movement.settle movement=rich evidence=doc:rich
";

/// A closed account, a frozen one, a suspended asset; and accounts of another class, here and elsewhere.
const STOPPED: &str = "
    pb account.open account=zeta.fut owner=zeta asset=BTC custodian=bank book=available class=cftc_4d_futures
    pb account.open account=zeta.v owner=zeta asset=BTC custodian=vault book=available class=cftc_4d_futures
    pb account.open account=acme.v.p owner=acme asset=BTC custodian=vault book=posted class=uncleared
    pb account.close account=acme.usdc.p
    pb account.freeze account=acme.tok
    pb asset.suspend asset=TOK reason=x
";

fn rich() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(RICH);
    driver
}

fn line(from: &str, to: &str, amount: &str, asset: &str) -> String {
    format!("{{\"amount\":\"{amount}\",\"asset\":\"{asset}\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
}

/// Prices in euros without a rate for dollars.
const EURO: &str = r#"{"as_of":"2026-01-05T09:00:00.000Z","assets":{"BTC":"40000","USDC":"1"},"currency":"EUR","fx":{},"schema":"pledger.prices.v1","source":"close"}"#;

#[test]
fn ledger_parties_and_keys() {
    let mut driver = rich();
    play_on(&mut driver, "
        pb ledger.open operator=acme legal_name=x public_key=key:pb uses=command log_vkey=x witness_policy=doc:w rules=9 => not_authorised
        pb ledger.open operator=pb legal_name=x public_key=key:pb uses=command log_vkey=x witness_policy=digest:none => unknown_reference
        pb ledger.open operator=pb legal_name=x public_key=key:pb uses=command log_vkey=x witness_policy=doc:w rules=9 => unknown_reference
        pb ledger.open operator=pb legal_name=x public_key=key:pb uses=command log_vkey=x witness_policy=doc:w => wrong_state

        pb party.register party=new role=client public_key=key:zeta => id_taken
        pb party.register party=ZETA role=client public_key=key:new => id_taken
        pb party.register party=new role=client public_key=key:new

        pb party.suspend party=nobody reason=x => unknown_reference
        pb party.suspend party=pb reason=x => wrong_state
        pb party.suspend party=new reason=x
        pb party.suspend party=new reason=x => wrong_state
        pb party.resume party=nobody reason=x => unknown_reference
        pb party.resume party=new reason=x
        pb party.resume party=new reason=x => wrong_state

        acme key.add party=zeta public_key=key:zeta uses=command => not_authorised
        acme key.add public_key=key:zeta uses=command => id_taken
        acme key.add public_key=key:acme2 uses=command
        acme key.add public_key=key:acme3 uses=command

        acme key.rotate party=zeta old_key=key:none public_key=key:zeta => not_authorised
        acme key.rotate old_key=key:none public_key=key:zeta => unknown_reference
        acme key.rotate old_key=key:acme2 public_key=key:acme4
        acme key.rotate old_key=key:acme2 public_key=key:zeta => id_taken
        acme key.rotate old_key=key:acme2 public_key=key:acme5 => wrong_state

        zeta key.revoke keyid=key:acme2 reason=x => unknown_reference
        acme key.revoke keyid=key:acme2 reason=x => wrong_state
        acme key.revoke keyid=key:acme3 reason=x
    ");
}

#[test]
fn reference_data_and_documents() {
    let mut driver = rich();
    play_on(&mut driver, "
        pb asset.define asset=btc kind=crypto decimals=8 => id_taken
        pb asset.define asset=NEW kind=crypto decimals=8
        pb asset.suspend asset=GOLD reason=x => unknown_reference
        pb asset.suspend asset=NEW reason=x
        pb asset.suspend asset=NEW reason=x => wrong_state

        pb account.open account=acme.btc owner=nobody asset=NEW custodian=bank book=posted class=uncleared => unknown_reference
        pb account.open account=acme.btc owner=acme asset=GOLD custodian=bank book=posted class=uncleared => unknown_reference
        pb account.open account=acme.btc owner=acme asset=NEW custodian=zeta book=posted class=uncleared => unknown_reference
        pb account.open account=acme.btc owner=acme asset=NEW custodian=bank book=posted class=uncleared => id_taken
        pb account.open account=acme.new owner=acme asset=NEW custodian=bank book=posted class=uncleared => asset_suspended

        vault account.freeze account=nobody => unknown_reference
        bank account.freeze account=acme.usdc.p
        vault account.freeze account=acme.usdc.p => not_authorised
        bank account.freeze account=acme.usdc.p => wrong_state
        pb account.unfreeze account=nobody => unknown_reference
        pb account.unfreeze account=acme.usdc.p
        pb account.unfreeze account=acme.usdc.p => wrong_state
        pb account.close account=nobody => unknown_reference
        pb account.close account=acme.btc => wrong_state
        pb account.close account=acme.usdc.p
        pb account.close account=acme.usdc.p => account_closed

        pb regime.adopt regime=us digest=digest:none from=-0 => unknown_reference
        pb regime.adopt regime=us digest=doc:us from=-0

        acme document.put digest=digest:none media_type=text size=9 purpose=x => unknown_reference
        acme document.put digest=doc:four media_type=text size=9 purpose=x readers=nobody => unknown_reference
        acme document.put digest=doc:four media_type=text size=9 purpose=x => document_digest
        acme document.put digest=doc:four media_type=text size=4 purpose=x
    ");
}

#[test]
fn policies_and_approvals() {
    let mut driver = rich();
    let rules = r#"{"schema":"pledger.policy.v1","covers":["asset.*"],"principals":[
        {"principal":"zeta","party":"zeta"},{"principal":"acme","party":"acme"}],
        "groups":[{"group":"all","members":["acme"]}],"change":{"k":"1","group":"all"},
        "rules":[{"rule":"a","types":["asset.define"],"result":"approve","k":"1","group":"all"},
        {"rule":"rest","result":"refuse"}]}"#;
    for (name, text) in [
        ("good", rules.to_owned()),
        ("stranger", rules.replace(r#""party":"acme""#, r#""party":"nobody""#)),
        ("unsafe", rules.replace(r#""k":"1""#, r#""k":"2""#)),
    ] {
        driver.scribe.name_document(name, &text);
    }
    play_on(
        &mut driver,
        "
        acme policy.set policy=p scope=pb rules=doc:stranger version=9 => not_authorised
        acme policy.set policy=p scope=pb rules=digest:none version=9 => unknown_reference
        pb policy.set policy=p scope=pb rules=doc:stranger version=9 => unknown_reference
        acme policy.set policy=own scope=acme rules=doc:good version=2 => wrong_state
        acme policy.set policy=p scope=acme rules=doc:junk version=2 => wrong_state
        pb policy.set policy=p scope=pb rules=doc:junk version=1 => document_digest
        pb policy.set policy=p scope=pb rules=doc:unsafe version=1 => quorum_unsafe
        pb policy.set policy=p scope=pb rules=doc:good version=1
        acme approval.give command_id=@p
        zeta policy.set policy=P scope=zeta rules=doc:junk version=9 => id_taken
        pb policy.set policy=p scope=pb rules=doc:unsafe version=9 => wrong_state

        pb asset.define asset=A kind=token decimals=0
        bank approval.give command_id=@A => unknown_reference
        bank approval.refuse command_id=@A => unknown_reference
        bank approval.withdraw command_id=@A => unknown_reference
        zeta approval.give command_id=@A => not_authorised
        zeta approval.refuse command_id=@A => not_authorised
        zeta approval.withdraw command_id=@A => not_authorised
        acme approval.give command_id=@A
        # decided: whose it is, and that it was given, come before
        zeta approval.give command_id=@A => not_authorised
        zeta approval.refuse command_id=@A => not_authorised
        zeta approval.withdraw command_id=@A => not_authorised
        pb approval.give command_id=@A => maker_may_not_approve
        pb approval.refuse command_id=@A => maker_may_not_approve
        acme approval.give command_id=@A => already_approved
        acme approval.refuse command_id=@A => already_decided
        acme approval.withdraw command_id=@A => already_decided
        pb approval.withdraw command_id=@A => already_decided

        pb asset.define asset=B kind=token decimals=0
        acme approval.refuse command_id=@B reason=x
        acme approval.give command_id=@B => already_decided
        pb asset.define asset=C kind=token decimals=0
        pb approval.withdraw command_id=@C

        # over: nobody is asked any more, whoever it is
        pb asset.define asset=D kind=token decimals=0
        wait 600000
        zeta approval.give command_id=@D => expired
        pb approval.refuse command_id=@D => expired
        zeta approval.withdraw command_id=@D => expired
    ",
    );
}

#[test]
fn agreements() {
    let mut driver = rich();
    let strangers = world::agreement("CSA-9", "nobody", 1);
    driver.scribe.name_document("strangers", &strangers);
    driver.scribe.name_document("case", &world::agreement("csa-1", "acme", 1));
    driver.scribe.name_document("others", &world::agreement("CSA-1", "zeta", 9));
    play_on(
        &mut driver,
        "
        zeta agreement.propose document=doc:csa1v3 => not_authorised
        pb agreement.propose document=digest:none => unknown_reference
        zeta agreement.propose document=doc:strangers => unknown_reference
        pb agreement.propose document=doc:others => id_taken
        pb agreement.propose document=doc:case => id_taken
        pb agreement.propose document=doc:csa1v2
        pb agreement.propose document=doc:csa1v3 => wrong_state
        pb agreement.accept digest=digest:csa1v2 => not_authorised
        zeta agreement.accept digest=digest:csa1v3 => unknown_reference
        zeta agreement.reject digest=digest:csa1v2 reason=x => not_authorised
        zeta agreement.reject digest=digest:csa1v3 reason=x => unknown_reference
        acme agreement.reject digest=digest:csa1v2 reason=x
        pb agreement.propose document=doc:csa1v3 => document_digest
        pb agreement.propose document=doc:junk => document_digest
        pb agreement.propose document=doc:csa1v2
        acme agreement.accept digest=digest:csa1v2
    ",
    );
}

#[test]
fn prices_positions_and_margin() {
    let mut driver = rich();
    let with_regime =
        world::agreement("CSA-1", "acme", 2).replace("\"two_way\"", "\"regime\":\"us\",\"two_way\"");
    driver.scribe.name_document("regime", &with_regime);
    driver.scribe.name_document("gold", &EURO.replace("BTC", "GOLD"));
    play_on(&mut driver, "
        pb price.set set=p1 digest=digest:none as_of=+1 source=close count=9 => unknown_reference
        pb price.set set=p1 digest=doc:gold as_of=+1 source=close count=9 => unknown_reference
        pb price.set set=P1 digest=doc:junk as_of=+1 source=close count=9 => id_taken
        pb price.set set=p2 digest=doc:junk as_of=+1 source=close count=9 => price_stale
        pb price.set set=p2 digest=doc:junk as_of=-1 source=close count=9 => price_stale
        pb price.set set=p2 digest=doc:junk as_of=-0 source=close count=9 => document_digest
        pb prices set=p2 BTC=50000 USDC=1

        acme positions portfolio=P digest=doc:positions
        zeta positions portfolio=P digest=digest:none as_of=+1 => unknown_reference
        zeta positions portfolio=P digest=doc:zetas as_of=+1 => unknown_reference
        zeta positions portfolio=p digest=doc:zetas as_of=+1 => id_taken
        zeta positions portfolio=Z digest=doc:zetas as_of=+1 => price_stale
        zeta positions portfolio=Z digest=doc:zetas

        pb agreement.propose document=doc:csa2
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1
        zeta margin statement=s1 portfolio=P agreement=CSA-1 requirement=-1 as_of=+1 => not_authorised
        zeta margin statement=s1 portfolio=P agreement=CSA-1 requirement=-1 state_size=1000 => unknown_reference
        pb margin statement=s1 portfolio=P agreement=CSA-2 requirement=-1 => unknown_reference
        pb margin statement=S1 portfolio=Z agreement=CSA-2 requirement=-1 as_of=+1 => id_taken
        pb margin statement=s2 portfolio=Z agreement=CSA-2 requirement=-1 as_of=+1 => wrong_state
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=-1 as_of=+1 => too_early
        acme agreement.propose document=doc:regime
        pb agreement.accept digest=digest:regime
        pb regime.adopt regime=us digest=doc:us from=-0
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=-1 excess=9 => amount_out_of_range
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=1 excess=9 => evidence_mismatch
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=1 excess=9 regime=digest:us => amounts_do_not_sum
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=1 regime=digest:us
    ");
}

#[test]
fn custodians_evidence() {
    let mut driver = rich();
    play_on(&mut driver, "
        vault custody.statement statement=v1 custodian=vault format=csv as_of=-0 digest=doc:v1 provenance=signed
        vault custody.statement statement=v1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed supersedes=v1 => not_authorised
        vault custody.statement statement=v1 custodian=acme format=csv as_of=-0 digest=doc:k1 provenance=relayed supersedes=v1 => unknown_reference
        vault custody.statement statement=v1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed supersedes=v9 => unknown_reference
        bank custody.statement statement=V1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed supersedes=v1 => id_taken
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed supersedes=v1 => evidence_mismatch
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed => evidence_mismatch
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed

        pb recon.record reconciliation=r1 statements=k1,v1 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1
        bank recon.record reconciliation=r1 statements=k1,v1 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => not_authorised
        bank recon.record reconciliation=r1 statements=v1,v9 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => unknown_reference
        bank recon.record reconciliation=R1 statements=k1 as_of=-0 digest=doc:r1 fingerprint=doc:r1 breaks=1 => id_taken

        pb break.open break=b1 reconciliation=r1 line=1 amount=-1.5
        bank break.open break=b1 reconciliation=r1 line=1 amount=-1.5 => not_authorised
        bank break.open break=b1 reconciliation=r9 line=1 amount=-1.5 => unknown_reference
        pb break.open break=B1 reconciliation=r1 line=1 amount=-1.5 => id_taken
    ");
}

/// The rungs that instructions share, until what is held is looked at.
#[test]
fn movements_that_are_instructed() {
    let mut driver = rich();
    driver.play(STOPPED);
    let text = "
        acme movement.instruct movement=rich mode=immediate postings=acme.btc.p>acme.btc:1:BTC => not_authorised
        acme movement.instruct movement=rich mode=immediate postings=acme.btc.p>acme.btc:1:BTC,nobody>acme.btc:1:BTC => unknown_reference
        acme movement.instruct movement=rich mode=immediate postings=acme.btc.p>acme.btc:1:GOLD => unknown_reference
        acme movement.instruct movement=rich mode=immediate call=none postings=acme.btc.p>acme.btc:1:BTC => unknown_reference
        pb movement.instruct movement=Rich mode=two_phase expires=+0 postings=acme.usdc>acme.usdc.p:1:USDC => id_taken
        pb movement.instruct movement=m mode=two_phase expires=+0 postings=acme.usdc>acme.usdc.p:1:USDC => too_late
        pb movement.instruct movement=m mode=immediate postings=acme.tok>acme.tok2:1:TOK,acme.usdc>acme.usdc.p:1:USDC => account_closed
        pb movement.instruct movement=m mode=immediate postings=acme.tok>acme.usdc.p:1:TOK => account_closed
        pb movement.instruct movement=m mode=immediate postings=acme.tok>acme.tok2:1:TOK => account_frozen
        pb movement.instruct movement=m mode=immediate postings=acme.tok2>acme.btc:1:TOK => asset_suspended
        pb movement.instruct movement=m mode=immediate postings=acme.usdc>acme.fut:0:BTC => asset_mismatch
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.fut:0:BTC => class_mismatch
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:0.000000001:BTC,acme.btc>acme.btc.p:0:BTC => amount_zero
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:OVER:BTC,acme.btc>acme.btc.p:0.000000001:BTC => amount_precision
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:11:BTC,acme.btc>acme.btc.p:OVER:BTC => amount_overflow
        pb movement.instruct movement=m mode=immediate postings=acme.btc>ext.btc:11:BTC => insufficient_available
        pb movement.instruct movement=m mode=immediate postings=acme.btc>ext.btc:1:BTC => evidence_missing
        pb movement.instruct movement=m mode=immediate postings=acme.btc>acme.v.p:1:BTC => evidence_missing

        pb movement.reclassify movement=rich from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>nobody:1:BTC => unknown_reference
        pb movement.reclassify movement=rich from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.usdc>acme.usdc.p:1:USDC => id_taken
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.tok>acme.tok2:1:TOK,acme.usdc>acme.usdc.p:1:USDC => account_closed
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.tok>acme.tok2:1:TOK => account_frozen
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.tok2>acme.btc:1:TOK => asset_suspended
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.usdc>acme.btc:0:BTC => asset_mismatch
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.btc.p:0:BTC => class_mismatch
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:0.000000001:BTC,acme.btc>acme.fut:0:BTC => amount_zero
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:OVER:BTC,acme.btc>acme.fut:0.000000001:BTC => amount_precision
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:11:BTC,acme.btc>acme.fut:OVER:BTC => amount_overflow
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>zeta.v:11:BTC => insufficient_available
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>zeta.v:1:BTC => evidence_missing
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>zeta.fut:1:BTC => evidence_mismatch
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:1:BTC
    ";
    play_on(&mut driver, &text.replace("OVER", OVER));
}

#[test]
fn batches() {
    let mut driver = rich();
    driver.play(STOPPED);
    let to_posted = |amount: &str| line("acme.btc", "acme.btc.p", amount, "BTC");
    for (name, text) in [
        ("stranger", line("nobody", "acme.btc", "1", "BTC")),
        (
            "closed",
            line("acme.tok", "acme.tok2", "1", "TOK") + &line("acme.usdc", "acme.usdc.p", "1", "USDC"),
        ),
        ("frozen", line("acme.tok", "acme.tok2", "1", "TOK")),
        ("suspended", line("acme.tok2", "acme.btc", "1", "TOK")),
        ("mismatch", line("acme.usdc", "acme.fut", "0", "BTC")),
        ("class", line("acme.btc", "acme.fut", "0", "BTC")),
        ("zero", to_posted("0.000000001") + &to_posted("0")),
        ("precision", to_posted(OVER) + &to_posted("0.000000001")),
        ("overflow", to_posted("11") + &to_posted(OVER)),
        ("short", line("acme.btc", "acme.v.p", "11", "BTC")),
        ("outside", line("acme.btc", "acme.v.p", "1", "BTC")),
        ("good", to_posted("1")),
    ] {
        driver.scribe.name_document(name, &text);
    }
    play_on(
        &mut driver,
        "
        pb movement.batch movement=rich document=digest:none count=9 totals=BTC:9 => unknown_reference
        pb movement.batch movement=rich document=doc:stranger count=9 totals=BTC:9 => unknown_reference
        pb movement.batch movement=rich document=doc:closed count=9 totals=BTC:9 => id_taken
        pb movement.batch movement=rich document=doc:junk count=9 totals=BTC:9 => id_taken
        pb movement.batch movement=b document=doc:closed count=9 totals=BTC:9 => account_closed
        pb movement.batch movement=b document=doc:frozen count=9 totals=BTC:9 => account_frozen
        pb movement.batch movement=b document=doc:suspended count=9 totals=BTC:9 => asset_suspended
        pb movement.batch movement=b document=doc:mismatch count=9 totals=BTC:9 => asset_mismatch
        pb movement.batch movement=b document=doc:class count=9 totals=BTC:9 => class_mismatch
        pb movement.batch movement=b document=doc:zero count=9 totals=BTC:9 => amount_zero
        pb movement.batch movement=b document=doc:precision count=9 totals=BTC:9 => amount_precision
        pb movement.batch movement=b document=doc:overflow count=9 totals=BTC:9 => amount_overflow
        pb movement.batch movement=b document=doc:short count=9 totals=BTC:9 => insufficient_available
        pb movement.batch movement=b document=doc:outside count=9 totals=BTC:9 => evidence_missing
        pb movement.batch movement=b document=doc:good count=9 totals=BTC:9 => evidence_mismatch
        pb movement.batch movement=b document=doc:good count=9 totals=BTC:1 => document_digest
        pb movement.batch movement=b document=doc:junk count=9 totals=BTC:9 => document_digest
        pb movement.batch movement=b document=doc:good count=1 totals=BTC:1
    ",
    );
}

#[test]
fn movements_that_settle_or_are_given_up() {
    let mut driver = rich();
    let text = "
        pb movement.instruct movement=d mode=two_phase postings=ext.btc>acme.btc:1:BTC,ext.btc>acme.btc:1:BTC
        vault movement.settle movement=rich amounts=0 evidence=doc:e => not_authorised
        vault movement.settle movement=none amounts=0 evidence=doc:e => unknown_reference
        vault movement.settle movement=rich amounts=0 evidence=digest:none => unknown_reference
        pb movement.settle movement=rich amounts=0 evidence=doc:e => wrong_state
        pb movement.settle movement=d amounts=0 evidence=doc:e => amount_zero
        pb movement.settle movement=d amounts=9,0.000000001 evidence=doc:e => amount_precision
        pb movement.settle movement=d amounts=9,OVER evidence=doc:e => amount_overflow
        pb movement.settle movement=d amounts=9,0 evidence=doc:e => amount_out_of_range
        pb movement.settle movement=d amounts=1 evidence=doc:e => amount_out_of_range
        # in through one mirror of the custodian, out through another that never held it
        pb movement.instruct movement=t1 mode=two_phase postings=ext.tok>acme.tok:5:TOK
        bank movement.settle movement=t1 evidence=doc:e
        pb movement.instruct movement=t2 mode=two_phase postings=acme.tok>ext2.tok:5:TOK
        pb movement.settle movement=t2 evidence=doc:e => insufficient_available
        pb movement.settle movement=d evidence=doc:e => evidence_missing
        bank movement.settle movement=d amounts=0,1 evidence=doc:e

        acme movement.void movement=rich reason=x => not_authorised
        zeta movement.void movement=d reason=x => unknown_reference
        zeta movement.void movement=t1 reason=x => unknown_reference
        pb movement.void movement=rich reason=x => wrong_state
        pb movement.void movement=d reason=x
    ";
    play_on(&mut driver, &text.replace("OVER", OVER));
}

#[test]
fn movements_that_are_reversed() {
    let mut driver = rich();
    play_on(&mut driver, "
        pb movement.instruct movement=late mode=two_phase postings=ext.usdc>acme.usdc.p:1:USDC
        pb movement.reverse movement=rich reverses=none reason=x => unknown_reference
        pb movement.reverse movement=Rich reverses=late reason=x => id_taken
        pb movement.void movement=late reason=x
        pb account.close account=acme.usdc.p
        pb movement.reverse movement=r reverses=late reason=x => wrong_state

        pb account.open account=acme.tok3 owner=acme asset=TOK custodian=bank book=available class=uncleared
        pb movement.instruct movement=t mode=two_phase postings=ext.tok>acme.tok:5:TOK,ext.tok>acme.tok3:5:TOK
        bank movement.settle movement=t evidence=doc:e
        acme movement.instruct movement=there mode=immediate postings=acme.tok>acme.tok2:1:TOK
        acme movement.instruct movement=back mode=immediate postings=acme.tok2>acme.tok:1:TOK
        acme movement.instruct movement=on mode=immediate postings=acme.tok3>acme.tok:1:TOK
        acme movement.instruct movement=off mode=immediate postings=acme.tok>acme.tok3:1:TOK
        pb movement.instruct movement=t3 mode=two_phase postings=ext.tok>acme.tok3:5:TOK
        bank movement.settle movement=t3 evidence=doc:e
        acme movement.instruct movement=away mode=immediate postings=acme.tok3>acme.tok:10:TOK
        pb account.close account=acme.tok2
        pb account.freeze account=acme.tok
        pb asset.suspend asset=TOK reason=x
        pb movement.reverse movement=r reverses=back reason=x => account_closed
        pb movement.reverse movement=r reverses=on reason=x => account_frozen
        pb movement.reverse movement=r reverses=t3 reason=x => asset_suspended

        # an account that is full takes nothing back
        pb asset.define asset=BIG kind=token decimals=0
        pb account.open account=ext.big owner=pb asset=BIG custodian=bank book=external class=uncleared
        pb account.open account=ext2.big owner=pb asset=BIG custodian=bank book=external class=uncleared
        pb account.open account=acme.big owner=acme asset=BIG custodian=bank book=available class=uncleared
        pb account.open account=acme.big2 owner=acme asset=BIG custodian=bank book=available class=uncleared
        pb movement.instruct movement=big mode=two_phase postings=ext.big>acme.big:340282366920938463463374607431768211455:BIG
        bank movement.settle movement=big evidence=doc:e
        acme movement.instruct movement=one mode=immediate postings=acme.big>acme.big2:1:BIG
        pb movement.instruct movement=more mode=two_phase postings=ext2.big>acme.big:1:BIG
        bank movement.settle movement=more evidence=doc:e
        pb movement.reverse movement=r reverses=one reason=x => amount_overflow

        acme movement.instruct movement=spent mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb movement.reverse movement=r reverses=rich reason=x => insufficient_available
        acme movement.instruct movement=out mode=two_phase postings=acme.btc>ext.btc:1:BTC
        bank movement.settle movement=out evidence=doc:e
        pb movement.reverse movement=r reverses=out reason=x => evidence_missing
    ");
}

/// What is released is looked at after what is available and before what it crosses.
#[test]
fn releases() {
    let mut driver = rich();
    driver.play(STOPPED);
    driver.scribe.name_document("out", &line("acme.btc.p", "ext.btc", "1", "BTC"));
    driver.scribe.name_document("much", &line("acme.btc.p", "ext.btc", "4", "BTC"));
    driver.scribe.name_document("euro", EURO);
    play_on(&mut driver, "
        acme movement.instruct movement=up mode=immediate postings=acme.btc>acme.btc.p:3:BTC
        acme positions portfolio=P digest=doc:positions
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:4:BTC => insufficient_available
        pb movement.batch movement=m document=doc:much count=9 totals=BTC:9 => insufficient_available
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:4:BTC => insufficient_available
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:1:BTC => statement_stale
        pb movement.batch movement=m document=doc:out count=9 totals=BTC:9 => statement_stale
        pb movement.reverse movement=m reverses=up reason=x => statement_stale
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:1:BTC => statement_stale
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:1:BTC => release_uncovers
        pb movement.batch movement=m document=doc:out count=9 totals=BTC:9 => release_uncovers
        pb movement.reverse movement=m reverses=up reason=x => release_uncovers
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:1:BTC => release_uncovers
        pb prices set=p2 USDC=1
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:1:BTC => price_missing
        pb movement.batch movement=m document=doc:out count=9 totals=BTC:9 => price_missing
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:1:BTC => price_missing
        pb price.set set=p3 digest=doc:euro as_of=-0 source=close count=2
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:1:BTC => fx_missing
        pb movement.batch movement=m document=doc:out count=9 totals=BTC:9 => fx_missing
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:1:BTC => fx_missing
        # what stays is what is valued: only a part is undone
        acme movement.instruct movement=up2 mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        pb movement.reverse movement=m reverses=up2 reason=x => fx_missing
        pb prices set=p4 USDC=1
        pb movement.reverse movement=m reverses=up2 reason=x => price_missing
        pb price.set set=p5 digest=digest:euro as_of=-0 source=close count=2
        wait 172800000
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=100000
        pb movement.instruct movement=m mode=immediate postings=acme.btc.p>ext.btc:1:BTC => price_stale
        pb movement.batch movement=m document=doc:out count=9 totals=BTC:9 => price_stale
        pb movement.reverse movement=m reverses=up2 reason=x => price_stale
        pb movement.reclassify movement=m from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>zeta.v:1:BTC => price_stale
    ");
}

#[test]
fn calls_that_are_issued() {
    let mut driver = rich();
    let clock = world::agreement("CSA-1", "acme", 2);
    let (before, rest) = clock.split_once("\"clock\":").expect("it has a clock");
    let (_, after) = rest.split_once(",\n\"schedule\"").expect("then a schedule");
    let none = format!("{before}\"clock\":{{\"kind\":\"per_kind\",\"clocks\":{{}}}},\n\"schedule\"{after}");
    driver.scribe.name_document("no-clock", &none);
    driver.scribe.name_document("euro", EURO);
    play_on(&mut driver, "
        acme movement.instruct movement=up mode=immediate postings=acme.btc>acme.btc.p:1:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=140000
        acme margin statement=a1 portfolio=P agreement=CSA-1 requirement=90000
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
        acme call.issue call=C1 agreement=CSA-1 version=9 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => not_authorised
        acme call.issue call=C1 agreement=CSA-9 version=9 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => unknown_reference
        acme call.issue call=C1 agreement=CSA-1 version=9 statement=s9 leg=delivery kind=demand amount=1 currency=EUR due=+0 => unknown_reference
        pb call.issue call=C1 agreement=CSA-1 version=9 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => id_taken
        pb call.issue call=c2 agreement=CSA-1 version=9 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => wrong_state
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=a1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => amount_out_of_range
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=0.0000000000000000001 currency=EUR due=+0 => amount_out_of_range
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=a1 leg=delivery kind=demand amount=50000 currency=EUR due=+0 => statement_stale
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=EUR due=+0 => evidence_mismatch
        pb prices set=p2 USDC=1
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=a1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => statement_stale
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => price_missing
        pb price.set set=p3 digest=doc:euro as_of=-0 source=close count=2
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => fx_missing
        wait 172800000
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=140000
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s2 leg=delivery kind=demand amount=1 currency=EUR due=+0 => price_stale
        pb prices set=p4 BTC=50000 USDC=1
        pb movement.instruct movement=big mode=two_phase postings=ext.btc>acme.btc.p:340282366920938463463374607431:BTC
        bank movement.settle movement=big evidence=doc:e
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=a1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => amount_overflow
        acme agreement.propose document=doc:no-clock
        pb agreement.accept digest=digest:no-clock
        pb call.issue call=c2 agreement=CSA-1 version=2 statement=a1 leg=delivery kind=demand amount=1 currency=EUR due=+0 => too_late
    ");
}

/// Half of what is required is called twice, so that one call may take the other's place.
const CALLED: &str = "
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
    pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
    pb call.issue call=c2 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
    pb call.issue call=e1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=expected amount=100000 currency=USD due=+0
";

#[test]
fn calls_that_are_answered() {
    let mut driver = rich();
    driver.play(CALLED);
    play_on(
        &mut driver,
        "
        acme call.acknowledge call=c1
        pb call.acknowledge call=c1 => not_authorised
        zeta call.acknowledge call=c1 => unknown_reference
        acme call.acknowledge call=c1 => wrong_state

        acme call.acknowledge call=e1
        pb call.agree call=e1 amount=1 => not_authorised
        zeta call.agree call=e1 amount=1 => unknown_reference
        pb call.retract call=e1 reason=newer_calculation
        acme call.agree call=e1 amount=1 => kind_not_due
        acme call.agree call=c1 amount=1 => amount_out_of_range

        pb call.dispute call=e1 amount=0 reason=x => not_authorised
        pb call.dispute call=e1 amount=0 reason=x evidence=digest:none => unknown_reference
        zeta call.dispute call=e1 amount=0 reason=x => unknown_reference
        acme call.dispute call=e1 amount=0 reason=x => kind_not_due
        acme call.dispute call=c1 amount=0 reason=x => amount_out_of_range
        acme call.dispute call=c1 amount=1 reason=x => reason_unknown

        acme call.retract call=e1 reason=x => not_authorised
        zeta call.retract call=e1 reason=x => unknown_reference
        pb call.retract call=e1 reason=x => wrong_state
        pb call.retract call=c1 reason=x => reason_unknown

        acme call.supersede call=e1 by=c2 => not_authorised
        acme call.supersede call=e1 by=c9 => unknown_reference
        pb call.supersede call=e1 by=c2 => wrong_state
        pb call.supersede call=c2 by=c1

        wait 3600001
        acme call.dispute call=c1 amount=0 reason=x => too_late
        acme call.agree call=c1 amount=100000
        acme call.agree call=c1 amount=1 => wrong_state
        acme call.dispute call=c1 amount=0 reason=x => wrong_state
    ",
    );
}

#[test]
fn calls_that_are_pledged() {
    let mut driver = rich();
    driver.play(CALLED);
    driver.play(STOPPED);
    driver.scribe.name_document("euro", EURO);
    let text = "
        pb call.pledge call=e1 items=acme.btc:0:BTC value=1 => not_authorised
        pb call.pledge call=e1 items=nobody:0:BTC value=1 => unknown_reference
        pb call.pledge call=e1 items=acme.btc:0:GOLD value=1 => unknown_reference
        acme call.pledge call=e1 items=acme.btc:0:BTC value=1 => kind_not_due
        acme call.pledge call=c1 items=acme.btc:0:BTC value=1 => wrong_state
        acme call.agree call=c1 amount=100000
        pb account.open account=acme.old owner=acme asset=BTC custodian=bank book=available class=uncleared
        pb account.close account=acme.old
        acme call.pledge call=c1 items=acme.tok:0:TOK,acme.old:0:BTC value=1 => account_closed
        acme call.pledge call=c1 items=acme.tok:0:TOK value=1 => account_frozen
        acme call.pledge call=c1 items=acme.tok2:0:TOK value=1 => asset_suspended
        acme call.pledge call=c1 items=acme.btc:0:USDC value=1 => asset_mismatch
        acme call.pledge call=c1 items=acme.btc:0.000000001:BTC,acme.btc:0:BTC value=1 => amount_zero
        acme call.pledge call=c1 items=acme.btc:OVER:BTC,acme.btc:0.000000001:BTC value=1 => amount_precision
        acme call.pledge call=c1 items=acme.btc:11:BTC,acme.btc:OVER:BTC value=1 => amount_overflow
        acme call.pledge call=c1 items=acme.btc:11:BTC value=1 => insufficient_available
        acme call.pledge call=c1 items=acme.btc:1:BTC value=1 => insufficient_value
        acme call.pledge call=c1 items=acme.btc:1:BTC value=100000 => insufficient_value
        pb prices set=p2 USDC=1
        acme call.pledge call=c1 items=acme.btc:3:BTC value=1 => insufficient_value
        acme call.pledge call=c1 items=acme.btc:3:BTC value=100000 => price_missing
        pb price.set set=p3 digest=doc:euro as_of=-0 source=close count=2
        acme call.pledge call=c1 items=acme.btc:3:BTC value=100000 => fx_missing
        wait 172800000
        acme call.pledge call=c1 items=acme.btc:3:BTC value=100000 => price_stale
        pb prices set=p4 BTC=50000 USDC=1
        acme call.pledge call=c1 items=acme.btc:3:BTC value=100000

        acme call.reject_pledge call=c1 pledge=@ reason=x => not_authorised
        acme call.reject_pledge call=c1 pledge=0000000000000000000000000000000000000000000000000000000000000000 reason=x => unknown_reference
        pb call.reject_pledge call=c1 pledge=@ reason=x => reason_unknown
        pb call.reject_pledge call=c1 pledge=@ reason=not_eligible
        acme call.pledge call=c1 items=acme.btc:3:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme call.accept_pledge call=c1 pledge=@ => not_authorised
        acme call.accept_pledge call=c1 pledge=0000000000000000000000000000000000000000000000000000000000000000 => unknown_reference
        pb call.accept_pledge call=c1 pledge=@ => wrong_state
        pb call.reject_pledge call=c1 pledge=@ reason=x => wrong_state
    ";
    play_on(&mut driver, &text.replace("OVER", OVER));
}

#[test]
fn transfers() {
    let mut driver = rich();
    driver.play(CALLED);
    let text = "
        pb account.open account=acme.old.p owner=acme asset=BTC custodian=bank book=posted class=uncleared
        pb account.open account=acme.fut.p owner=acme asset=BTC custodian=bank book=posted class=cftc_4d_futures
        pb account.open account=acme.tok.p owner=acme asset=TOK custodian=bank book=posted class=uncleared
        pb account.open account=acme.v.p owner=acme asset=BTC custodian=vault book=posted class=uncleared
        pb account.open account=ext2.btc owner=pb asset=BTC custodian=bank book=external class=uncleared
        pb account.close account=acme.old.p
        pb account.freeze account=acme.tok
        pb asset.suspend asset=TOK reason=x
        pb transfer.instruct call=e1 movement=rich postings=acme.btc>acme.btc.p:0:BTC => not_authorised
        pb transfer.instruct call=e1 movement=rich postings=acme.btc>nobody:0:BTC => unknown_reference
        pb transfer.instruct call=e1 movement=rich postings=acme.btc>zeta.btc.p:0:BTC => unknown_reference
        acme transfer.instruct call=e1 movement=Rich postings=acme.btc>acme.btc.p:0:BTC => id_taken
        acme transfer.instruct call=e1 movement=t1 postings=acme.btc>acme.btc.p:0:BTC => kind_not_due
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:0:BTC => wrong_state
        acme call.agree call=c1 amount=100000
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t1 postings=acme.tok>acme.tok.p:1:TOK,acme.btc>acme.old.p:1:BTC => account_closed
        acme transfer.instruct call=c1 movement=t1 postings=acme.tok>acme.tok.p:1:TOK => account_frozen
        acme transfer.instruct call=c1 movement=t1 postings=acme.tok2>acme.btc.p:1:TOK => asset_suspended
        acme transfer.instruct call=c1 movement=t1 postings=acme.usdc>acme.fut.p:0:BTC => asset_mismatch
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.fut.p:0:BTC => class_mismatch
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:0.000000001:BTC,acme.btc>acme.btc.p:0:BTC => amount_zero
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:OVER:BTC,acme.btc>acme.btc.p:0.000000001:BTC => amount_precision
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:11:BTC,acme.btc>acme.btc.p:OVER:BTC => amount_overflow
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.v.p:11:BTC => insufficient_available
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.v.p:1:BTC => evidence_missing
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:1:BTC => evidence_mismatch
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC

        acme transfer.fail call=c1 movement=t1 reason=x => not_authorised
        vault transfer.fail call=c1 movement=t1 reason=x => not_authorised
        acme transfer.fail call=c1 movement=t9 reason=x => unknown_reference
        bank transfer.fail call=c1 movement=t1 reason=x => reason_unknown
        acme transfer.settle call=c1 movement=t1 amount=1 evidence=doc:e => not_authorised
        acme transfer.settle call=c1 movement=t9 amount=1 evidence=doc:e => unknown_reference
        bank transfer.settle call=c1 movement=t1 amount=1 evidence=doc:e => amount_out_of_range
        # an account that is all but full
        pb movement.instruct movement=f1 mode=two_phase postings=ext2.btc>acme.btc.p:3402823669209384634633746074314.68211455:BTC
        bank movement.settle movement=f1 evidence=doc:e
        pb movement.instruct movement=f2 mode=two_phase postings=ext2.btc>acme.btc.p:1:BTC
        bank movement.settle movement=f2 evidence=doc:e
        bank transfer.settle call=c1 movement=t1 amount=100000 evidence=doc:e => amount_overflow
    ";
    play_on(&mut driver, &text.replace("OVER", OVER));
    let mut driver = rich();
    driver.play(CALLED);
    play_on(
        &mut driver,
        "
        acme call.agree call=c1 amount=100000
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t1 postings=acme.btc>acme.btc.p:2.5:BTC
        bank transfer.fail call=c1 movement=t1 reason=chain_dropped
        acme call.pledge call=c1 items=acme.btc:2.5:BTC value=100000
        pb call.accept_pledge call=c1 pledge=@
        acme transfer.instruct call=c1 movement=t2 postings=acme.btc>acme.btc.p:2.5:BTC
        bank transfer.settle call=c1 movement=t2 amount=100000 evidence=doc:e
        bank transfer.settle call=c1 movement=t2 amount=1 evidence=doc:e => wrong_state
        bank transfer.fail call=c1 movement=t2 reason=x => wrong_state
        ",
    );
}

/// A return takes out of what is posted: the guard stands before what the postings cross or carry.
#[test]
fn transfers_that_release() {
    let mut driver = rich();
    driver.scribe.name_document("euro", EURO);
    play_on(&mut driver, "
        pb account.open account=acme.v owner=acme asset=BTC custodian=vault book=available class=uncleared
        acme movement.instruct movement=up mode=immediate postings=acme.btc>acme.btc.p:3:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=80000
        acme call.issue call=r1 agreement=CSA-1 version=1 statement=s1 leg=return kind=demand amount=40000 currency=USD due=+0
        pb call.agree call=r1 amount=40000
        pb call.pledge call=r1 items=acme.btc.p:1:BTC value=40000
        acme call.accept_pledge call=r1 pledge=@
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=100000
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:4:BTC => insufficient_available
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:1:BTC => release_uncovers
        pb prices set=p2 USDC=1
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:1:BTC => price_missing
        pb price.set set=p3 digest=doc:euro as_of=-0 source=close count=2
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:1:BTC => fx_missing
        wait 172800000
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:1:BTC => statement_stale
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=100000
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.v:1:BTC => price_stale
    ");
}

/// What needs a second principal is refused where no policy asks one, after everything else.
#[test]
fn what_nobody_may_do_alone() {
    let mut driver = rich();
    let result = r#"{"breaks":[{"account":"acme.btc","amount":"-0.5","asset":"BTC","id":"short"}]}"#;
    driver.scribe.name_document("result", result);
    let text = "
        pb override.grant override=o rule=statement_stale object=acme.btc limit=OVER reason=x until=+604800001 => amount_overflow
        pb override.grant override=o rule=statement_stale object=acme.btc limit=1 reason=x until=+604800001 => amount_out_of_range
        pb override.grant override=o rule=statement_stale object=acme.btc limit=1 reason=x until=+1000 => policy_refused

        pb key.recover party=pb public_key=key:acme2 uses=command evidence=doc:oath => wrong_state
        pb key.recover party=acme public_key=key:acme2 uses=command evidence=doc:oath => policy_refused

        acme address.add address=GREST chain=stellar owner=acme
        acme address.prove address=GREST proof=doc:sig challenge=acme.btc:0011223344556677:+60000
        acme address.allow address=GREST from=+86399999 => too_early
        acme address.allow address=GREST from=+86400000 => policy_refused

        pb account.open account=pb.adj owner=pb asset=BTC custodian=bank book=reserved class=uncleared
        bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
        pb recon.record reconciliation=r1 statements=k1 as_of=-0 digest=doc:result fingerprint=doc:result breaks=1
        pb break.open break=short reconciliation=r1 line=1 amount=-0.5
        pb break.assign break=short to=pb
        pb break.explain break=short reason=fee
        pb movement.instruct movement=less mode=immediate postings=acme.btc>pb.adj:0.4:BTC
        pb movement.instruct movement=m mode=immediate postings=acme.btc>pb.adj:0.5:BTC
        pb break.write_off break=short movement=less => amounts_do_not_sum
        pb break.write_off break=short movement=m => policy_refused
    ";
    play_on(&mut driver, &text.replace("OVER", OVER));
}

/// Of several payers' destinations the one that is on no list is told first.
#[test]
fn destinations() {
    let mut driver = rich();
    driver.play(world::FOUR_EYES);
    play_on(&mut driver, "
        acme address.add address=GREST chain=stellar owner=acme
        acme address.prove address=GREST proof=doc:sig challenge=acme.btc:0011223344556677:+60000
        acme address.allow address=GREST from=+86400000 & pb
        pb movement.instruct movement=m mode=immediate destination=GREST postings=acme.btc>ext.btc:1:BTC => evidence_missing
        pb movement.instruct movement=m mode=two_phase destination=GREST postings=acme.btc>ext.btc:1:BTC,zeta.btc>ext.btc:1:BTC => destination_not_allowed
        pb movement.instruct movement=m mode=two_phase destination=GREST postings=acme.btc>ext.btc:1:BTC => destination_cooling_off
        wait 86400000
        pb movement.instruct movement=m mode=two_phase destination=GREST postings=acme.btc>ext.btc:1:BTC
    ");
}

/// A level's word comes after what the postings cross and what they differ from.
#[test]
fn what_a_halt_refuses() {
    let mut driver = rich();
    driver.play(world::POOL);
    play_on(&mut driver, "
        pb account.open account=acme.fut.p owner=acme asset=BTC custodian=bank book=posted class=cftc_4d_futures
        acme call.issue call=r1 agreement=CSA-1 version=2 statement=s1 leg=return kind=demand amount=159000 currency=USD due=+0
        pb call.agree call=r1 amount=159000
        pb call.pledge call=r1 items=acme.btc.p:3.975:BTC value=159000
        acme call.accept_pledge call=r1 pledge=@
        pb breaker.step pool=book level=halt theta_factor=1 calm=0 signals=0.2,0,1,1,0 reasons=index_fall
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.btc:1:BTC => evidence_mismatch
        pb transfer.instruct call=r1 movement=t1 postings=acme.btc.p>acme.btc:3.975:BTC => breaker_open
        pb call.retract call=r1 reason=newer_calculation => not_authorised
        acme call.retract call=r1 reason=newer_calculation
        pb movement.reclassify movement=w from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>acme.fut:1:BTC => evidence_mismatch
        pb movement.reclassify movement=w from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc.p>acme.fut.p:1:BTC => breaker_open
    ");
}

#[test]
fn seals() {
    let mut driver = rich();
    let secret = "the-secret-of-the-ladder-s-seal.";
    play_on(&mut driver, "pb key.add public_key=key:sealer uses=seal");
    let list = driver.state.seal_list(secret.as_bytes().first_chunk().expect("32 bytes")).expect("a list");
    for (name, text) in [("salts", secret), ("empty", ""), ("prose", "a list"), ("list", &list.to_string())] {
        driver.scribe.name_document(name, text);
    }
    let text = "
        pb/sealer seal.put as_of=-1 kind=final list=digest:list root=EMPTY salts=doc:short size=0 trees=1 => unknown_reference
        pb/sealer seal.put as_of=-1 kind=final list=doc:prose root=EMPTY salts=doc:short size=0 trees=1 => amount_out_of_range
        pb/sealer seal.put as_of=-1 kind=final list=doc:prose root=EMPTY salts=doc:short size=SIZE trees=1 => evidence_mismatch
        pb/sealer seal.put as_of=-0 kind=final list=doc:prose root=EMPTY salts=doc:short size=SIZE trees=1 => document_digest
        pb/sealer seal.put as_of=-0 kind=final list=doc:list root=EMPTY salts=doc:short size=SIZE trees=1 => evidence_mismatch
        pb/sealer seal.put as_of=-0 kind=final list=doc:empty root=EMPTY salts=doc:short size=SIZE trees=0 => document_digest
        pb/sealer seal.put as_of=-0 kind=final list=doc:empty root=EMPTY salts=doc:salts size=SIZE trees=0 => amounts_do_not_sum
        pb/sealer seal.put as_of=-0 kind=final list=doc:list root=ROOT salts=doc:salts size=SIZE trees=TREES
        pb/sealer seal.put as_of=-1 kind=final list=doc:prose root=EMPTY salts=doc:short size=0 trees=1 => wrong_state
    ";
    let text = text
        .replace("EMPTY", &Digest::of(b"").to_string())
        .replace("ROOT", &list.root().to_string())
        .replace("TREES", &list.trees().to_string())
        .replace("SIZE", &driver.state.length().to_string());
    play_on(&mut driver, &text);
}

#[test]
fn attestations() {
    let mut driver = rich();
    let text = "
        pb party.register party=aud2 role=auditor public_key=key:aud2
        aud attestation.put attestation=a1 size=5 root=ROOT line=LINE statement=x report=doc:report
        aud2 attestation.put attestation=A1 size=0 root=ROOT line=LINE statement=x report=digest:none => unknown_reference
        aud2 attestation.put attestation=A1 size=0 root=ROOT line=LINE statement=x report=doc:report => id_taken
        aud2 attestation.put attestation=a2 size=0 root=ROOT line=LINE statement=x report=doc:report => amount_out_of_range
        aud2 attestation.put attestation=a2 size=5 root=ROOT line=LINE statement=x report=doc:report => evidence_mismatch
    ";
    let text = text
        .replace("ROOT", &Digest::of(b"root").to_string())
        .replace("LINE", &replay_line("aud/pledger-replay", "x\n"));
    play_on(&mut driver, &text);
}
