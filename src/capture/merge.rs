//! Many capture files as one timeline.
//!
//! Files are ordered by their first packet and opened when their time comes, so that a ring buffer's files may be named in
//! any order and by the thousand. Those that overlap are merged packet by packet. One file, or files that follow each
//! other, cost one comparison a packet. Within a file the order is the file's. Of packets of one moment those that a snap
//! length cut come last: they may be what another file has whole, and what comes first of two copies is taken.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use zeroize::Zeroizing;

use super::bytes::Follow;
use super::file::{BUFFER_BYTES, FeedError, Format, Interface, Interfaces, Packing, Reader, Record};
use crate::packet::{Order, Packet, Time};

/// Files open at once, each with its buffer. Where more overlap, the later ones wait for one to end and their packets come late.
const OPEN_MAX: usize = 256;
/// What is read of a file to learn its first packet's time.
const PEEK_BYTES: usize = 8 * 1024;

/// How a feed reads.
#[derive(Debug, Clone, Default)]
pub struct FeedOptions {
    /// Wait at the end of the last file for more, until this is set. Packed files do not grow.
    pub follow: Option<Arc<AtomicBool>>,
}

/// One capture file, and what became of it.
#[derive(Debug)]
pub struct FileReport {
    /// As the user named it, or as it was found in a directory.
    pub path: PathBuf,
    /// Its format, once its header was read.
    pub format: Option<Format>,
    /// How it is packed.
    pub packing: Packing,
    /// Packets taken from it.
    pub packets: u64,
    /// Unpacked bytes read.
    pub bytes: u64,
    /// Packets that the capturing side lost, as far as the file says (pcapng).
    pub packets_lost: u64,
    /// Why it gave nothing or no more; none where it was read whole, or is not read to its end yet.
    pub error: Option<FeedError>,
}

/// Files passed over where a directory was named: how many, and the first ones.
#[derive(Debug, Default)]
pub struct PassedOver {
    /// How many.
    pub count: u64,
    /// The first ones.
    pub first: Vec<PathBuf>,
}

/// Files passed over that are named.
const PASSED_OVER_NAMED_MAX: usize = 5;

impl PassedOver {
    fn add(&mut self, path: PathBuf) {
        self.count += 1;
        if self.first.len() < PASSED_OVER_NAMED_MAX {
            self.first.push(path);
        }
    }
}

struct Pending {
    first: Time,
    file: usize,
}

fn open_with(mut open: Open, next: Record) -> Open {
    open.next = Some(next);
    open
}

struct Open {
    file: usize,
    reader: Box<Reader>,
    /// Read, not delivered.
    next: Option<Record>,
}

/// Whose turn it is: time of the next packet, whether it was cut, file.
type Turn = (Time, bool, usize);

fn turn(record: &Record, file: usize) -> Turn {
    (record.time, record.is_cut(), file)
}

/// Packets of all files, in order of time.
pub struct Feed {
    files: Vec<FileReport>,
    passed_over: PassedOver,
    interfaces: Interfaces,
    /// Latest first.
    pending: Vec<Pending>,
    current: Option<Open>,
    /// Until then nothing can come before the current file's packets.
    until: Time,
    waiting: BTreeMap<Turn, Open>,
    order: u64,
    follow: Option<Follow>,
    /// Lines of TLS key logs that came with the next packet, or were given with the last one.
    secrets: Zeroizing<Vec<u8>>,
    are_given: bool,
}

