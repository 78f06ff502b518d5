//! One direction of a connection: where it stands, and the segments that came before their turn.
//!
//! Delivers each byte once: the first copy wins, and a second that differs is told, since two readers could then have seen two
//! messages. Bytes that nobody needs are held as a length.

use std::collections::VecDeque;

use crate::http::Mark;
use crate::http::conversation::Close;
use crate::packet::Time;

/// What a held segment costs beside its bytes.
pub(super) const PIECE_BYTES: u32 = 96;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Sequence number of the next byte to hand on, once known.
    pub next: u32,
    /// What the peer acknowledged of it, once known.
    pub acked: u32,
    pub known: bool,
    pub is_acked: bool,
    /// `next` comes from a SYN, and nothing was handed on since.
    pub fresh: bool,
    /// Began with a SYN.
    pub from_syn: bool,
    /// Some packet of it was seen.
    pub seen: bool,
    /// Some payload of it was seen.
    pub has_payload: bool,
    pub ended: bool,
    pub late: Option<Box<Late>>,
}

impl Half {
    /// How many of these bytes lie behind where this direction has come to.
    pub fn behind(&self, seq: u32, len: u32) -> u32 {
        let behind = if self.known { distance(seq.wrapping_add(len), self.next) } else { i32::MAX };
        behind.max(0).unsigned_abs().min(len)
    }

    /// A SYN told where this direction begins.
    pub fn begin(&mut self, first: u32) {
        self.next = first;
        self.known = true;
        self.fresh = true;
        self.from_syn = true;
        self.seen = true;
    }
}

/// What came before its turn.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// By place, none overlapping.
    pub pieces: VecDeque<Piece>,
    /// Charged: capacity and [`PIECE_BYTES`] each.
    pub bytes: u32,
    /// A FIN or RST that waits for what comes before it.
    pub end: Option<(u32, Close, Mark)>,
    /// A timer runs for it.
    pub timed: bool,
}

/// A segment, or the part of one, that came before its turn.
#[derive(Debug)]
pub(super) struct Piece {
    pub seq: u32,
    /// Bytes of it on the wire.
    pub len: u32,
    /// The bytes that were captured; fewer than `len` when the snap length cut it or nobody needs them.
    pub bytes: Box<[u8]>,
    pub skipped: bool,
    pub ack: Option<u32>,
    pub at: Mark,
    pub conflict: bool,
    pub in_turn: bool,
}

/// A segment's payload on its way into [`Late`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived<'a> {
    pub seq: u32,
    pub payload: &'a [u8],
    /// Bytes behind the payload that the snap length cut.
    pub cut: u32,
    pub ack: Option<u32>,
    pub at: Mark,
    /// See [`Conversation::on_arrival`](crate::http::conversation::Conversation::on_arrival).
    pub in_turn: bool,
}

impl Arrived<'_> {
    pub fn len(&self) -> u32 {
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX).saturating_add(self.cut)
    }

    /// Without its first `n` bytes.
    pub fn after(self, n: u32) -> Self {
        let captured = self.payload.get(n as usize..);
        let cut = self.cut.saturating_sub(n.saturating_sub(u32::try_from(self.payload.len()).unwrap_or(u32::MAX)));
        let in_turn = self.in_turn && n == 0;
        Arrived { seq: self.seq.wrapping_add(n), payload: captured.unwrap_or_default(), cut, in_turn, ..self }
    }

    /// Its first `n` bytes.
    fn limited(self, n: u32) -> Self {
        let payload = self.payload.get(..n as usize).unwrap_or(self.payload);
        let cut = self.cut.min(n.saturating_sub(u32::try_from(payload.len()).unwrap_or(u32::MAX)));
        Arrived { payload, cut, ..self }
    }
}

/// How far `a` lies behind `b`, negative when before; sequence numbers wrap.
#[inline]
pub(super) fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// What storing a segment came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stored {
    /// Bytes charged.
    pub bytes: u32,
    /// Bytes that were there already.
    pub again_bytes: u32,
    /// Some of those differ.
    pub conflict: bool,
}

