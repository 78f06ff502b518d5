//! Scripts in wire notation. `c` and `s` send a segment (`|` is CR LF); before it may stand `lose` (not captured), `late` (captured
//! after the next one), `dup` (captured twice), `cut N` (all but N bytes captured). `c fin`, `s rst`, `wait N` (seconds) and `midway`
//! (no handshake, first line) do what they say.
//!
//! Outcome: `> GET /a` and `< 204 to GET /a` for heads, `< 200 alone` for a response without request, `! GET /a Closed` for none,
//! `> GET /a from 192.0.2.7:5` where a balancer named the client, `= 5 Whole` for a body that is not empty or not whole. Doubts follow in brackets.

use super::*;
use crate::decode::{Endpoint, FlowKey, TcpFlags, TunnelId};
use crate::http::{BodyState, Doubts, HeadState};
use crate::packet::Order;

const CLIENT: Endpoint = Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), port: 40000 };
const SERVER: Endpoint = Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), port: 8080 };

#[derive(Clone)]
struct Sent {
    side: Side,
    seq: u32,
    ack: u32,
    flags: u8,
    bytes: Vec<u8>,
    cut: u32,
}

pub(super) struct Wire {
    pub streams: Streams,
    pub counters: Counters,
    now: Time,
    order: u64,
    next: [u32; 2],
    out: Vec<HttpEvent>,
    told: Vec<String>,
    delayed: Option<Sent>,
}

fn at(side: Side) -> usize {
    side.index()
}

impl Wire {
    pub fn new(limits: &Limits, first: [u32; 2]) -> Self {
        Wire {
            streams: Streams::new(limits, &EngineOptions::default()),
            counters: Counters::default(),
            now: Time(0),
            order: 0,
            next: first,
            out: Vec::new(),
            told: Vec::new(),
            delayed: None,
        }
    }

    fn capture(&mut self, sent: &Sent) {
        let segment = Segment {
            flow: FlowKey { low: CLIENT, high: SERVER, tunnel: TunnelId(0) },
            side: sent.side,
            seq: sent.seq,
            ack: (sent.flags & TcpFlags::ACK != 0).then_some(sent.ack),
            flags: TcpFlags(sent.flags),
            payload: &sent.bytes,
            cut: sent.cut,
        };
        self.now = self.now.plus(10_000_000);
        self.order += 1;
        let mark = Mark { time: self.now, order: Order(self.order) };
        self.streams.on_segment(&segment, mark, &mut self.out, &mut self.counters);
        self.tell();
    }

    fn tell(&mut self) {
        for event in self.out.drain(..) {
            let request = |r: &crate::http::Request| {
                format!("{} {}", String::from_utf8_lossy(r.head.method()), String::from_utf8_lossy(r.head.target()))
            };
            let line = match &event {
                HttpEvent::Request(r) => {
                    let client = if r.client == r.peer { String::new() } else { format!(" from {}", r.client) };
                    format!("> {}{client}{}", request(r), doubts(r.doubts, r.head_state))
                }
                HttpEvent::Interim(r) => format!("< {} interim", r.status),
                HttpEvent::Response { request: Some(q), response: r } => {
                    let says =
                        if r.body_start.is_cors_refusal() { format!(": {:?}", r.body_start) } else { String::new() };
                    format!("< {} to {}{}{says}", r.status, request(q), doubts(r.doubts, r.head_state))
                }
                HttpEvent::Response { request: None, response: r } => {
                    format!("< {} alone{}", r.status, doubts(r.doubts, r.head_state))
                }
                HttpEvent::NoAnswer { request: r, why, .. } => format!("! {} {why:?}", request(r)),
                HttpEvent::End { body_bytes: 0, state: BodyState::Whole, .. } => continue,
                HttpEvent::End { body_bytes, state, .. } => format!("= {body_bytes} {state:?}"),
            };
            self.told.push(line);
        }
    }

    fn send(&mut self, side: Side, flags: u8, bytes: &[u8]) -> Sent {
        let sent = Sent {
            side,
            seq: self.next[at(side)],
            ack: self.next[at(side.other())],
            flags,
            bytes: bytes.to_vec(),
            cut: 0,
        };
        let takes = u32::try_from(bytes.len()).unwrap() + u32::from(flags & (TcpFlags::SYN | TcpFlags::FIN) != 0);
        self.next[at(side)] = sent.seq.wrapping_add(takes);
        sent
    }

