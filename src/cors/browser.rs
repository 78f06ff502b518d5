//! Browsers: which family decides, and where families differ (VERDICTS.md §1 and §5), as data.

use std::sync::Arc;

use crate::http::find_word;
use crate::http::head::{Head, Name};
use crate::record::{Browser, Family};

/// Tokens of a User-Agent that name a family, in order of precedence.
const TOKENS: &[(&[u8], Family)] = &[
    (b"FxiOS/", Family::Safari),
    (b"CriOS/", Family::Safari),
    (b"EdgiOS/", Family::Safari),
    (b"Firefox/", Family::Firefox),
    (b"HeadlessChrome/", Family::Chromium),
    (b"Chrome/", Family::Chromium),
    (b"Chromium/", Family::Chromium),
    (b"Edg/", Family::Chromium),
    (b"OPR/", Family::Chromium),
    (b"Electron/", Family::Chromium),
];

/// Programs that are no browsers.
const TOOLS: &[&[u8]] = &[
    b"curl/",
    b"Wget/",
    b"python-requests/",
    b"python-urllib",
    b"Python-urllib",
    b"aiohttp/",
    b"httpx",
    b"Go-http-client/",
    b"Java/",
    b"okhttp/",
    b"Apache-HttpClient",
    b"axios/",
    b"node",
    b"undici",
    b"PostmanRuntime/",
    b"insomnia/",
    b"k6/",
    b"libwww-perl",
    b"Ruby",
    b"kube-probe/",
    b"ELB-HealthChecker",
    b"GoogleHC/",
    b"UptimeRobot",
    b"Pingdom",
];

/// Health checkers: their OPTIONS are never preflights (VERDICTS.md §2 step 2).
const HEALTH_CHECKERS: &[&[u8]] = &[b"ELB-HealthChecker", b"kube-probe", b"GoogleHC", b"Pingdom", b"UptimeRobot"];

/// The family and its major version, from `sec-ch-ua` and `User-Agent`.
#[must_use]
pub fn browser_of(head: &Head) -> Browser {
    let agent = head.first(Name::UserAgent).unwrap_or_default();
    let (mut family, mut version) = (Family::Unknown, Arc::from(""));
    for (token, of) in TOKENS {
        if let Some(at) = find_word(agent, token) {
            family = *of;
            version = digits(agent.get(at + token.len()..).unwrap_or_default());
            break;
        }
    }
    if family == Family::Unknown && find_word(agent, b"AppleWebKit/").is_some() {
        family = Family::Safari;
    }
    if family == Family::Safari
        && let Some(at) = find_word(agent, b"Version/")
    {
        version = digits(agent.get(at + 8..).unwrap_or_default());
    }
    if family == Family::Unknown && TOOLS.iter().any(|tool| find_word(agent, tool).is_some()) {
        family = Family::Other;
    }
    if let Some(brands) = head.first(Name::SecChUa)
        && let Some(at) = find_word(brands, b"\"Chromium\";v=\"")
    {
        family = Family::Chromium;
        version = digits(brands.get(at + 14..).unwrap_or_default());
    }
    Browser { family, version }
}

/// Whether a health checker sent it.
#[must_use]
pub fn is_health_checker(head: &Head) -> bool {
    let agent = head.first(Name::UserAgent).unwrap_or_default();
    HEALTH_CHECKERS.iter().any(|name| find_word(agent, name).is_some())
}

fn digits(bytes: &[u8]) -> Arc<str> {
    let end = bytes.iter().take(6).position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len().min(6));
    std::str::from_utf8(bytes.get(..end).unwrap_or_default()).unwrap_or_default().into()
}

/// Whether it is one of the engines whose algorithm is known.
#[must_use]
pub fn is_browser(family: Family) -> bool {
    matches!(family, Family::Chromium | Family::Firefox | Family::Safari)
}

/// Whether this version sends Sec-Fetch headers to trustworthy URLs, so that their absence says something.
#[must_use]
pub fn sends_fetch_metadata(browser: &Browser) -> bool {
    let version: u32 = browser.version.parse().unwrap_or(0);
    match browser.family {
        Family::Chromium => version >= 80,
        Family::Firefox => version >= 90,
        Family::Safari => version >= 17,
        Family::Other | Family::Unknown => false,
    }
}

/// The Firefox that was measured against real captures; what is its own is not assumed of earlier ones.
const FIREFOX_MEASURED: u32 = 153;

