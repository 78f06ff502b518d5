//! Where packets come from: live interfaces, and capture files as one timeline.

mod bytes;
pub mod file;
pub mod keylog;
pub mod live;
pub mod merge;
mod pcapng;
