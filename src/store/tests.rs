//! The writer against real files.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use sqlx::Row;

use super::*;
use crate::catalog::{Cause, Reason, Rule, Severity};
use crate::http::head::{HeadBuilder, Name};
use crate::http::{BodyStart, Doubts, HeadState, Mark, MessageId, Request, Response, StreamId, Version};
use crate::packet::{MILLISECOND, Order, SECOND};
use crate::record::{
    Browser, Confidence, Credentials, Effect, Family, FindingId, Leg, Mode, Phase, PreflightLeg, PreflightState, Site,
    TransactionId,
};

const BEGIN: i64 = 1_795_420_800 * SECOND;

/// A directory of its own for each test, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("corstap-store-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Folder(path)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("a.db")
    }

    fn options(&self, kind: RunKind) -> StoreOptions {
        StoreOptions {
            path: self.0.join("a.db"),
            sensor: "gw".into(),
            kind,
            source: "test".into(),
            retention: Retention::default(),
        }
    }

    /// The first row of a query, each value as text, joined by `|`.
    pub(super) fn ask(&self, sql: &'static str) -> String {
        let path = self.0.join("a.db");
        let runtime = runtime().unwrap();
        runtime.block_on(async {
            let mut connection = open_to_read(&path, "a.db").await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            let Some(row) = rows.first() else { return String::new() };
            let text = |at| {
                let whole = row.try_get::<Option<i64>, _>(at).map(|n| n.map(|n| n.to_string()));
                whole.or_else(|_| row.try_get::<Option<String>, _>(at)).unwrap().unwrap_or("null".into())
            };
            (0..row.len()).map(text).collect::<Vec<_>>().join("|")
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// How a store fares that has had nothing to do.
pub(crate) fn store_status() -> Arc<StoreStatus> {
    Arc::new(StoreStatus::new(Retention::default()))
}

fn mark(ns: i64) -> Mark {
    Mark { time: Time(BEGIN + ns), order: Order(0) }
}

fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port)
}

fn request(ns: i64, method: &str, origin: &str) -> Arc<Request> {
    let mut head = HeadBuilder::request(method.as_bytes(), b"/v1/orders/4711?token=s3cret");
    head.field(b"Host", Name::Host, b"api.two.test:18002", false);
    head.field(b"Origin", Name::Origin, origin.as_bytes(), false);
    head.field(
        b"User-Agent",
        Name::UserAgent,
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        false,
    );
    head.field(b"Accept-Language", Name::AcceptLanguage, b"en", false);
    head.field(b"Referer", Name::Referer, b"http://app.one.test:18001/?session=s3cret", false);
    head.field(b"Sec-Fetch-Mode", Name::SecFetchMode, b"cors", false);
    head.field(b"Sec-Fetch-Site", Name::SecFetchSite, b"cross-site", false);
    Arc::new(Request {
        id: MessageId { stream: StreamId(0), request: true, seq: 7, nth: 0 },
        first: mark(ns),
        head_end: mark(ns),
        client: address(1, 44654),
        peer: address(1, 44654),
        server: address(2, 18002),
        version: Version::Http11,
        scheme: None,
        head: head.finish(),
        head_state: HeadState::Whole,
        body_start: BodyStart::Unseen,
        doubts: Doubts::default(),
        on_connection: 0,
    })
}

fn response(ns: i64, status: u16) -> Arc<Response> {
    let mut head = HeadBuilder::response();
    head.field(b"Server", Name::Server, b"nginx", false);
    head.field(b"Content-Type", Name::ContentType, b"application/json", false);
    head.field(b"Vary", Name::Vary, b"Origin", false);
    Arc::new(Response {
        id: MessageId { stream: StreamId(0), request: false, seq: 9, nth: 0 },
        first: mark(ns),
        head_end: mark(ns),
        client: "127.0.0.1:44654".parse().unwrap(),
        server: "127.0.0.1:18002".parse().unwrap(),
        status,
        version: Version::Http11,
        head: head.finish(),
        head_state: HeadState::Whole,
        body_start: BodyStart::Unseen,
        doubts: Doubts::default(),
    })
}

fn leg(ns: i64, method: &str, status: u16, verdict: Verdict, origin: &str) -> Leg {
    Leg {
        time: Time(BEGIN + ns),
        status: Some(status),
        verdict,
        duration_ns: Some(3 * MILLISECOND),
        request: request(ns, method, origin),
        response: Some(response(ns + 3 * MILLISECOND, status)),
    }
}

/// The `n`th transaction, one each millisecond: a PUT with its preflight.
pub(crate) fn transaction(n: i64, verdict: Verdict) -> Transaction {
    let ns = n * MILLISECOND;
    let blocked = verdict == Verdict::Blocked;
    let origin = "http://app.one.test:18001";
    Transaction {
        id: TransactionId(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1)),
        time: Time(BEGIN + ns),
        client: address(1, 44654),
        forwarded_for: None,
        server: address(2, 18002),
        origin: Some(origin.into()),
        target_origin: "http://api.two.test:18002".into(),
        path: "/v1/orders/4711?token=…".into(),
        method: "PUT".into(),
        site: Site::CrossSite,
        mode: Mode::Cors,
        credentials: Credentials::Omitted,
        preflight_state: PreflightState::Sent,
        preflight: Some(PreflightLeg {
            leg: leg(ns, "OPTIONS", 204, Verdict::Allowed, origin),
            requested_method: "PUT".into(),
            requested_headers: ["x-custom".into()].into(),
            because: ["method PUT".into(), "header x-custom".into()].into(),
        }),
        actual: Some(leg(ns + 500_000, "PUT", 502, verdict, origin)),
        hops: Vec::new(),
        verdict,
        phase: blocked.then_some(Phase::Actual),
        reason: blocked.then_some(Reason::MissingAllowOrigin),
        reasons_all: if blocked { vec![Reason::MissingAllowOrigin] } else { Vec::new() },
        confidence: Confidence::Certain,
        cause: blocked.then_some(Cause::UpstreamDown),
        cause_confidence: blocked.then_some(Confidence::Probable),
        effect: blocked.then_some(Effect::Possible),
        blocked_after_effect: false,
        detail: if blocked { "502 without Access-Control-Allow-Origin".into() } else { String::new() },
        fix: if blocked { "nginx: add_header … always;".into() } else { String::new() },
        browser: Browser { family: Family::Chromium, version: "142".into() },
    }
}

