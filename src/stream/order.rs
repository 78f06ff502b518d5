//! One connection's bytes in order: what comes before its turn waits, what does not come is a gap.

use super::Work;
use super::flow::{Class, Flow};
use super::half::{self, Arrived, Half, Late, distance};
use crate::decode::{Segment, Side, TcpFlags};
use crate::http::conversation::{Carries, Close, Conversation, Piece};
use crate::http::{Mark, NoAnswer, StreamId};
use crate::limits::Limits;
use crate::packet::Time;

/// A segment farther ahead than this belongs to nothing that could still arrive, in bytes: half of what sequence numbers can tell.
const AHEAD_BYTES_MAX: i32 = 1 << 30;
/// A RST farther ahead than the largest usual window is taken for forged or stray.
const RESET_BYTES_MAX: i32 = 1 << 20;
/// Two copies of a segment within this time are one packet captured twice; later ones were sent again.
const COPY_NS: i64 = 1_000_000;

impl Flow {
    pub(super) fn read_to(&self) -> [Option<u32>; 2] {
        let [low, high] = &self.halves;
        [low.known.then_some(low.next), high.known.then_some(high.next)]
    }

    pub(super) fn class_now(&self) -> Class {
        let [low, high] = &self.halves;
        if low.ended && high.ended {
            Class::Closed
        } else if self.carries != Carries::Unknown {
            Class::Ignored
        } else if self.talk.is_some() || low.late.is_some() || high.late.is_some() || self.class == Class::Open {
            Class::Open
        } else {
            Class::HalfOpen
        }
    }

    #[allow(clippy::too_many_arguments)] // one segment and what is known of it
    pub(super) fn on_segment(
        &mut self,
        segment: &Segment<'_>,
        bytes: u32,
        is_syn: bool,
        at: Mark,
        idle_ns: i64,
        limits: &Limits,
        work: &mut Work<'_>,
    ) {
        let side = segment.side;
        self.halves[side.index()].has_payload |= bytes > 0;
        let mut seq = segment.seq;
        if is_syn {
            seq = seq.wrapping_add(1);
            self.revive(side, segment.ack);
            let half = &mut self.halves[side.index()];
            if half.fresh || !half.known {
                half.begin(seq);
                if let Some(talk) = &mut self.talk {
                    talk.on_start(side, seq);
                }
            }
        }
        self.on_acknowledgment(side, segment.ack);
        let is_reset = segment.flags.has(TcpFlags::RST);
        if self.carries != Carries::Unknown {
            work.counters.tls_bytes += if self.carries == Carries::Tls { u64::from(bytes) } else { 0 };
            let ends = segment.flags.has(TcpFlags::FIN);
            let half = &mut self.halves[side.index()];
            if half.ended && self.carries == Carries::Http {
                work.counters.after_end_bytes += u64::from(half.behind(seq, bytes));
            }
            if ends {
                half.next = seq.wrapping_add(bytes).wrapping_add(1);
            }
            half.ended |= ends || is_reset;
            self.halves[side.other().index()].ended |= is_reset;
            return;
        }
        if is_reset {
            self.on_reset(side, segment, at, work);
            return;
        }
        if bytes > 0 {
            let Segment { payload, cut, ack, .. } = *segment;
            let arrived = Arrived { seq, payload, cut, ack, at, in_turn: false };
            self.on_payload(side, arrived, idle_ns, limits, work);
        }
        if segment.flags.has(TcpFlags::FIN) {
            self.on_fin(side, seq.wrapping_add(bytes), at, work);
        }
        // Bytes of one side may let the other's go on.
        self.drain_both(side, work);
    }

    /// A packet of this direction was seen, and what it acknowledges.
    #[inline]
    pub(super) fn on_acknowledgment(&mut self, side: Side, ack: Option<u32>) {
        self.halves[side.index()].seen = true;
        let peer = &mut self.halves[side.other().index()];
        if let Some(ack) = ack
            && (!peer.is_acked || distance(ack, peer.acked) > 0)
        {
            peer.acked = ack;
            peer.is_acked = true;
        }
    }

    /// Some data, or an end, came before its turn.
    #[inline]
    pub(super) fn holds_late(&self) -> bool {
        self.halves.iter().any(|h| h.late.is_some())
    }

