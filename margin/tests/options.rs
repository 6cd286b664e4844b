//! Options through the rule books: each scenario's price, day and volatility, and what is charged
//! beside the scenarios.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use cases::{check_sums, exact, input_of};
use ledger::decimal::{Exact, print_scaled, ten_to};
use ledger::json::Json;
use margin::{RegimeRef, price, run, run_tree};
use num_bigint::BigInt;

/// A hundred days to expiry, at a volatility that is given.
const BOOK: &str = r#"{"schema":"pledger.margin.input.v1","reporting_currency":"USD",OVERRIDES
"book":{"positions":[{"instrument":"O","quantity":"QUANTITY","account":"A","property_class":"cftc_4d_futures"}]},
"instruments":[{"id":"O","kind":"option","underlying_id":"U","currency":"USD","multiplier":"100","right":"put",
  "strike":"110","expiry":"2027-02-28T21:00:00.000Z","style":"STYLE"}],
"classification":[{"instrument":"O","effective_from":"1980-01-01","legal":"future_option","jurisdictions":["cftc"],"risk_class":"equity"}],
"market":{"as_of":"2026-11-20T21:00:00.000Z","underlyings":{"U":{"price":"100","rate":"0.05","yield":"0.01"}},"instruments":{"O":QUOTE}}}"#;

fn book(quantity: &str, style: &str, quote: &str, overrides: &str) -> String {
    let overrides = if overrides.is_empty() { String::new() } else { format!("\"overrides\":{overrides},") };
    let parts = [("QUANTITY", quantity), ("STYLE", style), ("QUOTE", quote), ("OVERRIDES", &overrides)];
    parts.iter().fold(BOOK.to_owned(), |text, (mark, part)| text.replace(mark, part))
}

fn figure(book: &str, regime: &str, at: &str) -> Exact {
    let result = run(book.as_bytes(), &[RegimeRef::Named(regime)]).unwrap();
    check_sums(result.results()[0].accounts()[0].explain());
    let json = result.to_json();
    let at = format!("/results/0/accounts/0/{at}");
    exact(json.pointer(&at).and_then(Json::as_str).unwrap_or_else(|| panic!("{at}")))
}

/// The same option priced by itself.
fn value(style: &str, underlying: &str, days: &str, vol: &str) -> Exact {
    let model = if style == "american" { "crr" } else { "bsm" };
    let years = print_scaled(&(exact(days) / BigInt::from(365) * ten_to(18)).to_integer(), 18);
    let input = format!(
        r#"{{"schema":"pledger.margin.price.v1","cases":[{{"id":"c","model":"{model}","right":"put","underlying":"{underlying}",
        "strike":"110","t":"{years}","rate":"0.05","yield":"0.01","vol":"{vol}"}}]}}"#
    );
    let priced = price(input.as_bytes()).unwrap();
    exact(priced.pointer("/results/0/value").and_then(Json::as_str).unwrap())
}

fn near(got: &Exact, want: &Exact) {
    let apart = got - want;
    assert!(apart <= exact("0.02") && apart >= exact("-0.02"), "{got} {want}");
}

