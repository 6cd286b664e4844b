//! Flows of what stands and for how long: addresses, recoveries, what an auditor was registered for, and
//! agreements that end.

use api::handlers::addresses::address_json;
use api::handlers::parties::party_json;
use api::may::{Object, may_read};
use api::session::Principal;
use ledger::id::{AccountId, AgreementId, CallId, MovementId, PartyId};
use ledger::json::Json;
use ledger::party::Role;
use ledger::state::{Change, State};
use ledger::time::Timestamp;
use proptest::prelude::*;
use tests::driver::Driver;
use tests::served::TestLedger;
use tests::world;

use crate::flow::{play, play_on};

/// EIP-55's own example, its look-alike, and a proof's number.
const COLD: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const ALIKE: &str = "0x5a0000000000000000000000000000000000eaed";
const DAY: u64 = 86_400_000;

/// The stage with ether, which names its chain, and acme rich in all it has.
fn with_ether() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(
        "
        pb asset.define asset=ETH kind=crypto decimals=18 chain=Ethereum
        pb account.open account=ext.eth owner=pb asset=ETH custodian=bank book=external class=uncleared
        pb account.open account=ext.vault.eth owner=pb asset=ETH custodian=vault book=external class=uncleared
        pb account.open account=acme.eth owner=acme asset=ETH custodian=bank book=available class=uncleared
        pb account.open account=acme.vault.eth owner=acme asset=ETH custodian=vault book=available class=uncleared
        pb movement.instruct movement=rich mode=two_phase postings=ext.eth>acme.eth:10:ETH,ext.btc>acme.btc:10:BTC
        bank movement.settle movement=rich evidence=doc:rich
        pb movement.instruct movement=rich2 mode=two_phase postings=ext.vault.eth>acme.vault.eth:10:ETH
        vault movement.settle movement=rich2 evidence=doc:rich
        ",
    );
    driver.play(world::FOUR_EYES);
    driver
}

/// An address is named once, in whatever spelling, by its owner or the operator.
#[test]
fn addresses_are_added() {
    let mut driver = with_ether();
    let text = "
        # added: role, whose, what is named, its checksum
        bank address.add address=COLD chain=ethereum owner=bank => not_authorised
        zeta address.add address=COLD chain=ethereum owner=acme => not_authorised
        pb address.add address=COLD chain=ethereum owner=nobody => unknown_reference
        acme address.add address=COLD chain=ethereum owner=acme custodian=nobody => unknown_reference
        acme address.add address=COLD chain=ethereum owner=acme custodian=pb => unknown_reference
        acme address.add address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD chain=ethereum owner=acme => body_schema
        acme address.add address=COLD chain=bitcoin owner=acme => body_schema
        acme address.add address=COLD owner=acme => body_schema
        acme address.add address=lower chain=ETHEREUM owner=acme custodian=bank
        # in whatever spelling, once
        acme address.add address=COLD chain=ethereum owner=acme custodian=bank => id_taken
        pb address.add address=COLD chain=ethereum owner=acme custodian=bank => id_taken
        = address COLD added
        acme address.allow address=COLD from=+86400000 => wrong_state
        ";
    play_on(&mut driver, &named(text));
}

/// What the state knows of a proof is checked: the account, the number, the time, what it binds.
#[test]
fn addresses_are_proved() {
    let mut driver = with_ether();
    let text = "
        acme address.add address=lower chain=ethereum owner=acme custodian=bank
        # proved: the document, the address, the account, the number, the time, what it binds
        bank address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => not_authorised
        acme address.prove address=COLD proof=digest:sig challenge=acme.eth:0011223344556677:+1000 => unknown_reference
        acme address.prove address=0x0000000000000000000000000000000000000000 proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => unknown_reference
        zeta address.prove address=COLD proof=doc:sig challenge=zeta.btc:0011223344556677:+1000 => unknown_reference
        acme address.prove address=COLD chain=base proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => unknown_reference
        acme address.prove address=COLD custodian=vault proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => unknown_reference
        acme address.prove address=COLD proof=doc:sig challenge=nothing:0011223344556677:+1000 => unknown_reference
        pb address.prove address=COLD proof=doc:sig challenge=zeta.btc:0011223344556677:+1000 => unknown_reference
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344:+1000 => body_schema
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:001122334455667G:+1000 => body_schema
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000,extra:x => body_schema
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:-1 => too_late
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000,ledger:ledger.example/other => evidence_mismatch
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000,address:ALIKE => evidence_mismatch
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000,size:100000 => evidence_mismatch
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000,size:0 => evidence_mismatch
        # at its last instant a challenge is in time
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+0,address:lower
        = address COLD proved
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => id_taken
        ";
    play_on(&mut driver, &named(text));
}

