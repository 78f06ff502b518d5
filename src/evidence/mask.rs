//! Makes unreadable what corstap would not keep of a message (`http/keep`): byte for byte, so that nothing moves.
//!
//! Works from what may stay: names, known fields that are no secrets, the shape of a URL. Everything else reads [`MASK`].

use crate::http::head::Name;

/// What a masked byte reads.
pub const MASK: u8 = b'X';
/// Digits of a chunk size: more could not be a number that anybody sends.
const CHUNK_DIGITS_MAX: usize = 16;

/// Masks a message that begins with its start line; tells how many bytes of the head there are, with its blank line.
///
/// Of a head that is not whole the complete lines stay and the rest is masked. Of a body nothing stays but the framing of chunks.
pub fn message(bytes: &mut [u8]) -> usize {
    let mut at = 0;
    let mut first = true;
    let mut chunked = false;
    loop {
        let Some(line) = line_end(bytes, at) else {
            fill(bytes, at, bytes.len());
            return at;
        };
        let text_end = line.text;
        if text_end == at {
            at = line.next;
            break;
        }
        if first {
            start_line(bytes, at, text_end);
        } else {
            chunked |= field(bytes, at, text_end);
        }
        (at, first) = (line.next, false);
    }
    body(bytes, at, chunked);
    at
}

struct Line {
    /// Where its text ends.
    text: usize,
    /// Where the next line begins.
    next: usize,
}

fn line_end(bytes: &[u8], from: usize) -> Option<Line> {
    let feed = from + memchr::memchr(b'\n', bytes.get(from..)?)?;
    let text = if feed > from && bytes.get(feed - 1) == Some(&b'\r') { feed - 1 } else { feed };
    Some(Line { text, next: feed + 1 })
}

fn fill(bytes: &mut [u8], from: usize, to: usize) {
    if let Some(part) = bytes.get_mut(from..to) {
        part.fill(MASK);
    }
}

/// `GET /path?query HTTP/1.1`, or a status line, which stays.
fn start_line(bytes: &mut [u8], from: usize, to: usize) {
    let line = bytes.get(from..to).unwrap_or_default();
    if line.starts_with(b"HTTP/") {
        return;
    }
    let Some(space) = memchr::memchr(b' ', line) else { return fill(bytes, from, to) };
    let end = memchr::memrchr(b' ', line).filter(|end| *end > space).unwrap_or(line.len());
    url(bytes, from + space + 1, from + end);
}

/// Query values, what a query without names is, the fragment, and user information.
fn url(bytes: &mut [u8], from: usize, to: usize) {
    let text = bytes.get(from..to).unwrap_or_default();
    let fragment = memchr::memchr(b'#', text).map_or(to, |at| from + at);
    let query = memchr::memchr(b'?', text).map(|at| from + at).filter(|at| *at < fragment);
    if let Some(scheme) = memchr::memmem::find(text, b"//") {
        let authority = scheme + 2;
        let rest = text.get(authority..).unwrap_or_default();
        let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let is_scheme = text.get(..scheme).is_some_and(|before| before.is_empty() || before.ends_with(b":"));
        if is_scheme && let Some(user) = memchr::memrchr(b'@', rest.get(..end).unwrap_or_default()) {
            fill(bytes, from + authority, from + authority + user);
        }
    }
    fill(bytes, fragment + 1, to);
    let Some(query) = query else { return };
    let mut at = query + 1;
    while at < fragment {
        let pair = bytes.get(at..fragment).unwrap_or_default();
        let end = at + memchr::memchr(b'&', pair).unwrap_or(pair.len());
        let value = match memchr::memchr(b'=', bytes.get(at..end).unwrap_or_default()) {
            Some(equals) => at + equals + 1,
            None => at, // a value without a name may be the secret itself
        };
        fill(bytes, value, end);
        at = end + 1;
    }
}

