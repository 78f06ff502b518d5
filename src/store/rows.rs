//! From a transaction to the rows that are kept of it. Pure; reads nothing but the record.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::{Cause, Reason};
use crate::http::Request;
use crate::http::head::{Head, Name};
use crate::packet::{SECOND, Time};
use crate::record::{Browser, Effect, Leg, Phase, Transaction, Verdict};

/// Bytes kept of one field's value in evidence. A browser's own fields stay below it.
const VALUE_BYTES_MAX: usize = 512;
/// Fields kept of one head in evidence.
const FIELDS_MAX: usize = 48;
/// Bytes kept of a path.
const PATH_BYTES_MAX: usize = 2048;
/// Bytes kept of an origin or a method.
pub const NAME_BYTES_MAX: usize = 300;
/// Bytes kept of a path's shape.
const SHAPE_BYTES_MAX: usize = 256;

/// A row of `transactions`, without its run.
#[derive(Debug)]
pub struct TransactionRow {
    pub id: String,
    pub time: String,
    pub client: String,
    pub forwarded_for: Option<String>,
    pub server: String,
    pub origin: Option<Arc<str>>,
    pub target_origin: Arc<str>,
    pub path: Arc<str>,
    pub method: Arc<str>,
    pub words: [&'static str; 6],
    pub phase: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub cause: Option<&'static str>,
    pub effect: Option<&'static str>,
    pub browser: String,
    pub preflight_status: Option<u16>,
    pub actual_status: Option<u16>,
    pub blocked_after_effect: bool,
    pub detail: String,
    pub evidence: String,
}

impl TransactionRow {
    /// What is kept of `t`.
    #[must_use]
    pub fn of(t: &Transaction) -> Self {
        TransactionRow {
            id: t.id.to_string(),
            time: t.time.to_string(),
            client: t.client.to_string(),
            forwarded_for: t.forwarded_for.map(|ip| ip.to_string()),
            server: t.server.to_string(),
            origin: t.origin.clone(),
            target_origin: Arc::clone(&t.target_origin),
            path: capped(&t.path, PATH_BYTES_MAX),
            method: Arc::clone(&t.method),
            words: [
                t.site.id(),
                t.mode.id(),
                t.credentials.id(),
                t.preflight_state.id(),
                t.verdict.id(),
                t.confidence.id(),
            ],
            phase: t.phase.map(Phase::id),
            reason: t.reason.map(Reason::id),
            cause: t.cause.map(Cause::id),
            effect: t.effect.map(Effect::id),
            browser: browser(&t.browser),
            preflight_status: t.preflight.as_ref().and_then(|p| p.leg.status),
            actual_status: t.actual.as_ref().and_then(|a| a.status),
            blocked_after_effect: t.blocked_after_effect,
            detail: t.detail.clone(),
            evidence: evidence(t).to_string(),
        }
    }
}

/// `chromium 142`, or the family alone.
fn browser(b: &Browser) -> String {
    if b.version.is_empty() { b.family.id().to_string() } else { format!("{} {}", b.family.id(), b.version) }
}

/// Both legs with the header lines that decide, and what was made of them.
///
/// `{"reasons":[…],"cause_confidence":…,"fix":…,"preflight":{…},"actual":{…},"hops":[…]}`; a leg is `{"time","status",
/// "verdict","duration_us","method","request":[[name,value]…],"response":[…]}`; a field that stands for a withheld value
/// has `true` as third element.
fn evidence(t: &Transaction) -> Value {
    let mut out = json!({
        "fix": t.fix,
        "reasons": t.reasons_all.iter().map(|r| r.id()).collect::<Vec<_>>(),
    });
    if let Some(confidence) = t.cause_confidence {
        out["cause_confidence"] = confidence.id().into();
    }
    if let Some(p) = &t.preflight {
        let mut told = leg(&p.leg);
        told["requested_method"] = (*p.requested_method).into();
        told["requested_headers"] = json!(p.requested_headers);
        told["because"] = json!(p.because);
        out["preflight"] = told;
    }
    if let Some(a) = &t.actual {
        out["actual"] = leg(a);
    }
    if !t.hops.is_empty() {
        out["hops"] = t
            .hops
            .iter()
            .map(|h| {
                json!({"time": h.time.to_string(), "target_origin": *h.target_origin, "status": h.status,
                       "origin_sent": h.origin_sent.as_deref(), "verdict": h.verdict.id()})
            })
            .collect();
    }
    out
}

fn leg(l: &Leg) -> Value {
    json!({
        "time": l.time.to_string(),
        "status": l.status,
        "verdict": l.verdict.id(),
        "duration_us": l.duration_ns.map(|ns| ns / 1000),
        "method": String::from_utf8_lossy(l.request.head.method()),
        "request": fields(&l.request.head),
        "response": l.response.as_ref().map(|r| fields(&r.head)),
    })
}

/// The fields that a verdict, a cause or a fix can rest on, in order.
fn fields(head: &Head) -> Vec<Value> {
    let kept = head.fields().iter().filter(|f| is_evidence(f.name, f.withheld));
    kept.take(FIELDS_MAX)
        .map(|f| {
            let name = String::from_utf8_lossy(head.name_of(f));
            let bytes = head.value_of(f);
            let value = String::from_utf8_lossy(bytes.get(..VALUE_BYTES_MAX).unwrap_or(bytes));
            let value = match f.name {
                Name::Location | Name::Referer | Name::Refresh => redact_query(&value),
                _ => value.into_owned(),
            };
            if f.withheld { json!([name, value, true]) } else { json!([name, value]) }
        })
        .collect()
}

fn is_evidence(name: Name, withheld: bool) -> bool {
    match name {
        Name::Accept
        | Name::AcceptEncoding
        | Name::AcceptLanguage
        | Name::Connection
        | Name::ContentEncoding
        | Name::ContentLanguage
        | Name::Date
        | Name::Etag
        | Name::Expires
        | Name::IfModifiedSince
        | Name::IfNoneMatch
        | Name::KeepAlive
        | Name::LastModified
        | Name::Pragma
        | Name::Range
        | Name::SecChUa
        | Name::SecWebSocketKey
        | Name::StrictTransportSecurity
        | Name::Te
        | Name::Traceparent
        | Name::Trailer
        | Name::UpgradeInsecureRequests
        | Name::XRequestId => false,
        Name::Other => !withheld,
        _ => true,
    }
}

/// A URL with each query value replaced by `…`; the fragment goes.
#[must_use]
pub fn redact_query(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let Some((path, query)) = url.split_once('?') else { return url.to_string() };
    let mut out = String::with_capacity(url.len());
    out.push_str(path);
    for (nth, pair) in query.split('&').enumerate() {
        out.push(if nth == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) => {
                out.push_str(name);
                out.push_str("=…");
            }
            // A query without names may be a value as a whole.
            None => out.push('…'),
        }
    }
    out
}

