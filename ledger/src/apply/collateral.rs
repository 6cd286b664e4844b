//! What a pledgor has posted, what it is worth, and whether some of it may go.
//!
//! Source: calls specification §3 (value), §6 (release guard).

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::Entry;
use super::overrides::Waivers;
use super::postings::Working;
use crate::account::{Account, Book};
use crate::agreement::{Agreement, AgreementVersion};
use crate::amount::print_units;
use crate::csa::{self, ComputeError};
use crate::decimal::{DecimalText, Exact};
use crate::id::{AssetId, PartyId};
use crate::market::MarginStatement;
use crate::movement::Posting;
use crate::overrides::OverridableRule;
use crate::rejection::Rejection;
use crate::state::State;
use crate::time::Timestamp;
use crate::valuation::{self, Item, ItemState, Market, Side, ValuationError, Value};

/// The instant that values are for: now, or in a sandbox the instant of the prices.
pub(crate) fn valuation_time(state: &State, at: Timestamp) -> Timestamp {
    if state.is_sandbox() { state.prices().map_or(at, |prices| prices.as_of) } else { at }
}

/// What the state knows of the world, for values under an agreement.
pub(crate) fn market(state: &State, terms: &csa::Agreement, at: Timestamp) -> Market {
    let as_of = valuation_time(state, at);
    let mut market = Market {
        as_of,
        base_currency: terms.base_currency().to_owned(),
        max_price_age: terms.max_price_age(),
        assets: state.assets().map(|asset| (asset.id.to_string(), asset.facts())).collect(),
        prices: BTreeMap::new(),
        fx: BTreeMap::new(),
    };
    let Some(prices) = state.prices() else { return market };
    for (asset, price) in &prices.assets {
        let price =
            valuation::Price { price: exact(*price), currency: prices.currency.clone(), as_of: prices.as_of };
        market.prices.insert(asset.to_string(), price);
    }
    // Rates are given in the prices' currency; an agreement in another one divides.
    let base = if prices.currency == market.base_currency {
        Some(exact(Decimal::ONE))
    } else {
        prices.fx.get(&market.base_currency).map(|rate| exact(*rate))
    };
    let Some(base) = base.filter(|base| *base != exact(Decimal::ZERO)) else { return market };
    let rates = prices.fx.iter().map(|(currency, rate)| (currency.clone(), exact(*rate)));
    for (currency, rate) in rates.chain([(prices.currency.clone(), exact(Decimal::ONE))]) {
        if currency != market.base_currency {
            let rate = valuation::FxRate { rate: rate / base.clone(), as_of: prices.as_of };
            market.fx.insert(currency, rate);
        }
    }
    market
}

/// A decimal as the exact number it is.
pub(crate) fn exact(decimal: Decimal) -> Exact {
    let text = decimal.normalize().to_string();
    DecimalText::parse(&text).map_or_else(|_| Exact::from_integer(0.into()), |decimal| decimal.exact())
}

/// A value as the decimal a margin statement or call carries it in; `None` beyond 28 digits.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    Decimal::from_str_exact(&value.to_string()).ok()
}

/// The accounts in which a pledgor holds what it has posted.
pub(crate) fn posted_accounts<'a>(
    state: &'a State,
    pledgor: &'a PartyId,
) -> impl Iterator<Item = &'a Arc<Account>> {
    state.accounts().filter(move |account| account.book == Book::Posted && account.owner == *pledgor)
}

/// An account's units as an item in hand.
pub(crate) fn item(state: &State, account: &Account, units: u128, posted_by: Side) -> Item {
    let decimals = state.asset(&account.asset).map_or(0, |asset| asset.decimals);
    Item {
        id: account.id.to_string(),
        asset: account.asset.to_string(),
        amount: valuation::quantity(units, decimals),
        posted_by,
        state: ItemState::Held,
        class: account.class,
        disputed_value: Value::zero(),
    }
}

/// What held items count under a version of an agreement, limits applied.
pub(crate) fn counted_value(
    state: &State,
    terms: &csa::Agreement,
    side: Side,
    items: &[Item],
    requirement: &Value,
    at: Timestamp,
) -> Result<Value, Rejection> {
    csa::held_value(terms, &market(state, terms, at), side, requirement, items).map_err(|error| match error {
        ComputeError::Valuation(errors) => of_valuations(state, &errors),
        ComputeError::ExposureMissing
        | ComputeError::MarginMissing { .. }
        | ComputeError::RequirementNotAsked => {
            Rejection::AmountOverflow { what: format!("the value of what is held: {error}") }
        }
    })
}