    /// A refusal before any payload was forged if the handshake goes on all the same.
    fn revive(&mut self, side: Side, ack: Option<u32>) {
        let peer = &self.halves[side.other().index()];
        let answers = peer.from_syn && ack == Some(peer.next);
        if answers && self.class == Class::Closed && !self.halves.iter().any(|h| h.has_payload) {
            for half in &mut self.halves {
                half.ended = false;
            }
        }
    }

    fn on_payload(&mut self, side: Side, mut arrived: Arrived<'_>, idle_ns: i64, limits: &Limits, work: &mut Work<'_>) {
        let half = &mut self.halves[side.index()];
        let len = arrived.len();
        if half.ended {
            work.counters.after_end_bytes += u64::from(half.behind(arrived.seq, len));
            return;
        }
        if !half.known {
            half.known = true;
            half.next = arrived.seq;
        }
        let ahead = distance(arrived.seq, half.next);
        if ahead > AHEAD_BYTES_MAX {
            work.counters.gaps.far_ahead += 1;
            work.counters.gap_bytes += u64::from(len);
            return;
        }
        self.ensure_talk();
        if let Some(talk) = &mut self.talk {
            arrived.in_turn = talk.on_arrival(side, arrived.seq, arrived.payload, len, arrived.ack);
        }
        let half = &self.halves[side.index()];
        if ahead < 0 {
            let again = ahead.unsigned_abs().min(len);
            let is_copy = again == len && len > 1 && idle_ns <= COPY_NS && arrived.seq.wrapping_add(len) == half.next;
            work.counters.duplicate_segments += u64::from(is_copy);
            work.counters.retransmitted_bytes += if is_copy { 0 } else { u64::from(again) };
            if len > 1 {
                self.compare(side, arrived, work);
            }
            if again == len {
                return;
            }
            arrived = arrived.after(again);
        }
        let half = &self.halves[side.index()];
        if ahead <= 0 && half.late.is_none() && !self.is_held_back(side, arrived.ack) {
            let Arrived { seq, payload: bytes, cut, ack, at, in_turn } = arrived;
            self.deliver(side, Piece { seq, bytes, ack, at, conflict: false, in_turn }, cut, work);
            return;
        }
        let skip = ahead >= 0
            && self
                .talk
                .as_ref()
                .is_some_and(|t| t.skippable(side) > u64::from(ahead.unsigned_abs()) + u64::from(arrived.len()));
        let half = &mut self.halves[side.index()];
        let late = half.late.get_or_insert_default();
        let stored = late.store(arrived, skip);
        *work.late_bytes += u64::from(stored.bytes);
        work.counters.retransmitted_bytes += u64::from(stored.again_bytes);
        work.counters.conflicting_overlaps += u64::from(stored.conflict);
        if late.bytes > limits.out_of_order_bytes_max {
            self.drain(side, false, work);
            self.give_up_late_above(side, limits.out_of_order_bytes_max, GapCause::Cap, arrived.at, work);
        }
    }

    /// A second copy of bytes that were handed on: those of a head that is still held can be compared.
    fn compare(&mut self, side: Side, arrived: Arrived<'_>, work: &mut Work<'_>) {
        let Some(talk) = &mut self.talk else { return };
        let Some((seq, held)) = talk.held_head(side) else { return };
        let into = distance(arrived.seq, seq);
        let (held, copy) = if into >= 0 {
            (held.get(into.unsigned_abs() as usize..).unwrap_or_default(), arrived.payload)
        } else {
            (held, arrived.payload.get(into.unsigned_abs() as usize..).unwrap_or_default())
        };
        if held.iter().zip(copy).any(|(a, b)| a != b) {
            work.counters.conflicting_overlaps += 1;
            talk.on_conflict(side);
        }
    }

    /// A server's bytes wait for the client's that they acknowledge, unless nobody needs those.
    fn is_held_back(&self, side: Side, ack: Option<u32>) -> bool {
        let peer = &self.halves[side.other().index()];
        let Some(ack) = ack else { return false };
        let missing = distance(ack, peer.next);
        if missing <= 0 || !peer.known || peer.ended || missing > AHEAD_BYTES_MAX {
            return false;
        }
        match &self.talk {
            Some(talk) => {
                talk.client() != Some(side) && talk.skippable(side.other()) <= u64::from(missing.unsigned_abs())
            }
            None => true,
        }
    }

