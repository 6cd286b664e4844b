use super::*;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::cosignature::Cosigner;
use crate::fork::Fork;
use crate::merkle::{EMPTY_ROOT, Subtree, TreeHead, consistency_path, leaf_hash, root_of};
use crate::note::{KeyName, LogSigner, Note, VerifierKey};
use crate::witness::startup::{Finding, Heard, judge};

const ORIGIN: &str = "ledger.example/w";

fn signer(seed: u8) -> LogSigner {
    LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[seed; 32])
}

fn cosigner() -> Cosigner {
    Cosigner::new(KeyName::new("witness.example/w1").unwrap(), &[9; 32])
}

fn logs() -> Vec<TrustedLog> {
    vec![TrustedLog::new(ORIGIN, vec![signer(1).verifier().clone(), signer(2).verifier().clone()]).unwrap()]
}

/// A history's leaves.
fn leaves(story: &str, size: u64) -> Vec<Digest> {
    (0..size).map(|i| leaf_hash(format!("{story} {i}").as_bytes())).collect()
}

fn head(story: &str, size: u64) -> TreeHead {
    TreeHead { size, root: root_of(leaves(story, size)) }
}

fn note(seed: u8, head: TreeHead) -> String {
    SignedCheckpoint::sign(ORIGIN, [&signer(seed)], head).unwrap().to_string()
}

fn path(story: &str, old: u64, new: u64) -> Vec<Digest> {
    let leaves = leaves(story, new);
    consistency_path(old, new, &mut |node: Subtree| {
        let at = |i: u64| usize::try_from(i << node.level).unwrap();
        Ok::<_, ()>(root_of(leaves[at(node.index)..at(node.index + 1)].iter().copied()))
    })
    .unwrap()
}

fn request(story: &str, old: u64, new: u64) -> String {
    AddCheckpoint { old, path: path(story, old, new), note: note(1, head(story, new)) }.to_string()
}

fn decide_at(memory: &Memory, body: &str, now: u64) -> Result<Accepted, Refusal> {
    decide(&logs(), &cosigner(), memory, body.as_bytes(), now)
}

/// What a witness remembers after that history at that size.
fn remembering(story: &str, size: u64) -> Memory {
    let accepted = decide_at(&Memory::default(), &request(story, 0, size), 1_000).unwrap();
    Memory::default().with(ORIGIN, accepted.seen)
}

fn status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Request(_) | Refusal::Checkpoint { .. } => 400,
        Refusal::UnknownLog { .. } => 404,
        Refusal::Signature(_) => 403,
        Refusal::Stale { .. } => 409,
        Refusal::Inconsistent { .. } => 422,
    }
}

