//! What `inspect` would list of captures that others made to be hard, against what is in them (tests/data/corpus/README.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::engine::Engine;
use corstap::http::head::{Head, Name};
use corstap::http::{Request, Response};
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::record::{Finding, Message, MessageRecord, Sink, Transaction};
use serde_json::Value;

/// A message as far as it is compared: its direction, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    what: String,
    cors: Vec<(String, String)>,
}

type Direction = (String, String);

#[derive(Default)]
struct Messages(BTreeMap<Direction, Vec<Seen>>);

impl Sink for Messages {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn message(&mut self, m: &MessageRecord) {
        let (direction, what, head) = match &m.message {
            Message::Request(r) => {
                let text = |bytes: &[u8]| clean(&String::from_utf8_lossy(bytes));
                let host = r.head.first(Name::Host).map(text).unwrap_or_default();
                let what = format!("{} {} {} {host}", text(r.head.method()), text(r.head.target()), r.version.id());
                ((r.client.to_string(), r.server.to_string()), what, &r.head)
            }
            Message::Response { response: r, client, server } => {
                ((server.to_string(), client.to_string()), format!("{} {}", r.status, r.version.id()), &r.head)
            }
        };
        self.0.entry(direction).or_default().push(Seen { what, cors: cors_of(head) });
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).collect::<String>().trim().to_owned()
}

fn is_compared(name: &str) -> bool {
    name == "origin"
        || name == "vary"
        || name == "timing-allow-origin"
        || name.starts_with("access-control-")
        || name.starts_with("sec-fetch-")
}

fn cors_of(head: &Head) -> Vec<(String, String)> {
    let mut fields: Vec<_> = head
        .fields()
        .iter()
        .map(|f| (String::from_utf8_lossy(head.name_of(f)).to_ascii_lowercase(), head.value_of(f)))
        .filter(|(name, _)| is_compared(name))
        .map(|(name, value)| (name, clean(&String::from_utf8_lossy(value))))
        .collect();
    fields.sort();
    fields
}

struct Expected {
    /// `None` where several values are right.
    seen: Seen,
    any: bool,
    required: bool,
}

fn expected(path: &Path) -> BTreeMap<Direction, Vec<Expected>> {
    let mut all: BTreeMap<Direction, Vec<Expected>> = BTreeMap::new();
    for line in std::fs::read_to_string(path).expect("expected messages").lines() {
        let m: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| clean(m[key].as_str().unwrap_or_default());
        let version = text("version");
        let is_request = m["kind"] == "request";
        let (client, server) = (text("client"), text("server"));
        let what = if is_request {
            format!("{} {} {version} {}", text("method"), text("target"), text("host"))
        } else {
            format!("{} {version}", m["status"])
        };
        let mut cors: Vec<(String, String)> = m["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|f| (f[0].as_str().unwrap_or_default().to_owned(), clean(f[1].as_str().unwrap_or_default())))
            .filter(|(name, _)| is_compared(name))
            .collect();
        cors.sort();
        let direction = if is_request { (client, server) } else { (server, client) };
        all.entry(direction).or_default().push(Expected {
            seen: Seen { what, cors },
            any: m["any"].is_object() || m["headers"].is_null(),
            required: m["trust"] == "high" && !m["needs"].as_array().is_some_and(|n| n.iter().any(|n| n == "keys")),
        });
    }
    all
}

/// The first difference in one direction; low trust may be missing or there.
fn difference(expected: &[Expected], seen: &[Seen]) -> Option<String> {
    let mut rest = seen;
    for e in expected {
        let same = |s: &Seen| if e.any { s.what == e.seen.what } else { *s == e.seen };
        match rest {
            [first, after @ ..] if same(first) => rest = after,
            _ if e.required => return Some(format!("expected {:?}, seen {:?}", e.seen, rest.first())),
            // A message of low trust that is seen otherwise than expected.
            [first, after @ ..] if first.what.split(' ').next() == e.seen.what.split(' ').next() => {
                let next_is_required = expected.iter().any(|e| e.required && *first == e.seen);
                if !next_is_required {
                    rest = after;
                }
            }
            _ => {}
        }
    }
    rest.first().map(|extra| format!("too many: {extra:?}"))
}

#[test]
fn every_message_of_the_corpus_is_seen_and_none_too_many() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("INDEX.tsv");
    let mut differences = Vec::new();
    let (mut captures, mut required) = (0, 0);
    for row in index.lines().skip(1) {
        let [files, oracle, expect, ..] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("short row {row}") };
        let paths: Vec<PathBuf> = files.split('+').map(|f| folder.join(f)).collect();
        let mut engine = Engine::new(&Limits::default(), &EngineOptions { messages: true, ..EngineOptions::default() });
        let mut seen = Messages::default();
        let mut feed = Feed::open(&paths, FeedOptions::default());
        while let Some(packet) = feed.next() {
            engine.on_packet(&packet, &mut seen);
        }
        engine.finish(&mut seen);
        captures += 1;
        if expect == "must_not_crash" {
            continue;
        }
        let expected = if oracle.is_empty() { BTreeMap::new() } else { expected(&folder.join(oracle)) };
        required += expected.values().flatten().filter(|e| e.required).count();
        for (direction, expected) in &expected {
            let seen = seen.0.remove(direction).unwrap_or_default();
            differences.extend(difference(expected, &seen).map(|d| format!("{files} {direction:?}: {d}")));
        }
        differences.extend(seen.0.iter().map(|(direction, m)| format!("{files} {direction:?}: too many: {m:?}")));
    }
    assert!(captures > 100 && required > 900, "{captures} captures with {required} messages: the corpus is not there");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// What the engine told, counted.
