//! VERDICTS.md §9: each rule's case, and the nearest innocent one.

use super::*;
use crate::limits::Limits;
use crate::options::SiteOptions;
use Severity::{High, Info, Low, Medium};

const SCANNER: &str = "python-requests/2.32";

/// A scanner's request: an Origin and nothing that a page sends.
fn probe(scene: &mut Scene, origin: &str, answer: &str) {
    scene.agent = SCANNER;
    scene.get("/me", &format!("Origin: {origin}"), answer);
}

#[test]
fn origin_enumeration() {
    let eight = |s: &mut Scene| (0..8).for_each(|n| probe(s, &format!("https://site{n}.test"), "Vary: Origin"));
    fires(Rule::OriginEnumeration, Medium, eight);
    fires(Rule::OriginEnumeration, High, |s| {
        eight(s);
        probe(s, "https://site9.test", &lets_in("https://site9.test"));
    });
    silent(Rule::OriginEnumeration, |s| {
        (0..7).for_each(|n| probe(s, &format!("https://site{n}.test"), ""));
        s.wait(700);
        probe(s, "https://site8.test", "");
        // a widget: many sites, each page in a browser of its own
        s.agent = CHROME;
        for (n, client) in
            ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"].iter().enumerate()
        {
            s.client = client;
            (0..4).for_each(|m| {
                let page = format!("https://shop{n}{m}.test");
                s.get("/widget", &from(&page, "cross-site"), "Access-Control-Allow-Origin: *");
            });
        }
    });
}

#[test]
fn a_second_scanner_with_the_same_list_is_a_scanner() {
    let mut scene = Scene::new();
    for n in 0..8 {
        for client in ["203.0.113.8", "203.0.113.9"] {
            scene.client = client;
            probe(&mut scene, &format!("https://api.shop.test.x{n}.com"), "");
        }
    }
    scene.end();
    assert_eq!(scene.of(Rule::OriginEnumeration), [Medium, Medium]);
}

#[test]
fn one_origin_at_many_ports_is_one_origin() {
    let mut scene = Scene::new();
    for server in ["127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3003", "127.0.0.1:3004", "127.0.0.1:3005"]
        .iter()
        .chain(&["127.0.0.1:3006", "127.0.0.1:3007", "127.0.0.1:3008", "127.0.0.1:3009"])
    {
        scene.direct = Some(server);
        scene.host = server;
        scene.get("/api", &from("http://localhost:5173", "cross-site"), "Access-Control-Allow-Origin: *");
    }
    scene.end();
    assert_eq!(scene.of(Rule::OriginEnumeration), []);
}

#[test]
fn many_sites_whose_pages_a_browser_shows_weigh_little_though_they_are_let_in() {
    let mut scene = Scene::new();
    for n in 0..9 {
        let page = format!("https://www.news{n}.test");
        scene.get("/collect", &from(&page, "cross-site"), &lets_in(&page));
    }
    scene.end();
    assert_eq!(scene.of(Rule::OriginEnumeration), [Low]);
}

#[test]
fn origin_reflection_test() {
    fires(Rule::OriginReflectionTest, Medium, |s| {
        probe(s, "https://api.shop.test.x1.com", "");
        probe(s, "https://x1shop.test", "");
    });
    fires(Rule::OriginReflectionTest, High, |s| {
        probe(s, "https://evil.com", &lets_in("https://evil.com"));
        probe(s, "null", "");
    });
    // VERDICTS.md §9: two kinds, whoever seems to show the pages, in either order
    let tricks = ["https://api.shop.test.x1.com", "https://www.workshop.test"];
    for tricks in [tricks, [tricks[1], tricks[0]]] {
        fires(Rule::OriginReflectionTest, Medium, |s| {
            tricks.iter().for_each(|origin| s.get("/me", &from(origin, "cross-site"), "Vary: Origin"));
        });
    }
    silent(Rule::OriginReflectionTest, |s| {
        // a partner's page, and a sandboxed frame of the own one
        s.get("/me", &from("https://www.workshop.test", "cross-site"), &lets_in("https://www.workshop.test"));
        s.get("/me", &from("null", "cross-site"), "");
        // long after
        s.wait(700);
        s.get("/me", &from("https://api.shop.test.x1.com", "cross-site"), "");
    });
    silent(Rule::OriginReflectionTest, |s| {
        // kinds that an innocent page shows, without another beside them
        probe(s, "null", "");
        probe(s, "http://api.shop.test", "");
        probe(s, "https://api.shop.test:8443", "");
        s.client = "203.0.113.21";
        probe(s, "https://evil.com", "");
        probe(s, "https://app.shop.test", "");
        s.wait(700);
        probe(s, "https://x1shop.test", "");
    });
}

