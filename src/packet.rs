//! What every feeder hands to the engine: one captured frame with its time.

use std::fmt;

/// Nanoseconds since the Unix epoch, as the capture says. The engine knows no other clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const MILLISECOND: i64 = 1_000_000;

impl Time {
    /// A time from whole seconds and nanoseconds; saturates at the ends of the range.
    #[must_use]
    pub fn from_parts(seconds: i64, nanoseconds: i64) -> Self {
        Time(seconds.saturating_mul(SECOND).saturating_add(nanoseconds))
    }

    /// The time `ns` nanoseconds later; saturates.
    #[must_use]
    pub fn plus(self, ns: i64) -> Self {
        Time(self.0.saturating_add(ns))
    }

    /// Nanoseconds from `earlier` to this time; negative when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC with microseconds, so that texts sort as times do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.div_euclid(1000);
        let (days, in_day) = (us.div_euclid(86_400_000_000), us.rem_euclid(86_400_000_000));
        // Civil date from days: H. Hinnant, "chrono-compatible low-level date algorithms".
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let (seconds, micros) = (in_day / 1_000_000, in_day % 1_000_000);
        // years that an i64 of nanoseconds reaches have four digits
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        for (number, last, digits) in [
            (year, 3, 4),
            (month, 6, 2),
            (day, 9, 2),
            (seconds / 3600, 12, 2),
            (seconds / 60 % 60, 15, 2),
            (seconds % 60, 18, 2),
            (micros, 25, 6),
        ] {
            let mut rest = number;
            for place in 0..digits {
                if let (Some(digit), Ok(value)) = (text.get_mut(last - place), u8::try_from(rest % 10)) {
                    *digit += value;
                }
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Place of a packet in the feed, from 0. Breaks ties of time; never shown as an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Order(pub u64);

/// Which of the feed's interfaces a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InterfaceId(pub u16);

/// A link-layer header type, a number of the tcpdump.org registry (LINKTYPE_…).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Place in the feed.
    pub order: Order,
    /// Capture time.
    pub time: Time,
    /// Where it was captured.
    pub interface: InterfaceId,
    /// What its first bytes are.
    pub link: LinkType,
    /// The bytes captured.
    pub bytes: &'a [u8],
    /// The length on the wire in bytes; more than `bytes.len()` when the snap length cut it.
    pub wire_bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_prints_as_rfc3339_with_microseconds() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Time(1_795_462_645_319_123_999).to_string(), "2026-11-23T19:37:25.319123Z");
        assert_eq!(Time(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Time(i64::MAX).to_string(), "2262-04-11T23:47:16.854775Z");
        assert_eq!(Time(i64::MIN).to_string(), "1677-09-21T00:12:43.145224Z");
        assert_eq!(Time(951_782_400 * SECOND).to_string(), "2000-02-29T00:00:00.000000Z");
    }
}
