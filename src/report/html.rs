//! An incident as one self-contained page: no script, no request to anywhere, for screens in light and dark, and for paper.

use super::coverage::{connections_text, not_seen, packets_text};
use super::incident::{Incident, counters, unsigned};
use super::incident_text::{METHOD, RUNS_MAX, all_bars, detail_lines, more_findings, origin, title, when, why};
use super::layout::{capital, dated_span, plural, span, step, thousands};
use super::markup::Markup;
use super::plots::{self, colour};
use super::problem_text::{blocked_text, client_of, clients_text, effect, effects_text, names, what_happened};
use super::problems::{Problem, clients_hit};
use super::shown;
use crate::catalog::fixes::laid_out;
use crate::packet::Time;
use crate::record::{Finding, Phase};
use crate::store::queries::TrafficGroup;

const CSS: &str = include_str!("page.css");
/// Names in one line of a problem.
const NAMES_MAX: usize = 12;
/// Targets whose checklists are shown.
const CHECKLISTS_MAX: usize = 30;
/// Rows of a table of traffic.
const ROWS_MAX: usize = 30;

/// The page.
#[must_use]
pub fn page(incident: &Incident) -> String {
    let mut m = Markup::default();
    m.raw(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
    );
    m.text("Incident report: ")
        .text(&incident.db)
        .raw("</title>\n<style>\n")
        .raw(CSS)
        .raw("</style>\n</head>\n<body>\n");
    m.raw("<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n<header>\n<h1>Incident report</h1>\n<p class=\"sub\">");
    m.text(&subtitle(incident)).raw("</p>\n</header>\n");
    let sections = sections(incident);
    m.raw("<nav aria-label=\"Sections\"><ul>");
    for section in &sections {
        m.raw("<li><a href=\"#").raw(section.id).raw("\">").raw(section.name).raw("</a></li>");
    }
    m.raw("</ul></nav>\n<main>\n");
    for section in &sections {
        m.raw("<section id=\"")
            .raw(section.id)
            .raw("\" aria-labelledby=\"h-")
            .raw(section.id)
            .raw("\" tabindex=\"-1\">\n");
        m.raw("<h2 id=\"h-").raw(section.id).raw("\">").raw(section.title).raw("</h2>\n");
        (section.write)(&mut m, incident);
        m.raw("</section>\n");
    }
    m.raw("</main>\n<footer><p>").text(&format!("Written by corstap {} from ", env!("CARGO_PKG_VERSION")));
    m.element("<code>", &incident.db, "</code>")
        .raw(". No script, nothing loaded from anywhere.</p></footer>\n</body>\n</html>\n");
    m.finish()
}

/// A part of the page.
struct Section {
    id: &'static str,
    name: &'static str,
    title: &'static str,
    write: fn(&mut Markup, &Incident),
}

/// The parts that have something to tell.
fn sections(incident: &Incident) -> Vec<Section> {
    let section = |id, name, title, write| Section { id, name, title, write };
    let mut all = vec![section("summary", "Summary", "Summary", summary as fn(&mut Markup, &Incident))];
    if !incident.problems.is_empty() {
        all.push(section("timeline", "Timeline", "Timeline", timeline));
        all.push(section("causes", "Causes", "Causes, those that hit most people first", problems));
    }
    if !incident.carried_out.is_empty() {
        all.push(section("effects", "Carried out", "Carried out although refused", carried_out));
    }
    if !incident.findings.is_empty() {
        all.push(section("findings", "Findings", "Findings, the worst first", findings));
    }
    if !incident.checklists.is_empty() {
        all.push(section("checklists", "Checklists", "Checklists, judged from traffic", checklists));
    }
    if !incident.targets.is_empty() {
        all.push(section("traffic", "Traffic", "Targets, page origins, endpoints, browsers", traffic));
    }
    all.push(section("coverage", "Coverage", "What could not be seen", coverage));
    all.push(section("method", "Method", "Method", method));
    all
}

