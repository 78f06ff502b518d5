//! What came last, and the stream of it to open pages.
//!
//! The capturing thread puts records into a ring when nobody reads it at that very moment, else a little later. Each open
//! page remembers how far it has read; one that reads slowly misses what the ring has dropped meanwhile, is told how much,
//! and holds nobody up: its socket's buffer is all that waits for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::{Pages, data};
use crate::record::{Checklist, Finding, FindingId, Transaction};

/// Refusals, and findings, that the ring holds: about 6 KB each at worst.
const RECENT_MAX: usize = 200;
/// How often an open page is told what is new.
const TELL: Duration = Duration::from_millis(500);
/// Every so many times it is also told the state of all; a stream never falls silent for longer.
const STATE_EVERY: u64 = 4;

/// Records that wait for the ring.
#[derive(Debug, Default)]
pub struct Waiting {
    blocked: Ring<Transaction>,
    findings: Ring<Finding>,
}

impl Waiting {
    /// Another refusal.
    pub fn on_blocked(&mut self, t: &Transaction) {
        self.blocked.push(Arc::new(t.clone()));
    }

    /// A finding, new or changed.
    pub fn on_finding(&mut self, finding: &Finding) {
        self.findings.push(Arc::new(finding.clone()));
    }
}

/// The last few of something, each with its number.
#[derive(Debug)]
struct Ring<T> {
    rows: VecDeque<Arc<T>>,
    /// How many there ever were.
    ever: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Ring { rows: VecDeque::new(), ever: 0 }
    }
}

impl<T> Ring<T> {
    fn push(&mut self, row: Arc<T>) {
        if self.rows.len() >= RECENT_MAX {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
        self.ever += 1;
    }

    /// Moves everything over.
    fn pour(&mut self, into: &mut Ring<T>) {
        into.ever += self.ever - self.rows.len() as u64;
        self.rows.drain(..).for_each(|row| into.push(row));
        self.ever = 0;
    }

    /// Those after number `seen`, and how many of them are gone.
    fn after(&self, seen: u64) -> (Vec<Arc<T>>, u64) {
        let oldest = self.ever - self.rows.len() as u64;
        let skip = usize::try_from(seen.saturating_sub(oldest)).unwrap_or(usize::MAX);
        (self.rows.iter().skip(skip).cloned().collect(), oldest.saturating_sub(seen))
    }
}

/// The ring that pages read.
#[derive(Debug, Default)]
pub struct Recent {
    place: Mutex<Waiting>,
    checklists: Mutex<Arc<Vec<Checklist>>>,
    /// A page shows checklists: they are made only for one that does.
    wants_checklists: AtomicBool,
}

impl Recent {
    /// Takes the checklists that `make` makes, where a page has asked for them since the last time.
    pub fn publish_checklists(&self, make: impl FnOnce() -> Vec<Checklist>) {
        if self.wants_checklists.swap(false, Ordering::Relaxed)
            && let Ok(mut place) = self.checklists.try_lock()
        {
            *place = Arc::new(make());
        }
    }

    /// The checklists as they were made last; asks for new ones.
    pub(super) fn checklists(&self) -> Arc<Vec<Checklist>> {
        self.wants_checklists.store(true, Ordering::Relaxed);
        Arc::clone(&self.checklists.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what waits, unless a page reads at this very moment: then it stays for the next time.
    pub fn publish(&self, waiting: &mut Waiting) {
        if let Ok(mut place) = self.place.try_lock() {
            waiting.blocked.pour(&mut place.blocked);
            waiting.findings.pour(&mut place.findings);
        }
    }

    fn read(&self) -> MutexGuard<'_, Waiting> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refusals, oldest first.
    pub(super) fn blocked(&self) -> Vec<Arc<Transaction>> {
        self.read().blocked.rows.iter().cloned().collect()
    }

    /// The findings, each as it was last, oldest first.
    pub(super) fn findings(&self) -> Vec<Arc<Finding>> {
        let all: Vec<Arc<Finding>> = self.read().findings.rows.iter().cloned().collect();
        let is_last = |nth: usize, id: FindingId| all.iter().skip(nth + 1).all(|later| later.id != id);
        all.iter().enumerate().filter(|(nth, f)| is_last(*nth, f.id)).map(|(_, f)| Arc::clone(f)).collect()
    }
}

/// One open page.
struct Reader {
    pages: Arc<Pages>,
    _permit: OwnedSemaphorePermit,
    blocked: u64,
    findings: u64,
    turn: u64,
    due: VecDeque<Event>,
}

impl Reader {
    /// The next thing to tell; waits until there is one.
    async fn next(mut self) -> (Event, Self) {
        loop {
            if let Some(event) = self.due.pop_front() {
                return (event, self);
            }
            if self.turn > 0 {
                tokio::time::sleep(TELL).await;
            }
            self.look();
        }
    }

    fn look(&mut self) {
        let event = |name: &str, value: &serde_json::Value| Event::default().event(name).data(value.to_string());
        let (blocked, findings, missed) = {
            let recent = self.pages.recent.read();
            let (blocked, missed) = recent.blocked.after(self.blocked);
            let (findings, _) = recent.findings.after(self.findings);
            (self.blocked, self.findings) = (recent.blocked.ever, recent.findings.ever);
            (blocked, findings, missed)
        };
        if self.turn == 0 {
            self.due.push_back(event("begin", &json!({ "earlier": missed })));
        } else if missed > 0 {
            self.due.push_back(event("missed", &json!({ "count": missed })));
        }
        self.due.extend(blocked.iter().map(|t| event("rejection", &data::of_transaction(t, false))));
        self.due.extend(findings.iter().map(|f| event("finding", &data::of_finding(f))));
        if self.turn.is_multiple_of(STATE_EVERY) {
            self.due.push_back(event("state", &data::of_state(&self.pages)));
        }
        self.turn += 1;
    }
}

/// `GET /api/live`: server-sent events `begin`, `rejection`, `finding`, `state`, `missed`.
pub async fn live(State(pages): State<Arc<Pages>>) -> Response {
    let Ok(permit) = Arc::clone(&pages.live_permits).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many live pages at once\n").into_response();
    };
    let reader = Reader { pages, _permit: permit, blocked: 0, findings: 0, turn: 0, due: VecDeque::new() };
    let events = futures_util::stream::unfold(reader, async |reader| {
        let (event, reader) = reader.next().await;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Sse::new(events).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_tells_what_a_slow_reader_missed() {
        let (mut waiting, mut ring) = (Ring::default(), Ring::default());
        (0..10_u32).for_each(|n| waiting.push(Arc::new(n)));
        waiting.pour(&mut ring);
        assert_eq!((ring.after(0).0.len(), ring.after(0).1), (10, 0));
        assert_eq!((ring.after(7).0.len(), ring.after(7).1), (3, 0));
        assert_eq!((ring.after(10).0.len(), ring.after(10).1), (0, 0));
        // More than it holds, in one go: the first ones never reach it, and are counted all the same.
        (10..1000_u32).for_each(|n| waiting.push(Arc::new(n)));
        waiting.pour(&mut ring);
        let (rows, missed) = ring.after(10);
        assert_eq!((rows.len(), missed), (RECENT_MAX, 990 - RECENT_MAX as u64));
        assert_eq!(rows.last().map(|n| **n), Some(999));
    }
}
