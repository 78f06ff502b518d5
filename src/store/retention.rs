//! Keeps the database young and small: deletes in slices, so that no reader and no record waits for long.
//!
//! What is older than [`Retention::keep_days`] goes first; while the file is still larger than [`Retention::keep_mib`], the
//! oldest goes, whatever its age. Freed pages are given back to the disk, and the write-ahead log is emptied.

use std::collections::VecDeque;
use std::ops::Range;

use sqlx::sqlite::SqliteConnection;

use super::atomically;
use crate::packet::{SECOND, Time};

/// How long records are kept, and how large the file may grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days; 0 for ever.
    pub keep_days: u32,
    /// MiB of the database without its log; 0 lets it grow.
    pub keep_mib: u32,
}

/// Below it an empty database would already be too large.
const KEEP_MIB_MIN: u32 = 16;
/// Rows of one table that one slice deletes: some 50 ms of work.
const SLICE_ROWS: i64 = 5000;
/// Of what is too much, a slice is smaller: what is young is worth keeping.
const SIZE_SLICE_ROWS: i64 = 1000;
/// Free pages given back at once.
const VACUUM_PAGES: u32 = 4000;
/// Texts are cited by rows that came up to this much later: the writer forgets what it wrote after five minutes. Of those that
/// the running writer wrote [`Floors`] tells more.
const TEXT_LIFE_MINUTES: i64 = 10;
/// Minutes remembered in [`Floors`]: a week.
const FLOORS_MAX: usize = 7 * 24 * 60;
const DAY: i64 = 86_400 * SECOND;

/// Which texts of this run rows cite, by when the rows came: with heads of strangers the writer begins anew every few seconds,
/// and ten minutes of them would be larger than the file may be.
#[derive(Debug, Default)]
pub(super) struct Floors {
    /// Minutes since the Unix epoch; the first text that a row of that time may cite, by number.
    by_minute: VecDeque<(i64, i64)>,
}

impl Floors {
    /// What comes from now on cites no text before `first`.
    pub(super) fn note(&mut self, now: Time, first: i64) {
        let minute = now.0.div_euclid(60 * SECOND);
        if self.by_minute.back().is_some_and(|(last, _)| *last >= minute) {
            return;
        }
        if self.by_minute.len() >= FLOORS_MAX {
            self.by_minute.pop_front();
        }
        self.by_minute.push_back((minute, first));
    }

    /// The texts of this run that no row of this minute or later cites.
    fn uncited(&self, minute: i64) -> Range<i64> {
        let next = self.by_minute.partition_point(|(at, _)| *at <= minute);
        let floor = next.checked_sub(1).and_then(|at| self.by_minute.get(at));
        floor.map_or(0..0, |(_, first)| first >> 32 << 32..*first)
    }
}

/// What one slice did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slice {
    /// Rows deleted for their age.
    pub(super) by_age: u64,
    /// Rows deleted for the file's size.
    pub(super) by_size: u64,
    /// There is more to delete, now.
    pub(super) more: bool,
}

/// Deletes one slice of what is too old or too much.
pub(super) async fn slice(
    connection: &mut SqliteConnection,
    keep: Retention,
    now: Time,
    floors: &Floors,
) -> Result<Slice, sqlx::Error> {
    let mut done = Slice::default();
    if keep.keep_days > 0 {
        let cutoff = now.plus(-i64::from(keep.keep_days) * DAY);
        done.by_age = delete_before(connection, cutoff, floors).await?;
        done.more = done.by_age > 0;
    }
    if keep.keep_mib > 0 && !done.more {
        let bytes_max = i64::from(keep.keep_mib.max(KEEP_MIB_MIN)) << 20;
        // Some comes yet before the next look.
        if used_bytes(connection).await? > bytes_max - bytes_max / 16
            && let Some(cutoff) = end_of_oldest(connection).await?
        {
            done.by_size = delete_before(connection, cutoff, floors).await?;
            done.more = done.by_size > 0;
        }
    }
    if done.more || free_pages(connection).await? > i64::from(VACUUM_PAGES) {
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"));
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
        // A reader may keep the log from being emptied; the next slice tries again.
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    }
    Ok(done)
}

