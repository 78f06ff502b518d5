//! What Prometheus scrapes.
//!
//! The engine's thread owns [`Tallies`] and bumps plain integers; ten times a second it publishes a [`Snapshot`], and a
//! scrape turns the latest one into text. No packet takes a lock, and no label grows with what strangers send: only listed
//! names, and a bounded number that proved themselves, get one of their own; the rest is `other`, and counted as such.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Histogram, HistogramOpts, Registry, TextEncoder};

use crate::capture::live::InterfaceState;
use crate::catalog::{Cause, Reason, Rule, Severity};
use crate::counters::Counters;
use crate::options::SiteOptions;
use crate::packet::{SECOND, Time};
use crate::record::{Finding, FindingId, Phase, Site, Transaction, Verdict};
use crate::store::{LossCause, StoreStatus, Table};

/// Target origins that get a label by giving an answer below 400, beside those that the operator listed.
const TARGETS_MAX: usize = 64;
/// Page origins that get a label by being allowed, where the operator listed none.
const ORIGINS_MAX: usize = 32;
/// Series of `corstap_rejections_total`.
const REJECTION_SERIES_MAX: usize = 1000;
/// Series of `corstap_rejection_causes_total`.
const CAUSE_SERIES_MAX: usize = 300;
/// Bytes of a label's value.
const LABEL_BYTES_MAX: usize = 256;
/// Findings remembered to tell new from known, and active from past.
const FINDINGS_MAX: usize = 20_000;
/// A finding is active for this long after it was last seen, in nanoseconds.
const ACTIVE_NS: i64 = 3600 * SECOND;

/// Number of a label value; 0 is `other`.
type Label = u16;
const OTHER: Label = 0;

/// The values that one label may take.
#[derive(Debug, Clone)]
struct LabelSet {
    values: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Label, RandomState>,
    room: usize,
    overflow: u64,
}

impl LabelSet {
    fn new(listed: &[String], more: usize) -> Self {
        let mut set = LabelSet {
            values: vec!["other".into()],
            numbers: HashMap::default(),
            room: listed.len() + more,
            overflow: 0,
        };
        for value in listed {
            set.admit(&Arc::from(value.as_str()));
        }
        set
    }

    /// Gives the value a label, while there is room.
    fn admit(&mut self, value: &Arc<str>) {
        if self.numbers.len() < self.room && value.len() <= LABEL_BYTES_MAX && !self.numbers.contains_key(value) {
            let number = Label::try_from(self.values.len()).unwrap_or(OTHER);
            self.values.push(Arc::clone(value));
            self.numbers.insert(Arc::clone(value), number);
        }
    }

    fn of(&mut self, value: Option<&str>) -> Label {
        let number = value.and_then(|v| self.numbers.get(v)).copied().unwrap_or(OTHER);
        self.overflow += u64::from(number == OTHER);
        number
    }

    fn text(&self, number: Label) -> &str {
        self.values.get(usize::from(number)).map_or("other", |v| v)
    }
}

/// What the engine's records add up to.
#[derive(Debug, Clone)]
pub struct Tallies {
    transactions: BTreeMap<(Verdict, Site), u64>,
    preflights: BTreeMap<Verdict, u64>,
    rejections: BTreeMap<(Reason, Phase, Label, Label), u64>,
    rejections_overflow: u64,
    causes: BTreeMap<(Cause, Label), u64>,
    causes_overflow: u64,
    after_effect: BTreeMap<Label, u64>,
    findings: BTreeMap<(Rule, Severity), u64>,
    active: BTreeMap<(Rule, Severity), u64>,
    targets: LabelSet,
    origins: LabelSet,
}

