//! Preflights and their requests, silence, retries, the preflight cache (VERDICTS.md §6; Fetch § CORS-preflight cache).

use super::{A, ASK_PUT, CHROME, FIREFOX, SAFARI, Wire};
use crate::catalog::Reason;
use crate::http::{HttpEvent, NoAnswer};
use crate::packet::{MILLISECOND, Time};
use crate::record::Verdict;

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
    wire.silence(1);
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
        ["PUT /x allowed certain sent", "PUT /x allowed certain cached", "PUT /x allowed possible missing"]
    );
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

const PUT_OK: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: content-type,x-a|Access-Control-Max-Age: 60";

/// VERDICTS.md §6: `missing`, a to e and what was forgotten.
#[test]
fn why_a_preflight_is_missing() {
    let told = |agent: &'static str, before: &dyn Fn(&mut Wire)| {
        let mut wire = Wire::new(agent);
        before(&mut wire);
        wire.exchange("PUT /x", A, 200, PUT_OK);
        let transaction = wire.taken.0.last().expect("a transaction").clone();
        (transaction.detail, transaction.confidence.to_string())
    };
    let check = |agent, before: &dyn Fn(&mut Wire), words: &str, confidence: &str| {
        let (detail, said) = told(agent, before);
        assert!(detail.contains(words), "{detail}");
        assert_eq!(said, confidence, "{detail}");
    };
    // a: the client was first seen less ago than its family keeps an answer
    check(CHROME, &|_| {}, "came into view too lately", "probable");
    check(FIREFOX, &|wire| wire.pass(86_399), "came into view too lately", "probable");
    let long_known = |wire: &mut Wire| {
        wire.exchange("OPTIONS /other", ASK_PUT, 204, PUT_OK);
        wire.exchange("PUT /other", A, 200, PUT_OK);
        wire.pass(7201);
    };
    check(CHROME, &long_known, "its preflight was not seen", "possible");
    // b: packets were lost
    check(
        CHROME,
        &|wire| {
            long_known(wire);
            let request = wire.request("GET /y", A);
            let at = wire.mark();
            wire.event(&HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at });
        },
        "packets of this client were lost",
        "possible",
    );
    // c: no OPTIONS ever reaches this host here
    check(
        CHROME,
        &|wire| (0..3).for_each(|n| wire.exchange(&format!("PUT /{n}"), A, 200, PUT_OK)),
        "none for this host comes by here",
        "probable",
    );
    // d: an entry lapsed
    check(
        CHROME,
        &|wire| {
            wire.exchange("OPTIONS /x", ASK_PUT, 204, PUT_OK);
            wire.exchange("PUT /x", A, 200, PUT_OK);
            wire.pass(62);
        },
        "has lapsed or does not cover it",
        "possible",
    );
    // e: never any preflight over more than twenty requests that need one, though others of this host ask
    check(
        CHROME,
        &|wire| {
            wire.exchange("OPTIONS /other", &format!("{ASK_PUT}|Accept-Language: de"), 204, PUT_OK);
            (0..20).for_each(|n| wire.exchange(&format!("PUT /{n}"), A, 200, PUT_OK));
        },
        "without the preflight that a browser sends",
        "possible",
    );
    check("curl/8.5.0", &|_| {}, "without the preflight that a browser sends", "possible");
}

