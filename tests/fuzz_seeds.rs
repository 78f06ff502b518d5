//! The fuzz targets (tests/fuzz) run for a moment on each of their seeds and on changes of it, the same each time.

mod support;

use std::path::PathBuf;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::counters::Counters;
use corstap::decode::{Decoded, Decoder, Side, TcpFlags};
use corstap::limits::Limits;
use support::dice::Dice;

/// Changes of one seed; `CORSTAP_FUZZ_CHANGES` says otherwise.
const CHANGES: u64 = 12;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus")
}

fn captures() -> Vec<PathBuf> {
    let all = captures_in(&folder());
    assert!(all.len() > 100);
    all
}

fn captures_in(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        .collect();
    all.sort();
    all
}

/// With `CORSTAP_FUZZ_CORPUS=FOLDER` the seeds are also written there, by target, for a fuzzer to begin with.
fn write_seeds(name: &str, seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("CORSTAP_FUZZ_CORPUS") else { return };
    let folder = PathBuf::from(folder).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for seeds");
    for (n, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n:04}")), seed).expect("a seed");
    }
}

fn with_changes(name: &str, seeds: &[Vec<u8>], target: fn(&[u8])) {
    assert!(!seeds.is_empty());
    write_seeds(name, seeds);
    let changes = std::env::var("CORSTAP_FUZZ_CHANGES").ok().and_then(|n| n.parse().ok()).unwrap_or(CHANGES);
    let mut dice = Dice(0x5EED ^ (changes << 32));
    for seed in seeds {
        target(seed);
        for _ in 0..changes {
            let mut bytes = seed.clone();
            for _ in 0..=dice.throw(8) {
                let at = dice.throw(bytes.len());
                match dice.throw(6) {
                    0 => bytes.truncate(at),
                    1 => bytes.extend_from_within(at..),
                    2 => {
                        let other = &seeds[dice.throw(seeds.len())];
                        bytes.truncate(at);
                        bytes.extend_from_slice(&other[dice.throw(other.len() + 1).min(other.len())..]);
                    }
                    3 if !bytes.is_empty() => {
                        bytes.remove(at);
                    }
                    4 => bytes.insert(at, [0, 0xff, b'\n', b'\r', b' ', b':', b'0'][dice.throw(7)]),
                    _ => {
                        if let Some(b) = bytes.get_mut(at) {
                            *b ^= 1 << dice.throw(8);
                        }
                    }
                }
                bytes.truncate(100_000);
            }
            target(&bytes);
        }
    }
}

/// Frames with their link types.
type Frames = Vec<(u16, Vec<u8>)>;

/// The frames of each capture, at most 40.
fn frames(captures: Vec<PathBuf>) -> Vec<(PathBuf, Frames)> {
    captures
        .into_iter()
        .map(|path| {
            let mut feed = Feed::open(std::slice::from_ref(&path), FeedOptions::default());
            let mut frames = Vec::new();
            while let Some(packet) = feed.next() {
                if frames.len() < 40 {
                    frames.push((packet.link.0, packet.bytes.to_vec()));
                }
            }
            (path, frames)
        })
        .collect()
}

#[test]
fn frames_of_any_kind() {
    let seeds: Vec<Vec<u8>> = frames(captures())
        .into_iter()
        .flat_map(|(_, frames)| frames.into_iter().take(4))
        .map(|(link, bytes)| [&[u8::try_from(link % 12).unwrap_or(0), 0][..], &bytes].concat())
        .collect();
    with_changes("frame", &seeds, support::frame);
}

#[test]
fn capture_files_of_any_kind() {
    let seeds: Vec<Vec<u8>> =
        captures().iter().map(|p| std::fs::read(p).expect("a capture")).filter(|b| b.len() < 20_000).collect();
    with_changes("capture_file", &seeds, support::capture_file);
}

