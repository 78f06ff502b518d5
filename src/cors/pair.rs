//! Finds the attempt that a request belongs to: a redirect's next hop, a retry, a preflight's actual, or a new one.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::Kind;
use super::attempt::{
    Ask, Attempt, InFlight, Lists, Outcome, State, because_of_preflight, is_safe_method, missing_note, text,
};
use super::browser::max_age_ceiling_s;
use super::cache::{Known, PreflightCache};
use super::check::{Judged, Reader};
use super::classify::{Classified, Classifier, FORWARDING, is_tool, path_and_query, redact};
use super::correlator::{Awaited, Correlator, HostSeen, Timer, cache_key};
use super::fields::{self, UnsafeField, requested_names};
use super::origin::OriginKind;
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::http::Request;
use crate::http::head::{Field, Head, Name};
use crate::packet::{MILLISECOND, SECOND, Time};
use crate::record::{Confidence, Credentials, Family, MissingPreflight, Mode, PreflightState};

/// Longest time from a preflight's answer to its actual request.
const T_PAIR_NS: i64 = 30 * SECOND;
/// Most requests follow their preflight's answer within this time: of 4,728 in captures of browsers all did within half of it.
pub(super) const T_AT_ONCE_NS: i64 = SECOND;
/// The hop after a redirect follows within this time.
const T_REDIRECT_NS: i64 = 5 * SECOND;
/// Clock skew between two directions of one capture.
const SLACK_NS: i64 = 5 * MILLISECOND;
/// A request that comes again within this time was sent again by a person or a program that saw it fail.
pub(super) const T_AGAIN_NS: i64 = 3 * SECOND;
/// Requests in need of a preflight after which a host without any has them answered elsewhere.
const ELSEWHERE_MIN: u32 = 3;
/// Requests in need of a preflight after which a client that never sent one is no browser (VERDICTS.md §6 e).
const NEVER_ASKS_MIN: u32 = 20;
/// Attempts that wait under one key (same client's address, origin, URL and method). Above it the oldest gives up:
/// `corstap_state_forgotten_total{kind="waiting"}`.
const ALIKE_MAX: usize = 256;

impl Correlator {
    pub(super) fn on_request(&mut self, request: &Arc<Request>, counters: &mut Counters) {
        self.now = self.now.max(request.head_end.time);
        if !request.head.has(Name::Origin) && self.by_redirect.is_empty() && self.by_retry.is_empty() {
            return; // classified with its answer
        }
        let seen = Arc::new(self.classifier.classify(request, &mut counters.forgotten.clients));
        self.connections.on_request(request, &seen);
        if request.doubts.after_gap || request.doubts.pairing {
            self.note_loss(&seen, request.first.time);
        }
        let attempt = self.attempt_of(request, &seen, counters);
        if self.in_flight.insert(request.id, InFlight { seen, attempt }).is_some() {
            counters.forgotten.waiting += 1;
        }
    }

    /// Packets of this client's connections are missing.
    pub(super) fn note_loss(&mut self, seen: &Classified, at: Time) {
        if let Some(client) = self.classifier.clients.get(seen.client) {
            client.lost_at = Some(at);
        }
    }