fn subtitle(incident: &Incident) -> String {
    let mut parts = Vec::new();
    parts.extend(when(incident));
    let mut sensors: Vec<&str> = incident.runs.iter().map(|r| r.sensor.as_str()).collect();
    sensors.sort_unstable();
    sensors.dedup();
    if !sensors.is_empty() {
        parts.push(format!("sensor {}", sensors.join(", ")));
    }
    parts.push(incident.db.clone());
    parts.join(" · ")
}

fn summary(m: &mut Markup, incident: &Incident) {
    if incident.judged() == 0 {
        m.raw("<p class=\"answer\">No cross-origin request was seen: there was nothing for CORS to decide.</p>\n");
        return;
    }
    let blocked = blocked_text(incident.blocked, incident.judged(), &incident.problems, incident.overflow);
    m.raw("<p class=\"answer\">Browsers refused <strong class=\"");
    m.raw(if incident.blocked > 0 { "bad" } else { "good" }).raw("\">").text(&blocked).raw("</strong>.");
    if let Some(effects) = effects_text(&incident.problems) {
        m.raw(" ").text(&capital(&effects)).raw(".");
    }
    m.raw("</p>\n<ul class=\"cards\">");
    let refused = if incident.blocked > 0 { "bad" } else { "" };
    let acted = incident.taken() + incident.possible();
    let cards = [
        (refused, incident.blocked, "refused"),
        ("", incident.allowed, "allowed"),
        ("", incident.undecided, "undecided"),
        ("", clients_hit(&incident.problems).keys() as u64, "clients hit"),
        (if acted > 0 { "bad" } else { "" }, acted, "carried out, or maybe, though refused"),
        (if incident.findings.is_empty() { "" } else { "open" }, incident.findings.len() as u64, "findings"),
    ];
    for (class, n, words) in cards {
        m.raw("<li class=\"")
            .raw(class)
            .raw("\"><b>")
            .text(&thousands(n))
            .raw("</b> <span>")
            .raw(words)
            .raw("</span></li>");
    }
    m.raw("</ul>\n");
}

fn timeline(m: &mut Markup, incident: &Incident) {
    let Some(timeline) = incident.timeline else { return };
    let names: Vec<String> = incident.problems.iter().map(|p| format!("{}, {}", title(p), p.target_origin)).collect();
    m.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Plot of refusals over time\">");
    plots::timeline(m, &incident.problems, timeline, &names);
    m.raw("</div>\n");
    m.raw("<ul class=\"legend\">");
    for (nth, name) in names.iter().enumerate().take(plots::COLOURS) {
        m.raw("<li><svg class=\"key\" aria-hidden=\"true\" viewBox=\"0 0 10 10\"><rect class=\"").raw(colour(nth));
        m.raw("\" width=\"10\" height=\"10\"/></svg>").text(name).raw("</li>");
    }
    if names.len() > plots::COLOURS {
        m.raw("<li><svg class=\"key\" aria-hidden=\"true\" viewBox=\"0 0 10 10\"><rect class=\"cx\" width=\"10\" height=\"10\"/></svg>");
        m.text(&plural((names.len() - plots::COLOURS) as u64, "other")).raw("</li>");
    }
    m.raw("</ul>\n<p class=\"sub\">");
    m.text(&format!("A bar is {}. Times are UTC, as captured.", step(timeline.step_ns))).raw("</p>\n");
    m.raw("<details><summary>The numbers as a table</summary>");
    open_table(m, "Refusals over time", &["From", "Refusals"], &[false, true]);
    for (bar, n) in all_bars(&incident.problems, timeline).into_iter().enumerate().filter(|(_, n)| *n > 0) {
        m.raw("<tr><td class=\"t\">")
            .text(&timeline.told(bar))
            .raw("</td><td class=\"n\">")
            .number(n)
            .raw("</td></tr>");
    }
    m.raw("</tbody></table></div></details>\n");
}

fn problems(m: &mut Markup, incident: &Incident) {
    for (nth, problem) in incident.problems.iter().enumerate() {
        one_problem(m, nth, problem, incident.is_dated());
    }
    if incident.overflow > 0 {
        m.raw("<p>And ")
            .text(&plural(incident.overflow, "refusal"))
            .raw(" of further problems, too many to tell apart.</p>\n");
    }
}

