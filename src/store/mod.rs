//! The database: one SQLite file that a writer thread fills and anybody may read meanwhile.
//!
//! A [`Store`] is a [`Sink`]: it hands records to the writer over a bounded queue. Offline a full queue makes the reader
//! wait. Live it never waits: what finds no room is counted as lost, by cause, and findings outrank rejections, which
//! outrank the hourly rollup. Nothing is recorded twice, however often the same packets are replayed (see `seen` in
//! `migrations/`).

mod damage;
mod insert;
pub mod page;
pub mod queries;
mod recent;
mod retention;
mod rows;
mod seen;
mod writer;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded};
use prometheus::{Histogram, HistogramOpts};
use rustix::fs::Access;
use rustix::io::Errno;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr};
use tokio::runtime::Runtime;

use crate::counters::Counters;
use crate::packet::Time;
use crate::record::{Checklist, Finding, Sink, Transaction, TransactionId, Verdict};

use recent::Recent;
pub use retention::Retention;
pub use rows::{counters_json, head_json, plain_json_bytes, redact_query};
use seen::Counted;

/// `PRAGMA application_id` of our files: `cors` in ASCII.
const APPLICATION_ID: i64 = 0x636f_7273;

/// Records that wait for the writer.
const QUEUE_RECORDS_MAX: usize = 24_576;
/// Offline the reader may as well wait.
const REPLAY_QUEUE_RECORDS_MAX: usize = 2048;
/// Of these, live, so many may be large: about 3 KB each at worst, 24 MiB.
const LARGE_MAX: usize = 8192;
/// Live, above this many waiting records no more is only counted (the rollup). These are small: about 200 bytes each.
const ROLLUP_ROOM: usize = QUEUE_RECORDS_MAX - LARGE_MAX;
/// Live, above this many large ones only findings are taken in.
const REJECTION_ROOM: usize = LARGE_MAX - 512;
/// Batches of records that wait to be dropped; what finds no room, the writer drops.
const SPENT_BATCHES_MAX: usize = 2;
/// How far the daemon's writer stands back when processors are scarce (`nice(2)`).
const NICE: i32 = 5;
/// How long an operation waits for another process's lock before it is retried from above.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Where SQLite keeps what it needs for a moment (the journal of a large statement, a large sort): the daemon may write
/// nowhere but beside the database (Landlock), and SQLite would look for a place in /var/tmp.
const TEMP_STORE: &str = "memory";

/// A new file's pages. Twice SQLite's own: half as many to take, to balance and to write.
const PAGE_BYTES: u32 = 8192;

/// The schema, oldest step first. A step that was ever released is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "records", include_str!("../../migrations/0001_records.sql")),
    (2, "texts_age", include_str!("../../migrations/0002_texts_age.sql")),
    (3, "checklists", include_str!("../../migrations/0003_checklists.sql")),
    (4, "checklists_age", include_str!("../../migrations/0004_checklists_age.sql")),
    (5, "checklists_whole", include_str!("../../migrations/0005_checklists_whole.sql")),
    (6, "shared", include_str!("../../migrations/0006_shared.sql")),
];

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// The daemon: a full queue loses records rather than time.
    Live,
    /// Captures: a full queue makes the reader wait.
    Replay,
}

impl RunKind {
    /// The word in `runs.kind`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            RunKind::Live => "live",
            RunKind::Replay => "replay",
        }
    }
}

/// Which database, and what `runs` says of this run.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file; made when it is not there.
    pub path: PathBuf,
    /// Name of this tap.
    pub sensor: String,
    /// Live or replay.
    pub kind: RunKind,
    /// Interfaces or files, for a person.
    pub source: String,
    /// What is deleted, live; a replay deletes nothing.
    pub retention: Retention,
}

/// What `runs` keeps of a run's end (live: of its state every few seconds).
#[derive(Debug, Clone, Default)]
pub struct RunTotals {
    /// What the engine counted.
    pub counters: Counters,
    /// Packets that kernel or interface dropped.
    pub packets_lost: u64,
    /// Time of the first packet.
    pub first_packet: Option<Time>,
    /// Time of the last packet.
    pub last_packet: Option<Time>,
}