pub(crate) fn finding(first_s: i64, last_s: i64, count: u64, evidence: &[&Transaction]) -> Finding {
    Finding {
        id: FindingId(77),
        rule: Rule::OriginReflected,
        severity: Severity::Medium,
        confidence: Confidence::Certain,
        subject: "http://api.two.test:18002".into(),
        first_seen: Time(BEGIN + first_s * SECOND),
        last_seen: Time(BEGIN + last_s * SECOND),
        count,
        detail: "any Origin is echoed".into(),
        fix: "an exact list".into(),
        evidence: evidence.iter().map(|t| t.id).collect(),
    }
}

/// One run that records these.
pub(super) fn record(folder: &Folder, transactions: &[Transaction], findings: &[Finding]) -> Recorded {
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    for t in transactions {
        store.transaction(&Arc::new(t.clone()));
    }
    for f in findings {
        store.finding(f);
    }
    store.finish(RunTotals::default()).unwrap()
}

pub(super) fn mixed(range: std::ops::Range<i64>) -> Vec<Transaction> {
    let verdicts = [Verdict::Allowed, Verdict::Blocked, Verdict::Undecided, Verdict::NotCors];
    range.map(|n| transaction(n, verdicts[n as usize % 4])).collect()
}

const SUMS: &str = "SELECT sum(allowed), sum(blocked), sum(undecided), sum(preflights), count(*), \
                    (SELECT count(*) FROM rejections), (SELECT count(DISTINCT id) FROM rejections) FROM traffic";

