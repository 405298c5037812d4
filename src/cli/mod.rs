//! The command line: a file a command. Builds the edges, passes them in, prints.

mod args;
mod check;
mod completions;
mod demo;
mod desk;
mod doctor;
mod exit;
mod explain;
mod fault;
mod forecast;
mod init;
mod input;
mod lists;
mod man;
mod print;
mod scan;
mod schema;
mod ticket;
mod watchlist;

pub use exit::Exit;
pub use fault::Fault;

use args::Command;
use clap::Parser;
use desk::Desk;
use std::path::Path;
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
        Command::Demo(args) => demo::run(&args).unwrap_or_else(Fault::show),
        Command::Init { directory } => init::run(&directory),
        Command::Check(check) => check::run(args.site_file.as_deref(), &check),
        Command::Doctor(doctor) => doctor::run(args.site_file.as_deref(), &doctor),
        Command::Schema { of } => schema::run(of),
        Command::Completions { shell } => completions::run(shell),
        Command::Man => man::run(),
        Command::Ticket(args_of) => at_desk(args.site_file.as_deref(), |desk| ticket::run(desk, args_of)),
    };
    exit.into()
}

/// Runs a command that needs tickets, and shows why it could not be done.
fn at_desk(site_file: Option<&Path>, run: impl FnOnce(&mut Desk) -> Result<Exit, Fault>) -> Exit {
    Desk::open(site_file).and_then(|mut desk| run(&mut desk)).unwrap_or_else(Fault::show)
}
