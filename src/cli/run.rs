//! `corstap run`: flags, environment and configuration file to what the daemon is told.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tracing_subscriber::fmt::MakeWriter;

use super::Outcome;
use super::args::SchemeArg;
use crate::capture::live::LiveOptions;
use crate::config::{Config, ConfigError};
use crate::daemon::events::EventTarget;
use crate::daemon::journal::{self, Level};
use crate::daemon::{self, DaemonOptions};
use crate::options::EngineOptions;
use crate::store::Retention;

/// Read when there is no `--config`, where it exists.
pub const CONFIG_DEFAULT: &str = "/etc/corstap/corstap.toml";
/// Where the packaged service records, unless the configuration says otherwise.
pub const SERVICE_DB: &str = "/var/lib/corstap/corstap.db";

/// Capture, judge, record, and serve metrics until a signal comes.
#[derive(Debug, Args)]
#[command(
    after_help = "Each option stands above the environment, which stands above the configuration file (`corstap config print`).

Signals: SIGTERM and SIGINT end it in good order, a second SIGINT at once (130); SIGHUP reads the configuration file again.

Examples:
  corstap run -i eth0 --db /var/lib/corstap/corstap.db
  corstap run -i eth0 -i eth1 --filter 'tcp and not port 22'
  corstap run -i lo --keylog /run/user/1000/keys         HTTPS of browsers that run with SSLKEYLOGFILE set to it
  corstap run -i lo --listen 127.0.0.1:9100 --scheme https"
)]
pub struct RunArgs {
    /// Interface to capture on; repeat for several, `any` for all
    #[arg(short = 'i', long = "interface", value_name = "IFACE", env = "CORSTAP_INTERFACES", value_delimiter = ' ')]
    pub interfaces: Vec<String>,
    /// Capture only what this pcap-filter(7) expression lets pass
    #[arg(long, value_name = "BPF", env = "CORSTAP_FILTER")]
    pub filter: Option<String>,
    /// Record into this SQLite database (made when it is not there)
    #[arg(long, value_name = "FILE", env = "CORSTAP_DB")]
    pub db: Option<PathBuf>,
    /// Delete records older than this; 0 keeps everything [default: 30]
    #[arg(long, value_name = "DAYS", env = "CORSTAP_KEEP_DAYS")]
    pub keep_days: Option<u32>,
    /// Delete the oldest records above this size of the database; 0 lets it grow [default: 2048]
    #[arg(long, value_name = "MIB", env = "CORSTAP_KEEP_MIB")]
    pub keep_mib: Option<u32>,
    /// Serve the page and /metrics, /healthz, /readyz here [default: 127.0.0.1:2677]
    #[arg(long, value_name = "ADDR", env = "CORSTAP_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Beyond loopback, serve the page to those who send the token in this file; numbers then want it too
    #[arg(long, value_name = "FILE", env = "CORSTAP_LISTEN_TOKEN_FILE")]
    pub listen_token_file: Option<PathBuf>,
    /// A name that the page may be opened by, beside addresses, localhost and this machine's name; repeat for several
    #[arg(long, value_name = "NAME", env = "CORSTAP_LISTEN_HOSTS", value_delimiter = ' ')]
    pub listen_host: Vec<String>,
    /// The kernel's packet buffer for each interface, in MiB [default: 64]
    #[arg(long, value_name = "MIB", env = "CORSTAP_BUFFER_SIZE", value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub buffer_size: Option<u32>,
    /// Bytes kept of each packet [default: 262144]
    #[arg(long, value_name = "N", env = "CORSTAP_SNAPLEN", value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: Option<u32>,
    /// Read TLS 1.2 and 1.3 with the secrets in this file (SSLKEYLOGFILE), as they are written; it need not be there yet
    #[arg(long, value_name = "FILE", env = "CORSTAP_KEYLOG")]
    pub keylog: Option<PathBuf>,
    /// Name of this tap; part of every id [default: corstap]
    #[arg(long, value_name = "NAME", env = "CORSTAP_SENSOR")]
    pub sensor: Option<String>,
    /// Configuration file [default: /etc/corstap/corstap.toml, where it exists]
    #[arg(long, value_name = "FILE", env = "CORSTAP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Write each refusal and finding as a line of JSON to - (standard output), a file, or unix:PATH
    #[arg(long, value_name = "TO", env = "CORSTAP_EVENTS")]
    pub events: Option<String>,
    /// Become this user after opening interfaces and port
    #[arg(long, value_name = "NAME", env = "CORSTAP_USER")]
    pub user: Option<String>,
    /// The targets' scheme where nothing on the wire tells
    #[arg(long, value_enum, env = "CORSTAP_SCHEME")]
    pub scheme: Option<SchemeArg>,
}

