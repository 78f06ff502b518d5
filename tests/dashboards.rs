//! Rules, alerts and dashboards: what promtool says, and that each alert can be understood, tested and looked up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files in a folder of that ending, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(project(folder))
        .expect("a readable folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "nothing ends in {ending} in {folder}");
    found
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let said = Command::new("promtool")
        .args(arguments)
        .args(files)
        .output()
        .expect("this test needs promtool: scripts/setup.sh test installs it");
    let text = [said.stdout, said.stderr].concat();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// One alert of the rule file, with its lines.
struct Alert {
    name: String,
    lines: Vec<String>,
}

impl Alert {
    fn all() -> Vec<Alert> {
        let mut alerts: Vec<Alert> = Vec::new();
        for line in read("dashboards/corstap.rules.yml").lines() {
            if let Some(name) = line.trim().strip_prefix("- alert: ") {
                alerts.push(Alert { name: name.into(), lines: Vec::new() });
            } else if let Some(alert) = alerts.last_mut() {
                alert.lines.push(line.trim().into());
            }
        }
        assert!(alerts.len() > 15, "the file was not understood");
        alerts
    }

    /// The value of a key, folded text in one line.
    fn value(&self, key: &str) -> String {
        let at = self.lines.iter().position(|line| line.starts_with(&format!("{key}:")));
        let at = at.unwrap_or_else(|| panic!("{} has no {key}", self.name));
        let first = self.lines[at].split_once(':').expect("a key ends in a colon").1.trim().to_string();
        if first != ">-" && first != "|" {
            return first;
        }
        let more = self.lines[at + 1..].iter().take_while(|line| !line.split(' ').next().unwrap_or("").ends_with(':'));
        more.cloned().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn promtool_accepts_and_tests_the_rules() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &[project("dashboards/corstap.rules.yml")]);
    promtool(&["check", "config"], &[project("dashboards/prometheus.yml")]);
    promtool(&["test", "rules"], &files("dashboards/tests", ".yml"));
}

#[test]
fn each_alert_says_how_bad_it_is_what_it_saw_and_where_to_read_on() {
    let runbook = read("docs/runbook.md");
    for alert in Alert::all() {
        let name = &alert.name;
        assert!(name.starts_with("Corstap") && name.chars().all(|c| c.is_ascii_alphabetic()), "{name}");
        assert!(["critical", "warning", "info"].contains(&alert.value("severity").as_str()), "{name}");
        let (summary, description) = (alert.value("summary"), alert.value("description"));
        assert!(summary.len() < 100 && !summary.contains("{{") && summary.ends_with('.'), "{name}: {summary}");
        assert!(description.contains("{{ $labels.instance }}") || description.contains("{{ $value"), "{name}");
        assert_eq!(alert.value("runbook_url"), format!("docs/runbook.md#{}", name.to_lowercase()));
        let section = runbook.split("\n### ").find(|section| section.lines().next() == Some(name));
        let section = section.unwrap_or_else(|| panic!("the runbook has no section {name}"));
        for part in ["**Means.**", "**Look.**", "**Mend.**"] {
            assert!(section.contains(part), "{name} lacks {part}");
        }
    }
}

#[test]
fn each_alert_is_tested_firing_and_silent() {
    let tests: String = files("dashboards/tests", ".yml").iter().map(|p| fs::read_to_string(p).unwrap()).collect();
    for alert in Alert::all() {
        let asked = format!("alertname=\"{}\"", alert.name);
        let expectations: Vec<&str> = tests.split("- expr: ").filter(|part| part.contains(&asked)).collect();
        let silent = expectations.iter().any(|part| part.contains("exp_samples: []"));
        // A test that lists which of several instances fires says of the others that they do not.
        let several =
            tests.split("- name: ").filter(|t| t.contains(&asked)).any(|t| t.matches("- series: ").count() > 1);
        let firing = expectations.iter().any(|part| part.contains("value: 1") && part.contains("firing"));
        assert!(firing && (silent || several), "{}: firing {firing}, silent {silent}", alert.name);
    }
}

/// Words of a text that look like a metric of ours, without the parts that a histogram adds.
fn metrics_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.starts_with("corstap_") && !word.contains(':'))
        .map(|word| {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| word.strip_suffix(part));
            base.unwrap_or(word).to_string()
        })
        .collect()
}

#[test]
fn rules_and_dashboards_ask_only_for_metrics_that_there_are() {
    let there = metrics_in(&read("docs/metrics.md"));
    let mut asking = files("dashboards/tests", ".yml");
    asking.push(project("dashboards/corstap.rules.yml"));
    for path in asking {
        let asked = metrics_in(&fs::read_to_string(&path).unwrap());
        let unknown: Vec<_> = asked.difference(&there).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
    }
}

