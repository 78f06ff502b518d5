//! What is fuzzed: each function takes any bytes and must come back, without panic, in time that grows with their number.
//!
//! `tests/fuzz` calls them under libFuzzer, `tests/fuzz_seeds.rs` with the corpus and a few thousand changes of it.

pub mod dice;
mod sealer;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use corstap::capture::keylog::KeyLog;
use corstap::capture::merge::{Feed, FeedOptions};
use corstap::cors::origin::Origin;
use corstap::cors::{Target, fields, location};
use corstap::counters::Counters;
use corstap::decode::{Decoder, Endpoint, FlowKey, Segment, Side, TcpFlags, TunnelId};
use corstap::engine::Engine;
use corstap::http::head::{HeadBuilder, Name};
use corstap::http::{HttpEvent, Mark};
use corstap::limits::Limits;
use corstap::options::{EngineOptions, Scheme};
use corstap::packet::{InterfaceId, LinkType, MILLISECOND, Order, Packet, SECOND, Time};
use corstap::record::{Confidence, Finding, MessageRecord, Sink, Transaction};
use corstap::stream::Streams;
use corstap::tls::Keys;
use dice::Dice;
use sealer::Sealer;

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
        requests_waiting_bytes_max: 2000,
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

/// Key logs of captures that seeds are made of.
const KEYS: [&str; 6] = [
    include_str!("../data/tls/tls12-aes256gcm.keys"),
    include_str!("../data/tls/tls12-chacha20.keys"),
    include_str!("../data/tls/tls13-aes256gcm.keys"),
    include_str!("../data/tls/tls13-keyupdate.keys"),
    include_str!("../data/tls/tls13-early.keys"),
    include_str!("../data/tls/tls13-retry.keys"),
];

/// The same with TLS whose keys are known, or come in the midst of it if the first byte is odd.
pub fn tls(data: &[u8]) {
    read_tls(data);
}

/// See [`tls`].
pub fn read_tls(data: &[u8]) -> Counters {
    let [late, data @ ..] = data else { return Counters::default() };
    let mut half = 0;
    while late % 2 == 1 && half < data.len() / 16 {
        half += 2 + data.get(half + 1).map_or(0, |length| usize::from(*length));
    }
    let (before, after) = data.split_at(half.min(data.len()));
    converse_in_parts([before, after], &KEYS)
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
    let mut events = Vec::new();
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
        check_held(&streams, &tiny_limits());
        if let Some((side, seq, ack, bytes)) = late.take() {
            let segment = segment(side, seq, ack, &bytes, 0, TcpFlags(TcpFlags::ACK));
            streams.on_segment(&segment, mark, &mut events, &mut counters);
        }
    }
    finish(streams, mark, &mut events, &mut counters);
    counters
}

/// What is held keeps to the caps after each segment.
fn check_held(streams: &Streams, limits: &Limits) {
    // A last request may still wait that goes above its cap, and all that are short.
    let cap = limits.heads_together_bytes_max
        + limits.requests_waiting_bytes_max
        + (40 << 10)
        + u64::from(limits.requests_waiting_max) * 2048
        + limits.out_of_order_together_bytes_max
        + limits.tls_waiting_together_bytes_max;
    assert!(streams.held_bytes() <= cap, "{} bytes held", streams.held_bytes());
}

