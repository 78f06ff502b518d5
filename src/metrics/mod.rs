//! What Prometheus scrapes.
//!
//! The engine's thread owns [`Tallies`] and bumps plain integers; ten times a second it publishes a [`Snapshot`], and a
//! scrape turns the latest one into text. No packet takes a lock, and no label grows with what strangers send: only listed
//! names, and a bounded number that proved themselves, get one of their own; the rest is `other`, and counted as such.

mod families;
mod tallies;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, Registry, TextEncoder};

use crate::capture::live::InterfaceState;
use crate::catalog::{Rule, Severity};
use crate::counters::Counters;
use crate::daemon::events::EventStatus;
use crate::options::SiteOptions;
use crate::packet::{SECOND, Time};
use crate::record::{Finding, FindingId, Transaction};
use crate::store::{StoreStatus, wall_clock};

pub use tallies::Tallies;

/// Findings remembered to tell new from known, and active from past.
const FINDINGS_MAX: usize = 20_000;
/// A finding is active for this long after it was last seen, in nanoseconds.
const ACTIVE_NS: i64 = 3600 * SECOND;

/// The engine thread's side: takes records, publishes.
pub struct Recorder {
    tallies: Tallies,
    seen: HashMap<FindingId, (Rule, Severity, Time), RandomState>,
    preflight_seconds: Histogram,
    actual_seconds: Histogram,
}

impl Recorder {
    /// The operator lists other origins and targets now.
    pub fn configure(&mut self, site: &SiteOptions) {
        self.tallies.configure(site);
    }

    /// A transaction's outcome is final.
    pub fn on_transaction(&mut self, t: &Transaction) {
        self.tallies.on_transaction(t);
        let observe = |histogram: &Histogram, ns: Option<i64>| {
            if let Some(ns) = ns {
                histogram.observe(families::seconds(ns));
            }
        };
        observe(&self.preflight_seconds, t.preflight.as_ref().and_then(|p| p.leg.duration_ns));
        observe(&self.actual_seconds, t.actual.as_ref().and_then(|a| a.duration_ns));
    }

    /// A finding is new or has changed. True: it is new.
    pub fn on_finding(&mut self, finding: &Finding) -> bool {
        let now = (finding.rule, finding.severity, finding.last_seen);
        if let Some(known) = self.seen.get_mut(&finding.id) {
            *known = now;
            return false;
        }
        if self.seen.len() < FINDINGS_MAX {
            self.seen.insert(finding.id, now);
        }
        self.tallies.on_finding(finding.rule, finding.severity);
        true
    }

    /// What there is now. `now` in packet time decides which findings are active.
    pub fn tallies(&mut self, now: Time) -> Tallies {
        let active = self.seen.values().filter(|(_, _, last)| now.since(*last) < ACTIVE_NS);
        self.tallies.set_active(active.map(|(rule, severity, _)| (*rule, *severity)));
        self.tallies.clone()
    }
}

/// What the engine's thread publishes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The engine's counters.
    pub counters: Counters,
    /// What records add up to.
    pub tallies: Tallies,
    /// Each interface.
    pub interfaces: Vec<InterfaceState>,
}

/// The latest snapshot. The writer never waits: while a scrape copies the reference, it publishes a little later.
#[derive(Debug)]
pub struct Published(Mutex<Arc<Snapshot>>);

