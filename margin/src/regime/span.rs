//! `us-span`: sixteen scenarios per combined commodity, calendar charges, credits between
//! commodities, and the value of options.
//!
//! Source: margin specification, section 6.3.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::instrument::Kind;
use crate::money::{Figure, Fine, Overflow, print_exact};
use crate::portfolio::{Contract, Holding, Portfolio};
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::{check_pricer, read_extreme, split_by_underlying};
use crate::risk_array::{RiskArrays, worst};
use crate::scenario::{Extreme, SPAN_LEN, Scenario, span_grid, twin};

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

/// One underlying with everything held on it: SPAN's combined commodity.
struct Commodity<'a> {
    id: &'a str,
    class: &'a str,
    price: Exact,
    calendar_rate: Exact,
    short_option_rate: Exact,
    held: Vec<&'a Holding>,
    arrays: &'a RiskArrays,
    sums: Vec<Fine>,
    /// Net delta per expiry month, in units of the underlying; `None` if one contract's delta is
    /// not known.
    months: Option<BTreeMap<&'a str, Fine>>,
    /// How many months are held, deltas known or not.
    month_count: usize,
    /// A contract whose delta is not known.
    unpriced: Option<Stop>,
    short_option_minimum: Figure,
    option_value: Figure,
}

/// What one commodity is charged.
struct Charged {
    scan_risk: Figure,
    intra: Figure,
    inter_credit: Figure,
    risk: Figure,
    requirement: Figure,
    short_option_minimum: Figure,
    option_value: Figure,
}

impl<'a> Commodity<'a> {
    fn scan(
        rules: &Span,
        portfolio: &'a Portfolio,
        arrays: &'a BTreeMap<String, RiskArrays>,
        id: &'a str,
        held: Vec<&'a Holding>,
    ) -> Result<Self, Stop> {
        // The class of a commodity is that of its first instrument by id.
        let class = portfolio.contract(held[0]).risk_class.as_str();
        let price = portfolio.traded(id).price.unwrap_or_default();
        let arrays = &arrays[class];
        let short_option_rate = rules.rate(id, class, |rates| rates.short_option_rate.as_ref());
        let mut commodity = Self {
            id,
            class,
            price,
            calendar_rate: rules.rate(id, class, |rates| rates.calendar_rate.as_ref()).unwrap_or_default(),
            short_option_rate: short_option_rate.unwrap_or_default(),
            sums: arrays.sum(held.iter().copied(), SPAN_LEN)?,
            held,
            arrays,
            months: Some(BTreeMap::new()),
            month_count: 0,
            unpriced: None,
            short_option_minimum: Figure::ZERO,
            option_value: Figure::ZERO,
        };
        commodity.add_deltas(portfolio)?;
        commodity.add_options(portfolio)?;
        Ok(commodity)
    }

    fn add_deltas(&mut self, portfolio: &'a Portfolio) -> Result<(), Stop> {
        let mut months: BTreeMap<&str, Fine> = BTreeMap::new();
        for holding in &self.held {
            let contract = portfolio.contract(holding);
            let month = months.entry(&contract.month).or_default();
            match contract.delta {
                Some(delta) => {
                    let units = Figure::nearest(&(delta.exact() / &self.price))?;
                    *month = month.plus(holding.quantity.times(units)?)?;
                }
                None => self.unpriced = Some(contract.unpriced()),
            }
        }
        self.month_count = months.len();
        self.months = self.unpriced.is_none().then_some(months);
        Ok(())
    }

    /// The least for short options, and what options are worth (rounded down: it is a credit).
    fn add_options(&mut self, portfolio: &Portfolio) -> Result<(), Stop> {
        let (mut minimum, mut value) = (Exact::zero(), Exact::zero());
        for holding in &self.held {
            let contract = portfolio.contract(holding);
            if contract.kind != Kind::Option {
                continue;
            }
            if holding.quantity.is_short() {
                let each = &contract.multiplier * &self.price * &contract.fx * &self.short_option_rate;
                minimum += holding.quantity.exact().abs() * each;
            }
            if !contract.no_value {
                value += holding.quantity.exact() * contract.value()?;
            }
        }
        self.short_option_minimum = Figure::up(&minimum)?;
        self.option_value = Figure::down(&value)?;
        Ok(())
    }

    fn unpriced(&self) -> Stop {
        self.unpriced.clone().unwrap_or(Stop::Overflow)
    }

    fn net_delta(&self) -> Option<Exact> {
        Some(self.months.as_ref()?.values().map(|delta| delta.exact()).sum())
    }

    /// Futures price risk per unit of net delta.
    fn weighted_risk(&self) -> Result<Exact, Stop> {
        let net = self.net_delta().ok_or_else(|| self.unpriced())?;
        let worst = worst(&self.sums);
        let loss = |scenario: usize| -self.sums[scenario].exact();
        let pair = loss(worst) + loss(twin(worst)) - loss(0) - loss(1);
        let risk = crate::money::positive_part(pair / BigInt::from(2));
        Ok(if net.is_zero() { Exact::zero() } else { risk / net.abs() })
    }

