//! The amount and its input, by table, law and hostile bytes.

use proptest::prelude::*;

use super::*;
use crate::json::{Json, read};
use crate::valuation::{Item, Side, StatementFigure, Value, release};

/// A two-way agreement with one item each way, in two currencies, with every optional part.
const INPUT: &str = r#"{"as_of":"2026-09-01T00:00:00.000Z","exposure":"1000",
 "margin":{"a":{"amount":"10","ia":"5"}},"disputed":{"secured":"a","amount":"0"},"in_default":[],
 "agreement":{"id":"CSA-1","version":"1","flavour":"ny_1994","parties":{"a":"PB","b":"FUND"},"two_way":true,
  "base_currency":"USD","effective_from":"2026-01-01T00:00:00.000Z","regime":"us","groups":{"b":["G"]},
  "terms":{"a":{"threshold":"0","mta":"100","independent_amount":"0"},
           "b":{"threshold":"0","mta":"100","independent_amount":"0"}},
  "rounding":{"amount":"10","delivery":"up","return":"down"},"zero_on_default":true,"in_flight":"count_agreed",
  "ia_treatment":"inside_threshold","im_approach":"distinct","max_price_age":"P1D","statement_max_age":"P1D",
  "statement_grace":"PT4H","clock":{"kind":"continuous","settle":"PT4H","dispute":"PT1H","grace":"PT2H"},
  "intraday_min_interval":"PT1H","valuation_agent":"demanding_party","reuse":{"consent":true,"limit":"5"},
  "interest":{"USD":{"rate_id":"SOFR","basis":"360","spread":"-0.005","floor":"daily"}},
  "substitution_consent":true,"cross_default":["CSA-2"],"legal_capacity":"principal","tolerances":{"USD":"0.01"},
  "fx_haircut":{"rate":"0.08","exempt_currencies":["USD"]},
  "schedule":[{"id":"R1","include":true,"match":{"any":[{"kind":"security"},{"kind":"cash"}]},
    "valuation":{"kind":"haircut","value":"0.02"},"classes":["uncleared"]},
   {"id":"R2","include":false,"match":{"own_issue":true}}],
  "limits":[{"id":"L1","scope":"each_issuer","percent":"1","of":"total_before"}]},
 "assets":[{"id":"BOND","kind":"security","decimals":"2","currency":"EUR","maturity":"2030-01-31",
   "ratings":[{"agency":"sp","notation":"AA"}]},{"id":"USD","kind":"cash","decimals":"2","currency":"USD"}],
 "prices":[{"asset":"BOND","price":"1","currency":"EUR","as_of":"2026-09-01T00:00:00.000Z"}],
 "fx":[{"currency":"EUR","rate":"1.1","as_of":"2026-09-01T00:00:00.000Z"}],
 "collateral":[{"id":"i1","asset":"BOND","amount":"500","posted_by":"b","state":"held","class":"uncleared",
   "disputed_value":"0"},{"id":"i2","asset":"USD","amount":"50","posted_by":"a","state":"held","class":"uncleared"}]}"#;

fn input() -> Json {
    read(INPUT.as_bytes()).unwrap()
}

fn at<'j>(json: &'j mut Json, token: &str) -> Option<&'j mut Json> {
    match json {
        Json::Object(members) => members.iter_mut().find(|(key, _)| key == token).map(|(_, value)| value),
        Json::Array(elements) => elements.get_mut(token.parse::<usize>().ok()?),
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => None,
    }
}

/// Puts `text`, as JSON, where `pointer` says; takes the member out for an empty text.
fn set(json: &mut Json, pointer: &str, text: &str) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let mut node = json;
    for token in parent.split('/').skip(1) {
        node = at(node, token).unwrap_or_else(|| panic!("{pointer}"));
    }
    if text.is_empty() {
        if let Json::Object(members) = node {
            members.retain(|(key, _)| key != last);
        }
        return;
    }
    let value = read(text.as_bytes()).unwrap();
    if let Some(place) = at(node, last) {
        *place = value;
        return;
    }
    match node {
        Json::Object(members) => members.push((last.to_owned(), value)),
        Json::Array(elements) => elements.push(value),
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => panic!("{pointer}"),
    }
}

fn edited(edits: &[(&str, &str)]) -> Json {
    let mut json = input();
    for (pointer, text) in edits {
        set(&mut json, pointer, text);
    }
    json
}

