//! Dangerous or fragile configuration seen in traffic (VERDICTS.md §8).

pub mod answers;
pub mod caching;
pub mod cookies;
pub mod origins;
pub mod preflights;
pub mod taps;
pub mod writes;