/// Deletes at most [`SLICE_ROWS`] of each table that are older. The number of rows.
async fn delete_before(connection: &mut SqliteConnection, cutoff: Time, floors: &Floors) -> Result<u64, sqlx::Error> {
    let (time, minute) = (cutoff.to_string(), cutoff.0.div_euclid(60 * SECOND));
    let hour = cutoff.0.div_euclid(3600 * SECOND);
    atomically(connection, async |connection| {
        let mut deleted = 0;
        for (sql, bound) in [
            (
                "DELETE FROM kept_transactions WHERE rowid IN \
             (SELECT rowid FROM kept_transactions WHERE time < ? ORDER BY time LIMIT ?)",
                time.as_str(),
            ),
            ("DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE last_seen < ? LIMIT ?)", time.as_str()),
        ] {
            deleted += sqlx::query(sql).bind(bound).bind(SLICE_ROWS).execute(&mut *connection).await?.rows_affected();
        }
        for (sql, bound) in [
            (
                "DELETE FROM endpoint_hours WHERE (hour, endpoint) IN \
             (SELECT hour, endpoint FROM endpoint_hours WHERE hour < ? LIMIT ?)",
                hour,
            ),
            (
                "DELETE FROM seen WHERE rowid IN (SELECT rowid FROM seen WHERE minute < ? ORDER BY minute LIMIT ?)",
                minute,
            ),
            (
                "DELETE FROM told_checklists WHERE rowid IN (SELECT rowid FROM told_checklists WHERE minute < ? LIMIT ?)",
                minute,
            ),
        ] {
            deleted += sqlx::query(sql).bind(bound).bind(SLICE_ROWS).execute(&mut *connection).await?.rows_affected();
        }
        // Numbers grow with time: when the first one may stay, all may.
        let uncited = floors.uncited(minute);
        for table in ["texts", "kinds", "peers"] {
            let sql = format!(
                "DELETE FROM {table} WHERE id IN (SELECT id FROM (SELECT id, minute FROM {table} ORDER BY id LIMIT ?2) \
             WHERE minute < ?1 OR id >= ?3 AND id < ?4) \
             AND (SELECT minute < ?1 OR id >= ?3 AND id < ?4 FROM {table} ORDER BY id LIMIT 1)"
            );
            deleted += sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(minute - TEXT_LIFE_MINUTES)
                .bind(SLICE_ROWS)
                .bind(uncited.start)
                .bind(uncited.end)
                .execute(&mut *connection)
                .await?
                .rows_affected();
        }
        if deleted > 0 {
            sqlx::query("DELETE FROM hours WHERE id < (SELECT coalesce(min(hour), ?) FROM endpoint_hours)")
                .bind(hour)
                .execute(&mut *connection)
                .await?;
        }
        Ok(deleted)
    })
    .await
}

/// Where a slice of the oldest records ends; none when there are none.
async fn end_of_oldest(connection: &mut SqliteConnection) -> Result<Option<Time>, sqlx::Error> {
    let (transaction, hour, minute): (Option<String>, Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT max(time) FROM (SELECT time FROM kept_transactions ORDER BY time LIMIT ?1)), \
         (SELECT min(hour) FROM endpoint_hours), (SELECT max(minute) FROM (SELECT minute FROM seen ORDER BY minute LIMIT ?1))",
    )
    .bind(SIZE_SLICE_ROWS)
    .fetch_one(connection)
    .await?;
    let parse = |text: Option<String>| -> Option<Time> {
        let time: jiff::Timestamp = text?.parse().ok()?;
        Some(Time(i64::try_from(time.as_nanosecond()).ok()?))
    };
    let after_hour = hour.map(|h| Time((h + 1) * 3600 * SECOND));
    let after_minute = minute.map(|m| Time((m + 1) * 60 * SECOND));
    // One past the last: it goes too.
    let after_transaction = parse(transaction).map(|t| t.plus(1000));
    Ok([after_transaction, after_hour, after_minute].into_iter().flatten().min())
}