fn outcome(json: &Json) -> Result<Json, (String, String)> {
    compute_json(json.to_string().as_bytes()).map_err(|error| (error.code.to_string(), error.path))
}

fn answer(edits: &[(&str, &str)]) -> Json {
    outcome(&edited(edits)).unwrap()
}

fn text<'j>(json: &'j Json, pointer: &str) -> &'j str {
    json.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("{pointer}"))
}

/// Each row: where, what is put there as JSON (nothing takes it out), and the code and path told.
fn check_faults(rows: &[(&str, &str, &str, &str)]) {
    for (pointer, value, code, path) in rows {
        let got = outcome(&edited(&[(pointer, value)]));
        assert_eq!(got, Err(((*code).to_owned(), (*path).to_owned())), "{pointer} {value}");
    }
}

#[test]
fn members_are_all_known_and_there() {
    check_faults(&[
        ("/exposure", "1", "not_strict", "/exposure"),
        ("/margin", "null", "not_strict", "/margin"),
        ("/nope", "\"x\"", "unknown_field", "/nope"),
        ("/agreement/a~b", "\"x\"", "unknown_field", "/agreement/a~0b"),
        ("/agreement/terms/a/fee", "\"x\"", "unknown_field", "/agreement/terms/a/fee"),
        (
            "/agreement/schedule/0/match",
            "{\"colour\":\"x\"}",
            "unknown_field",
            "/agreement/schedule/0/match/colour",
        ),
        ("/as_of", "", "missing_field", "/as_of"),
        ("/exposure", "", "missing_field", "/exposure"),
        ("/agreement/terms/b", "", "missing_field", "/agreement/terms/b"),
        ("/agreement/terms/b/mta", "", "missing_field", "/agreement/terms/b/mta"),
        ("/agreement/rounding/amount", "", "missing_field", "/agreement/rounding/amount"),
        ("/agreement/schedule/0/valuation", "", "missing_field", "/agreement/schedule/0/valuation"),
        ("/agreement/limits/0/of", "", "missing_field", "/agreement/limits/0/of"),
        ("/agreement/clock/kind", "", "missing_field", "/agreement/clock/kind"),
        ("/collateral/1/class", "", "missing_field", "/collateral/1/class"),
    ]);
}

#[test]
fn terms_are_canonical_and_in_range() {
    check_faults(&[
        ("/as_of", "\"2026-09-01T00:00:00Z\"", "bad_value", "/as_of"),
        ("/agreement", "\"x\"", "bad_value", "/agreement"),
        ("/agreement/version", "\"0\"", "bad_value", "/agreement/version"),
        ("/agreement/flavour", "\"ny_1995\"", "bad_value", "/agreement/flavour"),
        ("/agreement/two_way", "\"true\"", "bad_value", "/agreement/two_way"),
        ("/agreement/terms/b/threshold", "\"Infinite\"", "bad_value", "/agreement/terms/b/threshold"),
        ("/agreement/terms/b/mta", "\"infinite\"", "bad_value", "/agreement/terms/b/mta"),
        ("/agreement/rounding/amount", "\"0\"", "bad_value", "/agreement/rounding/amount"),
        ("/agreement/rounding/delivery", "\"ceil\"", "bad_value", "/agreement/rounding/delivery"),
        ("/agreement/max_price_age", "\"P1M\"", "bad_value", "/agreement/max_price_age"),
        ("/agreement/fx_haircut/rate", "\"1\"", "bad_value", "/agreement/fx_haircut/rate"),
        ("/agreement/schedule/0/match", "{}", "bad_value", "/agreement/schedule/0/match"),
        ("/agreement/schedule/0/match/kind", "\"cash\"", "bad_value", "/agreement/schedule/0/match"),
        ("/agreement/schedule/0/valuation/kind", "\"share\"", "bad_value", "/agreement/schedule/0/valuation"),
        ("/agreement/schedule/0/valuation/value", "\"0.20\"", "bad_value", "/agreement/schedule/0/valuation"),
        ("/agreement/schedule/0/classes/0", "\"sec\"", "bad_value", "/agreement/schedule/0/classes/0"),
        ("/agreement/limits/0/percent", "\"1.01\"", "bad_value", "/agreement/limits/0/percent"),
        ("/agreement/limits/0/value", "\"1\"", "bad_value", "/agreement/limits/0"),
        ("/agreement/interest/USD/basis", "\"364\"", "bad_value", "/agreement/interest/USD/basis"),
        ("/agreement/clock/settle", "\"4h\"", "bad_value", "/agreement/clock/settle"),
    ]);
}

