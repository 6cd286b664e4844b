//! `us-siloed`: the status quo. Each position goes to the silo that its legal form names, each
//! silo is margined alone, and the account pays the sum.
//!
//! Source: margin specification, section 6.5.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use num_traits::Signed;

use crate::assessment::{Assessment, Shown};
use crate::classification::LegalForm;
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::money::{Figure, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::regime::document::{RegimeError, Shelf};
use crate::regime::prepared::Prepared;

/// A method that is no rule book of its own: value × rate.
pub(crate) const SPOT_RATE: &str = "spot-rate";

/// How a position under both agencies is margined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mixed {
    /// In full in each silo.
    Both,
    /// All of them in one silo, the one that makes the account pay more.
    Strictest,
}

/// The parameters of the rule book.
#[derive(Clone, Debug)]
pub(crate) struct Siloed {
    pub(crate) mixed: Mixed,
    /// Method by silo.
    pub(crate) methods: BTreeMap<String, String>,
    spot_rate: Exact,
    /// Silos by legal form, in the order of the rule book.
    routes: BTreeMap<LegalForm, Vec<String>>,
    /// Haircut by silo and risk class.
    haircuts: BTreeMap<String, BTreeMap<String, Exact>>,
}

impl Siloed {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "mixed", "method", "spot", "route", "haircut"])?;
        let method = shelf.open("method")?;
        let methods = method.keys().map(|silo| Ok((silo.to_owned(), method.text(silo)?.to_owned())));
        let methods: BTreeMap<String, String> = methods.collect::<Result<_, RegimeError>>()?;
        let route = shelf.open_only("route", &LegalForm::NAMES.map(|(name, _)| name))?;
        let mut routes = BTreeMap::new();
        for (name, form) in LegalForm::NAMES {
            let silos = route.texts(name)?;
            if silos.is_empty() || silos.iter().any(|silo| !methods.contains_key(silo)) {
                return Err(route.error(name, "must name at least one silo, each with a method"));
            }
            routes.insert(form, silos);
        }
        let table = shelf.open("haircut")?;
        let mut haircuts = BTreeMap::new();
        for silo in table.keys() {
            if !methods.contains_key(silo) {
                return Err(table.error(silo, "is not a silo with a method"));
            }
            let classes = table.open(silo)?;
            let each = classes.keys().map(|class| Ok((class.to_owned(), classes.share(class)?)));
            haircuts.insert(silo.to_owned(), each.collect::<Result<_, RegimeError>>()?);
        }
        let mixed = shelf.word("mixed", &[("both", Mixed::Both), ("strictest", Mixed::Strictest)])?;
        let spot_rate = shelf.open_only("spot", &["rate"])?.share("rate")?;
        Ok(Self { mixed, methods, spot_rate, routes, haircuts })
    }

    /// The silos that a legal form goes to.
    pub(crate) fn route(&self, form: LegalForm) -> &[String] {
        self.routes.get(&form).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first silo of a legal form: where it is at home.
    pub(crate) fn home(&self, form: LegalForm) -> &str {
        self.route(form).first().map(String::as_str).unwrap_or_default()
    }

    /// The haircut of a risk class in a silo; `None` means it is not eligible there.
    pub(crate) fn haircut(&self, silo: &str, risk_class: &str) -> Option<&Exact> {
        self.haircuts.get(silo)?.get(risk_class)
    }
}

/// The rule book with the method of each silo ready.
pub(crate) struct Desk<'a> {
    pub(crate) rules: &'a Siloed,
    pub(crate) portfolio: &'a Portfolio,
    /// Ready rule books by silo; a silo margined by `spot-rate` has none.
    pub(crate) methods: BTreeMap<&'a str, Prepared<'a>>,
}

