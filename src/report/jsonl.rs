//! Records as JSON, one object a line: what other programs read (CONTRACT.md).
//!
//! Written by hand into one buffer that is reused: a replay writes a line for each transaction, and formatting must stay
//! small beside judging. Every line is valid UTF-8: bytes that are not are shown as `\xNN`.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::address::{push_ip, push_socket};
use crate::catalog::{Cause, Reason};
use crate::http::head::{Head, Name};
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Effect, Finding, Hop, Leg, Message, MessageRecord, Phase, PreflightLeg, Transaction};
use crate::store::plain_json_bytes;

use super::Summary;

/// A key of an object that is not its first, with its punctuation: one piece of text.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// Writes lines into a buffer.
#[derive(Debug, Default)]
pub struct JsonLines {
    text: String,
    spelled: SpelledTime,
}

/// A time as JSON has it. The next one shares its second, and often is the same.
#[derive(Debug, Default)]
struct SpelledTime {
    time: Option<Time>,
    /// `"2026-11-23T08:41:12.319123Z"`
    text: String,
    /// Up to the point.
    second_bytes: usize,
}

impl SpelledTime {
    fn spell(&mut self, time: Time) {
        let (second, in_second) = (time.0.div_euclid(SECOND), time.0.rem_euclid(SECOND));
        if self.time.is_none_or(|before| before.0.div_euclid(SECOND) != second) {
            // "2026-11-23T08:41:12" of "2026-11-23T08:41:12.000000Z"
            let whole = Time(second.saturating_mul(SECOND)).to_string();
            self.text = format!("\"{}.", whole.split('.').next().unwrap_or_default());
            self.second_bytes = self.text.len();
        }
        self.time = Some(time);
        self.text.truncate(self.second_bytes);
        // a digit before them keeps the zeros
        let micros = u32::try_from(in_second / 1000).unwrap_or_default();
        self.text.push_str(itoa::Buffer::new().format(1_000_000 + micros).get(1..).unwrap_or_default());
        self.text.push_str("Z\"");
    }
}

impl JsonLines {
    /// What was written and not taken yet, in bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// One transaction.
    pub fn transaction(&mut self, t: &Transaction) {
        self.text.push_str("{\"type\":\"transaction\",\"id\":\"");
        t.id.append_to(&mut self.text);
        self.text.push_str("\",\"time\":");
        self.time(t.time);
        self.text.push_str(key!("client"));
        self.socket(t.client);
        self.text.push_str(key!("forwarded_for"));
        match t.forwarded_for {
            Some(ip) => {
                self.text.push('"');
                push_ip(&mut self.text, ip);
                self.text.push('"');
            }
            None => self.text.push_str("null"),
        }
        self.text.push_str(key!("server"));
        self.socket(t.server);
        self.text_field(key!("origin"), t.origin.as_deref());
        self.text_field(key!("target_origin"), Some(&t.target_origin));
        self.text_field(key!("path"), Some(&t.path));
        self.text_field(key!("method"), Some(&t.method));
        self.word(key!("site"), Some(t.site.quoted()));
        self.word(key!("mode"), Some(t.mode.quoted()));
        self.word(key!("credentials"), Some(t.credentials.quoted()));
        self.word(key!("preflight_state"), Some(t.preflight_state.quoted()));
        self.text.push_str(key!("preflight"));
        match &t.preflight {
            Some(preflight) => self.preflight(preflight),
            None => self.text.push_str("null"),
        }
        self.text.push_str(key!("actual"));
        match &t.actual {
            Some(leg) => {
                self.text.push('{');
                self.leg(leg);
                self.text.push('}');
            }
            None => self.text.push_str("null"),
        }
        if !t.hops.is_empty() {
            self.text.push_str(key!("hops"));
            self.list(&t.hops, Self::hop);
        }
        self.word(key!("verdict"), Some(t.verdict.quoted()));
        self.word(key!("phase"), t.phase.map(Phase::quoted));
        self.word(key!("reason"), t.reason.map(Reason::quoted));
        if t.reasons_all.len() > 1 {
            self.text.push_str(key!("reasons_all"));
            self.list(&t.reasons_all, |lines, r| lines.text.push_str(r.quoted()));
        }
        self.word(key!("confidence"), Some(t.confidence.quoted()));
        self.word(key!("cause"), t.cause.map(Cause::quoted));
        self.word(key!("cause_confidence"), t.cause_confidence.map(Confidence::quoted));
        self.word(key!("effect"), t.effect.map(Effect::quoted));
        self.flag(key!("blocked_after_effect"), t.blocked_after_effect);
        self.text_field(key!("detail"), Some(&t.detail));
        self.text_field(key!("fix"), Some(&t.fix));
        self.text.push_str(",\"browser\":{\"family\":\"");
        self.text.push_str(t.browser.family.id());
        self.text.push_str("\",\"version\":");
        self.string(&t.browser.version);
        self.text.push_str("}}\n");
    }

