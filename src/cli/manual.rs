//! `corstap manual FOLDER`: man pages and shell completions, for packagers.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;

use super::Outcome;
use super::args::Cli;

/// `corstap manual`
#[derive(Debug, Args)]
pub struct ManualArgs {
    /// Where to write them
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// The folder cannot be written.
pub fn run(folder: &Path) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(folder)?;
    let command = Cli::command();
    clap_mangen::generate_to(command.clone(), folder)?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command.clone(), "corstap", folder)?;
    }
    Ok(Outcome::Done)
}
