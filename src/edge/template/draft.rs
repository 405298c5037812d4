//! What is a mail before it has words? All of the letter that its templates do not write, and what they get.
//!
//! It is drawn up where the tickets are; [`Templates::write`](super::Templates::write) makes a letter of it in any
//! thread.

use crate::pure::picture::Picture;
use crate::pure::playbook::MailEvent;
use crate::pure::report::{FoldedRow, Letter, Material, TicketView};
use crate::pure::ticket::{Mail, TicketId, outbox};
use serde_json::Value;

/// A mail that is still to be written.
pub struct Draft {
    /// The letter without subject, text and page, and with every picture that its page may show.
    pub letter: Letter,
    /// Whose templates write it.
    pub(super) wording: MailEvent,
    pub(super) view: View,
    /// What it begins with, when it leaves late: words that say of when it speaks.
    pub(super) beginning: Option<String>,
}

/// What the templates get.
pub(super) enum View {
    Ticket(Box<TicketView>),
    Round(Value),
}

impl View {
    /// With or without the lists that are long.
    pub(super) fn into_value(self, has_long_lists: bool) -> Value {
        match self {
            View::Ticket(view) if has_long_lists => view.to_value(),
            View::Ticket(view) => view.without_long_lists().to_value(),
            View::Round(view) => view,
        }
    }
}

impl Draft {
    /// About the event of `mail`, whose ticket and instant are those of `material`; `folded` are earlier mails that
    /// it tells, too.
    pub fn about(material: &Material, mail: &Mail, from: &str, folded: Vec<FoldedRow>) -> Draft {
        let mut view = TicketView::about(Some(mail.event), material).telling(folded);
        let pictures: Vec<Picture> = std::mem::take(&mut view.drawings);
        let (first, answers) = outbox::conversation(&material.ticket.outbox, mail);
        let (ticket, thread, begun) = (material.ticket.id, material.ticket.id, material.ticket.opened);
        let letter = Letter { ticket, first, answers, thread, begun, pictures, ..blank(mail, from) };
        Draft { letter, wording: mail.event, view: View::Ticket(Box::new(view)), beginning: None }
    }

    /// A mail that is of no ticket, out of the view of its kind.
    pub fn round(view: Value, mail: &Mail, from: &str) -> Draft {
        Draft { letter: blank(mail, from), wording: mail.event, view: View::Round(view), beginning: None }
    }

    /// The same, beginning with these words, which say of when it speaks.
    pub fn dated(self, words: String) -> Draft {
        Draft { beginning: Some(words), ..self }
    }
}

/// A letter of no ticket, without words.
fn blank(mail: &Mail, from: &str) -> Letter {
    Letter {
        ticket: TicketId::NONE,
        seq: mail.seq,
        event: mail.event,
        at: mail.at,
        from: from.to_string(),
        to: mail.to.clone(),
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        pictures: Vec::new(),
        reply_to: None,
        first: None,
        answers: None,
        thread: TicketId::NONE,
        begun: mail.at,
        mark: None,
    }
}
