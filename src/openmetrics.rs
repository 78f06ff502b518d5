//! A past incident as metrics: what a scrape would have shown at each moment of packet time, in OpenMetrics text.
//!
//! The same names, labels and caps as `/metrics`, since the same code counts; sampled every [`STEP_NS`] of packet time, each
//! sample with its timestamp. `promtool tsdb create-blocks-from openmetrics` makes blocks of it, and dashboards and rules
//! then show the incident. What tells of a running process (its memory, its store, its configuration, the kernel's own
//! counts) is left out. Values are kept where they change, so that a quiet day costs no memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::capture::file::Interface;
use crate::capture::live::InterfaceState;
use crate::counters::Counters;
use crate::metrics::{Metrics, Published, Recorder, Snapshot};
use crate::options::SiteOptions;
use crate::packet::{Packet, SECOND, Time};
use crate::record::{Finding, Transaction};

/// Packet time between two samples: what a scrape interval usually is.
pub const STEP_NS: i64 = 15 * SECOND;
/// A silence is sampled for so long, until nothing can change any more (a finding is active for an hour); then the series
/// pause, as those of a tap that nobody scrapes.
const SILENCE_NS_MAX: i64 = 75 * 60 * SECOND;
/// After so much silence no timer of the engine is left, and what findings are active is looked at less often.
const SETTLED_NS: i64 = 120 * SECOND;
/// Steps from one such look to the next.
const QUIET_STEPS: Step = 20;
/// Samples written. Of more, every second (third …) step is left out.
const SAMPLES_MAX: u64 = 4_000_000;
/// Changes kept in memory, 16 bytes each. Beyond it values stay as they are, and [`Incident::cut`] tells.
const CHANGES_MAX: usize = 8_000_000;
/// Interfaces with a label of their own.
const INTERFACES_MAX: usize = 16;

/// Number of a step since the Unix epoch.
type Step = i64;

/// A series' values where they change.
#[derive(Debug, Default)]
struct Series {
    changes: Vec<(Step, f64)>,
}

#[derive(Debug)]
struct Family {
    help: String,
    kind: MetricType,
    /// By what stands behind the family's name: suffix and labels.
    series: BTreeMap<String, Series>,
}

/// Gathers samples while a replay goes on.
pub struct Incident {
    recorder: Recorder,
    metrics: Metrics,
    published: Arc<Published>,
    interfaces: Vec<InterfaceState>,
    instance: String,
    families: BTreeMap<String, Family>,
    first: Option<Step>,
    next: Option<Step>,
    last_packet: Time,
    /// Steps that were sampled, as ranges with both ends in.
    sampled: Vec<(Step, Step)>,
    changes: usize,
    /// Changes were too many to keep.
    pub cut: bool,
}

impl Incident {
    /// Nothing seen yet. `instance` becomes that label of every series, as a scrape would add it.
    #[must_use]
    pub fn new(site: &SiteOptions, instance: &str) -> Self {
        let (recorder, metrics) = Metrics::new(site, None);
        let published = Arc::clone(metrics.published());
        Incident {
            recorder,
            metrics,
            published,
            interfaces: Vec::new(),
            instance: instance.to_owned(),
            families: BTreeMap::new(),
            first: None,
            next: None,
            last_packet: Time(0),
            sampled: Vec::new(),
            changes: 0,
            cut: false,
        }
    }

    /// The time of a sample that is due before a packet of that time; the engine is to be advanced to it first.
    pub fn due(&mut self, packet: Time) -> Option<Time> {
        let step = packet.0.div_euclid(STEP_NS);
        let next = *self.next.get_or_insert(step);
        if next > step {
            return None;
        }
        let silence = next.saturating_mul(STEP_NS).saturating_sub(self.last_packet.0);
        Some(time_of(match silence {
            SILENCE_NS_MAX.. => step,
            SETTLED_NS.. => next.saturating_add(QUIET_STEPS - 1).min(step),
            _ => next,
        }))
    }

