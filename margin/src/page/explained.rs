//! A run as a page: every figure, the losses in each scenario as a heat map, and the tree of
//! reasons, which opens and closes without a script.
//!
//! Reads the printed result, so that a page can never say anything else than the JSON.

use std::fmt::Write as _;

use ledger::decimal::{DecimalText, Exact};
use ledger::json::Json;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::{escaped, page, table};

/// Levels of the tree that are open at first.
const OPEN_LEVELS: usize = 2;
/// Moves of the SPAN order, in shares of the range.
const SPAN_MOVES: [&str; 16] = [
    "0 up",
    "0 down",
    "+1/3 up",
    "+1/3 down",
    "-1/3 up",
    "-1/3 down",
    "+2/3 up",
    "+2/3 down",
    "-2/3 up",
    "-2/3 down",
    "+3/3 up",
    "+3/3 down",
    "-3/3 up",
    "-3/3 down",
    "extreme up",
    "extreme down",
];
/// Points of the TIMS order.
const TIMS_MOVES: [&str; 10] =
    ["-5/5", "-4/5", "-3/5", "-2/5", "-1/5", "+1/5", "+2/5", "+3/5", "+4/5", "+5/5"];

/// The page of a printed run.
pub(crate) fn of_run(result: &Json) -> String {
    let mut body = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<p>As of {}, in {}. Input <code>{}</code>.</p>",
        escaped(text(result, "as_of")),
        escaped(text(result, "reporting_currency")),
        escaped(text(result, "input_sha256"))
    );
    for regime in elements(result, "results") {
        regime_section(&mut body, regime);
    }
    page("Margin explained", &body)
}

fn regime_section(body: &mut String, regime: &Json) {
    let overridden = if regime.get("overridden") == Some(&Json::Bool(true)) { ", overridden" } else { "" };
    let _ = writeln!(
        body,
        "<h2>{} version {}: {}</h2>\n<p class=\"note\">{} assumed parameters{overridden}. Rule book <code>{}</code>.</p>",
        escaped(text(regime, "regime")),
        escaped(text(regime, "version")),
        escaped(text(regime, "total")),
        escaped(text(regime, "assumed")),
        escaped(text(regime, "regime_sha256"))
    );
    for account in elements(regime, "accounts") {
        let _ = writeln!(body, "<h3>Account {}</h3>", escaped(text(account, "account")));
        let mut rows = Vec::new();
        for (name, value) in members(account, "figures") {
            match value {
                Json::Object(parts) => rows.extend(parts.iter().map(|(part, value)| {
                    vec![format!("{name} {part}"), value.as_str().unwrap_or_default().to_owned()]
                })),
                Json::String(value) => rows.push(vec![name.clone(), value.clone()]),
                Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::Null => {}
            }
        }
        body.push_str(&table(&["figure", "value"], rows));
        heat_map(body, members(account, "arrays"));
        for tree in ["explain", "explain_maintenance"] {
            if let Some(node) = account.get(tree) {
                explain(body, node, 0);
            }
        }
    }
}

/// Gains and losses by underlying and scenario: the deeper the colour, the larger against the
/// largest of all.
fn heat_map(body: &mut String, arrays: &[(String, Json)]) {
    let scenarios = arrays.iter().filter_map(|(_, array)| array.as_array()).map(<[Json]>::len).max();
    let Some(scenarios) = scenarios.filter(|scenarios| *scenarios > 0) else { return };
    let values = |array: &Json| -> Vec<Exact> {
        array.as_array().unwrap_or_default().iter().map(|value| number(value.as_str())).collect()
    };
    let all = arrays.iter().flat_map(|(_, array)| values(array));
    let largest = all.map(|value| value.abs()).max().unwrap_or_default();
    body.push_str("<div class=\"scroll\"><table class=\"grid\"><caption class=\"note\">P&amp;L by scenario</caption>\n<thead><tr><th>underlying</th>");
    for scenario in 0..scenarios {
        let _ = write!(body, "<th>{}</th>", escaped(&scenario_name(scenario, scenarios)));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for (underlying, array) in arrays {
        let _ = write!(body, "<tr><td>{}</td>", escaped(underlying));
        let printed = array.as_array().unwrap_or_default();
        for (value, printed) in values(array).iter().zip(printed) {
            let colour = if value.is_negative() { "207,34,46" } else { "26,127,55" };
            let depth = if largest.is_zero() {
                BigInt::default()
            } else {
                (value.abs() / &largest * BigInt::from(60)).to_integer()
            };
            let _ = write!(
                body,
                "<td style=\"background:rgba({colour},0.{depth:0>2})\">{}</td>",
                escaped(printed.as_str().unwrap_or_default())
            );
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table></div>\n");
}

fn scenario_name(scenario: usize, of: usize) -> String {
    let named = match of {
        16 => SPAN_MOVES.get(scenario),
        10 => TIMS_MOVES.get(scenario),
        _ => None,
    };
    named.map_or_else(|| scenario.to_string(), |name| format!("{scenario}: {name}"))
}

fn explain(body: &mut String, node: &Json, depth: usize) {
    let children = elements(node, "children");
    let value = text(node, "value");
    let class = if value.starts_with('-') { "value credit" } else { "value" };
    let head = format!(
        "<span class=\"{class}\">{}</span> {} <span class=\"rule\">{}</span>",
        escaped(value),
        escaped(text(node, "label")),
        escaped(text(node, "rule"))
    );
    let inputs: Vec<String> = members(node, "inputs")
        .iter()
        .map(|(name, value)| format!("{} = {}", escaped(name), escaped(value.as_str().unwrap_or_default())))
        .collect();
    let formula = escaped(text(node, "formula"));
    let reason = match (formula.is_empty(), inputs.is_empty()) {
        (true, true) => String::new(),
        (true, false) => inputs.join(", "),
        (false, true) => formula,
        (false, false) => format!("{formula} with {}", inputs.join(", ")),
    };
    let open = if depth < OPEN_LEVELS { " open" } else { "" };
    let _ = writeln!(body, "<details{open}><summary>{head}</summary>");
    if !reason.is_empty() {
        let _ = writeln!(body, "<div class=\"formula\">{reason}</div>");
    }
    for child in children {
        explain(body, child, depth + 1);
    }
    body.push_str("</details>\n");
}

fn number(text: Option<&str>) -> Exact {
    text.and_then(|text| DecimalText::parse(text).ok()).map(|decimal| decimal.exact()).unwrap_or_default()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn elements<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).unwrap_or_default()
}

fn members<'a>(json: &'a Json, key: &str) -> &'a [(String, Json)] {
    json.get(key).and_then(Json::as_object).unwrap_or_default()
}
