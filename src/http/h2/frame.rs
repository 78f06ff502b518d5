//! Frames of HTTP/2 (RFC 9113 §§ 4 and 6).

/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 9;
/// What a client sends first (§ 3.4).
pub(in crate::http) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;
const ACK: u8 = 0x1;

/// Payload that each receiver takes, whatever was agreed on.
const PAYLOAD_BYTES: u32 = 1 << 14;
/// Identifier of the last setting that is in use (`SETTINGS_NO_RFC7540_PRIORITIES`); others are reserved to try whether that is taken well.
const SETTING_MAX: u8 = 0x10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// To be passed over (§ 5.5).
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Of its payload.
    pub bytes: u32,
    pub kind: Kind,
    pub flags: u8,
    pub stream: u32,
}

impl Header {
    pub(super) fn of(bytes: &[u8; HEADER_BYTES]) -> Self {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = *bytes;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::RstStream,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        Header {
            bytes: u32::from_be_bytes([0, l2, l1, l0]),
            kind,
            flags,
            stream: u32::from_be_bytes([s3 & 0x7f, s2, s1, s0]),
        }
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Nothing in it is odd: what is looked for where nobody knows whether a frame begins.
    fn is_plain(&self) -> bool {
        let (flags, fits) = match self.kind {
            Kind::Data => (END_STREAM | PADDED, self.stream != 0),
            Kind::Headers => (END_STREAM | END_HEADERS | PADDED | PRIORITY, self.stream != 0 && self.bytes > 0),
            Kind::Priority => (0, self.stream != 0 && self.bytes == 5),
            Kind::RstStream => (0, self.stream != 0 && self.bytes == 4),
            Kind::Settings => {
                (ACK, self.stream == 0 && self.bytes.is_multiple_of(6) && (self.has(ACK) == (self.bytes == 0)))
            }
            Kind::Ping => (ACK, self.stream == 0 && self.bytes == 8),
            Kind::GoAway => (0, self.stream == 0 && self.bytes >= 8),
            Kind::WindowUpdate => (0, self.bytes == 4),
            // seldom, and the middle of something
            Kind::PushPromise | Kind::Continuation | Kind::Other => (0, false),
        };
        fits && self.flags & !flags == 0 && self.bytes <= PAYLOAD_BYTES
    }
}

/// The first bytes that a server sends (§ 3.4): its settings, which are few.
pub(in crate::http) fn begins_with_settings(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk() else { return false };
    let is_reserved = bytes.get(5).is_none_or(|b| b & 0x80 != 0);
    let header = Header::of(header);
    let is_setting = match rest {
        [high, low, ..] => *high == 0 && (1..=SETTING_MAX).contains(low) || (high & 0x0f, low & 0x0f) == (0x0a, 0x0a),
        _ => true,
    };
    header.kind == Kind::Settings
        && header.is_plain()
        && !header.has(ACK)
        && header.bytes <= 256
        && !is_reserved
        && is_setting
        || header.kind == Kind::Settings && header.bytes == 0 && header.flags == 0 && header.stream == 0
}

/// Whether the rest of a server's settings may yet come.
pub(in crate::http) fn may_begin_settings(bytes: &[u8]) -> bool {
    let fits = |(at, &b): (usize, &u8)| match at {
        2 => b % 6 == 0,
        3 => b == 4,
        _ => b == 0,
    };
    bytes.len() < HEADER_BYTES && bytes.iter().enumerate().all(fits)
}

/// Whether a frame begins here for sure, though nothing says that one must: it and those behind it are plain, and they end where the
/// bytes do, or there are some of them.
pub(in crate::http) fn begins_for_sure(bytes: &[u8]) -> bool {
    let (mut rest, mut frames) = (bytes, 0);
    while let Some((header, behind)) = rest.split_first_chunk() {
        let is_reserved = rest.get(5).is_none_or(|b| b & 0x80 != 0);
        let header = Header::of(header);
        if !header.is_plain() || is_reserved {
            return false;
        }
        frames += 1;
        match behind.get(header.bytes as usize..) {
            Some([]) => return true,
            Some(next) => rest = next,
            // it goes on in the next segment
            None => return frames > 2 || frames == 2 && header.kind != Kind::Data,
        }
    }
    frames > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_told_from_other_bytes() {
        let ping = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";
        assert!(begins_for_sure(ping));
        assert!(begins_for_sure(&[&ping[..], &ping[..]].concat()));
        assert!(!begins_for_sure(&ping[1..]));
        assert!(!begins_for_sure(&ping[..16]));
        assert!(!begins_for_sure(b"\0\0\x08\x06\0\x80\0\0\0abcdefgh"));
        assert!(!begins_for_sure(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!begins_for_sure(&[0; 64]));
        assert!(!begins_for_sure(b"\x17\x03\x03\0\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert!(begins_with_settings(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"));
        assert!(begins_with_settings(b"\0\0\0\x04\0\0\0\0\0"));
        assert!(!begins_with_settings(b"\0\0\0\x04\x01\0\0\0\0"));
        assert!(!begins_with_settings(b"\0\0\x06\x04\0\0\0\0\0\x01\x03\0\0\0\x64"));
        assert!(!begins_with_settings(b"\0\0\0\x04"));
    }
}
