//! One instrument that is held, joined with everything a rule book asks about it: its terms, what
//! the law makes of it, and what it is worth.

use ledger::decimal::Exact;
use ledger::time::Timestamp;
use num_bigint::BigInt;
use num_traits::{One, Zero};

use crate::classification::{Entry, LegalForm};
use crate::error::Code;
use crate::input::Input;
use crate::instrument::{Instrument, Kind, OptionSpec, SizeIn};
use crate::market::Quote;
use crate::money::{Currency, Figure, Overflow};
use crate::position::Position;
use crate::pricing::{self, Priced, Pricer};
use crate::reader::{Reader, Spot};
use crate::regime::Library;
use crate::scenario::Grid;
use crate::underlier::{self, Valued};

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
    /// The terms that only an option has.
    pub(crate) spec: Option<OptionSpec>,
    /// When it expires, in milliseconds of the epoch; zero if it does not.
    pub(crate) expiry_ms: u64,
    /// What one unit of what an option delivers is worth, in its currency, where it is paired.
    pub(crate) underlier: Option<Exact>,
    /// Reporting currency per unit of its own.
    pub(crate) fx: Exact,
    /// In its own currency, per unit of the multiplier: the quote, or what an option without one is
    /// worth by its volatility.
    pub(crate) price: Exact,
    /// Whether the price is a quote.
    pub(crate) is_quoted: bool,
    /// P&L of one contract, in reporting currency, per relative move of 1. `None` for an option.
    pub(crate) exposure: Option<Exact>,
    /// Notional of an inverse contract in its coin, valued in reporting currency.
    pub(crate) coin_notional: Option<Exact>,
    /// What an option's arrays are made of, where a rule book asks for them or its value is needed.
    pub(crate) option: Option<Priced>,
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
    pub(crate) fn value(&self) -> Exact {
        match &self.exposure {
            Some(notional) if self.kind.is_inverse() => notional.clone(),
            Some(_) | None => &self.price * &self.multiplier * &self.fx,
        }
    }

    /// Shares (or coins) that the value of one contract stands for.
    pub(crate) fn shares(&self) -> Exact {
        if !self.kind.is_inverse() {
            return self.multiplier.clone();
        }
        let one = &self.price * &self.fx;
        if one.is_zero() { Exact::zero() } else { self.value() / one }
    }

    /// P&L of one long contract in each scenario, in reporting currency; that of an inverse contract
    /// in its coin, if asked for.
    pub(crate) fn array(&self, pricer: Pricer, grid: &Grid, in_coin: bool) -> Result<Vec<i64>, Overflow> {
        if let Some(notional) = self.coin_notional.as_ref().filter(|_| in_coin) {
            return pricing::inverse_array(notional, &grid.scenarios);
        }
        match &self.exposure {
            Some(exposure) => pricing::linear_array(exposure, &grid.scenarios),
            None => self.option().array(&(&self.multiplier * &self.fx), pricer, &grid.shocks),
        }
    }

    /// Delta notional of one contract, in reporting currency.
    ///
    /// Source: margin specification, section 4, delta for margin.
    pub(crate) fn delta(&self, pricer: Pricer) -> Result<Figure, Overflow> {
        match &self.exposure {
            Some(exposure) => Figure::nearest(exposure),
            None => self.option().delta_notional(&(&self.multiplier * &self.fx), pricer),
        }
    }

    pub(crate) fn option(&self) -> &Priced {
        self.option
            .as_ref()
            .expect("an option whose arrays a rule book asks for was priced when it was joined")
    }
}

