//! What an `Origin` looks like beside its target: the patterns that scanners and exploits send (VERDICTS.md §9).

use std::net::IpAddr;

use crate::cors::origin::{default_port, host_ip};
use crate::cors::site::{on_shared_hosting, registrable};
use crate::cors::{OriginParts, Target};
use crate::options::Scheme;

/// A kind of pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// `evil`, `attacker`, `example.com`, a collaborator's domain, a random label.
    ForeignMarker,
    /// `api.shop.test.X`, `shop.test.X`
    Prefix,
    /// `Xshop.test`, or `shop.testX`
    Suffix,
    /// `hop.test`, or `shop.test` in the midst of another site.
    Substring,
    /// `apiXshop.test`
    Dot,
    /// `shop.test_.X`, `shop.test%60.X`
    Special,
    /// `X.api.shop.test`
    Subdomain,
    /// `null`
    Null,
    /// `http://api.shop.test` to https.
    Http,
    /// `https://api.shop.test:1337`
    Port,
    /// `https://API.shop.test`
    Case,
    /// Beside [`Kind::ForeignMarker`]: nothing but a label that looks random shows it.
    RandomLabel,
}

impl Kind {
    const ALL: [(Kind, &'static str); 11] = [
        (Kind::ForeignMarker, "foreign-marker"),
        (Kind::Prefix, "prefix"),
        (Kind::Suffix, "suffix"),
        (Kind::Substring, "substring"),
        (Kind::Dot, "dot"),
        (Kind::Special, "special"),
        (Kind::Subdomain, "subdomain"),
        (Kind::Null, "null"),
        (Kind::Http, "http"),
        (Kind::Port, "port"),
        (Kind::Case, "case"),
    ];
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u16);

impl Kinds {
    /// What only a probe sends, whoever else uses the origin: these name the target in another's domain.
    const STRUCTURE: Kinds = Kinds::of(&[Kind::Prefix, Kind::Substring, Kind::Dot, Kind::Special]);
    /// Tricks on the matching of origins (VERDICTS.md §8 `origin_match_flaw`).
    pub const FLAWS: Kinds =
        Kinds::of(&[Kind::Prefix, Kind::Suffix, Kind::Substring, Kind::Dot, Kind::Special, Kind::Port, Kind::Case]);
    /// Kinds that count as a sign of probing without another beside them.
    pub const STRONG: Kinds =
        Kinds::of(&[Kind::Prefix, Kind::Suffix, Kind::Substring, Kind::Dot, Kind::Special, Kind::Case]);
    /// Kinds that count only beside another kind or a foreign marker.
    pub const WEAK: Kinds = Kinds::of(&[Kind::Null, Kind::Subdomain, Kind::Http, Kind::Port]);

    const fn of(kinds: &[Kind]) -> Kinds {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u16;
            i += 1;
        }
        Kinds(bits)
    }

    fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u16;
    }

    /// With this kind, too.
    #[must_use]
    pub fn with(mut self, kind: Kind) -> Kinds {
        self.add(kind);
        self
    }

    /// Has this kind.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    /// Has one of these.
    #[must_use]
    pub fn any(self, of: Kinds) -> bool {
        self.0 & of.0 != 0
    }

    /// Has none at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn common(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(self) -> String {
        let names: Vec<&str> = Kind::ALL.iter().filter(|(kind, _)| self.has(*kind)).map(|(_, name)| *name).collect();
        names.join(", ")
    }

    /// Nothing but a label that looks random sets it apart: a tester's domain, or a page that a product serves below a made-up name.
    #[must_use]
    pub fn only_random(self) -> bool {
        self == Kinds::of(&[Kind::ForeignMarker, Kind::RandomLabel])
    }

    /// Evidently foreign by itself: no partner has such a name. A mere glued prefix (`workshop.test` beside `shop.test`) may be one.
    #[must_use]
    pub fn evidently_foreign(self) -> bool {
        self.has(Kind::ForeignMarker) || self.any(Kinds::STRUCTURE)
    }
}

/// Labels that testers and exploits give themselves.
const MARKERS: [&str; 4] = ["evil", "attacker", "hacker", "bxss"];
/// Domains that belong to nobody, or to testers.
const MARKER_DOMAINS: [&str; 6] =
    ["example.com", "example.org", "example.net", "burpcollaborator.net", "oastify.com", "interact.sh"];
/// Bytes that no host name holds and that some parsers take for its end.
const SPECIAL: &[u8] = b"_-\"{}+^%!~`;|&'()*,$=";

