//! Judges what came back: answers to preflights, to actual requests and to the hops of a redirect (VERDICTS.md §4 and §7).

use std::sync::Arc;

use super::Kind;
use super::attempt::{Ask, InFlight, Outcome, State, body_cut, one, text};
use super::browser;
use super::cache::Lifetime;
use super::check::{self, Asked, Failures, Judged, Reader};
use super::classify::{Classified, path_and_query};
use super::correlator::{Awaited, Correlator, HostSeen, Timer};
use super::fields;
use super::jar::{self, Jar};
use super::location::{Location, Next, resolve};
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::http::head::Name;
use crate::http::{BodyState, Doubts, HeadState, MessageId, NoAnswer, Request, Response, Version};
use crate::packet::Time;
use crate::record::{Confidence, Credentials, Family, Hop, Mode, Phase, Site, Verdict};

/// Redirects that a browser follows (Fetch § HTTP-redirect fetch, step 6).
const REDIRECTS_MAX: usize = 20;

impl Correlator {
    pub(super) fn on_response(&mut self, request: &Arc<Request>, response: &Arc<Response>, counters: &mut Counters) {
        self.now = self.now.max(response.head_end.time);
        let in_flight = self.in_flight.remove(&request.id);
        let InFlight { seen, attempt } = in_flight.unwrap_or_else(|| {
            let seen = Arc::new(self.classifier.classify(request, &mut counters.forgotten.clients));
            self.connections.on_request(request, &seen);
            InFlight { seen, attempt: None }
        });
        self.hosts.get_or_insert_with(seen.keys.target, HostSeen::default);
        if response.doubts.after_gap || response.doubts.pairing || response.head_state == HeadState::CutByCapture {
            self.note_loss(&seen, response.first.time);
        }
        self.note_cookies(request, Some(response), &seen);
        let index = attempt.filter(|&i| self.awaits(i, request));
        self.observe(request, Some(response), None, &seen, index, response.head_end.time, counters);
        match index {
            Some(index) if seen.kind == Kind::Preflight => self.on_preflight_answer(index, response, counters),
            Some(index) => self.on_actual_answer(index, request, response, &seen, counters),
            None if seen.kind == Kind::Preflight && attempt.is_some() => {
                if let Some(index) = attempt {
                    self.on_late_preflight_answer(index, request, response);
                }
            }
            None => self.on_plain_answer(request, response, &seen, counters),
        }
    }

