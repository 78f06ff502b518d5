//! Puts IP fragments together (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! The first copy of a byte wins. Bytes, datagrams, pieces of one and waiting time are capped; the oldest datagram goes first,
//! and every fragment of it is counted as lost.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::TunnelId;
use crate::counters::Ignored;
use crate::limits::Limits;
use crate::packet::Time;

/// What a piece costs beside its bytes.
const PIECE_COST: usize = 64;

/// What fragments of one datagram share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub id: u32,
    /// Zero for IPv6, whose fragments may differ in it.
    pub protocol: u8,
    pub tunnel: TunnelId,
}

/// One fragment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub key: FragmentKey,
    /// Place of its first byte in the datagram's payload.
    pub start: usize,
    pub more: bool,
    pub bytes: &'a [u8],
    /// Bytes of it that were not captured.
    pub cut: u32,
    pub protocol: u8,
    pub depth: u8,
    pub time: Time,
}

/// The payload of a datagram that is whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub bytes: Vec<u8>,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub tunnel: TunnelId,
    pub depth: u8,
}

impl Default for Whole {
    fn default() -> Self {
        let none = IpAddr::from([0; 4]);
        Whole { bytes: Vec::new(), src: none, dst: none, protocol: 0, tunnel: TunnelId(0), depth: 0 }
    }
}

#[derive(Debug)]
struct Held {
    key: FragmentKey,
    began: Time,
    /// By place, none over another.
    pieces: Vec<(usize, Vec<u8>)>,
    /// Fragments that came.
    fragments: u64,
    total: Option<usize>,
    /// Of the first fragment.
    protocol: Option<u8>,
    cost: usize,
}

/// All datagrams of which a fragment is missing.
#[derive(Debug)]
pub(super) struct Fragments {
    by_key: HashMap<FragmentKey, u64>,
    /// Oldest first.
    held: BTreeMap<u64, Held>,
    next: u64,
    cost: usize,
    bytes_max: usize,
    datagrams_max: usize,
    pieces_max: usize,
    wait_ns: i64,
}

impl Fragments {
    pub fn new(limits: &Limits) -> Self {
        Fragments {
            by_key: HashMap::new(),
            held: BTreeMap::new(),
            next: 0,
            cost: 0,
            bytes_max: limits.fragment_bytes_max as usize,
            datagrams_max: limits.fragmented_datagrams_max as usize,
            pieces_max: usize::from(limits.fragment_pieces_max),
            wait_ns: limits.fragment_wait_ns,
        }
    }

    /// Takes one fragment; gives the datagram when it is the last that was missing.
    pub fn on_fragment(&mut self, fragment: &Fragment<'_>, ignored: &mut Ignored) -> Option<Whole> {
        let length = fragment.bytes.len() + fragment.cut as usize;
        let end = fragment.start + length;
        if end > usize::from(u16::MAX) || length == 0 {
            ignored.malformed += 1;
            return None;
        }
        let serial = *self.by_key.entry(fragment.key).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let held = self.held.entry(serial).or_insert_with(|| Held {
            key: fragment.key,
            began: fragment.time,
            pieces: Vec::new(),
            fragments: 0,
            total: None,
            protocol: None,
            cost: 0,
        });
        held.fragments += 1;
        if !fragment.more {
            held.total.get_or_insert(end);
        }
        if fragment.start == 0 {
            held.protocol.get_or_insert(fragment.protocol);
        }
        let cost = held.add(fragment.start, fragment.bytes);
        held.cost += cost;
        self.cost += cost;
        if held.pieces.len() > self.pieces_max {
            self.give_up(serial, ignored);
            return None;
        }
        if let Some(protocol) = held.is_whole() {
            let held = self.take(serial)?;
            ignored.fragment += held.fragments - 1;
            let mut bytes = Vec::with_capacity(held.total.unwrap_or(0));
            for (_, piece) in &held.pieces {
                bytes.extend_from_slice(piece);
            }
            bytes.truncate(held.total.unwrap_or(0));
            let FragmentKey { src, dst, tunnel, .. } = held.key;
            return Some(Whole { bytes, src, dst, protocol, tunnel, depth: fragment.depth });
        }
        while self.cost > self.bytes_max || self.held.len() > self.datagrams_max {
            let Some(oldest) = self.held.keys().next().copied() else { break };
            self.give_up(oldest, ignored);
        }
        None
    }

    /// Gives up what has waited too long.
    pub fn advance(&mut self, now: Time, ignored: &mut Ignored) {
        while let Some((&serial, held)) = self.held.first_key_value() {
            if now.since(held.began) < self.wait_ns {
                break;
            }
            self.give_up(serial, ignored);
        }
    }

    /// Gives up everything.
    pub fn finish(&mut self, ignored: &mut Ignored) {
        while let Some((&serial, _)) = self.held.first_key_value() {
            self.give_up(serial, ignored);
        }
    }

    fn take(&mut self, serial: u64) -> Option<Held> {
        let held = self.held.remove(&serial)?;
        self.by_key.remove(&held.key);
        self.cost -= held.cost;
        Some(held)
    }

    fn give_up(&mut self, serial: u64, ignored: &mut Ignored) {
        if let Some(held) = self.take(serial) {
            ignored.fragment_lost += held.fragments;
        }
    }
}

impl Held {
    /// Keeps those bytes that are not there yet; returns what that costs.
    fn add(&mut self, start: usize, bytes: &[u8]) -> usize {
        let (mut at, end) = (start, start + bytes.len());
        let mut cost = 0;
        let mut nth = self.pieces.partition_point(|(place, piece)| place + piece.len() <= start);
        while at < end {
            let (free_until, then) =
                self.pieces.get(nth).map_or((end, end), |(place, piece)| ((*place).min(end), place + piece.len()));
            if at < free_until {
                let Some(new) = bytes.get(at - start..free_until - start) else { break };
                self.pieces.insert(nth, (at, new.to_vec()));
                cost += new.len() + PIECE_COST;
                nth += 1;
            }
            nth += 1;
            at = at.max(then);
        }
        cost
    }

    /// The protocol of its payload, when nothing is missing.
    fn is_whole(&self) -> Option<u8> {
        let total = self.total?;
        let mut at = 0;
        for (place, piece) in &self.pieces {
            if *place != at {
                break;
            }
            at += piece.len();
        }
        if at >= total { self.protocol } else { None }
    }
}
