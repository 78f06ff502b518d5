//! One connection's two directions, read as HTTP/2 (RFC 9113): frames, header blocks, streams. Bodies are passed over.
//!
//! Heads go through the same policy as those of HTTP/1 and yield the same events; a stream's number pairs request and answer. A gap
//! in a body costs nothing but that it is told. Anywhere else the place of the next frame is lost, and what header blocks had agreed on:
//! reading goes on at the next segment that begins with a frame for sure, and heads that refer to what was missed are told as cut.

pub(super) mod frame;
mod hpack;
mod huffman;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::conversation::{Close, Context, HeldAnswer, Piece, address, begins_with, state_of, tell_no_answer};
use super::framing::Framing;
use super::grammar::{StartLine, is_token};
use super::{BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, Version};
use crate::decode::Side;
use crate::options::Scheme;
use frame::{END_HEADERS, END_STREAM, HEADER_BYTES, Header, Kind, PADDED, PREFACE, PRIORITY};
pub(super) use hpack::Strings;
use hpack::{LeftOut, Table};

/// A longer GOAWAY says more than which streams it ends: that is not kept.
const GO_AWAY_BYTES_MAX: u32 = 1024;
/// What a stream is charged that goes on; a map's nodes may be half empty.
const STREAM_BYTES: usize = 2 * (size_of::<Stream>() + size_of::<u32>());
/// Streams that are not charged, and stay when their connection must make room: what they hold is as nothing beside itself.
const STREAMS_FEW: usize = 8;

/// A message whose body goes on.
#[derive(Debug, Clone, Copy)]
struct Open {
    id: MessageId,
    body_bytes: u64,
    gap: bool,
}

/// A request and its answer.
#[derive(Debug, Default)]
struct Stream {
    /// It waits for its answer.
    request: Option<Arc<Request>>,
    is_answered: bool,
    /// Bodies that go on.
    asks: Option<Open>,
    answers: Option<Open>,
    /// Held back until its body begins: what an error's body begins with tells the cause.
    held: Option<Box<HeldAnswer>>,
}

/// What the body of a head begins with, where the bytes behind the head begin with it.
fn body_ahead(head: Header, bytes: &[u8]) -> super::BodyStart {
    let Some((frame, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return super::BodyStart::Unseen };
    let frame = Header::of(frame);
    let is_body = head.has(END_HEADERS) && frame.kind == Kind::Data && frame.stream == head.stream;
    if !is_body || frame.has(PADDED) {
        return super::BodyStart::Unseen;
    }
    begins_with(payload.get(..frame.bytes as usize).unwrap_or(payload))
}

/// Where and when something began, and whether another copy of its bytes differs.
#[derive(Debug, Clone, Copy)]
struct Place {
    seq: u32,
    at: Mark,
    ambiguous: bool,
    /// What the body behind a head begins with, where it came along.
    body: super::BodyStart,
}

#[derive(Debug)]
enum State {
    /// The client's first bytes; so many came.
    Preface(usize),
    /// A frame's header; so many of its bytes came.
    Header { bytes: [u8; HEADER_BYTES], len: usize, place: Place },
    /// A body goes on. `padding` is not known before its first byte.
    Data { stream: u32, ends: bool, left: u32, padding: Option<u32> },
    /// A frame that nobody needs.
    Passed { left: u32 },
    /// A frame that is needed whole.
    Payload { header: Header, place: Place, bytes: Vec<u8> },
    /// Nobody knows where the next frame begins.
    Lost,
}

/// A header block that goes on in further frames.
#[derive(Debug)]
struct Block {
    stream: u32,
    /// None: it is a promise, whose fields nobody needs.
    ends: Option<bool>,
    place: Place,
    bytes: Vec<u8>,
}

/// One direction.
#[derive(Debug)]
struct Half {
    state: State,
    table: Table,
    block: Option<Block>,
    nth: u32,
    midway: bool,
    after_gap: bool,
    /// Frames of it were missed.
    missed: bool,
    /// Its sender closed it.
    closed: bool,
}

impl Half {
    fn new(state: State, nth: u32) -> Self {
        let midway = matches!(state, State::Lost);
        Half {
            state,
            table: Table::new(!midway),
            block: None,
            nth,
            midway,
            after_gap: false,
            missed: midway,
            closed: false,
        }
    }

    fn held_bytes(&self) -> u64 {
        let payload = match &self.state {
            State::Payload { bytes, .. } => bytes.capacity(),
            _ => 0,
        };
        (self.table.held_bytes() + payload + self.block.as_ref().map_or(0, |b| b.bytes.capacity())) as u64
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.after_gap = true;
        self.miss_block();
    }

    /// A header block was not read: what later ones refer to is not known.
    fn miss_block(&mut self) {
        self.block = None;
        self.table.forget();
        self.missed = true;
    }
}

/// How a connection begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// The client sends its preface, the server its settings.
    Preface,
    /// It began before the capture did.
    Midway,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    halves: [Half; 2],
    client: Option<Side>,
    /// The client that a PROXY protocol header names.
    proxied: Option<SocketAddr>,
    /// What the connection proves of the URL's scheme.
    scheme: Option<Scheme>,
    streams: BTreeMap<u32, Stream>,
    /// Charged as held heads.
    charged: u64,
    /// Since when, for who makes room.
    since: Mark,
    /// Who makes room knows of it.
    listed: bool,
}

