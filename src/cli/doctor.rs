//! `corstap doctor`: on one screen, whether `run` could do its work here, and how much of the traffic it could judge.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::Outcome;
use super::run::{CONFIG_DEFAULT, SERVICE_DB};
use crate::capture::keylog::KeyLog;
use crate::capture::live::{Live, LiveOptions};
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::record::{Finding, Sink, Transaction};
use crate::store::queries::Reader;
use crate::store::{OpenError, refuse_places};

/// Less free space than this is too little for a database.
const FREE_MIB_MIN: u64 = 64;

/// `corstap doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap doctor -i eth0                                 rights, interface, and what passes in five seconds
  corstap doctor                                         the same for what /etc/corstap/corstap.toml says

Exit status: 0 all well, 1 something would keep `corstap run` from its work.")]
pub struct DoctorArgs {
    /// Interface to look at; repeat for several [default: those of the configuration]
    #[arg(short = 'i', long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Configuration file [default: /etc/corstap/corstap.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Listen for so many seconds to each interface
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=600))]
    pub seconds: u32,
}

/// How a thing is, and the line about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    Note,
    Wrong,
}

#[derive(Debug, Default)]
struct Screen {
    text: String,
    wrong: bool,
}

impl Screen {
    fn line(&mut self, what: &str, state: State, text: &str) {
        let word = match state {
            State::Well => "ok",
            State::Note => "note",
            State::Wrong => "WRONG",
        };
        self.wrong |= state == State::Wrong;
        writeln!(self.text, "{what:<10}  {word:<5}  {}", crate::report::shown(text))
            .expect("writing to a String does not fail");
    }
}

/// Runs the command.
///
/// # Errors
/// Standard output could not be written.
pub fn run(args: &DoctorArgs) -> anyhow::Result<Outcome> {
    let mut screen = Screen::default();
    let config = config(args.config.as_deref(), &mut screen);
    let interfaces = if args.interfaces.is_empty() { config.interfaces.clone() } else { args.interfaces.clone() };
    if interfaces.is_empty() {
        screen.line("interface", State::Wrong, "none: name one with -i, or in [capture] interfaces");
    }
    for name in interfaces {
        interface(&name, &config, Duration::from_secs(args.seconds.into()), &mut screen);
    }
    disk(&config, &mut screen);
    std::io::stdout().write_all(screen.text.as_bytes())?;
    Ok(if screen.wrong { Outcome::Failed } else { Outcome::Done })
}

fn config(path: Option<&Path>, screen: &mut Screen) -> Config {
    let default = Path::new(CONFIG_DEFAULT);
    let read: Option<(&Path, Result<Config, ConfigError>)> = match path {
        Some(path) => Some((path, Config::read(path))),
        None if default.exists() => Some((default, Config::read(default))),
        None => None,
    };
    match read {
        Some((path, Ok(config))) => {
            screen.line("config", State::Well, &path.display().to_string());
            config
        }
        Some((_, Err(error))) => {
            screen.line("config", State::Wrong, &error.to_string());
            Config::default()
        }
        None => {
            screen.line("config", State::Note, &format!("no {CONFIG_DEFAULT}: all is as by default"));
            Config::default()
        }
    }
}

/// Opens the interface as `run` would, and listens.
fn interface(name: &str, config: &Config, listen: Duration, screen: &mut Screen) {
    let opened = Live::open(LiveOptions {
        interfaces: vec![name.to_string()],
        filter: config.filter.clone(),
        buffer_mib: config.buffer_mib,
        snaplen: config.snaplen,
        await_absent: false,
    });
    let mut live = match opened {
        Ok(live) => live,
        Err(error) => return screen.line(name, State::Wrong, &error.to_string()),
    };
    let link = live.states().next().map(|s| s.link.clone()).unwrap_or_default();
    let filter = config.filter.as_ref().map_or("no filter".into(), |f| format!("filter \"{f}\""));
    screen.line(name, State::Well, &format!("may be captured: {link}, {filter}"));
    let about = |what: &str| std::fs::read_to_string(format!("/sys/class/net/{name}/{what}")).ok();
    let mtu: Option<u32> = about("mtu").and_then(|text| text.trim().parse().ok());
    if about("operstate").is_some_and(|state| state.trim() == "down") {
        screen.line("", State::Wrong, "the interface is down");
    }
    let options = EngineOptions { key_log: config.key_log.is_some(), ..EngineOptions::default() };
    let mut engine = Engine::new(&Limits::default(), &options);
    let mut key_log = config.key_log.as_deref().map(KeyLog::new);
    let mut longest = 0;
    let begun = Instant::now();
    while begun.elapsed() < listen {
        // What cannot be read is told once, below.
        if let Some(Ok(lines)) = key_log.as_mut().map(KeyLog::read) {
            engine.add_keys(&lines);
        }
        live.take(Duration::from_millis(100), |packet| {
            longest = longest.max(packet.wire_bytes);
            engine.on_packet(packet, &mut Nobody);
        });
    }
    if let Some(mut log) = key_log {
        match log.read() {
            Ok(lines) => engine.add_keys(&lines),
            Err(error) => screen.line("", State::Wrong, &format!("the key log {}: {error}", log.path().display())),
        }
    }
    live.each_second();
    engine.finish(&mut Nobody);
    let lost = live.states().map(|s| s.lost_kernel + s.lost_interface).sum();
    traffic(engine.counters(), lost, longest, mtu, config.snaplen, listen, screen);
}

