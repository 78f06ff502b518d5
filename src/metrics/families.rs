//! Snapshots as the families that a scrape prints.

use std::path::Path;
use std::sync::atomic::Ordering;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::{Reloads, Snapshot};
use crate::capture::live::InterfaceState;
use crate::catalog::{Rule, Severity};
use crate::daemon::events::EventStatus;
use crate::report::coverage::suite_text;
use crate::store::{LossCause, StoreStatus, Table};

pub(super) fn of_snapshot(now: &Snapshot) -> Vec<MetricFamily> {
    let (c, t) = (&now.counters, &now.tallies);
    let per_interface = |value: fn(&InterfaceState) -> u64| -> Vec<_> {
        now.interfaces.iter().map(|i| (vec![("interface", i.name.as_str())], value(i))).collect()
    };
    let lost = now.interfaces.iter().flat_map(|i| {
        // The engine runs on the capturing thread: between ring and engine there is no queue that could lose any.
        [("kernel", i.lost_kernel), ("interface", i.lost_interface), ("queue", 0)]
            .map(|(cause, n)| (vec![("interface", i.name.as_str()), ("cause", cause)], n))
    });
    let rejections = t.rejections.iter().map(|((reason, phase, target, origin), n)| {
        let labels = vec![
            ("reason", reason.id()),
            ("phase", phase.id()),
            ("target_origin", t.targets.text(*target)),
            ("origin", t.origins.text(*origin)),
        ];
        (labels, *n)
    });
    let causes = t
        .causes
        .iter()
        .map(|((cause, target), n)| (vec![("cause", cause.id()), ("target_origin", t.targets.text(*target))], *n));
    let after_effect = t.after_effect.iter().map(|(target, n)| (vec![("target_origin", t.targets.text(*target))], *n));
    let by_rule = |(key, n): (&(Rule, Severity), &u64)| (vec![("rule", key.0.id()), ("severity", key.1.id())], *n);
    let transactions =
        t.transactions.iter().map(|((verdict, site), n)| (vec![("verdict", verdict.id()), ("site", site.id())], *n));
    let overflow = [
        ("target_origin", t.targets.overflow),
        ("origin", t.origins.overflow),
        ("rejections", t.rejections_overflow),
        ("causes", t.causes_overflow),
        ("findings", t.findings_overflow),
    ];
    let by_target = t.by_target.iter().map(|((target, verdict), n)| {
        (vec![("target_origin", t.targets.text(*target)), ("verdict", verdict.id())], *n)
    });
    let on_interface = now
        .interfaces
        .iter()
        .filter_map(|i| Some((vec![("interface", i.name.as_str())], kernel_packets(&i.name)?)))
        .collect::<Vec<_>>();
    let last_packet = now
        .interfaces
        .iter()
        .filter_map(|i| Some(metric(&[("interface", &i.name)], MetricType::GAUGE, seconds(i.last_packet?.0))))
        .collect();
    let suites: Vec<(String, u64)> = c.tls_suites.iter().map(|(id, n)| (suite_text(*id), *n)).collect();
    let revision = option_env!("CORSTAP_REVISION").unwrap_or("unknown");
    let build = vec![("version", env!("CARGO_PKG_VERSION")), ("revision", revision)];
    let lag: Vec<Metric> =
        now.interfaces.iter().map(|i| metric(&[("interface", &i.name)], MetricType::GAUGE, i.lag_s)).collect();
    vec![
        counter("packets_total", "Packets taken.", per_interface(|i| i.packets)),
        counter("bytes_total", "Bytes of the packets taken, on the wire.", per_interface(|i| i.bytes)),
        counter("packets_lost_total", "Packets that were there and were not taken.", lost),
        counter(
            "interface_packets_total",
            "Packets in and out of the interface as the kernel counts them, whether or not the filter lets them pass.",
            on_interface,
        ),
        gauge(
            "interface_up",
            "1 while the interface is open for capture.",
            per_interface(|i| u64::from(i.trouble.is_none())),
        ),
        family(
            "last_packet_timestamp_seconds",
            "Time of the last packet taken, since the Unix epoch.",
            MetricType::GAUGE,
            last_packet,
        ),
        counter("packets_truncated_total", "Packets cut by the snap length.", [(vec![], c.truncated)]),
        counter("packets_ignored_total", "Packets without a TCP segment to read.", by("kind", c.ignored.by_cause())),
        counter("tcp_bytes_total", "TCP payload on the wire.", [(vec![], c.tcp_bytes)]),
        counter(
            "tls_bytes_total",
            "TCP payload that is TLS and cannot be judged; what was decrypted does not count.",
            [(vec![], c.tls_bytes)],
        ),
        counter(
            "tls_connections_total",
            "TLS connections looked into because secrets are known or awaited, by outcome.",
            by("outcome", c.tls_connections.by_cause()),
        ),
        counter(
            "tls_unreadable_suites_total",
            "TLS connections that cannot be decrypted, by cipher suite (of at most 16).",
            suites.iter().map(|(suite, n)| (vec![("suite", suite.as_str())], *n)),
        ),
        counter(
            "tls_records_lost_total",
            "Sealed TLS records that were not decrypted.",
            by("cause", c.tls_records_lost.by_cause()),
        ),
        counter(
            "tls_secrets_total",
            "Secrets of key logs, connections whose secrets made room for others, and bad lines.",
            by("outcome", c.tls_secrets.by_cause()),
        ),
        counter("segments_total", "Packets with a TCP segment.", [(vec![], c.segments)]),
        counter(
            "bad_checksums_total",
            "Packets whose IPv4 header checksum is wrong; read all the same.",
            [(vec![], c.bad_checksum)],
        ),
        counter("connections_total", "TCP connections seen.", [(vec![], c.connections)]),
        counter("connections_carried_total", "TCP connections by what they carried.", by("kind", c.carried.by_cause())),
        counter(
            "connections_one_sided_total",
            "TCP connections of which only one direction was captured.",
            [(vec![], c.one_sided)],
        ),
        counter("connections_midstream_total", "TCP connections joined midway.", [(vec![], c.midstream)]),
        counter("quic_connections_total", "QUIC connections, which cannot be judged.", [(vec![], c.quic_connections)]),
        counter("retransmitted_bytes_total", "Payload bytes seen again.", [(vec![], c.retransmitted_bytes)]),
        counter(
            "after_end_bytes_total",
            "Payload bytes behind a FIN or a RST, which no receiver takes.",
            [(vec![], c.after_end_bytes)],
        ),
        counter(
            "duplicate_segments_total",
            "Segments captured twice, as a mirror port of two directions shows them.",
            [(vec![], c.duplicate_segments)],
        ),
        counter(
            "conflicting_overlaps_total",
            "Segments that repeat a place in the stream with other bytes.",
            [(vec![], c.conflicting_overlaps)],
        ),
        counter("stream_gap_bytes_total", "Bytes in holes.", [(vec![], c.gap_bytes)]),
        counter("stream_gaps_total", "Holes in streams.", by("cause", c.gaps.by_cause())),
        counter(
            "stream_evictions_total",
            "Connections forgotten before they ended.",
            by("cause", c.evictions.by_cause()),
        ),
        gauge("streams", "Connections followed now.", [(vec![], c.streams_now)]),
        counter(
            "http_messages_total",
            "HTTP messages.",
            [(vec![("kind", "request")], c.requests), (vec![("kind", "response")], c.responses)],
        ),
        counter("http_errors_total", "Broken or over-long messages.", by("cause", c.http_errors.by_cause())),
        counter(
            "state_forgotten_total",
            "Pairing and rule state given up under a cap.",
            by("kind", c.forgotten.by_cause()),
        ),
        counter("transactions_total", "What page scripts attempted.", transactions),
        counter("target_transactions_total", "Cross-origin transactions of each target.", by_target),
        counter(
            "preflights_total",
            "Preflights on the wire.",
            t.preflights.iter().map(|(verdict, n)| (vec![("verdict", verdict.id())], *n)),
        ),
        counter("rejections_total", "Transactions that the browser refused.", rejections),
        counter("rejection_causes_total", "Refused transactions by the likeliest mistake behind them.", causes),
        counter("blocked_after_effect_total", "Refused transactions that took effect on the server.", after_effect),
        counter("findings_total", "Audit and probing findings.", t.findings.iter().map(by_rule)),
        gauge("findings_active", "Findings last seen within an hour.", t.active.iter().map(by_rule)),
        counter(
            "label_overflow_total",
            "Records whose label value became other.",
            overflow.map(|(label, n)| (vec![("label", label)], n)),
        ),
        family("capture_lag_seconds", "Wall clock less packet time at the last packet.", MetricType::GAUGE, lag),
        gauge("build_info", "What runs; always 1.", [(build, 1)]),
    ]
}

