//! The grammar of heads, as lenient as browsers and servers are: bare LF ends a line too, folded lines join, a line without a
//! colon is passed over. One reader serves whole heads and what is left of cut ones.

use std::borrow::Cow;

use memchr::memchr;

/// The longest method looked for, in bytes.
pub const METHOD_BYTES_MAX: usize = 40;

/// A message's first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// `GET /a HTTP/1.1`
    Request {
        /// Method as sent.
        method: &'a [u8],
        /// Target as sent.
        target: &'a [u8],
        /// 0 or 1.
        minor: u8,
    },
    /// `HTTP/1.1 204 No Content`
    Response {
        /// Three digits, whatever they say.
        status: u16,
        /// 0 or 1.
        minor: u8,
    },
}

/// Reads a first line without its line end (RFC 9112 § 3 and § 4). Several blanks are taken for one, as most do.
#[must_use]
pub fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        let minor = minor_of(*rest.first()?)?;
        let code = rest.get(1..)?;
        let status = code.trim_ascii_start();
        let (digits, after) = status.split_at_checked(3)?;
        let ends = after.first().is_none_or(|b| !b.is_ascii_digit());
        if status.len() == code.len() || !ends || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let status = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        return Some(StartLine::Response { status, minor });
    }
    let method_bytes = line.iter().take(METHOD_BYTES_MAX + 1).position(|&b| b == b' ')?;
    let (method, rest) = line.split_at_checked(method_bytes)?;
    if method.is_empty() || !method.iter().all(|&b| is_token(b)) {
        return None;
    }
    let rest = rest.trim_ascii();
    let version = memchr::memrchr(b' ', rest)?;
    let (target, version) = rest.split_at_checked(version)?;
    let digit = version.strip_prefix(b" HTTP/1.")?;
    let minor = match digit {
        [digit] => minor_of(*digit)?,
        _ => return None,
    };
    let target = target.trim_ascii_end();
    if target.is_empty() || target.iter().any(u8::is_ascii_control) {
        return None;
    }
    Some(StartLine::Request { method, target, minor })
}

fn minor_of(digit: u8) -> Option<u8> {
    digit.is_ascii_digit().then(|| u8::from(digit != b'0'))
}

/// RFC 9110 § 5.6.2, `tchar`.
#[must_use]
pub fn is_token(b: u8) -> bool {
    static TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut i = 0;
        while i < 256 {
            #[allow(clippy::cast_possible_truncation)] // below 256
            let b = i as u8;
            table[i] = b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
            i += 1;
        }
        table
    };
    TOKEN[usize::from(b)]
}

/// Where a byte first is. Names and lines are short: to begin a search by SIMD takes longer than to find it eight at a time.
#[inline]
fn find(needle: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const NEAR: usize = 96;
    let pattern = ONES * u64::from(needle);
    let (near, far) = bytes.split_at(bytes.len().min(NEAR));
    let mut words = near.chunks_exact(8);
    let mut at = 0;
    for word in &mut words {
        let differs = u64::from_le_bytes(word.try_into().unwrap_or_default()) ^ pattern;
        // the lowest byte that is zero has its high bit set
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    if let Some(place) = words.remainder().iter().position(|&b| b == needle) {
        return Some(at + place);
    }
    memchr(needle, far).map(|place| near.len() + place)
}

/// Only blanks and visible ASCII (RFC 5234 § B.1, SP and VCHAR). Without an early exit, which lets it go many bytes at a time.
#[must_use]
pub fn is_printable(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |others, b| others | u8::from(b.wrapping_sub(b' ') > b'~' - b' ')) == 0
}

/// A value or name without blanks around it.
#[inline]
#[must_use]
pub fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r'] = text {
        text = rest;
    }
    text
}

/// Splits off the first line, which ends with LF; its line end is left out.
#[must_use]
pub fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((without_cr(line), rest.get(1..).unwrap_or_default()))
}

fn without_cr(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// The field lines of a head after its first line: name as sent, value trimmed, folded lines joined by one blank.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads `head` after its first line, as far as its lines are complete.
    #[must_use]
    pub fn new(rest: &'a [u8]) -> Self {
        Fields { rest }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], Cow<'a, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, rest) = split_line(self.rest)?;
            self.rest = rest;
            if line.is_empty() {
                self.rest = &[];
                return None;
            }
            let colon = find(b':', line);
            let mut value: Option<Cow<'a, [u8]>> = None;
            if let Some(colon) = colon {
                value = Some(Cow::Borrowed(trim_blanks(line.get(colon + 1..).unwrap_or_default())));
            }
            while let [b' ' | b'\t', ..] = self.rest {
                let Some((folded, rest)) = split_line(self.rest) else { break };
                let folded = trim_blanks(folded);
                if folded.is_empty() && rest.is_empty() {
                    break;
                }
                self.rest = rest;
                if let Some(value) = &mut value {
                    let joined = value.to_mut();
                    if !joined.is_empty() && !folded.is_empty() {
                        joined.push(b' ');
                    }
                    joined.extend_from_slice(folded);
                }
            }
            let (Some(colon), Some(value)) = (colon, value) else { continue };
            let name = line.get(..colon).unwrap_or_default();
            if trim_blanks(name).is_empty() {
                continue;
            }
            return Some((name, value));
        }
    }
}