#[test]
fn a_rejection_has_the_promised_columns() {
    let folder = Folder::new();
    assert_eq!(record(&folder, &[transaction(1, Verdict::Blocked)], &[]).rejections, 1);
    let row = folder.ask(
        "SELECT id, time, client, server, origin, target_origin, path, method, site, credentials, phase, reason, cause, \
         confidence, browser, preflight_status, actual_status, blocked_after_effect, detail, run_id FROM rejections",
    );
    assert_eq!(
        row,
        format!(
            "{}|2026-11-23T08:00:00.001000Z|127.0.0.1:44654|127.0.0.2:18002|http://app.one.test:18001|\
             http://api.two.test:18002|/v1/orders/4711?token=…|PUT|cross_site|omitted|actual|missing_allow_origin|\
             upstream_down|certain|chromium 142|204|502|0|502 without Access-Control-Allow-Origin|1",
            transaction(1, Verdict::Blocked).id
        )
    );
    let hour = folder.ask("SELECT hour, origin, target_origin, method, path_shape, blocked, preflights FROM traffic");
    assert_eq!(
        hour,
        "2026-11-23T08:00:00.000000Z|http://app.one.test:18001|http://api.two.test:18002|PUT|/v1/orders/{}|1|1"
    );
}

#[test]
fn evidence_holds_what_decides_and_no_secret() {
    let folder = Folder::new();
    record(&folder, &[transaction(1, Verdict::Blocked)], &[]);
    let evidence = folder.ask("SELECT group_concat(text) || (SELECT evidence FROM transactions) FROM texts");
    for part in ["\"Origin\",\"http://app.one.test:18001\"", "\"because\":[\"method PUT\"", "/?session=…"] {
        assert!(evidence.contains(part), "{part} is not in {evidence}");
    }
    assert!(!evidence.contains("s3cret") && !evidence.contains("Accept-Language"), "{evidence}");
}

#[test]
fn replaying_again_or_overlapping_records_nothing_twice() {
    let folder = Folder::new();
    assert_eq!(record(&folder, &mixed(0..200), &[]).rejections, 50);
    let once = folder.ask(SUMS);
    assert_eq!(once, "50|50|50|150|1|50|50");
    assert_eq!(record(&folder, &mixed(0..200), &[]).rejections, 0);
    assert_eq!(folder.ask(SUMS), once);
    // Overlapping: 100 of these were there.
    assert_eq!(record(&folder, &mixed(100..300), &[]).rejections, 25);
    assert_eq!(folder.ask(SUMS), "75|75|75|225|1|75|75");
    assert_eq!(folder.ask("SELECT count(*), sum(ended IS NULL), max(run_id) FROM runs, rejections"), "225|0|3");
}

#[test]
fn a_transaction_seen_without_its_preflight_is_the_same_one() {
    let folder = Folder::new();
    let whole = transaction(1, Verdict::Blocked);
    let mut tail = transaction(1, Verdict::Blocked);
    tail.id = TransactionId(4711);
    tail.time = Time(tail.time.0 + 500_000);
    tail.preflight = None;
    record(&folder, std::slice::from_ref(&tail), &[]);
    record(&folder, std::slice::from_ref(&whole), &[]);
    record(&folder, &[tail], &[]);
    assert_eq!(folder.ask(SUMS), "0|1|0|0|1|1|1");
    // A capture that ended too early does not hide the refusal that a longer one shows.
    let mut cut = transaction(2, Verdict::Undecided);
    cut.actual = None;
    record(&folder, &[cut], &[]);
    record(&folder, &[transaction(2, Verdict::Blocked)], &[]);
    assert_eq!(folder.ask(SUMS), "0|1|1|1|1|2|2");
}

#[test]
fn two_requests_after_one_preflight_both_count() {
    let folder = Folder::new();
    let first = transaction(1, Verdict::Blocked);
    let mut second = transaction(5, Verdict::Blocked);
    second.preflight = first.preflight.clone();
    record(&folder, &[first, second], &[]);
    assert_eq!(folder.ask(SUMS), "0|2|0|2|1|2|2");
}

