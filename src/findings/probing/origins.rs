//! Origins that a client tries on a target.

use super::{Prober, TEN_MINUTES_NS, client_at_target, doubled, lower, tempered};
use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Report, Source};
use crate::findings::facts::Seen;
use crate::findings::patterns::{self, Kind, Kinds};
use crate::findings::settings::Threshold;
use crate::http::head::Name;
use crate::packet::Time;
use crate::record::Confidence;

const FIELDS: &[Name] = &[Name::Origin, Name::UserAgent, Name::AcAllowOrigin, Name::AcAllowCredentials];

/// A pattern that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    kinds: Kinds,
    origin: u64,
    at: Time,
}

/// Patterns kept of one client.
const SENT_MAX: usize = 64;

/// Enters this request's origin. `alone`: nobody else sends it.
pub fn learn(seen: &Seen<'_>, kinds: Kinds, alone: bool, prober: &mut Prober, book: &Book) {
    let origin = seen.origin_digest;
    if prober.origins.enter(origin, seen.now, TEN_MINUTES_NS) {
        prober.trail.add(seen.id(), seen.now);
    }
    // that the target lets its own pages in says nothing; nor that it lets in another's page, shown by a browser
    let guessed = seen.cross_site() && alone && !seen.is_browser_consistent();
    if seen.accepted() && (!kinds.is_empty() || guessed) {
        prober.accepted = Some(seen.now);
    }
    let agent = book.digest(seen.asked.agent);
    if !prober.agents.holds(agent) {
        prober.agents.enter(agent);
        prober.scanner |= patterns::scanner_of(seen.asked.agent).is_some();
    }
    // a page that is there, whose name only ends like the target's: workshop.test beside shop.test
    let served =
        seen.is_browser_consistent() && seen.asked.referer.is_some_and(|r| r.starts_with(seen.origin().as_bytes()));
    if kinds.is_empty() {
        return;
    }
    if served && !kinds.evidently_foreign() && !kinds.any(Kinds::WEAK) {
        prober.suffix = Some(seen.now);
        return;
    }
    let seldom = prober.seldom();
    seldom.pattern_trail.add(seen.id(), seen.now);
    let now = seen.now;
    seldom.patterns.retain(|s| now.since(s.at) <= TEN_MINUTES_NS);
    if let Some(known) = seldom.patterns.iter_mut().find(|s| s.origin == origin) {
        known.at = now;
    } else if seldom.patterns.len() < SENT_MAX {
        seldom.patterns.push(Sent { kinds, origin, at: now });
    }
}

/// All kinds sent lately, and of how many different origins.
fn lately(prober: &Prober, now: Time) -> (Kinds, usize) {
    let mut kinds = Kinds::default();
    let mut origins = 0;
    let patterns = prober.seldom.as_ref().map_or(&[][..], |seldom| &seldom.patterns);
    for sent in patterns.iter().filter(|s| now.since(s.at) <= TEN_MINUTES_NS) {
        kinds = kinds.and(sent.kinds);
        origins += 1;
    }
    // beside what only a probe sends, such a page is none
    if kinds.evidently_foreign() && prober.suffix.is_some_and(|at| now.since(at) <= TEN_MINUTES_NS) {
        kinds = kinds.with(Kind::Suffix);
        origins += 1;
    }
    (kinds, origins)
}

/// Whether these patterns together are a test of the target's matching.
fn is_test(prober: &Prober, now: Time, least: usize) -> Option<Kinds> {
    let (kinds, origins) = lately(prober, now);
    let strong = kinds.common(Kinds::STRONG).len();
    let weak = kinds.common(Kinds::WEAK).len();
    let marked = usize::from(kinds.has(Kind::ForeignMarker));
    let enough =
        if strong == 0 { marked == 1 && weak > 0 && marked + weak >= least } else { strong + weak + marked >= least };
    (enough && origins >= 2).then_some(kinds)
}

/// Whether this client has tried something that no page has for a name.
#[must_use]
pub fn has_tried(prober: &Prober, now: Time) -> bool {
    prober.scanner || lately(prober, now).0.evidently_foreign()
}

/// Whether this client is known to probe.
#[must_use]
pub fn is_prober(prober: &Prober, now: Time) -> bool {
    prober.scanner || is_test(prober, now, 2).is_some()
}

