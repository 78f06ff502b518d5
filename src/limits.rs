//! Every cap of the engine, with its unit, its reason and the counter that tells when it was hit.

use crate::packet::SECOND;

/// The caps. `Limits::default()` holds the values of a gateway; tests use tiny ones.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections followed at once. Above it one is evicted: `corstap_stream_evictions_total{cause="flows"}`.
    pub flows_max: u32,
    /// Bytes of one head, per side. Above it the message is given up: `corstap_http_errors_total{cause="head_too_long"}`.
    pub head_bytes_max: u32,
    /// Bytes of heads that span packets, of what heads of HTTP/2 may refer to, with 200 for each stream of a connection that goes on above eight, and of answers held
    /// back, all connections together: `corstap_stream_evictions_total{cause="head_bytes"}`.
    pub heads_together_bytes_max: u64,
    /// Out-of-order bytes held for one side: `corstap_stream_gaps_total{cause="out_of_order_cap"}`.
    pub out_of_order_bytes_max: u32,
    /// Out-of-order bytes held for all connections together: `corstap_stream_gaps_total{cause="out_of_order_cap"}`.
    pub out_of_order_together_bytes_max: u64,
    /// Requests of one connection that wait for their answers: `corstap_http_errors_total{cause="pipeline_full"}`.
    pub pipeline_max: u16,
    /// Streams of one HTTP/2 connection that are followed. Above it the oldest goes: `corstap_http_errors_total{cause="pipeline_full"}`.
    pub streams_max: u16,
    /// Requests of all connections together that wait for their answers, each with at most 32 KiB of its head. Above any of these caps
    /// the request's answer is not looked for: `corstap_http_errors_total{cause="pipeline_full"}`.
    pub requests_waiting_max: u32,
    /// Bytes of their heads: above it only those wait whose head has 2 KiB or less. Few bytes of HTTP/2 may stand for a long head:
    /// `corstap_http_errors_total{cause="pipeline_full"}`.
    pub requests_waiting_bytes_max: u64,
    /// Fields in one head: `corstap_http_errors_total{cause="too_many_fields"}`.
    pub fields_max: u16,
    /// Bytes without HTTP after which a connection is named "not HTTP" and only counted:
    /// `corstap_connections_carried_total{kind="not_http"}`.
    pub probe_bytes_max: u32,
    /// Bytes of fragments held for reassembly, all datagrams together. Above it the oldest goes:
    /// `corstap_packets_ignored_total{kind="fragment_lost"}`.
    pub fragment_bytes_max: u32,
    /// TLS connections whose secrets are known at once, 300 bytes each; one not used lately makes room:
    /// `corstap_tls_secrets_total{outcome="forgotten"}`.
    pub tls_keys_max: u32,
    /// Bytes of one connection's records that wait, for their keys or for their rest. Above it the connection is given up:
    /// `corstap_tls_records_lost_total{cause="cap"}`.
    pub tls_waiting_bytes_max: u32,
    /// The same of all connections together, with 2 KiB for each that is read or waits to be. Above it those that waited longest are
    /// given up, then the newest: `corstap_tls_records_lost_total{cause="cap"}`.
    pub tls_waiting_together_bytes_max: u64,
    /// How long records wait for their keys, in nanoseconds of packet time: a browser writes them within milliseconds, and they are
    /// read each second. `corstap_tls_connections_total{outcome="no_key"}`.
    pub tls_keys_wait_ns: i64,
    /// Fragmented datagrams in reassembly at once: `corstap_packets_ignored_total{kind="fragment_lost"}`.
    pub fragmented_datagrams_max: u32,
    /// Pieces of one datagram: 64 KiB in fragments of 1,024 bytes. Above it the datagram is given up:
    /// `corstap_packets_ignored_total{kind="fragment_lost"}`.
    pub fragment_pieces_max: u16,
    /// How long fragments wait for the others, in nanoseconds of packet time (Linux: `ipfrag_time`):
    /// `corstap_packets_ignored_total{kind="fragment_lost"}`.
    pub fragment_wait_ns: i64,
    /// Nested tunnels looked into. Above it the packet counts as `corstap_packets_ignored_total{kind="too_deep"}`.
    pub tunnel_depth_max: u8,
    /// Tags, labels or extension headers one after the other. Above it the packet counts as too deep, too:
    /// `corstap_packets_ignored_total{kind="too_deep"}`.
    pub tags_max: u8,
    /// How long later data waits for a hole, in nanoseconds of packet time: `corstap_stream_gaps_total{cause="lost"}`.
    pub gap_wait_ns: i64,
    /// A half-open connection is forgotten after this silence, in nanoseconds:
    /// `corstap_stream_evictions_total{cause="idle"}`.
    pub half_open_idle_ns: i64,
    /// A closed connection is forgotten after this silence, in nanoseconds; it had ended, so only `corstap_streams` tells.
    pub closed_idle_ns: i64,
    /// An open connection is forgotten after this silence, in nanoseconds:
    /// `corstap_stream_evictions_total{cause="idle"}`.
    pub open_idle_ns: i64,
    /// Transactions waiting for their other half: `corstap_state_forgotten_total{kind="waiting"}`.
    pub waiting_max: u32,
    /// Refusals that wait to be explained. Above it one is explained at once, by what is known then:
    /// `corstap_state_forgotten_total{kind="hints"}`.
    pub unexplained_max: u32,
    /// Clients remembered: `corstap_state_forgotten_total{kind="clients"}`.
    pub clients_max: u32,
    /// Entries of the preflight cache model in all; 64 for one client: `corstap_state_forgotten_total{kind="cache"}`.
    pub cache_entries_max: u32,
    /// Targets of which is remembered what they allow, to tell causes; above it the one unused for longest goes:
    /// `corstap_state_forgotten_total{kind="causes"}`.
    pub cause_targets_max: u32,
    /// Endpoints (target and path shape) of which the same is remembered: `corstap_state_forgotten_total{kind="causes"}`.
    pub cause_endpoints_max: u32,
    /// Requests in flight whose class is kept until their answer; of those above it an answer is judged alone:
    /// `corstap_state_forgotten_total{kind="waiting"}`.
    pub in_flight_max: u32,
    /// Entries of the preflight cache model for one client (Firefox keeps 100 for all sites together):
    /// `corstap_state_forgotten_total{kind="cache"}`.
    pub cache_entries_of_client_max: u32,
    /// Slots that remember which cache entries were given up, 4 bytes each; a power of two. Two entries in one slot only make
    /// a verdict less sure: `corstap_state_forgotten_total{kind="cache"}` counts the entries.
    pub forgotten_slots: u32,
    /// Answers, cookies and connections remembered for later guesses, each: `corstap_state_forgotten_total{kind="hints"}`.
    pub hints_max: u32,
    /// Hosts that audit rules keep state of: `corstap_state_forgotten_total{kind="hosts"}`.
    pub targets_max: u32,
    /// Endpoints that audit rules keep state of: `corstap_state_forgotten_total{kind="endpoints"}`.
    pub endpoints_max: u32,
    /// Keys (client × target) that probing rules keep state of: `corstap_state_forgotten_total{kind="probing"}`.
    pub probing_keys_max: u32,
    /// URLs whose `Access-Control-Allow-Origin` values are remembered (VERDICTS.md §8):
    /// `corstap_state_forgotten_total{kind="urls"}`.
    pub urls_max: u32,
    /// Page origins × targets that rules keep count of: `corstap_state_forgotten_total{kind="origins"}`.
    pub origins_max: u32,
    /// Findings that are kept up to date at once. Above it the one that rested longest is told a last time and forgotten:
    /// `corstap_state_forgotten_total{kind="findings"}`.
    pub findings_max: u32,
}

