//! Reads pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with their own clocks.
//!
//! Blocks of no use (name resolution, custom ones) are passed over without being held. Secrets of TLS are kept until they are taken.

use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::file::{FeedError, Interface, Interfaces, PACKET_BYTES_MAX, Record, ends, u16_of, u32_of};
use crate::packet::{InterfaceId, LinkType, SECOND, Time};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// `TLSK`: a TLS key log.
const SECRETS_OF_TLS: u32 = 0x544c_534b;

/// Bytes of a block that is held whole: a packet with its options, or an interface with its options.
const BLOCK_BYTES_MAX: u32 = PACKET_BYTES_MAX + (256 << 10);
/// Bytes of one block of secrets: some 40,000 connections. A longer one is told as damaged.
const SECRETS_BYTES_MAX: u32 = 32 << 20;
/// Interfaces of one section. More are damage: each is memory.
const INTERFACES_MAX: usize = 4096;

/// The state of one pcapng stream.
#[derive(Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    interfaces: Vec<Clocked>,
    /// Lost packets of sections that ended.
    lost_before: u64,
    /// For simple packets, which have no time.
    last: Time,
    damaged: Option<(u64, u64, &'static str)>,
    secrets: Zeroizing<Vec<u8>>,
}

/// An interface of the current section.
struct Clocked {
    id: InterfaceId,
    link: LinkType,
    snap_bytes: u32,
    resolution: Resolution,
    /// Seconds to add (`if_tsoffset`).
    offset: i64,
    lost: u64,
}

/// What a unit of a timestamp is (`if_tsresol`).
#[derive(Clone, Copy)]
enum Resolution {
    /// So many nanoseconds.
    Coarse(u64),
    /// So many units are a nanosecond.
    Fine(u64),
    /// 2^n units are a second.
    Binary(u8),
}

impl Resolution {
    fn of(byte: u8) -> Self {
        let power = byte & 0x7f;
        match (byte & 0x80 != 0, power) {
            (true, _) => Resolution::Binary(power),
            (false, 0..=9) => Resolution::Coarse(10u64.pow(9 - u32::from(power))),
            (false, _) => Resolution::Fine(10u64.checked_pow(u32::from(power) - 9).unwrap_or(u64::MAX)),
        }
    }