#[test]
fn scanner_user_agent() {
    fires(Rule::ScannerUserAgent, Low, |s| {
        s.agent = "Mozilla/5.0 (compatible; Nuclei - Open-source project)";
        s.get("/", "Origin: https://a.test", "");
    });
    fires(Rule::ScannerUserAgent, Low, |s| {
        s.agent = "Fuzz Faster U Fool v2.1.0-dev";
        s.get("/", "Origin: https://a.test", "");
    });
    fires(Rule::ScannerUserAgent, Low, |s| {
        s.agent = "BurpSuite/2025.1";
        s.get("/", "Origin: https://a.test", "");
    });
    silent(Rule::ScannerUserAgent, |s| {
        // an app that is called like one
        s.agent =
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36 Burpple/4.1";
        s.get("/", "Origin: https://a.test", "");
        s.agent = "sqlmap/1.8";
        s.get("/", "", "");
        probe(s, "https://a.test", "");
    });
}

#[test]
fn own_scanners_weigh_less() {
    let site = SiteOptions { scanners: vec!["nuclei".to_owned(), "203.0.113.9".to_owned()], ..SiteOptions::default() };
    let mut scene = Scene::with(&EngineOptions { site, ..EngineOptions::default() });
    scene.agent = "nuclei/3.0";
    scene.get("/", "Origin: https://a.test", "");
    scene.client = "203.0.113.9";
    (0..8).for_each(|n| probe(&mut scene, &format!("https://site{n}.test"), ""));
    scene.end();
    assert_eq!((scene.of(Rule::ScannerUserAgent), scene.of(Rule::OriginEnumeration)), (vec![Info], vec![Low]));
}

/// A preflight of a tool: names with capitals and spaces.
fn forge(scene: &mut Scene, path: &str, method: &str) {
    let lines =
        format!("Origin: {PARTNER}|Access-Control-Request-Method: {method}|Access-Control-Request-Headers: X-B, X-A");
    scene.exchange(&format!("OPTIONS {path}"), &lines, 204, "");
}

#[test]
fn preflight_sweep() {
    fires(Rule::PreflightSweep, Medium, |s| {
        s.agent = SCANNER;
        (0..15).for_each(|n| forge(s, &format!("/v1/{n}"), "PUT"));
    });
    fires(Rule::PreflightSweep, Medium, |s| {
        s.agent = SCANNER;
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            forge(s, "/v1", method);
        }
    });
    fires(Rule::PreflightSweep, Medium, |s| ["TRACE", "TRACK"].iter().for_each(|m| forge(s, "/v1", m)));
    fires(Rule::PreflightSweep, Low, |s| {
        // a page whose preflights all fail asks in vain
        (0..20).for_each(|n| s.exchange(&format!("OPTIONS /v1/{n}"), &asking(APP, "same-site", "PUT", ""), 401, ""));
    });
    fires(Rule::PreflightSweep, Low, |s| {
        // and one that sends an odd preflight last is the same page
        (0..20).for_each(|n| s.exchange(&format!("OPTIONS /v1/{n}"), &asking(APP, "same-site", "PUT", ""), 401, ""));
        s.agent = SCANNER;
        forge(s, "/v1/x", "PUT");
    });
    silent(Rule::PreflightSweep, |s| {
        // a page load: all preflights first, then what they asked for
        let paths: Vec<String> = (0..30).map(|n| format!("/v1/{n}")).collect();
        let good = format!("{}|Access-Control-Allow-Methods: PUT", lets_in(APP));
        for path in &paths {
            s.exchange(&format!("OPTIONS {path}"), &asking(APP, "same-site", "PUT", ""), 204, &good);
        }
        for path in &paths {
            s.exchange(&format!("PUT {path}"), &from(APP, "same-site"), 200, &lets_in(APP));
        }
        s.agent = SCANNER;
        (0..14).for_each(|n| forge(s, &format!("/v2/{n}"), "PUT"));
        s.wait(301);
        forge(s, "/v2/x", "PUT");
    });
}

