//! `replay --evidence`: small captures that other tools open, that say what the replay said, and that give nothing away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use corstap::evidence::pcapng::Writer;
use corstap::packet::{LinkType, Time};
use serde_json::Value;

const INCIDENT: &str = "captures/incident.pcapng";

/// A directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("corstap-evidence-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.0).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn replay(paths: &[&Path], flags: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["replay", "--format", "jsonl"])
        .args(paths)
        .args(flags)
        .output()
        .expect("corstap runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).expect("a name")
}

/// Lines that tshark prints of these fields.
fn tshark(file: &Path, args: &[&str], fields: &[&str]) -> Vec<Vec<String>> {
    let file = file.to_str().expect("a path");
    let mut all = vec!["-r", file, "-T", "fields", "-E", "separator=\u{1}"];
    all.extend(args);
    for field in fields {
        all.extend(["-e", field]);
    }
    run("tshark", &all).lines().map(|l| l.split('\u{1}').map(str::to_owned).collect()).collect()
}

#[test]
fn each_cause_and_finding_has_a_file_that_says_what_the_replay_says() {
    let folder = Folder::new("incident");
    let lines = replay(&[Path::new(INCIDENT)], &["--evidence", folder.0.to_str().expect("a path")]);
    let of_type = |kind: &str| lines.iter().filter(move |l| l["type"] == kind).collect::<Vec<_>>();
    let transactions: BTreeMap<&str, &Value> =
        of_type("transaction").into_iter().map(|t| (t["id"].as_str().expect("an id"), t)).collect();
    let causes: BTreeSet<String> = transactions
        .values()
        .filter(|t| t["verdict"] == "blocked")
        .map(|t| format!("cause-{}.pcapng", t["cause"].as_str().expect("a cause")))
        .collect();
    let findings: BTreeMap<String, &Value> = of_type("finding")
        .into_iter()
        .filter(|f| f["evidence"].as_array().is_some_and(|e| !e.is_empty()))
        .map(|f| (format!("finding-{}-{}.pcapng", f["rule"].as_str().unwrap_or(""), f["id"].as_str().unwrap_or("")), f))
        .collect();
    let files = folder.files();
    let found: BTreeSet<String> = files.iter().map(|f| name(f).to_owned()).collect();
    let expected: BTreeSet<String> = causes.iter().cloned().chain(findings.keys().cloned()).collect();
    assert!(causes.len() >= 3 && !findings.is_empty(), "{causes:?}");
    assert_eq!(found, expected);
    let mut all = vec!["-Mc", "-T", "-r"];
    all.extend(files.iter().map(|f| f.to_str().expect("a path")));
    let counted: Vec<String> = run("capinfos", &all).lines().map(str::to_owned).collect();
    assert_eq!(counted.len(), files.len());
    // tshark takes its time to start: every cause, and some of the findings
    let some = files.iter().zip(&counted).enumerate().filter(|(i, (f, _))| causes.contains(name(f)) || i % 8 == 0);
    for (_, (file, counted)) in some {
        let packets = tshark(file, &[], &["frame.time_epoch", "frame.comment"]);
        assert_eq!(counted.trim().rsplit('\t').next(), Some(packets.len().to_string().as_str()), "{}", name(file));
        let comments: Vec<&str> = packets.iter().filter_map(|p| p.get(1)).map(String::as_str).collect();
        let cited: BTreeSet<&str> = comments
            .iter()
            .flat_map(|c| c.split("corstap T").skip(1))
            .map(|rest| rest.split(':').next().unwrap_or(""))
            .collect();
        assert!(!cited.is_empty() && cited.len() <= 20, "{}: {comments:?}", name(file));
        if let Some(finding) = findings.get(name(file)) {
            let evidence: BTreeSet<&str> =
                finding["evidence"].as_array().into_iter().flatten().filter_map(|id| id.as_str()?.get(1..)).collect();
            assert_eq!(cited, evidence, "{}", name(file));
        }
        for id in cited {
            let id = format!("T{id}");
            // A rule may cite a request that is no transaction: one without Origin.
            let Some(t) = transactions.get(id.as_str()) else {
                assert!(comments.iter().any(|c| c.contains(&format!("{id}: not_cors"))), "{id}");
                continue;
            };
            let word = |key: &str| t[key].as_str().unwrap_or("");
            let said = comments
                .iter()
                .find(|c| c.contains(&format!("{id}: {}", word("verdict"))))
                .unwrap_or_else(|| panic!("{}: nothing says what {id} came to: {comments:?}", name(file)));
            assert!(said.contains(word("confidence")), "{said}");
            if word("verdict") == "blocked" {
                for key in ["phase", "reason", "cause"] {
                    assert!(said.contains(word(key)), "{said}: {t}");
                }
            }
        }
    }
}

