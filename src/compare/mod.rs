//! What a CDN, load balancer or proxy did to CORS: two taps, one before and one behind it, held against each other.
//!
//! Each request that the box got is looked for among those that it sent on: by method, target, origin and time, never by
//! port or address, since the box opens connections of its own. A pair shows which fields were lost, added or changed; a
//! request that nothing behind answers was answered by the box itself, or out of its cache, and then the answer tells whose
//! it was. Nothing is claimed of times, servers and exchanges that the tap behind cannot have seen: those are counted.
//!
//! Does no I/O of its own: [`vantage`] is filled from packets or records by whoever reads them.

mod differ;
pub mod lines;
mod pairs;
pub mod recorded;
#[cfg(test)]
mod tests;
pub mod text;
pub mod vantage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

use crate::catalog::Reason;
use crate::cors::classify::{path_and_query, redacted_path};
use crate::findings::shape_of;
use crate::http::Request;
use crate::http::head::Name;
use crate::packet::Time;
use crate::record::{Confidence, words};
use crate::report::shown_bytes;

use vantage::{Exchange, Vantage};

/// Groups of like differences that are kept. More are counted.
const GROUPS_MAX: usize = 10_000;
/// Exchanges that one group cites.
const EVIDENCE_MAX: usize = 20;

words! {
    /// What happened to a field or an answer.
    What {
        /// Sent behind, missing in front.
        Stripped = "stripped",
        /// Missing behind, there in front.
        Added = "added",
        /// There on both sides with other values.
        Changed = "changed",
        /// In front it comes more often than behind.
        Doubled = "doubled",
        /// The answer in front has no counterpart behind: the box made it.
        AnsweredItself = "answered_itself",
        /// The answer comes from a cache, and was made for a request of another origin, or of none.
        ServedForOtherOrigin = "served_for_other_origin",
    }
}
words! {
    /// Whose doing a difference is.
    Side {
        /// The box between the two taps.
        Between = "between",
        /// The server behind it, whose answer misled the box (a `Vary` that should be there).
        Origin = "origin",
        /// The captures do not tell.
        Unknown = "unknown",
    }
}
words! {
    /// What a difference means for the browser's decision on that answer.
    Impact {
        /// The browser gets what it would have got.
        None = "none",
        /// Both answers are refused, for different reasons.
        ChangesReason = "changes_reason",
        /// Refused behind, passes in front.
        Repairs = "repairs",
        /// Passes behind; refused in front where the request carried credentials, which the wire does not tell.
        MayBlock = "may_block",
        /// Passes behind (or was never asked), refused in front.
        Blocks = "blocks",
    }
}
words! {
    /// Which way a changed field was going.
    Way {
        /// From the browser to the server.
        Request = "request",
        /// From the server to the browser.
        Response = "response",
    }
}
words! {
    /// Where an answer in front came from.
    Source {
        /// From behind, for this very request.
        Behind = "behind",
        /// From behind, for an earlier request.
        Cache = "cache",
        /// From the box.
        Box = "box",
        /// Nobody knows: outside of what the tap behind saw.
        Unknown = "unknown",
    }
}

/// Which part of a message differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A field.
    Field(Name),
    /// The status line.
    Status,
}

impl Part {
    /// Lower-case field name, or `:status`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Part::Field(name) => name.text(),
            Part::Status => ":status",
        }
    }
}

/// One difference in one exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Field or status.
    pub part: Part,
    /// What happened to it.
    pub what: What,
    /// Whose doing.
    pub side: Side,
    /// Of the request or of the answer.
    pub way: Way,
    /// As seen in front; none where it is missing.
    pub front: Option<String>,
    /// As seen behind; none where it is missing there, or nothing was seen there.
    pub back: Option<String>,
    /// What it means for the browser.
    pub impact: Impact,
    /// How sure.
    pub confidence: Confidence,
    /// A sentence for a person.
    pub note: String,
}