#[test]
fn figures_are_canonical_and_in_range() {
    check_faults(&[
        ("/exposure", "\"1.10\"", "bad_value", "/exposure"),
        ("/exposure", "\"12345678901234567890123456789\"", "bad_value", "/exposure"),
        ("/exposure", "\"0.0000000000000000001\"", "bad_value", "/exposure"),
        ("/assets/0/decimals", "\"31\"", "bad_value", "/assets/0/decimals"),
        ("/assets/0/maturity", "\"2026-02-29\"", "bad_value", "/assets/0/maturity"),
        ("/assets/0/ratings/0/notation", "\"AA++\"", "bad_value", "/assets/0/ratings/0/notation"),
        ("/prices/0/price", "\"-1\"", "bad_value", "/prices/0/price"),
        ("/fx/0/rate", "\"0\"", "bad_value", "/fx/0/rate"),
        ("/collateral/0/amount", "\"-1\"", "bad_value", "/collateral/0/amount"),
        ("/collateral/0/state", "\"lost\"", "bad_value", "/collateral/0/state"),
        ("/margin/a/amount", "\"-1\"", "bad_value", "/margin/a/amount"),
        ("/disputed/amount", "\"-1\"", "bad_value", "/disputed/amount"),
        ("/in_default", "[\"c\"]", "bad_value", "/in_default/0"),
    ]);
}

#[test]
fn references_prices_and_sums_hold() {
    check_faults(&[
        ("/collateral/1/id", "\"i1\"", "duplicate_id", "/collateral/1"),
        ("/assets/1/id", "\"BOND\"", "duplicate_id", "/assets/1"),
        ("/agreement/schedule/1/id", "\"R1\"", "duplicate_id", "/agreement/schedule/1"),
        ("/agreement/parties/b", "\"PB\"", "terms_conflict", "/agreement/parties"),
        ("/requirement", "{\"a\":\"1\"}", "terms_conflict", "/requirement"),
        ("/collateral/0/asset", "\"NOPE\"", "unknown_reference", "/collateral/0/asset"),
        ("/prices/0/asset", "\"NOPE\"", "unknown_reference", "/prices/0/asset"),
        ("/collateral/0/amount", "\"1.001\"", "precision_exceeded", "/collateral/0/amount"),
        ("/prices", "[]", "price_missing", "/collateral/0/asset"),
        ("/prices/0/as_of", "\"2026-09-01T00:00:00.001Z\"", "price_after_as_of", "/prices/0/as_of"),
        ("/fx/0/as_of", "\"2026-09-01T00:00:00.001Z\"", "price_after_as_of", "/fx/0/as_of"),
        ("/prices/0/as_of", "\"2026-08-30T23:59:59.999Z\"", "price_stale", "/prices/0/as_of"),
        ("/fx/0/as_of", "\"2026-08-30T23:59:59.999Z\"", "price_stale", "/fx/0/as_of"),
        ("/fx", "[]", "fx_missing", "/prices/0/currency"),
        ("/assets/1/currency", "\"GBP\"", "fx_missing", "/collateral/1/asset"),
        ("/collateral/1/amount", "\"100000000000000000000\"", "overflow", "/collateral/1/amount"),
    ]);
}

#[test]
fn unreadable_bytes_are_told() {
    for bytes in [&b"{"[..], b"", b"[1", b"\xff"] {
        assert_eq!(compute_json(bytes).unwrap_err().code, TermsCode::BadJson);
    }
    let twice = INPUT.replacen("\"exposure\":\"1000\"", "\"exposure\":\"1000\",\"exposure\":\"1000\"", 1);
    let error = compute_json(twice.as_bytes()).unwrap_err();
    assert_eq!((error.code, error.path.as_str()), (TermsCode::NotStrict, "/exposure"));
}

