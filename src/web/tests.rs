//! The pages over a real socket: who is let in, what is answered, and that a reader who stalls holds nobody up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;
use crate::metrics::Metrics;
use crate::options::SiteOptions;
use crate::record::{Sink as _, Verdict};
use crate::store::queries::Reader;
use crate::store::tests::{finding, transaction};
use crate::store::{Retention, RunKind, RunTotals, Store, StoreOptions};

/// A served page, and the ring behind it.
struct Served {
    address: SocketAddr,
    recent: Arc<Recent>,
}

fn served(access: Access) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (_recorder, metrics) = Metrics::new(&SiteOptions::default(), None);
    let recent = Arc::new(Recent::default());
    let pages = Pages::new(metrics, None, Arc::clone(&recent), None, access);
    std::thread::spawn(move || run(listener, pages));
    Served { address, recent }
}

fn token(text: &str) -> Result<Token, TokenError> {
    let path = std::env::temp_dir().join(format!("corstap-token-{}-{}", std::process::id(), text.len()));
    std::fs::write(&path, text).unwrap();
    let token = Token::read(&path);
    std::fs::remove_file(&path).unwrap();
    token
}

impl Served {
    fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Status, head and body of what is answered to a request with these further header lines.
    fn ask(&self, line: &str, fields: &str) -> (u16, String, String) {
        let host = if fields.to_lowercase().contains("host:") { "" } else { "Host: 127.0.0.1\r\n" };
        let mut stream = self.open(&format!("{line} HTTP/1.1\r\n{host}{fields}Connection: close\r\n\r\n"));
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_string())
    }

    fn status(&self, path: &str, fields: &str) -> u16 {
        self.ask(&format!("GET {path}"), fields).0
    }
}

#[test]
fn a_rebound_name_is_refused_and_addresses_are_not() {
    let page = served(Access { hosts: vec!["tap.shop.test".into()], machine: Some("gw1".into()), ..Access::default() });
    for host in [
        "127.0.0.1",
        "127.0.0.1:2677",
        "[::1]:2677",
        "[::1]",
        "localhost:2677",
        "LOCALHOST",
        "10.20.0.5:1",
        "tap.shop.test",
        "gw1:2677",
    ] {
        assert_eq!(page.status("/api/state", &format!("Host: {host}\r\n")), 200, "{host}");
    }
    for host in [
        "evil.test",
        "evil.test:2677",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "",
        "tap.shop.test.evil.test",
        "xgw1",
    ] {
        for path in ["/", "/app.js", "/api/state", "/api/live", "/metrics"] {
            assert_eq!(page.status(path, &format!("Host: {host}\r\n")), 421, "{host} {path}");
        }
    }
    assert_eq!(page.status("/metrics", "Host: 127.0.0.1\r\nHost: evil.test\r\n"), 421);
    // A health check says nothing and may come under any name.
    assert_eq!(page.status("/healthz", "Host: evil.test\r\n"), 200);
}

#[test]
fn pages_of_other_sites_get_nothing() {
    let page = served(Access::default());
    for fields in ["Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n", "", "Origin: http://127.0.0.1\r\n"] {
        assert_eq!(page.status("/api/state", fields), 200, "{fields}");
    }
    for fields in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://evil.test\r\n",
        "Origin: null\r\n",
        "Origin: http://127.0.0.1:3000\r\n",
    ] {
        for path in ["/api/state", "/api/rejections", "/api/live", "/metrics"] {
            assert_eq!(page.status(path, fields), 403, "{fields} {path}");
        }
    }
}

