//! What is held, joined with everything a rule book asks about it.
//!
//! Here the last mistakes of an input are found, because only here is it known which prices,
//! rates and entries a figure needs. After this, only overflow can stop a computation.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_traits::Zero;

use crate::contract::{Contract, join_contract};
use crate::error::Code;
use crate::input::Input;
use crate::instrument::SizeIn;
use crate::money::{Overflow, Quantity};
use crate::position::Position;
use crate::reader::Reader;
use crate::regime::{Library, strategy};

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

/// Gain of a position since its entry; nothing without an entry price.
pub(crate) fn replacement_cost(
    reader: &mut Reader,
    contract: &Contract,
    input: &Input,
    position: &Position,
) -> Exact {
    let Some(entry) = &position.entry_price else { return Exact::zero() };
    let gain = &contract.price - entry;
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
