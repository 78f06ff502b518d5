//! What one request is: who asks, who is asked, in which mode (VERDICTS.md §2).

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::browser::{is_browser, sends_fetch_metadata};
use super::client::{Clients, one_loopback};
use super::fields::{self, UnsafeField, is_simple_method, is_token, list_items, trim};
use super::origin::{
    self, Origin, OriginKind, Origins, canonical_host, is_loopback_host, is_private, scheme_text, split_host_port,
};
use super::site;
use super::{ClientId, Kind, OriginParts, Target};
use crate::http::head::{Head, Name};
use crate::http::{Request, Version, find_word};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::memo::{Came, Memo};
use crate::options::{EngineOptions, Scheme};
use crate::packet::Time;
use crate::record::{Browser, Confidence, Family, Mode, Site};

/// A request with what was made out about it alone.
#[derive(Debug)]
pub struct Classified {
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// How sure of the mode.
    pub mode_confidence: Confidence,
    /// Signs of a tool (§2 step 1).
    pub tool_signs: u8,
    /// Fields that a script must have set and that are not safelisted; empty for a preflight.
    pub unsafe_fields: Vec<UnsafeField>,
    /// Its URL (digest).
    pub url: u64,
    /// Who asks whom, for which page.
    parties: Arc<Parties>,
}

impl Deref for Classified {
    type Target = Parties;

    fn deref(&self) -> &Parties {
        &self.parties
    }
}

/// Who asks whom, for which page: the same for one request after another, so that it is made out once.
#[derive(Debug)]
pub struct Parties {
    /// The `Origin` field, when there is just one or the first.
    pub origin: Option<Arc<Origin>>,
    /// Who is asked.
    pub target: Arc<Target>,
    /// Who asks.
    pub client: ClientId,
    /// When that client was first seen, by which it is told from what had to make room.
    client_since: Time,
    /// Its User-Agent (digest).
    pub agent: u64,
    /// The client's address.
    pub address: IpAddr,
    /// The address comes from a trusted proxy's field.
    pub forwarded: bool,
    /// The program.
    pub browser: Browser,
    /// A health checker: its OPTIONS are no preflights.
    health_checker: bool,
    /// Origin against target.
    pub site: Site,
    /// How sure that it is cross-origin (or same-origin).
    pub site_confidence: Confidence,
    /// A different scheme of the target, which cannot be excluded, would make it same-origin.
    pub target_doubt: bool,
    /// Two `Host` fields that differ.
    pub host_conflict: bool,
    /// `Sec-Fetch-Mode`
    fetch_mode: FetchMode,
    /// With `Sec-Fetch-Site` and `Sec-Fetch-Dest`.
    fetch_complete: bool,
    /// Digests of some of these together.
    pub keys: Keys,
}

/// Digests under this process's key, for the keys of what is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// The client's address.
    pub address: u64,
    /// The client's address, all loopback ones alike, and the page.
    pub address_and_page: u64,
    /// The client and the page.
    pub client_and_page: u64,
    /// The page and the target.
    pub page_and_target: u64,
    /// The client's address and program, and the host.
    pub agent_and_host: u64,
    /// The target.
    pub target: u64,
}

/// `Sec-Fetch-Mode`, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FetchMode {
    Cors,
    Navigate,
    NoCors,
    SameOrigin,
    Websocket,
    /// Another, or none.
    Other,
}

impl FetchMode {
    fn of(sent: Option<&[u8]>) -> Self {
        match sent {
            Some(b"cors") => FetchMode::Cors,
            Some(b"navigate") => FetchMode::Navigate,
            Some(b"no-cors") => FetchMode::NoCors,
            Some(b"same-origin") => FetchMode::SameOrigin,
            Some(b"websocket") => FetchMode::Websocket,
            _ => FetchMode::Other,
        }
    }
}

/// Fields that tell the parties.
const TELLING: u128 = FORWARDING
    | names([
        Name::Host,
        Name::Origin,
        Name::UserAgent,
        Name::AcceptLanguage,
        Name::SecChUa,
        Name::SecFetchMode,
        Name::SecFetchSite,
        Name::SecFetchDest,
    ]);
