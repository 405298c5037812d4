//! What can happen? Every event, as stored: to a ticket, to a `detect` stage, or of neither.
//!
//! The stored form is JSON with the variant's name as `kind`. When it changes, its version rises
//! and an old log must still fold.

use super::{Blame, Called, DigestPlan, LapsedRecord, Phase, Round, RunId, Schedules, TicketId};
use crate::pure::intake::Report;
use crate::pure::interval::Intervals;
use crate::pure::listing::{Listing, Lookup};
use crate::pure::packet::Mac;
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::sighting::{ContactSpan, Coverage};
use crate::pure::verdict::{ControlRecord, EvidenceFile, Outcome, Reason, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// From 1, over all tickets, without gaps.
    pub seq: u64,
    pub at: Timestamp,
    pub ticket: TicketId,
    /// Who caused it: a person's name, or `allclear`.
    pub by: String,
    pub event: Event,
    /// SHA-256 over the previous event's hash and this event, hexadecimal.
    pub hash: String,
}

/// Everything that can happen. Those that say that they are of no ticket stand under [`TicketId::NONE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Opened {
        reference: Option<String>,
        site: String,
        playbook: String,
        public: IpAddr,
    },
    ReportAdded {
        report: Report,
    },
    /// A report names `what` no `verify` run has looked for until now: what was watched before proves nothing of it.
    SearchWidened {
        what: String,
    },
    /// A host is blamed; one that is already there becomes infected again.
    HostBlamed {
        host: IpAddr,
        mac: Option<Mac>,
        name: Option<String>,
        blame: Blame,
    },
    /// A person says that the host was cleaned at `cleaned`.
    HostCleaned {
        host: IpAddr,
        cleaned: Timestamp,
    },
    HostWithdrawn {
        host: IpAddr,
        reason: String,
    },
    HostRetired {
        host: IpAddr,
        reason: String,
    },
    RunStarted(RunStart),
    /// The turn of a run came later than its time: it begins late.
    RunDelayed {
        run: RunId,
    },
    RunEnded(Box<RunEnd>),
    /// An occurrence that lapsed: it never ran. The log's word for it is older, and stays.
    OccurrencePassed(OccurrenceRecord),
    /// Of no ticket: the schedules of a playbook at a site were read, and are in force from now on.
    SchedulesRead(Schedules),
    /// Occurrences of one stage, one after the other, that never ran for one reason.
    OccurrencesPassed(LapsedRecord),
    /// What was taken for cured is not: the count of relapses rises, the passes begin again.
    Relapsed {
        because: String,
    },
    PhaseChanged {
        from: Phase,
        to: Phase,
        because: String,
    },
    Signed {
        item: String,
    },
    /// A signature was given by mistake: the item is open again.
    SignatureWithdrawn {
        item: String,
        reason: String,
    },
    /// Somebody answers for the infection, until `until` where there is an end.
    RiskAccepted {
        reason: String,
        until: Option<Timestamp>,
    },
    Noted {
        text: String,
    },
    /// On hold, until `until` or until a person resumes it. Older logs know no end.
    Held {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Resumed,
    /// The work of the present phase was due at `due` and is not done; `step` escalations are reached.
    Overdue {
        due: Timestamp,
        step: u32,
    },
    ListingAnswered(ListingAnswer),
    /// A mail is to be sent; its text is made from the events up to this one.
    MailQueued {
        event: MailEvent,
        to: Vec<String>,
        /// Those of `to` who do not get it now: it waits to be told in another mail, or for its turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HeldBack>,
        /// Earlier mails of this ticket that waited for all of `to`, and are told in this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        folds: Vec<u64>,
        /// Of an `undeliverable` one: whose mailbox it was that did not get a mail. Older logs do not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unreached: Option<String>,
    },
    /// A mail that says that somebody was not reached is needed no more: that one was reached meanwhile.
    MailWithdrawn {
        mail: u64,
        to: String,
    },
    /// A mail that waited goes out by itself.
    MailReleased {
        mail: u64,
        to: String,
    },
    /// A mail that waited is told in the mail `into`, which is of no ticket.
    MailFolded {
        mail: u64,
        to: String,
        into: u64,
    },
    MailAccepted {
        mail: u64,
        to: String,
    },
    /// `is_refused`: the server will never take it for this recipient; `is_given_up`: it was tried for days;
    /// `is_unfit`: it is we who refuse it, since it cannot be sent so, and no server was asked.
    MailFailed {
        mail: u64,
        to: String,
        error: String,
        not_before: Timestamp,
        is_refused: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_given_up: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_unfit: bool,
    },
    /// A mail goes again, since a person wants it so, or since its recipient gets other mail once more; `to` are all
    /// who get it, besides those who have it.
    MailRetried {
        mail: u64,
        to: Vec<String>,
        /// The one whom `to` stand for, where no other recipient is meant; then it waits for its turn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// Of no ticket: a mail that is about many is to be sent.
    RoundQueued {
        to: Vec<String>,
        round: Round,
    },
    /// Of no ticket: from now on digests are planned so, or not any more.
    DigestPlanned(Option<DigestPlan>),
    /// Of no ticket: the time of the digests planned at `occurrence` has come; those that are wanted follow.
    DigestDue {
        occurrence: Timestamp,
    },
    /// Of no ticket: something happened to a `detect` stage.
    Detection {
        of: DetectionId,
        event: DetectionEvent,
    },
}

impl Event {
    /// A mail that goes to all of `to`, as far as nothing is known against it.
    pub fn mail(event: MailEvent, to: Vec<String>) -> Event {
        Event::MailQueued { event, to, held: Vec::new(), folds: Vec::new(), unreached: None }
    }

    /// The occurrences that never ran, as it says; `None` of an event that says so of none.
    pub fn lapsed(&self) -> Option<LapsedRecord> {
        match self {
            Event::OccurrencePassed(record) => Some(record.into()),
            Event::OccurrencesPassed(record) => Some(record.clone()),
            Event::Detection { event, .. } => event.lapsed(),
            _ => None,
        }
    }
}

/// A recipient who does not get a mail now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    pub to: String,
    pub why: HoldReason,
}

