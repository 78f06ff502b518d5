//! Rules over traffic: dangerous configuration (audit) and suspicious cross-site behaviour (probing).
//!
//! [`Findings`] keeps the state that rules share (targets, endpoints, URLs, page origins, clients), each table under a cap
//! of [`Limits`] with what was not used lately making room, and asks each rule in turn. A rule is a function of the request
//! at hand and of that state; what it has to say goes into the [`book::Book`], which tells it once, and again at most once
//! an hour. Nothing here looks at a clock: all windows are of packet time.

mod audit;
mod book;
mod checklist;
mod facts;
mod patterns;
mod probing;
pub(crate) mod settings;
mod subject;
mod window;

#[cfg(test)]
#[allow(clippy::needless_for_each, clippy::semicolon_if_nothing_returned)] // a case is a line
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::cors::classify::{asks_for_a_page, path_and_query};
use crate::cors::origin::{Origin, serialise};
use crate::cors::site::registrable;
use crate::cors::{ClientId, Kind, Observation};
use crate::counters::{Counters, Forgotten};
use crate::http::find_word;
use crate::limits::Limits;
use crate::lru::Lru;
use crate::options::EngineOptions;
use crate::packet::{SECOND, Time};
use crate::record::{Checklist, Credentials, Family, Mode, Phase, PreflightState, Sink, Site, Transaction, Verdict};
use audit::{answers, caching, cookies, origins, preflights, taps, writes};
use book::{Book, Past};
use facts::Seen;
use patterns::kinds_of;
use probing::{Prober, requests, spying};
use settings::{Settings, Threshold};
use subject::{Endpoint, Host, Login, PageOrigin, network_of};
pub use subject::{hash_shape, shape_of};
use window::Few;

/// For how long a redirect explains that a client comes back from there (VERDICTS.md §8, "Sent there").
const SENT_NS: i64 = 1800 * SECOND;
/// An actual later than this after a refused preflight has nothing to do with it (§6).
const PAIR_NS: i64 = 30 * SECOND;
/// Each browser is a visitor, so of these there is room for more than of other keys; they are small.
const VISITORS_A_KEY: u32 = 3;
/// Checklists are told again after so long.
const CHECKLISTS_NS: i64 = 3600 * SECOND;

/// What is remembered of a client that sent a request across origins.
#[derive(Debug)]
struct ClientNote {
    first: Time,
    preflights: u32,
    needing: u32,
}

/// A client whose preflights are looked at again in a moment.
#[derive(Debug)]
struct Sweep {
    due: Time,
    prober: u64,
    past: Past,
    subject: String,
    own_scanner: bool,
    shared: bool,
}

/// A request as rules look at it, and the keys of what they remember of it.
#[derive(Debug)]
pub struct Look<'a> {
    seen: Seen<'a>,
    /// The target, its name, and the client's network beside that name.
    host: u64,
    name: u64,
    visitor: u64,
    /// What is odd about its Sec-Fetch fields.
    odd: Option<&'static str>,
    /// Where it concerns a rule.
    here: Option<Here>,
}

/// See [`Look`].
#[derive(Debug, Clone, Copy)]
struct Here {
    endpoint: u64,
    /// The request's target as sent.
    asked: u64,
    url: u64,
    page: u64,
}

/// What is remembered of where a request went and of who sent it.
#[derive(Debug)]
struct Place<'p> {
    host: &'p mut Host,
    endpoint: &'p mut Endpoint,
    pages: &'p Lru<u64, PageOrigin>,
    prober: &'p mut Prober,
}

/// What is remembered of preflights, and of requests that need one.
#[derive(Debug)]
struct Preflights {
    clients: Lru<ClientId, ClientNote>,
    /// URLs that a client had sent a preflight for.
    asked: Lru<u64, ()>,
    /// Refused preflights, by what their actual would be.
    refused: Lru<u64, Time>,
    rates: Lru<u64, preflights::Rate>,
    sweeps: VecDeque<Sweep>,
}

/// All rules and their state.
#[derive(Debug)]
pub struct Findings {
    book: Book,
    begun: Option<Time>,
    hosts: Lru<u64, Host>,
    endpoints: Lru<u64, Endpoint>,
    /// Logins at endpoints that no rule was asked about yet.
    logins: Lru<u64, Login>,
    urls: Lru<u64, caching::Url>,
    pages: Lru<u64, PageOrigin>,
    probers: Lru<u64, Prober>,
    /// Names (digests) that were asked for.
    names: Lru<u64, ()>,
    /// Addresses that reached a name at a private server.
    inside: Lru<u64, Few<4>>,
    /// When an address reached a name at a public server.
    outside: Lru<u64, Time>,
    /// Sites that a client was sent to, by client and sending site.
    sent: Lru<u64, SmallVec<[(u64, Time); 2]>>,
    preflights: Preflights,
    /// Refused cors requests, by client and endpoint.
    blocked: Lru<u64, Time>,
    forms: Lru<u64, requests::Forms>,
    oddities: Lru<u64, Few<64>>,
    visits: Lru<u64, spying::Page>,
    series: Lru<u64, spying::Series>,
    poisons: Lru<u64, spying::Poison>,
    taps: taps::Taps,
    probes_due: VecDeque<(Time, u64)>,
    checklists_due: Option<Time>,
}

