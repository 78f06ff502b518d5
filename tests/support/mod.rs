//! What is fuzzed: each function takes any bytes and must come back, without panic, in time that grows with their number.
//!
//! `tests/fuzz` calls them under libFuzzer, `tests/fuzz_seeds.rs` with the corpus and a few thousand changes of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::cors::origin::Origin;
use corstap::cors::{Target, fields, location};
use corstap::counters::Counters;
use corstap::decode::{Decoder, Endpoint, FlowKey, Segment, Side, TcpFlags, TunnelId};
use corstap::engine::Engine;
use corstap::http::Mark;
use corstap::http::head::{HeadBuilder, Name};
use corstap::limits::Limits;
use corstap::options::{EngineOptions, Scheme};
use corstap::packet::{InterfaceId, LinkType, MILLISECOND, Order, Packet, SECOND, Time};
use corstap::record::{Confidence, Finding, MessageRecord, Sink, Transaction};
use corstap::stream::Streams;

/// Link types that are decoded, and one that is not.
const LINKS: [u16; 12] = [1, 0, 9, 101, 105, 107, 113, 127, 192, 228, 276, 999];

struct Nowhere;

impl Sink for Nowhere {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn message(&mut self, _: &MessageRecord) {}
}

/// Caps so small that each is hit.
pub fn tiny_limits() -> Limits {
    Limits {
        flows_max: 4,
        head_bytes_max: 256,
        heads_together_bytes_max: 600,
        out_of_order_bytes_max: 700,
        out_of_order_together_bytes_max: 1500,
        pipeline_max: 3,
        streams_max: 3,
        requests_waiting_max: 5,
        fields_max: 8,
        probe_bytes_max: 64,
        fragment_bytes_max: 4096,
        fragmented_datagrams_max: 3,
        fragment_pieces_max: 4,
        waiting_max: 3,
        clients_max: 2,
        cache_entries_max: 3,
        targets_max: 2,
        endpoints_max: 3,
        probing_keys_max: 3,
        in_flight_max: 3,
        cause_targets_max: 2,
        cause_endpoints_max: 3,
        cache_entries_of_client_max: 2,
        forgotten_slots: 16,
        hints_max: 3,
        tls_keys_max: 7,
        tls_waiting_bytes_max: 40_000,
        tls_waiting_together_bytes_max: 44_000,
        urls_max: 3,
        origins_max: 3,
        findings_max: 3,
        ..Limits::default()
    }
}

/// One frame: its link type, then its bytes.
pub fn frame(data: &[u8]) {
    let [link, cut, bytes @ ..] = data else { return };
    let mut decoder = Decoder::new(&tiny_limits());
    let mut counters = Counters::default();
    for round in 0..2 {
        let packet = Packet {
            order: Order(round),
            time: Time(0),
            interface: InterfaceId(0),
            link: LinkType(LINKS[usize::from(*link) % LINKS.len()]),
            bytes,
            wire_bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX) + u32::from(*cut),
        };
        let _ = decoder.decode(&packet, &mut counters);
    }
    decoder.finish(&mut counters);
}

