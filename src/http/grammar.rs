//! The grammar of heads, as lenient as browsers and servers are: bare LF ends a line too, folded lines join, a line without a
//! colon is passed over. One reader serves whole heads and what is left of cut ones.

use memchr::memchr;
use wide::u8x16;

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
        /// What the server says to it.
        reason: &'a [u8],
        /// 0 or 1.
        minor: u8,
        /// A blank stands behind the digits, or nothing.
        is_plain: bool,
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
        let is_plain = after.first().is_none_or(|b| matches!(b, b' ' | b'\t'));
        return Some(StartLine::Response { status, reason: after.trim_ascii(), minor, is_plain });
    }
    let method_bytes = find(b' ', line)?;
    let (method, rest) = line.split_at_checked(method_bytes)?;
    let is_known = matches!(method, b"GET" | b"POST" | b"OPTIONS");
    let may_be = || !method.is_empty() && method_bytes <= METHOD_BYTES_MAX && method.iter().all(|&b| is_token(b));
    if !is_known && !may_be() {
        return None;
    }
    let rest = rest.trim_ascii();
    let (target, version) = rest.split_last_chunk::<9>()?;
    let [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', digit] = version else { return None };
    let minor = minor_of(*digit)?;
    let target = target.trim_ascii_end();
    let has_control = target.iter().fold(0, |any, b| any | u8::from(b.is_ascii_control())) != 0;
    if target.is_empty() || has_control {
        return None;
    }
    Some(StartLine::Request { method, target, minor })
}

#[inline]
fn minor_of(digit: u8) -> Option<u8> {
    digit.is_ascii_digit().then(|| u8::from(digit != b'0'))
}

/// RFC 9110 § 5.6.2, `tchar`.
#[inline]
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

/// Bytes looked at together.
const BLOCK: usize = 64;

/// Where a byte is in the first [`BLOCK`] bytes: a bit for each.
#[inline]
fn places(needle: u8, bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or_else(|| places_of_few(needle, bytes), |block| places_of_block(needle, block))
}

#[inline(never)]
fn places_of_few(needle: u8, bytes: &[u8]) -> u64 {
    let mut padded = [needle.wrapping_add(1); BLOCK];
    padded[..bytes.len()].copy_from_slice(bytes);
    places_of_block(needle, &padded)
}

#[inline]
fn places_of_block(needle: u8, block: &[u8; BLOCK]) -> u64 {
    let quarters = block.as_chunks::<16>().0.iter().enumerate();
    quarters.fold(0, |all, (nth, quarter)| all | u64::from(places_of_16(needle, *quarter)) << (16 * nth))
}

#[inline]
fn places_of_16(needle: u8, bytes: [u8; 16]) -> u32 {
    u8x16::new(bytes).simd_eq(u8x16::splat(needle)).to_bitmask()
}

/// Where a byte first is, if it is among the first. Names and lines are short: to begin a search by `memchr` takes longer.
#[inline]
fn find(needle: u8, bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 128;
    let (near, far) = bytes.split_at(bytes.len().min(NEAR));
    let (chunks, rest) = near.as_chunks::<16>();
    for (nth, chunk) in chunks.iter().enumerate() {
        let found = places_of_16(needle, *chunk);
        if found != 0 {
            return Some(16 * nth + found.trailing_zeros() as usize);
        }
    }
    if let Some(place) = rest.iter().position(|&b| b == needle) {
        return Some(16 * chunks.len() + place);
    }
    memchr(needle, far).map(|place| near.len() + place)
}

/// Where a word first is in a short text: for one of many such searches `memmem` takes longer to make ready than to search.
#[must_use]
pub fn find_word(text: &[u8], word: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    memchr::memchr_iter(first, text).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(word)))
}

