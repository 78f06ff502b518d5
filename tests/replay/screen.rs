//! What a person sees: width, escapes, and one line on captures in which there is nothing to judge.

use std::fs;
use std::path::Path;
use std::process::Command;

use unicode_width::UnicodeWidthStr as _;

use super::capture::Pcap;
use super::{Folder, incident, ok, shown, text};

fn report(capture: &[u8]) -> String {
    let folder = Folder::new();
    let path = folder.write("a.pcap", capture);
    ok(&["replay", shown(&path)])
}

#[test]
fn every_line_fits_and_nothing_but_the_colours_acts_on_a_terminal() {
    let folder = Folder::new();
    let (capture, db) = (incident(), folder.path("a.db"));
    ok(&["replay", shown(&capture), "--db", shown(&db)]);
    for args in [&["replay", shown(&capture)][..], &["replay", shown(&capture), "-v"], &["report", "--db", shown(&db)]]
    {
        let plain = ok(args);
        // a command stays whole, so that it can be pasted
        for line in plain.lines().filter(|line| !line.contains(" corstap ")) {
            assert!(line.width() <= 120, "{} columns: {line}", line.width());
        }
        assert!(!plain.contains('\u{1b}'));
        let coloured = ok(&[args, &["--color", "always"]].concat());
        assert!(coloured.contains("\u{1b}[1;31m"));
        let mut bare = coloured;
        for code in ["0", "1", "2", "31", "32", "33", "36", "1;31"] {
            bare = bare.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(bare, plain);
    }
}

/// The commands that a report leads on with.
fn commands(report: &str) -> Vec<String> {
    let next = report.split("\nNext ").nth(1).expect("commands to go on with");
    next.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_command_that_is_printed_works_where_it_is_pasted() {
    let folder = Folder::new();
    for name in ["plain.pcapng", "of Monday; it's odd.pcapng", "-x.pcapng"] {
        fs::copy(incident(), folder.path(name)).expect("a copy");
        let db = format!("./{name}.db");
        let program = Path::new(env!("CARGO_BIN_EXE_corstap"));
        let path = std::env::join_paths(
            program
                .parent()
                .map(Path::to_owned)
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        )
        .expect("a search path");
        let pasted = |command: &str| {
            let ran = Command::new("sh")
                .args(["-c", command])
                .current_dir(&folder.0)
                .env("PATH", &path)
                .output()
                .expect("a shell");
            assert_eq!(ran.status.code(), Some(0), "{command}: {}", text(&ran.stderr));
            text(&ran.stdout)
        };
        let quoted = format!("'./{}'", name.replace('\'', "'\\''"));
        let plain = commands(&pasted(&format!("corstap replay --scheme https {quoted}")));
        assert_eq!(plain.len(), 2, "{plain:?}");
        assert!(plain[1].contains("--scheme https") && plain[1].contains("--evidence"), "{plain:?}");
        let recorded = commands(&pasted(&format!("corstap replay {quoted} --db '{}'", db.replace('\'', "'\\''"))));
        assert!(
            recorded[0].starts_with("corstap explain T") && recorded[1].starts_with("corstap report"),
            "{recorded:?}"
        );
        for command in plain.iter().chain(&recorded) {
            pasted(command);
        }
        let explained = pasted(&recorded[0]);
        let filter = explained
            .lines()
            .find_map(|line| line.trim().strip_prefix("packets    "))
            .expect("a command for the packets");
        let packets = pasted(filter);
        assert!(packets.lines().any(|line| line.contains("/v1/orders")), "{filter}: {packets}");
    }
}

#[test]
fn times_on_several_days_are_told_with_their_day() {
    let mut pcap = Pcap::new();
    pcap.open();
    for path in ["/one", "/two"] {
        pcap.http(true, &format!("GET {path} HTTP/1.1|Host: b.test|Origin: https://a.test|Sec-Fetch-Mode: cors||"));
        pcap.http(false, "HTTP/1.1 200 OK|Content-Length: 0||");
        pcap.wait(86_400);
    }
    let folder = Folder::new();
    let (path, db) = (folder.write("a.pcap", &pcap.finish()), folder.path("a.db"));
    let told = ok(&["replay", shown(&path), "-v", "--db", shown(&db)]);
    assert!(told.contains("2023-11-14 22:13:20–2023-11-15 22:13:20 · 1 client"), "{told}");
    assert!(told.contains("\n2023-11-15\n22:13:20."), "where the next day begins: {told}");
    let listed = ok(&["inspect", shown(&path)]);
    assert_eq!(listed.matches("\n2023-11-15\n").count(), 1, "{listed}");
    let report = ok(&["report", "--db", shown(&db)]);
    assert!(report.contains("2023-11-14 22:00:00 – 2023-11-1"), "{report}");
    assert!(ok(&["report", "--db", shown(&db), "--format", "html"]).contains("2023-11-14 22:"));
}

#[test]
fn bytes_of_the_wire_cannot_act_on_the_terminal() {
    let mut pcap = Pcap::new();
    pcap.open();
    let evil = "https://a.test\u{9b}31m\u{202e}";
    pcap.http(
        true,
        &format!("PUT /p\u{202e} HTTP/1.1|Host: b.test|Origin: {evil}|User-Agent: Firefox/150.0\u{9b}2J||"),
    );
    pcap.http(
        false,
        &format!("HTTP/1.1 200 OK|Access-Control-Allow-Origin: {evil}x|Content-Length: 0|Server: \u{9b}2J||"),
    );
    let folder = Folder::new();
    let path = folder.write("a.pcap", &pcap.finish());
    for flag in ["--all", "-v"] {
        let told = ok(&["replay", shown(&path), flag]);
        assert!(
            !told.chars().any(|c| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))),
            "{told:?}"
        );
    }
}

