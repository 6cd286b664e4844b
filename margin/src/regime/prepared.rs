//! A rule book with everything priced: one market, any number of accounts.

use std::collections::BTreeMap;

use ledger::digest::Digest;

use crate::assessment::Assessment;
use crate::error::{Part, Stop};
use crate::portfolio::{Holding, Portfolio};
use crate::regime::harmonized::{self, Circumstances};
use crate::regime::schedule::Schedule;
use crate::regime::siloed::{self, SPOT_RATE, Siloed};
use crate::regime::span::Span;
use crate::regime::spm;
use crate::regime::strategy::Strategy;
use crate::regime::tims::Tims;
use crate::regime::{Library, Regime, Rules};
use crate::risk_array::RiskArrays;

/// A method, its parameters and the risk arrays it needs.
pub(crate) enum Prepared<'a> {
    Tims(&'a Tims, &'a Portfolio, RiskArrays),
    Span(&'a Span, &'a Portfolio, BTreeMap<String, RiskArrays>),
    Schedule(&'a Schedule, &'a Portfolio),
    Strategy(&'a Strategy, &'a Portfolio),
    Siloed(siloed::Desk<'a>),
    Harmonized(Box<harmonized::Desk<'a>>),
    Spm(spm::Desk<'a>),
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(
        regime: &'a Regime,
        library: &'a Library,
        portfolio: &'a Portfolio,
        circumstances: &'a Circumstances,
    ) -> Result<Self, Stop> {
        if let Rules::Siloed(rules) = regime.rules() {
            return Ok(Self::Siloed(siloed_desk(rules, library, portfolio, circumstances)?));
        }
        let held = vec![true; portfolio.contracts.len()];
        Self::method(regime, portfolio, circumstances, &held)
    }

    /// A rule book that stands alone, priced for the contracts that are `held` under it.
    fn method(
        regime: &'a Regime,
        portfolio: &'a Portfolio,
        circumstances: &'a Circumstances,
        held: &[bool],
    ) -> Result<Self, Stop> {
        match regime.rules() {
            Rules::Tims(rules) => Ok(Self::Tims(rules, portfolio, rules.arrays(portfolio, held)?)),
            Rules::Span(rules) => Ok(Self::Span(rules, portfolio, rules.arrays(portfolio, held)?)),
            Rules::Schedule(rules) => Ok(Self::Schedule(rules, portfolio)),
            Rules::Harmonized(rules) => {
                let desk = harmonized::Desk::new(rules, portfolio, circumstances, held)?;
                Ok(Self::Harmonized(Box::new(desk)))
            }
            Rules::Spm(rules) => {
                let arrays = rules.arrays(portfolio, held)?;
                let Circumstances { currency, charges, .. } = circumstances;
                Ok(Self::Spm(spm::Desk { rules, portfolio, arrays, currency, charges }))
            }
            Rules::Strategy(rules) => Ok(Self::Strategy(rules, portfolio)),
            Rules::Siloed(_) => Err(Stop::NotYet(Part::RuleBook { id: regime.id().to_owned() })),
        }
    }

    /// What one account needs.
    pub(crate) fn assess(&self, account: &str, holdings: &[Holding]) -> Result<Assessment, Stop> {
        match self {
            Self::Tims(rules, portfolio, arrays) => rules.assess(portfolio, arrays, account, holdings),
            Self::Span(rules, portfolio, arrays) => rules.assess(portfolio, arrays, account, holdings),
            Self::Schedule(rules, portfolio) => rules.assess(portfolio, account, holdings),
            Self::Strategy(rules, portfolio) => rules.assess(portfolio, account, holdings),
            Self::Siloed(desk) => desk.assess(account, holdings),
            Self::Harmonized(desk) => desk.assess(account, holdings),
            Self::Spm(desk) => desk.assess(account, holdings),
        }
    }

    /// The digest of what the risk arrays were made from, if the rule book has one set of them.
    pub(crate) fn arrays_sha256(&self) -> Option<Digest> {
        match self {
            Self::Tims(_, _, arrays) => Some(arrays.sha256()),
            Self::Span(_, _, arrays) => {
                let digests: Vec<Digest> = arrays.values().map(RiskArrays::sha256).collect();
                let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
                Some(Digest::of_parts(&parts))
            }
            Self::Harmonized(desk) => Some(desk.arrays().sha256()),
            Self::Spm(desk) => Some(desk.arrays.sha256()),
            Self::Schedule(..) | Self::Strategy(..) | Self::Siloed(_) => None,
        }
    }
}

/// A siloed rule book with the method of each silo that holds something. An empty silo needs no
/// method, so one that is not built is no obstacle there.
pub(crate) fn siloed_desk<'a>(
    rules: &'a Siloed,
    library: &'a Library,
    portfolio: &'a Portfolio,
    circumstances: &'a Circumstances,
) -> Result<siloed::Desk<'a>, Stop> {
    let mut methods = BTreeMap::new();
    for (silo, method) in rules.methods.iter().filter(|(_, method)| *method != SPOT_RATE) {
        let routed = portfolio.contracts.iter().map(|contract| rules.route(contract.legal).contains(silo));
        let held: Vec<bool> = routed.collect();
        let Some(regime) = library.methods.get(method).filter(|_| held.contains(&true)) else { continue };
        methods.insert(silo.as_str(), Prepared::method(regime, portfolio, circumstances, &held)?);
    }
    Ok(siloed::Desk { rules, portfolio, methods })
}