/// One exchange of the front with what became of it on the way.
#[derive(Debug)]
pub struct Compared<'a> {
    /// As seen in front.
    pub front: &'a Exchange,
    /// Its counterpart behind, or the one whose stored answer was served.
    pub back: Option<&'a Exchange>,
    /// Where the answer came from.
    pub source: Source,
    /// Why the browser refuses the answer; none where it takes it.
    pub refused: Option<Reason>,
    /// Whose doing it is that the browser refuses the answer, or would if the request carried credentials; none where it
    /// takes it either way.
    pub fault: Option<Side>,
    /// What differs.
    pub changes: Vec<Change>,
}

/// Like differences of one endpoint.
#[derive(Debug)]
pub struct Group {
    /// The first of them.
    pub change: Change,
    /// How often.
    pub count: u64,
    /// Of these, how often the browser refused because of it (`blocks` or `may_block`).
    pub blocking: u64,
    /// The surest of them.
    pub confidence: Confidence,
    /// The gravest of them.
    pub impact: Impact,
    /// First and last time, in front.
    pub first: Time,
    /// The last time.
    pub last: Time,
    /// Page origins concerned, the first few.
    pub origins: BTreeSet<String>,
    /// What the box says of itself (`Server`, `Via`), from the first answer.
    pub box_says: Option<String>,
    /// The first exchanges.
    pub evidence: Vec<Cited>,
}

/// An exchange that a group rests on.
#[derive(Debug)]
pub struct Cited {
    /// Id of the transaction in front.
    pub front_id: Option<String>,
    /// First byte of the request in front.
    pub front_time: Time,
    /// Id of the transaction behind.
    pub back_id: Option<String>,
    /// First byte of the request behind, on that tap's clock.
    pub back_time: Option<Time>,
    /// Path and query, the query's values redacted.
    pub path: String,
    /// `Origin` as sent.
    pub origin: Option<String>,
}

/// Where like differences belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Target origin (or Host) and path shape.
    pub endpoint: String,
    /// Method of the request.
    pub method: String,
    /// The box, as the browser's side reaches it.
    pub server: SocketAddr,
    /// Field or status.
    pub part: Part,
    /// What happened.
    pub what: What,
    /// Whose doing.
    pub side: Side,
    /// Of the request or of the answer.
    pub way: Way,
}

/// Counts of a comparison.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Exchanges in front that have to do with CORS.
    pub exchanges: u64,
    /// Those found behind.
    pub paired: u64,
    /// Those answered from a cache.
    pub from_cache: u64,
    /// Those that the box answered.
    pub answered_between: u64,
    /// Those outside the time that the tap behind covers.
    pub not_covered: u64,
    /// Those to a server of which nothing at all was seen behind.
    pub not_linked: u64,
    /// Those without an answer in front.
    pub unanswered: u64,
    /// Those with a difference.
    pub changed: u64,
    /// Refused because of the box.
    pub refused_between: u64,
    /// Refused because of the server behind it.
    pub refused_origin: u64,
    /// Refused, and the captures do not tell whose doing it is.
    pub refused_unknown: u64,
    /// Refused because of the box if they carried credentials, which the wire does not tell.
    pub maybe_refused: u64,
    /// Differences in groups beyond the cap.
    pub groups_overflow: u64,
    /// How far the clock behind is ahead, in nanoseconds, as the pairs show it.
    pub clock_ahead_ns: i64,
}

/// How to compare.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompareOptions {
    /// Show query values.
    pub show_query: bool,
}

/// What a comparison found.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// Every exchange of the front that has to do with CORS, in order of time.
    pub exchanges: Vec<Compared<'a>>,
    /// Like differences together.
    pub groups: BTreeMap<GroupKey, Group>,
    /// Counts.
    pub totals: Totals,
}

/// Holds the client's side against the origin's side.
#[must_use]
pub fn compare<'a>(front: &'a Vantage, back: &'a Vantage, options: CompareOptions) -> Comparison<'a> {
    let pairing = pairs::pair(front, back);
    let mut comparison = Comparison {
        exchanges: Vec::with_capacity(front.exchanges.len()),
        groups: BTreeMap::new(),
        totals: Totals { clock_ahead_ns: pairing.clock_ahead_ns, ..Totals::default() },
    };
    for (exchange, behind) in front.exchanges.iter().zip(&pairing.behind) {
        let compared = differ::differ(exchange, behind, back);
        comparison.count(&compared);
        for change in &compared.changes {
            comparison.group(&compared, change, options);
        }
        comparison.exchanges.push(compared);
    }
    comparison.totals.not_linked = pairing.not_linked;
    comparison.totals.not_covered = pairing.not_covered;
    comparison
}