/// Ends all connections, and checks what holds whatever was said.
fn finish(mut streams: Streams, mark: Mark, events: &mut Vec<HttpEvent>, counters: &mut Counters) {
    let mut open = std::collections::BTreeSet::new();
    streams.finish(mark, events, counters);
    // Each request ends in an answer or in none, once; each message ends once.
    for event in &*events {
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
}

/// What both sides of one connection send, in order: whose bytes, and how they come to the wire.
#[derive(Default)]
struct Sent {
    pieces: Vec<(Side, Vec<u8>, How)>,
    /// Somebody begins with what is no HTTP: where that is looked for behind it depends on segments.
    begins_oddly: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Seen,
    /// Not captured.
    Lost,
    /// A second passes first.
    Later,
}

impl Sent {
    fn say(&mut self, side: Side, bytes: Vec<u8>, how: How) {
        self.pieces.push((side, bytes, how));
    }

    /// The same bytes in other segments.
    fn cut_anew(&self, seed: u8) -> Sent {
        let mut dice = Dice(u64::from(seed) * 2 + 1);
        let mut cut = Sent::default();
        for (side, bytes, how) in &self.pieces {
            match cut.pieces.last_mut() {
                Some((last, before, How::Seen)) if last == side && *how == How::Seen && dice.throw(2) == 0 => {
                    before.extend_from_slice(bytes);
                }
                _ => cut.say(*side, bytes.clone(), *how),
            }
        }
        let whole = std::mem::take(&mut cut.pieces);
        for (side, bytes, how) in whole {
            let (mut rest, mut how) = (bytes.as_slice(), how);
            while !rest.is_empty() {
                let most = [1, 3, 20, 2000][dice.throw(4)];
                let (piece, after) = rest.split_at(rest.len().min(1 + dice.throw(most)));
                cut.say(side, piece.to_vec(), how);
                rest = after;
                if how == How::Later {
                    how = How::Seen;
                }
            }
        }
        cut
    }

    /// Has it read; `keys` come before the segment with this number.
    fn read(&self, limits: &Limits, keys: Option<(&str, usize)>) -> (Vec<HttpEvent>, Counters) {
        let end = |n: u8, port| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port };
        let flow = FlowKey { low: end(1, 40000), high: end(2, 8443), tunnel: TunnelId(0) };
        let options = EngineOptions { key_log: keys.is_some(), ..EngineOptions::default() };
        let mut streams = Streams::new(limits, &options);
        let (mut counters, mut events) = (Counters::default(), Vec::new());
        let mut mark = Mark { time: Time(0), order: Order(0) };
        let mut next = [u32::MAX - 100, 7];
        let shakes = [(Side::Low, TcpFlags::SYN), (Side::High, TcpFlags::SYN | TcpFlags::ACK)];
        let shakes = shakes.map(|(side, flags)| (side, Vec::new(), How::Seen, flags));
        let said = self.pieces.iter().map(|(side, bytes, how)| (*side, bytes.clone(), *how, TcpFlags::ACK));
        let (at, text) = keys.map_or((usize::MAX, ""), |(text, at)| (at, text));
        let mut nth = 0;
        for (side, bytes, how, flags) in shakes.into_iter().chain(said) {
            if nth == at {
                streams.add_keys(text.as_bytes(), mark, &mut events, &mut counters);
            }
            nth += 1;
            if how == How::Later {
                mark.time = Time((mark.time.0 / SECOND + 1) * SECOND);
                streams.advance(mark, &mut events, &mut counters);
            }
            mark = Mark { time: mark.time.plus(MILLISECOND), order: Order(mark.order.0 + 1) };
            let (seq, ack) = (next[side.index()], next[side.other().index()]);
            let is_syn = flags & TcpFlags::SYN != 0;
            let len = u32::try_from(bytes.len()).unwrap_or(0) + u32::from(is_syn);
            next[side.index()] = seq.wrapping_add(len);
            if how == How::Lost {
                continue;
            }
            let ack = (flags & TcpFlags::ACK != 0).then_some(ack);
            let segment = Segment { flow, side, seq, ack, flags: TcpFlags(flags), payload: &bytes, cut: 0 };
            streams.on_segment(&segment, mark, &mut events, &mut counters);
            check_held(&streams, limits);
        }
        streams.add_keys(if nth <= at { text.as_bytes() } else { b"" }, mark, &mut events, &mut counters);
        finish(streams, mark, &mut events, &mut counters);
        (events, counters)
    }

    /// Has it read as it is and cut anew: where nothing was missed or broken both tell the same. Under tiny caps, too.
    fn check(&self, seed: u8, keys: Option<(&str, usize)>) -> Counters {
        let (events, counters) = self.read(&Limits::default(), keys);
        let anew = self.cut_anew(seed);
        // those of one read stand before all else, since segments differ
        let (events_anew, counters_anew) = anew.read(&Limits::default(), keys.map(|(text, _)| (text, 0)));
        let is_plain = |c: &Counters| {
            c.http_errors.total() + c.gaps.total() + c.tls_records_lost.total() == 0 && c.tls_connections.no_key == 0
        };
        // What is no HTTP inside TLS is read no further, sooner or later.
        assert!(keys.is_some() || !is_plain(&counters) || is_plain(&counters_anew), "{counters_anew:?}");
        if is_plain(&counters) && is_plain(&counters_anew) && !self.begins_oddly {
            assert_eq!(told(&events), told(&events_anew));
        }
        let (_, tiny) = anew.read(&tiny_limits(), keys);
        assert!(tiny.requests <= counters.requests + counters_anew.requests + 64, "requests from nowhere");
        counters
    }
}

