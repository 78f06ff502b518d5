//! Connections: puts each direction's bytes in order and has HTTP read from them.
//!
//! In order and whole, a segment is read where it lies in its frame; only what comes before its turn is copied, under caps. A hole is
//! given up when the peer acknowledged past it and later data has waited `gap_wait_ns`, at a cap, or at the end: a gap, counted by
//! cause. A server's bytes wait for the client's that they acknowledge, so that no answer overtakes its request.
//!
//! Each packet costs one lookup; timers are queues with one delay each, looked at once a second of packet time.

mod flow;
mod half;
mod order;

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use crate::counters::Counters;
use crate::decode::{Segment, Side, TcpFlags};
use crate::http::conversation::{Context, Conversation, Shared};
use crate::http::{HttpEvent, Mark, NoAnswer, StreamId};
use crate::index::TOGETHER;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{SECOND, Time};
use crate::tls::{Keys, Tools};
use flow::{Class, Table};

/// From so many connections on they are looked up many at a time: fewer lie in the processor's cache.
const CONNECTIONS_MANY: usize = 1 << 16;
/// A segment with more payload is not kept to be looked up with others.
const QUEUED_BYTES_MAX: usize = 512;
/// Directions that hold a head, before those that do not any more are looked for.
const HEADS_FULL: usize = 1024;
/// Connections that wait for keys and are looked at for each secret that comes; if there are more they are looked at within a second.
const LOOKS_EACH: u64 = 64;
/// Connections looked at for one to give up: above it the oldest goes, whatever it is doing.
const CHOICES_MAX: u32 = 16;

/// Something of a connection that a timer watches.
#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Time,
    slot: u32,
    id: u64,
    side: Side,
}

/// All connections followed now.
#[derive(Debug)]
pub struct Streams {
    limits: Limits,
    table: Table,
    next_id: u64,
    shared: Shared,
    late_bytes: u64,
    /// Directions with data before its turn, by when that began.
    late: VecDeque<Wait>,
    /// Directions that hold a head, by when that began; some have ended since.
    heads: VecDeque<Wait>,
    /// Entries of `heads` at which those that ended are removed.
    heads_full: usize,
    /// Connections that hold an answer back, by when that began.
    answers: VecDeque<Wait>,
    /// Connections whose TLS records wait for keys, by when that began; some have got them since.
    sealed: VecDeque<Wait>,
    /// Secrets that came since all of those were looked at.
    news: u64,
    queue: Queue,
    /// See [`CONNECTIONS_MANY`].
    many: usize,
}

#[derive(Debug)]
struct Queued {
    hash: u32,
    at: Mark,
    /// Without its payload.
    segment: Segment<'static>,
    payload: Range<usize>,
}

/// Segments whose connections are yet to be looked up, with copies of their payload.
#[derive(Debug, Default)]
struct Queue {
    segments: Vec<Queued>,
    bytes: Vec<u8>,
}

/// What a connection's own functions need of the rest.
struct Work<'w> {
    out: &'w mut Vec<HttpEvent>,
    counters: &'w mut Counters,
    shared: &'w mut Shared,
    late_bytes: &'w mut u64,
    holds: bool,
}

impl Work<'_> {
    fn context(&mut self, stream: StreamId, flow: crate::decode::FlowKey, read_to: [Option<u32>; 2]) -> Context<'_> {
        Context {
            out: self.out,
            counters: self.counters,
            shared: self.shared,
            stream,
            flow,
            read_to,
            holds: &mut self.holds,
        }
    }
}

