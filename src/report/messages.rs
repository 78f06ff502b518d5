//! HTTP messages as text: one line each, or with their headers.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::text::Paint;
use super::{shown, shown_bytes};
use crate::http::head::{Head, Name};
use crate::packet::Time;
use crate::record::{Message, MessageRecord};

/// Characters of a request target shown in one line.
const TARGET_CHARS_MAX: usize = 120;

/// When a message began.
#[must_use]
pub fn time(m: &MessageRecord) -> Time {
    match &m.message {
        Message::Request(request) => request.first.time,
        Message::Response { response, .. } => response.first.time,
    }
}

/// One line for a message, newline included.
#[must_use]
pub fn line(m: &MessageRecord, paint: Paint) -> String {
    let mut out = String::new();
    let (time, from, to) = ends(m);
    // Writing to a String does not fail.
    let _ = write!(out, "{:>5}  {}  {from:>21} → {to:<21}  ", m.stream, paint.dim(&time));
    match &m.message {
        Message::Request(request) => {
            let host = shown_bytes(request.head.first(Name::Host).unwrap_or_default());
            let target = shown_bytes(request.head.target());
            let host = if target.starts_with('/') { host.as_str() } else { "" };
            let _ = write!(
                out,
                "{} {}",
                paint.bold(&shown_bytes(request.head.method())),
                cut(&format!("{host}{target}"), TARGET_CHARS_MAX)
            );
        }
        Message::Response { response, .. } => {
            let status = response.status.to_string();
            let status = if response.status >= 400 { paint.red(&status) } else { paint.bold(&status) };
            let _ = write!(out, "{status}");
            if let Some(kind) = response.head.first(Name::ContentType) {
                let _ = write!(out, " {}", shown_bytes(kind));
            }
        }
    }
    if m.body_bytes > 0 {
        let _ = write!(out, "  {} B", m.body_bytes);
    }
    for (told, word) in [(!m.complete, "incomplete"), (m.gap, "gap")] {
        if told {
            let _ = write!(out, "  {}", paint.yellow(word));
        }
    }
    out.push('\n');
    out
}

/// A message with its headers, and a blank line.
#[must_use]
pub fn with_headers(m: &MessageRecord, all: bool, paint: Paint) -> String {
    let mut out = line(m, paint);
    let head = match &m.message {
        Message::Request(request) => &request.head,
        Message::Response { response, .. } => &response.head,
    };
    for field in fields(head, all) {
        let _ = writeln!(out, "       {}: {}", paint.cyan(&field.0), field.1);
    }
    out.push('\n');
    out
}

/// The fields of a head, names as written, safe to show.
#[must_use]
pub fn fields(head: &Head, all: bool) -> Vec<(String, String)> {
    head.fields()
        .iter()
        .filter(|f| all || f.name != Name::Other)
        .map(|f| (shown_bytes(head.name_of(f)), shown_bytes(head.shown_of(f))))
        .collect()
}

fn ends(m: &MessageRecord) -> (String, SocketAddr, SocketAddr) {
    let (time, from, to) = match &m.message {
        Message::Request(request) => (request.first.time, request.client, request.server),
        Message::Response { response, client, server } => (response.first.time, *server, *client),
    };
    // "08:41:12.447123" of "2026-11-23T08:41:12.447123Z"
    (time.to_string().get(11..26).unwrap_or_default().to_owned(), from, to)
}

/// The text, cut to a number of characters.
#[must_use]
pub fn cut(text: &str, chars_max: usize) -> String {
    let text = shown(text);
    if text.chars().count() <= chars_max {
        return text;
    }
    let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    short.push('…');
    short
}
