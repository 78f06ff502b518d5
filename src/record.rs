//! What the engine puts out: transactions, findings, messages, and the words they are made of.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;

use crate::catalog::{Cause, Reason, Rule, Severity};
use crate::http::{Request, Response};
use crate::packet::Time;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word used in output, database and labels.
            #[must_use]
            pub fn id(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            /// The word as JSON has it: in quotes.
            #[must_use]
            pub fn quoted(self) -> &'static str { match self { $($name::$variant => concat!("\"", $text, "\"")),+ } }
            /// The value of that word; none where there is none.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> { Self::ALL.iter().copied().find(|word| word.id() == id) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.id()) }
        }
    };
}
pub(crate) use words;

words! {
    /// What the browser decided.
    Verdict {
        /// The script got the response.
        Allowed = "allowed",
        /// The script was refused.
        Blocked = "blocked",
        /// The wire cannot tell.
        Undecided = "undecided",
        /// CORS had no part in it.
        NotCors = "not_cors",
    }
}
words! {
    /// Where it was blocked.
    Phase {
        /// At the OPTIONS that asks.
        Preflight = "preflight",
        /// At the request that the script wanted.
        Actual = "actual",
    }
}
words! {
    /// How sure; a chain is worth its weakest link.
    Confidence {
        /// A heuristic, or an inference against weak contrary signs.
        Possible = "possible",
        /// One input inferred, nothing observed against it.
        Probable = "probable",
        /// Follows from observed bytes.
        Certain = "certain",
    }
}
words! {
    /// Whether the request carried credentials (Fetch § credentials mode, as it came out).
    Credentials {
        /// Cookies or HTTP authentication were allowed to go along.
        Included = "included",
        /// They were not.
        Omitted = "omitted",
        /// The wire does not tell.
        Unknown = "unknown",
    }
}
words! {
    /// How the page's origin relates to the target (`Sec-Fetch-Site`).
    Site {
        /// Same scheme, host and port.
        SameOrigin = "same_origin",
        /// Same scheme and registrable domain.
        SameSite = "same_site",
        /// Anything else.
        CrossSite = "cross_site",
        /// Opaque origin, or target unknown.
        Unknown = "unknown",
    }
}
words! {
    /// Fetch's request mode.
    Mode {
        /// cors
        Cors = "cors",
        /// no-cors
        NoCors = "no_cors",
        /// navigate
        Navigate = "navigate",
        /// same-origin
        SameOrigin = "same_origin",
        /// websocket
        Websocket = "websocket",
        /// The wire does not tell.
        Unknown = "unknown",
    }
}
words! {
    /// What became of the preflight.
    PreflightState {
        /// On the wire.
        Sent = "sent",
        /// Answered from the browser's preflight cache.
        Cached = "cached",
        /// A simple request.
        NotNeeded = "not_needed",
        /// Needed, not seen.
        Missing = "missing",
    }
}
words! {
    /// Why a preflight that was needed was not seen, the likeliest cause (VERDICTS.md §6).
    MissingPreflight {
        /// The client may have asked before the capture began.
        CapturedTooLate = "captured_too_late",
        /// Packets of this client were lost shortly before.
        Lost = "lost",
        /// Preflights for this host are answered where this tap does not see.
        AnsweredElsewhere = "answered_elsewhere",
        /// One was seen, but it has lapsed or does not cover this request.
        Expired = "expired",
        /// No browser sent it.
        NotABrowser = "not_a_browser",
        /// One was seen, and forgotten under a cap.
        Forgotten = "forgotten",
    }
}
words! {
    /// Did a blocked unsafe request act on the server?
    Effect {
        /// 2xx.
        Taken = "taken",
        /// 5xx, no answer, or the same request again within seconds.
        Possible = "possible",
        /// The server refused it.
        None = "none",
    }
}
words! {
    /// The engine that decided.
    Family {
        /// Blink.
        Chromium = "chromium",
        /// Gecko.
        Firefox = "firefox",
        /// WebKit, every browser on iOS.
        Safari = "safari",
        /// A recognised program that is no browser.
        Other = "other",
        /// Not recognised.
        Unknown = "unknown",
    }
}

/// The program at the client's end, from its User-Agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Browser {
    /// Engine family.
    pub family: Family,
    /// Major version as the User-Agent gives it; empty when it does not.
    pub version: Arc<str>,
}

/// A transaction's stable name: a hash of sensor, both addresses, time and TCP sequence number of its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

impl fmt::Display for TransactionId {
    /// `T` and 13 letters and digits (Crockford's base 32, lower case).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Spelled::new(b'T', self.0).text())
    }
}

/// A finding's stable name: a hash of sensor, rule and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub u64);

impl fmt::Display for FindingId {
    /// `F` and 13 letters and digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Spelled::new(b'F', self.0).text())
    }
}

