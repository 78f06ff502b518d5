//! Every key of the configuration file: its section, its default, and what it means. `config print` is made of this.

use std::fmt::Write as _;

use crate::catalog::Rule;
use crate::findings::settings::Threshold;

/// One option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Table it stands in; empty for the top.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// As TOML.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
}

const fn key(section: &'static str, name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { section, name, default, help }
}

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    key("", "sensor", "\"corstap\"", "Name of this tap; part of every id. (restart)"),
    key("", "scheme", "\"\"", "\"http\" or \"https\": scheme of targets where nothing on the wire tells. (restart)"),
    key("capture", "interfaces", "[]", "Where to capture, such as [\"eth0\"]; [\"any\"] is every interface. (restart)"),
    key("capture", "filter", "\"\"", "Capture only what this pcap-filter(7) expression lets pass. (restart)"),
    key("capture", "buffer_mib", "64", "The kernel's packet buffer for each interface, in MiB, 1 to 2047. (restart)"),
    key("capture", "snaplen", "262144", "Bytes kept of each packet, 64 to 262144. (restart)"),
    key(
        "capture",
        "keylog",
        "\"\"",
        "TLS 1.2 and 1.3 are read with the secrets in this file (SSLKEYLOGFILE), as they are written. (restart)",
    ),
    key(
        "store",
        "db",
        "\"\"",
        "The SQLite database. Empty: nothing is recorded; as a service, /var/lib/corstap/corstap.db is. (restart)",
    ),
    key("store", "keep_days", "30", "What is older is deleted; 0 keeps everything."),
    key(
        "store",
        "keep_mib",
        "2048",
        "Above this size of the database the oldest is deleted; 0 lets it grow. A floor of 16 holds.",
    ),
    key("web", "listen", "\"127.0.0.1:2677\"", "Where /metrics, /healthz, /readyz and the page are served. (restart)"),
    key(
        "web",
        "token_file",
        "\"\"",
        "Beyond loopback the page is served to those who send the token in this file; numbers then want it too. (restart)",
    ),
    key(
        "web",
        "hosts",
        "[]",
        "Names that the page may be opened by, beside addresses, localhost and this machine's name. (restart)",
    ),
    key(
        "events",
        "to",
        "\"\"",
        "Each refusal and finding as a line of JSON: \"-\" for standard output, a file, or \"unix:PATH\". (restart)",
    ),
    key(
        "process",
        "user",
        "\"\"",
        "Whom to become after opening interfaces and port, where started as root; empty stays. (restart)",
    ),
    key("site", "names", "[]", "Your own host names, such as [\"*.shop.test\"]."),
    key("site", "private_names", "[]", "Names that only the inside may reach."),
    key("site", "origins", "[]", "Page origins that are known and wanted; also the values of the origin label."),
    key("site", "targets", "[]", "Target origins that get a label of their own in the metrics."),
    key(
        "site",
        "trusted_proxies",
        "[]",
        "Addresses, or address/prefix, whose forwarding headers are believed, beside loopback and private ones.",
    ),
    key("site", "scanners", "[]", "Addresses, or parts of User-Agents, of your own scanners."),
];

/// Keys of each `[rules.ID]`, beside the thresholds of that rule.
pub(super) const RULE_KEYS: &[Key] = &[
    key("rules", "enabled", "true", "false silences the rule."),
    key("rules", "allow", "[]", "Subjects, origins or clients that it shall not report."),
];

/// The numbers that a rule compares with: name, default, meaning.
pub(super) fn thresholds(rule: Rule) -> impl Iterator<Item = (&'static str, f64, &'static str)> {
    let of_rule = Threshold::ALL.iter().filter(move |threshold| threshold.1 == rule);
    of_rule.map(|(_, _, name, default, help)| (*name, *default, help.trim()))
}

const HEAD: &str = "\
# corstap.toml: every option, commented out, with its default.
#
# Flags and CORSTAP_* variables of `corstap run` stand above this file. SIGHUP (systemctl reload corstap) reads it again, all
# or nothing; what is marked (restart) then waits for the next start. `corstap config check FILE` tells what is wrong with it.
";

/// The whole file.
#[must_use]
pub fn print() -> String {
    let mut out = HEAD.to_string();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            write!(out, "\n[{section}]\n").expect("writing to a String does not fail");
        } else if key.section.is_empty() {
            out.push('\n');
        }
        writeln!(out, "# {}\n# {} = {}", key.help, key.name, key.default).expect("writing to a String does not fail");
    }
    out.push_str("\n# Rules, as `corstap explain` lists them. Each has:\n");
    for key in RULE_KEYS {
        writeln!(out, "#   {} = {}   {}", key.name, key.default, key.help).expect("writing to a String does not fail");
    }
    for rule in Rule::ALL {
        write!(out, "\n[rules.{}]\n# enabled = true\n# allow = []\n", rule.id())
            .expect("writing to a String does not fail");
        for (name, default, help) in thresholds(*rule) {
            writeln!(out, "# {help}\n# {name} = {default}").expect("writing to a String does not fail");
        }
    }
    out
}
