//! What answers say that they should not, or fail to say.

use smallvec::SmallVec;

use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Report, Source, Trail};
use crate::findings::facts::Seen;
use crate::findings::settings::Threshold;
use crate::findings::subject::{Endpoint, Host};
use crate::http::head::Name;
use crate::record::{Confidence, Transaction};

/// Origins whose errors are remembered of one endpoint.
const ERRORS_MAX: usize = 8;

/// Of one host.
#[derive(Debug, Default)]
pub struct OfHost {
    /// Requests answered with ACAC.
    allowed: u32,
    /// One of them had credentials.
    credentialed: bool,
    /// Answers to other origins that named the target itself.
    self_named: Trail,
    /// Some answer named another.
    other_named: bool,
}

/// Of one endpoint: error answers without CORS, by origin.
#[derive(Debug, Default)]
pub struct OfEndpoint {
    errors: SmallVec<[(u64, Trail); 0]>,
}

/// `wildcard_on_authorised`
pub fn wildcard_on_authorised(seen: &Seen<'_>, endpoint: &mut Endpoint, book: &mut Book) {
    if seen.wildcard() {
        endpoint.wildcard.add(seen.id(), seen.now);
    }
    // a preflight's answer shares nothing: the actual's does
    if endpoint.wildcard.count() == 0 || !endpoint.authorised() || !seen.wildcard() {
        return;
    }
    let severity =
        if endpoint.login.by_authorization || seen.private_target() { Severity::High } else { Severity::Medium };
    let report = Report {
        rule: Rule::WildcardOnAuthorised,
        severity,
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: &[Name::Origin, Name::Authorization, Name::Cookie, Name::AcAllowOrigin],
        trail: Some(&endpoint.wildcard),
    };
    let how = if endpoint.login.by_authorization { "Authorization" } else { "a cookie or a login" };
    book.report(Source::Seen(seen), report, || format!("* on an endpoint that is used with {how}"));
}

/// `duplicate_cors_headers`
pub fn duplicates(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let Some(name) = seen.said.twice else { return };
    let report = Report {
        rule: Rule::DuplicateCorsHeaders,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: &host.origin,
        fields: &[
            Name::AcAllowOrigin,
            Name::AcAllowCredentials,
            Name::AcAllowMethods,
            Name::AcAllowHeaders,
            Name::AcExposeHeaders,
            Name::AcMaxAge,
            Name::Server,
            Name::Via,
        ],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || format!("two fields {} in one answer", name.text()));
}

/// `cors_missing_on_errors`; also learns whom the endpoint's 2xx accept.
pub fn missing_on_errors(seen: &Seen<'_>, endpoint: &mut Endpoint, book: &mut Book) {
    if seen.is_preflight() {
        return;
    }
    if seen.o.origin.is_none() {
        return;
    }
    let digest = seen.origin_digest;
    if seen.succeeded() && (seen.accepted() || seen.wildcard()) {
        if endpoint.accepts_all || endpoint.accepted.holds(digest) {
            return;
        }
        endpoint.accepted.enter(digest);
        endpoint.accepts_all |= seen.wildcard();
    } else if seen.said.status >= 400 && seen.said.allow_origins == 0 {
        let errors = &mut endpoint.answers.errors;
        if errors.len() < ERRORS_MAX && !errors.iter().any(|(o, _)| *o == digest) {
            errors.push((digest, Trail::default()));
        }
        if let Some((_, trail)) = errors.iter_mut().find(|(o, _)| *o == digest) {
            trail.add(seen.id(), seen.now);
        }
    } else {
        return;
    }
    let accepted = |o: u64| endpoint.accepts_all || endpoint.accepted.holds(o);
    let failed: u32 = endpoint.answers.errors.iter().filter(|(o, _)| accepted(*o)).map(|(_, t)| t.count()).sum();
    let here = endpoint.answers.errors.iter().find(|(o, _)| *o == digest && accepted(*o));
    let Some((_, trail)) = here else { return };
    if (failed as usize) < book.settings.at(Threshold::ErrorAnswers) {
        return;
    }
    let report = Report {
        rule: Rule::CorsMissingOnErrors,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: &[Name::Origin, Name::AcAllowOrigin, Name::Server, Name::Via],
        trail: Some(trail),
    };
    book.report(Source::Seen(seen), report, || {
        format!("{failed} error answers lack CORS fields for an origin that the endpoint's 2xx accept")
    });
}