/// The value, and whether another entry had to go for it.
#[inline]
fn counted<'a, K, V>((value, gone): (&'a mut V, Option<(K, V)>), forgotten: &mut u64) -> &'a mut V {
    *forgotten += u64::from(gone.is_some());
    value
}

impl Findings {
    /// Rules that have seen nothing.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        let keys = limits.probing_keys_max;
        Findings {
            book: Book::new(limits, options),
            begun: None,
            hosts: Lru::new(limits.targets_max),
            endpoints: Lru::new(limits.endpoints_max),
            logins: Lru::new(limits.endpoints_max),
            urls: Lru::new(limits.urls_max),
            pages: Lru::new(limits.origins_max),
            probers: Lru::new(keys),
            names: Lru::new(limits.origins_max),
            inside: Lru::new(limits.targets_max),
            outside: Lru::new(keys.saturating_mul(VISITORS_A_KEY)),
            sent: Lru::new(keys),
            preflights: Preflights {
                clients: Lru::new(limits.clients_max),
                asked: Lru::new(limits.cache_entries_max),
                refused: Lru::new(keys),
                rates: Lru::new(keys),
                sweeps: VecDeque::new(),
            },
            blocked: Lru::new(keys),
            forms: Lru::new(keys),
            oddities: Lru::new(keys),
            visits: Lru::new(keys),
            series: Lru::new(keys),
            poisons: Lru::new(keys),
            taps: taps::Taps::default(),
            probes_due: VecDeque::new(),
            checklists_due: None,
        }
    }

    /// Takes switches, allow-lists, thresholds and known names anew; what was seen stays.
    pub fn configure(&mut self, options: &EngineOptions) {
        self.book.settings = Settings::new(options);
    }

    /// Reads a request that was answered (or will not be) as rules look at it. What is remembered does not matter yet.
    #[must_use]
    pub fn look<'a>(&self, o: &'a Observation<'a>) -> Look<'a> {
        let seen = Seen::of(o, self.book.digest(o.origin.map_or("", |origin| origin)));
        let host = self.book.digest(&*o.target.origin);
        let name = self.book.digest(&*o.target.host);
        let visitor = self.book.digest((network_of(o.address), name));
        let odd = requests::oddity(&seen);
        let here = (odd.is_some() || concerns(&seen)).then(|| self.here(&seen, host));
        Look { seen, host, name, visitor, odd, here }
    }

    /// Keys of what is remembered of a place, and of who asks there.
    fn here(&self, seen: &Seen<'_>, host: u64) -> Here {
        let book = &self.book;
        let target = seen.o.request.head.target();
        let url = path_and_query(target);
        let asked = book.digest(target);
        let url_digest = if url.len() == target.len() { asked } else { book.digest(url) };
        Here {
            endpoint: book.endpoint_digest(host, method_of(seen), seen.route()),
            asked,
            url: book.digest((host, url_digest)),
            page: book.digest((seen.origin_digest, host)),
        }
    }

    /// Brings what is remembered of several requests out of main memory, all at once: at most [`crate::index::TOGETHER`].
    pub fn touch(&self, looks: &[Look<'_>]) {
        let here = || looks.iter().filter_map(|look| look.here.as_ref());
        self.outside.touch(looks.iter().map(|look| look.visitor), |_| 0);
        self.hosts.touch(looks.iter().map(|look| look.host), Host::touched);
        self.endpoints.touch(here().map(|here| here.endpoint), Endpoint::touched);
        self.urls.touch(here().map(|here| here.url), |_| 0);
        self.pages.touch(here().map(|here| here.page), |page| u64::from(page.uses));
        let asks = looks.iter().filter(|look| look.here.is_some());
        self.probers.touch(asks.clone().map(|look| look.visitor), Prober::touched);
        self.preflights.clients.touch(asks.map(|look| look.seen.o.client), |_| 0);
    }

    /// A request was answered (or will not be). True: a finding may cite it.
    pub fn on_observation(&mut self, look: &Look<'_>, sink: &mut impl Sink, counters: &mut Counters) -> bool {
        let seen = &look.seen;
        self.begun.get_or_insert(seen.now);
        self.learn_ways(look, counters);
        self.judge(look, counters);
        self.book.flush(seen.now, sink);
        counters.forgotten.findings += self.book.take_forgotten();
        seen.is_noted()
    }

    /// A transaction is final.
    pub fn on_transaction(&mut self, t: &Transaction, sink: &mut impl Sink, counters: &mut Counters) {
        if t.verdict == Verdict::NotCors {
            return;
        }
        if t.verdict == Verdict::Blocked {
            self.book.on_refused(t.id);
        }
        self.judge_outcome(t, counters);
        self.book.flush(t.time, sink);
        counters.forgotten.findings += self.book.take_forgotten();
    }

    /// A whole second of packet time has passed.
    pub fn advance(&mut self, now: Time, sink: &mut impl Sink, _counters: &mut Counters) {
        self.settle(Some(now));
        self.book.flush(now, sink);
        self.book.advance(now, sink);
        let due = *self.checklists_due.get_or_insert(now.plus(CHECKLISTS_NS));
        if now >= due {
            self.checklists_due = Some(now.plus(CHECKLISTS_NS));
            self.tell_checklists(true, sink);
        }
    }

    /// End of input: emits what has changed since it was last emitted.
    pub fn finish(&mut self, now: Time, sink: &mut impl Sink, counters: &mut Counters) {
        self.settle(None);
        self.book.finish(now, sink);
        counters.forgotten.findings += self.book.take_forgotten();
        self.tell_checklists(false, sink);
    }

    /// The checklists of each target that CORS was seen at, by name.
    #[must_use]
    pub fn checklists(&self) -> Vec<Checklist> {
        let mut hosts: Vec<&Host> = self.hosts.iter().map(|(_, host)| host).filter(|h| h.checks.answers > 0).collect();
        hosts.sort_unstable_by(|a, b| a.origin.cmp(&b.origin));
        hosts.into_iter().map(|host| checklist::of(host, &self.book)).collect()
    }

    fn tell_checklists(&mut self, only_changed: bool, sink: &mut impl Sink) {
        let mut keys: Vec<(std::sync::Arc<str>, u64)> = self
            .hosts
            .iter()
            .filter(|(_, h)| h.checks.answers > 0 && (h.checks.changed || !only_changed))
            .map(|(key, h)| (h.origin.clone(), *key))
            .collect();
        keys.sort_unstable();
        for (_, key) in keys {
            if let Some(host) = self.hosts.get(&key) {
                host.checks.changed = false;
                sink.checklist(&checklist::of(host, &self.book));
            }
        }
    }

    /// Where clients are sent, and which names they reach where.
    fn learn_ways(&mut self, look: &Look<'_>, counters: &mut Counters) {
        let Look { seen, name, visitor, .. } = look;
        let o = seen.o;
        if (300..400).contains(&seen.said.status)
            && let Some(location) = seen.said.location
            && let Some(site) = site_of_url(location)
            && site != &*o.target.site
        {
            self.note_sent(o.client, &o.target.site, site, seen.now, counters);
        }
        // a form that posts itself to the other site's login
        if seen.navigates()
            && o.request.head.method() == b"POST"
            && let Some(parts) = o.origin_parts
            && parts.site != o.target.site
        {
            self.note_sent(o.client, &parts.site, &o.target.site, seen.now, counters);
        }
        if !seen.by_browser() || o.response.is_none() {
            return;
        }
        if !seen.private_target() {
            if !crate::cors::origin::is_private(o.request.server.ip()) {
                let gone = self.outside.insert(*visitor, seen.now);
                let had_to_go = gone.is_some_and(|(_, when)| seen.now.since(when) <= spying::FLIP_NS);
                counters.forgotten.probing += u64::from(had_to_go);
            }
            return;
        }
        let others = self.inside.get_or_insert_with(*name, Few::default).0;
        let usual = others.len() >= 3;
        others.enter(self.book.digest(o.address));
        let own_page = o.origin.is_none() || o.site == Site::SameOrigin || seen.origin() == &*o.target.origin;
        if patterns::is_private_name(&o.target.host) || !own_page || seen.asked.fetch_site == Some(b"cross-site") {
            return;
        }
        let flipped = self.outside.peek(visitor).is_some_and(|at| seen.now.since(*at) <= spying::FLIP_NS);
        if flipped || self.book.settings.is_outside_own_names(&o.target.host) {
            requests::dns_rebinding(seen, flipped, usual, &mut self.book);
        }
    }

    fn note_sent(&mut self, client: ClientId, from: &str, to: &str, now: Time, counters: &mut Counters) {
        let key = self.book.digest((client, from));
        let to = self.book.digest(to);
        let list = counted(self.sent.get_or_insert_with(key, SmallVec::new), &mut counters.forgotten.probing);
        list.retain(|(site, at)| *site != to && now.since(*at) <= SENT_NS);
        if list.len() < 8 {
            list.push((to, now));
        }
    }

    #[allow(clippy::too_many_lines)] // the list of rules, one after the other
    fn judge(&mut self, look: &Look<'_>, counters: &mut Counters) {
        let Look { seen, host: host_key, name, visitor: prober_key, here, .. } = look;
        let (o, concerns, host_key, prober_key) = (seen.o, here.is_some(), *host_key, *prober_key);
        // whoever gets what a cache stored for another may be anybody
        if seen.said.hit && !self.poisons.is_empty() {
            let url = here.map_or_else(|| self.here(seen, host_key).url, |here| here.url);
            if let Some(poison) = self.poisons.peek(&url) {
                spying::poison_served(seen, poison, &mut self.book);
            }
        }
        // a page's own collector of beacons is a collector, too
        let beacon = o.mode == Mode::NoCors && seen.asked.fetch_site == Some(b"same-site");
        let direct = seen.navigates()
            || !beacon && matches!(seen.asked.fetch_site, Some(b"same-origin" | b"same-site" | b"none"))
            || (seen.asked.fetch_site.is_none() && matches!(o.site, Site::SameSite | Site::SameOrigin));
        let login = login_of(seen);
        if !concerns && !seen.navigates() && self.hosts.peek(&host_key).is_none() {
            if let Some(login) = login {
                let key = self.book.endpoint_digest(host_key, method_of(seen), seen.route());
                self.logins.get_or_insert_with(key, Login::default).0.join(login);
            }
            return;
        }
        let here = here.unwrap_or_else(|| self.here(seen, host_key));
        let Findings { book, hosts, endpoints, logins, urls, pages, probers, names, .. } = self;
        let forgotten = &mut counters.forgotten;
        let make = || {
            names.insert(*name, ());
            Host::new(o.target.origin.clone())
        };
        let host = counted(hosts.use_or_insert_with(host_key, concerns, make), &mut forgotten.hosts);
        if direct && !host.direct {
            host.direct = true;
            writes::settle(host, book);
        }

        let endpoint = if concerns {
            let make = || {
                let login = logins.remove(&here.endpoint).unwrap_or_default();
                Endpoint::new(&o.target.origin, method_of(seen), seen.route(), login)
            };
            counted(endpoints.use_or_insert_with(here.endpoint, true, make), &mut forgotten.endpoints)
        } else if let Some(endpoint) = endpoints.get(&here.endpoint) {
            endpoint
        } else {
            if let Some(login) = login {
                logins.get_or_insert_with(here.endpoint, Login::default).0.join(login);
            }
            return;
        };
        if let Some(login) = login {
            endpoint.login.join(login);
        }

        // ---- answers, whoever asked
        let is_read = matches!(o.request.head.method(), b"GET" | b"HEAD");
        if is_read && (concerns || urls.peek(&here.url).is_some()) {
            let url = counted(urls.get_or_insert_with(here.url, Default::default), &mut forgotten.urls);
            caching::missing_vary(seen, url, endpoint, book);
        }
        caching::vary_unstable(seen, host, endpoint, book);
        answers::duplicates(seen, host, book);
        if !seen.is_preflight() {
            answers::wildcard_on_authorised(seen, endpoint, book);
            answers::policy_unsafe(seen, endpoint, book);
            answers::acac_not_needed(seen, host, book);
        }
        if !concerns {
            return;
        }
        answers::oddities(seen, host, book);
        answers::self_only(seen, host, book);
        cookies::judge(seen, host, book);
        if o.origin.is_some() || seen.said.allow_origins > 0 {
            host.checks.enter(seen, endpoint, book);
        }

        // ---- who asks
        let origin = seen.origin();
        if o.origin.is_none() {
            let asker = origins::Asker { kinds: patterns::Kinds::default(), client: prober_key, alone: false };
            origins::judge(seen, asker, host, endpoint, book, &|_| true);
        } else {
            let make = || PageOrigin::new(kinds_of(origin, o.origin_parts, o.target), is_serialised(seen));
            let page = counted(pages.get_or_insert_with(here.page, make), &mut forgotten.origins);
            page.uses = page.uses.saturating_add(1);
            page.addresses.enter(book.digest(network_of(o.address)));
            let asker = origins::Asker {
                kinds: kinds_here(page, seen, host),
                client: prober_key,
                alone: page.addresses.len() <= 1,
            };
            let waited = origins::waits(host);
            origins::judge(seen, asker, host, endpoint, book, &|name| names.peek(&name).is_some());
            if !waited && origins::waits(host) {
                self.probes_due.push_back((seen.now.plus(origins::PENDING_NS), host_key));
            }
            if seen.refused() && seen.is_preflight() {
                page.preflight_refused = Some(seen.now);
            }
            requests::ws_hijack(seen, o.client.0, host, page, self.begun.unwrap_or(seen.now), book);
        }
        answers::missing_on_errors(seen, endpoint, book);

        // ---- what is asked
        let sent_there = o.request.head.method() == b"POST" && was_sent_there(&self.sent, seen, book);
        writes::cross_site_write(seen, host, endpoint, book, sent_there);
        writes::simple_json(seen, host, endpoint, book);
        if o.mode == Mode::NoCors && matches!(seen.asked.fetch_dest, None | Some(b"empty")) {
            let key = blocked_key(book, o.address, &o.target.origin, seen.route());
            let within = book.settings.seconds(Threshold::OpaqueSeconds);
            if self.blocked.peek(&key).is_some_and(|at| seen.now.since(*at) <= within) {
                writes::opaque_misuse(seen, endpoint, book);
            }
        }
        if o.origin.is_some() {
            self.taps.judge(seen, here.asked, book);
        }
        if seen.navigates() && o.request.head.method() == b"POST" && o.origin.is_some() {
            let forms = counted(self.forms.get_or_insert_with(here.endpoint, Default::default), &mut forgotten.probing);
            requests::form_post(seen, o.client.0, endpoint, forms, sent_there, book);
        }
        if spying::may_leak(seen) {
            let from = seen.asked.referer.map_or(b"".as_slice(), origin_of_url);
            let key = book.digest((network_of(o.address), here.endpoint, from));
            let series = counted(self.series.get_or_insert_with(key, Default::default), &mut forgotten.probing);
            spying::xs_leak(seen, endpoint, series, book);
        }
        judge_page(seen, &self.inside, &mut self.visits, book, forgotten);

        // ---- one client's address beside one target
        let (needs_preflights, may_probe) = (is_or_needs_preflight(seen), may_probe(look));
        if needs_preflights || may_probe {
            let found = probers.use_or_insert_with(prober_key, needs_preflights && may_probe, Default::default);
            let prober = counted(found, &mut forgotten.probing);
            let mut place = Place { host, endpoint, pages, prober };
            if needs_preflights {
                self.preflights.judge(look, here, &mut place, book, forgotten);
            }
            if may_probe {
                let (oddities, poisons) = (&mut self.oddities, &mut self.poisons);
                judge_prober(look, here, &mut place, oddities, poisons, book, forgotten);
            }
        }
    }

    fn judge_outcome(&mut self, t: &Transaction, counters: &mut Counters) {
        let forgotten = &mut counters.forgotten;
        let book = &mut self.book;
        answers::blocked_after_effect(t, book);
        preflights::private_network(t, book);
        let address = t.forwarded_for.unwrap_or(t.client.ip());
        let origin = t.origin.as_deref().unwrap_or_default();
        if t.verdict == Verdict::Blocked {
            let host_key = book.digest(&*t.target_origin);
            let path = t.path.split('?').next().unwrap_or_default();
            let endpoint_key = book.endpoint_digest(host_key, t.method.as_bytes(), path.as_bytes());
            let logins = &mut self.logins;
            let make = || {
                let login = logins.remove(&endpoint_key).unwrap_or_default();
                Endpoint::new(&t.target_origin, t.method.as_bytes(), path.as_bytes(), login)
            };
            let endpoint = counted(self.endpoints.get_or_insert_with(endpoint_key, make), &mut forgotten.endpoints);
            preflights::passed_then_refused(t, endpoint, book);
            let key = blocked_key(book, address, &t.target_origin, path.as_bytes());
            forgotten.probing += u64::from(self.blocked.insert(key, t.time).is_some());
            if let Some(preflight) = t.preflight.as_ref().filter(|_| t.phase == Some(Phase::Preflight)) {
                let url = path_and_query(preflight.leg.request.head.target());
                let key = refused_key(book, address, origin, &t.target_origin, t.method.as_bytes(), url);
                forgotten.probing += u64::from(self.preflights.refused.insert(key, preflight.leg.time).is_some());
            }
            if let Some(actual) = &t.actual {
                let url = book.digest(path_and_query(actual.request.head.target()));
                if let Some(url) = self.urls.peek(&book.digest((host_key, url))) {
                    caching::cached_mismatch(t, url, book);
                }
            }
        }
        if t.verdict == Verdict::Allowed
            && t.credentials == Credentials::Included
            && let Some(host) = self.hosts.get(&book.digest(&*t.target_origin))
        {
            host.checks.allowed_included(t.browser.family);
        }
        if t.site != Site::CrossSite {
            return;
        }
        let host = host_of_origin(&t.target_origin);
        if !(patterns::is_private_name(host) || book.settings.is_private_name(host)) {
            return;
        }
        let parsed = Origin::parse(origin.as_bytes());
        let served_inside = |host: &str| {
            // a portal; not so a name that this client reached outside, too
            let home = book.digest(host);
            let visitor = book.digest((network_of(address), home));
            self.inside.peek(&home).is_some() && self.outside.peek(&visitor).is_none()
        };
        if let Some(parts) = parsed.parts()
            && spying::is_public_page(&parts.host)
            && !served_inside(&parts.host)
            && !book.settings.knows(origin, Some(parts))
        {
            let key = book.digest((network_of(address), origin));
            let page = counted(self.visits.get_or_insert_with(key, Default::default), &mut forgotten.probing);
            spying::harvest(t, host, page, book);
        }
    }

    /// Looks again at what had to wait; at the end (no time) at everything.
    fn settle(&mut self, now: Option<Time>) {
        while let Some(&(due, key)) = self.probes_due.front() {
            if now.is_some_and(|now| now < due) {
                break;
            }
            self.probes_due.pop_front();
            let Some(host) = self.hosts.get(&key) else { continue };
            let probers = &self.probers;
            let mut probes = |client: u64, at: Time, by_tool: bool| {
                probers.peek(&client).is_some_and(|p| {
                    probing::origins::is_prober(p, at) || (by_tool && probing::origins::has_tried(p, at))
                })
            };
            origins::settle(host, now, &mut self.book, &mut probes);
            if origins::waits(host) {
                self.probes_due.push_back((due.plus(origins::PENDING_NS), key));
            }
        }
        let sweeps = &mut self.preflights.sweeps;
        while sweeps.front().is_some_and(|s| now.is_none_or(|now| s.due <= now)) {
            let Some(sweep) = sweeps.pop_front() else { break };
            if let Some(prober) = self.probers.get(&sweep.prober) {
                let Sweep { past, subject, own_scanner, shared, .. } = &sweep;
                probing::preflights::settle(prober, past, subject, *own_scanner, *shared, &mut self.book);
            }
        }
    }
}

