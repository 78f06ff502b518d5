//! What is read back: for `report`, `explain` and the page. Opens the file read-only, while a daemon may write.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};
use tokio::runtime::Runtime;

use super::{OpenError, open_to_read, runtime};

/// A row as a struct: each field from the column of its name; `json` ones hold JSON text, `later` ones no column.
macro_rules! stored {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$fmeta:meta])* pub $field:ident: $type:ty $(= $how:ident)?,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Serialize)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),+ }
        impl<'r> FromRow<'r, SqliteRow> for $name {
            fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
                Ok($name { $($field: stored!(@ row $field $($how)?)),+ })
            }
        }
    };
    (@ $row:ident $field:ident) => { $row.try_get(stringify!($field))? };
    (@ $row:ident $field:ident json) => { json($row, stringify!($field))? };
    (@ $row:ident $field:ident later) => { Default::default() };
}
pub(super) use stored;

stored! {
    /// A recorded transaction: refused, or cited by a finding.
    StoredTransaction {
        /// Stable name.
        pub id: String,
        /// First byte, RFC 3339.
        pub time: String,
        /// The peer on the wire.
        pub client: String,
        /// The client behind it.
        pub forwarded_for: Option<String>,
        /// The receiver on the wire.
        pub server: String,
        /// `Origin` as sent.
        pub origin: Option<String>,
        /// The target as the browser sees it.
        pub target_origin: String,
        /// Path and query, the query's values redacted.
        pub path: String,
        /// The method that the script asked for.
        pub method: String,
        /// Origin against target.
        pub site: String,
        /// Request mode.
        pub mode: String,
        /// Credentials.
        pub credentials: String,
        /// What became of the preflight.
        pub preflight_state: String,
        /// What the browser decided.
        pub verdict: String,
        /// Where it was blocked.
        pub phase: Option<String>,
        /// Why.
        pub reason: Option<String>,
        /// The likeliest mistake behind it.
        pub cause: Option<String>,
        /// How sure.
        pub confidence: String,
        /// Family and version.
        pub browser: String,
        /// Status of the preflight's answer.
        pub preflight_status: Option<i64>,
        /// Status of the actual's answer.
        pub actual_status: Option<i64>,
        /// Did a blocked unsafe request act?
        pub effect: Option<String>,
        /// It did.
        pub blocked_after_effect: bool,
        /// The values that decided.
        pub detail: String,
        /// Which run saw it first.
        pub run_id: i64,
        /// Both legs: `{"fix","reasons","cause_confidence","preflight":{"time","status","verdict","duration_us","method",
        /// "request":[[name,value]…],"response":[…],"requested_method","requested_headers","because"},"actual":{…},"hops":[…]}`.
        /// A field with `true` as third element stands for a value that is not kept.
        pub evidence: Value = json,
    }
}

stored! {
    /// A recorded finding.
    StoredFinding {
        /// Stable name.
        pub id: String,
        /// Which rule.
        pub rule: String,
        /// How bad.
        pub severity: String,
        /// How sure.
        pub confidence: String,
        /// What it is about.
        pub subject: String,
        /// First time.
        pub first_seen: String,
        /// Last time.
        pub last_seen: String,
        /// How often.
        pub count: i64,
        /// The values that it rests on.
        pub detail: String,
        /// What to change.
        pub fix: String,
        /// Which run saw it first.
        pub run_id: i64,
        /// Ids of the transactions that it rests on.
        pub evidence: Vec<String> = later,
    }
}

stored! {
    /// A row of `runs`.
    StoredRun {
        /// Its number.
        pub id: i64,
        /// Name of the tap.
        pub sensor: String,
        /// Wall clock at its start.
        pub started: String,
        /// Wall clock at its end; none while it goes on, or when it was killed.
        pub ended: Option<String>,
        /// `live` or `replay`.
        pub kind: String,
        /// Interfaces or files.
        pub source: String,
        /// Packets taken.
        pub packets: i64,
        /// Packets that kernel or interface dropped.
        pub packets_lost: i64,
        /// HTTP messages.
        pub messages: i64,
        /// Holes in streams.
        pub gaps: i64,
        /// corstap's version.
        pub version: String,
        /// Capture time of the first packet.
        pub first_packet: Option<String>,
        /// Capture time of the last packet.
        pub last_packet: Option<String>,
        /// The engine's counters: plain ones by name; `ignored`, `gaps`, `evictions`, `http_errors`, `carried`, `forgotten` by cause.
        pub counters: Value = json,
    }
}

