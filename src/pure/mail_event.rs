//! Which mails are there, and what is known of each kind? Its word, how urgent it is, and what it is about.
//!
//! Playbooks ask for them, `ticket` queues them, `letterbox` holds them back, `report` and the templates write
//! them. A fact of a kind stands nowhere else; who must ask about each kind by itself does so in a `match` without
//! a default.

use serde::{Deserialize, Serialize};

/// The kinds of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailEvent {
    Opened,
    Located,
    Reminder,
    Overdue,
    Relapsed,
    Inconclusive,
    Clean,
    Listed,
    Closed,
    /// Mails that waited, told in one.
    Folded,
    /// Where all stand.
    Digest,
    /// Another mail did not reach somebody; no playbook asks for it.
    Undeliverable,
    /// On no record: somebody tries out the mail server. It stays the last one.
    Test,
}

/// What holds of a kind of mail, whatever the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailFacts {
    /// Its word in playbooks, template names, headers and file names.
    pub word: &'static str,
    /// Its place in the order in which mails are told, the most urgent first.
    pub urgency: u8,
    pub topic: Topic,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// One ticket, because of a machine, with which it begins.
    Machine,
    /// One ticket.
    Ticket,
    /// Of no ticket: many of them.
    Round,
    /// The mail server.
    Server,
}

impl MailEvent {
    /// Every kind, in the order of their declaration.
    pub const ALL: [MailEvent; MailEvent::Test as usize + 1] = [
        MailEvent::Opened,
        MailEvent::Located,
        MailEvent::Reminder,
        MailEvent::Overdue,
        MailEvent::Relapsed,
        MailEvent::Inconclusive,
        MailEvent::Clean,
        MailEvent::Listed,
        MailEvent::Closed,
        MailEvent::Folded,
        MailEvent::Digest,
        MailEvent::Undeliverable,
        MailEvent::Test,
    ];

    /// Its row.
    pub fn facts(self) -> MailFacts {
        let (word, urgency, topic) = match self {
            MailEvent::Relapsed => ("relapsed", 0, Topic::Machine),
            MailEvent::Listed => ("listed", 1, Topic::Ticket),
            MailEvent::Located => ("located", 2, Topic::Machine),
            MailEvent::Overdue => ("overdue", 3, Topic::Ticket),
            MailEvent::Undeliverable => ("undeliverable", 3, Topic::Ticket),
            MailEvent::Opened => ("opened", 4, Topic::Ticket),
            MailEvent::Inconclusive => ("inconclusive", 5, Topic::Ticket),
            MailEvent::Reminder => ("reminder", 6, Topic::Ticket),
            MailEvent::Clean => ("clean", 7, Topic::Ticket),
            MailEvent::Closed => ("closed", 8, Topic::Ticket),
            MailEvent::Folded => ("folded", 9, Topic::Round),
            MailEvent::Digest => ("digest", 10, Topic::Round),
            MailEvent::Test => ("test", 10, Topic::Server),
        };
        MailFacts { word, urgency, topic }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        self.facts().word
    }

    /// Whether it is about one ticket, so that its template gets a ticket to tell of.
    pub fn is_of_ticket(self) -> bool {
        matches!(self.facts().topic, Topic::Machine | Topic::Ticket)
    }

    /// The kinds that are written about one ticket.
    pub fn of_tickets() -> impl Iterator<Item = MailEvent> {
        MailEvent::ALL.into_iter().filter(|event| event.is_of_ticket())
    }

    /// The kinds that are written about many tickets.
    pub fn of_rounds() -> impl Iterator<Item = MailEvent> {
        MailEvent::ALL.into_iter().filter(|event| event.facts().topic == Topic::Round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates are tried with these, in messages they stand in this order.
    #[test]
    fn every_kind_is_listed_once() {
        assert!(MailEvent::ALL.is_sorted_by(|one, next| one < next), "each once");
        let words = |events: Vec<MailEvent>| events.into_iter().map(MailEvent::word).collect::<Vec<_>>();
        assert_eq!(words(MailEvent::of_rounds().collect()), ["folded", "digest"]);
        let last = words(MailEvent::of_tickets().collect()).pop();
        assert_eq!(last, Some("undeliverable"));
        for event in MailEvent::ALL {
            let stored = serde_json::to_value(event).expect("a word");
            assert_eq!(stored, event.word(), "templates and the log name it alike");
        }
    }
}
