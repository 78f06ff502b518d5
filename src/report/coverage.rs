//! How far to trust it: what was captured, what went by unseen, and why there may be nothing to judge.

use std::fmt::Write as _;

use super::Summary;
use super::layout::{bytes, percent, plural, thousands};
use super::text::{Paint, Screen};
use crate::counters::Counters;
use crate::record::Verdict;

/// What went by and cannot be judged; none where there was nothing of the kind.
#[must_use]
pub fn not_seen(c: &Counters) -> Option<String> {
    let mut told = Vec::new();
    let tls = unread_tls(c);
    if tls > 0 {
        let share = percent(c.tls_bytes, c.tcp_bytes);
        told.push(format!("{} ({share} of TCP bytes{})", plural(tls, "TLS connection"), why_unread(c)));
    }
    let records = c.tls_records_lost.gap + c.tls_records_lost.not_verified;
    if records > 0 {
        told.push(plural(records, "TLS record"));
    }
    for (n, what) in [
        (c.quic_connections, "QUIC connection"),
        (c.one_sided, "connection captured in one direction only"),
        (c.midstream, "connection joined midway"),
    ] {
        if n > 0 {
            told.push(plural_phrase(n, what));
        }
    }
    let cut = c.http_errors.head_incomplete;
    if cut > 0 {
        told.push(format!("{} of HTTP/2 that refer to what came before the capture", plural(cut, "head")));
    }
    (!told.is_empty()).then(|| told.join(", "))
}

/// TLS connections that were not read with a key log.
fn unread_tls(c: &Counters) -> u64 {
    c.carried.tls.saturating_sub(c.tls_connections.decrypted)
}

/// What kept TLS from being read, where there were keys; else what would read it.
fn why_unread(c: &Counters) -> String {
    let outcomes = &c.tls_connections;
    if outcomes.total() == 0 {
        return "; --keylog FILE reads it".to_owned();
    }
    let suites: Vec<String> = c.tls_suites.iter().map(|(id, _)| suite_text(*id)).collect();
    let parts = [
        (outcomes.no_key, "without their secrets in the key log".to_owned()),
        (outcomes.not_verified, "whose secrets do not fit".to_owned()),
        (outcomes.no_hello, "without their hellos".to_owned()),
        (outcomes.unreadable, format!("of a suite that is not read: {}", suites.join(", "))),
    ];
    parts.iter().filter(|(n, _)| *n > 0).fold(String::new(), |mut text, (n, what)| {
        let _ = write!(text, "; {} {what}", thousands(*n));
        text
    })
}

/// A cipher suite's name, or its number.
#[must_use]
pub fn suite_text(id: u16) -> String {
    crate::tls::suite_name(id).map_or_else(|| format!("0x{id:04x}"), str::to_owned)
}

/// `3 connections joined midway`: the plural is of the first word.
fn plural_phrase(n: u64, phrase: &str) -> String {
    let parts = ["connection", "judgement"].into_iter().find_map(|noun| Some((noun, phrase.split_once(noun)?)));
    match parts {
        Some((noun, (before, after))) => format!("{}{after}", plural(n, &format!("{before}{noun}"))),
        None => plural(n, phrase),
    }
}

/// How far to trust it: numbers that add up.
#[must_use]
pub fn coverage(s: &Summary, screen: Screen) -> String {
    let c = &s.counters;
    let text = [packets_text(c, s.packets_lost), connections_text(c), transactions_text(s)].join("; ");
    screen.paragraph("Coverage", Paint::dim, &text, 6)
}

/// Packets by what became of them.
#[must_use]
pub fn packets_text(c: &Counters, packets_lost: u64) -> String {
    let mut text = format!("{} = {} TCP", plural(c.packets, "packet"), thousands(c.segments));
    let other = c.packets.saturating_sub(c.segments);
    if other > 0 {
        let kinds: Vec<String> = c
            .ignored
            .by_cause()
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| format!("{kind} {}", thousands(*n)))
            .collect();
        let _ = write!(text, " + {} other ({})", thousands(other), kinds.join(", "));
    }
    if packets_lost + c.truncated + c.gaps.total() == 0 {
        text.push_str(", none lost or cut, no gaps");
    } else {
        let _ = write!(
            text,
            ", {} lost by the capture, {} cut by the snap length, {}",
            thousands(packets_lost),
            thousands(c.truncated),
            plural(c.gaps.total(), "gap")
        );
    }
    if c.gaps.total() > 0 {
        let _ = write!(text, " ({})", bytes(c.gap_bytes));
    }
    for (n, what) in [
        (c.http_errors.total(), "broken message"),
        (c.evictions.total(), "connection forgotten early"),
        (c.forgotten.total(), "judgement forgotten early"),
    ] {
        if n > 0 {
            let _ = write!(text, ", {}", plural_phrase(n, what));
        }
    }
    text
}

