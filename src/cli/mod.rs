//! The command line: a file a command. Builds the edges, passes them in, prints.

mod args;
mod exit;
mod lists;
mod scan;
mod watchlist;

pub use exit::Exit;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    let exit = match args.command {
        args::Command::Scan(args) => scan::run(&args),
        args::Command::Watchlist(args) => watchlist::run(&args),
    };
    exit.into()
}
