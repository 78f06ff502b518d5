//! What a direction carries, told by its first bytes: never by ports.

use memchr::memchr;

use super::grammar::{Expected, FieldLine, FieldLines, METHOD_BYTES_MAX, StartLine, is_token, split_line, start_line};
use super::h2::frame::begins_with_settings;

/// What the next bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A message of HTTP/1, or the beginning of what may be one.
    Message,
    /// A PROXY protocol header, version 1 or 2.
    Proxy,
    /// TLS.
    Tls,
    /// HTTP/2: a client's preface, or a server's settings.
    Http2,
    /// SSH's banner.
    Ssh,
    /// None of these.
    Other,
}

/// Twelve bytes that begin a version 2 header (PROXY protocol § 2.2).
pub const PROXY_V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Methods by which a request is known where nothing says that one must begin. None is another's end: behind a gap `PUT` may stand for
/// itself alone, and the rest of a name for nothing.
const METHODS: [&[u8]; 20] = [
    b"GET",
    b"POST",
    b"OPTIONS",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"REPORT",
    b"PURGE",
    b"QUERY",
    b"NOTIFY",
    b"UNLOCK",
    b"M-SEARCH",
];

/// Bytes of a first line that does not end yet and may still be one.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Looks where a message must begin.
#[must_use]
pub fn look(bytes: &[u8]) -> Look {
    look_at(bytes).0
}

/// The same, with the first line where it is one and whole.
#[must_use]
pub fn look_at(bytes: &[u8]) -> (Look, Option<FirstLine<'_>>) {
    let may_be = bytes.first().is_some_and(|b| is_token(*b)) && !begins_proxy_v1(bytes);
    let first = if may_be { first_line(bytes) } else { None };
    (if first.is_some() { Look::Message } else { look_beside(bytes) }, first)
}

#[inline]
fn begins_proxy_v1(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'R', b'O', ..]) && names_proxy_v1(bytes)
}

fn names_proxy_v1(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PROXY TCP") || bytes.starts_with(b"PROXY UNKNOWN")
}

/// What begins here, where it is not a message's whole first line.
fn look_beside(bytes: &[u8]) -> Look {
    if bytes.starts_with(b"HTTP/1.") {
        let is_whole = split_line(bytes).is_some();
        return if is_whole || bytes.len() > LINE_BYTES_MAX { Look::Other } else { Look::Message };
    }
    match bytes {
        // Records of TLS; SSLv2's hello, which offers it.
        [0x14..=0x17, 3, 0..=4, ..] | [0x16, 3] | [0x16] | [0x80..=0x9f, _, 1, 3, 0..=4, ..] => return Look::Tls,
        [b'P', b'R', ..] if b"PRI * HTTP/2.0\r\n".starts_with(bytes.get(..16).unwrap_or(bytes)) && bytes.len() > 3 => {
            return Look::Http2;
        }
        [b'P', b'R', ..] if begins_proxy_v1(bytes) => return Look::Proxy,
        [b'\r', ..] if bytes.len() >= 5 && PROXY_V2.starts_with(bytes.get(..12).unwrap_or(bytes)) => {
            return Look::Proxy;
        }
        [b'S', b'S', b'H', b'-', ..] => return Look::Ssh,
        [0, 0, ..] if begins_with_settings(bytes) => return Look::Http2,
        _ => {}
    }
    let method_bytes = bytes.iter().take(METHOD_BYTES_MAX + 1).position(|&b| !is_token(b));
    let may_be = match method_bytes {
        // All of it may be a method, or the beginning of `HTTP/1.`.
        None => bytes.len() <= METHOD_BYTES_MAX,
        Some(n) if bytes.get(n) == Some(&b' ') && n > 0 => {
            let ends = split_line(bytes).is_some();
            !ends && bytes.len() <= LINE_BYTES_MAX && !bytes.iter().any(|b| b.is_ascii_control() && *b != b'\r')
        }
        Some(_) => b"HTTP/1.".starts_with(bytes),
    };
    if may_be { Look::Message } else { Look::Other }
}