impl Preflights {
    /// Rules on preflights, and on requests that lack theirs.
    fn judge(
        &mut self,
        look: &Look<'_>,
        here: Here,
        place: &mut Place<'_>,
        book: &mut Book,
        forgotten: &mut Forgotten,
    ) {
        let (seen, o) = (&look.seen, look.seen.o);
        let Place { host, endpoint, pages, prober } = place;
        let asked_key = book.digest((o.client, seen.origin_digest, here.url));
        let make = || ClientNote { first: seen.now, preflights: 0, needing: 0 };
        let client = counted(self.clients.get_or_insert_with(o.client, make), &mut forgotten.clients);
        if o.kind == Kind::Preflight {
            // that a program's reach this host does not say that browsers' do
            if seen.by_browser() && o.tool_signs == 0 {
                host.preflights = host.preflights.saturating_add(1);
            }
            client.preflights = client.preflights.saturating_add(1);
            let _ = self.asked.insert(asked_key, ());
            preflights::failing(seen, host, endpoint, book);
            preflights::learn_policy(seen, endpoint);
            preflights::methods_too_broad(seen, host, book);
            preflights::headers_too_broad(seen, host, book);
            preflights::max_age(seen, host, book);
            let rate_key = book.digest((o.client, here.endpoint));
            let rate = counted(self.rates.get_or_insert_with(rate_key, Default::default), &mut forgotten.probing);
            preflights::not_cached(seen, endpoint, rate, book);
            probing::preflights::forged(seen, prober, book);
            if probing::preflights::on_preflight(seen, prober, book) {
                let fields = [
                    crate::http::head::Name::Origin,
                    crate::http::head::Name::AcRequestMethod,
                    crate::http::head::Name::UserAgent,
                ];
                self.sweeps.push_back(Sweep {
                    due: seen.now.plus(probing::preflights::FOLLOW_NS),
                    prober: look.visitor,
                    past: Past::of(seen, &fields),
                    subject: probing::client_at_target(seen),
                    own_scanner: book.settings.is_own_scanner(o.address, seen.asked.agent),
                    shared: o.shared_address,
                });
            }
            return;
        }
        host.actuals = host.actuals.saturating_add(1);
        preflights::learn_method(seen, host);
        preflights::refused_then_passed(seen, endpoint, book);
        probing::preflights::on_actual(seen, prober, book);
        if o.preflight_state != Some(PreflightState::Missing) {
            return;
        }
        client.needing = client.needing.saturating_add(1);
        let url = path_and_query(o.request.head.target());
        let refused_key = refused_key(book, o.address, seen.origin(), &o.target.origin, o.request.head.method(), url);
        if self.refused.peek(&refused_key).is_some_and(|at| (0..=PAIR_NS).contains(&seen.now.since(*at))) {
            preflights::ignored(seen, endpoint, book);
        }
        // extensions, and apps that show their pages in a browser's engine, need not ask
        let web =
            seen.origin().starts_with("http://") || seen.origin().starts_with("https://") || seen.origin() == "null";
        if !seen.by_browser() || !web || book.settings.knows(seen.origin(), o.origin_parts) {
            return;
        }
        let page = pages.peek(&here.page);
        let missing = probing::preflights::Missing {
            captured_too_late: seen.now.since(client.first) < longest_kept_ns(o.family),
            answered_elsewhere: host.preflights == 0,
            asked_before: self.asked.peek(&asked_key).is_some(),
            never_granted: page.is_some_and(|p| p.preflight_refused.is_some())
                && !host.origins.accepts(seen.origin_digest),
            never_asked: if client.preflights == 0 { client.needing } else { 0 },
        };
        probing::preflights::write_without(seen, missing, prober, book);
    }
}

