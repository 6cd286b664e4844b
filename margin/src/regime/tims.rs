//! `us-tims`: theoretical gains and losses at ten points per class, offset within groups.
//!
//! Source: FINRA Rule 4210(g), Cboe Rule 10.4; margin specification, section 6.2.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_traits::{Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::contract::Contract;
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::instrument::Kind;
use crate::money::{Figure, Fine, Overflow, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Pricer;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::{read_pricer, split_by_underlying};
use crate::risk_array::{RiskArrays, Source};
use crate::scenario::{Grid, tims_grid};

/// More points on one side than any rule book has.
const POINTS_MAX: usize = 100;

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Tims {
    pricer: Pricer,
    points: usize,
    per_contract: Exact,
    minimum_kinds: Vec<Kind>,
    groups: Vec<Group>,
    /// Up-range and down-range by risk class.
    ranges: BTreeMap<String, (Exact, Exact)>,
}

/// Risk classes whose underlyings offset each other in part.
#[derive(Clone, Debug)]
struct Group {
    id: String,
    risk_classes: Vec<String>,
    offset: Exact,
}

impl Tims {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "pricer", "grid", "minimum", "group", "range"])?;
        let points = shelf.open_only("grid", &["points"])?.count("points", POINTS_MAX)?;
        let minimum = shelf.open_only("minimum", &["per_contract", "kinds"])?;
        let groups = shelf.tables("group")?.iter().map(read_group).collect::<Result<_, _>>()?;
        let range = shelf.open("range")?;
        let ranges = range.keys().map(|class| {
            let sides = range.decimals(class, Bound::NonNegative)?;
            let [up, down] = <[Exact; 2]>::try_from(sides)
                .map_err(|_| range.error(class, "must be two decimals: the up-range and the down-range"))?;
            Ok((class.to_owned(), (up, down)))
        });
        Ok(Self {
            pricer: read_pricer(shelf)?,
            points,
            per_contract: minimum.decimal("per_contract", Bound::NonNegative)?,
            minimum_kinds: minimum.kinds("kinds")?,
            groups,
            ranges: ranges.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn has_class(&self, risk_class: &str) -> bool {
        self.ranges.contains_key(risk_class)
    }

    /// Prices what is held on the points of its class.
    pub(crate) fn arrays(&self, portfolio: &Portfolio, held: &[bool]) -> Result<RiskArrays, Stop> {
        let grids: BTreeMap<&str, Grid> = self
            .ranges
            .iter()
            .map(|(class, (up, down))| (class.as_str(), tims_grid(up, down, self.points)))
            .collect();
        let grid_of = |place: usize, contract: &Contract| {
            grids.get(contract.risk_class.as_str()).filter(|_| held[place])
        };
        RiskArrays::build(&portfolio.contracts, self.pricer, grid_of, Source::Computed)
    }

    /// What one account needs.
    pub(crate) fn assess(
        &self,
        portfolio: &Portfolio,
        arrays: &RiskArrays,
        account: &str,
        holdings: &[Holding],
    ) -> Result<Assessment, Stop> {
        let mut sums = BTreeMap::new();
        for (underlying, held) in split_by_underlying(portfolio, holdings) {
            sums.insert(underlying, arrays.sum(held, 2 * self.points)?);
        }
        let mut groups = Vec::new();
        let desk = Desk { rules: self, portfolio, arrays, sums: &sums };
        for joined in self.join(portfolio, holdings) {
            groups.push(desk.group(&joined)?);
        }
        let scan = Figure::total(groups.iter().map(|group| group.scan))?;
        let minimum = Figure::total(groups.iter().map(|group| group.minimum))?;
        let requirement = Figure::total(groups.iter().map(|group| group.explain.value()))?;
        let children = groups.into_iter().map(|group| group.explain).collect();
        let explain = Node::of("us-tims", account, requirement, children)?.by("sum of groups", Vec::new());
        Ok(Assessment {
            requirement,
            figures: vec![
                ("requirement", Shown::Money(requirement)),
                ("scan", Shown::Money(scan)),
                ("minimum", Shown::Money(minimum)),
            ],
            arrays: Some(sums.into_iter().map(|(underlying, sum)| (underlying.to_owned(), sum)).collect()),
            explain,
            more: Vec::new(),
        })
    }

    /// Underlyings by group. One in no group is joined with none, and has no offset.
    fn join<'a>(&'a self, portfolio: &'a Portfolio, holdings: &'a [Holding]) -> Vec<Joined<'a>> {
        let mut joined: BTreeMap<(&str, bool), Joined> = BTreeMap::new();
        for (underlying, held) in split_by_underlying(portfolio, holdings) {
            // The class of an underlying is that of its first instrument by id.
            let class = held.first().map(|holding| &portfolio.contract(holding).risk_class);
            let grouped = |group: &&Group| class.is_some_and(|class| group.risk_classes.contains(class));
            let group = self.groups.iter().find(grouped);
            let label = group.map_or(underlying, |group| &group.id);
            let offset = group.map(|group| &group.offset);
            let fresh = || Joined { label, offset, underlyings: Vec::new() };
            joined.entry((label, group.is_some())).or_insert_with(fresh).underlyings.push((underlying, held));
        }
        joined.into_values().collect()
    }
}

