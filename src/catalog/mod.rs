//! The one catalogue: reasons, causes, rules and stacks, each with its id and its words.
//!
//! Ids are here; the words are const tables in the files below, held in step with the ids when the crate is built.
//! `explain`, the report, the metrics' labels and `docs/reasons.md` all take theirs from here.

pub mod causes;
pub mod fixes;
pub mod reasons;
pub mod rules;
pub mod stacks;
pub mod thresholds;

use crate::record::words;
use serde::Serialize;
use std::fmt;

pub use causes::{CauseEntry, Side};
pub use reasons::{ReasonEntry, ReasonKind, Wording};
pub use rules::{RuleEntry, RuleKind};
pub use stacks::{Setting, StackEntry};
pub use thresholds::Threshold;

words! {
    /// Why a transaction was blocked, or why the wire cannot tell (VERDICTS.md §4).
    Reason {
        /// No `Access-Control-Allow-Origin`.
        MissingAllowOrigin = "missing_allow_origin",
        /// `*` for a request with credentials.
        WildcardWithCredentials = "wildcard_with_credentials",
        /// Several origins.
        MultipleAllowOrigin = "multiple_allow_origin",
        /// Not an origin.
        InvalidAllowOrigin = "invalid_allow_origin",
        /// Another origin.
        AllowOriginMismatch = "allow_origin_mismatch",
        /// `Access-Control-Allow-Credentials` is not `true`.
        MissingAllowCredentials = "missing_allow_credentials",
        /// A preflight was redirected.
        PreflightRedirect = "preflight_redirect",
        /// A preflight's status is not 2xx.
        PreflightStatus = "preflight_status",
        /// The methods list does not parse.
        InvalidAllowMethods = "invalid_allow_methods",
        /// The headers list does not parse.
        InvalidAllowHeaders = "invalid_allow_headers",
        /// Method not listed.
        MethodNotAllowed = "method_not_allowed",
        /// Header not listed.
        HeaderNotAllowed = "header_not_allowed",
        /// Private network access not granted.
        PrivateNetworkNotAllowed = "private_network_not_allowed",
        /// A redirect's URL holds a user name.
        RedirectContainsCredentials = "redirect_contains_credentials",
        /// A redirect to a scheme other than http(s).
        DisabledScheme = "disabled_scheme",
        /// The 21st redirect.
        TooManyRedirects = "too_many_redirects",
        /// A preflight got no answer.
        PreflightUnanswered = "preflight_unanswered",
        /// An actual request got no answer.
        ActualUnanswered = "actual_unanswered",
        /// Doubt: credentials decide, and are unknown.
        CredentialsUnknown = "credentials_unknown",
        /// Doubt: the mode decides, and is unknown.
        ModeUnknown = "mode_unknown",
        /// Doubt: the target's origin decides, and is unknown.
        TargetUnknown = "target_unknown",
        /// Doubt: browsers differ, and the browser is unknown.
        FamilyUnknown = "family_unknown",
        /// Doubt: a 304 whose stored response is unknown.
        NotModified = "not_modified",
        /// Doubt: the answer was not captured.
        ResponseNotCaptured = "response_not_captured",
        /// Doubt: the request was not captured.
        RequestNotCaptured = "request_not_captured",
        /// Doubt: the preflight passes and nothing follows.
        ActualNotSeen = "actual_not_seen",
        /// Doubt: redirected to where this tap cannot see.
        RedirectLeftView = "redirect_left_view",
        /// Doubt: a redirect that nobody followed.
        RedirectNotFollowed = "redirect_not_followed",
        /// Doubt: an extension may be exempt.
        ExtensionOrigin = "extension_origin",
    }
}

words! {
    /// The mistake behind a refusal (CAUSES.md).
    Cause {
        /// Login or firewall answers before CORS runs.
        AuthBeforeCors = "auth_before_cors",
        /// A limiter answers before CORS runs.
        RateLimited = "rate_limited",
        /// The allow-list lacks the origin.
        OriginNotListed = "origin_not_listed",
        /// Spring's 403: origin or method not listed.
        OriginOrMethodNotListed = "origin_or_method_not_listed",
        /// The list lacks the method.
        MethodNotListed = "method_not_listed",
        /// The list lacks the header.
        HeaderNotListed = "header_not_listed",
        /// CORS does not run on this path.
        CorsNotMounted = "cors_not_mounted",
        /// CORS runs after the router.
        CorsAfterRouter = "cors_after_router",
        /// Error answers are made outside the CORS code.
        ErrorPageWithoutCors = "error_page_without_cors",
        /// The upstream is down; the proxy's page has no CORS.
        UpstreamDown = "upstream_down",
        /// A preflight meets a redirect.
        PreflightRedirected = "preflight_redirected",
        /// The actual meets a bare redirect.
        ActualRedirectWithoutCors = "actual_redirect_without_cors",
        /// Two layers each add the header.
        TwoLayers = "two_layers",
        /// A cache served another origin's answer.
        CachedForOtherOrigin = "cached_for_other_origin",
        /// `*` where credentials are sent.
        CredentialsWithWildcard = "credentials_with_wildcard",
        /// The server does not agree to credentials.
        CredentialsNotAllowed = "credentials_not_allowed",
        /// The configured value is not an origin, or not this one's exact form.
        ConfigValueMalformed = "config_value_malformed",
        /// The scheme was lost behind a TLS terminator.
        SchemeLostBehindTls = "scheme_lost_behind_tls",
        /// No answer at all.
        NotHttpOrDown = "not_http_or_down",
        /// Nothing points to one.
        Unknown = "unknown",
    }
}

