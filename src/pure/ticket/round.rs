//! What do mails tell that are of no ticket? Everything that their text is made of, as stored: so a repeat is
//! the same mail, whatever has happened since.

use super::TicketId;
use crate::pure::playbook::MailEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a mail of no ticket tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// Mails that waited, the most urgent first.
    Folded(Vec<FoldedMail>),
    Digest(Box<Digest>),
}

/// A mail that is told in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldedMail {
    pub ticket: TicketId,
    pub mail: u64,
    /// When it was decided upon.
    pub at: Timestamp,
}

/// When digests are planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestPlan {
    /// Five fields.
    pub cron: String,
    /// The IANA name of its zone.
    pub timezone: String,
}

/// Where all open tickets stand, or those of one coordinator; bounded, and all in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The coordinator's address; nothing when it is of all sites.
    pub coordinator: String,
    pub title: String,
    pub subject: String,
    /// What matters most, in two lines.
    pub first: String,
    pub second: String,
    pub sections: Vec<Section>,
    /// What it is about: `all sites`, or the titles of the coordinator's.
    pub whose: String,
    /// The time of the digest before it.
    pub since: String,
    pub as_of: String,
    /// The IANA name of the zone that all its times are of.
    pub zone: String,
    /// Why it comes later than planned; empty when it does not.
    pub late: String,
}

/// A part of a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
    /// What is left out and where it is shown; empty when nothing is.
    pub more: String,
}

/// A line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub head: String,
    pub text: String,
}

impl Round {
    /// The kind of mail.
    pub fn event(&self) -> MailEvent {
        match self {
            Round::Folded(_) => MailEvent::Folded,
            Round::Digest(_) => MailEvent::Digest,
        }
    }
}