impl Desk<'_> {
    /// What one account needs.
    pub(crate) fn assess(&self, account: &str, holdings: &[Holding]) -> Result<Assessment, Stop> {
        self.assess_mixed(account, holdings, self.rules.mixed)
    }

    /// The same with mixed positions treated as said, whatever the rule book says.
    pub(crate) fn assess_mixed(
        &self,
        account: &str,
        holdings: &[Holding],
        mixed: Mixed,
    ) -> Result<Assessment, Stop> {
        match mixed {
            Mixed::Both => self.total(account, holdings, Taken::Each),
            Mixed::Strictest => self.strictest(account, holdings),
        }
    }

    /// All mixed positions by their first silo, or all by their second, whichever costs more; the
    /// first on a tie.
    fn strictest(&self, account: &str, holdings: &[Holding]) -> Result<Assessment, Stop> {
        let routes =
            holdings.iter().map(|holding| self.rules.route(self.portfolio.contract(holding).legal).len());
        let choices = routes.max().unwrap_or(1).max(1);
        let mut strictest = self.total(account, holdings, Taken::At(0))?;
        for choice in 1..choices {
            let other = self.total(account, holdings, Taken::At(choice))?;
            if other.requirement > strictest.requirement {
                strictest = other;
            }
        }
        Ok(strictest)
    }

    /// The sum over silos.
    fn total(&self, account: &str, holdings: &[Holding], taken: Taken) -> Result<Assessment, Stop> {
        let mut silos: BTreeMap<String, Figure> =
            self.rules.methods.keys().map(|silo| (silo.clone(), Figure::ZERO)).collect();
        let mut by_silo: BTreeMap<&str, Vec<Holding>> = BTreeMap::new();
        for holding in holdings {
            let route = self.rules.route(self.portfolio.contract(holding).legal);
            for silo in taken.of(route) {
                by_silo.entry(silo).or_default().push(holding.clone());
            }
        }
        let mut children = Vec::new();
        for (silo, held) in by_silo {
            let explain = self.silo(silo, &held)?;
            silos.insert(silo.to_owned(), explain.value());
            children.push(explain);
        }
        let requirement = Figure::total(silos.values().copied())?;
        let explain = Node::of("us-siloed", account, requirement, children)?.by("sum of silos", Vec::new());
        Ok(Assessment {
            requirement,
            figures: vec![("requirement", Shown::Money(requirement)), ("silos", Shown::Silos(silos))],
            arrays: None,
            explain,
            more: Vec::new(),
        })
    }

    fn silo(&self, silo: &str, held: &[Holding]) -> Result<Node, Stop> {
        match self.methods.get(silo) {
            Some(method) => Ok(method.assess(silo, held)?.explain),
            None => self.spot_rate(silo, held),
        }
    }

    /// Σ |net quantity| × value × rate.
    fn spot_rate(&self, silo: &str, held: &[Holding]) -> Result<Node, Stop> {
        let mut charges = Vec::new();
        for holding in held {
            let contract = self.portfolio.contract(holding);
            let value = holding.quantity.exact().abs() * contract.value();
            charges.push((contract.id.clone(), value * &self.rules.spot_rate));
        }
        let total: Exact = charges.iter().map(|(_, charge)| charge).sum();
        let children = explain::parts(SPOT_RATE, charges)?;
        let inputs = vec![("rate", print_exact(&self.rules.spot_rate))];
        Ok(Node::of(SPOT_RATE, silo, Figure::up(&total)?, children)?
            .by("sum of |quantity| x price x rate", inputs))
    }
}

/// Which of its silos a position is margined in.
#[derive(Clone, Copy)]
enum Taken {
    Each,
    /// The one at that place; a position with fewer silos is in its last.
    At(usize),
}

impl Taken {
    fn of(self, route: &[String]) -> BTreeSet<&str> {
        match self {
            Self::Each => route.iter().map(String::as_str).collect(),
            Self::At(place) => route.get(place).or(route.last()).map(String::as_str).into_iter().collect(),
        }
    }
}

/// The silos' figures of an assessment made here.
pub(crate) fn silos(assessment: &Assessment) -> BTreeMap<String, Figure> {
    let silos = assessment.figures.iter().find_map(|(_, shown)| match shown {
        Shown::Silos(silos) => Some(silos.clone()),
        Shown::Money(_) | Shown::Ratio(_) => None,
    });
    silos.unwrap_or_default()
}
