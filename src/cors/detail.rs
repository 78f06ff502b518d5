//! The sentence that names the very values which decided.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::fields::{list_items, quoted};
use super::origin::Origins;
use crate::catalog::Reason;
use crate::http::head::{Head, Name};
use crate::record::{Credentials, Phase, Transaction, Verdict};

/// Names shown of a list.
const NAMES_MAX: usize = 20;

/// A name from the wire, shortened for people.
#[must_use]
pub fn word(name: &str) -> Cow<'_, str> {
    quoted(name.as_bytes())
}

/// What decided, in words; empty where nothing needs saying.
#[must_use]
pub fn of(transaction: &Transaction, note: Option<&str>, tool: bool, origins: &mut Origins) -> String {
    let mut text = match transaction.verdict {
        Verdict::Allowed | Verdict::NotCors => String::new(),
        Verdict::Blocked | Verdict::Undecided => {
            transaction.reason.map(|r| sentence(transaction, exact(transaction, r), origins)).unwrap_or_default()
        }
    };
    if transaction.verdict == Verdict::Blocked {
        let told = transaction.reason.map(|r| exact(transaction, r));
        for other in transaction.reasons_all.iter().skip(1).filter(|r| Some(**r) != told) {
            text.push_str("; also ");
            text.push_str(other.id());
        }
        if !transaction.hops.is_empty() {
            let _ = write!(text, "; hop {} of a redirect chain", transaction.hops.len() + 1);
        }
    }
    if let Some(note) = note.filter(|_| transaction.verdict != Verdict::NotCors) {
        separate(&mut text);
        text.push_str(note);
    }
    if tool && transaction.verdict != Verdict::NotCors {
        separate(&mut text);
        text.push_str("not a browser");
    }
    text
}

/// What is wrong, where the browser only says "does not match" (Firefox, of lists and junk).
pub(super) fn exact(transaction: &Transaction, reason: Reason) -> Reason {
    match transaction.reasons_all.get(1) {
        Some(&exact @ (Reason::InvalidAllowOrigin | Reason::MultipleAllowOrigin))
            if reason == Reason::AllowOriginMismatch =>
        {
            exact
        }
        _ => reason,
    }
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push_str("; ");
    }
}

/// The head that decided, with its status.
fn deciding(transaction: &Transaction) -> Option<(&Head, u16)> {
    let leg = match transaction.phase {
        Some(Phase::Preflight) => transaction.preflight.as_ref().map(|p| &p.leg),
        Some(Phase::Actual) => transaction.actual.as_ref(),
        None => transaction.actual.as_ref().or(transaction.preflight.as_ref().map(|p| &p.leg)),
    }?;
    leg.response.as_ref().map(|r| (&r.head, r.status))
}

fn field(head: &Head, name: Name) -> String {
    let mut text = String::new();
    for value in head.all(name).take(8) {
        text.push_str(if text.is_empty() { "\"" } else { " and \"" });
        text.push_str(&quoted(value));
        text.push('"');
    }
    text
}

/// The same, in words where there is none.
fn field_or_absent(head: &Head, name: Name) -> String {
    let text = field(head, name);
    if text.is_empty() { "absent".to_owned() } else { text }
}

