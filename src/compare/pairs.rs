//! Finds for each request in front the one that the box sent on.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::vantage::{Exchange, Vantage};
use crate::cors::classify::path_and_query;
use crate::findings::shape_of;
use crate::http::head::{Head, Name};
use crate::packet::{MILLISECOND, SECOND, Time};
use crate::record::Confidence;
use crate::report::shown_bytes;

/// How long a request without answer in front may take to appear behind, in nanoseconds.
const UNANSWERED_NS: i64 = 60 * SECOND;
/// Two taps on one clock differ by no more.
const SLACK_NS: i64 = 5 * MILLISECOND;
/// Two clocks, once their offset is known, by no more.
const SLACK_OTHER_CLOCK_NS: i64 = 30 * MILLISECOND;
/// Requests behind that are looked at for one in front.
const CANDIDATES_MAX: usize = 256;
/// Requests in front by which the clocks are compared, and their counterparts each.
const CLOCK_SAMPLES_MAX: usize = 2000;
const CLOCK_CANDIDATES_MAX: usize = 32;
/// Requests that must agree on an offset before it is believed.
const CLOCK_AGREEING_MIN: usize = 5;
/// Width of a vote on the clocks' offset, in nanoseconds.
const CLOCK_BIN_NS: i64 = 20 * MILLISECOND;

/// What became of a request on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Sent on.
    Pair { back: usize, confidence: Confidence },
    /// Answered with what an earlier request had fetched; no source: from before the capture.
    Cached { source: Option<usize>, confidence: Confidence },
    /// Answered by the box.
    Nothing { confidence: Confidence },
    /// Behind is a database, which counts what passed: it passed there.
    Passed,
    /// The tap behind cannot tell.
    OutOfView,
}

/// All of them, in the order of the exchanges in front.
#[derive(Debug)]
pub(super) struct Pairing {
    pub behind: Vec<Behind>,
    pub clock_ahead_ns: i64,
    pub not_linked: u64,
    pub not_covered: u64,
}

/// In which ways a request may have been changed before it was sent on, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Not at all.
    Same,
    /// `Origin` or what the preflight asks was removed or rewritten.
    OtherOrigin,
    /// A cache asks for the whole.
    HeadAsGet,
    /// The path was mapped.
    Mapped,
}

struct Pairer<'a> {
    front: &'a Vantage,
    back: &'a Vantage,
    exact: HashMap<u64, Vec<usize>, RandomState>,
    tail: HashMap<u64, Vec<usize>, RandomState>,
    used: Vec<bool>,
    ahead_ns: i64,
    slack_ns: i64,
}

/// What is known of one of the box's addresses.
#[derive(Debug, Default)]
struct Link {
    paired: u64,
    alone: u64,
    /// Other traffic of it was seen behind.
    others: bool,
    /// Its host was asked for behind.
    host: bool,
}

pub(super) fn pair(front: &Vantage, back: &Vantage) -> Pairing {
    let mut pairer = Pairer::new(front, back);
    pairer.set_clocks();
    let mut found: Vec<Option<Behind>> = vec![None; front.exchanges.len()];
    for pass in [Pass::Same, Pass::OtherOrigin, Pass::HeadAsGet, Pass::Mapped] {
        for (exchange, slot) in front.exchanges.iter().zip(&mut found) {
            if slot.is_none() {
                *slot = pairer.find(exchange, pass);
            }
        }
    }
    // A cache that asked whether its copy is still good: the copy is what was served.
    for (exchange, slot) in front.exchanges.iter().zip(&mut found) {
        let asked = match slot {
            Some(Behind::Pair { back, .. }) => pairer.back.exchanges.get(*back),
            None => None,
            Some(_) => continue,
        };
        let revalidated = asked.is_some_and(|b| status(b) == Some(304)) && status(exchange) != Some(304);
        if asked.is_none() || revalidated {
            let cached = pairer.cached(exchange);
            if revalidated {
                *slot = Some(cached.unwrap_or(Behind::Cached { source: None, confidence: Confidence::Probable }));
            } else {
                *slot = cached;
            }
        }
    }
    let links = pairer.links(&found);
    let (mut not_linked, mut not_covered) = (0, 0);
    let behind = front
        .exchanges
        .iter()
        .zip(found)
        .map(|(exchange, slot)| {
            slot.unwrap_or_else(|| pairer.nothing(exchange, &links, &mut not_linked, &mut not_covered))
        })
        .collect();
    Pairing { behind, clock_ahead_ns: pairer.ahead_ns, not_linked, not_covered }
}

