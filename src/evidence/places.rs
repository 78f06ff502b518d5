//! Where cited transactions lie in the capture.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use super::rewritten::Rewritten;
use crate::cors::id_of;
use crate::http::{Request, Response};
use crate::packet::Order;
use crate::record::{Finding, Leg, Sink, Transaction, TransactionId, Verdict};
use crate::report::shown;

/// One request with its answer, as places in the feed.
#[derive(Debug, Clone)]
pub struct Place {
    /// The client's end, as on the wire.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// The packet with the request's first byte.
    pub from: Order,
    /// The packet that completed the answer's head (or the request's, where there was no answer).
    pub to: Order,
    /// TCP sequence number of the request's first byte.
    pub request_seq: u32,
    /// TCP sequence number of the answer's first byte, and the packet that brought it.
    pub answer: Option<(u32, Order)>,
    /// For the packet with the request's first byte.
    pub request_comment: String,
    /// For the packet with the answer's first byte; may be empty.
    pub answer_comment: String,
    /// What is shown where their bytes cannot be read.
    pub rewritten: Option<Rewritten>,
}

/// Learns the places of the wanted transactions.
#[derive(Debug)]
pub struct Places {
    sensor: String,
    /// Packets are copied as they are, whatever can be read of them.
    raw: bool,
    wanted: BTreeSet<TransactionId>,
    /// Wanted requests that may turn out to belong to no transaction: rules look at those without `Origin`, too.
    lone: BTreeMap<TransactionId, (Arc<Request>, Option<Arc<Response>>)>,
    all: Vec<Place>,
    by_transaction: BTreeMap<TransactionId, Vec<usize>>,
}

impl Places {
    /// Nothing found yet.
    #[must_use]
    pub fn new(sensor: &str, raw: bool, wanted: BTreeSet<TransactionId>) -> Self {
        Places {
            sensor: sensor.to_owned(),
            raw,
            wanted,
            lone: BTreeMap::new(),
            all: Vec::new(),
            by_transaction: BTreeMap::new(),
        }
    }

    /// All places, once closed in order of their first packet.
    #[must_use]
    pub fn all(&self) -> &[Place] {
        &self.all
    }

    /// How many of the wanted transactions were found.
    #[must_use]
    pub fn cited(&self) -> usize {
        self.by_transaction.len()
    }

    /// Numbers in [`Places::all`] of a transaction's legs.
    #[must_use]
    pub fn of(&self, id: TransactionId) -> &[usize] {
        self.by_transaction.get(&id).map_or(&[], Vec::as_slice)
    }

    /// No more will come: what is not a part of any transaction stands for itself.
    pub fn close(&mut self) {
        for (id, (request, response)) in std::mem::take(&mut self.lone) {
            if !self.by_transaction.contains_key(&id) {
                let answer = response.as_deref();
                let status = answer.map_or_else(|| "no answer".to_owned(), |a| a.status.to_string());
                let comment = format!("corstap {id}: not_cors, answered {status}");
                self.add(id, &request, answer, comment, String::new());
            }
        }
        self.wanted.clear();
    }

    fn add_leg(&mut self, t: &Transaction, leg: &Leg, name: &str) {
        let status = leg.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
        let request_comment = format!("corstap {}: its {name}, answered {status}: {}", t.id, leg.verdict);
        self.add(t.id, &leg.request, leg.response.as_deref(), request_comment, comment(t));
    }

    fn add(
        &mut self,
        id: TransactionId,
        request: &Request,
        answer: Option<&Response>,
        mut request_comment: String,
        answer_comment: String,
    ) {
        let rewritten = Rewritten::of(request, answer).filter(|_| !self.raw);
        if let Some(rewritten) = &rewritten {
            request_comment += " (";
            request_comment += &rewritten.was;
            request_comment += ", its head written as HTTP/1.1)";
        }
        self.by_transaction.entry(id).or_default().push(self.all.len());
        self.all.push(Place {
            client: request.peer,
            server: request.server,
            from: request.first.order,
            to: answer.map_or(request.head_end, |a| a.head_end).order,
            request_seq: request.id.seq,
            answer: answer.map(|a| (a.id.seq, a.first.order)),
            request_comment,
            answer_comment,
            rewritten,
        });
    }
}

/// The verdict in one line, in the words of the database.
fn comment(t: &Transaction) -> String {
    let mut parts = vec![format!("corstap {}: {}", t.id, t.verdict)];
    if let Some(phase) = t.phase {
        parts.push(format!("at its {phase}"));
    }
    if let Some(reason) = t.reason {
        parts.push(format!("reason {reason}"));
    }
    if let (Verdict::Blocked, Some(cause)) = (t.verdict, t.cause) {
        parts.push(format!("cause {}", cause.id()));
    }
    parts.push(t.confidence.to_string());
    if t.blocked_after_effect {
        parts.push("blocked after effect".to_owned());
    }
    let verdict = parts.join(", ");
    shown(&if t.detail.is_empty() { verdict } else { format!("{verdict}. {}", t.detail) })
}

impl Sink for Places {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        // a transaction is told once; a second of that id would be the same packets again
        if !self.wanted.contains(&t.id) || self.by_transaction.contains_key(&t.id) {
            return;
        }
        if let Some(preflight) = &t.preflight {
            self.add_leg(t, &preflight.leg, "preflight");
        }
        if let Some(actual) = &t.actual {
            self.add_leg(t, actual, "actual request");
        }
    }

    fn finding(&mut self, _: &Finding) {}

    fn exchange(&mut self, request: &Arc<Request>, response: Option<&Arc<Response>>) {
        let id = id_of(&self.sensor, request);
        if self.wanted.contains(&id) {
            self.lone.insert(id, (request.clone(), response.cloned()));
        }
    }
}