#[test]
fn the_fault_of_highest_precedence_is_told() {
    for (edits, want) in [
        (vec![("/exposure", "\"1.0\""), ("/collateral/0/class", "")], "/collateral/0/class"),
        (vec![("/collateral/0/class", ""), ("/agreement/terms/a/fee", "\"1\"")], "/agreement/terms/a/fee"),
        // Within a code: top level, agreement, assets, collateral, prices, fx, schedule, terms.
        (
            vec![("/agreement/terms/a/x", "\"1\""), ("/agreement/schedule/0/x", "\"1\"")],
            "/agreement/schedule/0/x",
        ),
        (vec![("/agreement/schedule/0/x", "\"1\""), ("/fx/0/x", "\"1\"")], "/fx/0/x"),
        (vec![("/fx/0/x", "\"1\""), ("/prices/0/x", "\"1\"")], "/prices/0/x"),
        (vec![("/prices/0/x", "\"1\""), ("/collateral/0/x", "\"1\"")], "/collateral/0/x"),
        (vec![("/collateral/0/x", "\"1\""), ("/assets/0/x", "\"1\"")], "/assets/0/x"),
        (vec![("/assets/0/x", "\"1\""), ("/agreement/x", "\"1\"")], "/agreement/x"),
        (vec![("/agreement/x", "\"1\""), ("/x", "\"1\"")], "/x"),
        (vec![("/agreement/rounding", ""), ("/agreement/id", "")], "/agreement/id"),
        // Values: as_of, flavour, terms, rounding, schedule, exposure, prices, fx, collateral, margin, disputed.
        (vec![("/disputed/amount", "\"x\""), ("/margin/a/amount", "\"x\"")], "/margin/a/amount"),
        (vec![("/margin/a/amount", "\"x\""), ("/collateral/0/amount", "\"x\"")], "/collateral/0/amount"),
        (vec![("/collateral/0/amount", "\"x\""), ("/fx/0/rate", "\"x\"")], "/fx/0/rate"),
        (vec![("/fx/0/rate", "\"x\""), ("/prices/0/price", "\"x\"")], "/prices/0/price"),
        (vec![("/prices/0/price", "\"x\""), ("/exposure", "\"x\"")], "/exposure"),
        (
            vec![("/exposure", "\"x\""), ("/agreement/schedule/0/valuation/value", "\"x\"")],
            "/agreement/schedule/0/valuation",
        ),
        (
            vec![("/agreement/schedule/0/fx_haircut", "\"x\""), ("/agreement/rounding/amount", "\"x\"")],
            "/agreement/rounding/amount",
        ),
        (
            vec![("/agreement/rounding/amount", "\"x\""), ("/agreement/terms/b/mta", "\"x\"")],
            "/agreement/terms/b/mta",
        ),
        (vec![("/agreement/terms/b/mta", "\"x\""), ("/agreement/flavour", "\"x\"")], "/agreement/flavour"),
        (vec![("/agreement/flavour", "\"x\""), ("/as_of", "\"x\"")], "/as_of"),
        // price_missing before price_stale, wherever they stand.
        (
            vec![("/prices/0/as_of", "\"2026-08-01T00:00:00.000Z\""), ("/assets/1/currency", "")],
            "/collateral/1/asset",
        ),
    ] {
        assert_eq!(outcome(&edited(&edits)).unwrap_err().1, want, "{edits:?}");
    }
}

#[test]
fn flavours_refuse_terms_that_cannot_hold() {
    let (flavour, ia) = ("/agreement/flavour", "/agreement/terms/b/independent_amount");
    for (edits, want) in [
        (vec![(flavour, "\"vm_2016\"")], Ok(())),
        (
            vec![(flavour, "\"vm_2016\""), ("/agreement/terms/a/threshold", "\"infinite\"")],
            Err("/agreement/terms/a/threshold"),
        ),
        (vec![(flavour, "\"vm_2016\""), (ia, "\"1\"")], Err(ia)),
        (vec![(flavour, "\"vm_2016\""), (ia, "\"1\""), ("/agreement/vm_ia", "true")], Ok(())),
        (vec![(flavour, "\"crypto_247\""), ("/requirement", "{\"a\":\"1\"}")], Ok(())),
        (
            vec![(flavour, "\"crypto_247\""), ("/agreement/ia_treatment", "\"outside_threshold\"")],
            Err("/agreement/ia_treatment"),
        ),
        (vec![(flavour, "\"im_2018\"")], Err("/margin/b")),
        (vec![(flavour, "\"im_2018\""), ("/margin", "")], Err("/margin")),
        (vec![(flavour, "\"im_2018\""), ("/agreement/two_way", "false"), ("/exposure", "")], Ok(())),
        (
            vec![
                (flavour, "\"im_2018\""),
                ("/agreement/two_way", "false"),
                ("/margin/a/ia", ""),
                ("/agreement/im_approach", "\"greater_of\""),
            ],
            Err("/margin/a/ia"),
        ),
        (vec![("/agreement/two_way", "false"), ("/disputed/secured", "\"b\"")], Err("/disputed/secured")),
    ] {
        let got = outcome(&edited(&edits)).map(|_| ()).map_err(|(_, path)| path);
        assert_eq!(got, want.map_err(str::to_owned), "{edits:?}");
    }
}