/// A preflight, or a request that may have needed one.
fn is_or_needs_preflight(seen: &Seen<'_>) -> bool {
    matches!(seen.o.kind, Kind::Preflight | Kind::Actual)
}

/// Whether rules on who probes look at a request.
fn may_probe(look: &Look<'_>) -> bool {
    look.seen.o.origin.is_some() || look.odd.is_some() || look.seen.odd_forwarded_host().is_some()
}

/// What this origin looks like here. Where strangers are refused, a page below a random name, shown by a browser, is on a list.
fn kinds_here(page: &PageOrigin, seen: &Seen<'_>, host: &Host) -> patterns::Kinds {
    let listed = page.kinds.only_random() && host.origins.refuses_strangers() && seen.is_browser_consistent();
    if listed { patterns::Kinds::default() } else { page.kinds }
}

/// Rules on one client's address beside one target.
fn judge_prober(
    look: &Look<'_>,
    here: Here,
    place: &mut Place<'_>,
    oddities: &mut Lru<u64, Few<64>>,
    poisons: &mut Lru<u64, spying::Poison>,
    book: &mut Book,
    forgotten: &mut Forgotten,
) {
    let (seen, o) = (&look.seen, look.seen.o);
    let Place { host, pages, prober, .. } = place;
    host.own_pages |= seen.by_browser() && seen.o.origin_parts.is_some_and(|p| p.site == seen.o.target.site);
    if let Some(sign) = look.odd {
        let key = look.name ^ sign.len() as u64;
        let alike = oddities.get_or_insert_with(key, Few::default).0;
        alike.enter(book.digest(network_of(o.address)));
        requests::sec_fetch(seen, sign, alike.len(), host.own_pages, prober, book);
    }
    let page = pages.peek(&here.page);
    let kinds = page.map_or_else(patterns::Kinds::default, |page| kinds_here(page, seen, host));
    spying::poison_queries(seen, kinds, prober, book);
    if let Some(poison) = spying::poisoned(seen, kinds) {
        // others ask for it by the host's own name
        let key = poison.origin_by_host(seen).map_or(here.url, |origin| {
            let url = path_and_query(o.request.head.target());
            book.digest((book.digest(&*origin), book.digest(url)))
        });
        forgotten.probing += u64::from(poisons.insert(key, poison).is_some());
    }
    let Some(page) = page.filter(|_| o.origin.is_some()) else { return };
    if book.settings.knows(seen.origin(), o.origin_parts) {
        return;
    }
    let well_used = page.uses >= 20 && page.addresses.len() >= 3;
    probing::origins::learn(seen, kinds, page.addresses.len() <= 1, prober, book);
    // that a second scanner tries the same tricks makes them nobody's page
    let own = |origin: u64, book: &Book| {
        let page = pages.peek(&book.digest((origin, look.host)));
        page.is_none_or(|p| p.addresses.len() <= 1 || p.kinds.evidently_foreign())
    };
    probing::origins::enumeration(seen, prober, &own, book);
    probing::origins::reflection_test(seen, kinds, prober, well_used, book);
    if prober.scanner {
        probing::origins::scanner_user_agent(seen, book);
    }
    probing::origins::not_serialised(seen, page.serialised, prober, book);
    let picky = host.origins.refuses_strangers() && !well_used;
    probing::origins::credential_target(seen, kinds, prober, picky, book);
}

