//! Back-tests through the door: which dates count, what is lost and required on each, what is
//! refused, and that reports hold nothing but text.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ledger::json::{Json, read};
use margin::{Code, Failure, History, RegimeRef, backtest_tree, coverage_tree, run_tree};

const TIMS: &[RegimeRef] = &[RegimeRef::Named("us-tims")];

/// A share of U and a fund on it that has closes of its own if the history says so.
fn input(more: &str) -> Json {
    let text = format!(
        r#"{{"schema":"pledger.margin.input.v1","reporting_currency":"USD",{more}
"book":{{"positions":[{{"instrument":"S","quantity":"-10","account":"A","property_class":"sec_15c3_3"}},
  {{"instrument":"F","quantity":"30","account":"B","property_class":"sec_15c3_3"}}]}},
"instruments":[{{"id":"S","kind":"equity","underlying_id":"U","currency":"USD"}},
  {{"id":"F","kind":"etf","underlying_id":"U","currency":"EUR"}}],
"classification":[{{"instrument":"S","effective_from":"1980-01-01","legal":"security","jurisdictions":["sec"],"risk_class":"equity"}},
  {{"instrument":"F","effective_from":"1980-01-01","legal":"security","jurisdictions":["sec"],"risk_class":"equity"}}],
"market":{{"as_of":"2026-11-20T21:00:00.000Z","fx":{{"EUR":"1.1"}},"underlyings":{{"U":{{"price":"100"}}}},
  "instruments":{{"S":{{"price":"100"}},"F":{{"price":"50"}}}}}}}}"#
    );
    read(text.as_bytes()).unwrap()
}

/// A date each day from 1 January 2025, as many as asked for.
fn date(day: usize) -> String {
    let ends = [0, 31, 59, 90, 120, 151];
    let month = ends.iter().rposition(|end| *end <= day).unwrap();
    format!("2025-{:02}-{:02}", month + 1, day - ends[month] + 1)
}

/// Closes of one symbol by day.
fn rows(symbol: &str, closes: &[&str], clock: &str) -> String {
    let row = |(day, close): (usize, &&str)| format!("{},{symbol},{close}{clock}\n", date(day));
    closes.iter().enumerate().map(row).collect()
}

fn history(header: &str, rows: &[String]) -> History {
    History::from_csv(format!("{header}\n{}", rows.concat()).as_bytes()).unwrap()
}

/// Sixty days at 100, then a fall to 70 over two days, then nothing.
fn crash() -> Vec<&'static str> {
    let mut closes = vec!["100"; 62];
    closes.extend(["80", "70", "70", "70"]);
    closes
}

fn member<'a>(json: &'a Json, at: &str) -> &'a str {
    json.pointer(at).and_then(Json::as_str).unwrap_or_else(|| panic!("{at} in {json}"))
}

#[test]
fn what_moves_with_the_underlying_is_scaled_and_losses_are_of_the_whole_book() {
    let tested = backtest_tree(&input(""), &history("date,symbol,close", &[rows("U", &crash(), "")]), TIMS);
    let json = tested.unwrap().to_json();
    let horizon = |member: &str| format!("/regimes/0/horizons/0/{member}");
    assert_eq!(member(&json, &horizon("observations")), "5");
    // −10 × 100 + 30 × 50 × 1.1 = 650 of U: 20 % of it is lost at first.
    assert_eq!(member(&json, &horizon("worst_loss")), "130");
    assert_eq!(member(&json, &horizon("worst_date")), date(61));
    // Each account needs 15 % of its own: 150 and 247.50.
    assert_eq!(member(&json, "/regimes/0/requirement/max"), "397.5");
    assert_eq!(member(&json, "/regimes/0/requirement/min"), "278.25");
    assert_eq!(member(&json, "/regimes/0/requirement/peak_to_trough"), "1.42857143");
    assert_eq!(member(&json, &horizon("exceedances")), "0");
    // Over two days 195 is lost, the whole of it from the last day before.
    assert_eq!(member(&json, "/regimes/0/horizons/1/worst_loss"), "195");
    assert_eq!(member(&json, "/regimes/0/horizons/2/observations"), "1");
    assert_eq!(member(&json, "/from"), date(60));
}

