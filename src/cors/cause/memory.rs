//! What was seen of targets and their endpoints: what else they allow tells why one answer did not (CAUSES.md).
//!
//! Holds at most `Limits::cause_targets_max` targets and `Limits::cause_endpoints_max` endpoints, a few origins of each;
//! those not used lately make room, counted under `forgotten`, `causes`. Holds digests, no text.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::server::{self, Seen};
use crate::cors::classify::{Classified, path_and_query, path_len};
use crate::cors::fields::list_items;
use crate::cors::origin::shown;
use crate::cors::{ClientId, Kind};
use crate::http::head::{Head, Name};
use crate::http::{Request, Response};
use crate::limits::Limits;
use crate::lru::Lru;
use crate::memo::Memo;
use crate::packet::{SECOND, Time};
use crate::record::Mode;

/// How long what was seen speaks for what is: longer than a deployment takes, shorter than most live.
const RECENT_NS: i64 = 3600 * SECOND;
/// Origins remembered of one target or endpoint; the one accepted longest ago makes room.
const ORIGINS_MAX: usize = 8;
/// A no-cors request so soon before or after a block was meant as its cure.
const NO_CORS_NS: i64 = 60 * SECOND;

/// Methods as bits; all others share one.
#[must_use]
pub(in crate::cors) fn method_bit(method: &[u8]) -> u8 {
    match method {
        b"GET" => 1,
        b"HEAD" => 2,
        b"POST" => 4,
        b"PUT" => 8,
        b"PATCH" => 16,
        b"DELETE" => 32,
        b"OPTIONS" => 64,
        _ => 128,
    }
}

/// What one origin was granted.
#[derive(Debug, Clone, Copy)]
struct Grant {
    origin: u64,
    at: Time,
    /// Methods of preflights that named the origin.
    preflights: u8,
    /// Methods of actual requests whose answer named it.
    actuals: u8,
    /// Header names that preflights' answers listed, as [`name_bits`].
    names: u64,
}

/// Origins that a target or endpoint has accepted.
#[derive(Debug, Default)]
pub(in crate::cors) struct Grants(SmallVec<[Grant; 2]>);

impl Grants {
    fn on_grant(&mut self, fresh: Grant) {
        let Grant { origin, at, preflights, actuals, names } = fresh;
        if let Some(grant) = self.0.iter_mut().find(|g| g.origin == origin) {
            grant.at = at;
            grant.preflights |= preflights;
            grant.actuals |= actuals;
            grant.names |= names;
            return;
        }
        if self.0.len() < ORIGINS_MAX {
            self.0.push(fresh);
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|g| g.at) {
            *oldest = fresh;
        }
    }

    fn recent(&self, now: Time) -> impl Iterator<Item = &Grant> {
        self.0.iter().filter(move |g| now.since(g.at) <= RECENT_NS)
    }

    /// Methods of this origin's preflights that passed.
    pub(in crate::cors) fn preflights(&self, origin: u64, now: Time) -> u8 {
        self.recent(now).filter(|g| g.origin == origin).fold(0, |all, g| all | g.preflights)
    }

    /// Methods of this origin's actual requests whose answers named it.
    pub(in crate::cors) fn actuals(&self, origin: u64, now: Time) -> u8 {
        self.recent(now).filter(|g| g.origin == origin).fold(0, |all, g| all | g.actuals)
    }

    /// Header names that this origin's preflights were granted, as [`name_bits`].
    pub(in crate::cors) fn names(&self, origin: u64, now: Time) -> u64 {
        self.recent(now).filter(|g| g.origin == origin).fold(0, |all, g| all | g.names)
    }

    pub(in crate::cors) fn has(&self, origin: u64, now: Time) -> bool {
        self.recent(now).any(|g| g.origin == origin)
    }

    pub(in crate::cors) fn has_others(&self, origin: u64, now: Time) -> bool {
        self.recent(now).any(|g| g.origin != origin)
    }