/// Why a recipient does not get a mail now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// They got a mail of this kind about this ticket just now, or are about to.
    Repeat,
    /// They got as many mails in the last hour as the site file allows.
    Limit,
    /// It says that somebody was not reached: what else that one does not get is told with it.
    Gathered,
}

/// The `detect` stage of a playbook at a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DetectionId {
    pub site: String,
    pub playbook: String,
}

impl fmt::Display for DetectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "detect of {} at {}", self.playbook, self.site)
    }
}

/// Everything that can happen to a `detect` stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectionEvent {
    /// From now on its occurrences are planned.
    Planned,
    /// From now on they are not: its site, playbook or stage was taken out of the files.
    Unplanned,
    RunStarted(RunStart),
    /// A run waited for its turn until it was late.
    RunDelayed {
        run: RunId,
    },
    RunEnded(Box<RunEnd>),
    OccurrencePassed(OccurrenceRecord),
    OccurrencesPassed(LapsedRecord),
}

impl DetectionEvent {
    /// The same about a stage without ticket; `None` for what only a ticket can meet.
    pub fn of(event: Event) -> Option<DetectionEvent> {
        match event {
            Event::RunStarted(start) => Some(DetectionEvent::RunStarted(start)),
            Event::RunEnded(end) => Some(DetectionEvent::RunEnded(end)),
            Event::OccurrencePassed(record) => Some(DetectionEvent::OccurrencePassed(record)),
            Event::OccurrencesPassed(record) => Some(DetectionEvent::OccurrencesPassed(record)),
            _ => None,
        }
    }

    /// As [`Event::lapsed`].
    pub fn lapsed(&self) -> Option<LapsedRecord> {
        match self {
            DetectionEvent::OccurrencePassed(record) => Some(record.into()),
            DetectionEvent::OccurrencesPassed(record) => Some(record.clone()),
            DetectionEvent::Planned
            | DetectionEvent::Unplanned
            | DetectionEvent::RunStarted(_)
            | DetectionEvent::RunDelayed { .. }
            | DetectionEvent::RunEnded(_) => None,
        }
    }
}

/// A run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStart {
    pub run: RunId,
    pub stage: StageName,
    /// The planned time; `None` for a run typed by hand.
    pub occurrence: Option<Timestamp>,
    /// When its window begins (planned time and jitter) and ends.
    pub window_start: Timestamp,
    pub window_end: Timestamp,
    pub is_late: bool,
}

/// A run has ended and was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    pub run: RunId,
    pub outcome: Outcome,
    pub verdict: Option<Verdict>,
    pub reasons: Vec<Reason>,
    pub watched: Intervals,
    pub coverage: Coverage,
    /// Share of packets lost, 0 to 1; 0 when unknown. Exposure counts that much less.
    pub lost_share: f64,
    /// Whether silence in this capture means something: only then do its seconds count as exposure
    /// after a cleaning.
    pub is_healthy: bool,
    /// As `is_healthy`, but a quiet capture counts too: from these runs the host's habits are
    /// learned, where more seconds err on the safe side.
    pub is_attentive: bool,
    pub exposures: Vec<HostExposure>,
    pub evidence: Vec<EvidenceFile>,
    /// The coverage ledgers of its sources, kept beside the evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledgers: Vec<EvidenceFile>,
    /// What the evidence lacks and why, each in a sentence. Older logs do not know it, and where it is
    /// empty it is not stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence_gaps: Vec<String>,
    /// What the controls of its sources showed. Older logs do not know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlRecord>,
    /// Contacts by inside hosts.
    pub contacts: u64,
    /// Whether its window reached into a school break: a machine that is off proves nothing, so that a
    /// pass counts for no night.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_break: bool,
}

/// What one host did in one run, and when it could have been seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostExposure {
    pub host: IpAddr,
    pub mac: Option<Mac>,
    pub name: Option<String>,
    /// Watched and present.
    pub present: Intervals,
    /// Those of them in which a contact could have gone unseen: no exposure after a cleaning.
    #[serde(default, skip_serializing_if = "Intervals::is_empty")]
    pub doubtful: Intervals,
    pub contacts: Vec<ContactSpan>,
    /// What it called. Older logs do not know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<Called>,
}

/// An occurrence that never ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OccurrenceRecord {
    pub run: RunId,
    pub stage: StageName,
    pub occurrence: Timestamp,
    pub window_end: Timestamp,
    /// `missed`, `skipped` or `suppressed`.
    pub outcome: Outcome,
    pub reason: Reason,
}

/// What the DNSBL, or a person who read its page, says of the public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingAnswer {
    pub answer: Listing,
    /// When it was true: of the reply, or of the page that a person read.
    pub at: Timestamp,
    /// What was found, in a sentence, without any key; what a person says of it, or nothing.
    pub raw: String,
    /// The run that asked; `None` when a person read the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The reply with all that came; `None` when nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<Box<Lookup>>,
    /// Whether a person read it on the operator's page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_read_by_person: bool,
}
