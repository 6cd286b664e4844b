//! How much may leave an owner's accounts in a time: over all its accounts, by asset or by value.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::Entry;
use super::collateral::{exact, valuation_time};
use crate::approval::{AssetMost, Limit, LimitMeasure, Policy, Scope, ValueMost};
use crate::decimal::{DecimalText, Exact, print_scaled, ten_to};
use crate::id::{AssetId, PartyId};
use crate::movement::Outflow;
use crate::rejection::Rejection;
use crate::state::State;
use crate::time::Timestamp;
use crate::valuation;

fn window_sum(state: &State, flow: &Outflow, at: Timestamp, window_ms: u64) -> BigUint {
    state.flowed(&flow.owner, &flow.asset, at, window_ms) + &flow.units
}

/// A limit of the policy of each owner whom something leaves, whoever signs.
pub(super) fn check_limit(
    state: &State,
    entry: &Entry,
    policy: &Policy,
    limit: &Limit,
    outflows: &[Outflow],
) -> Result<(), Rejection> {
    let in_scope = |owner: &&PartyId| match &policy.scope {
        Scope::Everyone => true,
        Scope::Party(party) => party == *owner,
    };
    let owners: BTreeSet<&PartyId> = outflows.iter().map(|flow| &flow.owner).filter(in_scope).collect();
    for owner in owners {
        let exceeded = match &limit.measure {
            LimitMeasure::Amounts(most) => over_amounts(state, entry, limit.window_ms, most, outflows, owner),
            LimitMeasure::Value(most) => over_value(state, entry, limit.window_ms, most, outflows, owner)?,
        };
        if let Some((most, would_be)) = exceeded {
            let limit = format!("{} of {}", limit.name, policy.id);
            return Err(Rejection::VelocityExceeded { limit, owner: owner.clone(), most, would_be });
        }
    }
    Ok(())
}

/// Whether what left the owners in the window, this included, stays within.
pub(super) fn rolls_within(
    state: &State,
    entry: &Entry,
    window_ms: u64,
    measure: &LimitMeasure,
    outflows: &[Outflow],
) -> bool {
    let owners: BTreeSet<&PartyId> = outflows.iter().map(|flow| &flow.owner).collect();
    owners.into_iter().all(|owner| match measure {
        LimitMeasure::Amounts(most) => outflows.iter().filter(|flow| flow.owner == *owner).all(|flow| {
            let sum = window_sum(state, flow, entry.recorded_at, window_ms);
            within(state, most, &flow.asset, &sum)
        }),
        LimitMeasure::Value(most) => {
            over_value(state, entry, window_ms, most, outflows, owner).is_ok_and(|over| over.is_none())
        }
    })
}

/// Whether an asset is among those that are bounded, and no more of it than that.
pub(super) fn within(state: &State, most: &[AssetMost], asset: &AssetId, units: &BigUint) -> bool {
    bound(state, most, asset).is_some_and(|most| *units <= most)
}

/// A bound finer than the asset's unit is cut to it.
fn bound(state: &State, most: &[AssetMost], asset: &AssetId) -> Option<BigUint> {
    let most = most.iter().find(|one| one.asset == *asset)?;
    let decimals = state.asset(asset)?.decimals;
    let exact = DecimalText::parse(&most.most).ok()?.exact();
    let scaled = exact * Exact::from_integer(ten_to(decimals.into()));
    scaled.to_integer().try_into().ok()
}

fn over_amounts(
    state: &State,
    entry: &Entry,
    window_ms: u64,
    most: &[AssetMost],
    outflows: &[Outflow],
    owner: &PartyId,
) -> Option<(String, String)> {
    outflows.iter().filter(|flow| flow.owner == *owner).find_map(|flow| {
        // An asset that the limit does not name is not limited by it.
        let bound = bound(state, most, &flow.asset)?;
        let sum = window_sum(state, flow, entry.recorded_at, window_ms);
        let decimals = state.asset(&flow.asset).map_or(0, |asset| asset.decimals);
        let print =
            |units: BigUint| format!("{} {}", print_scaled(&units.into(), decimals.into()), flow.asset);
        (sum > bound).then(|| (print(bound), print(sum)))
    })
}

/// What left in the window of all assets together, at the prices in force.
fn over_value(
    state: &State,
    entry: &Entry,
    window_ms: u64,
    most: &ValueMost,
    outflows: &[Outflow],
    owner: &PartyId,
) -> Result<Option<(String, String)>, Rejection> {
    let at = entry.recorded_at;
    let mut sums: BTreeMap<&AssetId, BigUint> = BTreeMap::new();
    for asset in state.assets().map(|asset| &asset.id) {
        let here = outflows.iter().find(|flow| flow.owner == *owner && flow.asset == *asset);
        let sum = match here {
            Some(flow) => window_sum(state, flow, at, window_ms),
            None => state.flowed(owner, asset, at, window_ms),
        };
        sums.insert(asset, sum);
    }
    let value = moved_value(state, at, &sums, most)?;
    let print = |value: &Exact| format!("{} {}", valuation::Value::rounded_up(value), most.currency);
    let bound = exact(most.most);
    Ok((value > bound).then(|| (print(&bound), print(&value))))
}

/// The value of quantities, exactly, in the currency that is asked.
///
/// # Errors
/// `price_missing`, `price_stale`, `fx_missing`.
pub(super) fn moved_value(
    state: &State,
    at: Timestamp,
    sums: &BTreeMap<&AssetId, BigUint>,
    most: &ValueMost,
) -> Result<Exact, Rejection> {
    let mut value = Exact::from_integer(0.into());
    for (asset, units) in sums.iter().filter(|(_, units)| **units > BigUint::ZERO) {
        let missing = || Rejection::PriceMissing { asset: (*asset).clone() };
        let prices = state.prices().ok_or_else(missing)?;
        let age = valuation_time(state, at).millis_since(prices.as_of);
        if age.is_none_or(|age| age > most.price_age_ms) {
            return Err(Rejection::PriceStale { what: format!("the price of {asset}"), as_of: prices.as_of });
        }
        let price = prices.assets.get(*asset).ok_or_else(missing)?;
        let decimals = state.asset(asset).map_or(0, |asset| asset.decimals);
        let quantity = Exact::new(BigUint::clone(units).into(), ten_to(decimals.into()));
        let worth = quantity * exact(*price);
        value += if prices.currency == most.currency {
            worth
        } else {
            let rate = prices.fx.get(&most.currency).filter(|rate| !rate.is_zero());
            let rate = rate.ok_or_else(|| Rejection::FxMissing { currency: most.currency.clone() })?;
            worth / exact(*rate)
        };
    }
    Ok(value)
}
