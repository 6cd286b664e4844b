//! Acknowledged means durable: the real server under load, killed again and again.
//!
//! After each kill every receipt that was ever given stands: the same bytes get it again, every
//! checkpoint seen is of the one history, and no record is missing. Nothing here waits for time: a
//! round ends when a seeded number of commands was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};

use api::app::now;
use api::client::Client;
use ledger::checkpoint::{SignedCheckpoint, parse_hash};
use ledger::digest::Digest;
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::merkle::{self, Frontier, TreeHead, leaf_hash};
use ledger::note::VerifierKey;
use ledger::proof::TlogProof;
use ledger::record::Record;
use tests::http::{Answer, Http};
use tests::process::ServerProcess;
use tests::scribe::{Scribe, key};
use tests::served::init_ledger;
use tests::world;

const ROUNDS: u64 = 20;

/// A command that was sent, with the document it brings.
#[derive(Clone)]
struct Sent {
    envelope: String,
    document: Option<Vec<u8>>,
}

/// A command with the receipt it got.
struct Acknowledged {
    sent: Sent,
    receipt: Json,
}

/// What a round's clients saw.
enum Seen {
    Acknowledged(Box<Acknowledged>),
    /// No answer: the server was killed first. Recorded or not, nobody knows yet.
    InDoubt(Sent),
}

/// Everything that the outside holds against the ledger.
#[derive(Default)]
struct Held {
    acknowledged: Vec<Acknowledged>,
    heads: BTreeMap<u64, Digest>,
    in_doubt: Vec<Sent>,
}

#[test]
fn every_acknowledged_command_survives_every_kill() {
    let seed = std::env::var("PLEDGER_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut random = seed.unwrap_or_else(|| now().millis());
    println!("PLEDGER_SEED={random}");
    let dir = tempfile::tempdir().expect("a temporary directory");
    init_ledger(dir.path());
    let home = dir.path().join("ledger");
    set_the_stage(&home);
    let mut held = Held::default();
    let mut checked = 0;
    for round in 0..=ROUNDS {
        let server = ServerProcess::start(&home);
        check_round(&server, &mut held, checked);
        checked = held.acknowledged.len();
        if round == ROUNDS {
            check_all(&server, &held);
            break;
        }
        let target = 10 + next(&mut random) % 40;
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            for who in ["acme", "zeta", "pb", "bank"] {
                let (tell, url) = (tell.clone(), server.url().to_owned());
                scope.spawn(move || work(&url, who, round, &tell));
            }
            drop(tell);
            take(&told, target, &mut held);
            server.kill();
            take(&told, u64::MAX, &mut held);
        });
    }
}

/// SplitMix64.
fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*random ^ (*random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
}

fn set_the_stage(home: &Path) {
    let server = ServerProcess::start(home);
    let http = Http::new(server.url());
    let mut scribe = Scribe::new(world::ORIGIN, "stage");
    let without_documents = |line: &&str| !line.contains("agreement.") && !line.contains(" prices ");
    for line in world::lines(world::STAGE).filter(without_documents) {
        let asked = scribe.read(line, now());
        let envelope = scribe.sign(&asked, now()).to_string();
        let answer = http.send("POST", "/v1/commands", &[], envelope.as_bytes());
        assert_eq!(answer.status, 201, "{line}");
    }
    server.kill();
}

/// Sends commands, one after the other, until nobody answers.
fn work(url: &str, who: &str, round: u64, tell: &Sender<Seen>) {
    let http = Http::new(url);
    let mut scribe = Scribe::new(world::ORIGIN, &format!("{who} {round}"));
    let mut client = Client::new(url);
    let party = PartyId::parse(who).expect("an id");
    if client.sign_in(world::ORIGIN, &party, &key(who)).is_err() {
        return;
    }
    for number in 0_u64.. {
        let line = match who {
            "pb" => format!("pb asset.define asset=A{round}.{number} kind=token decimals=0"),
            "bank" => {
                let name = format!("statement.{round}.{number}");
                let size = name.len();
                format!("bank document.put digest=doc:{name} media_type=text/csv size={size} purpose=test")
            }
            _ => format!(
                "{who} movement.instruct movement={who}.{round}.{number} mode=two_phase \
                 postings=ext.btc>{who}.btc:0.00000001:BTC"
            ),
        };
        let asked = scribe.read(&line, now());
        let document = asked.documents.first().cloned();
        if document.as_ref().is_some_and(|document| client.upload(document).is_err()) {
            return;
        }
        let sent = Sent { envelope: scribe.sign(&asked, now()).to_string(), document };
        let answer = http.try_send("POST", "/v1/commands", &[], sent.envelope.as_bytes());
        let seen = match answer {
            Ok(answer) if answer.status == 201 => {
                Seen::Acknowledged(Box::new(Acknowledged { receipt: answer.json(), sent }))
            }
            Ok(answer) => panic!("{line}: {}", String::from_utf8_lossy(&answer.body)),
            Err(_) => Seen::InDoubt(sent),
        };
        let over = matches!(seen, Seen::InDoubt(_));
        if tell.send(seen).is_err() || over {
            return;
        }
    }
}

