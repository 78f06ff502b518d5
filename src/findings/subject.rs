//! What rules keep state of: targets, endpoints, URLs, and page origins as they meet a target.

use std::borrow::Cow;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::Arc;

use super::audit::{answers, caching, origins, preflights, writes};
use super::book::Trail;
use super::checklist;
use super::patterns::Kinds;
use super::window::Few;
use crate::cors::classify::path_len;
use crate::cors::origin::shown;
use crate::packet::Time;

/// Bytes of a path's shape that are kept.
const SHAPE_BYTES_MAX: usize = 256;

/// A path with numbers, hex, UUIDs and long tokens replaced by `{}` (VERDICTS.md §8).
#[must_use]
pub fn shape_of(path: &str) -> Cow<'_, str> {
    let path = without_query(path);
    if path.len() <= SHAPE_BYTES_MAX && !segments(path.as_bytes()).any(|segment| segment.is_variable) {
        return Cow::Borrowed(path);
    }
    let mut shape = String::with_capacity(path.len().min(SHAPE_BYTES_MAX) + 4);
    for (nth, segment) in segments(path.as_bytes()).enumerate() {
        let part = if segment.is_variable { "{}" } else { path.get(segment.from..segment.to).unwrap_or_default() };
        if shape.len() + part.len() + 1 > SHAPE_BYTES_MAX {
            shape.push('…');
            break;
        }
        if nth > 0 {
            shape.push('/');
        }
        shape.push_str(part);
    }
    Cow::Owned(shape)
}

/// Appends the shape of a path that is too short for its shape to be cut.
fn push_shape(out: &mut String, path: &str) {
    let mut from = 0;
    for segment in segments(path.as_bytes()).filter(|segment| segment.is_variable) {
        out.push_str(path.get(from..segment.from).unwrap_or_default());
        out.push_str("{}");
        from = segment.to;
    }
    out.push_str(path.get(from..).unwrap_or_default());
}

/// Feeds the shape of a path (of a target, as it may have a query) to a hasher.
pub fn hash_shape(path: impl AsRef<[u8]>, hasher: &mut impl Hasher) {
    let path = path.as_ref();
    let (mut from, mut to) = (0, 0);
    for segment in segments(path) {
        to = segment.to;
        // one that reads so is no other shape
        if segment.is_variable || path.get(segment.from..to) == Some(b"{}") {
            hasher.write(path.get(from..segment.from).unwrap_or_default());
            hasher.write(b"{}");
            from = to;
        }
    }
    hasher.write(path.get(from..to).unwrap_or_default());
}

fn without_query(path: &str) -> &str {
    path.get(..path_len(path.as_bytes())).unwrap_or_default()
}

/// What lies between two slashes of a path.
struct Segment {
    from: usize,
    to: usize,
    /// A number, hex, a UUID or a long token.
    is_variable: bool,
}

/// Ends a segment.
const END: u8 = 1;
/// Ends the path, too.
const END_OF_PATH: u8 = 2;
const NO_DIGIT: u8 = 4;
const NO_HEX: u8 = 8;

/// What each byte is in a path.
const BYTES: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    loop {
        kinds[byte as usize] = match byte {
            b'/' => END,
            b'?' | b'#' => END | END_OF_PATH,
            b'0'..=b'9' => 0,
            b'a'..=b'f' | b'A'..=b'F' => NO_DIGIT,
            _ => NO_DIGIT | NO_HEX,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    kinds
};

/// The segments of a path, each byte read once.
fn segments(path: &[u8]) -> impl Iterator<Item = Segment> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let from = next?;
        let (mut len, mut kinds, mut end) = (0, 0, END | END_OF_PATH);
        for byte in path.get(from..)? {
            let kind = BYTES[usize::from(*byte)];
            if kind & END != 0 {
                end = kind;
                break;
            }
            kinds |= kind;
            len += 1;
        }
        let to = from + len;
        next = (end & END_OF_PATH == 0).then_some(to + 1);
        let is_variable = match len {
            0 => false,
            1..8 => kinds & NO_DIGIT == 0,
            20.. => true,
            _ => kinds & NO_HEX == 0,
        };
        Some(Segment { from, to, is_variable })
    })
}

/// A target, as the browser names it.
#[derive(Debug)]
pub struct Host {
    /// `scheme://host[:port]`
    pub origin: Arc<str>,
    /// Preflights seen.
    pub preflights: u32,
    /// Cross-origin actual requests seen.
    pub actuals: u32,
    /// A navigation or a request of its own site was seen: it is no mere collector of other sites' requests.
    pub direct: bool,
    /// A page of its own site has called it: the name in `Host` is the one that browsers know.
    pub own_pages: bool,
    /// Who may read.
    pub origins: origins::Origins,
    /// What answers say.
    pub answers: answers::OfHost,
    /// What preflights are told.
    pub preflight: preflights::OfHost,
    /// Writes that wait for a sign that this is no collector.
    pub writes: writes::OfHost,
    /// What the checklists count.
    pub checks: checklist::Counts,
}

impl Host {
    /// Something of each line of the processor's cache that most requests need.
    #[must_use]
    pub fn touched(&self) -> u64 {
        u64::from(self.preflights ^ u32::from(self.origins.accepts_any())) ^ self.checks.answers
    }

    /// A target that was just seen first.
    #[must_use]
    pub fn new(origin: Arc<str>) -> Self {
        Host {
            origin,
            preflights: 0,
            actuals: 0,
            direct: false,
            own_pages: false,
            origins: origins::Origins::default(),
            answers: answers::OfHost::default(),
            preflight: preflights::OfHost::default(),
            writes: writes::OfHost::default(),
            checks: checklist::Counts::default(),
        }
    }
}

