//! What a scrape shows of what was recorded.

use std::process::{Command, Stdio};

use super::tallies::REJECTION_SERIES_MAX;
use super::*;
use crate::catalog::{Cause, Reason};
use crate::record::{Phase, Site, Verdict};
use crate::store::tests::{finding, store_status, transaction};

/// Transactions `n` of that verdict, each changed, and the scrape afterwards.
fn scrape(site: &SiteOptions, verdict: Verdict, n: i64, change: impl Fn(i64, &mut Transaction)) -> String {
    let (mut recorder, metrics) = Metrics::new(site, None);
    for nth in 0..n {
        let mut t = transaction(nth, verdict);
        change(nth, &mut t);
        recorder.on_transaction(&t);
    }
    publish(&mut recorder, &metrics);
    metrics.scrape().unwrap()
}

fn publish(recorder: &mut Recorder, metrics: &Metrics) {
    let interfaces =
        vec![InterfaceState { name: "lo".into(), last_packet: Some(Time(SECOND)), ..InterfaceState::default() }];
    let tallies = recorder.tallies(Time(0));
    metrics.published().publish(Snapshot { counters: Counters::default(), tallies, interfaces });
}

fn value(scrape: &str, series: &str) -> Option<String> {
    scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_string))
}

fn series(scrape: &str, prefix: &str) -> usize {
    scrape.lines().filter(|line| line.starts_with(prefix)).count()
}

#[test]
fn a_rejection_is_counted_under_its_labels() {
    let site = SiteOptions { origins: vec!["http://app.one.test:18001".into()], ..SiteOptions::default() };
    let text = scrape(&site, Verdict::Blocked, 2, |_, t| t.blocked_after_effect = true);
    for (series, expected) in [
        (
            "corstap_rejections_total{reason=\"missing_allow_origin\",phase=\"actual\",\
             target_origin=\"http://api.two.test:18002\",origin=\"http://app.one.test:18001\"}",
            "2",
        ),
        (
            "corstap_rejections_total{reason=\"preflight_status\",phase=\"preflight\",target_origin=\"other\",origin=\"other\"}",
            "0",
        ),
        ("corstap_rejection_causes_total{cause=\"upstream_down\",target_origin=\"http://api.two.test:18002\"}", "2"),
        ("corstap_blocked_after_effect_total{target_origin=\"http://api.two.test:18002\"}", "2"),
        ("corstap_transactions_total{verdict=\"blocked\",site=\"cross_site\"}", "2"),
        ("corstap_transactions_total{verdict=\"allowed\",site=\"same_site\"}", "0"),
        ("corstap_preflights_total{verdict=\"allowed\"}", "2"),
        ("corstap_actual_duration_seconds_count", "2"),
        ("corstap_label_overflow_total{label=\"origin\"}", "0"),
        ("corstap_packets_lost_total{interface=\"lo\",cause=\"kernel\"}", "0"),
    ] {
        assert_eq!(value(&text, series).as_deref(), Some(expected), "{series} in\n{text}");
    }
}

#[test]
fn targets_need_an_answer_below_400_and_origins_an_allowance() {
    let text = scrape(&SiteOptions::default(), Verdict::Blocked, 3, |_, t| t.preflight = None);
    assert!(!text.contains("api.two.test") && !text.contains("app.one.test"), "{text}");
    assert_eq!(value(&text, "corstap_label_overflow_total{label=\"target_origin\"}").as_deref(), Some("3"));
    assert_eq!(value(&text, "corstap_label_overflow_total{label=\"origin\"}").as_deref(), Some("3"));
}

/// A scrape with every family in it: an interface that exists, a store, a database, a finding.
fn full() -> (Recorder, Metrics) {
    let (mut recorder, metrics) = Metrics::new(&SiteOptions::default(), Some(store_status()));
    let metrics = metrics.with_events(Some(Arc::default()));
    recorder.on_transaction(&transaction(1, Verdict::Blocked));
    recorder.on_finding(&finding(0, 1, 1, &[]));
    // Any file that is there has a size; SQLite's second one is not there.
    let metrics = metrics
        .with_events(Some(Arc::default()))
        .with_database(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))));
    publish(&mut recorder, &metrics);
    (recorder, metrics)
}