/// Why a database cannot be used. All of them are the user's to mend: exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Made by a newer corstap.
    #[error(
        "{path}: written by a newer corstap (schema {found}, this one knows {known}); update corstap or take another file"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// Not a corstap database.
    #[error("{path}: is not a corstap database; nothing was changed in it, take another file")]
    NotOurs {
        /// The file.
        path: String,
    },
    /// Its pages contradict each other.
    #[error(
        "{path}: is damaged ({text}); take another file, or save what can be read: sqlite3 {path} .recover | sqlite3 NEW"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        text: String,
    },
    /// It is not there, and is only to be read.
    #[error("{path}: no such database")]
    Missing {
        /// The file.
        path: String,
    },
    /// It, or a folder above it, is somebody else's.
    #[error("{path}: no right to read it; use sudo, or ask as the user who records")]
    NoPermission {
        /// The file.
        path: String,
    },
    /// No file can be made or written there.
    #[error("{path}: {text}")]
    Place {
        /// The file.
        path: String,
        /// What is in the way, and the cure.
        text: String,
    },
    /// SQLite or the system says no.
    #[error("{path}: cannot open the database: {source}")]
    Sqlite {
        /// The file.
        path: String,
        /// What it says.
        source: sqlx::Error,
    },
}

impl OpenError {
    /// Whether it may be otherwise in a moment: the disk is full or fails, another process holds the file.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // SQLITE_BUSY, _LOCKED, _NOMEM, _IOERR, _FULL
            OpenError::Sqlite { source, .. } => {
                primary_code(source).is_none_or(|code| matches!(code, 5 | 6 | 7 | 10 | 13))
            }
            _ => false,
        }
    }
}

/// Why a record could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossCause {
    /// The writer did not keep up.
    QueueFull,
    /// No space on the disk.
    DiskFull,
    /// Another process holds the database.
    Locked,
    /// Anything else that SQLite reports.
    Io,
}

impl LossCause {
    /// Every cause, in order.
    pub const ALL: [LossCause; 4] = [LossCause::QueueFull, LossCause::DiskFull, LossCause::Locked, LossCause::Io];

    /// The label of `corstap_store_records_lost_total`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            LossCause::QueueFull => "queue_full",
            LossCause::DiskFull => "disk_full",
            LossCause::Locked => "locked",
            LossCause::Io => "io",
        }
    }

    /// What SQLite's result code means for us (sqlite.org/rescode.html; the low byte is the primary code).
    fn of(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code).and_then(|c| i32::from_str(&c).ok());
        match code.map(|c| c & 0xff) {
            Some(5 | 6) => LossCause::Locked,
            Some(13) => LossCause::DiskFull,
            _ => LossCause::Io,
        }
    }
}

/// Tables that count what they took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Transactions that the browser refused.
    Rejections,
    /// Findings, each change of one.
    Findings,
    /// What findings rest on.
    FindingEvidence,
    /// Transactions counted into the hourly rollup.
    Traffic,
}

impl Table {
    /// Every table, in order.
    pub const ALL: [Table; 4] = [Table::Rejections, Table::Findings, Table::FindingEvidence, Table::Traffic];

    /// Its name.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Table::Rejections => "rejections",
            Table::Findings => "findings",
            Table::FindingEvidence => "finding_evidence",
            Table::Traffic => "traffic",
        }
    }
}

/// How the store fares; shared with metrics and `/readyz`.
#[derive(Debug)]
pub struct StoreStatus {
    recorded: [AtomicU64; 4],
    lost: [AtomicU64; 4],
    /// 0: well; else 1 + the index of the cause.
    trouble: AtomicU8,
    trouble_text: Mutex<String>,
    stopping: AtomicBool,
    queued: AtomicUsize,
    /// Of these, the large ones, live.
    large: AtomicUsize,
    retention: Mutex<Retention>,
    deleted: [AtomicU64; 2],
    set_aside: AtomicU64,
    /// For tests: a new `max_page_count`, so that SQLite meets a full disk; 0 changes nothing.
    #[cfg(test)]
    pages_max: std::sync::atomic::AtomicU32,
    /// Seconds that commits took.
    pub flush_seconds: Histogram,
}

