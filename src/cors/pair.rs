//! Finds the attempt that a request belongs to: a redirect's next hop, a retry, a preflight's actual, or a new one.

use std::net::IpAddr;
use std::sync::Arc;

use super::Kind;
use super::attempt::{Attempt, InFlight, Outcome, State, because_of_preflight, new_ask, text};
use super::classify::{Classified, is_tool, path_and_query, redacted_path};
use super::correlator::{Correlator, Timer};
use super::fields;
use super::origin::OriginKind;
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::http::Request;
use crate::http::head::Name;
use crate::packet::{MILLISECOND, SECOND};
use crate::record::{Confidence, Credentials, Family, Mode, PreflightState, Sink};

/// Longest time from a preflight's answer to its actual request.
const T_PAIR_NS: i64 = 30 * SECOND;
/// The hop after a redirect follows within this time.
const T_REDIRECT_NS: i64 = 5 * SECOND;
/// Clock skew between two directions of one capture.
const SLACK_NS: i64 = 5 * MILLISECOND;

impl Correlator {
    pub(super) fn on_request(&mut self, request: &Arc<Request>, sink: &mut impl Sink, counters: &mut Counters) {
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
    pub(super) fn attempt_of(
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
                if let Some(client) = self.classifier.clients.get(seen.client) {
                    client.preflights += 1;
                }
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

    pub(super) fn on_actual(
        &mut self,
        request: &Arc<Request>,
        seen: &Arc<Classified>,
        sink: &mut impl Sink,
        counters: &mut Counters,
    ) -> u32 {
        let pair = self.pair_key(seen, request, request.head.method());
        if let Some(index) = self.take_paired(pair, request, seen) {
            let shared = self.classifier.clients.is_shared(seen.address);
            if let Some(attempt) = self.attempts.get_mut(index as usize) {
                attempt.state = State::Answer;
                attempt.request = Some((request.clone(), seen.clone()));
                if let Some(ask) = &attempt.ask
                    && !ask.included.is_empty()
                {
                    // it follows, so the preflight passed: that is so only without credentials (row 4)
                    attempt.credentials = Credentials::Omitted;
                    attempt.credentials_confidence = if shared { Confidence::Probable } else { Confidence::Certain };
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
            if self.classifier.clients.is_shared(seen.address) {
                attempt.floor = attempt.floor.min(Confidence::Probable); // whose cache entry?
            }
            if self.cache.covers(key, request.head.method(), &names, seen.browser.family, request.first.time) {
                attempt.preflight_state = PreflightState::Cached;
            } else {
                attempt.preflight_state = PreflightState::Missing;
                attempt.floor = attempt.floor.min(Confidence::Probable);
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

    pub(super) fn new_attempt(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Attempt {
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
        if seen.browser.family == Family::Safari && fields::is_media_player(&request.head) {
            // its refusals were not all confirmed by the browser (docs/fidelity.md)
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

    pub(super) fn insert(&mut self, attempt: Attempt, sink: &mut impl Sink, counters: &mut Counters) -> u32 {
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

    pub(super) fn take_paired(&mut self, pair: u64, request: &Request, seen: &Classified) -> Option<u32> {
        // an identity that never preflights is perhaps another's, with a User-Agent or Accept-Language of the script's
        let may_be_another = self.classifier.clients.get(seen.client).is_none_or(|c| c.preflights == 0);
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
                may_be_another && (sets_agent || (needs && attempt.seen.agent == seen.agent))
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

    pub(super) fn take_retry(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Option<u32> {
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

    pub(super) fn take_redirected(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Option<u32> {
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
