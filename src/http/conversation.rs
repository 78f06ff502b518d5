//! One connection's two directions: probe, then HTTP/1 (heads, bodies passed over, answers paired) or HTTP/2 (`h2`).
//!
//! Gets each direction's bytes in order, once, and is told of gaps and ends. Keeps no body, and of heads only one that spans
//! packets, until it ends. After a gap it goes on at the next message that begins for sure.

use std::net::SocketAddr;
use std::sync::Arc;

use super::chunked::{Chunked, Progress};
use super::framing::{Framing, framing_of};
use super::grammar::{BlankLine, StartLine};
use super::h2::frame::{PREFACE, begins_with_settings, may_begin_settings};
use super::h2::{self, Begin};
use super::head::{Head, Name};
use super::keep::{Fields, Keep};
use super::pairing::{Answered, Pairing};
use super::probe::{Look, PROXY_V2, begins_for_sure, first_line, look, look_at};
use super::proxy::{self, Header};
use super::refusal;
use super::sealed::Sealed;
use super::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, StreamId, Version,
};
use crate::counters::Counters;
use crate::decode::{Endpoint, FlowKey, Side};
use crate::limits::Limits;
use crate::options::{EngineOptions, Scheme};
use crate::packet::Time;
use crate::tls::{Keys, Tools};

/// Bytes of a request's head that need no room but their request's.
const USUAL_BYTES: usize = 2048;

/// What all conversations share: limits, the policy of what is kept, and what they hold together.
#[derive(Debug)]
pub struct Shared {
    pub(super) keep: Keep,
    pub(super) head_bytes_max: usize,
    pipeline_max: usize,
    pub(super) streams_max: usize,
    waiting_max: u64,
    waiting_bytes_max: u64,
    probe_bytes_max: u32,
    heads_together_bytes_max: u64,
    /// Bytes of heads that span packets, charged by capacity, of what heads of HTTP/2 may refer to, and of answers held back.
    pub head_bytes: u64,
    /// Requests that wait for their answers.
    pub waiting: u64,
    /// Bytes of their heads.
    pub waiting_bytes: u64,
    /// What reads TLS; not here while it does.
    pub tls: Option<Box<Tools>>,
    /// Bytes of TLS records that wait, for their rest or for their keys.
    pub tls_bytes: u64,
    /// Of those, how many one connection may hold that waits for keys.
    pub tls_waiting_bytes_max: u64,
    /// Room for a head of HTTP/2 while it is written as one of HTTP/1.
    pub(super) text: Vec<u8>,
    /// The same for its strings.
    pub(super) strings: h2::Strings,
}

impl Shared {
    /// Nothing held yet.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Shared {
            keep: Keep::new(limits, options),
            head_bytes_max: limits.head_bytes_max as usize,
            pipeline_max: usize::from(limits.pipeline_max),
            streams_max: usize::from(limits.streams_max),
            waiting_max: u64::from(limits.requests_waiting_max),
            waiting_bytes_max: limits.requests_waiting_bytes_max,
            heads_together_bytes_max: limits.heads_together_bytes_max,
            probe_bytes_max: limits.probe_bytes_max,
            head_bytes: 0,
            waiting: 0,
            waiting_bytes: 0,
            tls: Some(Box::new(Tools::new(Keys::new(limits, options.key_log)))),
            tls_bytes: 0,
            tls_waiting_bytes_max: u64::from(limits.tls_waiting_bytes_max),
            text: Vec::new(),
            strings: h2::Strings::default(),
        }
    }

    /// There is room for one more request that waits. Long heads leave room for those of usual length.
    pub(super) fn may_wait(&self, request: &Request) -> bool {
        let has_room = self.waiting_bytes < self.waiting_bytes_max || request.head.held_bytes() <= USUAL_BYTES;
        self.waiting < self.waiting_max && has_room
    }

    pub(super) fn waits(&mut self, request: &Request) {
        self.waiting += 1;
        self.waiting_bytes += request.head.held_bytes() as u64;
    }

    pub(super) fn waits_no_more(&mut self, request: &Request) {
        self.waiting -= 1;
        self.waiting_bytes -= request.head.held_bytes() as u64;
    }
}