impl<'a> Pairer<'a> {
    fn new(front: &'a Vantage, back: &'a Vantage) -> Self {
        let mut exact: HashMap<u64, Vec<usize>, RandomState> = HashMap::default();
        let mut tail: HashMap<u64, Vec<usize>, RandomState> = HashMap::default();
        for (i, exchange) in back.exchanges.iter().enumerate() {
            exact.entry(back.keys.exact(&exchange.request)).or_default().push(i);
            tail.entry(back.keys.tail(&exchange.request)).or_default().push(i);
        }
        let used = vec![false; back.exchanges.len()];
        Pairer { front, back, exact, tail, used, ahead_ns: 0, slack_ns: SLACK_NS }
    }

    /// When a request of this exchange can have been sent on, by the clock behind.
    fn window(&self, exchange: &Exchange, ahead_ns: i64) -> (Time, Time) {
        let from = exchange.request.first.time;
        let to = exchange.answered().unwrap_or(from.plus(UNANSWERED_NS));
        (from.plus(ahead_ns - self.slack_ns), to.plus(ahead_ns + self.slack_ns))
    }

    /// Places in `list` (in order of time) whose time lies in the window.
    fn within<'b>(&self, list: &'b [usize], window: (Time, Time)) -> &'b [usize] {
        let time = |i: &usize| self.back.exchanges.get(*i).map_or(Time(i64::MAX), |b| b.request.first.time);
        let from = list.partition_point(|i| time(i) < window.0);
        let to = list.partition_point(|i| time(i) <= window.1);
        let to = to.min(from.saturating_add(CANDIDATES_MAX));
        list.get(from..to).unwrap_or_default()
    }

    /// Compares the clocks: by how much requests come later behind than in front, where that is more than a box can need.
    fn set_clocks(&mut self) {
        let step = self.front.exchanges.len().div_ceil(CLOCK_SAMPLES_MAX).max(1);
        let samples: Vec<(&Exchange, &[usize])> = self
            .front
            .exchanges
            .iter()
            .step_by(step)
            .filter_map(|e| Some((e, self.exact.get(&self.front.keys.exact(&e.request))?.as_slice())))
            .collect();
        let contained = |ahead_ns: i64| {
            samples.iter().filter(|(e, list)| !self.within(list, self.window(e, ahead_ns)).is_empty()).count()
        };
        let mut votes: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (exchange, list) in &samples {
            for i in list.iter().take(CLOCK_CANDIDATES_MAX) {
                let Some(behind) = self.back.exchanges.get(*i) else { continue };
                let later = behind.request.first.time.since(exchange.request.first.time);
                votes.entry(later.div_euclid(CLOCK_BIN_NS)).or_default().push(later);
            }
        }
        let Some(most) = votes.values_mut().max_by_key(|v| v.len()) else { return };
        most.sort_unstable();
        // The earliest of them: what is later was slowed down by the box.
        let ahead_ns = most.first().copied().unwrap_or(0);
        let (now, then) = (contained(0), contained(ahead_ns));
        // a few hits of a cache look like a clock that is late: most requests must agree
        if then >= CLOCK_AGREEING_MIN && then * 2 >= samples.len() && then > now + samples.len() / 10 {
            self.ahead_ns = ahead_ns;
            self.slack_ns = SLACK_OTHER_CLOCK_NS;
        }
    }

    fn find(&mut self, exchange: &Exchange, pass: Pass) -> Option<Behind> {
        let list = match pass {
            Pass::Mapped => self.tail.get(&self.front.keys.tail(&exchange.request))?,
            Pass::Same | Pass::OtherOrigin | Pass::HeadAsGet => {
                self.exact.get(&self.front.keys.exact(&exchange.request))?
            }
        };
        let mut best: Option<(u32, usize)> = None;
        let mut rivals = 0_u32;
        for &i in self.within(list, self.window(exchange, self.ahead_ns)) {
            let Some(behind) = self.back.exchanges.get(i) else { continue };
            if self.used.get(i).copied().unwrap_or(true) || !fits(exchange, behind, pass) {
                continue;
            }
            let score = likeness(exchange, behind);
            match best {
                Some((most, _)) if score < most => {}
                Some((most, first)) if score == most => {
                    rivals += u32::from(!same_answer(self.back.exchanges.get(first), behind));
                }
                _ => (best, rivals) = (Some((score, i)), 0),
            }
        }
        let (_, back) = best?;
        if pass == Pass::Mapped && rivals > 0 {
            return None;
        }
        if let Some(used) = self.used.get_mut(back) {
            *used = true;
        }
        let sure = pass == Pass::Same && rivals == 0;
        Some(Behind::Pair { back, confidence: if sure { Confidence::Certain } else { Confidence::Probable } })
    }

    /// The earlier exchange whose stored answer this one got.
    fn cached(&self, exchange: &Exchange) -> Option<Behind> {
        let answer = exchange.response.as_ref()?;
        let hit = says_hit(&answer.head);
        let storable = match exchange.request.head.method() {
            b"GET" | b"HEAD" => true,
            b"OPTIONS" => hit,
            _ => false,
        };
        if !storable {
            return None;
        }
        let list = self.exact.get(&self.front.keys.exact(&exchange.request)).map_or(&[][..], Vec::as_slice);
        let latest = answer.head_end.time.plus(self.ahead_ns + self.slack_ns);
        let source = list
            .iter()
            .rev()
            .take(CANDIDATES_MAX)
            .filter_map(|&i| {
                let stored = self.back.exchanges.get(i)?;
                let there = stored.response.as_ref()?;
                let fits = there.head_end.time <= latest
                    && (there.status == answer.status || answer.status == 304)
                    && equal_where_both(&there.head, &answer.head, Name::ContentType)
                    && equal_where_both(&there.head, &answer.head, Name::ContentLength)
                    && equal_where_both(&there.head, &answer.head, Name::Etag)
                    && equal_where_both(&there.head, &answer.head, Name::LastModified);
                fits.then_some((i, there))
            })
            // the latest of those whose allowance it is; `max_by_key` keeps the last of equals, and the list runs backwards
            .rev()
            .max_by_key(|(_, there)| there.head.joined(Name::AcAllowOrigin) == answer.head.joined(Name::AcAllowOrigin));
        let Some((source, there)) = source else {
            return hit.then_some(Behind::Cached { source: None, confidence: Confidence::Probable });
        };
        let same_copy = [Name::Etag, Name::LastModified, Name::XRequestId, Name::Date]
            .into_iter()
            .any(|name| there.head.has(name) && there.head.first(name) == answer.head.first(name));
        let confidence = if hit || same_copy { Confidence::Certain } else { Confidence::Probable };
        Some(Behind::Cached { source: Some(source), confidence })
    }

    /// What the pairs say of each of the box's addresses: does the tap behind see what it sends on?
    fn links(&self, found: &[Option<Behind>]) -> BTreeMap<SocketAddr, Link> {
        let mut links: BTreeMap<SocketAddr, Link> = BTreeMap::new();
        for (exchange, slot) in self.front.exchanges.iter().zip(found) {
            let link = links.entry(exchange.request.server).or_default();
            match slot {
                Some(Behind::Pair { .. }) => link.paired += 1,
                None => link.alone += 1,
                Some(_) => {}
            }
            link.host |= exchange.request.head.first(Name::Host).is_some_and(|h| self.back.hosts.contains(h));
        }
        for (server, link) in &mut links {
            let others = self.front.others.get(server).map_or(&[][..], Vec::as_slice);
            link.others = others.iter().any(|key| self.back.seen.contains(key));
        }
        links
    }

    /// Nothing was found: is that the box's doing, or was it out of sight?
    fn nothing(
        &self,
        exchange: &Exchange,
        links: &BTreeMap<SocketAddr, Link>,
        not_linked: &mut u64,
        not_covered: &mut u64,
    ) -> Behind {
        if exchange.response.is_none() {
            return Behind::OutOfView;
        }
        if !self.back.covers(exchange.request.first.time.plus(self.ahead_ns)) {
            *not_covered += 1;
            return Behind::OutOfView;
        }
        if self.back.recorded {
            return self.recorded(exchange);
        }
        let link = links.get(&exchange.request.server);
        let Some(link) = link.filter(|l| l.paired > 0 || l.others || l.host) else {
            *not_linked += 1;
            return Behind::OutOfView;
        };
        let all = link.paired + link.alone;
        let confidence = if link.paired * 10 >= all * 9 {
            Confidence::Certain
        } else if link.paired * 10 >= all * 3 || link.others {
            Confidence::Probable
        } else {
            Confidence::Possible
        };
        // what a tap lost may have been there
        let confidence = if self.back.lossy { confidence.min(Confidence::Probable) } else { confidence };
        Behind::Nothing { confidence }
    }

    /// A database holds what was refused, and of the rest the counts of each hour.
    fn recorded(&self, exchange: &Exchange) -> Behind {
        let head = &exchange.request.head;
        let asked = if exchange.is_preflight() { head.first(Name::AcRequestMethod) } else { None };
        let method = shown_bytes(asked.unwrap_or(head.method()));
        let origin = head.first(Name::Origin).map(shown_bytes).unwrap_or_default();
        let target = self.front.keys.target(&exchange.request);
        let target = String::from_utf8_lossy(&target);
        let shape = shape_of(&target);
        let hour = exchange.request.first.time.to_string();
        let hour = hour.get(..13).unwrap_or_default();
        let mut rows = self.back.hours.iter().filter(|row| {
            row.hour.starts_with(hour) && row.method == method && row.origin == origin && row.path_shape == shape
        });
        if rows.any(|row| row.allowed > 0) {
            return Behind::Passed;
        }
        if self.back.hours.iter().any(|row| row.hour.starts_with(hour) && row.origin == origin) {
            return Behind::Nothing { confidence: Confidence::Possible };
        }
        Behind::OutOfView
    }
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.response.as_ref().map(|r| r.status)
}

