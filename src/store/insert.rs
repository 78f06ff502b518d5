//! Rows into their tables, many with each statement. Whoever calls holds the transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;
use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

use super::rows::{self, New, TransactionRow};
use super::writer::{EVIDENCE_ROWS_MAX, Endpoint, Keys};
use super::{RunTotals, StoreOptions, wall_clock};
use crate::catalog::{Cause, Reason};
use crate::packet::SECOND;
use crate::record::{Checklist, Effect, Finding, FindingId, Phase, TransactionId};

/// Enters the run; its id.
pub(super) async fn begin_run(connection: &mut SqliteConnection, options: &StoreOptions) -> Result<i64, sqlx::Error> {
    let done = sqlx::query("INSERT INTO runs (sensor, started, kind, source, version) VALUES (?, ?, ?, ?, ?)")
        .bind(options.sensor.as_str())
        .bind(wall_clock().to_string())
        .bind(options.kind.id())
        .bind(options.source.as_str())
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(connection)
        .await?;
    Ok(done.last_insert_rowid())
}

pub(super) async fn update_run(
    connection: &mut SqliteConnection,
    run_id: i64,
    totals: &RunTotals,
) -> Result<(), sqlx::Error> {
    let c = &totals.counters;
    sqlx::query(
        "UPDATE runs SET packets = ?, packets_lost = ?, messages = ?, gaps = ?, \
         first_packet = ?, last_packet = ?, counters = ? WHERE id = ?",
    )
    .bind(integer(c.packets))
    .bind(integer(totals.packets_lost))
    .bind(integer(c.requests + c.responses))
    .bind(integer(c.gaps.total()))
    .bind(totals.first_packet.map(|t| t.to_string()))
    .bind(totals.last_packet.map(|t| t.to_string()))
    .bind(rows::counters_json(c))
    .bind(run_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// SQLite's integers are signed.
fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Values of one statement, about: each statement is handed to SQLite's thread and back, which costs more than a row, and to
/// prepare a long one costs as much as to run it a few times.
const VALUES_MAX: usize = 512;

/// An insertion, of many rows, of some and of one: three sizes, so that each is prepared once.
struct Insert {
    columns: usize,
    sizes: [(usize, String); 3],
}

impl Insert {
    /// `INSERT INTO table (columns) VALUES … tail`.
    fn new(table: &str, columns: &str, tail: &str) -> Self {
        let count = columns.split(',').count();
        let row = format!("({})", vec!["?"; count].join(","));
        // What fails ends the whole transaction, so SQLite need not be able to undo the one statement.
        let sql = |rows| {
            let rows = vec![row.as_str(); rows].join(",");
            format!("INSERT OR ROLLBACK INTO {table} ({columns}) VALUES {rows} {tail}")
        };
        let many = VALUES_MAX / count;
        Insert { columns: count, sizes: [many, many / 8, 1].map(|rows| (rows, sql(rows))) }
    }

    /// Inserts each item as one row. The number of rows changed.
    async fn each<T>(
        &'static self,
        connection: &mut SqliteConnection,
        items: &[T],
        bind: impl Fn(&mut SqliteArguments, &T) -> Result<(), BoxDynError>,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        let mut rest = items;
        for (rows, sql) in &self.sizes {
            while let Some((now, later)) = rest.split_at_checked(*rows) {
                let mut values = SqliteArguments::default();
                values.reserve(rows * self.columns, 0);
                now.iter().try_for_each(|item| bind(&mut values, item)).map_err(sqlx::Error::Encode)?;
                changed += sqlx::query_with(sql.as_str(), values).execute(&mut *connection).await?.rows_affected();
                rest = later;
                if rest.is_empty() {
                    return Ok(changed);
                }
            }
        }
        Ok(changed)
    }
}

static TRANSACTIONS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "kept_transactions",
        "id, time, kind, peers, path, detail, evidence",
        "ON CONFLICT (time, id) DO NOTHING",
    )
});
static TEXTS: LazyLock<Insert> = LazyLock::new(|| Insert::new("texts", "id, text, minute", ""));
static KINDS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "kinds",
        "id, method, site, mode, credentials, preflight_state, verdict, phase, reason, cause, confidence, effect, \
         blocked_after_effect, preflight_status, actual_status, minute",
        "",
    )
});
static PEERS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new("peers", "id, client, forwarded_for, server, origin, target_origin, browser, minute", "")
});
static FINDINGS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "findings",
        "id, rule, severity, confidence, subject, first_seen, last_seen, count, detail, fix, run_id, last_run_id, \
         count_before, evidence",
        &format!(
            "ON CONFLICT (id) DO UPDATE SET \
         count = CASE WHEN last_run_id = excluded.last_run_id THEN max(count, count_before + excluded.count) \
             WHEN excluded.first_seen > last_seen OR excluded.last_seen < first_seen THEN count + excluded.count \
             ELSE max(count, excluded.count) END, \
         count_before = CASE WHEN last_run_id = excluded.last_run_id THEN count_before \
             WHEN excluded.first_seen > last_seen OR excluded.last_seen < first_seen THEN count \
             ELSE count_before END, \
         last_run_id = CASE WHEN excluded.first_seen > last_seen OR excluded.last_seen < first_seen \
             THEN excluded.last_run_id ELSE last_run_id END, \
         severity = CASE WHEN excluded.last_seen >= last_seen THEN excluded.severity ELSE severity END, \
         confidence = CASE WHEN excluded.last_seen >= last_seen THEN excluded.confidence ELSE confidence END, \
         detail = CASE WHEN excluded.last_seen >= last_seen THEN excluded.detail ELSE detail END, \
         fix = CASE WHEN excluded.last_seen >= last_seen THEN excluded.fix ELSE fix END, \
         first_seen = min(first_seen, excluded.first_seen), \
         last_seen = max(last_seen, excluded.last_seen), \
         evidence = CASE WHEN excluded.evidence = '[]' THEN evidence ELSE (SELECT json_group_array(value) FROM \
             (SELECT value FROM json_each(findings.evidence) UNION ALL SELECT value FROM json_each(excluded.evidence) \
             WHERE value NOT IN (SELECT value FROM json_each(findings.evidence)) LIMIT {EVIDENCE_ROWS_MAX})) END"
        ),
    )
});
static HOURS: &str = "INSERT INTO hours (id, hour) VALUES (?, ?) ON CONFLICT DO NOTHING";
static TRAFFIC: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "endpoint_hours",
        "hour, endpoint, allowed, blocked, undecided, preflights",
        "ON CONFLICT (hour, endpoint) DO UPDATE SET \
         allowed = allowed + excluded.allowed, blocked = blocked + excluded.blocked, \
         undecided = undecided + excluded.undecided, preflights = preflights + excluded.preflights",
    )
});
static CHECKLISTS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "told_checklists",
        "target_origin, items, run_id, minute",
        "ON CONFLICT (target_origin) DO UPDATE SET items = excluded.items, run_id = excluded.run_id, \
         minute = excluded.minute",
    )
});

