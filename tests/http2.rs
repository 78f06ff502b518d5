//! HTTP/2 in plain text of real clients, gateways and servers (tests/data/http2): each pair that tshark reads, also where the capture
//! begins in the midst of it; and no secret kept.

use std::path::Path;
use std::sync::Arc;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::counters::Counters;
use corstap::engine::Engine;
use corstap::http::head::Head;
use corstap::http::{HeadState, Request, Response, Version};
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::record::{Finding, Sink, Transaction};

const CAPTURES: [&str; 5] = ["nginx-curl", "nginx-nghttp", "haproxy", "caddy", "caddy-upgrade"];

#[derive(Default)]
struct Pairs {
    /// Connection, method, path and status.
    answered: Vec<String>,
    /// All that was kept of the heads.
    kept: String,
    heads: usize,
    cut: usize,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Pairs {
    fn keep(&mut self, head: &Head, state: HeadState) {
        self.heads += 1;
        self.cut += usize::from(state != HeadState::Whole);
        for field in head.fields() {
            self.kept.extend([&text(head.name_of(field)), ": ", &text(head.value_of(field)), "\n"]);
        }
    }
}

impl Sink for Pairs {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn exchange(&mut self, request: &Arc<Request>, response: Option<&Arc<Response>>) {
        self.keep(&request.head, request.head_state);
        let Some(response) = response else { return };
        assert_eq!(response.version, Version::Http2);
        self.keep(&response.head, response.head_state);
        let (method, target) = (text(request.head.method()), text(request.head.target()));
        self.answered.push(format!("{} {method} {target} {}", request.id.stream.0, response.status));
    }
}

/// Reads a capture without its first packets.
fn read(name: &str, missed: usize) -> (Pairs, Counters) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/http2/{name}.pcapng"));
    let mut engine = Engine::new(&Limits::default(), &EngineOptions::default());
    let mut pairs = Pairs::default();
    let mut feed = Feed::open(&[path], FeedOptions::default());
    let mut nth = 0;
    while let Some(packet) = feed.next() {
        if nth >= missed {
            engine.on_packet(&packet, &mut pairs);
        }
        nth += 1;
    }
    engine.finish(&mut pairs);
    pairs.answered.sort_unstable();
    (pairs, engine.counters().clone())
}

fn expected(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/http2/{name}.messages"));
    let text = std::fs::read_to_string(path).expect("messages");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if name == "caddy-upgrade" {
        lines.push("0 GET /0 200".to_owned());
    }
    lines.sort_unstable();
    lines
}

#[test]
fn every_pair_that_tshark_reads_is_seen() {
    for name in CAPTURES {
        let (seen, counters) = read(name, 0);
        assert_eq!(seen.answered, expected(name), "{name}");
        assert_eq!((counters.http_errors.total(), counters.carried.not_http, seen.cut), (0, 0, 0), "{name}");
    }
}

#[test]
fn a_capture_that_begins_midway_shows_a_part_and_no_other_pair() {
    let (mut part, mut whole) = (0, 0);
    for name in CAPTURES {
        let expected = expected(name);
        let path = |line: &String| line.split_once(' ').map(|(_, rest)| rest.to_owned());
        for missed in 1..60 {
            let (seen, _) = read(name, missed);
            for pair in &seen.answered {
                // connections are numbered as they are seen
                assert!(expected.iter().any(|e| path(e) == path(pair)), "{name} from packet {missed}: {pair}");
            }
            part += seen.heads - seen.cut;
            whole += seen.heads;
        }
    }
    assert!(part > 200 && whole > part, "{part} of {whole} heads came whole");
}

#[test]
fn of_secrets_nothing_is_kept() {
    for name in ["nginx-curl", "haproxy", "caddy"] {
        let (seen, _) = read(name, 0);
        assert!(
            seen.kept.contains("cookie: (present)") && seen.kept.contains("authorization: Bearer"),
            "{}",
            seen.kept
        );
        assert!(!seen.kept.contains("not-for-you"), "{}", seen.kept);
    }
}
