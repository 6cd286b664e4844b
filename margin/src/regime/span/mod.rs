//! `us-span`: sixteen scenarios per combined commodity, calendar charges, credits between
//! commodities, and the value of options.
//!
//! Source: margin specification, section 6.3.

mod commodity;

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use num_traits::{Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::contract::Contract;
use crate::error::Stop;
use crate::explain::Node;
use crate::money::{Figure, Overflow};
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Pricer;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::{read_extreme, read_pricer, split_by_underlying};
use crate::risk_array::{RiskArrays, Source};
use crate::scenario::{Extreme, Grid, VolRule, span_grid};
use commodity::{Charged, Commodity};

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pricer: Pricer,
    extreme: Extreme,
    spreads: Vec<Spread>,
    /// By underlying id, risk class or `default`.
    rates: BTreeMap<String, Rates>,
}

/// Two risk classes whose futures price risks offset in part.
#[derive(Clone, Debug)]
struct Spread {
    legs: [String; 2],
    rate: Exact,
}

/// Rates of one underlying or class; what is absent is looked up further.
#[derive(Clone, Debug, Default)]
struct Rates {
    scan_points: Option<Exact>,
    scan_range: Option<Exact>,
    vol_is_absolute: Option<bool>,
    vol_up: Option<Exact>,
    vol_down: Option<Exact>,
    calendar_rate: Option<Exact>,
    short_option_rate: Option<Exact>,
}

impl Span {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "pricer", "extreme", "spread", "rates"])?;
        let spreads = shelf.tables("spread")?.iter().map(read_spread).collect::<Result<_, _>>()?;
        let table = shelf.open("rates")?;
        let rates = table.keys().map(|key| Ok((key.to_owned(), read_rates(&table, key)?)));
        Ok(Self {
            pricer: read_pricer(shelf)?,
            extreme: read_extreme(shelf)?,
            spreads,
            rates: rates.collect::<Result<_, RegimeError>>()?,
        })
    }

    /// A rate by underlying, then class, then default, which has each.
    fn rate<T: Clone>(
        &self,
        underlying: &str,
        class: &str,
        pick: impl Fn(&Rates) -> Option<&T>,
    ) -> Option<T> {
        let found = [underlying, class, "default"].into_iter().find_map(|key| pick(self.rates.get(key)?));
        found.cloned()
    }

    /// The relative range of an underlying: points over its price, else the range.
    fn range(&self, underlying: &str, class: &str, price: &Exact) -> Exact {
        let points = self.rate(underlying, class, |rates| rates.scan_points.as_ref());
        let range = self.rate(underlying, class, |rates| rates.scan_range.as_ref());
        points.map(|points| points / price).or(range).unwrap_or_default()
    }

    /// What becomes of volatilities, up and down.
    fn vols(&self, underlying: &str, class: &str) -> [VolRule; 2] {
        let absolute = self.rate(underlying, class, |rates| rates.vol_is_absolute.as_ref());
        let up = self.rate(underlying, class, |rates| rates.vol_up.as_ref()).unwrap_or_default();
        let down = -self.rate(underlying, class, |rates| rates.vol_down.as_ref()).unwrap_or_default();
        [up, down]
            .map(|by| if absolute == Some(true) { VolRule::Absolute(by) } else { VolRule::by_share(&by) })
    }

    fn grid(&self, underlying: &str, class: &str, price: &Exact) -> Grid {
        let range = self.range(underlying, class, price);
        span_grid(&range, &self.extreme, &self.vols(underlying, class))
    }

    /// Prices what is held, once per class that an underlying may be taken for.
    pub(crate) fn arrays(
        &self,
        portfolio: &Portfolio,
        held: &[bool],
    ) -> Result<BTreeMap<String, RiskArrays>, Stop> {
        let mut underlyings: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (contract, _) in portfolio.contracts.iter().zip(held).filter(|(_, held)| **held) {
            underlyings.entry(&contract.risk_class).or_default().insert(&contract.underlying);
        }
        let mut arrays = BTreeMap::new();
        for (class, underlyings) in underlyings {
            let priced = underlyings.into_iter().filter_map(|underlying| {
                let price = portfolio.traded(underlying).price?;
                Some((underlying, self.grid(underlying, class, &price)))
            });
            let grids: BTreeMap<&str, Grid> = priced.collect();
            let grid_of = |place: usize, contract: &Contract| {
                grids.get(contract.underlying.as_str()).filter(|_| held[place])
            };
            let built = RiskArrays::build(&portfolio.contracts, self.pricer, grid_of, Source::GivenFirst)?;
            arrays.insert(class.to_owned(), built);
        }
        Ok(arrays)
    }

    /// What one account needs.
    pub(crate) fn assess(
        &self,
        portfolio: &Portfolio,
        arrays: &BTreeMap<String, RiskArrays>,
        account: &str,
        holdings: &[Holding],
    ) -> Result<Assessment, Stop> {
        let mut commodities = Vec::new();
        for (underlying, held) in split_by_underlying(portfolio, holdings) {
            commodities.push(Commodity::scan(self, portfolio, arrays, underlying, held)?);
        }
        let credits = self.inter_credits(&commodities)?;
        let mut sums = Sums::default();
        let mut children = Vec::new();
        for (commodity, credit) in commodities.iter().zip(credits) {
            let charged = commodity.charge(credit)?;
            sums.add(&charged)?;
            children.push(commodity.explain(portfolio, &charged)?);
        }
        let requirement = Figure::total(children.iter().map(Node::value))?;
        let explain =
            Node::of("us-span", account, requirement, children)?.by("sum of commodities", Vec::new());
        let mut figures = vec![("requirement", Shown::Money(requirement))];
        figures.extend(sums.shown());
        let arrays =
            commodities.into_iter().map(|commodity| (commodity.id.to_owned(), commodity.sums)).collect();
        Ok(Assessment { requirement, figures, arrays: Some(arrays), explain, more: Vec::new() })
    }

    /// Credit of each commodity from spreads with others: in file order, underlyings in byte
    /// order, between deltas of opposite sign as far as they last. Rounds down.
    fn inter_credits(&self, commodities: &[Commodity]) -> Result<Vec<Figure>, Stop> {
        let mut credits = vec![Exact::zero(); commodities.len()];
        let mut left: Vec<Exact> = commodities.iter().map(Commodity::net_delta).collect();
        for spread in &self.spreads {
            for (first, a) in commodities.iter().enumerate().filter(|(_, c)| c.class == spread.legs[0]) {
                for (second, b) in commodities.iter().enumerate().filter(|(_, c)| c.class == spread.legs[1]) {
                    if first == second {
                        continue;
                    }
                    let (delta_a, delta_b) = (left[first].clone(), left[second].clone());
                    if !(&delta_a * &delta_b).is_negative() {
                        continue;
                    }
                    let value = (delta_a.abs() * &a.price).min(delta_b.abs() * &b.price);
                    for (place, commodity, delta) in [(first, a, delta_a), (second, b, delta_b)] {
                        let used = &value / &commodity.price;
                        credits[place] += &used * commodity.weighted_risk() * &spread.rate;
                        left[place] = &delta - used * delta.signum();
                    }
                }
            }
        }
        Ok(credits.iter().map(Figure::down).collect::<Result<_, _>>()?)
    }
}