/// The number of new rejections among them.
pub(super) async fn transactions(
    connection: &mut SqliteConnection,
    rows: &[TransactionRow],
) -> Result<u64, sqlx::Error> {
    let new = TRANSACTIONS
        .each(connection, rows, |values, row| {
            values.add(Arc::clone(&row.id))?;
            values.add(Arc::clone(&row.time))?;
            values.add(row.kind)?;
            values.add(row.peers)?;
            values.add(Arc::clone(&row.path))?;
            values.add(Arc::clone(&row.detail))?;
            values.add(Arc::clone(&row.evidence))?;
            Ok(())
        })
        .await?;
    let cited = rows.iter().filter(|row| !row.blocked).count() as u64;
    Ok(new.saturating_sub(cited))
}

pub(super) async fn shared(connection: &mut SqliteConnection, new: &New) -> Result<(), sqlx::Error> {
    let minute = wall_clock().0.div_euclid(60 * SECOND);
    TEXTS
        .each(connection, &new.texts, |values, (id, text)| {
            values.add(*id)?;
            values.add(Arc::clone(text))?;
            values.add(minute)?;
            Ok(())
        })
        .await?;
    KINDS
        .each(connection, &new.kinds, |values, (id, kind)| {
            values.add(*id)?;
            values.add(Arc::clone(&kind.method))?;
            values.add(kind.site.id())?;
            values.add(kind.mode.id())?;
            values.add(kind.credentials.id())?;
            values.add(kind.preflight_state.id())?;
            values.add(kind.verdict.id())?;
            values.add(kind.phase.map(Phase::id))?;
            values.add(kind.reason.map(Reason::id))?;
            values.add(kind.cause.map(Cause::id))?;
            values.add(kind.confidence.id())?;
            values.add(kind.effect.map(Effect::id))?;
            values.add(kind.blocked_after_effect)?;
            values.add(kind.preflight_status.map(i32::from))?;
            values.add(kind.actual_status.map(i32::from))?;
            values.add(minute)?;
            Ok(())
        })
        .await?;
    PEERS
        .each(connection, &new.peers, |values, (id, peers)| {
            values.add(*id)?;
            values.add(Arc::clone(&peers.client))?;
            values.add(peers.forwarded_for.clone())?;
            values.add(Arc::clone(&peers.server))?;
            values.add(peers.origin.clone())?;
            values.add(Arc::clone(&peers.target_origin))?;
            values.add(Arc::clone(&peers.browser))?;
            values.add(minute)?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// A finding to write, with the evidence that the database has not got from this run.
pub(super) struct FindingRow<'a> {
    pub finding: &'a Finding,
    pub new: Vec<TransactionId>,
}

impl<'a> FindingRow<'a> {
    pub fn of(finding: &'a Finding, told: &HashMap<FindingId, Vec<TransactionId>, RandomState>) -> Self {
        let told = told.get(&finding.id).map(Vec::as_slice).unwrap_or_default();
        let new = finding.evidence.iter().filter(|id| !told.contains(*id)).copied().collect();
        FindingRow { finding, new }
    }
}

/// Enters or updates findings.
///
/// A finding's count is this run's, on top of what earlier runs counted over other times; a run that sees again what an
/// earlier one saw does not add to it.
pub(super) async fn findings(
    connection: &mut SqliteConnection,
    findings: &[FindingRow<'_>],
    run_id: i64,
) -> Result<(), sqlx::Error> {
    FINDINGS
        .each(connection, findings, |values, FindingRow { finding, new }| {
            values.add(finding.id.to_string())?;
            values.add(finding.rule.id())?;
            values.add(finding.severity.id())?;
            values.add(finding.confidence.id())?;
            values.add(finding.subject.clone())?;
            values.add(finding.first_seen.to_string())?;
            values.add(finding.last_seen.to_string())?;
            values.add(integer(finding.count))?;
            values.add(finding.detail.clone())?;
            values.add(finding.fix.clone())?;
            values.add(run_id)?;
            values.add(run_id)?;
            values.add(0_i64)?;
            values.add(rows::cited_json(new))?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// What was told last of a target is what holds.
pub(super) async fn checklists(
    connection: &mut SqliteConnection,
    checklists: &BTreeMap<Arc<str>, Checklist>,
    run_id: i64,
) -> Result<(), sqlx::Error> {
    let minute = wall_clock().0.div_euclid(60 * SECOND);
    let rows: Vec<_> = checklists.iter().collect();
    CHECKLISTS
        .each(connection, &rows, |values, (target, checklist)| {
            values.add(Arc::clone(target))?;
            values.add(rows::checklist_json(checklist))?;
            values.add(run_id)?;
            values.add(minute)?;
            Ok(())
        })
        .await?;
    Ok(())
}

pub(super) async fn rollup(
    connection: &mut SqliteConnection,
    rollup: &HashMap<u64, Endpoint, RandomState>,
) -> Result<(), sqlx::Error> {
    // In the table's order: neighbours share pages.
    let mut rows: Vec<&Endpoint> = rollup.values().collect();
    rows.sort_unstable_by(|a, b| (a.hour, &a.names).cmp(&(b.hour, &b.names)));
    for hour in rows.chunk_by(|a, b| a.hour == b.hour) {
        let Some(Endpoint { hour, .. }) = hour.first() else { continue };
        sqlx::query(HOURS).bind(*hour).bind(rows::hour(*hour)).execute(&mut *connection).await?;
    }
    TRAFFIC
        .each(connection, &rows, |values, Endpoint { hour, names, counts }| {
            values.add(*hour)?;
            values.add(Arc::clone(names))?;
            values.add(counts.allowed)?;
            values.add(counts.blocked)?;
            values.add(counts.undecided)?;
            values.add(counts.preflights)?;
            Ok(())
        })
        .await?;
    Ok(())
}

pub(super) async fn keys(connection: &mut SqliteConnection, keys: &Keys) -> Result<(), sqlx::Error> {
    for (minute, keys) in &keys.by_minute {
        sqlx::query("INSERT INTO seen (minute, keys) VALUES (?, ?)")
            .bind(*minute)
            .bind(keys.clone())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
