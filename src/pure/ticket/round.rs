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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldedMail {
    pub ticket: TicketId,
    pub mail: u64,
    /// When it was decided upon.
    pub at: Timestamp,
    /// What it says in short. Older logs do not know it, nor whoever lets time pass without templates: then it
    /// is written whenever it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
}

/// A mail in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// When it was decided upon, in its site's zone.
    pub when: String,
    pub subject: String,
    /// Its first two lines.
    pub first: String,
    pub second: String,
    /// Of one that tells of a mailbox that was not reached: which, and what its server said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// How its ticket stands, where that went on since; older logs do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Now>,
}

/// What takes the place of a mail whose ticket went on before it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    pub subject: String,
    pub first: String,
    pub second: String,
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
    /// What matters most, and what to do about it by when. Older logs tell in the second line what is the rest.
    pub first: String,
    pub second: String,
    /// What else is wanted and wrong, in numbers.
    #[serde(default)]
    pub rest: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_an_older_log_is_known_without_its_lines() {
        let old = r#"{"folded":[{"ticket":7,"mail":41,"at":"2015-05-04T09:00:00Z"}]}"#;
        let round: Round = serde_json::from_str(old).expect("it can be read");
        let at = "2015-05-04T09:00:00Z".parse().expect("a time");
        let mail = FoldedMail { ticket: TicketId(7), mail: 41, at, lines: None };
        assert_eq!(round, Round::Folded(vec![mail]));
        assert_eq!(serde_json::to_string(&round).expect("it is written"), old, "and stays as it is");
    }
}
