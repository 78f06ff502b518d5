//! `corstap report`: what was recorded, as one page.

use super::args::{Color, ReportArgs, ReportFormat};
use super::output::{Output, screen};
use super::{Outcome, tell};
use crate::report::incident::{Incident, ReadError};
use crate::report::{html, incident_lines, incident_text};

/// Runs the command.
///
/// # Errors
/// Standard output could not be written.
pub fn run(args: &ReportArgs, color: Color) -> anyhow::Result<Outcome> {
    let incident = match Incident::read(&args.db) {
        Ok(incident) => incident,
        Err(error) => {
            tell(&format!("error: {error}"));
            return Ok(match error {
                ReadError::Open(_) => Outcome::Unusable,
                ReadError::Read { .. } => Outcome::Failed,
            });
        }
    };
    let mut out = Output::new(false);
    let text = match args.format {
        ReportFormat::Text => incident_text::report(&incident, screen(color)),
        ReportFormat::Html => html::page(&incident),
        ReportFormat::Jsonl => incident_lines::lines(&incident),
    };
    out.write(text.as_bytes());
    out.finish()?;
    Ok(Outcome::Done)
}
