//! What margin is computed from: books, markets, rule books, and the documents that carry them.

use api::margin_statement::{POSITIONS_SCHEMA, input};
use ledger::digest::Digest;
use ledger::json::{self, Json};
use margin::vectors;
use margin::{Failure, Regime, RegimeRef, compare_tree, run, run_tree};

use super::corpus::{MARGIN, OPTIONS, inputs_of};
use super::{Cost, Form, Reading, Target};

pub(super) const TARGETS: [Target; 5] = [
    Target { name: "margin_input", form: Form::Json, cost: Cost::Heavy, corpus: inputs, read: run_all },
    Target {
        name: "rule_book",
        form: Form::Bytes,
        cost: Cost::Heavy,
        corpus: rule_books,
        read: read_rule_book,
    },
    Target {
        name: "positions",
        form: Form::Json,
        cost: Cost::Middle,
        corpus: positions,
        read: read_positions,
    },
    Target { name: "margin_prices", form: Form::Json, cost: Cost::Middle, corpus: prices, read: read_prices },
    Target { name: "margin_cases", form: Form::Json, cost: Cost::Heavy, corpus: cases, read: run_cases },
];

fn golden() -> &'static [Json] {
    MARGIN.get("vectors").and_then(Json::as_array).expect("cases")
}

/// Parameters that an input may set, beside the books of the golden file.
const MORE: &str = r#"{"eligibility":"strict","funding_rate":"0.05",
"overrides":{"us-tims":{"grid/points":"5"},"us-harmonized":{"theta/root":"0.2","range/equity/range":"0.2"}}}"#;

fn inputs() -> Vec<Vec<u8>> {
    let more = json::read(MORE.as_bytes()).expect("a tree");
    let more = more.as_object().unwrap_or_default();
    let plain = golden().iter().filter_map(|case| case.get("input")?.as_object());
    let with =
        |members: &[(String, Json)]| Json::object(members.iter().chain(more).cloned()).to_jcs().into_bytes();
    let with_options = OPTIONS.get("vectors").and_then(Json::as_array).unwrap_or_default().iter();
    let with_options = with_options.filter(|case| {
        let name = case.get("name").and_then(Json::as_str).unwrap_or_default();
        ["span-calendar-inter-short-call", "tims-group-offset", "harmonized-cross-hedges"].contains(&name)
    });
    let plain: Vec<_> = plain.chain(with_options.filter_map(|case| case.get("input")?.as_object())).collect();
    let all = plain.iter().map(|members| Json::object(members.iter().cloned()).to_jcs().into_bytes());
    all.chain(plain.first().map(|members| with(members))).collect()
}

/// A result, or one error that says what to do.
fn listed<T>(outcome: &Result<T, Failure>) {
    if let Err(Failure::Input(error)) = outcome {
        assert!(!error.message.is_empty() && !error.code.as_str().is_empty());
    }
}

fn run_all(bytes: &[u8]) -> Reading {
    let all: Vec<RegimeRef> = Regime::shipped_ids().map(RegimeRef::Named).collect();
    let built: Vec<RegimeRef> = Regime::built_ids().map(RegimeRef::Named).collect();
    let result = run(bytes, &built);
    listed(&result);
    if let Ok(result) = &result {
        assert_eq!(result.results().len(), built.len());
        assert!(json::read(result.to_json().to_jcs().as_bytes()).is_ok() && !result.table().is_empty());
    }
    if let Ok(tree) = json::read(bytes) {
        listed(&run_tree(&tree, &all));
        let compared = compare_tree(&tree);
        listed(&compared);
        if let Ok(compared) = compared {
            assert!(!compared.table().is_empty());
        }
    }
    Reading::of(&result)
}

fn prices() -> Vec<Vec<u8>> {
    inputs_of(&OPTIONS, ("command", "price"))
}

fn read_prices(bytes: &[u8]) -> Reading {
    let priced = margin::price(bytes);
    listed(&priced);
    Reading::of(&priced)
}

fn rule_books() -> Vec<Vec<u8>> {
    let shipped = Regime::shipped_ids().filter_map(Regime::shipped_text);
    shipped.map(|text| text.as_bytes().to_vec()).chain([b"[regime]\nid = \"x\"\n".to_vec()]).collect()
}

fn read_rule_book(bytes: &[u8]) -> Reading {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reading::Refused };
    let read = Regime::parse(text);
    match &read {
        Ok(_) => listed(&run_tree(golden()[0].get("input").expect("a book"), &[RegimeRef::Text(text)])),
        Err(error) => assert!(!error.message.is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

fn positions() -> Vec<Vec<u8>> {
    let document = |case: &Json| {
        let input = case.get("input")?;
        let part = |name: &str| input.get(name).cloned();
        let members = [
            ("schema", Json::text(POSITIONS_SCHEMA)),
            ("book", part("book")?),
            ("instruments", part("instruments")?),
            ("classification", part("classification")?),
        ];
        Some(Json::object(members).to_jcs().into_bytes())
    };
    golden().iter().filter_map(document).collect()
}

/// A position document beside the golden prices, as a margin statement names them.
fn read_positions(bytes: &[u8]) -> Reading {
    let market = golden()[0].pointer("/input/market").expect("a market").clone();
    let prices = Json::object([
        ("as_of", Json::text("2026-11-20T21:00:00.000Z")),
        ("assets", Json::object::<&str>([])),
        ("currency", Json::text("USD")),
        ("fx", Json::object::<&str>([])),
        ("market", market),
        ("schema", Json::text("pledger.prices.v1")),
        ("source", Json::text("close")),
    ])
    .to_jcs();
    let digest = Digest::of(bytes);
    let composed = input("USD", (&digest, bytes), (&digest, prices.as_bytes()));
    if let Ok(composed) = &composed {
        listed(&run_tree(composed, &[RegimeRef::Named("us-tims")]));
    }
    Reading::of(&composed)
}

/// Files of one case each.
fn cases() -> Vec<Vec<u8>> {
    let file = |case: &Json| {
        let file =
            [("schema", Json::text("pledger.margin.vectors.v1")), ("vectors", Json::array([case.clone()]))];
        Json::object(file).to_jcs().into_bytes()
    };
    golden().iter().map(file).collect()
}

fn run_cases(bytes: &[u8]) -> Reading {
    let run = vectors::run(bytes);
    if let Ok(report) = &run {
        assert!(report.to_string().lines().count() > report.outcomes().len());
    }
    Reading::of(&run)
}
