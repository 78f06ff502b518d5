//! Copies the cited transactions' packets, and masks what must not leave the house.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use foldhash::fast::RandomState;

use super::mask;
use super::pcapng::Writer;
use super::places::{Place, Places};
use super::rewritten::{self, Rewritten};
use crate::capture::file::Interface;
use crate::capture::merge::{Feed, FeedOptions};
use crate::counters::Counters;
use crate::decode::{Decoded, Decoder, Endpoint, Segment, Side, TcpFlags};
use crate::limits::Limits;
use crate::packet::{InterfaceId, LinkType, Order, Packet, Time};
use crate::record::TransactionId;

/// Packets of one request with its answer.
const PLACE_PACKETS_MAX: u32 = 200;
/// Packets of the answer's body, after its head.
const BODY_PACKETS_MAX: u32 = 16;
/// Bytes of all files' packets in memory. More are left out and counted.
const BYTES_MAX: usize = 256 << 20;
/// Bytes of one message that may be readable: a longer head is masked whole from there on.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A message as it may be read: the sequence number where it begins, and its bytes, masked.
type Readable = (u32, Vec<u8>);

/// A packet that is cited.
#[derive(Debug)]
struct Copied {
    time: Time,
    interface: InterfaceId,
    link: LinkType,
    bytes: Vec<u8>,
    wire_bytes: u32,
    sender: SocketAddr,
    receiver: SocketAddr,
    seq: u32,
    /// Where the TCP payload lies.
    payload: Range<usize>,
}

/// The packets of all places.
#[derive(Debug, Default)]
pub struct Packets {
    by_order: BTreeMap<Order, Copied>,
    of_place: Vec<BTreeSet<Order>>,
    interfaces: Vec<Interface>,
    bytes: usize,
    /// Packets left out.
    pub left_out: u64,
}

/// One file's bytes.
#[derive(Debug)]
pub struct File {
    /// The file.
    pub bytes: Vec<u8>,
    /// Packets in it.
    pub packets: u64,
}

/// How far the copying of one place has come.
#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    taken: u32,
    after_head: u32,
    over: bool,
}

/// The third reading: copies what belongs to a place.
#[must_use]
pub fn copy(places: &Places, inputs: &[PathBuf]) -> Packets {
    let mut packets = Packets { of_place: vec![BTreeSet::new(); places.all().len()], ..Packets::default() };
    let mut by_ends: HashMap<(SocketAddr, SocketAddr), Vec<usize>, RandomState> = HashMap::default();
    for (i, place) in places.all().iter().enumerate().filter(|(_, place)| place.rewritten.is_none()) {
        by_ends.entry(ends(place.client, place.server)).or_default().push(i);
    }
    if by_ends.is_empty() {
        return packets;
    }
    let mut progress = vec![Progress::default(); places.all().len()];
    let mut decoder = Decoder::new(&Limits::offline());
    let mut counters = Counters::default();
    let mut feed = Feed::open(inputs, FeedOptions::default());
    while let Some(packet) = feed.next() {
        let Decoded::Segment(segment) = decoder.decode(&packet, &mut counters) else { continue };
        let (low, high) = (address(segment.flow.low), address(segment.flow.high));
        let Some(on_flow) = by_ends.get(&ends(low, high)) else { continue };
        for &i in on_flow {
            let (Some(place), Some(progress)) = (places.all().get(i), progress.get_mut(i)) else { continue };
            if belongs(place, progress, &packet, &segment) {
                packets.take(i, &packet, &segment);
            }
        }
    }
    packets.interfaces = feed.interfaces().to_vec();
    packets
}

fn address(end: Endpoint) -> SocketAddr {
    SocketAddr::new(end.ip, end.port)
}

fn ends(a: SocketAddr, b: SocketAddr) -> (SocketAddr, SocketAddr) {
    if a <= b { (a, b) } else { (b, a) }
}

fn sender(segment: &Segment<'_>) -> SocketAddr {
    address(if segment.side == Side::Low { segment.flow.low } else { segment.flow.high })
}

/// From the request's first byte to the end of the answer's head, and the first packets of its body.
fn belongs(place: &Place, progress: &mut Progress, packet: &Packet<'_>, segment: &Segment<'_>) -> bool {
    if packet.order < place.from || progress.over || progress.taken >= PLACE_PACKETS_MAX {
        return false;
    }
    if packet.order > place.to {
        let next_request = sender(segment) == place.client && !segment.payload.is_empty() && place.answer.is_some();
        if next_request || segment.flags.has(TcpFlags::SYN) || progress.after_head >= BODY_PACKETS_MAX {
            progress.over = true;
            return false;
        }
        progress.after_head += 1;
    }
    progress.taken += 1;
    true
}

