//! What is signed: envelopes, commands and what a ledger makes of them.

use std::cell::RefCell;

use ledger::command::{Body, Command};
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::intake::{self, KeyBook, Recorded, Signed};
use ledger::json::{self, Json};
use ledger::key::PublicKey;
use ledger::profile::{self, Tree};
use ledger::record::Record;

use super::corpus::{AUDIT, texts_of};
use super::{Cost, Form, Reading, Target};
use crate::driver::Driver;
use crate::scribe::key;
use crate::world;

pub(super) const TARGETS: [Target; 5] = [
    Target { name: "envelope", form: Form::Json, cost: Cost::Light, corpus: envelopes, read: read_envelope },
    Target { name: "intake", form: Form::Json, cost: Cost::Middle, corpus: envelopes, read: read_signed },
    Target { name: "command", form: Form::Json, cost: Cost::Light, corpus: payloads, read: read_command },
    Target { name: "ledger", form: Form::Json, cost: Cost::Heavy, corpus: payloads, read: apply_payload },
    Target { name: "record_leaf", form: Form::Bytes, cost: Cost::Light, corpus: leaves, read: read_leaf },
];

/// Whoever signs in the golden file.
struct GoldenKeys;

impl KeyBook for GoldenKeys {
    fn keys_of(&self, _: &PartyId) -> Option<Vec<PublicKey>> {
        let keys = AUDIT.pointer("/golden_chain/keys").and_then(Json::as_array).expect("keys");
        let read = |key: &Json| PublicKey::parse(key.get("public_b64")?.as_str()?).ok();
        Some(keys.iter().filter_map(read).collect())
    }
}

fn envelopes() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.contains("\"payloadType\"") && text.len() < 8 << 10)
}

fn read_envelope(bytes: &[u8]) -> Reading {
    let read = Envelope::parse(bytes);
    if let Ok(envelope) = &read {
        let stored = envelope.to_string();
        let again = Envelope::parse(stored.as_bytes()).expect("the stored form is read");
        assert_eq!(&again, envelope, "the stored form says the same");
        assert_eq!(again.id(), envelope.id());
    }
    Reading::of(&read)
}

fn read_signed(bytes: &[u8]) -> Reading {
    let read = intake::take_in(bytes, &GoldenKeys);
    if let Ok(signed) = &read {
        let Signed { command, id, signer, payload, .. } = signed.clone();
        let recorded = Recorded { command, id, signer, payload };
        assert_eq!(intake::take_back(&signed.envelope), Ok(recorded), "replay reads the same");
        assert_eq!(intake::check_recorded(&signed.envelope, &GoldenKeys), Ok(signed.signer));
    }
    // A recorded envelope is read again without a key at hand.
    let _ = intake::take_back(bytes);
    Reading::of(&read)
}

/// Commands of every family, on the stage of [`world`].
const LINES: &str = "
    pb party.register party=new role=client public_key=key:new
    acme key.add public_key=key:acme2 uses=command
    acme key.rotate old_key=key:acme public_key=key:acme3
    acme key.revoke keyid=key:acme reason=lost
    pb party.suspend party=zeta reason=asked
    pb asset.define asset=NEW kind=token decimals=30
    pb account.open account=new owner=acme asset=BTC custodian=bank book=available class=uncleared
    pb account.freeze account=acme.btc reason=asked
    pb agreement.propose document=doc:csa1v2
    pb regime.adopt regime=r1 digest=doc:rules from=+0
    acme document.put digest=doc:paper media_type=text/plain size=5 purpose=other
    pb prices set=p9 BTC=60000
    acme positions portfolio=P digest=doc:positions
    acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:2.5:BTC expires=+60000
    acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC
    acme movement.void movement=rich reason=late
    bank movement.settle movement=rich evidence=doc:e1
    acme movement.batch movement=b1 document=doc:batch totals=BTC:1
    pb margin statement=s9 portfolio=P agreement=CSA-1 requirement=1000
    pb call.issue call=c9 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=60000 currency=USD due=+0
    acme call.agree call=c1
    acme call.pledge call=c1 items=acme.btc:1:BTC value=40000
    acme call.dispute call=c1 amount=100 reason=price
    bank transfer.settle call=c1 movement=m9 amount=1 evidence=doc:e2
    bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed
    bank break.open break=b1 recon=r1 kind=missing amount=1
    pb policy.set policy=p1 scope=pb rules=doc:pairs version=1
    acme approval.give command_id=@rich
    acme address.add address=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa chain=bitcoin owner=acme
    pb breaker.step pool=book level=guarded theta_factor=0.5 calm=0 signals=0.08,0,1,1,0 reasons=index_fall
    pb override.grant override=o1 rule=statement_stale object=acme.btc limit=1 reason=x until=+60000
    pb key.recover party=acme public_key=key:acme4 uses=command evidence=doc:oath
    pb agreement.terminate agreement=CSA-1 from=+0
    pb ledger.rules version=1 from=100
    pb ledger.confirm_clock reason=checked
    pb ledger.close reason=done successor=ledger.example/next
