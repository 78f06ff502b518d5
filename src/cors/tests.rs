//! Rules of VERDICTS.md as tables: exchanges in, verdicts out.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Correlator;
use crate::counters::Counters;
use crate::http::head::{HeadBuilder, Name};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, StreamId,
};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, Order, SECOND, Time};
use crate::record::{Finding, Sink, Transaction};

#[derive(Default)]
struct Taken(Vec<Transaction>);

impl Sink for Taken {
    fn transaction(&mut self, transaction: &Transaction) {
        self.0.push(transaction.clone());
    }
    fn finding(&mut self, _: &Finding) {}
}

const CHROME: &str =
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
}

fn fields(built: &mut HeadBuilder, lines: &str) {
    for line in lines.split('|').filter(|l| !l.is_empty()) {
        let (name, value) = line.split_once(':').expect("a field is name: value");
        built.field(name.as_bytes(), Name::of(name.as_bytes()), value.trim().as_bytes(), false);
    }
}

impl Wire {
    fn new(agent: &'static str) -> Self {
        Wire {
            correlator: Correlator::new(&Limits::default(), &EngineOptions::default()),
            counters: Counters::default(),
            taken: Taken::default(),
            now: SECOND,
            next: 0,
            stream: 0,
            agent,
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
        fields(&mut built, &format!("User-Agent: {}|Accept: */*|Accept-Encoding: gzip", self.agent));
        fields(&mut built, lines);
        let at = self.mark();
        let client: SocketAddr = "198.51.100.7:40000".parse().expect("an address");
        let request = Arc::new(Request {
            id: self.id(true),
            first: at,
            head_end: at,
            client,
            peer: client,
            server: "203.0.113.9:80".parse().expect("an address"),
            minor: 1,
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
            status,
            minor: 1,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
        });
        let id = response.id;
        self.event(&HttpEvent::Response { request: Some(request), response });
        self.event(&HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at });
    }

    fn exchange(&mut self, line: &str, lines: &str, status: u16, answer: &str) {
        let request = self.request(line, lines);
        self.answer(request, status, answer);
    }

    fn event(&mut self, event: &HttpEvent) {
        self.correlator.on_event(event, &mut self.taken, &mut self.counters);
    }

    fn silence(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += SECOND;
            self.correlator.advance(Time(self.now), &mut self.taken, &mut self.counters);
        }
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

#[test]
fn simple_get_by_fetch_cors_check() {
    for (answer, expected) in [
        ("", "blocked actual missing_allow_origin certain"),
        ("Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true", "allowed certain"),
        ("Access-Control-Allow-Origin: *", "allowed possible"),
        ("Access-Control-Allow-Origin: http://c.test", "blocked actual allow_origin_mismatch certain"),
        ("Access-Control-Allow-Origin: a.test", "blocked actual invalid_allow_origin certain"),
    ] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("GET /x", A, 200, answer);
        assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")], "{answer}");
    }
}

#[test]
fn a_cookie_says_that_credentials_are_included() {
    for (answer, expected) in [
        (
            "Access-Control-Allow-Origin: *|Access-Control-Allow-Credentials: true",
            "blocked actual wildcard_with_credentials certain",
        ),
        ("Access-Control-Allow-Origin: http://a.test", "blocked actual missing_allow_credentials certain"),
        ("Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true", "allowed certain"),
    ] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("GET /x", "Origin: http://a.test|Cookie: (present)", 200, answer);
        assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")], "{answer}");
    }
}

#[test]
fn preflight_failures_in_the_order_of_each_family() {
    let bare_404 = (404, "");
    let bad_status = (404, "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT");
    let redirect = (302, "Location: /login");
    let no_method = (204, "Access-Control-Allow-Origin: http://a.test");
    let bad_names = (204, "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Headers: a b");
    for ((status, answer), chromium, firefox, safari) in [
        (bare_404, "missing_allow_origin", "missing_allow_origin", "preflight_status"),
        (bad_status, "preflight_status", "preflight_status", "preflight_status"),
        (redirect, "preflight_redirect", "missing_allow_origin", "preflight_redirect"),
        (no_method, "method_not_allowed", "method_not_allowed", "method_not_allowed"),
        (bad_names, "invalid_allow_headers", "method_not_allowed", "invalid_allow_headers"),
    ] {
        for (agent, reason) in [(CHROME, chromium), (FIREFOX, firefox), (SAFARI, safari)] {
            let mut wire = Wire::new(agent);
            wire.exchange("OPTIONS /x", ASK_PUT, status, answer);
            assert_eq!(wire.end(), [format!("PUT /x blocked preflight {reason} certain sent")], "{answer} {agent}");
        }
    }
}

