//! The report for eyes: the answer first, then evidence, then how far to trust it.

use std::fmt::Write as _;

use super::coverage::{coverage, diagnosis, not_seen};
use super::finding_text::findings_section;
use super::layout::{bytes, clock, columns, dated_span, day, duration, fit, plural, quoted, span, thousands, wrap};
use super::problem_text::{INDENT, blocked_line, names, problem_list};
use super::problems::{Counts, Problem, Problems, Refusal};
use super::{Summary, shown};
use crate::catalog::Reason;
use crate::packet::Time;
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
    /// What is told lies on several days: each time is told with its own.
    pub dated: bool,
}

impl Screen {
    /// From when to when.
    #[must_use]
    pub fn span(self, first: Time, last: Time) -> String {
        if self.dated { dated_span(first, last) } else { span(first, last) }
    }

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
    asked: Asked,
    /// The day of what was told last.
    day: Option<String>,
}

/// What was asked for, for the commands that go on from there.
#[derive(Debug, Default)]
pub struct Asked {
    /// Where it is recorded, too.
    pub db: Option<String>,
    /// The inputs and options that make the same of them again, as a shell takes them; none where it cannot be repeated.
    pub again: Option<String>,
}

impl Report {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(screen: Screen, asked: Asked) -> Self {
        Report { screen, problems: Problems::default(), undecided: Counts::new(Reason::ALL.len()), asked, day: None }
    }

    /// A line where another day begins.
    fn new_day(&mut self, time: Time) -> String {
        let today = day(time);
        let before = self.day.replace(today.clone());
        if before.is_some_and(|before| before != today) {
            format!("{}\n", self.screen.paint.bold(&today))
        } else {
            String::new()
        }
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
    pub fn one_line(&mut self, t: &Transaction) -> String {
        let new_day = self.new_day(t.time);
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
        format!("{new_day}{}  {}  {}\n", paint.dim(&clock(t.time)), paint.alarm("BLOCKED"), fit(&text, room))
    }

    /// A blocked or undecided transaction with the headers of both legs; nothing for others.
    #[must_use]
    pub fn side_by_side(&mut self, t: &Transaction) -> String {
        match t.verdict {
            Verdict::Blocked | Verdict::Undecided => {
                let new_day = self.new_day(t.time);
                format!("{new_day}{}", super::legs::side_by_side(t, self.screen))
            }
            Verdict::Allowed | Verdict::NotCors => String::new(),
        }
    }

    /// The whole report.
    #[must_use]
    pub fn finish(self, s: &Summary) -> String {
        let Report { screen, problems, undecided, asked, .. } = self;
        let screen = Screen { dated: s.first_packet.map(day) != s.last_packet.map(day), ..screen };
        let overflow = problems.overflow();
        let problems = problems.finish();
        let first_id = problems.first().and_then(|p| p.cited.first()).cloned();
        let mut out = input_line(s, screen);
        if let Some(why) = diagnosis(s) {
            out.push_str(&screen.paragraph("NOTE", Paint::yellow, &shown(&why), 4));
        }
        if s.judged() > 0 {
            out.push_str(&blocked_line(s.count(Verdict::Blocked), s.judged(), &problems, overflow, screen));
            out.push_str(&problem_list(&problems, asked.db.is_some(), screen));
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
        out.push_str(&next_lines(s, &problems, first_id, &asked, screen));
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
        let _ = write!(text, ", {} UTC ({})", dated_span(first, last), duration(s.span_ns()));
    }
    let cut_short = s.inputs.iter().filter(|i| i.error.is_some()).count();
    if cut_short > 0 {
        let _ = write!(text, ", {cut_short} of {} not read whole", plural(s.inputs.len() as u64, "input"));
    }
    format!("{}  {text}\n", screen.paint.bold(&what))
}

/// Commands that lead on, one on each line and whole, so that they can be pasted.
fn next_lines(s: &Summary, problems: &[Problem], first_id: Option<String>, asked: &Asked, screen: Screen) -> String {
    let mut steps = Vec::new();
    let replay = |more: &str| asked.again.as_ref().map(|again| format!("corstap replay {again} {more}"));
    match asked.db.as_deref().map(quoted) {
        Some(db) => {
            let db = db.as_ref();
            steps.extend(first_id.zip(db).map(|(id, db)| format!("corstap explain {id} --db {db}")));
            if s.judged() > 0 {
                steps.extend(db.map(|db| format!("corstap report --db {db} --format html > report.html")));
            }
        }
        None if s.judged() > 0 => {
            steps.extend(problems.first().map(|problem| format!("corstap explain {}", problem.reason.id())));
            let evidence = if problems.is_empty() { "" } else { " --evidence evidence" };
            steps.extend(replay(&format!("--db incident.db{evidence} && corstap report --db incident.db")));
        }
        None => steps.extend(asked.again.as_ref().map(|again| format!("corstap inspect {again}"))),
    }
    let mut out = String::new();
    for (nth, step) in steps.iter().enumerate() {
        let title = if nth == 0 { screen.title("Next", Paint::dim) } else { " ".repeat(10) };
        let _ = writeln!(out, "{title}{step}");
    }
    out
}
