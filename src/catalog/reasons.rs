//! What each reason means, what browsers say, and how to mend it (VERDICTS.md §4).

use super::{Cause, Reason, Setting, Severity};
use crate::record::Phase;

/// What a reason says about the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonKind {
    /// The browser refused.
    Block,
    /// The wire cannot tell.
    Doubt,
}

/// What one browser says.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// Its own name for it; empty where it has none.
    pub code: &'static str,
    /// The console's text, without the prefix common to all; empty where it is silent.
    pub console: &'static str,
}

/// A reason's words.
#[derive(Debug)]
pub struct ReasonEntry {
    /// Which reason.
    pub reason: Reason,
    /// Block or doubt.
    pub kind: ReasonKind,
    /// Where it can happen; empty for doubts.
    pub phases: &'static [Phase],
    /// How bad, as such.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// What it means, for who writes the server.
    pub meaning: &'static str,
    /// What `detail` quotes.
    pub evidence: &'static str,
    /// Chromium. Codes at a preflight begin with `Preflight` where the texts say so.
    pub chromium: Wording,
    /// Firefox.
    pub firefox: Wording,
    /// Safari, which has no codes.
    pub safari: Wording,
    /// Where the Fetch standard, or VERDICTS.md for what is not in it, decides so.
    pub step: &'static str,
    /// What to change, whatever the server.
    pub fix: &'static str,
}

impl Reason {
    /// The reason's words.
    #[must_use]
    pub fn entry(self) -> &'static ReasonEntry {
        &REASONS[self as usize]
    }

    /// The mistakes that can be behind it, the commonest first; none for doubts.
    #[must_use]
    pub fn causes(self) -> &'static [Cause] {
        match self {
            Reason::MissingAllowOrigin => &[
                Cause::AuthBeforeCors,
                Cause::OriginNotListed,
                Cause::CorsNotMounted,
                Cause::CorsAfterRouter,
                Cause::ErrorPageWithoutCors,
                Cause::UpstreamDown,
                Cause::RateLimited,
                Cause::ActualRedirectWithoutCors,
                Cause::MethodNotListed,
                Cause::OriginOrMethodNotListed,
                Cause::CachedForOtherOrigin,
            ],
            Reason::WildcardWithCredentials => &[Cause::CredentialsWithWildcard],
            Reason::MultipleAllowOrigin => &[Cause::TwoLayers, Cause::ConfigValueMalformed],
            Reason::InvalidAllowOrigin | Reason::InvalidAllowMethods | Reason::InvalidAllowHeaders => {
                &[Cause::ConfigValueMalformed]
            }
            Reason::AllowOriginMismatch => &[
                Cause::OriginNotListed,
                Cause::ConfigValueMalformed,
                Cause::CachedForOtherOrigin,
                Cause::TwoLayers,
                Cause::SchemeLostBehindTls,
            ],
            Reason::MissingAllowCredentials => &[Cause::CredentialsNotAllowed, Cause::TwoLayers],
            Reason::PreflightRedirect => &[Cause::PreflightRedirected, Cause::SchemeLostBehindTls],
            Reason::PreflightStatus => &[
                Cause::MethodNotListed,
                Cause::HeaderNotListed,
                Cause::AuthBeforeCors,
                Cause::RateLimited,
                Cause::CorsNotMounted,
                Cause::UpstreamDown,
            ],
            Reason::MethodNotAllowed => &[Cause::MethodNotListed, Cause::CredentialsWithWildcard],
            Reason::HeaderNotAllowed => &[Cause::HeaderNotListed, Cause::CredentialsWithWildcard],
            Reason::PreflightUnanswered | Reason::ActualUnanswered => &[Cause::NotHttpOrDown],
            Reason::PrivateNetworkNotAllowed
            | Reason::RedirectContainsCredentials
            | Reason::DisabledScheme
            | Reason::TooManyRedirects => &[Cause::Unknown],
            Reason::CredentialsUnknown
            | Reason::ModeUnknown
            | Reason::TargetUnknown
            | Reason::FamilyUnknown
            | Reason::NotModified
            | Reason::ResponseNotCaptured
            | Reason::RequestNotCaptured
            | Reason::ActualNotSeen
            | Reason::RedirectLeftView
            | Reason::RedirectNotFollowed
            | Reason::ExtensionOrigin => &[],
        }
    }

    /// The settings of a stack that mend it, whatever the cause; none where there is nothing to set.
    #[must_use]
    pub fn settings(self) -> &'static [Setting] {
        match self {
            Reason::MissingAllowOrigin => &[Setting::Order, Setting::Scope, Setting::Errors],
            Reason::WildcardWithCredentials | Reason::MissingAllowCredentials | Reason::CredentialsUnknown => {
                &[Setting::Credentials]
            }
            Reason::MultipleAllowOrigin => &[Setting::OneOwner],
            Reason::InvalidAllowOrigin => &[Setting::Origins],
            Reason::AllowOriginMismatch => &[Setting::Origins, Setting::Cache],
            Reason::PreflightRedirect => &[Setting::Order, Setting::Scheme],
            Reason::PreflightStatus => &[Setting::Order],
            Reason::InvalidAllowMethods | Reason::MethodNotAllowed => &[Setting::Methods],
            Reason::InvalidAllowHeaders | Reason::HeaderNotAllowed => &[Setting::Headers],
            Reason::PrivateNetworkNotAllowed
            | Reason::RedirectContainsCredentials
            | Reason::DisabledScheme
            | Reason::TooManyRedirects
            | Reason::PreflightUnanswered
            | Reason::ActualUnanswered
            | Reason::ModeUnknown
            | Reason::TargetUnknown
            | Reason::FamilyUnknown
            | Reason::NotModified
            | Reason::ResponseNotCaptured
            | Reason::RequestNotCaptured
            | Reason::ActualNotSeen
            | Reason::RedirectLeftView
            | Reason::RedirectNotFollowed
            | Reason::ExtensionOrigin => &[],
        }
    }
}

