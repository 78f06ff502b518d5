//! Problems as lines of text: what, where, who was hit, what it did, what to change.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::layout::{columns, duration, fit, plural, thousands, wrap};
use super::problems::{Counts, Problem, clients_hit};
use super::shown;
use super::text::{Paint, Screen};
use crate::catalog::{Cause, fixes};
use crate::record::{Confidence, Phase};

/// Problems shown with all their lines; more get one line each.
const PROBLEMS_WHOLE_MAX: usize = 8;
/// Problems shown at all.
const PROBLEMS_MAX: usize = 25;
/// Endpoints, origins or browsers named in one line.
const NAMES_MAX: usize = 4;
/// Lines of a cause and its fix where others stand beside it.
const FIX_LINES_MAX: usize = 2;
/// The same where there are so few problems that the screen has room.
const FIX_LINES_ROOMY: usize = 6;
/// So few are they.
const PROBLEMS_ROOMY_MAX: usize = 3;
/// What a line begins with below a problem's count.
pub const INDENT: usize = 6;

/// How many were refused, of how many, and whom that hit.
#[must_use]
pub fn blocked_line(blocked: u64, judged: u64, problems: &[Problem], overflow: u64, screen: Screen) -> String {
    let text = blocked_text(blocked, judged, problems, overflow);
    if blocked == 0 {
        return screen.paragraph("BLOCKED", Paint::green, &text, 1);
    }
    let mut out = screen.paragraph("BLOCKED", Paint::alarm, &text, 2);
    // Where one problem has them all, its own lines tell.
    let effects = effects_text(problems).filter(|_| problems.iter().filter(|p| p.taken + p.possible > 0).count() > 1);
    if let Some(text) = effects {
        let _ = writeln!(out, "{:10}{}", "", screen.paint.red(&fit(&text, screen.width.saturating_sub(10))));
    }
    out
}

