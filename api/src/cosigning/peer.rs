//! A witness's own thread: ask, hear, and wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use ledger::digest::Digest;
use ledger::log::LogReader;
use ledger::witness::AddCheckpoint;
use ledger::witness::client::{Ask, Reply};

use super::Cosigning;
use super::ask::Asker;

/// Whom a thread asks, and under which policy.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) policy: Digest,
    /// Its place in the policy.
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) url: String,
}

/// Asks a witness on a thread of its own, until another policy is in force or the server ends.
pub(super) fn start(cosigning: &Arc<Cosigning>, asker: &Asker, peer: Peer) {
    let (cosigning, asker) = (Arc::clone(cosigning), asker.clone());
    let name = peer.name.clone();
    let started = thread::Builder::new().name("witness".to_owned()).spawn(move || {
        // One of our own assumptions was false: as bad as no answer, for this witness alone.
        while catch_unwind(AssertUnwindSafe(|| run(&cosigning, &asker, &peer))).is_err() {
            tracing::error!(witness = peer.name, "the witness's thread panicked: it is asked again later");
            hear(&cosigning, &peer, "", Reply::None("the thread that asked panicked".to_owned()));
        }
    });
    if let Err(error) = started {
        tracing::error!(witness = name, %error, "no thread for a witness: it is not asked");
    }
}

fn run(cosigning: &Cosigning, asker: &Asker, peer: &Peer) {
    while let Some(ask) = cosigning.next(&peer.policy, peer.place) {
        let (request, reply) = send(&cosigning.log, asker, peer, &ask);
        cosigning.count(&peer.name, told(&reply));
        hear(cosigning, peer, &request, reply);
    }
}

fn send(log: &LogReader, asker: &Asker, peer: &Peer, ask: &Ask) -> (String, Reply) {
    let size = ask.checkpoint.head().size;
    // From size 0 nothing is to be shown.
    let path = if ask.old == 0 { Ok(Vec::new()) } else { log.consistency(ask.old, size) };
    match path {
        Ok(path) => {
            let note = ask.checkpoint.to_string();
            let request = AddCheckpoint { old: ask.old, path, note }.to_string();
            let reply = asker.post(&format!("{}/add-checkpoint", peer.url), request.clone());
            (request, reply)
        }
        Err(error) => {
            tracing::error!(%error, old = ask.old, size, "no consistency proof could be made");
            (String::new(), Reply::None(error.to_string()))
        }
    }
}

fn told(reply: &Reply) -> String {
    match reply {
        Reply::Answer { status, .. } => status.to_string(),
        Reply::None(_) => "none".to_owned(),
    }
}

fn hear(cosigning: &Cosigning, peer: &Peer, request: &str, reply: Reply) {
    if let Reply::None(reason) = &reply {
        tracing::warn!(witness = peer.name, reason, "a witness did not answer");
    }
    let mut bytes = [0; 2];
    // Without chance attempts are spread no more, and that is all.
    let jitter = getrandom::fill(&mut bytes).map_or(0, |()| u16::from_ne_bytes(bytes));
    let (ours, now) = (cosigning.log.head().size, cosigning.now());
    let events =
        cosigning.with(&peer.policy, |witnesses| witnesses.answered(peer.place, reply, ours, now, jitter));
    cosigning.act_on(events.unwrap_or_default(), request);
}
