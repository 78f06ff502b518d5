//! From a transaction to the rows that are kept of it. Pure; reads nothing but the record.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use wide::u8x16;

use crate::address::{push_ip, push_socket};
use crate::catalog::{Cause, Reason};
use crate::http::Request;
use crate::http::head::{Field, Head, Name};
use crate::packet::{SECOND, Time};
use crate::record::{
    Browser, Checklist, Confidence, Credentials, Effect, Leg, Mode, Phase, PreflightState, Site, Transaction,
    TransactionId, Verdict,
};

/// Bytes kept of one field's value in evidence. A browser's own fields stay below it.
const VALUE_BYTES_MAX: usize = 512;
/// Fields kept of one head in evidence.
const FIELDS_MAX: usize = 48;
/// Bytes kept of a path.
const PATH_BYTES_MAX: usize = 2048;
/// Bytes kept of an origin or a method.
pub const NAME_BYTES_MAX: usize = 300;

/// A row of `kept_transactions`. Texts are counted, so that each try to write them costs no copy.
#[derive(Debug)]
pub struct TransactionRow {
    pub id: Arc<str>,
    pub time: Arc<str>,
    /// Numbers of rows of `kinds` and `peers`.
    pub kind: i64,
    pub peers: i64,
    pub path: Arc<str>,
    pub detail: Arc<str>,
    pub evidence: Arc<str>,
    pub blocked: bool,
}

/// A row of `kinds`: how a transaction went, in words of which there are few.
#[derive(Debug, Hash)]
pub struct Kind {
    pub method: Arc<str>,
    pub site: Site,
    pub mode: Mode,
    pub credentials: Credentials,
    pub preflight_state: PreflightState,
    pub verdict: Verdict,
    pub confidence: Confidence,
    pub phase: Option<Phase>,
    pub reason: Option<Reason>,
    pub cause: Option<Cause>,
    pub effect: Option<Effect>,
    pub blocked_after_effect: bool,
    pub preflight_status: Option<u16>,
    pub actual_status: Option<u16>,
}

/// A row of `peers`: who spoke with whom.
#[derive(Debug)]
pub struct Peers {
    pub client: Arc<str>,
    pub forwarded_for: Option<Arc<str>>,
    pub server: Arc<str>,
    pub origin: Option<Arc<str>>,
    pub target_origin: Arc<str>,
    pub browser: Arc<str>,
}

impl TransactionRow {
    /// What is kept of `t`; what repeats goes into `shared`.
    pub fn of(t: &Transaction, shared: &mut Shared) -> Self {
        TransactionRow {
            id: shared.text(|out| append(out, &t.id)),
            time: shared.text(|out| append(out, &t.time)),
            kind: shared.kind(t),
            peers: shared.peers(t),
            path: capped(&t.path, PATH_BYTES_MAX),
            detail: t.detail.as_str().into(),
            evidence: {
                let mut out = std::mem::take(&mut shared.evidence);
                out.clear();
                evidence(t, shared, &mut out);
                let evidence = out.as_str().into();
                shared.evidence = out;
                evidence
            },
            blocked: t.verdict == Verdict::Blocked,
        }
    }
}

fn append(out: &mut String, value: &dyn Display) {
    write!(out, "{value}").expect("writing to a String does not fail");
}

/// What many rows share, by number: whole heads and fixes, kinds and peers. A page's requests and a server's answers are
/// alike, and written out in each row they would be two thirds of the database.
pub struct Shared {
    known: HashMap<u64, i64, RandomState>,
    known_max: usize,
    /// The first one that may yet be cited.
    first: i64,
    last: i64,
    /// Not in the database yet.
    pub new: New,
    /// Where texts are put together: saves allocations.
    scratch: String,
    evidence: String,
}

/// Rows by their numbers.
#[derive(Default)]
pub struct New {
    pub texts: Vec<(i64, Arc<str>)>,
    pub kinds: Vec<(i64, Kind)>,
    pub peers: Vec<(i64, Peers)>,
}

impl New {
    /// They are in.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.kinds.clear();
        self.peers.clear();
    }
}

impl Shared {
    /// Numbers are unique in the file, though several runs may write at once: the run's number is their upper half.
    pub fn of_run(run_id: i64, known_max: usize) -> Self {
        Shared {
            known: HashMap::default(),
            known_max,
            first: (run_id << 32) + 1,
            last: run_id << 32,
            new: New::default(),
            scratch: String::new(),
            evidence: String::new(),
        }
    }

