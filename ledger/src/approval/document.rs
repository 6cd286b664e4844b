//! What a policy says, as data.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::principal::Principal;
use crate::account::PropertyClass;
use crate::id::AssetId;
use crate::words::words;

/// How far back a limit or a rolling condition may look: seven days, in milliseconds.
pub const FLOW_WINDOW_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// The rules of one scope: `pledger.policy.v1`.
///
/// Invariant: every name it uses is declared, every quorum can be met, the quorum of a change is at
/// least that of each rule, and the last rule refuses whatever comes so far.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PolicyDocument {
    /// The types it names: a type, a family as `movement.*`, or `*`. Of others the signature decides.
    pub(super) covers: Vec<String>,
    /// Who counts as one.
    pub(super) principals: Vec<Principal>,
    /// Who approves together.
    pub(super) groups: Vec<Group>,
    /// What changes the policy.
    pub(super) change: Quorum,
    /// What may leave in a time, whoever signs.
    pub(super) limits: Vec<Limit>,
    /// In order: the first whose conditions all hold decides.
    pub(super) rules: Vec<Rule>,
}

/// Principals by a name.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Their names, ascending.
    pub members: Vec<String>,
}

/// *k* distinct principals of a group.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Quorum {
    /// How many, at least one.
    pub k: u64,
    /// Of which group.
    pub group: String,
}

/// The most that may leave an owner's accounts in a rolling window of whole minutes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// How far back it looks, in milliseconds.
    pub window_ms: u64,
    /// What is measured.
    pub measure: LimitMeasure,
}

/// What a limit measures, over all accounts of one owner.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum LimitMeasure {
    /// Units of each of these assets.
    Amounts(Vec<AssetMost>),
    /// The value of all assets together.
    Value(ValueMost),
}

/// A bound on one asset's quantity.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AssetMost {
    /// The asset.
    pub asset: AssetId,
    /// The most, in units of the asset as written.
    pub most: String,
}

/// A bound on value at the prices in force.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ValueMost {
    /// The currency.
    pub currency: String,
    /// The most, in it.
    pub most: Decimal,
    /// How old prices may be, in milliseconds: with older ones a condition does not hold, and a limit
    /// refuses.
    pub price_age_ms: u64,
}

/// A bound on what left an owner's accounts in a window, this command included.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    /// How far back it looks, in milliseconds.
    pub window_ms: u64,
    /// What is measured.
    pub measure: LimitMeasure,
}

/// Hours of the day, UTC: a change of summer time moves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// From this minute of the day on.
    pub from: u32,
    /// Before this minute of the day.
    pub until: u32,
}

words! {
    /// Where a command may send what leaves a custodian.
    pub enum DestinationRule {
        /// Nowhere: nothing leaves.
        Inside = "inside",
        /// To an address on the allow-list, past its cooling-off.
        Allowed = "allowed",
    }
}

/// What must hold for a rule to decide; what is not said always holds.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The type is one of these.
    pub types: Option<Vec<String>>,
    /// Every asset moved is one of these.
    pub assets: Option<Vec<AssetId>>,
    /// Every class moved from or to is one of these.
    pub classes: Option<Vec<PropertyClass>>,
    /// Every asset moved is here, and no more of it than this.
    pub amounts: Option<Vec<AssetMost>>,
    /// All that is moved is worth no more than this.
    pub value: Option<ValueMost>,
    /// With what left before, no more than this.
    pub rolling: Option<Rolling>,
    /// Where it goes.
    pub destination: Option<DestinationRule>,
    /// When it is recorded.
    pub hours: Option<Hours>,
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// When it decides.
    pub when: Condition,
    /// What it decides.
    pub result: RuleResult,
}

/// What a rule decides.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RuleResult {
    /// The author's signature is enough.
    Allow,
    /// Nobody may.
    Refuse,
    /// A quorum besides the maker.
    Approve(Quorum),
}

/// Why a document is no policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyFault {
    /// Not of the form.
    #[error("{0}")]
    Form(String),
    /// Of the form, but it would not protect.
    #[error("{0}")]
    Unsafe(String),
}

impl PolicyDocument {
    /// The types it names.
    #[must_use]
    pub fn covers(&self) -> &[String] {
        &self.covers
    }

    /// Who counts as one.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        &self.principals
    }

    /// Who approves together.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What changes the policy.
    #[must_use]
    pub fn change(&self) -> &Quorum {
        &self.change
    }

    /// What may leave in a time.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether it names the type.
    #[must_use]
    pub fn names(&self, type_name: &str) -> bool {
        self.covers.iter().any(|pattern| fits(pattern, type_name))
    }

    /// The principals of a group.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &Principal> {
        let names = self.groups.iter().find(|one| one.name == group).map(|group| group.members.as_slice());
        let names = names.unwrap_or_default();
        self.principals.iter().filter(move |principal| names.contains(&principal.name))
    }
}

/// Whether a type is `pattern`, of the family `pattern.*`, or any for `*`.
pub(crate) fn fits(pattern: &str, type_name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(family) => type_name.starts_with(family),
        None => pattern == type_name,
    }
}