/// A header block's fields, as a head of HTTP/1 has them.
#[derive(Debug, Default)]
struct Fields {
    method: Vec<u8>,
    path: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
    is_https: bool,
    status: Option<u16>,
    /// Field lines, and a blank line at the end.
    text: Vec<u8>,
    /// Some field refers to what was not seen.
    is_missing: bool,
    too_long: bool,
    malformed: bool,
    /// A value has blanks around it.
    blanks: bool,
    /// Of names and values, whatever became of them.
    bytes: usize,
}

impl Fields {
    fn take(&mut self, name: &[u8], value: &[u8], bytes_max: usize) {
        // a byte may stand for the longest field that came before: what is beyond the cap is not even looked at
        self.bytes = self.bytes.saturating_add(name.len() + value.len());
        if self.bytes > bytes_max {
            self.too_long = true;
            return;
        }
        if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
            self.malformed = true;
            return;
        }
        self.blanks |= value.trim_ascii().len() < value.len();
        match name {
            b":method" => self.method = value.to_vec(),
            b":path" => self.path = Some(value.to_vec()),
            b":authority" => {
                self.line(b"host", value);
                self.authority = Some(value.to_vec());
            }
            b":scheme" => self.is_https = value.eq_ignore_ascii_case(b"https"),
            b":status" => {
                self.status = std::str::from_utf8(value).ok().filter(|s| s.len() == 3).and_then(|s| s.parse().ok());
            }
            // `:protocol` (RFC 8441), and what may come
            [b':', ..] => {}
            // § 8.3.1: who has an authority looks at no other
            b"host" if self.authority.is_some() => {}
            _ if name.is_empty() || !name.iter().all(|&b| is_token(b) && !b.is_ascii_uppercase()) => {
                self.malformed = true;
            }
            _ => self.line(name, value),
        }
    }

    fn line(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.text.extend_from_slice(part);
        }
    }

    /// What a request is sent to: for CONNECT alone there is no path (§ 8.5).
    fn target(&self) -> Option<&[u8]> {
        let authority = if self.method == b"CONNECT" { self.authority.as_deref() } else { None };
        self.path.as_deref().or(authority)
    }
}

impl Connection {
    /// A connection; `nth` are the messages that each direction had before, in HTTP/1.
    pub(super) fn new(
        begin: Begin,
        client: Option<Side>,
        nth: [u32; 2],
        proxied: Option<SocketAddr>,
        scheme: Option<Scheme>,
        since: Mark,
    ) -> Self {
        let half = |side: Side| {
            let state = match begin {
                Begin::Midway => State::Lost,
                Begin::Preface if client == Some(side) => State::Preface(0),
                Begin::Preface => between(),
            };
            Half::new(state, nth[side.index()])
        };
        Connection {
            halves: [half(Side::Low), half(Side::High)],
            client,
            proxied,
            scheme,
            streams: BTreeMap::new(),
            charged: 0,
            since,
            listed: false,
        }
    }

    /// The first request came over HTTP/1 and is answered on the first stream (RFC 7540 § 3.2).
    pub(super) fn answer_on_first_stream(&mut self, request: Arc<Request>) {
        self.streams.insert(1, Stream { request: Some(request), ..Stream::default() });
    }

    /// Bytes of a direction were missed before it was known for HTTP/2.
    pub(super) fn miss(&mut self, side: Side) {
        self.halves[side.index()].lose();
    }

    pub(super) fn client(&self) -> Option<Side> {
        self.client
    }

