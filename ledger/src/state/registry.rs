//! Objects by their ids: found by hash, told in the order of ids.
//!
//! A record looks its accounts up some twenty times and tells them in order never; readers do the
//! opposite. Nothing depends on the order of the hashes, which differs from process to process.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use imbl::{HashMap, OrdSet};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A persistent map: a clone shares what it has in common.
///
/// Invariant: `ids` are exactly the keys of `by_id`.
#[derive(Clone)]
pub(super) struct Registry<K, V> {
    by_id: HashMap<K, V>,
    ids: OrdSet<K>,
}

impl<K: Clone + Ord + Hash, V: Clone> Registry<K, V> {
    pub(super) fn new() -> Self {
        Self { by_id: HashMap::new(), ids: OrdSet::new() }
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.by_id.get(id)
    }

    pub(super) fn contains_key<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.by_id.contains_key(id)
    }

    /// Puts an object in, new or instead of the one before.
    pub(super) fn insert(&mut self, id: K, object: V) {
        // What is there already is changed where it is, and its place among the ids is known.
        if let Some(before) = self.by_id.get_mut(&id) {
            *before = object;
            return;
        }
        self.ids.insert(id.clone());
        self.by_id.insert(id, object);
    }

    /// The objects in the order of their ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.ids.iter().map(|id| self.by_id.get(id).expect("every id has its object"))
    }
}

impl<K: Clone + Ord + Hash, V: Clone> Default for Registry<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Ord + Hash, V: Clone + PartialEq> PartialEq for Registry<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids && self.values().eq(other.values())
    }
}

impl<K: Clone + Ord + Hash, V: Clone + Eq> Eq for Registry<K, V> {}

impl<K: Clone + Ord + Hash + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Registry<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_map().entries(self.ids.iter().zip(self.values())).finish()
    }
}

impl<K: Clone + Ord + Hash, V: Clone> FromIterator<(K, V)> for Registry<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(objects: I) -> Self {
        let mut registry = Self::new();
        for (id, object) in objects {
            registry.insert(id, object);
        }
        registry
    }
}

impl<K: Clone + Ord + Hash + Serialize, V: Clone + Serialize> Serialize for Registry<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.ids.iter().zip(self.values()))
    }
}

impl<'de, K, V> Deserialize<'de> for Registry<K, V>
where
    K: Clone + Ord + Hash + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects<K, V>(PhantomData<(K, V)>);
        impl<'de, K, V> Visitor<'de> for Objects<K, V>
        where
            K: Clone + Ord + Hash + Deserialize<'de>,
            V: Clone + Deserialize<'de>,
        {
            type Value = Registry<K, V>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("objects by id")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Registry<K, V>, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect()
            }
        }
        deserializer.deserialize_map(Objects(PhantomData))
    }
}
