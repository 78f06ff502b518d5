//! The catalogue for people and programs: what a reason, cause or rule means, how it is told, and how to mend it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::layout::{pad, wrap};
use super::text::Screen;
use crate::catalog::fixes::{self, Shown, fill};
use crate::catalog::stacks::STACKS;
use crate::catalog::{Cause, Reason, ReasonKind, Rule, RuleKind, Setting, Side, Stack};
use crate::record::Phase;

/// One id of the catalogue. A cause and a rule may have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Why blocked or undecided.
    Reason(Reason),
    /// The mistake behind a block.
    Cause(Cause),
    /// A rule over traffic.
    Rule(Rule),
}

impl Entry {
    /// Everything that there is, in order.
    pub fn all() -> impl Iterator<Item = Entry> {
        let reasons = Reason::ALL.iter().copied().map(Entry::Reason);
        let causes = Cause::ALL.iter().copied().map(Entry::Cause);
        reasons.chain(causes).chain(Rule::ALL.iter().copied().map(Entry::Rule))
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Entry::Reason(reason) => reason.id(),
            Entry::Cause(cause) => cause.id(),
            Entry::Rule(rule) => rule.id(),
        }
    }

    /// Its one line.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Entry::Reason(reason) => reason.entry().title,
            Entry::Cause(cause) => cause.entry().title,
            Entry::Rule(rule) => rule.entry().title,
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Entry::Reason(_) => "reason",
            Entry::Cause(_) => "cause",
            Entry::Rule(_) => "rule",
        }
    }

    /// The heading under which it is listed.
    #[must_use]
    pub fn section(self) -> &'static str {
        match self {
            Entry::Reason(reason) => match (reason.entry().kind, reason.entry().phases) {
                (ReasonKind::Doubt, _) => "Undecided: what the wire cannot tell",
                (ReasonKind::Block, [Phase::Preflight]) => "Blocked at the preflight",
                (ReasonKind::Block, [Phase::Actual]) => "Blocked at the actual request",
                (ReasonKind::Block, _) => "Blocked at the preflight or at the actual request",
            },
            Entry::Cause(_) => "Causes: the mistake behind a refusal",
            Entry::Rule(rule) => match rule.entry().kind {
                RuleKind::Audit => "Rules: dangerous or fragile configuration",
                RuleKind::Probing => "Rules: suspicious cross-site behaviour",
            },
        }
    }
}

/// The headings in the order in which they are shown.
pub const SECTIONS: [&str; 7] = [
    "Blocked at the preflight or at the actual request",
    "Blocked at the preflight",
    "Blocked at the actual request",
    "Undecided: what the wire cannot tell",
    "Causes: the mistake behind a refusal",
    "Rules: dangerous or fragile configuration",
    "Rules: suspicious cross-site behaviour",
];

/// Everything of that id.
#[must_use]
pub fn find(id: &str) -> Vec<Entry> {
    Entry::all().filter(|entry| entry.id() == id).collect()
}

/// The ids most like a mistyped one, at most three.
#[must_use]
pub fn nearest(id: &str) -> Vec<&'static str> {
    let id = id.to_ascii_lowercase().replace('-', "_");
    // a word of the id, or a few slips
    let mut all: Vec<(usize, &'static str)> = Entry::all()
        .map(|entry| {
            let part = id.len() >= 4 && entry.id().contains(&*id);
            (if part { 0 } else { distance(&id, entry.id()) }, entry.id())
        })
        .filter(|(distance, known)| *distance <= 2 + known.len() / 4)
        .collect();
    all.sort_unstable();
    all.dedup_by_key(|(_, id)| *id);
    all.into_iter().map(|(_, id)| id).take(3).collect()
}

