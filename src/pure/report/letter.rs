//! What is a mail before it is sent? Plain data: who, about what, in which words.
//!
//! The mail edge turns it into bytes, always the same bytes, so that a repeat is recognised.

use crate::pure::picture::Picture;
use crate::pure::playbook::MailEvent;
use crate::pure::ticket::TicketId;
use jiff::Timestamp;

/// One mail about one event of one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub ticket: TicketId,
    /// The sequence number of the event that decided upon it.
    pub seq: u64,
    pub event: MailEvent,
    /// When that event happened; the mail's Date.
    pub at: Timestamp,
    /// A mailbox, as `Name <address>` or `address`.
    pub from: String,
    /// All who get it, as mailboxes; each gets an envelope of their own.
    pub to: Vec<String>,
    /// One line without control signs.
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What the HTML shows by its id; without them it still says the same.
    pub pictures: Vec<Picture>,
    /// Where answers go; `None`: to `from`.
    pub reply_to: Option<String>,
    /// The `seq` of the first mail of its conversation; `None` when this is the first.
    pub first: Option<u64>,
    /// That of the mail that it answers: one that all who get this one have; `None` where there is none.
    pub answers: Option<u64>,
    /// The ticket in whose conversation it belongs: its own; or, of a mail that tells others, theirs.
    pub thread: TicketId,
    /// When that conversation began: when the ticket was opened.
    pub begun: Timestamp,
    /// What tells it from the mail of the same number in another state that sends under the same name; `None` where
    /// there is none, and then they look alike.
    pub mark: Option<String>,
}

impl Letter {
    /// The name of its file, as [`file_name`].
    pub fn file_name(&self) -> String {
        file_name(self.ticket, self.seq, self.event)
    }
}

/// The name of the file that a mail becomes in a directory: `0007-0042-located.eml`. The same mail
/// has the same name, so that a repeat takes its own place.
pub fn file_name(ticket: TicketId, seq: u64, event: MailEvent) -> String {
    format!("{:04}-{seq:04}-{}.eml", ticket.0, event.word())
}
