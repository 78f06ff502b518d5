//! TLS read with a key log, of nginx, OpenSSL and curl (tests/data/tls/record.py): each message that tshark reads, however the bytes are cut,
//! whenever the keys come; and what is lost where bytes or keys are.

#[path = "support/dice.rs"]
mod dice;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::counters::Counters;
use corstap::decode::{Decoded, Decoder, FlowKey, Segment, Side, TcpFlags, TunnelId};
use corstap::engine::Engine;
use corstap::http::{BodyState, HttpEvent, Mark};
use corstap::limits::Limits;
use corstap::options::{EngineOptions, Scheme};
use corstap::packet::{Packet, SECOND};
use corstap::record::{Finding, Message, MessageRecord, Sink, Transaction};
use corstap::stream::Streams;
use dice::Dice;

const CAPTURES: &[&str] = &[
    "tls12-aes128gcm",
    "tls12-aes256gcm",
    "tls12-chacha20",
    "tls12-rsa-aes128gcm",
    "tls12-resumed",
    "tls13-aes128gcm",
    "tls13-aes256gcm",
    "tls13-chacha20",
    "tls13-resumed",
    "tls13-keyupdate",
    "tls13-early",
    "tls13-early-refused",
    "tls13-retry",
    "tls12-h2",
    "tls13-h2",
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

fn keys(name: &str) -> String {
    std::fs::read_to_string(path(&format!("{name}.keys"))).expect("a key log")
}

/// What tshark reads. Early data that the server refused it lists too, though no server ever took it.
fn expected(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path(&format!("{name}.messages"))).expect("messages");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if name == "tls13-early-refused" {
        let refused = lines.iter().position(|l| l == "1 GET /early-too").expect("it was sent twice");
        lines.drain(refused..refused + 2);
    }
    lines
}

#[derive(Default)]
struct Messages(Vec<String>);

impl Sink for Messages {
    fn transaction(&mut self, _: &std::sync::Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn message(&mut self, m: &MessageRecord) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.push(match &m.message {
            Message::Request(r) => {
                assert_eq!(r.scheme, Some(Scheme::Https));
                format!("{} {} {}", m.stream, text(r.head.method()), text(r.head.target()))
            }
            Message::Response { response, .. } => format!("{} {}", m.stream, response.status),
        });
        assert!(m.complete && !m.gap, "{m:?}");
    }
}

/// Reads a capture with the engine; `change` may change or drop each packet's bytes.
fn read(
    name: &str,
    keys: &str,
    limits: &Limits,
    mut change: impl FnMut(usize, &mut Vec<u8>) -> bool,
    sink: &mut impl Sink,
) -> Counters {
    let options = EngineOptions { messages: true, key_log: !keys.is_empty(), ..EngineOptions::default() };
    let mut engine = Engine::new(limits, &options);
    engine.add_keys(keys.as_bytes());
    let mut feed = Feed::open(&[path(&format!("{name}.pcapng"))], FeedOptions::default());
    let mut nth = 0;
    while let Some((packet, secrets)) = feed.next_with_secrets() {
        if !secrets.is_empty() {
            engine.add_keys(secrets);
        }
        let mut bytes = packet.bytes.to_vec();
        if change(nth, &mut bytes) {
            engine.on_packet(&Packet { bytes: &bytes, ..packet }, sink);
        }
        nth += 1;
    }
    engine.finish(sink);
    assert_eq!(engine.held_bytes(), 0, "{name}: something is still charged");
    let c = engine.counters().clone();
    assert_eq!(c.connections, c.carried.total(), "{name}");
    c
}

#[test]
fn every_message_that_tshark_reads_is_read() {
    for name in CAPTURES {
        let mut seen = Messages::default();
        let c = read(name, &keys(name), &Limits::default(), |_, _| true, &mut seen);
        assert_eq!(seen.0, expected(name), "{name}");
        assert_eq!((c.carried.tls, c.tls_connections.decrypted), (c.connections, c.connections), "{name}");
        assert_eq!((c.tls_bytes, c.tls_records_lost.total(), c.tls_secrets.bad_line), (0, 0, 0), "{name}");
    }
}

