//! From ordered bytes to messages of HTTP/1 and HTTP/2, and to requests with their answers.
//!
//! Heads are copied once, reduced to the fields that [`keep`] names; bodies are passed over.

mod chunked;
pub mod conversation;
mod framing;
mod grammar;
mod h2;
pub mod head;
pub mod keep;
mod pairing;
mod probe;
mod proxy;
mod refusal;
mod sealed;

pub(crate) use grammar::{find_word, is_printable, is_token as is_tchar};

use std::net::SocketAddr;
use std::sync::Arc;

use crate::options::Scheme;
use crate::packet::{Order, Time};
use head::Head;

/// A TCP connection as the engine numbers them: by first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId(pub u64);

/// Names one message of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The connection.
    pub stream: StreamId,
    /// Sent by the client.
    pub request: bool,
    /// TCP sequence number of its first byte: the same in each capture of the same packets, wherever that begins.
    pub seq: u32,
    /// Place among the messages of its direction, from 0.
    pub nth: u32,
}

/// When a message began: its first byte's packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Packet time.
    pub time: Time,
    /// Packet's place in the feed.
    pub order: Order,
}

/// The version of HTTP that a message was sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl Version {
    /// HTTP/1 by its minor version.
    #[must_use]
    pub fn of_minor(minor: u8) -> Self {
        if minor == 0 { Version::Http10 } else { Version::Http11 }
    }

    /// As the contract writes it: `1.0`, `1.1`, `2`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
            Version::Http2 => "2",
        }
    }
}

/// What lowers the trust in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Doubts {
    /// The stream had a gap before this message and was picked up again at it.
    pub after_gap: bool,
    /// The connection was joined midway and this is the first message seen of its direction.
    pub midstream: bool,
    /// Two copies of some of its bytes differ: two readers could have seen two messages.
    pub ambiguous: bool,
    /// Framed by contradictory fields (Content-Length with Transfer-Encoding, several lengths): RFC 9112 §6.3.
    pub framing: bool,
    /// It may belong to another request: bytes were lost between.
    pub pairing: bool,
    /// A value has blanks around it in HTTP/2, or a tab in HTTP/1, which a proxy may hand on in HTTP/2 (RFC 9113 § 8.2.1): some receivers
    /// drop the field, others the blanks.
    pub blanks: bool,
    /// It is no HTTP by the letter, and readers differ: a NUL, a lone CR, something behind the status, a known name with a blank before its colon.
    pub malformed: bool,
    /// The client had closed its side before this came: it waits no more.
    pub left: bool,
    /// Browsers read it, and a proxy may not: empty lines before it, lines that are no fields, lines that go on in the next.
    pub untidy: bool,
}

/// How a head ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadState {
    /// With its blank line.
    Whole,
    /// The connection ended inside it: the complete lines that arrived are kept.
    CutByClose,
    /// The snap length, a gap or the end of the capture took its rest: the complete lines before it are kept.
    CutByCapture,
}

/// What the first bytes of a body look like. The bytes themselves are never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyStart {
    /// No body, or it was not in view.
    #[default]
    Unseen,
    /// First byte other than white space is `{` or `[`.
    Json,
    /// First byte other than white space is `<`.
    Markup,
    /// Spring's `Invalid CORS request`.
    InvalidCorsRequest,
    /// Starlette's `Disallowed CORS …`.
    DisallowedCors,
    /// Says that the origin is not allowed: aiohttp-cors, hapi, actix-cors, warp, Poem, code by hand.
    OriginRefused,
    /// Says that the method is not allowed.
    MethodRefused,
    /// Says that a header is not allowed.
    HeadersRefused,
    /// Says that CORS refuses, and not what: `Not allowed by CORS`.
    CorsRefused,
    /// hapi: `CORS is disabled for this route`.
    RouteRefused,
    /// Anything else.
    Other,
}

