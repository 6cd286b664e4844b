//! Parties, their roles and their keys as the log has them.

use serde::{Deserialize, Serialize};

use crate::approval::Lineage;
use crate::id::PartyId;
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

/// A key on the log. Active for records after `added_seq` and up to `revoked_seq`.
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
}

impl PartyKey {
    /// Whether it signs the record at `seq`: added before it, and not revoked before it.
    #[must_use]
    pub fn is_active_at(&self, seq: u64) -> bool {
        let added = self.added_seq < seq || (seq == 0 && self.added_seq == 0);
        added && self.revoked_seq.is_none_or(|revoked| seq <= revoked)
    }
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