    /// Nanoseconds of so many units; saturates.
    #[inline]
    fn nanoseconds(self, units: u64) -> i64 {
        let ns = match self {
            Resolution::Coarse(ns) => units.saturating_mul(ns),
            Resolution::Fine(units_per_ns) => units / units_per_ns,
            Resolution::Binary(power) => {
                let ns = (u128::from(units) * SECOND as u128) >> power;
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(ns).unwrap_or(i64::MAX)
    }
}

impl Pcapng {
    pub fn next_record(&mut self, bytes: &mut Bytes, interfaces: &mut Interfaces) -> Result<Option<Record>, FeedError> {
        loop {
            let offset = bytes.offset();
            let whole = bytes.ensure(12);
            let Some(&[t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3]) =
                whole.as_ref().is_ok_and(|w| *w).then(|| bytes.available().first_chunk::<12>()).flatten()
            else {
                return match (ends(bytes, whole)?, self.damaged) {
                    (None, Some((count, offset, what))) => Err(FeedError::RecordsDamaged { count, offset, what }),
                    (end, _) => Ok(end),
                };
            };
            let damaged = |what: String| Err(FeedError::Damaged { offset, what });
            if [t0, t1, t2, t3] == SECTION_HEADER.to_be_bytes() {
                self.big_endian = match [m0, m1, m2, m3] {
                    [0x1a, 0x2b, 0x3c, 0x4d] => true,
                    [0x4d, 0x3c, 0x2b, 0x1a] => false,
                    other => return damaged(format!("a section header of unknown byte order {other:02x?}")),
                };
                self.lost_before = self.packets_lost();
                self.interfaces.clear();
            }
            let kind = u32_of(self.big_endian, [t0, t1, t2, t3]);
            let length = u32_of(self.big_endian, [l0, l1, l2, l3]);
            if length < 12 || !length.is_multiple_of(4) {
                return damaged(format!("a block of type {kind:#x} claims the length {length}"));
            }
            let held =
                matches!(kind, INTERFACE_DESCRIPTION | PACKET | SIMPLE_PACKET | INTERFACE_STATISTICS | ENHANCED_PACKET);
            if kind == DECRYPTION_SECRETS {
                match self.secrets(bytes, length) {
                    Ok(true) => continue,
                    Ok(false) if bytes.was_stopped() => return Ok(None),
                    Ok(false) => return Err(FeedError::Truncated { offset, end: bytes.offset() }),
                    Err(error) => return ends(bytes, Err(error)),
                }
            }
            if !held {
                match bytes.skip(u64::from(length)) {
                    Ok(true) => continue,
                    Ok(false) if bytes.was_stopped() => return Ok(None),
                    Ok(false) => return Err(FeedError::Truncated { offset, end: bytes.offset() }),
                    Err(error) => return ends(bytes, Err(error)),
                }
            }
            if length > BLOCK_BYTES_MAX {
                return damaged(format!("a block of type {kind:#x} claims the length {length}"));
            }
            let size = length as usize;
            let whole = bytes.ensure(size);
            if !matches!(whole, Ok(true)) {
                return ends(bytes, whole);
            }
            let block = bytes.available().get(..size).unwrap_or_default();
            let Some((body, trailer)) = block.get(8..).and_then(<[u8]>::split_last_chunk::<4>) else {
                return damaged("a block without its end".to_owned());
            };
            if u32_of(self.big_endian, *trailer) != length {
                return damaged(format!("a block of type {kind:#x} has two lengths"));
            }
            let place = bytes.place();
            let found = match kind {
                ENHANCED_PACKET => self.enhanced(body, place + 28),
                PACKET => self.obsolete(body, place + 28),
                SIMPLE_PACKET => self.simple(body, place + 12),
                INTERFACE_DESCRIPTION => self.interface(body, interfaces).map(|()| None),
                _ => {
                    self.statistics(body);
                    Ok(None)
                }
            };
            bytes.pass(size);
            match found {
                Ok(Some(record)) => {
                    self.last = record.time;
                    return Ok(Some(record));
                }
                Ok(None) => {}
                Err(what) => {
                    let (count, first, what) = self.damaged.unwrap_or((0, offset, what));
                    self.damaged = Some((count + 1, first, what));
                }
            }
        }
    }

    pub fn packets_lost(&self) -> u64 {
        self.interfaces.iter().fold(self.lost_before, |sum, i| sum.saturating_add(i.lost))
    }

    /// Lines of TLS key logs that came since they were last taken.
    pub fn take_secrets(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.secrets)
    }

    /// There are some.
    #[inline]
    pub fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Reads a block of secrets, piece by piece: it may be longer than what is held otherwise. False where the file ends in it.
    fn secrets(&mut self, bytes: &mut Bytes, length: u32) -> std::io::Result<bool> {
        const HEADER_BYTES: u32 = 16;
        const PIECE_BYTES: u32 = 16 * 1024;
        if length < HEADER_BYTES + 4 {
            return bytes.skip(u64::from(length));
        }
        if !bytes.ensure(HEADER_BYTES as usize)? {
            return Ok(false);
        }
        let head = bytes.available();
        let (kind, claimed) = (self.word(head, 8).unwrap_or(0), self.word(head, 12).unwrap_or(0));
        if kind != SECRETS_OF_TLS {
            return bytes.skip(u64::from(length));
        }
        let mut left = claimed.min(length - HEADER_BYTES - 4);
        if claimed > left || left > SECRETS_BYTES_MAX || self.secrets.len() > SECRETS_BYTES_MAX as usize {
            let (count, first, what) = self.damaged.unwrap_or((0, bytes.offset(), "secrets longer than they may be"));
            self.damaged = Some((count + 1, first, what));
            return bytes.skip(u64::from(length));
        }
        bytes.pass(HEADER_BYTES as usize);
        let behind = length - HEADER_BYTES - left;
        let room = self.secrets.len() + left as usize + 1;
        if room > self.secrets.capacity() {
            // A buffer that grew by itself would leave copies behind. Twice as much, since there may be a million small blocks.
            let mut secrets = Zeroizing::new(Vec::with_capacity(room.max(2 * self.secrets.len())));
            secrets.extend_from_slice(&self.secrets);
            self.secrets = secrets;
        }
        let before = self.secrets.len();
        while left > 0 {
            let piece = left.min(PIECE_BYTES);
            if !bytes.ensure(piece as usize)? {
                self.secrets.truncate(before);
                return Ok(false);
            }
            self.secrets.extend_from_slice(bytes.available().get(..piece as usize).unwrap_or_default());
            bytes.pass(piece as usize);
            left -= piece;
        }
        self.secrets.push(b'\n');
        bytes.skip(u64::from(behind))
    }

    fn word(&self, body: &[u8], at: usize) -> Option<u32> {
        Some(u32_of(self.big_endian, *body.get(at..)?.first_chunk()?))
    }

    #[inline]
    fn enhanced(&self, body: &[u8], place: usize) -> Result<Option<Record>, &'static str> {
        let head = body.first_chunk::<20>().ok_or("a packet block without its header")?;
        let word = |at: usize| self.word(head, at).unwrap_or(0);
        self.packet(word(0), [word(4), word(8)], word(12), word(16), place, body.len() - 20)
    }

