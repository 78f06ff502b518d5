//! Origins: parsing for classification, and the serialised form that browsers send.
//!
//! The check itself never uses these forms: it compares bytes (Fetch § CORS check, step 5).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::OriginParts;
use crate::http::is_printable;
use crate::lru::Lru;
use crate::options::Scheme;

/// What an `Origin` field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginKind {
    /// `null`: opaque, equal to nothing.
    Null,
    /// scheme, host, port.
    Tuple(OriginParts),
    /// An extension's page, which may be exempt from the check.
    Extension(OriginParts),
    /// Nothing that a browser sends.
    Junk,
}

/// An `Origin` field, kept as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The bytes, control characters and non-ASCII escaped: what is shown.
    pub text: Arc<str>,
    /// What they mean.
    pub kind: OriginKind,
    /// In the form that browsers serialise (lower case, default port left out, no path).
    pub serialised: bool,
}

impl Origin {
    /// Reads an `Origin` field's value.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Origin {
        let text: Arc<str> = printable(bytes).into();
        if bytes == b"null" {
            return Origin { text, kind: OriginKind::Null, serialised: true };
        }
        let Some(parts) = std::str::from_utf8(bytes).ok().and_then(parse_parts) else {
            return Origin { text, kind: OriginKind::Junk, serialised: false };
        };
        let serialised = serialise(&parts).as_bytes() == bytes;
        let extension = matches!(
            &*parts.scheme,
            "chrome-extension" | "moz-extension" | "safari-web-extension" | "safari-extension" | "ms-browser-extension"
        );
        let kind = if extension { OriginKind::Extension(parts) } else { OriginKind::Tuple(parts) };
        Origin { text, kind, serialised }
    }

    /// Scheme, host and port, where it has them.
    #[must_use]
    pub fn parts(&self) -> Option<&OriginParts> {
        match &self.kind {
            OriginKind::Tuple(parts) | OriginKind::Extension(parts) => Some(parts),
            OriginKind::Null | OriginKind::Junk => None,
        }
    }
}

/// Origins read lately, each parsed once.
#[derive(Debug)]
pub struct Origins {
    known: Lru<u64, Arc<Origin>>,
    hasher: RandomState,
}

impl Origins {
    /// Remembers at most so many.
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Origins { known: Lru::new(cap), hasher: RandomState::default() }
    }

    /// The origin that these bytes spell.
    pub fn of(&mut self, bytes: &[u8]) -> Arc<Origin> {
        let key = self.hasher.hash_one(bytes);
        self.known.get_or_insert_with(key, || Arc::new(Origin::parse(bytes))).0.clone()
    }
}

/// Wire bytes as text: what is not printable ASCII becomes `\xNN`.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    if let Some(text) = plain(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for &b in bytes {
        if b.is_ascii_graphic() || b == b' ' {
            text.push(char::from(b));
        } else {
            let _ = write!(text, "\\x{b:02x}");
        }
    }
    text
}

/// The same without a copy where nothing needs escaping, as nearly always.
#[must_use]
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match plain(bytes) {
        Some(text) => text.into(),
        None => printable(bytes).into(),
    }
}

/// The text, where nothing needs escaping.
fn plain(bytes: &[u8]) -> Option<&str> {
    if is_printable(bytes) { std::str::from_utf8(bytes).ok() } else { None }
}

/// The default port of a scheme; 0 where it has none.
#[must_use]
pub fn default_port(scheme: &str) -> u16 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        _ => 0,
    }
}

fn parse_parts(text: &str) -> Option<OriginParts> {
    let (scheme, rest) = text.split_once("://")?;
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.bytes().next()?.is_ascii_alphabetic() || !scheme.bytes().all(good) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let (host, port) = split_host_port(rest)?;
    let port = match port {
        None | Some("") => default_port(&scheme),
        Some(digits) => digits.parse().ok()?,
    };
    let host = canonical_host(host)?;
    Some(OriginParts { site: super::site::registrable(&host).into(), host: host.into(), port, scheme: scheme.into() })
}

/// `host[:port]`, an IPv6 address in brackets; none when it holds anything else (path, userinfo, spaces, a list).
#[must_use]
pub fn split_host_port(text: &str) -> Option<(&str, Option<&str>)> {
    let bad = |b: u8| {
        matches!(b, b'/' | b'?' | b'#' | b'@' | b'\\' | b',' | b'"' | b'<' | b'>' | b'`') || b <= b' ' || b == 0x7f
    };
    if text.is_empty() || text.bytes().any(bad) {
        return None;
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let end = rest.find(']')? + 1;
        let (host, after) = text.split_at_checked(end + 1)?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if port.is_some_and(|p| !p.bytes().all(|b| b.is_ascii_digit())) || host.is_empty() {
        return None;
    }
    Some((host, port))
}

/// A host as browsers compare it: lower case, IPv6 after RFC 5952, IPv4 numbers as a dotted quad (WHATWG URL § host parsing).
#[must_use]
pub fn canonical_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    if host.is_empty() {
        return None;
    }
    let lower = host.to_ascii_lowercase();
    Some(match ipv4_number(&lower) {
        Some(address) => address.to_string(),
        None => lower,
    })
}

