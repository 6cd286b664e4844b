//! Commands that wait for others, and what these say.
//!
//! The workload knows two policies of the operator's commands; both ask the parties `acme`, `aud` and
//! `zeta` as a whole. So distinct principals are distinct parties, and the operator's own keys never
//! count.
//!
//! Source: API specification §2, "Policies and four eyes".

use std::collections::BTreeMap;

use ledger::digest::Digest;
use ledger::state::State;

use super::compare::{same, same_each};
use super::{Ask, Deed, Model};
use crate::scribe::key;

/// Those who are asked.
const OTHERS: [&str; 3] = ["acme", "aud", "zeta"];

/// The policy in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    version: u64,
    strict: bool,
}

/// How many must agree to a change of a policy.
fn change_quorum(strict: bool) -> u64 {
    if strict { 2 } else { 1 }
}

/// A command that waits or waited.
#[derive(Clone, Debug)]
pub(super) struct Held {
    ask: Ask,
    needs: Vec<u64>,
    /// Party, key, record.
    approvals: Vec<(String, String, u64)>,
    status: &'static str,
    changed: u64,
}

impl Model {
    pub(super) fn policy_version(&self) -> u64 {
        self.policy.map_or(0, |policy| policy.version)
    }

    pub(super) fn set_policy(&mut self, version: u64, strict: bool) {
        self.policy = Some(Policy { version, strict });
    }

    /// How many of the others a command needs; all of these numbers.
    pub(super) fn needs(&self, ask: &Ask) -> Vec<u64> {
        if let Deed::SetPolicy { strict, .. } = &ask.deed {
            let before = self.policy.map(|policy| change_quorum(policy.strict));
            return before.into_iter().chain([change_quorum(*strict)]).collect();
        }
        let Some(policy) = self.policy.filter(|_| ask.author == "pb") else { return Vec::new() };
        if matches!(ask.deed, Deed::Batch { .. }) && policy.strict {
            vec![2]
        } else if matches!(ask.deed, Deed::Reclassify { .. } | Deed::DefineAsset { .. }) {
            vec![1]
        } else {
            Vec::new()
        }
    }

    pub(super) fn hold(&mut self, ask: &Ask, id: Digest, needs: Vec<u64>, seq: u64) {
        let (approvals, status) = (Vec::new(), "awaiting_approval");
        self.held.insert(id, Held { ask: ask.clone(), needs, approvals, status, changed: seq });
    }

    /// Whether a key, or one that took its place, signs.
    fn stands(&self, party: &str, key: &str) -> bool {
        let keys = self.parties.get(party).map(|party| party.keys.as_slice()).unwrap_or_default();
        let unrevoked = keys.iter().any(|had| had.name == key && had.revoked.is_none());
        let mut followers = keys.iter().filter(|later| later.follows.as_deref() == Some(key));
        unrevoked || followers.any(|later| self.stands(party, &later.name))
    }