/// From its first naming to its first use an address takes a proof, a second principal and a day.
#[test]
fn addresses_are_allowed_rest_and_go() {
    let mut driver = with_ether();
    let text = "
        acme address.add address=lower chain=ethereum owner=acme custodian=bank
        acme address.allow address=COLD from=+86400000 => wrong_state
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+0,address:lower
        # allowed: a day ahead at least
        zeta address.allow address=COLD from=+86400000 => unknown_reference
        acme address.allow address=COLD from=+86399999 => too_early
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH => destination_not_allowed
        pb address.allow address=COLD from=+86400000 & acme
        acme address.allow address=COLD from=+86400000 => wrong_state
        = address COLD cooling_off
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH => destination_cooling_off
        wait 86399999
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH => destination_cooling_off
        wait 1
        = address COLD active
        # what is wrong with the posting itself is told first
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:11:ETH => insufficient_available
        acme movement.instruct movement=w1 mode=immediate destination=COLD postings=acme.eth>ext.eth:1:ETH => evidence_missing
        acme movement.instruct movement=w1 mode=two_phase destination=lower postings=acme.eth>ext.eth:1:ETH
        # a proof may be renewed; that changes nothing else
        acme address.prove address=COLD proof=doc:sig2 challenge=acme.eth:1011223344556677:+1000
        = address COLD active

        # removed, at once; what is on its way arrives
        zeta address.remove address=COLD reason=x => unknown_reference
        acme address.remove address=COLD reason=lost
        = address COLD removed
        acme movement.instruct movement=w2 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH => destination_not_allowed
        acme address.remove address=COLD reason=lost => wrong_state
        acme address.allow address=COLD from=+86400000 => wrong_state
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => id_taken
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:2011223344556677:+1000 => wrong_state
        bank movement.settle movement=w1 evidence=doc:sent
        # added again it starts again
        acme address.add address=COLD chain=ethereum owner=acme custodian=bank
        = address COLD added
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+1000 => id_taken
        ";
    play_on(&mut driver, &named(text));
    let sent = driver.state.movement(&id("w1")).expect("a movement");
    assert_eq!(sent.destination.as_deref(), Some(COLD), "in normal form, whatever was written");
}

/// An address is active for one owner, from the custodian it names, for assets of its chain.
#[test]
fn an_active_address_is_so_for_one_use() {
    let mut driver = with_ether();
    let text = "
        acme address.add address=COLD chain=ethereum owner=acme custodian=bank
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+0
        acme address.allow address=COLD from=+86400000 & pb
        # another custodian makes another address; so does another owner
        acme address.add address=COLD chain=ethereum owner=acme custodian=vault
        zeta address.add address=COLD chain=ethereum owner=zeta
        pb address.add address=COLD chain=base owner=acme
        = address COLD cooling_off added added added
        acme address.remove address=COLD chain=ethereum reason=x => unknown_reference
        pb address.remove address=COLD chain=ethereum custodian=bank owner=zeta reason=x => unknown_reference
        pb address.remove address=COLD owner=acme chain=ethereum reason=x => unknown_reference
        zeta address.remove address=COLD reason=mine
        wait 86400000
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.vault.eth>ext.vault.eth:1:ETH => destination_not_allowed
        acme movement.instruct movement=w1 mode=two_phase destination=ALIKE postings=acme.eth>ext.eth:1:ETH => destination_not_allowed
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH,acme.vault.eth>ext.vault.eth:1:ETH => destination_not_allowed
        acme movement.instruct movement=w1 mode=two_phase destination=COLD postings=acme.eth>ext.eth:1:ETH
        # what stays inside is sent nowhere
        acme movement.instruct movement=w2 mode=immediate destination=COLD postings=acme.btc>acme.btc.p:1:BTC => destination_not_allowed
        pb movement.instruct movement=w2 mode=two_phase destination=COLD postings=ext.eth>acme.eth:1:ETH => destination_not_allowed
        # an asset that names no chain goes to any; without a custodian, from any
        acme movement.instruct movement=w3 mode=two_phase destination=COLD postings=acme.btc>ext.btc:1:BTC
        acme address.add address=GDQP?memo=1 chain=stellar owner=acme
        acme address.prove address=GDQP?memo=1 proof=doc:sig challenge=acme.btc:3011223344556677:+0
        acme address.allow address=GDQP?memo=1 from=+86400000 & pb
        wait 86400000
        acme movement.instruct movement=w4 mode=two_phase destination=GDQP?memo=1 postings=acme.btc>ext.btc:1:BTC
        acme movement.instruct movement=w5 mode=two_phase destination=GDQP?memo=2 postings=acme.btc>ext.btc:1:BTC => destination_not_allowed
        acme movement.instruct movement=w5 mode=two_phase destination=GDQP?memo=1 postings=acme.eth>ext.eth:1:ETH => destination_not_allowed
        acme movement.instruct movement=w5 mode=two_phase destination=gdqp?memo=1 postings=acme.btc>ext.btc:1:BTC => destination_not_allowed
        ";
    play_on(&mut driver, &named(text));
}