/// Of these the ones by which a proxy says who asks whom, and which a page's script may set as well.
pub(super) const FORWARDING: u128 = names([
    Name::Forwarded,
    Name::XForwardedFor,
    Name::XRealIp,
    Name::XForwardedHost,
    Name::XForwardedPort,
    Name::XForwardedProto,
    Name::XForwardedScheme,
    Name::XScheme,
    Name::XUrlScheme,
    Name::CloudFrontForwardedProto,
    Name::XForwardedSsl,
    Name::FrontEndHttps,
    Name::CfVisitor,
]);
/// Parties remembered; a power of two.
const PARTIES_MAX: usize = 8192;
/// URLs remembered for which a page's script sets forwarding fields.
const SET_BY_PAGES_MAX: u32 = 4096;

const fn names<const N: usize>(names: [Name; N]) -> u128 {
    let (mut bits, mut at) = (0, 0);
    while at < N {
        bits |= 1 << names[at] as u8;
        at += 1;
    }
    bits
}

impl Classified {
    /// Origin's parts, where it has them.
    #[must_use]
    pub fn origin_parts(&self) -> Option<&OriginParts> {
        self.origin.as_ref().and_then(|o| o.parts())
    }

    /// An extension's page.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| matches!(o.kind, OriginKind::Extension(_)))
    }

    /// The request needs a preflight when its mode is cors and it is cross-origin (Fetch § main fetch).
    #[must_use]
    pub fn needs_preflight(&self, method: &[u8]) -> bool {
        !is_simple_method(method) || !self.unsafe_fields.is_empty()
    }
}

/// Whose forwarding fields are believed.
#[derive(Debug, Clone)]
pub struct Trust {
    proxies: Vec<(IpAddr, u8)>,
}

impl Trust {
    /// Loopback, private and listed peers are believed.
    #[must_use]
    pub fn trusts(&self, ip: IpAddr) -> bool {
        is_private(ip) || self.proxies.iter().any(|&(net, bits)| in_prefix(ip, net, bits))
    }
}

fn in_prefix(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32 - u32::from(bits.min(32));
            shift == 32 || (u32::from(a) >> shift) == (u32::from(n) >> shift)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128 - u32::from(bits.min(128));
            shift == 128 || (u128::from(a) >> shift) == (u128::from(n) >> shift)
        }
        _ => false,
    }
}

/// Classifies requests; remembers origins, targets and clients so that each is parsed once.
#[derive(Debug)]
pub struct Classifier {
    trust: Trust,
    scheme: Option<Scheme>,
    /// Who asked whom lately, by a digest of the fields that told so.
    met: Memo<Arc<Parties>>,
    came: Came,
    /// Which of [`FORWARDING`] a page's script sets itself, as its preflight said, by who asks which URL.
    set_by_pages: Lru<u64, u128>,
    set_by_pages_forgotten: u64,
    /// Origins read, of requests and of answers.
    pub origins: Origins,
    targets: Lru<u64, Arc<Target>>,
    /// Who was seen.
    pub clients: Clients,
    hasher: RandomState,
}

