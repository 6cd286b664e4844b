//! What netting does not cover: basis between wrappers, the cost of closing what is large, size,
//! and coins leaving their pegs. Charged after netting, and deliberately super-linear.
//!
//! Source: margin specification, section 8.1.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use crate::error::Stop;
use crate::explain::{self, Node};
use crate::instrument::Kind;
use crate::money::{Figure, Fine, positive_part, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::root_up;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::risk_array::{RiskArrays, worst};

/// The risk class that the peg add-on speaks of, whatever kind carries it.
const STABLECOIN: &str = "stablecoin";

/// The parameters of the add-ons.
#[derive(Clone, Debug)]
pub(crate) struct Addons {
    basis_minimum: Exact,
    basis_annual: Exact,
    participation: Exact,
    pub(crate) mpor_days: Exact,
    imf: Exact,
    /// Slices of matched stablecoin value: up to a bound, at a rate. The last has no bound.
    tiers: Vec<(Option<Exact>, Exact)>,
}

impl Addons {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        let shelf = shelf.open_only("addon", &["basis", "liquidity", "concentration", "peg"])?;
        let basis = shelf.open_only("basis", &["minimum", "annual"])?;
        let liquidity = shelf.open_only("liquidity", &["participation", "mpor_days"])?;
        let concentration = shelf.open_only("concentration", &["imf"])?;
        let peg = shelf.open_only("peg", &["tiers"])?;
        Ok(Self {
            basis_minimum: basis.decimal("minimum", Bound::NonNegative)?,
            basis_annual: basis.decimal("annual", Bound::NonNegative)?,
            participation: liquidity.decimal("participation", Bound::Positive)?,
            mpor_days: liquidity.decimal("mpor_days", Bound::Positive)?,
            imf: concentration.decimal("imf", Bound::NonNegative)?,
            tiers: read_tiers(&peg)?,
        })
    }

    /// The rate on matched value in different wrappers, by the longest life among them.
    fn basis_rate(&self, years: Figure) -> Exact {
        let year = Exact::one().min(years.exact());
        self.basis_minimum.clone().max(&self.basis_annual * year)
    }

    /// How much longer than planned closing takes, as a multiple of the margin to add.
    fn liquidity_factor(&self, net: &Exact, adv_value: Option<&Exact>) -> Result<Exact, Stop> {
        let Some(adv_value) = adv_value else { return Ok(Exact::zero()) };
        let days = net.abs() / (&self.participation * adv_value);
        let stretched = root_up(&(days.max(self.mpor_days.clone()) / &self.mpor_days))?;
        Ok(stretched.exact() - Exact::one())
    }

    /// How much a large net position adds, as a multiple of the margin.
    fn concentration_factor(&self, net: &Exact) -> Result<Exact, Stop> {
        let millions = root_up(&(net.abs() / BigInt::from(1_000_000)))?;
        Ok(positive_part(&self.imf * millions.exact() - Exact::new(1.into(), 5.into())))
    }

    /// The cost of matched stablecoin value, slice by slice.
    fn peg_cost(&self, matched: &Exact) -> Exact {
        let (mut cost, mut from) = (Exact::zero(), Exact::zero());
        for (bound, rate) in &self.tiers {
            let to = bound.as_ref().map_or_else(|| matched.clone(), |bound| bound.min(matched).clone());
            cost += positive_part(&to - &from) * rate;
            from = to;
        }
        cost
    }
}

fn read_tiers(shelf: &Shelf) -> Result<Vec<(Option<Exact>, Exact)>, RegimeError> {
    let rows = shelf.array("tiers")?;
    let mut tiers: Vec<(Option<Exact>, Exact)> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let key = format!("tiers/{place}");
        let Some([bound, rate]) = row.as_array() else {
            return Err(shelf.error(&key, "must be a bound and a rate"));
        };
        let rate = shelf.read_decimal(&key, rate, Bound::NonNegative)?;
        let last = place + 1 == rows.len();
        if bound.as_str() == Some("inf") && last {
            tiers.push((None, rate));
            continue;
        }
        let bound = shelf.read_decimal(&key, bound, Bound::Positive)?;
        let above = tiers.last().is_none_or(|(held, _)| held.as_ref().is_some_and(|held| bound > *held));
        if !above || last {
            return Err(shelf.error(&key, "bounds must rise, and the last must be inf"));
        }
        tiers.push((Some(bound), rate));
    }
    if tiers.is_empty() {
        return Err(shelf.error("tiers", "must have at least the tier up to inf"));
    }
    Ok(tiers)
}

