//! `replay --openmetrics`: a real Prometheus shows the past incident, under the rules and dashboards that watch the present.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const INCIDENT: &str = "captures/incident.pcapng";
/// The incident's first and last step.
const FROM: u64 = 1_795_423_260;
const TO: u64 = 1_795_424_220;

/// A directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("corstap-openmetrics-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn project(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().expect("a path").to_owned()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The incident's metrics, and the summary of the same replay.
fn incident(folder: &Folder) -> (String, Value) {
    let file = folder.path("incident.om");
    let lines = run(env!("CARGO_BIN_EXE_corstap"), &["replay", INCIDENT, "--format", "jsonl", "--openmetrics", &file]);
    let summary = serde_json::from_str(lines.lines().last().expect("a summary")).expect("a JSON line");
    (fs::read_to_string(file).expect("the file"), summary)
}

#[test]
fn the_text_is_openmetrics_and_adds_up_to_the_replay() {
    let folder = Folder::new("text");
    let (text, summary) = incident(&folder);
    assert!(text.ends_with("\n# EOF\n"));
    let mut families = BTreeSet::new();
    let (mut family, mut kind) = (String::new(), String::new());
    let mut last: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    let mut series = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, of_kind) = rest.split_once(' ').expect("a kind");
            (family, kind) = (name.to_owned(), of_kind.to_owned());
            assert!(families.insert(family.clone()), "{family} comes twice");
        }
        if line.starts_with('#') {
            continue;
        }
        assert!(line.starts_with(&family), "{line}: not of {family}");
        let mut parts = line.rsplitn(3, ' ');
        let time: u64 = parts.next().expect("a time").parse().expect("whole seconds");
        let value: f64 = parts.next().expect("a value").parse().expect("a number");
        let key = parts.next().expect("a series").to_owned();
        assert_eq!(kind == "counter", key.starts_with(&format!("{family}_total{{")), "{key}");
        assert!(time.is_multiple_of(15) && (FROM..=TO).contains(&time), "{line}");
        if let Some((before, at)) = last.get(&key) {
            assert_eq!(series, key, "{key} is interrupted");
            assert!(time > *at, "{line}: time goes back");
            assert!(kind == "gauge" || value >= *before, "{line}: a counter falls");
        }
        series.clone_from(&key);
        last.insert(key, (value, time));
    }
    let sum = |begin: &str, label: &str| -> f64 {
        last.iter().filter(|(key, _)| key.starts_with(begin) && key.contains(label)).map(|(_, (value, _))| value).sum()
    };
    for (verdict, count) in summary["transactions"].as_object().into_iter().flatten() {
        let label = format!("verdict=\"{verdict}\"");
        assert_eq!(Some(sum("corstap_transactions_total{", &label)), count.as_f64(), "{verdict}");
    }
    assert_eq!(Some(sum("corstap_packets_total{", "interface=\"gw-plain\"")), summary["packets"].as_f64());
    assert!(sum("corstap_rejections_total{", "") > 0.0 && sum("corstap_findings_total{", "") > 0.0);
    assert!(sum("corstap_preflight_duration_seconds_count{", "") > 0.0);
    // Each series begins at 0, so that its first increase is seen, and goes on to the end.
    assert!(last.values().all(|(_, time)| *time == TO));
    assert!(!text.contains("CANARY") && !text.contains("process_"));
}

/// A Prometheus that ends with the test.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    fn start(folder: &Folder, config: &str) -> Self {
        let config_file = folder.path("prometheus.yml");
        fs::write(&config_file, config).expect("written");
        // Free when asked; whoever else takes it meanwhile makes this test fail, not pass.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
        let address = free.to_string();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={config_file}"))
            .arg(format!("--storage.tsdb.path={}", folder.path("data")))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        let prometheus = Prometheus { child, address };
        let until = Instant::now() + Duration::from_mins(1);
        while prometheus.get("/-/ready").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < until, "prometheus is not ready");
            std::thread::sleep(Duration::from_millis(100));
        }
        prometheus
    }

    fn get(&self, target: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(stream, "GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn ask(&self, target: &str) -> Value {
        let (status, body) = self.get(target).expect("an answer");
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// The series that a query gives anywhere in the incident.
    fn range(&self, query: &str) -> Vec<Value> {
        let target = format!("/api/v1/query_range?query={}&start={FROM}&end={TO}&step=15", escaped(query));
        self.ask(&target)["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Every query of the Grafana dashboards, as Grafana would send it.
fn dashboard_queries() -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project("dashboards/grafana")).expect("dashboards") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "json") {
            let board = serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("JSON");
            queries_in(&board, &mut found);
        }
    }
    let values =
        [("$__rate_interval", "1m"), ("$__range", "16m"), ("$instance", ".*"), ("$job", ".*"), ("$target", ".*")];
    found.into_iter().map(|q| values.iter().fold(q, |q, (name, value)| q.replace(name, value))).collect()
}

