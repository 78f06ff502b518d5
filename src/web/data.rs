//! What the page reads, as JSON. Every string in it may be hostile: the page puts strings into text, never into markup.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Pages;
use super::desk::DeskError;
use crate::catalog::{Cause, Reason, Rule};
use crate::http::head::Head;
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Effect, Finding, Leg, Phase, Transaction};
use crate::store::page::Wanted;
use crate::store::{LossCause, Table, counters_json, head_json, wall_clock};

/// Refusals in one answer.
const ROWS_MAX: u32 = 500;

/// Targets whose checklists are in one answer.
const CHECKLISTS_MAX: usize = 200;

/// `?hours=24&target=…`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    hours: Option<u32>,
    target: String,
    reason: String,
    cause: String,
    /// Of the last row shown, for the next ones.
    before_time: String,
    before_id: String,
    /// Of the transaction asked for.
    time: String,
    limit: Option<u32>,
}

impl Asked {
    /// The beginning of the hours asked for: a day unless told.
    fn since(&self) -> String {
        let hours = i64::from(self.hours.unwrap_or(24).clamp(1, 24 * 366));
        wall_clock().plus(-hours * 3600 * SECOND).to_string()
    }

    /// The beginning of the hour in which that lies, as the rollup names it.
    fn since_hour(&self) -> String {
        let since = self.since();
        since.get(..13).map_or_else(String::new, |hour| format!("{hour}:00:00.000000Z"))
    }
}

fn to_json<T: serde::Serialize>(rows: &T) -> Value {
    serde_json::to_value(rows).unwrap_or(Value::Null)
}

fn answer(outcome: Result<Value, DeskError>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(error) => error.into_response(),
    }
}

fn none_such() -> Response {
    (StatusCode::NOT_FOUND, "no such record; it may have been deleted, or was never kept\n").into_response()
}

/// `GET /api/state`: what is seen, what is lost, whether records are kept.
pub async fn state(State(pages): State<Arc<Pages>>) -> Json<Value> {
    Json(of_state(&pages))
}

/// The state of all, for a page that is open.
pub(super) fn of_state(pages: &Pages) -> Value {
    let now = pages.metrics.published().read();
    let mut counters: Value = serde_json::from_str(&counters_json(&now.counters)).unwrap_or_else(|_| json!({}));
    for (name, n) in [
        ("packets", now.counters.packets),
        ("streams_now", now.counters.streams_now),
        ("quic_connections", now.counters.quic_connections),
    ] {
        counters[name] = json!(n);
    }
    let interfaces: Vec<Value> = now
        .interfaces
        .iter()
        .map(|i| {
            json!({
                "name": i.name, "link": i.link, "trouble": i.trouble, "packets": i.packets, "bytes": i.bytes,
                "lost_kernel": i.lost_kernel, "lost_interface": i.lost_interface, "lag_s": i.lag_s,
                "last_packet": i.last_packet.map(|t| t.to_string()),
            })
        })
        .collect();
    let store = pages.store.as_ref().map(|store| {
        let recorded: BTreeMap<_, _> = Table::ALL.iter().map(|t| (t.id(), store.recorded(*t))).collect();
        let lost: BTreeMap<_, _> = LossCause::ALL.iter().map(|c| (c.id(), store.lost(*c))).collect();
        json!({ "recorded": recorded, "lost": lost, "queued": store.queued(), "trouble": store.trouble() })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": wall_clock().to_string(),
        "trouble": pages.trouble(),
        "interfaces": interfaces,
        "counters": counters,
        "verdicts": now.tallies.verdicts(),
        "after_effect": now.tallies.after_effect_total(),
        "findings": now.tallies.findings_active(),
        "store": store,
    })
}