/// Underlyings that offset each other.
struct Joined<'a> {
    label: &'a str,
    offset: Option<&'a Exact>,
    underlyings: Vec<(&'a str, Vec<&'a Holding>)>,
}

fn read_group(shelf: &Shelf) -> Result<Group, RegimeError> {
    shelf.only(&["id", "risk_classes", "offset"])?;
    Ok(Group {
        id: shelf.text("id")?.to_owned(),
        risk_classes: shelf.texts("risk_classes")?,
        offset: shelf.share("offset")?,
    })
}

/// One group's figures; its requirement is the value of its explanation.
struct Assessed {
    scan: Figure,
    minimum: Figure,
    explain: Node,
}

struct Desk<'a> {
    rules: &'a Tims,
    portfolio: &'a Portfolio,
    arrays: &'a RiskArrays,
    sums: &'a BTreeMap<&'a str, Vec<Fine>>,
}

impl Desk<'_> {
    fn group(&self, joined: &Joined) -> Result<Assessed, Stop> {
        let held = &joined.underlyings;
        // A group of one uses its array itself: nothing is withheld from its gains.
        let offset = joined.offset.filter(|_| held.len() > 1);
        let counted = |sum: Fine| match offset {
            Some(offset) if sum > Fine::ZERO => sum.exact() * offset,
            Some(_) | None => sum.exact(),
        };
        let profit =
            |point: usize| -> Exact { held.iter().map(|(id, _)| counted(self.sums[id][point])).sum() };
        let points = 0..2 * self.rules.points;
        let (worst, least) = points
            .map(|point| (point, profit(point)))
            .min_by(|a, b| a.1.cmp(&b.1))
            .unwrap_or_else(|| (0, Exact::zero()));
        let loss = Figure::up(&-least)?;
        let scan = loss.floored();
        let minimum = self.minimum(held.iter().flat_map(|(_, held)| held.iter().copied()))?;
        let requirement = scan.max(minimum);
        let mut children = Vec::new();
        for (underlying, held) in held {
            children.push(self.explain_underlying(underlying, held, worst, &counted)?);
        }
        children.extend(explain::lift("us-tims/group", "minimum", requirement, loss)?);
        let inputs = vec![
            ("scan", scan.to_string()),
            ("minimum", minimum.to_string()),
            ("offset", offset.map_or_else(|| "1".to_owned(), print_exact)),
            ("scenario", worst.to_string()),
        ];
        let explain = Node::of("us-tims/group", joined.label, requirement, children)?;
        Ok(Assessed { scan, minimum, explain: explain.by("max(scan, minimum)", inputs) })
    }

    fn minimum<'a>(&self, held: impl Iterator<Item = &'a Holding>) -> Result<Figure, Overflow> {
        let mut minimum = Exact::zero();
        for holding in held {
            let contract = self.portfolio.contract(holding);
            if !self.rules.minimum_kinds.contains(&contract.kind) {
                continue;
            }
            let mut each = self.rules.per_contract.clone();
            // No more can be lost on a long option than what it is quoted at.
            let long_option = contract.kind == Kind::Option && !holding.quantity.is_short();
            if long_option && contract.is_quoted {
                each = each.min(&contract.price * &contract.fx);
            }
            minimum += holding.quantity.exact().abs() * each * &contract.multiplier;
        }
        Figure::up(&minimum)
    }

    fn explain_underlying(
        &self,
        underlying: &str,
        held: &[&Holding],
        worst: usize,
        counted: &impl Fn(Fine) -> Exact,
    ) -> Result<Node, Stop> {
        let sum = self.sums[underlying][worst];
        let value = Figure::down(&-counted(sum))?;
        let mut children = Vec::new();
        for holding in held {
            let contract = self.portfolio.contract(holding);
            let pnl = self.arrays.pnl(holding.contract, holding.quantity, worst)?;
            let quantity = holding.quantity.to_string();
            children.push(explain::position_loss("us-tims/underlying", &contract.id, pnl, quantity, worst)?);
        }
        // What the group does not count of a gain stands beside it.
        let withheld = Figure::down(&(sum.exact() - counted(sum)))?;
        if withheld != Figure::ZERO {
            children.push(Node::leaf("us-tims/underlying/withheld", "withheld", withheld));
        }
        let inputs = vec![("scenario", worst.to_string()), ("array", sum.down().to_string())];
        Ok(Node::of("us-tims/underlying", underlying, value, children)?
            .by("-(min(A, 0) + offset x max(A, 0))", inputs))
    }
}
