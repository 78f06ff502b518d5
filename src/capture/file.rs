//! Reads one capture file, packet by packet: classic pcap in all its variants here, pcapng in [`super::pcapng`].
//!
//! Promises: a record that claims an absurd length is damage, not an allocation; whatever came before damage is delivered;
//! every fault has its offset. Formats are told by their first bytes, never by the file's name.

use std::io;
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

pub use super::bytes::Packing;
use super::bytes::{Bytes, Follow};
use super::pcapng::Pcapng;
use crate::packet::{InterfaceId, LinkType, Time};

/// Captured bytes of one packet. Ethernet and loopback give at most 64 KiB with segmentation offload, BIG TCP 512 KiB.
pub const PACKET_BYTES_MAX: u32 = 1 << 20;
/// What is read at once: larger reads are not faster, smaller ones cost a system call more often.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// Why a capture gave nothing, or no more.
#[derive(Debug, Error)]
pub enum FeedError {
    /// No such file.
    #[error("no such file or directory")]
    Missing,
    /// The system refused.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// No bytes at all.
    #[error("empty: 0 bytes, not even a capture's header")]
    Empty,
    /// Another kind of file.
    #[error("not a capture (pcap or pcapng): {looks}")]
    NotACapture {
        /// What it looks like, with its first bytes.
        looks: String,
    },
    /// A directory without captures.
    #[error("no capture (pcap or pcapng) in this directory")]
    NoCaptures,
    /// It ends inside a record.
    #[error("truncated: ends at byte {end}, inside the record that begins at byte {offset}; what came before was read")]
    Truncated {
        /// Where the record begins, in unpacked bytes.
        offset: u64,
        /// Where the file ends, in unpacked bytes.
        end: u64,
    },
    /// A record that cannot be one; what follows cannot be found.
    #[error("damaged at byte {offset}: {what}; what came before was read")]
    Damaged {
        /// Where the record begins, in unpacked bytes.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Some records could not be used, the others were.
    #[error("{count} damaged records passed over, the first at byte {offset}: {what}")]
    RecordsDamaged {
        /// How many.
        count: u64,
        /// Where the first begins, in unpacked bytes.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl From<io::Error> for FeedError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { FeedError::Missing } else { FeedError::Unreadable(error) }
    }
}

/// Where packets of a file were captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where the file tells (pcapng).
    pub name: Option<String>,
    /// What its packets begin with.
    pub link: LinkType,
}

/// The interfaces of all files; the place is the [`InterfaceId`]. Equal ones are one.
#[derive(Debug, Default)]
pub struct Interfaces(Vec<Interface>);

impl Interfaces {
    /// The interface's id; the last one for all above 65,535.
    pub(super) fn id(&mut self, interface: Interface) -> InterfaceId {
        let at = self.0.iter().position(|i| *i == interface).unwrap_or_else(|| {
            if self.0.len() < usize::from(u16::MAX) {
                self.0.push(interface);
            }
            self.0.len() - 1
        });
        InterfaceId(u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Interface] {
        &self.0
    }
}

/// A packet's place in the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub time: Time,
    pub interface: InterfaceId,
    pub link: LinkType,
    pub place: usize,
    pub length: usize,
    pub wire_bytes: u32,
}

impl Record {
    /// A snap length took its end off.
    pub fn is_cut(&self) -> bool {
        self.length < self.wire_bytes as usize
    }
}

/// A capture format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Classic pcap, times in microseconds.
    PcapMicroseconds,
    /// Classic pcap, times in nanoseconds.
    PcapNanoseconds,
    /// pcap with Kuznetzov's longer record header.
    PcapModified,
    /// pcapng.
    Pcapng,
}

impl Format {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::PcapMicroseconds => "pcap",
            Format::PcapNanoseconds => "pcap (ns)",
            Format::PcapModified => "pcap (modified)",
            Format::Pcapng => "pcapng",
        }
    }
}

/// One open capture.
pub(super) struct Reader {
    bytes: Bytes,
    kind: Kind,
}

enum Kind {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

struct Pcap {
    format: Format,
    big_endian: bool,
    /// Nanoseconds of one unit of the fraction.
    unit: i64,
    header_bytes: usize,
    /// Version 2.0 to 2.2 wrote the lengths the other way round; 2.3 did either.
    swapped: Swapped,
    link: LinkType,
    interface: InterfaceId,
}

enum Swapped {
    Never,
    WhenGreater,
    Always,
}

impl Reader {
    /// Opens a file, or standard input for `-`.
    pub fn open(
        path: &Path,
        buffer_bytes: usize,
        follow: Option<Follow>,
        interfaces: &mut Interfaces,
    ) -> Result<Self, FeedError> {
        Reader::new(Bytes::open(path, buffer_bytes, follow)?, interfaces)
    }