/// When the leg that was refused began: the same in the evidence as in the whole.
fn refused_at(t: &Value) -> &str {
    let phase = t["phase"].as_str().expect("a phase");
    t[phase]["time"].as_str().expect("a time")
}

#[test]
fn replaying_the_evidence_gives_the_same_reasons() {
    let folder = Folder::new("again");
    let lines = replay(&[Path::new(INCIDENT)], &["--evidence", folder.0.to_str().expect("a path")]);
    let blocked = |lines: &[Value]| lines.iter().filter(|l| l["verdict"] == "blocked").cloned().collect::<Vec<Value>>();
    let all = blocked(&lines);
    let reasons: BTreeMap<&str, &Value> = all.iter().map(|t| (refused_at(t), &t["reason"])).collect();
    for file in folder.files().iter().filter(|f| name(f).starts_with("cause-")) {
        let again = blocked(&replay(&[file], &[]));
        assert!(!again.is_empty(), "{}", name(file));
        for t in &again {
            assert_eq!(reasons.get(refused_at(t)), Some(&&t["reason"]), "{}: {t}", name(file));
        }
    }
}

/// HTTP/2 in TLS, read with keys inside the capture: its heads can be read in the evidence, and come to the same.
#[test]
fn what_cannot_be_read_in_place_is_written_anew() {
    let folder = Folder::new("sealed");
    let input = folder.0.join("in.pcapng");
    let packed = fs::read("tests/data/oracle/T3-chromium.pcapng.zst").expect("the capture");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut ruzstd::decoding::StreamingDecoder::new(&packed[..]).expect("zstd"), &mut bytes)
        .expect("the capture");
    fs::write(&input, bytes).expect("written");
    let out = folder.0.join("out");
    let lines = replay(&[&input], &["--evidence", out.to_str().expect("a path")]);
    let blocked = |lines: &[Value]| lines.iter().filter(|l| l["verdict"] == "blocked").cloned().collect::<Vec<Value>>();
    let all = blocked(&lines);
    let (mut files, mut same) = (0, 0);
    for file in fs::read_dir(&out).expect("the folder").map(|e| e.expect("an entry").path()) {
        if !name(&file).starts_with("cause-") {
            continue;
        }
        files += 1;
        for t in blocked(&replay(&[&file], &[])) {
            // several streams may begin in one packet; which of several reasons comes first hangs on the credentials mode, which
            // other traffic told in part
            // (an answer that follows its request may let the next request seem later)
            let at_once: Vec<&Value> = all.iter().filter(|whole| refused_at(whole) == refused_at(&t)).collect();
            let is_same = at_once.iter().any(|whole| whole["reason"] == t["reason"]);
            let lists = |one: &Value, other: &Value| {
                one["reasons_all"].as_array().is_some_and(|all| all.contains(&other["reason"]))
            };
            let is_among = at_once.iter().any(|whole| lists(whole, &t) || lists(&t, whole));
            assert!(is_same || is_among || at_once.is_empty(), "{}: {t}", name(&file));
            same += usize::from(is_same);
        }
        let uris = tshark(&file, &["-Y", "http.request"], &["http.request.full_uri", "frame.comment"]);
        assert!(!uris.is_empty(), "{}", name(&file));
        for line in uris {
            assert!(
                line[0].starts_with("https://") && line[1].contains("in TLS, its head written as HTTP/1.1"),
                "{line:?}"
            );
        }
    }
    assert!(files >= 5 && same > 50, "{same} in {files} files");
}

fn holds_canary(file: &Path) -> bool {
    let bytes = fs::read(file).expect("readable");
    bytes.windows(6).any(|w| w.eq_ignore_ascii_case(b"canary"))
}

#[test]
fn secrets_stay_out_unless_asked_for_and_checksums_fit() {
    let (masked, raw) = (Folder::new("masked"), Folder::new("raw"));
    let path = |f: &Folder| f.0.to_str().expect("a path").to_owned();
    replay(&[Path::new(INCIDENT)], &["--evidence", &path(&masked)]);
    replay(&[Path::new(INCIDENT)], &["--evidence", &path(&raw), "--evidence-raw"]);
    assert!(raw.files().iter().any(|f| holds_canary(f)), "the incident has canaries");
    let shape = ["frame.time_epoch", "frame.len", "frame.cap_len", "tcp.seq_raw", "tcp.len", "tcp.checksum.status"];
    let check = ["-o", "tcp.check_checksum:TRUE"];
    for (a, b) in masked.files().iter().zip(raw.files()) {
        assert!(!holds_canary(a), "{} gives a secret away", name(a));
        if !name(a).starts_with("cause-") {
            continue; // tshark takes its time to start
        }
        assert_eq!(tshark(a, &check, &shape), tshark(&b, &check, &shape), "{}: something moved", name(a));
    }
}