    /// Other origins' preflights passed.
    pub(in crate::cors) fn other_preflights(&self, origin: u64, now: Time) -> bool {
        self.recent(now).any(|g| g.origin != origin && g.preflights != 0)
    }

    pub(in crate::cors) fn count(&self, now: Time) -> usize {
        self.recent(now).count()
    }
}

/// When something was last seen, in a word: an endpoint has many of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::cors) struct Last(Time);

impl Default for Last {
    /// Never.
    fn default() -> Self {
        Last(Time(i64::MIN))
    }
}

impl Last {
    fn on(&mut self, at: Time) {
        self.0 = at;
    }

    fn is_within(self, now: Time, ns: i64) -> bool {
        self.0.0 > i64::MIN && now.since(self.0) <= ns
    }

    pub(in crate::cors) fn is_recent(self, now: Time) -> bool {
        self.is_within(now, RECENT_NS)
    }
}

/// What was seen of a target.
#[derive(Debug, Default)]
pub(in crate::cors) struct TargetMemory {
    pub(in crate::cors) grants: Grants,
    /// A preflight passed.
    pub(in crate::cors) preflight_good: Last,
    /// A 2xx had `Access-Control-Allow-Origin`.
    pub(in crate::cors) actual_good: Last,
    /// A 4xx or 5xx had it.
    pub(in crate::cors) error_good: Last,
    /// A preflight was answered 401, 403 or 407 without it.
    pub(in crate::cors) preflight_needs_login: Last,
    /// A preflight was answered, without any trace of CORS, by a handler that takes OPTIONS for any request, or by a router.
    pub(in crate::cors) routed: Last,
    /// A 2xx that no cache gave was without any trace of CORS.
    pub(in crate::cors) bare: Last,
    /// A limiter answered 503 where requests had passed.
    pub(in crate::cors) limited: Last,
    /// The CORS code ran on an actual request or, in silence or with its lists alone, on a preflight, and did not name this origin.
    denied: Option<(u64, Time)>,
    /// Servers that its answers showed.
    pub(in crate::cors) servers: Seen,
    /// Its application names itself in `X-Powered-By`, as it then does in each of its answers.
    pub(in crate::cors) signs: bool,
    /// What the last answer looked like that was searched for them.
    searched: u64,
}

impl TargetMemory {
    pub(in crate::cors) fn has_denied(&self, origin: u64, now: Time) -> bool {
        self.denied.is_some_and(|(who, at)| who == origin && now.since(at) <= RECENT_NS)
    }
}

/// What was seen of an endpoint: a target's path, whatever the method.
#[derive(Debug, Default)]
pub(in crate::cors) struct EndpointMemory {
    pub(in crate::cors) grants: Grants,
    /// A 2xx had `Access-Control-Allow-Origin`.
    pub(in crate::cors) actual_good: Last,
    /// A preflight passed.
    pub(in crate::cors) preflight_good: Last,
    /// A 2xx to a request without cookies and `Authorization` had it: no login is needed.
    pub(in crate::cors) open: Last,
    /// A 2xx that no cache gave was without it.
    pub(in crate::cors) bare: Last,
    /// A preflight was answered 2xx without naming its origin.
    pub(in crate::cors) preflight_bare: Last,
    /// A preflight was answered 404, 405 or 501: nobody takes OPTIONS there.
    pub(in crate::cors) no_route: Last,
    /// An answer had `X-Powered-By`: the application signs what it answers here.
    pub(in crate::cors) signs: bool,
    no_cors: (ClientId, Last),
}

impl EndpointMemory {
    /// A preflight or a request has passed.
    pub(in crate::cors) fn has_worked(&self, now: Time) -> bool {
        self.actual_good.is_recent(now) || self.preflight_good.is_recent(now)
    }

    pub(in crate::cors) fn no_cors_tried(&self, client: ClientId, now: Time) -> bool {
        self.no_cors.0 == client && self.no_cors.1.is_within(now, NO_CORS_NS)
    }
}

