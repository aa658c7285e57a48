//! What was read lately, in memory. Looked at for every message: a look takes
//! one shared lock of a shard and writes nothing but a mark of use.

use std::hash::Hash;

use quick_cache::UnitWeighter;
use quick_cache::sync;

/// Room for as many is made at the start; more when they come.
const EXPECTED: usize = 1_024;

/// Values by key, up to a number of them; what has not been used for long goes
/// first. Cloning a value should cost little.
pub(crate) struct Cache<K, V>(sync::Cache<K, V>);

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// An empty one for about `most` values.
    pub(crate) fn new(most: usize) -> Self {
        Self(sync::Cache::with_weighter(
            EXPECTED.min(most),
            most as u64,
            UnitWeighter,
        ))
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    /// The value, or else a new one that everybody gets from now on.
    pub(crate) fn get_or_default(&self, key: &K) -> V
    where
        V: Default,
    {
        let made = self
            .0
            .get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(V::default()));
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.0.remove(key);
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