/// One underlying of an account, as the add-ons see it.
pub(crate) struct Exposed<'a> {
    pub(crate) id: &'a str,
    pub(crate) held: Vec<&'a Holding>,
    /// Its leaf margin: M.
    pub(crate) margin: Figure,
    pub(crate) array: Vec<Fine>,
}

impl Exposed<'_> {
    fn deltas(&self, arrays: &RiskArrays) -> Result<Vec<(usize, Exact)>, Stop> {
        let delta = |holding: &&Holding| {
            let delta = arrays.delta(holding.contract);
            Ok((holding.contract, holding.quantity.times(delta)?.exact()))
        };
        self.held.iter().map(delta).collect()
    }

    fn longest_life(&self, portfolio: &Portfolio) -> Figure {
        let open = self.held.iter().filter(|holding| !holding.quantity.is_zero());
        open.map(|holding| portfolio.contract(holding).years).max().unwrap_or_default()
    }

    fn is_stablecoin(&self, portfolio: &Portfolio) -> bool {
        self.held.iter().any(|holding| {
            let contract = portfolio.contract(holding);
            contract.kind == Kind::Stablecoin || contract.risk_class == STABLECOIN
        })
    }
}

/// One add-on of an account, with its parts.
pub(crate) struct Charge {
    pub(crate) value: Figure,
    pub(crate) explain: Node,
}

/// The four add-ons of one account.
pub(crate) struct Charges {
    pub(crate) basis: Charge,
    pub(crate) liquidity: Charge,
    pub(crate) concentration: Charge,
    pub(crate) peg: Charge,
}

/// Computes the add-ons of one account.
pub(crate) fn charge(
    rules: &Addons,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &[Exposed],
) -> Result<Charges, Stop> {
    let (mut basis, mut liquidity, mut concentration) = (Vec::new(), Vec::new(), Vec::new());
    for underlying in exposed {
        basis.push(charge_basis(rules, portfolio, arrays, underlying)?);
        liquidity.push(charge_liquidity(rules, portfolio, arrays, underlying)?);
        concentration.push(charge_concentration(rules, portfolio, arrays, underlying)?);
    }
    Ok(Charges {
        basis: total("us-harmonized/basis", "basis", basis)?,
        liquidity: total("us-harmonized/liquidity", "liquidity", liquidity)?,
        concentration: total("us-harmonized/concentration", "concentration", concentration)?,
        peg: charge_peg(rules, portfolio, arrays, exposed)?,
    })
}

fn total(rule: &str, label: &str, nodes: Vec<Node>) -> Result<Charge, Stop> {
    let value = Figure::total(nodes.iter().map(Node::value))?;
    let children = nodes.into_iter().filter(|node| node.value() != Figure::ZERO).collect();
    let explain = Node::of(rule, label, value, children)?.by("sum of underlyings", Vec::new());
    Ok(Charge { value, explain })
}

/// The side with the smaller total; the long one if they are equal.
fn smaller_side<'a>(deltas: impl Iterator<Item = &'a Exact> + Clone) -> (Exact, bool) {
    let long: Exact = deltas.clone().filter(|delta| delta.is_positive()).sum();
    let short: Exact = deltas.filter(|delta| delta.is_negative()).map(|delta| delta.abs()).sum();
    if long <= short { (long, true) } else { (short, false) }
}

/// Matched value across wrappers × rate. The smaller side bears it.
fn charge_basis(
    rules: &Addons,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &Exposed,
) -> Result<Node, Stop> {
    let deltas = exposed.deltas(arrays)?;
    let mut wrappers: BTreeMap<&str, Exact> = BTreeMap::new();
    for (contract, delta) in &deltas {
        *wrappers.entry(&portfolio.contracts[*contract].wrapper).or_default() += delta;
    }
    let (matched, long) = smaller_side(wrappers.values());
    let rate = rules.basis_rate(exposed.longest_life(portfolio));
    let value = Figure::up(&(&matched * &rate))?;
    let shares = deltas.into_iter().filter_map(|(contract, delta)| {
        let contract = &portfolio.contracts[contract];
        let bears = wrappers[contract.wrapper.as_str()].is_positive() == long
            && !wrappers[contract.wrapper.as_str()].is_zero();
        let share = if long { &delta * &rate } else { -&delta * &rate };
        (bears && !matched.is_zero()).then(|| (contract.id.clone(), share))
    });
    let children = explain::parts("us-harmonized/basis", shares)?;
    let inputs = vec![("matched", print_exact(&matched)), ("rate", print_exact(&rate))];
    let node = Node::of("us-harmonized/basis/underlying", exposed.id, value, children)?;
    Ok(node.by("matched x max(minimum, annual x T)", inputs))
}

