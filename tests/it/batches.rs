//! Commands that the sequencer judges in one batch: what one brings, takes or ends counts for the next,
//! and all of it lasts together.

use std::sync::Arc;

use ledger::digest::Digest;
use ledger::intake;
use ledger::opening::OpenLedger;
use ledger::replay;
use ledger::sequencer::{Outcome, Request};
use ledger::state::State;
use ledger::store::StoredDocument;
use tests::scribe::{Scribe, key};
use tests::served::init_ledger;
use tests::world;

/// What became of a request, in a word.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(receipt) => format!("accepted {}", receipt.record.seq),
        Outcome::Repeated(receipt) => format!("repeated {}", receipt.record.seq),
        Outcome::Rejected(rejection) => rejection.code().to_owned(),
        Outcome::StorageFull | Outcome::ClockUnsound => "broken".to_owned(),
    }
}

/// A command with all its documents as fresh ones, as if each author had just uploaded them.
pub(crate) fn request(state: &State, envelope: &str, documents: &[Vec<u8>]) -> Request {
    let signed = intake::take_in(envelope.as_bytes(), state).expect("a signed command");
    let mut resolved = ledger::apply::Documents::default();
    let mut bytes = Vec::new();
    for document in documents {
        let digest = Digest::of(document);
        resolved.fresh.insert(digest, u64::try_from(document.len()).expect("small"));
        bytes.push(StoredDocument { digest, bytes: document.as_slice().into() });
    }
    let find = |digest: &Digest| -> Result<_, ()> {
        Ok(documents.iter().find(|bytes| Digest::of(bytes) == *digest).map(|bytes| bytes.as_slice().into()))
    };
    resolved.content = replay::content(state, &signed.command.body, find).expect("memory is read back");
    Request { signed, documents: resolved, bytes }
}

/// Runs the sequencer over requests that all wait when it starts: one batch.
pub(crate) fn run(opened: OpenLedger, requests: Vec<Request>) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (handle, sequencer) = (opened.handle, opened.sequencer);
    let count = requests.len();
    let outcomes = runtime.block_on(async {
        let mut waiting = Vec::new();
        for request in requests {
            let handle = handle.clone();
            waiting.push(tokio::spawn(async move { handle.submit(request).await }));
        }
        while handle.queue_depth() < count {
            tokio::task::yield_now().await;
        }
        let thread = std::thread::spawn(move || sequencer.run());
        let mut outcomes = Vec::new();
        for one in waiting {
            outcomes.push(one.await.expect("it is judged").expect("it is answered"));
        }
        drop(handle);
        (outcomes, thread)
    });
    let (outcomes, thread) = outcomes;
    thread.join().expect("the sequencer ends").expect("in good order");
    outcomes
}

/// Signs lines and runs them as one batch; `again` is the line before it, byte for byte.
fn batch(home: &std::path::Path, scribe: &mut Scribe, lines: &[&str]) -> Vec<String> {
    let opened = api::home::open_home(home).expect("it opens");
    let state = opened.handle.published().state.clone();
    let now = api::app::now();
    let mut envelope = String::new();
    let mut documents = Vec::new();
    let mut requests = Vec::new();
    for line in lines {
        if *line != "again" {
            let asked = scribe.read(line, now);
            envelope = scribe.sign(&asked, now).to_string();
            documents = asked.documents;
        }
        requests.push(request(&state, &envelope, &documents));
    }
    run(opened, requests).iter().map(word).collect()
}

