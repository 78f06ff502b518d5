//! Addresses as text, as their `Display` writes them, in a tenth of the time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

/// Appends `10.0.0.1` or `2001:db8::1`.
pub fn push_ip(out: &mut String, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => push_v4(out, v4),
        IpAddr::V6(v6) => push_v6(out, v6),
    }
}

/// Appends `10.0.0.1:80` or `[2001:db8::1]:80`.
pub fn push_socket(out: &mut String, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            push_v4(out, *v4.ip());
            out.push(':');
        }
        SocketAddr::V6(v6) => {
            out.push('[');
            push_v6(out, *v6.ip());
            out.push_str("]:");
        }
    }
    out.push_str(itoa::Buffer::new().format(address.port()));
}

/// RFC 5952: of several zeros in a row, the first of the longest such rows is left out.
fn push_v6(out: &mut String, ip: Ipv6Addr) {
    if let Some(v4) = ip.to_ipv4_mapped() {
        out.push_str("::ffff:");
        push_v4(out, v4);
        return;
    }
    let segments = ip.segments();
    let (mut zeros, mut row) = (0..0, 0..0);
    for (at, segment) in segments.into_iter().enumerate() {
        row = if segment == 0 { row.start..at + 1 } else { at + 1..at + 1 };
        if row.len() > zeros.len() {
            zeros = row.clone();
        }
    }
    if zeros.len() < 2 {
        zeros = 8..8;
    }
    // all 40 are ASCII, and are told to be so at once
    let mut text = [b':'; 40];
    let mut len = 0;
    for (at, segment) in segments.into_iter().enumerate() {
        if zeros.contains(&at) {
            // a colon before them, and one behind
            len += usize::from(at == zeros.start) + usize::from(at == 0);
            continue;
        }
        let digits = 4 - (segment | 1).leading_zeros() as usize / 4;
        for nth in (0..digits).rev() {
            text[len] = b"0123456789abcdef"[usize::from(segment >> (4 * nth) & 15)];
            len += 1;
        }
        len += usize::from(at < 7);
    }
    out.push_str(std::str::from_utf8(&text).unwrap_or_default().get(..len).unwrap_or_default());
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

    fn assert_spelled(ip: IpAddr) {
        let mut out = String::new();
        push_ip(&mut out, ip);
        assert_eq!(out, ip.to_string());
        for port in [0, 80, u16::MAX] {
            out.clear();
            push_socket(&mut out, SocketAddr::new(ip, port));
            assert_eq!(out, SocketAddr::new(ip, port).to_string());
        }
    }

    #[test]
    fn addresses_read_as_their_display() {
        for octet in 0..=u8::MAX {
            assert_spelled(IpAddr::from([octet, 0, 255, octet]));
        }
        // zeros in every place, beside segments of each length
        for zeros in 0..=u8::MAX {
            for filled in [[1; 8], [0x12, 0xabc, 0xffff, 1, 0x1000, 0xf, 0x20, 0x300], [u16::MAX; 8]] {
                let segments = std::array::from_fn(|at| if zeros >> at & 1 == 1 { 0 } else { filled[at] });
                assert_spelled(IpAddr::from(segments));
            }
        }
        for text in
            ["::ffff:192.168.100.200", "::ffff:0.0.0.0", "::1.2.3.4", "64:ff9b::1.2.3.4", "fe80::1", "::fffe:0:0"]
        {
            assert_spelled(text.parse().expect("an address"));
        }
    }
}