#[test]
fn strangers_do_not_grow_the_scrape() {
    let (mut recorder, metrics) = full();
    let reasons: Vec<(Reason, Phase)> =
        Reason::ALL.iter().flat_map(|reason| tallies::phases(*reason).iter().map(|phase| (*reason, *phase))).collect();
    let mut blocked = 1;
    for nth in 0..100_000_i64 {
        let at = usize::try_from(nth).unwrap();
        let verdict = Verdict::ALL[at % 3];
        let mut t = transaction(nth, verdict);
        t.target_origin = format!("http://host-{nth}.test").into();
        t.origin = Some(format!("http://evil-{nth}.test").into());
        t.path = format!("/{nth}").into();
        t.site = Site::ALL[at % Site::ALL.len()];
        if verdict == Verdict::Blocked {
            blocked += 1;
            let (reason, phase) = reasons[at / 3 % reasons.len()];
            (t.reason, t.phase) = (Some(reason), Some(phase));
            t.cause = Some(Cause::ALL[at / 3 % Cause::ALL.len()]);
            t.blocked_after_effect = true;
            // Those that did get a label, in every combination.
            t.target_origin = format!("http://host-{}.test", at / 7 % 96).into();
            t.origin = Some(format!("http://evil-{}.test", at / 11 % 96).into());
        }
        recorder.on_transaction(&t);
        let mut f = finding(0, 1, 1, &[]);
        f.id = FindingId(u64::try_from(nth).unwrap());
        f.rule = Rule::ALL[at % Rule::ALL.len()];
        f.severity = Severity::ALL[at / Rule::ALL.len() % Severity::ALL.len()];
        recorder.on_finding(&f);
    }
    publish(&mut recorder, &metrics);
    let text = metrics.scrape().unwrap();
    let all = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(all < 2000, "{all} series");
    assert!(series(&text, "corstap_rejections_total{") > 900, "the test should fill the series it checks");
    assert!(series(&text, "corstap_rejections_total{") <= REJECTION_SERIES_MAX);
    for family in
        ["corstap_rejections_total{", "corstap_rejection_causes_total{", "corstap_blocked_after_effect_total{"]
    {
        let sum: u64 = text
            .lines()
            .filter(|line| line.starts_with(family))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        let expected = if family.contains("effect") { blocked - 1 } else { blocked };
        assert_eq!(sum, expected, "{family}");
    }
    for label in ["target_origin", "origin", "rejections", "causes", "findings"] {
        let overflow = value(&text, &format!("corstap_label_overflow_total{{label=\"{label}\"}}"));
        assert!(overflow.as_deref().is_some_and(|n| n != "0"), "{label}: {overflow:?}");
    }
}

#[test]
fn the_full_series_cap_folds_into_other() {
    let listed = |what: &str, n: usize| (0..n).map(|i| format!("http://{what}{i}.test")).collect::<Vec<_>>();
    let site = SiteOptions { origins: listed("o", 40), targets: listed("t", 40), ..SiteOptions::default() };
    let text = scrape(&site, Verdict::Blocked, 1600, |n, t| {
        t.target_origin = format!("http://t{}.test", n / 40).into();
        t.origin = Some(format!("http://o{}.test", n % 40).into());
    });
    assert_eq!(series(&text, "corstap_rejections_total{"), REJECTION_SERIES_MAX);
    assert!(value(&text, "corstap_label_overflow_total{label=\"rejections\"}").is_some_and(|n| n != "0"));
}

