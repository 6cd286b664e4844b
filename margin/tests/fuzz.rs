//! Hostile input: whatever is sent, there is a result or one listed error, and never a panic.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use cases::{book, input_with};
use ledger::json::Json;
use margin::{Failure, Regime, RegimeRef, compare_tree, run, run_tree, vectors};
use proptest::prelude::*;

/// What stands in for any value of an input.
fn intruder() -> impl Strategy<Value = Option<Json>> {
    let texts = prop::sample::select(vec![
        "",
        "0",
        "-1",
        "1e3",
        "999999999999999999",
        "0.000000000000000001",
        "-999999999999999999.999999999",
        "BTC",
        "USD",
        "inf",
        "option",
        "token",
        "mixed_swap",
        "inverse_future",
        "1970-01-01",
        "9999-12-31T23:59:59.999Z",
        "2026-11-20T21:00:00.000Z",
        "security_future",
        "stablecoin",
        "tulips",
        "strict",
        "base",
        "\u{0}",
        "a/b~c",
    ]);
    prop_oneof![
        8 => texts.prop_map(|text| Some(Json::text(text))),
        1 => Just(Some(Json::Null)),
        1 => Just(Some(Json::Bool(true))),
        1 => Just(Some(Json::Number("1e999".into()))),
        1 => Just(Some(Json::Array(vec![]))),
        1 => Just(Some(Json::object([("x", Json::text("1"))]))),
        2 => Just(None),
    ]
}

/// Replaces or removes the value that `way` leads to, or renames its member.
fn disturb(json: &mut Json, way: &mut impl Iterator<Item = usize>, intruder: Option<Json>, rename: bool) {
    let Some(step) = way.next() else { return };
    match json {
        Json::Object(members) if !members.is_empty() => {
            let place = step % members.len();
            let deeper = matches!(&members[place].1, Json::Object(m) if !m.is_empty())
                || matches!(&members[place].1, Json::Array(e) if !e.is_empty());
            if deeper && step % 11 != 0 {
                return disturb(&mut members[place].1, way, intruder, rename);
            }
            match intruder {
                Some(Json::String(name)) if rename => members[place].0 = name,
                Some(value) => members[place].1 = value,
                None => drop(members.remove(place)),
            }
        }
        Json::Array(elements) if !elements.is_empty() => {
            let place = step % elements.len();
            if matches!(&elements[place], Json::Object(_) | Json::Array(_)) && step % 11 != 0 {
                return disturb(&mut elements[place], way, intruder, rename);
            }
            match intruder {
                Some(value) => elements[place] = value,
                None => drop(elements.remove(place)),
            }
        }
        Json::Object(_) | Json::Array(_) | Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => {
        }
    }
}

const MORE: &str = r#""eligibility":"strict","funding_rate":"0.05",
"overrides":{"us-tims":{"grid/points":"5"},"us-harmonized":{"theta/root":"0.2","range/equity/range":"0.2"}},"#;

fn disturbances() -> impl Strategy<Value = Vec<(Vec<usize>, Option<Json>, bool)>> {
    prop::collection::vec(
        (prop::collection::vec(0_usize..1_000, 8), intruder(), prop::bool::weighted(0.1)),
        1..4,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_disturbed_input_gives_a_result_or_a_listed_error(lots in book(6), disturbances in disturbances()) {
        let mut json = input_with(&lots, MORE);
        for (way, intruder, rename) in disturbances {
            disturb(&mut json, &mut way.into_iter(), intruder, rename);
        }
        let all: Vec<RegimeRef> = Regime::shipped_ids().map(RegimeRef::Named).collect();
        let outcomes = [
            run_tree(&json, &all[1..6]).map(|result| result.to_json()),
            run_tree(&json, &all).map(|result| result.to_json()),
            compare_tree(&json).map(|comparison| comparison.to_json()),
        ];
        for outcome in outcomes {
            if let Err(Failure::Input(error)) = outcome {
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(run(&bytes, &[RegimeRef::Named("us-tims")]).is_err());
        prop_assert!(vectors::run(&bytes).is_err());
    }

    #[test]
    fn a_disturbed_rule_book_is_read_or_refused(book in 0_usize..7, cut in 0_usize..4_000, len in 0_usize..40, text in "[a-z0-9.\"=\\[\\]{} \n-]{0,12}") {
        let id = Regime::shipped_ids().nth(book).unwrap();
        let shipped = Regime::shipped(id).unwrap();
        let mut bytes = toml_of(shipped.content()).into_bytes();
        let from = cut % bytes.len();
        let to = (from + len).min(bytes.len());
        bytes.splice(from..to, text.bytes());
        if let Ok(disturbed) = String::from_utf8(bytes) {
            let outcome = run_tree(&cases::input(&[(0, 100), (11, -300)]), &[RegimeRef::Text(&disturbed)]);
            if let Err(Failure::Input(error)) = outcome {
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}

/// A rule book as TOML again: inline, so that each cut hits something.
fn toml_of(content: &Json) -> String {
    fn value(json: &Json) -> String {
        match json {
            Json::Object(members) => {
                let inner: Vec<String> =
                    members.iter().map(|(key, json)| format!("\"{key}\" = {}", value(json))).collect();
                format!("{{ {} }}", inner.join(", "))
            }
            Json::Array(elements) => {
                format!("[{}]", elements.iter().map(value).collect::<Vec<_>>().join(", "))
            }
            Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => json.to_jcs(),
        }
    }
    let members = content.as_object().unwrap();
    members.iter().map(|(key, json)| format!("\"{key}\" = {}\n", value(json))).collect()
}
