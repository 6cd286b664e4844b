//! What a witness is asked, what it answers, and what it remembers.

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use ledger::checkpoint::SignedCheckpoint;
use ledger::cosignature::Cosigner;
use ledger::merkle::TreeHead;
use ledger::note::{KeyName, LogSigner};
use ledger::policy::Policy;
use ledger::witness::client::{Event, Next, Now, Reply, Witnesses};
use ledger::witness::{AddCheckpoint, Memory, TrustedLog, decide};

use super::{Cost, Form, Reading, Target};

pub(super) const TARGETS: [Target; 3] = [
    Target {
        name: "add_checkpoint",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: requests,
        read: read_request,
    },
    Target {
        name: "witness_state",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: memories,
        read: read_memory,
    },
    Target {
        name: "witness_answer",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: answers,
        read: read_answer,
    },
];

const ORIGIN: &str = "ledger.example/fuzz";

static LOG: LazyLock<LogSigner> =
    LazyLock::new(|| LogSigner::new(KeyName::new(ORIGIN).expect("a name"), &[1; 32]));

static OWN: LazyLock<Cosigner> =
    LazyLock::new(|| Cosigner::new(KeyName::new("witness.example/fuzz").expect("a name"), &[2; 32]));

static TRUSTED: LazyLock<[TrustedLog; 1]> =
    LazyLock::new(|| [TrustedLog::new(ORIGIN, vec![LOG.verifier().clone()]).expect("a log")]);

fn checkpoint() -> SignedCheckpoint {
    SignedCheckpoint::sign(ORIGIN, [&*LOG], TreeHead::EMPTY).expect("a checkpoint")
}

fn requests() -> Vec<Vec<u8>> {
    let note = checkpoint().to_string();
    let hash = "4CIng5p7JDfLRNEYo+jo6B9bAJbmHNZMlM4PfUa3G0A=\n";
    [
        format!("old 0\n\n{note}"),
        format!("old 3\n{hash}{hash}\n{note}"),
        format!("old 0\n{}\n{note}", hash.repeat(63)),
    ]
    .map(String::into_bytes)
    .into()
}

fn read_request(bytes: &[u8]) -> Reading {
    let read = AddCheckpoint::parse(bytes);
    if let Ok(request) = &read {
        assert_eq!(request.to_string().as_bytes(), bytes);
    }
    if let Ok(accepted) = decide(&*TRUSTED, &OWN, &Memory::default(), bytes, 7) {
        let memory = Memory::default().with(&accepted.origin, accepted.seen);
        let kept = memory.print(OWN.verifier());
        assert_eq!(
            Memory::parse(kept.as_bytes(), OWN.verifier()),
            Ok(memory),
            "what is accepted is remembered"
        );
    }
    Reading::of(&read)
}

fn memories() -> Vec<Vec<u8>> {
    let request = format!("old 0\n\n{}", checkpoint());
    let accepted =
        decide(&*TRUSTED, &OWN, &Memory::default(), request.as_bytes(), 7).expect("it is accepted");
    [Memory::default(), Memory::default().with(&accepted.origin, accepted.seen)]
        .map(|memory| memory.print(OWN.verifier()).into_bytes())
        .into()
}

fn read_memory(bytes: &[u8]) -> Reading {
    let read = Memory::parse(bytes, OWN.verifier());
    if let Ok(memory) = &read {
        let again = memory.print(OWN.verifier());
        assert_eq!(Memory::parse(again.as_bytes(), OWN.verifier()).as_ref(), Ok(memory));
    }
    Reading::of(&read)
}

/// A status in three digits, then the body.
fn answers() -> Vec<Vec<u8>> {
    let line = OWN.cosign(checkpoint().note().text(), 100);
    [format!("200{line}"), "4090\n".to_owned(), "4095\n".to_owned(), "422no\n".to_owned()]
        .map(String::into_bytes)
        .into()
}

fn read_answer(bytes: &[u8]) -> Reading {
    let Some((status, body)) = bytes.split_at_checked(3) else { return Reading::Refused };
    let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
    let Some(status) = status else { return Reading::Refused };
    let policy = format!("log {}\nwitness w {}\nquorum w\n", LOG.verifier(), OWN.verifier());
    let policy = Policy::parse(&policy).expect("a policy");
    let mut all = Witnesses::new(policy.clone(), Duration::from_secs(600), |_| true);
    all.publish(Arc::new(checkpoint()));
    let now = Now { passed: Duration::ZERO, secs: 100 };
    assert!(matches!(all.next(0, now), Next::Ask(_)));
    let events = all.answered(0, Reply::Answer { status, body: body.to_vec() }, 0, now, 0);
    for event in &events {
        match event {
            Event::Witnessed(shown) => {
                assert!(policy.check(&shown.to_string()).is_ok(), "only what is met is shown")
            }
            Event::Ahead { size, ours, .. } => assert!(size > ours && all.is_halted()),
            Event::Alarm(alarm) => assert!(!alarm.kind.to_string().is_empty()),
        }
    }
    let shown = events.iter().any(|event| matches!(event, Event::Witnessed(_)));
    assert_eq!(all.witnessed_size().is_some(), shown);
    if shown { Reading::Accepted } else { Reading::Refused }
}