fn one_problem(m: &mut Markup, nth: usize, p: &Problem, dated: bool) {
    m.raw("<article class=\"problem ")
        .raw(colour(nth))
        .raw("\" aria-labelledby=\"p")
        .number(nth)
        .raw("\">\n<h3 id=\"p");
    m.number(nth).raw("\"><span class=\"count\">").text(&thousands(p.count)).raw("</span>");
    m.element("<code>", p.reason.id(), "</code> at the ");
    m.raw(match p.phase {
        Phase::Preflight => "preflight",
        Phase::Actual => "actual request",
    });
    if p.is_probing() {
        m.raw(" (rightly: one client trying origins)");
    }
    m.element(", <code>", &p.target_origin, "</code></h3>\n<p>");
    m.text(&what_happened(p)).raw("</p>\n");
    if let Some(text) = effect(p) {
        m.raw("<p class=\"effect\">").text(&capital(&text)).raw(".</p>\n");
    }
    m.raw("<dl>");
    let mut row = |term: &'static str, text: &str| {
        if !text.is_empty() {
            m.raw("<dt>").raw(term).raw("</dt>").element("<dd>", text, "</dd>");
        }
    };
    row("When", &span_told(p.first, p.last, dated));
    row("Who", &format!("{}, {}", clients_text(&p.clients), names(&p.families, |f| f.id().to_owned(), NAMES_MAX)));
    row("Pages", &names(&p.origins, |o| origin(o), NAMES_MAX));
    row("Endpoints", &names(&p.endpoints, |(method, path)| format!("{method} {path}"), NAMES_MAX));
    for (cause, n) in p.causes.largest_first() {
        let often = if p.causes.keys() > 1 { format!(" ×{}", thousands(n)) } else { String::new() };
        let sure = p.cause_confidence.map_or(String::new(), |c| format!(" ({c})"));
        row("Likeliest cause", &format!("{}: {cause}{often}{sure}", cause.entry().title));
    }
    row("Certainty", &names(&p.confidence, |c| c.id().to_owned(), NAMES_MAX));
    m.raw("</dl>\n");
    if p.is_probing() {
        m.raw("<p>One client tried origins that this target does not know: refusing them was right, and no page's user was hit.</p>\n");
    }
    for (cause, fix) in p.fixes.iter().filter(|_| !p.is_probing()) {
        m.raw("<p class=\"fix\"><b>Fix</b>");
        if let Some(cause) = cause.filter(|_| p.fixes.len() > 1) {
            m.text(&format!(" for {cause}"));
        }
        m.raw(": ");
        lines(m, &laid_out(fix));
        m.raw("</p>\n");
    }
    m.raw("<details><summary>Evidence: ")
        .text(&plural(p.cited.len() as u64, "transaction"))
        .raw("</summary><p class=\"mono\">");
    m.text(&p.cited.join(" ")).raw("</p></details>\n</article>\n");
}

/// Text of several lines: the style keeps their ends.
fn lines(m: &mut Markup, text: &str) {
    for (nth, line) in text.lines().enumerate() {
        if nth > 0 {
            m.raw("\n");
        }
        m.text(line);
    }
}

fn carried_out(m: &mut Markup, incident: &Incident) {
    if let Some(text) = effects_text(&incident.problems) {
        m.raw("<p>").text(&capital(&text)).raw(".</p>\n");
    }
    let columns = ["Time", "Acted", "Status", "Client", "Request", "Transaction"];
    open_table(m, "Requests whose page was refused the answer", &columns, &[false, false, true, false, false, false]);
    for row in &incident.carried_out {
        m.raw("<tr><td class=\"t\">").text(row.time.get(11..23).unwrap_or_default()).raw("</td><td>");
        m.raw(if row.effect.as_deref() == Some("taken") { "<span class=\"yes\">yes</span>" } else { "maybe" });
        m.raw("</td><td class=\"n\">").text(&row.actual_status.map_or_else(|| "–".to_owned(), |s| s.to_string()));
        m.raw("</td><td>").text(&client_of(row.forwarded_for.as_deref(), &row.client)).raw("</td><td><code>");
        m.text(&row.method)
            .raw(" ")
            .text(&row.target_origin)
            .text(&row.path)
            .raw("</code></td><td class=\"id\"><code>");
        m.text(&row.id).raw("</code></td></tr>\n");
    }
    m.raw("</tbody></table></div>\n");
    let left = (incident.taken() + incident.possible()).saturating_sub(incident.carried_out.len() as u64);
    if left > 0 {
        m.raw("<p>And ").text(&thousands(left)).raw(" more.</p>\n");
    }
}