impl Feed {
    /// Finds the files: each path itself, all captures below it where it is a directory, standard input for `-`.
    ///
    /// Never fails: what cannot be read is told in [`Feed::files`] and the rest is delivered.
    #[must_use]
    pub fn open(paths: &[PathBuf], options: FeedOptions) -> Self {
        let mut feed = Feed {
            files: Vec::new(),
            passed_over: PassedOver::default(),
            interfaces: Interfaces::default(),
            pending: Vec::new(),
            current: None,
            until: Time(i64::MAX),
            waiting: BTreeMap::new(),
            order: 0,
            follow: options.follow.map(Follow),
            secrets: Zeroizing::default(),
            are_given: false,
        };
        for path in paths {
            if path != Path::new("-") && path.is_dir() { feed.add_directory(path) } else { feed.add(path.clone()) }
        }
        if let [only] = feed.files.as_slice() {
            if only.error.is_none() {
                feed.pending.push(Pending { first: Time(i64::MIN), file: 0 });
            }
        } else {
            for file in 0..feed.files.len() {
                feed.peek(file);
            }
            feed.pending.sort_by_key(|p| std::cmp::Reverse((p.first, p.file)));
        }
        feed.take_earliest();
        feed
    }

    fn add(&mut self, path: PathBuf) {
        self.files.push(FileReport {
            path,
            format: None,
            packing: Packing::Plain,
            packets: 0,
            bytes: 0,
            packets_lost: 0,
            error: None,
        });
    }

    fn add_failed(&mut self, path: &Path, error: FeedError) {
        self.add(path.to_owned());
        if let Some(file) = self.files.last_mut() {
            file.error = Some(error);
        }
    }

