//! Values with small numbers that stay, in chunks: growth copies nothing.
//!
//! A vector that doubles copies all of itself again and again, through memory that was never touched, and gives back as much as
//! it used; a chunk of some pages comes and stays.

use crate::index::NONE;

/// Bytes of a full chunk, about: a size that the allocator packs.
const CHUNK_BYTES: usize = 64 * 1024;
/// Room for so many is taken at first.
const LEAST: usize = 8;

#[derive(Debug)]
enum Slot<T> {
    /// The one that was freed before it.
    Free(u32),
    Taken(T),
}

/// Values by number. The number of one that was removed is given out again.
#[derive(Debug)]
pub struct Slots<T> {
    chunks: Vec<Vec<Slot<T>>>,
    /// The last one that was freed.
    free: u32,
    len: usize,
    most: usize,
}

impl<T> Slots<T> {
    /// Values of a full chunk: a power of two.
    const SHIFT: u32 = {
        let fit = CHUNK_BYTES / size_of::<Slot<T>>();
        if fit < LEAST { LEAST.ilog2() } else { fit.ilog2() }
    };
    const CHUNK: usize = 1 << Self::SHIFT;

    /// No values. There will be at most so many: no room is taken beyond that.
    pub fn new(most: u32) -> Self {
        Slots { chunks: Vec::new(), free: NONE, len: 0, most: most as usize }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// There are as many as there will be.
    pub fn is_full(&self) -> bool {
        self.len >= self.most
    }

    /// The value with this number.
    #[inline]
    pub fn get(&self, at: u32) -> Option<&T> {
        match self.chunks.get(at as usize >> Self::SHIFT)?.get(at as usize & (Self::CHUNK - 1))? {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The value with this number.
    #[inline]
    pub fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        match self.slot(at)? {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The value with a number that is in use.
    #[inline]
    pub fn at(&mut self, at: u32) -> &mut T {
        self.get_mut(at).expect("a number in use")
    }

    #[inline]
    fn slot(&mut self, at: u32) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(at as usize >> Self::SHIFT)?.get_mut(at as usize & (Self::CHUNK - 1))
    }

    /// Adds a value; its number.
    pub fn insert(&mut self, value: T) -> u32 {
        let at = self.free;
        if let Some(slot) = self.slot(at) {
            if let Slot::Free(before) = std::mem::replace(slot, Slot::Taken(value)) {
                self.free = before;
            }
            self.len += 1;
            return at;
        }
        // all that were given out are taken
        let at = self.len;
        if self.chunks.last().is_none_or(|chunk| chunk.len() == Self::CHUNK) {
            self.chunks.push(Vec::new());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            if chunk.len() == chunk.capacity() {
                let full = Self::CHUNK - chunk.len();
                // a table that never held many stays small
                let more = if at < Self::CHUNK { chunk.len().max(LEAST).min(full) } else { full };
                chunk.reserve_exact(more.min(self.most.saturating_sub(at)).max(1));
            }
            chunk.push(Slot::Taken(value));
        }
        self.len += 1;
        u32::try_from(at).expect("`most` is a u32")
    }

    /// Takes out the value with this number.
    pub fn remove(&mut self, at: u32) -> Option<T> {
        let before = self.free;
        let slot = self.slot(at).filter(|slot| matches!(slot, Slot::Taken(_)))?;
        let Slot::Taken(value) = std::mem::replace(slot, Slot::Free(before)) else { return None };
        self.free = at;
        self.len -= 1;
        Some(value)
    }

    /// How many there is room for without more memory.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_there_does_not_move_when_more_comes() {
        let mut slots = Slots::new(1 << 20);
        let first_chunk = Slots::<[u64; 8]>::CHUNK;
        for n in 0..first_chunk as u64 {
            slots.insert([n; 8]);
        }
        let place = std::ptr::from_ref(slots.get(0).expect("the first"));
        for n in 0..100_000 {
            slots.insert([n; 8]);
        }
        assert!(std::ptr::eq(place, slots.get(0).expect("the first")));
        assert!(slots.capacity() - slots.len() < first_chunk);
    }

    proptest! {
        /// Beside the standard library's map.
        #[test]
        fn it_gives_back_what_was_put_in(steps in proptest::collection::vec((any::<bool>(), 0u32..300), 0..600)) {
            const MOST: u16 = 200;
            let mut slots = Slots::new(MOST.into());
            let mut model = BTreeMap::new();
            for (n, (adds, at)) in steps.into_iter().enumerate() {
                if adds && model.len() < MOST.into() {
                    let at = slots.insert([n; 100]);
                    prop_assert!(model.insert(at, [n; 100]).is_none(), "{} was taken", at);
                } else {
                    prop_assert_eq!(slots.remove(at), model.remove(&at));
                }
                prop_assert_eq!(slots.len(), model.len());
                prop_assert_eq!(slots.get(at), model.get(&at));
                prop_assert_eq!(slots.get_mut(at), model.get_mut(&at));
                prop_assert!(slots.capacity() <= MOST.into());
            }
        }
    }
}
