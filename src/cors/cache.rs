//! A model of the browsers' preflight caches (VERDICTS.md §5 and §6).
//!
//! Holds at most `cache_entries_max` entries, and `cache_entries_of_client_max` of one client. What had to go is remembered by a
//! fingerprint, so that a preflight which was seen and forgotten is told from one that was never seen.

use std::sync::Arc;

use smallvec::SmallVec;

use super::ClientId;
use super::browser::max_age_s;
use super::fields::list_items;
use crate::http::head::{Head, Name};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::packet::{SECOND, Time};
use crate::record::Family;

/// Methods and names kept of one answer; what stands behind them is not covered.
const METHODS_MAX: usize = 64;
const NAMES_MAX: usize = 256;
/// Longer lists than these together are not added up.
const ADDED_MAX: usize = 64;

/// Clocks of capture and browser are two.
const SLACK_NS: i64 = SECOND;

/// How long an entry lives.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    seconds: u32,
    /// What was allowed before stays allowed: Firefox keeps each method and each name by itself.
    adds: bool,
}

impl Lifetime {
    /// As this family reads `Access-Control-Max-Age`.
    #[must_use]
    pub fn of(head: &Head, family: Family) -> Self {
        Lifetime {
            seconds: max_age_s(head.first(Name::AcMaxAge), head.count(Name::AcMaxAge), family),
            adds: family == Family::Firefox,
        }
    }
}

/// What the cache knows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A live entry covers it.
    Covered,
    /// There is an entry, but it has lapsed or does not cover it.
    NotCovered,
    /// There was one; it had to make room.
    Forgotten,
    /// There is none.
    Nothing,
}

#[derive(Debug, PartialEq, Eq)]
struct Lists {
    methods: Vec<Vec<u8>>,
    names: Vec<String>,
}

impl Lists {
    /// What either allows.
    fn both(before: &Arc<Lists>, new: Arc<Lists>) -> Arc<Lists> {
        fn missing<T: PartialEq + Clone>(before: &[T], new: &[T]) -> Vec<T> {
            before.iter().filter(|item| !new.contains(item)).cloned().collect()
        }
        let count = |lists: &Lists| lists.methods.len() + lists.names.len();
        if Arc::ptr_eq(before, &new) || count(before) + count(&new) > ADDED_MAX {
            return new;
        }
        let methods = missing(&before.methods, &new.methods);
        let names = missing(&before.names, &new.names);
        if methods.is_empty() && names.is_empty() {
            return new;
        }
        Arc::new(Lists {
            methods: new.methods.iter().cloned().chain(methods).collect(),
            names: new.names.iter().cloned().chain(names).collect(),
        })
    }
}

impl Lists {
    fn cover(&self, method: &[u8], names: &[&str], family: Family) -> bool {
        let wildcard = family != Family::Firefox;
        let star_method = wildcard && self.methods.iter().any(|m| m == b"*");
        let star_name = wildcard && self.names.iter().any(|n| n == "*");
        let method_ok =
            super::fields::is_simple_method(method) || star_method || self.methods.iter().any(|m| m == method);
        method_ok && names.iter().all(|n| n.starts_with('(') || star_name || self.names.iter().any(|l| l == n))
    }
}

/// What an answer allows, and until when.
#[derive(Debug, Clone)]
pub struct Permission {
    expires: Time,
    lists: Arc<Lists>,
}

impl Permission {
    /// Whether a request that needs a preflight may go without one.
    #[must_use]
    pub fn covers(&self, method: &[u8], names: &[&str], family: Family, at: Time) -> bool {
        self.expires >= at && self.lists.cover(method, names, family)
    }
}

#[derive(Debug)]
struct Entry {
    client: ClientId,
    /// When its preflight, the last of them, was sent.
    asked: Time,
    allows: Permission,
    /// Its preflight asked for `authorization`.
    authorized: bool,
}

/// Entries by client × origin × URL; one not used lately goes.
#[derive(Debug)]
pub struct PreflightCache {
    entries: Lru<u64, Entry>,
    /// How many entries each client has.
    of_client: Lru<ClientId, SmallVec<[u64; 2]>>,
    of_client_max: usize,
    /// Fingerprints of keys that had to go, each in the slot that its key names; a later one takes an earlier one's place.
    forgotten: Vec<u32>,
    forgotten_slots: usize,
    /// The lists of answers lately: a server says the same to everybody.
    said: [Option<Said>; SAID_MAX],
}

/// Lists as they were sent, and read.
#[derive(Debug)]
struct Said {
    methods: Box<[u8]>,
    names: Box<[u8]>,
    lists: Arc<Lists>,
}

/// Answers whose lists are remembered as sent.
const SAID_MAX: usize = 16;
/// Longer ones are not.
const SAID_BYTES_MAX: usize = 1024;

impl PreflightCache {
    /// Empty.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        PreflightCache {
            entries: Lru::new(limits.cache_entries_max),
            of_client: Lru::new(limits.clients_max),
            of_client_max: limits.cache_entries_of_client_max.max(1) as usize,
            forgotten: Vec::new(),
            forgotten_slots: (limits.forgotten_slots as usize).next_power_of_two(),
            said: [const { None }; SAID_MAX],
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

