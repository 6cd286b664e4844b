//! What custodians send and what is put to them: statements, extracts, coverage, balances.

use custody::coverage::Coverage;
use custody::statement::{self, read_all, read_typed};
use custody::{LedgerExtract, reconcile, reserves, sla, vectors};
use ledger::json::{self, Json};

use super::corpus::{CUSTODY, inputs_of};
use super::{Cost, Form, Reading, Target};

pub(super) const TARGETS: [Target; 7] = [
    Target { name: "statement", form: Form::Json, cost: Cost::Light, corpus: signed, read: read_signed },
    Target { name: "statements", form: Form::Json, cost: Cost::Light, corpus: files, read: read_file },
    Target { name: "reconcile", form: Form::Json, cost: Cost::Middle, corpus: days, read: read_day },
    Target { name: "coverage", form: Form::Json, cost: Cost::Light, corpus: coverages, read: read_coverage },
    Target { name: "sla", form: Form::Json, cost: Cost::Light, corpus: policies, read: answer_sla },
    Target {
        name: "reserves",
        form: Form::Json,
        cost: Cost::Middle,
        corpus: balances,
        read: answer_reserves,
    },
    Target { name: "custody_cases", form: Form::Json, cost: Cost::Middle, corpus: cases, read: run_cases },
];

fn signed() -> Vec<Vec<u8>> {
    vec![
        br#"{"account":"A1","as_of":"2026-09-01T23:59:59.999Z","balances":[{"amount":"100","asset":"USD","kind":"opening"},{"amount":"90","asset":"USD","kind":"closing"},{"amount":"9","asset":"US912828U816","kind":"aggregate","unit":"face"},{"amount":"6","asset":"US912828U816","kind":"available","unit":"face"}],"basis":"settled","checks":[],"custodian":"CUST-1","format":"custodian_json","id":"S1","movements":[{"amount":"-10","asset":"USD","ref":"R1","status":"booked"}],"sequence":"1"}"#
            .to_vec(),
    ]
}

fn read_signed(bytes: &[u8]) -> Reading {
    let read = statement::json::read(bytes);
    match &read {
        Ok(statement) => {
            let printed = statement.to_json();
            assert_eq!(read_typed(&printed).as_ref(), Ok(statement), "what is printed is read as the same");
            assert_eq!(statement::json::read(printed.to_jcs().as_bytes()).as_ref(), Ok(statement));
        }
        Err(refusal) => assert!(!refusal.to_json().to_jcs().is_empty()),
    }
    Reading::of(&read)
}

fn files() -> Vec<Vec<u8>> {
    let statements = days().into_iter().filter_map(|day| json::read(&day).ok()?.get("statements").cloned());
    statements.map(|list| list.to_jcs().into_bytes()).chain(signed()).collect()
}

fn read_file(bytes: &[u8]) -> Reading {
    let read = read_all(bytes);
    for statement in read.iter().flatten() {
        assert_eq!(read_typed(&statement.to_json()).as_ref(), Ok(statement));
    }
    Reading::of(&read)
}

fn days() -> Vec<Vec<u8>> {
    inputs_of(&CUSTODY, ("op", "reconcile"))
}

/// A day's extract and statements: read, and compared twice.
fn read_day(bytes: &[u8]) -> Reading {
    let Ok(tree) = json::read(bytes) else { return Reading::Refused };
    let extract = tree.get("ledger").map(LedgerExtract::from_json);
    let statements = tree.get("statements").and_then(Json::as_array).unwrap_or_default();
    let statements: Result<Vec<_>, _> = statements.iter().map(read_typed).collect();
    let (Some(Ok(extract)), Ok(mut statements)) = (extract, statements) else { return Reading::Refused };
    let result = reconcile(&extract, &statements);
    if let Ok(found) = &result {
        statements.reverse();
        let again = reconcile(&extract, &statements).expect("their order decides nothing");
        assert_eq!(again.breaks().len(), found.breaks().len());
        assert!(found.to_json().get("fingerprint").is_some());
    }
    Reading::of(&result)
}

fn coverages() -> Vec<Vec<u8>> {
    inputs_of(&CUSTODY, ("op", "coverage"))
}

fn read_coverage(bytes: &[u8]) -> Reading {
    let read = Coverage::read(bytes);
    match &read {
        Ok(coverage) => assert!(coverage.to_json().as_object().is_some()),
        Err(error) => assert!(!error.code().is_empty()),
    }
    Reading::of(&read)
}

fn policies() -> Vec<Vec<u8>> {
    inputs_of(&CUSTODY, ("op", "sla"))
}

fn answer_sla(bytes: &[u8]) -> Reading {
    let Ok(tree) = json::read(bytes) else { return Reading::Refused };
    Reading::of(&sla::answer(&tree))
}

fn balances() -> Vec<Vec<u8>> {
    ["sum_tree", "inclusion_prove", "inclusion_verify"].map(|op| inputs_of(&CUSTODY, ("op", op))).concat()
}

fn answer_reserves(bytes: &[u8]) -> Reading {
    let Ok(tree) = json::read(bytes) else { return Reading::Refused };
    if let Ok(proof) = reserves::inclusion_prove(&tree) {
        let line = proof.get("tree").cloned().expect("a proof names its line");
        let question = Json::object([("proof", proof), ("line", line)]);
        let verified = reserves::inclusion_verify(&question).expect("our own proof is one");
        assert_eq!(verified.get("included"), Some(&Json::Bool(true)), "what is proven is included");
    }
    let (made, verified) = (reserves::sum_tree(&tree), reserves::inclusion_verify(&tree));
    Reading::of(&made.or(verified))
}

/// Files of one case each, without those that are made longer than they are.
fn cases() -> Vec<Vec<u8>> {
    let cases = CUSTODY.get("vectors").and_then(Json::as_array).expect("cases");
    let short = cases.iter().filter(|case| case.pointer("/input/repeat").is_none());
    let file = |case: &Json| {
        let file = [("format", Json::text(vectors::FORMAT)), ("vectors", Json::array([case.clone()]))];
        Json::object(file).to_jcs().into_bytes()
    };
    short.map(file).collect()
}

fn run_cases(bytes: &[u8]) -> Reading {
    let run = vectors::run(bytes);
    if let Ok(report) = &run {
        assert!(report.to_string().lines().count() > report.cases.len());
    }
    Reading::of(&run)
}
