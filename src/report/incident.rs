//! What a database tells of an incident, gathered for one page; as text, HTML or lines it is the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::layout::day;
use super::problems::{Problem, Problems, Refusal, Timeline};
use crate::catalog::{Cause, Reason, Rule, Severity};
use crate::counters::Counters;
use crate::packet::Time;
use crate::record::{Confidence, Effect, Family, Finding, FindingId, Phase, TransactionId};
use crate::store::OpenError;
use crate::store::queries::{
    Reader, StoredCheck, StoredFinding, StoredRefusal, StoredRun, StoredTransaction, TrafficBy, TrafficGroup,
};

/// Findings of one rule and severity that a report tells in full.
const FINDINGS_OF_RULE_MAX: usize = 8;
/// Targets, origins and endpoints listed; more are counted.
const LISTED_MAX: u32 = 100;
/// Requests that acted, or may have, listed; more are counted.
const CARRIED_OUT_MAX: u32 = 500;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// What SQLite says.
        source: sqlx::Error,
    },
}

/// Everything that a report tells.
pub struct Incident {
    /// The file, as named by the user.
    pub db: String,
    /// Each start of the daemon and each replay, oldest first.
    pub runs: Vec<StoredRun>,
    /// From the first packet or refusal to the last, where there was one.
    pub span: Option<(Time, Time)>,
    /// Transactions that passed.
    pub allowed: u64,
    /// Transactions refused, as the rollup counts them.
    pub blocked: u64,
    /// Transactions that the wire leaves open.
    pub undecided: u64,
    /// Refusals by what is wrong, those that did most to people first.
    pub problems: Vec<Problem>,
    /// Refusals of problems that found no room.
    pub overflow: u64,
    /// Bars of [`Problem::bars`].
    pub timeline: Option<Timeline>,
    /// Requests that were, or may have been, carried out though refused.
    pub carried_out: Vec<StoredRefusal>,
    /// What rules found, the worst first.
    pub findings: Vec<Finding>,
    /// How targets stand by the checklists.
    pub checklists: Vec<StoredCheck>,
    /// Traffic by target.
    pub targets: Vec<TrafficGroup>,
    /// Traffic by page origin.
    pub origins: Vec<TrafficGroup>,
    /// Refused endpoints.
    pub endpoints: Vec<TrafficGroup>,
    /// Refusals by browser family and version.
    pub browsers: super::problems::Counts<String>,
}

impl Incident {
    /// Reads all that a report tells.
    ///
    /// # Errors
    /// The file is missing, not ours, or damaged.
    pub fn read(path: &Path) -> Result<Incident, ReadError> {
        let mut reader = Reader::open(path)?;
        let db = path.display().to_string();
        gather(&mut reader, db.clone()).map_err(|source| ReadError::Read { path: db, source })
    }

    /// Requests carried out though refused.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.problems.iter().map(|p| p.taken).sum()
    }

    /// Requests that may have been.
    #[must_use]
    pub fn possible(&self) -> u64 {
        self.problems.iter().map(|p| p.possible).sum()
    }

    /// Transactions that CORS decides.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.allowed + self.blocked + self.undecided
    }

    /// Findings by severity, the worst first, without those that there are none of.
    #[must_use]
    pub fn severities(&self) -> Vec<(Severity, u64)> {
        let count = |s: Severity| self.findings.iter().filter(|f| f.severity == s).count() as u64;
        Severity::ALL.iter().rev().map(|s| (*s, count(*s))).filter(|(_, n)| *n > 0).collect()
    }

    /// The first findings of each rule and severity, and how many more there are of which rule: one rule that finds a
    /// thousand subjects must not hide the others.
    #[must_use]
    pub fn first_findings(&self) -> (Vec<&Finding>, BTreeMap<Rule, u64>) {
        let mut seen: BTreeMap<(Severity, Rule), usize> = BTreeMap::new();
        let mut more = BTreeMap::new();
        let mut first = |f: &&Finding| {
            let nth = seen.entry((f.severity, f.rule)).or_default();
            *nth += 1;
            if *nth > FINDINGS_OF_RULE_MAX {
                *more.entry(f.rule).or_insert(0_u64) += 1;
            }
            *nth <= FINDINGS_OF_RULE_MAX
        };
        let first = self.findings.iter().filter(&mut first).collect();
        (first, more)
    }
}

impl Incident {
    /// It lies on several days: each time is told with its own.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.span.is_some_and(|(first, last)| day(first) != day(last))
    }
}

fn gather(reader: &mut Reader, db: String) -> Result<Incident, sqlx::Error> {
    let runs = reader.runs()?;
    let refused = reader.refused_span()?;
    let refused = refused.and_then(|(first, last)| Some((time_of(&first)?, time_of(&last)?)));
    let span = span(&runs, refused);
    let timeline = span.map(|span| Timeline::around(span, refused));
    let mut problems = timeline.map_or_else(Problems::default, Problems::over);
    let mut browsers = super::problems::Counts::new(LISTED_MAX as usize);
    reader.each_refusal(|row| {
        browsers.add(row.browser.clone(), 1);
        if let Some(refusal) = refusal(&row) {
            problems.add(&refusal);
        }
    })?;
    for part in problems.parts_mut() {
        let Some(id) = part.cited.first() else { continue };
        // refusals come in order of time: the first one cited is the first one
        if let Some(t) = reader.transaction_at(&part.first.to_string(), id)? {
            fill_in(part, &t);
        }
    }
    let mut findings: Vec<Finding> = reader.findings()?.iter().filter_map(finding).collect();
    findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.first_seen, f.rule, f.id));
    let (allowed, blocked, undecided) = reader.verdicts()?;
    Ok(Incident {
        db,
        runs,
        span,
        allowed: unsigned(allowed),
        blocked: unsigned(blocked),
        undecided: unsigned(undecided),
        overflow: problems.overflow(),
        problems: problems.finish(),
        timeline,
        carried_out: reader.carried_out(CARRIED_OUT_MAX)?,
        findings,
        checklists: reader.checklists()?,
        targets: reader.traffic_by(TrafficBy::Target, LISTED_MAX)?,
        origins: reader.traffic_by(TrafficBy::Origin, LISTED_MAX)?,
        endpoints: reader.traffic_by(TrafficBy::RefusedEndpoint, LISTED_MAX)?,
        browsers,
    })
}