words! {
    /// How bad a finding is.
    Severity {
        /// Good to know.
        Info = "info",
        /// Weakens defence.
        Low = "low",
        /// Should be mended.
        Medium = "medium",
        /// Mend now.
        High = "high",
        /// Being abused, or open to anybody.
        Critical = "critical",
    }
}

macro_rules! rules {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        words! {
            /// A rule over traffic (VERDICTS.md §8 and §9).
            Rule { $(#[allow(missing_docs)] $variant = $text),+ }
        }
    };
}

rules! {
    WildcardOnAuthorised = "wildcard_on_authorised",
    WildcardWithAcac = "wildcard_with_acac",
    OriginReflectedCredentials = "origin_reflected_credentials",
    OriginReflected = "origin_reflected",
    EmergencyMode = "emergency_mode",
    NullOriginAllowed = "null_origin_allowed",
    HttpOriginTrusted = "http_origin_trusted",
    OriginMatchFlaw = "origin_match_flaw",
    SubdomainTrust = "subdomain_trust",
    ThirdPartyTrust = "third_party_trust",
    CredentialsManyOrigins = "credentials_many_origins",
    DevOriginInProduction = "dev_origin_in_production",
    MissingVaryOrigin = "missing_vary_origin",
    VaryOriginUnstable = "vary_origin_unstable",
    CachedAcaoMismatch = "cached_acao_mismatch",
    CdnStripsHeaders = "cdn_strips_headers",
    DuplicateCorsHeaders = "duplicate_cors_headers",
    CorsMissingOnErrors = "cors_missing_on_errors",
    PreflightNeedsAuth = "preflight_needs_auth",
    PreflightNoRoute = "preflight_no_route",
    PreflightRedirected = "preflight_redirected",
    PreflightFailing = "preflight_failing",
    AllowListsDisagree = "allow_lists_disagree",
    BlockedAfterEffect = "blocked_after_effect",
    MethodsTooBroad = "methods_too_broad",
    HeadersTooBroad = "headers_too_broad",
    AuthorizationUnderWildcard = "authorization_under_wildcard",
    AcacNotNeeded = "acac_not_needed",
    PreflightNotCached = "preflight_not_cached",
    MaxAgeTooLong = "max_age_too_long",
    MaxAgeInvalid = "max_age_invalid",
    CookieNoneInsecure = "cookie_none_insecure",
    CookieNotReturnable = "cookie_not_returnable",
    CookieReadable = "cookie_readable",
    CrossSiteWriteAccepted = "cross_site_write_accepted",
    SimpleJsonPost = "simple_json_post",
    OpaqueMisuse = "opaque_misuse",
    CorsHeaderInRequest = "cors_header_in_request",
    AcaoSelfOnly = "acao_self_only",
    PolicyUnsafe = "policy_unsafe",
    DeprecatedHeaders = "deprecated_headers",
    PnaHeaderMissing = "pna_header_missing",
    ClientIgnoresPreflight = "client_ignores_preflight",
    HostConflict = "host_conflict",
    OriginEnumeration = "origin_enumeration",
    OriginReflectionTest = "origin_reflection_test",
    ScannerUserAgent = "scanner_user_agent",
    PreflightSweep = "preflight_sweep",
    PreflightForged = "preflight_forged",
    CrossSiteWriteNoPreflight = "cross_site_write_no_preflight",
    CsrfFormPost = "csrf_form_post",
    SecFetchInconsistent = "sec_fetch_inconsistent",
    OriginNotSerialised = "origin_not_serialised",
    DnsRebinding = "dns_rebinding",
    PrivateNetworkProbe = "private_network_probe",
    XsLeakTiming = "xs_leak_timing",
    WsHijack = "ws_hijack",
    CachePoisonProbe = "cache_poison_probe",
    InternalCorsHarvest = "internal_cors_harvest",
    CredentialTarget = "credential_target",
}

words! {
    /// A server-side stack that a fix is written for (VERDICTS.md §4, "Fix per stack").
    Stack {
        /// Nothing points to one.
        Generic = "generic",
        /// Express `cors`.
        Express = "express",
        /// Fastify `@fastify/cors`.
        Fastify = "fastify",
        /// Flask-CORS.
        Flask = "flask",
        /// django-cors-headers.
        Django = "django",
        /// Spring.
        Spring = "spring",
        /// ASP.NET Core.
        AspNet = "aspnet",
        /// Rails, Sinatra: rack-cors.
        Rack = "rack",
        /// FastAPI, Starlette.
        Starlette = "starlette",
        /// Go rs/cors.
        Go = "go",
        /// tower-http.
        TowerHttp = "tower_http",
        /// nginx.
        Nginx = "nginx",
        /// Apache httpd.
        Apache = "apache",
        /// `HAProxy`.
        HaProxy = "haproxy",
        /// Caddy.
        Caddy = "caddy",
        /// Envoy.
        Envoy = "envoy",
        /// Traefik.
        Traefik = "traefik",
        /// Kong.
        Kong = "kong",
        /// AWS API Gateway, S3, `CloudFront`.
        Aws = "aws",
        /// Cloudflare.
        Cloudflare = "cloudflare",
        /// Varnish.
        Varnish = "varnish",
    }
}