impl StoreStatus {
    fn new(retention: Retention) -> Self {
        let options = HistogramOpts::new("corstap_store_flush_seconds", "Time that one commit to the database took.")
            .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]);
        StoreStatus {
            recorded: Default::default(),
            lost: Default::default(),
            trouble: AtomicU8::new(0),
            trouble_text: Mutex::new(String::new()),
            stopping: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            large: AtomicUsize::new(0),
            retention: Mutex::new(retention),
            deleted: Default::default(),
            set_aside: AtomicU64::new(0),
            #[cfg(test)]
            pages_max: std::sync::atomic::AtomicU32::new(0),
            flush_seconds: Histogram::with_opts(options).expect("the name and the buckets are constants and valid"),
        }
    }

    /// Rows taken by `table` in this run.
    #[must_use]
    pub fn recorded(&self, table: Table) -> u64 {
        self.recorded.get(table as usize).map_or(0, |n| n.load(Ordering::Relaxed))
    }

    /// Records lost to `cause` in this run.
    #[must_use]
    pub fn lost(&self, cause: LossCause) -> u64 {
        self.lost.get(cause as usize).map_or(0, |n| n.load(Ordering::Relaxed))
    }

    /// Records that wait for the writer.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// What the writer deletes, from now on.
    pub fn retain(&self, retention: Retention) {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    fn retention(&self) -> Retention {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows deleted in this run: for their age, and for the size of the file.
    #[must_use]
    pub fn deleted(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.deleted.get(at).map_or(0, |n| n.load(Ordering::Relaxed)))
    }

    /// Damaged databases that this run has set aside.
    #[must_use]
    pub fn set_aside(&self) -> u64 {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// What keeps the store from writing now, for a person; none when it writes.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble_cause()?;
        Some(self.trouble_text.lock().map(|text| text.clone()).unwrap_or_default())
    }

    fn trouble_cause(&self) -> Option<LossCause> {
        let now = usize::from(self.trouble.load(Ordering::Relaxed));
        LossCause::ALL.get(now.checked_sub(1)?).copied()
    }

    fn count(&self, table: Table, rows: u64) {
        if let Some(n) = self.recorded.get(table as usize) {
            n.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// Counts what found no room, under what keeps the writer from making some.
    fn lose(&self, records: u64) {
        let cause = self.trouble_cause().unwrap_or(LossCause::QueueFull);
        if let Some(n) = self.lost.get(cause as usize) {
            n.fetch_add(records, Ordering::Relaxed);
        }
    }
}

/// Recording failed for good; what was committed before is kept.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {text}; what was recorded before is kept")]
pub struct StoreError {
    path: String,
    text: String,
}

/// What one run left in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// `runs.id` of it.
    pub run_id: i64,
    /// New rejections.
    pub rejections: u64,
    /// Changes of findings.
    pub findings: u64,
    /// Records that could not be kept.
    pub lost: u64,
}

enum Record {
    /// For the rollup alone.
    Counted(Counted),
    /// For the rollup, and to be recorded.
    Refused(Counted, Arc<Transaction>),
    /// A finding cites it.
    Cited(Arc<Transaction>),
    Finding(Box<Finding>),
    Checklist(Box<Checklist>),
    Totals(Box<RunTotals>),
    Finish(Box<RunTotals>),
}

impl Record {
    /// What it adds to the large ones that wait.
    fn weight(&self) -> usize {
        usize::from(!matches!(self, Record::Counted(_) | Record::Totals(_) | Record::Finish(_)))
    }
}

/// An open database with its writer.
pub struct Store {
    queue: Sender<Record>,
    /// What the writer is done with. Whoever made it drops it: memory that one thread takes and another gives back is no
    /// longer at hand when it is taken again.
    spent: Receiver<Vec<Record>>,
    status: Arc<StoreStatus>,
    writer: JoinHandle<Result<(), StoreError>>,
    kind: RunKind,
    /// The digest of its name.
    sensor: u64,
    /// Here rather than with the writer: most transactions are never recorded, and whoever made them had better drop them.
    recent: Recent,
    run_id: i64,
    failed: bool,
}

impl Store {
    /// Opens the file (making or updating it), enters the run and starts the writer.
    ///
    /// # Errors
    /// The file is not ours, is newer than this program, or cannot be written.
    pub fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        let failed = |e| open_error(&options.path.display().to_string(), sqlx::Error::Io(e));
        let status = Arc::new(StoreStatus::new(options.retention));
        let (queue, records) = bounded(match options.kind {
            RunKind::Live => QUEUE_RECORDS_MAX,
            RunKind::Replay => REPLAY_QUEUE_RECORDS_MAX,
        });
        let (to_drop, spent) = bounded(SPENT_BATCHES_MAX);
        let (told, begun) = bounded(1);
        let (of_writer, options) = (Arc::clone(&status), options.clone());
        let (kind, sensor) = (options.kind, rows::sensor_key(&options.sensor));
        let work = move || {
            if kind == RunKind::Live {
                // SQLite's own thread begins in this one and takes after it. A packet that is not taken in time is lost for
                // good; a record waits in the queue. Whoever may not yield has the machine to himself or nobody to yield to.
                let _ = rustix::process::nice(NICE);
            }
            match begin(&options, &of_writer) {
                Ok((runtime, connection, run_id)) => {
                    let writer =
                        writer::Writer::new(&options, run_id, runtime, connection, records, to_drop, of_writer);
                    drop(told.send(Ok(run_id)));
                    writer.run()
                }
                Err(error) => {
                    drop(told.send(Err(error)));
                    Ok(())
                }
            }
        };
        let writer = std::thread::Builder::new().name("store".into()).spawn(work).map_err(failed)?;
        let run_id = begun.recv().map_err(|e| failed(std::io::Error::other(e)))??;
        Ok(Store { queue, spent, status, writer, kind, sensor, recent: Recent::default(), run_id, failed: false })
    }

    /// How it fares.
    #[must_use]
    pub fn status(&self) -> &Arc<StoreStatus> {
        &self.status
    }

    /// Recording has failed for good: a replay may as well stop.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Live: notes how far the run is, so that a killed daemon leaves its counts. Never waits.
    pub fn note_totals(&self, totals: &RunTotals) {
        // Not a loss when it fails: the next note, or the end, tells the same and more.
        if self.queue.len() < ROLLUP_ROOM {
            drop(self.queue.try_send(Record::Totals(Box::new(totals.clone()))));
        }
    }

    /// Writes what waits and the run's totals, and closes the file. Live, gives up after five seconds of trouble.
    ///
    /// # Errors
    /// Something could not be written; what was committed before is kept.
    pub fn finish(self, totals: RunTotals) -> Result<Recorded, StoreError> {
        self.status.stopping.store(true, Ordering::Relaxed);
        // A writer that has failed has closed its end: its own error is told below.
        let wait = Duration::from_secs(if self.kind == RunKind::Live { 2 } else { 60 });
        let told = self.queue.send_timeout(Record::Finish(Box::new(totals)), wait);
        drop(self.queue);
        let outcome = self.writer.join();
        if let Err(unsent) = told {
            tracing::debug!("the writer had ended before the last record: {unsent}");
        }
        let recorded = Recorded {
            run_id: self.run_id,
            rejections: self.status.recorded(Table::Rejections),
            findings: self.status.recorded(Table::Findings),
            lost: LossCause::ALL.iter().map(|c| self.status.lost(*c)).sum(),
        };
        match outcome {
            Ok(Ok(())) => Ok(recorded),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError { path: String::from("database"), text: String::from("the writer panicked") }),
        }
    }

    /// Hands a record on; false: it is lost.
    fn offer(&mut self, record: Record) -> bool {
        drop(self.spent.try_recv());
        if self.kind == RunKind::Replay {
            self.failed |= self.queue.send(record).is_err();
            return !self.failed;
        }
        let (queued, large) = (self.queue.len(), self.status.large.load(Ordering::Relaxed));
        self.status.queued.store(queued, Ordering::Relaxed);
        let has_room = match &record {
            Record::Counted(_) => queued < ROLLUP_ROOM,
            Record::Refused(..) | Record::Checklist(_) => large < REJECTION_ROOM,
            Record::Cited(_) | Record::Finding(_) => large < LARGE_MAX,
            Record::Totals(_) | Record::Finish(_) => true,
        };
        // counted before the writer can take it off again
        let weight = record.weight();
        self.status.large.fetch_add(weight, Ordering::Relaxed);
        let taken = has_room && self.queue.try_send(record).is_ok();
        if !taken {
            self.status.large.fetch_sub(weight, Ordering::Relaxed);
            self.status.lose(1);
        }
        taken
    }

    fn record(&mut self, record: Record, id: TransactionId) {
        if self.offer(record) {
            self.recent.on_recorded(id);
        }
    }
}

