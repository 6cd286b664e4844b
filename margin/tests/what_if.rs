//! What-if steps: each equals a full run of the book that it comes to.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use cases::{Lot, book, exact, input, input_with};
use ledger::json::{Json, read};
use margin::{Code, Failure, RegimeRef, run_tree};
use proptest::prelude::*;

/// One step as it is drawn.
#[derive(Clone, Debug)]
enum Step {
    Add(Lot),
    /// What stands at that place of the book, counted round.
    Remove(usize),
    /// Held a security from now on, or a commodity.
    Classify(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_usize..22, -9_000_i64..9_000).prop_map(Step::Add),
        2 => (0_usize..10).prop_map(Step::Remove),
        1 => (0_usize..10, any::<bool>()).prop_map(|(place, security)| Step::Classify(place, security)),
    ];
    prop::collection::vec(step, 1..7)
}

fn list<'a>(json: &'a mut Json, at: &[&str]) -> &'a mut Vec<Json> {
    let found = at.iter().fold(json, |json, key| {
        let Json::Object(members) = json else { panic!("no object above {key}") };
        &mut members.iter_mut().find(|(name, _)| name == key).unwrap().1
    });
    let Json::Array(elements) = found else { panic!("no array at {at:?}") };
    elements
}

fn text<'a>(json: &'a Json, at: &str) -> &'a str {
    json.pointer(at).and_then(Json::as_str).unwrap_or_else(|| panic!("{at} in {json}"))
}

