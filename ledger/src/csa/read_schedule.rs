//! Reading schedule rows, the match language, and limits.

use super::reader::{Node, Object, PLACES, Shape, exact};
use crate::valuation::{
    AssetKind, Cap, CapBase, Fraction, FxHaircut, HaircutUnit, Limit, LimitScope, Match, MaturityBand,
    PropertyClass, Rating, RatingBand, RatingChoice, Row, RowEffect, ValuationFactor,
};

pub(crate) fn read_fx_haircut(node: &Node) -> Option<FxHaircut> {
    let object = node.object(&Shape { required: &["rate"], optional: &["exempt_currencies"] })?;
    let rate = object.need("rate", read_haircut);
    let exempt_currencies = object.or("exempt_currencies", Vec::new(), Node::ids);
    Some(FxHaircut { rate: rate?, exempt_currencies: exempt_currencies? })
}

pub(crate) fn read_rows(node: &Node) -> Option<Vec<Row>> {
    node.each_with_id("id", read_row)
}

fn read_row(node: &Node) -> Option<Row> {
    let object = node.object(&Shape {
        required: &["id", "include", "match"],
        optional: &["valuation", "fx_haircut", "additional_haircut", "classes", "note"],
    })?;
    let id = object.need("id", Node::id);
    let include = object.need("include", Node::flag);
    let matches = object.need("match", read_match);
    let effect = read_effect(&object, include);
    let classes =
        object.maybe("classes", |n| n.each(|class| class.word(PropertyClass::ALL, PropertyClass::parse)));
    let note = object.maybe("note", |n| n.text().map(str::to_owned));
    Some(Row { id: id?, matches: matches?, classes: classes?, effect: effect?, note: note? })
}

/// A row that includes must say for how much; one that excludes may, and it is checked all the same.
fn read_effect(object: &Object, include: Option<bool>) -> Option<RowEffect> {
    if include == Some(true) && object.get("valuation").is_none() {
        object.missing("valuation");
    }
    let factor = object.maybe("valuation", read_valuation);
    let fx_haircut = object.maybe("fx_haircut", read_haircut);
    let additional_haircut = object.or("additional_haircut", Fraction::zero(), read_haircut);
    let (factor, fx_haircut, additional_haircut) = (factor?, fx_haircut?, additional_haircut?);
    if include? {
        Some(RowEffect::Include { factor: factor?, fx_haircut, additional_haircut })
    } else {
        Some(RowEffect::Exclude)
    }
}

/// Whatever is wrong inside is told of the valuation as a whole: unit and number are one term.
fn read_valuation(node: &Node) -> Option<ValuationFactor> {
    let object = node.object(&Shape { required: &["kind", "value"], optional: &[] })?;
    let word = |key: &str| object.get(key).map(|member| member.json().as_str());
    let (kind, value) = (word("kind")?, word("value")?);
    let factor = kind
        .and_then(HaircutUnit::parse)
        .zip(value.and_then(|text| exact(text, PLACES)))
        .and_then(|(unit, number)| ValuationFactor::new(unit, &number));
    factor.or_else(|| {
        node.bad(
            "a haircut from 0 to below 1, a valuation_percentage above 0 to 100, or a margin_ratio from 1",
        )
    })
}

/// A haircut: from 0 to below 1.
fn read_haircut(node: &Node) -> Option<Fraction> {
    let read = |text: &str| exact(text, PLACES).and_then(Fraction::new).filter(Fraction::below_one);
    node.parse("a haircut from 0 to below 1, as 0.08", read)
}

