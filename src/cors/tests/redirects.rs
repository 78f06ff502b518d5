//! Redirects (VERDICTS.md §7; Fetch § HTTP-redirect fetch).

use super::{A, ASK_PUT, CHROME, FIREFOX, SAFARI, Wire};

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

/// The same again, after a refusal that shows only in that nothing followed.
#[test]
fn a_hop_belongs_to_the_attempt_that_asked_after_a_refusal() {
    let home = "Host: a.test|Content-Type: text/plain";
    let hop = "Origin: http://a.test|Access-Control-Request-Method: PUT";
    let star = "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT";
    let mut wire = Wire::new(CHROME);
    wire.exchange("PUT /x", home, 307, "Location: http://b.test/y");
    wire.exchange("OPTIONS /y", hop, 204, star);
    let refused = wire.now;
    wire.exchange("PUT /x", home, 307, "Location: http://b.test/y");
    wire.exchange("OPTIONS /y", hop, 204, star);
    wire.exchange("PUT /y", A, 200, "");
    wire.silence(15);
    assert!(wire.taken.0[0].time.0 > refused && wire.taken.0[1].time.0 < refused);
    let taken = wire.end();
    assert_eq!(taken[0], "PUT /x blocked actual missing_allow_origin certain not_needed");
    assert!(taken[1].starts_with("PUT /x blocked preflight wildcard_with_credentials probable"), "{taken:?}");
}

/// The same twice at once: each preflight belongs to one of them.
#[test]
fn hops_at_once_belong_to_one_attempt_each() {
    let home = "Host: a.test|Content-Type: text/plain";
    let hop = "Origin: http://a.test|Access-Control-Request-Method: PUT";
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT";
    let mut wire = Wire::new(CHROME);
    let first = wire.request("PUT /x", home);
    wire.stream = 1;
    let second = wire.request("PUT /x", home);
    wire.stream = 0;
    wire.answer(first, 307, "Location: http://b.test/y");
    wire.stream = 1;
    wire.answer(second, 307, "Location: http://b.test/y");
    wire.stream = 2;
    wire.exchange("OPTIONS /y", hop, 204, good);
    wire.stream = 3;
    wire.exchange("OPTIONS /y", hop, 204, good);
    wire.exchange("PUT /y", A, 200, "");
    wire.exchange("PUT /y", A, 200, good);
    let mut taken = wire.end();
    taken.sort();
    assert_eq!(
        taken,
        ["PUT /x allowed certain not_needed", "PUT /x blocked actual missing_allow_origin certain not_needed"]
    );
}

/// Firefox 153 preflights its own origin, too, and looks at the status and at the lists only (20 attempts).
#[test]
fn firefox_looks_for_no_allow_origin_when_it_asks_the_page_s_own_origin() {
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT";
    for (status, allowed, expected) in [
        (204, "PUT", "allowed certain"),
        (204, "GET", "blocked preflight method_not_allowed certain"),
        (404, "PUT", "blocked preflight preflight_status certain"),
    ] {
        let mut wire = Wire::new(FIREFOX);
        wire.exchange("OPTIONS /x", ASK_PUT, 204, good);
        wire.exchange("PUT /x", A, 307, &format!("{good}|Location: http://a.test/y"));
        wire.exchange(
            "OPTIONS /y",
            &format!("Host: a.test|{ASK_PUT}"),
            status,
            &format!("Access-Control-Allow-Origin: http://c.test|Access-Control-Allow-Methods: {allowed}"),
        );
        if expected.starts_with("allowed") {
            let null = "Host: a.test|Origin: null";
            wire.exchange(
                "PUT /y",
                null,
                200,
                "Access-Control-Allow-Origin: null|Access-Control-Allow-Credentials: true",
            );
        }
        assert_eq!(wire.end(), [format!("PUT /x {expected} sent")]);
    }
}

/// WebKitGTK 2.50, of 7 chains: it takes back escapes that need not be, and joins two `Location` fields to one.
#[test]
fn webkit_s_next_hop_is_found_where_it_writes_the_url_otherwise() {
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true";
    for (locations, next) in [("Location: /%681", "/h1"), ("Location: /y|Location: /z", "/y,%20/z")] {
        let mut wire = Wire::new(SAFARI);
        wire.exchange("GET /x", A, 302, &format!("{good}|{locations}"));
        wire.exchange(&format!("GET {next}"), A, 200, "");
        assert_eq!(wire.end(), ["GET /x blocked actual missing_allow_origin certain not_needed"], "{locations}");
    }
}
