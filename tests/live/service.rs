//! `corstap run` as a service: what its manager, its unit, its journal and people without rights get from it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::daemon::{Daemon, PAGES, nobodys_copy};
use crate::net::{Folder, Host, Program, metric, sql, within};

/// Stands for systemd: hears what a service says of itself.
struct Manager(UnixDatagram);

impl Manager {
    fn new(folder: &Folder) -> Self {
        let socket = UnixDatagram::bind(folder.file("notify")).expect("the test's folder is writable");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket has timeouts");
        Manager(socket)
    }

    /// Waits for a message that is so.
    #[track_caller]
    fn hears(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let mut bytes = [0; 4096];
        loop {
            let n = self.0.recv(&mut bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
            if is_so(&String::from_utf8_lossy(&bytes[..n])) {
                break;
            }
        }
    }
}

fn ready(host: &Host) -> (String, String) {
    host.get(&format!("{PAGES}/readyz"))
}

#[test]
fn the_service_manager_is_kept_informed() {
    let folder = Folder::new();
    let host = Host::new();
    let manager = Manager::new(&folder);
    let mut corstap = Daemon::start_with(&folder, &host, &["-i", "lo"], |command| {
        command.env("NOTIFY_SOCKET", folder.file("notify")).env("WATCHDOG_USEC", "900000");
    });
    let opening = format!("STATUS=opening {}", folder.file("live.db").display());
    manager.hears("what may take long", |message| message == opening);
    manager.hears("ready", |message| message == "READY=1");
    for _ in 0..3 {
        manager.hears("alive", |message| message == "WATCHDOG=1");
    }
    manager.hears("how it fares, once packets came", |message| {
        ready(&host);
        message.starts_with("STATUS=lo captured · ")
            && !message.contains(" · 0 packets")
            && message.ends_with(" packets, 0 dropped · 0 requests refused · recording")
    });
    corstap.program.signal("HUP");
    manager.hears("it reads again", |message| message == "RELOADING=1");
    manager.hears("it has read", |message| message == "READY=1");
    corstap.stops_well();
    manager.hears("it stops", |message| message == "STOPPING=1");
}

#[test]
fn a_service_takes_what_there_is_and_waits_for_an_interface_that_is_still_to_come() {
    let folder = Folder::new();
    let host = Host::new();
    host.ip(&["link", "add", "down0", "type", "veth", "peer", "name", "peer0"]);
    let manager = Manager::new(&folder);
    let start = |words: &[&str]| {
        let mut command = host.command(env!("CARGO_BIN_EXE_corstap"));
        command.args(["run", "-i", "lo", "-i", "late0", "-i", "down0"]).args(words);
        command.env("NOTIFY_SOCKET", folder.file("notify")).env("JOURNAL_STREAM", "8:1");
        command.env("STATE_DIRECTORY", folder.path());
        Program::start(&folder, "corstap", &mut command)
    };
    let refused = start(&["--filter", "no filter"]).wait(Duration::from_secs(20));
    assert_eq!(refused.code(), Some(2), "what is wrong with a filter is found out at once");

    let mut corstap = start(&[]);
    manager.hears("what is missing", |message| {
        message.starts_with("STATUS=lo captured · late0 NOT captured: no such interface (have: ")
            && message.contains(" · down0 NOT captured: is down · ")
    });
    manager.hears("it works all the same", |message| message == "READY=1");
    let said = ready(&host);
    assert!(said.0 == "503" && said.1.contains("late0: no such interface"), "{said:?}");
    let packets = |interface: &str| {
        let scrape = host.get(&format!("{PAGES}/metrics")).1;
        metric(&scrape, "corstap_packets_total", &[&format!("interface=\"{interface}\"")])
    };
    within(Duration::from_secs(10), "what is there is captured", || packets("lo") > 0);

    host.ip(&["link", "set", "down0", "up"]);
    host.ip(&["link", "set", "peer0", "up"]);
    host.ip(&["link", "add", "late0", "type", "veth", "peer", "name", "late1"]);
    within(Duration::from_secs(20), "it says what is wrong now", || ready(&host).1 == "late0: is down\n");
    host.ip(&["link", "set", "late0", "up"]);
    host.ip(&["link", "set", "late1", "up"]);
    within(Duration::from_secs(20), "it is ready", || ready(&host).0 == "200");
    manager.hears("nothing is missing", |message| {
        message.starts_with("STATUS=lo captured · late0 captured · down0 captured · ")
    });
    corstap.signal("TERM");
    assert!(corstap.wait(Duration::from_secs(10)).success());
    let said = corstap.said();
    for line in [
        "<6>corstap ",
        "<4>late0: no such interface (have: ",
        "<4>down0: is down; trying again until it is there\n",
        "<5>late0: captured now, Ethernet\n",
        "<5>down0: captured now, Ethernet\n",
        "<6>stopping: ",
    ] {
        assert_eq!(said.matches(line).count(), 1, "{line:?} in {said}");
    }
    assert_eq!(sql(&folder.file("corstap.db"), "SELECT count(*) FROM runs"), ["1"], "recorded in the service's folder");
}

/// The unit does not start it again after status 2: it has to be what no second attempt can change.
#[test]
fn its_exit_status_tells_whether_another_attempt_may_do_better() {
    let folder = Folder::new();
    let host = Host::new();
    let run = |words: &[&str]| -> Output {
        let mut command = host.command("timeout");
        command.args(["20", env!("CARGO_BIN_EXE_corstap"), "run", "-i", "lo"]).args(words);
        command.env("JOURNAL_STREAM", "8:1").output().expect("the program under test")
    };
    let disk = folder.file("disk");
    std::fs::create_dir(&disk).expect("the test's folder is writable");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4k", "corstap-test"]).arg(&disk).status();
    assert!(mounted.expect("mount").success(), "run as root");
    let full = run(&["--db", &disk.join("live.db").display().to_string()]);
    drop(Command::new("umount").arg("-l").arg(&disk).output());
    let strange = folder.file("strange.db");
    std::fs::write(&strange, "these are somebody's notes, not a database\n".repeat(100)).expect("it is writable");
    for (said, status, words) in [
        (full, 1, "full"),
        (run(&["--listen", "198.51.100.7:2677"]), 1, "cannot listen on 198.51.100.7:2677"),
        (run(&["--db", &strange.display().to_string()]), 2, "is not a corstap database"),
        (run(&["--config", "/nowhere.toml"]), 2, "/nowhere.toml: No such file"),
        (run(&["--filter", "no filter"]), 2, "filter \"no filter\""),
    ] {
        let told = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(status), "{words}: {told}");
        assert!(told.lines().last().is_some_and(|l| l.starts_with("<3>error: ") && l.contains(words)), "{told}");
    }
}

