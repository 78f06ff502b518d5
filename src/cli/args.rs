//! The command line: typed flags with their help.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::config::ConfigArgs;
use super::doctor::DoctorArgs;
use super::manual::ManualArgs;
use super::run::RunArgs;
use crate::options::Scheme;

const EXAMPLES: &str = "\
Examples:
  corstap replay incident.pcapng                         what was blocked, why, and what to change
  ssh gw tcpdump -U -w - | corstap replay -              the same, while it happens elsewhere
  corstap replay captures/ --db june.db --format jsonl   for programs, and kept for later
  corstap inspect incident.pcapng --status 502           the HTTP messages themselves
  corstap explain missing_allow_origin                   what it means, what browsers say, how to mend it

Exit status: 0 done, 1 failed while working (what came before is kept), 2 bad usage or unreadable input.";

/// A network tap for CORS: what the browser refused, why, and how to mend it.
#[derive(Debug, Parser)]
#[command(name = "corstap", version, after_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    /// Colour in text output.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Capture on interfaces, judge, record, and serve metrics until a signal comes
    Run(RunArgs),
    /// Judge captures: what was blocked, why, and what to change
    Replay(ReplayArgs),
    /// List the HTTP messages in captures, judged by nothing
    Inspect(InspectArgs),
    /// Compare two taps: what a CDN, load balancer or proxy between them did to CORS
    Compare(CompareArgs),
    /// Report on what was recorded in a database
    Report(ReportArgs),
    /// Explain a reason, cause or rule; or a recorded transaction or finding
    Explain(ExplainArgs),
    /// Print a whole configuration file, or check one
    Config(ConfigArgs),
    /// Tell on one screen whether `run` can do its work here, and what of the traffic it can judge
    Doctor(DoctorArgs),
    /// Write man pages and shell completions into a folder
    #[command(hide = true)]
    Manual(ManualArgs),
}

/// Colour in text output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// In files and pipes too
    Always,
    /// Never
    Never,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line, for programs
    Jsonl,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people at a terminal
    Text,
    /// One self-contained page, for people
    Html,
    /// One JSON object a line, for programs
    Jsonl,
}

/// `--scheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemeArg {
    /// http
    Http,
    /// https
    Https,
}

impl From<SchemeArg> for Scheme {
    fn from(arg: SchemeArg) -> Scheme {
        match arg {
            SchemeArg::Http => Scheme::Http,
            SchemeArg::Https => Scheme::Https,
        }
    }
}

/// What `replay` and `inspect` read, and how.
#[derive(Debug, Args)]
pub struct Reading {
    /// Captures (pcap, pcapng, also gzip or zstd), directories of them, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Scheme of targets where nothing on the wire tells: captures taken behind a TLS terminator that adds no forwarding header
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeArg>,
    /// Read TLS 1.2 and 1.3 with the secrets in this file, as browsers write it for SSLKEYLOGFILE; secrets inside a pcapng need no flag
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// At the end of the file that begins last wait for more, as tail -f does, until interrupted: then comes the summary
    #[arg(long)]
    pub follow: bool,
    /// A port that speaks HTTP; never needed, as HTTP is recognised by its content on any port
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,
}

/// `corstap replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap replay incident.pcapng
  corstap replay monday/ tuesday/ --db week.db
  corstap replay growing.pcap --follow -v                results as tcpdump -U writes the file; Ctrl-C for the summary
  corstap replay backend.pcap --scheme https --format jsonl | jq 'select(.verdict == \"blocked\")'
  corstap replay browser.pcapng --keylog keys.txt        HTTPS, with what SSLKEYLOGFILE=keys.txt made the browser write
  corstap replay incident.pcapng --evidence evidence/    a small capture for each cause, secrets masked, for the ticket
  corstap replay incident.pcapng --openmetrics past.om   the incident for Prometheus (docs/evidence.md)")]
pub struct ReplayArgs {
    /// What to read.
    #[command(flatten)]
    pub reading: Reading,
    /// Record rejections, findings and traffic in this SQLite file
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Name of this tap, a part of every id
    #[arg(long, value_name = "NAME", default_value = "corstap")]
    pub sensor: String,
    /// Configuration: own names, known origins, trusted proxies, rules
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show the values in query strings
    #[arg(long)]
    pub show_query: bool,
    /// Report requests that have no part in CORS too
    #[arg(long)]
    pub all: bool,
    /// Write for each cause and finding a small capture of just its packets, verdicts as packet comments, secrets masked
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// With --evidence: packets as captured, secrets and all
    #[arg(long, requires = "evidence")]
    pub evidence_raw: bool,
    /// Write what /metrics would have shown at each moment, as OpenMetrics text with times: for promtool, dashboards and rules
    #[arg(long, value_name = "FILE")]
    pub openmetrics: Option<PathBuf>,
    /// Show each blocked or undecided transaction with its headers
    #[arg(short, long)]
    pub verbose: bool,
}

/// `corstap inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap inspect incident.pcapng
  corstap inspect growing.pcap --follow                  as tcpdump -U writes the file
  corstap inspect incident.pcapng --path /v1/orders --status 502
  corstap inspect incident.pcapng --stream 7             one connection, with its headers")]