const A: &str = "/legs/0";
const B: &str = "/legs/1";
const TH_B: &str = "/agreement/terms/b/threshold";
const IA_B: &str = "/agreement/terms/b/independent_amount";
const IA_A: &str = "/agreement/terms/a/independent_amount";
const MTA_A: &str = "/agreement/terms/a/mta";
const OUTSIDE: (&str, &str) = ("/agreement/ia_treatment", "\"outside_threshold\"");
const SETTLED: (&str, &str) = ("/agreement/in_flight", "\"settled_only\"");

/// Edits of the input, the leg, and its credit support amount, action, amount and reason.
type LegRow<'a> = (Vec<(&'a str, &'a str)>, &'a str, &'a str, &'a str, &'a str, &'a str);

/// In the input b posted 500 EUR × 1.1 × (1 − 0.02 − 0.08) = 495, and a posted 50 × 0.98 = 49.
fn check_legs(rows: Vec<LegRow>) {
    for (edits, leg, csa, action, amount, reason) in rows {
        let got = answer(&edits);
        let row = ["credit_support_amount", "action", "amount", "reason"]
            .map(|key| text(&got, &format!("{leg}/{key}")));
        assert_eq!(row, [csa, action, amount, reason], "{edits:?}");
    }
}

#[test]
fn amounts_follow_exposure_and_terms() {
    check_legs(vec![
        (vec![], A, "1000", "call", "510", "due"),
        (vec![], B, "0", "none", "0", "below_mta"),
        (vec![("/exposure", "\"595\"")], A, "595", "call", "100", "due"),
        (
            vec![("/exposure", "\"594.999999999999999999\"")],
            A,
            "594.999999999999999999",
            "none",
            "0",
            "below_mta",
        ),
        (vec![("/exposure", "\"495\"")], A, "495", "none", "0", "covered"),
        (vec![("/exposure", "\"-200\"")], A, "0", "return", "490", "due"),
        (vec![("/exposure", "\"-200\"")], B, "200", "call", "160", "due"),
        (vec![(TH_B, "\"200\""), (IA_B, "\"50\"")], A, "850", "call", "360", "due"),
        (vec![(TH_B, "\"2000\""), (IA_B, "\"600\""), OUTSIDE], A, "600", "call", "110", "due"),
        (vec![(TH_B, "\"infinite\""), (IA_B, "\"600\""), OUTSIDE], A, "600", "call", "110", "due"),
        (vec![(TH_B, "\"infinite\""), (IA_B, "\"600\"")], A, "0", "return", "490", "due"),
        (vec![(IA_A, "\"2000\""), OUTSIDE], A, "0", "return", "490", "due"),
    ]);
}

#[test]
fn defaults_states_and_disputes_change_what_is_due() {
    check_legs(vec![
        (vec![(TH_B, "\"infinite\""), ("/in_default", "[\"b\"]")], A, "1000", "call", "510", "due"),
        // Default frees the delivery from its MTA, not the return from the secured party's.
        (vec![("/exposure", "\"500\""), ("/in_default", "[\"b\"]")], A, "500", "call", "10", "due"),
        (vec![("/exposure", "\"400\""), ("/in_default", "[\"b\"]")], A, "400", "none", "0", "below_mta"),
        (
            vec![
                ("/exposure", "\"500\""),
                ("/in_default", "[\"b\"]"),
                ("/agreement/zero_on_default", "false"),
            ],
            A,
            "500",
            "none",
            "0",
            "below_mta",
        ),
        (vec![("/collateral/0/state", "\"agreed_in\""), SETTLED], A, "1000", "call", "1000", "due"),
        (vec![("/collateral/0/state", "\"agreed_in\"")], A, "1000", "call", "510", "due"),
        (vec![("/collateral/0/state", "\"agreed_out\"")], A, "1000", "call", "1000", "due"),
        (vec![("/disputed/amount", "\"405\"")], A, "1000", "call", "100", "due"),
        (vec![("/disputed/amount", "\"405.01\"")], A, "1000", "none", "0", "undisputed_below_mta"),
        (vec![("/disputed/amount", "\"505\"")], A, "1000", "none", "0", "fully_disputed"),
        (vec![("/exposure", "\"490.5\""), (MTA_A, "\"0\"")], A, "490.5", "none", "0", "rounds_to_zero"),
    ]);
}