/// What a conversation needs for one call.
pub struct Context<'c> {
    /// Events go here.
    pub out: &'c mut Vec<HttpEvent>,
    /// The engine's counters.
    pub counters: &'c mut Counters,
    /// See [`Shared`].
    pub shared: &'c mut Shared,
    /// The connection's number.
    pub stream: StreamId,
    /// Its two ends.
    pub flow: FlowKey,
    /// How far each direction was handed on; none while it was not seen.
    pub read_to: [Option<u32>; 2],
    /// Set when a head began to be held, or an answer to be held back: the caller keeps the time.
    pub holds: &'c mut bool,
}

/// Bytes of one direction, in order.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Sequence number of the first.
    pub seq: u32,
    /// The bytes.
    pub bytes: &'a [u8],
    /// What their segment acknowledged.
    pub ack: Option<u32>,
    /// When they were captured.
    pub at: Mark,
    /// Another copy of them differs.
    pub conflict: bool,
    /// See [`Conversation::on_arrival`].
    pub in_turn: bool,
}

/// How a direction was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// FIN.
    Fin,
    /// RST.
    Reset,
}

/// What a connection was found to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Not told yet.
    Unknown,
    /// HTTP.
    Http,
    /// TLS.
    Tls,
    /// SSH, or bytes that are none of them.
    Other,
}

/// A message whose body goes on.
#[derive(Debug, Clone, Copy)]
struct Open {
    seq: u32,
    nth: u32,
    body_bytes: u64,
    gap: bool,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Counted { left: u64 },
    Chunked(Chunked),
    UntilClose,
}

/// A head that spans packets.
#[derive(Debug)]
struct Partial {
    bytes: Vec<u8>,
    search: BlankLine,
    /// It is a PROXY protocol header.
    is_proxy: bool,
    seq: u32,
    ack: Option<u32>,
    first: Mark,
    last: Mark,
    ambiguous: bool,
}

#[derive(Debug)]
enum State {
    /// A message begins with the next byte.
    Start,
    /// Nobody knows where the next message begins; so many bytes were looked at.
    Lost {
        looked: u32,
    },
    Head(Box<Partial>),
    /// A head above the limit, until its blank line; then its body.
    LongHead(Box<(BlankLine, State)>),
    /// Behind the head of an answer whose request is not known: its body comes next or, if that was HEAD, the next answer.
    Either(Box<(Open, Body)>),
    Body(Open, Body),
    /// TLS whose plaintext is read.
    Sealed,
    /// Frames of HTTP/2.
    Frames,
    /// Nothing more is read.
    Nothing,
}

/// Interim answers are shorter than this.
const INTERIM_BYTES_MAX: u32 = 16 * 1024;

/// What a direction's newest segment with data said of the peer's stream.
#[derive(Debug, Clone, Copy)]
struct Said {
    /// Its sender had received so much.
    acked: u32,
    /// Where that began which it said since then.
    begin: u32,
    /// Where it ends.
    end: u32,
    /// It is no interim answer, which a server gives in the midst of a request.
    is_final: bool,
}

/// One direction.
#[derive(Debug)]
struct Reader {
    state: State,
    nth: u32,
    /// Joined midway.
    midway: bool,
    /// Bytes were lost since the last message.
    after_gap: bool,
    /// Where it begins, if that was seen.
    first: Option<u32>,
    /// Bytes were lost while nobody knew who is the client.
    early_gap: bool,
    said: Option<Said>,
}

impl Reader {
    fn new(first: Option<u32>) -> Self {
        let midway = first.is_none();
        let state = if midway { State::Lost { looked: 0 } } else { State::Start };
        Reader { state, nth: 0, midway, after_gap: false, first, early_gap: false, said: None }
    }
}

