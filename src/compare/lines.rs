//! A comparison as JSON, one object a line (docs/compare.md).

use serde::Serialize;

use super::vantage::{Exchange, Vantage};
use super::{Change, Cited, Compared, Comparison, Group, GroupKey, Impact, Side, Source, Way, What, shown_path};
use crate::catalog::Reason;
use crate::http::head::Name;
use crate::packet::Time;
use crate::record::{Confidence, Verdict};
use crate::report::{shown, shown_bytes};

#[derive(Serialize)]
struct ChangeLine<'a> {
    field: &'static str,
    what: What,
    side: Side,
    way: Way,
    front: Option<String>,
    back: Option<String>,
    verdict_impact: Impact,
    confidence: Confidence,
    detail: &'a str,
}

impl<'a> From<&'a Change> for ChangeLine<'a> {
    fn from(change: &'a Change) -> Self {
        ChangeLine {
            field: change.part.id(),
            what: change.what,
            side: change.side,
            way: change.way,
            front: change.front.as_deref().map(shown),
            back: change.back.as_deref().map(shown),
            verdict_impact: change.impact,
            confidence: change.confidence,
            detail: &change.note,
        }
    }
}

#[derive(Serialize)]
struct Half<'a> {
    id: Option<&'a str>,
    time: String,
    client: String,
    server: String,
    status: Option<u16>,
}

impl<'a> From<&'a Exchange> for Half<'a> {
    fn from(exchange: &'a Exchange) -> Self {
        Half {
            id: exchange.id(),
            time: exchange.request.first.time.to_string(),
            client: exchange.request.client.to_string(),
            server: exchange.request.server.to_string(),
            status: exchange.response.as_ref().map(|r| r.status),
        }
    }
}

#[derive(Serialize)]
struct ExchangeLine<'a> {
    r#type: &'static str,
    time: String,
    endpoint: String,
    method: String,
    path: String,
    origin: Option<String>,
    preflight: bool,
    verdict: Option<Verdict>,
    reason: Option<Reason>,
    fault: Option<Side>,
    answered_by: Source,
    front: Half<'a>,
    back: Option<Half<'a>>,
    changes: Vec<ChangeLine<'a>>,
}

#[derive(Serialize)]
struct CitedLine<'a> {
    front: Option<&'a str>,
    front_time: String,
    back: Option<&'a str>,
    back_time: Option<String>,
    path: &'a str,
    origin: Option<&'a str>,
}

impl<'a> From<&'a Cited> for CitedLine<'a> {
    fn from(cited: &'a Cited) -> Self {
        CitedLine {
            front: cited.front_id.as_deref(),
            front_time: cited.front_time.to_string(),
            back: cited.back_id.as_deref(),
            back_time: cited.back_time.as_ref().map(Time::to_string),
            path: &cited.path,
            origin: cited.origin.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct DifferenceLine<'a> {
    r#type: &'static str,
    endpoint: &'a str,
    method: &'a str,
    server: String,
    box_says: Option<&'a str>,
    field: &'static str,
    what: What,
    side: Side,
    way: Way,
    front: Option<String>,
    back: Option<String>,
    count: u64,
    blocking: u64,
    verdict_impact: Impact,
    confidence: Confidence,
    first_seen: String,
    last_seen: String,
    origins: Vec<&'a str>,
    detail: &'a str,
    evidence: Vec<CitedLine<'a>>,
}

#[derive(Serialize)]
struct SideSummary {
    exchanges: usize,
    left_out: u64,
    first: Option<String>,
    last: Option<String>,
    lossy: bool,
    database: bool,
}

impl From<&Vantage> for SideSummary {
    fn from(side: &Vantage) -> Self {
        SideSummary {
            exchanges: side.exchanges.len(),
            left_out: side.left_out,
            first: side.first.as_ref().map(Time::to_string),
            last: side.last.as_ref().map(Time::to_string),
            lossy: side.lossy,
            database: side.recorded,
        }
    }
}

#[derive(Serialize)]
struct Refused {
    between: u64,
    origin: u64,
    unknown: u64,
    maybe: u64,
}

#[derive(Serialize)]
struct SummaryLine {
    r#type: &'static str,
    front: SideSummary,
    back: SideSummary,
    exchanges: u64,
    paired: u64,
    from_cache: u64,
    answered_between: u64,
    not_covered: u64,
    not_linked: u64,
    unanswered: u64,
    changed: u64,
    differences: usize,
    differences_left_out: u64,
    refused: Refused,
    clock_ahead_us: i64,
}

/// One exchange with what differs.
#[must_use]
pub fn exchange(compared: &Compared<'_>, show_query: bool) -> String {
    let request = &compared.front.request;
    line(&ExchangeLine {
        r#type: "exchange",
        time: request.first.time.to_string(),
        endpoint: super::endpoint(compared.front),
        method: shown_bytes(request.head.method()),
        path: shown_path(request, show_query),
        origin: request.head.first(Name::Origin).map(shown_bytes),
        preflight: compared.front.is_preflight(),
        verdict: compared.front.judged.as_ref().map(|j| j.verdict),
        reason: compared.refused,
        fault: compared.fault,
        answered_by: compared.source,
        front: compared.front.into(),
        back: compared.back.map(Into::into),
        changes: compared.changes.iter().map(Into::into).collect(),
    })
}

/// Like differences of one endpoint.
#[must_use]
pub fn difference(key: &GroupKey, group: &Group) -> String {
    line(&DifferenceLine {
        r#type: "difference",
        endpoint: &key.endpoint,
        method: &key.method,
        server: key.server.to_string(),
        box_says: group.box_says.as_deref(),
        field: key.part.id(),
        what: key.what,
        side: key.side,
        way: key.way,
        front: group.change.front.as_deref().map(shown),
        back: group.change.back.as_deref().map(shown),
        count: group.count,
        blocking: group.blocking,
        verdict_impact: group.impact,
        confidence: group.confidence,
        first_seen: group.first.to_string(),
        last_seen: group.last.to_string(),
        origins: group.origins.iter().map(String::as_str).collect(),
        detail: &group.change.note,
        evidence: group.evidence.iter().map(Into::into).collect(),
    })
}

/// The last line.
#[must_use]
pub fn summary(comparison: &Comparison<'_>, front: &Vantage, back: &Vantage) -> String {
    let totals = &comparison.totals;
    line(&SummaryLine {
        r#type: "summary",
        front: front.into(),
        back: back.into(),
        exchanges: totals.exchanges,
        paired: totals.paired,
        from_cache: totals.from_cache,
        answered_between: totals.answered_between,
        not_covered: totals.not_covered,
        not_linked: totals.not_linked,
        unanswered: totals.unanswered,
        changed: totals.changed,
        differences: comparison.groups.len(),
        differences_left_out: totals.groups_overflow,
        refused: Refused {
            between: totals.refused_between,
            origin: totals.refused_origin,
            unknown: totals.refused_unknown,
            maybe: totals.maybe_refused,
        },
        clock_ahead_us: totals.clock_ahead_ns / 1000,
    })
}

fn line(object: &impl Serialize) -> String {
    // Strings, numbers and lists: these always have a JSON form.
    let mut text = serde_json::to_string(object).expect("plain values have a JSON form");
    text.push('\n');
    text
}