impl Sink for Store {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        let counted = Counted::of(self.sensor, t);
        let is_awaited = self.recent.was_awaited(t.id);
        match counted {
            Some(counted) if t.verdict == Verdict::Blocked => {
                self.record(Record::Refused(counted, Arc::clone(t)), t.id);
                return;
            }
            Some(counted) => {
                self.offer(Record::Counted(counted));
            }
            None => {}
        }
        if is_awaited {
            self.record(Record::Cited(Arc::clone(t)), t.id);
        } else {
            self.recent.push(Arc::clone(t));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let mut finding = Box::new(finding.clone());
        // what is gone was cited too late: nobody could look at it
        finding.evidence.retain(|id| self.recent.has(*id));
        self.offer(Record::Finding(finding));
    }

    fn cited(&mut self, id: TransactionId, to_come: bool) {
        if let Some(t) = self.recent.cite(id, to_come) {
            self.record(Record::Cited(t), id);
        }
    }

    fn bystander(&mut self, request: &Arc<Transaction>) {
        self.transaction(request);
    }

    fn checklist(&mut self, checklist: &Checklist) {
        self.offer(Record::Checklist(Box::new(checklist.clone())));
    }
}

/// Opens the file and enters the run.
fn begin(options: &StoreOptions, status: &StoreStatus) -> Result<(Runtime, SqliteConnection, i64), OpenError> {
    let path = options.path.display().to_string();
    let sqlite = |source| open_error(&path, source);
    let runtime = runtime().map_err(|e| sqlite(sqlx::Error::Io(e)))?;
    let begin = async || {
        let is_new = !std::fs::metadata(&options.path).is_ok_and(|file| file.len() > 0);
        let mut connection = connect(&options.path).await?;
        if options.kind == RunKind::Live {
            damage::check_after_crash(&mut connection, &path).await?;
        } else {
            // it writes as much as it can at once, and nobody waits for its log to be small
            let wide = "PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -8192";
            sqlx::raw_sql(wide).execute(&mut connection).await.map_err(sqlite)?;
            // Nobody reads what was not there a moment ago, and a log would be written, read and written again. Pages
            // that are new need no journal, either.
            if is_new {
                sqlx::raw_sql("PRAGMA journal_mode = DELETE").execute(&mut connection).await.map_err(sqlite)?;
            }
        }
        let run_id = insert::begin_run(&mut connection, options).await.map_err(sqlite)?;
        Ok((connection, run_id))
    };
    let begun = match runtime.block_on(begin()) {
        // The daemon must not fall over it, and what can be saved must not be lost.
        Err(OpenError::Damaged { text, .. }) if options.kind == RunKind::Live => {
            let aside = damage::set_aside(&options.path).map_err(|e| sqlite(sqlx::Error::Io(e)))?;
            tracing::error!(
                "{path}: is damaged ({text}); it is now {aside}, and a new one begins. To save what can be read: \
                 sqlite3 {aside} .recover | sqlite3 NEW"
            );
            status.set_aside.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(begin())
        }
        begun => begun,
    };
    let (connection, run_id) = begun?;
    Ok((runtime, connection, run_id))
}

