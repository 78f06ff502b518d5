//! Preflights that nobody needs, or that are missing.

use smallvec::SmallVec;

use std::fmt::Write as _;

use super::{Prober, TEN_MINUTES_NS, client_at_target, doubled, lower, tempered};
use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Past, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::settings::Threshold;
use crate::http::head::Name;
use crate::packet::{SECOND, Time};
use crate::record::Confidence;

const FIELDS: &[Name] = &[Name::Origin, Name::AcRequestMethod, Name::AcRequestHeaders, Name::UserAgent];
/// Window of `preflight_sweep`.
const SWEEP_NS: i64 = 300 * SECOND;
/// Actuals of a page load follow their preflights within so long.
pub const FOLLOW_NS: i64 = 5 * SECOND;
/// Preflights kept of one client.
const ASKED_MAX: usize = 64;

/// Methods that pages use; anything else is made up.
const KNOWN: [&str; 28] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "MKCALENDAR",
    "QUERY",
    "LINK",
    "UNLINK",
    "BIND",
    "UNBIND",
    "REBIND",
    "ACL",
    "CHECKOUT",
    "MERGE",
    "PURGE",
    "SUBSCRIBE",
];

/// Preflights of one client that no actual has followed.
#[derive(Debug, Default)]
pub struct Asked {
    open: SmallVec<[(u64, u64, Time); 2]>,
    trail: Trail,
    forbidden: u32,
    made_up: u32,
    waits: bool,
    /// Preflights as browsers send them less those that are not: one odd one among many makes no scanner.
    consistent: i32,
}

/// A preflight came; whether it is time to look at this client again later.
pub fn on_preflight(seen: &Seen<'_>, prober: &mut Prober, book: &Book) -> bool {
    let Some(method) = seen.asked.method else { return false };
    let asked = &mut prober.asked;
    let (path, digest) = (book.digest(seen.path()), book.digest(method));
    let now = seen.now;
    asked.open.retain(|(_, _, at)| now.since(*at) <= SWEEP_NS);
    if asked.open.is_empty() {
        asked.trail.clear();
        (asked.forbidden, asked.made_up, asked.consistent) = (0, 0, 0);
    }
    if !asked.open.iter().any(|(p, m, _)| (*p, *m) == (path, digest)) && asked.open.len() < ASKED_MAX {
        asked.open.push((path, digest, now));
        asked.trail.add(seen.id(), now);
    }
    let is = |name: &&str| name.as_bytes().eq_ignore_ascii_case(method);
    if ["TRACE", "CONNECT", "TRACK"].iter().any(is) {
        asked.forbidden = asked.forbidden.saturating_add(1);
    } else if !KNOWN.iter().any(is) {
        asked.made_up = asked.made_up.saturating_add(1);
    }
    asked.consistent = asked.consistent.saturating_add(if seen.is_browser_consistent() { 1 } else { -1 });
    let look = !asked.waits && is_sweep(asked, seen.o.shared_address, book);
    asked.waits |= look;
    look
}

/// An actual came: its preflight was none of a sweep.
pub fn on_actual(seen: &Seen<'_>, prober: &mut Prober, book: &Book) {
    if prober.asked.open.is_empty() {
        return;
    }
    let (path, method) = (book.digest(seen.path()), book.digest(seen.o.request.head.method()));
    prober.asked.open.retain(|(p, m, _)| (*p, *m) != (path, method));
}

fn is_sweep(asked: &Asked, shared: bool, book: &Book) -> bool {
    let times = if shared { 2 } else { 1 };
    let pairs = asked.open.len() >= times * book.settings.at(Threshold::SweepPairs);
    pairs
        || methods_of_one_path(asked) >= times * book.settings.at(Threshold::SweepMethods)
        || asked.forbidden + asked.made_up > 0
}

fn methods_of_one_path(asked: &Asked) -> usize {
    asked.open.iter().map(|(path, _, _)| asked.open.iter().filter(|(p, _, _)| p == path).count()).max().unwrap_or(0)
}

