//! What one rule book says of one account.

use std::collections::BTreeMap;

use ledger::json::Json;

use crate::explain::Node;
use crate::money::{Currency, Figure, Fine};

/// A figure of a rule book as it is printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Shown {
    /// Money: printed in cents, toward +∞.
    Money(Figure),
    /// A ratio: printed with eight decimals.
    Ratio(Figure),
    /// Money by silo.
    Silos(BTreeMap<String, Figure>),
}

/// Every figure of one account under one rule book, and why.
#[derive(Clone, Debug)]
pub(crate) struct Assessment {
    pub(crate) requirement: Figure,
    /// In the order of the rule book; the requirement is the first.
    pub(crate) figures: Vec<(&'static str, Shown)>,
    /// P&L per scenario by underlying; `None` for a rule book without scenarios.
    pub(crate) arrays: Option<BTreeMap<String, Vec<Fine>>>,
    pub(crate) explain: Node,
    /// Further members of the printed result.
    pub(crate) more: Vec<(&'static str, Json)>,
}

impl Assessment {
    pub(crate) fn figures_json(&self, currency: &Currency) -> Json {
        Json::object(self.figures.iter().map(|(name, shown)| (*name, shown.to_json(currency))))
    }

    pub(crate) fn arrays_json(&self, currency: &Currency) -> Option<Json> {
        let array =
            |sums: &Vec<Fine>| Json::array(sums.iter().map(|sum| Json::text(currency.print_fine(*sum))));
        let arrays = self.arrays.as_ref()?;
        Some(Json::object(arrays.iter().map(|(underlying, sums)| (underlying.as_str(), array(sums)))))
    }
}

impl Shown {
    fn to_json(&self, currency: &Currency) -> Json {
        match self {
            Self::Money(figure) => Json::text(currency.print(*figure)),
            Self::Ratio(figure) => Json::text(figure.to_string()),
            Self::Silos(silos) => Json::object(
                silos.iter().map(|(silo, figure)| (silo.as_str(), Json::text(currency.print(*figure)))),
            ),
        }
    }
}
