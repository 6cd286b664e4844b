//! `us-harmonized`: one tree over all wrappers and jurisdictions, with every credit limited and
//! every cost of merging shown beside it.
//!
//! Source: margin specification, sections 6.6, 7 and 8.

mod parameters;
mod profile;

pub(crate) use parameters::Harmonized;

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::json::Json;
use num_traits::Signed;

use crate::addons::{self, Charges, Exposed};
use crate::assessment::{Assessment, Shown};
use crate::buffers::Cushion;
use crate::contract::Contract;
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::money::{Currency, Figure, print_exact};
use crate::offsets::{Branch, Forest, Level, worst_loss};
use crate::pool::Pool;
use crate::portfolio::{Holding, Portfolio};
use crate::regime::split_by_underlying;
use crate::risk_array::{RiskArrays, Source};
use crate::scenario::{Grid, SPAN_LEN, span_grid};

/// What the input says beside the portfolio.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    /// An underlying that may not be cross-margined stands alone.
    pub(crate) eligibility_strict: bool,
    /// Current over long-run volatility.
    pub(crate) vol_ratio: Exact,
    /// The last requirement, if a step from it is limited.
    pub(crate) previous: Option<Exact>,
    /// What figures are reported in.
    pub(crate) currency: Currency,
    /// What the book is charged beside what a rule book computes.
    pub(crate) charges: Exact,
    /// The pool whose breaker limits the credit between classes; without one it is whole.
    pub(crate) pool: Option<Pool>,
}

/// The rule book with everything priced.
pub(crate) struct Desk<'a> {
    rules: &'a Harmonized,
    portfolio: &'a Portfolio,
    circumstances: &'a Circumstances,
    /// The root, its credit as the pool's breaker leaves it.
    root: Level,
    arrays: RiskArrays,
    stressed: RiskArrays,
}

/// Figures of one account on the way to its requirement.
struct Lines<'a> {
    tree: Forest<'a>,
    stressed: Forest<'a>,
    floor: Figure,
    charges: Charges,
    release: Exact,
    apc: Cushion,
    unstepped: Figure,
    requirement: Figure,
}

impl<'a> Desk<'a> {
    /// Prices what is held on the range and the stressed range of its class.
    pub(crate) fn new(
        rules: &'a Harmonized,
        portfolio: &'a Portfolio,
        circumstances: &'a Circumstances,
        held: &[bool],
    ) -> Result<Self, Stop> {
        let build = |pick: fn(&parameters::Range) -> &Exact| {
            let grids: BTreeMap<&str, Grid> = rules
                .ranges()
                .map(|(class, range)| (class, span_grid(pick(range), &rules.extreme, &rules.vols)))
                .collect();
            let grid_of = |place: usize, contract: &Contract| {
                grids.get(contract.risk_class.as_str()).filter(|_| held[place])
            };
            RiskArrays::build(&portfolio.contracts, rules.pricer, grid_of, Source::Computed)
        };
        let (arrays, stressed) = (build(|range| &range.range)?, build(|range| &range.stress)?);
        let mut root = rules.levels.root.clone();
        if let Some(pool) = &circumstances.pool {
            root.theta *= pool.step(&rules.breaker).state.theta_factor.exact();
        }
        Ok(Self { rules, portfolio, circumstances, root, arrays, stressed })
    }

    pub(crate) fn arrays(&self) -> &RiskArrays {
        &self.arrays
    }

