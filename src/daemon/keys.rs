//! The TLS key log, read each second by a thread of its own: the capturing one waits for no disk.

use std::io;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use zeroize::Zeroizing;

use super::journal::{Level, Line};
use super::{DaemonError, spawn};
use crate::capture::keylog::KeyLog;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Pieces of it, of a megabyte at most, that wait for the capturing thread.
const PIECES_MAX: usize = 4;

/// Lines of a key log, as they are written.
pub(super) type Lines = Receiver<Zeroizing<Vec<u8>>>;

/// Begins to follow a key log; without one nothing ever comes.
pub(super) fn follow(path: Option<&Path>, say: Sender<Line>) -> Result<Lines, DaemonError> {
    let Some(path) = path else { return Ok(crossbeam_channel::never()) };
    let (give, lines) = bounded(PIECES_MAX);
    let mut log = KeyLog::new(path);
    spawn("keys", move || {
        let mut told = None;
        loop {
            let read = log.read();
            let how = read.as_ref().map(|_| ()).map_err(io::Error::kind);
            if told != Some(how) {
                told = Some(how);
                // A full queue of lines means that nobody reads standard error: the counters tell the same.
                drop(say.try_send(line(log.path(), read.as_ref().err())));
            }
            match read {
                Ok(text) if text.is_empty() => std::thread::sleep(LOOK),
                Ok(text) => {
                    if give.send(text).is_err() {
                        return; // capture has ended
                    }
                }
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    })?;
    Ok(lines)
}

fn line(path: &Path, error: Option<&io::Error>) -> Line {
    let path = path.display();
    match error {
        None => Line::new(Level::Info, format!("reading TLS with the secrets in {path}, as they are written")),
        Some(error) if error.kind() == io::ErrorKind::NotFound => {
            Line::new(Level::Notice, format!("{path}: no such key log yet; it is read once it is there"))
        }
        Some(error) => Line::new(Level::Warning, format!("the key log {path} cannot be read: {error}")),
    }
}
