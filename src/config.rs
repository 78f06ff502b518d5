//! The configuration file: `[site]` and `[rules.ID]` of CONTRACT.md, read into [`EngineOptions`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;

use crate::catalog::Rule;
use crate::options::{EngineOptions, RuleOptions};

/// Why a configuration cannot be used: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {text}")]
pub struct ConfigError {
    path: String,
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    site: Site,
    rules: BTreeMap<String, RuleKeys>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Site {
    names: Vec<String>,
    private_names: Vec<String>,
    origins: Vec<String>,
    targets: Vec<String>,
    trusted_proxies: Vec<String>,
    scanners: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuleKeys {
    enabled: Option<bool>,
    allow: Vec<String>,
    #[serde(flatten)]
    thresholds: BTreeMap<String, f64>,
}

/// Reads the file into `options`; what it does not name stays as it is.
///
/// # Errors
/// It cannot be read, is no TOML, or names a key, rule or address that there is not.
pub fn read(path: &Path, options: &mut EngineOptions) -> Result<(), ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError { path: shown.clone(), text: e.to_string() })?;
    apply(&text, options).map_err(|text| ConfigError { path: shown, text })
}

fn apply(text: &str, options: &mut EngineOptions) -> Result<(), String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
    let site = &mut options.site;
    site.names = file.site.names;
    site.private_names = file.site.private_names;
    site.origins = file.site.origins;
    site.targets = file.site.targets;
    site.scanners = file.site.scanners;
    site.trusted_proxies = file.site.trusted_proxies.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
    for (id, keys) in file.rules {
        if !Rule::ALL.iter().any(|rule| rule.id() == id) {
            return Err(format!("[rules.{id}]: there is no such rule (corstap explain lists them)"));
        }
        let RuleKeys { enabled, allow, thresholds } = keys;
        options.rules.insert(id, RuleOptions { enabled, allow, thresholds });
    }
    Ok(())
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("[site] trusted_proxies: \"{text}\" is no address or address/prefix");
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(bits_max), str::parse::<u8>).map_err(|_| wrong())?;
    if prefix > bits_max { Err(wrong()) } else { Ok((address, prefix)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<EngineOptions, String> {
        let mut options = EngineOptions::default();
        apply(text, &mut options).map(|()| options)
    }

    #[test]
    fn keys_of_the_contract_are_read() {
        let options = check(
            "[site]\nnames = [\"*.shop.test\"]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
             [rules.origin_enumeration]\nenabled = false\nallow = [\"10.1.2.3\"]\norigins_min = 9\n",
        )
        .unwrap();
        assert_eq!(options.site.names, ["*.shop.test"]);
        assert_eq!(options.site.trusted_proxies, [("10.0.0.0".parse().unwrap(), 8), ("::1".parse().unwrap(), 128)]);
        let rule = &options.rules["origin_enumeration"];
        assert_eq!((rule.enabled, rule.allow.len(), rule.thresholds["origins_min"]), (Some(false), 1, 9.0));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (text, told) in [
            ("[site]\nname = []", "unknown field `name`"),
            ("[sites]", "unknown field `sites`"),
            ("[rules.origin_probing]", "no such rule"),
            ("[rules.ws_hijack]\nenabled = 1", "boolean"),
            ("[site]\ntrusted_proxies = [\"10.0.0.0/33\"]", "10.0.0.0/33"),
            ("[site]\ntrusted_proxies = [\"proxy\"]", "no address"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
