//! `us-reg-t`: strategy-based margin of stock and options, paired so that the total is least.
//!
//! Source: margin specification, section 6.1; 12 CFR 220.12; FINRA Rule 4210; Cboe Rule 10.3.

mod limits;
mod pairing;
mod programme;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use limits::check_books;

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_traits::{One, Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::contract::Contract;
use crate::error::Stop;
use crate::explain::Node;
use crate::instrument::Kind;
use crate::money::{Figure, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Right;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::split_by_underlying;
use pairing::{Choice, Pairing, Used};
use table::{Leg, Market, Need, OptionTerms, Side, Stage, StockTerms};

const PRICED: &str = "what an option that is paired delivers had a price when it was joined";
/// The name of the rule in explanations.
const RULE: &str = "us-reg-t";

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Strategy {
    stock: StockTerms,
    minimum: Exact,
    floor_per_share: Exact,
    protective: Exact,
    rate_default: Exact,
    /// Rate by risk class, where it is not the default.
    rates: BTreeMap<String, Exact>,
}

/// What one underlying needs at both stages, and why.
struct Needs {
    initial: Figure,
    maintenance: Figure,
    explain_initial: Node,
    explain_maintenance: Node,
}

impl Strategy {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "stock", "option"])?;
        let option = shelf.open_only("option", &["minimum", "floor_per_share", "protective", "rate"])?;
        let rate = option.open("rate")?;
        let rates = rate.keys().map(|class| Ok((class.to_owned(), rate.share(class)?)));
        Ok(Self {
            stock: StockTerms::read(shelf)?,
            minimum: option.share("minimum")?,
            floor_per_share: option.decimal("floor_per_share", crate::reader::Bound::NonNegative)?,
            protective: option.share("protective")?,
            rate_default: rate.share("default")?,
            rates: rates.collect::<Result<_, RegimeError>>()?,
        })
    }

    /// What one account needs.
    pub(crate) fn assess(
        &self,
        portfolio: &Portfolio,
        account: &str,
        holdings: &[Holding],
    ) -> Result<Assessment, Stop> {
        let mut totals = (Figure::ZERO, Figure::ZERO);
        let (mut initial, mut maintenance) = (Vec::new(), Vec::new());
        for (underlying, held) in split_by_underlying(portfolio, holdings) {
            let held: Vec<&Holding> =
                held.into_iter().filter(|holding| !holding.quantity.is_zero()).collect();
            let needs = self.underlying(portfolio, underlying, &held)?;
            totals = (totals.0.plus(needs.initial)?, totals.1.plus(needs.maintenance)?);
            initial.push(needs.explain_initial);
            maintenance.push(needs.explain_maintenance);
        }
        let (cost, proceeds) = option_values(portfolio, holdings)?;
        let cost_node = cost.node("long_option_cost")?;
        let requirement = totals.0.plus(cost_node.value())?;
        let proceeds = Figure::down(&proceeds.total())?;
        if cost_node.value() != Figure::ZERO {
            initial.push(cost_node.clone());
        }
        let explain = Node::of(RULE, account, requirement, initial)?
            .by("cheapest pairing of each underlying + cost of long options", Vec::new());
        let maintenance = Node::of(RULE, account, totals.1, maintenance)?
            .by("cheapest pairing of each underlying, at maintenance", Vec::new());
        Ok(Assessment {
            requirement,
            figures: vec![
                ("requirement", Shown::Money(requirement)),
                ("margin", Shown::Money(totals.0)),
                ("long_option_cost", Shown::Money(cost_node.value())),
                ("short_option_proceeds", Shown::Money(proceeds)),
                ("deposit", Shown::Money(requirement.minus(proceeds)?)),
                ("maintenance", Shown::Money(totals.1)),
            ],
            arrays: None,
            explain,
            more: vec![("explain_maintenance", maintenance.to_json())],
        })
    }

    fn underlying(&self, portfolio: &Portfolio, underlying: &str, held: &[&Holding]) -> Result<Needs, Stop> {
        let contract = |holding: &Holding| portfolio.contract(holding);
        let is_option = |holding: &&&Holding| contract(holding).kind == Kind::Option;
        let options: Vec<&Holding> = held.iter().filter(is_option).copied().collect();
        let Some(first) = options.first().map(|holding| contract(holding)) else {
            return self.explained(underlying, self.alone(portfolio, held)?, None);
        };
        let stands_alone = |holding: &&&Holding| !contract(holding).leverage.is_one();
        let alone: Vec<&Holding> =
            held.iter().filter(|h| !is_option(h) && stands_alone(h)).copied().collect();
        let stock: Vec<&Holding> =
            held.iter().filter(|h| !is_option(h) && !stands_alone(h)).copied().collect();
        let paired = self.paired(portfolio, first, &stock, &options)?;
        let choice = Choice::new(&paired);
        let pairings = [Stage::Initial, Stage::Maintenance].map(|stage| choice.cheapest(stage));
        self.explained(
            underlying,
            self.alone(portfolio, &alone)?,
            Some((&paired, &first.multiplier, &pairings)),
        )
    }

    /// Stock and options of one underlying in one unit: what the first option by id delivers.
    fn paired(
        &self,
        portfolio: &Portfolio,
        first: &Contract,
        stock: &[&Holding],
        options: &[&Holding],
    ) -> Result<pairing::Holding<'_>, Stop> {
        let (mut contracts, mut gross, mut value) = (Exact::zero(), Exact::zero(), Exact::zero());
        let mut labels = Vec::new();
        for holding in stock {
            let contract = portfolio.contract(holding);
            let units = contract.shares() * &contract.ratio / &first.ratio;
            let quantity = holding.quantity.exact();
            contracts += &quantity * &units / &first.multiplier;
            gross += quantity.abs() * units;
            value += quantity.abs() * contract.value();
            labels.push(contract.id.as_str());
        }
        let rate = self.rates.get(&first.risk_class).unwrap_or(&self.rate_default);
        let legs = options.iter().map(|holding| leg(portfolio.contract(holding), holding));
        Ok(pairing::Holding {
            market: Market {
                stock_terms: &self.stock,
                option_terms: OptionTerms {
                    rate: rate.clone(),
                    minimum: self.minimum.clone(),
                    floor_per_unit: self.floor_per_share.clone(),
                    protective: self.protective.clone(),
                },
                spot: first.underlier.as_ref().expect(PRICED) * &first.fx,
                stock_price: if gross.is_zero() { Exact::zero() } else { value / gross },
                stock_is_short: contracts.is_negative(),
            },
            stock: contracts,
            stock_label: labels.join(" + "),
            legs: legs.collect::<Result<_, _>>()?,
        })
    }

    /// Stock that no option is beside: each instrument by itself.
    fn alone(&self, portfolio: &Portfolio, held: &[&Holding]) -> Result<Vec<(String, bool, Need)>, Stop> {
        let need = |holding: &&Holding| {
            let contract = portfolio.contract(holding);
            let (units, quantity) = (contract.shares(), holding.quantity.exact());
            let price = if units.is_zero() { Exact::zero() } else { contract.value() / &units };
            let Need { initial, maintenance } =
                self.stock.alone(&price, quantity.is_negative(), &contract.leverage);
            let shares = quantity.abs() * units;
            let need = Need { initial: initial * &shares, maintenance: maintenance * shares };
            Ok((contract.id.clone(), quantity.is_negative(), need))
        };
        held.iter().map(need).collect()
    }

    fn explained(
        &self,
        underlying: &str,
        alone: Vec<(String, bool, Need)>,
        paired: Option<(&pairing::Holding, &Exact, &[Pairing; 2])>,
    ) -> Result<Needs, Stop> {
        let at = |stage: Stage| -> Result<(Figure, Node), Stop> {
            let mut total = Exact::zero();
            let mut children = Vec::new();
            for (id, is_short, need) in &alone {
                let name = if *is_short { "short_stock" } else { "long_stock" };
                total += need.at(stage);
                let part = Figure::down(need.at(stage))?;
                let leaf = Node::leaf(format!("{RULE}/position"), id, part);
                children.push(Node::of(format!("{RULE}/{name}"), id, part, vec![leaf])?);
            }
            if let Some((holding, size, pairings)) = paired {
                let pairing = match stage {
                    Stage::Initial => &pairings[0],
                    Stage::Maintenance => &pairings[1],
                };
                total += &pairing.need * size;
                for used in &pairing.used {
                    children.push(explain_used(holding, size, used)?);
                }
            }
            let total = Figure::up(&total)?;
            let node = Node::of(format!("{RULE}/underlying"), underlying, total, children)?;
            Ok((total, node.by("least sum of strategies that use each position exactly", Vec::new())))
        };
        let (initial, explain_initial) = at(Stage::Initial)?;
        let (maintenance, explain_maintenance) = at(Stage::Maintenance)?;
        Ok(Needs { initial, maintenance, explain_initial, explain_maintenance })
    }
}