/// Rules on a page that looks around in a private network.
fn judge_page(
    seen: &Seen<'_>,
    inside: &Lru<u64, Few<4>>,
    visits: &mut Lru<u64, spying::Page>,
    book: &mut Book,
    forgotten: &mut Forgotten,
) {
    let o = seen.o;
    if !seen.private_target() || !seen.by_browser() || o.site == Site::SameOrigin {
        return;
    }
    let parsed;
    let (origin, parts) = match (o.origin.map(|origin| &**origin), o.origin_parts) {
        (Some(origin), Some(parts)) => (origin, parts),
        (None, _) if seen.asked.fetch_site == Some(b"cross-site") || looks_into_private(seen) => {
            let Some(referer) = seen.asked.referer else { return };
            parsed = Origin::parse(origin_of_url(referer));
            let Some(parts) = parsed.parts() else { return };
            (&*parsed.text, parts)
        }
        _ => return,
    };
    let home = book.digest(&*parts.host);
    // a page that itself comes from a private server is no outsider
    if !spying::is_public_page(&parts.host) || inside.peek(&home).is_some() || book.settings.knows(origin, Some(parts))
    {
        return;
    }
    let key = book.digest((network_of(o.address), origin));
    let page = counted(visits.get_or_insert_with(key, Default::default), &mut forgotten.probing);
    spying::private_network(seen, origin, page, book);
}

