//! Findings while they go on: updated in place, told again at most once an hour, never by the thousand.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::{SmallVec, smallvec};
use std::hash::{BuildHasher, Hash, Hasher};

use super::facts::{Seen, quote_of, tool_of};
use super::settings::Settings;
use super::subject::hash_shape;
use crate::catalog::{Rule, Severity};
use crate::cors::stable_hash;
use crate::http::head::Name;
use crate::http::{Request, Response};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::options::EngineOptions;
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Family, Finding, FindingId, Leg, Sink, Transaction, TransactionId};

/// A finding that goes on is told again after so long (VERDICTS.md §8).
const TELL_NS: i64 = 3600 * SECOND;
/// The quote of the latest transaction is renewed at most this often, once there were so many.
const QUOTE_NS: i64 = SECOND;
/// See [`QUOTE_NS`].
const QUOTED_ALWAYS: u64 = 64;
/// Heads up to this size are kept until they are quoted; of longer ones the words are made at once.
const QUOTED_HEADS_BYTES_MAX: usize = 4096;
/// Findings whose latest quote is kept as heads; of those that rested longest the words are made.
const QUOTED_HEADS_MAX: usize = 1024;
/// Transactions kept from the beginning; as many from later, the last ones.
const EVIDENCE: usize = 10;
/// Later ones are kept at most this often: each is recorded.
const LATE_NS: i64 = 600 * SECOND;
/// Endpoints of one host with a finding of their own; more are told as the host's.
const ENDPOINTS_MAX: u8 = 4;

/// What led to a finding before it counted as one: ids of the first transactions, how many, since when. Nearly all of the
/// many that are kept are empty, and then one word long.
#[derive(Debug, Default)]
pub struct Trail(Option<Box<Steps>>);

#[derive(Debug)]
struct Steps {
    /// Up to [`EVIDENCE`]; most trails are short.
    ids: SmallVec<[TransactionId; 2]>,
    count: u32,
    first: Time,
}