#[test]
fn preflight_forged() {
    fires(Rule::PreflightForged, Low, |s| {
        s.agent = SCANNER;
        for path in ["/a", "/b", "/c"] {
            forge(s, path, "PUT");
        }
    });
    fires(Rule::PreflightForged, Info, |s| {
        s.agent = "curl/8.5.0";
        (0..5).for_each(|_| forge(s, "/a", "PUT"));
    });
    silent(Rule::PreflightForged, |s| {
        s.agent = "curl/8.5.0";
        (0..2).for_each(|_| forge(s, "/a", "PUT"));
        s.agent = CHROME;
        (0..9).for_each(|_| s.exchange("OPTIONS /a", &asking(APP, "same-site", "PUT", "x-a,x-b"), 204, &lets_in(APP)));
    });
}

#[test]
fn cross_site_write_no_preflight() {
    let put = |s: &mut Scene, path: &str, origin: &str| {
        s.exchange(&format!("PUT {path}"), &with_cookie(origin, "cross-site"), 200, "Vary: Origin");
    };
    // others' preflights reach this host, so that one that is missing means something
    let others = |s: &mut Scene| {
        s.client = "203.0.113.99";
        s.exchange("OPTIONS /v1/a", &asking(APP, "same-site", "PUT", ""), 204, &lets_in(APP));
        s.client = "203.0.113.20";
    };
    fires(Rule::CrossSiteWriteNoPreflight, High, |s| {
        others(s);
        put(s, "/v1/a", PARTNER);
        s.wait(3 * 3600); // longer than Chromium keeps a preflight
        put(s, "/v1/a", PARTNER);
        put(s, "/v1/b", PARTNER);
    });
    fires(Rule::CrossSiteWriteNoPreflight, High, |s| {
        others(s);
        (0..21).for_each(|n| put(s, &format!("/v1/{n}"), PARTNER));
    });
    fires(Rule::CrossSiteWriteNoPreflight, Medium, |s| {
        others(s);
        s.exchange("OPTIONS /v1/z", &asking(PARTNER, "cross-site", "PUT", ""), 403, "");
        (0..2).for_each(|_| s.exchange("PUT /v1/a", &with_cookie(PARTNER, "cross-site"), 403, ""));
    });
    silent(Rule::CrossSiteWriteNoPreflight, |s| {
        // the capture began a moment ago; an extension; and a host whose front answers OPTIONS itself
        others(s);
        (0..5).for_each(|n| put(s, &format!("/v1/{n}"), PARTNER));
        let extension = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
        (0..25).for_each(|n| put(s, &format!("/v1/{n}"), extension));
        s.host = "cdn.shop.test";
        (0..25).for_each(|n| put(s, &format!("/v1/{n}"), PARTNER));
        // a monitor's preflight reaches that host, browsers' still do not
        s.agent = "curl/8.5.0";
        forge(s, "/v1/a", "PUT");
        s.agent = CHROME;
        (0..25).for_each(|n| put(s, &format!("/v1/{n}"), PARTNER));
        // an app, in a browser's engine, that sends what it likes
        s.host = "api.shop.test";
        s.client = "203.0.113.22";
        (0..25).for_each(|n| put(s, &format!("/v1/{n}"), "capacitor://localhost"));
        (0..25).for_each(|n| put(s, &format!("/v1/{n}"), "file://"));
    });
}

/// A form that posts itself from another site's page.
fn form(origin: &str, cookie: &str) -> String {
    format!(
        "Origin: {origin}|Upgrade-Insecure-Requests: 1|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|\
         Sec-Fetch-Dest: document|Content-Type: application/x-www-form-urlencoded{cookie}"
    )
}

const COOKIE: &str = "|Cookie: (present)";
const VISIT: &str = "Sec-Fetch-Site: none|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document|Cookie: (present)";

