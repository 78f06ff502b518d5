//! Link layers (tcpdump.org's registry of LINKTYPE_ values) and what lies between them and IP: tags, LLC, PPP, MPLS.

use super::{Context, Found, Rest};
use crate::packet::LinkType;

impl Context<'_> {
    /// A whole frame.
    #[inline]
    pub(super) fn frame<'a>(&mut self, link: LinkType, rest: Rest<'a>) -> Found<'a> {
        if link.0 == 1 { self.ethernet(rest) } else { self.other_frame(link, rest) }
    }

    fn other_frame<'a>(&mut self, link: LinkType, rest: Rest<'a>) -> Found<'a> {
        match link.0 {
            0 | 108 => self.null(rest),
            12 | 14 | 101 => self.ip(rest),
            228 => self.ipv4(rest),
            229 => self.ipv6(rest),
            113 => self.sll(rest),
            276 => self.sll2(rest),
            9 => self.ppp(rest),
            50 => self.ppp_or_hdlc(rest),
            51 => self.pppoe(rest),
            104 => self.hdlc(rest),
            107 => self.frame_relay(rest),
            // The same three, PPP with pppd's too, after a byte of direction.
            166 | 204 => self.skipping(rest, 1, Self::ppp),
            205 => self.skipping(rest, 1, Self::hdlc),
            206 => self.skipping(rest, 1, Self::frame_relay),
            105 => self.wifi(rest, false),
            119 => self.prism(rest),
            127 => self.radiotap(rest),
            163 => self.avs(rest),
            192 => self.ppi(rest),
            109 => self.enc(rest),
            117 => self.pflog(rest),
            239 => self.nflog(rest),
            258 => self.pktap(rest),
            7 => self.arcnet(rest, 2),
            129 => self.arcnet(rest, 4),
            8 => self.skipping(rest, 16, Self::ip),
            // Token Ring without source routing, FDDI, ATM with LLC (RFC 2684), SunATM.
            6 => self.skipping(rest, 14, Self::llc),
            10 => self.skipping(rest, 13, Self::llc),
            100 => self.llc(rest),
            123 => self.skipping(rest, 4, Self::llc),
            // Hilscher netANALYZER, plain and with preamble; 802.3br with its preamble; Broadcom's tag in front.
            240 | 282 => self.skipping(rest, 4, Self::ethernet),
            241 => self.skipping(rest, 12, Self::ethernet),
            274 => self.skipping(rest, 8, Self::ethernet),
            // IP over IEEE 1394; switch tags between the addresses and the type: Broadcom, Marvell DSA, Marvell EDSA.
            138 | 281 | 284 => self.ether_type_at(rest, 16),
            285 => self.ether_type_at(rest, 20),
            // IP over InfiniBand: a routing header, a type, two unused bytes.
            242 => match (rest.u16(40), rest.after(44)) {
                (Some(kind), Some(rest)) => self.ether_type(kind, rest),
                _ => self.cut_header(),
            },
            _ => self.ignore(|i| &mut i.link_type),
        }
    }

    fn skipping<'a>(
        &mut self,
        rest: Rest<'a>,
        header: usize,
        then: impl FnOnce(&mut Self, Rest<'a>) -> Found<'a>,
    ) -> Found<'a> {
        match rest.after(header) {
            Some(rest) => then(self, rest),
            None => self.cut_header(),
        }
    }

    /// An Ethernet type at that place, and behind it what it says.
    fn ether_type_at<'a>(&mut self, rest: Rest<'a>, at: usize) -> Found<'a> {
        match (rest.u16(at), rest.after(at + 2)) {
            (Some(kind), Some(rest)) => self.ether_type(kind, rest),
            _ => self.cut_header(),
        }
    }

    #[inline]
    pub(super) fn ethernet<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match (rest.u16(12), rest.after(14)) {
            (Some(0x0800), Some(rest)) => self.ipv4(rest),
            (Some(kind), Some(rest)) => self.ether_type(kind, rest),
            _ => self.cut_header(),
        }
    }

    /// What an Ethernet type (or, up to 1,500, a length) announces.
    pub(super) fn ether_type<'a>(&mut self, mut kind: u16, mut rest: Rest<'a>) -> Found<'a> {
        for _ in 0..=self.tags_max {
            let header = match kind {
                0x0800 => return self.ipv4(rest),
                0x86dd => return self.ipv6(rest),
                0..=1500 => return self.llc(rest),
                0x8847 | 0x8848 => return self.mpls(rest),
                0x8864 => return self.pppoe(rest),
                0x880b => return self.ppp(rest),
                0x6558 => return self.inside(rest, None, Self::ethernet),
                0x88e7 => return self.backbone(rest),
                0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => 4,
                0x88e5 => match rest.u8(0) {
                    Some(tci) if tci & 0x0c != 0 => return self.ignore(|i| &mut i.encrypted_link),
                    // Integrity only, with or without the channel's name: what it protects is readable.
                    Some(tci) if tci & 0x20 != 0 => 16,
                    Some(_) => 8,
                    None => return self.cut_header(),
                },
                _ => return self.ignore(|i| &mut i.link_protocol),
            };
            let (Some(next), Some(after)) = (rest.u16(header - 2), rest.after(header)) else {
                return self.cut_header();
            };
            (kind, rest) = (next, after);
        }
        self.too_deep()
    }

    /// 802.1ah: a service's tag and a customer's frame.
    fn backbone<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match (rest.u32(0), rest.after(4)) {
            (Some(tag), Some(rest)) => self.inside(rest, Some((0x88e7, tag & 0x00ff_ffff)), Self::ethernet),
            _ => self.cut_header(),
        }
    }

    /// 802.2 LLC; of all that it carries IP by SNAP (RFC 1042) and IP by its own number.
    fn llc<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(head) = rest.head::<3>() else { return self.cut_header() };
        match *head {
            [0xaa, 0xaa, 3] => match (rest.head::<6>(), rest.u16(6), rest.after(8)) {
                // Bridged Ethernet, with and without its check sequence (RFC 2684).
                (Some([.., 0x00, 0x80, 0xc2]), Some(1 | 7), Some(rest)) => {
                    // Two bytes of padding stand before the addresses on ATM alone.
                    self.inside(rest, None, Self::ethernet)
                }
                (Some([.., 0, 0, 0 | 0xf8]), Some(kind @ 0x600..), Some(rest)) => self.ether_type(kind, rest),
                (Some(_), Some(_), Some(_)) => self.ignore(|i| &mut i.link_protocol),
                _ => self.cut_header(),
            },
            [6, 6, 3] => self.skipping(rest, 3, Self::ip),
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }

    /// A label stack: IP below it, or a pseudowire's Ethernet (RFC 3032, RFC 4448).
    pub(super) fn mpls<'a>(&mut self, mut rest: Rest<'a>) -> Found<'a> {
        let mut labels = 0;
        loop {
            let (Some(label), Some(after)) = (rest.u32(0), rest.after(4)) else { return self.cut_header() };
            rest = after;
            labels += 1;
            if label & 0x100 != 0 {
                break;
            }
            if labels == self.tags_max {
                return self.too_deep();
            }
        }
        match rest.u8(0).map(|b| b >> 4) {
            // An address of a pseudowire without control word can begin like IP: a header that holds decides.
            Some(4 | 6) if is_ip(rest) || !is_ethernet(rest) => self.inside(rest, None, Self::ip),
            Some(0) if rest.after(4).is_some_and(is_ethernet) => {
                self.skipping(rest, 4, |context, rest| context.inside(rest, None, Self::ethernet))
            }
            Some(_) if is_ethernet(rest) => self.inside(rest, None, Self::ethernet),
            Some(_) => self.ignore(|i| &mut i.link_protocol),
            None => self.cut_header(),
        }
    }

    fn pppoe<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match rest.head::<6>() {
            Some([0x11, 0, ..]) => self.skipping(rest, 6, Self::ppp),
            Some([0x11, ..]) => self.ignore(|i| &mut i.link_protocol),
            Some(_) => self.malformed(),
            None => self.cut_header(),
        }
    }

    /// PPP with or without address and control, with or without a compressed protocol field (RFC 1661, RFC 1662).
    pub(super) fn ppp<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(rest) = (if rest.bytes.starts_with(&[0xff, 3]) { rest.after(2) } else { Some(rest) }) else {
            return self.cut_header();
        };
        let (protocol, rest) = match (rest.u8(0), rest.u16(0)) {
            (Some(short), _) if short & 1 != 0 => (u16::from(short), rest.after(1)),
            (_, Some(long)) => (long, rest.after(2)),
            _ => return self.cut_header(),
        };
        let Some(rest) = rest else { return self.cut_header() };
        match protocol {
            0x21 => self.ipv4(rest),
            0x57 => self.ipv6(rest),
            0x281 | 0x283 => self.mpls(rest),
            // Encryption, and the individual links of it (RFC 1968).
            0x53 | 0x55 => self.ignore(|i| &mut i.encrypted_link),
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }

    fn ppp_or_hdlc<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        if matches!(rest.u8(0), Some(0x0f | 0x8f)) { self.hdlc(rest) } else { self.ppp(rest) }
    }

    /// Cisco's HDLC: unicast or broadcast, a zero, an Ethernet type.
    fn hdlc<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        self.ether_type_at(rest, 2)
    }

    /// Frame relay (RFC 2427): an address of two to four bytes, a control byte, perhaps padding, a network layer's number.
    fn frame_relay<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(address) = rest.bytes.iter().take(4).position(|b| b & 1 != 0) else { return self.malformed() };
        let Some(rest) = rest.after(address + 1) else { return self.cut_header() };
        // Cisco's own kind has an Ethernet type in place of all that.
        if let (Some(kind @ (0x0800 | 0x86dd | 0x8847)), Some(rest)) = (rest.u16(0), rest.after(2)) {
            return self.ether_type(kind, rest);
        }
        let padded = usize::from(rest.u8(1) == Some(0));
        match (rest.u8(0), rest.u8(1 + padded), rest.after(2 + padded)) {
            (Some(3), Some(0xcc), Some(rest)) => self.ipv4(rest),
            (Some(3), Some(0x8e), Some(rest)) => self.ipv6(rest),
            (Some(3), Some(0x80), Some(snap)) => match (snap.head::<3>(), snap.u16(3), snap.after(5)) {
                (Some([0, 0, 0]), Some(kind @ 0x600..), Some(rest)) => self.ether_type(kind, rest),
                (Some([0, 0x80, 0xc2]), Some(1 | 7), Some(rest)) => self.inside(rest, None, Self::ethernet),
                (Some(_), Some(_), _) => self.ignore(|i| &mut i.link_protocol),
                _ => self.cut_header(),
            },
            (Some(_), Some(_), _) => self.ignore(|i| &mut i.link_protocol),
            _ => self.cut_header(),
        }
    }

    /// BSD loopback: an address family in the byte order of whoever captured.
    fn null<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let (Some(family), Some(packet)) = (rest.u32(0), rest.after(4)) else { return self.cut_header() };
        self.family(family.min(family.swap_bytes()), packet)
    }

    /// AF_INET is 2 everywhere, AF_INET6 whatever each system chose.
    fn family<'a>(&mut self, family: u32, rest: Rest<'a>) -> Found<'a> {
        match family {
            2 => self.ipv4(rest),
            10 | 23 | 24 | 26 | 28 | 30 => self.ipv6(rest),
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }

    fn sll<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        self.cooked(rest.u16(2), rest.u16(14), rest.after(16))
    }

    fn sll2<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        self.cooked(rest.u16(8), rest.u16(0), rest.after(20))
    }

    fn cooked<'a>(&mut self, hardware: Option<u16>, kind: Option<u16>, rest: Option<Rest<'a>>) -> Found<'a> {
        let (Some(hardware), Some(kind), Some(rest)) = (hardware, kind, rest) else { return self.cut_header() };
        match (hardware, kind) {
            // Netlink's protocol is a family of its own.
            (824, _) => self.ignore(|i| &mut i.link_protocol),
            (_, 4) => self.llc(rest),
            (_, 0x600..) => self.ether_type(kind, rest),
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }

    /// 802.11 data, unless encrypted. `padded`: the header ends at a multiple of four.
    fn wifi<'a>(&mut self, rest: Rest<'a>, padded: bool) -> Found<'a> {
        let Some([kind, flags]) = rest.head::<2>() else { return self.cut_header() };
        // Data frames (type 2) that hold data (subtype without bit 2).
        if kind & 0x0c != 0x08 || kind & 0x40 != 0 {
            return self.ignore(|i| &mut i.link_protocol);
        }
        if flags & 0x40 != 0 {
            return self.ignore(|i| &mut i.encrypted_link);
        }
        let qos = kind & 0x80 != 0;
        let four_addresses = flags & 3 == 3;
        let mut header = 24 + if four_addresses { 6 } else { 0 };
        let aggregated = qos && rest.u8(header).is_some_and(|b| b & 0x80 != 0);
        if qos {
            header += if flags & 0x80 != 0 { 6 } else { 2 };
        }
        if padded {
            header = header.next_multiple_of(4);
        }
        if aggregated {
            // Several frames in one: the first, with addresses and a length of its own.
            header += 14;
        }
        self.skipping(rest, header, Self::llc)
    }

    fn radiotap<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(&[0, _, l0, l1, p0, _, _, p3]) = rest.head::<8>() else { return self.cut_header() };
        // The flags follow the presence words (each says by its top bit whether one more follows) and, if there, the clock.
        let mut at = 8;
        let mut more = p3 & 0x80 != 0;
        while more {
            let Some(word) = rest.u8(at + 3) else { return self.cut_header() };
            more = word & 0x80 != 0;
            at += 4;
        }
        if p0 & 1 != 0 {
            at = at.next_multiple_of(8) + 8;
        }
        let flags = if p0 & 2 != 0 { rest.u8(at).unwrap_or(0) } else { 0 };
        self.skipping(rest, usize::from(u16::from_le_bytes([l0, l1])), |context, rest| {
            context.wifi(rest, flags & 0x20 != 0)
        })
    }

    /// Per-Packet Information: the type of the frame is in its header, little endian.
    fn ppi<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(&[_, _, l0, l1, d0, d1, d2, d3]) = rest.head::<8>() else { return self.cut_header() };
        let header = usize::from(u16::from_le_bytes([l0, l1]));
        match u32::from_le_bytes([d0, d1, d2, d3]) {
            _ if header < 8 => self.malformed(),
            105 => self.skipping(rest, header, |context, rest| context.wifi(rest, false)),
            1 => self.skipping(rest, header, Self::ethernet),
            12 | 14 | 101 => self.skipping(rest, header, Self::ip),
            _ => self.ignore(|i| &mut i.link_type),
        }
    }

    pub(super) fn prism<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match rest.u32(0) {
            Some(code) if code & 0xffff_f000 == 0x8021_1000 => self.avs(rest),
            Some(_) => self.skipping(rest, 144, |context, rest| context.wifi(rest, false)),
            None => self.cut_header(),
        }
    }

    fn avs<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        match rest.u32(4) {
            Some(header @ 8..=1024) => self.skipping(rest, header as usize, |context, rest| context.wifi(rest, false)),
            Some(_) => self.malformed(),
            None => self.cut_header(),
        }
    }

    pub(super) fn wifi_plain<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        self.wifi(rest, false)
    }

    /// OpenBSD's IPsec interface: family, keys' index, flags.
    fn enc<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let (Some(family), Some(packet)) = (rest.u32(0), rest.after(12)) else { return self.cut_header() };
        self.family(family.min(family.swap_bytes()), packet)
    }

    /// BSD's packet filter log: the header's length without padding, the family.
    fn pflog<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some([length, family]) = rest.head::<2>() else { return self.cut_header() };
        self.skipping(rest, usize::from(*length).next_multiple_of(4), |context, rest| {
            context.family(u32::from(*family), rest)
        })
    }

    /// Linux netfilter log: a family, then fields of host byte order of which one is the packet.
    fn nflog<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let (Some(&[family, 0, _, _]), Some(mut fields)) = (rest.head::<4>(), rest.after(4)) else {
            return if rest.bytes.len() < 4 { self.cut_header() } else { self.malformed() };
        };
        while let Some(&[l0, l1, k0, k1]) = fields.head::<4>() {
            // A kind is small: where it is not, the bytes are the other way round.
            let little = u16::from_le_bytes([k0, k1]) & 0x7fff < 256;
            let length = if little { u16::from_le_bytes([l0, l1]) } else { u16::from_be_bytes([l0, l1]) };
            let kind = if little { u16::from_le_bytes([k0, k1]) } else { u16::from_be_bytes([k0, k1]) };
            let length = usize::from(length);
            if length < 4 {
                return self.malformed();
            }
            if kind & 0x7fff == 9 {
                // Its length is trusted only within the frame.
                let Some(packet) = fields.limited(length).after(4) else { return self.cut_header() };
                return self.family(u32::from(family), packet);
            }
            let Some(next) = fields.after(length.next_multiple_of(4)) else { return self.cut_header() };
            fields = next;
        }
        self.ignore(|i| &mut i.link_protocol)
    }

    /// macOS: a header that says its length and the type of the frame.
    fn pktap<'a>(&mut self, rest: Rest<'a>) -> Found<'a> {
        let Some(&[l0, l1, 0, 0, _, _, _, _, d0, d1, 0, 0]) = rest.head::<12>() else { return self.cut_header() };
        let Some(frame) = rest.after(usize::from(u16::from_le_bytes([l0, l1]))) else { return self.cut_header() };
        match u16::from_le_bytes([d0, d1]) {
            258 => self.malformed(),
            link => self.frame(LinkType(link), frame),
        }
    }

    /// ARCNET: the protocol's number; by RFC 1201 with a split flag and a sequence number, by RFC 1051 without.
    fn arcnet<'a>(&mut self, rest: Rest<'a>, addresses: usize) -> Found<'a> {
        let Some(protocol) = rest.u8(addresses) else { return self.cut_header() };
        let header = addresses + 1;
        match (protocol, rest.u8(header)) {
            (0xf0, _) => self.skipping(rest, header, Self::ipv4),
            // An exception's mark comes first, with three bytes of padding.
            (0xd4, Some(0xff)) if rest.u8(header + 4) == Some(0) => self.skipping(rest, header + 7, Self::ipv4),
            (0xd4, Some(0)) => self.skipping(rest, header + 3, Self::ipv4),
            (0xc4, Some(0)) => self.skipping(rest, header + 3, Self::ipv6),
            _ => self.ignore(|i| &mut i.link_protocol),
        }
    }
}

