//! An incident as text: all that the page tells, for a terminal or a mail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::coverage::{connections_text, not_seen, packets_text};
use super::finding_text::severity_paint;
use super::incident::{Incident, counters, unsigned};
use super::layout::{capital, dated_span, duration, fit, pad, plural, step, thousands, wrap};
use super::problem_text::{INDENT, Words, blocked_text, client_of, effects_text, names, problem_head, problem_lines};
use super::problems::{Problem, Timeline};
use super::shown;
use super::text::{Paint, Screen};
use crate::catalog::{Rule, Severity};
use crate::store::queries::{StoredCheck, TrafficGroup};

/// Requests that acted, shown; all are in the database and in the page.
const CARRIED_OUT_MAX: usize = 30;
/// Rows of a table.
const ROWS_MAX: usize = 15;
/// Runs whose coverage is shown.
pub const RUNS_MAX: usize = 10;

/// How a report's numbers came about, for a reader who was not there.
pub const METHOD: &[&str] = &[
    "corstap read packets and decided for each cross-origin request what the browser did with the answer, by the steps of the \
     Fetch standard and what is known of each browser family. It sent nothing.",
    "A client is the peer's address, or the one behind it where a trusted proxy says so: people behind one address count once.",
    "\"Carried out\" means that a request which changes something was answered 2xx although its page was refused the answer; \
     \"may have been\" means 5xx, no answer, or the same request again within seconds.",
    "Certain: follows from observed bytes. Probable: one input was inferred and nothing speaks against it. Possible: a heuristic.",
    "Secrets are not kept: of cookies, authorization and tokens only that they were there; query values are replaced by an ellipsis.",
];

/// The whole report.
#[must_use]
pub fn report(incident: &Incident, screen: Screen) -> String {
    let screen = Screen { dated: incident.is_dated(), ..screen };
    let mut out = head(incident, screen);
    let mut nth = 0;
    let mut section = |title: &str, text: String| {
        if !text.is_empty() {
            nth += 1;
            let title = screen.paint.bold(&format!("{nth}  {title}"));
            let _ = write!(out, "\n{title}\n{text}");
        }
    };
    section("SUMMARY", summary(incident, screen));
    section("TIMELINE", timeline(incident, screen));
    section("CAUSES, those that hit most people first", causes(incident, screen));
    section("CARRIED OUT ALTHOUGH REFUSED", carried_out(incident, screen));
    section("FINDINGS, the worst first", findings(incident, screen));
    section("CHECKLISTS, judged from traffic", checklists(incident, screen));
    section("TARGETS", table(&incident.targets, |g| shown(&g.target_origin), screen));
    section("PAGE ORIGINS", table(&incident.origins, |g| origin(&g.name), screen));
    section(
        "REFUSED ENDPOINTS",
        table(&incident.endpoints, |g| format!("{} {}", shown(&g.target_origin), shown(&g.name)), screen),
    );
    section("BROWSERS", browsers(incident, screen));
    section("WHAT COULD NOT BE SEEN", coverage(incident, screen));
    section("METHOD", METHOD.iter().map(|line| wrap(line, 3, screen.width, usize::MAX)).collect());
    out
}

/// `Incident report` and what it is about.
fn head(incident: &Incident, screen: Screen) -> String {
    let mut text = shown(&incident.db);
    let mut sensors: Vec<&str> = incident.runs.iter().map(|r| r.sensor.as_str()).collect();
    sensors.sort_unstable();
    sensors.dedup();
    if !sensors.is_empty() {
        let _ = write!(text, " · sensor {}", shown(&sensors.join(", ")));
    }
    if let Some(when) = when(incident) {
        let _ = write!(text, " · {when}");
    }
    let _ = write!(text, " · corstap {}", env!("CARGO_PKG_VERSION"));
    format!("{}  {}", screen.paint.bold("Incident report"), wrap(&text, 0, screen.width.saturating_sub(17), 4))
}

