//! The daemon against real kernels, servers and browsers, in network namespaces of its own.
//!
//! Needs root (or sudo: `scripts/test.sh`) and what `scripts/setup.sh test` installs; where something is missing the tests
//! fail and say so.

mod alerts;
mod browser;
mod daemon;
mod net;
mod page;
mod robust;
mod service;
mod tls;
