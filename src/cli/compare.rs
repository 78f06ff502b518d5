//! `corstap compare`: what lies between two taps, and what it did to CORS.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::args::{Color, CompareArgs, Format};
use super::output::{Output, colours};
use super::{Outcome, tell};
use crate::capture::merge::{Feed, FeedOptions};
use crate::compare::vantage::{Keys, Vantage};
use crate::compare::{CompareOptions, compare, lines, recorded, text};
use crate::engine::Engine;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::report::text::Paint;

/// Runs the command.
///
/// # Errors
/// A database could not be read, or standard output not written.
pub fn run(args: &CompareArgs, color: Color) -> anyhow::Result<Outcome> {
    let (front_is_database, back_is_database) = (is_database(&args.client_side), is_database(&args.origin_side));
    let mut front = Vantage::client_side(Keys::new(front_is_database || back_is_database));
    let front_read = read(&args.client_side, front_is_database, args, &mut front)?;
    let mut back = Vantage::origin_side(&front);
    let back_read = read(&args.origin_side, back_is_database, args, &mut back)?;
    if front_read == Outcome::Unusable || back_read == Outcome::Unusable {
        return Ok(Outcome::Unusable);
    }
    let comparison = compare(&front, &back, CompareOptions { show_query: args.show_query });
    let mut out = Output::new(false);
    match args.format {
        Format::Jsonl => {
            for exchange in comparison.exchanges.iter().filter(|e| args.all || !e.changes.is_empty()) {
                out.write(lines::exchange(exchange, args.show_query).as_bytes());
            }
            for (key, group) in &comparison.groups {
                out.write(lines::difference(key, group).as_bytes());
            }
            out.write(lines::summary(&comparison, &front, &back).as_bytes());
        }
        Format::Text => {
            let paint = Paint { on: colours(color) };
            out.write(text::render(&comparison, &front, &back, paint).as_bytes());
        }
    }
    out.finish()?;
    Ok(if front_read == Outcome::Done && back_read == Outcome::Done { Outcome::Done } else { Outcome::Failed })
}

fn is_database(path: &Path) -> bool {
    let mut first = [0; 16];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok()
        && recorded::is_database(&first)
}

fn read(path: &Path, database: bool, args: &CompareArgs, vantage: &mut Vantage) -> anyhow::Result<Outcome> {
    if database {
        recorded::read(path, vantage)?;
        vantage.close();
        return Ok(Outcome::Done);
    }
    let options = EngineOptions { scheme: args.scheme.map(Into::into), ..EngineOptions::default() };
    let mut engine = Engine::new(&Limits::offline(), &options);
    let mut feed = Feed::open(&[PathBuf::from(path)], FeedOptions::default());
    while let Some((packet, secrets)) = feed.next_with_secrets() {
        if !secrets.is_empty() {
            engine.add_keys(secrets);
        }
        vantage.on_time(packet.time);
        engine.on_packet(&packet, vantage);
    }
    engine.finish(vantage);
    vantage.lossy = engine.counters().truncated > 0 || feed.files().iter().any(|f| f.packets_lost > 0);
    vantage.close();
    let mut read = Outcome::Done;
    for file in feed.files() {
        if let Some(error) = &file.error {
            tell(&format!("error: {}: {error}", file.path.display()));
            read = if file.packets == 0 { Outcome::Unusable } else { Outcome::Failed };
        }
    }
    Ok(read)
}
