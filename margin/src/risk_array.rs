//! Risk arrays: the P&L of one contract in each scenario, made once per market and grid.
//!
//! An account's array is then a dot product of its quantities, exact, so that it does not depend
//! on the order of positions and a changed position changes it by its own product alone.

use ledger::digest::Digest;

use crate::contract::Contract;
use crate::error::Stop;
use crate::money::{Figure, Fine, Overflow, Quantity};
use crate::portfolio::Holding;
use crate::pricing::Pricer;
use crate::scenario::Grid;

/// How contracts are priced, beside the grid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// By the formulas, in the reporting currency.
    Computed,
    /// The same, but an array that the input gives replaces a computed one.
    GivenFirst,
    /// By the formulas, inverse contracts in their coin.
    InCoin,
}

/// P&L of one contract per scenario, for each contract that has a grid.
#[derive(Clone, Debug)]
pub(crate) struct RiskArrays {
    /// By contract; one without a grid has no row.
    rows: Vec<Row>,
    sha256: Digest,
}

#[derive(Clone, Debug, Default)]
struct Row {
    pnl: Vec<i64>,
    delta: Figure,
}

impl RiskArrays {
    /// Prices each contract on the grid it is given. A contract without a grid has no row.
    pub(crate) fn build<'g>(
        contracts: &[Contract],
        pricer: Pricer,
        grid_of: impl Fn(usize, &Contract) -> Option<&'g Grid>,
        source: Source,
    ) -> Result<Self, Stop> {
        let mut rows = Vec::with_capacity(contracts.len());
        let mut named = String::new();
        for (place, contract) in contracts.iter().enumerate() {
            let Some(grid) = grid_of(place, contract) else {
                rows.push(Row::default());
                continue;
            };
            let given = contract.given_array.as_ref().filter(|_| source == Source::GivenFirst);
            let pnl = match given {
                Some(array) => array.clone(),
                None => contract.array(pricer, grid, source == Source::InCoin)?,
            };
            name_inputs(&mut named, contract, given, grid, pricer);
            if let Some(notional) = contract.coin_notional.as_ref().filter(|_| source == Source::InCoin) {
                named.push_str(&notional.to_string());
            }
            rows.push(Row { pnl, delta: contract.delta(pricer)? });
        }
        Ok(Self { rows, sha256: Digest::of(named.as_bytes()) })
    }

    /// Delta notional of one contract that has a grid.
    pub(crate) fn delta(&self, contract: usize) -> Figure {
        self.rows[contract].delta
    }

    /// The digest of everything the arrays were made from.
    pub(crate) fn sha256(&self) -> Digest {
        self.sha256
    }

    /// P&L of a quantity of one contract in one scenario.
    pub(crate) fn pnl(&self, contract: usize, quantity: Quantity, scenario: usize) -> Result<Fine, Overflow> {
        quantity.times(Figure::from_units(self.rows[contract].pnl[scenario].into()))
    }

    /// P&L of the holdings together in each of `len` scenarios.
    pub(crate) fn sum<'a>(
        &self,
        holdings: impl IntoIterator<Item = &'a Holding>,
        len: usize,
    ) -> Result<Vec<Fine>, Overflow> {
        let mut sums = vec![Fine::ZERO; len];
        for holding in holdings {
            for (scenario, sum) in sums.iter_mut().enumerate() {
                *sum = sum.plus(self.pnl(holding.contract, holding.quantity, scenario)?)?;
            }
        }
        Ok(sums)
    }
}

fn name_inputs(
    named: &mut String,
    contract: &Contract,
    given: Option<&Vec<i64>>,
    grid: &Grid,
    pricer: Pricer,
) {
    use std::fmt::Write as _;
    let exposure = contract.exposure.as_ref().map(ToString::to_string).unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(named, "{:?} {exposure} {given:?} {}", contract.id, grid.moves);
    if let Some(option) = &contract.option {
        let scale = &contract.multiplier * &contract.fx;
        let _ = write!(named, " {} {scale} {pricer:?} {}", option.name(), grid.vols);
    }
    named.push('\n');
}

/// The first scenario with the least P&L.
pub(crate) fn worst(sums: &[Fine]) -> usize {
    (0..sums.len()).min_by_key(|scenario| sums[*scenario]).unwrap_or(0)
}
