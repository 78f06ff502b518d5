//! Suspicious cross-site probing (VERDICTS.md §9).

pub mod origins;
pub mod preflights;
pub mod requests;
pub mod spying;

use crate::address::push_ip;
use crate::catalog::Severity;
use crate::findings::book::{Book, Trail};
use crate::findings::facts::Seen;
use crate::findings::subject::network_of;
use crate::findings::window::{Count, Distinct, Few};
use crate::packet::{SECOND, Time};

/// The usual window: ten minutes.
pub const TEN_MINUTES_NS: i64 = 600 * SECOND;

/// One client's address beside one target host.
#[derive(Debug, Default)]
pub struct Prober {
    /// Page origins sent.
    pub origins: Distinct,
    /// When a pattern was accepted.
    pub accepted: Option<Time>,
    /// User-Agents (digests).
    pub agents: Few<8>,
    /// First requests with different origins.
    pub trail: Trail,
    /// A scanner named itself.
    pub scanner: bool,
    /// When a page came whose name only ends like the target's: perhaps a partner's.
    pub suffix: Option<Time>,
    /// What most clients never give reason to remember.
    pub seldom: Option<Box<Seldom>>,
    /// Preflights without their actual.
    pub asked: preflights::Asked,
}

/// Of a client that is in some way odd.
#[derive(Debug, Default)]
pub struct Seldom {
    /// Kinds of pattern sent: which, with which origin, when last.
    pub patterns: Vec<origins::Sent>,
    /// First requests with patterns.
    pub pattern_trail: Trail,
    /// Forged preflights.
    pub forged: Count,
    /// Paths of those.
    pub forged_paths: Few<2>,
    /// First forged preflights.
    pub forged_trail: Trail,
    /// Requests whose Sec-Fetch fields contradict.
    pub inconsistent: Count,
    /// Origins that no browser writes.
    pub not_serialised: Count,
    /// First of those.
    pub not_serialised_trail: Trail,
    /// Writes without their preflight.
    pub writes: Count,
    /// First of those.
    pub writes_trail: Trail,
    /// Cache-busting queries.
    pub queries: Distinct,
}

impl Prober {
    /// What is seldom needed.
    pub fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// Something of each line of the processor's cache that most requests need.
    #[must_use]
    pub fn touched(&self) -> u64 {
        u64::from(self.trail.count() ^ u32::from(self.scanner)) ^ u64::from(self.accepted.is_some())
    }
}

/// A step down.
#[must_use]
pub fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Info | Severity::Low => Severity::Info,
        Severity::Medium => Severity::Low,
        Severity::High => Severity::Medium,
        Severity::Critical => Severity::High,
    }
}

/// The operator's own scanners count one step less.
#[must_use]
pub fn tempered(seen: &Seen<'_>, severity: Severity, book: &Book) -> Severity {
    if book.settings.is_own_scanner(seen.o.address, seen.asked.agent) { lower(severity) } else { severity }
}

/// Thresholds double behind an address that many share (VERDICTS.md §6).
#[must_use]
pub fn doubled(seen: &Seen<'_>, least: usize) -> usize {
    if seen.o.shared_address { least * 2 } else { least }
}

/// `203.0.113.9 → api.shop.test`
#[must_use]
pub fn client_at_target(seen: &Seen<'_>) -> String {
    let mut text = String::with_capacity(80);
    push_ip(&mut text, network_of(seen.o.address));
    text.push_str(" → ");
    text.push_str(&seen.o.target.host);
    text
}