    pub fn shake_hands(&mut self) {
        let syn = self.send(Side::Low, TcpFlags::SYN, b"");
        self.capture(&syn);
        let answer = self.send(Side::High, TcpFlags::SYN | TcpFlags::ACK, b"");
        self.capture(&answer);
    }

    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now = Time((self.now.0 / SECOND + 1) * SECOND);
            let mark = Mark { time: self.now, order: Order(self.order) };
            self.streams.advance(mark, &mut self.out, &mut self.counters);
            self.tell();
        }
    }

    fn step(&mut self, line: &str) {
        let (mut lose, mut late, mut dup, mut cut) = (false, false, false, 0);
        let mut rest = line;
        while let Some((word, after)) = rest.split_once(' ') {
            match word {
                "lose" => lose = true,
                "late" => late = true,
                "dup" => dup = true,
                "cut" => {
                    let (n, after) = after.split_once(' ').expect("cut N c …");
                    cut = n.parse().unwrap();
                    rest = after;
                    continue;
                }
                "wait" => {
                    self.wait(after.parse().unwrap());
                    return;
                }
                _ => break,
            }
            rest = after;
        }
        let (who, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let side = match who {
            "c" => Side::Low,
            "s" => Side::High,
            _ => panic!("who is {who:?} in {line:?}"),
        };
        let mut sent = match text {
            "syn" => self.send(side, TcpFlags::SYN, b""),
            "fin" => self.send(side, TcpFlags::FIN | TcpFlags::ACK, b""),
            "rst" => self.send(side, TcpFlags::RST, b""),
            "ack" => self.send(side, TcpFlags::ACK, b""),
            _ => self.send(side, TcpFlags::ACK, text.replace('|', "\r\n").as_bytes()),
        };
        if cut > 0 {
            sent.cut = cut;
            sent.bytes.truncate(sent.bytes.len() - cut as usize);
        }
        if lose {
            return;
        }
        if late {
            self.delayed = Some(sent);
            return;
        }
        self.capture(&sent);
        if dup {
            self.capture(&sent);
        }
        if let Some(delayed) = self.delayed.take() {
            self.capture(&delayed);
        }
    }

    fn finish(mut self) -> (Vec<String>, Counters) {
        let mark = Mark { time: self.now, order: Order(self.order) };
        self.streams.finish(mark, &mut self.out, &mut self.counters);
        self.tell();
        assert_eq!(
            (self.streams.late_bytes, self.streams.shared.head_bytes, self.streams.shared.waiting),
            (0, 0, 0),
            "something is still charged"
        );
        assert_eq!(self.streams.shared.waiting_bytes, 0);
        (self.told, self.counters)
    }
}