/// `GET /api/words`: what every id means.
pub async fn words() -> Json<Value> {
    let rules: BTreeMap<_, _> = Rule::ALL
        .iter()
        .map(|rule| {
            let entry = rule.entry();
            let words = json!({
                "kind": entry.kind.id(), "severity": entry.severity.id(), "title": entry.title,
                "condition": entry.condition, "why": entry.why, "counter": entry.counter, "fix": entry.fix,
            });
            (rule.id(), words)
        })
        .collect();
    let wording = |w: &crate::catalog::Wording| json!({ "code": w.code, "console": w.console });
    let reasons: BTreeMap<_, _> = Reason::ALL
        .iter()
        .map(|reason| {
            let entry = reason.entry();
            let words = json!({
                "title": entry.title, "meaning": entry.meaning, "step": entry.step, "fix": entry.fix,
                "chromium": wording(&entry.chromium), "firefox": wording(&entry.firefox), "safari": wording(&entry.safari),
            });
            (reason.id(), words)
        })
        .collect();
    let causes: BTreeMap<_, _> = Cause::ALL
        .iter()
        .map(|cause| {
            let entry = cause.entry();
            (
                cause.id(),
                json!({ "title": entry.title, "wrong": entry.wrong, "told_by": entry.told_by, "fix": entry.fix }),
            )
        })
        .collect();
    Json(json!({ "rules": rules, "reasons": reasons, "causes": causes }))
}

/// `GET /api/causes`: refusals by target, method, reason and cause.
pub async fn causes(State(pages): State<Arc<Pages>>, Query(asked): Query<Asked>) -> Response {
    let Some(desk) = &pages.desk else {
        return Json(json!({ "groups": groups(&pages.recent.blocked()), "recent_only": true })).into_response();
    };
    let since = asked.since();
    let rows = desk.ask(move |reader| reader.page_groups(&since)).await;
    answer(rows.map(|rows| json!({ "groups": to_json(&rows), "recent_only": false })))
}

/// Groups as the database makes them, of what is in memory.
fn groups(blocked: &[Arc<Transaction>]) -> Vec<Value> {
    let mut found: BTreeMap<_, Vec<&Transaction>> = BTreeMap::new();
    for t in blocked {
        let reason = t.reason.map_or("", Reason::id);
        let cause = t.cause.unwrap_or(Cause::Unknown).id();
        let key = (Arc::clone(&t.target_origin), Arc::clone(&t.method), t.phase.map_or("", Phase::id), reason, cause);
        found.entry(key).or_default().push(t);
    }
    let mut groups: Vec<_> = found.into_iter().collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let distinct = |texts: Vec<String>| texts.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    groups
        .into_iter()
        .map(|((target, method, phase, reason, cause), rows)| {
            let clients = rows.iter().map(|t| t.forwarded_for.unwrap_or(t.client.ip()).to_string()).collect();
            let origins = rows.iter().filter_map(|t| t.origin.as_ref().map(ToString::to_string)).collect();
            let (first, last) = (rows.iter().map(|t| t.time).min(), rows.iter().max_by_key(|t| t.time));
            json!({
                "target_origin": target, "method": method, "phase": phase, "reason": reason, "cause": cause,
                "count": rows.len(), "clients": distinct(clients), "origins": distinct(origins),
                "origin": rows.iter().find_map(|t| t.origin.as_deref()),
                "after_effect": rows.iter().filter(|t| t.blocked_after_effect).count(),
                "first_seen": first.map(|t| t.to_string()), "last_seen": last.map(|t| t.time.to_string()),
                "last_id": last.map(|t| t.id.to_string()),
            })
        })
        .collect()
}