    /// Adds the captures below a directory; other files there are none of ours.
    fn add_directory(&mut self, directory: &Path) {
        let before = self.files.len();
        let mut directories = vec![directory.to_owned()];
        while let Some(path) = directories.pop() {
            let entries: io::Result<Vec<fs::DirEntry>> = fs::read_dir(&path).and_then(Iterator::collect);
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.add_failed(&path, error.into());
                    continue;
                }
            };
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => directories.push(path),
                    // A link to a directory could lead back here; one to a file may be read.
                    Ok(_) if path.is_file() => {
                        match Reader::open(&path, PEEK_BYTES, None, &mut Interfaces::default()) {
                            Err(FeedError::Empty | FeedError::NotACapture { .. }) => self.passed_over.add(path),
                            Err(error @ FeedError::Unreadable(_)) => self.add_failed(&path, error),
                            _ => self.add(path),
                        }
                    }
                    _ => {}
                }
            }
        }
        if self.files.len() == before {
            self.add_failed(directory, FeedError::NoCaptures);
        }
    }

    /// Learns when a file begins. Standard input stays open for it.
    fn peek(&mut self, file: usize) {
        let Some(report) = self.files.get(file) else { return };
        if report.error.is_some() {
            return;
        }
        if report.path == Path::new("-") {
            return self.start(file);
        }
        let mut interfaces = Interfaces::default();
        let first = Reader::open(&report.path, PEEK_BYTES, None, &mut interfaces)
            .and_then(|mut reader| Ok(reader.next_record(&mut interfaces)?.map(|record| record.time)));
        let first = match first {
            Ok(Some(first)) => first,
            // It grows yet.
            Ok(None) | Err(FeedError::Empty | FeedError::Truncated { .. }) if self.follow.is_some() => Time(i64::MAX),
            // A file without packets, or whose beginning is damaged, tells so when its turn comes: at once.
            Ok(None) | Err(_) => Time(i64::MIN),
        };
        self.pending.push(Pending { first, file });
    }

    /// Opens a file and reads its first packet.
    fn start(&mut self, file: usize) {
        let last = self.pending.is_empty();
        let Some(report) = self.files.get_mut(file) else { return };
        let follow = self.follow.clone().filter(|_| last && report.path != Path::new("-"));
        match Reader::open(&report.path, BUFFER_BYTES, follow, &mut self.interfaces) {
            Ok(reader) => {
                (report.format, report.packing) = (Some(reader.format()), reader.packing());
                let mut open = Open { file, reader: Box::new(reader), next: None };
                let record = open.reader.next_record(&mut self.interfaces);
                self.keep_secrets(open.reader.take_secrets());
                match record {
                    Ok(Some(record)) => {
                        self.waiting.insert(turn(&record, file), open_with(open, record));
                    }
                    Ok(None) => self.end(&open, None),
                    Err(error) => self.end(&open, Some(error)),
                }
            }
            Err(error) => report.error = Some(error),
        }
    }

    fn keep_secrets(&mut self, secrets: Option<Zeroizing<Vec<u8>>>) {
        if let Some(secrets) = secrets {
            if self.secrets.is_empty() {
                self.secrets = secrets;
            } else {
                self.secrets.extend_from_slice(&secrets);
            }
        }
    }

    fn end(&mut self, open: &Open, error: Option<FeedError>) {
        if let Some(report) = self.files.get_mut(open.file) {
            report.bytes = open.reader.offset();
            report.packets_lost = open.reader.packets_lost();
            report.error = error;
        }
    }

    /// Makes the file with the earliest packet the current one.
    fn take_earliest(&mut self) {
        while let Some(pending) = self.pending.last() {
            let due = self.waiting.first_key_value().is_none_or(|((time, ..), _)| pending.first <= *time);
            if !due || self.waiting.len() >= OPEN_MAX {
                break;
            }
            let file = pending.file;
            self.pending.pop();
            self.start(file);
        }
        self.current = self.waiting.pop_first().map(|(_, open)| open);
        let next_open = self.waiting.first_key_value().map(|((time, ..), _)| *time);
        let next_pending = self.pending.last().filter(|_| self.waiting.len() + 1 < OPEN_MAX).map(|p| p.first);
        self.until = next_open.into_iter().chain(next_pending).min().unwrap_or(Time(i64::MAX));
    }

    /// The next packet, until the one after it is asked for.
    #[allow(clippy::should_implement_trait)] // it lends
    pub fn next(&mut self) -> Option<Packet<'_>> {
        self.next_with_secrets().map(|(packet, _)| packet)
    }

    /// The same, with the lines of TLS key logs that the file has before it.
    pub fn next_with_secrets(&mut self) -> Option<(Packet<'_>, &[u8])> {
        if std::mem::take(&mut self.are_given) {
            self.secrets = Zeroizing::default();
        }
        let record = loop {
            let current = self.current.as_mut()?;
            if let Some(record) = current.next.take() {
                break record;
            }
            let next = current.reader.next_record(&mut self.interfaces);
            if let Some(secrets) = current.reader.take_secrets() {
                self.keep_secrets(Some(secrets));
            }
            match next {
                Ok(Some(record)) if record.time < self.until || (record.time == self.until && !record.is_cut()) => {
                    break record;
                }
                Ok(Some(record)) => {
                    if let Some(open) = self.current.take() {
                        self.waiting.insert(turn(&record, open.file), open_with(open, record));
                    }
                    self.take_earliest();
                }
                end => {
                    if let Some(open) = self.current.take() {
                        self.end(&open, end.err());
                    }
                    self.take_earliest();
                }
            }
        };
        let current = self.current.as_ref()?;
        if let Some(report) = self.files.get_mut(current.file) {
            report.packets += 1;
        }
        let order = Order(self.order);
        self.order += 1;
        self.are_given = !self.secrets.is_empty();
        let packet = Packet {
            order,
            time: record.time,
            interface: record.interface,
            link: record.link,
            bytes: current.reader.bytes_of(&record),
            wire_bytes: record.wire_bytes,
        };
        Some((packet, &self.secrets))
    }

    /// The files, in the order in which they were named, and what became of them until now.
    #[must_use]
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Files of directories that are no captures.
    #[must_use]
    pub fn passed_over(&self) -> &PassedOver {
        &self.passed_over
    }

    /// Unpacked bytes read of all files until now, for a progress bar.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let open = self.current.iter().chain(self.waiting.values()).map(|open| open.reader.offset());
        let ended = self.files.iter().map(|file| file.bytes);
        open.chain(ended).sum()
    }

    /// The interfaces of all files; a packet's [`crate::packet::InterfaceId`] is its place here.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.interfaces.all()
    }
}
