//! How preflights are answered.

use crate::catalog::{Reason, Rule, Severity};
use crate::cors::Kind;
use crate::cors::fields::list_items;
use crate::findings::book::{Book, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::settings::Threshold;
use crate::findings::subject::{Endpoint, Host};
use crate::findings::window::{Count, Few};
use crate::http::NoAnswer;
use crate::http::head::Name;
use crate::packet::SECOND;
use crate::record::{Confidence, Phase, Transaction, Verdict};

const FAILURE: &[Name] = &[Name::Origin, Name::AcRequestMethod, Name::Server, Name::Via, Name::Location];
const LISTS: &[Name] = &[
    Name::Origin,
    Name::AcRequestMethod,
    Name::AcRequestHeaders,
    Name::AcAllowMethods,
    Name::AcAllowHeaders,
    Name::AcAllowCredentials,
];
/// Window of `preflight_not_cached`.
const RATE_NS: i64 = 600 * SECOND;

/// Methods that a page may ask for and that change something; their order gives the bits of `used`.
const UNSAFE_METHODS: [&[u8]; 8] = [b"PUT", b"DELETE", b"PATCH", b"PROPFIND", b"MKCOL", b"MOVE", b"COPY", b"LOCK"];

/// Of one host.
#[derive(Debug, Default)]
pub struct OfHost {
    header_sets: Few<8>,
    header_trail: Trail,
    used: u8,
    /// The last value of Access-Control-Allow-Methods (its digest), and what it lists.
    methods: Option<(u64, Methods)>,
}

/// What a list of methods holds.
#[derive(Debug, Clone, Copy, Default)]
struct Methods {
    star: bool,
    /// One that no page may use.
    forbidden: bool,
    /// Which of [`UNSAFE_METHODS`].
    change: u8,
}

impl Methods {
    fn of(value: &[u8]) -> Self {
        let mut methods = Methods::default();
        for item in list_items(value) {
            methods.star |= item == b"*";
            methods.forbidden |= [&b"TRACE"[..], b"CONNECT", b"TRACK"].iter().any(|m| item.eq_ignore_ascii_case(m));
            methods.change |= bit_of(item);
        }
        methods
    }
}

/// The bit of this one of [`UNSAFE_METHODS`]; 0 for others.
fn bit_of(method: &[u8]) -> u8 {
    UNSAFE_METHODS.iter().position(|m| *m == method).map_or(0, |bit| 1 << bit)
}

/// Of one endpoint (its method is the one asked for).
#[derive(Debug, Default)]
pub struct OfEndpoint {
    total: u32,
    failed: [Trail; 4],
    passed_then_refused: Trail,
    refused_then_passed: Trail,
    /// Origins whose preflight was refused by ACAO or ACAC.
    refused: Few<8>,
}

/// Why a preflight failed as a request, whatever CORS says.
fn failure(seen: &Seen<'_>, by_policy: bool) -> Option<(usize, Rule, Threshold)> {
    let needs_auth = (0, Rule::PreflightNeedsAuth, Threshold::PreflightNeedsAuth);
    let no_route = (1, Rule::PreflightNoRoute, Threshold::PreflightNoRoute);
    let redirected = (2, Rule::PreflightRedirected, Threshold::PreflightRedirected);
    let failing = (3, Rule::PreflightFailing, Threshold::PreflightFailing);
    match seen.said.status {
        0 => match seen.o.no_answer {
            Some(NoAnswer::Closed | NoAnswer::Reset | NoAnswer::NotHttp) => Some(failing),
            Some(NoAnswer::Lost | NoAnswer::Evicted | NoAnswer::InputEnd) | None => None,
        },
        401 | 407 => Some(needs_auth),
        403 => (!by_policy).then_some(needs_auth),
        404 | 405 | 501 => Some(no_route),
        300..=399 => Some(redirected),
        429 | 500..=599 => Some(failing),
        _ => None,
    }
}

/// `preflight_needs_auth`, `preflight_no_route`, `preflight_redirected`, `preflight_failing`
pub fn failing(seen: &Seen<'_>, host: &Host, endpoint: &mut Endpoint, book: &mut Book) {
    let state = &mut endpoint.preflight;
    state.total = state.total.saturating_add(1);
    // Spring and others refuse an unlisted origin with 403: that is the policy, no login
    let spoke_cors = seen.o.response.is_some_and(|r| r.body_start.is_cors_refusal());
    let stranger = host.origins.accepts_any() && !host.origins.accepts(seen.origin_digest);
    let Some((which, rule, threshold)) = failure(seen, spoke_cors || stranger) else { return };
    let Some(trail) = state.failed.get_mut(which) else { return };
    trail.add(seen.id(), seen.now);
    if (trail.count() as usize) < book.settings.at(threshold) {
        return;
    }
    let failed: u32 = state.failed.iter().map(Trail::count).sum();
    let all = failed >= state.total;
    let (count, total) = (trail_count(&state.failed, which), state.total);
    let report = Report {
        rule,
        severity: if all { Severity::High } else { Severity::Medium },
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: FAILURE,
        trail: endpoint.preflight.failed.get(which),
    };
    book.report(Source::Seen(seen), report, || {
        let status = seen.said.status;
        let answer = if status == 0 { "left without an answer".to_owned() } else { format!("answered {status}") };
        format!("{count} of {total} preflights here were {answer} or alike")
    });
}

fn trail_count(trails: &[Trail; 4], which: usize) -> u32 {
    trails.get(which).map_or(0, Trail::count)
}

/// A preflight was refused by ACAO or ACAC, or was not.
pub fn learn_policy(seen: &Seen<'_>, endpoint: &mut Endpoint) {
    if seen.succeeded() && !seen.accepted() && !seen.wildcard() {
        endpoint.preflight.refused.enter(seen.origin_digest);
    }
}

/// `allow_lists_disagree`, where the preflight passed and its actual did not.
pub fn passed_then_refused(t: &Transaction, endpoint: &mut Endpoint, book: &mut Book) {
    let by_policy = matches!(
        t.reason,
        Some(
            Reason::MissingAllowOrigin
                | Reason::WildcardWithCredentials
                | Reason::MultipleAllowOrigin
                | Reason::InvalidAllowOrigin
                | Reason::AllowOriginMismatch
                | Reason::MissingAllowCredentials
        )
    );
    if t.verdict != Verdict::Blocked
        || t.phase != Some(Phase::Actual)
        || t.preflight.is_none()
        || !by_policy
        || !t.hops.is_empty()
    {
        return;
    }
    let trail = &mut endpoint.preflight.passed_then_refused;
    trail.add(t.id, t.time);
    report_disagreement(Source::Transaction(t), &endpoint.label, &endpoint.preflight.passed_then_refused, book, true);
}

/// `allow_lists_disagree`, where the actual passes and the preflight of the same origin does not.
pub fn refused_then_passed(seen: &Seen<'_>, endpoint: &mut Endpoint, book: &mut Book) {
    if seen.o.kind != Kind::Actual || !seen.accepted() || !endpoint.preflight.refused.holds(seen.origin_digest) {
        return;
    }
    endpoint.preflight.refused_then_passed.add(seen.id(), seen.now);
    report_disagreement(Source::Seen(seen), &endpoint.label, &endpoint.preflight.refused_then_passed, book, false);
}

fn report_disagreement(source: Source<'_>, label: &str, trail: &Trail, book: &mut Book, passed: bool) {
    if (trail.count() as usize) < book.settings.at(Threshold::Disagreements) {
        return;
    }
    let report = Report {
        rule: Rule::AllowListsDisagree,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: label,
        fields: &[Name::Origin, Name::AcAllowOrigin, Name::AcAllowCredentials],
        trail: Some(trail),
    };
    book.report(source, report, || {
        if passed {
            "the preflight lets the origin in, the actual answer does not".to_owned()
        } else {
            "the actual answer lets the origin in, the preflight does not".to_owned()
        }
    });
}

/// A cross-origin actual: its method is in use.
pub fn learn_method(seen: &Seen<'_>, host: &mut Host) {
    host.preflight.used |= bit_of(seen.o.request.head.method());
}

/// `methods_too_broad`
pub fn methods_too_broad(seen: &Seen<'_>, host: &mut Host, book: &mut Book) {
    let Some(value) = seen.said.allow_methods else { return };
    let digest = book.digest(value);
    let methods = match host.preflight.methods {
        Some((last, methods)) if last == digest => methods,
        _ => Methods::of(value),
    };
    host.preflight.methods = Some((digest, methods));
    let Methods { star, forbidden, change } = methods;
    let used = host.preflight.used;
    let unused = change & !used != 0;
    let enough = host.actuals as usize >= book.settings.at(Threshold::MethodsActuals);
    if !(star || forbidden || unused && enough) {
        return;
    }
    let severe = forbidden || (star && seen.credentials_allowed());
    let report = Report {
        rule: Rule::MethodsTooBroad,
        severity: if severe { Severity::Medium } else { Severity::Low },
        confidence: Confidence::Probable,
        subject: &host.origin,
        fields: LISTS,
        trail: None,
    };
    let actuals = host.actuals;
    book.report(Source::Seen(seen), report, || {
        if star {
            "every method is allowed".to_owned()
        } else if forbidden {
            "a method is allowed that no page may use".to_owned()
        } else {
            let unused: Vec<_> =
                list_items(value).filter(|item| bit_of(item) & !used != 0).map(String::from_utf8_lossy).collect();
            format!("allowed and not used in {actuals} cross-origin requests: {}", unused.join(", "))
        }
    });
}

/// `headers_too_broad`, `authorization_under_wildcard`
pub fn headers_too_broad(seen: &Seen<'_>, host: &mut Host, book: &mut Book) {
    let Some(allowed) = seen.said.allow_headers else { return };
    let star = list_items(allowed).any(|item| item == b"*");
    let asked_names = || seen.asked.headers.into_iter().flat_map(list_items);
    let echoed = seen.asked.headers.is_some_and(|asked| !asked.is_empty() && asked == allowed);
    if echoed {
        host.preflight.header_sets.enter(book.digest(allowed));
        host.preflight.header_trail.add(seen.id(), seen.now);
    }
    let sets = host.preflight.header_sets.len();
    if star || (echoed && sets >= book.settings.at(Threshold::HeaderSets)) {
        let report = Report {
            rule: Rule::HeadersTooBroad,
            severity: Severity::Low,
            confidence: Confidence::Certain,
            subject: &host.origin,
            fields: LISTS,
            trail: echoed.then_some(&host.preflight.header_trail),
        };
        book.report(Source::Seen(seen), report, || {
            if star {
                "every header is allowed".to_owned()
            } else {
                format!("{sets} different header lists are allowed just as asked")
            }
        });
    }
    let authorization = |item: &[u8]| item.eq_ignore_ascii_case(b"authorization");
    if star && asked_names().any(authorization) && !list_items(allowed).any(authorization) {
        let report = Report {
            rule: Rule::AuthorizationUnderWildcard,
            severity: Severity::Medium,
            confidence: Confidence::Certain,
            subject: &host.origin,
            fields: LISTS,
            trail: None,
        };
        book.report(Source::Seen(seen), report, || {
            "authorization is asked for and only * allows it: browsers warn, and the standard refuses".to_owned()
        });
    }
}

/// `max_age_too_long`, `max_age_invalid`
pub fn max_age(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let Some(value) = seen.said.max_age else { return };
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && seen.said.max_ages == 1;
    let seconds =
        digits.iter().fold(0_u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b.wrapping_sub(b'0'))));
    let too_long = valid && !value.starts_with(b"-") && seconds > book.settings.at(Threshold::MaxAge) as u64;
    let (rule, why) = match (valid, too_long) {
        (false, _) => (Rule::MaxAgeInvalid, "Access-Control-Max-Age is no number, or is there twice"),
        (true, true) => (Rule::MaxAgeTooLong, "Access-Control-Max-Age is longer than any browser keeps it"),
        (true, false) => return,
    };
    let report = Report {
        rule,
        severity: Severity::Info,
        confidence: Confidence::Certain,
        subject: &host.origin,
        fields: &[Name::AcMaxAge],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || why.to_owned());
}