pub(super) fn of_store(store: &StoreStatus, database: Option<&Path>) -> Vec<MetricFamily> {
    let sizes: Vec<_> = database
        .into_iter()
        .flat_map(|path| [("db", path.to_owned()), ("wal", beside(path, "-wal"))])
        .filter_map(|(file, path)| Some((vec![("file", file)], std::fs::metadata(path).ok()?.len())))
        .collect();
    vec![
        counter(
            "store_records_total",
            "Rows taken by the database.",
            Table::ALL.map(|table| (vec![("table", table.id())], store.recorded(table))),
        ),
        counter(
            "store_records_lost_total",
            "Records that could not be kept.",
            LossCause::ALL.map(|cause| (vec![("cause", cause.id())], store.lost(cause))),
        ),
        counter(
            "store_records_deleted_total",
            "Rows deleted because they were old, or because the file was too large.",
            ["age", "size"].into_iter().zip(store.deleted()).map(|(cause, n)| (vec![("cause", cause)], n)),
        ),
        counter("store_damaged_total", "Damaged databases set aside at the start.", [(vec![], store.set_aside())]),
        gauge("store_queue_records", "Records that wait for the writer.", [(vec![], store.queued() as u64)]),
        gauge("store_up", "1 while the database takes writes.", [(vec![], u64::from(store.trouble().is_none()))]),
        gauge("store_bytes", "Size of the database's files.", sizes),
    ]
}