/// What promtool says of a scrape; nothing when all is well.
fn promtool(text: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs promtool: scripts/setup.sh test installs it");
    std::io::Write::write_all(promtool.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()
}

#[test]
fn promtool_has_nothing_to_say() {
    let (_recorder, metrics) = full();
    assert_eq!(promtool(&metrics.scrape().unwrap()), "");
    assert!(promtool("# TYPE corstap_x counter\ncorstap_x 1\n").contains("_total"), "promtool does look");
}

#[test]
fn a_failed_reload_shows_until_one_succeeds() {
    let (_recorder, metrics) = full();
    let reloads = Arc::clone(metrics.reloads());
    let shown = |name| value(&metrics.scrape().unwrap(), name);
    reloads.on_reload(true, Time(5 * SECOND));
    reloads.on_reload(false, Time(9 * SECOND));
    assert_eq!(shown("corstap_config_last_reload_successful").as_deref(), Some("0"));
    assert_eq!(shown("corstap_config_last_reload_success_timestamp_seconds").as_deref(), Some("5"));
    reloads.on_reload(true, Time(11 * SECOND));
    assert_eq!(shown("corstap_config_last_reload_successful").as_deref(), Some("1"));
    assert_eq!(shown("corstap_config_last_reload_success_timestamp_seconds").as_deref(), Some("11"));
}

#[test]
fn a_target_begins_at_zero_under_every_verdict() {
    let text = scrape(&SiteOptions::default(), Verdict::Allowed, 1, |_, _| {});
    for (verdict, n) in [("allowed", "1"), ("blocked", "0"), ("undecided", "0")] {
        let series = format!(
            "corstap_target_transactions_total{{target_origin=\"http://api.two.test:18002\",verdict=\"{verdict}\"}}"
        );
        assert_eq!(value(&text, &series).as_deref(), Some(n), "{text}");
    }
    let after_effect = "corstap_blocked_after_effect_total{target_origin=\"http://api.two.test:18002\"}";
    assert_eq!(value(&text, after_effect).as_deref(), Some("0"));
}

/// Name, type, labels and help of each family in a scrape.
fn families_of(scrape: &str) -> Vec<(String, String, Vec<String>, String)> {
    let mut found: Vec<(String, String, Vec<String>, String)> = Vec::new();
    for line in scrape.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            found.push((name.into(), String::new(), Vec::new(), help.into()));
        } else if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            found.last_mut().unwrap().1 = kind.into();
        } else if let Some((_, labels)) = line.split_once('{') {
            let family = found.last_mut().unwrap();
            for label in labels.split("\",").filter_map(|pair| pair.split_once('=')).map(|(name, _)| name) {
                if label != "le" && !family.2.iter().any(|known| known == label) {
                    family.2.push(label.into());
                }
            }
        }
    }
    found.sort();
    found
}

/// Every name that the documents, dashboards and alerts use comes from here. `CORSTAP_BLESS=1` writes the file anew.
#[test]
fn the_documents_list_every_metric() {
    use std::fmt::Write as _;
    let (_recorder, metrics) = full();
    let mut table = String::from("| name | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for (name, kind, labels, help) in families_of(&metrics.scrape().unwrap()) {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("<!-- table -->\n").expect("the file marks where the table begins");
    let (listed, after) = rest.split_once("<!-- end of table -->").expect("the file marks where the table ends");
    if std::env::var_os("CORSTAP_BLESS").is_some() {
        std::fs::write(path, format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}")).unwrap();
    } else {
        assert_eq!(listed, table, "docs/metrics.md is not current: run the tests with CORSTAP_BLESS=1");
    }
}

/// Each cap names the series that tells when it was hit, and the scrape has that series.
#[test]
fn every_limit_has_its_metric() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/limits.rs")).unwrap();
    let (_recorder, metrics) = full();
    let scrape = metrics.scrape().unwrap();
    let mut help = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            help.push_str(more);
        } else if let Some(field) = line.strip_prefix("pub ").filter(|f| f.contains(": ") && f.ends_with(',')) {
            let named: Vec<&str> = help.split('`').filter(|word| word.starts_with("corstap_")).collect();
            assert!(!named.is_empty(), "no metric tells when {field} was hit");
            for series in named {
                assert!(scrape.contains(&format!("\n{series} ")), "{field} {series} is not in the scrape");
            }
            help.clear();
        } else {
            help.clear();
        }
    }
}