impl Classifier {
    /// A classifier that has seen nothing.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Classifier {
            trust: Trust { proxies: options.site.trusted_proxies.clone() },
            scheme: options.scheme,
            met: Memo::new(PARTIES_MAX),
            came: Came::new(PARTIES_MAX),
            set_by_pages: Lru::new(SET_BY_PAGES_MAX),
            set_by_pages_forgotten: 0,
            origins: Origins::new(limits.targets_max),
            targets: Lru::new(limits.targets_max),
            clients: Clients::new(limits.clients_max),
            hasher: RandomState::default(),
        }
    }

    /// Takes the proxies to be believed anew.
    pub fn configure(&mut self, options: &EngineOptions) {
        self.trust = Trust { proxies: options.site.trusted_proxies.clone() };
        self.met.clear();
    }

    /// What makes the digests.
    #[must_use]
    pub fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// A 64-bit digest under a key of this process: for equality only, never shown.
    pub fn digest(&self, value: impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }

    /// Classifies one request.
    pub fn classify(&mut self, request: &Request, forgotten: &mut u64) -> Classified {
        let parties = self.parties(request, forgotten);
        let mut seen = Classified {
            kind: Kind::NotCors,
            mode: Mode::Unknown,
            mode_confidence: Confidence::Certain,
            tool_signs: 0,
            unsafe_fields: Vec::new(),
            url: self.digest((parties.keys.target, path_and_query(request.head.target()))),
            parties,
        };
        decide_kind(&mut seen, request);
        if matches!(seen.kind, Kind::Preflight | Kind::Actual) {
            seen.tool_signs = tool_signs(&seen, request);
        }
        seen
    }

    /// What pages set that had to make room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.set_by_pages_forgotten
    }

    /// The forwarding fields of this request that its page's script set: its preflight asked for them, and came without them.
    fn set_by_page(&mut self, request: &Request) -> u128 {
        let head = &request.head;
        let asked = head.joined(Name::AcRequestHeaders).filter(|_| head.method() == b"OPTIONS");
        let Some(asked) = asked else {
            if self.set_by_pages.is_empty() || head.names() & FORWARDING == 0 || !head.has(Name::Origin) {
                return 0;
            }
            let key = self.sender_and_url(request);
            return self.set_by_pages.get(&key).map_or(0, |set| *set);
        };
        let asked = list_items(&asked).fold(0, |all, name| all | 1 << Name::of(name) as u8);
        let set = asked & FORWARDING & !head.names();
        if set != 0 {
            let key = self.sender_and_url(request);
            let evicted = self.set_by_pages.insert(key, set);
            self.set_by_pages_forgotten += u64::from(evicted.is_some());
        }
        0
    }

    /// Who sends, and the URL; not for which page: Firefox asks with its origin and then sends `null` (VERDICTS.md §7).
    fn sender_and_url(&self, request: &Request) -> u64 {
        let head = &request.head;
        self.digest((request.peer.ip(), head.first(Name::Host), path_and_query(head.target())))
    }

    /// Who asks whom: out of memory, where the same was asked before.
    fn parties(&mut self, request: &Request, forgotten: &mut u64) -> Arc<Parties> {
        let set = self.set_by_page(request);
        if request.head.target().first() != Some(&b'/') {
            return Arc::new(self.meet(request, set, forgotten)); // it may name a host itself
        }
        let key = self.telling_key(request, set);
        if let Some(parties) = self.met.get(key)
            && self.clients.is_back(parties.client, parties.client_since, request.first.time)
        {
            return parties.clone();
        }
        let parties = Arc::new(self.meet(request, set, forgotten));
        if self.came.is_back(key) {
            self.met.put(key, parties.clone());
        }
        parties
    }

    /// A digest of all that [`Classifier::meet`] looks at.
    fn telling_key(&self, request: &Request, set: u128) -> u64 {
        let mut key = self.hasher.build_hasher();
        let head = &request.head;
        let asks = head.has(Name::AcRequestMethod);
        (request.peer.ip(), request.client.ip(), request.server, asks).hash(&mut key);
        for field in head.fields().iter().filter(|f| TELLING & !set & 1 << f.name as u8 != 0) {
            let value = head.value_of(field);
            key.write_u64((value.len() as u64) << 8 | u64::from(field.name as u8));
            key.write(value);
        }
        key.finish()
    }

    /// Makes out who asks whom. `set`: what the page's script set, which tells nothing.
    fn meet(&mut self, request: &Request, set: u128, forgotten: &mut u64) -> Parties {
        let head = &request.head;
        let told = self.trust.trusts(request.peer.ip()).then_some(Forwarding { head, set });
        let via = told.and_then(|told| told.client(&self.trust));
        let address = via.unwrap_or_else(|| request.client.ip());
        let client = self.clients.of(address, head, request.first.time, forgotten);
        let (id, client_since, agent, health_checker) =
            (client.id, client.first_seen, client.agent, client.health_checker);
        let browser = client.browser.clone();
        let sent = head.first(Name::Origin);
        let origin = sent.map(|bytes| self.origins.of(bytes));
        let fetch = FetchMetadata::of(head);
        let (target, host_conflict) = self.target(request, told, origin.as_deref(), &fetch, &browser);
        let page = origin.as_ref().map(|o| &*o.text);
        let keys = Keys {
            address: self.clients.address_key(address),
            address_and_page: self.digest((one_loopback(address), sent)),
            client_and_page: self.digest((id, sent)),
            page_and_target: self.digest((page, &*target.origin)),
            agent_and_host: self.digest((address, agent, &*target.host)),
            target: self.digest(&*target.origin),
        };
        let mut parties = Parties {
            origin,
            target,
            client: id,
            client_since,
            agent,
            address,
            forwarded: via.is_some(),
            browser,
            health_checker,
            site: Site::Unknown,
            site_confidence: Confidence::Certain,
            target_doubt: false,
            host_conflict,
            fetch_mode: FetchMode::of(fetch.mode),
            fetch_complete: fetch.complete(),
            keys,
        };
        relate(&mut parties, head, &fetch);
        parties
    }

    fn target(
        &mut self,
        request: &Request,
        told: Option<Forwarding<'_>>,
        origin: Option<&Origin>,
        fetch: &FetchMetadata<'_>,
        browser: &Browser,
    ) -> (Arc<Target>, bool) {
        let head = &request.head;
        let forwarded = told.map_or((None, None), Forwarding::pair);
        let (absolute_scheme, absolute_host) = absolute_form(head.target());
        let mut hosts = head.all(Name::Host);
        let host_field = hosts.next();
        let conflict = hosts.any(|other| Some(other) != host_field);
        let proxy_host = told.and_then(|t| t.first(Name::XForwardedHost)).and_then(first_item);
        let authority: &[u8] =
            absolute_host.or(forwarded.1).or(proxy_host).or(host_field).filter(|h| !h.is_empty()).unwrap_or_default();
        let loopback = host_text(authority).is_some_and(is_loopback_host);

        let said = absolute_scheme
            .or(forwarded.0.and_then(scheme_of))
            .or_else(|| told.and_then(Forwarding::scheme))
            .or(request.scheme)
            .or(self.scheme);
        let origin_parts = origin.and_then(Origin::parts);
        let from_browser = is_browser(browser.family);
        let (scheme, confidence) = if let Some(scheme) = said {
            (scheme, Confidence::Certain)
        } else if !loopback && fetch.proves_trustworthy_url() {
            (Scheme::Https, Confidence::Certain)
        } else if !loopback
            && sends_fetch_metadata(browser)
            && !fetch.any()
            && browser.family != Family::Safari
            && head.has(Name::Origin)
        {
            // an https URL would have brought Sec-Fetch fields (Fetch Metadata § 2)
            (Scheme::Http, Confidence::Probable)
        } else if origin_parts.is_some_and(|o| {
            &*o.scheme == "https"
                && o.port == 443
                && host_text(authority).and_then(canonical_host).as_deref() == Some(&o.host)
        }) || (origin_parts.is_some_and(|o| &*o.scheme == "https") && from_browser && !loopback)
        {
            // TLS ended upstream of the tap, or the browser would have refused the mixed content
            (Scheme::Https, Confidence::Probable)
        } else if matches!(request.server.port(), 443 | 8443) {
            (Scheme::Https, Confidence::Possible)
        } else if loopback && fetch.any() {
            (Scheme::Http, Confidence::Probable)
        } else {
            (Scheme::Http, Confidence::Possible)
        };
        let port = told.and_then(|t| t.first(Name::XForwardedPort)).and_then(first_item);
        let port_override = if absolute_host.is_none() { port.and_then(parse_port) } else { None };

        let mut key = self.hasher.build_hasher();
        (scheme, confidence, authority, port_override).hash(&mut key);
        if authority.is_empty() {
            request.server.hash(&mut key);
        }
        let server = request.server;
        let (target, _) = self.targets.get_or_insert_with(key.finish(), || {
            Arc::new(make_target(scheme, confidence, authority, port_override, server))
        });
        (target.clone(), conflict)
    }
}

