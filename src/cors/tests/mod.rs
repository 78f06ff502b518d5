//! Exchanges in, verdicts out: rules of VERDICTS.md as tables, and what must hold of all of them.

mod checks;
mod many;
mod pairing;
mod properties;
mod redirects;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Correlator;
use crate::counters::Counters;
use crate::http::head::{HeadBuilder, Name};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, Request, Response, StreamId, Version,
};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, Order, SECOND, Time};
use crate::record::{Finding, Sink, Transaction};

/// The transactions that came out.
#[derive(Default)]
pub(super) struct Taken(pub Vec<Transaction>);

impl Sink for Taken {
    fn transaction(&mut self, transaction: &Arc<Transaction>) {
        self.0.push((**transaction).clone());
    }
    fn finding(&mut self, _: &Finding) {}
}

pub(super) const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const SAFARI: &str = "Mozilla/5.0 (X11) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.5 Safari/605.1.15";

/// A browser talking to `b.test`, an exchange at a time.
struct Wire {
    correlator: Correlator,
    counters: Counters,
    taken: Taken,
    now: i64,
    next: u32,
    stream: u64,
    agent: &'static str,
    /// The client's IPv6 address; 0 is 198.51.100.7.
    address: u128,
    /// No `User-Agent` but what the request has itself.
    bare: bool,
    /// How the bodies of answers end.
    body: BodyState,
    /// Of answers.
    version: Version,
    /// What lowers the trust in answers.
    doubts: Doubts,
}

fn fields(built: &mut HeadBuilder, lines: &str) {
    for line in lines.split('|').filter(|l| !l.is_empty()) {
        let (name, value) = line.split_once(':').expect("a field is name: value");
        built.field(name.as_bytes(), Name::of(name.as_bytes()), value.trim().as_bytes(), false);
    }
}

impl Wire {
    fn new(agent: &'static str) -> Self {
        Wire::with_limits(agent, &Limits::default())
    }

    fn with_limits(agent: &'static str, limits: &Limits) -> Self {
        Wire {
            correlator: Correlator::new(limits, &EngineOptions::default()),
            counters: Counters::default(),
            taken: Taken::default(),
            now: SECOND,
            next: 0,
            stream: 0,
            agent,
            address: 0,
            bare: false,
            body: BodyState::Whole,
            version: Version::Http11,
            doubts: Doubts::default(),
        }
    }

    fn mark(&mut self) -> Mark {
        self.now += MILLISECOND;
        self.next += 1;
        Mark { time: Time(self.now), order: Order(u64::from(self.next)) }
    }

    fn id(&self, request: bool) -> MessageId {
        MessageId { stream: StreamId(self.stream), request, seq: self.next, nth: self.next }
    }

    fn request(&mut self, line: &str, lines: &str) -> Arc<Request> {
        let (method, target) = line.split_once(' ').expect("METHOD target");
        let mut built = HeadBuilder::request(method.as_bytes(), target.as_bytes());
        if !lines.to_ascii_lowercase().contains("host:") {
            fields(&mut built, "Host: b.test");
        }
        if !self.bare {
            fields(&mut built, &format!("User-Agent: {}", self.agent));
        }
        fields(&mut built, "Accept: */*|Accept-Encoding: gzip");
        fields(&mut built, lines);
        let at = self.mark();
        let client: SocketAddr = match self.address {
            0 => "198.51.100.7:40000".parse().expect("an address"),
            address => (IpAddr::from(address.to_be_bytes()), 40000).into(),
        };
        let request = Arc::new(Request {
            id: self.id(true),
            first: at,
            head_end: at,
            client,
            peer: client,
            server: "203.0.113.9:80".parse().expect("an address"),
            version: Version::Http11,
            scheme: None,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
            on_connection: 0,
        });
        self.event(&HttpEvent::Request(request.clone()));
        request
    }

    fn answer(&mut self, request: Arc<Request>, status: u16, lines: &str) {
        let mut built = HeadBuilder::response();
        fields(&mut built, lines);
        let at = self.mark();
        let response = Arc::new(Response {
            id: self.id(false),
            first: at,
            head_end: at,
            client: request.client,
            server: request.server,
            status,
            version: self.version,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: self.doubts,
        });
        let id = response.id;
        self.event(&HttpEvent::Response { request: Some(request), response });
        self.event(&HttpEvent::End { id, body_bytes: 0, state: self.body, at });
    }

    fn exchange(&mut self, line: &str, lines: &str, status: u16, answer: &str) {
        let request = self.request(line, lines);
        self.answer(request, status, answer);
    }

    /// The same request twice, on two connections, before either is answered.
    fn exchanges_at_once(&mut self, line: &str, lines: &str, status: u16, answers: [&str; 2]) {
        self.stream = 0;
        let first = self.request(line, lines);
        self.stream = 1;
        let second = self.request(line, lines);
        self.stream = 0;
        self.answer(first, status, answers[0]);
        self.stream = 1;
        self.answer(second, status, answers[1]);
    }

    fn event(&mut self, event: &HttpEvent) {
        self.correlator.on_event(event, &mut self.counters);
        self.correlator.tell(&mut self.taken, &mut self.counters);
    }

    fn silence(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += SECOND;
            self.correlator.advance(Time(self.now), &mut self.taken, &mut self.counters);
        }
    }

    /// Time passes, and something is heard at its end.
    fn pass(&mut self, seconds: i64) {
        self.exchange("GET /meanwhile", "", 200, "");
        self.silence(15);
        self.now += (seconds - 15).max(0) * SECOND;
    }

    fn end(mut self) -> Vec<String> {
        self.correlator.finish(Time(self.now), &mut self.taken, &mut self.counters);
        self.taken.0.iter().map(say).collect()
    }
}

fn say(t: &Transaction) -> String {
    let mut words = vec![t.method.to_string(), t.path.to_string(), t.verdict.to_string()];
    words.extend(t.phase.map(|p| p.to_string()));
    words.extend(t.reason.map(|r| r.to_string()));
    words.push(t.confidence.to_string());
    words.push(t.preflight_state.to_string());
    words.join(" ")
}

const A: &str = "Origin: http://a.test";
const ASK_PUT: &str = "Origin: http://a.test|Access-Control-Request-Method: PUT";

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}
