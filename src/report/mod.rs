//! Records as words and lines, for people ([`text`]) and for programs ([`jsonl`]).

pub mod coverage;
pub mod explain;
pub mod finding_text;
pub mod handbook;
pub mod html;
pub mod incident;
pub mod incident_lines;
pub mod incident_text;
pub mod jsonl;
pub mod layout;
pub mod legs;
pub mod markup;
pub mod messages;
pub mod plots;
pub mod problem_text;
pub mod problems;
pub mod recorded;
pub mod text;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::capture::merge::FileReport;
use crate::catalog::Reason;
use crate::counters::Counters;
use crate::packet::Time;
use crate::record::{Finding, FindingId, Transaction, Verdict};

/// Findings that one report lists. More are counted, not listed.
const FINDINGS_MAX: usize = 10_000;

/// One input of a replay, and how it ended.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// As the user named it.
    pub path: String,
    /// Packets taken from it.
    pub packets: u64,
    /// Why it ended early, where it did.
    pub error: Option<String>,
}

/// What was read, and what came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// The engine's counts.
    pub counters: Counters,
    /// Packets that the capturing kernel or interface lost, as far as the captures say.
    pub packets_lost: u64,
    /// Earliest packet.
    pub first_packet: Option<Time>,
    /// Latest packet.
    pub last_packet: Option<Time>,
    /// The inputs in the order in which they were named.
    pub inputs: Vec<Input>,
    /// Findings that were too many to list.
    pub findings_overflow: u64,
    verdicts: [u64; Verdict::ALL.len()],
    reasons: BTreeMap<Reason, u64>,
    certain: u64,
    findings: BTreeMap<FindingId, Finding>,
}

impl Summary {
    /// Notes a packet's time.
    pub fn on_packet_time(&mut self, time: Time) {
        self.first_packet = Some(self.first_packet.map_or(time, |t| t.min(time)));
        self.last_packet = Some(self.last_packet.map_or(time, |t| t.max(time)));
    }

    /// Takes over what became of the files.
    pub fn on_files(&mut self, files: &[FileReport]) {
        self.inputs = files
            .iter()
            .map(|file| Input {
                path: file.path.display().to_string(),
                packets: file.packets,
                error: file.error.as_ref().map(ToString::to_string),
            })
            .collect();
        self.packets_lost = files.iter().fold(0, |sum, file| sum.saturating_add(file.packets_lost));
    }

    /// Counts a transaction.
    pub fn on_transaction(&mut self, t: &Transaction) {
        if let Some(count) = self.verdicts.get_mut(t.verdict as usize) {
            *count += 1;
        }
        if let Some(reason) = t.reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
        if t.verdict != Verdict::NotCors && t.confidence == crate::record::Confidence::Certain {
            self.certain += 1;
        }
    }

    /// Keeps a finding's latest state.
    pub fn on_finding(&mut self, f: &Finding) {
        if self.findings.len() >= FINDINGS_MAX && !self.findings.contains_key(&f.id) {
            self.findings_overflow += 1;
            return;
        }
        self.findings.insert(f.id, f.clone());
    }

    /// Transactions with that verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(verdict as usize).copied().unwrap_or(0)
    }

    /// Transactions that CORS decides.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.count(Verdict::Allowed) + self.count(Verdict::Blocked) + self.count(Verdict::Undecided)
    }

    /// Of those, the ones judged with certainty.
    #[must_use]
    pub fn certain(&self) -> u64 {
        self.certain
    }

    /// Transactions by verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Verdict::ALL.iter().map(|v| (v.id(), self.count(*v)))
    }

    /// Transactions by reason, in the catalogue's order.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.reasons.iter().map(|(r, n)| (r.id(), *n))
    }

    /// How many had that reason.
    #[must_use]
    pub fn reason(&self, reason: Reason) -> u64 {
        self.reasons.get(&reason).copied().unwrap_or(0)
    }

    /// Findings by rule, in the catalogue's order.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let mut by_rule = BTreeMap::new();
        for finding in self.findings.values() {
            *by_rule.entry(finding.rule).or_insert(0) += 1;
        }
        by_rule.into_iter().map(|(rule, n)| (rule.id(), n))
    }

    /// Findings, in the order in which they began.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.findings.values().collect();
        all.sort_by_key(|f| (f.first_seen, f.rule, f.id));
        all
    }

    /// From the first packet to the last, in nanoseconds.
    #[must_use]
    pub fn span_ns(&self) -> i64 {
        match (self.first_packet, self.last_packet) {
            (Some(first), Some(last)) => last.since(first).max(0),
            _ => 0,
        }
    }
}

/// Characters that could act on a terminal or turn a line about: C0 and C1 controls, marks of direction, invisible ones.
#[must_use]
pub fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text from the wire as it may be shown to a person: whatever [`acts_on_terminal`] becomes `\xNN` or `\u{NNNN}`.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a String does not fail.
    for c in text.chars() {
        if !acts_on_terminal(c) {
            out.push(c);
        } else if u32::from(c) < 0x100 {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        } else {
            let _ = write!(out, "\\u{{{:04x}}}", u32::from(c));
        }
    }
    out
}

/// Bytes from the wire as they may be shown to a person: as [`shown`], and what is no UTF-8 as `\xNN`.
#[must_use]
pub fn shown_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&shown(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_text_cannot_act_on_a_terminal() {
        assert_eq!(shown("a\u{1b}[31mb"), "a\\x1b[31mb");
        assert_eq!(shown("\u{9b}31m\r\n\t\u{7f}"), "\\x9b31m\\x0d\\x0a\\x09\\x7f");
        assert_eq!(shown("user\u{202e}txt\u{2066}"), "user\\u{202e}txt\\u{2066}");
        assert_eq!(shown("müller 😀 …"), "müller 😀 …");
        assert_eq!(shown_bytes(b"a\x1b\xff\xe2\x80\xaeb"), "a\\x1b\\xff\\u{202e}b");
    }
}
