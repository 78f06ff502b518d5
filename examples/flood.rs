//! Traffic that wants memory, at full size: what was held, what was given up, how much of the well-behaved traffic was seen, and the
//! most memory that the process had. The argument scales it (default 1.0).

#[path = "../tests/support/flood.rs"]
mod flood;

use corstap::limits::Limits;
use flood::{Flood, Outcome};

fn main() {
    let scale: f64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small positive numbers
    let scaled = |n: f64| (n * scale) as u32;
    let flood = Flood {
        half_open: scaled(1e6),
        late: scaled(1e4),
        late_bytes: 1 << 20,
        endless: scaled(5e4),
        endless_bytes: 4_000,
        tables: 10_000,
        extensions: scaled(1e4),
        good: scaled(2e4),
    };
    let limits = Limits::default();
    let kinds: [fn(&Flood, &Limits) -> Outcome; 6] = [
        Flood::half_open,
        Flood::out_of_order,
        Flood::endless_heads,
        Flood::tables,
        Flood::written_again,
        Flood::chunk_extensions,
    ];
    for kind in kinds {
        let o = kind(&flood, &limits);
        let c = &o.counters;
        println!(
            "{}: {} of {} well-behaved exchanges seen; held {} KiB of heads and late data at most; evicted {} flows, {} heads; {} \
             gaps at a cap; {} packets; peak memory {}",
            o.kind,
            o.seen,
            o.sent,
            o.held_bytes >> 10,
            c.evictions.flows,
            c.evictions.head_bytes,
            c.gaps.out_of_order_cap,
            c.packets,
            peak_memory(),
        );
    }
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |l| l.trim().to_owned())
}
