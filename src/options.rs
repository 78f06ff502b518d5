//! What an operator may tell the engine. Everything has a default under which rules that need more stay silent.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the engine is told about the site it watches (CONTRACT.md, "Configuration").
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Name of this tap; part of every id.
    pub sensor: String,
    /// Scheme of targets where nothing on the wire tells (`--scheme`).
    pub scheme: Option<Scheme>,
    /// Report every HTTP message to [`crate::record::Sink::message`].
    pub messages: bool,
    /// Keep the values of all fields that are not secrets, not just of those the engine needs.
    pub all_headers: bool,
    /// Emit transactions for requests that have no part in CORS too (`--all`).
    pub all_requests: bool,
    /// Show query values instead of redacting them.
    pub show_query: bool,
    /// Secrets of TLS connections may come at any time ([`crate::engine::Engine::add_keys`]): records wait for them.
    pub key_log: bool,
    /// `[site]`
    pub site: SiteOptions,
    /// `[rules.ID]`
    pub rules: BTreeMap<String, RuleOptions>,
}

/// A URL scheme that CORS deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// http
    Http,
    /// https
    Https,
}

/// `[site]` of the configuration.
#[derive(Debug, Clone, Default)]
pub struct SiteOptions {
    /// The operator's own host names (`*.shop.test` allowed).
    pub names: Vec<String>,
    /// Names that only the inside may reach.
    pub private_names: Vec<String>,
    /// Page origins that are known and wanted.
    pub origins: Vec<String>,
    /// Target origins with a label of their own.
    pub targets: Vec<String>,
    /// Addresses (or address/prefix) whose forwarding headers are believed, beside loopback and private ones.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Addresses or User-Agent substrings of the operator's own scanners.
    pub scanners: Vec<String>,
}

/// `[rules.ID]` of the configuration.
#[derive(Debug, Clone, Default)]
pub struct RuleOptions {
    /// `false` silences the rule.
    pub enabled: Option<bool>,
    /// Subjects, origins or clients that it shall not report.
    pub allow: Vec<String>,
    /// Thresholds by name.
    pub thresholds: BTreeMap<String, f64>,
}