/// Who approves sees which active address the new one could be taken for, and nobody sees another's.
#[test]
fn look_alikes_are_shown_to_who_may_see_both() {
    let mut driver = with_ether();
    let text = "
        acme address.add address=COLD chain=ethereum owner=acme
        acme address.prove address=COLD proof=doc:sig challenge=acme.eth:0011223344556677:+0
        acme address.allow address=COLD from=+86400000 & pb
        acme address.add address=ALIKE chain=ethereum owner=acme
        zeta address.add address=ALIKE chain=ethereum owner=zeta custodian=vault
        ";
    play_on(&mut driver, &named(text));
    let seen = |driver: &Driver, party: &str, role: Role| {
        let reader = Principal { party: PartyId::parse(party).expect("an id"), role };
        let state = &driver.state;
        let seen = state.addresses().filter(|address| may_read(&reader, Object::Address(address), state));
        let told = seen.map(|address| {
            let json = address_json(&reader, state, address, driver.now);
            let alike = json.get("looks_like").and_then(Json::as_array).expect("a list").len();
            format!("{} {} {alike}", text_of(&json, "owner"), text_of(&json, "state"))
        });
        told.collect::<Vec<_>>()
    };
    // Nothing is taken for what is not active yet.
    assert_eq!(seen(&driver, "acme", Role::Client), ["acme added 0", "acme cooling_off 0"]);
    driver.wait(DAY);
    assert_eq!(seen(&driver, "acme", Role::Client), ["acme added 1", "acme active 0"]);
    assert_eq!(seen(&driver, "zeta", Role::Client), ["zeta added 0"]);
    assert_eq!(seen(&driver, "vault", Role::Custodian), ["zeta added 0"]);
    assert_eq!(seen(&driver, "bank", Role::Custodian), Vec::<String>::new());
    let all = ["acme added 1", "zeta added 1", "acme active 0"];
    assert_eq!(seen(&driver, "pb", Role::Operator), all);
    assert_eq!(seen(&driver, "aud", Role::Auditor), all);
}

