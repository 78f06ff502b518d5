//! A broken server, a real browser, and somebody on call: the alert comes, leads to the evidence, and ends with the mistake.
//!
//! The shipped rules, configurations and dashboards, with each of their durations divided by [`HURRY`]; nothing else is
//! changed in them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::chromium;
use crate::daemon::Daemon;
use crate::net::{Folder, Host, Program, cable, sql, within};

/// A minute becomes a second: 5 minutes of a rate are 5 scrapes.
const HURRY: u64 = 60;

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text with each of its durations (`5m`, `1h`, `15s`) divided, and no shorter than a second.
fn hurried(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let digits = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(digits);
        let unit = after.chars().next().unwrap_or(' ');
        let begins = before.is_empty() || before.ends_with([' ', '[', '\n']);
        let ends = after.chars().nth(1).is_none_or(|c| !c.is_ascii_alphanumeric());
        let seconds = match unit {
            's' => Some(1),
            'm' => Some(60),
            'h' => Some(3600),
            _ => None,
        };
        if let (Some(seconds), true, true, Ok(n)) = (seconds, begins, ends, number.parse::<u64>()) {
            write!(out, "{}s", (n * seconds / HURRY).max(1)).expect("writing to a String does not fail");
            rest = &after[1..];
        } else {
            out.push_str(number);
            rest = after;
        }
    }
    out + rest
}

#[test]
fn hurrying_changes_durations_and_nothing_else() {
    let rule = "rate(x_total[5m]) > 4 * (y:rate1h offset 15m) and z5m > 0.05\nfor: 2m\ninterval: 15s 127.0.0.1:9093";
    let fast = "rate(x_total[5s]) > 4 * (y:rate1h offset 15s) and z5m > 0.05\nfor: 2s\ninterval: 1s 127.0.0.1:9093";
    assert_eq!(hurried(rule), fast);
}

/// nginx, Prometheus and Alertmanager on one host, and what the webhook was told.
struct OnCall<'a> {
    folder: &'a Folder,
    host: &'a Host,
    told: PathBuf,
    begun: Instant,
    programs: Vec<Program>,
}

impl<'a> OnCall<'a> {
    fn start(folder: &'a Folder, host: &'a Host) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/alerts");
        let file =
            |name: &str, text: String| std::fs::write(folder.file(name), text).expect("the test's folder is writable");
        std::fs::create_dir(folder.file("pages")).expect("the test's folder is writable");
        file("pages/index.html", shipped("tests/live/alerts/page.html"));
        file("corstap.rules.yml", hurried(&shipped("dashboards/corstap.rules.yml")));
        file("prometheus.yml", hurried(&shipped("dashboards/prometheus.yml")));
        file("alertmanager.yml", hurried(&shipped("dashboards/alertmanager.yml")));
        let told = folder.file("told.jsonl");
        file("told.jsonl", String::new());
        let mut oncall = OnCall { folder, host, told, begun: Instant::now(), programs: Vec::new() };
        oncall.nginx_conf(false);
        let argument = |name: &str, path: &str| format!("--{name}={}", folder.file(path).display());
        let mut webhook = host.command("python3");
        webhook.arg(data.join("webhook.py")).arg(&oncall.told);
        let mut nginx = host.command("nginx");
        nginx.arg("-e").arg(folder.file("nginx-start")).arg("-c").arg(folder.file("nginx.conf"));
        let mut prometheus = host.command("prometheus");
        prometheus.args([argument("config.file", "prometheus.yml"), argument("storage.tsdb.path", "prometheus.data")]);
        prometheus.arg("--web.listen-address=127.0.0.1:9090");
        let mut alertmanager = host.command("prometheus-alertmanager");
        alertmanager.args([argument("config.file", "alertmanager.yml"), argument("storage.path", "alertmanager.data")]);
        alertmanager.args(["--web.listen-address=127.0.0.1:9093", "--cluster.listen-address="]);
        oncall.programs =
            [("webhook", webhook), ("nginx", nginx), ("prometheus", prometheus), ("alertmanager", alertmanager)]
                .map(|(name, mut command)| Program::start(folder, name, &mut command))
                .into();
        for url in ["http://127.0.0.1:9090/-/ready", "http://127.0.0.1:9093/-/ready"] {
            within(Duration::from_secs(30), url, || host.get(url).0 == "200");
        }
        oncall
    }

    /// The API's configuration: broken, or with the one line that it lacks.
    fn nginx_conf(&self, mended: bool) {
        let text = shipped("tests/live/alerts/nginx.conf").replace("FOLDER", &self.folder.path().display().to_string());
        let text = if mended { text.replace("# MENDED ", "") } else { text };
        std::fs::write(self.folder.file("nginx.conf"), text).expect("the test's folder is writable");
    }

    fn reload_nginx(&self) {
        let mut reload = self.host.command("nginx");
        reload.arg("-e").arg(self.folder.file("nginx-start")).arg("-c").arg(self.folder.file("nginx.conf"));
        assert!(reload.args(["-s", "reload"]).status().expect("nginx").success());
    }

    /// The last that the webhook was told of that alert.
    fn told(&self, alert: &str) -> Option<Value> {
        let text = std::fs::read_to_string(&self.told).expect("the webhook's file");
        let mut all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.rfind(|told| told["labels"]["alertname"] == alert)
    }

    /// Waits until the webhook was told so.
    fn wait_for(&self, alert: &str, status: &str) -> Value {
        within(Duration::from_mins(1), &format!("{alert} {status}"), || {
            self.told(alert).is_some_and(|told| told["status"] == status)
        });
        self.note(&format!("webhook: {alert} {status}"));
        self.told(alert).expect("it was told above")
    }

    /// For the transcript: seconds since the start, and what came.
    fn note(&self, what: &str) {
        println!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    /// The answer of Prometheus to a query over the last minute (or at this moment).
    fn ask(&self, expr: &str, instant: bool) -> Value {
        let mut curl = self.host.command("curl");
        let end =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs();
        curl.args(["-s", "-m", "20", "-G", "--data-urlencode", &format!("query={expr}")]);
        if instant {
            curl.arg("http://127.0.0.1:9090/api/v1/query");
        } else {
            curl.args(["-d", &format!("start={}", end - 30), "-d", &format!("end={end}"), "-d", "step=2"]);
            curl.arg("http://127.0.0.1:9090/api/v1/query_range");
        }
        let said = curl.output().expect("curl").stdout;
        serde_json::from_slice(&said).unwrap_or_else(|e| panic!("{expr}: {e}: {}", String::from_utf8_lossy(&said)))
    }
}

