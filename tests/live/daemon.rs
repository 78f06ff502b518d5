//! `corstap run` as its operator meets it: rights, signals, interfaces that come and go.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::net::{Folder, Host, Program, SERVERS, cable, metric, sql, within};

/// Where the daemon under test serves its pages.
pub const PAGES: &str = "http://127.0.0.1:2677";

/// `corstap run` on a host, recording to `live.db` of the folder.
pub struct Daemon {
    pub program: Program,
}

impl Daemon {
    /// Starts it and waits until it is ready.
    pub fn start(folder: &Folder, host: &Host, words: &[&str]) -> Self {
        Daemon::start_with(folder, host, words, |_| ())
    }

    /// The same, after a change to the command.
    pub fn start_with(folder: &Folder, host: &Host, words: &[&str], change: impl Fn(&mut Command)) -> Self {
        let mut command = host.command(env!("CARGO_BIN_EXE_corstap"));
        change(&mut command);
        command.arg("run").args(words);
        if !words.contains(&"--db") {
            command.arg("--db").arg(folder.file("live.db"));
        }
        let program = Program::start(folder, "corstap", &mut command);
        within(Duration::from_secs(20), "corstap is ready", || host.get(&format!("{PAGES}/readyz")).0 == "200");
        Daemon { program }
    }

    /// SIGTERM: it drains, writes and ends well, in time.
    pub fn stops_well(&mut self) {
        self.program.signal("TERM");
        let status = self.program.wait(Duration::from_secs(10));
        assert!(status.success(), "{status}: {}", self.program.said());
    }

    /// A line of what the kernel says of the process.
    pub fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        line.unwrap_or_else(|| panic!("no {name} in {status}")).to_string()
    }

    pub fn said(&self) -> String {
        self.program.said()
    }
}

/// The program where every user may run it.
pub fn nobodys_copy(folder: &Folder) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = folder.file("corstap-copy");
    std::fs::copy(env!("CARGO_BIN_EXE_corstap"), &copy).expect("the test's folder is writable");
    for path in [&copy, folder.path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    }
    copy
}

#[test]
fn without_the_right_to_capture_it_says_how_to_get_it() {
    let folder = Folder::new();
    let copy = nobodys_copy(&folder);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
    let said = command.arg(&copy).args(["run", "-i", "lo", "--listen", "127.0.0.1:0"]).output().expect("setpriv");
    let told = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{told}");
    for cure in ["systemctl start corstap", "sudo", &format!("setcap cap_net_raw=ep {}", copy.display())] {
        assert!(told.contains(cure), "{cure} is not in {told}");
    }
}

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    let host = Host::new();
    let said = host.command(env!("CARGO_BIN_EXE_corstap")).args(["run", "-i", "eth9"]).output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{told}");
    assert!(told.contains("eth9: no such interface (have: "), "{told}");
    assert!(told.contains("lo"), "{told}");
}

#[test]
fn an_interface_may_go_and_come_back() {
    let folder = Folder::new();
    let (left, right) = (Host::new(), Host::new());
    cable(&left, &right);
    // As nobody, who may not open anything but what the kept capability opens.
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).expect("this test runs as root");
    let mut corstap = Daemon::start(&folder, &right, &["-i", "eth0", "--user", "nobody"]);
    let packets = || metric(&right.get(&format!("{PAGES}/metrics")).1, "corstap_packets_total", &[]);
    let ping = || drop(left.get(&format!("http://{SERVERS}:9/")));
    within(Duration::from_secs(10), "packets are taken", || {
        ping();
        packets() > 0
    });
    left.ip(&["link", "del", "eth0"]);
    let ready = || right.get(&format!("{PAGES}/readyz"));
    within(Duration::from_secs(10), "it is not ready without its interface", || ready().0 == "503");
    assert!(ready().1.contains("eth0: "), "{}", ready().1);
    cable(&left, &right);
    within(Duration::from_secs(15), "it is ready again", || ready().0 == "200");
    let before = packets();
    within(Duration::from_secs(10), "packets are taken again", || {
        ping();
        packets() > before
    });
    // Down and up is no loss of the interface.
    right.ip(&["link", "set", "eth0", "down"]);
    std::thread::sleep(Duration::from_millis(1500));
    right.ip(&["link", "set", "eth0", "up"]);
    let before = packets();
    within(Duration::from_secs(15), "packets are taken after down and up", || {
        ping();
        packets() > before
    });
    // Under another name it is gone, and back under its own.
    let rename = |from: &str, to: &str| {
        right.ip(&["link", "set", from, "down"]);
        right.ip(&["link", "set", from, "name", to]);
        right.ip(&["link", "set", to, "up"]);
    };
    rename("eth0", "wan0");
    within(Duration::from_secs(10), "it is not ready while its interface has another name", || ready().0 == "503");
    assert!(ready().1.contains("eth0: "), "{}", ready().1);
    rename("wan0", "eth0");
    within(Duration::from_secs(20), "it is ready again after the renaming", || ready().0 == "200");
    let before = packets();
    within(Duration::from_secs(15), "packets are taken after the renaming", || {
        ping();
        packets() > before
    });
    corstap.stops_well();
    let said = corstap.said();
    assert_eq!(said.matches("trying again until it is back").count(), said.matches("captured again").count(), "{said}");
}

