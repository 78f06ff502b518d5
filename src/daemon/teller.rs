//! What the daemon says on standard error: refusals with repeats folded, findings, and what it sees and cannot see.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use foldhash::fast::RandomState;

use super::journal::{Level, Line};
use crate::catalog::Severity;
use crate::counters::Counters;
use crate::findings::{hash_shape, shape_of};
use crate::metrics::Snapshot;
use crate::packet::Time;
use crate::record::{Finding, Transaction};

/// Repeats of a refusal are told once in this time.
const FOLD: Duration = Duration::from_mins(1);
/// Kinds of refusals that are told apart at once; others are only counted until some fall silent.
const KINDS_MAX: usize = 64;
/// Characters of a text from the wire in a line.
const SHOWN_CHARS_MAX: usize = 120;

/// Makes lines of records. Never waits: a line that finds no room is not said.
pub(super) struct Teller {
    say: Sender<Line>,
    /// By the digest of what tells kinds apart: of a flood of refusals most are only counted, and cost no text.
    kinds: HashMap<u64, Fold, RandomState>,
    others: u64,
    others_since: Instant,
    blocked: u64,
    findings: u64,
}

struct Fold {
    kind: String,
    more: u64,
    since: Instant,
    last: Time,
}

impl Teller {
    pub(super) fn new(say: Sender<Line>) -> Self {
        Teller { say, kinds: HashMap::default(), others: 0, others_since: Instant::now(), blocked: 0, findings: 0 }
    }

    pub(super) fn blocked(&self) -> u64 {
        self.blocked
    }

    pub(super) fn findings(&self) -> u64 {
        self.findings
    }

    pub(super) fn on_blocked(&mut self, t: &Transaction) {
        self.blocked += 1;
        let digest = self.digest(t);
        if let Some(fold) = self.kinds.get_mut(&digest) {
            fold.more += 1;
            fold.last = t.time;
            return;
        }
        if self.kinds.len() >= KINDS_MAX {
            self.others += 1;
            return;
        }
        let kind = format!(
            "{} {}{} from {}  {}",
            shown(&t.method),
            shown(t.target_origin.split("://").last().unwrap_or_default()),
            shown(&shape_of(&t.path)),
            shown(t.origin.as_deref().unwrap_or("nowhere")),
            t.reason.map_or("", |r| r.id()),
        );
        let detail = if t.detail.is_empty() { String::new() } else { format!(" ({})", shown(&t.detail)) };
        self.tell(format!("{}  BLOCKED  {kind}{detail}   ×1  {}", clock(t.time), t.id));
        self.kinds.insert(digest, Fold { kind, more: 0, since: Instant::now(), last: t.time });
    }

    fn digest(&self, t: &Transaction) -> u64 {
        let mut hasher = self.kinds.hasher().build_hasher();
        (&t.method, &t.target_origin, &t.origin, t.reason).hash(&mut hasher);
        hash_shape(&*t.path, &mut hasher);
        hasher.finish()
    }

    pub(super) fn on_finding(&mut self, finding: &Finding) {
        self.findings += 1;
        let level = if finding.severity >= Severity::High { Level::Notice } else { Level::Info };
        let text = format!(
            "{}  {}  {}  {}: {}  {}",
            clock(finding.last_seen),
            finding.severity.id().to_uppercase(),
            finding.rule,
            shown(&finding.subject),
            shown(&finding.detail),
            finding.id,
        );
        self.tell_at(level, text);
    }

    /// Tells what has been folded for long enough.
    pub(super) fn each_second(&mut self) {
        self.unfold(FOLD);
    }

    /// Tells what is still folded.
    pub(super) fn finish(&mut self) {
        self.unfold(Duration::ZERO);
    }

