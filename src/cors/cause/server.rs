//! Which server an answer seems to come from (CAUSES.md; `told_by` of each [`Stack`]).

use super::is_allow_field;
use crate::catalog::Stack;
use crate::cors::fields::list_items;
use crate::http::BodyStart;
use crate::http::Response;
use crate::http::head::{Head, Name, Spelling};

/// The stacks that an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The application's framework.
    pub application: Option<Stack>,
    /// The proxy, load balancer or CDN before it.
    pub edge: Option<Stack>,
}

/// Reads the signatures in an answer.
#[must_use]
pub fn recognise(response: &Response) -> Seen {
    let head = &response.head;
    let server = head.first(Name::Server).unwrap_or_default();
    let named = edge_by_name(server);
    // who names an edge names no application
    let application_named = if named.is_none() { server } else { b"" };
    Seen {
        application: application(response, application_named),
        edge: named.or_else(|| edge_by_fields(head, response.status)),
    }
}

/// Where an origin that is not on the list gets the same answer as one where there is no list: Flask-CORS, Falcon's, aiohttp's libraries,
/// Envoy's filter, S3 and code by hand add nothing then, not even `Vary`; nor do nginx's `map`, Apache's `env=` and Caddy's matchers
/// before an application that has none itself. `known` is what other answers of the target show; `routed`: a handler or a router behind
/// has got a preflight, which a proxy that has CORS mostly answers itself, and so does aiohttp's library.
#[must_use]
pub fn hides_denials(response: &Response, known: Option<Stack>, routed: bool) -> bool {
    let head = &response.head;
    let server = head.first(Name::Server).unwrap_or_default();
    let seen = recognise(response);
    let application = seen.application.or(known);
    let behind = || {
        let json = head.first(Name::ContentType).is_some_and(|v| v.starts_with(b"application/json"));
        seen.application.is_some() || (json && !head.has(Name::LastModified))
    };
    match seen.edge {
        Some(Stack::Envoy) => true,
        // on Python's own server, too, which is mostly Django's
        _ if is_falcons(response) => true,
        // django-cors-headers names Origin in Vary, whoever asks
        _ if application == Some(Stack::Django) => false,
        _ if application == Some(Stack::Flask) => true,
        Some(Stack::Nginx | Stack::Apache | Stack::Caddy) => !routed && behind(),
        _ => (!routed && (contains(server, "aiohttp/") || is_by_hand(response))) || server == b"AmazonS3",
    }
}

/// PHP without a framework and Node's own server, which writes a body in chunks: there CORS is code by hand, which seldom says `Vary`.
fn is_by_hand(response: &Response) -> bool {
    let head = &response.head;
    let node = head.first(Name::KeepAlive) == Some(b"timeout=5")
        && head.has(Name::TransferEncoding)
        && !head.has(Name::Etag)
        && !head.has(Name::XPoweredBy);
    node || is_script(head)
}

/// PHP's name.
#[must_use]
pub fn is_script(head: &Head) -> bool {
    head.first(Name::XPoweredBy).is_some_and(|v| v.starts_with(b"PHP"))
}

/// Flask's own answer to OPTIONS, which Flask-CORS leaves as it is for an origin that is not on its list: no body, and what it would be.
#[must_use]
pub fn is_flasks(response: &Response) -> bool {
    let names_itself = |list: &[u8]| list_items(list).any(|item| item == b"OPTIONS");
    is_empty_page(response, b"text/html; charset=utf-8") && response.head.first(Name::Allow).is_some_and(names_itself)
}

/// Falcon's own answer to OPTIONS, in the same way.
#[must_use]
pub fn is_falcons(response: &Response) -> bool {
    is_empty_page(response, b"application/json") && response.head.has(Name::Allow)
}

/// Puma sends what has neither fields nor a body in chunks, and no date.
fn is_pumas(response: &Response) -> bool {
    let nothing_else = |name: Name| matches!(name, Name::TransferEncoding | Name::Connection | Name::Vary);
    let head = &response.head;
    response.status == 200 && head.has(Name::TransferEncoding) && head.fields().iter().all(|f| nothing_else(f.name))
}

/// 200 without a body, and the type that it would have.
fn is_empty_page(response: &Response, kind: &[u8]) -> bool {
    response.status == 200 && has_no_body(response) && response.head.first(Name::ContentType) == Some(kind)
}

/// By its length, or nothing of one was seen where it says none.
#[must_use]
pub fn has_no_body(response: &Response) -> bool {
    match response.head.first(Name::ContentLength) {
        Some(length) => length == b"0",
        None => response.body_start == BodyStart::Unseen,
    }
}

