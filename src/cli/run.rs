//! `corstap run`: typed flags to what the daemon is told.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::SchemeArg;
use super::{Outcome, tell};
use crate::capture::live::LiveOptions;
use crate::config::{self, ConfigError};
use crate::daemon::{self, DaemonError, DaemonOptions};
use crate::options::EngineOptions;

/// Read when there is no `--config`, where it exists.
const CONFIG_DEFAULT: &str = "/etc/corstap/corstap.toml";

/// Capture, judge, record, and serve metrics until a signal comes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  corstap run -i eth0 --db /var/lib/corstap/corstap.db
  corstap run -i eth0 -i eth1 --filter 'tcp and not port 22'
  corstap run -i lo --listen 127.0.0.1:9100 --scheme https")]
pub struct RunArgs {
    /// Interface to capture on; repeat for several, `any` for all
    #[arg(short = 'i', long = "interface", value_name = "IFACE", required = true)]
    pub interfaces: Vec<String>,
    /// Capture only what this pcap-filter(7) expression lets pass
    #[arg(long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Record into this SQLite database (made when it is not there)
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Serve the page and /metrics, /healthz, /readyz here
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2677")]
    pub listen: SocketAddr,
    /// The kernel's packet buffer for each interface, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub buffer_size: u32,
    /// Bytes kept of each packet
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: u32,
    /// Name of this tap; part of every id
    #[arg(long, value_name = "NAME", default_value = "corstap")]
    pub sensor: String,
    /// Configuration file [default: /etc/corstap/corstap.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The targets' scheme where nothing on the wire tells
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeArg>,
}

/// Runs the daemon. What goes wrong is told on standard error here.
#[must_use]
pub fn run(args: &RunArgs) -> Outcome {
    let level = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match engine_options(args) {
        Err(error) => {
            tell(&format!("error: {error}"));
            Outcome::Unusable
        }
        Ok(engine) => daemon(args, engine),
    }
}

fn engine_options(args: &RunArgs) -> Result<EngineOptions, ConfigError> {
    let mut engine =
        EngineOptions { sensor: args.sensor.clone(), scheme: args.scheme.map(Into::into), ..EngineOptions::default() };
    let default = Path::new(CONFIG_DEFAULT);
    match &args.config {
        Some(path) => config::read(path, &mut engine)?,
        None if default.exists() => config::read(default, &mut engine)?,
        None => {}
    }
    Ok(engine)
}

fn daemon(args: &RunArgs, engine: EngineOptions) -> Outcome {
    let ended = daemon::run(&DaemonOptions {
        live: LiveOptions {
            interfaces: args.interfaces.clone(),
            filter: args.filter.clone(),
            buffer_mib: args.buffer_size,
            snaplen: args.snaplen,
        },
        db: args.db.clone(),
        listen: args.listen,
        engine,
    });
    match ended {
        Ok(()) => Outcome::Done,
        Err(error) => {
            tell(&format!("error: {error}"));
            match error {
                DaemonError::Live(_) | DaemonError::Database(_) | DaemonError::Listen { .. } => Outcome::Unusable,
                DaemonError::Failed(_) => Outcome::Failed,
            }
        }
    }
}
