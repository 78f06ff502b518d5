//! What the live page asks. Every question reads a bounded number of rows, however large the database is.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::queries::{Reader, StoredFinding, StoredTransaction, stored};

/// The latest refusals that groups are made of.
const GROUPED_ROWS_MAX: i64 = 50_000;
/// Rows of the hourly rollup that targets are made of, and groups shown.
const ROLLUP_ROWS_MAX: i64 = 200_000;
const GROUPS_MAX: i64 = 200;
/// Findings shown.
const FINDINGS_MAX: i64 = 500;

/// Which refusals; empty text takes all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// At or after this time, RFC 3339.
    pub since: String,
    /// Before this time and id, for the next page; empty begins with the latest.
    pub before: (String, String),
    /// Target origin.
    pub target: String,
    /// Reason.
    pub reason: String,
    /// Cause.
    pub cause: String,
    /// Rows, at most.
    pub limit: u32,
}

stored! {
    /// Refusals of one cause and reason at one target and method.
    PageGroup {
        /// Target origin.
        pub target_origin: String,
        /// Method.
        pub method: String,
        /// Where.
        pub phase: String,
        /// Why.
        pub reason: String,
        /// The likeliest mistake.
        pub cause: String,
        /// How many.
        pub count: i64,
        /// Distinct client addresses.
        pub clients: i64,
        /// Distinct page origins.
        pub origins: i64,
        /// One of them.
        pub origin: Option<String>,
        /// How many took effect on the server.
        pub after_effect: i64,
        /// First time.
        pub first_seen: String,
        /// Last time.
        pub last_seen: String,
        /// Id of the last.
        pub last_id: String,
    }
}

stored! {
    /// One target over the hours asked for.
    PageTarget {
        /// Target origin.
        pub target_origin: String,
        /// Transactions that passed.
        pub allowed: i64,
        /// Transactions refused.
        pub blocked: i64,
        /// Transactions that the wire leaves open.
        pub undecided: i64,
        /// Preflights on the wire.
        pub preflights: i64,
        /// Distinct page origins.
        pub origins: i64,
        /// Distinct endpoints: method and path shape.
        pub endpoints: i64,
        /// First hour.
        pub first_hour: String,
        /// Last hour.
        pub last_hour: String,
    }
}

impl Reader {
    /// Refusals since then by target, method, phase, reason and cause; the largest first.
    pub fn page_groups(&mut self, since: &str) -> Result<Vec<PageGroup>, sqlx::Error> {
        let groups = sqlx::query_as(
            "SELECT target_origin, method, coalesce(phase, '') AS phase, coalesce(reason, '') AS reason, \
             coalesce(cause, 'unknown') AS cause, count(*) AS count, \
             count(DISTINCT coalesce(forwarded_for, rtrim(rtrim(client, '0123456789'), ':'))) AS clients, \
             count(DISTINCT origin) AS origins, max(origin) AS origin, sum(blocked_after_effect) AS after_effect, \
             min(time) AS first_seen, max(time) AS last_seen, \
             substr(max(time || id), 1 + length(max(time))) AS last_id \
             FROM (SELECT * FROM rejections WHERE time >= ? ORDER BY time DESC LIMIT ?) \
             GROUP BY target_origin, method, phase, reason, cause \
             ORDER BY count DESC, target_origin, method, phase, reason, cause LIMIT ?",
        );
        let groups = groups.bind(since.to_string()).bind(GROUPED_ROWS_MAX).bind(GROUPS_MAX);
        self.runtime.block_on(groups.fetch_all(&mut self.connection))
    }

    /// Refusals, the latest first, without their headers.
    pub fn page_rejections(&mut self, wanted: &Wanted) -> Result<Vec<StoredTransaction>, sqlx::Error> {
        let rows = sqlx::query_as(
            "SELECT *, '{}' AS evidence FROM (SELECT id, time, client, forwarded_for, server, origin, target_origin, path, method, \
             site, mode, credentials, preflight_state, verdict, phase, reason, cause, confidence, browser, \
             preflight_status, actual_status, effect, blocked_after_effect, detail, run_id FROM transactions \
             WHERE verdict = 'blocked' AND time >= ?1 AND (?2 = '' OR (time, id) < (?2, ?3)) \
             ORDER BY time DESC, id DESC LIMIT ?8) \
             WHERE (?4 = '' OR target_origin = ?4) AND (?5 = '' OR reason = ?5) AND (?6 = '' OR coalesce(cause, 'unknown') = ?6) \
             LIMIT ?7",
        );
        let rows = rows
            .bind(wanted.since.clone())
            .bind(wanted.before.0.clone())
            .bind(wanted.before.1.clone())
            .bind(wanted.target.clone())
            .bind(wanted.reason.clone())
            .bind(wanted.cause.clone())
            .bind(wanted.limit)
            .bind(GROUPED_ROWS_MAX);
        self.runtime.block_on(rows.fetch_all(&mut self.connection))
    }

    /// Targets over the hours since then; the most refused first.
    pub fn page_targets(&mut self, since: &str) -> Result<Vec<PageTarget>, sqlx::Error> {
        let targets = sqlx::query_as(
            "SELECT target_origin, sum(allowed) AS allowed, sum(blocked) AS blocked, sum(undecided) AS undecided, \
             sum(preflights) AS preflights, count(DISTINCT nullif(origin, '')) AS origins, \
             count(DISTINCT method || ' ' || path_shape) AS endpoints, min(hour) AS first_hour, max(hour) AS last_hour \
             FROM (SELECT * FROM traffic WHERE hour >= ? ORDER BY hour DESC LIMIT ?) \
             GROUP BY target_origin ORDER BY blocked DESC, allowed DESC, target_origin LIMIT ?",
        );
        let targets = targets.bind(since.to_string()).bind(ROLLUP_ROWS_MAX).bind(GROUPS_MAX);
        self.runtime.block_on(targets.fetch_all(&mut self.connection))
    }

    /// Findings last seen since then, the latest first, without their evidence.
    pub fn page_findings(&mut self, since: &str) -> Result<Vec<StoredFinding>, sqlx::Error> {
        let findings =
            sqlx::query_as("SELECT * FROM findings WHERE last_seen >= ? ORDER BY last_seen DESC, id LIMIT ?");
        let findings = findings.bind(since.to_string()).bind(FINDINGS_MAX);
        self.runtime.block_on(findings.fetch_all(&mut self.connection))
    }

    /// The transaction of that time and id: found by index, where the id alone reads the whole table.
    pub fn transaction_at(&mut self, time: &str, id: &str) -> Result<Option<StoredTransaction>, sqlx::Error> {
        let row = sqlx::query_as("SELECT * FROM transactions WHERE time = ? AND id = ?");
        let row = row.bind(time.to_string()).bind(id.to_string()).fetch_optional(&mut self.connection);
        let found: Option<StoredTransaction> = self.runtime.block_on(row)?;
        found.map(|t| self.with_texts(t)).transpose()
    }

    /// The times of these transactions, so that a link finds them by index. The ids of one finding are few.
    pub fn times_of(&mut self, finding: &str) -> Result<Vec<(String, String)>, sqlx::Error> {
        let rows = sqlx::query_as(
            "SELECT t.id, t.time FROM finding_evidence e \
             JOIN (SELECT id, time FROM transactions) t ON t.id = e.transaction_id \
             WHERE e.finding_id = ? ORDER BY t.time, t.id LIMIT 50",
        );
        self.runtime.block_on(rows.bind(finding.to_string()).fetch_all(&mut self.connection))
    }
}
