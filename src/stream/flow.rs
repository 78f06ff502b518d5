//! The table of connections: one entry each, found by both directions, kept in lines by how willingly it is given up.
//!
//! A connection is put at the end of a line; where it stood before, its place is empty from then on and passed over. Lists that
//! link the entries would have to change two neighbours at each step, and of a million connections those lie in main memory.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use slab::Slab;

use super::half::Half;
use crate::decode::FlowKey;
use crate::http::conversation::{Carries, Conversation};
use crate::index::{Index, NONE, folded};
use crate::packet::Time;

/// What a connection is, in the order in which room is made (DESIGN.md § 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It proved not to be HTTP: packets are only counted.
    Ignored,
    /// SYN alone, or a handshake without payload.
    HalfOpen,
    /// Both directions ended, or reset.
    Closed,
    /// Everything else.
    Open,
}

pub(super) const CLASSES: usize = 4;

/// One connection. Without payload it has no conversation: a SYN costs this entry and its places in index and line.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Flow {
    pub key: FlowKey,
    pub class: Class,
    /// A SYN for a new connection on the same ports came from this direction; its first byte would be `again_at`.
    pub again: Option<bool>,
    pub again_at: u32,
    /// Its place in its class's line is the one with this stamp.
    stamp: u32,
    /// Number of the connection, by first packet.
    pub id: u64,
    /// Last packet.
    pub seen: Time,
    pub halves: [Half; 2],
    pub talk: Option<Box<Conversation>>,
    pub carries: Carries,
}

// Two lines of the cache. Together with its place in the index (8 bytes over a load of 3/8 at worst) and in a line what an unanswered
// SYN costs.
const _: () = assert!(size_of::<Flow>() == 128);

/// A place in a line.
#[derive(Debug, Clone, Copy)]
struct Place {
    entered: Time,
    slot: u32,
    stamp: u32,
}

/// Places that may be empty before a line is cleared of them, beside as many as there are connections.
const EMPTY_PLACES: usize = 1024;

/// All connections.
#[derive(Debug)]
pub(super) struct Table {
    index: Index,
    flows: Slab<Flow>,
    hasher: RandomState,
    lines: [VecDeque<Place>; CLASSES],
    /// The last one given out.
    stamp: u32,
    /// The connection of the last packet: most packets follow one of their own.
    last: u32,
}

impl Table {
    /// Room for them is taken at once, though not touched: to grow would copy them all, again and again.
    pub fn new(flows_max: u32) -> Self {
        let room = flows_max.min(1 << 20);
        Table {
            index: Index::default(),
            flows: Slab::with_capacity(room as usize),
            hasher: RandomState::default(),
            lines: Default::default(),
            stamp: 0,
            last: NONE,
        }
    }

    pub fn len(&self) -> usize {
        self.flows.len()
    }

    #[inline]
    pub fn get(&mut self, at: u32) -> Option<&mut Flow> {
        self.flows.get_mut(at as usize)
    }

    /// A key's hash.
    #[inline]
    pub fn hash(&self, key: &FlowKey) -> u32 {
        hash_of(&self.hasher, key)
    }

    /// Where the connection is; its hash may be known already.
    #[inline]
    pub fn find(&mut self, key: &FlowKey, hash: Option<u32>) -> Option<u32> {
        if self.flows.get(self.last as usize).is_some_and(|f| f.key == *key) {
            return Some(self.last);
        }
        let hash = hash.unwrap_or_else(|| hash_of(&self.hasher, key));
        let found = self.index.find(hash, |at| self.flows.get(at as usize).is_some_and(|f| f.key == *key))?;
        self.last = found;
        Some(found)
    }

    /// Brings what the connections with these hashes need out of main memory, all together: loops so short that the processor
    /// has many turns of them under way.
    pub fn touch(&self, hashes: impl Iterator<Item = u32>) {
        let places = self.index.glances(hashes);
        let mut seen = 0;
        for flow in places.iter().filter_map(|at| self.flows.get(*at as usize)) {
            // an entry lies in two lines of the cache
            seen ^= i64::from(flow.halves[1].acked ^ flow.key.tunnel.0);
        }
        std::hint::black_box(seen);
    }

    /// Adds a connection that is not there yet.
    pub fn insert(&mut self, key: FlowKey, hash: Option<u32>, id: u64, seen: Time, class: Class) -> u32 {
        let at = self.flows.insert(Flow {
            key,
            class,
            again: None,
            again_at: 0,
            stamp: 0,
            id,
            seen,
            halves: [Half::default(), Half::default()],
            talk: None,
            carries: Carries::Unknown,
        });
        let at = u32::try_from(at).expect("flows_max is a u32, and the table never holds more");
        let hash = hash.unwrap_or_else(|| hash_of(&self.hasher, &key));
        self.index.insert(hash, at);
        self.set_class(at, class, seen);
        self.last = at;
        at
    }