impl Tallies {
    /// Nothing seen yet; known combinations stand at 0.
    #[must_use]
    pub fn new(site: &SiteOptions) -> Self {
        let origins_more = if site.origins.is_empty() { ORIGINS_MAX } else { 0 };
        let every = |verdict| Site::ALL.iter().map(move |site| ((verdict, *site), 0));
        let rejections = Reason::ALL.iter().flat_map(|r| phases(*r).iter().map(|p| ((*r, *p, OTHER, OTHER), 0)));
        Tallies {
            transactions: Verdict::ALL.iter().copied().flat_map(every).collect(),
            preflights: [Verdict::Allowed, Verdict::Blocked, Verdict::Undecided].into_iter().map(|v| (v, 0)).collect(),
            rejections: rejections.collect(),
            rejections_overflow: 0,
            causes: Cause::ALL.iter().map(|cause| ((*cause, OTHER), 0)).collect(),
            causes_overflow: 0,
            after_effect: [(OTHER, 0)].into(),
            findings: BTreeMap::new(),
            active: BTreeMap::new(),
            targets: LabelSet::new(&site.targets, TARGETS_MAX),
            origins: LabelSet::new(&site.origins, origins_more),
        }
    }

    fn on_transaction(&mut self, t: &Transaction) {
        *self.transactions.entry((t.verdict, t.site)).or_default() += 1;
        if let Some(preflight) = &t.preflight {
            *self.preflights.entry(preflight.leg.verdict).or_default() += 1;
        }
        let legs = t.preflight.iter().map(|p| &p.leg).chain(&t.actual);
        if legs.into_iter().any(|leg| leg.status.is_some_and(|status| (200..400).contains(&status))) {
            self.targets.admit(&t.target_origin);
        }
        match (t.verdict, &t.origin) {
            (Verdict::Allowed, Some(origin)) => self.origins.admit(origin),
            (Verdict::Blocked, _) => self.on_rejection(t),
            _ => {}
        }
    }

    fn on_rejection(&mut self, t: &Transaction) {
        let (Some(reason), Some(phase)) = (t.reason, t.phase) else { return };
        let target = self.targets.of(Some(&t.target_origin));
        let origin = self.origins.of(t.origin.as_deref());
        let full = self.rejections.len() >= REJECTION_SERIES_MAX;
        let mut key = (reason, phase, target, origin);
        if full && !self.rejections.contains_key(&key) {
            self.rejections_overflow += 1;
            key = (reason, phase, OTHER, OTHER);
        }
        *self.rejections.entry(key).or_default() += 1;
        let full = self.causes.len() >= CAUSE_SERIES_MAX;
        let mut key = (t.cause.unwrap_or(Cause::Unknown), target);
        if full && !self.causes.contains_key(&key) {
            self.causes_overflow += 1;
            key.1 = OTHER;
        }
        *self.causes.entry(key).or_default() += 1;
        if t.blocked_after_effect {
            *self.after_effect.entry(target).or_default() += 1;
        }
    }
}

/// Where a reason can be met: doubts nowhere.
fn phases(reason: Reason) -> &'static [Phase] {
    match reason {
        Reason::MissingAllowOrigin
        | Reason::WildcardWithCredentials
        | Reason::MultipleAllowOrigin
        | Reason::InvalidAllowOrigin
        | Reason::AllowOriginMismatch
        | Reason::MissingAllowCredentials => &[Phase::Preflight, Phase::Actual],
        Reason::PreflightRedirect
        | Reason::PreflightStatus
        | Reason::InvalidAllowMethods
        | Reason::InvalidAllowHeaders
        | Reason::MethodNotAllowed
        | Reason::HeaderNotAllowed
        | Reason::PrivateNetworkNotAllowed
        | Reason::PreflightUnanswered => &[Phase::Preflight],
        Reason::RedirectContainsCredentials
        | Reason::DisabledScheme
        | Reason::TooManyRedirects
        | Reason::ActualUnanswered => &[Phase::Actual],
        Reason::CredentialsUnknown
        | Reason::ModeUnknown
        | Reason::TargetUnknown
        | Reason::FamilyUnknown
        | Reason::NotModified
        | Reason::ResponseNotCaptured
        | Reason::RequestNotCaptured
        | Reason::ActualNotSeen
        | Reason::RedirectLeftView
        | Reason::RedirectNotFollowed
        | Reason::ExtensionOrigin => &[],
    }
}

