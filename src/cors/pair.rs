//! Pairs preflights, actual requests and the hops of redirects into attempts, and settles each when its outcome is final
//! (VERDICTS.md §6 and §7).

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;

use super::cache::{Lifetime, PreflightCache};
use super::check::{self, Asked, Failures};
use super::classify::{Classified, Classifier, is_tool, path_and_query, redacted_path};
use super::connection::Connections;
use super::detail;
use super::fields::{self, is_simple_method, requested_names};
use super::location::{Location, Next, resolve};
use super::origin::{Origin, OriginKind, printable};
use super::{Kind, Observation};
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::findings::Findings;
use crate::http::head::Name;
use crate::http::{BodyState, HeadState, HttpEvent, MessageId, NoAnswer, Request, Response};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, SECOND, Time};
use crate::record::{
    Confidence, Credentials, Effect, Family, Hop, Leg, Mode, Phase, PreflightLeg, PreflightState, Sink, Transaction,
    TransactionId, Verdict,
};

/// Longest time from a preflight's answer to its actual request.
const T_PAIR_NS: i64 = 30 * SECOND;
/// A browser sends the actual at once when the preflight passes: so much silence says that it did not.
const T_SILENCE_NS: i64 = 10 * SECOND;
/// Least capture left after a preflight's answer for silence to count at its end.
const T_TAIL_NS: i64 = 2 * SECOND;
/// A request closed without an answer is sent again within this time.
const T_RETRY_NS: i64 = 2 * SECOND;
/// The hop after a redirect follows within this time.
const T_REDIRECT_NS: i64 = 5 * SECOND;
/// A preflight without a byte of answer for so long counts as unanswered.
const T_ANSWER_NS: i64 = 60 * SECOND;
/// How long a verdict waits for the end of the answer's body, which may never come.
const T_BODY_NS: i64 = SECOND;
/// Clock skew between two directions of one capture.
const SLACK_NS: i64 = 5 * MILLISECOND;
/// Redirects that a browser follows (Fetch § HTTP-redirect fetch, step 6).
const REDIRECTS_MAX: usize = 20;

/// A preflight and what its answer came to.
#[derive(Debug)]
struct Ask {
    request: Arc<Request>,
    seen: Arc<Classified>,
    response: Option<Arc<Response>>,
    method: Arc<str>,
    names: Vec<String>,
    omitted: Failures,
    included: Failures,
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A preflight was sent.
    PreflightAnswer,
    /// The preflight passes (at least without credentials): the actual must come.
    Actual,
    /// The actual was sent.
    Answer,
    /// A redirect that passes: the next hop must come.
    Hop { since: Time },
    /// Closed without an answer: browsers send it again.
    Retry { since: Time, preflight: bool },
}

/// One page script's attempt, while it goes on.
#[derive(Debug)]
struct Attempt {
    generation: u32,
    id: TransactionId,
    first: Arc<Request>,
    seen: Arc<Classified>,
    method: Arc<str>,
    path: Arc<str>,
    state: State,
    /// The page's origin, once a hop has told it.
    page_origin: Option<Arc<Origin>>,
    /// The first cross-origin hop: from there on CORS decides.
    crossing: Option<Arc<Classified>>,
    ask: Option<Ask>,
    hop_ask: Option<Ask>,
    preflight_state: PreflightState,
    because: Vec<String>,
    request: Option<(Arc<Request>, Arc<Classified>)>,
    response: Option<Arc<Response>>,
    hops: Vec<Hop>,
    /// URL (digest), method of the hop that a redirect asks for, and whether its host was seen here.
    next_url: u64,
    next_method: Arc<str>,
    next_in_view: bool,
    /// The redirect leads to a URL with a user name: whatever comes of it in cors mode, it is refused.
    doomed: bool,
    credentials: Credentials,
    credentials_confidence: Confidence,
    /// The redirect's answer passes only without credentials.
    redirect_needs_omitted: Option<Reason>,
    /// What is inferred lowers the confidence to this.
    floor: Confidence,
    /// A sentence for `detail`.
    note: Option<&'static str>,
    retried: bool,
}

#[derive(Debug)]
struct InFlight {
    seen: Arc<Classified>,
    attempt: Option<u32>,
}

/// What a stored response would come to, for a later 304.
#[derive(Debug)]
struct Stored {
    omitted: Failures,
    included: Failures,
}

/// What an attempt came to.
#[derive(Debug)]
struct Outcome {
    verdict: Verdict,
    phase: Option<Phase>,
    reasons: Failures,
    confidence: Confidence,
}

impl Outcome {
    fn allowed(confidence: Confidence) -> Self {
        Outcome { verdict: Verdict::Allowed, phase: None, reasons: Failures::new(), confidence }
    }

    fn undecided(reason: Reason) -> Self {
        let reasons = std::iter::once(reason).collect();
        Outcome { verdict: Verdict::Undecided, phase: None, reasons, confidence: Confidence::Possible }
    }

    fn blocked(phase: Phase, reasons: Failures, confidence: Confidence) -> Self {
        Outcome { verdict: Verdict::Blocked, phase: Some(phase), reasons, confidence }
    }

    fn not_cors() -> Self {
        Outcome { verdict: Verdict::NotCors, phase: None, reasons: Failures::new(), confidence: Confidence::Certain }
    }
}

type Slots = SmallVec<[u32; 2]>;

/// Pairs, judges, and lets the rules look on.
#[derive(Debug)]
pub struct Correlator {
    sensor: u64,
    show_query: bool,
    all_requests: bool,
    waiting_max: usize,
    now: Time,
    classifier: Classifier,
    connections: Connections,
    cache: PreflightCache,
    attempts: Slab<Attempt>,
    generation: u32,
    in_flight: HashMap<MessageId, InFlight, RandomState>,
    by_pair: HashMap<u64, Slots, RandomState>,
    by_redirect: HashMap<u64, Slots, RandomState>,
    by_retry: HashMap<u64, Slots, RandomState>,
    silence: VecDeque<(Time, u32, u32)>,
    retries: VecDeque<(Time, u32, u32)>,
    answers: VecDeque<(Time, u32, u32)>,
    by_age: VecDeque<(u32, u32)>,
    stored: Lru<u64, Stored>,
    failed_preflights: Lru<u64, Time>,
    /// Answers to WebKit's preflights whose body must still end well.
    bodies: HashMap<MessageId, u32, RandomState>,
    /// Decided by an answer whose body still comes: cut short, it is an error of its own.
    held: HashMap<MessageId, (Attempt, Outcome), RandomState>,
    holds: VecDeque<(Time, MessageId)>,
    hosts: Lru<u64, ()>,
    findings: Findings,
}

