//! The checks of Fetch as pure functions: bytes in, failures out, in the order in which each family meets them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::catalog::Reason;
use crate::http::head::{Head, Name, Spelling};
use crate::http::{Response, Version};
use crate::record::{Browser, Family};

use super::browser;
use super::fields::{is_simple_method, token_list};
use super::origin::split_host_port;

/// Failures in the family's order; empty: passed.
pub type Failures = SmallVec<[Reason; 4]>;

/// Who reads an answer: the browser, and how names reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Whose algorithm.
    pub family: Family,
    /// A front hands names on in lower case, whatever the server wrote: its other leg speaks HTTP/2, which has no capitals.
    pub lower_names: bool,
    /// It says "does not match" of a list and of junk, too ([`browser::says_mismatch_of_all`]).
    pub says_mismatch: bool,
}

impl Reader {
    /// Who reads the answer to this request. A proxy that received names in lower case (`user-agent`) sends them so, too.
    #[must_use]
    pub fn of(browser: &Browser, request: &Head, forwarded: bool) -> Self {
        let lower = |name| request.of(name).next().is_some_and(|f| f.spelling == Spelling::Lower);
        Reader {
            family: browser.family,
            lower_names: forwarded && lower(Name::UserAgent),
            says_mismatch: browser::says_mismatch_of_all(browser),
        }
    }

    /// The same leg, another browser.
    #[must_use]
    pub fn as_family(self, family: Family) -> Self {
        Reader { family, says_mismatch: false, ..self }
    }
}

/// What an answer comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Judged {
    /// For a request without credentials.
    pub omitted: Failures,
    /// For one with credentials.
    pub included: Failures,
}

/// What `Access-Control-Allow-Origin` says to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AllowOrigin {
    /// This very origin.
    Named,
    /// `*`.
    Star,
    /// Something else, or nothing.
    Refused(Reason),
}

impl AllowOrigin {
    fn failure(self, included: bool) -> Option<Reason> {
        match self {
            AllowOrigin::Named => None,
            AllowOrigin::Star => included.then_some(Reason::WildcardWithCredentials),
            AllowOrigin::Refused(reason) => Some(reason),
        }
    }
}

/// The `Access-Control-Allow-Origin` part of the CORS check (Fetch § CORS check, steps 1–5), in the ids that say what is wrong.
///
/// `origin` is the request's `Origin` as sent: browsers compare these bytes.
fn allow_origin(head: &Head, origin: &[u8], family: Family) -> AllowOrigin {
    let Some(mut value) = head.joined(Name::AcAllowOrigin) else {
        return AllowOrigin::Refused(Reason::MissingAllowOrigin);
    };
    // several values are joined in a text of their own
    let several = matches!(value, Cow::Owned(_));
    if several && family == Family::Firefox && all_lower(head, Name::AcAllowOrigin) {
        // Firefox merges fields whose names are written in lower case and skips the empty ones.
        let mut kept = head.all(Name::AcAllowOrigin).filter(|v| !v.is_empty());
        if let (Some(only), None) = (kept.next(), kept.next()) {
            value = only.into();
        }
    }
    if value.as_ref() == b"*" {
        return AllowOrigin::Star;
    }
    if value.as_ref() == origin {
        return AllowOrigin::Named;
    }
    AllowOrigin::Refused(if several || value.iter().any(|b| matches!(b, b',' | b' ')) {
        Reason::MultipleAllowOrigin
    } else if value.as_ref() == b"null" || is_absolute_url(&value) {
        Reason::AllowOriginMismatch
    } else {
        Reason::InvalidAllowOrigin
    })
}

/// The browser's own reason, then the one that says what is wrong, where the browser's words are less exact.
///
/// Firefox says "does not match" of everything that is not the origin, but for several fields in the usual spelling
/// (`CORSAllowOriginNotMatchingOrigin`, `CORSMultipleAllowOriginNotAllowed`).
fn as_said(head: &Head, reason: Reason, reader: Reader) -> (Reason, Option<Reason>) {
    let inexact = match reason {
        Reason::InvalidAllowOrigin => true,
        Reason::MultipleAllowOrigin => {
            head.count(Name::AcAllowOrigin) < 2 || reader.lower_names || all_lower(head, Name::AcAllowOrigin)
        }
        _ => false,
    };
    if reader.says_mismatch && inexact { (Reason::AllowOriginMismatch, Some(reason)) } else { (reason, None) }
}

fn all_lower(head: &Head, name: Name) -> bool {
    head.of(name).all(|f| f.spelling == Spelling::Lower)
}

