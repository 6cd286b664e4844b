//! What is held, joined with everything a rule book asks about it.
//!
//! Here the last mistakes of an input are found, because only here is it known which prices,
//! rates and entries a figure needs. After this, only overflow can stop a computation.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::time::Timestamp;
use num_bigint::BigInt;
use num_traits::{One, Zero};

use crate::classification::{Entry, LegalForm};
use crate::error::{Code, Part, Stop};
use crate::input::Input;
use crate::instrument::{Instrument, Kind, OptionSpec, SizeIn};
use crate::market::Quote;
use crate::money::{Currency, Figure, Overflow, Quantity};
use crate::position::Position;
use crate::pricing;
use crate::reader::Reader;
use crate::regime::{Library, strategy};

const YEAR_MS: u64 = 365 * 86_400_000;
/// Tokens that may stand for tokens before something is classified.
const TOKEN_CHAIN_MAX: usize = 16;

/// One instrument that is held: its terms, its class and its price.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) underlying: String,
    pub(crate) wrapper: String,
    pub(crate) legal: LegalForm,
    pub(crate) risk_class: String,
    /// Whether it has no entry of its own and takes the class of what it stands for.
    pub(crate) class_borrowed: bool,
    pub(crate) multiplier: Exact,
    /// Units of the underlying in one unit.
    pub(crate) ratio: Exact,
    pub(crate) leverage: Exact,
    /// Terms of an option.
    pub(crate) option: Option<OptionSpec>,
    /// When it expires, in milliseconds of the epoch; zero if it does not.
    pub(crate) expiry_ms: u64,
    /// What one unit of what an option delivers is worth, in the option's currency.
    pub(crate) underlier: Option<Exact>,
    /// Reporting currency per unit of its own.
    pub(crate) fx: Exact,
    /// In its own currency, per unit of the multiplier.
    pub(crate) price: Option<Exact>,
    /// P&L of one contract, in reporting currency, per relative move of 1. `None` for an option.
    pub(crate) exposure: Option<Exact>,
    /// The exposure as delta notional of one contract.
    pub(crate) delta: Option<Figure>,
    /// Remaining life in years (of 365 days), to 1e-8; zero without an expiry.
    pub(crate) years: Figure,
    /// Expiry month (`2026-12`), or `spot`.
    pub(crate) month: String,
    /// A given risk array of one contract, in reporting currency.
    pub(crate) given_array: Option<Vec<i64>>,
    /// Left out of net option value.
    pub(crate) no_value: bool,
}

impl Contract {
    /// Value of one contract in reporting currency, before its sign: price × multiplier, or the
    /// notional of an inverse contract.
    pub(crate) fn value(&self) -> Result<Exact, Stop> {
        if self.kind.is_inverse() {
            return self.exposure.clone().ok_or_else(|| self.unpriced());
        }
        let price = self.price.as_ref().ok_or_else(|| self.unpriced())?;
        Ok(price * &self.multiplier * &self.fx)
    }

    /// Shares (or coins) that the value of one contract stands for.
    pub(crate) fn shares(&self) -> Result<Exact, Stop> {
        if !self.kind.is_inverse() {
            return Ok(self.multiplier.clone());
        }
        let price = self.price.as_ref().filter(|price| !price.is_zero()).ok_or_else(|| self.unpriced())?;
        Ok(self.value()? / (price * &self.fx))
    }

    /// Units of the underlying in one contract.
    pub(crate) fn units(&self) -> Result<Exact, Stop> {
        Ok(self.shares()? * &self.ratio)
    }

    /// What one unit of what an option delivers is worth, in the option's currency.
    pub(crate) fn underlier(&self) -> Result<&Exact, Stop> {
        self.underlier.as_ref().ok_or_else(|| self.unpriced())
    }

    pub(crate) fn exposure(&self) -> Result<&Exact, Stop> {
        self.exposure.as_ref().ok_or_else(|| self.unpriced())
    }

    pub(crate) fn delta(&self) -> Result<Figure, Stop> {
        self.delta.ok_or_else(|| self.unpriced())
    }

    pub(crate) fn unpriced(&self) -> Stop {
        Stop::NotYet(Part::Options { instrument: self.id.clone() })
    }
}

/// Positions of one account in one instrument, added up.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    /// Index into [`Portfolio::contracts`].
    pub(crate) contract: usize,
    pub(crate) quantity: Quantity,
    /// What replacing the position would cost: its gain since entry, in reporting currency.
    pub(crate) replacement: Exact,
}

/// What one underlying trades for and how.
#[derive(Clone, Debug)]
pub(crate) struct Traded {
    pub(crate) price: Option<Exact>,
    pub(crate) adv_value: Option<Exact>,
    pub(crate) spread: Exact,
}

