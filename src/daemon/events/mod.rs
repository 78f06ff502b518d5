//! `--events`: each refusal and each finding as a line of JSON, for Vector, Fluent Bit or a SIEM.
//!
//! The fields are those of `replay --format jsonl`; docs/events.schema.json describes them. The capturing thread makes the
//! line and never waits: a reader that stands still fills a bounded queue, and what finds no room is counted as lost.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use foldhash::fast::RandomState;

use crate::catalog::Severity;
use crate::record::{Finding, FindingId, Transaction};
use crate::report::jsonl::JsonLines;

/// Lines that wait for a slow reader. About 2 KB each: 8 MiB.
const QUEUE_LINES_MAX: usize = 4096;
/// A finding that goes on is told again this often, and whenever its severity changes.
const FINDING_AGAIN: Duration = Duration::from_mins(1);
/// Findings remembered for that; of others each change is told.
const FINDINGS_MAX: usize = 20_000;
/// A reader that is not there is tried again this often; a file that was renamed is looked for as often.
const AGAIN: Duration = Duration::from_secs(1);
/// At the end the reader has this long to take what waits.
const STOP_MAX: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventTarget {
    /// `-`
    Stdout,
    /// A file that is appended to, and opened anew when it was renamed.
    File(PathBuf),
    /// `unix:PATH`: a stream socket that somebody listens on.
    Unix(PathBuf),
}

impl EventTarget {
    /// As the flag and the configuration spell it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("unix:") {
            _ if text == "-" => EventTarget::Stdout,
            Some(path) => EventTarget::Unix(path.into()),
            None => EventTarget::File(text.into()),
        }
    }

    /// The file that will be written, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            EventTarget::File(path) => Some(path),
            EventTarget::Stdout | EventTarget::Unix(_) => None,
        }
    }
}

/// How the events fare; shared with the metrics.
#[derive(Debug, Default)]
pub struct EventStatus {
    written: AtomicU64,
    lost: AtomicU64,
    stopping: AtomicBool,
}

impl EventStatus {
    /// Lines that the reader took.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that found no room, or no reader at the end.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The capturing thread's side.
pub(super) struct Events {
    queue: Sender<Box<[u8]>>,
    lines: JsonLines,
    told: HashMap<FindingId, (Severity, Instant), RandomState>,
    status: Arc<EventStatus>,
    writer: JoinHandle<()>,
}

impl Events {
    /// Starts the writing thread. A reader need not be there yet.
    pub(super) fn start(target: EventTarget) -> io::Result<Events> {
        let (queue, lines) = bounded(QUEUE_LINES_MAX);
        let status = Arc::new(EventStatus::default());
        let mut writer =
            Writer { target, open: None, looked: Instant::now(), complained: false, status: Arc::clone(&status) };
        let writer = std::thread::Builder::new().name("events".into()).spawn(move || writer.run(&lines))?;
        Ok(Events { queue, lines: JsonLines::default(), told: HashMap::default(), status, writer })
    }

    pub(super) fn status(&self) -> &Arc<EventStatus> {
        &self.status
    }

    /// A refusal.
    pub(super) fn on_blocked(&mut self, transaction: &Transaction) {
        self.lines.transaction(transaction);
        self.send();
    }

    /// A finding that is new, worse or better, or goes on.
    pub(super) fn on_finding(&mut self, finding: &Finding) {
        if let Some((severity, last)) = self.told.get_mut(&finding.id) {
            if *severity == finding.severity && last.elapsed() < FINDING_AGAIN {
                return;
            }
            (*severity, *last) = (finding.severity, Instant::now());
        } else if self.told.len() < FINDINGS_MAX {
            self.told.insert(finding.id, (finding.severity, Instant::now()));
        }
        self.lines.finding(finding);
        self.send();
    }

    fn send(&mut self) {
        if self.queue.try_send(self.lines.bytes().into()).is_err() {
            self.status.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.lines.clear();
    }

    /// Gives the reader a moment to take what waits.
    pub(super) fn finish(self) {
        self.status.stopping.store(true, Ordering::Relaxed);
        let left = self.queue.len();
        drop(self.queue);
        let begun = Instant::now();
        while !self.writer.is_finished() {
            if begun.elapsed() > STOP_MAX {
                tracing::warn!("events: the reader stands still; {left} lines or fewer are lost");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The writing thread's side: may wait for its reader for ever.
struct Writer {
    target: EventTarget,
    open: Option<Open>,
    looked: Instant,
    complained: bool,
    status: Arc<EventStatus>,
}

enum Open {
    Stdout(io::Stdout),
    File { file: File, number: u64 },
    Unix(UnixStream),
}

impl Writer {
    fn run(&mut self, lines: &Receiver<Box<[u8]>>) {
        for line in lines {
            while let Err(error) = self.write(&line) {
                self.open = None;
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!("events: {error}; trying again, and counting what is lost");
                }
                if self.status.stopping.load(Ordering::Relaxed) {
                    self.status.lost.fetch_add(1 + lines.len() as u64, Ordering::Relaxed);
                    return;
                }
                std::thread::sleep(AGAIN);
            }
            if std::mem::take(&mut self.complained) {
                tracing::warn!("events: written again; {} were lost in this run", self.status.lost());
            }
            self.status.written.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The whole line, or an error after which the next attempt begins anew.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.looked.elapsed() >= AGAIN {
            self.looked = Instant::now();
            self.follow_rename();
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(open(&self.target)?),
        };
        match open {
            Open::Stdout(stdout) => {
                let mut stdout = stdout.lock();
                stdout.write_all(line).and_then(|()| stdout.flush())
            }
            Open::File { file, .. } => file.write_all(line),
            Open::Unix(stream) => stream.write_all(line),
        }
    }

    /// Whoever rotates logs has renamed or removed the file: the next line goes to a new one.
    fn follow_rename(&mut self) {
        if let (EventTarget::File(path), Some(Open::File { number, .. })) = (&self.target, &self.open)
            && std::fs::metadata(path).map_or(true, |now| now.ino() != *number)
        {
            self.open = None;
        }
    }
}

fn open(target: &EventTarget) -> io::Result<Open> {
    let named = |path: &Path, e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    match target {
        EventTarget::Stdout => Ok(Open::Stdout(io::stdout())),
        EventTarget::File(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| named(path, e))?;
            let number = file.metadata()?.ino();
            Ok(Open::File { file, number })
        }
        EventTarget::Unix(path) => UnixStream::connect(path).map(Open::Unix).map_err(|e| named(path, e)),
    }
}
