//! Refusals that are one problem: gathered by where, why and what, with who was hit and what it did.
//!
//! Holds at most [`PROBLEMS_MAX`] problems, each with capped sets; what finds no room is counted and told as such. Feeds on
//! transactions as they come or on recorded rows: both become a [`Refusal`].

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use crate::catalog::{Cause, Reason};
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Effect, Family, Phase, Transaction, Verdict};
use crate::store::path_shape;

/// Problems told apart in one report.
pub const PROBLEMS_MAX: usize = 200;
/// Clients told apart in one problem, and in all of them together.
const CLIENTS_MAX: usize = 10_000;
/// Endpoints, origins and browsers told apart in one problem.
const NAMES_MAX: usize = 100;
/// Refused unsafe requests whose return is watched for.
const REPEATS_MAX: usize = 20_000;
/// The same request by the same client again within this time is a retry (VERDICTS.md §4, `effect`).
const REPEAT_WITHIN_NS: i64 = 10 * SECOND;
/// Transactions that a problem cites.
const CITED_MAX: usize = 20;

/// Counts by key, up to a number of keys; the rest counts as others.
#[derive(Debug, Clone)]
pub struct Counts<K> {
    by_key: BTreeMap<K, u64>,
    keys_max: usize,
    others: u64,
}

impl<K: Ord + Clone> Counts<K> {
    /// Room for so many keys.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Counts { by_key: BTreeMap::new(), keys_max, others: 0 }
    }

    /// Counts some more.
    pub fn add(&mut self, key: K, n: u64) {
        if self.by_key.len() < self.keys_max || self.by_key.contains_key(&key) {
            *self.by_key.entry(key).or_default() += n;
        } else {
            self.others += n;
        }
    }

    /// Keys told apart.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.by_key.len()
    }

    /// What found no room of its own.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// How many keys there are, as text: `7`, or `10000+` where not all could be told apart.
    #[must_use]
    pub fn keys_text(&self) -> String {
        format!("{}{}", self.keys(), if self.others > 0 { "+" } else { "" })
    }

    /// Keys with their counts, the largest first.
    #[must_use]
    pub fn largest_first(&self) -> Vec<(&K, u64)> {
        let mut all: Vec<(&K, u64)> = self.by_key.iter().map(|(k, n)| (k, *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all
    }

    fn shares_a_key(&self, other: &Self) -> bool {
        self.by_key.keys().any(|k| other.by_key.contains_key(k))
    }

    fn take(&mut self, other: Self) {
        for (key, n) in other.by_key {
            self.add(key, n);
        }
        self.others += other.others;
    }
}

/// A refused transaction, as far as problems need it.
pub struct Refusal<'a> {
    /// Its stable name.
    pub id: &'a dyn Display,
    /// Its first byte.
    pub time: Time,
    /// Whose it is: the client behind a trusted proxy where that says so.
    pub client: IpAddr,
    /// `Origin` as sent.
    pub origin: Option<&'a str>,
    /// The target as the browser sees it.
    pub target_origin: &'a str,
    /// Path and query, redacted.
    pub path: &'a str,
    /// The method that the script asked for.
    pub method: &'a str,
    /// Where.
    pub phase: Phase,
    /// Why.
    pub reason: Reason,
    /// The likeliest mistake behind it.
    pub cause: Option<Cause>,
    /// How sure of the cause.
    pub cause_confidence: Option<Confidence>,
    /// How sure of the verdict.
    pub confidence: Confidence,
    /// Who refused.
    pub family: Family,
    /// Status of the answer that decided.
    pub status: Option<u16>,
    /// Did it act on the server?
    pub effect: Option<Effect>,
    /// The values that decided.
    pub detail: &'a str,
    /// What to change.
    pub fix: &'a str,
}

impl<'a> Refusal<'a> {
    /// The refusal in a transaction; none where it was not refused.
    #[must_use]
    pub fn of(t: &'a Transaction) -> Option<Self> {
        let (Verdict::Blocked, Some(phase), Some(reason)) = (t.verdict, t.phase, t.reason) else { return None };
        Some(Refusal {
            id: &t.id,
            time: t.time,
            client: t.forwarded_for.unwrap_or(t.client.ip()),
            origin: t.origin.as_deref(),
            target_origin: &t.target_origin,
            path: &t.path,
            method: &t.method,
            phase,
            reason,
            cause: t.cause,
            cause_confidence: t.cause_confidence,
            confidence: t.confidence,
            family: t.browser.family,
            status: match phase {
                Phase::Preflight => t.preflight.as_ref().and_then(|p| p.leg.status),
                Phase::Actual => t.actual.as_ref().and_then(|a| a.status),
            },
            effect: t.effect,
            detail: &t.detail,
            fix: &t.fix,
        })
    }