/// `GET /api/rejections`: the latest ones, or those before one of them.
pub async fn rejections(State(pages): State<Arc<Pages>>, Query(asked): Query<Asked>) -> Response {
    let limit = asked.limit.unwrap_or(100).clamp(1, ROWS_MAX);
    let Some(desk) = &pages.desk else {
        let takes = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let all = pages.recent.blocked();
        let rows = all.iter().rev().filter(|t| {
            takes(&asked.target, &t.target_origin)
                && takes(&asked.reason, t.reason.map_or("", Reason::id))
                && takes(&asked.cause, t.cause.unwrap_or(Cause::Unknown).id())
        });
        let rows: Vec<Value> = rows.map(|t| of_transaction(t, false)).collect();
        return Json(json!({ "rows": rows, "recent_only": true })).into_response();
    };
    let wanted = Wanted {
        since: asked.since(),
        before: (asked.before_time, asked.before_id),
        target: asked.target,
        reason: asked.reason,
        cause: asked.cause,
        limit,
    };
    let rows = desk.ask(move |reader| reader.page_rejections(&wanted)).await;
    answer(rows.map(|rows| json!({ "rows": to_json(&rows), "recent_only": false })))
}

/// `GET /api/targets`: each with how its transactions ended.
pub async fn targets(State(pages): State<Arc<Pages>>, Query(asked): Query<Asked>) -> Response {
    let Some(desk) = &pages.desk else {
        let now = pages.metrics.published().read();
        return Json(json!({ "targets": now.tallies.targets(), "recent_only": true })).into_response();
    };
    let since = asked.since_hour();
    let rows = desk.ask(move |reader| reader.page_targets(&since)).await;
    answer(rows.map(|rows| json!({ "targets": to_json(&rows), "recent_only": false })))
}

/// `GET /api/findings`: those last seen in the hours asked for.
pub async fn findings(State(pages): State<Arc<Pages>>, Query(asked): Query<Asked>) -> Response {
    let Some(desk) = &pages.desk else {
        let rows: Vec<Value> = pages.recent.findings().iter().rev().map(|f| of_finding(f)).collect();
        return Json(json!({ "findings": rows, "recent_only": true })).into_response();
    };
    let since = asked.since();
    let rows = desk.ask(move |reader| reader.page_findings(&since)).await;
    answer(rows.map(|rows| json!({ "findings": to_json(&rows), "recent_only": false })))
}

/// `GET /api/checklists`: how each target of this run stands. Made for who asks, so the first answer waits a moment.
pub async fn checklists(State(pages): State<Arc<Pages>>) -> Json<Value> {
    let before = pages.recent.checklists();
    for _ in 0..10 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if !Arc::ptr_eq(&before, &pages.recent.checklists()) {
            break;
        }
    }
    let lists = pages.recent.checklists();
    let targets = lists.iter().take(CHECKLISTS_MAX).map(|list| {
        let items = list.items.iter().map(|item| {
            let rules: Vec<_> = item.rules.iter().map(|rule| rule.id()).collect();
            json!({
                "list": item.list.id(), "id": item.id, "title": item.title, "state": item.state.id(), "rules": rules,
                "relevant": item.relevant, "note": item.note,
            })
        });
        json!({ "target_origin": list.target_origin, "items": items.collect::<Vec<_>>() })
    });
    Json(json!({ "targets": targets.collect::<Vec<_>>() }))
}

/// `GET /api/findings/F…`: one, with what it rests on.
pub async fn finding(State(pages): State<Arc<Pages>>, Path(id): Path<String>) -> Response {
    if let Some(desk) = &pages.desk {
        let asked = id.clone();
        let found = desk
            .ask(move |reader| {
                let Some(finding) = reader.finding(&asked)? else { return Ok(None) };
                let times = reader.times_of(&asked)?;
                let mut value = to_json(&finding);
                value["evidence_times"] = times.into_iter().map(|(id, time)| json!([id, time])).collect();
                Ok(Some(value))
            })
            .await;
        match found {
            Ok(Some(value)) => return Json(value).into_response(),
            Ok(None) => {}
            Err(error) => return error.into_response(),
        }
    }
    // Newer than what the database has, or there is none.
    let recent = pages.recent.findings();
    let found = recent.iter().find(|f| f.id.to_string() == id);
    found.map_or_else(none_such, |f| Json(of_finding(f)).into_response())
}