impl Published {
    /// Begins with `first`.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Published(Mutex::new(Arc::new(first)))
    }

    /// Puts a new one in place, unless somebody reads at this very moment.
    pub fn publish(&self, snapshot: Snapshot) {
        let new = Arc::new(snapshot);
        if let Ok(mut place) = self.0.try_lock() {
            *place = new;
        }
    }

    /// The latest one.
    #[must_use]
    pub fn read(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the configuration that runs is the one in the file.
#[derive(Debug)]
pub struct Reloads {
    successful: AtomicBool,
    success_ns: AtomicI64,
}

impl Reloads {
    /// The start itself is the first success.
    fn new(now: Time) -> Self {
        Reloads { successful: AtomicBool::new(true), success_ns: AtomicI64::new(now.0) }
    }

    /// The file was read again: taken as a whole, or refused as a whole.
    pub fn on_reload(&self, successful: bool, now: Time) {
        self.successful.store(successful, Ordering::Relaxed);
        if successful {
            self.success_ns.store(now.0, Ordering::Relaxed);
        }
    }
}

/// The scrape's side.
pub struct Metrics {
    published: Arc<Published>,
    database: Option<PathBuf>,
    reloads: Arc<Reloads>,
    store: Option<Arc<StoreStatus>>,
    events: Option<Arc<EventStatus>>,
    histograms: Registry,
    process: Registry,
}

impl Metrics {
    /// Both sides, with nothing seen yet.
    ///
    /// # Panics
    /// Never: names and buckets are constants and valid.
    #[must_use]
    pub fn new(site: &SiteOptions, store: Option<Arc<StoreStatus>>) -> (Recorder, Metrics) {
        let histogram = |name: &str, help: &str| {
            let buckets = vec![0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
                .expect("the names and buckets are constants and valid")
        };
        let recorder = Recorder {
            tallies: Tallies::new(site),
            seen: HashMap::default(),
            preflight_seconds: histogram(
                "corstap_preflight_duration_seconds",
                "First byte of a preflight to the end of its answer's head.",
            ),
            actual_seconds: histogram(
                "corstap_actual_duration_seconds",
                "First byte of an actual request to the end of its answer's head.",
            ),
        };
        let (histograms, process) = (Registry::new(), Registry::new());
        let register = |h: &Histogram| {
            histograms.register(Box::new(h.clone())).expect("each histogram has a name of its own");
        };
        register(&recorder.preflight_seconds);
        register(&recorder.actual_seconds);
        if let Some(store) = &store {
            register(&store.flush_seconds);
        }
        process.register(Box::new(ProcessCollector::for_self())).expect("the first collector has no rival");
        let first =
            Snapshot { counters: Counters::default(), tallies: recorder.tallies.clone(), interfaces: Vec::new() };
        let published = Arc::new(Published::new(first));
        let reloads = Arc::new(Reloads::new(wall_clock()));
        (recorder, Metrics { published, database: None, reloads, store, events: None, histograms, process })
    }

    /// Also tells the size of that database.
    #[must_use]
    pub fn with_database(mut self, path: Option<&Path>) -> Self {
        self.database = path.map(Path::to_owned);
        self
    }

    /// Also tells how the events fare.
    #[must_use]
    pub fn with_events(mut self, events: Option<Arc<EventStatus>>) -> Self {
        self.events = events;
        self
    }

    /// Where it is told how reading the configuration again went.
    #[must_use]
    pub fn reloads(&self) -> &Arc<Reloads> {
        &self.reloads
    }

    /// Where the engine's thread publishes.
    #[must_use]
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// What follows the traffic alone: nothing of this process, its store, its configuration or this machine's interfaces.
    #[must_use]
    pub fn of_traffic(&self) -> Vec<MetricFamily> {
        let mut families = families::of_snapshot(&self.published.read());
        families.extend(self.histograms.gather());
        families.retain(|f| f.name() != "corstap_interface_packets_total" && !f.get_metric().is_empty());
        families
    }

    /// The scrape, in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    /// Never, unless a metric is built wrongly.
    pub fn scrape(&self) -> Result<String, prometheus::Error> {
        let mut families = families::of_snapshot(&self.published.read());
        families.extend(families::of_reloads(&self.reloads));
        if let Some(store) = &self.store {
            families.extend(families::of_store(store, self.database.as_deref()));
        }
        if let Some(events) = &self.events {
            families.extend(families::of_events(events));
        }
        families.extend(self.histograms.gather());
        families.extend(self.process.gather());
        // A family without a series yet is no error, but the encoder takes it for one.
        families.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families)
    }
}
