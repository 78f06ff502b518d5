//! What is remembered of a client: its program, its habits, what it was seen to do.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::ClientId;
use super::browser::{browser_of, is_health_checker};
use crate::http::head::{Head, Name};
use crate::lru::Lru;
use crate::packet::{SECOND, Time};
use crate::record::Browser;

/// For how long a page that included credentials is taken to do so habitually, in nanoseconds (VERDICTS.md §1).
const HABIT_NS: i64 = 600 * SECOND;
/// Habits remembered of one client.
const HABITS_MAX: usize = 32;
/// User-Agents behind one address above which it counts as shared (VERDICTS.md §6).
const SHARED_AGENTS: usize = 5;

/// A client: address, User-Agent and Accept-Language together.
#[derive(Debug)]
pub struct Client {
    /// What tells it from others in this run.
    pub id: ClientId,
    /// Its program.
    pub browser: Browser,
    /// A health checker: its OPTIONS are no preflights.
    pub health_checker: bool,
    /// First request.
    pub first_seen: Time,
    /// Last request.
    pub last_seen: Time,
    /// Its User-Agent (digest).
    pub agent: u64,
    /// Preflights it was seen to send.
    pub preflights: u32,
    /// Requests of it that needed a preflight, as far as they were seen before its first one.
    pub needing: u32,
    /// When packets of its connections were last found missing.
    pub lost_at: Option<Time>,
    /// What its pages do towards each target.
    habits: SmallVec<[Habit; 1]>,
}

/// What one page (origin) does towards one target.
#[derive(Debug, Clone, Copy)]
struct Habit {
    page_and_target: u64,
    /// When credentials were last seen included, if ever.
    included_at: Option<Time>,
    /// How often they were seen included, and left out.
    included: u32,
    omitted: u32,
}

impl Client {
    /// Remembers that this page included credentials towards this target, or left them out.
    pub fn on_credentials(&mut self, page_and_target: u64, included: bool, at: Time) {
        let known = self.habits.iter().position(|h| h.page_and_target == page_and_target).unwrap_or_else(|| {
            if self.habits.len() >= HABITS_MAX {
                self.habits.remove(0);
            }
            self.habits.push(Habit { page_and_target, included_at: None, included: 0, omitted: 0 });
            self.habits.len() - 1
        });
        let Some(habit) = self.habits.get_mut(known) else { return };
        if included {
            habit.included_at = Some(at);
            habit.included = habit.included.saturating_add(1);
        } else {
            habit.omitted = habit.omitted.saturating_add(1);
        }
    }

    /// Whether this page included credentials towards this target in the last ten minutes.
    #[must_use]
    pub fn habitually_includes(&self, page_and_target: u64, at: Time) -> bool {
        self.habit(page_and_target).and_then(|h| h.included_at).is_some_and(|seen| at.since(seen) <= HABIT_NS)
    }

    /// Whether this page includes credentials towards this target more often than not.
    #[must_use]
    pub fn mostly_includes(&self, page_and_target: u64) -> bool {
        self.habit(page_and_target).is_some_and(|h| h.included > h.omitted)
    }

    fn habit(&self, page_and_target: u64) -> Option<&Habit> {
        self.habits.iter().find(|h| h.page_and_target == page_and_target)
    }
}

/// A browser on this machine is one client, by whichever loopback address it goes.
#[must_use]
pub fn one_loopback(address: IpAddr) -> IpAddr {
    if address.is_loopback() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address }
}

/// All clients, under a cap.
#[derive(Debug)]
pub struct Clients {
    by_id: Lru<ClientId, Client>,
    /// By [`Clients::address_key`].
    agents: Lru<u64, SmallVec<[u64; 2]>>,
    hasher: RandomState,
}

impl Clients {
    /// None yet.
    #[must_use]
    pub fn new(cap: u32) -> Self {
        Clients { by_id: Lru::new(cap), agents: Lru::new(cap), hasher: RandomState::default() }
    }

    /// The client that sent this head; counts in `forgotten` when another had to go.
    pub fn of(&mut self, address: IpAddr, head: &Head, at: Time, forgotten: &mut u64) -> &mut Client {
        let agent = head.first(Name::UserAgent).unwrap_or_default();
        let address = one_loopback(address);
        let address_key = self.address_key(address);
        let words = self.hasher.hash_one(agent);
        let id = ClientId(self.hasher.hash_one((address, words, head.first(Name::AcceptLanguage))));
        let mut is_new = false;
        let (client, evicted) = self.by_id.get_or_insert_with(id, || {
            is_new = true;
            Client {
                id,
                browser: browser_of(head),
                health_checker: is_health_checker(head),
                first_seen: at,
                last_seen: at,
                agent: words,
                preflights: 0,
                needing: 0,
                lost_at: None,
                habits: SmallVec::new(),
            }
        });
        *forgotten += u64::from(evicted.is_some());
        if is_new {
            let (agents, _) = self.agents.get_or_insert_with(address_key, SmallVec::new);
            if agents.len() <= SHARED_AGENTS && !agents.contains(&words) {
                agents.push(words);
            }
        }
        client.last_seen = client.last_seen.max(at);
        client
    }

    /// Takes note of another request of a client that was first seen at `since`; whether it is remembered.
    pub fn is_back(&mut self, id: ClientId, since: Time, at: Time) -> bool {
        let Some(client) = self.by_id.get(&id).filter(|c| c.first_seen == since) else { return false };
        client.last_seen = client.last_seen.max(at);
        true
    }

    /// What tells an address from others.
    #[must_use]
    pub fn address_key(&self, address: IpAddr) -> u64 {
        self.hasher.hash_one(address)
    }

    /// A client, unless forgotten.
    pub fn get(&mut self, id: ClientId) -> Option<&mut Client> {
        self.by_id.get(&id)
    }

    /// Whether several clients share this address.
    #[must_use]
    pub fn is_shared(&self, address_key: u64) -> bool {
        self.agents.peek(&address_key).is_some_and(|agents| agents.len() > SHARED_AGENTS)
    }
}
