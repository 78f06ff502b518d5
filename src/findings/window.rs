//! Bounded memory of what was seen lately.

use smallvec::SmallVec;

use crate::packet::Time;

/// Different values kept of one kind; more are only counted.
const VALUES_MAX: usize = 64;

/// Different values seen within a sliding window, at most 64 of them.
#[derive(Debug, Default)]
pub struct Distinct {
    seen: SmallVec<[(u64, Time); 2]>,
    beyond: u32,
    /// None was seen before.
    since: Time,
}

impl Distinct {
    /// Enters `value` at `now`, forgets what is older than `window_ns`; whether it is new.
    pub fn enter(&mut self, value: u64, now: Time, window_ns: i64) -> bool {
        if let Some(known) = self.seen.iter_mut().find(|(v, _)| *v == value) {
            let fresh = now.since(known.1) > window_ns;
            known.1 = now;
            self.since = self.since.min(now);
            return fresh;
        }
        if self.seen.len() >= VALUES_MAX {
            self.prune(now, window_ns);
        }
        if self.seen.len() >= VALUES_MAX {
            self.beyond = self.beyond.saturating_add(1);
        } else {
            self.since = if self.seen.is_empty() { now } else { self.since.min(now) };
            self.seen.push((value, now));
        }
        true
    }

    /// How many different values there are within the window.
    pub fn count(&mut self, now: Time, window_ns: i64) -> usize {
        self.prune(now, window_ns);
        self.seen.len() + self.beyond as usize
    }

    /// The values that are kept.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.seen.iter().map(|(value, _)| *value)
    }

    fn prune(&mut self, now: Time, window_ns: i64) {
        if now.since(self.since) <= window_ns {
            return;
        }
        let before = self.seen.len();
        self.seen.retain(|(_, at)| now.since(*at) <= window_ns);
        self.since = self.seen.iter().map(|(_, at)| *at).min().unwrap_or(now);
        if self.seen.len() < before {
            self.beyond = 0;
        }
    }
}

/// How often something happened within a sliding window of ten buckets.
#[derive(Debug, Default)]
pub struct Count {
    buckets: [u16; 10],
    /// Number of the newest bucket since the epoch.
    newest: i64,
}

impl Count {
    /// Counts one more at `now`; the sum over the window.
    pub fn enter(&mut self, now: Time, window_ns: i64) -> usize {
        self.turn(now, window_ns);
        let slot = usize::try_from(self.newest.rem_euclid(10)).unwrap_or(0);
        if let Some(bucket) = self.buckets.get_mut(slot) {
            *bucket = bucket.saturating_add(1);
        }
        self.sum()
    }

    fn turn(&mut self, now: Time, window_ns: i64) {
        let bucket = now.0.div_euclid((window_ns / 10).max(1));
        let passed = bucket.saturating_sub(self.newest);
        if passed >= 10 {
            self.buckets = [0; 10];
        } else {
            for n in 1..=passed {
                let slot = usize::try_from((self.newest + n).rem_euclid(10)).unwrap_or(0);
                if let Some(old) = self.buckets.get_mut(slot) {
                    *old = 0;
                }
            }
        }
        self.newest = self.newest.max(bucket);
    }

    fn sum(&self) -> usize {
        self.buckets.iter().map(|&n| usize::from(n)).sum()
    }
}

/// A few values, each once: the first that came.
#[derive(Debug, Default)]
pub struct Few<const MAX: usize> {
    values: SmallVec<[u64; 2]>,
}

impl<const MAX: usize> Few<MAX> {
    /// Enters a value unless there are `MAX` already.
    pub fn enter(&mut self, value: u64) {
        if self.values.len() < MAX && !self.values.contains(&value) {
            self.values.push(value);
        }
    }

    /// Whether it is in.
    #[must_use]
    pub fn holds(&self, value: u64) -> bool {
        self.values.contains(&value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether a value is in both.
    #[must_use]
    pub fn shares<const N: usize>(&self, other: &Few<N>) -> bool {
        self.values.iter().any(|value| other.values.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SECOND;

    #[test]
    fn values_leave_with_the_window() {
        let mut seen = Distinct::default();
        for n in 0..100 {
            seen.enter(n, Time(0), 10 * SECOND);
        }
        assert_eq!(seen.count(Time(10 * SECOND), 10 * SECOND), 100);
        assert_eq!(seen.count(Time(10 * SECOND + 1), 10 * SECOND), 0);
        assert!(seen.enter(1, Time(11 * SECOND), SECOND) && !seen.enter(1, Time(12 * SECOND), SECOND));
    }

    #[test]
    fn counts_leave_bucket_by_bucket() {
        let mut count = Count::default();
        for second in 0..10 {
            assert_eq!(count.enter(Time(second * SECOND), 10 * SECOND), usize::try_from(second).unwrap() + 1);
        }
        assert_eq!(count.enter(Time(10 * SECOND), 10 * SECOND), 10);
        assert_eq!(count.enter(Time(100 * SECOND), 10 * SECOND), 1);
    }
}
