//! The report for eyes: the answer first, then evidence, then how far to trust it.

use std::fmt::Write as _;

use super::coverage::{coverage, diagnosis, not_seen};
use super::finding_text::findings_section;
use super::layout::{bytes, clock, columns, day, duration, fit, plural, span, thousands, wrap};
use super::problem_text::{INDENT, blocked_line, names, problem_list};
use super::problems::{Counts, Problem, Problems, Refusal};
use super::{Summary, shown};
use crate::catalog::Reason;
use crate::record::{Transaction, Verdict};

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
    #[must_use]
    pub fn title(self, text: &str, style: fn(Paint, &str) -> String) -> String {
        format!("{}{}", style(self.paint, text), " ".repeat(10_usize.saturating_sub(columns(text)).max(2)))
    }

    /// `title`, and a text that goes on under its own first word.
    #[must_use]
    pub fn paragraph(self, title: &str, style: fn(Paint, &str) -> String, text: &str, lines_max: usize) -> String {
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
        let overflow = problems.overflow();
        let problems = problems.finish();
        let first_id = problems.first().and_then(|p| p.cited.first()).cloned();
        let mut out = input_line(s, screen);
        if let Some(why) = diagnosis(s) {
            out.push_str(&screen.paragraph("NOTE", Paint::yellow, &shown(&why), 4));
        }
        if s.judged() > 0 {
            out.push_str(&blocked_line(s.count(Verdict::Blocked), s.judged(), &problems, screen));
            out.push_str(&problem_list(&problems, db.is_some(), screen));
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

fn next_line(s: &Summary, problems: &[Problem], first_id: Option<String>, db: Option<&str>, screen: Screen) -> String {
    let mut steps = Vec::new();
    let path = match s.inputs.as_slice() {
        [one] if one.path != "-" => shown(&one.path),
        _ => "…".to_owned(),
    };
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
            if let Some(problem) = problems.first() {
                steps.push(format!("corstap explain {}", problem.reason.id()));
            }
            steps.push(format!("corstap replay {path} --db incident.db && corstap report --db incident.db"));
        }
        None => steps.push(format!("corstap inspect {path}")),
    }
    if steps.is_empty() {
        return String::new();
    }
    screen.paragraph("Next", Paint::dim, &steps.join(" · "), 3)
}
