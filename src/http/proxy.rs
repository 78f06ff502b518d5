//! The PROXY protocol (haproxy.org, proxy-protocol.txt): a load balancer names the client before the first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::grammar::split_line;
use super::probe::PROXY_V2;

/// The longest version 1 line, in bytes (§ 2.1).
const LINE_BYTES_MAX: usize = 107;

/// What the beginning of a connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A header of so many bytes, and the client that it names, if it names one.
    Whole(usize, Option<SocketAddr>),
    /// The beginning of what may be one.
    Begun,
    /// None.
    No,
}

/// Reads a header.
#[must_use]
pub fn read(bytes: &[u8]) -> Header {
    match bytes.strip_prefix(PROXY_V2) {
        Some(rest) => version_2(rest),
        None if PROXY_V2.starts_with(bytes) => Header::Begun,
        None => version_1(bytes),
    }
}

fn version_1(bytes: &[u8]) -> Header {
    let Some((line, rest)) = split_line(bytes) else {
        let may_be = bytes.starts_with(b"PROXY ") || b"PROXY ".starts_with(bytes);
        return if may_be && bytes.len() < LINE_BYTES_MAX { Header::Begun } else { Header::No };
    };
    let used = bytes.len() - rest.len();
    header_of(line, used).filter(|_| used <= LINE_BYTES_MAX).unwrap_or(Header::No)
}

fn header_of(line: &[u8], used: usize) -> Option<Header> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.strip_prefix("PROXY ")?.split(' ');
    match words.next()? {
        "UNKNOWN" => Some(Header::Whole(used, None)),
        "TCP4" | "TCP6" => {
            let ip: IpAddr = words.next()?.parse().ok()?;
            words.next()?.parse::<IpAddr>().ok()?;
            let port = words.next()?.parse().ok()?;
            Some(Header::Whole(used, Some(SocketAddr::new(ip, port))))
        }
        _ => None,
    }
}

fn version_2(rest: &[u8]) -> Header {
    let Some((&[command, family, high, low], rest)) = rest.split_first_chunk() else { return Header::Begun };
    if !matches!(command, 0x20 | 0x21) {
        return Header::No;
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let Some(addresses) = rest.get(..length) else { return Header::Begun };
    let used = PROXY_V2.len() + 4 + length;
    // LOCAL: the balancer's own health check.
    let is_local = command == 0x20;
    match family >> 4 {
        1 if !is_local => with_client(used, address_4(addresses)),
        2 if !is_local => with_client(used, address_6(addresses)),
        _ => Header::Whole(used, None),
    }
}

fn with_client(used: usize, client: Option<SocketAddr>) -> Header {
    client.map_or(Header::No, |client| Header::Whole(used, Some(client)))
}

fn address_4(bytes: &[u8]) -> Option<SocketAddr> {
    let ip: [u8; 4] = *bytes.first_chunk()?;
    Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port(bytes, 8)?))
}

fn address_6(bytes: &[u8]) -> Option<SocketAddr> {
    let ip: [u8; 16] = *bytes.first_chunk()?;
    Some(SocketAddr::new(Ipv6Addr::from(ip).into(), port(bytes, 32)?))
}

fn port(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(used: usize, client: &str) -> Header {
        Header::Whole(used, client.parse().ok())
    }

    #[test]
    fn version_1_names_the_client() {
        let header = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nGET";
        assert_eq!(read(header), whole(41, "192.0.2.7:56324"));
        assert_eq!(read(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), whole(32, "[2001:db8::1]:1"));
        assert_eq!(read(b"PROXY UNKNOWN\r\n"), Header::Whole(15, None));
        for cut in 1..40 {
            assert_eq!(read(&header[..cut]), Header::Begun);
        }
        assert_eq!(read(b"PROXY TCP4 x y 1 2\r\n"), Header::No);
        assert_eq!(read(&[&b"PROXY "[..], &[b'x'; 101]].concat()), Header::No);
    }

    #[test]
    fn version_2_names_the_client() {
        let mut header = PROXY_V2.to_vec();
        header.extend([0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 4, 1, 0xbb]);
        assert_eq!(read(&header), whole(28, "192.0.2.7:56324"));
        for cut in 0..header.len() {
            assert_eq!(read(&header[..cut]), Header::Begun);
        }
        header[12] = 0x20;
        assert_eq!(read(&header), Header::Whole(28, None));
        header[12] = 0x31;
        assert_eq!(read(&header), Header::No);
    }
}