    fn preflight(&mut self, p: &PreflightLeg) {
        self.text.push('{');
        self.leg(&p.leg);
        self.text_field(key!("requested_method"), Some(&p.requested_method));
        self.text.push_str(key!("requested_headers"));
        self.list(&p.requested_headers, |lines, name| lines.string(name));
        self.text.push_str(key!("because"));
        self.list(&p.because, |lines, why| lines.string(why));
        self.text.push('}');
    }

    fn leg(&mut self, leg: &Leg) {
        self.text.push_str("\"time\":");
        self.time(leg.time);
        self.status(leg.status);
        self.word(key!("verdict"), Some(leg.verdict.quoted()));
        self.text.push_str(key!("duration_us"));
        match leg.duration_ns {
            Some(ns) => self.integer(ns.div_euclid(1000)),
            None => self.text.push_str("null"),
        }
    }

    fn hop(&mut self, hop: &Hop) {
        self.text.push_str("{\"time\":");
        self.time(hop.time);
        self.text_field(key!("target_origin"), Some(&hop.target_origin));
        self.status(hop.status);
        self.text_field(key!("origin_sent"), hop.origin_sent.as_deref());
        self.word(key!("verdict"), Some(hop.verdict.quoted()));
        self.text.push('}');
    }

    /// One finding.
    pub fn finding(&mut self, f: &Finding) {
        self.text.push_str("{\"type\":\"finding\",\"id\":\"");
        f.id.append_to(&mut self.text);
        self.text.push_str("\",\"rule\":\"");
        self.text.push_str(f.rule.id());
        self.text.push_str("\",\"severity\":\"");
        self.text.push_str(f.severity.id());
        self.text.push_str("\",\"time\":");
        self.time(f.first_seen);
        self.text.push_str(key!("last_seen"));
        self.time(f.last_seen);
        self.word(key!("confidence"), Some(f.confidence.quoted()));
        self.text_field(key!("subject"), Some(&f.subject));
        self.count(key!("count"), f.count);
        self.text_field(key!("detail"), Some(&f.detail));
        self.text_field(key!("fix"), Some(&f.fix));
        self.text.push_str(key!("evidence"));
        self.list(&f.evidence, |lines, id| {
            lines.text.push('"');
            id.append_to(&mut lines.text);
            lines.text.push('"');
        });
        self.text.push_str("}\n");
    }

    /// One HTTP message, with the fields that the engine keeps, or with all of them.
    pub fn message(&mut self, m: &MessageRecord, all_headers: bool) {
        self.text.push_str("{\"type\":\"message\",\"stream\":");
        self.integer(m.stream);
        self.text.push_str(key!("time"));
        let (version, head) = match &m.message {
            Message::Request(request) => {
                self.time(request.first.time);
                self.ends(request.client, request.server);
                self.word(key!("kind"), Some("\"request\""));
                self.text.push_str(key!("method"));
                self.wire(request.head.method());
                self.text.push_str(key!("target"));
                self.wire(request.head.target());
                self.text.push_str(key!("host"));
                match request.head.first(Name::Host) {
                    Some(host) => self.wire(host),
                    None => self.text.push_str("null"),
                }
                (request.version, &request.head)
            }
            Message::Response { response, client, server } => {
                self.time(response.first.time);
                self.ends(*client, *server);
                self.word(key!("kind"), Some("\"response\""));
                self.status(Some(response.status));
                (response.version, &response.head)
            }
        };
        self.text.push_str(key!("version"));
        self.quoted_word(version.id());
        self.text.push_str(key!("headers"));
        self.headers(head, all_headers);
        self.count(key!("body_bytes"), m.body_bytes);
        self.flag(key!("complete"), m.complete);
        self.flag(key!("gap"), m.gap);
        self.text.push_str("}\n");
    }