async fn used_bytes(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (pages, page_bytes): (i64, i64) =
        sqlx::query_as("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
            .fetch_one(&mut *connection)
            .await?;
    Ok((pages - free_pages(connection).await?) * page_bytes)
}

async fn free_pages(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (pages,): (i64,) =
        sqlx::query_as("SELECT freelist_count FROM pragma_freelist_count").fetch_one(connection).await?;
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Folder, mixed, record, transaction};
    use super::super::{connect, runtime};
    use super::*;
    use crate::record::Verdict;

    const ROWS: &str = "SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM traffic), \
                        (SELECT count(*) FROM seen), (SELECT count(*) FROM texts), (SELECT count(*) FROM kinds), \
                        (SELECT count(*) FROM peers), (SELECT count(*) FROM hours WHERE hour < '2026-12')";

    /// Slices until there is no more to delete: rows by age and by size, slices, and the file's pages at the end.
    fn keep(folder: &Folder, keep: Retention, now: Time) -> (u64, u64, u32, i64) {
        keep_with(folder, keep, now, &Floors::default())
    }

    fn keep_with(folder: &Folder, keep: Retention, now: Time, floors: &Floors) -> (u64, u64, u32, i64) {
        runtime().unwrap().block_on(async {
            let mut connection = connect(&folder.db()).await.unwrap();
            let (mut age, mut size, mut slices) = (0, 0, 0);
            loop {
                let done = slice(&mut connection, keep, now, floors).await.unwrap();
                (age, size, slices) = (age + done.by_age, size + done.by_size, slices + 1);
                if !done.more {
                    break;
                }
            }
            let used = used_bytes(&mut connection).await.unwrap();
            (age, size, slices, used)
        })
    }

    fn write(folder: &Folder, sql: String) {
        runtime().unwrap().block_on(async {
            let mut connection = connect(&folder.db()).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    }

    fn days(keep_days: u32) -> Retention {
        Retention { keep_days, keep_mib: 0 }
    }

    #[test]
    fn what_is_older_than_the_days_kept_goes_in_slices() {
        let folder = Folder::new();
        let all: Vec<_> = (0..12_000).map(|n| transaction(n, Verdict::Blocked)).collect();
        record(&folder, &all, &[]);
        let last = all[11_999].time;
        // A day later to the microsecond the last one is not older than a day.
        let (age, ..) = keep(&folder, days(0), last.plus(400 * DAY));
        assert_eq!(age, 0);
        let (_, _, slices, _) = keep(&folder, days(1), last.plus(DAY));
        assert_eq!(folder.ask("SELECT count(*) FROM transactions"), "1");
        assert!((3..=4).contains(&slices), "{slices}");
        // Years later nothing is left, not even what rows shared.
        keep(&folder, days(1), last.plus(4000 * DAY));
        assert_eq!(folder.ask(ROWS), "0|0|0|0|0|0|0");
        assert_eq!(folder.ask("PRAGMA integrity_check"), "ok");
    }

    #[test]
    fn the_running_writers_texts_go_with_the_rows_that_cite_them() {
        let folder = Folder::new();
        let text = |id: i64, minute: i64| format!("INSERT INTO texts VALUES ({}, 't', {minute});", (7 << 32) + id);
        record(&folder, &[], &[]);
        write(&folder, (1..=9).map(|n| text(n, 100 + n)).collect());
        let mut floors = Floors::default();
        // until minute 104 rows cited texts from the first on, then from the fifth, from minute 108 from the eighth
        for (minute, first) in [(100, 1), (104, 5), (105, 5), (108, 8)] {
            floors.note(Time(minute * 60 * SECOND), (7 << 32) + first);
        }
        let left = |minute: i64| {
            let now = Time(minute * 60 * SECOND).plus(DAY);
            keep_with(&folder, days(1), now, &floors);
            folder.ask("SELECT group_concat(id & 0xffffffff, '') FROM texts")
        };
        assert_eq!(left(99), "123456789");
        assert_eq!(left(103), "123456789");
        assert_eq!(left(104), "56789");
        assert_eq!(left(107), "56789");
        assert_eq!(left(110), "89");
        // Another run's texts, or one before this start, go by their age alone.
        write(&folder, "INSERT INTO texts VALUES (1, 't', 115)".to_owned());
        assert_eq!(left(120), "189");
        assert_eq!(left(126), "null");
    }

    #[test]
    fn a_checklist_that_is_told_no_more_goes() {
        let folder = Folder::new();
        record(&folder, &[], &[]);
        let row = |target: &str, minute: i64| {
            format!(
                "INSERT INTO told_checklists (target_origin, items, run_id, minute) \
                 VALUES ('{target}', '[{{\"list\":\"developer\"}}]', 1, {minute});"
            )
        };
        write(&folder, row("https://old.test", 99) + &row("https://new.test", 100));
        keep(&folder, days(1), Time(100 * 60 * SECOND).plus(DAY));
        assert_eq!(folder.ask("SELECT target_origin FROM checklists"), "https://new.test");
    }

    #[test]
    fn a_finding_that_goes_on_stays() {
        let folder = Folder::new();
        let finding = super::super::tests::finding(0, 10, 5, &[]);
        record(&folder, &[], std::slice::from_ref(&finding));
        keep(&folder, days(1), finding.last_seen.plus(DAY));
        assert_eq!(folder.ask("SELECT count(*) FROM findings"), "1");
        keep(&folder, days(1), finding.last_seen.plus(DAY + 1000));
        assert_eq!(folder.ask("SELECT count(*) FROM findings"), "0");
    }

    #[test]
    fn above_its_size_the_oldest_goes() {
        let folder = Folder::new();
        let all: Vec<_> = (0..12_000)
            .map(|n| {
                let mut t = transaction(n, Verdict::Blocked);
                t.detail = "d".repeat(1000);
                t
            })
            .collect();
        record(&folder, &all, &[]);
        let small = Retention { keep_days: 0, keep_mib: 1 };
        let (_, deleted, _, used) = keep(&folder, small, all[0].time);
        assert!(deleted > 0 && used <= i64::from(KEEP_MIB_MIN) << 20, "{deleted} rows, {used} bytes");
        let left = folder.ask("SELECT max(time) = '2026-11-23T08:00:11.999000Z', count(*) > 3000 FROM transactions");
        assert_eq!(left, "1|1");
        // The disk has its space back.
        assert!(std::fs::metadata(folder.db()).unwrap().len() < 20 << 20);
        assert_eq!(folder.ask("PRAGMA integrity_check"), "ok");
        // Recording goes on.
        assert_eq!(record(&folder, &mixed(30_000..30_100), &[]).rejections, 25);
    }
}