#[test]
fn a_preflight_and_its_request_are_one_transaction() {
    let mut wire = Wire::new(CHROME);
    wire.exchange(
        "OPTIONS /x?k=1",
        ASK_PUT,
        204,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT",
    );
    wire.stream = 1;
    wire.exchange("PUT /x?k=1", A, 201, "");
    let taken = wire.end();
    assert_eq!(taken, ["PUT /x?k=… blocked actual missing_allow_origin certain sent"]);
}

#[test]
fn a_blocked_put_that_was_answered_2xx_took_effect() {
    let mut wire = Wire::new(CHROME);
    wire.exchange(
        "OPTIONS /x",
        ASK_PUT,
        204,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT",
    );
    wire.exchange("PUT /x", A, 201, "");
    assert!(wire.taken.0[0].blocked_after_effect);
}

#[test]
fn silence_after_a_preflight_that_passes_only_without_credentials_is_a_refusal() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("OPTIONS /x", ASK_PUT, 204, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT");
    wire.silence(12);
    assert_eq!(wire.end(), ["PUT /x blocked preflight wildcard_with_credentials probable sent"]);
}

#[test]
fn silence_after_a_preflight_that_passes_is_no_verdict() {
    let mut wire = Wire::new(CHROME);
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Credentials: true";
    wire.exchange("OPTIONS /x", ASK_PUT, 204, good);
    wire.silence(12);
    assert_eq!(wire.end(), ["PUT /x undecided actual_not_seen possible sent"]);
}

#[test]
fn an_actual_after_a_wildcard_preflight_omits_credentials() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("OPTIONS /x", ASK_PUT, 204, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: *");
    wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: *");
    assert_eq!(wire.end(), ["PUT /x allowed certain sent"]);
}

#[test]
fn a_second_request_rides_on_the_cached_preflight() {
    let mut wire = Wire::new(CHROME);
    let good =
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 60";
    wire.exchange("OPTIONS /x", ASK_PUT, 204, good);
    wire.exchange(
        "PUT /x",
        A,
        200,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true",
    );
    wire.silence(20);
    wire.exchange(
        "PUT /x",
        A,
        200,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true",
    );
    wire.silence(60);
    wire.exchange(
        "PUT /x",
        A,
        200,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true",
    );
    assert_eq!(
        wire.end(),
        ["PUT /x allowed certain sent", "PUT /x allowed certain cached", "PUT /x allowed probable missing"]
    );
}

#[test]
fn redirect_chain_is_one_transaction_of_its_first_hop() {
    let mut wire = Wire::new(CHROME);
    wire.exchange(
        "GET /x",
        A,
        302,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Location: http://c.test/y",
    );
    wire.exchange("GET /y", "Host: c.test|Origin: null", 200, "Access-Control-Allow-Origin: http://a.test");
    assert_eq!(wire.end(), ["GET /x blocked actual allow_origin_mismatch certain not_needed"]);
}

#[test]
fn a_redirect_from_home_across_is_reported_from_home() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("GET /x", "Host: a.test", 302, "Location: http://b.test/y");
    wire.exchange("GET /y", A, 200, "");
    assert_eq!(wire.end(), ["GET /x blocked actual missing_allow_origin certain not_needed"]);
}

#[test]
fn redirects_to_other_schemes_and_to_user_names_are_blocked() {
    for (location, reason) in
        [("data:text/plain,x", "disabled_scheme"), ("http://u:p@c.test/", "redirect_contains_credentials")]
    {
        let mut wire = Wire::new(CHROME);
        let answer = format!(
            "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Location: {location}"
        );
        wire.exchange("GET /x", A, 302, &answer);
        assert_eq!(wire.end(), [format!("GET /x blocked actual {reason} certain not_needed")]);
    }
}

#[test]
fn closed_without_an_answer_and_sent_again_is_one_attempt() {
    let mut wire = Wire::new(CHROME);
    let request = wire.request("GET /x", A);
    let at = wire.mark();
    wire.event(&HttpEvent::NoAnswer { request, why: NoAnswer::Closed, at });
    wire.stream = 1;
    wire.exchange("GET /x", A, 200, "Access-Control-Allow-Origin: *");
    assert_eq!(wire.end(), ["GET /x allowed possible not_needed"]);
}

