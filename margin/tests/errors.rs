//! Every refusal of an input, by code, place and precedence.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ledger::json::Json;
use margin::{Code, Failure, RegimeRef, run};

const BASE: &str = r#"{
"schema":"pledger.margin.input.v1","reporting_currency":"USD",
"book":{"positions":[{"instrument":"F","quantity":"2","account":"A","property_class":"cftc_4d_futures"},
                     {"instrument":"U","quantity":"10","account":"A","property_class":"sec_15c3_3"}]},
"instruments":[{"id":"F","kind":"future","underlying_id":"X","currency":"USD","multiplier":"5","expiry":"2027-01-01T00:00:00.000Z"},
               {"id":"U","kind":"equity","underlying_id":"U","currency":"USD"}],
"classification":[{"instrument":"F","effective_from":"1980-01-01","legal":"future","jurisdictions":["cftc"],"risk_class":"equity","evidence":["e"]},
                  {"instrument":"U","effective_from":"1980-01-01","legal":"security","jurisdictions":["sec"],"risk_class":"equity"}],
"market":{"as_of":"2026-11-20T21:00:00.000Z","max_age_s":"60","underlyings":{"X":{"price":"100"},"U":{"price":"75"}},
  "instruments":{"F":{"price":"101"},"U":{"price":"75","as_of":"2026-11-20T20:59:00.000Z"}}}}"#;

fn refused(input: &str, regime: &str) -> (Code, String) {
    match run(input.as_bytes(), &[RegimeRef::Named(regime)]) {
        Err(Failure::Input(error)) => (error.code, error.path),
        other => panic!("{other:?} for {input}"),
    }
}