/// Where the head that begins with `bytes` ends: behind its blank line.
#[must_use]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut search = BlankLine::default();
    search.find(bytes)
}

/// Looks for the blank line at the end of a head, over as many pieces as it comes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlankLine {
    /// The line so far holds something other than CR.
    in_line: bool,
    /// Some line has begun: blank lines before the first are none.
    begun: bool,
}

impl BlankLine {
    /// Looks through the next piece; returns how much of it belongs to the head, once that ends.
    pub fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = piece.get(at..).unwrap_or_default();
            if !self.in_line {
                match rest {
                    [b'\n', ..] | [b'\r', b'\n', ..] => {
                        at += if rest.first() == Some(&b'\n') { 1 } else { 2 };
                        if self.begun {
                            return Some(at);
                        }
                        continue;
                    }
                    [] | [b'\r'] => return None,
                    _ => {
                        self.in_line = true;
                        self.begun = true;
                    }
                }
            }
            at += find(b'\n', rest)? + 1;
            self.in_line = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &[u8]) -> Option<(&[u8], &[u8], u8)> {
        match start_line(line) {
            Some(StartLine::Request { method, target, minor }) => Some((method, target, minor)),
            _ => None,
        }
    }

    #[test]
    fn request_lines() {
        assert_eq!(request(b"GET /a?b=c HTTP/1.1"), Some((&b"GET"[..], &b"/a?b=c"[..], 1)));
        assert_eq!(request(b"M-SEARCH * HTTP/1.0"), Some((&b"M-SEARCH"[..], &b"*"[..], 0)));
        assert_eq!(request(b"GET  /two  blanks  HTTP/1.1 "), Some((&b"GET"[..], &b"/two  blanks"[..], 1)));
        for none in [
            &b"GET /old"[..],
            b"GET HTTP/1.1",
            b"GET  HTTP/1.1",
            b" GET / HTTP/1.1",
            b"OPTIONS rtsp://a/ RTSP/1.0",
            b"INVITE sip:a SIP/2.0",
            b"GET / HTTP/2.0",
            b"GET / HTTP/1.11",
            b"G(T / HTTP/1.1",
            b"GET /\x00 HTTP/1.1",
            b"",
        ] {
            assert_eq!(start_line(none), None, "{}", String::from_utf8_lossy(none));
        }
    }

    #[test]
    fn status_lines() {
        assert_eq!(start_line(b"HTTP/1.1 200 OK"), Some(StartLine::Response { status: 200, minor: 1 }));
        assert_eq!(start_line(b"HTTP/1.0  404"), Some(StartLine::Response { status: 404, minor: 0 }));
        for none in [&b"HTTP/1.1200"[..], b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/2 200", b"HTTP/1."] {
            assert_eq!(start_line(none), None, "{}", String::from_utf8_lossy(none));
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for length in [0, 1, 7, 8, 9, 95, 96, 97, 104, 200] {
            for place in 0..length {
                let mut bytes = vec![0x8a; length];
                bytes[place] = b'\n';
                assert_eq!(find(b'\n', &bytes), Some(place), "{length}");
                bytes.truncate(place);
                assert_eq!(find(b'\n', &bytes), None);
            }
        }
        assert!(is_printable(b"a b~") && is_printable(b""));
        for byte in [0x00, 0x1f, 0x7f, 0x80, 0xff] {
            assert!(!is_printable(&[b'a', byte]), "{byte:x}");
        }
    }

    #[test]
    fn fields_fold_trim_and_skip_what_is_none() {
        let read: Vec<(String, String)> = Fields::new(b"A:1\r\nB : \t2 \n\r\r\n")
            .map(|(n, v)| (String::from_utf8_lossy(n).into_owned(), String::from_utf8_lossy(&v).into_owned()))
            .collect();
        assert_eq!(read, [("A".into(), "1".into()), ("B ".into(), "2".into())]);
        let read: Vec<Vec<u8>> =
            Fields::new(b"X: a,\r\n b,\r\n\tc\r\nno colon\r\n: no name\r\nY:\r\n z\r\nunfinished: lin")
                .map(|(_, v)| v.into_owned())
                .collect();
        assert_eq!(read, [b"a, b, c".to_vec(), b"z".to_vec()]);
    }

    #[test]
    fn blank_line_is_found_whole_and_byte_by_byte() {
        for head in
            [&b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..], b"GET / HTTP/1.1\nA: b\n\n", b"\r\n\nX\r\n\r\n", b"X\n\r\n"]
        {
            let mut bytes = head.to_vec();
            bytes.extend_from_slice(b"body\r\n\r\n");
            assert_eq!(head_end(&bytes), Some(head.len()));
            for cut in 0..head.len() {
                assert_eq!(head_end(&head[..cut]), None);
            }
        }
    }
}