/// `76 of 227 cross-origin transactions: 5 problems at 2 targets hit 9 clients; 16 were probes by 1 client`. `overflow` of
/// the refusals are of no problem that was told apart.
#[must_use]
pub fn blocked_text(blocked: u64, judged: u64, problems: &[Problem], overflow: u64) -> String {
    if blocked == 0 {
        return format!("none of {}", plural(judged, "cross-origin transaction"));
    }
    let (probes, real): (Vec<&Problem>, Vec<&Problem>) = problems.iter().partition(|p| p.is_probing());
    let mut targets: Vec<&str> = real.iter().map(|p| p.target_origin.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    let mut text = format!("{} of {}", thousands(blocked), plural(judged, "cross-origin transaction"));
    if !real.is_empty() {
        let _ = write!(
            text,
            ": {}{} at {} hit {}",
            if overflow > 0 { "the first " } else { "" },
            plural(real.len() as u64, "problem"),
            plural(targets.len() as u64, "target"),
            clients_text(&clients_hit(problems)),
        );
    }
    if !probes.is_empty() {
        let mut clients = Counts::new(1000);
        probes.iter().flat_map(|p| p.clients.largest_first()).for_each(|(client, n)| clients.add(*client, n));
        let count: u64 = probes.iter().map(|p| p.count).sum();
        let were = if count == 1 { "was a probe" } else { "were probes" };
        let _ = write!(text, "; {} {were} by {}", thousands(count), clients_text(&clients));
    }
    text
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
pub fn client_of(forwarded_for: Option<&str>, peer: &str) -> String {
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
pub fn problem_list(problems: &[Problem], with_id: bool, screen: Screen) -> String {
    let mut out = String::new();
    let (probes, real): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().take(PROBLEMS_MAX).partition(|p| p.is_probing());
    let fix_lines = if real.len() <= PROBLEMS_ROOMY_MAX { FIX_LINES_ROOMY } else { FIX_LINES_MAX };
    for (nth, problem) in real.into_iter().enumerate() {
        out.push_str(&problem_head(problem, screen));
        if nth < PROBLEMS_WHOLE_MAX {
            out.push_str(&problem_lines(problem, Words::Few { with_id, fix_lines }, screen));
        }
    }
    out.push_str(&probing_lines(&probes, screen));
    let left = problems.get(PROBLEMS_MAX..).unwrap_or_default();
    if !left.is_empty() {
        let refusals: u64 = left.iter().map(|p| p.count).sum();
        let _ = writeln!(
            out,
            "{:>4}  in {} (replay --db and then report tell all)",
            thousands(refusals),
            plural(left.len() as u64, "further problem")
        );
    }
    out
}

/// `  16  rightly: 203.0.113.66 tried 8 origins at https://pay.partner.test, https://cdn.shop.test, 08:49:40–08:51:13`
fn probing_lines(probes: &[&Problem], screen: Screen) -> String {
    let mut out = String::new();
    let mut left = probes.to_vec();
    while let Some(first) = left.first() {
        let client = first.clients.largest_first().first().map(|(ip, _)| **ip);
        let of = |p: &&Problem| p.clients.largest_first().first().map(|(ip, _)| **ip) == client;
        let (mine, others): (Vec<&Problem>, Vec<&Problem>) = left.iter().partition(|p| of(p));
        let targets: Vec<String> = mine.iter().map(|p| shown(&p.target_origin)).collect();
        let origins = mine.iter().map(|p| p.origins.keys() as u64).max().unwrap_or(0);
        let when = screen.span(
            mine.iter().map(|p| p.first).min().unwrap_or_default(),
            mine.iter().map(|p| p.last).max().unwrap_or_default(),
        );
        let text = format!(
            "rightly: {} tried {} at {}, {when}",
            client.map_or_else(String::new, |ip| ip.to_string()),
            plural(origins, "unknown origin"),
            targets.join(", "),
        );
        let count: u64 = mine.iter().map(|p| p.count).sum();
        let text = fit(&text, screen.width.saturating_sub(INDENT));
        let _ = writeln!(out, "{:>4}  {}", thousands(count), screen.paint.dim(&text));
        left = others;
    }
    out
}

/// `  25  missing_allow_origin, actual  https://api.shop.test  POST /v1/orders ×19, PUT /v1/orders/{} ×6`
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
    let used = INDENT + reason.len() + phase.len() + 6 + columns(&target);
    let endpoints = fit(&endpoints, screen.width.saturating_sub(used).max(20));
    let paint = screen.paint;
    format!(
        "{}  {}, {phase}  {}  {endpoints}\n",
        paint.bold(&pad_left(&count, 4)),
        paint.red(reason),
        paint.bold(&target)
    )
}

/// Method and path of the endpoints that a problem has, with counts where there are several.
#[must_use]
pub fn endpoints(p: &Problem, names_max: usize) -> String {
    names(&p.endpoints, |(method, path)| format!("{} {}", shown(method), shown(path)), names_max)
}

/// How much is told of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// What fits a screen with others; the id where it can be looked up.
    Few {
        /// Name the first transaction.
        with_id: bool,
        /// Lines that each cause and its fix may take.
        fix_lines: usize,
    },
    /// Everything.
    All,
}

/// A problem's lines below its head.
#[must_use]
pub fn problem_lines(p: &Problem, words: Words, screen: Screen) -> String {
    let mut out = String::new();
    let paint = screen.paint;
    let brief = words != Words::All;
    let by = if brief { families(p) } else { names(&p.families, |f| f.id().to_owned(), NAMES_MAX) };
    let mut who = vec![
        screen.span(p.first, p.last),
        format!("{} ({by}) from {}", clients_text(&p.clients), origins(p, NAMES_MAX)),
    ];
    // Where nothing is said, all of it is certain.
    if !brief || p.confidence.largest_first().iter().any(|(c, _)| **c != Confidence::Certain) {
        who.push(names(&p.confidence, |c| c.id().to_owned(), NAMES_MAX));
    }
    if let Words::Few { with_id: true, .. } = words {
        who.extend(p.cited.first().cloned());
    }
    out.push_str(&wrap(&who.join(" · "), INDENT, screen.width, 2));
    out.push_str(&wrap(&what_happened(p), INDENT, screen.width, 2));
    if let Some(effect) = effect(p) {
        painted(&mut out, &wrap(&format!("EFFECT  {effect}"), INDENT, screen.width, 2), |line| paint.red(line));
    }
    for text in causes_and_fixes(p, brief) {
        let text = match words {
            Words::Few { fix_lines, .. } => sentences(&text, screen.width.saturating_sub(INDENT), fix_lines),
            Words::All => text,
        };
        painted(&mut out, &wrap(&text, INDENT, screen.width, usize::MAX), |line| paint.cyan(line));
    }
    out
}

fn families(p: &Problem) -> String {
    p.families.largest_first().iter().map(|(f, _)| f.id()).collect::<Vec<_>>().join(", ")
}

/// Page origins with their counts.
#[must_use]
pub fn origins(p: &Problem, names_max: usize) -> String {
    names(&p.origins, |o| if o.is_empty() { "no origin".to_owned() } else { shown(o) }, names_max)
}

/// As many whole sentences of a text as fit into so many lines, the first in any case.
fn sentences(text: &str, room: usize, lines_max: usize) -> String {
    let fits = |text: &str| wrap(text, 0, room, usize::MAX).lines().count() <= lines_max;
    let ends = text.match_indices(". ").map(|(at, _)| at + 1).chain([text.len()]);
    let parts: Vec<&str> = ends.filter_map(|end| text.get(..end)).collect();
    let longest = parts.iter().rev().find(|part| fits(part)).or(parts.first());
    let part = longest.copied().unwrap_or_default();
    wrap(part, 0, room, lines_max).trim_end().replace('\n', " ")
}

fn painted(out: &mut String, lines: &str, style: impl Fn(&str) -> String) {
    for line in lines.lines() {
        let _ = writeln!(out, "{}", style(line));
    }
}

/// What decided, with the statuses where they differ.
#[must_use]
pub fn what_happened(p: &Problem) -> String {
    // Further reasons of the first one are for those who look at it alone; who asked is told beside it.
    let told = p.detail.split("; also ").next().unwrap_or_default();
    let asked = told.rsplit_once("; ").filter(|(_, asked)| {
        asked.strip_suffix(" asked").is_some_and(|who| p.origins.largest_first().iter().any(|(o, _)| *o == who))
    });
    let told = asked.map_or(told, |(told, _)| told);
    let mut text = shown(told);
    if p.statuses.keys() > 1 {
        // the first one's status stands for none of the others
        for (status, _) in p.statuses.largest_first() {
            text = text.replacen(&format!(" answer ({status})"), " answer", 1);
        }
        let statuses = names(&p.statuses, |s| if *s == 0 { "no answer".to_owned() } else { s.to_string() }, 6);
        let _ = write!(text, "; statuses {statuses}");
    }
    text
}

/// What it did on the server; none where nothing points to that.
#[must_use]
pub fn effect(p: &Problem) -> Option<String> {
    let mut text = match (p.taken, p.possible) {
        (0, 0) => return None,
        (taken, 0) => format!("{} carried out (2xx) though refused", thousands(taken)),
        (0, possible) => format!("{} may have been carried out though refused", thousands(possible)),
        (taken, possible) => {
            format!("{} carried out (2xx) though refused, {} may have been", thousands(taken), thousands(possible))
        }
    };
    if let (Some(ns), true) = (p.repeat_ns_min, p.repeats > 0) {
        let times = if p.repeats == 1 { "once".to_owned() } else { format!("{} times", thousands(p.repeats)) };
        let _ = write!(text, ": the same request came again {times}, soonest {}", duration(ns));
    }
    Some(text)
}

/// The likeliest mistakes, each with what to change; none where nothing is known of them.
fn causes_and_fixes(p: &Problem, brief: bool) -> Vec<String> {
    // Lines for no stack in particular are for those who have time.
    let one_line = |(cause, fix): &(Option<Cause>, String)| {
        let fix = one_line(fix);
        if brief { fixes::brief(*cause, &fix).to_owned() } else { fix }
    };
    if p.fixes.len() <= 1 {
        let mut text = causes(p);
        if let Some(fix) = p.fixes.first() {
            let _ = write!(text, "{}fix: {}", if text.is_empty() { "" } else { " · " }, one_line(fix));
        }
        return if text.is_empty() { Vec::new() } else { vec![text] };
    }
    let sure = p.cause_confidence.filter(|c| *c != Confidence::Certain);
    let sure = sure.map_or(String::new(), |c| format!(" ({c})"));
    let each = p.causes.largest_first();
    let each = each.iter().take(if brief { 2 } else { usize::MAX }).map(|(cause, n)| {
        let fix = p.fixes.iter().find(|(of, _)| *of == Some(**cause));
        let fix = fix.map_or(String::new(), |fix| format!(" · fix: {}", one_line(fix)));
        format!("{cause} ×{}{sure}{fix}", thousands(*n))
    });
    each.collect()
}

fn one_line(fix: &str) -> String {
    shown(&fix.split_whitespace().collect::<Vec<_>>().join(" "))
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
