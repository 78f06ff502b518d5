//! Our own readers of heads and frames, judged by readers that others wrote: httparse and etherparse.
//!
//! Where the judge reads something, ours must read the same. Ours reads more: what browsers and servers take though it is no good
//! form, and frames that the judge does not look into. What that is stands in the tests.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::counters::Counters;
use corstap::decode::{Decoded, Decoder, Endpoint, FlowKey, Segment, Side, TcpFlags, TunnelId};
use corstap::http::head::Head;
use corstap::http::{HeadState, HttpEvent, Mark, Version};
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::packet::{InterfaceId, LinkType, Order, Packet, Time};
use corstap::stream::Streams;
use etherparse::{
    IpHeaders, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, NetSlice, PacketBuilder, SlicedPacket, TcpHeader,
    TransportSlice, VlanId,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A head as both readers tell it: first line, then names and values.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    line: String,
    fields: Vec<(String, String)>,
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let from = value.iter().position(|b| !is_blank(b)).unwrap_or(value.len());
    let to = value.iter().rposition(|b| !is_blank(b)).map_or(from, |i| i + 1);
    &value[from..to]
}

/// What our reader makes of the first bytes of a connection.
fn ours(bytes: &[u8]) -> Option<Read> {
    let end = |n: u8, port| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port };
    let flow = FlowKey { low: end(1, 40000), high: end(2, 8080), tunnel: TunnelId(0) };
    let options = EngineOptions { all_headers: true, show_query: true, ..EngineOptions::default() };
    let mut streams = Streams::new(&Limits::default(), &options);
    let (mut counters, mut events) = (Counters::default(), Vec::new());
    let mark = Mark { time: Time(0), order: Order(0) };
    let segments = [(0, TcpFlags::SYN, &b""[..]), (1, TcpFlags::ACK, bytes)];
    for (seq, flags, payload) in segments {
        let segment = Segment { flow, side: Side::Low, seq, ack: Some(0), flags: TcpFlags(flags), payload, cut: 0 };
        streams.on_segment(&segment, mark, &mut events, &mut counters);
    }
    streams.finish(mark, &mut events, &mut counters);
    let fields = |head: &Head| {
        let of = |f| (text(head.name_of(f)), text(head.value_of(f)));
        head.fields().iter().map(of).collect()
    };
    events.iter().find_map(|event| match event {
        HttpEvent::Request(r) if r.head_state == HeadState::Whole => {
            let line = format!("{} {} {}", text(r.head.method()), text(r.head.target()), r.version.id());
            Some(Read { line, fields: fields(&r.head) })
        }
        HttpEvent::Response { response: r, .. } | HttpEvent::Interim(r) if r.head_state == HeadState::Whole => {
            Some(Read { line: format!("{} {}", r.status, r.version.id()), fields: fields(&r.head) })
        }
        _ => None,
    })
}

fn httparse(bytes: &[u8]) -> Option<Read> {
    let mut space = [httparse::EMPTY_HEADER; 64];
    let fields = |headers: &[httparse::Header<'_>]| {
        headers.iter().map(|h| (text(h.name.as_bytes()), text(trimmed(h.value)))).collect()
    };
    if bytes.trim_ascii_start().starts_with(b"HTTP/") {
        let mut response = httparse::Response::new(&mut space);
        response.parse(bytes).ok()?.is_complete().then_some(())?;
        let line = format!("{} {}", response.code?, Version::of_minor(response.version?).id());
        return Some(Read { line, fields: fields(response.headers) });
    }
    let mut request = httparse::Request::new(&mut space);
    request.parse(bytes).ok()?.is_complete().then_some(())?;
    let target = text(request.path?.as_bytes());
    let line = format!("{} {target} {}", text(request.method?.as_bytes()), Version::of_minor(request.version?).id());
    Some(Read { line, fields: fields(request.headers) })
}

