//! Who holds an idempotency key, and until when.
//!
//! Source: audit specification §1, replay rule 3.

use std::fmt;

use imbl::{HashMap, OrdMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::command::IdempotencyKey;
use crate::digest::Digest;
use crate::id::PartyId;
use crate::time::Timestamp;

/// Who holds an idempotency key, until the command expires.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyHolder {
    pub(crate) command_id: Digest,
    pub(crate) seq: u64,
    pub(crate) expires_at: Timestamp,
}

type Owned = (IdempotencyKey, PartyId);

/// The keys in use.
///
/// Invariant: each holder stands in both maps, under its key and under its expiry and number.
#[derive(Clone, Default)]
pub(super) struct Keys {
    holders: HashMap<Owned, KeyHolder>,
    expiries: OrdMap<(Timestamp, u64), Owned>,
}

impl Keys {
    pub(super) fn holder(&self, author: &PartyId, key: &IdempotencyKey) -> Option<&KeyHolder> {
        self.holders.get(&(key.clone(), author.clone()))
    }

    /// Gives a key to a holder. Whoever held it before has expired and was dropped.
    pub(super) fn take(&mut self, author: &PartyId, key: &IdempotencyKey, holder: KeyHolder) {
        let owned = (key.clone(), author.clone());
        self.expiries.insert((holder.expires_at, holder.seq), owned.clone());
        if let Some(before) = self.holders.insert(owned, holder) {
            self.expiries.remove(&(before.expires_at, before.seq));
        }
    }

    /// Drops what is over.
    pub(super) fn drop_while(&mut self, is_over: impl Fn(Timestamp) -> bool) {
        while let Some((place, owned)) = self.expiries.get_min()
            && is_over(place.0)
        {
            let (place, owned) = (*place, owned.clone());
            self.expiries.remove(&place);
            self.holders.remove(&owned);
        }
    }

    fn in_order(&self) -> impl Iterator<Item = (&Owned, &KeyHolder)> {
        self.expiries
            .values()
            .map(|owned| (owned, self.holders.get(owned).expect("a key that expires has its holder")))
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.in_order().eq(other.in_order())
    }
}

impl Eq for Keys {}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_map().entries(self.in_order()).finish()
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.in_order())
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = Self::default();
        for ((key, author), holder) in Vec::<(Owned, KeyHolder)>::deserialize(deserializer)? {
            keys.take(&author, &key, holder);
        }
        Ok(keys)
    }
}