    fn on_fin(&mut self, side: Side, seq: u32, at: Mark, work: &mut Work<'_>) {
        let half = &mut self.halves[side.index()];
        if half.ended {
            return;
        }
        if !half.known {
            half.known = true;
            half.next = seq;
        }
        let ahead = distance(seq, half.next);
        if ahead == 0 && half.late.is_none() {
            self.close_half(side, Close::Fin, at, work);
        } else if (0..AHEAD_BYTES_MAX).contains(&ahead) {
            half.late.get_or_insert_default().end.get_or_insert((seq, Close::Fin, at));
        }
    }

    /// A RST ends both directions, if it stands where its sender stands.
    fn on_reset(&mut self, side: Side, segment: &Segment<'_>, at: Mark, work: &mut Work<'_>) {
        let peer = &self.halves[side.other().index()];
        let half = &self.halves[side.index()];
        let refuses = !half.known && segment.ack.is_some_and(|ack| peer.known && ack == peer.next);
        let ahead = distance(segment.seq, half.next);
        if refuses || half.known && (ahead == 0 || half.ended && (-1..=1).contains(&ahead)) {
            if !half.ended {
                self.drain(side, true, work);
            }
            self.close_half(side, Close::Reset, at, work);
        } else if half.known && !half.ended && (0..=RESET_BYTES_MAX).contains(&ahead) {
            let late = self.halves[side.index()].late.get_or_insert_default();
            late.end.get_or_insert((segment.seq, Close::Reset, at));
        }
    }

    fn close_half(&mut self, side: Side, how: Close, at: Mark, work: &mut Work<'_>) {
        if how == Close::Reset {
            self.flush(side.other(), at, work);
        }
        let half = &mut self.halves[side.index()];
        half.next = half.next.wrapping_add(u32::from(how == Close::Fin));
        half.ended = true;
        if how == Close::Reset {
            self.halves[side.other().index()].ended = true;
        }
        let (stream, key, read_to) = (StreamId(self.id), self.key, self.read_to());
        if let Some(talk) = &mut self.talk {
            talk.on_close(side, how, at, &mut work.context(stream, key, read_to));
        }
        self.forget_talk_if_over(work);
    }

    /// Hands bytes on that are next, and the cut behind them.
    #[inline]
    fn deliver(&mut self, side: Side, piece: Piece<'_>, cut: u32, work: &mut Work<'_>) {
        self.ensure_talk();
        let half = &mut self.halves[side.index()];
        half.fresh = false;
        half.next = half.next.wrapping_add(u32::try_from(piece.bytes.len()).unwrap_or(0));
        let Some(talk) = &mut self.talk else { return };
        if cut == 0 && talk.pass(side, piece.bytes.len(), piece.ack) {
            return;
        }
        let (stream, key, read_to) = (StreamId(self.id), self.key, self.read_to());
        let Some(talk) = &mut self.talk else { return };
        talk.on_data(side, piece, &mut work.context(stream, key, read_to));
        if cut > 0 {
            self.gap(side, cut, GapCause::SnapLength, piece.at, work);
        }
        self.forget_talk_if_over(work);
    }

    fn ensure_talk(&mut self) {
        if self.talk.is_none() && self.carries == Carries::Unknown {
            let [low, high] = &self.halves;
            let first = [low, high].map(|h| (h.from_syn && h.fresh).then_some(h.next));
            self.talk = Some(Box::new(Conversation::new(first)));
        }
    }

    /// Once nothing more is read the conversation is given back: packets are counted only.
    pub(super) fn forget_talk_if_over(&mut self, work: &mut Work<'_>) {
        if let Some(talk) = &self.talk
            && talk.is_over()
        {
            self.carries = talk.carries();
            if self.carries == Carries::Unknown {
                return;
            }
            self.talk = None;
            for half in &mut self.halves {
                let late = half.late.take();
                *work.late_bytes -= late.map_or(0, |l| u64::from(l.bytes));
            }
        }
    }

    /// Bytes that will not come.
    fn gap(&mut self, side: Side, bytes: u32, cause: GapCause, at: Mark, work: &mut Work<'_>) {
        self.ensure_talk();
        let gaps = &mut work.counters.gaps;
        *match cause {
            GapCause::Lost => &mut gaps.lost,
            GapCause::SnapLength => &mut gaps.snap_length,
            GapCause::Cap => &mut gaps.out_of_order_cap,
            GapCause::End => &mut gaps.end,
        } += 1;
        work.counters.gap_bytes += u64::from(bytes);
        let half = &mut self.halves[side.index()];
        half.fresh = false;
        half.next = half.next.wrapping_add(bytes);
        let (stream, key, read_to) = (StreamId(self.id), self.key, self.read_to());
        if let Some(talk) = &mut self.talk {
            talk.on_gap(side, u64::from(bytes), at, &mut work.context(stream, key, read_to));
        }
    }

