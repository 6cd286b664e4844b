//! Who counts as one.

use serde::{Deserialize, Serialize};

use crate::id::PartyId;
use crate::key::KeyId;

/// One who approves: a person or machine of a party by its keys, or a party as a whole.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    /// Its name in the policy.
    pub name: String,
    /// The party it acts for.
    pub party: PartyId,
    /// The keys it holds; none stands for every key of the party. A key that took another's place
    /// ([`Lineage`]) is its holder's too.
    pub keys: Vec<KeyId>,
}

/// A key, and those whose place it took: itself first, the oldest last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lineage {
    /// The party whose key it is.
    pub party: PartyId,
    /// The key and its forerunners.
    pub keys: Vec<KeyId>,
}

impl Principal {
    /// Whether the key is its own.
    #[must_use]
    pub fn holds(&self, lineage: &Lineage) -> bool {
        self.party == lineage.party
            && (self.keys.is_empty() || lineage.keys.iter().any(|key| self.keys.contains(key)))
    }

    /// Whether it may be the one who made the command.
    ///
    /// A key that no principal of its party is said to hold may be anybody's of that party.
    #[must_use]
    pub fn may_be(&self, maker: &Lineage, all: &[Self]) -> bool {
        let listed = all.iter().any(|one| !one.keys.is_empty() && one.holds(maker));
        self.holds(maker) || (self.party == maker.party && !listed)
    }
}
