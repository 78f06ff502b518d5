//! The same packets again: nothing twice, nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::capture::{cut, part};
use super::{Folder, incident, lines_of, ok, shown};

/// Everything that a database tells, but for its runs.
fn contents(db: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for query in [
        "SELECT id, time, client, origin, target_origin, path, method, reason, cause, detail FROM rejections ORDER BY id",
        "SELECT id, rule, severity, subject, first_seen, last_seen, count, detail FROM findings ORDER BY id",
        "SELECT finding_id, transaction_id FROM finding_evidence ORDER BY 1, 2",
        "SELECT * FROM traffic ORDER BY 1, 2, 3, 4, 5",
    ] {
        let ran = Command::new("sqlite3").arg(db).arg(query).output().expect("sqlite3 is installed");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        found.insert(query.to_owned(), String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    assert!(found.values().next().is_some_and(|rows| !rows.is_empty()), "something was refused");
    found
}

#[test]
fn replaying_twice_prints_the_same_bytes_and_records_nothing_twice() {
    let folder = Folder::new();
    let (capture, db) = (incident(), folder.path("a.db"));
    for format in ["text", "jsonl"] {
        let args = ["replay", shown(&capture), "--format", format, "--db", shown(&db)];
        let first = ok(&args);
        let recorded = contents(&db);
        assert_eq!(ok(&args), first);
        assert_eq!(contents(&db), recorded);
    }
}

#[test]
fn two_overlapping_files_record_what_the_whole_does() {
    let folder = Folder::new();
    let whole = fs::read(incident()).expect("the demo capture");
    let (a, b) = (folder.write("a.pcapng", &part(&whole, 0, 6)), folder.write("b.pcapng", &part(&whole, 4, 10)));
    let (once, twice) = (folder.path("once.db"), folder.path("twice.db"));
    ok(&["replay", shown(&incident()), "--db", shown(&once)]);
    ok(&["replay", shown(&a), "--db", shown(&twice)]);
    ok(&["replay", shown(&b), "--db", shown(&twice)]);
    let ids =
        |db: &Path| contents(db).into_iter().find(|(query, _)| query.contains("rejections")).map(|(_, rows)| rows);
    // A file that begins amid a connection knows less of it: the ids are the same, details need not be.
    let first_column = |rows: Option<String>| -> Vec<String> {
        rows.unwrap_or_default().lines().filter_map(|row| row.split('|').next().map(str::to_owned)).collect()
    };
    assert_eq!(first_column(ids(&twice)), first_column(ids(&once)));
}

#[test]
fn a_capture_in_two_files_gives_the_transactions_of_the_whole() {
    let folder = Folder::new();
    let whole = fs::read(incident()).expect("the demo capture");
    for cut in [1, 3, 5, 9] {
        let (a, b) =
            (folder.write("a.pcapng", &part(&whole, 0, cut)), folder.write("b.pcapng", &part(&whole, cut, 10)));
        let expected = ok(&["replay", shown(&incident()), "--format", "jsonl"]);
        // named in the wrong order: time decides
        let split = ok(&["replay", shown(&b), shown(&a), "--format", "jsonl"]);
        for kind in ["transaction", "finding"] {
            assert_eq!(lines_of(&split, kind), lines_of(&expected, kind), "cut at {cut} tenths");
        }
    }
}

/// A second tap kept the heads of packets alone: what the first one has whole is not lost to that.
#[test]
fn a_copy_with_cut_packets_hides_nothing_of_the_whole_one() {
    let folder = Folder::new();
    let whole = fs::read(incident()).expect("the demo capture");
    let (a, b) = (folder.write("a.pcapng", &cut(&whole, 120)), folder.write("b.pcapng", &whole));
    let expected = lines_of(&ok(&["replay", shown(&incident()), "--format", "jsonl"]), "transaction");
    for paths in [[&a, &b], [&b, &a]] {
        let both = ok(&["replay", shown(paths[0]), shown(paths[1]), "--format", "jsonl"]);
        assert_eq!(lines_of(&both, "transaction"), expected);
        assert!(
            lines_of(&both, "summary")[0]["packets_truncated"].as_u64().is_some_and(|n| n > 500),
            "packets were cut"
        );
    }
}

#[test]
fn whatever_a_finding_cites_can_be_explained() {
    let folder = Folder::new();
    let db = folder.path("cited.db");
    ok(&["replay", shown(&incident()), "--db", shown(&db)]);
    let ask = |query: &str| {
        let ran = Command::new("sqlite3").arg(&db).arg(query).output().expect("sqlite3 is installed");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    // wildcard_on_authorised and others also rest on requests without a sign of a page: no transactions
    let cited = ask("SELECT DISTINCT transaction_id FROM finding_evidence");
    assert!(cited.lines().count() > 100);
    let unknown =
        "SELECT transaction_id FROM finding_evidence WHERE transaction_id NOT IN (SELECT id FROM transactions)";
    assert_eq!(ask(unknown), "");
    let without = ask("SELECT id FROM transactions WHERE verdict = 'not_cors' AND origin IS NULL LIMIT 1");
    assert!(ok(&["explain", without.trim(), "--db", shown(&db)]).contains("NOT_CORS"));
}
