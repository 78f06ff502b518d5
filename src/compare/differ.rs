//! What differs between an answer as the server sent it and as the browser got it, and what that means.

use std::borrow::Cow;

use super::pairs::{Behind, says_hit};
use super::vantage::{Exchange, Vantage};
use super::{Change, Compared, Impact, Part, Side, Source, Way, What};
use crate::catalog::Reason;
use crate::cors::browser::browser_of;
use crate::cors::check::{Asked, Reader, covered, judge_actual, judge_preflight};
use crate::cors::fields::{list_items, quoted, requested_names};
use crate::http::Response;
use crate::http::head::{Head, Name};
use crate::record::{Confidence, Credentials, Family, Verdict};

/// Fields of an answer that CORS reads.
pub(super) const RESPONSE_FIELDS: &[Name] = &[
    Name::AcAllowOrigin,
    Name::AcAllowCredentials,
    Name::AcAllowMethods,
    Name::AcAllowHeaders,
    Name::AcExposeHeaders,
    Name::AcMaxAge,
    Name::AcAllowPrivateNetwork,
    Name::AcAllowLocalNetwork,
    Name::Vary,
];
/// Fields of a request that a server's CORS reads.
const REQUEST_FIELDS: &[Name] = &[Name::Origin, Name::AcRequestMethod, Name::AcRequestHeaders];

/// Why the browser refuses an answer, where it went without credentials and with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Judgement {
    /// Under what is known of the credentials.
    reason: Option<Reason>,
    /// Were they included; differs from `reason` only where they are unknown.
    included: Option<Reason>,
}

const PASSES: Judgement = Judgement { reason: None, included: None };

/// Holds an exchange against its counterpart.
pub(super) fn differ<'a>(front: &'a Exchange, behind: &Behind, back: &'a Vantage) -> Compared<'a> {
    let judged = judge(front, front.response.as_deref());
    let mut compared = Compared {
        front,
        back: None,
        source: Source::Unknown,
        refused: judged.reason,
        fault: None,
        changes: Vec::new(),
    };
    match *behind {
        Behind::Pair { back: place, confidence } => {
            compared.back = back.exchanges.get(place);
            compared.source = Source::Behind;
            if let Some(behind) = compared.back {
                compared.changes = of_pair(front, behind, judged, confidence);
            }
        }
        Behind::Cached { source, confidence } => {
            compared.back = source.and_then(|place| back.exchanges.get(place));
            compared.source = Source::Cache;
            compared.changes = of_cached(front, compared.back, judged, confidence);
        }
        Behind::Nothing { confidence } => {
            compared.source = Source::Box;
            compared.changes.extend(answered_itself(front, judged, confidence));
        }
        Behind::Passed => {
            compared.source = Source::Behind;
            compared.changes.extend(passed_there(judged));
        }
        Behind::OutOfView => {}
    }
    let may_be_refused = judged.reason.is_some() || compared.changes.iter().any(|c| c.impact == Impact::MayBlock);
    compared.fault = may_be_refused.then(|| fault_of(&compared));
    compared
}

/// Whose doing it is that the browser refuses this answer.
fn fault_of(compared: &Compared<'_>) -> Side {
    let blocking = compared.changes.iter().filter(|c| matches!(c.impact, Impact::Blocks | Impact::MayBlock));
    match (blocking.map(|c| c.side).min(), compared.source) {
        (Some(side), _) => side,
        (None, Source::Behind | Source::Cache) => Side::Origin,
        (None, Source::Box) => Side::Between,
        (None, Source::Unknown) => Side::Unknown,
    }
}

/// What the browser makes of an answer to this request (VERDICTS.md §4), be it the one that it got or the one that was sent.
fn judge(front: &Exchange, answer: Option<&Response>) -> Judgement {
    let Some(answer) = answer else { return PASSES };
    let request = &front.request.head;
    let Some(origin) = request.first(Name::Origin) else { return PASSES };
    let judged = front.judged.as_ref();
    if judged.is_some_and(|j| j.verdict == Verdict::NotCors) {
        return PASSES;
    }
    let mut browser = browser_of(request);
    browser.family = judged.map_or(Family::Unknown, |j| j.family);
    let reader = Reader::of(&browser, request, judged.is_some_and(|j| j.forwarded));
    let names = requested_names(request);
    let failures = match request.first(Name::AcRequestMethod) {
        Some(method) if front.is_preflight() => {
            let asked = Asked { origin, method, names: &names };
            judge_preflight(answer, &asked, covered(&answer.head, &asked), reader, false)
        }
        // an answer out of the browser's own store is judged by what is stored there
        _ if answer.status == 304 => return PASSES,
        _ => judge_actual(&answer.head, origin, reader),
    };
    let check = |included: bool| if included { &failures.included } else { &failures.omitted }.first().copied();
    let needs_credentials = |r: Reason| matches!(r, Reason::MissingAllowCredentials | Reason::WildcardWithCredentials);
    match judged.map(|j| j.credentials) {
        Some(Credentials::Included) => Judgement { reason: check(true), included: check(true) },
        Some(Credentials::Omitted) => Judgement { reason: check(false), included: check(false) },
        Some(Credentials::Unknown) | None => {
            // refused for want of a grant: then they were included
            let included = judged.and_then(|j| j.reason).is_some_and(needs_credentials);
            Judgement { reason: check(included), included: check(true) }
        }
    }
}

