//! What can reach a ticket from outside? Every input, and why a person may be turned down.

use super::{Listing, ListingAnswer, RunId, Ticket, TicketId};
use crate::pure::intake::Report;
use crate::pure::packet::Mac;
use crate::pure::playbook::{Playbook, StageName};
use crate::pure::site::Site;
use crate::pure::verdict::CaptureFacts;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Who caused an event that no person did.
pub const ALLCLEAR: &str = "allclear";

/// What a decision may know besides the ticket.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub playbook: &'a Playbook,
    pub site: &'a Site,
    pub now: Timestamp,
    /// The number of the next run; over all tickets, from 1.
    pub next_run: RunId,
    /// Whether mail leaves at all.
    pub has_mail: bool,
    /// Who hears of a mail that reaches nobody else.
    pub postmaster: Option<&'a str>,
    /// Why nobody looked at the schedule since the last time.
    pub absence: Absence,
    /// Since when the playbook's schedules are in force: nothing was planned by them before.
    pub since: Timestamp,
    /// Every ticket, the one that is decided upon among them.
    pub tickets: &'a BTreeMap<TicketId, Ticket>,
}

/// Why nobody looked at the schedule for a while: the reason of what was missed meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absence {
    /// allclear was not running.
    #[default]
    Down,
    /// It was running, and the clock leapt.
    Leapt,
    /// It was running, and could not work: a log that could not be written, a machine under too much load.
    HeldUp,
}

/// Why the turn of a run did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTurn {
    /// For all of its window a source of its site carried no more runs.
    SourceFull,
    /// For all of its window allclear carried no more runs.
    AllFull,
    /// allclear was stopped before.
    Stopped,
}

/// Everything that can reach a ticket.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// allclear has started, and these runs are of a process that is gone; each with the files of packets
    /// that it left unfinished, below the state directory.
    Abandoned(Vec<(RunId, Vec<String>)>),
    /// The turn of a run came only now.
    Delayed(RunId),
    /// The turn of a run did not come.
    NoTurn { run: RunId, why: NoTurn },
    /// A person wants a stage carried out in this window.
    HandRun { stage: StageName, window_start: Timestamp, length: Duration },
    /// A capture has ended, and the DNSBL was asked where the stage wants it.
    Captured { run: RunId, facts: Box<CaptureFacts>, listing: Option<ListingAnswer> },
    /// A mail server accepted a mail for a recipient.
    MailAccepted { mail: u64, to: String },
    /// A mail could not be handed over: not now, or never.
    MailFailed { mail: u64, to: String, error: String, never: Option<Never> },
    /// A person acted; their name is the event's `by`.
    Act(Act),
}

/// Why a mail will never be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// The mail server does not take it for this recipient.
    Refused,
    /// It cannot be sent as it is, and no server was asked.
    Unfit,
}

/// What a person does to a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Report(Report),
    NameHost {
        host: IpAddr,
        mac: Option<Mac>,
        name: Option<String>,
    },
    WithdrawHost {
        host: IpAddr,
        reason: String,
    },
    RetireHost {
        host: IpAddr,
        reason: String,
    },
    /// `host`: all that are infected when `None`; `at`: now when `None`.
    Clean {
        host: Option<IpAddr>,
        at: Option<Timestamp>,
    },
    Sign {
        item: String,
    },
    WithdrawSignature {
        item: String,
        reason: String,
    },
    Note {
        text: String,
    },
    /// A person read on the operator's page, at `seen`, whether the address is listed.
    NoteListing {
        answer: Listing,
        seen: Timestamp,
        text: String,
    },
    /// `until`: it resumes by itself then.
    Hold {
        reason: String,
        until: Option<Timestamp>,
    },
    Resume,
    Reject {
        reason: String,
    },
    /// `until`: the ticket is taken up again then.
    AcceptRisk {
        reason: String,
        until: Option<Timestamp>,
    },
    Reopen {
        reason: String,
    },
    /// Tries a mail again now; `None`: every one that waits or has failed.
    RetryMail {
        mail: Option<u64>,
    },
}

/// Why a person was turned down, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
