use super::*;
use crate::cosignature::Cosigner;
use crate::merkle::TreeHead;
use crate::note::{KeyName, LogSigner};

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn log() -> LogSigner {
    LogSigner::new(name("ledger.example/p"), &[100; 32])
}

fn witness(i: u8) -> Cosigner {
    Cosigner::new(name(&format!("witness.example/{i}")), &[i; 32])
}

/// `log` and witnesses w1…w6, then `rest`.
fn policy(rest: &str) -> Result<Policy, PolicyError> {
    let witnesses: String = (1..=6).map(|i| format!("witness w{i} {}\n", witness(i).verifier())).collect();
    Policy::parse(&format!("log {}\n{witnesses}{rest}", log().verifier()))
}

#[test]
fn quorums() {
    let two_levels = "group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup xy all x y\nquorum xy\n";
    for (rest, cosigners, met) in [
        ("quorum none\n", &[][..], true),
        ("quorum w1\n", &[], false),
        ("quorum w1\n", &[1], true),
        ("quorum w1\n", &[2], false),
        ("group g 2 w1 w2 w3\nquorum g\n", &[1, 1], false),
        ("group g 2 w1 w2 w3\nquorum g\n", &[3, 1], true),
        ("group g all w1 w2\nquorum g\n", &[1], false),
        (two_levels, &[1, 2, 4], true),
        (two_levels, &[1, 2, 3], false),
        (two_levels, &[1, 4, 5], false),
    ] {
        let mut signed = SignedCheckpoint::sign("ledger.example/p", [&log()], TreeHead::EMPTY).unwrap();
        let text = signed.note().text().to_owned();
        for i in cosigners {
            signed = signed.with_line(witness(*i).cosign(&text, 7)).unwrap();
        }
        let judged = policy(rest).unwrap().check(&signed.to_string());
        assert_eq!(judged.is_ok(), met, "{rest} {cosigners:?}");
        assert_eq!(matches!(judged, Err(Unmet::Quorum { .. })), !met);
    }
}

#[test]
fn a_quorum_of_witnesses_does_not_replace_the_log() {
    let policy = policy("quorum w1\n").unwrap();
    let text = Checkpoint::new("ledger.example/p", TreeHead::EMPTY).unwrap().to_string();
    let by_witness = Note::new(&text, vec![witness(1).cosign(&text, 7)]).unwrap();
    assert_eq!(policy.check(&by_witness.to_string()), Err(NoteError::NoKnownSigner.into()));
    // A known witness's wrong line spoils what would do without it.
    let signed = SignedCheckpoint::sign("ledger.example/p", [&log()], TreeHead::EMPTY).unwrap();
    let signed = signed.with_line(witness(1).cosign(&text, 7)).unwrap();
    assert_eq!(policy.check(&signed.to_string()).unwrap().cosigned, [("w1".to_owned(), 7)]);
    let spoilt = signed.with_line(witness(2).cosign("x\n", 7)).unwrap().to_string();
    let refused = NoteError::BadSignature { name: name("witness.example/2") };
    assert_eq!(policy.check(&spoilt), Err(refused.into()));
    // The log's key under another origin.
    let text = Checkpoint::new("ledger.example/q", TreeHead::EMPTY).unwrap().to_string();
    let other = Note::new(&text, vec![log().line(&text), witness(1).cosign(&text, 7)]).unwrap().to_string();
    let refused = policy.check(&other);
    assert!(matches!(refused, Err(Unmet::Checkpoint(CheckpointError::OriginMismatch { .. }))), "{refused:?}");
}

#[test]
fn files_that_are_no_policy() {
    let again = format!("log {}\nquorum none\n", log().verifier());
    let twice = format!("witness w7 {}\nquorum none\n", witness(1).verifier());
    let as_log = format!("log {}\nquorum none\n", witness(7).verifier());
    let as_witness = format!("witness w7 {}\nquorum none\n", LogSigner::new(name("x"), &[8; 32]).verifier());
    for (rest, reason) in [
        ("", "there is no quorum line"),
        ("quorum w9\n", "the name w9 is unknown"),
        ("quorum w1\nquorum w1\n", "a second quorum line"),
        ("quorum\n", "the wrong number of words"),
        ("group g all\nquorum g\n", "0 of 0 members"),
        ("group g 0 w1\n", "0 of 1 members"),
        ("group g 2 w1\n", "2 of 1 members"),
        ("group g 01 w1\n", "not any, all or a number"),
        ("group g any g\n", "the name g is unknown"),
        ("group g any none\n", "the name none is unknown"),
        ("group g any w1 w1\n", "w1 is a member already"),
        ("group g any w1\ngroup h any w1\n", "w1 is a member already"),
        ("group w1 any w2\n", "the name w1 stands on an earlier line"),
        ("group none any w2\n", "the name none is taken"),
        ("witness w7\n", "the wrong number of words"),
        ("witness w7 x+1+y\n", "not a verifier key: the key is not base64"),
        ("policy v2\n", "the keyword policy is unknown"),
        ("quorum none\r\n", "a control character"),
        (&again, "the key of ledger.example/p stands on an earlier line"),
        (&twice, "the key of witness.example/1 stands on an earlier line"),
        (&as_log, "a log's key is of type 01 or 06"),
        (&as_witness, "a witness's key is of type 04 or 06"),
    ] {
        assert_eq!(policy(rest).unwrap_err().reason, reason, "{rest}");
    }
    let free = policy("\n  \t\n# comment\n \t# comment\n group\tg  any w1 \nquorum g").unwrap();
    assert_eq!(free.split_view_cost(), 1);
    let with_url = Policy::parse(&format!("log {} https://x\nquorum none\n", log().verifier())).unwrap();
    assert_eq!(with_url.logs()[0].url.as_deref(), Some("https://x"));
}