impl Late {
    /// Keeps the parts of a segment that are not here yet. `skip` says that nobody needs its bytes.
    pub fn store(&mut self, arrived: Arrived<'_>, skip: bool) -> Stored {
        let mut stored = Stored::default();
        let mut rest = arrived;
        let mut nth = self.pieces.partition_point(|p| distance(p.seq.wrapping_add(p.len), rest.seq) <= 0);
        while rest.len() > 0 {
            let Some(piece) = self.pieces.get_mut(nth) else {
                self.insert(nth, rest, skip, &mut stored);
                break;
            };
            let before = distance(piece.seq, rest.seq);
            if before > 0 {
                let free = rest.limited(before.unsigned_abs());
                let used = free.len();
                self.insert(nth, free, skip, &mut stored);
                rest = rest.after(used);
                nth += 1;
                continue;
            }
            // The first copy wins.
            let into = before.unsigned_abs();
            let shared = rest.len().min(piece.len - into);
            let first = piece.bytes.get(into as usize..).unwrap_or_default();
            let second = rest.limited(shared).payload;
            if first.iter().zip(second).any(|(a, b)| a != b) {
                piece.conflict = true;
                stored.conflict = true;
            }
            stored.again_bytes += shared;
            rest = rest.after(shared);
            nth += 1;
        }
        stored
    }

    fn insert(&mut self, nth: usize, part: Arrived<'_>, skip: bool, stored: &mut Stored) {
        let bytes: Box<[u8]> = if skip { Box::default() } else { part.payload.into() };
        let cost = PIECE_BYTES + u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (seq, len) = (part.seq, part.len());
        let Arrived { ack, at, in_turn, .. } = part;
        let piece = Piece { seq, len, bytes, skipped: skip, ack, at, conflict: false, in_turn };
        self.pieces.insert(nth, piece);
        self.bytes = self.bytes.saturating_add(cost);
        stored.bytes += cost;
    }

    /// Since when what is next has waited.
    pub fn since(&self) -> Option<Time> {
        let end = self.end.map(|(_, _, at)| at.time);
        self.pieces.front().map(|p| p.at.time).or(end)
    }

    /// Takes the first piece out; returns it and what it was charged.
    pub fn pop(&mut self) -> Option<(Piece, u32)> {
        let piece = self.pieces.pop_front()?;
        let cost = PIECE_BYTES + u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX);
        self.bytes -= cost;
        Some((piece, cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Order;

    const AT: Mark = Mark { time: Time(0), order: Order(0) };

    fn arrived(seq: u32, payload: &[u8]) -> Arrived<'_> {
        Arrived { seq, payload, cut: 0, ack: None, at: AT, in_turn: false }
    }

    fn text(late: &Late) -> Vec<(u32, String)> {
        late.pieces.iter().map(|p| (p.seq, String::from_utf8_lossy(&p.bytes).into_owned())).collect()
    }

    #[test]
    fn the_first_copy_wins_and_a_different_second_is_told() {
        let mut late = Late::default();
        late.store(arrived(10, b"bcd"), false);
        assert!(!late.store(arrived(12, b"def"), false).conflict);
        assert!(late.store(arrived(9, b"aXcdefg"), false).conflict);
        assert_eq!(text(&late), [(9, "a".into()), (10, "bcd".into()), (13, "ef".into()), (15, "g".into())]);
        assert!(late.pieces[1].conflict && !late.pieces[0].conflict);
    }

    #[test]
    fn places_wrap() {
        let mut late = Late::default();
        late.store(arrived(2, b"c"), false);
        late.store(arrived(u32::MAX - 1, b"abab"), false);
        assert_eq!(text(&late), [(u32::MAX - 1, "abab".into()), (2, "c".into())]);
    }

    #[test]
    fn what_nobody_needs_is_held_as_a_length() {
        let mut late = Late::default();
        let stored = late.store(arrived(5, &[0; 1000]), true);
        assert_eq!((stored.bytes, late.pieces[0].len, late.pieces[0].bytes.len()), (PIECE_BYTES, 1000, 0));
        assert_eq!(late.pop().map(|(_, cost)| cost), Some(PIECE_BYTES));
        assert_eq!(late.bytes, 0);
    }

    #[test]
    fn a_cut_segment_keeps_its_length() {
        let mut late = Late::default();
        late.store(Arrived { cut: 7, ..arrived(0, b"abc") }, false);
        let again = late.store(arrived(2, b"cdefghijkl"), false);
        assert_eq!((again.again_bytes, again.conflict), (8, false));
        assert_eq!(text(&late), [(0, "abc".into()), (10, "kl".into())]);
    }
}
