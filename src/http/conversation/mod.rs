//! One connection's two directions: probe, then HTTP/1 (heads, bodies passed over, answers paired) or HTTP/2 (`h2`).
//!
//! Gets each direction's bytes in order, once, and is told of gaps and ends. Keeps no body, and of heads only one that spans
//! packets, until it ends. After a gap it goes on at the next message that begins for sure.

mod ends;
mod message;
mod shared;
mod turns;

use std::net::SocketAddr;

use super::chunked::{Chunked, Progress};
use super::grammar::BlankLine;
use super::h2::frame::{PREFACE, begins_with_settings, may_begin_settings};
use super::h2::{self, Begin};
use super::pairing::Pairing;
use super::probe::{Look, PROXY_V2, begins_for_sure, look, look_at};
use super::proxy::{self, Header};
use super::sealed::Sealed;
use super::{BodyState, HeadState, Mark, NoAnswer};
use crate::decode::{Endpoint, Side};
use crate::options::Scheme;
use crate::packet::Time;

pub(super) use ends::tell_no_answer;
pub(super) use message::{HeldAnswer, begins_with, state_of};
pub use shared::{Context, Shared};
use turns::{Said, is_behind, may_be_answer};

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

/// One direction.
#[derive(Debug)]
struct Reader {
    state: State,
    nth: u32,
    /// Joined midway.
    midway: bool,
    /// Bytes were lost since the last message.
    after_gap: bool,
    /// Its sender has closed it.
    closed: bool,
    /// Empty lines stand before the next message.
    after_blank: bool,
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
        Reader {
            state,
            nth: 0,
            midway,
            after_gap: false,
            closed: false,
            after_blank: false,
            first,
            early_gap: false,
            said: None,
        }
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
            self.readers[side.index()].after_blank = true;
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

    /// A head or an answer is being held since `since` or before.
    #[must_use]
    pub fn holds_head(&self, side: Side) -> Option<Mark> {
        match &self.readers[side.index()].state {
            State::Head(partial) => Some(partial.first),
            State::Frames => self.h2.as_ref().and_then(|h2| h2.holds_head(side)),
            _ => self.sealed.as_ref().and_then(|sealed| sealed.inside().holds_head(side)),
        }
    }
}

fn release_buffer(state: &mut State, shared: &mut Shared) {
    if let State::Head(partial) = state {
        shared.head_bytes -= partial.bytes.capacity() as u64;
        *state = State::Lost { looked: 0 };
    }
}