fn sentence(transaction: &Transaction, reason: Reason, origins: &mut Origins) -> String {
    let sent = match transaction.phase {
        Some(Phase::Preflight) => transaction.preflight.as_ref().map(|p| &p.leg.request),
        _ => transaction.actual.as_ref().map(|l| &l.request),
    }
    .and_then(|r| r.head.first(Name::Origin))
    .map_or_else(|| transaction.origin.as_deref().unwrap_or("null").into(), quoted);
    let what = match transaction.phase {
        Some(Phase::Preflight) => "the preflight's answer",
        _ => "the answer",
    };
    let Some((head, status)) = deciding(transaction) else {
        return match reason {
            Reason::PreflightUnanswered => "the preflight got no answer".to_owned(),
            Reason::ActualUnanswered => "the request got no answer".to_owned(),
            Reason::ResponseNotCaptured => "the answer was not captured".to_owned(),
            other => other.id().replace('_', " "),
        };
    };
    let mut digits = itoa::Buffer::new();
    let status = digits.format(status);
    let allowed = || field(head, Name::AcAllowOrigin);
    match reason {
        Reason::MissingAllowOrigin => {
            [what, " (", status, ") has no Access-Control-Allow-Origin; ", &sent, " asked"].concat()
        }
        Reason::WildcardWithCredentials => {
            let never = ") allows \"*\", which never covers a request with credentials; ";
            [what, " (", status, never, &sent, " asked"].concat()
        }
        Reason::MultipleAllowOrigin => {
            [what, " (", status, ") names several origins: ", &allowed(), "; ", &sent, " asked"].concat()
        }
        Reason::InvalidAllowOrigin => {
            [what, " (", status, ") allows ", &allowed(), ", which is no origin; ", &sent, " asked"].concat()
        }
        Reason::AllowOriginMismatch => {
            let value = head.first(Name::AcAllowOrigin).unwrap_or_default();
            let difference = difference(sent.as_bytes(), value, transaction, origins);
            [what, " (", status, ") allows ", &allowed(), ", but ", &sent, " asked", &difference].concat()
        }
        Reason::MissingAllowCredentials => {
            let got = field_or_absent(head, Name::AcAllowCredentials);
            let but = ", but Access-Control-Allow-Credentials is ";
            ["credentials were sent by ", &sent, but, &got, ", not \"true\""].concat()
        }
        Reason::PreflightRedirect => {
            ["the preflight was answered ", status, " with Location ", &location(head)].concat()
        }
        Reason::PreflightStatus => ["the preflight was answered ", status, ", which is not 2xx"].concat(),
        Reason::InvalidAllowMethods => {
            ["Access-Control-Allow-Methods ", &field(head, Name::AcAllowMethods), " is no list of methods"].concat()
        }
        Reason::InvalidAllowHeaders => {
            ["Access-Control-Allow-Headers ", &field(head, Name::AcAllowHeaders), " is no list of names"].concat()
        }
        Reason::MethodNotAllowed => {
            let list = field_or_absent(head, Name::AcAllowMethods);
            let asked = &*transaction.method;
            let other_case = head
                .joined(Name::AcAllowMethods)
                .is_some_and(|v| list_items(&v).any(|m| m.eq_ignore_ascii_case(asked.as_bytes())));
            let hint = if other_case { " (listed in another case)" } else { star_hint(&list) };
            ["method ", asked, " is not in Access-Control-Allow-Methods: ", &list, hint].concat()
        }
        Reason::HeaderNotAllowed => header_sentence(transaction, head),
        Reason::RedirectContainsCredentials => {
            ["the redirect (", status, ") leads to a URL with a user name: ", &location(head)].concat()
        }
        Reason::DisabledScheme => ["the redirect (", status, ") leads to another scheme: ", &location(head)].concat(),
        Reason::TooManyRedirects => "more than 20 redirects".to_owned(),
        Reason::PrivateNetworkNotAllowed => "access to a private network was not granted".to_owned(),
        Reason::PreflightUnanswered => "the preflight got no whole answer".to_owned(),
        Reason::ActualUnanswered => "the request got no whole answer".to_owned(),
        Reason::CredentialsUnknown => {
            let with = star_or_acac(head);
            ["passes without credentials, fails with them (", with, "), and the wire does not show which"].concat()
        }
        Reason::ModeUnknown => {
            "a simple POST without Sec-Fetch-Mode: of a fetch in cors mode this is blocked, of a beacon or no-cors fetch it is not"
                .to_owned()
        }
        Reason::TargetUnknown => {
            let why = " is the page's own origin depends on its scheme, which the wire does not show";
            ["whether ", &transaction.target_origin, why].concat()
        }
        Reason::FamilyUnknown => "browsers differ here, and the browser is unknown".to_owned(),
        Reason::NotModified => "304 for a stored answer that was not captured".to_owned(),
        Reason::ResponseNotCaptured => "the answer was not captured".to_owned(),
        Reason::RequestNotCaptured => "the request was not captured".to_owned(),
        Reason::ActualNotSeen => "the preflight passes and no request followed".to_owned(),
        Reason::RedirectLeftView => {
            ["redirected (", status, ") to where this tap does not see: ", &location(head)].concat()
        }
        Reason::RedirectNotFollowed => ["the redirect (", status, ") to ", &location(head), " was not followed"].concat(),
        Reason::ExtensionOrigin => "the check fails, but an extension may be exempt from it".to_owned(),
    }
}

