//! What was made out lately, so that it need not be made out again.

use crate::index::folded;

/// Values by a digest of what they were made from. One takes the place of another.
#[derive(Debug)]
pub struct Memo<V> {
    places: Box<[Option<(u64, V)>]>,
}

impl<V: Clone> Memo<V> {
    /// Remembers at most so many, a power of two.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Memo { places: vec![None; places].into() }
    }

    fn place(&self, key: u64) -> usize {
        place(key, self.places.len())
    }

    /// What was made for this key, unless forgotten.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<&V> {
        let (known, value) = self.places.get(self.place(key))?.as_ref()?;
        (*known == key).then_some(value)
    }

    /// Remembers what was made for this key.
    pub fn put(&mut self, key: u64, value: V) {
        let place = self.place(key);
        if let Some(place) = self.places.get_mut(place) {
            *place = Some((key, value));
        }
    }

    /// What was made for this key, made by `make` where it is forgotten.
    pub fn of(&mut self, key: u64, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(key) {
            return value.clone();
        }
        let value = make();
        self.put(key, value.clone());
        value
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.places.fill(None);
    }
}

/// Which keys came lately, by a part of each: what comes once only need not take anybody's place in a [`Memo`].
#[derive(Debug)]
pub struct Came(Box<[u32]>);

impl Came {
    /// Of as many keys at most, a power of two.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Came(vec![0; places].into())
    }

    /// Takes note of a key; whether it is the one that came last to its place.
    pub fn is_back(&mut self, key: u64) -> bool {
        let mark = folded(key.rotate_left(20));
        let place = place(key >> 20, self.0.len());
        self.0.get_mut(place).is_some_and(|last| std::mem::replace(last, mark) == mark)
    }
}

#[allow(clippy::cast_possible_truncation)] // fewer bits are meant
fn place(key: u64, places: usize) -> usize {
    key as usize & (places - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put_last_in_each_place_and_takes_nothing_for_another() {
        let mut memo = Memo::new(4);
        memo.put(1, 'a');
        memo.put(6, 'b');
        assert_eq!((memo.get(1), memo.get(5), memo.get(6), memo.get(2)), (Some(&'a'), None, Some(&'b'), None));
        assert_eq!((memo.of(5, || 'c'), memo.of(5, || 'd'), memo.get(1)), ('c', 'c', None));
        memo.clear();
        assert_eq!((memo.get(5), memo.get(6)), (None, None));
    }
    #[test]
    fn a_key_is_back_unless_another_came_to_its_place() {
        let mut came = Came::new(4);
        let [one, other, elsewhere] = [1_u64 << 20, 5 << 20, 2 << 20];
        assert_eq!(
            [one, one, elsewhere, one, other, one].map(|key| came.is_back(key)),
            [false, true, false, true, false, false]
        );
    }
}
