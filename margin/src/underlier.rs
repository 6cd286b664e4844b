//! What an option is priced from: the price of what it is on, rates, and a volatility.
//!
//! Source: margin specification, sections 3 (market) and 4 (underlier of an option, implied
//! volatility).

use ledger::decimal::Exact;

use crate::contract::check_age;
use crate::error::Code;
use crate::input::Input;
use crate::instrument::{Instrument, OptionSpec};
use crate::money::Overflow;
use crate::position::Position;
use crate::pricing::{OptionTerms, Priced, Pricer, VOL_NOT_FOUND, Volatility};
use crate::reader::Reader;

/// What one unit of a contract is worth, and for an option how that was found.
pub(crate) struct Valued {
    /// In its own currency.
    pub(crate) price: Exact,
    /// `None` where the quoted price is all that is asked for.
    pub(crate) option: Option<Priced>,
}

/// Values an option: its quote if it has one, else by its volatility, which is `asked` for in any
/// case where a rule book prices scenarios. `None` means that a mistake was noted.
pub(crate) fn value_option(
    reader: &mut Reader,
    input: &Input,
    position: &Position,
    (terms, spec): (&Instrument, &OptionSpec),
    years: &Exact,
    asked: bool,
) -> Result<Option<Valued>, Overflow> {
    let quote = input.market.quotes.get(&position.instrument);
    let quoted = quote.and_then(|quote| quote.price.as_ref());
    if let Some(price) = quoted.filter(|_| !asked) {
        return Ok(Some(Valued { price: price.clone(), option: None }));
    }
    let Some(underlier) = underlier(reader, input, position, (terms, spec)) else { return Ok(None) };
    let traded = input.market.underlyings.get(&terms.underlying);
    let rate = traded.map(|traded| traded.rate.clone()).unwrap_or_default();
    let carry = traded.filter(|_| !spec.on_future).map(|traded| traded.carry.clone());
    let terms_of = OptionTerms {
        right: spec.right,
        style: spec.style,
        underlier,
        strike: spec.strike.clone(),
        years: years.clone(),
        carry: if spec.on_future { rate.clone() } else { carry.unwrap_or_default() },
        rate,
        leverage: terms.leverage.clone(),
    };
    let Some(vol) = volatility(reader, input, position, terms, &terms_of) else { return Ok(None) };
    let option = terms_of.at(vol);
    let price = match quoted {
        Some(price) => price.clone(),
        None => option.value(Pricer::default())?.exact(),
    };
    Ok(Some(Valued { price, option: Some(option) }))
}

/// The price of what an option is on: of its deliverable if that has one, else the underlying's for
/// as many units as one option stands for. A future's price follows from no other.
pub(crate) fn underlier(
    reader: &mut Reader,
    input: &Input,
    position: &Position,
    (terms, spec): (&Instrument, &OptionSpec),
) -> Option<Exact> {
    let delivered = spec.deliverable.as_deref().and_then(|id| Some((id, input.market.quotes.get(id)?)));
    if let Some((id, quote)) = delivered
        && let Some(price) = &quote.price
    {
        check_age(reader, input, id, quote.as_of.as_ref());
        return Some(price.clone());
    }
    let traded = input.market.underlyings.get(&terms.underlying).filter(|_| !spec.on_future);
    let price = traded.and_then(|traded| Some((traded, traded.price.as_ref()?)));
    let Some((traded, price)) = price else {
        let on = spec.deliverable.as_ref().filter(|_| spec.on_future).unwrap_or(&terms.underlying);
        let message = format!(
            "{on:?}, which the option {:?} is on, has no price; add it to the market",
            position.instrument
        );
        reader.note(Code::PriceMissing, &position.spot, message);
        return None;
    };
    check_age(reader, input, &terms.underlying, traded.as_of.as_ref());
    Some(price * &terms.ratio)
}

/// What is given, else what the price implies, else what the surface says.
fn volatility(
    reader: &mut Reader,
    input: &Input,
    position: &Position,
    terms: &Instrument,
    option: &OptionTerms,
) -> Option<Volatility> {
    let id = position.instrument.as_str();
    let quote = input.market.quotes.get(id);
    if let Some(vol) = quote.and_then(|quote| quote.vol.as_ref()) {
        return Some(Volatility::of(vol));
    }
    if let Some((price, spot)) = quote.and_then(|quote| quote.price.as_ref().zip(quote.price_spot.as_ref())) {
        let implied = option.implied_vol(price);
        if implied.is_none() {
            reader.note(Code::ImpliedVolNotFound, spot, format!("{id:?}: {VOL_NOT_FOUND}"));
        }
        return implied;
    }
    let surface = input.market.surfaces.get(&terms.underlying);
    let vol = surface.and_then(|surface| option.vol_on(surface));
    if vol.is_none() {
        let message =
            format!("the option {id:?} has neither price nor vol, and no surface covers it; add one");
        reader.note(Code::PriceMissing, &position.spot, message);
    }
    vol
}
