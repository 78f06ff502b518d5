//! Answers that a cache may hand to another origin.

use crate::catalog::{Reason, Rule, Severity};
use crate::findings::book::{Book, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::subject::{Endpoint, Host};
use crate::findings::window::Few;
use crate::http::head::Name;
use crate::record::{Confidence, Transaction};

const FIELDS: &[Name] =
    &[Name::Origin, Name::AcAllowOrigin, Name::Vary, Name::CacheControl, Name::Age, Name::XCache, Name::CfCacheStatus];

/// What one URL answered so far.
#[derive(Debug, Default)]
pub struct Url {
    /// Different values of ACAO (VERDICTS.md §8: at most 8).
    values: Few<8>,
    /// Origins that were let in.
    origins: Few<8>,
    with_origin: bool,
    without_origin: bool,
    lacking: Trail,
    told: bool,
    shared_cache: bool,
}

/// Of one endpoint: whether `Vary: Origin` was there, by class of status.
#[derive(Debug, Default)]
pub struct OfEndpoint {
    with: u8,
    without: u8,
}

/// `missing_vary_origin` and what later rules need of a URL.
pub fn missing_vary(seen: &Seen<'_>, url: &mut Url, endpoint: &Endpoint, book: &mut Book) {
    let method = seen.o.request.head.method();
    if !seen.succeeded() || !matches!(method, b"GET" | b"HEAD") || seen.said.uncacheable || seen.said.allow_origins > 1
    {
        return;
    }
    url.shared_cache |= seen.said.shared_cache;
    match (seen.said.allow_origin, seen.o.origin) {
        (Some(value), origin) => {
            url.values.enter(book.digest(value));
            if origin.is_some() {
                url.with_origin = true;
                if seen.accepted() || seen.wildcard() {
                    url.origins.enter(seen.origin_digest);
                }
            }
        }
        (None, None) => url.without_origin = true,
        (None, Some(_)) => {}
    }
    if !seen.said.varies {
        url.lacking.add(seen.id(), seen.now);
    }
    let depends = url.values.len() >= 2 || (url.with_origin && url.without_origin);
    if !depends || url.lacking.count() == 0 || (url.told && seen.said.varies) {
        return;
    }
    url.told = true;
    let report = Report {
        rule: Rule::MissingVaryOrigin,
        severity: if url.shared_cache { Severity::High } else { Severity::Medium },
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: FIELDS,
        trail: Some(&url.lacking),
    };
    let values = url.values.len();
    book.report(Source::Seen(seen), report, || {
        if values >= 2 {
            format!("one URL gave {values} values of Access-Control-Allow-Origin, and an answer lacks Vary: Origin")
        } else {
            "Access-Control-Allow-Origin is there only when Origin was sent, and an answer lacks Vary: Origin"
                .to_owned()
        }
    });
}

/// `vary_origin_unstable`
pub fn vary_unstable(seen: &Seen<'_>, host: &Host, endpoint: &mut Endpoint, book: &mut Book) {
    if seen.said.no_store || seen.said.allow_origin.is_none() || seen.wildcard() || seen.is_preflight() {
        return;
    }
    let class = 1_u8 << (seen.said.status / 100).min(7);
    let state = &mut endpoint.caching;
    let begins = seen.said.varies && state.with & class == 0 && state.without & class != 0;
    if seen.said.varies {
        state.with |= class;
    } else {
        state.without |= class;
    }
    // once it is on all of them, that it was not is told once
    if !begins && (seen.said.varies || state.with & class == 0) {
        return;
    }
    let report = Report {
        rule: Rule::VaryOriginUnstable,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: &host.origin,
        fields: FIELDS,
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        let others = if begins { "was not on those before" } else { "not on others" };
        format!("Vary: Origin is on some answers of {} and {others}", endpoint.label)
    });
}

/// `cached_acao_mismatch`: a block by a stored answer that was made for another origin.
pub fn cached_mismatch(t: &Transaction, url: &Url, book: &mut Book) {
    let Some(reason @ (Reason::AllowOriginMismatch | Reason::MissingAllowOrigin)) = t.reason else { return };
    let Some(actual) = &t.actual else { return };
    let Some(response) = &actual.response else { return };
    let said = crate::findings::facts::said_of(response);
    if !said.hit {
        return;
    }
    let made_for_another = if reason == Reason::AllowOriginMismatch {
        // the value is the origin of an earlier request
        let value = said.allow_origin.and_then(|v| std::str::from_utf8(v).ok());
        value.is_some_and(|v| url.origins.holds(book.digest(v)))
    } else {
        // the URL had the field before, and the cache does not tell origins apart
        let own = t.origin.as_deref().is_some_and(|o| url.origins.holds(book.digest(o)));
        url.with_origin && (own || !said.varies)
    };
    if !made_for_another {
        return;
    }
    let endpoint = format!("{} {} {}", t.target_origin, t.method, crate::findings::subject::shape_of(&t.path));
    let report = Report {
        rule: Rule::CachedAcaoMismatch,
        severity: Severity::High,
        confidence: Confidence::Probable,
        subject: &endpoint,
        fields: FIELDS,
        trail: None,
    };
    let origin = t.origin.clone().unwrap_or_default();
    book.report(Source::Transaction(t), report, || match said.allow_origin.map(crate::cors::origin::printable) {
        Some(value) => {
            format!("a cache answered {origin} with an answer made for another: Access-Control-Allow-Origin {value}")
        }
        None => {
            format!("a cache answered {origin} with an answer made for a request without Origin, or for a stranger's")
        }
    });
}
