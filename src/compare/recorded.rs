//! One side out of a database: what was refused, with its heads, and counts of what passed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::Value;

use super::vantage::{Exchange, Judged, Vantage};
use crate::catalog::Reason;
use crate::http::head::{Head, HeadBuilder, Name};
use crate::http::{BodyStart, Doubts, HeadState, Mark, MessageId, Request, Response, StreamId, Version};
use crate::packet::{Order, Time};
use crate::record::{Credentials, Family, Verdict};
use crate::store::queries::{Reader, StoredTransaction};

/// Whether a file is an SQLite database, by its first bytes.
#[must_use]
pub fn is_database(first: &[u8]) -> bool {
    first.starts_with(b"SQLite format 3\0")
}

/// Fills a side from a database.
///
/// # Errors
/// It is not ours, or cannot be read.
pub fn read(path: &Path, vantage: &mut Vantage) -> anyhow::Result<()> {
    let mut reader = Reader::open(path)?;
    vantage.recorded = true;
    vantage.hours = reader.traffic().with_context(|| format!("{}: reading its traffic", path.display()))?;
    for run in reader.runs().with_context(|| format!("{}: reading its runs", path.display()))? {
        for time in [run.first_packet, run.last_packet].into_iter().flatten().filter_map(|t| time(&t)) {
            vantage.on_time(time);
        }
        vantage.lossy |= run.packets_lost > 0 || run.gaps > 0;
    }
    let mut order = 0;
    reader
        .each_transaction(|t| {
            let judged = judged(&t);
            for leg in ["preflight", "actual"] {
                if let Some(exchange) = exchange(&t, t.evidence.get(leg), leg == "preflight", &judged, order) {
                    vantage.on_time(exchange.request.first.time);
                    vantage.add(exchange);
                    order += 1;
                }
            }
        })
        .with_context(|| format!("{}: reading its transactions", path.display()))
}

fn judged(t: &StoredTransaction) -> Judged {
    let family = t.browser.split(' ').next().unwrap_or_default();
    Judged {
        id: t.id.as_str().into(),
        verdict: word(Verdict::ALL, Verdict::id, &t.verdict).unwrap_or(Verdict::Undecided),
        reason: t.reason.as_deref().and_then(|r| word(Reason::ALL, Reason::id, r)),
        credentials: word(Credentials::ALL, Credentials::id, &t.credentials).unwrap_or(Credentials::Unknown),
        family: word(Family::ALL, Family::id, family).unwrap_or(Family::Unknown),
        forwarded: t.forwarded_for.is_some(),
        target_origin: t.target_origin.as_str().into(),
    }
}

fn word<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|w| id(*w) == text)
}

fn time(text: &str) -> Option<Time> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(stamp.as_nanosecond()).ok().map(Time)
}

/// A leg as an exchange, as far as it was recorded.
fn exchange(
    t: &StoredTransaction,
    leg: Option<&Value>,
    preflight: bool,
    judged: &Judged,
    order: u64,
) -> Option<Exchange> {
    let leg = leg.filter(|l| l.is_object())?;
    let begin = leg.get("time").and_then(Value::as_str).and_then(time).or_else(|| time(&t.time))?;
    let first = Mark { time: begin, order: Order(order) };
    let took = leg.get("duration_us").and_then(Value::as_i64).unwrap_or(0);
    let head_end = Mark { time: begin.plus(took.saturating_mul(1000)), order: first.order };
    let id = |request| MessageId { stream: StreamId(order), request, seq: 0, nth: 0 };
    let method = if preflight { "OPTIONS" } else { t.method.as_str() };
    let address = |text: &str| text.parse().unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
    let request = Request {
        id: id(true),
        first,
        head_end: first,
        client: address(&t.client),
        peer: address(&t.client),
        server: address(&t.server),
        version: Version::Http11,
        scheme: None,
        head: head(HeadBuilder::request(method.as_bytes(), t.path.as_bytes()), leg.get("request")),
        head_state: HeadState::Whole,
        body_start: BodyStart::Unseen,
        doubts: Doubts::default(),
        on_connection: 0,
    };
    let status = leg.get("status").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok());
    let response = status.map(|status| {
        Arc::new(Response {
            id: id(false),
            first: head_end,
            head_end,
            client: request.client,
            server: request.server,
            status,
            version: Version::Http11,
            head: head(HeadBuilder::response(), leg.get("response")),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
        })
    });
    Some(Exchange { request: Arc::new(request), response, judged: Some(judged.clone()) })
}

fn head(mut built: HeadBuilder, fields: Option<&Value>) -> Head {
    for field in fields.and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = field.get(0).and_then(Value::as_str) else { continue };
        let value = field.get(1).and_then(Value::as_str).unwrap_or_default();
        let withheld = field.get(2).and_then(Value::as_bool).unwrap_or(false);
        built.field(name.as_bytes(), Name::of(name.as_bytes()), value.as_bytes(), withheld);
    }
    built.finish()
}
