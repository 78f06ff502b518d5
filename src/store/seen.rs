//! Which requests were counted already, so that what is replayed again is counted once.
//!
//! What earlier runs counted is read from the database, a minute at a time. Of this run's own requests the latest are enough:
//! one comes twice where files overlap, and those are merged by time.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;

use super::Record;
use super::rows;
use super::writer::Keys;
use crate::http::Request;
use crate::packet::{SECOND, Time};
use crate::record::{Transaction, Verdict};

/// Keys of earlier runs in memory, beside those of the minutes at hand; more can be read again from the database.
const KEYS_MAX: usize = 262_144;
/// This run's own keys come in two generations of so many: as many as a table of a power of two takes.
const GENERATION: usize = 114_688;

/// Keys as `seen` has them: their lowest bit tells that the request was recorded as refused.
#[derive(Debug, Clone, Copy)]
struct Key(u64);

impl Key {
    fn refused(self) -> bool {
        self.0 & 1 == 1
    }

    fn name(self) -> u64 {
        self.0 >> 1
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.name());
    }
}

/// What is counted of a transaction.
#[derive(Debug)]
pub(super) struct Counted {
    pub time: Time,
    pub origin: Option<Arc<str>>,
    pub target_origin: Arc<str>,
    pub method: Arc<str>,
    pub path: Arc<str>,
    pub verdict: Verdict,
    preflight: Option<Met>,
    actual: Option<Met>,
}

/// A request by the minute of its first byte and its key, not yet refused.
#[derive(Debug, Clone, Copy)]
struct Met {
    minute: i64,
    key: u64,
}

impl Met {
    fn of(sensor: u64, request: &Request) -> Self {
        Met { minute: request.first.time.0.div_euclid(60 * SECOND), key: rows::seen_key(sensor, request) }
    }
}

impl Counted {
    /// `sensor` is the digest of its name. None: it is no traffic between origins.
    pub(super) fn of(sensor: u64, t: &Transaction) -> Option<Self> {
        if t.verdict == Verdict::NotCors {
            return None;
        }
        Some(Counted {
            time: t.time,
            origin: t.origin.clone(),
            target_origin: Arc::clone(&t.target_origin),
            method: Arc::clone(&t.method),
            path: Arc::clone(&t.path),
            verdict: t.verdict,
            preflight: t.preflight.as_ref().map(|p| Met::of(sensor, &p.leg.request)),
            actual: t.actual.as_ref().map(|a| Met::of(sensor, &a.request)),
        })
    }

    pub(super) fn has_preflight(&self) -> bool {
        self.preflight.is_some()
    }