/// An answer held back until its body begins: what an error's body begins with tells the cause.
#[derive(Debug)]
pub(super) struct HeldAnswer {
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

/// A connection's two directions.
#[derive(Debug)]
pub struct Conversation {
    readers: [Reader; 2],
    client: Option<Side>,
    carries: Carries,
    pairing: Pairing,
    held: Option<Box<HeldAnswer>>,
    /// Who keeps the time knows that an answer is held back.
    timed: bool,
    /// The client that a PROXY protocol header names.
    proxied: Option<Box<SocketAddr>>,
    /// What the connection itself says of its URLs.
    scheme: Option<Scheme>,
    /// From where on it is TLS that is read.
    sealed: Option<Box<Sealed>>,
    h2: Option<Box<h2::Connection>>,
}

pub(super) fn address(end: Endpoint) -> SocketAddr {
    SocketAddr::new(end.ip, end.port)
}

/// Where and when a head was.
#[derive(Debug, Clone, Copy)]
struct HeadAt {
    seq: u32,
    ack: Option<u32>,
    first: Mark,
    last: Mark,
    ambiguous: bool,
    state: HeadState,
}

impl Conversation {
    /// A conversation that begins, or is joined midway in the directions whose first sequence number is not known.
    #[must_use]
    pub fn new(first: [Option<u32>; 2]) -> Self {
        let [low, high] = first;
        Conversation {
            readers: [Reader::new(low), Reader::new(high)],
            client: None,
            carries: Carries::Unknown,
            pairing: Pairing::default(),
            held: None,
            timed: false,
            proxied: None,
            scheme: None,
            sealed: None,
            h2: None,
        }
    }

    /// A conversation inside TLS, which this one has come to.
    fn inside(&self) -> Self {
        let readers = self.readers.each_ref().map(|outer| Reader {
            state: State::Start,
            midway: false,
            nth: outer.nth,
            ..Reader::new(outer.first)
        });
        Conversation {
            readers,
            carries: Carries::Tls,
            proxied: self.proxied.clone(),
            scheme: Some(Scheme::Https),
            ..Conversation::new([None; 2])
        }
    }

    /// What it carries, as far as told.
    #[must_use]
    pub fn carries(&self) -> Carries {
        match &self.sealed {
            Some(sealed) if sealed.inside().carries == Carries::Http => Carries::Http,
            _ => self.carries,
        }
    }

    /// Nothing more is read in either direction.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.readers.iter().all(|r| matches!(r.state, State::Nothing))
            && self.held.is_none()
            && self.pairing.waiting() == 0
            && self.sealed.as_ref().is_none_or(|sealed| sealed.inside().is_over())
    }

    /// Who sends the requests, once known.
    #[must_use]
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// How willingly it is given up under a cap: nothing in progress, inside a body, inside a head.
    #[must_use]
    pub fn progress(&self) -> u8 {
        let of = |r: &Reader| match r.state {
            State::Nothing | State::Lost { .. } | State::Start | State::Sealed => 0,
            State::Body(..) | State::Either(_) => 1,
            State::Head(_) | State::LongHead(_) => 2,
            State::Frames => u8::from(self.h2.as_ref().is_some_and(|h2| h2.waiting() > 0)),
        };
        let inside = self.sealed.as_ref().map_or(0, |sealed| sealed.inside().progress());
        self.readers.iter().map(of).max().unwrap_or(0).max(u8::from(self.pairing.waiting() > 0)).max(inside)
    }

    /// How many of the next bytes of a direction nobody needs to see.
    #[must_use]
    pub fn skippable(&self, side: Side) -> u64 {
        match self.readers[side.index()].state {
            State::Body(_, Body::Counted { left } | Body::Chunked(Chunked::Data { left })) => left,
            State::Body(_, Body::UntilClose) | State::Nothing => u64::MAX,
            State::Frames => self.h2.as_ref().map_or(0, |h2| h2.skippable(side)),
            _ => 0,
        }
    }

    /// Bytes of the head that is being held, to compare a second copy with: sequence number of the first, and the bytes.
    #[must_use]
    pub fn held_head(&self, side: Side) -> Option<(u32, &[u8])> {
        match &self.readers[side.index()].state {
            State::Head(partial) => Some((partial.seq, &partial.bytes)),
            _ => None,
        }
    }

    /// A second copy of bytes of the head that is being held differs.
    pub fn on_conflict(&mut self, side: Side) {
        if let State::Head(partial) = &mut self.readers[side.index()].state {
            partial.ambiguous = true;
        }
    }

    /// The direction's SYN was seen after all: its first byte.
    pub fn on_start(&mut self, side: Side, first: u32) {
        let reader = &mut self.readers[side.index()];
        if reader.midway && reader.nth == 0 && matches!(reader.state, State::Lost { looked: 0 }) {
            *reader = Reader { said: reader.said, ..Reader::new(Some(first)) };
            if self.client == Some(side.other()) {
                self.pairing.on_server_start(first);
            }
        }
    }

