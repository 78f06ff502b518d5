//! One tap's exchanges, as far as a comparison needs them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::catalog::Reason;
use crate::cors::classify::{path_and_query, redacted_path};
use crate::http::head::Name;
use crate::http::{MessageId, Request, Response};
use crate::packet::{SECOND, Time};
use crate::record::{Credentials, Family, Finding, Leg, Sink, Transaction, Verdict};
use crate::store::queries::StoredHour;

/// Exchanges kept of one side, each of about a kilobyte. More are counted in [`Vantage::left_out`].
const EXCHANGES_MAX: usize = 200_000;
/// Keys kept of requests that have nothing to do with CORS: 8 bytes each.
const KEYS_MAX: usize = 1_000_000;
/// Hosts kept by digest.
const HOSTS_MAX: usize = 100_000;
/// However quiet a capture is, it covers no more than this before its first and after its last packet, in nanoseconds.
const COVERED_BEYOND_NS_MAX: i64 = 60 * SECOND;
/// And at least this.
const COVERED_BEYOND_NS_MIN: i64 = SECOND;

/// What was judged of an exchange, as a part of its transaction.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The transaction's id.
    pub id: Arc<str>,
    /// The browser's decision on the whole.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<Reason>,
    /// Credentials, as far as the wire tells.
    pub credentials: Credentials,
    /// Who decides.
    pub family: Family,
    /// A trusted proxy in front of the tap names the client.
    pub forwarded: bool,
    /// The target as the browser sees it.
    pub target_origin: Arc<str>,
}

/// A request with its answer.
#[derive(Debug)]
pub struct Exchange {
    /// The request.
    pub request: Arc<Request>,
    /// The answer, where there was one.
    pub response: Option<Arc<Response>>,
    /// The transaction that it is a part of.
    pub judged: Option<Judged>,
}

impl Exchange {
    /// The transaction's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.judged.as_ref().map(|j| &*j.id)
    }

    /// When its answer's head was complete.
    #[must_use]
    pub fn answered(&self) -> Option<Time> {
        self.response.as_ref().map(|r| r.head_end.time)
    }

    /// An OPTIONS that asks (Fetch § CORS-preflight request).
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        let head = &self.request.head;
        head.method() == b"OPTIONS" && head.has(Name::Origin) && head.has(Name::AcRequestMethod)
    }
}

/// Digests by which requests of two sides are found alike, under a key of this run.
#[derive(Debug, Clone)]
pub struct Keys {
    hasher: RandomState,
    /// Records hold paths with redacted queries: then both sides are redacted.
    redacted: bool,
}

impl Keys {
    /// Keys for two sides. `redacted`: one of them is a database.
    #[must_use]
    pub fn new(redacted: bool) -> Self {
        Keys { hasher: RandomState::default(), redacted }
    }

    fn digest(&self, value: impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }

    /// Path and query as compared.
    #[must_use]
    pub fn target(&self, request: &Request) -> Vec<u8> {
        let target = path_and_query(request.head.target());
        if self.redacted { redacted_path(target, false).into_bytes() } else { target.to_vec() }
    }

    /// Method (HEAD as GET: caches ask for the whole) and target.
    #[must_use]
    pub fn exact(&self, request: &Request) -> u64 {
        self.digest((method_class(request), self.target(request)))
    }

    /// Method, last segment of the path, and query: what a box that maps paths leaves alone.
    #[must_use]
    pub fn tail(&self, request: &Request) -> u64 {
        let target = self.target(request);
        let path_end = target.iter().position(|b| *b == b'?').unwrap_or(target.len());
        let path = target.get(..path_end).unwrap_or_default();
        let from = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        self.digest((method_class(request), target.get(from..).unwrap_or_default()))
    }
}

fn method_class(request: &Request) -> &[u8] {
    match request.head.method() {
        b"HEAD" => b"GET",
        method => method,
    }
}

/// Everything that one tap saw, reduced to what a comparison needs.
#[derive(Debug)]
pub struct Vantage {
    /// Exchanges in order of their first byte, once [`Vantage::close`] was called.
    pub exchanges: Vec<Exchange>,
    /// Earliest packet or record.
    pub first: Option<Time>,
    /// Latest packet or record.
    pub last: Option<Time>,
    /// The longest silence between two requests, in nanoseconds.
    pub quiet_ns: i64,
    /// Exchanges beyond the cap.
    pub left_out: u64,
    /// Packets were lost, so that what was not seen may have been there.
    pub lossy: bool,
    /// A database: only what was refused is there, the rest as counts.
    pub recorded: bool,
    /// Hourly counts of a database.
    pub hours: Vec<StoredHour>,
    pub(super) keys: Keys,
    /// Every request's exact key.
    pub(super) seen: HashSet<u64, RandomState>,
    /// Keys of requests that have nothing to do with CORS, by the server that they went to.
    pub(super) others: BTreeMap<SocketAddr, Vec<u64>>,
    /// Hosts asked for.
    pub(super) hosts: HashSet<Box<[u8]>, RandomState>,
    others_kept: usize,
    by_message: HashMap<MessageId, u32, RandomState>,
    wanted: Option<HashSet<u64, RandomState>>,
    last_request: Option<Time>,
}