    /// Hands on what has become next in either direction.
    #[inline]
    fn drain_both(&mut self, side: Side, work: &mut Work<'_>) {
        while self.holds_late() {
            let before = self.read_to();
            self.drain(side, false, work);
            self.drain(side.other(), false, work);
            if before == self.read_to() {
                break;
            }
        }
    }

    /// Hands on what has become next; `force` does not wait for the peer's bytes.
    pub(super) fn drain(&mut self, side: Side, force: bool, work: &mut Work<'_>) {
        loop {
            let half = &self.halves[side.index()];
            let Some(late) = &half.late else { return };
            let next = half.next;
            match late.pieces.front() {
                Some(front) => {
                    if distance(front.seq, next) > 0 || !force && self.is_held_back(side, front.ack) {
                        return;
                    }
                }
                None => break,
            }
            self.deliver_late(side, next, work);
        }
        let half = &mut self.halves[side.index()];
        let next = half.next;
        let Some(late) = &half.late else { return };
        let end = late.end;
        match end {
            Some((seq, _, _)) if distance(seq, next) > 0 => {}
            Some((_, how, at)) => {
                half.late = None;
                self.close_half(side, how, at, work);
            }
            None => half.late = None,
        }
    }

    fn deliver_late(&mut self, side: Side, next: u32, work: &mut Work<'_>) {
        let Some((piece, cost)) = self.halves[side.index()].late.as_mut().and_then(|l| l.pop()) else { return };
        *work.late_bytes -= u64::from(cost);
        // What a gap that was given up has passed already.
        let old = distance(next, piece.seq).max(0).unsigned_abs().min(piece.len);
        if piece.skipped {
            let half = &mut self.halves[side.index()];
            half.next = half.next.wrapping_add(piece.len - old);
            if let Some(talk) = &mut self.talk {
                talk.on_skipped(side, u64::from(piece.len - old));
            }
            return;
        }
        let cut = piece.len - u32::try_from(piece.bytes.len()).unwrap_or(piece.len);
        let half::Piece { seq, ack, at, conflict, in_turn, .. } = piece;
        let arrived = Arrived { seq, payload: &piece.bytes, cut, ack, at, in_turn }.after(old);
        if self.carries == Carries::Unknown {
            let Arrived { seq, payload: bytes, in_turn, .. } = arrived;
            self.deliver(side, Piece { seq, bytes, ack, at, conflict, in_turn }, arrived.cut, work);
        } else {
            let half = &mut self.halves[side.index()];
            half.next = half.next.wrapping_add(arrived.len());
        }
    }

    /// Gives up the hole that this direction's late data waits for, and hands on what lies behind it; `force` does not wait for the
    /// peer's bytes.
    fn give_up_next(&mut self, side: Side, cause: GapCause, force: bool, at: Mark, work: &mut Work<'_>) {
        let half = &self.halves[side.index()];
        let Some(late) = &half.late else { return };
        let until = match (late.pieces.front(), late.end) {
            (Some(front), _) => front.seq,
            (None, Some((seq, _, _))) => seq,
            (None, None) => half.next,
        };
        let missing = distance(until, half.next);
        if missing > 0 {
            self.gap(side, missing.unsigned_abs(), cause, at, work);
        }
        self.drain(side, force, work);
    }

    /// Gives up holes until this direction stands at `until` or behind.
    fn give_up_until(&mut self, side: Side, until: u32, cause: GapCause, at: Mark, work: &mut Work<'_>) {
        loop {
            let half = &self.halves[side.index()];
            let missing = distance(until, half.next);
            if missing <= 0 || half.ended {
                return;
            }
            let front = half.late.as_ref().and_then(|l| l.pieces.front()).map(|p| distance(p.seq, half.next));
            match front {
                Some(ahead) if ahead <= missing => {
                    if ahead > 0 {
                        self.gap(side, ahead.unsigned_abs(), cause, at, work);
                    }
                    self.drain(side, true, work);
                }
                _ => self.gap(side, missing.unsigned_abs(), cause, at, work),
            }
        }
    }