";

/// A ledger with something in it.
fn stage() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(
        "acme movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
         acme positions portfolio=P digest=doc:positions
         pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
         pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=100000 currency=USD due=+0",
    );
    driver
}

fn payloads() -> Vec<Vec<u8>> {
    let mut driver = stage();
    let now = driver.now;
    let mut payload = |line: &str| {
        let asked = driver.scribe.read(line, now);
        driver.scribe.payload(&asked, now)
    };
    let mut all: Vec<Vec<u8>> =
        world::lines(world::STAGE).chain(world::lines(LINES)).map(&mut payload).collect();
    all.extend(texts_of(&AUDIT, |text| text.starts_with("{\"author\"")));
    all
}

fn read_command(bytes: &[u8]) -> Reading {
    let Ok(tree) = profile::read(bytes) else { return Reading::Refused };
    let read = Command::read(&tree);
    match &read {
        Ok(command) => {
            let stated = tree.get("type").and_then(Tree::as_str);
            assert_eq!(Some(command.body.type_name()), stated);
            assert!(Body::knows(command.body.type_name()));
            let documents = command.body.documents();
            assert!(documents.len() <= bytes.len(), "what it names stands in it");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

thread_local! {
    static STAGE: RefCell<Driver> = RefCell::new(stage());
}

/// A payload that its author really signed, given to a ledger.
fn apply_payload(bytes: &[u8]) -> Reading {
    STAGE.with_borrow_mut(|driver| {
        let tree = json::read(bytes).unwrap_or(Json::Null);
        let text = |name: &str| tree.get(name).and_then(Json::as_str);
        let purpose = text("type").map_or(Purpose::Command, Body::purpose);
        let envelope = Envelope::sign(purpose, bytes, &[&key(text("author").unwrap_or("pb"))]);
        let (before, records) = (driver.state.clone(), driver.kept.records.len());
        let documents = ["e1", "e2", "k1", "paper", "rules", "batch", "positions", "pairs", "oath"]
            .map(|name| driver.scribe.document(name));
        let sent = driver.send(envelope.to_string().as_bytes(), &documents);
        let reading = Reading::of(&sent);
        if reading == Reading::Refused {
            assert_eq!(driver.state, before, "a refusal changes nothing");
            assert_eq!(driver.kept.records.len(), records);
        } else {
            assert_eq!(driver.state.length(), before.length() + 1);
            driver.kept.records.truncate(records);
        }
        driver.state = before;
        reading
    })
}

fn leaves() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.starts_with("pledger/record/"))
}

fn read_leaf(bytes: &[u8]) -> Reading {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reading::Refused };
    let read = Record::parse(text);
    if let Some(record) = &read {
        assert_eq!(record.leaf(), bytes);
    }
    Reading::of(&read.ok_or(()))
}