#[test]
fn one_batch() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    init_ledger(dir.path());
    let home = dir.path().join("ledger");
    let mut scribe = Scribe::new(world::ORIGIN, "batches");
    world::name_documents(&mut scribe);
    // Parties first: who signs must be known when a command is taken in.
    let stage: Vec<&str> = world::lines(world::STAGE).collect();
    let (parties, rest) = stage.split_at(5);
    assert_eq!(batch(&home, &mut scribe, parties)[4], "accepted 5");
    let accepted: Vec<String> = (6..6 + rest.len()).map(|seq| format!("accepted {seq}")).collect();
    assert_eq!(batch(&home, &mut scribe, rest), accepted);
    assert_eq!(batch(&home, &mut scribe, &["acme key.add public_key=key:acme2 uses=command"]).len(), 1);

    let rows = [
        ("acme document.put digest=doc:shared media_type=text/csv size=6 purpose=x", "accepted"),
        ("again", "repeated"),
        ("zeta document.put digest=doc:shared media_type=text/csv size=6 purpose=x", "accepted"),
        // What a refused command brought is not there for the next, which brings its own.
        ("acme document.put digest=doc:lonely media_type=text/csv size=7 purpose=x", "document_digest"),
        ("acme document.put digest=digest:lonely media_type=text/csv size=6 purpose=x", "unknown_reference"),
        ("zeta document.put digest=doc:lonely media_type=text/csv size=6 purpose=x", "accepted"),
        ("acme document.put digest=digest:lonely media_type=text/csv size=6 purpose=x", "accepted"),
        // One key, two commands.
        (
            "acme movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC ^idempotency_key=0123456789012345678901",
            "accepted",
        ),
        (
            "acme movement.instruct movement=m2 mode=two_phase postings=ext.btc>acme.btc:1:BTC ^idempotency_key=0123456789012345678901",
            "idempotency_key_reused",
        ),
        // What one settles the next may spend, and only once.
        ("bank movement.settle movement=m1 evidence=doc:e1", "accepted"),
        ("acme movement.instruct movement=m3 mode=immediate postings=acme.btc>acme.btc.p:1:BTC", "accepted"),
        (
            "acme movement.instruct movement=m4 mode=immediate postings=acme.btc>acme.btc.p:1:BTC",
            "insufficient_available",
        ),
        ("acme movement.instruct movement=M3 mode=two_phase postings=ext.btc>acme.btc:1:BTC", "id_taken"),
        // A key that was revoked a moment ago signs nothing more.
        (
            "acme/acme2 movement.instruct movement=m5 mode=two_phase postings=ext.btc>acme.btc:1:BTC",
            "accepted",
        ),
        ("acme/acme2 key.revoke keyid=key:acme2 reason=lost", "accepted"),
        (
            "acme/acme2 movement.instruct movement=m6 mode=two_phase postings=ext.btc>acme.btc:1:BTC",
            "key_not_active",
        ),
        // A command that was refused may be sent again, and holds once it does.
        ("acme movement.void movement=m6 reason=x", "unknown_reference"),
        ("again", "unknown_reference"),
    ];
    let lines: Vec<&str> = rows.iter().map(|(line, _)| *line).collect();
    let got = batch(&home, &mut scribe, &lines);
    for ((line, want), got) in rows.iter().zip(&got) {
        assert_eq!(got.split(' ').next(), Some(*want), "{line}");
    }
    assert_eq!(got[0].replace("accepted", "repeated"), got[1], "the same receipt");

    // From the journal alone the same state, and every document.
    let opened = api::home::open_home(&home).expect("it opens");
    let reader = Arc::clone(opened.handle.store());
    let mut state = State::new(world::ORIGIN);
    for batch in reader.batches(0) {
        for stored in &batch.expect("the journal is whole").records {
            let taken = replay::take_up(&state, stored, reader.as_ref());
            state = taken.expect("a record is taken up again").state;
        }
    }
    assert!(state == opened.handle.published().state, "the snapshot is what the journal gives");
    for name in ["shared", "lonely", "e1"] {
        let bytes = reader.document(&Digest::of(name.as_bytes())).expect("the store reads");
        assert_eq!(bytes.as_deref(), Some(name.as_bytes()), "{name}");
    }
    let acme = state.party(&ledger::id::PartyId::parse("acme").expect("an id")).expect("acme");
    assert!(acme.key(key("acme2").public().id()).expect("its second key").revoked_seq.is_some());
}
