//! What a finding may cite: the latest transactions that were not recorded.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::record::{Transaction, TransactionId};

/// Recent transactions kept in case a finding cites them. About 3 KB each: 12 MiB.
const RECENT_MAX: usize = 4096;
/// Ids that findings cite and that have not come yet.
const CITED_MAX: usize = 4096;
/// Ids of recorded transactions that a finding may still cite.
const RECORDED_MAX: usize = 65_536;

/// The latest transactions that were not recorded, in case a finding cites them; the ids cited too early; and the ids of
/// those that are recorded.
#[derive(Default)]
pub(super) struct Recent {
    kept: VecDeque<(TransactionId, Option<Arc<Transaction>>)>,
    dropped: u64,
    place: HashMap<TransactionId, u64, RandomState>,
    awaited: HashSet<TransactionId, RandomState>,
    recorded: HashSet<TransactionId, RandomState>,
    recorded_order: VecDeque<TransactionId>,
}

impl Recent {
    pub(super) fn push(&mut self, t: Arc<Transaction>) {
        if self.kept.len() >= RECENT_MAX
            && let Some((oldest, _)) = self.kept.pop_front()
        {
            self.place.remove(&oldest);
            self.dropped += 1;
        }
        self.place.insert(t.id, self.dropped + self.kept.len() as u64);
        self.kept.push_back((t.id, Some(t)));
    }

    /// The transaction, when it is here and not recorded. One that is yet to come is awaited.
    pub(super) fn cite(&mut self, id: TransactionId, to_come: bool) -> Option<Arc<Transaction>> {
        let place = self.place.get(&id).and_then(|at| usize::try_from(at - self.dropped).ok());
        let found = place.and_then(|at| self.kept.get_mut(at)).and_then(|(_, t)| t.take());
        if found.is_none() && to_come && !self.recorded.contains(&id) && self.awaited.len() < CITED_MAX {
            self.awaited.insert(id);
        }
        found
    }

    /// Whether it was cited before it came; it is waited for no longer.
    pub(super) fn was_awaited(&mut self, id: TransactionId) -> bool {
        !self.awaited.is_empty() && self.awaited.remove(&id)
    }

    pub(super) fn on_recorded(&mut self, id: TransactionId) {
        if !self.recorded.insert(id) {
            return;
        }
        self.recorded_order.push_back(id);
        if self.recorded_order.len() > RECORDED_MAX
            && let Some(oldest) = self.recorded_order.pop_front()
        {
            self.recorded.remove(&oldest);
        }
    }

    /// It is recorded, or will be.
    pub(super) fn has(&self, id: TransactionId) -> bool {
        self.recorded.contains(&id) || self.awaited.contains(&id)
    }
}
