//! Refusals as real stacks make them (CAUSES.md), and the mistake that each must point to.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::cors::Correlator;
use crate::cors::tests::{CHROME, Taken};
use crate::counters::Counters;
use crate::http::head::{HeadBuilder, Name};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, Request, Response, StreamId, Version,
};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{MILLISECOND, Order, SECOND, Time};
use crate::record::Transaction;

/// The page of most tests.
const A: &str = "http://a.test";
/// Another page.
const B: &str = "http://b.test";

/// Exchanges in, transactions out. A step is `METHOD /path [name: value|…] → status [name: value|…]`; `|` ends a field,
/// `A` and `B` stand for the two pages. A body is told by `body=…` as the last field.
fn replay(steps: &[&str]) -> Vec<Transaction> {
    replay_apart(MILLISECOND, steps)
}

/// With so much time before each message.
fn replay_apart(apart: i64, steps: &[&str]) -> Vec<Transaction> {
    let mut correlator = Correlator::new(&Limits::default(), &EngineOptions::default());
    let (mut counters, mut taken, mut now, mut nth) = (Counters::default(), Taken::default(), SECOND, 0_u32);
    let mut mark = |n: &mut u32| {
        now += apart;
        *n += 1;
        Mark { time: Time(now), order: Order(u64::from(*n)) }
    };
    for step in steps {
        let (asked, answered) = step.split_once('→').expect("request → answer");
        let (line, lines) = asked.trim().split_once(" |").map_or((asked.trim(), ""), |(a, b)| (a, b));
        let (method, target) = line.split_once(' ').expect("METHOD target");
        let mut built = HeadBuilder::request(method.as_bytes(), target.trim().as_bytes());
        fields(&mut built, &format!("Host: api.test|User-Agent: {CHROME}|Accept: */*|Accept-Encoding: gzip"));
        fields(&mut built, lines);
        let at = mark(&mut nth);
        // a proxy of our own, whose forwarding fields are believed
        let client: SocketAddr = "10.0.0.7:40000".parse().expect("an address");
        let id = |request| MessageId { stream: StreamId(0), request, seq: nth, nth };
        let request = Arc::new(Request {
            id: id(true),
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
        correlator.on_event(&HttpEvent::Request(request.clone()), &mut counters);
        let answered = answered.trim();
        let (status, lines) = answered.split_once(" |").unwrap_or((answered, ""));
        let (lines, body) = lines.split_once("body=").unwrap_or((lines, ""));
        let mut built = HeadBuilder::response();
        fields(&mut built, lines);
        let at = mark(&mut nth);
        let response = Arc::new(Response {
            id: MessageId { stream: StreamId(0), request: false, seq: nth, nth },
            first: at,
            head_end: at,
            client: request.client,
            server: request.server,
            status: status.trim().parse().expect("a status"),
            version: Version::Http11,
            head: built.finish(),
            head_state: HeadState::Whole,
            body_start: match body {
                "" => BodyStart::Unseen,
                "Invalid CORS request" => BodyStart::InvalidCorsRequest,
                "Disallowed CORS" => BodyStart::DisallowedCors,
                "CORS preflight request failed: headers" => BodyStart::HeadersRefused,
                "method OPTIONS is not allowed" => BodyStart::MethodRefused,
                "CORS is disabled" => BodyStart::RouteRefused,
                "<" => BodyStart::Markup,
                "{" => BodyStart::Json,
                _ => BodyStart::Other,
            },
            doubts: Doubts::default(),
        });
        let id = response.id;
        correlator.on_event(&HttpEvent::Response { request: Some(request), response }, &mut counters);
        correlator.on_event(&HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at }, &mut counters);
    }
    correlator.finish(Time(now), &mut taken, &mut counters);
    taken.0
}

fn fields(built: &mut HeadBuilder, lines: &str) {
    for line in lines.split('|').filter(|l| !l.trim().is_empty()) {
        let (name, value) = line.trim().split_once(':').expect("a field is name: value");
        let value = match value.trim() {
            "A" => A,
            "B" => B,
            other => other,
        };
        // as the engine keeps it: of a field that it has no name for, not the value
        let known = Name::of(name.as_bytes());
        let kept = if known == Name::Other { "" } else { value };
        built.field(name.as_bytes(), known, kept.as_bytes(), false);
    }
}

/// The last refusal's cause.
fn check(steps: &[&str], cause: &str) {
    let all = replay(steps);
    let last = all.iter().rev().find(|t| t.cause.is_some()).unwrap_or_else(|| panic!("nothing was refused: {all:#?}"));
    let told = last.cause.map(crate::catalog::Cause::id);
    assert_eq!(told, Some(cause), "{} {} {:?}: {}", last.method, last.path, last.reason, last.fix);
    assert!(!last.fix.is_empty());
}

#[test]
fn a_page_that_passes_a_moment_later_tells_why_another_did_not() {
    let steps = ["GET /x |Origin: A → 200", "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B"];
    let told = |apart: i64| {
        let all = replay_apart(apart, &steps);
        let [first, second] = &all[..] else { panic!("{all:#?}") };
        assert_eq!([first, second].map(|t| t.cause.is_some()).iter().filter(|told| **told).count(), 1);
        let refused = if first.cause.is_some() { first } else { second };
        assert!(!refused.fix.is_empty());
        refused.cause.map(crate::catalog::Cause::id)
    };
    assert_eq!(told(100 * MILLISECOND), Some("origin_not_listed"));
    // who looks at the page's console has no more patience
    assert_eq!(told(SECOND), Some("cors_not_mounted"));
}

const ASK_PUT: &str = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PUT";

#[test]
fn a_login_check_before_cors_is_told_by_the_preflights_401() {
    check(&[&format!("{ASK_PUT} → 401 |WWW-Authenticate: Bearer")], "auth_before_cors");
    check(&[&format!("{ASK_PUT} → 403")], "auth_before_cors");
    check(&[&format!("{ASK_PUT} → 401"), "GET /x |Origin: A → 401"], "auth_before_cors");
}

#[test]
fn spring_and_starlette_say_so_in_the_body() {
    check(&[&format!("{ASK_PUT} → 403 |body=Invalid CORS request")], "origin_or_method_not_listed");
    check(&[&format!("{ASK_PUT} → 400 |vary: Origin|body=Disallowed CORS")], "origin_not_listed");
    let head = "access-control-allow-origin: A|access-control-allow-methods: GET|vary: Origin|body=Disallowed CORS";
    check(&[&format!("{ASK_PUT} → 400 |{head}")], "method_not_listed");
    let ask = "OPTIONS /x |Origin: A|Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-a";
    let head = "access-control-allow-origin: A|access-control-allow-methods: GET|access-control-allow-headers: accept|vary: Origin|body=Disallowed CORS";
    check(&[&format!("{ask} → 400 |{head}")], "header_not_listed");
}

#[test]
fn limiters_are_told_by_429_and_nginx_by_503() {
    check(&["GET /x |Origin: A → 429 |Retry-After: 1"], "rate_limited");
    check(
        &["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A", "GET /x |Origin: A → 503 |Server: nginx|body=<"],
        "rate_limited",
    );
    // Varnish's own page says when to come again, HAProxy's nothing
    check(&["GET /x |Origin: A → 503 |Server: Varnish|X-Varnish: 2|Retry-After: 5|body=<"], "upstream_down");
    check(&["GET /x |Origin: A → 503 |cache-control: no-cache|content-type: text/html|body=<"], "upstream_down");
    // no limiter is met before anything has passed: nginx may have a page for maintenance
    check(&["GET /x |Origin: A → 503 |Server: nginx|body=<"], "error_page_without_cors");
    // lighttpd and others: an application that is up would have shown itself
    check(&["GET /x |Origin: A → 503 |Server: lighttpd/1.4|Content-Type: text/html|body=<"], "upstream_down");
    check(&["GET /x |Origin: A → 503 |X-Powered-By: Express"], "error_page_without_cors");
}

#[test]
fn a_limiter_that_was_seen_speaks_for_the_targets_other_paths() {
    let limited = "503 |Server: nginx|body=<";
    let works = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A";
    let elsewhere = format!("OPTIONS /y |Origin: A|Access-Control-Request-Method: PUT → {limited}");
    check(&[works, &format!("GET /x |Origin: A → {limited}"), &elsewhere], "rate_limited");
    check(&[works, &elsewhere], "error_page_without_cors");
}

#[test]
fn a_403_without_a_word_or_a_type_is_gins_for_an_origin() {
    let gin = "403 |Date: now|Content-Length: 0";
    check(&[&format!("GET /x |Origin: A → {gin}")], "origin_not_listed");
    check(&[&format!("{ASK_PUT} → {gin}")], "origin_not_listed");
    // Gorilla's, for a header
    check(&[&format!("{ASK_PUT}|Access-Control-Request-Headers: x-a → {gin}")], "unknown");
    // others write the length first, or in lower case
    check(&[&format!("{ASK_PUT} → 403 |content-length: 0|date: now")], "auth_before_cors");
    // whose it is does not show behind nginx
    check(&["GET /x |Origin: A → 403 |Server: nginx|Date: now|Content-Length: 0"], "unknown");
    check(&["GET /x |Origin: A → 403 |Server: nginx|Content-Type: text/plain|body=no"], "auth_before_cors");
}

#[test]
fn a_miss_of_the_allow_list_leaves_the_other_fields() {
    check(&["GET /x |Origin: A → 200 |Vary: Origin|Access-Control-Allow-Credentials: true"], "origin_not_listed");
    check(&["GET /x |Origin: A → 200 |Vary: Accept-Encoding, Origin"], "origin_not_listed");
    check(&["GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B", "GET /x |Origin: A → 200"], "origin_not_listed");
    // Express, callback(new Error()): 500 before any route
    check(&[&format!("{ASK_PUT} → 500 |X-Powered-By: Express")], "origin_not_listed");
}

#[test]
fn a_method_falls_through_to_the_application_where_another_is_fine() {
    let fine = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PATCH → 204 |Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: PATCH";
    check(
        &[fine, "PATCH /x |Origin: A → 200 |Access-Control-Allow-Origin: A", &format!("{ASK_PUT} → 200")],
        "method_not_listed",
    );
    // rs/cors: Vary alone, for a header too
    let vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    let ask = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PATCH|Access-Control-Request-Headers: x-a";
    check(
        &[fine, "PATCH /x |Origin: A → 200 |Access-Control-Allow-Origin: A", &format!("{ask} → 204 |{vary}")],
        "header_not_listed",
    );
}

#[test]
fn what_passed_before_tells_what_a_bare_refusal_lacks() {
    let post = "OPTIONS /x |Origin: A|Access-Control-Request-Method: POST|Access-Control-Request-Headers: content-type → 204 |Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: POST|Access-Control-Allow-Headers: Content-Type";
    let trace = "OPTIONS /x |Origin: A|Access-Control-Request-Method: POST|Access-Control-Request-Headers: content-type, x-trace-id";
    let get = "OPTIONS /x |Origin: A|Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-trace-id";
    let vary = "|Vary: Origin|Vary: Access-Control-Request-Method|Vary: Access-Control-Request-Headers";
    // rack 200, Gorilla 403, rs/cors with Vary, Spring in words
    for refused in ["200", "403", &format!("200 {vary}"), "403 |body=Invalid CORS request"] {
        check(&[post, &format!("{trace} → {refused}")], "header_not_listed");
        check(&[post, &format!("{get} → {refused}")], "header_not_listed");
        check(&[post, &format!("{ASK_PUT} → {refused}")], "method_not_listed");
    }
    check(&[post, &format!("{ASK_PUT} → 405")], "method_not_listed");
    // Spring answers requests of a path without configuration, and refuses their preflights
    check(&["GET /x |Origin: A → 200", &format!("{ASK_PUT} → 403 |body=Invalid CORS request")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 {vary}")], "origin_or_method_not_listed");
    check(&["GET /x |Origin: A → 200 |Vary: Origin", &format!("{ASK_PUT} → 200")], "origin_not_listed");
}

#[test]
fn an_application_that_takes_options_for_a_request_has_no_cors_there() {
    let works = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A|X-Powered-By: PHP/8.2";
    check(&[works, &format!("{ASK_PUT} → 200 |Content-Type: application/json")], "cors_not_mounted");
    let rack = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A|Access-Control-Expose-Headers: ";
    check(&[rack, &format!("{ASK_PUT} → 200")], "method_not_listed");
}

#[test]
fn stacks_that_say_what_they_refuse_are_believed() {
    check(&[&format!("{ASK_PUT} → 403 |body=CORS preflight request failed: headers")], "header_not_listed");
    check(&[&format!("{ASK_PUT} → 200 |body=CORS is disabled")], "cors_not_mounted");
}

#[test]
fn words_without_a_field_are_told_by_what_else_passes() {
    // Litestar: 400 and the same words for origin, method and headers, no field
    let refused = format!("{ASK_PUT} → 400 |Content-Type: text/plain|body=Disallowed CORS");
    check(&[&refused], "unknown");
    check(&["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A", &refused], "method_not_listed");
    check(&["GET /x |Origin: A → 200 |Vary: Origin", &refused], "origin_not_listed");
    check(&["GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B", &refused], "origin_not_listed");
    // BlackSheep tells in a field
    for (said, cause) in
        [("origin of", "origin_not_listed"), ("method of", "method_not_listed"), ("header of", "header_not_listed")]
    {
        let field = format!("CORS-Error: The {said} the request is not enabled by CORS rules.");
        check(&[&format!("{ASK_PUT} → 400 |{field}")], cause);
    }
}

#[test]
fn a_preflight_refused_in_plain_words_is_told_by_what_else_passes() {
    let works = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A";
    let get = "OPTIONS /x |Origin: A|Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-trace-id";
    // actix-cors 400, warp 403, Plack with Vary
    for refused in [
        "400 |body=words",
        "403 |Content-Type: text/plain|body=words",
        "403 |Content-Type: text/plain|Vary: Origin|body=words",
    ] {
        check(&[works, &format!("{ASK_PUT} → {refused}")], "method_not_listed");
        check(&[works, &format!("{get} → {refused}")], "header_not_listed");
    }
    check(&[&format!("{ASK_PUT} → 400 |body=words")], "unknown");
    check(&["GET /x |Origin: A → 200 |Vary: Origin", &format!("{ASK_PUT} → 400 |body=words")], "origin_not_listed");
    // Where only requests with a cookie pass, and where a page or JSON refuses, it is as likely the login check
    let with_cookie =
        "GET /x |Origin: A|Cookie: s=1 → 200 |Access-Control-Allow-Origin: A|Access-Control-Allow-Credentials: true";
    check(&[with_cookie, &format!("{ASK_PUT} → 403 |Content-Type: text/plain|body=words")], "auth_before_cors");
    for page in [
        "Content-Type: text/html|body=<",
        "Content-Type: application/json|body={",
        "Content-Type: text/plain|WWW-Authenticate: Bearer|body=words",
    ] {
        check(&[works, &format!("{ASK_PUT} → 403 |{page}")], "auth_before_cors");
    }
    check(&[&format!("{ASK_PUT} → 403 |Content-Type: text/plain|body=words")], "auth_before_cors");
}

#[test]
fn a_403_where_another_page_needs_no_login_is_a_miss_of_the_list() {
    let other = "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B";
    let (get, put) = ("GET /x |Origin: A → 403 |body={", format!("{ASK_PUT} → 403 |body={{"));
    check(&[other, get, &put], "origin_not_listed");
    // a firewall that lets no preflight through: this page's own requests were not refused
    check(&[other, &put], "auth_before_cors");
    check(&[get, &put], "auth_before_cors");
}

#[test]
fn tomcats_filter_is_told_by_a_text_that_is_empty() {
    let refused = "403 |Content-Type: text/plain|Content-Length: 0";
    check(&[&format!("GET /x |Origin: A → {refused}")], "origin_not_listed");
    check(&[&format!("GET /x |Origin: A → {refused}"), &format!("{ASK_PUT} → {refused}")], "origin_not_listed");
    check(
        &["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A", &format!("{ASK_PUT} → {refused}")],
        "method_not_listed",
    );
    check(&[&format!("{ASK_PUT} → {refused}")], "unknown");
}

#[test]
fn fixed_fields_on_a_login_checks_answer_are_no_miss_of_the_list() {
    // Elysia puts what does not depend on the origin on every answer
    let fixed = "401 |Access-Control-Allow-Credentials: true|Access-Control-Allow-Headers: content-type|body={";
    check(&[&format!("{ASK_PUT} → {fixed}")], "auth_before_cors");
    check(&[&format!("GET /x |Origin: A → {fixed}")], "auth_before_cors");
    // Koa: an origin that is not listed goes on to the login check, with Vary
    check(&["GET /x |Origin: A → 401 |Vary: Origin"], "origin_not_listed");
}

#[test]
fn an_application_that_finds_fault_with_options_has_no_cors_there() {
    // tRPC and Apollo: a preflight has no body that they could read
    check(&[&format!("{ASK_PUT} → 415 |body={{")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 400 |Content-Type: application/json|body={{")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 418 |body=words")], "unknown");
}

#[test]
fn a_bare_204_is_written_for_preflights_by_code_with_a_list_or_without_cors() {
    check(&[&format!("{ASK_PUT} → 204")], "unknown");
    check(&[&format!("{ASK_PUT} → 204"), "GET /x |Origin: A → 200"], "cors_not_mounted");
    check(
        &[&format!("{ASK_PUT} → 204"), "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B"],
        "origin_not_listed",
    );
    // ASP.NET Core's policy lacks the origin: and nothing on requests
    let silent = format!("{ASK_PUT} → 204 |Server: Kestrel");
    check(&[&silent], "origin_not_listed");
    check(&[&silent, "GET /x |Origin: A → 200"], "origin_not_listed");
    check(&["GET /y |Origin: A → 200 |Vary: Origin", "GET /x |Origin: A → 200"], "origin_not_listed");
    check(&[&format!("{ASK_PUT} → 204 |Allow: GET, PUT")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 204 |Server: nginx")], "cors_not_mounted");
    check(
        &["GET /y |Origin: A → 200 |Access-Control-Allow-Origin: A", &format!("{ASK_PUT} → 204")],
        "cors_not_mounted",
    );
}

#[test]
fn null_is_a_list_that_was_searched_in_vain_where_another_page_passes() {
    check(&["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: null"], "config_value_malformed");
    check(
        &[
            "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B",
            "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: null",
        ],
        "origin_not_listed",
    );
}

#[test]
fn rs_cors_leaves_open_whether_origin_or_header_is_missing() {
    let vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    let ask = |names: &str| {
        format!(
            "OPTIONS /x |Origin: A|Access-Control-Request-Method: GET|Access-Control-Request-Headers: {names} → 200 |{vary}"
        )
    };
    check(&[&ask("x-trace-id")], "unknown");
    check(&[&ask("content-type")], "origin_not_listed");
}

#[test]
fn go_and_spring_are_told_apart_by_the_order_of_fields() {
    let fix = |steps: &[&str]| replay(steps).pop().expect("a transaction").fix;
    let vary = "Vary: Origin|Vary: Access-Control-Request-Method|Vary: Access-Control-Request-Headers";
    let go = fix(&[&format!("{ASK_PUT} → 200 |Access-Control-Allow-Origin: https://x.test|{vary}")]);
    assert!(go.contains("Go with rs/cors"), "{go}");
    let spring = fix(&[&format!("{ASK_PUT} → 200 |{vary}|Access-Control-Allow-Origin: https://x.test")]);
    assert!(spring.contains("Spring: "), "{spring}");
}

#[test]
fn a_path_without_cors_beside_paths_with() {
    check(&["GET /y |Origin: A → 200 |Access-Control-Allow-Origin: A", "GET /x |Origin: A → 200"], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 |Allow: GET,HEAD,OPTIONS")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 405 |Allow: GET")], "cors_not_mounted");
    check(&[PUT_PASSES, "PUT /x |Origin: A → 404 |Keep-Alive: timeout=72"], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 403 |x-amzn-ErrorType: MissingAuthenticationTokenException")], "cors_not_mounted");
    // nginx: add_header in `if (OPTIONS)` drops the inherited origin
    check(
        &[
            "GET /x |Origin: A → 200 |Server: nginx|Access-Control-Allow-Origin: A",
            &format!("{ASK_PUT} → 204 |Server: nginx|Access-Control-Allow-Methods: PUT"),
        ],
        "cors_not_mounted",
    );
}

const PUT_PASSES: &str = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PUT → 204 |Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: PUT";

#[test]
fn a_good_preflight_and_a_bare_answer_is_order_or_in_fastify_scope() {
    check(&[PUT_PASSES, "PUT /x |Origin: A → 200 |X-Powered-By: Express"], "cors_after_router");
    check(&[PUT_PASSES, "PUT /x |Origin: A → 200 |Keep-Alive: timeout=72"], "cors_not_mounted");
    // cors() below the router: a simple GET has no preflight of its own, but others passed
    check(&[PUT_PASSES, "PUT /x |Origin: A → 200", "GET /y |Origin: A → 200"], "cors_after_router");
}

#[test]
fn errors_made_outside_the_cors_code() {
    check(&[PUT_PASSES, "PUT /x |Origin: A → 404 |Server: nginx|body=<"], "error_page_without_cors");
    check(
        &["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A", "GET /x |Origin: A → 500"],
        "error_page_without_cors",
    );
    check(&[PUT_PASSES, "PUT /x |Origin: A → 413 |Server: nginx|body=<"], "error_page_without_cors");
    check(&[PUT_PASSES, "PUT /x |Origin: A → 502 |Server: nginx|body=<"], "upstream_down");
    check(&["GET /x |Origin: A → 522 |Server: cloudflare"], "not_http_or_down");
    // nginx without always: the application's 401 passes through it
    check(
        &[
            "GET /x |Origin: A → 200 |Server: nginx|Access-Control-Allow-Origin: A",
            "GET /x |Origin: A → 401 |Server: nginx",
        ],
        "error_page_without_cors",
    );
}

#[test]
fn redirects_of_preflight_and_actual_and_the_lost_scheme() {
    check(&[&format!("{ASK_PUT} → 301 |Location: https://api.test/x")], "preflight_redirected");
    check(&["GET /x |Origin: A → 301 |Location: /x/"], "actual_redirect_without_cors");
    let ask = "OPTIONS /x |Origin: https://a.test|X-Forwarded-Proto: https|Access-Control-Request-Method: PUT";
    check(&[&format!("{ask} → 308 |Location: https://api.test/x/")], "preflight_redirected");
    check(&[&format!("{ask} → 308 |Location: http://api.test/x/")], "scheme_lost_behind_tls");
    check(&[&format!("{ask} → 301 |Location: https://api.test/x")], "scheme_lost_behind_tls");
}

#[test]
fn two_layers_lists_and_malformed_values() {
    check(&["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A|Access-Control-Allow-Origin: A"], "two_layers");
    check(&["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: *, http://a.test"], "two_layers");
    check(
        &["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: http://a.test, http://b.test"],
        "config_value_malformed",
    );
    for value in
        ["http://a.test/", "http://A.test", "http://a.test:80", "a.test", "\"*\"", "*.test", "http://*.test", ""]
    {
        check(&[&format!("GET /x |Origin: A → 200 |Access-Control-Allow-Origin: {value}")], "config_value_malformed");
    }
    check(&["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: http://www.a.test"], "origin_not_listed");
}

#[test]
fn a_cache_serves_what_was_made_for_another_page() {
    check(
        &[
            "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B",
            "GET /x |Origin: A → 200 |X-Cache: HIT|Access-Control-Allow-Origin: B",
        ],
        "cached_for_other_origin",
    );
    check(
        &["GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A", "GET /x |Origin: A → 200 |Age: 12"],
        "cached_for_other_origin",
    );
    // a client without Origin filled it
    check(&["GET /x |Origin: A → 200 |X-Cache: HIT"], "cached_for_other_origin");
    // bare even where no cache answered
    check(&["GET /x |Origin: A → 200 |X-Cache: MISS", "GET /x |Origin: A → 200 |X-Cache: HIT"], "cors_not_mounted");
    // nothing says hit, but each page had its own value before, and this is the other's
    let own = [
        "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A",
        "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B",
    ];
    check(&[own[0], own[1], "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: B"], "cached_for_other_origin");
    // nor is a value that no page had from a cache
    check(
        &[own[0], own[1], "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: http://c.test"],
        "origin_not_listed",
    );
    // without any sign of a cache: the one origin that is configured
    check(
        &[
            "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B",
            "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: B",
        ],
        "origin_not_listed",
    );
}

#[test]
fn credentials_have_causes_of_their_own() {
    check(&["GET /x |Origin: A|Cookie: s → 200 |Access-Control-Allow-Origin: *"], "credentials_with_wildcard");
    check(&["GET /x |Origin: A|Cookie: s → 200 |Access-Control-Allow-Origin: A"], "credentials_not_allowed");
}

#[test]
fn the_fix_names_the_stack_that_answers_or_answered_before() {
    let fix = |steps: &[&str]| replay(steps).pop().expect("a transaction").fix;
    let text = fix(&["GET /x |Origin: A → 200 |Vary: Origin|X-Powered-By: Express"]);
    assert!(text.contains("Express with cors: app.use(cors({ origin: ['http://a.test'] }))"), "{text}");
    let text = fix(&[
        "GET /y |Origin: A → 200 |Access-Control-Allow-Origin: A|Server: Werkzeug/3.1",
        "GET /x |Origin: A → 200",
    ]);
    assert!(text.contains("Flask with Flask-CORS: CORS(app, resources="), "{text}");
    let text = fix(&["GET /x |Origin: null → 200 |Vary: Origin"]);
    assert!(text.starts_with("Do not list null"), "{text}");
}

#[test]
fn the_fix_repeats_the_lists_in_view_and_adds_what_is_missing() {
    let fix = |steps: &[&str]| replay(steps).pop().expect("a transaction").fix;
    let ask = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PATCH|Access-Control-Request-Headers: content-type,x-trace-id";
    let lists = "Access-Control-Allow-Methods: GET,PUT, DELETE|Access-Control-Allow-Headers: Content-Type";
    let answer =
        |more: &str| format!("{ask} → 204 |Access-Control-Allow-Origin: A|{lists}{more}|X-Powered-By: Express");
    let text = fix(&[&answer("")]);
    assert!(text.contains("cors({ …, methods: ['GET', 'PUT', 'DELETE', 'PATCH'] })."), "{text}");
    let text = fix(&[&answer("|Access-Control-Allow-Methods: PATCH")]);
    assert!(text.contains("Add x-trace-id to the allowed headers"), "{text}");
    assert!(text.contains("cors({ …, allowedHeaders: [\"Content-Type\", \"x-trace-id\"] })"), "{text}");
    // no list in view: what else may be listed is not known
    let text = fix(&[&format!("{ask} → 204 |Access-Control-Allow-Origin: A")]);
    assert!(
        text.ends_with("Access-Control-Allow-Methods: GET, HEAD, POST, PATCH, beside what is listed already."),
        "{text}"
    );
}

#[test]
fn a_proxy_in_view_is_told_what_a_bare_answer_after_a_good_preflight_means_there() {
    let fix = |steps: &[&str]| replay(steps).pop().expect("a transaction").fix;
    let good = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PUT → 204 |Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: PUT|Server: nginx";
    let text = fix(&[good, "PUT /x |Origin: A → 200 |Server: nginx"]);
    assert!(
        text.starts_with("Run CORS before the routes. Where nginx adds the headers: repeat every add_header"),
        "{text}"
    );
    let text = fix(&[good, "PUT /x |Origin: A → 200 |Server: nginx|X-Powered-By: Express"]);
    assert!(text.contains("Express with cors: app.use(cors(options)) above"), "{text}");
}

/// `cors()` in Express does not mend what nginx adds, and makes two values of one.
#[test]
fn the_layer_that_adds_the_headers_is_told_what_to_change() {
    let fix = |steps: &[&str]| replay(steps).pop().expect("a transaction").fix;
    let good = "GET /x |Origin: A → 200 |Server: nginx|X-Powered-By: Express|Access-Control-Allow-Origin: A";
    // 2xx with the headers and errors without: nginx without `always`
    let text = fix(&[good, "GET /x |Origin: A → 404 |Server: nginx|X-Powered-By: Express"]);
    let (nginx, express) =
        (text.find(" Where nginx adds the headers: add_header … always"), text.find(" Express with cors: "));
    assert!(nginx.is_some() && nginx < express, "{text}");
    // Express signs what it answers on this path: who answered this preflight is nginx
    let asked = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PUT";
    let listed = "Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: GET";
    let text = fix(&[good, &format!("{asked} → 204 |Server: nginx|{listed}")]);
    assert!(text.contains(" nginx: add_header Access-Control-Allow-Methods \"GET, PUT\" always"), "{text}");
    assert!(!text.contains("Express"), "{text}");
    // where Express answered it, its list is the one that lacks PUT
    let text = fix(&[good, &format!("{asked} → 204 |Server: nginx|X-Powered-By: Express|{listed}")]);
    assert!(text.contains(" Express with cors: cors({ …, methods: ['GET', 'PUT'] })"), "{text}");
    // HAProxy says its name nowhere
    let text = fix(&["GET /x |Origin: B → 200 |x-powered-by: Express|access-control-allow-origin: A"]);
    assert!(
        text.contains(" Where HAProxy adds the headers: above all other rules: ⏎ http-request set-var(txn.origin)"),
        "{text}"
    );
    let text = fix(&[
        "OPTIONS /y |Origin: A|Access-Control-Request-Method: PUT → 301 |content-length: 0|location: https://api.test/y",
    ]);
    assert!(text.contains(" HAProxy: !METH_OPTIONS in the condition"), "{text}");
    assert!(text.contains("hdr Access-Control-Allow-Headers \"content-type\""), "no name is made up: {text}");
}

#[test]
fn a_development_page_is_told_of_the_dev_proxy_and_a_stray_header_of_its_uselessness() {
    let ask = "OPTIONS /v1/x |Origin: http://localhost:5173|Access-Control-Request-Method: GET|Access-Control-Request-Headers: access-control-allow-origin";
    let all = replay(&[&format!("{ask} → 204 |Access-Control-Allow-Origin: *")]);
    let text = &all.first().expect("a transaction").fix;
    assert!(text.contains("Vite: server: { proxy: { '/v1'") && text.contains("Next: rewrites"), "{text}");
    assert!(text.contains("it cannot help here"), "{text}");
    for (page, development) in [
        ("http://192.168.1.7:3000", true),
        ("http://mine:8080", true),
        ("http://[fd00::7]:8080", true),
        ("http://app.example.com:8080", false),
    ] {
        let all = replay(&[&format!("GET /v1/x |Origin: {page} → 200 |Vary: Origin")]);
        assert_eq!(all.first().expect("a transaction").fix.contains("In development"), development, "{page}");
    }
}

#[test]
fn what_is_remembered_is_capped_and_counted() {
    let limits = Limits { cause_targets_max: 1, cause_endpoints_max: 2, ..Limits::default() };
    let mut memory = super::memory::Memory::new(&limits, foldhash::fast::RandomState::default());
    let [a, b, api] = ["http://a.test", "http://b.test", "http://api.test"].map(|origin| memory.target_key(origin));
    assert!(memory.target(api).is_none());
    let mut forgotten = 0;
    memory.slots(a, b"/1", &mut forgotten);
    memory.slots(a, b"/two", &mut forgotten);
    assert_eq!(forgotten, 0);
    memory.slots(a, b"/three", &mut forgotten);
    memory.slots(b, b"/three", &mut forgotten);
    assert_eq!(forgotten, 3);
}

#[test]
fn an_empty_answer_to_a_preflight_does_not_tell_why_until_another_page_passes() {
    // Sails, Netty, code by hand: nothing in it, no Allow
    let empty = "200 |Content-Length: 0";
    let passes = "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B";
    check(&["GET /x |Origin: A → 200 |body={", &format!("{ASK_PUT} → {empty}")], "unknown");
    check(&["GET /x |Origin: A → 200 |body={", &format!("{ASK_PUT} → {empty}"), passes], "origin_not_listed");
    check(&[&format!("{ASK_PUT} → {empty}"), "GET /x |Origin: A → 200 |body={", passes], "origin_not_listed");
    // a handler that takes OPTIONS for a request has something to say
    check(&["GET /x |Origin: A → 200 |body={", &format!("{ASK_PUT} → 200 |body={{")], "cors_not_mounted");
    // go-restful, jetty: as likely a header that is not listed
    let get = "OPTIONS /x |Origin: A|Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-trace-id";
    check(&[&format!("{get} → {empty}")], "unknown");
    check(&[&format!("{get} → {empty}"), "GET /y |Origin: A → 200 |body={"], "cors_not_mounted");
    // rack-cors, for a path that it does not know; or for what else it does not know of one that it does
    check(&["GET /x |Origin: A → 200 |X-Runtime: 0.1|body={", &format!("{ASK_PUT} → {empty}")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 |Server: thin")], "unknown");
}

#[test]
fn a_proxys_canned_answer_to_preflights_is_not_the_cors_codes() {
    let works = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A|Date: now";
    // HAProxy's `http-request return`
    check(&[works, &format!("{ASK_PUT} → 200 |content-length: 0")], "cors_not_mounted");
    check(&[works, &format!("{ASK_PUT} → 200 |Content-Length: 0|Date: now")], "method_not_listed");
}

#[test]
fn an_error_page_is_a_servers_and_expresss_errors_keep_what_cors_code_added() {
    check(&["GET /x |Origin: A → 404 |Server: nginx|body=<"], "error_page_without_cors");
    check(&["GET /x |Origin: A → 400 |Server: uvicorn|body=Invalid host header"], "error_page_without_cors");
    check(&["GET /x |Origin: A → 422 |body={"], "unknown");
    // Express keeps what cors() added on its 404
    check(&["GET /x |Origin: A → 404 |X-Powered-By: Express|body=<"], "cors_not_mounted");
    check(&["GET /x |Origin: A → 400 |X-Powered-By: Express|body={"], "cors_not_mounted");
    // behind a proxy it is mostly the proxy that adds fields to good answers alone
    check(&["GET /x |Origin: A → 404 |X-Powered-By: Express|Server: nginx|body=<"], "error_page_without_cors");
    // a host that is not served
    check(&[&format!("{ASK_PUT} → 400 |Content-Type: text/html|body=<")], "unknown");
}

#[test]
fn an_empty_value_where_another_page_is_named_is_a_list_that_was_searched_in_vain() {
    let empty = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: ";
    check(&[empty], "config_value_malformed");
    check(&[&format!("{empty}|Vary: Origin")], "origin_not_listed");
    check(&[empty, "GET /x |Origin: B → 200 |Access-Control-Allow-Origin: B"], "origin_not_listed");
}

#[test]
fn nodes_own_fields_beside_lower_case_ones_are_not_fastifys_alone() {
    // Hono's, where the answers were not handed to its CORS code
    let hono = "content-type: application/json|Date: now|Connection: keep-alive|Keep-Alive: timeout=5";
    check(&[PUT_PASSES, &format!("PUT /x |Origin: A → 200 |{hono}|body={{")], "cors_after_router");
}

#[test]
fn lists_without_the_origin_speak_for_what_comes_after() {
    // Jupyter names the one origin that is configured, and answers requests of others with 404
    let fixed = "200 |Access-Control-Allow-Origin: http://c.test|Access-Control-Allow-Methods: PUT";
    check(&[&format!("{ASK_PUT} → {fixed}"), "GET /x |Origin: A → 404 |body={"], "origin_not_listed");
    check(&["GET /x |Origin: A → 404 |body={"], "unknown");
}

#[test]
fn an_application_that_fails_on_options_answers_preflights_itself() {
    let bare = "GET /x |Origin: A → 200 |body={";
    check(&[bare, &format!("{ASK_PUT} → 500")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 501 |body=words")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 500 |Access-Control-Allow-Origin: A")], "cors_not_mounted");
    // Express: callback(new Error()) for a page that is not listed
    check(&[bare, &format!("{ASK_PUT} → 500 |X-Powered-By: Express")], "origin_not_listed");
}

#[test]
fn a_server_that_refuses_options_itself_says_nothing_of_the_lists() {
    // Apache's own page: "The requested method OPTIONS is not allowed for this URL."
    let refused = "|Server: Apache|body=method OPTIONS is not allowed";
    check(&[&format!("{ASK_PUT} → 405 {refused}")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 501 {refused}")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 403 {refused}")], "method_not_listed");
    // a small server that knows GET alone
    let bare = "GET /x |Origin: A → 200 |Last-Modified: then";
    check(&[bare, &format!("{ASK_PUT} → 400 |Connection: Close|Content-Type: text/plain|body=words")], "unknown");
}

#[test]
fn lists_that_have_what_was_asked_leave_the_origin() {
    // Starlette, where the words were not captured
    let head = "Content-Type: text/plain|Access-Control-Allow-Methods: GET, PUT|Access-Control-Allow-Headers: x-a";
    check(&[&format!("{ASK_PUT}|Access-Control-Request-Headers: x-a → 400 |{head}")], "origin_not_listed");
    check(&[&format!("{ASK_PUT}|Access-Control-Request-Headers: x-b → 400 |{head}")], "unknown");
}

#[test]
fn a_firewalls_page_is_a_refusal_before_cors() {
    check(&[&format!("{ASK_PUT} → 406 |Server: Apache|body=<")], "auth_before_cors");
    // an application's own
    check(&[&format!("{ASK_PUT} → 406 |X-Powered-By: Express|body={{")], "cors_not_mounted");
}

#[test]
fn what_a_cache_handed_through_is_no_hit() {
    let passed = "GET /x |Origin: A → 200 |Via: 1.1 varnish (Varnish/7.1)|X-Varnish: 5";
    check(&[&format!("{passed}|Age: 0|body={{")], "cors_not_mounted");
    check(&[&format!("{passed}|Age: 3|body={{")], "cached_for_other_origin");
    check(&[&format!("{passed} 2|Age: 0|body={{")], "cached_for_other_origin");
}

#[test]
fn where_nobody_takes_options_no_cors_code_hides() {
    let json = "200 |Server: nginx|Content-Type: application/json";
    let get = format!("GET /x |Origin: A → {json}|body={{");
    check(&[&get], "unknown");
    check(&[&get, &format!("{ASK_PUT} → 405 |Server: nginx|body={{"), &get], "cors_not_mounted");
    // the rules of Apache and Caddy would have answered the preflight
    check(&[&format!("{ASK_PUT} → 200 |Server: Apache|Content-Type: application/json|body={{")], "cors_not_mounted");
    let flask = "Allow: GET, HEAD, OPTIONS|Content-Length: 0|Content-Type: text/html; charset=utf-8";
    check(&[&format!("{ASK_PUT} → 200 |Server: Caddy|X-Powered-By: Express|{flask}")], "unknown");
}

#[test]
fn a_proxy_that_hands_preflights_on_has_no_cors_itself() {
    let get = "GET /y |Origin: A → 200 |Server: nginx|Content-Type: application/json|body={";
    let routed = |more: &str| format!("{ASK_PUT} → 200 |Server: nginx|{more}");
    let handled = routed("Content-Type: application/json|body={");
    check(&[&handled], "cors_not_mounted");
    check(&[&handled, get], "cors_not_mounted");
    // a router's own answer might come past a list of the proxy's that lacks the page; but who has one there answers preflights there, too
    let router = routed("X-Powered-By: Express|Allow: PUT|Content-Type: text/plain|body=PUT");
    check(&[&router], "cors_not_mounted");
    check(&[&router, get], "cors_not_mounted");
    // its refusal says the same, whatever the path; a page of nginx's own does not
    let refusal = |more: &str| format!("{ASK_PUT} → 405 |Server: nginx|{more}");
    check(&[&refusal("Content-Type: application/json|body={"), get], "cors_not_mounted");
    check(&[&refusal("Content-Length: 0|Allow: PUT"), get], "cors_not_mounted");
    check(&[&refusal("Content-Type: text/html|body=<"), get], "unknown");
    // a script gets them all, with a list or without
    check(&[&routed("X-Powered-By: PHP/8.2|Content-Type: application/json|body={")], "unknown");
    // Flask-CORS leaves Flask's own answer as it is
    let flask = routed("Allow: OPTIONS, PUT|Content-Length: 0|Content-Type: text/html; charset=utf-8");
    check(&[&flask], "unknown");
    check(&[&flask, get], "unknown");
    // django-cors-headers would have named Origin
    let django = "X-Content-Type-Options: nosniff|Referrer-Policy: same-origin|Cross-Origin-Opener-Policy: same-origin";
    check(&[&get.replace("|body", &format!("|{django}|body"))], "cors_not_mounted");
}

#[test]
fn django_is_known_by_the_names_of_its_security_fields() {
    let get = "GET /x |Origin: A → 200 |Server: nginx|Content-Type: application/json";
    let django = "X-Content-Type-Options: nosniff|Referrer-Policy: same-origin|Cross-Origin-Opener-Policy: same-origin";
    check(&[&format!("{get}|{django}|body={{")], "cors_not_mounted");
    // helmet's, and Hono's: theirs may be any application
    check(&[&format!("{get}|Cross-Origin-Resource-Policy: same-origin|{django}|body={{")], "unknown");
}

#[test]
fn routers_that_answer_behind_a_list_too_leave_open_whether_there_is_one() {
    let get = "GET /y |Origin: A → 200 |Server: gunicorn|Content-Type: application/json|body={";
    let flask = "Allow: OPTIONS, PUT|Content-Length: 0|Content-Type: text/html; charset=utf-8";
    for server in ["gunicorn", "waitress", "Werkzeug/3.1"] {
        let ask = format!("{ASK_PUT} → 200 |Server: {server}|{flask}");
        check(&[&ask], "unknown");
        check(&[&ask, get], "unknown");
        // what another path or page meets tells
        check(&["GET /z |Origin: A → 200 |Access-Control-Allow-Origin: A", &ask], "cors_not_mounted");
        check(&["GET /z |Origin: B → 200 |Access-Control-Allow-Origin: B", &ask], "origin_not_listed");
    }
    // Quart's library names Origin in Vary
    check(&[&format!("{ASK_PUT} → 200 |Server: uvicorn|{flask}")], "cors_not_mounted");
    let falcon = "Allow: GET, PUT|Content-Length: 0|Content-Type: application/json";
    check(&[&format!("{ASK_PUT} → 200 |Server: waitress|{falcon}")], "unknown");
    check(&[&format!("{ASK_PUT} → 200 |Server: WSGIServer/0.2 CPython/3.11|{falcon}")], "unknown");
    check(&[&format!("{ASK_PUT} → 200 |Server: Apache|{falcon}")], "unknown");
    check(&[&format!("{ASK_PUT} → 200 |Server: Caddy|{falcon}")], "unknown");
    check(&[get], "cors_not_mounted");
}

#[test]
fn code_by_hand_leaves_open_whether_it_has_a_list() {
    for own in ["X-Powered-By: PHP/8.2", "Keep-Alive: timeout=5|Transfer-Encoding: chunked"] {
        let get = format!("GET /y |Origin: A → 200 |Date: now|{own}|Content-Type: application/json|body={{");
        check(&[&get], "unknown");
        // such code takes each preflight, but where there is none
        check(&[&format!("{ASK_PUT} → 405 |Date: now|body={{"), &get], "cors_not_mounted");
    }
    let express =
        "GET /y |Origin: A → 200 |X-Powered-By: Express|Keep-Alive: timeout=5|Transfer-Encoding: chunked|body={";
    check(&[express], "cors_not_mounted");
    // aiohttp's library answers preflights itself, and says nothing else to an unlisted page
    let aiohttp = "Server: Python/3.11 aiohttp/3.14";
    let get = format!("GET /y |Origin: A → 200 |{aiohttp}|body={{");
    check(&[&get], "unknown");
    check(&[&format!("{ASK_PUT} → 405 |{aiohttp}|Allow: PUT|body=words"), &get], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 403 |{aiohttp}|body=words"), &get], "unknown");
}

#[test]
fn a_proxys_canned_answer_is_no_cors() {
    // HAProxy's `return status 200`: nothing but a length, in its spelling
    check(&[&format!("{ASK_PUT} → 200 |content-length: 0")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 |content-length: 0|date: now")], "unknown");
    check(&[&format!("{ASK_PUT} → 200 |Content-Length: 0")], "unknown");
    // nginx gives its own a type
    check(&[&format!("{ASK_PUT} → 200 |Server: nginx|Content-Length: 0|Content-Type: text/plain")], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 |Server: nginx|Content-Length: 0")], "unknown");
    // Apache's rules answer with a page
    check(&[&format!("{ASK_PUT} → 200 |Server: Apache|Content-Length: 0")], "unknown");
    check(&[&format!("{ASK_PUT} → 200 |Server: Apache|Content-Type: text/html|body=<")], "cors_not_mounted");
    // Gin's 403 for an origin and Gorilla's for a header, with the proxy's name
    check(&[&format!("{ASK_PUT} → 403 |Server: Caddy|Content-Length: 0")], "auth_before_cors");
    for server in ["nginx", "Apache"] {
        check(&[&format!("{ASK_PUT} → 403 |Server: {server}|Content-Length: 0")], "unknown");
        check(&[&format!("{ASK_PUT} → 403 |Server: {server}|Content-Type: text/html|body=<")], "auth_before_cors");
    }
}

#[test]
fn eve_joins_what_it_has_of_an_origin() {
    let empty = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: ";
    check(&[empty], "config_value_malformed");
    check(&[&format!("{empty}|Access-Control-Expose-Headers: ")], "origin_not_listed");
    check(&[&format!("{empty}|Access-Control-Expose-Headers: ETag")], "config_value_malformed");
}

#[test]
fn flask_cors_on_one_view_answers_for_the_path() {
    let flask = "Allow: OPTIONS, PUT, GET|Content-Length: 0|Content-Type: text/html; charset=utf-8";
    let good = "Access-Control-Allow-Origin: A|Access-Control-Allow-Methods: PUT, GET";
    let put = "PUT /x |Origin: A → 200 |Server: gunicorn|body={";
    check(&[&format!("{ASK_PUT} → 200 |Server: gunicorn|{flask}|{good}"), put], "cors_not_mounted");
    check(&[&format!("{ASK_PUT} → 200 |Server: gunicorn|{good}"), put], "cors_after_router");
}

#[test]
fn pumas_silence_is_racks() {
    let ask = format!("{ASK_PUT} → 200 |Transfer-Encoding: chunked");
    check(&[&ask], "unknown");
    // rack-cors names Origin in Vary where it knows the path
    check(&["GET /y |Origin: A → 200 |Date: now|body={", &ask], "cors_not_mounted");
    check(&["GET /y |Origin: A → 200 |Date: now|Vary: Origin|body={", &ask], "origin_not_listed");
}

#[test]
fn racks_silence_is_heard_through_nginx() {
    let silence = "200 |Server: nginx|Date: now|Transfer-Encoding: chunked";
    check(&[&format!("{ASK_PUT} → {silence}")], "unknown");
    // another path of this rack-cors has this origin
    let rack = "GET /y |Origin: A → 200 |Access-Control-Allow-Origin: A|Access-Control-Expose-Headers: ";
    check(&[rack, &format!("{ASK_PUT} → {silence}")], "method_not_listed");
    check(&[rack, "GET /x |Origin: A → 200 |body={", &format!("{ASK_PUT} → {silence}")], "cors_not_mounted");
}

#[test]
fn a_compressed_error_is_what_its_type_says() {
    check(&["GET /x |Origin: A → 400 |Content-Type: application/json-rpc|body=words"], "unknown");
    check(&["GET /x |Origin: A → 400 |Content-Type: text/plain|body=words"], "error_page_without_cors");
}

#[test]
fn what_fails_on_options_too_may_be_the_cors_code_or_run_before_it() {
    check(&[&format!("{ASK_PUT} → 500 |Content-Type: text/plain|body=words")], "unknown");
    check(&[&format!("{ASK_PUT} → 500 |X-Powered-By: Express|Server: nginx|body={{")], "unknown");
    check(&["GET /x |Origin: A → 500 |X-Powered-By: Express|Server: nginx|body={"], "error_page_without_cors");
    // code that answers all errors alike may hide one of CORS; one that says which it was does not
    check(&["GET /x |Origin: A → 500 |X-Powered-By: Express|body={"], "unknown");
    check(&[&format!("{ASK_PUT} → 500 |X-Powered-By: Express|body={{")], "unknown");
    // in production the page says nothing; otherwise it would have said that it is for CORS
    let page = |length: u32| format!("GET /x |Origin: A → 500 |X-Powered-By: Express|Content-Length: {length}|body=<");
    check(&[&page(148)], "origin_not_listed");
    check(&[&page(899)], "error_page_without_cors");
}

#[test]
fn where_denials_leave_no_trace_nothing_is_guessed() {
    for server in ["Server: Werkzeug/3.1", "Server: Python/3.11 aiohttp/3.14", "Server: envoy"] {
        check(&[&format!("GET /x |Origin: A → 200 |{server}|body={{")], "unknown");
        let other = format!("GET /x |Origin: B → 200 |{server}|Access-Control-Allow-Origin: B|body={{");
        check(&[&other, &format!("GET /x |Origin: A → 200 |{server}|body={{")], "origin_not_listed");
    }
    // map, env= and matchers say nothing of an origin that they lack; a proxy's own file or answer is another matter
    for server in ["nginx/1.28", "Apache/2.4", "Caddy"] {
        check(&[&format!("GET /x |Origin: A → 200 |Server: {server}|X-Powered-By: Express|body={{")], "unknown");
        let json = format!("GET /x |Origin: A → 200 |Server: {server}|Content-Type: application/json");
        check(&[&format!("{json}|body={{")], "unknown");
        check(&[&format!("{json}|Last-Modified: then|body={{")], "cors_not_mounted");
    }
    check(&["GET /x |Origin: A → 200 |Server: AmazonS3|body={"], "unknown");
}

#[test]
fn a_method_and_a_header_that_were_both_never_granted_leave_open_which_is_missing() {
    let works = "GET /x |Origin: A → 200 |Access-Control-Allow-Origin: A";
    let ask = |names: &str| {
        let ask = "OPTIONS /x |Origin: A|Access-Control-Request-Method: PUT";
        format!("{ask}|Access-Control-Request-Headers: {names} → 200 |Date: now")
    };
    check(&[works, &ask("content-type")], "method_not_listed");
    check(&[works, &ask("content-type,x-trace-id")], "unknown");
}