fn make_target(
    scheme: Scheme,
    confidence: Confidence,
    authority: &[u8],
    port_override: Option<u16>,
    server: SocketAddr,
) -> Target {
    let name = scheme_text(scheme);
    let default = origin::default_port(name);
    let text = std::str::from_utf8(authority).unwrap_or_default();
    let (host, port) = match split_host_port(text).and_then(|(h, p)| Some((canonical_host(h)?, p))) {
        Some((host, port)) => {
            let given = port.and_then(|p| p.parse().ok());
            let forwarded = port_override.filter(|&p| p != 80 && p != 443);
            (host, given.or(forwarded).unwrap_or(default))
        }
        None if authority.is_empty() => {
            let host = match server.ip() {
                IpAddr::V4(a) => a.to_string(),
                IpAddr::V6(a) => format!("[{a}]"),
            };
            (host, server.port())
        }
        None => (origin::printable(authority).to_ascii_lowercase(), default),
    };
    let parts = OriginParts { scheme: name.into(), site: site::registrable(&host).into(), host: host.into(), port };
    Target {
        scheme,
        scheme_confidence: confidence,
        origin: origin::serialise(&parts).into(),
        site: parts.site,
        host: parts.host,
        port,
    }
}

fn host_text(authority: &[u8]) -> Option<&str> {
    Some(split_host_port(std::str::from_utf8(authority).ok()?)?.0)
}