#[test]
fn standard_input_cannot_be_read_twice() {
    let folder = Folder::new("stdin");
    let output = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["replay", "-", "--evidence", folder.0.to_str().expect("a path")])
        .stdin(Stdio::null())
        .output()
        .expect("corstap runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tee"), "the error names a cure");
}

const SYN: u8 = 2;
const ACK: u8 = 16;

/// An Ethernet frame with a TCP segment between 192.0.2.1:5000 and 192.0.2.2:80.
fn frame(from_client: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(40 + payload.len()).expect("small");
    let (source, target) = if from_client { (1, 2) } else { (2, 1) };
    let (source_port, target_port) = if from_client { (5000_u16, 80_u16) } else { (80, 5000) };
    let mut bytes = [&[0; 12][..], &[8, 0, 0x45, 0], &length.to_be_bytes(), &[0, 1, 0x40, 0, 64, 6, 0, 0]].concat();
    bytes.extend([192, 0, 2, source, 192, 0, 2, target]);
    bytes.extend(source_port.to_be_bytes());
    bytes.extend(target_port.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

#[test]
fn a_secret_that_spans_packets_is_masked_in_each() {
    let request = b"GET /v1?token=CANARY HTTP/1.1\r\nHost: api.test\r\nOrigin: http://app.test\r\n\
        User-Agent: Mozilla/5.0 Firefox/150.0\r\nCookie: sid=CANARY\r\nX-Token: CANARY\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=CANARY; Secure\r\nContent-Length: 6\r\n\r\nCANARY";
    let folder = Folder::new("spans");
    let input = folder.0.join("in.pcapng");
    for size in [1, 3, 7, 1000] {
        let start = u32::MAX - 60; // numbers wrap inside the head
        let mut pieces: Vec<(bool, u8, u32, &[u8])> =
            vec![(true, SYN, start - 1, b""), (false, SYN | ACK, start - 1, b"")];
        for (client, bytes) in [(true, &request[..]), (false, &answer[..])] {
            let mut seq = start;
            let mut of_side: Vec<(bool, u8, u32, &[u8])> = Vec::new();
            for piece in bytes.chunks(size) {
                of_side.push((client, ACK, seq, piece));
                seq = seq.wrapping_add(u32::try_from(piece.len()).expect("small"));
            }
            if of_side.len() > 4 {
                of_side.swap(2, 3); // out of order
                of_side.insert(3, of_side[1]); // and again
            }
            pieces.extend(of_side);
        }
        let mut writer = Writer::new("test");
        let interface = writer.interface(LinkType(1), None);
        for (n, (client, flags, seq, piece)) in (0_i64..).zip(pieces) {
            // The answer comes once the whole request has arrived.
            let request_bytes = if client || flags & SYN != 0 { 0 } else { request.len() };
            let ack = start.wrapping_add(u32::try_from(request_bytes).expect("small"));
            let bytes = frame(client, flags, seq, ack, piece);
            let length = u32::try_from(bytes.len()).expect("small");
            writer.packet(interface, Time(1_700_000_000_000_000_000 + n * 1_000_000), &bytes, length, &[]);
        }
        fs::write(&input, writer.finish()).expect("written");
        let out = folder.0.join(format!("out-{size}"));
        replay(&[&input], &["--evidence", out.to_str().expect("a path")]);
        let file = out.join("cause-unknown.pcapng");
        let files: Vec<_> = fs::read_dir(&out).expect("the folder").map(|e| e.expect("an entry").path()).collect();
        let file = if file.exists() { file } else { files.first().expect("a file").clone() };
        let joined: Vec<u8> = joined(&file, start, request.len());
        let text = String::from_utf8_lossy(&joined);
        assert!(text.contains("Origin: http://app.test\r\n"), "{size}: {text}");
        assert!(text.starts_with("GET /v1?token=XXXXXX HTTP/1.1\r\n"), "{size}: {text}");
        assert!(text.contains("Cookie: XXXXXXXXXX\r\nX-Token: XXXXXX\r\n\r\n"), "{size}: {text}");
        assert!(!holds_canary(&file), "{size}");
    }
}

/// The client's stream as the file has it.
fn joined(file: &Path, start: u32, length: usize) -> Vec<u8> {
    let mut stream = vec![b'?'; length];
    for line in tshark(file, &["-Y", "tcp.dstport == 80 && tcp.len > 0"], &["tcp.seq_raw", "tcp.payload"]) {
        let seq: u32 = line[0].parse().expect("a number");
        let at = seq.wrapping_sub(start) as usize;
        let hex = line[1].as_bytes();
        for (i, pair) in hex.chunks(2).enumerate() {
            let byte = u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
            if let Some(place) = stream.get_mut(at + i) {
                *place = byte;
            }
        }
    }
    stream
}
