//! TLS on the wire, read with the key log that a client writes meanwhile.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::daemon::{Daemon, PAGES};
use crate::net::{Folder, Host, Program, metric, sql, within};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A page's request as a browser sends it, by TLS of at most this version; its secrets go into the key log.
fn fetch(host: &Host, keys: &Path, version: &str) {
    let mut command = host.command("curl");
    command.env("SSLKEYLOGFILE", keys);
    command.args(["-sk", "-m", "10", "--http1.1", "--tls-max", version, "-A", FIREFOX, "-o", "/dev/null"]);
    for field in ["Origin: https://app.test", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site"] {
        command.args(["-H", field]);
    }
    let said = command.arg(format!("https://127.0.0.1:4443/v{version}")).output().expect("curl");
    assert!(said.status.success(), "curl --tls-max {version}: {}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn refusals_inside_tls_are_seen_with_a_key_log_that_comes_later() {
    let folder = Folder::new();
    let host = Host::new();
    let [key, cert, keys, db] = ["key.pem", "cert.pem", "keys", "live.db"].map(|name| folder.file(name));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api.test"]);
    let made = make.arg("-keyout").arg(&key).arg("-out").arg(&cert).output().expect("openssl");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    let mut command = host.command("openssl");
    command.args(["s_server", "-www", "-quiet", "-accept", "127.0.0.1:4443", "-key"]).arg(&key).arg("-cert").arg(&cert);
    let _server = Program::start(&folder, "server", &mut command);
    let flag = keys.display().to_string();
    let mut corstap = Daemon::start(&folder, &host, &["-i", "lo", "--keylog", &flag]);
    within(Duration::from_secs(10), "it says that it waits", || corstap.said().contains("no such key log yet"));

    fetch(&host, &keys, "1.2");
    fetch(&host, &keys, "1.3");
    let reasons = || sql(&db, "SELECT path || ' ' || target_origin || ' ' || reason FROM rejections ORDER BY path");
    within(Duration::from_secs(20), "both refusals are recorded", || db.exists() && reasons().len() == 2);
    assert_eq!(
        reasons(),
        ["1.2", "1.3"].map(|version| format!("/v{version} https://127.0.0.1:4443 missing_allow_origin"))
    );
    let scrape = host.get(&format!("{PAGES}/metrics")).1;
    assert_eq!(metric(&scrape, "corstap_tls_connections_total", &["decrypted"]), 2, "{scrape}");
    assert_eq!(metric(&scrape, "corstap_tls_secrets_total", &["bad_line"]), 0);
    corstap.stops_well();

    // Nothing of a secret is anywhere: not in the database, not in what was said.
    let written = std::fs::read(&db).expect("the database");
    let written = [written, corstap.said().into_bytes()].concat();
    for secret in std::fs::read_to_string(&keys).expect("the key log").lines().filter_map(|l| l.split(' ').next_back())
    {
        assert!(!written.windows(secret.len()).any(|w| w.eq_ignore_ascii_case(secret.as_bytes())), "a secret was kept");
    }
}
