//! Overrides: one rule, one account, a quantity, a reason, an end.
//!
//! Both need a second principal where a policy says so: the highest quorum that there is.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, QuantityText, ReadText};
use crate::id::{AccountId, OverrideId};
use crate::overrides::OverridableRule;
use crate::time::Timestamp;

/// `override.grant`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverrideGrant {
    /// The override.
    pub id: OverrideId,
    /// The rule that it lifts, by the code of its refusal.
    pub rule: OverridableRule,
    /// The account that collateral may go out of, whatever the rule says.
    pub object: AccountId,
    /// How much may go out in all, in units of the account's asset. Uses take from it.
    pub limit: QuantityText,
    /// Why.
    pub reason: String,
    /// The last instant at which it may be used: at most seven days after the record.
    pub until: Timestamp,
}

impl Ask for OverrideGrant {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("override");
        let rule = fields.parsed("rule");
        let object = fields.parsed("object");
        let limit = fields.parsed("limit");
        let reason = read_reason(fields);
        let until = fields.parsed("until");
        Some(Self { id: id?, rule: rule?, object: object?, limit: limit?, reason: reason?, until: until? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Account(self.object.clone())]
    }
}

/// `override.revoke`: nothing more goes through by it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverrideRevoke {
    /// The override.
    pub id: OverrideId,
    /// Why.
    pub reason: String,
}

impl Ask for OverrideRevoke {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("override");
        let reason = read_reason(fields);
        Some(Self { id: id?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Override(self.id.clone())]
    }
}

/// No exception is without a reason.
fn read_reason(fields: &mut Fields) -> Option<String> {
    fields.required("reason", "text that is not empty", |value| {
        value.as_str().filter(|reason| !reason.trim().is_empty()).map(str::to_owned)
    })
}

impl ReadText for OverridableRule {
    const HELP: &'static str = "release_uncovers, statement_stale or breaker_open";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