/// One field; tells whether it says that the body is chunked.
fn field(bytes: &mut [u8], from: usize, to: usize) -> bool {
    let line = bytes.get(from..to).unwrap_or_default();
    // A line that continues the one before, or none at all, has no name to judge by.
    let colon = match memchr::memchr(b':', line) {
        Some(colon) if !line.starts_with(b" ") && !line.starts_with(b"\t") => from + colon,
        _ => {
            fill(bytes, from, to);
            return false;
        }
    };
    let name = Name::of(bytes.get(from..colon).unwrap_or_default().trim_ascii_end());
    let value = colon + 1;
    let begin = value + bytes.get(value..to).unwrap_or_default().iter().take_while(|b| b.is_ascii_whitespace()).count();
    match name {
        Name::Cookie | Name::SecWebSocketKey | Name::Traceparent | Name::XRequestId | Name::Other => {
            fill(bytes, begin, to);
        }
        Name::SetCookie => set_cookie(bytes, begin, to),
        Name::Authorization | Name::ProxyAuthorization | Name::WwwAuthenticate => after_scheme(bytes, begin, to),
        Name::Referer | Name::Location | Name::Refresh | Name::Origin => url(bytes, begin, to),
        Name::TransferEncoding => {
            return bytes.get(begin..to).unwrap_or_default().to_ascii_lowercase().ends_with(b"chunked");
        }
        _ => {}
    }
    false
}

/// Attributes that say how a cookie may come back stay; its name, value, path and domain go.
fn set_cookie(bytes: &mut [u8], from: usize, to: usize) {
    let mut at = from;
    let mut first = true;
    while at < to {
        let rest = bytes.get(at..to).unwrap_or_default();
        let end = at + memchr::memchr(b';', rest).unwrap_or(rest.len());
        let part = bytes.get(at..end).unwrap_or_default();
        let name_end = memchr::memchr(b'=', part).unwrap_or(part.len());
        let name = part.get(..name_end).unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let begin = at + part.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match name.as_slice() {
            _ if first => fill(bytes, begin, end),
            b"secure" | b"httponly" | b"partitioned" | b"samesite" | b"max-age" | b"expires" => {}
            b"path" | b"domain" => fill(bytes, at + name_end + 1, end),
            _ => fill(bytes, begin, end),
        }
        (at, first) = (end + 1, false);
    }
}

/// `Bearer XXXX`: the first word stays where another follows and it is as short as schemes are.
fn after_scheme(bytes: &mut [u8], from: usize, to: usize) {
    let text = bytes.get(from..to).unwrap_or_default();
    let word = memchr::memchr(b' ', text).filter(|n| *n <= 20);
    let is_scheme = |word: &[u8]| word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    match word {
        Some(end) if is_scheme(text.get(..end).unwrap_or_default()) => fill(bytes, from + end + 1, to),
        _ => fill(bytes, from, to),
    }
}