/// Preflights of one client for one endpoint.
#[derive(Debug, Default)]
pub struct Rate {
    count: Count,
    waited_ns: i64,
}

/// `preflight_not_cached`
pub fn not_cached(seen: &Seen<'_>, endpoint: &Endpoint, rate: &mut Rate, book: &mut Book) {
    let digits = |v: &[u8]| !v.is_empty() && v.iter().all(u8::is_ascii_digit);
    let kept = seen.said.max_ages == 1 && seen.said.max_age.is_some_and(|v| digits(v) && v.iter().any(|b| *b != b'0'));
    if kept || seen.o.response.is_none() {
        return;
    }
    let waited = seen.o.response.map_or(0, |r| r.head_end.time.since(seen.o.request.first.time)).max(0);
    rate.waited_ns = rate.waited_ns.saturating_add(waited);
    let count = rate.count.enter(seen.now, RATE_NS);
    if count < book.settings.at(Threshold::PreflightsNotCached) {
        return;
    }
    let report = Report {
        rule: Rule::PreflightNotCached,
        severity: Severity::Low,
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: &[Name::Origin, Name::AcRequestMethod, Name::AcMaxAge],
        trail: None,
    };
    let milliseconds = rate.waited_ns / 1_000_000;
    book.report(Source::Seen(seen), report, || {
        format!(
            "one client asked {count} times in 10 minutes and waited {}.{:03} s for it in all",
            milliseconds / 1000,
            milliseconds % 1000
        )
    });
}