    /// Keeps what a passing preflight's answer allows; counts in `forgotten` what had to go for it. `authorized`: it asked for `authorization`.
    /// `asked`, `at`: when it was sent, and answered.
    #[allow(clippy::too_many_arguments)] // each is one thing that an entry is made of
    pub fn insert(
        &mut self,
        key: u64,
        client: ClientId,
        authorized: bool,
        head: &Head,
        lifetime: Lifetime,
        (asked, at): (Time, Time),
        forgotten: &mut u64,
    ) {
        if lifetime.seconds == 0 {
            if !lifetime.adds {
                self.entries.remove(&key);
            }
            return;
        }
        let mut lists = self.lists_of(head);
        let mut expires = at.plus(i64::from(lifetime.seconds).saturating_mul(SECOND));
        if lifetime.adds
            && let Some(entry) = self.entries.peek(&key).filter(|entry| entry.allows.expires.plus(SLACK_NS) >= at)
        {
            // the whole lapses with its last part: should that be too late for another part, its preflight comes and is seen
            expires = expires.max(entry.allows.expires);
            lists = Lists::both(&entry.allows.lists, lists);
        }
        let allows = Permission { expires, lists };
        if let Some((gone, _)) = self.entries.insert(key, Entry { client, asked, allows, authorized }) {
            self.forget(gone);
            *forgotten += 1;
        }
        let (own, _) = self.of_client.get_or_insert_with(client, SmallVec::new);
        if !own.contains(&key) {
            own.push(key);
        }
        if own.len() > self.of_client_max {
            // oldest first; those that went another way are no longer there
            let gone = own.remove(0);
            if self.entries.peek(&gone).is_some_and(|e| e.client == client) {
                self.entries.remove(&gone);
                self.forget(gone);
                *forgotten += 1;
            }
        }
    }

    fn lists_of(&mut self, head: &Head) -> Arc<Lists> {
        let methods = head.joined(Name::AcAllowMethods).unwrap_or_default();
        let names = head.joined(Name::AcAllowHeaders).unwrap_or_default();
        let place = self.said.get_mut((methods.len() + 3 * names.len()) % SAID_MAX);
        if let Some(Some(said)) = &place
            && *said.methods == *methods
            && *said.names == *names
        {
            return said.lists.clone();
        }
        let lists = Arc::new(Lists {
            methods: list_items(&methods).take(METHODS_MAX).map(<[u8]>::to_vec).collect(),
            names: list_items(&names)
                .take(NAMES_MAX)
                .map(|n| String::from_utf8_lossy(n).to_ascii_lowercase())
                .collect(),
        });
        if let Some(place) = place.filter(|_| methods.len() + names.len() <= SAID_BYTES_MAX) {
            *place = Some(Said { methods: methods.into(), names: names.into(), lists: lists.clone() });
        }
        lists
    }

    /// Firefox drops the entry when an actual request fails its check; those that it let pass before may still be on their way.
    pub fn lapse(&mut self, key: u64, at: Time) {
        if let Some(entry) = self.entries.peek_mut(&key) {
            entry.allows.expires = entry.allows.expires.min(at);
        }
    }

    /// What is known of a request that needs a preflight.
    pub fn known(&mut self, key: u64, method: &[u8], names: &[&str], family: Family, at: Time) -> Known {
        let Some(entry) = self.entries.get(&key) else {
            return if self.is_forgotten(key) { Known::Forgotten } else { Known::Nothing };
        };
        let from = Time(at.0.saturating_sub(SLACK_NS));
        if entry.allows.covers(method, names, family, from) { Known::Covered } else { Known::NotCovered }
    }

    /// What another preflight than the one asked then left here.
    #[must_use]
    pub fn other_than(&self, key: u64, asked: Time) -> Option<&Permission> {
        self.entries.peek(&key).filter(|entry| entry.asked != asked).map(|entry| &entry.allows)
    }

    /// Whether the script set `Authorization` when this was last asked for, so that it is not the browser's own.
    #[must_use]
    pub fn is_authorized(&self, key: u64) -> bool {
        self.entries.peek(&key).is_some_and(|entry| entry.authorized)
    }

    #[allow(clippy::cast_possible_truncation)] // a slot is the key's low bits, its fingerprint the high ones
    fn slot_and_print(&self, key: u64) -> (usize, u32) {
        // 0 is an empty slot
        (key as usize & (self.forgotten_slots - 1), (key >> 32) as u32 | 1)
    }

    fn forget(&mut self, key: u64) {
        if self.forgotten.is_empty() {
            self.forgotten = vec![0; self.forgotten_slots];
        }
        let (slot, print) = self.slot_and_print(key);
        if let Some(place) = self.forgotten.get_mut(slot) {
            *place = print;
        }
    }