/// CONTRACT.md `effect`: 2xx took effect, 5xx and silence may have, and so may what was refused and came again within seconds.
#[test]
fn a_refused_write_that_came_again_within_seconds_may_have_taken_effect() {
    use crate::record::Effect;
    let effects = |status: u16, wait: i64| {
        let mut wire = Wire::new(CHROME);
        for n in 0..2 {
            if n > 0 {
                wire.now += wait * 1_000_000_000;
            }
            wire.exchange("OPTIONS /x", ASK_PUT, 204, PUT_OK);
            wire.exchange("PUT /x", &format!("{A}|Content-Length: 7"), status, "");
        }
        wire.silence(5);
        wire.taken.0.iter().map(|t| t.effect).collect::<Vec<_>>()
    };
    let both = |effect| vec![Some(effect); 2];
    assert_eq!(effects(201, 10), both(Effect::Taken));
    assert_eq!(effects(502, 10), both(Effect::Possible));
    assert_eq!(effects(403, 10), both(Effect::None));
    assert_eq!(effects(403, 2), both(Effect::Possible));
    // another length is another request
    let mut wire = Wire::new(CHROME);
    for length in [7, 8] {
        wire.exchange("OPTIONS /x", ASK_PUT, 204, PUT_OK);
        wire.exchange("PUT /x", &format!("{A}|Content-Length: {length}"), 403, "");
    }
    wire.silence(5);
    assert_eq!(wire.taken.0.iter().map(|t| t.effect).collect::<Vec<_>>(), both(Effect::None));
}

/// What a developer did not know: the client library set a field, and so the browser asked first.
#[test]
fn a_transaction_tells_why_it_was_preflighted() {
    const ASK: &str =
        "Origin: http://a.test|Access-Control-Request-Method: PUT|Access-Control-Request-Headers: content-type,x-a";
    let because = |wire: &Wire| wire.taken.0[0].preflight.as_ref().expect("a preflight").because.join(", ");
    let mut wire = Wire::new(CHROME);
    wire.exchange("OPTIONS /x", ASK, 204, PUT_OK);
    wire.exchange("PUT /x", &format!("{A}|Content-Type: application/json; charset=utf-8|X-A: 1"), 200, PUT_OK);
    assert_eq!(because(&wire), "method PUT, content-type: application/json, header x-a");
    // refused at the preflight, nobody saw the type
    let mut wire = Wire::new(CHROME);
    wire.exchange("OPTIONS /x", ASK, 403, "");
    wire.silence(1);
    assert_eq!(because(&wire), "method PUT, header content-type, header x-a");
}

/// The capture lost the preflight's answer, or has it only after the request: that the request came shows that the preflight passed.
#[test]
fn a_request_shows_that_its_preflight_passed() {
    let lost = |wire: &mut Wire| {
        let request = wire.request("OPTIONS /x", ASK_PUT);
        let at = wire.mark();
        wire.event(&HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at });
    };
    let mut wire = Wire::new(CHROME);
    lost(&mut wire);
    wire.exchange("PUT /x", A, 500, "");
    assert_eq!(wire.end(), ["PUT /x blocked actual missing_allow_origin probable sent"]);
    // and nothing came
    let mut wire = Wire::new(CHROME);
    lost(&mut wire);
    wire.silence(12);
    assert_eq!(wire.end(), ["PUT /x undecided response_not_captured possible sent"]);
    // the answer waits behind a gap of its connection
    let mut wire = Wire::new(CHROME);
    let ask = wire.request("OPTIONS /x", ASK_PUT);
    wire.stream = 1;
    let put = wire.request("PUT /x", A);
    wire.answer(ask, 204, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT");
    wire.answer(put, 200, "Access-Control-Allow-Origin: *");
    assert_eq!(wire.end(), ["PUT /x allowed probable sent"]);
}

/// Silence says nothing where packets were lost.
#[test]
fn silence_after_a_loss_is_no_refusal() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("OPTIONS /x", ASK_PUT, 204, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT");
    wire.stream = 1;
    let request = wire.request("GET /y", A);
    let at = wire.mark();
    wire.event(&HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at });
    wire.silence(12);
    assert!(wire.end().contains(&"PUT /x undecided actual_not_seen possible sent".to_owned()));
}