pub struct InspectArgs {
    /// What to read.
    #[command(flatten)]
    pub reading: Reading,
    /// Show every header, not only those that matter to CORS
    #[arg(long)]
    pub all_headers: bool,
    /// Only requests to this host, and their answers
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Only messages from and to this client address
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<IpAddr>,
    /// Only requests whose target contains this, and their answers
    #[arg(long, value_name = "TEXT")]
    pub path: Option<String>,
    /// Only answers with this status (404) or class (4xx), and their requests
    #[arg(long, value_name = "STATUS", value_parser = status_filter)]
    pub status: Option<StatusFilter>,
    /// Only messages at or after this time (RFC 3339, or HH:MM[:SS] of the capture's first day, UTC)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Moment>,
    /// Only messages before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Moment>,
    /// Only this connection, each message with its headers
    #[arg(long, value_name = "N")]
    pub stream: Option<u64>,
}

/// `corstap compare`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap compare edge.pcap backend.pcap                 before and behind the load balancer
  corstap compare edge/ backend/ --format jsonl | jq 'select(.type == \"difference\" and .blocking > 0)'
  corstap compare edge.db backend.pcap                   refusals recorded in front, packets behind

Lines of --format jsonl (docs/compare.md has every field):
  exchange     one request of the client's side that differs (--all: each one): path, origin, front, back,
               fault (whose doing a refusal is: between, origin, unknown; null: not refused), changes
  difference   like changes of one endpoint: field, what, side, front, back, count, blocking, verdict_impact,
               confidence, evidence (transaction ids and packet times)
  summary      counts, last line

  field           access-control-…, vary, origin …, or :status
  what            stripped, added, changed, doubled, answered_itself, served_for_other_origin
  side            between, origin (its missing Vary let a cache mix origins up), unknown
  verdict_impact  blocks, may_block (if credentials were included), changes_reason, repairs, none")]
pub struct CompareArgs {
    /// Before the box, on the browsers' side: a capture, a directory of captures, or a database
    #[arg(value_name = "CLIENT_SIDE")]
    pub client_side: PathBuf,
    /// Behind it, on the servers' side
    #[arg(value_name = "ORIGIN_SIDE")]
    pub origin_side: PathBuf,
    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// With --format jsonl: list exchanges without a difference too
    #[arg(long)]
    pub all: bool,
    /// Scheme of targets where nothing on the wire tells
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeArg>,
    /// Show the values in query strings
    #[arg(long)]
    pub show_query: bool,
}

/// `corstap report`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap report --db incident.db
  corstap report --db incident.db --format html > incident.html
  corstap report --db incident.db --format jsonl | jq 'select(.type == \"problem\")'")]
pub struct ReportArgs {
    /// The database that `run` or `replay --db` wrote
    #[arg(long, value_name = "FILE")]
    pub db: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// `corstap explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap explain                                        everything that there is, by phase
  corstap explain header_not_allowed
  corstap explain T0c8v1n2k4m5q7 --db incident.db        one transaction, with the headers that decided")]
pub struct ExplainArgs {
    /// A reason, cause or rule; with --db also a transaction's (T…) or finding's (F…) id
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// The database with that transaction or finding
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// A status, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Just this one.
    Code(u16),
    /// Its first digit.
    Class(u16),
}

impl StatusFilter {
    /// Whether a status is meant.
    #[must_use]
    pub fn takes(self, status: u16) -> bool {
        match self {
            StatusFilter::Code(code) => status == code,
            StatusFilter::Class(class) => status / 100 == class,
        }
    }
}

fn status_filter(text: &str) -> Result<StatusFilter, String> {
    let wrong = || "a status such as 404, or a class such as 4xx".to_owned();
    if let Some(class) = text.strip_suffix("xx") {
        return class.parse().ok().filter(|c| (1..=9).contains(c)).map(StatusFilter::Class).ok_or_else(wrong);
    }
    text.parse().ok().filter(|c| (100..=999).contains(c)).map(StatusFilter::Code).ok_or_else(wrong)
}

/// A time, whole or of the capture's first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nanoseconds since the epoch.
    At(i64),
    /// Nanoseconds since the midnight before the first packet, UTC.
    OfDay(i64),
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return i64::try_from(time.as_nanosecond()).map(Moment::At).map_err(|e| e.to_string());
    }
    text.parse::<jiff::civil::Time>()
        .map(|t| {
            Moment::OfDay(jiff::civil::Time::midnight().duration_until(t).as_nanos().try_into().unwrap_or(i64::MAX))
        })
        .map_err(|_| "a time such as 2026-11-23T08:44:10Z or 08:44:10".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn filters_say_what_they_want() {
        assert_eq!(status_filter("404"), Ok(StatusFilter::Code(404)));
        assert_eq!(status_filter("5xx"), Ok(StatusFilter::Class(5)));
        for wrong in ["", "x", "40", "0xx", "12xx", "1000"] {
            assert!(status_filter(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Moment::At(1_000_000_000)));
        assert_eq!(moment("00:01"), Ok(Moment::OfDay(60_000_000_000)));
        assert!(moment("noon").is_err());
    }
}
