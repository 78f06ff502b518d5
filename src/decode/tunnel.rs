//! Tunnels: GRE and what it carries, and those over UDP, which are recognised by port and content.

use std::net::IpAddr;

use super::link::{is_ethernet, is_ip};
use super::quic::is_quic;
use super::{Context, Found, Rest, TunnelId};

/// The tenant's network inside another: identifiers mix, so that the same number of another kind or depth is another network.
fn network(around: TunnelId, kind: u32, id: u32) -> TunnelId {
    let mut mixed = u64::from(around.0) << 32 | u64::from(kind.rotate_left(16) ^ id);
    // The finalizer of splitmix64: one-to-one on 64 bits, so that the fold to 32 loses evenly.
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    TunnelId(((mixed ^ (mixed >> 31)) >> 32) as u32)
}

const VXLAN: u32 = 1;
const GENEVE: u32 = 2;
const GRE_KEY: u32 = 3;
const NVGRE: u32 = 4;

impl Context<'_> {
    /// Goes into a tunnel, of a kind and number where those tell tenants apart.
    pub(super) fn inside<'a>(
        &mut self,
        mut rest: Rest<'a>,
        tenant: Option<(u32, u32)>,
        then: fn(&mut Self, Rest<'a>) -> Found<'a>,
    ) -> Found<'a> {
        if rest.depth >= self.tunnel_depth_max {
            return self.too_deep();
        }
        rest.depth += 1;
        if let Some((kind, id)) = tenant {
            rest.tunnel = network(rest.tunnel, kind, id);
        }
        then(self, rest)
    }

    /// GRE (RFC 2784, RFC 2890), PPTP's (RFC 2637), NVGRE (RFC 7637), ERSPAN I to III.
    pub(super) fn gre<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let (Some(flags), Some(kind)) = (rest.u16(0), rest.u16(2)) else { return self.cut_header() };
        let has = |bit: u16| flags & bit != 0;
        let version = flags & 7;
        let (sum, routing, key, sequence) = (has(0x8000), has(0x4000), has(0x2000), has(0x1000));
        let mut header = 4;
        if version == 1 {
            // Key: length and call, then sequence and acknowledgment numbers.
            header += 4 + if sequence { 4 } else { 0 } + if has(0x0080) { 4 } else { 0 };
            if kind != 0x880b {
                return self.malformed();
            }
            let Some(rest) = rest.after(header) else { return self.cut_header() };
            return if rest.wire_bytes() == 0 {
                self.ignore(|i| &mut i.link_protocol) // an acknowledgment alone
            } else {
                self.inside(rest, None, Self::ppp)
            };
        }
        if version != 0 || routing {
            return self.malformed();
        }
        if sum {
            header += 4;
        }
        let number = if key { rest.u32(header) } else { None };
        if key {
            header += 4;
        }
        if sequence {
            header += 4;
        }
        let Some(rest) = rest.after(header) else { return self.cut_header() };
        let tenant = number.map(|number| (GRE_KEY, number));
        match kind {
            0x0800 => self.inside(rest, tenant, Self::ipv4),
            0x86dd => self.inside(rest, tenant, Self::ipv6),
            // The key's last byte is a hash of the flow, which each direction makes for itself.
            0x6558 => self.inside(rest, number.map(|number| (NVGRE, number >> 8)), Self::ethernet),
            0x880b => self.inside(rest, tenant, Self::ppp),
            0x8847 | 0x8848 => self.inside(rest, tenant, Self::mpls),
            // Type I has no header of its own and no sequence number.
            0x88be if sequence => self.erspan(rest),
            0x88be => self.inside(rest, None, Self::ethernet),
            0x22eb => self.erspan(rest),
            // Cisco's WCCP: version 2 has four more bytes, which do not begin like IPv4.
            0x883e => {
                let header = if rest.u8(0).is_some_and(|b| b >> 4 == 4) { 0 } else { 4 };
                match rest.after(header) {
                    Some(rest) => self.inside(rest, tenant, Self::ipv4),
                    None => self.cut_header(),
                }
            }
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }

    /// ERSPAN II and III (draft-foschiano-erspan). A mirror: what it shows is outside any tunnel.
    fn erspan<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(version) = rest.u8(0).map(|b| b >> 4) else { return self.cut_header() };
        let header = match version {
            1 => 8,
            2 if rest.u8(11).is_some_and(|b| b & 1 != 0) => 20,
            2 => 12,
            _ => return self.malformed(),
        };
        // Type III may carry bare IP: frame type 2 in its last word.
        let bare = version == 2 && rest.u16(10).is_some_and(|word| word >> 10 & 0x1f == 2);
        match rest.after(header) {
            Some(rest) if bare => self.inside(rest, None, Self::ip),
            Some(rest) => self.inside(rest, None, Self::ethernet),
            None => self.cut_header(),
        }
    }

    /// Ethernet in IP (RFC 3378).
    pub(super) fn etherip<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match (rest.u8(0), rest.after(2)) {
            (Some(version), Some(rest)) if version >> 4 == 3 => self.inside(rest, None, Self::ethernet),
            (Some(_), Some(_)) => self.malformed(),
            _ => self.cut_header(),
        }
    }

    pub(super) fn udp<'a>(&mut self, src: IpAddr, dst: IpAddr, rest: Rest<'a>) -> Found<'a> {
        let (Some(&[s0, s1, d0, d1, l0, l1, _, _]), Some(payload)) = (rest.head::<8>(), rest.after(8)) else {
            return self.cut_header();
        };
        let (from, to) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // Zero, or more than the IP packet: offload.
        let payload = if (8..=rest.wire_bytes()).contains(&length) { payload.limited(length - 8) } else { payload };
        if let Some(found) = self.over_udp(to, payload) {
            return found;
        }
        if let Some(found) = self.over_udp(from, payload) {
            return found;
        }
        if let Some(inner) = gtp(payload) {
            return self.inside(inner, None, Self::ip);
        }
        if [from, to].contains(&4500) && payload.u32(0).is_some_and(|spi| spi != 0) && payload.wire_bytes() > 8 {
            return self.ignore(|i| &mut i.encrypted_link);
        }
        if is_quic(payload.bytes, [from, to]) {
            if self.quic.begins(payload.bytes, (src, from), (dst, to)) {
                self.counters.quic_connections += 1;
            }
            return self.ignore(|i| &mut i.quic);
        }
        self.ignore(|i| &mut i.udp)
    }

    /// A tunnel that uses this port, where the content agrees.
    fn over_udp<'a>(&mut self, port: u16, rest: Rest<'a>) -> Option<Found<'a>> {
        match port {
            // VXLAN (RFC 7348), Linux' first choice of port, VXLAN-GPE.
            4789 | 8472 | 4790 => {
                let [flags, _, _, next, n0, n1, n2, _] = *rest.head::<8>()?;
                let inner = rest.after(8)?;
                if flags & 0x08 == 0 {
                    return None;
                }
                let tenant = Some((VXLAN, u32::from_be_bytes([0, n0, n1, n2])));
                match next {
                    1 | 2 if flags & 4 != 0 && is_ip(inner) => Some(self.inside(inner, tenant, Self::ip)),
                    _ if is_ethernet(inner) => Some(self.inside(inner, tenant, Self::ethernet)),
                    _ => None,
                }
            }
            // Geneve (RFC 8926).
            6081 => {
                let [first, _, _, _, n0, n1, n2, _] = *rest.head::<8>()?;
                let inner = rest.after(8 + usize::from(first & 0x3f) * 4)?;
                let tenant = Some((GENEVE, u32::from_be_bytes([0, n0, n1, n2])));
                match rest.u16(2)? {
                    _ if first >> 6 != 0 => None,
                    0x6558 if is_ethernet(inner) => Some(self.inside(inner, tenant, Self::ethernet)),
                    0x0800 | 0x86dd if is_ip(inner) => Some(self.inside(inner, tenant, Self::ip)),
                    0x8847 => Some(self.inside(inner, tenant, Self::mpls)),
                    _ => None,
                }
            }
            // Teredo (RFC 4380): perhaps an authentication and an origin header, then IPv6.
            3544 => {
                let mut rest = rest;
                if rest.u16(0)? == 1 {
                    let (client, secret) = (usize::from(rest.u8(2)?), usize::from(rest.u8(3)?));
                    rest = rest.after(13 + client + secret)?;
                }
                if rest.u16(0)? == 0 {
                    rest = rest.after(8)?;
                }
                (rest.u8(0)? >> 4 == 6 && is_ip(rest)).then(|| self.inside(rest, None, Self::ipv6))
            }
            // A router's mirror (MikroTik, TaZmen): tags up to the one that says "end".
            37008 => {
                let [version, kind, e0, e1] = *rest.head::<4>()?;
                if version != 1 || kind > 1 {
                    return None;
                }
                let mut at = 4;
                loop {
                    match rest.u8(at)? {
                        0 => at += 1,
                        1 => break,
                        _ => at += 2 + usize::from(rest.u8(at + 1)?),
                    }
                }
                let inner = rest.after(at + 1)?;
                match u16::from_be_bytes([e0, e1]) {
                    1 => Some(self.inside(inner, None, Self::ethernet)),
                    18 => Some(self.inside(inner, None, Self::wifi_plain)),
                    119 | 127 => Some(self.inside(inner, None, Self::prism)),
                    _ => None,
                }
            }
            // L2TP version 2 (RFC 2661), data messages.
            1701 => {
                let flags = rest.u16(0)?;
                if flags & 0x800f != 2 {
                    return None;
                }
                let mut header = 6;
                for (bit, bytes) in [(0x4000, 2), (0x0800, 4)] {
                    header += if flags & bit == 0 { 0 } else { bytes };
                }
                if flags & 0x0200 != 0 {
                    header += 2 + usize::from(rest.u16(header)?);
                }
                Some(self.inside(rest.after(header)?, None, Self::ppp))
            }
            // GRE in UDP (RFC 8086): its version and unused bits are zero.
            4754 => (rest.u16(0)? & 0x4fff == 0).then(|| self.gre(rest)),
            // MPLS in UDP (RFC 7510).
            6635 => (rest.wire_bytes() > 24).then(|| self.inside(rest, None, Self::mpls)),
            _ => None,
        }
    }
}

/// The packet in a GTP-U message (3GPP TS 29.281 §5). On any port: version, type and both lengths must agree.
fn gtp(rest: Rest<'_>) -> Option<Rest<'_>> {
    let [flags, kind, l0, l1, ..] = *rest.head::<8>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & 0xf0 != 0x30 || kind != 255 || length + 8 != rest.wire_bytes() {
        return None;
    }
    let mut at = 8;
    if flags & 7 != 0 {
        let mut next = rest.u8(11)?;
        at = 12;
        if flags & 4 == 0 {
            next = 0;
        }
        while next != 0 {
            let words = usize::from(rest.u8(at)?);
            if words == 0 {
                return None;
            }
            at += words * 4;
            next = rest.u8(at - 1)?;
        }
    }
    rest.after(at).filter(|inner| is_ip(*inner))
}