fn of_pair(front: &Exchange, back: &Exchange, judged: Judgement, confidence: Confidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let Some(answer) = &front.response else { return changes };
    for name in REQUEST_FIELDS {
        changes.extend(field(*name, &front.request.head, &back.request.head, Way::Request, confidence));
    }
    let sent = back.response.as_deref();
    if let Some(sent) = sent {
        changes.extend(of_answers(answer, sent, confidence));
    }
    let there = judge(front, sent);
    for change in &mut changes {
        change.impact = match change.way {
            Way::Response => impact(change.part, judged, there),
            // what the server would have answered to the request as the browser sent it, nobody knows
            Way::Request if judged.reason.is_some() && there.reason.is_some() => Impact::Blocks,
            Way::Request => Impact::None,
        };
        if change.way == Way::Request && change.impact == Impact::Blocks {
            change.confidence = change.confidence.min(Confidence::Probable);
        }
    }
    if changes.iter().all(|c| c.impact == Impact::None) {
        // the box replaced the answer: it is one change, whichever field decides
        let overall = overall(judged, there);
        if overall >= Impact::Repairs {
            for change in changes.iter_mut().filter(|c| c.way == Way::Response) {
                change.impact = overall;
            }
        }
    }
    changes
}

/// Fields and status of one answer, as sent and as it arrived.
fn of_answers(front: &Response, back: &Response, confidence: Confidence) -> Vec<Change> {
    let mut changes = Vec::new();
    if front.status == 304 || back.status == 304 {
        // says nothing but "as before"
        return changes;
    }
    if front.status != back.status {
        changes.push(Change {
            part: Part::Status,
            what: What::Changed,
            side: Side::Between,
            way: Way::Response,
            front: Some(front.status.to_string()),
            back: Some(back.status.to_string()),
            impact: Impact::None,
            confidence,
            note: format!("the server answered {}, the browser got {}", back.status, front.status),
        });
    }
    for name in RESPONSE_FIELDS {
        changes.extend(field(*name, &front.head, &back.head, Way::Response, confidence));
    }
    changes
}

fn of_cached(front: &Exchange, source: Option<&Exchange>, judged: Judgement, confidence: Confidence) -> Vec<Change> {
    let Some(answer) = &front.response else { return Vec::new() };
    let stored = source.and_then(|s| s.response.as_deref());
    let mut changes = stored.map_or_else(Vec::new, |stored| of_answers(answer, stored, confidence));
    // Judged as what it was made for: did the box, storing it, take something away?
    let there = stored.map_or(PASSES, |stored| judge(front, Some(stored)));
    for change in &mut changes {
        change.impact = impact(change.part, judged, there);
    }
    let asked = front.request.head.first(Name::Origin);
    let made_for = source.map(|s| s.request.head.first(Name::Origin));
    let concerns_origin = judged.reason.is_some_and(|r| part_of(r) == Some(Part::Field(Name::AcAllowOrigin)));
    if !concerns_origin || made_for == Some(asked) {
        return changes;
    }
    let head = stored.map_or(&answer.head, |s| &s.head);
    let forbidden = says_vary_origin(head) || says_private(head);
    let side = match (forbidden, source) {
        (true, _) => Side::Between,
        (false, Some(_)) => Side::Origin,
        (false, None) => Side::Unknown,
    };
    let part = Part::Field(if side == Side::Origin { Name::Vary } else { Name::AcAllowOrigin });
    let made_for_text = match made_for {
        Some(Some(origin)) => format!("a request from {}", quoted(origin)),
        Some(None) => "a request without Origin".to_owned(),
        None => "an earlier request, not in view".to_owned(),
    };
    let why = match side {
        Side::Between => "its Vary or Cache-Control forbids that, and the cache's key ignores it",
        Side::Origin => "the server's answer lacks Vary: Origin, so a cache may do that",
        Side::Unknown => "whether the server sent Vary: Origin was not seen",
    };
    let shown = |head: &Head, name: Name| head.joined(name).map(|v| quoted(&v).into_owned());
    let name = if side == Side::Origin { Name::Vary } else { Name::AcAllowOrigin };
    changes.push(Change {
        part,
        what: What::ServedForOtherOrigin,
        side,
        way: Way::Response,
        front: shown(&answer.head, name),
        back: stored.and_then(|s| shown(&s.head, name)),
        impact: Impact::Blocks,
        confidence,
        note: format!("answered from a cache with what was made for {made_for_text}: {why}"),
    });
    changes
}