/// Every query of every dashboard returns data, with numbers in it.
fn every_panel_has_data(oncall: &OnCall) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana");
    let mut asked = 0;
    let mut empty = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the dashboards").filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let board: Value = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
        let annotations = board["annotations"]["list"].as_array().unwrap().iter().map(|a| (&a["name"], a, false));
        let panels = board["panels"].as_array().unwrap().iter();
        let targets = panels.filter_map(|panel| Some((&panel["title"], panel["targets"].as_array()?)));
        let targets =
            targets.flat_map(|(title, all)| all.iter().map(move |target| (title, target, target["instant"] == true)));
        for (title, target, instant) in targets.chain(annotations) {
            let mut expr = target["expr"].as_str().unwrap().to_string();
            let (rate, range) = (format!("{}s", 600 / HURRY), format!("{}s", 3600 / HURRY));
            for (variable, value) in [
                ("$__rate_interval", rate.as_str()),
                ("$__range", range.as_str()),
                ("$job", ".+"),
                ("$instance", ".+"),
                ("$target", ".+"),
            ] {
                expr = expr.replace(variable, value);
            }
            let answer = oncall.ask(&expr, instant);
            assert_eq!(answer["status"], "success", "{title}: {expr}: {answer}");
            asked += 1;
            let is_number =
                |pair: &Value| pair[1].as_str().is_some_and(|n| n.parse::<f64>().is_ok_and(|n| !n.is_nan()));
            let has_number = answer["data"]["result"].as_array().is_some_and(|series| {
                series
                    .iter()
                    .any(|s| is_number(&s["value"]) || s["values"].as_array().is_some_and(|v| v.iter().any(is_number)))
            });
            if !has_number {
                empty.push(format!("{}: {title}: {expr}", board["title"]));
            }
        }
    }
    assert!(empty.is_empty(), "without data:\n{}", empty.join("\n"));
    assert!(asked >= 75, "only {asked} queries were found");
    oncall.note(&format!("{asked} queries of the dashboards: no error, none empty"));
}

#[test]
fn an_alert_reaches_the_webhook_leads_to_the_evidence_and_ends_when_the_server_is_mended() {
    let folder = Folder::new();
    let (client, servers) = (Host::new(), Host::new());
    cable(&client, &servers);
    let mut oncall = OnCall::start(&folder, &servers);
    let mut corstap = Daemon::start(&folder, &servers, &["-i", "eth0"]);
    oncall.note("corstap, Prometheus, Alertmanager and nginx are ready");
    let _browser = Program::start(&folder, "chromium", &mut chromium(&folder, &client));

    let alert = oncall.wait_for("CorstapTargetRefused", "firing");
    assert_eq!(alert["labels"]["target_origin"], "http://api.shop.test");
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["annotations"]["runbook_url"], "docs/runbook.md#corstaptargetrefused");
    let description = alert["annotations"]["description"].as_str().unwrap();
    assert!(
        description.starts_with("100% of the cross-origin requests to http://api.shop.test are refused"),
        "{description}"
    );
    oncall.note(description);
    oncall.wait_for("CorstapBlockedAfterEffect", "firing");

    // From the alert's labels to the evidence, as the runbook says.
    let db = folder.file("live.db");
    let groups = sql(
        &db,
        "SELECT target_origin, reason, phase, cause FROM rejections WHERE time > strftime('%Y-%m-%dT%H:%M:%S', 'now', \
         '-15 minutes') GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC",
    );
    assert!(groups[0].starts_with("http://api.shop.test|missing_allow_origin|actual|"), "{groups:?}");
    oncall.note(&format!("rejections, the largest group: {}", groups[0]));
    let id = &sql(&db, "SELECT id FROM rejections WHERE blocked_after_effect ORDER BY time DESC LIMIT 1")[0];
    let explained = servers.command(env!("CARGO_BIN_EXE_corstap")).args(["explain", id, "--db"]).arg(&db).output();
    let explained = String::from_utf8_lossy(&explained.expect("corstap runs").stdout).into_owned();
    assert!(explained.contains("missing_allow_origin") && explained.contains("nginx"), "{explained}");

    every_panel_has_data(&oncall);

    oncall.nginx_conf(true);
    oncall.reload_nginx();
    oncall.note("nginx mended and reloaded");
    oncall.wait_for("CorstapTargetRefused", "resolved");
    oncall.wait_for("CorstapBlockedAfterEffect", "resolved");
    assert!(!oncall.programs.iter_mut().any(Program::has_ended));
    corstap.stops_well();
}