#[test]
fn csrf_form_post() {
    for origin in ["https://www.lure.test", "null"] {
        fires(Rule::CsrfFormPost, High, |s| {
            s.exchange("POST /account/email", &form(origin, COOKIE), 303, "Location: /done");
        });
    }
    fires(Rule::CsrfFormPost, Low, |s| {
        s.exchange("POST /account/email", &form("https://www.lure.test", COOKIE), 403, "");
    });
    silent(Rule::CsrfFormPost, |s| {
        // sign-on and payment: this site sent the client there, from the first request on
        s.exchange("GET /login", VISIT, 302, "Location: https://login.id.test/start?back=1");
        s.exchange("POST /sso/acs", &form("https://login.id.test", COOKIE), 303, "Location: /done");
        s.exchange("POST /sso/acs", &form("null", COOKIE), 303, "Location: /done");
        // no cookie, no form, own site
        s.exchange("POST /contact", &form("https://www.lure.test", ""), 200, "");
        let own = form(APP, COOKIE).replace("cross-site", "same-site");
        s.exchange("POST /account/email", &own, 303, "Location: /done");
        let socket = "Origin: https://www.chat.test|Accept: text/html|Content-Type: text/plain|Cookie: (present)";
        s.exchange("POST /xhr_send", socket, 204, "");
        s.exchange("POST /api", &with_cookie("https://www.lure.test", "cross-site"), 403, "");
    });
}

#[test]
fn a_sign_on_that_was_half_an_hour_ago_explains_nothing() {
    fires(Rule::CsrfFormPost, High, |s| {
        s.exchange("GET /login", VISIT, 302, "Location: https://login.id.test/start");
        s.wait(1900);
        s.exchange("POST /sso/acs", &form("https://login.id.test", COOKIE), 303, "Location: /done");
    });
}

#[test]
fn sec_fetch_inconsistent() {
    let odd = |lines: &str| {
        let lines = lines.to_owned();
        move |s: &mut Scene| (0..2).for_each(|_| s.get("/", &lines, ""))
    };
    let elsewhere = "Origin: https://www.other.test|Referer: https://www.other.test/|Sec-Fetch-Site: same-origin|\
                     Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty";
    // of a host that is known by another name alone; and of one that its own pages call
    fires(Rule::SecFetchInconsistent, Low, odd(elsewhere));
    fires(Rule::SecFetchInconsistent, Medium, |s| {
        s.get("/", &from(APP, "same-site"), &lets_in(APP));
        odd(elsewhere)(s);
    });
    for lines in [
        "Sec-Fetch-Site: none|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: empty",
        "Origin: https://www.other.test|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: cors",
        "Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: magic|Sec-Fetch-Dest: empty",
        "User-Agent: python-requests/2.32|Sec-Fetch-Site: none|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document",
        "Sec-Fetch-Site: same-origin|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Sec-Fetch-User: ?1",
        "Origin: https://www.other.test|Sec-Fetch-Site: none|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty",
    ] {
        fires(Rule::SecFetchInconsistent, Medium, odd(lines));
    }
    silent(Rule::SecFetchInconsistent, |s| {
        // §2: so did Chromium before 80
        s.agent =
            "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/78.0.3904.108 Safari/537.36";
        (0..5).for_each(|_| {
            let lines = format!("Origin: {APP}|Referer: {APP}/|Sec-Fetch-Site: same-site|Sec-Fetch-Mode: cors");
            s.get("/me", &lines, &lets_in(APP));
        });
    });
    silent(Rule::SecFetchInconsistent, |s| {
        let good = [
            from(PARTNER, "cross-site"),
            "Sec-Fetch-Site: none|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document|Sec-Fetch-User: ?1".to_owned(),
            "Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|Sec-Fetch-Dest: image".to_owned(),
            "User-Agent: node|Sec-Fetch-Mode: cors".to_owned(),
            "Origin: chrome-extension://abcdefghijklmnop|Sec-Fetch-Site: none|Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty"
                .to_owned(),
            // a front that rewrites Host keeps the public name beside it
            "Host: www.inner.test|X-Forwarded-Host: api.shop.test|Origin: https://api.shop.test|Sec-Fetch-Site: same-origin|\
             Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty"
                .to_owned(),
        ];
        (0..3).for_each(|_| good.iter().for_each(|lines| s.get("/", lines, "")));
        // Chromium to plain http: Mode alone on preflights
        let plain = format!("Origin: {APP}|Access-Control-Request-Method: PUT|Sec-Fetch-Mode: cors");
        (0..3).for_each(|_| s.exchange("OPTIONS /", &plain, 204, ""));
    });
}

