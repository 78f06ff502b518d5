//! What a reader of events may rely on: the published schema, and that capture goes on whatever the reader does.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;

use serde_json::{Value, json};

use super::*;
use crate::catalog::{Cause, Reason, Rule};
use crate::record::{
    Confidence, Credentials, Effect, Family, Mode, Phase, PreflightState, Site, TransactionId, Verdict,
};
use crate::store::tests::{Folder, finding, transaction};

/// docs/events.schema.json, made of the words that the program uses.
fn schema() -> Value {
    fn words<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str) -> Value {
        json!({ "enum": all.iter().map(|w| id(*w)).collect::<Vec<_>>() })
    }
    fn or_null<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str) -> Value {
        json!({ "enum": all.iter().map(|w| json!(id(*w))).chain([Value::Null]).collect::<Vec<_>>() })
    }
    let text = json!({ "type": "string" });
    let text_or_null = json!({ "type": ["string", "null"] });
    let status = json!({ "type": ["integer", "null"] });
    let count = json!({ "type": "integer" });
    let texts = json!({ "type": "array", "items": text });
    let confidence = words(Confidence::ALL, Confidence::id);
    let leg =
        json!({ "time": text, "status": status, "verdict": words(Verdict::ALL, Verdict::id), "duration_us": status });
    let mut preflight = leg.clone();
    for (name, of) in [("requested_method", &text), ("requested_headers", &texts), ("because", &texts)] {
        preflight[name] = of.clone();
    }
    let object = |properties: Value, optional: &[&str], or_null: bool| {
        let names = properties.as_object().expect("properties are an object").keys();
        let required: Vec<&String> = names.filter(|name| !optional.contains(&name.as_str())).collect();
        let kind = if or_null { json!(["object", "null"]) } else { json!("object") };
        json!({ "type": kind, "required": required, "properties": properties })
    };
    let hop = json!({
        "time": text, "target_origin": text, "status": status, "origin_sent": text_or_null,
        "verdict": words(Verdict::ALL, Verdict::id)
    });
    let transaction = json!({
        "type": { "enum": ["transaction"] }, "id": text, "time": text, "client": text, "forwarded_for": text_or_null,
        "server": text, "origin": text_or_null, "target_origin": text, "path": text, "method": text,
        "site": words(Site::ALL, Site::id), "mode": words(Mode::ALL, Mode::id),
        "credentials": words(Credentials::ALL, Credentials::id),
        "preflight_state": words(PreflightState::ALL, PreflightState::id),
        "preflight": object(preflight, &[], true), "actual": object(leg, &[], true),
        "hops": { "type": "array", "items": object(hop, &[], false) },
        "verdict": { "enum": ["blocked"] }, "phase": words(Phase::ALL, Phase::id), "reason": words(Reason::ALL, Reason::id),
        "reasons_all": { "type": "array", "items": words(Reason::ALL, Reason::id) }, "confidence": confidence,
        "cause": or_null(Cause::ALL, Cause::id), "cause_confidence": or_null(Confidence::ALL, Confidence::id),
        "effect": or_null(Effect::ALL, Effect::id), "blocked_after_effect": { "type": "boolean" },
        "detail": text, "fix": text,
        "browser": object(json!({ "family": words(Family::ALL, Family::id), "version": text }), &[], false)
    });
    let finding = json!({
        "type": { "enum": ["finding"] }, "id": text, "rule": words(Rule::ALL, Rule::id),
        "severity": words(Severity::ALL, Severity::id), "time": text, "last_seen": text, "confidence": confidence,
        "subject": text, "count": count, "detail": text, "fix": text, "evidence": texts
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "corstap run --events",
        "description": "One line: a transaction that the browser refused, or a finding that is new, has changed its severity, or goes on \
                        (once a minute). Times are RFC 3339 UTC. Fields may be added; none is renamed or removed.",
        "oneOf": [object(transaction, &["hops", "reasons_all"], false), object(finding, &[], false)]
    })
}