    /// Takes a packet, for the counts of its interface.
    pub fn on_packet(&mut self, packet: &Packet<'_>) {
        // Beyond the last name all is counted under it.
        let place = usize::from(packet.interface.0).min(self.interfaces.len().saturating_sub(1));
        if let Some(state) = self.interfaces.get_mut(place) {
            state.packets += 1;
            state.bytes += u64::from(packet.wire_bytes);
            state.last_packet = Some(packet.time);
        }
        self.last_packet = self.last_packet.max(packet.time);
    }

    /// Takes a transaction.
    pub fn on_transaction(&mut self, transaction: &Transaction) {
        self.recorder.on_transaction(transaction);
    }

    /// Takes a finding.
    pub fn on_finding(&mut self, finding: &Finding) {
        self.recorder.on_finding(finding);
    }

    /// The input's interfaces, whose names become labels.
    pub fn on_interfaces(&mut self, interfaces: &[Interface]) {
        for interface in interfaces.iter().take(INTERFACES_MAX).skip(self.interfaces.len()) {
            let name = interface.name.clone().unwrap_or_else(|| "capture".to_owned());
            self.interfaces.push(InterfaceState { name, ..InterfaceState::default() });
        }
    }

    /// Samples every series.
    pub fn sample(&mut self, at: Time, counters: &Counters) {
        let step = at.0.div_euclid(STEP_NS);
        self.first.get_or_insert(step);
        self.next = Some(step + 1);
        match self.sampled.last_mut() {
            Some((_, last)) if *last >= step => {}
            // steps between two looks at a silence have the values of the first
            Some((_, last)) if step - *last <= QUIET_STEPS => *last = step,
            _ => self.sampled.push((step, step)),
        }
        self.published.publish(Snapshot {
            counters: counters.clone(),
            tallies: self.recorder.tallies(at),
            interfaces: with_names_once(&self.interfaces),
        });
        for family in self.metrics.of_traffic() {
            self.take(step, &family);
        }
    }

    /// The last sample: at the end of the step in which the input ended.
    pub fn finish(&mut self, counters: &Counters) {
        if self.first.is_some() {
            let next = self.next.unwrap_or(0).max(self.last_packet.0.div_euclid(STEP_NS) + 1);
            self.sample(time_of(next), counters);
        }
    }

    fn take(&mut self, step: Step, family: &MetricFamily) {
        let kind = family.get_field_type();
        for metric in family.get_metric() {
            let labels = self.labels(metric);
            match kind {
                MetricType::COUNTER => {
                    self.put(step, family, format!("{{{labels}}}"), metric.get_counter().get_value());
                }
                MetricType::HISTOGRAM => {
                    let histogram = metric.get_histogram();
                    let whole = |n: u64| {
                        #[allow(clippy::cast_precision_loss, reason = "Prometheus has no integers")]
                        let n = n as f64;
                        n
                    };
                    for bucket in histogram.get_bucket() {
                        let le = number(bucket.upper_bound());
                        let key = format!("_bucket{{{labels},le=\"{le}\"}}");
                        self.put(step, family, key, whole(bucket.cumulative_count()));
                    }
                    let count = whole(histogram.get_sample_count());
                    self.put(step, family, format!("_bucket{{{labels},le=\"+Inf\"}}"), count);
                    self.put(step, family, format!("_count{{{labels}}}"), count);
                    self.put(step, family, format!("_sum{{{labels}}}"), histogram.get_sample_sum());
                }
                _ => self.put(step, family, format!("{{{labels}}}"), metric.get_gauge().get_value()),
            }
        }
    }

    fn labels(&self, metric: &Metric) -> String {
        let mut text = "job=\"corstap\",instance=\"".to_owned();
        escape(&mut text, &self.instance);
        text.push('"');
        for pair in metric.get_label() {
            // Writing to a String does not fail.
            let _ = write!(text, ",{}=\"", pair.name());
            escape(&mut text, pair.value());
            text.push('"');
        }
        text
    }

