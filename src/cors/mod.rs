//! What the browser decided: classification, pairing and the Fetch checks over exchanges.

mod answer;
mod attempt;
pub mod browser;
pub mod cache;
mod cause;
pub mod check;
pub mod classify;
pub mod client;
pub mod connection;
mod correlator;
pub mod detail;
pub mod fields;
pub mod jar;
pub mod location;
pub mod origin;
mod pair;
mod settle;
pub mod site;

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;

use crate::http::{NoAnswer, Request, Response};
use crate::options::Scheme;
use crate::packet::Time;
use crate::record::{Confidence, Credentials, Family, MissingPreflight, Mode, PreflightState, Site, TransactionId};

pub(crate) use correlator::stable_hash;
pub use correlator::{Correlator, id_of};

#[cfg(test)]
mod tests;

/// A serialised origin's parts, parsed for classification only: the check itself compares bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginParts {
    /// Lower-case scheme.
    pub scheme: Arc<str>,
    /// Host in its canonical form; IPv6 in brackets.
    pub host: Arc<str>,
    /// Port, the scheme's default filled in; 0 where the scheme has none.
    pub port: u16,
    /// The host's registrable domain, or the host itself where it has none.
    pub site: Arc<str>,
}

/// The target as the browser sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// http or https.
    pub scheme: Scheme,
    /// How sure of the scheme.
    pub scheme_confidence: Confidence,
    /// Host in its canonical form; IPv6 in brackets.
    pub host: Arc<str>,
    /// Port, the scheme's default filled in.
    pub port: u16,
    /// `scheme://host[:port]`, default port left out.
    pub origin: Arc<str>,
    /// The host's registrable domain, or the host itself where it has none.
    pub site: Arc<str>,
}

/// What tells a client (address, User-Agent, Accept-Language) from others in this run: a keyed digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// What a request is (VERDICTS.md §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The OPTIONS that asks.
    Preflight,
    /// A cross-origin request in cors mode.
    Actual,
    /// WebSocket or WebTransport.
    Websocket,
    /// Same-origin, no-cors, navigation, or without any sign of a page.
    NotCors,
    /// OPTIONS of a health check or tool.
    PlainOptions,
}

/// One request with its answer and what was made out about it: what rules look at, in order of answers.
#[derive(Debug)]
pub struct Observation<'a> {
    /// When the answer (or its lack) was known.
    pub time: Time,
    /// The request.
    pub request: &'a Arc<Request>,
    /// The answer, when there was one.
    pub response: Option<&'a Arc<Response>>,
    /// Why there was none.
    pub no_answer: Option<NoAnswer>,
    /// What the request is.
    pub kind: Kind,
    /// Who asked.
    pub client: ClientId,
    /// The client's address: of the client behind a trusted proxy where it says so.
    pub address: IpAddr,
    /// The peer is a trusted proxy that names the client.
    pub forwarded: bool,
    /// `Origin` bytes as sent.
    pub origin: Option<&'a Arc<str>>,
    /// `Origin` parsed; none for `null`, junk, or none sent.
    pub origin_parts: Option<&'a OriginParts>,
    /// Who was asked.
    pub target: &'a Target,
    /// Origin against target.
    pub site: Site,
    /// Request mode.
    pub mode: Mode,
    /// Credentials as far as known at this time.
    pub credentials: Credentials,
    /// Who decides.
    pub family: Family,
    /// Signs that this is a tool and no browser (§2 step 1), counted.
    pub tool_signs: u8,
    /// Many clients behind this address (§6).
    pub shared_address: bool,
    /// For an actual: what became of its preflight, once known.
    pub preflight_state: Option<PreflightState>,
    /// For an actual whose preflight is missing: why, where something tells.
    pub missing: Option<MissingPreflight>,
    /// The transaction it belongs to, where there is one.
    transaction: Option<TransactionId>,
    sensor: u64,
    path: &'a OnceCell<Box<str>>,
}

impl Observation<'_> {
    /// Path without query. Most requests concern nobody, so that it is read only for who asks.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.get_or_init(|| {
            let target = classify::path_and_query(self.request.head.target());
            origin::shown(target.get(..classify::path_len(target)).unwrap_or_default()).into()
        })
    }

    /// The id by which it may be cited.
    #[must_use]
    pub fn transaction(&self) -> TransactionId {
        self.transaction.unwrap_or_else(|| correlator::request_id(self.sensor, self.request))
    }
}
