//! What an operator may change about rules: switches, allow-lists, thresholds; and who is known.

use std::net::IpAddr;

use crate::catalog::Rule;
use crate::cors::OriginParts;
use crate::options::{EngineOptions, RuleOptions};
use crate::packet::SECOND;

macro_rules! thresholds {
    ($($(#[doc = $doc:literal])+ $variant:ident = ($rule:ident, $name:literal, $default:literal)),+ $(,)?) => {
        /// A number that a rule compares with; `[rules.ID]` of the configuration may change it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Threshold { $($(#[doc = $doc])+ $variant),+ }

        impl Threshold {
            /// Each threshold: its rule, its name in the configuration, its default, what it means.
            pub const ALL: &'static [(Threshold, Rule, &'static str, f64, &'static str)] =
                &[$((Threshold::$variant, Rule::$rule, $name, $default, concat!($($doc),+))),+];
        }
    };
}

thresholds! {
    /// foreign sites accepted with credentials, none refused, from which an endpoint counts as echoing
    ReflectedCredentialsSites = (OriginReflectedCredentials, "sites_min", 5.0),
    /// foreign sites accepted, none refused, from which an endpoint counts as echoing
    ReflectedSites = (OriginReflected, "sites_min", 5.0),
    /// sites echoed with credentials, none refused
    EmergencySites = (EmergencyMode, "sites_min", 5.0),
    /// different header lists echoed
    EmergencyHeaderSets = (EmergencyMode, "header_sets_min", 2.0),
    /// subdomains of one site accepted with credentials
    SubdomainHosts = (SubdomainTrust, "hosts_min", 6.0),
    /// transactions of one foreign origin with credentials
    ThirdPartyTransactions = (ThirdPartyTrust, "transactions_min", 5.0),
    /// origins accepted with credentials on one host
    ManyOrigins = (CredentialsManyOrigins, "origins_min", 10.0),
    /// error answers without CORS to origins that the endpoint accepts
    ErrorAnswers = (CorsMissingOnErrors, "answers_min", 2.0),
    /// preflights answered 401, 403 or 407
    PreflightNeedsAuth = (PreflightNeedsAuth, "preflights_min", 2.0),
    /// preflights answered 404, 405 or 501
    PreflightNoRoute = (PreflightNoRoute, "preflights_min", 2.0),
    /// preflights answered by a redirect
    PreflightRedirected = (PreflightRedirected, "preflights_min", 2.0),
    /// preflights answered 429 or 5xx, or not at all
    PreflightFailing = (PreflightFailing, "preflights_min", 2.0),
    /// transactions in which preflight and actual disagree
    Disagreements = (AllowListsDisagree, "transactions_min", 2.0),
    /// cross-origin requests seen before an unused method counts as unused
    MethodsActuals = (MethodsTooBroad, "actuals_min", 100.0),
    /// different header lists echoed
    HeaderSets = (HeadersTooBroad, "header_sets_min", 3.0),
    /// requests, none with credentials, before Allow-Credentials counts as not needed
    AcacRequests = (AcacNotNeeded, "requests_min", 200.0),
    /// preflights of one client for one endpoint in 10 minutes
    PreflightsNotCached = (PreflightNotCached, "preflights_min", 20.0),
    /// longest useful Access-Control-Max-Age in seconds
    MaxAge = (MaxAgeTooLong, "seconds_max", 86400.0),
    /// answers that all name the target itself
    SelfOnlyAnswers = (AcaoSelfOnly, "answers_min", 20.0),
    /// seconds between a refused cors request and a no-cors one
    OpaqueSeconds = (OpaqueMisuse, "seconds_max", 60.0),
    /// different origins from one client in 10 minutes
    EnumerationOrigins = (OriginEnumeration, "origins_min", 8.0),
    /// of them never sent by anybody else
    EnumerationOwn = (OriginEnumeration, "own_min", 2.0),
    /// kinds of origin pattern from one client in 10 minutes
    ReflectionKinds = (OriginReflectionTest, "kinds_min", 2.0),
    /// preflights of different path and method without an actual in 5 minutes
    SweepPairs = (PreflightSweep, "pairs_min", 15.0),
    /// different methods asked for one path
    SweepMethods = (PreflightSweep, "methods_min", 5.0),
    /// forged preflights in 10 minutes
    ForgedPreflights = (PreflightForged, "preflights_min", 3.0),
    /// writes without their preflight in 10 minutes
    WritesNoPreflight = (CrossSiteWriteNoPreflight, "requests_min", 2.0),
    /// requests that need a preflight, from a client that never sent one
    WritesNeverAsked = (CrossSiteWriteNoPreflight, "never_asked_min", 20.0),
    /// clients on one path, over a day or more, from which a form post is a usual return
    FormReturnClients = (CsrfFormPost, "return_clients_min", 10.0),
    /// odd requests in 10 minutes for medium severity
    InconsistentRequests = (SecFetchInconsistent, "requests_min", 2.0),
    /// clients with the same oddity from which a proxy is to blame
    InconsistentClients = (SecFetchInconsistent, "clients_max", 5.0),
    /// odd Origins in 10 minutes
    NotSerialised = (OriginNotSerialised, "requests_min", 2.0),
    /// private hosts or ports called by one page in 2 minutes
    PrivateTargets = (PrivateNetworkProbe, "targets_min", 3.0),
    /// the same, for high severity
    PrivateTargetsHigh = (PrivateNetworkProbe, "targets_high_min", 5.0),
    /// requests varying only in their query in 60 seconds
    LeakRequests = (XsLeakTiming, "requests_min", 30.0),
    /// WebSocket connections of an origin from which it is known
    SocketUses = (WsHijack, "known_uses_min", 5.0),
    /// clients of an origin from which it is known
    SocketClients = (WsHijack, "known_clients_min", 3.0),
    /// cache-busting queries with a foreign Origin or X-Forwarded-Host
    PoisonQueries = (CachePoisonProbe, "queries_min", 3.0),
    /// private hosts read by one foreign origin in 10 minutes
    HarvestHosts = (InternalCorsHarvest, "hosts_min", 3.0),
}

/// Switches, allow-lists and thresholds, ready to be asked for each request.
#[derive(Debug)]
pub struct Settings {
    rules: Vec<RuleOptions>,
    values: Vec<f64>,
    known_origins: Vec<String>,
    own_names: Vec<String>,
    private_names: Vec<String>,
    scanners: Vec<Scanner>,
}

#[derive(Debug)]
enum Scanner {
    Address(IpAddr),
    Agent(Vec<u8>),
}

impl Settings {
    /// Reads the options; a threshold that they do not name has its default.
    #[must_use]
    pub fn new(options: &EngineOptions) -> Self {
        let rules: Vec<RuleOptions> =
            Rule::ALL.iter().map(|rule| options.rules.get(rule.id()).cloned().unwrap_or_default()).collect();
        let values = Threshold::ALL
            .iter()
            .map(|(_, rule, name, default, _)| {
                options.rules.get(rule.id()).and_then(|r| r.thresholds.get(*name)).copied().unwrap_or(*default)
            })
            .collect();
        let scanners = options.site.scanners.iter().map(|text| match text.parse() {
            Ok(address) => Scanner::Address(address),
            Err(_) => Scanner::Agent(text.as_bytes().to_vec()),
        });
        Settings {
            rules,
            values,
            known_origins: options.site.origins.clone(),
            own_names: options.site.names.clone(),
            private_names: options.site.private_names.clone(),
            scanners: scanners.collect(),
        }
    }

    /// The threshold as a whole number.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and no threshold is negative
    pub fn at(&self, threshold: Threshold) -> usize {
        self.values.get(threshold as usize).copied().unwrap_or(f64::MAX).max(0.0) as usize
    }

    /// The threshold in seconds, as nanoseconds.
    #[must_use]
    pub fn seconds(&self, threshold: Threshold) -> i64 {
        i64::try_from(self.at(threshold)).unwrap_or(i64::MAX).saturating_mul(SECOND)
    }

    /// The rule is on.
    #[must_use]
    pub fn enabled(&self, rule: Rule) -> bool {
        self.rules.get(rule as usize).is_none_or(|r| r.enabled != Some(false))
    }

    /// Any of these words (subject, origin, address, host) is on the rule's allow-list.
    pub fn allows<'a>(&self, rule: Rule, words: impl Fn() -> [&'a str; 4]) -> bool {
        let Some(listed) = self.rules.get(rule as usize).map(|r| &r.allow).filter(|l| !l.is_empty()) else {
            return false;
        };
        let words = words();
        listed.iter().any(|item| words.contains(&&**item))
    }

    /// The operator knows this page origin, or its host is one of the operator's own.
    #[must_use]
    pub fn knows(&self, origin: &str, parts: Option<&OriginParts>) -> bool {
        self.known_origins.iter().any(|known| known == origin)
            || parts.is_some_and(|p| {
                self.own_names.iter().any(|name| name_covers(name, &p.host))
                    || self.known_origins.iter().any(|known| {
                        known.split_once("://").is_some_and(|(scheme, name)| {
                            name.starts_with("*.") && scheme == &*p.scheme && name_covers(name, &p.host)
                        })
                    })
            })
    }

    /// The operator has told the own names, and this host is none of them.
    #[must_use]
    pub fn is_outside_own_names(&self, host: &str) -> bool {
        let told = !self.own_names.is_empty() || !self.private_names.is_empty();
        told && !self.own_names.iter().chain(&self.private_names).any(|name| name_covers(name, host))
    }

    /// The operator calls this name private.
    #[must_use]
    pub fn is_private_name(&self, host: &str) -> bool {
        self.private_names.iter().any(|name| name_covers(name, host))
    }

    /// One of the operator's own scanners.
    #[must_use]
    pub fn is_own_scanner(&self, address: IpAddr, agent: &[u8]) -> bool {
        self.scanners.iter().any(|scanner| match scanner {
            Scanner::Address(own) => *own == address,
            Scanner::Agent(text) => !text.is_empty() && memchr::memmem::find(agent, text).is_some(),
        })
    }
}

