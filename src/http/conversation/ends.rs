//! What will not come: gaps, bytes that are no message, closed directions, the end of a connection.

use std::sync::Arc;

use super::{Body, Carries, Close, Context, Conversation, State, release_buffer};
use crate::decode::Side;
use crate::http::chunked::Chunked;
use crate::http::probe::first_line;
use crate::http::{BodyState, HeadState, HttpEvent, Mark, NoAnswer, Request};

impl Conversation {
    fn tell_none_answered(&mut self, why: NoAnswer, at: Mark, cx: &mut Context<'_>) {
        let why = if self.pairing.may_have_missed_answers() { NoAnswer::Lost } else { why };
        let requests: Vec<_> = self.pairing.take_all().collect();
        for request in requests {
            tell_no_answer(request, why, at, cx);
        }
    }

    /// The next bytes of a direction are there but were not kept, since nobody needs them.
    pub fn on_skipped(&mut self, side: Side, bytes: u64) {
        match &mut self.readers[side.index()].state {
            State::Body(open, Body::Counted { left } | Body::Chunked(Chunked::Data { left })) if bytes < *left => {
                *left -= bytes;
                open.body_bytes += bytes;
            }
            State::Body(open, Body::UntilClose) => open.body_bytes += bytes,
            State::Frames => {
                if let Some(h2) = &mut self.h2 {
                    h2.on_skipped(side, bytes);
                }
            }
            _ => {}
        }
    }

    /// Bytes of a direction will not come.
    pub fn on_gap(&mut self, side: Side, bytes: u64, at: Mark, cx: &mut Context<'_>) {
        if matches!(self.readers[side.index()].state, State::Sealed) {
            self.with_sealed(|sealed| sealed.on_gap(side, bytes, at, cx));
            return;
        }
        if self.client != Some(side) {
            self.release(None, side, cx);
        }
        if matches!(self.readers[side.index()].state, State::Either(_)) {
            self.take_for_body(side);
            self.end(side, BodyState::CutByCapture, at, cx);
        }
        let reader = &mut self.readers[side.index()];
        let in_head = matches!(reader.state, State::Head(_));
        match &mut reader.state {
            State::Nothing | State::Sealed => return,
            State::Frames => {
                if let Some(h2) = &mut self.h2 {
                    h2.on_gap(side, bytes, at, cx);
                }
                return;
            }
            State::Body(open, body) => {
                open.gap = true;
                match body {
                    Body::UntilClose => return,
                    Body::Counted { left } if bytes < *left => {
                        *left -= bytes;
                        return;
                    }
                    Body::Counted { left } if bytes == *left => {
                        self.end(side, BodyState::Whole, at, cx);
                        self.readers[side.index()].after_gap = true;
                        return;
                    }
                    Body::Chunked(Chunked::Data { left }) if bytes <= *left => {
                        *left -= bytes;
                        return;
                    }
                    Body::Counted { .. } | Body::Chunked(_) => self.end(side, BodyState::CutByCapture, at, cx),
                }
            }
            State::Head(_) => self.cut_head(side, HeadState::CutByCapture, BodyState::CutByCapture, at, cx),
            State::LongHead(long) => {
                // Its message was told; its body is not known to end anywhere.
                let after = std::mem::replace(&mut long.1, State::Nothing);
                reader.state = after;
                self.take_for_body(side);
                self.end(side, BodyState::CutByCapture, at, cx);
            }
            State::Start | State::Lost { .. } | State::Either(_) => {}
        }
        self.readers[side.index()].after_gap = true;
        self.miss(side, in_head);
    }

    /// Messages of this direction may have been missed: nobody knows where the next one begins.
    pub(super) fn miss(&mut self, side: Side, in_head: bool) {
        let reader = &mut self.readers[side.index()];
        reader.state = State::Lost { looked: 0 };
        match self.client {
            Some(client) if client == side => self.pairing.on_client_gap(in_head),
            Some(_) => self.pairing.on_server_gap(),
            None => reader.early_gap = true,
        }
    }

    /// The complete lines of the head that is held are all that will come of it.
    fn cut_head(&mut self, side: Side, how: HeadState, body: BodyState, at: Mark, cx: &mut Context<'_>) {
        if !matches!(self.readers[side.index()].state, State::Head(_)) {
            return;
        }
        let (mut bytes, head_at) = self.take_partial(side, how, cx);
        let complete = memchr::memrchr(b'\n', &bytes).map_or(0, |i| i + 1);
        bytes.truncate(complete);
        let before = cx.out.len();
        if first_line(&bytes).is_some() && self.on_head(side, &bytes, head_at, &[], cx) {
            // Nothing is known of its body, so its end is that of its head.
            self.take_for_body(side);
            let reader = &mut self.readers[side.index()];
            match reader.state {
                State::Body(..) => self.end(side, body, at, cx),
                _ => {
                    if let Some(HttpEvent::End { state, .. }) = cx.out.get_mut(before..).and_then(<[_]>::last_mut) {
                        *state = body;
                    }
                }
            }
        }
        self.readers[side.index()].state = State::Lost { looked: 0 };
    }