/// Whether Firefox's verdict hangs on the protocol of its own leg: behind a front that may speak HTTP/2 to the browser (and so
/// write names in lower case), several fields of which all but one are empty pass there and fail over HTTP/1.1.
#[must_use]
pub fn hangs_on_front_protocol(head: &Head, origin: &[u8]) -> bool {
    if head.count(Name::AcAllowOrigin) < 2 {
        return false;
    }
    let mut kept = head.all(Name::AcAllowOrigin).filter(|v| !v.is_empty());
    matches!((kept.next(), kept.next()), (Some(only), None) if only == b"*" || only == origin)
}

/// A URL on its own, as Chromium's parser takes it: `a.test:80` is one (of scheme `a.test`), `a.test` is none.
fn is_absolute_url(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    // controls around a URL are no part of it, nor are tabs and line ends within (URL § basic URL parser)
    let text = text.trim_matches(|c| c <= ' ').replace(['\t', '\n', '\r'], "");
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) || !scheme.bytes().all(good) {
        return false;
    }
    if !["http", "https", "ws", "wss", "ftp"].iter().any(|special| scheme.eq_ignore_ascii_case(special)) {
        return true;
    }
    let authority = rest.trim_start_matches(['/', '\\']).split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    split_host_port(host).is_some()
}

/// The `Access-Control-Allow-Credentials` part: only the value `true` counts (Fetch § CORS check, steps 6–9). Firefox leaves
/// empty fields out.
fn grants_credentials(head: &Head, family: Family) -> bool {
    if family == Family::Firefox && head.count(Name::AcAllowCredentials) > 1 {
        let mut kept = head.all(Name::AcAllowCredentials).filter(|v| !v.is_empty());
        return kept.next() == Some(b"true") && kept.next().is_none();
    }
    head.joined(Name::AcAllowCredentials).is_some_and(|v| v.as_ref() == b"true")
}

/// Fetch § CORS check of an actual request's answer.
#[must_use]
pub fn judge_actual(head: &Head, origin: &[u8], reader: Reader) -> Judged {
    let said = allow_origin(head, origin, reader.family);
    let mut judged = Judged::default();
    for (included, failures) in [(false, &mut judged.omitted), (true, &mut judged.included)] {
        if let Some(reason) = said.failure(included) {
            let (first, exact) = as_said(head, reason, reader);
            failures.push(first);
            failures.extend(exact);
        }
    }
    if !grants_credentials(head, reader.family) {
        judged.included.push(Reason::MissingAllowCredentials);
    }
    judged
}

/// Whether a status with a `Location` is a redirect (Fetch § redirect status).
#[must_use]
pub fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308) && response.head.has(Name::Location)
}

/// Whether browsers take an answer for none: it tells two lengths of its body (RFC 9112 §6.3), or no status (RFC 9113 §8.3.2).
#[must_use]
pub fn is_none(response: &Response) -> bool {
    let mut lengths = response.head.all(Name::ContentLength);
    let lengths_differ = lengths.next().is_some_and(|first| lengths.any(|other| other != first));
    lengths_differ || (response.version == Version::Http2 && response.status < 100)
}

/// Whether a field that decides has a control character in its value: no HTTP/2 carries that, nor does every proxy.
#[must_use]
pub fn has_controls(head: &Head) -> bool {
    let deciding = [Name::AcAllowOrigin, Name::AcAllowCredentials, Name::AcAllowMethods, Name::AcAllowHeaders];
    let is_control = |b: &u8| b.is_ascii_control() && *b != b'\t';
    deciding.iter().any(|name| head.all(*name).any(|value| value.iter().any(is_control)))
}

/// Whether an answer tells of two places to go on.
#[must_use]
pub fn locations_differ(head: &Head) -> bool {
    let mut locations = head.all(Name::Location);
    locations.next().is_some_and(|first| locations.any(|other| other != first))
}

/// What a preflight asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `Origin` as sent.
    pub origin: &'a [u8],
    /// `Access-Control-Request-Method`.
    pub method: &'a [u8],
    /// Names of `Access-Control-Request-Headers`, lower case.
    pub names: &'a [String],
}

/// How an answer's lists cover what a preflight asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    method: Cover,
    names: Cover,
}

/// How a list covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// It names what is asked for, or nothing needs its permission.
    Named,
    /// It has `*`, which covers no request with credentials.
    Star,
    /// Not at all.
    Not,
    /// It is no list.
    Invalid,
}

impl Cover {
    fn of(value: Option<&[u8]>, names: impl Fn(&[&[u8]]) -> bool) -> Self {
        match token_list(value.unwrap_or_default()) {
            Err(_) => Cover::Invalid,
            Ok(list) if names(&list) => Cover::Named,
            Ok(list) if list.contains(&&b"*"[..]) => Cover::Star,
            Ok(_) => Cover::Not,
        }
    }