    /// A segment with data arrived, in whatever order, `bytes` long. Says whether its sender speaks in turn: the peer's newest data was
    /// sent after all that lies before this segment had arrived, and this segment after all of that data had. Who speaks in turn
    /// begins a message. In the midst of a body one side speaks on and the other has nothing to say, but for interim answers.
    #[inline]
    pub fn on_arrival(&mut self, side: Side, seq: u32, payload: &[u8], bytes: u32, ack: Option<u32>) -> bool {
        let Some(acked) = ack else { return false };
        let [me, peer] = [side.index(), side.other().index()];
        let said = self.readers[peer].said;
        let in_turn = said.is_some_and(|s| s.acked == seq && s.is_final && !is_behind(s.end, acked));
        let end = seq.wrapping_add(bytes);
        let Reader { said, first, .. } = &mut self.readers[me];
        let before = match said {
            Some(said) if said.acked == acked => {
                said.end = if is_behind(end, said.end) { end } else { said.end };
                said.is_final =
                    said.is_final || is_final_answer(payload) || said.end.wrapping_sub(said.begin) > INTERIM_BYTES_MAX;
                return in_turn;
            }
            Some(said) if !is_behind(end, said.end) => return in_turn,
            Some(said) => Some(said.end),
            None => *first,
        };
        let is_whole = before.is_none_or(|before| !is_behind(seq, before));
        // Who asks gives no interim answers.
        let is_client = match self.client {
            Some(client) => client == side,
            None => !is_whole && !may_be_answer(payload) && begins_for_sure(payload),
        };
        let is_final = is_client || is_whole && !may_be_answer(payload) || is_final_answer(payload);
        *said = Some(Said { acked, begin: seq, end, is_final });
        in_turn
    }

    /// The next bytes of a direction, if they lie inside a counted body: then they need not be looked at.
    #[inline]
    pub fn pass(&mut self, side: Side, bytes: usize, ack: Option<u32>) -> bool {
        if let State::Body(open, Body::Counted { left }) = &mut self.readers[side.index()].state
            && (bytes as u64) < *left
            && self.held.is_none()
        {
            *left -= bytes as u64;
            open.body_bytes += bytes as u64;
            if self.client == Some(side) {
                self.pairing.on_client_data(ack);
            }
            return true;
        }
        self.h2.as_mut().is_some_and(|h2| h2.pass(side, bytes as u64))
    }

    /// The next bytes of a direction.
    pub fn on_data(&mut self, side: Side, piece: Piece<'_>, cx: &mut Context<'_>) {
        self.read(side, piece, cx);
        if self.client == Some(side) {
            self.pairing.on_client_data(piece.ack);
        }
    }

