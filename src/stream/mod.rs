//! Connections: puts each direction's bytes in order and has HTTP read from them.

use crate::counters::Counters;
use crate::decode::Segment;
use crate::http::{HttpEvent, Mark};
use crate::limits::Limits;
use crate::options::EngineOptions;

/// All connections followed now.
#[derive(Debug)]
pub struct Streams {}

impl Streams {
    /// No connection yet.
    #[must_use]
    pub fn new(_limits: &Limits, _options: &EngineOptions) -> Self {
        Streams {}
    }

    /// Takes one segment; appends what it completes to `out`.
    pub fn on_segment(
        &mut self,
        _segment: &Segment<'_>,
        _at: Mark,
        _out: &mut Vec<HttpEvent>,
        _counters: &mut Counters,
    ) {
    }

    /// Fires timers due at this whole second of packet time.
    pub fn advance(&mut self, _at: Mark, _out: &mut Vec<HttpEvent>, _counters: &mut Counters) {}

    /// Ends every connection, oldest first.
    pub fn finish(&mut self, _at: Mark, _out: &mut Vec<HttpEvent>, _counters: &mut Counters) {}

    /// Nothing is left that a timer could fire for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        true
    }
}