impl TransactionId {
    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix('T').and_then(from_base32).map(TransactionId)
    }

    /// Appends what [`fmt::Display`] writes.
    pub fn append_to(self, out: &mut String) {
        out.push_str(Spelled::new(b'T', self.0).text());
    }
}

impl FindingId {
    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix('F').and_then(from_base32).map(FindingId)
    }

    /// Appends what [`fmt::Display`] writes.
    pub fn append_to(self, out: &mut String) {
        out.push_str(Spelled::new(b'F', self.0).text());
    }
}

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 13 digits of 5 bits; the first holds the top 4.
fn from_base32(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    text.bytes().try_fold(0_u64, |value, byte| {
        let digit = DIGITS.iter().position(|d| *d == byte)?;
        value.checked_mul(32)?.checked_add(u64::try_from(digit).ok()?)
    })
}

/// A letter and 13 digits; two more bytes, so that all are told to be ASCII at once.
#[repr(align(16))]
struct Spelled([u8; 16]);

impl Spelled {
    fn new(letter: u8, value: u64) -> Self {
        let mut text = [letter; 16];
        let mut rest = value;
        let mut place = 13;
        while place > 0 {
            text[place] = DIGITS[usize::try_from(rest & 31).unwrap_or(0)];
            rest >>= 5;
            place -= 1;
        }
        Spelled(text)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().get(..14).unwrap_or_default()
    }
}

/// One request of a transaction with its answer.
#[derive(Debug, Clone)]
pub struct Leg {
    /// First byte of the request.
    pub time: Time,
    /// Status of the final answer; none when there was none.
    pub status: Option<u16>,
    /// What this leg alone came to.
    pub verdict: Verdict,
    /// First byte of the request to the end of the answer's head, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// The request's head.
    pub request: Arc<Request>,
    /// The answer's head.
    pub response: Option<Arc<Response>>,
}

/// A transaction's preflight on the wire.
#[derive(Debug, Clone)]
pub struct PreflightLeg {
    /// The OPTIONS and its answer.
    pub leg: Leg,
    /// `Access-Control-Request-Method`.
    pub requested_method: Cow<'static, str>,
    /// Names in `Access-Control-Request-Headers`.
    pub requested_headers: Arc<[String]>,
    /// Why the browser had to ask: `method PUT`, `content-type: application/json`, `header x-trace-id`.
    pub because: Arc<[String]>,
}

/// One step of a redirect chain.
#[derive(Debug, Clone)]
pub struct Hop {
    /// First byte of the request.
    pub time: Time,
    /// Where it went.
    pub target_origin: Arc<str>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// The `Origin` it carried.
    pub origin_sent: Option<Arc<str>>,
    /// What it came to.
    pub verdict: Verdict,
}

/// What one page script attempted: a preflight, an actual request, or both, with the browser's decision.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Stable name.
    pub id: TransactionId,
    /// First byte on the wire.
    pub time: Time,
    /// The peer on the wire.
    pub client: SocketAddr,
    /// The client behind it, where a trusted proxy says so.
    pub forwarded_for: Option<IpAddr>,
    /// The receiver on the wire.
    pub server: SocketAddr,
    /// `Origin` as sent; none where there was none.
    pub origin: Option<Arc<str>>,
    /// The target as the browser sees it.
    pub target_origin: Arc<str>,
    /// Path and query as sent, the query's values redacted.
    pub path: Arc<str>,
    /// The method that the script asked for.
    pub method: Arc<str>,
    /// Origin against target.
    pub site: Site,
    /// Request mode.
    pub mode: Mode,
    /// Credentials, as far as the wire tells.
    pub credentials: Credentials,
    /// What became of the preflight.
    pub preflight_state: PreflightState,
    /// The preflight, where it was on the wire.
    pub preflight: Option<PreflightLeg>,
    /// The actual request (last hop seen), where it was on the wire.
    pub actual: Option<Leg>,
    /// The steps of a redirected actual; empty without redirects.
    pub hops: Vec<Hop>,
    /// What the browser decided.
    pub verdict: Verdict,
    /// Where it was blocked.
    pub phase: Option<Phase>,
    /// Why blocked or undecided.
    pub reason: Option<Reason>,
    /// Every check that failed, the reported one first.
    pub reasons_all: Vec<Reason>,
    /// How sure.
    pub confidence: Confidence,
    /// The likeliest mistake behind a block.
    pub cause: Option<Cause>,
    /// How sure of the cause.
    pub cause_confidence: Option<Confidence>,
    /// Did a blocked unsafe request act?
    pub effect: Option<Effect>,
    /// `effect` is `taken`.
    pub blocked_after_effect: bool,
    /// The very values that decided, for a person.
    pub detail: String,
    /// What to change.
    pub fix: String,
    /// Who decided.
    pub browser: Browser,
}