    /// Writes each one anew from now on.
    pub fn forget(&mut self) {
        self.known.clear();
        self.first = self.last + 1;
    }

    /// The number of the first one that rows to come may cite.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Its number, and whether that is a new one.
    fn number(&mut self, digest: u64) -> (i64, bool) {
        if let Some(number) = self.known.get(&digest) {
            return (*number, false);
        }
        if self.known.len() >= self.known_max {
            self.forget();
        }
        self.last += 1;
        self.known.insert(digest, self.last);
        (self.last, true)
    }

    fn text(&mut self, write: impl FnOnce(&mut String)) -> Arc<str> {
        put_together(&mut self.scratch, write)
    }

    fn kind(&mut self, t: &Transaction) -> i64 {
        let kind = Kind {
            method: Arc::clone(&t.method),
            site: t.site,
            mode: t.mode,
            credentials: t.credentials,
            preflight_state: t.preflight_state,
            verdict: t.verdict,
            confidence: t.confidence,
            phase: t.phase,
            reason: t.reason,
            cause: t.cause,
            effect: t.effect,
            blocked_after_effect: t.blocked_after_effect,
            preflight_status: t.preflight.as_ref().and_then(|p| p.leg.status),
            actual_status: t.actual.as_ref().and_then(|a| a.status),
        };
        let (number, is_new) = self.number(self.known.hasher().hash_one(&kind));
        if is_new {
            self.new.kinds.push((number, kind));
        }
        number
    }

    fn peers(&mut self, t: &Transaction) -> i64 {
        let known = (t.client, t.forwarded_for, t.server, &t.origin, &t.target_origin, &t.browser);
        let (number, is_new) = self.number(self.known.hasher().hash_one(known));
        if is_new {
            let scratch = &mut self.scratch;
            let peers = Peers {
                client: put_together(scratch, |out| push_socket(out, t.client)),
                forwarded_for: t.forwarded_for.map(|ip| put_together(scratch, |out| push_ip(out, ip))),
                server: put_together(scratch, |out| push_socket(out, t.server)),
                origin: t.origin.clone(),
                target_origin: Arc::clone(&t.target_origin),
                browser: browser(&t.browser),
            };
            self.new.peers.push((number, peers));
        }
        number
    }

    fn of_text(&mut self, text: &str) -> i64 {
        let (number, is_new) = self.number(self.known.hasher().hash_one(text));
        if is_new {
            let text = self.text(|out| quote(out, text));
            self.new.texts.push((number, text));
        }
        number
    }

    fn of_head(&mut self, head: &Head) -> i64 {
        let mut hasher = self.known.hasher().build_hasher();
        for field in evidence_fields(head) {
            // where the name does not say all, its text does
            let name = if field.is_plainly_named() { &[][..] } else { head.name_of(field) };
            let value = head.value_of(field);
            hasher.write_u64(field.kind() ^ (name.len() as u64) << 32 ^ (value.len() as u64) << 48);
            hasher.write(name);
            hasher.write(value);
        }
        let (number, is_new) = self.number(hasher.finish());
        if is_new {
            let text = self.text(|out| fields(out, head));
            self.new.texts.push((number, text));
        }
        number
    }
}

fn put_together(scratch: &mut String, write: impl FnOnce(&mut String)) -> Arc<str> {
    scratch.clear();
    write(scratch);
    scratch.as_str().into()
}

/// `chromium 142`, or the family alone.
fn browser(b: &Browser) -> Arc<str> {
    if b.version.is_empty() { b.family.id().into() } else { format!("{} {}", b.family.id(), b.version).into() }
}