/// Whether a message begins here for sure, though nothing says that one must: after a gap, and midway through a connection.
#[must_use]
pub fn begins_for_sure(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(b) if is_token(*b) => {}
        _ => return false,
    }
    if let Some(end) = memchr(b'\n', bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes)) {
        let (line, rest) = bytes.split_at_checked(end + 1).unwrap_or_default();
        let line = split_line(line).map_or(line, |(line, _)| line);
        // The field line behind it, where it is here, must be one.
        let field = |rest: &[u8]| {
            split_line(rest).is_none_or(|(line, _)| {
                line.is_empty() || FieldLines::new(rest).next_expecting(&Expected::NOTHING).is_some_and(is_field)
            })
        };
        let is_known = match start_line(line) {
            Some(StartLine::Request { method, .. }) => METHODS.contains(&method),
            Some(StartLine::Response { .. }) => true,
            None => false,
        };
        return is_known && field(rest);
    }
    // A first line longer than its packet: only of a method that everybody knows.
    METHODS.iter().any(|method| {
        let target = bytes.strip_prefix(*method).and_then(|rest| rest.strip_prefix(b" "));
        target.is_some_and(|t| {
            t.len() > 500 && matches!(t, [b'/' | b'h', ..]) && !t.iter().any(|b| b.is_ascii_control() || *b == b' ')
        })
    })
}

fn is_field(field: FieldLine<'_>) -> bool {
    field.name.iter().all(|&b| is_token(b) || b == b' ')
}

/// A message's first line, and the bytes behind it.
pub type FirstLine<'a> = (StartLine<'a>, &'a [u8]);

/// The start line of `bytes`, where it is whole.
#[must_use]
pub fn first_line(bytes: &[u8]) -> Option<FirstLine<'_>> {
    let (line, rest) = split_line(bytes)?;
    Some((start_line(line)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_first_bytes() {
        for (bytes, seen) in [
            (&b"GET / HTTP/1.1\r\n"[..], Look::Message),
            (b"G", Look::Message),
            (b"GET /half", Look::Message),
            (b"HTTP/1.1 200 OK\r\n", Look::Message),
            (b"HTT", Look::Message),
            (b"HTTP/", Look::Message),
            (b"\x16\x03\x01\x02\x00\x01", Look::Tls),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Look::Http2),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Look::Ssh),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET", Look::Proxy),
            (PROXY_V2, Look::Proxy),
            (b"PROPFIND / HTTP/1.1\r\n", Look::Message),
            (b"EHLO a.test\r\n", Look::Other),
            (b"GET foo\r\n", Look::Other),
            (b"get k1\r\nset k 0 0 1\r\nx\r\n", Look::Other),
            (b"HTTP is a protocol\r\n", Look::Other),
            (b"\0\0\0\x04", Look::Other),
            (b"abc \x01\x02", Look::Other),
        ] {
            assert_eq!(look(bytes), seen, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_message_begins_for_sure_only_with_a_whole_first_line() {
        assert!(begins_for_sure(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(begins_for_sure(b"HTTP/1.1 204 No Content\r\n\r\n"));
        assert!(begins_for_sure(b"HTTP/1.1 204\r\nVar"));
        assert!(!begins_for_sure(b"HTTP/1.1 204 No Con"));
        assert!(!begins_for_sure(b"GET / HTTP/1.1\r\nnot a field\r\n"));
        assert!(!begins_for_sure(b"\r\nGET / HTTP/1.1\r\n"));
        assert!(!begins_for_sure(b"ET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        let long = format!("GET /{}", "a".repeat(1000));
        assert!(begins_for_sure(long.as_bytes()));
        assert!(!begins_for_sure(long.replace("GET", "GOT").as_bytes()));
    }
}