/// Runs the daemon. What goes wrong is told on standard error here.
#[must_use]
pub fn run(args: &RunArgs) -> Outcome {
    log();
    let begin = options(args).map_err(|e| e.to_string()).and_then(|options| {
        if options.live.interfaces.is_empty() {
            return Err("no interface to capture on: -i IFACE, CORSTAP_INTERFACES, or [capture] interfaces".into());
        }
        Ok(options)
    });
    match begin {
        Err(error) => {
            tell_error(&error);
            Outcome::Unusable
        }
        Ok(begin) => daemon(begin, || options(args)),
    }
}

/// Why it could not begin, or ended badly.
fn tell_error(error: &str) {
    journal::tell(Level::Error, &format!("error: {}", crate::report::shown(error)));
}

/// Warnings and errors on standard error: for journald with their priority (sd-daemon(3)) and without a time of their own.
fn log() {
    let level = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let format = tracing_subscriber::fmt().with_env_filter(level).with_target(false);
    if journal::is_read() {
        format.with_writer(Journal).with_ansi(false).without_time().with_level(false).init();
    } else {
        format.with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
    }
}

/// Standard error, each line with its priority before it.
struct Journal;

impl<'a> MakeWriter<'a> for Journal {
    type Writer = std::io::Stderr;

    fn make_writer(&'a self) -> Self::Writer {
        std::io::stderr()
    }

    fn make_writer_for(&'a self, about: &tracing::Metadata<'_>) -> Self::Writer {
        let mut stderr = std::io::stderr();
        let level = match *about.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
        };
        // Nobody is left to tell when that is gone.
        drop(stderr.write_all(journal::prefix(level).as_bytes()));
        stderr
    }
}

/// Flags and environment above the file above the defaults.
fn options(args: &RunArgs) -> Result<DaemonOptions, ConfigError> {
    let default = Path::new(CONFIG_DEFAULT);
    let file = match &args.config {
        Some(path) => Config::read(path)?,
        None if default.exists() => Config::read(default)?,
        None => Config::default(),
    };
    let key_log = args.keylog.clone().or(file.key_log);
    let interfaces = if args.interfaces.is_empty() { file.interfaces } else { args.interfaces.clone() };
    Ok(DaemonOptions {
        live: LiveOptions {
            interfaces,
            filter: args.filter.clone().or(file.filter),
            buffer_mib: args.buffer_size.unwrap_or(file.buffer_mib),
            snaplen: args.snaplen.unwrap_or(file.snaplen),
            await_absent: false,
        },
        db: args.db.clone().or(file.db).or_else(services_own),
        retention: Retention {
            keep_days: args.keep_days.unwrap_or(file.keep_days),
            keep_mib: args.keep_mib.unwrap_or(file.keep_mib),
        },
        listen: args.listen.unwrap_or(file.listen),
        token_file: args.listen_token_file.clone().or(file.token_file),
        hosts: if args.listen_host.is_empty() { file.hosts } else { args.listen_host.clone() },
        events: args.events.clone().or(file.events).map(|to| EventTarget::parse(&to)),
        user: args.user.clone().or(file.user),
        engine: EngineOptions {
            sensor: args.sensor.clone().unwrap_or(file.sensor),
            scheme: args.scheme.map(Into::into).or(file.scheme),
            key_log: key_log.is_some(),
            site: file.site,
            rules: file.rules,
            ..EngineOptions::default()
        },
        key_log,
    })
}

/// The database of a service that was told of none: in the folder that the service manager gives it.
fn services_own() -> Option<PathBuf> {
    let folders = std::env::var_os("STATE_DIRECTORY")?;
    Some(std::env::split_paths(&folders).next()?.join("corstap.db"))
}

fn daemon(options: DaemonOptions, again: impl Fn() -> Result<DaemonOptions, ConfigError>) -> Outcome {
    match daemon::run(options, again) {
        Ok(()) => Outcome::Done,
        Err(error) => {
            tell_error(&error.to_string());
            if error.may_pass() { Outcome::Failed } else { Outcome::Unusable }
        }
    }
}