/// The engine thread's side: takes records, publishes.
pub struct Recorder {
    tallies: Tallies,
    seen: HashMap<FindingId, (Rule, Severity, Time), RandomState>,
    preflight_seconds: Histogram,
    actual_seconds: Histogram,
}

impl Recorder {
    /// A transaction's outcome is final.
    pub fn on_transaction(&mut self, t: &Transaction) {
        self.tallies.on_transaction(t);
        let observe = |histogram: &Histogram, ns: Option<i64>| {
            if let Some(ns) = ns {
                histogram.observe(seconds(ns));
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
        *self.tallies.findings.entry((finding.rule, finding.severity)).or_default() += 1;
        true
    }

    /// What there is now. `now` in packet time decides which findings are active.
    pub fn tallies(&mut self, now: Time) -> Tallies {
        self.tallies.active = self.tallies.findings.keys().map(|key| (*key, 0)).collect();
        for (rule, severity, last) in self.seen.values() {
            if now.since(*last) < ACTIVE_NS {
                *self.tallies.active.entry((*rule, *severity)).or_default() += 1;
            }
        }
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

/// The scrape's side.
pub struct Metrics {
    published: Arc<Published>,
    store: Option<Arc<StoreStatus>>,
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
        (recorder, Metrics { published, store, histograms, process })
    }

    /// Where the engine's thread publishes.
    #[must_use]
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// The scrape, in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    /// Never, unless a metric is built wrongly.
    pub fn scrape(&self) -> Result<String, prometheus::Error> {
        let mut families = of_snapshot(&self.published.read());
        if let Some(store) = &self.store {
            families.extend(of_store(store));
        }
        families.extend(self.histograms.gather());
        families.extend(self.process.gather());
        // A family without a series yet is no error, but the encoder takes it for one.
        families.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families)
    }
}

fn of_snapshot(now: &Snapshot) -> Vec<MetricFamily> {
    let (c, t) = (&now.counters, &now.tallies);
    let per_interface = |value: fn(&InterfaceState) -> u64| -> Vec<_> {
        now.interfaces.iter().map(|i| (vec![("interface", i.name.as_str())], value(i))).collect()
    };
    let lost = now.interfaces.iter().flat_map(|i| {
        // The engine runs on the capturing thread: between ring and engine there is no queue that could lose any.
        [("kernel", i.lost_kernel), ("interface", i.lost_interface), ("queue", 0)]
            .map(|(cause, n)| (vec![("interface", i.name.as_str()), ("cause", cause)], n))
    });
    let rejections = t.rejections.iter().map(|((reason, phase, target, origin), n)| {
        let labels = vec![
            ("reason", reason.id()),
            ("phase", phase.id()),
            ("target_origin", t.targets.text(*target)),
            ("origin", t.origins.text(*origin)),
        ];
        (labels, *n)
    });
    let causes = t
        .causes
        .iter()
        .map(|((cause, target), n)| (vec![("cause", cause.id()), ("target_origin", t.targets.text(*target))], *n));
    let after_effect = t.after_effect.iter().map(|(target, n)| (vec![("target_origin", t.targets.text(*target))], *n));
    let by_rule = |(key, n): (&(Rule, Severity), &u64)| (vec![("rule", key.0.id()), ("severity", key.1.id())], *n);
    let transactions =
        t.transactions.iter().map(|((verdict, site), n)| (vec![("verdict", verdict.id()), ("site", site.id())], *n));
    let overflow = [
        ("target_origin", t.targets.overflow),
        ("origin", t.origins.overflow),
        ("rejections", t.rejections_overflow),
        ("causes", t.causes_overflow),
    ];
    let revision = option_env!("CORSTAP_REVISION").unwrap_or("unknown");
    let build = vec![("version", env!("CARGO_PKG_VERSION")), ("revision", revision)];
    let lag: Vec<Metric> =
        now.interfaces.iter().map(|i| metric(&[("interface", &i.name)], MetricType::GAUGE, i.lag_s)).collect();
    vec![
        counter("packets_total", "Packets taken.", per_interface(|i| i.packets)),
        counter("bytes_total", "Bytes of the packets taken, on the wire.", per_interface(|i| i.bytes)),
        counter("packets_lost_total", "Packets that were there and were not taken.", lost),
        counter("packets_truncated_total", "Packets cut by the snap length.", [(vec![], c.truncated)]),
        counter("packets_ignored_total", "Packets without a TCP segment to read.", by("kind", c.ignored.by_cause())),
        counter("tcp_bytes_total", "TCP payload on the wire.", [(vec![], c.tcp_bytes)]),
        counter("tls_bytes_total", "TCP payload that is TLS and cannot be judged.", [(vec![], c.tls_bytes)]),
        counter("connections_total", "Connections seen.", [(vec![], c.connections)]),
        counter("connections_carried_total", "Connections by what they carried.", by("kind", c.carried.by_cause())),
        counter("stream_gaps_total", "Holes in streams.", by("cause", c.gaps.by_cause())),
        counter(
            "stream_evictions_total",
            "Connections forgotten before they ended.",
            by("cause", c.evictions.by_cause()),
        ),
        gauge("streams", "Connections followed now.", [(vec![], c.streams_now)]),
        counter(
            "http_messages_total",
            "HTTP messages.",
            [(vec![("kind", "request")], c.requests), (vec![("kind", "response")], c.responses)],
        ),
        counter("http_errors_total", "Broken or over-long messages.", by("cause", c.http_errors.by_cause())),
        counter(
            "state_forgotten_total",
            "Pairing and rule state given up under a cap.",
            by("kind", c.forgotten.by_cause()),
        ),
        counter("transactions_total", "What page scripts attempted.", transactions),
        counter(
            "preflights_total",
            "Preflights on the wire.",
            t.preflights.iter().map(|(verdict, n)| (vec![("verdict", verdict.id())], *n)),
        ),
        counter("rejections_total", "Transactions that the browser refused.", rejections),
        counter("rejection_causes_total", "Refused transactions by the likeliest mistake behind them.", causes),
        counter("blocked_after_effect_total", "Refused transactions that took effect on the server.", after_effect),
        counter("findings_total", "Audit and probing findings.", t.findings.iter().map(by_rule)),
        gauge("findings_active", "Findings last seen within an hour.", t.active.iter().map(by_rule)),
        counter(
            "label_overflow_total",
            "Records whose label value became other.",
            overflow.map(|(label, n)| (vec![("label", label)], n)),
        ),
        family("capture_lag_seconds", "Wall clock less packet time at the last packet.", MetricType::GAUGE, lag),
        gauge("build_info", "What runs; always 1.", [(build, 1)]),
    ]
}

fn of_store(store: &StoreStatus) -> Vec<MetricFamily> {
    vec![
        counter(
            "store_records_total",
            "Rows taken by the database.",
            Table::ALL.map(|table| (vec![("table", table.id())], store.recorded(table))),
        ),
        counter(
            "store_records_lost_total",
            "Records that could not be kept.",
            LossCause::ALL.map(|cause| (vec![("cause", cause.id())], store.lost(cause))),
        ),
        gauge("store_queue_records", "Records that wait for the writer.", [(vec![], store.queued() as u64)]),
    ]
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

fn by(label: &'static str, causes: Vec<(&'static str, u64)>) -> impl Iterator<Item = (Labels<'static>, u64)> {
    causes.into_iter().map(move |(cause, n)| (vec![(label, cause)], n))
}

fn counter<'a>(name: &str, help: &str, values: impl IntoIterator<Item = (Labels<'a>, u64)>) -> MetricFamily {
    whole(name, help, MetricType::COUNTER, values)
}

