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
    /// Net delta per expiry month, in units of the underlying.
    months: BTreeMap<&'a str, Fine>,
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
            months: BTreeMap::new(),
            short_option_minimum: Figure::ZERO,
            option_value: Figure::ZERO,
        };
        commodity.add_deltas(portfolio)?;
        commodity.add_options(portfolio)?;
        Ok(commodity)
    }

    fn add_deltas(&mut self, portfolio: &'a Portfolio) -> Result<(), Stop> {
        for holding in &self.held {
            let month = self.months.entry(&portfolio.contract(holding).month).or_default();
            let units = Figure::nearest(&(self.arrays.delta(holding.contract).exact() / &self.price))?;
            *month = month.plus(holding.quantity.times(units)?)?;
        }
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
                value += holding.quantity.exact() * contract.value();
            }
        }
        self.short_option_minimum = Figure::up(&minimum)?;
        self.option_value = Figure::down(&value)?;
        Ok(())
    }

    pub(super) fn net_delta(&self) -> Exact {
        self.months.values().map(|delta| delta.exact()).sum()
    }

    /// Futures price risk per unit of net delta.
    pub(super) fn weighted_risk(&self) -> Exact {
        let net = self.net_delta();
        let worst = worst(&self.sums);
        let loss = |scenario: usize| -self.sums[scenario].exact();
        let pair = loss(worst) + loss(twin(worst)) - loss(0) - loss(1);
        let risk = positive_part(pair / BigInt::from(2));
        if net.is_zero() { Exact::zero() } else { risk / net.abs() }
    }

    /// Deltas of opposite months meet: what they share pays the calendar rate.
    fn calendar_charge(&self) -> Exact {
        let side = |long: bool| -> Exact {
            let deltas = self.months.values().map(|delta| delta.exact());
            deltas.filter(|delta| delta.is_positive() == long).map(|delta| delta.abs()).sum()
        };
        side(true).min(side(false)) * &self.price * &self.calendar_rate
    }

    pub(super) fn charge(&self, inter_credit: Figure) -> Result<Charged, Stop> {
        let scan_risk = self.sums[worst(&self.sums)].negated()?.up().floored();
        let intra = Figure::up(&self.calendar_charge())?;
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
            children.push(self.explain_option_value(portfolio, charged.option_value)?);
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

    /// What options are worth comes off, by position; what short ones owe comes on.
    fn explain_option_value(&self, portfolio: &Portfolio, option_value: Figure) -> Result<Node, Stop> {
        const RULE: &str = "us-span/net_option_value";
        let options = self.held.iter().map(|holding| (portfolio.contract(holding), holding.quantity.exact()));
        let valued = options.filter(|(contract, _)| contract.kind == Kind::Option && !contract.no_value);
        let shares = valued.map(|(contract, quantity)| (contract.id.clone(), -quantity * contract.value()));
        let value = Figure::ZERO.minus(option_value)?;
        Ok(Node::of(RULE, "net option value", value, explain::parts(RULE, shares)?)?
            .by("-sum of quantity x multiplier x price", Vec::new()))
    }

    /// The smaller side of the months bears the charge; the long side if they are equal.
    fn explain_intra(&self, portfolio: &Portfolio, intra: Figure) -> Result<Node, Stop> {
        let deltas = || self.months.values().map(|delta| delta.exact());
        let long: Exact = deltas().filter(Signed::is_positive).sum();
        let short: Exact = -deltas().filter(Signed::is_negative).sum::<Exact>();
        let bears = |delta: &Fine| if long <= short { *delta > Fine::ZERO } else { *delta < Fine::ZERO };
        let mut shares = Vec::new();
        for holding in &self.held {
            let contract = portfolio.contract(holding);
            if !self.months.get(contract.month.as_str()).is_some_and(bears) {
                continue;
            }
            let units = Figure::nearest(&(self.arrays.delta(holding.contract).exact() / &self.price))?;
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
