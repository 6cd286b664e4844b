//! A clock that jumps ahead: nothing is recorded until the operator's signed word, not even after a
//! restart that hides the jump.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger::apply::Documents;
use ledger::intake;
use ledger::log::LogReader;
use ledger::opening::{LogKeys, Rotation, open_asking};
use ledger::sequencer::{Clock, Handle, Outcome, Request, Stopped};
use ledger::store::StoredDocument;
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::time::Timestamp;
use tests::scribe::{Scribe, key};
use tests::world;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// A clock that the test sets: time of day, and time passed, in milliseconds.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Mutex<(u64, u64)>>);

impl Hands {
    pub(crate) fn at(now: u64) -> Self {
        Self(Arc::new(Mutex::new((now, 0))))
    }

    /// Time passes, as both hands see it.
    pub(crate) fn pass(&self, ms: u64) {
        let mut hands = self.0.lock().unwrap();
        *hands = (hands.0 + ms, hands.1 + ms);
    }

    /// Somebody sets the time of day.
    fn set(&self, now: u64) {
        self.0.lock().unwrap().0 = now;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.lock().unwrap().0).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.lock().unwrap().1)
    }
}

pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) log: LogReader,
    thread: JoinHandle<Result<(), Stopped>>,
    hands: Hands,
}

impl Running {
    fn start(dir: &Path, hands: &Hands) -> Self {
        Self::start_with(dir, hands, Rotation::default())
    }

    pub(crate) fn start_with(dir: &Path, hands: &Hands, rotation: Rotation) -> Self {
        let (store, _) = EmbeddedStore::open(dir, world::ORIGIN, EmbeddedOptions::default()).unwrap();
        let log = dir.join("log");
        let keys = LogKeys { directory: &log, seed: &key("log").seed() };
        let clock = Box::new(hands.clone());
        let opened = open_asking(world::ORIGIN, Box::new(store), &keys, rotation, clock, &|_, _, _| true);
        let opened = opened.unwrap();
        let sequencer = opened.sequencer;
        let thread = std::thread::spawn(move || sequencer.run());
        Self { handle: opened.handle, log: opened.log, thread, hands: hands.clone() }
    }

    pub(crate) fn end(self) {
        block_on(self.handle.stop());
        drop(self.handle);
        self.thread.join().unwrap().unwrap();
    }

    /// Signs a line at what the clock shows and submits it.
    fn line(&self, scribe: &mut Scribe, line: &str) -> Outcome {
        let now = self.hands.now();
        let asked = scribe.read(line, now);
        let envelope = scribe.sign(&asked, now);
        let state = self.handle.published().state.clone();
        let signed = intake::take_in(envelope.to_string().as_bytes(), &state).unwrap();
        let mut documents = Documents::default();
        let digest_of = |bytes: &Vec<u8>| ledger::digest::Digest::of(bytes);
        let bytes: Vec<_> = asked
            .documents
            .iter()
            .map(|bytes| StoredDocument { digest: digest_of(bytes), bytes: bytes.as_slice().into() })
            .collect();
        for document in &bytes {
            documents.fresh.insert(document.digest, document.bytes.len() as u64);
        }
        block_on(self.handle.submit(Request { signed, documents, bytes })).unwrap()
    }

    /// The code of what becomes of a line.
    pub(crate) fn code(&self, scribe: &mut Scribe, line: &str) -> &'static str {
        match self.line(scribe, line) {
            Outcome::Accepted(_) => "ok",
            Outcome::Repeated(_) => "repeated",
            Outcome::Rejected(rejection) => rejection.code(),
            Outcome::StorageFull => "storage_full",
            Outcome::ClockUnsound => "clock_unsound",
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

const PUT: &str = "pb key.add public_key=key:KEY uses=session";

#[test]
fn only_the_operators_word_makes_a_clock_believed_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("ledger");
    let start = Timestamp::parse("2026-01-05T09:00:00.000Z").unwrap();
    EmbeddedStore::create(&home, world::ORIGIN, start).unwrap();
    let mut scribe = Scribe::new(world::ORIGIN, "clocks");
    let hands = Hands::at(start.millis());
    let ledger = Running::start(&home, &hands);
    let vkey = api::home::vkey(world::ORIGIN, &key("log")).unwrap();
    let first = format!(
        "pb ledger.open operator=pb legal_name=pb public_key=key:pb uses=command log_vkey={vkey} witness_policy=doc:policy"
    );
    let mut named = 0;
    let mut put = move || {
        named += 1;
        PUT.replace("KEY", &format!("k{named}"))
    };
    assert_eq!(ledger.code(&mut scribe, &first), "ok");
    assert_eq!(
        ledger.code(&mut scribe, "pb party.register party=acme role=client public_key=key:acme"),
        "ok"
    );
    hands.pass(HOUR);
    assert_eq!(ledger.code(&mut scribe, &put()), "ok");

    // An hour ahead of the time that passed: for everyone, until the word is given.
    hands.set(start.millis() + 2 * HOUR + 300_001);
    assert_eq!(ledger.code(&mut scribe, &put()), "clock_unsound");
    assert!(!ledger.handle.is_clock_sound());
    let records = ledger.handle.published().state.length();
    hands.set(start.millis() + HOUR);
    assert_eq!(ledger.code(&mut scribe, &put()), "clock_unsound", "set right, and still not believed");
    hands.pass(2 * HOUR);
    assert_eq!(ledger.code(&mut scribe, &put()), "clock_unsound", "nor by waiting");
    assert_eq!(ledger.code(&mut scribe, "acme ledger.confirm_clock reason=mine"), "not_authorised");
    assert_eq!(ledger.code(&mut scribe, &put()), "clock_unsound", "nor by another's word");
    assert_eq!(ledger.handle.published().state.length(), records, "nothing was recorded");
    assert_eq!(ledger.code(&mut scribe, "pb ledger.confirm_clock reason=ntp"), "ok");
    assert!(ledger.handle.is_clock_sound());
    let told = ledger.handle.published().state.opened().unwrap().clock_confirmed.clone().unwrap();
    assert_eq!((told.seq, told.recorded_at.millis()), (records, start.millis() + 3 * HOUR));
    assert_eq!(ledger.code(&mut scribe, &put()), "ok");
    ledger.end();

    // A restart after six days is a weekend; after eight, nobody can say what became of the clock.
    let hands = Hands::at(start.millis() + 6 * DAY);
    let ledger = Running::start(&home, &hands);
    assert_eq!(ledger.code(&mut scribe, &put()), "ok");
    ledger.end();
    let hands = Hands::at(start.millis() + 14 * DAY);
    let ledger = Running::start(&home, &hands);
    assert!(!ledger.handle.is_clock_sound());
    assert_eq!(ledger.code(&mut scribe, &put()), "clock_unsound");
    assert_eq!(ledger.code(&mut scribe, "pb ledger.confirm_clock reason=weekend"), "ok");
    assert_eq!(ledger.code(&mut scribe, &put()), "ok");
    let live = ledger.handle.published().state.clone();
    ledger.end();

    // The records alone give the same: a replay asks no clock.
    let ledger = Running::start(&home, &hands);
    assert_eq!(ledger.handle.published().state, live);
    ledger.end();
}