/// What a pledgor's posted collateral, less what is on its way out, counts under an agreement's
/// version: the collateral value of a margin statement, in the agreement's base currency.
///
/// `required` is the amount that percentage limits of the requirement refer to.
///
/// # Errors
/// [`Rejection`] of prices and rates.
pub fn posted_value(
    state: &State,
    agreement: &Agreement,
    version: &AgreementVersion,
    pledgor: &PartyId,
    required: Decimal,
    at: Timestamp,
) -> Result<Value, Rejection> {
    let side = agreement.side_of(pledgor).unwrap_or(Side::B);
    let items: Vec<_> = posted_accounts(state, pledgor)
        .map(|account| item(state, account, account.available(), side))
        .collect();
    let required = Value::rounded_up(&exact(required));
    counted_value(state, version.signed.terms(), side, &items, &required, at)
}

/// The first of a valuation's errors in the ledger's words.
pub(crate) fn of_valuations(state: &State, errors: &[ValuationError]) -> Rejection {
    let as_of = state.prices().map_or_else(Timestamp::epoch, |prices| prices.as_of);
    let stale = |what: &str| Rejection::PriceStale { what: format!("the price of {what}"), as_of };
    let overflow = |what: &str| Rejection::AmountOverflow { what: format!("the value of {what}") };
    match errors.first() {
        Some(ValuationError::AssetUnknown { asset, .. } | ValuationError::PriceMissing { asset, .. }) => {
            AssetId::parse(asset).map_or_else(|_| stale(asset), |asset| Rejection::PriceMissing { asset })
        }
        Some(ValuationError::PriceAfterAsOf { asset } | ValuationError::PriceStale { asset }) => stale(asset),
        Some(ValuationError::FxAfterAsOf { currency } | ValuationError::FxStale { currency }) => {
            stale(currency)
        }
        Some(ValuationError::FxMissing { currency, .. }) => {
            Rejection::FxMissing { currency: currency.clone() }
        }
        Some(ValuationError::MarketValueOverflow { item }) => overflow(item),
        Some(ValuationError::TotalOverflow) | None => overflow("all items"),
    }
}

/// The statement that binds a pledgor's releases and calls: the valuation agent's, unless it has been
/// silent for longer than the agreement allows; then the other side's newest.
///
/// Source: calls specification §6, "Silence locks nobody".
pub(crate) fn binding_statement<'a>(
    state: &'a State,
    agreement: &Agreement,
    version: &AgreementVersion,
    pledgor: &PartyId,
    at: Timestamp,
) -> Option<&'a Arc<MarginStatement>> {
    let terms = version.signed.terms();
    let pledgor_side = agreement.side_of(pledgor)?;
    let agent = terms.valuation_agent().side(pledgor_side.other());
    let by = |side| state.last_statement(&agreement.id, pledgor, agreement.party(side));
    let (agents, others) = (by(agent), by(agent.other()));
    let patience = terms.statement_max_age().millis().saturating_add(terms.statement_grace().millis());
    let silent_since = |statement: &MarginStatement| at.millis_since(statement.recorded_at);
    match (agents, others) {
        (Some(agents), Some(others)) if silent_since(agents).is_none_or(|ms| ms > patience) => {
            Some(if others.changed_seq > agents.changed_seq { others } else { agents })
        }
        (Some(agents), _) => Some(agents),
        (None, others) => others,
    }
}

/// The statement by which a secured party, once the agreement has ended, says itself that a pledgor owes
/// nothing more under it. It is its last word: no statement follows it, and nothing holds what is posted.
///
/// A pledgor's own statement never does this, so ending an agreement frees nothing.
pub(crate) fn discharge<'a>(
    state: &'a State,
    agreement: &Agreement,
    pledgor: &PartyId,
    at: Timestamp,
) -> Option<&'a Arc<MarginStatement>> {
    let ended = agreement.ended_at(at)?;
    let secured = agreement.party(agreement.side_of(pledgor)?.other());
    let last = state.last_statement(&agreement.id, pledgor, secured)?;
    let owes_nothing = last.requirement.is_zero() && last.exposure <= Decimal::ZERO;
    (owes_nothing && last.recorded_at >= ended.from).then_some(last)
}

/// Refuses a statement that is too old, or was stated too long after its own instant.
pub(crate) fn check_fresh(
    state: &State,
    terms: &csa::Agreement,
    statement: &MarginStatement,
    at: Timestamp,
) -> Result<(), Rejection> {
    let within = |later: Timestamp, earlier: Timestamp, most: u64| {
        later.millis_since(earlier).is_some_and(|age| age <= most)
    };
    let recent = within(at, statement.recorded_at, terms.statement_max_age().millis());
    let prompt =
        state.is_sandbox() || within(statement.recorded_at, statement.as_of, terms.max_price_age().millis());
    if recent && prompt {
        Ok(())
    } else {
        Err(Rejection::StatementStale { statement: Some(statement.id.to_string()) })
    }
}