#[test]
fn a_signal_ends_it_in_good_order_and_a_second_one_at_once() {
    let folder = Folder::new();
    let host = Host::new();
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo"]);
    let scraped = host.get(&format!("{PAGES}/metrics"));
    assert_eq!(scraped.0, "200");
    corstap.stops_well();
    assert!(corstap.said().contains("stopping: drained"), "{}", corstap.said());
    let run = sql(&folder.file("live.db"), "SELECT kind, ended IS NOT NULL, packets > 0 FROM runs");
    assert_eq!(run, ["live|1|1"]);

    // Somebody holds the database, so that its end takes seconds.
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo"]);
    let mut holder = Command::new("sqlite3");
    holder.arg(folder.file("live.db")).args(["BEGIN EXCLUSIVE", ".shell echo held; exec sleep 20"]);
    let holder = Program::start(&folder, "holder", &mut holder);
    within(Duration::from_secs(5), "the database is held", || holder.said().contains("held"));
    corstap.program.signal("INT");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!corstap.program.has_ended(), "{}", corstap.said());
    corstap.program.signal("INT");
    assert_eq!(corstap.program.wait(Duration::from_secs(2)).code(), Some(130));
}

#[test]
fn the_configuration_is_read_again_as_a_whole_or_not_at_all() {
    let folder = Folder::new();
    let host = Host::new();
    let file = folder.file("corstap.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("the test's folder is writable");
    write("[capture]\ninterfaces = [\"lo\"]\n[site]\ntargets = [\"http://a.test\"]\n");
    let mut corstap = Daemon::start(&folder, &host, &["--config", &file.display().to_string()]);
    let scrape = || host.get(&format!("{PAGES}/metrics")).1;
    let listed = |target: &str| scrape().contains(&format!("target_origin=\"{target}\""));
    assert!(listed("http://a.test") && !listed("http://b.test"));

    write("[capture]\ninterfaces = [\"lo\"]\nsnaplen = 100\n[site]\ntargets = [\"http://b.test\"]\n");
    corstap.program.signal("HUP");
    within(Duration::from_secs(5), "the new target has a label", || listed("http://b.test"));
    assert_eq!(metric(&scrape(), "corstap_config_last_reload_successful", &[]), 1);
    let told = "configuration taken; for a change of [capture] snaplen restart corstap";
    within(Duration::from_secs(5), "it is said", || corstap.said().contains(told));

    write("[site]\ntargets = [\"http://c.test\"]\n[sites]\n");
    corstap.program.signal("HUP");
    within(Duration::from_secs(5), "the metric tells", || {
        metric(&scrape(), "corstap_config_last_reload_successful", &[]) == 0
    });
    assert!(!listed("http://c.test"));
    let told = "corstap.toml:3: sites: there is no such key; did you mean site?";
    within(Duration::from_secs(5), "line and key are said", || corstap.said().contains(told));
    corstap.stops_well();
}

#[test]
fn no_interface_anywhere_is_bad_usage() {
    let said = Command::new(env!("CARGO_BIN_EXE_corstap")).arg("run").output().expect("the program under test");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("CORSTAP_INTERFACES"));
}

#[test]
fn what_it_needs_no_more_it_has_given_up() {
    let folder = Folder::new();
    let host = Host::new();
    let cap_net_raw = format!("{:016x}", 1 << 13);
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).expect("this test runs as root");
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo", "--user", "nobody"]);
    assert_eq!(corstap.status("Uid"), "65534\t65534\t65534\t65534");
    assert_eq!(corstap.status("Groups").trim(), "");
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(corstap.status(set), cap_net_raw, "{set}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(corstap.status(set), "0000000000000000", "{set}");
    }
    assert_eq!((corstap.status("NoNewPrivs").as_str(), corstap.status("Seccomp").as_str()), ("1", "2"));
    let said = corstap.said();
    assert!(said.contains("user nobody, no capability but CAP_NET_RAW, landlock on"), "{said}");
    assert!(said.contains("seccomp on"), "{said}");
    corstap.stops_well();

    let words = ["run", "-i", "lo", "--user", "nobody-here"];
    let said = host.command(env!("CARGO_BIN_EXE_corstap")).args(words).output().expect("the program under test");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("there is none in /etc/passwd"));
}

#[test]
fn the_doctor_tells_on_one_screen_what_can_be_judged() {
    let folder = Folder::new();
    let host = Host::new();
    let _load = crate::robust::load(&folder, &host);
    let db = folder.file("doctor.db").display().to_string();
    std::fs::write(folder.file("corstap.toml"), format!("[store]\ndb = \"{db}\"\n")).expect("the folder is writable");
    let ask = |words: &[&str]| {
        let mut command = host.command(env!("CARGO_BIN_EXE_corstap"));
        command.args(["doctor", "--config"]).arg(folder.file("corstap.toml")).args(words);
        let said = command.output().expect("the program under test");
        (said.status.code(), String::from_utf8_lossy(&said.stdout).into_owned())
    };
    let (code, told) = ask(&["-i", "lo", "--seconds", "2"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.lines().count() <= 24 && told.contains("may be captured: Ethernet, no filter"), "{told}");
    assert!(told.contains("HTTP messages can be judged; 0 % of TCP bytes are TLS"), "{told}");
    assert!(told.contains("MiB free") && told.contains("doctor.db: will be made"), "{told}");

    let (code, told) = ask(&["-i", "eth9", "--seconds", "1"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("WRONG  eth9: no such interface"), "{told}");
}
