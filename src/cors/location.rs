//! Where a redirect leads: `Location` resolved against the URL that answered with it.

use super::Target;
use super::origin::{canonical_host, default_port, scheme_text, serialise, split_host_port};
use super::{OriginParts, classify::path_and_query};

/// What a `Location` value comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An http(s) URL.
    Url(Next),
    /// Another scheme (`data:`, `file:`, `mailto:` …).
    OtherScheme,
    /// No value.
    Empty,
    /// Not a URL.
    Unusable,
}

/// The URL of the next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Serialised origin.
    pub origin: String,
    /// Scheme, host, port.
    pub parts: OriginParts,
    /// Path and query as they go on the wire.
    pub path: Vec<u8>,
    /// `user:pass@` in the URL.
    pub has_userinfo: bool,
}

impl Next {
    /// Takes back escapes of what needs none (RFC 3986 §6.2.2.2), as WebKit's library on Linux does.
    pub fn unescape(&mut self) {
        let needless = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let mut out = Vec::with_capacity(self.path.len());
        let mut rest = &self.path[..];
        while let Some((&first, after)) = rest.split_first() {
            let escaped = match rest {
                [b'%', high, low, ..] => hex(*high, *low).filter(needless),
                _ => None,
            };
            out.push(escaped.unwrap_or(first));
            rest = if escaped.is_some() { rest.get(3..).unwrap_or_default() } else { after };
        }
        self.path = out;
    }

    /// Whether it is at this origin.
    #[must_use]
    pub fn is_origin(&self, origin: &OriginParts) -> bool {
        self.parts.scheme == origin.scheme && self.parts.host == origin.host && self.parts.port == origin.port
    }
}

/// Resolves a `Location` value (WHATWG URL, as far as http goes).
#[must_use]
pub fn resolve(value: &[u8], base: &Target, base_target: &[u8]) -> Location {
    let value: Vec<u8> = trim_controls(value).iter().copied().filter(|b| !matches!(b, b'\t' | b'\r' | b'\n')).collect();
    if value.is_empty() {
        return Location::Empty;
    }
    let without_fragment = value.split(|&b| b == b'#').next().unwrap_or_default();
    let base_scheme = scheme_text(base.scheme);
    if let Some((scheme, rest)) = split_scheme(without_fragment) {
        if scheme != "http" && scheme != "https" {
            return Location::OtherScheme;
        }
        // special schemes take any number of slashes, either way round
        let slashes = rest.iter().take_while(|b| matches!(b, b'/' | b'\\')).count();
        if slashes == 0 && scheme == base_scheme {
            return relative(rest, base, base_target);
        }
        return absolute(&scheme, rest.get(slashes..).unwrap_or_default());
    }
    let slashes = without_fragment.iter().take_while(|b| matches!(b, b'/' | b'\\')).count();
    if slashes >= 2 {
        return absolute(base_scheme, without_fragment.get(slashes..).unwrap_or_default());
    }
    relative(without_fragment, base, base_target)
}

fn trim_controls(value: &[u8]) -> &[u8] {
    let from = value.iter().position(|&b| b > b' ').unwrap_or(value.len());
    let to = value.iter().rposition(|&b| b > b' ').map_or(from, |i| i + 1);
    value.get(from..to).unwrap_or_default()
}

fn split_scheme(value: &[u8]) -> Option<(String, &[u8])> {
    let colon = value.iter().position(|&b| b == b':')?;
    let scheme = value.get(..colon)?;
    let good = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(good) {
        return None;
    }
    Some((String::from_utf8_lossy(scheme).to_ascii_lowercase(), value.get(colon + 1..)?))
}