/// The steps as the input has them, and the book after each.
fn played(lots: &[Lot], steps: &[Step]) -> (Vec<Json>, Vec<Json>) {
    let mut book = input(lots);
    let (mut written, mut books) = (Vec::new(), Vec::new());
    for step in steps {
        let positions = list(&mut book, &["book", "positions"]);
        let at = |place: usize| positions.get(place % positions.len().max(1)).cloned();
        let step = match step {
            Step::Add(lot) => {
                let position = input(&[*lot]).pointer("/book/positions/0").unwrap().clone();
                positions.push(position.clone());
                Json::object([("add", position)])
            }
            Step::Remove(place) => {
                let Some(gone) = at(*place) else { continue };
                let instrument = text(&gone, "/instrument").to_owned();
                positions.retain(|position| text(position, "/instrument") != instrument);
                let named = [("instrument", Json::text(instrument)), ("account", Json::text("A"))];
                Json::object([("remove", Json::object(named))])
            }
            Step::Classify(place, security) => {
                let Some(held) = at(*place) else { continue };
                let (legal, agency) =
                    if *security { ("security", "sec") } else { ("commodity_spot", "cftc") };
                let class = list(&mut book, &["classification"])
                    .iter()
                    .find(|entry| text(entry, "/instrument") == text(&held, "/instrument"))
                    .map(|entry| text(entry, "/risk_class").to_owned());
                let entry = format!(
                    r#"{{"instrument":"{}","effective_from":"2026-11-01","legal":"{legal}","jurisdictions":["{agency}"],"risk_class":"{}"}}"#,
                    text(&held, "/instrument"),
                    class.unwrap()
                );
                let entry = read(entry.as_bytes()).unwrap();
                list(&mut book, &["classification"]).push(entry.clone());
                Json::object([("classify", entry)])
            }
        };
        written.push(step);
        books.push(book.clone());
    }
    (written, books)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_step_equals_a_full_run(lots in book(6), steps in steps()) {
        let (written, books) = played(&lots, &steps);
        let regimes: Vec<RegimeRef> = cases::regimes().map(RegimeRef::Named).collect();
        let more = format!(r#""what_if":{},"#, Json::array(written.clone()));
        let result = run_tree(&input_with(&lots, &more), &regimes).unwrap().to_json();
        let mut before = run_tree(&input(&lots), &regimes).unwrap().to_json();
        for (step, book) in books.iter().enumerate() {
            let after = run_tree(book, &regimes).unwrap().to_json();
            for (place, regime) in cases::regimes().enumerate() {
                let told = |name: &str| text(&result, &format!("/what_if/{step}/regimes/{place}/{name}")).to_owned();
                let total = |run: &Json| text(run, &format!("/results/{place}/total")).to_owned();
                prop_assert_eq!(told("regime"), regime);
                prop_assert_eq!(told("before"), total(&before), "{} {}", step, regime);
                prop_assert_eq!(told("after"), total(&after), "{} {}", step, regime);
                prop_assert_eq!(exact(&told("incremental")), exact(&total(&after)) - exact(&total(&before)));
                if regime == "us-harmonized" {
                    let line = |run: &Json, name: &str| {
                        let figure = run.pointer(&format!("/results/{place}/accounts/0/figures/{name}"));
                        figure.and_then(Json::as_str).map(exact).unwrap_or_default()
                    };
                    for name in ["tree", "basis", "liquidity", "concentration", "peg", "apc"] {
                        let change = line(&after, name) - line(&before, name);
                        prop_assert_eq!(exact(&told(&format!("lines/{name}"))), change, "{}", name);
                    }
                }
            }
            before = after;
        }
    }
}

#[test]
fn steps_that_cannot_be_taken_are_refused() {
    let refused = |what_if: &str| {
        let json = input_with(&[(0, 100), (9, 100)], &format!(r#""what_if":{what_if},"#));
        match run_tree(&json, &[RegimeRef::Named("us-tims")]) {
            Err(Failure::Input(error)) => (error.code, error.path),
            other => panic!("{other:?}"),
        }
    };
    let add = r#"{"add":{"instrument":"BTC","quantity":"1","account":"A","property_class":"c"}}"#;
    for (what_if, code, path) in [
        (r#"{}"#.to_owned(), Code::BadField, "/what_if"),
        (r#"[{}]"#.to_owned(), Code::BadField, "/what_if/0"),
        (r#"[{"move":{}}]"#.to_owned(), Code::UnknownField, "/what_if/0/move"),
        (format!("[{}]", add.replace("BTC", "XYZ")), Code::UnknownInstrument, "/what_if/0/add/instrument"),
        (format!("[{}]", add.replace("\"1\"", "\"1e3\"")), Code::BadDecimal, "/what_if/0/add/quantity"),
        (
            format!("[{add},{{\"remove\":{{\"instrument\":\"XYZ\",\"account\":\"A\"}}}}]"),
            Code::UnknownInstrument,
            "/what_if/1/remove/instrument",
        ),
        (
            format!("[{add},{{\"remove\":{{\"instrument\":\"SOL\",\"account\":\"A\"}}}}]"),
            Code::BadField,
            "/what_if/1/remove/instrument",
        ),
        (
            format!("[{add},{{\"remove\":{{\"instrument\":\"BTC\",\"account\":\"B\"}}}}]"),
            Code::BadField,
            "/what_if/1/remove/instrument",
        ),
        (r#"[{"remove":{"instrument":"BTC"}}]"#.to_owned(), Code::MissingField, "/what_if/0/remove/account"),
        (
            r#"[{"classify":{"instrument":"BTC"}}]"#.to_owned(),
            Code::MissingField,
            "/what_if/0/classify/effective_from",
        ),
    ] {
        assert_eq!(refused(&what_if), (code, path.to_owned()), "{what_if}");
    }
}

/// What it would cost if a coin were held a security: it moves to another silo and another method.
#[test]
fn a_reclassification_is_priced() {
    let classify = r#""what_if":[{"classify":{"instrument":"BTC","effective_from":"2026-11-01",
        "legal":"security","jurisdictions":["sec"],"risk_class":"crypto-major"}}],"#;
    let result = run_tree(&input_with(&[(0, 100)], classify), &[RegimeRef::Named("us-siloed")]).unwrap();
    let json = result.to_json();
    // 20 % of a spot position outside, 15 % in portfolio margin.
    assert_eq!(text(&json, "/what_if/0/regimes/0/before"), "18000");
    assert_eq!(text(&json, "/what_if/0/regimes/0/after"), "13500");
    assert_eq!(text(&json, "/what_if/0/regimes/0/incremental"), "-4500");
    assert!(result.table().contains("what if: classify BTC"));
}
