//! What is the state of a ticket, what happens next, and why? The whole life of a ticket as a fold
//! over its events.
//!
//! Left of it are `intake` and `verdict`, right of it `plan` and `report`. Phases change here and
//! nowhere else. It must never let a person set `clean`.

mod acts;
mod basis;
pub mod chain;
mod consequences;
pub mod course;
mod deadline;
mod decide;
mod due;
mod event;
mod exposure;
mod fold;
pub mod hosts;
mod in_force;
mod input;
pub mod judged;
mod lapsed;
mod listings;
mod mails;
mod occurrences;
pub mod outbox;
mod past;
mod phase;
mod rise;
mod round;
pub mod said;
mod standing;
mod state;

pub use basis::{Basis, Rule, basis};
pub use consequences::{announce, follow};
pub use course::ON_TIME;
pub use deadline::due as due_date;
pub use decide::{abandoned, decide, ended_before, no_turn};
pub use due::{Effect, due};
pub use fold::IllegalEvent;
pub use in_force::{InForce, Rhythm, Schedules};
pub use input::{ALLCLEAR, Absence, Act, Context, Input, Never, NoTurn, Refusal};
pub use judged::blamed;
pub use lapsed::{Lapsed, LapsedRecord, STEPS_MAX, Step};
pub use listings::{NewlyListed, gap as listing_gap};
pub use mails::{drafted, mail_failed, retry_as_it_is, retry_one, withdraw_denial};
pub use occurrences::{ledger, next_due, settle};
pub use past::{KnownBy, Past, histories, related};
pub use rise::{RISE_STEPS_MAX, Rise, RiseStep, rise};
pub use round::{Digest, DigestPlan, FoldedMail, Lines, Now, Round, Row, Section};
pub use said::person;
pub use standing::{HostStanding, Standing, stand, stand_now};

pub use crate::pure::listing::Listing;
pub use event::{
    DetectionEvent, DetectionId, Event, HeldBack, HoldReason, HostExposure, ListingAnswer, OccurrenceRecord,
    Recorded, RunEnd, RunStart,
};

use crate::pure::intake::Report;
use crate::pure::interval::Interval;
use crate::pure::packet::Mac;
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// Number of a ticket, from 1; 0 stands for no ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(pub u32);

impl TicketId {
    /// The number of events that are of no ticket.
    pub const NONE: TicketId = TicketId(0);
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Number of a run or of an occurrence that did not run, from 1, over all tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where a ticket stands; see design "The life of a ticket".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Reported,
    Located,
    Verifying,
    Clean,
    Closed,
    Rejected,
    AcceptedRisk,
}

/// The life of one report at one site, folded from its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub id: TicketId,
    /// The outside number ("MARS-1234").
    pub reference: Option<String>,
    pub site: String,
    pub playbook: String,
    pub public: IpAddr,
    pub opened: Timestamp,
    pub phase: Phase,
    /// When the present phase began.
    pub phase_since: Timestamp,
    /// When the stage of the present phase began to be scheduled.
    pub stage_since: Timestamp,
    /// The last occurrence of each stage that is on record, by its planned time.
    pub planned_until: BTreeMap<StageName, Timestamp>,
    pub hold: Option<Hold>,
    /// Since when its host is sought: opened, reopened, or relapsed. Naming and withdrawing a host
    /// does not begin it anew.
    pub sought_since: Timestamp,
    /// Who lives with the infection, while its phase is `accepted_risk`.
    pub risk: Option<Risk>,
    /// What people were told of the present phase's due date.
    pub told: Told,
    /// Holds that are over.
    pub held: Vec<Interval>,
    pub relapses: u32,
    /// When it last relapsed.
    pub relapsed: Option<Timestamp>,
    /// When it last became clean.
    pub confirmed: Option<Timestamp>,
    pub reports: Vec<Report>,
    /// Every inside host it blames, in the order of blaming; those withdrawn are gone.
    pub hosts: Vec<Host>,
    /// What was signed, by item name.
    pub signed: BTreeMap<String, SignOff>,
    /// Runs, in the order in which they began.
    pub runs: Vec<Run>,
    /// Occurrences that never ran, in order of their planned time.
    pub lapsed: Vec<Lapsed>,
    /// Those of `runs` that have not ended; few, so that nobody has to look through all.
    pub open: Vec<RunId>,
    /// The last answer of the DNSBL, or of a person who read its page; by their own time.
    pub listing: Option<ListingAnswer>,
    /// The last of them that was known.
    pub known_listing: Option<Listing>,
    /// When it became listed; `None` while it is not.
    pub newly_listed: Option<NewlyListed>,
    /// The latest answer that found it listed again after it was clean, by its own time.
    pub relisted: Option<Timestamp>,
    /// Passes in the present row: the ids of the runs.
    pub passes: Vec<RunId>,
    /// Inconclusive `verify` runs (and missed occurrences) since the last pass, fail or mail about it.
    pub inconclusive_row: u32,
    /// Mails decided upon, by the sequence number of the event that did so.
    pub outbox: Vec<Mail>,
    /// When the last of its events happened. The events themselves stay in the log: ten thousand tickets
    /// do not fit into memory with them.
    pub last_event: Timestamp,
}

