//! Real Chromium, real nginx: what the browser refused is recorded within two seconds, for the browser's own reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::daemon::{Daemon, PAGES};
use crate::net::{Folder, Host, Program, SERVERS, cable, metric, sql, within};

/// A refusal is in the database and in the metrics this soon.
const SOON_MS: u128 = 2000;

/// What the page said of one of its attempts.
#[derive(Debug, Deserialize)]
struct Outcome {
    name: String,
    #[serde(rename = "outcome")]
    came_to: String,
    settled_ms: u128,
}

fn starts_with_its_servers(folder: &Folder, servers: &Host) -> [Program; 2] {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/browser");
    let config = std::fs::read_to_string(data.join("nginx.conf")).expect("the test's own file");
    let config = config.replace("FOLDER", &folder.path().display().to_string());
    std::fs::write(folder.file("nginx.conf"), config).expect("the test's folder is writable");
    let mut app = servers.command("python3");
    app.arg(data.join("app.py")).arg(data.join("page.html")).arg(folder.file("report.json"));
    let mut nginx = servers.command("nginx");
    nginx.arg("-e").arg(folder.file("nginx-start")).arg("-c").arg(folder.file("nginx.conf"));
    let programs = [Program::start(folder, "app", &mut app), Program::start(folder, "nginx", &mut nginx)];
    within(Duration::from_secs(20), "the page is served", || {
        servers
            .command("curl")
            .args(["-sf", "-H", "Host: app.shop.test", "http://127.0.0.1/"])
            .output()
            .unwrap()
            .status
            .success()
    });
    programs
}

/// Headless Chromium on a host, at the page of app.shop.test.
pub fn chromium(folder: &Folder, host: &Host) -> Command {
    let mut command = host.command("chromium");
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
        "--remote-debugging-port=0",
    ]);
    command.arg(format!("--user-data-dir={}", folder.file("profile").display()));
    command.arg(format!("--host-resolver-rules=MAP *.test {SERVERS}, MAP *.localhost {SERVERS}, MAP * ~NOTFOUND"));
    command.env("HOME", folder.path()).arg("http://app.shop.test/");
    command
}

/// Chromium's own words on its console, by the name of the attempt: phase and reason.
fn browsers_reasons(console: &str) -> BTreeMap<String, String> {
    let reasons = [
        ("No 'Access-Control-Allow-Origin' header is present", "missing_allow_origin"),
        ("must not be the wildcard '*' when the request's credentials mode", "wildcard_with_credentials"),
        (
            "'Access-Control-Allow-Credentials' header in the response is '' which must be 'true'",
            "missing_allow_credentials",
        ),
        ("that is not equal to the supplied origin", "allow_origin_mismatch"),
        ("contains multiple values", "multiple_allow_origin"),
        ("is not allowed by Access-Control-Allow-Methods in preflight response", "method_not_allowed"),
        ("is not allowed by Access-Control-Allow-Headers in preflight response", "header_not_allowed"),
        ("It does not have HTTP ok status", "preflight_status"),
        ("Redirect is not allowed for a preflight request", "preflight_redirect"),
    ];
    let mut told = BTreeMap::new();
    for line in console.lines() {
        let Some((_, rest)) = line.split_once("Access to fetch at 'http://") else { continue };
        let name = rest.split('\'').next().and_then(|url| url.split('/').nth(1)).expect("a URL with a path");
        let reason = reasons.iter().find(|(words, _)| line.contains(words)).map(|(_, reason)| *reason);
        let reason = reason.unwrap_or_else(|| panic!("Chromium says something new: {line}"));
        let phase = if line.contains("preflight") { "preflight" } else { "actual" };
        told.insert(name.to_string(), format!("{phase}|{reason}"));
    }
    told
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis()
}