#[test]
fn findings_are_updated_and_their_evidence_is_kept() {
    let folder = Folder::new();
    let (early, late) = (transaction(1, Verdict::Allowed), transaction(2, Verdict::NotCors));
    // cited when it was forgotten already: nobody could explain it
    let gone = transaction(3, Verdict::Allowed);
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    store.transaction(&Arc::new(early.clone()));
    store.cited(early.id, false);
    store.cited(late.id, true);
    store.cited(gone.id, false);
    store.finding(&finding(0, 10, 5, &[&early, &late, &gone]));
    store.transaction(&Arc::new(late.clone()));
    store.finding(&finding(0, 20, 9, &[&early, &late]));
    store.finish(RunTotals::default()).unwrap();
    let told = "SELECT rule, severity, first_seen, last_seen, count, run_id FROM findings";
    let expected = "origin_reflected|medium|2026-11-23T08:00:00.000000Z|2026-11-23T08:00:20.000000Z|9|1";
    assert_eq!(folder.ask(told), expected);
    let cited = "SELECT count(*), count(id), (SELECT count(*) FROM rejections) FROM finding_evidence \
                 LEFT JOIN transactions ON id = transaction_id";
    assert_eq!(folder.ask(cited), "2|2|0");
    // The same capture again adds nothing; a later one adds what it counted, whatever it says on the way.
    record(&folder, &[], &[finding(0, 10, 5, &[]), finding(0, 20, 9, &[])]);
    assert_eq!(folder.ask(told), expected);
    record(&folder, &[], &[finding(100, 110, 2, &[])]);
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    store.finding(&finding(200, 210, 3, &[]));
    store.finish(RunTotals::default()).unwrap();
    record(&folder, &[], &[finding(100, 110, 2, &[])]);
    assert_eq!(folder.ask("SELECT count, last_seen FROM findings"), "14|2026-11-23T08:03:30.000000Z");
}

#[test]
fn what_was_recorded_reads_back() {
    let folder = Folder::new();
    let cited = transaction(1, Verdict::Allowed);
    let mut all = vec![cited.clone()];
    all.extend((2..2502).map(|n| transaction(n, Verdict::Blocked)));
    let told = RunTotals { packets_lost: 3, first_packet: Some(Time(BEGIN)), ..RunTotals::default() };
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    for t in &all {
        store.transaction(&Arc::new(t.clone()));
    }
    store.cited(cited.id, false);
    store.finding(&finding(0, 10, 5, &[&cited]));
    store.finish(told).unwrap();
    let mut reader = queries::Reader::open(&folder.0.join("a.db")).unwrap();
    let found = reader.transaction(&all[7].id.to_string()).unwrap().unwrap();
    assert_eq!((found.path.as_str(), found.actual_status), ("/v1/orders/4711?token=…", Some(502)));
    assert_eq!(found.evidence["actual"]["response"][0][1], "nginx");
    assert_eq!(found.evidence["actual"]["time"], "2026-11-23T08:00:00.008500Z");
    assert_eq!(found.evidence["fix"], "nginx: add_header … always;");
    assert!(reader.transaction("T0").unwrap().is_none());
    let mut ids = Vec::new();
    reader.each_transaction(|t| ids.push(t.id)).unwrap();
    assert_eq!(ids, all.iter().map(|t| t.id.to_string()).collect::<Vec<_>>());
    assert_eq!(reader.rejections(1, true).unwrap()[0].id, ids[2500]);
    let groups = reader.rejection_groups().unwrap();
    assert_eq!((groups.len(), groups[0].count, groups[0].clients, &groups[0].first_id), (1, 2500, 1, &ids[1]));
    assert_eq!(groups[0].last_seen, "2026-11-23T08:00:02.501000Z");
    let finding = reader.finding(&FindingId(77).to_string()).unwrap().unwrap();
    assert_eq!((finding.count, finding.evidence), (5, vec![ids[0].clone()]));
    assert_eq!(reader.findings().unwrap().len(), 1);
    let run = reader.runs().unwrap().remove(0);
    assert_eq!((run.packets_lost, &run.counters["gaps"]["lost"]), (3, &0.into()));
    assert_eq!(reader.traffic().unwrap()[0].blocked, 2500);
    assert!(matches!(queries::Reader::open(&folder.0.join("b.db")), Err(OpenError::Missing { .. })));
}

