//! Field values that CORS reads: token lists, the safelist, and which names a script must have set.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::http::head::{Field, Head, Name};
use crate::http::{Request, is_tchar};

/// RFC 9110 § token.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| is_tchar(b))
}

/// SP and HTAB off both ends.
#[must_use]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\t', inner @ ..] | [inner @ .., b' ' | b'\t'] = rest {
        rest = inner;
    }
    rest
}

/// Items of a comma-separated list, trimmed, empty ones dropped (RFC 9110 §5.6.1).
pub fn list_items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|item| !item.is_empty())
}

/// Fetch § "extract header list values" for a list of tokens.
///
/// # Errors
/// The first item that is no token: then the whole list is invalid.
pub fn token_list(value: &[u8]) -> Result<SmallVec<[&[u8]; 8]>, &[u8]> {
    let mut items = SmallVec::new();
    for item in list_items(value) {
        if !is_token(item) {
            return Err(item);
        }
        items.push(item);
    }
    Ok(items)
}

/// Bytes that no safelisted value may hold (Fetch § CORS-unsafe request-header byte).
const UNSAFE: u8 = 1;
/// Bytes that no language may hold.
const NO_LANGUAGE: u8 = 2;
/// What is wrong with each byte.
static WRONG: [u8; 256] = {
    let mut wrong = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[allow(clippy::cast_possible_truncation)] // below 256
        let b = at as u8;
        if (b < 0x20 && b != b'\t')
            || matches!(
                b,
                0x7f | b'"' | b'(' | b')' | b':' | b'<' | b'>' | b'?' | b'@' | b'[' | b'\\' | b']' | b'{' | b'}'
            )
        {
            wrong[at] |= UNSAFE;
        }
        if !(b.is_ascii_alphanumeric() || matches!(b, b' ' | b'*' | b',' | b'-' | b'.' | b';' | b'=')) {
            wrong[at] |= NO_LANGUAGE;
        }
        at += 1;
    }
    wrong
};

fn has_byte(value: &[u8], wrong: u8) -> bool {
    value.iter().any(|b| WRONG[usize::from(*b)] & wrong != 0)
}

/// Whether the browser itself reports something (a click, a violation), without CORS: a script's request of such a type would
/// have had a preflight.
#[must_use]
pub fn is_report(head: &Head) -> bool {
    head.first(Name::ContentType)
        .and_then(essence_of)
        .is_some_and(|essence| REPORT_TYPES.iter().any(|report| essence.eq_ignore_ascii_case(report.as_bytes())))
}

/// The essence of a MIME type, lower case; none when it does not parse (MIME Sniffing § parse a MIME type).
#[must_use]
pub fn mime_essence(value: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(essence_of(value)?).to_ascii_lowercase())
}

/// The same as sent.
fn essence_of(value: &[u8]) -> Option<&[u8]> {
    let essence = trim(trim(value).split(|&b| b == b';').next()?);
    let slash = essence.iter().position(|&b| b == b'/')?;
    let (kind, sub) = (essence.get(..slash)?, essence.get(slash + 1..)?);
    (is_token(kind) && is_token(sub)).then_some(essence)
}

/// Fetch § CORS-safelisted request-header, for one field.
#[must_use]
pub fn is_safelisted(name: Name, value: &[u8]) -> bool {
    if value.len() > 128 {
        return false;
    }
    match name {
        Name::Accept => !has_byte(value, UNSAFE),
        Name::AcceptLanguage | Name::ContentLanguage => !has_byte(value, NO_LANGUAGE),
        Name::ContentType => {
            let simple = [&b"application/x-www-form-urlencoded"[..], b"multipart/form-data", b"text/plain"];
            !has_byte(value, UNSAFE)
                && essence_of(value).is_some_and(|essence| simple.iter().any(|s| essence.eq_ignore_ascii_case(s)))
        }
        Name::Range => is_simple_range(value),
        _ => false,
    }
}