/// Where a line's name ends; `rest` is the line with all that follows.
#[inline]
fn colon_of(line: &[u8], rest: &[u8]) -> Option<usize> {
    // nearly all names are shorter than sixteen bytes, and a line that is may be looked at with what follows
    let near = rest.first_chunk::<16>().map_or(0, |first| places_of_16(b':', *first));
    if near == 0 { find(b':', line) } else { Some(near.trailing_zeros() as usize).filter(|at| *at < line.len()) }
}

/// The lines of a text, each without its line end; what follows the last line end is none.
#[derive(Debug, Clone, Copy)]
struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the next line begins.
    at: usize,
    /// Line ends not used yet in the block that begins here.
    ends: u64,
    block: usize,
    /// Some line ends with more than one CR.
    crs: bool,
}

impl<'a> Lines<'a> {
    const NONE: Lines<'static> = Lines { bytes: &[], at: 0, ends: 0, block: 0, crs: false };

    #[inline]
    fn new(bytes: &'a [u8]) -> Self {
        Lines { bytes, at: 0, ends: places(b'\n', bytes), block: 0, crs: false }
    }

    /// What was not read yet.
    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        while self.ends == 0 {
            let block = self.block + BLOCK;
            self.ends = places(b'\n', self.bytes.get(block..).filter(|b| !b.is_empty())?);
            self.block = block;
        }
        let end = self.block + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        let line = self.bytes.get(self.at..end)?;
        self.at = end + 1;
        self.crs |= matches!(line, [.., b'\r', b'\r']);
        Some(without_cr(line))
    }
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
    let is_blank = |b: u8| b <= b' ' && matches!(b, b' ' | b'\t' | b'\r'); // one comparison for nearly all
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
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

#[inline]
fn without_cr(line: &[u8]) -> &[u8] {
    match line {
        [rest @ .., b'\r'] if rest.last() != Some(&b'\r') => rest,
        [.., b'\r'] => without_crs(line),
        _ => line,
    }
}

#[cold]
fn without_crs(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// The field lines of a head after its first line: name as sent, value trimmed.
#[derive(Debug)]
pub struct FieldLines<'a> {
    lines: Lines<'a>,
    end: Option<usize>,
    /// Some line is no field, or goes on in the next.
    untidy: bool,
    /// A tab stands around a value.
    tabs: bool,
    /// A line ends with more than one CR.
    crs: bool,
}

/// A field line.
#[derive(Debug, Clone, Copy)]
pub struct FieldLine<'a> {
    /// Its name as sent.
    pub name: &'a [u8],
    /// Its value, as far as it is in this line.
    pub value: &'a [u8],
    /// What the next line begins with; after a blank the value goes on there: see [`FieldLines::unfold`].
    pub next: u8,
    /// The name is the expected one.
    pub as_expected: bool,
}

impl<'a> FieldLines<'a> {
    /// Reads `head` after its first line, as far as its lines are complete.
    #[must_use]
    #[inline]
    pub fn new(rest: &'a [u8]) -> Self {
        FieldLines { lines: Lines::new(rest), end: None, untidy: false, tabs: false, crs: false }
    }

    /// Where the head ends, behind its blank line; known once there is no further field.
    #[must_use]
    pub fn end(&self) -> Option<usize> {
        self.end
    }

    /// Whether some line read until now is no field, or goes on in the next; whether a tab stands around a value; and whether a line ends
    /// with more than one CR.
    #[must_use]
    pub fn oddities(&self) -> (bool, bool, bool) {
        (self.untidy, self.tabs, self.crs | self.lines.crs)
    }

    /// Takes the next lines too, as far as the value goes on in them, and puts it together.
    #[inline]
    pub fn unfold(&mut self, value: &[u8], joined: &mut Vec<u8>) {
        self.untidy = true;
        self.lines = unfolded(self.lines, value, joined);
    }

    /// The byte that the next line begins with, if there is one.
    #[inline]
    pub fn first_byte(&self) -> u8 {
        self.lines.rest().first().copied().unwrap_or_default()
    }
}

