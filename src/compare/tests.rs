//! Cases in a line each: `ms METHOD target; field: value … => status; field: value …`, several fields of a name allowed.

use std::net::SocketAddr;
use std::sync::Arc;

use super::vantage::{Exchange, Judged, Keys, Vantage};
use super::{CompareOptions, compare};
use crate::http::head::{HeadBuilder, Name};
use crate::http::{BodyStart, Doubts, HeadState, Mark, MessageId, Request, Response, StreamId, Version};
use crate::packet::{MILLISECOND, Order, Time};
use crate::record::{Credentials, Family, Verdict};

fn message(line: &str, place: u64, server: &str, credentials: Credentials) -> Exchange {
    let (asked, answered) = line.split_once("=>").expect("a request => its answer");
    let mut asked = asked.split(';').map(str::trim);
    let mut start = asked.next().expect("a request line").split(' ');
    let ms: i64 = start.next().expect("a time").parse().expect("milliseconds");
    let (method, target) = (start.next().expect("a method"), start.next().expect("a target"));
    let fields = |mut built: HeadBuilder, fields: &mut dyn Iterator<Item = &str>| {
        for (name, value) in fields.filter_map(|f| f.split_once(':')) {
            let name = match name {
                "ACAO" => "access-control-allow-origin",
                "ACAC" => "access-control-allow-credentials",
                "ACRM" => "access-control-request-method",
                other => other,
            };
            built.field(name.as_bytes(), Name::of(name.as_bytes()), value.trim().as_bytes(), false);
        }
        built.finish()
    };
    let at = |ms: i64| Mark { time: Time(1_000_000 * MILLISECOND + ms * MILLISECOND), order: Order(place) };
    let id = |request| MessageId { stream: StreamId(place), request, seq: 0, nth: 0 };
    let address: SocketAddr = server.parse().expect("an address");
    let request = Request {
        id: id(true),
        first: at(ms),
        head_end: at(ms),
        client: "192.0.2.1:5000".parse().expect("an address"),
        peer: "192.0.2.1:5000".parse().expect("an address"),
        server: address,
        version: Version::Http11,
        scheme: None,
        head: fields(HeadBuilder::request(method.as_bytes(), target.as_bytes()), &mut asked),
        head_state: HeadState::Whole,
        body_start: BodyStart::Unseen,
        doubts: Doubts::default(),
        on_connection: 0,
    };
    let mut answered = answered.split(';').map(str::trim);
    let status = answered.next().and_then(|s| s.parse().ok());
    let response = status.map(|status| {
        Arc::new(Response {
            id: id(false),
            first: at(ms + 20),
            head_end: at(ms + 20),
            client: request.client,
            server: request.server,
            status,
            version: Version::Http11,
            head: fields(HeadBuilder::response(), &mut answered),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
        })
    });
    let judged = Judged {
        id: format!("T{place}").into(),
        verdict: Verdict::Allowed,
        reason: None,
        credentials,
        family: Family::Chromium,
        forwarded: false,
        target_origin: "http://api.test".into(),
    };
    Exchange { request: Arc::new(request), response, judged: Some(judged) }
}

/// Both taps' exchanges.
fn taps(front: &[impl AsRef<str>], back: &[impl AsRef<str>], credentials: Credentials) -> (Vantage, Vantage) {
    let mut client = Vantage::client_side(Keys::new(false));
    for (i, line) in front.iter().enumerate() {
        let exchange = message(line.as_ref(), i as u64, "192.0.2.80:80", credentials);
        client.on_time(exchange.request.first.time);
        client.add(exchange);
    }
    client.close();
    let mut origin = Vantage::origin_side(&client);
    for (i, line) in back.iter().enumerate() {
        let exchange = message(line.as_ref(), 100 + i as u64, "10.0.0.1:8080", credentials);
        origin.on_time(exchange.request.first.time);
        origin.add(exchange);
    }
    origin.close();
    (client, origin)
}

/// What is said of each exchange in front: `answered_by`, fault, changes.
fn say(front: &[impl AsRef<str>], back: &[impl AsRef<str>], credentials: Credentials) -> Vec<String> {
    let (client, origin) = taps(front, back, credentials);
    let comparison = compare(&client, &origin, CompareOptions::default());
    comparison
        .exchanges
        .iter()
        .map(|c| {
            let changes: Vec<String> = c
                .changes
                .iter()
                .map(|c| format!(" {} {} {} {} {}", c.part.id(), c.what, c.side, c.impact, c.confidence))
                .collect();
            format!("{} {}{}", c.source, c.fault.map_or("fine", super::Side::id), changes.join(","))
        })
        .collect()
}

fn check(front: &[&str], back: &[&str], expected: &[&str]) {
    assert_eq!(say(front, back, Credentials::Omitted), expected);
}

const ACAO_LOST: &str = " access-control-allow-origin stripped between blocks certain";

