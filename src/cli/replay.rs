//! `corstap replay`: the engine over captures.

use std::path::Path;

use super::args::{Color, Format, ReplayArgs};
use super::output::{Output, colours};
use super::{Outcome, tell};
use crate::capture::merge::{Feed, FeedOptions};
use crate::engine::Engine;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::record::{Finding, Sink, Transaction};
use crate::report::Summary;
use crate::report::jsonl::JsonLines;
use crate::report::text::{Paint, Report};

/// Where a replay's records go.
struct Records {
    out: Output,
    summary: Summary,
    form: Form,
}

enum Form {
    Lines(JsonLines),
    Text { report: Box<Report>, verbose: bool },
}

impl Sink for Records {
    fn transaction(&mut self, t: &Transaction) {
        self.summary.on_transaction(t);
        match &mut self.form {
            Form::Lines(lines) => {
                lines.transaction(t);
                self.out.write(lines.bytes());
                lines.clear();
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

    fn finding(&mut self, f: &Finding) {
        self.summary.on_finding(f);
    }
}

/// Runs the command.
///
/// # Errors
/// Standard output or the database could not be written.
pub fn run(args: &ReplayArgs, color: Color) -> anyhow::Result<Outcome> {
    let options = EngineOptions {
        sensor: args.sensor.clone(),
        scheme: args.reading.scheme.map(Into::into),
        all_requests: args.all,
        show_query: args.show_query,
        ..EngineOptions::default()
    };
    let form = match args.reading.format {
        Format::Jsonl => Form::Lines(JsonLines::default()),
        Format::Text => {
            Form::Text { report: Box::new(Report::new(Paint { on: colours(color) })), verbose: args.verbose }
        }
    };
    let out = Output::new(reads_live(&args.reading.paths));
    let mut records = Records { out, summary: Summary::default(), form };
    let mut engine = Engine::new(&Limits::default(), &options);
    let mut feed = Feed::open(&args.reading.paths, FeedOptions::default());
    while let Some(packet) = feed.next() {
        records.summary.on_packet_time(packet.time);
        engine.on_packet(&packet, &mut records);
        if records.out.has_failed() {
            break;
        }
    }
    engine.finish(&mut records);
    let Records { mut out, mut summary, form } = records;
    summary.counters = engine.counters().clone();
    summary.on_files(feed.files());
    for input in &summary.inputs {
        if let Some(error) = &input.error {
            tell(&format!("error: {}: {error}", input.path));
        }
    }
    match form {
        Form::Lines(mut lines) => {
            for finding in summary.findings() {
                lines.finding(finding);
            }
            lines.summary(&summary);
            out.write(lines.bytes());
        }
        Form::Text { report, .. } => out.write(report.finish(&summary).as_bytes()),
    }
    out.finish()?;
    Ok(outcome_of(&summary))
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