/// Masks a body; sizes of chunks stay, so that others can take it apart.
fn body(bytes: &mut [u8], from: usize, chunked: bool) {
    let mut at = from;
    while chunked && at < bytes.len() {
        let Some(line) = line_end(bytes, at) else { break };
        let text = bytes.get(at..line.text).unwrap_or_default();
        let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let size = text
            .get(..digits)
            .filter(|d| !d.is_empty() && d.len() <= CHUNK_DIGITS_MAX)
            .and_then(|d| std::str::from_utf8(d).ok())
            .and_then(|d| usize::from_str_radix(d, 16).ok());
        let Some(size) = size else { break };
        fill(bytes, at + digits, line.text); // extensions
        if size == 0 {
            // trailers: names and values alike go, the last line's end stays
            let blank = bytes.get(line.next..).is_some_and(|rest| rest.starts_with(b"\r\n"));
            at = if blank { line.next + 2 } else { line.next };
            break;
        }
        let end = line.next.saturating_add(size).min(bytes.len());
        fill(bytes, line.next, end);
        at = end;
        if bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
            at += 2;
        }
    }
    fill(bytes, at, bytes.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` is CR LF.
    fn check(wire: &str, expected: &str) {
        let mut bytes = wire.replace('|', "\r\n").into_bytes();
        let length = bytes.len();
        message(&mut bytes);
        assert_eq!(String::from_utf8(bytes).expect("text").replace("\r\n", "|"), expected);
        assert_eq!(length, expected.replace('|', "\r\n").len(), "nothing may move");
    }

    #[test]
    fn query_values_go_and_names_stay() {
        check("GET /a?t=CANARY&b=&CANARY&c=1=2 HTTP/1.1||", "GET /a?t=XXXXXX&b=&XXXXXX&c=XXX HTTP/1.1||");
        check("GET /a?CANARY HTTP/1.1||", "GET /a?XXXXXX HTTP/1.1||");
        check("GET http://u:p@h.test/a?b=1#c HTTP/1.1||", "GET http://XXX@h.test/a?b=X#X HTTP/1.1||");
        check("GET /a/@b//c@d HTTP/1.1||", "GET /a/@b//c@d HTTP/1.1||");
        check("CANARY||", "XXXXXX||");
    }

    #[test]
    fn secrets_go_in_every_field_that_holds_them() {
        check("GET / HTTP/1.1|Cookie: a=CANARY; b=c||", "GET / HTTP/1.1|Cookie: XXXXXXXXXXXXX||");
        check("GET / HTTP/1.1|cookie:CANARY||", "GET / HTTP/1.1|cookie:XXXXXX||");
        check("GET / HTTP/1.1|Authorization: Bearer CANARY||", "GET / HTTP/1.1|Authorization: Bearer XXXXXX||");
        check("GET / HTTP/1.1|Authorization: CANARY||", "GET / HTTP/1.1|Authorization: XXXXXX||");
        check("GET / HTTP/1.1|Authorization : Basic CANARY||", "GET / HTTP/1.1|Authorization : Basic XXXXXX||");
        check("GET / HTTP/1.1|X-Api-Key: CANARY||", "GET / HTTP/1.1|X-Api-Key: XXXXXX||");
        check(
            "GET / HTTP/1.1|Referer: https://a.test/x?y=CANARY||",
            "GET / HTTP/1.1|Referer: https://a.test/x?y=XXXXXX||",
        );
        check(
            "HTTP/1.1 302 Found|Location: https://u:CANARY@a.test/?code=CANARY#t=CANARY||",
            "HTTP/1.1 302 Found|Location: https://XXXXXXXX@a.test/?code=XXXXXX#XXXXXXXX||",
        );
        check(
            "HTTP/1.1 200 OK|Set-Cookie: sid=CANARY; Path=/CANARY; SameSite=None; Secure||",
            "HTTP/1.1 200 OK|Set-Cookie: XXXXXXXXXX; Path=XXXXXXX; SameSite=None; Secure||",
        );
    }

    #[test]
    fn what_decides_stays() {
        let whole = "HTTP/1.1 200 OK|Access-Control-Allow-Origin: https://a.test|Vary: Origin|Content-Length: 0||";
        check(whole, whole);
        let whole = "OPTIONS /a HTTP/1.1|Origin: https://a.test|Access-Control-Request-Headers: authorization,x-t||";
        check(whole, whole);
    }

    #[test]
    fn lines_without_a_name_go() {
        check("GET / HTTP/1.1|Accept: a| CANARY||", "GET / HTTP/1.1|Accept: a|XXXXXXX||");
        check("GET / HTTP/1.1|CANARY||", "GET / HTTP/1.1|XXXXXX||");
    }

    #[test]
    fn a_head_that_is_cut_keeps_its_whole_lines_only() {
        check("GET / HTTP/1.1|Accept: a|Origin: CANA", "GET / HTTP/1.1|Accept: a|XXXXXXXXXXXX");
        check("GET /?a=CAN", "XXXXXXXXXXX");
        check("", "");
    }

    #[test]
    fn bodies_go_and_chunks_keep_their_sizes() {
        check("POST / HTTP/1.1|Content-Length: 6||CANARY", "POST / HTTP/1.1|Content-Length: 6||XXXXXX");
        check(
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip, chunked||6;CANARY|CANARY|0|T: CANARY||",
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip, chunked||6XXXXXXX|XXXXXX|0|XXXXXXXXXXXXX",
        );
        check(
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ab|0||",
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|XX|0||",
        );
        check(
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||CANARY",
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||XXXXXX",
        );
    }

    #[test]
    fn any_bytes_are_masked_without_harm() {
        for cut in 0..80 {
            let wire =
                b"POST /?a=b HTTP/1.1\r\nCookie: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n\xff\n\r";
            let mut bytes = wire[..cut.min(wire.len())].to_vec();
            message(&mut bytes);
        }
        proptest::proptest!(|(mut bytes: Vec<u8>)| { message(&mut bytes); });
    }
}
