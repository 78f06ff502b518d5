//! Takes events and time, and keeps every attempt that waits for its other half (VERDICTS.md §6).
//!
//! `pair` finds the attempt of a request, `answer` judges what came back, `settle` ends attempts and hands them out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use slab::Slab;

use super::attempt::{Attempt, InFlight, Lists, Outcome, Slots, State};
use super::cache::PreflightCache;
use super::cause::memory::Memory;
use super::check::{Covered, Judged};
use super::classify::{Classified, Classifier};
use super::connection::Connections;
use super::jar::Jar;
use super::settle::{Told, Unexplained};
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::findings::Findings;
use crate::http::head::Name;
use crate::http::{HttpEvent, MessageId, Request};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::memo::Memo;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, SECOND, Time};
use crate::record::{Sink, TransactionId};

/// A browser sends the actual at once when the preflight passes: so much silence says that it did not.
const T_SILENCE_NS: i64 = 10 * SECOND;
/// A request closed without an answer is sent again within this time.
const T_RETRY_NS: i64 = 2 * SECOND;
/// A browser that is asked who it is, and knows, asks again at once.
const T_CHALLENGE_NS: i64 = 500 * MILLISECOND;
/// A preflight without a byte of answer for so long counts as unanswered.
const T_ANSWER_NS: i64 = 60 * SECOND;

/// Pairs of what was asked for and what was listed that are remembered; a power of two.
const COVERED_MAX: usize = 1024;
/// Kinds of judgement that are shared; a power of two.
const JUDGEMENTS_MAX: usize = 64;

/// Pairs, judges, and lets the rules look on.
#[derive(Debug)]
pub struct Correlator {
    pub(super) sensor: u64,
    pub(super) show_query: bool,
    pub(super) all_requests: bool,
    pub(super) waiting_max: usize,
    pub(super) unexplained_max: usize,
    pub(super) now: Time,
    pub(super) classifier: Classifier,
    pub(super) connections: Connections,
    pub(super) cache: PreflightCache,
    pub(super) jar: Jar,
    /// Large, and handed on several times: each lies where it was made.
    pub(super) attempts: Slab<Box<Attempt>>,
    pub(super) generation: u32,
    /// What requests ask for, and why.
    pub(super) lists: Lists,
    /// How answers' lists cover what preflights ask for.
    pub(super) covered: Memo<Covered>,
    /// Room for a path while it is written.
    pub(super) written: String,
    pub(super) in_flight: Lru<MessageId, InFlight>,
    pub(super) by_pair: HashMap<u64, Slots, RandomState>,
    pub(super) by_redirect: HashMap<u64, Slots, RandomState>,
    pub(super) by_retry: HashMap<u64, Slots, RandomState>,
    pub(super) silence: VecDeque<(Time, u32, u32)>,
    pub(super) retries: VecDeque<(Time, u32, u32)>,
    pub(super) challenges: VecDeque<(Time, u32, u32)>,
    pub(super) answers: VecDeque<(Time, u32, u32)>,
    pub(super) by_age: VecDeque<(u32, u32)>,
    /// What stored responses came to, for a later 304.
    pub(super) stored: Lru<u64, Arc<Judged>>,
    /// Answers come to much the same.
    pub(super) judgements: Memo<Arc<Judged>>,
    pub(super) failed_preflights: Lru<u64, Time>,
    /// Answers to WebKit's preflights whose body must still end well.
    pub(super) bodies: Lru<MessageId, u32>,
    /// Decided by an answer whose body still comes: cut short, it is an error of its own.
    pub(super) held: HashMap<MessageId, (Box<Attempt>, Outcome), RandomState>,
    pub(super) holds: VecDeque<(Time, MessageId)>,
    pub(super) memory: Memory,
    pub(super) hosts: Lru<u64, HostSeen>,
    /// When each unsafe request was last sent.
    pub(super) asked: Lru<u64, Time>,
    /// Decided, and certain as soon as other preflights that were asked together with its own have their requests.
    pub(super) contested: VecDeque<(Time, Box<Attempt>, Outcome)>,
    /// Refused by an answer that says "not done": the same request may yet come again.
    pub(super) echoes: VecDeque<(Time, Box<Attempt>, Outcome)>,
    /// In order of time.
    pub(super) unexplained: VecDeque<Unexplained>,
    /// Hints given up under their caps.
    pub(super) hints_forgotten: u64,
    pub(super) findings: Findings,
    pub(super) told: Vec<Told>,
}

