//! An incident as JSON, one object a line: a `report`, then `run`, `problem`, `finding`, `check`, `target`, `origin`, `endpoint`,
//! `browser` and `carried_out` lines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::incident::Incident;
use super::problems::{Counts, Problem, clients_hit};
use crate::catalog::{Cause, Rule};
use crate::record::Finding;

/// All lines.
#[must_use]
pub fn lines(incident: &Incident) -> String {
    let mut all = vec![overview(incident)];
    all.extend(incident.runs.iter().map(|run| tagged("run", json!(run))));
    all.extend(incident.problems.iter().map(problem));
    all.extend(incident.findings.iter().map(finding));
    all.extend(incident.checklists.iter().map(|check| tagged("check", json!(check))));
    for (kind, groups) in
        [("target", &incident.targets), ("origin", &incident.origins), ("endpoint", &incident.endpoints)]
    {
        all.extend(groups.iter().map(|group| tagged(kind, json!(group))));
    }
    for (browser, n) in incident.browsers.largest_first() {
        all.push(json!({"type": "browser", "browser": browser, "blocked": n}));
    }
    all.extend(incident.carried_out.iter().map(|row| tagged("carried_out", json!(row))));
    let mut out = String::new();
    for line in all {
        // What could act on a terminal is escaped: the rest of JSON's own escapes are serde's.
        for c in line.to_string().chars() {
            if super::acts_on_terminal(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            } else {
                out.push(c);
            }
        }
        out.push('\n');
    }
    out
}

fn tagged(kind: &str, mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("type".into(), kind.into());
    }
    object
}

fn overview(incident: &Incident) -> Value {
    json!({
        "type": "report",
        "db": incident.db,
        "version": env!("CARGO_PKG_VERSION"),
        "first": incident.span.map(|(first, _)| first.to_string()),
        "last": incident.span.map(|(_, last)| last.to_string()),
        "transactions": {"allowed": incident.allowed, "blocked": incident.blocked, "undecided": incident.undecided},
        "clients": clients_hit(&incident.problems).keys(),
        "problems": incident.problems.len(),
        "refusals_not_listed": incident.overflow,
        "carried_out": {"taken": incident.taken(), "possible": incident.possible()},
        "findings": incident.severities().iter().map(|(s, n)| (s.id().to_owned(), json!(n))).collect::<serde_json::Map<_, _>>(),
    })
}

fn problem(p: &Problem) -> Value {
    json!({
        "type": "problem",
        "target_origin": p.target_origin,
        "phase": p.phase,
        "reason": p.reason,
        "subject": p.subject,
        "probing": p.is_probing(),
        "count": p.count,
        "first": p.first.to_string(),
        "last": p.last.to_string(),
        "clients": p.clients.keys(),
        "causes": counted(&p.causes, |c: &Cause| c.id().to_owned()),
        "cause_confidence": p.cause_confidence,
        "fixes": p.fixes.iter().map(|(cause, fix)| json!({"cause": cause, "fix": fix})).collect::<Vec<_>>(),
        "endpoints": counted(&p.endpoints, |(method, path)| format!("{method} {path}")),
        "origins": counted(&p.origins, Clone::clone),
        "browsers": counted(&p.families, |f| f.id().to_owned()),
        "statuses": counted(&p.statuses, ToString::to_string),
        "confidence": counted(&p.confidence, |c| c.id().to_owned()),
        "taken": p.taken,
        "possible": p.possible,
        "repeats": p.repeats,
        "detail": p.detail,
        "evidence": p.cited,
    })
}

fn counted<K: Ord + Clone>(counts: &Counts<K>, name: impl Fn(&K) -> String) -> Value {
    let all: Vec<Value> = counts.largest_first().into_iter().map(|(key, n)| json!([name(key), n])).collect();
    all.into()
}

fn finding(f: &Finding) -> Value {
    json!({
        "type": "finding",
        "id": f.id.to_string(),
        "rule": Rule::id(f.rule),
        "severity": f.severity,
        "time": f.first_seen.to_string(),
        "last_seen": f.last_seen.to_string(),
        "confidence": f.confidence,
        "subject": f.subject,
        "count": f.count,
        "detail": f.detail,
        "fix": f.fix,
        "evidence": f.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
