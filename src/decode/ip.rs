//! IPv4, IPv6 with its extension headers, TCP.

use std::net::IpAddr;

use super::fragments::{Fragment, FragmentKey, Whole};
use super::{Context, Endpoint, FlowKey, Found, Rest, Segment, Side, TcpFlags};

/// Protocol numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const IGMP: u8 = 2;
const IP_IN_IP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
const ESP: u8 = 50;
const AUTHENTICATION: u8 = 51;
const ICMPV6: u8 = 58;
const DESTINATION: u8 = 60;
const ETHERIP: u8 = 97;
const IPCOMP: u8 = 108;
const MOBILITY: u8 = 135;
const MPLS: u8 = 137;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// IPv4's "more fragments", and the offset in units of eight bytes.
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

impl Context<'_> {
    /// An IP packet of the version that its first bits say.
    pub(super) fn ip<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match rest.u8(0).map(|b| b >> 4) {
            Some(4) => self.ipv4(rest),
            Some(6) => self.ipv6(rest),
            Some(_) => self.malformed(),
            None => self.cut_header(),
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // see `tcp`
    pub(super) fn ipv4<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(head) = rest.head::<20>() else { return self.cut_header() };
        let header = usize::from(head[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
        // Zero: the sender's segmentation offload had not filled it in yet.
        let packet = if total == 0 { rest } else { rest.limited(total) };
        if head[0] >> 4 != 4 || header < 20 || (total != 0 && total < header) {
            return self.malformed();
        }
        let Some(payload) = packet.after(header) else { return self.cut_header() };
        // nearly none has options, and of a known length it adds up faster
        let is_right =
            if header == 20 { is_sum_right(head) } else { rest.bytes.get(..header).is_none_or(is_sum_right) };
        if !is_right && head[10..12] != [0, 0] {
            self.counters.bad_checksum += 1;
        }
        let src = IpAddr::from([head[12], head[13], head[14], head[15]]);
        let dst = IpAddr::from([head[16], head[17], head[18], head[19]]);
        let (protocol, place) = (head[9], u16::from_be_bytes([head[6], head[7]]));
        // The offset, and whether more follow; "do not fragment" is no matter here.
        let is_whole = place & (MORE | OFFSET) == 0;
        if protocol == TCP && is_whole {
            return self.tcp(src, dst, payload);
        }
        if !is_whole {
            let id = u32::from(u16::from_be_bytes([head[4], head[5]]));
            return self.fragment(&Fragment {
                key: FragmentKey { src, dst, id, protocol, tunnel: rest.tunnel },
                start: usize::from(place & OFFSET) * 8,
                more: place & MORE != 0,
                bytes: payload.bytes,
                cut: payload.cut,
                protocol,
                depth: rest.depth,
                time: self.time,
            });
        }
        self.above(protocol, src, dst, payload)
    }

    #[inline]
    pub(super) fn ipv6<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some((head, _)) = rest.bytes.split_first_chunk::<40>() else { return self.cut_header() };
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        if head[0] >> 4 != 6 {
            return self.malformed();
        }
        // Zero: a jumbogram, or offload.
        let packet = if length == 0 { rest } else { rest.limited(40 + length) };
        let (Some(payload), Some(src), Some(dst)) =
            (packet.after(40), head[8..].first_chunk::<16>(), head[24..].first_chunk::<16>())
        else {
            return self.cut_header();
        };
        let (src, dst) = (IpAddr::from(*src), IpAddr::from(*dst));
        if head[6] == TCP { self.tcp(src, dst, payload) } else { self.above(head[6], src, dst, payload) }
    }

    /// A datagram whose fragments are all there.
    pub(super) fn whole<'a>(&mut self, whole: &'a Whole) -> Found<'a> {
        let rest = Rest { bytes: &whole.bytes, cut: 0, tunnel: whole.tunnel, depth: whole.depth };
        self.above(whole.protocol, whole.src, whole.dst, rest)
    }

    fn fragment<'a>(&mut self, fragment: &Fragment<'_>) -> Found<'a> {
        self.fragments.on_fragment(fragment, &mut self.counters.ignored).map_or(Found::Nothing, Found::Whole)
    }

    /// What is above IP.
    fn above<'a>(&mut self, mut protocol: u8, src: IpAddr, dst: IpAddr, mut rest: Rest<'a>) -> Found<'a> {
        for _ in 0..=self.tags_max {
            let header = match protocol {
                TCP => return self.tcp(src, dst, rest),
                UDP => return self.udp(src, dst, rest),
                IP_IN_IP | IPV6 => return self.inside(rest, None, Self::ip),
                GRE => return self.gre(rest),
                ETHERIP => return self.etherip(rest),
                MPLS => return self.mpls(rest),
                ICMP | IGMP | ICMPV6 => return self.ignore(|i| &mut i.icmp),
                ESP | IPCOMP => return self.ignore(|i| &mut i.encrypted_link),
                HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 if src.is_ipv6() => {
                    rest.u8(1).map(|length| (usize::from(length) + 1) * 8)
                }
                AUTHENTICATION => rest.u8(1).map(|length| (usize::from(length) + 2) * 4),
                FRAGMENT if src.is_ipv6() => {
                    let (Some(place), Some(id), Some(payload)) = (rest.u16(2), rest.u32(4), rest.after(8)) else {
                        return self.cut_header();
                    };
                    if place & 0xfff9 != 0 {
                        return self.fragment(&Fragment {
                            key: FragmentKey { src, dst, id, protocol: 0, tunnel: rest.tunnel },
                            start: usize::from(place & 0xfff8),
                            more: place & 1 != 0,
                            bytes: payload.bytes,
                            cut: payload.cut,
                            protocol: rest.u8(0).unwrap_or(0),
                            depth: rest.depth,
                            time: self.time,
                        });
                    }
                    // An "atomic" fragment is whole (RFC 6946).
                    Some(8)
                }
                _ => return self.ignore(|i| &mut i.other_transport),
            };
            let (Some(next), Some(after)) = (rest.u8(0), header.and_then(|h| rest.after(h))) else {
                return self.cut_header();
            };
            (protocol, rest) = (next, after);
        }
        self.too_deep()
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // a segment is handed up through three layers: in one piece it is not copied at each
    fn tcp<'a>(&mut self, src: IpAddr, dst: IpAddr, rest: Rest<'a>) -> Found<'a> {
        // Of a header cut by the snap length the flags are the last thing needed.
        let Some(head) = rest.head::<14>() else { return self.cut_header() };
        let header = usize::from(head[12] >> 4) * 4;
        if header < 20 || header > rest.wire_bytes() {
            return self.malformed();
        }
        let (payload, cut) = match rest.bytes.get(header..) {
            Some(payload) => (payload, rest.cut),
            None => (<&[u8]>::default(), u32::try_from(rest.wire_bytes() - header).unwrap_or(u32::MAX)),
        };
        let from = Endpoint { ip: src, port: u16::from_be_bytes([head[0], head[1]]) };
        let to = Endpoint { ip: dst, port: u16::from_be_bytes([head[2], head[3]]) };
        let is_low = match (src, dst) {
            // the same order in one comparison, for nearly all
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits(), from.port) <= (b.to_bits(), to.port),
            _ => from <= to,
        };
        let (low, high, side) = if is_low { (from, to, Side::Low) } else { (to, from, Side::High) };
        let flags = TcpFlags(head[13]);
        Found::Segment(Segment {
            flow: FlowKey { low, high, tunnel: rest.tunnel },
            side,
            seq: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ack: flags.has(TcpFlags::ACK).then(|| u32::from_be_bytes([head[8], head[9], head[10], head[11]])),
            flags,
            payload,
            cut,
        })
    }
}

/// Whether a header with its checksum adds up (RFC 1071).
#[inline]
fn is_sum_right(header: &[u8]) -> bool {
    let mut sum = 0u64;
    for word in header.as_chunks::<4>().0 {
        sum += u64::from(u32::from_ne_bytes(*word)); // in whatever order: that comes to the same (§ 1 B)
    }
    // Four carries at most: 15 words of 32 bits.
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum == 0xffff
}
