//! What must not matter on the wire: where segments are cut, and how connections interleave (whole packets in, verdicts out).

use corstap::catalog::Reason;
use corstap::engine::Engine;
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::packet::{InterfaceId, LinkType, MILLISECOND, Order, Packet, SECOND, Time};
use corstap::record::{Finding, Phase, Sink, Transaction};
use proptest::prelude::*;
use std::sync::Arc;

/// Raw IP (LINKTYPE_RAW).
const RAW: LinkType = LinkType(101);
const SYN: u8 = 0x02;
const FIN: u8 = 0x01;
const ACK: u8 = 0x10;

const AGENT: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0|Accept: */*|Accept-Encoding: gzip";
const GOOD: &str = "Access-Control-Allow-Origin: http://a.test|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: x-a";
const ASK: &str = "Origin: http://a.test|Access-Control-Request-Method: PUT|Access-Control-Request-Headers: x-a";

#[derive(Default)]
struct Taken(Vec<String>);

impl Sink for Taken {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        let words = [t.phase.map(Phase::id), t.reason.map(Reason::id), Some(t.confidence.id())];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        self.0.push(format!("{} {} {} {} {}", t.method, t.path, t.verdict, words.join(" "), t.preflight_state));
    }
    fn finding(&mut self, _: &Finding) {}
}

/// What one side sends next; the other answers after it.
struct Turn {
    from_client: bool,
    bytes: Vec<u8>,
}

/// `line|field|…`, a blank line, and a body.
fn message(head: &str, body: &str) -> Vec<u8> {
    let mut bytes = head.replace('|', "\r\n").into_bytes();
    bytes.extend_from_slice(format!("\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    bytes
}

/// One client's connection: what goes over it, in order.
fn conversation(n: usize) -> Vec<Turn> {
    let asks = |line: &str, fields: &str, body: &str| Turn {
        from_client: true,
        bytes: message(&format!("{line} HTTP/1.1|Host: b{n}.test|{AGENT}|{fields}"), body),
    };
    let answers = |status: u16, fields: &str, body: &str| Turn {
        from_client: false,
        bytes: message(&format!("HTTP/1.1 {status} X|Server: x|{fields}"), body),
    };
    let put = "Origin: http://a.test|X-A: 1";
    match n % 5 {
        0 => vec![asks("GET /a", "Origin: http://a.test", ""), answers(200, GOOD, "{}")],
        1 => vec![
            asks("OPTIONS /b", ASK, ""),
            answers(204, GOOD, ""),
            asks("PUT /b", put, "0123456789"),
            answers(500, "Content-Type: text/html", "<html>"),
        ],
        2 => vec![asks("OPTIONS /c", ASK, ""), answers(403, "X-Y: z", "no")],
        3 => vec![
            asks("GET /d", "Origin: http://a.test|Cookie: a=b", ""),
            answers(200, "Access-Control-Allow-Origin: *|Content-Type: text/plain", "data"),
            asks("GET /e", "Origin: http://a.test", ""),
            answers(
                200,
                "Access-Control-Allow-Origin: http://c.test|Vary: Origin|Content-Type: text/plain",
                &"x".repeat(3000),
            ),
        ],
        _ => vec![
            asks("OPTIONS /f", ASK, ""),
            answers(200, GOOD, ""),
            asks("PUT /f", put, ""),
            answers(200, GOOD, "HTTP/1.1 200 OK\r\n\r\n"),
        ],
    }
}

/// A packet before it has its place in the feed.
struct Frame {
    bytes: Vec<u8>,
}

/// IPv4 and TCP, checksums left to the network card.
fn frame(n: usize, from_client: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Frame {
    let client = ([198, 51, 100, u8::try_from(n + 1).expect("few clients")], 40_000_u16);
    let server = ([203, 0, 113, 9], 80_u16);
    let ((from, from_port), (to, to_port)) = if from_client { (client, server) } else { (server, client) };
    let total = u16::try_from(40 + payload.len()).expect("a packet's length");
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend(from_port.to_be_bytes());
    bytes.extend(to_port.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    Frame { bytes }
}

/// The packets of one connection, each message cut where `cut` says (the length of the next piece).
fn frames(n: usize, mut cut: impl FnMut(usize) -> usize) -> Vec<Frame> {
    // one sequence number wraps on the way
    let mut next = [1000_u32, u32::MAX - 20];
    let mut frames =
        vec![frame(n, true, next[0], 0, SYN, b""), frame(n, false, next[1], next[0].wrapping_add(1), SYN | ACK, b"")];
    next = next.map(|seq| seq.wrapping_add(1));
    frames.push(frame(n, true, next[0], next[1], ACK, b""));
    for turn in conversation(n) {
        let side = usize::from(!turn.from_client);
        let mut rest = &turn.bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut(rest.len()).clamp(1, rest.len().min(1460)));
            frames.push(frame(n, turn.from_client, next[side], next[1 - side], ACK, piece));
            next[side] = next[side].wrapping_add(u32::try_from(piece.len()).expect("a piece"));
            rest = after;
        }
        frames.push(frame(n, !turn.from_client, next[1 - side], next[side], ACK, b""));
    }
    frames.push(frame(n, false, next[1], next[0], FIN | ACK, b""));
    frames.push(frame(n, true, next[0], next[1].wrapping_add(1), FIN | ACK, b""));
    frames
}

fn judged(packets: &[Frame]) -> Vec<String> {
    let mut engine = Engine::new(&Limits::default(), &EngineOptions::default());
    let mut taken = Taken::default();
    for (order, frame) in (0_u64..).zip(packets) {
        let time = Time(1_700_000_000 * SECOND + i64::try_from(order).expect("few packets") * MILLISECOND / 10);
        let wire_bytes = u32::try_from(frame.bytes.len()).expect("a packet's length");
        let packet =
            Packet { order: Order(order), time, interface: InterfaceId(0), link: RAW, bytes: &frame.bytes, wire_bytes };
        engine.on_packet(&packet, &mut taken);
    }
    engine.finish(&mut taken);
    taken.0.sort();
    taken.0
}

/// Ten connections one after the other, a message a packet.
fn plain() -> Vec<String> {
    let all: Vec<Frame> = (0..10).flat_map(|n| frames(n, |left| left)).collect();
    judged(&all)
}

#[test]
fn ten_conversations_are_judged_as_they_should_be() {
    let once = [
        "GET /a allowed certain not_needed",
        "GET /d blocked actual wildcard_with_credentials certain not_needed",
        "GET /e blocked actual allow_origin_mismatch certain not_needed",
        "PUT /b blocked actual missing_allow_origin certain sent",
        "PUT /c blocked preflight missing_allow_origin certain sent",
        "PUT /f allowed certain sent",
    ];
    let twice: Vec<&str> = once.iter().flat_map(|line| [*line, *line]).collect();
    assert_eq!(plain(), twice);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cuts_between_segments_do_not_matter(pieces in prop::collection::vec(1_usize..40, 16)) {
        let mut sizes = pieces.iter().copied().cycle();
        let all: Vec<Frame> = (0..10).flat_map(|n| frames(n, |_| sizes.next().expect("a cycle"))).collect();
        prop_assert_eq!(judged(&all), plain());
    }

    #[test]
    fn interleaving_of_connections_does_not_matter(turns in prop::collection::vec(0_usize..10, 64)) {
        let mut waiting: Vec<_> = (0..10).map(|n| frames(n, |left| left / 2 + 1).into_iter()).collect();
        let mut all = Vec::new();
        // each turn lets one connection go on; in the end every one has ended
        for n in turns.iter().cycle().take(2000).copied().chain(0..10) {
            all.extend(waiting[n].next());
        }
        for connection in &mut waiting {
            all.extend(connection);
        }
        prop_assert_eq!(judged(&all), plain());
    }
}