#[test]
fn origin_not_serialised() {
    fires(Rule::OriginNotSerialised, Low, |s| {
        for origin in ["https://shop.test/", "https://a.test, https://b.test"] {
            probe(s, origin, "");
        }
    });
    silent(Rule::OriginNotSerialised, |s| {
        probe(s, "https://a.test:443", "");
        for origin in ["https://a.test", "null", "https://[::1]:8443", "http://a.test:81"] {
            probe(s, origin, "");
        }
    });
}

#[test]
fn the_same_visitors_are_forgotten_whatever_key_makes_the_digests() {
    let forgotten = |_| {
        let limits = Limits { probing_keys_max: 8, ..Limits::default() };
        let mut scene = Scene::within(&limits, &EngineOptions::default());
        scene.direct = Some("198.51.100.66:80");
        for visitor in 0..60 {
            scene.client = format!("203.0.113.{}", visitor % 40).leak();
            scene.get("/", "", "");
        }
        scene.counters.forgotten.probing
    };
    // 40 visitors, room for 24, and 20 of them come back in the order in which they had to go
    assert_eq!([0, 1, 2].map(forgotten), [36; 3]);
}

#[test]
fn dns_rebinding() {
    let visit = "Referer: http://www.lure.test/|Accept: text/html";
    let flip = |s: &mut Scene| {
        s.host = "www.lure.test";
        s.direct = Some("198.51.100.66:80");
        s.get("/", visit, "");
        s.direct = Some("192.168.1.1:80");
        s.get("/admin", visit, "");
    };
    fires(Rule::DnsRebinding, High, flip);
    let site = SiteOptions { names: vec!["*.shop.test".to_owned()], ..SiteOptions::default() };
    let mut scene = Scene::with(&EngineOptions { site, ..EngineOptions::default() });
    scene.direct = Some("192.168.1.1:80");
    scene.get("/", visit, ""); // one of the operator's names
    assert_eq!(scene.of(Rule::DnsRebinding), []);
    scene.host = "www.lure.test";
    scene.get("/admin", visit, "");
    assert_eq!(scene.of(Rule::DnsRebinding), [High]);
    silent(Rule::DnsRebinding, |s| {
        s.host = "www.lure.test";
        s.direct = Some("198.51.100.66:80");
        s.get("/", visit, "");
        // somebody else; a name never met outside; and behind a front every server is private
        s.client = "203.0.113.21";
        s.direct = Some("192.168.1.1:80");
        s.get("/", visit, "");
        s.client = "203.0.113.20";
        s.host = "printer.test";
        s.get("/", visit, "");
        s.host = "www.lure.test";
        s.direct = None;
        s.get("/", visit, "");
    });
}