/// Connections by what they carried.
#[must_use]
pub fn connections_text(c: &Counters) -> String {
    let parts = [
        (c.carried.http1, "HTTP"),
        (c.carried.tls, "TLS"),
        (c.carried.http2, "HTTP/2"),
        (c.carried.ssh, "SSH"),
        (c.carried.not_http, "other protocols"),
        (c.connections.saturating_sub(c.carried.total() - c.carried.empty), "without payload"),
    ];
    let decrypted = c.tls_connections.decrypted;
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| match *what {
            "TLS" if decrypted > 0 => format!("{} TLS ({} decrypted)", thousands(*n), thousands(decrypted)),
            what => format!("{} {what}", thousands(*n)),
        })
        .collect();
    let mut text = plural(c.connections, "connection");
    if !parts.is_empty() {
        let _ = write!(text, " = {}", parts.join(" + "));
    }
    let _ = write!(text, ", {}, {}", plural(c.requests, "request"), plural(c.responses, "answer"));
    text
}

fn transactions_text(s: &Summary) -> String {
    let total: u64 = Verdict::ALL.iter().map(|v| s.count(*v)).sum();
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .filter(|v| s.count(**v) > 0)
        .map(|v| format!("{} {}", thousands(s.count(*v)), v.id().replace("not_cors", "not CORS")))
        .collect();
    let mut text = plural(total, "transaction");
    if !parts.is_empty() {
        let _ = write!(text, " = {}", parts.join(" + "));
    }
    if s.judged() > 0 {
        let _ =
            write!(text, ", {} of {} judged with certainty", percent(s.certain(), s.judged()), thousands(s.judged()));
    }
    text
}

/// One line on why there is nothing to judge, or why little of it can be, where that is so.
#[must_use]
pub fn diagnosis(s: &Summary) -> Option<String> {
    let c = &s.counters;
    let messages = c.requests + c.responses;
    if c.packets == 0 {
        return Some("no packets: nothing was captured, or a filter let nothing pass".to_owned());
    }
    if messages == 0 {
        return Some(no_http(c));
    }
    if c.requests == 0 || c.responses == 0 {
        let (seen, missing) = if c.responses == 0 { ("requests", "answers") } else { ("answers", "requests") };
        return Some(format!(
            "only {seen} were captured, no {missing}: the tap sees one direction (asymmetric routing, or a mirror port that \
             copies only what is received); capture both, or where both pass"
        ));
    }
    let http = c.carried.http() + c.tls_connections.decrypted;
    if c.one_sided.saturating_mul(2) > http {
        return Some(format!(
            "{} of {} were captured in one direction only: most cannot be judged; capture where both directions pass",
            thousands(c.one_sided),
            plural(http, "HTTP connection"),
        ));
    }
    if c.truncated.saturating_mul(2) > c.segments {
        return Some(format!(
            "{} of {} were cut by the snap length: headers may be missing; capture whole packets (tcpdump -s 0)",
            thousands(c.truncated),
            plural(c.packets, "packet")
        ));
    }
    if s.judged() == 0 {
        return Some(format!(
            "{}, none of them cross-origin: CORS had nothing to decide here",
            plural(c.requests, "HTTP request")
        ));
    }
    None
}

