//! `docs/reasons.md`: the catalogue as one document.

use std::fmt::Write as _;

use super::explain::{Entry, SECTIONS};
use crate::catalog::fixes::{self, Shown, fill};
use crate::catalog::stacks::STACKS;
use crate::catalog::{Cause, Reason, ReasonKind, Rule, Wording};

const HEAD: &str = "\
# Reasons, causes, rules

Generated from the catalogue in `src/catalog`; do not edit. `CORSTAP_BLESS=1 cargo test --test catalog` writes it anew. The same
words are in `corstap explain ID`, in the report and in the page.

A *reason* says what the browser missed, or why the wire cannot tell; a *cause* is the likeliest mistake behind a refusal; a *rule*
looks at traffic over time. Ids are what `reason`, `cause` and `rule` hold in the output, in the database and in metric labels.
";

/// The document.
#[must_use]
pub fn markdown() -> String {
    // writing to a String does not fail
    let mut out = String::from(HEAD);
    for section in SECTIONS {
        let _ = write!(out, "\n## {section}\n");
        for entry in Entry::all().filter(|e| e.section() == section) {
            let _ = write!(out, "\n### {}\n\n**{}.** ", entry.id(), entry.title());
            match entry {
                Entry::Reason(reason) => write_reason(&mut out, reason),
                Entry::Cause(cause) => write_cause(&mut out, cause),
                Entry::Rule(rule) => write_rule(&mut out, rule),
            }
        }
    }
    out.push_str("\n## Stacks\n\nHow each is recognised, and the lines to change in it.\n");
    for entry in STACKS {
        let _ = write!(
            out,
            "\n### {}\n\nTold by {}. What usually breaks: {}.\n\n",
            entry.title, entry.told_by, entry.breaks
        );
        out.push_str("| setting | lines |\n| --- | --- |\n");
        for (setting, line) in entry.settings {
            let line = fill(line, &Shown::SAMPLE).replace('|', "\\|");
            let _ = writeln!(out, "| {} | `{line}` |", setting.id().replace('_', " "));
        }
    }
    out
}

fn write_reason(out: &mut String, reason: Reason) {
    let words = reason.entry();
    let _ = writeln!(out, "{}", words.meaning);
    let _ = writeln!(out, "\n- Evidence: {}.", words.evidence);
    if words.kind == ReasonKind::Block {
        let _ = writeln!(out, "- Severity: {}. Decided by {}.", words.severity, words.step);
    }
    for (browser, says) in [("Chromium", words.chromium), ("Firefox", words.firefox), ("Safari", words.safari)] {
        write_wording(out, browser, says);
    }
    let _ = writeln!(out, "- Fix: {}", words.fix);
    let causes: Vec<String> = reason.causes().iter().map(|c| link(c.id())).collect();
    if !causes.is_empty() {
        let _ = writeln!(out, "- Causes: {}.", causes.join(", "));
    }
}

fn write_wording(out: &mut String, browser: &str, says: Wording) {
    let _ = match (says.code, says.console) {
        ("", "") => Ok(()),
        ("", console) => writeln!(out, "- {browser}: “{console}”"),
        (code, "") => writeln!(out, "- {browser}: `{code}`"),
        (code, console) => writeln!(out, "- {browser}: `{code}`, “{console}”"),
    };
}

fn write_cause(out: &mut String, cause: Cause) {
    let words = cause.entry();
    let _ = writeln!(out, "{}", words.wrong);
    let _ = writeln!(out, "\n- Told by: {}.", fill(words.told_by, &Shown::SAMPLE));
    let _ = writeln!(out, "- Fix: {}", fill(words.fix, &Shown::SAMPLE));
    let settings: Vec<String> = fixes::settings_of(cause).iter().map(|s| s.id().replace('_', " ")).collect();
    if !settings.is_empty() {
        let _ = writeln!(out, "- In each stack: {} (see [Stacks](#stacks)).", settings.join(", "));
    }
}

fn write_rule(out: &mut String, rule: Rule) {
    let words = rule.entry();
    let _ = writeln!(out, "{}", words.why);
    let note = if words.severity_note.is_empty() { String::new() } else { format!("; {}", words.severity_note) };
    let _ = writeln!(out, "\n- Severity: {}{note}.", words.severity);
    let _ = writeln!(out, "- Fires when: {}.", words.condition);
    if !words.counter.is_empty() {
        let _ = writeln!(out, "- Not when: {}", words.counter);
    }
    let _ = writeln!(out, "- Fix: {}", words.fix);
    for (name, default, means) in rule.thresholds() {
        let _ = writeln!(out, "- `[rules.{}] {name} = {default}`: {means}.", rule.id());
    }
}

fn link(id: &str) -> String {
    format!("[{id}](#{id})")
}