#[test]
fn lists_may_be_reordered_rewrapped_and_recased() {
    check(
        &["0 GET /a; origin: http://a.test => 200; ACAO: *; vary: accept, ORIGIN; access-control-expose-headers: B,A"],
        &[
            "1 GET /a; origin: http://a.test => 200; access-control-expose-headers: a; access-control-expose-headers: b; vary: Origin; ACAO: *",
        ],
        &["behind fine"],
    );
}

#[test]
fn compression_may_add_to_vary() {
    check(
        &["0 GET /a; origin: http://a.test => 200; ACAO: *; vary: Accept-Encoding"],
        &["1 GET /a; origin: http://a.test => 200; ACAO: *"],
        &["behind fine"],
    );
}

#[test]
fn each_field_that_is_lost_added_doubled_or_changed_is_named() {
    let back = "1 GET /a; origin: http://a.test => 200; ACAO: http://a.test; vary: Origin";
    let front = |fields: &str| format!("0 GET /a; origin: http://a.test => 200; {fields}");
    for (fields, expected) in [
        ("vary: Origin", format!("behind between{ACAO_LOST}")),
        ("ACAO: http://a.test", "behind fine vary stripped between none certain".into()),
        (
            "ACAO: http://a.test; ACAO: *; vary: Origin",
            "behind between access-control-allow-origin doubled between blocks certain".into(),
        ),
        (
            "ACAO: http://b.test; vary: Origin",
            "behind between access-control-allow-origin changed between blocks certain".into(),
        ),
        ("ACAO: *; vary: Origin", "behind fine access-control-allow-origin changed between none certain".into()),
        (
            "ACAO: http://a.test; vary: Origin; ACAC: true",
            "behind fine access-control-allow-credentials added between none certain".into(),
        ),
    ] {
        check(&[&front(fields)], &[back], &[&expected]);
    }
}

#[test]
fn a_refusal_that_the_server_itself_sent_is_not_the_boxs() {
    check(&["0 GET /a; origin: http://a.test => 200"], &["1 GET /a; origin: http://a.test => 200"], &["behind origin"]);
}

#[test]
fn a_box_that_grants_what_the_server_does_not_repairs() {
    check(
        &["0 GET /a; origin: http://a.test => 200; ACAO: *"],
        &["1 GET /a; origin: http://a.test => 200"],
        &["behind fine access-control-allow-origin added between repairs certain"],
    );
}

#[test]
fn lost_credentials_matter_by_what_the_request_carried() {
    let front = ["0 GET /a; origin: http://a.test => 200; ACAO: http://a.test"];
    let back = ["1 GET /a; origin: http://a.test => 200; ACAO: http://a.test; ACAC: true"];
    for (credentials, expected) in [
        (Credentials::Included, "behind between access-control-allow-credentials stripped between blocks certain"),
        (Credentials::Unknown, "behind between access-control-allow-credentials stripped between may_block certain"),
        (Credentials::Omitted, "behind fine access-control-allow-credentials stripped between none certain"),
    ] {
        assert_eq!(say(&front, &back, credentials), [expected]);
    }
}

#[test]
fn a_preflight_that_is_never_sent_on_was_answered_by_the_box() {
    check(
        &[
            "0 OPTIONS /a; origin: http://a.test; ACRM: PUT => 405",
            "100 OPTIONS /a; origin: http://a.test; ACRM: GET => 204; ACAO: *",
            "200 GET /b; origin: http://a.test => 200; ACAO: *",
        ],
        &["201 GET /b; origin: http://a.test => 200; ACAO: *"],
        &[
            "box between access-control-allow-origin answered_itself between blocks probable",
            "box fine access-control-allow-origin answered_itself between none probable",
            "behind fine",
        ],
    );
}

#[test]
fn a_file_that_the_box_serves_itself_is_nobodys_business() {
    check(
        &["0 GET /a.js; origin: http://a.test => 200; ACAO: *", "100 GET /b; origin: http://a.test => 200; ACAO: *"],
        &["101 GET /b; origin: http://a.test => 200; ACAO: *"],
        &["box fine", "behind fine"],
    );
}

#[test]
fn a_cached_answer_made_for_another_origin_blames_the_key_or_the_missing_vary() {
    let fetch = |fields: &str| format!("GET /a; origin: http://a.test => 200; ACAO: http://a.test; etag: x{fields}");
    let served =
        |fields: &str| format!("500 GET /a; origin: http://b.test => 200; ACAO: http://a.test; etag: x{fields}");
    for (fields, expected) in [
        ("; vary: Origin", "cache between access-control-allow-origin served_for_other_origin between blocks certain"),
        ("; vary: *", "cache between access-control-allow-origin served_for_other_origin between blocks certain"),
        (
            "; cache-control: private",
            "cache between access-control-allow-origin served_for_other_origin between blocks certain",
        ),
        ("", "cache origin vary served_for_other_origin origin blocks certain"),
    ] {
        check(
            &[&format!("0 {}", fetch(fields)), &served(fields)],
            &[&format!("1 {}", fetch(fields))],
            &["behind fine", expected],
        );
    }
}