/// One row for each rung, each with what the rungs below would say too: the first that holds answers.
#[test]
fn the_ladder_in_its_order() {
    let good = request("a", 3, 5);
    let unsigned = |text: &str| format!("{text}\n— {ORIGIN} AAAAAAA=\n");
    let wrong_key = AddCheckpoint { old: 3, path: path("a", 3, 5), note: note(7, head("a", 5)) }.to_string();
    let body_of = |text: String| {
        let line = signer(1).line(&text);
        format!("old 3\n\n{}", Note::new(&text, vec![line]).unwrap())
    };
    let hash = "4CIng5p7JDfLRNEYo+jo6B9bAJbmHNZMlM4PfUa3G0A=";
    for (body, want, why) in [
        (good.clone(), 200, "extends what was seen"),
        (request("a", 3, 3), 200, "the same again"),
        // 1: grammar.
        (good.replacen("old 3", "old 03", 1), 400, "leading zero"),
        (good.replacen("old 3", "old -3", 1), 400, "sign"),
        (good.replacen("old 3", "old 9223372036854775808", 1), 400, "2^63"),
        (good.replacen("old 3", "Old 3", 1), 400, "keyword"),
        (good.replacen("old 3\n", "old 3\r\n", 1), 400, "carriage return"),
        (good.replacen("old 3\n", "old 3\nAAAA\n", 1), 400, "short hash"),
        (good.replacen("old 3\n", &format!("old 3\n{}\n", hash.replace("0A=", "0B=")), 1), 400, "spare bits"),
        (format!("old 3\n{}\nunknown.example\n", format!("{hash}\n").repeat(64)), 400, "64 hashes"),
        ("old 3\n".to_owned(), 400, "no empty line"),
        (String::new(), 400, "nothing"),
        // 2: the log, before its note is read at all.
        ("old 3\n\nunknown.example\n".to_owned(), 404, "another log, and no note"),
        (format!("old 3\n{}\nunknown.example\n", format!("{hash}\n").repeat(63)), 404, "63 hashes"),
        ("old 3\n\n".to_owned(), 404, "no note"),
        // 3: the note and its signatures, before its text is read.
        (format!("old 3\n\n{ORIGIN}\n"), 403, "no note"),
        (format!("old 3\n\n{}", unsigned(&format!("{ORIGIN}\nno checkpoint\n"))), 403, "malformed line"),
        (wrong_key.clone(), 403, "a key nobody trusts"),
        (format!("{good}{}", signer(2).line("another text\n")), 403, "one good, one bad"),
        // 4: the checkpoint.
        (body_of(format!("{ORIGIN}\n5\n")), 400, "two lines"),
        (body_of(format!("{ORIGIN}\n05\n{hash}\n")), 400, "size"),
        (good.replacen("old 3", "old 6", 1), 400, "old above the size, and stale"),
        // 5: the size seen last.
        (request("a", 2, 5), 409, "smaller"),
        (request("a", 4, 5), 409, "larger"),
        (request("a", 0, 5), 409, "never seen, it says"),
        (request("b", 0, 3), 409, "a fork of the very size"),
        (
            body_of(format!("{ORIGIN}\n0\n{hash}\n")).replacen("old 3", "old 0", 1),
            409,
            "size 0 with a root, and stale",
        ),
        // 6: the proof.
        (request("b", 3, 3), 422, "one size, two roots"),
        (request("b", 3, 5), 422, "another history"),
        (good.replacen("old 3\n", &format!("old 3\n{hash}\n"), 1), 422, "a hash too many"),
        (request("a", 3, 3).replacen("old 3\n", &format!("old 3\n{hash}\n"), 1), 422, "no proof is needed"),
        (format!("old 3\n\n{}", note(1, head("a", 5))), 422, "no proof"),
    ] {
        let got =
            decide_at(&remembering("a", 3), &body, 2_000).map_or_else(|refusal| status(&refusal), |_| 200);
        assert_eq!(got, want, "{why}: {body}");
    }
}

#[test]
fn what_was_never_seen_starts_at_nothing() {
    let hash = "4CIng5p7JDfLRNEYo+jo6B9bAJbmHNZMlM4PfUa3G0A=";
    let with_root = format!("{ORIGIN}\n0\n{hash}\n");
    let with_root = Note::new(&with_root, vec![signer(1).line(&with_root)]).unwrap();
    for (body, want) in [
        (request("a", 0, 0), 200),
        (request("a", 0, 1), 200),
        (request("a", 0, 1_000), 200),
        (request("a", 1, 2), 409),
        (request("a", 0, 2).replacen("old 0\n", &format!("old 0\n{hash}\n"), 1), 422),
        (format!("old 0\n\n{with_root}"), 422),
    ] {
        let got = decide_at(&Memory::default(), &body, 5).map_or_else(|refusal| status(&refusal), |_| 200);
        assert_eq!(got, want, "{body}");
    }
    // An empty tree that was cosigned is seen, and any tree extends it.
    let empty = remembering("a", 0);
    assert_eq!(empty.seen(ORIGIN).unwrap().head(), TreeHead { size: 0, root: EMPTY_ROOT });
    assert!(decide_at(&empty, &request("a", 0, 2), 5).is_ok());
}

#[test]
fn the_answer_is_our_line_over_the_whole_text() {
    let text = format!("{}extension\n", Checkpoint::new(ORIGIN, head("a", 3)).unwrap());
    let stranger = Cosigner::new(KeyName::new("stranger.example").unwrap(), &[8; 32]).cosign(&text, 1);
    let lines = vec![stranger, signer(2).line(&text), signer(1).line(&text)];
    let body = format!("old 0\n\n{}", Note::new(&text, lines.clone()).unwrap());
    let accepted = decide_at(&Memory::default(), &body, 77).unwrap();
    let answered = Note::new(&text, vec![accepted.answer.clone()]).unwrap();
    let own: VerifierKey = cosigner().verifier().clone();
    assert_eq!(answered.verify([&own]).unwrap()[0].time, Some(77));
    let [_, second, first] = &lines[..] else { panic!("three lines") };
    let kept = [second.clone(), first.clone(), accepted.answer];
    assert_eq!(accepted.seen.note().signatures(), kept, "a stranger's line is not kept");
}