/// Joins the instrument of a position. `None` means that a mistake was noted.
pub(crate) fn join_contract(
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
    let quoted = check_quote(reader, input, position, terms.kind, quote);
    let fx = conversion(reader, input, library, position, terms);
    let (Some((entry, class_borrowed)), Some(fx), Some(years)) = (entry, fx, years) else { return Ok(None) };
    let asked = library.asks_arrays(entry.legal);
    let valued = match &terms.option {
        Some(spec) => underlier::value_option(reader, input, position, (terms, spec), &years, asked)?,
        None => quoted.clone().map(|price| Valued { price, option: None }),
    };
    let Some(Valued { price, option }) = valued else { return Ok(None) };
    let paired = terms.option.as_ref().filter(|_| library.asks_strategy(entry.legal));
    let underlier = paired.and_then(|spec| underlier::underlier(reader, input, position, (terms, spec)));
    let exposure = exposure(terms, &price, &fx);
    let coin_notional = coin_notional(reader, input, position, terms, &price, exposure.as_ref());
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
        spec: terms.option.clone(),
        expiry_ms: terms.expiry.as_ref().map_or(0, |(expiry, _)| expiry.millis()),
        underlier,
        fx,
        price,
        is_quoted: quoted.is_some(),
        exposure,
        coin_notional,
        option,
        years: Figure::nearest(&years)?,
        month: terms.expiry.as_ref().map_or_else(|| "spot".to_owned(), |(expiry, _)| month(*expiry)),
        given_array: given.transpose()?,
        no_value: quote.is_some_and(|quote| quote.no_value),
    }))
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

/// The quoted price. An option may do without: what it is worth can follow from a volatility.
fn check_quote(
    reader: &mut Reader,
    input: &Input,
    position: &Position,
    kind: Kind,
    quote: Option<&Quote>,
) -> Option<Exact> {
    let id = position.instrument.as_str();
    let price = quote.and_then(|quote| quote.price.clone()).or_else(|| face_value(kind));
    if price.is_none() && kind != Kind::Option {
        let message = format!("{id:?} has no price; add it under market/instruments");
        reader.note(Code::PriceMissing, &position.spot, message);
    }
    check_age(reader, input, id, quote.and_then(|quote| quote.as_of.as_ref()));
    price
}

/// Notes a price that is older than the market allows.
pub(crate) fn check_age(reader: &mut Reader, input: &Input, id: &str, as_of: Option<&(Timestamp, Spot)>) {
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

/// What an inverse contract comes to in its coin, valued at the price of its underlying where figures
/// are not in that coin.
fn coin_notional(
    reader: &mut Reader,
    input: &Input,
    position: &Position,
    terms: &Instrument,
    price: &Exact,
    exposure: Option<&Exact>,
) -> Option<Exact> {
    let notional = exposure.filter(|_| terms.kind.is_inverse())?;
    if price.is_zero() {
        let message =
            format!("the price of the inverse contract {:?} must be above zero", position.instrument);
        reader.note(Code::BadField, &position.spot, message);
        return None;
    }
    let coins = notional / price;
    if terms.currency == input.currency.code() && input.currency.is_coin() {
        return Some(coins);
    }
    let settled_in_coin = Currency::new(&terms.currency).is_coin();
    let traded = input.market.underlyings.get(&terms.underlying).and_then(|traded| traded.price.as_ref());
    let coin = input.market.fx.get(&terms.currency).filter(|_| settled_in_coin).or(traded);
    Some(coins * coin.unwrap_or(price))
}

/// Zero without an expiry; `None` if that has passed.
fn remaining_years(reader: &mut Reader, terms: &Instrument, as_of: Timestamp, id: &str) -> Option<Exact> {
    let Some((expiry, spot)) = &terms.expiry else { return Some(Exact::zero()) };
    let life_ms = expiry.millis_since(as_of).filter(|ms| *ms > 0);
    if life_ms.is_none() {
        let message = format!("{id:?} has expired by {as_of}; close the position or correct the expiry");
        reader.note(Code::ExpiredInstrument, spot, message);
    }
    Some(Exact::new(BigInt::from(life_ms?), BigInt::from(YEAR_MS)))
}

fn month(expiry: Timestamp) -> String {
    expiry.to_string().chars().take(7).collect()
}
