//! Live capture: one ring per interface, read in turn by one thread.
//!
//! With one interface the engine reads the ring's own memory. With several, packets are copied and held back for
//! [`HOLD`], so that the two directions of a tap that shows them on two interfaces come in order of time. An interface that
//! goes away is opened again with back-off, as is one that has still to come; each change of state is told once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use pcap::{Active, Capture, Device, Linktype};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::packet::{InterfaceId, LinkType, Order, Packet, Time};

/// How long the kernel may hold a block of packets back: the unit of latency.
const BLOCK_WAIT_MS: i32 = 50;
/// With several interfaces packets wait this long for earlier ones of another ring.
const HOLD: Duration = Duration::from_millis(150);
/// Bytes held back at most; above it the oldest go on early.
const HELD_BYTES_MAX: usize = 32 << 20;
/// Packets taken from one ring before the others, and the clock, are looked at.
const TAKE_MAX: usize = 4096;
/// The first and the longest wait before a lost interface is tried again.
const REOPEN_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// What to capture.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Names; `any` is every interface at once.
    pub interfaces: Vec<String>,
    /// A filter in pcap-filter(7) syntax.
    pub filter: Option<String>,
    /// The kernel's buffer per interface, in MiB.
    pub buffer_mib: u32,
    /// Bytes kept of a packet.
    pub snaplen: u32,
    /// Wait for an interface that is not there, or not up, rather than refuse to begin.
    pub await_absent: bool,
}

/// Why capture cannot begin. All of them are the user's to mend: exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No right to capture.
    #[error(
        "no permission to capture on {interface}. Run the shipped unit (systemctl start corstap), use sudo, or: \
         setcap cap_net_raw=ep {program}"
    )]
    NoPermission {
        /// Which interface.
        interface: String,
        /// Path of this program.
        program: String,
    },
    /// No such interface.
    #[error("{interface}: no such interface (have: {have})")]
    NoSuchInterface {
        /// Which one.
        interface: String,
        /// Those there are.
        have: String,
    },
    /// The interface is there, and nobody has brought it up.
    #[error("{interface}: is down; ip link set {interface} up")]
    Down {
        /// Which one.
        interface: String,
    },
    /// The filter does not compile.
    #[error("filter \"{filter}\": {text}")]
    BadFilter {
        /// The filter.
        filter: String,
        /// What libpcap says.
        text: String,
    },
    /// Anything else that libpcap says.
    #[error("{interface}: {text}")]
    Other {
        /// Which interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
}

impl LiveError {
    /// Why the interface is to be waited for; none where waiting does not help.
    fn to_be_awaited(&self) -> Option<String> {
        match self {
            LiveError::NoSuchInterface { have, .. } => Some(format!("no such interface (have: {have})")),
            LiveError::Down { .. } => Some("is down".into()),
            _ => None,
        }
    }
}

/// A change of state, for the log.
#[derive(Debug)]
pub enum Change {
    /// An interface is not captured, and why.
    Lost(String),
    /// It is captured from now on.
    Back(String),
}

/// How one interface fares.
#[derive(Debug, Clone, Default)]
pub struct InterfaceState {
    /// Its name.
    pub name: String,
    /// Link-layer type as libpcap names it.
    pub link: String,
    /// Open now; else why not.
    pub trouble: Option<String>,
    /// Packets taken.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Packets that found the kernel's buffer full.
    pub lost_kernel: u64,
    /// Packets that the interface or its driver dropped.
    pub lost_interface: u64,
    /// Wall clock less packet time at the last packet, in seconds; 0 in silence.
    pub lag_s: f64,
    /// Time of the last packet taken.
    pub last_packet: Option<Time>,
}

/// Open interfaces.
pub struct Live {
    options: LiveOptions,
    rings: Vec<Ring>,
    order: u64,
    held: BinaryHeap<Reverse<Held>>,
    held_bytes: usize,
    changes: Vec<Change>,
}

struct Ring {
    id: InterfaceId,
    handle: Handle,
    link: LinkType,
    state: InterfaceState,
    /// What `stats()` said last; its numbers begin anew with each handle and wrap at 32 bits.
    stats: (u32, u32),
    index: Option<String>,
}

enum Handle {
    Open(Capture<Active>),
    Gone { again: Instant, wait: Duration },
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    time: Time,
    nth: u64,
    interface: InterfaceId,
    link: u16,
    wire_bytes: u32,
    bytes: Box<[u8]>,
}

impl Live {
    /// Opens every interface.
    ///
    /// # Errors
    /// One of them cannot be opened, or the filter does not compile.
    pub fn open(options: LiveOptions) -> Result<Live, LiveError> {
        let (mut rings, mut changes) = (Vec::new(), Vec::new());
        for (nth, name) in options.interfaces.iter().enumerate() {
            let mut ring = Ring {
                id: InterfaceId(u16::try_from(nth).unwrap_or(u16::MAX)),
                link: LinkType(0),
                state: InterfaceState { name: name.clone(), ..InterfaceState::default() },
                handle: Handle::Gone { again: Instant::now(), wait: REOPEN_WAIT.0 },
                stats: (0, 0),
                index: None,
            };
            match open(name, &options) {
                Ok(capture) => ring.take_over(capture),
                Err(error) => match error.to_be_awaited().filter(|_| options.await_absent) {
                    Some(why) => {
                        check_filter(&options)?;
                        ring.lose(&why, &mut changes);
                    }
                    None => return Err(error),
                },
            }
            rings.push(ring);
        }
        Ok(Live { options, rings, order: 0, held: BinaryHeap::new(), held_bytes: 0, changes })
    }

