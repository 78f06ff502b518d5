//! One transaction with both of its legs: what the browser sent at the left, what the server answered at the right.

use std::fmt::Write as _;

use super::layout::{clock_us, columns, duration, fit, pad, wrap};
use super::text::{Paint, Screen};
use super::{shown, shown_bytes};
use crate::catalog::{Cause, Reason};
use crate::http::head::{Field, Head, Name};
use crate::record::{Leg, Transaction, Verdict};
use crate::store::redact_query;

/// Fields shown of one head.
const FIELDS_MAX: usize = 40;

/// The transaction with its headers, its explanation and its fix, and a blank line.
#[must_use]
pub fn side_by_side(t: &Transaction, screen: Screen) -> String {
    let paint = screen.paint;
    let verdict = match t.verdict {
        Verdict::Blocked => paint.alarm("BLOCKED"),
        Verdict::Undecided => paint.yellow("UNDECIDED"),
        Verdict::Allowed => paint.green("ALLOWED"),
        Verdict::NotCors => paint.dim("NOT CORS"),
    };
    let phase = t.phase.map_or(String::new(), |p| format!(" at the {p}"));
    let reason = t.reason.map_or("", Reason::id);
    let what = format!("{} {}{}", shown(&t.method), shown(&t.target_origin), shown(&t.path));
    let used = 15 + 2 + 9 + 2 + reason.len() + phase.len() + 2 + 2 + 14;
    let what = fit(&what, screen.width.saturating_sub(used).max(20));
    let mut out = format!(
        "{}  {verdict}  {}{phase}  {}  {}\n",
        clock_us(t.time),
        paint.red(reason),
        paint.bold(&what),
        paint.dim(&t.id.to_string()),
    );
    let client = t.forwarded_for.map_or_else(|| t.client.to_string(), |ip| format!("{ip} by way of {}", t.client));
    let browser = format!("{} {}", t.browser.family, shown(&t.browser.version));
    let who = format!(
        "from {}, {}, {client} to {}, {}, mode {}, credentials {}",
        shown(t.origin.as_deref().unwrap_or("no origin")),
        browser.trim_end(),
        t.server,
        t.site,
        t.mode,
        t.credentials
    );
    out.push_str(&wrap(&who, 2, screen.width, 3));
    match &t.preflight {
        Some(preflight) => {
            let asked = format!("asks for {}", shown(&preflight.requested_method));
            let headers: Vec<String> = preflight.requested_headers.iter().map(|h| shown(h)).collect();
            let headers = if headers.is_empty() { String::new() } else { format!(" with {}", headers.join(", ")) };
            let because: Vec<String> = preflight.because.iter().map(|b| shown(b)).collect();
            let because =
                if because.is_empty() { String::new() } else { format!(", needed by {}", because.join(", ")) };
            leg(&mut out, "preflight", &preflight.leg, &format!("{asked}{headers}{because}"), screen);
        }
        None => {
            let _ = writeln!(out, "  preflight  {}", t.preflight_state.id().replace('_', " "));
        }
    }
    for hop in &t.hops {
        let status = hop.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
        let _ = writeln!(
            out,
            "  hop        {}  {} → {status}, {}",
            clock_us(hop.time),
            shown(&hop.target_origin),
            hop.verdict
        );
    }
    match &t.actual {
        Some(actual) => leg(&mut out, "actual", actual, "", screen),
        None => out.push_str("  actual     none on the wire\n"),
    }
    told(&mut out, "why", &t.detail, screen, Paint::bold);
    if t.verdict == Verdict::Blocked {
        let sure = t.cause_confidence.map_or(String::new(), |c| format!(" ({c})"));
        told(&mut out, "cause", &t.cause.map_or(String::new(), |c: Cause| format!("{c}{sure}")), screen, Paint::cyan);
        told(&mut out, "effect", t.effect.map_or("", |e| e.id()), screen, Paint::red);
    }
    told(&mut out, "certainty", t.confidence.id(), screen, Paint::dim);
    told(&mut out, "fix", &t.fix, screen, Paint::cyan);
    out.push('\n');
    out
}

/// `  why        …`, each line of the text under the other; nothing for an empty text.
fn told(out: &mut String, word: &str, text: &str, screen: Screen, style: fn(Paint, &str) -> String) {
    if text.is_empty() {
        return;
    }
    let mut lines = String::new();
    for line in text.lines() {
        lines.push_str(&wrap(&shown(line), 13, screen.width, usize::MAX));
    }
    let _ = write!(out, "  {}{}", style(screen.paint, &pad(word, 11)), lines.get(13..).unwrap_or_default());
}

fn leg(out: &mut String, word: &str, leg: &Leg, note: &str, screen: Screen) {
    let paint = screen.paint;
    let status = leg.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
    let took = leg.duration_ns.map_or(String::new(), |ns| format!(" after {}", duration(ns)));
    let verdict = match leg.verdict {
        Verdict::Allowed => paint.green("✔ allowed"),
        Verdict::Blocked => paint.alarm("✘ blocked"),
        Verdict::Undecided => paint.yellow("? undecided"),
        Verdict::NotCors => paint.dim("not CORS"),
    };
    let method = shown_bytes(leg.request.head.method());
    let text = format!("{}  {method} → {status}{took}", clock_us(leg.time));
    let _ = writeln!(out, "  {}{text}  {verdict}", paint.bold(&pad(word, 11)));
    if !note.is_empty() {
        out.push_str(&wrap(note, 13, screen.width, 3));
    }
    let sent = fields(&leg.request.head);
    let answered = leg.response.as_ref().map_or_else(Vec::new, |r| fields(&r.head));
    let room = screen.width.saturating_sub(4 + 3);
    let left = sent.iter().map(|f| columns(f)).max().unwrap_or(0).clamp(20, room / 2);
    for nth in 0..sent.len().max(answered.len()) {
        let cell = |fields: &[String], room| fit(fields.get(nth).map_or("", String::as_str), room);
        let line = format!("    {} │ {}", pad(&cell(&sent, left), left), cell(&answered, room - left));
        let _ = writeln!(out, "{}", paint.dim(line.trim_end()));
    }
}

/// The fields that CORS is about, as they may be shown; those that it checks come first.
fn fields(head: &Head) -> Vec<String> {
    let mut all: Vec<&Field> = head.fields().iter().filter(|f| decides(f.name)).collect();
    all.sort_by_key(|f| !is_checked(f.name));
    let all = all.into_iter().take(FIELDS_MAX);
    all.map(|f| {
        let value = shown_bytes(head.value_of(f));
        let value = match f.name {
            Name::Location | Name::Referer | Name::Refresh => redact_query(&value),
            _ => value,
        };
        format!("{}: {value}", shown_bytes(head.name_of(f)))
    })
    .collect()
}

fn is_checked(name: Name) -> bool {
    name == Name::Origin || name.text().starts_with("access-control-")
}

/// Whether a field has a part in a verdict, in a cause, or in trusting them.
fn decides(name: Name) -> bool {
    !name.is_incidental() && !matches!(name, Name::Other | Name::Host | Name::UserAgent | Name::TransferEncoding)
}
