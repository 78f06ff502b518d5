//! `corstap replay`: the engine over captures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Color, Format, ReplayArgs, SchemeArg};
use super::follow::Follow;
use super::keys::Keys;
use super::output::{Output, screen};
use super::progress::Progress;
use super::{Outcome, tell};
use crate::capture::merge::{Feed, PassedOver};
use crate::config;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::evidence::{self, Chosen};
use crate::limits::Limits;
use crate::openmetrics::{self, Incident};
use crate::options::EngineOptions;
use crate::packet::Time;
use crate::record::{Checklist, Finding, Sink, Transaction, TransactionId};
use crate::report::Summary;
use crate::report::jsonl::JsonLines;
use crate::report::layout::quoted;
use crate::report::text::{Asked, Report};
use crate::store::{OpenError, Retention, RunKind, RunTotals, Store, StoreOptions};

/// Bytes of lines written at once where nobody watches: they stay near the processor until then.
const LINES_BYTES: usize = 32 * 1024;
/// Inputs named in `runs.source`; of more, how many there were.
const SOURCES_MAX: usize = 20;

/// Where a replay's records go.
struct Records {
    out: Output,
    summary: Summary,
    form: Form,
    store: Option<Store>,
    evidence: Option<Chosen>,
    metrics: Option<Box<Incident>>,
}

enum Form {
    Lines(JsonLines),
    Text { report: Box<Report>, verbose: bool },
}

impl Sink for Records {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        self.summary.on_transaction(t);
        self.store.transaction(t);
        if let Some(evidence) = &mut self.evidence {
            evidence.on_transaction(t);
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.on_transaction(t);
        }
        match &mut self.form {
            Form::Lines(lines) => {
                lines.transaction(t);
                if self.out.is_prompt() || lines.bytes().len() >= LINES_BYTES {
                    self.out.write(lines.bytes());
                    lines.clear();
                }
            }
            Form::Text { report, verbose } => {
                let first_of_its_kind = report.on_transaction(t);
                if *verbose {
                    self.out.write(report.side_by_side(t).as_bytes());
                } else if first_of_its_kind && self.out.is_prompt() {
                    self.out.write(report.one_line(t).as_bytes());
                }
            }
        }
    }

    fn cited(&mut self, id: TransactionId, to_come: bool) {
        self.store.cited(id, to_come);
    }

    fn bystander(&mut self, request: &Arc<Transaction>) {
        self.store.bystander(request);
    }

    fn finding(&mut self, f: &Finding) {
        self.summary.on_finding(f);
        self.store.finding(f);
        if let Some(metrics) = &mut self.metrics {
            metrics.on_finding(f);
        }
    }

    fn checklist(&mut self, checklist: &Checklist) {
        self.store.checklist(checklist);
    }
}

