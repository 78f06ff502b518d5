//! Every message as a record, in the order of first bytes, for `inspect`.
//!
//! A record waits until its message has ended and all that began before it has been told; under a cap the oldest goes as it is.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::http::{BodyState, Doubts, HeadState, HttpEvent, MessageId, Request, Response};
use crate::packet::{Order, SECOND, Time};
use crate::record::{Message, MessageRecord, Sink};

/// Messages that wait for others. Above it the oldest is told though its end was not seen.
const WAITING_MAX: usize = 16_384;
/// So long after its first byte nothing that began before can be new: twice the wait for a hole, and a second for the tick.
const HOLD_NS: i64 = 3 * SECOND;

/// Order of first bytes; within a packet by connection, direction and place.
type Place = (Order, u64, bool, u32);

#[derive(Debug)]
struct Waiting {
    record: MessageRecord,
    first: Time,
    ended: bool,
}

/// The messages that were not told yet.
#[derive(Debug, Default)]
pub(super) struct Listing {
    waiting: BTreeMap<Place, Waiting>,
    places: HashMap<MessageId, Place, RandomState>,
}

impl Listing {
    /// Takes note of an event.
    pub fn on_event(&mut self, event: &HttpEvent, sink: &mut impl Sink) {
        match event {
            HttpEvent::Request(request) => self.on_request(request),
            HttpEvent::Response { response, .. } | HttpEvent::Interim(response) => {
                self.on_response(response, response.client, response.server);
            }
            HttpEvent::NoAnswer { .. } => {}
            HttpEvent::End { id, body_bytes, state, .. } => {
                let place = self.places.remove(id);
                if let Some(waiting) = place.and_then(|p| self.waiting.get_mut(&p)) {
                    waiting.ended = true;
                    waiting.record.body_bytes = *body_bytes;
                    waiting.record.complete &= *state == BodyState::Whole;
                    waiting.record.gap |= *state == BodyState::Gap;
                }
            }
        }
        while self.waiting.len() > WAITING_MAX {
            self.tell_oldest(sink);
        }
    }

    /// Tells what has waited for long enough.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink) {
        while self.waiting.first_key_value().is_some_and(|(_, w)| w.ended && now.since(w.first) >= HOLD_NS) {
            self.tell_oldest(sink);
        }
    }

    /// Tells the rest.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        while !self.waiting.is_empty() {
            self.tell_oldest(sink);
        }
    }

    fn tell_oldest(&mut self, sink: &mut impl Sink) {
        let Some((_, mut waiting)) = self.waiting.pop_first() else { return };
        waiting.record.complete &= waiting.ended;
        sink.message(&waiting.record);
    }

    fn on_request(&mut self, request: &Arc<Request>) {
        let message = Message::Request(request.clone());
        self.add(request.id, request.first.order, request.first.time, request.head_state, request.doubts, message);
    }

    fn on_response(&mut self, response: &Arc<Response>, client: SocketAddr, server: SocketAddr) {
        let message = Message::Response { response: response.clone(), client, server };
        self.add(response.id, response.first.order, response.first.time, response.head_state, response.doubts, message);
    }

    fn add(&mut self, id: MessageId, order: Order, first: Time, head: HeadState, doubts: Doubts, message: Message) {
        let place = (order, id.stream.0, !id.request, id.nth);
        let record = MessageRecord {
            stream: id.stream.0,
            message,
            body_bytes: 0,
            complete: head == HeadState::Whole,
            gap: doubts.after_gap,
        };
        self.waiting.insert(place, Waiting { record, first, ended: false });
        self.places.insert(id, place);
    }
}