stored! {
    /// A row of `traffic`.
    StoredHour {
        /// Its begin, RFC 3339.
        pub hour: String,
        /// Page origin; empty where none was sent.
        pub origin: String,
        /// Target origin.
        pub target_origin: String,
        /// Method.
        pub method: String,
        /// Path with what varies replaced.
        pub path_shape: String,
        /// Transactions that passed.
        pub allowed: i64,
        /// Transactions refused.
        pub blocked: i64,
        /// Transactions that the wire leaves open.
        pub undecided: i64,
        /// Preflights on the wire.
        pub preflights: i64,
    }
}

stored! {
    /// Refusals of one kind at one target.
    RejectionGroup {
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
        /// How many took effect on the server.
        pub after_effect: i64,
        /// First time.
        pub first_seen: String,
        /// Last time.
        pub last_seen: String,
        /// Id of the first.
        pub first_id: String,
    }
}

stored! {
    /// A refused transaction without its heads: what a report counts by.
    StoredRefusal {
        /// Stable name.
        pub id: String,
        /// First byte, RFC 3339.
        pub time: String,
        /// The peer on the wire.
        pub client: String,
        /// The client behind it.
        pub forwarded_for: Option<String>,
        /// `Origin` as sent.
        pub origin: Option<String>,
        /// The target as the browser sees it.
        pub target_origin: String,
        /// Path and query, the query's values redacted.
        pub path: String,
        /// The method that the script asked for.
        pub method: String,
        /// Where it was refused.
        pub phase: String,
        /// Why.
        pub reason: String,
        /// The likeliest mistake behind it.
        pub cause: Option<String>,
        /// How sure.
        pub confidence: String,
        /// Family and version.
        pub browser: String,
        /// Status of the preflight's answer.
        pub preflight_status: Option<i64>,
        /// Status of the actual's answer.
        pub actual_status: Option<i64>,
        /// Did an unsafe request act?
        pub effect: Option<String>,
        /// The values that decided.
        pub detail: String,
    }
}

stored! {
    /// Traffic of one origin, target or endpoint.
    TrafficGroup {
        /// Target origin; empty where it is not told apart.
        pub target_origin: String,
        /// Page origin, or method and path shape.
        pub name: String,
        /// Transactions that passed.
        pub allowed: i64,
        /// Transactions refused.
        pub blocked: i64,
        /// Transactions that the wire leaves open.
        pub undecided: i64,
    }
}

stored! {
    /// An item of a target's checklists, as last told.
    StoredCheck {
        /// Target origin.
        pub target_origin: String,
        /// `developer` or `infrastructure`.
        pub list: String,
        /// Name of the item.
        pub id: String,
        /// What it demands.
        pub title: String,
        /// `pass`, `fail` or `not_seen`.
        pub state: String,
        /// Rules that say so, with blanks between.
        pub rules: String,
        /// Answers that could have shown it.
        pub relevant: i64,
        /// What a person should know.
        pub note: String,
    }
}

/// An item as `told_checklists` has it.
#[derive(Deserialize)]
struct CheckItem {
    list: String,
    id: String,
    title: String,
    state: String,
    rules: String,
    relevant: i64,
    note: String,
}

impl CheckItem {
    fn of(self, target_origin: &str) -> StoredCheck {
        let CheckItem { list, id, title, state, rules, relevant, note } = self;
        StoredCheck { target_origin: target_origin.to_owned(), list, id, title, state, rules, relevant, note }
    }
}

/// How traffic is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficBy {
    /// By target origin.
    Target,
    /// By page origin.
    Origin,
    /// By target origin, method and path shape; only those with refusals.
    RefusedEndpoint,
}

/// Shared texts kept in memory while reading.
const TEXTS_MAX: usize = 4096;

/// A database open for reading.
pub struct Reader {
    pub(super) runtime: Runtime,
    pub(super) connection: SqliteConnection,
    texts: HashMap<i64, Value>,
}

impl Reader {
    /// Opens an existing database.
    ///
    /// # Errors
    /// It is not there, not ours, or unreadable.
    pub fn open(path: &Path) -> Result<Reader, OpenError> {
        let shown = path.display().to_string();
        let runtime = runtime().map_err(|e| OpenError::Sqlite { path: shown.clone(), source: sqlx::Error::Io(e) })?;
        let connection = runtime.block_on(open_to_read(path, &shown))?;
        Ok(Reader { runtime, connection, texts: HashMap::new() })
    }