impl Vantage {
    /// The client's side: keeps what has to do with CORS.
    #[must_use]
    pub fn client_side(keys: Keys) -> Self {
        Self::new(keys, None)
    }

    /// The origin's side: keeps what `front` may have sent on.
    #[must_use]
    pub fn origin_side(front: &Vantage) -> Self {
        let wanted = front.exchanges.iter().map(|e| front.keys.tail(&e.request)).collect();
        Self::new(front.keys.clone(), Some(wanted))
    }

    fn new(keys: Keys, wanted: Option<HashSet<u64, RandomState>>) -> Self {
        Vantage {
            exchanges: Vec::new(),
            first: None,
            last: None,
            quiet_ns: 0,
            left_out: 0,
            lossy: false,
            recorded: false,
            hours: Vec::new(),
            keys,
            seen: HashSet::default(),
            others: BTreeMap::new(),
            hosts: HashSet::default(),
            others_kept: 0,
            by_message: HashMap::default(),
            wanted,
            last_request: None,
        }
    }

    /// Notes a packet's time.
    pub fn on_time(&mut self, time: Time) {
        self.first = Some(self.first.map_or(time, |t| t.min(time)));
        self.last = Some(self.last.map_or(time, |t| t.max(time)));
    }

    /// Takes an exchange, where it is wanted.
    pub fn add(&mut self, exchange: Exchange) {
        let request = &exchange.request;
        let time = request.first.time;
        if let Some(before) = self.last_request {
            self.quiet_ns = self.quiet_ns.max(time.since(before));
        }
        self.last_request = Some(self.last_request.map_or(time, |t| t.max(time)));
        let key = self.keys.exact(request);
        if let Some(host) = request.head.first(Name::Host)
            && self.hosts.len() < HOSTS_MAX
            && !self.hosts.contains(host)
        {
            self.hosts.insert(host.into());
        }
        let wanted = match &self.wanted {
            Some(wanted) => wanted.contains(&self.keys.tail(request)),
            None => concerns_cors(&exchange),
        };
        if self.wanted.is_some() {
            if self.seen.len() < KEYS_MAX {
                self.seen.insert(key);
            }
        } else if !wanted && request.head.method() != b"OPTIONS" && self.others_kept < KEYS_MAX {
            self.others_kept += 1;
            self.others.entry(request.server).or_default().push(key);
        }
        if !wanted {
            return;
        }
        if self.exchanges.len() >= EXCHANGES_MAX {
            self.left_out += 1;
            return;
        }
        self.by_message.insert(request.id, u32::try_from(self.exchanges.len()).unwrap_or(u32::MAX));
        self.exchanges.push(exchange);
    }

    /// No more will come: puts the exchanges in order.
    pub fn close(&mut self) {
        self.by_message = HashMap::default();
        self.exchanges.sort_by_key(|e| e.request.first);
    }

    /// The span of time of which this tap can say that something was not there.
    pub(super) fn covers(&self, time: Time) -> bool {
        let (Some(first), Some(last)) = (self.first, self.last) else { return false };
        let beyond = self.quiet_ns.clamp(COVERED_BEYOND_NS_MIN, COVERED_BEYOND_NS_MAX);
        time >= first.plus(-beyond) && time <= last.plus(beyond)
    }

    fn judge(&mut self, leg: &Leg, judged: &Judged) {
        let place = self.by_message.get(&leg.request.id);
        if let Some(exchange) = place.and_then(|i| self.exchanges.get_mut(*i as usize)) {
            exchange.judged = Some(judged.clone());
        }
    }
}

impl Sink for Vantage {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        let judged = Judged {
            id: t.id.to_string().into(),
            verdict: t.verdict,
            reason: t.reason,
            credentials: t.credentials,
            family: t.browser.family,
            forwarded: t.forwarded_for.is_some(),
            target_origin: t.target_origin.clone(),
        };
        if let Some(preflight) = &t.preflight {
            self.judge(&preflight.leg, &judged);
        }
        if let Some(actual) = &t.actual {
            self.judge(actual, &judged);
        }
    }

    fn finding(&mut self, _: &Finding) {}

    fn exchange(&mut self, request: &Arc<Request>, response: Option<&Arc<Response>>) {
        self.add(Exchange { request: request.clone(), response: response.cloned(), judged: None });
    }
}

/// An `Origin`, an `Access-Control-*` field on either side, or an OPTIONS.
fn concerns_cors(exchange: &Exchange) -> bool {
    let head = &exchange.request.head;
    head.has(Name::Origin)
        || head.method() == b"OPTIONS"
        || exchange.response.as_ref().is_some_and(|r| r.head.has(Name::AcAllowOrigin))
}