#[test]
fn what_chromium_refuses_is_recorded_for_its_reason_within_two_seconds() {
    let folder = Folder::new();
    let (client, servers) = (Host::new(), Host::new());
    cable(&client, &servers);
    let _servers = starts_with_its_servers(&folder, &servers);
    let db = folder.file("live.db");
    let mut corstap = Daemon::start(&folder, &servers, &["-i", "eth0"]);
    let browser = Program::start(&folder, "chromium", &mut chromium(&folder, &client));

    // When each refusal was first there to be read.
    let mut seen: BTreeMap<String, u128> = BTreeMap::new();
    let mut counted: Vec<(u128, u64)> = Vec::new();
    let report = folder.file("report.json");
    let begun = Instant::now();
    let mut reported = None;
    while reported.is_none_or(|at: Instant| at.elapsed() < Duration::from_millis(2500)) {
        assert!(begun.elapsed() < Duration::from_secs(90), "the page did not report");
        for path in sql(&db, "SELECT path FROM rejections") {
            seen.entry(path.trim_start_matches('/').to_string()).or_insert_with(now_ms);
        }
        let (_, scrape) = servers.get(&format!("{PAGES}/metrics"));
        counted.push((now_ms(), metric(&scrape, "corstap_rejections_total", &[])));
        if reported.is_none() && report.exists() {
            reported = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    let outcomes: Vec<Outcome> = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let (blocked, allowed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|o| o.came_to == "blocked");
    assert_eq!((blocked.len(), allowed.len()), (11, 3), "the browser's own outcomes: {outcomes:?}");

    // The database agrees with the browser: these, for these reasons, and nothing else.
    let recorded: BTreeMap<String, String> =
        sql(&db, "SELECT substr(path, 2) || '|' || phase || '|' || reason FROM rejections")
            .iter()
            .map(|row| row.split_once('|').map(|(name, why)| (name.to_string(), why.to_string())).unwrap())
            .collect();
    assert_eq!(recorded, browsers_reasons(&browser.said()));
    let names: Vec<&str> = blocked.iter().map(|o| o.name.as_str()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(recorded.keys().collect::<Vec<_>>(), sorted);
    assert_eq!(sql(&db, "SELECT count(*) FROM rejections"), [blocked.len().to_string()]);

    // So do the metrics.
    let (_, scrape) = servers.get(&format!("{PAGES}/metrics"));
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    for why in recorded.values() {
        *by_reason.entry(why).or_default() += 1;
    }
    for (why, n) in by_reason {
        let (phase, reason) = why.split_once('|').unwrap();
        let labels = [format!("reason=\"{reason}\""), format!("phase=\"{phase}\"")];
        let labels = [labels[0].as_str(), labels[1].as_str()];
        assert_eq!(metric(&scrape, "corstap_rejections_total", &labels), n, "{why}\n{scrape}");
    }
    assert_eq!(metric(&scrape, "corstap_rejections_total", &[]), 11);
    assert_eq!(metric(&scrape, "corstap_transactions_total", &["verdict=\"allowed\"", "site=\"cross_site\""]), 2);
    assert_eq!(metric(&scrape, "corstap_transactions_total", &["verdict=\"allowed\"", "site=\"same_site\""]), 1);

    // Order and note were taken although the page was refused, and the cookie's value is nowhere.
    assert_eq!(servers.get("http://127.0.0.1:8000/orders").1, "2");
    let after_effect = sql(&db, "SELECT path, effect FROM rejections WHERE blocked_after_effect = 1 ORDER BY path");
    assert_eq!(after_effect, ["/note|taken", "/orders|taken"]);
    assert_eq!(metric(&scrape, "corstap_blocked_after_effect_total", &[]), 2);
    assert_eq!(sql(&db, "SELECT credentials FROM rejections WHERE path = '/wildcard'"), ["included"]);
    assert_eq!(sql(&db, "SELECT count(*) FROM texts WHERE text LIKE '%s3cret%'"), ["0"]);

    // Soon: in the database, and in the metrics, two seconds after the promise was rejected at the latest.
    for (nth, outcome) in blocked.iter().enumerate() {
        let in_db = seen[&outcome.name].saturating_sub(outcome.settled_ms);
        let in_metrics = counted.iter().find(|(_, n)| *n > nth as u64).expect("all were counted above").0;
        let in_metrics = in_metrics.saturating_sub(outcome.settled_ms);
        assert!(in_db <= SOON_MS && in_metrics <= SOON_MS, "{}: {in_db} ms, {in_metrics} ms", outcome.name);
    }
    corstap.stops_well();
}