#[test]
fn a_capture_of_tls_says_that_it_cannot_be_read() {
    let mut pcap = Pcap::new();
    pcap.open();
    pcap.data(true, &[&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 506]].concat());
    pcap.data(false, &[&b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03"[..], &[9; 84]].concat());
    let told = report(&pcap.finish());
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("is TLS; capture behind the TLS terminator"), "{told}");
    assert!(told.contains("(SSLKEYLOGFILE) and give them with --keylog"), "{told}");
}

#[test]
fn one_direction_alone_is_named() {
    let mut pcap = Pcap::new();
    for _ in 0..3 {
        pcap.http(true, "GET /a HTTP/1.1|Host: b.test|Origin: https://a.test||");
    }
    let told = report(&pcap.finish());
    assert!(told.contains("only requests were captured, no answers: the tap sees one direction"), "{told}");
}

#[test]
fn traffic_that_is_not_http_is_named() {
    let mut udp = Pcap::new();
    let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    ip.extend_from_slice(&[0, 53, 0, 53, 0, 8, 0, 0]);
    udp.packet(&ip);
    let told = report(&udp.finish());
    assert!(told.contains("no TCP in 1 packet (udp 1): is it the right interface and filter?"), "{told}");

    let mut ssh = Pcap::new();
    ssh.open();
    ssh.data(false, b"SSH-2.0-OpenSSH_9.2\r\n");
    ssh.data(true, b"SSH-2.0-OpenSSH_9.2\r\n");
    let told = report(&ssh.finish());
    assert!(told.contains("no HTTP in 1 connection: 1 of another protocol"), "{told}");
}

#[test]
fn http_without_cross_origin_requests_is_not_called_healthy() {
    let mut pcap = Pcap::new();
    pcap.open();
    pcap.http(true, "GET /a HTTP/1.1|Host: b.test||");
    pcap.http(false, "HTTP/1.1 200 OK|Content-Length: 0||");
    let told = report(&pcap.finish());
    assert!(told.contains("1 HTTP request, none of them cross-origin") && !told.contains("BLOCKED"), "{told}");
}