#[test]
fn secrets_inside_the_capture_are_used_by_themselves() {
    let mut seen = Messages::default();
    let c = read("secrets-inside", "", &Limits::default(), |_, _| true, &mut seen);
    assert_eq!(seen.0, expected("secrets-inside"));
    assert_eq!((c.tls_connections.decrypted, c.tls_bytes), (1, 0));
}

#[test]
fn without_its_keys_a_connection_is_tls_and_nothing_else() {
    for (name, keys) in [("tls13-aes256gcm", String::new()), ("tls13-aes256gcm", keys("tls13-chacha20"))] {
        let mut seen = Messages::default();
        let c = read(name, &keys, &Limits::default(), |_, _| true, &mut seen);
        assert_eq!(seen.0, Vec::<String>::new());
        assert_eq!((c.carried.tls, c.tls_connections.no_key), (1, u64::from(!keys.is_empty())));
        assert!(c.tls_bytes * 10 >= c.tcp_bytes * 7, "{} of {}", c.tls_bytes, c.tcp_bytes);
    }
}

#[test]
fn a_connection_without_its_hello_is_told_as_such() {
    let name = "tls13-aes256gcm";
    let sent = segments(name);
    let hello = sent.iter().position(|s| !s.payload.is_empty()).expect("a hello");
    for from in [hello + 1, hello + 3] {
        let (seen, c) = read_segments(&sent[from..], &keys(name));
        assert_eq!((seen.messages.len(), c.carried.tls, c.tls_connections.no_hello), (0, 1, 1));
        let (_, c) = read_segments(&sent[from..], "");
        assert_eq!((c.carried.tls, c.tls_connections.total()), (1, 0));
    }
}

#[test]
fn a_suite_that_cannot_be_read_is_named() {
    let c = read("tls12-cbc", &keys("tls12-cbc"), &Limits::default(), |_, _| true, &mut Messages::default());
    assert_eq!((c.requests, c.tls_connections.unreadable, c.tls_suites.as_slice()), (0, 1, &[(0xc013, 1)][..]));
    assert_eq!(corstap::tls::suite_name(0xc013), Some("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"));
    assert!(c.tls_bytes > c.tcp_bytes / 2);
}

#[test]
fn keys_of_another_connection_do_not_fit_and_are_told_so() {
    for name in CAPTURES {
        let last_digit = |line: &str| {
            let (line, last) = line.split_at(line.len() - 1);
            format!("{line}{}\n", if last == "0" { "1" } else { "0" })
        };
        let wrong: String = keys(name).lines().map(last_digit).collect();
        let c = read(name, &wrong, &Limits::default(), |_, _| true, &mut Messages::default());
        assert_eq!((c.requests, c.responses, c.tls_connections.decrypted), (0, 0, 0), "{name}");
        assert_eq!(c.tls_connections.not_verified, c.connections, "{name}: {:?}", c.tls_connections);
    }
}

/// A segment of a capture, to be given in another way.
#[derive(Debug, Clone)]
struct Sent {
    flow: FlowKey,
    side: Side,
    seq: u32,
    ack: Option<u32>,
    flags: TcpFlags,
    payload: Vec<u8>,
    at: Mark,
}

fn segments(name: &str) -> Vec<Sent> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut feed = Feed::open(&[path(&format!("{name}.pcapng"))], FeedOptions::default());
    let mut sent = Vec::new();
    while let Some(packet) = feed.next() {
        let at = Mark { time: packet.time, order: packet.order };
        if let Decoded::Segment(s) = decoder.decode(&packet, &mut Counters::default()) {
            let Segment { flow, side, seq, ack, flags, payload, .. } = s;
            sent.push(Sent { flow, side, seq, ack, flags, payload: payload.to_vec(), at });
        }
    }
    sent
}

