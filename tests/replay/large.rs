//! A database of thousands of findings and tens of thousands of refusals: the report is quick, small and still whole.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Folder, incident, ok, shown};

/// What a large installation may have: the incident's own rows, over and over under other ids.
const MORE: &str = "
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
INSERT INTO kept_transactions
SELECT 'T' || printf('%013d', 1000 * i + (row_number() OVER () % 1000)), '2026-11-24' || substr(time, 11), kind, peers, path,
    detail, evidence
FROM n, (SELECT * FROM kept_transactions WHERE id IN (SELECT id FROM rejections)) WHERE true ON CONFLICT DO NOTHING;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
INSERT INTO findings
SELECT 'F' || printf('%013d', i), rule, severity, confidence, subject || i, first_seen, last_seen, count, detail, fix, run_id,
    last_run_id, count_before, '[]'
FROM n, (SELECT * FROM findings WHERE rule = 'wildcard_on_authorised' AND severity = 'high' LIMIT 1);
CREATE TEMP TABLE cited AS SELECT f.id AS finding, json_group_array(t.id) AS ids
FROM (SELECT id, row_number() OVER () AS n FROM findings) f
JOIN (SELECT id, row_number() OVER () AS n FROM kept_transactions) t ON t.n / 5 = f.n GROUP BY f.id;
UPDATE findings SET evidence = ids FROM cited WHERE finding = id;
";

fn sql(db: &Path, query: &str) -> String {
    let ran = Command::new("sqlite3").arg(db).arg(query).output().expect("sqlite3 is installed");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

#[test]
fn a_report_of_thousands_of_findings_is_quick_and_hides_no_rule() {
    let folder = Folder::new();
    let db = folder.path("large.db");
    ok(&["replay", shown(&incident()), "--db", shown(&db)]);
    let rules = sql(&db, "SELECT DISTINCT rule FROM findings");
    sql(&db, MORE);
    assert!(sql(&db, "SELECT count(*) FROM rejections").parse::<u32>().is_ok_and(|n| n > 10_000));
    for format in ["text", "html"] {
        let begun = Instant::now();
        let report = ok(&["report", "--db", shown(&db), "--format", format]);
        // a lookup of each finding's evidence by itself took minutes
        assert!(begun.elapsed() < Duration::from_secs(30), "{format}: {:?}", begun.elapsed());
        assert!(report.len() < 2_000_000, "{format}: {} bytes", report.len());
        assert!(rules.lines().all(|rule| report.contains(rule)), "{format}");
        assert!(report.contains("more of wildcard_on_authorised"), "{format}");
    }
    let lines = ok(&["report", "--db", shown(&db), "--format", "jsonl"]);
    assert!(lines.lines().filter(|line| line.contains("\"rule\":\"wildcard_on_authorised\"")).count() > 1500);
}
