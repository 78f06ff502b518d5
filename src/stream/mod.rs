//! Connections: puts each direction's bytes in order and has HTTP read from them.
//!
//! Stands in until reassembly is there: no caps, no gaps.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::counters::Counters;
use crate::decode::{Endpoint, FlowKey, Segment, TcpFlags};
use crate::http::head::{Head, HeadBuilder, Name};
use crate::http::{
    BodyStart, BodyState, Doubts, HeadState, HttpEvent, Mark, MessageId, NoAnswer, Request, Response, StreamId,
};
use crate::limits::Limits;
use crate::options::EngineOptions;

#[derive(Debug, Default, PartialEq)]
enum Body {
    #[default]
    Head,
    Len(u64),
    Chunk,
    ChunkData(u64),
    Close,
}

#[derive(Debug, Default)]
struct Half {
    next: Option<u32>,
    waiting: BTreeMap<u32, (Vec<u8>, Option<Mark>)>,
    buffer: Vec<u8>,
    first: Option<Mark>,
    body: Body,
    open: Option<MessageId>,
    messages: u32,
}

#[derive(Debug)]
struct Connection {
    id: u64,
    client: SocketAddr,
    server: SocketAddr,
    halves: [Half; 2],
    queue: VecDeque<Arc<Request>>,
    over: bool,
}

/// All connections followed now.
#[derive(Debug, Default)]
pub struct Streams {
    by_key: HashMap<FlowKey, usize>,
    all: Vec<Connection>,
}

fn address(e: Endpoint) -> SocketAddr {
    SocketAddr::new(e.ip, e.port)
}

impl Streams {
    /// No connection yet.
    #[must_use]
    pub fn new(_limits: &Limits, _options: &EngineOptions) -> Self {
        Streams::default()
    }

    /// Takes one segment; appends what it completes to `out`.
    pub fn on_segment(&mut self, segment: &Segment<'_>, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        let (low, high) = (address(segment.flow.low), address(segment.flow.high));
        let (from, to) = if segment.side == crate::decode::Side::Low { (low, high) } else { (high, low) };
        let syn = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
        if syn || !self.by_key.contains_key(&segment.flow) {
            if !syn && (segment.payload.is_empty() || segment.payload.starts_with(b"HTTP/")) {
                return;
            }
            counters.connections += 1;
            self.by_key.insert(segment.flow, self.all.len());
            self.all.push(Connection {
                id: self.all.len() as u64,
                client: from,
                server: to,
                halves: [Half::default(), Half::default()],
                queue: VecDeque::new(),
                over: false,
            });
        }
        let Some(connection) = self.by_key.get(&segment.flow).and_then(|&i| self.all.get_mut(i)) else { return };
        let which = usize::from(from != connection.client);
        let half = &mut connection.halves[which];
        if segment.flags.has(TcpFlags::SYN) {
            half.next = Some(segment.seq.wrapping_add(1));
            return;
        }
        let next = half.next.get_or_insert(segment.seq);
        if !segment.payload.is_empty() {
            half.waiting.entry(segment.seq).or_insert_with(|| (segment.payload.to_vec(), Some(at)));
        }
        while let Some(seq) = half
            .waiting
            .iter()
            .find(|(seq, (bytes, _))| {
                let behind = next.wrapping_sub(**seq);
                behind < 0x8000_0000 && bytes.len() > behind as usize
            })
            .map(|(seq, _)| *seq)
        {
            let Some((bytes, mark)) = half.waiting.remove(&seq) else { break };
            let skip = next.wrapping_sub(seq) as usize;
            if half.buffer.is_empty() {
                half.first = mark;
            }
            half.buffer.extend_from_slice(bytes.get(skip..).unwrap_or_default());
            *next = next.wrapping_add(u32::try_from(bytes.len() - skip).unwrap_or(0));
        }
        connection.pump(which, at, out, counters);
        let reset = segment.flags.has(TcpFlags::RST);
        if (reset || (segment.flags.has(TcpFlags::FIN) && which == 1)) && !connection.over {
            connection.over = true;
            connection.end(reset, which, at, out);
        }
    }

    /// Fires timers due at this whole second of packet time.
    pub fn advance(&mut self, _at: Mark, _out: &mut Vec<HttpEvent>, _counters: &mut Counters) {}

    /// Ends every connection, oldest first.
    pub fn finish(&mut self, at: Mark, out: &mut Vec<HttpEvent>, _counters: &mut Counters) {
        for connection in &mut self.all {
            for request in connection.queue.drain(..) {
                out.push(HttpEvent::NoAnswer { request, why: NoAnswer::InputEnd, at });
            }
        }
    }

    /// Nothing is left that a timer could fire for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        true
    }
}

