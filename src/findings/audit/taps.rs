//! Two taps of one flow: what lies between them took CORS fields away (VERDICTS.md §6 "Two taps").

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Report, Source};
use crate::findings::facts::{Seen, said_of};
use crate::http::head::Name;
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

#[derive(Debug)]
struct Kept {
    at: Time,
    call: u64,
    named: bool,
    request: Arc<Request>,
    response: Arc<Response>,
}

/// Answers to requests with `Origin` of the last moments.
#[derive(Debug, Default)]
pub struct Taps {
    kept: VecDeque<Kept>,
    /// How many there are of each call: nearly always none of the one at hand.
    calls: HashMap<u64, u16, RandomState>,
}

/// Whether one leg could be the upstream of the other.
fn is_upstream(up: &Kept, down: &Request, down_address: IpAddr, named: bool) -> bool {
    let near = up.request.first.time.since(down.first.time);
    if up.request.server.ip() == down.server.ip() || !(0..=NEAR_NS).contains(&near) {
        return false;
    }
    // without an id of its own, the call must go on from where it came to, or name its client
    let passed_on = up.request.peer.ip() == down.server.ip()
        || up.request.head.all(Name::XForwardedFor).any(|v| {
            v.split(|&b| b == b',').any(|item| {
                std::str::from_utf8(item.trim_ascii()).ok().and_then(|t| t.parse::<IpAddr>().ok()) == Some(down_address)
            })
        });
    (named && up.named) || passed_on
}

impl Taps {
    /// `cdn_strips_headers`: an answer on the client's side comes after the one from upstream.
    pub fn judge(&mut self, seen: &Seen<'_>, book: &mut Book) {
        let Some(response) = seen.o.response else { return };
        while self.kept.front().is_some_and(|k| seen.now.since(k.at) > KEPT_NS) {
            self.pop_front();
        }
        let head = &seen.o.request.head;
        let id = head.first(Name::Traceparent).or_else(|| head.first(Name::XRequestId));
        let call = book.digest((head.method(), head.target(), seen.origin(), id));
        let named = id.is_some();
        let up = if self.calls.contains_key(&call) {
            self.kept.iter().rev().find(|k| k.call == call && is_upstream(k, seen.o.request, seen.o.address, named))
        } else {
            None
        };
        if let Some(up) = up {
            let lost: Vec<(Name, String)> =
                COMPARED.iter().filter_map(|&name| lost(name, &up.response, response)).collect();
            if !lost.is_empty() {
                report(seen, &lost, book);
            }
        }
        if self.kept.len() >= KEPT_MAX {
            self.pop_front();
        }
        *self.calls.entry(call).or_default() += 1;
        self.kept.push_back(Kept {
            at: seen.now,
            call,
            named,
            request: seen.o.request.clone(),
            response: response.clone(),
        });
    }

    fn pop_front(&mut self) {
        let Some(kept) = self.kept.pop_front() else { return };
        if let Entry::Occupied(mut alike) = self.calls.entry(kept.call) {
            *alike.get_mut() -= 1;
            if *alike.get() == 0 {
                alike.remove();
            }
        }
    }
}

/// What upstream said in this field and the client did not get.
fn lost(name: Name, up: &Response, down: &Response) -> Option<(Name, String)> {
    let said = up.head.joined(name)?;
    if name == Name::Vary {
        let (up, down) = (said_of(up).varies, said_of(down).varies);
        return (up && !down).then(|| (name, "Origin".to_owned()));
    }
    let got = down.head.joined(name);
    (got.as_deref() != Some(&*said)).then(|| (name, crate::cors::origin::printable(&said)))
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
