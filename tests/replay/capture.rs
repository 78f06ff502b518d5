//! Small captures, made or cut to measure.

/// One block of a pcapng file: its type and its bytes, header and trailer included.
fn blocks(pcapng: &[u8]) -> Vec<(u32, &[u8])> {
    let mut rest = pcapng;
    let mut found = Vec::new();
    while let (Some(kind), Some(len)) = (word(rest, 0), word(rest, 4)) {
        let (block, after) = rest.split_at(len as usize);
        found.push((kind, block));
        rest = after;
    }
    assert!(rest.is_empty(), "a whole little-endian pcapng file");
    found
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

const ENHANCED_PACKET: u32 = 6;

/// The packets `from..to` (in tenths of all) as a capture of their own.
pub fn part(pcapng: &[u8], from: usize, to: usize) -> Vec<u8> {
    let all = blocks(pcapng);
    let packets: Vec<&[u8]> =
        all.iter().filter(|(kind, _)| *kind == ENHANCED_PACKET).map(|(_, block)| *block).collect();
    let mut out: Vec<u8> = all
        .iter()
        .take_while(|(kind, _)| *kind != ENHANCED_PACKET)
        .flat_map(|(_, block)| block.iter().copied())
        .collect();
    for packet in &packets[packets.len() * from / 10..packets.len() * to / 10] {
        out.extend_from_slice(packet);
    }
    out
}

/// The capture with each packet cut to so many bytes.
pub fn cut(pcapng: &[u8], snap: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, block) in blocks(pcapng) {
        let captured = word(block, 20).map_or(0, |n| n as usize);
        if kind != ENHANCED_PACKET || captured <= snap {
            out.extend_from_slice(block);
            continue;
        }
        let length = u32::try_from(28 + snap.next_multiple_of(4) + 4).expect("a short block");
        out.extend_from_slice(&block[..4]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&block[8..20]);
        out.extend_from_slice(&u32::try_from(snap).expect("a short packet").to_le_bytes());
        out.extend_from_slice(&block[24..28 + snap]);
        out.resize(out.len() + snap.next_multiple_of(4) - snap, 0);
        out.extend_from_slice(&length.to_le_bytes());
    }
    out
}

/// A classic pcap file of raw IPv4, built segment by segment.
pub struct Pcap {
    bytes: Vec<u8>,
    seconds: u32,
    micros: u32,
    sent: [u32; 2],
}

impl Pcap {
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        Pcap { bytes, seconds: 1_700_000_000, micros: 0, sent: [1000, 5000] }
    }

    /// Nothing for so many seconds.
    pub fn wait(&mut self, seconds: u32) {
        self.seconds += seconds;
    }

    /// Bytes from the client (`true`) or the server, in one segment; 10 ms after the one before.
    pub fn data(&mut self, from_client: bool, payload: &[u8]) {
        self.segment(from_client, 0x18, payload);
    }

    /// A request or an answer: `|` stands for CR LF.
    pub fn http(&mut self, from_client: bool, text: &str) {
        self.data(from_client, text.replace('|', "\r\n").as_bytes());
    }

    /// The three-way handshake.
    pub fn open(&mut self) {
        self.segment(true, 0x02, b"");
        self.segment(false, 0x12, b"");
        self.segment(true, 0x10, b"");
    }

    fn segment(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let (client, server) = ([192, 0, 2, 1], [192, 0, 2, 80]);
        let (source, target) = if from_client { (client, server) } else { (server, client) };
        let (source_port, target_port) = if from_client { (40_000_u16, 80_u16) } else { (80, 40_000) };
        let mine = usize::from(!from_client);
        let (seq, ack) = (self.sent[mine], self.sent[1 - mine]);
        let takes = u32::try_from(payload.len()).expect("a short payload") + u32::from(flags & 0x02 != 0);
        self.sent[mine] = seq.wrapping_add(takes);
        let total = u16::try_from(40 + payload.len()).expect("a short payload");
        let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0];
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        ip.extend_from_slice(&source);
        ip.extend_from_slice(&target);
        ip.extend_from_slice(&source_port.to_be_bytes());
        ip.extend_from_slice(&target_port.to_be_bytes());
        ip.extend_from_slice(&seq.to_be_bytes());
        ip.extend_from_slice(&ack.to_be_bytes());
        ip.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        ip.extend_from_slice(payload);
        self.packet(&ip);
    }

    /// Any packet: raw IPv4 as it is.
    pub fn packet(&mut self, ip: &[u8]) {
        self.micros += 10_000;
        let len = u32::try_from(ip.len()).expect("a short packet");
        for word in [self.seconds, self.micros, len, len] {
            self.bytes.extend_from_slice(&u32::to_le_bytes(word));
        }
        self.bytes.extend_from_slice(ip);
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