    pub fn remove(&mut self, at: u32) -> Option<Flow> {
        let key = self.flows.get(at as usize)?.key;
        self.index.remove(hash_of(&self.hasher, &key), at);
        self.flows.try_remove(at as usize)
    }

    /// Every connection, oldest first; none stays.
    pub fn take_all(&mut self) -> impl Iterator<Item = Flow> {
        let order = self.by_age();
        self.index.clear();
        self.lines = Default::default();
        let mut flows = std::mem::take(&mut self.flows);
        order.into_iter().filter_map(move |at| flows.try_remove(at as usize))
    }

    /// Puts a connection at the end of a class's line.
    pub fn set_class(&mut self, at: u32, class: Class, now: Time) {
        self.stamp = self.stamp.wrapping_add(1);
        let Some(flow) = self.flows.get_mut(at as usize) else { return };
        flow.class = class;
        flow.stamp = self.stamp;
        let line = &mut self.lines[class as usize];
        line.push_back(Place { entered: now, slot: at, stamp: self.stamp });
        if line.len() > 2 * self.flows.len() + EMPTY_PLACES {
            let flows = &self.flows;
            line.retain(|place| stands_at(flows, class, place));
        }
    }

    /// The connection that was put into the class first, if that was so long ago.
    pub fn oldest_since(&mut self, class: Class, now: Time, wait_ns: i64) -> Option<u32> {
        let first = self.first(class)?;
        (now.since(first.entered) >= wait_ns).then_some(first.slot)
    }

    /// When the first place in the class's line was taken: no connection of it came earlier.
    pub fn entered(&self, class: Class) -> Option<Time> {
        self.lines[class as usize].front().map(|place| place.entered)
    }

    /// The connection that was put into the class first.
    pub fn oldest(&mut self, class: Class) -> Option<u32> {
        self.first(class).map(|place| place.slot)
    }

    fn first(&mut self, class: Class) -> Option<Place> {
        let flows = &self.flows;
        let line = &mut self.lines[class as usize];
        while line.pop_front_if(|place| !stands_at(flows, class, place)).is_some() {}
        line.front().copied()
    }

    #[allow(clippy::stable_sort_primitive)] // there are long runs in order, which this sort makes use of
    fn by_age(&self) -> Vec<u32> {
        let mut all: Vec<(u64, u32)> =
            self.flows.iter().map(|(at, flow)| (flow.id, u32::try_from(at).unwrap_or(NONE))).collect();
        all.sort();
        all.into_iter().map(|(_, at)| at).collect()
    }
}

/// Whether the place is not empty.
fn stands_at(flows: &Slab<Flow>, class: Class, place: &Place) -> bool {
    flows.get(place.slot as usize).is_some_and(|flow| flow.stamp == place.stamp && flow.class == class)
}

#[inline]
fn hash_of(hasher: &RandomState, key: &FlowKey) -> u32 {
    folded(hash_wide(hasher, key))
}

fn hash_wide(hasher: &RandomState, key: &FlowKey) -> u64 {
    let ports = u64::from(key.low.port) << 48 | u64::from(key.high.port) << 32 | u64::from(key.tunnel.0);
    match (key.low.ip, key.high.ip) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            hasher.hash_one((u64::from(low.to_bits()) << 32 | u64::from(high.to_bits()), ports))
        }
        (low, high) => hasher.hash_one((wide(low), wide(high), ports)),
    }
}

fn wide(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, TunnelId};

    fn key(port: u16) -> FlowKey {
        let end = |port| Endpoint { ip: IpAddr::from([10, 0, 0, 1]), port };
        FlowKey { low: end(port), high: end(port), tunnel: TunnelId(0) }
    }

    #[test]
    fn connections_leave_their_class_in_the_order_they_entered_it() {
        let mut table = Table::new(4);
        let [a, b, c] = [1, 2, 3].map(|port| table.insert(key(port), None, u64::from(port), Time(0), Class::HalfOpen));
        table.set_class(a, Class::Open, Time(0));
        assert_eq!(table.oldest(Class::HalfOpen), Some(b));
        table.set_class(a, Class::HalfOpen, Time(0));
        assert!(table.remove(b).is_some());
        assert_eq!(table.oldest(Class::HalfOpen), Some(c));
        assert_eq!(
            (table.find(&key(2), None), table.find(&key(1), None), table.oldest(Class::Open)),
            (None, Some(a), None)
        );
        assert_eq!(table.by_age(), [a, c]);
    }

    #[test]
    fn places_that_were_left_do_not_pile_up() {
        let mut table = Table::new(4);
        let [a, b] = [1, 2].map(|port| table.insert(key(port), None, u64::from(port), Time(0), Class::Open));
        for now in 0..10_000 {
            table.set_class(a, Class::Open, Time(now));
            assert!(table.lines[Class::Open as usize].len() <= 2 * table.len() + EMPTY_PLACES);
        }
        assert_eq!((table.oldest(Class::Open), table.entered(Class::Open)), (Some(b), Some(Time(0))));
    }
}