/// A page's script may set the fields by which proxies say who asks whom; its preflight names them and comes without them.
#[test]
fn forwarding_fields_that_the_page_set_tell_nothing() {
    let sets = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "c.test"),
        ("x-forwarded-port", "8080"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-ssl", "on"),
        ("x-real-ip", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1;host=c.test;proto=https"),
    ];
    for (name, value) in sets {
        let mut wire = Wire::new(CHROME);
        wire.address = PRIVATE;
        wire.exchange("OPTIONS /x", &format!("{ASK_PUT}|Access-Control-Request-Headers: {name},x-a"), 204, ANY_HEADER);
        wire.exchange(
            "PUT /x",
            &format!("Host: b.test|{A}|X-A: 1|{name}: {value}"),
            200,
            "Access-Control-Allow-Origin: http://a.test",
        );
        wire.silence(12);
        assert_eq!(wire.taken.0[0].target_origin, "http://b.test".into(), "{name}");
        assert_eq!(wire.end(), ["PUT /x allowed certain sent"], "{name}");
    }
}

/// A proxy's own fields are on the preflight, too.
#[test]
fn forwarding_fields_that_a_proxy_sets_are_believed() {
    let proxy = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https";
    let mut wire = Wire::new(CHROME);
    wire.address = PRIVATE;
    let ask = format!("{ASK_PUT}|{proxy}|Access-Control-Request-Headers: x-forwarded-for,x-forwarded-proto");
    wire.exchange("OPTIONS /x", &ask, 204, ANY_HEADER);
    wire.exchange("PUT /x", &format!("{A}|{proxy}"), 200, "Access-Control-Allow-Origin: http://a.test");
    wire.silence(12);
    assert_eq!(wire.taken.0[0].target_origin, "https://b.test".into());
    assert_eq!(wire.end(), ["PUT /x allowed certain sent"]);
}

/// fd00::7
const PRIVATE: u128 = 0xfd00_0000_0000_0000_0000_0000_0000_0007;
const ANY_HEADER: &str =
    "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: *";

/// The first answer passes without credentials only. Nothing follows, and the page asks again, now without them.
#[test]
fn a_request_belongs_to_the_preflight_that_was_asked_after_a_refusal() {
    let mut wire = Wire::new(CHROME);
    let star = "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 0";
    wire.exchange("OPTIONS /x", ASK_PUT, 204, star);
    let refused = wire.now;
    wire.exchange("OPTIONS /x", ASK_PUT, 204, star);
    wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: *");
    wire.silence(12);
    assert!(wire.taken.0.iter().find(|t| t.verdict == Verdict::Allowed).expect("one is allowed").time.0 > refused);
    assert_eq!(
        wire.end(),
        ["PUT /x allowed certain sent", "PUT /x blocked preflight wildcard_with_credentials probable sent"]
    );
}

/// `*` refuses a preflight whose request includes credentials. What follows it may go by what another preflight has allowed, before it
/// (Firefox keeps both, by credentials) or since: nothing is certain then, and what comes later than at once is another's.
#[test]
fn a_request_that_another_preflight_allowed_says_little_of_one_that_credentials_refuse() {
    const CACHED: &str = "PUT /x allowed probable cached";
    const REFUSED: &str = "PUT /x blocked preflight wildcard_with_credentials probable sent";
    let star = "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT, DELETE|Access-Control-Max-Age: 60";
    let ask_delete = "Origin: http://a.test|Access-Control-Request-Method: DELETE";
    let other = |wire: &mut Wire| {
        wire.exchange("OPTIONS /x", ask_delete, 204, star);
        wire.exchange("DELETE /x", A, 200, "Access-Control-Allow-Origin: *");
    };
    let put = |wire: &mut Wire| wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: *");
    for agent in [CHROME, FIREFOX, SAFARI] {
        for (before, wait, told) in [
            (true, 0, vec!["DELETE /x allowed certain sent", "PUT /x allowed probable sent"]),
            (false, 0, vec!["DELETE /x allowed probable sent", "PUT /x allowed probable sent"]),
            (true, 2, vec!["DELETE /x allowed certain sent", CACHED, REFUSED]),
            (false, 2, vec!["DELETE /x allowed probable sent", CACHED, REFUSED]),
        ] {
            let mut wire = Wire::new(agent);
            if before {
                other(&mut wire);
            }
            wire.exchange("OPTIONS /x", ASK_PUT, 204, star);
            if !before {
                other(&mut wire);
            }
            wire.now += wait * 1_000_000_000;
            put(&mut wire);
            wire.silence(12);
            let mut taken = wire.end();
            taken.sort();
            // WebKit's connections do not tell credentials (VERDICTS.md §1)
            let taken: Vec<_> = taken.iter().map(|t| t.replace("possible cached", "probable cached")).collect();
            assert_eq!(taken, told, "{agent} {before}");
        }
    }
    // what the other one allowed has lapsed, or is too little
    for (age, methods) in [("1", "PUT, DELETE"), ("60", "DELETE")] {
        let mut wire = Wire::new(CHROME);
        wire.exchange(
            "OPTIONS /x",
            ask_delete,
            204,
            &format!(
                "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: {methods}|Access-Control-Max-Age: {age}"
            ),
        );
        wire.exchange("DELETE /x", A, 200, "Access-Control-Allow-Origin: *");
        wire.pass(15);
        wire.exchange("OPTIONS /x", ASK_PUT, 204, star);
        put(&mut wire);
        assert_eq!(wire.end()[1], "PUT /x allowed certain sent", "{age} {methods}");
    }
}

