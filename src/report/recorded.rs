//! A recorded transaction or finding for people: what went over the wire, and what it means.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;

use super::layout::{columns, fit, pad, quoted, wrap};
use super::shown;
use super::text::{Paint, Screen};
use crate::catalog::fixes::laid_out;
use crate::catalog::{Cause, Reason, Rule, Wording};
use crate::store::queries::{StoredFinding, StoredTransaction};

const INDENT: usize = 13;
/// Fields shown of one head.
const FIELDS_MAX: usize = 60;

/// The transaction with both legs' headers as recorded, and its verdict explained. `capture` is the file that it was read
/// from, where that is still there.
#[must_use]
pub fn transaction(t: &StoredTransaction, capture: Option<&str>, screen: Screen) -> String {
    let paint = screen.paint;
    let mut page = Page { out: String::new(), screen };
    let verdict = match &*t.verdict {
        "blocked" => paint.alarm("BLOCKED"),
        "allowed" => paint.green("ALLOWED"),
        other => paint.yellow(&shown(&other.to_uppercase())),
    };
    let what = format!("{} {}{}", shown(&t.method), shown(&t.target_origin), shown(&t.path));
    let _ = writeln!(page.out, "{}  {verdict}  {}", shown(&t.id), paint.bold(&what));
    let client = t
        .forwarded_for
        .as_ref()
        .map_or_else(|| shown(&t.client), |client| format!("{} by way of {}", shown(client), shown(&t.client)));
    page.told("when", &t.time);
    let who = format!(
        "{}, {}, {client} to {}, {}, mode {}, credentials {}",
        t.origin.as_deref().unwrap_or("no origin"),
        t.browser,
        t.server,
        t.site,
        t.mode,
        t.credentials
    );
    page.told("from", &who);
    let reason = t.reason.as_deref().and_then(|id| Reason::ALL.iter().find(|r| r.id() == id)).copied();
    for (word, phase) in [("preflight", "preflight"), ("actual", "actual")] {
        let leg = t.evidence.get(phase).filter(|leg| leg.is_object());
        match leg {
            Some(leg) => {
                let blocked_here = t.verdict == "blocked" && t.phase.as_deref() == Some(phase);
                page.leg(word, leg, blocked_here.then_some(reason).flatten());
            }
            None if phase == "preflight" => page.told(word, &t.preflight_state.replace('_', " ")),
            None => page.told(word, "none on the wire"),
        }
    }
    for hop in t.evidence.get("hops").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| hop.get(key).map(plain).unwrap_or_default();
        page.told(
            "hop",
            &format!("{} {} → {}, {}", text("time"), text("target_origin"), text("status"), text("verdict")),
        );
    }
    if let Some(reason) = reason {
        let words = reason.entry();
        page.told("reason", &format!("{}  {}", reason.id(), words.title));
        page.told("why", &t.detail);
        page.told("", words.meaning);
        for (browser, says) in [("Chromium", words.chromium), ("Firefox", words.firefox), ("Safari", words.safari)] {
            page.told(browser, wording(says));
        }
    } else {
        page.told("why", &t.detail);
    }
    if let Some(cause) = t.cause.as_deref().and_then(|id| Cause::ALL.iter().find(|c| c.id() == id)) {
        let words = cause.entry();
        let sure = t.evidence.get("cause_confidence").map(plain).unwrap_or_default();
        let sure = if sure.is_empty() { String::new() } else { format!(" ({sure})") };
        page.told("cause", &format!("{}{sure}  {}", cause.id(), words.title));
        page.told("", words.wrong);
    }
    for (nth, line) in laid_out(&t.evidence.get("fix").map(plain).unwrap_or_default()).lines().enumerate() {
        let word = if nth == 0 { "fix" } else { "" };
        if line.starts_with(' ') { page.line(word, &shown(line)) } else { page.told(word, line) }
    }
    let effect = match t.effect.as_deref() {
        Some("taken") => "taken: the server carried the request out, although the page was told that it failed",
        Some("possible") => "possible: the server may have carried the request out",
        Some("none") => "none: the server refused it, too",
        _ => "",
    };
    page.told("effect", effect);
    page.told("certainty", certainty(&t.confidence));
    page.told("recorded", &format!("in run {}", t.run_id));
    match (display_filter(t), capture.and_then(quoted)) {
        (Some(filter), Some(capture)) => page.line("packets", &format!("tshark -r {capture} -Y '{filter}'")),
        (Some(filter), None) => page.line("packets", &filter),
        (None, _) => {}
    }
    page.out
}

