//! One page script's attempt, while it goes on, and what it came to.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use super::cache::Permission;
use super::check::{Failures, Judged};
use super::classify::Classified;
use super::detail;
use super::fields::is_simple_method;
use super::origin::{Origin, printable};
use crate::catalog::Reason;
use crate::http::{BodyState, HeadState, Request, Response};
use crate::memo::Memo;
use crate::packet::Time;
use crate::record::{
    Confidence, Credentials, Effect, Family, Hop, Leg, MissingPreflight, Phase, PreflightState, TransactionId, Verdict,
};

/// A preflight and what its answer came to.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) request: Arc<Request>,
    pub(super) seen: Arc<Classified>,
    pub(super) response: Option<Arc<Response>>,
    /// The key under which its request looks for it.
    pub(super) pair: u64,
    pub(super) method: Cow<'static, str>,
    pub(super) names: Arc<[String]>,
    pub(super) judged: Judged,
    /// Its answer passes only without credentials, and this was allowed before: should it not have passed, what follows may go by this.
    pub(super) before: Option<Permission>,
}

impl Ask {
    /// Its answer is known as far as it decides.
    pub(super) fn is_judged(&self) -> bool {
        self.response.as_ref().is_some_and(|r| r.head_state != HeadState::CutByCapture)
    }

    /// The script sets `Authorization`.
    pub(super) fn sets_authorization(&self) -> bool {
        self.names.iter().any(|name| name == "authorization")
    }
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A preflight was sent.
    PreflightAnswer,
    /// The preflight passes (at least without credentials), or its answer was lost: the actual must come.
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
pub(super) struct Attempt {
    pub(super) generation: u32,
    pub(super) id: TransactionId,
    pub(super) first: Arc<Request>,
    pub(super) seen: Arc<Classified>,
    pub(super) method: Cow<'static, str>,
    pub(super) path: Arc<str>,
    pub(super) state: State,
    /// The page's origin, once a hop has told it.
    pub(super) page_origin: Option<Arc<Origin>>,
    /// The first cross-origin hop: from there on CORS decides.
    pub(super) crossing: Option<Arc<Classified>>,
    pub(super) ask: Option<Ask>,
    pub(super) hop_ask: Option<Box<Ask>>,
    pub(super) preflight_state: PreflightState,
    pub(super) because: Arc<[String]>,
    pub(super) request: Option<(Arc<Request>, Arc<Classified>)>,
    pub(super) response: Option<Arc<Response>>,
    pub(super) hops: Vec<Hop>,
    /// URL (digest), method of the hop that a redirect asks for, and whether its host was seen here.
    pub(super) next_url: u64,
    pub(super) next_method: Option<Cow<'static, str>>,
    pub(super) next_in_view: bool,
    /// The redirect leads to a URL with a user name: whatever comes of it in cors mode, it is refused.
    pub(super) doomed: bool,
    pub(super) credentials: Credentials,
    pub(super) credentials_confidence: Confidence,
    /// The redirect's answer passes only without credentials.
    pub(super) redirect_needs_omitted: Option<Reason>,
    /// What is inferred lowers the confidence to this.
    pub(super) floor: Confidence,
    /// Why its preflight is missing, where something tells.
    pub(super) missing: Option<MissingPreflight>,
    /// A sentence for `detail`.
    pub(super) note: Option<&'static str>,
    /// The same request came within seconds before or after it.
    pub(super) again: bool,
    /// Since when the requests of preflights that were asked together with its own are, or were, waited for.
    pub(super) rivals_awaited: Option<Time>,
    /// It was waited for the same request to come again.
    pub(super) echo_awaited: bool,
    /// Its answer asks who it is: a browser that knows asks again by itself, below CORS.
    pub(super) challenged: bool,
}

impl Attempt {
    /// When its last request was sent.
    pub(super) fn asked_last(&self) -> Time {
        let asked = self.hop_ask.as_deref().map(|ask| &ask.request);
        let sent =
            asked.or(self.request.as_ref().map(|(request, _)| request)).or(self.ask.as_ref().map(|a| &a.request));
        sent.unwrap_or(&self.first).first.time
    }
}

#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) seen: Arc<Classified>,
    pub(super) attempt: Option<u32>,
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) phase: Option<Phase>,
    pub(super) reasons: Failures,
    pub(super) confidence: Confidence,
}

impl Outcome {
    pub(super) fn allowed(confidence: Confidence) -> Self {
        Outcome { verdict: Verdict::Allowed, phase: None, reasons: Failures::new(), confidence }
    }

    pub(super) fn undecided(reason: Reason) -> Self {
        let reasons = std::iter::once(reason).collect();
        Outcome { verdict: Verdict::Undecided, phase: None, reasons, confidence: Confidence::Possible }
    }

    pub(super) fn blocked(phase: Phase, reasons: Failures, confidence: Confidence) -> Self {
        Outcome { verdict: Verdict::Blocked, phase: Some(phase), reasons, confidence }
    }

    pub(super) fn not_cors() -> Self {
        Outcome { verdict: Verdict::NotCors, phase: None, reasons: Failures::new(), confidence: Confidence::Certain }
    }
}

/// Attempts under one key.
pub(super) type Slots = SmallVec<[u32; 2]>;