impl Correlator {
    /// A correlator that has seen nothing.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Correlator {
            sensor: stable_hash(&[options.sensor.as_bytes()]),
            show_query: options.show_query,
            all_requests: options.all_requests,
            waiting_max: limits.waiting_max as usize,
            now: Time(0),
            classifier: Classifier::new(limits, options),
            connections: Connections::new(limits.clients_max),
            cache: PreflightCache::new(limits.cache_entries_max),
            attempts: Slab::new(),
            generation: 0,
            in_flight: HashMap::default(),
            by_pair: HashMap::default(),
            by_redirect: HashMap::default(),
            by_retry: HashMap::default(),
            silence: VecDeque::new(),
            retries: VecDeque::new(),
            answers: VecDeque::new(),
            by_age: VecDeque::new(),
            stored: Lru::new(limits.clients_max),
            failed_preflights: Lru::new(limits.clients_max),
            bodies: HashMap::default(),
            held: HashMap::default(),
            holds: VecDeque::new(),
            hosts: Lru::new(limits.targets_max),
            findings: Findings::new(limits, options),
        }
    }

    /// The rules, for what they keep beside findings.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Takes one event.
    pub fn on_event(&mut self, event: &HttpEvent, sink: &mut impl Sink, counters: &mut Counters) {
        match event {
            HttpEvent::Request(request) => self.on_request(request, sink, counters),
            HttpEvent::Response { request: Some(request), response } => {
                self.on_response(request, response, sink, counters);
            }
            // without its request nobody knows who asked; counted by the layer below
            HttpEvent::Response { request: None, .. } | HttpEvent::Interim(_) => {}
            HttpEvent::NoAnswer { request, why, at } => self.on_no_answer(request, *why, at.time, sink, counters),
            HttpEvent::End { id, state, at, .. } => self.on_end(*id, *state, at.time, sink, counters),
        }
    }

    /// Fires what is due at this whole second of packet time.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(now);
        while let Some(&(deadline, id)) = self.holds.front() {
            if self.held.contains_key(&id) && deadline > now {
                break;
            }
            self.holds.pop_front();
            if let Some((attempt, outcome)) = self.held.remove(&id) {
                self.finalise(attempt, &outcome, sink, counters);
            }
        }
        while let Some((index, _)) = pop_due(&mut self.retries, &self.attempts, now) {
            if matches!(self.attempts.get(index as usize), Some(Attempt { state: State::Retry { .. }, .. })) {
                self.settle_unanswered(index, sink, counters);
            }
        }
        while let Some((index, _)) = pop_due(&mut self.silence, &self.attempts, now) {
            match self.attempts.get(index as usize).map(|a| a.state) {
                Some(State::Actual) => self.settle_silence(index, true, sink, counters),
                Some(State::Hop { .. }) => self.settle_redirect(index, sink, counters),
                _ => {}
            }
        }
        while let Some((index, _)) = pop_due(&mut self.answers, &self.attempts, now) {
            if matches!(self.attempts.get(index as usize), Some(Attempt { state: State::PreflightAnswer, .. })) {
                self.settle_unanswered(index, sink, counters);
            }
        }
        self.findings.advance(now, sink, counters);
    }

    /// Settles everything that waits, oldest first.
    pub fn finish(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(now);
        while let Some((_, id)) = self.holds.pop_front() {
            if let Some((attempt, outcome)) = self.held.remove(&id) {
                self.finalise(attempt, &outcome, sink, counters);
            }
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
                    self.settle_silence(index, heard, sink, counters);
                }
                Some(State::Hop { .. }) => self.settle_redirect(index, sink, counters),
                Some(State::Retry { .. }) => self.settle_unanswered(index, sink, counters),
                Some(State::PreflightAnswer | State::Answer) => {
                    self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured), sink, counters);
                }
                None => {}
            }
        }
        self.findings.finish(now, sink, counters);
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.attempts.is_empty() && self.held.is_empty()
    }

    // ---- requests ------------------------------------------------------------------------------------------------

    fn on_request(&mut self, request: &Arc<Request>, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(request.head_end.time);
        if !request.head.has(Name::Origin) && self.by_redirect.is_empty() && self.by_retry.is_empty() {
            return; // classified with its answer
        }
        let seen = Arc::new(self.classifier.classify(request, &mut counters.forgotten.clients));
        self.connections.on_request(request, &seen);
        let attempt = self.attempt_of(request, &seen, sink, counters);
        self.in_flight.insert(request.id, InFlight { seen, attempt });
    }

    /// The attempt that this request belongs to: a redirect's next hop, a retry, a preflight's actual, or a new one.
    fn attempt_of(
        &mut self,
        request: &Arc<Request>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) -> Option<u32> {
        if let Some(index) = self.take_redirected(request, seen) {
            return Some(index);
        }
        if let Some(index) = self.take_retry(request, seen) {
            return Some(index);
        }
        match seen.kind {
            Kind::Preflight => {
                let mut attempt = self.new_attempt(request, seen);
                attempt.crossing = Some(seen.clone());
                attempt.page_origin.clone_from(&seen.origin);
                let ask = new_ask(request, seen);
                attempt.method = ask.method.clone();
                attempt.because = because_of_preflight(request, &ask);
                attempt.preflight_state = PreflightState::Sent;
                attempt.ask = Some(ask);
                let index = self.insert(attempt, sink, counters);
                self.start_timer(index, Timer::Answer, request.head_end.time);
                Some(index)
            }
            Kind::Actual => Some(self.on_actual(request, seen, sink, counters)),
            Kind::NotCors if seen.mode == Mode::Navigate && seen.mode_confidence < Confidence::Certain => {
                let pair = self.pair_key(seen, request, request.head.method());
                self.by_pair.contains_key(&pair).then(|| self.on_actual(request, seen, sink, counters))
            }
            Kind::Websocket | Kind::NotCors | Kind::PlainOptions => None,
        }
    }

    fn on_actual(
        &mut self,
        request: &Arc<Request>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) -> u32 {
        let pair = self.pair_key(seen, request, request.head.method());
        if let Some(index) = self.take_paired(pair, request, seen) {
            if let Some(attempt) = self.attempts.get_mut(index as usize) {
                attempt.state = State::Answer;
                attempt.request = Some((request.clone(), seen.clone()));
                if let Some(ask) = &attempt.ask
                    && !ask.included.is_empty()
                {
                    // it follows, so the preflight passed: that is so only without credentials (row 4)
                    attempt.credentials = Credentials::Omitted;
                    attempt.credentials_confidence = Confidence::Certain;
                }
                if attempt.because.is_empty() {
                    attempt.because = fields::because(request.head.method(), &seen.unsafe_fields);
                }
            }
            return index;
        }
        let mut attempt = self.new_attempt(request, seen);
        attempt.crossing = Some(seen.clone());
        attempt.page_origin.clone_from(&seen.origin);
        attempt.state = State::Answer;
        attempt.request = Some((request.clone(), seen.clone()));
        attempt.because = fields::because(request.head.method(), &seen.unsafe_fields);
        if seen.needs_preflight(request.head.method()) {
            let key = self.cache_key(seen, request);
            let names: Vec<&str> = seen.unsafe_fields.iter().map(|f| f.name.as_str()).collect();
            if self.cache.covers(key, request.head.method(), &names, seen.browser.family, request.first.time) {
                attempt.preflight_state = PreflightState::Cached;
            } else {
                attempt.preflight_state = PreflightState::Missing;
                attempt.floor = Confidence::Probable;
                let failed =
                    self.failed_preflights.peek(&pair).is_some_and(|at| request.first.time.since(*at) <= T_PAIR_NS);
                if failed {
                    attempt.floor = Confidence::Possible;
                    attempt.note = Some("the request was sent although its preflight fails");
                } else if is_tool(seen) {
                    attempt.floor = Confidence::Possible;
                    attempt.note = Some("sent without the preflight that a browser sends");
                } else {
                    attempt.note = Some("its preflight was not seen");
                }
            }
        }
        self.insert(attempt, sink, counters)
    }

    fn new_attempt(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Attempt {
        self.generation = self.generation.wrapping_add(1);
        let path = redacted_path(path_and_query(request.head.target()), self.show_query);
        let mut floor = seen.site_confidence;
        if request.doubts.ambiguous || request.doubts.pairing {
            floor = floor.min(Confidence::Possible);
        }
        if is_tool(seen) {
            floor = floor.min(Confidence::Possible);
        }
        if seen.host_conflict {
            floor = floor.min(Confidence::Probable);
        }
        Attempt {
            generation: self.generation,
            id: self.transaction_id(request),
            first: request.clone(),
            seen: seen.clone(),
            method: text(request.head.method()),
            path: path.into(),
            state: State::PreflightAnswer,
            page_origin: None,
            crossing: None,
            ask: None,
            hop_ask: None,
            preflight_state: PreflightState::NotNeeded,
            because: Vec::new(),
            request: None,
            response: None,
            hops: Vec::new(),
            next_url: 0,
            next_method: "".into(),
            next_in_view: false,
            doomed: false,
            credentials: Credentials::Unknown,
            credentials_confidence: Confidence::Certain,
            redirect_needs_omitted: None,
            floor,
            note: None,
            retried: false,
        }
    }

    fn insert(&mut self, attempt: Attempt, sink: &mut impl Sink, counters: &mut Counters) -> u32 {
        while self.attempts.len() >= self.waiting_max {
            let Some((oldest, generation)) = self.by_age.pop_front() else { break };
            if self.attempts.get(oldest as usize).is_some_and(|a| a.generation == generation) {
                counters.forgotten.waiting += 1;
                self.emit(oldest, &Outcome::undecided(Reason::ResponseNotCaptured), sink, counters);
            }
        }
        let generation = attempt.generation;
        let index = u32::try_from(self.attempts.insert(attempt)).expect("attempts are capped far below 2^32");
        self.by_age.push_back((index, generation));
        while let Some(&(old, generation)) = self.by_age.front() {
            if self.attempts.get(old as usize).is_some_and(|a| a.generation == generation) {
                break;
            }
            self.by_age.pop_front();
        }
        // settled attempts behind a long-lived one must not pile up
        if self.by_age.len() > 2 * self.attempts.len() + 1024 {
            let attempts = &self.attempts;
            self.by_age.retain(|&(i, g)| attempts.get(i as usize).is_some_and(|a| a.generation == g));
        }
        index
    }

    fn take_paired(&mut self, pair: u64, request: &Request, seen: &Classified) -> Option<u32> {
        let waiting = self.by_pair.get_mut(&pair)?;
        let at = request.first.time;
        let attempts = &self.attempts;
        let needs = seen.needs_preflight(request.head.method());
        let fits = |index: u32, same_client: bool| {
            let Some(attempt) = attempts.get(index as usize) else { return false };
            let Some(ask) = &attempt.ask else { return false };
            let Some(answer) = &ask.response else { return false };
            let sets_agent = ask.names.iter().any(|n| n == "user-agent");
            let may_be = if same_client {
                attempt.seen.client == seen.client
            } else {
                // a script set what else tells clients apart
                sets_agent || (needs && attempt.seen.agent == seen.agent)
            };
            may_be
                && (-SLACK_NS..=T_PAIR_NS).contains(&at.since(answer.first.time))
                && seen.unsafe_fields.iter().all(|f| f.name.starts_with('(') || ask.names.contains(&f.name))
        };
        let place = waiting
            .iter()
            .position(|&index| fits(index, true))
            .or_else(|| waiting.iter().position(|&index| fits(index, false)))?;
        let index = waiting.remove(place);
        if waiting.is_empty() {
            self.by_pair.remove(&pair);
        }
        Some(index)
    }

    fn take_retry(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Option<u32> {
        if self.by_retry.is_empty() {
            return None;
        }
        let key = self.retry_key(seen, request);
        let waiting = self.by_retry.get_mut(&key)?;
        let index = waiting.remove(0);
        if waiting.is_empty() {
            self.by_retry.remove(&key);
        }
        let at = request.head_end.time;
        let attempt = self.attempts.get_mut(index as usize)?;
        let State::Retry { preflight, .. } = attempt.state else { return None };
        attempt.retried = true;
        if preflight {
            let ask = if attempt.hop_ask.is_some() { &mut attempt.hop_ask } else { &mut attempt.ask };
            if let Some(ask) = ask {
                ask.request = request.clone();
                ask.seen = seen.clone();
            }
            attempt.state = State::PreflightAnswer;
            self.start_timer(index, Timer::Answer, at);
        } else {
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.state = State::Answer;
        }
        Some(index)
    }

    fn take_redirected(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Option<u32> {
        if self.by_redirect.is_empty() {
            return None;
        }
        let key = self.redirect_key(seen, request);
        let waiting = self.by_redirect.get_mut(&key)?;
        let at = request.first.time;
        let method = request.head.method();
        let is_preflight = seen.kind == Kind::Preflight;
        let attempts = &self.attempts;
        let fits = |index: u32, same_client: bool| {
            let Some(attempt) = attempts.get(index as usize) else { return false };
            let State::Hop { since } = attempt.state else { return false };
            if same_client != (attempt.seen.client == seen.client) || !are_kin(attempt.seen.address, seen.address) {
                return false;
            }
            let follows = at.since(since) <= T_REDIRECT_NS && at.since(since) >= -SLACK_NS;
            let fits = is_preflight
                || method == attempt.next_method.as_bytes()
                || (method == b"GET" && &*attempt.next_method == "DELETE" && seen.browser.family == Family::Safari);
            // a navigation or an image is nobody's next hop
            let page = !matches!(seen.mode, Mode::Navigate | Mode::NoCors | Mode::Websocket);
            follows && fits && page && hop_origin_fits(attempt, seen)
        };
        let place = waiting
            .iter()
            .position(|&index| fits(index, true))
            .or_else(|| waiting.iter().position(|&index| fits(index, false)))?;
        let index = waiting.remove(place);
        if waiting.is_empty() {
            self.by_redirect.remove(&key);
        }
        let attempt = self.attempts.get_mut(index as usize)?;
        if attempt.redirect_needs_omitted.take().is_some() {
            // it was followed, so the redirect's answer passed: that is so only without credentials
            attempt.credentials = Credentials::Omitted;
            attempt.credentials_confidence = Confidence::Certain;
        }
        if attempt.page_origin.is_none() {
            attempt.page_origin.clone_from(&seen.origin);
        }
        if is_preflight {
            attempt.crossing.get_or_insert_with(|| seen.clone());
            attempt.hop_ask = Some(new_ask(request, seen));
            attempt.state = State::PreflightAnswer;
            self.start_timer(index, Timer::Answer, request.head_end.time);
        } else {
            if seen.kind == Kind::Actual {
                attempt.crossing.get_or_insert_with(|| seen.clone());
            }
            attempt.hop_ask = None;
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.state = State::Answer;
        }
        Some(index)
    }

    // ---- answers -------------------------------------------------------------------------------------------------

    fn on_response(
        &mut self,
        request: &Arc<Request>,
        response: &Arc<Response>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        self.now = self.now.max(response.head_end.time);
        let in_flight = self.in_flight.remove(&request.id);
        let InFlight { seen, attempt } = in_flight.unwrap_or_else(|| {
            let seen = Arc::new(self.classifier.classify(request, &mut counters.forgotten.clients));
            self.connections.on_request(request, &seen);
            InFlight { seen, attempt: None }
        });
        let host = self.classifier.digest(&*seen.target.origin);
        self.hosts.insert(host, ());
        let index = attempt.filter(|&i| self.awaits(i, request));
        self.observe(request, Some(response), None, &seen, index, response.head_end.time, sink, counters);
        match index {
            Some(index) if seen.kind == Kind::Preflight => self.on_preflight_answer(index, response, sink, counters),
            Some(index) => self.on_actual_answer(index, request, response, &seen, sink, counters),
            None => self.on_plain_answer(request, response, &seen, sink, counters),
        }
    }

    /// The attempt still waits for the answer to this very request.
    fn awaits(&self, index: u32, request: &Arc<Request>) -> bool {
        let Some(attempt) = self.attempts.get(index as usize) else { return false };
        let waits_for = match attempt.state {
            State::PreflightAnswer => attempt.hop_ask.as_ref().or(attempt.ask.as_ref()).map(|a| &a.request),
            State::Answer => attempt.request.as_ref().map(|(r, _)| r),
            State::Actual | State::Hop { .. } | State::Retry { .. } => None,
        };
        waits_for.is_some_and(|r| r.id == request.id)
    }

    fn on_preflight_answer(
        &mut self,
        index: u32,
        response: &Arc<Response>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let is_hop = attempt.hop_ask.is_some();
        let Some(ask) = (if is_hop { attempt.hop_ask.as_mut() } else { attempt.ask.as_mut() }) else { return };
        let family = ask.seen.browser.family;
        ask.response = Some(response.clone());
        if attempt.doomed {
            let refused =
                Outcome::blocked(Phase::Actual, one(Reason::RedirectContainsCredentials), Confidence::Certain);
            self.emit(index, &refused, sink, counters);
            return;
        }
        match response.head_state {
            HeadState::Whole => {}
            HeadState::CutByClose if family != Family::Safari => {
                attempt.floor = attempt.floor.min(Confidence::Possible);
            }
            HeadState::CutByClose => {
                self.settle_unanswered(index, sink, counters);
                return;
            }
            HeadState::CutByCapture => {
                self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured), sink, counters);
                return;
            }
        }
        let origin = ask.request.head.first(Name::Origin).unwrap_or_default();
        let asked = Asked { origin, method: ask.method.as_bytes(), names: &ask.names };
        let home = is_hop && attempt.page_origin.as_ref().is_some_and(|page| *page.text == *ask.seen.target.origin);
        let hangs =
            family == Family::Firefox && ask.seen.forwarded && check::hangs_on_front_protocol(&response.head, origin);
        ask.omitted = check::judge_preflight(response, &asked, false, family, home);
        ask.included = check::judge_preflight(response, &asked, true, family, home);
        let family_matters = family == Family::Unknown
            && [Family::Firefox, Family::Safari].iter().any(|&f| {
                check::judge_preflight(response, &asked, false, f, home).is_empty() != ask.omitted.is_empty()
            });
        let ask_seen = ask.seen.clone();
        let ask_request = ask.request.clone();
        // Sec-Fetch-Storage-Access is sent only where credentials are included (row 2)
        if ask_request.head.has(Name::SecFetchStorageAccess) && attempt.credentials == Credentials::Unknown {
            attempt.credentials = Credentials::Included;
            attempt.credentials_confidence = Confidence::Certain;
        }
        let credentials = attempt.credentials;
        let passes_omitted = ask.omitted.is_empty();
        let passes_included = ask.included.is_empty();
        let method = ask.method.clone();
        let (omitted, included) = (ask.omitted.clone(), ask.included.clone());
        if family_matters || hangs {
            self.emit(index, &Outcome::undecided(Reason::FamilyUnknown), sink, counters);
            return;
        }
        let extension = attempt.seen.is_extension();
        let blocked_for_certain = !passes_omitted || (!passes_included && credentials == Credentials::Included);
        if passes_omitted || (passes_included && credentials == Credentials::Included) {
            let key = self.cache_key(&ask_seen, &ask_request);
            let lifetime = Lifetime::of(&response.head, family);
            self.cache.insert(key, &response.head, lifetime, response.head_end.time, &mut counters.forgotten.cache);
        }
        if blocked_for_certain {
            let pair = self.pair_key(&ask_seen, &ask_request, method.as_bytes());
            self.failed_preflights.insert(pair, response.head_end.time);
            if extension {
                self.emit(index, &Outcome::undecided(Reason::ExtensionOrigin), sink, counters);
                return;
            }
            let likely_included = match credentials {
                Credentials::Included => true,
                Credentials::Omitted => false,
                Credentials::Unknown => self.habit(&ask_seen),
            };
            let reasons = if passes_omitted || (likely_included && !passes_included) { included } else { omitted };
            let confidence = Confidence::Certain;
            self.decide(index, Outcome::blocked(Phase::Preflight, reasons, confidence), response, sink, counters);
            return;
        }
        let at = response.head_end.time;
        if let Some(attempt) = self.attempts.get_mut(index as usize) {
            attempt.state = if is_hop { State::Hop { since: at } } else { State::Actual };
        }
        if is_hop {
            // the hop's actual goes to the same URL
            let key = self.redirect_key(&ask_seen, &ask_request);
            self.by_redirect.entry(key).or_default().push(index);
            if let Some(attempt) = self.attempts.get_mut(index as usize)
                && !included.is_empty()
            {
                attempt.redirect_needs_omitted = included.first().copied();
            }
        } else {
            let pair = self.pair_key(&ask_seen, &ask_request, method.as_bytes());
            self.by_pair.entry(pair).or_default().push(index);
            if family == Family::Safari {
                self.bodies.insert(response.id, index);
            }
        }
        self.start_timer(index, Timer::Silence, at);
    }

    fn on_actual_answer(
        &mut self,
        index: u32,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let family = attempt.seen.browser.family;
        attempt.response = Some(response.clone());
        if response.doubts.ambiguous || response.doubts.pairing {
            attempt.floor = attempt.floor.min(Confidence::Possible);
        }
        match response.head_state {
            HeadState::Whole => {}
            HeadState::CutByClose if family != Family::Safari => {
                attempt.floor = attempt.floor.min(Confidence::Possible);
            }
            HeadState::CutByClose => {
                self.settle_unanswered(index, sink, counters);
                return;
            }
            HeadState::CutByCapture => {
                self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured), sink, counters);
                return;
            }
        }
        if response.status == 407 {
            self.settle_unanswered(index, sink, counters);
            return;
        }
        let crossed = attempt.crossing.is_some();
        let redirect = check::is_redirect(response);
        if crossed {
            self.infer_credentials(index, request, seen);
            let outcome = self.judge(index, request, response, seen, redirect);
            match outcome {
                Some(outcome) => self.decide(index, outcome, response, sink, counters),
                None => self.on_redirect(index, request, response, seen, sink, counters),
            }
        } else if redirect {
            self.on_redirect(index, request, response, seen, sink, counters);
        } else {
            self.emit(index, &Outcome::not_cors(), sink, counters);
        }
    }

    /// Judges one answer of a cross-origin hop; none: a redirect that passes and must be followed.
    fn judge(
        &mut self,
        index: u32,
        request: &Request,
        response: &Response,
        seen: &Classified,
        redirect: bool,
    ) -> Option<Outcome> {
        let family = self.attempts.get(index as usize)?.seen.browser.family;
        let origin = request.head.first(Name::Origin).unwrap_or_default();
        if family == Family::Firefox && seen.forwarded && check::hangs_on_front_protocol(&response.head, origin) {
            return Some(Outcome::undecided(Reason::FamilyUnknown));
        }
        let mut omitted = check::judge_actual(&response.head, origin, false, family);
        let mut included = check::judge_actual(&response.head, origin, true, family);
        let mut confidence = Confidence::Certain;
        if family == Family::Unknown {
            let differs = [Family::Firefox, Family::Safari]
                .iter()
                .any(|&f| check::judge_actual(&response.head, origin, false, f).is_empty() != omitted.is_empty());
            if differs {
                return Some(Outcome::undecided(Reason::FamilyUnknown));
            }
        }
        let stored_key = self.classifier.digest((seen.client, origin, &*seen.target.origin, request.head.target()));
        let conditional = request.head.has(Name::IfNoneMatch) || request.head.has(Name::IfModifiedSince);
        if response.status == 304 && conditional && !response.head.has(Name::AcAllowOrigin) {
            match self.stored.get(&stored_key) {
                Some(stored) => {
                    omitted.clone_from(&stored.omitted);
                    included.clone_from(&stored.included);
                    confidence = Confidence::Probable;
                }
                None => return Some(Outcome::undecided(Reason::NotModified)),
            }
        } else if (200..=299).contains(&response.status) && request.head.method() == b"GET" {
            let stored = Stored { omitted: omitted.clone(), included: included.clone() };
            self.stored.insert(stored_key, stored);
        }
        let habit = self.habit(seen);
        let key = self.cache_key_of(seen, request);
        let attempt = self.attempts.get_mut(index as usize)?;
        if !omitted.is_empty() && family == Family::Firefox {
            self.cache.remove(key);
        }
        let hidden_mode =
            seen.mode_confidence < Confidence::Certain && attempt.ask.is_none() && attempt.hops.is_empty();
        if seen.target_doubt {
            return Some(Outcome::undecided(Reason::TargetUnknown));
        }
        let blocked = |reasons: Failures, confidence: Confidence| {
            if hidden_mode {
                Outcome::undecided(Reason::ModeUnknown)
            } else if seen.is_extension() {
                Outcome::undecided(Reason::ExtensionOrigin)
            } else {
                Outcome::blocked(Phase::Actual, reasons, confidence)
            }
        };
        if !omitted.is_empty() {
            let likely_included = match attempt.credentials {
                Credentials::Included => true,
                Credentials::Omitted => false,
                Credentials::Unknown => habit,
            };
            let reasons = if likely_included && !included.is_empty() { included } else { omitted };
            return Some(blocked(reasons, confidence));
        }
        if included.is_empty() {
            if redirect {
                return None;
            }
            let sure = if hidden_mode { Confidence::Probable } else { confidence };
            return Some(Outcome::allowed(sure));
        }
        // credentials decide
        match attempt.credentials {
            Credentials::Included => Some(blocked(included, confidence.min(attempt.credentials_confidence))),
            Credentials::Omitted if redirect => None,
            Credentials::Omitted => Some(Outcome::allowed(confidence.min(attempt.credentials_confidence))),
            Credentials::Unknown if redirect => {
                attempt.redirect_needs_omitted = included.first().copied();
                None
            }
            Credentials::Unknown if habit || hidden_mode => Some(Outcome::undecided(Reason::CredentialsUnknown)),
            // credentials are left out by default; but nothing here says that this page does so
            Credentials::Unknown => Some(Outcome::allowed(Confidence::Possible)),
        }
    }

    /// A redirect's answer passes (or needs not pass): where does it go?
    fn on_redirect(
        &mut self,
        index: u32,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        let value = response.head.first(Name::Location).unwrap_or_default();
        let next = resolve(value, &seen.target, request.head.target());
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let crossed = attempt.crossing.is_some();
        attempt.hops.push(Hop {
            time: request.first.time,
            target_origin: seen.target.origin.clone(),
            status: Some(response.status),
            origin_sent: seen.origin.as_ref().map(|o| o.text.clone()),
            verdict: if crossed { Verdict::Allowed } else { Verdict::NotCors },
        });
        let mode_known =
            attempt.ask.is_some() || (seen.mode_confidence == Confidence::Certain && seen.mode != Mode::Unknown);
        let next = match next {
            Location::Url(next) => next,
            Location::Unusable if crossed && seen.browser.family == Family::Safari => {
                // WebKit says so of what is no URL at all, too
                self.emit(
                    index,
                    &Outcome::blocked(Phase::Actual, one(Reason::DisabledScheme), Confidence::Certain),
                    sink,
                    counters,
                );
                return;
            }
            Location::OtherScheme if crossed => {
                let outcome = if mode_known {
                    Outcome::blocked(Phase::Actual, one(Reason::DisabledScheme), Confidence::Certain)
                } else {
                    Outcome::undecided(Reason::ModeUnknown)
                };
                self.emit(index, &outcome, sink, counters);
                return;
            }
            Location::Empty if seen.browser.family == Family::Chromium => {
                let outcome = if crossed { Outcome::allowed(Confidence::Certain) } else { Outcome::not_cors() };
                self.emit(index, &outcome, sink, counters);
                return;
            }
            Location::OtherScheme | Location::Empty | Location::Unusable => {
                let outcome =
                    if crossed { Outcome::undecided(Reason::RedirectNotFollowed) } else { Outcome::not_cors() };
                self.emit(index, &outcome, sink, counters);
                return;
            }
        };
        if attempt.hops.len() > REDIRECTS_MAX {
            let outcome = if crossed {
                Outcome::blocked(Phase::Actual, one(Reason::TooManyRedirects), Confidence::Certain)
            } else {
                Outcome::not_cors()
            };
            self.emit(index, &outcome, sink, counters);
            return;
        }
        let page = attempt.page_origin.as_ref().and_then(|o| o.parts());
        let leaves_page = match page {
            Some(page) => !next.is_origin(page),
            None => *next.origin != *seen.target.origin,
        };
        if next.has_userinfo && (crossed || leaves_page) {
            if !mode_known && !crossed && seen.browser.family == Family::Safari {
                // WebKit may send the next hop's preflight before it refuses: that tells the mode
                attempt.doomed = true;
                self.await_hop(index, request, response, seen, &next);
                return;
            }
            let outcome = if !mode_known && !crossed {
                Outcome::undecided(Reason::ModeUnknown)
            } else if crossed || seen.mode == Mode::Cors {
                Outcome::blocked(Phase::Actual, one(Reason::RedirectContainsCredentials), Confidence::Certain)
            } else {
                Outcome::not_cors()
            };
            self.emit(index, &outcome, sink, counters);
            return;
        }
        self.await_hop(index, request, response, seen, &next);
    }

    /// The next hop must come.
    fn await_hop(&mut self, index: u32, request: &Request, response: &Response, seen: &Classified, next: &Next) {
        let url = self.classifier.digest((&*next.origin, &next.path[..]));
        let in_view = self.hosts.peek(&self.classifier.digest(&*next.origin)).is_some();
        let key = self.classifier.digest((seen.agent, url));
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let method = request.head.method();
        attempt.next_method = match (response.status, method) {
            (303, b"GET" | b"HEAD") => text(method),
            (301 | 302, b"POST") | (303, _) => "GET".into(),
            _ => text(method),
        };
        attempt.state = State::Hop { since: response.first.time };
        attempt.next_url = url;
        attempt.next_in_view = in_view;
        self.by_redirect.entry(key).or_default().push(index);
        self.start_timer(index, Timer::Silence, response.head_end.time);
    }

    /// An answer to a request that is no attempt (yet): a redirect may still lead it across origins.
    fn on_plain_answer(
        &mut self,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        let by_script =
            matches!(seen.mode, Mode::Cors | Mode::Unknown | Mode::SameOrigin) && seen.kind == Kind::NotCors;
        if by_script && check::is_redirect(response) && super::browser::is_browser(seen.browser.family) {
            let mut attempt = self.new_attempt(request, seen);
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.response = Some(response.clone());
            attempt.state = State::Answer;
            let index = self.insert(attempt, sink, counters);
            self.on_redirect(index, request, response, seen, sink, counters);
            return;
        }
        if self.is_worth_a_line(request, seen) {
            let mut attempt = self.new_attempt(request, seen);
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.response = Some(response.clone());
            self.finalise(attempt, &Outcome::not_cors(), sink, counters);
        }
    }

    /// Requests without any sign of a page are counted below, and listed only when asked for.
    fn is_worth_a_line(&self, request: &Request, seen: &Classified) -> bool {
        match seen.kind {
            Kind::PlainOptions => self.all_requests,
            Kind::Websocket => true,
            _ => seen.origin.is_some() || request.head.has(Name::SecFetchMode) || self.all_requests,
        }
    }

    fn on_no_answer(
        &mut self,
        request: &Arc<Request>,
        why: NoAnswer,
        at: Time,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        self.now = self.now.max(at);
        let Some(InFlight { seen, attempt }) = self.in_flight.remove(&request.id) else { return };
        let index = attempt.filter(|&i| self.awaits(i, request));
        self.observe(request, None, Some(why), &seen, index, at, sink, counters);
        let Some(index) = index else { return };
        match why {
            NoAnswer::Lost | NoAnswer::Evicted | NoAnswer::InputEnd => {
                self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured), sink, counters);
            }
            NoAnswer::NotHttp => self.settle_unanswered(index, sink, counters),
            NoAnswer::Closed | NoAnswer::Reset => {
                let key = self.retry_key(&seen, request);
                if let Some(attempt) = self.attempts.get_mut(index as usize) {
                    attempt.state = State::Retry { since: at, preflight: seen.kind == Kind::Preflight };
                }
                self.by_retry.entry(key).or_default().push(index);
                self.start_timer(index, Timer::Retry, at);
            }
        }
    }

    /// WebKit takes a preflight whose body was cut short for a network error.
    fn on_end(&mut self, id: MessageId, state: BodyState, at: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.now = self.now.max(at);
        if let Some((attempt, mut outcome)) = self.held.remove(&id) {
            let mut attempt = attempt;
            if state == BodyState::CutByClose {
                body_cut(&mut attempt, &mut outcome);
            }
            self.finalise(attempt, &outcome, sink, counters);
            return;
        }
        if let Some(index) = self.bodies.remove(&id)
            && state == BodyState::CutByClose
            && matches!(self.attempts.get(index as usize), Some(Attempt { state: State::Actual, .. }))
        {
            self.emit(index, &Outcome::undecided(Reason::PreflightUnanswered), sink, counters);
        }
    }

    // ---- settling ------------------------------------------------------------------------------------------------

    /// The preflight passes, at least without credentials, and nothing follows.
    fn settle_silence(&mut self, index: u32, heard: bool, sink: &mut impl Sink, counters: &mut Counters) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let Some(ask) = &attempt.ask else { return };
        if ask.included.is_empty() || !heard || attempt.credentials == Credentials::Omitted {
            self.emit(index, &Outcome::undecided(Reason::ActualNotSeen), sink, counters);
            return;
        }
        attempt.credentials = Credentials::Included;
        attempt.credentials_confidence = Confidence::Probable;
        let reasons = ask.included.clone();
        let shared = self.classifier.clients.is_shared(attempt.seen.address);
        let confidence = if shared { Confidence::Possible } else { Confidence::Probable };
        self.emit(index, &Outcome::blocked(Phase::Preflight, reasons, confidence), sink, counters);
    }

    fn settle_redirect(&mut self, index: u32, sink: &mut impl Sink, counters: &mut Counters) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let outcome = if attempt.doomed {
            Outcome::undecided(Reason::ModeUnknown)
        } else if let Some(ask) = &attempt.hop_ask {
            if ask.included.is_empty() {
                Outcome::undecided(Reason::ActualNotSeen)
            } else {
                Outcome::blocked(Phase::Preflight, ask.included.clone(), Confidence::Probable)
            }
        } else if attempt.crossing.is_none() {
            Outcome::not_cors()
        } else if attempt.next_in_view {
            Outcome::undecided(Reason::RedirectNotFollowed)
        } else {
            Outcome::undecided(Reason::RedirectLeftView)
        };
        self.emit(index, &outcome, sink, counters);
    }

    fn settle_unanswered(&mut self, index: u32, sink: &mut impl Sink, counters: &mut Counters) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let preflight = match attempt.state {
            State::PreflightAnswer | State::Actual => true,
            State::Retry { preflight, .. } => preflight,
            State::Answer | State::Hop { .. } => false,
        };
        let (phase, reason) = if preflight {
            (Phase::Preflight, Reason::PreflightUnanswered)
        } else {
            (Phase::Actual, Reason::ActualUnanswered)
        };
        let outcome = if attempt.crossing.is_some() {
            Outcome::blocked(phase, one(reason), Confidence::Possible)
        } else {
            Outcome::not_cors()
        };
        self.emit(index, &outcome, sink, counters);
    }

    /// Enough of the capture is left after the preflight's answer for silence to count.
    fn heard_after_preflight(&mut self, index: u32) -> bool {
        let Some(attempt) = self.attempts.get(index as usize) else { return false };
        let Some(answered) = attempt.ask.as_ref().and_then(|a| a.response.as_ref()).map(|r| r.head_end.time) else {
            return false;
        };
        let client = attempt.seen.client;
        self.now.since(answered) >= T_TAIL_NS
            && self.classifier.clients.get(client).is_some_and(|c| c.last_seen > answered)
    }

    /// Rows 1–9 of the credentials table (VERDICTS.md §1).
    fn infer_credentials(&mut self, index: u32, request: &Request, seen: &Classified) {
        let habit_key = self.habit_key(seen);
        let company = self.connections.company(request, seen);
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let settled =
            attempt.credentials != Credentials::Unknown && attempt.credentials_confidence == Confidence::Certain;
        if settled && !request.head.has(Name::Cookie) {
            return;
        }
        let head = &request.head;
        let version: u32 = seen.browser.version.parse().unwrap_or(0);
        let cross_site = head.first(Name::SecFetchSite) == Some(b"cross-site");
        let authentication = head.first(Name::Authorization).is_some_and(fields::is_browser_authentication)
            && !attempt.ask.as_ref().is_some_and(|a| a.names.iter().any(|n| n == "authorization"));
        let (credentials, confidence) = if head.has(Name::Cookie) || head.has(Name::SecFetchStorageAccess) {
            (Credentials::Included, Confidence::Certain)
        } else if authentication {
            (Credentials::Included, Confidence::Probable)
        } else if head.first(Name::SecFetchDest) == Some(b"font")
            || (seen.browser.family == Family::Chromium && version >= 133 && cross_site)
        {
            (Credentials::Omitted, Confidence::Probable)
        } else {
            match company {
                Some(credentials) => (credentials, Confidence::Probable),
                None => (Credentials::Unknown, Confidence::Certain),
            }
        };
        if credentials == Credentials::Unknown {
            return;
        }
        attempt.credentials = credentials;
        attempt.credentials_confidence = confidence;
        if credentials == Credentials::Included
            && confidence == Confidence::Certain
            && let Some(client) = self.classifier.clients.get(seen.client)
        {
            client.on_included(habit_key, request.first.time);
        }
    }

    fn habit_key(&self, seen: &Classified) -> u64 {
        self.classifier.digest((seen.origin.as_ref().map(|o| &*o.text), &*seen.target.origin))
    }

    fn habit(&mut self, seen: &Classified) -> bool {
        let key = self.habit_key(seen);
        let now = self.now;
        self.classifier.clients.get(seen.client).is_some_and(|c| c.habitually_includes(key, now))
    }

    // ---- keys and timers -----------------------------------------------------------------------------------------

    /// Not the client's identity but its address: scripts may set User-Agent and Accept-Language on the actual alone.
    fn pair_key(&self, seen: &Classified, request: &Request, method: &[u8]) -> u64 {
        let origin = request.head.first(Name::Origin);
        let address = if seen.address.is_loopback() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { seen.address };
        self.classifier.digest((address, origin, &*seen.target.origin, path_and_query(request.head.target()), method))
    }

    fn retry_key(&self, seen: &Classified, request: &Request) -> u64 {
        let asked = request.head.first(Name::AcRequestMethod);
        let origin = request.head.first(Name::Origin);
        let method = request.head.method();
        self.classifier.digest((
            seen.client,
            origin,
            &*seen.target.origin,
            path_and_query(request.head.target()),
            method,
            asked,
        ))
    }

    fn redirect_key(&self, seen: &Classified, request: &Request) -> u64 {
        let url = self.classifier.digest((&*seen.target.origin, path_and_query(request.head.target())));
        self.classifier.digest((seen.agent, url))
    }

    fn cache_key(&self, seen: &Classified, request: &Request) -> u64 {
        self.cache_key_of(seen, request)
    }

    fn cache_key_of(&self, seen: &Classified, request: &Request) -> u64 {
        let origin = request.head.first(Name::Origin);
        self.classifier.digest((0_u8, seen.client, origin, &*seen.target.origin, path_and_query(request.head.target())))
    }

    fn start_timer(&mut self, index: u32, timer: Timer, from: Time) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let entry = |wait: i64| (from.plus(wait), index, attempt.generation);
        match timer {
            Timer::Silence => self.silence.push_back(entry(T_SILENCE_NS)),
            Timer::Retry => self.retries.push_back(entry(T_RETRY_NS)),
            Timer::Answer => self.answers.push_back(entry(T_ANSWER_NS)),
        }
    }

    fn transaction_id(&self, request: &Request) -> TransactionId {
        let address = |a: std::net::SocketAddr| match a.ip() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            std::net::IpAddr::V6(ip) => ip.octets(),
        };
        TransactionId(stable_hash(&[
            &self.sensor.to_le_bytes(),
            &address(request.peer),
            &request.peer.port().to_le_bytes(),
            &address(request.server),
            &request.server.port().to_le_bytes(),
            &request.first.time.0.to_le_bytes(),
            &request.id.seq.to_le_bytes(),
        ]))
    }

    // ---- output --------------------------------------------------------------------------------------------------

    #[allow(clippy::too_many_arguments)] // one call site each for answered and unanswered
    fn observe(
        &mut self,
        request: &Arc<Request>,
        response: Option<&Arc<Response>>,
        no_answer: Option<NoAnswer>,
        seen: &Classified,
        index: Option<u32>,
        at: Time,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) {
        let attempt = index.and_then(|i| self.attempts.get(i as usize));
        let transaction = attempt.map_or_else(|| self.transaction_id(request), |a| a.id);
        let target = path_and_query(request.head.target());
        let end = target.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(target.len());
        let path = printable(target.get(..end).unwrap_or_default());
        let credentials = if request.head.has(Name::Cookie) || request.head.has(Name::SecFetchStorageAccess) {
            Credentials::Included
        } else {
            attempt.map_or(Credentials::Unknown, |a| a.credentials)
        };
        let observation = Observation {
            time: at,
            request,
            response,
            no_answer,
            kind: seen.kind,
            client: seen.client,
            address: seen.address,
            forwarded: seen.forwarded,
            origin: seen.origin.as_ref().map(|o| o.text.clone()),
            origin_parts: seen.origin_parts(),
            target: &seen.target,
            path: &path,
            site: seen.site,
            mode: seen.mode,
            credentials,
            family: seen.browser.family,
            tool_signs: seen.tool_signs,
            shared_address: self.classifier.clients.is_shared(seen.address),
            preflight_state: attempt.map(|a| a.preflight_state),
            transaction,
        };
        self.findings.on_observation(&observation, sink, counters);
    }

    /// An answer's head has decided; its body may still go wrong.
    fn decide(&mut self, index: u32, outcome: Outcome, by: &Response, sink: &mut impl Sink, counters: &mut Counters) {
        if self.held.len() >= self.waiting_max || !matches!(outcome.verdict, Verdict::Allowed | Verdict::Blocked) {
            self.emit(index, &outcome, sink, counters);
            return;
        }
        if let Some(attempt) = self.take(index) {
            self.holds.push_back((by.head_end.time.plus(T_BODY_NS), by.id));
            self.held.insert(by.id, (attempt, outcome));
        }
    }

    fn emit(&mut self, index: u32, outcome: &Outcome, sink: &mut impl Sink, counters: &mut Counters) {
        let Some(attempt) = self.take(index) else { return };
        let worth = attempt.crossing.is_some() || self.is_worth_a_line(&attempt.first, &attempt.seen);
        if worth {
            self.finalise(attempt, outcome, sink, counters);
        }
    }

    /// Takes an attempt out of the tables.
    fn take(&mut self, index: u32) -> Option<Attempt> {
        let attempt = self.attempts.try_remove(index as usize)?;
        match attempt.state {
            State::Actual => {
                if let Some(ask) = &attempt.ask {
                    let key = self.pair_key(&ask.seen, &ask.request, ask.method.as_bytes());
                    drop_slot(&mut self.by_pair, key, index);
                }
            }
            State::Hop { .. } => {
                let key = self.classifier.digest((attempt.seen.agent, attempt.next_url));
                drop_slot(&mut self.by_redirect, key, index);
            }
            State::Retry { preflight, .. } => {
                let request = if preflight {
                    attempt.hop_ask.as_ref().or(attempt.ask.as_ref()).map(|a| (&a.request, &a.seen))
                } else {
                    attempt.request.as_ref().map(|(r, s)| (r, s))
                };
                if let Some((request, seen)) = request {
                    let key = self.retry_key(seen, request);
                    drop_slot(&mut self.by_retry, key, index);
                }
            }
            State::PreflightAnswer | State::Answer => {}
        }
        Some(attempt)
    }

    /// Builds the transaction and hands it out.
    fn finalise(&mut self, attempt: Attempt, outcome: &Outcome, sink: &mut impl Sink, counters: &mut Counters) {
        let seen = &attempt.seen;
        // a chain that began at the page's own origin is reported with the first target across
        let across = attempt.crossing.as_ref().unwrap_or(seen);
        let mut confidence = outcome.confidence.min(attempt.floor);
        if outcome.verdict == Verdict::NotCors {
            confidence = seen.mode_confidence;
        }
        let blocked_at_preflight = outcome.verdict == Verdict::Blocked && outcome.phase == Some(Phase::Preflight);
        let preflight = attempt.hop_ask.as_ref().filter(|_| blocked_at_preflight).or(attempt.ask.as_ref()).map(|ask| {
            let verdict = if blocked_at_preflight {
                Verdict::Blocked
            } else if ask.response.is_none() {
                Verdict::Undecided
            } else {
                Verdict::Allowed
            };
            PreflightLeg {
                leg: leg(&ask.request, ask.response.as_ref(), verdict),
                requested_method: ask.method.clone(),
                requested_headers: ask.names.clone(),
                because: attempt.because.clone(),
            }
        });
        let actual = attempt.request.as_ref().map(|(request, _)| {
            let verdict = match outcome.verdict {
                Verdict::Blocked if blocked_at_preflight => Verdict::Allowed,
                verdict => verdict,
            };
            leg(request, attempt.response.as_ref(), verdict)
        });
        let effect = effect_of(&attempt, outcome);
        let reason = outcome.reasons.first().copied();
        let mut transaction = Transaction {
            id: attempt.id,
            time: attempt.first.first.time,
            client: attempt.first.peer,
            forwarded_for: seen.forwarded.then_some(seen.address),
            server: attempt.first.server,
            origin: attempt.page_origin.as_ref().or(seen.origin.as_ref()).map(|o| o.text.clone()),
            target_origin: across.target.origin.clone(),
            path: attempt.path.clone(),
            method: attempt.method.clone(),
            site: across.site,
            mode: if attempt.crossing.is_some() { Mode::Cors } else { seen.mode },
            credentials: attempt.credentials,
            preflight_state: attempt.preflight_state,
            preflight,
            actual,
            hops: attempt.hops,
            verdict: outcome.verdict,
            phase: outcome.phase,
            reason,
            reasons_all: outcome.reasons.to_vec(),
            confidence,
            cause: None,
            cause_confidence: None,
            effect,
            blocked_after_effect: effect == Some(Effect::Taken),
            detail: String::new(),
            fix: String::new(),
            browser: seen.browser.clone(),
        };
        transaction.detail = detail::of(&transaction, attempt.note, is_tool(seen));
        self.findings.on_transaction(&transaction, sink, counters);
        sink.transaction(&transaction);
    }
}