#[test]
fn conversations() {
    let said = |who: u8, text: &str| {
        let bytes = text.replace('|', "\r\n").into_bytes();
        [&[who, u8::try_from(bytes.len()).expect("short")][..], &bytes].concat()
    };
    let ask = "GET /a HTTP/1.1|Host: b.test|Origin: http://a.test||";
    let answers = [
        "HTTP/1.1 200 OK|Content-Length: 5||hello",
        "HTTP/1.1 200 OK|Transfer-Encoding: chunked||5;x|hello|0|T: u||",
        "HTTP/1.1 101 Switching Protocols|Upgrade: websocket||",
        "HTTP/1.0 403 No||<html>",
        "HTTP/1.1 100 Continue||HTTP/1.1 204 No Content||",
    ];
    let mut seeds = Vec::new();
    for answer in answers {
        for how in [0, 2, 4, 8, 128] {
            let mut bytes = [said(64, ""), said(65, "")].concat();
            for who in [0, how, 1, 1 | how, 0, 1, 16, 17, 32] {
                bytes.extend(said(who, if who & 1 == 1 { answer } else { ask }));
            }
            seeds.push(bytes);
        }
    }
    seeds.push(said(0, "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443|CONNECT b.test:80 HTTP/1.1||"));
    seeds.extend(multiplexed());
    for _ in 0..20 {
        with_changes("conversation", &seeds, support::conversation);
    }
}

/// The streams of each small capture of TLS, as steps of a conversation.
#[test]
fn conversations_inside_tls() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let mut seeds = Vec::new();
    for name in
        ["tls12-aes256gcm", "tls12-chacha20", "tls13-aes256gcm", "tls13-keyupdate", "tls13-early", "tls13-retry"]
    {
        let mut decoder = Decoder::new(&Limits::default());
        let mut feed = Feed::open(&[folder.join(format!("{name}.pcapng"))], FeedOptions::default());
        let mut steps: Vec<u8> = Vec::new();
        let mut client = None;
        while let Some(packet) = feed.next() {
            let Decoded::Segment(s) = decoder.decode(&packet, &mut Counters::default()) else { continue };
            let server = u8::from(*client.get_or_insert(s.side) != s.side);
            if s.flags.has(TcpFlags::SYN) {
                steps.extend([server | 64, 0]);
            }
            for part in s.payload.chunks(255) {
                steps.extend([server, u8::try_from(part.len()).expect("at most 255")]);
                steps.extend_from_slice(part);
            }
        }
        steps.truncate(30_000);
        seeds.extend([0, 1].map(|late| [&[late], &*steps].concat()));
    }
    for seed in &seeds {
        let c = support::read_tls(seed);
        assert!(c.tls_connections.decrypted > 0 && c.requests > 1, "nothing was read: {c:?}");
    }
    for _ in 0..8 {
        with_changes("tls", &seeds, support::tls);
    }
}

/// Frames of each small capture of HTTP/2, and what is worth a try.
#[test]
fn frames_of_http_2() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/http2");
    let mut seeds = Vec::new();
    for name in ["caddy", "haproxy", "nginx-curl", "nginx-nghttp"] {
        let mut decoder = Decoder::new(&Limits::default());
        let mut feed = Feed::open(&[folder.join(format!("{name}.pcapng"))], FeedOptions::default());
        let mut flows = std::collections::BTreeMap::<_, (Side, [Vec<u8>; 2], Vec<u8>)>::new();
        while let Some(packet) = feed.next() {
            let Decoded::Segment(s) = decoder.decode(&packet, &mut Counters::default()) else { continue };
            let [low, high] = [s.flow.low, s.flow.high].map(|end| (end.ip, end.port));
            let (client, held, steps) =
                flows.entry((low, high)).or_insert_with(|| (s.side, [Vec::new(), Vec::new()], Vec::new()));
            let server = *client != s.side;
            let held = &mut held[usize::from(server)];
            held.extend_from_slice(s.payload);
            if held.starts_with(b"PRI * HTTP/2.0") {
                held.drain(..24.min(held.len()));
            }
            while let [_, middle, low, kind, flags, _, _, _, stream, ..] = held[..] {
                let length = usize::from(middle) * 256 + usize::from(low);
                if held.len() < 9 + length {
                    break;
                }
                let payload = &held[9..9 + length];
                let short = &payload[..length.min(255)];
                if kind == 0 || length < 256 {
                    steps.extend([u8::from(server), kind, flags, stream, u8::try_from(short.len()).expect("short")]);
                    steps.extend_from_slice(short);
                }
                held.drain(..9 + length);
            }
        }
        seeds.extend(flows.into_values().map(|(_, _, steps)| {
            let mut seed = vec![7];
            seed.extend_from_slice(&steps[..steps.len().min(4000)]);
            seed
        }));
    }
    assert!(seeds.len() > 4 && seeds.iter().any(|seed| seed.len() > 500), "{}", seeds.len());
    let step = |how: u8, kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        [&[how, kind, flags, stream, u8::try_from(payload.len()).expect("short")][..], payload].concat()
    };
    let ask: &[u8] = b"\x82\x86\x84\x41\x06b.test\x40\x06origin\x0dhttp://a.test";
    let again: &[u8] = b"\x82\x86\x84\xbf\xbe";
    for how in [0, 16, 32, 64] {
        let talk = [
            step(0, 1, 5, 1, ask),
            step(1, 1, 4, 1, b"\x8d\x40\x05x-foo\x03bar"),
            step(how, 1, 4, 3, again),
            step(1, 1, 4, 3, b"\x8b\x54\x01*"),
            step(0, 0, 1, 3, b"a=b"),
            step(1 | how, 0, 9, 1, b"\x02hello\0\0"),
            step(1, 0, 1, 3, b"<html>"),
            step(how, 1, 1, 5, again),
            step(how, 9, 0, 5, b""),
            step(0, 9, 4, 5, b"\x40\x01a\x01b\x20\x3f\xe1\xff\x03"),
            step(1, 3, 0, 5, &[0, 0, 0, 8]),
            step(1, 7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]),
        ];
        seeds.push([&[how][..], &talk.concat()].concat());
    }
    with_changes("frames", &seeds, support::frames);
    with_changes("frames", &seeds, support::frames);
}

