//! Captures and outputs that fail: what is told, what is kept, and the exit status.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use super::capture::{Pcap, part};
use super::{Folder, corstap, incident, lines_of, ok, run, shown, text};

/// Replays `paths`; checks status and what standard error tells, and gives standard output.
fn check(paths: &[&str], status: i32, told: &[&str]) -> String {
    let ran = run(&[&["replay", "--format", "jsonl"], paths].concat());
    let stderr = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(status), "{paths:?}: {stderr}");
    for words in told {
        assert!(stderr.contains(words), "{paths:?}: \"{words}\" is not in: {stderr}");
    }
    text(&ran.stdout)
}

#[test]
fn a_truncated_capture_gives_what_came_before() {
    let folder = Folder::new();
    let whole = fs::read(incident()).expect("the demo capture");
    let half = part(&whole, 0, 5);
    let cut = folder.write("cut.pcapng", half.get(..half.len() - 7).expect("longer than that"));
    let stdout = check(&[shown(&cut)], 1, &["cut.pcapng: truncated: ends at byte", "what came before was read"]);
    let last = folder.write("last.pcapng", &half);
    let expected = lines_of(&ok(&["replay", "--format", "jsonl", shown(&last)]), "transaction");
    let found = lines_of(&stdout, "transaction");
    assert!(found.len() + 1 >= expected.len() && !found.is_empty(), "{} of {}", found.len(), expected.len());
    let summary = lines_of(&stdout, "summary");
    assert!(summary[0]["inputs"][0]["error"].as_str().is_some_and(|e| e.starts_with("truncated")), "{summary:?}");
}

#[test]
fn what_cannot_be_read_at_all_is_bad_input() {
    let folder = Folder::new();
    let empty = folder.write("empty.pcap", b"");
    let notes = folder.write("notes.txt", b"not a capture, but notes");
    let short = folder.write("short.pcap", &Pcap::new().finish()[..10]);
    let missing = folder.path("missing.pcap");
    let bare = folder.path("bare");
    fs::create_dir(&bare).expect("a directory");
    for (path, told) in [
        (shown(&empty), "empty.pcap: empty"),
        (shown(&notes), "notes.txt: not a capture"),
        (shown(&short), "short.pcap: "),
        (shown(&missing), "missing.pcap: no such file"),
        (shown(&bare), "bare: no capture"),
        ("/proc/self/mem", "/proc/self/mem: cannot be read"),
    ] {
        let stdout = check(&[path], 2, &[told]);
        assert!(lines_of(&stdout, "transaction").is_empty());
        // no diagnosis of traffic that nobody has read
        assert_eq!(text(&run(&["replay", path]).stdout), "");
    }
}

#[test]
fn one_bad_file_among_good_ones_is_told_and_the_others_are_read() {
    let folder = Folder::new();
    let bad = folder.write("bad.pcap", b"\x7fELF");
    let stdout =
        check(&[shown(&bad), shown(&incident())], 1, &["bad.pcap: not a capture (pcap or pcapng): it is a program"]);
    let alone = ok(&["replay", "--format", "jsonl", shown(&incident())]);
    assert_eq!(lines_of(&stdout, "transaction"), lines_of(&alone, "transaction"));
}

#[test]
fn what_lies_beside_captures_is_named_and_no_failure() {
    let folder = Folder::new();
    let beside = folder.path("beside");
    fs::create_dir(&beside).expect("a directory");
    fs::copy(incident(), beside.join("a.pcapng")).expect("a copy");
    fs::write(beside.join("empty.pcap"), b"").expect("a file");
    fs::write(beside.join("notes.txt"), b"notes").expect("a file");
    let ran = run(&["replay", shown(&beside)]);
    let told = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{told}");
    assert!(told.contains("passed over 2 files that are no captures: ") && told.contains("empty.pcap"), "{told}");
    assert!(text(&ran.stdout).contains("a.pcapng  1,257 packets"));
}

#[test]
fn a_header_without_packets_is_no_error_and_is_diagnosed() {
    let folder = Folder::new();
    let path = folder.write("quiet.pcap", &Pcap::new().finish());
    assert!(ok(&["replay", shown(&path)]).contains("no packets"));
}

