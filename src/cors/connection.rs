//! The company that a request keeps on its connection: browsers send requests with and without credentials on different ones.

use super::Kind;
use super::classify::Classified;
use crate::http::head::Name;
use crate::http::{Request, StreamId};
use crate::lru::Lru;
use crate::record::{Credentials, Family, Mode};

#[derive(Debug, Default, Clone, Copy)]
struct Company {
    /// A preflight, or a request known to carry none.
    bare: bool,
    /// A cookie, a navigation, a no-cors load.
    credentialed: bool,
}

/// What travelled on each connection, under a cap.
#[derive(Debug)]
pub struct Connections {
    seen: Lru<StreamId, Company>,
    forgotten: u64,
}

impl Connections {
    /// None yet.
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Connections { seen: Lru::new(cap), forgotten: 0 }
    }

    /// Connections given up under the cap.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn of(&mut self, request: &Request) -> &mut Company {
        let (company, evicted) = self.seen.get_or_insert_with(request.id.stream, Company::default);
        self.forgotten += u64::from(evicted.is_some());
        company
    }

    /// Takes note of a request.
    pub fn on_request(&mut self, request: &Request, seen: &Classified) {
        if seen.forwarded || !matches!(seen.browser.family, Family::Chromium | Family::Firefox) {
            return; // pooled by a proxy, or WebKit, which mixes both kinds
        }
        let cookie = request.head.has(Name::Cookie);
        let page_load = matches!(seen.mode, Mode::Navigate | Mode::NoCors)
            && seen.mode_confidence == crate::record::Confidence::Certain;
        if seen.kind != Kind::Preflight && !cookie && !page_load {
            return;
        }
        let company = self.of(request);
        company.bare |= seen.kind == Kind::Preflight;
        company.credentialed |= cookie || page_load;
    }

    /// A request on this connection turned out to include credentials, or to leave them out (rows 2, 4 and 7 of the table).
    pub fn on_credentials(&mut self, request: &Request, seen: &Classified, credentials: Credentials) {
        if seen.forwarded || !matches!(seen.browser.family, Family::Chromium | Family::Firefox) {
            return;
        }
        let company = self.of(request);
        company.bare |= credentials == Credentials::Omitted;
        company.credentialed |= credentials == Credentials::Included;
    }

    /// Rows 8 and 9 of the credentials table: what the connection's other requests say of this one.
    pub fn company(&mut self, request: &Request, seen: &Classified) -> Option<Credentials> {
        if seen.forwarded || !matches!(seen.browser.family, Family::Chromium | Family::Firefox) {
            return None;
        }
        match self.seen.get(&request.id.stream)? {
            Company { bare: true, credentialed: false } => Some(Credentials::Omitted),
            Company { bare: false, credentialed: true } => Some(Credentials::Included),
            Company { .. } => None,
        }
    }
}
