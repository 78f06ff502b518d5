//! The sentence that names the very values which decided.

use std::fmt::Write as _;

use super::fields::{list_items, quoted};
use super::origin::Origin;
use crate::catalog::Reason;
use crate::http::head::{Head, Name};
use crate::record::{Credentials, Phase, Transaction, Verdict};

/// Names shown of a list.
const NAMES_MAX: usize = 20;

/// A name from the wire, shortened for people.
#[must_use]
pub fn word(name: &str) -> String {
    quoted(name.as_bytes()).into_owned()
}

/// What decided, in words; empty where nothing needs saying.
#[must_use]
pub fn of(transaction: &Transaction, note: Option<&str>, tool: bool) -> String {
    let mut text = match transaction.verdict {
        Verdict::Allowed | Verdict::NotCors => String::new(),
        Verdict::Blocked | Verdict::Undecided => {
            transaction.reason.map(|r| sentence(transaction, exact(transaction, r))).unwrap_or_default()
        }
    };
    if transaction.verdict == Verdict::Blocked {
        let told = transaction.reason.map(|r| exact(transaction, r));
        for other in transaction.reasons_all.iter().skip(1).filter(|r| Some(**r) != told) {
            let _ = write!(text, "; also {}", other.id());
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
    let values: Vec<_> = head.all(name).map(|v| format!("\"{}\"", quoted(v))).take(8).collect();
    values.join(" and ")
}

fn sentence(transaction: &Transaction, reason: Reason) -> String {
    let origin = transaction.origin.as_deref().unwrap_or("null");
    let sent = match transaction.phase {
        Some(Phase::Preflight) => transaction.preflight.as_ref().map(|p| &p.leg.request),
        _ => transaction.actual.as_ref().map(|l| &l.request),
    }
    .and_then(|r| r.head.first(Name::Origin))
    .map_or_else(|| origin.to_owned(), |o| quoted(o).into_owned());
    let answer = deciding(transaction);
    let what = match transaction.phase {
        Some(Phase::Preflight) => "the preflight's answer",
        _ => "the answer",
    };
    let Some((head, status)) = answer else {
        return match reason {
            Reason::PreflightUnanswered => "the preflight got no answer".to_owned(),
            Reason::ActualUnanswered => "the request got no answer".to_owned(),
            Reason::ResponseNotCaptured => "the answer was not captured".to_owned(),
            other => other.id().replace('_', " "),
        };
    };
    let allowed = || field(head, Name::AcAllowOrigin);
    match reason {
        Reason::MissingAllowOrigin => format!("{what} ({status}) has no Access-Control-Allow-Origin; {sent} asked"),
        Reason::WildcardWithCredentials => {
            format!("{what} ({status}) allows \"*\", which never covers a request with credentials; {sent} asked")
        }
        Reason::MultipleAllowOrigin => {
            format!("{what} ({status}) names several origins: {}; {sent} asked", allowed())
        }
        Reason::InvalidAllowOrigin => format!("{what} ({status}) allows {}, which is no origin; {sent} asked", allowed()),
        Reason::AllowOriginMismatch => {
            let value = head.first(Name::AcAllowOrigin).unwrap_or_default();
            format!("{what} ({status}) allows {}, but {sent} asked{}", allowed(), difference(sent.as_bytes(), value, transaction))
        }
        Reason::MissingAllowCredentials => {
            let value = field(head, Name::AcAllowCredentials);
            let got = if value.is_empty() { "absent".to_owned() } else { value };
            format!("credentials were sent by {sent}, but Access-Control-Allow-Credentials is {got}, not \"true\"")
        }
        Reason::PreflightRedirect => {
            format!("the preflight was answered {status} with Location {}", location(head))
        }
        Reason::PreflightStatus => format!("the preflight was answered {status}, which is not 2xx"),
        Reason::InvalidAllowMethods => format!("Access-Control-Allow-Methods {} is no list of methods", field(head, Name::AcAllowMethods)),
        Reason::InvalidAllowHeaders => format!("Access-Control-Allow-Headers {} is no list of names", field(head, Name::AcAllowHeaders)),
        Reason::MethodNotAllowed => {
            let list = field(head, Name::AcAllowMethods);
            let list = if list.is_empty() { "absent".to_owned() } else { list };
            let asked = &transaction.method;
            let other_case = head
                .joined(Name::AcAllowMethods)
                .is_some_and(|v| list_items(&v).any(|m| m.eq_ignore_ascii_case(asked.as_bytes())));
            let hint = if other_case { " (listed in another case)" } else { star_hint(&list) };
            format!("method {asked} is not in Access-Control-Allow-Methods: {list}{hint}")
        }
        Reason::HeaderNotAllowed => header_sentence(transaction, head),
        Reason::RedirectContainsCredentials => {
            format!("the redirect ({status}) leads to a URL with a user name: {}", location(head))
        }
        Reason::DisabledScheme => format!("the redirect ({status}) leads to another scheme: {}", location(head)),
        Reason::TooManyRedirects => "more than 20 redirects".to_owned(),
        Reason::PrivateNetworkNotAllowed => "access to a private network was not granted".to_owned(),
        Reason::PreflightUnanswered => "the preflight got no whole answer".to_owned(),
        Reason::ActualUnanswered => "the request got no whole answer".to_owned(),
        Reason::CredentialsUnknown => {
            format!("passes without credentials, fails with them ({}), and the wire does not show which", star_or_acac(head))
        }
        Reason::ModeUnknown => {
            "a simple POST without Sec-Fetch-Mode: of a fetch in cors mode this is blocked, of a beacon or no-cors fetch it is not"
                .to_owned()
        }
        Reason::TargetUnknown => {
            format!("whether {} is the page's own origin depends on its scheme, which the wire does not show", transaction.target_origin)
        }
        Reason::FamilyUnknown => "browsers differ here, and the browser is unknown".to_owned(),
        Reason::NotModified => "304 for a stored answer that was not captured".to_owned(),
        Reason::ResponseNotCaptured => "the answer was not captured".to_owned(),
        Reason::RequestNotCaptured => "the request was not captured".to_owned(),
        Reason::ActualNotSeen => "the preflight passes and no request followed".to_owned(),
        Reason::RedirectLeftView => format!("redirected ({status}) to where this tap does not see: {}", location(head)),
        Reason::RedirectNotFollowed => format!("the redirect ({status}) to {} was not followed", location(head)),
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
    let missing: Vec<String> = transaction
        .preflight
        .iter()
        .flat_map(|p| &p.requested_headers)
        .filter(|name| !super::check::name_covered(&items, name, included))
        .take(NAMES_MAX)
        .map(|name| word(name))
        .collect();
    let shown = field(head, Name::AcAllowHeaders);
    let shown = if shown.is_empty() { "absent".to_owned() } else { shown };
    let hint = star_hint(&shown);
    let names = if missing.is_empty() { "a requested header".to_owned() } else { missing.join(", ") };
    format!("{names} not in Access-Control-Allow-Headers: {shown}{hint}")
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
fn difference(origin: &[u8], allowed: &[u8], transaction: &Transaction) -> String {
    if allowed == b"null" {
        return " (\"null\" is a value, not \"nobody\")".to_owned();
    }
    if origin == b"null" {
        return " (an opaque origin: a sandboxed frame, a file, or a redirect across origins)".to_owned();
    }
    if allowed == transaction.target_origin.as_bytes() {
        return " (that is the server's own origin)".to_owned();
    }
    if allowed.eq_ignore_ascii_case(origin) {
        return " (differs in case)".to_owned();
    }
    if allowed.strip_prefix(origin).is_some_and(|rest| rest.first() == Some(&b'/')) {
        let what = if allowed.len() == origin.len() + 1 { "a trailing slash" } else { "a path" };
        return format!(" (differs by {what})");
    }
    let (asked, named) = (Origin::parse(origin), Origin::parse(allowed));
    let (Some(a), Some(b)) = (asked.parts(), named.parts()) else { return String::new() };
    let same_host = a.host == b.host;
    if a == b {
        " (differs only by an explicit default port or spelling: browsers compare bytes)".to_owned()
    } else if same_host && a.scheme != b.scheme {
        format!(" (differs in scheme: {} instead of {})", b.scheme, a.scheme)
    } else if same_host {
        format!(" (differs in port: {} instead of {})", b.port, a.port)
    } else if a.host.strip_prefix("www.") == Some(&b.host) || b.host.strip_prefix("www.") == Some(&a.host) {
        " (differs by \"www.\")".to_owned()
    } else if super::origin::is_loopback_host(&a.host) && super::origin::is_loopback_host(&b.host) {
        " (two names of this machine are two origins)".to_owned()
    } else if a.site == b.site {
        " (another host of the same site)".to_owned()
    } else {
        " (another site)".to_owned()
    }
}
