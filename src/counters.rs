//! Plain integers that the engine bumps; the edges read them for metrics and the summary.

/// A fixed set of causes, each with a count. `C` lists the labels.
macro_rules! counted {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $field:ident = $label:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$vmeta])* pub $field: u64),+ }
        impl $name {
            /// Each cause's label with its count.
            #[must_use]
            pub fn by_cause(&self) -> Vec<(&'static str, u64)> { vec![$(($label, self.$field)),+] }
            /// Adds to the count of that label; a label that there is not changes nothing.
            pub fn add(&mut self, label: &str, n: u64) { match label { $($label => self.$field += n,)+ _ => {} } }
            /// The sum over all causes.
            #[must_use]
            pub fn total(&self) -> u64 { 0 $(+ self.$field)+ }
        }
    };
}

counted! {
    /// Packets that hold no TCP segment for us, by kind.
    Ignored {
        /// UDP that is none of the known kinds.
        udp = "udp",
        /// UDP that looks like QUIC (HTTP/3).
        quic = "quic",
        /// ICMP, ICMPv6, IGMP.
        icmp = "icmp",
        /// ARP, LLDP, spanning tree and other link-local protocols.
        link_protocol = "link_protocol",
        /// Another transport (SCTP, OSPF, ESP …).
        other_transport = "other_transport",
        /// A link type that is not decoded.
        link_type = "link_type",
        /// Encrypted 802.11, MACsec or IPsec.
        encrypted_link = "encrypted_link",
        /// Cut by the snap length, or too short, inside its headers.
        cut_header = "cut_header",
        /// A header that contradicts itself.
        malformed = "malformed",
        /// More tunnels in each other than `tunnel_depth_max`, or more tags, labels or extension headers than `tags_max`.
        too_deep = "too_deep",
        /// A fragment whose datagram became whole with another packet.
        fragment = "fragment",
        /// A fragment given up under a cap or after 30 s.
        fragment_lost = "fragment_lost",
    }
}

counted! {
    /// Holes in streams, by cause.
    Gaps {
        /// The peer acknowledged bytes that were never captured.
        lost = "lost",
        /// The snap length cut the packet.
        snap_length = "snap_length",
        /// A cap on out-of-order bytes was hit.
        out_of_order_cap = "out_of_order_cap",
        /// A segment farther ahead than what sequence numbers can tell from behind: it was passed over.
        far_ahead = "far_ahead",
        /// The connection or the input ended with the hole open.
        end = "end",
    }
}

counted! {
    /// Connections forgotten before they ended, by cause.
    Evictions {
        /// The table was full.
        flows = "flows",
        /// Head bytes of all connections together.
        head_bytes = "head_bytes",
        /// Silence.
        idle = "idle",
    }
}

counted! {
    /// Broken or over-long messages, by cause.
    HttpErrors {
        /// Longer than `head_bytes_max` or, in HTTP/2, than what its bytes may stand for.
        head_too_long = "head_too_long",
        /// More fields than `fields_max`.
        too_many_fields = "too_many_fields",
        /// Not the grammar of RFC 9112.
        head_malformed = "head_malformed",
        /// A head of HTTP/2 that refers to fields that were not captured.
        head_incomplete = "head_incomplete",
        /// A chunk size that is none.
        chunk_malformed = "chunk_malformed",
        /// Content-Length that is no number, or several that differ.
        length_malformed = "length_malformed",
        /// Content-Length beside Transfer-Encoding.
        length_and_chunked = "length_and_chunked",
        /// More requests unanswered than `pipeline_max`.
        pipeline_full = "pipeline_full",
        /// A response whose request was not captured.
        orphan_response = "orphan_response",
    }
}

counted! {
    /// TCP connections by what they carried.
    Connections {
        /// HTTP/1.
        http1 = "http1",
        /// TLS.
        tls = "tls",
        /// HTTP/2.
        http2 = "http2",
        /// SSH.
        ssh = "ssh",
        /// Bytes of another protocol.
        not_http = "not_http",
        /// No payload at all.
        empty = "empty",
    }
}

impl Connections {
    /// Those that carried HTTP of a version that is read.
    #[must_use]
    pub fn http(&self) -> u64 {
        self.http1 + self.http2
    }
}

