//! Requests that pages should not send, or send in a user's name.

use super::{Prober, TEN_MINUTES_NS, client_at_target, doubled, lower, tempered};
use crate::catalog::{Rule, Severity};
use crate::cors::Kind;
use crate::cors::browser::browser_of;
use crate::cors::fields::mime_essence;
use crate::cors::origin::host_ip;
use crate::findings::book::{Book, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::settings::Threshold;
use crate::findings::subject::{Endpoint, Host, PageOrigin};
use crate::findings::window::Few;
use crate::http::head::Name;
use crate::packet::{SECOND, Time};
use crate::record::{Confidence, Family};

/// Form posts of other sites on one path.
#[derive(Debug, Default)]
pub struct Forms {
    clients: Few<32>,
    first: Option<Time>,
    with_cookie: bool,
    trail: Trail,
}

/// `csrf_form_post`. `sent_there`: the target had sent this client to that site.
pub fn form_post(
    seen: &Seen<'_>,
    client: u64,
    endpoint: &Endpoint,
    forms: &mut Forms,
    sent_there: bool,
    book: &mut Book,
) {
    let is_form = seen.asked.content_type.and_then(mime_essence).is_some_and(|essence| {
        // without Sec-Fetch fields, text/plain is more likely a script's than a form's
        let plain = seen.asked.fetch_mode.is_some() && essence == "text/plain";
        plain || matches!(&*essence, "application/x-www-form-urlencoded" | "multipart/form-data")
    });
    let null = seen.origin() == "null";
    let foreign = (null && seen.asked.fetch_site != Some(b"same-origin")) || seen.cross_site();
    if !seen.navigates() || seen.o.request.head.method() != b"POST" || !is_form || !foreign {
        return;
    }
    if sent_there || book.settings.knows(seen.origin(), seen.o.origin_parts) {
        return;
    }
    forms.clients.enter(client);
    let first = *forms.first.get_or_insert(seen.now);
    forms.with_cookie |= seen.asked.cookie;
    forms.trail.add(seen.id(), seen.now);
    let usual = forms.clients.len() >= book.settings.at(Threshold::FormReturnClients)
        && seen.now.since(first) >= 24 * 3600 * SECOND;
    if usual || !forms.with_cookie {
        return;
    }
    let taken = (seen.succeeded() || seen.said.status == 303) && seen.asked.cookie;
    let report = Report {
        rule: Rule::CsrfFormPost,
        severity: tempered(seen, if taken { Severity::High } else { Severity::Low }, book),
        confidence: Confidence::Probable,
        subject: &endpoint.label,
        fields: &[Name::Origin, Name::SecFetchSite, Name::Cookie, Name::ContentType],
        trail: Some(&forms.trail),
    };
    let clients = forms.clients.len();
    book.report(Source::Seen(seen), report, || {
        let who = if null { "a page that hides its origin (null)" } else { seen.origin() };
        let outcome = if taken { String::new() } else { format!(", answered {}", seen.said.status) };
        format!("a form of {who} is posted with a cookie{outcome}; {clients} clients so far")
    });
}

const DESTINATIONS: [&[u8]; 31] = [
    b"audio",
    b"audioworklet",
    b"document",
    b"embed",
    b"empty",
    b"fencedframe",
    b"font",
    b"frame",
    b"iframe",
    b"image",
    b"json",
    b"manifest",
    b"object",
    b"paintworklet",
    b"report",
    b"script",
    b"serviceworker",
    b"sharedworker",
    b"sharedstorageworklet",
    b"speculationrules",
    b"style",
    b"text",
    b"track",
    b"video",
    b"webidentity",
    b"websocket",
    b"webtransport",
    b"worker",
    b"xslt",
    b"dictionary",
    b"",
];

/// What is odd about the Sec-Fetch fields, if anything: told before any state is looked up.
#[must_use]
pub fn oddity(seen: &Seen<'_>) -> Option<&'static str> {
    let (mode, site, dest) = (seen.asked.fetch_mode, seen.asked.fetch_site, seen.asked.fetch_dest);
    if mode.is_none() && site.is_none() && dest.is_none() {
        return None;
    }
    let extension = || seen.origin().contains("-extension://");
    if seen.o.family == Family::Other {
        let node = [&b"node"[..], b"undici"].iter().any(|n| seen.asked.agent.starts_with(n));
        return (!(node && site.is_none() && dest.is_none())).then_some("Sec-Fetch fields from a program");
    }
    let known_mode = mode.is_none_or(|m| {
        matches!(m, b"cors" | b"no-cors" | b"navigate" | b"same-origin" | b"websocket" | b"webtransport")
    });
    let known_site = site.is_none_or(|s| matches!(s, b"same-origin" | b"same-site" | b"cross-site" | b"none"));
    if !known_mode || !known_site || dest.is_some_and(|d| d != b"empty" && !DESTINATIONS.contains(&d)) {
        return Some("a value that Sec-Fetch does not have");
    }
    let whole = mode.is_some() && site.is_some() && dest.is_some();
    // Chromium puts Mode alone on preflights; older Safari and Chromium knew fewer fields
    let alone = mode.is_some() && site.is_none() && dest.is_none();
    let few = alone && (seen.is_preflight() || seen.o.kind == Kind::Websocket);
    if !whole && !few && seen.o.family != Family::Unknown && !knows_no_destinations(seen) {
        return Some("only some of the Sec-Fetch fields");
    }
    if mode == Some(b"navigate") && dest == Some(b"empty") {
        return Some("Sec-Fetch-Mode navigate to no destination");
    }
    if mode == Some(b"cors") && seen.asked.fetch_user {
        return Some("Sec-Fetch-User on a cors request");
    }
    if site == Some(b"none") && seen.o.origin.is_some() && !extension() {
        return Some("an Origin on a request that no page made");
    }
    if site == Some(b"same-origin") && contradicts_host(seen) && !extension() {
        return Some(ANOTHER_SITE);
    }
    None
}

/// Chromium 76 to 79 sent Mode and Site, and no Dest yet.
fn knows_no_destinations(seen: &Seen<'_>) -> bool {
    let browser = browser_of(&seen.o.request.head);
    seen.asked.fetch_dest.is_none()
        && browser.family == Family::Chromium
        && browser.version.parse().is_ok_and(|version: u32| (76..80).contains(&version))
}

/// The Origin's site is neither that of `Host` nor of `X-Forwarded-Host`.
fn contradicts_host(seen: &Seen<'_>) -> bool {
    let Some(parts) = seen.o.origin_parts else { return false };
    // a proxy that rewrites Host leaves an inside name there
    if crate::findings::patterns::is_private_name(&seen.o.target.host) || host_ip(&seen.o.target.host).is_some() {
        return false;
    }
    let matches = |value: Option<&[u8]>| {
        value.and_then(|v| std::str::from_utf8(v).ok()).is_some_and(|v| {
            let host = v.split(':').next().unwrap_or_default().to_ascii_lowercase();
            crate::cors::site::registrable(&host) == &*parts.site
        })
    };
    parts.site != seen.o.target.site && !matches(seen.asked.host) && !matches(seen.asked.forwarded_host)
}

const ANOTHER_SITE: &str = "Sec-Fetch-Site same-origin with another site's Origin";

/// `sec_fetch_inconsistent`. So many addresses show the same sign (see [`oddity`]). `own_pages`: see [`Host::own_pages`].
pub fn sec_fetch(
    seen: &Seen<'_>,
    sign: &'static str,
    alike: usize,
    own_pages: bool,
    prober: &mut Prober,
    book: &mut Book,
) {
    if alike > book.settings.at(Threshold::InconsistentClients) {
        return;
    }
    let count = prober.seldom().inconsistent.enter(seen.now, TEN_MINUTES_NS);
    let enough = count >= doubled(seen, book.settings.at(Threshold::InconsistentRequests));
    // where nobody's Origin ever fits Host, a front has perhaps rewritten it
    let rewritten = sign == ANOTHER_SITE && !own_pages && seen.is_browser_consistent();
    let severity = if enough && !rewritten { Severity::Medium } else { Severity::Low };
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::SecFetchInconsistent,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[
            Name::Host,
            Name::Origin,
            Name::SecFetchMode,
            Name::SecFetchSite,
            Name::SecFetchDest,
            Name::SecFetchUser,
            Name::UserAgent,
        ],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || sign.to_owned());
}

/// `ws_hijack`. `begun` is when the capture began.
pub fn ws_hijack(seen: &Seen<'_>, client: u64, host: &Host, page: &mut PageOrigin, begun: Time, book: &mut Book) {
    if seen.o.kind != Kind::Websocket || !seen.cross_site() {
        return;
    }
    let known = page.sockets as usize >= book.settings.at(Threshold::SocketUses)
        && page.socket_clients.len() >= book.settings.at(Threshold::SocketClients);
    page.sockets = page.sockets.saturating_add(1);
    page.socket_clients.enter(client);
    if known || book.settings.knows(seen.origin(), seen.o.origin_parts) || host.origins.accepts(seen.origin_digest) {
        return;
    }
    let mut severity = if seen.said.status == 101 && seen.asked.cookie { Severity::High } else { Severity::Low };
    if seen.now.since(begun) < 3600 * SECOND {
        severity = Severity::Low; // who is usual here is not known yet
    }
    let subject = format!("{} ← {}", seen.o.target.origin, seen.origin());
    let report = Report {
        rule: Rule::WsHijack,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[Name::Origin, Name::Cookie],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        let cookie = if seen.asked.cookie { "with a cookie" } else { "without a cookie" };
        let does = if seen.said.status == 101 { "opens" } else { "asked in vain for" };
        format!("a page of {}, not seen here before, {does} a WebSocket {cookie}", seen.origin())
    });
}

/// `dns_rebinding`. `flipped`: this client reached that name at a public server before; `usual`: so do others.
pub fn dns_rebinding(seen: &Seen<'_>, flipped: bool, usual: bool, book: &mut Book) {
    let mut severity = if seen.succeeded() { Severity::High } else { Severity::Medium };
    if usual {
        severity = lower(lower(severity)); // a name with two faces, inside and outside
    }
    let subject = client_at_target(seen);
    let report = Report {
        rule: Rule::DnsRebinding,
        severity: tempered(seen, severity, book),
        confidence: Confidence::Probable,
        subject: &subject,
        fields: &[Name::Host, Name::Origin, Name::UserAgent],
        trail: None,
    };
    let server = seen.o.request.server.ip();
    book.report(Source::Seen(seen), report, || {
        if flipped {
            format!("a browser reached {} at a public server before, and now at {server}", seen.o.target.host)
        } else {
            format!("a browser asks {server} for {}, which is none of the operator's names", seen.o.target.host)
        }
    });
}