    /// Reads a capture from its unpacked bytes.
    pub fn new(mut bytes: Bytes, interfaces: &mut Interfaces) -> Result<Self, FeedError> {
        let whole = bytes.ensure(24);
        let head = bytes.available();
        let Some(magic) = head.first_chunk::<4>() else {
            whole?;
            return Err(if head.is_empty() { FeedError::Empty } else { not_a_capture(head) });
        };
        if *magic == [0x0a, 0x0d, 0x0d, 0x0a] {
            return Ok(Reader { bytes, kind: Kind::Pcapng(Box::default()) });
        }
        let (format, big_endian, header_bytes) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Format::PcapMicroseconds, true, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Format::PcapMicroseconds, false, 16),
            // The second: Ixia's capture cards, hardware and software, whose file header is four bytes longer.
            [0xa1, 0xb2, 0x3c, 0x4d] | [0x1c, 0x00, 0x01, 0xac | 0xab] => (Format::PcapNanoseconds, true, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] | [0xac | 0xab, 0x01, 0x00, 0x1c] => (Format::PcapNanoseconds, false, 16),
            [0xa1, 0xb2, 0xcd, 0x34] => (Format::PcapModified, true, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => (Format::PcapModified, false, 24),
            _ => {
                whole?;
                return Err(not_a_capture(bytes.available()));
            }
        };
        let ixia = matches!(magic, [0x1c, ..] | [.., 0x1c]);
        let file_header_bytes = if ixia { 28 } else { 24 };
        let Some(head) = (match whole {
            Ok(true) if bytes.ensure(file_header_bytes)? => bytes.available().first_chunk::<24>(),
            Ok(_) => None,
            Err(error) => return Err(error.into()),
        }) else {
            return Err(FeedError::Truncated { offset: 0, end: bytes.available().len() as u64 });
        };
        let [_, _, _, _, j0, j1, n0, n1, .., l0, l1, l2, l3] = *head;
        let major = u16_of(big_endian, [j0, j1]);
        let minor = u16_of(big_endian, [n0, n1]);
        let swapped = match (major, minor) {
            (2, 0..=2) => Swapped::Always,
            (2, 3) => Swapped::WhenGreater,
            _ => Swapped::Never,
        };
        // The upper six bits tell the length of the frame check sequence, which the IP length trims anyway.
        let link = u32_of(big_endian, [l0, l1, l2, l3]) & 0x03ff_ffff;
        let link = LinkType(u16::try_from(link).unwrap_or(u16::MAX));
        let interface = interfaces.id(Interface { name: None, link });
        bytes.pass(file_header_bytes);
        let unit = if format == Format::PcapNanoseconds { 1 } else { 1000 };
        Ok(Reader {
            bytes,
            kind: Kind::Pcap(Pcap { format, big_endian, unit, header_bytes, swapped, link, interface }),
        })
    }

    /// The next packet; `None` where the file ends as it should.
    #[inline]
    pub fn next_record(&mut self, interfaces: &mut Interfaces) -> Result<Option<Record>, FeedError> {
        match &mut self.kind {
            Kind::Pcap(pcap) => pcap.next_record(&mut self.bytes),
            Kind::Pcapng(pcapng) => pcapng.next_record(&mut self.bytes, interfaces),
        }
    }

    /// A record's bytes, until the next record is asked for.
    #[inline]
    pub fn bytes_of(&self, record: &Record) -> &[u8] {
        self.bytes.at(record.place, record.length)
    }

    /// Lines of TLS key logs in the file, as far as it was read, that were not taken yet.
    #[inline]
    pub fn take_secrets(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        match &mut self.kind {
            Kind::Pcapng(pcapng) if pcapng.has_secrets() => Some(pcapng.take_secrets()),
            Kind::Pcap(_) | Kind::Pcapng(_) => None,
        }
    }

    /// The capture's format.
    pub fn format(&self) -> Format {
        match &self.kind {
            Kind::Pcap(pcap) => pcap.format,
            Kind::Pcapng(_) => Format::Pcapng,
        }
    }

