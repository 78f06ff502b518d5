//! Chunked framing (RFC 9112 § 7.1): counts data, passes over extensions and trailers, and keeps none of it.

use memchr::memchr;

/// Where in the framing a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunked {
    /// In the digits of a size.
    Size {
        /// Their value so far.
        value: u64,
        /// How many there were.
        digits: u8,
    },
    /// Behind them, in an extension.
    Extension {
        /// The chunk's size.
        value: u64,
    },
    /// In the data.
    Data {
        /// Bytes of it left.
        left: u64,
    },
    /// Behind the data: its line end.
    DataEnd,
    /// In the lines behind the last chunk.
    Trailer {
        /// The line holds something other than CR.
        in_line: bool,
    },
}

/// What some bytes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of them belong to the body, which goes on.
    More,
    /// The body ended behind so many of them.
    Done(usize),
    /// Not chunked framing, from this byte on.
    Broken(usize),
}

/// Hexadecimal digits of a size: more could not be a `u64`, and a peer could send them forever.
const DIGITS_MAX: u8 = 16;

impl Chunked {
    /// Before the first size.
    pub const START: Chunked = Chunked::Size { value: 0, digits: 0 };

    /// Reads on; adds the data bytes to `data_bytes`.
    pub fn read(&mut self, bytes: &[u8], data_bytes: &mut u64) -> Progress {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match *self {
                Chunked::Data { left } => {
                    let here = (bytes.len() - at) as u64;
                    if here < left {
                        *data_bytes += here;
                        *self = Chunked::Data { left: left - here };
                        return Progress::More;
                    }
                    *data_bytes += left;
                    at += usize::try_from(left).unwrap_or(bytes.len());
                    *self = Chunked::DataEnd;
                }
                Chunked::Size { value, digits } => {
                    let digit = match byte {
                        b'0'..=b'9' => byte - b'0',
                        b'a'..=b'f' => byte - b'a' + 10,
                        b'A'..=b'F' => byte - b'A' + 10,
                        b'\n' if digits > 0 => {
                            *self = Self::sized(value);
                            at += 1;
                            continue;
                        }
                        b' ' | b'\t' | b'\r' | b';' if digits > 0 => {
                            *self = Chunked::Extension { value };
                            continue;
                        }
                        _ => return Progress::Broken(at),
                    };
                    if digits == DIGITS_MAX {
                        return Progress::Broken(at);
                    }
                    *self = Chunked::Size { value: value << 4 | u64::from(digit), digits: digits + 1 };
                    at += 1;
                }
                Chunked::Extension { value } => match memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
                    Some(end) => {
                        at += end + 1;
                        *self = Self::sized(value);
                    }
                    None => return Progress::More,
                },
                Chunked::DataEnd => {
                    match byte {
                        b'\r' => {}
                        b'\n' => *self = Chunked::START,
                        _ => return Progress::Broken(at),
                    }
                    at += 1;
                }
                Chunked::Trailer { in_line: false } => {
                    at += 1;
                    match byte {
                        b'\n' => return Progress::Done(at),
                        b'\r' => {}
                        _ => *self = Chunked::Trailer { in_line: true },
                    }
                }
                Chunked::Trailer { in_line: true } => match memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
                    Some(end) => {
                        at += end + 1;
                        *self = Chunked::Trailer { in_line: false };
                    }
                    None => return Progress::More,
                },
            }
        }
        Progress::More
    }

    fn sized(value: u64) -> Self {
        if value == 0 { Chunked::Trailer { in_line: false } } else { Chunked::Data { left: value } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads in one piece and byte by byte: both must agree.
    fn read(bytes: &[u8]) -> (Progress, u64) {
        let (mut whole, mut data) = (Chunked::START, 0);
        let progress = whole.read(bytes, &mut data);
        let (mut single, mut single_data) = (Chunked::START, 0);
        let mut single_progress = Progress::More;
        for (i, b) in bytes.iter().enumerate() {
            match single.read(&[*b], &mut single_data) {
                Progress::More => continue,
                Progress::Done(n) => single_progress = Progress::Done(i + n),
                Progress::Broken(n) => single_progress = Progress::Broken(i + n),
            }
            break;
        }
        assert_eq!((progress, data), (single_progress, single_data));
        (progress, data)
    }

    #[test]
    fn rfc9112_7_1_chunks_extensions_and_trailers() {
        assert_eq!(read(b"5\r\nabcde\r\n0\r\n\r\nHTTP"), (Progress::Done(15), 5));
        assert_eq!(read(b"5\nabcde\n0\n\n"), (Progress::Done(11), 5));
        assert_eq!(read(b"A;x=\"y\"\r\n0123456789\r\n0 ;z\r\nT: 1\r\nU: 2\r\n\r\n"), (Progress::Done(41), 10));
        assert_eq!(read(b"5\r\nabc"), (Progress::More, 3));
        let mut long = b"1;".to_vec();
        long.extend(vec![b'x'; 65536]);
        long.extend_from_slice(b"\r\na\r\n0\r\n\r\n");
        assert_eq!(read(&long), (Progress::Done(long.len()), 1));
    }

    #[test]
    fn sizes_that_are_none_break_it() {
        for bytes in [&b"\r\nabc"[..], b"-1\r\n", b"0x5\r\n", b";x\r\n", b"g\r\n"] {
            assert!(matches!(read(bytes), (Progress::Broken(_), 0)), "{bytes:?}");
        }
        assert_eq!(read(b"10000000000000000\r\n").0, Progress::Broken(16));
        assert_eq!(read(b"ffffffffffffffff\r\nabc"), (Progress::More, 3));
        assert_eq!(read(b"2\r\nabc").0, Progress::Broken(5));
    }
}
