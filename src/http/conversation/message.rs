//! A head that is there: a request, or the answer to one; then its body, and its end.

use std::sync::Arc;

use super::{Body, Carries, Context, Conversation, HeadAt, Open, State, address, release_buffer};
use crate::counters::Counters;
use crate::decode::Side;
use crate::http::chunked::Chunked;
use crate::http::framing::{Framing, framing_of};
use crate::http::grammar::StartLine;
use crate::http::h2::Begin;
use crate::http::head::{Head, Name};
use crate::http::keep::Fields;
use crate::http::pairing::Answered;
use crate::http::probe::first_line;
use crate::http::proxy::{self, Header};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, Version, refusal,
};

/// An answer held back until its body begins: what an error's body begins with tells the cause.
#[derive(Debug)]
pub(in crate::http) struct HeldAnswer {
    pub request: Option<Arc<Request>>,
    pub response: Response,
}

impl HeldAnswer {
    /// Holds it back. Where it would take room of heads, it is told at once.
    pub fn hold(self, cx: &mut Context<'_>) -> Option<Box<Self>> {
        let bytes = self.held_bytes();
        if cx.shared.head_bytes + bytes > cx.shared.heads_together_bytes_max / 2 {
            cx.counters.evictions.head_bytes += 1;
            self.tell_now(None, cx);
            return None;
        }
        cx.shared.head_bytes += bytes;
        *cx.holds = true;
        Some(Box::new(self))
    }

    fn held_bytes(&self) -> u64 {
        let request = self.request.as_ref().map_or(0, |request| request.head.held_bytes());
        (size_of::<Self>() + request + self.response.head.held_bytes()) as u64
    }

    /// Tells what was held back; `body` is how it is framed, and the bytes that it begins with.
    pub fn tell(self, body: Option<(Framing, &[u8])>, cx: &mut Context<'_>) {
        cx.shared.head_bytes -= self.held_bytes();
        self.tell_now(body, cx);
    }

    /// The same of one that was not.
    pub fn tell_now(self, body: Option<(Framing, &[u8])>, cx: &mut Context<'_>) {
        let HeldAnswer { request, mut response } = self;
        if let Some((framing, bytes)) = body
            && !response.body_start.is_cors_refusal()
        {
            response.body_start = body_start(Some(response.status), framing, bytes);
        }
        cx.out.push(HttpEvent::Response { request, response: Arc::new(response) });
    }
}

impl Conversation {
    /// A head, or the lines of it that arrived; `follows` are the bytes behind it in the same segment. Says whether it was one;
    /// if not, the reader is lost.
    pub(super) fn on_head(
        &mut self,
        side: Side,
        bytes: &[u8],
        at: HeadAt,
        follows: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        if bytes.starts_with(b"PROXY ")
            && let Header::Whole(used, client) = proxy::read(bytes)
        {
            self.proxied = client.map(Box::new);
            let seq = at.seq.wrapping_add(u32::try_from(used).unwrap_or(0));
            return self.on_head(side, bytes.get(used..).unwrap_or_default(), HeadAt { seq, ..at }, follows, cx);
        }
        let Some((line, rest)) = first_line(bytes) else {
            cx.counters.http_errors.head_malformed += u64::from(self.carries == Carries::Http);
            self.lose(side);
            return false;
        };
        let fields = cx.shared.keep.fields(&line, rest);
        self.on_message(side, line, fields, at, follows, cx)
    }

    /// The same once it is read.
    pub(super) fn on_message(
        &mut self,
        side: Side,
        line: StartLine<'_>,
        fields: Fields,
        at: HeadAt,
        follows: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let client = match line {
            StartLine::Request { .. } => side,
            StartLine::Response { .. } => side.other(),
        };
        if self.client.is_some_and(|known| known != client) {
            cx.counters.http_errors.head_malformed += 1;
            self.lose(side);
            return false;
        }
        if self.client.is_none() {
            self.learn(client, cx);
        }
        match line {
            StartLine::Request { method, target, minor } => {
                self.on_request(side, method, target, minor, fields, at, follows, cx);
            }
            StartLine::Response { status, reason, minor, is_plain } => {
                self.on_response(side, (status, reason, is_plain), minor, fields, at, follows, cx);
            }
        }
        true
    }

