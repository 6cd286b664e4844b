//! The lists of an input: assets, prices, rates, and what is posted.

use std::collections::BTreeMap;

use super::error::TermsCode;
use super::read_schedule::read_rating;
use super::reader::{Node, Object, PLACES, Shape, exact};
use crate::decimal::DecimalText;
use crate::valuation::{
    AgencyRating, Asset, AssetKind, FxRate, Item, ItemState, Price, PropertyClass, Side, Value,
};

/// Digits after the point that an asset, and so an amount of it, may have.
const AMOUNT_PLACES: u8 = 30;

pub(crate) fn read_assets(node: &Node) -> Option<BTreeMap<String, Asset>> {
    let assets = node.each_with_id("id", read_asset)?;
    Some(assets.into_iter().map(|asset| (asset.id.clone(), asset)).collect())
}

fn read_asset(node: &Node) -> Option<Asset> {
    let object = node.object(&Shape {
        required: &["id", "kind", "decimals"],
        optional: &[
            "currency",
            "issuer",
            "issuer_group",
            "issuer_type",
            "issuer_country",
            "maturity",
            "ratings",
            "index",
            "dti",
            "isin",
        ],
    })?;
    let fact = |key| object.maybe(key, Node::id);
    let id = object.need("id", Node::id);
    let kind = object.need("kind", |n| n.word(AssetKind::ALL, AssetKind::parse));
    let decimals = object.need("decimals", |n| n.count(AMOUNT_PLACES.into()));
    let (currency, issuer, issuer_group) = (fact("currency"), fact("issuer"), fact("issuer_group"));
    let (issuer_type, issuer_country, index) = (fact("issuer_type"), fact("issuer_country"), fact("index"));
    let maturity = object.maybe("maturity", Node::date);
    let ratings = object.or("ratings", Vec::new(), |n| n.each(read_agency_rating));
    // Names of the asset elsewhere; nothing here depends on them.
    let (dti, isin) = (fact("dti"), fact("isin"));
    dti?;
    isin?;
    Some(Asset {
        id: id?,
        kind: kind?,
        decimals: u8::try_from(decimals?).ok()?,
        currency: currency?,
        issuer: issuer?,
        issuer_group: issuer_group?,
        issuer_type: issuer_type?,
        issuer_country: issuer_country?,
        maturity: maturity?,
        ratings: ratings?,
        index: index?,
    })
}

fn read_agency_rating(node: &Node) -> Option<AgencyRating> {
    let object = node.object(&Shape { required: &["agency", "notation"], optional: &[] })?;
    let agency = object.need("agency", Node::id);
    let rating = object.need("notation", read_rating);
    Some(AgencyRating { agency: agency?, rating: rating? })
}

/// Prices in the order of the file; `assets` are those they may speak of.
pub(crate) fn read_prices(
    node: &Node,
    assets: Option<&BTreeMap<String, Asset>>,
) -> Option<Vec<(String, Price)>> {
    node.each_with_id("asset", |price| {
        let object =
            price.object(&Shape { required: &["asset", "price", "currency", "as_of"], optional: &[] })?;
        let asset = object.need("asset", |n| known_asset(n, assets));
        let price = object.need("price", |n| n.exact(PLACES));
        let currency = object.need("currency", Node::id);
        let as_of = object.need("as_of", Node::timestamp);
        Some((asset?, Price { price: price?, currency: currency?, as_of: as_of? }))
    })
}

/// Rates in the order of the file.
pub(crate) fn read_fx(node: &Node) -> Option<Vec<(String, FxRate)>> {
    node.each_with_id("currency", |rate| {
        let object = rate.object(&Shape { required: &["currency", "rate", "as_of"], optional: &[] })?;
        let currency = object.need("currency", Node::id);
        let rate = object.need("rate", |n| n.positive().map(|rate| rate.exact()));
        let as_of = object.need("as_of", Node::timestamp);
        Some((currency?, FxRate { rate: rate?, as_of: as_of? }))
    })
}

pub(crate) fn read_items(node: &Node, assets: Option<&BTreeMap<String, Asset>>) -> Option<Vec<Item>> {
    node.each_with_id("id", |item| {
        let object = item.object(&Shape {
            required: &["id", "asset", "amount", "posted_by", "state", "class"],
            optional: &["disputed_value"],
        })?;
        let id = object.need("id", Node::id);
        let asset = object.need("asset", |n| known_asset(n, assets));
        let facts = asset.as_ref().and_then(|asset| assets?.get(asset));
        let amount = read_amount(&object, facts);
        let posted_by = object.need("posted_by", |n| n.word(Side::ALL, Side::parse));
        let state = object.need("state", |n| n.word(ItemState::ALL, ItemState::parse));
        let class = object.need("class", |n| n.word(PropertyClass::ALL, PropertyClass::parse));
        let disputed_value = object.or("disputed_value", Value::zero(), Node::quantity);
        Some(Item {
            id: id?,
            asset: asset?,
            amount: amount?,
            posted_by: posted_by?,
            state: state?,
            class: class?,
            disputed_value: disputed_value?,
        })
    })
}

fn known_asset(node: &Node, assets: Option<&BTreeMap<String, Asset>>) -> Option<String> {
    let id = node.id()?;
    if assets.is_some_and(|assets| !assets.contains_key(&id)) {
        node.fault(TermsCode::UnknownReference, format!("define {id} in assets, or name another asset"));
    }
    Some(id)
}

fn read_amount(item: &Object, asset: Option<&Asset>) -> Option<crate::decimal::Exact> {
    item.need("amount", |node| {
        let read = |text: &str| exact(text, AMOUNT_PLACES.into());
        let amount =
            node.parse("a decimal string of zero or more, at most 28 digits, 30 after the point", read)?;
        let digits = node.text().and_then(|text| DecimalText::parse(text).ok());
        if let (Some(digits), Some(asset)) = (digits, asset)
            && digits.fraction_digits() > asset.decimals.into()
        {
            let message = format!("give at most {} decimals, as {} has", asset.decimals, asset.id);
            node.fault(TermsCode::PrecisionExceeded, message);
        }
        Some(amount)
    })
}