/// `pna_header_missing`
pub fn private_network(t: &Transaction, book: &mut Book) {
    let Some(preflight) = &t.preflight else { return };
    let asked = preflight.leg.request.head.first(Name::AcRequestPrivateNetwork) == Some(b"true")
        || preflight.leg.request.head.first(Name::AcRequestLocalNetwork) == Some(b"true");
    let granted = preflight.leg.response.as_ref().is_some_and(|r| {
        r.head.first(Name::AcAllowPrivateNetwork) == Some(b"true")
            || r.head.first(Name::AcAllowLocalNetwork) == Some(b"true")
    });
    if !asked || granted || t.verdict != Verdict::Allowed {
        return;
    }
    let report = Report {
        rule: Rule::PnaHeaderMissing,
        severity: Severity::Info,
        confidence: Confidence::Certain,
        subject: &t.target_origin,
        fields: &[Name::Origin, Name::AcRequestPrivateNetwork, Name::AcAllowPrivateNetwork, Name::AcAllowOrigin],
        trail: None,
    };
    book.report(Source::Transaction(t), report, || {
        "the preflight asked for the private network, the answer does not grant it, and the browser only warned"
            .to_owned()
    });
}

/// `client_ignores_preflight`: the actual came though its preflight was refused.
pub fn ignored(seen: &Seen<'_>, endpoint: &Endpoint, book: &mut Book) {
    let report = Report {
        rule: Rule::ClientIgnoresPreflight,
        severity: Severity::Info,
        confidence: Confidence::Possible,
        subject: &endpoint.label,
        fields: &[Name::Origin, Name::UserAgent],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || "the request came though its preflight was refused".to_owned());
}