    /// The first message tells who is who.
    fn learn(&mut self, client: Side, cx: &mut Context<'_>) {
        self.client = Some(client);
        match self.carries {
            Carries::Unknown => {
                self.carries = Carries::Http;
                cx.counters.carried.http1 += 1;
            }
            // Its connection was counted as TLS.
            Carries::Tls => self.carries = Carries::Http,
            Carries::Http | Carries::Other => {}
        }
        let [from, to] = [client.index(), client.other().index()];
        if let Some(first) = self.readers[to].first {
            self.pairing.on_server_start(first);
        }
        if self.readers[from].midway {
            self.pairing.on_client_midway();
        }
        if self.readers[from].early_gap {
            self.pairing.on_client_gap(false);
        }
        if self.readers[to].early_gap {
            self.pairing.on_server_gap();
        }
    }

    fn doubts(&mut self, side: Side, at: &HeadAt, framing: bool) -> Doubts {
        let reader = &mut self.readers[side.index()];
        Doubts {
            after_gap: std::mem::take(&mut reader.after_gap),
            midstream: reader.midway && reader.nth == 0,
            ambiguous: at.ambiguous,
            framing,
            pairing: false,
            untidy: std::mem::take(&mut reader.after_blank),
            ..Doubts::default()
        }
    }

    fn id(&mut self, side: Side, is_request: bool, seq: u32, cx: &Context<'_>) -> MessageId {
        let reader = &mut self.readers[side.index()];
        let nth = reader.nth;
        reader.nth = nth.wrapping_add(1);
        MessageId { stream: cx.stream, request: is_request, seq, nth }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one request, called once
    fn on_request(
        &mut self,
        side: Side,
        method: &[u8],
        target: &[u8],
        minor: u8,
        fields: Fields,
        at: HeadAt,
        follows: &[u8],
        cx: &mut Context<'_>,
    ) {
        self.release(None, side, cx);
        let kept = fields.of_request(method, target);
        let head_state = state_of(kept.too_many, kept.too_long, at.state, cx.counters);
        let head = kept.head;
        let framed = framing_of(&head, false, &mut cx.counters.http_errors);
        let framing = if method == b"CONNECT" { Framing::None } else { framed.framing };
        let doubts = self.doubts(side, &at, framed.doubtful);
        let id = self.id(side, true, at.seq, cx);
        let (from, to) = match side {
            Side::Low => (cx.flow.low, cx.flow.high),
            Side::High => (cx.flow.high, cx.flow.low),
        };
        let peer = address(from);
        let request = Arc::new(Request {
            id,
            first: at.first,
            head_end: at.last,
            client: self.proxied.as_deref().copied().unwrap_or(peer),
            peer,
            server: address(to),
            version: Version::of_minor(minor),
            scheme: self.scheme,
            head,
            head_state,
            body_start: body_start(None, framing, follows),
            doubts,
            on_connection: id.nth,
        });
        cx.counters.requests += 1;
        cx.out.push(HttpEvent::Request(request.clone()));
        let server = side.other();
        let in_answer = matches!(self.readers[server.index()].state, State::Body(..));
        let full = self.pairing.waiting() >= cx.shared.pipeline_max || !cx.shared.may_wait(&request);
        let refused = if full {
            cx.counters.http_errors.pipeline_full += 1;
            self.pairing.on_refused();
            Some(request)
        } else {
            cx.shared.waits(&request);
            let refused = self.pairing.on_request(request, at.ack, cx.read_to[server.index()], in_answer);
            if let Some(request) = &refused {
                cx.shared.waits_no_more(request);
            }
            refused
        };
        if let Some(request) = refused {
            cx.out.push(HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at: at.last });
        }
        self.begin_body(side, framing, id, at.last, cx);
    }