const BOTH: &[Phase] = &[Phase::Preflight, Phase::Actual];
const PREFLIGHT: &[Phase] = &[Phase::Preflight];
const ACTUAL: &[Phase] = &[Phase::Actual];
const SILENT: Wording = says("", "");

const fn says(code: &'static str, console: &'static str) -> Wording {
    Wording { code, console }
}

const fn doubt(
    reason: Reason,
    title: &'static str,
    meaning: &'static str,
    evidence: &'static str,
    fix: &'static str,
) -> ReasonEntry {
    ReasonEntry {
        reason,
        kind: ReasonKind::Doubt,
        phases: &[],
        severity: Severity::Info,
        title,
        meaning,
        evidence,
        chromium: SILENT,
        firefox: SILENT,
        safari: SILENT,
        step: "what the wire hides from every observer",
        fix,
    }
}

/// Every reason, in the order of [`Reason::ALL`].
pub static REASONS: &[ReasonEntry] = &[
    ReasonEntry {
        reason: Reason::MissingAllowOrigin,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "The answer does not say who may read it",
        meaning: "The server answered without Access-Control-Allow-Origin: the route, the error path or a layer in front of it (login, firewall, load balancer, crash page, 404) never ran the CORS code. Two thirds of all refusals are this one, so look at the cause: the status, and what else the answer has, tell which layer spoke.",
        evidence: "the status, who answered (Server, Via), and whether other answers of this path have the header",
        chromium: says(
            "MissingAllowOriginHeader / PreflightMissingAllowOriginHeader",
            "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        ),
        firefox: says("CORSMissingAllowOrigin", "CORS header ‘Access-Control-Allow-Origin’ missing"),
        safari: says("", "Origin … is not allowed by Access-Control-Allow-Origin."),
        step: "Fetch § CORS check, step 2",
        fix: "Send the CORS headers with every answer of the path, errors included. Where the status is 400 or above, find out about the status first.",
    },
    ReasonEntry {
        reason: Reason::WildcardWithCredentials,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "* does not cover a request with credentials",
        meaning: "Access-Control-Allow-Origin: * shares an answer only with requests that carry no cookies and no HTTP authentication. This one did.",
        evidence: "what shows that credentials were included, and Access-Control-Allow-Credentials as sent",
        chromium: says(
            "WildcardOriginNotAllowed / PreflightWildcardOriginNotAllowed",
            "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
        ),
        firefox: says(
            "CORSNotSupportingCredentials",
            "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’",
        ),
        safari: says("", "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."),
        step: "Fetch § CORS check, steps 3 and 4",
        fix: "Answer the exact origin from an allow-list, with Access-Control-Allow-Credentials: true and Vary: Origin; or leave credentials out in the page.",
    },
    ReasonEntry {
        reason: Reason::MultipleAllowOrigin,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "More than one origin is named",
        meaning: "The header may hold one origin. Two layers each added it (application and proxy), or a list was configured as its value. Two equal values are refused as well.",
        evidence: "each field in order",
        chromium: says(
            "MultipleAllowOriginValues / PreflightMultipleAllowOriginValues",
            "The 'Access-Control-Allow-Origin' header contains multiple values '…', but only one is allowed.",
        ),
        firefox: says(
            "CORSMultipleAllowOriginNotAllowed; CORSAllowOriginNotMatchingOrigin for one field with a list",
            "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed",
        ),
        safari: says("", "Access-Control-Allow-Origin cannot contain more than one origin."),
        step: "Fetch § CORS check, step 4 (the values joined equal no origin)",
        fix: "Let one layer own the header: the proxy replaces it, or only the application sets it. A server chooses one origin for each request.",
    },
    ReasonEntry {
        reason: Reason::InvalidAllowOrigin,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "What is named is no origin",
        meaning: "An empty variable, a pattern such as *.example.com, a host without scheme, or quotes: browsers compare bytes and expand nothing.",
        evidence: "the value as sent",
        chromium: says(
            "InvalidAllowOriginValue / PreflightInvalidAllowOriginValue",
            "The 'Access-Control-Allow-Origin' header contains the invalid value '…'.",
        ),
        firefox: says(
            "CORSAllowOriginNotMatchingOrigin",
            "CORS header ‘Access-Control-Allow-Origin’ does not match ‘…’",
        ),
        safari: says("", "Origin … is not allowed by Access-Control-Allow-Origin."),
        step: "Fetch § CORS check, step 4",
        fix: "scheme://host[:port], nothing else. Patterns must be expanded by the server into the one origin that asked.",
    },
    ReasonEntry {
        reason: Reason::AllowOriginMismatch,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "Another origin is named",
        meaning: "The server allows somebody, but not this page: a slash or path too many, another scheme, port, case or www., staging instead of production, or a cache that serves an answer made for another page.",
        evidence: "both values, in what they differ, and whether the value is that of an earlier request",
        chromium: says(
            "AllowOriginMismatch / PreflightAllowOriginMismatch",
            "The 'Access-Control-Allow-Origin' header has a value '…' that is not equal to the supplied origin.",
        ),
        firefox: says(
            "CORSAllowOriginNotMatchingOrigin",
            "CORS header ‘Access-Control-Allow-Origin’ does not match ‘…’",
        ),
        safari: says("", "Origin … is not allowed by Access-Control-Allow-Origin."),
        step: "Fetch § CORS check, step 4",
        fix: "Put exactly this origin on the allow-list; where a cache answered, vary it by Origin.",
    },
    ReasonEntry {
        reason: Reason::MissingAllowCredentials,
        kind: ReasonKind::Block,
        phases: BOTH,
        severity: Severity::Medium,
        title: "The server does not agree to credentials",
        meaning: "The page sent cookies or HTTP authentication and Access-Control-Allow-Credentials is not the one legal value, true. True, 1, yes and two fields all fail.",
        evidence: "the value as sent, and what shows that credentials were included",
        chromium: says(
            "InvalidAllowCredentials / PreflightInvalidAllowCredentials",
            "The value of the 'Access-Control-Allow-Credentials' header in the response is '…' which must be 'true' when the request's credentials mode is 'include'.",
        ),
        firefox: says(
            "CORSMissingAllowCredentials",
            "expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’",
        ),
        safari: says("", "Credentials flag is true, but Access-Control-Allow-Credentials is not \"true\"."),
        step: "Fetch § CORS check, steps 5 to 8",
        fix: "Access-Control-Allow-Credentials: true on preflight and answer; or leave credentials out in the page.",
    },
    ReasonEntry {
        reason: Reason::PreflightRedirect,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "The preflight was redirected",
        meaning: "Browsers do not follow a preflight's redirect: to https, to a URL with or without slash, to another host, or to a login page.",
        evidence: "status and Location (host and path)",
        chromium: says("PreflightDisallowedRedirect", "Redirect is not allowed for a preflight request."),
        firefox: says("CORSExternalRedirectNotAllowed", "CORS request external redirect not allowed"),
        safari: says("", "Preflight response is not successful. Status code: 30x"),
        step: "Fetch § CORS-preflight fetch, step 7 (a redirect is no ok status)",
        fix: "Call the final URL, or answer OPTIONS before the rules that redirect.",
    },
    ReasonEntry {
        reason: Reason::PreflightStatus,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "The preflight's status is not 2xx",
        meaning: "The headers were right (or Safari, which looks at the status first, never looked at them), but the preflight was refused. 401 and 403: a login check or firewall ran first, and preflights carry no credentials. 404, 405: no route for OPTIONS. 429: a limiter counts preflights. 400: Starlette refuses method or header.",
        evidence: "the status",
        chromium: says("PreflightInvalidStatus", "It does not have HTTP ok status."),
        firefox: says("CORSPreflightDidNotSucceed", "CORS preflight response did not succeed"),
        safari: says("", "Preflight response is not successful. Status code: …"),
        step: "Fetch § CORS-preflight fetch, step 7",
        fix: "Answer OPTIONS with 204 before login, limiter and router.",
    },
    ReasonEntry {
        reason: Reason::InvalidAllowMethods,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "The list of methods cannot be read",
        meaning: "Access-Control-Allow-Methods is not a list of names with commas between: spaces, semicolons, quotes or brackets spoil all of it.",
        evidence: "the list as sent",
        chromium: says(
            "InvalidAllowMethodsPreflightResponse",
            "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
        ),
        firefox: says("CORSInvalidAllowMethod", "invalid token ‘…’ in CORS header ‘Access-Control-Allow-Methods’"),
        safari: says("", "Header Access-Control-Allow-Methods has an invalid value: …"),
        step: "Fetch § CORS-preflight fetch, step 7.1 to 7.3",
        fix: "Access-Control-Allow-Methods: GET, POST, PUT",
    },
    ReasonEntry {
        reason: Reason::InvalidAllowHeaders,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "The list of headers cannot be read",
        meaning: "Access-Control-Allow-Headers is not a list of names with commas between: spaces, semicolons, quotes or brackets spoil all of it.",
        evidence: "the list as sent",
        chromium: says(
            "InvalidAllowHeadersPreflightResponse",
            "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        ),
        firefox: says("CORSInvalidAllowHeader", "invalid token ‘…’ in CORS header ‘Access-Control-Allow-Headers’"),
        safari: says("", "Header Access-Control-Allow-Headers has an invalid value: …"),
        step: "Fetch § CORS-preflight fetch, step 7.1 to 7.3",
        fix: "Access-Control-Allow-Headers: Content-Type, Authorization",
    },
    ReasonEntry {
        reason: Reason::MethodNotAllowed,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "The method is not on the list",
        meaning: "Access-Control-Allow-Methods lacks the method, has it in another case (patch is not PATCH), or is * for a request with credentials. Allow, the header of 405, does not count.",
        evidence: "the method and the list as sent",
        chromium: says(
            "MethodDisallowedByPreflightResponse",
            "Method … is not allowed by Access-Control-Allow-Methods in preflight response.",
        ),
        firefox: says("CORSMethodNotFound", "Did not find method in CORS header ‘Access-Control-Allow-Methods’"),
        safari: says("", "Method … is not allowed by Access-Control-Allow-Methods."),
        step: "Fetch § CORS-preflight fetch, step 7.5",
        fix: "List the exact method in Access-Control-Allow-Methods.",
    },
    ReasonEntry {
        reason: Reason::HeaderNotAllowed,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Medium,
        title: "A header is not on the list",
        meaning: "The page, or its client library, sends a header that Access-Control-Allow-Headers lacks; or the list is * for a request with credentials. Tracing and login libraries add such headers without the page's author knowing.",
        evidence: "all missing names, and the list as sent",
        chromium: says(
            "HeaderDisallowedByPreflightResponse",
            "Request header field … is not allowed by Access-Control-Allow-Headers in preflight response.",
        ),
        firefox: says(
            "CORSMissingAllowHeaderFromPreflight",
            "header ‘…’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response",
        ),
        safari: says("", "Request header field … is not allowed by Access-Control-Allow-Headers."),
        step: "Fetch § CORS-preflight fetch, steps 7.6 and 7.7",
        fix: "List the names in Access-Control-Allow-Headers; do not rely on *, above all for Authorization.",
    },
    ReasonEntry {
        reason: Reason::PrivateNetworkNotAllowed,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::Low,
        title: "Access to a private network was not granted",
        meaning: "Chromium 104 to 141 asked Access-Control-Request-Private-Network before a public page reached a private address, and warned where the answer was not true. Later versions ask the user.",
        evidence: "the question and the answer",
        chromium: says(
            "PreflightMissingAllowPrivateNetwork / PreflightInvalidAllowPrivateNetwork",
            "No 'Access-Control-Allow-Private-Network' header was present in the preflight response for this private network request.",
        ),
        firefox: SILENT,
        safari: SILENT,
        step: "Private Network Access draft; VERDICTS.md §4",
        fix: "Access-Control-Allow-Private-Network: true, where the page is wanted.",
    },
    ReasonEntry {
        reason: Reason::RedirectContainsCredentials,
        kind: ReasonKind::Block,
        phases: ACTUAL,
        severity: Severity::Medium,
        title: "Redirected to a URL with a user name",
        meaning: "Location holds user:password@ and the redirect crosses origins.",
        evidence: "Location without user name and password",
        chromium: says(
            "RedirectContainsCredentials",
            "Redirect location '…' contains a username and password, which is disallowed for cross-origin requests.",
        ),
        firefox: says("CORSDidNotSucceed", "CORS request did not succeed"),
        safari: says("", "redirection URL … has credentials"),
        step: "Fetch § HTTP-redirect fetch, steps 8 and 9",
        fix: "Redirect to a URL without user name and password.",
    },
    ReasonEntry {
        reason: Reason::DisabledScheme,
        kind: ReasonKind::Block,
        phases: ACTUAL,
        severity: Severity::Medium,
        title: "Redirected to something that is not http or https",
        meaning: "Location leads to another scheme (app:, data:, file:, ftp:) or is no URL at all.",
        evidence: "Location",
        chromium: says("CorsDisabledScheme", "Cross origin requests are only supported for protocol schemes: …"),
        firefox: says("CORSRequestNotHttp / CORSDidNotSucceed", "CORS request not http"),
        safari: says("", "not allowed to follow a cross-origin CORS redirection with non CORS scheme"),
        step: "Fetch § HTTP-redirect fetch, step 5",
        fix: "Redirect scripts to http or https; send app links in the body.",
    },
    ReasonEntry {
        reason: Reason::TooManyRedirects,
        kind: ReasonKind::Block,
        phases: ACTUAL,
        severity: Severity::Medium,
        title: "The 21st redirect",
        meaning: "The URLs lead in a circle.",
        evidence: "the hops",
        chromium: says("net::ERR_TOO_MANY_REDIRECTS", "Failed to load resource: net::ERR_TOO_MANY_REDIRECTS"),
        firefox: says("NS_ERROR_REDIRECT_LOOP", "CORS request did not succeed"),
        safari: says("", "Load cannot follow more than 20 redirections"),
        step: "Fetch § HTTP-redirect fetch, step 6",
        fix: "Break the circle; behind a TLS terminator it is often an application that thinks it is spoken to by http.",
    },
    ReasonEntry {
        reason: Reason::PreflightUnanswered,
        kind: ReasonKind::Block,
        phases: PREFLIGHT,
        severity: Severity::High,
        title: "The preflight got no answer",
        meaning: "Reset, closed or silent: the network or the server, not CORS, although the console may say CORS.",
        evidence: "how the connection ended",
        chromium: says("net::ERR_CONNECTION_RESET and others", "Failed to load resource"),
        firefox: says("CORSDidNotSucceed", "CORS request did not succeed"),
        safari: says("", "… due to access control checks."),
        step: "Fetch § CORS-preflight fetch, step 7 (a network error)",
        fix: "See why nobody answers: process, port, firewall, proxy.",
    },
    ReasonEntry {
        reason: Reason::ActualUnanswered,
        kind: ReasonKind::Block,
        phases: ACTUAL,
        severity: Severity::High,
        title: "The request got no answer",
        meaning: "Reset, closed or silent: the network or the server, not CORS, although the console may say CORS.",
        evidence: "how the connection ended",
        chromium: says("net::ERR_EMPTY_RESPONSE and others", "Failed to load resource"),
        firefox: says("CORSDidNotSucceed", "CORS request did not succeed"),
        safari: says("", "… due to access control checks."),
        step: "Fetch § HTTP-network fetch (a network error)",
        fix: "See why nobody answers: process, port, firewall, proxy.",
    },
    doubt(
        Reason::CredentialsUnknown,
        "Credentials decide, and the wire does not show them",
        "The answer passes without credentials and fails with them. No cookie was sent, which proves nothing: there may be none to send.",
        "what would decide",
        "Look at the page's fetch options; name the origin and allow credentials, then it passes either way.",
    ),
    doubt(
        Reason::ModeUnknown,
        "The mode decides, and the wire does not show it",
        "A simple POST without Sec-Fetch-Mode can be a fetch in cors mode, which is refused, or a beacon or no-cors fetch, which nobody reads.",
        "what would decide",
        "Nothing, if it is a beacon; else as for a block.",
    ),
    doubt(
        Reason::TargetUnknown,
        "Whether it is cross-origin at all depends on a scheme that nothing shows",
        "The tap is behind something that ends TLS and adds no forwarding header.",
        "the target and from where its scheme was taken",
        "Give --scheme, or list the proxy in [site] trusted_proxies.",
    ),
    doubt(
        Reason::FamilyUnknown,
        "Browsers differ here, and the browser is unknown",
        "The families' algorithms come to different verdicts on these bytes.",
        "the User-Agent and what each family would say",
        "Send headers on which all browsers agree.",
    ),
    doubt(
        Reason::NotModified,
        "A 304 whose stored answer was not captured",
        "The browser judges the stored answer's headers, which went by before this capture.",
        "the 304",
        "Send Access-Control-Allow-Origin with 304, too.",
    ),
    doubt(
        Reason::ResponseNotCaptured,
        "The answer was not captured",
        "Lost packets, a snap length, one direction only, or the end of the capture.",
        "what is missing",
        "Capture both directions with full packets.",
    ),
    doubt(
        Reason::RequestNotCaptured,
        "The request was not captured",
        "An answer whose request is lost: nobody knows who asked.",
        "what is missing",
        "Capture both directions with full packets.",
    ),
    doubt(
        Reason::ActualNotSeen,
        "The preflight passes and no request followed",
        "The page went away, the request took another path, or the capture ended too early.",
        "the preflight",
        "Nothing, unless there are many from one page.",
    ),
    doubt(
        Reason::RedirectLeftView,
        "Redirected to where this tap does not see",
        "What the next host answered decides.",
        "Location (host and path)",
        "Capture there, too.",
    ),
    doubt(
        Reason::RedirectNotFollowed,
        "A redirect that nobody followed",
        "The page asked for manual redirects, a cache answered, or the redirect was refused for what this hop cannot show.",
        "Location (host and path)",
        "Look at the page's fetch options.",
    ),
    doubt(
        Reason::ExtensionOrigin,
        "An extension may be exempt from the check",
        "The check fails, but extensions with host permissions are not held to it.",
        "the origin and the failed check",
        "Look at the extension's permissions.",
    ),
];

const _: () = {
    assert!(REASONS.len() == Reason::ALL.len());
    let mut i = 0;
    while i < REASONS.len() {
        assert!(REASONS[i].reason as usize == i, "REASONS is in the order of Reason::ALL");
        i += 1;
    }
};