    /// How the file is packed.
    pub fn packing(&self) -> Packing {
        self.bytes.packing
    }

    /// Unpacked bytes read until now.
    pub fn offset(&self) -> u64 {
        self.bytes.offset()
    }

    /// Packets that the capturing side lost, as far as the file says.
    pub fn packets_lost(&self) -> u64 {
        match &self.kind {
            Kind::Pcap(_) => 0,
            Kind::Pcapng(pcapng) => pcapng.packets_lost(),
        }
    }
}

impl Pcap {
    #[inline]
    fn next_record(&mut self, bytes: &mut Bytes) -> Result<Option<Record>, FeedError> {
        let whole = bytes.ensure(self.header_bytes);
        if !matches!(whole, Ok(true)) {
            return ends(bytes, whole);
        }
        let Some(&[s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3]) =
            bytes.available().first_chunk::<16>()
        else {
            return ends(bytes, Ok(false));
        };
        let seconds = u32_of(self.big_endian, [s0, s1, s2, s3]);
        let fraction = u32_of(self.big_endian, [f0, f1, f2, f3]);
        let mut captured = u32_of(self.big_endian, [c0, c1, c2, c3]);
        let mut wire_bytes = u32_of(self.big_endian, [w0, w1, w2, w3]);
        if match self.swapped {
            Swapped::Never => false,
            Swapped::WhenGreater => captured > wire_bytes,
            Swapped::Always => true,
        } {
            std::mem::swap(&mut captured, &mut wire_bytes);
        }
        if captured > PACKET_BYTES_MAX {
            let what = format!("a record claims {captured} captured bytes");
            return Err(FeedError::Damaged { offset: bytes.offset(), what });
        }
        let length = captured as usize;
        let whole = bytes.ensure(self.header_bytes + length);
        if !matches!(whole, Ok(true)) {
            return ends(bytes, whole);
        }
        let place = bytes.place() + self.header_bytes;
        bytes.pass(self.header_bytes + length);
        Ok(Some(Record {
            time: Time::from_parts(i64::from(seconds), i64::from(fraction) * self.unit),
            interface: self.interface,
            link: self.link,
            place,
            length,
            wire_bytes: wire_bytes.max(captured),
        }))
    }
}

/// The file gave too few bytes for the next record.
#[cold]
pub(super) fn ends<T>(bytes: &Bytes, whole: io::Result<bool>) -> Result<Option<T>, FeedError> {
    let (offset, left) = (bytes.offset(), bytes.available().len() as u64);
    match whole {
        Ok(_) if left == 0 || bytes.was_stopped() => Ok(None),
        Ok(_) => Err(FeedError::Truncated { offset, end: offset + left }),
        // Packed data that ends early is a truncated file; other faults of it are damage.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(FeedError::Truncated { offset, end: offset + left })
        }
        Err(error) if bytes.packing != Packing::Plain => {
            Err(FeedError::Damaged { offset, what: format!("the packed data cannot be unpacked: {error}") })
        }
        Err(error) => Err(FeedError::Unreadable(error)),
    }
}

#[inline]
pub(super) fn u32_of(big_endian: bool, bytes: [u8; 4]) -> u32 {
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

#[inline]
pub(super) fn u16_of(big_endian: bool, bytes: [u8; 2]) -> u16 {
    if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

/// Says what a file looks like that is no capture.
pub(super) fn not_a_capture(head: &[u8]) -> FeedError {
    let looks = match head {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is xz data; unpack it first".to_owned(),
        [b'B', b'Z', b'h', ..] => "it is bzip2 data; unpack it first".to_owned(),
        [0x04, 0x22, 0x4d, 0x18, ..] => "it is lz4 data; unpack it first".to_owned(),
        [b'P', b'K', 3 | 5, ..] => "it is a zip archive; unpack it first".to_owned(),
        [b's', b'n', b'o', b'o', b'p', 0, ..] => {
            "it is a Solaris snoop capture; convert it with editcap -F pcapng".to_owned()
        }
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => "it is an SQLite database".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "it is a program".to_owned(),
        _ => {
            let head = head.get(..16).unwrap_or(head);
            let text = head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..));
            let hex: Vec<String> = head.iter().map(|b| format!("{b:02x}")).collect();
            if text && !head.is_empty() {
                format!("it begins with the text {:?}", String::from_utf8_lossy(head))
            } else {
                format!("it begins with the bytes {}", hex.join(" "))
            }
        }
    };
    FeedError::NotACapture { looks }
}