    pub(super) fn waiting(&self) -> usize {
        self.streams.len()
    }

    /// How many of the next bytes of a direction nobody needs to see.
    pub(super) fn skippable(&self, side: Side) -> u64 {
        match self.halves[side.index()].state {
            State::Data { left, padding: Some(_), .. } | State::Passed { left } => u64::from(left),
            _ => 0,
        }
    }

    /// The next bytes of a direction, if they lie inside a body.
    pub(super) fn pass(&mut self, side: Side, bytes: u64) -> bool {
        let is_held = |stream: &Stream| stream.held.is_some() && self.client != Some(side);
        match &self.halves[side.index()].state {
            State::Data { stream, left, padding: Some(_), .. } if bytes < u64::from(*left) => {
                if self.streams.get(stream).is_some_and(is_held) {
                    return false;
                }
            }
            _ => return false,
        }
        self.on_skipped(side, bytes);
        true
    }

    /// The next bytes are there but were not kept, since nobody needs them.
    pub(super) fn on_skipped(&mut self, side: Side, bytes: u64) {
        let skipped = u32::try_from(bytes).unwrap_or(u32::MAX);
        match &mut self.halves[side.index()].state {
            State::Passed { left } if skipped < *left => *left -= skipped,
            State::Data { stream, left, padding: Some(padding), .. } if skipped < *left => {
                let body = skipped.min(left.saturating_sub(*padding));
                *left -= skipped;
                let stream = self.streams.get_mut(stream);
                let open = stream.map(|s| if self.client == Some(side) { &mut s.asks } else { &mut s.answers });
                if let Some(Some(open)) = open {
                    open.body_bytes += u64::from(body);
                }
            }
            _ => {}
        }
    }

    /// The next bytes of a direction.
    pub(super) fn read(&mut self, side: Side, piece: Piece<'_>, cx: &mut Context<'_>) {
        let mut rest = piece.bytes;
        let half = &mut self.halves[side.index()];
        if matches!(half.state, State::Lost) {
            if !frame::begins_for_sure(rest) {
                return;
            }
            half.state = between();
        }
        while !rest.is_empty() {
            let seq = piece.seq.wrapping_add(u32::try_from(piece.bytes.len() - rest.len()).unwrap_or(0));
            let here = Place { seq, at: piece.at, ambiguous: piece.conflict, body: super::BodyStart::Unseen };
            let Some(used) = self.step(side, rest, here, cx) else { break };
            rest = rest.get(used..).unwrap_or_default();
        }
        self.charge(cx);
    }

    /// Takes some of the bytes. None: the place of the next frame is lost.
    fn step(&mut self, side: Side, bytes: &[u8], here: Place, cx: &mut Context<'_>) -> Option<usize> {
        let half = &mut self.halves[side.index()];
        match &mut half.state {
            State::Lost => None,
            State::Preface(came) => {
                let wanted = PREFACE.get(*came..).unwrap_or_default();
                let used = wanted.len().min(bytes.len());
                if !bytes.starts_with(wanted.get(..used).unwrap_or_default()) {
                    return self.break_off(side, cx);
                }
                *came += used;
                if *came == PREFACE.len() {
                    half.state = between();
                }
                Some(used)
            }
            State::Header { bytes: held, len, place } => {
                if *len == 0 {
                    *place = here;
                }
                place.ambiguous |= here.ambiguous;
                let room = held.get_mut(*len..).unwrap_or_default();
                let used = room.len().min(bytes.len());
                room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                *len += used;
                if *len == HEADER_BYTES {
                    let (header, place) = (Header::of(held), *place);
                    self.begin_frame(side, header, place, here.at, cx);
                }
                Some(used)
            }
            State::Passed { left } => {
                let used = bytes.len().min(*left as usize);
                *left -= u32::try_from(used).unwrap_or(*left);
                if *left == 0 {
                    half.state = between();
                }
                Some(used)
            }
            State::Data { .. } => self.on_data(side, bytes, here.at, cx),
            State::Payload { header, place, bytes: held } => {
                let used = bytes.len().min(header.bytes as usize - held.len());
                held.extend_from_slice(bytes.get(..used).unwrap_or_default());
                place.ambiguous |= here.ambiguous;
                if held.len() == header.bytes as usize {
                    let (header, mut place, held) = (*header, *place, std::mem::take(held));
                    half.state = between();
                    if header.kind == Kind::Headers && self.client == Some(side) {
                        place.body = body_ahead(header, bytes.get(used..).unwrap_or_default());
                    }
                    self.on_frame(side, header, &held, place, here.at, cx)?;
                }
                Some(used)
            }
        }
    }

