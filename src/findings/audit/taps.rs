//! Two taps of one flow: what lies between them took CORS fields away (VERDICTS.md §6 "Two taps").

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Report, Source};
use crate::findings::facts::Seen;
use crate::http::head::{Head, Name};
use crate::http::{Request, Response};
use crate::packet::{MILLISECOND, Time};
use crate::record::Confidence;

/// Requests of one page's call are seen on both sides within so long.
const NEAR_NS: i64 = 50 * MILLISECOND;
/// An answer from upstream waits so long for the one on the client's side.
const KEPT_NS: i64 = 2000 * MILLISECOND;
/// Answers kept.
const KEPT_MAX: usize = 256;

const COMPARED: [Name; 7] = [
    Name::AcAllowOrigin,
    Name::AcAllowCredentials,
    Name::AcAllowMethods,
    Name::AcAllowHeaders,
    Name::AcExposeHeaders,
    Name::AcMaxAge,
    Name::Vary,
];

/// One leg of a call, with no more of its heads than is compared: whole ones, of so many, would turn the memory that heads are made in
/// over too slowly to stay near the processor.
#[derive(Debug)]
struct Kept {
    at: Time,
    call: u64,
    /// The number of the one before of this call.
    before: Option<u64>,
    named: bool,
    sent: Time,
    peer: IpAddr,
    server: IpAddr,
    /// `X-Forwarded-For`, then what the answer said in each of [`COMPARED`], one behind the other; where each ends.
    texts: Box<[u8]>,
    ends: [u32; COMPARED.len() + 1],
    /// Which of [`COMPARED`] there are: a bit for each.
    said: u8,
    varies: bool,
}

impl Kept {
    /// `before`: see the field.
    fn of(
        seen: &Seen<'_>,
        response: &Response,
        (call, named): (u64, bool),
        before: Option<u64>,
        texts: &mut Vec<u8>,
    ) -> Self {
        let request = &**seen.o.request;
        texts.clear();
        let mut ends = [0; COMPARED.len() + 1];
        let mut said = 0;
        let end_of = |texts: &[u8]| u32::try_from(texts.len()).unwrap_or(u32::MAX);
        if let Some(addresses) = request.head.joined(Name::XForwardedFor) {
            texts.extend_from_slice(&addresses);
        }
        ends[0] = end_of(texts);
        let firsts = firsts_of(&response.head);
        for (nth, name) in COMPARED.iter().enumerate() {
            match firsts[nth] {
                First::Absent => {}
                First::Only(value) => {
                    texts.extend_from_slice(value);
                    said |= 1 << nth;
                }
                First::OfSome => {
                    texts.extend_from_slice(&response.head.joined(*name).unwrap_or_default());
                    said |= 1 << nth;
                }
            }
            ends[nth + 1] = end_of(texts);
        }
        Kept {
            at: seen.now,
            call,
            before,
            named,
            sent: request.first.time,
            peer: request.peer.ip(),
            server: request.server.ip(),
            texts: texts.as_slice().into(),
            ends,
            said,
            varies: seen.said.varies,
        }
    }

    fn forwarded_for(&self) -> &[u8] {
        self.texts.get(..self.ends[0] as usize).unwrap_or_default()
    }

    /// What it said in the nth of [`COMPARED`].
    fn said(&self, nth: usize) -> Option<&[u8]> {
        let text = self.texts.get(*self.ends.get(nth)? as usize..*self.ends.get(nth + 1)? as usize)?;
        (self.said >> nth & 1 == 1).then_some(text)
    }
}

/// Answers to requests with `Origin` of the last moments.
#[derive(Debug, Default)]
pub struct Taps {
    kept: VecDeque<Kept>,
    /// The number of the first.
    first: u64,
    /// The number of the last one of each call: nearly always there is none of the one at hand.
    calls: HashMap<u64, u64, RandomState>,
    scratch: Vec<u8>,
}

/// A field among those of its name.
#[derive(Clone, Copy)]
enum First<'a> {
    Absent,
    Only(&'a [u8]),
    OfSome,
}