impl Streams {
    /// No connection yet.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Streams {
            limits: limits.clone(),
            table: Table::new(limits.flows_max),
            next_id: 0,
            shared: Shared::new(limits, options),
            late_bytes: 0,
            late: VecDeque::new(),
            heads: VecDeque::new(),
            heads_full: HEADS_FULL,
            answers: VecDeque::new(),
            sealed: VecDeque::new(),
            news: 0,
            queue: Queue::default(),
            many: CONNECTIONS_MANY,
        }
    }

    /// Takes one segment; appends what it completes to `out`, at the latest with [`drain`](Self::drain).
    #[inline]
    pub fn on_segment(&mut self, segment: &Segment<'_>, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        if self.table.len() < self.many || segment.payload.len() > QUEUED_BYTES_MAX {
            self.drain(out, counters);
            self.take(segment, None, at, out, counters);
            return;
        }
        let hash = self.table.hash(&segment.flow);
        let Queue { segments, bytes } = &mut self.queue;
        let start = bytes.len();
        bytes.extend_from_slice(segment.payload);
        segments.push(Queued { hash, at, segment: Segment { payload: &[], ..*segment }, payload: start..bytes.len() });
        if segments.len() >= TOGETHER {
            self.drain(out, counters);
        }
    }

    /// Takes the segments that wait for company: before time goes on, and when there is no further packet at hand.
    #[inline]
    pub fn drain(&mut self, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        if !self.queue.segments.is_empty() {
            self.drain_queue(out, counters);
        }
    }

    fn drain_queue(&mut self, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        let mut queue = std::mem::take(&mut self.queue);
        self.table.touch(queue.segments.iter().map(|queued| queued.hash));
        for Queued { hash, at, segment, payload } in queue.segments.drain(..) {
            let payload = queue.bytes.get(payload).unwrap_or_default();
            self.take(&Segment { payload, ..segment }, Some(hash), at, out, counters);
        }
        queue.bytes.clear();
        self.queue = queue;
    }

    fn take(
        &mut self,
        segment: &Segment<'_>,
        hash: Option<u32>,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) {
        let bytes = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX).saturating_add(segment.cut);
        counters.tcp_bytes += u64::from(bytes);
        let is_syn = segment.flags.has(TcpFlags::SYN);
        let slot = match self.table.find(&segment.flow, hash) {
            Some(slot) => slot,
            // What has no payload and opens nothing is the rest of a connection that is over.
            None if !is_syn && bytes == 0 => return,
            None => self.open(segment, hash, is_syn, at, out, counters),
        };
        let slot =
            if self.begins_again(slot, segment, is_syn) { self.reopen(slot, segment, at, out, counters) } else { slot };
        let Some(flow) = self.table.get(slot) else { return };
        let idle_ns = at.time.since(flow.seen);
        flow.seen = at.time;
        if bytes == 0 && segment.flags.only_acknowledge() && !flow.holds_late() {
            flow.on_acknowledgment(segment.side, segment.ack);
            return;
        }
        let mut work = Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
        let class = flow.class;
        flow.on_segment(segment, bytes, is_syn, at, idle_ns, &self.limits, &mut work);
        let holds = work.holds;
        let (now_class, id) = (flow.class_now(), flow.id);
        let half = &mut flow.halves[segment.side.index()];
        if let Some(late) = &mut half.late
            && !late.timed
        {
            late.timed = true;
            self.late.push_back(Wait { since: at.time, slot, id, side: segment.side });
        }
        if holds {
            self.on_hold(slot, at.time, true);
        }
        if class != now_class {
            self.table.set_class(slot, now_class, at.time);
        }
        if self.late_bytes > self.limits.out_of_order_together_bytes_max {
            self.make_room_for_late(at, out, counters);
        }
        if self.shared.head_bytes > self.limits.heads_together_bytes_max {
            self.make_room_for_heads(at, out, counters);
        }
        if self.shared.tls_bytes > self.limits.tls_waiting_together_bytes_max {
            self.make_room_for_sealed(slot, id, at, out, counters);
        }
    }

    /// Takes lines of a key log, and reads what waited for them.
    pub fn add_keys(&mut self, text: &[u8], at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        self.drain(out, counters);
        let before = counters.tls_secrets.taken;
        if let Some(tools) = &mut self.shared.tls {
            tools.keys.add(text, &mut counters.tls_secrets);
        }
        self.news += counters.tls_secrets.taken - before;
        if self.news * LOOKS_EACH >= self.sealed.len() as u64 {
            self.tell_news(at, out, counters);
        }
    }

    /// Reads what waited for the secrets that came.
    fn tell_news(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        if std::mem::take(&mut self.news) == 0 {
            return;
        }
        for wait in std::mem::take(&mut self.sealed) {
            self.with_sealed(&wait, at, out, counters, |talk, cx| talk.on_keys(at, cx));
        }
    }

    /// The keys known, for the engine that comes after this one.
    pub fn take_keys(&mut self) -> Option<Keys> {
        self.shared.tls.take().map(|tools| tools.keys)
    }

    /// Begins with these.
    pub fn set_keys(&mut self, keys: Keys) {
        self.shared.tls = Some(Box::new(Tools::new(keys)));
    }

    fn open(
        &mut self,
        segment: &Segment<'_>,
        hash: Option<u32>,
        is_syn: bool,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) -> u32 {
        while self.table.len() >= self.limits.flows_max.max(1) as usize {
            if !self.make_room_for_flow(at, out, counters) {
                break;
            }
        }
        counters.connections += 1;
        counters.midstream += u64::from(!is_syn);
        let id = self.next_id;
        self.next_id += 1;
        let class = if is_syn { Class::HalfOpen } else { Class::Open };
        self.table.insert(segment.flow, hash, id, at.time, class)
    }

    /// Whether this segment shows a new connection on the ports of an old one.
    fn begins_again(&mut self, slot: u32, segment: &Segment<'_>, is_syn: bool) -> bool {
        let Some(flow) = self.table.get(slot) else { return false };
        let half = &flow.halves[segment.side.index()];
        let is_low = segment.side == Side::Low;
        let first = segment.seq.wrapping_add(1);
        if is_syn && !segment.flags.has(TcpFlags::ACK) {
            if flow.class == Class::Closed {
                return true;
            }
            if half.known && !half.fresh {
                // One packet alone may be forged: the next one must agree.
                flow.again = Some(is_low);
                flow.again_at = first;
            }
            return false;
        }
        match flow.again {
            Some(low) if low == is_low => !is_syn && segment.seq == flow.again_at,
            Some(_) => is_syn && segment.ack == Some(flow.again_at),
            None => false,
        }
    }

    fn reopen(
        &mut self,
        slot: u32,
        segment: &Segment<'_>,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) -> u32 {
        let again = self.table.get(slot).and_then(|f| Some((f.again?, f.again_at)));
        self.close(slot, NoAnswer::Lost, at, out, counters);
        let slot = self.open(segment, None, true, at, out, counters);
        if let Some((is_low, first)) = again
            && let Some(flow) = self.table.get(slot)
        {
            let side = if is_low { Side::Low } else { Side::High };
            flow.halves[side.index()].begin(first);
        }
        slot
    }

    /// A direction began to hold a head, an answer is held back or, if that is `new`, records wait for their keys.
    fn on_hold(&mut self, slot: u32, now: Time, new: bool) {
        let Some(flow) = self.table.get(slot) else { return };
        let id = flow.id;
        let Some(talk) = &mut flow.talk else { return };
        if new && talk.waits_for_keys() == Some(now) {
            self.sealed.push_back(Wait { since: now, slot, id, side: Side::Low });
        }
        if talk.begins_to_hold_answer() {
            self.answers.push_back(Wait { since: now, slot, id, side: Side::Low });
        }
        let sides = [Side::Low, Side::High].map(|side| (side, talk.holds_head(side).is_some()));
        for (side, holds) in sides {
            if holds {
                self.heads.push_back(Wait { since: now, slot, id, side });
            }
        }
        if self.heads.len() >= self.heads_full {
            let table = &mut self.table;
            // What holds something for long may stand here more than once.
            let mut seen = HashSet::with_hasher(foldhash::fast::RandomState::default());
            self.heads.retain(|w| {
                let flow = table.get(w.slot).filter(|f| f.id == w.id);
                let holds = flow.and_then(|f| f.talk.as_ref()?.holds_head(w.side)).is_some();
                holds && seen.insert((w.id, w.side.index()))
            });
            self.heads_full = (self.heads.len() * 2).max(HEADS_FULL);
        }
    }

    /// Fires timers due at this whole second of packet time.
    pub fn advance(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        self.drain(out, counters);
        let due = at.time.0.saturating_sub(self.limits.gap_wait_ns);
        while let Some(wait) = self.answers.pop_front_if(|w| w.since.0 <= due) {
            self.with_talk(&wait, out, counters, Conversation::on_held_long);
        }
        self.tell_news(at, out, counters);
        let keys_due = Time(at.time.0.saturating_sub(self.limits.tls_keys_wait_ns));
        while let Some(wait) = self.sealed.pop_front_if(|w| w.since <= keys_due) {
            self.with_sealed(&wait, at, out, counters, |talk, cx| {
                if talk.waits_for_keys().is_some_and(|since| since <= keys_due) {
                    talk.give_up_sealed(false, at, cx);
                }
            });
        }
        for _ in 0..self.late.len() {
            let Some(wait) = self.late.pop_front_if(|w| w.since.0 <= due) else { break };
            self.on_late_long(&wait, Time(due), false, at, out, counters);
        }
        for (class, idle_ns) in self.idle_limits() {
            while let Some(slot) = self.table.oldest_since(class, at.time, idle_ns) {
                let Some(flow) = self.table.get(slot) else { break };
                if at.time.since(flow.seen) < idle_ns {
                    self.table.set_class(slot, class, at.time);
                    continue;
                }
                counters.evictions.idle += u64::from(class == Class::Open);
                self.close(slot, NoAnswer::Evicted, at, out, counters);
            }
        }
        counters.streams_now = self.table.len() as u64;
    }

    /// Ends every connection, oldest first.
    pub fn finish(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        self.drain(out, counters);
        for mut flow in self.table.take_all() {
            let mut work =
                Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
            flow.end(NoAnswer::InputEnd, at, &mut work);
        }
        counters.streams_now = 0;
    }

    /// When the next timer may fire: before that, [`advance`](Self::advance) does nothing.
    #[must_use]
    pub fn next_timer(&self) -> Option<Time> {
        let waits = [self.answers.front(), self.late.front()];
        let held = waits.into_iter().flatten().map(|w| w.since.plus(self.limits.gap_wait_ns));
        let idle = self
            .idle_limits()
            .into_iter()
            .filter_map(|(class, idle_ns)| Some(self.table.entered(class)?.plus(idle_ns)));
        let keys_wait_ns = if self.news > 0 { 0 } else { self.limits.tls_keys_wait_ns };
        let keys = self.sealed.front().map(|w| w.since.plus(keys_wait_ns));
        held.chain(idle).chain(keys).min()
    }

    /// Bytes that heads, those of requests that wait too, data before its turn and TLS records hold now, as charged.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.late_bytes + self.shared.head_bytes + self.shared.waiting_bytes + self.shared.tls_bytes
    }

    fn idle_limits(&self) -> [(Class, i64); flow::CLASSES] {
        [
            (Class::Ignored, self.limits.open_idle_ns),
            (Class::HalfOpen, self.limits.half_open_idle_ns),
            (Class::Closed, self.limits.closed_idle_ns),
            (Class::Open, self.limits.open_idle_ns),
        ]
    }

    fn with_talk(
        &mut self,
        wait: &Wait,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>),
    ) {
        let Some(flow) = self.table.get(wait.slot).filter(|f| f.id == wait.id) else { return };
        let mut work = Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
        let (stream, key, read_to) = (StreamId(flow.id), flow.key, flow.read_to());
        if let Some(talk) = &mut flow.talk {
            act(talk, &mut work.context(stream, key, read_to));
        }
    }

    /// Has a connection whose records may wait for keys do something. It stays in line if they wait on.
    fn with_sealed(
        &mut self,
        wait: &Wait,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>),
    ) {
        let Some(flow) = self.table.get(wait.slot).filter(|f| f.id == wait.id) else { return };
        let mut work = Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
        let class = flow.class;
        let (stream, key, read_to) = (StreamId(flow.id), flow.key, flow.read_to());
        let Some(talk) = &mut flow.talk else { return };
        act(talk, &mut work.context(stream, key, read_to));
        let waits = talk.waits_for_keys() == Some(wait.since);
        flow.forget_talk_if_over(&mut work);
        let holds = work.holds;
        let now_class = flow.class_now();
        if waits {
            self.sealed.push_back(*wait);
        }
        if holds {
            self.on_hold(wait.slot, at.time, !waits);
        }
        if class != now_class {
            self.table.set_class(wait.slot, now_class, at.time);
        }
    }

    /// Gives up records that wait for keys, those that waited longest first; then those of the connection that took the room.
    fn make_room_for_sealed(
        &mut self,
        slot: u32,
        id: u64,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) {
        let last = Wait { since: at.time, slot, id, side: Side::Low };
        while self.shared.tls_bytes > self.limits.tls_waiting_together_bytes_max {
            let next = self.sealed.pop_front();
            self.with_sealed(next.as_ref().unwrap_or(&last), at, out, counters, |talk, cx| {
                if next.is_none() || talk.waits_for_keys().is_some() {
                    talk.give_up_sealed(true, at, cx);
                }
            });
            if next.is_none() {
                return;
            }
        }
    }

    /// Data has waited for its turn for long enough, or must make room (`now`).
    fn on_late_long(
        &mut self,
        wait: &Wait,
        due: Time,
        now: bool,
        at: Mark,
        out: &mut Vec<HttpEvent>,
        counters: &mut Counters,
    ) {
        let Some(flow) = self.table.get(wait.slot).filter(|f| f.id == wait.id) else { return };
        let mut work = Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
        let class = flow.class;
        flow.on_late_long(wait.side, due, now, at, &mut work);
        let holds = work.holds;
        let waits = flow.halves[wait.side.index()].late.as_ref().map(|l| l.since().unwrap_or(at.time));
        let now_class = flow.class_now();
        if let Some(since) = waits {
            self.late.push_back(Wait { since, ..*wait });
        }
        if holds {
            self.on_hold(wait.slot, at.time, true);
        }
        if class != now_class {
            self.table.set_class(wait.slot, now_class, at.time);
        }
    }

    fn make_room_for_late(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        for _ in 0..self.late.len() {
            if self.late_bytes <= self.limits.out_of_order_together_bytes_max {
                return;
            }
            let Some(wait) = self.late.pop_front() else { return };
            self.on_late_long(&wait, at.time, true, at, out, counters);
        }
    }

    fn make_room_for_heads(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        while self.shared.head_bytes > self.limits.heads_together_bytes_max {
            let Some(wait) = self.heads.pop_front() else { return };
            let mut gave_up = false;
            self.with_talk(&wait, out, counters, |talk, cx| gave_up = talk.give_up_head(wait.side, at, cx));
            counters.evictions.head_bytes += u64::from(gave_up);
        }
    }

    /// Gives up one connection: classes in order, within a class the one that was active longest ago, nearly.
    fn make_room_for_flow(&mut self, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) -> bool {
        let mut choices = 0;
        for class in [Class::Ignored, Class::HalfOpen, Class::Closed, Class::Open] {
            while let Some(slot) = self.table.oldest(class) {
                let Some(flow) = self.table.get(slot) else { break };
                let progress = flow.talk.as_ref().map_or(0, |t| t.progress());
                let is_busy = at.time.since(flow.seen) < SECOND || (class == Class::Open && progress > 0);
                choices += 1;
                if is_busy && choices < CHOICES_MAX && class != Class::HalfOpen {
                    self.table.set_class(slot, class, at.time);
                    continue;
                }
                counters.evictions.flows += 1;
                self.close(slot, NoAnswer::Evicted, at, out, counters);
                return true;
            }
        }
        false
    }

    fn close(&mut self, slot: u32, why: NoAnswer, at: Mark, out: &mut Vec<HttpEvent>, counters: &mut Counters) {
        let Some(mut flow) = self.table.remove(slot) else { return };
        let mut work = Work { out, counters, shared: &mut self.shared, late_bytes: &mut self.late_bytes, holds: false };
        flow.end(why, at, &mut work);
    }
}

#[cfg(test)]
mod tests;