    fn obsolete(&self, body: &[u8], place: usize) -> Result<Option<Record>, &'static str> {
        let head = body.first_chunk::<20>().ok_or("a packet block without its header")?;
        let word = |at: usize| self.word(head, at).unwrap_or(0);
        let interface = u16_of(self.big_endian, [head[0], head[1]]);
        self.packet(u32::from(interface), [word(4), word(8)], word(12), word(16), place, body.len() - 20)
    }

    fn simple(&self, body: &[u8], place: usize) -> Result<Option<Record>, &'static str> {
        let wire_bytes = self.word(body, 0).ok_or("a simple packet block without its length")?;
        let on = self.interfaces.first().ok_or("a packet of an interface that was not described")?;
        let room = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
        let snap_bytes = if on.snap_bytes == 0 { u32::MAX } else { on.snap_bytes };
        let length = wire_bytes.min(snap_bytes).min(room) as usize;
        Ok(Some(Record { time: self.last, interface: on.id, link: on.link, place, length, wire_bytes }))
    }

    #[inline]
    fn packet(
        &self,
        interface: u32,
        time: [u32; 2],
        captured: u32,
        wire_bytes: u32,
        place: usize,
        room: usize,
    ) -> Result<Option<Record>, &'static str> {
        let on = self.interfaces.get(interface as usize).ok_or("a packet of an interface that was not described")?;
        let length = captured as usize;
        if length > room {
            return Err("a packet longer than its block");
        }
        let [high, low] = time;
        let ns = on.resolution.nanoseconds(u64::from(high) << 32 | u64::from(low));
        Ok(Some(Record {
            time: Time::from_parts(on.offset, ns),
            interface: on.id,
            link: on.link,
            place,
            length,
            wire_bytes: wire_bytes.max(captured),
        }))
    }

    fn interface(&mut self, body: &[u8], interfaces: &mut Interfaces) -> Result<(), &'static str> {
        let (head, options) = body.split_first_chunk::<8>().ok_or("an interface block without its header")?;
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err("more interfaces than any machine has");
        }
        let link = LinkType(u16_of(self.big_endian, [head[0], head[1]]));
        let snap_bytes = self.word(head, 4).unwrap_or(0);
        let (mut name, mut resolution, mut offset) = (None, Resolution::Coarse(1000), 0);
        for (code, value) in self.options(options) {
            match (code, value) {
                (2, text) => name = Some(String::from_utf8_lossy(text.trim_ascii_end()).into_owned()),
                (9, [byte, ..]) => resolution = Resolution::of(*byte),
                (14, value) => {
                    if let Some(value) = value.first_chunk() {
                        offset = if self.big_endian { i64::from_be_bytes(*value) } else { i64::from_le_bytes(*value) };
                    }
                }
                _ => {}
            }
        }
        let id = interfaces.id(Interface { name, link });
        self.interfaces.push(Clocked { id, link, snap_bytes, resolution, offset, lost: 0 });
        Ok(())
    }

    /// `isb_ifdrop` and `isb_osdrop`: totals since the capture began.
    fn statistics(&mut self, body: &[u8]) {
        let Some(interface) = self.word(body, 0) else { return };
        let lost = self.options(body.get(12..).unwrap_or_default()).filter(|(code, _)| matches!(code, 5 | 7));
        let lost = lost.fold(0u64, |sum, (_, value)| {
            let value = value
                .first_chunk()
                .map_or(0, |v| if self.big_endian { u64::from_be_bytes(*v) } else { u64::from_le_bytes(*v) });
            sum.saturating_add(value)
        });
        if let Some(on) = self.interfaces.get_mut(interface as usize) {
            on.lost = on.lost.max(lost);
        }
    }

    /// Options until the end, or until one is longer than what is left.
    fn options<'a>(&self, mut rest: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let big_endian = self.big_endian;
        std::iter::from_fn(move || {
            let (&[c0, c1, l0, l1], after) = rest.split_first_chunk::<4>()?;
            let (code, length) = (u16_of(big_endian, [c0, c1]), usize::from(u16_of(big_endian, [l0, l1])));
            let value = after.get(..length)?;
            rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
            (code != 0).then_some((code, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_blocks_of_secrets_are_not_copied_each_time() {
        let mut file = Vec::new();
        for word in [SECTION_HEADER, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28] {
            file.extend(word.to_le_bytes());
        }
        for _ in 0..20_000 {
            for word in [DECRYPTION_SECRETS, 24, SECRETS_OF_TLS, 4] {
                file.extend(word.to_le_bytes());
            }
            file.extend(b"#abc");
            file.extend(24_u32.to_le_bytes());
        }
        let mut bytes = Bytes::new(Box::new(std::io::Cursor::new(file)), 1 << 16, None).expect("opened");
        let (mut reader, mut moved, mut place) = (Pcapng::default(), 0, std::ptr::null());
        while bytes.ensure(12).expect("read") {
            let [t0, t1, t2, t3, l0, l1, l2, l3, ..] = *bytes.available() else { break };
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            if u32::from_le_bytes([t0, t1, t2, t3]) == DECRYPTION_SECRETS {
                assert!(reader.secrets(&mut bytes, length).expect("read"));
                moved += usize::from(reader.secrets.as_ptr() != place);
                place = reader.secrets.as_ptr();
            } else {
                assert!(bytes.skip(u64::from(length)).expect("read"));
            }
        }
        assert_eq!(reader.take_secrets().len(), 100_000);
        assert!(moved <= 20, "moved {moved} times");
    }
}