fn first_item(value: &[u8]) -> Option<&[u8]> {
    value.split(|&b| b == b',').map(trim).next().filter(|item| !item.is_empty())
}

fn parse_port(value: &[u8]) -> Option<u16> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn scheme_of(value: &[u8]) -> Option<Scheme> {
    if value.eq_ignore_ascii_case(b"https") || value.eq_ignore_ascii_case(b"wss") {
        Some(Scheme::Https)
    } else if value.eq_ignore_ascii_case(b"http") || value.eq_ignore_ascii_case(b"ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

fn forwarded_parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    element.split(|&b| b == b';').map(trim).find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let value = pair.get(at + 1..)?;
        pair.get(..at)?
            .eq_ignore_ascii_case(name)
            .then(|| value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value))
    })
}

/// CONNECT with a path: how HTTP/2 opens a WebSocket, or WebTransport (RFC 8441 § 4).
fn is_extended_connect(request: &Request) -> bool {
    request.version == Version::Http2 && request.head.method() == b"CONNECT" && request.head.target().starts_with(b"/")
}

fn absolute_form(target: &[u8]) -> (Option<Scheme>, Option<&[u8]>) {
    let (scheme, rest) = if let Some(rest) = strip_prefix_ignore_case(target, b"http://") {
        (Scheme::Http, rest)
    } else if let Some(rest) = strip_prefix_ignore_case(target, b"https://") {
        (Scheme::Https, rest)
    } else {
        return (None, None);
    };
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host = authority.rsplit(|&b| b == b'@').next().unwrap_or_default();
    (Some(scheme), Some(host))
}

fn strip_prefix_ignore_case<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = bytes.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The path and query of a request target, whatever its form.
#[must_use]
pub fn path_and_query(target: &[u8]) -> &[u8] {
    match absolute_form(target) {
        (Some(_), Some(_)) => {
            let skip = find_word(target, b"://").map_or(0, |i| i + 3);
            let rest = target.get(skip..).unwrap_or_default();
            match rest.iter().position(|b| matches!(b, b'/' | b'?')) {
                Some(at) => rest.get(at..).unwrap_or(b"/"),
                None => b"/",
            }
        }
        _ => target,
    }
}

/// A path without query and fragment: its length in bytes.
#[must_use]
pub fn path_len(path: &[u8]) -> usize {
    memchr::memchr2(b'?', b'#', path).unwrap_or(path.len())
}

/// What a trusted proxy says, in fields of its own.
#[derive(Debug, Clone, Copy)]
struct Forwarding<'a> {
    head: &'a Head,
    /// What the page's script set.
    set: u128,
}

impl<'a> Forwarding<'a> {
    fn has(self, name: Name) -> bool {
        self.head.has(name) && self.set & 1 << name as u8 == 0
    }

