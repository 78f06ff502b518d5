//! The demo: the report of the incident says what happened, in the order in which it is needed, and nothing that did not.

use std::fs;

use serde_json::Value;

use super::{Folder, incident, lines_of, ok, shown};

/// What the report has to name, in this order: each cause with its count, its times, whom it hit, and its fix.
const PROBLEMS: &[&[&str]] = &[
    &[
        "25  missing_allow_origin, actual  https://api.shop.test  POST /v1/orders ×19, PUT /v1/orders/{} ×6",
        "08:44:07–08:46:33 · 7 clients (chromium, firefox, safari) from https://app.shop.test",
        "statuses 502 ×17, 201 ×6, 200 ×2",
        "EFFECT  8 carried out (2xx) though refused, 17 may have been: the same request came again 12 times, soonest 710 ms",
        "cors_after_router",
        "Run CORS before the routes",
    ],
    &[
        "12  method_not_allowed, preflight  https://api.shop.test  PATCH /v1/orders/{}",
        "08:44:24–08:46:52 · 8 clients",
        "Add PATCH to the allowed methods",
    ],
    &[
        "12  header_not_allowed, preflight  https://api.shop.test  GET /v1/search",
        "08:44:07–08:46:52 · 7 clients",
        "x-trace-id not in Access-Control-Allow-Headers",
        "Add x-trace-id to the allowed headers",
    ],
    &[
        "9  allow_origin_mismatch, actual  https://cdn.shop.test",
        "08:52:29–08:55:31 · 2 clients",
        "from https://admin.shop.test",
        "cached_for_other_origin",
        "Send Vary: Origin",
    ],
    &[
        "2  missing_allow_origin, actual  https://api.shop.test",
        "08:53:14 · 1 client (chromium) from https://evil.test",
        "origin_not_listed",
        "leave it refused",
    ],
    &["16  rightly: 203.0.113.66 tried 8 unknown origins at https://pay.partner.test, https://cdn.shop.test"],
];