impl Trail {
    /// One more.
    pub fn add(&mut self, id: TransactionId, at: Time) {
        let steps = self.0.get_or_insert_with(|| Box::new(Steps { ids: SmallVec::new(), count: 0, first: at }));
        if steps.ids.last() == Some(&id) {
            return;
        }
        steps.count = steps.count.saturating_add(1);
        if steps.ids.len() < EVIDENCE {
            steps.ids.push(id);
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.as_ref().map_or(0, |steps| steps.count)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    fn ids(&self) -> &[TransactionId] {
        self.0.as_ref().map_or(&[], |steps| &steps.ids)
    }

    fn first(&self) -> Option<Time> {
        self.0.as_ref().map(|steps| steps.first)
    }
}

/// What a finding rests on, when that is past.
#[derive(Debug, Clone)]
pub struct Past {
    /// When.
    pub time: Time,
    /// Which.
    pub transaction: TransactionId,
    /// Who was asked.
    pub target: Arc<str>,
    /// `Origin`, or nothing.
    pub origin: Arc<str>,
    /// Who asked.
    pub address: IpAddr,
    /// The fields that matter.
    pub quote: String,
    /// The program, where it is no browser.
    pub tool: Option<String>,
}

impl Past {
    /// Keeps what a report will need of a request.
    #[must_use]
    pub fn of(seen: &Seen<'_>, fields: &[Name]) -> Past {
        Past {
            time: seen.now,
            transaction: seen.id(),
            target: seen.o.target.origin.clone(),
            origin: seen.o.origin.cloned().unwrap_or_default(),
            address: seen.o.address,
            quote: seen.quote(fields),
            tool: seen.tool(),
        }
    }
}

/// What a report rests on.
#[derive(Debug, Clone, Copy)]
pub enum Source<'s> {
    /// A request with its answer.
    Seen(&'s Seen<'s>),
    /// A transaction's outcome.
    Transaction(&'s Transaction),
    /// Something kept from earlier.
    Past(&'s Past),
}

impl<'s> Source<'s> {
    fn time(&self) -> Time {
        match self {
            Source::Seen(seen) => seen.now,
            Source::Transaction(t) => t.time,
            Source::Past(past) => past.time,
        }
    }

    fn id(&self) -> TransactionId {
        match self {
            Source::Seen(seen) => seen.id(),
            Source::Transaction(t) => t.id,
            Source::Past(past) => past.transaction,
        }
    }

    fn target(self) -> &'s Arc<str> {
        match self {
            Source::Seen(seen) => &seen.o.target.origin,
            Source::Transaction(t) => &t.target_origin,
            Source::Past(past) => &past.target,
        }
    }

    fn origin(&self) -> &str {
        match self {
            Source::Seen(seen) => seen.origin(),
            Source::Transaction(t) => t.origin.as_deref().unwrap_or_default(),
            Source::Past(past) => &past.origin,
        }
    }

    fn address(&self) -> IpAddr {
        match self {
            Source::Seen(seen) => seen.o.address,
            Source::Transaction(t) => t.forwarded_for.unwrap_or(t.client.ip()),
            Source::Past(past) => past.address,
        }
    }

    fn quote(&self, names: &[Name]) -> String {
        match self {
            Source::Seen(seen) => quoted(seen.o.request, seen.o.response.map(|r| &**r), names, seen.o.family),
            // where the rule names no fields, what the verdict rests on
            Source::Transaction(t) if names.is_empty() => {
                format!("{} {}: {}", t.method, super::subject::shape_of(&t.path), t.detail)
            }
            Source::Transaction(t) => {
                let legs = legs_of(t).map(|leg| (&*leg.request, leg.response.as_deref()));
                quoted_legs(legs, names, t.browser.family)
            }
            Source::Past(past) => match &past.tool {
                Some(tool) => format!("{}; sent by {tool}", past.quote),
                None => past.quote.clone(),
            },
        }
    }
}

/// One thing that a rule has to say.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// Which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Endpoint, host or client.
    pub subject: &'r str,
    /// Fields that the rule's condition names.
    pub fields: &'r [Name],
    /// What came before it counted.
    pub trail: Option<&'r Trail>,
}

/// What a finding quotes: made into words only when it is told, for most findings change often and are told once.
#[derive(Debug)]
enum Quote {
    Words(String),
    Heads { legs: SmallVec<[Heads; 1]>, names: SmallVec<[Name; 8]>, family: Family },
}

/// A request and its answer.
type Heads = (Arc<Request>, Option<Arc<Response>>);

impl Quote {
    fn of(source: Source<'_>, names: &[Name]) -> Quote {
        let (legs, family): (SmallVec<[Heads; 1]>, _) = match source {
            Source::Seen(seen) => (smallvec![(seen.o.request.clone(), seen.o.response.cloned())], seen.o.family),
            Source::Transaction(t) if !names.is_empty() => {
                let legs = legs_of(t).map(|leg| (leg.request.clone(), leg.response.clone()));
                (legs.collect(), t.browser.family)
            }
            Source::Transaction(_) | Source::Past(_) => return Quote::Words(source.quote(names)),
        };
        let kept = |(request, response): &Heads| {
            request.head.kept_bytes() + response.as_ref().map_or(0, |r| r.head.kept_bytes())
        };
        if legs.iter().map(kept).sum::<usize>() > QUOTED_HEADS_BYTES_MAX {
            return Quote::Words(source.quote(names));
        }
        Quote::Heads { legs, names: SmallVec::from_slice(names), family }
    }

    fn words(&self) -> Cow<'_, str> {
        match self {
            Quote::Words(words) => words.into(),
            Quote::Heads { legs, names, family } => {
                let legs = legs.iter().map(|(request, response)| (&**request, response.as_deref()));
                quoted_legs(legs, names, *family).into()
            }
        }
    }
}

