//! The report for eyes: the answer first, then evidence, then how far to trust it.

use std::fmt::Write as _;

use super::layout::{bytes, clock, columns, day, duration, fit, pad, percent, plural, span, thousands, wrap};
use super::problems::{Counts, Problem, Problems, Refusal};
use super::{Summary, shown};
use crate::catalog::{Reason, Severity};
use crate::counters::Counters;
use crate::packet::Time;
use crate::record::{Confidence, Finding, Phase, Transaction, Verdict};

/// Problems shown with all their lines; more get one line each.
const PROBLEMS_WHOLE_MAX: usize = 8;
/// Problems shown at all.
const PROBLEMS_MAX: usize = 25;
/// Findings of severity medium and above that get a line.
const FINDINGS_MAX: usize = 14;
/// Endpoints, origins or browsers named in one line.
const NAMES_MAX: usize = 4;
/// What a line begins with below a problem's count.
const INDENT: usize = 7;

/// Colours, where they are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paint {
    /// Escape sequences are written.
    pub on: bool,
}

macro_rules! colours {
    ($($name:ident = $code:literal),+) => {
        $(/// The text in that style.
        #[must_use]
        pub fn $name(self, text: &str) -> String {
            if self.on { format!(concat!("\x1b[", $code, "m{}\x1b[0m"), text) } else { text.to_owned() }
        })+
    };
}

impl Paint {
    colours!(bold = "1", dim = "2", red = "31", green = "32", yellow = "33", cyan = "36", alarm = "1;31");
}

/// Where text is shown.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Its colours.
    pub paint: Paint,
    /// Its columns.
    pub width: usize,
}

impl Screen {
    /// A title that stands out, filled up to ten columns.
    fn title(self, text: &str, style: fn(Paint, &str) -> String) -> String {
        format!("{}{}", style(self.paint, text), " ".repeat(10_usize.saturating_sub(columns(text)).max(2)))
    }

    /// `title`, and a text that goes on under its own first word.
    fn paragraph(self, title: &str, style: fn(Paint, &str) -> String, text: &str, lines_max: usize) -> String {
        let wrapped = wrap(text, 10, self.width, lines_max);
        format!("{}{}", self.title(title, style), wrapped.trim_start_matches(' '))
    }
}

/// What a replay found, gathered for one page.
#[derive(Debug)]
pub struct Report {
    screen: Screen,
    problems: Problems,
    undecided: Counts<Reason>,
    db: Option<String>,
}

impl Report {
    /// Nothing seen yet. `db` is where it is recorded, too.
    #[must_use]
    pub fn new(screen: Screen, db: Option<String>) -> Self {
        Report { screen, problems: Problems::default(), undecided: Counts::new(Reason::ALL.len()), db }
    }

    /// Takes a transaction; tells whether it is the first one of a problem.
    pub fn on_transaction(&mut self, t: &Transaction) -> bool {
        if t.verdict == Verdict::Undecided
            && let Some(reason) = t.reason
        {
            self.undecided.add(reason, 1);
        }
        Refusal::of(t).is_some_and(|refusal| self.problems.add(&refusal))
    }

    /// One line for the first transaction of a problem, as it comes.
    #[must_use]
    pub fn one_line(&self, t: &Transaction) -> String {
        let text = format!(
            "{} {} {}{} from {}: {}",
            t.reason.map_or("", Reason::id),
            shown(&t.method),
            shown(&t.target_origin),
            shown(&t.path),
            shown(t.origin.as_deref().unwrap_or("no origin")),
            shown(&t.detail),
        );
        let paint = self.screen.paint;
        let room = self.screen.width.saturating_sub(18);
        format!("{}  {}  {}\n", paint.dim(&clock(t.time)), paint.alarm("BLOCKED"), fit(&text, room))
    }

    /// A blocked or undecided transaction with the headers of both legs; nothing for others.
    #[must_use]
    pub fn side_by_side(&self, t: &Transaction) -> String {
        match t.verdict {
            Verdict::Blocked | Verdict::Undecided => super::legs::side_by_side(t, self.screen),
            Verdict::Allowed | Verdict::NotCors => String::new(),
        }
    }