impl Packets {
    fn take(&mut self, place: usize, packet: &Packet<'_>, segment: &Segment<'_>) {
        if !self.by_order.contains_key(&packet.order) {
            let Some(payload) = within(packet.bytes, segment.payload) else {
                self.left_out += 1;
                return;
            };
            if self.bytes + packet.bytes.len() > BYTES_MAX {
                self.left_out += 1;
                return;
            }
            self.bytes += packet.bytes.len();
            let (low, high) = (address(segment.flow.low), address(segment.flow.high));
            let (sender, receiver) = if segment.side == Side::Low { (low, high) } else { (high, low) };
            let copied = Copied {
                time: packet.time,
                interface: packet.interface,
                link: packet.link,
                bytes: packet.bytes.to_vec(),
                wire_bytes: packet.wire_bytes,
                sender,
                receiver,
                seq: segment.seq.wrapping_add(u32::from(segment.flags.has(TcpFlags::SYN))),
                payload,
            };
            self.by_order.insert(packet.order, copied);
        }
        if let Some(orders) = self.of_place.get_mut(place) {
            orders.insert(packet.order);
        }
    }

    /// Masks every byte of TCP payload but what may be read of the cited messages.
    pub fn mask(&mut self, places: &Places) {
        // What stays readable, by direction: where it begins, and the bytes as masked.
        let mut readable: BTreeMap<(SocketAddr, SocketAddr), Vec<Readable>> = BTreeMap::new();
        for (place, orders) in places.all().iter().zip(&self.of_place) {
            let request = Some((place.client, place.server, place.request_seq));
            let answer = place.answer.map(|(seq, _)| (place.server, place.client, seq));
            for (sender, receiver, seq) in request.into_iter().chain(answer) {
                let mut bytes = self.joined(orders, sender, seq);
                mask::message(&mut bytes);
                readable.entry((sender, receiver)).or_default().push((seq, bytes));
            }
        }
        for copied in self.by_order.values_mut() {
            let parts = readable.get(&(copied.sender, copied.receiver));
            copied.mask(parts.map_or(&[], Vec::as_slice));
        }
    }

    /// The bytes of one direction from `seq` on, as far as they touch; the first copy of each counts.
    fn joined(&self, orders: &BTreeSet<Order>, sender: SocketAddr, seq: u32) -> Vec<u8> {
        let mut pieces: Vec<(u32, &[u8])> = orders
            .iter()
            .filter_map(|order| self.by_order.get(order))
            .filter(|copied| copied.sender == sender && !copied.payload.is_empty())
            .filter_map(|copied| {
                let bytes = copied.bytes.get(copied.payload.clone())?;
                let before = seq.wrapping_sub(copied.seq);
                if before < 1 << 31 {
                    // begins before the message: its first part is somebody else's
                    Some((0, bytes.get(before as usize..)?))
                } else {
                    Some((copied.seq.wrapping_sub(seq), bytes))
                }
            })
            .collect();
        pieces.sort_by_key(|(at, _)| *at);
        let mut joined = Vec::new();
        for (at, bytes) in pieces {
            let at = at as usize;
            if at > joined.len() || joined.len() >= MESSAGE_BYTES_MAX {
                break; // a hole
            }
            joined.extend_from_slice(bytes.get(joined.len() - at..).unwrap_or_default());
        }
        joined
    }

    /// The file of these transactions.
    #[must_use]
    pub fn file(&self, places: &Places, cited: &[TransactionId], comment: &str) -> File {
        let mut comments: BTreeMap<Order, Vec<&str>> = BTreeMap::new();
        for &i in cited.iter().flat_map(|id| places.of(*id)) {
            let (Some(place), Some(orders)) = (places.all().get(i), self.of_place.get(i)) else { continue };
            for order in orders {
                comments.entry(*order).or_default();
            }
            let answered = place.answer.map_or(place.from, |(_, order)| order);
            for (order, text) in [(place.from, &place.request_comment), (answered, &place.answer_comment)] {
                if let Some(notes) = comments.get_mut(&order).filter(|_| !text.is_empty()) {
                    notes.push(text);
                }
            }
        }
        let mut writer = Writer::new(comment);
        let mut interfaces: BTreeMap<(InterfaceId, u16), u32> = BTreeMap::new();
        let mut packets = 0;
        for (order, notes) in &comments {
            let Some(copied) = self.by_order.get(order) else { continue };
            let interface = *interfaces.entry((copied.interface, copied.link.0)).or_insert_with(|| {
                let name = self.interfaces.get(usize::from(copied.interface.0)).and_then(|i| i.name.as_deref());
                writer.interface(copied.link, name)
            });
            writer.packet(interface, copied.time, &copied.bytes, copied.wire_bytes, notes);
            packets += 1;
        }
        packets += write_rewritten(&mut writer, places, cited);
        File { bytes: writer.finish(), packets }
    }
}