#[test]
fn a_simple_post_of_hidden_mode_that_fails_is_no_verdict() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("POST /x", "Origin: http://a.test|Content-Type: text/plain", 200, "");
    assert_eq!(wire.end(), ["POST /x undecided mode_unknown possible not_needed"]);
}

#[test]
fn what_says_itself_that_it_is_not_cors() {
    for lines in [
        "Sec-Fetch-Mode: no-cors|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: image",
        "Sec-Fetch-Mode: navigate|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: document|Origin: http://a.test",
        "Sec-Fetch-Mode: cors|Sec-Fetch-Site: same-origin|Sec-Fetch-Dest: empty|Origin: https://b.test",
        "Origin: http://b.test",
    ] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("GET /x", lines, 200, "");
        let taken = wire.end();
        assert!(taken[0].starts_with("GET /x not_cors"), "{lines}: {taken:?}");
    }
}

/// VERDICTS.md §1, rows 2 and 7a: `Sec-Fetch-Storage-Access` goes along, cross-site, just where credentials are included.
#[test]
fn storage_access_tells_the_credentials_of_cross_site_requests() {
    const FETCH: &str = "Origin: https://a.test|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Sec-Fetch-Site: ";
    const OLD_FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    for (agent, fields, expected) in [
        (CHROME, "cross-site", "allowed probable"),
        (CHROME, "cross-site|Sec-Fetch-Storage-Access: none", "blocked actual wildcard_with_credentials certain"),
        (CHROME, "same-site", "allowed possible"),
        (FIREFOX, "cross-site", "allowed probable"),
        (FIREFOX, "cross-site|Sec-Fetch-Storage-Access: active", "blocked actual wildcard_with_credentials certain"),
        (OLD_FIREFOX, "cross-site", "allowed possible"),
        (SAFARI, "cross-site", "allowed possible"),
    ] {
        let mut wire = Wire::new(agent);
        wire.exchange("GET /x", &format!("{FETCH}{fields}"), 200, "Access-Control-Allow-Origin: *");
        assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")], "{agent} {fields}");
    }
}

/// The same on a preflight: Firefox says it there, Chromium does not. It tells which of two failures the browser met first.
#[test]
fn storage_access_on_a_preflight_tells_which_reason_the_browser_gives() {
    const ASK: &str = "Origin: https://a.test|Access-Control-Request-Method: PUT|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Sec-Fetch-Site: cross-site";
    for (agent, more, reason) in [
        (FIREFOX, "", "method_not_allowed"),
        (FIREFOX, "|Sec-Fetch-Storage-Access: none", "missing_allow_credentials"),
        (CHROME, "", "method_not_allowed"),
    ] {
        let mut wire = Wire::new(agent);
        wire.exchange("OPTIONS /x", &format!("{ASK}{more}"), 204, "Access-Control-Allow-Origin: https://a.test");
        assert_eq!(wire.end(), [format!("PUT /x blocked preflight {reason} certain sent")], "{agent} {more}");
    }
}

/// Rows 10 and 11: a cookie that was there and now is not.
#[test]
fn a_cookie_left_out_says_that_credentials_are() {
    const FETCH: &str = "Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Sec-Fetch-Site: same-site|Origin: https://a.b.test";
    let star = "Access-Control-Allow-Origin: *";
    let good = "Access-Control-Allow-Origin: https://a.b.test|Access-Control-Allow-Credentials: true";
    for (path, expected) in [("/api/2", "allowed probable"), ("/other/2", "undecided credentials_unknown possible")] {
        let mut wire = Wire::new(SAFARI);
        wire.exchange("GET /api/1", &format!("{FETCH}|Cookie: (present)"), 200, good);
        wire.exchange(&format!("GET {path}"), FETCH, 200, star);
        assert_eq!(wire.end()[1], format!("GET {path} {expected} not_needed"));
    }
}

/// RFC 9110 §15.4.8 and §15.4.9: 307 and 308 keep the method; a GET with `Origin` can only be of mode cors.
#[test]
fn a_post_of_hidden_mode_stays_so_over_307_and_not_over_302() {
    let to = |status: u16| {
        let mut wire = Wire::new(CHROME);
        let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true";
        let text = format!("{A}|Content-Type: text/plain");
        wire.exchange("POST /x", &text, status, &format!("{good}|Location: /y"));
        let (line, fields) = if status == 302 { ("GET /y", A) } else { ("POST /y", &*text) };
        wire.exchange(line, fields, 200, "");
        wire.end()
    };
    assert_eq!(to(302), ["POST /x blocked actual missing_allow_origin certain not_needed"]);
    assert_eq!(to(307), ["POST /x undecided mode_unknown possible not_needed"]);
    assert_eq!(to(308), ["POST /x undecided mode_unknown possible not_needed"]);
}

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

