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
        _packet: &crate::packet::Packet<'a>,
        _counters: &mut crate::counters::Counters,
    ) -> Decoded<'a> {
        Decoded::Nothing
    }

    /// Gives up old fragments.
    pub fn advance(&mut self, _now: crate::packet::Time, _counters: &mut crate::counters::Counters) {}

    /// Counts what is left.
    pub fn finish(&mut self, _counters: &mut crate::counters::Counters) {}
}