/// `origin_enumeration`. `own` is how many of its origins nobody else sent.
pub fn enumeration(seen: &Seen<'_>, prober: &mut Prober, own: &dyn Fn(u64, &Book) -> bool, book: &mut Book) {
    let count = prober.origins.count(seen.now, TEN_MINUTES_NS);
    if count < doubled(seen, book.settings.at(Threshold::EnumerationOrigins)) {
        return;
    }
    // a proxy that does not name its clients: many people, each with a page
    let crowd = !seen.o.forwarded && prober.agents.len() > 3;
    if crowd && seen.is_browser_consistent() {
        return;
    }
    let alone = prober.origins.values().filter(|v| own(*v, book)).count();
    if alone < book.settings.at(Threshold::EnumerationOwn) {
        return;
    }
    let mut severity = if prober.accepted.is_some() { Severity::High } else { Severity::Medium };
    if seen.is_browser_consistent() && !is_prober(prober, seen.now) {
        severity = lower(severity);
    }
    let severity = tempered(seen, severity, book);
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::OriginEnumeration,
        severity,
        confidence: Confidence::Probable,
        subject: &subject,
        fields: FIELDS,
        trail: Some(&prober.trail),
    };
    let accepted = prober.accepted.is_some();
    book.report(Source::Seen(seen), report, || {
        let outcome = match (accepted, seen.wildcard()) {
            (true, _) => "some were accepted",
            (false, true) => "the answer is * to all",
            (false, false) => "none was accepted",
        };
        format!(
            "{count} different origins from one client in 10 minutes, {alone} of them never sent by others; {outcome}"
        )
    });
}

/// `origin_reflection_test`. `well_used`: pages really are served from that origin.
pub fn reflection_test(seen: &Seen<'_>, kinds: Kinds, prober: &Prober, well_used: bool, book: &mut Book) {
    if kinds.is_empty() || (well_used && seen.is_browser_consistent()) {
        return;
    }
    let least = doubled(seen, book.settings.at(Threshold::ReflectionKinds));
    let Some(tried) = is_test(prober, seen.now, least) else { return };
    let severity = if prober.accepted.is_some() { Severity::High } else { Severity::Medium };
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::OriginReflectionTest,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: FIELDS,
        trail: prober.seldom.as_ref().map(|seldom| &seldom.pattern_trail),
    };
    let accepted = prober.accepted.is_some();
    book.report(Source::Seen(seen), report, || {
        let outcome = if accepted { "one was accepted" } else { "none was accepted" };
        format!("kinds tried: {}; {outcome}", tried.names())
    });
}

/// `scanner_user_agent`
pub fn scanner_user_agent(seen: &Seen<'_>, book: &mut Book) {
    let Some(name) = patterns::scanner_of(seen.asked.agent) else { return };
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::ScannerUserAgent,
        severity: tempered(seen, Severity::Low, book),
        confidence: Confidence::Certain,
        subject: &subject,
        fields: FIELDS,
        trail: None,
    };
    book.report(Source::Seen(seen), report, || format!("the scanner {name} sends an Origin"));
}

/// `origin_not_serialised`
pub fn not_serialised(seen: &Seen<'_>, serialised: bool, prober: &mut Prober, book: &mut Book) {
    if serialised {
        return;
    }
    let seldom = prober.seldom();
    seldom.not_serialised_trail.add(seen.id(), seen.now);
    let count = seldom.not_serialised.enter(seen.now, TEN_MINUTES_NS);
    if count < doubled(seen, book.settings.at(Threshold::NotSerialised)) {
        return;
    }
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::OriginNotSerialised,
        severity: tempered(seen, Severity::Low, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: FIELDS,
        trail: Some(&seldom.not_serialised_trail),
    };
    book.report(Source::Seen(seen), report, || format!("{count} Origins in 10 minutes that no browser writes so"));
}

/// `credential_target`: a live exploit, not a probe.
///
/// `picky`: the host refuses ordinary strangers, and few use this page yet.
pub fn credential_target(seen: &Seen<'_>, kinds: Kinds, prober: &Prober, picky: bool, book: &mut Book) {
    let same_domain = seen.o.origin_parts.is_some_and(|p| p.site == seen.o.target.site);
    let tried = kinds.any(Kinds::FLAWS) && seen.looks_sent_by_tool() && is_prober(prober, seen.now);
    let sure = kinds.evidently_foreign() || tried;
    // a name that merely ends like the target's: a partner on the list, or an exploit of a careless list
    let unsure = !sure && kinds.has(Kind::Suffix) && picky;
    if same_domain || !(sure || unsure) || seen.is_preflight() || !seen.carries_credentials() {
        return;
    }
    if !seen.accepted() || !seen.credentials_allowed() || book.settings.knows(seen.origin(), seen.o.origin_parts) {
        return;
    }
    // a tester's own session: a program, no user's browser
    let severity = match (unsure, seen.by_browser() && !prober.scanner) {
        (true, _) => Severity::Low,
        (false, true) => Severity::High,
        (false, false) => Severity::Medium,
    };
    let subject = format!("{} ← {}", seen.o.target.origin, seen.origin());
    let report = Report {
        rule: Rule::CredentialTarget,
        severity: tempered(seen, severity, book),
        confidence: if unsure { Confidence::Possible } else { Confidence::Certain },
        subject: &subject,
        fields: &[Name::Origin, Name::Cookie, Name::Authorization, Name::AcAllowOrigin, Name::AcAllowCredentials],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        let unless = if unsure { "; if it is on your list, all is well" } else { "" };
        format!("a page of {} read with a user's credentials ({}){unless}", seen.origin(), kinds.names())
    });
}
