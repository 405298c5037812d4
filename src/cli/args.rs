//! The command line as typed.

use super::scan::ScanArgs;
use super::watchlist::WatchlistArgs;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Tracks an infection ticket from the first report to confirmed clean.
#[derive(Parser, Debug)]
#[command(name = "allclear", version, propagate_version = true)]
pub struct Args {
    /// The site file [default: ./allclear.yaml, then /etc/allclear/allclear.yaml]
    #[arg(long, value_name = "PATH")]
    pub site_file: Option<PathBuf>,

    /// Say more; twice, say everything
    #[arg(short, action = clap::ArgAction::Count)]
    pub verbose: u8,

    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// One capture against watchlists, without site file or ticket
    Scan(ScanArgs),
    /// What a watchlist file holds
    Watchlist(WatchlistArgs),
}