/// The target's site sent this client to the origin's site within half an hour; for `null`, to any.
fn was_sent_there(sent: &Lru<u64, SmallVec<[(u64, Time); 2]>>, seen: &Seen<'_>, book: &Book) -> bool {
    let key = book.digest((seen.o.client, &*seen.o.target.site));
    let Some(list) = sent.peek(&key) else { return false };
    let site = seen.o.origin_parts.map(|p| book.digest(&*p.site));
    list.iter().any(|(to, at)| seen.now.since(*at) <= SENT_NS && site.is_none_or(|site| site == *to))
}

/// Whether a request may concern a rule, so that state is made for it, whatever its Sec-Fetch fields say.
fn concerns(seen: &Seen<'_>) -> bool {
    seen.o.origin.is_some()
        || seen.said.allow_origins > 0
        || seen.said.allow_credentials.is_some()
        || seen.asked.fetch_site == Some(b"cross-site")
        || looks_into_private(seen)
        || seen.asked.allow_field.is_some()
        || seen.asked.host_conflict
        || seen.asked.external
        || seen.said.external
        || seen.odd_forwarded_host().is_some()
        || seen.o.response.is_some_and(|r| !r.head.set_cookies().is_empty())
        || (seen.asked.fetch_mode == Some(b"no-cors") && seen.asked.fetch_dest == Some(b"empty"))
}

