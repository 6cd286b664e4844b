//! Rule books: each parameter counts, each has its bounds and its source.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ledger::json::Json;
use margin::Regime;

fn leaves(json: &Json, path: &str, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| leaves(value, &joined(path, key), found));
        }
        Json::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(place, value)| leaves(value, &joined(path, &place.to_string()), found));
        }
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => found.push(path.to_owned()),
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") }
}

/// The bound of the last tier can only be infinite.
fn is_free(path: &str) -> bool {
    !path.starts_with("regime/") && !path.starts_with("source/") && path != "addon/peg/tiers/3/0"
}

/// Values of which each parameter accepts at least one other than its own.
const TRIED: [&str; 19] = [
    "0.123",
    "0.321",
    "0",
    "7",
    "9",
    "3.5",
    "1000000.5",
    "6000000",
    "20000000",
    "crr:7",
    "both",
    "same",
    "abs",
    "strictest",
    "schedule",
    "securities",
    "equity",
    "commodity",
    "spot",
];

#[test]
fn any_one_parameter_changes_the_digest() {
    for id in Regime::built_ids() {
        let regime = Regime::shipped(id).unwrap();
        let mut paths = Vec::new();
        leaves(regime.content(), "", &mut paths);
        for path in paths.iter().filter(|path| is_free(path)) {
            let changed = TRIED.iter().find_map(|value| {
                let other = regime.with(&[(path, Json::text(*value))]).ok()?;
                (other.sha256() != regime.sha256()).then_some(other)
            });
            assert!(changed.is_some_and(|changed| changed.is_overridden()), "{id} {path}");
        }
    }
}

#[test]
fn nothing_else_changes_the_digest() {
    let book = "regime = { id = \"t\", version = \"1\", effective = \"2026-01-01\", kind = \"schedule\" }\n\
        weights = { gross = \"0.4\", net = \"0.6\" }\n[rates]\nx = \"0.1\"\ny = \"0.2\"\n[asset]\n\
        [source]\nrates = \"seen: here\"\nweights = \"seen: there\"\n";
    let same = "# a comment\n[source]\nweights = \"seen: there\"\nrates = \"seen: here\"\n\n[asset]\n[rates]\n\
        y = '0.2'\nx = \"0.1\"\n[weights]\nnet = \"0.6\"\ngross = \"0.4\"\n\
        [regime]\nkind = \"schedule\"\nid = \"t\"\nversion = \"1\"\neffective = \"2026-01-01\"\n";
    let other = book.replace("x = \"0.1\"", "x = \"0.3\"");
    let digest = |text: &str| Regime::parse(text).unwrap().sha256();
    assert_eq!(digest(book), digest(same));
    assert_ne!(digest(book), digest(&other));
    let regime = Regime::shipped("us-tims").unwrap();
    assert_eq!(regime.with(&[("grid/points", Json::text("5"))]).unwrap().sha256(), regime.sha256());
}

#[test]
fn assumed_parameters_are_counted() {
    for (id, want) in [
        ("us-tims", 3),
        ("us-span", 3),
        ("schedule", 1),
        ("us-siloed", 5),
        ("us-harmonized", 12),
        ("deribit-spm", 0),
    ] {
        assert_eq!(Regime::shipped(id).unwrap().assumed(), want, "{id}");
    }
}

#[test]
fn a_parameter_without_a_source_is_refused() {
    for id in Regime::shipped_ids() {
        let regime = Regime::shipped(id).unwrap();
        let source = regime.content().get("source").unwrap();
        for (path, _) in source.as_object().unwrap() {
            let text = toml_without_source(id, path);
            let outcome = Regime::parse(&text);
            // A text may be covered by a shorter one; then only the count of assumed ones can change.
            if let Err(error) = outcome {
                assert!(error.message.starts_with("unsourced_parameter"), "{id} {path}: {error}");
            } else {
                assert!(
                    source
                        .as_object()
                        .unwrap()
                        .iter()
                        .any(|(other, _)| path.starts_with(&format!("{other}."))),
                    "{id} {path}"
                );
            }
        }
    }
}