fn begins(value: &[u8], word: &str) -> bool {
    // nearly all differ in the first letter
    let (Some(first), Some(letter)) = (value.first(), word.as_bytes().first()) else { return word.is_empty() };
    first | 0x20 == letter | 0x20
        && value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

fn contains(value: &[u8], word: &str) -> bool {
    value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Edges by the beginning of `Server`.
const EDGE_SERVERS: &[(&str, Stack)] = &[
    ("nginx", Stack::Nginx),
    ("openresty", Stack::Nginx),
    ("tengine", Stack::Nginx),
    ("caddy", Stack::Caddy),
    ("envoy", Stack::Envoy),
    ("istio-envoy", Stack::Envoy),
    ("kong", Stack::Kong),
    ("cloudflare", Stack::Cloudflare),
    ("varnish", Stack::Varnish),
    ("amazons3", Stack::Aws),
    ("cloudfront", Stack::Aws),
    ("awselb", Stack::Aws),
    ("haproxy", Stack::HaProxy),
    ("traefik", Stack::Traefik),
];

/// Edges by a word in `Via`.
const EDGE_VIAS: &[(&str, Stack)] =
    &[("varnish", Stack::Varnish), ("caddy", Stack::Caddy), ("kong", Stack::Kong), ("cloudfront", Stack::Aws)];

/// Edges by a field of their own.
const EDGE_FIELDS: &[(Name, Stack)] = &[
    (Name::XVarnish, Stack::Varnish),
    (Name::XKongUpstreamLatency, Stack::Kong),
    (Name::XKongProxyLatency, Stack::Kong),
    (Name::XEnvoyUpstreamServiceTime, Stack::Envoy),
    (Name::CfRay, Stack::Cloudflare),
    (Name::CfCacheStatus, Stack::Cloudflare),
    (Name::XAmzCfId, Stack::Aws),
    (Name::XAmznRequestId, Stack::Aws),
    (Name::XAmznErrorType, Stack::Aws),
];

fn edge_by_name(server: &[u8]) -> Option<Stack> {
    if let Some((_, stack)) = EDGE_SERVERS.iter().find(|(word, _)| begins(server, word)) {
        return Some(*stack);
    }
    (begins(server, "apache") && !contains(server, "coyote")).then_some(Stack::Apache)
}

fn edge_by_fields(head: &Head, status: u16) -> Option<Stack> {
    let via = |word: &str| head.all(Name::Via).any(|value| contains(value, word));
    if let Some((_, stack)) = EDGE_VIAS.iter().find(|(word, _)| via(word)) {
        return Some(*stack);
    }
    if let Some((_, stack)) = EDGE_FIELDS.iter().find(|(name, _)| head.has(*name)) {
        return Some(*stack);
    }
    // HAProxy's own pages: no Server, no Date, and this pair in lower case
    let own_page = status >= 400
        && !head.has(Name::Server)
        && !head.has(Name::Date)
        && head.first(Name::CacheControl) == Some(b"no-cache")
        && head.first(Name::ContentType) == Some(b"text/html");
    let redirect = (300..400).contains(&status) && head.has(Name::Location) && is_bare(head);
    // and `return status 200`, which has a length and nothing else
    let canned = (200..300).contains(&status) && head.has(Name::ContentLength) && is_bare(head);
    (own_page || redirect || canned).then_some(Stack::HaProxy)
}

/// HAProxy names itself nowhere, but writes all names of fields in lower case, where the application writes capitals. (A
/// gateway of Node does so with those that it copies, not with its own.)
#[must_use]
pub fn lowers_names(response: &Response) -> Option<Stack> {
    let head = &response.head;
    let all = head.has(Name::XPoweredBy) && head.fields().iter().all(|f| f.spelling == Spelling::Lower);
    (all && recognise(response).edge.is_none() && !head.has(Name::Via)).then_some(Stack::HaProxy)
}

/// What HAProxy answers itself, a `redirect` or a `return`: lower-case length and location, and nothing else but the connection's field.
fn is_bare(head: &Head) -> bool {
    head.fields().iter().all(|f| {
        f.spelling == Spelling::Lower
            && matches!(f.name, Name::ContentLength | Name::Location | Name::Connection | Name::CacheControl)
    })
}

/// Applications by the beginning of `Server`.
const APPLICATION_SERVERS: &[(&str, Stack)] = &[
    ("werkzeug", Stack::Flask),
    ("wsgiserver", Stack::Django),
    ("daphne", Stack::Django),
    ("uvicorn", Stack::Starlette),
    ("hypercorn", Stack::Starlette),
    ("kestrel", Stack::AspNet),
    ("microsoft-iis", Stack::AspNet),
    ("webrick", Stack::Rack),
    ("puma", Stack::Rack),
    ("thin", Stack::Rack),
    ("unicorn", Stack::Rack),
    ("apache-coyote", Stack::Spring),
    ("jetty", Stack::Spring),
];

/// Applications by a word in `X-Powered-By`.
const APPLICATION_POWERS: &[(&str, Stack)] =
    &[("express", Stack::Express), ("asp.net", Stack::AspNet), ("passenger", Stack::Rack), ("servlet", Stack::Spring)];

/// `server` is what may name one.
fn application(response: &Response, server: &[u8]) -> Option<Stack> {
    match response.body_start {
        BodyStart::InvalidCorsRequest => return Some(Stack::Spring),
        BodyStart::DisallowedCors => return Some(Stack::Starlette),
        _ => {}
    }
    let head = &response.head;
    let powered = head.first(Name::XPoweredBy).unwrap_or_default();
    if let Some((_, stack)) = APPLICATION_POWERS.iter().find(|(word, _)| contains(powered, word)) {
        return Some(*stack);
    }
    if let Some((_, stack)) = APPLICATION_SERVERS.iter().find(|(word, _)| begins(server, word)) {
        return Some(*stack);
    }
    let named = |name: &str| head.of(Name::Other).any(|f| head.name_of(f).eq_ignore_ascii_case(name.as_bytes()));
    // rack-cors names what it exposes even where that is nothing
    let exposes_nothing = head.first(Name::AcExposeHeaders) == Some(b"");
    if exposes_nothing || named("x-rack-cors") || named("x-runtime") || named("x-cascade") {
        return Some(Stack::Rack);
    }
    if named("x-dns-prefetch-control") && named("x-permitted-cross-domain-policies") {
        return Some(Stack::Express); // helmet
    }
    // Django's SecurityMiddleware; helmet and its like say more. (Of fields that nobody else asks for the names alone are kept.)
    if head.has(Name::CrossOriginOpenerPolicy)
        && named("x-content-type-options")
        && named("referrer-policy")
        && !head.has(Name::CrossOriginResourcePolicy)
        && !named("x-xss-protection")
    {
        return Some(Stack::Django);
    }
    if is_flasks(response) {
        return Some(Stack::Flask);
    }
    if is_pumas(response) {
        return Some(Stack::Rack);
    }
    by_vary(head, response.status).or_else(|| by_node(head))
}

/// Three CORS libraries name all three request fields, each in its own form.
fn by_vary(head: &Head, status: u16) -> Option<Stack> {
    let mut fields = head.of(Name::Vary);
    let first = fields.next()?;
    let value = head.value_of(first);
    if value.eq_ignore_ascii_case(b"origin") && head.count(Name::Vary) < 3 {
        return None; // as nearly all
    }
    let names_all =
        contains(value, "access-control-request-method") && contains(value, "access-control-request-headers");
    if names_all && value.iter().any(u8::is_ascii_uppercase) {
        return Some(Stack::Go);
    }
    if names_all {
        return Some(Stack::TowerHttp);
    }
    let others = fields.filter(|f| begins(head.value_of(f), "access-control-request-")).count();
    if !value.eq_ignore_ascii_case(b"origin") || others != 2 {
        return None;
    }
    // Spring and old rs/cors alike send three fields. Go sorts its fields, and Spring refuses with 403 alone
    let first = head.fields().iter().find(|f| f.name == Name::Vary || is_allow_field(f.name));
    let sorted = first.is_some_and(|f| f.name != Name::Vary);
    let refused = !head.fields().iter().any(|f| is_allow_field(f.name));
    Some(if sorted || (refused && status < 300) { Stack::Go } else { Stack::Spring })
}

/// Fastify keeps connections for 72 s, Express has a tag of its own.
fn by_node(head: &Head) -> Option<Stack> {
    if head.first(Name::KeepAlive).is_some_and(|v| contains(v, "timeout=72")) {
        return Some(Stack::Fastify);
    }
    // Express's ETag: W/"length-27 digits of base 64"
    let tag = head.first(Name::Etag)?.strip_prefix(b"W/\"")?.strip_suffix(b"\"")?;
    let dash = memchr::memchr(b'-', tag)?;
    let (length, digest) = (tag.get(..dash)?, tag.get(dash + 1..)?);
    (!length.is_empty() && length.iter().all(u8::is_ascii_hexdigit) && digest.len() == 27).then_some(Stack::Express)
}