/// Refuses postings out of `posted` unless what stays held covers every requirement on it.
///
/// `working` has the postings worked out; what only changes between a pledgor's own posted
/// accounts of one class is no release. All of a pledgor's posted accounts stand behind each of its
/// agreements, so under each the rest must cover that agreement's requirement and those of the others.
/// An unsettled loss is added to a requirement; an unsettled gain takes nothing off it. A live override
/// lifts a refusal for what goes out of its account, and figures that are old still bind.
pub(super) fn guard_release(
    working: &Working,
    entry: &Entry,
    postings: &[Posting],
    waivers: &mut Waivers,
) -> Result<(), Rejection> {
    let before = working.before();
    let mut releases: BTreeMap<&PartyId, Vec<&Posting>> = BTreeMap::new();
    for posting in postings {
        // Postings change what an account holds, and nothing of what is looked at here.
        let from = before.need_account(&posting.from, "")?;
        let to = before.need_account(&posting.to, "")?;
        let stays = to.book == Book::Posted && to.owner == from.owner && to.class == from.class;
        if from.book == Book::Posted && !stays {
            releases.entry(&from.owner).or_default().push(posting);
        }
    }
    if releases.is_empty() {
        return Ok(());
    }
    // Most of what goes out secures nothing: only what is held makes the state afterwards needed.
    let after = LazyCell::new(|| working.after());
    releases
        .into_iter()
        .try_for_each(|(pledgor, released)| guard_pledgor(before, &after, entry, pledgor, &released, waivers))
}

fn guard_pledgor<F: FnOnce() -> State>(
    state: &State,
    after: &LazyCell<State, F>,
    entry: &Entry,
    pledgor: &PartyId,
    released: &[&Posting],
    waivers: &mut Waivers,
) -> Result<(), Rejection> {
    let at = entry.recorded_at;
    let mut bound = Vec::new();
    for agreement in state.agreements().filter(|agreement| agreement.parties.contains(pledgor)) {
        let Some(version) = agreement.in_force(at) else { continue };
        let secures = agreement.side_of(pledgor).map(Side::other);
        if !secures.is_some_and(|side| version.signed.terms().secured_sides().contains(&side)) {
            continue;
        }
        if discharge(state, agreement, pledgor, at).is_some() {
            continue;
        }
        let statement = binding_statement(state, agreement, version, pledgor, at);
        let fresh = match statement {
            Some(statement) => check_fresh(state, version.signed.terms(), statement, at),
            None => Err(Rejection::StatementStale { statement: None }),
        };
        if let Err(stale) = fresh
            && !waivers.lift(OverridableRule::StatementStale, released)
        {
            return Err(stale);
        }
        bound.extend(statement.map(|statement| (agreement, version, statement)));
    }
    let needed: Vec<_> = bound
        .iter()
        .map(|(_, version, statement)| (version.signed.terms().base_currency().to_owned(), needed(statement)))
        .collect();
    for (agreement, version, statement) in &bound {
        let terms = version.signed.terms();
        let side = agreement.side_of(pledgor).unwrap_or(Side::B);
        let items: Vec<_> = posted_accounts(after, pledgor)
            .map(|account| item(after, account, account.available(), side))
            .collect();
        let required = in_currency(state, terms.base_currency(), &needed, terms, at)?;
        let remaining = counted_value(state, terms, side, &items, &required, at)?;
        if remaining < required && !waivers.lift(OverridableRule::ReleaseUncovers, released) {
            return Err(Rejection::ReleaseUncovers {
                statement: statement.id.to_string(),
                required: required.to_string(),
                remaining: remaining.to_string(),
                currency: terms.base_currency().to_owned(),
            });
        }
    }
    Ok(())
}

/// The requirement and, if the pledgor owes, the unsettled exposure.
fn needed(statement: &MarginStatement) -> Exact {
    exact(statement.requirement) + exact(statement.exposure.max(Decimal::ZERO))
}

/// All requirements in one currency, rounded up to eight decimals.
fn in_currency(
    state: &State,
    currency: &str,
    needed: &[(String, Exact)],
    terms: &csa::Agreement,
    at: Timestamp,
) -> Result<Value, Rejection> {
    let market = market(state, terms, at);
    let mut sum = exact(Decimal::ZERO);
    for (own, amount) in needed {
        if own == currency {
            sum += amount;
        } else {
            let rate = market.fx.get(own).ok_or_else(|| Rejection::FxMissing { currency: own.clone() })?;
            sum += amount * &rate.rate;
        }
    }
    Ok(Value::rounded_up(&sum))
}

/// Units in whole assets, for people.
pub(crate) fn print_quantity(state: &State, asset: &AssetId, units: u128) -> String {
    print_units(units, state.asset(asset).map_or(0, |asset| asset.decimals))
}
