//! A map with a cap: an entry that was not used lately makes room.
//!
//! Eviction is CLOCK (first in, first out, with a second chance for what was used since): a use sets a mark in the entry's own
//! cache line, where keeping an exact order would write to three others.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;

use crate::index::{Index, NONE, folded};
use crate::slots::Slots;

/// So few stay near the processor by themselves.
const FEW: usize = 256;

/// In this order, so that a look at the key brings along what else is needed.
#[derive(Debug)]
#[repr(C)]
struct Entry<K, V> {
    key: K,
    hash: u32,
    older: u32,
    newer: u32,
    /// Used since it was put where it is in the order.
    used: bool,
    value: V,
}

/// A hash map of at most `cap` entries. Its hash is seeded per process: peers choose the keys.
#[derive(Debug)]
pub struct Lru<K, V> {
    index: Index,
    entries: Slots<Entry<K, V>>,
    hasher: RandomState,
    oldest: u32,
    newest: u32,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    /// An empty map of at most `cap` entries (at least one).
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Lru {
            index: Index::default(),
            entries: Slots::new(cap.max(1)),
            hasher: RandomState::default(),
            oldest: NONE,
            newest: NONE,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    #[inline]
    fn find(&self, key: &K) -> (u32, Option<u32>) {
        let hash = folded(self.hasher.hash_one(key));
        (hash, self.index.find(hash, |at| self.entries.get(at).is_some_and(|e| e.key == *key)))
    }

    /// The value of `key`, which counts as used.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).1?;
        self.entries.get_mut(at).map(|e| {
            e.used = true;
            &mut e.value
        })
    }

    /// The value of `key`, which does not count as used.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        if self.is_empty() {
            return None;
        }
        let at = self.find(key).1?;
        self.entries.get(at).map(|e| &e.value)
    }

    /// The value of `key`, to change it without that counting as use.
    pub fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).1?;
        self.entries.get_mut(at).map(|e| &mut e.value)
    }

    /// Brings the entries of at most [`TOGETHER`](crate::index::TOGETHER) keys out of main memory, all at once: short loops over looks that do not depend on
    /// each other wait together. `part` reads from a value what lies further behind.
    pub fn touch(&self, keys: impl Iterator<Item = K>, part: impl Fn(&V) -> u64) {
        if self.entries.len() < FEW {
            return;
        }
        let places = self.index.glances(keys.map(|key| folded(self.hasher.hash_one(key))));
        let mut seen = 0;
        for entry in places.iter().filter_map(|at| self.entries.get(*at)) {
            seen ^= u64::from(entry.hash) ^ part(&entry.value);
        }
        std::hint::black_box(seen);
    }

    /// The value of `key`, made by `make` where there was none; then the entry that had to go, if the map was full.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> (&mut V, Option<(K, V)>) {
        self.use_or_insert_with(key, false, make)
    }

    /// The same; `used` tells whether one that is new counts as used since it came.
    pub fn use_or_insert_with(&mut self, key: K, used: bool, make: impl FnOnce() -> V) -> (&mut V, Option<(K, V)>) {
        let (hash, found) = self.find(&key);
        if let Some(at) = found {
            let entry = self.entries.at(at);
            entry.used = true;
            return (&mut entry.value, None);
        }
        self.add(key, hash, used, make())
    }

    fn add(&mut self, key: K, hash: u32, used: bool, value: V) -> (&mut V, Option<(K, V)>) {
        let evicted = if self.entries.is_full() { self.evict() } else { None };
        let at = self.entries.insert(Entry { key, hash, older: NONE, newer: NONE, used, value });
        self.index.insert(hash, at);
        self.link_newest(at);
        (&mut self.entries.at(at).value, evicted)
    }

    /// Sets the value of `key`; returns the entry that had to go, if the map was full.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let (hash, found) = self.find(&key);
        match found.and_then(|at| self.entries.get_mut(at)) {
            Some(entry) => {
                entry.used = true;
                entry.value = value;
                None
            }
            None => self.add(key, hash, false, value).1,
        }
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (hash, found) = self.find(key);
        let at = found?;
        self.index.remove(hash, at);
        self.unlink(at);
        self.entries.remove(at).map(|e| e.value)
    }

    /// Removes the oldest entry that was not used since it had its last chance.
    fn evict(&mut self) -> Option<(K, V)> {
        while let Some(entry) = self.entries.get_mut(self.oldest)
            && std::mem::take(&mut entry.used)
        {
            let at = self.oldest;
            self.unlink(at);
            self.link_newest(at);
        }
        let at = self.oldest;
        let hash = self.entries.get(at)?.hash;
        self.index.remove(hash, at);
        self.unlink(at);
        self.entries.remove(at).map(|e| (e.key, e.value))
    }

    /// All entries, in an order that the same calls always give.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at)?;
            at = entry.newer;
            Some((&entry.key, &entry.value))
        })
    }

    fn unlink(&mut self, at: u32) {
        let Some(entry) = self.entries.get(at) else { return };
        let (older, newer) = (entry.older, entry.newer);
        match self.entries.get_mut(older) {
            Some(e) => e.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer) {
            Some(e) => e.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let newest = self.newest;
        if let Some(entry) = self.entries.get_mut(at) {
            entry.older = newest;
            entry.newer = NONE;
        }
        match self.entries.get_mut(newest) {
            Some(e) => e.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_makes_room() {
        let mut map = Lru::new(2);
        map.get_or_insert_with("a", || 1);
        map.get_or_insert_with("b", || 2);
        assert_eq!(map.get(&"a"), Some(&mut 1));
        assert_eq!(map.get_or_insert_with("c", || 3).1, Some(("b", 2)));
        assert_eq!(map.iter().map(|(k, _)| *k).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(map.insert("a", 4), None);
        assert_eq!(map.remove(&"a"), Some(4));
        assert_eq!(map.len(), 1);
        map.use_or_insert_with("d", true, || 5);
        assert_eq!(map.insert("e", 6), Some(("c", 3)));
        assert_eq!(map.insert("f", 7), Some(("e", 6)), "one that came as used has a second chance");
    }

    #[test]
    fn of_all_used_the_oldest_makes_room() {
        let mut map = Lru::new(3);
        for key in 0..3 {
            map.insert(key, ());
        }
        for key in [2, 1, 0] {
            assert!(map.get(&key).is_some());
        }
        assert_eq!(map.insert(3, ()), Some((0, ())));
        assert_eq!(map.insert(4, ()), Some((1, ())));
        assert_eq!(map.len(), 3);
    }

    #[test]
    fn no_room_is_taken_beyond_the_cap() {
        let mut map = Lru::new(1000);
        for key in 0..5000 {
            map.insert(key, ());
            assert!(map.entries.capacity() <= 1000);
        }
        assert_eq!((map.len(), map.entries.capacity()), (1000, 1000));
    }
}