fn star_hint(list: &str) -> &'static str {
    if list.contains('*') { " (\"*\" never covers a request with credentials)" } else { "" }
}

fn star_or_acac(head: &Head) -> &'static str {
    if head.first(Name::AcAllowOrigin) == Some(b"*") {
        "Access-Control-Allow-Origin is \"*\""
    } else {
        "Access-Control-Allow-Credentials is not \"true\""
    }
}

fn header_sentence(transaction: &Transaction, head: &Head) -> String {
    let list = head.joined(Name::AcAllowHeaders).unwrap_or_default();
    let included = transaction.credentials == Credentials::Included;
    let items: Vec<&[u8]> = list_items(&list).collect();
    let missing: Vec<Cow<'_, str>> = transaction
        .preflight
        .iter()
        .flat_map(|p| &*p.requested_headers)
        .filter(|name| !super::check::name_covered(&items, name, included))
        .take(NAMES_MAX)
        .map(|name| word(name))
        .collect();
    let shown = field_or_absent(head, Name::AcAllowHeaders);
    let hint = star_hint(&shown);
    let names = if missing.is_empty() { "a requested header".to_owned() } else { missing.join(", ") };
    [&names, " not in Access-Control-Allow-Headers: ", &shown, hint].concat()
}

/// `Location` without its query's values and without user name and password.
fn location(head: &Head) -> String {
    let value = head.first(Name::Location).unwrap_or_default();
    let shown = super::classify::redacted_path(value.get(..200).unwrap_or(value), false);
    match (shown.find("://"), shown.find('@')) {
        (Some(start), Some(at)) if at > start && !shown.get(start + 3..at).is_some_and(|u| u.contains('/')) => {
            format!("\"{}://…{}\"", shown.get(..start).unwrap_or_default(), shown.get(at..).unwrap_or_default())
        }
        _ => format!("\"{shown}\""),
    }
}

/// In what two origins differ (VERDICTS.md, `allow_origin_mismatch`).
fn difference(origin: &[u8], allowed: &[u8], transaction: &Transaction, origins: &mut Origins) -> Cow<'static, str> {
    if allowed == b"null" {
        return " (\"null\" is a value, not \"nobody\")".into();
    }
    if origin == b"null" {
        return " (an opaque origin: a sandboxed frame, a file, or a redirect across origins)".into();
    }
    if allowed == transaction.target_origin.as_bytes() {
        return " (that is the server's own origin)".into();
    }
    if allowed.eq_ignore_ascii_case(origin) {
        return " (differs in case)".into();
    }
    if let Some([b'/', path @ ..]) = allowed.strip_prefix(origin) {
        return if path.is_empty() { " (differs by a trailing slash)" } else { " (differs by a path)" }.into();
    }
    let (asked, named) = (origins.of(origin), origins.of(allowed));
    let (Some(a), Some(b)) = (asked.parts(), named.parts()) else { return "".into() };
    let same_host = a.host == b.host;
    if a == b {
        " (differs only by an explicit default port or spelling: browsers compare bytes)".into()
    } else if same_host && a.scheme != b.scheme {
        format!(" (differs in scheme: {} instead of {})", b.scheme, a.scheme).into()
    } else if same_host {
        format!(" (differs in port: {} instead of {})", b.port, a.port).into()
    } else if a.host.strip_prefix("www.") == Some(&b.host) || b.host.strip_prefix("www.") == Some(&a.host) {
        " (differs by \"www.\")".into()
    } else if super::origin::is_loopback_host(&a.host) && super::origin::is_loopback_host(&b.host) {
        " (two names of this machine are two origins)".into()
    } else if a.site == b.site {
        " (another host of the same site)".into()
    } else {
        " (another site)".into()
    }
}
