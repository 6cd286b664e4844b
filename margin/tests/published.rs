//! Each published figure beside ours, as a table that cannot go stale: it is made again here and
//! compared with what the documentation holds.
//!
//! Writing it anew: `PLEDGER_GOLDEN=write cargo test -p margin --test published`.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads its files")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ledger::decimal::{DecimalText, Exact, print_scaled, ten_to};
use ledger::json::Json;
use margin::vectors::{self, Verdict};
use num_traits::Zero;

/// Where a case comes from if nobody published its figures.
const OWN: [&str; 4] = ["computed from", "by hand", "error table", "12 CFR 45 App. A: IM"];

/// Why a figure differs, by how the name of its case begins: the first that fits.
const REASONS: [(&str, &str); 11] = [
    ("haug-", "printed to four decimals"),
    ("py-vollib-bs", "printed to ten significant digits, or nine decimals"),
    ("py-vollib", "printed to more digits than our eight decimals"),
    ("implied-vol", "the price it is inverted from has eight decimals"),
    (
        "cboe2007-spx-collar",
        "a small difference of two large figures, each within 0.7 %: rates, yields and volatilities of the table are not printed",
    ),
    (
        "cboe2007-spx",
        "rate, yield and volatility of the table are not printed: 5.3 %, 1.75 % and the implied one, kept, are taken; the index level is solved from the short put",
    ),
    ("cboe2007", "the table's rate is not printed: 5.3 % and a constant implied volatility are taken"),
    ("span-mcmillan", "the book rounds thirds of the range to tens of dollars"),
    ("deribit-spm", "ours has eight decimals, requirements rounded up"),
    ("broker-", "printed to the dollar"),
    ("finra-", "printed to the dollar"),
];

const HEAD: &str = "\
# Published figures beside ours

Each worked case that somebody else has published and this version computes: the published figure, ours, and why they
differ where they do. `margin/tests/published.rs` makes this table from `tests/golden/margin.json` and fails if it is not
the same; `PLEDGER_GOLDEN=write cargo test -p margin --test published` writes it anew.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn exact(text: &str) -> Option<Exact> {
    DecimalText::parse(text).ok().map(|decimal| decimal.exact())
}

fn why(name: &str) -> &'static str {
    let reason = REASONS.iter().find(|(beginning, _)| name.starts_with(beginning));
    reason.map(|(_, reason)| *reason).unwrap_or_else(|| panic!("{name} differs; say why in REASONS"))
}

/// One case: heading, source, rows.
fn section(case: &Json, outcomes: &[&vectors::Outcome]) -> String {
    let text = |key: &str| case.get(key).and_then(Json::as_str).unwrap_or_default();
    let mut rows = String::new();
    for outcome in outcomes {
        let (published, ours) = (exact(&outcome.expected).unwrap(), exact(&outcome.got).unwrap());
        let apart = ours - published;
        let reason = if apart.is_zero() { "" } else { why(&outcome.name) };
        let apart = print_scaled(&(apart * ten_to(12)).to_integer(), 12);
        let figure = outcome.at.trim_start_matches("/results/0/").trim_start_matches("accounts/0/");
        let vectors::Outcome { name, expected, got, .. } = outcome;
        writeln!(rows, "| {name} | {figure} | {expected} | {got} | {apart} | {reason} |").unwrap();
    }
    let source = text("source");
    format!(
        "\n{source}\n\n| case | figure | published | ours | difference | why |\n|---|---|---|---|---|---|\n{rows}"
    )
}

fn table() -> String {
    let bytes = std::fs::read(root().join("tests/golden/margin.json")).unwrap();
    let file = ledger::json::read(&bytes).unwrap();
    let report = vectors::run(&bytes).unwrap();
    let mut by_case: BTreeMap<&str, Vec<&vectors::Outcome>> = BTreeMap::new();
    for outcome in report.outcomes().iter().filter(|outcome| outcome.verdict == Verdict::Pass) {
        by_case.entry(&outcome.name).or_default().push(outcome);
    }
    // By method, then by source, both in the order of the file; a source's cases are one table.
    let mut methods: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
    for case in file.get("vectors").and_then(Json::as_array).unwrap() {
        let text = |key: &str| case.get(key).and_then(Json::as_str).unwrap_or_default();
        let (name, method, source) = (text("name"), text("method"), text("source"));
        let Some(outcomes) = by_case.get(name).filter(|_| case.get("expect").is_some()) else { continue };
        if OWN.iter().any(|own| source.starts_with(own)) {
            continue;
        }
        if methods.iter().all(|(known, _)| *known != method) {
            methods.push((method, Vec::new()));
        }
        let (_, sources) = methods.iter_mut().find(|(known, _)| *known == method).unwrap();
        let section = section(case, outcomes);
        match sources.iter_mut().find(|(known, _)| *known == source) {
            Some((_, text)) => {
                text.push_str(&section.lines().skip(5).fold(String::new(), |rows, row| rows + row + "\n"))
            }
            None => sources.push((source, section)),
        }
    }
    let mut document = HEAD.to_owned();
    for (method, sources) in methods {
        writeln!(document, "\n## {method}").unwrap();
        sources.iter().for_each(|(_, text)| document.push_str(text));
    }
    document
}

#[test]
fn the_table_of_published_figures_is_true() {
    let path = root().join("api/docs/margin-published.md");
    let table = table();
    if std::env::var("PLEDGER_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &table).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap();
    for (held, made) in held.lines().zip(table.lines()) {
        assert_eq!(held, made, "write api/docs/margin-published.md anew");
    }
    assert_eq!(held.len(), table.len(), "write api/docs/margin-published.md anew");
    for case in
        ["haug-02", "cboe2007-ibm-short-call-portfolio", "span-mcmillan-future", "deribit-spm-btc-doc"]
    {
        assert!(table.contains(&format!("| {case} |")), "{case}");
    }
}
