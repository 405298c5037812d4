//! `allclear mail …`: what waits to be sent, how it reads, and whether the server takes it.

mod preview;
mod queue;
mod retry;
mod sample;
mod story;
mod template;
mod trial;

use super::desk::Desk;
use super::print::Reader;
use super::{Exit, Fault};
use clap::{Args, Subcommand};
use std::path::Path;

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
    /// now. A mail that is held back (as a repeat, or by the hourly limit) goes now when its number is given, and
    /// waits for its time with --all. `allclear serve` sends them.
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
    /// A shipped template as it is, to be copied into `templates/` and changed; without a name, all their names
    ///
    /// `allclear mail template located.txt.hbs > templates/located.txt.hbs`, then `allclear check`.
    Template {
        /// The file's name, such as located.txt.hbs
        name: Option<String>,
    },
    /// Send a test mail now, and say what the server answers to each step; exit code 0 when it is taken
    Test {
        /// Who gets it
        address: String,
    },
}

/// Carries out a mail command; templates can be looked at before there is a site file.
pub fn run(site_file: Option<&Path>, args: MailArgs) -> Result<Exit, Fault> {
    let desk = || Desk::open(site_file);
    match args.command {
        MailCommand::Queue { json } => queue::run(&desk()?, Reader::of(json)),
        MailCommand::Retry { mail, all: _, by } => retry::run(&mut desk()?, mail, by.as_deref()),
        MailCommand::Preview { event, ticket, html } => {
            let part = if html { preview::Part::Page } else { preview::Part::Text };
            preview::run(&desk()?, &event, ticket, part)
        }
        MailCommand::Template { name } => template::run(name.as_deref()),
        MailCommand::Test { address } => trial::run(&desk()?, &address),
    }
}