    fn is_forgotten(&self, key: u64) -> bool {
        let (slot, print) = self.slot_and_print(key);
        self.forgotten.get(slot) == Some(&print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;

    fn answer() -> Head {
        let mut built = HeadBuilder::response();
        built.field(b"Access-Control-Allow-Methods", Name::AcAllowMethods, b"PUT", false);
        built.field(b"Access-Control-Allow-Headers", Name::AcAllowHeaders, b"X-A, x-b", false);
        built.finish()
    }

    fn minute() -> Lifetime {
        Lifetime { seconds: 60, adds: false }
    }

    fn limits(all: u32, of_client: u32) -> Limits {
        Limits { cache_entries_max: all, cache_entries_of_client_max: of_client, ..Limits::default() }
    }

    #[test]
    fn an_entry_covers_what_its_lists_name_until_it_lapses() {
        let mut cache = PreflightCache::new(&limits(8, 8));
        cache.insert(1, ClientId(0), false, &answer(), minute(), (Time(0), Time(0)), &mut 0);
        let mut known =
            |method: &str, names: &[&str], at| cache.known(1, method.as_bytes(), names, Family::Chromium, Time(at));
        assert_eq!(known("PUT", &["x-b", "x-a"], 0), Known::Covered);
        assert_eq!(known("POST", &[], 0), Known::Covered);
        assert_eq!(known("PATCH", &[], 0), Known::NotCovered);
        assert_eq!(known("PUT", &["x-c"], 0), Known::NotCovered);
        // a second of slack
        assert_eq!(known("PUT", &[], 61 * SECOND), Known::Covered);
        assert_eq!(known("PUT", &[], 61 * SECOND + 1), Known::NotCovered);
        assert_eq!(cache.known(2, b"PUT", &[], Family::Chromium, Time(0)), Known::Nothing);
    }

    /// Firefox 153, of 38 requests without a preflight: what an earlier answer allowed stays, whatever a later one says of other names,
    /// and eight at once that share a preflight all go out before the first is refused.
    #[test]
    fn firefox_adds_up_what_answers_allow() {
        let mut cache = PreflightCache::new(&limits(8, 8));
        let lists = |method: &str, name: &str| {
            let mut built = HeadBuilder::response();
            built.field(b"Access-Control-Allow-Methods", Name::AcAllowMethods, method.as_bytes(), false);
            built.field(b"Access-Control-Allow-Headers", Name::AcAllowHeaders, name.as_bytes(), false);
            built.finish()
        };
        for (adds, covered) in [(true, Known::Covered), (false, Known::NotCovered)] {
            let of = |seconds| Lifetime { seconds, adds };
            cache.insert(1, ClientId(0), false, &lists("PUT", "x-a"), of(60), (Time(0), Time(0)), &mut 0);
            cache.insert(1, ClientId(0), false, &lists("PATCH", "x-b"), of(5), (Time(0), Time(SECOND)), &mut 0);
            for names in [&["x-b"], &["x-a"]] {
                let known = cache.known(1, b"PATCH", names, Family::Firefox, Time(2 * SECOND));
                assert_eq!(known, if names[0] == "x-b" { Known::Covered } else { covered }, "{names:?}");
            }
            cache.insert(1, ClientId(0), false, &lists("PUT", "x-a"), of(0), (Time(0), Time(3 * SECOND)), &mut 0);
            let known = cache.known(1, b"PATCH", &["x-b"], Family::Firefox, Time(4 * SECOND));
            assert_eq!(known, if adds { Known::Covered } else { Known::Nothing });
            cache.lapse(1, Time(10 * SECOND));
            assert_eq!(cache.known(1, b"PUT", &["x-a"], Family::Firefox, Time(11 * SECOND)) == Known::Covered, adds);
            assert_ne!(cache.known(1, b"PUT", &["x-a"], Family::Firefox, Time(12 * SECOND)), Known::Covered);
        }
    }

    #[test]
    fn what_had_to_make_room_is_told_from_what_was_never_there() {
        let mut cache = PreflightCache::new(&limits(2, 2));
        let mut forgotten = 0;
        for key in 1..=3 {
            cache.insert(
                key << 32 | key,
                ClientId(key),
                false,
                &answer(),
                minute(),
                (Time(0), Time(0)),
                &mut forgotten,
            );
        }
        let known =
            |cache: &mut PreflightCache, key: u64| cache.known(key << 32 | key, b"PUT", &[], Family::Chromium, Time(0));
        assert_eq!((forgotten, cache.len()), (1, 2));
        assert_eq!(known(&mut cache, 1), Known::Forgotten);
        assert_eq!(known(&mut cache, 2), Known::Covered);
        assert_eq!(known(&mut cache, 4), Known::Nothing);
    }

    #[test]
    fn one_client_cannot_push_out_the_others() {
        let mut cache = PreflightCache::new(&limits(100, 3));
        let mut forgotten = 0;
        cache.insert(1000, ClientId(1), false, &answer(), minute(), (Time(0), Time(0)), &mut forgotten);
        for key in 0..50 {
            cache.insert(key, ClientId(0), false, &answer(), minute(), (Time(0), Time(0)), &mut forgotten);
        }
        assert_eq!((forgotten, cache.len()), (47, 4));
        assert_eq!(cache.known(1000, b"PUT", &[], Family::Chromium, Time(0)), Known::Covered);
    }
}
