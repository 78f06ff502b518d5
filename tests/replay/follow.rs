//! A file that grows while it is read.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Folder, corstap, incident, lines_of, ok, run, shown, text};

/// Long enough for a busy machine.
const WAIT: Duration = Duration::from_mins(1);

fn append(path: &Path, bytes: &[u8]) {
    let file: std::io::Result<File> = OpenOptions::new().append(true).open(path);
    file.and_then(|mut f| f.write_all(bytes)).expect("the file can be written");
}

/// Starts the program; its lines come as it prints them.
fn start(args: &[&str]) -> (Child, Receiver<String>) {
    let mut child = corstap(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let (send, lines) = channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    (child, lines)
}

/// Ends the program as Ctrl-C does; what it still prints, what it says, and its status.
fn stop(mut child: Child, lines: &Receiver<String>, signal: Signal) -> (Vec<String>, String, Option<i32>) {
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    let rest = lines.iter().collect();
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    (rest, said, child.wait().expect("it ends").code())
}

#[test]
fn what_is_refused_is_told_as_the_file_grows_and_the_rest_at_the_end() {
    let folder = Folder::new();
    let whole = std::fs::read(incident()).expect("the demo capture");
    // The end is in the midst of a packet.
    let growing = folder.write("growing.pcapng", &whole[..whole.len() / 2 - 3]);
    let (child, lines) = start(&["replay", shown(&growing), "--follow", "--format", "jsonl"]);
    let mut told = vec![lines.recv_timeout(WAIT).expect("what the first half tells")];
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(1)) {
        told.push(line);
    }
    let before = told.len();
    append(&growing, &whole[whole.len() / 2 - 3..]);
    told.push(lines.recv_timeout(WAIT).expect("what the second half tells"));
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(1)) {
        told.push(line);
    }
    assert!(told.len() > before && told.iter().all(|line| !line.contains("\"summary\"")));
    // A packet that was begun is no fault.
    append(&growing, &[6, 0, 0, 0, 200, 0, 0, 0, 1, 2]);
    std::thread::sleep(Duration::from_millis(300));
    let (rest, said, status) = stop(child, &lines, Signal::INT);
    told.extend(rest);
    assert_eq!((said.as_str(), status), ("", Some(0)));
    let told = told.join("\n");
    let read_at_once = ok(&["replay", shown(&incident()), "--format", "jsonl"]);
    for kind in ["transaction", "finding"] {
        assert_eq!(lines_of(&told, kind), lines_of(&read_at_once, kind));
    }
    assert_eq!(lines_of(&told, "summary").len(), 1);
}

#[test]
fn a_file_that_is_empty_yet_is_waited_for() {
    let folder = Folder::new();
    let growing = folder.write("growing.pcapng", b"");
    let (child, lines) = start(&["inspect", shown(&growing), "--follow"]);
    std::thread::sleep(Duration::from_millis(300));
    append(&growing, &std::fs::read(incident()).expect("the demo capture"));
    let first = lines.recv_timeout(WAIT).expect("the first message");
    assert!(first.contains("HTTP") || first.contains("GET") || first.contains("OPTIONS"), "{first}");
    let (_, said, status) = stop(child, &lines, Signal::TERM);
    assert_eq!(status, Some(0));
    assert!(said.contains("packets"), "{said}");
    // Standard input needs no flag.
    let refused = run(&["inspect", "-", "--follow"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--follow"));
}
