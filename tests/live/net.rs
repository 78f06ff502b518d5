//! A folder, two hosts joined by a cable, and the programs on them; everything ends with the test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The browser's address, and the servers' (where corstap listens too).
pub const BROWSER: &str = "10.77.0.1";
pub const SERVERS: &str = "10.77.0.2";

/// A number for names that no other test, in whatever process, uses.
fn nth() -> String {
    static NTH: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NTH.fetch_add(1, Ordering::Relaxed))
}

/// A directory for one test, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("corstap-live-{}", nth()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A network namespace: a host with nothing but its loopback.
pub struct Host {
    name: String,
}

impl Host {
    pub fn new() -> Self {
        let name = format!("corstap-{}", nth());
        ip(&["netns", "add", &name]);
        let host = Host { name };
        host.ip(&["link", "set", "lo", "up"]);
        host
    }

    /// `ip` on this host.
    pub fn ip(&self, words: &[&str]) {
        ip(&[&["-n", &self.name], words].concat());
    }

    /// A command that will run on this host.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// What `curl` says to this address on this host: status and body; 000 where nobody answers.
    pub fn get(&self, url: &str) -> (String, String) {
        let said = self.command("curl").args(["-s", "-m", "10", "-w", "\n%{http_code}", url]).output().expect("curl");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let (body, status) = said.rsplit_once('\n').unwrap_or(("", &said));
        (status.to_string(), body.to_string())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["netns", "del", &self.name]).output());
    }
}

/// Two hosts with a cable between `eth0` and `eth0`.
pub fn cable(left: &Host, right: &Host) {
    ip(&["link", "add", "eth0", "netns", &left.name, "type", "veth", "peer", "name", "eth0", "netns", &right.name]);
    for (host, address) in [(left, BROWSER), (right, SERVERS)] {
        host.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"]);
        host.ip(&["link", "set", "eth0", "up"]);
    }
}

fn ip(words: &[&str]) {
    let said = Command::new("ip").args(words).output().expect("this test needs iproute2: scripts/setup.sh test");
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "ip {}: {told} (this test makes network namespaces: run as root)", words.join(" "));
}

/// A program that is killed, with its children, at the test's end; what it says is kept.
pub struct Program {
    child: Child,
    said: PathBuf,
}

impl Program {
    /// Starts it, its output and errors into the file `name` of the folder.
    pub fn start(folder: &Folder, name: &str, command: &mut Command) -> Self {
        let said = folder.file(name);
        let file = File::create(&said).expect("the test's folder is writable");
        let errors = file.try_clone().expect("a file can be shared");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0).spawn();
        let child = child.unwrap_or_else(|e| panic!("{name}: {e} (scripts/setup.sh test)"));
        Program { child, said }
    }

    pub fn said(&self) -> String {
        let mut said = Vec::new();
        File::open(&self.said).and_then(|mut f| f.read_to_end(&mut said)).expect("the file was made above");
        String::from_utf8_lossy(&said).into_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).output().expect("kill");
        assert!(sent.status.success(), "kill -s {signal}: {}", String::from_utf8_lossy(&sent.stderr));
    }

    /// Its end, at most this far away.
    pub fn wait(&mut self, longest: Duration) -> ExitStatus {
        let mut ended = None;
        within(longest, &format!("the end of {}", self.said.display()), || {
            ended = self.child.try_wait().expect("a child can be waited for");
            ended.is_some()
        });
        ended.expect("it has ended above")
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its whole group: a browser has many processes.
        drop(Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", self.child.id())]).output());
        drop(self.child.wait());
        if std::thread::panicking() {
            drop(writeln!(std::io::stderr(), "--- {}\n{}", self.said.display(), self.said()));
        }
    }
}

/// Waits until it is so; fails when it is not in time.
#[track_caller]
pub fn within(longest: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < longest, "not within {longest:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A query as other people ask it; rows of `|`-separated values.
pub fn sql(db: &Path, query: &str) -> Vec<String> {
    let said = try_sql(db, query);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{query}: {told}");
    String::from_utf8_lossy(&said.stdout).lines().map(str::to_string).collect()
}

fn try_sql(db: &Path, query: &str) -> Output {
    let mut command = Command::new("sqlite3");
    command.arg("-readonly").arg("-cmd").arg(".timeout 5000").arg(db).arg(query);
    command.output().expect("this test needs sqlite3: scripts/setup.sh test")
}

/// The sum of a counter's series that have all these labels.
pub fn metric(scrape: &str, name: &str, labels: &[&str]) -> u64 {
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let values = scrape.lines().filter(of_name).filter(|line| labels.iter().all(|l| line.contains(l)));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