#[test]
fn rounding_limits_and_eligibility_change_what_is_due() {
    check_legs(vec![
        (vec![("/agreement/rounding/delivery", "\"none\"")], A, "1000", "call", "505", "due"),
        (
            vec![("/agreement/rounding/delivery", "\"nearest\""), ("/exposure", "\"999.99\"")],
            A,
            "999.99",
            "call",
            "500",
            "due",
        ),
        (vec![("/agreement/limits/0/percent", "\"0.5\"")], A, "1000", "call", "760", "due"),
        (
            vec![(
                "/agreement/limits/0",
                "{\"id\":\"L\",\"scope\":\"group\",\"percent\":\"0.1\",\"of\":\"requirement\"}",
            )],
            A,
            "1000",
            "call",
            "900",
            "due",
        ),
        (vec![("/assets/0/issuer_group", "\"G\"")], A, "1000", "call", "1000", "due"),
        (vec![("/collateral/0/class", "\"proprietary\"")], A, "1000", "call", "1000", "due"),
        (vec![("/collateral/0/disputed_value", "\"95\"")], A, "1000", "call", "600", "due"),
    ]);
}

#[test]
fn items_say_why_they_count() {
    for (edits, want) in [
        (vec![], ["550", "R1", "495", "495", "eligible"]),
        (vec![("/collateral/0/state", "\"rejected\"")], ["550", "R1", "495", "0", "state_rejected"]),
        (vec![("/assets/0/issuer_group", "\"G\"")], ["550", "R2", "0", "0", "excluded"]),
        (vec![("/collateral/0/class", "\"proprietary\"")], ["550", "", "0", "0", "not_eligible"]),
        (vec![("/agreement/limits/0/percent", "\"0.5\"")], ["550", "R1", "495", "247.5", "limited_by_L1"]),
        (
            vec![("/agreement/two_way", "false"), ("/collateral/0/posted_by", "\"a\"")],
            ["550", "R1", "495", "0", "no_leg"],
        ),
    ] {
        let got = answer(&edits);
        let row = ["market_value", "row", "value", "counted", "reason"]
            .map(|key| text(&got, &format!("/items/0/{key}")));
        assert_eq!(row, want, "{edits:?}");
    }
}

#[test]
fn explain_lists_children_before_parents_and_cites_what_is_there() {
    let edits = [
        ("/agreement/flavour", "\"crypto_247\""),
        ("/requirement", "{\"a\":\"100\",\"b\":\"7\"}"),
        ("/disputed", "{\"secured\":\"a\",\"amount\":\"5\"}"),
    ];
    let (json, got) = (edited(&edits), answer(&edits));
    let nodes = got.pointer("/explain").and_then(Json::as_array).unwrap();
    let ids: Vec<&str> = nodes.iter().map(|node| text(node, "/id")).collect();
    assert_eq!(
        ids,
        [
            "leg_a.exposure",
            "leg_a.requirement",
            "leg_a.ia_pledgor",
            "leg_a.ia_secured",
            "leg_a.threshold",
            "leg_a.credit_support_amount",
            "leg_a.item.i1",
            "leg_a.posted_value",
            "leg_a.disputed",
            "leg_a.mta",
            "leg_a.rounding",
            "leg_a.amount",
            "leg_b.exposure",
            "leg_b.requirement",
            "leg_b.ia_pledgor",
            "leg_b.ia_secured",
            "leg_b.threshold",
            "leg_b.credit_support_amount",
            "leg_b.item.i2",
            "leg_b.posted_value",
            "leg_b.mta",
            "leg_b.rounding",
            "leg_b.amount",
        ]
    );
    for (place, node) in nodes.iter().enumerate() {
        match node.get("cite").and_then(Json::as_str) {
            Some(cite) => assert!(json.pointer(cite).is_some(), "{cite}"),
            None => {
                for child in node.get("of").and_then(Json::as_array).unwrap() {
                    assert!(ids[..place].contains(&child.as_str().unwrap()));
                }
            }
        }
    }
    assert_eq!(text(&nodes[12], "/value"), "-1000");
    assert_eq!(text(&nodes[20], "/cite"), "/agreement/terms/b/mta"); // a return, by the secured party's MTA
}

