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
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "1") {
            std::fs::write(&path, as_written(&std::fs::read_to_string(&path)?))?;
        }
    }
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command.clone(), "corstap", folder)?;
    }
    Ok(Outcome::Done)
}

/// A page whose examples stay as they are written: filled and hyphenated, a command cannot be pasted.
fn as_written(page: &str) -> String {
    let Some((before, rest)) = page.split_once("\n.SH EXTRA\n") else { return page.to_owned() };
    let (examples, after) = rest.split_once("\n.SH ").unwrap_or((rest, ""));
    format!("{before}\n.SH EXAMPLES\n.nf\n{examples}\n.fi\n.SH {after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_in_man_pages_are_not_filled() {
        let folder = std::env::temp_dir().join(format!("corstap-manual-{}", std::process::id()));
        run(&folder).expect("the temporary directory is writable");
        let page = std::fs::read_to_string(folder.join("corstap-replay.1")).expect("a page");
        std::fs::remove_dir_all(&folder).expect("ours");
        let (before, examples) = page.split_once(".SH EXAMPLES\n.nf\n").expect("examples");
        let (examples, after) = examples.split_once("\n.fi\n.SH VERSION\n").expect("their end");
        assert!(examples.contains("corstap replay incident.pcapng") && !after.is_empty() && !before.contains(".nf"));
        assert!(!page.contains(".SH EXTRA"), "{page}");
    }
}
