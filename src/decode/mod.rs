//! From a captured frame to the TCP segment in it: link layer, tags, tunnels, IP, fragments.
//!
//! Promises: every packet is either a segment or counted by kind in [`Ignored`]; nothing is allocated but for fragments, which
//! wait under caps; tunnels are looked into to `Limits::tunnel_depth_max`. Lengths are IP's, so that Ethernet padding and check
//! sequences fall away; where offload left it zero, the frame's.
//!
//! Of checksums only the IPv4 header's is verified: TCP's would touch every byte of every body, about 40 ns a packet, and on a
//! sending host it is wrong by design.

mod fragments;
mod ip;
mod link;
mod quic;
mod tunnel;

use std::net::IpAddr;

use crate::counters::{Counters, Ignored};
use crate::limits::Limits;
use crate::packet::{Packet, Time};
use fragments::{Fragments, Whole};
use quic::Quic;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 addresses stay IPv4; a mapped IPv6 address stays IPv6.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// Which tenant's network a flow was inside: 0 outside any. Two tenants may use the same addresses.
///
/// Made of the identifiers that both directions share: VXLAN and Geneve networks, NVGRE subnets, GRE keys, PBB services. Tunnels
/// without one (IP in IP, a mirror's ERSPAN or TZSP) and those whose numbers differ by direction (GTP-U, MPLS, L2TP) add nothing:
/// often only one direction is inside, or the same packets are seen on both sides of the tunnel's end. VLANs add nothing either:
/// a mirror shows a routed packet in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TunnelId(pub u32);

/// A TCP connection's two ends in a fixed order: both directions give the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// The smaller end.
    pub low: Endpoint,
    /// The greater end.
    pub high: Endpoint,
    /// The tunnel around it.
    pub tunnel: TunnelId,
}

/// The sender of a segment. Who is the client is learnt later, from content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Sent by `FlowKey::low`.
    Low,
    /// Sent by `FlowKey::high`.
    High,
}

impl Side {
    /// The side that receives.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Low => Side::High,
            Side::High => Side::Low,
        }
    }

    /// Its place where something is kept for both.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        match self {
            Side::Low => 0,
            Side::High => 1,
        }
    }
}

/// TCP's control bits, low byte of RFC 9293's flag field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Acknowledgment field is significant.
    pub const ACK: u8 = 0x10;

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }

    /// Whether a segment without payload says no more than what it acknowledges.
    #[must_use]
    pub fn only_acknowledge(self) -> bool {
        self.0 & (Self::FIN | Self::SYN | Self::RST) == 0
    }
}

/// One TCP segment, borrowed from its packet (or from a reassembled datagram).
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The connection.
    pub flow: FlowKey,
    /// Who sent it.
    pub side: Side,
    /// Sequence number of the first payload byte (of the SYN, when set).
    pub seq: u32,
    /// Acknowledgment number, when the ACK bit is set.
    pub ack: Option<u32>,
    /// Control bits.
    pub flags: TcpFlags,
    /// Payload captured.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire but not captured (snap length).
    pub cut: u32,
}

/// What a packet came to.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// Nothing for us; counted by kind.
    Nothing,
}

/// Decodes packets; holds fragments.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    quic: Quic,
    tunnel_depth_max: u8,
    tags_max: u8,
    /// A datagram that became whole with this packet, and one that this one's tunnel carried.
    outer: Whole,
    inner: Whole,
}

impl Decoder {
    /// A decoder without fragments.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Decoder {
            fragments: Fragments::new(limits),
            quic: Quic::default(),
            tunnel_depth_max: limits.tunnel_depth_max,
            tags_max: limits.tags_max,
            outer: Whole::default(),
            inner: Whole::default(),
        }
    }

    /// Finds the TCP segment in a packet.
    #[inline]
    pub fn decode<'a>(&'a mut self, packet: &Packet<'a>, counters: &mut Counters) -> Decoded<'a> {
        let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        let cut = packet.wire_bytes.saturating_sub(captured);
        let rest = Rest { bytes: packet.bytes, cut, tunnel: TunnelId(0), depth: 0 };
        let mut context = Context {
            fragments: &mut self.fragments,
            quic: &mut self.quic,
            counters,
            tunnel_depth_max: self.tunnel_depth_max,
            tags_max: self.tags_max,
            time: packet.time,
        };
        let found = match context.frame(packet.link, rest) {
            Found::Whole(whole) => {
                self.outer = whole;
                match context.whole(&self.outer) {
                    Found::Whole(whole) => {
                        self.inner = whole;
                        context.whole(&self.inner)
                    }
                    found => found,
                }
            }
            found => found,
        };
        match found {
            Found::Segment(segment) => Decoded::Segment(segment),
            Found::Nothing => Decoded::Nothing,
            Found::Whole(_) => {
                counters.ignored.too_deep += 1;
                Decoded::Nothing
            }
        }
    }

    /// Gives up old fragments.
    pub fn advance(&mut self, now: Time, counters: &mut Counters) {
        self.fragments.advance(now, &mut counters.ignored);
    }

    /// Counts what is left.
    pub fn finish(&mut self, counters: &mut Counters) {
        self.fragments.finish(&mut counters.ignored);
    }
}

/// What is left of a frame.
#[derive(Debug, Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    /// Bytes that followed on the wire and were not captured.
    cut: u32,
    tunnel: TunnelId,
    /// Tunnels around it.
    depth: u8,
}

impl<'a> Rest<'a> {
    /// Without its first `n` bytes; none when there are fewer.
    #[inline]
    fn after(self, n: usize) -> Option<Self> {
        Some(Rest { bytes: self.bytes.get(n..)?, ..self })
    }

    /// At most `length` bytes of it: where a length claims more than the frame had, the frame is right.
    #[inline]
    fn limited(self, length: usize) -> Self {
        if let Some(bytes) = self.bytes.get(..length) {
            return Rest { bytes, cut: 0, ..self };
        }
        let beyond = u32::try_from(length - self.bytes.len()).unwrap_or(u32::MAX);
        Rest { cut: self.cut.min(beyond), ..self }
    }

    /// Captured and cut bytes.
    fn wire_bytes(self) -> usize {
        self.bytes.len().saturating_add(self.cut as usize)
    }

    #[inline]
    fn head<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.bytes.first_chunk()
    }

    #[inline]
    fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline]
    fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    #[inline]
    fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }
}

/// What a layer came to.
enum Found<'a> {
    Segment(Segment<'a>),
    Nothing,
    /// The last fragment of a datagram.
    Whole(Whole),
}

/// What the layers share while one packet is decoded.
struct Context<'c> {
    fragments: &'c mut Fragments,
    quic: &'c mut Quic,
    counters: &'c mut Counters,
    tunnel_depth_max: u8,
    tags_max: u8,
    time: Time,
}

impl Context<'_> {
    /// Ends the search: counts the packet by kind.
    fn ignore<'a>(&mut self, kind: fn(&mut Ignored) -> &mut u64) -> Found<'a> {
        *kind(&mut self.counters.ignored) += 1;
        Found::Nothing
    }

    fn too_deep<'a>(&mut self) -> Found<'a> {
        self.ignore(|i| &mut i.too_deep)
    }

    fn cut_header<'a>(&mut self) -> Found<'a> {
        self.ignore(|i| &mut i.cut_header)
    }

    fn malformed<'a>(&mut self) -> Found<'a> {
        self.ignore(|i| &mut i.malformed)
    }
}