/// All of it.
#[derive(Debug)]
pub(in crate::cors) struct Memory {
    targets: Lru<u64, TargetMemory>,
    endpoints: Lru<u64, EndpointMemory>,
    /// What of a list was asked for, by both.
    listed: Memo<u64>,
    hasher: RandomState,
}

/// Lists of header names remembered; a power of two.
const LISTED_MAX: usize = 1024;

impl Memory {
    /// `hasher` makes the digests of [`Keys`](crate::cors::classify::Keys).
    pub(in crate::cors) fn new(limits: &Limits, hasher: RandomState) -> Self {
        Memory {
            targets: Lru::new(limits.cause_targets_max),
            endpoints: Lru::new(limits.cause_endpoints_max),
            listed: Memo::new(LISTED_MAX),
            hasher,
        }
    }

    /// An answer has come, or will not.
    pub(in crate::cors) fn on_observation(
        &mut self,
        request: &Request,
        response: Option<&Response>,
        seen: &Classified,
        now: Time,
        forgotten: &mut u64,
    ) {
        let path = || shown(path_and_query(request.head.target()));
        if seen.kind == Kind::NotCors && seen.mode == Mode::NoCors {
            let key = self.endpoint_key(seen.keys.target, path().as_bytes());
            if let Some(endpoint) = self.endpoints.get(&key) {
                endpoint.no_cors = (seen.client, Last(now));
            }
            return;
        }
        let Some(response) = response else { return };
        let preflight = match seen.kind {
            Kind::Preflight => true,
            Kind::Actual => false,
            Kind::Websocket | Kind::NotCors | Kind::PlainOptions => return,
        };
        let Some(asked) = request.head.first(Name::Origin) else { return };
        let origin = self.origin(asked);
        let granted = names_origin(&response.head, asked);
        let good_status = (200..300).contains(&response.status);
        let method = if preflight { request.head.first(Name::AcRequestMethod) } else { Some(request.head.method()) };
        let bit = method_bit(method.unwrap_or_default());
        let (preflights, actuals) = if preflight { (bit, 0) } else { (0, bit) };
        let passes = granted && (good_status || !preflight);

        let names = if preflight && passes { self.listed_bits(&request.head, &response.head) } else { 0 };
        let grant = Grant { origin, at: now, preflights, actuals, names };

        // which fields it has, and the kind of its status: alike, and it shows the same servers, or nearly
        let head = &response.head;
        let looks = self.hasher.hash_one((response.status / 100, head.first(Name::Server), head.names()));
        let (target, endpoint) = self.slots(seen.keys.target, path().as_bytes(), forgotten);
        if passes {
            target.grants.on_grant(grant);
            endpoint.grants.on_grant(grant);
        } else if preflight
            && good_status
            && !target.grants.has(origin, now)
            && (super::has_cors_field(head) || super::is_silent_denial(request, response))
            || !preflight
                && !response.head.has(Name::AcAllowOrigin)
                && (super::has_run(&response.head)
                    || super::is_tomcats(response)
                    || (response.status == 403 && endpoint.open.is_recent(now)))
        {
            // 403 where others need no login is no login check's
            target.denied = Some((origin, now));
        }
        match (preflight, granted, response.status) {
            (true, true, 200..=299) => {
                target.preflight_good.on(now);
                endpoint.preflight_good.on(now);
            }
            (false, true, 200..=299) => {
                target.actual_good.on(now);
                endpoint.actual_good.on(now);
                if !request.head.has(Name::Cookie) && !request.head.has(Name::Authorization) {
                    endpoint.open.on(now);
                }
            }
            (true, false, 200..=299) => {
                endpoint.preflight_bare.on(now);
                if super::is_routed(response) {
                    target.routed.on(now);
                }
            }
            (false, false, 200..=299) if !super::is_hit(head) => {
                endpoint.bare.on(now);
                if !super::has_run(head) {
                    target.bare.on(now);
                }
            }
            (false, true, 400..) => target.error_good.on(now),
            (_, false, 503) if endpoint.has_worked(now) => target.limited.on(now),
            (true, false, 401 | 403 | 407) if !super::is_tomcats(response) => target.preflight_needs_login.on(now),
            (true, false, 400..=599) => {
                if matches!(response.status, 404 | 405 | 501) {
                    endpoint.no_route.on(now);
                }
                if super::is_routed(response) {
                    target.routed.on(now);
                }
            }
            _ => {}
        }
        endpoint.signs |= head.has(Name::XPoweredBy);
        // recognising costs more than a look at two options, and answers of one target mostly look alike
        if (target.servers.application.is_none() || target.servers.edge.is_none())
            && std::mem::replace(&mut target.searched, looks) != looks
        {
            let shown = server::recognise(response);
            target.signs |= shown.application.is_some() && head.has(Name::XPoweredBy);
            target.servers.application = target.servers.application.or(shown.application);
            target.servers.edge = target.servers.edge.or(shown.edge);
        }
    }