/// A page of another site asks a private server for something to show. To plain http browsers send neither Sec-Fetch fields nor,
/// without cors, an Origin: only Referer tells.
fn looks_into_private(seen: &Seen<'_>) -> bool {
    let told = seen.o.origin.is_some() || seen.asked.fetch_site.is_some();
    let Some(referer) = seen.asked.referer.filter(|_| !told && seen.private_target()) else { return false };
    patterns::is_private_name(&seen.o.target.host)
        && !seen.navigates()
        && seen.by_browser()
        && site_of_url(referer).is_some_and(|site| site != &*seen.o.target.site)
        && !asks_for_a_page(&seen.o.request.head)
}

/// What this exchange tells about whether the endpoint wants to know who asks (VERDICTS.md §8, "Authorised").
fn login_of(seen: &Seen<'_>) -> Option<Login> {
    if seen.is_preflight() {
        return None;
    }
    let login = if seen.succeeded() {
        // cookies of the parent domain reach every static file
        let for_all = seen.said.public || is_static(seen.said.content_type);
        Login { by_authorization: seen.asked.authorization, by_cookie: seen.asked.cookie && !for_all }
    } else {
        // 403 to a stranger's page is the policy on origins, no login
        let asked = seen.said.status == 401 || (seen.said.status == 403 && seen.o.origin.is_none());
        Login { by_authorization: false, by_cookie: asked && !seen.carries_credentials() }
    };
    (login.by_authorization || login.by_cookie).then_some(login)
}