#[test]
fn strangers_and_newer_files_are_refused_untouched() {
    let folder = Folder::new();
    let path = folder.0.join("a.db");
    std::fs::write(&path, "no database, but a text of more than sixteen bytes".repeat(40)).unwrap();
    let refused = Store::open(&folder.options(RunKind::Replay)).err().unwrap();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
    std::fs::remove_file(&path).unwrap();
    change(&folder, "CREATE TABLE someone_elses (a)");
    let refused = Store::open(&folder.options(RunKind::Replay)).err().unwrap();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
    std::fs::remove_file(&path).unwrap();
    record(&folder, &[], &[]);
    change(&folder, "UPDATE _sqlx_migrations SET version = 99 WHERE version = 2");
    let refused = Store::open(&folder.options(RunKind::Replay)).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");
}

/// A file of before a target's checklists were one row keeps what it has, in its order.
#[test]
fn an_older_file_keeps_its_checklists() {
    let folder = Folder::new();
    runtime().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.db()).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        migrator(&MIGRATIONS[..4]).run(&mut connection).await.unwrap();
        for (place, id) in [(10, "b"), (2, "a")] {
            sqlx::query("INSERT INTO checklists VALUES ('https://a.test', ?, 'developer', ?, 't \"q\"', 'pass', 'r s', 3, '', 1, 7)")
                .bind(place)
                .bind(id)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        sqlx::Connection::close(connection).await.unwrap();
    });
    record(&folder, &[], &[]);
    let found = queries::Reader::open(&folder.db()).unwrap().checklists().unwrap();
    let ids: Vec<&str> = found.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!((found[0].title.as_str(), found[0].rules.as_str(), found[0].relevant), ("t \"q\"", "r s", 3));
    assert_eq!(folder.ask("SELECT count(*), max(minute) FROM told_checklists"), "1|7");
}

/// A file of before transactions shared their words keeps what it has, and takes in more of the same.
#[test]
fn an_older_file_keeps_its_transactions_and_their_traffic() {
    const ROWS: &str = "SELECT * FROM transactions ORDER BY time";
    let folder = Folder::new();
    let before = "INSERT INTO runs (id, sensor, started, kind, source, version) VALUES (2, 'gw', 'a', 'live', 'b', '0');
        INSERT INTO transactions VALUES
            ('T2', '2026-11-23T08:00:02.000000Z', '10.0.0.1:4', NULL, '10.0.0.2:80', NULL, 'http://a.test', '/b', 'GET',
             'cross_site', 'cors', 'omitted', 'not_needed', 'allowed', NULL, NULL, NULL, 'certain', 'firefox 144', NULL, 200,
             NULL, 0, '', 1, '{\"fix\":4294967297}'),
            ('T1', '2026-11-23T08:00:01.000000Z', '10.0.0.1:4', '10.9.9.9', '10.0.0.2:80', 'http://o.test', 'http://a.test',
             '/a', 'PUT', 'cross_site', 'cors', 'omitted', 'sent', 'blocked', 'actual', 'missing_allow_origin', NULL, 'certain',
             'chromium 142', 204, 200, 'taken', 1, 'why', 2, '{\"fix\":4294967297}');
        INSERT INTO texts VALUES (4294967297, '\"fix it\"', 9);
        INSERT INTO findings VALUES ('F1', 'r', 'high', 'certain', 's', 'a', 'b', 3, 'd', 'f', 1, 1, 0);
        INSERT INTO finding_evidence VALUES ('F1', 'T2'), ('F1', 'T1');
        INSERT INTO traffic VALUES ('2026-11-23T08:00:00.000000Z', 'http://app.one.test:18001', 'http://api.two.test:18002',
            'PUT', '/v1/orders/{}', 5, 6, 7, 8);";
    let was = "T1|2026-11-23T08:00:01.000000Z|10.0.0.1:4|10.9.9.9|10.0.0.2:80|http://o.test|http://a.test|/a|PUT|cross_site|\
               cors|omitted|sent|blocked|actual|missing_allow_origin|null|certain|chromium 142|204|200|taken|1|why|2|\
               {\"fix\":4294967297}";
    runtime().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.db()).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        migrator(&MIGRATIONS[..5]).run(&mut connection).await.unwrap();
        sqlx::raw_sql(before).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });
    // Read-only the file is as it was; what reads it knows both.
    assert_eq!(folder.ask(ROWS), was);
    let finding = queries::Reader::open(&folder.db()).unwrap().finding("F1").unwrap().unwrap();
    assert_eq!(finding.evidence, ["T1", "T2"]);
    record(&folder, &[], &[]);
    assert_eq!(folder.ask(ROWS), was);
    let columns = "SELECT group_concat(name, ' ') FROM pragma_table_info('rejections')";
    assert_eq!(
        folder.ask(columns),
        "id time client forwarded_for server origin target_origin path method site mode credentials preflight_state phase \
         reason cause confidence browser preflight_status actual_status effect blocked_after_effect detail run_id"
    );
    assert_eq!(folder.ask("SELECT count(*), max(path), max(run_id) FROM rejections"), "1|/a|2");
    let mut reader = queries::Reader::open(&folder.db()).unwrap();
    assert_eq!(reader.finding("F1").unwrap().unwrap().evidence, ["T1", "T2"]);
    assert_eq!(reader.transaction("T2").unwrap().unwrap().evidence["fix"], "fix it");
    record(&folder, &[transaction(1, Verdict::Blocked)], &[]);
    assert_eq!(
        folder.ask("SELECT allowed, blocked, undecided, preflights, count(*) OVER () FROM traffic"),
        "5|7|7|9|1"
    );
    assert_eq!(folder.ask("SELECT count(*), count(DISTINCT run_id) FROM transactions"), "3|3");
}

