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

/// A fetch may be told not to follow (`redirect: "manual"`), and gets the redirect then, whatever it leads to (Chromium 156, 2 of 2).
#[test]
fn redirects_to_other_schemes_and_to_user_names_are_blocked() {
    let fetch = "|Sec-Fetch-Mode: cors|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: empty";
    let script = "|Sec-Fetch-Mode: cors|Sec-Fetch-Site: cross-site|Sec-Fetch-Dest: script";
    for (location, reason) in
        [("data:text/plain,x", "disabled_scheme"), ("http://u:p@c.test/", "redirect_contains_credentials")]
    {
        for (agent, fields, before, sure) in [
            (CHROME, "", false, "probable"),
            (CHROME, fetch, false, "probable"),
            (CHROME, script, false, "certain"),
            (CHROME, fetch, true, "certain"),
            (FIREFOX, fetch, false, "certain"),
            (FIREFOX, "|Priority: u=4", false, "probable"),
        ] {
            let mut wire = Wire::new(agent);
            let to = |location| {
                format!(
                    "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Location: {location}"
                )
            };
            if before {
                wire.exchange("GET /x", &format!("{A}{fields}"), 302, &to("/y"));
            }
            wire.exchange(if before { "GET /y" } else { "GET /x" }, &format!("{A}{fields}"), 302, &to(location));
            assert_eq!(wire.end(), [format!("GET /x blocked actual {reason} {sure} not_needed")], "{fields} {before}");
        }
    }
}

/// RFC 9110 §15.4.8 and §15.4.9: 307 and 308 keep the method; a GET with `Origin` can only be of mode cors,
/// but in WebKitGTK 2.50, which says it of a beacon, too, once the POST was led on.
#[test]
fn a_post_of_hidden_mode_stays_so_over_307_and_not_over_302() {
    let to = |agent, status: u16| {
        let mut wire = Wire::new(agent);
        let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true";
        let text = format!("{A}|Content-Type: text/plain");
        wire.exchange("POST /x", &text, status, &format!("{good}|Location: /y"));
        let (line, fields) = if status == 302 { ("GET /y", A) } else { ("POST /y", &*text) };
        wire.exchange(line, fields, 200, "");
        wire.end()
    };
    assert_eq!(to(CHROME, 302), ["POST /x blocked actual missing_allow_origin certain not_needed"]);
    assert_eq!(to(SAFARI, 302), ["POST /x undecided mode_unknown possible not_needed"]);
    assert_eq!(to(CHROME, 307), ["POST /x undecided mode_unknown possible not_needed"]);
    assert_eq!(to(CHROME, 308), ["POST /x undecided mode_unknown possible not_needed"]);
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
    wire.exchanges_at_once("PUT /x", home, 307, ["Location: http://b.test/y", "Location: http://b.test/y"]);
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

/// A script may say at home, where no preflight tells, for whom it asks and that it does so over TLS; the next hop's preflight comes without.
#[test]
fn forwarding_fields_that_a_script_set_at_home_part_no_hops() {
    for field in
        ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Forwarded-Ssl: on", "X-Forwarded-Host: c.test"]
    {
        for agent in [CHROME, FIREFOX, SAFARI] {
            let mut wire = Wire::new(agent);
            wire.address = 0xfd00 << 112 | 7;
            wire.exchange("GET /x", &format!("Host: a.test|{field}"), 302, "Location: http://b.test/y");
            let ask = "Origin: http://a.test|Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-forwarded-for";
            wire.exchange("OPTIONS /y", ask, 204, "");
            let refused = "GET /x blocked preflight missing_allow_origin certain not_needed";
            assert_eq!(wire.end(), [refused], "{agent} {field}");
        }
    }
}

/// Chromium 156 (`ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION`) and Firefox 153 take an answer with two `Location` fields that differ for none,
/// whatever its other fields say (3 of 3).
#[test]
fn a_redirect_to_two_places_is_no_answer() {
    for agent in [CHROME, FIREFOX] {
        for (second, expected) in [
            ("http://b.test/y?b", "undecided redirect_not_followed possible"),
            ("http://b.test/y", "blocked actual missing_allow_origin certain"),
        ] {
            let mut wire = Wire::new(agent);
            wire.exchange("GET /x", A, 302, &format!("Location: http://b.test/y|Location: {second}"));
            assert_eq!(wire.end(), [format!("GET /x {expected} not_needed")], "{agent} {second}");
        }
    }
}

/// WebKitGTK 2.50 sends the preflight to a URL with a user name that a redirect at home leads to, and says first what that comes to.
#[test]
fn webkit_looks_at_the_preflight_before_it_refuses_a_user_name() {
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT";
    let secure =
        |text: &str, mode: &str| if mode.is_empty() { text.to_owned() } else { text.replace("http:", "https:") };
    for mode in ["", "|Sec-Fetch-Mode: cors|Sec-Fetch-Site: same-origin|Sec-Fetch-Dest: empty"] {
        for (status, expected) in [
            (Some(302), "blocked preflight preflight_redirect certain"),
            (Some(204), "blocked actual redirect_contains_credentials certain"),
            (None, "blocked actual redirect_contains_credentials probable"),
        ] {
            let mut wire = Wire::new(SAFARI);
            wire.exchange("PUT /x", &format!("Host: a.test{mode}"), 307, &secure("Location: http://u@b.test/y", mode));
            if let Some(status) = status {
                let ask = format!("{}{}", secure(ASK_PUT, mode), mode.replace("same-origin", "cross-site"));
                wire.exchange("OPTIONS /y", &ask, status, &format!("{}|Location: /login", secure(good, mode)));
            }
            wire.silence(12);
            // what shows no mode, and leads nowhere, is no line
            let shows = !mode.is_empty() || status.is_some();
            let told = if shows { vec![format!("PUT /x {expected} not_needed")] } else { vec![] };
            assert_eq!(wire.end(), told, "{mode} {status:?}");
        }
    }
}
