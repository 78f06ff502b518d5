//! The PROXY protocol (haproxy.org, proxy-protocol.txt): a load balancer names the client before the first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::grammar::split_line;
use super::probe::PROXY_V2;

/// The longest version 1 line, in bytes (§ 2.1).
const LINE_BYTES_MAX: usize = 107;

/// Reads a header that is whole: its length, and the client that it names, if it names one.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    match bytes.strip_prefix(PROXY_V2) {
        Some(rest) => version_2(rest),
        None => version_1(bytes),
    }
}

fn version_1(bytes: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    let (line, rest) = split_line(bytes)?;
    let used = bytes.len() - rest.len();
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.strip_prefix("PROXY ")?.split(' ');
    if used > LINE_BYTES_MAX {
        return None;
    }
    match words.next()? {
        "UNKNOWN" => Some((used, None)),
        "TCP4" | "TCP6" => {
            let ip: IpAddr = words.next()?.parse().ok()?;
            words.next()?.parse::<IpAddr>().ok()?;
            let port = words.next()?.parse().ok()?;
            Some((used, Some(SocketAddr::new(ip, port))))
        }
        _ => None,
    }
}

fn version_2(rest: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    let (&[command, family, high, low], rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let addresses = rest.get(..length)?;
    let used = PROXY_V2.len() + 4 + length;
    match command {
        0x20 => return Some((used, None)), // LOCAL: the balancer's own health check
        0x21 => {}
        _ => return None,
    }
    let port = |at: usize| Some(u16::from_be_bytes(*addresses.get(at..)?.first_chunk()?));
    let client = match family >> 4 {
        1 => {
            let ip: [u8; 4] = *addresses.first_chunk()?;
            SocketAddr::new(Ipv4Addr::from(ip).into(), port(8)?)
        }
        2 => {
            let ip: [u8; 16] = *addresses.first_chunk()?;
            SocketAddr::new(Ipv6Addr::from(ip).into(), port(32)?)
        }
        _ => return Some((used, None)),
    };
    Some((used, Some(client)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_names_the_client() {
        let client = "192.0.2.7:56324".parse().ok();
        assert_eq!(read(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nGET"), Some((41, client)));
        assert_eq!(read(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), Some((32, "[2001:db8::1]:1".parse().ok())));
        assert_eq!(read(b"PROXY UNKNOWN\r\n"), Some((15, None)));
        assert_eq!(read(b"PROXY TCP4 192.0.2.7"), None);
        assert_eq!(read(b"PROXY TCP4 x y 1 2\r\n"), None);
    }

    #[test]
    fn version_2_names_the_client() {
        let mut header = PROXY_V2.to_vec();
        header.extend([0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 4, 1, 0xbb]);
        assert_eq!(read(&header), Some((28, "192.0.2.7:56324".parse().ok())));
        for cut in 0..header.len() {
            assert_eq!(read(&header[..cut]), None);
        }
        header[12] = 0x20;
        assert_eq!(read(&header), Some((28, None)));
    }
}