/// A count from SQLite, which knows no unsigned numbers.
#[must_use]
pub fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// RFC 3339 to packet time.
#[must_use]
pub fn time_of(text: &str) -> Option<Time> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(Time)
}

/// From the first packet of any run, or refusal, to the last.
fn span(runs: &[StoredRun], refused: Option<(Time, Time)>) -> Option<(Time, Time)> {
    let mut times: Vec<Time> = Vec::new();
    for run in runs {
        times.extend([&run.first_packet, &run.last_packet].into_iter().flatten().filter_map(|t| time_of(t)));
    }
    if let Some((first, last)) = refused {
        times.extend([first, last]);
    }
    Some((*times.iter().min()?, *times.iter().max()?))
}

/// The row as a refusal; none where a newer corstap wrote a word that this one does not know.
fn refusal(row: &StoredRefusal) -> Option<Refusal<'_>> {
    let phase = Phase::from_id(&row.phase)?;
    let peer = row.client.parse::<std::net::SocketAddr>().ok()?;
    let status = match phase {
        Phase::Preflight => row.preflight_status,
        Phase::Actual => row.actual_status,
    };
    Some(Refusal {
        id: &row.id,
        time: time_of(&row.time)?,
        client: row.forwarded_for.as_ref().and_then(|ip| ip.parse().ok()).unwrap_or(peer.ip()),
        origin: row.origin.as_deref(),
        target_origin: &row.target_origin,
        path: &row.path,
        method: &row.method,
        phase,
        reason: Reason::from_id(&row.reason)?,
        cause: row.cause.as_deref().and_then(Cause::from_id),
        cause_confidence: None,
        confidence: Confidence::from_id(&row.confidence)?,
        family: row.browser.split(' ').next().and_then(Family::from_id).unwrap_or(Family::Unknown),
        status: status.and_then(|s| u16::try_from(s).ok()),
        effect: row.effect.as_deref().and_then(Effect::from_id),
        detail: &row.detail,
        fix: "",
    })
}

/// What only the evidence of a transaction tells: its fix, and how sure its cause is.
fn fill_in(part: &mut Problem, t: &StoredTransaction) {
    let text = |key: &str| t.evidence.get(key).and_then(Value::as_str).unwrap_or_default();
    let cause = t.cause.as_deref().and_then(Cause::from_id);
    if !text("fix").is_empty() {
        part.fixes = vec![(cause, text("fix").to_owned())];
    }
    part.cause_confidence = Confidence::from_id(text("cause_confidence"));
}

fn finding(row: &StoredFinding) -> Option<Finding> {
    Some(Finding {
        id: FindingId::parse(&row.id)?,
        rule: Rule::from_id(&row.rule)?,
        severity: Severity::from_id(&row.severity)?,
        confidence: Confidence::from_id(&row.confidence)?,
        subject: row.subject.clone(),
        first_seen: time_of(&row.first_seen)?,
        last_seen: time_of(&row.last_seen)?,
        count: unsigned(row.count),
        detail: row.detail.clone(),
        fix: row.fix.clone().into(),
        evidence: row.evidence.iter().filter_map(|id| TransactionId::parse(id)).collect(),
    })
}

/// A run's counters, as far as this version knows them.
#[must_use]
pub fn counters(run: &StoredRun) -> Counters {
    let json = &run.counters;
    let plain = |key: &str| json.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut c = Counters {
        packets: unsigned(run.packets),
        bytes: plain("bytes"),
        truncated: plain("truncated"),
        segments: plain("segments"),
        tcp_bytes: plain("tcp_bytes"),
        tls_bytes: plain("tls_bytes"),
        quic_connections: plain("quic_connections"),
        connections: plain("connections"),
        one_sided: plain("one_sided"),
        midstream: plain("midstream"),
        gap_bytes: plain("gap_bytes"),
        requests: plain("requests"),
        responses: plain("responses"),
        ..Counters::default()
    };
    let each = |key: &str, add: &mut dyn FnMut(&str, u64)| {
        for (label, n) in json.get(key).and_then(Value::as_object).into_iter().flatten() {
            add(label, n.as_u64().unwrap_or(0));
        }
    };
    each("ignored", &mut |label, n| c.ignored.add(label, n));
    each("gaps", &mut |label, n| c.gaps.add(label, n));
    each("evictions", &mut |label, n| c.evictions.add(label, n));
    each("http_errors", &mut |label, n| c.http_errors.add(label, n));
    each("carried", &mut |label, n| c.carried.add(label, n));
    each("forgotten", &mut |label, n| c.forgotten.add(label, n));
    c
}