/// Changes of a finding that wait together lose none of what each of them rested on.
#[test]
fn evidence_of_several_changes_is_all_kept_and_capped() {
    let folder = Folder::new();
    let all: Vec<_> = (0..100).map(|n| transaction(n, Verdict::Blocked)).collect();
    let changes: Vec<_> = all.chunks(10).map(|some| finding(0, 1, 1, &some.iter().collect::<Vec<_>>())).collect();
    record(&folder, &all, &changes[..2]);
    let cited =
        "SELECT count(*), count(DISTINCT transaction_id), min(finding_id = 'F000000000002d') FROM finding_evidence";
    assert_eq!(folder.ask(cited), "20|20|1");
    record(&folder, &all, &changes[..1]);
    assert_eq!(folder.ask(cited), "20|20|1");
    // A run that records nothing new cites what an earlier one has.
    record(&folder, &all, &changes);
    assert_eq!(folder.ask(cited), "64|64|1");
    let kept = "SELECT count(*) FROM finding_evidence WHERE transaction_id IN (SELECT id FROM transactions ORDER BY time LIMIT 20)";
    assert_eq!(folder.ask(kept), "20");
}

/// A replay into a new file does without the log until its end, and is read meanwhile as far as it is written.
#[test]
fn a_new_file_has_its_log_when_the_replay_ends() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    assert_eq!(folder.ask("PRAGMA journal_mode"), "delete");
    for n in 0..2 * writer::COMMIT_ROWS as i64 {
        store.transaction(&Arc::new(transaction(n, Verdict::Blocked)));
    }
    let begun = Instant::now();
    while folder.ask("SELECT count(*) > 0 FROM rejections") != "1" && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(folder.ask("SELECT ended IS NULL, (SELECT count(*) > 0 FROM rejections) FROM runs"), "1|1");
    store.finish(RunTotals::default()).unwrap();
    // SQLite's thread closes the file on its own time
    let beside = || std::fs::read_dir(&folder.0).unwrap().count() - 1;
    while beside() > 0 && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(beside(), 0, "nothing is left beside the file");
    assert_eq!(folder.ask("PRAGMA journal_mode"), "wal");
    // What is there already may be read, and written, by others.
    let store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    assert_eq!(folder.ask("PRAGMA journal_mode"), "wal");
    store.finish(RunTotals::default()).unwrap();
}

