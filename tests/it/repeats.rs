//! Idempotency: the same bytes are answered with the first receipt, whenever they come again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::envelope::Envelope;
use ledger::note::{KeyName, LogSigner};
use ledger::opening::{LogKeys, OpenLedger, open};
use ledger::sequencer::{Clock, Outcome};
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};
use ledger::time::Timestamp;
use proptest::prelude::*;
use tests::scribe::Scribe;
use tests::world;

use crate::batches::{request, run};

const START_MS: u64 = 1_790_000_000_000;
const LOG_SEED: [u8; 32] = [1; 32];

/// A clock that goes only when it is told to.
struct Told(Arc<AtomicU64>);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(START_MS + self.0.load(Ordering::Relaxed)).expect("a time")
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// That many of the commands not yet sent, in one batch.
    Send(usize),
    /// One that was recorded comes again, twice in one batch.
    Again(usize),
    /// Time passes: commands are good for ten minutes.
    Wait(u64),
    /// The index is lost.
    LoseIndex,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        3 => (1_usize..12).prop_map(Event::Send),
        4 => (0_usize..100).prop_map(Event::Again),
        2 => (0_u64..900_000).prop_map(Event::Wait),
        1 => Just(Event::LoseIndex),
    ];
    prop::collection::vec(one, 3..9)
}

fn opened(dir: &Path, clock: &Arc<AtomicU64>) -> OpenLedger {
    let (store, _) = EmbeddedStore::open(dir, world::ORIGIN, EmbeddedOptions::default()).expect("it opens");
    let log = dir.join("log");
    let keys = LogKeys { directory: &log, seed: &LOG_SEED };
    open(world::ORIGIN, Box::new(store), &keys, Box::new(Told(Arc::clone(clock)))).expect("it replays")
}

/// The commands of the stage, each signed when it is sent, and the documents they bring.
struct Sender {
    scribe: Scribe,
    lines: Vec<&'static str>,
    sent: Vec<(Envelope, Vec<Vec<u8>>)>,
}

/// Record 0, with the key that signs checkpoints.
fn opening() -> String {
    let signer = LogSigner::new(KeyName::new(world::ORIGIN).expect("a name"), &LOG_SEED);
    let vkey = signer.verifier();
    format!(
        "pb ledger.open operator=pb legal_name=pb public_key=key:pb uses=approval,command,price,session \
         log_vkey={vkey} witness_policy=doc:policy"
    )
}

impl Sender {
    fn new() -> Self {
        let mut scribe = Scribe::new(world::ORIGIN, "repeats");
        world::name_documents(&mut scribe);
        Self { scribe, lines: world::lines(world::STAGE).collect(), sent: Vec::new() }
    }

    /// The next lines, at most `count`. Who is not the operator comes first: a party's key is known once
    /// it is recorded, and not earlier in its batch.
    fn next_batch(&mut self, count: usize) -> Vec<&'static str> {
        let others = self.lines.iter().take(count).skip(1).position(|line| !line.starts_with("pb "));
        let count = others.map_or(count, |place| place + 1).min(self.lines.len());
        self.lines.drain(..count).collect()
    }

    fn sign(&mut self, line: &str, now: Timestamp) -> usize {
        let asked = self.scribe.read(line, now);
        let envelope = self.scribe.sign(&asked, now);
        self.scribe.recorded(&asked, envelope.id());
        self.sent.push((envelope, asked.documents));
        self.sent.len() - 1
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Before and after restarts, with and without an index, before and after the command expired.
    #[test]
    fn the_same_bytes_get_the_first_receipt(events in events()) {
        let dir = tempfile::tempdir().expect("a folder");
        let options = EmbeddedOptions { segment_bytes: 256 << 10, ..EmbeddedOptions::default() };
        let created = Timestamp::from_millis(START_MS).expect("a time");
        EmbeddedStore::create_with(dir.path(), world::ORIGIN, created, options).expect("a ledger");
        let clock = Arc::new(AtomicU64::new(0));
        let mut sender = Sender::new();
        let mut receipts = Vec::new();
        let play = |places: &[usize], sender: &Sender| {
            // Each batch is a run of its own: the ledger is opened again before each.
            let ledger = opened(dir.path(), &clock);
            let state = ledger.handle.published().state.clone();
            let requests = places.iter().map(|place| {
                let (envelope, documents) = &sender.sent[*place];
                request(&state, &envelope.to_string(), documents)
            });
            let requests = requests.collect();
            run(ledger, requests)
        };

        let now = |clock: &AtomicU64| Timestamp::from_millis(START_MS + clock.load(Ordering::Relaxed)).expect("a time");
        let open_at = sender.sign(&opening(), now(&clock));
        receipts.extend(play(&[open_at], &sender));
        for event in events {
            match event {
                Event::Send(count) => {
                    let lines: Vec<&str> = sender.next_batch(count);
                    let places: Vec<usize> =
                        lines.into_iter().map(|line| sender.sign(line, now(&clock))).collect();
                    receipts.extend(play(&places, &sender));
                }
                Event::Again(place) => {
                    let place = place % receipts.len();
                    let Outcome::Accepted(first) = &receipts[place] else { panic!("{:?}", receipts[place]) };
                    for outcome in play(&[place, place], &sender) {
                        prop_assert_eq!(&outcome, &Outcome::Repeated(first.clone()), "command {}", place);
                    }
                }
                Event::Wait(ms) => {
                    clock.fetch_add(ms, Ordering::Relaxed);
                }
                Event::LoseIndex => {
                    // Lost already, perhaps.
                    let _ = std::fs::remove_dir_all(dir.path().join("index"));
                }
            }
        }
        let length = opened(dir.path(), &clock).handle.published().state.length();
        prop_assert_eq!(length, receipts.len() as u64, "a repetition is no record");
    }
}
