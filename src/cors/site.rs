//! Sites: which hosts belong together (HTML § schemelessly same site, Public Suffix List).

use crate::options::Scheme;
use crate::record::Site;

use super::origin::{host_ip, scheme_text};
use super::{OriginParts, Target};

/// The registrable domain of a host; the host itself where it has none (IP address, single label, public suffix).
#[must_use]
pub fn registrable(host: &str) -> &str {
    if host_ip(host).is_some() {
        return host;
    }
    let bare = host.strip_suffix('.').unwrap_or(host);
    psl::domain_str(bare).map_or(host, |domain| {
        // keep the trailing dot: it is another host
        let from = bare.len() - domain.len();
        host.get(from..).unwrap_or(host)
    })
}

/// Whether the host's suffix is a private one of the list (shared hosting: `github.io`, `herokuapp.com`).
#[must_use]
pub fn on_shared_hosting(host: &str) -> bool {
    psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.typ() == Some(psl::Type::Private))
}

/// How a page's origin relates to a target.
#[must_use]
pub fn relation(origin: &OriginParts, target: &Target) -> Site {
    let scheme = scheme_text(target.scheme);
    if &*origin.scheme == scheme && origin.host == target.host && origin.port == target.port {
        Site::SameOrigin
    } else if &*origin.scheme == scheme && origin.site == target.site {
        Site::SameSite
    } else {
        Site::CrossSite
    }
}

/// The other scheme.
#[must_use]
pub fn other_scheme(scheme: Scheme) -> Scheme {
    match scheme {
        Scheme::Http => Scheme::Https,
        Scheme::Https => Scheme::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_domains_by_the_list() {
        for (host, domain) in [
            ("app.one.test", "one.test"),
            ("one.test", "one.test"),
            ("a.b.co.uk", "b.co.uk"),
            ("co.uk", "co.uk"),
            ("me.github.io", "me.github.io"),
            ("x.me.github.io", "me.github.io"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("a.one.test.", "one.test."),
        ] {
            assert_eq!(registrable(host), domain, "{host}");
        }
        assert!(on_shared_hosting("x.github.io") && !on_shared_hosting("x.one.test"));
    }
}
