//! The ladder from silos to one tree, one permission at a time.
//!
//! Each rung is a way to margin the same positions; a line is the difference of two rungs, so the
//! lines sum to the whole difference. Since the tree is sub-additive and each wall rung is a
//! partition, taking a wall down never costs.
//!
//! Source: margin specification, section 9.

use std::collections::BTreeMap;

use crate::error::Stop;
use crate::money::{Figure, Overflow};
use crate::portfolio::{Holding, Portfolio};
use crate::regime::harmonized::{self, Harmonized};
use crate::regime::siloed::{self, Mixed, Siloed};

/// Rungs from the status quo to the harmonised requirement.
pub(crate) const RUNGS: usize = 9;

/// The names of the lines, each between two rungs.
pub(crate) const LINES: [&str; RUNGS - 1] = [
    "double_margin",
    "method_mismatch",
    "split_by_wrapper",
    "no_product_group_offset",
    "no_class_credit",
    "no_cross_class_credit",
    "duplicate_floors",
    "addons_and_buffers",
];

/// The lines that are walls: permissions that stand on each other.
pub(crate) const WALLS: std::ops::Range<usize> = 2..6;

/// One account's rungs, with what its silos need today.
pub(crate) struct Ladder {
    pub(crate) rungs: [Figure; RUNGS],
    pub(crate) silos: BTreeMap<String, Figure>,
}

/// Everything that climbing needs.
pub(crate) struct Climb<'a> {
    pub(crate) portfolio: &'a Portfolio,
    pub(crate) siloed_rules: &'a Siloed,
    pub(crate) siloed: &'a siloed::Desk<'a>,
    pub(crate) harmonized_rules: &'a Harmonized,
    pub(crate) harmonized: &'a harmonized::Desk<'a>,
}

/// What positions are joined by when a wall falls.
#[derive(Clone, Copy)]
enum Join {
    Underlying,
    Group,
    Class,
}

impl Climb<'_> {
    /// The rungs of one account.
    pub(crate) fn account(&self, account: &str, holdings: &[Holding]) -> Result<Ladder, Stop> {
        let both = self.siloed.assess_mixed(account, holdings, Mixed::Both)?;
        let strictest = self.siloed.assess_mixed(account, holdings, Mixed::Strictest)?;
        let homes = self.by_home(holdings);
        let mut apart = Figure::ZERO;
        let mut floors = Figure::ZERO;
        for held in homes.values() {
            let tree = self.tree(held)?;
            apart = apart.plus(tree)?;
            floors = floors.plus(self.harmonized.floor(held)?.minus(tree)?.floored())?;
        }
        let wrapper = apart.min(self.joined_by(Join::Underlying, holdings)?);
        let group = wrapper.min(self.joined_by(Join::Group, holdings)?);
        let class = group.min(self.joined_by(Join::Class, holdings)?);
        let all = self.tree(holdings)?;
        let with_floors = |figure: Figure| -> Result<Figure, Overflow> { figure.plus(floors) };
        let rungs = [
            both.requirement,
            strictest.requirement,
            with_floors(apart)?,
            with_floors(wrapper)?,
            with_floors(group)?,
            with_floors(class)?,
            with_floors(all)?,
            all.max(self.harmonized.floor(holdings)?),
            self.harmonized.assess(account, holdings)?.requirement,
        ];
        Ok(Ladder { rungs, silos: siloed::silos(&both) })
    }

    fn tree(&self, holdings: &[Holding]) -> Result<Figure, Stop> {
        Ok(self.harmonized.tree(holdings)?.margin)
    }

    /// Holdings by the silo their legal form is at home in.
    fn by_home(&self, holdings: &[Holding]) -> BTreeMap<&str, Vec<Holding>> {
        let mut homes: BTreeMap<&str, Vec<Holding>> = BTreeMap::new();
        for holding in holdings {
            let home = self.siloed_rules.home(self.portfolio.contract(holding).legal);
            homes.entry(home).or_default().push(holding.clone());
        }
        homes
    }

    /// Σ trees over silos when each node of the level moves as a whole to the silo where most of
    /// it is: the one whose share has the largest tree, the first in byte order on a tie.
    fn joined_by(&self, join: Join, holdings: &[Holding]) -> Result<Figure, Stop> {
        let mut nodes: BTreeMap<(&str, &str), Vec<Holding>> = BTreeMap::new();
        for holding in holdings {
            nodes.entry(self.node(join, holding)).or_default().push(holding.clone());
        }
        let mut moved: BTreeMap<String, Vec<Holding>> = BTreeMap::new();
        for held in nodes.into_values() {
            let mut home: Option<(&str, Figure)> = None;
            for (silo, share) in self.by_home(&held) {
                let tree = self.tree(&share)?;
                if home.is_none_or(|(_, largest)| tree > largest) {
                    home = Some((silo, tree));
                }
            }
            let silo = home.map(|(silo, _)| silo.to_owned()).unwrap_or_default();
            moved.entry(silo).or_default().extend(held);
        }
        let trees = moved.values().map(|held| self.tree(held)).collect::<Result<Vec<_>, _>>()?;
        Ok(Figure::total(trees)?)
    }

    fn node(&self, join: Join, holding: &Holding) -> (&str, &str) {
        let contract = self.portfolio.contract(holding);
        let range = self.harmonized_rules.range(&contract.risk_class);
        let (class, group) = range.map_or(("", ""), |range| (range.class.as_str(), range.group.as_str()));
        match join {
            Join::Underlying => (contract.underlying.as_str(), ""),
            Join::Group => (class, group),
            Join::Class => (class, ""),
        }
    }
}