/// The kinds of pattern that this `Origin` shows beside this target; none for an ordinary page, be it foreign or not.
#[must_use]
pub fn kinds_of(origin: &str, parts: Option<&OriginParts>, target: &Target) -> Kinds {
    let mut kinds = Kinds::default();
    if origin == "null" {
        kinds.add(Kind::Null);
        return kinds;
    }
    let Some((scheme, rest)) = origin.split_once("://") else { return kinds };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return kinds; // extensions and embedded views name themselves as they like
    }
    // an Origin that does not parse is still read as a careless server reads it
    let written = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (written, port) = match written.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (written, None),
    };
    let lower = written.to_ascii_lowercase();
    let host = parts.map_or(&*lower, |p| &*p.host);
    let (h, d) = (&*target.host, &*target.site);
    let below = |parent: &str| host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    let own = host == h || host == d || below(d);
    if own {
        own_kinds(&mut kinds, scheme, written != lower, host, port, target);
        return kinds;
    }
    // brands have a domain in many countries: shop.test and shop.test.au are no trick
    let site = registrable(host);
    let sibling = site == d || site.strip_prefix(d).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1);
    if host_ip(h).is_none() && d.contains('.') && !sibling {
        structure(&mut kinds, host, h, d);
        // https://x.com/shop.test: no browser writes what follows the host, and a careless match finds the target there
        let behind = rest.get(rest.find(['/', '?', '#']).unwrap_or(rest.len())..).unwrap_or_default();
        if kinds.is_empty() && memchr::memmem::find(behind.as_bytes(), d.as_bytes()).is_some() {
            kinds.add(Kind::Substring);
        }
    }
    if is_marked(host, site, d) {
        kinds.add(Kind::ForeignMarker);
    } else if has_random_label(host) {
        kinds.add(Kind::ForeignMarker);
        kinds.add(Kind::RandomLabel);
    }
    kinds
}

/// Kinds of an origin on the target's own site.
fn own_kinds(kinds: &mut Kinds, scheme: &str, capitals: bool, host: &str, port: Option<u16>, target: &Target) {
    if capitals || scheme.bytes().any(|b| b.is_ascii_uppercase()) {
        kinds.add(Kind::Case);
    }
    let same = host == &*target.host;
    if same && scheme == "http" && target.scheme == Scheme::Https {
        kinds.add(Kind::Http);
    }
    if same && port.is_some_and(|p| p != target.port && p != default_port(scheme)) {
        kinds.add(Kind::Port);
    }
    let first = host.split('.').next().unwrap_or_default();
    let below_host = host.strip_suffix(&*target.host).is_some_and(|rest| rest.ends_with('.'));
    let marked = first.split('-').any(|part| MARKERS.contains(&part));
    if below_host || marked {
        kinds.add(Kind::Subdomain);
    }
    let below = host.strip_suffix(&*target.site).unwrap_or(host).trim_end_matches('.');
    if marked || is_marked(below, "", "") || has_random_label(below) {
        kinds.add(Kind::ForeignMarker);
    }
}

/// Kinds that play with the target's name in another's domain. `h` is the target's host, `d` its registrable domain.
fn structure(kinds: &mut Kinds, host: &str, h: &str, d: &str) {
    for name in [h, d] {
        if let Some(after) = host.strip_prefix(name) {
            match after.as_bytes() {
                [] => {}
                [b'.'] => kinds.add(Kind::Suffix),
                [b'.', next, ..] => {
                    kinds.add(Kind::Prefix);
                    if SPECIAL.contains(next) {
                        kinds.add(Kind::Special);
                    }
                }
                [next, ..] if SPECIAL.contains(next) => kinds.add(Kind::Special),
                _ => kinds.add(Kind::Suffix),
            }
        }
        let dots_replaced = name.len() == host.len()
            && name != host
            && name.bytes().zip(host.bytes()).all(|(a, b)| a == b || (a == b'.' && b != b'.'));
        if dots_replaced {
            kinds.add(Kind::Dot);
        }
    }
    if host.strip_suffix(d).is_some_and(|before| !before.is_empty() && !before.ends_with('.')) {
        kinds.add(Kind::Suffix);
    }
    let shorter = d.get(1..).unwrap_or_default();
    if host == shorter {
        kinds.add(Kind::Substring);
    }
    let inside = host.split_once(d).is_some_and(|(before, after)| {
        before.ends_with('.') && after.bytes().next().is_some_and(|b| !b.is_ascii_alphanumeric())
    });
    if inside && !kinds.has(Kind::Prefix) && !kinds.has(Kind::Special) {
        kinds.add(Kind::Substring);
    }
}