#[test]
fn a_token_opens_the_page_and_nothing_else_does() {
    let secret = "c2VjcmV0LXRva2VuLTQ3MTE";
    let access = Access { token: Some(token(&format!("{secret}\n")).unwrap()), is_public: true, ..Access::default() };
    assert!(!format!("{access:?}").contains(secret));
    let page = served(access);
    for path in ["/api/state", "/api/causes", "/api/live", "/metrics"] {
        let (status, head, _) = page.ask(&format!("GET {path}"), "");
        assert_eq!((status, head.contains("www-authenticate: bearer")), (401, true), "{path}");
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Basic c2VjcmV0",
            &format!("Bearer {}", &secret[1..]),
            &format!("Bearer {secret}x"),
        ] {
            assert_eq!(page.status(path, &format!("Authorization: {wrong}\r\n")), 401, "{path} {wrong}");
        }
    }
    assert_eq!(page.status("/api/state", &format!("Authorization: bearer {secret}\r\n")), 200);
    assert_eq!(page.status("/metrics", &format!("Authorization: Bearer {secret}\r\n")), 200);
    // The files hold no data, and ask for the token.
    assert_eq!((page.status("/", ""), page.status("/app.js", ""), page.status("/readyz", "")), (200, 200, 503));
    assert!(token("short").is_err() && token("has a space in the middle").is_err() && token(&"x".repeat(16)).is_ok());
}

#[test]
fn beyond_loopback_there_are_numbers_and_no_page() {
    let page = served(Access::new("192.0.2.7:2677".parse().unwrap(), None, Vec::new()));
    assert_eq!((page.status("/metrics", ""), page.status("/healthz", "")), (200, 200));
    for path in ["/", "/app.js", "/api/state", "/api/live", "/api/transactions/T1"] {
        let (status, _, body) = page.ask(&format!("GET {path}"), "");
        assert_eq!((status, body.contains("--listen-token-file")), (403, true), "{path}");
    }
    let loopback = served(Access::new("[::1]:2677".parse().unwrap(), None, Vec::new()));
    assert_eq!(loopback.status("/", ""), 200);
}

#[test]
fn everything_is_read_only_and_says_what_a_page_may_do() {
    let page = served(Access::default());
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(page.ask(&format!("{method} /api/state"), "Content-Length: 0\r\n").0, 405, "{method}");
    }
    for path in ["/", "/app.css", "/api/state", "/metrics", "/none", "/api/transactions/T1"] {
        let (_, head, _) = page.ask(&format!("GET {path}"), "");
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{head}");
        for line in ["x-content-type-options: nosniff", "cache-control: no-store", "referrer-policy: no-referrer"] {
            assert!(head.contains(line), "{path}: {line}");
        }
        assert!(!head.contains("access-control-"), "{head}");
    }
    let (_, _, html) = page.ask("GET /", "");
    assert!(
        !html.contains("<script>") && !html.contains("style=") && !html.contains("http://"),
        "no inline code, nothing from elsewhere"
    );
}

#[test]
fn what_came_last_is_there_without_a_database() {
    let page = served(Access::default());
    let mut waiting = Waiting::default();
    (0..3).for_each(|n| waiting.on_blocked(&transaction(n, Verdict::Blocked)));
    waiting.on_finding(&finding(0, 1, 1, &[]));
    waiting.on_finding(&finding(0, 2, 2, &[]));
    page.recent.publish(&mut waiting);
    let json = |path: &str| serde_json::from_str::<Value>(&page.ask(&format!("GET {path}"), "").2).unwrap();
    let causes = json("/api/causes");
    assert_eq!((&causes["recent_only"], &causes["groups"][0]["count"]), (&Value::from(true), &Value::from(3)));
    let rows = json("/api/rejections?reason=missing_allow_origin");
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!(json("/api/rejections?reason=preflight_status")["rows"].as_array().map(Vec::len), Some(0));
    // Two tellings of one finding are one finding, as it was last.
    let findings = json("/api/findings");
    assert_eq!(findings["findings"].as_array().map(Vec::len), Some(1));
    let id = rows["rows"][0]["id"].as_str().unwrap();
    assert!(json(&format!("/api/transactions/{id}"))["evidence"]["actual"]["response"].is_array());
    assert_eq!(page.status("/api/transactions/T0", ""), 404);
}

/// What is null or empty may be left out.
fn compact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, v| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty()));
            fields.values_mut().for_each(compact);
        }
        Value::Array(all) => all.iter_mut().for_each(compact),
        _ => {}
    }
}

