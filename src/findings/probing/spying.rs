//! Pages that look around: private networks, timing, caches, the inside.

use super::{Prober, TEN_MINUTES_NS, client_at_target, tempered};
use crate::catalog::{Rule, Severity};
use crate::cors::origin::{Origin, serialise};
use crate::findings::book::{Book, Past, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::patterns::{self, Kind, Kinds};
use crate::findings::settings::Threshold;
use crate::findings::subject::{Endpoint, label_of};
use crate::findings::window::Distinct;
use crate::http::head::Name;
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Mode, Transaction, Verdict};

/// Window of `private_network_probe`.
const PRIVATE_NS: i64 = 120 * SECOND;
/// Window of `xs_leak_timing`.
const LEAK_NS: i64 = 60 * SECOND;

/// A page origin in one client's browser.
#[derive(Debug, Default)]
pub struct Page {
    private: Distinct,
    private_trail: Trail,
    inside: Distinct,
    inside_trail: Trail,
}

/// `private_network_probe`. `page` is of this client and this page origin.
pub fn private_network(seen: &Seen<'_>, origin: &str, page: &mut Page, book: &mut Book) {
    let server = seen.o.request.server;
    if page.private.enter(book.digest(server), seen.now, PRIVATE_NS) {
        page.private_trail.add(seen.id(), seen.now);
    }
    let count = page.private.count(seen.now, PRIVATE_NS);
    if count < book.settings.at(Threshold::PrivateTargets) {
        return;
    }
    let many = count >= book.settings.at(Threshold::PrivateTargetsHigh);
    let subject = format!("{} ← {origin}", seen.o.address);
    let report = Report {
        rule: Rule::PrivateNetworkProbe,
        severity: tempered(seen, if many { Severity::High } else { Severity::Medium }, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[Name::Host, Name::Origin, Name::UserAgent],
        trail: Some(&page.private_trail),
    };
    book.report(Source::Seen(seen), report, || {
        format!("a page of {origin} called {count} private hosts or ports in 2 minutes, {server} the latest")
    });
}

/// `internal_cors_harvest`
pub fn harvest(t: &Transaction, host: &str, page: &mut Page, book: &mut Book) {
    if t.verdict != Verdict::Allowed {
        return;
    }
    if page.inside.enter(book.digest(host), t.time, TEN_MINUTES_NS) {
        page.inside_trail.add(t.id, t.time);
    }
    let count = page.inside.count(t.time, TEN_MINUTES_NS);
    if count < book.settings.at(Threshold::HarvestHosts) {
        return;
    }
    let origin = t.origin.as_deref().unwrap_or_default();
    let subject = format!("{} ← {origin}", t.forwarded_for.unwrap_or(t.client.ip()));
    let report = Report {
        rule: Rule::InternalCorsHarvest,
        severity: Severity::High,
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[Name::Host, Name::Origin, Name::AcAllowOrigin, Name::AcAllowCredentials],
        trail: Some(&page.inside_trail),
    };
    book.report(Source::Transaction(t), report, || {
        format!("a page of {origin} read {count} private hosts in 10 minutes, {} the latest", t.target_origin)
    });
}

/// Whether a request may be one of a timing series: cross-site, a cookie, nothing that a page shows.
#[must_use]
pub fn may_leak(seen: &Seen<'_>) -> bool {
    let across = seen.cross_site() || seen.asked.fetch_site == Some(b"cross-site");
    let quiet = matches!(seen.o.mode, Mode::NoCors | Mode::Navigate);
    across && quiet && seen.asked.cookie && seen.o.request.head.method() == b"GET" && !is_shown(seen)
}

/// The page gets what it asked for: a picture, a script, a style, a font; or a beacon that is answered with nothing.
fn is_shown(seen: &Seen<'_>) -> bool {
    let kind = seen.said.content_type.unwrap_or_default();
    let has = |word: &[u8]| memchr::memmem::find(kind, word).is_some();
    match seen.asked.fetch_dest {
        Some(b"image") => kind.starts_with(b"image/") || seen.said.status == 204,
        Some(b"script") => has(b"javascript") || has(b"ecmascript"),
        Some(b"style") => kind.starts_with(b"text/css"),
        Some(b"font") => kind.starts_with(b"font/") || has(b"font"),
        Some(b"audio" | b"video") => kind.starts_with(b"audio/") || kind.starts_with(b"video/"),
        _ => false,
    }
}

/// Requests of one client from one page to one endpoint, by query.
#[derive(Debug, Default)]
pub struct Series {
    queries: Distinct,
    trail: Trail,
}

/// `xs_leak_timing`
pub fn xs_leak(seen: &Seen<'_>, endpoint: &Endpoint, series: &mut Series, book: &mut Book) {
    if series.queries.enter(book.digest(seen.o.request.head.target()), seen.now, LEAK_NS) {
        series.trail.add(seen.id(), seen.now);
    }
    let count = series.queries.count(seen.now, LEAK_NS);
    if count < super::doubled(seen, book.settings.at(Threshold::LeakRequests)) {
        return;
    }
    let report = Report {
        rule: Rule::XsLeakTiming,
        severity: tempered(seen, Severity::Medium, book),
        confidence: Confidence::Probable,
        subject: &endpoint.label,
        fields: &[Name::SecFetchSite, Name::SecFetchMode, Name::SecFetchDest, Name::Cookie, Name::Referer],
        trail: Some(&series.trail),
    };
    book.report(Source::Seen(seen), report, || {
        format!("{count} cross-site requests with a cookie in 60 seconds that differ in their query alone")
    });
}

/// An answer to a poisoned request that a cache may hold.
#[derive(Debug)]
pub struct Poison {
    value: Vec<u8>,
    /// A foreign marker as `X-Forwarded-Host`: it shows in the body, if anywhere, and that is not kept.
    unseen: bool,
    past: Past,
}

impl Poison {
    /// A front's `X-Forwarded-Host` names the target; what a client made up in its place does not: the target by `Host`.
    #[must_use]
    pub fn origin_by_host(&self, seen: &Seen<'_>) -> Option<String> {
        let taken = seen.o.forwarded && seen.asked.forwarded_host == Some(&*self.value);
        let host = seen.asked.host.filter(|_| taken).and_then(|host| std::str::from_utf8(host).ok())?;
        let scheme = seen.o.target.origin.split(':').next().unwrap_or_default();
        let written = format!("{scheme}://{}", host.to_ascii_lowercase());
        Some(Origin::parse(written.as_bytes()).parts().map_or(written, serialise))
    }
}

/// What would poison: a foreign marker as Origin, or an `X-Forwarded-Host` that is not the front's. Fronts that rewrite `Host`
/// write one with every request: behind a front only a foreign marker counts.
fn poison_of<'a>(seen: &'a Seen<'_>, kinds: Kinds) -> Option<&'a [u8]> {
    if kinds.has(Kind::ForeignMarker) {
        return Some(seen.origin().as_bytes());
    }
    seen.odd_forwarded_host().filter(|value| !seen.o.forwarded || patterns::is_marked_name(value))
}

/// The answer of a poisoned GET, if a cache may keep it.
#[must_use]
pub fn poisoned(seen: &Seen<'_>, kinds: Kinds) -> Option<Poison> {
    let value = poison_of(seen, kinds)?;
    let cacheable = seen.o.request.head.method() == b"GET" && seen.said.status < 400 && !seen.said.uncacheable;
    if !cacheable || seen.o.response.is_none() {
        return None;
    }
    let fields = [Name::Origin, Name::XForwardedHost, Name::AcAllowOrigin, Name::Location, Name::CacheControl];
    let unseen = !kinds.has(Kind::ForeignMarker) && patterns::is_marked_name(value) && !seen.said.hit;
    Some(Poison { value: value.get(..256).unwrap_or(value).to_vec(), unseen, past: Past::of(seen, &fields) })
}

/// `cache_poison_probe`: the stored answer reaches somebody else.
pub fn poison_served(seen: &Seen<'_>, poison: &Poison, book: &mut Book) {
    let served = seen.said.allow_origin == Some(&*poison.value)
        || seen.said.location.is_some_and(|l| memchr::memmem::find(l, &poison.value).is_some())
        || poison.unseen && seen.said.age.is_some_and(|age| is_stored_at(age, seen.now, poison.past.time));
    let asks_alike = || {
        seen.origin().as_bytes() == poison.value || seen.asked.forwarded_host.is_some_and(|host| host == poison.value)
    };
    if !seen.said.hit || !served || seen.o.address == poison.past.address || asks_alike() {
        return;
    }
    let subject = label_of(&seen.o.target.origin, seen.o.request.head.method(), seen.route());
    let mut trail = Trail::default();
    trail.add(poison.past.transaction, poison.past.time);
    trail.add(seen.id(), seen.now);
    let report = Report {
        rule: Rule::CachePoisonProbe,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: &subject,
        fields: &[Name::Origin, Name::AcAllowOrigin, Name::Location, Name::Age, Name::XCache],
        trail: Some(&trail),
    };
    book.report(Source::Seen(seen), report, || {
        format!("a cache hands out what it stored for {}: {}", poison.past.address, poison.past.quote)
    });
}

/// An answer of this age is that which was stored then: caches count whole seconds.
fn is_stored_at(age: u32, now: Time, stored: Time) -> bool {
    (now.since(stored) - i64::from(age) * SECOND).abs() <= 2 * SECOND
}

/// `cache_poison_probe`: cache-busting queries.
pub fn poison_queries(seen: &Seen<'_>, kinds: Kinds, prober: &mut Prober, book: &mut Book) {
    if poison_of(seen, kinds).is_none() || !seen.said.shared_cache || seen.o.request.head.method() != b"GET" {
        return;
    }
    let target = seen.o.request.head.target();
    let Some(at) = memchr::memchr(b'?', target) else { return };
    let queries = &mut prober.seldom().queries;
    queries.enter(book.digest(target.get(at..)), seen.now, TEN_MINUTES_NS);
    let count = queries.count(seen.now, TEN_MINUTES_NS);
    if count < super::doubled(seen, book.settings.at(Threshold::PoisonQueries)) {
        return;
    }
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::CachePoisonProbe,
        severity: tempered(seen, Severity::Medium, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[Name::Origin, Name::XForwardedHost, Name::AcAllowOrigin, Name::Age, Name::XCache, Name::CacheControl],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        format!("{count} cache-busting queries in 10 minutes with a foreign Origin or X-Forwarded-Host")
    });
}

/// A page's own name that an outsider may own.
#[must_use]
pub fn is_public_page(host: &str) -> bool {
    !patterns::is_private_name(host)
}

/// How long ago a public server answered to a name, for the flip to a private one to count.
pub const FLIP_NS: i64 = 24 * 3600 * SECOND;