/// A capture file of any kind.
pub fn capture_file(data: &[u8]) {
    let name = format!("corstap-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let mut feed = Feed::open(std::slice::from_ref(&path), FeedOptions::default());
    let mut packets = 0;
    while let Some(packet) = feed.next() {
        packets += 1;
        assert!(packet.bytes.len() <= 1 << 20, "a packet of {} bytes", packet.bytes.len());
        // Packed bytes may hold many times their number; a packet of nothing still has its header.
        assert!(packets <= 2000 * data.len(), "packets from nowhere");
    }
    let _ = std::fs::remove_file(&path);
}

/// Both sides of a connection: each step is a byte of flags (1: server, 2: lost, 4: late, 8: cut, 16: FIN, 32: RST, 64: SYN,
/// 128: a second passes), one of length, and that many bytes.
pub fn conversation(data: &[u8]) {
    converse(data, &[]);
}

/// The same with TLS whose keys are known, or come in the midst of it if the first byte is odd.
pub fn tls(data: &[u8]) {
    read_tls(data);
}

/// See [`tls`].
pub fn read_tls(data: &[u8]) -> Counters {
    let [late, data @ ..] = data else { return Counters::default() };
    let keys = [
        include_str!("../data/tls/tls12-aes256gcm.keys"),
        include_str!("../data/tls/tls12-chacha20.keys"),
        include_str!("../data/tls/tls13-aes256gcm.keys"),
        include_str!("../data/tls/tls13-keyupdate.keys"),
        include_str!("../data/tls/tls13-early.keys"),
        include_str!("../data/tls/tls13-retry.keys"),
    ];
    let mut half = 0;
    while late % 2 == 1 && half < data.len() / 16 {
        half += 2 + data.get(half + 1).map_or(0, |length| usize::from(*length));
    }
    let (before, after) = data.split_at(half.min(data.len()));
    converse_in_parts([before, after], &keys)
}

fn converse(data: &[u8], keys: &[&str]) {
    converse_in_parts([&[], data], keys);
}

/// The keys come between the parts.
fn converse_in_parts(parts: [&[u8]; 2], keys: &[&str]) -> Counters {
    let end = |n: u8, port| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port };
    let flow = FlowKey { low: end(1, 40000), high: end(2, 8080), tunnel: TunnelId(0) };
    let options = EngineOptions { key_log: !keys.is_empty(), ..EngineOptions::default() };
    let mut streams = Streams::new(&tiny_limits(), &options);
    let mut counters = Counters::default();
    let (mut events, mut open) = (Vec::new(), std::collections::BTreeSet::new());
    let mut mark = Mark { time: Time(0), order: Order(0) };
    let mut next = [u32::MAX - 100, 7];
    let mut late: Option<(Side, u32, u32, Vec<u8>)> = None;
    let mut rest = parts[0];
    let mut to_come = Some(parts[1]);
    loop {
        if rest.len() < 2 {
            let Some(second) = to_come.take() else { break };
            rest = second;
            for key_log in keys {
                streams.add_keys(key_log.as_bytes(), mark, &mut events, &mut counters);
            }
            continue;
        }
        let [how, length, after @ ..] = rest else { break };
        let (bytes, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let has = |bit: u8| how & bit != 0;
        let (side, me, peer) = if has(1) { (Side::High, 1, 0) } else { (Side::Low, 0, 1) };
        let (seq, ack) = (next[me], next[peer]);
        next[me] = seq.wrapping_add(u32::from(*length)).wrapping_add(u32::from(has(16) || has(64)));
        if has(128) {
            mark.time = Time((mark.time.0 / SECOND + 1) * SECOND);
            streams.advance(mark, &mut events, &mut counters);
        }
        if has(2) {
            continue;
        }
        mark = Mark { time: mark.time.plus(MILLISECOND), order: Order(mark.order.0 + 1) };
        let cut = if has(8) { u32::from(*length) / 2 } else { 0 };
        let flags = TcpFlags::ACK
            | if has(16) { TcpFlags::FIN } else { 0 }
            | if has(32) { TcpFlags::RST } else { 0 }
            | if has(64) { TcpFlags::SYN } else { 0 };
        let captured = bytes.get(..bytes.len().saturating_sub(cut as usize)).unwrap_or_default();
        let segment =
            |side, seq, ack, payload, cut, flags| Segment { flow, side, seq, ack: Some(ack), flags, payload, cut };
        if has(4) {
            late = Some((side, seq, ack, captured.to_vec()));
            continue;
        }
        streams.on_segment(&segment(side, seq, ack, captured, cut, TcpFlags(flags)), mark, &mut events, &mut counters);
        if let Some((side, seq, ack, bytes)) = late.take() {
            let segment = segment(side, seq, ack, &bytes, 0, TcpFlags(TcpFlags::ACK));
            streams.on_segment(&segment, mark, &mut events, &mut counters);
        }
    }
    streams.finish(mark, &mut events, &mut counters);
    // Each request ends in an answer or in none, once; each message ends once.
    for event in &events {
        use corstap::http::HttpEvent;
        match event {
            HttpEvent::Request(r) => assert!(open.insert(r.id)),
            HttpEvent::Response { request: Some(r), .. } | HttpEvent::NoAnswer { request: r, .. } => {
                assert!(open.remove(&r.id), "answered twice: {r:?}");
            }
            HttpEvent::Response { request: None, .. } | HttpEvent::Interim(_) | HttpEvent::End { .. } => {}
        }
    }
    assert!(open.is_empty(), "neither answered nor not: {open:?}");
    assert_eq!(streams.held_bytes(), 0, "something is still charged");
    assert_eq!(counters.connections, counters.carried.total());
    assert!(counters.tls_connections.total() <= counters.connections);
    counters
}

/// Parsers of field values.
pub fn field_values(data: &[u8]) {
    let origin = Origin::parse(data);
    if let Some(parts) = origin.parts() {
        let text = corstap::cors::origin::serialise(parts);
        assert_eq!(Origin::parse(text.as_bytes()).parts(), Some(parts), "{text}");
    }
    let target = Target {
        scheme: Scheme::Http,
        scheme_confidence: Confidence::Certain,
        host: "b.test".into(),
        port: 80,
        origin: Arc::from("http://b.test"),
        site: "b.test".into(),
    };
    let _ = location::resolve(data, &target, b"/a?b=c");
    let _ = fields::token_list(data);
    let _ = fields::mime_essence(data);
    let mut built = HeadBuilder::request(b"GET", data);
    for (_, name) in [(0, Name::Accept), (1, Name::AcRequestHeaders), (2, Name::Range), (3, Name::ContentType)] {
        let _ = fields::is_safelisted(name, data);
        built.field(name.text().as_bytes(), name, data, false);
    }
    let head = built.finish();
    let _ = fields::unsafe_fields(&head);
    let _ = fields::requested_names(&head);
}

/// The whole engine with tiny limits: frames of Ethernet, each behind a byte of time and one of length (in 8 bytes).
pub fn engine(data: &[u8]) {
    let options = EngineOptions { messages: true, ..EngineOptions::default() };
    let mut engine = Engine::new(&tiny_limits(), &options);
    let mut time = Time(0);
    let (mut rest, mut order) = (data, 0);
    while let [wait, length, after @ ..] = rest {
        let (bytes, after) = after.split_at(after.len().min(usize::from(*length) * 8));
        rest = after;
        time = time.plus(i64::from(*wait) * i64::from(*wait) * MILLISECOND);
        let packet = Packet {
            order: Order(order),
            time,
            interface: InterfaceId(0),
            link: LinkType(1),
            bytes,
            wire_bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        };
        order += 1;
        engine.on_packet(&packet, &mut Nowhere);
    }
    engine.finish(&mut Nowhere);
    let c = engine.counters();
    assert_eq!(c.packets, c.segments + c.ignored.total());
    assert_eq!(c.connections, c.carried.total());
}
