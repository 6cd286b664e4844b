//! Keys are judged at the sequence, by the log alone: whatever is added, rotated, revoked and recovered,
//! an auditor who replays finds the same signatures good. And each signature is good for one purpose.
//!
//! Source: API specification §8, rows 3 and 4.

use api::session::{SessionRefusal, Sessions, session_payload};
use data_encoding::BASE64;
use ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use ledger::cosignature;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, EnvelopeSignature, Purpose, pae};
use ledger::id::PartyId;
use ledger::intake;
use ledger::key::SecretKey;
use ledger::merkle::TreeHead;
use ledger::note::{KeyMaterial, KeyName, Note, VerifierKey};
use ledger::replay::{self, ReplayError};
use ledger::state::State;
use ledger::store::StoredRecord;
use ledger::time::Timestamp;
use proptest::prelude::*;
use tests::driver::{Driver, Refused};
use tests::scribe::key;
use tests::world;

use crate::flow::play;

/// What a key is to the model: written from the specification, apart from the ledger's own.
struct ModelKey {
    name: String,
    commands: bool,
    added: u64,
    revoked: Option<u64>,
    active_from: Option<Timestamp>,
}

impl ModelKey {
    /// "A key active from record s signs records s+1 and later; revoked at r, it signs nothing from r+1 on."
    fn signs(&self, seq: u64, at: Timestamp) -> bool {
        self.added < seq
            && self.revoked.is_none_or(|revoked| seq <= revoked)
            && self.active_from.is_none_or(|from| from <= at)
    }
}

/// A command as it was sent, and whether its signature was found good then.
struct Attempt {
    envelope: Vec<u8>,
    seq: u64,
    at: Timestamp,
    good: bool,
}

const TWO_DAYS: u64 = 172_800_000;

/// One step: which, by which key, on which key, and how long before.
type Step = (u8, u8, u8, u8);

fn line(step: Step, model: &[ModelKey], fresh: &str) -> String {
    let (kind, by, on, _) = step;
    let pick = |n: u8| model[usize::from(n) % model.len()].name.as_str();
    let by = pick(by);
    match kind % 9 {
        0 => format!("acme/{by} key.add public_key=key:{fresh} uses=command"),
        1 => format!("acme/{by} key.add public_key=key:{fresh} uses=session"),
        2 => format!("acme/{by} key.rotate old_key=key:{} public_key=key:{fresh}", pick(on)),
        3 => format!("acme/{by} key.revoke keyid=key:{} reason=x", pick(on)),
        4 => format!("pb key.revoke keyid=key:{} reason=x", pick(on)),
        5 => format!("pb key.recover party=acme public_key=key:{fresh} uses=command evidence=doc:oath"),
        // A key that the party never had.
        6 if on.is_multiple_of(4) => {
            format!("acme/{fresh} document.put digest=doc:d media_type=x size=1 purpose=x")
        }
        _ => format!("acme/{by} document.put digest=doc:d media_type=x size=1 purpose=x"),
    }
}