#[test]
fn where_what_comes_last_cannot_be_written_nothing_is_begun() {
    let folder = Folder::new();
    let file = folder.write("file", b"kept");
    let db = folder.path("a.db");
    let (in_a_file, nowhere) = (file.join("evidence"), folder.path("no/such/folder/past.om"));
    for (option, path, told) in [
        ("--evidence", &in_a_file, "file/evidence: cannot be made: "),
        ("--evidence", &file, "file: cannot be made: "),
        ("--openmetrics", &nowhere, "past.om: cannot be written: "),
    ] {
        let ran = run(&["replay", shown(&incident()), "--db", shown(&db), option, shown(path)]);
        assert_eq!(ran.status.code(), Some(2));
        assert!(text(&ran.stderr).contains(told), "{}", text(&ran.stderr));
        assert_eq!((text(&ran.stdout).as_str(), db.exists()), ("", false));
    }
    // what a file held stays as long as nothing better is there
    let missing = folder.path("missing.pcap");
    let ran = run(&["replay", shown(&missing), "--openmetrics", shown(&file)]);
    assert_eq!((ran.status.code(), fs::read(&file).expect("still there")), (Some(2), b"kept".to_vec()));
}

#[test]
fn a_database_of_somebody_else_is_refused_untouched() {
    let folder = Folder::new();
    let other = folder.write(
        "notes.db",
        b"SQLite format 3? no, notes. Long enough to be looked at as a header by SQLite itself ....",
    );
    let before = fs::read(&other).expect("just written");
    let ran = run(&["replay", shown(&incident()), "--db", shown(&other)]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("notes.db: is not a corstap database"), "{}", text(&ran.stderr));
    assert_eq!(fs::read(&other).expect("still there"), before);
}

#[test]
fn a_database_that_cannot_be_made_is_told() {
    let folder = Folder::new();
    let file = folder.write("file", b"");
    for (place, told) in [
        ("no/such/folder/a.db", "a.db: there is no directory"),
        (".", "is a directory; name a file in it"),
        ("file/a.db", "file is no directory"),
    ] {
        let ran = run(&["replay", shown(&incident()), "--db", shown(&folder.path(place))]);
        assert_eq!((ran.status.code(), text(&ran.stdout).as_str()), (Some(2), ""), "{place}");
        assert!(text(&ran.stderr).contains(told), "{}", text(&ran.stderr));
    }
    assert_eq!(fs::read(&file).expect("still there"), b"");
}

#[test]
fn no_database_is_made_for_captures_that_cannot_be_read() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    check(&[shown(&folder.path("missing.pcap")), "--db", shown(&db)], 2, &["no such file"]);
    assert!(!db.exists());
}

#[test]
fn a_report_needs_a_database_of_ours() {
    let folder = Folder::new();
    let missing = folder.path("missing.db");
    let other =
        folder.write("other.db", &b"no database, but a text that is long enough to be taken for one ".repeat(20));
    for (path, told) in [(&missing, "missing.db: no such database"), (&other, "other.db: is not a corstap database")] {
        for format in ["text", "html", "jsonl"] {
            let ran = run(&["report", "--db", shown(path), "--format", format]);
            assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(2), String::new()));
            assert!(text(&ran.stderr).contains(told), "{}", text(&ran.stderr));
        }
    }
}

#[test]
fn a_report_on_nothing_says_so() {
    let folder = Folder::new();
    let (capture, db) = (folder.write("quiet.pcap", &Pcap::new().finish()), folder.path("quiet.db"));
    ok(&["replay", shown(&capture), "--db", shown(&db)]);
    for format in ["text", "html"] {
        let report = ok(&["report", "--db", shown(&db), "--format", format]);
        assert!(report.contains("No cross-origin request was seen"), "{report}");
    }
    assert_eq!(lines_of(&ok(&["report", "--db", shown(&db), "--format", "jsonl"]), "run").len(), 1);
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused() {
    let folder = Folder::new();
    let config = folder.write("corstap.toml", b"[site]\nname = [\"shop.test\"]\n");
    check(&[shown(&incident()), "--config", shown(&config)], 2, &["corstap.toml", "did you mean names?"]);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let capture = incident();
    for args in [["replay", shown(&capture), "-v"], ["replay", shown(&capture), "--format=jsonl"]] {
        let mut child = corstap(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut first = [0; 10];
        let mut stdout = child.stdout.take().expect("piped");
        stdout.read_exact(&mut first).expect("some output");
        drop(stdout);
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn a_stream_shows_the_first_of_each_problem_before_its_end() {
    let whole = fs::read(incident()).expect("the demo capture");
    let mut child = corstap(&["replay", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let half = whole.len() / 2;
    stdin.write_all(&whole[..half]).expect("it reads");
    let mut line = String::new();
    // Blocks until a line comes; the capture's second half is not written yet.
    stdout.read_line(&mut line).expect("a line");
    assert!(line.contains("BLOCKED  header_not_allowed GET https://api.shop.test/v1/search"), "{line}");
    stdin.write_all(&whole[half..]).expect("it reads");
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    assert!(rest.contains("standard input"), "{rest}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
