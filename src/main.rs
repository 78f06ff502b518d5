//! The command line's door: parse, run, exit.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = corstap::cli::args::Cli::parse();
    ExitCode::from(corstap::cli::run(&cli).status())
}