    fn begin_frame(&mut self, side: Side, header: Header, place: Place, at: Mark, cx: &mut Context<'_>) {
        let half = &mut self.halves[side.index()];
        let head_bytes_max = cx.shared.head_bytes_max;
        let is_block = matches!(header.kind, Kind::Headers | Kind::PushPromise | Kind::Continuation);
        let before = half.block.as_ref().map_or(0, |b| b.bytes.len());
        half.state = match header.kind {
            Kind::Data if header.bytes == 0 => {
                half.state = between();
                if header.has(END_STREAM) {
                    self.end(side, header.stream, BodyState::Whole, at, cx);
                }
                return;
            }
            Kind::Data => State::Data {
                stream: header.stream,
                ends: header.has(END_STREAM),
                left: header.bytes,
                padding: (!header.has(PADDED)).then_some(0),
            },
            _ if is_block && before + header.bytes as usize > head_bytes_max => {
                cx.counters.http_errors.head_too_long += 1;
                half.miss_block();
                State::Passed { left: header.bytes }
            }
            _ if header.bytes == 0 => {
                half.state = between();
                if is_block {
                    self.on_frame(side, header, b"", place, at, cx);
                }
                return;
            }
            Kind::Headers | Kind::PushPromise | Kind::Continuation => {
                State::Payload { header, place, bytes: Vec::new() }
            }
            Kind::RstStream | Kind::GoAway if header.bytes <= GO_AWAY_BYTES_MAX => {
                State::Payload { header, place, bytes: Vec::new() }
            }
            _ => State::Passed { left: header.bytes },
        };
    }

    fn on_data(&mut self, side: Side, bytes: &[u8], at: Mark, cx: &mut Context<'_>) -> Option<usize> {
        let is_client = self.client == Some(side);
        let half = &mut self.halves[side.index()];
        let State::Data { stream: number, ends, left, padding } = &mut half.state else { return Some(0) };
        let mut used = 0;
        let padding = if let Some(padding) = padding {
            *padding
        } else {
            let said = u32::from(*bytes.first()?);
            (used, *left) = (1, *left - 1);
            if said > *left {
                return self.break_off(side, cx);
            }
            *padding.insert(said)
        };
        let rest = bytes.get(used..).unwrap_or_default();
        let taken = rest.len().min(*left as usize);
        let body = rest.get(..taken.min((*left - padding.min(*left)) as usize)).unwrap_or_default();
        *left -= u32::try_from(taken).unwrap_or(*left);
        let (number, ends, is_over) = (*number, *ends, *left == 0);
        if is_over {
            half.state = between();
        }
        if let Some(stream) = self.streams.get_mut(&number) {
            if !is_client && !body.is_empty() {
                stream.release(Some(body), cx);
            }
            if let Some(open) = if is_client { &mut stream.asks } else { &mut stream.answers } {
                open.body_bytes += body.len() as u64;
            }
        }
        if is_over && ends {
            self.end(side, number, BodyState::Whole, at, cx);
        }
        Some(used + taken)
    }

    /// A frame that was needed whole. None: the connection is broken.
    fn on_frame(
        &mut self,
        side: Side,
        header: Header,
        payload: &[u8],
        place: Place,
        at: Mark,
        cx: &mut Context<'_>,
    ) -> Option<()> {
        match header.kind {
            Kind::RstStream => self.on_reset(side, header.stream, at, cx),
            Kind::GoAway => self.on_go_away(side, payload, at, cx),
            Kind::Headers | Kind::PushPromise => {
                let Some(fragment) = fragment_of(header, payload) else { return self.break_off(side, cx) };
                let ends = (header.kind == Kind::Headers).then_some(header.has(END_STREAM));
                let block = Block { stream: header.stream, ends, place, bytes: fragment.to_vec() };
                self.go_on(side, block, header.has(END_HEADERS), at, cx);
            }
            Kind::Continuation => match self.halves[side.index()].block.take() {
                Some(mut block) if block.stream == header.stream => {
                    block.bytes.extend_from_slice(payload);
                    block.place.ambiguous |= place.ambiguous;
                    self.go_on(side, block, header.has(END_HEADERS), at, cx);
                }
                // its beginning was missed, or too long
                _ => self.halves[side.index()].miss_block(),
            },
            Kind::Data | Kind::Priority | Kind::Settings | Kind::Ping | Kind::WindowUpdate | Kind::Other => {}
        }
        Some(())
    }

