//! Traffic that wants memory gets what the caps allow, and takes it from no one who behaves. `examples/flood.rs` is the same at
//! full size.

#[path = "support/flood.rs"]
mod flood;

use corstap::limits::Limits;
use flood::{Flood, Outcome};

/// A hundredth of the full size, under a hundredth of the caps.
const FLOOD: Flood = Flood {
    half_open: 10_000,
    late: 100,
    late_bytes: 200_000,
    endless: 500,
    endless_bytes: 4_000,
    tables: 200,
    extensions: 200,
    good: 200,
};

fn limits() -> Limits {
    Limits {
        flows_max: 2_600,
        heads_together_bytes_max: 640 << 10,
        out_of_order_bytes_max: 64 << 10,
        out_of_order_together_bytes_max: 960 << 10,
        ..Limits::default()
    }
}

#[track_caller]
fn check(o: &Outcome) {
    assert!(o.seen * 100 >= o.sent * 99 && o.sent > 300, "{}: {} of {} seen", o.kind, o.seen, o.sent);
    let l = limits();
    // One more segment may be there before room is made.
    let cap = l.heads_together_bytes_max + l.out_of_order_together_bytes_max + (256 << 10);
    assert!(o.held_bytes <= cap, "{}: {} bytes held", o.kind, o.held_bytes);
}

#[test]
fn half_open_connections_make_room_for_each_other() {
    let o = FLOOD.half_open(&limits());
    check(&o);
    assert!(o.counters.evictions.flows >= 7_000, "{:?}", o.counters.evictions);
}

#[test]
fn a_capture_of_more_connections_than_a_gateway_follows_is_counted_right() {
    let o = Flood { half_open: 300_000, ..FLOOD }.half_open(&Limits::offline());
    check(&o);
    assert_eq!((o.counters.evictions.flows, o.counters.connections), (0, 300_200));
}

#[test]
fn out_of_order_data_stays_under_its_caps() {
    let o = FLOOD.out_of_order(&limits());
    check(&o);
    assert!(o.counters.gaps.out_of_order_cap >= 90, "{:?}", o.counters.gaps);
}

#[test]
fn heads_that_never_end_stay_under_their_cap() {
    let o = FLOOD.endless_heads(&limits());
    check(&o);
    assert!(o.counters.evictions.head_bytes > 300, "{:?}", o.counters.evictions);
}

#[test]
fn tables_of_http_2_stay_under_the_cap() {
    let o = FLOOD.tables(&limits());
    check(&o);
    assert!(o.counters.evictions.head_bytes > 100, "{:?}", o.counters.evictions);
    assert!(o.held_bytes > 600 << 10, "{} bytes held", o.held_bytes);
    assert_eq!(o.counters.requests, 60 * 200 + o.sent);
}

#[test]
fn few_bytes_that_stand_for_many_are_bounded_by_their_number() {
    let limits = Limits { requests_waiting_bytes_max: 4 << 20, ..limits() };
    let o = Flood { tables: 40, good: 40, ..FLOOD }.written_again(&limits);
    assert_eq!(o.seen, o.sent);
    // what waits, tables, and a head at the cap
    assert!(o.held_bytes <= (4 << 20) + (640 << 10) + (40 << 10), "{} bytes held", o.held_bytes);
    let c = &o.counters;
    assert!(c.http_errors.head_too_long > 15_000, "{:?}", c.http_errors);
    assert_eq!(c.requests, 40 * 500 + o.sent);
}

#[test]
fn chunk_extensions_are_not_held() {
    let o = FLOOD.chunk_extensions(&limits());
    check(&o);
    // the heads of requests that wait
    assert!(o.held_bytes < 200 * 64, "{} bytes held", o.held_bytes);
}