fn build(mut built: HeadBuilder, fields: &[httparse::Header<'_>]) -> Head {
    for field in fields {
        let name = Name::of(field.name.as_bytes());
        let secret = matches!(name, Name::Cookie | Name::SetCookie | Name::Other);
        let value: &[u8] = if secret { b"(present)" } else { field.value };
        built.field(field.name.as_bytes(), name, value, secret);
    }
    built.finish()
}

impl Connection {
    fn end(&mut self, reset: bool, which: usize, at: Mark, out: &mut Vec<HttpEvent>) {
        if let Some(id) = self.halves[1].open.take() {
            let state = if self.halves[1].body == Body::Close && !reset {
                BodyState::Whole
            } else if which == 0 {
                BodyState::Aborted
            } else {
                BodyState::CutByClose
            };
            out.push(HttpEvent::End { id, body_bytes: 0, state, at });
        }
        let why = if reset { NoAnswer::Reset } else { NoAnswer::Closed };
        for request in self.queue.drain(..) {
            out.push(HttpEvent::NoAnswer { request, why, at });
        }
    }

    fn pump(&mut self, which: usize, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        loop {
            let asked = self.queue.front().map(|r| r.head.method().to_vec());
            let half = &mut self.halves[which];
            match half.body {
                Body::Close => {
                    half.buffer.clear();
                    return;
                }
                Body::Len(left) | Body::ChunkData(left) => {
                    let take = (half.buffer.len() as u64).min(left);
                    half.buffer.drain(..usize::try_from(take).unwrap_or(0));
                    let chunk = matches!(half.body, Body::ChunkData(_));
                    half.body = match (left - take, chunk) {
                        (0, true) => Body::Chunk,
                        (0, false) => Body::Head,
                        (rest, true) => Body::ChunkData(rest),
                        (rest, false) => Body::Len(rest),
                    };
                    if left > take {
                        return;
                    }
                    half.first = Some(at);
                }
                Body::Chunk => {
                    let Some(end) = half.buffer.windows(2).position(|w| w == b"\r\n") else { return };
                    let line = String::from_utf8_lossy(&half.buffer[..end]).into_owned();
                    let size = u64::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16).unwrap_or(0);
                    if size == 0 {
                        let Some(end) = half.buffer.windows(4).position(|w| w == b"\r\n\r\n") else { return };
                        half.buffer.drain(..end + 4);
                        half.body = Body::Head;
                        half.first = Some(at);
                    } else {
                        half.buffer.drain(..end + 2);
                        half.body = Body::ChunkData(size + 2);
                    }
                }
                Body::Head => {
                    if let Some(id) = half.open.take() {
                        out.push(HttpEvent::End { id, body_bytes: 0, state: BodyState::Whole, at });
                    }
                    if half.buffer.is_empty() {
                        return;
                    }
                    let bytes = std::mem::take(&mut half.buffer);
                    let used = self.head(which, &bytes, asked.as_deref(), at, out, counters);
                    let half = &mut self.halves[which];
                    half.buffer = bytes;
                    match used {
                        Some(used) => half.buffer.drain(..used),
                        None => return,
                    };
                }
            }
        }
    }

    fn head(
        &mut self,
        which: usize,
        bytes: &[u8],
        asked: Option<&[u8]>,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) -> Option<usize> {
        let half = &mut self.halves[which];
        let first = half.first.unwrap_or(at);
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let nth = half.messages;
        let id = MessageId { stream: StreamId(self.id), request: which == 0, seq: nth, nth };
        let length = |head: &Head| {
            head.first(Name::ContentLength).and_then(|v| std::str::from_utf8(v).ok()?.parse::<u64>().ok())
        };
        if which == 0 {
            let mut parsed = httparse::Request::new(&mut fields);
            let Ok(httparse::Status::Complete(used)) = parsed.parse(bytes) else { return None };
            let built = HeadBuilder::request(parsed.method?.as_bytes(), parsed.path?.as_bytes());
            let head = build(built, parsed.headers);
            half.body =
                if head.has(Name::TransferEncoding) { Body::Chunk } else { Body::Len(length(&head).unwrap_or(0)) };
            half.messages += 1;
            half.open = Some(id);
            counters.requests += 1;
            let request = Arc::new(Request {
                id,
                first,
                head_end: at,
                client: self.client,
                peer: self.client,
                server: self.server,
                minor: parsed.version.unwrap_or(1),
                head,
                head_state: HeadState::Whole,
                body_start: BodyStart::Unseen,
                doubts: Doubts::default(),
                on_connection: nth,
            });
            self.queue.push_back(request.clone());
            out.push(HttpEvent::Request(request));
            return Some(used);
        }
        let mut parsed = httparse::Response::new(&mut fields);
        let used = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) => return None,
            Err(_) => {
                if let Some(request) = self.queue.pop_front() {
                    out.push(HttpEvent::NoAnswer { request, why: NoAnswer::NotHttp, at });
                }
                half.body = Body::Close;
                return None;
            }
        };
        let status = parsed.code?;
        let head = build(HeadBuilder::response(), parsed.headers);
        let interim = (100..200).contains(&status) && status != 101;
        half.body = if interim || matches!(status, 204 | 304) || asked == Some(b"HEAD") {
            Body::Len(0)
        } else if head.has(Name::TransferEncoding) {
            Body::Chunk
        } else {
            match length(&head) {
                Some(length) if status != 101 => Body::Len(length),
                _ => Body::Close,
            }
        };
        half.messages += 1;
        half.open = Some(id);
        counters.responses += u64::from(!interim);
        let response = Arc::new(Response {
            id,
            first,
            head_end: at,
            status,
            minor: parsed.version.unwrap_or(1),
            head,
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
        });
        if interim {
            out.push(HttpEvent::Interim(response));
        } else {
            let request = self.queue.pop_front();
            out.push(HttpEvent::Response { request, response });
        }
        Some(used)
    }
}