/// What a head has of each of [`COMPARED`]: all its fields looked at once.
fn firsts_of(head: &Head) -> [First<'_>; COMPARED.len()] {
    let mut firsts = [First::Absent; COMPARED.len()];
    for field in head.fields() {
        let Some(first) = COMPARED.iter().position(|name| *name == field.name).and_then(|nth| firsts.get_mut(nth))
        else {
            continue;
        };
        *first = if matches!(first, First::Absent) { First::Only(head.value_of(field)) } else { First::OfSome };
    }
    firsts
}

/// Whether one leg could be the upstream of the other.
fn is_upstream(up: &Kept, down: &Request, down_address: IpAddr, named: bool) -> bool {
    let near = up.sent.since(down.first.time);
    if up.server == down.server.ip() || !(0..=NEAR_NS).contains(&near) {
        return false;
    }
    // without an id of its own, the call must go on from where it came to, or name its client
    let passed_on = up.peer == down.server.ip()
        || up.forwarded_for().split(|&b| b == b',').any(|item| {
            std::str::from_utf8(item.trim_ascii()).ok().and_then(|t| t.parse::<IpAddr>().ok()) == Some(down_address)
        });
    (named && up.named) || passed_on
}

impl Taps {
    /// `cdn_strips_headers`: an answer on the client's side comes after the one from upstream. `asked` is a digest of the
    /// request's target as sent.
    pub fn judge(&mut self, seen: &Seen<'_>, asked: u64, book: &mut Book) {
        let Some(response) = seen.o.response else { return };
        while self.kept.front().is_some_and(|k| seen.now.since(k.at) > KEPT_NS) {
            self.pop_front();
        }
        let request = &**seen.o.request;
        let id = request.head.first(Name::Traceparent).or_else(|| request.head.first(Name::XRequestId));
        let call = book.digest((request.head.method(), asked, seen.origin_digest, id));
        let last = self.calls.get(&call).copied();
        let mut alike = std::iter::successors(last.and_then(|at| self.at(at)), |kept| self.at(kept.before?));
        let up = alike.find(|kept| is_upstream(kept, request, seen.o.address, id.is_some()));
        if let Some(up) = up {
            let lost: Vec<(Name, String)> =
                (0..COMPARED.len()).filter_map(|nth| lost(nth, up, seen, response)).collect();
            if !lost.is_empty() {
                report(seen, &lost, book);
            }
        }
        if self.kept.len() >= KEPT_MAX {
            self.pop_front();
        }
        self.calls.insert(call, self.first + self.kept.len() as u64);
        self.kept.push_back(Kept::of(seen, response, (call, id.is_some()), last, &mut self.scratch));
    }

    /// The one of this number, if it is still kept.
    fn at(&self, number: u64) -> Option<&Kept> {
        self.kept.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn pop_front(&mut self) {
        let Some(kept) = self.kept.pop_front() else { return };
        if let Entry::Occupied(last) = self.calls.entry(kept.call)
            && *last.get() == self.first
        {
            last.remove();
        }
        self.first += 1;
    }
}

/// What upstream said in the nth field and the client did not get.
fn lost(nth: usize, up: &Kept, seen: &Seen<'_>, down: &Response) -> Option<(Name, String)> {
    let (name, said) = (*COMPARED.get(nth)?, up.said(nth)?);
    if name == Name::Vary {
        return (up.varies && !seen.said.varies).then(|| (name, "Origin".to_owned()));
    }
    (down.head.joined(name).as_deref() != Some(said)).then(|| (name, crate::cors::origin::printable(said)))
}

fn report(seen: &Seen<'_>, lost: &[(Name, String)], book: &mut Book) {
    let report = Report {
        rule: Rule::CdnStripsHeaders,
        severity: Severity::High,
        confidence: Confidence::Certain,
        subject: &seen.o.target.origin,
        fields: &COMPARED,
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        let fields: Vec<String> = lost.iter().map(|(name, value)| format!("{}: {value}", name.text())).collect();
        format!("upstream said, and the client did not get: {}", fields.join("; "))
    });
}