    /// An answer that waited behind a gap, while its request had already come on another connection.
    fn on_late_preflight_answer(&mut self, index: u32, request: &Arc<Request>, response: &Arc<Response>) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let Some(ask) = attempt.ask.as_mut().filter(|a| a.request.id == request.id && a.response.is_none()) else {
            return;
        };
        ask.response = Some(response.clone());
        if response.head_state == HeadState::CutByCapture {
            return;
        }
        attempt.note = None;
        let reader = Reader::of(&ask.seen.browser, &request.head, ask.seen.forwarded);
        let origin = request.head.first(Name::Origin).unwrap_or_default();
        let asked = Asked { origin, method: ask.method.as_bytes(), names: &ask.names };
        ask.judged = check::judge_preflight(response, &asked, check::covered(&response.head, &asked), reader, false);
        if !ask.judged.omitted.is_empty() {
            attempt.floor = attempt.floor.min(Confidence::Possible);
            attempt.note = Some("the request was sent although its preflight fails");
        } else if !ask.judged.included.is_empty() && attempt.credentials == Credentials::Unknown {
            attempt.credentials = Credentials::Omitted;
            attempt.credentials_confidence = Confidence::Probable;
        }
    }

    /// The attempt still waits for the answer to this very request.
    pub(super) fn awaits(&self, index: u32, request: &Arc<Request>) -> bool {
        let Some(attempt) = self.attempts.get(index as usize) else { return false };
        let waits_for = match attempt.state {
            State::PreflightAnswer => attempt.hop_ask.as_deref().or(attempt.ask.as_ref()).map(|a| &a.request),
            State::Answer => attempt.request.as_ref().map(|(r, _)| r),
            State::Actual | State::Hop { .. } | State::Retry { .. } => None,
        };
        waits_for.is_some_and(|r| r.id == request.id)
    }

    pub(super) fn on_preflight_answer(&mut self, index: u32, response: &Arc<Response>, counters: &mut Counters) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let is_hop = attempt.hop_ask.is_some();
        let Some(ask) = attempt.hop_ask.as_deref_mut().or(attempt.ask.as_mut()) else { return };
        let family = ask.seen.browser.family;
        ask.response = Some(response.clone());
        if may_be_read_otherwise(response, &ask.seen) {
            attempt.floor = attempt.floor.min(Confidence::Possible);
        }
        match response.head_state {
            HeadState::Whole => {}
            HeadState::CutByClose if family != Family::Safari => {
                attempt.floor = attempt.floor.min(Confidence::Possible);
            }
            HeadState::CutByClose => {
                self.settle_unanswered(index);
                return;
            }
            HeadState::CutByCapture => {
                self.await_unjudged(index, response.head_end.time);
                return;
            }
        }
        if check::is_none(response) || (family != Family::Safari && check::locations_differ(&response.head)) {
            self.settle_unanswered(index);
            return;
        }
        let origin = ask.request.head.first(Name::Origin).unwrap_or_default();
        let asked = Asked { origin, method: ask.method.as_bytes(), names: &ask.names };
        let reader = Reader::of(&ask.seen.browser, &ask.request.head, ask.seen.forwarded);
        let home = is_hop && attempt.page_origin.as_ref().is_some_and(|page| *page.text == *ask.seen.target.origin);
        let hangs =
            family == Family::Firefox && ask.seen.forwarded && check::hangs_on_front_protocol(&response.head, origin);
        let lists = [Name::AcAllowMethods, Name::AcAllowHeaders].map(|list| response.head.joined(list));
        let key = self.classifier.digest((&asked.method, ask.request.head.joined(Name::AcRequestHeaders), lists));
        let covered = self.covered.of(key, || check::covered(&response.head, &asked));
        let judged = check::judge_preflight(response, &asked, covered, reader, home);
        let passes_omitted = judged.omitted.is_empty();
        let passes_included = judged.included.is_empty();
        if attempt.doomed && passes_omitted {
            let refused =
                Outcome::blocked(Phase::Actual, one(Reason::RedirectContainsCredentials), Confidence::Certain);
            self.emit(index, &refused);
            return;
        }
        let family_matters = family == Family::Unknown
            && [Family::Firefox, Family::Safari].iter().any(|&f| {
                let other = check::judge_preflight(response, &asked, covered, reader.as_family(f), home);
                other.omitted.is_empty() != passes_omitted
            });
        ask.judged = judged.clone();
        let ask_seen = ask.seen.clone();
        let ask_request = ask.request.clone();
        let sets_authorization = ask.sets_authorization();
        if attempt.credentials == Credentials::Unknown {
            (attempt.credentials, attempt.credentials_confidence) = credentials_of_preflight(&ask_request, &ask_seen);
        }
        let credentials = attempt.credentials;
        let pair = ask.pair;
        if family_matters || hangs {
            self.emit(index, &Outcome::undecided(Reason::FamilyUnknown));
            return;
        }
        let extension = attempt.seen.is_extension();
        let blocked_for_certain = !passes_omitted || (!passes_included && credentials == Credentials::Included);
        if passes_omitted || (passes_included && credentials == Credentials::Included) {
            let key = self.cache_key(&ask_seen);
            let lifetime = Lifetime::of(&response.head, family);
            let at = response.head_end.time;
            let asked = ask_request.first.time;
            let before = self.cache.other_than(key, asked).filter(|_| !passes_included).cloned();
            if let Some(attempt) = self.attempts.get_mut(index as usize)
                && let Some(ask) = attempt.ask.as_mut().filter(|_| !is_hop)
            {
                ask.before = before;
            }
            let forgotten = &mut counters.forgotten.cache;
            self.cache.insert(
                key,
                ask_seen.client,
                sets_authorization,
                &response.head,
                lifetime,
                (asked, at),
                forgotten,
            );
        }
        if blocked_for_certain {
            let evicted = self.failed_preflights.insert(pair, response.head_end.time).is_some();
            self.hints_forgotten += u64::from(evicted);
            if extension {
                self.emit(index, &Outcome::undecided(Reason::ExtensionOrigin));
                return;
            }
            let likely_included = match credentials {
                Credentials::Included => true,
                Credentials::Omitted => false,
                Credentials::Unknown => self.habits(&ask_seen).1,
            };
            let with = passes_omitted || (likely_included && !passes_included);
            let reasons = if with { judged.included } else { judged.omitted };
            let confidence = Confidence::Certain;
            self.decide(index, Outcome::blocked(Phase::Preflight, reasons, confidence), response);
            return;
        }
        let at = response.head_end.time;
        if let Some(attempt) = self.attempts.get_mut(index as usize) {
            attempt.state = if is_hop { State::Hop { since: at } } else { State::Actual };
        }
        if is_hop {
            // the hop's actual goes to the same URL
            let key = self.redirect_key(&ask_seen, ask_seen.url);
            self.wait_for(Awaited::Hop, key, index, counters);
            if let Some(attempt) = self.attempts.get_mut(index as usize)
                && !passes_included
            {
                attempt.redirect_needs_omitted = judged.included.first().copied();
            }
        } else if family == Family::Safari {
            let evicted = self.bodies.insert(response.id, index).is_some();
            self.hints_forgotten += u64::from(evicted);
        }
        self.start_timer(index, Timer::Silence, at);
    }

    pub(super) fn on_actual_answer(
        &mut self,
        index: u32,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        counters: &mut Counters,
    ) {
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let family = attempt.seen.browser.family;
        attempt.response = Some(response.clone());
        if response.doubts.ambiguous || response.doubts.pairing || may_be_read_otherwise(response, seen) {
            attempt.floor = attempt.floor.min(Confidence::Possible);
        }
        match response.head_state {
            HeadState::Whole => {}
            HeadState::CutByClose if family != Family::Safari => {
                attempt.floor = attempt.floor.min(Confidence::Possible);
            }
            HeadState::CutByClose => {
                self.settle_unanswered(index);
                return;
            }
            HeadState::CutByCapture => {
                self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured));
                return;
            }
        }
        // Chromium takes it from proxies only (net::ERR_UNEXPECTED_PROXY_AUTH), Firefox from anybody
        if (response.status == 407 && family != Family::Firefox) || check::is_none(response) {
            self.settle_unanswered(index);
            return;
        }
        let crossed = attempt.crossing.is_some();
        if crossed && response.status == 401 && challenges(response) {
            let at = response.head_end.time;
            attempt.challenged = true;
            attempt.state = State::Retry { since: at, preflight: false };
            let key = self.retry_key(seen, request);
            self.wait_for(Awaited::Retry, key, index, counters);
            self.start_timer(index, Timer::Challenge, at);
            return;
        }
        let redirect = check::is_redirect(response);
        // Chromium (net::ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION) and Firefox take none with two that differ, whatever else it says
        if crossed && family != Family::Safari && check::locations_differ(&response.head) {
            if redirect {
                self.emit(index, &Outcome::undecided(Reason::RedirectNotFollowed));
            } else {
                self.settle_unanswered(index);
            }
            return;
        }
        if crossed {
            self.infer_credentials(index, request, seen);
            let outcome = self.judge(index, request, response, seen, redirect);
            match outcome {
                Some(outcome) => self.decide(index, outcome, response),
                None => self.on_redirect(index, request, response, seen, counters),
            }
        } else if redirect {
            self.on_redirect(index, request, response, seen, counters);
        } else {
            self.emit(index, &Outcome::not_cors());
        }
    }

    /// Nobody came back with a name: what asked for one was the answer.
    pub(super) fn settle_challenged(&mut self, index: u32) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let (Some((request, seen)), Some(response)) = (attempt.request.clone(), attempt.response.clone()) else {
            return;
        };
        self.infer_credentials(index, &request, &seen);
        if let Some(outcome) = self.judge(index, &request, &response, &seen, false) {
            self.emit(index, &outcome);
        }
    }

    /// Judges one answer of a cross-origin hop; none: a redirect that passes and must be followed.
    pub(super) fn judge(
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
        let reader = Reader::of(&seen.browser, &request.head, seen.forwarded);
        let mut judged = check::judge_actual(&response.head, origin, reader);
        let mut confidence = Confidence::Certain;
        if family == Family::Unknown {
            let differs = [Family::Firefox, Family::Safari].iter().any(|&f| {
                let other = check::judge_actual(&response.head, origin, reader.as_family(f));
                other.omitted.is_empty() != judged.omitted.is_empty()
            });
            if differs {
                return Some(Outcome::undecided(Reason::FamilyUnknown));
            }
        }
        let key = self.cache_key(seen);
        let revalidates =
            response.status == 304 && (request.head.has(Name::IfNoneMatch) || request.head.has(Name::IfModifiedSince));
        if revalidates && !response.head.has(Name::AcAllowOrigin) {
            match self.stored.get(&key) {
                Some(stored) => {
                    judged.clone_from(&**stored);
                    confidence = Confidence::Probable;
                }
                None => return Some(Outcome::undecided(Reason::NotModified)),
            }
        } else if revalidates
            && family == Family::Chromium
            && request.head.first(Name::SecFetchDest) != Some(b"empty")
            && self.stored.get(&key).is_some_and(|stored| stored.omitted.is_empty() != judged.omitted.is_empty())
        {
            // What the renderer revalidates, a script or an image but nothing that a script fetches, is not checked again:
            // what was stored counts (CorsURLLoader, `is_304_for_revalidation`).
            confidence = Confidence::Possible;
        } else if (200..=299).contains(&response.status) && request.head.method() == b"GET" {
            let digest = self.classifier.digest(&judged);
            let shared = self.judgements.of(digest, || Arc::new(judged.clone()));
            let evicted = self.stored.insert(key, shared).is_some();
            self.hints_forgotten += u64::from(evicted);
        }
        // Firefox refuses a module of another type than JavaScript before it looks at the fields (`EnsureMIMEOfScript`)
        let unread = !redirect && family == Family::Firefox && fields::may_be_no_module(request, &response.head);
        let (habit, mostly_includes) = self.habits(seen);
        let attempt = self.attempts.get_mut(index as usize)?;
        let Judged { omitted, included } = judged;
        if !omitted.is_empty() && family == Family::Firefox {
            self.cache.lapse(key, response.head_end.time);
        }
        // 307 and 308 keep a POST a POST, and hide its mode at each hop; a GET with Origin shows it
        let told_before = attempt.seen.mode == Mode::Cors && attempt.seen.mode_confidence == Confidence::Certain;
        // where it led, WebKit says the origin as before, GET or not
        let first_hides = family == Family::Safari
            && attempt.seen.mode == Mode::Cors
            && attempt.seen.mode_confidence < Confidence::Certain;
        let hides = seen.mode_confidence < Confidence::Certain || first_hides;
        let hidden_mode = hides && attempt.ask.is_none() && !told_before;
        if seen.target_doubt {
            return Some(Outcome::undecided(Reason::TargetUnknown));
        }
        let blocked = |reasons: Failures, confidence: Confidence| {
            if hidden_mode {
                Outcome::undecided(Reason::ModeUnknown)
            } else if seen.is_extension() {
                Outcome::undecided(Reason::ExtensionOrigin)
            } else {
                let most = if unread { Confidence::Probable } else { Confidence::Certain };
                Outcome::blocked(Phase::Actual, reasons, confidence.min(most))
            }
        };
        if !omitted.is_empty() {
            let likely_included = match attempt.credentials {
                Credentials::Included => true,
                Credentials::Omitted => false,
                Credentials::Unknown => mostly_includes,
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
    pub(super) fn on_redirect(
        &mut self,
        index: u32,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        counters: &mut Counters,
    ) {
        let safari = seen.browser.family == Family::Safari;
        // WebKit joins several (seen on Linux); others take no answer with two that differ
        let joined = if safari { response.head.joined(Name::Location) } else { None };
        let value = joined.as_deref().or(response.head.first(Name::Location)).unwrap_or_default();
        let mut next = resolve(value, &seen.target, request.head.target());
        if safari && let Location::Url(next) = &mut next {
            next.unescape();
        }
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let crossed = attempt.crossing.is_some();
        attempt.hops.push(Hop {
            time: request.first.time,
            target_origin: seen.target.origin.clone(),
            status: Some(response.status),
            origin_sent: seen.origin.as_ref().map(|o| o.text.clone()),
            verdict: if crossed { Verdict::Allowed } else { Verdict::NotCors },
        });
        let sure = follows(attempt.hops.len() > 1, request, seen.browser.family);
        let mode_known =
            attempt.ask.is_some() || (seen.mode_confidence == Confidence::Certain && seen.mode != Mode::Unknown);
        let next = match next {
            Location::Url(next) => next,
            Location::Unusable if crossed && seen.browser.family == Family::Safari => {
                // WebKit says so of what is no URL at all, too
                self.emit(index, &Outcome::blocked(Phase::Actual, one(Reason::DisabledScheme), sure));
                return;
            }
            Location::OtherScheme if crossed => {
                let outcome = if mode_known {
                    Outcome::blocked(Phase::Actual, one(Reason::DisabledScheme), sure)
                } else {
                    Outcome::undecided(Reason::ModeUnknown)
                };
                self.emit(index, &outcome);
                return;
            }
            Location::Empty if seen.browser.family == Family::Chromium => {
                let outcome = if crossed { Outcome::allowed(Confidence::Certain) } else { Outcome::not_cors() };
                self.emit(index, &outcome);
                return;
            }
            Location::OtherScheme | Location::Empty | Location::Unusable => {
                let outcome =
                    if crossed { Outcome::undecided(Reason::RedirectNotFollowed) } else { Outcome::not_cors() };
                self.emit(index, &outcome);
                return;
            }
        };
        if attempt.hops.len() > REDIRECTS_MAX {
            let outcome = if crossed {
                Outcome::blocked(Phase::Actual, one(Reason::TooManyRedirects), Confidence::Certain)
            } else {
                Outcome::not_cors()
            };
            self.emit(index, &outcome);
            return;
        }
        let page = attempt.page_origin.as_ref().and_then(|o| o.parts());
        let leaves_page = match page {
            Some(page) => !next.is_origin(page),
            None => *next.origin != *seen.target.origin,
        };
        if next.has_userinfo && (crossed || leaves_page) {
            if !crossed && seen.browser.family == Family::Safari {
                // WebKit may send the next hop's preflight before it refuses: that tells the mode, and may fail first
                attempt.doomed = true;
                self.await_hop(index, request, response, seen, &next, counters);
                return;
            }
            let outcome = if !mode_known && !crossed {
                Outcome::undecided(Reason::ModeUnknown)
            } else if crossed || seen.mode == Mode::Cors {
                Outcome::blocked(Phase::Actual, one(Reason::RedirectContainsCredentials), sure)
            } else {
                Outcome::not_cors()
            };
            self.emit(index, &outcome);
            return;
        }
        self.await_hop(index, request, response, seen, &next, counters);
    }

    /// The next hop must come.
    #[allow(clippy::too_many_arguments)] // what came, where it leads, and where losses go
    fn await_hop(
        &mut self,
        index: u32,
        request: &Request,
        response: &Response,
        seen: &Classified,
        next: &Next,
        counters: &mut Counters,
    ) {
        let target = self.classifier.digest(&*next.origin);
        let url = self.classifier.digest((target, &next.path[..]));
        let in_view = self.hosts.peek(&target).is_some();
        let key = self.redirect_key(seen, url);
        let Some(attempt) = self.attempts.get_mut(index as usize) else { return };
        let method = request.head.method();
        attempt.next_method = match (response.status, method) {
            (303, b"GET" | b"HEAD") => Some(text(method)),
            (301 | 302, b"POST") | (303, _) => Some("GET".into()),
            _ => Some(text(method)),
        };
        attempt.state = State::Hop { since: response.first.time };
        attempt.next_url = url;
        attempt.next_in_view = in_view;
        self.wait_for(Awaited::Hop, key, index, counters);
        self.start_timer(index, Timer::Silence, response.head_end.time);
    }

    /// An answer to a request that is no attempt (yet): a redirect may still lead it across origins.
    pub(super) fn on_plain_answer(
        &mut self,
        request: &Arc<Request>,
        response: &Arc<Response>,
        seen: &Arc<Classified>,
        counters: &mut Counters,
    ) {
        if may_cross(response, seen) {
            let mut attempt = self.new_attempt(request, seen);
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.response = Some(response.clone());
            attempt.state = State::Answer;
            let index = self.insert(attempt, counters);
            self.on_redirect(index, request, response, seen, counters);
            return;
        }
        if self.is_worth_a_line(request, seen) {
            let mut attempt = self.new_attempt(request, seen);
            attempt.request = Some((request.clone(), seen.clone()));
            attempt.response = Some(response.clone());
            self.finalise(attempt, &Outcome::not_cors());
        }
    }

    /// No transaction will tell of this request, which is no attempt.
    pub(super) fn is_left_out(&self, request: &Request, response: Option<&Arc<Response>>, seen: &Classified) -> bool {
        seen.kind != Kind::Preflight
            && response.is_none_or(|r| !may_cross(r, seen) && !self.is_worth_a_line(request, seen))
    }

    /// Requests without any sign of a page are counted below, and listed only when asked for.
    pub(super) fn is_worth_a_line(&self, request: &Request, seen: &Classified) -> bool {
        match seen.kind {
            Kind::PlainOptions => self.all_requests,
            Kind::Websocket => true,
            _ => seen.origin.is_some() || request.head.has(Name::SecFetchMode) || self.all_requests,
        }
    }

    pub(super) fn on_no_answer(&mut self, request: &Arc<Request>, why: NoAnswer, at: Time, counters: &mut Counters) {
        self.now = self.now.max(at);
        let Some(InFlight { seen, attempt }) = self.in_flight.remove(&request.id) else { return };
        let index = attempt.filter(|&i| self.awaits(i, request));
        if matches!(why, NoAnswer::Lost | NoAnswer::Evicted) {
            self.note_loss(&seen, at);
        }
        self.observe(request, None, Some(why), &seen, index, at, counters);
        let Some(index) = index else { return };
        match why {
            NoAnswer::Lost | NoAnswer::Evicted if seen.kind == Kind::Preflight => {
                self.await_unjudged(index, at);
            }
            NoAnswer::Lost | NoAnswer::Evicted | NoAnswer::InputEnd => {
                self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured));
            }
            NoAnswer::NotHttp => self.settle_unanswered(index),
            NoAnswer::Closed | NoAnswer::Reset => {
                let key = self.retry_key(&seen, request);
                if let Some(attempt) = self.attempts.get_mut(index as usize) {
                    attempt.state = State::Retry { since: at, preflight: seen.kind == Kind::Preflight };
                }
                self.wait_for(Awaited::Retry, key, index, counters);
                self.start_timer(index, Timer::Retry, at);
            }
        }
    }

    /// A preflight's answer was lost: should its request follow, it has passed.
    fn await_unjudged(&mut self, index: u32, at: Time) {
        match self.attempts.get_mut(index as usize) {
            Some(attempt) if attempt.hop_ask.is_none() => {
                attempt.state = State::Actual;
                self.start_timer(index, Timer::Silence, at);
            }
            _ => self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured)),
        }
    }

    /// WebKit takes a preflight whose body was cut short for a network error, Firefox any answer whose chunks are none.
    pub(super) fn on_end(&mut self, id: MessageId, state: BodyState, at: Time) {
        self.now = self.now.max(at);
        if id.request {
            return; // nothing waits for a request's body
        }
        if let Some((attempt, mut outcome)) = self.held.remove(&id) {
            let mut attempt = attempt;
            if goes_wrong(state) {
                body_cut(&mut attempt, &mut outcome, state);
            }
            self.finalise(attempt, &outcome);
            return;
        }
        if let Some(index) = self.bodies.remove(&id)
            && goes_wrong(state)
            && matches!(self.attempts.get(index as usize).map(|a| a.state), Some(State::Actual))
        {
            self.emit(index, &Outcome::undecided(Reason::PreflightUnanswered));
        }
    }

    /// Rows 1–11 of the credentials table (VERDICTS.md §1), but for 4 and 5, which the preflight settles.
    pub(super) fn infer_credentials(&mut self, index: u32, request: &Request, seen: &Classified) {
        let habit_key = seen.keys.page_and_target;
        let company = self.connections.company(request, seen);
        let cookie_known = |jar: &Jar, cross_site| jar.has(self.place(request, seen), cross_site, request.first.time);
        let head = &request.head;
        // what a browser sends on its own, no preflight asks for
        let authentication = head.first(Name::Authorization).is_some_and(fields::is_browser_authentication)
            && !self.cache.is_authorized(self.cache_key(seen));
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        if attempt.credentials != Credentials::Unknown
            && attempt.credentials_confidence == Confidence::Certain
            && !head.has(Name::Cookie)
        {
            if attempt.credentials == Credentials::Omitted {
                self.connections.on_credentials(request, seen, Credentials::Omitted);
            }
            return;
        }
        let authentication = authentication && !attempt.ask.as_ref().is_some_and(Ask::sets_authorization);
        let omitted_by_metadata = head.first(Name::SecFetchSite) == Some(b"cross-site")
            && browser::tells_storage_access(&seen.browser, seen.kind == Kind::Preflight);
        let (credentials, confidence) = if head.has(Name::Cookie) || head.has(Name::SecFetchStorageAccess) {
            (Credentials::Included, Confidence::Certain)
        } else if authentication {
            (Credentials::Included, Confidence::Probable)
        } else if head.first(Name::SecFetchDest) == Some(b"font") || omitted_by_metadata {
            (Credentials::Omitted, Confidence::Probable)
        } else if let Some(credentials) = company {
            (credentials, Confidence::Probable)
        } else if seen.site == Site::SameSite && cookie_known(&self.jar, false) {
            (Credentials::Omitted, Confidence::Probable)
        } else if seen.site == Site::CrossSite && cookie_known(&self.jar, true) {
            (Credentials::Omitted, Confidence::Possible)
        } else {
            return;
        };
        if let Some(attempt) = self.attempts.get_mut(index as usize) {
            attempt.credentials = credentials;
            attempt.credentials_confidence = confidence;
        }
        if confidence == Confidence::Certain || omitted_by_metadata {
            self.connections.on_credentials(request, seen, credentials);
        }
        if confidence >= Confidence::Probable
            && let Some(client) = self.classifier.clients.get(seen.client)
        {
            let included = credentials == Credentials::Included;
            if !included || confidence == Confidence::Certain {
                client.on_credentials(habit_key, included, request.first.time);
            }
        }
    }

    fn place(&self, request: &Request, seen: &Classified) -> u64 {
        let path = path_and_query(request.head.target());
        self.classifier.digest((seen.keys.agent_and_host, jar::first_segment(path)))
    }

    /// Remembers cookies that went along, and that were removed.
    pub(super) fn note_cookies(&mut self, request: &Request, response: Option<&Response>, seen: &Classified) {
        let sent = request.head.has(Name::Cookie);
        let removed = response.is_some_and(|r| r.head.set_cookies().iter().any(|c| c.removes));
        if !sent && !removed {
            return;
        }
        let place = self.place(request, seen);
        if removed {
            self.jar.on_removed(place);
        } else {
            let cross_site = seen.site == Site::CrossSite && seen.kind == Kind::Actual;
            self.jar.on_sent(place, cross_site, request.first.time);
        }
    }

    /// Whether this page has included credentials towards this target lately, and whether it does so more often than not.
    fn habits(&mut self, seen: &Classified) -> (bool, bool) {
        let (key, now) = (seen.keys.page_and_target, self.now);
        let client = self.classifier.clients.get(seen.client);
        client.map_or((false, false), |c| (c.habitually_includes(key, now), c.mostly_includes(key)))
    }
}

