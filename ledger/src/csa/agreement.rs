//! An agreement as data: what two parties signed.

use std::collections::BTreeMap;

use super::Clock;
use super::rounding::Rounding;
use crate::json::Json;
use crate::period::Duration;
use crate::time::Timestamp;
use crate::valuation::{BySide, Limit, Schedule, Side, Value};
use crate::words::words;

words! {
    /// The kind of document, which decides what is asked and what may be agreed.
    pub enum Flavour {
        /// 1994 ISDA CSA (NY law) and its English sister: threshold, independent amount, MTA.
        Ny1994 = "ny_1994",
        /// 2016 CSA for variation margin: no threshold.
        Vm2016 = "vm_2016",
        /// 2018 CSA for initial margin: asks margin, not exposure.
        Im2018 = "im_2018",
        /// Prime brokerage: mark-to-market and margin requirement in one call, around the clock.
        Crypto247 = "crypto_247",
    }
}

words! {
    /// Whether independent amounts count before or after the threshold is taken off.
    pub enum IaTreatment {
        /// Before: the text of 1994 and 1995.
        InsideThreshold = "inside_threshold",
        /// After.
        OutsideThreshold = "outside_threshold",
    }
}

words! {
    /// How regulatory initial margin and independent amounts go together.
    pub enum ImApproach {
        /// Side by side, under documents of their own.
        Distinct = "distinct",
        /// Regulatory margin is allocated out of the independent amount, elsewhere.
        Allocated = "allocated",
        /// The greater of the two is asked here.
        GreaterOf = "greater_of",
    }
}

words! {
    /// Whether a delivery agreed and not settled counts as posted.
    pub enum InFlight {
        /// It does.
        CountAgreed = "count_agreed",
        /// Only what has settled counts.
        SettledOnly = "settled_only",
    }
}

words! {
    /// Whose figure makes a call.
    pub enum ValuationAgent {
        /// Party `a`'s.
        A = "a",
        /// Party `b`'s.
        B = "b",
        /// That of whoever demands.
        DemandingParty = "demanding_party",
    }
}

impl ValuationAgent {
    /// The side whose figure counts, when `demanding` demands.
    #[must_use]
    pub fn side(self, demanding: Side) -> Side {
        match self {
            Self::A => Side::A,
            Self::B => Side::B,
            Self::DemandingParty => demanding,
        }
    }
}

/// Exposure left uncollateralised.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Threshold {
    /// Up to that amount of the base currency.
    Finite(Value),
    /// All of it.
    Infinite,
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Finite(value) => value.fmt(f),
            Self::Infinite => f.write_str("infinite"),
        }
    }
}

/// The terms of one party as pledgor, in the base currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// Exposure left uncollateralised.
    pub threshold: Threshold,
    /// Minimum transfer amount; equal is enough.
    pub mta: Value,
    /// Add-on, whatever the exposure.
    pub independent_amount: Value,
}

/// Whether and how far posted collateral may be used again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reuse {
    /// Whether the pledgor consents.
    pub consent: bool,
    /// The most, in the base currency; only the rule's own cap, if absent.
    pub limit: Option<Value>,
}

/// An agreement, as one version of it was signed.
///
/// Invariant: its terms fit its flavour, and every id of rows and limits is its own. The one door is
/// [`Agreement::read`].
///
/// Source: specs/calls.md §1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreement {
    pub(crate) id: String,
    pub(crate) version: u32,
    pub(crate) effective_from: Option<Timestamp>,
    pub(crate) parties: BySide<String>,
    pub(crate) two_way: bool,
    pub(crate) flavour: Flavour,
    pub(crate) base_currency: String,
    pub(crate) regime: Option<String>,
    pub(crate) groups: BySide<Vec<String>>,
    pub(crate) terms: BySide<Terms>,
    pub(crate) ia_treatment: IaTreatment,
    pub(crate) im_approach: ImApproach,
    pub(crate) zero_on_default: bool,
    pub(crate) rounding: Rounding,
    pub(crate) in_flight: InFlight,
    pub(crate) schedule: Schedule,
    pub(crate) limits: Vec<Limit>,
    pub(crate) max_price_age: Duration,
    pub(crate) statement_max_age: Duration,
    pub(crate) statement_grace: Duration,
    pub(crate) clock: Option<Clock>,
    pub(crate) intraday_min_interval: Duration,
    pub(crate) interest: BTreeMap<String, Json>,
    pub(crate) valuation_agent: ValuationAgent,
    pub(crate) reuse: Reuse,
    pub(crate) substitution_consent: bool,
    pub(crate) cross_default: Vec<String>,
    pub(crate) legal_capacity: String,
    pub(crate) tolerances: BTreeMap<String, Value>,
}

