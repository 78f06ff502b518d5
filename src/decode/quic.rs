//! Tells QUIC from other UDP, so that the summary can say what could not be judged (RFC 8999, RFC 9000 §17, RFC 9369).

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use super::Endpoint;

/// Connections whose first packets are told from repeated ones. A power of two.
const RECENT: usize = 4096;

/// Connections seen lately, by hash: roughly, as more than `RECENT` at once count twice.
#[derive(Debug, Default)]
pub(super) struct Quic {
    recent: Vec<u64>,
    hasher: foldhash::fast::RandomState,
}

impl Quic {
    /// Whether a packet with this payload begins a connection not seen lately.
    pub fn begins(&mut self, payload: &[u8], src: (IpAddr, u16), dst: (IpAddr, u16)) -> bool {
        if !is_initial(payload) {
            return false;
        }
        let (a, b) = (Endpoint { ip: src.0, port: src.1 }, Endpoint { ip: dst.0, port: dst.1 });
        let mut hasher = self.hasher.build_hasher();
        a.min(b).hash(&mut hasher);
        a.max(b).hash(&mut hasher);
        let hash = hasher.finish() | 1;
        self.recent.resize(RECENT, 0);
        let at = usize::try_from(hash >> 1).unwrap_or(0) % RECENT;
        self.recent.get_mut(at).is_some_and(|slot| std::mem::replace(slot, hash) != hash)
    }
}

/// Whether a payload looks like QUIC: a long header of a version that is known, or a short header on its usual port.
pub(super) fn is_quic(payload: &[u8], ports: [u16; 2]) -> bool {
    match payload {
        [first, v0, v1, v2, v3, length, ..] if first & 0x80 != 0 => {
            let known = match [*v0, *v1, *v2, *v3] {
                // Version negotiation, version 1, version 2; drafts; Google's; versions that exercise negotiation.
                [0, 0, 0, 0 | 1] | [0x6b, 0x33, 0x43, 0xcf] | [0xff, 0, 0, _] => true,
                [b'Q' | b'T', b'0', a, b] => a.is_ascii_digit() && b.is_ascii_digit(),
                version => version.iter().all(|b| b & 15 == 10),
            };
            known && usize::from(*length) <= 20 && payload.len() > 6 + usize::from(*length)
        }
        [first, ..] => first & 0xc0 == 0x40 && ports.contains(&443) && payload.len() > 20,
        [] => false,
    }
}

/// A long header of the type Initial (version 2 numbers them otherwise).
fn is_initial(payload: &[u8]) -> bool {
    match payload {
        [first, 0x6b, 0x33, 0x43, 0xcf, ..] => first & 0xf0 == 0xd0,
        [first, v0, _, _, v3, ..] => first & 0xf0 == 0xc0 && (*v0, *v3) != (0, 0),
        _ => false,
    }
}