impl Limits {
    /// For captures that are read from files: who reviews an incident has more memory than a gateway, and of a capture's
    /// million connections none should be counted twice because it was forgotten between two of its packets.
    #[must_use]
    pub fn offline() -> Self {
        Limits { flows_max: 1 << 20, ..Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            flows_max: 262_144,
            head_bytes_max: 256 * 1024,
            heads_together_bytes_max: 64 << 20,
            out_of_order_bytes_max: 256 * 1024,
            out_of_order_together_bytes_max: 96 << 20,
            pipeline_max: 64,
            streams_max: 1024,
            requests_waiting_max: 65_536,
            requests_waiting_bytes_max: 128 << 20,
            fields_max: 512,
            probe_bytes_max: 8 * 1024,
            fragment_bytes_max: 8 << 20,
            tls_keys_max: 65_536,
            tls_waiting_bytes_max: 256 << 10,
            tls_waiting_together_bytes_max: 64 << 20,
            tls_keys_wait_ns: 5 * SECOND,
            fragmented_datagrams_max: 1024,
            fragment_pieces_max: 64,
            fragment_wait_ns: 30 * SECOND,
            tunnel_depth_max: 8,
            tags_max: 16,
            gap_wait_ns: SECOND,
            half_open_idle_ns: 10 * SECOND,
            closed_idle_ns: 5 * SECOND,
            open_idle_ns: 15 * 60 * SECOND,
            waiting_max: 24_576,
            unexplained_max: 4096,
            clients_max: 65_536,
            in_flight_max: 65_536,
            cache_entries_max: 100_000,
            cause_targets_max: 4096,
            cause_endpoints_max: 20_000,
            cache_entries_of_client_max: 64,
            forgotten_slots: 1 << 20,
            hints_max: 65_536,
            targets_max: 4096,
            endpoints_max: 20_000,
            probing_keys_max: 20_000,
            urls_max: 50_000,
            origins_max: 20_000,
            findings_max: 10_000,
        }
    }
}