    /// What these holdings need together: M at the root, and what stands beside it.
    pub(crate) fn tree<'h>(&self, holdings: &'h [Holding]) -> Result<Forest<'h>, Stop> {
        self.grow(&self.arrays, holdings)
    }

    fn grow<'h>(&self, arrays: &RiskArrays, holdings: &'h [Holding]) -> Result<Forest<'h>, Stop> {
        let mut alone = Vec::new();
        let mut classes: BTreeMap<&str, BTreeMap<&str, Vec<Branch>>> = BTreeMap::new();
        for (underlying, held) in split_by_underlying(self.portfolio, holdings) {
            let range = self.rules.range(&self.portfolio.contract(held[0]).risk_class);
            let (class, group) = range.map_or(("", ""), |range| (&range.class, &range.group));
            let stands_alone =
                self.circumstances.eligibility_strict && !self.reasons(underlying, &held).is_empty();
            let leaf = Branch::leaf(underlying, arrays.sum(held.iter().copied(), SPAN_LEN)?, held)?;
            if stands_alone {
                alone.push(leaf);
            } else {
                classes.entry(class).or_default().entry(group).or_default().push(leaf);
            }
        }
        let levels = &self.rules.levels;
        let mut children = Vec::new();
        for (class, groups) in classes {
            let groups = groups
                .into_iter()
                .map(|(group, leaves)| Branch::join("us-harmonized/group", group, &levels.group, leaves));
            let groups = groups.collect::<Result<_, _>>()?;
            children.push(Branch::join("us-harmonized/class", class, &levels.class, groups)?);
        }
        let root = Branch::join("us-harmonized/root", "tree", &self.root, children)?;
        Forest::new(root, alone)
    }

    /// Why an underlying may not be cross-margined.
    fn reasons(&self, underlying: &str, held: &[&Holding]) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if self.portfolio.traded(underlying).adv_value.is_none() {
            reasons.push("no_adv");
        }
        if held.iter().any(|holding| self.portfolio.contract(holding).class_borrowed) {
            reasons.push("unclassified_leg");
        }
        reasons
    }

    /// The least that contracts of some kinds need, however well they offset.
    pub(crate) fn floor(&self, holdings: &[Holding]) -> Result<Figure, Stop> {
        let mut floor = Exact::default();
        for holding in holdings {
            let contract = self.portfolio.contract(holding);
            if self.rules.floor.covers(contract) {
                floor +=
                    holding.quantity.exact().abs() * &contract.multiplier * &self.rules.floor.per_contract;
            }
        }
        Ok(Figure::up(&floor)?)
    }

    /// What one account needs.
    pub(crate) fn assess(&self, account: &str, holdings: &[Holding]) -> Result<Assessment, Stop> {
        let lines = self.lines(holdings)?;
        let explain = self.explain(account, &lines)?;
        let arrays = split_by_underlying(self.portfolio, holdings)
            .into_iter()
            .map(|(underlying, held)| Ok((underlying.to_owned(), self.arrays.sum(held, SPAN_LEN)?)));
        Ok(Assessment {
            requirement: lines.requirement,
            figures: self.figures(&lines),
            arrays: Some(arrays.collect::<Result<_, Stop>>()?),
            explain,
            more: vec![
                ("eligibility", self.eligibility(holdings)),
                ("profiles", profile::profiles(self.rules, self.portfolio, &self.arrays, holdings)?),
            ],
        })
    }

    fn lines<'h>(&self, holdings: &'h [Holding]) -> Result<Lines<'h>, Stop> {
        let (tree, stressed) = (self.grow(&self.arrays, holdings)?, self.grow(&self.stressed, holdings)?);
        let floor = self.floor(holdings)?;
        let charges = self.charges(holdings)?;
        let release = self.rules.buffers.release(&self.circumstances.vol_ratio);
        let apc = self.rules.buffers.charge(tree.margin, stressed.margin, &release)?;
        let unstepped = Figure::total([
            tree.margin.max(floor),
            charges.basis.value,
            charges.liquidity.value,
            charges.concentration.value,
            charges.peg.value,
            apc.value,
        ])?;
        let requirement = match &self.circumstances.previous {
            Some(previous) => self.rules.buffers.step(unstepped, previous, tree.joint)?,
            None => unstepped,
        };
        Ok(Lines { tree, stressed, floor, charges, release, apc, unstepped, requirement })
    }

    fn charges(&self, holdings: &[Holding]) -> Result<Charges, Stop> {
        let mut exposed = Vec::new();
        for (id, held) in split_by_underlying(self.portfolio, holdings) {
            let array = self.arrays.sum(held.iter().copied(), SPAN_LEN)?;
            exposed.push(Exposed { id, held, margin: worst_loss(&array)?, array });
        }
        addons::charge(&self.rules.addons, self.portfolio, &self.arrays, &exposed)
    }

    fn figures(&self, lines: &Lines) -> Vec<(&'static str, Shown)> {
        let mut figures = vec![
            ("requirement", lines.requirement),
            ("tree", lines.tree.margin),
            ("joint", lines.tree.joint),
            ("floor", lines.floor),
            ("basis", lines.charges.basis.value),
            ("liquidity", lines.charges.liquidity.value),
            ("concentration", lines.charges.concentration.value),
            ("peg", lines.charges.peg.value),
            ("apc", lines.apc.value),
            ("stressed_tree", lines.stressed.margin),
        ];
        if self.circumstances.previous.is_some() {
            figures.push(("unstepped", lines.unstepped));
        }
        figures.into_iter().map(|(name, figure)| (name, Shown::Money(figure))).collect()
    }

    fn explain(&self, account: &str, lines: &Lines) -> Result<Node, Stop> {
        const RULE: &str = "us-harmonized";
        let charges = &lines.charges;
        let mut children = vec![
            lines.tree.explain(self.portfolio, &self.arrays)?,
            charges.basis.explain.clone(),
            charges.liquidity.explain.clone(),
            charges.concentration.explain.clone(),
            charges.peg.explain.clone(),
            self.explain_apc(lines)?,
        ];
        let lifted = lines.tree.margin.max(lines.floor);
        children.extend(explain::lift("us-harmonized/floor", "floor", lifted, lines.tree.margin)?);
        let step = lines.requirement.minus(lines.unstepped)?;
        if step != Figure::ZERO {
            let rule =
                if step < Figure::ZERO { "us-harmonized/step/credit" } else { "us-harmonized/step/lift" };
            children.push(Node::leaf(rule, "step", step));
        }
        let mut inputs = vec![("floor", lines.floor.to_string()), ("joint", lines.tree.joint.to_string())];
        if let Some(previous) = &self.circumstances.previous {
            inputs.push(("previous", print_exact(previous)));
        }
        Ok(Node::of(RULE, account, lines.requirement, children)?
            .by("max(tree, floor) + basis + liquidity + concentration + peg + apc, within one step", inputs))
    }

    fn explain_apc(&self, lines: &Lines) -> Result<Node, Stop> {
        let mut by_contract: BTreeMap<usize, Exact> = BTreeMap::new();
        for (contract, share) in lines.tree.shares(&self.arrays)? {
            *by_contract.entry(contract).or_default() += share * &lines.apc.of_tree;
        }
        for (contract, share) in lines.stressed.shares(&self.stressed)? {
            *by_contract.entry(contract).or_default() += share * &lines.apc.of_stressed;
        }
        let shares =
            by_contract.into_iter().map(|(place, share)| (self.portfolio.contracts[place].id.clone(), share));
        let inputs = vec![
            ("stressed_tree", lines.stressed.margin.to_string()),
            ("tree", lines.tree.margin.to_string()),
            ("release", print_exact(&lines.release)),
        ];
        let children = explain::parts("us-harmonized/apc", shares)?;
        Ok(Node::of("us-harmonized/apc", "apc", lines.apc.value, children)?
            .by("max(stress_weight x max(0, stressed_tree - tree), buffer x tree x (1 - release))", inputs))
    }

    fn eligibility(&self, holdings: &[Holding]) -> Json {
        let judged = split_by_underlying(self.portfolio, holdings).into_iter().map(|(underlying, held)| {
            let reasons = self.reasons(underlying, &held);
            let judged = Json::object([
                ("eligible", Json::Bool(reasons.is_empty())),
                ("reasons", Json::array(reasons.into_iter().map(Json::text))),
            ]);
            (underlying, judged)
        });
        Json::object(judged)
    }
}
