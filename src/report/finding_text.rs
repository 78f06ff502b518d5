//! Findings as lines of text: the worse ones by rule, the rest by severity.

use std::fmt::Write as _;

use super::layout::{columns, fit, pad, plural, thousands, wrap};
use super::shown;
use super::text::{Paint, Screen};
use crate::catalog::Severity;
use crate::packet::Time;
use crate::record::Finding;

/// Rules of severity high and above that get a line.
const FINDINGS_MAX: usize = 8;

/// Findings: a line for each rule of the worse ones, the rest in a line by severity.
#[must_use]
pub fn findings_section(findings: &[&Finding], overflow: u64, screen: Screen) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let by_severity: Vec<(Severity, u64)> = Severity::ALL
        .iter()
        .rev()
        .map(|s| (*s, findings.iter().filter(|f| f.severity == *s).count() as u64))
        .filter(|(_, n)| *n > 0)
        .collect();
    let told: Vec<String> = by_severity.iter().map(|(s, n)| format!("{} {s}", thousands(*n))).collect();
    let mut text = format!("{}: {}", plural(findings.len() as u64, "finding"), told.join(", "));
    if overflow > 0 {
        let _ = write!(text, "; {} more, too many to keep", thousands(overflow));
    }
    let mut out = screen.paragraph("SUSPICIOUS", Paint::alarm, &text, 2);
    let groups = finding_groups(findings);
    let loud = groups.iter().filter(|g| g.severity >= Severity::High).count().min(FINDINGS_MAX);
    for group in groups.iter().take(loud) {
        out.push_str(&finding_line(group, screen));
    }
    for (severity, _) in by_severity {
        let rest: Vec<&FindingGroup<'_>> = groups.iter().skip(loud).filter(|g| g.severity == severity).collect();
        if rest.is_empty() {
            continue;
        }
        let told: Vec<String> =
            rest.iter()
                .map(|g| {
                    if g.subjects.len() == 1 { g.rule.to_owned() } else { format!("{} ×{}", g.rule, g.subjects.len()) }
                })
                .collect();
        let word = pad(&severity.id().to_uppercase(), 10);
        let wrapped = wrap(&told.join(", "), 12, screen.width, 3);
        let _ = write!(out, "  {}{}", severity_paint(severity, screen.paint, &word), wrapped.trim_start_matches(' '));
    }
    out
}

/// Findings of one rule and severity.
struct FindingGroup<'a> {
    severity: Severity,
    rule: &'static str,
    subjects: Vec<&'a str>,
    count: u64,
    first: Time,
    last: Time,
}

/// The worst first, then in order of time.
fn finding_groups<'a>(findings: &[&'a Finding]) -> Vec<FindingGroup<'a>> {
    let mut groups: Vec<FindingGroup<'_>> = Vec::new();
    for f in findings {
        match groups.iter_mut().find(|g| g.rule == f.rule.id() && g.severity == f.severity) {
            Some(group) => {
                group.subjects.push(&f.subject);
                group.count += f.count;
                group.first = group.first.min(f.first_seen);
                group.last = group.last.max(f.last_seen);
            }
            None => groups.push(FindingGroup {
                severity: f.severity,
                rule: f.rule.id(),
                subjects: vec![&f.subject],
                count: f.count,
                first: f.first_seen,
                last: f.last_seen,
            }),
        }
    }
    groups.sort_by_key(|g| (std::cmp::Reverse(g.severity), g.first, g.rule));
    groups
}

fn finding_line(g: &FindingGroup<'_>, screen: Screen) -> String {
    let word = pad(&g.severity.id().to_uppercase(), 10);
    let rule = pad(g.rule, 29);
    let times = if g.count == 1 { String::new() } else { format!(" ×{}", thousands(g.count)) };
    let when = format!("{}{times}", screen.span(g.first, g.last));
    let room = screen.width.saturating_sub(12 + 29 + 1 + columns(&when) + 2).max(20);
    let subjects = fit(&g.subjects.iter().map(|s| shown(s)).collect::<Vec<_>>().join(", "), room);
    let paint = screen.paint;
    format!("  {}{} {subjects}  {}\n", severity_paint(g.severity, paint, &word), paint.bold(&rule), paint.dim(&when))
}

/// A severity's colour.
#[must_use]
pub fn severity_paint(severity: Severity, paint: Paint, text: &str) -> String {
    match severity {
        Severity::Critical | Severity::High => paint.alarm(text),
        Severity::Medium => paint.yellow(text),
        Severity::Low | Severity::Info => paint.dim(text),
    }
}