    fn put(&mut self, step: Step, family: &MetricFamily, key: String, value: f64) {
        if !self.families.contains_key(family.name()) {
            let new = Family { help: family.help().to_owned(), kind: family.get_field_type(), series: BTreeMap::new() };
            self.families.insert(family.name().to_owned(), new);
        }
        let Some(family) = self.families.get_mut(family.name()) else { return };
        let series = family.series.entry(key).or_default();
        let last = series.changes.last().map(|(_, value)| value.to_bits());
        if last == Some(value.to_bits()) {
            return;
        }
        if self.changes >= CHANGES_MAX {
            self.cut = true;
            return;
        }
        // A counter that appears was 0 before: else its first increase would be no increase.
        let before = step - 1;
        let counts = family.kind != MetricType::GAUGE && value != 0.0;
        if last.is_none() && counts && self.first.is_some_and(|first| before >= first) {
            series.changes.push((before, 0.0));
        }
        series.changes.push((step, value));
        self.changes += 1;
    }

    /// Writes the text. Tells how many samples there are.
    ///
    /// # Errors
    /// What it is written to failed.
    pub fn write(&self, out: &mut impl Write) -> io::Result<u64> {
        let in_all: u64 =
            self.families.values().flat_map(|f| f.series.values()).map(|s| self.steps(s, 1).count() as u64).sum();
        let stride = Step::try_from(in_all.div_ceil(SAMPLES_MAX).max(1)).unwrap_or(Step::MAX);
        let mut samples = 0;
        for (name, family) in &self.families {
            let (kind, suffix) = match family.kind {
                MetricType::COUNTER => ("counter", "_total"),
                MetricType::HISTOGRAM => ("histogram", ""),
                _ => ("gauge", ""),
            };
            // OpenMetrics names a counter without its suffix, and its samples with it.
            let base = name.strip_suffix("_total").unwrap_or(name);
            writeln!(out, "# TYPE {base} {kind}")?;
            writeln!(out, "# HELP {base} {}", family.help)?;
            for (key, series) in &family.series {
                let mut changes = series.changes.iter().peekable();
                let mut value = 0.0;
                for step in self.steps(series, stride) {
                    while let Some((_, new)) = changes.next_if(|(at, _)| *at <= step) {
                        value = *new;
                    }
                    writeln!(out, "{base}{suffix}{key} {} {}", number(value), step.saturating_mul(STEP_NS / SECOND))?;
                    samples += 1;
                }
            }
        }
        writeln!(out, "# EOF")?;
        Ok(samples)
    }

    /// The steps at which a series has a sample.
    fn steps(&self, series: &Series, stride: Step) -> impl Iterator<Item = Step> {
        let begin = series.changes.first().map_or(Step::MAX, |(step, _)| *step);
        let end = self.sampled.last().map_or(Step::MIN, |(_, last)| *last);
        self.sampled
            .iter()
            .flat_map(move |(from, to)| begin.max(*from)..=*to)
            .filter(move |step| step.rem_euclid(stride) == 0 || *step == end)
    }
}

/// Writes the file; says in a line what it holds.
///
/// # Errors
/// It could not be written.
pub fn save(incident: &Incident, path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let failed = || format!("{shown}: cannot be written");
    let mut out = BufWriter::new(File::create(path).with_context(failed)?);
    let samples = incident.write(&mut out).and_then(|n| out.flush().map(|()| n)).with_context(failed)?;
    let cut = if incident.cut { "; too many changes to keep: later ones are missing" } else { "" };
    Ok(format!(
        "metrics: {samples} samples in {shown}{cut}; next: promtool tsdb create-blocks-from openmetrics {shown} DATA-DIRECTORY"
    ))
}

/// Whether a file can be written there; what it holds stays.
///
/// # Errors
/// It cannot.
pub fn can_be_saved(path: &Path) -> anyhow::Result<()> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map(drop).with_context(|| format!("{}: cannot be written", path.display()))
}