/// A lost party's new key rests for two days; whoever still holds a key of the party stops it.
#[test]
fn a_party_that_lost_its_keys_is_recovered_in_two_days() {
    let mut driver = Driver::with_world(false);
    driver.play(world::FOUR_EYES);
    play_on(
        &mut driver,
        "
        pb party.register party=fund role=client public_key=key:fund recovery=nobody => unknown_reference
        pb party.register party=fund role=client public_key=key:fund recovery=acme
        # role, references, the key, the stage
        acme key.recover party=fund public_key=key:fund2 uses=command evidence=doc:oath => not_authorised
        pb key.recover party=fund public_key=key:fund2 uses=command evidence=digest:oath => unknown_reference
        pb key.recover party=nobody public_key=key:fund2 uses=command evidence=doc:oath => unknown_reference
        pb key.recover party=fund public_key=key:acme uses=command evidence=doc:oath => id_taken
        pb key.recover party=pb public_key=key:pb2 uses=command evidence=doc:oath => wrong_state
        pb key.recover party=fund public_key=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= uses=command evidence=doc:oath => weak_key
        # a quorum of the policy's, and the contact that the party named
        pb key.recover party=fund public_key=key:fund2 uses=command evidence=doc:oath & zeta
        = held fund awaiting_approval 1
        acme approval.give command_id=@fund
        = recoveries fund pending
        pb key.recover party=fund public_key=key:fund3 uses=command evidence=doc:oath => wrong_state
        fund/fund2 document.put digest=doc:d media_type=text size=5 purpose=x => key_not_active
        # a key that was not lost after all ends it
        fund key.revoke keyid=key:fund2 reason=here_i_am
        = recoveries fund stopped
        wait 172800000
        fund/fund2 document.put digest=doc:d media_type=text size=1 purpose=x => key_not_active
        pb key.recover party=fund public_key=key:fund2 uses=command evidence=doc:oath => id_taken

        pb key.recover party=fund public_key=key:fund3 uses=command,session evidence=doc:oath & acme
        wait 172799999
        fund/fund3 document.put digest=doc:d media_type=text size=1 purpose=x => key_not_active
        fund/fund3 key.revoke keyid=key:fund reason=lost => key_not_active
        = recoveries fund stopped pending
        wait 1
        = recoveries fund stopped recovered
        fund/fund3 document.put digest=doc:d media_type=text size=1 purpose=x
        fund/fund3 key.revoke keyid=key:fund reason=lost
        fund key.add public_key=key:fund4 uses=command => key_not_active
        # revoked later, it has been a recovery all the same; and another may follow
        pb key.revoke keyid=key:fund3 reason=lost_again
        = recoveries fund stopped recovered
        pb key.recover party=fund public_key=key:fund5 uses=command evidence=doc:oath & acme
        pb key.revoke keyid=key:fund5 reason=mistake
        = recoveries fund stopped recovered stopped
        ",
    );
    let fund = driver.state.party(&PartyId::parse("fund").expect("an id")).expect("a party");
    assert_eq!(fund.recovery.as_ref().map(PartyId::as_str), Some("acme"));
}

/// Whoever may see a party sees that it is being recovered, and not yet the key.
#[test]
fn everyone_sees_the_mark_of_a_recovery() {
    let mut driver = Driver::with_world(false);
    driver.play(world::FOUR_EYES);
    driver.play("pb key.recover party=acme public_key=key:acme2 uses=command evidence=doc:oath & zeta");
    let seen = |driver: &Driver, party: &str, role| {
        let reader = Principal { party: PartyId::parse(party).expect("an id"), role };
        let acme = driver.state.party(&PartyId::parse("acme").expect("an id")).expect("a party");
        let json = party_json(&reader, acme, driver.now);
        let list = |name: &str| json.get(name).and_then(Json::as_array).expect("a list").to_vec();
        let marks: Vec<String> = list("recoveries").iter().map(|mark| text_of(mark, "state")).collect();
        (list("keys").len(), marks.join(" "))
    };
    for (party, role, keys) in [
        ("bank", Role::Custodian, 1),
        ("acme", Role::Client, 2),
        ("pb", Role::Operator, 2),
        ("aud", Role::Auditor, 2),
    ] {
        assert_eq!(seen(&driver, party, role), (keys, "pending".to_owned()), "{party}");
    }
    // The contact named at registration sees it too, and nobody else is told who that is.
    driver.play("pb party.register party=fund role=client public_key=key:fund recovery=zeta");
    let fund = driver.state.party(&PartyId::parse("fund").expect("an id")).expect("a party");
    let contact = |party: &str, role| {
        let reader = Principal { party: PartyId::parse(party).expect("an id"), role };
        let may = may_read(&reader, Object::Party(fund), &driver.state);
        (may, text_of(&party_json(&reader, fund, driver.now), "recovery"))
    };
    assert_eq!(contact("zeta", Role::Client), (true, "zeta".to_owned()));
    assert_eq!(contact("acme", Role::Client), (false, String::new()));
    driver.wait(2 * DAY);
    assert_eq!(seen(&driver, "bank", Role::Custodian), (2, "recovered".to_owned()));
}