/// A preflight, where there was one, and its actual.
fn legs_of(t: &Transaction) -> impl Iterator<Item = &Leg> {
    t.preflight.as_ref().map(|p| &p.leg).into_iter().chain(&t.actual)
}

fn quoted_legs<'l>(
    legs: impl Iterator<Item = (&'l Request, Option<&'l Response>)>,
    names: &[Name],
    family: Family,
) -> String {
    let mut text = String::new();
    for (request, response) in legs {
        if !text.is_empty() {
            text.push_str(", then ");
        }
        text.push_str(&quoted(request, response, names, family));
    }
    text
}

/// A request with its answer, and who sent it where that is a tool.
fn quoted(request: &Request, response: Option<&Response>, names: &[Name], family: Family) -> String {
    let mut text = quote_of(request, response, names);
    if let Some(tool) = tool_of(request.head.first(Name::UserAgent).unwrap_or_default(), family) {
        text.push_str("; sent by ");
        text.push_str(&tool);
    }
    text
}

#[derive(Debug)]
struct Open {
    finding: Finding,
    late: VecDeque<TransactionId>,
    late_since: Time,
    latest: TransactionId,
    why: String,
    first_quote: String,
    latest_quote: Option<Quote>,
    quoted: Time,
    told: Option<(Time, Severity)>,
    changed: bool,
    waits: bool,
}

impl Open {
    fn is_in_heads(&self) -> bool {
        matches!(self.latest_quote, Some(Quote::Heads { .. }))
    }
}

/// All findings, and what rules share in making them.
#[derive(Debug)]
pub struct Book {
    /// Switches, thresholds, lists.
    pub settings: Settings,
    sensor: u64,
    open: Lru<u64, Open>,
    due: VecDeque<(Time, u64)>,
    changed: Vec<u64>,
    /// Findings whose latest quote is heads, in the order in which it came to be.
    in_heads: VecDeque<u64>,
    /// What findings have cited since the last flush; true: it is the request at hand, and its transaction perhaps yet to come.
    cited: Vec<(TransactionId, bool)>,
    /// The latest refusals: what listens may get them later than the rules, and a finding's trail may cite them before.
    refused: VecDeque<TransactionId>,
    refused_max: usize,
    endpoints: Lru<(Rule, u64), u8>,
    /// Rules that have found something at a target (its digest), a bit for each.
    by_host: Lru<u64, u64>,
    hasher: RandomState,
    forgotten: u64,
    orphans: Vec<Finding>,
}