    /// The transaction of that id (`T…`), where it was recorded.
    pub fn transaction(&mut self, id: &str) -> Result<Option<StoredTransaction>, sqlx::Error> {
        // There is no index by id alone: it would cost more than the rows. The one by time holds ids too, and is a
        // twentieth of the table.
        let row = sqlx::query_as(
            "SELECT * FROM transactions WHERE (time, id) = (SELECT time, id FROM transactions WHERE id = ? LIMIT 1)",
        );
        let row = row.bind(id).fetch_optional(&mut self.connection);
        let found: Option<StoredTransaction> = self.runtime.block_on(row)?;
        found.map(|t| self.with_texts(t)).transpose()
    }

    /// Refusals in order of time; `newest_first` turns it round.
    pub fn rejections(&mut self, limit: u32, newest_first: bool) -> Result<Vec<StoredTransaction>, sqlx::Error> {
        let sql = if newest_first {
            "SELECT * FROM transactions WHERE verdict = 'blocked' ORDER BY time DESC, id DESC LIMIT ?"
        } else {
            "SELECT * FROM transactions WHERE verdict = 'blocked' ORDER BY time, id LIMIT ?"
        };
        let all = sqlx::query_as(sql).bind(limit).fetch_all(&mut self.connection);
        let all: Vec<StoredTransaction> = self.runtime.block_on(all)?;
        all.into_iter().map(|t| self.with_texts(t)).collect()
    }