/// What passed, and what of it can be judged.
fn traffic(
    c: &Counters,
    lost: u64,
    longest: u32,
    mtu: Option<u32>,
    snaplen: u32,
    listen: Duration,
    screen: &mut Screen,
) {
    if listen.is_zero() {
        return;
    }
    let seconds = listen.as_secs();
    if c.packets == 0 {
        let text = format!(
            "no packet in {seconds} s: is this the interface that carries the traffic, and does the filter let it pass?"
        );
        return screen.line("", State::Note, &text);
    }
    let percent = |part: u64, whole: u64| (part * 100).checked_div(whole).unwrap_or(0);
    screen.line("", State::Well, &format!("{} packets, {} bytes in {seconds} s, {lost} dropped", c.packets, c.bytes));
    let carried = &c.carried;
    let text = format!(
        "{} HTTP messages can be judged; {} % of TCP bytes are TLS and cannot ({} connections: {} HTTP/1, {} TLS, {} HTTP/2; {} QUIC)",
        c.requests + c.responses,
        percent(c.tls_bytes, c.tcp_bytes),
        c.connections,
        carried.http1,
        carried.tls,
        carried.http2,
        c.quic_connections,
    );
    screen.line("", if c.requests + c.responses > 0 { State::Well } else { State::Note }, &text);
    let outcomes = &c.tls_connections;
    if outcomes.total() > 0 {
        let counted = outcomes.by_cause().into_iter().filter(|(_, n)| *n > 0);
        let counted: Vec<String> = counted.map(|(outcome, n)| format!("{n} {}", outcome.replace('_', " "))).collect();
        screen.line("", State::Note, &format!("TLS connections with the key log: {}", counted.join(", ")));
    } else if percent(c.tls_bytes, c.tcp_bytes) >= 50 {
        let text = "TLS can be judged behind its terminator, or with the browsers' key log ([capture] keylog)";
        screen.line("", State::Note, text);
    }
    if c.one_sided * 2 > c.connections {
        screen.line("", State::Note, "of most connections only one direction passes here: answers cannot be paired");
    }
    // 18: an Ethernet header with one VLAN tag.
    if let Some(mtu) = mtu.filter(|mtu| longest > mtu + 18) {
        let text = format!(
            "packets of {longest} bytes above the MTU of {mtu}: offload (GRO, TSO) merges them; read all the same"
        );
        screen.line("", State::Note, &text);
    }
    if c.truncated > 0 {
        screen.line("", State::Wrong, &format!("{} packets were cut by the snap length of {snaplen}", c.truncated));
    }
}

fn disk(config: &Config, screen: &mut Screen) {
    // The service has made its folder when it was started once.
    let services = Path::new(SERVICE_DB);
    let services_own = services.parent().filter(|folder| folder.is_symlink() || folder.exists()).map(|_| services);
    let Some(db) = config.db.as_deref().or(services_own) else {
        let text = format!("none: nothing is recorded without --db or [store] db; the service records to {SERVICE_DB}");
        return screen.line("database", State::Note, &text);
    };
    let shown = db.display();
    let folder = db.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(folder) {
        Err(error) => screen.line("disk", State::Wrong, &format!("{}: {error}", folder.display())),
        Ok(fs) => {
            let free = (fs.f_bavail * fs.f_frsize) >> 20;
            let keep = u64::from(config.keep_mib);
            let text = format!("{}: {free} MiB free; the database is kept below {keep} MiB", folder.display());
            let state = match free {
                free if free < FREE_MIB_MIN => State::Wrong,
                free if free < keep => State::Note,
                _ => State::Well,
            };
            screen.line("disk", state, &text);
        }
    }
    match Reader::open(db) {
        Ok(_) => screen.line("database", State::Well, &format!("{shown}: can be read")),
        Err(OpenError::Missing { .. }) => match refuse_places(db) {
            Ok(()) => screen.line("database", State::Note, &format!("{shown}: will be made")),
            Err(error) => screen.line("database", State::Wrong, &error.to_string()),
        },
        Err(error) => screen.line("database", State::Wrong, &error.to_string()),
    }
}

/// Takes what nobody asked for.
struct Nobody;

impl Sink for Nobody {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
}