fn read_spread(shelf: &Shelf) -> Result<Spread, RegimeError> {
    shelf.only(&["legs", "rate"])?;
    let legs = <[String; 2]>::try_from(shelf.texts("legs")?)
        .map_err(|_| shelf.error("legs", "must be two risk classes"))?;
    Ok(Spread { legs, rate: shelf.share("rate")? })
}

fn read_rates(table: &Shelf, key: &str) -> Result<Rates, RegimeError> {
    const KNOWN: [&str; 7] =
        ["scan_points", "scan_range", "vol_mode", "vol_up", "vol_down", "calendar_rate", "short_option_rate"];
    let shelf = table.open_only(key, &KNOWN)?;
    let maybe = |name: &str| shelf.has(name).then(|| shelf.decimal(name, Bound::NonNegative)).transpose();
    let vol_is_absolute = if key == "default" || shelf.has("vol_mode") {
        Some(shelf.word("vol_mode", &[("rel", false), ("abs", true)])?)
    } else {
        None
    };
    if key == "default" {
        for name in ["scan_range", "vol_up", "vol_down", "calendar_rate", "short_option_rate"] {
            shelf.decimal(name, Bound::NonNegative)?;
        }
    }
    Ok(Rates {
        scan_points: maybe("scan_points")?,
        scan_range: maybe("scan_range")?,
        vol_is_absolute,
        vol_up: maybe("vol_up")?,
        vol_down: maybe("vol_down")?,
        calendar_rate: maybe("calendar_rate")?,
        short_option_rate: maybe("short_option_rate")?,
    })
}

/// Figures summed over commodities.
#[derive(Default)]
struct Sums([Figure; 6]);

impl Sums {
    fn add(&mut self, charged: &Charged) -> Result<(), Overflow> {
        let parts = [
            charged.risk,
            charged.scan_risk,
            charged.intra,
            charged.inter_credit,
            charged.short_option_minimum,
            charged.option_value,
        ];
        for (sum, part) in self.0.iter_mut().zip(parts) {
            *sum = sum.plus(part)?;
        }
        Ok(())
    }

    fn shown(self) -> impl Iterator<Item = (&'static str, Shown)> {
        let names =
            ["risk", "scan_risk", "intra", "inter_credit", "short_option_minimum", "net_option_value"];
        names.into_iter().zip(self.0.map(Shown::Money))
    }
}
