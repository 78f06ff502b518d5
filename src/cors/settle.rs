//! Ends attempts: by silence, by the end of input, or by an answer; and hands the transactions out.

use std::cell::OnceCell;
use std::sync::Arc;

use super::answer::follows;
use super::attempt::{Attempt, Outcome, State, effect_of, leg, one};
use super::cause;
use super::classify::{Classified, is_tool};
use super::correlator::{Correlator, drop_slot};
use super::detail;
use super::origin::Origins;
use super::pair::{T_AGAIN_NS, T_AT_ONCE_NS};
use super::{ClientId, Observation};
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::findings::Look;
use crate::http::head::Name;
use crate::http::{NoAnswer, Request, Response};
use crate::index::TOGETHER;
use crate::packet::{MILLISECOND, SECOND, Time};
use crate::record::{
    Confidence, Credentials, Effect, MissingPreflight, Mode, Phase, PreflightLeg, PreflightState, Sink, Transaction,
    TransactionId, Verdict,
};

/// Least capture left after a preflight's answer for silence to count at its end.
const T_TAIL_NS: i64 = 2 * SECOND;
/// How long a verdict waits for the end of the answer's body, which may never come.
const T_BODY_NS: i64 = SECOND;
/// How long a refusal waits to be explained: what a target lets other pages do tells why not this one, and pages come together.
const T_EXPLAIN_NS: i64 = 800 * MILLISECOND;

/// What rules look at, in order: they and whoever else listens get it some messages later, many at a time.
#[derive(Debug)]
pub(super) enum Told {
    Observed(Observed),
    Transaction(Arc<Transaction>),
    /// For rules alone, which need no cause: they know of a refusal before whatever comes after it.
    Refused(Arc<Transaction>),
    /// The same, explained: for whoever listens beside them.
    Explained(Arc<Transaction>),
    /// A request without a sign of a page, which only a finding may ask for.
    Bystander(Arc<Transaction>),
}

/// A refusal whose cause may show a little later.
#[derive(Debug)]
pub(super) struct Unexplained {
    due: Time,
    client: ClientId,
    transaction: Arc<Transaction>,
}

/// A request with its answer, and what was made out about it at that time.
#[derive(Debug)]
pub(super) struct Observed {
    time: Time,
    request: Arc<Request>,
    response: Option<Arc<Response>>,
    no_answer: Option<NoAnswer>,
    seen: Arc<Classified>,
    credentials: Credentials,
    shared_address: bool,
    preflight_state: Option<PreflightState>,
    missing: Option<MissingPreflight>,
    transaction: Option<TransactionId>,
    sensor: u64,
    /// Path without query, once somebody asked.
    path: OnceCell<Box<str>>,
    /// No transaction tells of it.
    plain: bool,
}

impl Observed {
    fn view(&self) -> Observation<'_> {
        let seen = &*self.seen;
        Observation {
            time: self.time,
            request: &self.request,
            response: self.response.as_ref(),
            no_answer: self.no_answer,
            kind: seen.kind,
            client: seen.client,
            address: seen.address,
            forwarded: seen.forwarded,
            origin: seen.origin.as_ref().map(|o| &o.text),
            origin_parts: seen.origin_parts(),
            target: &seen.target,
            site: seen.site,
            mode: seen.mode,
            credentials: self.credentials,
            family: seen.browser.family,
            tool_signs: seen.tool_signs,
            shared_address: self.shared_address,
            preflight_state: self.preflight_state,
            missing: self.missing,
            transaction: self.transaction,
            sensor: self.sensor,
            path: &self.path,
        }
    }
}

