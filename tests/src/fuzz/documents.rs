//! Documents that commands name: prices, agreements, batches, and the inputs of the call arithmetic.

use ledger::agreement::SignedTerms;
use ledger::call::vectors;
use ledger::command::read_batch;
use ledger::csa::compute_json;
use ledger::json::{self, Json};
use ledger::market::PriceDocument;

use super::corpus::{CALLS, MARGIN, examples, inputs_of};
use super::{Cost, Form, Reading, Target};
use crate::world;

pub(super) const TARGETS: [Target; 5] = [
    Target { name: "prices", form: Form::Json, cost: Cost::Light, corpus: prices, read: read_prices },
    Target {
        name: "agreement",
        form: Form::Json,
        cost: Cost::Middle,
        corpus: agreements,
        read: read_agreement,
    },
    Target { name: "batch", form: Form::Bytes, cost: Cost::Light, corpus: batches, read: read_postings },
    Target {
        name: "call_compute",
        form: Form::Json,
        cost: Cost::Middle,
        corpus: computations,
        read: compute,
    },
    Target { name: "call_cases", form: Form::Json, cost: Cost::Heavy, corpus: cases, read: run_cases },
];

fn prices() -> Vec<Vec<u8>> {
    let mut all = examples([
        r#"{"as_of":"2024-08-02T20:00:00.000Z","assets":{"BTC":"61418.06","USDC":"1"},"currency":"USD","fx":{"EUR":"1.09"},"schema":"pledger.prices.v1","source":"close"}"#,
        r#"{"as_of":"2024-08-02T20:00:00.000Z","assets":{},"currency":"USD","fx":{},"market":{"as_of":"2024-08-02T20:00:00.000Z","instruments":{"BTC":{"price":"1"}}},"schema":"pledger.prices.v1","source":"close"}"#,
    ]);
    all.push(MARGIN.pointer("/vectors/0/input/market").expect("a market").to_jcs().into_bytes());
    all
}

fn read_prices(bytes: &[u8]) -> Reading {
    let read = PriceDocument::read(bytes);
    match &read {
        Ok(document) => {
            let rates =
                document.assets.iter().map(|(_, rate)| rate).chain(document.fx.iter().map(|(_, rate)| rate));
            assert!(rates.into_iter().all(|rate| !rate.is_sign_negative()), "no price is negative");
            let tree = json::read(bytes).expect("it was read");
            let again = PriceDocument::read(tree.to_jcs().as_bytes());
            let sorted = |document: &PriceDocument| {
                let mut assets = document.assets.clone();
                assets.sort();
                (document.as_of, document.source.clone(), assets)
            };
            assert_eq!(again.as_ref().map(sorted), Ok(sorted(document)), "whatever the order of members");
        }
        Err(reason) => assert!(!reason.is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

fn agreements() -> Vec<Vec<u8>> {
    let mut all = vec![world::agreement("CSA-1", "acme", 1).into_bytes()];
    let cases = CALLS.get("vectors").and_then(Json::as_array).expect("cases");
    let written = cases.iter().filter_map(|case| case.pointer("/input/agreement"));
    all.extend(written.map(|agreement| agreement.to_jcs().into_bytes()));
    all
}

fn read_agreement(bytes: &[u8]) -> Reading {
    let read = SignedTerms::read(bytes);
    match &read {
        Ok(signed) => {
            assert_eq!(signed.text().as_bytes(), bytes, "the terms keep the bytes they were signed in");
            assert!(signed.party_ids().len() <= 2);
            assert!(SignedTerms::read(signed.text().as_bytes()).as_ref() == Ok(signed));
        }
        Err(reason) => assert!(!reason.is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

fn batches() -> Vec<Vec<u8>> {
    let line = |amount: &str, from: &str, to: &str| {
        format!("{{\"amount\":\"{amount}\",\"asset\":\"BTC\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
    };
    let three = [line("1", "a", "b"), line("0.00000001", "b", "a"), line("12.5", "x:y", "z")].concat();
    vec![
        line("1", "a", "b").into_bytes(),
        three.clone().into_bytes(),
        three.trim_end().as_bytes().to_vec(),
        vec![],
    ]
}

fn read_postings(bytes: &[u8]) -> Reading {
    let read = read_batch(bytes);
    match &read {
        Ok(postings) => {
            let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            assert_eq!(postings.len(), lines.len(), "a posting a line");
            for line in lines {
                let tree = json::read(line).expect("each line was read");
                assert_eq!(format!("{}\n", tree.to_jcs()).as_bytes(), line, "each line in its one spelling");
            }
        }
        Err(reason) => assert!(!reason.is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

fn computations() -> Vec<Vec<u8>> {
    inputs_of(&CALLS, ("op", "compute"))
}

fn compute(bytes: &[u8]) -> Reading {
    let computed = compute_json(bytes);
    match &computed {
        Ok(figures) => {
            let again = compute_json(bytes).expect("it was computed");
            assert_eq!(again.to_jcs(), figures.to_jcs(), "one input, one answer");
        }
        Err(error) => {
            assert!(!error.message.is_empty() && !error.code.as_str().is_empty(), "a refusal says why");
        }
    }
    Reading::of(&computed)
}

/// Files of one case each.
fn cases() -> Vec<Vec<u8>> {
    let cases = CALLS.get("vectors").and_then(Json::as_array).expect("cases");
    let file = |case: &Json| {
        let file = [("format", Json::text(vectors::FORMAT)), ("vectors", Json::array([case.clone()]))];
        Json::object(file).to_jcs().into_bytes()
    };
    cases.iter().map(file).collect()
}

fn run_cases(bytes: &[u8]) -> Reading {
    let run = vectors::run(bytes);
    if let Ok(report) = &run {
        assert_eq!(report.to_text().lines().count(), report.cases.len() + 1, "a line a case, and the counts");
    }
    Reading::of(&run)
}