    /// What this direction says is no HTTP/2.
    fn break_off<T>(&mut self, side: Side, cx: &mut Context<'_>) -> Option<T> {
        cx.counters.http_errors.head_malformed += 1;
        self.lose(side, cx);
        None
    }

    /// Nobody knows where this direction's next frame begins: of the bodies that go on something is missing.
    fn lose(&mut self, side: Side, cx: &mut Context<'_>) {
        let is_client = self.client == Some(side);
        let half = &mut self.halves[side.index()];
        let was_lost = matches!(half.state, State::Lost);
        half.lose();
        // Those that went on then are told of already, and none began since.
        if was_lost {
            return;
        }
        for stream in self.streams.values_mut() {
            if !is_client {
                stream.release(None, cx);
            }
            if let Some(open) = if is_client { &mut stream.asks } else { &mut stream.answers } {
                open.gap = true;
            }
        }
    }

    fn go_on(&mut self, side: Side, block: Block, is_whole: bool, at: Mark, cx: &mut Context<'_>) {
        if is_whole {
            self.on_block(side, block, at, cx);
        } else {
            self.halves[side.index()].block = Some(block);
        }
    }

    fn on_block(&mut self, side: Side, block: Block, at: Mark, cx: &mut Context<'_>) {
        let Block { stream, ends, place, bytes } = block;
        let bytes_max = cx.shared.head_bytes_max;
        let mut fields = Fields { text: std::mem::take(&mut cx.shared.text), ..Fields::default() };
        let half = &mut self.halves[side.index()];
        let read = half.table.read(&bytes, &mut cx.shared.strings, |name, value| fields.take(name, value, bytes_max));
        if let Ok(LeftOut { missing, too_long }) = read {
            fields.is_missing = missing;
            fields.too_long |= too_long;
        } else {
            half.miss_block();
            fields.malformed = true;
        }
        fields.text.extend_from_slice(b"\r\n");
        if let Some(ends) = ends {
            self.on_fields(side, stream, &fields, ends, place, at, cx);
        }
        fields.text.clear();
        cx.shared.text = fields.text;
    }

    #[allow(clippy::too_many_arguments)] // a block and where it was
    fn on_fields(
        &mut self,
        side: Side,
        number: u32,
        fields: &Fields,
        ends: bool,
        place: Place,
        at: Mark,
        cx: &mut Context<'_>,
    ) {
        let is_request = !fields.method.is_empty();
        let is_head = is_request || fields.status.is_some();
        if is_head && self.client.is_none() {
            self.client = Some(if is_request { side } else { side.other() });
        }
        let is_client = self.client == Some(side);
        let known = self.streams.get(&number);
        let is_trailer =
            known.is_some_and(|s| if is_client { s.request.is_some() || s.is_answered } else { s.answers.is_some() });
        if !is_trailer {
            cx.counters.http_errors.head_incomplete += u64::from(fields.is_missing);
            match (fields.malformed, fields.status, fields.target()) {
                (false, None, Some(target)) if is_client && is_request => {
                    self.on_request(side, number, fields, target, place, at, cx);
                }
                (false, Some(status), _) if !is_client && !is_request => {
                    self.on_response(side, number, status, fields, ends, place, at, cx);
                }
                (malformed, ..) => {
                    // A receiver takes it for no message (§ 8.1.1).
                    cx.counters.http_errors.head_malformed += u64::from(malformed || !fields.is_missing);
                    if let Some(stream) = self.streams.get_mut(&number).filter(|_| !is_client)
                        && let Some(request) = stream.request.take()
                    {
                        let why = if fields.is_missing { NoAnswer::Lost } else { NoAnswer::NotHttp };
                        tell_no_answer(request, why, at, cx);
                        stream.is_answered = true;
                    }
                }
            }
        }
        if ends {
            self.end(side, number, BodyState::Whole, at, cx);
        }
    }

    fn id(&mut self, side: Side, is_request: bool, place: Place, cx: &Context<'_>) -> (MessageId, Doubts) {
        let half = &mut self.halves[side.index()];
        let nth = half.nth;
        half.nth = nth.wrapping_add(1);
        let doubts = Doubts {
            after_gap: std::mem::take(&mut half.after_gap),
            midstream: half.midway && nth == 0,
            ambiguous: place.ambiguous,
            framing: false,
            pairing: false,
            ..Doubts::default()
        };
        (MessageId { stream: cx.stream, request: is_request, seq: place.seq, nth }, doubts)
    }

