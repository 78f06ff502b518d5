//! The catalogue seen from outside: its document is current, `explain` tells every id, and refuses others by name.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use corstap::report::explain::Entry;
use corstap::report::handbook;

#[test]
fn the_document_is_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    let text = handbook::markdown();
    if std::env::var_os("CORSTAP_BLESS").is_some_and(|v| v == "1") {
        fs::write(&path, &text).expect("docs/reasons.md can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/reasons.md is out of date: CORSTAP_BLESS=1 cargo test --test catalog");
}

fn explain(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_corstap")).arg("explain").args(args).output().expect("corstap runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit status"), text(stdout), text(stderr))
}

#[test]
fn without_an_id_all_of_the_catalogue_is_listed() {
    let (status, out, err) = explain(&[]);
    assert_eq!((status, &*err), (0, ""));
    let missing: Vec<&str> = Entry::all().map(Entry::id).filter(|id| !out.contains(&format!("  {id} "))).collect();
    assert!(missing.is_empty(), "not listed: {missing:?}");
    let (status, out, _) = explain(&["--format", "jsonl"]);
    assert_eq!(status, 0);
    let ids: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("one object a line")["id"].to_string())
        .collect();
    assert_eq!(ids, Entry::all().map(|e| format!("\"{}\"", e.id())).collect::<Vec<_>>());
}

#[test]
fn a_reason_tells_browsers_words_causes_and_each_stacks_lines() {
    let (status, out, _) = explain(&["header_not_allowed"]);
    assert_eq!(status, 0);
    for word in [
        "HeaderDisallowedByPreflightResponse",
        "CORSMissingAllowHeaderFromPreflight",
        "header_not_listed",
        "CORS_ALLOW_HEADERS",
        "allowedHeaders:",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn a_cause_that_is_also_a_rule_is_told_as_both() {
    let (status, out, _) = explain(&["preflight_redirected"]);
    assert_eq!(status, 0);
    assert!(out.contains("audit rule") && out.contains("cause, mended"), "{out}");
}

#[test]
fn an_unknown_id_is_refused_with_those_most_like_it() {
    let (status, out, err) = explain(&["missing_allow_orgin"]);
    assert_eq!((status, &*out), (2, ""));
    assert!(err.contains("did you mean missing_allow_origin"), "{err}");
    assert_eq!(explain(&["xyzzy"]).0, 2);
    let (status, _, err) = explain(&["\u{1b}[31m"]);
    assert_eq!(status, 2);
    assert!(!err.contains('\u{1b}'), "{err}");
}

#[test]
fn a_recorded_id_wants_its_database() {
    let (status, _, err) = explain(&["T0000000000000"]);
    assert_eq!(status, 2);
    assert!(err.contains("--db"), "{err}");
    let (status, _, err) = explain(&["T0000000000000", "--db", "no-such-file.db"]);
    assert_eq!(status, 2);
    assert!(err.contains("no-such-file.db"), "{err}");
}

/// A transaction and a finding of the demo incident, as they were recorded.
#[test]
fn a_recorded_transaction_is_shown_with_its_headers_and_no_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let db = std::env::temp_dir().join(format!("corstap-explain-{}.db", std::process::id()));
    let replay = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["replay", "--format", "jsonl", "--db"])
        .arg(&db)
        .arg(root.join("captures/incident.pcapng"))
        .output()
        .expect("corstap runs");
    let out = String::from_utf8(replay.stdout).expect("UTF-8");
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let id_of = |wanted: &dyn Fn(&serde_json::Value) -> bool| {
        lines.iter().find(|t| wanted(t)).map(|t| t["id"].as_str().expect("an id").to_owned())
    };
    let db_arg = db.to_str().expect("a plain path");
    let id = id_of(&|t| t["cause"] == "cors_after_router" && t["preflight_state"] == "sent").expect("such a refusal");
    let (status, text, _) = explain(&[&id, "--db", db_arg]);
    assert_eq!(status, 0);
    for word in [
        "✘ blocked: missing_allow_origin",
        "✔ allowed",
        "Access-Control-Allow-Methods:",
        "No 'Access-Control-Allow-Origin' header",
        "Run CORS before the routes",
        "taken: ",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let (status, line, _) = explain(&[&id, "--db", db_arg, "--format", "jsonl"]);
    assert_eq!(status, 0);
    let object: serde_json::Value = serde_json::from_str(&line).expect("an object");
    assert_eq!((&object["type"], &object["id"]), (&"transaction".into(), &id.as_str().into()));
    assert!(!text.contains("CANARY") && !line.contains("CANARY"));
    if let Some(id) = id_of(&|t| t["type"] == "finding") {
        let (status, text, _) = explain(&[&id, "--db", db_arg]);
        assert_eq!(status, 0);
        assert!(text.contains("fires when") && text.contains("evidence"), "{text}");
    }
    for end in ["", "-wal", "-shm"] {
        drop(fs::remove_file(format!("{db_arg}{end}")));
    }
}