/// Whether an IP header stands here that holds together.
pub(super) fn is_ip(rest: Rest<'_>) -> bool {
    match (rest.u8(0), rest.u16(2), rest.u16(4)) {
        (Some(first @ 0x45..=0x4f), Some(total), _) => {
            let header = u16::from(first & 15) * 4;
            total == 0 || (total >= header && usize::from(total) <= rest.wire_bytes())
        }
        (Some(0x60..=0x6f), _, Some(length)) => usize::from(length) + 40 <= rest.wire_bytes(),
        _ => false,
    }
}

/// Whether an Ethernet header stands here whose type is one that tunnels carry.
pub(super) fn is_ethernet(rest: Rest<'_>) -> bool {
    let length = rest.wire_bytes();
    match rest.u16(12) {
        Some(0x0800 | 0x86dd) => rest.after(14).is_some_and(is_ip),
        Some(kind @ ..=1500) => usize::from(kind) + 14 <= length,
        Some(kind) => matches!(
            kind,
            0x0806
                | 0x8035
                | 0x8100
                | 0x88a8
                | 0x9100
                | 0x8847
                | 0x8848
                | 0x8863
                | 0x8864
                | 0x88cc
                | 0x88e7
                | 0x6558
                | 0x8809
        ),
        None => false,
    }
}