    /// The whole report.
    #[must_use]
    pub fn finish(self, s: &Summary) -> String {
        let Report { screen, problems, undecided, db } = self;
        let (clients, overflow) = (problems.clients().clone(), problems.overflow());
        let problems = problems.finish();
        let first_id = problems.first().and_then(|p| p.cited.first()).cloned();
        let mut out = input_line(s, screen);
        if let Some(why) = diagnosis(s) {
            out.push_str(&screen.paragraph("NOTE", Paint::yellow, &shown(&why), 4));
        }
        out.push('\n');
        if s.judged() > 0 {
            out.push_str(&blocked_line(s, &problems, &clients, screen));
            out.push_str(&problem_list(&problems, screen));
            if overflow > 0 {
                let _ = writeln!(
                    out,
                    "{:INDENT$}and {} of further problems, too many to tell apart",
                    "",
                    plural(overflow, "refusal")
                );
            }
        }
        let findings = s.findings();
        out.push_str(&findings_section(&findings, s.findings_overflow, screen));
        if s.count(Verdict::Undecided) > 0 {
            let told = names(&undecided, |r| r.id(), usize::MAX);
            let text = format!("{}: {told}", thousands(s.count(Verdict::Undecided)));
            out.push_str(&screen.paragraph("UNDECIDED", Paint::yellow, &text, 3));
        }
        if let Some(text) = not_seen(&s.counters) {
            out.push_str(&screen.paragraph("NOT SEEN", Paint::yellow, &text, 3));
        }
        out.push_str(&coverage(s, screen));
        out.push_str(&next_line(s, &problems, first_id, db.as_deref(), screen));
        out
    }
}

/// What was read, and from when to when.
fn input_line(s: &Summary, screen: Screen) -> String {
    let what = match s.inputs.as_slice() {
        [one] if one.path == "-" => "standard input".to_owned(),
        [one] => shown(&one.path),
        many => plural(many.len() as u64, "capture"),
    };
    let mut text = format!("{}, {}", plural(s.counters.packets, "packet"), bytes(s.counters.bytes));
    if let (Some(first), Some(last)) = (s.first_packet, s.last_packet) {
        let (from, to) = (day(first), day(last));
        let times = if from == to { format!("{from} {}", span(first, last)) } else { span(first, last) };
        let _ = write!(text, ", {times} UTC ({})", duration(s.span_ns()));
    }
    let cut_short = s.inputs.iter().filter(|i| i.error.is_some()).count();
    if cut_short > 0 {
        let _ = write!(text, ", {cut_short} of {} not read whole", plural(s.inputs.len() as u64, "input"));
    }
    format!("{}  {text}\n", screen.paint.bold(&what))
}

