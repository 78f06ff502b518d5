//! Rules over traffic: dangerous configuration (audit) and suspicious cross-site behaviour (probing).

use crate::cors::Observation;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::Time;
use crate::record::{Sink, Transaction};

/// All rules and their state.
#[derive(Debug)]
pub struct Findings {}

impl Findings {
    /// Rules that have seen nothing.
    #[must_use]
    pub fn new(_limits: &Limits, _options: &EngineOptions) -> Self {
        Findings {}
    }

    /// Takes switches, allow-lists, thresholds and known names anew; what was seen stays.
    pub fn configure(&mut self, _options: &EngineOptions) {}

    /// A request was answered (or will not be).
    pub fn on_observation(&mut self, _seen: &Observation<'_>, _sink: &mut impl Sink, _counters: &mut Counters) {}

    /// A transaction is final.
    pub fn on_transaction(&mut self, _transaction: &Transaction, _sink: &mut impl Sink, _counters: &mut Counters) {}

    /// A whole second of packet time has passed.
    pub fn advance(&mut self, _now: Time, _sink: &mut impl Sink, _counters: &mut Counters) {}

    /// End of input: emits what has changed since it was last emitted.
    pub fn finish(&mut self, _now: Time, _sink: &mut impl Sink, _counters: &mut Counters) {}
}