    fn unfold(&mut self, after: Duration) {
        let mut due = Vec::new();
        self.kinds.retain(|_, fold| {
            let waited = fold.since.elapsed();
            if waited < after {
                return true;
            }
            let silent = fold.more == 0;
            if !silent {
                due.push(format!(
                    "{}  BLOCKED  {}   ×{} more in {} s",
                    clock(fold.last),
                    fold.kind,
                    fold.more,
                    waited.as_secs().max(1)
                ));
                fold.more = 0;
                fold.since = Instant::now();
            }
            !silent
        });
        due.sort_unstable();
        if self.others > 0 && self.others_since.elapsed() >= after {
            due.push(format!("and {} refusals of further kinds (all are in the database)", self.others));
            self.others = 0;
            self.others_since = Instant::now();
        }
        for line in due {
            self.tell(line);
        }
    }

    fn tell(&self, text: String) {
        self.tell_at(Level::Info, text);
    }

    fn tell_at(&self, level: Level, text: String) {
        // A full queue means that nobody reads standard error; records and metrics tell the same.
        drop(self.say.try_send(Line::new(level, text)));
    }
}

/// Text from the wire for a terminal: nothing that acts on it, not too long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => crate::report::shown(text),
        Some((end, _)) => crate::report::shown(text.get(..end).unwrap_or_default()) + "…",
    }
}

/// `08:44:10` of a time.
fn clock(time: Time) -> String {
    let time = time.to_string();
    time.get(11..19).unwrap_or(&time).to_string()
}

/// What is worth saying before, and beside, the first refusal. Each thing once.
pub(super) struct Notes {
    begun: Instant,
    packet: bool,
    message: bool,
    silence: bool,
    tls: bool,
    one_sided: bool,
    truncated: bool,
    lost: bool,
}

/// What would let TLS be judged.
fn tls_cure(c: &Counters) -> &'static str {
    if c.tls_connections.total() == 0 {
        ": tap behind the TLS terminator, or name the browsers' key log (--keylog)"
    } else {
        ": their secrets are not in the key log"
    }
}

impl Notes {
    pub(super) fn new() -> Self {
        Notes {
            begun: Instant::now(),
            packet: false,
            message: false,
            silence: false,
            tls: false,
            one_sided: false,
            truncated: false,
            lost: false,
        }
    }

    pub(super) fn of(&mut self, now: &Snapshot) -> Vec<Line> {
        let c = &now.counters;
        let time = clock(crate::store::wall_clock());
        let mut told = Vec::new();
        let mut once = |said: &mut bool, is: bool, level: Level, text: String| {
            if is && !*said {
                *said = true;
                told.push(Line::new(level, format!("{time}  {text}")));
            }
        };
        let long = self.begun.elapsed() >= Duration::from_secs(5);
        once(&mut self.packet, c.packets > 0, Level::Info, "first packet".into());
        once(&mut self.message, c.requests + c.responses > 0, Level::Info, "first HTTP message".into());
        once(
            &mut self.silence,
            long && c.packets == 0,
            Level::Warning,
            "no packet in 5 s: is this the interface that carries the traffic, and does the filter let it pass?".into(),
        );
        let share = (c.tls_bytes * 100).checked_div(c.tcp_bytes).unwrap_or(0);
        once(
            &mut self.tls,
            long && c.tcp_bytes > 10_000 && share >= 50,
            Level::Warning,
            format!("note: {share} % of TCP bytes are TLS and cannot be judged here{}", tls_cure(c)),
        );
        once(
            &mut self.one_sided,
            long && c.one_sided > 10 && c.one_sided * 2 > c.connections,
            Level::Warning,
            "note: of most connections only one direction is seen; requests cannot be paired with answers".into(),
        );
        once(
            &mut self.truncated,
            c.truncated > 0,
            Level::Warning,
            "note: packets are cut by the snap length; a longer --snaplen would show all of them".into(),
        );
        let lost: u64 = now.interfaces.iter().map(|i| i.lost_kernel + i.lost_interface).sum();
        once(
            &mut self.lost,
            lost > 0,
            Level::Warning,
            format!("note: {lost} packets were dropped; a larger --buffer-size may help"),
        );
        told
    }
}
