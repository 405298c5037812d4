//! The command line: a file a command. Builds the edges, passes them in, prints.

mod args;
mod check;
mod completions;
mod exit;
mod explain;
mod forecast;
mod init;
mod man;
mod print;
mod schema;

pub use exit::Exit;

use args::Command;
use clap::Parser;
use std::process::ExitCode;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    let exit = match args.command {
        Command::Init { directory } => init::run(&directory),
        Command::Check(check) => check::run(args.site_file.as_deref(), &check),
        Command::Schema { of } => schema::run(of),
        Command::Completions { shell } => completions::run(shell),
        Command::Man => man::run(),
    };
    exit.into()
}
