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
    if path.len() <= SHAPE_BYTES_MAX && !segments(path).any(is_variable) {
        return Cow::Borrowed(path);
    }
    let mut shape = String::with_capacity(path.len().min(SHAPE_BYTES_MAX) + 4);
    for (nth, segment) in segments(path).enumerate() {
        let part = if is_variable(segment) { "{}" } else { segment };
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

/// Feeds a path's shape to a hasher.
pub fn hash_shape(path: &str, hasher: &mut impl Hasher) {
    for segment in segments(without_query(path)) {
        hasher.write_u8(b'/');
        hasher.write(if is_variable(segment) { b"{}" } else { segment.as_bytes() });
    }
}

fn without_query(path: &str) -> &str {
    path.get(..path_len(path.as_bytes())).unwrap_or_default()
}

/// What lies between the slashes.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let end = path.bytes().position(|b| b == b'/');
        rest = end.and_then(|end| path.get(end + 1..));
        path.get(..end.unwrap_or(path.len()))
    })
}

fn is_variable(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    match bytes.len() {
        0 => false,
        1..8 => bytes.iter().all(u8::is_ascii_digit),
        20.. => true,
        _ => bytes.iter().all(u8::is_ascii_hexdigit),
    }
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
    pub label: Box<str>,
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

    /// An endpoint that was just seen first.
    #[must_use]
    pub fn new(target: &str, method: &[u8], path: &str, login: Login) -> Self {
        Endpoint {
            label: [target, " ", &shown(method.get(..32).unwrap_or(method)), " ", &shape_of(path)].concat().into(),
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
        assert!(shape_of(&"/abc".repeat(1000)).len() <= SHAPE_BYTES_MAX + 4);
    }
}
