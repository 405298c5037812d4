//! `allclear mail …`: what waits to be sent, how it reads, and whether the server takes it.

mod preview;
mod queue;
mod retry;
mod sample;
mod trial;

use super::desk::Desk;
use super::{Exit, Fault};
use clap::{Args, Subcommand};

/// Mail on its way out.
#[derive(Args, Debug)]
pub struct MailArgs {
    #[command(subcommand)]
    pub command: MailCommand,
}

/// What to do with it.
#[derive(Subcommand, Debug)]
pub enum MailCommand {
    /// Every mail that somebody does not have yet, or never gets, and why
    Queue {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a mail again that waits, was refused or given up, or all of them; beside a running `serve`, too
    ///
    /// A recipient whom the site file or playbook does not name any more is replaced by those whom they name
    /// now. `allclear serve` sends them.
    Retry {
        /// The mail's number, as `mail queue` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        mail: Option<u64>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Who does it; goes on record [default: the user's login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// How a mail reads: headers and text, or its page; sends nothing
    Preview {
        /// What it is about, such as located, overdue or clean
        event: String,
        /// As it would read of this ticket now [default: of a made-up one]
        #[arg(long, value_name = "NUMBER")]
        ticket: Option<u32>,
        /// Print the HTML page
        #[arg(long)]
        html: bool,
    },
    /// Send a test mail now, and say what the server answers to each step; exit code 0 when it is taken
    Test {
        /// Who gets it
        address: String,
    },
}

/// Carries out a mail command.
pub fn run(desk: &mut Desk, args: MailArgs) -> Result<Exit, Fault> {
    match args.command {
        MailCommand::Queue { json } => queue::run(desk, json),
        MailCommand::Retry { mail, all: _, by } => retry::run(desk, mail, by.as_deref()),
        MailCommand::Preview { event, ticket, html } => preview::run(desk, &event, ticket, html),
        MailCommand::Test { address } => trial::run(desk, &address),
    }
}