/// The report as one line of words: how it is broken into lines is no matter here.
fn words(report: &str) -> String {
    report.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_report_is_one_screen() {
    let report = ok(&["replay", shown(&incident())]);
    assert!(report.lines().count() <= 48, "{} lines:\n{report}", report.lines().count());
}

#[test]
fn the_report_names_each_cause_with_its_count_its_victims_and_its_fix_in_order() {
    let report = words(&ok(&["replay", shown(&incident())]));
    let mut rest = report.as_str();
    assert!(rest.contains("BLOCKED 76 of 227 cross-origin transactions: 5 problems at 2 targets hit 9 clients; 16 were probes by 1 client"), "{rest}");
    for told in PROBLEMS.iter().copied().flatten() {
        let told = words(told);
        let at = rest.find(&told).unwrap_or_else(|| panic!("\"{told}\" is not, or not in its place, in: {rest}"));
        rest = &rest[at + told.len()..];
    }
    // nothing undecided is made up, and nothing was lost
    assert!(!report.contains("UNDECIDED"), "{report}");
    assert!(report.contains("1,257 packets = 1,257 TCP, none lost or cut, no gaps"), "{report}");
    assert!(report.contains("265 transactions = 151 allowed + 76 blocked + 38 not CORS"), "{report}");
}

#[test]
fn the_report_names_each_finding() {
    let report = words(&ok(&["replay", shown(&incident())]));
    let suspicious = report.split("SUSPICIOUS").nth(1).expect("findings");
    for rule in [
        "emergency_mode",
        "origin_reflected_credentials",
        "blocked_after_effect",
        "wildcard_on_authorised",
        "credential_target",
        "null_origin_allowed",
        "http_origin_trusted",
        "missing_vary_origin",
        "cached_acao_mismatch",
        "cors_missing_on_errors",
        "allow_lists_disagree",
        "vary_origin_unstable",
        "origin_enumeration",
        "origin_reflection_test",
        "wildcard_with_acac",
        "headers_too_broad",
    ] {
        assert!(suspicious.contains(rule), "{rule} is not in: {suspicious}");
    }
}

#[test]
fn the_emergency_ends_with_the_repair() {
    let jsonl = ok(&["replay", shown(&incident()), "--format", "jsonl"]);
    let findings = lines_of(&jsonl, "finding");
    let emergency = findings.iter().find(|f| f["rule"] == "emergency_mode").expect("it is found");
    let (first, last) = (emergency["time"].as_str().expect("a time"), emergency["last_seen"].as_str().expect("a time"));
    // nginx echoed from 08:47:10 until the release of 08:52:08; what its own pages were allowed later is no sign of it
    assert!(first.starts_with("2026-11-23T08:47:1") && last < "2026-11-23T08:52:09", "{emergency}");
}

#[test]
fn the_partner_who_did_nothing_wrong_is_accused_of_nothing() {
    let jsonl = ok(&["replay", shown(&incident()), "--format", "jsonl"]);
    for finding in lines_of(&jsonl, "finding") {
        let subject = finding["subject"].as_str().unwrap_or_default();
        let rule = finding["rule"].as_str().unwrap_or_default();
        let probing = ["origin_enumeration", "origin_reflection_test", "scanner_user_agent"].contains(&rule);
        assert!(probing || !subject.contains("pay.partner.test"), "{finding}");
    }
}

#[test]
fn the_report_from_the_database_tells_what_the_replay_told() {
    let folder = Folder::new();
    let db = folder.path("demo.db");
    ok(&["replay", shown(&incident()), "--db", shown(&db)]);
    let text = words(&ok(&["report", "--db", shown(&db)]));
    assert!(
        text.contains("Browsers refused 76 of 227 cross-origin transactions: 5 problems at 2 targets hit 9 clients"),
        "{text}"
    );
    for told in [
        "25 missing_allow_origin",
        "12 method_not_allowed",
        "12 header_not_allowed",
        "9 allow_origin_mismatch",
        "2 missing_allow_origin",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!(text.matches(" yes 201 ").count() + text.matches(" yes 200 ").count(), 8, "carried out");
    assert_eq!(text.matches(" maybe 502 ").count(), 17, "maybe carried out");
    let jsonl = ok(&["report", "--db", shown(&db), "--format", "jsonl"]);
    let counts = |kind: &str| -> Vec<u64> {
        lines_of(&jsonl, kind).iter().filter(|p| p["probing"] != true).filter_map(|p| p["count"].as_u64()).collect()
    };
    assert_eq!(counts("problem"), [25, 12, 12, 9, 2]);
    assert_eq!(lines_of(&jsonl, "carried_out").len(), 25);
    let replayed = lines_of(&ok(&["replay", shown(&incident()), "--format", "jsonl"]), "finding");
    assert_eq!(lines_of(&jsonl, "finding").len(), replayed.len());
    let html = ok(&["report", "--db", shown(&db), "--format", "html"]);
    for told in ["25</span><code>missing_allow_origin", "emergency_mode", "cached_for_other_origin", "203.0.113.66"] {
        assert!(html.contains(told), "{told}");
    }
}

/// Whatever was planted as a secret.
fn is_clean(what: &str, bytes: &[u8]) {
    let lower = bytes.to_ascii_lowercase();
    let at = lower.windows(6).position(|w| w == b"canary");
    let near =
        at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())]).into_owned());
    assert_eq!(near, None, "{what}");
}

#[test]
fn no_planted_secret_is_in_any_output() {
    let planted = fs::read(incident()).expect("the demo capture");
    assert!(planted.windows(6).any(|w| w == b"CANARY"), "the capture holds secrets to lose");
    let folder = Folder::new();
    let db = folder.path("secrets.db");
    let (capture, db_name) = (incident(), db.clone());
    let (capture, db_name) = (shown(&capture), shown(&db_name));
    for args in [
        &["replay", capture][..],
        &["replay", capture, "-v", "--all"],
        &["replay", capture, "--format", "jsonl", "--all", "--db", db_name],
        &["inspect", capture],
        &["inspect", capture, "--format", "jsonl"],
        &["report", "--db", db_name],
        &["report", "--db", db_name, "--format", "html"],
        &["report", "--db", db_name, "--format", "jsonl"],
    ] {
        let told = ok(args);
        // inspect shows request targets as sent: a person asked for the messages themselves
        let told = if args[0] == "inspect" { told.replace("token=CANARY", "token=") } else { told };
        is_clean(&format!("{args:?}"), told.as_bytes());
    }
    for file in fs::read_dir(&folder.0).expect("the folder") {
        let path = file.expect("a file").path();
        if path.is_file() {
            is_clean(&path.display().to_string(), &fs::read(&path).expect("readable"));
        }
    }
    let report = ok(&["report", "--db", db_name, "--format", "jsonl"]);
    let ids: Vec<Value> = [lines_of(&report, "problem"), lines_of(&report, "finding")].concat();
    let ids = ids.iter().filter_map(|line| line["evidence"][0].as_str());
    for id in ids {
        is_clean(id, ok(&["explain", id, "--db", db_name]).as_bytes());
    }
}