    /// A direction was closed by its sender.
    pub fn on_close(&mut self, side: Side, how: Close, at: Mark, cx: &mut Context<'_>) {
        if matches!(self.readers[side.index()].state, State::Sealed) {
            self.with_sealed(|sealed| sealed.on_close(side, how, at, cx));
            return;
        }
        if let Some(h2) = &mut self.h2 {
            h2.on_close(side, how, at, cx);
            if how == Close::Reset {
                self.stop(side.other(), cx);
            }
            self.stop(side, cx);
            return;
        }
        self.readers[side.index()].closed = true;
        match how {
            Close::Fin if self.client == Some(side) => {
                // A request without its end was never one for the server.
                release_buffer(&mut self.readers[side.index()].state, cx.shared);
                self.close_body(side, BodyState::CutByClose, false, at, cx);
            }
            Close::Fin => {
                self.cut_head(side, HeadState::CutByClose, BodyState::CutByClose, at, cx);
                self.close_body(side, BodyState::CutByClose, true, at, cx);
                if self.client.is_some() {
                    self.tell_none_answered(NoAnswer::Closed, at, cx);
                }
            }
            Close::Reset => {
                if self.client == Some(side.other()) {
                    self.cut_head(side, HeadState::CutByClose, BodyState::CutByClose, at, cx);
                }
                self.close_body(side, BodyState::CutByClose, false, at, cx);
                self.close_body(side.other(), BodyState::Aborted, false, at, cx);
                self.tell_none_answered(NoAnswer::Reset, at, cx);
                self.stop(side.other(), cx);
            }
        }
        self.stop(side, cx);
    }

    fn close_body(&mut self, side: Side, cut: BodyState, ends_well: bool, at: Mark, cx: &mut Context<'_>) {
        let reader = &mut self.readers[side.index()];
        if let State::LongHead(long) = &mut reader.state {
            let after = std::mem::replace(&mut long.1, State::Nothing);
            reader.state = after;
        }
        self.take_for_body(side);
        if let State::Body(_, body) = &self.readers[side.index()].state {
            let is_end = matches!(body, Body::UntilClose) && ends_well;
            self.end(side, if is_end { BodyState::Whole } else { cut }, at, cx);
        }
    }

    fn stop(&mut self, side: Side, cx: &mut Context<'_>) {
        let reader = &mut self.readers[side.index()];
        release_buffer(&mut reader.state, cx.shared);
        reader.state = State::Nothing;
    }

    /// Nothing more will be seen of this connection. `client_left` says that the client had closed its side.
    pub fn on_end(&mut self, why: NoAnswer, client_left: bool, at: Mark, cx: &mut Context<'_>) {
        if let Some(sealed) = &mut self.sealed {
            sealed.on_end(why, client_left, at, cx);
        }
        if let Some(h2) = &mut self.h2 {
            h2.on_end(why, client_left, at, cx);
        }
        for side in [Side::Low, Side::High] {
            self.cut_head(side, HeadState::CutByCapture, BodyState::CutByCapture, at, cx);
            let left = client_left && self.client == Some(side.other());
            let cut = if left { BodyState::Aborted } else { BodyState::CutByCapture };
            self.close_body(side, cut, false, at, cx);
            self.stop(side, cx);
        }
        self.release(None, Side::Low, cx);
        self.tell_none_answered(why, at, cx);
        if self.carries == Carries::Unknown {
            self.carries = Carries::Other;
            cx.counters.carried.not_http += 1;
        }
    }

    /// Gives up the head that a direction holds, to make room.
    pub fn give_up_head(&mut self, side: Side, at: Mark, cx: &mut Context<'_>) -> bool {
        if let Some(sealed) = &mut self.sealed {
            return sealed.inside_mut().give_up_head(side, at, cx);
        }
        if let Some(h2) = &mut self.h2 {
            return h2.give_up_held(at, cx);
        }
        if !matches!(self.readers[side.index()].state, State::Head(_)) {
            return false;
        }
        self.cut_head(side, HeadState::CutByCapture, BodyState::CutByCapture, at, cx);
        self.readers[side.index()].after_gap = true;
        self.miss(side, true);
        true
    }

    /// What stands here is no message.
    pub(super) fn lose(&mut self, side: Side) {
        if self.client.is_some() {
            self.miss(side, false);
        } else {
            self.readers[side.index()].state = State::Lost { looked: 0 };
        }
    }
}

/// A request that waited will not be answered.
pub(in crate::http) fn tell_no_answer(request: Arc<Request>, why: NoAnswer, at: Mark, cx: &mut Context<'_>) {
    cx.shared.waits_no_more(&request);
    cx.out.push(HttpEvent::NoAnswer { request, why, at });
}
