//! The thread that owns the connection: batches in, one transaction each, and again until it is in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use foldhash::fast::RandomState;
use sqlx::sqlite::SqliteConnection;
use tokio::runtime::Runtime;

use super::insert::{self, FindingRow};
use super::retention::{self, Floors};
use super::rows::{self, Shared, TransactionRow};
use super::seen::{Counted, Seen};
use super::{
    LARGE_MAX, LossCause, Record, RunKind, RunTotals, StoreError, StoreOptions, StoreStatus, Table, atomically,
    wall_clock,
};
use crate::findings::{hash_shape, shape_of};
use crate::packet::SECOND;
use crate::record::{Checklist, Finding, FindingId, TransactionId, Verdict};

/// Records are taken in so many at a time.
const BATCH_RECORDS: usize = 512;
/// A transaction holds up to this many rows of one table, so that what changes again and again (findings, the rollup) is
/// written once, and a page that many rows share, too.
pub(super) const COMMIT_ROWS: usize = 4096;
/// Live, what was taken in waits no longer, so that a reader sees a rejection soon.
const COMMIT_WAIT: Duration = Duration::from_millis(200);
/// Offline, what was taken in waits no longer, and not while nothing comes.
const REPLAY_WAIT: Duration = Duration::from_secs(5);
const REPLAY_IDLE: Duration = Duration::from_millis(200);
/// While a batch waits for company, the queue is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// A batch waits no longer for company.
const BATCH_WAIT: Duration = Duration::from_millis(200);
/// The rollup is written this often, live: each write costs as many rows as there are endpoints in use.
const ROLLUP_WAIT: Duration = Duration::from_secs(1);
/// Counted requests that wait with the rollup, at most, and rows of it; offline more.
const ROLLUP_KEYS_MAX: usize = 32_768;
const ROLLUP_ROWS_MAX: usize = 16_384;
const REPLAY_KEYS_MAX: usize = 131_072;
/// Rows of `traffic` in one hour; what is beyond is summed up as `other`, so that strangers cannot fill the disk.
const HOUR_ROWS_MAX: usize = 20_000;
/// Old records are looked for this often, and while there are some, this soon again. A flood of strangers writes a megabyte a second.
const RETAIN_WAIT: Duration = Duration::from_secs(5);
const RETAIN_AGAIN: Duration = Duration::from_millis(200);
/// What rows share is written anew this often, so that old ones end with the rows that cite them.
const SHARED_LIFE: Duration = Duration::from_mins(5);
/// What rows share whose number is remembered; one that is forgotten is written again when it comes again.
const SHARED_MAX: usize = 8192;
/// Offline nothing is deleted meanwhile.
const REPLAY_SHARED_MAX: usize = 65_536;
/// Rows of `finding_evidence` of one finding, over all runs.
pub(super) const EVIDENCE_ROWS_MAX: usize = 64;
/// Findings of which it is remembered what evidence they have.
const TOLD_MAX: usize = 4096;
/// A replay waits this long for another process's lock.
const REPLAY_PATIENCE: Duration = Duration::from_secs(30);
/// A stopping daemon tries this long to write the rest.
const STOPPING_PATIENCE: Duration = Duration::from_secs(4);

pub(super) struct Writer {
    path: String,
    kind: RunKind,
    run_id: i64,
    runtime: Runtime,
    connection: SqliteConnection,
    records: Receiver<Record>,
    /// Where records go back to.
    spent: Sender<Vec<Record>>,
    status: Arc<StoreStatus>,
    pending: Pending,
    seen: Seen,
    hour: HourRows,
    /// When the rollup is written, live; when all that was taken in is, offline.
    rollup_due: Instant,
    retain_due: Instant,
    shared_due: Instant,
    shared: Shared,
    floors: Floors,
    told: HashMap<FindingId, Vec<TransactionId>, RandomState>,
}

/// What the next commit writes. Kept until it is in.
#[derive(Default)]
struct Pending {
    transactions: Vec<TransactionRow>,
    /// Of several changes the last one tells all.
    findings: BTreeMap<FindingId, Finding>,
    checklists: BTreeMap<Arc<str>, Checklist>,
    /// By the digest of what the endpoint is made of.
    rollup: HashMap<u64, Endpoint, RandomState>,
    rolled: u64,
    keys: Keys,
    totals: Option<Box<RunTotals>>,
    /// Taken in since the last commit.
    records: u64,
    /// When that began.
    since: Option<Instant>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.transactions.is_empty()
            && self.findings.is_empty()
            && self.checklists.is_empty()
            && self.totals.is_none()
            && self.keys.count == 0
    }

    fn rows(&self) -> usize {
        self.transactions.len().max(self.findings.len()).max(self.checklists.len())
    }
}

