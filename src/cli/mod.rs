//! The command line: a file a command. Builds the edges, passes them in, prints.

mod args;
mod backup;
mod check;
mod completions;
mod demo;
mod desk;
mod doctor;
mod evidence;
mod exit;
mod explain;
mod fault;
mod forecast;
mod init;
mod input;
mod listing;
mod lists;
mod mail;
mod man;
mod occurrences;
mod print;
mod run;
mod scan;
mod schema;
mod serve;
mod simulate;
mod ticket;
mod unmet;
mod watchlist;

pub use exit::Exit;
pub use fault::Fault;

use crate::edge::capture::stop::outlive_file_limit;
use crate::pure::document::read_length;
use args::Command;
use clap::Parser;
use desk::Desk;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    log(args.verbose);
    if let Err(error) = outlive_file_limit() {
        tracing::warn!("a limit on the size of files (`ulimit -f`) would end the program: {error}");
    }
    let exit = match args.command {
        Command::Scan(args) => scan::run(&args),
        Command::Watchlist(args) => watchlist::run(&args),
        Command::Demo(args) => demo::run(&args).unwrap_or_else(Fault::show),
        Command::Init { directory } => init::run(&directory),
        Command::Check(check) => check::run(args.site_file.as_deref(), &check),
        Command::Doctor(doctor) => doctor::run(args.site_file.as_deref(), &doctor),
        Command::Listing(listing) => listing::run(args.site_file.as_deref(), &listing),
        Command::Schema { of } => schema::run(of),
        Command::Completions { shell } => completions::run(shell),
        Command::Man => man::run(),
        Command::Run(run) => at_desk(args.site_file.as_deref(), |desk| run::run(desk, &run)),
        Command::Occurrences(wanted) => {
            at_desk(args.site_file.as_deref(), |desk| occurrences::run(desk, &wanted))
        }
        Command::Evidence(wanted) => at_desk(args.site_file.as_deref(), |desk| evidence::run(desk, &wanted)),
        Command::Backup(wanted) => at_desk(args.site_file.as_deref(), |desk| backup::run(desk, &wanted)),
        Command::Serve => at_desk(args.site_file.as_deref(), serve::run),
        Command::Simulate(simulate) => {
            simulate::run(args.site_file.as_deref(), &simulate).unwrap_or_else(Fault::show)
        }
        Command::Mail(wanted) => mail::run(args.site_file.as_deref(), wanted).unwrap_or_else(Fault::show),
        Command::Ticket(args_of) => at_desk(args.site_file.as_deref(), |desk| ticket::run(desk, args_of)),
    };
    exit.into()
}

/// Runs a command that needs tickets, and shows why it could not be done.
fn at_desk(site_file: Option<&Path>, run: impl FnOnce(&mut Desk) -> Result<Exit, Fault>) -> Exit {
    Desk::open(site_file).and_then(|mut desk| run(&mut desk)).unwrap_or_else(Fault::show)
}

/// Reads a duration on the command line; none of them may be 0.
fn duration(text: &str) -> Result<Duration, String> {
    let length = read_length(text).map_err(|why| why.replace('\n', ": "))?;
    if length.is_zero() {
        Err(format!("`{text}` is no time at all: write at least `1s`"))
    } else {
        Ok(length)
    }
}

/// Logs go to standard error, ours from the level on that `-v` asks for, those of libraries only when
/// something is wrong.
fn log(verbose: u8) {
    let level = match verbose {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let wanted = Targets::new().with_default(Level::WARN).with_target("allclear", level);
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = layer().with_writer(std::io::stderr).with_target(false).with_ansi(is_coloured);
    // A terminal that is gone must not end in a panic what goes on without it.
    let lines = lines.log_internal_errors(false);
    tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(duration("2w"), Ok(Duration::from_secs(1_209_600)));
        for wrong in ["", "s", "0s", "5", "-5s", "5é", "99999999999999999999w"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