impl BodyStart {
    /// The CORS code itself says what it does not allow.
    #[must_use]
    pub fn is_cors_refusal(self) -> bool {
        match self {
            BodyStart::InvalidCorsRequest
            | BodyStart::DisallowedCors
            | BodyStart::OriginRefused
            | BodyStart::MethodRefused
            | BodyStart::HeadersRefused
            | BodyStart::CorsRefused
            | BodyStart::RouteRefused => true,
            BodyStart::Unseen | BodyStart::Json | BodyStart::Markup | BodyStart::Other => false,
        }
    }
}

/// A request's head, and where it was seen.
#[derive(Debug)]
pub struct Request {
    /// Its name.
    pub id: MessageId,
    /// Its first byte.
    pub first: Mark,
    /// When its head was complete.
    pub head_end: Mark,
    /// The sender on the wire, or the client that a PROXY protocol header names.
    pub client: SocketAddr,
    /// The sender on the wire.
    pub peer: SocketAddr,
    /// The receiver on the wire.
    pub server: SocketAddr,
    /// The version it was sent in.
    pub version: Version,
    /// What the connection itself says of the URL's scheme: it is TLS, or HTTP/2 with `:scheme` https.
    pub scheme: Option<Scheme>,
    /// Start line and fields.
    pub head: Head,
    /// How the head ended.
    pub head_state: HeadState,
    /// What the body begins with.
    pub body_start: BodyStart,
    /// What lowers the trust in it.
    pub doubts: Doubts,
    /// Place of the connection's requests before this one, from 0; counts those seen.
    pub on_connection: u32,
}

/// A response's head, and where it was seen.
#[derive(Debug)]
pub struct Response {
    /// Its name.
    pub id: MessageId,
    /// Its first byte.
    pub first: Mark,
    /// When its head was complete.
    pub head_end: Mark,
    /// The receiver on the wire, or the client that a PROXY protocol header names.
    pub client: SocketAddr,
    /// The sender on the wire.
    pub server: SocketAddr,
    /// Status code as sent.
    pub status: u16,
    /// The version it was sent in.
    pub version: Version,
    /// Fields (method and target empty).
    pub head: Head,
    /// How the head ended.
    pub head_state: HeadState,
    /// What the body begins with.
    pub body_start: BodyStart,
    /// What lowers the trust in it.
    pub doubts: Doubts,
}

/// Why no response head came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The connection was closed (FIN) first.
    Closed,
    /// The connection was reset first.
    Reset,
    /// Bytes that are no HTTP came instead.
    NotHttp,
    /// The capture lost it (gap, snap length, one direction only).
    Lost,
    /// The connection was forgotten under a cap or after long silence.
    Evicted,
    /// The capture ended first.
    InputEnd,
}

/// How a message's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyState {
    /// As its framing says.
    Whole,
    /// Bytes of it were not captured; its end is known all the same.
    Gap,
    /// Its sender ended the connection (FIN or RST) before its framing says.
    CutByClose,
    /// Its receiver did: a browser that refuses an answer closes in the midst of it.
    Aborted,
    /// The capture ended, or lost its end.
    CutByCapture,
    /// Its chunks are none: a browser takes that for a network error.
    Malformed,
}

/// What the HTTP layer tells the layers above, in the order of the bytes that decided it.
#[derive(Debug, Clone)]
pub enum HttpEvent {
    /// A request's head is there (complete, or all that will come of it).
    Request(Arc<Request>),
    /// An interim response (1xx but 101), for those who list every message.
    Interim(Arc<Response>),
    /// A final response's head is there. No request: it was not captured.
    Response {
        /// What it answers.
        request: Option<Arc<Request>>,
        /// The answer.
        response: Arc<Response>,
    },
    /// A request will not be answered.
    NoAnswer {
        /// The request.
        request: Arc<Request>,
        /// Why not.
        why: NoAnswer,
        /// When this became known.
        at: Mark,
    },
    /// A message's body has ended (of a message without body: right after its head).
    End {
        /// Which message.
        id: MessageId,
        /// Captured bytes, after chunked decoding, before content decoding.
        body_bytes: u64,
        /// How it ended.
        state: BodyState,
        /// When.
        at: Mark,
    },
}