    /// The attempt that this request belongs to: a redirect's next hop, a retry, a preflight's actual, or a new one.
    pub(super) fn attempt_of(
        &mut self,
        request: &Arc<Request>,
        seen: &Arc<Classified>,
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
                let asked = request.head.first(Name::AcRequestMethod).unwrap_or_default();
                let pair = self.pair_key(seen, asked);
                let ask = self.new_ask(request, seen, pair);
                attempt.method.clone_from(&ask.method);
                let key = self.classifier.digest((1_u8, asked, request.head.joined(Name::AcRequestHeaders)));
                attempt.because = self.lists.of(key, || because_of_preflight(&ask.method, &ask.names));
                attempt.preflight_state = PreflightState::Sent;
                attempt.ask = Some(ask);
                if let Some(client) = self.classifier.clients.get(seen.client) {
                    client.preflights = client.preflights.saturating_add(1);
                }
                let (host, _) = self.hosts.get_or_insert_with(seen.keys.target, HostSeen::default);
                host.preflights = host.preflights.saturating_add(1);
                let index = self.insert(attempt, counters);
                self.wait_for(Awaited::Actual, pair, index, counters);
                self.start_timer(index, Timer::Answer, request.head_end.time);
                Some(index)
            }
            Kind::Actual => Some(self.on_actual(request, seen, counters)),
            Kind::NotCors
                if matches!(seen.mode, Mode::Navigate | Mode::NoCors) && seen.mode_confidence < Confidence::Certain =>
            {
                let pair = self.pair_key(seen, request.head.method());
                self.by_pair.contains_key(&pair).then(|| self.on_actual(request, seen, counters))
            }
            Kind::Websocket | Kind::NotCors | Kind::PlainOptions => None,
        }
    }

    pub(super) fn on_actual(&mut self, request: &Arc<Request>, seen: &Arc<Classified>, counters: &mut Counters) -> u32 {
        let method = request.head.method();
        let pair = self.pair_key(seen, method);
        let needs = seen.needs_preflight(method);
        if let Some(index) = self.take_paired(pair, request, seen, true) {
            self.on_paired(index, request, seen);
            return index;
        }
        let mut known = Known::Nothing;
        if needs {
            let key = self.cache_key(seen);
            let names: Vec<&str> = seen.unsafe_fields.iter().map(|f| &*f.name).collect();
            known = self.cache.known(key, method, &names, seen.browser.family, request.first.time);
        }
        // it proves that its preflight was answered, though the answer was lost or waits behind a gap
        if needs
            && known != Known::Covered
            && let Some(index) = self.take_paired(pair, request, seen, false)
        {
            self.on_paired(index, request, seen);
            return index;
        }
        let mut attempt = self.new_attempt(request, seen);
        attempt.crossing = Some(seen.clone());
        attempt.page_origin.clone_from(&seen.origin);
        attempt.state = State::Answer;
        attempt.request = Some((request.clone(), seen.clone()));
        if needs {
            attempt.because = because(&self.classifier, &mut self.lists, method, seen);
            if self.classifier.clients.is_shared(seen.keys.address) {
                attempt.floor = attempt.floor.min(Confidence::Probable); // whose cache entry?
            }
            if known == Known::Covered {
                attempt.preflight_state = PreflightState::Cached;
            } else {
                attempt.preflight_state = PreflightState::Missing;
                let failed =
                    self.failed_preflights.peek(&pair).is_some_and(|at| request.first.time.since(*at) <= T_PAIR_NS);
                let missing = self.why_missing(known, request, seen);
                attempt.missing = missing;
                attempt.floor = attempt.floor.min(match missing {
                    Some(MissingPreflight::CapturedTooLate | MissingPreflight::AnsweredElsewhere) if !failed => {
                        Confidence::Probable
                    }
                    _ => Confidence::Possible,
                });
                attempt.note = Some(if failed {
                    "the request was sent although its preflight fails"
                } else {
                    missing_note(missing)
                });
            }
        }
        if !is_safe_method(request.head.method()) {
            attempt.again = self.is_asked_again(seen, request);
        }
        self.insert(attempt, counters)
    }

    /// The preflight has its request.
    fn on_paired(&mut self, index: u32, request: &Arc<Request>, seen: &Arc<Classified>) {
        let shared = self.classifier.clients.is_shared(seen.keys.address);
        let again = !is_safe_method(request.head.method()) && self.is_asked_again(seen, request);
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        attempt.state = State::Answer;
        attempt.request = Some((request.clone(), seen.clone()));
        attempt.again = again;
        match &attempt.ask {
            Some(ask) if !ask.is_judged() => {
                attempt.floor = attempt.floor.min(Confidence::Probable);
                attempt.note = Some("the preflight's answer was not captured; the request shows that it passed");
            }
            Some(ask) if !ask.judged.included.is_empty() => {
                // it follows, so the preflight passed: that is so only without credentials (row 4)
                attempt.credentials = Credentials::Omitted;
                attempt.credentials_confidence = if shared { Confidence::Probable } else { Confidence::Certain };
                // unless it is another's: one that may go without this preflight says nothing for certain of it
                let needs = seen.needs_preflight(request.head.method()) || shows_what_was_asked(ask, &request.head);
                if !needs || goes_by_another(&self.classifier, &self.cache, ask, request, seen) {
                    attempt.credentials_confidence = Confidence::Probable;
                    attempt.floor = attempt.floor.min(Confidence::Probable);
                }
            }
            _ => {}
        }
        if attempt.because.is_empty() {
            attempt.because = because(&self.classifier, &mut self.lists, request.head.method(), seen);
        } else if seen.unsafe_fields.iter().any(|f| f.value.is_some()) {
            let key = self.classifier.digest((3_u8, &attempt.because, &seen.unsafe_fields));
            attempt.because = self.lists.of(key, || name_values(&attempt.because, &seen.unsafe_fields));
        }
    }

    /// Its preflight passes only without credentials, and another that was asked together with it lacks its request still: that may be
    /// this one's.
    pub(super) fn is_contested(&self, attempt: &Attempt) -> bool {
        let Some(ask) = attempt.ask.as_ref().filter(|ask| !ask.judged.included.is_empty()) else { return false };
        let Some(waiting) = self.by_pair.get(&ask.pair).filter(|_| attempt.request.is_some()) else { return false };
        let together = |one: &Ask, other: &Ask| {
            one.response.as_ref().is_some_and(|answer| other.request.first.time <= answer.first.time)
        };
        let others = waiting.iter().filter_map(|&other| self.attempts.get(other as usize)?.ask.as_ref());
        others.into_iter().any(|other| together(ask, other) && together(other, ask))
    }

    /// Keeps an attempt where what it awaits will look for it. Of very many alike the oldest gives up, so that a look stays short.
    pub(super) fn wait_for(&mut self, awaited: Awaited, key: u64, index: u32, counters: &mut Counters) {
        let map = match awaited {
            Awaited::Actual => &mut self.by_pair,
            Awaited::Hop => &mut self.by_redirect,
            Awaited::Retry => &mut self.by_retry,
        };
        let slots = map.entry(key).or_default();
        slots.push(index);
        if slots.len() > ALIKE_MAX {
            let oldest = slots.remove(0);
            counters.forgotten.waiting += 1;
            self.emit(oldest, &Outcome::undecided(Reason::ResponseNotCaptured));
        }
    }

    /// The likeliest cause of a missing preflight (VERDICTS.md §6).
    fn why_missing(&mut self, known: Known, request: &Request, seen: &Classified) -> Option<MissingPreflight> {
        let (host, _) = self.hosts.get_or_insert_with(seen.keys.target, HostSeen::default);
        host.needing = host.needing.saturating_add(1);
        let elsewhere = host.preflights == 0 && host.needing > ELSEWHERE_MIN;
        let client = self.classifier.clients.get(seen.client);
        let at = request.first.time;
        let (mut lost, mut never_asks, mut fresh) = (false, false, true);
        if let Some(client) = client {
            client.needing = client.needing.saturating_add(1);
            lost = client.lost_at.is_some_and(|lost| at.since(lost) <= T_PAIR_NS);
            never_asks = client.preflights == 0 && client.needing > NEVER_ASKS_MIN;
            fresh = at.since(client.first_seen) < i64::from(max_age_ceiling_s(seen.browser.family)) * SECOND;
        }
        if is_tool(seen) {
            return Some(MissingPreflight::NotABrowser);
        }
        match known {
            Known::NotCovered => return Some(MissingPreflight::Expired),
            Known::Forgotten => return Some(MissingPreflight::Forgotten),
            Known::Covered | Known::Nothing => {}
        }
        if lost {
            Some(MissingPreflight::Lost)
        } else if elsewhere {
            Some(MissingPreflight::AnsweredElsewhere)
        } else if never_asks {
            Some(MissingPreflight::NotABrowser)
        } else if fresh {
            Some(MissingPreflight::CapturedTooLate)
        } else {
            None
        }
    }

    /// Takes note of an unsafe request; whether the same came within seconds before it.
    fn is_asked_again(&mut self, seen: &Classified, request: &Request) -> bool {
        let key = self.echo_key(seen, request);
        let at = request.first.time;
        let mut is_new = false;
        let (last, evicted) = self.asked.get_or_insert_with(key, || {
            is_new = true;
            at
        });
        let before = std::mem::replace(last, at);
        self.hints_forgotten += u64::from(evicted.is_some());
        !is_new && at.since(before) <= T_AGAIN_NS
    }

    /// What a preflight asks for. `pair`: the key under which its request looks for it.
    fn new_ask(&mut self, request: &Arc<Request>, seen: &Arc<Classified>, pair: u64) -> Ask {
        let key = self.classifier.digest((0_u8, request.head.joined(Name::AcRequestHeaders)));
        Ask {
            pair,
            request: request.clone(),
            seen: seen.clone(),
            response: None,
            method: text(request.head.first(Name::AcRequestMethod).unwrap_or_default()),
            names: self.lists.of(key, || requested_names(&request.head)),
            judged: Judged::default(),
            before: None,
        }
    }

    pub(super) fn new_attempt(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Box<Attempt> {
        self.generation = self.generation.wrapping_add(1);
        self.written.clear();
        redact(&mut self.written, path_and_query(request.head.target()), self.show_query);
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
        if may_be_no_cors(request, seen) {
            floor = floor.min(Confidence::Probable);
        }
        if seen.browser.family == Family::Safari && fields::is_media_player(&request.head) {
            // its refusals were not all confirmed by the browser (docs/fidelity.md)
            floor = floor.min(Confidence::Probable);
        }
        Box::new(Attempt {
            generation: self.generation,
            id: self.transaction_id(request),
            first: request.clone(),
            seen: seen.clone(),
            method: text(request.head.method()),
            path: self.written.as_str().into(),
            state: State::PreflightAnswer,
            page_origin: None,
            crossing: None,
            ask: None,
            hop_ask: None,
            preflight_state: PreflightState::NotNeeded,
            because: Arc::default(),
            request: None,
            response: None,
            hops: Vec::new(),
            next_url: 0,
            next_method: None,
            next_in_view: false,
            doomed: false,
            credentials: Credentials::Unknown,
            credentials_confidence: Confidence::Certain,
            redirect_needs_omitted: None,
            floor,
            missing: None,
            note: None,
            again: false,
            rivals_awaited: None,
            echo_awaited: false,
            challenged: false,
        })
    }

    pub(super) fn insert(&mut self, attempt: Box<Attempt>, counters: &mut Counters) -> u32 {
        while self.attempts.len() >= self.waiting_max {
            let Some((oldest, generation)) = self.by_age.pop_front() else { break };
            if self.attempts.get(oldest as usize).is_some_and(|a| a.generation == generation) {
                counters.forgotten.waiting += 1;
                self.emit(oldest, &Outcome::undecided(Reason::ResponseNotCaptured));
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

    /// The preflight of this request, taken from those that wait. `judged`: one whose answer passes; else one whose answer is not known.
    fn take_paired(&mut self, pair: u64, request: &Request, seen: &Classified, judged: bool) -> Option<u32> {
        let waiting = self.by_pair.get_mut(&pair)?;
        // an identity that never preflights is perhaps another's, with a User-Agent or Accept-Language of the script's
        let may_be_another = self.classifier.clients.get(seen.client).is_none_or(|c| c.preflights == 0);
        let at = request.first.time;
        let (attempts, cache, classifier) = (&self.attempts, &self.cache, &self.classifier);
        let needs = seen.needs_preflight(request.head.method());
        let fits = |index: u32, same_client: bool| {
            let Some(attempt) = attempts.get(index as usize) else { return false };
            let Some(ask) = &attempt.ask else { return false };
            let since = match &ask.response {
                Some(answer) if judged && ask.is_judged() && attempt.state == State::Actual => answer.first.time,
                _ if !judged && !ask.is_judged() && matches!(attempt.state, State::PreflightAnswer | State::Actual) => {
                    ask.request.head_end.time
                }
                _ => return false,
            };
            let sets_agent = ask.names.iter().any(|n| n == "user-agent");
            let may_be = if same_client {
                attempt.seen.client == seen.client
            } else {
                // a script set what else tells clients apart
                let shows = || needs || shows_what_was_asked(ask, &request.head);
                judged && may_be_another && (sets_agent || (attempt.seen.agent == seen.agent && shows()))
            };
            // what could go without a preflight and lacks all that this one asked for is no proof that credentials are left out;
            // but a gateway may have dropped a name that it did not like
            let strange = !needs
                && !ask.judged.included.is_empty()
                && (request.head.has(Name::Cookie) || (!seen.forwarded && lacks_all(&request.head, &ask.names)));
            may_be
                && !strange
                && (at.since(since) <= T_AT_ONCE_NS || !goes_by_another(classifier, cache, ask, request, seen))
                && (-SLACK_NS..=T_PAIR_NS).contains(&at.since(since))
                && seen.unsafe_fields.iter().all(|f| {
                    // Firefox looks at each value that a script appends, not at all of them together
                    let in_parts = matches!(&*f.name, "accept" | "accept-language" | "content-language");
                    f.name.starts_with('(') || in_parts || ask.names.iter().any(|n| *n == f.name)
                })
        };
        // the same was asked again after an answer to which nothing had followed: that one was refused
        let goes_before = |later: u32, one: u32| {
            let (Some(one), Some(later)) = (attempts.get(one as usize), attempts.get(later as usize)) else {
                return false;
            };
            let answered = one.ask.as_ref().and_then(|ask| ask.response.as_ref()).map(|answer| answer.first.time);
            answered.is_some_and(|at| later.asked_last() > at)
        };
        let place = place_of(waiting, |index| fits(index, true), goes_before)
            .or_else(|| place_of(waiting, |index| fits(index, false), goes_before))?;
        let index = waiting.remove(place);
        if waiting.is_empty() {
            self.by_pair.remove(&pair);
        }
        Some(index)
    }

    /// The attempt that this request makes again.
    pub(super) fn take_retry(&mut self, request: &Arc<Request>, seen: &Arc<Classified>) -> Option<u32> {
        if self.by_retry.is_empty() {
            return None;
        }
        let key = self.retry_key(seen, request);
        let waiting = self.by_retry.get_mut(&key)?;
        let says_who = request.head.first(Name::Authorization).is_some_and(fields::is_browser_authentication);
        let attempts = &self.attempts;
        let place = waiting.iter().position(|&index| {
            let Some(attempt) = attempts.get(index as usize) else { return false };
            let first = attempt.request.as_ref().map(|(first, _)| first);
            !attempt.challenged || says_who || first.is_some_and(|first| goes_over_http1(first, request, seen))
        })?;
        let index = waiting.remove(place);
        if waiting.is_empty() {
            self.by_retry.remove(&key);
        }
        let at = request.head_end.time;
        let attempt = self.attempts.get_mut(index as usize)?;
        let State::Retry { preflight, .. } = attempt.state else { return None };
        attempt.challenged = false;
        if preflight {
            if let Some(ask) = attempt.hop_ask.as_deref_mut().or(attempt.ask.as_mut()) {
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
        let key = self.redirect_key(seen, seen.url);
        let waiting = self.by_redirect.get_mut(&key)?;
        let at = request.first.time;
        let method = request.head.method();
        let is_preflight = seen.kind == Kind::Preflight;
        let attempts = &self.attempts;
        let fits = |index: u32, same_client: bool| {
            let Some(attempt) = attempts.get(index as usize) else { return false };
            let State::Hop { since } = attempt.state else { return false };
            // a script may have said of the first hop for whom it is, at home, where no preflight tells; a proxy says so of each
            let one_says = attempt.seen.forwarded != seen.forwarded && attempt.first.peer.ip() == request.peer.ip();
            let are_one = one_says || are_kin(attempt.seen.address, seen.address);
            if same_client != (attempt.seen.client == seen.client) || !are_one {
                return false;
            }
            let follows = at.since(since) <= T_REDIRECT_NS && at.since(since) >= -SLACK_NS;
            let next = attempt.next_method.as_ref().map(|next| next.as_bytes());
            let fits = is_preflight
                || next == Some(method)
                || (method == b"GET" && next == Some(b"DELETE") && seen.browser.family == Family::Safari);
            // a navigation or an image is nobody's next hop
            let page = !matches!(seen.mode, Mode::Navigate | Mode::NoCors | Mode::Websocket);
            follows && fits && page && hop_origin_fits(attempt, seen)
        };
        // another asked later than this one could go on: this one did not
        let goes_before = |later: u32, one: u32| {
            let (Some(one), Some(later)) = (attempts.get(one as usize), attempts.get(later as usize)) else {
                return false;
            };
            let State::Hop { since } = one.state else { return false };
            later.asked_last() > since || (is_preflight && one.hop_ask.is_some() && later.hop_ask.is_none())
        };
        let place = place_of(waiting, |index| fits(index, true), goes_before)
            .or_else(|| place_of(waiting, |index| fits(index, false), goes_before))?;
        let index = waiting.remove(place);
        if waiting.is_empty() {
            self.by_redirect.remove(&key);
        }
        let asks_for = request.head.first(Name::AcRequestMethod).unwrap_or_default();
        let ask = is_preflight.then(|| self.new_ask(request, seen, self.pair_key(seen, asks_for)));
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
            attempt.hop_ask = ask.map(Box::new);
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

/// Whether a request may go by what another preflight than this one has allowed, should this one, which passes only without credentials,
/// have been refused.
fn goes_by_another(
    classifier: &Classifier,
    cache: &PreflightCache,
    ask: &Ask,
    request: &Request,
    seen: &Classified,
) -> bool {
    let method = request.head.method();
    // one that needs none may go anyhow
    if ask.judged.included.is_empty() || !seen.needs_preflight(method) {
        return false;
    }
    let names: Vec<&str> = seen.unsafe_fields.iter().map(|f| &*f.name).collect();
    // two that were asked together are no exception: the second request may be a third one's
    let since = cache.other_than(classifier.digest(cache_key(seen)), ask.request.first.time);
    let mut allowed = ask.before.iter().chain(since);
    allowed.any(|permission| permission.covers(method, &names, seen.browser.family, request.first.time))
}

/// Firefox asks again over HTTP/1.1, unchanged, when it is asked for `Negotiate` over HTTP/2: a gateway hands on names in lower case
/// the first time alone.
fn goes_over_http1(first: &Request, again: &Request, seen: &Classified) -> bool {
    let lower = |request: &Request| Reader::of(&seen.browser, &request.head, seen.forwarded).lower_names;
    seen.browser.family == Family::Firefox && lower(first) && !lower(again)
}

/// A frame without an origin says so of a GET without CORS, too, where its cookies wait to be asked for (`Sec-Fetch-Storage-Access: inactive`,
/// which plain HTTP does not show).
fn may_be_no_cors(request: &Request, seen: &Classified) -> bool {
    let is_null = seen.origin.as_ref().is_some_and(|origin| origin.kind == OriginKind::Null);
    is_null
        && matches!(seen.browser.family, Family::Chromium | Family::Firefox)
        && !request.head.has(Name::SecFetchMode)
        && !request.head.has(Name::Cookie)
        && matches!(request.head.method(), b"GET" | b"HEAD")
        && seen.unsafe_fields.is_empty()
}

/// Whether a head has a field that a script alone can have set, since the preflight asked for its name and comes without it.
fn shows_what_was_asked(ask: &Ask, head: &Head) -> bool {
    let names: HashSet<&str> = ask.names.iter().map(|name| &**name).collect();
    let is_asked = |field: &Field| {
        std::str::from_utf8(head.name_of(field)).is_ok_and(|name| names.contains(&*name.to_ascii_lowercase()))
    };
    let own = &ask.request.head;
    head.fields().iter().any(|field| {
        let value = head.value_of(field);
        // what a preflight has itself is none of the script's: its names are few, and known
        let sent_alike = field.name != Name::Other && own.first(field.name) == Some(value);
        !fields::is_safelisted(field.name, value) && !sent_alike && is_asked(field)
    })
}

/// Whether a head has none of these fields, of which there are some.
fn lacks_all(head: &Head, names: &[String]) -> bool {
    let has = |name: &String| match Name::of(name.as_bytes()) {
        Name::Other => head.of(Name::Other).any(|field| head.name_of(field).eq_ignore_ascii_case(name.as_bytes())),
        known => head.has(known),
    };
    !names.is_empty() && !names.iter().any(has)
}

/// Where among those that wait the one is that a request belongs to: the first that fits, unless a later one goes before it.
fn place_of(waiting: &[u32], fits: impl Fn(u32) -> bool, goes_before: impl Fn(u32, u32) -> bool) -> Option<usize> {
    let fitting = waiting.iter().enumerate().filter(|&(_, &index)| fits(index));
    fitting.reduce(|one, later| if goes_before(*later.1, *one.1) { later } else { one }).map(|(place, _)| place)
}

/// Why a request needs a preflight.
fn because(classifier: &Classifier, lists: &mut Lists, method: &[u8], seen: &Classified) -> Arc<[String]> {
    let key = classifier.digest((2_u8, method, &seen.unsafe_fields));
    lists.of(key, || fields::because(method, &seen.unsafe_fields))
}

/// The preflight names its fields only; the request shows what was in them (`content-type: application/json`).
fn name_values(because: &[String], fields: &[UnsafeField]) -> Vec<String> {
    let mut because = because.to_vec();
    for field in fields {
        if let Some(value) = &field.value
            && let Some(known) = because.iter_mut().find(|b| b.strip_prefix("header ") == Some(&*field.name))
        {
            *known = [&field.name, ": ", &**value].concat();
        }
    }
    because
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
    if let Some(page) = &attempt.page_origin {
        return page.text == sent.text;
    }
    // first hop without Origin: it was the page's own origin
    let (home, head) = (&attempt.seen.target, &attempt.first.head);
    let host = sent.text.split_once("://").map(|(_, host)| host.as_bytes());
    *sent.text == *home.origin
        || home.scheme_confidence < Confidence::Certain
        // a script may have set what tells the scheme, and the host
        || (head.names() & FORWARDING != 0 && host.is_some() && host == head.first(Name::Host))
}
