//! Refusals that are one problem: gathered by where, why and what, with who was hit and what it did.
//!
//! Holds at most [`PROBLEMS_MAX`] problems, each with capped sets; what finds no room is counted and told as such. Feeds on
//! transactions as they come or on recorded rows: both become a [`Refusal`].

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use super::layout::{clock, day};
use crate::catalog::{Cause, Reason};
use crate::findings::shape_of;
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Effect, Family, Phase, Transaction, Verdict};

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
/// From this many unlisted origins on, one client is no page's user: it tries them.
const PROBED_ORIGINS_MIN: usize = 3;
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
            (_, cause) if names_a_page(cause) => self.origin.unwrap_or_default(),
            _ => "",
        }
    }
}

/// Whether a cause says that one page's origin is not wanted, where others are.
fn names_a_page(cause: Option<Cause>) -> bool {
    matches!(cause, Some(Cause::OriginNotListed | Cause::OriginOrMethodNotListed))
}

/// Equal steps of time that refusals are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    /// Where the first bar begins: on a whole step.
    pub begin: Time,
    /// Length of a bar, in nanoseconds.
    pub step_ns: i64,
    /// How many there are.
    pub bars: usize,
}

/// Lengths that read well on a clock, in seconds.
const STEPS_S: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_419_200, 31_536_000,
];
/// Shown before and after what was refused, at least.
const BESIDE_NS_MIN: i64 = 600 * SECOND;
/// Bars of a timeline.
const BARS_MAX: i64 = 60;

impl Timeline {
    /// Bars over that span, as short as fit.
    #[must_use]
    pub fn over(first: Time, last: Time) -> Self {
        let ns = last.since(first).max(0);
        let step_s = STEPS_S.into_iter().find(|s| ns / (s * SECOND) < BARS_MAX - 1).unwrap_or(10 * 31_536_000);
        let step_ns = step_s * SECOND;
        let begin = Time(first.0.div_euclid(step_ns) * step_ns);
        let bars = (last.since(begin) / step_ns).clamp(0, 10 * BARS_MAX) + 1;
        Timeline { begin, step_ns, bars: usize::try_from(bars).unwrap_or(1) }
    }

    /// Bars over what was refused, and as much again before and after it as was captured: where nothing was refused for long,
    /// that would be most of them.
    #[must_use]
    pub fn around((first, last): (Time, Time), refused: Option<(Time, Time)>) -> Self {
        let Some((from, to)) = refused else { return Timeline::over(first, last) };
        let beside = to.since(from).max(BESIDE_NS_MIN);
        Timeline::over(first.max(from.plus(-beside)), last.min(to.plus(beside)))
    }

    /// The bar that a time falls into; those outside fall into the nearest.
    fn bar(&self, time: Time) -> usize {
        let nth = time.since(self.begin).max(0) / self.step_ns;
        usize::try_from(nth).unwrap_or(usize::MAX).min(self.bars.saturating_sub(1))
    }

    /// When a bar begins, with its day where there are several.
    #[must_use]
    pub fn told(&self, bar: usize) -> String {
        let time = self.time(bar);
        let dated = day(self.begin) != day(self.time(self.bars));
        if dated { format!("{} {}", day(time), clock(time)) } else { clock(time) }
    }

    /// When a bar begins.
    #[must_use]
    pub fn time(&self, bar: usize) -> Time {
        self.begin.plus(i64::try_from(bar).unwrap_or(i64::MAX).saturating_mul(self.step_ns))
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
    /// Refusals in each bar of the timeline, where there is one.
    pub bars: Vec<u64>,
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
            bars: Vec::new(),
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

    /// The same mistake seen in two ways: at one place, for one reason, on an endpoint that both have; or one client that
    /// tries origins which nobody else has.
    fn is_one_with(&self, other: &Problem) -> bool {
        self.target_origin == other.target_origin
            && self.phase == other.phase
            && self.reason == other.reason
            && (self.is_about_a_page() && other.is_about_a_page() && self.has_the_one_client_of(other)
                || self.subject == other.subject && self.endpoints.shares_a_key(&other.endpoints))
    }

    fn is_about_a_page(&self) -> bool {
        self.causes.keys() > 0 && self.causes.by_key.keys().all(|cause| names_a_page(Some(*cause)))
    }

    fn has_the_one_client_of(&self, other: &Problem) -> bool {
        self.clients.keys() == 1 && self.clients.by_key.keys().eq(other.clients.by_key.keys())
    }

    /// One client under several origins that the target does not know: no user was hit.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.is_about_a_page() && self.clients.keys() == 1 && self.origins.keys() >= PROBED_ORIGINS_MIN
    }