fn time_of(step: Step) -> Time {
    Time(step.saturating_mul(STEP_NS))
}

/// Interfaces of one name are one: two series alike would be refused.
fn with_names_once(all: &[InterfaceState]) -> Vec<InterfaceState> {
    let mut by_name: BTreeMap<&str, InterfaceState> = BTreeMap::new();
    for state in all {
        let sum = by_name
            .entry(&state.name)
            .or_insert_with(|| InterfaceState { name: state.name.clone(), ..InterfaceState::default() });
        sum.packets += state.packets;
        sum.bytes += state.bytes;
        sum.last_packet = sum.last_packet.max(state.last_packet);
    }
    by_name.into_values().collect()
}

fn number(value: f64) -> String {
    if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() }
}

fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps at which it looks, and those that it writes, for packets at these seconds.
    fn steps(packets: &[i64]) -> (usize, Vec<i64>) {
        let mut incident = Incident::new(&SiteOptions::default(), "test");
        let (mut looks, mut counters) = (0, Counters::default());
        for second in packets {
            let time = Time(second * SECOND);
            while let Some(at) = incident.due(time) {
                assert!(at <= time);
                incident.sample(at, &counters);
                looks += 1;
            }
            counters.segments += 1;
            incident.last_packet = time;
        }
        incident.finish(&counters);
        let mut text = Vec::new();
        incident.write(&mut text).expect("a Vec takes all");
        let text = String::from_utf8(text).expect("UTF-8");
        let times = text.lines().filter(|l| l.starts_with("corstap_segments_total{"));
        (looks, times.map(|l| l.rsplit(' ').next().expect("a time").parse().expect("seconds")).collect())
    }

    #[test]
    fn a_sample_before_the_first_packet_each_step_and_one_after_the_last() {
        assert_eq!(steps(&[100]).1, [90, 105]);
        assert_eq!(steps(&[100, 104, 105, 151]).1, [90, 105, 120, 135, 150, 165]);
        assert_eq!(steps(&[]).1, [0_i64; 0]);
    }

    #[test]
    fn a_quiet_hour_is_written_and_a_quiet_year_pauses() {
        let (looks, hour) = steps(&[0, 3600]);
        assert!(looks < 40, "{looks}");
        assert_eq!(hour, (0..=241).map(|n| n * 15).collect::<Vec<_>>());
        let (looks, year) = steps(&[0, 365 * 86_400]);
        assert!(looks < 50, "{looks}");
        assert!(year.len() < 330, "{}", year.len());
        assert_eq!(year.last(), Some(&(365 * 86_400 + 15)));
    }

    #[test]
    fn a_counter_that_appears_later_was_zero_before() {
        let mut incident = Incident::new(&SiteOptions::default(), "a\"b");
        incident.due(Time(0));
        incident.sample(Time(0), &Counters::default());
        let mut family = MetricFamily::default();
        family.set_name("corstap_late_total".to_owned());
        family.set_field_type(MetricType::COUNTER);
        incident.put(2, &family, "{x=\"1\"}".to_owned(), 3.0);
        incident.sampled = vec![(0, 2)];
        let mut text = Vec::new();
        incident.write(&mut text).expect("a Vec takes all");
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(text.contains("corstap_late_total{x=\"1\"} 0 15\ncorstap_late_total{x=\"1\"} 3 30\n"), "{text}");
        assert!(text.contains("instance=\"a\\\"b\""), "{text}");
    }

    #[test]
    fn times_at_the_ends_of_the_range_end() {
        for time in [i64::MIN, -1, i64::MAX] {
            let mut incident = Incident::new(&SiteOptions::default(), "test");
            while let Some(at) = incident.due(Time(time)) {
                incident.sample(at, &Counters::default());
            }
            incident.last_packet = Time(time);
            incident.finish(&Counters::default());
            incident.write(&mut Vec::new()).expect("a Vec takes all");
        }
    }
}