impl<'a> FieldLines<'a> {
    /// The next field, and whether its name is the expected one to the byte: most heads hold what the one before held, in its order.
    #[inline(always)]
    #[allow(clippy::inline_always)] // a call for each field costs a tenth of reading it
    pub fn next_expecting(&mut self, expected: &Expected) -> Option<FieldLine<'a>> {
        loop {
            let from = self.lines.at;
            let line = self.lines.next()?;
            let rest = self.lines.bytes.get(from..)?;
            let (name, after, as_expected) = match line.split_at_checked(usize::from(expected.len)) {
                Some((name, after @ [b':', ..])) if expected.begins(rest) => (name, after, true),
                _ if line.is_empty() => {
                    self.end = end_of(self.lines.bytes, from, self.lines.at);
                    self.crs |= self.lines.crs;
                    self.lines = Lines::NONE;
                    return None;
                }
                _ => {
                    let (name, after) = at_colon(line, rest);
                    (name, after, false)
                }
            };
            let value = match after {
                // nearly all are written like this
                [b':', b' ', value @ ..] if is_bare(value) => value,
                _ => {
                    let (value, tabs) = trimmed(after);
                    self.tabs |= tabs;
                    value
                }
            };
            let next = self.first_byte();
            if as_expected || !name.is_empty() {
                return Some(FieldLine { name, value, next, as_expected });
            }
            self.untidy = true;
            if goes_on(next) {
                self.unfold(value, &mut Vec::new()); // it is none, with all its lines
            }
        }
    }
}

/// Whether a line that begins so goes on with the value before.
#[inline]
pub fn goes_on(first_byte: u8) -> bool {
    matches!(first_byte, b' ' | b'\t')
}

/// A line's name, and what follows it; nothing where there is no name.
#[inline(never)]
fn at_colon<'a>(line: &'a [u8], rest: &[u8]) -> (&'a [u8], &'a [u8]) {
    let (name, after) = colon_of(line, rest).and_then(|at| line.split_at_checked(at)).unwrap_or_default();
    if is_bare(name) || !trim_blanks(name).is_empty() { (name, after) } else { Default::default() }
}

/// What follows a colon, without blanks around it, and whether there was a tab among these.
#[inline(never)]
fn trimmed(after: &[u8]) -> (&[u8], bool) {
    let around = after.get(1..).unwrap_or_default();
    let value = trim_blanks(around);
    let is_blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let mut blanks = around.iter().take_while(is_blank).chain(around.iter().rev().take_while(is_blank));
    (value, blanks.any(|b| *b == b'\t'))
}

// What a reader of fields does seldom gets what it needs and gives back what changes: a reader whose address is handed on is kept in
// memory all the time.

/// The lines behind a value that goes on in some, which are put together.
#[cold]
fn unfolded<'a>(mut lines: Lines<'a>, value: &[u8], joined: &mut Vec<u8>) -> Lines<'a> {
    joined.clear();
    joined.extend_from_slice(value);
    while let [b' ' | b'\t', ..] = lines.rest() {
        let mut after = lines;
        let Some(folded) = after.next().map(trim_blanks) else { break };
        if folded.is_empty() && after.rest().is_empty() {
            break;
        }
        lines = after;
        if !joined.is_empty() && !folded.is_empty() {
            joined.push(b' ');
        }
        joined.extend_from_slice(folded);
    }
    lines
}

/// Where a head ends whose last line without text is this one.
fn end_of(bytes: &[u8], from: usize, at: usize) -> Option<usize> {
    // of several CR it is none that is blank, but nobody reads on behind it
    let is_blank = at - from <= 2;
    let behind = if is_blank { Some(0) } else { head_end(bytes.get(at..)?) };
    Some(at + behind?)
}