/// Scripts, styles, fonts and pictures: the same for everybody, whatever cookie comes along.
fn is_static(content_type: Option<&[u8]>) -> bool {
    let kind = content_type.unwrap_or_default();
    [&b"image/"[..], b"font/", b"text/css", b"text/javascript", b"application/javascript", b"application/wasm"]
        .iter()
        .any(|start| kind.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
}

/// The method that decides what an endpoint is: a preflight belongs to that which it asks for.
fn method_of<'a>(seen: &Seen<'a>) -> &'a [u8] {
    if seen.is_preflight() { seen.asked.method.unwrap_or_default() } else { seen.o.request.head.method() }
}

fn blocked_key(book: &Book, address: IpAddr, target: &str, path: &[u8]) -> u64 {
    book.endpoint_digest(book.digest((network_of(address), target)), b"", path)
}

fn refused_key(book: &Book, address: IpAddr, origin: &str, target: &str, method: &[u8], url: &[u8]) -> u64 {
    book.digest((network_of(address), origin, target, method, url))
}

/// In the form that browsers write (VERDICTS.md §2).
fn is_serialised(seen: &Seen<'_>) -> bool {
    match seen.o.origin_parts {
        Some(parts) => serialise(parts) == seen.origin(),
        None => seen.origin() == "null",
    }
}

/// How long this family keeps a preflight's answer at most, in nanoseconds (VERDICTS.md §5).
fn longest_kept_ns(family: Family) -> i64 {
    let seconds = match family {
        Family::Firefox => 86_400,
        Family::Safari => 600,
        Family::Chromium | Family::Other | Family::Unknown => 7200,
    };
    seconds * SECOND
}

/// `https://shop.test` of `https://shop.test/a?b`.
fn origin_of_url(url: &[u8]) -> &[u8] {
    let Some(scheme) = find_word(url, b"://") else { return b"" };
    let end = url.iter().skip(scheme + 3).position(|b| matches!(b, b'/' | b'?' | b'#'));
    url.get(..end.map_or(url.len(), |n| scheme + 3 + n)).unwrap_or_default()
}

fn site_of_url(url: &[u8]) -> Option<&str> {
    let host = host_of_origin(std::str::from_utf8(origin_of_url(url)).ok()?);
    (!host.is_empty()).then(|| registrable(host))
}

/// The host in `scheme://host[:port]`.
fn host_of_origin(origin: &str) -> &str {
    let scheme = memchr::memchr(b':', origin.as_bytes()).unwrap_or(origin.len());
    let rest = origin.get(scheme..).and_then(|rest| rest.strip_prefix("://")).unwrap_or_default();
    match rest.strip_prefix('[') {
        Some(_) => rest.split_inclusive(']').next().unwrap_or_default(),
        None => rest.get(..memchr::memchr(b':', rest.as_bytes()).unwrap_or(rest.len())).unwrap_or_default(),
    }
}
