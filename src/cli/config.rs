//! `corstap config`: what can be configured, and whether a file is right.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::run::CONFIG_DEFAULT;
use super::{Outcome, tell};
use crate::config::{self, Config};

/// `corstap config`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corstap config print > corstap.toml                    every option, commented, with its default
  corstap config check corstap.toml && systemctl reload corstap")]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a whole configuration file: every option, commented out, with its default
    Print,
    /// Tell whether a configuration file is right; else line, key and the nearest that there is
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = CONFIG_DEFAULT)]
        file: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// Standard output could not be written.
pub fn run(args: &ConfigArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        ConfigCommand::Print => {
            std::io::stdout().write_all(config::print().as_bytes())?;
            Ok(Outcome::Done)
        }
        ConfigCommand::Check { file } => Ok(check(file)),
    }
}

fn check(file: &Path) -> Outcome {
    match Config::read(file) {
        Ok(_) => {
            tell(&format!("{}: right", file.display()));
            Outcome::Done
        }
        Err(error) => {
            tell(&format!("error: {error}"));
            Outcome::Unusable
        }
    }
}