fn absolute(scheme: &str, rest: &[u8]) -> Location {
    let end = rest.iter().position(|b| matches!(b, b'/' | b'\\' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let at = authority.iter().rposition(|&b| b == b'@');
    let has_userinfo = at.is_some_and(|at| authority.get(..at).is_some_and(|u| u.iter().any(|&b| b != b':')));
    let host_port = authority.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
    let Some((host, port)) = std::str::from_utf8(host_port)
        .ok()
        .and_then(split_host_port)
        .and_then(|(host, port)| Some((canonical_host(&percent_decoded(host)?)?, port)))
    else {
        return Location::Unusable;
    };
    let port = match port {
        None | Some("") => default_port(scheme),
        Some(digits) => match digits.parse() {
            Ok(port) => port,
            Err(_) => return Location::Unusable,
        },
    };
    let site = super::site::registrable(&host).into();
    let parts = OriginParts { scheme: scheme.into(), host: host.into(), port, site };
    let mut path = normalised(path);
    if path.first() != Some(&b'/') {
        path.insert(0, b'/');
    }
    Location::Url(Next { origin: serialise(&parts), parts, path, has_userinfo })
}

fn percent_decoded(host: &str) -> Option<String> {
    if !host.contains('%') {
        return Some(host.to_owned());
    }
    let mut bytes = Vec::with_capacity(host.len());
    let mut rest = host.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            bytes.push(hex(rest.next()?, rest.next()?)?);
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn relative(value: &[u8], base: &Target, base_target: &[u8]) -> Location {
    let parts = OriginParts {
        scheme: scheme_text(base.scheme).into(),
        host: base.host.clone(),
        port: base.port,
        site: base.site.clone(),
    };
    let base_path = path_and_query(base_target);
    let only_path = base_path.split(|&b| b == b'?').next().unwrap_or_default();
    let path = match value.first() {
        None => base_path.to_vec(),
        Some(b'/' | b'\\') => normalised(value),
        Some(b'?') => [only_path, value].concat(),
        Some(_) => {
            let folder = only_path.iter().rposition(|&b| b == b'/').map_or(0, |i| i + 1);
            normalised(&[only_path.get(..folder).unwrap_or_default(), value].concat())
        }
    };
    Location::Url(Next { origin: base.origin.to_string(), parts, path, has_userinfo: false })
}

/// Dot segments out, backslashes to slashes, and percent-encoding of what may not stand in a path (WHATWG URL § path state).
fn normalised(path_and_query: &[u8]) -> Vec<u8> {
    let end = path_and_query.iter().position(|&b| b == b'?').unwrap_or(path_and_query.len());
    let (path, query) = path_and_query.split_at(end);
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut trailing = false;
    for segment in path.split(|b| matches!(b, b'/' | b'\\')).skip(1) {
        trailing = false;
        match &segment.to_ascii_lowercase()[..] {
            b"." | b"%2e" => trailing = true,
            b".." | b".%2e" | b"%2e." | b"%2e%2e" => {
                segments.pop();
                trailing = true;
            }
            _ => segments.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path_and_query.len());
    for segment in &segments {
        out.push(b'/');
        encode(segment, b" \"#<>`{}", &mut out);
    }
    if trailing {
        out.push(b'/');
    }
    encode(query, b" \"#<>'", &mut out);
    out
}

fn encode(bytes: &[u8], also: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &b in bytes {
        if !(0x20..0x7f).contains(&b) || also.contains(&b) {
            out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        } else {
            out.push(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Scheme;
    use crate::record::Confidence;

    fn base() -> Target {
        Target {
            scheme: Scheme::Http,
            scheme_confidence: Confidence::Certain,
            host: "b.test".into(),
            port: 8080,
            origin: "http://b.test:8080".into(),
            site: "b.test".into(),
        }
    }

    fn check(location: &str, expected: Option<&str>) {
        let got = match resolve(location.as_bytes(), &base(), b"/x/y?q=1") {
            Location::Url(next) => Some(format!("{}{}", next.origin, String::from_utf8_lossy(&next.path))),
            _ => None,
        };
        assert_eq!(got.as_deref(), expected, "{location}");
    }

    #[test]
    fn locations_as_browsers_resolve_them() {
        check("http://c.test/a?b#f", Some("http://c.test/a?b"));
        check("HTTPS://C.test:443", Some("https://c.test/"));
        check("//c.test:81/a", Some("http://c.test:81/a"));
        check("/z", Some("http://b.test:8080/z"));
        check("z", Some("http://b.test:8080/x/z"));
        check("../z", Some("http://b.test:8080/z"));
        check("?r", Some("http://b.test:8080/x/y?r"));
        check("#f", Some("http://b.test:8080/x/y?q=1"));
        check("http://c.test/a b", Some("http://c.test/a%20b"));
        check("data:text/plain,hi", None);
        check("http://[bad", None);
        assert_eq!(resolve(b"", &base(), b"/"), Location::Empty);
        assert_eq!(resolve(b"mailto:a@b", &base(), b"/"), Location::OtherScheme);
        assert!(matches!(
            resolve(b"http://u:p@c.test/", &base(), b"/"),
            Location::Url(Next { has_userinfo: true, .. })
        ));
    }

    /// WebKitGTK 2.50 asks for `/h1` where it is sent to `/%681`.
    #[test]
    fn escapes_that_need_not_be_are_taken_back() {
        for (path, plain) in [
            ("/%681", "/h1"),
            ("/%7Ea%2Db", "/~a-b"),
            ("/%2Fa%20b%", "/%2Fa%20b%"),
            ("/%6", "/%6"),
            ("/%zz%41", "/%zzA"),
        ] {
            let Location::Url(mut next) = resolve(path.as_bytes(), &base(), b"/") else { panic!("{path}") };
            next.unescape();
            assert_eq!(String::from_utf8_lossy(&next.path), plain);
        }
    }
}