#[test]
fn explain_of_initial_margin() {
    let edits = [
        ("/agreement/flavour", "\"im_2018\""),
        ("/agreement/im_approach", "\"greater_of\""),
        ("/agreement/two_way", "false"),
        ("/collateral", "[]"),
    ];
    let got = answer(&edits);
    let nodes = got.pointer("/explain").and_then(Json::as_array).unwrap();
    let ids: Vec<&str> = nodes.iter().map(|node| text(node, "/id").split_once('.').unwrap().1).collect();
    let want = [
        "margin_amount",
        "threshold",
        "margin_ia",
        "credit_support_amount",
        "posted_value",
        "mta",
        "rounding",
        "amount",
    ];
    assert_eq!(ids, want);
    assert_eq!(text(&got, "/legs/0/requirement_basis"), "10");
}

#[test]
fn the_table_is_an_indented_sum() {
    let input = ComputeInput::parse(INPUT.as_bytes()).unwrap();
    let table = computation_table(&input.agreement, &input.compute().unwrap(), file_cite);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "PB secured, FUND pledgor: call 510 USD (due)");
    let shape = |line: &str| {
        (line.len() - line.trim_start().len(), line.split_whitespace().map(String::from).collect())
    };
    let row = |indent, words: &[&str]| -> (usize, Vec<String>) {
        (indent, words.iter().map(ToString::to_string).collect())
    };
    assert_eq!(shape(lines[1]), row(2, &["amount", "510", "=", "dispute_mta_round"]));
    assert_eq!(shape(lines[2]), row(4, &["credit_support_amount", "1000", "=", "credit_support_amount"]));
    assert_eq!(shape(lines[3]), row(6, &["exposure", "1000", "/exposure"]));
    assert!(lines.iter().any(|line| line.ends_with("/collateral/0")));
}

#[test]
fn defaults_are_those_of_the_page() {
    let json = edited(&[]);
    let mut document = json.get("agreement").unwrap().clone();
    if let Json::Object(members) = &mut document {
        let required = [
            "id",
            "version",
            "flavour",
            "parties",
            "two_way",
            "base_currency",
            "terms",
            "rounding",
            "schedule",
        ];
        members.retain(|(key, _)| required.contains(&key.as_str()));
    }
    set(&mut document, "/rounding", "{\"amount\":\"1\"}");
    let agreement = Agreement::read(&document).unwrap();
    assert_eq!(agreement.rounding().delivery, RoundingMode::Up);
    assert_eq!(agreement.rounding().returns, RoundingMode::Down);
    assert_eq!(agreement.max_price_age().to_string(), "P1D");
    assert_eq!(agreement.statement_max_age().to_string(), "P1D");
    assert_eq!(agreement.statement_grace().to_string(), "PT4H");
    assert_eq!(agreement.intraday_min_interval().to_string(), "PT1H");
    assert_eq!(agreement.legal_capacity(), "principal");
    assert!(agreement.substitution_consent() && agreement.zero_on_default && !agreement.reuse().consent);
    assert_eq!(agreement.clock(), None);
}

/// A number of the currency with two decimals, as canonical text in JSON.
fn cents(cents: i64) -> String {
    format!("\"{}\"", crate::decimal::print_scaled(&cents.into(), 2))
}

/// Every pointer of a tree.
fn pointers(json: &Json, path: &str, out: &mut Vec<String>) {
    if !path.is_empty() {
        out.push(path.to_owned());
    }
    match json {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| pointers(value, &format!("{path}/{key}"), out))
        }
        Json::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(place, value)| pointers(value, &format!("{path}/{place}"), out));
        }
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => {}
    }
}