fn blocked_line(s: &Summary, problems: &[Problem], clients: &Counts<std::net::IpAddr>, screen: Screen) -> String {
    let (blocked, judged) = (s.count(Verdict::Blocked), s.judged());
    let of = format!("{} of {}", thousands(blocked), plural(judged, "cross-origin transaction"));
    if blocked == 0 {
        let told = if s.count(Verdict::Undecided) == judged { "0" } else { "none" };
        let of = format!("{told} of {}", plural(judged, "cross-origin transaction"));
        return screen.paragraph("BLOCKED", Paint::green, &of, 1);
    }
    let mut targets: Vec<&str> = problems.iter().map(|p| p.target_origin.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    let text = format!(
        "{of}: {} at {}, {} hit",
        plural(problems.len() as u64, "problem"),
        plural(targets.len() as u64, "target"),
        clients_text(clients),
    );
    let taken: u64 = problems.iter().map(|p| p.taken).sum();
    let possible: u64 = problems.iter().map(|p| p.possible).sum();
    let mut out = screen.paragraph("BLOCKED", Paint::alarm, &text, 2);
    if taken + possible > 0 {
        let told = [(taken, "carried out on the server though refused"), (possible, "may have been")];
        let told: Vec<String> =
            told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", thousands(*n))).collect();
        let text = format!("{}: look for duplicates before anybody retries", told.join(", "));
        let _ = writeln!(out, "{:10}{}", "", screen.paint.red(&fit(&text, screen.width.saturating_sub(10))));
    }
    out
}

fn clients_text(clients: &Counts<std::net::IpAddr>) -> String {
    if clients.others() > 0 {
        format!("{} clients", clients.keys_text())
    } else {
        plural(clients.keys() as u64, "client")
    }
}

/// The problems, the worst with all their lines.
fn problem_list(problems: &[Problem], screen: Screen) -> String {
    let mut out = String::new();
    for (nth, problem) in problems.iter().take(PROBLEMS_MAX).enumerate() {
        out.push_str(&problem_head(problem, screen));
        if nth < PROBLEMS_WHOLE_MAX {
            out.push_str(&problem_lines(problem, 2, screen));
        }
    }
    let left = problems.get(PROBLEMS_MAX..).unwrap_or_default();
    if !left.is_empty() {
        let refusals: u64 = left.iter().map(|p| p.count).sum();
        let _ = writeln!(
            out,
            "{:>5}  in {} (corstap report, after replay --db, tells all)",
            thousands(refusals),
            plural(left.len() as u64, "further problem")
        );
    }
    out
}

/// `   25  missing_allow_origin, actual  https://api.shop.test  POST /v1/orders ×19, PUT /v1/orders/{} ×6`
fn problem_head(p: &Problem, screen: Screen) -> String {
    let count = thousands(p.count);
    let reason = p.reason.id();
    let phase = match p.phase {
        Phase::Preflight => "preflight",
        Phase::Actual => "actual",
    };
    let endpoints = endpoints(p, NAMES_MAX);
    let target = shown(&p.target_origin);
    let used = 7 + reason.len() + phase.len() + 6 + columns(&target);
    let endpoints = fit(&endpoints, screen.width.saturating_sub(used).max(20));
    let paint = screen.paint;
    format!(
        "{}  {}, {phase}  {}  {endpoints}\n",
        paint.bold(&pad_left(&count, 5)),
        paint.red(reason),
        paint.bold(&target)
    )
}

/// Method and path of the endpoints that a problem has, with counts where there are several.
#[must_use]
pub fn endpoints(p: &Problem, names_max: usize) -> String {
    names(&p.endpoints, |(method, path)| format!("{} {}", shown(method), shown(path)), names_max)
}

/// A problem's lines below its head.
fn problem_lines(p: &Problem, fix_lines_max: usize, screen: Screen) -> String {
    let mut out = String::new();
    let paint = screen.paint;
    let who = [
        span(p.first, p.last),
        clients_text(&p.clients),
        names(&p.families, |f| f.id().to_owned(), NAMES_MAX),
        format!(
            "from {}",
            names(&p.origins, |o| if o.is_empty() { "no origin".to_owned() } else { shown(o) }, NAMES_MAX)
        ),
        names(&p.confidence, |c| c.id().to_owned(), NAMES_MAX),
        p.cited.first().cloned().unwrap_or_default(),
    ];
    out.push_str(&wrap(&who.join(" · "), INDENT, screen.width, 2));
    out.push_str(&wrap(&what_happened(p), INDENT, screen.width, 2));
    if let Some(effect) = effect(p) {
        painted(&mut out, &wrap(&effect, INDENT, screen.width, 2), |line| paint.red(line));
    }
    if let Some(text) = cause_and_fix(p) {
        painted(&mut out, &wrap(&text, INDENT, screen.width, fix_lines_max), |line| paint.cyan(line));
    }
    out
}

fn painted(out: &mut String, lines: &str, style: impl Fn(&str) -> String) {
    for line in lines.lines() {
        let _ = writeln!(out, "{}", style(line));
    }
}

/// What decided, with the statuses where they differ.
#[must_use]
pub fn what_happened(p: &Problem) -> String {
    let mut text = shown(&p.detail);
    if p.statuses.keys() > 1 {
        let statuses = names(&p.statuses, |s| if *s == 0 { "no answer".to_owned() } else { s.to_string() }, 6);
        let _ = write!(text, "; statuses: {statuses}");
    }
    text
}

/// What it did on the server; none where nothing points to that.
#[must_use]
pub fn effect(p: &Problem) -> Option<String> {
    if p.taken + p.possible == 0 {
        return None;
    }
    let mut parts = Vec::new();
    if p.taken > 0 {
        let (was, page) = if p.taken == 1 { ("was", "its page") } else { ("were", "their pages") };
        parts.push(format!("{} {was} carried out (2xx) though {page} saw an error", thousands(p.taken)));
    }
    if p.possible > 0 {
        parts.push(format!("{} may have been", thousands(p.possible)));
    }
    let mut text = format!("EFFECT  {}", parts.join("; "));
    if let (Some(ns), true) = (p.repeat_ns_min, p.repeats > 0) {
        let times = if p.repeats == 1 { "once".to_owned() } else { format!("{} times", thousands(p.repeats)) };
        let _ = write!(text, ": the same request came again within seconds {times}, soonest after {}", duration(ns));
    }
    Some(text)
}

/// The likeliest mistakes and what to change; none where nothing is known of them.
fn cause_and_fix(p: &Problem) -> Option<String> {
    let mut text = names(&p.causes, |c| c.id().to_owned(), NAMES_MAX);
    if let Some(sure) = p.cause_confidence.filter(|c| *c != Confidence::Certain) {
        let _ = write!(text, " ({sure})");
    }
    // One fix, that of the commonest cause: the others are in `report`.
    let commonest = p.causes.largest_first().first().map(|(cause, _)| **cause);
    let fix = p.fixes.iter().find(|(cause, _)| *cause == commonest).or(p.fixes.first());
    if let Some((_, fix)) = fix {
        let fix = fix.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(text, "{}fix: {}", if text.is_empty() { "" } else { " · " }, shown(&fix));
    }
    (!text.is_empty()).then_some(text)
}

/// Keys with their counts, the largest first; the counts are left out where there is just one key.
pub fn names<K: Ord + Clone, T: AsRef<str>>(counts: &Counts<K>, name: impl Fn(&K) -> T, names_max: usize) -> String {
    let all = counts.largest_first();
    if let ([(only, _)], 0) = (all.as_slice(), counts.others()) {
        return name(only).as_ref().to_owned();
    }
    let mut told: Vec<String> =
        all.iter().take(names_max).map(|(key, n)| format!("{} ×{}", name(key).as_ref(), thousands(*n))).collect();
    let left: u64 = all.iter().skip(names_max).map(|(_, n)| n).sum::<u64>() + counts.others();
    if left > 0 {
        told.push(format!("others ×{}", thousands(left)));
    }
    told.join(", ")
}

fn pad_left(text: &str, to: usize) -> String {
    format!("{text:>to$}")
}

/// Findings: a line for each rule of the worse ones, the rest in a line by severity.
fn findings_section(findings: &[&Finding], overflow: u64, screen: Screen) -> String {
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
    let loud = groups.iter().filter(|g| g.severity >= Severity::Medium).count().min(FINDINGS_MAX);
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
        let wrapped = wrap(&told.join(", "), 12, screen.width, 2);
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
    let when = format!("{}{times}", span(g.first, g.last));
    let room = screen.width.saturating_sub(12 + 29 + 1 + columns(&when) + 2).max(20);
    let subjects = fit(&g.subjects.iter().map(|s| shown(s)).collect::<Vec<_>>().join(", "), room);
    let paint = screen.paint;
    format!("  {}{} {subjects}  {}\n", severity_paint(g.severity, paint, &word), paint.bold(&rule), paint.dim(&when))
}

fn severity_paint(severity: Severity, paint: Paint, text: &str) -> String {
    match severity {
        Severity::Critical | Severity::High => paint.alarm(text),
        Severity::Medium => paint.yellow(text),
        Severity::Low | Severity::Info => paint.dim(text),
    }
}

/// What went by and cannot be judged; none where there was nothing of the kind.
#[must_use]
pub fn not_seen(c: &Counters) -> Option<String> {
    let mut told = Vec::new();
    if c.carried.tls > 0 {
        let share = percent(c.tls_bytes, c.tcp_bytes);
        told.push(format!("{} ({share} of TCP bytes)", plural(c.carried.tls, "TLS connection")));
    }
    for (n, what) in [
        (c.quic_connections, "QUIC connection"),
        (c.carried.http2, "HTTP/2 connection"),
        (c.one_sided, "connection captured in one direction only"),
        (c.midstream, "connection joined midway"),
    ] {
        if n > 0 {
            told.push(plural_phrase(n, what));
        }
    }
    (!told.is_empty()).then(|| told.join(", "))
}

/// `3 connections joined midway`: the plural is of the first word.
fn plural_phrase(n: u64, phrase: &str) -> String {
    match phrase.split_once("connection") {
        Some((before, after)) => format!("{}{after}", plural(n, &format!("{before}connection"))),
        None => plural(n, phrase),
    }
}

/// How far to trust it: numbers that add up.
fn coverage(s: &Summary, screen: Screen) -> String {
    let c = &s.counters;
    let text = [packets_text(c, s.packets_lost), connections_text(c), transactions_text(s)].join("; ");
    screen.paragraph("Coverage", Paint::dim, &text, 6)
}

/// Packets by what became of them.
#[must_use]
pub fn packets_text(c: &Counters, packets_lost: u64) -> String {
    let mut text = format!("{} = {} TCP", plural(c.packets, "packet"), thousands(c.segments));
    let other = c.packets.saturating_sub(c.segments);
    if other > 0 {
        let kinds: Vec<String> = c
            .ignored
            .by_cause()
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| format!("{kind} {}", thousands(*n)))
            .collect();
        let _ = write!(text, " + {} other ({})", thousands(other), kinds.join(", "));
    }
    let _ = write!(
        text,
        ", {} lost by the capture, {} cut by the snap length",
        thousands(packets_lost),
        thousands(c.truncated)
    );
    let _ = write!(text, ", {}", plural(c.gaps.total(), "gap"));
    if c.gaps.total() > 0 {
        let _ = write!(text, " ({})", bytes(c.gap_bytes));
    }
    for (n, what) in [
        (c.http_errors.total(), "broken message"),
        (c.evictions.total(), "connection forgotten early"),
        (c.forgotten.total(), "judgement forgotten early"),
    ] {
        if n > 0 {
            let _ = write!(text, ", {}", plural_phrase(n, what));
        }
    }
    text
}