    /// Its requests; true: it is the actual one.
    fn legs(&self) -> impl Iterator<Item = (Met, bool)> {
        self.preflight.map(|p| (p, false)).into_iter().chain(self.actual.map(|a| (a, true)))
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Seen {
    earlier: Earlier,
    ours: Ours,
}

/// What the database had of each minute when it was needed.
#[derive(Default)]
struct Earlier {
    minutes: HashMap<i64, Minute, RandomState>,
    newest: i64,
    clock: u64,
    /// Keys of all minutes, and one for each minute.
    size: usize,
}

#[derive(Default)]
struct Minute {
    /// In order: they are looked through more seldom than they are kept.
    keys: Vec<Key>,
    used: u64,
}

impl Minute {
    fn of(mut keys: Vec<Key>, used: u64) -> Self {
        keys.sort_unstable_by_key(|key| key.0);
        // of two the refused one is the later
        keys.dedup_by(|later, key| {
            let same = later == key;
            if same {
                *key = *later;
            }
            same
        });
        Minute { keys, used }
    }

    fn get(&mut self, key: Key) -> Option<&mut Key> {
        let at = self.keys.binary_search_by_key(&key.name(), |key| key.name()).ok()?;
        self.keys.get_mut(at)
    }

    fn size(&self) -> usize {
        self.keys.len() + 1
    }
}

impl Earlier {
    fn add(&mut self, minute: i64, read: Vec<Key>) {
        let read = Minute::of(read, self.clock);
        self.size += read.size();
        self.minutes.insert(minute, read);
    }

    /// What may be read again: all but the minute at hand and the one before, of which requests still get their answers.
    fn old(&self) -> impl Iterator<Item = (i64, &Minute)> {
        self.minutes.iter().map(|(minute, known)| (*minute, known)).filter(|(minute, _)| *minute < self.newest - 1)
    }

    fn is_full(&self) -> bool {
        self.size > 2 * KEYS_MAX && self.old().map(|(_, known)| known.size()).sum::<usize>() > KEYS_MAX
    }

    fn forget_old(&mut self) {
        if self.size <= KEYS_MAX {
            return;
        }
        let mut by_use: Vec<(u64, i64)> = self.old().map(|(minute, known)| (known.used, minute)).collect();
        by_use.sort_unstable();
        for (_, minute) in by_use {
            if self.size <= KEYS_MAX / 2 {
                break;
            }
            self.size -= self.minutes.remove(&minute).map_or(0, |known| known.size());
        }
    }
}

/// The latest of this run's own.
#[derive(Default)]
struct Ours {
    latest: HashSet<Key, RandomState>,
    before: HashSet<Key, RandomState>,
}

impl Ours {
    fn get(&self, key: Key) -> Option<Key> {
        self.latest.get(&key).or_else(|| self.before.get(&key)).copied()
    }

    /// Enters it, or takes note that it was refused.
    fn put(&mut self, key: Key) {
        if self.latest.len() >= GENERATION {
            std::mem::swap(&mut self.latest, &mut self.before);
            self.latest.clear();
        }
        self.latest.replace(key);
    }
}

impl Seen {
    /// Reads the minutes that the batch touches.
    pub(super) async fn load(
        &mut self,
        connection: &mut SqliteConnection,
        batch: &[Record],
    ) -> Result<(), sqlx::Error> {
        let earlier = &mut self.earlier;
        earlier.clock += 1;
        let mut last = None;
        for record in batch {
            let (Record::Counted(counted) | Record::Refused(counted, _)) = record else { continue };
            for (Met { minute, .. }, _) in counted.legs() {
                if last.replace(minute) == Some(minute) {
                    continue;
                }
                earlier.newest = minute;
                if let Some(known) = earlier.minutes.get_mut(&minute) {
                    known.used = earlier.clock;
                    continue;
                }
                let mut read = Vec::new();
                let mut blobs =
                    sqlx::query_as("SELECT keys FROM seen WHERE minute = ?").bind(minute).fetch(&mut *connection);
                while let Some((blob,)) = blobs.try_next().await? {
                    let blob: Vec<u8> = blob;
                    read.extend(blob.as_chunks::<8>().0.iter().map(|key| Key(u64::from_le_bytes(*key))));
                }
                earlier.add(minute, read);
            }
        }
        Ok(())
    }

    /// Whether the transaction was counted, and recorded as refused, before; from now on it was. What is new in `new`.
    ///
    /// Its actual request decides. A preflight alone decides where nothing followed, or where another run saw it: the end
    /// of one capture may hold the beginning of a transaction that the next one holds too.
    pub(super) fn enter(&mut self, t: &Counted, new: &mut Keys) -> (bool, bool) {
        let blocked = t.verdict == Verdict::Blocked;
        let (mut counted, mut refused) = (false, false);
        for (Met { minute, key }, actual) in t.legs() {
            let key = Key(key | u64::from(blocked));
            let ours = self.ours.get(key);
            let mut read = self.earlier.minutes.get_mut(&minute).and_then(|known| known.get(key));
            let Some(known) = ours.or(read.as_deref().copied()) else {
                self.ours.put(key);
                new.push(minute, key.0);
                continue;
            };
            if actual || t.actual.is_none() || ours.is_none() {
                counted = true;
                refused |= known.refused();
            }
            if blocked && !known.refused() {
                match &mut read {
                    Some(read) if ours.is_none() => **read = key,
                    _ => self.ours.put(key),
                }
                new.push(minute, key.0);
            }
        }
        (counted, refused)
    }

    /// So much of earlier runs is in memory that some should go.
    pub(super) fn is_full(&self) -> bool {
        self.earlier.is_full()
    }

    /// Drops the minutes not used for longest. All keys must be in the database: they can be read again.
    pub(super) fn forget_old(&mut self) {
        self.earlier.forget_old();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_our_own_the_latest_are_known_and_no_more_are_kept() {
        let mut ours = Ours::default();
        for n in 0..3 * GENERATION as u64 {
            ours.put(Key(n << 1));
            assert!(ours.get(Key(n << 1 | 1)).is_some_and(|key| !key.refused()));
            ours.put(Key(n << 1 | 1));
            assert!(ours.get(Key(n << 1)).is_some_and(Key::refused), "as refused from now on");
            let first = n.saturating_sub(GENERATION as u64 - 1);
            assert!(ours.get(Key(first << 1)).is_some());
        }
        assert_eq!(ours.get(Key(0)), None);
        let rooms = ours.latest.capacity() + ours.before.capacity();
        assert_eq!(rooms, 2 * GENERATION, "neither table ever grows beyond what it is meant to be");
    }

    #[test]
    fn of_earlier_runs_the_minutes_at_hand_stay() {
        let mut earlier = Earlier::default();
        for minute in 0..40 {
            earlier.clock += 1;
            earlier.newest = minute;
            let keys = 0..KEYS_MAX as u64 / 8;
            earlier.add(minute, keys.map(|n| Key(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect());
            if earlier.is_full() {
                earlier.forget_old();
            }
            assert!(earlier.size <= 2 * KEYS_MAX + KEYS_MAX / 4);
            assert!(
                earlier.minutes.contains_key(&minute) && (minute == 0 || earlier.minutes.contains_key(&(minute - 1)))
            );
        }
        let size: usize = earlier.minutes.values().map(Minute::size).sum();
        assert_eq!(earlier.size, size);
    }

    #[test]
    fn a_request_is_refused_if_it_ever_was() {
        let mut minute = Minute::of([7, 4, 2, 6, 2].map(Key).to_vec(), 0);
        assert_eq!(minute.keys.iter().map(|key| key.0).collect::<Vec<_>>(), [2, 4, 7]);
        *minute.get(Key(5)).expect("it is there") = Key(5);
        assert!(minute.get(Key(4)).is_some_and(|key| key.refused()));
        assert!(minute.get(Key(8)).is_none());
    }
}
