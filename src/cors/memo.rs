//! What was made out lately, so that it need not be made out again.

/// Values by a digest of what they were made from. One takes the place of another.
#[derive(Debug)]
pub(super) struct Memo<V> {
    places: Box<[Option<(u64, V)>]>,
}

impl<V: Clone> Memo<V> {
    /// Remembers at most so many, a power of two.
    pub(super) fn new(places: usize) -> Self {
        Memo { places: vec![None; places].into() }
    }

    #[allow(clippy::cast_possible_truncation)] // fewer bits are meant
    fn place(&self, key: u64) -> usize {
        key as usize & (self.places.len() - 1)
    }

    /// What was made for this key, unless forgotten.
    pub(super) fn get(&self, key: u64) -> Option<&V> {
        let (known, value) = self.places.get(self.place(key))?.as_ref()?;
        (*known == key).then_some(value)
    }

    pub(super) fn put(&mut self, key: u64, value: V) {
        let place = self.place(key);
        if let Some(place) = self.places.get_mut(place) {
            *place = Some((key, value));
        }
    }

    /// What was made for this key, made by `make` where it is forgotten.
    pub(super) fn of(&mut self, key: u64, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(key) {
            return value.clone();
        }
        let value = make();
        self.put(key, value.clone());
        value
    }

    pub(super) fn clear(&mut self) {
        self.places.fill(None);
    }
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
}
