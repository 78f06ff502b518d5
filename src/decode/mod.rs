//! From a captured frame to the TCP segment in it: link layer, tags, tunnels, IP, fragments.

use std::net::IpAddr;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 addresses stay IPv4; a mapped IPv6 address stays IPv6.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// Which tunnel a flow was inside: 0 outside any. Two tenants may use the same addresses.
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
pub struct Decoder {}

impl Decoder {
    /// A decoder without fragments.
    #[must_use]
    pub fn new(_limits: &crate::limits::Limits) -> Self {
        Decoder {}
    }

    /// Finds the TCP segment in a packet.
    pub fn decode<'a>(
        &'a mut self,
        packet: &crate::packet::Packet<'a>,
        _counters: &mut crate::counters::Counters,
    ) -> Decoded<'a> {
        decode_plain(packet).map_or(Decoded::Nothing, Decoded::Segment)
    }

    /// Gives up old fragments.
    pub fn advance(&mut self, _now: crate::packet::Time, _counters: &mut crate::counters::Counters) {}

    /// Counts what is left.
    pub fn finish(&mut self, _counters: &mut crate::counters::Counters) {}
}

/// Stands in until the decoder is there: plain IP over the common link types.
fn decode_plain<'a>(packet: &crate::packet::Packet<'a>) -> Option<Segment<'a>> {
    let skip = match packet.link.0 {
        0 => 4,
        1 => 14,
        101 => 0,
        113 => 16,
        276 => 20,
        _ => return None,
    };
    let ip = packet.bytes.get(skip..)?;
    let (src, dst, tcp): (IpAddr, IpAddr, &[u8]) = match ip.first()? >> 4 {
        4 if *ip.get(9)? == 6 => {
            let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
            let head = usize::from(ip.first()? & 15) * 4;
            let body = if total == 0 { ip.get(head..)? } else { ip.get(head..total.min(ip.len()))? };
            (<[u8; 4]>::try_from(ip.get(12..16)?).ok()?.into(), <[u8; 4]>::try_from(ip.get(16..20)?).ok()?.into(), body)
        }
        6 if *ip.get(6)? == 6 => {
            let length = usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?]));
            let body = ip.get(40..(40 + length).min(ip.len()))?;
            (
                <[u8; 16]>::try_from(ip.get(8..24)?).ok()?.into(),
                <[u8; 16]>::try_from(ip.get(24..40)?).ok()?.into(),
                body,
            )
        }
        _ => return None,
    };
    let word = |at: usize| Some(u32::from_be_bytes(tcp.get(at..at + 4)?.try_into().ok()?));
    let ports = word(0)?;
    let (from, to) = ((ports >> 16) as u16, (ports & 0xffff) as u16);
    let flags = TcpFlags(*tcp.get(13)?);
    let payload = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
    let (a, b) = (Endpoint { ip: src, port: from }, Endpoint { ip: dst, port: to });
    let (low, high, side) = if a <= b { (a, b, Side::Low) } else { (b, a, Side::High) };
    Some(Segment {
        flow: FlowKey { low, high, tunnel: TunnelId(0) },
        side,
        seq: word(4)?,
        ack: if flags.has(TcpFlags::ACK) { word(8) } else { None },
        flags,
        payload,
        cut: 0,
    })
}