/// Keys of counted requests by the minute of their first byte, as `seen` has them.
#[derive(Default)]
pub(super) struct Keys {
    pub by_minute: BTreeMap<i64, Vec<u8>>,
    count: usize,
}

impl Keys {
    pub(super) fn push(&mut self, minute: i64, key: u64) {
        self.by_minute.entry(minute).or_default().extend(key.to_le_bytes());
        self.count += 1;
    }

    fn clear(&mut self) {
        self.by_minute.clear();
        self.count = 0;
    }
}

pub(super) struct Endpoint {
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// Origin, target, method and path shape, as a JSON array.
    pub names: Arc<str>,
    pub counts: Counts,
}

#[derive(Default, Clone, Copy)]
pub(super) struct Counts {
    pub allowed: i64,
    pub blocked: i64,
    pub undecided: i64,
    pub preflights: i64,
}

impl Writer {
    pub(super) fn new(
        options: &StoreOptions,
        run_id: i64,
        runtime: Runtime,
        connection: SqliteConnection,
        records: Receiver<Record>,
        spent: Sender<Vec<Record>>,
        status: Arc<StoreStatus>,
    ) -> Self {
        Writer {
            path: options.path.display().to_string(),
            kind: options.kind,
            run_id,
            runtime,
            connection,
            records,
            spent,
            status,
            pending: Pending::default(),
            seen: Seen::default(),
            hour: HourRows::default(),
            rollup_due: Instant::now() + if options.kind == RunKind::Live { ROLLUP_WAIT } else { REPLAY_WAIT },
            retain_due: Instant::now() + RETAIN_AGAIN,
            shared_due: Instant::now() + SHARED_LIFE,
            shared: Shared::of_run(run_id, if options.kind == RunKind::Live { SHARED_MAX } else { REPLAY_SHARED_MAX }),
            floors: Floors::default(),
            told: HashMap::default(),
        }
    }