    /// The client, and the server.
    fn ends(&self, cx: &Context<'_>) -> [SocketAddr; 2] {
        let [low, high] = [cx.flow.low, cx.flow.high].map(address);
        if self.client == Some(Side::High) { [high, low] } else { [low, high] }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one request, called once
    fn on_request(
        &mut self,
        side: Side,
        number: u32,
        fields: &Fields,
        target: &[u8],
        place: Place,
        at: Mark,
        cx: &mut Context<'_>,
    ) {
        let line = StartLine::Request { method: &fields.method, target, minor: 1 };
        let kept = cx.shared.keep.fields(&line, &fields.text).of_request(&fields.method, target);
        let state = if fields.is_missing { HeadState::CutByCapture } else { HeadState::Whole };
        let head_state = state_of(kept.too_many, kept.too_long || fields.too_long, state, cx.counters);
        let (id, doubts) = self.id(side, true, place, cx);
        let [peer, server] = self.ends(cx);
        let request = Arc::new(Request {
            id,
            first: place.at,
            head_end: at,
            client: self.proxied.unwrap_or(peer),
            peer,
            server,
            version: Version::Http2,
            scheme: self.scheme.or(fields.is_https.then_some(Scheme::Https)),
            head: kept.head,
            head_state,
            body_start: place.body,
            doubts,
            on_connection: id.nth,
        });
        cx.counters.requests += 1;
        cx.out.push(HttpEvent::Request(request.clone()));
        self.make_room(at, cx);
        let asks = Some(Open { id, body_bytes: 0, gap: false });
        let mut stream = Stream { asks, ..Stream::default() };
        if cx.shared.may_wait(&request) {
            cx.shared.waits(&request);
            stream.request = Some(request);
        } else {
            cx.counters.http_errors.pipeline_full += 1;
            stream.is_answered = true;
            cx.out.push(HttpEvent::NoAnswer { request, why: NoAnswer::Lost, at });
        }
        self.streams.insert(number, stream);
    }

    #[allow(clippy::too_many_arguments)] // the parts of one response, called once
    fn on_response(
        &mut self,
        side: Side,
        number: u32,
        status: u16,
        fields: &Fields,
        ends: bool,
        place: Place,
        at: Mark,
        cx: &mut Context<'_>,
    ) {
        let line = StartLine::Response { status, reason: b"", minor: 1, is_plain: true };
        let kept = cx.shared.keep.fields(&line, &fields.text).of_response();
        let state = if fields.is_missing { HeadState::CutByCapture } else { HeadState::Whole };
        let head_state = state_of(kept.too_many, kept.too_long || fields.too_long, state, cx.counters);
        let (id, doubts) = self.id(side, false, place, cx);
        let doubts = Doubts { blanks: fields.blanks, ..doubts };
        let [client, server] = self.ends(cx);
        let response = Response {
            id,
            first: place.at,
            head_end: at,
            client: self.proxied.unwrap_or(client),
            server,
            status,
            version: Version::Http2,
            head: kept.head,
            head_state,
            body_start: super::BodyStart::Unseen,
            doubts,
        };
        if (100..200).contains(&status) {
            cx.out.push(HttpEvent::Interim(Arc::new(response)));
            cx.out.push(HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at });
            return;
        }
        cx.counters.responses += 1;
        if !self.streams.contains_key(&number) {
            self.make_room(at, cx);
        }
        let stream = self.streams.entry(number).or_default();
        let request = stream.request.take();
        if let Some(request) = &request {
            cx.shared.waits_no_more(request);
        }
        // what a server pushes answers nothing that was asked
        cx.counters.http_errors.orphan_response += u64::from(request.is_none() && number % 2 == 1);
        stream.is_answered = true;
        stream.answers = Some(Open { id, body_bytes: 0, gap: false });
        if status >= 400 && !ends {
            stream.held = HeldAnswer { request, response }.hold(cx);
        } else {
            cx.out.push(HttpEvent::Response { request, response: Arc::new(response) });
        }
    }

    /// Gives up the oldest stream when there are too many.
    fn make_room(&mut self, at: Mark, cx: &mut Context<'_>) {
        if self.streams.len() >= cx.shared.streams_max
            && let Some((_, oldest)) = self.streams.pop_first()
        {
            cx.counters.http_errors.pipeline_full += 1;
            oldest.finish(NoAnswer::Evicted, [BodyState::CutByCapture; 2], at, cx);
        }
    }