/// Method, method asked for, status and fields of the answer.
type Step = (&'static str, &'static str, u16, &'static str);

/// One attempt of one of many clients behind an address: its requests still to come, and what it must come to.
struct Script {
    client: usize,
    path: String,
    steps: Vec<Step>,
    truth: &'static str,
}

#[test]
fn two_hundred_clients_behind_one_address_are_not_mixed_up() {
    const AGENTS: [&str; 5] = [
        CHROME,
        FIREFOX,
        SAFARI,
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36 Edg/155.0",
        "Mozilla/5.0 (Android 15; Mobile; rv:152.0) Gecko/152.0 Firefox/152.0",
    ];
    const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT";
    const STORIES: [(&[Step], &str); 6] = [
        (&[("GET", "", 200, GOOD)], "allowed"),
        (&[("GET", "", 200, "")], "blocked missing_allow_origin"),
        (&[("OPTIONS", "PUT", 204, GOOD), ("PUT", "", 200, GOOD)], "allowed"),
        (&[("OPTIONS", "PUT", 204, GOOD), ("PUT", "", 500, "")], "blocked missing_allow_origin"),
        (&[("OPTIONS", "PUT", 204, "Access-Control-Allow-Origin: http://a.test")], "blocked method_not_allowed"),
        (&[("OPTIONS", "PUT", 401, "")], "blocked"),
    ];
    let mut numbers = Numbers(7);
    let mut wire = Wire::new("");
    let mut scripts: Vec<Script> = (0..4000)
        .map(|n| {
            let (steps, truth) = STORIES[usize::try_from(numbers.below(6)).unwrap()];
            // ten shared URLs: every client asks for the same things
            Script {
                client: usize::try_from(numbers.below(200)).unwrap(),
                path: format!("/r/{}", n % 10),
                steps: steps.to_vec(),
                truth,
            }
        })
        .collect();
    scripts.reverse();
    // each client does one thing at a time; all clients at once
    let mut busy: Vec<Option<Script>> = (0..200).map(|_| None).collect();
    let mut expected: Vec<(String, &str)> = Vec::new();
    while !scripts.is_empty() || busy.iter().any(Option::is_some) {
        if let Some(next) = scripts.pop() {
            match &mut busy[next.client] {
                slot @ None => {
                    *slot = Some(next);
                }
                Some(_) => scripts.insert(0, next),
            }
        }
        let turn = usize::try_from(numbers.below(200)).unwrap();
        let Some(script) = &mut busy[turn] else { continue };
        let (method, asked, status, answer) = script.steps.remove(0);
        wire.agent = AGENTS[turn % 5];
        wire.stream = turn as u64;
        // clients of one browser differ by language, as people do
        let mut lines = format!("Origin: http://a.test|Accept-Language: x-{}", turn / 5);
        if !asked.is_empty() {
            lines.push_str("|Access-Control-Request-Method: PUT");
        }
        wire.exchange(&format!("{method} {}", script.path), &lines, status, answer);
        if script.steps.is_empty() {
            let done = busy[turn].take().expect("it was busy");
            expected.push((format!("x-{} {}", turn / 5, AGENTS[turn % 5]), done.truth));
        }
    }
    let Wire { taken, .. } = wire;
    let mut right = 0;
    for (transaction, (who, truth)) in taken.0.iter().zip(&expected) {
        let verdict = match transaction.reason {
            Some(reason) => format!("{} {reason}", transaction.verdict),
            None => transaction.verdict.to_string(),
        };
        right += usize::from(verdict.starts_with(truth));
        let legs = [transaction.preflight.as_ref().map(|p| &p.leg), transaction.actual.as_ref()];
        for leg in legs.into_iter().flatten() {
            let head = &leg.request.head;
            let said = format!(
                "{} {}",
                String::from_utf8_lossy(head.first(Name::AcceptLanguage).unwrap_or_default()),
                String::from_utf8_lossy(head.first(Name::UserAgent).unwrap_or_default())
            );
            assert_eq!(said, *who, "a leg of another client");
        }
    }
    assert_eq!(taken.0.len(), expected.len());
    assert!(right * 1000 >= expected.len() * 999, "{right} of {}", expected.len());
}
