//! `schedule`: the statutory initial margin for uncleared swaps, gross notional by rate, with
//! forty per cent of it beyond the reach of netting.
//!
//! Source: 12 CFR 45 Appendix A, 17 CFR 23.154; margin specification, section 6.4.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_traits::{One, Signed, Zero};

use crate::assessment::{Assessment, Shown};
use crate::error::Stop;
use crate::explain::{self, Node};
use crate::money::{Figure, positive_part, print_exact};
use crate::portfolio::{Holding, Portfolio};
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};

/// The parameters of the method.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    gross_weight: Exact,
    net_weight: Exact,
    /// Rate by risk class.
    rates: BTreeMap<String, Exact>,
}

impl Schedule {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        shelf.only(&["regime", "source", "weights", "rates", "asset"])?;
        let weights = shelf.open_only("weights", &["gross", "net"])?;
        let table = shelf.open("rates")?;
        for row in table.keys() {
            table.share(row)?;
        }
        let asset = shelf.open("asset")?;
        let rates = asset.keys().map(|class| {
            let row = asset.text(class)?;
            if !table.has(row) {
                return Err(asset.error(class, format!("{row:?} is not a row of rates")));
            }
            Ok((class.to_owned(), table.share(row)?))
        });
        Ok(Self {
            gross_weight: weights.decimal("gross", Bound::NonNegative)?,
            net_weight: weights.decimal("net", Bound::NonNegative)?,
            rates: rates.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn has_class(&self, risk_class: &str) -> bool {
        self.rates.contains_key(risk_class)
    }

    /// What one account needs.
    pub(crate) fn assess(
        &self,
        portfolio: &Portfolio,
        account: &str,
        holdings: &[Holding],
    ) -> Result<Assessment, Stop> {
        let mut charges = Vec::new();
        let (mut net, mut gains) = (Exact::zero(), Exact::zero());
        for holding in holdings {
            let contract = portfolio.contract(holding);
            let rate = self.rates.get(&contract.risk_class).cloned().unwrap_or_default();
            charges.push((contract.id.clone(), holding.quantity.exact().abs() * contract.value() * rate));
            net += &holding.replacement;
            gains += positive_part(holding.replacement.clone());
        }
        let gross: Exact = charges.iter().map(|(_, charge)| charge).sum();
        let ratio = if gains.is_zero() { Exact::one() } else { positive_part(net) / gains };
        let factor = &self.gross_weight + &self.net_weight * &ratio;
        let requirement = Figure::up(&(&gross * &factor))?;
        let shares = charges.into_iter().map(|(id, charge)| (id, charge * &factor));
        let inputs = vec![
            ("gross", print_exact(&gross)),
            ("ngr", print_exact(&ratio)),
            ("gross_weight", print_exact(&self.gross_weight)),
            ("net_weight", print_exact(&self.net_weight)),
        ];
        let explain = Node::of("schedule", account, requirement, explain::parts("schedule", shares)?)?
            .by("gross_weight x gross + net_weight x ngr x gross", inputs);
        Ok(Assessment {
            requirement,
            figures: vec![
                ("requirement", Shown::Money(requirement)),
                ("gross", Shown::Money(Figure::up(&gross)?)),
                ("ngr", Shown::Ratio(Figure::up(&ratio)?)),
            ],
            arrays: None,
            explain,
            more: Vec::new(),
        })
    }
}
