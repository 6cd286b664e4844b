//! One combined commodity: scanned, charged for its calendar spreads, and explained.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::Span;
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::instrument::Kind;
use crate::money::{Figure, Fine, positive_part, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::risk_array::{RiskArrays, worst};
use crate::scenario::{SPAN_LEN, twin};

/// One underlying with everything held on it: SPAN's combined commodity.
pub(super) struct Commodity<'a> {
    pub(super) id: &'a str,
    pub(super) class: &'a str,
    pub(super) price: Exact,
    calendar_rate: Exact,
    short_option_rate: Exact,
    held: Vec<&'a Holding>,
    arrays: &'a RiskArrays,
    pub(super) sums: Vec<Fine>,
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
pub(super) struct Charged {
    pub(super) scan_risk: Figure,
    pub(super) intra: Figure,
    pub(super) inter_credit: Figure,
    pub(super) risk: Figure,
    requirement: Figure,
    pub(super) short_option_minimum: Figure,
    pub(super) option_value: Figure,
}

impl<'a> Commodity<'a> {
    pub(super) fn scan(
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

    pub(super) fn unpriced(&self) -> Stop {
        self.unpriced.clone().unwrap_or(Stop::Overflow)
    }

    pub(super) fn net_delta(&self) -> Option<Exact> {
        Some(self.months.as_ref()?.values().map(|delta| delta.exact()).sum())
    }

    /// Futures price risk per unit of net delta.
    pub(super) fn weighted_risk(&self) -> Result<Exact, Stop> {
        let net = self.net_delta().ok_or_else(|| self.unpriced())?;
        let worst = worst(&self.sums);
        let loss = |scenario: usize| -self.sums[scenario].exact();
        let pair = loss(worst) + loss(twin(worst)) - loss(0) - loss(1);
        let risk = positive_part(pair / BigInt::from(2));
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

    pub(super) fn charge(&self, inter_credit: Figure) -> Result<Charged, Stop> {
        let scan_risk = self.sums[worst(&self.sums)].negated()?.up().floored();
        let intra = Figure::up(&self.calendar_charge()?)?;
        let netted = scan_risk.plus(intra)?.minus(inter_credit)?;
        let risk = netted.max(self.short_option_minimum).floored();
        let requirement = risk.minus(self.option_value)?.floored();
        let (short_option_minimum, option_value) = (self.short_option_minimum, self.option_value);
        Ok(Charged { scan_risk, intra, inter_credit, risk, requirement, short_option_minimum, option_value })
    }

    pub(super) fn explain(&self, portfolio: &Portfolio, charged: &Charged) -> Result<Node, Stop> {
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