/// Rows 2 and 7a of the credentials table, for a preflight: `Sec-Fetch-Storage-Access` goes along only where credentials are included.
fn credentials_of_preflight(request: &Request, seen: &Classified) -> (Credentials, Confidence) {
    if request.head.has(Name::SecFetchStorageAccess) {
        (Credentials::Included, Confidence::Certain)
    } else if request.head.first(Name::SecFetchSite) == Some(b"cross-site")
        && browser::tells_storage_access(&seen.browser, true)
    {
        (Credentials::Omitted, Confidence::Probable)
    } else {
        (Credentials::Unknown, Confidence::Certain)
    }
}

/// The browser, or the proxy before it, may have read this answer otherwise than it stands here.
fn may_be_read_otherwise(response: &Response, seen: &Classified) -> bool {
    let Doubts { blanks, malformed, untidy, left, .. } = response.doubts;
    // WebKit's library on Linux drops a field with blanks around its value from HTTP/2, Chromium and Firefox the blanks
    let may_drop =
        blanks && seen.browser.family == Family::Safari && (seen.forwarded || response.version == Version::Http2);
    // who left before it came decided nothing
    malformed || left || may_drop || (seen.forwarded && (untidy || check::has_controls(&response.head)))
}

/// A redirect that a script may follow across origins.
fn may_cross(response: &Response, seen: &Classified) -> bool {
    let by_script = matches!(seen.mode, Mode::Cors | Mode::Unknown | Mode::SameOrigin) && seen.kind == Kind::NotCors;
    by_script && check::is_redirect(response) && browser::is_browser(seen.browser.family)
}

/// How sure it is that a request goes where it is led: a fetch may be told not to (`redirect: "manual"` hands the redirect to the page,
/// which is no refusal), unless it has followed already. Firefox says a priority with each fetch, and none with other requests of scripts.
pub(super) fn follows(followed: bool, request: &Request, family: Family) -> Confidence {
    let head = &request.head;
    let by_element = head.first(Name::SecFetchDest).is_some_and(|dest| dest != b"empty");
    let is_fetch = || family != Family::Firefox || fields::says_priority(head);
    if followed || by_element || !is_fetch() { Confidence::Certain } else { Confidence::Probable }
}

/// Whether it asks for a name that the browser itself may give (RFC 9110 §11.6.1).
fn challenges(response: &Response) -> bool {
    response.head.all(Name::WwwAuthenticate).any(fields::is_browser_authentication)
}

/// A browser gets less of a body than its framing says, and is told so.
fn goes_wrong(state: BodyState) -> bool {
    matches!(state, BodyState::CutByClose | BodyState::Malformed)
}
