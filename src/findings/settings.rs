//! What an operator may change about rules: switches, allow-lists, thresholds; and who is known.

use std::borrow::Cow;
use std::net::IpAddr;

pub use crate::catalog::Threshold;

use crate::catalog::Rule;
use crate::cors::OriginParts;
use crate::options::{EngineOptions, RuleOptions};
use crate::packet::SECOND;

/// Switches, allow-lists and thresholds, ready to be asked for each request.
#[derive(Debug)]
pub struct Settings {
    rules: Vec<RuleOptions>,
    values: Vec<usize>,
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
                let told = options.rules.get(rule.id()).and_then(|r| r.thresholds.get(*name));
                whole(told.copied().unwrap_or(*default))
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
    pub fn at(&self, threshold: Threshold) -> usize {
        self.values.get(threshold as usize).copied().unwrap_or(usize::MAX)
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

    /// Any of these words (subject, origin, address, host) is on the rule's allow-list. They are asked for only where there is one.
    pub fn allows<'a, const N: usize>(&self, rule: Rule, words: impl FnOnce() -> [Cow<'a, str>; N]) -> bool {
        let Some(listed) = self.rules.get(rule as usize).map(|r| &r.allow).filter(|l| !l.is_empty()) else {
            return false;
        };
        let words = words();
        listed.iter().any(|item| words.iter().any(|word| **word == **item))
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

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and no threshold is negative
fn whole(threshold: f64) -> usize {
    threshold.max(0.0) as usize
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
        assert!(settings.allows(Rule::OriginEnumeration, || ["x", "10.0.0.9"].map(Cow::Borrowed)));
        assert!(!settings.allows(Rule::WsHijack, || ["x", "10.0.0.9"].map(Cow::Borrowed)));
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