    fn fails(self, included: bool) -> bool {
        self == Cover::Not || (self == Cover::Star && included)
    }
}

/// Holds an answer's lists against what a preflight asks for.
#[must_use]
pub fn covered(head: &Head, asked: &Asked<'_>) -> Covered {
    let method = |list: &[&[u8]]| is_simple_method(asked.method) || list.contains(&asked.method);
    let names = |list: &[&[u8]]| {
        asked.names.iter().all(|name| list.iter().any(|item| item.eq_ignore_ascii_case(name.as_bytes())))
    };
    Covered {
        method: Cover::of(head.joined(Name::AcAllowMethods).as_deref(), method),
        names: Cover::of(head.joined(Name::AcAllowHeaders).as_deref(), names),
    }
}

/// Fetch § CORS-preflight fetch, step 7, in the family's order. `home`: it asks the page's own origin, as a redirect back does;
/// Firefox then looks at the status first.
#[must_use]
pub fn judge_preflight(response: &Response, asked: &Asked<'_>, covered: Covered, reader: Reader, home: bool) -> Judged {
    let head = &response.head;
    let redirect = is_redirect(response).then_some(Reason::PreflightRedirect);
    let status = (redirect.is_none() && !(200..=299).contains(&response.status)).then_some(Reason::PreflightStatus);
    let said = allow_origin(head, asked.origin, reader.family);
    let granted = grants_credentials(head, reader.family);
    let bad_methods = (covered.method == Cover::Invalid).then_some(Reason::InvalidAllowMethods);
    let bad_headers = (covered.names == Cover::Invalid).then_some(Reason::InvalidAllowHeaders);
    let judge = |included: bool| {
        let (origin, exact) = match said.failure(included).map(|reason| as_said(head, reason, reader)) {
            Some((first, exact)) => (Some(first), exact),
            None => (None, None),
        };
        let credentials = (included && !granted).then_some(Reason::MissingAllowCredentials);
        let method = covered.method.fails(included).then_some(Reason::MethodNotAllowed);
        let header = covered.names.fails(included).then_some(Reason::HeaderNotAllowed);
        let steps = match reader.family {
            // nothing is cross-origin there: neither who is allowed nor credentials are looked at
            Family::Firefox if home => [redirect, status, None, None, bad_methods, method, bad_headers, header],
            Family::Firefox => [origin, credentials, redirect, status, bad_methods, method, bad_headers, header],
            // a redirect is reported as a status here; its id stays
            Family::Safari => [redirect, status, origin, credentials, bad_methods, bad_headers, method, header],
            Family::Chromium | Family::Other | Family::Unknown => {
                [redirect, origin, credentials, status, bad_methods, bad_headers, method, header]
            }
        };
        let mut failures = Failures::new();
        for failed in steps.into_iter().flatten() {
            failures.push(failed);
            if Some(failed) == origin {
                failures.extend(exact);
            }
        }
        failures
    };
    Judged { omitted: judge(false), included: judge(true) }
}

