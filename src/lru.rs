//! A map with a cap: the least recently used entry makes room.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use slab::Slab;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    hash: u64,
    older: u32,
    newer: u32,
}

/// A hash map of at most `cap` entries, ordered by last use. Its hash is seeded per process: peers choose the keys.
#[derive(Debug)]
pub struct Lru<K, V> {
    table: HashTable<u32>,
    entries: Slab<Entry<K, V>>,
    hasher: RandomState,
    oldest: u32,
    newest: u32,
    cap: usize,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    /// An empty map of at most `cap` entries (at least one).
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Lru {
            table: HashTable::new(),
            entries: Slab::new(),
            hasher: RandomState::default(),
            oldest: NONE,
            newest: NONE,
            cap: (cap as usize).max(1),
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
        self.entries.is_empty()
    }

    /// The value of `key`, which becomes the most recently used.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let hash = self.hasher.hash_one(key);
        let at = *self.table.find(hash, |&i| self.entries.get(i as usize).is_some_and(|e| e.key == *key))?;
        self.touch(at);
        self.entries.get_mut(at as usize).map(|e| &mut e.value)
    }

    /// The value of `key` without touching its place in the order.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        let hash = self.hasher.hash_one(key);
        let at = *self.table.find(hash, |&i| self.entries.get(i as usize).is_some_and(|e| e.key == *key))?;
        self.entries.get(at as usize).map(|e| &e.value)
    }

    /// The value of `key`, made by `make` where there was none; then the entry that had to go, if the map was full.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> (&mut V, Option<(K, V)>) {
        let hash = self.hasher.hash_one(&key);
        let found = self.table.find(hash, |&i| self.entries.get(i as usize).is_some_and(|e| e.key == key)).copied();
        if let Some(at) = found {
            self.touch(at);
            return (&mut self.entries[at as usize].value, None);
        }
        let evicted = if self.entries.len() >= self.cap { self.pop_oldest() } else { None };
        let at = self.entries.insert(Entry { key, value: make(), hash, older: NONE, newer: NONE });
        let at = u32::try_from(at).unwrap_or(NONE); // `cap` is a u32
        let entries = &self.entries;
        self.table.insert_unique(hash, at, |&i| entries.get(i as usize).map_or(0, |e| e.hash));
        self.link_newest(at);
        (&mut self.entries[at as usize].value, evicted)
    }

    /// Sets the value of `key`; returns the entry that had to go, if the map was full.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let mut fresh = None;
        let hash = self.hasher.hash_one(&key);
        let known = self.table.find(hash, |&i| self.entries.get(i as usize).is_some_and(|e| e.key == key)).copied();
        match known {
            Some(at) => {
                self.touch(at);
                if let Some(entry) = self.entries.get_mut(at as usize) {
                    entry.value = value;
                }
            }
            None => fresh = self.get_or_insert_with(key, || value).1,
        }
        fresh
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let entries = &self.entries;
        let slot = self.table.find_entry(hash, |&i| entries.get(i as usize).is_some_and(|e| e.key == *key)).ok()?;
        let (at, _) = slot.remove();
        self.unlink(at);
        self.entries.try_remove(at as usize).map(|e| e.value)
    }

    /// Removes the least recently used entry.
    pub fn pop_oldest(&mut self) -> Option<(K, V)> {
        let at = self.oldest;
        let hash = self.entries.get(at as usize)?.hash;
        if let Ok(slot) = self.table.find_entry(hash, |&i| i == at) {
            slot.remove();
        }
        self.unlink(at);
        self.entries.try_remove(at as usize).map(|e| (e.key, e.value))
    }

    /// All entries, the least recently used first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.newer;
            Some((&entry.key, &entry.value))
        })
    }

    fn touch(&mut self, at: u32) {
        if self.newest != at {
            self.unlink(at);
            self.link_newest(at);
        }
    }

    fn unlink(&mut self, at: u32) {
        let Some(entry) = self.entries.get(at as usize) else { return };
        let (older, newer) = (entry.older, entry.newer);
        match self.entries.get_mut(older as usize) {
            Some(e) => e.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer as usize) {
            Some(e) => e.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let newest = self.newest;
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.older = newest;
            entry.newer = NONE;
        }
        match self.entries.get_mut(newest as usize) {
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
    fn the_least_recently_used_makes_room() {
        let mut map = Lru::new(2);
        map.get_or_insert_with("a", || 1);
        map.get_or_insert_with("b", || 2);
        assert_eq!(map.get(&"a"), Some(&mut 1));
        assert_eq!(map.get_or_insert_with("c", || 3).1, Some(("b", 2)));
        assert_eq!(map.iter().map(|(k, _)| *k).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(map.remove(&"a"), Some(1));
        assert_eq!(map.len(), 1);
        assert_eq!(map.pop_oldest(), Some(("c", 3)));
        assert_eq!(map.pop_oldest(), None);
    }
}