/// What was read: each message, and which requests were paired with which answers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    messages: Vec<String>,
    pairs: BTreeSet<String>,
    holes: usize,
}

fn give(streams: &mut Streams, sent: &Sent, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
    let Sent { flow, side, seq, ack, flags, ref payload, at } = *sent;
    streams.on_segment(&Segment { flow, side, seq, ack, flags, payload, cut: 0 }, at, out, counters);
}

fn seen(events: &[HttpEvent]) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut seen = Seen::default();
    for event in events {
        match event {
            HttpEvent::Request(r) => {
                let what = format!("{} {}", text(r.head.method()), text(r.head.target()));
                seen.messages.push(format!("{} {what}", r.id.stream.0));
            }
            HttpEvent::Response { request, response } => {
                seen.messages.push(format!("{} {}", response.id.stream.0, response.status));
                if let Some(r) = request {
                    let what = format!("{} {}", text(r.head.method()), text(r.head.target()));
                    seen.pairs.insert(format!("{} {what} {}", r.id.stream.0, response.status));
                }
            }
            HttpEvent::End { state, .. } => seen.holes += usize::from(*state != BodyState::Whole),
            HttpEvent::Interim(_) | HttpEvent::NoAnswer { .. } => {}
        }
    }
    seen
}

fn read_segments(sent: &[Sent], keys: &str) -> (Seen, Counters) {
    let mut streams = Streams::new(&Limits::default(), &EngineOptions::default());
    let (mut out, mut counters) = (Vec::new(), Counters::default());
    let last = sent.last().expect("segments").at;
    streams.add_keys(keys.as_bytes(), last, &mut out, &mut counters);
    for segment in sent {
        give(&mut streams, segment, &mut out, &mut counters);
    }
    streams.finish(last, &mut out, &mut counters);
    assert_eq!(streams.held_bytes(), 0, "something is still charged");
    (seen(&out), counters)
}

/// The same bytes in other segments: what a side sent without a break is joined, and cut anew.
fn cut_anew(sent: &[Sent], longest: usize, dice: &mut Dice) -> Vec<Sent> {
    let mut joined: Vec<Sent> = Vec::new();
    for s in sent {
        match joined.last_mut() {
            Some(last)
                if last.side == s.side
                    && last.flow == s.flow
                    && !last.flags.has(TcpFlags::SYN)
                    && !last.flags.has(TcpFlags::FIN)
                    && s.seq == last.seq.wrapping_add(u32::try_from(last.payload.len()).expect("short")) =>
            {
                last.payload.extend_from_slice(&s.payload);
                (last.flags, last.ack) = (s.flags, s.ack);
            }
            _ => joined.push(s.clone()),
        }
    }
    let mut cut = Vec::new();
    for s in joined {
        let (mut seq, mut rest) = (s.seq, s.payload.as_slice());
        while rest.len() > 1 {
            let (part, after) = rest.split_at((1 + dice.throw(longest)).min(rest.len() - 1));
            cut.push(Sent { seq, payload: part.to_vec(), flags: TcpFlags(TcpFlags::ACK), ..s.clone() });
            seq = seq.wrapping_add(u32::try_from(part.len()).expect("short"));
            rest = after;
        }
        cut.push(Sent { seq, payload: rest.to_vec(), ..s });
    }
    cut
}

#[test]
fn any_cut_into_segments_gives_the_same_messages() {
    let mut dice = Dice(0x7157);
    for name in CAPTURES {
        let (sent, keys) = (segments(name), keys(name));
        let (whole, _) = read_segments(&sent, &keys);
        assert_eq!(whole.messages.len(), expected(name).len());
        assert_eq!(whole.pairs.len() * 2, whole.messages.len(), "{name}");
        for longest in [1, 2, 7, 100, 1000, 60_000] {
            let cut = cut_anew(&sent, longest, &mut dice);
            let (again, c) = read_segments(&cut, &keys);
            assert_eq!(again, whole, "{name} in segments of {longest} bytes at most");
            assert_eq!((c.tls_bytes, c.tls_records_lost.total()), (0, 0), "{name}");
        }
    }
}