    /// Writes until the run is finished or can no more be recorded.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(BATCH_RECORDS);
        loop {
            let last = self.gather(&mut batch);
            if Instant::now() >= self.shared_due {
                self.shared_due = Instant::now() + SHARED_LIFE;
                self.shared.forget();
            }
            self.floors.note(wall_clock(), self.shared.first());
            self.status.queued.store(self.records.len(), Ordering::Relaxed);
            let mut outcome = self.persist(&mut batch, last);
            if last && outcome.is_ok() {
                outcome = self.close();
            }
            if let Err(error) = outcome {
                return Err(self.give_up(&error));
            }
            if last {
                return Ok(());
            }
            if self.kind == RunKind::Live {
                self.keep_young();
            }
        }
    }

    /// Deletes a slice of what is too old or too much, when that is due.
    fn keep_young(&mut self) {
        if Instant::now() < self.retain_due {
            return;
        }
        let keep = self.status.retention();
        let slice = self.runtime.block_on(retention::slice(&mut self.connection, keep, wall_clock(), &self.floors));
        let done = slice.unwrap_or_else(|error| {
            // Not a loss; the same trouble keeps records from being written, and is told there.
            tracing::debug!("{}: old records stay for now: {error}", self.path);
            retention::Slice::default()
        });
        for (counter, rows) in self.status.deleted.iter().zip([done.by_age, done.by_size]) {
            counter.fetch_add(rows, Ordering::Relaxed);
        }
        self.retain_due = Instant::now() + if done.more { RETAIN_AGAIN } else { RETAIN_WAIT };
    }

    /// Fills the batch. True: the run ends with it.
    fn gather(&mut self, batch: &mut Vec<Record>) -> bool {
        let mut until = match self.kind {
            RunKind::Live => {
                let rollup = (self.pending.keys.count > 0).then_some(self.rollup_due);
                let rows = self.pending.since.map(|since| since + COMMIT_WAIT);
                [rollup, rows].into_iter().flatten().chain([self.retain_due]).min()
            }
            RunKind::Replay => (!self.pending.is_empty()).then(|| Instant::now() + REPLAY_IDLE),
        };
        while batch.len() < BATCH_RECORDS {
            let wait = until.map(|t| t.saturating_duration_since(Instant::now()));
            let next = match (self.records.try_recv(), wait) {
                (Ok(record), _) => Ok(record),
                (Err(TryRecvError::Disconnected), _) => Err(RecvTimeoutError::Disconnected),
                // A thread that waits on the queue is woken for every record: half of what recording cost.
                (Err(TryRecvError::Empty), Some(wait)) if !batch.is_empty() && !wait.is_zero() => {
                    std::thread::sleep(wait.min(LOOK_AGAIN));
                    continue;
                }
                (Err(TryRecvError::Empty), Some(wait)) => self.records.recv_timeout(wait),
                (Err(TryRecvError::Empty), None) => self.records.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(Record::Finish(totals)) => {
                    self.pending.totals = Some(totals);
                    return true;
                }
                Ok(record) => {
                    if self.kind == RunKind::Live {
                        self.status.large.fetch_sub(record.weight(), Ordering::Relaxed);
                    }
                    if batch.is_empty() {
                        let soon = Instant::now() + BATCH_WAIT;
                        until = Some(until.map_or(soon, |t| t.min(soon)));
                    }
                    batch.push(record);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
        false
    }

    /// Takes the batch in and commits, again and again while there is hope.
    fn persist(&mut self, batch: &mut Vec<Record>, last: bool) -> Result<(), sqlx::Error> {
        let records = batch.len() as u64;
        self.retry(records, |w| w.runtime.block_on(w.seen.load(&mut w.connection, batch)))?;
        for record in &*batch {
            self.take_in(record);
        }
        // Whoever does not take them back leaves them to this thread.
        drop(self.spent.try_send(std::mem::replace(batch, Vec::with_capacity(BATCH_RECORDS))));
        self.pending.records += records;
        if records > 0 {
            self.pending.since.get_or_insert_with(Instant::now);
        }
        let due = last || Instant::now() >= self.rollup_due || self.seen.is_full();
        let (keys, endpoints) = (self.pending.keys.count, self.pending.rollup.len());
        let (commit, rollup) = match self.kind {
            RunKind::Live => {
                let rollup = due || keys >= ROLLUP_KEYS_MAX;
                let waited = self.pending.since.is_some_and(|since| since.elapsed() >= COMMIT_WAIT);
                (rollup || waited || self.pending.rows() >= COMMIT_ROWS, rollup)
            }
            // nobody reads along: what changes again is written once
            RunKind::Replay => {
                let rollup = due || keys >= REPLAY_KEYS_MAX || endpoints >= ROLLUP_ROWS_MAX;
                (rollup || records == 0 || self.pending.rows() >= COMMIT_ROWS, rollup || records == 0)
            }
        };
        if commit {
            self.retry(self.pending.records, |w| w.commit(rollup))?;
        }
        if rollup {
            let wait = if self.kind == RunKind::Live { ROLLUP_WAIT } else { REPLAY_WAIT };
            self.rollup_due = Instant::now() + wait;
            self.seen.forget_old();
        }
        Ok(())
    }

    /// Tries until it works. Gives up when a replay's disk is full or its patience with a lock ends, and when a daemon
    /// stops.
    fn retry(
        &mut self,
        records: u64,
        mut attempt: impl FnMut(&mut Self) -> Result<(), sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        let begun = Instant::now();
        let mut stopping_since = None;
        let mut pause = Duration::from_millis(50);
        loop {
            let Err(error) = attempt(self) else {
                self.recovered();
                return Ok(());
            };
            let cause = LossCause::of(&error);
            self.in_trouble(cause, &error);
            let hopeless = match self.kind {
                RunKind::Replay => cause != LossCause::Locked || begun.elapsed() > REPLAY_PATIENCE,
                RunKind::Live => {
                    self.status.stopping.load(Ordering::Relaxed)
                        && stopping_since.get_or_insert_with(Instant::now).elapsed() > STOPPING_PATIENCE
                }
            };
            if hopeless {
                self.status.lose(records);
                return Err(error);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn in_trouble(&self, cause: LossCause, error: &sqlx::Error) {
        let what = match cause {
            LossCause::DiskFull => "disk full".to_string(),
            LossCause::Locked => "locked by another process".to_string(),
            LossCause::Io | LossCause::QueueFull => error.to_string(),
        };
        let text = format!("{}: {what}", self.path);
        if self.status.trouble_cause() != Some(cause) && self.kind == RunKind::Live {
            tracing::warn!("{text}; up to {LARGE_MAX} records wait, what is beyond is lost");
        }
        if let Ok(mut told) = self.status.trouble_text.lock() {
            *told = text;
        }
        self.status.trouble.store(cause as u8 + 1, Ordering::Relaxed);
    }

    fn recovered(&self) {
        if self.status.trouble.swap(0, Ordering::Relaxed) != 0 && self.kind == RunKind::Live {
            let lost: u64 = LossCause::ALL.iter().map(|c| self.status.lost(*c)).sum();
            tracing::warn!("{}: writes again; {lost} records were lost in this run", self.path);
        }
    }

    /// Counts what will never be written.
    fn give_up(&self, error: &sqlx::Error) -> StoreError {
        let waiting = self.records.try_iter().filter(|r| !matches!(r, Record::Totals(_) | Record::Finish(_)));
        self.status.lose(waiting.count() as u64);
        let text = self.status.trouble().unwrap_or_else(|| format!("{}: {error}", self.path));
        let text = text.strip_prefix(&format!("{}: ", self.path)).unwrap_or(&text).to_string();
        StoreError { path: self.path.clone(), text }
    }

    /// Turns one record into pending rows. Reads no disk.
    fn take_in(&mut self, record: &Record) {
        match record {
            Record::Counted(counted) => {
                self.count(counted);
            }
            Record::Refused(counted, t) => {
                if !self.count(counted) {
                    self.pending.transactions.push(TransactionRow::of(t, &mut self.shared));
                }
            }
            Record::Cited(t) => self.pending.transactions.push(TransactionRow::of(t, &mut self.shared)),
            Record::Finding(finding) => self.take_finding(Finding::clone(finding)),
            Record::Checklist(checklist) => {
                let target = rows::capped(&checklist.target_origin, rows::NAME_BYTES_MAX);
                self.pending.checklists.insert(target, Checklist::clone(checklist));
            }
            Record::Totals(totals) | Record::Finish(totals) => self.pending.totals = Some(totals.clone()),
        }
    }

    fn take_finding(&mut self, mut finding: Finding) {
        if let Some(before) = self.pending.findings.get_mut(&finding.id) {
            let mut evidence = std::mem::take(&mut before.evidence);
            let new = finding.evidence.iter().filter(|id| !evidence.contains(*id)).copied().collect::<Vec<_>>();
            evidence.extend(new);
            evidence.truncate(EVIDENCE_ROWS_MAX);
            finding.evidence = evidence;
        }
        self.pending.findings.insert(finding.id, finding);
    }

    /// Whether it was recorded as refused before.
    fn count(&mut self, counted: &Counted) -> bool {
        let (before, refused) = self.seen.enter(counted, &mut self.pending.keys);
        if !before {
            self.roll_up(counted);
        }
        refused
    }

    fn roll_up(&mut self, t: &Counted) {
        let hour = t.time.0.div_euclid(3600 * SECOND);
        let origin = t.origin.as_ref().unwrap_or(&EMPTY);
        let mut digest = self.hour.digest(hour, [origin, &t.target_origin, &t.method], &t.path);
        let has_room = self.pending.rollup.contains_key(&digest) || self.hour.has_room(hour, digest);
        if !has_room {
            digest = self.hour.digest(hour, [OTHER; 3], OTHER);
        }
        let endpoint = self.pending.rollup.entry(digest).or_insert_with(|| {
            let name = |name: &Arc<str>| rows::capped(name, rows::NAME_BYTES_MAX);
            let names = if has_room {
                rows::endpoint_json(&name(origin), &name(&t.target_origin), &name(&t.method), &shape_of(&t.path))
            } else {
                rows::endpoint_json(OTHER, OTHER, OTHER, OTHER)
            };
            Endpoint { hour, names, counts: Counts::default() }
        });
        let counts = &mut endpoint.counts;
        match t.verdict {
            Verdict::Allowed => counts.allowed += 1,
            Verdict::Blocked => counts.blocked += 1,
            Verdict::Undecided => counts.undecided += 1,
            Verdict::NotCors => {}
        }
        counts.preflights += i64::from(t.has_preflight());
        self.pending.rolled += 1;
    }

    /// Writes what is pending as one database transaction; on failure nothing of it is in, and all of it is kept.
    fn commit(&mut self, rollup: bool) -> Result<(), sqlx::Error> {
        #[cfg(test)]
        self.limit_pages();
        let pending = &self.pending;
        if pending.rows() == 0 && pending.totals.is_none() && (!rollup || pending.keys.count == 0) {
            self.pending.since = None;
            return Ok(());
        }
        let begun = Instant::now();
        let findings: Vec<FindingRow> = pending.findings.values().map(|f| FindingRow::of(f, &self.told)).collect();
        let (connection, run_id, new) = (&mut self.connection, self.run_id, &self.shared.new);
        let rejections = self.runtime.block_on(atomically(connection, async |connection| {
            insert::shared(connection, new).await?;
            let rejections = insert::transactions(connection, &pending.transactions).await?;
            insert::findings(connection, &findings, run_id).await?;
            insert::checklists(connection, &pending.checklists, run_id).await?;
            if rollup {
                insert::rollup(connection, &pending.rollup).await?;
                insert::keys(connection, &pending.keys).await?;
            }
            if let Some(totals) = &pending.totals {
                insert::update_run(connection, run_id, totals).await?;
            }
            Ok(rejections)
        }))?;
        self.status.flush_seconds.observe(begun.elapsed().as_secs_f64());
        self.status.count(Table::Rejections, rejections);
        self.status.count(Table::Findings, findings.len() as u64);
        for row in findings {
            self.status.count(Table::FindingEvidence, row.new.len() as u64);
            if self.told.len() >= TOLD_MAX {
                self.told.clear();
            }
            let told = self.told.entry(row.finding.id).or_default();
            told.extend(row.new);
            told.truncate(EVIDENCE_ROWS_MAX);
        }
        let pending = &mut self.pending;
        self.shared.new.clear();
        pending.transactions.clear();
        pending.findings.clear();
        pending.checklists.clear();
        pending.totals = None;
        pending.records = 0;
        pending.since = None;
        if rollup {
            self.status.count(Table::Traffic, pending.rolled);
            pending.rolled = 0;
            pending.rollup.clear();
            pending.keys.clear();
        }
        Ok(())
    }

    #[cfg(test)]
    fn limit_pages(&mut self) {
        let pages = self.status.pages_max.swap(0, Ordering::Relaxed);
        if pages > 0 {
            let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            self.runtime.block_on(sqlx::raw_sql(sql).execute(&mut self.connection)).expect("a pragma does not fail");
        }
    }

    /// Ends the run and the connection; what is in the write-ahead log goes into the file.
    fn close(&mut self) -> Result<(), sqlx::Error> {
        self.retry(0, |w| {
            let ended = sqlx::query("UPDATE runs SET ended = ? WHERE id = ?")
                .bind(wall_clock().to_string())
                .bind(w.run_id)
                .execute(&mut w.connection);
            w.runtime.block_on(ended).map(|_| ())
        })?;
        // A reader may keep the log from being emptied, or a new file from having one before it is opened again; that
        // costs disk, not rows.
        let settle = "PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)";
        let emptied = self.runtime.block_on(sqlx::raw_sql(settle).execute(&mut self.connection));
        if let Err(error) = emptied {
            tracing::debug!("{}: the write-ahead log stays: {error}", self.path);
        }
        Ok(())
    }
}

/// What `traffic` calls all that is beyond its rows.
const OTHER: &str = "other";

static EMPTY: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// The endpoints of the latest hour, to cap its rows.
#[derive(Default)]
struct HourRows {
    hour: i64,
    known: HashSet<u64, RandomState>,
}

impl HourRows {
    /// Of what a row is made of: origin, target and method, and the path's shape.
    fn digest(&self, hour: i64, names: [&str; 3], path: &str) -> u64 {
        let mut hasher = self.known.hasher().build_hasher();
        (hour, names).hash(&mut hasher);
        hash_shape(path, &mut hasher);
        hasher.finish()
    }

    fn has_room(&mut self, hour: i64, digest: u64) -> bool {
        if hour > self.hour {
            self.hour = hour;
            self.known.clear();
        }
        self.known.contains(&digest) || (self.known.len() < HOUR_ROWS_MAX && self.known.insert(digest))
    }
}