    /// A direction has said all on this stream.
    fn end(&mut self, side: Side, number: u32, state: BodyState, at: Mark, cx: &mut Context<'_>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let open = if self.client == Some(side) {
            stream.asks.take()
        } else {
            stream.release(None, cx);
            stream.answers.take()
        };
        tell_end(open, state, at, cx);
        if stream.asks.is_none() && stream.answers.is_none() && stream.is_answered {
            self.streams.remove(&number);
        }
    }

    /// RST_STREAM (§ 6.4).
    fn on_reset(&mut self, side: Side, number: u32, at: Mark, cx: &mut Context<'_>) {
        let Some(stream) = self.streams.remove(&number) else { return };
        stream.finish(NoAnswer::Reset, self.cut_by(side), at, cx);
    }

    /// How bodies end, a request's and an answer's, when this direction's sender breaks off.
    fn cut_by(&self, side: Side) -> [BodyState; 2] {
        if self.client == Some(side) {
            [BodyState::CutByClose, BodyState::Aborted]
        } else {
            [BodyState::Aborted, BodyState::CutByClose]
        }
    }

    /// GOAWAY (§ 6.8): of what came behind the stream that it names nothing was done.
    fn on_go_away(&mut self, side: Side, payload: &[u8], at: Mark, cx: &mut Context<'_>) {
        let Some((last, _)) = payload.split_first_chunk() else { return };
        if self.client == Some(side) {
            return;
        }
        let last = u32::from_be_bytes(*last) & 0x7fff_ffff;
        let Some(first) = last.checked_add(1) else { return };
        for (_, stream) in self.streams.split_off(&first) {
            stream.finish(NoAnswer::Closed, [BodyState::Aborted, BodyState::CutByClose], at, cx);
        }
    }

    /// Bytes of a direction will not come.
    pub(super) fn on_gap(&mut self, side: Side, bytes: u64, at: Mark, cx: &mut Context<'_>) {
        let is_client = self.client == Some(side);
        let half = &mut self.halves[side.index()];
        let over = match &mut half.state {
            State::Data { stream, ends, left, padding: Some(_) } if bytes <= u64::from(*left) => {
                *left -= u32::try_from(bytes).unwrap_or(*left);
                if let Some(stream) = self.streams.get_mut(stream) {
                    if !is_client {
                        stream.release(None, cx);
                    }
                    if let Some(open) = if is_client { &mut stream.asks } else { &mut stream.answers } {
                        open.gap = true;
                    }
                }
                (*left == 0).then_some((*stream, *ends))
            }
            State::Passed { left } if bytes <= u64::from(*left) => {
                *left -= u32::try_from(bytes).unwrap_or(*left);
                (*left == 0).then_some((0, false))
            }
            _ => {
                self.lose(side, cx);
                None
            }
        };
        if let Some((stream, ends)) = over {
            self.halves[side.index()].state = between();
            if ends {
                self.end(side, stream, BodyState::Whole, at, cx);
            }
        }
        self.charge(cx);
    }

    /// A direction was closed by its sender.
    pub(super) fn on_close(&mut self, side: Side, how: Close, at: Mark, cx: &mut Context<'_>) {
        let is_answering = self.client == Some(side) && !self.halves[side.other().index()].closed;
        if how == Close::Fin && is_answering {
            for stream in self.streams.values_mut() {
                tell_end(stream.asks.take(), BodyState::CutByClose, at, cx);
            }
        } else {
            let why = if how == Close::Fin { NoAnswer::Closed } else { NoAnswer::Reset };
            self.finish(why, self.cut_by(side), at, cx);
        }
        let half = &mut self.halves[side.index()];
        half.lose();
        half.closed = true;
        if how == Close::Reset {
            self.halves[side.other().index()].lose();
        }
        self.charge(cx);
    }

    /// Nothing more will be seen of this connection. `client_left` says that the client had closed its side.
    pub(super) fn on_end(&mut self, why: NoAnswer, client_left: bool, at: Mark, cx: &mut Context<'_>) {
        let cut = if client_left { BodyState::Aborted } else { BodyState::CutByCapture };
        self.finish(why, [BodyState::CutByCapture, cut], at, cx);
        for half in &mut self.halves {
            half.lose();
        }
        self.charge(cx);
    }

    fn finish(&mut self, why: NoAnswer, cuts: [BodyState; 2], at: Mark, cx: &mut Context<'_>) {
        let server = self.client.map_or(Side::High, Side::other);
        let why = if self.halves[server.index()].missed { NoAnswer::Lost } else { why };
        for stream in std::mem::take(&mut self.streams).into_values() {
            stream.finish(why, cuts, at, cx);
        }
    }

    /// Answers were held back for long enough.
    pub(super) fn release_held(&mut self, cx: &mut Context<'_>) {
        for stream in self.streams.values_mut() {
            stream.release(None, cx);
        }
    }

    pub(super) fn holds_answer(&self) -> bool {
        self.streams.values().any(|stream| stream.held.is_some())
    }

    /// What it holds, which is told of one side for both, is charged since then.
    pub(super) fn holds_head(&self, side: Side) -> Option<Mark> {
        (self.charged > 0 && side == Side::Low).then_some(self.since)
    }

    /// Gives up what it holds, to make room. Says whether that was anything.
    pub(super) fn give_up_held(&mut self, at: Mark, cx: &mut Context<'_>) -> bool {
        let before = self.charged;
        for half in &mut self.halves {
            if half.held_bytes() == 0 {
                continue;
            }
            if let State::Payload { header, bytes, .. } = &half.state {
                let left = header.bytes - u32::try_from(bytes.len()).unwrap_or(header.bytes);
                half.state = if left == 0 { between() } else { State::Passed { left } };
            }
            half.miss_block();
        }
        if self.streams.len() > STREAMS_FEW {
            self.finish(NoAnswer::Evicted, [BodyState::CutByCapture; 2], at, cx);
        }
        self.charge_anew(cx);
        // Whoever made room has forgotten it.
        self.listed = false;
        self.charged < before
    }

    fn charge(&mut self, cx: &mut Context<'_>) {
        self.charge_anew(cx);
        *cx.holds |= self.charged > 0 && !self.listed;
        self.listed = self.charged > 0;
    }

    fn charge_anew(&mut self, cx: &mut Context<'_>) {
        let halves = self.halves.iter().map(Half::held_bytes).sum::<u64>();
        let holds = halves + (self.streams.len().saturating_sub(STREAMS_FEW) * STREAM_BYTES) as u64;
        cx.shared.head_bytes = cx.shared.head_bytes + holds - self.charged;
        self.charged = holds;
    }
}