/// The recovery contact's approval is the party's own to ask for, whatever the policies are.
#[test]
fn a_recovery_names_who_must_approve_it() {
    let mut driver = Driver::with_world(false);
    driver.play(world::FOUR_EYES);
    driver.play("pb party.register party=fund role=client public_key=key:fund recovery=zeta");
    for (line, want) in [
        ("pb key.recover party=fund public_key=key:f2 uses=command evidence=doc:oath", Some("zeta")),
        ("pb key.recover party=acme public_key=key:a2 uses=command evidence=doc:oath", None),
        ("fund key.add public_key=key:f3 uses=command", None),
    ] {
        let asked = driver.scribe.read(line, driver.now);
        let envelope = driver.scribe.sign(&asked, driver.now).to_string();
        let signed = ledger::intake::take_back(envelope.as_bytes()).expect("a command");
        let approver = driver.state.must_approve(&signed.command.body);
        assert_eq!(approver.as_ref().map(PartyId::as_str), want, "{line}");
        // And may read what it is to approve, with its evidence.
        driver.send(envelope.as_bytes(), &asked.documents).expect("it holds");
        let contact = PartyId::parse("zeta").expect("an id");
        assert_eq!(driver.state.concerns(&signed.command.body, &contact), want.is_some(), "{line}");
    }
}

/// An auditor that was registered for a part sees that part and nothing else.
#[test]
fn an_auditor_sees_what_it_was_registered_for() {
    let mut driver = Driver::with_world(false);
    play_on(
        &mut driver,
        "
        pb agreement.propose document=doc:csa2
        zeta agreement.accept digest=digest:csa2
        pb party.register party=a0 role=client public_key=key:a0 scope=all => body_schema
        pb party.register party=a0 role=auditor public_key=key:a0 scope=acme,acme => body_schema
        pb party.register party=a0 role=auditor public_key=key:a0 scope=acme,nobody => unknown_reference
        pb party.register party=all role=auditor public_key=key:all scope=all
        pb party.register party=of.acme role=auditor public_key=key:of.acme scope=acme
        pb party.register party=of.csa role=auditor public_key=key:of.csa scope=CSA-1
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0
        acme movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC
        zeta movement.instruct movement=m2 mode=two_phase postings=ext.btc>zeta.btc:1:BTC
        acme address.add address=GA chain=stellar owner=acme
        zeta address.add address=GZ chain=stellar owner=zeta
        acme document.put digest=doc:acmes media_type=text size=5 purpose=x
        zeta document.put digest=doc:zetas media_type=text size=5 purpose=x
        # naming what one may not read opens it to nobody
        of.acme document.put digest=digest:zetas media_type=text size=5 purpose=x
        ",
    );
    let everything = [
        "party acme",
        "party zeta",
        "party vault",
        "account acme.btc",
        "account zeta.btc",
        "agreement CSA-1",
        "agreement CSA-2",
        "statement s1",
        "call c1",
        "movement m1",
        "movement m2",
        "address GA",
        "address GZ",
        "document acmes",
        "document zetas",
        "document csa1",
        "document csa2",
        "document positions",
    ];
    let of = |party: &str| {
        let reader = Principal { party: PartyId::parse(party).expect("an id"), role: Role::Auditor };
        everything.into_iter().filter(|what| sees(&driver, &reader, what)).collect::<Vec<_>>()
    };
    assert_eq!(of("all"), everything);
    assert_eq!(of("aud"), everything, "without a scope it is everything");
    let acmes = [
        "party acme",
        "party vault",
        "account acme.btc",
        "agreement CSA-1",
        "statement s1",
        "call c1",
        "movement m1",
        "address GA",
        "document acmes",
        "document csa1",
        "document positions",
    ];
    assert_eq!(of("of.acme"), acmes);
    let under =
        ["party acme", "agreement CSA-1", "statement s1", "call c1", "document csa1", "document positions"];
    assert_eq!(of("of.csa"), under);
}