    #[allow(clippy::too_many_arguments)] // the parts of one response, called once
    fn on_response(
        &mut self,
        side: Side,
        (status, reason, is_plain): (u16, &[u8], bool),
        minor: u8,
        fields: Fields,
        at: HeadAt,
        follows: &[u8],
        cx: &mut Context<'_>,
    ) {
        let kept = fields.of_response();
        let head_state = state_of(kept.too_many, kept.too_long, at.state, cx.counters);
        let head = kept.head;
        // RFC 7540 § 3.2: the answer follows, in frames
        let to_frames = status == 101
            && at.state == HeadState::Whole
            && head.first(Name::Upgrade).is_some_and(|to| to.eq_ignore_ascii_case(b"h2c"))
            && matches!(self.readers[side.other().index()].state, State::Start | State::Lost { .. });
        let is_interim = (100..200).contains(&status) && (status != 101 || to_frames);
        let answered = if is_interim {
            Answered::default()
        } else {
            let answered = self.pairing.on_response(at.seq);
            for request in answered.request.iter().chain(&answered.lost) {
                cx.shared.waits_no_more(request);
            }
            answered
        };
        let Answered { request, lost, doubtful } = answered;
        for request in lost {
            cx.out.push(HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at: at.last });
        }
        let asked = request.as_ref().map(|r| r.head.method());
        let is_unasked = asked.is_none();
        let (framing, framing_doubt) = answer_framing(status, &head, asked, cx);
        let mut doubts = self.doubts(side, &at, framing_doubt);
        doubts.pairing = doubtful;
        doubts.malformed = kept.malformed || !is_plain;
        doubts.untidy |= kept.untidy;
        doubts.blanks = kept.tabs;
        doubts.left = self.readers[side.other().index()].closed;
        let id = self.id(side, false, at.seq, cx);
        let (from, to) = match side {
            Side::Low => (cx.flow.low, cx.flow.high),
            Side::High => (cx.flow.high, cx.flow.low),
        };
        let response = Response {
            id,
            first: at.first,
            head_end: at.last,
            client: self.proxied.as_deref().copied().unwrap_or_else(|| address(to)),
            server: address(from),
            status,
            version: Version::of_minor(minor),
            head,
            head_state,
            body_start: refusal::in_words(status, reason).unwrap_or_else(|| body_start(Some(status), framing, follows)),
            doubts,
        };
        if is_interim {
            cx.out.push(HttpEvent::Interim(Arc::new(response)));
            self.begin_body(side, Framing::None, id, at.last, cx);
            if to_frames {
                let request = self.pairing.take_first();
                // What the client sends is read as if it began here.
                self.readers[side.other().index()].state = State::Start;
                self.begin_frames(Begin::Preface, Some(side.other()), at.last, cx);
                if let (Some(request), Some(h2)) = (request, &mut self.h2) {
                    h2.answer_on_first_stream(request);
                }
            }
            return;
        }
        cx.counters.responses += 1;
        cx.counters.http_errors.orphan_response += u64::from(request.is_none());
        let is_tunnel = asked == Some(b"CONNECT") && (200..300).contains(&status);
        let waits_for_body = status >= 400 && framing != Framing::None && follows.is_empty();
        if waits_for_body && at.state == HeadState::Whole {
            self.held = HeldAnswer { request, response }.hold(cx);
        } else {
            cx.out.push(HttpEvent::Response { request, response: Arc::new(response) });
        }
        self.begin_body(side, framing, id, at.last, cx);
        if is_unasked && let State::Body(open, body) = self.readers[side.index()].state {
            if follows.is_empty() {
                self.readers[side.index()].state = State::Either(Box::new((open, body)));
            } else if self.pairing.is_pipelined() && first_line(follows).is_some() {
                // Its body, or the next answer: nothing tells.
                self.end(side, BodyState::CutByCapture, at.last, cx);
                self.lose(side);
            }
        }
        if status == 101 {
            for reader in &mut self.readers {
                release_buffer(&mut reader.state, cx.shared);
                reader.state = State::Nothing;
            }
        } else if is_tunnel && let State::Lost { .. } = self.readers[side.other().index()].state {
            // What the client sends through the tunnel is read as if it began here.
            self.readers[side.other().index()].state = State::Start;
        }
    }

    pub(super) fn take_for_body(&mut self, side: Side) {
        let reader = &mut self.readers[side.index()];
        reader.state = match std::mem::replace(&mut reader.state, State::Nothing) {
            State::Either(either) => State::Body(either.0, either.1),
            other => other,
        };
    }

    fn begin_body(&mut self, side: Side, framing: Framing, id: MessageId, at: Mark, cx: &mut Context<'_>) {
        let open = Open { seq: id.seq, nth: id.nth, body_bytes: 0, gap: false };
        let body = match framing {
            Framing::None | Framing::Counted(0) => {
                self.readers[side.index()].state = State::Start;
                cx.out.push(HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at });
                return;
            }
            Framing::Counted(left) => Body::Counted { left },
            Framing::Chunked => Body::Chunked(Chunked::START),
            Framing::UntilClose => Body::UntilClose,
        };
        self.readers[side.index()].state = State::Body(open, body);
    }

    /// Ends the body that goes on in this direction.
    pub(super) fn end(&mut self, side: Side, state: BodyState, at: Mark, cx: &mut Context<'_>) {
        let is_request = self.client == Some(side);
        if !is_request {
            self.release(None, side, cx);
        }
        let reader = &mut self.readers[side.index()];
        if let State::Body(open, _) = reader.state {
            let id = MessageId { stream: cx.stream, request: is_request, seq: open.seq, nth: open.nth };
            let state = if open.gap && state == BodyState::Whole { BodyState::Gap } else { state };
            cx.out.push(HttpEvent::End { id, body_bytes: open.body_bytes, state, at });
        }
        reader.state = State::Start;
    }

    /// Tells the answer that was held back; `body` are the bytes that its body begins with.
    pub(super) fn release(&mut self, body: Option<&[u8]>, side: Side, cx: &mut Context<'_>) {
        let Some(held) = self.held.take() else { return };
        let body = match (body, &self.readers[side.index()].state) {
            (Some(bytes), State::Body(_, Body::Chunked(_))) => Some((Framing::Chunked, bytes)),
            (Some(bytes), State::Body(..)) => Some((Framing::UntilClose, bytes)),
            _ => None,
        };
        held.tell(body, cx);
    }

    /// An answer was held back for long enough.
    pub fn on_held_long(&mut self, cx: &mut Context<'_>) {
        self.timed = false;
        self.release(None, Side::Low, cx);
        if let Some(sealed) = &mut self.sealed {
            sealed.inside_mut().on_held_long(cx);
        }
        if let Some(h2) = &mut self.h2 {
            h2.release_held(cx);
        }
    }

    /// An answer is held back, and nobody keeps the time until [`on_held_long`](Self::on_held_long) yet: the caller does from now on.
    pub fn begins_to_hold_answer(&mut self) -> bool {
        !self.timed && {
            self.timed = self.holds_answer();
            self.timed
        }
    }

    fn holds_answer(&self) -> bool {
        self.held.is_some()
            || self.sealed.as_ref().is_some_and(|sealed| sealed.inside().holds_answer())
            || self.h2.as_ref().is_some_and(|h2| h2.holds_answer())
    }
}

