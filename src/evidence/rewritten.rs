//! Messages whose bytes cannot be read where they lie (HTTP/2, TLS): their heads as HTTP/1.1 says them, in packets of their own.
//!
//! A header block refers to what came before on its connection, and a key log is nothing to hand on.

use std::net::{IpAddr, SocketAddr};

use super::mask;
use crate::http::head::{Head, Name};
use crate::http::{Request, Response, Version};
use crate::options::Scheme;
use crate::packet::Time;

/// Raw IP (LINKTYPE_RAW).
pub const LINK: u16 = 101;
const TCP: u8 = 6;
const PUSH_ACK: u8 = 0x18;
/// Bytes of a head; what is longer would not fit into a packet.
const HEAD_BYTES_MAX: usize = 60_000;

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// When the request began, and its head.
    pub request: (Time, Vec<u8>),
    /// The same of the answer.
    pub answer: Option<(Time, Vec<u8>)>,
    /// What they were: `HTTP/2 in TLS`.
    pub was: String,
}

impl Rewritten {
    /// None: their bytes can be read where they lie.
    #[must_use]
    pub fn of(request: &Request, answer: Option<&Response>) -> Option<Self> {
        let (is_framed, is_sealed) = (request.version == Version::Http2, request.scheme == Some(Scheme::Https));
        if !is_framed && !is_sealed {
            return None;
        }
        let mut line = request.head.method().to_vec();
        line.push(b' ');
        if is_sealed && request.head.target().starts_with(b"/") {
            line.extend_from_slice(b"https://");
            line.extend_from_slice(request.head.first(Name::Host).unwrap_or_default());
        }
        line.extend_from_slice(request.head.target());
        line.extend_from_slice(b" HTTP/1.1\r\n");
        let answer = answer.map(|answer| {
            let line = format!("HTTP/1.1 {} \r\n", answer.status).into_bytes();
            let has_length = !matches!(answer.status, 100..200 | 204 | 304);
            (answer.first.time, head(line, &answer.head, has_length))
        });
        let was = format!("HTTP/{}{}", request.version.id(), if is_sealed { " in TLS" } else { "" });
        Some(Rewritten { request: (request.first.time, head(line, &request.head, false)), answer, was })
    }
}

/// The first line, then the fields that may be shown. Of bodies there is nothing, so that no field may promise one.
fn head(line: Vec<u8>, head: &Head, has_length: bool) -> Vec<u8> {
    let mut text = line;
    for field in head.fields() {
        if matches!(field.name, Name::ContentLength | Name::TransferEncoding | Name::Trailer | Name::Expect) {
            continue;
        }
        for part in [head.name_of(field), b": ", head.value_of(field), b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    if has_length {
        text.extend_from_slice(b"Content-Length: 0\r\n");
    }
    text.truncate(HEAD_BYTES_MAX);
    text.extend_from_slice(b"\r\n");
    mask::message(&mut text);
    text
}

/// An IP packet with a segment. Its TCP checksum is not given, as where a network card adds it.
#[must_use]
pub fn packet(from: SocketAddr, to: SocketAddr, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let segment_bytes = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend((20 + segment_bytes).to_be_bytes());
            header.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let mut sum: u32 = header.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
            while sum > 0xffff {
                sum = (sum & 0xffff) + (sum >> 16);
            }
            let [high, low] = (!u16::try_from(sum).unwrap_or(0)).to_be_bytes();
            header.splice(10..12, [high, low]);
            header
        }
        (from, to) => {
            let wide = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(segment_bytes.to_be_bytes());
            header.extend([TCP, 64]);
            header.extend(wide(from).octets());
            header.extend(wide(to).octets());
            header
        }
    };
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, PUSH_ACK, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend_from_slice(payload);
    bytes
}