    /// Deltas of opposite months meet: what they share pays the calendar rate.
    fn calendar_charge(&self) -> Result<Exact, Stop> {
        if self.month_count < 2 {
            return Ok(Exact::zero());
        }
        let months = self.months.as_ref().ok_or_else(|| self.unpriced())?;
        let side = |long: bool| -> Exact {
            let deltas = months.values().map(|delta| delta.exact());
            deltas.filter(|delta| delta.is_positive() == long).map(|delta| delta.abs()).sum()
        };
        Ok(side(true).min(side(false)) * &self.price * &self.calendar_rate)
    }

    fn charge(&self, inter_credit: Figure) -> Result<Charged, Stop> {
        let scan_risk = self.sums[worst(&self.sums)].negated()?.up().floored();
        let intra = Figure::up(&self.calendar_charge()?)?;
        let netted = scan_risk.plus(intra)?.minus(inter_credit)?;
        let risk = netted.max(self.short_option_minimum).floored();
        let requirement = risk.minus(self.option_value)?.floored();
        let (short_option_minimum, option_value) = (self.short_option_minimum, self.option_value);
        Ok(Charged { scan_risk, intra, inter_credit, risk, requirement, short_option_minimum, option_value })
    }

    fn explain(&self, portfolio: &Portfolio, charged: &Charged) -> Result<Node, Stop> {
        let mut children = vec![self.explain_scan(portfolio, charged.scan_risk)?];
        if charged.intra != Figure::ZERO {
            children.push(self.explain_intra(portfolio, charged.intra)?);
        }
        let credit = Figure::ZERO.minus(charged.inter_credit)?;
        if credit != Figure::ZERO {
            children.push(Node::leaf("us-span/inter/credit", "inter-commodity", credit));
        }
        let netted = charged.scan_risk.plus(charged.intra)?.plus(credit)?;
        children.extend(explain::lift("us-span/risk", "short option minimum", charged.risk, netted)?);
        if charged.option_value != Figure::ZERO {
            let value = Figure::ZERO.minus(charged.option_value)?;
            children.push(Node::leaf("us-span/net_option_value", "net option value", value));
        }
        let left = charged.risk.minus(charged.option_value)?;
        children.extend(explain::lift("us-span/commodity", "zero", charged.requirement, left)?);
        let inputs = vec![
            ("class", self.class.to_owned()),
            ("price", print_exact(&self.price)),
            ("risk", charged.risk.to_string()),
            ("short_option_minimum", charged.short_option_minimum.to_string()),
        ];
        Ok(Node::of("us-span/commodity", self.id, charged.requirement, children)?.by(
            "max(0, max(scan + intra - inter credit, short option minimum, 0) - net option value)",
            inputs,
        ))
    }

    fn explain_scan(&self, portfolio: &Portfolio, scan_risk: Figure) -> Result<Node, Stop> {
        let worst = worst(&self.sums);
        let mut children = Vec::new();
        for holding in &self.held {
            let pnl = self.arrays.pnl(holding.contract, holding.quantity, worst)?;
            let quantity = holding.quantity.to_string();
            let id = &portfolio.contract(holding).id;
            children.push(explain::position_loss("us-span/scan", id, pnl, quantity, worst)?);
        }
        let reached = self.sums[worst].negated()?.up();
        children.extend(explain::lift("us-span/scan", "zero", scan_risk, reached)?);
        let inputs = vec![("scenario", worst.to_string())];
        Ok(Node::of("us-span/scan", "scan risk", scan_risk, children)?.by("max(0, max L)", inputs))
    }

    /// The smaller side of the months bears the charge; the long side if they are equal.
    fn explain_intra(&self, portfolio: &Portfolio, intra: Figure) -> Result<Node, Stop> {
        let months = self.months.as_ref().ok_or_else(|| self.unpriced())?;
        let deltas = || months.values().map(|delta| delta.exact());
        let long: Exact = deltas().filter(Signed::is_positive).sum();
        let short: Exact = -deltas().filter(Signed::is_negative).sum::<Exact>();
        let bears = |delta: &Fine| if long <= short { *delta > Fine::ZERO } else { *delta < Fine::ZERO };
        let mut shares = Vec::new();
        for holding in &self.held {
            let contract = portfolio.contract(holding);
            if !months.get(contract.month.as_str()).is_some_and(bears) {
                continue;
            }
            let units = Figure::nearest(&(contract.delta()?.exact() / &self.price))?;
            let delta = holding.quantity.times(units)?.exact();
            let delta = if long <= short { delta } else { -delta };
            shares.push((contract.id.clone(), delta * &self.price * &self.calendar_rate));
        }
        let inputs =
            vec![("calendar_rate", print_exact(&self.calendar_rate)), ("price", print_exact(&self.price))];
        let children = explain::parts("us-span/intra", shares)?;
        Ok(Node::of("us-span/intra", "calendar spreads", intra, children)?
            .by("spreads x price x calendar rate", inputs))
    }
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
