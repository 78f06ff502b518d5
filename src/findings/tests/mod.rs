//! Rules through the correlator: exchanges in, findings out. Each rule has its case and the nearest innocent one.

mod audit;
mod book;
mod probing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::catalog::{Rule, Severity};
use crate::cors::Correlator;
use crate::counters::Counters;
use crate::http::head::{HeadBuilder, Name, SameSite, SetCookie};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, StreamId, Version,
};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, Order, SECOND, Time};
use crate::record::{Checklist, Finding, FindingId, Sink, Transaction};

pub const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

/// A page of the same site, of a partner's site, and of a stranger's.
pub const APP: &str = "https://app.shop.test";
pub const PARTNER: &str = "https://www.partner.test";

#[derive(Default)]
pub struct Taken {
    pub latest: BTreeMap<FindingId, Finding>,
    pub told: Vec<(Rule, Severity)>,
    pub checklists: Vec<Checklist>,
}

impl Sink for Taken {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, finding: &Finding) {
        self.told.push((finding.rule, finding.severity));
        self.latest.insert(finding.id, finding.clone());
    }
    fn checklist(&mut self, checklist: &Checklist) {
        self.checklists.push(checklist.clone());
    }
}

/// Clients, a TLS terminator that adds forwarding fields, and `https://api.shop.test` behind it; or no terminator.
pub struct Scene {
    correlator: Correlator,
    counters: Counters,
    pub taken: Taken,
    pub now: i64,
    next: u32,
    pub client: &'static str,
    pub agent: &'static str,
    pub host: &'static str,
    /// None: behind the terminator. Some: the client speaks to this address in plain text.
    pub direct: Option<&'static str>,
    pub body: BodyStart,
    pub answer_body: BodyStart,
}

fn fields(built: &mut HeadBuilder, lines: &str) {
    for line in lines.split('|').filter(|l| !l.is_empty()) {
        let (name, value) = line.split_once(':').expect("a field is name: value");
        let (known, value) = (Name::of(name.as_bytes()), value.trim());
        if known == Name::SetCookie {
            let has = |attribute: &str| value.split(';').any(|part| part.trim().eq_ignore_ascii_case(attribute));
            built.set_cookie(SetCookie {
                name: 1,
                same_site: if has("SameSite=None") {
                    SameSite::None
                } else if has("SameSite=Lax") {
                    SameSite::Lax
                } else {
                    SameSite::Unset
                },
                secure: has("Secure"),
                http_only: has("HttpOnly"),
                removes: has("Max-Age=0"),
                session_like: value.starts_with("sid="),
            });
        }
        built.field(name.as_bytes(), known, value.as_bytes(), known == Name::SetCookie);
    }
}

impl Scene {
    pub fn new() -> Self {
        Scene::with(&EngineOptions::default())
    }

    pub fn with(options: &EngineOptions) -> Self {
        Scene::within(&Limits::default(), options)
    }

    pub fn within(limits: &Limits, options: &EngineOptions) -> Self {
        Scene {
            correlator: Correlator::new(limits, options),
            counters: Counters::default(),
            taken: Taken::default(),
            now: 1_800_000_000 * SECOND,
            next: 0,
            client: "203.0.113.20",
            agent: CHROME,
            host: "api.shop.test",
            direct: None,
            body: BodyStart::Unseen,
            answer_body: BodyStart::Unseen,
        }
    }

    fn mark(&mut self) -> Mark {
        self.now += MILLISECOND;
        self.next += 1;
        Mark { time: Time(self.now), order: Order(u64::from(self.next)) }
    }

    fn id(&self, request: bool) -> MessageId {
        MessageId { stream: StreamId(u64::from(self.next)), request, seq: self.next, nth: 0 }
    }

    fn event(&mut self, event: &HttpEvent) {
        self.correlator.on_event(event, &mut self.counters);
        self.correlator.tell(&mut self.taken, &mut self.counters);
    }

    pub fn request(&mut self, line: &str, lines: &str) -> Arc<Request> {
        let (method, target) = line.split_once(' ').expect("METHOD target");
        let mut built = HeadBuilder::request(method.as_bytes(), target.as_bytes());
        let named = |name: &str| lines.split('|').any(|l| l.starts_with(name));
        if !named("Host:") {
            fields(&mut built, &format!("Host: {}", self.host));
        }
        let (peer, server) = match self.direct {
            None => {
                fields(&mut built, &format!("X-Forwarded-For: {}|X-Forwarded-Proto: https", self.client));
                ("10.20.0.1:40000".to_owned(), "10.20.0.2:8080")
            }
            Some(server) => (format!("{}:40000", self.client), server),
        };
        if !named("User-Agent:") {
            fields(&mut built, &format!("User-Agent: {}", self.agent));
        }
        fields(&mut built, "Accept: */*|Accept-Encoding: gzip|Accept-Language: en");
        fields(&mut built, lines);
        let at = self.mark();
        let peer: SocketAddr = peer.parse().expect("an address");
        let request = Arc::new(Request {
            id: self.id(true),
            first: at,
            head_end: at,
            client: peer,
            peer,
            server: server.parse().expect("an address"),
            version: Version::Http11,
            scheme: None,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: self.body,
            doubts: Doubts::default(),
            on_connection: 0,
        });
        self.event(&HttpEvent::Request(request.clone()));
        request
    }