#[test]
fn who_may_not_read_the_database_is_told_so() {
    let folder = Folder::new();
    let copy = nobodys_copy(&folder);
    let ask = |state: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        let said = command.args(["report", "--db"]).arg(state.join("corstap.db")).output().expect("setpriv");
        assert_eq!(said.status.code(), Some(2));
        String::from_utf8_lossy(&said.stderr).into_owned()
    };
    assert!(ask(folder.path()).contains("no such database"));
    std::fs::write(folder.file("corstap.db"), "").expect("the test's folder is writable");
    for (path, mode) in [(folder.file("corstap.db"), 0o600), (folder.path().to_owned(), 0o711)] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the folder is ours");
    }
    assert!(ask(folder.path()).contains("corstap.db: no right to read it; use sudo"));
    let closed = folder.file("closed");
    std::fs::create_dir(&closed).expect("the test's folder is writable");
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("it is ours");
    assert!(ask(&closed).contains("corstap.db: no right to read it; use sudo"));
}

/// The calls that the shipped unit lets through.
fn calls_of_the_unit() -> BTreeSet<String> {
    let sets = Command::new("systemd-analyze").arg("syscall-filter").output().expect("scripts/setup.sh test");
    let sets = String::from_utf8_lossy(&sets.stdout).into_owned();
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut set = "";
    for line in sets.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with('@') {
            set = line;
        } else {
            members.entry(set).or_default().push(line.trim());
        }
    }
    let expand = |word: &str| {
        let (mut open, mut calls) = (vec![word.to_string()], BTreeSet::new());
        while let Some(word) = open.pop() {
            match members.get(word.as_str()) {
                Some(words) => open.extend(words.iter().map(ToString::to_string)),
                None => {
                    calls.insert(word);
                }
            }
        }
        calls
    };
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/corstap.service");
    let unit = std::fs::read_to_string(unit).expect("the unit");
    let mut calls = expand("@default");
    for words in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (refused, words) = words.strip_prefix('~').map_or((false, words), |words| (true, words));
        for call in words.split_whitespace().flat_map(expand) {
            if refused {
                calls.remove(&call);
            } else {
                calls.insert(call);
            }
        }
    }
    calls
}

#[test]
fn the_shipped_unit_refuses_no_call_that_it_needs() {
    let folder = Folder::new();
    let host = Host::new();
    let copy = nobodys_copy(&folder);
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).expect("this test runs as root");
    let _load = crate::robust::load(&folder, &host);
    let calls = folder.file("calls");
    let mut command = host.command("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=+net_raw",
        "--ambient-caps=+net_raw",
    ]);
    command.args(["strace", "-f", "-qq", "-o"]).arg(&calls).arg(&copy).args(["run", "-i", "lo", "--db"]);
    let db = folder.file("live.db");
    let mut corstap = Program::start(&folder, "corstap", command.arg(&db));
    within(Duration::from_secs(30), "it is ready", || ready(&host).0 == "200");
    within(Duration::from_secs(20), "it records", || sql(&db, "SELECT count(*) > 0 FROM rejections") == ["1"]);
    host.get(&format!("{PAGES}/metrics"));
    host.get(&format!("{PAGES}/api/rejections"));
    let child = std::fs::read_to_string(&calls).expect("strace writes it");
    let child = child.split_whitespace().next().expect("the first call is the program's own execve").to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &child]).status().expect("kill").success());
    assert!(corstap.wait(Duration::from_secs(20)).success());

    let made = std::fs::read_to_string(&calls).expect("strace has written it");
    let made: BTreeSet<&str> = made
        .lines()
        .filter_map(|line| Some(line.split_once(char::is_whitespace)?.1.trim_start().split_once('(')?.0))
        .filter(|call| call.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        .collect();
    assert!(made.len() > 40 && made.contains("setpriority"), "{made:?}");
    let unit = calls_of_the_unit();
    let refused: Vec<_> = made.iter().filter(|call| !unit.contains(**call)).collect();
    // What it would give up with this one, the unit has taken from it before.
    assert_eq!(refused, [&"capset"]);
}