/// The same of the bodies of records, over HTTP, where the session is what the auditor has.
#[test]
fn an_auditor_reads_the_bodies_of_its_part() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "
        pb party.register party=of.acme role=auditor public_key=key:of.acme scope=acme
        acme address.add address=GA chain=stellar owner=acme
        zeta address.add address=GZ chain=stellar owner=zeta
        acme address.remove address=GA reason=x
        ",
    );
    let told = |ledger: &mut TestLedger, party: &str| {
        let list = ledger.client(party).get("/v1/addresses").expect("a list");
        let items = list.get("items").and_then(Json::as_array).expect("items").to_vec();
        let told =
            items.iter().map(|item| format!("{} {}", text_of(item, "address"), text_of(item, "state")));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&mut ledger, "of.acme"), ["GA removed"]);
    assert_eq!(told(&mut ledger, "acme"), ["GA removed"]);
    assert_eq!(told(&mut ledger, "zeta"), ["GZ added"]);
    assert_eq!(told(&mut ledger, "aud"), ["GA removed", "GZ added"]);
    assert_eq!(told(&mut ledger, "bank"), Vec::<String>::new());
    let size: u64 = ledger.http().get("/v1/ledger").text("size").parse().expect("a size");
    let reads = |ledger: &mut TestLedger, party: &str, seq: u64| {
        let record = ledger.client(party).get(&format!("/v1/records/{seq}")).expect("a record");
        record.get("envelope").is_some()
    };
    for (party, want) in
        [("of.acme", [true, false, true]), ("zeta", [false, true, false]), ("aud", [true; 3])]
    {
        let got = [3, 2, 1].map(|back| reads(&mut ledger, party, size - back));
        assert_eq!(got, want, "{party}");
    }
}

/// Ending an agreement frees nothing that is owed, and holds nothing once nothing is.
#[test]
fn agreements_end_and_what_is_left_runs_off() {
    play(
        "
        pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
        bank movement.settle movement=rich evidence=doc:rich
        acme movement.instruct movement=post mode=immediate postings=acme.btc>acme.btc.p:5:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
        pb agreement.propose document=doc:csa2

        # role, references, side, stage, time
        bank agreement.terminate agreement=CSA-1 from=+0 => not_authorised
        acme agreement.terminate agreement=CSA-9 from=+0 => unknown_reference
        zeta agreement.terminate agreement=CSA-1 from=+0 => not_authorised
        zeta agreement.terminate agreement=CSA-2 from=+0 => wrong_state
        acme agreement.terminate agreement=CSA-1 from=-1 => too_late
        pb agreement.terminate agreement=CSA-1 from=+9000000
        # put off by nobody, brought forward by either
        acme agreement.terminate agreement=CSA-1 from=+9000001 => wrong_state
        pb agreement.terminate agreement=CSA-1 from=+9000000 => wrong_state
        acme agreement.terminate agreement=CSA-1 from=+1000
        # until then it goes on
        acme agreement.propose document=doc:csa1v2
        wait 1000
        pb agreement.accept digest=digest:csa1v2 => wrong_state
        pb agreement.reject digest=digest:csa1v2 reason=ended
        acme agreement.propose document=doc:csa1v2 => wrong_state
        acme agreement.terminate agreement=CSA-1 from=+0 => wrong_state
        = agreement CSA-1 1

        # the pledgor frees nothing by it: neither at once, nor by its own word
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => release_uncovers
        acme margin statement=a1 portfolio=P agreement=CSA-1 requirement=0
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => release_uncovers
        # the secured party still calls for what is required
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=250000
        pb call.issue call=c1 agreement=CSA-1 version=1 statement=s2 leg=delivery kind=demand amount=50000 currency=USD due=+0
        acme call.agree call=c1 amount=50000
        # neither does the secured party's silence hold it: the pledgor's statement binds in its stead
        wait 100800001
        pb prices set=p2 BTC=50000 USDC=1
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => statement_stale
        acme margin statement=a2 portfolio=P agreement=CSA-1 requirement=160000
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:1:BTC
        pb movement.instruct movement=out2 mode=immediate postings=acme.btc.p>acme.btc:1:BTC => release_uncovers
        # a zero that owes is none
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=0 exposure=1
        pb movement.instruct movement=out2 mode=immediate postings=acme.btc.p>acme.btc:4:BTC => release_uncovers
        # the secured party's own zero is its last word
        pb margin statement=s4 portfolio=P agreement=CSA-1 requirement=0 exposure=-5
        pb margin statement=s5 portfolio=P agreement=CSA-1 requirement=100000 => wrong_state
        acme margin statement=a3 portfolio=P agreement=CSA-1 requirement=0 => wrong_state
        pb call.issue call=c2 agreement=CSA-1 version=1 statement=s4 leg=delivery kind=demand amount=1 currency=USD due=+0 => wrong_state
        # however old it grows, the return is of everything, and the release needs no other statement
        wait 864000000
        pb prices set=p3 BTC=50000 USDC=1
        acme call.issue call=r1 agreement=CSA-1 version=1 statement=a2 leg=return kind=demand amount=160000 currency=USD due=+0 => statement_stale
        acme call.issue call=r1 agreement=CSA-1 version=1 statement=s4 leg=return kind=demand amount=159999 currency=USD due=+0 => amount_out_of_range
        acme call.issue call=r1 agreement=CSA-1 version=1 statement=s4 leg=return kind=demand amount=160000 currency=USD due=+0
        pb movement.instruct movement=out2 mode=immediate postings=acme.btc.p>acme.btc:4:BTC
        = account acme.btc.p 0 0 0
        acme call.issue call=r2 agreement=CSA-1 version=1 statement=s4 leg=return kind=demand amount=0 currency=USD due=+0 => amount_out_of_range
        ",
    );
}

