//! Where each entry of a table is, by hash: open addressing, so that a place can be looked at before it is needed.
//!
//! Of a million connections nearly every packet's is in main memory. One look after the other waits for it each time; many
//! looks that do not depend on each other wait together. A look costs one line of the cache, and the hash beside the number
//! keeps it from looking at the wrong entry.

/// No entry.
pub const NONE: u32 = u32::MAX;
/// Entries looked at together.
pub const TOGETHER: usize = 32;
/// Places at first; a power of two.
const PLACES_MIN: usize = 64;
/// To grow is to look at all entries in no order of memory, and untouched places cost nothing: so it is done seldom.
const GROWTH: usize = 2;

/// A hash in the upper half, the number and one in the lower; 0 where there is no entry, so that memory fresh from the system
/// is an empty table.
type Place = u64;

#[inline]
fn place_of(hash: u32, at: u32) -> Place {
    u64::from(hash) << 32 | u64::from(at.wrapping_add(1))
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // the lower half is meant
fn at_of(place: Place) -> u32 {
    (place as u32).wrapping_sub(1)
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // 32 bits are left
fn hash_of(place: Place) -> u32 {
    (place >> 32) as u32
}

/// Numbers below `u32::MAX` by hash. Linear probing, at most four fifths full; what is removed is closed up, so that no chain grows.
#[derive(Debug)]
pub struct Index {
    places: Vec<Place>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Index { places: vec![0; PLACES_MIN], len: 0 }
    }
}

impl Index {
    fn mask(&self) -> usize {
        self.places.len() - 1
    }

    /// The numbers at the own places of at most [`TOGETHER`] hashes: a guess that costs a look each, and they wait together.
    #[must_use]
    pub fn glances(&self, hashes: impl Iterator<Item = u32>) -> [u32; TOGETHER] {
        let mut found = [NONE; TOGETHER];
        for (found, hash) in found.iter_mut().zip(hashes) {
            *found = self.glance(hash);
        }
        found
    }

    #[inline]
    fn glance(&self, hash: u32) -> u32 {
        self.places.get(hash as usize & self.mask()).map_or(NONE, |place| at_of(*place))
    }

    /// The number with this hash of which `is_it` is true.
    #[must_use]
    #[inline]
    pub fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.mask();
        let mut home = hash as usize & mask;
        loop {
            let place = self.places[home];
            if place == 0 {
                return None;
            }
            if hash_of(place) == hash && is_it(at_of(place)) {
                return Some(at_of(place));
            }
            home = (home + 1) & mask;
        }
    }

    /// Adds a number that is not there.
    pub fn insert(&mut self, hash: u32, at: u32) {
        if (self.len + 1) * 5 > self.places.len() * 4 {
            let places = vec![0; self.places.len() * GROWTH];
            for place in std::mem::replace(&mut self.places, places) {
                if place != 0 {
                    self.put(place);
                }
            }
        }
        self.len += 1;
        self.put(place_of(hash, at));
    }

    fn put(&mut self, place: Place) {
        let mask = self.mask();
        let mut home = hash_of(place) as usize & mask;
        while self.places[home] != 0 {
            home = (home + 1) & mask;
        }
        self.places[home] = place;
    }

    /// Removes a number that is there.
    pub fn remove(&mut self, hash: u32, at: u32) {
        let mask = self.mask();
        let mut hole = hash as usize & mask;
        while self.places[hole] != place_of(hash, at) {
            if self.places[hole] == 0 {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.len -= 1;
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let place = self.places[next];
            if place == 0 {
                break;
            }
            // it may move back as far as its own place
            let own = hash_of(place) as usize & mask;
            if next.wrapping_sub(own) & mask >= next.wrapping_sub(hole) & mask {
                self.places[hole] = place;
                hole = next;
            }
        }
        self.places[hole] = 0;
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Index::default();
    }
}

/// The half of a hash that an index wants.
#[must_use]
#[inline]
#[allow(clippy::cast_possible_truncation)] // both halves are mixed
pub fn folded(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_holds_what_a_map_holds_whatever_comes_and_goes() {
        let mut seed = 7_u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(seed >> 33).expect("31 bits")
        };
        let mut index = Index::default();
        let mut map: HashMap<u32, u32> = HashMap::new();
        for at in 0..20_000 {
            // few hashes, near the end of the table too, so that chains are long, meet and go round
            let hash = [random() % 97, u32::MAX - random() % 61, random()][random() as usize % 3];
            index.insert(hash, at);
            map.insert(at, hash);
            while random() % 3 > 0 && map.len() > 300 {
                let gone = *map.keys().min_by_key(|at| (**at).wrapping_mul(0x9e37_79b9)).expect("some");
                index.remove(map.remove(&gone).expect("there"), gone);
            }
            if at % 500 == 0 {
                assert!(map.iter().all(|(at, hash)| index.find(*hash, |found| found == *at) == Some(*at)));
                assert_eq!(index.len, map.len());
                assert_eq!(index.places.iter().filter(|p| **p != 0).count(), map.len());
            }
        }
        assert_eq!(index.find(5, |_| false), None);
        index.clear();
        assert_eq!(index.glance(5), NONE);
    }
}
