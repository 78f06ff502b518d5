//! A model of the browsers' preflight caches (VERDICTS.md §5 and §6).

use std::sync::Arc;

use super::browser::max_age_s;
use super::fields::list_items;
use crate::http::head::{Head, Name};
use crate::lru::Lru;
use crate::packet::{SECOND, Time};
use crate::record::Family;

/// How long an entry lives.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    seconds: u32,
}

impl Lifetime {
    /// As this family reads `Access-Control-Max-Age`.
    #[must_use]
    pub fn of(head: &Head, family: Family) -> Self {
        Lifetime { seconds: max_age_s(head.first(Name::AcMaxAge), head.count(Name::AcMaxAge), family) }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Lists {
    methods: Vec<Vec<u8>>,
    names: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    expires: Time,
    lists: Arc<Lists>,
}

/// Entries by client × origin × URL, under a cap; the least recently used goes.
#[derive(Debug)]
pub struct PreflightCache {
    entries: Lru<u64, Entry>,
    /// The lists of the last answer: a server says the same to everybody.
    last: Option<Arc<Lists>>,
}

impl PreflightCache {
    /// Empty.
    #[must_use]
    pub fn new(cap: u32) -> Self {
        PreflightCache { entries: Lru::new(cap), last: None }
    }

    /// Keeps what a passing preflight's answer allows.
    pub fn insert(&mut self, key: u64, head: &Head, lifetime: Lifetime, at: Time, forgotten: &mut u64) {
        if lifetime.seconds == 0 {
            self.entries.remove(&key);
            return;
        }
        let methods = head.joined(Name::AcAllowMethods).unwrap_or_default();
        let names = head.joined(Name::AcAllowHeaders).unwrap_or_default();
        let fresh = Lists {
            methods: list_items(&methods).take(64).map(<[u8]>::to_vec).collect(),
            names: list_items(&names).take(256).map(|n| String::from_utf8_lossy(n).to_ascii_lowercase()).collect(),
        };
        let lists = match &self.last {
            Some(last) if **last == fresh => last.clone(),
            _ => Arc::new(fresh),
        };
        self.last = Some(lists.clone());
        // a second of slack: clocks of capture and browser are two
        let expires = at.plus(i64::from(lifetime.seconds).saturating_add(1).saturating_mul(SECOND));
        *forgotten += u64::from(self.entries.insert(key, Entry { expires, lists }).is_some());
    }

    /// Firefox drops the entry when the actual request fails its check.
    pub fn remove(&mut self, key: u64) {
        self.entries.remove(&key);
    }

    /// Whether a live entry covers a request.
    pub fn covers(&mut self, key: u64, method: &[u8], names: &[&str], family: Family, at: Time) -> bool {
        let Some(entry) = self.entries.get(&key) else { return false };
        if entry.expires < at {
            return false;
        }
        let wildcard = family != Family::Firefox;
        let star_method = wildcard && entry.lists.methods.iter().any(|m| m == b"*");
        let star_name = wildcard && entry.lists.names.iter().any(|n| n == "*");
        let method_ok =
            super::fields::is_simple_method(method) || star_method || entry.lists.methods.iter().any(|m| m == method);
        method_ok && names.iter().all(|n| n.starts_with('(') || star_name || entry.lists.names.iter().any(|l| l == n))
    }
}
