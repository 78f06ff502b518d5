//! How long a message's body is (RFC 9112 § 6.3).

use super::grammar::trim_blanks;
use super::head::{Head, Name};
use crate::counters::HttpErrors;

/// What ends a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Counted(u64),
    /// The last chunk.
    Chunked,
    /// The end of the connection.
    UntilClose,
}

/// A body's framing, and whether two readers could differ about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed {
    /// As the fields say.
    pub framing: Framing,
    /// They contradict each other, or are not what they should be.
    pub doubtful: bool,
}

/// What the fields say of the body of a message that may have one.
pub fn framing_of(head: &Head, is_response: bool, errors: &mut HttpErrors) -> Framed {
    let without = if is_response { Framing::UntilClose } else { Framing::None };
    let (chunked, odd) = transfer_encoding(head);
    let length = content_length(head);
    if chunked {
        errors.length_and_chunked += u64::from(length.is_some());
        return Framed { framing: Framing::Chunked, doubtful: odd || length.is_some() };
    }
    match length {
        None => Framed { framing: without, doubtful: odd },
        Some(Length::One(n)) => Framed { framing: Framing::Counted(n), doubtful: odd },
        Some(Length::Several(n)) => {
            errors.length_malformed += 1;
            Framed { framing: Framing::Counted(n), doubtful: true }
        }
        Some(Length::Malformed) => {
            errors.length_malformed += 1;
            Framed { framing: without, doubtful: true }
        }
    }
}

/// Whether `chunked` is among the codings: what chunks there are shall be read as such, though it should be the last (RFC 9112 § 6.1).
/// And whether there is anything that is not foreseen there.
fn transfer_encoding(head: &Head) -> (bool, bool) {
    let (mut chunked, mut odd) = (false, false);
    for value in head.all(Name::TransferEncoding) {
        if value == b"chunked" {
            odd |= chunked;
            chunked = true;
            continue;
        }
        for coding in value.split(|&b| b == b',') {
            let name = trim_blanks(coding.split(|&b| b == b';').next().unwrap_or_default());
            odd |= chunked || coding.contains(&b';');
            let is_chunked = name.eq_ignore_ascii_case(b"chunked");
            chunked |= is_chunked;
            odd |= !is_chunked && ![&b"gzip"[..], b"deflate", b"compress"].iter().any(|c| name.eq_ignore_ascii_case(c));
        }
    }
    (chunked, odd)
}

/// What browsers take for a length at most: theirs are signed.
const LENGTH_MAX: u64 = i64::MAX.unsigned_abs();

enum Length {
    One(u64),
    /// Several that differ: the first.
    Several(u64),
    Malformed,
}

fn content_length(head: &Head) -> Option<Length> {
    let mut first = None;
    let mut differ = false;
    for value in head.all(Name::ContentLength) {
        if let Some(n) = digits(value) {
            differ |= *first.get_or_insert(n) != n;
            continue;
        }
        for part in value.split(|&b| b == b',') {
            let Some(n) = digits(trim_blanks(part)) else { return Some(Length::Malformed) };
            differ |= *first.get_or_insert(n) != n;
        }
    }
    let first = first?;
    Some(if differ { Length::Several(first) } else { Length::One(first) })
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit).filter(|n| *n <= LENGTH_MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;

    fn framing(fields: &[(&str, &str)]) -> (Framing, bool) {
        let mut built = HeadBuilder::response();
        for (name, value) in fields {
            built.field(name.as_bytes(), Name::of(name.as_bytes()), value.as_bytes(), false);
        }
        let framed = framing_of(&built.finish(), false, &mut HttpErrors::default());
        (framed.framing, framed.doubtful)
    }

    #[test]
    fn rfc9112_6_3_lengths() {
        assert_eq!(framing(&[]), (Framing::None, false));
        assert_eq!(framing(&[("Content-Length", "5")]), (Framing::Counted(5), false));
        assert_eq!(framing(&[("Content-Length", "5, 5")]), (Framing::Counted(5), false));
        assert_eq!(framing(&[("Content-Length", "5"), ("Content-Length", "6")]), (Framing::Counted(5), true));
        assert_eq!(framing(&[("Content-Length", "9223372036854775807")]), (Framing::Counted(LENGTH_MAX), false));
        for bad in ["+5", "-5", "9223372036854775808", "18446744073709551616", "5 6", "", "0x5"] {
            assert_eq!(framing(&[("Content-Length", bad)]), (Framing::None, true), "{bad}");
        }
    }

    #[test]
    fn rfc9112_6_1_chunked_wins_over_a_length() {
        assert_eq!(framing(&[("Transfer-Encoding", "CHUNKED")]), (Framing::Chunked, false));
        assert_eq!(framing(&[("Transfer-Encoding", "gzip, chunked")]), (Framing::Chunked, false));
        assert_eq!(framing(&[("Transfer-Encoding", "chunked"), ("Content-Length", "3")]), (Framing::Chunked, true));
        assert_eq!(framing(&[("Transfer-Encoding", "chunked, identity")]), (Framing::Chunked, true));
        assert_eq!(framing(&[("Transfer-Encoding", "xchunked"), ("Content-Length", "3")]), (Framing::Counted(3), true));
        assert_eq!(framing(&[("Transfer-Encoding", "chunked;q=1")]), (Framing::Chunked, true));
    }
}