#[test]
fn private_network_probe() {
    let call = |s: &mut Scene, server: &'static str| {
        s.direct = Some(server);
        let host = server.split(':').next().unwrap();
        s.exchange(
            "GET /",
            &format!("Host: {host}|Origin: https://www.lure.test|Referer: https://www.lure.test/"),
            404,
            "",
        );
    };
    let three = ["192.168.1.1:80", "192.168.1.1:8080", "10.0.0.5:80"];
    fires(Rule::PrivateNetworkProbe, Medium, |s| three.iter().for_each(|server| call(s, server)));
    fires(Rule::PrivateNetworkProbe, High, |s| {
        three.iter().chain(&["127.0.0.1:3000", "169.254.169.254:80"]).for_each(|server| call(s, server));
    });
    // as Chromium asks over plain http: neither Origin nor Sec-Fetch fields
    let shown = |s: &mut Scene, server: &'static str, accept: &str| {
        s.direct = Some(server);
        let host = server.split(':').next().unwrap();
        s.exchange("GET /", &format!("Host: {host}|Referer: http://www.lure.test/{accept}"), 200, "");
    };
    fires(Rule::PrivateNetworkProbe, Medium, |s| three.iter().for_each(|server| shown(s, server, "")));
    silent(Rule::PrivateNetworkProbe, |s| {
        // links that somebody follows
        three.iter().for_each(|server| shown(s, server, "|Upgrade-Insecure-Requests: 1|Accept: text/html"));
    });
    silent(Rule::PrivateNetworkProbe, |s| {
        // a known agent's port, time and again; slowly; behind a front
        (0..5).for_each(|_| call(s, "127.0.0.1:21320"));
        call(s, "192.168.1.1:80");
        s.wait(200);
        call(s, "192.168.1.2:80");
        s.direct = None;
        for host in ["a.shop.test", "b.shop.test", "c.shop.test", "d.shop.test"] {
            s.host = host;
            s.get("/", &from("https://www.lure.test", "cross-site"), "");
        }
        // an intranet's own portal
        s.direct = Some("10.9.9.9:80");
        s.host = "portal.test";
        s.get("/", "Accept: text/html", "");
        for server in three {
            s.direct = Some(server);
            s.get("/", "Host: x.test|Origin: http://portal.test|Referer: http://portal.test/", "");
        }
    });
}

#[test]
fn xs_leak_timing() {
    let search = |s: &mut Scene, n: usize, dest: &str, kind: &str| {
        for n in 0..n {
            let lines = format!(
                "Referer: https://www.lure.test/|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|Sec-Fetch-Dest: {dest}|Cookie: (present)"
            );
            s.get(&format!("/search?q=a{n}"), &lines, &format!("Content-Type: {kind}"));
        }
    };
    fires(Rule::XsLeakTiming, Medium, |s| search(s, 30, "image", "text/html"));
    fires(Rule::XsLeakTiming, Medium, |s| search(s, 30, "empty", "application/json"));
    silent(Rule::XsLeakTiming, |s| {
        search(s, 29, "script", "text/html");
        s.wait(61);
        search(s, 1, "script", "text/html");
        // an analytics pixel
        s.client = "203.0.113.21";
        search(s, 60, "image", "image/gif");
        s.client = "203.0.113.23";
        for n in 0..60 {
            let beat = "Referer: https://www.news.test/|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|\
                        Sec-Fetch-Dest: image|Cookie: (present)";
            s.exchange(&format!("GET /beat?n={n}"), beat, 204, "");
        }
        s.client = "203.0.113.22";
        (0..60).for_each(|_| search(s, 1, "image", "text/html"));
    });
}

#[test]
fn ws_hijack() {
    let open = |s: &mut Scene, origin: &str, cookie: &str| {
        let lines = format!("Origin: {origin}|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Key: a{cookie}");
        s.exchange("GET /live", &lines, 101, "Upgrade: websocket");
    };
    fires(Rule::WsHijack, High, |s| {
        s.get("/", "", "");
        s.wait(4000);
        open(s, "https://www.lure.test", COOKIE);
    });
    fires(Rule::WsHijack, Low, |s| open(s, "https://www.lure.test", COOKIE));
    fires(Rule::WsHijack, Low, |s| {
        s.get("/", "", "");
        s.wait(4000);
        open(s, "https://www.lure.test", "");
    });
    silent(Rule::WsHijack, |s| {
        open(s, APP, COOKIE);
        // an origin that the host's CORS accepts
        s.get("/me", &with_cookie(PARTNER, "cross-site"), &lets_in(PARTNER));
        open(s, PARTNER, COOKIE);
    });
}

#[test]
fn a_widget_that_many_use_is_known_to_the_socket() {
    let mut scene = Scene::new();
    scene.get("/", "", "");
    scene.wait(10);
    let lines = "Origin: https://www.widget.test|Upgrade: websocket|Sec-WebSocket-Key: a|Cookie: (present)";
    for client in ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.1", "203.0.113.2"] {
        scene.client = client;
        scene.exchange("GET /live", lines, 101, "");
    }
    scene.wait(4000);
    scene.exchange("GET /live", lines, 101, "");
    scene.end();
    assert_eq!(scene.of(Rule::WsHijack), [Low], "seen five times from three clients before: usual");
}

