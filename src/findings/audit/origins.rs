//! Who may read: origins that a target accepts, and how it seems to decide.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::catalog::{Rule, Severity};
use crate::cors::origin::{Origin, is_loopback_host};
use crate::findings::book::{Book, Past, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::patterns::{self, Kind, Kinds};
use crate::findings::settings::Threshold;
use crate::findings::subject::{Endpoint, Host};
use crate::findings::window::Few;
use crate::http::head::Name;
use crate::options::Scheme;
use crate::packet::{SECOND, Time};
use crate::record::Confidence;

/// Accepted origins kept for one host (VERDICTS.md §8).
const ACCEPTED_MAX: usize = 256;
/// Accepted probes of one host that wait for a look at what else the client tried.
const PENDING_MAX: usize = 16;
/// How long they wait: scanners try an ordinary foreign origin within seconds.
pub const PENDING_NS: i64 = 10 * SECOND;

const CHECK: &[Name] = &[Name::Origin, Name::AcAllowOrigin, Name::AcAllowCredentials];

/// An origin that the target accepted.
#[derive(Debug)]
struct Accepted {
    origin: u64,
    text: Arc<str>,
    site: u64,
    host: u64,
    with_credentials: bool,
    uses: u32,
    /// Refused since it was accepted last.
    refusals: u32,
    transactions: Trail,
}

/// An accepted probe.
#[derive(Debug)]
struct Pending {
    since: Time,
    kinds: Kinds,
    cross_site: bool,
    with_credentials: bool,
    by_tool: bool,
    client: u64,
    past: Past,
}

/// What is known of the origins that a target accepts.
#[derive(Debug, Default)]
pub struct Origins {
    accepted: Vec<Accepted>,
    /// More than could be kept.
    beyond: u32,
    foreign: [Few<16>; 2],
    foreign_trail: [Trail; 2],
    foreign_refused: bool,
    refused_sites: Few<16>,
    plain_refused: bool,
    plain_accepted: bool,
    pending: Vec<Pending>,
    emergency: Emergency,
}

/// Signs that somebody let everybody in.
#[derive(Debug, Default)]
struct Emergency {
    sites: Few<16>,
    header_sets: Few<16>,
    evident: bool,
    anonymous_wildcard: bool,
    trail: Trail,
}

/// Of one endpoint: foreign sites accepted, without and with credentials.
#[derive(Debug, Default)]
pub struct OfEndpoint {
    foreign: [Few<8>; 2],
    foreign_refused: bool,
    null_only: Trail,
    other_than_null: bool,
}

impl Origins {
    /// Whether this origin was accepted here.
    #[must_use]
    pub fn accepts(&self, origin: u64) -> bool {
        self.accepted.iter().any(|a| a.origin == origin)
    }

    /// Whether an ordinary foreign origin was refused here.
    #[must_use]
    pub fn refuses_strangers(&self) -> bool {
        self.plain_refused
    }

    /// Whether any origin was accepted here.
    #[must_use]
    pub fn accepts_any(&self) -> bool {
        !self.accepted.is_empty()
    }
}

/// What else is known of the one who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// What its origin looks like beside the target.
    pub kinds: Kinds,
    /// The client's key among those who may probe.
    pub client: u64,
    /// Nobody else sends this origin.
    pub alone: bool,
}