fn doubts(doubts: Doubts, head: HeadState) -> String {
    let mut words = Vec::new();
    for (is, word) in [
        (doubts.after_gap, "after gap"),
        (doubts.midstream, "midstream"),
        (doubts.ambiguous, "ambiguous"),
        (doubts.framing, "framing"),
        (doubts.pairing, "pairing"),
        (doubts.malformed, "malformed"),
        (doubts.untidy, "untidy"),
        (doubts.left, "left"),
        (head == HeadState::CutByClose, "cut by close"),
        (head == HeadState::CutByCapture, "cut by capture"),
    ] {
        if is {
            words.push(word);
        }
    }
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

/// Segments that wait to be looked up together come to the same.
fn run(limits: &Limits, script: &[&str]) -> (Vec<String>, Counters) {
    let (told, counters) = run_among(CONNECTIONS_MANY, limits, script);
    let (told_together, together) = run_among(0, limits, script);
    assert_eq!((&told_together, format!("{together:?}")), (&told, format!("{counters:?}")));
    (told, counters)
}

fn run_among(many: usize, limits: &Limits, script: &[&str]) -> (Vec<String>, Counters) {
    // Sequence numbers wrap soon, in each of these tests.
    let mut wire = Wire::new(limits, [u32::MAX - 40, u32::MAX - 60]);
    wire.streams.many = many;
    let script = if let ["midway", rest @ ..] = script {
        rest
    } else {
        wire.shake_hands();
        script
    };
    for line in script {
        wire.step(line);
    }
    wire.finish()
}

#[track_caller]
fn check(script: &[&str], expected: &[&str]) -> Counters {
    let (told, counters) = run(&Limits::default(), script);
    assert_eq!(told, expected);
    counters
}

const GET_A: &str = "c GET /a HTTP/1.1|Host: b.test||";
const GET_B: &str = "c GET /b HTTP/1.1|Host: b.test||";
const OK_5: &str = "s HTTP/1.1 200 OK|Content-Length: 5||hello";
const NONE: &str = "s HTTP/1.1 204 No Content||";

#[test]
fn request_and_response() {
    check(&[GET_A, OK_5, GET_B, NONE], &["> GET /a", "< 200 to GET /a", "= 5 Whole", "> GET /b", "< 204 to GET /b"]);
}

#[test]
fn response_split_inside_its_blank_line() {
    check(&[GET_A, "s HTTP/1.1 204|Vary: Origin|", "s |"], &["> GET /a", "< 204 to GET /a"]);
}

#[test]
fn a_response_captured_before_its_request_still_answers_it() {
    check(&["late c GET /a HTTP/1.1||", NONE], &["> GET /a", "< 204 to GET /a"]);
}

#[test]
fn segments_captured_twice_or_late_change_nothing() {
    let script = [
        "dup c GET /a HTTP/1.1|Ho",
        "late c st: b.test|",
        "dup c |",
        "late s HTTP/1.1 200 OK|Content-",
        "s Length: 5||hello",
    ];
    let counters = check(&script, &["> GET /a", "< 200 to GET /a", "= 5 Whole"]);
    assert_eq!(counters.gaps.total(), 0);
    assert!(counters.retransmitted_bytes > 0);
}

#[test]
fn a_hole_inside_a_counted_body_is_only_a_note() {
    let counters = check(
        &[GET_A, "s HTTP/1.1 200 OK|Content-Length: 9||abc", "lose s def", "s ghi", "c ack", "wait 3", GET_B, NONE],
        &["> GET /a", "< 200 to GET /a", "= 6 Gap", "> GET /b", "< 204 to GET /b"],
    );
    assert_eq!((counters.gaps.lost, counters.gap_bytes), (1, 3));
}

#[test]
fn a_hole_inside_chunk_data_is_only_a_note() {
    check(
        &[
            GET_A,
            "s HTTP/1.1 200 OK|Transfer-Encoding: chunked||9|abc",
            "lose s def",
            "s ghi|0||",
            "c ack",
            "wait 3",
            GET_B,
            NONE,
        ],
        &["> GET /a", "< 200 to GET /a", "= 6 Gap", "> GET /b", "< 204 to GET /b"],
    );
}

#[test]
fn a_hole_that_ends_with_the_body_leaves_the_next_message_sure() {
    check(
        &[GET_A, "s HTTP/1.1 200 OK|Content-Length: 6||abc", "lose s def", GET_B, NONE, "c ack", "wait 3"],
        &["> GET /a", "< 200 to GET /a", "> GET /b", "= 3 Gap", "< 204 to GET /b (after gap)"],
    );
}

#[test]
fn a_lost_response_does_not_give_its_place_to_the_next() {
    check(
        &[GET_A, "lose s HTTP/1.1 200 OK|Content-Length: 0||", GET_B, NONE, "c ack", "wait 3"],
        &["> GET /a", "> GET /b", "! GET /a Lost", "< 204 to GET /b (after gap)"],
    );
}

#[test]
fn a_lost_request_leaves_its_response_alone() {
    check(
        &["lose c GET /a HTTP/1.1||", OK_5, "wait 3", GET_B, NONE],
        &["< 200 alone (pairing)", "= 5 Whole", "> GET /b (after gap)", "< 204 to GET /b (pairing)"],
    );
}

#[test]
fn a_lost_part_of_a_head_cuts_it_and_its_response_is_its_own() {
    check(
        &["c GET /a HTTP/1.1|X: y|Z", "lose c : z|", "c |", NONE, "wait 3", GET_B, NONE],
        &[
            "> GET /a (cut by capture)",
            "= 0 CutByCapture",
            "< 204 to GET /a",
            "> GET /b (after gap)",
            "< 204 to GET /b (pairing)",
        ],
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    check(
        &[
            "c GET /a HTTP/1.1||GET /b HTTP/1.1||HEAD /c HTTP/1.1||",
            "s HTTP/1.1 200 OK|Content-Length: 2||okHTTP/1.1 204||",
            "s HTTP/1.1 200 OK|Content-Length: 9||",
        ],
        &["> GET /a", "> GET /b", "> HEAD /c", "< 200 to GET /a", "= 2 Whole", "< 204 to GET /b", "< 200 to HEAD /c"],
    );
}

#[test]
fn pipelining_and_a_lost_response_pair_nothing() {
    check(
        &[
            "c GET /a HTTP/1.1||GET /b HTTP/1.1||",
            "lose s HTTP/1.1 204||",
            "s HTTP/1.1 205|Content-Length: 0||",
            "c ack",
            "wait 3",
        ],
        &["> GET /a", "> GET /b", "! GET /a Lost", "! GET /b Lost"],
    );
}

#[test]
fn interim_responses_answer_nothing() {
    check(
        &["c POST /a HTTP/1.1|Content-Length: 2||", "s HTTP/1.1 100 Continue||", "c ok", NONE],
        &["> POST /a", "< 100 interim", "= 2 Whole", "< 204 to POST /a"],
    );
}

#[test]
fn a_body_until_close_ends_well_with_fin_and_badly_with_rst() {
    let begin = [GET_A, "s HTTP/1.1 200 OK||abc"];
    check(&[begin[0], begin[1], "s fin"], &["> GET /a", "< 200 to GET /a", "= 3 Whole"]);
    check(&[begin[0], begin[1], "s rst"], &["> GET /a", "< 200 to GET /a", "= 3 CutByClose"]);
    check(&[begin[0], begin[1], "c rst"], &["> GET /a", "< 200 to GET /a", "= 3 Aborted"]);
    check(&[begin[0], begin[1]], &["> GET /a", "< 200 to GET /a", "= 3 CutByCapture"]);
}

#[test]
fn a_connection_closed_or_reset_before_the_answer() {
    check(&[GET_A, "s fin"], &["> GET /a", "! GET /a Closed"]);
    check(&[GET_A, "s rst"], &["> GET /a", "! GET /a Reset"]);
    check(&[GET_A, "c fin", NONE], &["> GET /a", "< 204 to GET /a (left)"]);
    check(&[GET_A], &["> GET /a", "! GET /a InputEnd"]);
}

/// RFC 9112 § 2.2 lets a server pass over empty lines before a request; of answers it says nothing.
#[test]
fn what_readers_differ_about_is_a_doubt() {
    check(&[GET_A, "s |HTTP/1.1 204 No Content||"], &["> GET /a", "< 204 to GET /a (untidy)"]);
    check(&[GET_A, "s HTTP/1.1 204x No Content||"], &["> GET /a", "< 204 to GET /a (malformed)"]);
    check(&[GET_A, "s HTTP/1.1 204 No Content|Vary : a||"], &["> GET /a", "< 204 to GET /a (malformed)"]);
    check(&[GET_A, "s HTTP/1.1 204 No Content|no field||"], &["> GET /a", "< 204 to GET /a (untidy)"]);
}

#[test]
fn a_head_cut_by_close_keeps_its_complete_lines() {
    check(
        &[GET_A, "s HTTP/1.1 200 OK|Vary: Origin|Acc", "s fin"],
        &["> GET /a", "< 200 to GET /a (cut by close)", "= 0 CutByClose"],
    );
}

#[test]
fn a_head_cut_by_the_snap_length() {
    let counters = check(
        &["cut 12 c GET /a HTTP/1.1|X: y|Z: zzzzzzzzzz||", NONE, GET_B, NONE],
        &[
            "> GET /a (cut by capture)",
            "= 0 CutByCapture",
            "< 204 to GET /a",
            "> GET /b (after gap)",
            "< 204 to GET /b (pairing)",
        ],
    );
    assert_eq!((counters.gaps.snap_length, counters.gap_bytes), (1, 12));
}

#[test]
fn joined_midway_in_a_body() {
    check(&["midway", "s rest of a body", GET_A, NONE], &["> GET /a (midstream)", "< 204 to GET /a (midstream)"]);
}

#[test]
fn joined_midway_at_a_response() {
    check(
        &["midway", NONE, GET_A, NONE],
        &["< 204 alone (midstream, pairing)", "> GET /a (midstream)", "< 204 to GET /a"],
    );
}

#[test]
fn one_direction_alone() {
    let counters = check(
        &["midway", NONE, "lose c GET /a HTTP/1.1||", NONE],
        &["< 204 alone (midstream, pairing)", "< 204 alone (pairing)"],
    );
    assert_eq!(counters.one_sided, 1);
}

#[test]
fn websocket_frames_are_no_messages() {
    check(
        &[
            "c GET /ws HTTP/1.1|Upgrade: websocket||",
            "s HTTP/1.1 101 Switching Protocols||",
            "s HTTP/1.1 200 OK||",
            GET_A,
        ],
        &["> GET /ws", "< 101 to GET /ws"],
    );
}

#[test]
fn messages_inside_a_tunnel_are_read() {
    check(
        &["c CONNECT b.test:80 HTTP/1.1||", "s HTTP/1.1 200 OK||", GET_A, NONE],
        &["> CONNECT b.test:80", "< 200 to CONNECT b.test:80", "> GET /a", "< 204 to GET /a"],
    );
}

#[test]
fn the_same_ports_again() {
    let counters = check(
        &[GET_A, NONE, "c fin", "s fin", "c syn", GET_B, NONE],
        &["> GET /a", "< 204 to GET /a", "> GET /b", "< 204 to GET /b (midstream)"],
    );
    assert_eq!(counters.connections, 2);
}

#[test]
fn the_same_ports_again_without_an_end_seen() {
    let mut wire = Wire::new(&Limits::default(), [100, 200]);
    wire.shake_hands();
    wire.step(GET_A);
    wire.next = [5_000_000, 7_000_000];
    wire.shake_hands();
    wire.step(GET_B);
    wire.step(NONE);
    let (told, counters) = wire.finish();
    assert_eq!(told, ["> GET /a", "! GET /a Lost", "> GET /b", "< 204 to GET /b"]);
    assert_eq!(counters.connections, 2);
}

#[test]
fn a_forged_syn_or_rst_ends_nothing() {
    let mut wire = Wire::new(&Limits::default(), [100, 200]);
    wire.shake_hands();
    wire.step(GET_A);
    let real = wire.next;
    wire.next[0] = 5_000_000;
    wire.step("c syn");
    wire.next[1] = real[1].wrapping_sub(90_000);
    wire.step("s rst");
    wire.next = real;
    wire.step(NONE);
    assert_eq!(wire.finish().0, ["> GET /a", "< 204 to GET /a"]);
}

#[test]
fn a_syn_sent_again_with_another_number_begins_there() {
    let mut wire = Wire::new(&Limits::default(), [100, 200]);
    wire.step("c syn");
    wire.next[0] = 9_000;
    wire.shake_hands();
    wire.step(GET_A);
    wire.step(NONE);
    let (told, counters) = wire.finish();
    assert_eq!(told, ["> GET /a", "< 204 to GET /a"]);
    assert_eq!((counters.connections, counters.gaps.total()), (1, 0));
}

#[test]
fn a_handshake_goes_on_after_a_forged_refusal() {
    let mut wire = Wire::new(&Limits::default(), [100, 200]);
    wire.step("c syn");
    let forged = Sent { seq: 0, ..wire.send(Side::High, TcpFlags::RST | TcpFlags::ACK, b"") };
    wire.capture(&forged);
    let answer = wire.send(Side::High, TcpFlags::SYN | TcpFlags::ACK, b"");
    wire.capture(&answer);
    wire.step(GET_A);
    wire.step(NONE);
    assert_eq!(wire.finish().0, ["> GET /a", "< 204 to GET /a"]);
}

#[test]
fn the_first_copy_wins_and_the_message_is_ambiguous() {
    let mut wire = Wire::new(&Limits::default(), [100, 200]);
    wire.shake_hands();
    wire.step("c GET /a HTTP/1.1|Origin: http://a");
    wire.next[0] -= 1;
    wire.step("c b||");
    let (told, counters) = wire.finish();
    assert_eq!(told, ["> GET /a (ambiguous)", "! GET /a InputEnd"]);
    assert_eq!(counters.conflicting_overlaps, 1);
}

#[test]
fn other_protocols_are_named() {
    for (bytes, count) in
        [("c \u{16}\u{3}\u{1}\u{2}", (1, 0, 0)), ("c SSH-2.0-OpenSSH|", (0, 1, 0)), ("c EHLO a.test|", (0, 0, 1))]
    {
        let (told, counters) = run(&Limits::default(), &[bytes, "s xyz"]);
        assert!(told.is_empty());
        let carried = counters.carried;
        assert_eq!((carried.tls, carried.ssh, carried.not_http), count, "{bytes}");
    }
    let (_, counters) = run(&Limits::default(), &[]);
    assert_eq!(counters.carried.empty, 1);
}

#[test]
fn a_long_head_is_cut_and_the_next_message_read() {
    let limits = Limits { head_bytes_max: 64, ..Limits::default() };
    let long = format!("c GET /a HTTP/1.1|X: {}", "x".repeat(80));
    let (told, counters) = run(&limits, &[&long, "c xxx|Y: z|", "c |", NONE, GET_B, NONE]);
    assert_eq!(told, ["> GET /a (cut by capture)", "< 204 to GET /a", "> GET /b", "< 204 to GET /b"]);
    assert_eq!(counters.http_errors.head_too_long, 1);
}

#[test]
fn late_data_above_the_cap_gives_the_hole_up() {
    let limits = Limits { out_of_order_bytes_max: 1000, ..Limits::default() };
    let mut script = vec![GET_A, "lose s HTTP/1.1 204|", "s |"];
    script.extend(["s xxxxxxxxxx"; 12]);
    let (told, counters) = run(&limits, &script);
    assert_eq!(told, ["> GET /a", "! GET /a Lost"]);
    assert_eq!(counters.gaps.out_of_order_cap, 1);
}

#[test]
fn an_error_waits_for_the_beginning_of_its_body_but_not_for_ever() {
    let head = "s HTTP/1.1 403 Forbidden|Content-Length: 20||";
    check(&[GET_A, head, "s Invalid CORS request"], &["> GET /a", "< 403 to GET /a: InvalidCorsRequest", "= 20 Whole"]);
    check(&[GET_A, head, "wait 3"], &["> GET /a", "< 403 to GET /a", "= 0 CutByCapture"]);
}

#[test]
fn a_refusal_is_read_in_the_first_line_and_in_the_body() {
    let told = |says: &str| format!("< 403 to GET /a: {says}");
    // Vert.x and Quarkus
    let reason = "s HTTP/1.1 403 CORS Rejected - Invalid origin|Content-Length: 0||";
    check(&[GET_A, reason], &["> GET /a", &told("OriginRefused")]);
    // it stands, whatever the body says
    let page = "s HTTP/1.1 403 CORS Rejected - Invalid origin|Content-Length: 9||";
    check(&[GET_A, page, "s Forbidden"], &["> GET /a", &told("OriginRefused"), "= 9 Whole"]);
    let body = "s HTTP/1.1 403 Forbidden|Content-Length: 19||Not allowed by CORS";
    check(&[GET_A, body], &["> GET /a", &told("CorsRefused"), "= 19 Whole"]);
    check(
        &[GET_A, "s HTTP/1.1 403 Forbidden|Content-Length: 9||Forbidden"],
        &["> GET /a", "< 403 to GET /a", "= 9 Whole"],
    );
}

#[test]
fn the_client_that_a_balancer_names_however_its_header_is_split() {
    let version_1 = b"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\r\n".to_vec();
    let addresses = [192, 0, 2, 7, 10, 0, 0, 2, 0xdc, 4, 1, 0xbb, 4, 0, 1, 0];
    let version_2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10"[..], &addresses].concat();
    for header in [version_1, version_2] {
        let bytes = [header.as_slice(), b"GET /a HTTP/1.1\r\n\r\n"].concat();
        for cut in 0..bytes.len() {
            let mut wire = Wire::new(&Limits::default(), [u32::MAX - 40, 7]);
            wire.shake_hands();
            for part in [&bytes[..cut], &bytes[cut..]] {
                let sent = wire.send(Side::Low, TcpFlags::ACK, part);
                wire.capture(&sent);
            }
            wire.step(NONE);
            let (told, _) = wire.finish();
            assert_eq!(told, ["> GET /a from 192.0.2.7:56324", "< 204 to GET /a"], "cut at {cut}");
        }
    }
    // Empty lines before a request are none.
    check(&["c |", "c |", GET_A, NONE], &["> GET /a", "< 204 to GET /a"]);
}

#[test]
fn what_lies_too_far_ahead_is_counted() {
    let mut wire = Wire::new(&Limits::default(), [u32::MAX - 40, 7]);
    wire.shake_hands();
    let ahead = wire.send(Side::Low, TcpFlags::ACK, b"GET /far HTTP/1.1\r\n\r\n");
    wire.capture(&Sent { seq: ahead.seq.wrapping_add((1 << 30) + 1), ..ahead.clone() });
    wire.capture(&ahead);
    let (told, counters) = wire.finish();
    assert_eq!(told, ["> GET /far", "! GET /far InputEnd"]);
    assert_eq!((counters.gaps.far_ahead, counters.gaps.total(), counters.gap_bytes), (1, 1, 21));
}

#[test]
fn what_comes_behind_an_end_is_counted_and_what_comes_again_is_not() {
    for end in [TcpFlags::FIN, TcpFlags::RST] {
        let mut wire = Wire::new(&Limits::default(), [u32::MAX - 40, 7]);
        wire.shake_hands();
        let asked = wire.send(Side::Low, TcpFlags::ACK, b"GET /a HTTP/1.1\r\n\r\n");
        wire.capture(&asked);
        let last = wire.send(Side::Low, end | TcpFlags::ACK, b"");
        wire.capture(&last);
        wire.capture(&asked);
        assert_eq!(wire.counters.after_end_bytes, 0);
        let behind = wire.send(Side::Low, TcpFlags::ACK, b"GET /b HTTP/1.1\r\n\r\n");
        wire.capture(&behind);
        let (told, counters) = wire.finish();
        assert_eq!((counters.after_end_bytes, told.iter().any(|line| line.contains("/b"))), (19, false), "{told:?}");
    }
}

#[test]
fn two_directions_that_wait_for_each_other_are_given_up_at_the_cap() {
    let limits = Limits { out_of_order_bytes_max: 600, ..Limits::default() };
    let mut script = vec!["lose c GET /", "lose s HTTP/1.1 2"];
    // Each acknowledges what the other lost.
    for _ in 0..6 {
        script.extend(["c xxxxxxxxxxxxxxxxxxxxxxxx", "s yyyyyyyyyyyyyyyyyyyyyyyyyy"]);
    }
    let (told, counters) = run(&limits, &script);
    assert!(told.is_empty(), "{told:?}");
    assert_eq!((counters.gaps.total(), counters.gap_bytes), (2, 15));
}

#[test]
fn behind_a_gap_text_in_a_body_is_no_message() {
    let decoy = "c GET /decoy HTTP/1.1|Host: decoy.invalid||";
    let post = "lose c POST /p HTTP/1.1|Content-Length: 42||";
    let seen =
        ["> GET /a", "< 204 to GET /a", "< 204 alone (pairing)", "> GET /b (after gap)", "< 204 to GET /b (pairing)"];
    check(&[GET_A, NONE, post, decoy, NONE, "wait 3", GET_B, NONE], &seen);
    // Nor does `100 Continue` make the body a request.
    let go_on = "s HTTP/1.1 100 Continue||";
    let with_interim = ["> GET /a", "< 204 to GET /a", "< 100 interim", seen[2], seen[3], seen[4]];
    check(&[GET_A, NONE, post, go_on, decoy, NONE, "wait 3", GET_B, NONE], &with_interim);
    let answer = "lose s HTTP/1.1 200 OK|Content-Length: 38||";
    let seen = ["> GET /a", "> GET /b", "! GET /a Lost", "< 204 to GET /b (after gap)"];
    check(&[GET_A, answer, "s HTTP/1.1 299 Decoy|Content-Length: 0||", GET_B, "wait 3", NONE], &seen);
}

#[test]
fn the_body_of_an_answer_to_head_is_not_waited_for_though_its_request_is_lost() {
    let ok = "s HTTP/1.1 200 OK|Content-Length: 500||";
    check(
        &["lose c HEAD /a HTTP/1.1||", ok, GET_B, "wait 3", NONE],
        &["> GET /b (after gap)", "< 200 alone (pairing)", "< 204 to GET /b (pairing)"],
    );
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

const ASK: &[u8] = b"\x82\x86\x84";

/// Both ends of a connection of HTTP/2, behind what they begin with.
struct Frames(Wire);

impl Frames {
    fn new(limits: &Limits) -> Self {
        let mut frames = Frames(Wire::new(limits, [1, 1]));
        frames.0.shake_hands();
        frames.say(Side::Low, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(4, 0, 0, b"")].concat());
        frames.say(Side::High, &frame(4, 0, 0, b""));
        frames
    }

    fn say(&mut self, side: Side, bytes: &[u8]) {
        let sent = self.0.send(side, TcpFlags::ACK, bytes);
        self.0.capture(&sent);
    }

    fn head_bytes(&self) -> u64 {
        self.0.streams.shared.head_bytes
    }
}

#[test]
fn both_directions_of_http_2_make_room_and_again_when_they_hold_more() {
    let limits = Limits { heads_together_bytes_max: 20_000, ..Limits::default() };
    let mut frames = Frames::new(&limits);
    let grow = [&[0x3f, 0xe1, 0xff, 0x03][..], ASK].concat();
    frames.say(Side::Low, &frame(1, 5, 1, &grow));
    frames.say(Side::High, &frame(1, 5, 1, &[0x3f, 0xe1, 0xff, 0x03, 0x88]));
    let field = [&[0x40, 1, b'a', 0x7f, 0x89, 0x07][..], &[b'x'; 1032]].concat();
    for stream in (3..203).step_by(2) {
        frames.say(Side::Low, &frame(1, 5, stream, &[ASK, &field].concat()));
        assert!(frames.head_bytes() <= 20_000, "{} bytes held", frames.head_bytes());
        frames.say(Side::High, &frame(1, 5, stream, &[&[0x88], &*field].concat()));
        assert!(frames.head_bytes() <= 20_000, "{} bytes held", frames.head_bytes());
    }
    let (told, counters) = frames.0.finish();
    assert!(counters.evictions.head_bytes > 5, "{:?}", counters.evictions);
    assert_eq!(told.iter().filter(|line| line.starts_with("< 200 to")).count(), 101);
}

#[test]
fn streams_of_http_2_that_never_end_make_room() {
    let limits = Limits { heads_together_bytes_max: 100_000, ..Limits::default() };
    let mut frames = Frames::new(&limits);
    for _ in 0..4 {
        for stream in (1..=255).step_by(2) {
            frames.say(Side::Low, &[frame(3, 0, stream, &[0; 4]), frame(1, 4, stream, ASK)].concat());
            frames.say(Side::High, &frame(1, 5, stream, &[0x88]));
        }
        assert!(frames.head_bytes() > 20_000, "streams are charged: {}", frames.head_bytes());
    }
    let limits = Limits { heads_together_bytes_max: 15_000, ..limits };
    let mut frames = Frames::new(&limits);
    for stream in (1..=255).step_by(2) {
        frames.say(Side::Low, &frame(1, 4, stream, ASK));
        assert!(frames.head_bytes() <= 15_000, "{} bytes held", frames.head_bytes());
    }
    let (told, counters) = frames.0.finish();
    assert!(counters.evictions.head_bytes > 0, "{:?}", counters.evictions);
    assert!(told.iter().any(|line| line == "! GET / Evicted"), "{told:?}");
}

#[test]
fn answers_are_held_back_as_long_as_there_is_room() {
    let limits = Limits { heads_together_bytes_max: 60_000, ..Limits::default() };
    let mut frames = Frames::new(&limits);
    for stream in (1..=255).step_by(2) {
        frames.say(Side::Low, &frame(1, 5, stream, ASK));
        frames.say(Side::High, &frame(1, 4, stream, &[0x8d]));
        assert!(frames.head_bytes() <= 60_000, "{} bytes held", frames.head_bytes());
    }
    let told = frames.0.told.iter().filter(|line| line.starts_with("< 404")).count();
    assert!((1..128).contains(&told), "{told}");
    assert_eq!(frames.0.streams.answers.len(), 1, "one connection is kept the time of once");
    assert!(frames.0.streams.heads.len() < 2 * HEADS_FULL);
    let (told, _) = frames.0.finish();
    assert_eq!(told.iter().filter(|line| line.starts_with("< 404 to")).count(), 128);
}

#[test]
fn long_heads_that_wait_are_bounded_by_their_bytes() {
    let limits = Limits { requests_waiting_bytes_max: 50_000, ..Limits::default() };
    let mut frames = Frames::new(&limits);
    let origin = [&[0x82, 0x86, 0x84, 0x40, 6][..], b"origin", &[0x7f, 0xb9, 0x16], &[b'x'; 3000]].concat();
    frames.say(Side::Low, &frame(1, 5, 1, &origin));
    for stream in (3..=253).step_by(2) {
        // that field again, and a path of its own
        frames.say(Side::Low, &frame(1, 5, stream, &[0x82, 0x86, 0xbe, 0x04, 2, b'/', stream]));
        let waiting = frames.0.streams.shared.waiting_bytes;
        assert!(waiting <= 53_500, "{waiting} bytes wait");
    }
    // one of usual length has room all the same
    let waiting = frames.0.streams.shared.waiting;
    frames.say(Side::Low, &frame(1, 5, 255, ASK));
    assert_eq!(frames.0.streams.shared.waiting, waiting + 1);
    assert!(frames.0.counters.http_errors.pipeline_full > 100, "{:?}", frames.0.counters.http_errors);
    frames.0.finish();
}

#[test]
fn what_is_lost_behind_broken_frames_of_http_2_is_missed_in_each_body() {
    let mut frames = Frames::new(&Limits::default());
    frames.say(Side::Low, &frame(1, 5, 1, ASK));
    frames.say(Side::High, &[frame(1, 4, 1, &[0x88]), frame(0, 0, 1, b"hello")].concat());
    // more padding than there are bytes
    frames.say(Side::High, &frame(0, 8, 1, &[9, 0]));
    frames.say(Side::High, b"who knows what this was");
    frames.say(Side::High, &[frame(0, 0, 1, b"again"), frame(6, 0, 0, &[0; 8]), frame(0, 1, 1, b"")].concat());
    let (told, _) = frames.0.finish();
    assert!(told.iter().any(|line| line == "= 10 Gap"), "{told:?}");
}