    fn headers(&mut self, head: &Head, all_headers: bool) {
        self.text.push('[');
        let mut first = true;
        for field in head.fields() {
            if field.name == Name::Other && !all_headers {
                continue;
            }
            self.text.push_str(if first { "[" } else { ",[" });
            first = false;
            match field.name {
                Name::Other => self.wire(&head.name_of(field).to_ascii_lowercase()),
                known => self.quoted_word(known.text()),
            }
            self.text.push(',');
            self.wire(head.shown_of(field));
            self.text.push(']');
        }
        self.text.push(']');
    }

    /// The last line: what was read and what came of it.
    ///
    /// It holds no wall time, so that two replays of the same packets print the same bytes; `seconds` is the capture's own span.
    pub fn summary(&mut self, s: &Summary) {
        self.text.push_str("{\"type\":\"summary\"");
        let c = &s.counters;
        for (name, count) in [
            ("packets", c.packets),
            ("bytes", c.bytes),
            ("tcp_packets", c.segments),
            ("tcp_bytes", c.tcp_bytes),
            ("tls_bytes", c.tls_bytes),
            ("packets_lost", s.packets_lost),
            ("packets_truncated", c.truncated),
            ("connections", c.connections),
            ("connections_one_sided", c.one_sided),
            ("connections_midstream", c.midstream),
            ("gaps", c.gaps.total()),
            ("gap_bytes", c.gap_bytes),
            ("messages", c.requests + c.responses),
            ("requests", c.requests),
            ("responses", c.responses),
        ] {
            self.key(name);
            self.integer(count);
        }
        for (name, counts) in [
            ("carried", c.carried.by_cause()),
            ("tls_connections", c.tls_connections.by_cause()),
            ("tls_records_lost", c.tls_records_lost.by_cause()),
            ("ignored", c.ignored.by_cause()),
            ("gaps_by_cause", c.gaps.by_cause()),
            ("evictions", c.evictions.by_cause()),
            ("http_errors", c.http_errors.by_cause()),
            ("forgotten", c.forgotten.by_cause()),
        ] {
            self.counts(name, counts.into_iter());
        }
        self.counts("transactions", s.verdicts());
        self.counts("reasons", s.reasons());
        self.counts("findings", s.rules());
        self.count(key!("findings_not_listed"), s.findings_overflow);
        self.text.push_str(key!("first"));
        self.optional_time(s.first_packet);
        self.text.push_str(key!("last"));
        self.optional_time(s.last_packet);
        self.text.push_str(key!("seconds"));
        let span = s.span_ns();
        let _ = write!(self.text, "{}.{:06}", span / SECOND, span % SECOND / 1000);
        self.text.push_str(key!("inputs"));
        self.list(&s.inputs, |lines, input| {
            lines.text.push_str("{\"path\":");
            lines.string(&input.path);
            lines.count(key!("packets"), input.packets);
            lines.text_field(key!("error"), input.error.as_deref());
            lines.text.push('}');
        });
        self.text.push_str("}\n");
    }

    fn counts(&mut self, name: &str, counts: impl Iterator<Item = (&'static str, u64)>) {
        self.key(name);
        self.text.push('{');
        for (n, (label, count)) in counts.filter(|(_, count)| *count > 0 || name == "transactions").enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            self.quoted_word(label);
            self.text.push(':');
            self.integer(count);
        }
        self.text.push('}');
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.text.push('[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            each(self, item);
        }
        self.text.push(']');
    }