/// The rules on accepted origins. `is_host` tells whether a host name (digest) was ever asked for.
pub fn judge(
    seen: &Seen<'_>,
    asker: Asker,
    host: &mut Host,
    endpoint: &mut Endpoint,
    book: &mut Book,
    is_host: &dyn Fn(u64) -> bool,
) {
    wildcard_with_acac(seen, host, book);
    null_origin(seen, host, endpoint, book);
    named_origin(seen, host, book);
    if seen.o.origin.is_none() {
        if seen.wildcard() && seen.credentials_allowed() {
            host.origins.emergency.anonymous_wildcard = true;
            emergency_mode(seen, host, book);
        }
        return;
    }
    let mut kinds = asker.kinds;
    let target_site = &*seen.o.target.site;
    let same_domain = seen.o.origin_parts.is_some_and(|p| &*p.site == target_site);
    let readable = seen.o.origin_parts.is_some() || (seen.origin() != "null" && !kinds.is_empty());
    let foreign = readable && !same_domain && !book.settings.knows(seen.origin(), seen.o.origin_parts);
    let plain = foreign && !kinds.any(Kinds::FLAWS);
    if seen.refused() {
        host.origins.foreign_refused |= foreign;
        if let Some(parts) = seen.o.origin_parts.filter(|_| foreign) {
            host.origins.refused_sites.enter(book.digest(&*parts.site));
        }
        endpoint.origins.foreign_refused |= foreign;
        host.origins.plain_refused |= plain;
        note_refusal(seen, host);
        return;
    }
    if !seen.accepted() || seen.origin() == "null" || seen.origin() == &*seen.o.target.origin {
        return;
    }
    let with = seen.credentials_allowed();
    host.origins.plain_accepted |= plain;
    // a probe's origin is no third party; that it gets in is told by other rules
    if kinds.is_empty() {
        remember(seen, host, book, with, is_host);
    }
    if foreign {
        reflected(seen, kinds, plain, with, host, endpoint, book);
        third_party_trust(seen, host, book, with);
    }
    let by_tool = seen.looks_sent_by_tool();
    let unheard_of = seen.o.origin_parts.is_some_and(|p| !is_host(book.digest(&*p.host)));
    if same_domain && unheard_of && by_tool && asker.alone {
        kinds = kinds.with(Kind::Subdomain);
    }
    let trick = kinds.any(Kinds::FLAWS) && (kinds.evidently_foreign() || by_tool || asker.alone);
    let guess = plain && !kinds.evidently_foreign() && by_tool;
    if (trick || guess || kinds.has(Kind::Subdomain)) && host.origins.pending.len() < PENDING_MAX {
        host.origins.pending.push(Pending {
            since: seen.now,
            kinds,
            cross_site: foreign,
            with_credentials: with,
            by_tool,
            client: asker.client,
            past: Past::of(seen, CHECK),
        });
    }
    // What the page's own calls are allowed, then and after the repair, is no sign of it.
    let mut shows_emergency = false;
    if seen.is_preflight() && with {
        let echoed = seen.said.allow_headers.is_some_and(|h| !h.is_empty() && Some(h) == seen.asked.headers);
        if echoed && let Some(parts) = seen.o.origin_parts {
            let emergency = &mut host.origins.emergency;
            emergency.sites.enter(book.digest(&*parts.site));
            emergency.header_sets.enter(book.digest(seen.asked.headers));
            emergency.trail.add(seen.id(), seen.now);
            shows_emergency = true;
        }
    }
    if with && foreign && kinds.evidently_foreign() {
        host.origins.emergency.evident = true;
        shows_emergency = true;
    }
    if shows_emergency {
        emergency_mode(seen, host, book);
    }
}

/// An origin that was let in at least five times and is then refused three times was lost by a deployment, say.
fn note_refusal(seen: &Seen<'_>, host: &mut Host) {
    let Some(known) = host.origins.accepted.iter_mut().find(|a| a.origin == seen.origin_digest) else { return };
    known.refusals = known.refusals.saturating_add(1);
    if known.uses >= 5 && known.refusals >= 3 {
        host.checks.dropped_origin = Some(known.text.clone());
    }
}

