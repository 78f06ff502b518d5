//! What the feed and the decoder make of captures: nanoseconds a packet, or with `--segments` each TCP segment as tshark
//! prints it with `-e frame.number -e ip.src -e ip.dst -e tcp.srcport -e tcp.dstport -e tcp.seq_raw -e tcp.len`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use corstap::capture::merge::{Feed, FeedOptions};
use corstap::counters::Counters;
use corstap::decode::{Decoded, Decoder, Side};
use corstap::limits::Limits;

fn main() -> std::io::Result<()> {
    let (flags, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        std::env::args_os().skip(1).map(PathBuf::from).partition(|a| a.to_string_lossy().starts_with("--"));
    let each = flags.iter().any(|f| f.as_os_str() == "--segments");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let began = Instant::now();
    let mut feed = Feed::open(&paths, FeedOptions::default());
    let mut decoder = Decoder::new(&Limits::default());
    let mut counters = Counters::default();
    let (mut packets, mut segments, mut bytes, mut sum) = (0u64, 0u64, 0u64, 0u64);
    while let Some(packet) = feed.next() {
        packets += 1;
        if let Decoded::Segment(s) = decoder.decode(&packet, &mut counters) {
            segments += 1;
            let length = s.payload.len() as u64 + u64::from(s.cut);
            bytes += length;
            sum = sum.wrapping_mul(31).wrapping_add(u64::from(s.seq));
            if each {
                let (from, to) =
                    if s.side == Side::Low { (s.flow.low, s.flow.high) } else { (s.flow.high, s.flow.low) };
                let n = packet.order.0 + 1;
                writeln!(out, "{n}\t{}\t{}\t{}\t{}\t{}\t{length}", from.ip, to.ip, from.port, to.port, s.seq)?;
            }
        }
    }
    decoder.finish(&mut counters);
    let ns = began.elapsed().as_nanos() / u128::from(packets.max(1));
    for file in feed.files() {
        if let Some(error) = &file.error {
            eprintln!("{}: {error}", file.path.display());
        }
    }
    eprintln!("{packets} packets, {segments} segments, {bytes} payload bytes, {ns} ns a packet, sum {sum:x}");
    let rest: Vec<String> =
        counters.ignored.by_cause().iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {kind}")).collect();
    eprintln!("ignored: {}; bad checksums: {}", rest.join(", "), counters.bad_checksum);
    Ok(())
}
