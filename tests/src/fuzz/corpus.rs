//! Examples: what the golden files hold, found by how it begins.

use std::sync::LazyLock;

use ledger::json::{self, Json};

/// A golden file's tree.
fn tree(bytes: &[u8]) -> Json {
    json::read(bytes).expect("golden files are JSON")
}

/// The log, its proofs and what is signed.
pub static AUDIT: LazyLock<Json> = LazyLock::new(|| tree(include_bytes!("../../golden/audit.json")));
/// Agreements and calls.
pub static CALLS: LazyLock<Json> = LazyLock::new(|| tree(include_bytes!("../../golden/calls.json")));
/// Statements and reconciliations.
pub static CUSTODY: LazyLock<Json> = LazyLock::new(|| tree(include_bytes!("../../golden/custody.json")));
/// Books with options, and options alone.
pub static OPTIONS: LazyLock<Json> = LazyLock::new(|| tree(include_bytes!("../../golden/margin.json")));
/// Books and markets.
pub static MARGIN: LazyLock<Json> = LazyLock::new(|| tree(include_bytes!("../../golden/margin-linear.json")));

/// Every text in a tree.
fn texts<'a>(tree: &'a Json, found: &mut Vec<&'a str>) {
    match tree {
        Json::Object(members) => members.iter().for_each(|(_, value)| texts(value, found)),
        Json::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Json::String(text) => found.push(text),
        Json::Bool(_) | Json::Number(_) | Json::Null => {}
    }
}

/// The texts of a golden file that are `wanted`, each once.
///
/// # Panics
/// If there is none: then the target would try nothing.
#[must_use]
pub fn texts_of(golden: &Json, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    texts(golden, &mut found);
    found.retain(|text| wanted(text));
    found.sort_unstable();
    found.dedup();
    assert!(!found.is_empty(), "the golden file holds examples");
    found.into_iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The inputs of the worked cases whose `kind` member has that value, printed.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn inputs_of(golden: &Json, (member, value): (&str, &str)) -> Vec<Vec<u8>> {
    let cases = golden.get("vectors").and_then(Json::as_array).expect("cases");
    let wanted = cases.iter().filter(|case| case.get(member).and_then(Json::as_str) == Some(value));
    let inputs: Vec<Vec<u8>> =
        wanted.filter_map(|case| Some(case.get("input")?.to_jcs().into_bytes())).collect();
    assert!(!inputs.is_empty(), "the golden file holds cases of {value}");
    inputs
}

/// Short texts as examples.
#[must_use]
pub fn examples<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A text of the log's golden file.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn audit(pointer: &str) -> &'static str {
    AUDIT.pointer(pointer).and_then(Json::as_str).expect("the golden file holds it")
}