    fn key(&mut self, name: &str) {
        self.text.push_str(",\"");
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    fn quoted_word(&mut self, word: &str) {
        self.text.push('"');
        self.text.push_str(word);
        self.text.push('"');
    }

    /// A field whose value is one of our own words, in quotes: nothing to escape.
    #[inline]
    fn word(&mut self, key: &str, word: Option<&str>) {
        self.text.push_str(key);
        self.text.push_str(word.unwrap_or("null"));
    }

    #[inline]
    fn text_field(&mut self, key: &str, value: Option<&str>) {
        self.text.push_str(key);
        match value {
            Some(value) => self.string(value),
            None => self.text.push_str("null"),
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.text.push_str(key);
        self.text.push_str(if value { "true" } else { "false" });
    }

    fn count(&mut self, key: &str, value: u64) {
        self.text.push_str(key);
        self.integer(value);
    }

    fn status(&mut self, status: Option<u16>) {
        self.text.push_str(key!("status"));
        match status {
            Some(status) => self.integer(status),
            None => self.text.push_str("null"),
        }
    }

    fn ends(&mut self, client: SocketAddr, server: SocketAddr) {
        self.text.push_str(key!("client"));
        self.socket(client);
        self.text.push_str(key!("server"));
        self.socket(server);
    }

    fn optional_time(&mut self, time: Option<Time>) {
        match time {
            Some(time) => self.time(time),
            None => self.text.push_str("null"),
        }
    }

    fn time(&mut self, time: Time) {
        if self.spelled.time != Some(time) {
            self.spelled.spell(time);
        }
        self.text.push_str(&self.spelled.text);
    }

    fn integer(&mut self, value: impl itoa::Integer) {
        self.text.push_str(itoa::Buffer::new().format(value));
    }

    fn socket(&mut self, address: SocketAddr) {
        self.text.push('"');
        push_socket(&mut self.text, address);
        self.text.push('"');
    }

    /// Bytes from the wire as a string: what is no UTF-8 becomes the text `\xNN`.
    fn wire(&mut self, bytes: &[u8]) {
        self.text.push('"');
        for chunk in bytes.utf8_chunks() {
            self.escaped(chunk.valid());
            for byte in chunk.invalid() {
                let _ = write!(self.text, "\\\\x{byte:02x}");
            }
        }
        self.text.push('"');
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.text.push('"');
        self.escaped(text);
        self.text.push('"');
    }

    /// Escapes what JSON demands, and what could act on a terminal (C1 controls, marks of direction).
    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (run, special) = rest.split_at_checked(plain_json_bytes(rest)).unwrap_or((rest, ""));
            self.text.push_str(run);
            let mut chars = special.chars();
            match chars.next() {
                Some('"') => self.text.push_str("\\\""),
                Some('\\') => self.text.push_str("\\\\"),
                Some('\n') => self.text.push_str("\\n"),
                Some('\r') => self.text.push_str("\\r"),
                Some('\t') => self.text.push_str("\\t"),
                Some(c) if super::acts_on_terminal(c) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        let _ = write!(self.text, "\\u{unit:04x}");
                    }
                }
                Some(c) => self.text.push(c),
                None => break,
            }
            rest = chars.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(write: impl FnOnce(&mut JsonLines)) -> serde_json::Value {
        let mut lines = JsonLines::default();
        write(&mut lines);
        serde_json::from_str(&lines.text).expect("valid JSON")
    }

    #[test]
    fn every_string_survives_json() {
        for text in
            ["", "plain", "a\"b\\c", "tab\there\r\n", "\u{0}\u{1b}[31m\u{7f}", "ü…\u{9b}31m\u{202e}x", "😀\u{e0001}"]
        {
            assert_eq!(read(|l| l.string(text)), text);
            assert_eq!(read(|l| l.wire(text.as_bytes())), text);
        }
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_is_written_raw() {
        let mut lines = JsonLines::default();
        lines.string("\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{7f}\n");
        assert!(lines.text.bytes().all(|b| (0x20..0x7f).contains(&b)), "{}", lines.text);
    }

    #[test]
    fn bytes_that_are_no_utf8_become_text() {
        assert_eq!(read(|l| l.wire(b"a\xff\xc3(b\xe2\x82")), "a\\xff\\xc3(b\\xe2\\x82");
    }

    #[test]
    fn numbers_and_times_read_as_their_display() {
        for ns in [0, -1, 1_795_462_645_319_123_999, 1_795_462_645_000_000_000, 951_782_400 * SECOND] {
            assert_eq!(read(|l| l.time(Time(ns))), Time(ns).to_string());
        }
        for number in [0_u64, 9, 10, u64::MAX] {
            assert_eq!(read(|l| l.integer(number)), number);
        }
        assert_eq!(read(|l| l.integer(-5_i64)), -5);
    }
}