#[test]
fn a_close_of_its_own_prices_an_instrument() {
    let fund = vec!["50"; 66];
    let history = history("date,symbol,close", &[rows("U", &crash(), ""), rows("F", &fund, "")]);
    let json = backtest_tree(&input(""), &history, TIMS).unwrap().to_json();
    // The fund stands still, so the short share gains and nothing is ever lost.
    assert_eq!(member(&json, "/regimes/0/horizons/0/worst_loss"), "0");
    assert_eq!(member(&json, "/regimes/0/requirement/min"), "352.5");
}

/// Without closes of the underlying it moves with the largest position that has its own.
#[test]
fn an_underlying_without_closes_moves_with_its_largest_position() {
    let fund: Vec<String> =
        crash().iter().map(|close| format!("{}", close.parse::<i64>().unwrap() / 2)).collect();
    let fund: Vec<&str> = fund.iter().map(String::as_str).collect();
    let json = backtest_tree(&input(""), &history("date,symbol,close", &[rows("F", &fund, "")]), TIMS);
    assert_eq!(member(&json.unwrap().to_json(), "/regimes/0/horizons/0/worst_loss"), "130");
}

fn refused(more: &str, history: &History) -> Code {
    match backtest_tree(&input(more), history, TIMS) {
        Err(Failure::Input(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let (header, clocked) = ("date,symbol,close", "date,symbol,close,clock");
    let enough = crash();
    assert_eq!(refused("", &history(header, &[rows("U", &enough[..60], "")])), Code::TooLittleHistory);
    assert!(backtest_tree(&input(""), &history(header, &[rows("U", &enough[..61], "")]), TIMS).is_ok());
    assert_eq!(refused("", &history(header, &[rows("V", &enough, "")])), Code::TooLittleHistory);
    let sparse = history(header, &[rows("U", &enough, ""), rows("F", &["50"; 40], "")]);
    assert_eq!(refused("", &sparse), Code::TooLittleHistory);
    let two = history(clocked, &[rows("U", &enough, ",us_close"), rows("F", &["50"; 66], ",utc_day")]);
    assert_eq!(refused("", &two), Code::AsynchronousCloses);
    let allowed = backtest_tree(&input(r#""allow_asynchronous":true,"#), &two, TIMS).unwrap();
    assert!(member(&allowed.to_json(), "/regimes/0/horizons/2/asynchronous_closes").starts_with("allowed"));
    assert!(allowed.html().contains("different clocks"));
    let one = history(header, &[rows("U", &enough, "")]);
    for (more, code) in [
        (r#""rate":"1","#, Code::BadField),
        (r#""rate":"0","#, Code::BadField),
        (r#""horizons":["1.5"],"#, Code::BadField),
        (r#""horizons":["0"],"#, Code::BadField),
        (r#""horizons":["251"],"#, Code::BadField),
        (r#""horizons":[true],"#, Code::BadDecimal),
        (r#""allow_asynchronous":"yes","#, Code::BadField),
    ] {
        assert_eq!(refused(more, &one), code, "{more}");
    }
    let named = input(r#""regimes":["us-tims","us-none"],"#);
    match backtest_tree(&named, &one, &[]) {
        Err(Failure::Input(error)) => assert_eq!(error.code, Code::UnknownRegime),
        other => panic!("{other:?}"),
    }
}

/// An option is lost by its value: the strike of the first day, the same volatility, a shorter life.
/// Two days of standing still cost a long option only its time.
#[test]
fn options_are_revalued_with_the_strike_of_the_first_day() {
    let option = r#""kind":"option","right":"call","strike":"100","expiry":"2027-02-20T21:00:00.000Z","multiplier":"100""#;
    let text = input("").to_string().replace(r#""kind":"equity""#, option).replace(
        r#""security","jurisdictions":["sec"],"risk_class":"equity""#,
        r#""security_option","jurisdictions":["sec"],"risk_class":"equity""#,
    );
    let text = text
        .replace(r#""S":{"price":"100"}"#, r#""S":{"vol":"0.3"}"#)
        .replace(r#""quantity":"30""#, r#""quantity":"0""#);
    let json = read(text.replace(r#""quantity":"-10""#, r#""quantity":"1""#).as_bytes()).unwrap();
    let flat = vec!["200"; 66];
    let history = history("date,symbol,close", &[rows("U", &flat, "")]);
    let tested = backtest_tree(&json, &history, &[RegimeRef::Named("us-tims"), RegimeRef::Named("us-reg-t")]);
    let tested = tested.unwrap().to_json();
    assert_eq!(
        member(&tested, "/regimes/0/horizons/0/note"),
        "option coverage not measured: volatility is held"
    );
    // At twice the price every figure is twice that of today: BSM(200, 200, 92 and 90 days, 30 %).
    let loss = |days: &str| {
        let cases = format!(
            r#"{{"schema":"pledger.margin.price.v1","cases":[{{"id":"c","model":"bsm","right":"call","underlying":"200","strike":"200","t":"{days}","vol":"0.3"}}]}}"#
        );
        let priced = margin::price(cases.as_bytes()).unwrap();
        ledger::decimal::DecimalText::parse(member(&priced, "/results/0/value")).unwrap().exact()
    };
    let time = (loss("0.25205479452054796") - loss("0.24657534246575343")) * num_bigint::BigInt::from(100);
    let told = ledger::decimal::DecimalText::parse(member(&tested, "/regimes/0/horizons/1/worst_loss"))
        .unwrap()
        .exact();
    let cent = ledger::decimal::Exact::new(1.into(), 100.into());
    assert!(told >= time && told <= time + cent);
}

/// The worst start is the earliest of equals, and a book that never loses has a gain for its worst.
#[test]
fn ties_go_to_the_earliest_start() {
    let mut closes = vec!["100"; 61];
    closes.extend(["110", "120", "130"]);
    let json = backtest_tree(
        &input(r#""horizons":["1"],"#),
        &history("date,symbol,close", &[rows("U", &closes, "")]),
        TIMS,
    );
    let json = json.unwrap().to_json();
    assert_eq!(member(&json, "/regimes/0/horizons/0/worst_loss"), "-65");
    assert_eq!(member(&json, "/regimes/0/horizons/0/worst_date"), date(60));
}

#[test]
fn rows_of_the_csv_are_the_dates_and_the_page_needs_nothing() {
    let tested =
        backtest_tree(&input(""), &history("date,symbol,close", &[rows("U", &crash(), "")]), TIMS).unwrap();
    let csv = tested.csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "regime,date,vol_ratio,requirement,loss_1,exceeds_1,loss_2,exceeds_2,loss_5,exceeds_5"
    );
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[2], format!("us-tims,{},1,397.5,130,0,195,0,,", date(61)));
    let page = tested.html();
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(!page.contains("<script") && !page.contains("://"));
}

#[test]
fn a_coverage_case_is_read_strictly() {
    for (text, code) in [
        (r#"{"schema":"pledger.margin.coverage.v1","hits":"01","rate":"0.01","x":"1"}"#, Code::UnknownField),
        (r#"{"schema":"pledger.margin.coverage.v2","hits":"01","rate":"0.01"}"#, Code::UnsupportedSchema),
        (r#"{"schema":"pledger.margin.coverage.v1","hits":"012","rate":"0.01"}"#, Code::BadField),
        (r#"{"schema":"pledger.margin.coverage.v1","hits":"01","rate":"1"}"#, Code::BadField),
        (r#"{"schema":"pledger.margin.coverage.v1","hits":"01"}"#, Code::MissingField),
        (r#"["hits"]"#, Code::BadField),
    ] {
        assert_eq!(coverage_tree(&read(text.as_bytes()).unwrap()).unwrap_err().code, code, "{text}");
    }
}

/// An instrument may be called anything; the page shows it as text.
#[test]
fn the_page_of_a_run_holds_no_markup_but_its_own() {
    let hostile = "<img src=x onerror=alert(1)>\\\"'&</details>";
    let text = input("").to_string().replace("\"S\"", &format!("\"{hostile}\""));
    let json = read(text.as_bytes()).unwrap();
    for regime in ["us-tims", "us-harmonized", "us-reg-t", "us-siloed", "schedule"] {
        let page = run_tree(&json, &[RegimeRef::Named(regime)]).unwrap().page();
        assert!(page.contains("&lt;img src=x"), "{regime}");
        assert!(!page.contains("<img") && !page.contains("<script") && !page.contains("://"), "{regime}");
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count(), "{regime}");
    }
}