/// What the columns do not tell: both legs with the header lines that decide.
///
/// `{"fix":N,"reasons":[…],"cause_confidence":…,"preflight":{…},"actual":{…},"hops":[…]}`; a leg is `{"after_us","verdict",
/// "status","duration_us","method","request":N,"response":N}`. `after_us` counts from the transaction's time; N is a row of
/// `texts`: a JSON string, or a head as `[[name,value]…]`, where a third element `true` says that the value stands for a
/// withheld one. Written by hand: as `serde_json::Value` it cost more than the row itself.
fn evidence(t: &Transaction, shared: &mut Shared, out: &mut String) {
    out.push_str("{\"fix\":");
    number(out, shared.of_text(&t.fix));
    out.push_str(",\"reasons\":");
    list(out, t.reasons_all.iter().map(|r| r.id()));
    if let Some(confidence) = t.cause_confidence {
        word(out, ",\"cause_confidence\":\"", confidence.id());
    }
    if let Some(p) = &t.preflight {
        out.push_str(",\"preflight\":{");
        leg(t, &p.leg, shared, out);
        pair(out, ",\"requested_method\":", &p.requested_method);
        out.push_str(",\"requested_headers\":");
        list(out, p.requested_headers.iter().map(String::as_str));
        out.push_str(",\"because\":");
        list(out, p.because.iter().map(String::as_str));
        out.push('}');
    }
    if let Some(a) = &t.actual {
        out.push_str(",\"actual\":{");
        leg(t, a, shared, out);
        out.push('}');
    }
    for (nth, hop) in t.hops.iter().enumerate() {
        out.push_str(if nth == 0 { ",\"hops\":[{" } else { ",{" });
        out.push_str("\"after_us\":");
        number(out, hop.time.since(t.time) / 1000);
        word(out, ",\"verdict\":\"", hop.verdict.id());
        if let Some(status) = hop.status {
            out.push_str(",\"status\":");
            number(out, status);
        }
        pair(out, ",\"target_origin\":", &hop.target_origin);
        if let Some(origin) = &hop.origin_sent {
            pair(out, ",\"origin_sent\":", origin);
        }
        out.push_str(if nth + 1 == t.hops.len() { "}]" } else { "}" });
    }
    out.push('}');
}

fn leg(t: &Transaction, l: &Leg, shared: &mut Shared, out: &mut String) {
    out.push_str("\"after_us\":");
    number(out, l.time.since(t.time) / 1000);
    word(out, ",\"verdict\":\"", l.verdict.id());
    if let Some(status) = l.status {
        out.push_str(",\"status\":");
        number(out, status);
    }
    if let Some(ns) = l.duration_ns {
        out.push_str(",\"duration_us\":");
        number(out, ns / 1000);
    }
    pair(out, ",\"method\":", &lossy(l.request.head.method()));
    out.push_str(",\"request\":");
    number(out, shared.of_head(&l.request.head));
    if let Some(response) = &l.response {
        out.push_str(",\"response\":");
        number(out, shared.of_head(&response.head));
    }
}

fn number(out: &mut String, value: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// A key with its punctuation, and a text.
fn pair(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    quote(out, value);
}

/// A key with its punctuation up to the quote, and a word of ours, in which nothing wants escaping.
fn word(out: &mut String, key: &str, value: &'static str) {
    out.push_str(key);
    out.push_str(value);
    out.push('"');
}

/// A head as the database keeps it: `[[name,value]…]`, a third element `true` where the value is withheld.
#[must_use]
pub fn head_json(head: &Head) -> String {
    let mut out = String::with_capacity(512);
    fields(&mut out, head);
    out
}

/// A target's checklists as the database keeps them.
pub fn checklist_json(checklist: &Checklist) -> String {
    let mut out = String::with_capacity(4096);
    for (nth, item) in checklist.items.iter().enumerate() {
        word(&mut out, if nth == 0 { "[{\"list\":\"" } else { ",{\"list\":\"" }, item.list.id());
        word(&mut out, ",\"id\":\"", item.id);
        pair(&mut out, ",\"title\":", item.title);
        word(&mut out, ",\"state\":\"", item.state.id());
        out.push_str(",\"rules\":\"");
        for (nth, rule) in item.rules.iter().enumerate() {
            out.push_str(if nth == 0 { "" } else { " " });
            out.push_str(rule.id());
        }
        out.push_str("\",\"relevant\":");
        number(&mut out, item.relevant);
        pair(&mut out, ",\"note\":", &item.note);
        out.push('}');
    }
    out.push_str(if checklist.items.is_empty() { "[]" } else { "]" });
    out
}

/// An endpoint as `endpoint_hours` has it.
pub fn endpoint_json(origin: &str, target_origin: &str, method: &str, path_shape: &str) -> Arc<str> {
    let mut out = String::with_capacity(16 + origin.len() + target_origin.len() + method.len() + path_shape.len());
    list(&mut out, [origin, target_origin, method, path_shape].into_iter());
    out.into()
}

/// What a finding rests on, as `findings` has it.
pub fn cited_json(ids: &[TransactionId]) -> String {
    let mut out = String::with_capacity(2 + 17 * ids.len());
    for (nth, id) in ids.iter().enumerate() {
        out.push_str(if nth == 0 { "[\"" } else { ",\"" });
        append(&mut out, id);
        out.push('"');
    }
    out.push_str(if ids.is_empty() { "[]" } else { "]" });
    out
}

/// The fields that a verdict, a cause or a fix can rest on, in order.
fn evidence_fields(head: &Head) -> impl Iterator<Item = &Field> {
    head.fields().iter().filter(|f| is_evidence(f.name, f.withheld)).take(FIELDS_MAX)
}

fn fields(out: &mut String, head: &Head) {
    out.push('[');
    for (nth, field) in evidence_fields(head).enumerate() {
        out.push_str(if nth == 0 { "[\"" } else { ",[\"" });
        escape(out, &lossy(head.name_of(field)));
        out.push_str("\",\"");
        let bytes = head.value_of(field);
        let value = lossy(bytes.get(..VALUE_BYTES_MAX).unwrap_or(bytes));
        match field.name {
            Name::Location | Name::Referer | Name::Refresh => escape(out, &redact_query(&value)),
            _ => escape(out, &value),
        }
        out.push_str(if field.withheld { "\",true]" } else { "\"]" });
    }
    out.push(']');
}

/// `String::from_utf8_lossy`, quick where all is well.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn list<'a>(out: &mut String, texts: impl Iterator<Item = &'a str>) {
    out.push('[');
    for (nth, text) in texts.enumerate() {
        if nth > 0 {
            out.push(',');
        }
        quote(out, text);
    }
    out.push(']');
}

