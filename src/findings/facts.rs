//! One request with its answer, as rules look at it: each head read once.

use std::cell::Cell;
use std::fmt::Write as _;

use crate::cors::browser::is_browser;
use crate::cors::classify::{path_and_query, path_len};
use crate::cors::origin::{is_private, printable, shown};
use crate::cors::{Kind, Observation};
use crate::http::head::{Head, Name};
use crate::http::{Request, Response, find_word, is_printable};
use crate::packet::Time;
use crate::record::{Family, Mode, Site, TransactionId};

/// Fields of a request that rules ask for.
#[derive(Debug, Default)]
pub struct Asked<'a> {
    /// `Origin`, the first.
    origin: Option<&'a [u8]>,
    /// `Cookie` present.
    pub cookie: bool,
    /// `Authorization` present.
    pub authorization: bool,
    /// `Referer`
    pub referer: Option<&'a [u8]>,
    /// `Sec-Fetch-Mode`
    pub fetch_mode: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`
    pub fetch_site: Option<&'a [u8]>,
    /// `Sec-Fetch-Dest`
    pub fetch_dest: Option<&'a [u8]>,
    /// `Sec-Fetch-User` present.
    pub fetch_user: bool,
    /// `Sec-Fetch-Storage-Access` present.
    pub storage_access: bool,
    /// `Access-Control-Request-Method`
    pub method: Option<&'a [u8]>,
    /// `Access-Control-Request-Headers`, the first such field.
    pub headers: Option<&'a [u8]>,
    /// `User-Agent`
    pub agent: &'a [u8],
    /// `Content-Type`
    pub content_type: Option<&'a [u8]>,
    /// `X-Forwarded-Host`
    pub forwarded_host: Option<&'a [u8]>,
    /// `Host`, the first.
    pub host: Option<&'a [u8]>,
    /// Another `Host` that differs.
    pub host_conflict: bool,
    /// `Accept-Language` present.
    pub language: bool,
    /// An `Access-Control-Allow-*` field, which only answers should carry.
    pub allow_field: Option<Name>,
    /// `Access-Control-Request-External` present.
    pub external: bool,
}

/// Fields of an answer that rules ask for.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a field's presence, as the wire has it
pub struct Said<'a> {
    /// Status; 0 where there was no answer.
    pub status: u16,
    /// `Access-Control-Allow-Origin`, where there is just one field.
    pub allow_origin: Option<&'a [u8]>,
    /// How many `Access-Control-Allow-Origin` fields.
    pub allow_origins: u8,
    /// `Access-Control-Allow-Credentials`
    pub allow_credentials: Option<&'a [u8]>,
    /// `Access-Control-Allow-Methods`
    pub allow_methods: Option<&'a [u8]>,
    /// `Access-Control-Allow-Headers`
    pub allow_headers: Option<&'a [u8]>,
    /// `Access-Control-Max-Age`
    pub max_age: Option<&'a [u8]>,
    /// How many `Access-Control-Max-Age` fields.
    pub max_ages: u8,
    /// `Access-Control-Allow-Private-Network` or `-Local-Network`
    pub allow_private: Option<&'a [u8]>,
    /// `Access-Control-Allow-External` present.
    pub external: bool,
    /// A field of CORS that is there twice.
    pub twice: Option<Name>,
    /// `Vary` names `Origin`, or is `*`.
    pub varies: bool,
    /// `Cache-Control: no-store` or `private`.
    pub uncacheable: bool,
    /// `Cache-Control: no-store`.
    pub no_store: bool,
    /// `Cache-Control: public` or `s-maxage`.
    pub public: bool,
    /// A shared cache took part: `Age`, `X-Cache`, `CF-Cache-Status`, `s-maxage`, `public`.
    pub shared_cache: bool,
    /// It came out of a cache.
    pub hit: bool,
    /// `Age`, in seconds.
    pub age: Option<u32>,
    /// `Location`
    pub location: Option<&'a [u8]>,
    /// `Cross-Origin-*-Policy` or `Timing-Allow-Origin` that opens up.
    pub lax_policy: Option<Name>,
    /// `Content-Type`
    pub content_type: Option<&'a [u8]>,
}

/// What rules look at.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The observation.
    pub o: &'a Observation<'a>,
    /// When.
    pub now: Time,
    /// Asked.
    pub asked: Asked<'a>,
    /// Answered.
    pub said: Said<'a>,
    /// A digest of `Origin` as sent.
    pub origin_digest: u64,
    /// ACAO equals the Origin byte for byte.
    accepted: bool,
    /// A rule has kept this request's id.
    noted: Cell<bool>,
}

fn number_above_zero(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_digit) && value.iter().any(|b| *b != b'0')
}

fn asked(head: &Head) -> Asked<'_> {
    let mut asked = Asked::default();
    for field in head.fields() {
        let value = || head.value_of(field);
        match field.name {
            Name::Origin => {
                asked.origin.get_or_insert_with(value);
            }
            Name::Cookie => asked.cookie = true,
            Name::Authorization => asked.authorization = true,
            Name::Referer => asked.referer = Some(value()),
            Name::SecFetchMode => asked.fetch_mode = Some(value()),
            Name::SecFetchSite => asked.fetch_site = Some(value()),
            Name::SecFetchDest => asked.fetch_dest = Some(value()),
            Name::SecFetchUser => asked.fetch_user = true,
            Name::SecFetchStorageAccess => asked.storage_access = true,
            Name::AcRequestMethod => asked.method = Some(value()),
            Name::AcRequestHeaders => {
                asked.headers.get_or_insert_with(value);
            }
            Name::UserAgent => asked.agent = value(),
            Name::ContentType => asked.content_type = Some(value()),
            Name::XForwardedHost => asked.forwarded_host = Some(value()),
            Name::AcceptLanguage => asked.language = true,
            Name::Host => match asked.host {
                None => asked.host = Some(value()),
                Some(first) => asked.host_conflict |= !first.eq_ignore_ascii_case(value()),
            },
            Name::AcAllowOrigin
            | Name::AcAllowCredentials
            | Name::AcAllowMethods
            | Name::AcAllowHeaders
            | Name::AcExposeHeaders
            | Name::AcMaxAge => {
                asked.allow_field.get_or_insert(field.name);
            }
            Name::AcRequestExternal => asked.external = true,
            _ => {}
        }
    }
    asked
}

fn said(status: u16, head: &Head) -> Said<'_> {
    let mut said = Said { status, ..Said::default() };
    let mut once = 0_u32;
    for field in head.fields() {
        let value = || head.value_of(field);
        let bit = match field.name {
            Name::AcAllowOrigin => {
                said.allow_origins = said.allow_origins.saturating_add(1);
                said.allow_origin = (said.allow_origins == 1).then(value);
                1
            }
            Name::AcAllowCredentials => {
                said.allow_credentials = Some(value());
                2
            }
            Name::AcAllowMethods => {
                said.allow_methods = Some(value());
                4
            }
            Name::AcAllowHeaders => {
                said.allow_headers = Some(value());
                8
            }
            Name::AcExposeHeaders => 16,
            Name::AcMaxAge => {
                said.max_ages = said.max_ages.saturating_add(1);
                said.max_age = Some(value());
                32
            }
            Name::AcAllowPrivateNetwork | Name::AcAllowLocalNetwork => {
                said.allow_private = Some(value());
                0
            }
            Name::AcAllowExternal => {
                said.external = true;
                0
            }
            Name::Vary => {
                let names_origin = |item: &[u8]| item == b"*" || item.eq_ignore_ascii_case(b"origin");
                said.varies |=
                    names_origin(value()) || value().split(|&b| b == b',').any(|item| names_origin(item.trim_ascii()));
                0
            }
            Name::CacheControl => {
                cache_control(&mut said, value());
                0
            }
            Name::Age => {
                said.shared_cache = true;
                said.hit |= number_above_zero(value());
                said.age = std::str::from_utf8(value()).ok().and_then(|v| v.parse().ok());
                0
            }
            Name::XCache | Name::XCacheStatus | Name::CfCacheStatus => {
                said.shared_cache = true;
                let value = value().to_ascii_lowercase();
                let has = |word: &[u8]| find_word(&value, word).is_some();
                said.hit |= (has(b"hit") || has(b"stale") || has(b"revalidated")) && !has(b"miss");
                0
            }
            Name::XVarnish => {
                said.shared_cache = true;
                // two numbers: this request, and the one that filled the cache
                said.hit |= value().contains(&b' ');
                0
            }
            Name::Location => {
                said.location = Some(value());
                0
            }
            Name::ContentType => {
                said.content_type = Some(value());
                0
            }
            Name::CrossOriginResourcePolicy if value() == b"cross-origin" => {
                said.lax_policy = Some(field.name);
                0
            }
            Name::CrossOriginOpenerPolicy | Name::CrossOriginEmbedderPolicy if value() == b"unsafe-none" => {
                said.lax_policy = Some(field.name);
                0
            }
            Name::TimingAllowOrigin if value() == b"*" => {
                said.lax_policy = Some(field.name);
                0
            }
            _ => 0,
        };
        if once & bit != 0 {
            said.twice.get_or_insert(field.name);
        }
        once |= bit;
    }
    said
}

/// Reads the head of an answer.
#[must_use]
pub fn said_of(response: &Response) -> Said<'_> {
    said(response.status, &response.head)
}

fn cache_control(said: &mut Said<'_>, value: &[u8]) {
    for item in value.split(|&b| b == b',') {
        let item = item.trim_ascii();
        if item.eq_ignore_ascii_case(b"no-store") {
            said.no_store = true;
            said.uncacheable = true;
        } else if item.eq_ignore_ascii_case(b"private") {
            said.uncacheable = true;
        } else if item.eq_ignore_ascii_case(b"public")
            || item.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"s-maxage="))
        {
            said.public = true;
            said.shared_cache = true;
        }
    }
}

impl<'a> Seen<'a> {
    /// Reads the heads of an observation, with a digest of its origin.
    #[must_use]
    pub fn of(o: &'a Observation<'a>, origin_digest: u64) -> Self {
        let said = o.response.map_or_else(Said::default, |r| said(r.status, &r.head));
        let asked = asked(&o.request.head);
        let accepted = asked.origin.is_some() && said.allow_origin == asked.origin;
        Seen { o, now: o.time, asked, said, origin_digest, accepted, noted: Cell::new(false) }
    }

    /// The id by which a finding cites this request. Whoever takes it may cite it: then a record must explain it.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.noted.set(true);
        self.o.transaction()
    }

    /// A rule may cite this request.
    #[must_use]
    pub fn is_noted(&self) -> bool {
        self.noted.get()
    }

    /// `Origin` as sent; empty where there was none.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.o.origin.map_or("", |origin| origin)
    }

    /// The path without query, as it is shown.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        let url = path_and_query(self.o.request.head.target());
        let path = url.get(..path_len(url)).unwrap_or_default();
        if is_printable(path) { path } else { self.o.path().as_bytes() }
    }

    /// The path as it is shown; a query may follow.
    #[must_use]
    pub fn route(&self) -> &[u8] {
        let url = path_and_query(self.o.request.head.target());
        if is_printable(url) { url } else { self.o.path().as_bytes() }
    }

    /// Answered with 2xx.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.said.status)
    }

    /// ACAO equals the Origin byte for byte.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.accepted
    }

    /// ACAC is `true`.
    #[must_use]
    pub fn credentials_allowed(&self) -> bool {
        self.said.allow_credentials == Some(b"true")
    }

    /// ACAO is `*`.
    #[must_use]
    pub fn wildcard(&self) -> bool {
        self.said.allow_origin == Some(b"*")
    }

    /// The answer, as a policy on this Origin, says no: it is no error of another layer, and neither the Origin nor `*` is in it.
    #[must_use]
    pub fn refused(&self) -> bool {
        let decided = self.said.status == 403
            || (100..400).contains(&self.said.status)
            || self.o.response.is_some_and(|r| r.body_start.is_cors_refusal());
        decided && self.o.origin.is_some() && !self.accepted() && !self.wildcard()
    }

    /// A preflight.
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.o.kind == Kind::Preflight
    }

    /// Cookie or Authorization present.
    #[must_use]
    pub fn carries_credentials(&self) -> bool {
        self.asked.cookie || self.asked.authorization
    }

    /// One of the engines whose habits are known.
    #[must_use]
    pub fn by_browser(&self) -> bool {
        is_browser(self.o.family)
    }

    /// Nothing shows that a page sent it: a program, or a browser's name without what browsers send along.
    #[must_use]
    pub fn looks_sent_by_tool(&self) -> bool {
        let metadata = self.asked.fetch_site.is_some() && self.asked.fetch_dest.is_some();
        !self.by_browser() || self.o.tool_signs > 0 || (self.asked.referer.is_none() && !metadata)
    }

    /// What browsers send is all there.
    #[must_use]
    pub fn is_browser_consistent(&self) -> bool {
        self.by_browser()
            && self.o.tool_signs == 0
            && (self.asked.fetch_site.is_some() || (self.asked.referer.is_some() && self.asked.language))
    }

    /// Private target (VERDICTS.md §8): behind a front every upstream is private.
    #[must_use]
    pub fn private_target(&self) -> bool {
        is_private(self.o.request.server.ip()) && !self.o.forwarded && self.asked.forwarded_host.is_none()
    }

    /// Cross-site to the target.
    #[must_use]
    pub fn cross_site(&self) -> bool {
        self.o.site == Site::CrossSite
    }

    /// `X-Forwarded-Host` that differs from `Host`, and that nobody trusted set.
    #[must_use]
    pub fn odd_forwarded_host(&self) -> Option<&'a [u8]> {
        self.asked.forwarded_host.filter(|value| {
            Some(*value) != self.asked.host
                && !self.asked.host.is_some_and(|host| {
                    // a front that rewrites Host keeps the public name here
                    value.eq_ignore_ascii_case(host)
                })
        })
    }

    /// A form or another navigation.
    #[must_use]
    pub fn navigates(&self) -> bool {
        self.o.mode == Mode::Navigate
    }

    /// The program's own name, where it is none of a browser.
    #[must_use]
    pub fn tool(&self) -> Option<String> {
        tool_of(self.asked.agent, self.o.family)
    }

    /// `GET /a; Origin: … → 200; Access-Control-Allow-Origin: …`: the fields that a rule's condition names.
    #[must_use]
    pub fn quote(&self, names: &[Name]) -> String {
        quote_of(self.o.request, self.o.response.map(|r| &**r), names)
    }
}

/// The program's own name, where it is none of a browser.
#[must_use]
pub fn tool_of(agent: &[u8], family: Family) -> Option<String> {
    if let Some(name) = super::patterns::scanner_of(agent) {
        return Some(name.to_owned());
    }
    if family != Family::Other && family != Family::Unknown {
        return None;
    }
    let end = agent.iter().position(|b| matches!(b, b' ' | b';')).unwrap_or(agent.len());
    let name = agent.get(..end.min(40)).unwrap_or_default();
    (!name.is_empty()).then(|| printable(name))
}

/// See [`Seen::quote`].
#[must_use]
pub fn quote_of(request: &Request, response: Option<&Response>, names: &[Name]) -> String {
    let head = &request.head;
    let path = shown(path_and_query(head.target()));
    let mut text = String::with_capacity(256);
    text.push_str(&shown(head.method()));
    text.push(' ');
    text.push_str(&super::subject::shape_of(&path));
    for &name in names.iter().filter(|n| is_of_request(**n)) {
        append(&mut text, head, name);
    }
    match response {
        Some(response) => {
            let _ = write!(text, " → {}", response.status);
            for &name in names.iter().filter(|n| !is_of_request(**n)) {
                append(&mut text, &response.head, name);
            }
        }
        None => text.push_str(" → no answer"),
    }
    text
}

/// Appends each field of that name, secrets left out.
fn append(text: &mut String, head: &Head, name: Name) {
    const VALUE_BYTES_MAX: usize = 160;
    for field in head.of(name).take(4) {
        let value = head.value_of(field);
        text.push_str("; ");
        push_title(text, name);
        text.push_str(": ");
        text.push_str(&match name {
            Name::Cookie | Name::SetCookie | Name::Authorization => "(present)".into(),
            // a query may hold tokens
            Name::Location | Name::Referer => {
                shown(value.split(|&b| b == b'?' || b == b'#').next().unwrap_or_default())
            }
            _ => shown(value.get(..VALUE_BYTES_MAX).unwrap_or(value)),
        });
    }
}

fn is_of_request(name: Name) -> bool {
    matches!(
        name,
        Name::Origin
            | Name::Host
            | Name::Cookie
            | Name::Authorization
            | Name::AcRequestMethod
            | Name::AcRequestHeaders
            | Name::AcRequestPrivateNetwork
            | Name::AcRequestExternal
            | Name::SecFetchMode
            | Name::SecFetchSite
            | Name::SecFetchDest
            | Name::SecFetchUser
            | Name::UserAgent
            | Name::Referer
            | Name::XForwardedHost
            | Name::ContentType
            | Name::Accept
    )
}

/// `Access-Control-Allow-Origin`, from `access-control-allow-origin`.
fn push_title(text: &mut String, name: Name) {
    let mut start = true;
    for c in name.text().chars() {
        text.push(if start { c.to_ascii_uppercase() } else { c });
        start = c == '-';
    }
}
