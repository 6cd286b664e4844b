//! The book of today at the prices of each day: what would have been required, and what was lost.
//!
//! Quantities stay. A symbol's own close prices its instrument; anything else moves with its
//! underlying. Options keep moneyness, volatility and life: strike and price scale with the
//! underlying, and the time of the market stays.
//!
//! Source: margin specification, section 10.1.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use num_traits::{One, Signed, Zero};

use super::history::History;
use super::statistics::volatility_ratios;
use crate::contract::Contract;
use crate::error::{Code, Failure, InputError, Stop};
use crate::input::Input;
use crate::instrument::Kind;
use crate::money::{Figure, rounded};
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Pricer;

/// Decimals of a scaled price.
const PRICE_DECIMALS: usize = 8;
/// Returns that a volatility needs.
pub(super) const RETURNS_MIN: usize = 60;

/// Which closes move what, and on which dates.
pub(super) struct Roll<'a> {
    input: &'a Input,
    history: &'a History,
    pub(super) dates: Vec<String>,
    /// Instruments priced by closes of their own.
    own: BTreeSet<String>,
    /// By underlying: how far its price had moved from the input's on each date.
    factors: BTreeMap<String, Vec<Exact>>,
    /// By date.
    pub(super) vol_ratios: Vec<Figure>,
    pub(super) asynchronous: bool,
}

/// The symbol whose closes move an underlying, and the price it had in the input.
struct Mover<'a> {
    symbol: &'a str,
    base: Exact,
}

impl<'a> Roll<'a> {
    /// Finds the dates and the factors; what there is too little of is refused.
    pub(super) fn new(
        input: &'a Input,
        portfolio: &Portfolio,
        history: &'a History,
    ) -> Result<Self, Failure> {
        let held = net_holdings(portfolio);
        let contracts: Vec<&Contract> = held.iter().map(|holding| portfolio.contract(holding)).collect();
        let is_own = |contract: &&&Contract| contract.kind != Kind::Option && history.has(&contract.id);
        let own: BTreeSet<String> =
            contracts.iter().filter(is_own).map(|contract| contract.id.clone()).collect();
        let mut movers = BTreeMap::new();
        for contract in &contracts {
            if !movers.contains_key(&contract.underlying) {
                let mover = mover(input, portfolio, history, &held, &contract.underlying);
                movers.insert(contract.underlying.clone(), mover.ok_or_else(|| no_closes(contract))?);
            }
        }
        let symbols: BTreeSet<String> =
            own.iter().cloned().chain(movers.values().map(|mover| mover.symbol.to_owned())).collect();
        let dates = history.dates(&symbols);
        if dates.len() <= RETURNS_MIN {
            let message = format!(
                "every symbol of the book has a close on {} dates; the first figure needs {}",
                dates.len(),
                RETURNS_MIN + 1
            );
            return Err(refused(Code::TooLittleHistory, message));
        }
        let asynchronous = history.clocks(&symbols).len() > 1;
        if asynchronous && !input.backtest.allow_asynchronous {
            let message = "closes of the book's symbols were taken by different clocks, so their difference \
                           would be measured as basis risk; give closes of one clock or set allow_asynchronous";
            return Err(refused(Code::AsynchronousCloses, message.to_owned()));
        }
        let closes = |mover: &Mover| -> Vec<Exact> {
            dates.iter().map(|date| close(history, mover.symbol, date)).collect()
        };
        let largest = largest_underlying(portfolio, &held)?;
        let vol_ratios = match largest.and_then(|underlying| movers.get(&underlying)) {
            Some(mover) => volatility_ratios(&closes(mover)),
            None => volatility_ratios(&vec![Exact::from(num_bigint::BigInt::from(1)); dates.len()]),
        };
        let factors = movers.iter().map(|(underlying, mover)| {
            (underlying.clone(), closes(mover).into_iter().map(|close| close / &mover.base).collect())
        });
        let factors = factors.collect();
        Ok(Self { input, history, own, factors, vol_ratios, asynchronous, dates })
    }

    /// The input with the prices of one date.
    pub(super) fn input_on(&self, date: usize) -> Input {
        let mut input = self.input.clone();
        // A limit on the step from the last requirement is none on a day of its own.
        input.book.previous = None;
        input.market.vol_ratio = self.vol_ratios[date].exact();
        for (id, underlying) in &mut input.market.underlyings {
            if let (Some(price), Some(factors)) = (&mut underlying.price, self.factors.get(id)) {
                *price = rounded(&(&*price * &factors[date]), PRICE_DECIMALS);
            }
        }
        for (id, quote) in &mut input.market.quotes {
            let Some(terms) = self.input.instruments.terms.get(id) else { continue };
            let factor = self.factors.get(&terms.underlying).map(|factors| &factors[date]);
            if let Some(price) = &mut quote.price {
                *price = self.price_on(date, id, &terms.underlying, price);
            }
            if let (Some(array), Some(factor)) = (&mut quote.risk_array, factor) {
                array.iter_mut().for_each(|value| *value *= factor);
            }
        }
        for terms in input.instruments.terms.values_mut() {
            let factor = self.factors.get(&terms.underlying).map(|factors| &factors[date]);
            if let (Some(option), Some(factor)) = (&mut terms.option, factor) {
                option.strike = rounded(&(&option.strike * factor), PRICE_DECIMALS);
            }
        }
        input
    }