/// Messages of HTTP/1 and HTTP/2, key updates, other handshakes and holes, inside TLS of each kind.
#[test]
fn behind_the_keys_of_tls() {
    let step =
        |how: u8, kind: u8, plain: &[u8]| [&[how, kind, u8::try_from(plain.len()).expect("short")][..], plain].concat();
    let ask: &[u8] = b"GET /a HTTP/1.1\r\nHost: b.test\r\nOrigin: http://a.test\r\n\r\n";
    let answer: &[u8] = b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n";
    let frames: &[u8] =
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x01\x05\0\0\0\x01\x82\x87\x84\x86";
    let mut seeds = Vec::new();
    for which in [0, 1, 2, 3, 4, 5, 8, 24, 56] {
        for how in [0, 2, 4, 16, 32] {
            let shake = [step(1, 22, &[20, 0, 0, 0]), step(0, 22, &[20, 0, 0, 0])].concat();
            let talk = [
                step(0, 23, ask),
                step(1, 23, answer),
                step(1 | how, 23, b"hello"),
                step(how, 22, &[24, 0, 0, 1, 0]),
                step(0, 23, b"GET /b HTTP/1.1\r\n"),
                step(0, 23, b"Host: b.test\r\n\r\n"),
                step(1, 22, &[4, 0, 0, 1, 0, 24, 0, 0, 1, 0]),
                step(1, 23, answer),
                step(1 | how, 23, b"hello"),
                step(0, 20, &[1]),
                step(how | 8, 22, &[1, 0, 0, 40]),
                step(0, 23, ask),
                step(1, 21, &[1, 0]),
            ];
            seeds.push([&[which, how][..], &shake, &talk.concat()].concat());
        }
        if which & 16 != 0 {
            continue; // it said HTTP/1 as early data
        }
        let talk = [step(0, 23, frames), step(1, 23, b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88")];
        seeds.push([&[which | 64, 3][..], &talk.concat()].concat());
    }
    for seed in seeds.iter().filter(|seed| seed[1] == 3) {
        let c = support::read_sealed(seed);
        assert_eq!((c.tls_connections.decrypted, c.responses, c.http_errors.total()), (1, 1, 0), "{:?} {c:?}", seed[0]);
    }
    with_changes("sealed", &seeds, support::sealed);
}

/// RFC 8446 § 5.1: a message that changes keys ends its record. What follows it there costs no further change.
#[test]
fn a_record_changes_keys_once() {
    let ask: &[u8] = b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n";
    let step =
        |how: u8, kind: u8, plain: &[u8]| [&[how, kind, u8::try_from(plain.len()).expect("short")][..], plain].concat();
    let updates = [24, 0, 0, 1, 0].repeat(50);
    let talk = [step(0, 23, ask), step(0, 22, &updates), step(0, 23, ask), step(0, 22, &updates), step(0, 23, ask)];
    let c = support::read_sealed(&[&[64, 0][..], &talk.concat()].concat());
    assert_eq!((c.tls_connections.decrypted, c.requests, c.tls_records_lost.total()), (1, 3, 0), "{c:?}");
}

#[test]
fn key_logs() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let mut seeds = vec![b"# nothing\r\n\n \t \nCLIENT_RANDOM\n\0\nRSA a b\nlast".to_vec(), vec![b'x'; 9000]];
    for name in ["tls12-aes256gcm", "tls13-keyupdate", "tls13-early", "tls12-cbc"] {
        let mut text = std::fs::read(folder.join(format!("{name}.keys"))).expect("keys");
        text.truncate(3000);
        seeds.push(text);
    }
    for _ in 0..10 {
        with_changes("key_log", &seeds, support::key_log);
    }
}

/// Connections of HTTP/2, also upgraded to and joined midway.
fn multiplexed() -> Vec<Vec<u8>> {
    let said = |who: u8, bytes: &[u8]| [&[who, u8::try_from(bytes.len()).expect("short")][..], bytes].concat();
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        [&[0, 0, u8::try_from(payload.len()).expect("short"), kind, flags, 0, 0, 0, stream][..], payload].concat()
    };
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (client, server) = (0, 1);
    let settings = frame(4, 0, 0, &[0, 1, 0, 0, 16, 0]);
    // GET / of b.test, whose name comes to stand in the table; and the same by that
    let first = b"\x82\x86\x84\x41\x06b.test\x40\x06origin\x0dhttp://a.test";
    let again: &[u8] = b"\x82\x86\x84\xbf\xbe";
    let answer = b"\x88\x54\x01*\x40\x05x-foo\x03bar";
    let begin = [said(client, preface), said(client, &settings), said(server, &settings)].concat();
    let talk = [
        said(client, &frame(1, 5, 1, first)),
        said(server, &frame(1, 4, 1, answer)),
        said(client, &frame(1, 4, 3, again)),
        said(client, &frame(0, 1, 3, b"a=b")),
        said(server, &frame(0, 9, 1, b"\x02hello\0\0")),
        said(server, &frame(1, 4, 3, b"\x8d\xbf")),
        said(server, &frame(0, 0, 3, b"not here")),
        said(client, &frame(1, 1, 5, again)),
        said(client, &frame(9, 4, 5, b"\x40\x01a\x01b")),
        said(server, &frame(5, 4, 5, &[&[0, 0, 0, 2][..], again].concat())),
        said(server, &frame(1, 5, 2, answer)),
        said(server, &frame(3, 0, 3, &[0, 0, 0, 8])),
        said(server, &frame(7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0])),
    ]
    .concat();
    let upgrade = [
        said(client, b"GET / HTTP/1.1\r\nHost: b.test\r\nUpgrade: h2c\r\n\r\n"),
        said(server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
    ]
    .concat();
    let shake = [said(64, b""), said(65, b"")].concat();
    vec![[shake.as_slice(), &begin, &talk].concat(), [shake.as_slice(), &upgrade, &begin, &talk].concat(), talk]
}

#[test]
fn field_values() {
    let seeds: Vec<Vec<u8>> = [
        "http://app.one.test:18001",
        "null",
        "https://xn--bcher-kva.example",
        "http://[2001:db8::1]:8080",
        "//b.test/x?y#z",
        "../a/./b",
        "text/plain; charset=\"utf-8\"",
        "x-a, x-b,, \"q\"",
        "bytes=0-",
        "*",
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect();
    for _ in 0..20 {
        with_changes("field_values", &seeds, support::field_values);
    }
}

#[test]
fn the_whole_engine() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let all = [captures(), captures_in(&data.join("http2")), captures_in(&data.join("tls"))].concat();
    let seeds: Vec<Vec<u8>> = frames(all)
        .into_iter()
        .map(|(_, frames)| {
            let mut bytes = Vec::new();
            for (_, mut frame) in frames.into_iter().filter(|(link, _)| *link == 1) {
                frame.resize(frame.len().min(2040).next_multiple_of(8), 0);
                bytes.extend([10, u8::try_from(frame.len() / 8).expect("at most 255")]);
                bytes.extend(frame);
            }
            bytes
        })
        .filter(|b| !b.is_empty())
        .collect();
    with_changes("engine", &seeds, support::engine);
}