#[test]
fn a_lost_segment_costs_the_records_it_touches_and_pairs_nothing_wrongly() {
    let (mut lost, mut all) = (0, 0);
    for name in CAPTURES {
        let (sent, keys) = (segments(name), keys(name));
        let (whole, _) = read_segments(&sent, &keys);
        for at in 0..sent.len() {
            if sent[at].payload.is_empty() {
                continue;
            }
            let mut rest = sent.clone();
            let gone = rest.remove(at);
            let (seen, _) = read_segments(&rest, &keys);
            let wrong: Vec<_> = seen.pairs.difference(&whole.pairs).collect();
            assert!(wrong.is_empty(), "{name} without {at}: {wrong:?}");
            let hello = gone.payload.starts_with(&[22, 3]);
            if !hello {
                // By a hello that is lost, or what seals in one segment with it, a connection is; all else costs but a few messages.
                lost += whole.messages.len() - seen.messages.len();
                all += whole.messages.len();
            }
        }
    }
    assert!(all > 2000 && lost * 100 < all * 12, "{lost} of {all} messages lost");
}

#[test]
fn a_hole_inside_a_body_costs_nothing_but_bytes_of_it() {
    // Of HTTP/2 a hole of some frames takes their headers along: which frame follows it has to be found out.
    for name in ["tls12-aes128gcm", "tls13-aes128gcm", "tls13-keyupdate"] {
        let keys = keys(name);
        let sent = cut_anew(&segments(name), 1000, &mut Dice(7));
        let (whole, _) = read_segments(&sent, &keys);
        // The answer of 40,000 bytes: its first record has its head in it, and 16 KiB; the client's next request acknowledges its end.
        let as_sent = segments(name);
        let first = as_sent.iter().position(|s| s.payload.starts_with(&[23, 3, 3, 64])).expect("a full record");
        let [_, _, _, high, low, ..] = as_sent[first].payload[..] else { panic!("a header") };
        let body = as_sent[first].seq + 5 + u32::from(u16::from_be_bytes([high, low]));
        let next = as_sent[first..].iter().find(|s| s.side != as_sent[first].side && !s.payload.is_empty());
        let end = next.and_then(|s| s.ack).expect("another request");
        let of_body = |at: &usize| sent[*at].side == as_sent[first].side && (body..end).contains(&sent[*at].seq);
        let of_body: Vec<usize> = (0..sent.len()).filter(of_body).collect();
        assert!(of_body.len() > 20);
        for few in of_body.windows(3) {
            let mut rest = sent.clone();
            rest.drain(few[0]..=few[2]);
            let (seen, c) = read_segments(&rest, &keys);
            assert_eq!(seen.messages, whole.messages, "{name} without {few:?}");
            assert_eq!((seen.holes, c.tls_records_lost.not_verified), (1, 0), "{name} without {few:?}");
        }
    }
}

#[test]
fn a_snap_length_costs_the_records_that_it_cuts() {
    for name in CAPTURES {
        let mut whole = 0;
        for snap in [54, 80, 300, 700, 1000, 1514, 65_536] {
            struct Count(usize);
            impl Sink for Count {
                fn transaction(&mut self, _: &std::sync::Arc<Transaction>) {}
                fn finding(&mut self, _: &Finding) {}
                fn message(&mut self, _: &MessageRecord) {
                    self.0 += 1;
                }
            }
            let mut seen = Count(0);
            let cut = |_, bytes: &mut Vec<u8>| {
                bytes.truncate(snap);
                true
            };
            read(name, &keys(name), &Limits::default(), cut, &mut seen);
            assert!(seen.0 >= whole, "{name}: a longer snap length shows less");
            whole = seen.0;
        }
        assert_eq!(whole, expected(name).len(), "{name}");
    }
}