/// `acac_not_needed`
pub fn acac_not_needed(seen: &Seen<'_>, host: &mut Host, book: &mut Book) {
    let state = &mut host.answers;
    state.credentialed |= seen.carries_credentials() || seen.asked.storage_access;
    if !seen.credentials_allowed() || seen.is_preflight() {
        return;
    }
    state.allowed = state.allowed.saturating_add(1);
    if state.credentialed || (state.allowed as usize) < book.settings.at(Threshold::AcacRequests) {
        return;
    }
    let requests = state.allowed;
    let report = Report {
        rule: Rule::AcacNotNeeded,
        severity: Severity::Low,
        confidence: Confidence::Possible,
        subject: &host.origin,
        fields: &[Name::Origin, Name::AcAllowOrigin, Name::AcAllowCredentials],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || {
        format!("{requests} requests were answered with Access-Control-Allow-Credentials, none had any")
    });
}

/// `acao_self_only`
pub fn self_only(seen: &Seen<'_>, host: &mut Host, book: &mut Book) {
    let Some(value) = seen.said.allow_origin else { return };
    if seen.o.origin.is_none() || seen.origin() == &*seen.o.target.origin {
        return;
    }
    let state = &mut host.answers;
    if value != seen.o.target.origin.as_bytes() {
        state.other_named = true;
        return;
    }
    state.self_named.add(seen.id(), seen.now);
    if state.other_named || (state.self_named.count() as usize) < book.settings.at(Threshold::SelfOnlyAnswers) {
        return;
    }
    let report = Report {
        rule: Rule::AcaoSelfOnly,
        severity: Severity::Info,
        confidence: Confidence::Certain,
        subject: &host.origin,
        fields: &[Name::Origin, Name::AcAllowOrigin],
        trail: Some(&host.answers.self_named),
    };
    book.report(Source::Seen(seen), report, || "Access-Control-Allow-Origin always names the target itself".to_owned());
}

/// `policy_unsafe`
pub fn policy_unsafe(seen: &Seen<'_>, endpoint: &Endpoint, book: &mut Book) {
    let Some(name) = seen.said.lax_policy.filter(|_| endpoint.authorised()) else { return };
    let report = Report {
        rule: Rule::PolicyUnsafe,
        severity: Severity::Info,
        confidence: Confidence::Certain,
        subject: &endpoint.label,
        fields: &[
            Name::CrossOriginResourcePolicy,
            Name::CrossOriginOpenerPolicy,
            Name::CrossOriginEmbedderPolicy,
            Name::TimingAllowOrigin,
        ],
        trail: None,
    };
    book.report(Source::Seen(seen), report, || format!("{} opens an endpoint that is used with a login", name.text()));
}

/// `deprecated_headers`, `cors_header_in_request`, `host_conflict`
pub fn oddities(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let mut report = |rule, confidence, fields: &[Name], why: &str| {
        let report = Report { rule, severity: Severity::Info, confidence, subject: &host.origin, fields, trail: None };
        book.report(Source::Seen(seen), report, || why.to_owned());
    };
    if seen.said.external || seen.asked.external {
        let fields = [Name::AcRequestExternal, Name::AcAllowExternal];
        report(
            Rule::DeprecatedHeaders,
            Confidence::Certain,
            &fields,
            "a field of a draft that no browser follows any more",
        );
    }
    if let Some(name) = seen.asked.allow_field {
        let why = format!("the request carries {}, a field of answers", name.text());
        report(Rule::CorsHeaderInRequest, Confidence::Certain, &[Name::Origin], &why);
    }
    if seen.asked.host_conflict {
        report(Rule::HostConflict, Confidence::Possible, &[Name::Host], "two Host fields that differ");
    }
}

/// `blocked_after_effect`
pub fn blocked_after_effect(t: &Transaction, book: &mut Book) {
    if !t.blocked_after_effect {
        return;
    }
    let label = format!("{} {} {}", t.target_origin, t.method, crate::findings::subject::shape_of(&t.path));
    let report = Report {
        rule: Rule::BlockedAfterEffect,
        severity: Severity::High,
        confidence: t.confidence,
        subject: &label,
        fields: &[],
        trail: None,
    };
    let status = t.actual.as_ref().and_then(|a| a.status).unwrap_or(0);
    book.report(Source::Transaction(t), report, || {
        format!("the server did it ({status}) and the browser told the page that it failed: expect repeats")
    });
}