/// Does `work` as one transaction of the database; on failure nothing of it is in.
///
/// In plain statements: sqlx counts transactions itself, and when SQLite has rolled one back on its own (a full disk at the
/// commit) takes it for still open, and begins no other one ever again.
async fn atomically<T>(
    connection: &mut SqliteConnection,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    // At once for writing: a transaction that becomes a writer later is refused without waiting for the lock.
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let done = match work(&mut *connection).await {
        Ok(done) => sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map(|_| done),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // Fails where SQLite has rolled back itself; the first error is the one to tell.
        drop(sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await);
    }
    done
}

/// A runtime for one thread: SQLite's own thread does the work.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

/// The wall clock. Only edges read it.
pub(crate) fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

async fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    let shown = path.display().to_string();
    let sqlite = |source| open_error(&shown, source);
    refuse_places(path)?;
    refuse_strangers(path, &shown).await?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_WAIT)
        .foreign_keys(true)
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", TEMP_STORE)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(sqlite)?;
    migrator(MIGRATIONS).run_direct(None, &mut connection, false).await.map_err(|e| match e {
        MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
            OpenError::Newer { path: shown.clone(), found, known: MIGRATIONS.len().try_into().unwrap_or(i64::MAX) }
        }
        MigrateError::Execute(source) => sqlite(source),
        other => sqlite(sqlx::Error::Migrate(Box::new(other))),
    })?;
    Ok(connection)
}