#[test]
fn keys_may_come_late() {
    for name in CAPTURES {
        let (sent, keys) = (segments(name), keys(name));
        let (whole, _) = read_segments(&sent, &keys);
        let options = EngineOptions { key_log: true, ..EngineOptions::default() };
        let last = sent.last().expect("segments").at;
        for wait_ns in [0, SECOND, 10 * SECOND] {
            let mut streams = Streams::new(&Limits::default(), &options);
            let (mut out, mut counters) = (Vec::new(), Counters::default());
            for segment in &sent {
                give(&mut streams, &Sent { at: last, ..segment.clone() }, &mut out, &mut counters);
            }
            assert!(out.is_empty() && streams.held_bytes() > 1000, "{name}");
            let later = Mark { time: last.time.plus(wait_ns), ..last };
            streams.advance(later, &mut out, &mut counters);
            // Line by line, as a browser writes them.
            for line in keys.lines() {
                streams.add_keys(line.as_bytes(), later, &mut out, &mut counters);
            }
            let now = seen(&out);
            streams.finish(later, &mut out, &mut counters);
            assert_eq!(streams.held_bytes(), 0, "{name}");
            if wait_ns < 5 * SECOND {
                assert_eq!((now.messages.len(), now.pairs), (whole.messages.len(), whole.pairs.clone()), "{name}");
                assert_eq!(counters.tls_connections.decrypted, counters.connections);
            } else {
                assert_eq!((now.messages.len(), counters.tls_connections.no_key), (0, counters.connections), "{name}");
                assert!(counters.tls_records_lost.no_key > 0 && counters.tls_bytes > 0);
            }
        }
    }
}

/// Secrets of others come one by one, and there are more connections that wait than are looked at for each.
#[test]
fn among_many_that_wait_each_gets_its_keys_within_a_second() {
    let (sent, keys) = (segments("tls13-aes128gcm"), keys("tls13-aes128gcm"));
    let (whole, _) = read_segments(&sent, &keys);
    let options = EngineOptions { key_log: true, ..EngineOptions::default() };
    let last = sent.last().expect("segments").at;
    for waits_on in [false, true] {
        let mut streams = Streams::new(&Limits::default(), &options);
        let (mut out, mut counters) = (Vec::new(), Counters::default());
        // the same connection again and again, on other ports, but for its end
        for port in 1..=300 {
            for segment in sent.iter().filter(|s| !s.flags.has(TcpFlags::FIN) && !s.flags.has(TcpFlags::RST)) {
                let mut copy = Sent { at: last, ..segment.clone() };
                copy.flow.tunnel = TunnelId(port);
                give(&mut streams, &copy, &mut out, &mut counters);
            }
        }
        let connections = counters.connections;
        assert!(out.is_empty() && connections >= 300);
        streams.add_keys(keys.as_bytes(), last, &mut out, &mut counters);
        assert!(out.is_empty(), "looked at for each secret");
        let later = Mark { time: last.time.plus(SECOND), ..last };
        if waits_on {
            streams.advance(later, &mut out, &mut counters);
            assert_eq!(seen(&out).messages.len(), 300 * whole.messages.len());
        }
        streams.finish(later, &mut out, &mut counters);
        assert_eq!(counters.tls_connections.decrypted, connections);
        assert_eq!(seen(&out).messages.len(), 300 * whole.messages.len());
    }
}

#[test]
fn what_waits_for_keys_makes_room_under_caps() {
    let small = Limits { tls_waiting_bytes_max: 6000, ..Limits::default() };
    let together = Limits { tls_waiting_together_bytes_max: 6000, ..Limits::default() };
    for limits in [small, together] {
        let other = keys("tls13-chacha20");
        let c = read("tls13-aes128gcm", &other, &limits, |_, _| true, &mut Messages::default());
        assert_eq!((c.requests, c.tls_connections.no_key), (0, 1));
        assert!(c.tls_records_lost.cap > 0, "{:?}", c.tls_records_lost);
    }
}