/// Connections by what they carried.
#[must_use]
pub fn connections_text(c: &Counters) -> String {
    let parts = [
        (c.carried.http1, "HTTP"),
        (c.carried.tls, "TLS"),
        (c.carried.http2, "HTTP/2"),
        (c.carried.ssh, "SSH"),
        (c.carried.not_http, "other protocols"),
        (c.connections.saturating_sub(c.carried.total() - c.carried.empty), "without payload"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", thousands(*n))).collect();
    let mut text = plural(c.connections, "connection");
    if !parts.is_empty() {
        let _ = write!(text, " = {}", parts.join(" + "));
    }
    let _ = write!(text, ", {}, {}", plural(c.requests, "request"), plural(c.responses, "answer"));
    text
}

fn transactions_text(s: &Summary) -> String {
    let total: u64 = Verdict::ALL.iter().map(|v| s.count(*v)).sum();
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .filter(|v| s.count(**v) > 0)
        .map(|v| format!("{} {}", thousands(s.count(*v)), v.id().replace("not_cors", "not CORS")))
        .collect();
    let mut text = plural(total, "transaction");
    if !parts.is_empty() {
        let _ = write!(text, " = {}", parts.join(" + "));
    }
    if s.judged() > 0 {
        let _ =
            write!(text, ", {} of {} judged with certainty", percent(s.certain(), s.judged()), thousands(s.judged()));
    }
    text
}

fn next_line(s: &Summary, problems: &[Problem], first_id: Option<String>, db: Option<&str>, screen: Screen) -> String {
    let mut steps = Vec::new();
    let path = match s.inputs.as_slice() {
        [one] if one.path != "-" => shown(&one.path),
        _ => "…".to_owned(),
    };
    if let Some(problem) = problems.first() {
        steps.push(format!("corstap explain {}", problem.reason.id()));
    }
    match db {
        Some(db) => {
            let db = shown(db);
            if let Some(id) = first_id {
                steps.push(format!("corstap explain {id} --db {db}"));
            }
            if s.judged() > 0 {
                steps.push(format!("corstap report --db {db} --format html > report.html"));
            }
        }
        None if s.judged() > 0 => {
            if !problems.is_empty() {
                steps.push(format!("corstap replay {path} -v"));
            }
            steps.push(format!(
                "corstap replay {path} --db incident.db && corstap report --db incident.db --format html > incident.html"
            ));
        }
        None => steps.push(format!("corstap inspect {path}")),
    }
    if steps.is_empty() {
        return String::new();
    }
    screen.paragraph("Next", Paint::dim, &steps.join(" · "), 3)
}

/// One line on why there is nothing to judge, or why little of it can be, where that is so.
#[must_use]
pub fn diagnosis(s: &Summary) -> Option<String> {
    let c = &s.counters;
    let messages = c.requests + c.responses;
    if c.packets == 0 {
        return Some("no packets: nothing was captured, or a filter let nothing pass".to_owned());
    }
    if messages == 0 {
        return Some(no_http(c));
    }
    if c.requests == 0 || c.responses == 0 {
        let (seen, missing) = if c.responses == 0 { ("requests", "answers") } else { ("answers", "requests") };
        return Some(format!(
            "only {seen} were captured, no {missing}: the tap sees one direction (asymmetric routing, or a mirror port that \
             copies only what is received); capture both, or where both pass"
        ));
    }
    if c.one_sided.saturating_mul(2) > c.carried.http1 {
        return Some(format!(
            "{} of {} were captured in one direction only: most cannot be judged; capture where both directions pass",
            thousands(c.one_sided),
            plural(c.carried.http1, "HTTP connection"),
        ));
    }
    if c.truncated.saturating_mul(2) > c.segments {
        return Some(format!(
            "{} of {} were cut by the snap length: headers may be missing; capture whole packets (tcpdump -s 0)",
            thousands(c.truncated),
            plural(c.packets, "packet")
        ));
    }
    if s.judged() == 0 {
        return Some(format!(
            "{}, none of them cross-origin: CORS had nothing to decide here",
            plural(c.requests, "HTTP request")
        ));
    }
    None
}

/// Why not one HTTP message was seen.
fn no_http(c: &Counters) -> String {
    let ignored = &c.ignored;
    if c.segments == 0 {
        let kinds: Vec<String> = ignored
            .by_cause()
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| format!("{kind} {}", thousands(n)))
            .collect();
        let why = if ignored.link_type == c.packets {
            "a link type that is not decoded"
        } else if ignored.encrypted_link > c.packets / 2 {
            "an encrypted link"
        } else if c.quic_connections > 0 {
            "HTTP/3 (QUIC) is encrypted and cannot be read"
        } else {
            "is it the right interface and filter?"
        };
        return format!("no TCP in {} ({}): {why}", plural(c.packets, "packet"), kinds.join(", "));
    }
    if c.carried.tls > 0 {
        let all = c.tls_bytes.saturating_mul(100) >= c.tcp_bytes.saturating_mul(99);
        let share = if all { "everything".to_owned() } else { percent(c.tls_bytes, c.tcp_bytes) };
        return format!(
            "no plain HTTP: {share} of the TCP payload is TLS, which cannot be read here; capture behind the TLS \
             terminator, where the proxy speaks plain HTTP to the application"
        );
    }
    if c.carried.http2 > 0 {
        return format!(
            "no HTTP/1: {} cannot be judged here",
            plural_phrase(c.carried.http2, "HTTP/2 connection in plain text")
        );
    }
    if c.one_sided > 0 && c.one_sided * 2 > c.connections {
        return "no HTTP that can be read: only one direction of the connections was captured".to_owned();
    }
    if c.truncated * 2 > c.segments {
        return "no HTTP: the snap length cut the packets before it; capture whole packets (tcpdump -s 0)".to_owned();
    }
    let other = c.carried.not_http + c.carried.ssh;
    let told =
        if other > 0 { format!("{} of another protocol", thousands(other)) } else { "no payload at all".to_owned() };
    format!("no HTTP in {}: {told}", plural(c.connections, "connection"))
}
