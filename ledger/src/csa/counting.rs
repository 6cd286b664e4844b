//! What of each item counts in a leg: its state, then concentration limits.
//!
//! Source: specs/calls.md §2, steps 4 to 6.

use super::agreement::{Agreement, InFlight};
use super::amount::ComputeError;
use crate::valuation::{
    Appraisal, Counting, Eligibility, Item, ItemState, Market, Side, Subject, ValuationError, Value,
    apply_limits, value_items,
};

/// What one item came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ItemResult {
    /// The item's id.
    pub id: String,
    /// Its value before anything.
    pub appraisal: Appraisal,
    /// What of that counts in its leg.
    pub counted: Value,
    /// Why no more counts.
    pub reason: ItemReason,
}

/// Why an item counts as it does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ItemReason {
    /// In full.
    Eligible,
    /// A row excludes it.
    Excluded,
    /// No row includes it.
    NotEligible,
    /// Its state does not count.
    State(ItemState),
    /// Its poster owes nothing under a one-way agreement.
    NoLeg,
    /// A concentration limit cut it.
    LimitedBy(String),
}

impl std::fmt::Display for ItemReason {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Eligible => f.write_str("eligible"),
            Self::Excluded => f.write_str("excluded"),
            Self::NotEligible => f.write_str("not_eligible"),
            Self::State(state) => write!(f, "state_{state}"),
            Self::NoLeg => f.write_str("no_leg"),
            Self::LimitedBy(limit) => write!(f, "limited_by_{limit}"),
        }
    }
}

/// What `held` items posted by `pledgor` count for, limits applied: the value that a release must
/// leave above `requirement`.
///
/// # Errors
/// [`ComputeError::Valuation`].
///
/// Source: specs/calls.md §6.
pub fn held_value(
    agreement: &Agreement,
    market: &Market,
    pledgor: Side,
    requirement: &Value,
    items: &[Item],
) -> Result<Value, ComputeError> {
    let appraisals = value_items(&agreement.schedule, &agreement.groups, market, items)
        .map_err(ComputeError::Valuation)?;
    let mut results = before_limits(agreement, items, appraisals);
    let counts = |item: &Item| item.posted_by == pledgor && item.state == ItemState::Held;
    limit(agreement, market, items, &mut results, requirement, counts)?;
    Ok(posted(items, &results, counts))
}

pub(crate) fn state_counts(in_flight: InFlight, state: ItemState) -> bool {
    match state {
        ItemState::Held => true,
        ItemState::AgreedIn => match in_flight {
            InFlight::CountAgreed => true,
            InFlight::SettledOnly => false,
        },
        ItemState::AgreedOut
        | ItemState::Proposed
        | ItemState::Pledged
        | ItemState::Rejected
        | ItemState::Disputed => false,
    }
}

/// Items as they count before limits.
pub(crate) fn before_limits(
    agreement: &Agreement,
    items: &[Item],
    appraisals: Vec<Appraisal>,
) -> Vec<ItemResult> {
    items.iter().zip(appraisals).map(|(item, appraisal)| unlimited(agreement, item, appraisal)).collect()
}

fn unlimited(agreement: &Agreement, item: &Item, appraisal: Appraisal) -> ItemResult {
    let has_leg = agreement.secured_sides().contains(&item.posted_by.other());
    let reason = match &appraisal.eligibility {
        Eligibility::Excluded { .. } => ItemReason::Excluded,
        Eligibility::NotEligible => ItemReason::NotEligible,
        Eligibility::Eligible { .. } if !has_leg => ItemReason::NoLeg,
        Eligibility::Eligible { .. } if state_counts(agreement.in_flight, item.state) => ItemReason::Eligible,
        Eligibility::Eligible { .. } => ItemReason::State(item.state),
    };
    let counted = if reason == ItemReason::Eligible { appraisal.value.clone() } else { Value::zero() };
    ItemResult { id: item.id.clone(), appraisal, counted, reason }
}

/// Applies the concentration limits to the items that count in one leg.
pub(crate) fn limit(
    agreement: &Agreement,
    market: &Market,
    items: &[Item],
    results: &mut [ItemResult],
    required: &Value,
    counts: impl Fn(&Item) -> bool,
) -> Result<(), ComputeError> {
    let mut places = Vec::new();
    let mut counting = Vec::new();
    for (place, item) in items.iter().enumerate().filter(|(_, item)| counts(item)) {
        let Some(asset) = market.assets.get(&item.asset) else { continue };
        let poster_groups = agreement.groups.get(item.posted_by);
        let subject = Subject { asset, as_of: market.as_of.date(), poster_groups };
        let counted = results[place].appraisal.value.clone();
        counting.push(Counting { id: &item.id, subject, counted, limited_by: None });
        places.push((item.id.as_str(), place));
    }
    let total: Value = counting.iter().map(|item| &item.counted).sum();
    if total.overflows() {
        return Err(ComputeError::Valuation(vec![ValuationError::TotalOverflow]));
    }
    apply_limits(&agreement.limits, &mut counting, required);
    // Both orders are the same stable sort by id.
    places.sort_by(|(x, _), (y, _)| x.as_bytes().cmp(y.as_bytes()));
    for ((_, place), cut) in places.into_iter().zip(counting) {
        results[place].counted = cut.counted;
        if let Some(limit) = cut.limited_by {
            results[place].reason = ItemReason::LimitedBy(limit.to_owned());
        }
    }
    Ok(())
}

pub(crate) fn posted(items: &[Item], results: &[ItemResult], counts: impl Fn(&Item) -> bool) -> Value {
    items.iter().zip(results).filter(|(item, _)| counts(item)).map(|(_, result)| &result.counted).sum()
}

/// Items that count in one leg, `(place, result)`, in ascending byte order of id.
pub(crate) fn counted_items<'a>(
    items: &[Item],
    results: &'a [ItemResult],
    counts: impl Fn(&Item) -> bool,
) -> Vec<(usize, &'a ItemResult)> {
    let mut counted: Vec<(usize, &ItemResult)> =
        results.iter().enumerate().filter(|(place, _)| counts(&items[*place])).collect();
    counted.sort_by(|(_, x), (_, y)| x.id.as_bytes().cmp(y.id.as_bytes()));
    counted
}