/// What the model makes of a command that was recorded.
fn learn(model: &mut Vec<ModelKey>, line: &str, fresh: &str, seq: u64, at: Timestamp) {
    let member = |name: &str| {
        line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let mut new =
        ModelKey { name: fresh.to_owned(), commands: true, added: seq, revoked: None, active_from: None };
    let verb = line.split_whitespace().nth(1).unwrap_or_default();
    let ended = match verb {
        "key.rotate" => member("old_key=key:"),
        "key.revoke" => member("keyid=key:"),
        _ => String::new(),
    };
    if let Some(old) = model.iter_mut().find(|key| key.name == ended) {
        old.revoked = Some(seq);
        new.commands = old.commands;
    }
    match verb {
        "key.add" => new.commands = line.contains("uses=command"),
        "key.recover" => new.active_from = at.plus_millis(TWO_DAYS),
        "key.rotate" => {}
        _ => return,
    }
    model.push(new);
}

/// What the ledger said of a signature: that it is none of an active key with the use.
fn is_key_refusal(code: &str) -> bool {
    ["signature_invalid", "key_not_active", "use_not_allowed"].contains(&code)
}

fn send(driver: &mut Driver, line: &str) -> (Attempt, Result<Digest, Refused>) {
    let asked = driver.scribe.read(line, driver.now);
    let envelope = driver.scribe.sign(&asked, driver.now).to_string().into_bytes();
    let (seq, at) = (driver.state.length(), driver.now);
    let outcome = driver.send(&envelope, &asked.documents);
    let good = !outcome.as_ref().is_err_and(|refused| is_key_refusal(refused.code()));
    (Attempt { envelope, seq, at, good }, outcome)
}

/// The auditor's own judgement of a signature, from the records before it and nothing else.
fn audits(driver: &Driver, state: &State, attempt: &Attempt) -> bool {
    if intake::check_recorded(&attempt.envelope, state).is_err() {
        return false;
    }
    let id = Envelope::parse(&attempt.envelope).expect("an envelope").id();
    let stored = StoredRecord {
        recorded_at: attempt.at,
        command_id: id,
        envelope: attempt.envelope.as_slice().into(),
        effects: (*b"[]").as_slice().into(),
    };
    match replay::take_up(state, &stored, &driver.kept) {
        Err(ReplayError::Rejected { rejection, .. }) => !is_key_refusal(rejection.code()),
        // Its effects were not kept here; that they differ is said after all was judged.
        Ok(_) | Err(ReplayError::Differs { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_auditor_finds_the_same_signatures_good(
        steps in prop::collection::vec(any::<Step>(), 20..60)
    ) {
        let mut driver = Driver::open(false);
        world::name_documents(&mut driver.scribe);
        driver.play(
            "
            pb party.register party=acme role=client public_key=key:acme uses=command
            pb party.register party=zeta role=client public_key=key:zeta
            pb party.register party=bank role=custodian public_key=key:bank
            pb policy.set policy=pairs scope=* rules=doc:pairs version=1 & zeta
            ",
        );
        let first = ModelKey { name: "acme".to_owned(), commands: true, added: 1, revoked: None, active_from: None };
        let (mut model, mut attempts) = (vec![first], Vec::new());
        for (place, step) in steps.into_iter().enumerate() {
            // None, or up to five days: recoveries cool off and keys are used in between.
            driver.wait(if step.3.is_multiple_of(3) { u64::from(step.3) * 1_700_000 } else { 0 });
            let fresh = format!("fresh{place}");
            let line = line(step, &model, &fresh);
            let (seq, at) = (driver.state.length(), driver.now);
            let signer = line.split_whitespace().next().expect("an author").trim_start_matches("acme/").to_owned();
            let known = model.iter().find(|key| key.name == signer);
            let expected = signer == "pb" || known.is_some_and(|key| key.commands && key.signs(seq, at));
            let (attempt, outcome) = send(&mut driver, &line);
            prop_assert_eq!(attempt.good, expected, "{}: {:?}", line, outcome);
            attempts.push(attempt);
            let Ok(id) = outcome else { continue };
            // A recovery takes effect with another's approval.
            let seq = if line.contains("key.recover") {
                let approved = driver.line(&format!("zeta approval.give command_id={id}"));
                prop_assert!(approved.is_ok(), "{:?}", approved);
                seq + 1
            } else {
                seq
            };
            learn(&mut model, &line, &fresh, seq, at);
        }

        let mut state = State::new(world::ORIGIN);
        for (seq, stored) in (0..=driver.state.length()).zip(driver.kept.records.iter().map(Some).chain([None])) {
            for attempt in attempts.iter().filter(|attempt| attempt.seq == seq) {
                prop_assert_eq!(audits(&driver, &state, attempt), attempt.good, "at record {}", seq);
            }
            if let Some(stored) = stored {
                prop_assert!(intake::check_recorded(&stored.envelope, &state).is_ok() || seq == 0);
                state = replay::take_up(&state, stored, &driver.kept).expect("it was recorded").state;
            }
        }
        prop_assert_eq!(state, driver.state);
    }
}

/// A key signs what it was registered for.
#[test]
fn a_key_has_the_uses_it_was_registered_for() {
    play(
        "
        acme key.add public_key=key:reads uses=session
        acme key.add public_key=key:agrees uses=approval
        acme key.add public_key=key:seals uses=seal
        pb key.add public_key=key:feed uses=price
        acme/reads document.put digest=doc:d media_type=x size=1 purpose=x => use_not_allowed
        acme/agrees document.put digest=doc:d media_type=x size=1 purpose=x => use_not_allowed
        acme/seals document.put digest=doc:d media_type=x size=1 purpose=x => use_not_allowed
        pb/feed document.put digest=doc:d media_type=x size=1 purpose=x => use_not_allowed
        acme/reads key.rotate old_key=key:reads public_key=key:reads2 => use_not_allowed
        # in a rotation the uses stay
        acme key.rotate old_key=key:reads public_key=key:reads2
        acme/reads2 document.put digest=doc:d media_type=x size=1 purpose=x => use_not_allowed
        ",
    );
}

/// What a signature can be made for. Each says how it would sign a content that is another's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Made {
    For(Purpose),
    Log,
    Witness,
}

const MADE: [Made; 6] = [
    Made::For(Purpose::Command),
    Made::For(Purpose::Approval),
    Made::For(Purpose::Session),
    Made::For(Purpose::CustodianStatement),
    Made::Log,
    Made::Witness,
];

impl Made {
    fn sign(self, key: &SecretKey, content: &[u8]) -> [u8; 64] {
        let message = match self {
            Self::For(purpose) => pae(purpose.payload_type(), content),
            Self::Log => content.to_vec(),
            Self::Witness => {
                cosignature::message(std::str::from_utf8(content).expect("text"), TIME_S).into_bytes()
            }
        };
        key.sign(&message)
    }
}

const TIME_S: u64 = 1_767_600_000;

/// The envelope in which a signature is offered as one for another purpose.
fn offered(purpose: Purpose, content: &[u8], key: &SecretKey, sig: [u8; 64]) -> Vec<u8> {
    let envelope = Envelope {
        payload: content.to_vec(),
        payload_type: purpose.payload_type().to_owned(),
        signatures: vec![EnvelopeSignature { keyid: key.public().id().to_string(), sig }],
    };
    envelope.to_string().into_bytes()
}

/// The note in which a signature is offered as a log's or a witness's line.
fn note(text: &str, verifier: &VerifierKey, blob: &[u8]) -> String {
    let line = BASE64.encode(&[&verifier.id()[..], blob].concat());
    format!("{text}\n— {} {line}\n", verifier.name().as_str())
}

/// The same key in every slot, which no one should have: even then a signature is good for one of them.
#[test]
fn a_signature_for_one_purpose_is_none_for_another() {
    let mut driver = Driver::with_world(false);
    let acme = key("acme");
    let name = || KeyName::new(world::ORIGIN).expect("a name");
    let log = VerifierKey::new(name(), KeyMaterial::Ed25519(acme.public()));
    let witness = VerifierKey::new(name(), KeyMaterial::CosignatureV1(acme.public()));
    let head = TreeHead { size: 7, root: Digest::of(b"root") };
    let text = Checkpoint::new(world::ORIGIN, head).expect("a checkpoint").to_string();
    let sessions = Sessions::default();
    for made in MADE {
        let asked =
            driver.scribe.read("acme document.put digest=doc:d media_type=x size=1 purpose=x", driver.now);
        let command = driver.scribe.payload(&asked, driver.now);
        let envelope = offered(Purpose::Command, &command, &acme, made.sign(&acme, &command));
        let outcome = driver.send(&envelope, &asked.documents).map_err(|refused| refused.code());
        let expected = if made == Made::For(Purpose::Command) { "ok" } else { "signature_invalid" };
        assert_eq!(outcome.err().unwrap_or("ok"), expected, "{made:?} as a command");

        let say = driver.scribe.read("acme approval.refuse command_id=@nothing", driver.now);
        let approval = driver.scribe.payload(&say, driver.now);
        let envelope = offered(Purpose::Approval, &approval, &acme, made.sign(&acme, &approval));
        let outcome = driver.send(&envelope, &[]).map_err(|refused| refused.code());
        let good = made == Made::For(Purpose::Approval);
        let expected = if good { "unknown_reference" } else { "signature_invalid" };
        assert_eq!(outcome.err().unwrap_or("ok"), expected, "{made:?} as an approval");

        let challenge = sessions.challenge().expect("a challenge");
        let id = PartyId::parse("acme").expect("an id");
        let later = driver.now.plus_millis(60_000).expect("a time");
        let session = session_payload(world::ORIGIN, &id, "here", &challenge, later);
        let envelope = offered(Purpose::Session, &session, &acme, made.sign(&acme, &session));
        let opened = sessions.open(&envelope, &["here".to_owned()], &driver.state, driver.now);
        let expected = (made != Made::For(Purpose::Session)).then_some(SessionRefusal::Invalid);
        assert_eq!(opened.err(), expected, "{made:?} as a session");

        let sig = made.sign(&acme, text.as_bytes());
        let opened = SignedCheckpoint::open(&note(&text, &log, &sig), world::ORIGIN, [&log]);
        assert_eq!(opened.is_ok(), made == Made::Log, "{made:?} as a checkpoint");
        let blob = [&TIME_S.to_be_bytes()[..], &sig].concat();
        let cosigned = Note::parse(&note(&text, &witness, &blob)).expect("a note");
        assert_eq!(cosigned.verify([&witness]).is_ok(), made == Made::Witness, "{made:?} as a cosignature");
    }
}

/// Nor does the envelope itself pass from one door to another, whatever it holds.
#[test]
fn an_envelope_is_taken_at_its_own_door() {
    let mut driver = Driver::with_world(false);
    let asked =
        driver.scribe.read("acme document.put digest=doc:d media_type=x size=1 purpose=x", driver.now);
    let payload = driver.scribe.payload(&asked, driver.now);
    let sessions = Sessions::default();
    for purpose in Purpose::ALL {
        let envelope = Envelope::sign(purpose, &payload, &[&key("acme")]).to_string();
        let taken = driver.send(envelope.as_bytes(), &asked.documents).map_err(|refused| refused.code());
        let expected = match purpose {
            Purpose::Command => "ok",
            Purpose::Approval => "type_unknown",
            Purpose::Session | Purpose::CustodianStatement => "intake",
        };
        assert_eq!(taken.err().unwrap_or("ok"), expected, "{purpose:?} as a command");
        let opened = sessions.open(envelope.as_bytes(), &[], &driver.state, driver.now);
        assert_eq!(opened.err(), Some(SessionRefusal::Malformed), "{purpose:?} as a session");
    }
}