/// What of `value` is not as the schema has it, by the keywords that the schema uses. Fields beyond it are told too: the
/// schema must know every field there is.
fn faults(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(either) = schema.get("oneOf").and_then(Value::as_array) {
        let each: Vec<Vec<String>> = either.iter().map(|s| faults(s, value, place)).collect();
        if each.iter().filter(|f| f.is_empty()).count() != 1 {
            told.extend(each.into_iter().flatten());
        }
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        told.push(format!("{place}: {value} is none of {} words", words.len()));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = schema.get("type").map(|t| t.as_array().cloned().unwrap_or_else(|| vec![t.clone()]));
    if kinds.is_some_and(|kinds| !kinds.contains(&json!(kind))) {
        told.push(format!("{place}: is {kind}"));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        told.extend(values.iter().flat_map(|v| faults(items, v, &format!("{place}[]"))));
    }
    if let (Some(properties), Some(fields)) = (schema.get("properties"), value.as_object()) {
        for name in schema["required"].as_array().expect("each object says what it requires") {
            if !fields.contains_key(name.as_str().expect("names are texts")) {
                told.push(format!("{place}: lacks {name}"));
            }
        }
        for (name, field) in fields {
            match properties.get(name) {
                Some(schema) => told.extend(faults(schema, field, &format!("{place}.{name}"))),
                None => told.push(format!("{place}: {name} is not in the schema")),
            }
        }
    }
    told
}

fn lines_of(write: impl Fn(&mut JsonLines)) -> Vec<Value> {
    let mut lines = JsonLines::default();
    write(&mut lines);
    lines.bytes().split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

#[test]
fn the_published_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.schema.json");
    let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("CORSTAP_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, now, "docs/events.schema.json is not current: run the tests with CORSTAP_BLESS=1");
}

#[test]
fn every_line_is_as_the_schema_says() {
    let schema = schema();
    let whole = transaction(1, Verdict::Blocked);
    let mut bare = transaction(2, Verdict::Blocked);
    (bare.preflight, bare.actual, bare.origin, bare.cause, bare.effect) = (None, None, None, None, None);
    bare.reasons_all = vec![Reason::MissingAllowOrigin, Reason::MissingAllowCredentials];
    bare.forwarded_for = Some("10.0.0.1".parse().unwrap());
    let hop = |t: &Transaction| crate::record::Hop {
        time: t.time,
        target_origin: t.target_origin.clone(),
        status: None,
        origin_sent: None,
        verdict: Verdict::Allowed,
    };
    bare.hops = vec![hop(&bare)];
    let lines = lines_of(|lines| {
        lines.transaction(&whole);
        lines.transaction(&bare);
        lines.finding(&finding(0, 10, 5, &[&whole]));
    });
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(faults(&schema, line, "line"), Vec::<String>::new(), "{line}");
    }
    // And what is not, is found.
    let mut wrong = lines[0].clone();
    wrong["reason"] = json!("bad_luck");
    assert!(!faults(&schema, &wrong, "line").is_empty());
    let allowed = lines_of(|lines| lines.transaction(&transaction(1, Verdict::Allowed)));
    assert!(!faults(&schema, &allowed[0], "line").is_empty());
}

#[test]
fn a_reader_that_stands_still_loses_lines_and_stops_nothing() {
    let folder = Folder::new();
    let path = folder.db().with_extension("sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut events = Events::start(EventTarget::Unix(path)).unwrap();
    let status = Arc::clone(events.status());
    // Far more than a socket and the queue hold; nobody reads.
    let begun = Instant::now();
    let t = transaction(1, Verdict::Blocked);
    let sent = 20_000;
    for _ in 0..sent {
        events.on_blocked(&t);
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(status.lost() > 0);
    // The reader wakes up: what waited is read, each line whole.
    let (stream, _) = listener.accept().unwrap();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map(|l| serde_json::from_str::<Value>(&l.unwrap()).unwrap());
        lines.count() as u64
    });
    events.finish();
    assert_eq!(reader.join().unwrap(), status.written());
    assert_eq!(status.written() + status.lost(), sent);
}

#[test]
fn a_file_that_is_rotated_away_begins_anew() {
    let folder = Folder::new();
    let path = folder.db().with_extension("jsonl");
    let mut events = Events::start(EventTarget::File(path.clone())).unwrap();
    let status = Arc::clone(events.status());
    let until_written = |n: u64| {
        let begun = Instant::now();
        while status.written() < n {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    events.on_blocked(&transaction(1, Verdict::Blocked));
    until_written(1);
    let old = path.with_extension("jsonl.1");
    std::fs::rename(&path, &old).unwrap();
    std::thread::sleep(AGAIN);
    events.on_blocked(&transaction(2, Verdict::Blocked));
    until_written(2);
    events.finish();
    let id = |path: &Path| -> Value {
        serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap()["id"].clone()
    };
    assert_eq!(id(&old), transaction(1, Verdict::Blocked).id.to_string());
    assert_eq!(id(&path), transaction(2, Verdict::Blocked).id.to_string());
}

#[test]
fn a_finding_is_told_when_it_is_new_or_worse() {
    let folder = Folder::new();
    let path = folder.db().with_extension("jsonl");
    let mut events = Events::start(EventTarget::File(path.clone())).unwrap();
    let mut f = finding(0, 1, 1, &[]);
    f.evidence = vec![TransactionId(1)];
    for count in 1..5 {
        f.count = count;
        events.on_finding(&f);
    }
    f.severity = Severity::Critical;
    events.on_finding(&f);
    events.finish();
    let text = std::fs::read_to_string(&path).unwrap();
    let told: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|f| (f["count"].as_u64().unwrap(), f["severity"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "medium"), (4, "critical")]);
}

#[test]
fn targets_are_spelled_as_documented() {
    assert_eq!(EventTarget::parse("-"), EventTarget::Stdout);
    assert_eq!(EventTarget::parse("unix:/run/a.sock"), EventTarget::Unix("/run/a.sock".into()));
    assert_eq!(EventTarget::parse("a.jsonl"), EventTarget::File("a.jsonl".into()));
}