#[test]
fn each_scenario_has_its_price_its_day_and_its_volatility() {
    let absolute = r#"{"us-span":{"rates/default/vol_mode":"abs","rates/U/vol_up":"0.1"}}"#;
    let late = r#"{"us-span":{"pricer/look_ahead_days":"10"},"us-harmonized":{"pricer/american":"crr:200"}}"#;
    for style in ["european", "american"] {
        let now = value(style, "100", "100", "0.4");
        for (regime, overrides, at, underlying, days, vol, cover) in [
            // Fifteen per cent, a day later, a quarter more or less of volatility.
            ("us-span", "", 0, "100", "99", "0.5", "1"),
            ("us-span", "", 1, "100", "99", "0.3", "1"),
            ("us-span", "", 2, "105", "99", "0.5", "1"),
            ("us-span", "", 5, "95", "99", "0.3", "1"),
            ("us-span", "", 13, "85", "99", "0.3", "1"),
            ("us-span", "", 14, "130", "99", "0.4", "0.35"),
            ("us-span", "", 15, "70", "99", "0.4", "0.35"),
            ("us-span", absolute, 0, "100", "99", "0.5", "1"),
            ("us-span", absolute, 1, "100", "99", "0.15", "1"),
            ("us-span", late, 10, "115", "90", "0.5", "1"),
            // No day later; forty per cent more, a quarter less.
            ("us-harmonized", late, 10, "115", "100", "0.56", "1"),
            ("us-harmonized", "", 13, "85", "100", "0.3", "1"),
            // Five points a side, volatility unchanged.
            ("us-tims", "", 0, "85", "100", "0.4", "1"),
            ("us-tims", "", 5, "103", "100", "0.4", "1"),
            ("us-tims", "", 9, "115", "100", "0.4", "1"),
        ] {
            let book = book("7", style, r#"{"vol":"0.4"}"#, overrides);
            let got = figure(&book, regime, &format!("arrays/U/{at}"));
            let want = (value(style, underlying, days, vol) - &now) * exact("700") * exact(cover);
            near(&got, &want);
        }
    }
}

#[test]
fn what_a_quote_implies_prices_and_the_quote_values() {
    let now = value("american", "100", "100", "0.4");
    let quoted = print_scaled(&(&now * ten_to(8)).to_integer(), 8);
    let implied = book("-3", "american", &format!(r#"{{"price":"{quoted}"}}"#), "");
    let given = book("-3", "american", r#"{"vol":"0.4"}"#, "");
    for regime in ["us-tims", "us-span", "us-harmonized", "us-siloed", "deribit-spm"] {
        near(
            &figure(&implied, regime, "figures/requirement"),
            &figure(&given, regime, "figures/requirement"),
        );
    }
    // Both: the array is of the volatility, the value of the quote.
    let both = book("-3", "american", r#"{"vol":"0.4","price":"20"}"#, "");
    assert_eq!(figure(&both, "us-span", "arrays/U/13"), figure(&given, "us-span", "arrays/U/13"));
    assert_eq!(figure(&both, "us-span", "figures/net_option_value"), exact("-6000"));
    near(&figure(&given, "us-span", "figures/net_option_value"), &(now * exact("-300")));
    let unvalued = book("-3", "american", r#"{"vol":"0.4","price":"20","no_value":true}"#, "");
    assert_eq!(figure(&unvalued, "us-span", "figures/net_option_value"), exact("0"));
}

#[test]
fn minimums_are_by_contract_and_for_long_options_by_their_price() {
    let least = |quantity: &str, quote: &str| {
        figure(&book(quantity, "european", quote, ""), "us-tims", "figures/minimum")
    };
    for (quantity, quote, want) in [
        ("-7", r#"{"price":"12"}"#, "262.5"),
        ("7", r#"{"price":"12"}"#, "262.5"),
        ("7", r#"{"vol":"0.4","price":"0.1"}"#, "70"),
        ("-7", r#"{"vol":"0.4","price":"0.1"}"#, "262.5"),
        ("7", r#"{"vol":"0.4"}"#, "262.5"),
    ] {
        assert_eq!(least(quantity, quote), exact(want), "{quantity} {quote}");
    }
    // Short options × multiplier × price × rate, however little they move.
    let minimum =
        figure(&book("-7", "european", r#"{"vol":"0.4"}"#, ""), "us-span", "figures/short_option_minimum");
    assert_eq!(minimum, exact("350"));
    let floor = figure(&book("-7", "european", r#"{"vol":"0.4"}"#, ""), "us-harmonized", "figures/floor");
    assert_eq!(floor, exact("262.5"));
}

#[test]
fn a_given_array_replaces_a_computed_one_for_us_span_alone() {
    let array = (1..=16).map(|step| format!("\"{}\"", -step)).collect::<Vec<_>>().join(",");
    let given = book("2", "european", &format!(r#"{{"vol":"0.4","risk_array":[{array}]}}"#), "");
    let plain = book("2", "european", r#"{"vol":"0.4"}"#, "");
    assert_eq!(figure(&given, "us-span", "figures/scan_risk"), exact("32"));
    assert_eq!(figure(&given, "us-span", "arrays/U/15"), exact("-32"));
    for regime in ["us-tims", "us-harmonized", "deribit-spm"] {
        let requirement = |book: &str| figure(book, regime, "figures/requirement");
        assert_eq!(requirement(&given), requirement(&plain), "{regime}");
    }
}

/// Coins against each other: what bucket-by-bucket sums save is charged again; a large delta is
/// shocked on what is above the threshold.
#[test]
fn coins_are_not_netted_and_large_deltas_are_shocked() {
    // Of the market of `cases`: 3 is an inverse perpetual of 100 dollars, 7 a future on 50 ETH.
    let (long, short) = (vec![(3, 30_000_000)], vec![(7, -20_000)]);
    let both = long.iter().chain(&short).copied().collect();
    let accounts =
        [("long", long), ("short", short), ("both", both)].map(|(name, lots)| (name.to_owned(), lots));
    let result = run_tree(&input_of(&accounts, ""), &[RegimeRef::Named("deribit-spm")]).unwrap();
    let of = |name: &str, figure: &str| {
        let account = result.results()[0].account(name).unwrap();
        check_sums(account.explain());
        exact(account.to_json().pointer(&format!("/figures/{figure}")).and_then(Json::as_str).unwrap())
    };
    // 30 million dollars in coins, each worth the underlying's price.
    let coins = exact("30000000") / exact("90030") * exact("90000");
    near(&of("long", "worst"), &(&coins * exact("0.16") / exact("0.84")));
    near(&of("long", "roll"), &(&coins * exact("0.01")));
    near(&of("long", "delta_shock"), &(exact("1000000") / exact("90030") * exact("90000")));
    near(&of("short", "worst"), &(exact("10000") * exact("3012.37") * exact("0.16")));
    assert_eq!(of("both", "worst"), of("long", "worst"));
    near(&of("both", "correlation_contingency"), &of("short", "worst"));
    near(&of("both", "risk_matrix"), &(of("long", "risk_matrix") + of("short", "risk_matrix")));
    near(&of("both", "maintenance_margin"), &(of("both", "risk_matrix") * exact("0.8")));
    assert_eq!(of("both", "initial_margin"), of("both", "requirement"));
}