impl Correlator {
    /// A correlator that has seen nothing.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        let classifier = Classifier::new(limits, options);
        let memory = Memory::new(limits, classifier.hasher());
        Correlator {
            sensor: stable_hash(&[options.sensor.as_bytes()]),
            show_query: options.show_query,
            all_requests: options.all_requests,
            waiting_max: limits.waiting_max as usize,
            unexplained_max: limits.unexplained_max as usize,
            now: Time(0),
            classifier,
            connections: Connections::new(limits.hints_max),
            cache: PreflightCache::new(limits),
            jar: Jar::new(limits.hints_max),
            attempts: Slab::new(),
            generation: 0,
            lists: Lists::new(),
            covered: Memo::new(COVERED_MAX),
            written: String::new(),
            in_flight: Lru::new(limits.in_flight_max),
            by_pair: HashMap::default(),
            by_redirect: HashMap::default(),
            by_retry: HashMap::default(),
            silence: VecDeque::new(),
            retries: VecDeque::new(),
            challenges: VecDeque::new(),
            answers: VecDeque::new(),
            by_age: VecDeque::new(),
            stored: Lru::new(limits.hints_max),
            judgements: Memo::new(JUDGEMENTS_MAX),
            failed_preflights: Lru::new(limits.hints_max),
            bodies: Lru::new(limits.waiting_max),
            held: HashMap::default(),
            holds: VecDeque::new(),
            hosts: Lru::new(limits.targets_max),
            memory,
            asked: Lru::new(limits.hints_max),
            contested: VecDeque::new(),
            echoes: VecDeque::new(),
            unexplained: VecDeque::new(),
            hints_forgotten: 0,
            findings: Findings::new(limits, options),
            told: Vec::new(),
        }
    }

    /// Takes the site's proxies and the rules' options anew; what was seen stays.
    pub fn configure(&mut self, options: &EngineOptions) {
        self.classifier.configure(options);
        self.findings.configure(options);
    }

    /// The rules, for what they keep beside findings.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Takes one event. What comes of it is told by [`Correlator::tell`].
    pub fn on_event(&mut self, event: &HttpEvent, counters: &mut Counters) {
        self.settle_due();
        match event {
            HttpEvent::Request(request) => self.on_request(request, counters),
            HttpEvent::Response { request: Some(request), response } => {
                self.on_response(request, response, counters);
            }
            // without its request nobody knows who asked; counted by the layer below
            HttpEvent::Response { request: None, .. } | HttpEvent::Interim(_) => {}
            HttpEvent::NoAnswer { request, why, at } => self.on_no_answer(request, *why, at.time, counters),
            HttpEvent::End { id, state, at, .. } => self.on_end(*id, *state, at.time),
        }
    }

    fn settle_due(&mut self) {
        while let Some((index, _)) = pop_due(&mut self.challenges, &self.attempts, self.now) {
            if self.attempts.get(index as usize).is_some_and(|a| a.challenged) {
                self.settle_challenged(index);
            }
        }
        while self.contested.front().is_some_and(|(deadline, ..)| *deadline <= self.now) {
            self.settle_contested();
        }
        self.explain_due();
    }

    fn all_hints_forgotten(&self) -> u64 {
        self.hints_forgotten + self.jar.forgotten() + self.connections.forgotten() + self.classifier.forgotten()
    }

    /// Fires what is due at this whole second of packet time.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(now);
        counters.forgotten.hints = self.all_hints_forgotten();
        while let Some(&(deadline, id)) = self.holds.front() {
            if self.held.contains_key(&id) && deadline > now {
                break;
            }
            self.holds.pop_front();
            if let Some((attempt, outcome)) = self.held.remove(&id) {
                self.finalise(attempt, &outcome);
            }
        }
        while self.contested.front().is_some_and(|(deadline, ..)| *deadline <= now) {
            self.settle_contested();
        }
        while self.echoes.front().is_some_and(|(deadline, ..)| *deadline <= now) {
            self.settle_echo();
        }
        while let Some((index, _)) = pop_due(&mut self.retries, &self.attempts, now) {
            if matches!(self.attempts.get(index as usize).map(|a| a.state), Some(State::Retry { .. })) {
                self.settle_unanswered(index);
            }
        }
        while let Some((index, _)) = pop_due(&mut self.silence, &self.attempts, now) {
            match self.attempts.get(index as usize).map(|a| a.state) {
                Some(State::Actual) => self.settle_silence(index, true),
                Some(State::Hop { .. }) => self.settle_redirect(index),
                _ => {}
            }
        }
        while let Some((index, _)) = pop_due(&mut self.answers, &self.attempts, now) {
            if matches!(self.attempts.get(index as usize).map(|a| a.state), Some(State::PreflightAnswer)) {
                self.settle_unanswered(index);
            }
        }
        self.pass(now, sink, counters);
        self.findings.advance(now, sink, counters);
    }

    /// Nothing came until now, which need be no whole second: settles what does not wait for one.
    pub fn pass(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(now);
        self.settle_due();
        self.tell(sink, counters);
    }

    /// Settles everything that waits, oldest first.
    pub fn finish(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(now);
        counters.forgotten.hints = self.all_hints_forgotten();
        while let Some((_, id)) = self.holds.pop_front() {
            if let Some((attempt, outcome)) = self.held.remove(&id) {
                self.finalise(attempt, &outcome);
            }
        }
        while !self.contested.is_empty() {
            self.settle_contested();
        }
        while !self.echoes.is_empty() {
            self.settle_echo();
        }
        let mut open: Vec<(Time, u64, u32)> = self
            .attempts
            .iter()
            .map(|(i, a)| (a.first.first.time, a.first.first.order.0, u32::try_from(i).unwrap_or(u32::MAX)))
            .collect();
        open.sort_unstable();
        for (_, _, index) in open {
            match self.attempts.get(index as usize).map(|a| a.state) {
                Some(State::Actual) => {
                    let heard = self.heard_after_preflight(index);
                    self.settle_silence(index, heard);
                }
                Some(State::Hop { .. }) => self.settle_redirect(index),
                Some(State::Retry { .. }) => self.settle_unanswered(index),
                Some(State::PreflightAnswer | State::Answer) => {
                    self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured));
                }
                None => {}
            }
        }
        while !self.contested.is_empty() {
            self.settle_contested();
        }
        while !self.echoes.is_empty() {
            self.settle_echo();
        }
        while !self.unexplained.is_empty() {
            self.explain_first();
        }
        self.tell(sink, counters);
        self.findings.finish(now, sink, counters);
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let decided = [&self.contested, &self.echoes].iter().all(|waiting| waiting.is_empty());
        decided && self.attempts.is_empty() && self.held.is_empty() && self.unexplained.is_empty()
    }

    // ---- keys and timers -----------------------------------------------------------------------------------------

    /// Not the client's identity but its address: scripts may set User-Agent and Accept-Language on the actual alone.
    pub(super) fn pair_key(&self, seen: &Classified, method: &[u8]) -> u64 {
        self.classifier.digest((seen.keys.address_and_page, seen.url, method))
    }

    pub(super) fn retry_key(&self, seen: &Classified, request: &Request) -> u64 {
        let (method, asked) = (request.head.method(), request.head.first(Name::AcRequestMethod));
        self.classifier.digest((seen.keys.client_and_page, seen.url, method, asked))
    }

    /// What makes two requests the same: who, from where, whereto, how, and how long.
    pub(super) fn echo_key(&self, seen: &Classified, request: &Request) -> u64 {
        self.classifier.digest((self.retry_key(seen, request), request.head.first(Name::ContentLength)))
    }

    /// Of a redirect's next hop, by its URL.
    pub(super) fn redirect_key(&self, seen: &Classified, url: u64) -> u64 {
        self.classifier.digest((seen.agent, url))
    }

    /// Of what a cache keeps for a page of this client's.
    pub(super) fn cache_key(&self, seen: &Classified) -> u64 {
        self.classifier.digest(cache_key(seen))
    }

    pub(super) fn start_timer(&mut self, index: u32, timer: Timer, from: Time) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let entry = |wait: i64| (from.plus(wait), index, attempt.generation);
        let (queue, entry) = match timer {
            Timer::Silence => (&mut self.silence, entry(T_SILENCE_NS)),
            Timer::Retry => (&mut self.retries, entry(T_RETRY_NS)),
            Timer::Challenge => (&mut self.challenges, entry(T_CHALLENGE_NS)),
            Timer::Answer => (&mut self.answers, entry(T_ANSWER_NS)),
        };
        queue.push_back(entry);
        // settled attempts behind one that waits long must not pile up
        if queue.len() > 2 * self.attempts.len() + 1024 {
            let attempts = &self.attempts;
            queue.retain(|&(_, i, g)| attempts.get(i as usize).is_some_and(|a| a.generation == g));
        }
    }

    pub(super) fn transaction_id(&self, request: &Request) -> TransactionId {
        request_id(self.sensor, request)
    }
}

