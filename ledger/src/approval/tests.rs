//! What is a policy, and what would only look like one.

use super::{PolicyDocument, PolicyFault};

const GOOD: &str = r#"{
    "schema": "pledger.policy.v1",
    "covers": ["asset.*", "movement.instruct"],
    "principals": [
        {"principal": "alice", "party": "pb", "keys": ["ed25519:0000000000000001"]},
        {"principal": "bob", "party": "pb", "keys": ["ed25519:0000000000000002", "ed25519:0000000000000003"]},
        {"principal": "acme", "party": "acme"}],
    "groups": [{"group": "two", "members": ["alice", "bob"]}, {"group": "all", "members": ["acme", "alice", "bob"]}],
    "change": {"k": "2", "group": "two"},
    "limits": [{"limit": "day", "window": "P1D", "value": {"currency": "USD", "most": "10", "price_age": "PT1H"}}],
    "rules": [
        {"rule": "small", "types": ["movement.instruct"], "amounts": [{"asset": "BTC", "most": "0.5"}],
         "hours": {"from": "22:00", "until": "24:00"}, "destination": "inside", "result": "allow"},
        {"rule": "large", "rolling": {"window": "PT1H", "amounts": [{"asset": "BTC", "most": "5"}]},
         "classes": ["uncleared"], "assets": ["BTC"], "result": "approve", "k": "1", "group": "all"},
        {"rule": "rest", "result": "refuse"}]
}"#;

#[test]
fn a_policy_is_read_strictly() {
    let read = PolicyDocument::read(GOOD.as_bytes()).expect("a policy");
    assert!(read.names("asset.define") && read.names("movement.instruct") && !read.names("movement.void"));
    for (what, with) in [
        (r#""schema": "pledger.policy.v1""#, r#""schema": "pledger.policy.v2""#),
        (r#""asset.*""#, r#""assets.*""#),
        (r#""asset.*""#, r#""approval.*""#),
        (r#""asset.*", "movement.instruct""#, r#""movement.instruct", "asset.*""#),
        (r#""party": "acme"}"#, r#""party": "acme", "keys": []}"#),
        (r#""members": ["alice", "bob"]"#, r#""members": ["alice", "dan"]"#),
        (r#""members": ["alice", "bob"]"#, r#""members": []"#),
        (r#"{"group": "two","#, r#"{"group": "all","#),
        (r#""k": "2""#, r#""k": 2"#),
        (r#""group": "two"}"#, r#""group": "three"}"#),
        (r#""window": "P1D""#, r#""window": "P8D""#),
        (r#""window": "P1D""#, r#""window": "PT1S""#),
        (r#""most": "10""#, r#""most": "-10""#),
        (r#""most": "0.5""#, r#""most": "0.50""#),
        (r#""from": "22:00""#, r#""from": "22:60""#),
        (r#""from": "22:00""#, r#""from": "+2:00""#),
        (r#""until": "24:00""#, r#""until": "24:01""#),
        (r#""result": "allow""#, r#""result": "allowed""#),
        (r#""result": "allow""#, r#""result": "allow", "k": "1""#),
        (r#""destination": "inside""#, r#""destination": "outside""#),
        (r#""rule": "large""#, r#""rule": "small""#),
        (r#""rule": "small""#, r#""rule": "small", "amount": "1""#),
        (r#""limit": "day""#, r#""limit": "day", "limit": "day""#),
    ] {
        assert!(GOOD.contains(what), "{what}");
        let bad = GOOD.replacen(what, with, 1);
        let fault = PolicyDocument::read(bad.as_bytes()).expect_err(with);
        assert!(matches!(fault, PolicyFault::Form(_)), "{with}: {fault:?}");
    }
}

#[test]
fn a_policy_that_would_not_protect_is_none() {
    for (what, with) in [
        (r#""k": "2""#, r#""k": "0""#),
        (r#""k": "2""#, r#""k": "3""#),
        (r#""k": "1", "group": "all""#, r#""k": "3", "group": "all""#),
        (r#"{"rule": "rest", "result": "refuse"}"#, r#"{"rule": "rest", "result": "allow"}"#),
        (r#""rest", "result""#, r#""rest", "types": ["asset.*"], "result""#),
        ("0000000000000002", "0000000000000001"),
        (r#""party": "acme""#, r#""party": "pb""#),
    ] {
        assert!(GOOD.contains(what), "{what}");
        let bad = GOOD.replacen(what, with, 1);
        let fault = PolicyDocument::read(bad.as_bytes()).expect_err(with);
        assert!(matches!(fault, PolicyFault::Unsafe(_)), "{with}: {fault:?}");
    }
}
