//! `deribit-spm`: scenario margin in the settlement coin, as a conformance proof against published
//! figures.
//!
//! What the proof does not reach is read with care: a delta above the threshold is charged the
//! shock on what is above it, and the contingency for correlation is what adding coins up bucket by
//! bucket would save. Both are zero in the published example.
//!
//! Source: docs.deribit.com, private/simulate_portfolio; margin specification, section 6.7.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::contract::Contract;
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::instrument::Kind;
use crate::money::{Currency, Figure, Fine, Overflow, positive_part, print_exact};
use crate::offsets::worst_loss;
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Pricer;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::split_by_underlying;
use crate::risk_array::{RiskArrays, Source, worst};
use crate::scenario::{Grid, Scenario, TermedVol, VolRule};

/// More steps on one side than any rule book has.
const BUCKETS_MAX: usize = 100;
/// Volatilities of one bucket: down, the same, up.
const VOLS: usize = 3;

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Spm {
    /// Buckets from the lowest price to the highest, each with its volatilities.
    grid: Grid,
    /// Share of gains that counts.
    gains_offset: Exact,
    roll_annual: Exact,
    roll_minimum: Exact,
    max_shock: Exact,
    threshold_usd: Exact,
    maintenance_factor: Exact,
}

impl Spm {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "grid", "gains", "roll", "delta", "maintenance"])?;
        let roll = shelf.open_only("roll", &["annual", "minimum"])?;
        let delta = shelf.open_only("delta", &["max_shock", "threshold_usd"])?;
        Ok(Self {
            grid: read_grid(shelf)?,
            gains_offset: shelf.open_only("gains", &["offset"])?.share("offset")?,
            roll_annual: roll.decimal("annual", Bound::NonNegative)?,
            roll_minimum: roll.decimal("minimum", Bound::NonNegative)?,
            max_shock: delta.share("max_shock")?,
            threshold_usd: delta.decimal("threshold_usd", Bound::NonNegative)?,
            maintenance_factor: shelf.open_only("maintenance", &["factor"])?.share("factor")?,
        })
    }

    /// Prices what is held in each bucket.
    pub(crate) fn arrays(&self, portfolio: &Portfolio, held: &[bool]) -> Result<RiskArrays, Stop> {
        let grid_of = |place: usize, _: &Contract| held[place].then_some(&self.grid);
        RiskArrays::build(&portfolio.contracts, Pricer::default(), grid_of, Source::InCoin)
    }

    fn roll_rate(&self, years: Figure) -> Exact {
        self.roll_minimum.clone().max(&self.roll_annual * years.exact())
    }
}

fn read_grid(shelf: &Shelf) -> Result<Grid, RegimeError> {
    const KNOWN: [&str; 7] = [
        "range",
        "buckets",
        "vol_up",
        "vol_down",
        "min_vol_for_shock_up",
        "short_term_vega_power",
        "long_term_vega_power",
    ];
    let shelf = shelf.open_only("grid", &KNOWN)?;
    let range = shelf.share("range")?;
    if range.is_one() {
        return Err(shelf.error("range", "must be below 1: a coin that is worth nothing settles nothing"));
    }
    let buckets = shelf.count("buckets", BUCKETS_MAX)?;
    let up = TermedVol {
        least: shelf.decimal("min_vol_for_shock_up", Bound::NonNegative)?,
        share: shelf.decimal("vol_up", Bound::NonNegative)?,
        short_power: shelf.decimal("short_term_vega_power", Bound::NonNegative)?,
        long_power: shelf.decimal("long_term_vega_power", Bound::NonNegative)?,
    };
    let down = -shelf.share("vol_down")?;
    let vols: [VolRule; VOLS] = [VolRule::by_share(&down), VolRule::Same, VolRule::Termed(up)];
    let share = |step: usize| &range * Exact::new(BigInt::from(step), BigInt::from(buckets));
    let moves = (1..=buckets).rev().map(|step| -share(step)).chain((0..=buckets).map(share));
    let scenarios = moves.flat_map(|move_by| {
        vols.clone().map(|vol| Scenario { move_by: move_by.clone(), vol, cover: Exact::one() })
    });
    Ok(Grid::new(scenarios.collect()))
}