    /// What tells two problems of one reason at one target apart: a method, names of headers, or a page that is not wanted.
    fn subject(&self) -> &'a str {
        match (self.reason, self.cause) {
            (Reason::MethodNotAllowed, _) => self.method,
            // `detail` begins with the names that are missing
            (Reason::HeaderNotAllowed, _) => self.detail.split(" not in ").next().unwrap_or_default(),
            (_, Some(Cause::OriginNotListed | Cause::OriginOrMethodNotListed)) => self.origin.unwrap_or_default(),
            _ => "",
        }
    }
}

type Key = (String, Phase, Reason, Option<Cause>, String);

/// One problem.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Who was asked.
    pub target_origin: String,
    /// Where it was refused.
    pub phase: Phase,
    /// Why.
    pub reason: Reason,
    /// The method, header names or page origin that it is about; empty where it is about none.
    pub subject: String,
    /// Refused transactions.
    pub count: u64,
    /// The first one.
    pub first: Time,
    /// The last one.
    pub last: Time,
    /// What the first one says of the values that decided.
    pub detail: String,
    /// Likeliest mistakes.
    pub causes: Counts<Cause>,
    /// The least that is sure of the cause.
    pub cause_confidence: Option<Confidence>,
    /// What to change, one text for each cause at most.
    pub fixes: Vec<(Option<Cause>, String)>,
    /// Method and path shape.
    pub endpoints: Counts<(String, String)>,
    /// Client addresses.
    pub clients: Counts<IpAddr>,
    /// Page origins; empty for none.
    pub origins: Counts<String>,
    /// Browser families.
    pub families: Counts<Family>,
    /// Statuses of the answers that decided; 0 for none.
    pub statuses: Counts<u16>,
    /// How sure of the verdicts.
    pub confidence: Counts<Confidence>,
    /// Carried out though refused.
    pub taken: u64,
    /// May have been carried out.
    pub possible: u64,
    /// Unsafe requests of this problem that the same client sent again within seconds.
    pub repeats: u64,
    /// The shortest time to such a repetition, in nanoseconds.
    pub repeat_ns_min: Option<i64>,
    /// The first ones' ids.
    pub cited: Vec<String>,
}

impl Problem {
    fn new(r: &Refusal<'_>) -> Self {
        Problem {
            target_origin: r.target_origin.to_owned(),
            phase: r.phase,
            reason: r.reason,
            subject: r.subject().to_owned(),
            count: 0,
            first: r.time,
            last: r.time,
            detail: r.detail.to_owned(),
            causes: Counts::new(NAMES_MAX),
            cause_confidence: None,
            fixes: Vec::new(),
            endpoints: Counts::new(NAMES_MAX),
            clients: Counts::new(CLIENTS_MAX),
            origins: Counts::new(NAMES_MAX),
            families: Counts::new(NAMES_MAX),
            statuses: Counts::new(NAMES_MAX),
            confidence: Counts::new(NAMES_MAX),
            taken: 0,
            possible: 0,
            repeats: 0,
            repeat_ns_min: None,
            cited: Vec::new(),
        }
    }

    fn add(&mut self, r: &Refusal<'_>, shape: &str) {
        self.count += 1;
        self.first = self.first.min(r.time);
        self.last = self.last.max(r.time);
        if let Some(cause) = r.cause {
            self.causes.add(cause, 1);
            self.cause_confidence = weaker(self.cause_confidence, r.cause_confidence);
        }
        if !r.fix.is_empty() && !self.fixes.iter().any(|(cause, _)| *cause == r.cause) {
            self.fixes.push((r.cause, r.fix.to_owned()));
        }
        self.endpoints.add((r.method.to_owned(), shape.to_owned()), 1);
        self.clients.add(r.client, 1);
        self.origins.add(r.origin.unwrap_or_default().to_owned(), 1);
        self.families.add(r.family, 1);
        self.statuses.add(r.status.unwrap_or(0), 1);
        self.confidence.add(r.confidence, 1);
        match r.effect {
            Some(Effect::Taken) => self.taken += 1,
            Some(Effect::Possible) => self.possible += 1,
            Some(Effect::None) | None => {}
        }
        if self.cited.len() < CITED_MAX {
            self.cited.push(r.id.to_string());
        }
    }