/// A ticket that waits (school break).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub since: Timestamp,
    pub by: String,
    pub reason: String,
    /// When it ends by itself; `None`: when a person resumes it.
    pub until: Option<Timestamp>,
}

/// An infection that somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
    /// When the ticket is taken up again; `None`: never by itself.
    pub until: Option<Timestamp>,
}

/// What people were told since the present phase began, so that nobody hears it twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub is_reminded: bool,
    /// How far the ticket went overdue: 0 when its due date had passed, n with the n-th escalation;
    /// `None` while it is in time.
    pub overdue: Option<u32>,
}

/// An inside host that a ticket blames.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    pub host: IpAddr,
    pub mac: Option<Mac>,
    pub name: Option<String>,
    pub state: HostState,
    pub blame: Blame,
    /// When it was blamed.
    pub located: Timestamp,
    /// When it was last cleaned.
    pub cleaned: Option<Timestamp>,
    /// When it was last confirmed clean.
    pub confirmed: Option<Timestamp>,
    /// Its contacts over all runs, merged, in order of time.
    pub contacts: Vec<ContactSpan>,
}

/// The state of a blamed host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    Infected,
    Cleaned,
    Clean,
    Retired,
}

/// Why a host is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// A run saw its contacts.
    Seen,
    /// A person named it and no run has seen it.
    Named,
}

/// A checklist item that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOff {
    pub by: String,
    pub at: Timestamp,
}

/// One run; or, out of [`Ticket::all_runs`], one occurrence that never ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub stage: StageName,
    /// The planned time; `None` for a run typed by hand.
    pub occurrence: Option<Timestamp>,
    /// Begin and planned end of its window.
    pub started: Timestamp,
    pub window_end: Timestamp,
    /// It began inside its window, but after its time.
    pub is_late: bool,
    /// When its beginning went on record.
    pub begun: Timestamp,
    /// When its end went on record; `None` while it runs.
    pub ended: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub end: Option<RunEnd>,
}

/// A mail that was decided upon.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The sequence number of the event that decided upon it; part of its Message-ID.
    pub seq: u64,
    pub event: MailEvent,
    pub at: Timestamp,
    pub to: Vec<String>,
    /// Those of `to` whose server accepted it.
    pub accepted: Vec<String>,
    /// What went wrong with those of `to` that were tried in vain; empty for nearly all mails.
    pub troubles: Vec<Trouble>,
    /// When a person last had it tried again.
    pub retried: Option<Timestamp>,
    /// Recipients who do not get it now, and why.
    pub held: Vec<HeldBack>,
    /// Recipients who are told of it in another mail, and in which; those too to whom that one was lost.
    pub folded: Vec<(String, u64)>,
    /// Earlier mails that are told in this one.
    pub folds: Vec<u64>,
    /// Of one that says so: whose mailbox did not get a mail.
    pub unreached: Option<String>,
    /// The machines that were infected when it was decided upon.
    pub machines: Vec<IpAddr>,
}

/// Why a recipient does not have a mail yet, or never gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub to: String,
    /// Failed attempts so far.
    pub tries: u32,
    /// When the last one was put on record.
    pub at: Timestamp,
    /// The last failure, in words.
    pub error: String,
    /// Not tried again before.
    pub not_before: Timestamp,
    /// Whether it is the end; `None` while it is tried again.
    pub end: Option<Undelivered>,
}

/// Why a mail is not tried again for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The server will never take it.
    Refused,
    /// It was tried for days.
    GivenUp,
}