impl Correlator {
    /// The preflight passes, at least without credentials, and nothing follows.
    pub(super) fn settle_silence(&mut self, index: u32, heard: bool) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let Some(ask) = &attempt.ask else { return };
        let client = attempt.seen.client;
        let answered = ask.request.first.time;
        if !ask.is_judged() {
            self.emit(index, &Outcome::undecided(Reason::ResponseNotCaptured));
            return;
        }
        let left = ask.response.as_ref().is_some_and(|answer| answer.doubts.left);
        let says_nothing =
            ask.judged.included.is_empty() || left || !heard || attempt.credentials == Credentials::Omitted;
        let reasons = ask.judged.included.clone();
        let shared = self.classifier.clients.is_shared(attempt.seen.keys.address);
        if says_nothing || self.lost_since(client, answered) {
            self.emit(index, &Outcome::undecided(Reason::ActualNotSeen));
            return;
        }
        if let Some(attempt) = self.attempts.get_mut(index as usize) {
            attempt.credentials = Credentials::Included;
            attempt.credentials_confidence = Confidence::Probable;
        }
        let confidence = if shared { Confidence::Possible } else { Confidence::Probable };
        self.emit(index, &Outcome::blocked(Phase::Preflight, reasons, confidence));
    }

    /// Packets of this client were lost since: silence says nothing.
    fn lost_since(&mut self, client: ClientId, since: Time) -> bool {
        self.classifier.clients.get(client).and_then(|c| c.lost_at).is_some_and(|lost| lost >= since)
    }

    pub(super) fn settle_redirect(&mut self, index: u32) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let (client, began) = (attempt.seen.client, attempt.first.first.time);
        let lost = self.lost_since(client, began);
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        let is_cors = attempt.seen.mode == Mode::Cors && attempt.seen.mode_confidence == Confidence::Certain;
        let outcome = if attempt.doomed && is_cors {
            let sure = follows(attempt.hops.len() > 1, &attempt.first, attempt.seen.browser.family);
            Outcome::blocked(Phase::Actual, one(Reason::RedirectContainsCredentials), sure)
        } else if attempt.doomed {
            Outcome::undecided(Reason::ModeUnknown)
        } else if let Some(ask) = &attempt.hop_ask {
            if ask.judged.included.is_empty() || lost {
                Outcome::undecided(Reason::ActualNotSeen)
            } else {
                Outcome::blocked(Phase::Preflight, ask.judged.included.clone(), Confidence::Probable)
            }
        } else if attempt.crossing.is_none() {
            Outcome::not_cors()
        } else if attempt.next_in_view {
            Outcome::undecided(Reason::RedirectNotFollowed)
        } else {
            Outcome::undecided(Reason::RedirectLeftView)
        };
        self.emit(index, &outcome);
    }

    pub(super) fn settle_unanswered(&mut self, index: u32) {
        let Some(attempt) = self.attempts.get(index as usize) else { return };
        if attempt.challenged {
            self.settle_challenged(index);
            return;
        }
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
        self.emit(index, &outcome);
    }

    /// Enough of the capture is left after the preflight's answer for silence to count.
    pub(super) fn heard_after_preflight(&mut self, index: u32) -> bool {
        let Some(attempt) = self.attempts.get(index as usize) else { return false };
        let Some(answered) = attempt.ask.as_ref().and_then(|a| a.response.as_ref()).map(|r| r.head_end.time) else {
            return false;
        };
        let client = attempt.seen.client;
        self.now.since(answered) >= T_TAIL_NS
            && self.classifier.clients.get(client).is_some_and(|c| c.last_seen > answered)
    }

    /// Takes note of a request that was answered, or will not be.
    #[allow(clippy::too_many_arguments)] // one call site each for answered and unanswered
    pub(super) fn observe(
        &mut self,
        request: &Arc<Request>,
        response: Option<&Arc<Response>>,
        no_answer: Option<NoAnswer>,
        seen: &Arc<Classified>,
        index: Option<u32>,
        at: Time,
        counters: &mut Counters,
    ) {
        let attempt = index.and_then(|i| self.attempts.get(i as usize));
        let credentials = if request.head.has(Name::Cookie) || request.head.has(Name::SecFetchStorageAccess) {
            Credentials::Included
        } else {
            attempt.map_or(Credentials::Unknown, |a| a.credentials)
        };
        let observed = Observed {
            time: at,
            request: request.clone(),
            response: response.cloned(),
            no_answer,
            seen: seen.clone(),
            credentials,
            shared_address: self.classifier.clients.is_shared(seen.keys.address),
            preflight_state: attempt.map(|a| a.preflight_state),
            missing: attempt.and_then(|a| a.missing),
            transaction: attempt.map(|a| a.id),
            sensor: self.sensor,
            path: OnceCell::new(),
            plain: index.is_none() && self.is_left_out(request, response, seen),
        };
        self.memory.on_observation(request, response.map(|r| &**r), seen, at, &mut counters.forgotten.causes);
        self.told.push(Told::Observed(observed));
    }

    /// Hands out what was decided since the last call, and lets the rules look at it.
    pub fn tell(&mut self, sink: &mut impl Sink, counters: &mut Counters) {
        let mut told = std::mem::take(&mut self.told);
        for one in &told {
            if let Told::Transaction(transaction) | Told::Explained(transaction) = one {
                sink.transaction(transaction);
            }
        }
        for some in told.chunks(TOGETHER) {
            self.look_on(some, sink, counters);
        }
        told.clear();
        self.told = told;
    }

    /// Lets the rules look at at most [`TOGETHER`].
    fn look_on(&mut self, told: &[Told], sink: &mut impl Sink, counters: &mut Counters) {
        let observed = told.iter().filter_map(|one| if let Told::Observed(one) = one { Some(one) } else { None });
        let views: Vec<Observation<'_>> = observed.map(Observed::view).collect();
        let looks: Vec<Look<'_>> = views.iter().map(|view| self.findings.look(view)).collect();
        self.findings.touch(&looks);
        let mut looks = looks.iter();
        for one in told {
            match one {
                Told::Observed(observed) => {
                    let Some(look) = looks.next() else { return };
                    let noted = self.findings.on_observation(look, sink, counters);
                    if noted && observed.plain {
                        let mut attempt = self.new_attempt(&observed.request, &observed.seen);
                        attempt.request = Some((observed.request.clone(), observed.seen.clone()));
                        attempt.response.clone_from(&observed.response);
                        let origins = &mut self.classifier.origins;
                        let request = transaction_of(attempt, &Outcome::not_cors(), None, origins);
                        sink.bystander(&Arc::new(request));
                    }
                }
                Told::Transaction(transaction) | Told::Refused(transaction) => {
                    self.findings.on_transaction(transaction, sink, counters);
                }
                Told::Explained(_) => {}
                Told::Bystander(request) => sink.bystander(request),
            }
        }
    }

    /// An answer's head has decided; its body may still go wrong.
    pub(super) fn decide(&mut self, index: u32, outcome: Outcome, by: &Response) {
        if self.held.len() >= self.waiting_max || !matches!(outcome.verdict, Verdict::Allowed | Verdict::Blocked) {
            self.emit(index, &outcome);
            return;
        }
        if let Some(attempt) = self.take(index) {
            self.holds.push_back((by.head_end.time.plus(T_BODY_NS), by.id));
            self.held.insert(by.id, (attempt, outcome));
        }
    }

    pub(super) fn emit(&mut self, index: u32, outcome: &Outcome) {
        let Some(attempt) = self.take(index) else { return };
        let worth = attempt.crossing.is_some() || self.is_worth_a_line(&attempt.first, &attempt.seen);
        if worth {
            self.finalise(attempt, outcome);
        } else {
            let request = transaction_of(attempt, outcome, None, &mut self.classifier.origins);
            self.told.push(Told::Bystander(Arc::new(request)));
        }
    }

    /// Takes an attempt out of the tables.
    pub(super) fn take(&mut self, index: u32) -> Option<Box<Attempt>> {
        let attempt = self.attempts.try_remove(index as usize)?;
        if let Some(ask) = attempt.ask.as_ref().filter(|_| attempt.request.is_none()) {
            drop_slot(&mut self.by_pair, ask.pair, index);
        }
        match attempt.state {
            State::Hop { .. } => {
                let key = self.redirect_key(&attempt.seen, attempt.next_url);
                drop_slot(&mut self.by_redirect, key, index);
            }
            State::Retry { preflight, .. } => {
                let request = if preflight {
                    attempt.hop_ask.as_deref().or(attempt.ask.as_ref()).map(|a| (&a.request, &a.seen))
                } else {
                    attempt.request.as_ref().map(|(r, s)| (r, s))
                };
                if let Some((request, seen)) = request {
                    let key = self.retry_key(seen, request);
                    drop_slot(&mut self.by_retry, key, index);
                }
            }
            State::PreflightAnswer | State::Actual | State::Answer => {}
        }
        Some(attempt)
    }

    /// The oldest verdict that waited for other requests.
    pub(super) fn settle_contested(&mut self) {
        let Some((_, mut attempt, outcome)) = self.contested.pop_front() else { return };
        if self.is_contested(&attempt) {
            attempt.floor = attempt.floor.min(Confidence::Probable);
        }
        self.finalise(attempt, &outcome);
    }

    /// The oldest refusal that waited for its request to come again.
    pub(super) fn settle_echo(&mut self) {
        let Some((_, mut attempt, outcome)) = self.echoes.pop_front() else { return };
        attempt.echo_awaited = true;
        if let Some((request, seen)) = &attempt.request {
            let own = request.first.time;
            let last = self.asked.peek(&self.echo_key(seen, request));
            attempt.again |= last.is_some_and(|&last| last > own && last.since(own) <= T_AGAIN_NS);
        }
        self.finalise(attempt, &outcome);
    }

    /// Builds the transaction and hands it out, a refusal perhaps a little later.
    pub(super) fn finalise(&mut self, mut attempt: Box<Attempt>, outcome: &Outcome) {
        if attempt.rivals_awaited.is_none()
            && outcome.confidence.min(attempt.floor) == Confidence::Certain
            && self.is_contested(&attempt)
        {
            if self.contested.len() < self.waiting_max {
                attempt.rivals_awaited = Some(self.now);
                self.contested.push_back((self.now.plus(T_AT_ONCE_NS), attempt, outcome.clone()));
                return;
            }
            attempt.floor = attempt.floor.min(Confidence::Probable);
        }
        let effect = effect_of(&attempt, outcome);
        if effect == Some(Effect::None) && !attempt.echo_awaited && self.echoes.len() < self.waiting_max {
            self.echoes.push_back((self.now.plus(T_AGAIN_NS), attempt, outcome.clone()));
            return;
        }
        let client = attempt.seen.client;
        let challenged_at = attempt.response.as_ref().filter(|_| attempt.challenged).map(|r| r.head_end.time);
        let waits_since = challenged_at.or(attempt.rivals_awaited);
        let origins = &mut self.classifier.origins;
        let mut transaction = transaction_of(attempt, outcome, effect, origins);
        let waits = cause::rests_on_others(&transaction);
        if waits && self.unexplained.len() < self.unexplained_max {
            // what a challenge or other requests were waited for counts: whoever looks at the database waits two seconds at most
            let from = waits_since.unwrap_or(self.now);
            let (due, transaction) = (from.plus(T_EXPLAIN_NS), Arc::new(transaction));
            self.told.push(Told::Refused(Arc::clone(&transaction)));
            let place = self.unexplained.partition_point(|other| other.due <= due);
            self.unexplained.insert(place, Unexplained { due, client, transaction });
        } else {
            self.hints_forgotten += u64::from(waits);
            cause::fill(&mut transaction, &self.memory, origins, client, self.now);
            self.told.push(Told::Transaction(Arc::new(transaction)));
        }
    }

    /// Explains the refusals that have waited until now.
    pub(super) fn explain_due(&mut self) {
        while self.unexplained.front().is_some_and(|first| first.due <= self.now) {
            self.explain_first();
        }
    }

    pub(super) fn explain_first(&mut self) {
        let Some(Unexplained { client, mut transaction, .. }) = self.unexplained.pop_front() else { return };
        let origins = &mut self.classifier.origins;
        cause::fill(Arc::make_mut(&mut transaction), &self.memory, origins, client, self.now);
        self.told.push(Told::Explained(transaction));
    }
}