fn gauge<'a>(name: &str, help: &str, values: impl IntoIterator<Item = (Labels<'a>, u64)>) -> MetricFamily {
    whole(name, help, MetricType::GAUGE, values)
}

fn whole<'a>(
    name: &str,
    help: &str,
    kind: MetricType,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> MetricFamily {
    #[allow(clippy::cast_precision_loss, reason = "Prometheus has no integers")]
    let metrics = values.into_iter().map(|(labels, n)| metric(&labels, kind, n as f64)).collect();
    family(name, help, kind, metrics)
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("corstap_{name}"));
    family.set_help(help.to_string());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn metric(labels: &[(&str, &str)], kind: MetricType, value: f64) -> Metric {
    let mut metric = Metric::default();
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_string());
        pair.set_value((*value).to_string());
        pair
    };
    metric.set_label(labels.iter().map(pair).collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

#[allow(clippy::cast_precision_loss, reason = "a duration in seconds needs no more than 52 bits")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::store::tests::{finding, transaction};

    /// Transactions `n` of that verdict, each changed, and the scrape afterwards.
    fn scrape(site: &SiteOptions, verdict: Verdict, n: i64, change: impl Fn(i64, &mut Transaction)) -> String {
        let (mut recorder, metrics) = Metrics::new(site, None);
        for nth in 0..n {
            let mut t = transaction(nth, verdict);
            change(nth, &mut t);
            recorder.on_transaction(&t);
        }
        publish(&mut recorder, &metrics);
        metrics.scrape().unwrap()
    }

    fn publish(recorder: &mut Recorder, metrics: &Metrics) {
        let interfaces = vec![InterfaceState { name: "lo".into(), ..InterfaceState::default() }];
        let tallies = recorder.tallies(Time(0));
        metrics.published().publish(Snapshot { counters: Counters::default(), tallies, interfaces });
    }

    fn value(scrape: &str, series: &str) -> Option<String> {
        scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_string))
    }

    fn series(scrape: &str, prefix: &str) -> usize {
        scrape.lines().filter(|line| line.starts_with(prefix)).count()
    }

    #[test]
    fn a_rejection_is_counted_under_its_labels() {
        let site = SiteOptions { origins: vec!["http://app.one.test:18001".into()], ..SiteOptions::default() };
        let text = scrape(&site, Verdict::Blocked, 2, |_, t| t.blocked_after_effect = true);
        for (series, expected) in [
            (
                "corstap_rejections_total{reason=\"missing_allow_origin\",phase=\"actual\",\
                 target_origin=\"http://api.two.test:18002\",origin=\"http://app.one.test:18001\"}",
                "2",
            ),
            (
                "corstap_rejections_total{reason=\"preflight_status\",phase=\"preflight\",target_origin=\"other\",origin=\"other\"}",
                "0",
            ),
            (
                "corstap_rejection_causes_total{cause=\"upstream_down\",target_origin=\"http://api.two.test:18002\"}",
                "2",
            ),
            ("corstap_blocked_after_effect_total{target_origin=\"http://api.two.test:18002\"}", "2"),
            ("corstap_transactions_total{verdict=\"blocked\",site=\"cross_site\"}", "2"),
            ("corstap_transactions_total{verdict=\"allowed\",site=\"same_site\"}", "0"),
            ("corstap_preflights_total{verdict=\"allowed\"}", "2"),
            ("corstap_actual_duration_seconds_count", "2"),
            ("corstap_label_overflow_total{label=\"origin\"}", "0"),
            ("corstap_packets_lost_total{interface=\"lo\",cause=\"kernel\"}", "0"),
        ] {
            assert_eq!(value(&text, series).as_deref(), Some(expected), "{series} in\n{text}");
        }
    }

    #[test]
    fn targets_need_an_answer_below_400_and_origins_an_allowance() {
        let text = scrape(&SiteOptions::default(), Verdict::Blocked, 3, |_, t| t.preflight = None);
        assert!(!text.contains("api.two.test") && !text.contains("app.one.test"), "{text}");
        assert_eq!(value(&text, "corstap_label_overflow_total{label=\"target_origin\"}").as_deref(), Some("3"));
        assert_eq!(value(&text, "corstap_label_overflow_total{label=\"origin\"}").as_deref(), Some("3"));
    }

    #[test]
    fn strangers_do_not_grow_the_scrape() {
        let (mut recorder, metrics) = Metrics::new(&SiteOptions::default(), None);
        for nth in 0..20_000 {
            let verdict = if nth % 2 == 0 { Verdict::Allowed } else { Verdict::Blocked };
            let mut t = transaction(nth, verdict);
            t.target_origin = format!("http://host-{}.test", nth % 5000).into();
            t.origin = Some(format!("http://evil-{nth}.test").into());
            if let Some(phase) = &mut t.phase {
                let (reason, at) = [
                    (Reason::MissingAllowOrigin, Phase::Actual),
                    (Reason::AllowOriginMismatch, Phase::Preflight),
                    (Reason::MethodNotAllowed, Phase::Preflight),
                ][usize::try_from(nth % 3).unwrap()];
                (t.reason, *phase) = (Some(reason), at);
                t.cause = Cause::ALL.get(usize::try_from(nth % 19).unwrap()).copied();
            }
            recorder.on_transaction(&t);
            let mut f = finding(0, 1, 1, &[]);
            f.id = FindingId(u64::try_from(nth).unwrap());
            f.rule = Rule::ALL[usize::try_from(nth).unwrap() % Rule::ALL.len()];
            f.severity = Severity::ALL[usize::try_from(nth).unwrap() % Severity::ALL.len()];
            recorder.on_finding(&f);
        }
        publish(&mut recorder, &metrics);
        let text = metrics.scrape().unwrap();
        assert!(series(&text, "corstap_rejections_total{") <= REJECTION_SERIES_MAX);
        assert!(text.lines().filter(|line| !line.starts_with('#')).count() < 2000);
        let total: u64 = text
            .lines()
            .filter(|line| line.starts_with("corstap_rejections_total{"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        assert_eq!(total, 10_000);
    }

    #[test]
    fn the_full_series_cap_folds_into_other() {
        let listed = |what: &str, n: usize| (0..n).map(|i| format!("http://{what}{i}.test")).collect::<Vec<_>>();
        let site = SiteOptions { origins: listed("o", 40), targets: listed("t", 40), ..SiteOptions::default() };
        let text = scrape(&site, Verdict::Blocked, 1600, |n, t| {
            t.target_origin = format!("http://t{}.test", n / 40).into();
            t.origin = Some(format!("http://o{}.test", n % 40).into());
        });
        assert_eq!(series(&text, "corstap_rejections_total{"), REJECTION_SERIES_MAX);
        assert!(value(&text, "corstap_label_overflow_total{label=\"rejections\"}").is_some_and(|n| n != "0"));
    }

    #[test]
    fn promtool_has_nothing_to_say() {
        let (mut recorder, metrics) = Metrics::new(&SiteOptions::default(), None);
        recorder.on_transaction(&transaction(1, Verdict::Blocked));
        recorder.on_finding(&finding(0, 1, 1, &[]));
        publish(&mut recorder, &metrics);
        let text = metrics.scrape().unwrap();
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this test needs promtool: scripts/setup.sh test installs it");
        std::io::Write::write_all(promtool.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        let said = [said.stdout, said.stderr].concat();
        assert_eq!(String::from_utf8_lossy(&said), "");
    }
}