impl Comparison<'_> {
    fn count(&mut self, compared: &Compared<'_>) {
        let totals = &mut self.totals;
        totals.exchanges += 1;
        totals.unanswered += u64::from(compared.front.response.is_none());
        totals.changed += u64::from(!compared.changes.is_empty());
        match compared.source {
            Source::Behind => totals.paired += 1,
            Source::Cache => totals.from_cache += 1,
            Source::Box => totals.answered_between += 1,
            Source::Unknown => {}
        }
        match (compared.fault, compared.refused) {
            (Some(_), None) => totals.maybe_refused += 1,
            (Some(Side::Between), Some(_)) => totals.refused_between += 1,
            (Some(Side::Origin), Some(_)) => totals.refused_origin += 1,
            (Some(Side::Unknown), Some(_)) => totals.refused_unknown += 1,
            (None, _) => {}
        }
    }

    fn group(&mut self, compared: &Compared<'_>, change: &Change, options: CompareOptions) {
        let request = &compared.front.request;
        let key = GroupKey {
            endpoint: endpoint(compared.front),
            method: shown_bytes(request.head.method()),
            server: request.server,
            part: change.part,
            what: change.what,
            side: change.side,
            way: change.way,
        };
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            self.totals.groups_overflow += 1;
            return;
        }
        let origin = request.head.first(Name::Origin).map(shown_bytes);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            change: change.clone(),
            count: 0,
            blocking: 0,
            confidence: change.confidence,
            impact: change.impact,
            first: request.first.time,
            last: request.first.time,
            origins: BTreeSet::new(),
            box_says: says_of_itself(compared),
            evidence: Vec::new(),
        });
        group.count += 1;
        group.blocking += u64::from(matches!(change.impact, Impact::Blocks | Impact::MayBlock));
        group.confidence = group.confidence.max(change.confidence);
        if change.impact > group.impact {
            // the gravest one is the one to show
            group.impact = change.impact;
            group.change = change.clone();
        }
        group.last = group.last.max(request.first.time);
        if let Some(origin) = &origin
            && group.origins.len() < EVIDENCE_MAX
        {
            group.origins.insert(origin.clone());
        }
        if group.evidence.len() < EVIDENCE_MAX {
            group.evidence.push(Cited {
                front_id: compared.front.id().map(str::to_owned),
                front_time: request.first.time,
                back_id: compared.back.and_then(Exchange::id).map(str::to_owned),
                back_time: compared.back.map(|b| b.request.first.time),
                path: shown_path(request, options.show_query),
                origin,
            });
        }
    }
}

/// Path and query for output.
#[must_use]
pub fn shown_path(request: &Request, show_query: bool) -> String {
    redacted_path(path_and_query(request.head.target()), show_query)
}

/// Target origin (where a transaction tells it, else Host) and path shape.
#[must_use]
pub fn endpoint(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let target = match &exchange.judged {
        Some(judged) => judged.target_origin.to_string(),
        None => request.head.first(Name::Host).map_or_else(|| request.server.to_string(), shown_bytes),
    };
    format!("{target}{}", shape_of(&shown_path(request, false)))
}

/// What the box says of itself: `Server` and `Via` of its answer, where they are not the origin's own.
fn says_of_itself(compared: &Compared<'_>) -> Option<String> {
    let front = compared.front.response.as_ref()?;
    let behind = compared.back.and_then(|b| b.response.as_ref());
    [Name::Server, Name::Via].into_iter().find_map(|name| {
        let said = front.head.first(name)?;
        let passed_on = behind.is_some_and(|b| b.head.first(name) == Some(said));
        (!passed_on).then(|| shown_bytes(said.get(..80).unwrap_or(said)))
    })
}