fn answered_itself(front: &Exchange, judged: Judgement, confidence: Confidence) -> Option<Change> {
    let answer = front.response.as_ref()?;
    let not_cors = front.judged.as_ref().is_some_and(|j| j.verdict == Verdict::NotCors);
    // A box may well serve a file itself: only where CORS fails, or the preflight is taken from the server, it matters.
    if not_cors || (judged.reason.is_none() && !front.is_preflight()) {
        return None;
    }
    let part = judged.reason.and_then(part_of).unwrap_or(Part::Field(Name::AcAllowOrigin));
    let value = match part {
        Part::Status => Some(answer.status.to_string()),
        Part::Field(name) => answer.head.joined(name).map(|v| quoted(&v).into_owned()),
    };
    let what = if front.is_preflight() { "the preflight" } else { "the request" };
    let cache = if says_hit(&answer.head) { " (it says: from a cache)" } else { "" };
    let note = match judged.reason {
        Some(reason) => format!(
            "{what} never reached the server: {} came from the box{cache}, and the browser refuses it ({reason})",
            answer.status
        ),
        None => format!("{what} never reached the server: {} came from the box{cache}", answer.status),
    };
    Some(Change {
        part,
        what: What::AnsweredItself,
        side: Side::Between,
        way: Way::Response,
        front: value,
        back: None,
        impact: if judged.reason.is_some() { Impact::Blocks } else { Impact::None },
        confidence,
        note,
    })
}

/// Of the server's side only counts are recorded: its answers to such requests passed.
fn passed_there(judged: Judgement) -> Option<Change> {
    let reason = judged.reason?;
    Some(Change {
        part: part_of(reason).unwrap_or(Part::Status),
        what: What::Changed,
        side: Side::Between,
        way: Way::Response,
        front: None,
        back: None,
        impact: Impact::Blocks,
        confidence: Confidence::Possible,
        note: format!("refused in front ({reason}), while such requests passed behind in that hour"),
    })
}

/// How one field of a message differs; none where no browser and no server could tell.
fn field(name: Name, front: &Head, back: &Head, way: Way, confidence: Confidence) -> Option<Change> {
    let (arrived, sent) = (values(front, name), values(back, name));
    // the one side that the message came from
    let (before, after) = match way {
        Way::Request => (&arrived, &sent),
        Way::Response => (&sent, &arrived),
    };
    if before.sorted() == after.sorted() {
        return None;
    }
    let what = match (before.items.is_empty(), after.items.is_empty()) {
        (false, true) => What::Stripped,
        (true, false) => What::Added,
        _ if after.distinct() == before.distinct() && after.items.len() < before.items.len() => return None,
        _ if name != Name::Vary
            && after.holds(before)
            && (is_single(name) || after.distinct() == before.distinct()) =>
        {
            What::Doubled
        }
        _ if name == Name::Vary && before.holds(after) => What::Stripped,
        _ if name == Name::Vary && after.holds(before) => What::Added,
        _ => What::Changed,
    };
    let shown = |head: &Head| head.joined(name).map(|v| quoted(&v).into_owned());
    let (shown_front, shown_back) = (shown(front), shown(back));
    let note = match (what, way) {
        (What::Stripped, Way::Response) => format!("the server sent {}, the browser did not get it", name.text()),
        (What::Stripped, Way::Request) => format!("the browser sent {}, the server did not get it", name.text()),
        (What::Added, Way::Response) => format!("the server sent no {}, the browser got one", name.text()),
        (What::Added, Way::Request) => format!("the browser sent no {}, the server got one", name.text()),
        (What::Doubled, _) => format!("the box adds its own {} to the server's", name.text()),
        _ => format!("{} was rewritten on the way", name.text()),
    };
    let note = if name == Name::Vary && what == What::Stripped {
        format!("{note}: a cache in front may serve this answer to another origin")
    } else {
        note
    };
    Some(Change {
        part: Part::Field(name),
        what,
        side: Side::Between,
        way,
        front: shown_front,
        back: shown_back,
        impact: Impact::None,
        confidence,
        note,
    })
}