impl Book {
    /// Nothing found yet.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Book {
            settings: Settings::new(options),
            sensor: stable_hash(&[options.sensor.as_bytes()]),
            open: Lru::new(limits.findings_max),
            due: VecDeque::new(),
            changed: Vec::new(),
            in_heads: VecDeque::new(),
            cited: Vec::new(),
            refused: VecDeque::new(),
            refused_max: limits.unexplained_max as usize,
            endpoints: Lru::new(limits.findings_max),
            by_host: Lru::new(limits.targets_max),
            hasher: RandomState::default(),
            forgotten: 0,
            orphans: Vec::new(),
        }
    }

    /// A refusal, which may be cited before it is handed out.
    pub fn on_refused(&mut self, id: TransactionId) {
        if self.refused.len() >= self.refused_max {
            self.refused.pop_front();
        }
        self.refused.push_back(id);
    }

    /// A digest of target, method and the path's shape.
    #[must_use]
    pub fn endpoint_digest(&self, target: u64, method: &[u8], path: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (target, method).hash(&mut hasher);
        hash_shape(path, &mut hasher);
        hasher.finish()
    }

    /// A digest for equality within this run.
    #[must_use]
    pub fn digest(&self, value: impl std::hash::Hash) -> u64 {
        self.hasher.hash_one(value)
    }

    /// Opens or updates a finding. `why` is asked only where its words are needed.
    pub fn report(&mut self, source: Source<'_>, report: Report<'_>, why: impl FnOnce() -> String) {
        let Report { rule, severity, confidence, fields, trail, .. } = report;
        let target = source.target();
        if !self.settings.enabled(rule)
            || self.settings.allows(rule, || [report.subject, source.origin(), target, ""].map(Cow::Borrowed))
            || self.settings.allows(rule, || [Cow::Owned(source.address().to_string())])
        {
            return;
        }
        let host = self.digest(&**target);
        let (key, subject) = self.subject(rule, report.subject, target, host);
        let now = source.time();
        let bits = self.by_host.get_or_insert_with(host, || 0).0;
        *bits |= 1 << rule as u64;
        if let Some(open) = self.open.get(&key) {
            let was_in_heads = open.is_in_heads();
            let cited = update(open, source, severity, confidence, fields, rule, why);
            let now_in_heads = !was_in_heads && open.is_in_heads();
            self.cited.extend(cited.map(|id| (id, true)));
            if !open.changed {
                open.changed = true;
                self.changed.push(key);
            }
            if now_in_heads {
                self.put_into_words();
                self.in_heads.push_back(key);
            }
            return;
        }
        let quote = source.quote(fields);
        let mut evidence: Vec<TransactionId> = trail.map(|t| t.ids().to_vec()).unwrap_or_default();
        if !evidence.contains(&source.id()) && evidence.len() < EVIDENCE {
            evidence.push(source.id());
        }
        self.cited.extend(evidence.iter().map(|id| (*id, *id == source.id())));
        let count = u64::from(trail.map_or(1, |t| t.count().max(1)));
        let finding = Finding {
            id: FindingId(key),
            rule,
            severity,
            confidence,
            subject: subject.to_owned(),
            first_seen: trail.and_then(Trail::first).unwrap_or(now),
            last_seen: now,
            count,
            detail: String::new(),
            fix: rule.entry().fix.into(),
            evidence,
        };
        let open = Open {
            finding,
            late: VecDeque::new(),
            late_since: now,
            latest: source.id(),
            why: why(),
            first_quote: quote,
            latest_quote: None,
            quoted: now,
            told: None,
            changed: true,
            waits: false,
        };
        if let Some((_, mut gone)) = self.open.insert(key, open) {
            self.forgotten += 1;
            if gone.changed || gone.waits {
                self.orphans.push(written(&mut gone));
            }
        }
        self.changed.push(key);
    }

    /// Makes room for another quote in heads.
    fn put_into_words(&mut self) {
        if self.in_heads.len() < QUOTED_HEADS_MAX {
            return;
        }
        let Some(key) = self.in_heads.pop_front() else { return };
        if let Some(quote) = self.open.peek_mut(&key).and_then(|open| open.latest_quote.as_mut()) {
            *quote = Quote::Words(quote.words().into_owned());
        }
    }

    /// The finding's key and subject: an endpoint's own, or the host's where too many endpoints have one.
    fn subject<'s>(&mut self, rule: Rule, subject: &'s str, target: &'s str, host: u64) -> (u64, &'s str) {
        let key_of =
            |subject: &str| stable_hash(&[&self.sensor.to_le_bytes(), rule.id().as_bytes(), subject.as_bytes()]);
        let key = key_of(subject);
        let is_endpoint = subject.len() > target.len() && subject.starts_with(target);
        if !is_endpoint || self.open.peek(&key).is_some() {
            return (key, subject);
        }
        let endpoints = self.endpoints.get_or_insert_with((rule, host), || 0).0;
        if *endpoints >= ENDPOINTS_MAX {
            return (key_of(target), target);
        }
        *endpoints += 1;
        (key, subject)
    }

    /// Hands out what is new, has become worse, or was not told for an hour.
    pub fn flush(&mut self, now: Time, sink: &mut impl Sink) {
        for (id, at_hand) in self.cited.drain(..) {
            sink.cited(id, at_hand || self.refused.contains(&id));
        }
        for finding in self.orphans.drain(..) {
            sink.finding(&finding);
        }
        for key in self.changed.drain(..) {
            let Some(open) = self.open.get(&key) else { continue };
            open.changed = false;
            let tell = match open.told {
                None => true,
                Some((at, severity)) => open.finding.severity > severity || now.since(at) >= TELL_NS,
            };
            if tell {
                tell_now(open, now, sink);
            } else if !open.waits {
                open.waits = true;
                let at = open.told.map_or(now, |(at, _)| at);
                self.due.push_back((at.plus(TELL_NS), key));
            }
        }
    }

    /// Tells what has waited for its hour.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink) {
        while self.due.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = self.due.pop_front() else { break };
            if let Some(open) = self.open.get(&key)
                && open.waits
            {
                tell_now(open, now, sink);
            }
        }
    }

    /// Tells the final state of whatever has changed since it was told.
    pub fn finish(&mut self, now: Time, sink: &mut impl Sink) {
        self.flush(now, sink);
        let mut waiting: Vec<(Time, u64)> = self
            .open
            .iter()
            .filter(|(_, open)| open.waits)
            .map(|(key, open)| (open.finding.first_seen, *key))
            .collect();
        waiting.sort_unstable();
        for (_, key) in waiting {
            if let Some(open) = self.open.get(&key) {
                tell_now(open, now, sink);
            }
        }
        self.due.clear();
    }

    /// Which rules have found something at this target, as bits in the order of [`Rule::ALL`].
    #[must_use]
    pub fn found_at(&self, target: &str) -> u64 {
        self.by_host.peek(&self.digest(target)).copied().unwrap_or(0)
    }

    /// Findings that had to make room since the last call.
    pub fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }
}

