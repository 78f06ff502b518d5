//! The mistakes behind refusals: what went wrong, how it is told, and how to mend it (CAUSES.md).

use super::{Cause, Setting};

/// Which of the layers behind a target has to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The application, or its framework.
    Application,
    /// The proxy, load balancer or CDN before it.
    Edge,
}

/// A cause's words. `{origin}`, `{method}`, `{headers}`, `{path}` and `{value}` stand for what the refusal shows.
#[derive(Debug)]
pub struct CauseEntry {
    /// Which cause.
    pub cause: Cause,
    /// One line.
    pub title: &'static str,
    /// What went wrong, for who writes the server.
    pub wrong: &'static str,
    /// How it is told from the other causes.
    pub told_by: &'static str,
    /// What to change, whatever the server.
    pub fix: &'static str,
    /// What to change in a stack: which of its settings.
    pub setting: Option<Setting>,
    /// Where that is, when both answer.
    pub side: Side,
}

impl Cause {
    /// The cause's words.
    #[must_use]
    pub fn entry(self) -> &'static CauseEntry {
        &CAUSES[self as usize]
    }
}

/// Every cause, in the order of [`Cause::ALL`].
pub static CAUSES: &[CauseEntry] = &[
    CauseEntry {
        cause: Cause::AuthBeforeCors,
        title: "The login check answers before CORS runs",
        wrong: "A login check, API gateway or firewall refuses the request, and its answer has no CORS headers. Browsers never send credentials on a preflight, so the check can never pass there.",
        told_by: "401, 403 or 407 without any Access-Control field, on preflights or on requests without credentials, while requests with them pass",
        fix: "Answer OPTIONS before what refuses it (a login check, a firewall), and run CORS outside that, so that 401 and 403 carry the headers, too.",
        setting: Some(Setting::Order),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::RateLimited,
        title: "A limiter answers before CORS runs",
        wrong: "Too many requests: the limiter's answer has no CORS headers, so the page sees a CORS error in place of 429. Limiters often count preflights as well.",
        told_by: "429 (503 from nginx) without any Access-Control field, among allowed answers of the same endpoint",
        fix: "Leave OPTIONS out of the limit, and run CORS outside the limiter, so that the page sees 429 and can wait.",
        setting: Some(Setting::Order),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::OriginNotListed,
        title: "The allow-list lacks this origin",
        wrong: "CORS runs, looked for the origin, and did not find it. If this page should not read the answer, all is well.",
        told_by: "Vary: Origin, Access-Control-Allow-Credentials or -Methods without an origin; Starlette's 400 \"Disallowed CORS origin\"; Tomcat's 403, which is text/plain without text; another origin named; other origins allowed on this endpoint",
        fix: "If {origin} is yours, put exactly \"{origin}\" on the allow-list. If it is not, leave it refused.",
        setting: Some(Setting::Origins),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::OriginOrMethodNotListed,
        title: "The allow-list lacks the origin or the method",
        wrong: "Spring refuses a request whose origin or method is not allowed with 403 \"Invalid CORS request\", Go's rs/cors a preflight with an answer that has Vary alone; neither says which of the two it was.",
        told_by: "403 with the body \"Invalid CORS request\"; or a preflight's answer with nothing but Vary, while nothing else is known of the target",
        fix: "Allow \"{origin}\" and {method}.",
        setting: Some(Setting::Origins),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::MethodNotListed,
        title: "The list of methods lacks this one",
        wrong: "The server's list of allowed methods does not have it. Many defaults stop at GET, HEAD and POST.",
        told_by: "the list in view; Starlette's 400 with the origin allowed; an answer without any field, or 400 or 403 in plain words (rack, Go, actix, Tomcat), while another method of the path is fine",
        fix: "Add {method} to the allowed methods.",
        setting: Some(Setting::Methods),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::HeaderNotListed,
        title: "The list of headers lacks one that the page sends",
        wrong: "The page or one of its libraries sends a header that the server's list does not have.",
        told_by: "the list in view; Starlette's 400 with the origin allowed",
        fix: "Add {headers} to the allowed headers; or stop sending it from the page.",
        setting: Some(Setting::Headers),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::CorsNotMounted,
        title: "CORS does not run on this path",
        wrong: "The answer has no CORS header at all: the path is outside the router, plugin scope, path pattern or location that has CORS.",
        told_by: "2xx, 404 or 405, or 400 or 415 in JSON, without any Access-Control field, on preflights and requests alike, while other paths of the target may have them",
        fix: "Make CORS cover {path}, OPTIONS included.",
        setting: Some(Setting::Scope),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::CorsAfterRouter,
        title: "The route answers before CORS runs",
        wrong: "The preflight is answered well, but the route itself ends the request before the CORS code adds its headers. The request takes effect and the page is told that it failed.",
        told_by: "the preflight is good and the answer has no Access-Control field; 404s of the same target may have them",
        fix: "Run CORS before the routes.",
        setting: Some(Setting::Order),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::ErrorPageWithoutCors,
        title: "Error answers are made outside the CORS code",
        wrong: "The endpoint's good answers carry the headers, this error does not: a crash outside the middleware, a proxy's own error page, or headers that are added to good statuses alone. The page sees a CORS error in place of the real one.",
        told_by: "4xx or 5xx without any Access-Control field, where 2xx of the endpoint or its preflights have them",
        fix: "Mend the error itself ({value}), and make CORS cover error answers, too.",
        setting: Some(Setting::Errors),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::UpstreamDown,
        title: "The proxy got no answer from the application",
        wrong: "The application behind the proxy is down, crashed, timed out or dropped the connection. The proxy's own page has no CORS headers. A request that changes something may have taken effect before that.",
        told_by: "502 or 504 (503 from HAProxy, Varnish, Envoy, lighttpd) from a proxy, without any Access-Control field",
        fix: "Look at the application's log and health first; then let the proxy add CORS headers to its own error pages.",
        setting: Some(Setting::Errors),
        side: Side::Edge,
    },
    CauseEntry {
        cause: Cause::PreflightRedirected,
        title: "The preflight meets a redirect",
        wrong: "A rule redirects every request, OPTIONS included: to https, to the URL with or without slash, to another host, or to a login page. Browsers do not follow it on a preflight.",
        told_by: "301, 302, 303, 307 or 308 on OPTIONS; the Location tells which rule",
        fix: "Let the page call the final URL ({value}); or answer OPTIONS before the rule that redirects.",
        setting: Some(Setting::Order),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::ActualRedirectWithoutCors,
        title: "The request meets a redirect without CORS headers",
        wrong: "A redirect is checked like any answer before it is followed, and this one is made outside the CORS code (slash rules, https rules, login).",
        told_by: "a redirect without Access-Control-Allow-Origin, mostly after a good preflight",
        fix: "Let the page call the final URL ({value}); or make CORS cover the redirect.",
        setting: Some(Setting::Order),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::TwoLayers,
        title: "Two layers each add the header",
        wrong: "Application and proxy, or two pieces of the application, each add Access-Control-Allow-Origin. Browsers refuse two values, even equal ones.",
        told_by: "two fields, or one that is evidently joined from two",
        fix: "Let one of them own the header: remove it in the application, or make the proxy replace what comes from behind ({value}).",
        setting: Some(Setting::OneOwner),
        side: Side::Edge,
    },
    CauseEntry {
        cause: Cause::CachedForOtherOrigin,
        title: "A cache serves an answer made for another page",
        wrong: "The cache stores the answer to whoever came first, with the headers made for that page (or without any), and gives it to everybody: Vary: Origin is missing, or the cache ignores it.",
        told_by: "evidence of a cache hit (X-Cache, Age) and another page's origin, or no header where there was one before; only GET, only sometimes",
        fix: "Send Vary: Origin with every answer of {path}, make the cache heed it, and purge what it holds.",
        setting: Some(Setting::Cache),
        side: Side::Edge,
    },
    CauseEntry {
        cause: Cause::CredentialsWithWildcard,
        title: "* where credentials are sent",
        wrong: "* never covers a request with cookies or HTTP authentication: not as origin, and not in the lists of methods and headers.",
        told_by: "* in the header that decided, and a request with credentials",
        fix: "Answer \"{origin}\" with Access-Control-Allow-Credentials: true and Vary: Origin, and list methods and headers by name; or fetch without credentials.",
        setting: Some(Setting::Credentials),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::CredentialsNotAllowed,
        title: "The server does not agree to credentials",
        wrong: "The page sends cookies or HTTP authentication; the server names the origin but does not say Access-Control-Allow-Credentials: true.",
        told_by: "the right origin, without that field or with another value",
        fix: "Allow credentials for \"{origin}\"; or fetch without credentials.",
        setting: Some(Setting::Credentials),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::ConfigValueMalformed,
        title: "A configured value is not what browsers compare with",
        wrong: "Browsers compare bytes: a slash or path at the end, capitals, a list, a pattern, quotes or an empty variable never match.",
        told_by: "the value in view: {value}",
        fix: "Configure \"{origin}\", exactly so, one for each request; lists are names with commas between.",
        setting: Some(Setting::Origins),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::SchemeLostBehindTls,
        title: "The application thinks that it is spoken to by http",
        wrong: "TLS ends in front of the application, which then builds URLs and origins with http://.",
        told_by: "Location or Access-Control-Allow-Origin with http:// for a target that the browser reaches by https; or a redirect to the very URL that was asked for",
        fix: "Pass X-Forwarded-Proto on, and make the application believe it.",
        setting: Some(Setting::Scheme),
        side: Side::Application,
    },
    CauseEntry {
        cause: Cause::NotHttpOrDown,
        title: "Nobody answers",
        wrong: "No answer, a reset, or an edge that reaches no server at all. The console may say CORS; it is not.",
        told_by: "no answer's head; or 52x from the edge",
        fix: "See whether the process runs and listens, and what the firewall and the proxy say.",
        setting: None,
        side: Side::Edge,
    },
    CauseEntry {
        cause: Cause::Unknown,
        title: "Nothing points to one mistake",
        wrong: "What the wire shows fits several mistakes, or none that is known.",
        told_by: "none of the others",
        fix: "See what the reason says.",
        setting: None,
        side: Side::Application,
    },
];

const _: () = {
    assert!(CAUSES.len() == Cause::ALL.len());
    let mut i = 0;
    while i < CAUSES.len() {
        assert!(CAUSES[i].cause as usize == i, "CAUSES is in the order of Cause::ALL");
        i += 1;
    }
};
