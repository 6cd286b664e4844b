//! Four eyes: policies, and what others say of a command that waits for them.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::approval::Scope;
use crate::digest::Digest;
use crate::id::PolicyId;

/// `policy.set`: by the scope's owner; needs the quorum of a change of the policy it replaces, and
/// that of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicySet {
    /// The policy.
    pub policy: PolicyId,
    /// Whose commands it speaks of: a party's id, or `*` for everybody's.
    pub scope: Scope,
    /// The document with its rules, `pledger.policy.v1`.
    pub rules: Digest,
    /// 1 at first, then one more than the version in force.
    pub version: u64,
}

impl Ask for PolicySet {
    fn read(fields: &mut Fields) -> Option<Self> {
        let policy = fields.parsed("policy");
        let scope = fields.parsed("scope");
        let rules = fields.parsed("rules");
        let version = fields.parsed("version");
        Some(Self { policy: policy?, scope: scope?, rules: rules?, version: version? })
    }

    fn concerns(&self) -> Vec<Concern> {
        match &self.scope {
            Scope::Everyone => vec![Concern::Everyone],
            Scope::Party(party) => vec![Concern::Party(party.clone())],
        }
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/rules", self.rules)]
    }
}

impl ReadText for Scope {
    const HELP: &'static str = "a party's id, or *";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// `approval.give`, `approval.refuse`, `approval.withdraw`.
///
/// A withdrawal takes back the approver's own approval, or, by the maker, the whole command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApprovalSay {
    /// The command: SHA-256 of its signed bytes, 64 hex digits.
    pub command_id: Digest,
    /// Why.
    pub reason: Option<String>,
}

impl Ask for ApprovalSay {
    fn read(fields: &mut Fields) -> Option<Self> {
        let command_id = fields.required("command_id", "a command id, 64 lower-case hex digits", |value| {
            Digest::parse_hex(value.as_str()?)
        });
        let reason = fields.text_optional("reason");
        Some(Self { command_id: command_id?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Held(self.command_id)]
    }
}