/// What a rule saw over time.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Stable name.
    pub id: FindingId,
    /// Which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Endpoint, host or client that it is about.
    pub subject: String,
    /// First time.
    pub first_seen: Time,
    /// Last time.
    pub last_seen: Time,
    /// How often.
    pub count: u64,
    /// The values that it rests on.
    pub detail: String,
    /// What to change.
    pub fix: Cow<'static, str>,
    /// What it rests on: the first ones and some later ones, at most 20. Of transactions, or of requests without a sign of a
    /// page, which are no transactions ([`Sink::bystander`]).
    pub evidence: Vec<TransactionId>,
}

words! {
    /// How a checklist's item stands, from traffic alone.
    CheckState {
        /// Enough relevant answers, none of them wrong.
        Pass = "pass",
        /// A rule found it wrong.
        Fail = "fail",
        /// Too little traffic to tell, or nothing that traffic could show.
        NotSeen = "not_seen",
    }
}
words! {
    /// Whose checklist.
    CheckList {
        /// For those who write the application.
        Developer = "developer",
        /// For those who run what stands in front of it.
        Infrastructure = "infrastructure",
    }
}

/// One item of a checklist (VERDICTS.md §8, "Checklists").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckItem {
    /// Whose list.
    pub list: CheckList,
    /// Stable name of the item.
    pub id: &'static str,
    /// What it demands.
    pub title: &'static str,
    /// How it stands.
    pub state: CheckState,
    /// Rules that say so, where it fails.
    pub rules: Vec<Rule>,
    /// Answers that could have shown it.
    pub relevant: u64,
    /// What a person should know; may be empty.
    pub note: String,
}

/// The checklists of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checklist {
    /// `scheme://host[:port]`
    pub target_origin: Arc<str>,
    /// The items, in the order of the lists.
    pub items: Vec<CheckItem>,
}

/// One HTTP message, for `inspect`.
#[derive(Debug, Clone)]
pub struct MessageRecord {
    /// Connection number, from 0.
    pub stream: u64,
    /// The message; requests carry their own head.
    pub message: Message,
    /// Body bytes after chunked decoding, before content decoding.
    pub body_bytes: u64,
    /// Head and body were captured whole.
    pub complete: bool,
    /// Bytes of it, or just before it, were not captured.
    pub gap: bool,
}

/// A request or a response.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Arc<Request>),
    /// A response, and the client and server of its connection.
    Response {
        /// The message.
        response: Arc<Response>,
        /// Its receiver.
        client: SocketAddr,
        /// Its sender.
        server: SocketAddr,
    },
}

/// Where the engine puts what it finds.
pub trait Sink {
    /// A transaction's outcome is final.
    fn transaction(&mut self, transaction: &Arc<Transaction>);
    /// A finding is new, or has changed.
    fn finding(&mut self, finding: &Finding);
    /// A finding cites this id. `to_come`: it is that of the request at hand, whose transaction is not told yet.
    fn cited(&mut self, _id: TransactionId, _to_come: bool) {}
    /// A request that is no transaction, told only because a finding may cite it.
    fn bystander(&mut self, _request: &Arc<Transaction>) {}
    /// A target's checklists, at the end of input and each hour while they change.
    fn checklist(&mut self, _checklist: &Checklist) {}
    /// A message has ended; only called where messages are asked for.
    fn message(&mut self, _message: &MessageRecord) {}
    /// A request has its answer's head, or will not get one; told before the transaction that it is a part of.
    fn exchange(&mut self, _request: &Arc<Request>, _response: Option<&Arc<Response>>) {}
}

/// Who may be absent, such as a database that was not asked for.
impl<S: Sink> Sink for Option<S> {
    fn transaction(&mut self, transaction: &Arc<Transaction>) {
        if let Some(sink) = self {
            sink.transaction(transaction);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        if let Some(sink) = self {
            sink.finding(finding);
        }
    }

    fn cited(&mut self, id: TransactionId, to_come: bool) {
        if let Some(sink) = self {
            sink.cited(id, to_come);
        }
    }

    fn bystander(&mut self, request: &Arc<Transaction>) {
        if let Some(sink) = self {
            sink.bystander(request);
        }
    }

    fn checklist(&mut self, checklist: &Checklist) {
        if let Some(sink) = self {
            sink.checklist(checklist);
        }
    }

    fn message(&mut self, message: &MessageRecord) {
        if let Some(sink) = self {
            sink.message(message);
        }
    }

    fn exchange(&mut self, request: &Arc<Request>, response: Option<&Arc<Response>>) {
        if let Some(sink) = self {
            sink.exchange(request, response);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for n in [0, 1, 31, 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(TransactionId::parse(&TransactionId(n).to_string()), Some(TransactionId(n)));
            assert_eq!(FindingId::parse(&FindingId(n).to_string()), Some(FindingId(n)));
        }
        for wrong in ["", "T", "F0000000000000", "T000000000000", "Tzzzzzzzzzzzzz", "T000000000000u"] {
            assert_eq!(TransactionId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_id(reason.id()), Some(*reason));
        }
        assert_eq!(Verdict::from_id("refused"), None);
    }
}