/// M × (√(max(mpor, d)/mpor) − 1) + ½ × spread × |D|.
fn charge_liquidity(
    rules: &Addons,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &Exposed,
) -> Result<Node, Stop> {
    let deltas = exposed.deltas(arrays)?;
    let net: Exact = deltas.iter().map(|(_, delta)| delta).sum();
    let traded = portfolio.traded(exposed.id);
    let factor = rules.liquidity_factor(&net, traded.adv_value.as_ref())?;
    let half_spread = traded.spread / BigInt::from(2);
    let value = Figure::up(&(exposed.margin.exact() * &factor + &half_spread * net.abs()))?;
    let mut shares = margin_shares(portfolio, arrays, exposed, &factor)?;
    for (contract, delta) in deltas {
        let share = delta * net.signum() * &half_spread;
        shares.push((portfolio.contracts[contract].id.clone(), share));
    }
    let inputs = vec![
        ("M", exposed.margin.to_string()),
        ("D", print_exact(&net)),
        ("factor", print_exact(&factor)),
        ("half_spread", print_exact(&half_spread)),
    ];
    let children = explain::parts("us-harmonized/liquidity", added_up(shares))?;
    let node = Node::of("us-harmonized/liquidity/underlying", exposed.id, value, children)?;
    Ok(node.by("M x (sqrt(max(mpor, d) / mpor) - 1) + spread / 2 x |D|", inputs))
}

/// M × max(0, imf × √(|D|/10⁶) − 0.2).
fn charge_concentration(
    rules: &Addons,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &Exposed,
) -> Result<Node, Stop> {
    let net: Exact = exposed.deltas(arrays)?.iter().map(|(_, delta)| delta).sum();
    let factor = rules.concentration_factor(&net)?;
    let value = Figure::up(&(exposed.margin.exact() * &factor))?;
    let shares = margin_shares(portfolio, arrays, exposed, &factor)?;
    let inputs =
        vec![("M", exposed.margin.to_string()), ("D", print_exact(&net)), ("factor", print_exact(&factor))];
    let children = explain::parts("us-harmonized/concentration", added_up(shares))?;
    let node = Node::of("us-harmonized/concentration/underlying", exposed.id, value, children)?;
    Ok(node.by("M x max(0, imf x sqrt(|D| / 10^6) - 0.2)", inputs))
}

/// The leaf margin × a factor, by each position's loss in the leaf's worst scenario.
fn margin_shares(
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &Exposed,
    factor: &Exact,
) -> Result<Vec<(String, Exact)>, Stop> {
    if exposed.margin == Figure::ZERO || factor.is_zero() {
        return Ok(Vec::new());
    }
    let scenario = worst(&exposed.array);
    // The margin is the loss rounded up: a large factor would make more than rounding of the rest.
    let scale = exposed.margin.exact() / exposed.array[scenario].exact() * factor;
    let share = |holding: &&Holding| {
        let pnl = arrays.pnl(holding.contract, holding.quantity, scenario)?;
        Ok((portfolio.contract(holding).id.clone(), pnl.exact() * &scale))
    };
    exposed.held.iter().map(share).collect()
}

fn added_up(shares: Vec<(String, Exact)>) -> BTreeMap<String, Exact> {
    let mut by_id: BTreeMap<String, Exact> = BTreeMap::new();
    for (id, share) in shares {
        *by_id.entry(id).or_default() += share;
    }
    by_id
}

/// Stablecoins held against each other, in tiers. The smaller side bears it.
fn charge_peg(
    rules: &Addons,
    portfolio: &Portfolio,
    arrays: &RiskArrays,
    exposed: &[Exposed],
) -> Result<Charge, Stop> {
    let mut coins = Vec::new();
    for underlying in exposed.iter().filter(|underlying| underlying.is_stablecoin(portfolio)) {
        let deltas = underlying.deltas(arrays)?;
        let net: Exact = deltas.iter().map(|(_, delta)| delta).sum();
        coins.push((net, deltas));
    }
    let (matched, long) = smaller_side(coins.iter().map(|(net, _)| net));
    let cost = rules.peg_cost(&matched);
    let value = Figure::up(&cost)?;
    let mut shares = Vec::new();
    for (net, deltas) in coins {
        let bears = net.is_positive() == long && !net.is_zero() && !matched.is_zero();
        for (contract, delta) in deltas.into_iter().filter(|_| bears) {
            let signed = if long { delta } else { -delta };
            shares.push((portfolio.contracts[contract].id.clone(), signed * &cost / &matched));
        }
    }
    let inputs = vec![("matched", print_exact(&matched))];
    let children = explain::parts("us-harmonized/peg", shares)?;
    let explain = Node::of("us-harmonized/peg", "peg", value, children)?.by("matched value by tiers", inputs);
    Ok(Charge { value, explain })
}