#[derive(Debug, Clone, Copy)]
enum Timer {
    Silence,
    Retry,
    Answer,
}

/// The next entry whose time has come and whose attempt still lives.
fn pop_due(queue: &mut VecDeque<(Time, u32, u32)>, attempts: &Slab<Attempt>, now: Time) -> Option<(u32, Time)> {
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

fn drop_slot(map: &mut HashMap<u64, Slots, RandomState>, key: u64, index: u32) {
    if let Some(slots) = map.get_mut(&key) {
        slots.retain(|i| *i != index);
        if slots.is_empty() {
            map.remove(&key);
        }
    }
}

fn one(reason: Reason) -> Failures {
    std::iter::once(reason).collect()
}

fn text(bytes: &[u8]) -> Arc<str> {
    printable(bytes).into()
}

fn new_ask(request: &Arc<Request>, seen: &Arc<Classified>) -> Ask {
    Ask {
        request: request.clone(),
        seen: seen.clone(),
        response: None,
        method: text(request.head.first(Name::AcRequestMethod).unwrap_or_default()),
        names: requested_names(&request.head),
        omitted: Failures::new(),
        included: Failures::new(),
    }
}

/// Why the browser asked, from what it asks for; the actual request tells the content type later.
fn because_of_preflight(request: &Request, ask: &Ask) -> Vec<String> {
    let method = request.head.first(Name::AcRequestMethod).unwrap_or_default();
    let mut reasons = Vec::new();
    if !is_simple_method(method) {
        reasons.push(format!("method {}", ask.method));
    }
    reasons.extend(ask.names.iter().map(|name| format!("header {}", detail::word(name))));
    reasons
}

/// The answer's sender closed in the midst of its body.
fn body_cut(attempt: &mut Attempt, outcome: &mut Outcome) {
    let webkit = attempt.seen.browser.family == Family::Safari;
    let at_preflight = outcome.phase == Some(Phase::Preflight);
    if outcome.verdict == Verdict::Allowed {
        // a fetch has its answer already, an XMLHttpRequest fails
        outcome.confidence = outcome.confidence.min(Confidence::Possible);
    } else if (at_preflight && webkit) || attempt.seen.forwarded {
        // WebKit takes a preflight cut short for a network error; a proxy in front may reset the browser's leg
        let reason = if at_preflight { Reason::PreflightUnanswered } else { Reason::ActualUnanswered };
        *outcome = Outcome::undecided(reason);
    }
    attempt.note = Some("body_incomplete: the answer was cut short");
}

/// Two addresses that one browser may well use at the same time: the same; loopback beside another (it runs on this machine);
/// IPv4 beside IPv6.
fn are_kin(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_loopback() || b.is_loopback() || a.is_ipv4() != b.is_ipv4()
}

/// The next hop carries the page's origin, `null`, or none while it stays at home.
fn hop_origin_fits(attempt: &Attempt, seen: &Classified) -> bool {
    let Some(sent) = &seen.origin else { return attempt.crossing.is_none() };
    if sent.kind == OriginKind::Null {
        return true;
    }
    match &attempt.page_origin {
        Some(page) => page.text == sent.text,
        // first hop without Origin: it was the page's own origin
        None => {
            *sent.text == *attempt.seen.target.origin || attempt.seen.target.scheme_confidence < Confidence::Certain
        }
    }
}

fn leg(request: &Arc<Request>, response: Option<&Arc<Response>>, verdict: Verdict) -> Leg {
    Leg {
        time: request.first.time,
        status: response.map(|r| r.status),
        verdict,
        duration_ns: response.map(|r| r.head_end.time.since(request.first.time)),
        request: request.clone(),
        response: response.cloned(),
    }
}

/// Did a blocked unsafe request act on the server? (CONTRACT.md `effect`)
fn effect_of(attempt: &Attempt, outcome: &Outcome) -> Option<Effect> {
    if outcome.verdict != Verdict::Blocked || outcome.phase != Some(Phase::Actual) {
        return None;
    }
    let safe = |method: &[u8]| matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
    if safe(attempt.method.as_bytes()) {
        return None;
    }
    // an unsafe first hop that was answered 303 has done its work
    if attempt.hops.first().is_some_and(|hop| hop.status == Some(303)) {
        return Some(Effect::Taken);
    }
    Some(match attempt.response.as_ref().map(|r| r.status) {
        Some(200..=299) => Effect::Taken,
        Some(500..=599) | None => Effect::Possible,
        Some(_) => Effect::None,
    })
}

/// FNV-1a over length-prefixed parts, finished as in MurmurHash3: the same in every process and build.
fn stable_hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for &byte in (part.len() as u64).to_le_bytes().iter().take(2).chain(part.iter()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
