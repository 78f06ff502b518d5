//! A connection inside TLS: its plaintext is a conversation of its own, whose places are those of the records in the TCP stream.
//!
//! The first byte of a record's plaintext stands where the record begins, so that acknowledgments, which never point into a
//! record, tell the same of messages as they do without TLS.

use super::Mark;
use super::NoAnswer;
use super::conversation::{Close, Context, Conversation, Piece};
use crate::decode::Side;
use crate::packet::Time;
use crate::tls::{SESSION_BYTES, Session, Step};

/// What is known of a record's first or last byte.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its segment begins.
    segment: u32,
    at: Mark,
    ack: Option<u32>,
    in_turn: bool,
    read_to: [Option<u32>; 2],
    /// Of an end: how.
    close: Close,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Sealed {
    session: Session<Place>,
    inside: Conversation,
    /// Where the segment begins of which plaintext was handed on last.
    told: [Option<u32>; 2],
    /// Whose end was handed on.
    ended: [bool; 2],
    /// Since when records wait for keys.
    waits_since: Option<Time>,
    charged: u64,
}

const _: () = assert!(size_of::<Sealed>() <= SESSION_BYTES);

impl Sealed {
    /// If the client on this side begins with what may be a ClientHello, and some keys are known or awaited. `inside` will read
    /// the plaintext.
    pub fn begin(client: Side, bytes: &[u8], cx: &Context<'_>, inside: impl FnOnce() -> Conversation) -> Option<Self> {
        if !cx.shared.tls.as_ref().is_some_and(|tools| tools.keys.are_used()) {
            return None;
        }
        let session = Session::begin(client, bytes)?;
        let inside = inside();
        Some(Sealed { session, inside, told: [None; 2], ended: [false; 2], waits_since: None, charged: 0 })
    }

    /// The conversation in it.
    pub fn inside(&self) -> &Conversation {
        &self.inside
    }

    /// The same, to change it.
    pub fn inside_mut(&mut self) -> &mut Conversation {
        &mut self.inside
    }

    /// Since when records wait for keys.
    pub fn waits_since(&self) -> Option<Time> {
        self.waits_since
    }

    /// All that there was in this direction was handed on.
    pub fn is_over(&self, side: Side) -> bool {
        self.ended[side.index()] || self.inside.is_over()
    }

    pub fn on_data(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) {
        let Piece { seq, bytes, ack, at, in_turn, .. } = *piece;
        let place = Place { segment: seq, at, ack, in_turn, read_to: cx.read_to, close: Close::Fin };
        if let Some(tools) = &mut cx.shared.tls {
            self.session.on_bytes(side, seq, bytes, place, tools, cx.counters);
        }
        self.go_on(at, cx);
    }

    pub fn on_gap(&mut self, side: Side, bytes: u64, at: Mark, cx: &mut Context<'_>) {
        let Some(end) = cx.read_to[side.index()] else { return };
        let seq = end.wrapping_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
        let place = Place { segment: end, at, ack: None, in_turn: false, read_to: cx.read_to, close: Close::Fin };
        if let Some(tools) = &mut cx.shared.tls {
            self.session.on_gap(side, seq, bytes, place, tools);
        }
        self.go_on(at, cx);
    }

    pub fn on_close(&mut self, side: Side, close: Close, at: Mark, cx: &mut Context<'_>) {
        let place = Place { segment: 0, at, ack: None, in_turn: false, read_to: cx.read_to, close };
        self.session.on_end(side, place);
        self.go_on(at, cx);
    }

    /// Hands on what can be read by now; `at` is now.
    pub fn go_on(&mut self, at: Mark, cx: &mut Context<'_>) {
        let Some(mut tools) = cx.shared.tls.take() else { return };
        let read_to = cx.read_to;
        loop {
            match self.session.next(&mut tools, cx.counters) {
                Step::Idle => break,
                Step::Plain { side, seq, bytes, first, last } => {
                    let told = self.told[side.index()].replace(first.segment);
                    let in_turn = first.in_turn && told != Some(first.segment);
                    cx.read_to = last.read_to;
                    let piece = Piece { seq, bytes, ack: last.ack, at: last.at, conflict: false, in_turn };
                    self.inside.on_data(side, piece, cx);
                }
                Step::Gap { side, bytes, at } => {
                    cx.read_to = at.read_to;
                    self.inside.on_gap(side, bytes, at.at, cx);
                }
                Step::End { side, at } => {
                    cx.read_to = at.read_to;
                    self.inside.on_close(side, at.close, at.at, cx);
                    self.ended[side.index()] = true;
                    self.ended[side.other().index()] |= at.close == Close::Reset;
                }
            }
        }
        cx.read_to = read_to;
        cx.shared.tls = Some(tools);
        self.charge(cx);
        if self.charged > cx.shared.tls_waiting_bytes_max {
            self.give_up(true, at, cx);
        } else if !self.session.waits() {
            self.waits_since = None;
        } else if self.waits_since.is_none() {
            self.waits_since = Some(at.time);
            *cx.holds = true;
        }
        let is_read = [Side::Low, Side::High].into_iter().any(|side| !self.session.is_over(side));
        if !is_read && !self.inside.is_over() {
            self.inside.on_end(NoAnswer::Lost, false, at, cx);
        }
        if self.inside.is_over() {
            self.session.stop(cx.counters);
            self.charge(cx);
        }
    }

    /// Gives up what waits for keys; `is_cap` says that it had to make room.
    pub fn give_up(&mut self, is_cap: bool, at: Mark, cx: &mut Context<'_>) {
        self.session.give_up(is_cap, cx.counters);
        self.waits_since = None;
        self.charge(cx);
        self.inside.on_end(NoAnswer::Lost, false, at, cx);
    }

    /// Nothing more will be seen of this connection.
    pub fn on_end(&mut self, why: NoAnswer, client_left: bool, at: Mark, cx: &mut Context<'_>) {
        // Its keys may have come since it was looked at.
        if self.session.waits() {
            self.go_on(at, cx);
        }
        self.session.give_up(false, cx.counters);
        self.charge(cx);
        self.inside.on_end(why, client_left, at, cx);
    }

    fn charge(&mut self, cx: &mut Context<'_>) {
        let held = self.session.held() as u64;
        cx.shared.tls_bytes = cx.shared.tls_bytes + held - self.charged;
        self.charged = held;
    }
}
