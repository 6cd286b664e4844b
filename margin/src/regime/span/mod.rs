//! `us-span`: sixteen scenarios per combined commodity, calendar charges, credits between
//! commodities, and the value of options.
//!
//! Source: margin specification, section 6.3.

mod commodity;

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use num_traits::{Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::error::Stop;
use crate::explain::Node;
use crate::money::{Figure, Overflow};
use crate::portfolio::{Contract, Holding, Portfolio};
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::{check_pricer, read_extreme, split_by_underlying};
use crate::risk_array::RiskArrays;
use crate::scenario::{Extreme, Scenario, span_grid};
use commodity::{Charged, Commodity};

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Span {
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
    calendar_rate: Option<Exact>,
    short_option_rate: Option<Exact>,
}

impl Span {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "pricer", "extreme", "spread", "rates"])?;
        check_pricer(shelf)?;
        let spreads = shelf.tables("spread")?.iter().map(read_spread).collect::<Result<_, _>>()?;
        let table = shelf.open("rates")?;
        let rates = table.keys().map(|key| Ok((key.to_owned(), read_rates(&table, key)?)));
        Ok(Self { extreme: read_extreme(shelf)?, spreads, rates: rates.collect::<Result<_, RegimeError>>()? })
    }

    /// A rate by underlying, then class, then default, which has each.
    fn rate(&self, underlying: &str, class: &str, pick: impl Fn(&Rates) -> Option<&Exact>) -> Option<Exact> {
        let found = [underlying, class, "default"].into_iter().find_map(|key| pick(self.rates.get(key)?));
        found.cloned()
    }

    /// The relative range of an underlying: points over its price, else the range.
    fn range(&self, underlying: &str, class: &str, price: &Exact) -> Exact {
        let points = self.rate(underlying, class, |rates| rates.scan_points.as_ref());
        let range = self.rate(underlying, class, |rates| rates.scan_range.as_ref());
        points.map(|points| points / price).or(range).unwrap_or_default()
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
        let arrays = underlyings.into_iter().map(|(class, underlyings)| {
            let grid_of = |place: usize, contract: &Contract| -> Option<Vec<Scenario>> {
                let underlying = contract.underlying.as_str();
                let traded = portfolio.traded(underlying);
                let price = traded.price.filter(|_| held[place] && underlyings.contains(underlying))?;
                Some(span_grid(&self.range(underlying, class, &price), &self.extreme))
            };
            Ok((class.to_owned(), RiskArrays::build(&portfolio.contracts, grid_of, true)?))
        });
        arrays.collect()
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
        let mut left: Vec<Option<Exact>> = commodities.iter().map(Commodity::net_delta).collect();
        for spread in &self.spreads {
            for (first, a) in commodities.iter().enumerate().filter(|(_, c)| c.class == spread.legs[0]) {
                for (second, b) in commodities.iter().enumerate().filter(|(_, c)| c.class == spread.legs[1]) {
                    if first == second {
                        continue;
                    }
                    let delta_a = left[first].clone().ok_or_else(|| a.unpriced())?;
                    let delta_b = left[second].clone().ok_or_else(|| b.unpriced())?;
                    if !(&delta_a * &delta_b).is_negative() {
                        continue;
                    }
                    let value = (delta_a.abs() * &a.price).min(delta_b.abs() * &b.price);
                    for (place, commodity, delta) in [(first, a, delta_a), (second, b, delta_b)] {
                        let used = &value / &commodity.price;
                        credits[place] += &used * commodity.weighted_risk()? * &spread.rate;
                        left[place] = Some(&delta - used * delta.signum());
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
    if key == "default" || shelf.has("vol_mode") {
        shelf.word("vol_mode", &[("rel", ()), ("abs", ())])?;
    }
    for name in ["vol_up", "vol_down"] {
        maybe(name)?;
    }
    if key == "default" {
        for name in ["scan_range", "vol_up", "vol_down", "calendar_rate", "short_option_rate"] {
            shelf.decimal(name, Bound::NonNegative)?;
        }
    }
    Ok(Rates {
        scan_points: maybe("scan_points")?,
        scan_range: maybe("scan_range")?,
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
