//! What is posted, and what each rule book counts of it.
//!
//! Source: margin specification, section 9, collateral.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_traits::One;

use crate::contract::entry_in_force;
use crate::error::Code;
use crate::input::Input;
use crate::instrument::Kind;
use crate::market::Quote;
use crate::money::{Figure, positive_part};
use crate::position::Collateral;
use crate::reader::Reader;
use crate::regime::harmonized::Harmonized;
use crate::regime::siloed::Siloed;
use crate::regime::{Library, Rules};

/// One asset posted, valued in the reporting currency before any haircut.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    silo: String,
    risk_class: String,
    value: Exact,
}

/// Values everything posted. Mistakes are noted; the answer counts only if there are none.
pub(crate) fn value_all(reader: &mut Reader, input: &Input, library: &Library) -> Vec<Posted> {
    input.book.collateral.iter().filter_map(|item| value_one(reader, input, library, item)).collect()
}

fn value_one(reader: &mut Reader, input: &Input, library: &Library, item: &Collateral) -> Option<Posted> {
    let terms = input.instruments.terms.get(&item.instrument)?;
    let knows_silo =
        |rules: &Rules| matches!(rules, Rules::Siloed(siloed) if siloed.methods.contains_key(&item.silo));
    if !library.chosen.iter().any(|regime| knows_silo(regime.rules())) {
        let message = format!("{:?} is not a silo of the siloed rule book", item.silo);
        reader.note(Code::BadField, &item.silo_spot, message);
    }
    let entry = entry_in_force(input, &item.instrument).map(|(entry, _)| entry.risk_class.as_str());
    let risk_class = entry.or_else(|| class_by_kind(terms.kind));
    if risk_class.is_none() {
        let message = format!("{:?} has no classification in force; append one", item.instrument);
        reader.note(Code::Unclassified, &item.spot, message);
    }
    let quote = input.market.quotes.get(&item.instrument);
    let price = price(reader, input, item, terms.kind, quote);
    let reporting = input.currency.code();
    let fx = if terms.currency == reporting {
        Some(Exact::one())
    } else {
        input.market.fx.get(&terms.currency).cloned()
    };
    if fx.is_none() {
        let message = format!("no value of one {} in {reporting}; add it under market/fx", terms.currency);
        reader.note(Code::FxMissing, &item.spot, message);
    }
    let value = &item.amount * price? * &terms.multiplier * fx?;
    Some(Posted { silo: item.silo.clone(), risk_class: risk_class?.to_owned(), value })
}

/// Cash, bills and stablecoins are posted without a legal form of their own: their kind says
/// enough for a haircut.
fn class_by_kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Cash => Some("cash"),
        Kind::Bill => Some("treasury"),
        Kind::Stablecoin => Some("stablecoin"),
        Kind::Spot
        | Kind::Etf
        | Kind::Equity
        | Kind::Token
        | Kind::Fund
        | Kind::Future
        | Kind::InverseFuture
        | Kind::Perpetual
        | Kind::InversePerpetual
        | Kind::SecurityFuture
        | Kind::Option
        | Kind::TotalReturnSwap => None,
    }
}

fn price(
    reader: &mut Reader,
    input: &Input,
    item: &Collateral,
    kind: Kind,
    quote: Option<&Quote>,
) -> Option<Exact> {
    if let Some((as_of, spot)) = quote.and_then(|quote| quote.as_of.as_ref())
        && input.market.is_stale(*as_of)
    {
        let message =
            format!("the price of {:?} is older than max_age_s allows; give a newer one", item.instrument);
        reader.note(Code::PriceStale, spot, message);
    }
    let quoted = quote.and_then(|quote| quote.price.clone());
    let price = quoted.or_else(|| (kind == Kind::Cash).then(Exact::one));
    if price.is_none() {
        let message = format!("{:?} has no price; add it under market/instruments", item.instrument);
        reader.note(Code::PriceMissing, &item.spot, message);
    }
    price
}

fn counted(value: &Exact, haircut: Option<&Exact>) -> Exact {
    haircut.map_or_else(Exact::default, |haircut| value * (Exact::one() - haircut))
}

/// What the harmonised rule book counts of everything posted.
pub(crate) fn counted_harmonized(posted: &[Posted], rules: &Harmonized) -> Exact {
    posted.iter().map(|item| counted(&item.value, rules.haircut(&item.risk_class))).sum()
}

/// What each silo counts of what is posted in it.
pub(crate) fn counted_by_silo(posted: &[Posted], rules: &Siloed) -> BTreeMap<String, Exact> {
    let mut silos: BTreeMap<String, Exact> = BTreeMap::new();
    for item in posted {
        let haircut = rules.haircut(&item.silo, &item.risk_class);
        *silos.entry(item.silo.clone()).or_default() += counted(&item.value, haircut);
    }
    silos
}

/// Excess stuck in one silo while another is short: what the silos have too much one by one, less
/// what they have too much together.
pub(crate) fn immobile_excess(
    counted: &BTreeMap<String, Exact>,
    required: &BTreeMap<String, Figure>,
) -> Exact {
    let required_in = |silo: &str| required.get(silo).copied().unwrap_or_default().exact();
    let apart: Exact = counted.iter().map(|(silo, counted)| positive_part(counted - required_in(silo))).sum();
    let all_required: Exact = required.values().map(|figure| figure.exact()).sum();
    let together = positive_part(counted.values().sum::<Exact>() - all_required);
    apart - together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_is_immobile_only_while_another_silo_is_short() {
        let money = |units: i128| Figure::from_units(units * 100_000_000);
        let whole = |units: i128| Exact::from(num_bigint::BigInt::from(units));
        for (have, need, want) in [
            ((100, 0), (40, 0), 0),   // one silo: its excess is free
            ((100, 0), (40, 60), 60), // all of it is needed elsewhere
            ((100, 0), (40, 30), 30), // half of it is
            ((100, 50), (40, 50), 0), // nobody is short
            ((10, 10), (40, 50), 0),  // no excess anywhere
        ] {
            let counted = BTreeMap::from([("a".to_owned(), whole(have.0)), ("b".to_owned(), whole(have.1))]);
            let required = BTreeMap::from([("a".to_owned(), money(need.0)), ("b".to_owned(), money(need.1))]);
            assert_eq!(immobile_excess(&counted, &required), whole(want), "{have:?} {need:?}");
        }
    }
}
