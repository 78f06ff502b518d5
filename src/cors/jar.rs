//! Which hosts a client was seen to send cookies to: their absence on a later request says that credentials were left out.

use crate::lru::Lru;
use crate::packet::{SECOND, Time};

/// For how long a cookie seen is taken to be still there, in nanoseconds: sessions last longer, but people log out unseen.
const COOKIE_NS: i64 = 1800 * SECOND;

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Time,
    /// It went along with a cross-site request in cors mode: `SameSite=None`.
    cross_site: bool,
}

/// Cookies seen, by client, host and first segment of the path (a cookie's own path is not on the wire), under a cap.
#[derive(Debug)]
pub struct Jar {
    seen: Lru<u64, Seen>,
    forgotten: u64,
}

impl Jar {
    /// None seen.
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Jar { seen: Lru::new(cap), forgotten: 0 }
    }

    /// A cookie went along.
    pub fn on_sent(&mut self, place: u64, cross_site: bool, at: Time) {
        let (seen, evicted) = self.seen.get_or_insert_with(place, || Seen { at, cross_site });
        *seen = Seen { at, cross_site: cross_site || seen.cross_site };
        self.forgotten += u64::from(evicted.is_some());
    }

    /// Places given up under the cap.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The host removed a cookie: what is left is unknown.
    pub fn on_removed(&mut self, place: u64) {
        self.seen.remove(&place);
    }

    /// Whether a request to this place would have a cookie, were credentials included. `cross_site`: only one that goes cross-site.
    #[must_use]
    pub fn has(&self, place: u64, cross_site: bool, at: Time) -> bool {
        self.seen.peek(&place).is_some_and(|s| at.since(s.at) <= COOKIE_NS && (s.cross_site || !cross_site))
    }
}

/// A path's first segment, which tells one place of a host from another.
#[must_use]
pub fn first_segment(path: &[u8]) -> &[u8] {
    let first = path.get(1..).unwrap_or_default();
    let end = first.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(first.len());
    first.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_expected_where_it_was_seen_and_for_half_an_hour() {
        let mut jar = Jar::new(8);
        jar.on_sent(1, false, Time(0));
        assert!(jar.has(1, false, Time(COOKIE_NS)) && !jar.has(1, false, Time(COOKIE_NS + 1)));
        assert!(!jar.has(2, false, Time(0)) && !jar.has(1, true, Time(0)));
        jar.on_sent(1, true, Time(0));
        assert!(jar.has(1, true, Time(0)));
        jar.on_removed(1);
        assert!(!jar.has(1, false, Time(0)));
    }

    #[test]
    fn a_place_is_a_host_and_the_first_segment() {
        assert_eq!(first_segment(b"/api/v1?x"), b"api");
        assert_eq!(first_segment(b"/api"), b"api");
        assert_eq!(first_segment(b"/?q"), b"");
    }
}