    fn first(self, name: Name) -> Option<&'a [u8]> {
        if self.has(name) { self.head.first(name) } else { None }
    }

    /// `proto` and `host` of the first element of `Forwarded` (RFC 7239 §4).
    fn pair(self) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
        let Some(element) = self.first(Name::Forwarded).and_then(first_item) else { return (None, None) };
        (forwarded_parameter(element, b"proto"), forwarded_parameter(element, b"host"))
    }

    fn scheme(self) -> Option<Scheme> {
        for name in [
            Name::XForwardedProto,
            Name::XForwardedScheme,
            Name::XScheme,
            Name::XUrlScheme,
            Name::CloudFrontForwardedProto,
        ] {
            if let Some(scheme) = self.first(name).and_then(first_item).and_then(scheme_of) {
                return Some(scheme);
            }
        }
        for name in [Name::XForwardedSsl, Name::FrontEndHttps] {
            if self.first(name).is_some_and(|v| v.eq_ignore_ascii_case(b"on")) {
                return Some(Scheme::Https);
            }
        }
        let visitor = self.first(Name::CfVisitor)?;
        if find_word(visitor, b"\"https\"").is_some() { Some(Scheme::Https) } else { Some(Scheme::Http) }
    }

    /// The client that a proxy's fields name: of `X-Forwarded-For` the leftmost that is not itself a trusted proxy (all trusted:
    /// the leftmost), else `Forwarded`, else `X-Real-IP`.
    fn client(self, trust: &Trust) -> Option<IpAddr> {
        let head = self.head;
        let listing = self.has(Name::XForwardedFor);
        if !listing && !self.has(Name::Forwarded) && !self.has(Name::XRealIp) {
            return None;
        }
        // one proxy, one address: nothing to choose from
        if listing
            && head.count(Name::XForwardedFor) == 1
            && let Some(ip) =
                head.first(Name::XForwardedFor).filter(|v| !v.contains(&b',')).and_then(|v| parse_ip(trim(v)))
        {
            return Some(ip);
        }
        let mut listed: SmallVec<[IpAddr; 4]> = SmallVec::new();
        if listing {
            for value in head.all(Name::XForwardedFor) {
                listed.extend(value.split(|&b| b == b',').filter_map(|item| parse_ip(trim(item))).take(16));
            }
        }
        if listed.is_empty()
            && self.has(Name::Forwarded)
            && let Some(value) = head.joined(Name::Forwarded)
        {
            listed.extend(
                value
                    .split(|&b| b == b',')
                    .filter_map(|element| parse_ip(forwarded_parameter(trim(element), b"for")?))
                    .take(16),
            );
        }
        if listed.is_empty() {
            listed.extend(self.first(Name::XRealIp).and_then(|v| parse_ip(trim(v))));
        }
        listed.iter().find(|ip| !trust.trusts(**ip)).or(listed.first()).copied()
    }
}

fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next()?.parse().ok();
    }
    text.rsplit_once(':').and_then(|(host, _)| host.parse().ok())
}