/// One value, whatever commas it holds.
fn is_single(name: Name) -> bool {
    matches!(
        name,
        Name::AcAllowOrigin
            | Name::AcAllowCredentials
            | Name::AcMaxAge
            | Name::AcAllowPrivateNetwork
            | Name::AcAllowLocalNetwork
            | Name::Origin
            | Name::AcRequestMethod
    )
}

/// A field's items: how they are spread over lines does not matter.
struct Values {
    items: Vec<Vec<u8>>,
}

impl Values {
    fn sorted(&self) -> Vec<&[u8]> {
        let mut all: Vec<&[u8]> = self.items.iter().map(Vec::as_slice).collect();
        all.sort_unstable();
        all
    }

    fn distinct(&self) -> Vec<&[u8]> {
        let mut all = self.sorted();
        all.dedup();
        all
    }

    fn holds(&self, other: &Values) -> bool {
        other.items.iter().all(|item| self.items.contains(item))
    }
}

fn values(head: &Head, name: Name) -> Values {
    let Some(joined) = head.joined(name) else { return Values { items: Vec::new() } };
    let folded = |v: &[u8]| match name {
        Name::AcAllowHeaders | Name::AcExposeHeaders | Name::AcRequestHeaders | Name::Vary => v.to_ascii_lowercase(),
        _ => v.to_vec(),
    };
    let mut items: Vec<Vec<u8>> = list_items(&joined).filter(|i| !i.is_empty()).map(folded).collect();
    if name == Name::Vary {
        // Compression adds Accept-Encoding, and rightly so: only what tells origins apart counts.
        let any = items.iter().any(|i| i == b"*");
        items.retain(|i| matches!(i.as_slice(), b"*" | b"origin") || i.starts_with(b"access-control-request-"));
        if any {
            items = vec![b"*".to_vec()];
        }
    }
    if items.is_empty() && name != Name::Vary && !is_list(name) {
        // an empty value is a value
        items.push(Vec::new());
    }
    Values { items }
}

fn is_list(name: Name) -> bool {
    !is_single(name)
}

fn says_vary_origin(head: &Head) -> bool {
    let vary = head.joined(Name::Vary).unwrap_or(Cow::Borrowed(b""));
    list_items(&vary).any(|item| item == b"*" || item.eq_ignore_ascii_case(b"origin"))
}

fn says_private(head: &Head) -> bool {
    let control = head.joined(Name::CacheControl).unwrap_or(Cow::Borrowed(b""));
    list_items(&control).any(|item| item.eq_ignore_ascii_case(b"private") || item.eq_ignore_ascii_case(b"no-store"))
}

/// The part of an answer that a reason speaks of.
fn part_of(reason: Reason) -> Option<Part> {
    let name = match reason {
        Reason::MissingAllowOrigin
        | Reason::WildcardWithCredentials
        | Reason::MultipleAllowOrigin
        | Reason::InvalidAllowOrigin
        | Reason::AllowOriginMismatch => Name::AcAllowOrigin,
        Reason::MissingAllowCredentials => Name::AcAllowCredentials,
        Reason::InvalidAllowMethods | Reason::MethodNotAllowed => Name::AcAllowMethods,
        Reason::InvalidAllowHeaders | Reason::HeaderNotAllowed => Name::AcAllowHeaders,
        Reason::PrivateNetworkNotAllowed => Name::AcAllowPrivateNetwork,
        Reason::PreflightStatus | Reason::PreflightRedirect => return Some(Part::Status),
        _ => return None,
    };
    Some(Part::Field(name))
}

/// What the browser got against what it would have got.
fn overall(front: Judgement, back: Judgement) -> Impact {
    match (front.reason, back.reason) {
        (Some(_), None) => Impact::Blocks,
        (None, Some(_)) => Impact::Repairs,
        (Some(a), Some(b)) if a != b => Impact::ChangesReason,
        (None, None) if front.included.is_some() && back.included.is_none() => Impact::MayBlock,
        (Some(_), Some(_)) | (None, None) => Impact::None,
    }
}

/// The overall impact, for the part that it comes from.
fn impact(part: Part, front: Judgement, back: Judgement) -> Impact {
    let overall = overall(front, back);
    let decides = |reason: Option<Reason>| reason.and_then(part_of) == Some(part);
    let concerned = match overall {
        Impact::MayBlock => decides(front.included),
        Impact::None => false,
        _ => decides(front.reason) || decides(back.reason),
    };
    if concerned { overall } else { Impact::None }
}
