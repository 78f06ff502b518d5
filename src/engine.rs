//! The whole engine: packets in, records out. Live and replay make the same calls.

mod listing;

use crate::cors::Correlator;
use crate::counters::Counters;
use crate::decode::{Decoded, Decoder};
use crate::http::{HttpEvent, Mark};
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{Packet, SECOND, Time};
use crate::record::{Checklist, Sink};
use crate::stream::Streams;
use listing::Listing;

/// No packet is later: beyond the year 2262 timers would have no room. Some captures have such times.
const TIME_MAX: Time = Time(i64::MAX - 3600 * SECOND);

/// Messages are judged so many at a time: reading packets and judging take more code than a processor keeps at hand, and a
/// change from one to the other at each packet cost a third of all time.
const BATCH_EVENTS: usize = 128;

/// Judges traffic. Owns no clock and does no I/O.
pub struct Engine {
    decoder: Decoder,
    streams: Streams,
    correlator: Correlator,
    /// Where every message is asked for.
    listing: Option<Listing>,
    events: Vec<HttpEvent>,
    counters: Counters,
    now: Time,
    next_tick: Time,
    last: Mark,
}

impl Engine {
    /// An engine with nothing seen yet.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Engine {
            decoder: Decoder::new(limits),
            streams: Streams::new(limits, options),
            correlator: Correlator::new(limits, options),
            listing: options.messages.then(Listing::default),
            events: Vec::new(),
            counters: Counters::default(),
            now: Time(i64::MIN),
            next_tick: Time(i64::MIN),
            last: Mark { time: Time(0), order: crate::packet::Order(0) },
        }
    }

    /// Takes what may change while it runs: the site's names and proxies, and the rules. What was seen stays.
    pub fn configure(&mut self, options: &EngineOptions) {
        self.correlator.configure(options);
    }

    /// Takes lines of a TLS key log (`SSLKEYLOGFILE`): connections whose ClientHello comes later are read with them, and those
    /// whose records wait for them now.
    pub fn add_keys(&mut self, text: &[u8]) {
        let at = Mark { time: self.now, order: self.last.order };
        self.streams.add_keys(text, at, &mut self.events, &mut self.counters);
    }

    /// Takes one packet. Time never goes back: an earlier packet is taken at the latest time seen.
    ///
    /// What it completes may wait for company, at most until the next second of packet time; see [`Engine::flush`].
    pub fn on_packet(&mut self, packet: &Packet<'_>, sink: &mut impl Sink) {
        let time = packet.time.max(self.now).min(TIME_MAX);
        if time >= self.next_tick {
            self.advance(time, sink);
        }
        self.now = time;
        self.counters.packets += 1;
        self.counters.bytes += u64::from(packet.wire_bytes);
        self.counters.truncated += u64::from(packet.bytes.len() < packet.wire_bytes as usize);
        let at = Mark { time, order: packet.order };
        self.last = at;
        match self.decoder.decode(packet, &mut self.counters) {
            Decoded::Segment(segment) => {
                self.counters.segments += 1;
                self.streams.on_segment(&segment, at, &mut self.events, &mut self.counters);
            }
            Decoded::Nothing => {}
        }
        if self.events.len() >= BATCH_EVENTS {
            self.flush(sink);
        }
    }

    /// Judges what waits for company: for whoever has no further packet at hand.
    pub fn flush(&mut self, sink: &mut impl Sink) {
        self.streams.drain(&mut self.events, &mut self.counters);
        if !self.events.is_empty() {
            self.hand_on(sink);
        }
    }

    /// Silence until `now`: fires what is due, each whole second of packet time.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink) {
        self.flush(sink);
        if self.next_tick.0 == i64::MIN {
            self.next_tick = tick_after(now);
            return;
        }
        while now >= self.next_tick {
            let tick = self.next_tick;
            let at = Mark { time: tick, order: self.last.order };
            self.decoder.advance(tick, &mut self.counters);
            self.streams.advance(at, &mut self.events, &mut self.counters);
            self.hand_on(sink);
            if let Some(listing) = &mut self.listing {
                listing.advance(tick, sink);
            }
            self.correlator.advance(tick, sink, &mut self.counters);
            self.next_tick = tick.plus(SECOND);
            if self.correlator.is_idle() {
                // Over long silence nothing is left to fire: jump to where there may be.
                let next = self.streams.next_timer().map_or(now, |t| t.min(now));
                self.next_tick = self.next_tick.max(tick_after(next));
            }
        }
        self.correlator.pass(now, sink, &mut self.counters);
        self.now = self.now.max(now);
    }

    /// End of input: settles everything that is open, oldest connection first.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        let at = Mark { time: self.now, order: self.last.order };
        self.decoder.finish(&mut self.counters);
        self.streams.finish(at, &mut self.events, &mut self.counters);
        self.hand_on(sink);
        if let Some(listing) = &mut self.listing {
            listing.finish(sink);
        }
        self.correlator.finish(at.time, sink, &mut self.counters);
    }

    /// Settles everything and begins anew at whatever time comes next, counting on: for a clock that was set back.
    pub fn begin_again(&mut self, limits: &Limits, options: &EngineOptions, sink: &mut impl Sink) {
        self.finish(sink);
        let counters = std::mem::take(&mut self.counters);
        let keys = self.streams.take_keys();
        *self = Engine { counters, ..Engine::new(limits, options) };
        if let Some(keys) = keys {
            self.streams.set_keys(keys);
        }
    }

    /// What was counted until now.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How each target stands by the checklists now.
    #[must_use]
    pub fn checklists(&self) -> Vec<Checklist> {
        self.correlator.findings().checklists()
    }

    /// Bytes that heads, data before its turn and TLS records hold now, as charged against their caps.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.streams.held_bytes()
    }

    fn hand_on(&mut self, sink: &mut impl Sink) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match &event {
                HttpEvent::Response { request: Some(request), response } => sink.exchange(request, Some(response)),
                HttpEvent::NoAnswer { request, .. } => sink.exchange(request, None),
                HttpEvent::Request(_)
                | HttpEvent::Interim(_)
                | HttpEvent::Response { request: None, .. }
                | HttpEvent::End { .. } => {}
            }
            if let Some(listing) = &mut self.listing {
                listing.on_event(&event, sink);
            }
            self.correlator.on_event(&event, &mut self.counters);
        }
        self.correlator.tell(sink, &mut self.counters);
        self.events = events;
    }
}