/// `*.shop.test` covers every host below `shop.test`; anything else only itself.
fn name_covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => name == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_have_defaults_that_the_configuration_changes() {
        let mut options = EngineOptions::default();
        assert_eq!(Settings::new(&options).at(Threshold::EnumerationOrigins), 8);
        let mut rule = RuleOptions { enabled: Some(false), ..RuleOptions::default() };
        rule.thresholds.insert("origins_min".to_owned(), 3.0);
        rule.allow.push("10.0.0.9".to_owned());
        options.rules.insert("origin_enumeration".to_owned(), rule);
        let settings = Settings::new(&options);
        assert_eq!(settings.at(Threshold::EnumerationOrigins), 3);
        assert!(!settings.enabled(Rule::OriginEnumeration) && settings.enabled(Rule::WsHijack));
        assert!(settings.allows(Rule::OriginEnumeration, || ["x", "10.0.0.9", "", ""]));
        assert!(!settings.allows(Rule::WsHijack, || ["x", "10.0.0.9", "", ""]));
    }

    #[test]
    fn own_names_cover_hosts_below_them() {
        for (name, host, covers) in [
            ("*.shop.test", "a.shop.test", true),
            ("*.shop.test", "shop.test", false),
            ("*.shop.test", "ashop.test", false),
            ("shop.test", "shop.test", true),
        ] {
            assert_eq!(name_covers(name, host), covers, "{name} {host}");
        }
    }
}