pub(super) fn of_events(events: &EventStatus) -> Vec<MetricFamily> {
    vec![
        counter("events_total", "Lines that the reader of --events took.", [(vec![], events.written())]),
        counter("events_lost_total", "Lines of --events that found no room or no reader.", [(vec![], events.lost())]),
    ]
}

pub(super) fn of_reloads(reloads: &Reloads) -> Vec<MetricFamily> {
    let successful = u64::from(reloads.successful.load(Ordering::Relaxed));
    let success = seconds(reloads.success_ns.load(Ordering::Relaxed));
    vec![
        gauge("config_last_reload_successful", "1: the configuration in the file is in force.", [(vec![], successful)]),
        family(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, since the Unix epoch.",
            MetricType::GAUGE,
            vec![metric(&[], MetricType::GAUGE, success)],
        ),
    ]
}

/// What the kernel itself counts on an interface, in and out; none for `any`, elsewhere than on Linux, and while it is gone.
fn kernel_packets(interface: &str) -> Option<u64> {
    if interface.contains('/') {
        return None;
    }
    let read = |what: &str| -> Option<u64> {
        let path = format!("/sys/class/net/{interface}/statistics/{what}_packets");
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    Some(read("rx")? + read("tx")?)
}

/// SQLite's companion files carry the database's name with a suffix.
fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

fn by(label: &'static str, causes: Vec<(&'static str, u64)>) -> impl Iterator<Item = (Labels<'static>, u64)> {
    causes.into_iter().map(move |(cause, n)| (vec![(label, cause)], n))
}

fn counter<'a>(name: &str, help: &str, values: impl IntoIterator<Item = (Labels<'a>, u64)>) -> MetricFamily {
    whole(name, help, MetricType::COUNTER, values)
}

fn gauge<'a>(name: &str, help: &str, values: impl IntoIterator<Item = (Labels<'a>, u64)>) -> MetricFamily {
    whole(name, help, MetricType::GAUGE, values)
}

fn whole<'a>(
    name: &str,
    help: &str,
    kind: MetricType,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> MetricFamily {
    #[allow(clippy::cast_precision_loss, reason = "Prometheus has no integers")]
    let metrics = values.into_iter().map(|(labels, n)| metric(&labels, kind, n as f64)).collect();
    family(name, help, kind, metrics)
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("corstap_{name}"));
    family.set_help(help.to_string());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn metric(labels: &[(&str, &str)], kind: MetricType, value: f64) -> Metric {
    let mut metric = Metric::default();
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_string());
        pair.set_value((*value).to_string());
        pair
    };
    metric.set_label(labels.iter().map(pair).collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

#[allow(clippy::cast_precision_loss, reason = "a duration in seconds needs no more than 52 bits")]
pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
