//! `allclear ticket …`: what people do with tickets.

mod act;
mod looked;
mod open;
mod show;

pub use open::{playbook_for, site_for};
pub use show::{document, with_material};

use super::desk::Desk;
use super::print::Reader;
use super::{Exit, Fault};
use crate::pure::listing::Listing;
use clap::{Args, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// Open, look at and work tickets.
#[derive(Args, Debug)]
pub struct TicketArgs {
    #[command(subcommand)]
    pub command: TicketCommand,
}

/// What to do with a ticket.
#[derive(Subcommand, Debug)]
pub enum TicketCommand {
    /// Open a ticket from a pasted page or from flags; a report that has an open ticket joins it
    Open(Box<OpenArgs>),
    /// List the open tickets
    List {
        /// Closed, rejected and accepted ones too
        #[arg(long)]
        all: bool,
        /// Only those that blame this machine, whatever became of them: its address, MAC address or name
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        /// Only those of this site
        #[arg(long, value_name = "SITE")]
        site: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one ticket: what was seen, what is missing for clean, and when that could be done
    Show {
        ticket: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a note on record, or what the list's page says of the address
    Note {
        #[command(flatten)]
        act: ActArgs,
        #[arg(required_unless_present = "listing")]
        text: Option<String>,
        /// What the operator's page said of the public address: listed, not_listed or unknown
        #[arg(long, value_name = "WORD", value_parser = listing_word, requires = "seen")]
        listing: Option<Listing>,
        /// When the page was read: RFC 3339, or a time in the site's zone
        #[arg(long, value_name = "TIME", requires = "listing")]
        seen: Option<String>,
    },
    /// Name the infected host, withdraw it, or say that it left the network
    Host {
        #[command(flatten)]
        act: ActArgs,
        /// The inside address
        address: IpAddr,
        /// Its MAC address: an address is a lease, not a machine
        #[arg(long)]
        mac: Option<String>,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// It was named by mistake, and no run has seen it
        #[arg(long, requires = "reason", conflicts_with = "retired")]
        withdraw: bool,
        /// It has left the network for good
        #[arg(long, requires = "reason")]
        retired: bool,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Sign an item of the checklist, or withdraw the signature
    Sign {
        #[command(flatten)]
        act: ActArgs,
        item: String,
        /// It was signed by mistake: the item is open again
        #[arg(long, requires = "reason")]
        withdraw: bool,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Report hosts as cleaned; without --host, all that are infected
    Cleaned {
        #[command(flatten)]
        act: ActArgs,
        #[arg(long, value_name = "ADDRESS")]
        host: Option<IpAddr>,
        /// When it was cleaned: RFC 3339, or a time in the site's zone [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Put it on hold: nights do not count and the due clock stands still
    Hold {
        #[command(flatten)]
        because: ReasonArgs,
        /// Resume by itself then: a time in the site's zone, RFC 3339, or from now on such as 14d
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// End the hold
    Resume(ActArgs),
    /// Not ours, a duplicate, or a false report
    Reject(ReasonArgs),
    /// Live with the infection for a time; the ticket is taken up again then
    AcceptRisk {
        #[command(flatten)]
        because: ReasonArgs,
        /// Until when: a time or day in the site's zone, RFC 3339, or from now on such as 90d
        #[arg(long, value_name = "TIME", required_unless_present = "for_ever")]
        until: Option<String>,
        /// Without an end
        #[arg(long, conflicts_with = "until")]
        for_ever: bool,
    },
    /// Take up a closed, rejected or accepted ticket again
    Reopen(ReasonArgs),
    /// The whole story of a ticket
    Report {
        ticket: u32,
        #[command(flatten)]
        form: FormArgs,
        /// Where to write it [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// A zip with report, events, evidence and checksums, for somebody who distrusts us
    Bundle { ticket: u32, file: PathBuf },
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Html,
    Markdown,
    Json,
}

/// In which form.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub struct FormArgs {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// One HTML file that prints well
    #[arg(long)]
    pub html: bool,
    /// Plain text of 72 columns
    #[arg(long)]
    pub text: bool,
    /// Markdown, as GitHub reads it
    #[arg(long)]
    pub markdown: bool,
    /// JSON, with every run and event
    #[arg(long)]
    pub json: bool,
}

impl FormArgs {
    fn format(self) -> Format {
        match self {
            FormArgs { html: true, .. } => Format::Html,
            FormArgs { text: true, .. } => Format::Text,
            FormArgs { markdown: true, .. } => Format::Markdown,
            FormArgs { json: true, .. } => Format::Json,
            FormArgs { format, .. } => format,
        }
    }
}

/// Which ticket, and who acts.
#[derive(Args, Clone, Debug)]
pub struct ActArgs {
    /// The ticket's number
    pub ticket: u32,
    /// Who does it; goes on record [default: the user's login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Print the ticket as JSON afterwards
    #[arg(long)]
    pub json: bool,
}

/// Which ticket, who acts, and why.
#[derive(Args, Clone, Debug)]
pub struct ReasonArgs {
    #[command(flatten)]
    pub act: ActArgs,
    /// Why; goes on record
    #[arg(long)]
    pub reason: String,
}

/// What a new ticket is made of.
#[derive(Args, Clone, Debug)]
pub struct OpenArgs {
    /// A file with the text of a CBL page as copied from the browser; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// The outside number, such as MARS-1234
    #[arg(long = "ref", value_name = "NUMBER")]
    pub reference: Option<String>,
    /// The site's name [default: the site that has the public address]
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// How it is worked [default: the playbook that names the malware]
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// The public address that was reported
    #[arg(long, value_name = "ADDRESS")]
    pub public: Option<IpAddr>,
    /// What it is infected with, as the report spells it
    #[arg(long, value_name = "NAME")]
    pub malware: Option<String>,
    /// When it was seen: RFC 3339, or a time in the site's zone
    #[arg(long, value_name = "TIME")]
    pub seen: Option<String>,
    /// The sinkhole or victim that was called
    #[arg(long, value_name = "ADDRESS")]
    pub remote: Option<IpAddr>,
    /// The port that was called
    #[arg(long)]
    pub port: Option<u16>,
    /// The port on the public side
    #[arg(long, value_name = "PORT")]
    pub source_port: Option<u16>,
    /// tcp or udp
    #[arg(long, value_parser = ["tcp", "udp"])]
    pub protocol: Option<String>,
    /// Who opens it [default: the user's login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Print the ticket as JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads an answer as the command line spells it.
fn listing_word(word: &str) -> Result<Listing, String> {
    match word {
        "listed" => Ok(Listing::Listed),
        "not_listed" => Ok(Listing::NotListed),
        "unknown" => Ok(Listing::Unknown),
        _ => Err("write listed, not_listed or unknown".to_owned()),
    }
}

/// Carries out a ticket command.
pub fn run(desk: &mut Desk, args: TicketArgs) -> Result<Exit, Fault> {
    match args.command {
        TicketCommand::Open(args) => open::open(desk, *args),
        TicketCommand::List { all, host, site, json } => {
            let wanted = show::Wanted { is_all: all, host: host.as_deref(), site: site.as_deref() };
            show::list(desk, &wanted, Reader::of(json))
        }
        TicketCommand::Show { ticket, json } => show::show(desk, ticket, Reader::of(json)),
        TicketCommand::Report { ticket, form, output } => {
            show::report(desk, ticket, form.format(), output.as_deref())
        }
        TicketCommand::Bundle { ticket, file } => show::bundle(desk, ticket, &file),
        other => act::act(desk, other),
    }
}