proptest! {
    /// After an undisputed, unlimited call, what is posted and delivered covers the credit support amount.
    #[test]
    fn a_call_covers(
        exposure in -1_000_000_i64..1_000_000,
        posted in 0_i64..1_000_000,
        threshold in 0_i64..100_000,
        mta in 0_i64..100_000,
        multiple in 1_i64..100_000,
    ) {
        let (exposure, posted, threshold) = (cents(exposure), cents(posted), cents(threshold));
        let (mta, multiple) = (cents(mta), cents(multiple));
        let got = answer(&[
            ("/exposure", &exposure),
            ("/collateral/0/amount", &posted),
            ("/agreement/terms/b/threshold", &threshold),
            ("/agreement/terms/b/mta", &mta),
            ("/agreement/rounding/amount", &multiple),
        ]);
        for leg in ["/legs/0", "/legs/1"] {
            let value = |key: &str| Value::parse(text(&got, &format!("{leg}/{key}"))).unwrap();
            let (csa, posted, amount) = (value("credit_support_amount"), value("posted_value"), value("amount"));
            match text(&got, &format!("{leg}/action")) {
                "call" => prop_assert!(&posted + &amount >= csa),
                "return" => prop_assert!(&posted - &amount >= csa),
                _ => prop_assert!(amount.is_zero()),
            }
            prop_assert!(value("raw_delivery").is_zero() || value("raw_return").is_zero());
        }
    }

    /// Whatever is asked back in whatever order, what stays held counts for the requirement, with
    /// the limits applied to what is left.
    #[test]
    fn no_sequence_of_releases_uncovers(
        amounts in prop::collection::vec(0_u64..1_000, 1..8),
        asks in prop::collection::vec(0_usize..8, 0..16),
        requirement in 0_u64..3_000,
    ) {
        let limit = r#"{"id":"L","scope":"group","value":"1500"}"#;
        let base = ComputeInput::read(&edited(&[("/agreement/limits/0", limit)])).unwrap();
        let mut held: Vec<Item> = Vec::new();
        for (place, amount) in amounts.iter().enumerate() {
            let amount = crate::valuation::quantity((*amount).into(), 0);
            held.push(Item { id: format!("i{place}"), amount, ..base.items[0].clone() });
        }
        let needed = Value::whole(requirement);
        let counts = |items: &[Item]| held_value(&base.agreement, &base.market, Side::B, &needed, items).unwrap();
        let statement = StatementFigure { requirement: needed.clone(), recorded_at: base.market.as_of };
        let covered = counts(&held) >= needed;
        for ask in asks {
            if ask >= held.len() {
                continue;
            }
            let mut left = held.clone();
            left.remove(ask);
            let day = base.agreement.statement_max_age();
            if release(counts(&left), &statement, day, base.market.as_of).is_ok() {
                held = left;
            }
            prop_assert_eq!(counts(&held) >= needed, covered);
        }
    }

    /// No input panics, and every refusal says where and what.
    #[test]
    fn hostile_inputs_are_answered(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..18, any::<prop::sample::Index>()), 1..4),
    ) {
        let mut json = input();
        for (target, kind, other) in picks {
            let mut all = Vec::new();
            pointers(&json, "", &mut all);
            let pointer = target.get(&all).clone();
            let donor: &String = other.get(&all);
            let donor = json.pointer(donor).unwrap().to_string();
            let text = ["", "null", "7", "true", "{}", "[]", "\"\"", "\"-1\"", "\"0\"", "\"infinite\"",
                "\"99999999999999999999\"", "\"0.000000000000000001\"", "\"P9999Y\"", "\"9999-12-31\"",
                "\"9999-12-31T23:59:59.999Z\"", "\"\\u0000\"", "\"é\"", donor.as_str()][kind];
            set(&mut json, &pointer, text);
        }
        match compute_json(json.to_string().as_bytes()) {
            Ok(answer) => prop_assert!(answer.get("legs").is_some()),
            Err(error) => {
                prop_assert!(!error.message.is_empty());
                prop_assert!(error.path.is_empty() || error.path.starts_with('/'));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_answered(cut in 0_usize..3_000, byte in any::<u8>()) {
        let mut bytes = INPUT.as_bytes().to_vec();
        let place = cut % bytes.len();
        bytes[place] = byte;
        let _ = compute_json(&bytes);
        let _ = compute_json(&bytes[..place]);
    }

    /// Printing an answer and reading it back loses nothing, and twice gives the same bytes.
    #[test]
    fn answers_are_stable(exposure in -1_000_000_i64..1_000_000) {
        let json = edited(&[("/exposure", &cents(exposure))]);
        let first = outcome(&json).unwrap();
        prop_assert_eq!(&read(first.to_string().as_bytes()).unwrap(), &first);
        prop_assert_eq!(outcome(&json).unwrap().to_string(), first.to_string());
    }
}
