//! The configuration file: read as a whole or refused as a whole, with line, key and the nearest name that there is.

mod keys;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalog::Rule;
use crate::options::{EngineOptions, RuleOptions, Scheme, SiteOptions};

pub use keys::print;

/// Why a configuration cannot be used: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{path}{}{text}", line.map_or(": ".into(), |n| format!(":{n}: ")))]
pub struct ConfigError {
    path: String,
    line: Option<usize>,
    text: String,
}

/// What the file says; what it does not name has its default.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this tap.
    pub sensor: String,
    /// Scheme of targets where nothing on the wire tells.
    pub scheme: Option<Scheme>,
    /// Interfaces to capture on.
    pub interfaces: Vec<String>,
    /// A filter in pcap-filter(7) syntax.
    pub filter: Option<String>,
    /// The kernel's buffer for each interface, in MiB.
    pub buffer_mib: u32,
    /// Bytes kept of each packet.
    pub snaplen: u32,
    /// Secrets of TLS connections.
    pub key_log: Option<PathBuf>,
    /// The database.
    pub db: Option<PathBuf>,
    /// Days that records are kept; 0 for ever.
    pub keep_days: u32,
    /// Size of the database above which the oldest records go, in MiB; 0 none.
    pub keep_mib: u32,
    /// Where pages are served.
    pub listen: SocketAddr,
    /// A file with the token that opens the pages beyond loopback.
    pub token_file: Option<PathBuf>,
    /// Names that the pages may be opened by.
    pub hosts: Vec<String>,
    /// Where events go.
    pub events: Option<String>,
    /// Whom to become.
    pub user: Option<String>,
    /// `[site]`
    pub site: SiteOptions,
    /// `[rules.ID]`
    pub rules: BTreeMap<String, RuleOptions>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sensor: "corstap".into(),
            scheme: None,
            interfaces: Vec::new(),
            filter: None,
            buffer_mib: 64,
            snaplen: 262_144,
            key_log: None,
            db: None,
            keep_days: 30,
            keep_mib: 2048,
            listen: SocketAddr::from(([127, 0, 0, 1], 2677)),
            token_file: None,
            hosts: Vec::new(),
            events: None,
            user: None,
            site: SiteOptions::default(),
            rules: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or names a key, rule or value that there is not.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let error = |line, text| ConfigError { path: path.display().to_string(), line, text };
        let text = std::fs::read_to_string(path).map_err(|e| error(None, e.to_string()))?;
        parse(&text).map_err(|fault| error(fault.at.map(|at| line_of(&text, at)), fault.text))
    }
}

/// Reads the file's `[site]` and `[rules.ID]` into `options`; the rest of it is the daemon's.
///
/// # Errors
/// As [`Config::read`].
pub fn read(path: &Path, options: &mut EngineOptions) -> Result<(), ConfigError> {
    let config = Config::read(path)?;
    options.site = config.site;
    options.rules = config.rules;
    Ok(())
}