/// Writes what could not be copied; how many packets those are. Each answer follows its request, though others
/// were under way: HTTP/1.1 knows no other order.
fn write_rewritten(writer: &mut Writer, places: &Places, cited: &[TransactionId]) -> u64 {
    let mut interface = None;
    let mut next: HashMap<(SocketAddr, SocketAddr), u32, RandomState> = HashMap::default();
    let mut packets = 0;
    let cited = cited.iter().flat_map(|id| places.of(*id)).filter_map(|i| places.all().get(*i));
    let mut all: Vec<(&Place, &Rewritten)> =
        cited.filter_map(|place| Some((place, place.rewritten.as_ref()?))).collect();
    all.sort_by_key(|(place, rewritten)| (rewritten.request.0, place.request_seq));
    for (place, Rewritten { request, answer, .. }) in all {
        let interface =
            *interface.get_or_insert_with(|| writer.interface(LinkType(rewritten::LINK), Some("rewritten")));
        let (client, server) = (place.client, place.server);
        let answer = answer.as_ref().map(|answer| (answer, server, client, &place.answer_comment));
        for ((time, head), from, to, comment) in
            std::iter::once((request, client, server, &place.request_comment)).chain(answer)
        {
            let ack = *next.entry((to, from)).or_insert(1);
            let seq = next.entry((from, to)).or_insert(1);
            let bytes = rewritten::packet(from, to, *seq, ack, head);
            *seq = seq.wrapping_add(u32::try_from(head.len()).unwrap_or(0));
            let notes: &[&str] = if comment.is_empty() { &[] } else { &[comment] };
            writer.packet(interface, *time, &bytes, u32::try_from(bytes.len()).unwrap_or(u32::MAX), notes);
            packets += 1;
        }
    }
    packets
}

/// Where `part` lies in `whole`; none where it is a copy made elsewhere (a datagram put together from fragments).
fn within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    if part.is_empty() {
        return Some(0..0);
    }
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let to = from.checked_add(part.len())?;
    (to <= whole.len()).then_some(from..to)
}

impl Copied {
    /// Masks the payload but for the readable parts that lie in it, and mends the checksum.
    fn mask(&mut self, readable: &[Readable]) {
        let Some(payload) = self.bytes.get_mut(self.payload.clone()) else { return };
        let before = payload.to_vec();
        payload.fill(mask::MASK);
        for (seq, bytes) in readable {
            let ahead = seq.wrapping_sub(self.seq);
            let (to, from) =
                if ahead < 1 << 31 { (ahead as usize, 0) } else { (0, self.seq.wrapping_sub(*seq) as usize) };
            let (Some(to), Some(from)) = (payload.get_mut(to..), bytes.get(from..)) else { continue };
            // Where this message is masked, another one that follows it may be readable.
            for (to, from) in to.iter_mut().zip(from).filter(|(_, from)| **from != mask::MASK) {
                *to = *from;
            }
        }
        let after = payload.to_vec();
        self.mend_checksum(&before, &after);
    }

    /// RFC 1624: the checksum changes by what the words change, so that a wrong one (offload) stays as wrong as it was.
    fn mend_checksum(&mut self, before: &[u8], after: &[u8]) {
        let Some(header) = self.tcp_header() else { return };
        let Some(field) = self.bytes.get_mut(header + 16..header + 18) else { return };
        let [high, low] = field else { return };
        let mut sum = u64::from(!u16::from_be_bytes([*high, *low]));
        for (old, new) in before.chunks(2).zip(after.chunks(2)) {
            sum += u64::from(!word(old)) + u64::from(word(new));
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [new_high, new_low] = (!u16::try_from(sum).unwrap_or(0)).to_be_bytes();
        (*high, *low) = (new_high, new_low);
    }

    /// Where the TCP header begins: before the payload, with both ports and the right length.
    fn tcp_header(&self) -> Option<usize> {
        let ports = [self.sender.port().to_be_bytes(), self.receiver.port().to_be_bytes()].concat();
        (5..=15_usize).map(|words| (words, words * 4)).find_map(|(words, length)| {
            let at = self.payload.start.checked_sub(length)?;
            let header = self.bytes.get(at..self.payload.start)?;
            let fits = header.starts_with(&ports) && header.get(12).is_some_and(|b| usize::from(b >> 4) == words);
            fits.then_some(at)
        })
    }
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)])
}