/// SQLite's result code without what narrows it down (sqlite.org/rescode.html).
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error().and_then(DatabaseError::code).and_then(|c| i32::from_str(&c).ok());
    code.map(|c| c & 0xff)
}

/// What SQLite's result code means for a file that is opened.
fn open_error(shown: &str, source: sqlx::Error) -> OpenError {
    match primary_code(&source) {
        // SQLITE_NOTADB: another kind of file.
        Some(26) => OpenError::NotOurs { path: shown.to_string() },
        // SQLITE_CORRUPT
        Some(11) => OpenError::Damaged { path: shown.to_string(), text: "its pages contradict each other".into() },
        _ => OpenError::Sqlite { path: shown.to_string(), source },
    }
}

/// What keeps a file from being written at `path`, which SQLite would call "unable to open" or "disk I/O error".
///
/// # Errors
/// It is a directory, has none, or may not be written.
pub fn refuse_places(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = folder.display();
    let text = if path.is_dir() {
        "is a directory; name a file in it".to_string()
    } else if !folder.exists() {
        format!("there is no directory {shown}; make it (mkdir -p {shown}) or take another file")
    } else if !folder.is_dir() {
        format!("{shown} is no directory; take another file")
    } else {
        // SQLite keeps its log beside the file.
        let file = if path.exists() { rustix::fs::access(path, Access::WRITE_OK) } else { Ok(()) };
        match rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).and(file) {
            Err(Errno::ACCESS) => format!("no right to write it, or in {shown}; use sudo, or take another file"),
            Err(Errno::ROFS) => format!("{shown} is mounted read-only; take another file"),
            // What else is wrong, SQLite tells.
            Ok(()) | Err(_) => return Ok(()),
        }
    };
    Err(OpenError::Place { path: path.display().to_string(), text })
}

/// Looks at an existing file without changing it: a database of another program must not get our tables.
async fn refuse_strangers(path: &Path, shown: &str) -> Result<(), OpenError> {
    if std::fs::metadata(path).is_ok_and(|m| m.len() > 0) {
        open_to_read(path, shown).await?;
    }
    Ok(())
}

/// Opens an existing database of ours for reading.
async fn open_to_read(path: &Path, shown: &str) -> Result<SqliteConnection, OpenError> {
    // Not by opening it: to close it again would give up the locks that this process holds on it.
    match rustix::fs::access(path, Access::READ_OK) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(OpenError::Missing { path: shown.to_string() }),
        Err(Errno::ACCESS) => return Err(OpenError::NoPermission { path: shown.to_string() }),
        // What else is wrong, SQLite tells.
        Ok(()) | Err(_) => {}
    }
    let sqlite = |source| open_error(shown, source);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .pragma("temp_store", TEMP_STORE)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(sqlite)?;
    let (id,): (i64,) = sqlx::query_as("PRAGMA application_id").fetch_one(&mut connection).await.map_err(sqlite)?;
    let (tables,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sqlite_master").fetch_one(&mut connection).await.map_err(sqlite)?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(OpenError::NotOurs { path: shown.to_string() });
    }
    Ok(connection)
}

fn migrator(steps: &'static [(i64, &str, &str)]) -> Migrator {
    let steps = steps.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator { migrations: steps.collect::<Vec<_>>().into(), ..Migrator::DEFAULT }
}

#[cfg(test)]
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "test numbers are small"
)]
pub(crate) mod tests;