fn queries_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|v| queries_in(v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| queries_in(v, found)),
        _ => {}
    }
}

#[test]
fn a_real_prometheus_shows_the_incident_to_rules_and_dashboards() {
    let folder = Folder::new("prometheus");
    let (_, summary) = incident(&folder);
    run("promtool", &["tsdb", "create-blocks-from", "openmetrics", &folder.path("incident.om"), &folder.path("data")]);
    let rules = project("dashboards/corstap.rules.yml");
    {
        let prometheus = Prometheus::start(&folder, "global: {}\n");
        let at_end =
            format!("/api/v1/query?query={}&time={TO}", escaped("sum by (verdict) (corstap_transactions_total)"));
        let result = prometheus.ask(&at_end);
        let sums: BTreeMap<String, f64> = result["data"]["result"]
            .as_array()
            .expect("a vector")
            .iter()
            .map(|s| {
                let value = s["value"][1].as_str().and_then(|v| v.parse().ok()).expect("a number");
                (s["metric"]["verdict"].as_str().expect("a verdict").to_owned(), value)
            })
            .collect();
        for (verdict, count) in summary["transactions"].as_object().into_iter().flatten() {
            assert_eq!(sums.get(verdict).copied(), count.as_f64(), "{verdict}");
        }
        // What the recording rules would have recorded then.
        let url = format!("http://{}", prometheus.address);
        let (from, to) = (FROM.to_string(), TO.to_string());
        let data = folder.path("data");
        let mut args = vec!["tsdb", "create-blocks-from", "rules", "--start", &from, "--end", &to];
        args.extend(["--url", &url, "--output-dir", &data, "--eval-interval", "15s", &rules]);
        run("promtool", &args);
    }
    let prometheus = Prometheus::start(&folder, &format!("rule_files: [{rules}]\n"));
    let answer = prometheus.ask("/api/v1/rules");
    let groups = answer["data"]["groups"].as_array().expect("groups");
    let all: Vec<&Value> = groups.iter().flat_map(|g| g["rules"].as_array().expect("rules")).collect();
    assert!(all.len() > 20, "{}", all.len());
    let mut firing = BTreeSet::new();
    for rule in all {
        let (name, query) = (rule["name"].as_str().expect("a name"), rule["query"].as_str().expect("a query"));
        let series = prometheus.range(query);
        if rule["type"] == "recording" {
            assert!(!series.is_empty(), "{name} records nothing");
            // promtool does not see what it writes: a rule that builds on another would need a second time
            let builds_on_another = query.contains(':');
            assert!(builds_on_another || !prometheus.range(name).is_empty(), "{name} was not recorded");
        } else if !series.is_empty() {
            firing.insert(name.to_owned());
        }
    }
    // A release that broke CORS, requests that took effect all the same, an emergency setting, and somebody who tried origins out;
    // and nothing is said of a tap that sees badly.
    for alert in ["CorstapRejectionsJump", "CorstapBlockedAfterEffect", "CorstapOriginReflected", "CorstapProbing"] {
        assert!(firing.contains(alert), "{alert} is silent: {firing:?}");
    }
    for alert in ["CorstapDown", "CorstapPacketsLost", "CorstapBlindNoHttp", "CorstapBlindAllTls", "CorstapCapReached"]
    {
        assert!(!firing.contains(alert), "{alert} fires");
    }
    let queries = dashboard_queries();
    assert!(queries.len() > 50, "{}", queries.len());
    let shown = queries.iter().filter(|query| !prometheus.range(query).is_empty()).count();
    // The rest tells of the daemon itself: its memory, its store, its interfaces.
    assert!(shown * 2 > queries.len(), "{shown} of {} queries show something", queries.len());
}