/// A page that is refused with credentials may fall back, at once, on a request that needs no preflight at all.
#[test]
fn a_request_that_needs_no_preflight_says_little_of_one_that_credentials_refuse() {
    let open = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Headers: content-type";
    for (names, put) in [("", "X-Y: 1"), ("|Access-Control-Request-Headers: content-type", "Content-Type: text/plain")]
    {
        let mut wire = Wire::new(CHROME);
        let ask = format!("Origin: http://a.test|Access-Control-Request-Method: POST{names}");
        wire.exchange("OPTIONS /x", &ask, 204, open);
        wire.exchange("POST /x", &format!("{A}|Accept: */*|{}", if names.is_empty() { "" } else { put }), 200, open);
        wire.silence(12);
        assert_eq!(wire.end(), ["POST /x allowed probable sent"], "{names}");
    }
}

/// Two at once: each has its own. But where what the first allowed is kept, the second request may be a third one's, without a preflight,
/// and credentials may have refused one of the two (Chromium 156: two requests that leave them out, one that does not between them).
#[test]
fn requests_at_once_belong_to_their_preflights_in_order() {
    for (age, sure) in [("0", "certain"), ("60", "probable")] {
        let answer = |origin: &str| {
            format!(
                "Access-Control-Allow-Origin: {origin}|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: {age}"
            )
        };
        let mut wire = Wire::new(CHROME);
        wire.exchanges_at_once("OPTIONS /x", ASK_PUT, 204, [&answer("http://a.test"), &answer("*")]);
        wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: http://a.test");
        wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: *");
        assert!(wire.taken.0.iter().is_sorted_by_key(|t| t.time), "{:?}", wire.taken.0);
        let told = format!("PUT /x allowed {sure} sent");
        assert_eq!(wire.end(), [told.clone(), told], "{age}");
    }
}

/// Two at once, one with credentials, and one request: whose it is does not show.
#[test]
fn one_request_after_two_preflights_at_once_is_of_either() {
    let star = "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 0";
    let both = format!("{star}|Access-Control-Allow-Credentials: true").replace('*', "http://a.test");
    for second_answer in [star, &both] {
        let mut wire = Wire::new(CHROME);
        wire.exchanges_at_once("OPTIONS /x", ASK_PUT, 204, [star, second_answer]);
        wire.exchange("PUT /x", A, 200, "Access-Control-Allow-Origin: *");
        wire.silence(12);
        let taken = wire.end();
        assert_eq!(taken[0], "PUT /x allowed probable sent");
        assert!(!taken[1].contains("certain"), "{taken:?}");
    }
}