    /// A price of the input as it was on a date.
    fn price_on(&self, date: usize, id: &str, underlying: &str, price: &Exact) -> Exact {
        if self.own.contains(id) {
            return close(self.history, id, &self.dates[date]);
        }
        match self.factors.get(underlying) {
            Some(factors) => rounded(&(price * &factors[date]), PRICE_DECIMALS),
            None => price.clone(),
        }
    }

    /// What the book gains from one date to another so many listed dates later, at the quantities
    /// of today.
    pub(super) fn pnl(&self, from: &Portfolio, to: &Portfolio, days: usize) -> Result<Exact, Stop> {
        let mut pnl = Exact::zero();
        for holding in net_holdings(from) {
            let (before, after) = (from.contract(&holding), to.contract(&holding));
            pnl += holding.quantity.exact() * gain(before, after, days)?;
        }
        Ok(pnl)
    }
}

/// What one contract gains, in the reporting currency: an option by its value later, with the
/// strike and the volatility that it has at first.
fn gain(before: &Contract, after: &Contract, days: usize) -> Result<Exact, Stop> {
    if before.kind == Kind::Option {
        let (option, pricer) = (before.option(), Pricer::default());
        let now = option.later(option.underlier(), 0, pricer)?;
        let then = option.later(after.option().underlier(), days, pricer)?;
        return Ok(then.minus(now)?.exact() * &before.multiplier * &before.fx);
    }
    let (from, to) = (&before.price, &after.price);
    if before.kind.is_inverse() {
        // Its notional at the start times the relative move.
        return Ok(before.value() * (to / from - Exact::one()));
    }
    Ok((to - from) * &before.multiplier * &before.fx)
}

/// All accounts together: what the book holds of each contract.
pub(super) fn net_holdings(portfolio: &Portfolio) -> Vec<Holding> {
    let mut net: BTreeMap<usize, Holding> = BTreeMap::new();
    for holding in portfolio.accounts.values().flatten() {
        match net.get_mut(&holding.contract) {
            Some(held) => held.quantity = held.quantity.plus(holding.quantity).unwrap_or(held.quantity),
            None => drop(net.insert(holding.contract, holding.clone())),
        }
    }
    net.into_values().collect()
}

/// An underlying moves with its own closes, else with those of the largest position in it.
fn mover<'a>(
    input: &Input,
    portfolio: &'a Portfolio,
    history: &History,
    held: &[Holding],
    underlying: &'a str,
) -> Option<Mover<'a>> {
    if history.has(underlying) {
        let quoted = || input.market.quotes.get(underlying).and_then(|quote| quote.price.clone());
        let traded = input.market.underlyings.get(underlying).and_then(|traded| traded.price.clone());
        let base = traded.or_else(quoted).filter(Signed::is_positive)?;
        return Some(Mover { symbol: underlying, base });
    }
    let of_it = held.iter().filter(|holding| portfolio.contract(holding).underlying == underlying);
    let with_closes = of_it.filter_map(|holding| {
        let contract = portfolio.contract(holding);
        let base = Some(contract.price.clone()).filter(Signed::is_positive)?;
        let size = holding.quantity.exact().abs() * contract.delta(Pricer::default()).ok()?.exact().abs();
        (contract.kind != Kind::Option && history.has(&contract.id)).then_some((size, &contract.id, base))
    });
    // The first by id on a tie: the holdings are in that order and `max_by` keeps the last.
    let largest = with_closes.collect::<Vec<_>>().into_iter().rev().max_by(|a, b| a.0.cmp(&b.0));
    largest.map(|(_, symbol, base)| Mover { symbol, base })
}

/// The underlying with the largest net delta notional, the first by id on a tie.
fn largest_underlying(portfolio: &Portfolio, held: &[Holding]) -> Result<Option<String>, Stop> {
    let mut notional: BTreeMap<&str, Exact> = BTreeMap::new();
    for holding in held {
        let contract = portfolio.contract(holding);
        *notional.entry(&contract.underlying).or_default() +=
            holding.quantity.exact() * contract.delta(Pricer::default())?.exact();
    }
    let largest = notional.into_iter().rev().max_by_key(|(_, notional)| notional.abs());
    Ok(largest.map(|(underlying, _)| underlying.to_owned()))
}

fn close(history: &History, symbol: &str, date: &str) -> Exact {
    history.close(symbol, date).cloned().expect("a date counts only if every symbol has a close on it")
}

fn no_closes(contract: &Contract) -> Failure {
    let message = format!(
        "neither {:?} nor its underlying {:?} has closes and a price to scale from; add them",
        contract.id, contract.underlying
    );
    refused(Code::TooLittleHistory, message)
}

fn refused(code: Code, message: String) -> Failure {
    InputError { code, path: "/history".to_owned(), message }.into()
}
