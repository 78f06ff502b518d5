//! The commands: typed flags in, exit status out. Standard output is data, standard error is talk.

pub mod args;
pub mod compare;
pub mod config;
pub mod doctor;
pub mod explain;
mod follow;
pub mod inspect;
mod keys;
pub mod manual;
pub mod output;
mod progress;
pub mod replay;
pub mod report;
pub mod run;

use std::io::{self, Write};

use args::{Cli, Command};

/// How a command ended (CONTRACT.md, "Commands").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Status 0.
    Done,
    /// Status 1: failed while working; what came before is kept.
    Failed,
    /// Status 2: bad usage, or input that cannot be read.
    Unusable,
}

impl Outcome {
    /// The process's exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Unusable => 2,
        }
    }
}

/// Runs the command. Errors are told on standard error here.
#[must_use]
pub fn run(cli: &Cli) -> Outcome {
    let outcome = match &cli.command {
        Command::Run(args) => Ok(run::run(args)),
        Command::Config(args) => config::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Manual(args) => manual::run(&args.folder),
        Command::Replay(args) => replay::run(args, cli.color),
        Command::Compare(args) => compare::run(args, cli.color),
        Command::Inspect(args) => inspect::run(args, cli.color),
        Command::Report(args) => report::run(args, cli.color),
        Command::Explain(args) => explain::run(args, cli.color),
    };
    match outcome {
        Ok(outcome) => outcome,
        Err(error) if is_broken_pipe(&error) => Outcome::Done,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            Outcome::Failed
        }
    }
}

/// The reader of standard output has gone: it has what it wanted, and that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}

/// A line on standard error.
pub fn tell(line: &str) {
    // Nobody is left to tell when this fails.
    drop(writeln!(io::stderr(), "{}", crate::report::shown(line)));
}