/// A dashboard as Grafana reads it.
struct Board {
    name: String,
    json: serde_json::Value,
}

impl Board {
    fn all() -> Vec<Board> {
        let boards: Vec<Board> = files("dashboards/grafana", ".json")
            .iter()
            .map(|path| Board {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                json: serde_json::from_str(&fs::read_to_string(path).unwrap()).expect("a dashboard is JSON"),
            })
            .collect();
        assert_eq!(boards.len(), 4);
        boards
    }

    /// Panels that show something.
    fn panels(&self) -> Vec<&serde_json::Value> {
        self.json["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect()
    }

    fn text<'a>(&self, value: &'a serde_json::Value, key: &str) -> &'a str {
        let text = value[key].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{}: {} has no {key}", self.name, value["title"]);
        text
    }
}

/// After the rules of Grafana's dashboard-linter: template-*, panel-*, uneditable.
#[test]
fn dashboards_have_variables_titles_units_and_descriptions() {
    let mut uids = BTreeSet::new();
    for board in Board::all() {
        let (name, json) = (&board.name, &board.json);
        assert!(uids.insert(board.text(json, "uid").to_string()), "{name}: its uid is taken");
        assert_eq!((&json["editable"], &json["timezone"]), (&false.into(), &"utc".into()), "{name}");
        assert!(json["schemaVersion"].as_u64().is_some_and(|version| version >= 39), "{name}");
        let variables = json["templating"]["list"].as_array().unwrap();
        let variable = |wanted: &str| variables.iter().find(|v| v["name"] == wanted);
        assert_eq!(variable("datasource").unwrap()["query"], "prometheus", "{name}");
        for wanted in ["job", "instance"].iter().chain((name == "target.json").then_some(&"target")) {
            let found = variable(wanted).unwrap_or_else(|| panic!("{name} has no variable {wanted}"));
            assert_eq!((&found["refresh"], &found["multi"]), (&2.into(), &true.into()), "{name}: {wanted}");
            assert_eq!(found["datasource"]["uid"], "$datasource", "{name}: {wanted}");
            board.text(found, "label");
        }
        let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in json["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64()), "{name}: {} has another's id", panel["title"]);
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{name}: {} is too wide", panel["title"]);
            for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
                assert!(taken.insert((x, y)), "{name}: {} covers another panel", panel["title"]);
            }
        }
        for panel in board.panels() {
            let title = board.text(panel, "title");
            assert!(titles.insert(title.to_string()), "{name}: two panels {title}");
            assert!(board.text(panel, "description").ends_with('.'), "{name}: {title}");
            board.text(&panel["fieldConfig"]["defaults"], "unit");
            assert_eq!(panel["datasource"]["uid"], "$datasource", "{name}: {title}");
        }
    }
    for board in Board::all() {
        for link in board.json["links"].as_array().unwrap() {
            let uid = board.text(link, "url").strip_prefix("/d/").unwrap();
            assert!(uids.contains(uid), "{} links to {uid}", board.name);
        }
    }
}

/// After the linter's target-* rules.
#[test]
fn dashboard_queries_keep_to_the_variables_and_take_rates_of_counters() {
    let documented = metrics_in(&read("docs/metrics.md"));
    for board in Board::all() {
        for panel in board.panels() {
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{}: {} asks nothing", board.name, panel["title"]);
            for target in targets {
                let expr = board.text(target, "expr");
                let shown = format!("{}: {}: {expr}", board.name, panel["title"]);
                if panel["type"] != "table" {
                    board.text(target, "legendFormat");
                }
                assert_eq!(target["datasource"]["uid"], "$datasource", "{shown}");
                let unknown: Vec<_> = metrics_in(expr).difference(&documented).cloned().collect();
                assert!(unknown.is_empty(), "{shown}: {unknown:?}");
                for (at, _) in expr.match_indices('{') {
                    let selector = expr[at..].split('}').next().unwrap();
                    assert!(
                        selector.contains("job=~\"$job\"") && selector.contains("instance=~\"$instance\""),
                        "{shown}"
                    );
                    let before = &expr[..at];
                    let metric: String =
                        before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    let metric: String = metric.chars().rev().collect();
                    let call = before[..before.len() - metric.len()].trim_end();
                    let is_counter = ["_total", "_bucket", "_sum", "_count"].iter().any(|end| metric.ends_with(end));
                    let has_rate = call.ends_with("rate(") || call.ends_with("increase(");
                    assert_eq!(is_counter, has_rate, "{shown}: {metric}");
                }
                for window in expr.split('[').skip(1).map(|rest| rest.split(']').next().unwrap()) {
                    assert!(["$__rate_interval", "$__range"].contains(&window), "{shown}: {window}");
                }
                assert_eq!(expr.matches('(').count(), expr.matches(')').count(), "{shown}");
            }
        }
    }
}