pub(super) fn one(reason: Reason) -> Failures {
    std::iter::once(reason).collect()
}

/// A method as text.
pub(super) fn text(method: &[u8]) -> Cow<'static, str> {
    const USUAL: [&str; 7] = ["GET", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "HEAD"];
    match USUAL.iter().find(|usual| usual.as_bytes() == method) {
        Some(usual) => (*usual).into(),
        None => printable(method).into(),
    }
}

/// What requests ask for and why, shared by all that tell of it: most ask for the same.
#[derive(Debug)]
pub(super) struct Lists {
    known: Memo<Arc<[String]>>,
}

/// Lists remembered; a power of two.
const LISTS_MAX: usize = 1024;
/// Longer ones are not, in bytes.
const LIST_BYTES_MAX: usize = 512;

impl Lists {
    pub(super) fn new() -> Self {
        Lists { known: Memo::new(LISTS_MAX) }
    }

    /// The list that `key` stands for, made by `make` where it is not known.
    pub(super) fn of(&mut self, key: u64, make: impl FnOnce() -> Vec<String>) -> Arc<[String]> {
        if let Some(list) = self.known.get(key) {
            return list.clone();
        }
        let list: Arc<[String]> = make().into();
        if list.iter().map(String::len).sum::<usize>() <= LIST_BYTES_MAX {
            self.known.put(key, list.clone());
        }
        list
    }
}

/// Why the browser asked, from what it asks for; the actual request tells the content type later.
pub(super) fn because_of_preflight(method: &str, names: &[String]) -> Vec<String> {
    let mut reasons = Vec::new();
    if !is_simple_method(method.as_bytes()) {
        reasons.push(["method ", method].concat());
    }
    reasons.extend(names.iter().map(|name| ["header ", &*detail::word(name)].concat()));
    reasons
}

/// The answer's sender closed in the midst of its body, or what it sent as chunks is none.
pub(super) fn body_cut(attempt: &mut Attempt, outcome: &mut Outcome, state: BodyState) {
    let family = attempt.seen.browser.family;
    let webkit = family == Family::Safari;
    // bad chunks mostly come with their head, and Firefox meets them before it looks at the fields
    let unread = family == Family::Firefox && state == BodyState::Malformed;
    let at_preflight = outcome.phase == Some(Phase::Preflight);
    if outcome.verdict == Verdict::Allowed {
        // a fetch has its answer already, an XMLHttpRequest fails
        outcome.confidence = outcome.confidence.min(Confidence::Possible);
    } else if (at_preflight && webkit) || unread || attempt.seen.forwarded {
        // WebKit takes a preflight cut short for a network error; a proxy in front may reset the browser's leg
        let reason = if at_preflight { Reason::PreflightUnanswered } else { Reason::ActualUnanswered };
        *outcome = Outcome::undecided(reason);
    }
    attempt.note = Some(match state {
        BodyState::Malformed => "body_incomplete: the answer's chunks are malformed",
        _ => "body_incomplete: the answer was cut short",
    });
}

pub(super) fn leg(request: &Arc<Request>, response: Option<&Arc<Response>>, verdict: Verdict) -> Leg {
    Leg {
        time: request.first.time,
        status: response.map(|r| r.status),
        verdict,
        duration_ns: response.map(|r| r.head_end.time.since(request.first.time)),
        request: request.clone(),
        response: response.cloned(),
    }
}

/// Methods that ask for nothing to be done (RFC 9110 §9.2.1).
pub(super) fn is_safe_method(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE")
}

/// Did a blocked unsafe request act on the server? (CONTRACT.md `effect`)
pub(super) fn effect_of(attempt: &Attempt, outcome: &Outcome) -> Option<Effect> {
    if outcome.verdict != Verdict::Blocked || outcome.phase != Some(Phase::Actual) {
        return None;
    }
    if is_safe_method(attempt.method.as_bytes()) {
        return None;
    }
    // an unsafe first hop that was answered 303 has done its work
    if attempt.hops.first().is_some_and(|hop| hop.status == Some(303)) {
        return Some(Effect::Taken);
    }
    Some(match attempt.response.as_ref().map(|r| r.status) {
        Some(200..=299) => Effect::Taken,
        Some(500..=599) | None => Effect::Possible,
        Some(_) if attempt.again => Effect::Possible,
        Some(_) => Effect::None,
    })
}

/// Why a preflight is missing, in words.
pub(super) fn missing_note(missing: Option<MissingPreflight>) -> &'static str {
    match missing {
        None => "its preflight was not seen",
        Some(MissingPreflight::CapturedTooLate) => {
            "its preflight was not seen: this client came into view too lately to tell"
        }
        Some(MissingPreflight::Lost) => "its preflight was not seen: packets of this client were lost",
        Some(MissingPreflight::AnsweredElsewhere) => "its preflight was not seen: none for this host comes by here",
        Some(MissingPreflight::Expired) => {
            "its preflight was not seen, and the one that was seen before has lapsed or does not cover it"
        }
        Some(MissingPreflight::NotABrowser) => "sent without the preflight that a browser sends",
        Some(MissingPreflight::Forgotten) => "its preflight was seen and forgotten under a cap: missing (forgotten)",
    }
}
