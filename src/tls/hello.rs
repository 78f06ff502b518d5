//! Handshake messages: their framing across records, and what of the hellos is needed to open records.

use smallvec::SmallVec;

/// Bytes of one message that are kept; of a ServerHello with a post-quantum key share there are 1,200.
const KEPT_BYTES_MAX: usize = 4096;

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const END_OF_EARLY_DATA: u8 = 5;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// RFC 8446 § 4.1.3: the random by which a ServerHello asks for another ClientHello.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

const EXTENSION_EARLY_DATA: u16 = 42;
const EXTENSION_SUPPORTED_VERSIONS: u16 = 43;

/// The messages of one direction, out of its handshake records.
#[derive(Debug, Default)]
pub(super) struct Messages {
    header: SmallVec<[u8; 4]>,
    body: Vec<u8>,
    /// Bytes of the body that are yet to come.
    left: usize,
    /// Bytes were lost: nobody knows where the next one begins.
    lost: bool,
}

impl Messages {
    /// Bytes of it were lost.
    pub fn lose(&mut self) {
        *self = Messages { lost: true, ..Messages::default() };
    }

    /// Bytes of memory that they take.
    pub fn held_bytes(&self) -> usize {
        self.body.capacity()
    }

    /// The next message that `bytes` complete: its type, and its beginning.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<(u8, &[u8])> {
        if self.lost {
            return None;
        }
        if self.header.len() == 4 && self.left == 0 {
            self.header.clear();
            self.body = Vec::new();
        }
        while self.header.len() < 4 {
            let (first, rest) = bytes.split_first()?;
            self.header.push(*first);
            *bytes = rest;
            if let [_, high, middle, low] = *self.header.as_slice() {
                self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
            }
        }
        let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
        *bytes = rest;
        self.left -= part.len();
        let kind = *self.header.first()?;
        if matches!(kind, CLIENT_HELLO | SERVER_HELLO | ENCRYPTED_EXTENSIONS) {
            let room = KEPT_BYTES_MAX - self.body.len();
            self.body.extend_from_slice(part.get(..room).unwrap_or(part));
        }
        (self.left == 0).then_some((kind, &*self.body))
    }
}

/// The random of a ClientHello.
pub(super) fn client_random(body: &[u8]) -> Option<[u8; 32]> {
    body.get(2..34)?.try_into().ok()
}

/// Whether a ClientHello says that early data follows it.
pub(super) fn offers_early_data(body: &[u8]) -> bool {
    let extensions = || {
        let (session, rest) = body.get(34..)?.split_first()?;
        let (suites, rest) = two(rest.get(usize::from(*session)..)?)?;
        let (compressions, rest) = rest.get(usize::from(suites)..)?.split_first()?;
        Some(two(rest.get(usize::from(*compressions)..)?)?.1)
    };
    extensions().is_some_and(|extensions| Extensions(extensions).any(|(kind, _)| kind == EXTENSION_EARLY_DATA))
}

/// What a server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub random: [u8; 32],
    pub version: u16,
    pub suite: u16,
    pub is_compressed: bool,
}

impl ServerHello {
    /// It asks for another ClientHello, and chose nothing for good.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY_RANDOM
    }

    pub fn read(body: &[u8]) -> Option<Self> {
        let (version, rest) = two(body)?;
        let (random, rest) = rest.split_first_chunk::<32>()?;
        let (session, rest) = rest.split_first()?;
        let (suite, rest) = two(rest.get(usize::from(*session)..)?)?;
        let (compression, rest) = rest.split_first()?;
        let mut chosen = version;
        if let Some((_, extensions)) = two(rest) {
            for (kind, value) in Extensions(extensions) {
                if kind == EXTENSION_SUPPORTED_VERSIONS {
                    chosen = two(value)?.0;
                }
            }
        }
        Some(ServerHello { random: *random, version: chosen, suite, is_compressed: *compression != 0 })
    }
}

/// Whether EncryptedExtensions say that the server takes early data.
pub(super) fn takes_early_data(body: &[u8]) -> bool {
    two(body).is_some_and(|(_, extensions)| Extensions(extensions).any(|(kind, _)| kind == EXTENSION_EARLY_DATA))
}

fn two(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (value, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*value), rest))
}

/// Extensions until the end, or until one is longer than what is left.
struct Extensions<'a>(&'a [u8]);

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = two(self.0)?;
        let (bytes, rest) = two(rest)?;
        let (value, rest) = rest.split_at_checked(usize::from(bytes))?;
        self.0 = rest;
        Some((kind, value))
    }
}