fn findings(m: &mut Markup, incident: &Incident) {
    let told: Vec<String> = incident.severities().iter().map(|(s, n)| format!("{} {s}", thousands(*n))).collect();
    m.raw("<p>").text(&told.join(", ")).raw(".</p>\n");
    let (first, more) = incident.first_findings();
    for finding in first {
        one_finding(m, finding, incident.is_dated());
    }
    if !more.is_empty() {
        m.raw("<p>").text(&capital(&more_findings(&more)));
        m.raw(": <code>corstap report --format jsonl</code> lists all.</p>\n");
    }
}

fn span_told(first: Time, last: Time, dated: bool) -> String {
    if dated { dated_span(first, last) } else { span(first, last) }
}

fn one_finding(m: &mut Markup, f: &Finding, dated: bool) {
    m.raw("<article class=\"finding\">\n<h3><span class=\"sev ").raw(f.severity.id()).raw("\">").raw(f.severity.id());
    m.raw("</span> <code>").raw(f.rule.id()).raw("</code> ").text(&f.subject).raw("</h3>\n<p>");
    let often = if f.count == 1 { "once".to_owned() } else { format!("{} times", thousands(f.count)) };
    m.raw(f.rule.entry().title).text(&format!(
        " · {} · {often} · {}",
        span_told(f.first_seen, f.last_seen, dated),
        f.confidence
    ));
    m.raw("</p>\n");
    if !f.detail.is_empty() {
        m.raw("<p class=\"mono lines\">");
        lines(m, &detail_lines(&f.detail));
        m.raw("</p>\n");
    }
    m.raw("<p>").raw(f.rule.entry().why).raw("</p>\n");
    let fix = if f.fix.is_empty() { f.rule.entry().fix } else { &f.fix };
    m.raw("<p class=\"fix\"><b>Fix</b>: ");
    lines(m, &capital(fix));
    m.raw("</p>\n");
    if !f.evidence.is_empty() {
        let ids: Vec<String> = f.evidence.iter().map(ToString::to_string).collect();
        m.raw("<details><summary>Evidence: ")
            .text(&plural(ids.len() as u64, "transaction"))
            .raw("</summary><p class=\"mono\">");
        m.text(&ids.join(" ")).raw("</p></details>\n");
    }
    m.raw("</article>\n");
}

fn checklists(m: &mut Markup, incident: &Incident) {
    m.raw("<p>\"Not seen\" means that there was too little traffic to tell, or that traffic cannot show it.</p>\n");
    for checks in incident.checklists.chunk_by(|a, b| a.target_origin == b.target_origin).take(CHECKLISTS_MAX) {
        let Some(first) = checks.first() else { continue };
        m.raw("<h3><code>").text(&first.target_origin).raw("</code></h3>\n");
        open_table(m, "Checklist", &["State", "List", "Item", "Why"], &[false; 4]);
        for check in checks {
            m.raw(match check.state.as_str() {
                "pass" => "<tr><td class=\"pass\">pass",
                "fail" => "<tr><td class=\"fail\">fail",
                _ => "<tr><td class=\"unseen\">not seen",
            });
            m.raw("</td><td>").text(&check.list).raw("</td><th scope=\"row\">").text(&check.title).raw("</th><td>");
            m.text(&why(check)).raw("</td></tr>\n");
        }
        m.raw("</tbody></table></div>\n");
    }
}