impl Agreement {
    /// The agreement's id, the same in all its versions.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// When the version takes effect, if the document says.
    #[must_use]
    pub fn effective_from(&self) -> Option<Timestamp> {
        self.effective_from
    }

    /// The party ids.
    #[must_use]
    pub fn parties(&self) -> &BySide<String> {
        &self.parties
    }

    /// Which side a party is, if it is one.
    #[must_use]
    pub fn side_of(&self, party: &str) -> Option<Side> {
        Side::ALL.iter().copied().find(|side| self.parties.get(*side) == party)
    }

    /// The sides that may demand, in the order of legs: `a`, and `b` when two-way.
    #[must_use]
    pub fn secured_sides(&self) -> &'static [Side] {
        if self.two_way { &[Side::A, Side::B] } else { &[Side::A] }
    }

    /// What kind of document it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The currency of all its amounts.
    #[must_use]
    pub fn base_currency(&self) -> &str {
        &self.base_currency
    }

    /// The rule book that margin under it is computed by, if it names one.
    #[must_use]
    pub fn regime(&self) -> Option<&str> {
        self.regime.as_deref()
    }

    /// A party's terms as pledgor, as signed.
    #[must_use]
    pub fn terms(&self, pledgor: Side) -> &Terms {
        self.terms.get(pledgor)
    }

    /// How it rounds what is due.
    #[must_use]
    pub fn rounding(&self) -> &Rounding {
        &self.rounding
    }

    /// The issuer groups affiliated with each party.
    #[must_use]
    pub fn groups(&self) -> &BySide<Vec<String>> {
        &self.groups
    }

    /// Whether a delivery agreed and not settled counts as posted.
    #[must_use]
    pub fn in_flight(&self) -> InFlight {
        self.in_flight
    }

    /// The eligible-collateral schedule.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The concentration limits, in order.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The oldest that a price in use may be.
    #[must_use]
    pub fn max_price_age(&self) -> Duration {
        self.max_price_age
    }

    /// The oldest that the margin statement behind a release may be.
    #[must_use]
    pub fn statement_max_age(&self) -> Duration {
        self.statement_max_age
    }

    /// How long after that the valuation agent's silence lets the other side's statement count.
    #[must_use]
    pub fn statement_grace(&self) -> Duration {
        self.statement_grace
    }

    /// When a call under it is due, if it says.
    #[must_use]
    pub fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }

    /// The shortest time between two calls.
    #[must_use]
    pub fn intraday_min_interval(&self) -> Duration {
        self.intraday_min_interval
    }

    /// Whose figure makes a call.
    #[must_use]
    pub fn valuation_agent(&self) -> ValuationAgent {
        self.valuation_agent
    }

    /// Whether and how far collateral may be used again.
    #[must_use]
    pub fn reuse(&self) -> &Reuse {
        &self.reuse
    }

    /// Whether a substitution needs the secured party's consent.
    #[must_use]
    pub fn substitution_consent(&self) -> bool {
        self.substitution_consent
    }

    /// The agreements whose default is a default here.
    #[must_use]
    pub fn cross_default(&self) -> &[String] {
        &self.cross_default
    }

    /// The capacity each party acts in.
    #[must_use]
    pub fn legal_capacity(&self) -> &str {
        &self.legal_capacity
    }

    /// Interest terms by currency, as signed; their members and words have been checked.
    #[must_use]
    pub fn interest(&self) -> &BTreeMap<String, Json> {
        &self.interest
    }

    /// By how much two statements of interest may differ, by currency.
    #[must_use]
    pub fn tolerances(&self) -> &BTreeMap<String, Value> {
        &self.tolerances
    }
}