/// What a cache keeps an answer under.
pub(super) fn cache_key(seen: &Classified) -> (u64, u64) {
    (seen.keys.client_and_page, seen.url)
}

/// What was seen of a host.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HostSeen {
    /// Preflights to it.
    pub(super) preflights: u32,
    /// Requests to it whose preflight is missing.
    pub(super) needing: u32,
}

/// The id of a transaction that begins with this request, and of a request that belongs to none but is cited by a finding.
#[must_use]
pub fn id_of(sensor: &str, request: &Request) -> TransactionId {
    request_id(stable_hash(&[sensor.as_bytes()]), request)
}

pub(super) fn request_id(sensor: u64, request: &Request) -> TransactionId {
    let address = |a: std::net::SocketAddr| match a.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    TransactionId(stable_hash(&[
        &sensor.to_le_bytes(),
        &address(request.peer),
        &request.peer.port().to_le_bytes(),
        &address(request.server),
        &request.server.port().to_le_bytes(),
        &request.first.time.0.to_le_bytes(),
        &request.id.seq.to_le_bytes(),
    ]))
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    Silence,
    Retry,
    Challenge,
    Answer,
}

/// What an attempt waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Awaited {
    /// The request after its preflight.
    Actual,
    /// The next hop of a redirect.
    Hop,
    /// The same request again, on another connection.
    Retry,
}

/// The next entry whose time has come and whose attempt still lives.
fn pop_due(queue: &mut VecDeque<(Time, u32, u32)>, attempts: &Slab<Box<Attempt>>, now: Time) -> Option<(u32, Time)> {
    while let Some(&(deadline, index, generation)) = queue.front() {
        let lives = attempts.get(index as usize).is_some_and(|a| a.generation == generation);
        if lives && deadline > now {
            return None;
        }
        queue.pop_front();
        if lives {
            return Some((index, deadline));
        }
    }
    None
}

pub(super) fn drop_slot(map: &mut HashMap<u64, Slots, RandomState>, key: u64, index: u32) {
    if let Some(slots) = map.get_mut(&key) {
        slots.retain(|i| *i != index);
        if slots.is_empty() {
            map.remove(&key);
        }
    }
}

/// FNV-1a over length-prefixed parts, finished as in MurmurHash3: the same in every process and build.
pub(crate) fn stable_hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        let [low, high, ..] = (part.len() as u64).to_le_bytes();
        for byte in [low, high] {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for &byte in *part {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