fn fits(front: &Exchange, back: &Exchange, pass: Pass) -> bool {
    let (asked, sent) = (&front.request.head, &back.request.head);
    let same = |name: Name| asked.first(name) == sent.first(name);
    let same_method = asked.method() == sent.method();
    let same_origin = same(Name::Origin) && same(Name::AcRequestMethod);
    match pass {
        Pass::Same => same_method && same_origin,
        Pass::OtherOrigin => same_method && !same_origin,
        Pass::HeadAsGet => !same_method && same(Name::Origin),
        // a prefix was taken off or put before; a lone slash says nothing
        Pass::Mapped => {
            let (front, back) = (path_of(asked), path_of(sent));
            let alike = front.ends_with(back) || back.ends_with(front);
            same_method && same_origin && front != back && alike && front.len() > 1 && back.len() > 1
        }
    }
}

fn path_of(head: &Head) -> &[u8] {
    path_and_query(head.target()).split(|b| *b == b'?').next().unwrap_or_default()
}

/// How many signs say that this is the same request.
fn likeness(front: &Exchange, back: &Exchange) -> u32 {
    let (asked, sent) = (&front.request.head, &back.request.head);
    let traced = [Name::Traceparent, Name::XRequestId]
        .into_iter()
        .any(|name| asked.has(name) && asked.first(name) == sent.first(name));
    let client = front.request.client.ip().to_string();
    let forwarded = [Name::XForwardedFor, Name::XRealIp, Name::Forwarded]
        .into_iter()
        .any(|name| sent.joined(name).is_some_and(|v| memchr::memmem::find(&v, client.as_bytes()).is_some()));
    let alike = [Name::UserAgent, Name::AcceptLanguage, Name::Referer, Name::ContentLength, Name::Host]
        .into_iter()
        .filter(|name| asked.first(*name) == sent.first(*name));
    let answered = match (front.answered(), back.answered()) {
        (Some(_), Some(_)) => u32::from(status(front) == status(back)),
        _ => 0,
    };
    u32::from(traced) * 64
        + u32::from(forwarded) * 16
        + u32::from(asked.has(Name::Cookie) == sent.has(Name::Cookie)) * 2
        + u32::try_from(alike.count()).unwrap_or(0) * 2
        + answered
}

/// Two candidates that give the same answer need not be told apart.
fn same_answer(first: Option<&Exchange>, other: &Exchange) -> bool {
    match (first.and_then(|e| e.response.as_ref()), &other.response) {
        (Some(a), Some(b)) => {
            a.status == b.status
                && super::differ::RESPONSE_FIELDS.iter().all(|name| a.head.joined(*name) == b.head.joined(*name))
        }
        (None, None) => true,
        _ => false,
    }
}

fn equal_where_both(a: &Head, b: &Head, name: Name) -> bool {
    match (a.first(name), b.first(name)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// The answer itself says that it comes from a cache.
pub(super) fn says_hit(head: &Head) -> bool {
    let hit = |name: Name| head.all(name).any(|v| v.to_ascii_lowercase().windows(3).any(|w| w == b"hit"));
    let age = head.first(Name::Age).is_some_and(|v| v.iter().any(|b| (b'1'..=b'9').contains(b)));
    let varnish =
        head.first(Name::XVarnish).is_some_and(|v| v.split(|b| *b == b' ').filter(|p| !p.is_empty()).count() > 1);
    age || varnish || [Name::XCache, Name::XCacheStatus, Name::CfCacheStatus].into_iter().any(hit)
}