/// Names that the policy of what is kept treats as those of secrets do not occur.
fn field() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "x[a-z0-9!#$%&'*+.^_`|~-]{0,12}",
        Just("Host".to_owned()),
        Just("origin".to_owned()),
        Just("Vary".to_owned())
    ];
    (name, "[ \t]{0,2}", "([!-~]([ -~\t]{0,30}[!-~])?)?", "[ \t]{0,2}")
        .prop_map(|(name, before, value, after)| format!("{name}:{before}{value}{after}"))
}

fn head() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "(GET|POST|OPTIONS|[A-Z]{1,12}) /[!-~]{0,40} HTTP/1\\.[01]",
        "HTTP/1\\.[01] [1-5][0-9][0-9]( [A-Za-z ]{0,12})?"
    ];
    let ends = prop_oneof![Just("\r\n"), Just("\r\n"), Just("\n")];
    (line, prop::collection::vec(field(), 0..8), ends).prop_map(|(line, fields, end)| {
        let lines: Vec<String> = std::iter::once(line).chain(fields).chain([String::new()]).collect();
        lines.iter().flat_map(|line| [line.as_str(), end]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn well_formed_heads_read_as_httparse_reads_them(head in head()) {
        let judged = httparse(head.as_bytes());
        prop_assert!(judged.is_some());
        prop_assert_eq!(ours(head.as_bytes()), judged);
    }

    #[test]
    fn damaged_heads_that_httparse_takes_read_the_same(
        head in head(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..3),
    ) {
        let mut bytes = head.into_bytes();
        for (at, how, byte) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Some(judged) = httparse(&bytes) {
            prop_assert_eq!(ours(&bytes), Some(judged), "{}", text(&bytes));
        }
    }
}

/// Ours is as lenient as browsers and servers are, where httparse refuses.
#[test]
fn what_ours_reads_and_httparse_refuses() {
    for (head, line, fields) in [
        // A folded line (RFC 9112 § 5.2).
        ("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "GET / 1.1", &[("X", "a b")][..]),
        // Blanks before the colon.
        ("GET / HTTP/1.1\r\nX : a\r\n\r\n", "GET / 1.1", &[("X", "a")]),
        // A line without a colon, which is passed over.
        ("GET / HTTP/1.1\r\nnonsense\r\nX: a\r\n\r\n", "GET / 1.1", &[("X", "a")]),
        // Several blanks in a first line, and a blank in the target.
        ("GET  /a b  HTTP/1.1\r\n\r\n", "GET /a b 1.1", &[]),
    ] {
        assert_eq!(httparse(head.as_bytes()), None, "{head}");
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(ours(head.as_bytes()), Some(Read { line: line.to_owned(), fields }), "{head}");
    }
}

/// A segment as both readers tell it.
#[derive(Debug, PartialEq, Eq)]
struct Tcp {
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    seq: u32,
    ack: Option<u32>,
    flags: u8,
    payload: Vec<u8>,
}

fn decoded(link: LinkType, bytes: &[u8], wire_bytes: u32) -> Option<Tcp> {
    let mut decoder = Decoder::new(&Limits::default());
    let packet = Packet { order: Order(0), time: Time(0), interface: InterfaceId(0), link, bytes, wire_bytes };
    let Decoded::Segment(s) = decoder.decode(&packet, &mut Counters::default()) else { return None };
    let ends = [s.flow.low, s.flow.high].map(|end| (end.ip, end.port));
    let [from, to] = if s.side == Side::Low { ends } else { [ends[1], ends[0]] };
    Some(Tcp { from, to, seq: s.seq, ack: s.ack, flags: s.flags.0, payload: s.payload.to_vec() })
}

fn etherparse(link: LinkType, bytes: &[u8]) -> Option<Tcp> {
    let packet = match link.0 {
        1 => SlicedPacket::from_ethernet(bytes),
        101 => SlicedPacket::from_ip(bytes),
        113 => SlicedPacket::from_linux_sll(bytes),
        _ => return None,
    };
    let packet = packet.ok()?;
    let [from, to] = match packet.net? {
        NetSlice::Ipv4(ip) => [ip.header().source_addr(), ip.header().destination_addr()].map(IpAddr::V4),
        NetSlice::Ipv6(ip) => [ip.header().source_addr(), ip.header().destination_addr()].map(IpAddr::V6),
        NetSlice::Arp(_) => return None,
    };
    let TransportSlice::Tcp(tcp) = packet.transport? else { return None };
    Some(Tcp {
        from: (from, tcp.source_port()),
        to: (to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.ack().then(|| tcp.acknowledgment_number()),
        flags: tcp.header_slice()[13],
        payload: tcp.payload().to_vec(),
    })
}

#[test]
fn segments_of_the_corpus_decode_as_etherparse_decodes_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        .collect();
    paths.sort();
    let (mut both, mut ours_alone) = (0, 0);
    for path in paths {
        let mut feed = Feed::open(std::slice::from_ref(&path), FeedOptions::default());
        while let Some(packet) = feed.next() {
            let ours = decoded(packet.link, packet.bytes, packet.wire_bytes);
            if let Some(judged) = etherparse(packet.link, packet.bytes) {
                assert_eq!(ours, Some(judged), "{} packet {}", path.display(), packet.order.0 + 1);
                both += 1;
            } else {
                ours_alone += u32::from(ours.is_some());
            }
        }
    }
    // Alone: tunnels, link types and tags that etherparse does not know, packets cut by the snap length, lengths of zero by offload.
    assert!(both > 1500 && ours_alone > 400, "{both} by both, {ours_alone} by ours alone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn made_frames_decode_as_they_were_made(
        is_v6 in any::<bool>(),
        ends in any::<([u8; 16], [u8; 16], u16, u16)>(),
        (seq, ack, flags) in any::<(u32, u32, u8)>(),
        options in 0..10_usize,
        tags in 0..3_u8,
        payload in prop::collection::vec(any::<u8>(), 0..200),
        padding in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let (from, to, from_port, to_port) = ends;
        let mut tcp = TcpHeader::new(from_port, to_port, seq, 1000);
        (tcp.fin, tcp.syn, tcp.rst, tcp.psh) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 8 != 0);
        (tcp.ack, tcp.urg, tcp.ece, tcp.cwr) = (flags & 16 != 0, flags & 32 != 0, flags & 64 != 0, flags & 128 != 0);
        tcp.acknowledgment_number = ack;
        tcp.set_options_raw(&vec![1; options * 4]).expect("at most 40 bytes");
        let room = u16::try_from(payload.len()).expect("short") + tcp.header_len_u16();
        let v4 = |b: [u8; 16]| [b[0], b[1], b[2], b[3]];
        let ip = if is_v6 {
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: room,
                next_header: IpNumber::TCP,
                hop_limit: 64,
                source: from,
                destination: to,
            };
            IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default())
        } else {
            let header = Ipv4Header::new(room, 64, IpNumber::TCP, v4(from), v4(to)).expect("short");
            IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default())
        };
        let addresses = if is_v6 { [IpAddr::from(from), IpAddr::from(to)] } else { [IpAddr::from(v4(from)), IpAddr::from(v4(to))] };
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ids = [100_u16, 200].map(|id| VlanId::try_new(id).expect("12 bits"));
        let built = match tags {
            0 => ethernet.ip(ip),
            1 => ethernet.single_vlan(ids[0]).ip(ip),
            _ => ethernet.double_vlan(ids[0], ids[1]).ip(ip),
        };
        let mut frame = Vec::new();
        built.tcp_header(tcp).write(&mut frame, &payload).expect("into memory");
        frame.extend(padding);
        let made = Tcp {
            from: (addresses[0], from_port),
            to: (addresses[1], to_port),
            seq,
            ack: (flags & 16 != 0).then_some(ack),
            flags,
            payload,
        };
        prop_assert_eq!(decoded(LinkType(1), &frame, u32::try_from(frame.len()).expect("short")), Some(made));
    }
}