/// What is the same however the bytes are cut into segments.
fn told(events: &[HttpEvent]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let head = |head: &corstap::http::head::Head| {
        let fields = head.fields().iter().map(|f| format!("{}: {}", text(head.name_of(f)), text(head.shown_of(f))));
        fields.collect::<Vec<_>>().join("|")
    };
    let mut all: Vec<String> = events
        .iter()
        .map(|event| match event {
            HttpEvent::Request(r) => {
                format!("> {} {} {} {:?}", text(r.head.method()), text(r.head.target()), head(&r.head), r.head_state)
            }
            HttpEvent::Interim(r) => format!("~ {} {}", r.status, head(&r.head)),
            HttpEvent::Response { request, response: r } => {
                let to = request.as_ref().map(|r| text(r.head.target()));
                format!("< {} to {to:?} {} {:?}", r.status, head(&r.head), r.head_state)
            }
            HttpEvent::NoAnswer { request, why, .. } => format!("! {} {why:?}", text(request.head.target())),
            HttpEvent::End { id, body_bytes, state, .. } => {
                format!("= {} {} {body_bytes} {state:?}", id.request, id.nth)
            }
        })
        .collect();
    // an answer that was held back comes later
    all.sort_unstable();
    all
}

fn side_of(how: u8) -> Side {
    if how & 1 == 1 { Side::High } else { Side::Low }
}

fn how_of(how: u8) -> How {
    match how >> 5 {
        1 => How::Lost,
        2 => How::Later,
        _ => How::Seen,
    }
}

/// HTTP/2, frame by frame: a byte that says how the bytes are cut, then steps of five bytes (1: server, 2: the payload alone without a
/// header, 4: a length that is wrong, 8: twice, 16: sixteen times; upper bits 1: lost, 2: a second later; then kind, flags, stream and
/// length of the payload) and their payloads.
pub fn frames(data: &[u8]) {
    let [seed, data @ ..] = data else { return };
    let mut sent = Sent::default();
    sent.say(Side::Low, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), How::Seen);
    sent.say(Side::High, b"\0\0\0\x04\0\0\0\0\0".to_vec(), How::Seen);
    let mut rest = data;
    while let [how, kind, flags, stream, length, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let claimed = u8::try_from(payload.len()).unwrap_or(0) ^ u8::from(how & 4 != 0);
        let header = [0, 0, claimed, *kind, *flags, 0, 0, 0, *stream];
        let frame = if how & 2 == 0 { [&header, payload].concat() } else { payload.to_vec() };
        let times = if how & 8 != 0 { 2 } else { 1 } * if how & 16 != 0 { 16 } else { 1 };
        sent.say(side_of(*how), frame.repeat(times), how_of(*how));
    }
    sent.check(*seed, None);
}