/// The path without its query, with numbers, UUIDs, hex of 8 digits or more and tokens of 20 or more replaced by `{}`
/// (VERDICTS.md §8, "Endpoint").
#[must_use]
pub fn path_shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut out = String::with_capacity(path.len().min(SHAPE_BYTES_MAX));
    for (nth, segment) in path.split('/').enumerate() {
        if nth > 0 {
            out.push('/');
        }
        let part = if is_variable(segment) { "{}" } else { segment };
        if out.len() + part.len() > SHAPE_BYTES_MAX {
            out.push('…');
            break;
        }
        out.push_str(part);
    }
    out
}

fn is_variable(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let hex = |b: &u8| b.is_ascii_hexdigit();
    (!bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit))
        || (bytes.len() >= 8 && bytes.iter().all(hex))
        || (bytes.len() == 36 && bytes.iter().all(|b| hex(b) || *b == b'-'))
        || bytes.len() >= 20
}

/// An hour since the Unix epoch, as `traffic` names it.
#[must_use]
pub fn hour(hours: i64) -> String {
    Time(hours.saturating_mul(3600 * SECOND)).to_string()
}

/// A request's digest: the same in each capture of the same packets. The lowest bit is free.
#[must_use]
pub fn seen_key(sensor: u64, request: &Request) -> u64 {
    let mut h = mix(sensor ^ u64::from(request.id.seq));
    h = mix(h ^ u64::try_from(request.first.time.0.div_euclid(1000)).unwrap_or_default());
    h = mix(h ^ address(request.peer));
    mix(h ^ address(request.server).rotate_left(17)) & !1
}