#[test]
fn the_headline_says_that_a_cache_mixed_pages_up_though_the_server_let_it() {
    let page = |ms, origin| format!("{ms} GET /a; origin: {origin} => 200; ACAO: http://a.test; etag: x");
    let (front, back) = taps(
        &[page(0, "http://a.test"), page(500, "http://b.test")],
        &[page(1, "http://a.test")],
        Credentials::Omitted,
    );
    let comparison = compare(&front, &back, CompareOptions::default());
    let told = super::text::render(&comparison, &front, &back, crate::report::text::Paint::default());
    let headline = told.lines().next().unwrap_or_default();
    assert!(headline.contains("lack Vary: Origin: 1 answers refused"), "{told}");
}

#[test]
fn a_cached_answer_for_the_same_origin_is_fine() {
    check(
        &[
            "0 GET /a; origin: http://a.test => 200; ACAO: http://a.test",
            "500 GET /a; origin: http://a.test => 200; ACAO: http://a.test",
        ],
        &["1 GET /a; origin: http://a.test => 200; ACAO: http://a.test"],
        &["behind fine", "cache fine"],
    );
}

#[test]
fn a_cached_answer_made_without_origin_lacks_its_allowance() {
    check(
        &["0 GET /a => 200; etag: x", "500 GET /a; origin: http://a.test => 200; etag: x; age: 12"],
        &["1 GET /a => 200; etag: x"],
        &["cache origin vary served_for_other_origin origin blocks certain"],
    );
}

#[test]
fn what_a_cache_asked_again_about_is_held_against_the_copy() {
    check(
        &[
            "0 GET /a; origin: http://a.test => 200; ACAO: http://a.test; etag: x",
            "900 GET /a; origin: http://a.test => 200; etag: x",
        ],
        &[
            "1 GET /a; origin: http://a.test => 200; ACAO: http://a.test; etag: x",
            "901 GET /a; origin: http://a.test; if-none-match: x => 304",
        ],
        &["behind fine", &format!("cache between{ACAO_LOST}")],
    );
}

#[test]
fn an_origin_that_the_box_took_from_the_request_is_told() {
    check(
        &["0 GET /a; origin: http://a.test => 200"],
        &["1 GET /a => 200"],
        &["behind between origin stripped between blocks probable"],
    );
}

#[test]
fn a_mapped_path_is_found_by_its_end() {
    check(
        &["0 GET /api/v1/orders?x=1; origin: http://a.test => 200"],
        &["1 GET /orders?x=1; origin: http://a.test => 200; ACAO: *"],
        &["behind between access-control-allow-origin stripped between blocks probable"],
    );
}

#[test]
fn another_resource_of_the_same_last_name_is_no_mapped_path() {
    check(
        &[
            "0 GET /users/1/photo; host: a; origin: http://a.test => 200",
            "700 GET /x; host: a; origin: http://a.test => 200",
        ],
        &[
            "1 GET /users/2/photo; host: a; origin: http://a.test => 200; ACAO: *",
            "701 GET /x; host: a; origin: http://a.test => 200",
        ],
        &["box between access-control-allow-origin answered_itself between blocks probable", "behind origin"],
    );
}

#[test]
fn a_replaced_answer_is_told_by_its_status() {
    check(
        &["0 GET /a; origin: http://a.test => 504"],
        &["1 GET /a; origin: http://a.test => 200; ACAO: *"],
        &[
            "behind between :status changed between none certain, access-control-allow-origin stripped between blocks certain",
        ],
    );
}

#[test]
fn clocks_apart_are_set_by_the_requests() {
    let front = |n: i64| format!("{} GET /a{n}; origin: http://a.test => 200", n * 700);
    let back = |n: i64| format!("{} GET /a{n}; origin: http://a.test => 200; ACAO: *", n * 700 - 45_000);
    let (front, back): (Vec<String>, Vec<String>) = (0..20).map(|n| (front(n), back(n))).unzip();
    let said = say(&front, &back, Credentials::Omitted);
    assert!(said.iter().all(|s| *s == format!("behind between{ACAO_LOST}")), "{said:?}");
}

#[test]
fn nothing_is_claimed_where_the_other_side_did_not_look() {
    check(
        &["0 GET /a; host: a; origin: http://a.test => 200", "900000 GET /a; host: a; origin: http://a.test => 200"],
        &["1 GET /b; host: a => 200", "500 GET /c; host: b => 200"],
        &["box between access-control-allow-origin answered_itself between blocks possible", "unknown unknown"],
    );
    // no host of the front, none of its paths: another site
    check(&["0 GET /a; host: a; origin: http://a.test => 200"], &["1 GET /b; host: b => 200"], &["unknown unknown"]);
}