/// Whether an endpoint wants to know who asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Login {
    /// Some request with `Authorization` was answered 2xx.
    pub by_authorization: bool,
    /// Some request with `Cookie` was answered 2xx, by no public answer; or one without was answered 401 or 403.
    pub by_cookie: bool,
}

impl Login {
    /// What either tells.
    pub fn join(&mut self, other: Login) {
        self.by_authorization |= other.by_authorization;
        self.by_cookie |= other.by_cookie;
    }
}

/// Target, path shape and method.
#[derive(Debug)]
pub struct Endpoint {
    /// `https://api.shop.test GET /v1/orders/{}`
    pub label: String,
    /// Whether it wants to know who asks.
    pub login: Login,
    /// Origins that its 2xx accept.
    pub accepted: Few<16>,
    /// Its 2xx say `*`.
    pub accepts_all: bool,
    /// Who may read here.
    pub origins: origins::OfEndpoint,
    /// `*` on it.
    pub wildcard: Trail,
    /// What answers say.
    pub answers: answers::OfEndpoint,
    /// Whether `Vary` is steady.
    pub caching: caching::OfEndpoint,
    /// What its preflights came to.
    pub preflight: preflights::OfEndpoint,
}

impl Endpoint {
    /// Something of each line of the processor's cache that most requests need.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.label.len() as u64 ^ u64::from(self.wildcard.count())
    }

    /// An endpoint that was just seen first. A query may follow its path.
    #[must_use]
    pub fn new(target: &str, method: &[u8], path: &[u8], login: Login) -> Self {
        Endpoint {
            label: label_of(target, method, path),
            login,
            accepted: Few::default(),
            accepts_all: false,
            origins: origins::OfEndpoint::default(),
            wildcard: Trail::default(),
            answers: answers::OfEndpoint::default(),
            caching: caching::OfEndpoint::default(),
            preflight: preflights::OfEndpoint::default(),
        }
    }

    /// Somebody had to say who they are (VERDICTS.md §8, "Authorised").
    #[must_use]
    pub fn authorised(&self) -> bool {
        self.login.by_authorization || self.login.by_cookie
    }
}

/// `https://api.shop.test GET /v1/orders/{}`
#[must_use]
pub fn label_of(target: &str, method: &[u8], path: &[u8]) -> String {
    let path = shown(path.get(..path_len(path)).unwrap_or_default());
    let method = shown(method.get(..32).unwrap_or(method));
    let mut label = String::with_capacity(target.len() + method.len() + path.len() + 4);
    label.push_str(target);
    label.push(' ');
    label.push_str(&method);
    label.push(' ');
    if path.len() <= SHAPE_BYTES_MAX / 2 {
        push_shape(&mut label, &path);
    } else {
        label.push_str(&shape_of(&path));
    }
    label
}

/// A page origin beside a target.
#[derive(Debug)]
pub struct PageOrigin {
    /// What its name looks like beside the target's.
    pub kinds: Kinds,
    /// As browsers write it.
    pub serialised: bool,
    /// Addresses that sent it: the first three.
    pub addresses: Few<3>,
    /// How often it came.
    pub uses: u32,
    /// WebSocket handshakes with it.
    pub sockets: u32,
    /// Clients of those.
    pub socket_clients: Few<3>,
    /// When a preflight of it was refused last.
    pub preflight_refused: Option<Time>,
}

impl PageOrigin {
    /// One just seen first.
    #[must_use]
    pub fn new(kinds: Kinds, serialised: bool) -> Self {
        PageOrigin {
            kinds,
            serialised,
            addresses: Few::default(),
            uses: 0,
            sockets: 0,
            socket_clients: Few::default(),
            preflight_refused: None,
        }
    }
}

/// IPv6 clients change their address within a /64 (VERDICTS.md §9).
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_paths_are_left_out() {
        for (path, shape) in [
            ("/v1/orders/4711", "/v1/orders/{}"),
            ("/v1/orders", "/v1/orders"),
            ("/deadbeef/beef", "/{}/beef"),
            ("/0b8e4c1e-7a41-4d0e-9f57-0c2f9c1b2a3d?t=1", "/{}"),
            ("/reset/abcdefghijklmnopqrst", "/reset/{}"),
            ("/reset/abcdefghijklmnopqrs", "/reset/abcdefghijklmnopqrs"),
            ("", ""),
            ("/v1/orders/4711?x=1", "/v1/orders/{}"),
            ("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/a", "/u/{}/a"),
            ("/c/009e63dbc4/h0", "/c/{}/h0"),
            ("/t/abcdefghijklmnopqrst", "/t/{}"),
            ("/t/abcdefghijklmnopqrs", "/t/abcdefghijklmnopqrs"),
            ("/deadbee", "/deadbee"),
            ("*", "*"),
        ] {
            assert_eq!(shape_of(path), shape);
        }
        let digits = "/1".repeat(SHAPE_BYTES_MAX / 4);
        for path in ["/v1/orders/4711?x=1", "/4711", "", "*", "/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/a", &*digits] {
            let label = ["https://shop.test GET ", &*shape_of(path)].concat();
            assert_eq!(*Endpoint::new("https://shop.test", b"GET", path.as_bytes(), Login::default()).label, label);
        }
        assert!(shape_of(&"/abc".repeat(1000)).len() <= SHAPE_BYTES_MAX + 4);
    }
}