/// `preflight_sweep`, once actuals had their time to follow.
pub fn settle(prober: &mut Prober, past: &Past, subject: &str, own_scanner: bool, shared: bool, book: &mut Book) {
    prober.asked.waits = false;
    let asked = &prober.asked;
    if !is_sweep(asked, shared, book) {
        return;
    }
    let (pairs, methods) = (asked.open.len(), methods_of_one_path(asked));
    let odd = asked.forbidden + asked.made_up;
    let by_count =
        pairs >= book.settings.at(Threshold::SweepPairs) || methods >= book.settings.at(Threshold::SweepMethods);
    let mut severity = Severity::Medium;
    // one odd method alone may be a mistake; a page whose preflights all fail asks in vain, too
    let single = !by_count && (odd < 2 || asked.forbidden == 0);
    // what no page may ask for (TRACE, CONNECT, TRACK) a browser does not send, whatever its page wants
    let in_vain = by_count && asked.consistent > 0 && asked.forbidden == 0;
    if single || in_vain {
        severity = lower(severity);
    }
    if own_scanner {
        severity = lower(severity);
    }
    let report = Report {
        rule: Rule::PreflightSweep,
        severity,
        confidence: Confidence::Probable,
        subject,
        fields: FIELDS,
        trail: Some(&asked.trail),
    };
    book.report(Source::Past(past), report, || {
        let mut why = format!("{pairs} preflights of different path and method in 5 minutes that no request followed");
        if methods > 1 {
            let _ = write!(why, "; {methods} methods on one path");
        }
        if odd > 0 {
            let _ = write!(why, "; {odd} for a method that no page may or would use");
        }
        why
    });
}

/// `preflight_forged`
pub fn forged(seen: &Seen<'_>, prober: &mut Prober, book: &mut Book) {
    if seen.o.tool_signs < 2 {
        return;
    }
    let seldom = prober.seldom();
    seldom.forged_trail.add(seen.id(), seen.now);
    seldom.forged_paths.enter(book.digest(seen.path()));
    let count = seldom.forged.enter(seen.now, TEN_MINUTES_NS);
    if count < doubled(seen, book.settings.at(Threshold::ForgedPreflights)) {
        return;
    }
    // a developer with curl
    let developer = count <= 5 && seldom.forged_paths.len() == 1;
    let severity = if developer { Severity::Info } else { Severity::Low };
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::PreflightForged,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: FIELDS,
        trail: Some(&seldom.forged_trail),
    };
    book.report(Source::Seen(seen), report, || format!("{count} preflights in 10 minutes that no browser sent"));
}

/// What is known about why a preflight is missing (VERDICTS.md §6).
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // the causes a, c, d of VERDICTS.md §6, each by itself
pub struct Missing {
    /// The client was first seen less ago than its browser keeps a preflight.
    pub captured_too_late: bool,
    /// No preflight of anybody reaches this host.
    pub answered_elsewhere: bool,
    /// This client had asked for this URL before.
    pub asked_before: bool,
    /// The target refuses this origin's preflights, or its requests: none can have passed.
    pub never_granted: bool,
    /// Requests of this client that needed a preflight, none ever sent.
    pub never_asked: u32,
}

/// `cross_site_write_no_preflight`
pub fn write_without(seen: &Seen<'_>, missing: Missing, prober: &mut Prober, book: &mut Book) {
    let not_a_browser =
        seen.o.tool_signs >= 2 || missing.never_asked as usize >= book.settings.at(Threshold::WritesNeverAsked);
    let late = missing.captured_too_late && !missing.never_granted;
    if missing.answered_elsewhere || !(not_a_browser || !(late || missing.asked_before)) {
        return;
    }
    let seldom = prober.seldom();
    seldom.writes_trail.add(seen.id(), seen.now);
    let count = seldom.writes.enter(seen.now, TEN_MINUTES_NS);
    if count < doubled(seen, book.settings.at(Threshold::WritesNoPreflight)) {
        return;
    }
    let severity = if seen.succeeded() { Severity::High } else { Severity::Medium };
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::CrossSiteWriteNoPreflight,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Possible,
        subject: &subject,
        fields: &[Name::Origin, Name::UserAgent, Name::ContentType, Name::SecFetchSite],
        trail: Some(&seldom.writes_trail),
    };
    book.report(Source::Seen(seen), report, || {
        let why = if not_a_browser { "it does not behave like a browser" } else { "no preflight can have been kept" };
        format!("{count} requests in 10 minutes that a browser would have asked for first; {why}")
    });
}