/// `2026-11-23 08:41:01–08:56:48 UTC (15 min 47 s)`
#[must_use]
pub fn when(incident: &Incident) -> Option<String> {
    let (first, last) = incident.span?;
    Some(format!("{} UTC ({})", dated_span(first, last), duration(last.since(first))))
}

/// The answer.
fn summary(incident: &Incident, screen: Screen) -> String {
    if incident.judged() == 0 {
        return wrap("No cross-origin request was seen: there was nothing for CORS to decide.", 3, screen.width, 2);
    }
    let mut out = String::new();
    let mut line = |text: &str, style: fn(Paint, &str) -> String| {
        for line in wrap(text, 3, screen.width, 3).lines() {
            let _ = writeln!(out, "{}", style(screen.paint, line));
        }
    };
    let style = if incident.blocked > 0 { Paint::red } else { Paint::green };
    let refused = blocked_text(incident.blocked, incident.judged(), &incident.problems, incident.overflow);
    line(&format!("Browsers refused {refused}."), style);
    if let Some(text) = effects_text(&incident.problems) {
        line(&format!("{}.", capital(&text)), Paint::red);
    }
    if incident.undecided > 0 {
        line(&format!("Of {} the wire does not tell.", thousands(incident.undecided)), Paint::yellow);
    }
    let severities: Vec<String> = incident.severities().iter().map(|(s, n)| format!("{} {s}", thousands(*n))).collect();
    if !severities.is_empty() {
        let findings = plural(incident.findings.len() as u64, "finding");
        line(&format!("{findings}: {}.", severities.join(", ")), Paint::yellow);
    }
    out
}

/// A row of bars for all refusals, and one for each of the largest problems.
fn timeline(incident: &Incident, screen: Screen) -> String {
    let Some(timeline) = incident.timeline.filter(|_| !incident.problems.is_empty()) else { return String::new() };
    let mut out = String::new();
    let all = all_bars(&incident.problems, timeline);
    let scale = all.iter().copied().max().unwrap_or(0);
    let ends = format!("{} – {}", timeline.told(0), timeline.told(timeline.bars));
    let _ = writeln!(out, "   {ends}, a bar is {}, the highest {}", step(timeline.step_ns), plural(scale, "refusal"));
    let room = screen.width.saturating_sub(timeline.bars + 7);
    let _ = writeln!(out, "   {}  all", screen.paint.red(&sparkline(&all, scale)));
    for problem in incident.problems.iter().take(ROWS_MAX) {
        let name = format!("{} {}", title(problem), shown(&problem.target_origin));
        let _ = writeln!(out, "   {}  {}", screen.paint.red(&sparkline(&problem.bars, scale)), fit(&name, room));
    }
    out
}

/// Refusals of all problems in each bar.
#[must_use]
pub fn all_bars(problems: &[Problem], timeline: Timeline) -> Vec<u64> {
    let mut all = vec![0; timeline.bars];
    for problem in problems {
        for (sum, n) in all.iter_mut().zip(&problem.bars) {
            *sum += n;
        }
    }
    all
}

fn sparkline(bars: &[u64], scale: u64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |n: u64| {
        let nth = (n * 8).div_ceil(scale.max(1)).checked_sub(1)?;
        BARS.get(usize::try_from(nth).ok()?).copied()
    };
    bars.iter().map(|n| bar(*n).unwrap_or('·')).collect()
}

/// What a problem is called: its likeliest cause, or its reason; and what it is about.
#[must_use]
pub fn title(p: &Problem) -> String {
    let subject = if p.subject.is_empty() { String::new() } else { format!(" {}", shown(&p.subject)) };
    format!("{}{subject}", p.reason.id())
}