/// All accounts' holdings over the same contracts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Portfolio {
    /// By id, in byte order.
    pub(crate) contracts: Vec<Contract>,
    /// By name, in byte order; each account's holdings in the order of the contracts.
    pub(crate) accounts: BTreeMap<String, Vec<Holding>>,
    pub(crate) underlyings: BTreeMap<String, Traded>,
}

impl Portfolio {
    pub(crate) fn contract(&self, holding: &Holding) -> &Contract {
        &self.contracts[holding.contract]
    }

    /// The market's word on an underlying; nothing known is a word too.
    pub(crate) fn traded(&self, underlying: &str) -> Traded {
        let unknown = Traded { price: None, adv_value: None, spread: Exact::zero() };
        self.underlyings.get(underlying).cloned().unwrap_or(unknown)
    }

    /// Joins the book with its terms. Mistakes are noted in the reader; the answer counts only if
    /// there are none.
    pub(crate) fn join(reader: &mut Reader, input: &Input, library: &Library) -> Self {
        let mut contracts: BTreeMap<&str, Option<Contract>> = BTreeMap::new();
        let mut held: BTreeMap<&str, BTreeMap<&str, (Quantity, Exact)>> = BTreeMap::new();
        let mut places: BTreeMap<(&str, String), Vec<(&str, &str)>> = BTreeMap::new();
        for position in &input.book.positions {
            let account = held.entry(&position.account).or_default();
            if position.quantity.is_zero() {
                continue;
            }
            if !contracts.contains_key(position.instrument.as_str()) {
                let contract = join_contract(reader, input, library, position);
                let contract = contract.unwrap_or_else(|Overflow| too_large(reader, position));
                contracts.insert(&position.instrument, contract);
            }
            let Some(Some(contract)) = contracts.get(position.instrument.as_str()) else { continue };
            let place = library.tree_places(&contract.risk_class);
            let leaf = places.entry((&position.account, contract.underlying.clone()));
            if *leaf.or_insert_with(|| place.clone()) != place {
                let message = format!(
                    "positions in {:?} are of risk classes of different classes or groups; make them agree",
                    contract.underlying
                );
                reader.note(Code::InconsistentClassification, &position.spot, message);
            }
            let replacement = replacement_cost(reader, contract, input, position);
            let fresh = || (Quantity::default(), Exact::zero());
            let (quantity, cost) = account.entry(&position.instrument).or_insert_with(fresh);
            match Quantity::from_exact(&position.quantity).and_then(|more| quantity.plus(more)) {
                Ok(sum) => *quantity = sum,
                Err(Overflow) => too_large(reader, position).unwrap_or_default(),
            }
            *cost += replacement;
        }
        strategy::check_books(reader, library, &input.book.positions, |position| {
            let (quantity, _) = held.get(position.account.as_str())?.get(position.instrument.as_str())?;
            contracts.get(position.instrument.as_str())?.as_ref().filter(|_| !quantity.is_zero())
        });
        let known: Vec<Contract> = contracts.into_values().flatten().collect();
        let index: BTreeMap<&str, usize> =
            known.iter().enumerate().map(|(place, contract)| (contract.id.as_str(), place)).collect();
        let holdings = |lots: BTreeMap<&str, (Quantity, Exact)>| {
            let kept =
                lots.into_iter().filter(|(_, (quantity, cost))| !(quantity.is_zero() && cost.is_zero()));
            kept.map(|(id, (quantity, replacement))| Holding { contract: index[id], quantity, replacement })
                .collect()
        };
        let accounts = held.into_iter().map(|(account, lots)| (account.to_owned(), holdings(lots))).collect();
        let underlyings = input.market.underlyings.iter().map(|(id, underlying)| {
            let (price, adv_value) = (underlying.price.clone(), underlying.adv_value.clone());
            (id.clone(), Traded { price, adv_value, spread: underlying.spread.clone() })
        });
        let underlyings = underlyings.collect();
        drop(index);
        Self { contracts: known, accounts, underlyings }
    }
}

/// Notes that figures of a position do not fit. It is the last mistake to be reported, so the
/// others are still looked for.
fn too_large<T>(reader: &mut Reader, position: &Position) -> Option<T> {
    let message = format!("figures of {:?} do not fit in 128 bits; use smaller ones", position.instrument);
    reader.note(Code::Overflow, &position.spot, message);
    None
}