/// Rules whose severity follows the present state, up and down.
fn follows(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::PreflightNeedsAuth | Rule::PreflightNoRoute | Rule::PreflightRedirected | Rule::PreflightFailing
    )
}

fn update(
    open: &mut Open,
    source: Source<'_>,
    severity: Severity,
    confidence: Confidence,
    fields: &[Name],
    rule: Rule,
    why: impl FnOnce() -> String,
) -> Option<TransactionId> {
    let (id, now) = (source.id(), source.time());
    let finding = &mut open.finding;
    let worse = severity > finding.severity;
    finding.severity = if follows(rule) { severity } else { severity.max(finding.severity) };
    finding.confidence = finding.confidence.max(confidence);
    finding.last_seen = finding.last_seen.max(now);
    let mut cited = None;
    if open.latest != id {
        open.latest = id;
        finding.count += 1;
        if finding.evidence.len() < EVIDENCE {
            finding.evidence.push(id);
            open.late_since = now;
            cited = Some(id);
        } else if now.since(open.late_since) >= LATE_NS {
            if open.late.len() >= EVIDENCE {
                open.late.pop_front();
            }
            open.late.push_back(id);
            open.late_since = now;
            cited = Some(id);
        }
    }
    if worse || finding.count <= QUOTED_ALWAYS || now.since(open.quoted) >= QUOTE_NS {
        open.quoted = now;
        open.why = why();
        open.latest_quote = Some(Quote::of(source, fields));
    }
    cited
}

fn written(open: &mut Open) -> Finding {
    let mut finding = open.finding.clone();
    finding.evidence.extend(open.late.iter().copied());
    finding.detail.clone_from(&open.why);
    let latest = open.latest_quote.as_ref().map(Quote::words).unwrap_or_default();
    for (word, quote) in [("first", &*open.first_quote), ("latest", &*latest)] {
        if !quote.is_empty() {
            finding.detail.push_str(". ");
            finding.detail.push_str(word);
            finding.detail.push_str(": ");
            finding.detail.push_str(quote);
        }
    }
    finding
}

fn tell_now(open: &mut Open, now: Time, sink: &mut impl Sink) {
    open.waits = false;
    open.told = Some((now, open.finding.severity));
    let finding = written(open);
    sink.finding(&finding);
}