fn wildcard_with_acac(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    if seen.wildcard() && seen.said.allow_credentials.is_some() {
        let report = Report {
            rule: Rule::WildcardWithAcac,
            severity: Severity::Low,
            confidence: Confidence::Certain,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(Source::Seen(seen), report, || {
            "Access-Control-Allow-Origin * and Access-Control-Allow-Credentials in one answer".to_owned()
        });
    }
}

fn null_origin(seen: &Seen<'_>, host: &Host, endpoint: &mut Endpoint, book: &mut Book) {
    let Some(value) = seen.said.allow_origin else { return };
    let state = &mut endpoint.origins;
    if value != b"null" {
        state.other_than_null = true;
        return;
    }
    let severity = if seen.credentials_allowed() { Severity::High } else { Severity::Medium };
    let asked = seen.origin() == "null";
    if !asked {
        state.null_only.add(seen.id(), seen.now);
        if state.other_than_null || state.null_only.count() < 2 {
            return;
        }
    }
    let trail = (!asked).then_some(&endpoint.origins.null_only);
    let report = Report {
        rule: Rule::NullOriginAllowed,
        severity,
        confidence: Confidence::Certain,
        subject: &host.origin,
        fields: CHECK,
        trail,
    };
    book.report(Source::Seen(seen), report, || {
        if asked { "the origin null may read".to_owned() } else { "the origin null is named whoever asks".to_owned() }
    });
}

/// Rules on the origin that an answer names, whoever asked.
fn named_origin(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let Some(value) = seen.said.allow_origin else { return };
    if value == b"*" || value == b"null" {
        return;
    }
    let https = seen.o.target.scheme == Scheme::Https && seen.o.target.scheme_confidence >= Confidence::Probable;
    if !https {
        return;
    }
    let with = seen.credentials_allowed();
    let parsed;
    let parts = if seen.accepted() {
        seen.o.origin_parts
    } else {
        parsed = Origin::parse(value);
        parsed.parts()
    };
    let Some(parts) = parts else { return };
    if &*parts.scheme == "http" && !is_loopback_host(&parts.host) {
        let report = Report {
            rule: Rule::HttpOriginTrusted,
            severity: if with { Severity::High } else { Severity::Low },
            confidence: Confidence::Certain,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(Source::Seen(seen), report, || "an http page may read an https target".to_owned());
    }
    if patterns::is_public_name(&seen.o.target.host) && patterns::is_development(parts) {
        let report = Report {
            rule: Rule::DevOriginInProduction,
            severity: if with { Severity::Medium } else { Severity::Low },
            confidence: Confidence::Probable,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(Source::Seen(seen), report, || {
            format!("a developer's origin ({}) may read a public target", parts.host)
        });
    }
}

/// Keeps an accepted origin; the rules on how many there are.
fn remember(seen: &Seen<'_>, host: &mut Host, book: &mut Book, with: bool, is_host: &dyn Fn(u64) -> bool) {
    let Some(parts) = seen.o.origin_parts else { return };
    let origin = seen.origin_digest;
    let state = &mut host.origins;
    let at = match state.accepted.iter().position(|a| a.origin == origin) {
        Some(at) => at,
        None if state.accepted.len() >= ACCEPTED_MAX => {
            state.beyond = state.beyond.saturating_add(1);
            return;
        }
        None => {
            state.accepted.push(Accepted {
                origin,
                text: seen.o.origin.cloned().unwrap_or_default(),
                site: book.digest(&*parts.site),
                host: book.digest(&*parts.host),
                with_credentials: false,
                uses: 0,
                refusals: 0,
                transactions: Trail::default(),
            });
            state.accepted.len() - 1
        }
    };
    let Some(known) = state.accepted.get_mut(at) else { return };
    known.uses = known.uses.saturating_add(1);
    known.refusals = 0;
    if !with {
        return;
    }
    if !seen.is_preflight() {
        known.transactions.add(seen.id(), seen.now);
    }
    if known.with_credentials {
        return;
    }
    known.with_credentials = true;
    let site = known.site;
    let mut hosts: SmallVec<[u64; 16]> = SmallVec::new();
    let mut many = 0;
    for one in state.accepted.iter().filter(|a| a.with_credentials) {
        many += 1;
        if one.site == site && !hosts.contains(&one.host) {
            hosts.push(one.host);
        }
    }
    let source = Source::Seen(seen);
    if many >= book.settings.at(Threshold::ManyOrigins) {
        let report = Report {
            rule: Rule::CredentialsManyOrigins,
            severity: Severity::Medium,
            confidence: Confidence::Certain,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(source, report, || format!("{many} origins are accepted with credentials"));
    }
    if hosts.len() >= book.settings.at(Threshold::SubdomainHosts) && hosts.iter().any(|h| !is_host(*h)) {
        let report = Report {
            rule: Rule::SubdomainTrust,
            severity: Severity::Medium,
            confidence: Confidence::Probable,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(source, report, || {
            format!("{} hosts of {} are accepted with credentials", hosts.len(), parts.site)
        });
    }
}

/// `origin_reflected_credentials` and `origin_reflected`.
fn reflected(
    seen: &Seen<'_>,
    kinds: Kinds,
    plain: bool,
    with: bool,
    host: &mut Host,
    endpoint: &mut Endpoint,
    book: &mut Book,
) {
    let state = &mut host.origins;
    let which = usize::from(with);
    if let Some(parts) = seen.o.origin_parts {
        let site = book.digest(&*parts.site);
        if let (Some(sites), Some(trail), Some(here)) =
            (state.foreign.get_mut(which), state.foreign_trail.get_mut(which), endpoint.origins.foreign.get_mut(which))
        {
            if !sites.holds(site) {
                trail.add(seen.id(), seen.now);
            }
            sites.enter(site);
            here.enter(site);
        }
    }
    if plain && kinds.evidently_foreign() {
        report_reflected(Source::Seen(seen), with, true, None, host, book, || {
            format!("an evidently foreign origin is echoed ({})", kinds.names())
        });
        return;
    }
    let threshold = if with { Threshold::ReflectedCredentialsSites } else { Threshold::ReflectedSites };
    let least = book.settings.at(threshold);
    let everywhere = state.foreign.get(which).map_or(0, Few::len);
    let here = endpoint.origins.foreign.get(which).map_or(0, Few::len);
    // a host that refuses strangers has a list, unless this endpoint lets in whom another one refuses
    let apart = endpoint.origins.foreign.get(which).is_some_and(|sites| sites.shares(&state.refused_sites));
    let echoes = (everywhere >= least && !state.foreign_refused)
        || (here >= least && !endpoint.origins.foreign_refused && apart);
    if echoes {
        let count = everywhere.max(here);
        let trail = std::mem::take(&mut host.origins.foreign_trail);
        report_reflected(Source::Seen(seen), with, false, trail.get(which), host, book, || {
            format!("{count} foreign sites are accepted and none was refused")
        });
        host.origins.foreign_trail = trail;
    }
}

fn report_reflected(
    source: Source<'_>,
    with: bool,
    evident: bool,
    trail: Option<&Trail>,
    host: &Host,
    book: &mut Book,
    why: impl FnOnce() -> String,
) {
    let (rule, severity) = match (with, evident) {
        (true, true) => (Rule::OriginReflectedCredentials, Severity::Critical),
        (true, false) => (Rule::OriginReflectedCredentials, Severity::High),
        (false, _) => (Rule::OriginReflected, Severity::Medium),
    };
    let confidence = if evident { Confidence::Certain } else { Confidence::Probable };
    let report = Report { rule, severity, confidence, subject: &host.origin, fields: CHECK, trail };
    book.report(source, report, why);
}

fn third_party_trust(seen: &Seen<'_>, host: &Host, book: &mut Book, with: bool) {
    if !with || seen.is_preflight() {
        return;
    }
    let Some(parts) = seen.o.origin_parts else { return };
    let Some(known) = host.origins.accepted.iter().find(|a| a.origin == seen.origin_digest) else { return };
    if (known.transactions.count() as usize) < book.settings.at(Threshold::ThirdPartyTransactions) {
        return;
    }
    let shared = patterns::is_shared_hosting(&parts.host);
    let subject = [&*host.origin, " ← ", &*known.text].concat();
    let report = Report {
        rule: Rule::ThirdPartyTrust,
        severity: if shared { Severity::High } else { Severity::Low },
        confidence: Confidence::Certain,
        subject: &subject,
        fields: CHECK,
        trail: Some(&known.transactions),
    };
    book.report(Source::Seen(seen), report, || {
        if shared {
            format!("{} is on shared hosting, where anybody may run a page, and reads with credentials", known.text)
        } else {
            format!("{} of another site reads with credentials", known.text)
        }
    });
}

fn emergency_mode(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let state = &host.origins.emergency;
    let echoes = state.sites.len() >= 2 && state.header_sets.len() >= book.settings.at(Threshold::EmergencyHeaderSets);
    let many = state.sites.len() >= book.settings.at(Threshold::EmergencySites) && !host.origins.foreign_refused;
    if !echoes || !(state.evident || many || state.anonymous_wildcard) {
        return;
    }
    let confidence = if state.anonymous_wildcard { Confidence::Certain } else { Confidence::Probable };
    let report = Report {
        rule: Rule::EmergencyMode,
        severity: Severity::Critical,
        confidence,
        subject: &host.origin,
        fields: &[
            Name::Origin,
            Name::AcRequestHeaders,
            Name::AcAllowOrigin,
            Name::AcAllowCredentials,
            Name::AcAllowHeaders,
        ],
        trail: Some(&state.trail),
    };
    book.report(Source::Seen(seen), report, || {
        let mut why = format!(
            "{} sites are echoed with credentials, and so are {} different header lists",
            state.sites.len(),
            state.header_sets.len()
        );
        if state.evident {
            why.push_str("; one of the sites is evidently foreign");
        }
        if state.anonymous_wildcard {
            why.push_str("; without Origin the answer is * with credentials");
        }
        why
    });
}

/// Looks at accepted probes once it is known what else the client tried. `probes` tells whether a client is a prober.
pub fn settle(host: &mut Host, now: Option<Time>, book: &mut Book, probes: &mut dyn FnMut(u64, Time, bool) -> bool) {
    while let Some(first) = host.origins.pending.first() {
        if now.is_some_and(|now| now.since(first.since) < PENDING_NS) {
            return;
        }
        let pending = host.origins.pending.remove(0);
        settle_one(&pending, host, book, probes);
    }
}

/// Whether accepted probes wait.
#[must_use]
pub fn waits(host: &Host) -> bool {
    !host.origins.pending.is_empty()
}

fn settle_one(pending: &Pending, host: &Host, book: &mut Book, probes: &mut dyn FnMut(u64, Time, bool) -> bool) {
    let Pending { kinds, with_credentials: with, past, .. } = pending;
    let prober = probes(pending.client, pending.since, pending.by_tool);
    let port_only = kinds.common(Kinds::FLAWS) == Kinds::default().with(Kind::Port);
    let is_probe = kinds.evidently_foreign() || prober || (pending.by_tool && !port_only);
    // a page whose name ends like the target's, or the host itself at another port: a partner, a service of its own, or a
    // careless comparison. Where strangers are refused it is worth a look, no more
    let may_be_listed = !is_probe && host.origins.plain_refused && (pending.by_tool || !port_only);
    let source = Source::Past(past);
    if kinds.any(Kinds::FLAWS) && (is_probe || may_be_listed) && !host.origins.plain_accepted {
        let report = Report {
            rule: Rule::OriginMatchFlaw,
            severity: match (may_be_listed, *with) {
                (true, _) => Severity::Low,
                (false, true) => Severity::High,
                (false, false) => Severity::Medium,
            },
            confidence: if may_be_listed { Confidence::Possible } else { Confidence::Probable },
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        let tricks = kinds.common(Kinds::FLAWS).names();
        book.report(source, report, || {
            let else_ = if host.origins.plain_refused { "refused" } else { "not tried" };
            let unless = if may_be_listed { "; if it is on your list, all is well" } else { "" };
            format!("{} is accepted (kind: {tricks}), an ordinary foreign origin was {else_}{unless}", past.origin)
        });
    }
    // where one trick is refused and another one taken, origins are compared, badly
    let trick = kinds.any(Kinds::FLAWS);
    let refuses = if trick { host.origins.foreign_refused } else { host.origins.plain_refused };
    if pending.cross_site && is_probe && !refuses && (trick || prober) {
        report_reflected(source, *with, true, None, host, book, || {
            format!("{} is echoed, and nothing foreign was refused", past.origin)
        });
    }
    let made_up = prober || kinds.has(Kind::ForeignMarker);
    // where everything is echoed, a subdomain is no trust of its own
    if kinds.has(Kind::Subdomain) && *with && made_up && !host.origins.plain_accepted {
        let report = Report {
            rule: Rule::SubdomainTrust,
            severity: Severity::Medium,
            confidence: Confidence::Probable,
            subject: &host.origin,
            fields: CHECK,
            trail: None,
        };
        book.report(source, report, || format!("the made-up subdomain {} is accepted with credentials", past.origin));
    }
}
