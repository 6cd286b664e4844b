//! `us-reg-t` through the door: rows of the strategy table, what cannot be paired, and that the
//! explanation adds up at both stages.
//!
//! Figures by hand from the strategy table: margin specification, section 6.1.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ledger::decimal::{DecimalText, Exact};
use ledger::json::Json;
use margin::{Code, Failure, RegimeRef, run};

/// One position: what is held, how much, and its price. An option is `C100`, `P95 2027-03`.
type Row<'a> = (&'a str, &'a str, &'a str);

/// An underlying U at 100 with options of multiplier 100 that expire on the 15th of a month.
fn input(spot: &str, rows: &[Row], more: &str) -> String {
    let (mut positions, mut instruments, mut classes, mut quotes) = (vec![], vec![], vec![], vec![]);
    for (id, quantity, price) in rows {
        let (terms, legal) = match id.as_bytes()[0] {
            b'C' | b'P' => {
                let right = if id.starts_with('C') { "call" } else { "put" };
                let (strike, month) = id[1..].split_once(' ').unwrap_or((&id[1..], "2027-01"));
                let expiry = format!("{month}-15T21:00:00.000Z");
                let terms = format!(
                    r#""kind":"option","right":"{right}","strike":"{strike}","expiry":"{expiry}","multiplier":"100""#
                );
                (terms, "security_option")
            }
            b'L' => (r#""kind":"etf","leverage":"3""#.to_owned(), "security"),
            _ => (r#""kind":"equity""#.to_owned(), "security"),
        };
        positions.push(format!(
            r#"{{"instrument":"{id}","quantity":"{quantity}","account":"A","property_class":"sec_15c3_3"}}"#
        ));
        instruments.push(format!(r#"{{"id":"{id}","underlying_id":"U","currency":"USD",{terms}}}"#));
        classes.push(format!(
            r#"{{"instrument":"{id}","effective_from":"1980-01-01","legal":"{legal}","jurisdictions":["sec"],"risk_class":"equity"}}"#
        ));
        quotes.push(format!(r#""{id}":{{"price":"{price}"}}"#));
    }
    let [positions, instruments, classes, quotes] =
        [positions, instruments, classes, quotes].map(|parts| parts.join(","));
    format!(
        r#"{{"schema":"pledger.margin.input.v1","reporting_currency":"USD",{more}"book":{{"positions":[{positions}]}},
"instruments":[{instruments}],"classification":[{classes}],"market":{{"as_of":"2026-11-20T21:00:00.000Z",
"underlyings":{{"U":{{"price":"{spot}"}}}},"instruments":{{{quotes}}}}}}}"#
    )
}

fn account(input: &str) -> Json {
    let result = run(input.as_bytes(), &[RegimeRef::Named("us-reg-t")]).unwrap();
    result.to_json().pointer("/results/0/accounts/0").unwrap().clone()
}

fn figure<'a>(account: &'a Json, name: &str) -> &'a str {
    account.pointer(&format!("/figures/{name}")).and_then(Json::as_str).unwrap()
}

/// Each row of the table: spot, what is held, initial margin, maintenance.
#[test]
fn rows_of_the_table() {
    let rows: [(&str, &[Row], &str, &str); 22] = [
        ("100", &[("U", "100", "100")], "5000", "2500"),
        ("100", &[("U", "-100", "100")], "5000", "3000"),
        // Short stock at a low price: $5 a share, or its price and at least $2.50 below $5.
        ("8", &[("U", "-100", "8")], "400", "500"),
        ("4", &[("U", "-100", "4")], "200", "400"),
        ("2", &[("U", "-100", "2")], "100", "250"),
        ("4", &[("U", "-100", "4"), ("P1", "1", "0")], "200", "500"),
        // A fund of three times the index: 75 % long, 90 % short.
        ("100", &[("L", "100", "100")], "7500", "7500"),
        ("100", &[("L", "-100", "100")], "9000", "9000"),
        ("100", &[("C110", "-1", "1")], "1100", "1100"),
        ("100", &[("C160", "-1", "0")], "1000", "1000"),
        ("100", &[("P30", "-1", "0")], "300", "300"),
        ("9", &[("P5", "-1", "0")], "250", "250"),
        ("100", &[("C100", "-1", "4"), ("P100", "-1", "3")], "2700", "2700"),
        ("100", &[("U", "100", "100"), ("C90", "-1", "12")], "6000", "3250"),
        ("100", &[("U", "-100", "100"), ("P110", "-1", "12")], "6000", "4000"),
        ("100", &[("U", "100", "100"), ("P95", "1", "1")], "5000", "1450"),
        ("100", &[("U", "-100", "100"), ("C105", "1", "1")], "5000", "1550"),
        ("100", &[("U", "100", "100"), ("P95", "1", "1"), ("C110", "-1", "1")], "5000", "1450"),
        ("100", &[("U", "100", "100"), ("P95", "1", "1"), ("C95", "-1", "6")], "5500", "1450"),
        ("100", &[("U", "-100", "100"), ("C105", "1", "1"), ("P105", "-1", "6")], "5500", "1550"),
        ("100", &[("C95", "1", "6"), ("C105", "-1", "1")], "0", "0"),
        ("100", &[("C100 2027-03", "1", "5"), ("C95", "-1", "7")], "500", "500"),
    ];
    for (spot, held, initial, maintenance) in rows {
        let account = account(&input(spot, held, ""));
        assert_eq!(figure(&account, "margin"), initial, "{held:?}");
        assert_eq!(figure(&account, "maintenance"), maintenance, "{held:?}");
    }
}

/// A long option that expires first margins nothing of a short one.
#[test]
fn a_hedge_must_live_as_long() {
    let account = account(&input("100", &[("C95 2027-01", "1", "7"), ("C95 2027-03", "-1", "8")], ""));
    assert_eq!(figure(&account, "margin"), "2800");
    assert_eq!(figure(&account, "long_option_cost"), "700");
    assert_eq!(figure(&account, "short_option_proceeds"), "800");
    assert_eq!(figure(&account, "requirement"), "3500");
    assert_eq!(figure(&account, "deposit"), "2700");
}

/// An option on a fund that holds a part of a coin: stock of the fund covers it share by share.
#[test]
fn what_is_delivered_is_the_unit() {
    let rows = [("IBIT", "100", "50"), ("C55", "-1", "2")];
    let text = input("90000", &rows, "")
        .replace(r#""id":"IBIT""#, r#""id":"IBIT","ratio":"0.0005""#)
        .replace(r#""id":"C55""#, r#""id":"C55","ratio":"0.0005","deliverable":"IBIT""#);
    let account = account(&text);
    assert_eq!(figure(&account, "margin"), "2500");
    assert_eq!(figure(&account, "maintenance"), "1250");
}

fn refused(text: &str, regime: &str) -> (Code, String) {
    match run(text.as_bytes(), &[RegimeRef::Named(regime)]) {
        Err(Failure::Input(error)) => (error.code, error.path),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_paired_is_refused() {
    let two = input("100", &[("C100", "-1", "4"), ("C110", "1", "1")], "");
    let mixed = two.replacen(r#""multiplier":"100""#, r#""multiplier":"10""#, 1);
    assert_eq!(refused(&mixed, "us-reg-t"), (Code::MixedMultiplier, "/book/positions/1/instrument".into()));
    let closed = mixed.replacen(r#""quantity":"1""#, r#""quantity":"0""#, 1);
    assert_eq!(figure(&account(&closed), "margin"), "240");
    let siloed = r#""overrides":{"us-siloed":{"method/securities":"us-reg-t"}},"book""#;
    assert_eq!(refused(&mixed.replace("\"book\"", siloed), "us-siloed").0, Code::MixedMultiplier);
    let ids: Vec<String> = (1..=17).map(|strike| format!("C{strike}")).collect();
    let rows: Vec<Row> = ids.iter().map(|id| (id.as_str(), "-1", "100")).collect();
    assert!(run(input("100", &rows[..16], "").as_bytes(), &[RegimeRef::Named("us-reg-t")]).is_ok());
    let path = "/book/positions/16/instrument".to_owned();
    assert_eq!(refused(&input("100", &rows, ""), "us-reg-t"), (Code::TooManyLegs, path));
}

fn check_sums(node: &Json) {
    let number = |node: &Json| -> Exact {
        DecimalText::parse(node.get("value").and_then(Json::as_str).unwrap()).unwrap().exact()
    };
    let children = node.get("children").and_then(Json::as_array).unwrap();
    if !children.is_empty() {
        assert_eq!(children.iter().map(number).sum::<Exact>(), number(node), "{node}");
    }
    children.iter().for_each(check_sums);
}

/// Each strategy of the pairing is a child, its positions are leaves, and all of it sums.
#[test]
fn the_pairing_is_explained_at_both_stages() {
    let rows = [("U", "133.3", "99.99"), ("C105", "-2", "1.5"), ("C110", "1", "0.6"), ("L", "7", "31.07")];
    let account = account(&input("100", &rows, ""));
    for tree in ["explain", "explain_maintenance"] {
        check_sums(account.get(tree).unwrap());
    }
    let text = account.get("explain").unwrap().to_string();
    for rule in ["covered_call", "spread", "long_stock", "long_option_cost"] {
        assert!(text.contains(&format!("\"us-reg-t/{rule}\"")), "{rule} {text}");
    }
}
