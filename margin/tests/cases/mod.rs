//! Books over a fixed market of instruments of every kind and legal form.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ledger::decimal::{DecimalText, Exact};
use ledger::json::{Json, read};
use margin::explain::Node;
use num_bigint::BigInt;
use proptest::prelude::*;

/// id, kind, underlying, terms, legal form, jurisdictions, risk class, price (of an option its
/// volatility; one without is on the surface).
const INSTRUMENTS: [[&str; 8]; 22] = [
    ["BTC", "spot", "BTC", r#""wrapper":"spot""#, "commodity_spot", r#""cftc""#, "crypto-major", "90000"],
    [
        "BTCF7",
        "future",
        "BTC",
        r#""multiplier":"5","expiry":"2027-01-29T21:00:00.000Z","wrapper":"future""#,
        "future",
        r#""cftc""#,
        "crypto-major",
        "90900",
    ],
    [
        "BTCZ6",
        "future",
        "BTC",
        r#""multiplier":"5","expiry":"2026-12-25T21:00:00.000Z","wrapper":"future""#,
        "future",
        r#""cftc""#,
        "crypto-major",
        "90450",
    ],
    [
        "BTC-INV",
        "inverse_perpetual",
        "BTC",
        r#""multiplier":"100","wrapper":"perpetual""#,
        "swap_cleared",
        r#""cftc""#,
        "crypto-major",
        "90030",
    ],
    [
        "BTC-PERP",
        "perpetual",
        "BTC",
        r#""wrapper":"perpetual""#,
        "swap",
        r#""cftc""#,
        "crypto-major",
        "90040",
    ],
    [
        "IBIT",
        "etf",
        "BTC",
        r#""ratio":"0.00057","wrapper":"etf""#,
        "security",
        r#""sec""#,
        "crypto-etf",
        "51.3",
    ],
    [
        "BITX",
        "etf",
        "BTC",
        r#""leverage":"-2","wrapper":"etf""#,
        "security",
        r#""sec""#,
        "crypto-etf",
        "33.33",
    ],
    [
        "ETHZ6",
        "future",
        "ETH",
        r#""multiplier":"50","expiry":"2026-12-25T21:00:00.000Z","wrapper":"future""#,
        "future",
        r#""cftc""#,
        "crypto-major",
        "3012.37",
    ],
    ["SOL", "spot", "SOL", r#""wrapper":"spot""#, "commodity_spot", r#""cftc""#, "crypto-alt", "137.77"],
    ["COIN", "equity", "COIN", "", "security", r#""sec""#, "equity", "250.01"],
    [
        "COIN-SF",
        "security_future",
        "COIN",
        r#""multiplier":"100","expiry":"2027-03-19T21:00:00.000Z","wrapper":"future""#,
        "security_future",
        r#""sec","cftc""#,
        "equity",
        "252.5",
    ],
    [
        "COIN-TRS",
        "total_return_swap",
        "COIN",
        r#""expiry":"2028-11-20T21:00:00.000Z","wrapper":"swap""#,
        "mixed_swap",
        r#""sec","cftc""#,
        "equity",
        "250",
    ],
    [
        "COIN-SBS",
        "total_return_swap",
        "COIN",
        r#""expiry":"2027-06-20T21:00:00.000Z","wrapper":"swap""#,
        "sbs",
        r#""sec""#,
        "equity",
        "249.9",
    ],
    [
        "SPX-ETF",
        "etf",
        "SPX",
        r#""ratio":"0.1","wrapper":"etf""#,
        "security",
        r#""sec""#,
        "index-high-cap",
        "650",
    ],
    [
        "RUTZ6",
        "future",
        "RUT",
        r#""multiplier":"50","expiry":"2026-12-18T21:00:00.000Z","wrapper":"future""#,
        "future",
        r#""cftc""#,
        "index-broad",
        "2411.1",
    ],
    ["USDC", "stablecoin", "USDC", "", "payment_stablecoin", "", "stablecoin", "0.9998"],
    ["USDT", "stablecoin", "USDT", "", "payment_stablecoin", "", "stablecoin", "1.0003"],
    [
        "BILL",
        "bill",
        "UST",
        r#""currency":"EUR","expiry":"2027-02-04T00:00:00.000Z""#,
        "security",
        r#""sec""#,
        "treasury",
        "0.9915",
    ],
    [
        "IBIT-C55",
        "option",
        "BTC",
        r#""multiplier":"100","right":"call","strike":"55","style":"american","deliverable":"IBIT","ratio":"0.00057","expiry":"2027-01-15T21:00:00.000Z","wrapper":"etf""#,
        "security_option",
        r#""sec""#,
        "crypto-etf",
        "0.61",
    ],
    [
        "BTCZ6-P80",
        "option",
        "BTC",
        r#""multiplier":"5","right":"put","strike":"80000","style":"american","on":"future","deliverable":"BTCZ6","expiry":"2026-12-25T21:00:00.000Z","wrapper":"future""#,
        "future_option",
        r#""cftc""#,
        "crypto-major",
        "0.58",
    ],
    [
        "SPX-P6300",
        "option",
        "SPX",
        r#""multiplier":"100","right":"put","strike":"6300","expiry":"2027-01-15T21:00:00.000Z","wrapper":"index""#,
        "security_option",
        r#""sec""#,
        "index-high-cap",
        "0.17",
    ],
    [
        "ETH-C3000",
        "option",
        "ETH",
        r#""right":"call","strike":"3000","expiry":"2027-03-26T08:00:00.000Z","wrapper":"option""#,
        "commodity_spot",
        r#""cftc""#,
        "crypto-major",
        "",
    ],
];

/// A position: which instrument, and how much in hundredths.
pub type Lot = (usize, i64);

/// The rule books that take every one of these books: `us-reg-t` refuses options of several sizes
/// on one underlying, and has its own books and laws.
pub fn regimes() -> impl Iterator<Item = &'static str> {
    margin::Regime::built_ids().filter(|id| *id != "us-reg-t")
}

/// Books of up to `most` positions.
pub fn book(most: usize) -> impl Strategy<Value = Vec<Lot>> {
    prop::collection::vec((0..INSTRUMENTS.len(), -50_000_i64..50_000), 0..most)
}

fn quantity(hundredths: i64) -> String {
    ledger::decimal::print_scaled(&hundredths.into(), 2)
}

/// The whole input for one account.
pub fn input(lots: &[Lot]) -> Json {
    input_with(lots, "")
}

/// The same with further members, each ended by a comma.
pub fn input_with(lots: &[Lot], more: &str) -> Json {
    input_of(&[("A".to_owned(), lots.to_vec())], more)
}

/// The whole input for several accounts, which are priced once.
pub fn input_of(accounts: &[(String, Vec<Lot>)], more: &str) -> Json {
    let position = |account: &str, (place, hundredths): &Lot| {
        let legal = INSTRUMENTS[*place][4];
        let class = if legal.starts_with("security") { "sec_15c3_3" } else { "cftc_4d_futures" };
        format!(
            r#"{{"instrument":"{}","quantity":"{}","account":"{account}","property_class":"{class}"}}"#,
            INSTRUMENTS[*place][0],
            quantity(*hundredths)
        )
    };
    let joined = |parts: Vec<String>| parts.join(",");
    let lots = accounts.iter().flat_map(|(account, lots)| lots.iter().map(move |lot| (account, lot)));
    let positions = joined(lots.map(|(account, lot)| position(account, lot)).collect());
    let instruments = joined(
        INSTRUMENTS
            .iter()
            .map(|[id, kind, underlying, terms, ..]| {
                let currency = match *kind {
                    _ if terms.contains("currency") => "",
                    "inverse_perpetual" => r#","currency":"BTC""#,
                    _ => r#","currency":"USD""#,
                };
                let terms = if terms.is_empty() { String::new() } else { format!(",{terms}") };
                format!(r#"{{"id":"{id}","kind":"{kind}","underlying_id":"{underlying}"{currency}{terms}}}"#)
            })
            .collect(),
    );
    let classification = joined(INSTRUMENTS.iter().map(|[id, _, _, _, legal, jurisdictions, class, _]| format!(
        r#"{{"instrument":"{id}","effective_from":"1980-01-01","legal":"{legal}","jurisdictions":[{jurisdictions}],"risk_class":"{class}"}}"#
    )).collect());
    let quotes = joined(
        INSTRUMENTS
            .iter()
            .filter(|[.., number]| !number.is_empty())
            .map(|[id, kind, .., number]| {
                let key = if *kind == "option" { "vol" } else { "price" };
                format!(r#""{id}":{{"{key}":"{number}"}}"#)
            })
            .collect(),
    );
    let text = format!(
        r#"{{"schema":"pledger.margin.input.v1","reporting_currency":"USD",{more}
"book":{{"positions":[{positions}]}},"instruments":[{instruments}],"classification":[{classification}],
"market":{{"as_of":"2026-11-20T21:00:00.000Z","vol_ratio":"1.7","fx":{{"EUR":"1.08"}},
"underlyings":{{"BTC":{{"price":"90000","rate":"0.04","adv_value":"20000000","spread":"0.0004"}},
"ETH":{{"price":"3000","rate":"0.04","yield":"0.02","spread":"0.0006"}},
"SOL":{{"price":"137","adv_value":"900000"}},"COIN":{{"price":"250","adv_value":"80000000","spread":"0.001"}},
"SPX":{{"price":"6500","rate":"0.04","yield":"0.013"}},"RUT":{{"price":"2400"}},"USDC":{{"price":"1"}},"USDT":{{"price":"1"}},"UST":{{"price":"1"}}}},
"surface":{{"ETH":[{{"t":"0.25","k":"0.9","vol":"0.7"}},{{"t":"0.25","k":"1.1","vol":"0.66"}},{{"t":"0.5","k":"1","vol":"0.72"}}]}},
"instruments":{{{quotes}}}}}}}"#
    );
    read(text.as_bytes()).unwrap()
}

/// The exact value of a decimal.
pub fn exact(text: &str) -> Exact {
    DecimalText::parse(text).unwrap().exact()
}

/// One 1e-8 unit.
pub fn grain() -> Exact {
    exact("0.00000001")
}

/// Children sum to their parent at each node, in order, and what is called rounding is no more.
pub fn check_sums(node: &Node) {
    if !node.children().is_empty() {
        let sum: Exact = node.children().iter().map(|child| child.value().exact()).sum();
        assert_eq!(sum, node.value().exact(), "{} {}", node.rule(), node.label());
        assert!(node.children().is_sorted_by(|a, b| a.label().as_bytes() <= b.label().as_bytes()));
        let rounding = node.children().iter().filter(|child| child.label() == "rounding");
        for child in rounding {
            let most = grain() * BigInt::from(2 * node.children().len() + 2);
            assert!(
                child.value().exact() <= most && child.value().exact() >= -most,
                "{} {}",
                node.rule(),
                child.value()
            );
        }
    }
    node.children().iter().for_each(check_sums);
}