/// What a secured party said before the end does not outlast it; and what stands under another agreement
/// stays guarded.
#[test]
fn only_a_word_after_the_end_discharges_and_only_its_own_agreement() {
    play(
        "
        pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
        bank movement.settle movement=rich evidence=doc:rich
        acme movement.instruct movement=post mode=immediate postings=acme.btc>acme.btc.p:5:BTC
        acme positions portfolio=P digest=doc:positions
        pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=0
        wait 1
        pb agreement.terminate agreement=CSA-1 from=+0
        pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=100000
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => release_uncovers
        pb agreement.propose document=doc:other
        acme agreement.accept digest=digest:other
        pb margin statement=s3 portfolio=P agreement=CSA-1 requirement=0
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => statement_stale
        pb margin statement=o1 portfolio=P agreement=CSA-3 requirement=100000
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:5:BTC => release_uncovers
        pb movement.instruct movement=out mode=immediate postings=acme.btc.p>acme.btc:2.5:BTC
        ",
    );
}

/// One step on the allow-list: which, in which spelling, whose, from which custodian, and how long before.
type Step = (u8, u8, bool, u8, u8);

/// What was recorded of addresses, to judge them from the specification alone.
struct Recorded {
    verb: &'static str,
    owner: &'static str,
    custodian: Option<String>,
    at: Timestamp,
    from: Option<Timestamp>,
}