/// A whole label or hyphen part that testers use, or a domain of theirs.
fn is_marked(host: &str, site: &str, d: &str) -> bool {
    let brand = d.split('.').next().unwrap_or_default();
    let marked = host.split('.').any(|label| {
        label.split('-').any(|part| MARKERS.contains(&part))
            || MARKERS.iter().any(|marker| {
                // attackershop.test beside shop.test
                !brand.is_empty()
                    && (label.strip_prefix(marker) == Some(brand) || label.strip_suffix(marker) == Some(brand))
            })
    });
    let domain = MARKER_DOMAINS.contains(&site) || site.starts_with("oast.");
    marked || domain
}

/// A foreign marker in a name that a client made up.
#[must_use]
pub fn is_marked_name(name: &[u8]) -> bool {
    let name = name.split(|&b| b == b':').next().unwrap_or_default();
    std::str::from_utf8(name).is_ok_and(|name| {
        let name = name.to_ascii_lowercase();
        is_marked(&name, registrable(&name), "") || has_random_label(&name)
    })
}

/// A random label, where no provider gives its customers such names.
fn has_random_label(host: &str) -> bool {
    !on_shared_hosting(host) && host.split('.').any(is_random)
}

/// A label of 16 characters or more that nobody would choose: letters and digits mixed, or hardly a vowel.
fn is_random(label: &str) -> bool {
    let bytes = label.as_bytes();
    if bytes.len() < 16 || label.starts_with("xn--") || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = bytes.len() - digits;
    let changes = bytes.windows(2).filter(|w| w[0].is_ascii_digit() != w[1].is_ascii_digit()).count();
    if digits >= 2 && letters >= 2 && changes >= 3 {
        return true;
    }
    let vowels = bytes.iter().filter(|b| b"aeiouy".contains(b)).count();
    digits == 0 && vowels * 6 < letters
}

/// Names that only an inside knows: single labels, IP addresses of private networks, and the usual suffixes.
#[must_use]
pub fn is_private_name(host: &str) -> bool {
    match (ip_of(host), last_label(host)) {
        (Some(ip), _) => crate::cors::origin::is_private(ip),
        (None, Some(last)) => {
            matches!(last, "internal" | "local" | "lan" | "corp" | "localhost") || host.ends_with(".home.arpa")
        }
        (None, None) => true,
    }
}

/// The address that a canonical host is: nearly all are names, and that is told by a glance.
fn ip_of(host: &str) -> Option<IpAddr> {
    let first = host.as_bytes().first()?;
    if first.is_ascii_digit() || *first == b'[' { host_ip(host) } else { None }
}

/// What follows the last dot, where there is one.
fn last_label(host: &str) -> Option<&str> {
    host.get(memchr::memrchr(b'.', host.as_bytes())? + 1..)
}

/// A target that the public reaches, by its name (VERDICTS.md §8).
#[must_use]
pub fn is_public_name(host: &str) -> bool {
    let is_public = |last| !matches!(last, "local" | "test" | "internal" | "localhost");
    ip_of(host).is_none() && last_label(host).is_some_and(is_public)
}

/// A page's host that only a developer's machine or an inside has, or a port that development servers use.
#[must_use]
pub fn is_development(parts: &OriginParts) -> bool {
    let inside = match ip_of(&parts.host) {
        Some(ip) => crate::cors::origin::is_private(ip),
        None => {
            &*parts.host == "localhost"
                || matches!(last_label(&parts.host), Some("localhost" | "local" | "test" | "internal"))
        }
    };
    inside || matches!(parts.port, 3000 | 3001 | 4200 | 5173 | 8000 | 8080)
}

/// Places where anybody may run a page under the provider's name.
#[must_use]
pub fn is_shared_hosting(host: &str) -> bool {
    const PLAYGROUNDS: [&str; 9] = [
        "jsfiddle.net",
        "codepen.io",
        "cdpn.io",
        "stackblitz.io",
        "stackblitz.com",
        "codesandbox.io",
        "jsbin.com",
        "replit.com",
        "plnkr.co",
    ];
    let below = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    on_shared_hosting(host) || PLAYGROUNDS.iter().any(|name| below(name))
}

/// Scanners whose names begin with this letter.
fn scanners_at(letter: u8) -> &'static [&'static str] {
    match letter.to_ascii_lowercase() {
        b'a' => &["acunetix", "appscan", "arachni"],
        b'b' => &["burp", "burpsuite", "burpcollaborator"],
        b'c' => &["commix", "corsy", "corscanner", "corsair", "corser"],
        b'd' => &["dalfox", "detectify", "dirbuster"],
        b'f' => &["ffuf", "fuzz faster u fool", "feroxbuster"],
        b'g' => &["gobuster"],
        b'h' => &["httpx - open-source"],
        b'j' => &["jaeles"],
        b'm' => &["masscan"],
        b'n' => &["nuclei", "nikto", "nessus", "nmap", "netsparker"],
        b'o' => &["owasp", "openvas"],
        b'q' => &["qualys"],
        b's' => &["sqlmap", "sorx"],
        b'w' => &["wpscan", "w3af", "wapiti", "wfuzz", "whatweb"],
        b'z' => &["zap/", "zaproxy"],
        _ => &[],
    }
}