    fn take(&mut self, other: Problem) {
        self.count += other.count;
        if other.first < self.first {
            self.detail = other.detail;
            self.cited.splice(0..0, other.cited);
        } else {
            self.cited.extend(other.cited);
        }
        if self.subject != other.subject {
            self.subject.clear();
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.causes.take(other.causes);
        self.cause_confidence = weaker(self.cause_confidence, other.cause_confidence);
        for (cause, fix) in other.fixes {
            if !self.fixes.iter().any(|(known, _)| *known == cause) {
                self.fixes.push((cause, fix));
            }
        }
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
        for (mine, theirs) in self.bars.iter_mut().zip(other.bars) {
            *mine += theirs;
        }
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

/// Distinct clients that were refused something, those that only probe left out.
#[must_use]
pub fn clients_hit(problems: &[Problem]) -> Counts<IpAddr> {
    let mut all = Counts::new(CLIENTS_MAX);
    for problem in problems.iter().filter(|p| !p.is_probing()) {
        all.take(problem.clients.clone());
    }
    all
}

/// All problems of a report.
#[derive(Debug, Default)]
pub struct Problems {
    by_key: BTreeMap<Key, Problem>,
    overflow: u64,
    timeline: Option<Timeline>,
    /// When an unsafe request was last refused: its client, method, target and path.
    latest: BTreeMap<(IpAddr, String, String, String), Time>,
}

impl Problems {
    /// None yet; counts each by these bars, too.
    #[must_use]
    pub fn over(timeline: Timeline) -> Self {
        Problems { timeline: Some(timeline), ..Problems::default() }
    }

    /// Takes a refusal; tells whether it is the first of its problem.
    pub fn add(&mut self, r: &Refusal<'_>) -> bool {
        let key: Key = (r.target_origin.to_owned(), r.phase, r.reason, r.cause, r.subject().to_owned());
        let is_new = !self.by_key.contains_key(&key);
        if is_new && self.by_key.len() >= PROBLEMS_MAX {
            self.overflow += 1;
            return false;
        }
        let repeated = self.repeated_after(r);
        let problem = self.by_key.entry(key).or_insert_with(|| Problem::new(r));
        problem.add(r, &shape_of(r.path));
        if let Some(timeline) = &self.timeline {
            problem.bars.resize(timeline.bars, 0);
            if let Some(bar) = problem.bars.get_mut(timeline.bar(r.time)) {
                *bar += 1;
            }
        }
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

    /// Refusals of problems that found no room.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// Each cause of each problem by itself, before those of one problem are put together: to fill in what a refusal did
    /// not tell.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut Problem> {
        self.by_key.values_mut()
    }

    /// The problems, those that did most to people first and probes last.
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
        whole.sort_by_key(|p| (p.is_probing(), std::cmp::Reverse((p.impact(), p.count)), p.first));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Time {
        Time(s * SECOND)
    }

    /// A POST refused at the actual request; `change` makes it another.
    fn refusal(change: impl FnOnce(&mut Refusal<'static>)) -> Refusal<'static> {
        let mut r = Refusal {
            id: &"T1",
            time: at(100),
            client: IpAddr::from([192, 0, 2, 1]),
            origin: Some("https://app.test"),
            target_origin: "https://api.test",
            path: "/orders/4711",
            method: "POST",
            phase: Phase::Actual,
            reason: Reason::MissingAllowOrigin,
            cause: None,
            cause_confidence: None,
            confidence: Confidence::Certain,
            family: Family::Firefox,
            status: Some(201),
            effect: Some(Effect::Taken),
            detail: "no Access-Control-Allow-Origin",
            fix: "",
        };
        change(&mut r);
        r
    }

    fn check(refusals: &[Refusal<'_>]) -> Vec<Problem> {
        let mut problems = Problems::default();
        for r in refusals {
            problems.add(r);
        }
        problems.finish()
    }

    #[test]
    fn one_mistake_seen_by_two_statuses_is_one_problem() {
        let found = check(&[
            refusal(|r| r.cause = Some(Cause::CorsAfterRouter)),
            refusal(|r| (r.cause, r.status, r.effect) = (Some(Cause::UpstreamDown), Some(502), Some(Effect::Possible))),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].count, found[0].taken, found[0].possible), (2, 1, 1));
        assert_eq!(found[0].causes.keys(), 2);
    }

    #[test]
    fn a_page_that_is_not_listed_is_a_problem_of_its_own() {
        let evil = |r: &mut Refusal<'static>| {
            (r.origin, r.cause) = (Some("https://evil.test"), Some(Cause::OriginNotListed));
        };
        assert_eq!(check(&[refusal(|_| {}), refusal(evil)]).len(), 2);
    }

    #[test]
    fn a_client_under_three_unlisted_origins_probes_and_hits_nobody() {
        let origin = |origin, client: u8| {
            refusal(move |r| {
                (r.origin, r.cause, r.client) =
                    (Some(origin), Some(Cause::OriginNotListed), IpAddr::from([192, 0, 2, client]));
            })
        };
        let two = check(&[origin("https://a.test", 1), origin("https://b.test", 1)]);
        assert!(!two[0].is_probing());
        let three = check(&[
            origin("https://a.test", 1),
            origin("https://b.test", 1),
            origin("null", 1),
            origin("https://a.test", 2),
            refusal(|r| r.path = "/carts"),
        ]);
        let told: Vec<(u64, bool)> = three.iter().map(|p| (p.count, p.is_probing())).collect();
        assert!(told.iter().all(|(_, probing)| !probing), "{told:?}: another client has one of these origins");
        let alone = check(&[
            origin("https://a.test", 1),
            origin("https://b.test", 1),
            origin("null", 1),
            refusal(|r| (r.path, r.client) = ("/carts", IpAddr::from([192, 0, 2, 2]))),
        ]);
        assert_eq!(alone.iter().map(|p| (p.count, p.is_probing())).collect::<Vec<_>>(), [(1, false), (3, true)]);
        assert_eq!(clients_hit(&alone).keys(), 1);
    }

    #[test]
    fn methods_and_header_names_tell_problems_apart() {
        let of = |reason, method, detail| {
            refusal(move |r| (r.reason, r.method, r.detail, r.effect) = (reason, method, detail, None))
        };
        let found = check(&[
            of(Reason::MethodNotAllowed, "PATCH", "method PATCH is not in …"),
            of(Reason::MethodNotAllowed, "PUT", "method PUT is not in …"),
            of(Reason::HeaderNotAllowed, "GET", "x-a not in Access-Control-Allow-Headers: absent"),
            of(Reason::HeaderNotAllowed, "GET", "x-b not in Access-Control-Allow-Headers: absent"),
            of(Reason::HeaderNotAllowed, "PUT", "x-b not in Access-Control-Allow-Headers: absent"),
        ]);
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn the_same_request_within_ten_seconds_is_a_repetition() {
        let again = |s, path| refusal(move |r| (r.time, r.path) = (at(s), path));
        for (second, repeats) in [(100, 1), (110, 1), (111, 0), (99, 0)] {
            let found = check(&[again(100, "/orders"), again(second, "/orders")]);
            assert_eq!(found[0].repeats, repeats, "after {} s", second - 100);
        }
        assert_eq!(check(&[again(100, "/orders"), again(101, "/carts")])[0].repeats, 0);
    }

    #[test]
    fn what_hit_most_people_and_did_most_comes_first() {
        let client = |n| move |r: &mut Refusal<'static>| r.client = IpAddr::from([192, 0, 2, n]);
        let mut refusals: Vec<Refusal<'_>> = (0..3)
            .map(|n| {
                refusal(|r| {
                    client(n)(r);
                    (r.reason, r.effect) = (Reason::MethodNotAllowed, None);
                })
            })
            .collect();
        refusals.extend((0..5).map(|_| refusal(|r| (r.target_origin, r.effect) = ("https://cdn.test", None))));
        refusals.extend((0..2).map(|n| refusal(client(n))));
        let order: Vec<u64> = check(&refusals).iter().map(|p| p.count).collect();
        assert_eq!(order, [2, 3, 5]); // 2 clients and 2 carried out; 3 clients; 1 client
    }

    #[test]
    fn more_problems_than_there_is_room_for_are_counted() {
        let targets: Vec<String> = (0..=PROBLEMS_MAX).map(|n| format!("https://{n}.test")).collect();
        let mut problems = Problems::default();
        for target in &targets {
            let mut r: Refusal<'_> = refusal(|_| {});
            r.target_origin = target;
            problems.add(&r);
        }
        assert_eq!(problems.overflow(), 1);
        assert_eq!(problems.finish().len(), PROBLEMS_MAX);
    }

    #[test]
    fn bars_are_as_short_as_fit_and_hold_both_ends() {
        for (seconds, step) in [(0, 1), (58, 1), (59, 2), (947, 30), (86_400, 1800), (40_000_000, 2_419_200)] {
            let t = Timeline::over(at(7), at(7 + seconds));
            assert_eq!(t.step_ns, step * SECOND, "{seconds} s");
            assert!(t.bars <= 60 && t.time(0) <= at(7) && t.time(t.bars) > at(7 + seconds), "{t:?}");
            assert_eq!((t.bar(at(7)), t.bar(at(7 + seconds))), (0, t.bars - 1));
        }
    }
}