#[test]
fn signed_time_never_falls() {
    let mut memory = remembering("a", 3);
    assert_eq!(memory.last_time(), 1_000);
    for (now, signed) in [(900, 1_000), (1_001, 1_001), (0, 1_001)] {
        let accepted = decide_at(&memory, &request("a", 3, 3), now).unwrap();
        assert_eq!(accepted.seen.time(), signed);
        memory = memory.with(ORIGIN, accepted.seen);
    }
}

#[test]
fn a_fork_at_one_size_is_evidence_whatever_the_answer() {
    let memory = remembering("a", 3);
    for (body, is_fork) in [
        (request("b", 3, 3), true),
        (request("b", 0, 3), true),
        (request("b", 3, 5), false),
        (request("a", 0, 3), false),
    ] {
        let refusal = decide_at(&memory, &body, 5).unwrap_err();
        let fork = refusal.fork().map(|fork| fork.verify(ORIGIN, [signer(1).verifier()]));
        assert_eq!(matches!(fork, Some(Ok(Fork::SameSize { size: 3, .. }))), is_fork, "{body}");
    }
}

#[test]
fn memory_is_read_back_or_refused() {
    let own = cosigner();
    let mut memory = remembering("a", 3);
    memory = memory.with("another.example", memory.seen(ORIGIN).unwrap().clone());
    let other_origin = Memory::parse(memory.print(own.verifier()).as_bytes(), own.verifier()).unwrap();
    assert_eq!(other_origin.seen("another.example"), None, "the note says which log it is of");
    for memory in [Memory::default(), remembering("a", 0), remembering("a", 300)] {
        let bytes = memory.print(own.verifier()).into_bytes();
        assert_eq!(Memory::parse(&bytes, own.verifier()), Ok(memory));
        let stranger = Cosigner::new(KeyName::new("w").unwrap(), &[1; 32]);
        let refused = Memory::parse(&bytes, stranger.verifier());
        assert!(matches!(refused, Err(MemoryError::OtherWitness { .. })), "{refused:?}");
        for cut in 0..bytes.len() {
            assert!(Memory::parse(&bytes[..cut], own.verifier()).is_err(), "cut at {cut}");
        }
        for flip in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[flip] ^= 1;
            assert!(Memory::parse(&bytes, own.verifier()).is_err(), "flipped at {flip}");
        }
    }
}

#[test]
fn logs_that_nobody_can_trust() {
    let (own, log) = (cosigner().verifier().clone(), signer(1).verifier().clone());
    assert!(matches!(TrustedLog::new(ORIGIN, vec![]), Err(TrustedLogError::NoKey { .. })));
    assert!(matches!(TrustedLog::new(ORIGIN, vec![own]), Err(TrustedLogError::NotALogKey { .. })));
    assert!(matches!(TrustedLog::new("", vec![log]), Err(TrustedLogError::Origin { .. })));
}

#[test]
fn what_is_heard_before_the_first_signature() {
    let root_at = |size| (size != 7).then(|| head("a", size).root);
    for (heard, want) in [
        (Heard::Saw(0), Finding::Behind(0)),
        (Heard::Saw(10), Finding::Behind(10)),
        (Heard::Saw(11), Finding::Ahead(11)),
        (Heard::Holds(head("a", 10)), Finding::Behind(10)),
        (Heard::Holds(head("a", 11)), Finding::Ahead(11)),
        (Heard::Holds(head("b", 11)), Finding::Ahead(11)),
        (Heard::Holds(head("b", 9)), Finding::Differs(head("b", 9))),
        (Heard::Holds(head("b", 0)), Finding::Behind(0)),
        (Heard::Holds(head("a", 7)), Finding::Unknown("the tree of 7 leaves cannot be read".to_owned())),
        (Heard::Nothing("refused".to_owned()), Finding::Unknown("refused".to_owned())),
    ] {
        assert_eq!(judge(heard.clone(), 10, root_at), want, "{heard:?}");
    }
}
