//! Many clients, and more than the caps hold (VERDICTS.md §6).

use super::{CHROME, FIREFOX, Numbers, SAFARI, Wire};
use crate::http::head::Name;
use crate::limits::Limits;
use crate::packet::{MILLISECOND, Time};

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
    // told in the order in which they are decided
    let mut wire = Wire::with_limits("", &Limits { unexplained_max: 0, ..Limits::default() });
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

/// Twice as many of everything as its cap holds, then as much again: nothing grows beyond, and each loss is counted.
#[test]
fn state_stays_below_its_caps_and_each_loss_is_counted() {
    const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 600|Access-Control-Allow-Credentials: true";
    let limits = Limits {
        waiting_max: 100,
        in_flight_max: 50,
        clients_max: 200,
        cache_entries_max: 150,
        hints_max: 120,
        targets_max: 80,
        ..Limits::default()
    };
    let mut wire = Wire::with_limits(CHROME, &limits);
    for n in 0..2000_u32 {
        wire.stream = u64::from(n);
        wire.address = u128::from(n) + (0x2001_0db8 << 96);
        let ask = format!("Host: h{n}.test|Origin: http://o{n}.test|Access-Control-Request-Method: PUT");
        let put = format!("Host: h{n}.test|Origin: http://o{n}.test|Cookie: (present)");
        let good = GOOD.replace("a.test", &format!("o{n}.test"));
        match n % 4 {
            // answered, and never followed
            0 => wire.exchange("OPTIONS /x", &ask, 204, &good),
            // never answered
            1 => drop(wire.request("PUT /x", &put)),
            2 => {
                wire.exchange("OPTIONS /x", &ask, 204, &good);
                wire.exchange("PUT /x", &put, 403, "");
            }
            _ => wire.exchange("GET /x", &put, 302, &format!("{good}|Location: http://elsewhere.test/")),
        }
        let c = &wire.correlator;
        let held = [
            ("attempts", c.attempts.len(), 100),
            ("in flight", c.in_flight.len(), 50),
            ("cache", c.cache.len(), 150),
            ("refused preflights", c.failed_preflights.len(), 120),
            ("answers", c.stored.len(), 120),
            ("unsafe requests", c.asked.len(), 120),
            ("hosts", c.hosts.len(), 80),
            ("waiting for a body", c.held.len(), 100),
            ("waiting for an echo", c.echoes.len(), 100),
            ("pairs", c.by_pair.len() + c.by_redirect.len() + c.by_retry.len(), 100),
            (
                "timers",
                c.silence.len() + c.retries.len() + c.challenges.len() + c.answers.len() + c.by_age.len(),
                5 * (2 * 100 + 1025),
            ),
        ];
        for (what, len, cap) in held {
            assert!(len <= cap, "{what}: {len} after {n}");
        }
    }
    let f = wire.counters.forgotten;
    wire.silence(90);
    wire.correlator.finish(Time(wire.now), &mut wire.taken, &mut wire.counters);
    assert!(wire.correlator.is_idle(), "all is settled");
    assert!(f.waiting > 1000 && f.clients >= 1800 && f.cache > 800, "{f:?}");
    assert!(wire.counters.forgotten.hints > 500, "{:?}", wire.counters.forgotten);
}

/// A preflight that was seen and had to make room is told from one that never came.
#[test]
fn a_forgotten_preflight_is_told_from_a_missing_one() {
    const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 600|Access-Control-Allow-Credentials: true";
    const ASK: &str = "Origin: http://a.test|Access-Control-Request-Method: PUT";
    let limits = Limits { cache_entries_max: 10, ..Limits::default() };
    let mut wire = Wire::with_limits(CHROME, &limits);
    for n in 0..20 {
        wire.exchange(&format!("OPTIONS /{n}"), ASK, 204, GOOD);
        wire.exchange(&format!("PUT /{n}"), "Origin: http://a.test", 200, GOOD);
    }
    wire.now += 10 * MILLISECOND;
    let mut told = |path: &str| {
        wire.exchange(&format!("PUT {path}"), "Origin: http://a.test", 200, GOOD);
        let t = wire.taken.0.last().expect("a transaction");
        (t.preflight_state.to_string(), t.detail.contains("(forgotten)"))
    };
    assert_eq!(told("/19"), ("cached".to_owned(), false));
    assert_eq!(told("/0"), ("missing".to_owned(), true));
    assert_eq!(told("/new"), ("missing".to_owned(), false));
}

/// The caps of a gateway, shrunk so many times, against keys (client × origin × target), each with a preflight that passes.
fn keys_stay_below_the_caps(keys: u64, shrink: u32) {
    const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT|Access-Control-Max-Age: 600|Access-Control-Allow-Credentials: true";
    let full = Limits::default();
    let limits = Limits {
        waiting_max: full.waiting_max / shrink,
        clients_max: full.clients_max / shrink,
        cache_entries_max: full.cache_entries_max / shrink,
        hints_max: full.hints_max / shrink,
        targets_max: full.targets_max / shrink,
        ..full
    };
    assert_eq!(keys * u64::from(shrink), 1_000_000);
    let mut wire = Wire::with_limits(CHROME, &limits);
    let mut allowed = 0;
    for n in 0..keys {
        wire.address = u128::from(n / 10) + (0x2001_0db8 << 96);
        let fields = format!("Host: h{}.test|Origin: http://a.test", n % 1000);
        let path = format!("/{n}");
        wire.exchange(&format!("OPTIONS {path}"), &format!("{fields}|Access-Control-Request-Method: PUT"), 204, GOOD);
        wire.exchange(&format!("PUT {path}"), &fields, 200, GOOD);
        allowed +=
            wire.taken.0.drain(..).filter(|t| t.preflight.is_some() && t.verdict.id() == "allowed").count() as u64;
    }
    assert_eq!(allowed, keys);
    let f = wire.counters.forgotten;
    assert_eq!(wire.correlator.cache.len(), limits.cache_entries_max as usize);
    assert_eq!(f.cache, keys - u64::from(limits.cache_entries_max));
    assert_eq!(f.waiting, 0);
    // one that was forgotten lately: the cache holds the last tenth
    let lately = keys - keys / 5;
    wire.address = u128::from(lately / 10) + (0x2001_0db8 << 96);
    wire.exchange(&format!("PUT /{lately}"), "Host: h0.test|Origin: http://a.test", 200, GOOD);
    assert!(wire.taken.0.last().expect("a transaction").detail.contains("(forgotten)"));
}

/// As many as take a second in a debug build; the caps shrink alike.
#[test]
fn many_keys_stay_below_the_caps() {
    keys_stay_below_the_caps(10_000, 100);
}

#[test]
#[ignore = "a million keys take minutes: cargo nextest run --run-ignored only a_million_keys"]
fn a_million_keys_stay_below_the_caps() {
    keys_stay_below_the_caps(1_000_000, 1);
}