    pub fn answer(&mut self, request: Arc<Request>, status: u16, lines: &str) {
        let mut built = HeadBuilder::response();
        fields(&mut built, lines);
        let at = self.mark();
        let response = Arc::new(Response {
            id: self.id(false),
            client: request.client,
            server: request.server,
            first: at,
            head_end: at,
            status,
            version: Version::Http11,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: self.answer_body,
            doubts: Doubts::default(),
        });
        let id = response.id;
        self.event(&HttpEvent::Response { request: Some(request), response });
        self.event(&HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at });
    }

    pub fn no_answer(&mut self, request: Arc<Request>) {
        let at = self.mark();
        self.event(&HttpEvent::NoAnswer { request, why: NoAnswer::Closed, at });
    }

    pub fn exchange(&mut self, line: &str, lines: &str, status: u16, answer: &str) {
        let request = self.request(line, lines);
        self.answer(request, status, answer);
    }

    /// A page's fetch: GET, answered 200 with these fields.
    pub fn get(&mut self, path: &str, lines: &str, answer: &str) {
        self.exchange(&format!("GET {path}"), lines, 200, answer);
    }

    pub fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds.min(120) {
            self.now += SECOND;
            self.correlator.advance(Time(self.now), &mut self.taken, &mut self.counters);
        }
        self.now += (seconds - 120).max(0) * SECOND;
        self.correlator.advance(Time(self.now), &mut self.taken, &mut self.counters);
    }

    pub fn end(&mut self) {
        self.correlator.finish(Time(self.now), &mut self.taken, &mut self.counters);
    }

    /// Severities of the findings of a rule, worst last.
    pub fn of(&self, rule: Rule) -> Vec<Severity> {
        let mut all: Vec<Severity> =
            self.taken.latest.values().filter(|f| f.rule == rule).map(|f| f.severity).collect();
        all.sort_unstable();
        all
    }

    pub fn checklists(&self) -> Vec<Checklist> {
        self.correlator.findings().checklists()
    }
}

/// The fields of a fetch from this page, as a browser sends them.
pub fn from(origin: &str, site: &str) -> String {
    format!("Origin: {origin}|Referer: {origin}/|Sec-Fetch-Dest: empty|Sec-Fetch-Mode: cors|Sec-Fetch-Site: {site}")
}

/// The same with a cookie.
pub fn with_cookie(origin: &str, site: &str) -> String {
    format!("{}|Cookie: (present)", from(origin, site))
}

/// A preflight's fields.
pub fn asking(origin: &str, site: &str, method: &str, names: &str) -> String {
    let names = if names.is_empty() { String::new() } else { format!("|Access-Control-Request-Headers: {names}") };
    format!("{}|Access-Control-Request-Method: {method}{names}", from(origin, site))
}

/// What a good server says to this origin.
pub fn lets_in(origin: &str) -> String {
    format!("Access-Control-Allow-Origin: {origin}|Access-Control-Allow-Credentials: true|Vary: Origin")
}

/// Plays the scene to its end and expects the rule at this severity.
#[track_caller]
pub fn fires(rule: Rule, severity: Severity, play: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::new();
    play(&mut scene);
    scene.end();
    assert_eq!(scene.of(rule).last(), Some(&severity), "{rule}; found: {:?}", scene.taken.told);
    for finding in scene.taken.latest.values() {
        assert!(!finding.evidence.is_empty() && finding.evidence.len() <= 20, "{}", finding.rule);
        assert!(!finding.detail.is_empty() && !finding.fix.is_empty(), "{}", finding.rule);
        assert!(finding.first_seen <= finding.last_seen, "{}", finding.rule);
    }
}

/// Plays the scene to its end and expects the rule to say nothing.
#[track_caller]
pub fn silent(rule: Rule, play: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::new();
    play(&mut scene);
    scene.end();
    assert_eq!(scene.of(rule), [], "{rule}: {:?}", scene.taken.latest.values().map(|f| &f.detail).collect::<Vec<_>>());
}

#[test]
fn every_rule_has_a_case_and_its_nearest_innocent_one() {
    let cases = concat!(include_str!("audit.rs"), include_str!("probing.rs"));
    for rule in Rule::ALL {
        let name = format!("Rule::{rule:?},");
        assert!(cases.contains(&format!("fires({name}")), "no case for {rule}");
        assert!(cases.contains(&format!("silent({name}")), "no innocent case for {rule}");
    }
}