/// Added, not removed since, then proved, then allowed, with a day at least in between.
fn is_active(records: &[Recorded], owner: &str, custodian: &str, at: Timestamp) -> bool {
    [None, Some(custodian)].into_iter().any(|named| {
        let of_it =
            records.iter().filter(|record| record.owner == owner && record.custodian.as_deref() == named);
        let mut wanted = ["add", "prove", "allow"].into_iter();
        let mut next = wanted.next();
        let mut from = None;
        for record in of_it {
            if record.verb == "remove" {
                wanted = ["add", "prove", "allow"].into_iter();
                next = wanted.next();
                from = None;
            } else if Some(record.verb) == next {
                next = wanted.next();
                let rested = |from: Timestamp| from.millis_since(record.at).is_some_and(|rest| rest >= DAY);
                from = record.from.filter(|from| rested(*from));
            }
        }
        from.is_some_and(|from| from <= at)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is ever sent where it was not allowed to go, and what was allowed can be sent.
    #[test]
    fn only_active_addresses_are_sent_to(steps in prop::collection::vec(any::<Step>(), 40..90)) {
        let mut driver = with_ether();
        driver.play(
            "pb account.open account=zeta.eth owner=zeta asset=ETH custodian=bank book=available class=uncleared
             pb movement.instruct movement=zeta mode=two_phase postings=ext.eth>zeta.eth:10:ETH
             bank movement.settle movement=zeta evidence=doc:rich",
        );
        let mut records: Vec<Recorded> = Vec::new();
        for (place, (kind, spelling, zeta, custodian, ms)) in steps.into_iter().enumerate() {
            driver.wait(if ms.is_multiple_of(2) { u64::from(ms) * 900_000 } else { 0 });
            let at = driver.now;
            let owner = if zeta { "zeta" } else { "acme" };
            let custodian = [None, None, Some("bank"), Some("vault")][usize::from(custodian % 4)];
            let address = if spelling.is_multiple_of(2) { COLD.to_owned() } else { COLD.to_ascii_lowercase() };
            let author = if kind.is_multiple_of(5) { "pb" } else { owner };
            let reach = custodian.map_or_else(String::new, |custodian| format!(" custodian={custodian}"));
            let of = format!("address={address} chain=ethereum owner={owner}{reach}");
            let account = format!("{owner}.eth");
            let rest = [DAY, DAY - 1, 3 * DAY][usize::from(spelling % 3)];
            let (verb, line) = match kind % 9 {
                0 | 1 => ("add", format!("{author} address.add {of}")),
                2 | 3 => {
                    let challenge = format!("challenge={account}:{place:016x}:+0");
                    ("prove", format!("{author} address.prove {of} proof=doc:sig {challenge}"))
                }
                4 | 5 => {
                    let other = if author == "pb" { owner } else { "pb" };
                    ("allow", format!("{author} address.allow {of} from=+{rest} & {other}"))
                }
                6 if spelling.is_multiple_of(3) => ("remove", format!("{author} address.remove {of} reason=x")),
                _ => {
                    let postings = format!("postings={account}>ext.eth:0.01:ETH");
                    let line = format!("movement.instruct movement=m{place} mode=two_phase destination={address}");
                    ("send", format!("{owner} {line} {postings}"))
                }
            };
            let outcome = driver.line(&line);
            if verb == "send" {
                let active = is_active(&records, owner, "bank", at);
                prop_assert_eq!(outcome.is_ok(), active, "{}: {:?}", line, outcome);
            } else if outcome.is_ok() {
                // Who names no custodian means the one for all, or the only one there is.
                let custodian = driver.effects.0.iter().find_map(|change| {
                    let Change::Address(address) = change else { return None };
                    Some(address.custodian.as_ref().map(ToString::to_string))
                });
                let custodian = custodian.expect("an address changed");
                let from = if verb == "allow" { at.plus_millis(rest) } else { None };
                records.push(Recorded { verb, owner, custodian, at, from });
            }
        }
        prop_assert_eq!(driver.replayed(), driver.state);
    }
}

fn named(text: &str) -> String {
    text.replace("COLD", COLD).replace("ALIKE", ALIKE).replace("lower", &COLD.to_ascii_lowercase())
}

fn id(text: &str) -> MovementId {
    MovementId::parse(text).expect("an id")
}

fn text_of(json: &Json, name: &str) -> String {
    json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// Whether a reader sees the object that a word and an id name.
fn sees(driver: &Driver, reader: &Principal, what: &str) -> bool {
    let (kind, id) = what.split_once(' ').expect("a kind and an id");
    let state: &State = &driver.state;
    let of = |object| may_read(reader, object, state);
    match kind {
        "party" => of(Object::Party(state.party(&PartyId::parse(id).expect("an id")).expect("a party"))),
        "account" => {
            of(Object::Account(state.account(&AccountId::parse(id).expect("an id")).expect("an account")))
        }
        "agreement" => {
            let id = AgreementId::parse(id).expect("an id");
            of(Object::Agreement(state.agreement(&id).expect("an agreement")))
        }
        "statement" => {
            let statement = state.statements().find(|one| one.id.as_str() == id).expect("a statement");
            of(Object::Statement(statement))
        }
        "call" => of(Object::Call(state.call(&CallId::parse(id).expect("an id")).expect("a call"))),
        "movement" => {
            of(Object::Movement(state.movement(&MovementId::parse(id).expect("an id")).expect("a movement")))
        }
        "address" => of(Object::Address(state.addresses_written(id).next().expect("an address"))),
        "document" => {
            let digest = ledger::digest::Digest::of(&driver.scribe.document(id));
            of(Object::Document(&digest, state.document(&digest).expect("a document")))
        }
        _ => panic!("{what}"),
    }
}