    /// What is known of a target and endpoint, made where there was nothing. `target` is the digest of the target's origin.
    pub(in crate::cors) fn slots(
        &mut self,
        target: u64,
        path: &[u8],
        forgotten: &mut u64,
    ) -> (&mut TargetMemory, &mut EndpointMemory) {
        let endpoint_key = self.endpoint_key(target, path);
        let (target, lost_target) = self.targets.get_or_insert_with(target, TargetMemory::default);
        let (endpoint, lost_endpoint) = self.endpoints.get_or_insert_with(endpoint_key, EndpointMemory::default);
        *forgotten += u64::from(lost_target.is_some()) + u64::from(lost_endpoint.is_some());
        (target, endpoint)
    }

    pub(in crate::cors) fn target(&self, target: u64) -> Option<&TargetMemory> {
        self.targets.peek(&target)
    }

    pub(in crate::cors) fn endpoint(&self, target: u64, path: &[u8]) -> Option<&EndpointMemory> {
        self.endpoints.peek(&self.endpoint_key(target, path))
    }

    /// The digest of a target's origin.
    pub(in crate::cors) fn target_key(&self, target_origin: &str) -> u64 {
        self.hasher.hash_one(target_origin)
    }

    pub(in crate::cors) fn origin(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// Of the names that a preflight asks for, those that its answer lists.
    fn listed_bits(&mut self, asked: &Head, answer: &Head) -> u64 {
        let lists = (asked.joined(Name::AcRequestHeaders), answer.joined(Name::AcAllowHeaders));
        let (Some(asked), Some(list)) = &lists else { return 0 };
        self.listed.of(self.hasher.hash_one(&lists), || {
            if list_items(list).any(|item| item == b"*") {
                return u64::MAX;
            }
            name_bits(list_items(asked)) & name_bits(list_items(list))
        })
    }

    /// Numbers, hex and long tokens in the path count as one (VERDICTS.md §8, "Endpoint").
    fn endpoint_key(&self, target: u64, path: &[u8]) -> u64 {
        let mut shape: SmallVec<[u8; 128]> = SmallVec::new();
        for segment in path.get(..path_len(path)).unwrap_or_default().split(|&b| b == b'/') {
            shape.push(b'/');
            shape.extend_from_slice(if is_variable(segment) { b"{}" } else { segment });
        }
        self.hasher.hash_one((target, &*shape))
    }
}

/// A bit of 64 for each header name: two names seldom share one.
pub(in crate::cors) fn name_bits<'n>(names: impl Iterator<Item = &'n [u8]>) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    names.fold(0, |bits, name| bits | 1 << (name.iter().fold(0xcbf2_9ce4_8422_2325, mix) >> 58))
}

fn is_variable(segment: &[u8]) -> bool {
    let digits = || !segment.is_empty() && segment.iter().all(u8::is_ascii_digit);
    let hex = || segment.len() >= 8 && segment.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    segment.len() >= 20 || digits() || hex()
}

/// One field, which is `*` or this origin.
fn names_origin(head: &Head, origin: &[u8]) -> bool {
    let mut values = head.all(Name::AcAllowOrigin);
    matches!((values.next(), values.next()), (Some(value), None) if value == b"*" || value == origin)
}
