//! Which request a response answers.
//!
//! While no byte is lost that is the oldest one waiting. After a gap, TCP's acknowledgments tell: a request carries the place in the
//! server's stream that its client had received when sending it, and its answer cannot begin before. Where requests were seen to
//! overlap (pipelining) and bytes are lost, nothing tells, and nothing is paired: a wrong pair would be a wrong verdict. Browsers do
//! not pipeline; a pair that rests on that is doubtful.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Request;

/// A request that waits for its answer.
#[derive(Debug)]
struct Waiting {
    request: Arc<Request>,
    /// Place in the server's stream up to which the client had received.
    acked: Option<u32>,
    after: Gap,
}

/// Bytes of the client that were lost since its last request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    #[default]
    None,
    /// It was joined midway.
    Midway,
    /// The rest of a head, at least.
    InHead,
    /// A request, at least.
    Between,
}

/// What to make of a response.
#[derive(Debug, Default)]
pub struct Answered {
    /// What it answers; none when that is not known.
    pub request: Option<Arc<Request>>,
    /// Requests that were waiting and whose answers are lost.
    pub lost: SmallVec<[Arc<Request>; 1]>,
    /// Bytes were lost that could hide its request.
    pub doubtful: bool,
}

/// The requests of one connection that wait, and what was lost among them.
#[derive(Debug, Default)]
pub struct Pairing {
    waiting: SmallVec<[Waiting; 1]>,
    /// Place up to which the client's last segment with data acknowledged.
    client_acked: Option<u32>,
    /// Bytes of the client were lost since its last request.
    client_gap: Gap,
    /// Since then a response was seen, or lost, that may answer what was lost.
    answered_gap: bool,
    /// What the client had acknowledged before them, if it was seen.
    acked_before_gap: Option<u32>,
    /// Bytes of the server that may have held a response were lost since its last one.
    server_gap: bool,
    /// A request was sent before the one before it was answered.
    pipelined: bool,
    /// Both: nothing can be paired any more.
    broken: bool,
}

/// `a` lies behind `b` in a stream of wrapping sequence numbers.
fn is_behind(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}

impl Pairing {
    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The oldest request that waits.
    pub fn take_first(&mut self) -> Option<Arc<Request>> {
        if self.waiting.is_empty() { None } else { Some(self.waiting.remove(0).request) }
    }

    /// A request was not taken for want of room: the answers cannot be counted off any more.
    pub fn on_refused(&mut self) {
        self.broken = true;
    }

    /// Everything that waits, oldest first.
    pub fn take_all(&mut self) -> impl Iterator<Item = Arc<Request>> {
        std::mem::take(&mut self.waiting).into_iter().map(|w| w.request)
    }

    /// The client sent data that acknowledges so much.
    pub fn on_client_data(&mut self, acked: Option<u32>) {
        if acked.is_some() {
            self.client_acked = acked;
        }
    }

    /// Where the server's stream begins, or was joined.
    pub fn on_server_start(&mut self, at: u32) {
        self.client_acked.get_or_insert(at);
    }

    /// The client's stream was joined midway.
    pub fn on_client_midway(&mut self) {
        self.client_gap = Gap::Midway;
    }

    /// Bytes of the client that may have held a request were lost; before them it was inside a head.
    pub fn on_client_gap(&mut self, in_head: bool) {
        if self.client_gap != Gap::Between {
            if self.client_gap != Gap::InHead {
                self.acked_before_gap = self.client_acked;
                self.answered_gap = false;
            }
            self.client_gap = if in_head { Gap::InHead } else { Gap::Between };
        }
        self.broken |= self.pipelined;
    }

    /// Bytes of the server that may have held a response were lost.
    pub fn on_server_gap(&mut self) {
        self.server_gap = true;
        self.answered_gap = true;
        self.broken |= self.pipelined;
    }

    /// A request was seen. `server_at` is how far the server's stream was read, `in_answer` that it is inside a body there.
    /// Gives it back when no answer can be paired with it.
    pub fn on_request(
        &mut self,
        request: Arc<Request>,
        acked: Option<u32>,
        server_at: Option<u32>,
        in_answer: bool,
    ) -> Option<Arc<Request>> {
        let unanswered = in_answer || !self.waiting.is_empty();
        // All that the client had received was read, and its request before this one was not answered by that.
        if unanswered && !self.server_gap && acked.zip(server_at).is_some_and(|(a, s)| !is_behind(a, s)) {
            self.pipelined = true;
        }
        let after = std::mem::take(&mut self.client_gap);
        if after != Gap::None {
            let before = self.acked_before_gap.take();
            // Nothing came from the server between: what was lost still waits for its answer, so this is pipelining.
            if before.zip(acked).is_some_and(|(b, a)| !is_behind(a, b)) {
                self.pipelined = true;
            }
            self.broken |= self.pipelined;
        }
        if self.pipelined && self.waiting.iter().any(|w| w.after != Gap::None) {
            self.broken = true;
        }
        if self.broken {
            return Some(request);
        }
        self.waiting.push(Waiting { request, acked, after });
        None
    }