/// What came of an attempt, but for the mistake behind it.
#[allow(clippy::boxed_local)] // what it is made of moves on one by one
fn transaction_of(
    attempt: Box<Attempt>,
    outcome: &Outcome,
    effect: Option<Effect>,
    origins: &mut Origins,
) -> Transaction {
    let attempt = *attempt;
    let seen = &attempt.seen;
    // a chain that began at the page's own origin is reported with the first target across
    let across = attempt.crossing.as_ref().unwrap_or(seen);
    let mut confidence = outcome.confidence.min(attempt.floor);
    if outcome.verdict == Verdict::NotCors {
        confidence = seen.mode_confidence;
    }
    let blocked_at_preflight = outcome.verdict == Verdict::Blocked && outcome.phase == Some(Phase::Preflight);
    let hop_ask = attempt.hop_ask.filter(|_| blocked_at_preflight).map(|ask| *ask);
    let preflight = hop_ask.or(attempt.ask).map(|ask| {
        let verdict = if blocked_at_preflight {
            Verdict::Blocked
        } else if ask.response.is_none() {
            Verdict::Undecided
        } else {
            Verdict::Allowed
        };
        PreflightLeg {
            leg: leg(&ask.request, ask.response.as_ref(), verdict),
            requested_method: ask.method,
            requested_headers: ask.names,
            because: attempt.because,
        }
    });
    let actual = attempt.request.as_ref().map(|(request, _)| {
        let verdict = match outcome.verdict {
            Verdict::Blocked if blocked_at_preflight => Verdict::Allowed,
            verdict => verdict,
        };
        leg(request, attempt.response.as_ref(), verdict)
    });
    let reason = outcome.reasons.first().copied();
    let mut transaction = Transaction {
        id: attempt.id,
        time: attempt.first.first.time,
        client: attempt.first.peer,
        forwarded_for: seen.forwarded.then_some(seen.address),
        server: attempt.first.server,
        origin: attempt.page_origin.as_ref().or(seen.origin.as_ref()).map(|o| o.text.clone()),
        target_origin: across.target.origin.clone(),
        path: attempt.path,
        method: (&*attempt.method).into(),
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
    transaction.detail = detail::of(&transaction, attempt.note, is_tool(seen), origins);
    transaction
}
