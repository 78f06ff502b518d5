//! What must not matter: the order of fields, the case of their names, what else goes on at the time.

use proptest::prelude::*;

use super::{CHROME, FIREFOX, Numbers, SAFARI, Wire};

/// Request line, its fields, status, fields of the answer.
type Exchange = (&'static str, &'static str, u16, &'static str);

const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT, PATCH|Access-Control-Allow-Headers: x-a, content-type|Vary: Origin";
const ASK: &str =
    "Origin: http://a.test|Access-Control-Request-Method: PUT|Access-Control-Request-Headers: content-type,x-a";
const PUT: &str = "Origin: http://a.test|Content-Type: application/json|X-A: 1|Referer: http://a.test/";

/// Attempts of every kind; each is one page's, so its steps keep their order.
const STORIES: [&[Exchange]; 12] = [
    &[("GET /s", "Origin: http://a.test|Referer: http://a.test/", 200, GOOD)],
    &[("GET /s", "Origin: http://a.test|Cookie: (present)", 200, "Access-Control-Allow-Origin: *|Vary: Origin")],
    &[("GET /s", "Origin: http://a.test", 500, "Content-Type: text/html|Server: nginx")],
    &[("GET /s", "Origin: http://a.test", 200, "Access-Control-Allow-Origin: http://c.test|Vary: Origin")],
    &[("OPTIONS /s", ASK, 204, GOOD), ("PUT /s", PUT, 200, GOOD)],
    &[("OPTIONS /s", ASK, 204, GOOD), ("PUT /s", PUT, 502, "Content-Type: text/html")],
    &[("OPTIONS /s", ASK, 401, "WWW-Authenticate: Bearer")],
    &[("OPTIONS /s", ASK, 204, "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Methods: PUT")],
    &[("OPTIONS /s", ASK, 301, "Location: /t|Access-Control-Allow-Origin: *")],
    &[
        (
            "GET /s",
            "Origin: http://a.test",
            302,
            "Location: http://c.test/u|Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true",
        ),
        (
            "GET /u",
            "Host: c.test|Origin: null",
            200,
            "Access-Control-Allow-Origin: null|Access-Control-Allow-Credentials: true",
        ),
    ],
    &[("POST /s", "Origin: http://a.test|Content-Type: text/plain", 200, "")],
    &[("GET /s", "Origin: http://b.test", 200, "")],
];

/// The same fields in another order; those of one name keep theirs.
fn shuffled(lines: &str, numbers: &mut Numbers) -> String {
    let mut lines: Vec<&str> = lines.split('|').filter(|l| !l.is_empty()).collect();
    for i in (1..lines.len()).rev() {
        let j = usize::try_from(numbers.below(i as u64 + 1)).expect("an index");
        lines.swap(i, j);
    }
    lines.join("|")
}

/// The same names in another spelling.
fn respelled(lines: &str, numbers: &mut Numbers) -> String {
    let line = |line: &str, numbers: &mut Numbers| {
        let (name, value) = line.split_once(':').expect("name: value");
        let name: String = name
            .chars()
            .map(|c| if numbers.below(2) == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        format!("{name}:{value}")
    };
    lines.split('|').filter(|l| !l.is_empty()).map(|l| line(l, numbers)).collect::<Vec<_>>().join("|")
}

fn told(agent: &'static str, story: &[Exchange], mut write: impl FnMut(&str) -> String) -> Vec<String> {
    let mut wire = Wire::new(agent);
    for (line, fields, status, answer) in story {
        wire.exchange(line, &write(fields), *status, &write(answer));
    }
    wire.silence(12);
    wire.end()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn order_and_spelling_of_fields_do_not_matter(seed: u64) {
        let mut numbers = Numbers(seed);
        for agent in [CHROME, FIREFOX, SAFARI, "curl/8.5.0", ""] {
            for story in STORIES {
                let plain = told(agent, story, str::to_owned);
                prop_assert_eq!(&plain, &told(agent, story, |l| shuffled(l, &mut numbers)), "{} {:?}", agent, story);
                prop_assert_eq!(&plain, &told(agent, story, |l| respelled(l, &mut numbers)), "{} {:?}", agent, story);
            }
        }
    }

    /// People (told apart by their language) who do their things at once, each on a connection of their own.
    #[test]
    fn what_others_do_meanwhile_does_not_matter(seed: u64) {
        let mut numbers = Numbers(seed);
        for agent in [CHROME, FIREFOX, SAFARI] {
            let mut alone = Vec::new();
            let mut pages: Vec<(String, Vec<Exchange>)> = Vec::new();
            for (n, story) in STORIES.iter().enumerate() {
                let own = |text: &str| text.replace("/s", &format!("/s{n}")).replace("/u", &format!("/u{n}"));
                let mut wire = Wire::new(agent);
                for (line, fields, status, answer) in *story {
                    wire.exchange(&own(line), &format!("{fields}|Accept-Language: x-{n}"), *status, &own(answer));
                }
                wire.silence(12);
                alone.extend(wire.end());
                pages.push((n.to_string(), story.iter().rev().copied().collect()));
            }
            let mut wire = Wire::new(agent);
            while !pages.is_empty() {
                let at = usize::try_from(numbers.below(pages.len() as u64)).expect("an index");
                let (n, steps) = &mut pages[at];
                let own = |text: &str| text.replace("/s", &format!("/s{n}")).replace("/u", &format!("/u{n}"));
                let Some((line, fields, status, answer)) = steps.pop() else {
                    pages.remove(at);
                    continue;
                };
                wire.stream = n.parse().expect("a number");
                let (line, answer) = (own(line), own(answer));
                wire.exchange(&line, &format!("{fields}|Accept-Language: x-{n}"), status, &answer);
            }
            wire.silence(12);
            let mut together = wire.end();
            alone.sort();
            together.sort();
            prop_assert_eq!(alone, together, "{}", agent);
        }
    }
}
