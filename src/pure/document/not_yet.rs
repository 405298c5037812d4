//! Which keys are read and checked, and have no effect so far? This list, and no other.
//!
//! A criterion that is not acted on yet counts as unmet or unknown, never as met; its line says so.

use crate::pure::playbook::MailEvent;

/// A key, or a value of a key, without effect so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    Listen,
    EvidenceKeep,
    Digest,
    Detect,
    Event(MailEvent),
}

impl NotYet {
    /// What it is called, and what happens until it is acted on.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            NotYet::Listen => ("`listen`", "there is no dashboard until then"),
            NotYet::EvidenceKeep => ("`evidence.keep`", "evidence is kept for ever until then"),
            NotYet::Digest => ("`mail.digest`", "no digest is mailed until then"),
            NotYet::Detect => ("`detect`", "it never runs by itself until then"),
            NotYet::Event(event) => (event_name(event), "nothing is mailed about it until then"),
        }
    }

    /// The mail events that nothing sends so far.
    pub fn is_event_without_mail(event: MailEvent) -> bool {
        event == MailEvent::Listed
    }
}

fn event_name(event: MailEvent) -> &'static str {
    match event {
        MailEvent::Opened => "the event `opened`",
        MailEvent::Located => "the event `located`",
        MailEvent::Reminder => "the event `reminder`",
        MailEvent::Overdue => "the event `overdue`",
        MailEvent::Relapsed => "the event `relapsed`",
        MailEvent::Inconclusive => "the event `inconclusive`",
        MailEvent::Clean => "the event `clean`",
        MailEvent::Listed => "the event `listed`",
        MailEvent::Closed => "the event `closed`",
    }
}