    /// The same mistake seen in two ways: at one place, for one reason, on an endpoint that both have.
    fn is_one_with(&self, other: &Problem) -> bool {
        self.target_origin == other.target_origin
            && self.phase == other.phase
            && self.reason == other.reason
            && self.subject == other.subject
            && self.endpoints.shares_a_key(&other.endpoints)
    }

    fn take(&mut self, other: Problem) {
        self.count += other.count;
        if other.first < self.first {
            self.detail = other.detail;
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.causes.take(other.causes);
        self.cause_confidence = weaker(self.cause_confidence, other.cause_confidence);
        self.fixes.extend(other.fixes);
        self.endpoints.take(other.endpoints);
        self.clients.take(other.clients);
        self.origins.take(other.origins);
        self.families.take(other.families);
        self.statuses.take(other.statuses);
        self.confidence.take(other.confidence);
        self.taken += other.taken;
        self.possible += other.possible;
        self.repeats += other.repeats;
        self.repeat_ns_min = [self.repeat_ns_min, other.repeat_ns_min].into_iter().flatten().min();
        self.cited.extend(other.cited);
        self.cited.truncate(CITED_MAX);
    }

    /// What it did to people: clients hit, and requests that acted or may have acted though refused.
    #[must_use]
    pub fn impact(&self) -> u64 {
        self.clients.keys() as u64 + self.clients.others() + self.taken + self.possible
    }
}

fn weaker(a: Option<Confidence>, b: Option<Confidence>) -> Option<Confidence> {
    [a, b].into_iter().flatten().min()
}

/// All problems of a report.
#[derive(Debug)]
pub struct Problems {
    by_key: BTreeMap<Key, Problem>,
    clients: Counts<IpAddr>,
    overflow: u64,
    /// When an unsafe request was last refused: its client, method, target and path.
    latest: BTreeMap<(IpAddr, String, String, String), Time>,
}

impl Default for Problems {
    fn default() -> Self {
        Problems { by_key: BTreeMap::new(), clients: Counts::new(CLIENTS_MAX), overflow: 0, latest: BTreeMap::new() }
    }
}

impl Problems {
    /// Takes a refusal; tells whether it is the first of its problem.
    pub fn add(&mut self, r: &Refusal<'_>) -> bool {
        self.clients.add(r.client, 1);
        let key: Key = (r.target_origin.to_owned(), r.phase, r.reason, r.cause, r.subject().to_owned());
        let is_new = !self.by_key.contains_key(&key);
        if is_new && self.by_key.len() >= PROBLEMS_MAX {
            self.overflow += 1;
            return false;
        }
        let repeated = self.repeated_after(r);
        let problem = self.by_key.entry(key).or_insert_with(|| Problem::new(r));
        problem.add(r, &path_shape(r.path));
        if let Some(after) = repeated {
            problem.repeats += 1;
            problem.repeat_ns_min = Some(problem.repeat_ns_min.map_or(after, |n| n.min(after)));
        }
        is_new
    }

    /// How long after the same unsafe request of the same client this one came, in nanoseconds; none where it is no repetition.
    fn repeated_after(&mut self, r: &Refusal<'_>) -> Option<i64> {
        r.effect?;
        let key = (r.client, r.method.to_owned(), r.target_origin.to_owned(), r.path.to_owned());
        if self.latest.len() >= REPEATS_MAX && !self.latest.contains_key(&key) {
            return None;
        }
        let before = self.latest.insert(key, r.time)?;
        let after = r.time.since(before);
        (0..=REPEAT_WITHIN_NS).contains(&after).then_some(after)
    }

    /// Distinct clients that were refused something.
    #[must_use]
    pub fn clients(&self) -> &Counts<IpAddr> {
        &self.clients
    }

    /// Refusals of problems that found no room.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The problems, those that did most to people first.
    #[must_use]
    pub fn finish(self) -> Vec<Problem> {
        let mut whole: Vec<Problem> = Vec::new();
        for problem in self.by_key.into_values() {
            match whole.iter_mut().find(|p| p.is_one_with(&problem)) {
                Some(same) => same.take(problem),
                None => whole.push(problem),
            }
        }
        // Stable: equals stay in order of their keys.
        whole.sort_by_key(|p| (std::cmp::Reverse((p.impact(), p.count)), p.first));
        whole
    }
}
