//! Writes pcapng (draft-ietf-opsawg-pcapng): one section, an interface block for each interface used, enhanced packets with comments.

use crate::packet::{LinkType, Time};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
/// Bytes of one comment: an option's length is 16 bits; a person reads less.
const COMMENT_BYTES_MAX: usize = 4096;

/// A file as it grows.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    interfaces: u32,
}

impl Writer {
    /// A file with its section header.
    #[must_use]
    pub fn new(comment: &str) -> Self {
        let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec(); // byte-order magic
        body.extend_from_slice(&[1, 0, 0, 0]); // version 1.0
        body.extend_from_slice(&u64::MAX.to_le_bytes()); // section length not given
        option(&mut body, SHB_USERAPPL, concat!("corstap ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut body, OPT_COMMENT, cut(comment));
        option(&mut body, OPT_END, b"");
        let mut writer = Writer { bytes: Vec::new(), interfaces: 0 };
        writer.block(SECTION_HEADER, &body);
        writer
    }

    /// An interface; gives its number.
    pub fn interface(&mut self, link: LinkType, name: Option<&str>) -> u32 {
        let mut body = link.0.to_le_bytes().to_vec();
        body.extend_from_slice(&[0; 6]); // reserved, and no limit to what is captured
        if let Some(name) = name {
            option(&mut body, IF_NAME, cut(name));
        }
        option(&mut body, IF_TSRESOL, &[9]); // nanoseconds
        option(&mut body, OPT_END, b"");
        self.block(INTERFACE_DESCRIPTION, &body);
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// A packet with its comments.
    pub fn packet(&mut self, interface: u32, time: Time, bytes: &[u8], wire_bytes: u32, comments: &[&str]) {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        // Before 1970 there is no such time.
        let ns = u64::try_from(time.0).unwrap_or(0);
        let mut body = interface.to_le_bytes().to_vec();
        body.extend_from_slice(&u32::try_from(ns >> 32).unwrap_or(0).to_le_bytes());
        body.extend_from_slice(&u32::try_from(ns & 0xffff_ffff).unwrap_or(0).to_le_bytes());
        body.extend_from_slice(&length(bytes.len()));
        body.extend_from_slice(&wire_bytes.to_le_bytes());
        body.extend_from_slice(bytes);
        pad(&mut body);
        for comment in comments {
            option(&mut body, OPT_COMMENT, cut(comment));
        }
        if !comments.is_empty() {
            option(&mut body, OPT_END, b"");
        }
        self.block(ENHANCED_PACKET, &body);
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let total = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes.extend_from_slice(&kind.to_le_bytes());
        self.bytes.extend_from_slice(&total);
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(&total);
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

/// Blocks are padded to 32 bits.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// At most [`COMMENT_BYTES_MAX`], whole characters.
fn cut(text: &str) -> &[u8] {
    let mut end = text.len().min(COMMENT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.as_bytes().get(..end).unwrap_or_default()
}