    /// Every recorded transaction in order of time, one at a time: a report need not hold all of them.
    pub fn each_transaction(&mut self, mut each: impl FnMut(StoredTransaction)) -> Result<(), sqlx::Error> {
        let mut after = (String::new(), String::new());
        loop {
            let rows =
                sqlx::query_as("SELECT * FROM transactions WHERE (time, id) > (?, ?) ORDER BY time, id LIMIT 1000")
                    .bind(after.0)
                    .bind(after.1)
                    .fetch_all(&mut self.connection);
            let rows: Vec<StoredTransaction> = self.runtime.block_on(rows)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.time.clone(), last.id.clone());
            for row in rows {
                each(self.with_texts(row)?);
            }
        }
    }

    /// Every refusal in order of time, one at a time.
    pub fn each_refusal(&mut self, mut each: impl FnMut(StoredRefusal)) -> Result<(), sqlx::Error> {
        let mut after = (String::new(), String::new());
        loop {
            let rows = sqlx::query_as(
                "SELECT id, time, client, forwarded_for, origin, target_origin, path, method, phase, reason, cause, \
                 confidence, browser, preflight_status, actual_status, effect, detail FROM transactions \
                 WHERE (time, id) > (?, ?) AND verdict = 'blocked' ORDER BY time, id LIMIT 5000",
            );
            let rows = rows.bind(after.0).bind(after.1).fetch_all(&mut self.connection);
            let rows: Vec<StoredRefusal> = self.runtime.block_on(rows)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.time.clone(), last.id.clone());
            rows.into_iter().for_each(&mut each);
        }
    }

    /// Times of the first and the last refusal.
    pub fn refused_span(&mut self) -> Result<Option<(String, String)>, sqlx::Error> {
        let span = sqlx::query_as("SELECT min(time), max(time) FROM transactions WHERE verdict = 'blocked'");
        let (first, last): (Option<String>, Option<String>) =
            self.runtime.block_on(span.fetch_one(&mut self.connection))?;
        Ok(first.zip(last))
    }

    /// The whole rollup added up, the most refused first.
    pub fn traffic_by(&mut self, what: TrafficBy, limit: u32) -> Result<Vec<TrafficGroup>, sqlx::Error> {
        let sql = match what {
            TrafficBy::Target => {
                "SELECT target_origin, '' AS name, sum(allowed) AS allowed, sum(blocked) AS blocked, sum(undecided) AS undecided \
                 FROM traffic GROUP BY target_origin ORDER BY blocked DESC, allowed DESC, 1 LIMIT ?"
            }
            TrafficBy::Origin => {
                "SELECT '' AS target_origin, origin AS name, sum(allowed) AS allowed, sum(blocked) AS blocked, \
                 sum(undecided) AS undecided FROM traffic GROUP BY origin ORDER BY blocked DESC, allowed DESC, 2 LIMIT ?"
            }
            TrafficBy::RefusedEndpoint => {
                "SELECT target_origin, method || ' ' || path_shape AS name, sum(allowed) AS allowed, \
                 sum(blocked) AS blocked, sum(undecided) AS undecided FROM traffic GROUP BY target_origin, method, path_shape \
                 HAVING sum(blocked) > 0 ORDER BY blocked DESC, allowed DESC, 1, 2 LIMIT ?"
            }
        };
        let groups = sqlx::query_as(sql).bind(limit).fetch_all(&mut self.connection);
        self.runtime.block_on(groups)
    }

    /// Transactions by verdict: allowed, refused, undecided.
    pub fn verdicts(&mut self) -> Result<(i64, i64, i64), sqlx::Error> {
        let sums = sqlx::query_as(
            "SELECT coalesce(sum(allowed), 0), coalesce(sum(blocked), 0), coalesce(sum(undecided), 0) FROM traffic",
        );
        self.runtime.block_on(sums.fetch_one(&mut self.connection))
    }

    /// Requests that were carried out though refused, in order of time.
    pub fn carried_out(&mut self, limit: u32) -> Result<Vec<StoredRefusal>, sqlx::Error> {
        let rows = sqlx::query_as(
            "SELECT id, time, client, forwarded_for, origin, target_origin, path, method, phase, reason, cause, confidence, \
             browser, preflight_status, actual_status, effect, detail FROM transactions \
             WHERE verdict = 'blocked' AND effect IN ('taken', 'possible') ORDER BY time, id LIMIT ?",
        );
        self.runtime.block_on(rows.bind(limit).fetch_all(&mut self.connection))
    }

    /// Refusals by target, method, phase, reason and cause; the largest first.
    pub fn rejection_groups(&mut self) -> Result<Vec<RejectionGroup>, sqlx::Error> {
        let groups = sqlx::query_as(
            "SELECT target_origin, method, phase, reason, coalesce(cause, 'unknown') AS cause, count(*) AS count, \
             count(DISTINCT coalesce(forwarded_for, rtrim(rtrim(client, '0123456789'), ':'))) AS clients, \
             count(DISTINCT origin) AS origins, sum(blocked_after_effect) AS after_effect, \
             min(time) AS first_seen, max(time) AS last_seen, \
             substr(min(time || id), 1 + length(min(time))) AS first_id \
             FROM rejections GROUP BY target_origin, method, phase, reason, cause \
             ORDER BY count DESC, target_origin, method, phase, reason, cause",
        );
        self.runtime.block_on(groups.fetch_all(&mut self.connection))
    }

    /// The finding of that id (`F…`) with the ids that it rests on.
    pub fn finding(&mut self, id: &str) -> Result<Option<StoredFinding>, sqlx::Error> {
        let found = sqlx::query_as("SELECT * FROM findings WHERE id = ?").bind(id);
        let found = self.runtime.block_on(found.fetch_optional(&mut self.connection))?;
        found.map(|f| self.with_evidence(f)).transpose()
    }

    /// Every finding, by its first time.
    pub fn findings(&mut self) -> Result<Vec<StoredFinding>, sqlx::Error> {
        let all = sqlx::query_as("SELECT * FROM findings ORDER BY first_seen, id");
        let mut all: Vec<StoredFinding> = self.runtime.block_on(all.fetch_all(&mut self.connection))?;
        let ids = sqlx::query_as("SELECT finding_id, transaction_id FROM finding_evidence");
        let ids: Vec<(String, String)> = self.runtime.block_on(ids.fetch_all(&mut self.connection))?;
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, finding) in all.iter().enumerate() {
            places.insert(finding.id.clone(), place);
        }
        for (finding, id) in ids {
            if let Some(finding) = places.get(&finding).and_then(|place| all.get_mut(*place)) {
                finding.evidence.push(id);
            }
        }
        let times = sqlx::query_as("SELECT id, time FROM transactions");
        let times: Vec<(String, String)> = self.runtime.block_on(times.fetch_all(&mut self.connection))?;
        let times: HashMap<String, String> = times.into_iter().collect();
        for finding in &mut all {
            in_order_of_time(&mut finding.evidence, &times);
        }
        Ok(all)
    }

    /// The checklists of every target, in their own order; none where an older corstap wrote the file.
    pub fn checklists(&mut self) -> Result<Vec<StoredCheck>, sqlx::Error> {
        let there = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE name = 'told_checklists'), count(*) FILTER (WHERE name = 'checklists') \
             FROM sqlite_master",
        );
        let (whole, any): (i64, i64) = self.runtime.block_on(there.fetch_one(&mut self.connection))?;
        if any == 0 {
            return Ok(Vec::new());
        }
        if whole == 0 {
            let all = sqlx::query_as("SELECT * FROM checklists ORDER BY target_origin, place");
            return self.runtime.block_on(all.fetch_all(&mut self.connection));
        }
        // The view takes each row's JSON apart in SQLite, which was a third of a report.
        let rows = sqlx::query_as("SELECT target_origin, items FROM told_checklists ORDER BY target_origin");
        let rows: Vec<(String, String)> = self.runtime.block_on(rows.fetch_all(&mut self.connection))?;
        let mut all = Vec::new();
        for (target_origin, items) in rows {
            let items: Vec<CheckItem> = serde_json::from_str(&items).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            all.extend(items.into_iter().map(|item| item.of(&target_origin)));
        }
        Ok(all)
    }

    /// Every run, oldest first.
    pub fn runs(&mut self) -> Result<Vec<StoredRun>, sqlx::Error> {
        let all = sqlx::query_as("SELECT * FROM runs ORDER BY id");
        self.runtime.block_on(all.fetch_all(&mut self.connection))
    }

    /// The hourly rollup, in order of time.
    pub fn traffic(&mut self) -> Result<Vec<StoredHour>, sqlx::Error> {
        let hours = sqlx::query_as("SELECT * FROM traffic ORDER BY hour, origin, target_origin, method, path_shape");
        self.runtime.block_on(hours.fetch_all(&mut self.connection))
    }

    /// Puts heads and fix in place of their numbers, and times in place of offsets.
    pub(super) fn with_texts(&mut self, mut t: StoredTransaction) -> Result<StoredTransaction, sqlx::Error> {
        let begin = t.time.parse::<Timestamp>().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
        self.fill(t.evidence.get_mut("fix"))?;
        for leg in ["preflight", "actual"] {
            let Some(leg) = t.evidence.get_mut(leg) else { continue };
            self.fill(leg.get_mut("request"))?;
            self.fill(leg.get_mut("response"))?;
            tell_time(begin, leg);
        }
        let hops = t.evidence.get_mut("hops").and_then(Value::as_array_mut);
        hops.into_iter().flatten().for_each(|hop| tell_time(begin, hop));
        Ok(t)
    }

    fn fill(&mut self, number: Option<&mut Value>) -> Result<(), sqlx::Error> {
        let Some(place) = number else { return Ok(()) };
        let Some(number) = place.as_i64() else { return Ok(()) };
        if let Some(text) = self.texts.get(&number) {
            *place = text.clone();
            return Ok(());
        }
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        let found = sqlx::query("SELECT text FROM texts WHERE id = ?").bind(number);
        let found = self.runtime.block_on(found.fetch_optional(&mut self.connection))?;
        let text = found.map_or(Ok(Value::Null), |row| json(&row, "text"))?;
        self.texts.insert(number, text.clone());
        *place = text;
        Ok(())
    }

    fn with_evidence(&mut self, mut finding: StoredFinding) -> Result<StoredFinding, sqlx::Error> {
        let ids = sqlx::query_as("SELECT transaction_id FROM finding_evidence WHERE finding_id = ?");
        let ids: Vec<(String,)> =
            self.runtime.block_on(ids.bind(finding.id.as_str()).fetch_all(&mut self.connection))?;
        finding.evidence = ids.into_iter().map(|(id,)| id).collect();
        let times = sqlx::query_as(
            "SELECT id, time FROM transactions \
             WHERE id IN (SELECT transaction_id FROM finding_evidence WHERE finding_id = ?)",
        );
        let times: Vec<(String, String)> =
            self.runtime.block_on(times.bind(finding.id.as_str()).fetch_all(&mut self.connection))?;
        in_order_of_time(&mut finding.evidence, &times.into_iter().collect());
        Ok(finding)
    }
}

/// Those that are no more in the database first.
fn in_order_of_time(ids: &mut [String], times: &HashMap<String, String>) {
    ids.sort_unstable_by(|a, b| (times.get(a), a).cmp(&(times.get(b), b)));
}

/// `after_us` becomes `time`, RFC 3339 with microseconds.
fn tell_time(begin: Timestamp, leg: &mut Value) {
    let Some(leg) = leg.as_object_mut() else { return };
    let after = leg.remove("after_us").and_then(|us| us.as_i64()).unwrap_or_default();
    if let Ok(time) = begin.checked_add(SignedDuration::from_micros(after)) {
        leg.insert("time".into(), format!("{time:.6}").into());
    }
}

fn json(row: &SqliteRow, column: &str) -> Result<Value, sqlx::Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}