/// `Authorization: Basic` that the preflight asked for is the script's, also when the preflight's answer is remembered: it says nothing of cookies.
#[test]
fn basic_authorization_of_the_script_is_no_credential_of_the_browser() {
    let mut wire = Wire::new(CHROME);
    let ask = format!("{ASK_PUT}|Access-Control-Request-Headers: authorization");
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: authorization|Access-Control-Max-Age: 60";
    wire.exchange("OPTIONS /x", &ask, 204, good);
    for _ in 0..2 {
        wire.exchange(
            "PUT /x",
            &format!("{A}|Authorization: Basic dTpw"),
            200,
            "Access-Control-Allow-Origin: http://a.test",
        );
    }
    assert_eq!(wire.end(), ["PUT /x allowed certain sent", "PUT /x allowed probable cached"]);
}

/// Headers.append() of two values of 128 bytes each: Firefox's preflight does not ask for the name.
#[test]
fn a_value_of_many_parts_may_be_safelisted_in_each() {
    let mut wire = Wire::new(FIREFOX);
    wire.exchange(
        "OPTIONS /x",
        ASK_PUT,
        204,
        "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT",
    );
    let part = "a".repeat(128);
    let lines = format!("{A}|Content-Language: {part}, {part}");
    wire.exchange("PUT /x", &lines, 200, "Access-Control-Allow-Origin: http://a.test");
    assert_eq!(wire.end(), ["PUT /x allowed certain sent"]);
}

/// The page asks with credentials and a header, is refused, and sends a simple request, which needs no preflight.
#[test]
fn a_simple_request_with_a_cookie_is_not_what_a_refused_preflight_asked_for() {
    let open = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Headers: x-a";
    let ask = "Origin: http://a.test|Access-Control-Request-Method: POST|Access-Control-Request-Headers: x-a";
    for cookie in ["Cookie: (present)", "Content-Type: text/plain"] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("OPTIONS /x", ask, 204, open);
        wire.exchange("POST /x", &format!("{A}|{cookie}"), 200, PUT_OK);
        wire.silence(12);
        let mut taken = wire.end();
        taken.sort();
        assert!(taken[0].starts_with("POST /x allowed") && taken[0].ends_with("not_needed"), "{taken:?}");
        assert_eq!(taken[1], "POST /x blocked preflight missing_allow_credentials probable sent");
    }
}

/// Whoever looks at the database sees a refusal within two seconds, though other requests were waited for before its cause was.
#[test]
fn a_refusal_that_other_requests_may_contest_is_told_in_time() {
    let star = "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 0";
    let mut wire = Wire::new(CHROME);
    wire.exchanges_at_once("OPTIONS /x", ASK_PUT, 204, [star, star]);
    wire.exchange("PUT /x", A, 200, "");
    let told = |wire: &Wire| wire.taken.0.iter().filter(|t| t.reason == Some(Reason::MissingAllowOrigin)).count();
    assert_eq!(told(&wire), 0);
    for _ in 0..12 {
        wire.now += 100 * MILLISECOND;
        wire.correlator.pass(Time(wire.now), &mut wire.taken, &mut wire.counters);
    }
    assert_eq!(told(&wire), 1);
}

/// nginx drops a field whose name has a dot. But a request of the page's that needs no preflight looks the same.
#[test]
fn a_gateway_may_drop_what_the_preflight_asked_for() {
    let proxy = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https";
    let ask = "Origin: http://a.test|Access-Control-Request-Method: POST|Access-Control-Request-Headers: x.y";
    let mut wire = Wire::new(CHROME);
    wire.address = PRIVATE;
    wire.exchange("OPTIONS /x", &format!("{ask}|{proxy}"), 204, ANY_HEADER);
    wire.exchange("POST /x", &format!("{A}|{proxy}|Content-Type: text/plain"), 200, "Access-Control-Allow-Origin: *");
    wire.silence(12);
    assert_eq!(wire.end(), ["POST /x allowed probable sent"]);
}