/// Why not one HTTP message was seen.
fn no_http(c: &Counters) -> String {
    let ignored = &c.ignored;
    if c.segments == 0 {
        let kinds: Vec<String> = ignored
            .by_cause()
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| format!("{kind} {}", thousands(n)))
            .collect();
        let why = if ignored.link_type == c.packets {
            "a link type that is not decoded"
        } else if ignored.encrypted_link > c.packets / 2 {
            "an encrypted link"
        } else if c.quic_connections > 0 {
            "HTTP/3 (QUIC) is encrypted and cannot be read"
        } else {
            "is it the right interface and filter?"
        };
        return format!("no TCP in {} ({}): {why}", plural(c.packets, "packet"), kinds.join(", "));
    }
    if unread_tls(c) > 0 {
        let all = c.tls_bytes.saturating_mul(100) >= c.tcp_bytes.saturating_mul(99);
        let share = if all { "all".to_owned() } else { percent(c.tls_bytes, c.tcp_bytes) };
        return format!(
            "no HTTP that can be read: {share} of the TCP payload is TLS{}; capture behind the TLS terminator, where the \
             proxy speaks plain HTTP to the application, or have the browser write its secrets (SSLKEYLOGFILE) and give \
             them with --keylog",
            if c.tls_connections.total() > 0 { why_unread(c) } else { String::new() }
        );
    }
    if c.carried.http2 > 0 {
        return format!(
            "no head that can be read: {}, whose heads refer to what came before the capture",
            plural_phrase(c.carried.http2, "HTTP/2 connection joined midway")
        );
    }
    if c.one_sided > 0 && c.one_sided * 2 > c.connections {
        return "no HTTP that can be read: only one direction of the connections was captured".to_owned();
    }
    if c.truncated * 2 > c.segments {
        return "no HTTP: the snap length cut the packets before it; capture whole packets (tcpdump -s 0)".to_owned();
    }
    let other = c.carried.not_http + c.carried.ssh;
    let told =
        if other > 0 { format!("{} of another protocol", thousands(other)) } else { "no payload at all".to_owned() };
    format!("no HTTP in {}: {told}", plural(c.connections, "connection"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Counters), told: &str) {
        let mut counters = Counters { packets: 10, segments: 10, connections: 2, ..Counters::default() };
        change(&mut counters);
        let s = Summary { counters, ..Summary::default() };
        let why = diagnosis(&s).unwrap_or_default();
        assert!(why.contains(told), "{why}");
    }

    #[test]
    fn why_there_is_nothing_to_judge_is_told_in_one_line() {
        check(|c| c.packets = 0, "no packets");
        check(
            |c| (c.segments, c.ignored.udp, c.ignored.icmp) = (0, 7, 3),
            "no TCP in 10 packets (udp 7, icmp 3): is it the right interface",
        );
        check(|c| (c.segments, c.ignored.link_type) = (0, 10), "a link type that is not decoded");
        check(|c| (c.segments, c.ignored.quic, c.quic_connections) = (0, 10, 1), "HTTP/3 (QUIC) is encrypted");
        check(|c| (c.carried.tls, c.tls_bytes, c.tcp_bytes) = (2, 990, 1000), "all of the TCP payload is TLS");
        check(|c| (c.carried.tls, c.tls_bytes, c.tcp_bytes) = (1, 830, 1000), "83.0 % of the TCP payload is TLS");
        check(|c| c.carried.http2 = 2, "2 HTTP/2 connections joined midway, whose heads refer to");
        check(|c| c.one_sided = 2, "only one direction of the connections");
        check(|c| c.truncated = 9, "capture whole packets");
        check(|c| c.carried.ssh = 1, "no HTTP in 2 connections: 1 of another protocol");
        check(|_| {}, "no payload at all");
        check(|c| c.requests = 5, "only requests were captured, no answers");
        check(|c| c.responses = 5, "only answers were captured, no requests");
        check(|c| (c.requests, c.responses) = (5, 5), "5 HTTP requests, none of them cross-origin");
        check(
            |c| (c.requests, c.responses, c.carried.http1, c.one_sided) = (5, 1, 3, 2),
            "2 of 3 HTTP connections were captured in one direction only",
        );
    }

    #[test]
    fn the_plural_is_of_the_noun() {
        for (phrase, many) in [
            ("connection joined midway", "2 connections joined midway"),
            ("judgement forgotten early", "2 judgements forgotten early"),
            ("broken message", "2 broken messages"),
        ] {
            assert_eq!(plural_phrase(2, phrase), many);
        }
    }

    #[test]
    fn what_cannot_be_judged_is_counted_by_kind() {
        let mut c = Counters { tls_bytes: 83, tcp_bytes: 100, one_sided: 1, midstream: 2, ..Counters::default() };
        c.carried.tls = 41;
        assert_eq!(
            not_seen(&c).as_deref(),
            Some(
                "41 TLS connections (83.0 % of TCP bytes; --keylog FILE reads it), 1 connection captured in one direction only, \
                 2 connections joined midway"
            )
        );
        c.tls_connections.decrypted = 38;
        c.tls_connections.no_key = 2;
        c.on_unreadable_suite(0xc013);
        c.tls_records_lost.gap = 4;
        let told = not_seen(&c).expect("some");
        assert!(
            told.starts_with(
                "3 TLS connections (83.0 % of TCP bytes; 2 without their secrets in the key log; 1 of a suite that is not read: \
                 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA), 4 TLS records, "
            ),
            "{told}"
        );
        assert_eq!(not_seen(&Counters::default()), None);
    }
}
