//! Risk arrays: the P&L of one contract in each scenario, made once per market and grid.
//!
//! An account's array is then a dot product of its quantities, exact, so that it does not depend
//! on the order of positions and a changed position changes it by its own product alone.

use std::collections::BTreeMap;

use ledger::digest::Digest;

use crate::error::Stop;
use crate::money::{Figure, Fine, Overflow, Quantity, print_exact};
use crate::portfolio::{Contract, Holding};
use crate::pricing;
use crate::scenario::Scenario;

/// P&L of one contract per scenario, for each contract that has a grid.
#[derive(Clone, Debug)]
pub(crate) struct RiskArrays {
    rows: BTreeMap<usize, Vec<i64>>,
    sha256: Digest,
}

impl RiskArrays {
    /// Prices each contract on the grid it is given. A contract with an array of its own keeps it
    /// if `accept_given`, and a contract without a grid has no row.
    pub(crate) fn build(
        contracts: &[Contract],
        grid_of: impl Fn(usize, &Contract) -> Option<Vec<Scenario>>,
        accept_given: bool,
    ) -> Result<Self, Stop> {
        let mut rows = BTreeMap::new();
        let mut named = String::new();
        for (place, contract) in contracts.iter().enumerate() {
            let Some(grid) = grid_of(place, contract) else { continue };
            let given = contract.given_array.as_ref().filter(|_| accept_given);
            let row = match given {
                Some(array) => array.clone(),
                None => pricing::linear_array(contract.exposure()?, &grid)?,
            };
            name_inputs(&mut named, contract, given, &grid);
            rows.insert(place, row);
        }
        Ok(Self { rows, sha256: Digest::of(named.as_bytes()) })
    }

    /// The digest of everything the arrays were made from.
    pub(crate) fn sha256(&self) -> Digest {
        self.sha256
    }

    /// P&L of a quantity of one contract in one scenario.
    pub(crate) fn pnl(&self, contract: usize, quantity: Quantity, scenario: usize) -> Result<Fine, Overflow> {
        quantity.times(Figure::from_units(self.rows[&contract][scenario].into()))
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

fn name_inputs(named: &mut String, contract: &Contract, given: Option<&Vec<i64>>, grid: &[Scenario]) {
    use std::fmt::Write as _;
    let exposure = contract.exposure.as_ref().map(ToString::to_string).unwrap_or_default();
    let moves: Vec<String> = grid
        .iter()
        .map(|scenario| format!("{}x{}", print_exact(&scenario.move_by), print_exact(&scenario.cover)))
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(named, "{:?} {exposure} {given:?} {}", contract.id, moves.join(" "));
}

/// The first scenario with the least P&L.
pub(crate) fn worst(sums: &[Fine]) -> usize {
    (0..sums.len()).min_by_key(|scenario| sums[*scenario]).unwrap_or(0)
}