/// The page shows both alike: so they have to be alike.
#[test]
fn a_transaction_from_memory_reads_like_one_from_the_database() {
    let folder = std::env::temp_dir().join(format!("corstap-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.db");
    let t = transaction(5, Verdict::Blocked);
    let options = StoreOptions {
        path: path.clone(),
        sensor: "gw".into(),
        kind: RunKind::Replay,
        source: "test".into(),
        retention: Retention::default(),
    };
    let mut store = Store::open(&options).unwrap();
    store.transaction(&Arc::new(t.clone()));
    store.finding(&finding(0, 1, 1, &[]));
    store.finish(RunTotals::default()).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let id = t.id.to_string();
    let stored = reader.transaction_at(&t.time.to_string(), &id).unwrap().expect("it was recorded");
    let mut stored = serde_json::to_value(&stored).unwrap();
    stored.as_object_mut().unwrap().remove("run_id");
    let mut live = data::of_transaction(&t, true);
    compact(&mut stored);
    compact(&mut live);
    assert_eq!(live, stored);
    // And every question of the page is one that this schema answers.
    let wanted = crate::store::page::Wanted { limit: 10, ..Default::default() };
    assert_eq!(reader.page_rejections(&wanted).unwrap().len(), 1);
    let next = crate::store::page::Wanted { before: (t.time.to_string(), id), ..wanted };
    assert_eq!(reader.page_rejections(&next).unwrap().len(), 0);
    assert_eq!((reader.page_groups("").unwrap().len(), reader.page_targets("").unwrap().len()), (1, 1));
    assert_eq!(reader.page_findings("").unwrap().len(), 1);
    assert_eq!(reader.page_groups("2999").unwrap().len(), 0);
    drop(reader);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Reads events until one of that name comes; its data.
fn event(lines: &mut impl Iterator<Item = std::io::Result<String>>, name: &str) -> Value {
    let mut is_it = false;
    for line in lines {
        let line = line.unwrap();
        if let Some(event) = line.strip_prefix("event: ") {
            is_it = event == name;
        } else if let (true, Some(data)) = (is_it, line.strip_prefix("data: ")) {
            return serde_json::from_str(data).unwrap();
        }
    }
    panic!("the stream ended before {name}");
}

#[test]
fn a_reader_who_stalls_holds_nobody_up_and_is_told_what_it_missed() {
    let page = served(Access::default());
    let request = "GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    // These never read.
    let stalled: Vec<TcpStream> = (0..LIVE_MAX - 1).map(|_| page.open(request)).collect();
    let mut lines = BufReader::new(page.open(request)).lines();
    event(&mut lines, "begin");
    assert_eq!(page.status("/api/live", ""), 503, "one more than there is room for");
    let mut waiting = Waiting::default();
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut nth = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..100 {
            nth += 1;
            waiting.on_blocked(&transaction(nth, Verdict::Blocked));
        }
        let before = Instant::now();
        page.recent.publish(&mut waiting);
        slowest = slowest.max(before.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(slowest < Duration::from_millis(250), "publishing waited {slowest:?}");
    assert!(event(&mut lines, "missed")["count"].as_u64().is_some_and(|n| n > 0));
    assert_eq!(event(&mut lines, "rejection")["reason"], "missing_allow_origin");
    // Others are served meanwhile, and a closed page makes room.
    assert_eq!(page.status("/metrics", ""), 200);
    drop(stalled);
    let patience = Instant::now();
    while patience.elapsed() < Duration::from_secs(8) {
        let mut answer = [0; 12];
        let mut stream = page.open(request);
        stream.read_exact(&mut answer).unwrap();
        if &answer == b"HTTP/1.1 200" {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("closed pages keep their places");
}

#[test]
fn fifty_scrapers_at_once_are_all_answered() {
    let page = served(Access::default());
    let streams: Vec<TcpStream> =
        (0..50).map(|_| page.open("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")).collect();
    for mut stream in streams {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && text.contains("corstap_build_info"), "{}", &text[..60]);
    }
}

#[test]
fn trouble_is_told_at_once() {
    let page = served(Access::default());
    let (status, _, body) = page.ask("GET /readyz", "");
    assert_eq!((status, body.contains("capture has not begun")), (503, true), "{body}");
    let state: Value = serde_json::from_str(&page.ask("GET /api/state", "").2).unwrap();
    assert!(state["trouble"].as_str().is_some_and(|text| text.contains("capture has not begun")));
}