#[derive(Default)]
struct Told {
    exchanges: u64,
    answered: u64,
    transactions: u64,
}

impl Sink for Told {
    fn transaction(&mut self, _: &Arc<Transaction>) {
        self.transactions += 1;
    }
    fn finding(&mut self, _: &Finding) {}
    fn exchange(&mut self, _: &Arc<Request>, response: Option<&Arc<Response>>) {
        self.exchanges += 1;
        self.answered += u64::from(response.is_some());
    }
}

#[test]
fn every_packet_connection_and_message_is_somewhere() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths = vec![data.join("../../captures/incident.pcapng")];
    for folder in ["corpus", "findings"] {
        let entries = std::fs::read_dir(data.join(folder)).expect("captures");
        paths.extend(entries.map(|e| e.expect("an entry").path()));
    }
    paths.retain(|p| p.is_file() && p.to_string_lossy().contains(".pcap"));
    paths.sort();
    let (mut requests, mut unanswered, mut orphans) = (0, 0, 0);
    for path in paths {
        let mut engine = Engine::new(&Limits::default(), &EngineOptions::default());
        let mut told = Told::default();
        let mut feed = Feed::open(std::slice::from_ref(&path), FeedOptions::default());
        let mut read = 0;
        while let Some(packet) = feed.next() {
            read += 1;
            engine.on_packet(&packet, &mut told);
        }
        engine.finish(&mut told);
        let c = engine.counters();
        let name = path.display();
        assert_eq!([c.packets, c.segments + c.ignored.total()], [read; 2], "{name}: packets that are nowhere");
        assert_eq!(c.connections, c.carried.total(), "{name}: connections that are nowhere");
        assert_eq!(c.requests, told.exchanges, "{name}: requests that are nowhere");
        assert_eq!(c.responses, told.answered + c.http_errors.orphan_response, "{name}: responses that are nowhere");
        assert!(told.transactions <= c.requests, "{name}: transactions of nothing");
        requests += c.requests;
        unanswered += c.requests - told.answered;
        orphans += c.http_errors.orphan_response;
    }
    assert!(
        requests > 2000 && unanswered > 10 && orphans > 10,
        "{requests}, {unanswered} unanswered, {orphans} orphans"
    );
}
