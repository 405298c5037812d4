//! The command line as typed.

use super::backup::BackupArgs;
use super::demo::DemoArgs;
use super::doctor::DoctorArgs;
use super::evidence::EvidenceArgs;
use super::listing::ListingArgs;
use super::mail::MailArgs;
use super::occurrences::OccurrencesArgs;
use super::run::RunArgs;
use super::scan::ScanArgs;
use super::simulate::SimulateArgs;
use super::ticket::TicketArgs;
use super::watchlist::WatchlistArgs;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
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
    /// The whole story on shipped captures and a virtual clock, in seconds
    Demo(DemoArgs),
    /// A site file, playbooks and templates to start from; never overwrites
    Init {
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
    },
    /// Read everything, report every fault, next occurrences, earliest night of confirmation
    Check(CheckArgs),
    /// Interface, capture right, mail server, resolver, clock, disk: each ok, or what to do
    Doctor(DoctorArgs),
    /// Carry out a stage now; the exit code is the verdict
    Run(RunArgs),
    /// The scheduler and the outbox, until told to stop
    Serve,
    /// A playbook over recorded captures and a virtual clock, to the rendered mails
    Simulate(SimulateArgs),
    /// Open, look at and work tickets
    Ticket(TicketArgs),
    /// What waits to be sent, sending it again, how mails read, and whether the server takes them
    Mail(MailArgs),
    /// The ledger: every planned firing and what became of it
    Occurrences(OccurrencesArgs),
    /// Ask the DNSBL about an address, by its rules; exit code 0 not listed, 2 listed, 3 unknown
    Listing(ListingArgs),
    /// Check the kept packets and the log
    Evidence(EvidenceArgs),
    Backup(BackupArgs),
    /// JSON Schema of a file, for editors
    Schema {
        of: SchemaArg,
    },
    /// Completions for a shell
    Completions {
        shell: Shell,
    },
    /// The manual page
    Man,
}

/// What to check, and how much to say.
#[derive(clap::Args, Debug)]
pub struct CheckArgs {
    /// Site files, playbooks or directories [default: the site file and its playbooks]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Show every value, defaults included, and each filter as it will run
    #[arg(long)]
    pub explain: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which file a schema is of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaArg {
    Site,
    Playbook,
}
