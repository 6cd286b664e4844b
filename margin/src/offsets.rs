//! Offsets in a tree: what a node with several children needs, and how much credit it gives.
//!
//! One rule at each node, from underlying to root. A level grants a share θ of what netting would
//! save, never more than a cap of the sum, and where the sign of co-movement is unreliable it nets
//! only what holds both ways. So the figure is sub-additive: joining books never costs more.
//!
//! Source: margin specification, section 7.

use ledger::decimal::Exact;
use num_traits::{One, Zero};

use crate::error::Stop;
use crate::explain::{self, Node};
use crate::money::{Figure, Fine, Overflow, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::risk_array::{RiskArrays, worst};
use crate::scenario::mirror;

/// How much credit one level of the tree gives.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// Share of the saving that is granted.
    pub(crate) theta: Exact,
    /// Most that is granted, as a share of the sum.
    pub(crate) cap: Exact,
    /// Whether children may move together or against each other, so that both must be survived.
    pub(crate) comove_both: bool,
}

/// A node of the tree with its figures.
#[derive(Clone, Debug)]
pub(crate) struct Branch<'a> {
    rule: &'static str,
    label: String,
    /// What it needs: M.
    pub(crate) margin: Figure,
    /// What its children need, one by one: S.
    sum: Figure,
    /// What it would need with full netting: J.
    pub(crate) joint: Figure,
    /// P&L per scenario, passed up: A.
    array: Vec<Fine>,
    below: Below<'a>,
}