/// How many bytes at a text's beginning need no escaping in JSON and cannot act on a terminal: nearly always all of them.
#[must_use]
pub fn plain_json_bytes(text: &str) -> usize {
    let (blocks, rest) = text.as_bytes().as_chunks::<16>();
    for (nth, block) in blocks.iter().enumerate() {
        let special = special_json_bytes(*block);
        if special != 0 {
            return 16 * nth + special.trailing_zeros() as usize;
        }
    }
    let special = |b: &u8| b.wrapping_sub(b' ') > b'~' - b' ' || *b == b'"' || *b == b'\\';
    let plain_rest = || 16 * blocks.len() + rest.iter().position(special).unwrap_or(rest.len());
    match text.as_bytes().last_chunk::<16>() {
        // what of it was looked at before is plain
        Some(last) if special_json_bytes(*last) == 0 => text.len(),
        _ => plain_rest(),
    }
}

/// A bit for each byte that is not plain.
#[inline]
fn special_json_bytes(block: [u8; 16]) -> u32 {
    let bytes = u8x16::new(block);
    let special = bytes.min(u8x16::splat(b' ' - 1)).simd_eq(bytes)
        | bytes.max(u8x16::splat(b'~' + 1)).simd_eq(bytes)
        | bytes.simd_eq(u8x16::splat(b'"'))
        | bytes.simd_eq(u8x16::splat(b'\\'));
    special.to_bitmask()
}

/// A JSON string (RFC 8259 §7).
fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// What stands between a JSON string's quotes.
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at_checked(plain_json_bytes(rest)).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some(c @ ('"' | '\\')) => {
                out.push('\\');
                out.push(c);
            }
            Some(c) if u32::from(c) < 0x20 => append(out, &format_args!("\\u{:04x}", u32::from(c))),
            Some(c) => out.push(c),
            None => break,
        }
        rest = chars.as_str();
    }
}

fn is_evidence(name: Name, withheld: bool) -> bool {
    if name == Name::Other { !withheld } else { !name.is_incidental() }
}

/// A URL with each query value replaced by `…`; the fragment goes.
#[must_use]
pub fn redact_query(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let Some((path, query)) = url.split_once('?') else { return url.to_string() };
    let mut out = String::with_capacity(url.len());
    out.push_str(path);
    for (nth, pair) in query.split('&').enumerate() {
        out.push(if nth == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) => {
                out.push_str(name);
                out.push_str("=…");
            }
            // A query without names may be a value as a whole.
            None => out.push('…'),
        }
    }
    out
}

/// An hour since the Unix epoch, as `traffic` names it.
#[must_use]
pub fn hour(hours: i64) -> String {
    Time(hours.saturating_mul(3600 * SECOND)).to_string()
}