/// What is wrong, and at which byte.
struct Fault {
    at: Option<usize>,
    text: String,
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    sensor: Option<String>,
    scheme: Option<String>,
    capture: CaptureKeys,
    store: StoreKeys,
    web: WebKeys,
    events: EventKeys,
    process: ProcessKeys,
    site: SiteKeys,
    rules: BTreeMap<String, RuleKeys>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CaptureKeys {
    interfaces: Option<Vec<String>>,
    filter: Option<String>,
    #[serde(deserialize_with = "between::<_, 1, 2047>")]
    buffer_mib: Option<u32>,
    #[serde(deserialize_with = "between::<_, 64, 262_144>")]
    snaplen: Option<u32>,
    keylog: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoreKeys {
    db: Option<String>,
    keep_days: Option<u32>,
    keep_mib: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WebKeys {
    listen: Option<SocketAddr>,
    token_file: Option<String>,
    hosts: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventKeys {
    to: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProcessKeys {
    user: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SiteKeys {
    names: Vec<String>,
    private_names: Vec<String>,
    origins: Vec<String>,
    targets: Vec<String>,
    trusted_proxies: Vec<Network>,
    scanners: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RuleKeys {
    enabled: Option<bool>,
    allow: Vec<String>,
    #[serde(flatten)]
    thresholds: BTreeMap<String, f64>,
}

/// `10.0.0.0/8`, or one address.
struct Network(IpAddr, u8);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        network(&text).ok_or_else(|| D::Error::custom(format!("\"{text}\" is no address or address/prefix")))
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().ok()?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(bits_max), |p| p.parse().ok())?;
    (prefix <= bits_max).then_some(Network(address, prefix))
}

fn between<'de, D: Deserializer<'de>, const LOW: u32, const HIGH: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    let n = u32::deserialize(deserializer)?;
    if (LOW..=HIGH).contains(&n) {
        Ok(Some(n))
    } else {
        Err(D::Error::custom(format!("{n} is not between {LOW} and {HIGH}")))
    }
}

fn parse(text: &str) -> Result<Config, Fault> {
    let of_toml = |e: toml::de::Error| Fault { at: e.span().map(|s| s.start), text: e.message().to_string() };
    let table = DeTable::parse(text).map_err(of_toml)?;
    known_keys(table.get_ref())?;
    let file: File = toml::from_str(text).map_err(|e| {
        let mut fault = of_toml(e);
        if let Some(name) = fault.at.and_then(|at| key_at(table.get_ref(), at, "")) {
            fault.text = format!("{name}: {}", fault.text);
        }
        fault
    })?;
    let scheme = match file.scheme.as_deref() {
        None | Some("") => None,
        Some("http") => Some(Scheme::Http),
        Some("https") => Some(Scheme::Https),
        Some(other) => {
            let at = table.get_ref().get("scheme").map(|v| v.span().start);
            return Err(Fault { at, text: format!("scheme: \"{other}\" is neither \"http\" nor \"https\"") });
        }
    };
    let or_none = |text: Option<String>| text.filter(|t| !t.is_empty());
    let default = Config::default();
    Ok(Config {
        sensor: file.sensor.unwrap_or(default.sensor),
        scheme,
        interfaces: file.capture.interfaces.unwrap_or(default.interfaces),
        filter: or_none(file.capture.filter),
        buffer_mib: file.capture.buffer_mib.unwrap_or(default.buffer_mib),
        snaplen: file.capture.snaplen.unwrap_or(default.snaplen),
        key_log: or_none(file.capture.keylog).map(PathBuf::from),
        db: or_none(file.store.db).map(PathBuf::from),
        keep_days: file.store.keep_days.unwrap_or(default.keep_days),
        keep_mib: file.store.keep_mib.unwrap_or(default.keep_mib),
        listen: file.web.listen.unwrap_or(default.listen),
        token_file: or_none(file.web.token_file).map(PathBuf::from),
        hosts: file.web.hosts,
        events: or_none(file.events.to),
        user: or_none(file.process.user),
        site: SiteOptions {
            names: file.site.names,
            private_names: file.site.private_names,
            origins: file.site.origins,
            targets: file.site.targets,
            trusted_proxies: file.site.trusted_proxies.into_iter().map(|n| (n.0, n.1)).collect(),
            scanners: file.site.scanners,
        },
        rules: file
            .rules
            .into_iter()
            .map(|(id, RuleKeys { enabled, allow, thresholds })| (id, RuleOptions { enabled, allow, thresholds }))
            .collect(),
    })
}

/// Refuses what is no key of ours, with the nearest one that is.
fn known_keys(file: &DeTable<'_>) -> Result<(), Fault> {
    let top = keys::KEYS.iter().filter(|k| k.section.is_empty()).map(|k| k.name);
    let sections: Vec<&str> = keys::KEYS.iter().map(|k| k.section).filter(|s| !s.is_empty()).collect();
    let top: Vec<&str> = top.chain(sections.iter().copied()).chain(["rules"]).collect();
    for (name, value) in file {
        among(name, &top, "")?;
        let (section, DeValue::Table(table)) = (name.get_ref(), value.get_ref()) else { continue };
        if section == "rules" {
            known_rules(table)?;
        } else {
            let names: Vec<&str> = keys::KEYS.iter().filter(|k| k.section == section).map(|k| k.name).collect();
            for key in table.keys() {
                among(key, &names, &format!("[{section}] "))?;
            }
        }
    }
    Ok(())
}

fn known_rules(rules: &DeTable<'_>) -> Result<(), Fault> {
    let ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    for (id, value) in rules {
        among(id, &ids, "[rules] ")?;
        let rule = Rule::ALL.iter().find(|rule| rule.id() == id.get_ref()).expect("it is among the ids");
        let DeValue::Table(table) = value.get_ref() else { continue };
        let names = keys::RULE_KEYS.iter().map(|k| k.name).chain(keys::thresholds(*rule).map(|(name, ..)| name));
        let names: Vec<&str> = names.collect();
        for key in table.keys() {
            among(key, &names, &format!("[rules.{id}] ", id = id.get_ref()))?;
        }
    }
    Ok(())
}

fn among(name: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str], place: &str) -> Result<(), Fault> {
    let wrong = name.get_ref();
    if known.contains(&&**wrong) {
        return Ok(());
    }
    let nearest = known.iter().min_by_key(|k| strsim::damerau_levenshtein(k, wrong));
    let meant = nearest.map_or(String::new(), |k| format!("; did you mean {k}?"));
    Err(Fault { at: Some(name.span().start), text: format!("{place}{wrong}: there is no such key{meant}") })
}

/// The key whose value is at this byte, with its section.
fn key_at(table: &DeTable<'_>, at: usize, section: &str) -> Option<String> {
    let is_in = |span: Range<usize>| span.contains(&at);
    table.iter().find_map(|(name, value)| match value.get_ref() {
        DeValue::Table(inner) => key_at(inner, at, &format!("{section}{}.", name.get_ref())),
        _ if is_in(value.span()) || is_in(name.span()) => {
            let place = section.strip_suffix('.').map_or(String::new(), |s| format!("[{s}] "));
            Some(format!("{place}{}", name.get_ref()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `config check` says of a file `f` with this text.
    fn check(text: &str) -> Result<Config, String> {
        parse(text).map_err(|f| match f.at {
            Some(at) => format!("f:{}: {}", line_of(text, at), f.text),
            None => f.text,
        })
    }

    #[test]
    fn keys_of_the_contract_are_read() {
        let config = check(
            "[site]\nnames = [\"*.shop.test\"]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
             [rules.origin_enumeration]\nenabled = false\nallow = [\"10.1.2.3\"]\norigins_min = 9\n",
        )
        .unwrap();
        assert_eq!(config.site.names, ["*.shop.test"]);
        assert_eq!(config.site.trusted_proxies, [("10.0.0.0".parse().unwrap(), 8), ("::1".parse().unwrap(), 128)]);
        let rule = &config.rules["origin_enumeration"];
        let read = (rule.enabled, rule.allow.len(), rule.thresholds.get("origins_min").copied());
        assert_eq!(read, (Some(false), 1, Some(9.0)));
    }

    #[test]
    fn what_is_wrong_is_told_with_line_key_and_the_nearest_name() {
        for (text, told) in [
            ("[site]\n\nname = []", "f:3: [site] name: there is no such key; did you mean names?"),
            ("[sites]", "f:1: sites: there is no such key; did you mean site?"),
            ("senser = \"a\"", "f:1: senser: there is no such key; did you mean sensor?"),
            ("[capture]\nfilters = \"tcp\"", "f:2: [capture] filters: there is no such key; did you mean filter?"),
            (
                "[rules.origin_enumerate]",
                "f:1: [rules] origin_enumerate: there is no such key; did you mean origin_enumeration?",
            ),
            (
                "[rules.ws_hijack]\nenable = true",
                "f:2: [rules.ws_hijack] enable: there is no such key; did you mean enabled?",
            ),
            (
                "[rules.origin_enumeration]\norigin_min = 9",
                "f:2: [rules.origin_enumeration] origin_min: there is no such key; did you mean origins_min?",
            ),
            (
                "[rules.ws_hijack]\nenabled = 1",
                "f:2: [rules.ws_hijack] enabled: invalid type: integer `1`, expected a boolean",
            ),
            (
                "[site]\nnames = []\ntrusted_proxies = [\"10.0.0.0/33\"]",
                "f:3: [site] trusted_proxies: \"10.0.0.0/33\" is no address or address/prefix",
            ),
            (
                "[site]\ntrusted_proxies = [\n\"proxy\"]",
                "f:2: [site] trusted_proxies: \"proxy\" is no address or address/prefix",
            ),
            ("[capture]\nsnaplen = 63", "f:2: [capture] snaplen: 63 is not between 64 and 262144"),
            ("[capture]\nsnaplen = \"x\"", "f:2: [capture] snaplen: invalid type: string \"x\", expected u32"),
            ("[web]\nlisten = \"here\"", "f:2: [web] listen: invalid socket address syntax"),
            ("\nscheme = \"ftp\"", "f:2: scheme: \"ftp\" is neither \"http\" nor \"https\""),
        ] {
            assert_eq!(check(text).unwrap_err(), told, "{text}");
        }
        assert!(check("[site").unwrap_err().starts_with("f:1: "));
    }

    #[test]
    fn the_edges_of_ranges_are_in() {
        let config = check("[capture]\nsnaplen = 64\nbuffer_mib = 2047").unwrap();
        assert_eq!((config.snaplen, config.buffer_mib), (64, 2047));
    }

    #[test]
    fn the_printed_file_says_the_defaults_and_changes_nothing() {
        let default = format!("{:?}", Config::default());
        assert_eq!(format!("{:?}", without_empty_rules(check(&print()).unwrap())), default);
        // With the keys uncommented it still says the defaults, so that each printed default is true.
        let keys = keys::KEYS.iter().chain(keys::RULE_KEYS).map(|k| k.name);
        let thresholds = Rule::ALL.iter().flat_map(|rule| keys::thresholds(*rule).map(|(name, ..)| name));
        let starts: Vec<String> = keys.chain(thresholds).map(|name| format!("# {name} = ")).collect();
        let uncomment = |line: &str| {
            if starts.iter().any(|s| line.starts_with(s)) { line[2..].to_string() } else { line.to_string() }
        };
        let thresholds_all = Rule::ALL.iter().map(|rule| keys::thresholds(*rule).count()).sum::<usize>();
        assert!(thresholds_all > 20);
        let all: Vec<String> = print().lines().map(uncomment).collect();
        let config = check(&all.join("\n")).unwrap();
        assert!(config.rules.values().all(|r| r.enabled == Some(true) && r.allow.is_empty()));
        assert_eq!(config.rules.len(), Rule::ALL.len());
        assert_eq!(format!("{:?}", without_empty_rules(config)), default);
        assert_eq!(
            all.iter().filter(|l| !l.starts_with(['#', '[']) && !l.is_empty()).count(),
            keys::KEYS.len() + 2 * Rule::ALL.len() + thresholds_all
        );
    }

    fn without_empty_rules(mut config: Config) -> Config {
        config.rules.clear();
        config
    }
}
