//! Traffic that wants memory, with well-behaved connections among it.

use std::sync::Arc;

use corstap::counters::Counters;
use corstap::engine::Engine;
use corstap::http::{Request, Response};
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::packet::{InterfaceId, LinkType, Order, Packet, Time};
use corstap::record::{Finding, Sink, Transaction};

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// How much of each.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// SYNs that nobody answers.
    pub half_open: u32,
    /// Connections whose server sends `late_bytes` behind a hole.
    pub late: u32,
    pub late_bytes: u32,
    /// Connections whose request's head never ends, and how many bytes of it come.
    pub endless: u32,
    pub endless_bytes: u32,
    /// Connections of HTTP/2 whose both ends have as much remembered as they may.
    pub tables: u32,
    /// Connections with a chunk extension of 64 KiB.
    pub extensions: u32,
    /// Well-behaved connections among each of them, two exchanges on each.
    pub good: u32,
}

#[derive(Debug, Default)]
struct Good(u64);

impl Sink for Good {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn exchange(&mut self, request: &Arc<Request>, response: Option<&Arc<Response>>) {
        self.0 += u64::from(request.head.target() == b"/good" && response.is_some_and(|r| r.status == 204));
    }
}

/// What came of one kind.
pub struct Outcome {
    pub kind: &'static str,
    /// Exchanges of well-behaved connections, and how many of them were seen whole.
    pub sent: u64,
    pub seen: u64,
    /// The most that heads and late data held.
    pub held_bytes: u64,
    pub counters: Counters,
}

struct Tap {
    engine: Engine,
    good: Good,
    now_ns: i64,
    order: u64,
    held_bytes: u64,
    frame: Vec<u8>,
    sent: u64,
}

#[derive(Clone, Copy)]
struct Connection {
    client: u32,
    port: u16,
    next: [u32; 2],
}

impl Tap {
    fn new(limits: &Limits) -> Self {
        Tap {
            engine: Engine::new(limits, &EngineOptions::default()),
            good: Good::default(),
            now_ns: 0,
            order: 0,
            held_bytes: 0,
            frame: Vec::new(),
            sent: 0,
        }
    }

    fn send(&mut self, c: &mut Connection, from_client: bool, flags: u8, bytes: &[u8], is_captured: bool) {
        let (me, peer) = if from_client { (0, 1) } else { (1, 0) };
        let (seq, ack) = (c.next[me], c.next[peer]);
        let takes = u32::try_from(bytes.len()).expect("short") + u32::from(flags & (SYN | FIN) != 0);
        c.next[me] = seq.wrapping_add(takes);
        if is_captured {
            self.capture(*c, from_client, seq, ack, flags, bytes);
        }
    }

    fn capture(&mut self, c: Connection, from_client: bool, seq: u32, ack: u32, flags: u8, bytes: &[u8]) {
        let server = (0xc000_0201_u32, 80_u16);
        let ((from, from_port), (to, to_port)) =
            if from_client { ((c.client, c.port), server) } else { (server, (c.client, c.port)) };
        let f = &mut self.frame;
        f.clear();
        f.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let total = u16::try_from(40 + bytes.len()).expect("short");
        f.extend_from_slice(&[0x45, 0]);
        f.extend_from_slice(&total.to_be_bytes());
        f.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
        f.extend_from_slice(&from.to_be_bytes());
        f.extend_from_slice(&to.to_be_bytes());
        f.extend_from_slice(&from_port.to_be_bytes());
        f.extend_from_slice(&to_port.to_be_bytes());
        f.extend_from_slice(&seq.to_be_bytes());
        f.extend_from_slice(&ack.to_be_bytes());
        f.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        f.extend_from_slice(bytes);
        self.now_ns += 5_000;
        self.order += 1;
        let packet = Packet {
            order: Order(self.order),
            time: Time(self.now_ns),
            interface: InterfaceId(0),
            link: LinkType(1),
            bytes: &self.frame,
            wire_bytes: u32::try_from(self.frame.len()).expect("short"),
        };
        self.engine.on_packet(&packet, &mut self.good);
        self.held_bytes = self.held_bytes.max(self.engine.held_bytes());
    }

    fn open(&mut self, client: u32, port: u16) -> Connection {
        let mut c = Connection { client, port, next: [client.wrapping_mul(7), client.wrapping_mul(13)] };
        self.send(&mut c, true, SYN, b"", true);
        self.send(&mut c, false, SYN | ACK, b"", true);
        c
    }

    /// A connection as they should be; the second answer's halves are captured in the wrong order.
    fn behave(&mut self, nth: u32) {
        let mut c = self.open(0x0a80_0000 + nth, 50_000);
        for swapped in [false, true] {
            self.sent += 1;
            self.send(&mut c, true, ACK, b"GET /good HTTP/1.1\r\nHost: b.test\r\n\r\n", true);
            if !swapped {
                self.send(&mut c, false, ACK, b"HTTP/1.1 204 No Content\r\n\r\n", true);
                continue;
            }
            let first = c;
            self.send(&mut c, false, ACK, b"HTTP/1.1 204 No ", false);
            self.send(&mut c, false, ACK, b"Content\r\n\r\n", true);
            self.capture(first, false, first.next[1], first.next[0], ACK, b"HTTP/1.1 204 No ");
        }
        self.send(&mut c, true, FIN | ACK, b"", true);
        self.send(&mut c, false, FIN | ACK, b"", true);
    }