/// Changes the file behind the store's back.
fn change(folder: &Folder, sql: &'static str) {
    runtime().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.db()).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });
}

/// With Landlock on, a delete of thousands of rows failed with "unable to open database file": its journal was to be in /var/tmp.
#[test]
fn nothing_is_written_but_beside_the_database() {
    let folder = Folder::new();
    record(&folder, &[], &[]);
    let memory = "2";
    assert_eq!(folder.ask("PRAGMA temp_store"), memory);
    let writing = runtime().unwrap().block_on(async {
        let mut connection = connect(&folder.db()).await.unwrap();
        sqlx::query("PRAGMA temp_store").fetch_one(&mut connection).await.unwrap().get::<i64, _>(0)
    });
    assert_eq!(writing.to_string(), memory);
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_begins() {
    let folder = Folder::new();
    record(&folder, &mixed(0..4000), &[]);
    // The last run did not end in good order, and pages in the middle are not what they were.
    change(&folder, "UPDATE runs SET ended = NULL");
    let mut bytes = std::fs::read(folder.db()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 5 * 4096].fill(0xa5);
    std::fs::write(folder.db(), bytes).unwrap();

    let mut store = Store::open(&folder.options(RunKind::Live)).unwrap();
    assert_eq!(store.status().set_aside(), 1);
    store.transaction(&Arc::new(transaction(1, Verdict::Blocked)));
    assert_eq!(store.finish(RunTotals::default()).unwrap().rejections, 1);
    assert_eq!(folder.ask("PRAGMA integrity_check"), "ok");
    assert_eq!(folder.ask("SELECT count(*) FROM runs"), "1");
    let names = std::fs::read_dir(&folder.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.filter(|n| n.starts_with("a.db.damaged-") && !n.ends_with("-wal") && !n.ends_with("-shm")).count(),
        1
    );
}

#[test]
fn a_crash_that_damaged_nothing_sets_nothing_aside() {
    let folder = Folder::new();
    record(&folder, &mixed(0..400), &[]);
    change(&folder, "UPDATE runs SET ended = NULL");
    let store = Store::open(&folder.options(RunKind::Live)).unwrap();
    assert_eq!((store.status().set_aside(), store.run_id), (0, 2));
    store.finish(RunTotals::default()).unwrap();
    assert_eq!(folder.ask("SELECT count(*) FROM rejections"), "100");
}

/// Holds the write lock of the file until dropped.
struct Lock(Runtime, Option<SqliteConnection>);

impl Lock {
    fn new(folder: &Folder) -> Self {
        let runtime = runtime().unwrap();
        let connection = runtime.block_on(async {
            let mut c = SqliteConnectOptions::new().filename(folder.0.join("a.db")).connect().await.unwrap();
            sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut c).await.unwrap();
            c
        });
        Lock(runtime, Some(connection))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(c) = self.1.take() {
            self.0.block_on(sqlx::Connection::close(c)).unwrap();
        }
    }
}

#[test]
fn a_locked_database_is_waited_for() {
    let folder = Folder::new();
    for kind in [RunKind::Live, RunKind::Replay] {
        let mut store = Store::open(&folder.options(kind)).unwrap();
        let status = Arc::clone(store.status());
        let lock = Lock::new(&folder);
        let from = if kind == RunKind::Live { 0 } else { 100 };
        for t in &mixed(from..from + 100) {
            store.transaction(&Arc::new(t.clone()));
        }
        let begun = Instant::now();
        while status.trouble().is_none() && begun.elapsed().as_secs() < 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(status.trouble().unwrap().contains("locked"));
        drop(lock);
        let recorded = store.finish(RunTotals::default()).unwrap();
        assert_eq!((recorded.rejections, recorded.lost), (25, 0));
    }
    assert_eq!(folder.ask(SUMS), "50|50|50|150|1|50|50");
}

