//! `corstap explain`: what an id means.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Color, ExplainArgs, Format};
use super::output::{Output, screen};
use super::{Outcome, tell};
use crate::report::explain::{self, Entry};
use crate::report::recorded;
use crate::store::queries::Reader;

/// Runs the command.
///
/// # Errors
/// Standard output could not be written, or the database not read.
pub fn run(args: &ExplainArgs, color: Color) -> anyhow::Result<Outcome> {
    let screen = screen(color);
    let mut out = Output::new(false);
    let write = |out: &mut Output, object: &Value| out.write(format!("{object}\n").as_bytes());
    let Some(id) = args.id.as_deref() else {
        match args.format {
            Format::Text => out.write(explain::list(screen).as_bytes()),
            Format::Jsonl => Entry::all().for_each(|entry| write(&mut out, &explain::object(entry))),
        }
        out.finish()?;
        return Ok(Outcome::Done);
    };
    let entries = explain::find(id);
    if !entries.is_empty() {
        for (nth, entry) in entries.iter().enumerate() {
            match args.format {
                Format::Text => {
                    let gap = if nth > 0 { "\n" } else { "" };
                    out.write(format!("{gap}{}", explain::text(*entry, screen)).as_bytes());
                }
                Format::Jsonl => write(&mut out, &explain::object(*entry)),
            }
        }
        out.finish()?;
        return Ok(Outcome::Done);
    }
    if !is_recorded_id(id) {
        tell(&unknown(id));
        return Ok(Outcome::Unusable);
    }
    let Some(db) = &args.db else {
        tell(&format!("error: {id} is recorded in a database: add --db FILE"));
        return Ok(Outcome::Unusable);
    };
    let mut reader = match Reader::open(db) {
        Ok(reader) => reader,
        Err(error) => {
            tell(&format!("error: {error}"));
            return Ok(Outcome::Unusable);
        }
    };
    match look_up(&mut reader, id, db)? {
        Some(Found::Transaction(t)) => match args.format {
            Format::Text => {
                let capture = capture_of(&mut reader, t.run_id);
                out.write(recorded::transaction(&t, capture.as_deref(), screen).as_bytes());
            }
            Format::Jsonl => write(&mut out, &typed("transaction", &t)?),
        },
        Some(Found::Finding(f)) => match args.format {
            Format::Text => out.write(recorded::finding(&f, &db.display().to_string(), screen).as_bytes()),
            Format::Jsonl => write(&mut out, &typed("finding", &f)?),
        },
        None => {
            let kept = if id.starts_with('T') { "; it keeps refusals and what findings cite" } else { "" };
            tell(&format!("error: {}: no {id} in it{kept}", db.display()));
            return Ok(Outcome::Unusable);
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// The one file that a run read, where it is still there.
fn capture_of(reader: &mut Reader, run_id: i64) -> Option<String> {
    let runs = reader.runs().ok()?;
    let source = &runs.iter().find(|run| run.id == run_id && run.kind == "replay")?.source;
    Path::new(source).is_file().then(|| source.clone())
}

enum Found {
    Transaction(Box<crate::store::queries::StoredTransaction>),
    Finding(Box<crate::store::queries::StoredFinding>),
}

fn look_up(reader: &mut Reader, id: &str, db: &Path) -> anyhow::Result<Option<Found>> {
    let found = if id.starts_with('T') {
        reader.transaction(id).map(|t| t.map(|t| Found::Transaction(Box::new(t))))
    } else {
        reader.finding(id).map(|f| f.map(|f| Found::Finding(Box::new(f))))
    };
    found.map_err(|e| anyhow::Error::new(e).context(format!("{}: cannot be read", db.display())))
}

/// `T` or `F` and 13 letters and digits.
fn is_recorded_id(id: &str) -> bool {
    id.strip_prefix(['T', 'F']).is_some_and(|rest| rest.len() == 13 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn unknown(id: &str) -> String {
    let near = explain::nearest(id);
    let end = if near.is_empty() {
        "corstap explain lists all".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("error: there is no reason, cause or rule {id}: {end}")
}

fn typed(kind: &str, record: &impl serde::Serialize) -> anyhow::Result<Value> {
    let mut object = json!({ "type": kind });
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), serde_json::to_value(record)?) {
        object.extend(fields);
    }
    Ok(object)
}