impl Stream {
    /// Tells the answer that was held back; `body` are the bytes that its body begins with.
    fn release(&mut self, body: Option<&[u8]>, cx: &mut Context<'_>) {
        if let Some(held) = self.held.take() {
            held.tell(body.map(|bytes| (Framing::UntilClose, bytes)), cx);
        }
    }

    /// Nothing more will come of it; `cuts` are how its request's and its answer's body end.
    fn finish(mut self, why: NoAnswer, cuts: [BodyState; 2], at: Mark, cx: &mut Context<'_>) {
        self.release(None, cx);
        if let Some(request) = self.request.take() {
            tell_no_answer(request, why, at, cx);
        }
        for (open, cut) in [self.asks, self.answers].into_iter().zip(cuts) {
            tell_end(open, cut, at, cx);
        }
    }
}

/// The next byte begins a frame.
fn between() -> State {
    let place = Place {
        seq: 0,
        at: Mark { time: crate::packet::Time(0), order: crate::packet::Order(0) },
        ambiguous: false,
        body: crate::http::BodyStart::Unseen,
    };
    State::Header { bytes: [0; HEADER_BYTES], len: 0, place }
}

/// The part of a frame's payload that is header block.
fn fragment_of(header: Header, mut payload: &[u8]) -> Option<&[u8]> {
    let mut padding = 0;
    if header.has(PADDED) {
        let (said, rest) = payload.split_first()?;
        (padding, payload) = (usize::from(*said), rest);
    }
    let before = match header.kind {
        Kind::PushPromise => 4,
        _ if header.has(PRIORITY) => 5,
        _ => 0,
    };
    let end = payload.len().checked_sub(padding)?;
    payload.get(before..end)
}

fn tell_end(open: Option<Open>, state: BodyState, at: Mark, cx: &mut Context<'_>) {
    let Some(Open { id, body_bytes, gap }) = open else { return };
    let state = if gap && state == BodyState::Whole { BodyState::Gap } else { state };
    cx.out.push(HttpEvent::End { id, body_bytes, state, at });
}