/// A scanner that names itself in its User-Agent; the name.
#[must_use]
pub fn scanner_of(agent: &[u8]) -> Option<&'static str> {
    let mut before = b' ';
    for (at, &byte) in agent.iter().enumerate().take(1024) {
        // a name begins with a word: most bytes are done with here
        if !before.is_ascii_alphanumeric() {
            let rest = agent.get(at..).unwrap_or_default();
            let named = scanners_at(byte).iter().find(|name| {
                // a short name has to be a whole word: Burpple is a guide to restaurants
                let longer = name.len() <= 4 && rest.get(name.len()).is_some_and(u8::is_ascii_alphabetic);
                !longer && rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            });
            if let Some(name) = named {
                return Some(name.trim_end_matches('/'));
            }
        }
        before = byte;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::origin::Origin;
    use crate::record::Confidence;

    fn target(host: &str) -> Target {
        Target {
            scheme: Scheme::Https,
            scheme_confidence: Confidence::Certain,
            host: host.into(),
            port: 443,
            origin: format!("https://{host}").into(),
            site: registrable(host).into(),
        }
    }

    fn kinds(origin: &str) -> String {
        beside("api.ingot.test", origin)
    }

    fn beside(host: &str, origin: &str) -> String {
        let parsed = Origin::parse(origin.as_bytes());
        kinds_of(origin, parsed.parts(), &target(host)).names()
    }

    #[test]
    fn each_trick_has_its_kind() {
        for (origin, expected) in [
            ("https://evil.com", "foreign-marker"),
            ("https://attacker-site.net", "foreign-marker"),
            ("https://example.com", "foreign-marker"),
            ("https://x1.com/api.ingot.test", "substring"),
            ("https://x1.com?ingot.test", "substring"),
            ("https://x1.com/ingot", ""),
            ("https://x.oast.pro", "foreign-marker"),
            ("https://c23b2la0kl1krjcrdj10cndmnioyyyyyn.net", "foreign-marker"),
            ("https://api.ingot.test.exwxt.com", "prefix"),
            ("https://ingot.test.attacker.com", "foreign-marker, prefix"),
            ("https://uy0i7ingot.test", "suffix"),
            ("https://attackeringot.test", "foreign-marker, suffix"),
            ("https://api.ingot.test9m8pd.com", "suffix"),
            ("https://ingot.test.", "suffix"),
            ("https://app.ingot.test.attacker.com", "foreign-marker, substring"),
            ("https://apiaingotatest", "dot"),
            ("https://apiaingot.test", "suffix, dot"),
            ("https://api.ingot.test_.62u1b.com", "special"),
            ("https://api.ingot.test%60.7ufn0.com", "special"),
            ("https://api.ingot.test.$.5s3p1.com", "prefix, special"),
            ("https://api.ingot.test.,.lvkm7.com", "prefix, special"),
            ("https://evil.ingot.test", "foreign-marker, subdomain"),
            ("https://x.api.ingot.test", "subdomain"),
            ("null", "null"),
            ("http://api.ingot.test", "http"),
            ("https://api.ingot.test:1337", "port"),
            ("https://API.ingot.test", "case"),
        ] {
            assert_eq!(kinds(origin), expected, "{origin}");
        }
    }

    #[test]
    fn ordinary_pages_show_none() {
        for origin in [
            "https://app.ingot.test",
            "https://api.ingot.test",
            "http://app.ingot.test",
            "https://app.ingot.test:8443",
            "https://partner.com",
            "https://devilsfood.test",
            "https://www.interactive-maps.test",
            "https://coast-roasters.test",
            "https://64f1c2a9e4b0a1b2c3d4e5f6--neckline.netlify.app",
            "https://internationalization.test",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        ] {
            assert_eq!(kinds(origin), "", "{origin}");
        }
        // the brand's domain in another country
        assert_eq!(beside("api.ingot.com", "https://www.ingot.com.au"), "");
        assert_eq!(beside("api.ingot.com", "https://ingot.com.evil.net"), "foreign-marker, prefix");
    }

    #[test]
    fn scanners_by_their_name() {
        assert_eq!(scanner_of(b"sorx/0.4.0"), Some("sorx"));
        assert_eq!(scanner_of(b"Mozilla/5.0 (compatible; Nmap Scripting Engine)"), Some("nmap"));
        assert_eq!(scanner_of(b"Mozilla/5.0 Firefox/153.0"), None);
        assert_eq!(scanner_of(b"snapzap/1.0"), None);
    }
}