#[test]
fn cache_poison_probe() {
    let public = "Cache-Control: public, max-age=60";
    fires(Rule::CachePoisonProbe, Medium, |s| {
        probe(s, "https://evil.com", &format!("{}|{public}|X-Cache: MISS", lets_in("https://evil.com")));
        s.client = "203.0.113.21";
        s.agent = CHROME;
        s.get("/me", &from(APP, "same-site"), &format!("{}|{public}|X-Cache: HIT", lets_in("https://evil.com")));
    });
    fires(Rule::CachePoisonProbe, Medium, |s| {
        s.agent = SCANNER;
        (0..3).for_each(|n| {
            s.get(&format!("/me?cb={n}"), "Origin: https://evil.com", &format!("{public}|X-Cache: MISS"));
        });
    });
    let redirect = |s: &mut Scene, lines: &str, cache: &str| {
        let answer = format!("{public}|Location: http://www.lure.test/start|{cache}");
        s.exchange("GET /go", lines, 302, &answer);
    };
    let navigation = "Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate|Sec-Fetch-Site: none";
    fires(Rule::CachePoisonProbe, Medium, |s| {
        // who gets it is no page's script: a navigation (§9 "a hit serving it to others")
        s.direct = Some("198.51.100.7:80");
        redirect(s, "X-Forwarded-Host: www.lure.test", "X-Cache: MISS");
        s.client = "203.0.113.21";
        redirect(s, "", "X-Cache: HIT|Age: 2");
    });
    fires(Rule::CachePoisonProbe, Medium, |s| {
        // behind a front that hands on what the client made up; the body, where it shows, is not kept: the age tells
        s.get("/menu", "X-Forwarded-Host: evil.lure.test", &format!("{public}|X-Cache: MISS|Age: 0"));
        s.client = "203.0.113.21";
        s.wait(9);
        s.get("/menu", navigation, &format!("{public}|X-Cache: HIT|Age: 9"));
    });
    silent(Rule::CachePoisonProbe, |s| {
        // stored before or after; and a front that names the public host with every request
        s.get("/menu", "X-Forwarded-Host: evil.lure.test", &format!("{public}|X-Cache: MISS|Age: 0"));
        s.client = "203.0.113.21";
        s.wait(9);
        s.get("/menu", navigation, &format!("{public}|X-Cache: HIT|Age: 2"));
        s.get("/menu", navigation, &format!("{public}|X-Cache: HIT|Age: 300"));
        for client in ["203.0.113.22", "203.0.113.23"] {
            s.client = client;
            redirect(s, "X-Forwarded-Host: www.lure.test", "X-Cache: HIT|Age: 2");
        }
    });
    silent(Rule::CachePoisonProbe, |s| {
        // tried, not stored; others get their own answer
        probe(s, "https://evil.com", &format!("Vary: Origin|{public}|X-Cache: MISS"));
        s.agent = CHROME;
        for client in ["203.0.113.21", "203.0.113.22"] {
            s.client = client;
            (0..5).for_each(|n| {
                let answer = format!("{}|{public}|X-Cache: HIT", lets_in(APP));
                s.get(&format!("/me?page={n}"), &from(APP, "same-site"), &answer);
            });
        }
    });
}

#[test]
fn internal_cors_harvest() {
    let read = |s: &mut Scene, origin: &str, host: &'static str| {
        s.host = host;
        s.direct = Some("10.1.1.1:80");
        s.get("/", &format!("Origin: {origin}|Referer: {origin}/"), &lets_in(origin));
    };
    let hosts = ["wiki.corp", "10.2.2.2", "grafana"];
    fires(Rule::InternalCorsHarvest, High, |s| hosts.iter().for_each(|host| read(s, "http://www.lure.test", host)));
    silent(Rule::InternalCorsHarvest, |s| {
        hosts[..2].iter().for_each(|host| read(s, "http://www.lure.test", host));
        s.exchange("GET /", "Host: git.lan|Origin: http://www.lure.test|Referer: http://www.lure.test/", 200, "");
        for host in hosts {
            read(s, "http://portal.corp", host);
        }
    });
}