/// Levenshtein's distance; a mistyped argument of any length costs no more than its first 64 bytes.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = i;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let left = if j == 0 { i + 1 } else { row.get(j).copied().unwrap_or(usize::MAX) };
            let here = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = here;
            }
        }
        if let Some(cell) = row.first_mut() {
            *cell = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Every id with its title, by section.
#[must_use]
pub fn list(screen: Screen) -> String {
    let wide = Entry::all().map(|e| e.id().len()).max().unwrap_or(0);
    let mut out = String::new();
    for section in SECTIONS {
        let _ = writeln!(out, "{}", screen.paint.bold(section));
        for entry in Entry::all().filter(|e| e.section() == section) {
            let title = wrap(entry.title(), wide + 4, screen.width, 2);
            let title = title.get(wide + 4..).unwrap_or_default();
            let _ = write!(out, "  {}  {title}", screen.paint.cyan(&pad(entry.id(), wide)));
        }
        out.push('\n');
    }
    out.push_str("Next: corstap explain ID, or with --db FILE the T… of a transaction or the F… of a finding\n");
    out
}

/// One entry as text.
#[must_use]
pub fn text(entry: Entry, screen: Screen) -> String {
    let mut page = Page { out: String::new(), screen };
    let paint = screen.paint;
    let _ = writeln!(page.out, "{}  {}", paint.bold(entry.id()), entry.title());
    match entry {
        Entry::Reason(reason) => page.reason(reason),
        Entry::Cause(cause) => page.cause(cause),
        Entry::Rule(rule) => page.rule(rule),
    }
    page.out
}

struct Page {
    out: String,
    screen: Screen,
}

const INDENT: usize = 13;

impl Page {
    fn told(&mut self, word: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let lines = wrap(text, INDENT, self.screen.width, usize::MAX);
        let word = self.screen.paint.bold(&pad(word, INDENT - 2));
        let _ = write!(self.out, "  {word}{}", lines.get(INDENT..).unwrap_or_default());
    }

    fn reason(&mut self, reason: Reason) {
        let entry = reason.entry();
        let phases: Vec<&str> = entry.phases.iter().map(|p| p.id()).collect();
        let kind = match entry.kind {
            ReasonKind::Block => format!("reason, blocked at the {}, severity {}", phases.join(" or "), entry.severity),
            ReasonKind::Doubt => "reason, undecided".to_owned(),
        };
        self.told("what", &kind);
        self.told("meaning", entry.meaning);
        self.told("evidence", entry.evidence);
        self.told("standard", entry.step);
        for (browser, wording) in [("Chromium", entry.chromium), ("Firefox", entry.firefox), ("Safari", entry.safari)] {
            let text = match (wording.code, wording.console) {
                ("", "") => continue,
                ("", console) => console.to_owned(),
                (code, "") => code.to_owned(),
                (code, console) => format!("{code}: {console}"),
            };
            self.told(browser, &text);
        }
        self.told("fix", entry.fix);
        let causes: Vec<&str> = reason.causes().iter().filter(|c| **c != Cause::Unknown).map(|c| c.id()).collect();
        self.told("causes", &causes.join(", "));
        self.stacks(reason.settings());
    }

    fn cause(&mut self, cause: Cause) {
        let entry = cause.entry();
        let side = match entry.side {
            Side::Application => "cause, mended in the application",
            Side::Edge => "cause, mended in the proxy, cache or load balancer",
        };
        self.told("what", side);
        self.told("wrong", entry.wrong);
        self.told("told by", &fill(entry.told_by, &Shown::SAMPLE));
        self.told("fix", &fill(entry.fix, &Shown::SAMPLE));
        let reasons: Vec<&str> = Reason::ALL.iter().filter(|r| r.causes().contains(&cause)).map(|r| r.id()).collect();
        self.told("reasons", &reasons.join(", "));
        self.stacks(fixes::settings_of(cause));
    }

    fn rule(&mut self, rule: Rule) {
        let entry = rule.entry();
        let note = if entry.severity_note.is_empty() { String::new() } else { format!("; {}", entry.severity_note) };
        self.told("what", &format!("{} rule, severity {}{note}", entry.kind.id(), entry.severity));
        self.told("fires when", entry.condition);
        self.told("why", entry.why);
        self.told("not when", entry.counter);
        self.told("fix", entry.fix);
        for (name, default, means) in rule.thresholds() {
            self.told("threshold", &format!("{name} = {default}  {means}"));
        }
        self.told("switch", &format!("[rules.{}] enabled = false, allow = [\"…\"]", rule.id()));
    }

    fn stacks(&mut self, settings: &[Setting]) {
        if settings.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "  {}", self.screen.paint.bold("in each stack"));
        for entry in STACKS {
            let title = if entry.stack == Stack::Generic { "any other" } else { entry.title };
            let _ = writeln!(self.out, "    {}", self.screen.paint.cyan(title));
            for line in settings.iter().filter_map(|s| entry.stack.setting(*s)) {
                self.out.push_str(&wrap(&fill(line, &Shown::SAMPLE), 6, self.screen.width, usize::MAX));
            }
        }
    }
}