/// The digest of a sensor's name that [`seen_key`] wants.
#[must_use]
pub fn sensor_key(name: &str) -> u64 {
    name.bytes().fold(0x636f_7273_7461_7031, |h, b| mix(h ^ u64::from(b)))
}

fn address(a: SocketAddr) -> u64 {
    let ip = match a.ip() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => ip.segments().iter().fold(0, |h, part| mix(h ^ u64::from(*part))),
    };
    mix(ip) ^ u64::from(a.port())
}

/// The finaliser of splitmix64: stored keys rest on it, so it must not change.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Whether `traffic` counts it.
#[must_use]
pub fn is_traffic(t: &Transaction) -> bool {
    match t.verdict {
        Verdict::Allowed | Verdict::Blocked | Verdict::Undecided => true,
        Verdict::NotCors => false,
    }
}

/// The text, cut at a limit in bytes; an ellipsis then tells.
pub fn capped(text: &Arc<str>, bytes_max: usize) -> Arc<str> {
    if text.len() <= bytes_max {
        return Arc::clone(text);
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = text.get(..end).unwrap_or_default().to_string();
    cut.push('…');
    cut.into()
}

/// The counters as JSON, for `runs.counters`.
#[must_use]
pub fn counters_json(c: &crate::counters::Counters) -> String {
    let mut out = String::from("{");
    let plain = [
        ("bytes", c.bytes),
        ("truncated", c.truncated),
        ("segments", c.segments),
        ("tcp_bytes", c.tcp_bytes),
        ("tls_bytes", c.tls_bytes),
        ("bad_checksum", c.bad_checksum),
        ("retransmitted_bytes", c.retransmitted_bytes),
        ("conflicting_overlaps", c.conflicting_overlaps),
        ("duplicate_segments", c.duplicate_segments),
        ("connections", c.connections),
        ("one_sided", c.one_sided),
        ("midstream", c.midstream),
        ("gap_bytes", c.gap_bytes),
        ("requests", c.requests),
        ("responses", c.responses),
    ];
    for (name, value) in plain {
        let _ = write!(out, "\"{name}\":{value},");
    }
    let grouped = [
        ("ignored", c.ignored.by_cause()),
        ("gaps", c.gaps.by_cause()),
        ("evictions", c.evictions.by_cause()),
        ("http_errors", c.http_errors.by_cause()),
        ("carried", c.carried.by_cause()),
        ("forgotten", c.forgotten.by_cause()),
    ];
    for (nth, (name, causes)) in grouped.into_iter().enumerate() {
        let told: Vec<String> = causes.iter().map(|(cause, n)| format!("\"{cause}\":{n}")).collect();
        let _ = write!(out, "{}\"{name}\":{{{}}}", if nth == 0 { "" } else { "," }, told.join(","));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_replace_what_varies() {
        assert_eq!(path_shape("/v1/orders/4711?x=1"), "/v1/orders/{}");
        assert_eq!(path_shape("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/a"), "/u/{}/a");
        assert_eq!(path_shape("/c/009e63dbc4/h0"), "/c/{}/h0");
        assert_eq!(path_shape("/t/abcdefghijklmnopqrst"), "/t/{}");
        assert_eq!(path_shape("/t/abcdefghijklmnopqrs"), "/t/abcdefghijklmnopqrs");
        assert_eq!(path_shape("/deadbee"), "/deadbee");
        assert_eq!(path_shape("*"), "*");
        assert!(path_shape(&"/abc".repeat(1000)).len() <= SHAPE_BYTES_MAX + 4);
    }

    #[test]
    fn query_values_are_redacted() {
        assert_eq!(redact_query("http://a.test/x?token=s3cret&b=#frag"), "http://a.test/x?token=…&b=…");
        assert_eq!(redact_query("/x?s3cret"), "/x?…");
        assert_eq!(redact_query("/x"), "/x");
    }

    #[test]
    fn hours_begin_on_the_hour() {
        assert_eq!(hour(1_795_462_645 / 3600), "2026-11-23T19:00:00.000000Z");
    }
}
