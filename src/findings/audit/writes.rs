//! Requests across sites that change something without asking first.

use crate::catalog::{Rule, Severity};
use crate::cors::fields::mime_essence;
use crate::findings::book::{Book, Past, Report, Source};
use crate::findings::facts::Seen;
use crate::findings::subject::{Endpoint, Host};
use crate::http::BodyStart;
use crate::http::head::Name;
use crate::record::{Confidence, Mode, PreflightState, Site};

const FIELDS: &[Name] = &[Name::Origin, Name::SecFetchSite, Name::SecFetchMode, Name::Cookie, Name::ContentType];

/// Writes that wait for a sign that this host is no collector of other sites' requests.
#[derive(Debug, Default)]
pub struct OfHost {
    waiting: Vec<Waiting>,
}

/// A write, and its endpoint's name.
#[derive(Debug)]
struct Waiting {
    past: Past,
    label: String,
}

/// Writes kept waiting for one host.
const WAITING_MAX: usize = 8;

/// A POST that the page's origin needed no leave for.
fn is_unasked_write(seen: &Seen<'_>) -> bool {
    let unasked = match seen.o.preflight_state {
        None | Some(PreflightState::NotNeeded) => true,
        Some(PreflightState::Sent | PreflightState::Cached | PreflightState::Missing) => false,
    };
    unasked && seen.o.request.head.method() == b"POST" && !seen.is_preflight()
}

/// `cross_site_write_accepted`. `sent_there`: the target's site had sent this client to that origin's site.
pub fn cross_site_write(seen: &Seen<'_>, host: &mut Host, endpoint: &Endpoint, book: &mut Book, sent_there: bool) {
    let across = seen.cross_site() || seen.asked.fetch_site == Some(b"cross-site");
    let taken = seen.succeeded() || seen.said.status == 303;
    if !across || !seen.asked.cookie || !taken || !is_unasked_write(seen) || sent_there {
        return;
    }
    let known = book.settings.knows(seen.origin(), seen.o.origin_parts);
    if known
        || seen.accepted()
        || seen.wildcard()
        || endpoint.accepts_all
        || endpoint.accepted.holds(seen.origin_digest)
    {
        return;
    }
    let past = Past::of(seen, FIELDS);
    if host.direct {
        report_write(&past, &endpoint.label, book);
    } else if host.writes.waiting.len() < WAITING_MAX {
        host.writes.waiting.push(Waiting { past, label: endpoint.label.clone() });
    }
}

/// The host is no collector: what waited counts.
pub fn settle(host: &mut Host, book: &mut Book) {
    for kept in host.writes.waiting.drain(..) {
        report_write(&kept.past, &kept.label, book);
    }
}

fn report_write(past: &Past, label: &str, book: &mut Book) {
    let report = Report {
        rule: Rule::CrossSiteWriteAccepted,
        severity: Severity::High,
        confidence: Confidence::Probable,
        subject: label,
        fields: FIELDS,
        trail: None,
    };
    book.report(Source::Past(past), report, || {
        let who = match &*past.origin {
            "" => "another site",
            "null" => "a page that hides its origin (null)",
            origin => origin,
        };
        format!("a POST with a cookie from {who} was taken, and no preflight was needed")
    });
}

/// `simple_json_post`
pub fn simple_json(seen: &Seen<'_>, host: &Host, endpoint: &Endpoint, book: &mut Book) {
    let across = matches!(seen.o.site, Site::CrossSite | Site::SameSite);
    if !across
        || !seen.succeeded()
        || seen.o.request.head.method() != b"POST"
        || seen.o.request.body_start != BodyStart::Json
    {
        return;
    }
    // a host that gets only other sites' beacons has nothing to protect by a preflight
    let beacon = seen.o.mode == Mode::NoCors && !host.direct;
    let plain = seen.asked.content_type.is_none_or(|v| mime_essence(v).is_some_and(|e| e == "text/plain"));
    if !plain || beacon {
        return;
    }
    let report = Report {
        rule: Rule::SimpleJsonPost,
        severity: Severity::Medium,
        confidence: Confidence::Probable,
        subject: &endpoint.label,
        fields: FIELDS,
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        "JSON posted as text/plain or without a type is taken: no preflight guards it".to_owned()
    });
}

/// `opaque_misuse`: `since_block_ns` after a refused cors request of the same client.
pub fn opaque_misuse(seen: &Seen<'_>, endpoint: &Endpoint, book: &mut Book) {
    let report = Report {
        rule: Rule::OpaqueMisuse,
        severity: Severity::Info,
        confidence: Confidence::Possible,
        subject: &endpoint.label,
        fields: FIELDS,
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        "a no-cors request follows a cors request that was refused: its answer stays unreadable".to_owned()
    });
}
