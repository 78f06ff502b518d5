//! Rules on recorded traffic (`tests/data/findings`, `captures/incident.pcapng`): what has to be found, and nothing beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::catalog::{Rule, Severity};
use corstap::engine::Engine;
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::record::{Finding, FindingId, Sink, Transaction, TransactionId};
use serde::Deserialize;

#[derive(Default)]
struct Taken {
    findings: BTreeMap<FindingId, Finding>,
    transactions: BTreeSet<TransactionId>,
}

impl Sink for Taken {
    fn transaction(&mut self, transaction: &Arc<Transaction>) {
        self.transactions.insert(transaction.id);
    }
    fn finding(&mut self, finding: &Finding) {
        self.findings.insert(finding.id, finding.clone());
    }
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Replays until so many requests were read, or to the end.
fn replay(path: &Path, requests_max: u64) -> Taken {
    let mut feed = Feed::open(&[path.to_owned()], FeedOptions::default());
    let mut engine = Engine::new(&Limits::default(), &EngineOptions::default());
    let mut taken = Taken::default();
    while let Some(packet) = feed.next() {
        engine.on_packet(&packet, &mut taken);
        if engine.counters().requests >= requests_max {
            engine.flush(&mut taken);
            return taken;
        }
    }
    engine.finish(&mut taken);
    assert!(engine.counters().requests > 0, "{}", path.display());
    taken
}

fn data(name: &str) -> PathBuf {
    at(&format!("tests/data/findings/{name}.pcapng.zst"))
}

/// The worst severity of each rule, from medium on.
fn worst(taken: &Taken) -> BTreeMap<String, Severity> {
    let mut worst = BTreeMap::new();
    for finding in taken.findings.values().filter(|f| f.severity >= Severity::Medium) {
        let known = worst.entry(finding.rule.id().to_owned()).or_insert(finding.severity);
        *known = finding.severity.max(*known);
    }
    worst
}

#[test]
fn real_scanners_and_what_the_server_let_in_are_found_and_nothing_else() {
    let text = fs::read_to_string(at("tests/data/findings/expected.json")).expect("the expectations");
    let expected: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&text).expect("JSON");
    for (name, rules) in expected {
        let found: BTreeMap<String, String> =
            worst(&replay(&data(&name), u64::MAX)).into_iter().map(|(rule, s)| (rule, s.to_string())).collect();
        assert_eq!(found, rules, "{name}");
    }
}

#[test]
fn scanners_are_recognised_within_thirty_requests_and_their_kinds_named() {
    for (name, kinds) in [("corscanner-strict", "foreign-marker, prefix"), ("sorx-strict", "foreign-marker")] {
        let taken = replay(&data(name), 30);
        let of = |rule: Rule| taken.findings.values().find(|f| f.rule == rule);
        let test = of(Rule::OriginReflectionTest).unwrap_or_else(|| panic!("{name}: {:?}", taken.findings));
        assert!(test.detail.contains(kinds), "{name}: {}", test.detail);
        assert!(of(Rule::OriginEnumeration).is_some(), "{name}");
    }
}

#[derive(Deserialize)]
struct Must {
    rule: String,
    names: Vec<String>,
    severity: Vec<String>,
}

#[derive(Deserialize)]
struct Truth {
    must: Vec<Must>,
    may: Vec<String>,
}

#[test]
fn the_open_set_is_met_without_a_false_alarm() {
    assert!(meets_the_truth("open") >= 15);
}

#[test]
fn what_an_independent_set_found_stays_mended() {
    assert!(meets_the_truth("independent") >= 10);
}

/// Each capture of that folder has the findings that its truth demands, and no other of medium or above but those that may be.
fn meets_the_truth(folder: &str) -> usize {
    let folder = at(&format!("tests/data/findings/{folder}"));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder")
        .filter_map(|e| e.ok()?.file_name().to_str()?.strip_suffix(".truth.json").map(str::to_owned))
        .collect();
    names.sort();
    for name in &names {
        let text = fs::read_to_string(folder.join(format!("{name}.truth.json"))).expect("the truth");
        let truth: Truth = serde_json::from_str(&text).expect("JSON");
        let taken = replay(&folder.join(format!("{name}.pcap.zst")), u64::MAX);
        for must in &truth.must {
            let met = taken.findings.values().any(|f| {
                f.rule.id() == must.rule
                    && must.severity.iter().any(|s| s == f.severity.id())
                    && (must.names.is_empty() || must.names.iter().any(|n| f.subject.contains(n.as_str())))
            });
            assert!(met, "{name}: {} in {:?}", must.rule, worst(&taken));
        }
        for rule in worst(&taken).keys() {
            assert!(truth.may.contains(rule) || truth.must.iter().any(|m| m.rule == *rule), "{name}: {rule}");
        }
    }
    names.len()
}

#[test]
fn the_incident_has_the_findings_that_its_notes_list() {
    let taken = replay(&at("captures/incident.pcapng"), u64::MAX);
    let found: BTreeSet<(String, &str)> = taken
        .findings
        .values()
        .map(|f| {
            let host = ["api.shop.test", "cdn.shop.test", "pay.partner.test"].iter().find(|h| f.subject.contains(**h));
            (f.rule.to_string(), *host.unwrap_or_else(|| panic!("{}", f.subject)))
        })
        .collect();
    let listed = |host: &'static str, rules: &[&str]| rules.iter().map(|r| ((*r).to_owned(), host)).collect::<Vec<_>>();
    let mut expected: BTreeSet<(String, &str)> = BTreeSet::new();
    expected.extend(listed(
        "api.shop.test",
        &[
            "allow_lists_disagree",
            "blocked_after_effect",
            "cors_missing_on_errors",
            "credential_target",
            "emergency_mode",
            "headers_too_broad",
            "http_origin_trusted",
            "missing_vary_origin",
            "null_origin_allowed",
            "origin_enumeration",
            "origin_reflected_credentials",
            "origin_reflection_test",
            "vary_origin_unstable",
            "wildcard_on_authorised",
            "wildcard_with_acac",
        ],
    ));
    expected.extend(listed(
        "cdn.shop.test",
        &[
            "cached_acao_mismatch",
            "missing_vary_origin",
            "origin_enumeration",
            "origin_reflection_test",
            "vary_origin_unstable",
        ],
    ));
    expected.extend(listed("pay.partner.test", &["origin_enumeration", "origin_reflection_test"]));
    assert_eq!(found, expected);
    for finding in taken.findings.values() {
        assert!(!finding.detail.contains("CANARY") && !finding.subject.contains("CANARY"), "{}", finding.detail);
    }
}