fn causes(incident: &Incident, screen: Screen) -> String {
    let mut out = String::new();
    for (nth, problem) in incident.problems.iter().enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        out.push_str(&problem_head(problem, screen));
        out.push_str(&problem_lines(problem, Words::All, screen));
        let ids = problem.cited.join(" ");
        out.push_str(&wrap(&format!("evidence: {ids}"), INDENT, screen.width, 2));
    }
    if incident.overflow > 0 {
        let _ = writeln!(out, "{:INDENT$}and {} of further problems", "", plural(incident.overflow, "refusal"));
    }
    out
}

fn carried_out(incident: &Incident, screen: Screen) -> String {
    let mut out = String::new();
    for row in incident.carried_out.iter().take(CARRIED_OUT_MAX) {
        let sure = if row.effect.as_deref() == Some("taken") { screen.paint.red("yes  ") } else { "maybe".to_owned() };
        let status = row.actual_status.map_or_else(|| "–".to_owned(), |s| s.to_string());
        let client = client_of(row.forwarded_for.as_deref(), &row.client);
        let what = format!("{} {}{}", shown(&row.method), shown(&row.target_origin), shown(&row.path));
        let time = row.time.get(if screen.dated { 0..23 } else { 11..23 }).unwrap_or_default().replace('T', " ");
        let room = screen.width.saturating_sub(3 + time.len() + 2 + 5 + 2 + 3 + 2 + 15 + 2 + 16);
        let what = pad(&fit(&what, room), room);
        let _ = writeln!(out, "   {time}  {sure}  {status}  {}  {what}  {}", pad(&client, 15), row.id);
    }
    let all = incident.taken() + incident.possible();
    let left = all.saturating_sub(incident.carried_out.len().min(CARRIED_OUT_MAX) as u64);
    if left > 0 {
        let _ = writeln!(out, "   and {} more", thousands(left));
    }
    out
}

fn findings(incident: &Incident, screen: Screen) -> String {
    let mut out = String::new();
    let paint = screen.paint;
    let (first, more) = incident.first_findings();
    for f in first {
        let word = pad(&f.severity.id().to_uppercase(), 9);
        let subject =
            fit(&shown(&f.subject), screen.width.saturating_sub(3 + 9 + 2 + Rule::id(f.rule).len() + 2).max(20));
        let _ = writeln!(out, "   {} {}  {subject}", severity_paint(f.severity, paint, &word), paint.bold(f.rule.id()));
        let often = if f.count == 1 { "once".to_owned() } else { format!("{} times", thousands(f.count)) };
        let title = f.rule.entry().title;
        let line = format!("{title} · {} · {often} · {}", screen.span(f.first_seen, f.last_seen), f.confidence);
        out.push_str(&wrap(&line, 13, screen.width, 3));
        if f.severity >= Severity::Low {
            let detail = detail_lines(&f.detail);
            let lines = detail.lines().map(|line| wrap(&shown(line), 13, screen.width, 4));
            out.extend(lines);
        }
        if f.severity >= Severity::Medium && !f.fix.is_empty() {
            for line in
                wrap(&format!("fix: {}", shown(&capital(&f.fix).replace('\n', " "))), 13, screen.width, 4).lines()
            {
                let _ = writeln!(out, "{}", paint.cyan(line));
            }
        }
    }
    if !more.is_empty() {
        out.push_str(&wrap(
            &format!("{}: --format jsonl lists all", more_findings(&more)),
            3,
            screen.width,
            usize::MAX,
        ));
    }
    out
}

/// `and 901 more of blocked_after_effect, 3 more of max_age`
#[must_use]
pub fn more_findings(more: &BTreeMap<Rule, u64>) -> String {
    let told: Vec<String> = more.iter().map(|(rule, n)| format!("{} more of {rule}", thousands(*n))).collect();
    format!("and {}", told.join(", "))
}