/// Where a head ends, behind its blank line; `rest` follows a line end.
#[must_use]
pub fn head_end(rest: &[u8]) -> Option<usize> {
    // line ends one and two bytes before this block
    let (mut one_before, mut two_before) = (1, 0);
    let mut block = 0;
    while let Some(bytes) = rest.get(block..).filter(|bytes| !bytes.is_empty()) {
        let ends = places(b'\n', bytes);
        let at_once = ends << 1 | one_before;
        let after_one = ends << 2 | one_before << 1 | two_before;
        let mut short = ends & (at_once | after_one);
        while short != 0 {
            let place = short.trailing_zeros();
            let end = block + place as usize;
            let is_empty = at_once >> place & 1 != 0;
            if is_empty || end.checked_sub(1).and_then(|before| rest.get(before)) == Some(&b'\r') {
                return Some(end + 1);
            }
            short &= short - 1;
        }
        (one_before, two_before) = (ends >> (BLOCK - 1), ends >> (BLOCK - 2) & 1);
        block += BLOCK;
    }
    None
}

/// A field's name as it was written, that is expected to come again.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    text: [u8; Expected::BYTES_MAX],
    /// 0: nothing is expected.
    len: u8,
}

impl Expected {
    /// Longer ones are not expected.
    const BYTES_MAX: usize = 40;
    /// Any name.
    pub const NOTHING: Expected = Expected { text: [0; Expected::BYTES_MAX], len: 0 };

    /// That name, if it is not too long.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let mut expected = Self::NOTHING;
        if let Some(text) = expected.text.get_mut(..name.len()) {
            text.copy_from_slice(name);
            expected.len = u8::try_from(name.len()).unwrap_or_default();
        }
        expected
    }

    /// Whether a text begins with it. Nearly all names are shorter than sixteen bytes, and those are compared at once.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        let len = usize::from(self.len);
        let same = match (rest.first_chunk::<16>(), self.text.first_chunk::<16>()) {
            (Some(first), Some(text)) if len <= 16 => {
                let same = u8x16::new(*first).simd_eq(u8x16::new(*text)).to_bitmask();
                same.trailing_ones() >= u32::from(self.len)
            }
            _ => self.text.get(..len).is_some_and(|text| rest.starts_with(text)),
        };
        same && len > 0
    }
}