/// Fetch § "simple range header value": `bytes=` start `-` [end], no white space.
fn is_simple_range(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"bytes=") else { return false };
    let Some(dash) = memchr::memchr(b'-', rest) else { return false };
    let (start, end) = (rest.get(..dash).unwrap_or_default(), rest.get(dash + 1..).unwrap_or_default());
    let number = |b: &[u8]| -> Option<u64> { std::str::from_utf8(b).ok()?.parse().ok() };
    let digits = |b: &[u8]| !b.is_empty() && b.iter().all(u8::is_ascii_digit);
    if !digits(start) || !(end.is_empty() || digits(end)) {
        return false;
    }
    end.is_empty() || matches!((number(start), number(end)), (Some(s), Some(e)) if s <= e)
}

/// Content types that the browser itself sends without a preflight.
pub const REPORT_TYPES: [&str; 5] = [
    "application/csp-report",
    "application/expect-ct-report+json",
    "application/xss-auditor-report",
    "application/ocsp-request",
    "text/ping",
];

/// Names that tell nothing of the script: set by the browser, or added on the way (VERDICTS.md §3).
fn tells_nothing(head: &Head, field: &Field) -> bool {
    match field.name {
        Name::Origin
        | Name::Host
        | Name::AcRequestMethod
        | Name::AcRequestHeaders
        | Name::AcRequestPrivateNetwork
        | Name::AcRequestLocalNetwork
        | Name::AcRequestExternal
        | Name::SecFetchMode
        | Name::SecFetchSite
        | Name::SecFetchDest
        | Name::SecFetchUser
        | Name::SecFetchStorageAccess
        | Name::SecChUa
        | Name::SecWebSocketKey
        | Name::SecPurpose
        | Name::UserAgent
        | Name::AcceptEncoding
        | Name::Referer
        | Name::UpgradeInsecureRequests
        | Name::IfNoneMatch
        | Name::IfModifiedSince
        | Name::CacheControl
        | Name::Pragma
        | Name::Cookie
        | Name::SetCookie
        | Name::ProxyAuthorization
        | Name::Connection
        | Name::Upgrade
        | Name::ContentLength
        | Name::TransferEncoding
        | Name::Te
        | Name::Trailer
        | Name::Expect
        | Name::Date
        | Name::Forwarded
        | Name::XForwardedFor
        | Name::XForwardedProto
        | Name::XForwardedHost
        | Name::XForwardedPort
        | Name::XForwardedScheme
        | Name::XForwardedSsl
        | Name::XScheme
        | Name::FrontEndHttps
        | Name::XUrlScheme
        | Name::XRealIp
        | Name::CfVisitor
        | Name::CfConnectingIp
        | Name::CfRay
        | Name::CloudFrontForwardedProto
        | Name::TrueClientIp
        | Name::Traceparent
        | Name::XRequestId
        | Name::Via
        | Name::KeepAlive
        | Name::XVarnish
        | Name::XAmzCfId
        | Name::XAmznRequestId
        | Name::XEnvoyUpstreamServiceTime => true,
        Name::LastEventId => head.first(Name::Accept) == Some(b"text/event-stream"),
        Name::XHttpMethod | Name::XHttpMethodOverride | Name::XMethodOverride => head
            .value_of(field)
            .split(|&b| b == b',')
            .any(|m| [&b"CONNECT"[..], b"TRACE", b"TRACK"].iter().any(|f| trim(m).eq_ignore_ascii_case(f))),
        Name::Other => other_tells_nothing(head.name_of(field)),
        _ => false,
    }
}

fn other_tells_nothing(name: &[u8]) -> bool {
    /// No name or beginning below is longer.
    const LONGEST: usize = 24;
    const NAMES: [&[u8]; 19] = [
        b"accept-charset",
        b"cookie2",
        b"dnt",
        b"priority",
        b"save-data",
        b"device-memory",
        b"dpr",
        b"width",
        b"viewport-width",
        b"x-correlation-id",
        b"tracestate",
        b"b3",
        b"cdn-loop",
        b"x-cloud-trace-context",
        b"x-client-ip",
        b"ect",
        // WebKit's media player on Linux asks for the titles of web radio
        b"icy-metadata",
        b"rtt",
        b"downlink",
    ];
    const PREFIXES: [&[u8]; 10] = [
        b"proxy-",
        b"sec-",
        b"x-forwarded-",
        b"x-b3-",
        b"x-amzn-",
        b"x-amz-cf-",
        b"cf-",
        b"x-envoy-",
        b"x-arr-",
        b"access-control-request-",
    ];
    let mut lower = [0; LONGEST];
    let start = name.len().min(LONGEST);
    let Some(lower) = lower.get_mut(..start) else { return false };
    lower.copy_from_slice(name.get(..start).unwrap_or_default());
    lower.make_ascii_lowercase();
    PREFIXES.iter().any(|p| lower.starts_with(p)) || (name.len() <= LONGEST && NAMES.contains(&&*lower))
}