/// `GET /api/transactions/T…?time=…`: one, with its headers.
pub async fn transaction(
    State(pages): State<Arc<Pages>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let recent = pages.recent.blocked();
    if let Some(t) = recent.iter().find(|t| t.id.to_string() == id) {
        return Json(of_transaction(t, true)).into_response();
    }
    let Some(desk) = &pages.desk else { return none_such() };
    let found = desk
        .ask(
            move |reader| {
                if asked.time.is_empty() { reader.transaction(&id) } else { reader.transaction_at(&asked.time, &id) }
            },
        )
        .await;
    match found {
        Ok(Some(t)) => Json(to_json(&t)).into_response(),
        Ok(None) => none_such(),
        Err(error) => error.into_response(),
    }
}

/// A transaction as the database gives it; `with_evidence` adds both legs with their headers.
pub(super) fn of_transaction(t: &Transaction, with_evidence: bool) -> Value {
    let browser = format!("{} {}", t.browser.family, t.browser.version);
    let mut value = json!({
        "id": t.id.to_string(), "time": t.time.to_string(), "client": t.client.to_string(),
        "forwarded_for": t.forwarded_for.map(|ip| ip.to_string()), "server": t.server.to_string(),
        "origin": t.origin, "target_origin": t.target_origin, "path": t.path, "method": t.method,
        "site": t.site.id(), "mode": t.mode.id(), "credentials": t.credentials.id(),
        "preflight_state": t.preflight_state.id(), "verdict": t.verdict.id(),
        "phase": t.phase.map(Phase::id), "reason": t.reason.map(Reason::id), "cause": t.cause.map(Cause::id),
        "confidence": t.confidence.id(), "browser": browser.trim_end(),
        "preflight_status": t.preflight.as_ref().and_then(|p| p.leg.status),
        "actual_status": t.actual.as_ref().and_then(|a| a.status),
        "effect": t.effect.map(Effect::id), "blocked_after_effect": t.blocked_after_effect, "detail": t.detail,
    });
    if with_evidence {
        value["evidence"] = evidence(t);
    }
    value
}

fn evidence(t: &Transaction) -> Value {
    let mut value = json!({
        "fix": t.fix,
        "reasons": t.reasons_all.iter().map(|r| r.id()).collect::<Vec<_>>(),
        "cause_confidence": t.cause_confidence.map(Confidence::id),
    });
    if let Some(p) = &t.preflight {
        let mut preflight = leg(&p.leg);
        preflight["requested_method"] = json!(p.requested_method);
        preflight["requested_headers"] = json!(p.requested_headers);
        preflight["because"] = json!(p.because);
        value["preflight"] = preflight;
    }
    if let Some(actual) = &t.actual {
        value["actual"] = leg(actual);
    }
    let hop = |time: Time, target: &str, status, origin: Option<&str>, verdict: &str| json!({ "time": time.to_string(), "target_origin": target, "status": status, "origin_sent": origin, "verdict": verdict });
    value["hops"] = t
        .hops
        .iter()
        .map(|h| hop(h.time, &h.target_origin, h.status, h.origin_sent.as_deref(), h.verdict.id()))
        .collect();
    value
}

fn leg(leg: &Leg) -> Value {
    let head = |head: &Head| serde_json::from_str::<Value>(&head_json(head)).unwrap_or(Value::Null);
    json!({
        "time": leg.time.to_string(), "status": leg.status, "verdict": leg.verdict.id(),
        "duration_us": leg.duration_ns.map(|ns| ns / 1000),
        "method": String::from_utf8_lossy(leg.request.head.method()),
        "request": head(&leg.request.head),
        "response": leg.response.as_ref().map(|r| head(&r.head)),
    })
}

/// A finding as the database gives it.
pub(super) fn of_finding(f: &Finding) -> Value {
    json!({
        "id": f.id.to_string(), "rule": f.rule.id(), "severity": f.severity.id(), "confidence": f.confidence.id(),
        "subject": f.subject, "first_seen": f.first_seen.to_string(), "last_seen": f.last_seen.to_string(),
        "count": f.count, "detail": f.detail, "fix": f.fix,
        "evidence": f.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