/// The transaction's connection and its packets' time as a display filter of Wireshark.
fn display_filter(t: &StoredTransaction) -> Option<String> {
    let (client, server): (SocketAddr, SocketAddr) = (t.client.parse().ok()?, t.server.parse().ok()?);
    let ip = if client.is_ipv4() { "ip" } else { "ipv6" };
    let times = ["preflight", "actual"].into_iter().filter_map(|leg| {
        let time: jiff::Timestamp = t.evidence.get(leg)?.get("time")?.as_str()?.parse().ok()?;
        Some(time.as_second())
    });
    let (first, last) = times.fold(None, |ends: Option<(i64, i64)>, at| {
        Some(ends.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
    })?;
    Some(format!(
        "{ip}.addr == {} && tcp.port == {} && tcp.port == {} && (http || tls) && frame.time_epoch >= {first} && frame.time_epoch < {}",
        client.ip(),
        client.port(),
        server.port(),
        last + 2
    ))
}

/// The finding, what its rule means, and what it rests on.
#[must_use]
pub fn finding(f: &StoredFinding, db: &str, screen: Screen) -> String {
    let paint = screen.paint;
    let mut page = Page { out: String::new(), screen };
    let rule = Rule::ALL.iter().find(|r| r.id() == f.rule);
    let _ = writeln!(
        page.out,
        "{}  {}  {}  {}",
        shown(&f.id),
        paint.alarm(&shown(&f.severity.to_uppercase())),
        paint.bold(&shown(&f.rule)),
        shown(&f.subject)
    );
    let often = if f.count == 1 { "once".to_owned() } else { format!("{} times", f.count) };
    page.told("when", &format!("{} to {}, {often}", f.first_seen, f.last_seen));
    for line in f.detail.lines() {
        page.told("seen", line);
    }
    if let Some(rule) = rule {
        let words = rule.entry();
        page.told("rule", words.title);
        page.told("fires when", words.condition);
        page.told("why", words.why);
        page.told("not when", words.counter);
    }
    page.told("fix", &f.fix.replace('\n', " "));
    page.told("certainty", &f.confidence);
    page.told("evidence", &f.evidence.join(" "));
    if let (Some(first), Some(db)) = (f.evidence.first(), quoted(db)) {
        page.line("next", &format!("corstap explain {first} --db {db}"));
    }
    page.out
}

fn wording(says: Wording) -> &'static str {
    if says.console.is_empty() { says.code } else { says.console }
}

fn certainty(confidence: &str) -> &str {
    match confidence {
        "certain" => "certain: follows from the bytes, nothing was guessed",
        "probable" => "probable: one input was inferred, and nothing speaks against it",
        "possible" => "possible: an inference against weak contrary signs",
        other => other,
    }
}

/// A JSON value without quotes; null as nothing.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

struct Page {
    out: String,
    screen: Screen,
}

impl Page {
    /// A command, whole however long, so that it can be pasted.
    fn line(&mut self, word: &str, text: &str) {
        let word = self.screen.paint.bold(&pad(word, INDENT - 2));
        let _ = writeln!(self.out, "  {word}{text}");
    }

    fn told(&mut self, word: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let lines = wrap(&shown(text), INDENT, self.screen.width, usize::MAX);
        let word = self.screen.paint.bold(&pad(word, INDENT - 2));
        let _ = write!(self.out, "  {word}{}", lines.get(INDENT..).unwrap_or_default());
    }

    fn leg(&mut self, word: &str, leg: &Value, blocked: Option<Reason>) {
        let paint = self.screen.paint;
        let text = |key: &str| leg.get(key).map(plain).unwrap_or_default();
        let status = Some(text("status")).filter(|s| !s.is_empty()).unwrap_or_else(|| "no answer".to_owned());
        let verdict = match (blocked, &*text("verdict")) {
            (Some(reason), _) => paint.alarm(&format!("✘ blocked: {}", reason.id())),
            (None, "allowed") => paint.green("✔ allowed"),
            (None, "blocked") => paint.alarm("✘ blocked"),
            (None, other) => paint.yellow(&shown(other)),
        };
        let line = format!("{}  {} → {status}  {verdict}", shown(&text("time")), shown(&text("method")));
        let _ = writeln!(self.out, "  {}{line}", paint.bold(&pad(word, INDENT - 2)));
        let items = |key: &str| {
            let all = leg.get(key).and_then(Value::as_array).into_iter().flatten();
            all.map(plain).collect::<Vec<_>>().join(", ")
        };
        if word == "preflight" {
            let headers = items("requested_headers");
            let with = if headers.is_empty() { String::new() } else { format!(" with {headers}") };
            let because = items("because");
            let because = if because.is_empty() { String::new() } else { format!(", needed by {because}") };
            self.told("", &format!("asks for {}{with}{because}", text("requested_method")));
        }
        let (sent, answered) = (fields(leg.get("request")), fields(leg.get("response")));
        let room = self.screen.width.saturating_sub(4 + 3);
        let left = sent.iter().map(|f| columns(f)).max().unwrap_or(0).clamp(20, room / 2);
        for nth in 0..sent.len().max(answered.len()) {
            let cell = |fields: &[String], room| fit(fields.get(nth).map_or("", String::as_str), room);
            let line = format!("    {} │ {}", pad(&cell(&sent, left), left), cell(&answered, room - left));
            let _ = writeln!(self.out, "{}", Paint::dim(paint, line.trim_end()));
        }
    }
}

/// `name: value` of a recorded head.
fn fields(head: Option<&Value>) -> Vec<String> {
    let all = head.and_then(Value::as_array).into_iter().flatten().take(FIELDS_MAX);
    all.map(|field| {
        let part = |n: usize| field.get(n).map(plain).unwrap_or_default();
        format!("{}: {}", shown(&part(0)), shown(&part(1)))
    })
    .collect()
}
