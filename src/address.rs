//! Addresses as text, as their `Display` writes them, in a tenth of the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use foldhash::fast::RandomState;

/// Addresses of IPv6 remembered: to spell one takes as long as half a line of output.
const KNOWN_MAX: usize = 1024;

/// Spells addresses.
#[derive(Debug, Default)]
pub struct Addresses {
    known: HashMap<Ipv6Addr, Box<str>, RandomState>,
}

impl Addresses {
    /// Appends `10.0.0.1` or `2001:db8::1`.
    pub fn ip(&mut self, out: &mut String, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => {
                for (n, octet) in v4.octets().into_iter().enumerate() {
                    if n > 0 {
                        out.push('.');
                    }
                    out.push_str(itoa::Buffer::new().format(octet));
                }
            }
            IpAddr::V6(v6) => {
                if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&v6) {
                    self.known.clear();
                }
                out.push_str(self.known.entry(v6).or_insert_with(|| v6.to_string().into()));
            }
        }
    }

    /// Appends `10.0.0.1:80` or `[2001:db8::1]:80`.
    pub fn socket(&mut self, out: &mut String, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => {
                self.ip(out, IpAddr::V4(*v4.ip()));
                out.push(':');
            }
            SocketAddr::V6(v6) => {
                out.push('[');
                self.ip(out, IpAddr::V6(*v6.ip()));
                out.push_str("]:");
            }
        }
        out.push_str(itoa::Buffer::new().format(address.port()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_their_display() {
        let mut addresses = Addresses::default();
        for text in ["127.0.0.1:80", "10.20.0.255:65535", "[::1]:8080", "[2001:db8::ffff:1.2.3.4]:1", "[::1]:8081"] {
            let address: SocketAddr = text.parse().expect("an address");
            let mut out = String::new();
            addresses.socket(&mut out, address);
            assert_eq!(out, address.to_string());
            out.clear();
            addresses.ip(&mut out, address.ip());
            assert_eq!(out, address.ip().to_string());
        }
        for n in 0..2 * KNOWN_MAX as u128 {
            addresses.ip(&mut String::new(), IpAddr::V6(n.into()));
        }
        assert!(addresses.known.len() <= KNOWN_MAX);
    }
}