fn traffic(m: &mut Markup, incident: &Incident) {
    groups(m, "Targets", &incident.targets, |g| shown(&g.target_origin));
    groups(m, "Page origins", &incident.origins, |g| origin(&g.name));
    groups(m, "Refused endpoints", &incident.endpoints, |g| format!("{} {}", g.target_origin, g.name));
    if incident.browsers.keys() > 0 {
        m.raw("<h3>Browsers that refused</h3>\n");
        open_table(m, "Refusals by browser", &["Browser", "Refusals"], &[false, true]);
        for (browser, n) in incident.browsers.largest_first() {
            m.raw("<tr><th scope=\"row\">")
                .text(browser)
                .raw("</th><td class=\"n\">")
                .text(&thousands(n))
                .raw("</td></tr>\n");
        }
        m.raw("</tbody></table></div>\n");
    }
}

fn groups(m: &mut Markup, title: &'static str, groups: &[TrafficGroup], name: impl Fn(&TrafficGroup) -> String) {
    if groups.is_empty() {
        return;
    }
    m.raw("<h3>").raw(title).raw("</h3>\n");
    let columns = ["Name", "Refused", "Undecided", "Allowed", "Share"];
    open_table(m, title, &columns, &[false, true, true, true, false]);
    for group in groups.iter().take(ROWS_MAX) {
        let (blocked, undecided, allowed) =
            (unsigned(group.blocked), unsigned(group.undecided), unsigned(group.allowed));
        m.raw("<tr><th scope=\"row\"><code>").text(&name(group)).raw("</code></th>");
        for n in [blocked, undecided, allowed] {
            m.raw("<td class=\"n\">").text(&thousands(n)).raw("</td>");
        }
        m.raw("<td>");
        plots::shares(m, blocked, undecided, allowed);
        m.raw("</td></tr>\n");
    }
    m.raw("</tbody></table></div>\n");
    if groups.len() > ROWS_MAX {
        m.raw("<p>And ").number(groups.len() - ROWS_MAX).raw(" more with fewer refusals.</p>\n");
    }
}

/// A table that scrolls by itself where the screen is narrow, and can be reached by keyboard for that.
fn open_table(m: &mut Markup, caption: &'static str, columns: &[&'static str], numbers: &[bool]) {
    m.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"").raw(caption).raw("\"><table><caption>");
    m.raw(caption).raw("</caption><thead><tr>");
    for (column, number) in columns.iter().zip(numbers) {
        m.raw(if *number { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" }).raw(column).raw("</th>");
    }
    m.raw("</tr></thead><tbody>\n");
}

fn coverage(m: &mut Markup, incident: &Incident) {
    let skipped = incident.runs.len().saturating_sub(RUNS_MAX);
    if skipped > 0 {
        m.raw("<p>The latest of ").text(&plural(incident.runs.len() as u64, "run")).raw(".</p>\n");
    }
    for run in incident.runs.iter().skip(skipped) {
        let c = counters(run);
        m.raw("<h3>Run ").number(unsigned(run.id)).raw(": ").text(&run.kind).raw(" of <code>").text(&run.source);
        m.raw("</code></h3>\n<ul>");
        let mut item = |text: &str| {
            m.element("<li>", text, "</li>");
        };
        item(&format!("corstap {}, sensor {}", run.version, run.sensor));
        item(&packets_text(&c, unsigned(run.packets_lost)));
        item(&connections_text(&c));
        if let Some(unseen) = not_seen(&c) {
            item(&format!("Not seen: {unseen}"));
        }
        if run.ended.is_none() {
            item("Still going on, or killed: the numbers are of its last note.");
        }
        m.raw("</ul>\n");
    }
    if incident.runs.is_empty() {
        m.raw("<p>No run is recorded.</p>\n");
    }
}

fn method(m: &mut Markup, _: &Incident) {
    m.raw("<ul>");
    for line in METHOD {
        m.element("<li>", line, "</li>\n");
    }
    m.raw("</ul>\n");
}