/// The first whole second after a time.
fn tick_after(time: Time) -> Time {
    Time(time.0.div_euclid(SECOND).saturating_add(1).saturating_mul(SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::merge::{Feed, FeedOptions};
    use crate::record::{Finding, Transaction, Verdict};

    #[derive(Default)]
    struct Blocked(Vec<Time>);

    impl Sink for Blocked {
        fn transaction(&mut self, t: &std::sync::Arc<Transaction>) {
            if t.verdict == Verdict::Blocked {
                self.0.push(t.time);
            }
        }
        fn finding(&mut self, _: &Finding) {}
    }

    #[test]
    fn after_a_clock_was_set_back_it_judges_in_the_new_time_and_counts_on() {
        let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/incident.pcapng");
        let (limits, options) = (Limits::default(), EngineOptions::default());
        let mut engine = Engine::new(&limits, &options);
        let mut before = Blocked::default();
        let feed_all = |engine: &mut Engine, sink: &mut Blocked, back: i64| {
            let mut feed = Feed::open(std::slice::from_ref(&demo), FeedOptions::default());
            while let Some(packet) = feed.next() {
                engine.on_packet(&Packet { time: packet.time.plus(-back), ..packet }, sink);
            }
        };
        feed_all(&mut engine, &mut before, 0);
        engine.begin_again(&limits, &options, &mut before);
        assert_eq!(before.0.len(), 76);
        let day = 86_400 * SECOND;
        let mut after = Blocked::default();
        feed_all(&mut engine, &mut after, day);
        engine.finish(&mut after);
        // the order in which they are told may differ where attempts wait
        before.0.sort_unstable();
        after.0.sort_unstable();
        assert_eq!(after.0, before.0.iter().map(|t| t.plus(-day)).collect::<Vec<_>>());
        assert_eq!(engine.counters().packets, 2 * 1257);
    }
}