#[test]
fn a_portal_with_a_public_name_is_served_inside() {
    let read = |s: &mut Scene, host: &'static str| {
        s.host = host;
        s.get(
            "/",
            "Origin: http://portal.shop.test|Referer: http://portal.shop.test/",
            &lets_in("http://portal.shop.test"),
        );
    };
    let portal = |s: &mut Scene, server: &'static str| {
        (s.direct, s.host) = (Some(server), "portal.shop.test");
        s.get("/", "", "");
        s.direct = Some("10.1.1.1:80");
    };
    let hosts = ["wiki.corp", "10.2.2.2", "grafana"];
    // VERDICTS.md §9: known portal
    silent(Rule::InternalCorsHarvest, |s| {
        portal(s, "10.1.1.9:80");
        hosts.iter().for_each(|host| read(s, host));
    });
    fires(Rule::InternalCorsHarvest, High, |s| {
        portal(s, "198.51.100.9:80");
        portal(s, "10.1.1.9:80"); // rebound
        hosts.iter().for_each(|host| read(s, host));
        s.end();
        let found = s.taken.latest.values().find(|f| f.rule == Rule::InternalCorsHarvest).expect("told");
        assert!(found.detail.contains("Host: grafana; Origin: http://portal.shop.test → 200; "), "{}", found.detail);
    });
}

#[test]
fn credential_target() {
    let read = |s: &mut Scene, origin: &str, lines: &str, answer: &str| {
        s.get("/me", &format!("{}{lines}", from(origin, "cross-site")), answer);
    };
    for origin in ["https://evil.test", "https://api.shop.test.x1.com"] {
        fires(Rule::CredentialTarget, High, |s| read(s, origin, COOKIE, &lets_in(origin)));
    }
    fires(Rule::CredentialTarget, Medium, |s| {
        s.agent = SCANNER; // a tester's own session
        read(s, "https://evil.test", "|Authorization: Bearer", &lets_in("https://evil.test"));
    });
    silent(Rule::CredentialTarget, |s| {
        read(s, "https://evil.test", "", &lets_in("https://evil.test"));
        read(s, "https://evil.test", COOKIE, "Vary: Origin");
        read(s, PARTNER, COOKIE, &lets_in(PARTNER));
    });
    silent(Rule::CredentialTarget, |s| {
        read(s, "https://www.workshop.test", COOKIE, &lets_in("https://www.workshop.test"));
    });
    // VERDICTS.md §9, "pattern Origin": where strangers are refused, a name that merely ends like the target's is a partner's or
    // an exploit's; by one that many use, a page is served
    fires(Rule::CredentialTarget, Low, |s| {
        read(s, "https://www.stranger.test", COOKIE, "Vary: Origin");
        read(s, "https://www.workshop.test", COOKIE, &lets_in("https://www.workshop.test"));
    });
    silent(Rule::CredentialTarget, |s| {
        for n in 0..20 {
            s.client = ["203.0.113.1", "203.0.113.2", "203.0.113.3"][n % 3];
            read(s, "https://www.workshop.test", "", &lets_in("https://www.workshop.test"));
        }
        read(s, "https://www.stranger.test", COOKIE, "Vary: Origin");
        read(s, "https://www.workshop.test", COOKIE, &lets_in("https://www.workshop.test"));
    });
}

#[test]
fn a_firefox_page_that_works_all_day_is_no_probe() {
    let mut scene = Scene::new();
    scene.agent = FIREFOX;
    for hour in 0..8 {
        let good = format!(
            "{}|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: x-a|Access-Control-Max-Age: 600",
            lets_in(APP)
        );
        for n in 0..20 {
            scene.exchange(&format!("OPTIONS /v1/{hour}{n}"), &asking(APP, "same-site", "PUT", "x-a"), 204, &good);
            scene.exchange(&format!("PUT /v1/{hour}{n}"), &with_cookie(APP, "same-site"), 200, &lets_in(APP));
            scene.get("/v1", &with_cookie(APP, "same-site"), &lets_in(APP));
        }
        scene.wait(3600);
    }
    scene.end();
    assert_eq!(scene.taken.told, []);
}