/// The rule book with everything priced.
pub(crate) struct Desk<'a> {
    pub(crate) rules: &'a Spm,
    pub(crate) portfolio: &'a Portfolio,
    pub(crate) arrays: RiskArrays,
    pub(crate) currency: &'a Currency,
    /// What is charged beside the risk matrix.
    pub(crate) charges: &'a Exact,
}

/// One underlying's buckets: the least over volatilities, gains counted in part.
struct Coin<'a> {
    held: Vec<&'a Holding>,
    /// The scenario that each bucket's value is from.
    scenarios: Vec<usize>,
    counted: Vec<Fine>,
}

impl Desk<'_> {
    /// What one account needs.
    pub(crate) fn assess(&self, account: &str, holdings: &[Holding]) -> Result<Assessment, Stop> {
        let mut coins = Vec::new();
        for (_, held) in split_by_underlying(self.portfolio, holdings) {
            coins.push(self.coin(held)?);
        }
        let mut aggregated = vec![Fine::ZERO; self.rules.grid.scenarios.len() / VOLS];
        for coin in &coins {
            for (sum, value) in aggregated.iter_mut().zip(&coin.counted) {
                *sum = sum.plus(*value)?;
            }
        }
        let losses = coins.iter().map(|coin| worst_loss(&coin.counted)).collect::<Result<Vec<_>, _>>()?;
        let worst_of_all = worst_loss(&aggregated)?;
        let correlation = Figure::total(losses)?.minus(worst_of_all)?;
        let parts = [
            self.explain_worst(&coins, &aggregated, worst_of_all)?,
            self.explain_roll(holdings)?,
            self.explain_delta(&coins)?,
            Node::leaf("deribit-spm/correlation", "correlation contingency", correlation),
        ];
        let [worst, roll, delta_shock, _] = [0, 1, 2, 3].map(|part: usize| parts[part].value());
        let risk_matrix = Figure::total(parts.iter().map(Node::value))?;
        let charges = Figure::up(self.charges)?;
        let initial = risk_matrix.plus(charges)?;
        let maintenance = Figure::up(&(&self.rules.maintenance_factor * risk_matrix.exact()))?;
        let charged = Node::leaf("deribit-spm/charges", "charges", charges);
        let children = parts.into_iter().chain([charged]);
        let children = children.filter(|part| part.value() != Figure::ZERO).collect();
        let formula = "worst + roll + delta shock + correlation contingency + charges";
        let explain = Node::of("deribit-spm", account, initial, children)?.by(formula, Vec::new());
        let figures = [
            ("requirement", initial),
            ("worst", worst),
            ("roll", roll),
            ("delta_shock", delta_shock),
            ("correlation_contingency", correlation),
            ("risk_matrix", risk_matrix),
            ("charges", charges),
            ("initial_margin", initial),
            ("maintenance_margin", maintenance),
        ];
        Ok(Assessment {
            requirement: initial,
            figures: figures.map(|(name, figure)| (name, Shown::Money(figure))).to_vec(),
            arrays: Some(BTreeMap::from([("aggregated".to_owned(), aggregated)])),
            explain,
            more: Vec::new(),
        })
    }

    fn coin<'h>(&self, held: Vec<&'h Holding>) -> Result<Coin<'h>, Overflow> {
        let sums = self.arrays.sum(held.iter().copied(), self.rules.grid.scenarios.len())?;
        let (mut scenarios, mut counted) = (Vec::new(), Vec::new());
        for (bucket, values) in sums.chunks(VOLS).enumerate() {
            let vol = worst(values);
            scenarios.push(bucket * VOLS + vol);
            counted.push(if values[vol] > Fine::ZERO {
                values[vol].share_down(&self.rules.gains_offset)?
            } else {
                values[vol]
            });
        }
        Ok(Coin { held, scenarios, counted })
    }

    fn explain_worst(&self, coins: &[Coin], aggregated: &[Fine], value: Figure) -> Result<Node, Overflow> {
        const RULE: &str = "deribit-spm/worst";
        let bucket = worst(aggregated);
        let mut children = Vec::new();
        let mut withheld = Figure::ZERO;
        for coin in coins {
            let scenario = coin.scenarios[bucket];
            let mut sum = Fine::ZERO;
            for holding in &coin.held {
                let pnl = self.arrays.pnl(holding.contract, holding.quantity, scenario)?;
                sum = sum.plus(pnl)?;
                let (id, quantity) = (&self.portfolio.contract(holding).id, holding.quantity.to_string());
                children.push(explain::position_loss(RULE, id, pnl, quantity, scenario)?);
            }
            withheld = withheld.plus(sum.plus(coin.counted[bucket].negated()?)?.down())?;
        }
        if withheld != Figure::ZERO {
            children.push(Node::leaf("deribit-spm/worst/withheld", "withheld", withheld));
        }
        let reached = aggregated[bucket].negated()?.up();
        children.extend(explain::lift(RULE, "zero", value, reached)?);
        let inputs = vec![("bucket", bucket.to_string())];
        Ok(Node::of(RULE, "worst bucket", value, children)?.by("max(0, -min of buckets)", inputs))
    }

    /// Σ |quantity| × notional × max(minimum, annual × T), over futures and perpetuals.
    fn explain_roll(&self, holdings: &[Holding]) -> Result<Node, Overflow> {
        let mut charges = Vec::new();
        for holding in holdings {
            let contract = self.portfolio.contract(holding);
            if !rolls(contract.kind) {
                continue;
            }
            let notional = contract.coin_notional.as_ref().or(contract.exposure.as_ref());
            let notional = notional.map(Signed::abs).unwrap_or_default();
            let charge = holding.quantity.exact().abs() * notional * self.rules.roll_rate(contract.years);
            charges.push((contract.id.clone(), charge));
        }
        let total: Exact = charges.iter().map(|(_, charge)| charge).sum();
        let children = explain::parts("deribit-spm/roll", charges)?;
        Ok(Node::of("deribit-spm/roll", "roll", Figure::up(&total)?, children)?
            .by("sum of |quantity| x notional x max(minimum, annual x T)", Vec::new()))
    }

    /// The shock on what a coin's net delta has above the threshold.
    fn explain_delta(&self, coins: &[Coin]) -> Result<Node, Overflow> {
        let mut total = Exact::zero();
        for coin in coins {
            let (mut settled, mut usd) = (Exact::zero(), Exact::zero());
            for holding in &coin.held {
                let (in_settlement, in_usd) = self.deltas(holding);
                settled += holding.quantity.exact() * in_settlement;
                usd += holding.quantity.exact() * in_usd;
            }
            let above = positive_part(usd.abs() - &self.rules.threshold_usd);
            if !above.is_zero() {
                total += &self.rules.max_shock * above * settled.abs() / usd.abs();
            }
        }
        let inputs = vec![
            ("max_shock", print_exact(&self.rules.max_shock)),
            ("threshold_usd", print_exact(&self.rules.threshold_usd)),
        ];
        Ok(Node::leaf("deribit-spm/delta", "delta shock", Figure::up(&total)?)
            .by("max_shock x (|delta| - threshold), 0 below it", inputs))
    }

    /// Delta of one contract in the settlement currency and in dollars, which are what inverse
    /// contracts count and what other figures are in unless they are in the coin itself.
    fn deltas(&self, holding: &Holding) -> (Exact, Exact) {
        let contract = self.portfolio.contract(holding);
        if let (Some(coins), Some(notional)) = (&contract.coin_notional, &contract.exposure) {
            return (coins.clone(), notional.clone());
        }
        let delta = self.arrays.delta(holding.contract).exact();
        let price = self.portfolio.traded(&contract.underlying).price;
        let in_usd = match price.filter(|_| self.currency.code() == contract.underlying) {
            Some(price) => &delta * price,
            None => delta.clone(),
        };
        (delta, in_usd)
    }
}

/// Whether holding it on costs a roll.
fn rolls(kind: Kind) -> bool {
    match kind {
        Kind::Future
        | Kind::InverseFuture
        | Kind::Perpetual
        | Kind::InversePerpetual
        | Kind::SecurityFuture => true,
        Kind::Spot
        | Kind::Etf
        | Kind::Equity
        | Kind::Token
        | Kind::Stablecoin
        | Kind::Bill
        | Kind::Fund
        | Kind::Cash
        | Kind::Option
        | Kind::TotalReturnSwap => false,
    }
}
