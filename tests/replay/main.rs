//! `replay` and `report` from outside: the program itself, run on captures.

mod browsers;
mod capture;
mod faults;
mod follow;
mod incident;
mod large;
mod page;
mod repeat;
mod screen;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The demo capture.
fn incident() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/incident.pcapng")
}

/// A directory of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("corstap-replay-{}-{nth}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("the temporary directory is writable");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A command, not run yet; with no terminal and no environment that changes its output.
fn corstap(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corstap"));
    command.args(args).stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("RUST_LOG");
    command
}

fn run(args: &[&str]) -> Output {
    corstap(args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// Standard output of a run that ends well.
fn ok(args: &[&str]) -> String {
    let ran = run(args);
    assert_eq!(ran.status.code(), Some(0), "{args:?}: {}", text(&ran.stderr));
    text(&ran.stdout)
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The lines of one type.
fn lines_of(jsonl: &str, kind: &str) -> Vec<Value> {
    let all = jsonl.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    all.filter(|line| line["type"] == kind).collect()
}