    fn read(&mut self, side: Side, mut piece: Piece<'_>, cx: &mut Context<'_>) {
        if matches!(self.readers[side.index()].state, State::Either(_)) {
            self.take_for_body(side);
            if may_be_answer(piece.bytes) {
                let state = if piece.in_turn { BodyState::Whole } else { BodyState::CutByCapture };
                self.end(side, state, piece.at, cx);
                if !piece.in_turn {
                    self.lose(side);
                }
            }
        }
        if self.held.is_some() && self.client != Some(side) {
            self.release(Some(piece.bytes), side, cx);
        }
        let mut begins = true;
        while !piece.bytes.is_empty() {
            let used = match &mut self.readers[side.index()].state {
                State::Nothing => return,
                State::Sealed => {
                    self.with_sealed(|sealed| sealed.on_data(side, &piece, cx));
                    return;
                }
                State::Frames => {
                    if let Some(mut h2) = self.h2.take() {
                        h2.read(side, piece, cx);
                        self.client = self.client.or(h2.client());
                        self.h2 = Some(h2);
                    }
                    return;
                }
                State::Either(_) => {
                    self.take_for_body(side);
                    continue;
                }
                State::Start => self.start(side, &piece, cx),
                State::Lost { .. } if !begins => return,
                State::Lost { .. } => self.seek(side, &piece, cx),
                State::Head(_) => self.go_on_with_head(side, &piece, cx),
                State::LongHead(long) => match long.0.find(piece.bytes) {
                    None => return,
                    Some(used) => {
                        let after = std::mem::replace(&mut long.1, State::Nothing);
                        self.readers[side.index()].state = after;
                        used
                    }
                },
                State::Body(open, body) => match body {
                    Body::UntilClose => {
                        open.body_bytes += piece.bytes.len() as u64;
                        return;
                    }
                    Body::Counted { left } => {
                        let take = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.bytes.len());
                        open.body_bytes += take as u64;
                        *left -= take as u64;
                        if *left == 0 {
                            self.end(side, BodyState::Whole, piece.at, cx);
                        }
                        take
                    }
                    Body::Chunked(chunked) => match chunked.read(piece.bytes, &mut open.body_bytes) {
                        Progress::More => return,
                        Progress::Done(used) => {
                            self.end(side, BodyState::Whole, piece.at, cx);
                            used
                        }
                        Progress::Broken(_) => {
                            cx.counters.http_errors.chunk_malformed += 1;
                            self.end(side, BodyState::Malformed, piece.at, cx);
                            self.lose(side);
                            return;
                        }
                    },
                },
            };
            begins = false;
            piece.bytes = piece.bytes.get(used..).unwrap_or_default();
            piece.seq = piece.seq.wrapping_add(u32::try_from(used).unwrap_or(0));
        }
    }

    /// Where a message must begin.
    fn start(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) -> usize {
        let bytes = piece.bytes;
        let (mut found, first) = look_at(bytes);
        let may_name_client = self.readers[side.index()].nth == 0 && self.proxied.is_none();
        if may_name_client && PROXY_V2.starts_with(bytes) {
            found = Look::Proxy;
        }
        if found != Look::Proxy && matches!(bytes, [b'\r' | b'\n', ..]) {
            // RFC 9112 § 2.2: empty lines before a request are passed over.
            return bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        }
        let at = HeadAt {
            seq: piece.seq,
            ack: piece.ack,
            first: piece.at,
            last: piece.at,
            ambiguous: piece.conflict,
            state: HeadState::Whole,
        };
        match found {
            Look::Message => {
                let whole = first.and_then(|(line, rest)| {
                    let (fields, end) = cx.shared.keep.whole(&line, rest)?;
                    Some((line, fields, rest.get(end..)?))
                });
                let Some((line, fields, follows)) = whole else {
                    self.hold_head(side, bytes, at, cx);
                    return bytes.len();
                };
                let is_one = self.on_message(side, line, fields, at, follows, cx);
                if is_one { bytes.len() - follows.len() } else { bytes.len() }
            }
            Look::Proxy if may_name_client => match proxy::read(bytes) {
                Header::Whole(used, client) => {
                    self.proxied = client.map(Box::new);
                    used
                }
                Header::Begun => {
                    self.hold_head(side, bytes, at, cx);
                    bytes.len()
                }
                Header::No => {
                    self.lose(side);
                    bytes.len()
                }
            },
            Look::Tls if self.unseal(side, piece, cx) => bytes.len(),
            Look::Http2 if self.is_unknown() => {
                let client = if begins_with_settings(bytes) { side.other() } else { side };
                self.begin_frames(Begin::Preface, Some(client), piece.at, cx);
                0
            }
            Look::Tls | Look::Ssh => {
                self.name(found, cx);
                bytes.len()
            }
            Look::Other if self.is_unknown() && may_begin_settings(bytes) => {
                self.hold_head(side, bytes, at, cx);
                bytes.len()
            }
            Look::Http2 | Look::Proxy | Look::Other => {
                if self.carries == Carries::Http {
                    cx.counters.http_errors.head_malformed += 1;
                    if self.client == Some(side.other())
                        && let Some(request) = self.pairing.take_first()
                    {
                        tell_no_answer(request, NoAnswer::NotHttp, piece.at, cx);
                    }
                }
                self.lose(side);
                self.looked(side, bytes.len(), cx);
                bytes.len()
            }
        }
    }

    /// The beginning of a head; the rest comes in other segments.
    fn hold_head(&mut self, side: Side, bytes: &[u8], at: HeadAt, cx: &mut Context<'_>) {
        let mut search = BlankLine::default();
        search.find(bytes);
        let HeadAt { seq, ack, first, last, ambiguous, .. } = at;
        let is_proxy = look(bytes) == Look::Proxy || PROXY_V2.starts_with(bytes);
        let partial = Partial { bytes: bytes.to_vec(), search, is_proxy, seq, ack, first, last, ambiguous };
        cx.shared.head_bytes += partial.bytes.capacity() as u64;
        *cx.holds = true;
        self.readers[side.index()].state = State::Head(Box::new(partial));
    }

    /// Nothing told yet what it carries, or what the TLS around it does.
    fn is_unknown(&self) -> bool {
        matches!(self.carries, Carries::Unknown | Carries::Tls)
    }

    /// HTTP/2, from here on.
    fn begin_frames(&mut self, begin: Begin, client: Option<Side>, at: Mark, cx: &mut Context<'_>) {
        // Inside TLS its connection was counted as that.
        cx.counters.carried.http2 += u64::from(self.carries == Carries::Unknown);
        self.carries = Carries::Http;
        self.client = self.client.or(client);
        let nth = [0, 1].map(|i| self.readers[i].nth);
        let mut h2 = h2::Connection::new(begin, client, nth, self.proxied.as_deref().copied(), self.scheme, at);
        for side in [Side::Low, Side::High] {
            let state = std::mem::replace(&mut self.readers[side.index()].state, State::Frames);
            match state {
                State::Start => {}
                State::Head(partial) => {
                    cx.shared.head_bytes -= partial.bytes.capacity() as u64;
                    let Partial { seq, bytes, ack, first, ambiguous, .. } = *partial;
                    let piece = Piece { seq, bytes: &bytes, ack, at: first, conflict: ambiguous, in_turn: false };
                    h2.read(side, piece, cx);
                }
                _ => h2.miss(side),
            }
        }
        self.h2 = Some(Box::new(h2));
    }

    /// Another protocol than HTTP, from here on.
    fn name(&mut self, found: Look, cx: &mut Context<'_>) {
        if self.carries == Carries::Unknown {
            let carried = &mut cx.counters.carried;
            let (counter, carries) = match found {
                Look::Tls => (&mut carried.tls, Carries::Tls),
                Look::Ssh => (&mut carried.ssh, Carries::Other),
                Look::Message | Look::Http2 | Look::Proxy | Look::Other => (&mut carried.not_http, Carries::Other),
            };
            *counter += 1;
            self.carries = carries;
            let has_keys = cx.shared.tls.as_ref().is_some_and(|tools| tools.keys.are_used());
            cx.counters.tls_connections.no_hello += u64::from(found == Look::Tls && has_keys);
        }
        for reader in &mut self.readers {
            release_buffer(&mut reader.state, cx.shared);
            reader.state = State::Nothing;
        }
    }

    /// TLS that begins here is read from here on, if there are keys or may come some. Says whether it is.
    fn unseal(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) -> bool {
        if self.scheme.is_some() || self.client.is_some_and(|client| client != side) {
            return false;
        }
        let Some(sealed) = Sealed::begin(side, piece.bytes, cx, || self.inside()) else { return false };
        self.sealed = Some(Box::new(sealed));
        self.client = Some(side);
        if self.carries == Carries::Unknown {
            self.carries = Carries::Tls;
            cx.counters.carried.tls += 1;
        }
        for reader in &mut self.readers {
            release_buffer(&mut reader.state, cx.shared);
            reader.state = State::Sealed;
        }
        self.with_sealed(|sealed| sealed.on_data(side, piece, cx));
        true
    }

    /// Does something with what is sealed. What is over by that is not read any more.
    fn with_sealed(&mut self, act: impl FnOnce(&mut Sealed)) {
        let Some(sealed) = &mut self.sealed else { return };
        act(sealed);
        for side in [Side::Low, Side::High] {
            let reader = &mut self.readers[side.index()];
            if sealed.is_over(side) && matches!(reader.state, State::Sealed) {
                reader.state = State::Nothing;
            }
        }
    }

    /// Since when TLS records wait for their keys.
    #[must_use]
    pub fn waits_for_keys(&self) -> Option<Time> {
        self.sealed.as_ref().and_then(|sealed| sealed.waits_since())
    }

    /// Some keys came.
    pub fn on_keys(&mut self, at: Mark, cx: &mut Context<'_>) {
        self.with_sealed(|sealed| sealed.go_on(at, cx));
    }

    /// Records have waited for their keys for too long or, with `is_cap`, must make room.
    pub fn give_up_sealed(&mut self, is_cap: bool, at: Mark, cx: &mut Context<'_>) {
        self.with_sealed(|sealed| sealed.give_up(is_cap, at, cx));
    }

    /// After a gap, midway, or behind bytes that are no HTTP: looks at the beginning of each segment. Text in a body may look like a
    /// message, so that only what was said in turn begins one; or what nothing of the peer tells of, where it was joined midway.
    fn seek(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) -> usize {
        let [reader, peer] = [side, side.other()].map(|side| &self.readers[side.index()]);
        let is_told = peer.said.is_some_and(|said| is_behind(piece.seq, said.acked));
        let is_first = reader.midway && reader.nth == 0 && !is_told;
        let is_alone = cx.read_to[side.other().index()].is_none();
        if (piece.in_turn || is_first || is_alone) && begins_for_sure(piece.bytes) {
            self.readers[side.index()].state = State::Start;
            return self.start(side, piece, cx);
        }
        if self.is_unknown() {
            let found = look(piece.bytes);
            if matches!(found, Look::Tls | Look::Ssh) && piece.bytes.len() > 2 {
                self.name(found, cx);
                return piece.bytes.len();
            }
            if found == Look::Http2 {
                self.readers[side.index()].state = State::Start;
                return self.start(side, piece, cx);
            }
            if h2::frame::begins_for_sure(piece.bytes) {
                self.begin_frames(Begin::Midway, None, piece.at, cx);
                return 0;
            }
        }
        self.looked(side, piece.bytes.len(), cx);
        piece.bytes.len()
    }

    /// Counts bytes without HTTP; names the connection when there were enough.
    fn looked(&mut self, side: Side, bytes: usize, cx: &mut Context<'_>) {
        let reader = &mut self.readers[side.index()];
        let State::Lost { looked } = &mut reader.state else { return };
        *looked = looked.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        // Joined midway it may be a long body, with messages behind it.
        let is_named = !matches!(self.carries, Carries::Unknown | Carries::Tls);
        if !is_named && !reader.midway && *looked > cx.shared.probe_bytes_max {
            self.name(Look::Other, cx);
        }
    }

    /// What stands here is no message.
    fn lose(&mut self, side: Side) {
        if self.client.is_some() {
            self.miss(side, false);
        } else {
            self.readers[side.index()].state = State::Lost { looked: 0 };
        }
    }

    fn go_on_with_head(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) -> usize {
        let is_unknown = self.is_unknown();
        let State::Head(partial) = &mut self.readers[side.index()].state else { return piece.bytes.len() };
        if partial.is_proxy {
            return self.go_on_with_proxy(side, piece, cx);
        }
        if is_unknown && partial.bytes.len() < PREFACE.len() {
            let mut first = [0; PREFACE.len()];
            let begun = partial.bytes.iter().chain(piece.bytes);
            let len = first.iter_mut().zip(begun).map(|(to, from)| *to = *from).count();
            let first = first.get(..len).unwrap_or_default();
            if look(first) == Look::Http2 {
                let client = if begins_with_settings(first) { side.other() } else { side };
                self.begin_frames(Begin::Preface, Some(client), piece.at, cx);
                return 0;
            }
            if first.first() == Some(&0) && !may_begin_settings(first) {
                self.take_partial(side, HeadState::CutByCapture, cx);
                self.lose(side);
                self.looked(side, len, cx);
                return piece.bytes.len();
            }
        }
        partial.last = partial.last.max(piece.at);
        partial.ambiguous |= piece.conflict;
        let end = partial.search.find(piece.bytes);
        let used = end.unwrap_or(piece.bytes.len());
        let capacity = partial.bytes.capacity();
        partial.bytes.extend_from_slice(piece.bytes.get(..used).unwrap_or_default());
        cx.shared.head_bytes += (partial.bytes.capacity() - capacity) as u64;
        let too_long = partial.bytes.len() > cx.shared.head_bytes_max;
        if end.is_none() && !too_long {
            return used;
        }
        let search = partial.search;
        let (bytes, mut at) = self.take_partial(side, HeadState::Whole, cx);
        let follows = piece.bytes.get(used..).unwrap_or_default();
        if !too_long {
            return if self.on_head(side, &bytes, at, follows, cx) { used } else { piece.bytes.len() };
        }
        cx.counters.http_errors.head_too_long += 1;
        at.state = HeadState::CutByCapture;
        if !self.on_head(side, &bytes, at, follows, cx) {
            return piece.bytes.len();
        }
        if end.is_none() {
            let reader = &mut self.readers[side.index()];
            let after = std::mem::replace(&mut reader.state, State::Nothing);
            reader.state = State::LongHead(Box::new((search, after)));
        }
        used
    }

    fn go_on_with_proxy(&mut self, side: Side, piece: &Piece<'_>, cx: &mut Context<'_>) -> usize {
        let State::Head(partial) = &mut self.readers[side.index()].state else { return piece.bytes.len() };
        let (before, capacity) = (partial.bytes.len(), partial.bytes.capacity());
        partial.bytes.extend_from_slice(piece.bytes);
        cx.shared.head_bytes += (partial.bytes.capacity() - capacity) as u64;
        let header = proxy::read(&partial.bytes);
        if header == Header::Begun {
            return piece.bytes.len();
        }
        let (bytes, _) = self.take_partial(side, HeadState::Whole, cx);
        let blank = bytes.get(..before).is_some_and(|b| b.iter().all(|b| matches!(b, b'\r' | b'\n')));
        match header {
            Header::Whole(used, client) => {
                self.proxied = client.map(Box::new);
                self.readers[side.index()].state = State::Start;
                used - before
            }
            // Nothing but empty lines was held.
            _ if blank => {
                self.readers[side.index()].state = State::Start;
                0
            }
            _ => {
                self.lose(side);
                piece.bytes.len()
            }
        }
    }

    fn take_partial(&mut self, side: Side, state: HeadState, cx: &mut Context<'_>) -> (Vec<u8>, HeadAt) {
        let reader = &mut self.readers[side.index()];
        let State::Head(partial) = std::mem::replace(&mut reader.state, State::Lost { looked: 0 }) else {
            unreachable!("only called while a head is held");
        };
        cx.shared.head_bytes -= partial.bytes.capacity() as u64;
        let Partial { bytes, seq, ack, first, last, ambiguous, .. } = *partial;
        (bytes, HeadAt { seq, ack, first, last, ambiguous, state })
    }

    /// A head, or the lines of it that arrived; `follows` are the bytes behind it in the same segment. Says whether it was one;
    /// if not, the reader is lost.
    fn on_head(&mut self, side: Side, bytes: &[u8], at: HeadAt, follows: &[u8], cx: &mut Context<'_>) -> bool {
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
    fn on_message(
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
            StartLine::Response { status, reason, minor } => {
                self.on_response(side, (status, reason), minor, fields, at, follows, cx);
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
            blanks: false,
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
        (status, reason): (u16, &[u8]),
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

    fn take_for_body(&mut self, side: Side) {
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
    fn end(&mut self, side: Side, state: BodyState, at: Mark, cx: &mut Context<'_>) {
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
    fn release(&mut self, body: Option<&[u8]>, side: Side, cx: &mut Context<'_>) {
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
    fn miss(&mut self, side: Side, in_head: bool) {
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

    /// A head or an answer is being held since `since` or before.
    #[must_use]
    pub fn holds_head(&self, side: Side) -> Option<Mark> {
        match &self.readers[side.index()].state {
            State::Head(partial) => Some(partial.first),
            State::Frames => self.h2.as_ref().and_then(|h2| h2.holds_head(side)),
            _ => self.sealed.as_ref().and_then(|sealed| sealed.inside().holds_head(side)),
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

/// A request that waited will not be answered.
pub(super) fn tell_no_answer(request: Arc<Request>, why: NoAnswer, at: Mark, cx: &mut Context<'_>) {
    cx.shared.waits_no_more(&request);
    cx.out.push(HttpEvent::NoAnswer { request, why, at });
}

/// `a` lies behind `b` in a stream of wrapping sequence numbers.
fn is_behind(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// An answer, or the beginning of what may be one.
fn may_be_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(bytes)
}

/// An answer that is not interim.
fn is_final_answer(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', status, ..] if *status != b'1')
}

fn release_buffer(state: &mut State, shared: &mut Shared) {
    if let State::Head(partial) = state {
        shared.head_bytes -= partial.bytes.capacity() as u64;
        *state = State::Lost { looked: 0 };
    }
}

pub(super) fn state_of(too_many: bool, too_long: bool, state: HeadState, counters: &mut Counters) -> HeadState {
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
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let refused = refusal::beginning(bytes).or_else(|| status.and_then(|status| refusal::in_words(status, bytes)));
    if let Some(what) = refused {
        return what;
    }
    match bytes {
        [] => BodyStart::Unseen,
        [b'{' | b'[', ..] => BodyStart::Json,
        [b'<', ..] => BodyStart::Markup,
        _ => BodyStart::Other,
    }
}
