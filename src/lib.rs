//! corstap listens to HTTP traffic beside browsers and servers and says, for each cross-origin attempt, what the browser
//! decided, where, why, and what to change.
//!
//! The engine ([`engine::Engine`]) does no I/O and owns no clock: packets with their times go in, records come out.
//! `capture`, `store`, `metrics`, `web`, `report` and `cli` are its edges.

pub mod address;
pub mod capture;
pub mod catalog;
pub mod cli;
pub mod compare;
pub mod config;
pub mod cors;
pub mod counters;
pub mod daemon;
pub mod decode;
pub mod engine;
pub mod evidence;
pub mod findings;
pub mod http;
pub mod index;
pub mod limits;
pub mod lru;
pub mod memo;
pub mod metrics;
pub mod openmetrics;
pub mod options;
pub mod packet;
pub mod record;
pub mod report;
mod slots;
pub mod store;
pub mod stream;
pub mod tls;
pub mod web;