/// All three families ask again by themselves, without another preflight, where they know who to be: the page sees the last answer alone.
#[test]
fn a_challenge_is_no_answer_where_the_browser_knows_who_it_is() {
    let ask = format!("{ASK_PUT}|Access-Control-Request-Headers: x-a");
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Headers: x-a|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 0";
    let put = format!("{A}|X-A: 1");
    let challenge = "WWW-Authenticate: Negotiate|WWW-Authenticate: Basic realm=\"x\"";
    for (second, expected) in [
        (Some(format!("{put}|Authorization: Negotiate abc")), "allowed certain sent"),
        (None, "blocked actual missing_allow_origin certain sent"),
    ] {
        for agent in [CHROME, FIREFOX, SAFARI] {
            let mut wire = Wire::new(agent);
            wire.exchange("OPTIONS /x", &ask, 204, good);
            wire.exchange("PUT /x", &put, 401, challenge);
            if let Some(second) = &second {
                wire.exchange("PUT /x", second, 200, good);
            }
            wire.silence(4);
            assert_eq!(wire.end(), [format!("PUT /x {expected}")], "{agent} {second:?}");
        }
    }
}

/// Two seconds after a refusal it is in the database; what waits for it to be explained waits no longer for a name.
#[test]
fn a_challenge_that_nobody_answers_is_a_refusal_within_a_second() {
    let mut wire = Wire::new(CHROME);
    wire.exchange("GET /x", A, 401, "WWW-Authenticate: Basic realm=\"x\"");
    let told = [450, 850].map(|after| {
        let now = Time(wire.now + after * MILLISECOND);
        wire.correlator.pass(now, &mut wire.taken, &mut wire.counters);
        wire.taken.0.len()
    });
    assert_eq!((told, wire.end().len()), ([0, 1], 1));
}

/// A request of the page's own after a 401 is another attempt; so is what follows a challenge that no browser answers by itself.
#[test]
fn the_page_s_own_next_request_is_no_answer_to_a_challenge() {
    for challenge in ["Basic realm=\"x\"", "Bearer"] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("GET /x", A, 401, &format!("WWW-Authenticate: {challenge}"));
        wire.exchange("GET /x", A, 401, &format!("WWW-Authenticate: {challenge}"));
        wire.silence(4);
        let refused = "GET /x blocked actual missing_allow_origin certain not_needed";
        assert_eq!(wire.end(), [refused, refused], "{challenge}");
    }
}

/// Chromium 156 (`ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH`) and Firefox 153 take no answer with two lengths that differ.
#[test]
fn an_answer_with_two_lengths_is_none() {
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT";
    for (lengths, expected) in [
        ("Content-Length: 0|Content-Length: 1", "blocked preflight preflight_unanswered possible"),
        ("Content-Length: 0|Content-Length: 0", "blocked preflight missing_allow_credentials probable"),
    ] {
        let mut wire = Wire::new(CHROME);
        wire.exchange("OPTIONS /x", ASK_PUT, 204, &format!("{good}|{lengths}"));
        wire.silence(15);
        assert_eq!(wire.end(), [format!("PUT /x {expected} sent")], "{lengths}");
    }
    let mut wire = Wire::new(FIREFOX);
    wire.exchange("GET /x", A, 200, "Content-Length: 4|Content-Length: 5");
    assert_eq!(wire.end(), ["GET /x blocked actual actual_unanswered possible not_needed"]);
}

/// Firefox 153 behind nginx, of 10 requests: asked for `Negotiate` over HTTP/2 it asks again over HTTP/1.1, whose names have capitals.
#[test]
fn firefox_goes_over_http_1_to_negotiate() {
    let good = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true";
    for (names, count) in [("User-Agent", 1), ("user-agent", 2)] {
        let mut wire = Wire::new(FIREFOX);
        let front = "X-Forwarded-For: 198.51.100.9|X-Forwarded-Proto: http|X-Forwarded-Host: b.test";
        let ask = |wire: &mut Wire, name: &str, status, answer: &str| {
            let agent = wire.agent;
            wire.address = 0xfd00 << 112 | 1;
            wire.exchange("GET /x", &format!("{A}|{front}|{name}: {agent}"), status, answer);
        };
        wire.bare = true;
        ask(&mut wire, "user-agent", 401, "WWW-Authenticate: Negotiate");
        ask(&mut wire, names, 401, good);
        wire.silence(4);
        assert_eq!(wire.end().len(), count, "{names}");
    }
}