    fn finish(mut self, kind: &'static str) -> Outcome {
        self.engine.finish(&mut self.good);
        Outcome {
            kind,
            sent: self.sent,
            seen: self.good.0,
            held_bytes: self.held_bytes,
            counters: self.engine.counters().clone(),
        }
    }
}

/// Runs `attacks` steps with the well-behaved connections spread among them.
fn among(tap: &mut Tap, good: u32, attacks: u32, mut attack: impl FnMut(&mut Tap, u32)) {
    let every = (attacks / good.max(1)).max(1);
    for n in 0..attacks {
        attack(tap, n);
        if n % every == every / 2 && n / every < good {
            tap.behave(n / every);
        }
    }
}

impl Flood {
    pub fn half_open(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        among(&mut tap, self.good, self.half_open, |tap, n| {
            let mut c = Connection { client: 0x1400_0000 + n, port: 1025, next: [n, 0] };
            tap.send(&mut c, true, SYN, b"", true);
        });
        tap.finish("half-open connections")
    }

    pub fn out_of_order(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        let mut all: Vec<Connection> = (0..self.late)
            .map(|n| {
                let mut c = tap.open(0x1500_0000 + n, 1025);
                tap.send(&mut c, true, ACK, b"GET /late HTTP/1.1\r\nHost: b.test\r\n\r\n", true);
                tap.send(&mut c, false, ACK, b"HTTP/1.1 200 OK\r\n", false);
                c
            })
            .collect();
        let bytes = [b'x'; 1400];
        let steps = self.late * (self.late_bytes / 1400);
        among(&mut tap, self.good, steps, |tap, n| {
            let nth = (n % self.late) as usize;
            tap.send(&mut all[nth], false, ACK, &bytes, true);
        });
        tap.finish("out-of-order connections")
    }

    pub fn endless_heads(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        let mut all: Vec<Connection> = (0..self.endless)
            .map(|n| {
                let mut c = tap.open(0x1600_0000 + n, 1025);
                tap.send(&mut c, true, ACK, b"GET /endless HTTP/1.1\r\n", true);
                c
            })
            .collect();
        let line = [b"X-Endless: ".as_slice(), &[b'x'; 487], b"\r\n"].concat();
        let steps = self.endless * (self.endless_bytes / 500);
        among(&mut tap, self.good, steps, |tap, n| {
            let nth = (n % self.endless) as usize;
            tap.send(&mut all[nth], true, ACK, &line, true);
        });
        tap.finish("endless heads")
    }

    pub fn tables(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
            let [_, _, high, low] = u32::try_from(payload.len()).expect("short").to_be_bytes();
            [&[0, high, low, kind, flags, 0, 0, 0, stream][..], payload].concat()
        };
        among(&mut tap, self.good, self.tables, |tap, n| {
            let mut c = tap.open(0x1800_0000 + n, 1025);
            tap.send(&mut c, true, ACK, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true);
            tap.send(&mut c, true, ACK, &frame(4, 0, 0, b""), true);
            // the table may grow to 64 KiB; then fields of 1 KiB
            let field = [&[0x40, 1, b'a', 0x7f, 0x89, 0x07][..], &[b'x'; 1032]].concat();
            for stream in 0..60 {
                let block = [&[0x3f, 0xe1, 0xff, 0x03, 0x82, 0x86, 0x84][..], &field].concat();
                tap.send(&mut c, true, ACK, &frame(1, 5, 2 * stream + 1, &block), true);
                let block = [&[0x3f, 0xe1, 0xff, 0x03, 0x88][..], &field].concat();
                tap.send(&mut c, false, ACK, &frame(1, 4, 2 * stream + 1, &block), true);
            }
        });
        tap.finish("tables of HTTP/2")
    }

    /// Requests of HTTP/2 that nobody answers: a dozen bytes each, which stand for a head of 16 KiB.
    pub fn written_again(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        let frame = |flags: u8, stream: u16, payload: &[u8]| {
            let [high, low] = u16::try_from(payload.len()).expect("short").to_be_bytes();
            let [s1, s0] = stream.to_be_bytes();
            [&[0, high, low, 1, flags, 0, 0, s1, s0][..], payload].concat()
        };
        among(&mut tap, self.good, self.tables, |tap, n| {
            let mut c = tap.open(0x1900_0000 + n, 1025);
            tap.send(&mut c, true, ACK, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", true);
            // a field of 4,000 bytes that is kept as it is, and none like it
            let name = b"access-control-request-headers";
            let mut block = [&[0x82, 0x86, 0x84, 0x40, 30][..], name, &[0x7f, 0xa1, 0x1e]].concat();
            block.extend(n.to_be_bytes().iter().chain(&[0; 3996]).map(|b| b'a' + b % 26));
            tap.send(&mut c, true, ACK, &frame(5, 1, &block), true);
            for stream in 1..500 {
                let block = [0x82, 0x86, 0x84, 0xbe, 0xbe, 0xbe, 0xbe];
                tap.send(&mut c, true, ACK, &frame(5, 2 * stream + 1, &block), true);
            }
        });
        tap.finish("heads written again")
    }

    pub fn chunk_extensions(&self, limits: &Limits) -> Outcome {
        let mut tap = Tap::new(limits);
        let extension = [b'x'; 1024];
        among(&mut tap, self.good, self.extensions, |tap, n| {
            let mut c = tap.open(0x1700_0000 + n, 1025);
            tap.send(&mut c, true, ACK, b"POST /ext HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;", true);
            for _ in 0..64 {
                tap.send(&mut c, true, ACK, &extension, true);
            }
        });
        tap.finish("chunk extensions")
    }
}
