//! The demo: the report of the incident says what happened, and nothing that did not.

use super::{incident, ok, shown};

#[test]
fn the_report_is_one_screen() {
    let report = ok(&["replay", shown(&incident())]);
    assert!(report.lines().count() <= 45, "{} lines", report.lines().count());
}
