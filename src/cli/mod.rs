//! The command line: a file a command. Builds the edges, passes them in, prints.

mod args;
mod check;
mod completions;
mod doctor;
mod exit;
mod explain;
mod forecast;
mod init;
mod lists;
mod man;
mod print;
mod scan;
mod schema;
mod watchlist;

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
        Command::Scan(args) => scan::run(&args),
        Command::Watchlist(args) => watchlist::run(&args),
        Command::Init { directory } => init::run(&directory),
        Command::Check(check) => check::run(args.site_file.as_deref(), &check),
        Command::Doctor(doctor) => doctor::run(args.site_file.as_deref(), &doctor),
        Command::Schema { of } => schema::run(of),
        Command::Completions { shell } => completions::run(shell),
        Command::Man => man::run(),
    };
    exit.into()
}
