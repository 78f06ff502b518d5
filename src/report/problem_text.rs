//! Problems as lines of text: what, where, who was hit, what it did, what to change.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::layout::{columns, duration, fit, plural, span, thousands, wrap};
use super::problems::{Counts, Problem};
use super::shown;
use super::text::{Paint, Screen};
use crate::record::{Confidence, Phase};

/// Problems shown with all their lines; more get one line each.
const PROBLEMS_WHOLE_MAX: usize = 8;
/// Problems shown at all.
const PROBLEMS_MAX: usize = 25;
/// Endpoints, origins or browsers named in one line.
const NAMES_MAX: usize = 4;
/// What a line begins with below a problem's count.
pub const INDENT: usize = 7;

/// How many were refused, of how many, and whom that hit.
#[must_use]
pub fn blocked_line(
    blocked: u64,
    judged: u64,
    problems: &[Problem],
    clients: &Counts<IpAddr>,
    screen: Screen,
) -> String {
    let text = blocked_text(blocked, judged, problems, clients.keys() as u64, clients.others() > 0);
    if blocked == 0 {
        return screen.paragraph("BLOCKED", Paint::green, &text, 1);
    }
    let mut out = screen.paragraph("BLOCKED", Paint::alarm, &text, 2);
    if let Some(text) = effects_text(problems) {
        let _ = writeln!(out, "{:10}{}", "", screen.paint.red(&fit(&text, screen.width.saturating_sub(10))));
    }
    out
}

/// `60 of 195 cross-origin transactions: 5 problems at 2 targets, 14 clients hit`
#[must_use]
pub fn blocked_text(blocked: u64, judged: u64, problems: &[Problem], clients: u64, and_more: bool) -> String {
    if blocked == 0 {
        return format!("none of {}", plural(judged, "cross-origin transaction"));
    }
    let mut targets: Vec<&str> = problems.iter().map(|p| p.target_origin.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    format!(
        "{} of {}: {} at {}, {}{} hit",
        thousands(blocked),
        plural(judged, "cross-origin transaction"),
        plural(problems.len() as u64, "problem"),
        plural(targets.len() as u64, "target"),
        if and_more { "more than " } else { "" },
        plural(clients, "client"),
    )
}

/// `8 carried out on the server though refused, 17 may have been: …`; none where none was.
#[must_use]
pub fn effects_text(problems: &[Problem]) -> Option<String> {
    let taken: u64 = problems.iter().map(|p| p.taken).sum();
    let possible: u64 = problems.iter().map(|p| p.possible).sum();
    let told = match (taken, possible) {
        (0, 0) => return None,
        (_, 0) => format!("{} carried out on the server though refused", thousands(taken)),
        (0, _) => format!("{} may have been carried out on the server though refused", thousands(possible)),
        _ => format!(
            "{} carried out on the server though refused, {} may have been",
            thousands(taken),
            thousands(possible)
        ),
    };
    Some(format!("{told}: look for duplicates before anybody retries"))
}

/// The client behind a trusted proxy, or the peer without its port.
#[must_use]
pub fn clients_hit(forwarded_for: Option<&str>, peer: &str) -> String {
    let ip = || peer.parse::<std::net::SocketAddr>().map_or_else(|_| shown(peer), |a| a.ip().to_string());
    forwarded_for.map_or_else(ip, shown)
}

/// `7 clients`, `10000+ clients`
#[must_use]
pub fn clients_text(clients: &Counts<IpAddr>) -> String {
    if clients.others() > 0 {
        format!("{} clients", clients.keys_text())
    } else {
        plural(clients.keys() as u64, "client")
    }
}

/// The problems, the worst with all their lines.
#[must_use]
pub fn problem_list(problems: &[Problem], screen: Screen) -> String {
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
#[must_use]
pub fn problem_head(p: &Problem, screen: Screen) -> String {
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
#[must_use]
pub fn problem_lines(p: &Problem, fix_lines_max: usize, screen: Screen) -> String {
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
    let mut text = causes(p);
    // One fix, that of the commonest cause: the others are in `report`.
    let commonest = p.causes.largest_first().first().map(|(cause, _)| **cause);
    let fix = p.fixes.iter().find(|(cause, _)| *cause == commonest).or(p.fixes.first());
    if let Some((_, fix)) = fix {
        let fix = fix.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(text, "{}fix: {}", if text.is_empty() { "" } else { " · " }, shown(&fix));
    }
    (!text.is_empty()).then_some(text)
}

/// `cors_after_router ×8, upstream_down ×17 (probable)`; empty where none is known.
#[must_use]
pub fn causes(p: &Problem) -> String {
    let mut text = names(&p.causes, |c| c.id().to_owned(), NAMES_MAX);
    if let Some(sure) = p.cause_confidence.filter(|c| *c != Confidence::Certain) {
        let _ = write!(text, " ({sure})");
    }
    text
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