fn replaced(pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(BASE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn the_base_is_sound() {
    for id in margin::Regime::built_ids() {
        assert!(run(BASE.as_bytes(), &[RegimeRef::Named(id)]).is_ok(), "{id}");
    }
}

/// One mistake each: what to replace by what, the code, and where it points.
const MISTAKES: [(&str, &str, Code, &str); 32] = [
    ("\"USD\",\n", "\"USD\",,\n", Code::MalformedJson, ""),
    ("\"quantity\":\"2\"", "\"quantity\":2", Code::MalformedJson, "/book/positions/0/quantity"),
    ("\"evidence\":[\"e\"]", "\"evidence\":null", Code::MalformedJson, "/classification/0/evidence"),
    ("\"multiplier\":\"5\"", "\"kind\":\"future\"", Code::MalformedJson, "/instruments/0/kind"),
    ("\"multiplier\":\"5\"", "\"multiplyer\":\"5\"", Code::UnknownField, "/instruments/0/multiplyer"),
    ("\"max_age_s\"", "\"max_age\"", Code::UnknownField, "/market/max_age"),
    ("\"quantity\":\"2\"", "\"quantity\":\"1e3\"", Code::BadDecimal, "/book/positions/0/quantity"),
    ("\"quantity\":\"2\"", "\"quantity\":\"0.0000000001\"", Code::BadDecimal, "/book/positions/0/quantity"),
    (
        "\"quantity\":\"2\"",
        "\"quantity\":\"1000000000000000000\"",
        Code::BadDecimal,
        "/book/positions/0/quantity",
    ),
    ("\"price\":\"101\"", "\"price\":true", Code::BadDecimal, "/market/instruments/F/price"),
    ("2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00Z", Code::BadTime, "/instruments/0/expiry"),
    ("\"1980-01-01\"", "\"1980-02-30\"", Code::BadTime, "/classification/0/effective_from"),
    ("input.v1", "input.v2", Code::UnsupportedSchema, "/schema"),
    ("\"id\":\"U\"", "\"id\":\"F\"", Code::DuplicateId, "/instruments/1"),
    (
        "\"instrument\":\"U\",\"quantity\"",
        "\"instrument\":\"V\",\"quantity\"",
        Code::UnknownInstrument,
        "/book/positions/1/instrument",
    ),
    ("\"kind\":\"equity\"", "\"kind\":\"token\",\"of\":\"Z\"", Code::UnknownInstrument, "/instruments/1/of"),
    ("\"kind\":\"equity\"", "\"kind\":\"token\"", Code::MissingField, "/instruments/1/of"),
    (",\"account\":\"A\"", "", Code::MissingField, "/book/positions/0/account"),
    (",\"expiry\":\"2027-01-01T00:00:00.000Z\"", "", Code::MissingField, "/instruments/0/expiry"),
    ("\"multiplier\":\"5\"", "\"multiplier\":\"0\"", Code::BadField, "/instruments/0/multiplier"),
    ("\"price\":\"101\"", "\"price\":\"-1\"", Code::BadField, "/market/instruments/F/price"),
    ("\"kind\":\"equity\"", "\"kind\":\"share\"", Code::BadField, "/instruments/1/kind"),
    ("\"kind\":\"future\"", "\"kind\":\"perpetual\"", Code::BadField, "/instruments/0/expiry"),
    ("[\"cftc\"]", "[\"fca\"]", Code::BadField, "/classification/0/jurisdictions/0"),
    ("\"1980-01-01\"", "\"2026-11-21\"", Code::Unclassified, "/book/positions/0/instrument"),
    ("[\"cftc\"]", "[\"sec\",\"cftc\"]", Code::InconsistentClassification, "/book/positions/0/instrument"),
    (
        "\"risk_class\":\"equity\"",
        "\"risk_class\":\"tulips\"",
        Code::UnknownRiskClass,
        "/book/positions/0/instrument",
    ),
    (
        "2027-01-01T00:00:00.000Z",
        "2026-11-20T21:00:00.000Z",
        Code::ExpiredInstrument,
        "/instruments/0/expiry",
    ),
    ("\"F\":{\"price\":\"101\"},", "", Code::PriceMissing, "/book/positions/0/instrument"),
    ("20:59:00", "20:58:59", Code::PriceStale, "/market/instruments/U/as_of"),
    (
        "\"underlying_id\":\"U\",\"currency\":\"USD\"",
        "\"underlying_id\":\"U\",\"currency\":\"EUR\"",
        Code::FxMissing,
        "/book/positions/1/instrument",
    ),
    ("\"price\":\"101\"", "\"price\":\"999999999999999999\"", Code::Overflow, "/book"),
];

#[test]
fn each_mistake_has_its_code_and_place() {
    for (from, to, code, path) in MISTAKES {
        let regime = "us-tims";
        let input = replaced(&[(from, to)]);
        let (got, at) = refused(&input, regime);
        assert_eq!((got.as_str(), at.as_str()), (code.as_str(), path), "{from} -> {to}");
    }
}

/// The base with an option in the place of the equity, priced by what it is quoted at.
fn with_option(pairs: &[(&str, &str)]) -> String {
    let option = r#""kind":"option","right":"call","strike":"80","style":"american","expiry":"2027-01-01T00:00:00.000Z","on":"spot""#;
    let quote = r#""U":{"price":"4.5","as_of":"2026-11-20T20:59:00.000Z"}"#;
    let base = replaced(&[
        ("\"kind\":\"equity\"", option),
        ("\"U\":{\"price\":\"75\",\"as_of\":\"2026-11-20T20:59:00.000Z\"}", quote),
        ("\"legal\":\"security\"", "\"legal\":\"security_option\""),
    ]);
    pairs.iter().fold(base, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// One mistake each about an option, as in [`MISTAKES`].
const OPTION_MISTAKES: [(&str, &str, Code, &str); 22] = [
    ("\"right\":\"call\"", "\"right\":\"straddle\"", Code::BadField, "/instruments/1/right"),
    ("\"right\":\"call\",", "", Code::MissingField, "/instruments/1/right"),
    ("\"strike\":\"80\"", "\"strike\":\"-80\"", Code::BadField, "/instruments/1/strike"),
    ("\"strike\":\"80\",", "", Code::MissingField, "/instruments/1/strike"),
    (
        ",\"expiry\":\"2027-01-01T00:00:00.000Z\",\"on\"",
        ",\"on\"",
        Code::MissingField,
        "/instruments/1/expiry",
    ),
    ("\"style\":\"american\"", "\"style\":\"asian\"", Code::BadField, "/instruments/1/style"),
    ("\"on\":\"spot\"", "\"on\":\"future\"", Code::MissingField, "/instruments/1/deliverable"),
    ("\"on\":\"spot\"", "\"deliverable\":\"W\"", Code::UnknownInstrument, "/instruments/1/deliverable"),
    ("\"on\":\"spot\"", "\"ratio\":\"0\"", Code::BadField, "/instruments/1/ratio"),
    (
        "2027-01-01T00:00:00.000Z\",\"on\"",
        "2026-11-20T21:00:00.000Z\",\"on\"",
        Code::ExpiredInstrument,
        "/instruments/1/expiry",
    ),
    ("\"price\":\"4.5\"", "\"price\":\"-4.5\"", Code::BadField, "/market/instruments/U/price"),
    ("\"price\":\"4.5\"", "\"vol\":\"0\"", Code::BadField, "/market/instruments/U/vol"),
    ("\"price\":\"4.5\"", "\"vol\":\"-0.2\"", Code::BadField, "/market/instruments/U/vol"),
    ("\"price\":\"4.5\"", "\"vol\":\"1e2\"", Code::BadDecimal, "/market/instruments/U/vol"),
    ("\"price\":\"4.5\"", "\"risk_array\":[\"1\"]", Code::BadField, "/market/instruments/U/risk_array"),
    ("\"price\":\"4.5\",", "", Code::PriceMissing, "/book/positions/1/instrument"),
    (",\"U\":{\"price\":\"75\"}", "", Code::PriceMissing, "/book/positions/1/instrument"),
    (
        "\"U\":{\"price\":\"75\"}",
        "\"U\":{\"price\":\"75\",\"as_of\":\"2026-11-20T20:00:00.000Z\"}",
        Code::PriceStale,
        "/market/underlyings/U/as_of",
    ),
    ("\"price\":\"4.5\"", "\"price\":\"76\"", Code::ImpliedVolNotFound, "/market/instruments/U/price"),
    // Deep in the money and quoted below what exercise brings.
    ("\"strike\":\"80\"", "\"strike\":\"40\"", Code::ImpliedVolNotFound, "/market/instruments/U/price"),
    (
        "\"U\":{\"price\":\"75\"}",
        "\"U\":{\"price\":\"75\",\"rate\":\"x\"}",
        Code::BadDecimal,
        "/market/underlyings/U/rate",
    ),
    ("\"price\":\"4.5\"", "\"vol\":\"999999999999999999\"", Code::Overflow, "/book/positions/1/instrument"),
];

#[test]
fn each_mistake_about_an_option_has_its_code_and_place() {
    for id in margin::Regime::built_ids() {
        assert!(run(with_option(&[]).as_bytes(), &[RegimeRef::Named(id)]).is_ok(), "{id}");
    }
    for (from, to, code, path) in OPTION_MISTAKES {
        let (got, at) = refused(&with_option(&[(from, to)]), "us-tims");
        assert_eq!((got.as_str(), at.as_str()), (code.as_str(), path), "{from} -> {to}");
    }
}

#[test]
fn what_an_option_is_priced_from_is_asked_for_only_where_it_is_priced() {
    // Worth less than its exercise: no volatility gives that, but the schedule does not ask.
    let cheap = with_option(&[("\"strike\":\"80\"", "\"strike\":\"40\"")]);
    assert!(run(cheap.as_bytes(), &[RegimeRef::Named("schedule")]).is_ok());
    assert_eq!(refused(&cheap, "us-harmonized").0, Code::ImpliedVolNotFound);
    // Without a quote it must be valued even there.
    let surface = ("\"max_age_s\"", "\"surface\":{\"U\":[{\"k\":\"1\",\"vol\":\"0.4\"}]},\"max_age_s\"");
    let unquoted = ("\"price\":\"4.5\",", "");
    assert_eq!(refused(&with_option(&[unquoted]), "schedule").0, Code::PriceMissing);
    for regime in margin::Regime::built_ids() {
        let covered = with_option(&[unquoted, surface]);
        assert!(run(covered.as_bytes(), &[RegimeRef::Named(regime)]).is_ok(), "{regime}");
    }
}

#[test]
fn errors_about_options_keep_the_order_of_codes() {
    let cheap = ("\"strike\":\"80\"", "\"strike\":\"40\"");
    for (more, code) in [
        (("20:59:00", "20:50:00"), Code::PriceStale),
        (("\"X\":{\"price\":\"100\"}", "\"X\":{\"price\":\"0\"}"), Code::BadField),
        (("\"F\":{\"price\":\"101\"},", ""), Code::PriceMissing),
        (
            ("\"underlying_id\":\"X\",\"currency\":\"USD\"", "\"underlying_id\":\"X\",\"currency\":\"EUR\""),
            Code::FxMissing,
        ),
        (("\"price\":\"101\"", "\"price\":\"999999999999999999\""), Code::ImpliedVolNotFound),
    ] {
        assert_eq!(refused(&with_option(&[cheap, more]), "us-tims").0, code, "{more:?}");
    }
    // Of two of one code the first in the document: the market's order, not the book's.
    let two = with_option(&[
        cheap,
        ("\"kind\":\"future\"", "\"kind\":\"option\",\"right\":\"put\",\"strike\":\"500\""),
        ("\"legal\":\"future\"", "\"legal\":\"future_option\""),
    ]);
    assert_eq!(
        refused(&two, "us-tims"),
        (Code::ImpliedVolNotFound, "/market/instruments/F/price".to_owned())
    );
}

#[test]
fn cases_to_price_are_read_as_strictly() {
    let base = r#"{"schema":"pledger.margin.price.v1","cases":[{"id":"a","model":"bsm","right":"call",
        "underlying":"100","strike":"90","t":"0.5","rate":"0.02","vol":"0.3"},{"id":"b","model":"crr","right":"put",
        "underlying":"100","strike":"90","t":"0.5","price":"4","steps":"50"}]}"#;
    assert!(margin::price(base.as_bytes()).is_ok());
    for (from, to, code, path) in [
        ("{\"schema\"", "{,\"schema\"", Code::MalformedJson, ""),
        ("\"t\":\"0.5\",\"rate\"", "\"t\":0.5,\"rate\"", Code::MalformedJson, "/cases/0/t"),
        ("\"right\"", "\"side\"", Code::UnknownField, "/cases/0/side"),
        ("\"vol\":\"0.3\"", "\"vol\":\".3\"", Code::BadDecimal, "/cases/0/vol"),
        ("price.v1", "price.v2", Code::UnsupportedSchema, "/schema"),
        ("\"id\":\"b\"", "\"id\":\"a\"", Code::DuplicateId, "/cases/1"),
        (",\"vol\":\"0.3\"", "", Code::MissingField, "/cases/0/vol"),
        (
            "\"strike\":\"90\",\"t\":\"0.5\",\"rate\"",
            "\"t\":\"0.5\",\"rate\"",
            Code::MissingField,
            "/cases/0/strike",
        ),
        ("\"vol\":\"0.3\"", "\"vol\":\"0.3\",\"price\":\"12\"", Code::BadField, "/cases/0/price"),
        ("\"vol\":\"0.3\"", "\"vol\":\"-0.1\"", Code::BadField, "/cases/0/vol"),
        ("\"bsm\"", "\"heston\"", Code::BadField, "/cases/0/model"),
        ("\"steps\":\"50\"", "\"steps\":\"0\"", Code::BadField, "/cases/1/steps"),
        ("\"steps\":\"50\"", "\"steps\":\"5001\"", Code::BadField, "/cases/1/steps"),
        ("\"price\":\"4\"", "\"price\":\"91\"", Code::ImpliedVolNotFound, "/cases/1/price"),
        ("\"rate\":\"0.02\"", "\"rate\":\"-5000\"", Code::Overflow, "/cases/0"),
    ] {
        assert!(base.contains(from), "{from}");
        match margin::price(base.replacen(from, to, 1).as_bytes()) {
            Err(Failure::Input(error)) => {
                assert_eq!(
                    (error.code.as_str(), error.path.as_str()),
                    (code.as_str(), path),
                    "{from} -> {to}"
                );
            }
            other => panic!("{other:?} for {from} -> {to}"),
        }
    }
    let both = base
        .replace("\"rate\":\"0.02\"", "\"rate\":\"-5000\"")
        .replace("\"price\":\"4\"", "\"price\":\"91\"");
    let Err(Failure::Input(error)) = margin::price(both.as_bytes()) else { panic!("a result") };
    assert_eq!(error.code, Code::ImpliedVolNotFound);
}

#[test]
fn charges_are_of_one_account() {
    let charged = replaced(&[("\"positions\"", "\"charges\":{\"mmp_margin\":\"1\"},\"positions\"")]);
    let result = run(charged.as_bytes(), &[RegimeRef::Named("deribit-spm")]).unwrap();
    let plain = run(BASE.as_bytes(), &[RegimeRef::Named("deribit-spm")]).unwrap();
    let more = result.results()[0].total().units() - plain.results()[0].total().units();
    assert_eq!(more, 100_000_000);
    let several = charged.replacen("\"account\":\"A\"", "\"account\":\"B\"", 1);
    assert_eq!(refused(&several, "deribit-spm"), (Code::BadField, "/book/charges".to_owned()));
    assert!(run(several.as_bytes(), &[RegimeRef::Named("us-tims")]).is_ok());
}

#[test]
fn rule_books_and_overrides_are_checked_before_the_book() {
    let with = |overrides: &str| replaced(&[("\"book\"", &format!("\"overrides\":{overrides},\"book\""))]);
    for (overrides, regime, code, path) in [
        ("{}", "us-nothing", Code::UnknownRegime, ""),
        (r#"{"us-nothing":{}}"#, "us-tims", Code::UnknownRegime, "/overrides/us-nothing"),
        (r#"{"us-tims":{"grid/points":"0"}}"#, "us-tims", Code::BadRegime, "/overrides/us-tims/grid~1points"),
        (
            r#"{"us-tims":{"range/equity":["0.1"]}}"#,
            "us-siloed",
            Code::BadRegime,
            "/overrides/us-tims/range~1equity",
        ),
        (
            r#"{"us-tims":{"grid/point":"5"}}"#,
            "us-tims",
            Code::UnknownOverride,
            "/overrides/us-tims/grid~1point",
        ),
        (
            r#"{"us-span":{"grid/points":"5"}}"#,
            "us-tims",
            Code::UnknownOverride,
            "/overrides/us-span/grid~1points",
        ),
        (
            r#"{"us-tims":{"regime/kind":"spm"}}"#,
            "us-tims",
            Code::UnknownOverride,
            "/overrides/us-tims/regime~1kind",
        ),
        (
            r#"{"us-tims":{"rates/X/scan_points":"5"}}"#,
            "us-tims",
            Code::UnknownOverride,
            "/overrides/us-tims/rates~1X~1scan_points",
        ),
    ] {
        let (got, at) = refused(&with(overrides), regime);
        assert_eq!((got.as_str(), at.as_str()), (code.as_str(), path), "{overrides}");
    }
    let points = with(r#"{"us-span":{"rates/X/scan_points":"20","rates/A/B/scan_range":"0.5"}}"#);
    let result = run(points.as_bytes(), &[RegimeRef::Named("us-span")]).unwrap();
    assert!(result.results()[0].regime().is_overridden());
}

#[test]
fn the_first_code_wins_and_then_the_first_place() {
    // Later codes first in the document, so that order of place alone would answer otherwise.
    for (pairs, code, path) in [
        (
            &[("\"quantity\":\"2\"", "\"quantity\":\"x\""), ("\"id\":\"U\"", "\"id\":\"U\",\"a\":\"b\"")][..],
            Code::UnknownField,
            "/instruments/1/a",
        ),
        (
            &[("[\"cftc\"]", "[\"sec\"]"), ("\"price\":\"101\"", "\"price\":\"-101\"")],
            Code::BadField,
            "/market/instruments/F/price",
        ),
        (
            &[
                ("\"account\":\"A\",\"property_class\":\"cftc_4d_futures\"", "\"account\":\"A\""),
                (
                    "\"instrument\":\"U\",\"quantity\":\"10\",\"account\":\"A\"",
                    "\"instrument\":\"V\",\"quantity\":\"10\"",
                ),
            ],
            Code::UnknownInstrument,
            "/book/positions/1/instrument",
        ),
        (
            &[("\"quantity\":\"2\"", "\"quantity\":\"x\""), ("\"quantity\":\"10\"", "\"quantity\":\"y\"")],
            Code::BadDecimal,
            "/book/positions/0/quantity",
        ),
        (
            &[("\"price\":\"101\"", "\"price\":\"999999999999999999\""), ("20:59:00", "20:50:00")],
            Code::PriceStale,
            "/market/instruments/U/as_of",
        ),
    ] {
        let (got, at) = refused(&replaced(pairs), "us-tims");
        assert_eq!((got.as_str(), at.as_str()), (code.as_str(), path), "{pairs:?}");
    }
}

#[test]
fn a_span_commodity_needs_the_price_of_its_underlying() {
    let input = replaced(&[("\"X\":{\"price\":\"100\"},", "")]);
    assert!(run(input.as_bytes(), &[RegimeRef::Named("us-tims")]).is_ok());
    assert_eq!(refused(&input, "us-span").0, Code::PriceMissing);
    assert_eq!(refused(&input, "us-siloed").0, Code::PriceMissing);
}

#[test]
fn wrappers_of_one_underlying_must_share_class_and_group() {
    let input = replaced(&[
        ("\"underlying_id\":\"X\"", "\"underlying_id\":\"U\""),
        ("\"risk_class\":\"equity\"", "\"risk_class\":\"crypto-alt\""),
    ]);
    assert_eq!(refused(&input, "us-harmonized").0, Code::InconsistentClassification);
    assert!(run(input.as_bytes(), &[RegimeRef::Named("us-tims")]).is_ok());
}

#[test]
fn a_zero_quantity_asks_nothing() {
    let input = replaced(&[
        ("\"quantity\":\"10\"", "\"quantity\":\"0\""),
        ("\"U\":{\"price\":\"75\",\"as_of\":\"2026-11-20T20:59:00.000Z\"}", "\"Z\":{}"),
    ]);
    let result = run(input.as_bytes(), &[RegimeRef::Named("us-tims")]).unwrap();
    assert_eq!(result.results()[0].accounts()[0].requirement_printed(), "151.5");
}

#[test]
fn a_token_takes_the_class_of_what_it_stands_for() {
    let token = "\"kind\":\"token\",\"of\":\"F\"";
    let input = replaced(&[
        ("\"kind\":\"equity\"", token),
        (
            "{\"instrument\":\"U\",\"effective_from\":\"1980-01-01\"",
            "{\"instrument\":\"V\",\"effective_from\":\"1980-01-01\"",
        ),
    ]);
    let result = run(input.as_bytes(), &[RegimeRef::Named("us-harmonized")]).unwrap().to_json();
    let reasons = result.pointer("/results/0/accounts/0/eligibility/U/reasons/1").and_then(Json::as_str);
    assert_eq!(reasons, Some("unclassified_leg"));
    // A token of itself is classified by nothing.
    let circle = input.replace("\"of\":\"F\"", "\"of\":\"U\"");
    assert_eq!(refused(&circle, "us-tims").0, Code::Unclassified);
}

/// A pool is read whatever rule book asks for it, and strictly.
#[test]
fn pools_that_are_none() {
    let pool = |state: &str, signals: &str| {
        replaced(&[("\"book\"", &format!("\"pool\":{{\"state\":{state},\"signals\":{signals}}},\"book\""))])
    };
    let state = r#"{"level":"guarded","theta_factor":"0.8","calm":"1"}"#;
    let signals = r#"{"index_fall":"0","peg":"0","confidence":"1","correlation":"1","call_share":"0"}"#;
    assert!(run(pool(state, signals).as_bytes(), &[RegimeRef::Named("us-tims")]).is_ok());
    for (state, signals, code) in [
        ("{}".to_owned(), signals.to_owned(), Code::MissingField),
        (state.to_owned(), "{}".to_owned(), Code::MissingField),
        (state.replace("guarded", "shut"), signals.to_owned(), Code::BadField),
        (state.replace("0.8", "1.8"), signals.to_owned(), Code::BadField),
        (state.replace("\"1\"", "\"01\""), signals.to_owned(), Code::BadField),
        (state.replace("calm", "calmness"), signals.to_owned(), Code::UnknownField),
        (state.to_owned(), signals.replace("\"0\"", "\"0.0\""), Code::BadDecimal),
        (
            state.to_owned(),
            signals.replace("\"0\"", "\"123456789012345678.1234567890123\""),
            Code::BadDecimal,
        ),
        (state.to_owned(), signals.replace("peg", "pegs"), Code::UnknownField),
    ] {
        for regime in ["us-tims", "us-harmonized"] {
            assert_eq!(refused(&pool(&state, &signals), regime).0, code, "{state} {signals}");
        }
    }
}

#[test]
fn printed_errors_have_their_shape() {
    let failure = run(b"", &[]).unwrap_err();
    let json = failure.to_json().to_string();
    assert!(json.starts_with(r#"{"error":{"code":"malformed_json","path":"","message":"#), "{json}");
}