counted! {
    /// TLS connections that were looked into, by outcome.
    TlsConnections {
        /// Some of it was decrypted.
        decrypted = "decrypted",
        /// Its secrets are not in the key log.
        no_key = "no_key",
        /// Its cipher suite or version cannot be read.
        unreadable = "unreadable",
        /// Its secrets do not fit.
        not_verified = "not_verified",
        /// One of the hellos was not seen.
        no_hello = "no_hello",
    }
}

counted! {
    /// Sealed records that were not decrypted, of connections with secrets or that waited for them.
    TlsRecordsLost {
        /// The tag says no.
        not_verified = "not_verified",
        /// Bytes of it were not captured.
        gap = "gap",
        /// It waited for keys and had to make room.
        cap = "cap",
        /// It waited for keys that did not come.
        no_key = "no_key",
    }
}

counted! {
    /// Lines of key logs.
    TlsSecrets {
        /// Secrets taken.
        taken = "taken",
        /// Connections whose secrets made room for others.
        forgotten = "forgotten",
        /// Lines that are no line of a key log.
        bad_line = "bad_line",
    }
}

counted! {
    /// State of the correlator given up under a cap, by kind.
    Forgotten {
        /// Transactions that waited for their other half.
        waiting = "waiting",
        /// Clients.
        clients = "clients",
        /// Entries of the preflight cache model.
        cache = "cache",
        /// Targets and endpoints remembered to tell causes.
        causes = "causes",
        /// Answers, cookies and connections that would have told something of later requests.
        hints = "hints",
        /// Endpoints of audit rules.
        endpoints = "endpoints",
        /// Keys of probing rules.
        probing = "probing",
        /// Targets of audit rules.
        hosts = "hosts",
        /// URLs of audit rules.
        urls = "urls",
        /// Page origins that rules count.
        origins = "origins",
        /// Findings that went on.
        findings = "findings",
    }
}

/// All counters of an engine.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Packets taken.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Packets that the snap length cut.
    pub truncated: u64,
    /// Packets with a TCP segment.
    pub segments: u64,
    /// Payload bytes of those segments on the wire.
    pub tcp_bytes: u64,
    /// Payload bytes on connections named TLS, but for those that were decrypted.
    pub tls_bytes: u64,
    /// TLS connections that were looked into.
    pub tls_connections: TlsConnections,
    /// Cipher suites that cannot be read, as the servers number them, with their connections; at most [`SUITES_MAX`].
    pub tls_suites: Vec<(u16, u64)>,
    /// Sealed records not decrypted.
    pub tls_records_lost: TlsRecordsLost,
    /// Secrets and lines of key logs.
    pub tls_secrets: TlsSecrets,
    /// Packets whose IPv4 header checksum is wrong (counted, not dropped; zero is what offload leaves).
    pub bad_checksum: u64,
    /// Payload bytes seen again.
    pub retransmitted_bytes: u64,
    /// Payload bytes behind a direction's end, a FIN or a RST: no receiver takes them.
    pub after_end_bytes: u64,
    /// Overlaps whose bytes differ.
    pub conflicting_overlaps: u64,
    /// Whole segments captured twice (a mirror port that shows both directions of a switch).
    pub duplicate_segments: u64,
    /// Packets without a segment.
    pub ignored: Ignored,
    /// QUIC connections seen to begin; one whose first packets are far apart may count twice.
    pub quic_connections: u64,
    /// TCP connections seen.
    pub connections: u64,
    /// Connections by what they carried.
    pub carried: Connections,
    /// Connections of which only one direction was captured though it has payload.
    pub one_sided: u64,
    /// Connections joined midway.
    pub midstream: u64,
    /// Connections followed now.
    pub streams_now: u64,
    /// Holes.
    pub gaps: Gaps,
    /// Bytes in holes.
    pub gap_bytes: u64,
    /// Connections forgotten.
    pub evictions: Evictions,
    /// Request heads.
    pub requests: u64,
    /// Final response heads.
    pub responses: u64,
    /// Broken messages.
    pub http_errors: HttpErrors,
    /// Correlator state given up.
    pub forgotten: Forgotten,
}

/// Cipher suites that are counted apart: those above it only as unreadable.
pub const SUITES_MAX: usize = 16;

impl Counters {
    /// A connection whose cipher suite cannot be read.
    pub fn on_unreadable_suite(&mut self, suite: u16) {
        self.tls_connections.unreadable += 1;
        if let Some((_, n)) = self.tls_suites.iter_mut().find(|(known, _)| *known == suite) {
            *n += 1;
        } else if self.tls_suites.len() < SUITES_MAX {
            self.tls_suites.push((suite, 1));
        }
    }
}