/// One entry as a JSON object.
#[must_use]
pub fn object(entry: Entry) -> Value {
    let words = match entry {
        Entry::Reason(reason) => {
            let words = reason.entry();
            let says = |w: crate::catalog::Wording| json!({ "code": w.code, "console": w.console });
            let causes: Vec<&str> = reason.causes().iter().map(|c| c.id()).collect();
            json!({
                "kind": match words.kind { ReasonKind::Block => "block", ReasonKind::Doubt => "doubt" },
                "phases": words.phases.iter().map(|p| p.id()).collect::<Vec<_>>(),
                "severity": words.severity.id(), "meaning": words.meaning, "evidence": words.evidence,
                "standard": words.step, "fix": words.fix, "causes": causes,
                "browsers": { "chromium": says(words.chromium), "firefox": says(words.firefox), "safari": says(words.safari) },
                "stacks": stack_objects(reason.settings()),
            })
        }
        Entry::Cause(cause) => {
            let words = cause.entry();
            json!({
                "wrong": words.wrong, "told_by": fill(words.told_by, &Shown::SAMPLE),
                "fix": fill(words.fix, &Shown::SAMPLE),
                "stacks": stack_objects(fixes::settings_of(cause)),
            })
        }
        Entry::Rule(rule) => {
            let words = rule.entry();
            let thresholds: Vec<Value> = rule
                .thresholds()
                .map(|(name, default, means)| json!({ "key": name, "default": default, "means": means }))
                .collect();
            json!({
                "kind": words.kind.id(), "severity": words.severity.id(), "severity_note": words.severity_note,
                "condition": words.condition, "why": words.why, "counter": words.counter, "fix": words.fix,
                "thresholds": thresholds,
            })
        }
    };
    let mut object = json!({ "type": entry.kind(), "id": entry.id(), "title": entry.title() });
    if let (Some(object), Value::Object(words)) = (object.as_object_mut(), words) {
        object.extend(words);
    }
    object
}

fn stack_objects(settings: &[Setting]) -> Value {
    let all = STACKS.iter().filter(|_| !settings.is_empty()).map(|entry| {
        let lines: serde_json::Map<String, Value> = settings
            .iter()
            .filter_map(|s| Some((s.id().to_owned(), fill(entry.stack.setting(*s)?, &Shown::SAMPLE).into())))
            .collect();
        (entry.stack.id().to_owned(), Value::Object(lines))
    });
    Value::Object(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::Paint;

    #[test]
    fn a_mistyped_id_is_answered_with_those_most_like_it() {
        assert_eq!(nearest("missing_alow_origin").first(), Some(&"missing_allow_origin"));
        assert_eq!(nearest("Header-Not-Allowed").first(), Some(&"header_not_allowed"));
        assert!(nearest("wildcard").contains(&"wildcard_on_authorised"));
        assert!(nearest("xyzzy").is_empty());
        assert!(nearest(&"é".repeat(100_000)).is_empty());
    }

    #[test]
    fn distance_counts_slips() {
        assert_eq!(
            (distance("", "abc"), distance("abc", "abc"), distance("abd", "abc"), distance("acb", "abc")),
            (3, 0, 1, 2)
        );
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn every_entry_is_in_a_section_and_has_all_its_words() {
        for entry in Entry::all() {
            assert!(SECTIONS.contains(&entry.section()));
            let text = text(entry, Screen { paint: Paint::default(), width: 100, dated: false });
            assert!(text.contains("  fix  "), "{text}");
            assert!(!text.contains("{origin}") && !text.contains("{value}"), "{text}");
            assert_eq!(object(entry)["id"], entry.id());
        }
    }

    #[test]
    fn one_id_may_be_a_cause_and_a_rule() {
        assert_eq!(find("preflight_redirected").len(), 2);
        assert_eq!(find("nothing"), []);
    }
}
