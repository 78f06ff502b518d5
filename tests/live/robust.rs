//! What may go wrong around a daemon that runs for months, under load: killed, no disk, locked out, besieged.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::daemon::{Daemon, PAGES};
use crate::net::{Folder, Host, Program, metric, sql, within};

/// Makes refusals on a host's loopback, some 200 a second, each of its own path, until it is killed.
pub fn load(folder: &Folder, host: &Host) -> Program {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/load.py");
    let mut command = host.command("python3");
    command.arg(script);
    let program = Program::start(folder, "load", &mut command);
    within(Duration::from_secs(20), "the load runs", || program.said().contains("going"));
    program
}

fn is_whole(db: &Path) {
    assert_eq!(sql(db, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(sql(db, "SELECT count(*) - count(DISTINCT path) FROM rejections"), ["0"], "recorded twice");
}

/// Rejections that the load should have made, by the number in their path, and that are not there: how many, and how many
/// of them are not among the last second's before the kill.
fn lost_but_the_last_second(db: &Path, from: u64, killed_at: f64) -> u64 {
    let rows = sql(
        db,
        &format!(
            "SELECT substr(path, 4) FROM rejections WHERE CAST(substr(path, 4) AS INTEGER) >= {from} ORDER BY time"
        ),
    );
    let seen: BTreeSet<u64> = rows.iter().filter_map(|n| n.parse().ok()).collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return 0 };
    let latest = sql(db, "SELECT (julianday(max(time)) - 2440587.5) * 86400 FROM rejections");
    let latest: f64 = latest[0].parse().expect("a number");
    // The last second, and one more for a machine that has other things to do.
    assert!(killed_at - latest < 2.0, "the last refusal is {} s older than the kill", killed_at - latest);
    (last - first + 1) - seen.len() as u64
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs_f64()
}

/// `CORSTAP_KILLS` more thoroughly: 50 take some three minutes.
#[test]
fn killed_at_any_moment_it_loses_at_most_the_last_second_and_has_nothing_twice() {
    let kills: u64 = std::env::var("CORSTAP_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let folder = Folder::new();
    let host = Host::new();
    let db = folder.file("live.db");
    let _load = load(&folder, &host);
    for nth in 0..kills {
        let from = if db.exists() {
            sql(&db, "SELECT coalesce(max(CAST(substr(path, 4) AS INTEGER)), 0) + 1 FROM rejections")
        } else {
            vec!["0".into()]
        };
        let mut corstap = Daemon::start(&folder, &host, &["-i", "lo"]);
        assert!(!corstap.said().contains("damaged"), "{}", corstap.said());
        let recorded = format!("SELECT count(*) > 0 FROM rejections WHERE run_id = {}", nth + 1);
        within(Duration::from_secs(20), "it records", || sql(&db, &recorded) == ["1"]);
        // Somewhere else in its cycle of batches each time.
        std::thread::sleep(Duration::from_millis((nth * 377) % 800));
        let killed_at = now();
        corstap.program.signal("KILL");
        corstap.program.wait(Duration::from_secs(5));
        is_whole(&db);
        assert_eq!(lost_but_the_last_second(&db, from[0].parse().unwrap(), killed_at), 0);
    }
    assert_eq!(sql(&db, "SELECT count(*) FROM runs"), [kills.to_string()]);
    assert_eq!(sql(&db, "SELECT count(DISTINCT run_id) FROM rejections"), [kills.to_string()], "each run recorded");
}

/// `CORSTAP_TROUBLE_S` more thoroughly: 60.
fn trouble() -> Duration {
    let seconds = std::env::var("CORSTAP_TROUBLE_S").ok().and_then(|n| n.parse().ok());
    Duration::from_secs(seconds.unwrap_or(4))
}

fn lost(scrape: &str) -> u64 {
    metric(scrape, "corstap_store_records_lost_total", &[])
}

/// Waits out the trouble: capture goes on, `/readyz` says why it is not ready; then all recovers.
fn sits_out(host: &Host, db: &Path, told: &str, end: impl FnOnce()) {
    let scrape = || host.get(&format!("{PAGES}/metrics")).1;
    let ready = || host.get(&format!("{PAGES}/readyz"));
    within(Duration::from_secs(30), "it is not ready", || ready().0 == "503");
    assert!(ready().1.contains(told), "{}", ready().1);
    let packets = metric(&scrape(), "corstap_packets_total", &[]);
    std::thread::sleep(trouble());
    assert!(metric(&scrape(), "corstap_packets_total", &[]) > packets, "capture has stopped");
    assert_eq!(metric(&scrape(), "corstap_packets_lost_total", &[]), 0);
    end();
    within(Duration::from_secs(30), "it is ready again", || ready().0 == "200");
    let before = sql(db, "SELECT count(*) FROM rejections");
    within(Duration::from_secs(10), "it records again", || sql(db, "SELECT count(*) FROM rejections") != before);
}

#[test]
fn a_full_disk_is_sat_out() {
    let folder = Folder::new();
    let host = Host::new();
    let disk = Disk::new(folder.file("disk"), "32m");
    let db = folder.file("disk/live.db");
    let _load = load(&folder, &host);
    let shown = db.display().to_string();
    let words = ["-i", "lo", "--db", &shown];
    let mut corstap = Daemon::start_with(&folder, &host, &words, |command| {
        command.env("JOURNAL_STREAM", "8:1");
    });
    within(Duration::from_secs(10), "it records", || sql(&db, "SELECT count(*) > 0 FROM rejections") == ["1"]);
    let filler = folder.file("disk/filler");
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=4k"]).arg(format!("of={}", filler.display())).output();
    assert!(!filled.expect("dd").status.success(), "the disk is full");
    sits_out(&host, &db, "disk full", || std::fs::remove_file(&filler).expect("the filler was made above"));
    corstap.stops_well();
    // For journald, with its priority.
    assert!(corstap.said().contains("\n<4>"), "{}", corstap.said());
    is_whole(&db);
    drop(disk);
}

#[test]
fn a_locked_database_is_sat_out() {
    let folder = Folder::new();
    let host = Host::new();
    let db = folder.file("live.db");
    let _load = load(&folder, &host);
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo"]);
    within(Duration::from_secs(10), "it records", || sql(&db, "SELECT count(*) > 0 FROM rejections") == ["1"]);
    let mut holder = Command::new("sqlite3");
    holder.arg(&db).args(["BEGIN IMMEDIATE", ".shell echo held; exec sleep 600"]);
    let holder = Program::start(&folder, "holder", &mut holder);
    within(Duration::from_secs(5), "the database is held", || holder.said().contains("held"));
    sits_out(&host, &db, "locked by another process", || drop(holder));
    // Seconds of it fit into the queue: nothing was lost, and nothing is there twice.
    if trouble() < Duration::from_secs(20) {
        assert_eq!(lost(&host.get(&format!("{PAGES}/metrics")).1), 0);
    }
    corstap.stops_well();
    is_whole(&db);
}

#[test]
fn fifty_scrapers_at_once_are_answered_or_refused_and_capture_goes_on() {
    let folder = Folder::new();
    let host = Host::new();
    let _load = load(&folder, &host);
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo"]);
    let mut siege = host.command("sh");
    // Each scraper asks four times, as fast as it can.
    siege.arg("-c").arg(format!(
        "for s in $(seq 50); do (for n in $(seq 4); do curl -s -m 10 -o /dev/null -w '%{{http_code}}\\n' {PAGES}/metrics; done) & done; wait"
    ));
    let answers = siege.output().expect("sh");
    let answers = String::from_utf8_lossy(&answers.stdout).into_owned();
    let count = |status: &str| answers.lines().filter(|line| *line == status).count();
    assert_eq!(count("200") + count("503"), 200, "{answers}");
    assert!(count("200") >= 16, "{} answered", count("200"));
    let scrape = host.get(&format!("{PAGES}/metrics")).1;
    assert_eq!(metric(&scrape, "corstap_packets_lost_total", &[]), 0);
    assert_eq!(lost(&scrape), 0);
    corstap.stops_well();
    is_whole(&folder.file("live.db"));
}

/// A small disk of its own.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(path: std::path::PathBuf, size: &str) -> Self {
        std::fs::create_dir(&path).expect("the test's folder is writable");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "corstap-test"]).arg(&path);
        let said = mount.output().expect("mount");
        assert!(said.status.success(), "mount: {} (run as root)", String::from_utf8_lossy(&said.stderr));
        Disk(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}