    /// How each interface fares.
    pub fn states(&self) -> impl Iterator<Item = &InterfaceState> {
        self.rings.iter().map(|r| &r.state)
    }

    /// Hands on what the rings hold, in order of time; waits up to `wait` when that is nothing. The number of packets.
    pub fn take(&mut self, wait: Duration, mut each: impl FnMut(&Packet<'_>)) -> usize {
        let mut taken = 0;
        if let [ring] = self.rings.as_mut_slice() {
            let order = &mut self.order;
            taken = ring.take(&mut self.changes, &mut |id, link, time, wire_bytes, bytes| {
                each(&Packet { order: Order(*order), time, interface: id, link, bytes, wire_bytes });
                *order += 1;
            });
        } else {
            let (held, nth, held_bytes) = (&mut self.held, &mut self.order, &mut self.held_bytes);
            for ring in &mut self.rings {
                taken += ring.take(&mut self.changes, &mut |interface, link, time, wire_bytes, bytes| {
                    *held_bytes += bytes.len();
                    *nth += 1;
                    held.push(Reverse(Held {
                        time,
                        nth: *nth,
                        interface,
                        link: link.0,
                        wire_bytes,
                        bytes: bytes.into(),
                    }));
                });
            }
            self.release(HOLD, &mut each);
        }
        if taken == 0 {
            self.wait(if self.held.is_empty() { wait } else { wait.min(Duration::from_millis(10)) });
        }
        taken
    }

    /// Hands on what was held back, to the last packet.
    pub fn drain(&mut self, mut each: impl FnMut(&Packet<'_>)) {
        self.release(Duration::ZERO, &mut each);
    }

    fn release(&mut self, hold: Duration, each: &mut impl FnMut(&Packet<'_>)) {
        let due = crate::store::wall_clock().plus(-i64::try_from(hold.as_nanos()).unwrap_or(0));
        while let Some(Reverse(oldest)) = self.held.peek() {
            if oldest.time > due && self.held_bytes <= HELD_BYTES_MAX && !hold.is_zero() {
                break;
            }
            let Some(Reverse(packet)) = self.held.pop() else { break };
            self.held_bytes -= packet.bytes.len();
            each(&Packet {
                order: Order(packet.nth),
                time: packet.time,
                interface: packet.interface,
                link: LinkType(packet.link),
                bytes: &packet.bytes,
                wire_bytes: packet.wire_bytes,
            });
        }
    }

    /// Waits until a ring has something.
    fn wait(&self, wait: Duration) {
        let open = self.rings.iter().filter_map(|r| match &r.handle {
            Handle::Open(capture) => Some(PollFd::new(capture, PollFlags::IN)),
            Handle::Gone { .. } => None,
        });
        let mut fds: Vec<PollFd<'_>> = open.collect();
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        if fds.is_empty() || poll(&mut fds, Some(&timeout)).is_err() {
            std::thread::sleep(wait);
        } else if fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)) {
            // The next read reports it; until then poll would return at once.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Once a second: reads what was dropped, and tries lost interfaces again.
    pub fn each_second(&mut self) {
        for ring in &mut self.rings {
            ring.each_second(&self.options, &mut self.changes);
        }
    }

    /// A line for each change of state since the last call, for the log.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

impl Ring {
    fn take(
        &mut self,
        changes: &mut Vec<Change>,
        each: &mut impl FnMut(InterfaceId, LinkType, Time, u32, &[u8]),
    ) -> usize {
        let Handle::Open(capture) = &mut self.handle else { return 0 };
        let (id, link, state) = (self.id, self.link, &mut self.state);
        let mut last = None;
        let taken = capture.dispatch(Some(TAKE_MAX), |packet| {
            #[allow(clippy::useless_conversion, reason = "both are 32 bits wide on other targets")]
            let (s, us) = (i64::from(packet.header.ts.tv_sec), i64::from(packet.header.ts.tv_usec));
            let time = Time::from_parts(s, us * 1000);
            state.packets += 1;
            state.bytes += u64::from(packet.header.len);
            last = Some(time);
            each(id, link, time, packet.header.len, packet.data);
        });
        match taken {
            Ok(packets) => {
                state.last_packet = last.or(state.last_packet);
                state.lag_s = last.map_or(0.0, |time| seconds(crate::store::wall_clock().since(time)).max(0.0));
                packets
            }
            Err(error) => {
                self.lose(&error.to_string(), changes);
                0
            }
        }
    }

    fn each_second(&mut self, options: &LiveOptions, changes: &mut Vec<Change>) {
        match &mut self.handle {
            Handle::Open(capture) => {
                if let Ok(stats) = capture.stats() {
                    self.state.lost_kernel += u64::from(stats.dropped.wrapping_sub(self.stats.0));
                    self.state.lost_interface += u64::from(stats.if_dropped.wrapping_sub(self.stats.1));
                    self.stats = (stats.dropped, stats.if_dropped);
                }
                // A new interface of the old name is another one, and the old handle is silent for ever.
                if index_of(&self.state.name) != self.index {
                    self.lose("the interface went away", changes);
                }
            }
            Handle::Gone { again, wait } => {
                if Instant::now() < *again {
                    return;
                }
                let capture = match open(&self.state.name, options) {
                    Ok(capture) => capture,
                    Err(error) => {
                        *wait = (*wait * 2).min(REOPEN_WAIT.1);
                        *again = Instant::now() + *wait;
                        let now = error.to_be_awaited().unwrap_or_else(|| error.to_string());
                        self.state.trouble = Some(now);
                        return;
                    }
                };
                let again = if self.state.link.is_empty() { "now" } else { "again" };
                self.take_over(capture);
                changes.push(Change::Back(format!("{}: captured {again}, {}", self.state.name, self.state.link)));
            }
        }
    }

    fn take_over(&mut self, capture: Capture<Active>) {
        let link = capture.get_datalink();
        self.link = link_type(link.0);
        self.state.link = link.get_description().unwrap_or_else(|_| format!("link type {}", link.0));
        self.state.trouble = None;
        self.index = index_of(&self.state.name);
        self.stats = (0, 0);
        self.handle = Handle::Open(capture);
    }

    fn lose(&mut self, why: &str, changes: &mut Vec<Change>) {
        let until = if self.state.link.is_empty() { "there" } else { "back" };
        changes.push(Change::Lost(format!("{}: {why}; trying again until it is {until}", self.state.name)));
        self.state.trouble = Some(why.to_string());
        self.state.lag_s = 0.0;
        self.handle = Handle::Gone { again: Instant::now() + REOPEN_WAIT.0, wait: REOPEN_WAIT.0 };
    }
}

fn open(name: &str, options: &LiveOptions) -> Result<Capture<Active>, LiveError> {
    let other = |e: &pcap::Error| LiveError::Other { interface: name.into(), text: e.to_string() };
    let buffer = i32::try_from(u64::from(options.buffer_mib) << 20).unwrap_or(i32::MAX);
    let capture = Capture::from_device(name)
        .map_err(|e| other(&e))?
        .promisc(name != "any")
        .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
        .buffer_size(buffer)
        .timeout(BLOCK_WAIT_MS)
        .open()
        .map_err(|e| explain(name, &e))?;
    let mut capture = capture.setnonblock().map_err(|e| other(&e))?;
    if let Some(filter) = &options.filter {
        capture
            .filter(filter, true)
            .map_err(|e| LiveError::BadFilter { filter: filter.clone(), text: e.to_string() })?;
    }
    Ok(capture)
}

/// An interface that is still to come cannot say what is wrong with the filter.
fn check_filter(options: &LiveOptions) -> Result<(), LiveError> {
    let Some(filter) = &options.filter else { return Ok(()) };
    let bad = |e: pcap::Error| LiveError::BadFilter { filter: filter.clone(), text: e.to_string() };
    Capture::dead(Linktype::ETHERNET).and_then(|dead| dead.compile(filter, true)).map(|_| ()).map_err(bad)
}

/// libpcap's answer in words that a user can act on.
fn explain(name: &str, error: &pcap::Error) -> LiveError {
    let have: Vec<String> = Device::list().unwrap_or_default().into_iter().map(|d| d.name).collect();
    let text = error.to_string();
    // pcap_activate's codes reach us as text only (pcap.3pcap, PCAP_ERROR_PERM_DENIED, _NO_SUCH_DEVICE and _IFACE_NOT_UP).
    if text.contains("ermission") || text.contains("ermitted") {
        let program = std::env::current_exe().map_or_else(|_| "corstap".into(), |p| p.display().to_string());
        LiveError::NoPermission { interface: name.into(), program }
    } else if text.contains("o such device") || text.contains("exist") {
        let shown = have.iter().filter(|d| index_of(d).is_some() || *d == "any").cloned().collect::<Vec<_>>();
        LiveError::NoSuchInterface { interface: name.into(), have: shown.join(", ") }
    } else if text.contains("not up") {
        LiveError::Down { interface: name.into() }
    } else {
        LiveError::Other { interface: name.into(), text }
    }
}

/// The kernel's number of an interface; none for `any` and for one that is not there.
fn index_of(name: &str) -> Option<String> {
    if name.contains('/') {
        return None;
    }
    std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()
}

/// libpcap's DLT_ number as the LINKTYPE_ number of capture files (tcpdump.org/linktypes.html).
fn link_type(dlt: i32) -> LinkType {
    match dlt {
        // DLT_RAW: 12 on Linux, 14 on OpenBSD.
        12 | 14 => LinkType(101),
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a lag in seconds needs no more than 52 bits")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