/// Whether this version has one message for every `Access-Control-Allow-Origin` that is not the origin: a list, junk, an empty value.
#[must_use]
pub fn says_mismatch_of_all(browser: &Browser) -> bool {
    browser.family == Family::Firefox && browser.version.parse().is_ok_and(|version: u32| version >= FIREFOX_MEASURED)
}

/// Whether this version puts `Sec-Fetch-Storage-Access` on every cross-site request that includes credentials, so that its absence
/// says that they were left out: Chromium since 133; Firefox as measured in 153 (earlier ones were not), there on preflights, too.
#[must_use]
pub fn tells_storage_access(browser: &Browser, preflight: bool) -> bool {
    let version: u32 = browser.version.parse().unwrap_or(0);
    match browser.family {
        Family::Chromium => version >= 133 && !preflight,
        Family::Firefox => version >= FIREFOX_MEASURED,
        Family::Safari | Family::Other | Family::Unknown => false,
    }
}

/// The longest that this family keeps a preflight's answer, in seconds (VERDICTS.md §5).
#[must_use]
pub fn max_age_ceiling_s(family: Family) -> u32 {
    match family {
        Family::Firefox => 86_400,
        Family::Safari => 600,
        Family::Chromium | Family::Other | Family::Unknown => 7200,
    }
}

/// How long a preflight's answer may be reused, in seconds, as this family does it; 0: not kept.
///
/// Absent means 5 s; the family's ceiling applies (Fetch § CORS-preflight fetch, step 7.4; VERDICTS.md §5). `fields` is how many
/// `Access-Control-Max-Age` fields there were; two or more join to something that is no number.
#[must_use]
pub fn max_age_s(value: Option<&[u8]>, fields: usize, family: Family) -> u32 {
    const DEFAULT_S: u32 = 5;
    let ceiling = max_age_ceiling_s(family);
    let junk = if family == Family::Firefox { 0 } else { DEFAULT_S };
    let Some(value) = value else { return DEFAULT_S };
    if value.is_empty() && fields == 1 {
        return DEFAULT_S;
    }
    if fields > 1 {
        return junk;
    }
    let (negative, number) = match value {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] if family == Family::Safari => (false, rest),
        _ => (false, value),
    };
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return junk;
    }
    if negative {
        return 0;
    }
    let seconds = number.iter().fold(0_u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0')));
    u32::try_from(seconds).unwrap_or(u32::MAX).min(ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::HeadBuilder;

    fn family(agent: &str) -> (Family, String) {
        let mut built = HeadBuilder::request(b"GET", b"/");
        built.field(b"User-Agent", Name::UserAgent, agent.as_bytes(), false);
        let browser = browser_of(&built.finish());
        (browser.family, browser.version.to_string())
    }

    #[test]
    fn families_by_user_agent() {
        let f = |a: &str, fam: Family, v: &str| assert_eq!(family(a), (fam, v.to_owned()), "{a}");
        f(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            Family::Chromium,
            "156",
        );
        f("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", Family::Firefox, "153");
        f(
            "Mozilla/5.0 (X11) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
            Family::Safari,
            "60",
        );
        f(
            "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0 Mobile/15E148 Safari/604.1",
            Family::Safari,
            "120",
        );
        f("curl/8.5.0", Family::Other, "");
        f("", Family::Unknown, "");
    }

    #[test]
    fn max_age_as_each_family_reads_it() {
        use Family::{Chromium, Firefox, Safari};
        for (value, chromium, firefox, safari) in [
            (None, 5, 5, 5),
            (Some("600"), 600, 600, 600),
            (Some("99999999999999999999"), 7200, 86_400, 600),
            (Some("0"), 0, 0, 0),
            (Some("-1"), 0, 0, 0),
            (Some("1d"), 5, 0, 5),
            (Some("5.5"), 5, 0, 5),
            (Some("+600"), 5, 0, 600),
            (Some("0600"), 600, 600, 600),
            (Some(""), 5, 5, 5),
        ] {
            let at = |f| max_age_s(value.map(str::as_bytes), usize::from(value.is_some()), f);
            assert_eq!((at(Chromium), at(Firefox), at(Safari)), (chromium, firefox, safari), "{value:?}");
        }
        assert_eq!(max_age_s(Some(b"600"), 2, Firefox), 0);
    }
}
