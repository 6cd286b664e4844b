//! Risk by class: how far each class may move, what is held in it, and what that alone needs.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::json::Json;
use num_traits::Signed;

use super::Harmonized;
use crate::error::Stop;
use crate::money::{Figure, print_exact};
use crate::offsets::worst_loss;
use crate::portfolio::{Holding, Portfolio};
use crate::regime::split_by_underlying;
use crate::risk_array::{RiskArrays, worst};
use crate::scenario::SPAN_LEN;

/// One profile per risk class that the account holds.
pub(crate) fn profiles(
    rules: &Harmonized,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    holdings: &[Holding],
) -> Result<Json, Stop> {
    let mut classes: BTreeMap<&str, Vec<Holding>> = BTreeMap::new();
    for holding in holdings {
        classes.entry(&portfolio.contract(holding).risk_class).or_default().push(holding.clone());
    }
    let mut profiles = Vec::new();
    for (class, held) in &classes {
        profiles.push(((*class).to_owned(), profile(rules, portfolio, arrays, class, held)?));
    }
    Ok(Json::Object(profiles))
}

fn profile(
    rules: &Harmonized,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    class: &str,
    held: &[Holding],
) -> Result<Json, Stop> {
    let (mut gross, mut net) = (Exact::default(), Exact::default());
    for holding in held {
        let delta = holding.quantity.times(arrays.delta(holding.contract))?.exact();
        gross += delta.abs();
        net += delta;
    }
    let mut scan = Figure::ZERO;
    for (_, leaf) in split_by_underlying(portfolio, held) {
        scan = scan.plus(worst_loss(&arrays.sum(leaf, SPAN_LEN)?)?)?;
    }
    let scenario = worst(&arrays.sum(held, SPAN_LEN)?);
    let range = rules.range(class);
    let text = |value: Option<&Exact>| Json::text(value.map(print_exact).unwrap_or_default());
    let assumed = range.map(|range| range.assumed.as_slice()).unwrap_or_default();
    Ok(Json::object([
        ("range", text(range.map(|range| &range.range))),
        ("stress", text(range.map(|range| &range.stress))),
        ("horizon_days", text(Some(&rules.addons.mpor_days))),
        ("gross", Json::text(Figure::up(&gross)?.to_string())),
        ("net", Json::text(Figure::up(&net)?.to_string())),
        ("scan", Json::text(scan.to_string())),
        ("worst_scenario", Json::text(scenario.to_string())),
        ("assumed", Json::array(assumed.iter().map(|path| Json::text(path.as_str())))),
    ]))
}
