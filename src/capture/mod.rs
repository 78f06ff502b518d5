//! Where packets come from.

pub mod live;
