//! Printing an explained amount: as JSON for machines, as an indented sum for people.

use std::collections::{BTreeMap, BTreeSet};

use super::agreement::Agreement;
use super::amount::{Computation, Leg};
use super::counting::ItemResult;
use super::error::TermsError;
use super::explain::{ExplainNode, Origin, Source};
use crate::json::Json;
use crate::time::Timestamp;
use crate::valuation::Eligibility;

/// The answer as specs/calls.md §4 shows it, members in that order. `cite` says where a figure stands.
pub fn computation_json(
    agreement: &Agreement,
    as_of: Timestamp,
    computation: &Computation,
    cite: impl Fn(Source) -> Json,
) -> Json {
    Json::object([
        ("agreement", Json::text(agreement.id())),
        ("version", Json::text(agreement.version().to_string())),
        ("as_of", Json::text(as_of.to_string())),
        ("base_currency", Json::text(agreement.base_currency())),
        ("legs", Json::array(computation.legs.iter().map(leg_json))),
        ("items", Json::array(computation.items.iter().map(item_json))),
        ("explain", Json::array(computation.explain.iter().map(|node| node_json(node, &cite)))),
    ])
}

fn leg_json(leg: &Leg) -> Json {
    Json::object([
        ("secured", Json::text(leg.secured.as_str())),
        ("pledgor", Json::text(leg.pledgor.as_str())),
        ("requirement_basis", Json::text(leg.requirement_basis.to_string())),
        ("threshold", Json::text(leg.threshold.to_string())),
        ("credit_support_amount", Json::text(leg.credit_support_amount.to_string())),
        ("posted_value", Json::text(leg.posted_value.to_string())),
        ("raw_delivery", Json::text(leg.raw_delivery.to_string())),
        ("raw_return", Json::text(leg.raw_return.to_string())),
        ("disputed", Json::text(leg.disputed.to_string())),
        ("mta", Json::text(leg.mta.to_string())),
        ("action", Json::text(leg.action.as_str())),
        ("amount", Json::text(leg.amount.to_string())),
        ("reason", Json::text(leg.reason.as_str())),
    ])
}

/// An item that no row speaks of has the empty string for its row.
fn item_json(item: &ItemResult) -> Json {
    let row = match &item.appraisal.eligibility {
        Eligibility::Eligible { row } | Eligibility::Excluded { row } => row,
        Eligibility::NotEligible => "",
    };
    Json::object([
        ("id", Json::text(&item.id)),
        ("market_value", Json::text(item.appraisal.market_value.to_string())),
        ("row", Json::text(row)),
        ("value", Json::text(item.appraisal.value.to_string())),
        ("counted", Json::text(item.counted.to_string())),
        ("reason", Json::text(item.reason.to_string())),
    ])
}

fn node_json(node: &ExplainNode, cite: impl Fn(Source) -> Json) -> Json {
    let mut members = vec![("id", Json::text(node.id())), ("value", Json::text(&node.value))];
    match &node.origin {
        Origin::Given(source) => members.push(("cite", cite(*source))),
        Origin::Computed { op, of } => {
            members.push(("op", Json::text(op.as_str())));
            members.push(("of", Json::array(of.iter().map(Json::text))));
        }
    }
    Json::object(members)
}

/// `{"error":{"code","path","message"}}`.
#[must_use]
pub fn error_json(error: &TermsError) -> Json {
    let members = [
        ("code", Json::text(error.code.as_str())),
        ("path", Json::text(&error.path)),
        ("message", Json::text(&error.message)),
    ];
    Json::object([("error", Json::object(members))])
}

/// The explain nodes as an indented sum: each figure, below it what it is computed from, beside it
/// where it stands. Every leg opens with what it comes to.
pub fn computation_table(
    agreement: &Agreement,
    computation: &Computation,
    cite: impl Fn(Source) -> String,
) -> String {
    let mut rows = Vec::new();
    let currency = agreement.base_currency();
    let mut out = String::new();
    for leg in &computation.legs {
        let party = |side| agreement.parties().get(side);
        let nodes: BTreeMap<String, &ExplainNode> = computation
            .explain
            .iter()
            .filter(|node| node.leg == leg.secured)
            .map(|node| (node.id(), node))
            .collect();
        let parented: BTreeSet<&String> = nodes.values().flat_map(|node| children(node)).collect();
        let of_leg = computation.explain.iter().rev().filter(|node| node.leg == leg.secured);
        let roots: Vec<&ExplainNode> = of_leg.filter(|node| !parented.contains(&node.id())).collect();
        out.push_str(&format!(
            "{} secured, {} pledgor: {} {} {currency} ({})\n",
            party(leg.secured),
            party(leg.pledgor),
            leg.action,
            leg.amount,
            leg.reason
        ));
        rows.clear();
        for root in roots {
            walk(root, &nodes, 1, &cite, &mut rows);
        }
        let width =
            |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
        let (names, values) = (width(|row| &row.name), width(|row| &row.value));
        for row in &rows {
            let line = format!("{:names$}  {:>values$}  {}", row.name, row.value, row.origin);
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

struct Row {
    name: String,
    value: String,
    origin: String,
}

fn children(node: &ExplainNode) -> &[String] {
    match &node.origin {
        Origin::Given(_) => &[],
        Origin::Computed { of, .. } => of,
    }
}

fn walk(
    node: &ExplainNode,
    nodes: &BTreeMap<String, &ExplainNode>,
    depth: usize,
    cite: &impl Fn(Source) -> String,
    rows: &mut Vec<Row>,
) {
    let id = node.id();
    let name = id.split_once('.').map_or(id.as_str(), |(_, name)| name);
    let origin = match &node.origin {
        Origin::Given(source) => cite(*source),
        Origin::Computed { op, .. } => format!("= {}", op.as_str()),
    };
    rows.push(Row { name: format!("{}{name}", "  ".repeat(depth)), value: node.value.clone(), origin });
    for child in children(node).iter().filter_map(|id| nodes.get(id)) {
        walk(child, nodes, depth + 1, cite, rows);
    }
}