/// TLS behind its keys: two bytes that say which version, suite and keys (see [`Sealer`]), when those come and how the bytes are cut,
/// then steps of three bytes (1: server, 2: damaged, 4: its number is passed over, 8: in the clear, 16: sixteen times; upper bits 1:
/// lost, 2: a second later; then the record's type and length) and what is sealed.
pub fn sealed(data: &[u8]) {
    read_sealed(data);
}

/// See [`sealed`].
pub fn read_sealed(data: &[u8]) -> Counters {
    let [which, seed, data @ ..] = data else { return Counters::default() };
    let mut sealer = Sealer::new(*which);
    let mut sent = Sent::default();
    let mut rest = data;
    for (side, record) in sealer.hellos() {
        sent.say(side, record, How::Seen);
    }
    let mut begun = [false; 2];
    while let [how, kind, length, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let side = side_of(*how);
        if *kind == 23 && !payload.is_empty() && !std::mem::replace(&mut begun[side.index()], true) {
            sent.begins_oddly |= !begins_as_usual(side, payload);
        }
        for _ in 0..if how & 16 != 0 { 16 } else { 1 } {
            let mut record =
                if how & 8 != 0 { sealer::record(*kind, payload) } else { sealer.seal(side, *kind, payload) };
            if how & 2 != 0
                && let Some(last) = record.last_mut()
            {
                *last ^= 1;
            }
            if how & 4 != 0 {
                sealer.pass(side);
            }
            sent.say(side, record, how_of(*how));
        }
    }
    sent.check(*seed, Some((&sealer.key_log(), usize::from(*seed) % 8)))
}

/// What a side says first is a first line of HTTP/1, or what HTTP/2 begins with.
fn begins_as_usual(side: Side, bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\r').next().unwrap_or_default();
    let is_text = line.len() < bytes.len() && line.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    let words = line.split(|b| *b == b' ').count();
    match side {
        Side::Low if bytes.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") => true,
        Side::Low => is_text && words == 3 && line.starts_with(b"GET /") && line.ends_with(b" HTTP/1.1"),
        Side::High if bytes.starts_with(b"\0\0\0\x04\0\0\0\0\0") => true,
        Side::High => {
            let status = line.get(9..12).unwrap_or_default();
            is_text && line.starts_with(b"HTTP/1.1 ") && status.iter().all(u8::is_ascii_digit)
        }
    }
}

/// A key log: as text, and as a file that grows.
pub fn key_log(data: &[u8]) {
    let mut counters = Counters::default();
    let mut keys = Keys::new(&tiny_limits(), false);
    keys.add(data, &mut counters.tls_secrets);
    let c = counters.tls_secrets;
    assert!(c.taken + c.bad_line <= 1 + memchr::memchr_iter(b'\n', data).count() as u64);
    assert!(c.forgotten <= c.taken);
    let name = format!("corstap-fuzz-keys-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    let mut log = KeyLog::new(&path);
    let mut read = Vec::new();
    for until in [data.len() / 3, data.len()] {
        if std::fs::write(&path, &data[..until]).is_err() {
            return;
        }
        let lines = log.read().map(|lines| lines.to_vec()).unwrap_or_default();
        assert!(lines.is_empty() || lines.ends_with(b"\n") || lines.len() > 4096, "half a line");
        read.extend(lines);
    }
    let _ = log.read_all(|lines| read.extend_from_slice(lines));
    let _ = std::fs::remove_file(&path);
    assert!(read == data, "{} bytes read of {}", read.len(), data.len());
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
    let options = EngineOptions { messages: true, key_log: true, ..EngineOptions::default() };
    let limits = tiny_limits();
    let mut engine = Engine::new(&limits, &options);
    for keys in KEYS {
        engine.add_keys(keys.as_bytes());
    }
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