/// Whether WebKit's media player on Linux sent it: it loads by itself, and asks for the titles of web radio.
#[must_use]
pub fn is_media_player(head: &Head) -> bool {
    head.of(Name::Other).any(|f| head.name_of(f).eq_ignore_ascii_case(b"icy-metadata"))
}

/// Whether it says how urgent it is (RFC 9218), as Firefox's fetches do.
#[must_use]
pub fn says_priority(head: &Head) -> bool {
    head.of(Name::Other).any(|field| head.name_of(field).eq_ignore_ascii_case(b"priority"))
}

/// Whether Firefox may have been loading a module and refused this answer for its type, which must be one of JavaScript's
/// (MIME Sniffing § JavaScript MIME type). Over plain HTTP a module looks like what a page's script asks for, but that scripts of the page
/// itself say no priority.
#[must_use]
pub fn may_be_no_module(request: &Request, answer: &Head) -> bool {
    const SUBTYPES: [&str; 4] = ["javascript", "ecmascript", "jscript", "livescript"];
    let head = &request.head;
    let essence = answer.first(Name::ContentType).and_then(mime_essence);
    match (head.first(Name::SecFetchDest), essence) {
        (Some(dest), essence) => {
            dest == b"script" && !essence.is_some_and(|e| SUBTYPES.iter().any(|subtype| e.contains(subtype)))
        }
        (None, _) if head.method() != b"GET" || head.first(Name::Accept) != Some(b"*/*") => false,
        // upon a condition it is that of what is stored
        (None, None) => !head.has(Name::IfNoneMatch) && !head.has(Name::IfModifiedSince),
        // a server's own page of errors; others are what a script asks for
        (None, Some(essence)) => essence == "text/html" && !says_priority(head),
    }
}

/// A field that a script must have set and that is not safelisted: why a preflight was needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnsafeField {
    /// Lower-case name.
    pub name: Cow<'static, str>,
    /// For `content-type`: its essence, or what there is of it.
    pub value: Option<Cow<'static, str>>,
}

/// Fetch § CORS-unsafe request-header names, of the fields that a script must have set.
///
/// `authorization` counts unless it is HTTP authentication that the browser itself may send.
#[must_use]
pub fn unsafe_fields(head: &Head) -> Vec<UnsafeField> {
    let mut found: Vec<UnsafeField> = Vec::new();
    let mut safelisted_bytes = 0;
    for field in head.fields() {
        let value = head.value_of(field);
        match field.name {
            Name::Accept | Name::AcceptLanguage | Name::ContentLanguage | Name::ContentType | Name::Range => {
                if is_safelisted(field.name, value) {
                    safelisted_bytes += value.len();
                    continue;
                }
                // browsers add their own Accept-Language and Accept, within the bytes
                let shown = (field.name == Name::ContentType).then(|| shown_type(value));
                if shown.as_deref().is_some_and(|essence| REPORT_TYPES.contains(&essence)) {
                    continue;
                }
                found.push(UnsafeField { name: field.name.text().into(), value: shown });
            }
            Name::Authorization => {
                if !is_browser_authentication(value) {
                    found.push(UnsafeField { name: "authorization".into(), value: None });
                }
            }
            _ if tells_nothing(head, field) => {}
            _ => {
                let name = match field.name {
                    Name::Other => String::from_utf8_lossy(head.name_of(field)).to_ascii_lowercase().into(),
                    known => known.text().into(),
                };
                if !found.iter().any(|f| f.name == name) {
                    found.push(UnsafeField { name, value: None });
                }
            }
        }
    }
    if safelisted_bytes > 1024 {
        found.push(UnsafeField { name: "(safelisted values above 1024 bytes)".into(), value: None });
    }
    found
}

