//! Cookies on answers across sites.

use crate::catalog::{Rule, Severity};
use crate::findings::book::{Book, Report, Source};
use crate::findings::facts::Seen;
use crate::findings::subject::Host;
use crate::http::head::{Name, SameSite};
use crate::record::{Confidence, Credentials};

const FIELDS: &[Name] = &[Name::Origin, Name::Cookie, Name::SecFetchSite, Name::SetCookie];

/// `cookie_none_insecure`, `cookie_not_returnable`, `cookie_readable`
pub fn judge(seen: &Seen<'_>, host: &Host, book: &mut Book) {
    let Some(response) = seen.o.response else { return };
    let across = seen.cross_site() || seen.asked.fetch_site == Some(b"cross-site");
    // a navigation may set Lax cookies
    let in_page = across && !seen.navigates();
    let included = seen.asked.cookie || seen.asked.storage_access || seen.o.credentials == Credentials::Included;
    let mut report = |rule, severity, confidence, why: &str| {
        let report = Report { rule, severity, confidence, subject: &host.origin, fields: FIELDS, trail: None };
        book.report(Source::Seen(seen), report, || why.to_owned());
    };
    for cookie in response.head.set_cookies() {
        let none = cookie.same_site == SameSite::None;
        if none && !cookie.secure {
            let why = "a cookie is set SameSite=None without Secure: browsers drop it";
            report(Rule::CookieNoneInsecure, Severity::Medium, Confidence::Certain, why);
        }
        if cookie.removes {
            continue;
        }
        if in_page && included && !(none && cookie.secure) {
            let why = "a cookie is set on a cross-site answer without SameSite=None; Secure: it is not stored";
            report(Rule::CookieNotReturnable, Severity::Medium, Confidence::Certain, why);
        }
        if in_page && cookie.session_like && !cookie.http_only {
            let why = "a cookie named like a session or token is set on a cross-site answer without HttpOnly";
            report(Rule::CookieReadable, Severity::Low, Confidence::Probable, why);
        }
    }
}