/// A request's digest: the same in each capture of the same packets. The lowest bit is free.
#[must_use]
pub fn seen_key(sensor: u64, request: &Request) -> u64 {
    let mut h = mix(sensor ^ u64::from(request.id.seq));
    h = mix(h ^ u64::try_from(request.first.time.0.div_euclid(1000)).unwrap_or_default());
    h = mix(h ^ address(request.peer));
    mix(h ^ address(request.server).rotate_left(17)) & !1
}

/// The digest of a sensor's name that [`seen_key`] wants.
#[must_use]
pub fn sensor_key(name: &str) -> u64 {
    name.bytes().fold(0x636f_7273_7461_7031, |h, b| mix(h ^ u64::from(b)))
}

fn address(a: SocketAddr) -> u64 {
    let ip = match a.ip() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => ip.segments().iter().fold(0, |h, part| mix(h ^ u64::from(*part))),
    };
    mix(ip) ^ u64::from(a.port())
}

/// The finaliser of splitmix64: stored keys rest on it, so it must not change.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The text, cut at a limit in bytes; an ellipsis then tells.
pub fn capped(text: &Arc<str>, bytes_max: usize) -> Arc<str> {
    if text.len() <= bytes_max {
        return Arc::clone(text);
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = text.get(..end).unwrap_or_default().to_string();
    cut.push('…');
    cut.into()
}

/// The counters as JSON, for `runs.counters`.
#[must_use]
pub fn counters_json(c: &crate::counters::Counters) -> String {
    let mut out = String::from("{");
    let plain = [
        ("bytes", c.bytes),
        ("truncated", c.truncated),
        ("segments", c.segments),
        ("tcp_bytes", c.tcp_bytes),
        ("tls_bytes", c.tls_bytes),
        ("bad_checksum", c.bad_checksum),
        ("retransmitted_bytes", c.retransmitted_bytes),
        ("after_end_bytes", c.after_end_bytes),
        ("conflicting_overlaps", c.conflicting_overlaps),
        ("duplicate_segments", c.duplicate_segments),
        ("quic_connections", c.quic_connections),
        ("connections", c.connections),
        ("one_sided", c.one_sided),
        ("midstream", c.midstream),
        ("gap_bytes", c.gap_bytes),
        ("requests", c.requests),
        ("responses", c.responses),
    ];
    for (name, value) in plain {
        let _ = write!(out, "\"{name}\":{value},");
    }
    let grouped = [
        ("ignored", c.ignored.by_cause()),
        ("gaps", c.gaps.by_cause()),
        ("evictions", c.evictions.by_cause()),
        ("http_errors", c.http_errors.by_cause()),
        ("carried", c.carried.by_cause()),
        ("forgotten", c.forgotten.by_cause()),
    ];
    for (nth, (name, causes)) in grouped.into_iter().enumerate() {
        let told: Vec<String> = causes.iter().map(|(cause, n)| format!("\"{cause}\":{n}")).collect();
        let _ = write!(out, "{}\"{name}\":{{{}}}", if nth == 0 { "" } else { "," }, told.join(","));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_redacted() {
        assert_eq!(redact_query("http://a.test/x?token=s3cret&b=#frag"), "http://a.test/x?token=…&b=…");
        assert_eq!(redact_query("/x?s3cret"), "/x?…");
        assert_eq!(redact_query("/x"), "/x");
    }

    #[test]
    fn quoted_texts_read_back() {
        for text in ["", "plain", "a\"b\\c", "\u{0}\n\u{1f}x", "…é\u{7f}"] {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).ok().as_deref(), Some(text), "{out}");
        }
        // a special one at each place of a block, and behind it
        for place in 0..40 {
            for special in ['"', '\\', '\u{1f}', ' ', '~', '\u{7f}', 'é', '…'] {
                let text: String = (0..40).map(|at| if at == place { special } else { 'x' }).collect();
                let mut out = String::new();
                quote(&mut out, &text);
                assert_eq!(serde_json::from_str::<String>(&out).ok(), Some(text.clone()));
                let plain = matches!(special, ' ' | '~');
                assert_eq!(plain_json_bytes(&text), if plain { 40 } else { place });
            }
        }
    }

    #[test]
    fn hours_begin_on_the_hour() {
        assert_eq!(hour(1_795_462_645 / 3600), "2026-11-23T19:00:00.000000Z");
    }
}
