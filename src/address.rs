//! Addresses as text, as their `Display` writes them, in a tenth of the time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Places for addresses of IPv6: to spell one takes as long as half a line of output.
const KNOWN_MAX: usize = 1024;
/// No address of IPv6 is longer.
const TEXT_BYTES_MAX: usize = 40;

/// Each octet's digits and a point, the first in the lowest byte, and how many these are.
const OCTETS: [(u32, usize); 256] = {
    let mut all = [(0, 0); 256];
    let mut octet = 0_u8;
    loop {
        let (a, b, c) = (b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10);
        all[octet as usize] = match octet {
            0..10 => (u32::from_le_bytes([c, b'.', 0, 0]), 2),
            10..100 => (u32::from_le_bytes([b, c, b'.', 0]), 3),
            100.. => (u32::from_le_bytes([a, b, c, b'.']), 4),
        };
        if octet == u8::MAX {
            break;
        }
        octet += 1;
    }
    all
};

/// An address of IPv6 and its text.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
struct Known {
    text: [u8; TEXT_BYTES_MAX],
    len: u8,
    ip: Ipv6Addr,
}

/// Spells addresses. What was spelled before is copied, until another address takes its place.
#[derive(Debug, Default)]
pub struct Addresses {
    known: Vec<Known>,
}

impl Addresses {
    /// Appends `10.0.0.1` or `2001:db8::1`.
    pub fn ip(&mut self, out: &mut String, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => push_v4(out, v4),
            IpAddr::V6(v6) => self.push_v6(out, v6),
        }
    }

    /// Appends `10.0.0.1:80` or `[2001:db8::1]:80`.
    pub fn socket(&mut self, out: &mut String, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => {
                push_v4(out, *v4.ip());
                out.push(':');
            }
            SocketAddr::V6(v6) => {
                out.push('[');
                self.push_v6(out, *v6.ip());
                out.push_str("]:");
            }
        }
        out.push_str(itoa::Buffer::new().format(address.port()));
    }

    fn push_v6(&mut self, out: &mut String, ip: Ipv6Addr) {
        if self.known.is_empty() {
            let none = Known { ip: Ipv6Addr::UNSPECIFIED, text: [b':'; TEXT_BYTES_MAX], len: 2 };
            self.known = vec![none; KNOWN_MAX];
        }
        let known = &mut self.known[place_of(ip)];
        if known.ip != ip {
            let text = ip.to_string();
            let Some(place) = known.text.get_mut(..text.len()) else {
                out.push_str(&text);
                return;
            };
            place.copy_from_slice(text.as_bytes());
            known.ip = ip;
            known.len = u8::try_from(text.len()).unwrap_or_default();
        }
        let text = std::str::from_utf8(&known.text).unwrap_or_default();
        out.push_str(text.get(..usize::from(known.len)).unwrap_or_default());
    }
}

/// Where an address's text is kept.
fn place_of(ip: Ipv6Addr) -> usize {
    let bits = ip.to_bits();
    let (network, interface) = (u64::try_from(bits >> 64), u64::try_from(bits & u128::from(u64::MAX)));
    let mixed = network.unwrap_or_default() ^ interface.unwrap_or_default().rotate_left(32);
    usize::try_from(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or_default() % KNOWN_MAX
}

fn push_v4(out: &mut String, ip: Ipv4Addr) {
    let (mut text, mut len) = (0_u128, 0);
    for octet in ip.octets() {
        let (word, bytes) = OCTETS[usize::from(octet)];
        text |= u128::from(word) << (8 * len);
        len += bytes;
    }
    // all 16 are ASCII, and are told to be so at once; without the last point
    let text = text.to_le_bytes();
    out.push_str(std::str::from_utf8(&text).unwrap_or_default().get(..len - 1).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_their_display() {
        let mut addresses = Addresses::default();
        let longest = "[2001:db8:1111:2222:3333:4444:5555:6666]:1";
        for text in [
            "127.0.0.1:80",
            "10.20.0.255:65535",
            "[::1]:8080",
            "[::ffff:192.168.100.200]:1",
            longest,
            "[::1]:8081",
            "[::]:0",
            longest,
        ] {
            let address: SocketAddr = text.parse().expect("an address");
            let mut out = String::new();
            addresses.socket(&mut out, address);
            assert_eq!(out, address.to_string());
            out.clear();
            addresses.ip(&mut out, address.ip());
            assert_eq!(out, address.ip().to_string());
        }
        for n in (0..3 * KNOWN_MAX as u128).chain(0..9) {
            let (mut out, ip) = (String::new(), IpAddr::V6(n.into()));
            addresses.ip(&mut out, ip);
            assert_eq!(out, ip.to_string());
        }
        for octet in 0..=u8::MAX {
            let (mut out, ip) = (String::new(), IpAddr::from([octet, 0, 255, octet]));
            addresses.ip(&mut out, ip);
            assert_eq!(out, ip.to_string());
        }
        assert!(addresses.known.len() <= KNOWN_MAX);
    }
}