/// The `Sec-Fetch-*` fields.
#[derive(Debug, Clone, Copy)]
pub struct FetchMetadata<'a> {
    /// `Sec-Fetch-Mode`
    pub mode: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`
    pub site: Option<&'a [u8]>,
    /// `Sec-Fetch-Dest`
    pub dest: Option<&'a [u8]>,
}

impl<'a> FetchMetadata<'a> {
    /// Reads them.
    #[must_use]
    pub fn of(head: &'a Head) -> Self {
        FetchMetadata {
            mode: head.first(Name::SecFetchMode),
            site: head.first(Name::SecFetchSite),
            dest: head.first(Name::SecFetchDest),
        }
    }

    /// The minimum consistent set.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.mode.is_some() && self.site.is_some() && self.dest.is_some()
    }

    /// At least one.
    #[must_use]
    pub fn any(&self) -> bool {
        self.mode.is_some() || self.site.is_some() || self.dest.is_some()
    }

    /// Browsers send `Sec-Fetch-Site` to trustworthy URLs only; Chromium puts `Sec-Fetch-Mode` on every preflight.
    fn proves_trustworthy_url(&self) -> bool {
        self.site.is_some()
    }
}

/// Sets `site`, `site_confidence` and `target_doubt`.
fn relate(seen: &mut Parties, head: &Head, fetch: &FetchMetadata<'_>) {
    match fetch.site {
        // WebKit says so of what a worker made of a data: URL asks of its page's origin; an opaque origin is nobody's own
        Some(b"same-origin")
            if fetch.mode == Some(b"cors")
                && seen.browser.family == Family::Safari
                && seen.origin.as_ref().is_some_and(|o| o.kind == OriginKind::Null) =>
        {
            seen.site = Site::CrossSite;
        }
        Some(b"same-origin") => seen.site = Site::SameOrigin,
        Some(b"same-site") => seen.site = Site::SameSite,
        Some(b"cross-site") => seen.site = Site::CrossSite,
        _ => match seen.origin.as_deref() {
            None => {
                if fetch.mode == Some(b"cors") {
                    seen.site = Site::SameOrigin;
                }
            }
            Some(origin) => match origin.parts() {
                None => seen.site = Site::Unknown,
                Some(parts) => {
                    seen.site = site::relation(parts, &seen.target);
                    let same_place = parts.host == seen.target.host;
                    if seen.target.scheme_confidence == Confidence::Possible
                        && same_place
                        && seen.site != Site::SameOrigin
                    {
                        let other = scheme_text(site::other_scheme(seen.target.scheme));
                        let plain = origin::default_port(scheme_text(seen.target.scheme));
                        let port =
                            if seen.target.port == plain { origin::default_port(other) } else { seen.target.port };
                        seen.target_doubt = &*parts.scheme == other && parts.port == port;
                    }
                    let private_name = origin::host_ip(&seen.target.host).is_some() || !seen.target.host.contains('.');
                    if seen.site == Site::CrossSite
                        && private_name
                        && &*parts.scheme == "https"
                        && parts.host.contains('.')
                        && !head.has(Name::XForwardedHost)
                        && !head.has(Name::AcRequestMethod)
                    {
                        seen.site_confidence = Confidence::Probable; // Host may have been rewritten
                    }
                }
            },
        },
    }
}

/// A navigation, as far as fields tell that browsers send to plain http, too: they ask for HTML, and to be sent on to https.
#[must_use]
pub fn asks_for_a_page(head: &Head) -> bool {
    head.first(Name::Accept).is_some_and(|v| v.starts_with(b"text/html"))
        || head.first(Name::UpgradeInsecureRequests) == Some(b"1")
}

/// VERDICTS.md §2, the decision list.
fn decide_kind(seen: &mut Classified, request: &Request) {
    let head = &request.head;
    let (fetch, health_checker) = (seen.fetch_mode, seen.health_checker);
    let method = head.method();
    let one_origin = head.count(Name::Origin) == 1;
    if method == b"OPTIONS" {
        let asked = head.first(Name::AcRequestMethod);
        if one_origin && head.count(Name::AcRequestMethod) == 1 && asked.is_some_and(is_token) && !health_checker {
            seen.kind = Kind::Preflight;
            seen.mode = Mode::Cors;
            return;
        }
        let script = fetch == FetchMode::Cors || (is_browser(seen.browser.family) && one_origin && asked.is_none());
        if !script || head.target() == b"*" || health_checker {
            seen.kind = Kind::PlainOptions;
            return;
        }
    }
    // a gateway that knows nothing of WebSocket takes Upgrade away, no script can set the key, and HTTP/2 has its own way
    if head.has(Name::SecWebSocketKey) || is_extended_connect(request) {
        seen.kind = Kind::Websocket;
        seen.mode = Mode::Websocket;
        return;
    }
    if seen.fetch_complete {
        match fetch {
            FetchMode::Navigate => {
                seen.mode = Mode::Navigate;
                return;
            }
            FetchMode::NoCors => {
                seen.mode = Mode::NoCors;
                return;
            }
            FetchMode::SameOrigin => {
                seen.mode = Mode::SameOrigin;
                return;
            }
            FetchMode::Websocket => {
                seen.kind = Kind::Websocket;
                seen.mode = Mode::Websocket;
                return;
            }
            FetchMode::Cors => {
                seen.mode = Mode::Cors;
                if seen.origin.is_some() && seen.site != Site::SameOrigin {
                    seen.kind = Kind::Actual;
                    seen.unsafe_fields = fields::unsafe_fields(head);
                }
                return;
            }
            FetchMode::Other => {}
        }
    }
    if seen.origin.is_none() {
        return;
    }
    if seen.site == Site::SameOrigin {
        seen.mode = Mode::Unknown;
        return;
    }
    seen.mode = Mode::Cors;
    // a form, or a report; should a preflight pair with it, a script set these fields, and the correlator takes it for an actual
    if method == b"POST" && (asks_for_a_page(head) || fields::is_report(head)) {
        seen.mode = if asks_for_a_page(head) { Mode::Navigate } else { Mode::NoCors };
        seen.mode_confidence = Confidence::Probable;
        return;
    }
    seen.kind = Kind::Actual;
    seen.unsafe_fields = fields::unsafe_fields(head);
    if method == b"POST" && seen.unsafe_fields.is_empty() {
        seen.mode_confidence = Confidence::Probable;
    }
}

/// Signs that no browser sent it (§2 step 1).
fn tool_signs(seen: &Classified, request: &Request) -> u8 {
    let head = &request.head;
    let mut signs = u8::from(seen.browser.family == Family::Other);
    signs += u8::from(seen.origin.as_ref().is_some_and(|o| !o.serialised));
    let reads_compressed = head.has(Name::AcceptEncoding);
    signs += u8::from(matches!(seen.browser.family, Family::Chromium | Family::Firefox) && !reads_compressed);
    if seen.kind == Kind::Preflight {
        signs += u8::from(head.has(Name::Cookie) || head.has(Name::Authorization));
        let names = || head.all(Name::AcRequestHeaders).flat_map(|v| v.split(|&b| b == b','));
        let odd = names().any(|n| trim(n).len() != n.len() || n.iter().any(u8::is_ascii_uppercase));
        signs += u8::from(odd || !names().is_sorted());
        let body = head.first(Name::ContentLength).is_some_and(|v| v != b"0") || head.has(Name::TransferEncoding);
        signs += u8::from(body);
        signs += u8::from(head.first(Name::Accept).is_some_and(|v| v != b"*/*"));
    }
    signs
}

/// Whether a client is more likely a program than a browser.
#[must_use]
pub fn is_tool(seen: &Classified) -> bool {
    seen.browser.family == Family::Other || seen.tool_signs >= 2
}

/// Query values out, names in: `/a?token=…&page=…`.
#[must_use]
pub fn redacted_path(path_and_query: &[u8], show_query: bool) -> String {
    let mut text = String::new();
    redact(&mut text, path_and_query, show_query);
    text
}

/// Appends what [`redacted_path`] gives.
pub(super) fn redact(text: &mut String, path_and_query: &[u8], show_query: bool) {
    // nothing that is escaped turns into a mark that divides
    let shown = origin::shown(path_and_query);
    let bytes = shown.as_bytes();
    let Some(mark) = memchr::memchr(b'?', bytes).filter(|_| !show_query) else {
        text.push_str(&shown);
        return;
    };
    let part = |from: usize, to: usize| shown.get(from..to).unwrap_or_default();
    text.reserve(bytes.len() + 8);
    text.push_str(part(0, mark + 1));
    let mut at = mark + 1;
    loop {
        let (mut end, mut equals) = (at, None);
        while let Some(&byte) = bytes.get(end).filter(|b| **b != b'&') {
            if byte == b'=' && equals.is_none() {
                equals = Some(end);
            }
            end += 1;
        }
        match equals {
            Some(equals) => {
                text.push_str(part(at, equals));
                text.push_str(if equals + 1 == end { "=" } else { "=…" });
            }
            // a value without a name may be the secret itself
            None if at == end => {}
            None => text.push('…'),
        }
        if end >= bytes.len() {
            return;
        }
        text.push('&');
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_never_show() {
        assert_eq!(redacted_path(b"/a?token=CANARY&b=&c&d=1=2", false), "/a?token=…&b=&…&d=…");
        assert_eq!(redacted_path(b"/a", false), "/a");
        assert_eq!(redacted_path(b"/a?x=1", true), "/a?x=1");
        assert_eq!(redacted_path(b"/a?CANARY", false), "/a?…");
        assert_eq!(redacted_path(b"/\xff?\xfe=CANARY&&=", false), "/\\xff?\\xfe=…&&=");
        assert_eq!(redacted_path(b"/a?", false), "/a?");
    }

    #[test]
    fn path_of_each_target_form() {
        assert_eq!(path_and_query(b"/a?b"), b"/a?b");
        assert_eq!(path_and_query(b"http://h.test/a?b"), b"/a?b");
        assert_eq!(path_and_query(b"HTTPS://h.test"), b"/");
        assert_eq!(path_and_query(b"*"), b"*");
    }
}