/// Takes what clients tell until so many are acknowledged, or no client is left.
fn take(told: &Receiver<Seen>, target: u64, held: &mut Held) {
    let mut acknowledged = 0;
    while acknowledged < target
        && let Ok(seen) = told.recv()
    {
        match seen {
            Seen::Acknowledged(one) => {
                acknowledged += 1;
                held.acknowledged.push(*one);
            }
            Seen::InDoubt(sent) => held.in_doubt.push(sent),
        }
    }
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A receipt without what moves on.
fn lasting(receipt: &Json) -> String {
    let members = receipt.as_object().unwrap_or_default().iter();
    let moving = ["stage", "proof", "checkpoint_size"];
    Json::object(members.filter(|(name, _)| !moving.contains(&name.as_str())).cloned()).to_string()
}

fn vkey(http: &Http) -> VerifierKey {
    VerifierKey::parse(&http.get("/v1/ledger").text("vkey")).expect("a vkey")
}

/// Adds a head that the log has signed; the same size has the same root, for ever.
fn add_head(held: &mut Held, head: &TreeHead) {
    let known = held.heads.insert(head.size, head.root);
    assert!(known.is_none_or(|root| root == head.root), "two roots of size {}", head.size);
}

/// Checks, after a start, what the last round was told.
fn check_round(server: &ServerProcess, held: &mut Held, checked: usize) {
    let http = Http::new(server.url());
    let vkey = vkey(&http);
    let mut heads = Vec::new();
    for one in &held.acknowledged[checked..] {
        let proof = TlogProof::parse(text(&one.receipt, "proof")).expect("a proof");
        let shown = proof.verify(world::ORIGIN, [&vkey]).expect("a good proof");
        assert_eq!(shown.record.command_id.to_string(), text(&one.receipt, "command_id"));
        heads.push(shown.checkpoint.head());
        assert_repeated(&http, one);
    }
    for head in &heads {
        add_head(held, head);
    }
    if let Some(newest) = heads.iter().max_by_key(|head| head.size) {
        assert_kept(&http, &vkey, newest);
    }
    // What was in doubt is recorded once, whether it was before or is now.
    let mut client = Client::new(server.url());
    let bank = PartyId::parse("bank").expect("an id");
    client.sign_in(world::ORIGIN, &bank, &key("bank")).expect("a session");
    for sent in std::mem::take(&mut held.in_doubt) {
        if let Some(document) = &sent.document {
            client.upload(document).expect("a document is held");
        }
        let answer = http.send("POST", "/v1/commands", &[], sent.envelope.as_bytes());
        assert!([200, 201].contains(&answer.status), "{}", String::from_utf8_lossy(&answer.body));
        held.acknowledged.push(Acknowledged { sent, receipt: answer.json() });
    }
}

fn assert_repeated(http: &Http, one: &Acknowledged) {
    let again: Answer = http.send("POST", "/v1/commands", &[], one.sent.envelope.as_bytes());
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(lasting(&again.json()), lasting(&one.receipt));
}

/// The checkpoint that was seen is kept, and the log as it is now extends it.
fn assert_kept(http: &Http, vkey: &VerifierKey, seen: &TreeHead) {
    let kept = http.get(&format!("/v1/checkpoints/{}", seen.size));
    let note = String::from_utf8(kept.body.clone()).expect("text");
    assert_eq!(kept.status, 200, "checkpoint {}: {note}", seen.size);
    let kept = SignedCheckpoint::open(&note, world::ORIGIN, [vkey]).expect("a good checkpoint");
    assert_eq!(kept.head(), *seen);
    let note = String::from_utf8(http.get("/log/checkpoint").body).expect("text");
    let newest = SignedCheckpoint::open(&note, world::ORIGIN, [vkey]).expect("a good checkpoint").head();
    let proof = http.get(&format!("/v1/consistency?from={}&to={}", seen.size, newest.size)).json();
    let hashes = proof.get("hashes").and_then(Json::as_array).expect("hashes");
    let path: Vec<Digest> = hashes.iter().filter_map(|hash| parse_hash(hash.as_str()?)).collect();
    merkle::verify_consistency(seen, &newest, &path).expect("the log only grows");
}

/// The whole ledger at the end: no gap, one history, every receipt.
fn check_all(server: &ServerProcess, held: &Held) {
    let http = Http::new(server.url());
    let public = http.get("/v1/ledger");
    let size: u64 = public.text("size").parse().expect("a size");
    let mut tree = Frontier::default();
    let mut ids = Vec::new();
    for seq in 0..size {
        let leaf = http.get(&format!("/v1/records/{seq}")).text("leaf");
        let record = Record::parse(&leaf).expect("a record");
        assert_eq!(record.seq, seq, "no gap");
        ids.push(record.command_id.to_string());
        tree.push(leaf_hash(leaf.as_bytes()));
        if let Some(root) = held.heads.get(&tree.head().size) {
            assert_eq!(*root, tree.head().root, "the tree of {} records is the one seen", tree.head().size);
        }
    }
    assert_eq!(tree.head().root.to_string(), public.text("root"));
    let newest_seen = held.heads.keys().last().copied().unwrap_or_default();
    assert!(newest_seen <= size, "size {size}, but {newest_seen} was signed");
    let mut client = Client::new(server.url());
    let pb = PartyId::parse("pb").expect("an id");
    client.sign_in(world::ORIGIN, &pb, &key("pb")).expect("a session");
    for one in &held.acknowledged {
        let seq: usize = text(&one.receipt, "seq").parse().expect("a sequence number");
        assert_eq!(ids[seq], text(&one.receipt, "command_id"));
        if let Some(document) = &one.sent.document {
            let path = format!("/v1/documents/{}", Digest::of(document));
            let answer = client.send("GET", &path, None).expect("an answer");
            assert_eq!((answer.status, answer.body), (200, document.clone()), "its document");
        }
    }
    for one in &held.acknowledged {
        assert_repeated(&http, one);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(u64::try_from(ids.len()).ok(), Some(size), "no command stands twice");
    println!("{size} records, {} receipts, {} heads", held.acknowledged.len(), held.heads.len());
}