#[derive(Clone, Debug)]
enum Below<'a> {
    Holdings(Vec<&'a Holding>),
    Branches(Level, Vec<Branch<'a>>),
}

impl<'a> Branch<'a> {
    /// One underlying: its array netted in full.
    pub(crate) fn leaf(label: &str, array: Vec<Fine>, held: Vec<&'a Holding>) -> Result<Self, Overflow> {
        let margin = worst_loss(&array)?;
        let (rule, label) = ("us-harmonized/underlying", label.to_owned());
        Ok(Self { rule, label, margin, sum: margin, joint: margin, array, below: Below::Holdings(held) })
    }

    /// Several children under one level: M = max(J, (1 − cap)·S, S − θ·(S − J)), each toward +∞.
    pub(crate) fn join(
        rule: &'static str,
        label: &str,
        level: &Level,
        children: Vec<Branch<'a>>,
    ) -> Result<Self, Overflow> {
        let sum = Figure::total(children.iter().map(|child| child.margin))?;
        let len = children.first().map_or(0, |child| child.array.len());
        let mut array = vec![Fine::ZERO; len];
        for child in &children {
            for (scenario, total) in array.iter_mut().enumerate() {
                *total = total.plus(child.seen_above(level, scenario))?;
            }
        }
        let joint = worst_loss(&array)?;
        let capped = Figure::up(&((Exact::one() - &level.cap) * sum.exact()))?;
        let saving = sum.minus(joint)?.exact();
        let granted = Figure::up(&(sum.exact() - &level.theta * saving))?;
        let margin = joint.max(capped).max(granted);
        let below = Below::Branches(level.clone(), children);
        Ok(Self { rule, label: label.to_owned(), margin, sum, joint, array, below })
    }

    fn seen_above(&self, level: &Level, scenario: usize) -> Fine {
        let value = self.array[scenario];
        if level.comove_both { value.min(self.array[mirror(scenario)]) } else { value }
    }

    /// Why the node needs what it needs, down to positions.
    pub(crate) fn explain(&self, portfolio: &Portfolio, arrays: &RiskArrays) -> Result<Node, Overflow> {
        match &self.below {
            Below::Holdings(held) => self.explain_leaf(held, portfolio, arrays),
            Below::Branches(level, branches) => {
                let explained = branches.iter().map(|branch| branch.explain(portfolio, arrays));
                let mut children = explained.collect::<Result<Vec<_>, _>>()?;
                let credit = self.margin.minus(self.sum)?;
                if credit != Figure::ZERO {
                    children.push(Node::leaf(format!("{}/credit", self.rule), "credit", credit));
                }
                let inputs = vec![
                    ("S", self.sum.to_string()),
                    ("J", self.joint.to_string()),
                    ("theta", print_exact(&level.theta)),
                    ("cap", print_exact(&level.cap)),
                ];
                let node = Node::of(self.rule, &self.label, self.margin, children)?;
                Ok(node.by("max(J, (1-cap)S, S-theta(S-J))", inputs))
            }
        }
    }

    fn explain_leaf(
        &self,
        held: &[&Holding],
        portfolio: &Portfolio,
        arrays: &RiskArrays,
    ) -> Result<Node, Overflow> {
        let scenario = worst(&self.array);
        let mut children = Vec::new();
        for holding in held {
            let pnl = arrays.pnl(holding.contract, holding.quantity, scenario)?;
            let (id, quantity) = (&portfolio.contract(holding).id, holding.quantity.to_string());
            children.push(explain::position_loss(self.rule, id, pnl, quantity, scenario)?);
        }
        let reached = self.array[scenario].negated()?.up();
        children.extend(explain::lift(self.rule, "zero", self.margin, reached)?);
        let inputs = vec![("scenario", scenario.to_string())];
        Ok(Node::of(self.rule, &self.label, self.margin, children)?.by("max(0, -min A)", inputs))
    }

    /// The node's margin shared out over contracts: by loss in each leaf's worst scenario, less
    /// the same share of each credit above it. The parts sum to the margin.
    pub(crate) fn shares(&self, arrays: &RiskArrays) -> Result<Vec<(usize, Exact)>, Overflow> {
        match &self.below {
            Below::Holdings(held) => {
                let scenario = worst(&self.array);
                let loss = -self.array[scenario].exact();
                if self.margin == Figure::ZERO {
                    return Ok(Vec::new());
                }
                let share = |holding: &&Holding| {
                    let pnl = arrays.pnl(holding.contract, holding.quantity, scenario)?;
                    Ok((holding.contract, -pnl.exact() / &loss * self.margin.exact()))
                };
                held.iter().map(share).collect()
            }
            Below::Branches(_, branches) => {
                let kept = if self.sum == Figure::ZERO {
                    Exact::zero()
                } else {
                    self.margin.exact() / self.sum.exact()
                };
                let mut shares = Vec::new();
                for branch in branches {
                    let below = branch.shares(arrays)?;
                    shares.extend(below.into_iter().map(|(contract, share)| (contract, share * &kept)));
                }
                Ok(shares)
            }
        }
    }
}

/// max(0, −min A), toward +∞.
pub(crate) fn worst_loss(array: &[Fine]) -> Result<Figure, Overflow> {
    let least = array.iter().min().copied().unwrap_or_default();
    Ok(least.negated()?.up().floored())
}

/// What an account's tree needs, with the underlyings that stand beside it.
#[derive(Clone, Debug)]
pub(crate) struct Forest<'a> {
    /// All underlyings that may offset each other.
    pub(crate) root: Branch<'a>,
    /// Underlyings that may not: each is needed in full.
    pub(crate) alone: Vec<Branch<'a>>,
    /// What all of them need.
    pub(crate) margin: Figure,
    /// What all would need with full netting in the tree.
    pub(crate) joint: Figure,
}

impl<'a> Forest<'a> {
    pub(crate) fn new(root: Branch<'a>, alone: Vec<Branch<'a>>) -> Result<Self, Stop> {
        let beside = Figure::total(alone.iter().map(|branch| branch.margin))?;
        let (margin, joint) = (root.margin.plus(beside)?, root.joint.plus(beside)?);
        Ok(Self { root, alone, margin, joint })
    }

    pub(crate) fn explain(&self, portfolio: &Portfolio, arrays: &RiskArrays) -> Result<Node, Overflow> {
        if self.alone.is_empty() {
            return self.root.explain(portfolio, arrays);
        }
        let branches = std::iter::once(&self.root).chain(&self.alone);
        let children = branches.map(|branch| branch.explain(portfolio, arrays)).collect::<Result<_, _>>()?;
        Ok(Node::of("us-harmonized/tree", "tree", self.margin, children)?
            .by("root + what stands alone", Vec::new()))
    }

    pub(crate) fn shares(&self, arrays: &RiskArrays) -> Result<Vec<(usize, Exact)>, Overflow> {
        let mut shares = Vec::new();
        for branch in std::iter::once(&self.root).chain(&self.alone) {
            shares.extend(branch.shares(arrays)?);
        }
        Ok(shares)
    }
}