    /// What is against an approval, a refusal, or a withdrawal.
    pub(super) fn refusal_of_saying(
        &self,
        ask: &Ask,
        verb: &str,
        command: &Digest,
        at: u64,
    ) -> Option<&'static str> {
        let is_other = OTHERS.contains(&ask.author.as_str());
        let Some(held) = self.held.get(command) else { return Some("unknown_reference") };
        if !is_other && held.ask.author != ask.author {
            return Some("unknown_reference");
        }
        let awaiting = held.status == "awaiting_approval";
        if awaiting && held.ask.expires_at <= at {
            return Some("expired");
        }
        let approved = self.has_approved(held, ask);
        match verb {
            "withdraw" if !approved && held.ask.author != ask.author => Some("not_authorised"),
            // Once nobody was asked any more, everybody hears what became of it.
            "give" | "refuse" if !is_other && !held.needs.is_empty() => Some("maker_may_not_approve"),
            "give" if approved => Some("already_approved"),
            _ if !awaiting => Some("already_decided"),
            "give" => {
                let (needs, refusal) = self.judged_anew(held, at);
                self.is_met(held, &needs, 1).then_some(refusal).flatten()
            }
            _ => None,
        }
    }

    /// Whether the author approved already: as the party that is asked or, where nobody is, with this key
    /// or one of its line.
    fn has_approved(&self, held: &Held, ask: &Ask) -> bool {
        let own = self.line(&ask.author, &ask.signer);
        held.approvals.iter().any(|(party, key, _)| {
            *party == ask.author && (!held.needs.is_empty() || self.line(party, key) == own)
        })
    }

    /// The first key of those of which each took the place of another.
    fn line<'a>(&'a self, party: &str, key: &'a str) -> &'a str {
        let keys = self.parties.get(party).map(|party| party.keys.as_slice()).unwrap_or_default();
        let had = keys.iter().find(|had| had.name == key);
        let before = had.and_then(|had| had.follows.as_deref());
        before.map_or(key, |before| self.line(party, before))
    }

    /// The command as if it came now: how many it needs, and what is against it.
    fn judged_anew(&self, held: &Held, at: u64) -> (Vec<u64>, Option<&'static str>) {
        let maker = (!self.stands(&held.ask.author, &held.ask.signer)).then_some("key_not_active");
        match maker.or_else(|| self.refusal_of_deed(&held.ask, at)) {
            None => (self.needs(&held.ask), None),
            refusal => (held.needs.clone(), refusal),
        }
    }

    /// Whether enough parties approve whose keys still stand, with so many more.
    fn is_met(&self, held: &Held, needs: &[u64], more: u64) -> bool {
        let given = held.approvals.iter().filter(|(party, key, _)| {
            self.stands(party, key) && self.parties.get(party).is_some_and(|party| !party.suspended)
        });
        let count = given.count() as u64 + more;
        needs.iter().all(|k| count >= *k)
    }

    /// Takes note of what was said.
    pub(super) fn say(&mut self, ask: &Ask, verb: &str, command: &Digest, at: u64) {
        let seq = self.length;
        let mut held = self.held[command].clone();
        held.changed = seq;
        match verb {
            "refuse" => held.status = "refused",
            "withdraw" if held.ask.author == ask.author => held.status = "withdrawn",
            "withdraw" => held.approvals.retain(|(party, ..)| *party != ask.author),
            _ => {
                let (needs, _) = self.judged_anew(&held, at);
                let met = self.is_met(&held, &needs, 1);
                held.needs = needs;
                held.approvals.push((ask.author.clone(), ask.signer.clone(), seq));
                if met {
                    held.status = "applied";
                    self.do_deed(&held.ask, seq);
                }
            }
        }
        self.held.insert(*command, held);
    }

    pub(super) fn compare_held(&self, state: &State) -> Result<(), String> {
        let expected = self.held.iter().map(|(id, held)| {
            let approvals = held.approvals.iter();
            let approvals = approvals
                .map(|(party, name, seq)| (party.clone(), key(name).public().id().to_string(), *seq));
            let approvals: Vec<_> = approvals.collect();
            (id.to_string(), (held.status.to_owned(), held.needs.clone(), approvals, held.changed))
        });
        let got = state.held().map(|held| {
            let approvals = held.approvals.iter();
            let approvals = approvals.map(|it| (it.party.to_string(), it.keyid.to_string(), it.seq));
            let needs: Vec<_> = held.needs.iter().map(|need| need.k).collect();
            let approvals: Vec<_> = approvals.collect();
            (held.id.to_string(), (held.status.to_string(), needs, approvals, held.changed_seq))
        });
        same_each("command that waits", expected, got)?;
        let policies: Vec<u64> = state.policies().map(|policy| policy.version).collect();
        same("versions of policies", self.policy.iter().map(|policy| policy.version).collect(), policies)
    }

    /// Compares what a receipt tells of commands that wait.
    pub(super) fn compare_told(&self, told: &BTreeMap<(String, String), Vec<String>>) -> Result<(), String> {
        let seq = self.length - 1;
        for (id, held) in self.held.iter().filter(|(_, held)| held.changed == seq) {
            let got = told.get(&("approval".to_owned(), id.to_string())).map(|members| members[3].as_str());
            same(&format!("what the receipt of record {seq} tells of command {id}"), Some(held.status), got)?;
        }
        Ok(())
    }

    /// Commands that wait.
    #[must_use]
    pub fn awaiting(&self) -> Vec<Digest> {
        let waits = self.held.iter().filter(|(_, held)| held.status == "awaiting_approval");
        waits.map(|(id, _)| *id).collect()
    }

    /// Commands that waited, decided or not.
    #[must_use]
    pub fn ever_held(&self) -> Vec<Digest> {
        self.held.keys().copied().collect()
    }

    /// The version that the next policy must have.
    #[must_use]
    pub fn next_policy(&self) -> u64 {
        self.policy_version() + 1
    }
}