/// Of each target what fails, item by item; what passes and what was not seen by number.
fn checklists(incident: &Incident, screen: Screen) -> String {
    let mut out = String::new();
    for checks in incident.checklists.chunk_by(|a, b| a.target_origin == b.target_origin).take(ROWS_MAX) {
        let Some(first) = checks.first() else { continue };
        let count = |state: &str| checks.iter().filter(|c| c.state == state).count();
        let told = format!("{} fail, {} pass, {} not seen", count("fail"), count("pass"), count("not_seen"));
        let _ = writeln!(out, "   {}  {told}", screen.paint.bold(&shown(&first.target_origin)));
        for check in checks.iter().filter(|c| c.state == "fail") {
            let text = format!("fail  {} ({}): {}", shown(&check.title), shown(&check.list), why(check));
            out.push_str(&wrap(&text, INDENT, screen.width, 3));
        }
    }
    out
}

/// Why an item stands as it does.
#[must_use]
pub fn why(check: &StoredCheck) -> String {
    let mut parts = Vec::new();
    if !check.rules.is_empty() {
        parts.push(check.rules.replace(' ', ", "));
    }
    if !check.note.is_empty() {
        parts.push(check.note.clone());
    }
    if check.state != "fail" {
        parts.push(plural(unsigned(check.relevant), "relevant answer"));
    }
    shown(&parts.join("; "))
}

/// A finding's detail with its first and its latest case on lines of their own.
#[must_use]
pub fn detail_lines(detail: &str) -> String {
    detail.replace(" first: ", "\nfirst: ").replace(" latest: ", "\nlatest: ")
}

/// Names with what passed, what was refused, and what stays open.
fn table(groups: &[TrafficGroup], name: impl Fn(&TrafficGroup) -> String, screen: Screen) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut out = format!("   {:>9} {:>9} {:>9}\n", "refused", "allowed", "undecided");
    for group in groups.iter().take(ROWS_MAX) {
        let count = |n: i64| thousands(unsigned(n));
        let blocked = format!("{:>9}", count(group.blocked));
        let blocked = if group.blocked > 0 { screen.paint.red(&blocked) } else { blocked };
        let name = fit(&name(group), screen.width.saturating_sub(35));
        let _ = writeln!(out, "   {blocked} {:>9} {:>9}  {name}", count(group.allowed), count(group.undecided));
    }
    if groups.len() > ROWS_MAX {
        let _ = writeln!(out, "   and {} more", groups.len() - ROWS_MAX);
    }
    out
}

/// A page origin, or words for none.
#[must_use]
pub fn origin(name: &str) -> String {
    if name.is_empty() { "no origin sent".to_owned() } else { shown(name) }
}

fn browsers(incident: &Incident, screen: Screen) -> String {
    if incident.browsers.keys() == 0 {
        return String::new();
    }
    wrap(&format!("refusals by {}", names(&incident.browsers, |b| shown(b), ROWS_MAX)), 3, screen.width, 4)
}

fn coverage(incident: &Incident, screen: Screen) -> String {
    let mut out = String::new();
    let skipped = incident.runs.len().saturating_sub(RUNS_MAX);
    for run in incident.runs.iter().skip(skipped) {
        let c = counters(run);
        let source = shown(&run.source);
        let state = if run.ended.is_none() { ", still going on or killed" } else { "" };
        let _ = writeln!(
            out,
            "   run {}: {} of {}{state}",
            run.id,
            run.kind,
            fit(&source, screen.width.saturating_sub(45))
        );
        let mut text = format!("{}; {}", packets_text(&c, unsigned(run.packets_lost)), connections_text(&c));
        if let Some(unseen) = not_seen(&c) {
            let _ = write!(text, "; NOT SEEN {unseen}");
        }
        out.push_str(&wrap(&text, INDENT, screen.width, 6));
    }
    if skipped > 0 {
        let _ = writeln!(out, "   and {} before", plural(skipped as u64, "run"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_show_the_least_and_scale_to_the_most() {
        assert_eq!(sparkline(&[0, 1, 4, 8], 8), "·▁▄█");
        assert_eq!(sparkline(&[0, 1, 1000], 1000), "·▁█");
        assert_eq!(sparkline(&[0, 0], 0), "··");
    }
}
