//! Parties, their roles and their keys as the log has them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::approval::Lineage;
use crate::digest::Digest;
use crate::id::{AgreementId, PartyId};
use crate::key::{KeyId, PublicKey};
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// What a party is to the ledger.
    pub enum Role {
        /// The prime broker, who runs the ledger.
        Operator = "operator",
        /// A firm that posts collateral.
        Client = "client",
        /// Who holds the assets.
        Custodian = "custodian",
        /// Who checks, and trusts none of the others.
        Auditor = "auditor",
        /// Who cosigns checkpoints.
        Witness = "witness",
    }
}

words! {
    /// What a key may sign.
    pub enum KeyUse {
        /// Approvals.
        Approval = "approval",
        /// Commands.
        Command = "command",
        /// Price sets.
        Price = "price",
        /// Seals, and nothing else.
        Seal = "seal",
        /// Sessions.
        Session = "session",
    }
}

/// From the record of a recovery to the first signature of its key: two days, so that whoever still
/// holds a key of the party can stop it.
pub const RECOVERY_COOLING_OFF_MS: u64 = 172_800_000;

words! {
    /// How far a recovery has come at an instant.
    pub enum RecoveryStage {
        /// Its key signs nothing yet: a key of the party, or the operator, can revoke it.
        Pending = "pending",
        /// Its key signs.
        Recovered = "recovered",
        /// Revoked before it signed anything.
        Stopped = "stopped",
    }
}

/// How a key came to a party that had lost all of its own.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeyRecovery {
    /// From when the key signs.
    pub active_from: Timestamp,
    /// What shows that the party asked for it.
    pub evidence: Digest,
    /// Whether it was revoked before that.
    pub stopped: bool,
}

impl KeyRecovery {
    /// How far it has come at an instant.
    #[must_use]
    pub fn stage_at(&self, at: Timestamp) -> RecoveryStage {
        if self.stopped {
            RecoveryStage::Stopped
        } else if self.active_from <= at {
            RecoveryStage::Recovered
        } else {
            RecoveryStage::Pending
        }
    }
}

/// A key on the log. Active for records after `added_seq` and up to `revoked_seq`; one that came by
/// recovery, from the end of its cooling-off on.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PartyKey {
    /// The key.
    pub public: PublicKey,
    /// What it may sign, ascending.
    pub uses: Vec<KeyUse>,
    /// The key whose place it took.
    pub rotated_from: Option<KeyId>,
    /// The record that added it.
    pub added_seq: u64,
    /// The record that revoked it.
    pub revoked_seq: Option<u64>,
    /// Since when it is said to have been in other hands.
    pub compromised_from: Option<Timestamp>,
    /// How it came, if by recovery.
    pub recovery: Option<KeyRecovery>,
}

impl PartyKey {
    /// Whether it signs the record `seq` that is recorded at `at`: added before it, not revoked before
    /// it, and not still cooling off after a recovery.
    ///
    /// All three are told by the log alone, so a replay finds the same.
    #[must_use]
    pub fn is_active_at(&self, seq: u64, at: Timestamp) -> bool {
        let added = self.added_seq < seq || (seq == 0 && self.added_seq == 0);
        added && self.revoked_seq.is_none_or(|revoked| seq <= revoked) && self.has_cooled_off(at)
    }

    /// Whether it would sign the next record, if that were recorded at `at`.
    #[must_use]
    pub fn stands_at(&self, at: Timestamp) -> bool {
        self.revoked_seq.is_none() && self.has_cooled_off(at)
    }

    fn has_cooled_off(&self, at: Timestamp) -> bool {
        self.recovery.as_ref().is_none_or(|recovery| recovery.active_from <= at)
    }
}

/// What an auditor may see.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// What is of these parties, and what is under these agreements.
    Only {
        /// The parties.
        parties: BTreeSet<PartyId>,
        /// The agreements.
        agreements: BTreeSet<AgreementId>,
    },
}

/// A party as the ledger knows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Its id.
    pub id: PartyId,
    /// Its role.
    pub role: Role,
    /// Its legal name.
    pub legal_name: String,
    /// Its legal entity identifier.
    pub lei: Option<String>,
    /// Whether the operator has suspended it: then it authors nothing.
    pub suspended: bool,
    /// The party that must agree before it is given a key by recovery, as named at its registration.
    pub recovery: Option<PartyId>,
    /// What it may see, if it is an auditor.
    pub scope: Scope,
    /// Every key it ever had, in the order of the log.
    pub keys: Vec<PartyKey>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Party {
    /// The key of that name, active or not.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&PartyKey> {
        self.keys.iter().find(|key| key.public.id() == id)
    }

    /// A key of the party, with those whose place it took.
    #[must_use]
    pub fn lineage(&self, id: KeyId) -> Lineage {
        let forerunner = |id: &KeyId| self.key(*id).and_then(|key| key.rotated_from);
        // A key takes the place of an older one, so this ends.
        Lineage { party: self.id.clone(), keys: std::iter::successors(Some(id), forerunner).collect() }
    }

    /// Whether a signature of the key still stands for its holder: the key, or the one that took its
    /// place, was not revoked.
    #[must_use]
    pub fn stands(&self, id: KeyId) -> bool {
        self.key(id).is_some_and(|key| match key.revoked_seq {
            None => true,
            Some(_) => self
                .keys
                .iter()
                .filter(|later| later.rotated_from == Some(id))
                .any(|later| self.stands(later.public.id())),
        })
    }

    /// The keys that came by recovery: the mark that everyone sees who sees the party.
    pub fn recoveries(&self) -> impl Iterator<Item = (&PartyKey, &KeyRecovery)> {
        self.keys.iter().filter_map(|key| Some((key, key.recovery.as_ref()?)))
    }
}

/// Whether the text is a legal entity identifier with good check digits (ISO 17442, ISO 7064 mod 97-10).
#[must_use]
pub fn is_lei(text: &str) -> bool {
    let shaped = text.len() == 20
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && text.bytes().skip(18).all(|byte| byte.is_ascii_digit());
    let remainder = text
        .chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |sum, digit| if digit < 10 { (sum * 10 + digit) % 97 } else { (sum * 100 + digit) % 97 });
    shaped && remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lei_check_digits() {
        for good in ["5493006MHB84DD0ZWV18", "529900T8BM49AURSDO55"] {
            assert!(is_lei(good), "{good}");
        }
        for bad in ["5493006MHB84DD0ZWV19", "5493006mhb84dd0zwv18", "", "5493006MHB84DD0ZWV1"] {
            assert!(!is_lei(bad), "{bad}");
        }
    }
}