/// By brute force over all pairs of satisfying sets.
#[test]
fn split_view_cost_equals_the_smallest_overlap() {
    for rest in [
        "quorum w1\n",
        "group g any w1 w2\nquorum g\n",
        "group g 2 w1 w2 w3\nquorum g\n",
        "group g 3 w1 w2 w3 w4 w5\nquorum g\n",
        "group g 4 w1 w2 w3 w4 w5\nquorum g\n",
        "group g all w1 w2 w3 w4\nquorum g\n",
        "group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup g all x y\nquorum g\n",
        "group x 2 w1 w2 w3\ngroup y all w4 w5\ngroup g any x y\nquorum g\n",
        "group x all w1 w2 w3\ngroup y all w4 w5\ngroup g 2 x y w6\nquorum g\n",
    ] {
        let policy = policy(rest).unwrap();
        let quorum = policy.quorum.unwrap();
        let sets: Vec<u32> =
            (0..64).filter(|set| policy.is_met(quorum, &|witness| set >> witness & 1 == 1)).collect();
        let overlaps = sets.iter().flat_map(|a| sets.iter().map(move |b| (a & b).count_ones()));
        assert_eq!(policy.split_view_cost(), overlaps.min().unwrap() as usize, "{rest}");
    }
}

#[test]
fn lint_says_what_is_weak() {
    for (rest, figures, warnings) in [
        ("quorum none\n", (0, 0, 0), &["nobody need cosign"][..]),
        ("group g 2 w1 w2 w3\nquorum g\n", (2, 2, 1), &[]),
        ("group g 2 w1 w2 w3 w4\nquorum g\n", (2, 3, 0), &["two quorums may share no witness"]),
        ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup g all x y\nquorum g\n", (3, 2, 1), &[]),
        ("group g all w1 w2\nquorum g\n", (2, 1, 2), &["2 in the quorum"]),
    ] {
        let lint = policy(rest).unwrap().lint();
        assert_eq!((lint.quorum_min, lint.loss_max, lint.split_view_cost), figures, "{rest}");
        let told: Vec<String> = lint.warnings.iter().map(Warning::to_string).collect();
        // The witnesses of these tests are all of one domain, some are idle and none has a URL.
        let noise = ["may lie together", "in no group", "has no URL"];
        let told = told.iter().filter(|told| !noise.iter().any(|noise| told.contains(noise)));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), warnings.len(), "{told:?}");
        assert!(told.iter().zip(warnings).all(|(told, want)| told.starts_with(want)), "{told:?}");
    }
}

#[test]
fn lint_knows_whose_domain_a_name_is_of() {
    let log = LogSigner::new(name("Ledger.example:8443/p"), &[100; 32]);
    for (names, of_the_log, one_domain) in [
        (["witness.a.net/1", "b.org", "c.com/w"], 0, 0),
        (["ledger.example/w", "b.org", "c.com"], 1, 0),
        (["w.ledger.example", "b.org", "c.com"], 1, 0),
        (["example/w", "b.org", "c.com"], 1, 0),
        (["otherledger.example", "b.org", "c.com"], 0, 0),
        (["w1.b.org", "w2.b.org/x", "c.com"], 0, 1),
        (["localhost", "localhost", "c.com"], 0, 1),
    ] {
        let witnesses = names.iter().zip(1..).map(|(text, seed)| {
            let key = Cosigner::new(name(text), &[seed; 32]);
            format!("witness w{seed} {} http://127.0.0.1:1\n", key.verifier())
        });
        let witnesses: String = witnesses.collect();
        let text = format!("log {}\n{witnesses}group g 2 w1 w2 w3\nquorum g\n", log.verifier());
        let warnings = Policy::parse(&text).unwrap().lint().warnings;
        let count = |of: fn(&Warning) -> bool| warnings.iter().filter(|warning| of(warning)).count();
        assert_eq!(count(|warning| matches!(warning, Warning::OfTheLog { .. })), of_the_log, "{warnings:?}");
        assert_eq!(count(|warning| matches!(warning, Warning::OneDomain { .. })), one_domain, "{warnings:?}");
        assert_eq!(warnings.len(), of_the_log + one_domain);
    }
}

/// By brute force over all sets of witnesses.
#[test]
fn the_fewest_that_meet_and_the_fewest_that_are_missed() {
    for rest in [
        "quorum w1\n",
        "group g 3 w1 w2 w3 w4 w5\nquorum g\n",
        "group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup g all x y\nquorum g\n",
        "group x all w1 w2 w3\ngroup y all w4 w5\ngroup g 2 x y w6\nquorum g\n",
    ] {
        let policy = policy(rest).unwrap();
        let is_met = |set: u32| policy.is_met_by(&|witness| set >> witness & 1 == 1);
        let fewest = |of: &dyn Fn(u32) -> bool| (0..64_u32).filter(|set| of(*set)).map(u32::count_ones).min();
        let lint = policy.lint();
        assert_eq!(Some(lint.quorum_min), fewest(&is_met).map(|n| n as usize), "{rest}");
        assert_eq!(Some(lint.loss_max), fewest(&|gone| !is_met(!gone)).map(|n| n as usize), "{rest}");
    }
}

#[test]
fn since_when_a_quorum_vouches() {
    let policy = policy("group g 2 w1 w2 w3\nquorum g\n").unwrap();
    for (times, since) in [
        (&[][..], None),
        (&[(0, 10)], None),
        (&[(0, 10), (1, 20)], Some(10)),
        (&[(0, 10), (1, 20), (2, 30)], Some(20)),
        (&[(0, 10), (0, 20)], None),
    ] {
        assert_eq!(policy.met_since(times), since, "{times:?}");
    }
}