/// The connection begins in plain text: the client asks a proxy for a tunnel.
fn through_a_proxy(sent: &[Sent]) -> Vec<Sent> {
    const ASK: &[u8] = b"CONNECT api.shop.test:4443 HTTP/1.1\r\nHost: api.shop.test:4443\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let client = sent[0].side;
    let shift = |side: Side| u32::try_from(if side == client { ASK.len() } else { ANSWER.len() }).expect("short");
    let hello = sent.iter().position(|s| !s.payload.is_empty()).expect("a hello");
    let (before, after) = sent.split_at(hello);
    let first = &after[0];
    let ask = Sent { payload: ASK.to_vec(), ..first.clone() };
    let answer = Sent {
        side: client.other(),
        seq: first.ack.expect("an acknowledgment"),
        ack: Some(first.seq + shift(client)),
        payload: ANSWER.to_vec(),
        ..first.clone()
    };
    let moved = after.iter().map(|s| Sent {
        seq: s.seq + shift(s.side),
        ack: s.ack.map(|ack| ack + shift(s.side.other())),
        ..s.clone()
    });
    before.iter().cloned().chain([ask, answer]).chain(moved).collect()
}

#[test]
fn tls_inside_a_proxys_tunnel_is_read() {
    for name in ["tls12-aes256gcm", "tls13-aes256gcm"] {
        let (sent, keys) = (segments(name), keys(name));
        let (whole, _) = read_segments(&sent, &keys);
        let (seen, c) = read_segments(&through_a_proxy(&sent), &keys);
        let tunnel = ["0 CONNECT api.shop.test:4443", "0 200"].map(str::to_owned);
        assert_eq!(seen.messages, [&tunnel[..], &whole.messages].concat(), "{name}");
        assert!(whole.pairs.is_subset(&seen.pairs), "{name}: {:?}", seen.pairs);
        assert_eq!((c.carried.http1, c.carried.tls, c.tls_connections.decrypted), (1, 0, 1), "{name}");
    }
}

#[test]
fn hellos_without_end_are_held_to_a_cap() {
    let limits = Limits { tls_waiting_together_bytes_max: 100_000, ..Limits::default() };
    let options = EngineOptions { key_log: true, ..EngineOptions::default() };
    let mut streams = Streams::new(&limits, &options);
    let (mut out, mut counters) = (Vec::new(), Counters::default());
    let sent = segments("tls13-early");
    let hello = sent.iter().rposition(|s| s.payload.starts_with(&[22, 3])).expect("hellos");
    let client = sent.iter().rposition(|s| s.payload.starts_with(&[22, 3, 1])).expect("a ClientHello");
    assert!(client < hello, "the second connection's, which offers early data");
    for port in 0..1000 {
        let mut s = sent[client].clone();
        let end = if s.side == Side::Low { &mut s.flow.low } else { &mut s.flow.high };
        end.port = 10_000 + port;
        give(
            &mut streams,
            &Sent { payload: Vec::new(), seq: s.seq - 1, flags: TcpFlags(TcpFlags::SYN), ..s.clone() },
            &mut out,
            &mut counters,
        );
        give(&mut streams, &s, &mut out, &mut counters);
        assert!(streams.held_bytes() <= 100_000, "{} bytes of {port} hellos", streams.held_bytes());
    }
    // Early data that no server ever answers.
    let mut s = sent[client].clone();
    let record = [&[23, 3, 3, 1, 0][..], &[7; 256]].concat();
    for _ in 0..2000 {
        s.seq += u32::try_from(s.payload.len()).expect("short");
        s.payload.clone_from(&record);
        give(&mut streams, &s, &mut out, &mut counters);
        assert!(streams.held_bytes() <= 100_000, "{} bytes of early data", streams.held_bytes());
    }
    streams.finish(s.at, &mut out, &mut counters);
    assert_eq!((streams.held_bytes(), counters.requests), (0, 0));
}