#[test]
fn live_never_waits_and_counts_what_it_drops() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.options(RunKind::Live)).unwrap();
    let status = Arc::clone(store.status());
    let lock = Lock::new(&folder);
    let begun = Instant::now();
    let sent: i64 = 3 * QUEUE_RECORDS_MAX as i64;
    for n in 0..sent {
        store.transaction(&Arc::new(transaction(n, Verdict::Allowed)));
    }
    for n in sent..2 * sent {
        store.transaction(&Arc::new(transaction(n, Verdict::Blocked)));
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    // The queue has no room for rejections any more, but has for a finding.
    store.finding(&finding(0, 1, 1, &[]));
    drop(lock);
    let recorded = store.finish(RunTotals::default()).unwrap();
    assert_eq!(recorded.findings, 1);
    let lost: u64 = LossCause::ALL.iter().map(|c| status.lost(*c)).sum();
    assert_eq!(recorded.lost, lost);
    assert!(recorded.rejections > 0);
    assert_eq!(status.recorded(Table::Traffic) + lost, 2 * sent as u64);
}

#[test]
fn a_full_disk_fails_a_replay_and_keeps_what_was_recorded() {
    let folder = Folder::new();
    record(&folder, &mixed(0..400), &[]);
    let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
    limit_pages(&mut store, 60);
    let mut n = 1000;
    while !store.has_failed() && n < 1_000_000 {
        store.transaction(&Arc::new(transaction(n, Verdict::Blocked)));
        n += 1;
    }
    let error = store.finish(RunTotals::default()).unwrap_err().to_string();
    assert!(error.contains("disk full") && error.contains("kept"), "{error}");
    assert_eq!(folder.ask("SELECT count(*) FROM rejections WHERE run_id = 1"), "100");
    assert_eq!(folder.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn live_recovers_from_a_full_disk() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.options(RunKind::Live)).unwrap();
    let status = Arc::clone(store.status());
    limit_pages(&mut store, 40);
    let begun = Instant::now();
    let mut n = 0;
    while status.lost(LossCause::DiskFull) == 0 && begun.elapsed().as_secs() < 30 {
        store.transaction(&Arc::new(transaction(n, Verdict::Blocked)));
        n += 1;
    }
    assert!(status.trouble().unwrap().contains("disk full"));
    limit_pages(&mut store, 1_000_000_000);
    while status.trouble().is_some() && begun.elapsed().as_secs() < 30 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let lost = status.lost(LossCause::DiskFull);
    let recorded = store.finish(RunTotals::default()).unwrap();
    assert!(lost > 0);
    assert_eq!(recorded.rejections + recorded.lost, n as u64);
}

/// SQLite then says SQLITE_FULL as it does when the disk is full.
fn limit_pages(store: &mut Store, pages: u32) {
    store.status().pages_max.store(pages, Ordering::Relaxed);
}

#[test]
#[ignore = "a measurement: cargo test --release --lib store::tests::rate -- --ignored --nocapture"]
fn rate() {
    let folder = Folder::new();
    for (what, verdict) in [("rejections", Verdict::Blocked), ("allowed", Verdict::Allowed)] {
        let from = if verdict == Verdict::Blocked { 0 } else { 1_000_000 };
        let all: Vec<Transaction> = (from..from + 100_000).map(|n| transaction(n, verdict)).collect();
        for again in ["first", "again"] {
            let (begun, cpu) = (Instant::now(), cpu_s());
            let mut store = Store::open(&folder.options(RunKind::Replay)).unwrap();
            for t in &all {
                store.transaction(&Arc::new(t.clone()));
            }
            store.finish(RunTotals::default()).unwrap();
            let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_s() - cpu);
            let bytes = std::fs::metadata(folder.0.join("a.db")).unwrap().len();
            println!("{what} {again}: {wall:.2} s, {:.2} µs CPU each, {bytes} bytes", cpu * 1e6 / all.len() as f64);
        }
    }
}

/// User and system time of this process, in seconds (Linux counts in ticks of 10 ms).
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