impl Records {
    fn sample(&mut self, at: Time, counters: &Counters) {
        if let Some(metrics) = &mut self.metrics {
            metrics.sample(at, counters);
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Standard output, the database, the evidence or the metrics could not be written, or the signals that end `--follow` cannot be had.
pub fn run(args: &ReplayArgs, color: Color) -> anyhow::Result<Outcome> {
    let mut options = EngineOptions {
        sensor: args.sensor.clone(),
        scheme: args.reading.scheme.map(Into::into),
        key_log: args.reading.keylog.is_some(),
        all_requests: args.all,
        show_query: args.show_query,
        ..EngineOptions::default()
    };
    if let Some(path) = &args.config
        && let Err(error) = config::read(path, &mut options)
    {
        tell(&format!("error: {error}"));
        return Ok(Outcome::Unusable);
    }
    if args.evidence.is_some() && args.reading.paths.iter().any(|p| p == Path::new("-")) {
        tell(
            "error: --evidence reads the capture again, and standard input cannot be: save it first (tee capture.pcap)",
        );
        return Ok(Outcome::Unusable);
    }
    let Some(follow) = Follow::new(&args.reading)? else { return Ok(Outcome::Unusable) };
    let mut engine = Engine::new(&Limits::offline(), &options);
    let key_log = args.reading.keylog.as_deref();
    let Some(mut keys) = Keys::begin(key_log, &mut engine) else { return Ok(Outcome::Unusable) };
    let mut feed = Feed::open(&args.reading.paths, follow.feed_options());
    // Nothing to read: no database is made for that, and no other file.
    let readable = feed.files().iter().any(|f| f.error.is_none());
    if readable && let Err(error) = can_be_written(args) {
        tell(&format!("error: {error:#}"));
        return Ok(Outcome::Unusable);
    }
    let store = match args.db.as_ref().filter(|_| readable).map(|path| open_store(path, args)).transpose() {
        Ok(store) => store,
        Err(error) => {
            tell(&format!("error: {error}"));
            return Ok(Outcome::Unusable);
        }
    };
    let form = match args.reading.format {
        Format::Jsonl => Form::Lines(JsonLines::default()),
        Format::Text => {
            let asked = Asked { db: args.db.as_ref().map(|path| path.display().to_string()), again: again(args) };
            Form::Text { report: Box::new(Report::new(screen(color), asked)), verbose: args.verbose }
        }
    };
    let is_live = follow.is_on() || reads_live(&args.reading.paths);
    let out = Output::new(is_live);
    let mut progress = Progress::new(args.reading.format == Format::Jsonl || args.verbose || out.is_prompt());
    let mut records = Records {
        out,
        summary: Summary::default(),
        form,
        store,
        evidence: args.evidence.as_ref().filter(|_| readable).map(|_| Chosen::default()),
        metrics: args
            .openmetrics
            .as_ref()
            .filter(|_| readable)
            .map(|_| Box::new(Incident::new(&options.site, &args.sensor))),
    };
    loop {
        if let Some(metrics) = &mut records.metrics {
            metrics.on_interfaces(feed.interfaces());
        }
        let Some((packet, secrets)) = feed.next_with_secrets() else { break };
        if !secrets.is_empty() {
            engine.add_keys(secrets);
        }
        while let Some(at) = records.metrics.as_mut().and_then(|m| m.due(packet.time)) {
            engine.advance(at, &mut records);
            records.sample(at, engine.counters());
        }
        if let Some(metrics) = &mut records.metrics {
            metrics.on_packet(&packet);
        }
        records.summary.on_packet_time(packet.time);
        engine.on_packet(&packet, &mut records);
        if is_live {
            keys.look(&mut engine);
            engine.flush(&mut records);
        }
        if records.out.has_failed() || follow.is_over() {
            break;
        }
        if progress.on_packet() {
            progress.draw(&feed);
        }
    }
    engine.finish(&mut records);
    progress.finish();
    if let Some(metrics) = &mut records.metrics {
        metrics.finish(engine.counters());
    }
    let Records { mut out, mut summary, form, store, evidence, metrics } = records;
    summary.counters = engine.counters().clone();
    // the process ends soon: to take the tables apart is to read all of them once more
    std::mem::forget(engine);
    summary.on_files(feed.files());
    tell_passed_over(feed.passed_over());
    let recorded = store.map(|store| store.finish(totals(&summary)));
    for input in &summary.inputs {
        if let Some(error) = &input.error {
            tell(&format!("error: {}: {error}", input.path));
        }
    }
    match form {
        Form::Lines(mut lines) => {
            for finding in summary.findings() {
                lines.finding(finding);
                if lines.bytes().len() >= LINES_BYTES {
                    out.write(lines.bytes());
                    lines.clear();
                }
            }
            lines.summary(&summary);
            out.write(lines.bytes());
        }
        // where nothing could be read there is nothing to tell but why
        Form::Text { report, .. } if outcome_of(&summary) != Outcome::Unusable => {
            out.write(report.finish(&summary).as_bytes());
        }
        Form::Text { .. } => {}
    }
    out.finish()?;
    if let (Some(metrics), Some(path)) = (metrics, &args.openmetrics) {
        tell(&openmetrics::save(&metrics, path)?);
    }
    if let (Some(mut chosen), Some(dir)) = (evidence, &args.evidence) {
        chosen.on_findings(summary.findings());
        let written = chosen.write(dir, &args.reading.paths, &options, key_log, args.evidence_raw)?;
        tell(&written.told(dir, args.evidence_raw));
    }
    if let Some(Err(error)) = recorded {
        return Err(error.into());
    }
    Ok(outcome_of(&summary))
}

/// Whether what is written at the end can be: told before an hour of reading, not after it. What a file held stays until then.
fn can_be_written(args: &ReplayArgs) -> anyhow::Result<()> {
    if let Some(dir) = &args.evidence {
        evidence::make_directory(dir)?;
    }
    if let Some(path) = &args.openmetrics {
        openmetrics::can_be_saved(path)?;
    }
    Ok(())
}

/// The inputs and what decides how they are judged, as a shell takes them; none where they cannot be read again.
fn again(args: &ReplayArgs) -> Option<String> {
    let mut words = Vec::new();
    for path in &args.reading.paths {
        words.push(quoted(path.to_str()?).filter(|path| path != "-")?);
    }
    if let Some(scheme) = args.reading.scheme {
        words.push(format!("--scheme {}", if scheme == SchemeArg::Https { "https" } else { "http" }));
    }
    for (option, value) in [("--keylog", args.reading.keylog.as_deref()), ("--config", args.config.as_deref())] {
        if let Some(value) = value {
            words.push(format!("{option} {}", quoted(value.to_str()?)?));
        }
    }
    Some(words.join(" "))
}

fn open_store(path: &Path, args: &ReplayArgs) -> Result<Store, OpenError> {
    Store::open(&StoreOptions {
        path: path.to_owned(),
        sensor: args.sensor.clone(),
        kind: RunKind::Replay,
        source: sources(&args.reading.paths),
        retention: Retention::default(),
    })
}

/// The inputs as `runs.source` names them.
fn sources(paths: &[PathBuf]) -> String {
    let mut told: Vec<String> = paths.iter().take(SOURCES_MAX).map(|p| p.display().to_string()).collect();
    if paths.len() > SOURCES_MAX {
        told.push(format!("and {} more", paths.len() - SOURCES_MAX));
    }
    told.join(" ")
}

fn totals(summary: &Summary) -> RunTotals {
    RunTotals {
        counters: summary.counters.clone(),
        packets_lost: summary.packets_lost,
        first_packet: summary.first_packet,
        last_packet: summary.last_packet,
    }
}

/// Whether somebody waits for what comes: standard input that is a pipe, not a file.
pub(super) fn reads_live(paths: &[impl AsRef<Path>]) -> bool {
    use std::os::fd::AsFd;
    paths.iter().any(|p| p.as_ref() == Path::new("-"))
        && std::io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .and_then(|fd| std::fs::File::from(fd).metadata())
            .map_or(true, |m| !m.is_file())
}

/// What lies in a directory and is no capture, so that nobody takes it for read.
pub(super) fn tell_passed_over(passed_over: &PassedOver) {
    if passed_over.count == 0 {
        return;
    }
    let mut names: Vec<String> = passed_over.first.iter().map(|path| path.display().to_string()).collect();
    let left = passed_over.count - names.len() as u64;
    if left > 0 {
        names.push(format!("and {left} more"));
    }
    let what = if passed_over.count == 1 { "file that is no capture" } else { "files that are no captures" };
    tell(&format!("note: passed over {} {what}: {}", passed_over.count, names.join(", ")));
}

/// Nothing readable at all is 2; some of it not, or not to its end, is 1.
pub(super) fn outcome_of(summary: &Summary) -> Outcome {
    if summary.inputs.iter().all(|i| i.error.is_none()) {
        Outcome::Done
    } else if summary.inputs.iter().all(|i| i.error.is_some() && i.packets == 0) {
        Outcome::Unusable
    } else {
        Outcome::Failed
    }
}