/// A host that ends in a number is an IPv4 address, perhaps in parts of hexadecimal or octal.
fn ipv4_number(host: &str) -> Option<Ipv4Addr> {
    let last = host.rsplit('.').next()?;
    if !last.bytes().next()?.is_ascii_digit() {
        return None;
    }
    let number = |part: &str| -> Option<u64> {
        if let Some(hex) = part.strip_prefix("0x") {
            return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
        }
        if part.len() > 1 && part.starts_with('0') { u64::from_str_radix(part, 8).ok() } else { part.parse().ok() }
    };
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|&p| p > 255) {
        return None;
    }
    let rest_bits = 8 * (4 - u32::try_from(first.len()).ok()?);
    if *last >> rest_bits.min(63) != 0 {
        return None;
    }
    let mut address = *last;
    for (i, &part) in first.iter().enumerate() {
        address |= part << (24 - 8 * i);
    }
    Some(Ipv4Addr::from(u32::try_from(address).ok()?))
}

/// `scheme://host[:port]`, the default port left out (HTML § serialisation of an origin).
#[must_use]
pub fn serialise(parts: &OriginParts) -> String {
    let OriginParts { scheme, host, port, .. } = parts;
    if *port == default_port(scheme) {
        [scheme, "://", host].concat()
    } else {
        [scheme, "://", host, ":", itoa::Buffer::new().format(*port)].concat()
    }
}

/// The scheme's name.
#[must_use]
pub fn scheme_text(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

/// The IP address that a canonical host is, if it is one.
#[must_use]
pub fn host_ip(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Whether plain http to this host is trustworthy (Secure Contexts § potentially trustworthy origin).
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host_ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Addresses that only a private network reaches (RFC 1918, 6598, 3927, 4193, loopback, link-local).
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(a) => {
            a.is_private()
                || a.is_loopback()
                || a.is_link_local()
                || (a.octets()[0] == 100 && a.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(a) => {
            let first = a.segments()[0];
            a.is_loopback()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || a.to_ipv4_mapped().is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str, u16)>, serialised: bool) {
        let origin = Origin::parse(text.as_bytes());
        let got = origin.parts().map(|p| (p.scheme.to_string(), p.host.to_string(), p.port));
        assert_eq!(got, expected.map(|(s, h, p)| (s.to_owned(), h.to_owned(), p)), "{text}");
        assert_eq!(origin.serialised, serialised, "{text}");
    }

    #[test]
    fn origins_as_browsers_serialise_them_and_others() {
        check("http://a.test", Some(("http", "a.test", 80)), true);
        check("http://a.test:80", Some(("http", "a.test", 80)), false);
        check("https://a.test:443", Some(("https", "a.test", 443)), false);
        check("https://a.test:80", Some(("https", "a.test", 80)), true);
        check("HTTP://A.test", Some(("http", "a.test", 80)), false);
        check("http://[::1]:8080", Some(("http", "[::1]", 8080)), true);
        check("http://[0:0::1]", Some(("http", "[::1]", 80)), false);
        check("http://0x7f.1", Some(("http", "127.0.0.1", 80)), false);
        check("http://a.test/", None, false);
        check("http://u@a.test", None, false);
        check("http://a.test http://b.test", None, false);
        check("http://a.test, http://b.test", None, false);
        check("", None, false);
        check("http://a.test:99999", None, false);
        // A port of its own, though nothing listens there.
        check("http://a.test:0", Some(("http", "a.test", 0)), true);
        check("http://a.test:00", Some(("http", "a.test", 0)), false);
        check("chrome-extension://abcdef", Some(("chrome-extension", "abcdef", 0)), true);
        assert_eq!(Origin::parse(b"null").kind, OriginKind::Null);
        assert_eq!(&*Origin::parse(b"http://\xff").text, "http://\\xff");
    }

    #[test]
    fn private_and_loopback() {
        assert!(is_private("10.1.2.3".parse().unwrap()));
        assert!(is_private("100.64.0.1".parse().unwrap()));
        assert!(is_private("fd00::1".parse().unwrap()));
        assert!(!is_private("203.0.113.1".parse().unwrap()));
        assert!(is_loopback_host("a.localhost") && is_loopback_host("127.3.2.1") && is_loopback_host("[::1]"));
        assert!(!is_loopback_host("notlocalhost"));
    }
}