fn toml_without_source(id: &str, path: &str) -> String {
    let text = match id {
        "us-reg-t" => include_str!("../regimes/us-reg-t.toml"),
        "us-tims" => include_str!("../regimes/us-tims.toml"),
        "us-span" => include_str!("../regimes/us-span.toml"),
        "schedule" => include_str!("../regimes/schedule.toml"),
        "us-siloed" => include_str!("../regimes/us-siloed.toml"),
        "us-harmonized" => include_str!("../regimes/us-harmonized.toml"),
        "deribit-spm" => include_str!("../regimes/deribit-spm.toml"),
        other => panic!("{other}"),
    };
    let (head, sources) = text.split_once("[source]\n").unwrap();
    let line =
        |line: &&str| !line.starts_with(&format!("{path} =")) && !line.starts_with(&format!("\"{path}\" ="));
    format!("{head}[source]\n{}", sources.lines().filter(line).collect::<Vec<_>>().join("\n"))
}

/// A parameter with values that are within its bounds, and values that are not.
type Bounds = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const BOUNDS: [Bounds; 62] = [
    ("us-tims", "pricer/american", &["crr:1", "crr:65535"], &["crr:0", "crr:", "bsm", "crr:65536"]),
    ("us-tims", "pricer/look_ahead_days", &["0", "10"], &["-1", "x"]),
    ("us-tims", "grid/points", &["1", "100"], &["0", "101", "2.5"]),
    ("us-tims", "minimum/per_contract", &["0", "1000"], &["-0.1"]),
    ("us-tims", "minimum/kinds/0", &["option", "etf"], &["options", ""]),
    ("us-tims", "group/0/offset", &["0", "1"], &["-0.1", "1.01"]),
    ("us-tims", "range/equity/0", &["0", "3"], &["-0.1", "1e1"]),
    ("us-span", "extreme/multiple", &["0", "10"], &["-1"]),
    ("us-span", "extreme/cover", &["0", "1"], &["1.1", "-0.1"]),
    ("us-span", "spread/0/rate", &["0", "1"], &["1.1", "-0.1"]),
    ("us-span", "rates/default/scan_range", &["0", "2"], &["-0.1"]),
    ("us-span", "rates/default/vol_mode", &["rel", "abs"], &["log"]),
    ("us-span", "rates/default/calendar_rate", &["0", "1"], &["-1"]),
    ("us-span", "rates/default/short_option_rate", &["0", "1"], &["-1"]),
    ("us-span", "rates/SP/scan_points", &["0", "100"], &["-1"]),
    ("schedule", "weights/gross", &["0", "1"], &["-1"]),
    ("schedule", "rates/equity", &["0", "1"], &["-0.1", "1.1"]),
    ("schedule", "asset/equity", &["commodity"], &["stocks"]),
    ("us-siloed", "mixed", &["both", "strictest"], &["first"]),
    ("us-siloed", "spot/rate", &["0", "1"], &["-0.1", "1.1"]),
    ("us-siloed", "route/security/0", &["spot", "futures"], &["bank"]),
    ("us-siloed", "haircut/futures/cash", &["0", "1"], &["-0.1", "1.1"]),
    ("us-harmonized", "theta/root", &["0", "1"], &["-0.1", "1.1"]),
    ("us-harmonized", "cap/class", &["0", "1"], &["-0.1", "1.1"]),
    ("us-harmonized", "comove/group", &["same", "both"], &["never"]),
    ("us-harmonized", "floor/per_contract", &["0", "9"], &["-1"]),
    ("us-harmonized", "apc/stress_weight", &["0", "2"], &["-1"]),
    ("us-harmonized", "apc/buffer", &["0", "2"], &["-1"]),
    ("us-harmonized", "apc/release_from", &["0", "2.499"], &["2.5", "-1"]),
    ("us-harmonized", "apc/release_to", &["1.501", "9"], &["1.5"]),
    ("us-harmonized", "apc/max_step", &["0", "1"], &["-0.1", "1.1"]),
    ("us-harmonized", "contagion/cap", &["0", "1"], &["1.1"]),
    ("us-harmonized", "haircut/equity", &["0", "1"], &["1.1"]),
    ("us-harmonized", "addon/basis/minimum", &["0", "1"], &["-1"]),
    ("us-harmonized", "addon/basis/annual", &["0", "1"], &["-1"]),
    ("us-harmonized", "addon/liquidity/participation", &["0.01", "1"], &["0"]),
    ("us-harmonized", "addon/liquidity/mpor_days", &["0.5", "10"], &["0"]),
    ("us-harmonized", "addon/concentration/imf", &["0", "1"], &["-1"]),
    ("us-harmonized", "addon/peg/tiers/0/0", &["1", "4999999"], &["0", "5000000", "inf"]),
    ("us-harmonized", "addon/peg/tiers/3/0", &["inf"], &["20000000"]),
    ("us-harmonized", "vol/up", &["0", "3"], &["-1"]),
    ("us-harmonized", "vol/down", &["0", "1"], &["1.1"]),
    ("us-harmonized", "range/equity/range", &["0", "1"], &["-1"]),
    ("us-harmonized", "range/equity/group", &["own"], &[""]),
    ("us-harmonized", "breaker/index_moves/0", &["0", "0.13"], &["0.14", "-1"]),
    ("us-harmonized", "breaker/min_confidence", &["0", "1"], &["1.1"]),
    ("us-harmonized", "breaker/ramp_cycles", &["1", "50"], &["-1"]),
    ("us-span", "rates/default/vol_up", &["0", "9"], &["-1"]),
    ("us-span", "rates/default/vol_down", &["0", "9"], &["-1"]),
    ("deribit-spm", "grid/range", &["0", "0.999"], &["1", "-0.1"]),
    ("deribit-spm", "grid/buckets", &["1", "100"], &["0", "101", "1.5"]),
    ("deribit-spm", "grid/vol_up", &["0", "9"], &["-1"]),
    ("deribit-spm", "grid/vol_down", &["0", "1"], &["-0.1", "1.1"]),
    ("deribit-spm", "grid/min_vol_for_shock_up", &["0", "9"], &["-1"]),
    ("deribit-spm", "grid/short_term_vega_power", &["0", "2"], &["-1"]),
    ("deribit-spm", "grid/long_term_vega_power", &["0", "2"], &["-1"]),
    ("deribit-spm", "gains/offset", &["0", "1"], &["-0.1", "1.1"]),
    ("deribit-spm", "roll/annual", &["0", "2"], &["-1"]),
    ("deribit-spm", "roll/minimum", &["0", "2"], &["-1"]),
    ("deribit-spm", "delta/max_shock", &["0", "1"], &["1.1"]),
    ("deribit-spm", "delta/threshold_usd", &["0", "1000000000"], &["-1"]),
    ("deribit-spm", "maintenance/factor", &["0", "1"], &["1.1"]),
];

#[test]
fn each_parameter_has_its_bounds() {
    for (id, path, good, bad) in BOUNDS {
        let regime = Regime::shipped(id).unwrap();
        for value in good {
            assert!(regime.with(&[(path, Json::text(*value))]).is_ok(), "{id} {path} {value}");
        }
        for value in bad {
            assert!(regime.with(&[(path, Json::text(*value))]).is_err(), "{id} {path} {value}");
        }
    }
}

#[test]
fn what_is_no_rule_book_is_refused() {
    let head = "regime = { id = \"t\", version = \"1\", effective = \"2026-01-01\", kind = \"schedule\" }\n";
    for text in [
        "",
        "x = ",
        "regime = \"t\"\n[source]\n",
        head,
        &format!("{head}[source]\n"),
        &format!("{head}points = 5\n[source]\npoints = \"seen\"\n"),
        &format!("{head}[source]\nweights = \"somewhere\"\n"),
        "regime = { id = \"t\", version = \"1\", effective = \"x\", kind = \"magic\" }\n[source]\n",
    ] {
        assert!(Regime::parse(text).is_err(), "{text}");
    }
}