/// A content type for people: its essence, or what there is of it.
fn shown_type(value: &[u8]) -> Cow<'static, str> {
    const USUAL: &str = "application/json";
    match essence_of(value) {
        Some(essence) if essence.eq_ignore_ascii_case(USUAL.as_bytes()) => USUAL.into(),
        Some(essence) => String::from_utf8_lossy(essence).to_ascii_lowercase().into(),
        None => super::origin::printable(value).into(),
    }
}

/// Schemes of `Authorization` that a browser sends on its own.
#[must_use]
pub fn is_browser_authentication(value: &[u8]) -> bool {
    let scheme = value.split(|&b| b == b' ').next().unwrap_or_default();
    [&b"basic"[..], b"digest", b"ntlm", b"negotiate"].iter().any(|s| scheme.eq_ignore_ascii_case(s))
}

/// Methods that need no preflight.
#[must_use]
pub fn is_simple_method(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"POST")
}

/// Why a request needs a preflight: `method PUT`, `content-type: application/json`, `header x-trace-id`; empty when it does not.
#[must_use]
pub fn because(method: &[u8], fields: &[UnsafeField]) -> Vec<String> {
    let mut reasons = Vec::new();
    if !is_simple_method(method) {
        reasons.push(["method ", &super::origin::shown(method)].concat());
    }
    for field in fields {
        reasons.push(match &field.value {
            Some(value) => [&field.name, ": ", value].concat(),
            None => ["header ", &field.name].concat(),
        });
    }
    reasons
}

/// Names of `Access-Control-Request-Headers`, lower case, in order.
#[must_use]
pub fn requested_names(head: &Head) -> Vec<String> {
    let Some(value) = head.joined(Name::AcRequestHeaders) else { return Vec::new() };
    list_items(&value).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect()
}

/// A value for people: printable, at most 200 bytes.
#[must_use]
pub fn quoted(value: &[u8]) -> Cow<'_, str> {
    match value.get(..200) {
        Some(start) if value.len() > 200 => [&*super::origin::shown(start), "…"].concat().into(),
        _ => super::origin::shown(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;

    #[test]
    fn safelisted_values_by_their_bytes() {
        for (name, value, safe) in [
            (Name::ContentType, "text/plain", true),
            (Name::ContentType, "Text/Plain;charset=UTF-8", true),
            (Name::ContentType, "text/plain,", false),
            (Name::ContentType, "text/plain;a=\"b\"", false),
            (Name::ContentType, "application/json", false),
            (Name::ContentType, "multipart/form-data; boundary=----x", true),
            (Name::Range, "bytes=0-", true),
            (Name::Range, "bytes=-5", false),
            (Name::Range, "bytes=5-1", false),
            (Name::Range, "bytes=0-1,3-4", false),
            (Name::AcceptLanguage, "en-US,en;q=0.9", true),
            (Name::AcceptLanguage, "en_US", false),
            (Name::Accept, "text/html, */*;q=0.8", true),
            (Name::Accept, "a:b", false),
        ] {
            assert_eq!(is_safelisted(name, value.as_bytes()), safe, "{value}");
        }
        assert!(is_safelisted(Name::Accept, &[b'a'; 128]) && !is_safelisted(Name::Accept, &[b'a'; 129]));
    }

    #[test]
    fn a_request_tells_why_it_was_preflighted() {
        let mut built = HeadBuilder::request(b"PUT", b"/");
        for (name, value) in [
            ("Host", "b.test"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-Trace-Id", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("DNT", "1"),
            ("Authorization", "Bearer"),
        ] {
            built.field(name.as_bytes(), Name::of(name.as_bytes()), value.as_bytes(), false);
        }
        let head = built.finish();
        assert_eq!(
            because(head.method(), &unsafe_fields(&head)),
            ["method PUT", "content-type: application/json", "header x-trace-id", "header authorization"]
        );
    }

    #[test]
    fn a_list_with_one_item_that_is_no_token_is_invalid() {
        assert_eq!(token_list(b" GET ,, PUT").as_deref(), Ok(&[&b"GET"[..], b"PUT"][..]));
        assert_eq!(token_list(b"GET PUT").as_deref(), Err(&&b"GET PUT"[..]));
        assert_eq!(token_list(b"").as_deref(), Ok(&[][..]));
    }
}
