//! What conversations share, and what one needs for a call.

use crate::counters::Counters;
use crate::decode::FlowKey;
use crate::http::h2;
use crate::http::keep::Keep;
use crate::http::{HttpEvent, Request, StreamId};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::tls::{Keys, Tools};

/// Bytes of a request's head that need no room but their request's.
const USUAL_BYTES: usize = 2048;

/// What all conversations share: limits, the policy of what is kept, and what they hold together.
#[derive(Debug)]
pub struct Shared {
    pub(in crate::http) keep: Keep,
    pub(in crate::http) head_bytes_max: usize,
    pub(super) pipeline_max: usize,
    pub(in crate::http) streams_max: usize,
    pub(super) waiting_max: u64,
    pub(super) waiting_bytes_max: u64,
    pub(super) probe_bytes_max: u32,
    pub(super) heads_together_bytes_max: u64,
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
    pub(in crate::http) text: Vec<u8>,
    /// The same for its strings.
    pub(in crate::http) strings: h2::Strings,
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
    pub(in crate::http) fn may_wait(&self, request: &Request) -> bool {
        let has_room = self.waiting_bytes < self.waiting_bytes_max || request.head.held_bytes() <= USUAL_BYTES;
        self.waiting < self.waiting_max && has_room
    }

    pub(in crate::http) fn waits(&mut self, request: &Request) {
        self.waiting += 1;
        self.waiting_bytes += request.head.held_bytes() as u64;
    }

    pub(in crate::http) fn waits_no_more(&mut self, request: &Request) {
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