fn read_match(node: &Node) -> Option<Match> {
    let object = node.object(&Shape {
        required: &[],
        optional: &[
            "all",
            "any",
            "not",
            "asset",
            "kind",
            "currency",
            "issuer",
            "issuer_group",
            "issuer_type",
            "issuer_country",
            "index",
            "own_issue",
            "maturity",
            "rating",
        ],
    })?;
    let mut members = object.members();
    let (Some((key, test)), None) = (members.next(), members.next()) else {
        return node.bad("exactly one test, or several inside all or any");
    };
    match key {
        "all" => test.each(read_match).map(Match::All),
        "any" => test.each(read_match).map(Match::Any),
        "not" => read_match(&test).map(|inner| Match::Not(Box::new(inner))),
        "asset" => test.id().map(Match::Asset),
        "kind" => test.word(AssetKind::ALL, AssetKind::parse).map(Match::Kind),
        "currency" => test.id().map(Match::Currency),
        "issuer" => test.id().map(Match::Issuer),
        "issuer_group" => test.id().map(Match::IssuerGroup),
        "issuer_type" => test.id().map(Match::IssuerType),
        "issuer_country" => test.id().map(Match::IssuerCountry),
        "index" => test.id().map(Match::Index),
        "own_issue" => test.flag().map(Match::OwnIssue),
        "maturity" => read_maturity(&test).map(Match::Maturity),
        "rating" => read_rating_band(&test).map(Match::Rating),
        // Noted as unknown by the shape.
        _ => None,
    }
}

fn read_maturity(node: &Node) -> Option<MaturityBand> {
    let object =
        node.object(&Shape { required: &[], optional: &["min", "min_inclusive", "max", "max_inclusive"] })?;
    let min = object.maybe("min", Node::period);
    let min_inclusive = object.or("min_inclusive", true, Node::flag);
    let max = object.maybe("max", Node::period);
    let max_inclusive = object.or("max_inclusive", false, Node::flag);
    Some(MaturityBand { min: min?, min_inclusive: min_inclusive?, max: max?, max_inclusive: max_inclusive? })
}

fn read_rating_band(node: &Node) -> Option<RatingBand> {
    let object =
        node.object(&Shape { required: &[], optional: &["agency", "at_least", "at_most", "resolve"] })?;
    let agency = object.maybe("agency", Node::id);
    let at_least = object.maybe("at_least", read_rating);
    let at_most = object.maybe("at_most", read_rating);
    let resolve =
        object.or("resolve", RatingChoice::Lowest, |n| n.word(RatingChoice::ALL, RatingChoice::parse));
    Some(RatingBand { agency: agency?, at_least: at_least?, at_most: at_most?, resolve: resolve? })
}

pub(crate) fn read_rating(node: &Node) -> Option<Rating> {
    node.parse("a notation from AAA to D, or Moody's from Aaa to C", Rating::parse)
}

pub(crate) fn read_limits(node: &Node) -> Option<Vec<Limit>> {
    node.each_with_id("id", read_limit)
}

fn read_limit(node: &Node) -> Option<Limit> {
    let object =
        node.object(&Shape { required: &["id", "scope"], optional: &["match", "percent", "of", "value"] })?;
    let id = object.need("id", Node::id);
    let scope = object.need("scope", |n| n.word(LimitScope::ALL, LimitScope::parse));
    let matches = object.maybe("match", read_match);
    let cap = read_cap(node, &object);
    Some(Limit { id: id?, scope: scope?, matches: matches?, cap: cap? })
}

/// Either a percentage of something or a value.
fn read_cap(node: &Node, object: &Object) -> Option<Cap> {
    let has = |key: &str| object.get(key).is_some();
    let by_percent = has("percent") || has("of");
    if by_percent && has("value") {
        return node.bad("either percent and of, or value");
    }
    if !by_percent {
        if !has("value") {
            object.missing("percent");
        }
        return object.need("value", Node::quantity).map(Cap::Value);
    }
    for key in ["percent", "of"] {
        if !has(key) {
            object.missing(key);
        }
    }
    let fraction = |text: &str| exact(text, PLACES).and_then(Fraction::new);
    let percent = object.need("percent", |n| n.parse("a fraction from 0 to 1, as 0.25", fraction));
    let of = object.need("of", |n: &Node<'_>| n.word(CapBase::ALL, CapBase::parse));
    Some(Cap::Percent { percent: percent?, of: of? })
}
