//! The wall clock, which may be set while the daemon runs.

use std::time::Instant;

use crate::packet::{SECOND, Time};

/// Back by less is no step: the engine takes such packets at the latest time that it has seen.
const STEP_NS: i64 = 5 * SECOND;

/// A packet further ahead of the clock is from before it was set back: this thread may have slept for a while, not so long.
const AHEAD_NS: i64 = 60 * SECOND;

/// Both clocks at the last look: one may be set, the other goes on evenly.
#[derive(Debug)]
pub struct Clock {
    wall: Time,
    at: Instant,
}

impl Clock {
    /// As the clocks stand.
    #[must_use]
    pub fn new(wall: Time, at: Instant) -> Self {
        Clock { wall, at }
    }

    /// By how many nanoseconds the wall clock was set back since the last look, where that is a step.
    pub fn set_back(&mut self, wall: Time, at: Instant) -> Option<i64> {
        let passed = i64::try_from(at.saturating_duration_since(self.at).as_nanos()).unwrap_or(i64::MAX);
        let back = self.wall.plus(passed).since(wall);
        *self = Clock { wall, at };
        (back > STEP_NS).then_some(back)
    }

    /// No packet is from later than this: one that says so is from before the clock was set back.
    #[must_use]
    pub fn latest(&self) -> Time {
        self.wall.plus(AHEAD_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_a_step_back_is_one() {
        let begun = Instant::now();
        let (wall, after) = (Time(1_000_000 * SECOND), |s: u64| begun + Duration::from_secs(s));
        let mut clock = Clock::new(wall, begun);
        assert_eq!(clock.set_back(wall.plus(10 * SECOND), after(10)), None, "as it should");
        assert_eq!(clock.set_back(wall.plus(9 * SECOND), after(12)), None, "slewed");
        assert_eq!(clock.set_back(wall.plus(90_000 * SECOND), after(13)), None, "a day forward");
        assert_eq!(clock.set_back(wall.plus(20 * SECOND), after(14)), Some(89_981 * SECOND), "and back");
        assert_eq!(clock.set_back(wall.plus(21 * SECOND), after(15)), None, "told once");
        assert_eq!(clock.latest(), wall.plus(81 * SECOND));
    }
}