fn explain_used(holding: &pairing::Holding, size: &Exact, used: &Used) -> Result<Node, Stop> {
    let mut children = Vec::new();
    for (piece, amount, part) in &used.pieces {
        let value = Figure::down(&(part * size))?;
        let leaf = Node::leaf(format!("{RULE}/position"), holding.label(*piece), value);
        children
            .push(leaf.by("part of the strategy's requirement", vec![("contracts", print_exact(amount))]));
    }
    let parts: Exact = used.pieces.iter().map(|(_, _, part)| part).sum();
    let lift = Figure::down(&((&used.need - parts) * size))?;
    if lift != Figure::ZERO {
        children.push(Node::leaf(format!("{RULE}/{}/lift", used.name), "zero", lift));
    }
    let labels: Vec<&str> = used.pieces.iter().map(|(piece, _, _)| holding.label(*piece)).collect();
    let value = Figure::down(&(&used.need * size))?;
    let node = Node::of(format!("{RULE}/{}", used.name), labels.join(" / "), value, children)?;
    let inputs = vec![("contracts", print_exact(&used.amount)), ("size", print_exact(size))];
    Ok(node.by("requirement of the strategy per unit x contracts x size", inputs))
}

/// The terms of an option, in the reporting currency.
fn leg(contract: &Contract, holding: &Holding) -> Result<Leg, Stop> {
    let terms = contract.spec.as_ref().expect("only options are legs, and options have terms");
    Ok(Leg {
        label: contract.id.clone(),
        side: match terms.right {
            Right::Call => Side::Call,
            Right::Put => Side::Put,
        },
        strike: &terms.strike * &contract.fx,
        expiry_ms: contract.expiry_ms,
        price: &contract.price * &contract.fx,
        quantity: holding.quantity.exact(),
    })
}

/// Options at market, by id.
#[derive(Default)]
struct Values(Vec<(String, Exact)>);

impl Values {
    fn total(&self) -> Exact {
        self.0.iter().map(|(_, value)| value).sum()
    }

    fn node(&self, label: &str) -> Result<Node, Stop> {
        let children = crate::explain::parts(RULE, self.0.iter().cloned())?;
        let node = Node::of(format!("{RULE}/{label}"), label, Figure::up(&self.total())?, children)?;
        Ok(node.by("sum of quantity x price x multiplier of long options", Vec::new()))
    }
}

/// What long options cost and what short options bring.
fn option_values(portfolio: &Portfolio, holdings: &[Holding]) -> Result<(Values, Values), Stop> {
    let (mut cost, mut proceeds) = (Values::default(), Values::default());
    for holding in holdings {
        let contract = portfolio.contract(holding);
        if contract.kind != Kind::Option || holding.quantity.is_zero() {
            continue;
        }
        let value = contract.value() * holding.quantity.exact();
        let side = if value.is_negative() { &mut proceeds } else { &mut cost };
        side.0.push((contract.id.clone(), value.abs()));
    }
    Ok((cost, proceeds))
}