    /// Gives up what data captured until `due` waits for; with `now`, whatever waits longest.
    pub(super) fn on_late_long(&mut self, side: Side, due: Time, now: bool, at: Mark, work: &mut Work<'_>) {
        loop {
            let half = &self.halves[side.index()];
            let Some(late) = &half.late else { return };
            let (until, ack, since, is_reset) = match (late.pieces.front(), late.end) {
                (Some(front), _) => (front.seq, front.ack, front.at.time, false),
                (None, Some((seq, how, at))) => (seq, None, at.time, how == Close::Reset),
                (None, None) => return,
            };
            if since > due && !now {
                return;
            }
            let is_one_sided = !self.halves[side.other().index()].seen;
            let cause = if now { GapCause::Cap } else { GapCause::Lost };
            let before = self.read_to();
            if distance(until, half.next) <= 0 {
                // It waits for the peer's bytes.
                if let Some(ack) = ack
                    && self.is_held_back(side, Some(ack))
                {
                    self.give_up_until(side.other(), ack, cause, at, work);
                }
                self.drain(side, now, work);
            } else if now || is_one_sided || is_reset || half.is_acked && distance(half.acked, until) >= 0 {
                self.give_up_next(side, cause, now, at, work);
            }
            self.drain_both(side, work);
            if now || before == self.read_to() {
                return;
            }
        }
    }

    /// Hands on all that is held, whatever is missing.
    #[inline]
    fn flush(&mut self, side: Side, at: Mark, work: &mut Work<'_>) {
        if self.halves[side.index()].late.is_none() {
            return;
        }
        self.give_up_while(side, GapCause::End, at, work, |_| true);
    }

    /// Gives up holes until no more than `bytes_max` wait behind them.
    fn give_up_late_above(&mut self, side: Side, bytes_max: u32, cause: GapCause, at: Mark, work: &mut Work<'_>) {
        self.give_up_while(side, cause, at, work, |late| late.bytes > bytes_max);
    }

    /// Gives up holes while `goes_on` says so of what is held. Each step hands on a piece or the end, without the peer's bytes if need be.
    fn give_up_while(
        &mut self,
        side: Side,
        cause: GapCause,
        at: Mark,
        work: &mut Work<'_>,
        goes_on: impl Fn(&Late) -> bool,
    ) {
        let held = |half: &Half| half.late.as_ref().map(|late| (late.pieces.len(), late.end.is_some()));
        while self.halves[side.index()].late.as_deref().is_some_and(&goes_on) {
            let before = held(&self.halves[side.index()]);
            self.give_up_step(side, cause, at, work);
            if held(&self.halves[side.index()]) == before {
                self.give_up_next(side, cause, true, at, work);
            }
        }
    }

    /// Gives up the next hole; before it those of the peer that what lies behind it answers, or answers overtake requests.
    fn give_up_step(&mut self, side: Side, cause: GapCause, at: Mark, work: &mut Work<'_>) {
        let front = self.halves[side.index()].late.as_ref().and_then(|late| late.pieces.front());
        if let Some(ack) = front.and_then(|piece| piece.ack)
            && self.is_held_back(side, Some(ack))
        {
            self.give_up_until(side.other(), ack, cause, at, work);
        }
        self.give_up_next(side, cause, false, at, work);
    }

    /// Nothing more will be seen of this connection.
    pub(super) fn end(&mut self, why: NoAnswer, at: Mark, work: &mut Work<'_>) {
        let client = self.talk.as_ref().and_then(|t| t.client()).unwrap_or(Side::Low);
        self.flush(client, at, work);
        self.flush(client.other(), at, work);
        let [low, high] = &self.halves;
        let has_payload = low.has_payload || high.has_payload;
        work.counters.one_sided += u64::from(has_payload && !(low.seen && high.seen));
        let client_left = self.halves[client.index()].ended;
        let (stream, key, read_to) = (StreamId(self.id), self.key, self.read_to());
        match &mut self.talk {
            Some(talk) => talk.on_end(why, client_left, at, &mut work.context(stream, key, read_to)),
            None => work.counters.carried.empty += u64::from(self.carries == Carries::Unknown),
        }
    }
}

/// Why bytes will not come.
#[derive(Debug, Clone, Copy)]
enum GapCause {
    Lost,
    SnapLength,
    Cap,
    End,
}