fn join_contract(
    reader: &mut Reader,
    input: &Input,
    library: &Library,
    position: &Position,
) -> Result<Option<Contract>, Overflow> {
    let id = position.instrument.as_str();
    let Some(terms) = input.instruments.terms.get(id) else { return Ok(None) };
    let entry = classify(reader, input, library, position, &terms.underlying);
    let years = remaining_years(reader, terms, input.market.as_of, id);
    let quote = input.market.quotes.get(id);
    check_quote(reader, input, position, terms.kind, quote);
    let fx = conversion(reader, input, library, position, terms);
    let (Some((entry, class_borrowed)), Some(fx)) = (entry, fx) else { return Ok(None) };
    let price = quote.and_then(|quote| quote.price.clone()).or_else(|| face_value(terms.kind));
    let exposure = price.as_ref().and_then(|price| exposure(terms, price, &fx));
    let given = quote.and_then(|quote| quote.risk_array.as_ref());
    let given = given.map(|array| array.iter().map(|value| pricing::array_value(&(value * &fx))).collect());
    Ok(Some(Contract {
        id: id.to_owned(),
        kind: terms.kind,
        underlying: terms.underlying.clone(),
        wrapper: terms.wrapper.clone(),
        legal: entry.legal,
        risk_class: entry.risk_class.clone(),
        class_borrowed,
        multiplier: terms.multiplier.clone(),
        ratio: terms.ratio.clone(),
        leverage: terms.leverage.clone(),
        option: terms.option.clone(),
        expiry_ms: terms.expiry.as_ref().map_or(0, |(expiry, _)| expiry.millis()),
        underlier: underlier(input, terms),
        fx,
        delta: exposure.as_ref().map(Figure::nearest).transpose()?,
        price,
        exposure,
        years: Figure::nearest(&years)?,
        month: terms.expiry.as_ref().map_or_else(|| "spot".to_owned(), |(expiry, _)| month(*expiry)),
        given_array: given.transpose()?,
        no_value: quote.is_some_and(|quote| quote.no_value),
    }))
}

/// The price of what an option delivers, else of as much of the underlying as it stands for.
///
/// Source: margin specification, section 4, underlier of an option.
fn underlier(input: &Input, terms: &Instrument) -> Option<Exact> {
    let delivered = terms.option.as_ref()?.deliverable.as_ref();
    let delivered = delivered.and_then(|id| input.market.quotes.get(id)?.price.clone());
    let traded = || Some(input.market.underlyings.get(&terms.underlying)?.price.as_ref()? * &terms.ratio);
    delivered.or_else(traded)
}

/// The entry in force, with whether it is that of what a token stands for.
fn classify<'a>(
    reader: &mut Reader,
    input: &'a Input,
    library: &Library,
    position: &Position,
    underlying: &str,
) -> Option<(&'a Entry, bool)> {
    let id = position.instrument.as_str();
    let Some((entry, borrowed)) = entry_in_force(input, id) else {
        let message = format!("{id:?} has no classification in force on {}; append one", input.market.date());
        reader.note(Code::Unclassified, &position.spot, message);
        return None;
    };
    if !entry.legal.allows(entry.jurisdictions) {
        let message =
            format!("the legal form of {id:?} does not allow its jurisdictions; append a corrected entry");
        reader.note(Code::InconsistentClassification, &position.spot, message);
    }
    for regime in library.lacking_class(entry.legal, &entry.risk_class) {
        let message = format!(
            "{id:?} is of the risk class {:?}, which {regime} does not have; correct the class or add it there",
            entry.risk_class
        );
        reader.note(Code::UnknownRiskClass, &position.spot, message);
    }
    let traded = input.market.underlyings.get(underlying);
    let priced = traded.is_some_and(|traded| traded.price.is_some());
    if library.asks_underlying_price(entry.legal) {
        if !priced {
            let message =
                format!("the underlying {underlying:?} of {id:?} has no price; add it to the market");
            reader.note(Code::PriceMissing, &position.spot, message);
        }
        check_age(reader, input, underlying, traded.and_then(|traded| traded.as_of.as_ref()));
    }
    Some((entry, borrowed))
}

/// The entry in force for an instrument, or for what a token stands for.
pub(crate) fn entry_in_force<'a>(input: &'a Input, id: &str) -> Option<(&'a Entry, bool)> {
    let date = input.market.date();
    let mut at = id;
    // A circle of tokens, or a longer chain than makes sense, is unclassified.
    for _ in 0..TOKEN_CHAIN_MAX {
        if let Some(entry) = input.classification.in_force(at, &date) {
            return Some((entry, at != id));
        }
        let terms = input.instruments.terms.get(at).filter(|terms| terms.kind == Kind::Token)?;
        at = terms.of.as_deref()?;
    }
    None
}