/// Whether a list of names covers one: by itself, or by `*`.
#[must_use]
pub fn name_covered(list: &[&[u8]], name: &str, included: bool) -> bool {
    list.iter().any(|item| item.eq_ignore_ascii_case(name.as_bytes())) || (!included && list.contains(&&b"*"[..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;

    fn head(fields: &[(&str, &str)]) -> Head {
        let mut built = HeadBuilder::response();
        for (name, value) in fields {
            built.field(name.as_bytes(), Name::of(name.as_bytes()), value.as_bytes(), false);
        }
        built.finish()
    }

    #[test]
    fn fetch_cors_check_step_by_step() {
        const ACAO: &str = "Access-Control-Allow-Origin";
        let o = b"http://a.test";
        for (values, omitted, included) in [
            (&[][..], Some(Reason::MissingAllowOrigin), Some(Reason::MissingAllowOrigin)),
            (&["*"], None, Some(Reason::WildcardWithCredentials)),
            (&["http://a.test"], None, None),
            (&["http://a.test/"], Some(Reason::AllowOriginMismatch), Some(Reason::AllowOriginMismatch)),
            (&["http://A.test"], Some(Reason::AllowOriginMismatch), Some(Reason::AllowOriginMismatch)),
            (&["null"], Some(Reason::AllowOriginMismatch), Some(Reason::AllowOriginMismatch)),
            (&[""], Some(Reason::InvalidAllowOrigin), Some(Reason::InvalidAllowOrigin)),
            (&["a.test"], Some(Reason::InvalidAllowOrigin), Some(Reason::InvalidAllowOrigin)),
            (&["*.a.test"], Some(Reason::InvalidAllowOrigin), Some(Reason::InvalidAllowOrigin)),
            (&["http://*.test"], Some(Reason::AllowOriginMismatch), Some(Reason::AllowOriginMismatch)),
            (&["a.test:80"], Some(Reason::AllowOriginMismatch), Some(Reason::AllowOriginMismatch)),
            (&["http://a.test", "http://a.test"], Some(Reason::MultipleAllowOrigin), Some(Reason::MultipleAllowOrigin)),
            (&["http://a.test http://b.test"], Some(Reason::MultipleAllowOrigin), Some(Reason::MultipleAllowOrigin)),
            (&["*", "*"], Some(Reason::MultipleAllowOrigin), Some(Reason::MultipleAllowOrigin)),
        ] {
            let head = head(&values.iter().map(|v| (ACAO, *v)).collect::<Vec<_>>());
            let said = allow_origin(&head, o, Family::Chromium);
            assert_eq!((said.failure(false), said.failure(true)), (omitted, included), "{values:?}");
        }
    }

    #[test]
    fn only_true_grants_credentials() {
        for (value, granted) in [("true", true), ("True", false), ("TRUE", false), ("1", false), ("", false)] {
            let head = head(&[("Access-Control-Allow-Credentials", value)]);
            assert_eq!(grants_credentials(&head, Family::Chromium), granted, "{value}");
            let judged =
                judge_actual(&head, b"", Reader { family: Family::Chromium, lower_names: false, says_mismatch: false });
            assert_eq!(judged.included.contains(&Reason::MissingAllowCredentials), !granted, "{value}");
            assert!(!judged.omitted.contains(&Reason::MissingAllowCredentials), "{value}");
        }
    }

    #[test]
    fn firefox_drops_empty_fields_only_when_written_in_lower_case() {
        let lower = head(&[("access-control-allow-origin", ""), ("access-control-allow-origin", "http://a.test")]);
        let said = |head: &Head, family| allow_origin(head, b"http://a.test", family).failure(false);
        assert_eq!(said(&lower, Family::Firefox), None);
        assert_eq!(said(&lower, Family::Chromium), Some(Reason::MultipleAllowOrigin));
        let usual = head(&[("Access-Control-Allow-Origin", ""), ("Access-Control-Allow-Origin", "http://a.test")]);
        assert_eq!(said(&usual, Family::Firefox), Some(Reason::MultipleAllowOrigin));
    }

    /// `CORSAllowOriginNotMatchingOrigin` and `CORSMultipleAllowOriginNotAllowed` of Firefox 153.
    #[test]
    fn firefox_says_mismatch_of_all_but_several_fields_in_the_usual_spelling() {
        use Reason::{AllowOriginMismatch as Mismatch, InvalidAllowOrigin as Invalid, MultipleAllowOrigin as Multiple};
        const USUAL: &str = "Access-Control-Allow-Origin";
        const LOWER: &str = "access-control-allow-origin";
        let firefox = Reader { family: Family::Firefox, lower_names: false, says_mismatch: true };
        let unmeasured = Reader { says_mismatch: false, ..firefox };
        let behind_h2 = Reader { lower_names: true, ..firefox };
        let (a, b) = ("http://a.test", "http://b.test");
        for (fields, reader, said) in [
            (&[(USUAL, "")][..], firefox, &[Mismatch, Invalid][..]),
            (&[(USUAL, "a.test")], firefox, &[Mismatch, Invalid]),
            (&[(USUAL, b)], firefox, &[Mismatch]),
            (&[(USUAL, "http://a.test, http://b.test")], firefox, &[Mismatch, Multiple]),
            (&[(USUAL, "http://a.test, http://b.test")], unmeasured, &[Multiple]),
            (&[(USUAL, a), (USUAL, b)], firefox, &[Multiple]),
            (&[(LOWER, a), (LOWER, b)], firefox, &[Mismatch, Multiple]),
            (&[(USUAL, a), (USUAL, b)], behind_h2, &[Mismatch, Multiple]),
            (&[(USUAL, a), (USUAL, b)], behind_h2.as_family(Family::Chromium), &[Multiple]),
            (&[(USUAL, "a.test")], firefox.as_family(Family::Safari), &[Invalid]),
            (&[], firefox, &[Reason::MissingAllowOrigin]),
            (&[(USUAL, a)], firefox, &[]),
        ] {
            assert_eq!(judge_actual(&head(fields), a.as_bytes(), reader).omitted.as_slice(), said, "{fields:?}");
        }
    }
}
