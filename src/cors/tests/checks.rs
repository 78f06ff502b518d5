//! What one answer comes to: classification, credentials, the checks (VERDICTS.md §1, §2, §4).

use super::{A, ASK_PUT, CHROME, FIREFOX, SAFARI, Wire};
use crate::http::BodyState;

#[test]
fn simple_get_by_fetch_cors_check() {
    for (answer, expected) in [
        ("", "blocked actual missing_allow_origin certain"),
        ("Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true", "allowed certain"),
        ("Access-Control-Allow-Origin: *", "allowed possible"),
        ("Access-Control-Allow-Origin: http://c.test", "blocked actual allow_origin_mismatch certain"),
        ("Access-Control-Allow-Origin: a.test", "blocked actual invalid_allow_origin certain"),
        ("Access-Control-Allow-Origin: http://a.test\x1f", "blocked actual allow_origin_mismatch certain"),
        ("Access-Control-Allow-Origin: http://a.test\thttp://c.test", "blocked actual allow_origin_mismatch certain"),
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
        "Origin: http://a.test|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Key: a|Sec-WebSocket-Version: 13",
        // behind a gateway that takes Upgrade away
        "Origin: http://a.test|Connection: close|Sec-WebSocket-Key: a|Sec-WebSocket-Version: 13",
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

/// Firefox has one sentence for a mismatch, a list and junk; what is wrong shows in `detail` and `cause`.
#[test]
fn firefox_says_mismatch_and_the_detail_says_what_is_wrong() {
    for (value, reasons, words, cause) in [
        ("https://c.test", "allow_origin_mismatch", "(another site)", "origin_not_listed"),
        ("a.test", "allow_origin_mismatch invalid_allow_origin", "which is no origin", "config_value_malformed"),
        (
            "http://a.test, http://c.test",
            "allow_origin_mismatch multiple_allow_origin",
            "names several origins",
            "config_value_malformed",
        ),
    ] {
        let mut wire = Wire::new(FIREFOX);
        wire.exchange("GET /x", A, 200, &format!("Access-Control-Allow-Origin: {value}|Vary: Origin"));
        wire.silence(1);
        let t = &wire.taken.0[0];
        let all: Vec<String> = t.reasons_all.iter().map(ToString::to_string).collect();
        assert_eq!(all.join(" "), reasons, "{value}");
        assert!(t.detail.contains(words) && !t.detail.contains("also"), "{}", t.detail);
        assert_eq!(t.cause.map(|c| c.to_string()).as_deref(), Some(cause), "{value}");
    }
}

/// Chromium fails the request (`net::ERR_UNEXPECTED_PROXY_AUTH`), Firefox hands the answer to the page.
#[test]
fn a_407_of_a_server_is_an_answer_in_firefox_only() {
    for (agent, expected) in [(CHROME, "blocked actual actual_unanswered possible"), (FIREFOX, "allowed certain")] {
        let mut wire = Wire::new(agent);
        let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true";
        wire.exchange("GET /x", A, 407, good);
        assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")]);
    }
}

/// Firefox 153 merges the fields and skips empty ones; the others join them.
#[test]
fn an_empty_field_beside_true_allows_credentials_in_firefox() {
    let fields = |values: [&str; 2]| values.map(|v| format!("|Access-Control-Allow-Credentials: {v}")).concat();
    for (agent, values, expected) in [
        (FIREFOX, ["", "true"], "allowed certain"),
        (FIREFOX, ["true", ""], "allowed certain"),
        (FIREFOX, ["true", "true"], "blocked actual missing_allow_credentials certain"),
        (CHROME, ["", "true"], "blocked actual missing_allow_credentials certain"),
    ] {
        let mut wire = Wire::new(agent);
        let answer = format!("Content-Type: text/plain|Access-Control-Allow-Origin: http://a.test{}", fields(values));
        wire.exchange("GET /x", &format!("{A}|Cookie: (present)"), 200, &answer);
        assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")], "{agent} {values:?}");
    }
}

/// Chromium 156 and WebKitGTK 2.50 tell of clicks and of violations without CORS, with `Origin` and no preflight.
#[test]
fn reports_of_the_browser_are_not_of_cors() {
    for kind in ["text/ping", "application/csp-report"] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("POST /x", &format!("{A}|Content-Type: {kind}"), 200, "");
        assert_eq!(wire.end(), ["POST /x not_cors probable not_needed"], "{kind}");

        let mut wire = Wire::new(CHROME);
        let ask = format!("{A}|Access-Control-Request-Method: POST|Access-Control-Request-Headers: content-type");
        let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Headers: content-type";
        wire.exchange("OPTIONS /x", &ask, 204, good);
        wire.exchange("POST /x", &format!("{A}|Content-Type: {kind}"), 200, "");
        assert_eq!(wire.end(), ["POST /x blocked actual missing_allow_origin certain sent"], "{kind}");
    }
}

/// WebKitGTK 2.50, of 6 requests by workers made of `data:` URLs: the preflight says `cross-site`, the request `same-origin`.
#[test]
fn an_opaque_origin_is_never_at_home() {
    let mut wire = Wire::new(SAFARI);
    let said = |site: &str| format!("Origin: null|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Sec-Fetch-Site: {site}");
    let ask = format!("{}|Access-Control-Request-Method: PUT", said("cross-site"));
    wire.exchange("OPTIONS /x", &ask, 204, "Access-Control-Allow-Origin: null|Access-Control-Allow-Methods: PUT");
    wire.exchange("PUT /x", &said("same-origin"), 200, "");
    assert_eq!(wire.end(), ["PUT /x blocked actual missing_allow_origin certain sent"]);
}

/// Seen in Firefox 153: bad chunks that come with their head are a network error, whatever the fields say. Chromium looks at the
/// fields first.
#[test]
fn what_bad_chunks_come_to_depends_on_the_family() {
    let answers = |agent, body| {
        let mut wire = Wire::new(agent);
        wire.body = body;
        wire.exchange("GET /x", A, 200, "Content-Type: text/plain|Access-Control-Allow-Origin: self");
        wire.exchange("OPTIONS /y", ASK_PUT, 200, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: GET");
        wire.exchange(
            "GET /z",
            A,
            200,
            "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true",
        );
        let mut told = wire.end();
        told.sort_by_key(|line| line.find('/').map(|at| line[at..].to_owned()));
        told
    };
    let blocked = |of_x, of_z| {
        vec![
            format!("GET /x blocked actual {of_x} certain not_needed"),
            "PUT /y blocked preflight method_not_allowed certain sent".to_owned(),
            format!("GET /z allowed {of_z} not_needed"),
        ]
    };
    assert_eq!(answers(CHROME, BodyState::Whole), blocked("invalid_allow_origin", "certain"));
    assert_eq!(answers(CHROME, BodyState::Malformed), blocked("invalid_allow_origin", "possible"));
    assert_eq!(answers(FIREFOX, BodyState::CutByClose), blocked("allow_origin_mismatch", "possible"));
    assert_eq!(
        answers(FIREFOX, BodyState::Malformed),
        [
            "GET /x undecided actual_unanswered possible not_needed",
            "PUT /y undecided preflight_unanswered possible sent",
            "GET /z allowed possible not_needed"
        ]
    );
}

/// Seen in Chromium 156: a script that its page asks for again is taken from memory upon a 304 that would refuse it; what a script
/// fetches is refused.
#[test]
fn what_a_304_says_otherwise_than_the_stored_answer_is_not_sure_in_chromium() {
    let revalidated = |agent, dest: &str| {
        let mut wire = Wire::new(agent);
        wire.exchange("GET /x", A, 200, "Access-Control-Allow-Origin: http://a.test|ETag: 1");
        let again = format!("{A}|If-None-Match: 1{dest}");
        wire.exchange("GET /x", &again, 304, "Access-Control-Allow-Origin: http://c.test");
        wire.end().pop().unwrap_or_default()
    };
    let refused = |confidence| format!("GET /x blocked actual allow_origin_mismatch {confidence} not_needed");
    assert_eq!(revalidated(CHROME, ""), refused("possible"));
    assert_eq!(revalidated(CHROME, "|Sec-Fetch-Dest: script"), refused("possible"));
    assert_eq!(revalidated(CHROME, "|Sec-Fetch-Dest: empty"), refused("certain"));
    assert_eq!(revalidated(FIREFOX, ""), refused("certain"));
}

/// Seen in Firefox 153 (3 of 3): a module whose answer is no JavaScript fails by its type, before the fields count. Over plain HTTP it looks
/// like any other request that says no priority.
#[test]
fn what_firefox_refuses_for_its_type_is_not_surely_of_cors() {
    let asked = |agent, lines: &str, answer: &str| {
        let mut wire = Wire::new(agent);
        wire.exchange("GET /x", &format!("{A}{lines}"), 200, answer);
        wire.end().pop().unwrap_or_default().split(' ').nth(5).unwrap_or_default().to_owned()
    };
    let script = "|Sec-Fetch-Mode: cors|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: script";
    for (agent, lines, answer, sure) in [
        (FIREFOX, script, "", "probable"),
        (FIREFOX, script, "Content-Type: text/html", "probable"),
        (FIREFOX, script, "Content-Type: text/javascript; charset=utf-8", "certain"),
        (FIREFOX, "", "", "probable"),
        (FIREFOX, "|Priority: u=4", "", "probable"),
        (FIREFOX, "", "Content-Type: text/html", "probable"),
        (FIREFOX, "|Priority: u=4", "Content-Type: text/html", "certain"),
        (FIREFOX, "", "Content-Type: application/json", "certain"),
        (CHROME, script, "", "certain"),
    ] {
        assert_eq!(asked(agent, lines, answer), sure, "{agent} {lines} {answer}");
    }
}

/// What is no HTTP by the letter is read otherwise by some browser, and what is untidy by some proxy (nginx takes the answer for none).
#[test]
fn an_answer_that_may_be_read_otherwise_is_not_sure() {
    use crate::http::Doubts;
    let behind = "|X-Forwarded-For: 198.51.100.9|X-Forwarded-Proto: http|X-Forwarded-Host: b.test";
    let malformed = Doubts { malformed: true, ..Doubts::default() };
    let untidy = Doubts { untidy: true, ..Doubts::default() };
    let blanks = Doubts { blanks: true, ..Doubts::default() };
    let left = Doubts { left: true, ..Doubts::default() };
    for (agent, doubts, front, sure) in [
        (CHROME, malformed, "", "possible"),
        (CHROME, left, "", "possible"),
        (CHROME, untidy, "", "certain"),
        (CHROME, untidy, behind, "possible"),
        (CHROME, blanks, behind, "certain"),
        (SAFARI, blanks, behind, "possible"),
        (SAFARI, blanks, "", "certain"),
    ] {
        let mut wire = Wire::new(agent);
        wire.doubts = doubts;
        wire.address = 0xfd00 << 112 | 1;
        wire.exchange("GET /x", &format!("{A}{front}"), 200, "");
        assert_eq!(wire.end(), [format!("GET /x blocked actual missing_allow_origin {sure} not_needed")], "{doubts:?}");
    }
}

/// Behind a proxy that speaks HTTP/2 to the browser, a control character ends the stream (Chromium 156, `ERR_HTTP2_PROTOCOL_ERROR`, 3 of 3).
#[test]
fn a_control_character_need_not_reach_the_browser() {
    for (front, sure) in [
        ("", "certain"),
        ("|X-Forwarded-For: 198.51.100.9|X-Forwarded-Proto: http|X-Forwarded-Host: b.test", "possible"),
    ] {
        let mut wire = Wire::new(CHROME);
        wire.address = 0xfd00 << 112 | 1;
        wire.exchange("GET /x", &format!("{A}{front}"), 200, "Access-Control-Allow-Origin: http://a.test\u{1}");
        let told = wire.end();
        assert!(told[0].contains(sure), "{told:?}");
    }
}

/// A page that gave its request up, and closed the connection, refused nothing.
#[test]
fn silence_of_who_left_is_no_refusal() {
    let mut wire = Wire::new(CHROME);
    wire.doubts = crate::http::Doubts { left: true, ..Default::default() };
    wire.exchange(
        "OPTIONS /x",
        super::ASK_PUT,
        204,
        "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT",
    );
    wire.silence(12);
    assert_eq!(wire.end(), ["PUT /x undecided actual_not_seen possible sent"]);
}

/// nginx makes `:status: 0` of what it does not understand; Firefox 153 (2 of 2) takes it for no answer.
#[test]
fn an_answer_without_a_status_is_none() {
    use crate::http::Version;
    for (version, expected) in
        [(Version::Http2, "actual_unanswered possible"), (Version::Http11, "missing_allow_origin certain")]
    {
        let mut wire = Wire::new(CHROME);
        wire.version = version;
        wire.exchange("GET /x", A, 0, "");
        wire.silence(3);
        assert_eq!(wire.end(), [format!("GET /x blocked actual {expected} not_needed")]);
    }
}

/// Chromium 156 and Firefox 153, of 7 requests without CORS from frames without an origin: over plain HTTP they look like any with it.
#[test]
fn a_get_without_an_origin_may_be_one_without_cors() {
    let sandboxed = "Origin: null|Sec-Fetch-Mode: cors|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: empty";
    for (agent, lines, sure) in [
        (CHROME, "Origin: null", "probable"),
        (CHROME, "Origin: null|Cookie: (present)", "certain"),
        (CHROME, sandboxed, "certain"),
        (SAFARI, "Origin: null", "certain"),
        (CHROME, A, "certain"),
    ] {
        let mut wire = Wire::new(agent);
        wire.exchange("GET /x", lines, 200, "");
        assert_eq!(wire.end(), [format!("GET /x blocked actual missing_allow_origin {sure} not_needed")], "{lines}");
    }
}