fn check_quote(reader: &mut Reader, input: &Input, position: &Position, kind: Kind, quote: Option<&Quote>) {
    let id = position.instrument.as_str();
    let priced = quote.is_some_and(|quote| quote.price.is_some()) || face_value(kind).is_some();
    // An option may do without: its price can follow from a volatility.
    if !priced && kind != Kind::Option {
        let message = format!("{id:?} has no price; add it under market/instruments");
        reader.note(Code::PriceMissing, &position.spot, message);
    }
    check_age(reader, input, id, quote.and_then(|quote| quote.as_of.as_ref()));
}

fn check_age(reader: &mut Reader, input: &Input, id: &str, as_of: Option<&(Timestamp, crate::reader::Spot)>) {
    if let Some((as_of, spot)) = as_of
        && input.market.is_stale(*as_of)
    {
        let message = format!("the price of {id:?} is older than max_age_s allows; give a newer one");
        reader.note(Code::PriceStale, spot, message);
    }
}

/// Cash is worth itself; everything else needs a quote.
fn face_value(kind: Kind) -> Option<Exact> {
    (kind == Kind::Cash).then(Exact::one)
}

/// Reporting currency per unit of the instrument's. An inverse contract counts units of the quote
/// currency: its own if that is a state's, else the reporting currency.
fn conversion(
    reader: &mut Reader,
    input: &Input,
    library: &Library,
    position: &Position,
    terms: &Instrument,
) -> Option<Exact> {
    let reporting = &input.currency;
    let settled_in_coin = Currency::new(&terms.currency).is_coin();
    let spot = &position.spot;
    if terms.kind.is_inverse() && settled_in_coin {
        if reporting.is_coin() && library.asks_reporting_value() {
            let message = format!(
                "{:?} counts units of its quote currency, which has no value in {}; report in the quote currency",
                position.instrument,
                reporting.code()
            );
            reader.note(Code::FxMissing, spot, message);
        }
        return Some(Exact::one());
    }
    if terms.currency == reporting.code() {
        return Some(Exact::one());
    }
    let fx = input.market.fx.get(&terms.currency).cloned();
    if fx.is_none() {
        let message =
            format!("no value of one {} in {}; add it under market/fx", terms.currency, reporting.code());
        reader.note(Code::FxMissing, spot, message);
    }
    fx
}

/// P&L of one contract per relative move of 1: price × leverage × multiplier, or the notional of
/// an inverse contract.
///
/// Source: margin specification, section 4, linear and inverse.
fn exposure(terms: &Instrument, price: &Exact, fx: &Exact) -> Option<Exact> {
    match terms.kind {
        Kind::Option => None,
        Kind::InverseFuture | Kind::InversePerpetual => Some(match terms.size_in {
            SizeIn::Quote => &terms.multiplier * fx,
            SizeIn::Base => &terms.multiplier * price * fx,
        }),
        Kind::Spot
        | Kind::Etf
        | Kind::Equity
        | Kind::Token
        | Kind::Stablecoin
        | Kind::Bill
        | Kind::Fund
        | Kind::Cash
        | Kind::Future
        | Kind::Perpetual
        | Kind::SecurityFuture
        | Kind::TotalReturnSwap => Some(price * &terms.leverage * &terms.multiplier * fx),
    }
}

/// Gain of a position since its entry; nothing without an entry price.
fn replacement_cost(reader: &mut Reader, contract: &Contract, input: &Input, position: &Position) -> Exact {
    let (Some(entry), Some(price)) = (&position.entry_price, &contract.price) else { return Exact::zero() };
    let gain = price - entry;
    let by_quote = contract.kind.is_inverse()
        && input.instruments.terms.get(&contract.id).is_some_and(|terms| terms.size_in == SizeIn::Quote);
    if !by_quote {
        return &position.quantity * &contract.multiplier * gain * &contract.fx;
    }
    if entry.is_zero() {
        reader.note(
            Code::BadField,
            &position.spot,
            "the entry price of an inverse contract must be above zero",
        );
        return Exact::zero();
    }
    &position.quantity * &contract.multiplier * gain / entry * &contract.fx
}

fn remaining_years(reader: &mut Reader, terms: &Instrument, as_of: Timestamp, id: &str) -> Exact {
    let Some((expiry, spot)) = &terms.expiry else { return Exact::zero() };
    let life_ms = expiry.millis_since(as_of).filter(|ms| *ms > 0);
    if life_ms.is_none() {
        let message = format!("{id:?} has expired by {as_of}; close the position or correct the expiry");
        reader.note(Code::ExpiredInstrument, spot, message);
    }
    Exact::new(BigInt::from(life_ms.unwrap_or(0)), BigInt::from(YEAR_MS))
}

fn month(expiry: Timestamp) -> String {
    expiry.to_string().chars().take(7).collect()
}
