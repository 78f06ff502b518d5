//! `corstap compare` on traffic of real browsers through real boxes, held against what each box was told to do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/compare").join(name)
}

/// The lines that a comparison prints.
fn compare(front: &Path, back: &Path, flags: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["compare", "--format", "jsonl"])
        .args(flags)
        .args([front, back])
        .output()
        .expect("corstap runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// What a box that behaves so does to which field.
fn expected(behaviour: &str) -> (Option<&'static str>, &'static [&'static str]) {
    const ACAO: Option<&str> = Some("access-control-allow-origin");
    match behaviour {
        "strip_acao" => (ACAO, &["stripped"]),
        "strip_acac" => (Some("access-control-allow-credentials"), &["stripped"]),
        "strip_vary" => (Some("vary"), &["stripped"]),
        "dup_acao" => (ACAO, &["doubled", "added"]),
        "options_200" | "options_204_good" | "options_403" | "options_405" | "error_502" => {
            (None, &["answered_itself"])
        }
        "cache_no_vary" => (None, &["served_for_other_origin"]),
        _ => (None, &[]),
    }
}

/// Why what was said of one labelled attempt is wrong; none where it is right.
fn wrong(label: &Value, said: &[&Value]) -> Option<String> {
    let changes: Vec<&Value> = said.iter().flat_map(|e| e["changes"].as_array().into_iter().flatten()).collect();
    let blocking: Vec<&&Value> =
        changes.iter().filter(|c| matches!(text(c, "verdict_impact"), "blocks" | "may_block")).collect();
    let faults: Vec<&str> = said.iter().filter_map(|e| e["fault"].as_str()).collect();
    let (field, whats) = expected(text(label, "behaviour"));
    let named = |c: &Value| whats.contains(&text(c, "what")) && field.is_none_or(|f| f == text(c, "field"));
    if let Some(other) = changes.iter().find(|c| !named(c)) {
        return Some(format!("said, though the box does no such thing: {other}"));
    }
    let right = match text(label, "fault") {
        "box" => faults == ["between"] && blocking.iter().any(|c| text(c, "side") == "between"),
        "origin" => {
            let blames_cache = text(label, "behaviour") == "cache_no_vary";
            faults == ["origin"]
                && blocking.iter().all(|c| text(c, "side") == "origin" && text(c, "field") == "vary")
                && blocking.is_empty() != blames_cache
        }
        _ => faults.is_empty() && blocking.is_empty(),
    };
    (!right).then(|| format!("faults {faults:?}, changes {changes:?}"))
}

/// What was said of each labelled attempt, and what of it is wrong.
fn mistakes(browser: &str, lines: &[Value], all_are_there: bool) -> (usize, Vec<String>) {
    let mut said: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for line in lines.iter().filter(|l| l["type"] == "exchange") {
        said.entry((text(line, "path"), text(line, "origin"))).or_default().push(line);
    }
    let labels = std::fs::read_to_string(data(&format!("T4-{browser}.labels.jsonl"))).expect("labels");
    let labels: Vec<Value> = labels.lines().map(|l| serde_json::from_str(l).expect("a label")).collect();
    assert_eq!(labels.len(), 184);
    let (mut judged, mut mistakes) = (0, Vec::new());
    for label in &labels {
        let Some(said) = said.get(&(text(label, "path"), text(label, "page_origin"))) else {
            assert!(!all_are_there, "{} is not there", text(label, "path"));
            continue;
        };
        judged += 1;
        mistakes.extend(wrong(label, said).map(|why| format!("{label}: {why}")));
    }
    (judged, mistakes)
}

#[test]
fn each_labelled_case_has_its_side_and_field_and_untouched_ones_none() {
    for browser in ["chromium", "firefox"] {
        let side = |side: &str| data(&format!("T4-{browser}-{side}.pcap.zst"));
        let lines = compare(&side("front"), &side("back"), &["--all"]);
        let (judged, mistakes) = mistakes(browser, &lines, true);
        assert_eq!(judged, 184);
        assert!(mistakes.is_empty(), "{browser}: {} wrong:\n{}", mistakes.len(), mistakes.join("\n"));
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("corstap-compare-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_database_in_front_explains_its_refusals() {
    let folder = Folder::new("database");
    let db = folder.0.join("front.db");
    let front = data("T4-chromium-front.pcap.zst");
    let replayed = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["replay", "--format", "jsonl", "--db"])
        .args([&db, &front])
        .output()
        .expect("corstap runs");
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let lines = compare(&db, &data("T4-chromium-back.pcap.zst"), &["--all"]);
    let (judged, mistakes) = mistakes("chromium", &lines, false);
    assert!(judged >= 100, "{judged}");
    assert!(mistakes.is_empty(), "{} of {judged} wrong:\n{}", mistakes.len(), mistakes.join("\n"));
    // Of the server's side a database knows the refusals, and counts: nothing sure is said of what passed there.
    let back = folder.0.join("back.db");
    let replayed = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["replay", "--format", "jsonl", "--db"])
        .args([&back, &data("T4-chromium-back.pcap.zst")])
        .output()
        .expect("corstap runs");
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let lines = compare(&front, &back, &[]);
    let guessed = lines.iter().filter(|l| l["type"] == "difference" && l["back"].is_null() && l["what"] == "changed");
    assert!(guessed.clone().count() > 0 && guessed.clone().all(|l| l["confidence"] == "possible"), "{lines:?}");
}

#[test]
fn a_clock_that_is_minutes_off_changes_nothing() {
    let folder = Folder::new("clock");
    let packed = data("T4-firefox-back.pcap.zst");
    let (plain, late) = (folder.0.join("plain.pcap"), folder.0.join("late.pcap"));
    let run = |program: &str, args: &[&Path]| {
        let done = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    };
    run("zstd", &[Path::new("-qd"), &packed, Path::new("-o"), &plain]);
    run("editcap", &[Path::new("-t"), Path::new("217.25"), &plain, &late]);
    let lines = compare(&data("T4-firefox-front.pcap.zst"), &late, &["--all"]);
    let (_, mistakes) = mistakes("firefox", &lines, true);
    assert!(mistakes.is_empty(), "{} wrong:\n{}", mistakes.len(), mistakes.join("\n"));
    let ahead_us = lines.last().expect("a summary")["clock_ahead_us"].as_i64().expect("a number");
    assert!((217_200_000..217_400_000).contains(&ahead_us), "{ahead_us}");
}

#[test]
fn differences_cite_both_sides() {
    let lines = compare(&data("T4-chromium-front.pcap.zst"), &data("T4-chromium-back.pcap.zst"), &[]);
    let stripped = lines
        .iter()
        .find(|l| l["type"] == "difference" && l["what"] == "stripped" && l["field"] == "access-control-allow-origin")
        .expect("a stripped field");
    assert_eq!(stripped["side"], "between");
    assert_eq!(stripped["confidence"], "certain");
    let first = &stripped["evidence"][0];
    assert!(text(first, "front").starts_with('T') && text(first, "back").starts_with('T'), "{first}");
    assert!(text(first, "front_time") < text(first, "back_time"), "{first}");
    let last = lines.last().expect("a summary");
    assert_eq!(last["type"], "summary");
    assert_eq!(last["refused"]["unknown"], 0);
}

#[test]
fn a_capture_held_against_itself_shows_nothing() {
    let front = data("T4-firefox-front.pcap.zst");
    let lines = compare(&front, &front, &[]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["changed"], 0);
}

#[test]
fn another_site_behind_is_no_evidence() {
    // What the other side cannot have seen is counted, not claimed.
    let lines = compare(&data("T4-chromium-front.pcap.zst"), Path::new("captures/incident.pcapng"), &[]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["not_covered"], lines[0]["exchanges"]);
}

/// What real boxes, each wrong in one way of the infrastructure checklist, did between Chromium and a server that does all right:
/// recorded by tests/compare/record.py.
#[test]
fn each_real_box_is_named_with_its_field() {
    const ACAO: &str = "access-control-allow-origin";
    for (name, says, expected) in [
        // adds CORS of its own
        ("nginx", "nginx/1.22.1", &[("GET", ACAO, "doubled", "blocks"), ("OPTIONS", ACAO, "doubled", "blocks")][..]),
        // lets only "our" methods through
        ("haproxy", "", &[("OPTIONS", ACAO, "answered_itself", "blocks")]),
        // drops Vary, and so serves one page's answer to another
        (
            "varnish",
            "1.1 varnish (Varnish/7.1)",
            &[
                ("GET", ACAO, "served_for_other_origin", "blocks"),
                ("GET", "vary", "stripped", "none"),
                ("OPTIONS", "vary", "stripped", "none"),
                ("PUT", "vary", "stripped", "none"),
            ],
        ),
        // has the origins of the release before
        ("caddy", "Caddy", &[("GET", ACAO, "changed", "blocks"), ("OPTIONS", ACAO, "changed", "blocks")]),
    ] {
        let side = |side: &str| data(&format!("box-{name}-{side}.pcapng.zst"));
        let lines = compare(&side("front"), &side("back"), &[]);
        let mut found: Vec<(&str, &str, &str, &str)> = Vec::new();
        for line in lines.iter().filter(|l| l["type"] == "difference") {
            assert_eq!(line["side"], "between", "{name}: {line}");
            assert_eq!(text(line, "box_says"), says, "{name}: {line}");
            found.push((text(line, "method"), text(line, "field"), text(line, "what"), text(line, "verdict_impact")));
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, expected, "{name}");
        let refused = &lines.last().expect("a summary")["refused"];
        assert_eq!((&refused["origin"], &refused["unknown"]), (&0.into(), &0.into()), "{name}");
        assert!(lines.iter().all(|l| !l.to_string().contains("CANARY")), "{name} shows a query value");
    }
}