/// There is something, without blanks around it.
#[inline]
pub fn is_bare(text: &[u8]) -> bool {
    text.first().is_some_and(|b| *b > b' ') && text.last().is_some_and(|b| *b > b' ')
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
        let mut lines = Lines::new(piece);
        let mut from = 0;
        while lines.next().is_some() {
            // a line of several CR is none that is blank
            let is_blank = !self.in_line && lines.at - from <= 2 && matches!(piece.get(from), Some(b'\n' | b'\r'));
            if is_blank && self.begun {
                return Some(lines.at);
            }
            self.begun |= !is_blank;
            self.in_line = false;
            from = lines.at;
        }
        if !matches!(lines.rest(), [] | [b'\r']) {
            self.in_line = true;
            self.begun = true;
        }
        None
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
        assert_eq!(
            start_line(b"HTTP/1.1 200 OK"),
            Some(StartLine::Response { status: 200, reason: b"OK", minor: 1, is_plain: true })
        );
        assert_eq!(
            start_line(b"HTTP/1.0  404"),
            Some(StartLine::Response { status: 404, reason: b"", minor: 0, is_plain: true })
        );
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
    fn lines_are_those_between_line_ends_whatever_their_lengths() {
        for lengths in [&[0][..], &[63], &[64], &[65, 0, 1], &[62, 1, 127, 128, 3, 190], &[300; 5], &[]] {
            let lines: Vec<String> = lengths.iter().map(|n| "x".repeat(*n)).collect();
            for end in ["\n", "\r\n"] {
                let text = [lines.join(end).as_str(), if lines.is_empty() { "" } else { end }, "rest"].concat();
                let mut all = Lines::new(text.as_bytes());
                let read: Vec<&[u8]> = std::iter::from_fn(|| all.next()).collect();
                assert_eq!(read, lines.iter().map(String::as_bytes).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn fields_fold_trim_and_skip_what_is_none() {
        let all = |text: &[u8]| {
            let (mut lines, mut joined) = (FieldLines::new(text), Vec::new());
            let mut read = Vec::new();
            while let Some(field) = lines.next_expecting(&Expected::of(b"B ")) {
                joined.clear();
                joined.extend_from_slice(field.value);
                if goes_on(field.next) {
                    lines.unfold(field.value, &mut joined);
                }
                read.push((String::from_utf8_lossy(field.name).into_owned(), joined.clone()));
            }
            read
        };
        let read: Vec<(String, String)> = all(b"A:1\r\nB : \t2 \n\r\r\n")
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect();
        assert_eq!(read, [("A".into(), "1".into()), ("B ".into(), "2".into())]);
        let read: Vec<Vec<u8>> = all(b"X: a,\r\n b,\r\n\tc\r\nno colon\r\n: no name\r\nY:\r\n z\r\nunfinished: lin")
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        assert_eq!(read, [b"a, b, c".to_vec(), b"z".to_vec()]);
    }

    #[test]
    fn what_is_expected_is_compared_to_the_byte_wherever_the_text_ends() {
        let name = b"Access-Control-Allow-Credentials-And";
        for len in 0..=name.len() {
            let expected = Expected::of(&name[..len]);
            for cut in 0..=name.len() {
                assert_eq!(expected.begins(&name[..cut]), cut >= len && len > 0, "{len} {cut}");
            }
            for at in 0..len {
                let mut other = *name;
                other[at] ^= 0x20;
                assert!(!expected.begins(&other), "{len} {at}");
            }
        }
        assert!(!Expected::of(&[b'a'; Expected::BYTES_MAX + 1]).begins(&[b'a'; 80]));
    }

    #[test]
    fn fields_end_where_the_blank_line_does() {
        for (text, fields) in [
            (&b"A: b\r\nC: d\r\n\r\n"[..], 2),
            (b"\r\n", 0),
            (b"\n", 0),
            (b"A: b\n\n", 1),
            (b"A: b\r\n c\r\n \r\n\r\n", 1),
            (b"A: b\r\n\r\r\nC: d\r\n\r\n", 1),
            (b"no colon\r\n: none\r\n\r\n", 0),
        ] {
            let body = [text, b" body\r\n\r\n"].concat();
            for cut in 0..body.len() {
                let mut lines = FieldLines::new(&body[..cut]);
                let read = std::iter::from_fn(|| lines.next_expecting(&Expected::of(b"A"))).count();
                assert_eq!(lines.end(), (cut >= text.len()).then_some(text.len()), "{}", text.escape_ascii());
                assert!(cut < text.len() || read == fields);
                assert!(lines.next_expecting(&Expected::of(b"A")).is_none());
            }
        }
    }

    #[test]
    fn the_end_of_a_head_is_where_its_blank_line_is_found() {
        let pieces = [&b"\r\n"[..], b"\n", b"\r", b"A", b" ", b"B: c\r\n", b"D: e\n"];
        for fill in [0, 58, 59, 60, 61, 62, 63, 64, 65, 126, 127, 128] {
            for nth in 0..pieces.len().pow(4) {
                let chosen = [0, 1, 2, 3].map(|place| pieces[nth / pieces.len().pow(place) % pieces.len()]);
                let text = [&vec![b'x'; fill][..], &chosen.concat()].concat();
                let mut search = BlankLine::default();
                assert_eq!(search.find(b"GET / HTTP/1.1\r\n"), None);
                assert_eq!(head_end(&text), search.find(&text), "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn blank_line_is_found_whole_and_byte_by_byte() {
        for head in
            [&b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..], b"GET / HTTP/1.1\nA: b\n\n", b"\r\n\nX\r\n\r\n", b"X\n\r\n"]
        {
            let mut bytes = head.to_vec();
            bytes.extend_from_slice(b"body\r\n\r\n");
            assert_eq!(BlankLine::default().find(&bytes), Some(head.len()));
            for cut in 0..head.len() {
                assert_eq!(BlankLine::default().find(&head[..cut]), None);
            }
        }
    }
}