pub(in crate::http) fn state_of(
    too_many: bool,
    too_long: bool,
    state: HeadState,
    counters: &mut Counters,
) -> HeadState {
    counters.http_errors.too_many_fields += u64::from(too_many);
    counters.http_errors.head_too_long += u64::from(too_long && !too_many && state == HeadState::Whole);
    if (too_many || too_long) && state == HeadState::Whole { HeadState::CutByCapture } else { state }
}

/// RFC 9112 § 6.3, items 1 to 3, then the fields. `asked` is the request's method, when that is known.
fn answer_framing(status: u16, head: &Head, asked: Option<&[u8]>, cx: &mut Context<'_>) -> (Framing, bool) {
    let is_tunnel = asked == Some(b"CONNECT") && (200..300).contains(&status);
    if matches!(status, 100..200 | 204 | 304) || asked == Some(b"HEAD") || is_tunnel {
        return (Framing::None, false);
    }
    let framed = framing_of(head, true, &mut cx.counters.http_errors);
    (framed.framing, framed.doubtful)
}

/// Tells what a body begins with; `bytes` begin with it, and an answer has a status.
fn body_start(status: Option<u16>, framing: Framing, bytes: &[u8]) -> BodyStart {
    let bytes = match framing {
        Framing::None => return BodyStart::Unseen,
        Framing::Counted(n) => bytes.get(..usize::try_from(n).unwrap_or(usize::MAX)).unwrap_or(bytes),
        Framing::UntilClose => bytes,
        Framing::Chunked => {
            let line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |i| i + 1);
            bytes.get(line..).unwrap_or_default()
        }
    };
    let bytes = text_of(bytes);
    let refused = refusal::beginning(bytes).or_else(|| status.and_then(|status| refusal::in_words(status, bytes)));
    refused.unwrap_or_else(|| looks_like(bytes))
}

/// Tells what a request's body begins with.
pub fn begins_with(bytes: &[u8]) -> BodyStart {
    looks_like(text_of(bytes))
}

fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start()
}

fn looks_like(bytes: &[u8]) -> BodyStart {
    match bytes {
        [] => BodyStart::Unseen,
        [b'{' | b'[', ..] => BodyStart::Json,
        [b'<', ..] => BodyStart::Markup,
        _ => BodyStart::Other,
    }
}