    /// A final response begins at this place of the server's stream.
    pub fn on_response(&mut self, at: u32) -> Answered {
        let mut answered = Answered::default();
        let gap = std::mem::take(&mut self.server_gap);
        if self.pipelined && gap {
            self.broken = true;
        }
        if self.broken {
            answered.doubtful = true;
            answered.lost.extend(self.take_all());
            return answered;
        }
        if gap {
            // An answer begins where its client had received all before: what was asked earlier lost its own.
            while self.waiting.first().is_some_and(|w| w.acked.is_none_or(|acked| is_behind(at, acked))) {
                answered.lost.push(self.waiting.remove(0).request);
            }
            answered.doubtful = self.client_gap != Gap::None;
            if let [first, rest @ ..] = self.waiting.as_slice() {
                let is_shared = rest.first().is_some_and(|second| second.acked == first.acked);
                if first.acked != Some(at) {
                    self.answered_gap = true;
                    answered.doubtful = true;
                    return answered;
                }
                if is_shared {
                    self.broken = true;
                    answered.doubtful = true;
                    answered.lost.extend(self.take_all());
                    return answered;
                }
            }
        }
        let Some(first) = self.waiting.first() else {
            answered.doubtful = self.client_gap != Gap::None || gap;
            self.answered_gap = true;
            return answered;
        };
        match first.after {
            Gap::None | Gap::Midway => {}
            // It began before its request was sent: it answers one that was lost.
            Gap::InHead | Gap::Between if first.acked.is_some_and(|a| is_behind(a, at)) => {
                self.answered_gap = true;
                answered.doubtful = true;
                return answered;
            }
            Gap::InHead => answered.doubtful = true,
            Gap::Between if self.answered_gap => answered.doubtful = true,
            // What was lost still waited for its answer when this request was sent: this may be that.
            Gap::Between => {
                self.broken = true;
                answered.doubtful = true;
                answered.lost.extend(self.take_all());
                return answered;
            }
        }
        answered.request = Some(self.waiting.remove(0).request);
        answered
    }

    /// Answers to those that wait may have been lost.
    #[must_use]
    pub fn may_have_missed_answers(&self) -> bool {
        self.server_gap || self.broken
    }

    /// Requests were seen to overlap.
    #[must_use]
    pub fn is_pipelined(&self) -> bool {
        self.pipelined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;
    use crate::http::{BodyStart, Doubts, HeadState, Mark, MessageId, StreamId, Version};
    use crate::packet::{Order, Time};

    fn request(n: u32) -> Arc<Request> {
        let mark = Mark { time: Time(0), order: Order(0) };
        let end = std::net::SocketAddr::from(([10, 0, 0, 1], 1));
        Arc::new(Request {
            id: MessageId { stream: StreamId(0), request: true, seq: n, nth: n },
            first: mark,
            head_end: mark,
            client: end,
            peer: end,
            server: end,
            version: Version::Http11,
            scheme: None,
            head: HeadBuilder::request(b"GET", b"/").finish(),
            head_state: HeadState::Whole,
            body_start: BodyStart::Unseen,
            doubts: Doubts::default(),
            on_connection: n,
        })
    }

    fn check(answered: &Answered, request: Option<u32>, lost: &[u32]) {
        assert_eq!(answered.request.as_ref().map(|r| r.id.nth), request);
        assert_eq!(answered.lost.iter().map(|r| r.id.nth).collect::<Vec<_>>(), lost);
    }

    /// One after the other: the server's answers begin at 0, 100, 200 …
    fn one_by_one() -> Pairing {
        let mut p = Pairing::default();
        p.on_server_start(0);
        p.on_client_data(Some(0));
        p
    }

    #[test]
    fn first_come_first_answered() {
        let mut p = one_by_one();
        for n in 0..3 {
            assert!(p.on_request(request(n), Some(0), Some(0), false).is_none());
        }
        for n in 0..3 {
            check(&p.on_response(n * 10), Some(n), &[]);
        }
        check(&p.on_response(40), None, &[]);
    }

    #[test]
    fn a_lost_answer_leaves_the_next_one_to_its_own_request() {
        let mut p = one_by_one();
        p.on_request(request(0), Some(0), Some(0), false);
        p.on_request(request(1), Some(100), Some(0), false);
        p.on_server_gap();
        check(&p.on_response(100), Some(1), &[0]);
    }

    #[test]
    fn a_lost_request_leaves_its_answer_alone() {
        let mut p = one_by_one();
        p.on_request(request(0), Some(0), Some(0), false);
        check(&p.on_response(0), Some(0), &[]);
        p.on_client_data(Some(0));
        p.on_client_gap(false);
        p.on_request(request(2), Some(200), Some(100), false);
        check(&p.on_response(100), None, &[]);
        check(&p.on_response(200), Some(2), &[]);
    }

    #[test]
    fn a_lost_request_without_an_answer_of_its_own_takes_no_other() {
        let mut p = one_by_one();
        p.on_request(request(0), Some(0), Some(0), false);
        check(&p.on_response(0), Some(0), &[]);
        p.on_client_gap(false);
        p.on_request(request(2), Some(100), Some(100), false);
        check(&p.on_response(100), None, &[2]);
    }

    #[test]
    fn pipelining_and_a_gap_pair_nothing() {
        let mut p = one_by_one();
        p.on_request(request(0), Some(0), Some(0), false);
        p.on_request(request(1), Some(0), Some(0), false);
        p.on_server_gap();
        check(&p.on_response(100), None, &[0, 1]);
        assert!(p.on_request(request(2), Some(200), Some(200), false).is_some());
    }

    #[test]
    fn a_gap_before_anything_was_answered_hides_a_pipelined_request() {
        let mut p = one_by_one();
        p.on_client_gap(false);
        assert!(p.on_request(request(1), Some(0), Some(0), false).is_some());
        check(&p.on_response(0), None, &[]);
    }
}
